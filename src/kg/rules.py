"""OWL 2 RL axioms compiled to rules, and what follows from them: facts with their reasons, and clashes.

The rules are those of OWL 2 Profiles, section 4.3, written for one ontology: its class expressions become
graph patterns, so that a rule asks only for what it needs. Rules run in turns over triples as numbers: in each, a
rule looks only at what the turn before found new.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.triples import Numbers, Triples
from kg.vocabulary import OWL, RDF, RDFS, XSD

__all__ = ["Clash", "Closure", "Inference", "Reason", "Rule", "Rules", "Triple", "clashing", "compile_rules", "infer"]

Term = NamedNode | BlankNode | Literal
_Part = TypeVar("_Part")


class Triple(NamedTuple):
    """Subject, predicate and object, without a graph."""

    subject: NamedNode | BlankNode
    predicate: NamedNode
    object: Term


# A pattern is a triple whose subject and object may be variables ("?x").
Pattern = tuple["Term | str", NamedNode, "Term | str"]


@dataclass(frozen=True)
class Rule:
    """One axiom as a rule: where the body holds the head follows; without a head, the body is a clash."""

    kind: str
    axiom: Triple
    body: tuple[Pattern, ...]
    head: Pattern | None
    values: tuple[tuple[str, tuple[Term, ...]], ...] = ()


@dataclass(frozen=True)
class Rules:
    """What an ontology compiles to, and the axioms that have no rule: each with what was found there."""

    rules: Sequence[Rule]
    unsupported: Sequence[tuple[Triple, str]]


class Reason(NamedTuple):
    """One way to an inferred triple: the axiom's rule and the triples that fit its body."""

    rule: Rule
    premises: tuple[Triple, ...]


class Inference(NamedTuple):
    """An inferred triple with every reason that does not itself rest on the triple."""

    triple: Triple
    reasons: tuple[Reason, ...]


class Clash(NamedTuple):
    """Triples that an axiom does not allow together."""

    rule: Rule
    premises: tuple[Triple, ...]


class Closure:
    """All that follows from a set of triples."""

    def __init__(
        self,
        clashes: Sequence[Clash],
        inferences: Callable[[], Sequence[Inference]],
        having: Callable[[NamedNode], Iterator[Triple]],
    ) -> None:
        self.clashes = clashes
        self._inferences = inferences
        #: Gives the inferred triples of a predicate, in no order, at less cost than with all reasons.
        self.having = having

    @cached_property
    def inferences(self) -> Sequence[Inference]:
        """The inferred triples with their reasons, in a fixed order."""
        return self._inferences()


# --- compiling -------------------------------------------------------------------------------------------


class _Unsupported(Exception):
    pass


