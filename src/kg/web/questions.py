"""Views: saved questions with their answers, as pages, CSV, JSON and the query itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response
from pyoxigraph import Literal

from kg.literals import Term
from kg.pivots import pivot
from kg.results import Answer, to_csv, to_json
from kg.views import View
from kg.web.negotiation import Offer
from kg.web.reader import Names, Reader, Shown, Text
from kg.web.responses import CSV, HTML, RESULTS, SPARQL, Link, Problem, content_type, respond
from kg.web.visits import Visit

__all__ = ["Result", "lay_out", "view", "views"]

#: HTML first: a view is a page that can also be had as data.
_OFFERS: Sequence[Offer] = (HTML, CSV, RESULTS, SPARQL)

Cell = Sequence[Shown]


@dataclass(frozen=True)
class Result:
    """A result as a table: headings, and rows of cells; of a pivot the first cell of a row heads it."""

    caption: Text
    headings: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    is_pivot: bool


def lay_out(found: View, answer: Answer, names: Names) -> Result:
    """Return the table of a view's answer, with names, links and dates for a reader."""
    names.learn(term for row in answer.rows for term in row if not isinstance(term, Literal))
    caption = names.reader.choose(found.titles)
    if found.display == "pivot" and {found.rows, found.columns, found.cell} <= set(answer.variables):
        table = pivot(answer, found)
        corner = _heading(found, found.rows, names.reader)
        return Result(
            caption,
            [[corner], *([names.show(column)] for column in table.columns)],
            [
                [[names.show(head)], *([names.show(term) for term in cell] for cell in cells)]
                for head, cells in zip(table.rows, table.cells, strict=True)
            ],
            True,
        )
    headings = [[_heading(found, variable, names.reader)] for variable in answer.variables]
    return Result(caption, headings, [[_cell(term, names) for term in row] for row in answer.rows], False)


def _cell(term: Term | None, names: Names) -> Cell:
    return [] if term is None else [names.show(term)]


def _heading(found: View, variable: str, reader: Reader) -> Shown:
    return Shown(reader.choose(found.headings.get(variable, {})) or Text(variable))


def views(visit: Visit) -> Response:
    """Answer with the list of all views."""
    return visit.only_html("views.html", views=visit.snapshot.views())


def view(visit: Visit, name: str) -> Response:
    """Answer with a view in the format of its extension, or in a negotiated one."""
    found, extension = visit.snapshot.view(name), ""
    if found is None:
        stem, _dot, extension = name.rpartition(".")
        found = visit.snapshot.view(stem) if extension in {offer.key for offer in _OFFERS} else None
    if found is None:
        raise _no_view(visit)
    one, answer = found
    addresses = visit.addresses

    def address(key: str) -> str:
        path = f"/views/{one.name}.{key}"
        return addresses.page(path) if key == "html" else addresses.path(path)

    offer = next((o for o in _OFFERS if o.key == extension), None) or visit.choose(_OFFERS, address)
    vary = () if extension else ("Accept",)
    location = "" if extension else address(offer.key)
    links = [Link(addresses.path(f"/views/{one.name}"), "canonical")]
    links += [Link(address(found.key), "alternate", found.media_type) for found in _OFFERS if found is not offer]
    if offer is HTML:
        return visit.html(
            "view.html",
            vary=vary,
            links=links,
            location=location,
            view=one,
            result=lay_out(one, answer, visit.names),
            formats=[(title, address(key)) for title, key in (("CSV", "csv"), ("JSON", "json"), ("SPARQL", "rq"))],
        )
    body = to_csv(answer) if offer is CSV else to_json(answer) if offer is RESULTS else one.query
    return respond(body, content_type(offer), vary=vary, links=links, location=location)


def _no_view(visit: Visit) -> Problem:
    _ = visit.say
    return Problem(404, _("There is no such view."), onward=[(_("All views"), visit.addresses.page("/views"))])
