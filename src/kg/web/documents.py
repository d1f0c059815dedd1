"""Things and the documents about them: redirects, pages and RDF for `/id`, `/doc` and `/about`."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Response
from markupsafe import Markup

from kg.citations import FORMATS as CITATION_FORMATS
from kg.citations import Citation
from kg.entities import Description, describe
from kg.metadata import dataset_iri
from kg.search import search
from kg.snapshot import Snapshot
from kg.web.addresses import iris_of_path
from kg.web.citing import CITATIONS, cite
from kg.web.corrections import places
from kg.web.discovery import LINKSET, LINKSET_JSON, common_links, dataset_address, dataset_links, linkset
from kg.web.negotiation import Offer
from kg.web.portraits import paint
from kg.web.responses import CSV, HTML, RDF_OFFERS, Link, Problem, content_type, redirect, respond
from kg.web.sources import resting_on
from kg.web.spreadsheets import to_csv
from kg.web.visits import Visit, words_of
from kg.writers import FORMATS, json_ld

__all__ = ["about", "document", "embedded", "links", "not_found", "page_of", "thing"]

#: Names and addresses of the formats of a document.
Formats = Sequence[tuple[str, str]]

#: RDF before HTML: a client that says nothing, or `*/*`, gets Turtle. Browsers name HTML.
OFFERS: Sequence[Offer] = (*RDF_OFFERS, HTML)

#: What else there is of a thing: its statements as rows, and how to cite it.
_ALL: Sequence[Offer] = (*OFFERS, CSV, *CITATIONS)
_KEYS = {offer.key: offer for offer in _ALL}

# A list of names longer than this is not searched for similar ones.
_TOO_MANY = 5000
# So many things are guessed at from the words of an address.
_GUESSES = 3


def find(snapshot: Snapshot, encoded: str) -> str | None:
    """Return the IRI of ours that an encoded path under `/id/` or `/doc/` means, None if the graph has none."""
    for iri in iris_of_path(snapshot.settings.entity_base, encoded):
        if snapshot.knows(iri):
            return iri
    return None


def thing(visit: Visit, rest: str = "") -> Response:
    """Answer for a thing: 303 to the document about it that suits the client.

    One that was merged leads to what replaces it (301); of one that was withdrawn, the tombstone stays (410).
    """
    encoded = visit.path.removeprefix("/id/")
    iri = find(visit.snapshot, encoded)
    if iri is None:
        raise not_found(visit, encoded)
    if visit.snapshot.is_withdrawn(iri):
        successor = _successor(visit, iri)
        if successor is None:
            return _answer(visit, iri, "")
        target = visit.addresses.thing(successor)
        return redirect(target, status=301, links=[Link(visit.addresses.ascii(successor), "successor-version")])
    addresses = visit.addresses
    offer = visit.choose(OFFERS, lambda extension: addresses.document(iri, extension))
    links = [Link(addresses.document(iri, found.key), "describedby", found.media_type) for found in OFFERS]
    return redirect(
        addresses.document(iri, offer.key),
        vary=("Accept", "Accept-Language"),
        links=[*links, *common_links(visit, iri, page=False)],
    )


def _successor(visit: Visit, iri: str) -> str | None:
    """Return the one thing of ours that replaces a withdrawn one in the end, None if there is none or are several."""
    seen = {iri}
    found = iri
    while visit.snapshot.is_withdrawn(found):
        following = visit.snapshot.successors(found)
        if len(following) != 1 or following[0] in seen:
            return None
        found = following[0]
        seen.add(found)
    return found if visit.addresses.is_ours(found) and visit.snapshot.knows(found) else None


def document(visit: Visit, rest: str = "") -> Response:
    """Answer with a document about one of our entities, in the format of its extension or a negotiated one."""
    encoded = visit.path.removeprefix("/doc/")
    stem, dot, extension = encoded.rpartition(".")
    if dot and extension in _KEYS and (iri := find(visit.snapshot, stem)) is not None:
        return _answer(visit, iri, extension)
    iri = find(visit.snapshot, encoded)
    if iri is None:
        raise not_found(visit, stem if dot and extension in _KEYS else encoded)
    return _answer(visit, iri, "")


def about(visit: Visit) -> Response:
    """Answer for any IRI that occurs: with its own address if it has one here, else with the document about it."""
    _ = visit.say
    iri = visit.arguments.get("iri", "")
    extension = visit.arguments.get("format", "")
    if not iri:
        raise Problem(400, _("No IRI is asked for."), _("Write it after ?iri=, percent-encoded."))
    if extension and extension not in _KEYS:
        raise visit.unknown_format(_KEYS)
    settings = visit.snapshot.settings
    if not visit.snapshot.knows(iri):
        raise not_found(visit, "")
    if visit.addresses.is_ours(iri):
        return redirect(visit.addresses.thing(iri))
    if iri == settings.ontology_iri or iri.startswith(settings.ontology_iri + "#"):
        return redirect(visit.addresses.page_of(iri, known=True) or "")
    return _answer(visit, iri, extension)


def _answer(visit: Visit, iri: str, extension: str) -> Response:
    page = visit.page_number()
    addresses, _ = visit.addresses, visit.say
    vary: tuple[str, ...] = ()
    if not extension:
        vary = ("Accept",)
        chosen = visit.choose(_ALL, lambda found: addresses.document(iri, found, page=page)).key
    else:
        chosen = extension
    description = describe(visit.snapshot, iri, page=page)
    assert description is not None  # the graph knows it
    if page > description.pages:
        raise Problem(
            404,
            _("There is no such page."),
            _("The last page is %(page)s.") % {"page": description.pages},
            [(_("First page"), addresses.document(iri, extension))],
        )
    # An address that is negotiated says which representation this is.
    location = "" if extension else addresses.document(iri, chosen, page=page)
    links = _links(visit, iri, chosen, page, description.pages, extension)
    withdrawn = addresses.is_ours(iri) and visit.snapshot.is_withdrawn(iri)
    # What was merged still has its document: it says what replaces it. What is gone has a tombstone.
    status = 410 if withdrawn and _successor(visit, iri) is None else 200
    if chosen == "html":
        return visit.html(
            "entity.html",
            status=status,
            vary=vary,
            links=links,
            location=location,
            **page_of(visit, description),
        )
    if chosen in CITATION_FORMATS:
        body: str | bytes = CITATION_FORMATS[chosen].write(_citation(visit, iri, page))
    elif chosen == "csv":
        body = to_csv(description, visit.snapshot)
    else:
        return visit.rdf(
            description.fours(visit.snapshot), chosen, status=status, vary=vary, links=links, location=location
        )
    kind, language = content_type(_KEYS[chosen]), ""
    if chosen in CITATION_FORMATS:
        language, vary = visit.reader.language, (*vary, "Accept-Language")
    pinned = visit.pinned and status == 200
    return respond(
        body, kind, status=status, language=language, vary=vary, links=links, location=location, pinned=pinned
    )


def page_of(visit: Visit, description: Description, *, lasting: str = "", formats: Formats = ()) -> dict[str, Any]:
    """Return what the page about a thing is made of; `lasting` and `formats` where it has an address of its own."""
    iri, page, addresses = description.iri.value, description.page, visit.addresses
    own = {**FORMATS, "csv": None, **CITATION_FORMATS}
    names = {key: found.name if found else "CSV" for key, found in own.items()}
    return {
        "portrait": paint(description, visit.snapshot, visit.names, places(visit)),
        "formats": formats or [(names[k], addresses.document(iri, k, page=page)) for k in (*FORMATS, "csv")],
        "json_ld": embedded(json_ld(dict.fromkeys(description.own()), visit.snapshot.prefixes)),
        "citation": _citation(visit, iri, page, lasting),
        "resting": resting_on(visit, iri),
        "lasting": lasting or _lasting(visit, iri, page),
        "citing": [] if formats else [(names[key], addresses.document(iri, key)) for key in CITATION_FORMATS],
    }


def _citation(visit: Visit, iri: str, page: int, lasting: str = "") -> Citation:
    return cite(visit, visit.names.name(iri), lasting or _lasting(visit, iri, page))


def _lasting(visit: Visit, iri: str, page: int) -> str:
    """Return where the page about a thing stays as it is now."""
    return visit.addresses.pinned(visit.snapshot.name).document(iri, "html", page=page, lang="")


def _links(visit: Visit, iri: str, chosen: str, page: int, pages: int, extension: str) -> list[Link]:
    addresses = visit.addresses
    neutral = "" if chosen != "html" else None
    # Search engines and people mean the page in use, not one snapshot's.
    links = [Link(replace(addresses, pin="").document(iri, "html", page=page, lang=""), "canonical")]
    others = [(found, addresses.document(iri, found.key, page=page, lang=neutral)) for found in OFFERS]
    links += [Link(address, "alternate", found.media_type) for found, address in others if found.key != chosen]
    if chosen != "csv":
        links.append(Link(addresses.document(iri, "csv", page=page), "alternate", CSV.media_type))
    if chosen == "html":
        links += [Link(address, "describedby", found.media_type) for found, address in others if found is not HTML]
        links += [Link(addresses.document(iri, found.key), "describedby", found.media_type) for found in CITATIONS]
    if addresses.is_ours(iri):
        links.append(Link(addresses.ascii(iri), "describes"))
        links.append(Link(addresses.path("/dataset"), "collection"))
    links += common_links(visit, iri, page=chosen == "html")
    if visit.pinned:
        links.append(Link(replace(addresses, pin="").document(iri, extension, page=page), "latest-version"))
    for rel, number in (("prev", page - 1), ("next", page + 1)):
        if 1 <= number <= pages:
            links.append(Link(addresses.document(iri, extension, page=number), rel))
    return links


def links(visit: Visit, key: str) -> Response:
    """Answer with all links of the documents about a thing, or about the graph (RFC 9264)."""
    offer = next((found for found in (LINKSET_JSON, LINKSET) if found.key == key), None)
    iri = visit.arguments.get("iri", "")
    addresses = visit.addresses
    if offer is None:
        raise visit.nothing_here()
    if iri == dataset_iri(visit.snapshot.settings).value:
        said = {dataset_address(visit, found.key): dataset_links(visit, found.key) for found in OFFERS}
        return linkset(visit, offer, said)
    description = describe(visit.snapshot, iri) if visit.snapshot.knows(iri) else None
    if description is None:
        raise not_found(visit, "")
    said = {
        addresses.document(iri, found.key): _links(visit, iri, found.key, 1, description.pages, found.key)
        for found in OFFERS
    }
    return linkset(visit, offer, said)


def embedded(document: Mapping[str, Any]) -> Markup:
    """Return JSON-LD as it may stand in a page: nothing in it can end the element that it stands in."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def not_found(visit: Visit, encoded: str) -> Problem:
    """Return the 404 for something that the graph does not know, with what may have been meant."""
    _ = visit.say
    snapshot, addresses, names = visit.snapshot, visit.addresses, visit.names
    kind, _slash, slug = encoded.partition("/")
    onward: list[tuple[str, str]] = []
    kinds = dict(snapshot.kinds())
    if kinds.get(kind, _TOO_MANY + 1) <= _TOO_MANY:
        base = f"{snapshot.settings.entity_base}{kind}/"
        slugs = [iri.removeprefix(base) for iri in snapshot.entities(kind)]
        for close in difflib.get_close_matches(slug, slugs, n=_GUESSES):
            title = _("Did you mean %(name)s?") % {"name": names.name(base + close).text}
            onward.append((title, addresses.document(base + close, "html")))
        onward.append((_("All of this kind: %(kind)s") % {"kind": kind}, addresses.page(f"/browse/{kind}")))
    if not onward:
        # Nothing but the words of the address is left to go by.
        numbers = search(snapshot, words_of(visit.path), limit=_GUESSES).entities
        terms = snapshot.terms(numbers)
        for iri in (terms[number].value for number in numbers):
            title = _("Did you mean %(name)s?") % {"name": names.name(iri).text}
            onward.append((title, addresses.document(iri, "html" if addresses.is_ours(iri) else "")))
    onward.append((_("Browse everything"), addresses.page("/browse")))
    return Problem(404, _("The graph does not know this."), _("Nothing in it has this address."), onward)
