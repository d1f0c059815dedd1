"""What sources say differently of the same thing: values that cannot both hold, and finer values inside coarser ones.

The ontology says what is compared, by annotations of the engine's vocabulary (docs/reference/vocabulary.md). Nothing
is chosen: each difference names both values and every place that gives them.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.dates import EDTF, Bounds, bounds, day_number, loosely
from kg.findings import Finding, Severity
from kg.messages import say
from kg.metadata import differences_graph
from kg.project import Project, Reading, Role
from kg.rules import Closure, Inference, Reason, Rule, Triple
from kg.stated import Stated
from kg.turtle import Document, Statement
from kg.vocabulary import KG, RDF, RDFS, XSD

__all__ = ["Difference", "Kind", "Side", "compare", "findings", "told"]

Term = NamedNode | BlankNode | Literal
Node = NamedNode | BlankNode


class Kind(StrEnum):
    """What differing values are to each other."""

    #: They cannot both hold.
    DISAGREEMENT = "disagreement"
    #: The second is a finer one inside the first.
    REFINEMENT = "refinement"


class Side(NamedTuple):
    """One of two differing values, and every statement that gives it."""

    value: Term
    stated: tuple[Stated, ...]


@dataclass(frozen=True)
class Difference:
    """Two values of one property that differ; of a refinement, `one` is the coarser."""

    kind: Kind
    #: What the values are about: a subject, or what nodes were compared by.
    about: tuple[Term, ...]
    #: What else the nodes were compared by, such as a unit.
    respects: tuple[Term, ...]
    property: NamedNode
    one: Side
    other: Side
    #: The annotation of the ontology by which they were compared.
    axiom: Triple


# --- what the ontology says is compared --------------------------------------------------------------------


@dataclass(frozen=True)
class _Lists:
    """A class whose instances are lists, and the properties by which they say of what."""

    item: NamedNode
    role: NamedNode
    subject: NamedNode
    closed: Term
    scope: NamedNode | None
    axiom: Triple


@dataclass
class _Guide:
    """The annotations of an ontology."""

    #: Single-valued properties: the classes whose things have one value, None for all, and the axiom that says so.
    single: dict[NamedNode, dict[Term | None, Triple]] = field(default_factory=dict)
    compared: dict[NamedNode, list[tuple[tuple[NamedNode, ...], Triple]]] = field(default_factory=dict)
    dated: set[NamedNode] = field(default_factory=set)
    #: The property of a start, and that of the end of the same stretch of time.
    until: dict[NamedNode, NamedNode] = field(default_factory=dict)
    within: set[NamedNode] = field(default_factory=set)
    qualified: dict[NamedNode, NamedNode] = field(default_factory=dict)
    at_least: dict[Term, Decimal] = field(default_factory=dict)
    at_most: dict[Term, Decimal] = field(default_factory=dict)
    #: Whether values of a property, or in a unit, change with time; a unit's word goes before a property's.
    changing: dict[Term, bool] = field(default_factory=dict)
    counts: dict[Term, dict[NamedNode, Triple]] = field(default_factory=dict)
    lists: list[_Lists] = field(default_factory=list)
    denies: dict[NamedNode, Triple] = field(default_factory=dict)
    #: Each property with all properties below it, itself too.
    below: dict[NamedNode, set[NamedNode]] = field(default_factory=dict)

    def role(self, role: NamedNode) -> set[NamedNode]:
        return self.below.get(role, {role})


def _is_true(term: Term) -> bool:
    return isinstance(term, Literal) and term.value in ("true", "1")


def _number(term: Term) -> Decimal | None:
    """Return the number that a literal writes, None if it is none."""
    if not isinstance(term, Literal) or term.language or not term.datatype.value.startswith(XSD.iri):
        return None
    if term.datatype in _NOT_NUMBERS:
        return None
    try:
        found = Decimal(term.value.strip())
    except InvalidOperation:
        return None
    return None if found.is_nan() else found


_NOT_NUMBERS = {XSD.string, XSD.gYear, XSD.anyURI, XSD.hexBinary, XSD.base64Binary, XSD.boolean}


def _guide(ontology: Iterable[Document]) -> _Guide:
    found = _Guide()
    about: dict[Term, dict[NamedNode, list[Term]]] = {}
    for document in ontology:
        for subject, predicate, value, *_ in document.statements:
            about.setdefault(subject, {}).setdefault(predicate, []).append(value)

    def items(node: Term) -> Iterator[NamedNode]:
        seen: set[Term] = set()
        while node not in seen and (cell := about.get(node)):
            seen.add(node)
            yield from (value for value in cell.get(RDF.first, ())[:1] if isinstance(value, NamedNode))
            node = next(iter(cell.get(RDF.rest, ())), RDF.nil)

    upper: dict[NamedNode, list[Term]] = {}
    for term, said in about.items():
        for name, numbers in (("atLeast", found.at_least), ("atMost", found.at_most)):
            for value in said.get(KG(name), ()):
                if (number := _number(value)) is not None:
                    numbers[term] = number
        for value in said.get(KG.changing, ()):
            found.changing[term] = _is_true(value)
        for role in said.get(KG.counts, ()):
            if isinstance(role, NamedNode):
                found.counts.setdefault(term, {})[role] = Triple(term, KG.counts, role)  # type: ignore[arg-type]
        if not isinstance(term, NamedNode):
            continue
        upper[term] = said.get(RDFS.subPropertyOf, [])
        if KG.earliest in said and KG.latest in said:
            found.dated.add(term)
        for value in said.get(KG.singleValued, ()):
            if isinstance(value, NamedNode) or _is_true(value):
                of = value if isinstance(value, NamedNode) else None
                found.single.setdefault(term, {})[of] = Triple(term, KG.singleValued, value)
        for value in said.get(KG.comparedBy, ()):
            if by := tuple(items(value)):
                found.compared.setdefault(term, []).append((by, Triple(term, KG.comparedBy, value)))
        for predicate, named in ((KG.until, found.until), (KG.qualifiedBy, found.qualified)):
            for value in said.get(predicate, ()):
                if isinstance(value, NamedNode):
                    named[term] = value
        if any(map(_is_true, said.get(KG.within, ()))):
            found.within.add(term)
        for value in filter(_is_true, said.get(KG.denies, ())):
            found.denies[term] = Triple(term, KG.denies, value)
        _add_lists(found, term, said)
    for term in upper:
        waiting, above = [term], {term}
        while waiting:
            for value in upper.get(waiting.pop(), ()):
                if isinstance(value, NamedNode) and value not in above:
                    above.add(value)
                    waiting.append(value)
        for value in above:
            found.below.setdefault(value, set()).add(term)
    return found


def _add_lists(found: _Guide, term: NamedNode, said: Mapping[NamedNode, Sequence[Term]]) -> None:
    named = [said.get(KG(name), ()) for name in ("listItem", "listRole", "listSubject")]
    scopes = [value for value in said.get(KG.listScope, ()) if isinstance(value, NamedNode)]
    for item, role, subject, closed in itertools.product(*named, said.get(KG.closedBy, ())):
        if isinstance(item, NamedNode) and isinstance(role, NamedNode) and isinstance(subject, NamedNode):
            axiom = Triple(term, KG.closedBy, closed)
            found.lists.append(_Lists(item, role, subject, closed, scopes[0] if scopes else None, axiom))


# --- what files say ----------------------------------------------------------------------------------------


# A day by its number; an open end is before or after all.
Day = int
_FIRST, _LAST = -(10**15), 10**15


def _days(found: Bounds) -> tuple[Day, Day]:
    low = _FIRST if found.earliest is None else day_number(found.earliest)
    return low, _LAST if found.latest is None else day_number(found.latest)


@dataclass(frozen=True, eq=False)
class _Said:
    """What one file says of one thing."""

    document: Document
    subject: Node
    said: dict[NamedNode, list[Statement]] = field(default_factory=dict)

    def values(self, properties: Iterable[NamedNode]) -> list[Term]:
        return [statement.object for one in properties for statement in self.said.get(one, ())]

    def stated(self, properties: Iterable[NamedNode]) -> list[Stated]:
        return [Stated(self.document, statement) for one in properties for statement in self.said.get(one, ())]


def _everything_said(reading: Reading) -> list[_Said]:
    found: list[_Said] = []
    for role in (Role.REGISTER, Role.SOURCE):
        for document in reading.documents.get(role, ()):
            here: dict[Node, _Said] = {}
            for statement in document.statements:
                if statement.subject not in here:
                    here[statement.subject] = _Said(document, statement.subject)
                given = here[statement.subject].said.setdefault(statement.predicate, [])
                if all(one.object != statement.object for one in given):
                    given.append(statement)
            found += here.values()
    return found


Span = tuple[Day, Day] | tuple[Decimal, Decimal]


class _Given(NamedTuple):
    """A value of a single-valued property, as one file gives it to one thing."""

    where: _Said
    statement: Statement
    #: The least and the greatest that a date or a number may be.
    span: Span | None
    #: The first and the last day for which it is given; None if that is unknown.
    time: tuple[Day, Day] | None

    @property
    def value(self) -> Term:
        return self.statement.object

    @property
    def stated(self) -> Stated:
        return Stated(self.where.document, self.statement)


# --- comparing ---------------------------------------------------------------------------------------------


_STATED = (Role.ONTOLOGY, Role.REGISTER, Role.SOURCE)

# Kind, what it is about, respects, property, and both values.
_Key = tuple[Kind, tuple[Term, ...], tuple[Term, ...], NamedNode, Term, Term]


class _Comparison:
    """One run over everything that is said."""

    def __init__(self, reading: Reading, closure: Closure) -> None:
        self.guide = _guide(reading.documents.get(Role.ONTOLOGY, ()))
        self.everything = _everything_said(reading)
        self.by_subject: dict[Term, list[_Said]] = {}
        for one in self.everything:
            self.by_subject.setdefault(one.subject, []).append(one)
        self.inside: dict[Term, list[Term]] = {}
        self.classes: dict[Term, set[Term]] = {}
        counted = {RDF.type, *self.guide.within}
        stated = (
            Triple(*statement[:3]) for statement in reading.statements(*_STATED) if statement.predicate in counted
        )
        for subject, predicate, value in itertools.chain(stated, *map(closure.having, counted)):
            if predicate == RDF.type:
                self.classes.setdefault(subject, set()).add(value)
            else:
                self.inside.setdefault(subject, []).append(value)
        #: The axiom and the statements of both sides, by what the difference is.
        self.found: dict[_Key, tuple[Triple, list[Stated], list[Stated]]] = {}

    def add(
        self,
        kind: Kind,
        about: Sequence[Term],
        respects: Sequence[Term],
        property: NamedNode,
        axiom: Triple,
        one: tuple[Term, Sequence[Stated]],
        other: tuple[Term, Sequence[Stated]],
    ) -> None:
        key = kind, tuple(sorted(about, key=str)), tuple(sorted(respects, key=str)), property, one[0], other[0]
        _, *sides = self.found.setdefault(key, (axiom, [], []))
        for side, stated in zip(sides, (one[1], other[1]), strict=True):
            side += stated

    def differences(self) -> list[Difference]:
        self._values()
        self._lists()
        self._denials()
        found = []
        for (kind, about, respects, name, one, other), (axiom, *sides) in self.found.items():
            first, second = (
                tuple({_place(stated): stated for stated in sorted(side, key=_place)}.values()) for side in sides
            )
            found.append(Difference(kind, about, respects, name, Side(one, first), Side(other, second), axiom))
        return sorted(found, key=_order)

    # --- values ---

    def time(self, where: _Said, property: NamedNode) -> tuple[Day, Day] | None:
        """Return the time for which a file gives a property of a thing: from its dates, other than the property."""

        def given(name: NamedNode) -> list[tuple[Day, Day]]:
            dates = where.said.get(name, ()) if name != property else ()
            return [_days(bounds(one.object.value)) for one in dates if _is_date(one.object)]

        until = self.guide.until
        for start, end in until.items():
            starts, ends = given(start), given(end)
            if starts or ends:
                return min((low for low, _ in starts), default=_FIRST), max((high for _, high in ends), default=_LAST)
        found = [
            days
            for name in where.said
            if name in self.guide.dated and name not in until.values()
            for days in given(name)
        ]
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None

    def span(self, where: _Said, statement: Statement) -> Span | None:
        value = statement.object
        if not isinstance(value, Literal):
            return None
        if _is_date(value):
            return _days(loosely(value.value))
        if value.datatype == XSD.date:
            try:
                return day_number(value.value), day_number(value.value)
            except ValueError:
                return None
        number = _number(value)
        if number is None:
            return None
        guide = self.guide
        qualifiers = where.values(
            [guide.qualified[statement.predicate]] if statement.predicate in guide.qualified else ()
        )
        for qualifier in qualifiers:
            if qualifier in guide.at_least or qualifier in guide.at_most:
                low = number * guide.at_least[qualifier] if qualifier in guide.at_least else Decimal("-Infinity")
                high = number * guide.at_most[qualifier] if qualifier in guide.at_most else Decimal("Infinity")
                return min(low, high), max(low, high)
        return number, number

    def _values(self) -> None:
        same: dict[tuple[NamedNode, Node], tuple[Triple, list[_Given]]] = {}
        alike: dict[tuple[Triple, tuple[frozenset[Term], ...]], list[_Given]] = {}
        for where in self.everything:
            for name in where.said.keys() & self.guide.single.keys():
                single = self._single(name, where.subject)
                if single is None:
                    continue
                for statement in where.said[name]:
                    given = _Given(where, statement, self.span(where, statement), self.time(where, name))
                    same.setdefault((name, where.subject), (single, []))[1].append(given)
                    for by, axiom in self.guide.compared.get(name, ()):
                        key = tuple(frozenset(where.values([one])) for one in by)
                        if key[0]:
                            alike.setdefault((axiom, key), []).append(given)
        for (name, subject), (single, several) in same.items():
            for one, other in _pairs(several):
                about, respects = self._about(name, one, other) or ((subject,), ())
                if self._at_one_time(name, respects, one.time, other.time, same=True):
                    self._compare(about, respects, single, one, other)
        for (axiom, key), several in alike.items():
            about, respects = tuple(key[0]), tuple(frozenset().union(*key[1:]))
            for one, other in _pairs(several):
                if one.where.subject == other.where.subject or one.where.document is other.where.document:
                    continue
                if self._at_one_time(axiom.subject, respects, one.time, other.time) and not (  # type: ignore[arg-type]
                    self._among(one, other, several) or self._among(other, one, several)
                ):
                    self._compare(about, respects, axiom, one, other)

    def _single(self, name: NamedNode, subject: Node) -> Triple | None:
        """Return the axiom by which a thing has one value of a property, None if there is none."""
        classes = self.classes.get(subject, set())
        return next((axiom for of, axiom in self.guide.single[name].items() if of is None or of in classes), None)

    def _about(self, name: NamedNode, one: _Given, other: _Given) -> tuple[tuple[Term, ...], tuple[Term, ...]] | None:
        """Return what a thing's values are about, where both files say it in the same way."""
        for by, _ in self.guide.compared.get(name, ()):
            key = tuple(frozenset(one.where.values([part])) for part in by)
            if key[0] and key == tuple(frozenset(other.where.values([part])) for part in by):
                return tuple(key[0]), tuple(frozenset().union(*key[1:]))
        return None

    def _at_one_time(
        self,
        name: NamedNode,
        respects: Iterable[Term],
        one: tuple[Day, Day] | None,
        other: tuple[Day, Day] | None,
        *,
        same: bool = False,
    ) -> bool:
        """Tell whether values may be of one time; of what changes, both times must be known."""
        told = [self.guide.changing[term] for term in respects if term in self.guide.changing]
        changing = any(told) if told else self.guide.changing.get(name, False)
        if same and not changing:  # dates that differ are a difference of their own
            return True
        if one is None or other is None:
            return not changing
        return one[0] <= other[1] and other[0] <= one[1]

    def _among(self, one: _Given, other: _Given, several: Sequence[_Given]) -> bool:
        """Tell whether the file of one value gives another beside it that goes with the other file's."""
        return any(
            beside.where.document is one.where.document
            and beside is not one
            and self._at_one_time(one.statement.predicate, (), beside.time, other.time)
            and self._kind(beside, other) != Kind.DISAGREEMENT
            for beside in several
        )

    def _compare(
        self, about: Sequence[Term], respects: Sequence[Term], axiom: Triple, one: _Given, other: _Given
    ) -> None:
        kind = self._kind(one, other)
        if kind is None:
            return
        if kind is Kind.REFINEMENT:
            coarser_first = not self._is_inside(one, other)
        else:
            coarser_first = _value_order(one) <= _value_order(other)
        first, second = (one, other) if coarser_first else (other, one)
        sides = (first.value, [first.stated]), (second.value, [second.stated])
        self.add(kind, about, respects, one.statement.predicate, axiom, *sides)

    def _kind(self, one: _Given, other: _Given) -> Kind | None:
        if one.value == other.value:
            return None
        if self._is_inside(one, other) or self._is_inside(other, one):
            return Kind.REFINEMENT
        if one.span and other.span:
            # Of one kind both: days or numbers, as the property has them.
            if type(one.span[0]) is not type(other.span[0]):
                return None
            apart = one.span[1] < other.span[0] or other.span[1] < one.span[0]
            return Kind.DISAGREEMENT if apart else None
        if isinstance(one.value, Literal) and isinstance(other.value, Literal):
            if one.value.language != other.value.language or one.span or other.span:
                return None
            booleans = {"1": "true", "0": "false"}
            if one.value.datatype == other.value.datatype == XSD.boolean and (
                booleans.get(one.value.value, one.value.value) == booleans.get(other.value.value, other.value.value)
            ):
                return None
            return Kind.DISAGREEMENT
        return Kind.DISAGREEMENT if type(one.value) is type(other.value) else None

    def _is_inside(self, one: _Given, other: _Given) -> bool:
        """Tell whether a value is a finer one inside another."""
        if one.span and other.span and type(one.span[0]) is type(other.span[0]):
            bounded = one.span[0] not in (_FIRST, Decimal("-Infinity")) and one.span[1] not in (
                _LAST,
                Decimal("Infinity"),
            )
            (low, high), (lowest, highest) = one.span, other.span
            return bounded and one.span != other.span and lowest <= low and high <= highest
        return isinstance(one.value, NamedNode) and self._lies_in(one.value, other.value)

    def _lies_in(self, one: Term, other: Term) -> bool:
        seen, waiting = {one}, [one]
        while waiting:
            for upper in self.inside.get(waiting.pop(), ()):
                if upper == other:
                    return True
                if upper not in seen:
                    seen.add(upper)
                    waiting.append(upper)
        return False

    # --- lists ---

    def _lists(self) -> None:
        closed: dict[Node, tuple[_Lists, list[Stated]]] = {}
        for lists in self.guide.lists:
            for where in self.everything:
                if lists.item not in where.said:
                    continue
                closing = [
                    Stated(where.document, s)
                    for given in where.said.values()
                    for s in given
                    if s.object == lists.closed
                ]
                if closing:
                    closed.setdefault(where.subject, (lists, []))[1].extend(closing)
        if not closed:
            return
        pointing: dict[Term, list[tuple[_Said, NamedNode]]] = {}
        subjects = {value for node, (lists, _) in closed.items() for value in self._of(node, lists.subject)}
        for where in self.everything:
            for name, given in where.said.items():
                for statement in given:
                    if statement.object in subjects:
                        pointing.setdefault(statement.object, []).append((where, name))
        for node, (lists, closing) in closed.items():
            for role in self._of(node, lists.role):
                if isinstance(role, NamedNode):
                    self._list(node, lists, closing, role, pointing)

    def _of(self, node: Term, *properties: NamedNode) -> list[Term]:
        """Return what any file gives as values of properties of a thing, each once."""
        sayings = self.by_subject.get(node, ())
        return list(dict.fromkeys(value for where in sayings for value in where.values(properties)))

    def _list(
        self,
        node: Node,
        lists: _Lists,
        closing: Sequence[Stated],
        role: NamedNode,
        pointing: Mapping[Term, Sequence[tuple[_Said, NamedNode]]],
    ) -> None:
        roles = sorted(self.guide.role(role), key=str)
        items = self._of(node, lists.item)
        listed = {value for item in items for value in self._of(item, *roles)}
        subjects = self._of(node, lists.subject)
        times = [self.time(where, lists.item) for where in self.by_subject[node]]
        time = next((found for found in times if found), None)
        if not listed:
            return
        self._counted(node, lists, closing, role, subjects, len(listed), time)
        if lists.scope is not None and self._of(node, lists.scope):
            return  # who is not in it may be outside its scope
        for subject in subjects:
            links = {
                name for item in items for where in self.by_subject.get(item, ()) for name in where.said
                if subject in where.values([name])
            }  # fmt: skip
            for where, name in pointing.get(subject, ()):
                if name not in links or where.subject in items or not self._is_like(where, role, items):
                    continue
                if not self._at_one_time(role, (), time, self.time(where, role)):
                    continue
                for stated in where.stated(roles):
                    if stated.value not in listed:
                        self._outside(node, lists, closing, role, subject, items, listed, stated)

    def _is_like(self, where: _Said, role: NamedNode, items: Iterable[Term]) -> bool:
        """Tell whether a node agrees with an item of a list in what nodes in its role are compared by."""

        def compared(one: _Said) -> list[list[frozenset[Term]]]:
            return [[frozenset(one.values([part])) for part in by] for by, _ in self.guide.compared.get(role, ())]

        own = compared(where)
        there = (one for item in items for one in self.by_subject.get(item, ()))
        return not own or any(compared(one) == own for one in there)

    def _outside(
        self,
        node: Node,
        lists: _Lists,
        closing: Sequence[Stated],
        role: NamedNode,
        subject: Term,
        items: Sequence[Term],
        listed: Iterable[Term],
        stated: Stated,
    ) -> None:
        """Add what a closed list does not have; what lies in something that it has, or holds it, is a refinement."""
        for value in sorted(listed, key=str):
            finer, coarser = self._lies_in(stated.value, value), self._lies_in(value, stated.value)
            if finer or coarser:
                by = (self.by_subject.get(item, ()) for item in items)
                there = [one for several in by for where in several for one in where.stated(self.guide.role(role))]
                sides = [(value, [one for one in there if one.value == value]), (stated.value, [stated])]
                self.add(Kind.REFINEMENT, [subject], [], role, lists.axiom, *(sides if finer else sides[::-1]))
                return
        self.add(Kind.DISAGREEMENT, [subject], [], role, lists.axiom, (node, list(closing)), (stated.value, [stated]))

    def _counted(
        self,
        node: Node,
        lists: _Lists,
        closing: Sequence[Stated],
        role: NamedNode,
        subjects: Sequence[Term],
        number: int,
        time: tuple[Day, Day] | None,
    ) -> None:
        """Compare a closed list with the numbers that say how long it is."""
        for where, statement, by in self.numbers:
            units = [unit for unit in where.values(by) if role in self.guide.counts.get(unit, ())]
            about = [thing for thing in where.values(by) if thing in subjects or thing == node]
            if not units or not about:
                continue
            span = self.span(where, statement)
            if span is None or span[0] <= Decimal(number) <= span[1]:
                continue
            same = node in about
            if same or self._at_one_time(statement.predicate, units, time, self.time(where, statement.predicate)):
                counted = Literal(str(number), datatype=XSD.integer)
                sides = [(statement.object, [Stated(where.document, statement)]), (counted, list(closing))]
                if Decimal(number) < span[0]:
                    sides.reverse()
                axiom = self.guide.counts[units[0]][role]
                self.add(Kind.DISAGREEMENT, about, units, statement.predicate, axiom, *sides)

    @cached_property
    def numbers(self) -> Sequence[tuple[_Said, Statement, Sequence[NamedNode]]]:
        """Numbers that are compared by something, with the properties that they are compared by."""
        found = []
        for name, ways in self.guide.compared.items():
            by = list(dict.fromkeys(one for way, _ in ways for one in way))
            for where in self.everything:
                given = where.said.get(name, ())
                found += [(where, statement, by) for statement in given if _number(statement.object) is not None]
        return found

    # --- denials ---

    def _denials(self) -> None:
        """Find what one file denies and another one states."""
        for name, axiom in self.guide.denies.items():
            for where in self.everything:
                for statement in where.said.get(name, ()):
                    denied = statement.object
                    there = self.by_subject.get(denied, ())
                    stating = [
                        one for said in there if said.document is not where.document for one in said.stated([RDF.type])
                    ]
                    if stating:
                        sides = (denied, stating), (where.subject, [Stated(where.document, statement)])
                        self.add(Kind.DISAGREEMENT, [denied], [], name, axiom, *sides)


