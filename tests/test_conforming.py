"""What is said to conform without pySHACL is what pySHACL finds nothing about; and what it looks at is known."""

import random

import pytest

from kg import shapes
from kg.conforming import Unsure
from kg.project import Role

CASTINGS = "data/turtle/sources/chronicle/castings.ttl"
LEDGER = "data/turtle/sources/ledger.ttl"
ANNA = "data/turtle/register/bell/anna.ttl"
SHAPES = "shapes/bells.ttl"

HEAD = """
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix casting: <https://bells.example/id/casting/> .
@prefix foundry: <https://bells.example/id/foundry/> .
"""
#: One shape of each kind that is decided here: constraints on a node, on values of a path, and on both.
DECIDED = [
    "sh:path b:near ; sh:minCount 1 ; sh:maxCount 2",
    "sh:path b:near ; sh:class b:Bell , b:Bronze",
    "sh:path b:near ; sh:minCount 0 ; sh:nodeKind sh:IRI",
    "sh:path b:mass ; sh:datatype xsd:integer",
    "sh:path b:mass ; sh:datatype xsd:string",
    "sh:path b:mass ; sh:datatype rdf:langString",
    "sh:path b:mass ; sh:datatype rdfs:Literal",
    "sh:path b:mass ; sh:nodeKind sh:Literal ; sh:minInclusive 2 ; sh:maxExclusive 7",
    "sh:path b:mass ; sh:minLength 1 ; sh:maxLength 2 ; sh:pattern '^[0-9]'",
    "sh:path b:mass ; sh:languageIn ( 'en' 'fr' )",
    "sh:path b:mass ; sh:uniqueLang true",
    "sh:path b:mass ; sh:uniqueLang false",
    "sh:path b:mass ; sh:in ( 1 2 '05' 'y'@en '05'^^xsd:integer )",
    "sh:path b:near ; sh:hasValue bell:anna , bell:berta",
    "sh:path b:near ; sh:disjoint b:cast",
    "sh:path b:near ; sh:equals b:cast",
    "sh:disjoint b:near",
    "sh:class b:Bell",
    "sh:in ( bell:anna bell:berta )",
    "sh:hasValue bell:anna",
    "sh:path [ sh:inversePath b:near ] ; sh:maxCount 1 ; sh:class b:Bell",
    "sh:path ( b:near b:mass ) ; sh:minCount 1",
    "sh:path ( b:near [ sh:inversePath b:cast ] ) ; sh:maxCount 1",
    "sh:path [ sh:alternativePath ( b:near [ sh:inversePath b:near ] ( b:cast b:near ) ) ] ; sh:maxCount 2",
    "sh:path b:near ; sh:node [ sh:property [ sh:path b:near ; sh:hasValue bell:anna ] ]",
    "sh:path b:near ; sh:property [ sh:path b:mass ; sh:minCount 1 ]",
    "sh:path b:near ; sh:qualifiedValueShape [ sh:class b:Bell ] ; sh:qualifiedMinCount 1",
    "sh:path b:near ; sh:qualifiedValueShape [ sh:path b:mass ; sh:minCount 1 ] ; sh:qualifiedMaxCount 1",
    "sh:path b:mass ; sh:qualifiedValueShape [ sh:not [ sh:languageIn ( 'en' ) ] ] ; sh:qualifiedMinCount 1 ; "
    "sh:qualifiedMaxCount 1",
    "sh:not [ sh:path b:near ; sh:minCount 1 ]",
    "sh:not [ sh:property [ sh:path b:mass ; sh:datatype xsd:integer ] ; sh:class b:Bell ]",
    "sh:or ( [ sh:class b:Bell ] [ sh:path b:mass ; sh:maxCount 0 ] )",
    "sh:xone ( [ sh:class b:Bell ] [ sh:class b:Casting ] [ sh:path b:near ; sh:minCount 1 ] )",
    "sh:and ( [ sh:class b:Bell ] [ sh:path b:mass ; sh:minCount 1 ] )",
    "sh:path b:near ; sh:or ( [ sh:class b:Bell ] [ sh:nodeKind sh:Literal ] )",
    "sh:path b:near ; sh:minCount 3 ; sh:deactivated true",
    "sh:property [ sh:path b:near ; sh:minCount 3 ; sh:deactivated true ] , [ sh:path b:mass ; sh:maxCount 1 ]",
    "sh:sparql [ sh:select 'SELECT $this ?value WHERE { $this b:near ?value . ?value b:mass ?m FILTER (?m > 3) }' ]",
    "sh:path b:mass ; sh:maxCount 3 ; sh:sparql [ sh:select 'SELECT $this WHERE { ?x b:near $this ; b:mass ?m }' ]",
]
#: What is left to pySHACL alone.
LEFT = [
    "sh:closed true",
    "sh:path b:mass ; sh:lessThan b:near",
    "sh:path [ sh:zeroOrMorePath b:near ] ; sh:class b:Bell",
    "sh:path [ sh:inversePath ( b:near b:cast ) ] ; sh:maxCount 1",
    "sh:path b:near ; sh:qualifiedValueShape [ sh:class b:Bell ] ; sh:qualifiedMinCount 1 ; "
    "sh:qualifiedValueShapesDisjoint true",
    "sh:sparql [ sh:select 'SELECT $this WHERE { FILTER NOT EXISTS { $this b:near ?x } }' ]",
    "sh:sparql [ sh:select 'SELECT $this WHERE { $this b:near ?x OPTIONAL { ?x b:mass ?m } }' ]",
    "sh:sparql [ sh:select 'SELECT $this WHERE { $this b:near ?x . ?other b:mass ?m }' ]",
    "sh:sparql [ sh:select 'SELECT $this WHERE { $this ?any 5 }' ]",
    "sh:sparql [ sh:select 'SELECT $this WHERE { ?x a b:Bell ; b:near $this FILTER NOT EXISTS { ?x b:mass ?m } }' ]",
    "sh:path b:mass ; sh:minCount 1 ; "
    "sh:sparql [ sh:select 'SELECT $this ?value WHERE { ?x a b:Bell ; b:near $this . ?value b:cast ?bell "
    "FILTER NOT EXISTS { ?value b:mass ?m } }' ]",
    "sh:sparql [ sh:select 'SELECT ?value WHERE { $this b:near ?value }' ]",
    "sh:sparql [ sh:select 'SELECT ?this WHERE { ?this b:near/b:near ?value }' ]",
    "sh:node s:Round",
]
ROUND = "s:Round a sh:NodeShape ; sh:property [ sh:path b:near ; sh:node s:Round ] ."
NODES = ["bell:anna", "bell:berta", "bell:clara", "foundry:grimm", "casting:x"]
VALUES = ["1", "2", "5", "05", "7.5", "'x'", "'y'@en", "'z'@en", "'y'@fr", "'z'@en-GB", "'0'^^xsd:integer",
          "'05'", "'2020-02-30'^^xsd:date", "'a'^^xsd:integer"]  # fmt: skip


