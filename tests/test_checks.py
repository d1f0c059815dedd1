"""Each check has a world that passes and one that fails, with the exact finding."""

import os

import pytest

ANNA = "data/turtle/register/bell/anna.ttl"
BERTA = "data/turtle/register/bell/berta.ttl"
CASTINGS = "data/turtle/sources/chronicle/castings.ttl"
LEDGER = "data/turtle/sources/ledger.ttl"
ONTOLOGY = "ontology/bells.ttl"
SHAPES = "shapes/bells.ttl"
TABLE = "ontology/prefixes.ttl"


def advice(bells):
    return [finding.advice for finding in bells.check().findings]


def test_nothing_is_found_in_the_bells_as_they_are(bells):
    checked = bells.check()
    assert checked.findings == []
    assert checked.passed


def test_rules_and_closure_are_handed_on_to_the_build(bells):
    checked = bells.check()
    assert {rule.kind for rule in checked.rules.rules} >= {"chain", "range", "disjoint classes"}
    assert "https://bells.example/ontology#castBy" in {i.triple.predicate.value for i in checked.closure.inferences}


def test_a_project_without_data_passes(bells):
    for path in [*(bells.root / "data/turtle").rglob("*.ttl"), *(bells.root / "shapes").rglob("*.ttl")]:
        path.unlink()
    assert bells.findings() == []


def test_a_project_without_any_turtle_but_the_prefix_table_passes(bells):
    for path in bells.root.rglob("*.ttl"):
        if path.name != "prefixes.ttl":
            path.unlink()
    assert bells.findings() == []


def test_findings_are_the_same_every_time(bells):
    bells.replace(ANNA, "rdfs:label", "rdfs:lable")
    bells.replace(CASTINGS, "bell:anna", "bell:ana , bell:bertha")
    bells.replace(LEDGER, "800", '"heavy" , 1 , 2')
    assert bells.check().findings == bells.check().findings
    assert len(bells.findings()) > 4


# --- syntax and dates ---


def test_a_syntax_error_is_told_with_its_line_and_puts_off_the_checks_that_need_all_files(bells):
    bells.replace(ANNA, 'rdfs:label "Anna"@en .', 'rdfs:label "Anna"@en')
    bells.replace(LEDGER, "b:cast bell:berta", "b:cast bell:nobody")
    checked = bells.check()
    (found,) = checked.findings
    assert (found.path, found.line, found.rule, found.severity) == (ANNA, 13, "syntax", "violation")
    assert found.advice == "End it with a dot. Terms, links and shapes are checked when every file can be read."
    assert not checked.passed


def test_a_wrong_date_is_told_and_puts_off_nothing(bells):
    bells.replace(CASTINGS, '"1702"', '"spring 1702"')
    bells.replace(LEDGER, "b:cast bell:berta", "b:cast bell:nobody")
    rules = [(found[0], found[1], found[2], found[4]) for found in bells.findings()]
    assert (CASTINGS, 16, 10, "date") in rules
    assert (LEDGER, 16, 10, "link") in rules


# --- prefixes ---


def test_a_prefix_bound_to_another_namespace_is_a_violation(bells):
    bells.replace(ANNA, "http://purl.org/dc/terms/", "http://purl.org/dc/elements/1.1/")
    assert (
        ANNA,
        4,
        1,
        "violation",
        "prefix",
        "the prefix dcterms: is bound to <http://purl.org/dc/elements/1.1/>, "
        "but the project binds it to <http://purl.org/dc/terms/>",
    ) in bells.findings()


def test_a_prefix_that_is_not_in_the_table_is_a_violation_that_names_the_one_to_use(bells):
    bells.replace(ANNA, "@prefix bell:", "@prefix glocke:")
    bells.replace(ANNA, "bell:anna\n", "glocke:anna\n")
    assert bells.findings() == [
        (ANNA, 3, 1, "violation", "prefix", "the prefix glocke: is not in the prefix table"),
    ]
    assert advice(bells) == ["Use bell: for it."]


def test_a_prefix_for_a_namespace_of_its_own_must_be_added_to_the_table(bells):
    bells.replace(ANNA, "@base", "@prefix new: <https://new.example/> .\n@base")
    bells.append(ANNA, "bell:anna rdfs:seeAlso new:page .\n")
    assert bells.findings() == [(ANNA, 1, 1, "violation", "prefix", "the prefix new: is not in the prefix table")]
    assert advice(bells) == [f"Add @prefix new: <https://new.example/> . to {TABLE}."]