def _is_date(term: Term) -> bool:
    """Tell whether a term is an imprecise date that can be read."""
    if not isinstance(term, Literal) or term.datatype.value != EDTF:
        return False
    try:
        bounds(term.value)
    except ValueError:
        return False
    return True


def _pairs(several: Sequence[_Given]) -> Iterator[tuple[_Given, _Given]]:
    """Give every two that differ."""
    if len({given.value for given in several}) > 1:
        yield from (pair for pair in itertools.combinations(several, 2) if pair[0].value != pair[1].value)


def _place(stated: Stated) -> tuple[str, int, int]:
    return stated.document.path, stated.statement.line, stated.statement.column


def _value_order(given: _Given) -> tuple[tuple[object, ...], str]:
    return tuple(given.span or ()), str(given.value)


def _order(difference: Difference) -> tuple[str, list[str], list[str]]:
    one, other = difference.one, difference.other
    about = [str(term) for term in (*difference.about, difference.property, *difference.respects)]
    return difference.kind.value, about, [str(one.value), str(other.value), str(difference.axiom)]


def compare(reading: Reading, closure: Closure) -> list[Difference]:
    """Return what register and sources say differently, in a fixed order, as the ontology tells what to compare.

    The closure says which things lie in others.
    """
    return _Comparison(reading, closure).differences()