EACH_NODE = f"sh:targetNode {' , '.join(NODES)} , 1 , 'y'@en"


def zoo(texts, targets=EACH_NODE) -> str:
    kinds = ["sh:PropertyShape" if text.startswith("sh:path") else "sh:NodeShape" for text in texts]
    named = zip(texts, kinds, strict=True)
    return HEAD + "\n".join(f"s:Z{n} a {kind} ; {targets} ; {text} ." for n, (text, kind) in enumerate(named)) + "\n"


def statements(chance: random.Random, number: int) -> str:
    lines = []
    for _ in range(number):
        subject, kind = chance.choice(NODES), chance.random()
        if kind < 0.25:
            lines.append(f"{subject} a {chance.choice(['b:Bell', 'b:Casting', 'b:Bronze', 'b:Great'])} .")
        elif kind < 0.6:
            lines.append(f"{subject} b:mass {chance.choice(VALUES)} .")
        else:
            lines.append(f"{subject} {chance.choice(['b:near', 'b:cast'])} {chance.choice(NODES)} .")
    return HEAD + "\n".join(lines) + "\n"


def loaded(bells):
    project = bells.project()
    reading = project.read()
    assert not reading.errors, reading.errors
    single = shapes._Shapes(project, reading.documents[Role.SHAPES], ["en"], whole=False)
    assert not single.faults
    return project, reading, single, shapes._Data(project.prefixes)


