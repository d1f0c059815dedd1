"""The list of all pages for crawlers, in parts where it is long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from flask import Response

from kg.web.responses import respond
from kg.web.visits import Visit

__all__ = ["sitemap", "sitemap_part"]

#: What the protocol allows in one file.
MOST = 50_000

_XMLNS = "http://www.sitemaps.org/schemas/sitemap/0.9"


def sitemap(visit: Visit) -> Response:
    """Answer with all pages, or with the list of the parts where there are more than one file may hold."""
    pages = list(_pages(visit))
    if len(pages) <= MOST:
        return _urls(pages)
    parts = -(-len(pages) // MOST)
    body = "".join(
        f"<sitemap><loc>{escape(visit.addresses.absolute(f'/sitemap-{number}.xml'))}</loc></sitemap>\n"
        for number in range(1, parts + 1)
    )
    return _xml(f'<sitemapindex xmlns="{_XMLNS}">\n{body}</sitemapindex>\n')


def sitemap_part(visit: Visit, number: int) -> Response:
    """Answer with one part of the list, counted from 1."""
    pages = list(_pages(visit))
    found = pages[(number - 1) * MOST : number * MOST] if number > 0 and len(pages) > MOST else []
    if not found:
        raise visit.nothing_here()
    return _urls(found)


def _pages(visit: Visit) -> Iterator[tuple[str, str]]:
    """Give each page with the date of the last commit of what it is made of, empty where git does not know."""
    snapshot, addresses = visit.snapshot, visit.addresses
    latest = visit.modified.isoformat() if visit.modified else ""
    for path in ("/", "/browse", "/views", f"/{snapshot.settings.ontology}", "/dataset"):
        yield addresses.absolute(path), latest
    for view in snapshot.views():
        yield addresses.absolute(f"/views/{view.name}"), latest
    dates = visit.history.dates
    base = len(addresses.path("/"))
    for iri, paths in snapshot.entity_files():
        yield addresses.absolute("/" + addresses.document(iri, "html", lang="")[base:]), _last(paths, dates)


def _last(paths: Sequence[str], dates: Mapping[str, str]) -> str:
    known = [dates[path] for path in paths if path in dates]
    return max(known) if known and len(known) == len(paths) else ""


def _urls(pages: Sequence[tuple[str, str]]) -> Response:
    body = "".join(
        f"<url><loc>{escape(address)}</loc>{f'<lastmod>{escape(date)}</lastmod>' if date else ''}</url>\n"
        for address, date in pages
    )
    return _xml(f'<urlset xmlns="{_XMLNS}">\n{body}</urlset>\n')


def _xml(body: str) -> Response:
    return respond(f'<?xml version="1.0" encoding="utf-8"?>\n{body}', "application/xml; charset=utf-8")
