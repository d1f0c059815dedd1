"""Axioms become rules; what follows has its reasons, and agrees with owlrl."""

import random

import pytest
import rdflib
from owlrl import DeductiveClosure, OWLRL_Semantics
from pyoxigraph import BlankNode, Literal, NamedNode

from kg.rules import Triple, clashing, compile_rules, infer
from kg.turtle import read_document

HEAD = """@base <http://x/> . @prefix : <http://x/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""


def triples(text):
    return [Triple(*statement[:3]) for statement in read_document((HEAD + text).encode(), "x").statements]


def short(triple):
    return " ".join("a" if term.value.endswith("#type") else term.value.rpartition("#")[2] for term in triple)


def close(ontology, data=""):
    axioms = triples(ontology)
    return infer(compile_rules(axioms).rules, axioms + triples(data))


def followed(ontology, data):
    known = {short(triple) for triple in triples(ontology) if not isinstance(triple.subject, BlankNode)}
    return {short(inference.triple) for inference in close(ontology, data).inferences} - known


@pytest.mark.parametrize(
    ("axioms", "data", "expected"),
    [
        (":A rdfs:subClassOf :B . :B rdfs:subClassOf :C .", ":i a :A .", {"i a B", "i a C"}),
        (":A owl:equivalentClass :B .", ":i a :B .", {"i a A"}),
        (":p rdfs:subPropertyOf :q .", ":i :p :j .", {"i q j"}),
        (":p owl:equivalentProperty :q .", ":i :q :j .", {"i p j"}),
        (":p owl:inverseOf :q .", ":i :p :j . :k :q :l .", {"j q i", "l p k"}),
        (":p rdfs:subPropertyOf [ owl:inverseOf :q ] .", ":i :p :j .", {"j q i"}),
        (":p a owl:SymmetricProperty .", ":i :p :j .", {"j p i"}),
        (":p a owl:TransitiveProperty .", ":i :p :j . :j :p :k . :k :p :l .", {"i p k", "j p l", "i p l"}),
        (":p rdfs:domain :A ; rdfs:range :B .", ":i :p :j .", {"i a A", "j a B"}),
        (":p rdfs:range xsd:string .", ":i :p 'x' .", set()),
        (":p rdfs:range :B .", ":i :p 'x' .", set()),
        (":r owl:propertyChainAxiom ( :p :q ) .", ":i :p :j . :j :q :k .", {"i r k"}),
        (":r owl:propertyChainAxiom ( [ owl:inverseOf :p ] :q :q ) .", ":j :p :i . :j :q :k . :k :q :l .", {"i r l"}),
        (
            "[ a owl:Class ; owl:intersectionOf ( :A :B ) ] rdfs:subClassOf :C .",
            ":i a :A , :B . :j a :A .",
            {"i a C"},
        ),
        (":C owl:equivalentClass [ owl:unionOf ( :A :B ) ] .", ":i a :A . :j a :B .", None),
        ("[ owl:unionOf ( :A :B ) ] rdfs:subClassOf :C .", ":i a :A . :j a :B .", {"i a C", "j a C"}),
        ("[ owl:onProperty :p ; owl:someValuesFrom :A ] rdfs:subClassOf :B .", ":i :p :j . :j a :A .", {"i a B"}),
        ("[ owl:onProperty :p ; owl:someValuesFrom owl:Thing ] rdfs:subClassOf :B .", ":i :p :j .", {"i a B"}),
        (":A rdfs:subClassOf [ owl:onProperty :p ; owl:allValuesFrom :B ] .", ":i a :A ; :p :j .", {"j a B"}),
        (
            ":A owl:equivalentClass [ owl:onProperty :p ; owl:hasValue :v ] .",
            ":i a :A . :j :p :v .",
            {"i p v", "j a A"},
        ),
        ("[ owl:oneOf ( :i :j ) ] rdfs:subClassOf :A .", "", {"i a A", "j a A"}),
        (":A rdfs:subClassOf owl:Thing .", ":i a :A .", set()),
    ],
)
def test_what_follows_from_an_axiom(axioms, data, expected):
    if expected is None:
        assert compile_rules(triples(axioms)).unsupported
    else:
        assert followed(axioms, data) == expected


@pytest.mark.parametrize(
    ("axioms", "data", "kind"),
    [
        (":A owl:disjointWith :B .", ":i a :A , :B .", "disjoint classes"),
        ("[] a owl:AllDisjointClasses ; owl:members ( :A :B :C ) .", ":i a :A , :C .", "disjoint classes"),
        (":p owl:propertyDisjointWith :q .", ":i :p :j ; :q :j .", "disjoint properties"),
        ("[] a owl:AllDisjointProperties ; owl:members ( :p :q ) .", ":i :p :j ; :q :j .", "disjoint properties"),
        (":p a owl:IrreflexiveProperty .", ":i :p :i .", "irreflexive"),
        (":p a owl:AsymmetricProperty .", ":i :p :j . :j :p :i .", "asymmetric"),
        (":A rdfs:subClassOf owl:Nothing .", ":i a :A .", "impossible"),
        (":A rdfs:subClassOf [ owl:complementOf :B ] .", ":i a :A , :B .", "impossible"),
    ],
)
def test_what_an_axiom_does_not_allow_together_is_a_clash(axioms, data, kind):
    clashes = close(axioms, data).clashes
    assert {clash.rule.kind for clash in clashes} == {kind}
    assert close(axioms, ":i a :A ; :p :j .").clashes == [] or kind == "impossible"


@pytest.mark.parametrize(
    ("axiom", "what"),
    [
        (":p a owl:FunctionalProperty .", "functional"),
        (":p a owl:InverseFunctionalProperty .", "inverse functional"),
        (":p a owl:ReflexiveProperty .", "reflexive"),
        (":A owl:hasKey ( :p ) .", "key"),
        (":A owl:disjointUnionOf ( :B :C ) .", "disjoint union"),
        (":i owl:sameAs :j .", "identity"),
        (":A rdfs:subClassOf [ owl:unionOf ( :B :C ) ] .", "unionOf where a class follows"),
        (":A rdfs:subClassOf [ owl:onProperty :p ; owl:someValuesFrom :B ] .", "someValuesFrom where a class follows"),
        ("[ owl:complementOf :A ] rdfs:subClassOf :B .", "complementOf where a class is looked for"),
        ("[ owl:onProperty :p ; owl:allValuesFrom :A ] rdfs:subClassOf :B .", "allValuesFrom where a class is looked"),
        (":A rdfs:subClassOf [ owl:onProperty :p ; owl:maxCardinality 1 ] .", "maxCardinality"),
    ],
)
def test_an_axiom_without_a_rule_is_named_not_passed_over(axiom, what):
    rules = compile_rules(triples(axiom))
    assert what in " ".join(text for _, text in rules.unsupported)


def test_reasons_name_rule_axiom_and_premises():
    (inference,) = [
        found
        for found in close(":r owl:propertyChainAxiom ( :p :q ) .", ":i :p :j . :j :q :k .").inferences
        if short(found.triple) == "i r k"
    ]
    (reason,) = inference.reasons
    assert reason.rule.kind == "chain"
    assert reason.rule.axiom.predicate.value.endswith("propertyChainAxiom")
    assert [short(premise) for premise in reason.premises] == ["i p j", "j q k"]


def test_a_fact_with_two_grounds_has_two_reasons():
    found = close(":A rdfs:subClassOf :C . :B rdfs:subClassOf :C .", ":i a :A , :B .").inferences
    assert [len(inference.reasons) for inference in found if short(inference.triple) == "i a C"] == [2]


def test_reasons_never_run_in_a_circle():
    closure = close(
        ":p a owl:SymmetricProperty , owl:TransitiveProperty . :A owl:equivalentClass :B , :C .",
        ":i :p :j . :j :p :k . :k :p :i . :i a :A .",
    )
    known = set(triples(":p a owl:SymmetricProperty , owl:TransitiveProperty . :A owl:equivalentClass :B , :C ."))
    known |= set(triples(":i :p :j . :j :p :k . :k :p :i . :i a :A ."))
    waiting = list(closure.inferences)
    while waiting:
        founded = [i for i in waiting if any(set(reason.premises) <= known for reason in i.reasons)]
        assert founded
        known |= {inference.triple for inference in founded}
        waiting = [inference for inference in waiting if inference not in founded]


def test_what_is_stated_is_not_inferred_again():
    assert followed(":A rdfs:subClassOf :B .", ":i a :A , :B .") == set()


def test_literals_keep_their_text_through_the_rules():
    data = ":i :p '01'^^xsd:integer . :j :p '1'^^xsd:integer ."
    found = close(
        "[ owl:onProperty :p ; owl:hasValue '01'^^xsd:integer ] rdfs:subClassOf :A . :p rdfs:subPropertyOf :q .", data
    )
    told = {short(inference.triple) for inference in found.inferences}
    assert "i a A" in told
    assert "j a A" not in told
    integer = NamedNode("http://www.w3.org/2001/XMLSchema#integer")
    assert Literal("01", datatype=integer) in {inference.triple.object for inference in found.inferences}


def test_the_closure_does_not_depend_on_the_order_of_triples():
    axioms = triples(
        ":p a owl:TransitiveProperty . :A rdfs:subClassOf :B . :p rdfs:domain :A . :A owl:disjointWith :C ."
    )
    data = triples(":i :p :j . :j :p :k . :k :p :l . :j a :C .")
    rules = compile_rules(axioms).rules
    one = infer(rules, axioms + data)
    other = infer(rules, list(reversed(data)) + list(reversed(axioms)))
    assert (one.inferences, one.clashes) == (other.inferences, other.clashes)


# --- against owlrl ---

CLASSES = [f":C{i}" for i in range(4)]
PROPERTIES = [f":p{i}" for i in range(4)]


def random_axiom(chance):
    a, b, c = (chance.choice(CLASSES) for _ in range(3))
    p, q, r = (chance.choice(PROPERTIES) for _ in range(3))
    return chance.choice(
        [
            f"{a} rdfs:subClassOf {b} .",
            f"{a} owl:equivalentClass {b} .",
            f"{p} rdfs:subPropertyOf {q} .",
            f"{p} owl:inverseOf {q} .",
            f"{p} a owl:SymmetricProperty .",
            f"{p} a owl:TransitiveProperty .",
            f"{p} rdfs:domain {a} .",
            f"{p} rdfs:range {a} .",
            f"{r} owl:propertyChainAxiom ( {p} {q} ) .",
            f"[ a owl:Class ; owl:intersectionOf ( {a} {b} ) ] rdfs:subClassOf {c} .",
            f"[ a owl:Class ; owl:unionOf ( {a} {b} ) ] rdfs:subClassOf {c} .",
            f"[ a owl:Restriction ; owl:onProperty {p} ; owl:someValuesFrom {a} ] rdfs:subClassOf {b} .",
            f"{a} rdfs:subClassOf [ a owl:Restriction ; owl:onProperty {p} ; owl:allValuesFrom {b} ] .",
            f"{a} rdfs:subClassOf [ a owl:Restriction ; owl:onProperty {p} ; owl:hasValue :i0 ] .",
            f"[ a owl:Restriction ; owl:onProperty {p} ; owl:hasValue :i1 ] rdfs:subClassOf {a} .",
        ]
    )


def random_fact(chance):
    subject, value = (f":i{chance.randrange(5)}" for _ in range(2))
    if chance.random() < 0.4:
        return f"{subject} a {chance.choice(CLASSES)} ."
    return f"{subject} {chance.choice(PROPERTIES)} {value} ."


def about_individuals(found):
    return {
        (str(s), str(p), str(o))
        for s, p, o in found
        if str(s).startswith("http://x/#i") and (str(p).startswith("http://x/#p") or str(o).startswith("http://x/#C"))
    }


@pytest.mark.parametrize("seed", range(40))
def test_what_follows_about_individuals_is_what_owlrl_says(seed):
    chance = random.Random(seed)
    text = "\n".join([*(random_axiom(chance) for _ in range(6)), *(random_fact(chance) for _ in range(7))])
    declared = "".join(f"{c} a owl:Class . " for c in CLASSES) + "".join(
        f"{p} a owl:ObjectProperty . " for p in PROPERTIES
    )
    known = triples(text + declared)
    rules = compile_rules(known)
    assert rules.unsupported == []
    ours = [*known, *(inference.triple for inference in infer(rules.rules, known).inferences)]
    oracle = rdflib.Graph().parse(data=HEAD + text + declared, format="turtle")
    DeductiveClosure(OWLRL_Semantics).expand(oracle)
    assert about_individuals((s.value, p.value, o.value) for s, p, o in ours) == about_individuals(oracle)


# --- parts that clash ---


@pytest.mark.parametrize("seed", range(20))
def test_parts_that_clash_are_those_that_clash_when_inferred_alone_with_the_base(seed):
    chance = random.Random(seed)
    disjoint = "".join(f"{CLASSES[i]} owl:disjointWith {CLASSES[i + 1]} . " for i in (0, 2))
    axioms = triples(disjoint + "".join(random_axiom(chance) for _ in range(4)) + ":p0 owl:propertyDisjointWith :p1 .")
    rules = compile_rules(axioms).rules
    base = axioms + triples("".join(random_fact(chance) for _ in range(3)))
    parts = {name: triples("".join(random_fact(chance) for _ in range(3))) for name in range(12)}

    def clashes(more):
        return {(clash.rule, clash.premises) for clash in infer(rules, base + more).clashes}

    assert list(clashing(rules, base, parts)) == [name for name in parts if clashes(parts[name]) > clashes([])]
