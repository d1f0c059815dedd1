"""Views: saved questions with their answers, as pages, CSV, JSON and the query itself, for any values of parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flask import Response
from pyoxigraph import Literal

from kg.errors import QueryError
from kg.labels import sort_key
from kg.literals import Term
from kg.pivots import pivot
from kg.pool import Question, Result, client_of
from kg.queries import with_values
from kg.results import Answer, from_json, to_csv, to_json
from kg.selections import by_name, of_class, sort_value
from kg.views import TAKEN, Parameter, View
from kg.vocabulary import XSD
from kg.web.answers import mark_cut, refusal
from kg.web.negotiation import Offer, choose_type
from kg.web.reader import Names, Reader, Shown, Text
from kg.web.responses import CSV, HTML, PROBLEM, RESULTS, SPARQL, Link, Problem, content_type, respond
from kg.web.visits import Visit

__all__ = ["Group", "Table", "groups", "lay_out", "view", "views"]

#: HTML first: a view is a page that can also be had as data.
_OFFERS: Sequence[Offer] = (HTML, CSV, RESULTS, SPARQL)

Cell = Sequence[Shown]


@dataclass(frozen=True)
class Table:
    """A result as a table: headings, and rows of cells; of a pivot the first cell of a row heads it."""

    caption: Text
    headings: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    is_pivot: bool = False
    #: The address that sorts by each column, and how the rows are sorted by it now.
    ways: Sequence[tuple[str, str]] = ()
    #: Of bars: which column has the numbers, and the part that each row's is of the largest one.
    measure: int = -1
    shares: Sequence[float] = ()


@dataclass(frozen=True)
class Field:
    """What a reader can set one parameter to, and what is wrong with what was sent."""

    name: str
    label: Text
    kind: str
    value: str
    choices: Sequence[tuple[str, Text]] = ()
    wrong: str = ""


@dataclass(frozen=True)
class Group:
    """Views under one heading, which is empty for those that name none."""

    name: Text
    views: Sequence[View]


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
            is_pivot=True,
        )
    headings = [[_heading(found, variable, names.reader)] for variable in answer.variables]
    rows = [[_cell(term, names) for term in row] for row in answer.rows]
    if found.display != "bars":
        return Table(caption, headings, rows)
    measure, shares = _bars(answer)
    return Table(caption, headings, rows, measure=measure, shares=shares)


def _bars(answer: Answer) -> tuple[int, list[float]]:
    """Return which column has nothing but numbers, -1 for none, and the part that each is of the largest one."""
    for at in range(len(answer.variables)):
        numbers = [_number(row[at]) for row in answer.rows]
        if numbers and None not in numbers:
            known = [number or 0.0 for number in numbers]
            most = max(known)
            return at, [max(0.0, number / most) if most > 0 else 0.0 for number in known]
    return -1, []


def _number(term: Term | None) -> float | None:
    if not isinstance(term, Literal) or term.datatype == XSD.string:
        return None
    try:
        number = float(term.value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _cell(term: Term | None, names: Names) -> Cell:
    return [] if term is None else [names.show(term)]


def _heading(found: View, variable: str, reader: Reader) -> Shown:
    return Shown(reader.choose(found.headings.get(variable, {})) or Text(variable))


def views(visit: Visit) -> Response:
    """Answer with the list of all views, in groups."""
    return visit.only_html("views.html", groups=groups(visit))


def groups(visit: Visit) -> list[Group]:
    """Return all views in their groups: that of the home page's view first, the others by name, those of none last."""
    found: dict[str, list[View]] = {}
    names: dict[str, Text] = {}
    views = visit.snapshot.views()
    for one in views:
        key = next(iter(one.groups.values()), "")
        found.setdefault(key, []).append(one)
        names.setdefault(key, visit.reader.choose(one.groups))
    first = next((next(iter(v.groups.values()), "") for v in views if v.name == visit.snapshot.settings.home_view), "")
    order = sorted(found, key=lambda key: (not key, key != first, sort_key(names[key].text)))
    home, title = visit.snapshot.settings.home_view, visit.reader.choose

    def place(one: View) -> tuple[bool, str]:
        return one.name != home, sort_key(title(one.titles).text)

    return [Group(names[key], sorted(found[key], key=place)) for key in order]


