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
        quads = list(quads)
        literals: dict[Literal, None] = {}
        for quad in quads:
            for literal in _literals(quad.object):
                if literal.language is None and literal.datatype != XSD.string:
                    literals[literal] = None
        kept = _kept(list(literals))
        written: dict[Literal, list[Literal]] = {}
        for literal in literals:
            written.setdefault(kept[literal], []).append(literal)
        # A literal that a source wrote as the store has it counts as a form too: of two forms neither is taken.
        forms = {value: found[0] for value, found in written.items() if len(found) == 1 and found[0] != value}
        changed = {literal for value, found in written.items() if found != [value] for literal in found}
        triples: dict[Triple, dict[Triple, None]] = {}
        for quad in quads:
            if not changed.isdisjoint(_literals(quad.object)):
                said = Triple(quad.subject, quad.predicate, quad.object)
                triples.setdefault(_with(said, kept), {})[said] = None
        return cls(forms, {triple: sorted(found, key=str) for triple, found in triples.items()})

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


def _literals(term: Term) -> Iterator[Literal]:
    if isinstance(term, Literal):
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
