"""Things and the documents about them: redirects, pages and RDF for `/id`, `/doc` and `/about`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from flask import Response

from kg.entities import Description, describe
from kg.snapshot import Snapshot
from kg.web.addresses import iris_of_path
from kg.web.negotiation import Offer
from kg.web.portraits import paint
from kg.web.responses import HTML, RDF_OFFERS, Link, Problem, content_type, redirect, respond
from kg.web.visits import Visit
from kg.writers import FORMATS, write

__all__ = ["about", "document", "not_found", "thing"]

#: RDF before HTML: a client that says nothing, or `*/*`, gets Turtle. Browsers name HTML.
OFFERS: Sequence[Offer] = (*RDF_OFFERS, HTML)

# A list of names longer than this is not searched for similar ones.
_TOO_MANY = 5000


def find(snapshot: Snapshot, encoded: str) -> str | None:
    """Return the IRI of ours that an encoded path under `/id/` or `/doc/` means, None if the graph has none."""
    for iri in iris_of_path(snapshot.settings.entity_base, encoded):
        if snapshot.knows(iri):
            return iri
    return None


def thing(visit: Visit, rest: str = "") -> Response:
    """Answer for a thing: 303 to the document about it that suits the client."""
    encoded = visit.path.removeprefix("/id/")
    iri = find(visit.snapshot, encoded)
    if iri is None:
        raise not_found(visit, encoded)
    return _see_document(visit, iri)


def _see_document(visit: Visit, iri: str) -> Response:
    addresses = visit.addresses
    offer = visit.choose(OFFERS, lambda extension: addresses.document(iri, extension))
    return redirect(
        addresses.document(iri, offer.key),
        vary=("Accept", "Accept-Language"),
        links=[Link(addresses.document(iri, found.key), "describedby", found.media_type) for found in OFFERS],
    )


def document(visit: Visit, rest: str = "") -> Response:
    """Answer with a document about one of our entities, in the format of its extension or a negotiated one."""
    encoded = visit.path.removeprefix("/doc/")
    stem, dot, extension = encoded.rpartition(".")
    if dot and (extension == "html" or extension in FORMATS) and (iri := find(visit.snapshot, stem)) is not None:
        return _answer(visit, iri, extension)
    iri = find(visit.snapshot, encoded)
    if iri is None:
        known = dot and (extension == "html" or extension in FORMATS)
        raise not_found(visit, stem if known else encoded)
    return _answer(visit, iri, "")


def about(visit: Visit) -> Response:
    """Answer for any IRI that occurs: with its own address if it has one here, else with the document about it."""
    _ = visit.say
    iri = visit.arguments.get("iri", "")
    extension = visit.arguments.get("format", "")
    if not iri:
        raise Problem(400, _("No IRI is asked for."), _("Write it after ?iri=, percent-encoded."))
    if extension and extension != "html" and extension not in FORMATS:
        raise Problem(
            400,
            _("This format is unknown."),
            _("Known formats: %(formats)s.") % {"formats": ", ".join(["html", *FORMATS])},
        )
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
    description = describe(visit.snapshot, iri, page=page)
    assert description is not None  # the graph knows it
    addresses, _ = visit.addresses, visit.say
    if page > description.pages:
        raise Problem(
            404,
            _("There is no such page."),
            _("The last page is %(page)s.") % {"page": description.pages},
            [(_("First page"), addresses.document(iri, extension))],
        )
    vary: tuple[str, ...] = ()
    if not extension:
        vary = ("Accept",)
        chosen = visit.choose(OFFERS, lambda found: addresses.document(iri, found, page=page)).key
    else:
        chosen = extension
    # An address that is negotiated says which representation this is.
    location = "" if extension else addresses.document(iri, chosen, page=page)
    links = _links(visit, description, chosen, extension)
    if chosen == "html":
        return visit.html(
            "entity.html",
            vary=vary,
            links=links,
            location=location,
            portrait=paint(description, visit.snapshot, visit.names),
            formats=[(FORMATS[key].name, addresses.document(iri, key, page=page)) for key in FORMATS],
        )
    body = write(description.quads(visit.snapshot), chosen, visit.snapshot.prefixes)
    offer = next(found for found in RDF_OFFERS if found.key == chosen)
    return respond(body, content_type(offer), vary=vary, links=links, location=location)


def _links(visit: Visit, description: Description, chosen: str, extension: str) -> list[Link]:
    addresses, iri, page = visit.addresses, description.iri.value, description.page
    neutral = "" if chosen != "html" else None
    links = [Link(addresses.document(iri, page=page, lang=""), "canonical")]
    links += [
        Link(addresses.document(iri, found.key, page=page, lang=neutral), "alternate", found.media_type)
        for found in OFFERS
        if found.key != chosen
    ]
    if visit.addresses.is_ours(iri):
        links.append(Link(addresses.ascii(iri), "describes"))
    for rel, number in (("prev", page - 1), ("next", page + 1)):
        if 1 <= number <= description.pages:
            links.append(Link(addresses.document(iri, extension, page=number), rel))
    return links


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
        for close in difflib.get_close_matches(slug, slugs, n=3):
            title = _("Did you mean %(name)s?") % {"name": names.name(base + close).text}
            onward.append((title, addresses.document(base + close, "html")))
        onward.append((_("All of this kind: %(kind)s") % {"kind": kind}, addresses.page(f"/browse/{kind}")))
    onward.append((_("Browse everything"), addresses.page("/browse")))
    onward.append((_("Search"), addresses.page("/search")))
    return Problem(404, _("The graph does not know this."), _("Nothing in it has this address."), onward)