@pytest.mark.parametrize("seed", range(4))
def test_a_node_conforms_exactly_if_pyshacl_finds_nothing(bells, seed):
    chance = random.Random(seed)
    bells.append(SHAPES, zoo(DECIDED))
    bells.append(ANNA, "b:Bronze rdfs:subClassOf b:Bell .\n")
    bells.append(CASTINGS, statements(chance, 25))
    _, reading, single, data = loaded(bells)
    data.fill(reading.all())
    validation = shapes._Validation("", single, data)
    seen = set()
    with shapes._quiet():
        for at, shape in enumerate(single.top):
            test = validation.tests[at]
            assert test is not None, shape.node
            suspects = validation._suspects(test)
            for focus in validation.targets.all().get(at, ()):
                found = single.run(shape, data.watch.show(focus), data)
                try:
                    conforms = test.conforms(focus)
                except Unsure:
                    conforms = not found  # pySHACL will be asked
                assert (conforms and focus not in suspects) == (not found), (shape.node, data.watch.show(focus))
                seen.add((str(shape.node), conforms))
    assert not single.faults
    assert len(seen) > 1.4 * len(DECIDED)


@pytest.mark.parametrize("seed", range(16))
def test_a_source_brings_what_pyshacl_finds_with_it_and_not_without(bells, seed):
    chance = random.Random(seed)
    every = [*DECIDED, *LEFT]
    target = chance.choice(["sh:targetClass b:Bell", "sh:targetSubjectsOf b:near", "sh:targetObjectsOf b:near"])
    bells.append(SHAPES, zoo([*chance.sample(every, 9), *chance.sample(LEFT, 3)], target) + ROUND)
    bells.append(ANNA, statements(chance, 8))
    bells.append(CASTINGS, statements(chance, 6))
    if seed % 3 == 0:
        bells.append(CASTINGS, "b:Great rdfs:subClassOf b:Bell .\n")
    _, reading, single, data = loaded(bells)
    base = [*reading.documents[Role.ONTOLOGY], *reading.documents[Role.REGISTER]]
    data.fill(base)
    before = len(data)
    validation = shapes._Validation("", single, data)
    stated = [data.number_of(s) for d in reading.documents[Role.SOURCE] for s in d.statements]

    def all_of(documents):
        whole = shapes._Data(data.prefixes)
        whole.fill(documents)
        targets = shapes._Targets(single.top, whole).all()
        return {
            result
            for at, nodes in targets.items()
            for focus in nodes
            for result in single.run(single.top[at], whole.watch.show(focus), whole) or ()
        }

    with shapes._quiet():
        assert validation.results == all_of(base)
        brought = validation.with_source("source", stated)
        assert brought == all_of([*base, *reading.documents[Role.SOURCE]]) - validation.results
    assert len(data) == before
    assert not single.faults


@pytest.mark.parametrize("text", LEFT)
def test_what_is_not_decided_is_left_to_pyshacl(bells, text):
    bells.append(SHAPES, zoo([text]) + ROUND)
    *_, single, data = loaded(bells)
    validation = shapes._Validation("", single, data)
    (at,) = [at for at, shape in enumerate(single.top) if str(shape.node).endswith("#Z0")]
    assert validation.tests[at] is None or validation.tests[at].is_open


def test_a_pattern_that_never_ends_is_stopped_and_told(bells):
    bells.append("kg.toml", "\n[limits]\nshape_seconds = 1\n")
    bells.append(SHAPES, "s:Slow sh:targetClass b:Bell ; sh:path b:note ; sh:pattern '^(a+)+$' .\n")
    bells.append(ANNA, f'bell:anna b:note "{"a" * 40}b" .\n')
    found = [finding for finding in bells.check().findings if finding.rule == "shapes"]
    assert "takes longer than 1 seconds" in found[0].message
