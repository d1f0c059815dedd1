"""Shapes are checked source by source and over the whole; what they find stands at the statement it is about."""

import json
import random
from collections import Counter

import pyshacl
import pytest
from rdflib import SH, Graph, URIRef
from rdflib.plugins.sparql import prepareQuery

from kg import shapes
from kg.presentation import arrange, presentation
from kg.project import Role
from kg.shapes import validate
from kg.terms import to_rdflib

ANNA = "data/turtle/register/bell/anna.ttl"
BERTA = "data/turtle/register/bell/berta.ttl"
CASTINGS = "data/turtle/sources/chronicle/castings.ttl"
LEDGER = "data/turtle/sources/ledger.ttl"
SHAPES = "shapes/bells.ttl"
B = "https://bells.example/ontology#"


def findings(bells, language="en"):
    project = bells.project()
    return [bells.short(finding) for finding in validate(project, project.read(), language=language)]


# --- source by source ---


def test_bells_as_they_are_fit_their_shapes(bells):
    assert findings(bells) == []


def test_a_missing_value_stands_at_the_node_that_lacks_it(bells):
    bells.replace(ANNA, ' ;\n  rdfs:label "Anna"@en .', " .")
    assert findings(bells) == [(ANNA, 10, 1, "violation", "s:Bell-label", "A bell needs a name.")]


def test_a_wrong_value_stands_at_its_own_statement(bells):
    bells.replace(CASTINGS, "b:cast bell:anna", "b:cast bell:anna , foundry:grimm")
    assert findings(bells) == [
        (CASTINGS, 14, 22, "violation", "s:Casting-cast", "A casting casts a bell of the register.")
    ]


def test_too_many_values_stand_at_the_first_that_the_source_adds(bells):
    bells.append(ANNA, "bell:anna b:mass 700 .\n")
    bells.append(CASTINGS, 'bell:anna b:mass 701 ; b:page "12" .\n')
    assert findings(bells) == [
        (CASTINGS, 18, 18, "warning", "s:Bell-mass", "sh:maxCount 1 does not hold for bell:anna")
    ]


def test_what_two_sources_say_is_not_added_up(bells):
    bells.append(CASTINGS, 'bell:berta b:mass 799 ; b:page "12" .\n')
    assert findings(bells) == []


def test_a_finding_in_the_register_is_told_once_however_many_sources_there_are(bells):
    bells.replace(ANNA, ' ;\n  rdfs:label "Anna"@en .', " .")
    for number in range(5):
        bells.write(
            f"data/turtle/sources/note-{number}.ttl",
            bells.read(CASTINGS)
            .replace("chronicle/castings", f"note-{number}/all")
            .replace("source:chronicle", f"<https://bells.example/id/source/note-{number}>"),
        )
    assert findings(bells) == [(ANNA, 10, 1, "violation", "s:Bell-label", "A bell needs a name.")]


def test_a_source_is_checked_with_the_register_but_without_other_sources(bells):
    bells.append(CASTINGS, 'bell:clara a b:Bell ; b:page "13" .\n')
    bells.append(LEDGER, 'bell:clara <http://www.w3.org/2000/01/rdf-schema#label> "Clara"@en .\n')
    assert findings(bells) == [(CASTINGS, 18, 1, "violation", "s:Bell-label", "A bell needs a name.")]


def test_files_of_one_source_are_checked_together(bells):
    bells.append(CASTINGS, 'bell:clara a b:Bell ; b:page "13" .\n')
    bells.write(
        "data/turtle/sources/chronicle/names.ttl",
        bells.read(ANNA)
        .replace("register/bell/anna", "chronicle/names")
        .replace("source:register", "source:chronicle")
        .replace("bell:anna\n  a b:Bell ;", "bell:clara"),
    )
    assert findings(bells) == []


def test_date_bounds_are_there_for_the_shapes(bells):
    bells.append(SHAPES, "s:Casting sh:property [ sh:path b:latestYear ; sh:maxExclusive '1705-01-01'^^xsd:date ] .\n")
    assert findings(bells) == [
        (
            LEDGER,
            18,
            10,
            "violation",
            "sh:MaxExclusiveConstraintComponent",
            "sh:maxExclusive 1705-01-01 does not hold for casting:berta: 1710-12-31",
        )
    ]