@dataclass
class _Compiler:
    triples: Sequence[Triple]
    objects: dict[tuple[Term, NamedNode], list[Term]] = field(default_factory=dict)
    counter: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        for subject, predicate, value in self.triples:
            self.objects.setdefault((subject, predicate), []).append(value)

    def one(self, node: Term, predicate: NamedNode) -> Term | None:
        values = self.objects.get((node, predicate), ())
        return values[0] if values else None

    def items(self, node: Term | None) -> list[Term]:
        found: list[Term] = []
        seen: set[Term] = set()
        while node is not None and node != RDF.nil:
            if node in seen:
                raise _Unsupported("a list that runs in a circle")
            seen.add(node)
            first = self.one(node, RDF.first)
            if first is None:
                raise _Unsupported("a list without an end")
            found.append(first)
            node = self.one(node, RDF.rest)
        return found

    def fresh(self) -> str:
        return f"?v{next(self.counter)}"

    def link(self, expression: Term | None, start: Term | str, end: Term | str) -> Pattern:
        """Return the pattern of a property expression between two nodes."""
        if isinstance(expression, NamedNode):
            return (start, expression, end)
        inverse = self.one(expression, OWL.inverseOf) if expression is not None else None
        if isinstance(inverse, NamedNode):
            return (end, inverse, start)
        raise _Unsupported("a restriction without a property")

    def is_data_range(self, node: Term) -> bool:
        return (
            isinstance(node, Literal)
            or node == RDFS.Literal
            or (isinstance(node, NamedNode) and node.value.startswith(XSD.iri))
            or RDFS.Datatype in self.objects.get((node, RDF.type), ())
        )

    def left(self, node: Term, variable: str) -> list[tuple[tuple[Pattern, ...], tuple]]:  # type: ignore[type-arg]
        """Return the alternatives under which the variable is in a class: patterns, and values it may have."""
        if isinstance(node, NamedNode):
            return [(((variable, RDF.type, node),), ())]
        if (parts := self.one(node, OWL.intersectionOf)) is not None:
            combined = itertools.product(*(self.left(part, variable) for part in self.items(parts)))
            return [
                (sum((body for body, _ in choice), ()), sum((values for _, values in choice), ()))
                for choice in combined
            ]
        if (parts := self.one(node, OWL.unionOf)) is not None:
            return [alternative for part in self.items(parts) for alternative in self.left(part, variable)]
        if (parts := self.one(node, OWL.oneOf)) is not None:
            return [((), ((variable, tuple(self.items(parts))),))]
        on = self.one(node, OWL.onProperty)
        if (filler := self.one(node, OWL.someValuesFrom)) is not None:
            other = self.fresh()
            step = self.link(on, variable, other)
            if filler == OWL.Thing:
                return [((step,), ())]
            if self.is_data_range(filler):
                raise _Unsupported("a restriction on values of a datatype")
            return [((step, *body), values) for body, values in self.left(filler, other)]
        if (value := self.one(node, OWL.hasValue)) is not None:
            return [((self.link(on, variable, value),), ())]
        raise _Unsupported(f"{self.name(node)} where a class is looked for")

    def right(self, node: Term, variable: str) -> list[tuple[tuple[Pattern, ...], Pattern | None]]:
        """Return what follows for a variable in a class: more body, and a head (None for a clash)."""
        if isinstance(node, NamedNode):
            if node == OWL.Thing:
                return []
            return [((), None if node == OWL.Nothing else (variable, RDF.type, node))]
        if (parts := self.one(node, OWL.intersectionOf)) is not None:
            return [found for part in self.items(parts) for found in self.right(part, variable)]
        if (other_class := self.one(node, OWL.complementOf)) is not None:
            return [(body, None) for body, _ in self.left(other_class, variable)]
        on = self.one(node, OWL.onProperty)
        if (value := self.one(node, OWL.hasValue)) is not None:
            return [((), self.link(on, variable, value))]
        if (filler := self.one(node, OWL.allValuesFrom)) is not None:
            if self.is_data_range(filler):
                raise _Unsupported("a restriction on values of a datatype")
            other = self.fresh()
            step = self.link(on, variable, other)
            return [((step, *body), head) for body, head in self.right(filler, other)]
        raise _Unsupported(f"{self.name(node)} where a class follows")

    def name(self, node: Term) -> str:
        """Name the constructor of a class expression, for a message."""
        for triple in self.triples:
            if triple.subject == node and triple.predicate not in (RDF.type, OWL.onProperty):
                return triple.predicate.value.rpartition("#")[2]
        return "an empty class expression"

    def subclass(self, kind: str, axiom: Triple, lower: Term, upper: Term) -> Iterator[Rule]:
        for body, values in self.left(lower, "?x"):
            for more, head in self.right(upper, "?x"):
                yield Rule(kind if head else "impossible", axiom, body + more, head, values)

    def rules(self, axiom: Triple) -> Iterator[Rule]:
        """Give the rules of one axiom. Raises _Unsupported for one that has none in OWL 2 RL or here."""
        subject, predicate, value = axiom
        x, y, z = "?x", "?y", "?z"
        if predicate == RDFS.subClassOf:
            yield from self.subclass("subclass", axiom, subject, value)
        elif predicate == OWL.equivalentClass:
            yield from self.subclass("equivalent class", axiom, subject, value)
            yield from self.subclass("equivalent class", axiom, value, subject)
        elif predicate == OWL.disjointWith:
            for (one, _), (other, _) in itertools.product(self.left(subject, x), self.left(value, x)):
                yield Rule("disjoint classes", axiom, one + other, None)
        elif predicate == RDFS.subPropertyOf:
            yield Rule("subproperty", axiom, (self.link(subject, x, y),), self.link(value, x, y))
        elif predicate == OWL.equivalentProperty:
            yield Rule("equivalent property", axiom, (self.link(subject, x, y),), self.link(value, x, y))
            yield Rule("equivalent property", axiom, (self.link(value, x, y),), self.link(subject, x, y))
        elif predicate == OWL.inverseOf and isinstance(subject, NamedNode):
            yield Rule("inverse", axiom, (self.link(subject, x, y),), self.link(value, y, x))
            yield Rule("inverse", axiom, (self.link(value, x, y),), self.link(subject, y, x))
        elif predicate == OWL.propertyChainAxiom:
            chain = self.items(value)
            nodes = [x, *(self.fresh() for _ in chain[1:]), z]
            body = tuple(self.link(part, nodes[i], nodes[i + 1]) for i, part in enumerate(chain))
            yield Rule("chain", axiom, body, self.link(subject, x, z))
        elif predicate == RDFS.domain:
            for more, head in self.right(value, x):
                yield Rule("domain", axiom, (self.link(subject, x, y), *more), head)
        elif predicate == RDFS.range and not self.is_data_range(value):
            for more, head in self.right(value, y):
                yield Rule("range", axiom, (self.link(subject, x, y), *more), head)
        elif predicate == OWL.propertyDisjointWith:
            yield Rule("disjoint properties", axiom, (self.link(subject, x, y), self.link(value, x, y)), None)
        elif predicate == RDF.type:
            yield from self.characteristic(axiom)

    def characteristic(self, axiom: Triple) -> Iterator[Rule]:
        subject, _, value = axiom
        x, y, z = "?x", "?y", "?z"
        if value == OWL.SymmetricProperty:
            yield Rule("symmetric", axiom, (self.link(subject, x, y),), self.link(subject, y, x))
        elif value == OWL.TransitiveProperty:
            body = (self.link(subject, x, y), self.link(subject, y, z))
            yield Rule("transitive", axiom, body, self.link(subject, x, z))
        elif value == OWL.IrreflexiveProperty:
            yield Rule("irreflexive", axiom, (self.link(subject, x, x),), None)
        elif value == OWL.AsymmetricProperty:
            yield Rule("asymmetric", axiom, (self.link(subject, x, y), self.link(subject, y, x)), None)
        elif value == OWL.AllDisjointClasses:
            members = self.items(self.one(subject, OWL.members))
            for first, second in itertools.combinations(members, 2):
                for (one, _), (other, _) in itertools.product(self.left(first, x), self.left(second, x)):
                    yield Rule("disjoint classes", axiom, one + other, None)
        elif value == OWL.AllDisjointProperties:
            members = self.items(self.one(subject, OWL.members))
            for first, second in itertools.combinations(members, 2):
                yield Rule("disjoint properties", axiom, (self.link(first, x, y), self.link(second, x, y)), None)


