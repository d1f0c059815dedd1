"""Which nodes surely conform to a shape: told quickly from numbered triples, so that pySHACL need not look at them.

pySHACL stays the judge: it parses the parameters of every constraint, decides whether a single value has the right
datatype, pattern or range, and writes all results. What is decided here is how the values of a path are counted,
compared and combined. A shape with anything else in it is not decided here, and a node that may not conform is not
either.
"""

# ruff: noqa: SIM110 (a generator for each of a million tests costs twice what they do)

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyoxigraph import BlankNode, Literal, NamedNode
from pyshacl.constraints import CONSTRAINT_PARAMETERS_MAP
from pyshacl.constraints.constraint_component import ConstraintComponent
from pyshacl.constraints.core import cardinality_constraints as counts
from pyshacl.constraints.core import logical_constraints as logic
from pyshacl.constraints.core import other_constraints as others
from pyshacl.constraints.core import property_pair_constraints as pairs
from pyshacl.constraints.core import shape_based_constraints as nested
from pyshacl.constraints.core import string_based_constraints as strings
from pyshacl.constraints.core import value_constraints as kinds
from pyshacl.constraints.core import value_range_constraints as ranges
from pyshacl.constraints.sparql.sparql_based_constraints import SPARQLBasedConstraint
from pyshacl.errors import ConstraintLoadWarning
from pyshacl.pytypes import SHACLExecutor
from pyshacl.shape import Shape
from rdflib import RDF as R_RDF
from rdflib import SH as R_SH
from rdflib import Graph, URIRef, Variable
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.plugins.sparql.sparql import Query
from rdflib.term import Node

from kg.deadlines import TooLong
from kg.terms import from_rdflib, to_rdflib
from kg.triples import Pattern, Triples
from kg.vocabulary import RDF, XSD

__all__ = ["Conforming", "Look", "Step", "Test", "Unsure", "walked"]

Term = NamedNode | BlankNode | Literal
#: One step of a path: a predicate, and whether it is walked from object to subject.
Step = tuple[int, bool]


class Look(NamedTuple):
    """A lookup that a test makes: by which way it comes from the focus node to where it looks, and for what."""

    way: tuple[Step, ...]
    step: Step


class Unsure(Exception):
    """Only pySHACL can tell whether this node conforms."""


class _Beyond(Exception):
    """A shape has something that is not decided here."""


Gate = Callable[[int], Sequence[Pattern] | None]


@dataclass(frozen=True)
class Test:
    """What a shape asks of a node, as far as it is decided here."""

    #: True only if pySHACL would find nothing, but for the queries. May raise Unsure.
    conforms: Callable[[int], bool]
    looks: frozenset[Look]
    #: Queries of which a node that conforms must not be a `?this`.
    queries: Sequence[Query] = ()
    #: For each query, the others among them: lookups that find too little for a row for a node; None if they do not.
    gates: Sequence[Gate] = ()
    #: True if there are others: then the lookups are not all known.
    is_open: bool = False


_Values = Callable[[int, Collection[int]], bool]


class _Part(NamedTuple):
    """The test of a constraint on a focus node and its values, with its lookups from each value and from the focus."""

    test: _Values
    of_value: Collection[Look] = ()
    of_focus: Collection[Look] = ()


# Validation deeper than this is an error to pySHACL (at 15); so it is not decided here.
_DEEPEST = 8
#: Components that look at one value and nothing else: pySHACL judges each value once.
_OF_ONE_VALUE = (
    kinds.DatatypeConstraintComponent,
    kinds.NodeKindConstraintComponent,
    ranges.MinExclusiveConstraintComponent,
    ranges.MinInclusiveConstraintComponent,
    ranges.MaxExclusiveConstraintComponent,
    ranges.MaxInclusiveConstraintComponent,
    strings.MinLengthConstraintComponent,
    strings.MaxLengthConstraintComponent,
    strings.PatternConstraintComponent,
    strings.LanguageInConstraintComponent,
)
_NOTHING: Mapping[int, Any] = {}
# A query whose rows for one node depend on more than its pattern.
_NOT_REPEATABLE = {"Builtin_EXISTS", "Builtin_NOTEXISTS", "Builtin_RAND", "Builtin_NOW", "Builtin_UUID",
                   "Builtin_STRUUID", "Builtin_BNODE", "Function"}  # fmt: skip