def test_inferred_statements_are_not_validated(bells):
    bells.append(SHAPES, "s:Never sh:targetObjectsOf b:castBy ; sh:maxLength 0 .\n")
    bells.append(SHAPES, "s:Bell sh:property [ sh:path b:castBy ; sh:maxCount 0 ] .\n")
    assert findings(bells) == []


def test_an_inverse_path_stands_at_the_statement_of_the_other_node(bells):
    bells.append(SHAPES, "s:Once sh:targetClass b:Bell ; sh:property s:Once-cast .\n")
    bells.append(SHAPES, "s:Once-cast sh:path [ sh:inversePath b:cast ] ; sh:maxCount 1 ; sh:message 'Cast once.' .\n")
    bells.append(LEDGER, "casting:second a b:Casting ; b:cast bell:berta .\n")
    assert findings(bells) == [(LEDGER, 16, 10, "violation", "s:Once-cast", "Cast once.")]


# --- the whole graph ---


def test_a_shape_marked_for_the_whole_graph_sees_all_sources_together(bells):
    bells.replace(LEDGER, "b:cast bell:berta", "b:cast bell:berta , bell:anna")
    assert findings(bells) == [
        (LEDGER, 14, 1, "info", "s:Casting-order", "casting:berta may be later than casting:anna.")
    ]
    bells.replace(SHAPES, "  kg:wholeGraph true ;\n", "")
    assert findings(bells) == []


def test_a_marked_shape_is_not_checked_source_by_source(bells):
    bells.replace(LEDGER, "b:cast bell:berta", "b:cast bell:berta , bell:anna")
    bells.append(LEDGER, "casting:third a b:Casting ; b:cast bell:anna ; b:year '1650'^^edtf:EDTF .\n")
    assert Counter(finding[5] for finding in findings(bells)) == {
        "casting:berta may be later than casting:anna.": 1,
        "casting:berta may be later than casting:third.": 1,
        "casting:anna may be later than casting:third.": 1,
    }


def test_a_marked_property_shape_has_the_targets_of_the_shape_it_stands_in(bells):
    bells.append(LEDGER, "bell:anna b:mass 650 .\n")
    bells.append(CASTINGS, 'bell:anna b:mass 651 ; b:page "12" .\n')
    assert findings(bells) == []
    bells.append(SHAPES, "s:Bell-mass kg:wholeGraph true .\n")
    assert findings(bells) == [
        (CASTINGS, 18, 18, "warning", "s:Bell-mass", "sh:maxCount 1 does not hold for bell:anna")
    ]


# --- messages ---


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("de", "Eine Glocke braucht einen Namen."),
        ("de-at", "Eine Glocke braucht einen Namen."),
        ("en", "A bell needs a name."),
        ("ja", "A bell needs a name."),
    ],
)
def test_messages_are_in_the_language_asked_for_or_the_first_of_the_project(bells, language, message):
    bells.replace(ANNA, ' ;\n  rdfs:label "Anna"@en .', " .")
    assert findings(bells, language)[0][5] == message


def test_a_message_filled_by_a_query_keeps_to_its_language(bells):
    bells.replace(LEDGER, "b:cast bell:berta", "b:cast bell:berta , bell:anna")
    assert findings(bells, "de")[0][5] == "casting:berta ist vielleicht nach casting:anna."


def test_a_message_may_hold_a_backslash_from_the_data(bells):
    bells.append(
        SHAPES,
        's:Bell sh:sparql [ sh:message "Odd name: {?value}" ; '
        "sh:select 'SELECT $this ?value WHERE { $this rdfs:label ?value FILTER(CONTAINS(?value, \"d\")) }' ] .\n",
    )
    bells.replace(ANNA, '"Anna"@en', '"\\\\d \\\\g<1>"@en')
    assert findings(bells) == [(ANNA, 10, 1, "violation", "s:Bell", "Odd name: \\d \\g<1>")]


def test_a_query_speaks_before_its_shape(bells):
    bells.append(
        SHAPES,
        's:Bell sh:message "The shape." ; '
        "sh:sparql [ sh:message 'The query.' ; sh:select 'SELECT $this WHERE { $this a b:Bell }' ] .\n",
    )
    assert {finding[5] for finding in findings(bells)} == {"The query."}


