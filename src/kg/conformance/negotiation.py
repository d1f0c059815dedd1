"""Checks 13 to 26: who gets what, by `Accept` and `Accept-Language`."""

from __future__ import annotations

import contextlib

from pyoxigraph import Literal

from kg.conformance.checks import Failed, Group, Skipped, check, expect, listing, not_asked
from kg.conformance.links import LinkError
from kg.conformance.rdf import FORMATS
from kg.conformance.site import Site, with_query
from kg.conformance.wire import Answer

__all__ = ["CLIENTS", "languages_of_pages", "negotiated"]

_GROUP = Group.NEGOTIATION
_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

#: What RDF clients send when nobody tells them otherwise.
CLIENTS = {
    "rapper": (
        "application/rdf+xml, text/rdf;q=0.6, application/n-triples;q=0.9, text/plain;q=0.1, text/turtle;q=0.9, "
        "application/x-turtle, application/turtle, text/n3;q=0.3, text/rdf+n3;q=0.3, application/rdf+n3;q=0.3, "
        "application/x-trig, application/rss;q=0.8, application/rss+xml;q=0.8, text/rss;q=0.8, application/xml;q=0.3, "
        "text/xml;q=0.3, application/atom+xml;q=0.3, text/html;q=0.2, application/xhtml+xml;q=0.4, text/x-nquads, "
        "*/*;q=0.1"
    ),
    "rdflib": ("application/rdf+xml,text/rdf+n3;q=0.9,application/xhtml+xml;q=0.5, */*;q=0.1"),
    "Jena": (
        "text/turtle,application/n-triples;q=0.9,application/ld+json;q=0.8,application/rdf+xml;q=0.7,"
        "application/trig,application/n-quads;q=0.9,*/*;q=0.3"
    ),
    "RDF4J": (
        "application/n-triples;q=0.8, text/plain;q=0.8, application/rdf+xml, application/xml, text/xml, "
        "text/turtle;q=0.9, application/x-turtle;q=0.9, application/trig;q=0.9, application/n-quads;q=0.9, "
        "application/ld+json;q=0.8, text/html;q=0.2"
    ),
    "OWL API": ("application/rdf+xml, application/xml; q=0.7, text/xml; q=0.6, text/plain; q=0.1, */*; q=0.09"),
}

_MALFORMED = {
    "a weight that is no number": "text/turtle;q=abc",
    "semicolons alone": ";;",
    "commas and slashes": ",,/,*/,/x;;=,q=1",
    "8 kB of one name": "a" * 8000,
    "8 kB of semicolons": "text/turtle" + ";" * 8000,
    "8 kB of an open quotation": 'text/turtle;a="' + "\\" * 8000,
    "2000 ranges": "text/html;q=0.1," * 500,
}
_SECONDS = 0.1


def _chosen(site: Site, accept: str) -> Answer:
    """Return the document that a client with this header gets."""
    answer, _ = site.follow(site.entity, accept=accept)
    expect(answer.status == 200, answer)
    return answer


@check(
    13, _GROUP, "The greater weight wins", request="GET {E}, Accept: text/html;q=0.4, text/turtle;q=0.9",
    expected="Turtle", source="RFC 9110 12.4.2",
)  # fmt: skip
def greater_weight(site: Site) -> None:
    answer = _chosen(site, "text/html;q=0.4, text/turtle;q=0.9")
    expect(answer.media_type == "text/turtle", answer)


@check(
    14, _GROUP, "A weight of 0 excludes", request="GET {E}, Accept: text/turtle;q=0, */*;q=0.1",
    expected="anything but Turtle", source="RFC 9110 12.4.2",
)  # fmt: skip
def weight_of_zero(site: Site) -> None:
    answer = _chosen(site, "text/turtle;q=0, */*;q=0.1")
    expect(answer.media_type != "text/turtle", answer)


@check(
    15, _GROUP, "The most specific range sets the weight",
    request="GET {E}, Accept: text/*;q=0.5, application/ld+json;q=0.4, text/turtle;q=0.1",
    expected="a text type other than Turtle", source="RFC 9110 12.5.1",
)  # fmt: skip
def most_specific(site: Site) -> None:
    answer = _chosen(site, "text/*;q=0.5, application/ld+json;q=0.4, text/turtle;q=0.1")
    expect(answer.media_type.startswith("text/") and answer.media_type != "text/turtle", answer)