def view(visit: Visit, name: str) -> Response:
    """Answer with a view in the format of its extension, or in a negotiated one."""
    found, extension = visit.snapshot.view(name), ""
    if found is None:
        stem, _dot, extension = name.rpartition(".")
        found = visit.snapshot.view(stem) if extension in {offer.key for offer in _OFFERS} else None
    if found is None:
        raise _no_view(visit)
    one, answer = found
    asked = _Asked(visit, one, extension)
    if asked.wrong:
        return asked.refuse()
    if asked.is_default:
        return asked.answer(answer)
    if asked.offer is SPARQL:
        return asked.answer(Answer())
    if not visit.present:
        _ = visit.say
        raise Problem(
            404,
            _("Only the present state answers for other values."),
            onward=[(_("The same address in the present state"), visit.addresses.path(visit.path, **asked.given))],
        )
    values = {parameter.name: parameter.term(asked.texts[parameter.name]) for parameter in one.parameters}
    question = Question(
        visit.snapshot.name,
        one.query,
        rows_form="csv" if asked.offer is CSV else "json",
        values=tuple(sorted((name, str(term)) for name, term in values.items())),
        group="site",
        client=client_of(visit.request.remote_addr or ""),
    )

    def then(result: Result) -> Response:
        if not result.is_answer:
            raise refusal(visit, result, one.query)
        given = result.body if asked.offer is not HTML else from_json(result.body.decode())
        return mark_cut(visit, result, asked.answer(given, cut=result.status == "cut"))

    return visit.ask(question, then)