def test_without_a_message_the_constraint_is_told_as_it_is_written(bells):
    bells.append(SHAPES, "s:Bell-mass sh:in ( 900 b:Heavy 800.0 ) .\n")
    assert findings(bells) == [
        (LEDGER, 20, 19, "warning", "s:Bell-mass", "sh:in ( 900 b:Heavy 800.0 ) does not hold for bell:berta: 800")
    ]


# --- shapes that do not work ---


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("s:Odd a sh:PropertyShape ; sh:minCount 1 .", 70, 9, "must include one `sh:path` property."),
        ("s:Bell-mass sh:path rdfs:label .", 32, 5, "cannot have more than one 'sh:path' property."),
        ("s:Bell sh:path rdfs:label .", 18, 5, "cannot be the subject of a 'sh:path' predicate."),
        ("s:Odd sh:targetClass b:Nothing ; sh:minCount 1 .", 70, 22, "MinCount"),
        ("s:Odd sh:targetClass b:Nothing ; sh:pattern '(' .", 70, 22, "missing ), unterminated subpattern"),
        ("s:Odd sh:targetClass b:Bell ; sh:minLength 'x' .", 70, 22, "sh:minLength"),
        ("s:Odd sh:targetClass b:Bell ; sh:sparql [ sh:message 'x' ] .", 70, 22, "sh:select"),
        (
            "s:Odd a sh:NodeShape ; sh:sparql [ sh:select 'SELECT $this WHERE { $this x:y ?z }' ] .",
            70,
            74,
            "the prefix x: is not declared",
        ),
        (
            "s:Odd a sh:NodeShape ; sh:sparql [ sh:select 'SELECT $this { $this ?p ?o MINUS { $this a ?o } }' ] .",
            70,
            46,
            "MINUS",
        ),
        (
            "s:Odd a sh:NodeShape ; sh:sparql [ sh:select '''\n SELECT $this\n WHERE { $this a } ''' ] .",
            72,
            18,
            "} cannot stand here",
        ),
    ],
)
def test_a_shape_that_does_not_work_is_a_finding_in_its_file(bells, text, line, column, message):
    bells.append(SHAPES, text + "\n")
    (found,) = findings(bells)
    assert found[:5] == (SHAPES, line, column, "violation", "shapes")
    assert found[5].startswith("this shape does not work: ")
    assert message in found[5]


def test_other_shapes_are_checked_beside_one_that_does_not_work(bells):
    bells.append(SHAPES, "s:Odd sh:targetClass b:Bell ; sh:minLength 'x' .\n")
    bells.replace(ANNA, ' ;\n  rdfs:label "Anna"@en .', " .")
    assert [finding[4] for finding in findings(bells)] == ["s:Bell-label", "shapes"]


def test_a_feature_that_would_silently_do_nothing_is_a_violation(bells):
    bells.append(SHAPES, "s:Bell sh:rule [ a sh:TripleRule ] .\n")
    assert findings(bells) == [(SHAPES, 70, 16, "violation", "shapes", "sh:rule is not read here")]


@pytest.mark.parametrize("text", ["sh:node s:Bel", "sh:or ( s:Bell s:Bel )", "sh:property s:Bel"])
def test_a_shape_that_nothing_describes_would_do_nothing_and_is_a_violation(bells, text):
    bells.append(SHAPES, f"s:Casting {text} .\n")
    column = 11 + text.rindex("(" if "(" in text else "s:")
    assert (SHAPES, 70, column, "violation", "shapes", "no file describes the shape s:Bel") in findings(bells)


def test_a_project_without_shapes_has_nothing_to_validate(bells):
    bells.delete(SHAPES)
    assert findings(bells) == []


# --- against pySHACL as it comes ---