# Axioms that OWL 2 RL reads as identities, or does not have at all. Identity is never inferred here, because
# it would merge what only resembles.
_WITHOUT_RULE = {
    OWL.FunctionalProperty: "a functional property (say sh:maxCount 1 in a shape)",
    OWL.InverseFunctionalProperty: "an inverse functional property",
    OWL.ReflexiveProperty: "a reflexive property, which OWL 2 RL does not have",
    OWL.NegativePropertyAssertion: "a negative property assertion",
}
_PREDICATES_WITHOUT_RULE = {
    OWL.hasKey: "a key",
    OWL.disjointUnionOf: "a disjoint union, which OWL 2 RL does not have",
    OWL.sameAs: "an identity",
}


def compile_rules(ontology: Iterable[Triple]) -> Rules:
    """Return the rules of an ontology's axioms, in the order of the axioms, and the axioms without one."""
    triples = list(dict.fromkeys(ontology))
    compiler = _Compiler(triples)
    rules: list[Rule] = []
    unsupported: list[tuple[Triple, str]] = []
    for axiom in triples:
        try:
            if axiom.predicate == RDF.type and axiom.object in _WITHOUT_RULE:
                raise _Unsupported(_WITHOUT_RULE[axiom.object])  # type: ignore[index]
            if axiom.predicate in _PREDICATES_WITHOUT_RULE:
                raise _Unsupported(_PREDICATES_WITHOUT_RULE[axiom.predicate])
            rules += compiler.rules(axiom)
        except _Unsupported as found:
            unsupported.append((axiom, str(found)))
    # "C is a C" follows from nothing and explains nothing.
    return Rules([rule for rule in rules if rule.head not in rule.body], unsupported)


# --- running ---------------------------------------------------------------------------------------------


#: A pattern in numbers: a negative one is a variable, ~number its place among the rule's values.
_Coded = tuple[int, int, int]
_Values = tuple[int | None, ...]


