"""Lists to browse: the tree of classes, and the things of a class or of a kind as a table that sorts and narrows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flask import Response
from pyoxigraph import BlankNode, Literal, NamedNode

from kg.labels import local_name, sort_key
from kg.search import fold
from kg.search import search as find
from kg.selections import (
    Numbers,
    bounds_of,
    by_name,
    by_property,
    facet_values,
    of_class,
    of_kind,
    usage,
    values_among,
)
from kg.vocabulary import ALTERNATIVES, KG, LABELS, RDF, RDFS
from kg.web.narrowing import MACHINERY, Narrowing, heading_of
from kg.web.portraits import DESCRIPTIONS, describe_in_words
from kg.web.reader import Shown, Text
from kg.web.responses import CSV, HTML, JSON, Link, Problem, content_type, respond
from kg.web.visits import Visit

__all__ = ["Branch", "Entry", "browse", "browse_kind", "class_counts", "csv_of", "entries", "paged", "tree_of_classes"]

Term = NamedNode | BlankNode | Literal

# A cell of a page shows so many values; the CSV has all.
_VALUES = 3
# A column that fewer have than this part would be empty nearly everywhere.
_COMMON = 0.05

_NAME, _KIND = "name", "kind"


@dataclass(frozen=True)
class Entry:
    """One thing in a list."""

    iri: str
    link: Shown
    classes: Sequence[Text]
    description: Text


@dataclass
class Branch:
    """A class in the tree of classes: how many things it has, and the classes below it."""

    iri: str
    name: Text
    href: str
    count: int
    narrower: list[Branch] = field(default_factory=list)


@dataclass(frozen=True)
class Column:
    """A column of a table: its key in addresses, the property or the number of the facet that it shows, its heading."""

    key: str
    heading: Text
    iri: str = ""
    facet: int | None = None


@dataclass(frozen=True)
class Cell:
    """The values that a cell shows, and how many more there are."""

    values: Sequence[Shown]
    more: int = 0


def entries(visit: Visit, iris: Sequence[str]) -> list[Entry]:
    """Return things with their names, classes and descriptions, in the order given."""
    names = visit.names
    names.learn(iris)
    names.learn(class_iri for iri in iris for class_iri in names.classes(iri))
    described = describe_in_words(visit.snapshot.facts_about(NamedNode(iri) for iri in iris), names)
    return [
        Entry(iri, names.link(iri), [names.name(one) for one in names.classes(iri)], described.get(iri, Text("")))
        for iri in iris
    ]


# --- classes -------------------------------------------------------------------------------------------


def class_counts(visit: Visit) -> list[tuple[Text, str, int]]:
    """Return what the graph is about: the name, the list and the number of each class, by name."""
    found = _listed(visit)
    visit.names.learn(found)
    named = [(visit.names.name(iri), _class_list(visit, iri), count) for iri, count in found.items()]
    return sorted(named, key=lambda item: (sort_key(item[0].text), item[1]))


def tree_of_classes(visit: Visit) -> list[Branch]:
    """Return what the graph is about as a tree: each class that has things, below the wider ones, by name."""
    found = _listed(visit)
    visit.names.learn(found)
    branches = {iri: Branch(iri, visit.names.name(iri), _class_list(visit, iri), n) for iri, n in found.items()}
    uppers: dict[str, set[str]] = {iri: set() for iri in found}
    for fact in visit.snapshot.facts(predicate=RDFS.subClassOf):
        lower, upper = fact.subject.value, fact.object.value
        if lower in branches and upper in branches and lower != upper and fact.kind == 0:
            uppers[lower].add(upper)
    placed: set[str] = set()
    for iri in sorted(branches, key=lambda iri: (sort_key(branches[iri].name.text), iri)):
        # A class under several hangs below the first; one that is above itself, below nothing.
        above = [one for one in sorted(uppers[iri]) if not _is_below(branches[one], branches[iri])]
        if above:
            branches[above[0]].narrower.append(branches[iri])
            placed.add(iri)
    tops = [branch for iri, branch in branches.items() if iri not in placed]
    return sorted(tops, key=lambda branch: (sort_key(branch.name.text), branch.iri))


def _is_below(branch: Branch, top: Branch) -> bool:
    return branch is top or any(_is_below(branch, narrower) for narrower in top.narrower)


def _class_list(visit: Visit, iri: str) -> str:
    return visit.addresses.page("/browse", **{"class": iri})


def _listed(visit: Visit) -> dict[str, int]:
    """Return the classes to browse with their numbers.

    These are the classes of the graph's own ontology, and those of others that files state of things; where it has
    none, all of others; where there is nothing else, the machinery that ontologies are made with.
    """
    own = visit.snapshot.settings.ontology_iri + "#"
    everything = dict(visit.snapshot.classes())
    others = {iri: count for iri, count in everything.items() if not iri.startswith(MACHINERY)}
    specific = visit.snapshot.specific_classes
    if not any(iri.startswith(own) for iri in others):
        return others or everything
    return {iri: count for iri, count in others.items() if iri.startswith(own) or iri in specific}


# --- pages of lists ------------------------------------------------------------------------------------


def browse(visit: Visit) -> Response:
    """Answer with the tree of classes and the kinds that there are, or with the table of one class."""
    class_iri = visit.arguments.get("class", "")
    if not class_iri:
        return visit.only_html("browse.html", tree=tree_of_classes(visit), kinds=visit.snapshot.kinds())
    numbers = of_class(visit.snapshot, class_iri)
    if not numbers:
        raise _nothing(visit)
    about = describe_in_words(visit.snapshot.facts_about([NamedNode(class_iri)]), visit.names).get(class_iri, Text(""))
    return _Listing(visit, "/browse", {"class": class_iri}, numbers, class_iri).answer(
        visit.names.link(class_iri), about
    )


def browse_kind(visit: Visit, kind: str) -> Response:
    """Answer with the table of one kind, the word in the addresses of things."""
    numbers = of_kind(visit.snapshot, kind)
    if not numbers or not kind:
        raise _nothing(visit)
    return _Listing(visit, visit.path, {}, numbers, "").answer(Shown(Text(kind)), Text(""))


class _Listing:
    """The table of some entities, as its address asks for it: which columns, narrowed down, in which order."""

    def __init__(self, visit: Visit, path: str, kept: Mapping[str, str], numbers: Numbers, class_iri: str) -> None:
        self.visit, self.path, self.class_iri = visit, path, class_iri
        self.snapshot, self.names = visit.snapshot, visit.names
        self.whole = numbers
        self.columns = self._columns()
        self.sort = visit.arguments.get("sort", "") or _NAME
        key = self.sort.removeprefix("-")
        if key != _NAME and key not in {column.key for column in self.columns}:
            raise self._unknown_column(key)
        self.filter = visit.arguments.get("q", "").strip()[: self.snapshot.settings.search_length]
        given = {"q": self.filter, "sort": "" if self.sort == _NAME else self.sort}
        self.narrowing = Narrowing(visit, path, {**kept, **given}, by_class=False)

    def answer(self, name: Shown, about: Text) -> Response:
        """Answer with the table: the page that is asked for, or all of it as CSV or JSON."""
        visit, address = self.visit, self.narrowing.address
        offer = visit.choose((HTML, CSV, JSON), lambda key: address(format=key))
        numbers = self._ordered(self._narrowed())
        if offer is not HTML:
            return self._data(numbers, as_json=offer is JSON)
        some, page, pages, around, links = paged(visit, numbers, address)
        return visit.html(
            "list.html",
            vary=("Accept",),
            links=[*links, Link(address(format="csv"), "alternate", CSV.media_type)],
            name=name,
            about=about,
            count=len(numbers),
            total=len(self.whole),
            page=page,
            pages=pages,
            around=around,
            headings=self._headings(),
            rows=self._rows(some, _VALUES),
            groups=self.narrowing.groups(numbers),
            narrowed=bool(self.narrowing.given or self.filter),
            everything=visit.addresses.page(self.path, **({"class": self.class_iri} if self.class_iri else {})),
            narrower=self._narrower(),
            filter=self.filter,
            hidden={k: v for k, v in self.narrowing.kept.items() if k != "q" and v},
            formats=[(title, address(format=key)) for title, key in (("CSV", "csv"), ("JSON", "json"))],
        )

    # --- columns ---

    def _columns(self) -> list[Column]:
        """Return what a table of these things shows beside their names: what the shapes put first, then the rest.

        Names, descriptions, bounds of dates and places in sources are left out, and what hardly anything has.
        """
        _, settings = self.visit.say, self.snapshot.settings
        used = self.snapshot.remembered(("usage", self.path, self.class_iri), lambda: usage(self.snapshot, self.whole))
        bounds = {f.object.value for bound in (KG.earliest, KG.latest) for f in self.snapshot.facts(predicate=bound)}
        hidden = {one.value for one in (*LABELS, *ALTERNATIVES, *DESCRIPTIONS, RDF.type, RDFS.isDefinedBy)} | bounds
        hidden |= {one.value for one in self.snapshot.locators}
        classes = self._classes_above()
        arranged = {iri: told for _, shown in self.snapshot.arranged(classes) for iri, told in shown}
        common = [iri for iri, n in used.items() if iri not in hidden and n >= len(self.whole) * _COMMON]
        order = {iri: place for place, iri in enumerate(arranged)}
        common.sort(key=lambda iri: (order.get(iri, len(order)), -used[iri], iri))
        self.names.learn(common)
        found: dict[str, Column] = {}
        kinds = self.snapshot.classes_of(self._iris(self.whole))
        if len({kind for iri in self._iris(self.whole) for kind in kinds.get(iri, ())}) > 1:
            found[_KIND] = Column(_KIND, Text(_("Class")), RDF.type.value)
        last = {
            facet.key: Column(facet.key, heading_of(self.visit, facet), facet=number)
            for number, facet in enumerate(self.snapshot.facets)
            if not any(path[-1] in common and len(path) == 1 for path in facet.paths) and self._share(number) >= _COMMON
        }
        for iri in common:
            key = local_name(iri) if local_name(iri) not in (*found, *last) else iri
            found[key] = Column(key, self.visit.reader.choose(arranged.get(iri, {})) or self.names.name(iri), iri)
        return [*list(found.values())[: max(1, settings.columns - len(last))], *last.values()][: settings.columns]

    def _share(self, facet: int) -> float:
        def count() -> float:
            return len(facet_values(self.snapshot, self.whole, facet)) / len(self.whole)

        return self.snapshot.remembered(("share", facet, self.path, self.class_iri), count)

    def _classes_above(self) -> list[str]:
        """Return the classes whose shapes arrange this table: the class itself and those above it, or those of all."""
        if not self.class_iri:
            return list({one for iri in self._iris(self.whole[:50]) for one in self.names.classes(iri)})
        found, waiting = [self.class_iri], [self.class_iri]
        while waiting:
            for fact in self.snapshot.facts(NamedNode(waiting.pop()), RDFS.subClassOf):
                if isinstance(fact.object, NamedNode) and fact.object.value not in found:
                    found.append(fact.object.value)
                    waiting.append(fact.object.value)
        return found

    def _headings(self) -> list[tuple[Text, str, str]]:
        """Return the headings: text, the address that sorts by it or turns the order, and the present order."""
        _ = self.visit.say
        found = []
        for key, text in ((_NAME, Text(_("Name"))), *((column.key, column.heading) for column in self.columns)):
            turned = f"-{key}" if self.sort == key else key
            state = {key: "ascending", f"-{key}": "descending"}.get(self.sort, "")
            found.append((text, self.narrowing.address(sort="" if turned == _NAME else turned), state))
        return found

    def _unknown_column(self, key: str) -> Problem:
        _ = self.visit.say
        known = ", ".join([_NAME, *(column.key for column in self.columns)])
        return Problem(
            400,
            _("This list has no such column."),
            _("Found %(found)s; expected %(expected)s.") % {"found": key, "expected": known},
            [(_("Browse everything"), self.visit.addresses.page("/browse"))],
        )

    # --- rows ---

    def _narrowed(self) -> Numbers:
        numbers = self.narrowing.apply(self.whole)
        if fold(self.filter):
            found = set(find(self.snapshot, self.filter).entities)
            numbers = [number for number in numbers if number in found]
        return numbers

    def _ordered(self, numbers: Numbers) -> Numbers:
        language, key = self.visit.reader.language, self.sort.removeprefix("-")
        named = by_name(self.snapshot, numbers, language)
        if key == _NAME:
            return named[::-1] if self.sort.startswith("-") else named
        column = next(column for column in self.columns if column.key == key)
        values = self._compared(column, named)
        self.names.learn(term for found in values.values() for term in found)
        return by_property(
            named, values, name=lambda iri: self.names.name(iri).text, backwards=self.sort.startswith("-")
        )

    def _compared(self, column: Column, numbers: Numbers) -> Mapping[int, Sequence[Term]]:
        """Return the values by which a column is sorted: of dates their bounds, the first day or else the last."""
        bounds = bounds_of(self.snapshot, column.iri) if column.iri else []
        if not bounds:
            return self._values(column, numbers)
        found = values_among(self.snapshot, numbers, bounds)
        last_first = [found.get(iri, {}) for iri in reversed(bounds)]
        return {number: value for values in last_first for number, value in values.items()}

    def _values(self, column: Column, numbers: Numbers) -> Mapping[int, Sequence[Term]]:
        if column.facet is not None:
            return facet_values(self.snapshot, numbers, column.facet)
        if column.key == _KIND:
            iris = dict(zip(numbers, self._iris(numbers), strict=True))
            self.names.learn(iris.values())
            return {number: [NamedNode(one) for one in self.names.classes(iri)] for number, iri in iris.items()}
        return values_among(self.snapshot, numbers, [column.iri]).get(column.iri, {})

    def _rows(self, numbers: Numbers, most: int | None) -> list[tuple[Shown, list[Cell]]]:
        """Return the name and the cells of things; no more values in a cell than `most`."""
        columns = [self._values(column, numbers) for column in self.columns]
        self.names.learn(term for values in columns for found in values.values() for term in found)
        return [
            (
                self.names.link(iri),
                [
                    self._cell(column, values.get(number, ()), most)
                    for column, values in zip(self.columns, columns, strict=True)
                ],
            )
            for number, iri in zip(numbers, self._iris(numbers), strict=True)
        ]

    def _cell(self, column: Column, terms: Sequence[Term], most: int | None) -> Cell:
        readable: dict[str, str] = {}
        for term in terms:
            if isinstance(term, Literal) and term.language:
                readable.setdefault(term.language, term.value)
        if readable and len(readable) == len(terms):  # one text in several languages
            return Cell([Shown(self.visit.reader.choose(readable))])
        predicate = NamedNode(column.iri) if column.iri else None
        shown = [self.names.show(term, predicate) for term in terms]
        shown.sort(key=lambda one: (sort_key(one.text.text), one.href))
        return Cell(shown[:most], len(shown) - len(shown[:most]))

    def _iris(self, numbers: Numbers) -> list[str]:
        terms = self.snapshot.terms(numbers)
        return [str(terms[number].value) for number in numbers]

    def _narrower(self) -> Sequence[Branch]:
        """Return the classes right below the one that is listed."""
        waiting = tree_of_classes(self.visit) if self.class_iri else []
        while waiting:
            branch = waiting.pop()
            if branch.iri == self.class_iri:
                return branch.narrower
            waiting += branch.narrower
        return []

    # --- data ---

    def _data(self, numbers: Numbers, *, as_json: bool) -> Response:
        """Answer with the whole table: with names as the page has them, and the IRI of each thing."""
        _ = self.visit.say
        headings = ["iri", _("Name"), *(column.heading.text for column in self.columns)]
        rows = [
            (iri, link.text.text, [[one.text.text for one in cell.values] for cell in cells])
            for iri, (link, cells) in zip(self._iris(numbers), self._rows(numbers, None), strict=True)
        ]
        if not as_json:
            return csv_of(self.visit, headings, [[iri, name, *map("; ".join, cells)] for iri, name, cells in rows])
        keys = [column.key for column in self.columns]
        results = [{"iri": iri, _NAME: name, **dict(zip(keys, cells, strict=True))} for iri, name, cells in rows]
        said = {"count": len(rows), "results": results}
        body = json.dumps(said, ensure_ascii=False, indent=1) + "\n"
        vary, language = ("Accept", "Accept-Language"), self.visit.reader.language
        return respond(body, content_type(JSON), language=language, vary=vary)


def paged(
    visit: Visit, numbers: Numbers, address: Callable[..., str]
) -> tuple[Numbers, int, int, Mapping[str, str], list[Link]]:
    """Return the part of a list on the page that is asked for, which page of how many it is, and those around it.

    Raises Problem (404) for a page behind the last one.
    """
    page, length = visit.page_number(), visit.snapshot.settings.page_length
    pages = max(1, -(-len(numbers) // length))
    if page > pages:
        raise _nothing(visit)
    around = {
        rel: address(page=number if number > 1 else None)
        for rel, number in (("prev", page - 1), ("next", page + 1))
        if 1 <= number <= pages
    }
    links = [Link(target, rel) for rel, target in around.items()]
    return numbers[(page - 1) * length : page * length], page, pages, around, links


def csv_of(visit: Visit, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Response:
    """Answer with a table as CSV (RFC 4180), in the reader's language."""
    text = io.StringIO()
    csv.writer(text).writerows([headings, *rows])
    vary, language = ("Accept", "Accept-Language"), visit.reader.language
    return respond(text.getvalue(), content_type(CSV), language=language, vary=vary)


def _nothing(visit: Visit) -> Problem:
    _ = visit.say
    return Problem(404, _("There is no such list."), onward=[(_("Browse everything"), visit.addresses.page("/browse"))])