class Conforming:
    """Tests of the shapes of one shapes graph over one set of triples."""

    def __init__(
        self,
        triples: Triples,
        shapes: Graph,
        prepare: Callable[[str], Query],
        within: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.triples, self.shapes = triples, shapes
        self._prepare, self._within = prepare, within
        self._type = triples.number(RDF.type)
        self._tests: dict[Node, Test | None] = {}
        self._languages: dict[int, str] = {}

    def test(self, shape: Shape) -> Test | None:
        """Return the test of a shape with targets; None for one that is not decided here."""
        if shape.node not in self._tests:
            try:
                self._tests[shape.node] = self._shape(shape, (), is_top=True)
            except _Beyond:
                self._tests[shape.node] = None
        return self._tests[shape.node]

    def _shape(self, shape: Shape, inside: tuple[Node, ...], *, is_top: bool = False) -> Test:
        if shape.node in inside or len(inside) >= _DEEPEST:
            raise _Beyond
        if shape.deactivated:
            return Test(lambda _: True, frozenset())
        path = shape.path()  # type: ignore[no-untyped-call]
        ways = self._ways(path) if shape.is_property_shape else [()]
        looks = {Look(way[:at], way[at]) for way in ways for at in range(len(way))}
        tests: list[_Values] = []
        queries: list[Query] = []
        gates: list[Gate] = []
        components = {
            CONSTRAINT_PARAMETERS_MAP[predicate]
            for predicate in self.shapes.predicates(shape.node)
            if predicate in CONSTRAINT_PARAMETERS_MAP
        }
        for component in sorted(components, key=lambda one: one.__name__):
            try:
                constraint = component(shape)
                if shape.find_custom_constraints():  # type: ignore[no-untyped-call]
                    raise _Beyond
            except ConstraintLoadWarning:  # pySHACL passes over it
                continue
            except Exception:  # whatever its libraries raise for an odd shape: pySHACL itself is to say so
                raise _Beyond from None
            if isinstance(constraint, SPARQLBasedConstraint):
                if not is_top:
                    raise _Beyond
                for query, gate, asked in self._queries(constraint):
                    gates.append(gate)
                    if asked is not None:
                        queries.append(query)
                        looks |= asked
                continue
            part = self._constraint(constraint, (*inside, shape.node))
            tests.append(part.test)
            looks |= {Look((*way, *look.way), look.step) for way in ways for look in part.of_value}
            looks.update(part.of_focus)
        is_open = len(queries) < len(gates)
        return Test(self._all(shape, ways, tests), frozenset(looks), queries, gates, is_open)

    def _all(self, shape: Shape, ways: Sequence[tuple[Step, ...]], tests: Sequence[_Values]) -> Callable[[int], bool]:
        """Return the test whether all tests hold for the values of a path."""
        triples, out = self.triples, self.triples.out

        def of_node(focus: int) -> bool:
            values = (focus,)
            for test in tests:
                if not test(focus, values):
                    return False
            return True

        def of_property(focus: int) -> bool:
            values: Collection[int] = out.get(focus, _NOTHING).get(predicate, _NOTHING)
            for test in tests:
                if not test(focus, values):
                    return False
            return True

        def of_path(focus: int) -> bool:
            values: set[int] = set()
            for way in ways:
                values |= walked(triples, (focus,), way)
            for test in tests:
                if not test(focus, values):
                    return False
            return True

        if not shape.is_property_shape:
            return of_node
        if len(ways) == 1 and len(ways[0]) == 1 and not ways[0][0][1]:
            predicate = ways[0][0][0]
            return of_property
        return of_path

    def _ways(self, path: Node, *, inverse: bool = False, depth: int = 0) -> list[tuple[Step, ...]]:
        """Return the ways that a path has; a value is what one of them leads to."""
        if isinstance(path, URIRef):
            return [((self.triples.number(NamedNode(str(path))), inverse),)]
        objects = self.shapes.objects
        first, rest = list(objects(path, R_RDF.first)), list(objects(path, R_RDF.rest))
        turned, choice = list(objects(path, R_SH.inversePath)), list(objects(path, R_SH.alternativePath))
        if depth > _DEEPEST or len([*first, *turned, *choice]) != 1 or len(rest) != len(first):
            raise _Beyond
        if turned:
            return self._ways(turned[0], inverse=not inverse, depth=depth + 1)
        if choice:
            branches = list(self.shapes.items(choice[0]))
            if len(branches) < 2:
                raise _Beyond
            return [way for one in branches for way in self._ways(one, inverse=inverse, depth=depth + 1)]
        steps = list(self.shapes.items(path))
        # How pySHACL turns a sequence round is its own affair.
        if len(steps) < 2 or inverse:
            raise _Beyond
        ways: list[tuple[Step, ...]] = [()]
        for step in steps:
            more = self._ways(step, depth=depth + 1)
            ways = [(*way, *added) for way in ways for added in more]
        return ways

    # --- constraints ---

    def _constraint(self, it: ConstraintComponent, inside: tuple[Node, ...]) -> _Part:
        """Return the test of a constraint."""
        match it:
            case _ if isinstance(it, _OF_ONE_VALUE):
                return _Part(_of_each(self._judged(it)))
            case counts.MinCountConstraintComponent():
                least = int(it.min_count.value)
                return _Part(lambda _, values: len(values) >= least)
            case counts.MaxCountConstraintComponent():
                most = int(it.max_count.value)
                return _Part(lambda _, values: len(values) <= most)
            case others.InConstraintComponent():
                allowed = {self._number(value) for value in it.in_vals}
                return _Part(lambda _, values: allowed.issuperset(values))
            case others.HasValueConstraintComponent():
                wanted = {self._number(value) for value in it.has_value_set}
                return _Part(lambda _, values: all(value in values for value in wanted))
            case strings.UniqueLangConstraintComponent():
                return _Part(self._unique if True in it.string_rules else lambda *_: True)
            case kinds.ClassConstraintComponent():
                classes = [self._number(name) for name in it.class_rules]
                looks = [Look((), (self._type, False))]
                return _Part(_of_each(lambda value: all(self._is_a(value, name) for name in classes)), looks)
            case pairs.DisjointConstraintComponent() | pairs.EqualsConstraintComponent():
                return self._pair(it)
            case nested.PropertyConstraintComponent():
                return _all_of([self._other(it, one, inside, of=True) for one in it.property_shapes])
            case nested.NodeConstraintComponent():
                return _all_of([self._other(it, one, inside, of=False) for one in it.node_shapes])
            case nested.QualifiedValueShapeConstraintComponent() if not it.is_disjoint:
                return _qualified(it, [self._other(it, one, inside) for one in it.value_shapes])
            case logic.NotConstraintComponent():
                found = [self._other(it, one, inside) for one in it.not_list]
                return _Part(_of_each(lambda value: not any(one.conforms(value) for one in found)), _looks(found))
            case logic.AndConstraintComponent():
                return _all_of([one for members in it.and_list for one in self._members(it, members, inside)])
            case logic.OrConstraintComponent():
                choices = [self._members(it, members, inside) for members in it.or_list]
                return _Part(
                    _of_each(lambda value: all(any(one.conforms(value) for one in choice) for choice in choices)),
                    _looks(one for choice in choices for one in choice),
                )
            case logic.XoneConstraintComponent():
                choices = [self._members(it, members, inside) for members in it.xone_nodes]
                return _Part(
                    _of_each(lambda value: all(sum(one.conforms(value) for one in choice) == 1 for choice in choices)),
                    _looks(one for choice in choices for one in choice),
                )
        raise _Beyond

    def _number(self, term: Node) -> int:
        return self.triples.number(from_rdflib(term))

    def _is_a(self, value: int, name: int) -> bool:
        types = self.triples.objects(value, self._type)
        return name in types or any(name in self.triples.above(one) for one in types)

    def _unique(self, _: int, values: Collection[int]) -> bool:
        if len(values) < 2:
            return True
        tags = [tag for tag in map(self._language, values) if tag]
        return len(tags) == len(set(tags))

    def _language(self, value: int) -> str:
        found = self._languages.get(value)
        if found is None:
            term = self.triples.terms[value]
            found = (term.language or "").lower() if isinstance(term, Literal) else ""
            self._languages[value] = found
        return found

    def _pair(self, it: Any) -> _Part:
        if not all(isinstance(one, URIRef) for one in it.property_compare_set):
            raise _Beyond
        verbs = [self._number(one) for one in it.property_compare_set]
        objects = self.triples.objects

        def disjoint(focus: int, values: Collection[int]) -> bool:
            return not any(value in objects(focus, verb) for verb in verbs for value in values)

        def equal(focus: int, values: Collection[int]) -> bool:
            return all(set(objects(focus, verb)) == set(values) for verb in verbs)

        test = disjoint if isinstance(it, pairs.DisjointConstraintComponent) else equal
        return _Part(test, of_focus=[Look((), (verb, False)) for verb in verbs])

    def _judged(self, constraint: ConstraintComponent) -> Callable[[int], bool]:
        """Return pySHACL's judgement of single values, each asked for once."""
        known: dict[int, bool] = {}
        by_kind: dict[object, bool] = {}
        terms = self.triples.terms

        def judge(value: int) -> bool:
            term = terms[value]
            kind = _kind(constraint, term)
            if kind is not None and kind in by_kind:
                return by_kind[kind]
            foreign = to_rdflib(term)
            try:
                with self._within():
                    verdict, _ = constraint.evaluate(SHACLExecutor(), Graph(), {foreign: {foreign}}, [])
            except (Exception, TooLong):
                raise Unsure from None
            by_kind[kind] = bool(verdict)
            return by_kind[kind]

        def holds(value: int) -> bool:
            found = known.get(value)
            if found is None:
                found = known[value] = judge(value)
            return found

        return holds

    def _other(self, it: ConstraintComponent, node: Node, inside: tuple[Node, ...], *, of: bool | None = None) -> Test:
        """Return the test of a shape that another names; `of` says whether it must be one of a property."""
        shape = it.shape.get_other_shape(node)  # type: ignore[no-untyped-call]
        if shape is None or (of is not None and shape.is_property_shape is not of):
            raise _Beyond
        return self._shape(shape, inside)

    def _members(self, it: ConstraintComponent, members: Node, inside: tuple[Node, ...]) -> list[Test]:
        return [self._other(it, one, inside) for one in self.shapes.items(members)]

    # --- queries ---

    def _queries(self, constraint: Any) -> Iterator[tuple[Query, Gate, set[Look] | None]]:
        """Give the queries of a shape as one for all nodes, with the lookups that one makes for a node.

        A query that is one pattern with filters has the same rows for a node whether it is asked for this node or for
        all of them, if the node is in the pattern. Of others the lookups are not known, only what must be there.
        """
        for helper in constraint.sparql_constraints:
            if helper.deactivated:
                continue
            try:
                bound, text = helper.pre_bind_variables(URIRef("urn:x-kg:any"))
                query = self._prepare(helper.apply_prefixes(text))
            except Exception:
                raise _Beyond from None
            if "this" not in bound:
                raise _Beyond
            gate = self._gate(list(_required(query.algebra)))
            try:
                if set(bound) != {"this"} or Variable("this") not in query.algebra.PV:
                    raise _Beyond
                yield query, gate, self._looks_of(_pattern(query.algebra))
            except _Beyond:
                yield query, gate, None

    def _gate(self, pattern: Sequence[tuple[Any, Any, Any]]) -> Gate:
        """Return the gate of a query that has no row where these triples are not.

        Asked for are those with the node, and those with what these lead to.
        """
        this = Variable("this")
        plain = [triple for triple in pattern if isinstance(triple[1], URIRef) and triple[0] != triple[2]]
        nearest = [triple for triple in plain if this in (triple[0], triple[2])]
        if not nearest:
            raise _Beyond
        triples = self.triples

        def coded(triple: tuple[Any, Any, Any], known: Mapping[Any, int]) -> Pattern:
            s, p, o = (known.get(part) if isinstance(part, Variable) else self._number(part) for part in triple)
            return s, p, o

        def gate(focus: int) -> Sequence[Pattern] | None:
            for triple in nearest:
                asked = [coded(triple, {this: focus})]
                end = triple[2] if triple[0] == this else triple[0]
                beyond = [other for other in plain if end in (other[0], other[2]) and this not in other]
                for found in triples.matching(asked[0]):
                    known = {this: focus, end: found[2] if triple[0] == this else found[0]}
                    missed = (coded(other, known) for other in beyond if isinstance(end, Variable))
                    lookup = next((one for one in missed if next(triples.matching(one), None) is None), None)
                    if lookup is None:
                        break
                    asked.append(lookup)
                else:
                    return asked
            return None

        return gate

    def _looks_of(self, pattern: Sequence[tuple[Any, Any, Any]]) -> set[Look]:
        """Return the lookups of a pattern, each by the way that leads to it from `?this`."""
        ways: dict[Any, tuple[Step, ...]] = {Variable("this"): ()}
        looks: set[Look] = set()
        left = list(pattern)
        while left:
            reached = [triple for triple in left if triple[0] in ways or triple[2] in ways]
            if not reached or not all(isinstance(triple[1], URIRef) for triple in reached):
                raise _Beyond
            for triple in reached:
                left.remove(triple)
                subject, predicate, value = triple
                number = self._number(predicate)
                inverse = subject not in ways
                way, end = (ways[value], subject) if inverse else (ways[subject], value)
                looks.add(Look(way, (number, inverse)))
                if isinstance(end, Variable):
                    ways.setdefault(end, (*way, (number, inverse)))
        return looks


def _of_each(holds: Callable[[int], bool]) -> _Values:
    def test(_: int, values: Collection[int]) -> bool:
        for value in values:
            if not holds(value):
                return False
        return True

    return test


def _all_of(found: Sequence[Test]) -> _Part:
    tests = [one.conforms for one in found]

    def holds(value: int) -> bool:
        for test in tests:
            if not test(value):
                return False
        return True

    return _Part(_of_each(holds), _looks(found))


def _qualified(it: Any, found: Sequence[Test]) -> _Part:
    least, most = it.min_count or 0, it.max_count

    def test(_: int, values: Collection[int]) -> bool:
        for one in found:
            number = sum(one.conforms(value) for value in values)
            if number < least or (most is not None and number > most):
                return False
        return True

    return _Part(test, _looks(found))


def _kind(constraint: ConstraintComponent, term: Term) -> object:
    """Return what a constraint looks at in a term where that is not all of it: such terms are judged as one."""
    if isinstance(constraint, kinds.NodeKindConstraintComponent):
        return type(term)
    if not isinstance(constraint, kinds.DatatypeConstraintComponent | strings.LanguageInConstraintComponent):
        return None
    if not isinstance(term, Literal):
        return type(term)
    # Of a text, its language counts; of any other literal, whether it has the form of its datatype.
    return (term.datatype, term.language) if term.language or term.datatype == XSD.string else None


def _looks(tests: Iterable[Test]) -> set[Look]:
    return {look for test in tests for look in test.looks}


def _pattern(algebra: CompValue) -> Sequence[tuple[Any, Any, Any]]:
    """Return the triples of a query that is one pattern with filters."""
    part = algebra
    while part.name in ("SelectQuery", "Project", "Distinct", "Filter"):
        if part.name == "Filter" and not _NOT_REPEATABLE.isdisjoint(_names(part.expr)):
            raise _Beyond
        part = part.p
    if part.name != "BGP" or not any(Variable("this") in triple for triple in part.triples):
        raise _Beyond
    triples: Sequence[tuple[Any, Any, Any]] = part.triples
    return triples


def _required(part: CompValue) -> Iterator[tuple[Any, Any, Any]]:
    """Give triples without which a query has no row."""
    if part.name == "BGP":
        yield from part.triples
    elif part.name == "Join":
        yield from _required(part.p1)
        yield from _required(part.p2)
    elif part.name in ("LeftJoin", "Minus"):
        yield from _required(part.p1)
    elif part.name in ("SelectQuery", "Project", "Distinct", "Reduced", "OrderBy", "Slice", "Filter", "Extend"):
        yield from _required(part.p)


def _names(expression: object) -> Iterator[str]:
    if isinstance(expression, CompValue):
        yield expression.name
        for value in expression.values():
            yield from _names(value)
    elif isinstance(expression, list):
        for value in expression:
            yield from _names(value)


def walked(triples: Triples, starts: Collection[int], way: Sequence[Step]) -> set[int]:
    """Return where a way leads to from some nodes."""
    found = set(starts)
    for predicate, inverse in way:
        found = {
            end
            for node in found
            for end in (triples.subjects(predicate, node) if inverse else triples.objects(node, predicate))
        }
    return found
