"""Checks 1 to 12: what an IRI leads to."""

from __future__ import annotations

from urllib.parse import quote, unquote, urljoin

from pyoxigraph import NamedNode

from kg.conformance.checks import Group, Skipped, check, expect, listing
from kg.conformance.rdf import FORMATS, Unreadable, differing
from kg.conformance.site import DCTERMS, Site, without_fragment
from kg.conformance.wire import Answer, ascii_address

__all__: list[str] = []

_GROUP = Group.DEREFERENCING
_DIRECTLY = ("text/turtle", "application/ld+json", "application/rdf+xml", "application/n-triples", "text/html")


def _leads_to(site: Site, media_type: str) -> None:
    """Expect a redirect to a document of its own, or what the policy allows instead."""
    answer = site.send(site.entity, accept=media_type)
    if not site.redirects_things and answer.status == 200:
        expect(answer.media_type == media_type, answer)
        expect("#" in site.entity or answer.has("Content-Location"), f"{answer}, without Content-Location")
        return
    expect(answer.status == 303, answer)
    expect(answer.header("Location"), f"{answer}, without Location")
    target = urljoin(answer.url, answer.header("Location"))
    expect(not site.same(target, site.entity), f"{answer}, which is the thing itself")
    document = site.send(target, accept=media_type)
    expect(document.status == 200 and document.media_type == media_type, f"{answer}, where there is: {document}")


@check(
    1, _GROUP, "A thing leads to its Turtle by 303",
    request="GET {E}, Accept: text/turtle", expected="303; Location leads to a document in Turtle, which is not {E}",
    source="Cool URIs (303 forwarding); RFC 9110 15.4.4, 10.2.2",
)  # fmt: skip
def leads_to_turtle(site: Site) -> None:
    _leads_to(site, "text/turtle")


@check(
    2, _GROUP, "A thing leads to its page by 303",
    request="GET {E}, Accept: text/html", expected="303; Location leads to a page, which is not {E}",
    source="Cool URIs (303 forwarding)",
)  # fmt: skip
def leads_to_html(site: Site) -> None:
    _leads_to(site, "text/html")


def _mentions(site: Site, answer: Answer) -> None:
    quads = site.quads(answer)
    terms = {term.value for quad in quads for term in (quad.subject, quad.object) if isinstance(term, NamedNode)}
    expect(
        any(site.same(term, site.entity) for term in terms),
        f"{len(quads)} statements, none with <{site.entity}> as subject or object",
    )


@check(
    3, _GROUP, "The Turtle document is Turtle and about the thing",
    request="GET {E}, Accept: text/turtle, redirect followed",
    expected="200, Content-Type text/turtle, parses, has a triple with {E} as subject or object",
    source="Linked Data rules; Turtle, media type registration",
)  # fmt: skip
def turtle_is_about_it(site: Site) -> None:
    _mentions(site, site.turtle)


@check(
    4, _GROUP, "Every RDF format says the same",
    request="GET {E}, Accept: each of JSON-LD, RDF/XML, N-Triples, TriG, N-Quads",
    expected="200, the right type, parses; triples isomorphic to the Turtle's (RDFC-1.0)",
    source="RFC 9110 12.1; Best Practice Recipes",
)  # fmt: skip
def formats_agree(site: Site) -> None:
    ours = site.statements
    wrong = []
    for media_type in FORMATS:
        if media_type == "text/turtle":
            continue
        answer = site.document(media_type)
        if answer.status != 200 or answer.media_type != media_type:
            wrong.append(f"{media_type}: {answer}")
            continue
        try:
            if lost := differing(ours, site.quads(answer)):
                wrong.append(f"{media_type}: {len(lost)} triples differ, as {lost[0][:200]}")
        except Unreadable as error:
            wrong.append(f"{media_type}: {error}")
    expect(not wrong, "; ".join(wrong))


def _same_answer(one: Answer, other: Answer) -> bool:
    return all(
        one.status == other.status and one.header(name) == other.header(name) for name in ("Location", "Content-Type")
    )