def test_a_prefix_that_is_declared_but_not_used_is_a_warning(bells):
    bells.replace(ANNA, "@prefix rdfs:", "@prefix foundry: <https://bells.example/id/foundry/> .\n@prefix rdfs:")
    assert bells.findings() == [(ANNA, 5, 1, "warning", "prefix", "the prefix foundry: is declared but not used")]
    assert bells.check().passed


def test_a_prefix_declared_twice_in_a_file_is_a_violation(bells):
    bells.replace(ANNA, "@prefix rdfs:", "@prefix b: <https://bells.example/ontology#> .\n@prefix rdfs:")
    assert bells.findings() == [(ANNA, 5, 1, "violation", "prefix", "the prefix b: is declared twice")]


def test_the_table_binds_each_prefix_once_and_each_namespace_to_one(bells):
    bells.append(
        TABLE,
        "@prefix b: <https://bells.example/ontology#> .\n@prefix dct: <http://purl.org/dc/terms/> .\n",
    )
    assert bells.findings() == [
        (TABLE, 15, 1, "violation", "prefix", "the prefix b: is declared twice"),
        (TABLE, 16, 1, "violation", "prefix", "the prefixes dcterms: and dct: are bound to the same namespace"),
    ]


# --- graphs ---


def test_two_files_may_not_name_the_same_graph(bells):
    bells.replace(BERTA, "register/bell/berta", "register/bell/anna")
    assert bells.findings() == [
        (
            BERTA,
            1,
            1,
            "violation",
            "graph",
            f"this file names the same graph as {ANNA}: <https://bells.example/graph/register/bell/anna>",
        )
    ]


def test_the_graph_of_a_data_file_lies_under_graph(bells):
    bells.replace(ANNA, "@base <https://bells.example/graph/register", "# Anna\n@base <https://bells.example/register")
    assert bells.findings() == [
        (
            ANNA,
            2,
            1,
            "violation",
            "graph",
            "the graph of a data file begins with <https://bells.example/graph/>, "
            "this one is <https://bells.example/register/bell/anna>",
        )
    ]


def test_a_data_file_needs_a_header(bells):
    bells.replace(ANNA, "<> dcterms:source source:register .", "bell:anna dcterms:source source:register .")
    assert bells.findings() == [(ANNA, 1, 1, "violation", "graph", "this file has no header")]
    assert advice(bells) == ["Describe the file: <> dcterms:source <IRI of the source> ."]


def test_the_header_names_a_source(bells):
    bells.replace(ANNA, "<> dcterms:source source:register", "<> dcterms:creator source:register")
    assert bells.findings() == [(ANNA, 8, 1, "violation", "graph", "the header of this file names no source")]


def test_a_subject_described_in_two_register_files_is_a_warning(bells):
    bells.append(BERTA, 'bell:anna rdfs:comment "Cracked."@en .\n')
    assert bells.findings() == [
        (
            BERTA,
            13,
            1,
            "warning",
            "link",
            f"<https://bells.example/id/bell/anna> is described in {ANNA} already",
        )
    ]


# --- terms ---


def test_a_property_that_nothing_defines_is_a_violation_with_the_likely_one(bells):
    bells.replace(CASTINGS, "b:caster foundry", "b:castar foundry")
    assert bells.findings() == [(CASTINGS, 15, 3, "violation", "term", "nothing defines the property b:castar")]
    assert advice(bells) == ["Did you mean b:caster? If not, declare b:castar in ontology/."]


def test_a_class_that_nothing_defines_is_a_violation(bells):
    bells.replace(CASTINGS, "a b:Casting ;", "a b:Casting , b:Castign ;")
    assert bells.findings() == [(CASTINGS, 13, 17, "violation", "term", "nothing defines the class b:Castign")]


def test_a_slip_in_a_standard_vocabulary_is_found(bells):
    bells.replace(ANNA, 'rdfs:label "Anna"@en', 'rdfs:label "Anna"@en ; rdfs:lable "Anna"@de')
    assert bells.findings() == [(ANNA, 12, 26, "violation", "term", "nothing defines the property rdfs:lable")]
    assert advice(bells)[0].startswith("Did you mean rdfs:label?")


def test_an_own_term_must_be_declared_wherever_it_stands(bells):
    bells.append(SHAPES, "s:Bell sh:ignoredProperties ( b:weight ) .\n")
    found = [finding for finding in bells.findings() if finding[4] == "term"]
    assert found == [(SHAPES, 70, 31, "violation", "term", "nothing defines the term b:weight")]