class _Running:
    """One rule over numbered triples."""

    def __init__(self, rule: Rule, triples: Triples) -> None:
        self.rule, self.triples = rule, triples
        names = sorted({part for pattern in (*rule.body, rule.head or ()) for part in pattern if isinstance(part, str)})
        self.places = {name: place for place, name in enumerate(names)}
        self.body = [self._coded(pattern) for pattern in rule.body]
        self.head = self._coded(rule.head) if rule.head else None
        self.allowed = [(self.places[name], {triples.number(term) for term in terms}) for name, terms in rule.values]
        #: The other patterns of the body, in the order in which they are best looked for once one is found.
        self.rest = [self._after(at) for at in range(len(self.body))]

    def _coded(self, pattern: Pattern) -> _Coded:
        s, p, o = (~self.places[part] if isinstance(part, str) else self.triples.number(part) for part in pattern)
        return s, p, o

    def _after(self, first: int) -> Sequence[_Coded]:
        left = [pattern for at, pattern in enumerate(self.body) if at != first]
        known = set(self.body[first])
        found = []
        while left:
            best = max(left, key=lambda pattern: sum(part >= 0 or part in known for part in pattern))
            left.remove(best)
            known.update(best)
            found.append(best)
        return found

    def starting(self, at: int, triple: Numbers) -> Iterator[_Values]:
        """Give the values with which the body holds where one of its patterns is a given triple."""
        values = _fitting(self.body[at], triple, (None,) * len(self.places))
        if values is None:
            return
        if self.rest[at] or self.allowed:
            yield from self._joined(self.rest[at], values)
        else:  # most rules have one pattern
            yield values

    def everywhere(self) -> Iterator[_Values]:
        """Give all values with which the body holds."""
        if not self.body:  # an enumeration: its members are in the class, whatever is stated
            yield from self._joined((), (None,) * len(self.places))
            return
        at = min(range(len(self.body)), key=self._extent)
        s, p, o = self.body[at]
        for triple in self.triples.matching((s if s >= 0 else None, p, o if o >= 0 else None)):
            yield from self.starting(at, triple)

    def _extent(self, at: int) -> int:
        subject, predicate, value = self.body[at]
        if value >= 0:
            return len(self.triples.subjects(predicate, value))
        return 1 if subject >= 0 else len(self.triples.into.get(predicate, ())) * 4

    def _joined(self, left: Sequence[_Coded], values: _Values) -> Iterator[_Values]:
        if not left:
            yield from self._with_members(values)
            return
        pattern = left[0]
        subject, predicate, value = (part if part >= 0 else values[~part] for part in pattern)
        for triple in self.triples.matching((subject, predicate, value)):
            more = _fitting(pattern, triple, values)
            if more is not None:
                yield from self._joined(left[1:], more)

    def _with_members(self, values: _Values) -> Iterator[_Values]:
        """Give the values where those that may only be members of an enumeration are such."""
        found = [values]
        for place, members in self.allowed:
            found = [
                (*one[:place], member, *one[place + 1 :])
                for one in found
                for member in sorted(members if one[place] is None else members & {one[place]})
            ]
        yield from found

    def filled(self, pattern: _Coded, values: _Values) -> Numbers:
        """Return a pattern's triple."""
        s, p, o = (part if part >= 0 else values[~part] for part in pattern)
        return s, p, o  # type: ignore[return-value]

    def premises(self, values: _Values) -> tuple[Numbers, ...]:
        """Return the triples that fit the body."""
        return tuple(self.filled(pattern, values) for pattern in self.body)


def _fitting(pattern: _Coded, triple: Numbers, values: _Values) -> _Values | None:
    """Return the values with those that a triple gives to a pattern's variables; None if it does not fit.

    The predicate of a pattern is never a variable.
    """
    start, verb, end = pattern
    subject, predicate, value = triple
    if verb != predicate:
        return None
    if start >= 0:
        if start != subject:
            return None
    elif (known := values[~start]) is None:
        values = (*values[:~start], subject, *values[-start:])
    elif known != subject:
        return None
    if end >= 0:
        return values if end == value else None
    if (known := values[~end]) is None:
        return (*values[:~end], value, *values[-end:])
    return values if known == value else None


#: A rule and the triples that fit its body.
_Reasons = dict[tuple[_Running, tuple[Numbers, ...]], None]


#: By predicate and, where a pattern names it, object: most rules wait for members of a class.
_Waiting = dict[tuple[int, int | None], list[tuple[_Running, int]]]


