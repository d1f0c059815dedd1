"""Views: saved questions with their answers, as pages, CSV, JSON and the query itself, for any values of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Response
from pyoxigraph import Literal, NamedNode

from kg.errors import QueryError
from kg.literals import Term
from kg.pivots import pivot
from kg.pool import Question, Result, client_of
from kg.queries import with_values
from kg.results import Answer, from_json, to_csv, to_json
from kg.views import View
from kg.web.answers import mark_cut, refusal
from kg.web.negotiation import Offer
from kg.web.reader import Names, Reader, Shown, Text
from kg.web.responses import CSV, HTML, RESULTS, SPARQL, Link, Problem, content_type, respond
from kg.web.visits import Visit

__all__ = ["Table", "lay_out", "view", "views"]

#: HTML first: a view is a page that can also be had as data.
_OFFERS: Sequence[Offer] = (HTML, CSV, RESULTS, SPARQL)

Cell = Sequence[Shown]


@dataclass(frozen=True)
class Table:
    """A result as a table: headings, and rows of cells; of a pivot the first cell of a row heads it."""

    caption: Text
    headings: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    is_pivot: bool


def lay_out(found: View, answer: Answer, names: Names) -> Table:
    """Return the table of a view's answer, with names, links and dates for a reader."""
    names.learn(term for row in answer.rows for term in row if not isinstance(term, Literal))
    caption = names.reader.choose(found.titles)
    if found.display == "pivot" and {found.rows, found.columns, found.cell} <= set(answer.variables):
        table = pivot(answer, found)
        corner = _heading(found, found.rows, names.reader)
        return Table(
            caption,
            [[corner], *([names.show(column)] for column in table.columns)],
            [
                [[names.show(head)], *([names.show(term) for term in cell] for cell in cells)]
                for head, cells in zip(table.rows, table.cells, strict=True)
            ],
            True,
        )
    headings = [[_heading(found, variable, names.reader)] for variable in answer.variables]
    return Table(caption, headings, [[_cell(term, names) for term in row] for row in answer.rows], False)


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
    texts = _texts(visit, one)
    values = _values(visit, one, texts)
    if all(texts[parameter.name] == parameter.default for parameter in one.parameters):
        return _answer(visit, one, texts, extension, answer)
    offer = _offer(visit, one, texts, extension)
    if offer is SPARQL:
        return _answer(visit, one, texts, extension, Answer())
    question = Question(
        visit.snapshot.name,
        one.query,
        rows_form="csv" if offer is CSV else "json",
        values=tuple(sorted((name, str(term)) for name, term in values.items())),
        group="site",
        client=client_of(visit.request.remote_addr or ""),
    )

    def then(result: Result) -> Response:
        if not result.is_answer:
            raise refusal(visit, result, one.query)
        given = result.body if offer is not HTML else from_json(result.body.decode())
        return mark_cut(visit, result, _answer(visit, one, texts, extension, given, result.status == "cut"))

    return visit.ask(question, then)


def _texts(visit: Visit, one: View) -> Mapping[str, str]:
    """Return the text of each parameter of a view. What is left empty has its default.

    Raises Problem (400) for a name that the view does not have, or that comes twice.
    """
    _, known = visit.say, {parameter.name: parameter.default for parameter in one.parameters}
    for name in visit.arguments:
        if name != "lang" and (name not in known or len(visit.arguments.getlist(name)) > 1):
            raise Problem(
                400,
                _("This view has no such parameter.") if name not in known else _("A parameter has one value."),
                _("Found %(found)s; expected %(expected)s.")
                % {"found": name, "expected": ", ".join(known) or _("no parameter")},
                [(_("The view with its default values"), visit.addresses.page(f"/views/{one.name}"))],
            )
    return {name: visit.arguments.get(name, "").strip() or default for name, default in known.items()}


def _values(visit: Visit, one: View, texts: Mapping[str, str]) -> Mapping[str, NamedNode | Literal]:
    """Return the terms of the parameters. Raises Problem (400) for a value that will not do."""
    _ = visit.say
    try:
        return {parameter.name: parameter.term(texts[parameter.name]) for parameter in one.parameters}
    except QueryError as error:
        raise Problem(
            400,
            _("This value will not do."),
            str(error),
            [(_("The view with its default values"), visit.addresses.page(f"/views/{one.name}"))],
        ) from None


def _given(one: View, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that an address has to name: those whose values are not the default ones."""
    return {p.name: texts[p.name] for p in one.parameters if texts[p.name] != p.default}


def _address(visit: Visit, one: View, texts: Mapping[str, str], key: str) -> str:
    path, given = f"/views/{one.name}.{key}", _given(one, texts)
    return visit.addresses.page(path, **given) if key == "html" else visit.addresses.path(path, **given)


def _offer(visit: Visit, one: View, texts: Mapping[str, str], extension: str) -> Offer:
    return next((o for o in _OFFERS if o.key == extension), None) or visit.choose(
        _OFFERS, lambda key: _address(visit, one, texts, key)
    )


def _answer(
    visit: Visit, one: View, texts: Mapping[str, str], extension: str, answer: Answer | bytes, cut: bool = False
) -> Response:
    """Answer with a view: with its rows, with a body that has its form already, or with the query."""
    addresses, offer = visit.addresses, _offer(visit, one, texts, extension)

    def address(key: str) -> str:
        return _address(visit, one, texts, key)

    vary = () if extension else ("Accept",)
    location = "" if extension else address(offer.key)
    links = [Link(addresses.path(f"/views/{one.name}", **_given(one, texts)), "canonical")]
    links += [Link(address(found.key), "alternate", found.media_type) for found in _OFFERS if found is not offer]
    if offer is HTML:
        assert isinstance(answer, Answer)
        return visit.html(
            "view.html",
            vary=vary,
            links=links,
            location=location,
            view=one,
            texts=texts,
            given=_given(one, texts),
            cut=cut,
            result=lay_out(one, answer, visit.names),
            formats=[(title, address(key)) for title, key in (("CSV", "csv"), ("JSON", "json"), ("SPARQL", "rq"))],
        )
    body: str | bytes
    if offer is SPARQL:
        body = with_values(one.query, _values(visit, one, texts)) if _given(one, texts) else one.query
    elif isinstance(answer, bytes):
        body = answer
    else:
        body = to_csv(answer) if offer is CSV else to_json(answer)
    return respond(body, content_type(offer), vary=vary, links=links, location=location)


def _no_view(visit: Visit) -> Problem:
    _ = visit.say
    return Problem(404, _("There is no such view."), onward=[(_("All views"), visit.addresses.page("/views"))])