def test_a_foreign_term_is_defined_by_declaring_it(bells):
    bells.append(TABLE, "@prefix ex: <https://foreign.example/> .\n")
    bells.replace(ANNA, "@prefix rdfs:", "@prefix ex: <https://foreign.example/> .\n@prefix rdfs:")
    bells.append(ANNA, 'bell:anna ex:tone "f#" .\n')
    assert bells.findings() == [(ANNA, 14, 11, "violation", "term", "nothing defines the property ex:tone")]
    bells.append(ONTOLOGY, "<https://foreign.example/tone> a owl:DatatypeProperty .\n")
    assert bells.findings() == []


def test_an_unknown_term_of_the_engine_is_a_violation(bells):
    bells.replace(SHAPES, "kg:wholeGraph", "kg:wholegraph")
    assert "nothing defines the property kg:wholegraph" in [finding[5] for finding in bells.findings()]


def test_a_name_that_only_shares_its_prefix_with_another_is_not_proposed(bells):
    bells.replace(CASTINGS, "b:cast bell:anna", "b:cast bell:gudrun")
    assert [one.advice for one in bells.check().findings if one.rule == "link"] == [
        "Give it a type in a file of the register or of a source."
    ]


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("sh:datatype xsd:integer", "sh:datatype xsd:integr", "xsd:integr"),
        ("sh:path b:cast ;", "sh:path b:casd ;", "b:casd"),
    ],
)
def test_a_shape_that_names_what_is_not_there_blames_no_data(bells, old, new, name):
    bells.replace(SHAPES, old, new)
    assert [(one.path, one.message) for one in bells.check().findings] == [(SHAPES, f"nothing defines the term {name}")]


def test_a_circle_of_classes_blames_no_data(bells):
    bells.append(ONTOLOGY, "b:Bell rdfs:subClassOf b:Casting . b:Casting rdfs:subClassOf b:Bell .\n")
    found = bells.check().findings
    assert "hierarchy" in {one.rule for one in found}
    assert {one.path for one in found if one.severity == "violation"} == {ONTOLOGY}


def test_a_prefix_bound_otherwise_blames_no_names(bells):
    bells.replace(LEDGER, "<https://bells.example/id/bell/>", "<https://bells.example/id/bells/>")
    (found,) = bells.check().findings
    assert found.rule == "prefix"
    assert found.advice.endswith("Terms, links and shapes are checked when every file can be read.")


def test_an_unknown_term_is_told_once_per_file(bells):
    bells.append(ANNA, 'bell:anna b:tone "f" , "g" ; b:tone "a" .\n')
    assert [finding[:3] for finding in bells.findings()] == [(ANNA, 13, 11)]


# --- links ---


def test_a_link_to_an_entity_that_nothing_describes_is_a_violation_with_the_likely_one(bells):
    bells.replace(CASTINGS, "b:cast bell:anna", "b:cast bell:anne")
    found = [finding for finding in bells.check().findings if finding.rule == "link"]
    assert [bells.short(finding) for finding in found] == [
        (CASTINGS, 14, 10, "violation", "link", "nothing says what bell:anne is")
    ]
    assert found[0].advice.startswith("Did you mean bell:anna?")


def test_a_subject_without_a_type_anywhere_is_a_violation(bells):
    bells.append(LEDGER, "bell:clara b:mass 120 .\n")
    assert bells.findings() == [(LEDGER, 21, 1, "violation", "link", "nothing says what bell:clara is")]


def test_a_link_from_the_shapes_is_checked_too(bells):
    bells.append(SHAPES, "s:Bell sh:targetNode <https://bells.example/id/bell/dora> .\n")
    assert "nothing says what bell:dora is" in [finding[5] for finding in bells.findings()]


@pytest.mark.parametrize(
    ("text", "columns"),
    [("[ ]", [22]), ("[ rdfs:seeAlso [ ] ]", [22, 37]), ('( "a" "b" )', [22])],
)
def test_a_blank_node_in_data_is_a_violation(bells, text, columns):
    bells.append(ANNA, f"bell:anna rdfs:label  {text} .\n")
    found = [finding for finding in bells.findings() if finding[4] == "link"]
    assert found == [(ANNA, 13, c + 1, "violation", "link", "a node without a name in a data file") for c in columns]


def test_same_as_in_data_is_a_violation(bells):
    bells.replace(ANNA, "@prefix rdfs:", "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n@prefix rdfs:")
    bells.append(ANNA, "bell:anna owl:sameAs bell:berta .\n")
    assert bells.findings() == [
        (ANNA, 14, 22, "violation", "link", "owl:sameAs in a data file would merge what only resembles")
    ]


# --- locators ---


