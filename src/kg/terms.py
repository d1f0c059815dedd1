"""Terms of one RDF library in the other: pyoxigraph's, which all files give, and rdflib's, which pySHACL asks for."""

from __future__ import annotations

import functools

from pyoxigraph import BlankNode, Literal, NamedNode
from rdflib import BNode, URIRef
from rdflib import Literal as RLiteral
from rdflib.term import Node

from kg.vocabulary import XSD

__all__ = ["from_rdflib", "to_rdflib"]


@functools.lru_cache(maxsize=100_000)
def to_rdflib(term: NamedNode | BlankNode | Literal) -> URIRef | BNode | RLiteral:
    """Return a term for rdflib; a literal keeps its text (01 stays 01)."""
    if isinstance(term, NamedNode):
        return URIRef(term.value)
    if isinstance(term, BlankNode):
        return BNode(term.value)
    if term.language:
        return RLiteral(term.value, lang=term.language)
    # rdflib's own parsers read "x" without a datatype, and for rdflib that is another term than "x"^^xsd:string.
    datatype = None if term.datatype == XSD.string else URIRef(term.datatype.value)
    return RLiteral(term.value, datatype=datatype, normalize=False)


def from_rdflib(term: Node) -> NamedNode | BlankNode | Literal:
    """Return a term of rdflib as pyoxigraph has it."""
    if isinstance(term, URIRef):
        return NamedNode(str(term))
    if isinstance(term, RLiteral):
        if term.language:
            return Literal(str(term), language=term.language)
        return Literal(str(term), datatype=NamedNode(str(term.datatype))) if term.datatype else Literal(str(term))
    return BlankNode(str(term))