class _Drawing:
    """Rules at work over numbered triples, to which some can be added for a while."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.known = Triples()
        # Most of what a graph says, its labels and texts, no rule asks for.
        self._asked = {pattern[1] for rule in rules for pattern in (*rule.body, *([rule.head] if rule.head else []))}
        self._literals: set[int] = set()
        running = [_Running(rule, self.known) for rule in rules]
        self.deriving = [rule for rule in running if rule.head is not None]
        self.forbidding = [rule for rule in running if rule.head is None]
        self._waiting, self._watching = _by_pattern(self.deriving), _by_pattern(self.forbidding)

    def state(self, triples: Iterable[tuple[NamedNode | BlankNode, NamedNode, Term]]) -> list[Numbers]:
        """Add what is stated, and return what of it is new and asked for by a rule."""
        number, found = self.known.number, []
        for subject, predicate, value in triples:
            if predicate in self._asked:
                triple = number(subject), number(predicate), number(value)
                if isinstance(value, Literal):
                    self._literals.add(triple[2])
                if self.known.add(triple):
                    found.append(triple)
        return found

    def set_off(self, new: Iterable[Numbers]) -> Iterator[tuple[_Running, _Values]]:
        """Give the rules by which something follows from new triples, with the values for which their bodies hold."""
        return _set_off(self._waiting, new)

    def clashes(self, new: Iterable[Numbers]) -> bool:
        """Tell whether new triples lead to a clash."""
        return next(_set_off(self._watching, new), None) is not None

    def draw(self, found: Iterable[tuple[_Running, _Values]]) -> dict[Numbers, _Reasons]:
        """Add what follows, turn by turn, from rules that hold; return it with its reasons.

        A reason is kept only if its premises were known before the triple, so reasons never run in a circle.
        """
        reasons: dict[Numbers, _Reasons] = {}
        while True:
            turn: dict[Numbers, _Reasons] = {}
            for rule, values in found:
                assert rule.head is not None
                head = rule.filled(rule.head, values)
                if head[0] not in self._literals and head[2] not in self.known.objects(head[0], head[1]):
                    turn.setdefault(head, {})[rule, rule.premises(values)] = None
            if not turn:
                return reasons
            reasons |= turn
            found = self.set_off([triple for triple in turn if self.known.add(triple)])


def _by_pattern(rules: Iterable[_Running]) -> _Waiting:
    found: _Waiting = {}
    for rule in rules:
        for at, (_, verb, end) in enumerate(rule.body):
            found.setdefault((verb, end if end >= 0 else None), []).append((rule, at))
    return found


def _set_off(waiting: _Waiting, new: Iterable[Numbers]) -> Iterator[tuple[_Running, _Values]]:
    for triple in new:
        for key in (triple[1:], (triple[1], None)):
            for rule, at in waiting.get(key, ()):
                for values in rule.starting(at, triple):
                    yield rule, values


def infer(rules: Sequence[Rule], triples: Iterable[tuple[NamedNode | BlankNode, NamedNode, Term]]) -> Closure:
    """Return what follows from triples, in a fixed order, and the clashes among them.

    A reason is kept only if its premises were known before the triple, so reasons never run in a circle.
    Literals as subjects, which RDF does not have, are not inferred.
    """
    drawing = _Drawing(rules)
    drawing.state(triples)
    known = drawing.known
    reasons = drawing.draw((rule, values) for rule in drawing.deriving for values in rule.everywhere())

    @functools.cache
    def told(triple: Numbers) -> Triple:
        return Triple(*(known.terms[number] for number in triple))  # type: ignore[arg-type]

    def inferences() -> Sequence[Inference]:
        order = {triple: [str(term) for term in told(triple)] for triple in reasons}
        return [
            Inference(
                told(triple),
                tuple(
                    sorted(
                        (Reason(rule.rule, tuple(map(told, premises))) for rule, premises in reasons[triple]),
                        key=_reason_order,
                    )
                ),
            )
            for triple in sorted(reasons, key=order.__getitem__)
        ]

    def having(predicate: NamedNode) -> Iterator[Triple]:
        number = known.number(predicate)
        return (told(triple) for triple in reasons if triple[1] == number)

    clashes = {(rule, rule.premises(values)): None for rule in drawing.forbidding for values in rule.everywhere()}
    shown = [Clash(rule.rule, tuple(map(told, premises))) for rule, premises in clashes]
    return Closure(sorted(shown, key=_reason_order), inferences, having)


def clashing(rules: Sequence[Rule], base: Iterable[Triple], parts: Mapping[_Part, Iterable[Triple]]) -> Iterator[_Part]:
    """Give the parts that, each alone with the base, lead to a clash to which the base alone does not.

    All of them are tried at little more than the cost of one inference over everything.
    """
    drawing = _Drawing(rules)
    drawing.state(base)
    drawing.draw((rule, values) for rule in drawing.deriving for values in rule.everywhere())
    for name, triples in parts.items():
        new = drawing.state(triples)
        new += drawing.draw(drawing.set_off(new))
        if drawing.clashes(new):
            yield name
        for triple in new:
            drawing.known.remove(triple)


def _reason_order(reason: Reason | Clash) -> tuple[str, list[str]]:
    return reason.rule.kind, [str(term) for triple in (*reason.premises, reason.rule.axiom) for term in triple]