def test_a_subject_of_a_source_file_without_a_locator_is_a_violation(bells):
    bells.replace(CASTINGS, ' ;\n  b:page "12" .', " .")
    assert bells.findings() == [
        (
            CASTINGS,
            12,
            1,
            "violation",
            "locator",
            "nothing says where the source states this about casting:anna",
        )
    ]
    assert advice(bells) == ["Add b:page to it, or to the header if the whole file is about one passage."]


def test_a_locator_in_the_header_counts_for_the_whole_file(bells):
    bells.replace(CASTINGS, ' ;\n  b:page "12" .', " .")
    bells.append(CASTINGS, '<> b:page "12" .\n')
    assert bells.findings() == []


def test_locators_are_not_asked_for_where_the_settings_name_none(bells):
    bells.replace(CASTINGS, ' ;\n  b:page "12" .', " .")
    bells.replace("kg.toml", 'passages = ["b:page"]', "passages = []")
    assert bells.findings() == []


# --- the ontology ---


def test_a_circle_of_classes_is_a_violation_that_names_it(bells):
    bells.append(
        ONTOLOGY,
        "b:Casting rdfs:subClassOf b:Event .\nb:Event a owl:Class ; rdfs:subClassOf b:Work .\n"
        "b:Work a owl:Class ; rdfs:subClassOf b:Casting .\n",
    )
    assert bells.findings() == [
        (
            ONTOLOGY,
            39,
            27,
            "violation",
            "hierarchy",
            "rdfs:subClassOf runs in a circle: b:Casting → b:Event → b:Work → b:Casting",
        )
    ]


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ("b:cast rdfs:subPropertyOf b:cast .", "rdfs:subPropertyOf runs in a circle: b:cast → b:cast"),
        (
            "b:x a b:Source ; <http://www.w3.org/2004/02/skos/core#broader> b:y . "
            "b:y a b:Source ; <http://www.w3.org/2004/02/skos/core#broader> b:x .",
            "skos:broader runs in a circle: b:x → b:y → b:x",
        ),
    ],
)
def test_other_hierarchies_may_not_run_in_a_circle_either(bells, statements, message):
    bells.append(ONTOLOGY, statements)
    assert [(finding[4], finding[5]) for finding in bells.findings()] == [("hierarchy", message)]


def test_a_hierarchy_that_only_meets_again_is_no_circle(bells):
    bells.append(
        ONTOLOGY,
        "b:A a owl:Class ; rdfs:subClassOf b:B , b:C . b:B a owl:Class ; rdfs:subClassOf b:D . "
        "b:C a owl:Class ; rdfs:subClassOf b:D . b:D a owl:Class .\n",
    )
    assert bells.findings() == []


def test_equivalent_classes_are_no_circle(bells):
    bells.append(ONTOLOGY, "b:Chime a owl:Class ; owl:equivalentClass b:Bell .\n")
    assert bells.findings() == []


def test_an_axiom_without_a_rule_is_a_violation_at_its_statement(bells):
    bells.append(ONTOLOGY, "b:caster a owl:FunctionalProperty .\n")
    assert bells.findings() == [
        (
            ONTOLOGY,
            39,
            12,
            "violation",
            "axiom",
            "this axiom has no rule: a functional property (say sh:maxCount 1 in a shape)",
        )
    ]


# --- contradictions ---


def test_a_contradiction_inside_the_register_is_a_violation_that_names_its_grounds(bells):
    bells.replace(ANNA, "a b:Bell ;", "a b:Bell , b:Foundry ;")
    assert bells.findings() == [
        (
            ANNA,
            11,
            5,
            "violation",
            "inconsistent",
            f"bell:anna a b:Bell ({ANNA}:11) and bell:anna a b:Foundry ({ANNA}:11) cannot both hold: "
            f"b:Bell owl:disjointWith b:Foundry ({ONTOLOGY}:11)",
        )
    ]


def test_a_contradiction_inside_a_source_is_a_violation_placed_in_it_even_where_inferred(bells):
    bells.replace("shapes/bells.ttl", "  sh:class b:Foundry ;\n", "")
    bells.replace(CASTINGS, "b:caster foundry:grimm", "b:caster foundry:grimm , bell:berta")
    assert bells.findings() == [
        (
            CASTINGS,
            15,
            28,
            "violation",
            "inconsistent",
            f"bell:berta a b:Bell ({BERTA}:11) and bell:berta a b:Foundry ({CASTINGS}:15) cannot both hold: "
            f"b:Bell owl:disjointWith b:Foundry ({ONTOLOGY}:11)",
        )
    ]


