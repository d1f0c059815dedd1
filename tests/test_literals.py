"""Literals as the sources wrote them, though the store rewrites them."""

from __future__ import annotations

import pytest
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse
from tests.building import bells, flagship

from kg.literals import Written
from kg.queries import Data, ask
from kg.results import TRIPLES_FORMS, triples_body

TURTLE = """
PREFIX : <https://bells.example/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
:anna :mass 0840.50 ; :number "01"^^xsd:integer ; :small "5"^^xsd:byte ; :lasts "P12M"^^xsd:duration ; :name "01" .
:berta :mass 900.0 ; :number 1 ; :seen "2020-01-01T00:00:00.000Z"^^xsd:dateTime ; :name "eins"@de .
:clara :mass 900.00 ; :odd "x"^^xsd:integer ; :rung true .
:dora :mass 700 , 700.0 .
<< :anna :mass 0012.0 >> :saidBy :berta .
"""
B = "https://bells.example/"


def data_of(turtle: str) -> Data:
    quads = list(parse(turtle.encode(), format=RdfFormat.TURTLE))
    store = Store()
    store.bulk_extend(quads)
    return Data(store, {"": B, "xsd": "http://www.w3.org/2001/XMLSchema#"}, None, Written.of(quads))


@pytest.fixture(scope="module")
def data() -> Data:
    return data_of(TURTLE)


def texts(data: Data, query: str) -> list[str]:
    """Return the terms of the first column, without repetition of the datatypes' namespace."""
    rows = ask(data, query).rows
    return [str(row[0]).replace("<http://www.w3.org/2001/XMLSchema#", "xsd:").rstrip(">") for row in rows]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT ?o { :anna :mass ?o }", '"0840.50"^^xsd:decimal'),
        ("SELECT * { :anna :mass ?o }", '"0840.50"^^xsd:decimal'),
        ("SELECT ?o { :anna :small ?o }", '"5"^^xsd:byte'),
        ("SELECT ?o { :anna :lasts ?o }", '"P12M"^^xsd:duration'),
        ("SELECT ?o { :berta :seen ?o }", '"2020-01-01T00:00:00.000Z"^^xsd:dateTime'),
        ("SELECT ?o { :clara :odd ?o }", '"x"^^xsd:integer'),
        ("SELECT ?o { :anna :name ?o }", '"01"'),
        ("SELECT ?o { { SELECT ?o (1 AS ?x) { :anna :mass ?o } } }", '"0840.50"^^xsd:decimal'),
        # One value in two forms, of which nobody knows which one was found.
        ("SELECT ?o { :anna :number ?o }", '"1"^^xsd:integer'),
        ("SELECT ?o { :clara :mass ?o }", '"900"^^xsd:decimal'),
        # What a query works out, or says itself, was written by nobody.
        ("SELECT (840.5 AS ?o) {}", '"840.5"^^xsd:decimal'),
        ("SELECT ?o { BIND(840.5 AS ?o) }", '"840.5"^^xsd:decimal'),
        ("SELECT ?o { VALUES ?o { 840.5 } }", '"840.5"^^xsd:decimal'),
        ("SELECT ?o { VALUES (?x ?o) { (1 840.5) } }", '"840.5"^^xsd:decimal'),
        ("SELECT ?o {} VALUES ?o { 840.5 }", '"840.5"^^xsd:decimal'),
        ("SELECT ?o { { SELECT (840.5 AS ?o) {} } }", '"840.5"^^xsd:decimal'),
        ("SELECT(840.5AS?o){}", '"840.5"^^xsd:decimal'),
        ("SELECT (840.5 # )\n AS # ?x\n ?o) {}", '"840.5"^^xsd:decimal'),
    ],
)
def test_a_variable_bound_by_the_data_alone_shows_what_was_written(data: Data, query: str, found: str) -> None:
    assert texts(data, query) == [found]


def test_values_of_parameters_are_not_what_was_written(data: Data) -> None:
    value = Literal("840.5", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#decimal"))
    assert ask(data, "SELECT ?o { }", values={"o": value}).rows == [[value]]


def test_triples_of_the_data_come_in_all_forms_in_which_they_were_written() -> None:
    data = data_of(TURTLE + ":anna :number 001 .")
    found = ask(data, "CONSTRUCT WHERE { ?s :number ?o }").triples or ()
    assert sorted(str(triple.object).partition("^^")[0] for triple in found) == ['"001"', '"01"', '"1"']
    found = ask(data, "CONSTRUCT WHERE { :dora :mass ?o }").triples or ()
    assert sorted(str(triple.object).partition("^^")[0] for triple in found) == ['"700"', '"700.0"']
    found = ask(data, "DESCRIBE :clara").triples or ()
    assert '"900.00"' in [str(triple.object).partition("^^")[0] for triple in found]
    found = ask(data, "CONSTRUCT { ?s :new ?o } WHERE { ?s :mass ?o . ?s :lasts ?x }").triples or ()
    assert [triple.object for triple in found] == [Literal("840.5", datatype=found[0].object.datatype)]  # type: ignore[union-attr]


def test_statements_about_statements_keep_what_was_written(data: Data) -> None:
    reifies = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#reifies>"
    ((term,),) = ask(data, f"SELECT ?t {{ [] {reifies} ?t }}").rows
    assert isinstance(term, Triple)
    assert isinstance(term.object, Literal)
    assert term.object.value == "0012.0"


def test_nothing_is_kept_for_a_graph_that_the_store_does_not_rewrite() -> None:
    written = Written.of(
        [Quad(NamedNode(B), NamedNode(B), Literal(1)), Quad(NamedNode(B), NamedNode(B), Literal("01"))]
    )
    assert (written.forms, written.triples) == ({}, {})


@pytest.mark.parametrize("world", [bells, flagship])
@pytest.mark.parametrize("form", [form for form in TRIPLES_FORMS if form != "jsonld"])
def test_a_graph_constructed_whole_is_the_graph_as_it_was_written(world: object, form: str) -> None:
    """Through the store and back, in every format, each statement is what the parser read from the sources."""
    snapshot = world().snapshot  # type: ignore[operator]
    quads = parse(path=str(snapshot.path / "graph.nq"), format=RdfFormat.N_QUADS)
    expected = {Triple(q.subject, q.predicate, q.object) for q in quads}
    found = ask(snapshot.data(), "CONSTRUCT WHERE { ?s ?p ?o }").triples or ()
    body = b"".join(triples_body(found, form, snapshot.prefixes).parts)
    formats = {
        "ttl": RdfFormat.TURTLE, "nt": RdfFormat.N_TRIPLES, "rdf": RdfFormat.RDF_XML, "trig": RdfFormat.TRIG,
        "nq": RdfFormat.N_QUADS,
    }  # fmt: skip
    again = list(parse(body, format=formats[form]))
    assert {quad.graph_name for quad in again} == {DefaultGraph()}
    named = {triple for triple in expected if "_:" not in str(triple)}
    assert {triple for q in again if "_:" not in str(triple := Triple(q.subject, q.predicate, q.object))} == named
    assert len(again) == len(expected)