SOME_SHAPES = """
s:Bell sh:property [ sh:path ( [ sh:inversePath b:cast ] b:caster ) ; sh:class b:Foundry ; sh:maxCount 1 ] .
s:Bell sh:property [ sh:path [ sh:zeroOrMorePath b:near ] ; sh:node s:Near ] .
s:Near a sh:NodeShape ; sh:property [ sh:path b:mass ; sh:maxCount 2 ] .
s:Near-inverse sh:targetSubjectsOf b:near ; sh:path [ sh:inversePath b:near ] ; sh:maxCount 1 .
s:Any sh:targetObjectsOf b:cast ; sh:or ( [ sh:class b:Bell ] [ sh:property [ sh:path b:mass ; sh:minCount 1 ] ] ) .
s:Far sh:targetClass b:Bell ; sh:sparql [ sh:select '''SELECT $this ?value
  WHERE { $this b:near/b:near ?value . ?value b:mass ?mass FILTER(?mass > 3) }''' ] .
s:Not sh:targetClass b:Casting ; sh:sparql [ sh:select '''SELECT $this
  WHERE { FILTER NOT EXISTS { $this b:cast ?bell . ?bell b:mass ?any } }''' ] .
s:Closed sh:targetClass b:Foundry ; sh:closed true ; sh:ignoredProperties ( <http://www.w3.org/2000/01/rdf-schema#label>
  <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> ) .
"""


MASSES = ["1", "2", "5", "05", "7.5", '"x"', '"y"@en']


def random_statements(chance: random.Random, number: int) -> str:
    nodes = ["bell:anna", "bell:berta", "bell:clara", "foundry:grimm", "casting:anna", "casting:x", "casting:y"]
    lines = []
    for _ in range(number):
        subject, kind = chance.choice(nodes), chance.random()
        if kind < 0.2:
            lines.append(f"{subject} a {chance.choice(['b:Bell', 'b:Casting', 'b:Foundry'])} .")
        elif kind < 0.5:
            lines.append(f"{subject} b:mass {chance.choice(MASSES)} .")
        else:
            lines.append(f"{subject} {chance.choice(['b:near', 'b:cast', 'b:caster'])} {chance.choice(nodes)} .")
    return "\n".join(lines) + "\n"


def reports_of(graph: Graph, shapes_graph: Graph) -> Counter:
    _, report, _ = pyshacl.validate(graph, shacl_graph=shapes_graph, inplace=True)
    return Counter(
        as_told(*(report.value(result, predicate) for predicate in TOLD)) for result in report.objects(None, SH.result)
    )


TOLD = (SH.focusNode, SH.resultPath, SH.value, SH.sourceConstraintComponent, SH.sourceShape)


def as_told(focus, path, value, component, shape) -> tuple[str, ...]:
    return str(focus), str(path) if isinstance(path, URIRef) else "", str(value), str(component), str(shape)


def plain(documents) -> Graph:
    graph = Graph()
    for document in documents:
        for statement in document.statements:
            graph.add(tuple(map(to_rdflib, statement[:3])))
    return graph


@pytest.mark.parametrize("seed", range(12))
def test_results_are_those_of_plain_pyshacl_run_in_full_for_each_source(bells, seed):
    chance = random.Random(seed)
    bells.append(SHAPES, SOME_SHAPES)
    bells.append(ANNA, random_statements(chance, 4))
    bells.append(CASTINGS, random_statements(chance, 5))
    bells.append(LEDGER, random_statements(chance, 5))
    for path in (ANNA, BERTA, CASTINGS, LEDGER):
        text = bells.read(path)
        for prefix in ("bell", "foundry", "casting"):
            if f"@prefix {prefix}:" not in text:
                text = text.replace(
                    "@prefix b:", f"@prefix {prefix}: <https://bells.example/id/{prefix}/> .\n@prefix b:"
                )
        bells.write(path, text)
    project = bells.project()
    reading = project.read()
    assert not reading.errors
    documents = reading.documents
    base = [*documents[Role.ONTOLOGY], *documents[Role.REGISTER]]
    single = shapes._Shapes(project, documents[Role.SHAPES], ["en"], whole=False)

    def told(results) -> set[tuple[str, ...]]:
        return {as_told(*result[:5]) for result in results}

    # Without the marked shape, and with its prefixes bound, pySHACL needs nothing of ours.
    oracle_shapes = single.graph
    oracle = plain(base)
    for prefix, iri in project.prefixes.items():
        oracle.bind(prefix, iri, replace=True)
    expected = reports_of(oracle, oracle_shapes)

    data = shapes._Data(project.prefixes)
    data.fill(base)
    validation = shapes._Validation("", single, data)
    assert told(validation.results) == set(expected)
    for group in reading.sources(project.expand("dcterms:source")).values():
        new = plain([*base, *group])
        for prefix, iri in project.prefixes.items():
            new.bind(prefix, iri, replace=True)
        stated = [data.number_of(statement) for document in group for statement in document.statements]
        with_source = told(validation.with_source("source", stated))
        full = reports_of(new, oracle_shapes)
        assert with_source == set(full) - set(expected)
    assert not single.faults
    assert len(data) == len(plain(base))