class _Asked:
    """A view as one address asks for it: in which format, with which values, sorted how."""

    def __init__(self, visit: Visit, one: View, extension: str) -> None:
        self.visit, self.view, self.extension = visit, one, extension
        self.texts = _texts(visit, one)
        self.wrong = {name: said for name in self.texts if (said := self._wrong(name))}
        #: The parameters that an address has to name: those whose values are not the default ones.
        self.given = {p.name: self.texts[p.name] for p in one.parameters if self.texts[p.name] != p.default}
        self.offer = next((o for o in _OFFERS if o.key == extension), None) or visit.choose(_OFFERS, self.address)

    @property
    def is_default(self) -> bool:
        return not self.given

    def address(self, key: str, **more: object) -> str:
        """Return the address of this answer in a format; of a page with more parameters."""
        addresses, path = self.visit.addresses, f"/views/{self.view.name}"
        if key == "html":
            return addresses.here(f"{path}.html", lang=addresses.lang, **self.given, **more)
        return addresses.here(f"{path}.{key}", **self.given)

    def page(self, **more: object) -> str:
        """Return the address of the page for readers, with more parameters."""
        addresses = self.visit.addresses
        return addresses.here(f"/views/{self.view.name}", lang=addresses.lang, **self.given, **more)

    def _wrong(self, name: str) -> str:
        """Return what is wrong with the value of a parameter, in words; nothing if it will do."""
        _, parameter = self.visit.say, next(one for one in self.view.parameters if one.name == name)
        try:
            parameter.term(self.texts[name])
        except QueryError:
            expected = {
                "iri": _("an IRI, such as %(example)s"),
                "date": _("a date, such as %(example)s"),
                "integer": _("a whole number, such as %(example)s"),
            }.get(parameter.kind, "%(example)s") % {"example": parameter.default}
            if parameter.choices:
                expected = ", ".join(parameter.choices)
            return _("Found %(found)s; expected %(expected)s.") % {"found": self.texts[name], "expected": expected}
        return ""

    def refuse(self) -> Response:
        """Answer that a value will not do: with the form to mend it, or as a problem for programs."""
        _ = self.visit.say
        wanted = choose_type(self.visit.request.headers.get("Accept"), (PROBLEM, HTML))
        if self.offer is HTML and wanted is HTML:
            return self._page(None, status=400)
        raise Problem(
            400,
            _("This value will not do."),
            " ".join(f"{name}: {said}" for name, said in self.wrong.items()),
            [(_("The view with its default values"), self.visit.addresses.page(f"/views/{self.view.name}"))],
        )

    def answer(self, answer: Answer | bytes, *, cut: bool = False) -> Response:
        """Answer with rows, with a body that has its form already, or with the query."""
        if self.offer is HTML:
            assert isinstance(answer, Answer)
            return self._page(answer, cut=cut)
        body: str | bytes
        if self.offer is SPARQL:
            values = {p.name: p.term(self.texts[p.name]) for p in self.view.parameters}
            body = with_values(self.view.query, values) if self.given else self.view.query
        elif isinstance(answer, bytes):
            body = answer
        else:
            body = to_csv(answer) if self.offer is CSV else to_json(answer)
        return respond(
            body, content_type(self.offer), vary=self._vary(), links=self._links(), location=self._location(),
            pinned=self.visit.pinned and not cut,
        )  # fmt: skip

    def _vary(self) -> Sequence[str]:
        return () if self.extension else ("Accept",)

    def _location(self) -> str:
        return "" if self.extension else self.address(self.offer.key)

    def _links(self) -> list[Link]:
        canonical = self.visit.addresses.path(f"/views/{self.view.name}", **self.given)
        links = [Link(canonical, "canonical")]
        return links + [
            Link(self.address(found.key), "alternate", found.media_type) for found in _OFFERS if found is not self.offer
        ]

    # --- the page ---

    def _page(self, answer: Answer | None, *, cut: bool = False, status: int = 200) -> Response:
        visit, names = self.visit, self.visit.names
        table, number, pages = None, 1, 1
        around: Mapping[str, str] = {}
        count = len(answer.rows) if answer is not None else 0
        links = self._links()
        if answer is not None:
            table, number, pages, around = self._table(answer)
            links += [Link(target, rel) for rel, target in around.items()]
            count = len(table.rows) if table.is_pivot else count
        return visit.html(
            "view.html",
            status=status,
            vary=self._vary(),
            links=links,
            location=self._location() if status == 200 else "",
            view=self.view,
            fields=[self._field(parameter) for parameter in self.view.parameters],
            texts=self.texts,
            given=self.given,
            cut=cut,
            result=table,
            count=count,
            page=number,
            pages=pages,
            around=around,
            formats=[(title, self.address(key)) for title, key in (("CSV", "csv"), ("JSON", "json"), ("SPARQL", "rq"))],
            lasting=self._lasting(),
            citation=self._citation(names.reader.choose(self.view.titles).text),
        )

    def _table(self, answer: Answer) -> tuple[Table, int, int, Mapping[str, str]]:
        """Return the rows on the page that is asked for, in the order that is asked for."""
        visit, length = self.visit, self.visit.snapshot.settings.page_length
        sort = visit.arguments.get("sort", "")
        key = sort.removeprefix("-")
        if sort and key not in answer.variables:
            raise self._unknown_column(key, answer.variables)
        if sort:
            answer = replace(answer, rows=self._sorted(answer, key, backwards=sort.startswith("-")))
        number = visit.page_number()
        whole = lay_out(self.view, answer, visit.names)
        pages = max(1, -(-len(whole.rows) // length))
        if number > pages:
            raise visit.nothing_here()
        around = {
            rel: self.page(sort=sort, page=at if at > 1 else None)
            for rel, at in (("prev", number - 1), ("next", number + 1))
            if 1 <= at <= pages
        }
        first = (number - 1) * length
        ways = []
        for variable in answer.variables if not whole.is_pivot else ():
            turned = f"-{variable}" if sort == variable else variable
            ways.append((self.page(sort=turned), {variable: "ascending", f"-{variable}": "descending"}.get(sort, "")))
        table = replace(
            whole, rows=whole.rows[first : first + length], shares=whole.shares[first : first + length], ways=ways,
        )  # fmt: skip
        return table, number, pages, around

    def _sorted(self, answer: Answer, variable: str, *, backwards: bool) -> Sequence[Sequence[Term | None]]:
        at, names = answer.variables.index(variable), self.visit.names
        names.learn(row[at] for row in answer.rows)
        keyed = [(sort_value(term, lambda iri: names.name(iri).text), row) for row in answer.rows if (term := row[at])]
        keyed.sort(key=lambda pair: pair[0], reverse=backwards)
        return [*(row for _, row in keyed), *(row for row in answer.rows if row[at] is None)]

    def _unknown_column(self, key: str, variables: Sequence[str]) -> Problem:
        _ = self.visit.say
        return Problem(
            400,
            _("This list has no such column."),
            _("Found %(found)s; expected %(expected)s.") % {"found": key, "expected": ", ".join(variables)},
            [(_("The view with its default values"), self.visit.addresses.page(f"/views/{self.view.name}"))],
        )

    def _field(self, parameter: Parameter) -> Field:
        label = self.visit.reader.choose(parameter.descriptions) or Text(parameter.name)
        value, choices = self.texts[parameter.name], [(one, Text(one)) for one in parameter.choices]
        if parameter.choice_class:
            choices = self._things(parameter.choice_class)
        if choices and value not in dict(choices):
            choices = [(value, Text(value)), *choices]
        return Field(parameter.name, label, parameter.kind, value, choices, self.wrong.get(parameter.name, ""))

    def _things(self, curie: str) -> list[tuple[str, Text]]:
        """Return the things of a class with their names, by name."""
        visit, (prefix, _colon, local) = self.visit, curie.partition(":")
        numbers = of_class(visit.snapshot, visit.snapshot.prefixes.get(prefix, "") + local)
        terms = visit.snapshot.terms(numbers)
        iris = [str(terms[number].value) for number in by_name(visit.snapshot, numbers, visit.reader.language)]
        visit.names.learn(iris)
        return [(iri, visit.names.name(iri)) for iri in iris]

    def _lasting(self) -> str:
        """Return the address under which this page stays as it is; nothing where other states do not answer for it."""
        if self.given:
            return ""
        addresses = self.visit.addresses
        return addresses.absolute(addresses.pinned(self.visit.snapshot.name).pin + f"/views/{self.view.name}")

    def _citation(self, title: str) -> str:
        visit, settings = self.visit, self.visit.snapshot.settings
        whole = visit.reader.choose(settings.title).text
        year = f" ({visit.origin.date[:4]})" if visit.origin.date else ""
        author = f"{settings.creator}{year}. " if settings.creator else ""
        address = self._lasting() or visit.addresses.absolute(f"/views/{self.view.name}", **self.given)
        return author + visit.say("“%(view)s”, in: %(graph)s.") % {"view": title, "graph": whole} + f" {address}"


def _texts(visit: Visit, one: View) -> Mapping[str, str]:
    """Return the text of each parameter of a view. What is left empty has its default.

    Raises Problem (400) for a name that the view does not have, or that comes twice.
    """
    _, known = visit.say, {parameter.name: parameter.default for parameter in one.parameters}
    for name in visit.arguments:
        if name not in TAKEN and (name not in known or len(visit.arguments.getlist(name)) > 1):
            raise Problem(
                400,
                _("This view has no such parameter.") if name not in known else _("A parameter has one value."),
                _("Found %(found)s; expected %(expected)s.")
                % {"found": name, "expected": ", ".join(known) or _("no parameter")},
                [(_("The view with its default values"), visit.addresses.page(f"/views/{one.name}"))],
            )
    return {name: visit.arguments.get(name, "").strip() or default for name, default in known.items()}


def _no_view(visit: Visit) -> Problem:
    _ = visit.say
    return Problem(404, _("There is no such view."), onward=[(_("All views"), visit.addresses.page("/views"))])
