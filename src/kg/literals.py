"""Literals as the sources wrote them, given back to results of a store that rewrites them.

The store keeps values: `"01"^^xsd:integer` becomes 1, 48.8500 becomes 48.85, an `xsd:byte` becomes an `xsd:integer`.
What was written is known from the parser. See docs/explanation/literals.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Triple

from kg.vocabulary import XSD

__all__ = ["Term", "Written"]

Term = NamedNode | BlankNode | Literal | Triple

_KEY = NamedNode("urn:x-kg:literal")


@dataclass(frozen=True)
class Written:
    """What a store's literals were before it rewrote them, for a set of quads."""

    #: The one form of each rewritten literal; those that were written in several ways are not here.
    forms: Mapping[Literal, Literal] = field(default_factory=dict)
    #: All forms of each triple that has a rewritten literal.
    triples: Mapping[Triple, Sequence[Triple]] = field(default_factory=dict)

    @classmethod
    def of(cls, quads: Iterable[Quad]) -> Written:
        """Return what was written in quads that a parser gave."""
        typed: list[tuple[Quad, list[Literal]]] = []
        for quad in quads:
            last = quad.object
            if isinstance(last, (Literal, Triple)) and (found := [*_literals(last)]):
                typed.append((quad, found))
        literals = {literal: None for _, found in typed for literal in found}
        kept = _kept(list(literals))
        written: dict[Literal, list[Literal]] = {}
        for literal in literals:
            written.setdefault(kept[literal], []).append(literal)
        # A literal that a source wrote as the store has it counts as a form too: of two forms neither is taken.
        forms = {value: said[0] for value, said in written.items() if len(said) == 1 and said[0] != value}
        changed = {literal for value, said in written.items() if said != [value] for literal in said}
        triples: dict[Triple, dict[Triple, None]] = {}
        for quad, found in typed:
            if not changed.isdisjoint(found):
                triple = Triple(quad.subject, quad.predicate, quad.object)
                triples.setdefault(_with(triple, kept), {})[triple] = None
        return cls(forms, {triple: sorted(said, key=str) for triple, said in triples.items()})

    def term(self, term: Term | None) -> Term | None:
        """Return a term as it was written, if it was written in one way only."""
        if isinstance(term, Triple):
            return _with(term, self.forms)
        return self.forms.get(term, term) if isinstance(term, Literal) else term

    def all_forms(self, triples: Iterable[Triple]) -> Iterator[Triple]:
        """Give triples as they were written: one that was written in several ways in all of them.

        One that no source states stays as the store has it.
        """
        for triple in triples:
            yield from self.triples.get(triple, (triple,))


_STRING = XSD.string


def _literals(term: Term) -> Iterator[Literal]:
    """Give the literals in an object that a store may rewrite: those with a datatype of their own."""
    if isinstance(term, Literal):
        if term.language is None and term.datatype != _STRING:
            yield term
    elif isinstance(term, Triple):
        yield from _literals(term.object)


def _with(triple: Triple, forms: Mapping[Literal, Literal]) -> Triple:
    last = triple.object
    if isinstance(last, Literal):
        last = forms.get(last, last)
    elif isinstance(last, Triple):
        last = _with(last, forms)
    return triple if last is triple.object else Triple(triple.subject, triple.predicate, last)


def _kept(literals: Sequence[Literal]) -> dict[Literal, Literal]:
    """Return what the store makes of literals: it is asked, because only it knows."""
    store = Store()
    store.bulk_extend(Quad(NamedNode(f"urn:x-kg:{number}"), _KEY, found) for number, found in enumerate(literals))
    kept = {}
    for quad in store:
        assert isinstance(quad.subject, NamedNode)
        assert isinstance(quad.object, Literal)
        kept[literals[int(quad.subject.value.rpartition(":")[2])]] = quad.object
    return kept