def test_results_are_identical_with_queries_parsed_once_and_parsed_each_time(bells, monkeypatch):
    bells.append(SHAPES, SOME_SHAPES)
    bells.append(
        LEDGER, "casting:x a b:Casting . bell:clara a b:Bell ; b:near bell:berta . bell:berta b:near bell:anna .\n"
    )
    bells.append(LEDGER, "bell:anna b:mass 4 , 5 , 6 ; b:near bell:anna . foundry:grimm b:mass 3 .\n")
    project = bells.project()
    reading = project.read()
    single = shapes._Shapes(project, reading.documents[Role.SHAPES], ["en"], whole=False)

    def results(prepare):
        monkeypatch.setattr(shapes._Data, "prepare", prepare)
        data = shapes._Data(project.prefixes)
        data.fill(reading.all())
        return shapes._Validation("", single, data).results, data

    once, data = results(shapes._Data.prepare)
    each_time, _ = results(lambda data, text: prepareQuery(text, initNs=data.prefixes))
    assert len(data.prepared) == 2
    assert len([result for result in once if result.constraint]) == 4
    assert once == each_time


def test_literals_keep_their_text(bells):
    bells.replace(LEDGER, "b:mass 800", 'b:mass "0800"^^<http://www.w3.org/2001/XMLSchema#integer>')
    bells.append(SHAPES, "s:Bell-mass sh:pattern '^[1-9]' .\n")
    assert findings(bells)[0][5] == "sh:pattern ^[1-9] does not hold for bell:berta: 0800"


# --- presentation ---


def test_presentation_gives_groups_orders_and_names_from_the_shapes(bells):
    assert presentation(bells.reading()) == {
        "classes": {
            B + "Bell": {
                "http://www.w3.org/2000/01/rdf-schema#label": {
                    "group": "https://bells.example/shapes#Naming",
                    "order": 1.0,
                    "names": {"en": "name", "de": "Name"},
                },
                B + "mass": {"group": None, "order": None, "names": {}},
            },
            B + "Casting": {
                B + "cast": {"group": None, "order": 2.0, "names": {}},
                B + "caster": {"group": None, "order": 1.0, "names": {}},
            },
        },
        "groups": {"https://bells.example/shapes#Naming": {"order": 1.0, "labels": {"en": "Names", "de": "Namen"}}},
    }


def test_presentation_survives_json_and_arranges_the_properties_of_several_classes(bells):
    shown = json.loads(json.dumps(presentation(bells.reading())))
    assert arrange(shown, [B + "Casting", B + "Bell", B + "Unknown"]) == [
        (
            "https://bells.example/shapes#Naming",
            [("http://www.w3.org/2000/01/rdf-schema#label", {"en": "name", "de": "Name"})],
        ),
        (None, [(B + "caster", {}), (B + "cast", {}), (B + "mass", {})]),
    ]


def test_presentation_passes_over_paths_that_are_not_one_property(bells):
    bells.append(SHAPES, "s:Bell sh:property [ sh:path [ sh:inversePath b:cast ] ; sh:name 'cast in' ] .\n")
    assert len(presentation(bells.reading())["classes"][B + "Bell"]) == 2


def test_a_class_may_be_its_own_shape(bells):
    bells.append("ontology/bells.ttl", "")
    bells.append(SHAPES, "b:Foundry a sh:NodeShape ; sh:property [ sh:path b:mass ; sh:order 'first' ] .\n")
    shown = presentation(bells.reading())["classes"][B + "Foundry"]
    assert shown == {B + "mass": {"group": None, "order": None, "names": {}}}