@check(
    16, _GROUP, "A browser gets the page", request=f"GET {{E}}, Accept: {_BROWSER}",
    expected="HTML", source="RFC 9110 12.5.1",
)  # fmt: skip
def browser(site: Site) -> None:
    answer = _chosen(site, _BROWSER)
    expect(answer.media_type == "text/html", answer)


@check(
    17, _GROUP, "RDF clients get RDF",
    request=f"GET {{E}}, Accept: the headers of {', '.join(CLIENTS)}", expected="a type of RDF, never HTML",
    source="Best Practice Recipes",
)  # fmt: skip
def rdf_clients(site: Site) -> None:
    wrong = []
    for client, accept in CLIENTS.items():
        answer, _ = site.follow(site.entity, accept=accept)
        if answer.status != 200 or answer.media_type not in FORMATS:
            wrong.append(f"{client}: {answer}")
    expect(not wrong, "; ".join(wrong))


@check(
    18, _GROUP, "What there is not is refused, with what there is",
    request="GET {E}, Accept: image/png", expected="406 that names the types there are and links to them",
    source="RFC 9110 15.5.7, 12.1",
)  # fmt: skip
def not_acceptable(site: Site) -> None:
    answer = site.send(site.entity, accept="image/png")
    expect(answer.status == 406, answer)
    expect("text/turtle" in answer.text, f"{answer}: a body that does not name text/turtle")
    linked = {link.type for link in answer.links if "alternate" in link.rels}
    expect("text/turtle" in linked or "href" in answer.text, f"{answer}: no links to what there is")


@check(
    19, _GROUP, "Whoever asks for JSON gets JSON-LD", request="GET {E}, Accept: application/json",
    expected="application/ld+json or application/json, whose body is the JSON-LD about the thing",
    source="JSON-LD 1.1, IANA section",
)  # fmt: skip
def json(site: Site) -> None:
    answer = _chosen(site, "application/json")
    expect(answer.media_type in ("application/ld+json", "application/json"), answer)
    expect(answer.content == site.good_document("application/ld+json").content, f"{answer}: not the JSON-LD")


not_asked(
    20, _GROUP, "A profile of JSON-LD is honoured or ignored, and the type says which",
    expected="Content-Type tells which form it is", source="JSON-LD 1.1, IANA section; RFC 6906",
    reason="which profiles are honoured is documented by hand",
)  # fmt: skip


@check(
    21, _GROUP, "A malformed Accept does no harm",
    request="GET {E}, Accept: malformed in seven ways, up to 8 kB",
    expected=f"no server error: ignored or 400 (431 for the long ones), within {_SECONDS * 1000:.0f} ms",
    source="RFC 9110 12.5.1, 5.4",
)  # fmt: skip
def malformed_accept(site: Site) -> None:
    site.send(site.entity, accept="text/turtle", fresh=True)
    for what, accept in _MALFORMED.items():
        answers = [site.send(site.entity, accept=accept, fresh=True) for _ in range(3)]
        expect(answers[0].status < 400 or answers[0].status in (400, 406, 431), f"{what}: {answers[0]}")
        quickest = min(answer.seconds for answer in answers)
        expect(quickest < _SECONDS, f"{what}: {answers[0]} after {quickest * 1000:.0f} ms")


def languages_of_pages(site: Site) -> dict[str, Answer]:
    """Return the page of the thing in every language that it is had in, by the language's tag."""
    said = site.html.header("Content-Language") or site.page(site.html).language or "no language"
    found = {said.strip(): site.html}
    spoken = {quad.object.language for quad in site.statements if isinstance(quad.object, Literal)} - {None}
    with contextlib.suppress(LinkError):  # what is wrong with the header is another check's business
        spoken |= {link.parameters["hreflang"] for link in site.html.links if "hreflang" in link.parameters}
    for tag in sorted(filter(None, spoken))[:12]:
        answer, _ = site.follow(site.entity, accept="text/html", headers=(("Accept-Language", f"{tag}, *;q=0.1"),))
        language = answer.header("Content-Language") or site.page(answer).language
        if answer.status == 200 and language.lower().split("-")[0] == tag.lower().split("-")[0]:
            found.setdefault(language.strip(), answer)
    return found


