"""OWL 2 RL axioms compiled to rules, and what follows from them: facts with their reasons, and clashes.

The rules are those of OWL 2 Profiles, section 4.3, written for one ontology: its class expressions become
graph patterns, so that a rule asks only for what it needs. Rules run as SPARQL in a store of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, QuerySolutions, Store, Variable

from kg.vocabulary import OWL, RDF, RDFS, XSD

__all__ = ["Clash", "Closure", "Inference", "Reason", "Rule", "Rules", "Triple", "compile_rules", "infer"]

Term = NamedNode | BlankNode | Literal


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


@dataclass(frozen=True)
class Closure:
    """All that follows from a set of triples."""

    inferences: Sequence[Inference]
    clashes: Sequence[Clash]


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


class _Codes:
    """Writes every literal and blank node as an IRI, because a store rewrites literals (01 becomes 1)."""

    _CODED = "urn:x-kg-term:"

    def __init__(self) -> None:
        self.codes: dict[Term, NamedNode] = {}
        self.terms: list[Term] = []

    def code(self, term: Term) -> NamedNode:
        if isinstance(term, NamedNode):
            return term
        found = self.codes.get(term)
        if found is None:
            found = self.codes[term] = NamedNode(f"{self._CODED}{len(self.terms)}")
            self.terms.append(term)
        return found

    def term(self, code: NamedNode) -> Term:
        if code.value.startswith(self._CODED):
            return self.terms[int(code.value[len(self._CODED) :])]
        return code

    def triple(self, subject: NamedNode, predicate: NamedNode, value: NamedNode) -> Triple:
        return Triple(self.term(subject), predicate, self.term(value))  # type: ignore[arg-type]


class _Run:
    """One rule against one store."""

    def __init__(self, rule: Rule, store: Store, codes: _Codes) -> None:
        self.rule, self.store, self.codes = rule, store, codes
        patterns = " ".join(f"{self._text(s)} {p} {self._text(o)} ." for s, p, o in rule.body)
        values = " ".join(
            f"VALUES {variable} {{ {' '.join(str(codes.code(term)) for term in terms)} }}"
            for variable, terms in rule.values
        )
        self.where = f"{values} {patterns}"
        self.head_text = " ".join(self._text(part) for part in rule.head) if rule.head else ""
        self.variables = sorted(
            {part for pattern in (*rule.body, rule.head or ()) for part in pattern if isinstance(part, str)}
        )

    def _text(self, part: Term | str) -> str:
        return part if isinstance(part, str) else str(self.codes.code(part))

    def _rows(self, where: str) -> Iterator[Mapping[str, NamedNode]]:
        names = " ".join(self.variables)
        solutions = self.store.query(f"SELECT DISTINCT {names or '*'} WHERE {{ {where} }}")
        assert isinstance(solutions, QuerySolutions)
        for solution in solutions:
            yield {name: solution[Variable(name[1:])] for name in self.variables}

    def _fill(self, pattern: Pattern, row: Mapping[str, NamedNode]) -> tuple[NamedNode, NamedNode, NamedNode]:
        subject, predicate, value = (row[part] if isinstance(part, str) else self.codes.code(part) for part in pattern)
        return subject, predicate, value

    def heads(self) -> Iterator[tuple[NamedNode, NamedNode, NamedNode]]:
        """Give the heads that are not yet in the store."""
        assert self.rule.head is not None
        for row in self._rows(f"{self.where} FILTER NOT EXISTS {{ {self.head_text} }}"):
            yield self._fill(self.rule.head, row)

    def matches(self) -> Iterator[tuple[tuple[NamedNode, NamedNode, NamedNode] | None, tuple[Triple, ...]]]:
        """Give every head in coded terms, with its premises."""
        for row in self._rows(self.where):
            head = self._fill(self.rule.head, row) if self.rule.head else None
            yield head, tuple(self.codes.triple(*self._fill(pattern, row)) for pattern in self.rule.body)


def infer(rules: Sequence[Rule], triples: Iterable[Triple]) -> Closure:
    """Return what follows from triples, in a fixed order, and the clashes among them.

    A reason is kept only if its premises were known before the triple, so reasons never run in a circle.
    Literals as subjects, which RDF does not have, are not inferred.
    """
    codes = _Codes()
    store = Store()
    rank: dict[tuple[NamedNode, NamedNode, NamedNode], int] = {}
    for subject, predicate, value in triples:
        rank[(codes.code(subject), predicate, codes.code(value))] = 0
    graph = DefaultGraph()
    store.bulk_extend(Quad(*coded, graph) for coded in rank)
    runs = [_Run(rule, store, codes) for rule in rules]
    deriving = [run for run in runs if run.rule.head is not None]
    for turn in itertools.count(1):
        new = {head for run in deriving for head in run.heads() if not isinstance(codes.term(head[0]), Literal)}
        new -= rank.keys()
        if not new:
            break
        rank |= dict.fromkeys(new, turn)
        store.bulk_extend(Quad(*coded, graph) for coded in new)

    reasons: dict[tuple[NamedNode, NamedNode, NamedNode], dict[Reason, None]] = {}
    for run in deriving:
        for head, premises in run.matches():
            assert head is not None
            turn = rank.get(head, 0)
            if turn and all(rank[(codes.code(s), p, codes.code(o))] < turn for s, p, o in premises):
                reasons.setdefault(head, {})[Reason(run.rule, premises)] = None
    inferences = [
        Inference(codes.triple(*head), tuple(sorted(found, key=_reason_order)))
        for head, found in sorted(reasons.items(), key=lambda pair: [str(term) for term in codes.triple(*pair[0])])
    ]
    clashes = [Clash(run.rule, premises) for run in runs if run.rule.head is None for _, premises in run.matches()]
    return Closure(inferences, sorted(clashes, key=_reason_order))


def _reason_order(reason: Reason | Clash) -> tuple[str, list[str]]:
    return reason.rule.kind, [str(term) for triple in (*reason.premises, reason.rule.axiom) for term in triple]