@check(
    5, _GROUP, "Without Accept there is a default",
    request="GET {E} without Accept, twice", expected="no error; the same as with Accept: */*, every time",
    source="RFC 9110 12.5.1; Best Practice Recipes (default response)",
)  # fmt: skip
def default_without_accept(site: Site) -> None:
    first, second = (site.send(site.entity, fresh=True) for _ in range(2))
    expect(first.status < 400, first)
    expect(_same_answer(first, second), f"{first}, then {second}")
    anything = site.send(site.entity, accept="*/*", headers=(("User-Agent", "conformance"),))
    expect(_same_answer(first, anything), f"{first}, but with */*: {anything}")


@check(
    6, _GROUP, "curl's Accept gets the default",
    request="GET {E}, Accept: */* and no other header", expected="no error; the same as without Accept",
    source="RFC 9110 12.5.1",
)  # fmt: skip
def default_of_curl(site: Site) -> None:
    answer = site.send(site.entity, accept="*/*")
    expect(answer.status < 400, answer)
    expect(_same_answer(answer, site.send(site.entity)), f"{answer}, but without Accept: {site.send(site.entity)}")


@check(
    7, _GROUP, "The ontology is answered directly in every format",
    request="GET {O}, Accept: each of Turtle, JSON-LD, RDF/XML, N-Triples, HTML",
    expected="200 without a redirect, the right type; the RDF parses and describes terms {O}#…",
    source="Cool URIs (hash URIs); Best Practice Recipes; FOOPS! CN1, RDF1, DOC1",
)  # fmt: skip
def ontology_directly(site: Site) -> None:
    wrong = []
    for media_type in _DIRECTLY:
        answer = site.send(site.ontology, accept=media_type)
        if answer.status != 200 or answer.media_type != media_type:
            wrong.append(f"{media_type}: {answer}")
        elif media_type != "text/html":
            terms = {quad.subject.value for quad in site.quads(answer) if isinstance(quad.subject, NamedNode)}
            if not any("#" in term and without_fragment(term) == site.ontology for term in terms):
                wrong.append(f"{media_type}: no term of <{site.ontology}#> is described")
    expect(not wrong, "; ".join(wrong))


@check(
    8, _GROUP, "It is one step from a thing to its document",
    request="GET {E}, Accept: text/turtle and text/html, redirects followed",
    expected="one redirect at most, never to another scheme or host",
    source="Cool URIs; RFC 9110 15.4",
)  # fmt: skip
def one_hop(site: Site) -> None:
    for media_type in ("text/turtle", "text/html"):
        answer = site.send(site.entity, accept=media_type)
        target = urljoin(answer.url, answer.header("Location"))
        expect(not answer.has("Location") or site.is_here(target), f"{answer}, which is elsewhere")
        end, hops = site.follow(site.entity, accept=media_type)
        expect(len(hops) <= 1, f"{len(hops)} redirects: {listing(hop.header('Location') for hop in hops)}")
        expect(end.status == 200, end)


@check(
    9, _GROUP, "What never was is not found",
    request="GET {B}/…/never-existed, Accept: text/html and application/json",
    expected="404 with a body: a page, and JSON (problem+json) for programs; no soft 200",
    source="RFC 9110 15.5.5; RFC 9457",
)  # fmt: skip
def never_existed(site: Site) -> None:
    missing = urljoin(without_fragment(site.entity), "never-existed-0f8a1")
    for accept, types in (
        ("text/html", {"text/html", "application/xhtml+xml"}),
        ("application/json", {"application/problem+json", "application/json"}),
    ):
        answer = site.send(missing, accept=accept)
        expect(answer.status == 404, answer)
        expect(answer.content and answer.media_type in types, f"{answer}, {len(answer.content)} bytes")


