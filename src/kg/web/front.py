"""The front page, and the page about the data: what this is, how much there is, what changed, how to cite it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response
from pyoxigraph import Literal, Quad

from kg.citations import FORMATS as CITATION_FORMATS
from kg.citations import Citation
from kg.metadata import dataset_iri
from kg.statistics import source_sizes, totals
from kg.vocabulary import VOID, XSD
from kg.web import discovery, documents, lists, questions
from kg.web.citing import cite
from kg.web.documents import OFFERS
from kg.web.feed import things_of
from kg.web.reader import Shown, Text
from kg.web.responses import Link, respond
from kg.web.visits import Visit
from kg.writers import FORMATS

__all__ = ["dataset", "home"]

# So many changes are on the front page, and so many things are named in each.
_CHANGES, _NAMED = 6, 4


@dataclass(frozen=True)
class News:
    """One change as the front page tells it: when, its subject, some of the things it is about, how many more."""

    date: Shown
    subject: str
    things: Sequence[Shown]
    more: int


def home(visit: Visit) -> Response:
    """Answer with the front page."""
    settings = visit.snapshot.settings
    featured = visit.snapshot.view(settings.home_view) if settings.home_view else None
    addresses = visit.addresses
    links = [
        Link(addresses.path("/"), "canonical"),
        Link(addresses.path("/dataset"), "describedby"),
        Link(addresses.path("/.well-known/api-catalog"), "api-catalog", "application/linkset+json"),
        Link(addresses.path("/sitemap.xml"), "sitemap", "application/xml"),
    ]
    if visit.history.changes:
        links.append(Link(addresses.path("/feed.atom"), "alternate", "application/atom+xml"))
    return visit.only_html(
        "home.html",
        links=links,
        featured=featured[0] if featured else None,
        result=questions.lay_out(*featured, visit.names) if featured else None,
        views=visit.snapshot.views(),
        classes=lists.class_counts(visit),
        figures=_figures(visit),
        changes=_news(visit),
        citation=_citation(visit),
    )


def _figures(visit: Visit) -> list[tuple[str, str, str]]:
    """Return the numbers of the front page, each with its title and the page that has more."""
    _, addresses, snapshot = visit.say, visit.addresses, visit.snapshot
    counted = totals(snapshot)
    sources = sum(1 for iri, _files, _statements in source_sizes(snapshot) if iri)
    found = [
        (_("Things"), counted["entities"], addresses.page("/browse")),
        (_("Statements"), counted["statements in files"], addresses.page("/dataset")),
        (_("Inferred statements"), counted["inferred statements"], ""),
        (_("Sources"), sources, addresses.page("/sources")),
        (_("Files"), counted["files"], addresses.page("/graphs")),
    ]
    for name in snapshot.settings.home_figures:
        if (one := snapshot.view(name)) is not None:
            title = visit.reader.choose(one[0].titles).text
            found.append((title, len(one[1].rows), addresses.page(f"/views/{name}")))
    return [(title, visit.reader.number(number), href) for title, number, href in found if number]


def _day(visit: Visit, time: str) -> Shown:
    """Return the day of a time that git tells."""
    return visit.reader.literal(Literal(time[:10], datatype=XSD.date))


def _news(visit: Visit) -> list[News]:
    changes = [(change, things_of(visit, change.paths)) for change in visit.history.changes[:_CHANGES]]
    visit.names.learn(iri for _change, things in changes for iri in things[:_NAMED])
    return [
        News(
            _day(visit, change.date),
            change.subject,
            [visit.names.link(iri) for iri in things[:_NAMED]],
            max(0, len(things) - _NAMED),
        )
        for change, things in changes
    ]


def _citation(visit: Visit) -> Citation | None:
    """Return how to cite the graph in its present state, by an address that stays; nothing for files of no project."""
    if visit.snapshot.default_graph:
        return None
    return cite(visit, Text(""), visit.addresses.pinned(visit.snapshot.name).here("/dataset"))


def dataset(visit: Visit, extension: str = "") -> Response:
    """Answer with what the graph says about itself, and the commit that it was built from."""
    cited = _citation(visit)
    if extension and extension != "html" and extension not in FORMATS and not (cited and extension in CITATION_FORMATS):
        raise documents.not_found(visit, "")

    def address(key: str) -> str:
        return discovery.dataset_address(visit, key)

    if cited and extension in CITATION_FORMATS:
        form = CITATION_FORMATS[extension]
        return respond(form.write(cited), form.media_type, language=visit.reader.language, vary=("Accept-Language",))
    chosen = extension or visit.choose(OFFERS, address).key
    vary = () if extension else ("Accept",)
    location = "" if extension else address(chosen)
    links = discovery.dataset_links(visit, chosen)
    quads = discovery.describe_dataset(visit)
    if chosen != "html":
        return visit.rdf(quads, chosen, vary=vary, links=links, location=location)
    return visit.html(
        "dataset.html",
        vary=vary,
        links=links,
        location=location,
        origin=visit.origin,
        committed=_day(visit, visit.origin.date),
        numbers=_numbers(visit, quads),
        citation=cited,
        citing=[(found.name, address(key)) for key, found in CITATION_FORMATS.items()] if cited else [],
        formats=[(FORMATS[key].name, address(key)) for key in FORMATS],
        dumps=discovery.dumps(visit),
        services=discovery.services(),
        json_ld=documents.embedded(discovery.schema_org(visit)),
    )


def _numbers(visit: Visit, quads: list[Quad]) -> list[tuple[str, str]]:
    _ = visit.say
    dataset = dataset_iri(visit.snapshot.settings)
    said = {q.predicate: q.object.value for q in quads if q.subject == dataset and isinstance(q.object, Literal)}
    headings = (
        (VOID.triples, _("Statements")),
        (VOID.entities, _("Things")),
        (VOID.classes, _("Classes")),
        (VOID.properties, _("Properties")),
    )
    return [(heading, visit.reader.number(int(said[p]))) for p, heading in headings if p in said]