def test_a_contradiction_across_sources_is_a_warning_and_stops_nothing(bells):
    bells.append(CASTINGS, '<https://bells.example/id/thing/x> a b:Bell ; b:page "1" .\n')
    bells.append(LEDGER, "<https://bells.example/id/thing/x> a b:Foundry .\n")
    bells.replace(SHAPES, "sh:targetClass b:Bell", "sh:targetNode bell:anna")
    bells.replace(SHAPES, "@prefix kg:", "@prefix bell: <https://bells.example/id/bell/> .\n@prefix kg:")
    assert bells.findings() == [
        (
            CASTINGS,
            18,
            38,
            "warning",
            "disagreement",
            f"sources disagree: <https://bells.example/id/thing/x> a b:Bell ({CASTINGS}:18) and "
            f"<https://bells.example/id/thing/x> a b:Foundry ({LEDGER}:21) cannot both hold: "
            f"b:Bell owl:disjointWith b:Foundry ({ONTOLOGY}:11)",
        )
    ]
    assert bells.check().passed


def test_an_asymmetric_property_both_ways_is_one_contradiction(bells):
    bells.append(ONTOLOGY, "b:heavierThan a owl:ObjectProperty , owl:AsymmetricProperty .\n")
    bells.append(ANNA, "bell:anna b:heavierThan bell:berta .\nbell:berta b:heavierThan bell:anna .\n")
    assert [finding[:5] for finding in bells.findings() if finding[4] == "inconsistent"] == [
        (ANNA, 13, 25, "violation", "inconsistent")
    ]


# --- views ---

VIEW = "views/bells.rq"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (
            "#+ titel: Bells\nSELECT ?bell WHERE { ?bell a b:Bell }\n",
            1,
            1,
            "this line of the header is not understood; found #+ titel: Bells; expected #+ key: value, where key is "
            "one of title, description, group, display, rows, columns, cell, column, parameter, choices",
        ),
        ("SELECT ?bell WHERE { ?bell a b:Bell }\n", 1, 1, "the view has no title"),
        (
            "#+ title: Bells\n#+ display: hologram\nSELECT ?bell WHERE { ?bell a b:Bell }\n",
            2,
            1,
            "this display is unknown; found hologram; expected one of table, pivot, map, timeline, network, bars",
        ),
        (
            "#+ title: Bells\n#+ column: tower = Tower\nSELECT ?bell WHERE { ?bell a b:Bell }\n",
            2,
            12,
            "the header's column tower names ?tower, which the query does not give",
        ),
        ("#+ title: Bells\nASK { ?bell a b:Bell }\n", 1, 1, "a view is a SELECT query"),
        ("#+ title: Bells\nSELECT ?bell WHERE { SERVICE <http://x.example/> { ?bell a b:Bell } }\n", 1, 1,
         "SERVICE is not allowed"),
    ],
)  # fmt: skip
def test_a_view_that_cannot_be_asked_is_found_where_it_is_wrong(bells, text, line, column, message):
    bells.write(VIEW, text)
    assert bells.findings() == [(VIEW, line, column, "violation", "view", message)]


def test_a_view_that_is_not_sparql_is_found_at_the_character(bells):
    bells.write(VIEW, "#+ title: Bells\nSELECT ?bell\nWHERE { ?bell b:Bell }\n")
    ((path, line, column, _, rule, message),) = bells.findings()
    assert (path, line, column, rule) == (VIEW, 3, 22, "view")
    assert message.startswith("this is not SPARQL: } cannot stand here; expected")


def test_a_graph_without_views_is_checked(bells):
    bells.delete(VIEW)
    (bells.root / "views").rmdir()
    assert bells.findings() == []


def test_a_view_too_deep_for_the_parser_is_a_finding(bells):
    bells.write(VIEW, f"#+ title: Bells\nSELECT ?bell {{ ?bell a b:Bell FILTER({'!' * 90_000}true) }}\n")
    assert [finding[:5] for finding in bells.findings()] == [(VIEW, 1, 1, "violation", "view")]


def test_a_view_of_another_encoding_is_told_at_the_byte(bells):
    bells.write(VIEW, "#+ title: Bells\n#+ title@fr: Clochers fêlés\n".encode("latin-1"))
    assert bells.findings() == [(VIEW, 2, 24, "violation", "view", "byte 0xEA is not UTF-8")]


def test_a_pipe_among_the_files_is_a_finding(bells):
    os.mkfifo(bells.root / "data/turtle/sources/pipe.ttl")
    message = "this file cannot be read: it is a pipe, a device or the like"
    assert bells.findings() == [("data/turtle/sources/pipe.ttl", 1, 1, "violation", "syntax", message)]
