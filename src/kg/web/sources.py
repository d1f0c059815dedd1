"""Sources: all of them with what rests on each and when it was read, and the things that rest on one."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response
from pyoxigraph import Literal, NamedNode

from kg.dates import EDTF
from kg.labels import sort_key
from kg.snapshot import Snapshot
from kg.vocabulary import XSD
from kg.web.reader import Shown, Text
from kg.web.responses import CSV, HTML, Link, Problem, content_type, respond
from kg.web.visits import Visit

__all__ = ["Resting", "resting_on", "sources"]

_OFFERS = (HTML, CSV)
_DATES = (EDTF, XSD.date.value)


@dataclass(frozen=True)
class Resting:
    """How much rests on a source in one class: things and statements, and where they are listed."""

    name: Shown
    things: int
    statements: int
    href: str


@dataclass(frozen=True)
class _Source:
    """One source: its files, what they state, and the dates in their headers by property, as texts."""

    iri: str
    files: int
    things: int
    statements: int
    dates: Mapping[str, Sequence[str]]


def resting_on(visit: Visit, iri: str) -> Sequence[Resting]:
    """Return what rests on a source by class, most first; nothing for what is no source."""
    found = visit.snapshot.resting(iri) if NamedNode(iri) in visit.snapshot.sources else []
    visit.names.learn(class_iri for class_iri, _, _ in found if class_iri)
    return [
        Resting(
            visit.names.link(class_iri) if class_iri else Shown(Text(visit.say("Without a class"))),
            things,
            statements,
            visit.addresses.page("/sources", **{"source": iri, "class": class_iri or "none"}),
        )
        for class_iri, things, statements in found
    ]


def sources(visit: Visit, extension: str = "") -> Response:
    """Answer with all sources, or with what rests on one, as a page or as CSV."""
    if extension not in ("", HTML.key, CSV.key):
        raise visit.nothing_here()
    if iri := visit.arguments.get("source", ""):
        return _resting(visit, iri, extension)
    found, columns = _all(visit.snapshot)
    visit.names.learn([*(one.iri for one in found), *columns])
    sort = visit.arguments.get("sort", "statements")
    downwards = visit.arguments.get("order", "desc" if sort in ("statements", "things", "files") else "asc") == "desc"
    keys: Mapping[str, Any] = {
        "name": lambda one: sort_key(visit.names.name(one.iri).text),
        "files": lambda one: one.files,
        "things": lambda one: one.things,
        "statements": lambda one: one.statements,
        **{visit.names.compact(column): _by_date(column) for column in columns},
    }
    if sort not in keys:
        _ = visit.say
        raise Problem(400, _("This list is not sorted so."), _("Known: %(keys)s.") % {"keys": ", ".join(keys)})
    ordered = sorted(sorted(found, key=keys["name"]), key=keys[sort], reverse=downwards)
    offer, address = _offer(visit, extension)
    if offer is CSV:
        heads = ["source", "name", "files", "things", "statements", *map(visit.names.compact, columns)]
        rows = [
            [one.iri, _default_name(visit.snapshot, one.iri), one.files, one.things, one.statements,
             *(" ".join(one.dates.get(column, ())) for column in columns)]
            for one in ordered
        ]  # fmt: skip
        return _csv([heads, *rows], extension, address("csv"))
    headings = [
        (title, visit.addresses.page("/sources", sort=key, order="asc" if sort == key and downwards else "desc"
                                     if sort == key or key in ("statements", "things", "files") else ""),
         ("descending" if downwards else "ascending") if sort == key else "")
        for key, title in zip(keys, _titles(visit, columns), strict=True)
    ]  # fmt: skip
    some, paging = _page(visit, ordered, {"sort": visit.arguments.get("sort"), "order": visit.arguments.get("order")})
    rows_shown = [
        (visit.names.link(one.iri), (one.files, one.things, one.statements), [_span(visit, one, c) for c in columns])
        for one in some
    ]
    return visit.html(
        "sources.html", vary=() if extension else ("Accept",), location="" if extension else address("html"),
        links=[*_links(visit, {}, address), *paging.pop("links")], headings=headings, rows=rows_shown, count=len(found),
        formats=[("CSV", address("csv"))], **paging,
    )  # fmt: skip


def _titles(visit: Visit, columns: Sequence[str]) -> Sequence[str]:
    _ = visit.say
    dates = [visit.names.name(column).text for column in columns]
    return [_("Source"), _("Files"), _("Things"), _("Statements"), *dates]


def _all(snapshot: Snapshot) -> tuple[Sequence[_Source], Sequence[str]]:
    """Return all sources, and the properties by which the headers of their files give dates."""

    def work_out() -> tuple[Sequence[_Source], Sequence[str]]:
        dates: dict[str, dict[str, dict[str, None]]] = {}
        columns: dict[str, None] = {}
        files: dict[str, int] = {}
        for file in snapshot.files.values():
            if file.source is not None:
                files[file.source.value] = files.get(file.source.value, 0) + 1
        for fact in snapshot.facts_about(snapshot.by_graph):
            source = fact.file.source if fact.file else None
            if source is None or fact.kind or not isinstance(fact.object, Literal):
                continue
            if fact.object.datatype.value in _DATES and fact.file and fact.file.graph == fact.subject:
                columns[fact.predicate.value] = None
                of = dates.setdefault(source.value, {}).setdefault(fact.predicate.value, {})
                of[fact.object.value] = None
        found = []
        for iri, number in sorted(files.items()):
            rest = snapshot.resting(iri)
            told = {column: sorted(texts) for column, texts in dates.get(iri, {}).items()}
            found.append(_Source(iri, number, sum(r[1] for r in rest), sum(r[2] for r in rest), told))
        return found, sorted(columns)

    return snapshot.remembered(("sources",), work_out)


def _by_date(column: str) -> Any:
    return lambda one: (one.dates.get(column) or ["~"])[0]


def _span(visit: Visit, one: _Source, column: str) -> Sequence[Shown]:
    """Return the dates that the files of a source give by a property: the first and the last."""
    texts = one.dates.get(column, ())
    ends = [Literal(text, datatype=NamedNode(EDTF)) for text in dict.fromkeys((*texts[:1], *texts[-1:]))]
    return [visit.names.show(end, NamedNode(column)) for end in ends]


def _default_name(snapshot: Snapshot, iri: str) -> str:
    named = snapshot.labels([iri]).get(iri, {})
    return next((named[tag] for tag in (*snapshot.settings.languages, *sorted(named)) if tag in named), "")


# --- what rests on one -----------------------------------------------------------------------------------


def _resting(visit: Visit, iri: str, extension: str) -> Response:
    class_iri = visit.arguments.get("class", "")
    counted = visit.snapshot.resting(iri)
    known = {found or "none": (things, statements) for found, things, statements in counted}
    if not counted or (class_iri and class_iri not in known):
        raise visit.nothing_here()
    given = {"source": iri, "class": class_iri}
    offer, address = _offer(visit, extension, given)
    length, page = visit.snapshot.settings.page_length, visit.page_number()
    number = known[class_iri][0] if class_iri else sum(things for things, _ in known.values())
    if offer is CSV:
        rows = visit.snapshot.things_resting(iri, class_iri)
        lines = [[thing, _default_name(visit.snapshot, thing), kind, statements] for thing, kind, statements in rows]
        return _csv([["thing", "name", "class", "statements"], *lines], extension, address("csv"))
    some = visit.snapshot.things_resting(iri, class_iri, offset=(page - 1) * length, limit=length)
    visit.names.learn([iri, class_iri, *(term for thing, kind, _ in some for term in (thing, kind))])
    _none, paging = _page(visit, range(number), given)
    return visit.html(
        "resting.html", vary=() if extension else ("Accept",), location="" if extension else address("html"),
        links=[*_links(visit, given, address), *paging.pop("links")], source=visit.names.link(iri),
        kind=visit.names.name(class_iri) if class_iri.startswith("http") else None, count=number,
        classes=resting_on(visit, iri), chosen=class_iri, formats=[("CSV", address("csv"))],
        rows=[(visit.names.link(thing), visit.names.name(kind) if kind else Text(""), n) for thing, kind, n in some],
        everything=visit.addresses.page("/sources", source=iri), **paging,
    )  # fmt: skip


# --- what both have --------------------------------------------------------------------------------------


def _offer(visit: Visit, extension: str, given: Mapping[str, str] = {}) -> Any:
    def address(key: str) -> str:
        path = f"/sources.{key}"
        return visit.addresses.page(path, **given) if key == "html" else visit.addresses.path(path, **given)

    return next((o for o in _OFFERS if o.key == extension), None) or visit.choose(_OFFERS, address), address


def _links(visit: Visit, given: Mapping[str, str], address: Any) -> list[Link]:
    return [
        Link(visit.addresses.path("/sources", **given), "canonical"),
        Link(address("csv"), "alternate", CSV.media_type),
    ]


def _page(visit: Visit, everything: Sequence[Any], given: Mapping[str, object]) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return a page of a list, and what its page says about pages. Raises Problem (404) after the last one."""
    length, page = visit.snapshot.settings.page_length, visit.page_number()
    pages = max(1, -(-len(everything) // length))
    if page > pages:
        _ = visit.say
        raise Problem(404, _("There is no such page."), _("The last page is %(page)s.") % {"page": pages})
    around = {
        rel: visit.addresses.page("/sources", **{**given, "page": number if number > 1 else None})
        for rel, number in (("prev", page - 1), ("next", page + 1))
        if 1 <= number <= pages
    }
    links = [Link(target, rel) for rel, target in around.items()]
    start = (page - 1) * length
    return everything[start : start + length], {"page": page, "pages": pages, "around": around, "links": links}


def _csv(rows: Sequence[Sequence[object]], extension: str, address: str) -> Response:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    location = "" if extension else address
    return respond(text.getvalue(), content_type(CSV), vary=() if extension else ("Accept",), location=location)