# --- telling -----------------------------------------------------------------------------------------------


def told(project: Project, differences: Iterable[Difference]) -> list[Inference]:
    """Return differences as statements of the graph, each once, with the reason.

    The IRI of a difference is made of what it says, so it stays while that stays.
    """
    found: dict[Triple, Inference] = {}
    for inference in _told(project, differences):
        found.setdefault(inference.triple, inference)
    return list(found.values())


def _told(project: Project, differences: Iterable[Difference]) -> Iterator[Inference]:
    graph = differences_graph(project.settings)
    source = project.expand(project.settings.source)
    sources: dict[int, list[Term]] = {}
    for difference in differences:
        written = [str(term) for term in (*difference.about, *difference.respects, difference.property)]
        written += [difference.kind.value, str(difference.one.value), str(difference.other.value)]
        node = NamedNode(f"{graph.value}#{_digest(written)}")
        kind = KG.Disagreement if difference.kind is Kind.DISAGREEMENT else KG.Refinement
        stated = [*difference.one.stated, *difference.other.stated]
        rule = Rule(difference.kind.value, difference.axiom, (), None)
        why = (Reason(rule, tuple(dict.fromkeys(Triple(*one.statement[:3]) for one in stated))),)
        yield Inference(Triple(node, RDF.type, kind), why)
        yield from (Inference(Triple(node, KG.about, term), why) for term in difference.about)
        yield from (Inference(Triple(node, KG.respect, term), why) for term in difference.respects)
        yield Inference(Triple(node, KG.property, difference.property), why)
        for name, side in ((KG.one, difference.one), (KG.other, difference.other)):
            for one in side.stated:
                parts = [node.value, name.value, str(side.value), str(one.statement.subject), one.document.graph.value]
                saying = NamedNode(f"{graph.value}#{_digest(parts)}")
                if id(one.document) not in sources:
                    sources[id(one.document)] = [
                        s.object for s in one.document.statements if s[:2] == (one.document.graph, source)
                    ]
                yield Inference(Triple(node, name, saying), why)
                said = [(RDF.type, KG.Saying), (KG.value, side.value), (KG.node, one.statement.subject)]
                said += [(KG.graph, one.document.graph), *((KG.source, term) for term in sources[id(one.document)])]
                by_it = (Reason(rule, (Triple(*one.statement[:3]),)),)
                yield from (Inference(Triple(saying, predicate, value), by_it) for predicate, value in said)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def findings(project: Project, differences: Iterable[Difference]) -> Iterator[Finding]:
    """Give a finding for each disagreement, where its second value stands."""

    def name(term: Term) -> str:
        return project.compact(term.value) if isinstance(term, NamedNode) else str(getattr(term, "value", term))

    for difference in differences:
        if difference.kind is Kind.DISAGREEMENT:
            here, *rest = (*difference.other.stated, *difference.one.stated)
            message = say(
                "%(about)s, %(property)s: %(one)s and %(other)s cannot both hold",
                about=", ".join(map(name, difference.about)),
                property=", ".join(map(name, difference.respects or [difference.property])),
                one=name(difference.one.value),
                other=name(difference.other.value),
            )
            also = tuple(":".join(map(str, _place(one))) for one in rest)
            found = here.found(Severity.INFO, "disagreement", message, say("Nothing is chosen: both are published."))
            yield Finding(**{**vars(found), "also": also})