@check(
    10, _GROUP, "What was withdrawn or merged is told",
    request="GET a withdrawn thing; GET a merged thing",
    expected="410 with a body; 301 to the successor, whose RDF has dcterms:isReplacedBy from the old one",
    source="RFC 9110 15.5.11, 15.4.2",
)  # fmt: skip
def withdrawn_and_merged(site: Site) -> None:
    withdrawn, merged = site.options.withdrawn, site.options.merged
    if not withdrawn and not merged:
        found = _replacements(site)
        if not found:
            raise Skipped("no withdrawn or merged thing was found; name them with --withdrawn and --merged")
        merged = found[0]
    if withdrawn:
        for accept in ("text/html", "text/turtle"):
            answer = site.send(withdrawn, accept=accept)
            expect(answer.status == 410, answer)
            expect(answer.content, f"{answer}, without a body")
    if merged:
        answer = site.send(merged, accept="text/turtle")
        expect(answer.status in (301, 308) and answer.header("Location"), answer)
        end, _ = site.follow(urljoin(answer.url, answer.header("Location")), accept="text/turtle")
        expect(end.status == 200, end)
        said = any(
            quad.predicate.value == DCTERMS + "isReplacedBy"
            and isinstance(quad.subject, NamedNode)
            and site.same(quad.subject.value, merged)
            for quad in site.quads(end)
        )
        expect(said, f"{end}, without <{merged}> dcterms:isReplacedBy")


def _replacements(site: Site) -> list[str]:
    """Return things that the endpoint says have been replaced."""
    if not site.found_endpoint:
        return []
    pattern = f"?s <{DCTERMS}isReplacedBy> ?o"
    found = site.values(f"SELECT DISTINCT ?s {{ {{ {pattern} }} UNION {{ GRAPH ?g {{ {pattern} }} }} }} LIMIT 5")
    return [iri for iri in found if site.is_here(iri)]


@check(
    11, _GROUP, "An IRI is found however its letters are encoded, once",
    request="GET {E} with a letter written %XX, %xx for %XX, %25XX for %XX, and + added",
    expected="the same thing for the first two; 404 for the others: nothing is decoded twice, + is no space",
    source="RFC 3986 2.1, 6.2.2; RFC 3987 3.1",
)  # fmt: skip
def encodings(site: Site) -> None:
    for iri in site.entities[:5]:
        address = ascii_address(without_fragment(iri))
        head, _, last = address.rpartition("/")
        if not last or "?" in address:
            continue
        right, _ = site.follow(address, accept="text/turtle")
        decoded = unquote(last)
        letter = next((at for at, found in enumerate(last) if found.isascii() and found.isalnum()), None)
        spelled = [quote(decoded, safe=""), last.replace("'", "%27")]
        if letter is not None and "%" not in last[:letter]:
            code = f"%{ord(last[letter]):02X}"
            spelled += [last[:letter] + code + last[letter + 1 :]]
            twice = last[:letter] + code.replace("%", "%25") + last[letter + 1 :]
            wrong, _ = site.follow(f"{head}/{twice}", accept="text/turtle")
            expect(wrong.status in (404, 400, 410), f"/{twice}: {wrong}")
        spelled += [_lower_hex(last)]
        for spelling in dict.fromkeys(spelled):
            answer, _ = site.follow(f"{head}/{spelling}", accept="text/turtle")
            expect(answer.status == right.status and answer.content == right.content, f"/{spelling}: {answer}")
        other, _ = site.follow(f"{address}+", accept="text/turtle")
        expect(other.status in (404, 400, 410), f"/{last}+: {other}")


def _lower_hex(text: str) -> str:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


@check(
    12, _GROUP, "A slash at the end makes no second address",
    request="GET {E}/, redirects not followed", expected="301 or 308 to {E}, or 404; never 200",
    source="RFC 3986 6.2.3; Cool URIs",
)  # fmt: skip
def trailing_slash(site: Site) -> None:
    iri = without_fragment(site.entity)
    answer = site.send(iri + "/" if not iri.endswith("/") else iri.rstrip("/"), accept="text/turtle")
    if answer.status in (301, 308):
        target = urljoin(answer.url, answer.header("Location"))
        expect(site.same(target, iri), answer)
    else:
        expect(answer.status in (404, 410), answer)
