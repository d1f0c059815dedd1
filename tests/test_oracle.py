"""What the engine infers from the real graph is what OWL 2 RL entails, by another reasoner."""

from __future__ import annotations

import owlrl
import pytest
from pyoxigraph import NamedNode
from rdflib import RDF, BNode, Graph, URIRef
from tests.building import WORLDS

from kg.project import Reading, Role
from kg.rules import Triple, compile_rules, infer
from kg.vocabulary import OWL, RDFS

# Entailments that hold of everything, or that are about the ontology itself.
_OF_EVERYTHING = {OWL.Thing.value, OWL.NamedIndividual.value, RDFS.Resource.value, OWL.sameAs.value}


def _to_rdflib(term):
    return URIRef(term.value) if isinstance(term, NamedNode) else BNode(term.value)


@pytest.mark.parametrize(
    ("world", "every"), [("bells", 1), ("flagship", 8), pytest.param("flagship", 1, marks=pytest.mark.torture)]
)
def test_inferences_are_those_of_owlrl(world, every):
    """Compared are the triples between things with an IRI: rules see no text, and owlrl is slow with much of it.

    Of a large graph one file in so many is taken, as a graph of its own.
    """
    whole = WORLDS[world]().project.read()
    data = {role: whole.documents[role][::every] for role in (Role.REGISTER, Role.SOURCE)}
    reading = Reading({**whole.documents, **data}, whole.errors)
    stated = {
        Triple(quad.subject, quad.predicate, quad.object)
        for quad in reading.quads(Role.ONTOLOGY, Role.REGISTER, Role.SOURCE)
        if not hasattr(quad.object, "datatype")
    }
    axioms = [Triple(quad.subject, quad.predicate, quad.object) for quad in reading.quads(Role.ONTOLOGY)]
    closure = infer(compile_rules(axioms).rules, stated)
    ours = {tuple(map(_to_rdflib, inference.triple)) for inference in closure.inferences}

    graph = Graph()
    for triple in stated:
        graph.add(tuple(map(_to_rdflib, triple)))
    before = set(graph)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    things = {_to_rdflib(triple.subject) for triple in stated if triple.subject not in _terms(axioms)}
    theirs = {
        (s, p, o)
        for s, p, o in set(graph) - before
        if s in things
        and isinstance(s, URIRef)
        and isinstance(o, URIRef)
        and str(p) not in _OF_EVERYTHING
        and str(o) not in _OF_EVERYTHING
    }
    assert {t for t in ours if t[0] in things and isinstance(t[2], URIRef)} == theirs
    assert any(p == RDF.type for _, p, _ in theirs)
    assert any(p != RDF.type for _, p, _ in theirs)


def _terms(axioms):
    """Return what the ontology files describe: terms, and expressions without a name."""
    return {triple.subject for triple in axioms}