@check(
    22, _GROUP, "A page comes in the reader's language, RDF in all of them",
    request="GET {E}, Accept: text/html, Accept-Language: each language of its labels",
    expected="Content-Language and html lang are that language where the site has it; the Turtle is the same for all",
    source="RFC 9110 12.5.4, 8.5",
)  # fmt: skip
def languages(site: Site) -> None:
    spoken = {
        quad.object.language.split("-")[0]
        for quad in site.statements
        if isinstance(quad.object, Literal) and quad.object.language
    }
    pages = languages_of_pages(site)
    for language, answer in pages.items():
        expect(
            answer.header("Content-Language") == language, f"{answer}: no Content-Language on a page in {language!r}"
        )
        in_page = site.page(answer).language
        expect(in_page.lower() == language.lower(), f"Content-Language {language!r}, but html lang={in_page!r}")
        rdf, _ = site.follow(site.entity, accept="text/turtle", headers=(("Accept-Language", f"{language}, *;q=0.1"),))
        expect(rdf.content == site.turtle.content, f"other Turtle for readers of {language}: {rdf}")
    if len(spoken) > 1:
        expect(len(pages) > 1, f"labels in {listing(spoken)}, but pages in {listing(pages)} alone")
    elif len(pages) == 1:
        raise Skipped("the site speaks one language")


def negotiated(site: Site) -> list[str]:
    """Return addresses of documents that are answered at once in a form that suits the client."""
    places = [site.entity]
    try:
        places += site.html.targets("canonical")
        places.append(site.ontology)
    except (Skipped, LinkError):
        pass
    found = []
    for place in dict.fromkeys(places):
        if site.is_here(place):
            turtle, html = (site.send(place, accept=accept) for accept in ("text/turtle", "text/html"))
            if (turtle.status, html.status) == (200, 200) and turtle.media_type != html.media_type:
                found.append(place)
    return found


@check(
    23, _GROUP, "Vary tells what chose",
    request="GET what is negotiated: {E}, its canonical document, {O}; again with If-None-Match; Accept: image/png",
    expected="Vary has Accept on 200, 303, 304 and 406, and Accept-Language on pages that come in several languages",
    source="RFC 9110 12.5.5; RFC 9111 4.1",
)  # fmt: skip
def vary(site: Site) -> None:
    def varies(answer: Answer, name: str) -> None:
        listed = answer.listed("Vary")
        expect(name in listed or "*" in listed, f"{answer}: Vary: {answer.header('Vary') or 'none'}")

    for accept in ("text/turtle", "text/html", "image/png"):
        varies(site.send(site.entity, accept=accept), "accept")
    for place in negotiated(site):
        first = site.send(place, accept="text/turtle")
        varies(first, "accept")
        varies(site.send(place, accept="text/html"), "accept")
        if first.has("ETag"):
            again = site.send(place, accept="text/turtle", headers=(("If-None-Match", first.header("ETag")),))
            if again.status == 304:
                varies(again, "accept")
    pages = languages_of_pages(site)
    if len(pages) > 1:
        for answer in pages.values():
            varies(answer, "accept-language")


@check(
    24, _GROUP, "A document's own address wins over Accept",
    request="GET the document of each type by its own address, with an Accept that contradicts",
    expected="200 in the type of the address",
    source="W3C TAG finding: alternative representations",
)  # fmt: skip
def own_addresses(site: Site) -> None:
    for media_type in (*site.formats, "text/html"):
        document = site.good_document(media_type)
        own = site.address_of(document)
        if site.same(own, site.entity):
            raise Failed(f"{media_type} has no address of its own")
        for accept in ("text/html", "text/turtle"):
            answer = site.send(own, accept=accept)
            expect(answer.status == 200 and answer.media_type == media_type, f"with Accept: {accept}: {answer}")


@check(
    25, _GROUP, "An unknown format is refused",
    request="GET {E}?format=no-such-format and {E}?_mediatype=no%2Fsuch, Accept: text/html",
    expected="400, 404 or 406, at once or after a redirect; never a page with 200",
    source="RFC 9110 15.5.1",
)  # fmt: skip
def unknown_format(site: Site) -> None:
    for parameters in ({"format": "no-such-format"}, {"_mediatype": "no/such"}):
        answer, _ = site.follow(with_query(site.entity.partition("#")[0], **parameters), accept="text/html")
        expect(answer.status in (400, 404, 406), answer)


not_asked(
    26, _GROUP, "A profile that is offered can be asked for",
    expected="the matching representation with Link rel=profile; for an unknown profile the default",
    source="Content Negotiation by Profile", reason="which profiles are offered is documented by hand",
)  # fmt: skip
