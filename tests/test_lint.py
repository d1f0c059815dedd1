"""Each rule for good ontologies has a world that passes and one that fails, with the exact finding."""

import pytest

ANNA = "data/turtle/register/bell/anna.ttl"
CASTINGS = "data/turtle/sources/chronicle/castings.ttl"
LABELS = "ontology/labels.ttl"
ONTOLOGY = "ontology/bells.ttl"
SHAPES = "shapes/bells.ttl"
TABLE = "ontology/prefixes.ttl"
VIEW = "views/bells.rq"

#: The line of the ontology that the first appended statement stands on.
LINE = 39

TERMS = """\
@base <https://bells.example/ontology/labels> .
@prefix b: <https://bells.example/ontology#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .

<> a owl:Ontology .

b:Bell rdfs:label "bell"@en , "Glocke"@de ; skos:definition "Metal that rings."@en , "Metall, das klingt."@de .
b:Foundry rdfs:label "foundry"@en , "Gießerei"@de ; skos:definition "A workshop."@en , "Eine Werkstatt."@de .
b:Source rdfs:label "source"@en , "Quelle"@de ; skos:definition "A text."@en , "Ein Text."@de .
b:Casting rdfs:label "casting"@en , "Guss"@de ; skos:definition "An event."@en , "Ein Ereignis."@de .
b:cast rdfs:label "cast"@en , "goss"@de .
b:caster rdfs:label "caster"@en , "Gießer"@de .
b:castBy rdfs:label "cast by"@en , "gegossen von"@de .
b:year rdfs:label "year"@en , "Jahr"@de .
b:earliestYear rdfs:label "earliest day"@en , "frühester Tag"@de .
b:latestYear rdfs:label "latest day"@en , "spätester Tag"@de .
b:mass rdfs:label "mass"@en , "Masse"@de .
b:page rdfs:label "page"@en , "Seite"@de .
"""

HEADER = """\
<> a owl:Ontology ;
  <http://purl.org/dc/terms/title> "Bells"@en ;
  <http://purl.org/dc/terms/description> "Words for bells."@en ;
  <http://purl.org/dc/terms/license> <https://creativecommons.org/publicdomain/zero/1.0/> ;
  <http://purl.org/dc/terms/creator> "The ringers" ;
  <http://purl.org/dc/terms/modified> "2024-05-01"^^<http://www.w3.org/2001/XMLSchema#date> ;
  <http://purl.org/vocab/vann/preferredNamespacePrefix> "b" ;
  owl:versionIRI <https://bells.example/ontology/1.0> .
"""


@pytest.fixture
def documented(bells):
    """The bells with a label for every term and a definition for every class, in both languages."""
    bells.write(LABELS, TERMS)
    return bells


def without_place(world):
    return [finding[3:] for finding in world.findings()]


def advice(world):
    return [finding.advice for finding in world.check().findings]


# --- labels and definitions ---


def test_an_ontology_without_labels_is_not_asked_for_them(bells):
    assert bells.findings() == []


def test_an_ontology_with_all_labels_and_definitions_passes(documented):
    assert documented.findings() == []


def test_a_term_without_a_label_is_a_violation_at_its_declaration(documented):
    documented.replace(LABELS, 'b:mass rdfs:label "mass"@en , "Masse"@de .\n', "")
    assert documented.findings() == [(ONTOLOGY, 37, 10, "violation", "P08-label", "b:mass has no label")]
    assert advice(documented) == ["Add rdfs:label in en and de."]


def test_a_label_that_lacks_a_language_is_a_warning(documented):
    documented.replace(LABELS, ' , "Masse"@de', "")
    assert documented.findings() == [(ONTOLOGY, 37, 10, "warning", "P08-label", "b:mass has no label in de")]


def test_a_language_that_no_label_has_is_told_once(documented):
    documented.replace("kg.toml", '["en", "de"]', '["en", "de", "cy"]')
    assert documented.findings() == [
        (ONTOLOGY, 7, 6, "warning", "P08-definition", "no class of the ontology has a definition in cy"),
        (ONTOLOGY, 7, 6, "warning", "P08-label", "no term of the ontology has a label in cy"),
    ]


def test_a_preferred_label_of_skos_is_a_label_too(documented):
    documented.replace(LABELS, 'b:mass rdfs:label "mass"@en', 'b:mass skos:prefLabel "mass"@en')
    assert documented.findings() == []


def test_a_class_without_a_definition_is_a_warning_where_other_classes_have_one(documented):
    documented.replace(LABELS, ' ; skos:definition "A text."@en , "Ein Text."@de', "")
    message = "b:Source has no definition in en and de; other classes have one"
    assert documented.findings() == [(ONTOLOGY, 14, 12, "warning", "P08-definition", message)]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('"mass"@en', '"mass"@en , "weight"', (19, 31, "P08-language", "the label of b:mass has no language")),
        (
            '"A text."@en',
            '"A text."@en , "Text"',
            (11, 80, "P08-language", "the definition of b:Source has no language"),
        ),
        ('"mass"@en', '"mass"@en , "weight"@en', (19, 31, "multiple_labels", "b:mass has another label in en: mass")),
        ('"mass"@en', '"Year"@en', (19, 19, "duplicate_label", "b:mass has the same label as b:year")),
        (
            '"A text."@en',
            '"A workshop."@en',
            (11, 65, "duplicate_definition", "b:Source has the same definition as b:Foundry"),
        ),
        (
            '"A text."@en',
            '"Source."@en',
            (11, 65, "duplicate_definition", "the definition of b:Source only repeats its label"),
        ),
        (
            '"mass"@en',
            '"mass "@en',
            (19, 19, "annotation_whitespace", "rdfs:label of b:mass begins or ends with white space"),
        ),
        (
            '"A text."@en',
            '"""A\ntext."""@en',
            (11, 65, "annotation_whitespace", "skos:definition of b:Source has a line break or a tab inside"),
        ),
    ],
)
def test_texts_that_mislead_are_warnings_where_they_stand(documented, old, new, found):
    documented.replace(LABELS, old, new)
    line, column, rule, message = found
    assert documented.findings() == [(LABELS, line, column, "warning", rule, message)]


@pytest.mark.parametrize(
    "text",
    [
        'b:Casting rdfs:label "cast"@en .',  # a property has this label
        'b:mass <http://www.w3.org/2004/02/skos/core#scopeNote> """One.\n\nTwo."""@en .',
        'b:mass rdfs:label "massa"@la .',
    ],
)
def test_texts_that_do_not_mislead_pass(documented, text):
    documented.replace(LABELS, 'b:Casting rdfs:label "casting"@en , ', "b:Casting rdfs:label ")
    documented.append(LABELS, text + "\n")
    if "b:Casting" not in text:
        documented.append(LABELS, 'b:Casting rdfs:label "casting"@en .\n')
    assert documented.findings() == []


# --- kinds, names and axioms ---


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        # One term, one kind.
        ("b:cast a owl:AsymmetricProperty .", []),
        (
            "b:cast a owl:Class .",
            [(10, "violation", "kind", "b:cast is declared as an object property and as a class")],
        ),
        (
            "b:mass a owl:ObjectProperty .",
            [(10, "violation", "kind", "b:mass is declared as a datatype property and as an object property")],
        ),
        (
            "b:Source a rdfs:Datatype .",
            [(12, "violation", "kind", "b:Source is declared as a class and as a datatype")],
        ),
        # Names.
        ("b:ChurchBell a owl:Class ; rdfs:subClassOf b:Bell .", []),
        ("b:X_0001 a owl:Class ; rdfs:subClassOf b:Bell .", []),
        ("b:鐘 a owl:Class ; rdfs:subClassOf b:Bell .", []),
        (
            "b:church-bell a owl:Class ; rdfs:subClassOf b:Bell .",
            [(17, "warning", "P22-name", "the name of the class b:church-bell is not in UpperCamelCase")],
        ),
        (
            "b:CastIn a owl:ObjectProperty ; rdfs:subPropertyOf b:cast .",
            [(12, "warning", "P22-name", "the name of the property b:CastIn is not in lowerCamelCase")],
        ),
        # Domains and ranges.
        ("b:cast rdfs:domain b:Casting ; rdfs:range b:Bell .", []),
        (
            "b:cast rdfs:range b:Bell , b:Source .",
            [(28, "warning", "P19-range", "b:cast has 2 ranges: b:Bell and b:Source, all at once")],
        ),
        (
            "b:cast rdfs:domain b:Casting ; rdfs:domain b:Source .",
            [(44, "warning", "P19-domain", "b:cast has 2 domains: b:Casting and b:Source, all at once")],
        ),
        # Inverses.
        ("b:castIn a owl:ObjectProperty ; owl:inverseOf b:cast .", []),
        ("b:cast owl:inverseOf b:cast .", [(22, "warning", "P25-inverse", "b:cast is its own inverse")]),
        (
            "b:mass owl:inverseOf b:cast .",
            [(22, "violation", "P05-inverse", "b:mass has literals as values, so nothing can be its inverse")],
        ),
        (
            "b:near a owl:SymmetricProperty ; owl:inverseOf b:cast .",
            [(48, "warning", "P26-inverse", "b:near is symmetric, so its inverse says the same")],
        ),
        ("b:made a owl:ObjectProperty ; owl:inverseOf b:caster ; rdfs:domain b:Foundry .", []),
        (
            "b:made a owl:ObjectProperty ; owl:inverseOf b:caster ; rdfs:domain b:Source .",
            [
                (
                    45,
                    "warning",
                    "P05-inverse",
                    "b:made and b:caster are inverse, but the domain of b:made is b:Source "
                    "and the range of b:caster is b:Foundry",
                )
            ],
        ),
        # Equivalents.
        ("b:weight a owl:DatatypeProperty ; owl:equivalentProperty b:mass .", []),
        (
            "b:weight a owl:ObjectProperty ; owl:equivalentProperty b:mass .",
            [
                (
                    56,
                    "violation",
                    "P27-equivalent",
                    "b:weight is an object property and b:mass a datatype property: they cannot be equivalent",
                )
            ],
        ),
        (
            "b:Source owl:equivalentClass b:Source .",
            [(30, "warning", "P31-equivalent", "b:Source is declared equivalent to itself")],
        ),
        # Chains.
        ("b:castBy owl:propertyChainAxiom ( b:cast b:caster ) .", []),
        (
            "b:castBy owl:propertyChainAxiom ( b:cast ) .",
            [(33, "warning", "P33-chain", "the chain of b:castBy has only one property")],
        ),
        # The profile.
        ("b:mass rdfs:range <http://www.w3.org/2001/XMLSchema#decimal> .", []),
        ("b:mass rdfs:range <http://www.w3.org/2001/XMLSchema#unsignedByte> .", []),
        ("b:day a rdfs:Datatype . b:year rdfs:range b:day .", []),
        (
            "b:mass rdfs:range <http://www.w3.org/2001/XMLSchema#date> .",
            [(19, "warning", "profile", "xsd:date is not a datatype of OWL 2 RL")],
        ),
        (
            "b:mass rdfs:range owl:real .",
            [(19, "warning", "profile", "owl:real is not a datatype of OWL 2 RL")],
        ),
    ],
)  # fmt: skip
def test_kinds_names_and_axioms(bells, text, findings):
    bells.append(ONTOLOGY, text + "\n")
    assert bells.findings() == [(ONTOLOGY, LINE, *found) for found in findings]


def test_classes_that_are_equivalent_and_disjoint_are_a_violation(bells):
    bells.append(ONTOLOGY, "b:Foundry owl:equivalentClass b:Bell .\n")
    message = "b:Foundry and b:Bell are declared equivalent and disjoint: nothing can be either"
    assert (ONTOLOGY, LINE, 31, "violation", "P31-equivalent", message) in bells.findings()


def test_advice_on_a_name_gives_the_better_one(bells):
    bells.append(ONTOLOGY, "b:cast_in a owl:ObjectProperty ; rdfs:subPropertyOf b:cast .\n")
    assert advice(bells) == ["Call it castIn unless it is published; a published name stays."]


# --- disjoint kinds ---


def test_an_ontology_without_disjoint_classes_is_told_once(bells):
    bells.replace(ONTOLOGY, "  a owl:Class ;\n  owl:disjointWith b:Foundry .", "  a owl:Class .")
    message = "no two of the 4 top classes of the ontology are disjoint"
    assert bells.findings() == [(ONTOLOGY, 7, 6, "info", "P10-disjoint", message)]


def test_a_class_left_out_of_the_list_of_disjoint_ones_is_an_info(bells):
    bells.append(ONTOLOGY, "[] a owl:AllDisjointClasses ; owl:members ( b:Bell kg:Relation ) .\n")
    bells.append(ONTOLOGY, "b:Handbell a owl:Class ; rdfs:subClassOf b:Bell .\n")
    assert bells.findings() == [(ONTOLOGY, 14, 12, "info", "P10-disjoint", "b:Source is disjoint with no other class")]
    assert advice(bells)[0].endswith(f"add it to the list at {ONTOLOGY}:{LINE}.")


# --- the header ---


def test_a_header_that_says_nothing_is_not_asked_for_more_and_a_full_one_passes(bells):
    bells.replace(ONTOLOGY, "<> a owl:Ontology .\n", HEADER)
    assert bells.findings() == []


@pytest.mark.parametrize(
    ("start", "severity", "rule", "message", "to_add"),
    [
        ("<http://purl.org/dc/terms/title>", "warning", "missing_ontology_title", "title", "dcterms:title"),
        (
            "<http://purl.org/dc/terms/description>",
            "warning",
            "missing_ontology_description",
            "description",
            "dcterms:description",
        ),
        ("<http://purl.org/dc/terms/license>", "warning", "missing_ontology_license", "licence", "dcterms:license"),
        ("<http://purl.org/dc/terms/creator>", "warning", "missing_ontology_creator", "creator", "dcterms:creator"),
        ("owl:versionIRI", "warning", "missing_ontology_version", "version IRI", "owl:versionIRI"),
        (
            "<http://purl.org/vocab/vann/",
            "info",
            "missing_ontology_prefix",
            "preferred prefix",
            "vann:preferredNamespacePrefix",
        ),
        (
            "<http://purl.org/dc/terms/modified>",
            "info",
            "missing_ontology_modified",
            "date of change",
            "dcterms:modified",
        ),
    ],
)
def test_a_header_that_lacks_something_is_told_what(bells, start, severity, rule, message, to_add):
    kept = [line.rstrip(" ;.\n") for line in HEADER.splitlines() if not line.startswith(f"  {start}")]
    bells.replace(ONTOLOGY, "<> a owl:Ontology .\n", " ;\n".join(kept) + " .\n")
    assert bells.findings() == [(ONTOLOGY, 7, 6, severity, rule, f"the ontology has no {message}")]
    assert advice(bells) == [f"Add {to_add} to its header."]


def test_own_terms_without_any_header_are_a_warning_at_the_first_of_them(bells):
    bells.replace(ONTOLOGY, "<> a owl:Ontology .\n", "")
    message = "no file says that <https://bells.example/ontology> is an owl:Ontology"
    assert bells.findings() == [(ONTOLOGY, 9, 5, "warning", "P38-header", message)]


# --- use ---


@pytest.mark.parametrize(
    ("text", "family", "name"),
    [
        ('b:Rope a owl:Class ; rdfs:comment "Hangs."@en .', "class", "Rope"),
        ("b:pulls a owl:ObjectProperty ; rdfs:domain b:Bell ; rdfs:range b:Bell .", "property", "pulls"),
        ("b:tuning a rdfs:Datatype ; rdfs:isDefinedBy <> .", "datatype", "tuning"),
    ],
)
def test_a_term_that_nothing_uses_is_an_info(bells, text, family, name):
    bells.append(ONTOLOGY, text + "\n")
    message = f"nothing uses the {family} b:{name}: no axiom, data, shape or view"
    assert bells.findings() == [(ONTOLOGY, LINE, len(name) + 6, "info", "P04-unconnected", message)]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (ONTOLOGY, "b:Rope rdfs:subClassOf b:Source .\n"),
        (ONTOLOGY, "b:mass rdfs:domain b:Rope .\n"),
        (ONTOLOGY, "b:Rope owl:deprecated true ; <http://purl.org/dc/terms/isReplacedBy> b:Bell .\n"),
        (SHAPES, "s:Bell sh:not [ sh:class b:Rope ] .\n"),
        (VIEW, "# Is there a rope?\n#+ description: Ropes\n\nVALUES ?kind { b:Rope }\n"),
        (VIEW, "VALUES ?kind { <https://bells.example/ontology#Rope> }\n"),
        (ANNA, '<https://bells.example/id/rope/x> a b:Rope ; rdfs:label "x"@en .\n'),
    ],
)
def test_an_axiom_a_shape_a_view_or_data_puts_a_term_to_use(bells, file, text):
    bells.append(ONTOLOGY, "b:Rope a owl:Class .\n")
    bells.append(file, text)
    assert bells.findings() == []


def test_a_term_in_a_comment_of_a_view_is_not_in_use(bells):
    bells.append(ONTOLOGY, "b:Rope a owl:Class .\n")
    bells.append(VIEW, "# b:Rope\n")
    assert [finding[4] for finding in bells.findings()] == ["P04-unconnected"]


def test_a_property_that_only_the_settings_name_is_in_use(bells):
    bells.append(ONTOLOGY, "b:folio a owl:DatatypeProperty .\n")
    bells.replace("kg.toml", 'locators = ["b:page"]', 'locators = ["b:page", "b:folio"]')
    assert bells.findings() == []


# --- deprecated terms ---

OLD = "b:mass owl:deprecated true ; <http://purl.org/dc/terms/isReplacedBy> b:weight . "
NEW = "b:weight a owl:DatatypeProperty ; rdfs:subPropertyOf b:mass .\n"


def test_a_deprecated_term_that_nothing_uses_passes(bells):
    bells.append(ONTOLOGY, OLD + NEW.replace("rdfs:subPropertyOf b:mass", "rdfs:subPropertyOf b:year"))
    bells.replace("data/turtle/sources/ledger.ttl", "b:mass", "b:weight")
    assert bells.findings() == []


def test_a_deprecated_property_in_data_is_a_violation_that_names_its_successor(bells):
    bells.append(ONTOLOGY, OLD + NEW.replace("b:mass", "b:year"))
    assert bells.findings() == [
        (
            "data/turtle/sources/ledger.ttl",
            20,
            19,
            "violation",
            "deprecated_property_reference",
            "b:mass is deprecated, but still used here",
        )
    ]
    assert advice(bells) == ["Use b:weight."]


def test_a_deprecated_class_in_data_is_told_once_per_file(bells):
    bells.append(ONTOLOGY, "b:Source owl:deprecated true ; <http://purl.org/dc/terms/isReplacedBy> b:Bell .\n")
    message = "b:Source is deprecated, but still used here"
    assert bells.findings() == [
        ("data/turtle/register/source/sources.ttl", 10, 5, "violation", "deprecated_class_reference", message)
    ]


def test_a_deprecated_term_in_an_axiom_of_another_is_a_warning(bells):
    bells.replace("data/turtle/sources/ledger.ttl", "b:mass", "b:weight")
    bells.append(ONTOLOGY, OLD + NEW)
    message = "b:mass is deprecated, but still used here"
    assert bells.findings() == [(ONTOLOGY, LINE, 134, "warning", "deprecated_property_reference", message)]


def test_a_deprecated_term_without_a_successor_is_a_warning(bells):
    bells.append(ONTOLOGY, "b:weight a owl:DatatypeProperty ; owl:deprecated true .\n")
    message = "b:weight is deprecated, but nothing says what to use now"
    assert bells.findings() == [(ONTOLOGY, LINE, 50, "warning", "deprecated-successor", message)]


def test_a_deprecation_that_is_no_boolean_is_a_warning(bells):
    bells.append(ONTOLOGY, 'b:mass owl:deprecated "yes" .\n')
    message = "owl:deprecated of b:mass is not true or false"
    assert bells.findings() == [(ONTOLOGY, LINE, 23, "warning", "deprecated_boolean_datatype", message)]


# --- shapes and views ---

SELECT = "      SELECT $this ?other WHERE {"


def test_a_prefix_in_a_query_of_a_shape_must_be_bound_as_in_the_table(bells):
    bells.replace(SHAPES, SELECT, f"      PREFIX b: <https://bells.example/ontology#>\n{SELECT}")
    assert bells.findings() == []
    bells.replace(
        SHAPES, "      PREFIX b: <https://bells.example/ontology#>", "      PREFIX b: <https://bells.example/o#>"
    )
    message = "the prefix b: is bound to <https://bells.example/o#>, but the project binds it to <https://bells.example/ontology#>"
    assert bells.findings() == [(SHAPES, 65, 7, "violation", "prefix", message)]
    assert advice(bells) == ["Delete it: queries know the project's prefixes."]


def test_a_prefix_in_a_query_of_a_shape_must_be_in_the_table(bells):
    bells.replace(SHAPES, SELECT, f"      PREFIX tower: <https://towers.example/>\n{SELECT}")
    assert bells.findings() == [(SHAPES, 65, 7, "violation", "prefix", "the prefix tower: is not in the prefix table")]
    assert advice(bells) == ["Add it to the prefix table."]


def test_a_declared_prefix_of_shacl_must_be_bound_as_in_the_table(bells):
    declared = '<> sh:declare [ sh:prefix "b" ; sh:namespace "https://bells.example/ontology#"^^xsd:anyURI ] .\n'
    bells.append(SHAPES, declared)
    assert bells.findings() == []
    bells.replace(SHAPES, '"https://bells.example/ontology#"^^', '"https://bells.example/id/bell/"^^')
    message = "the prefix b: is bound to <https://bells.example/id/bell/>, but the project binds it to <https://bells.example/ontology#>"
    assert bells.findings() == [(SHAPES, 70, 27, "violation", "prefix", message)]
    assert advice(bells) == ["Use bell: for it."]


def test_an_own_term_in_a_query_of_a_shape_must_be_declared(bells):
    bells.replace(SHAPES, "?other b:latestYear ?theirs", "?other b:latestYaer ?theirs")
    assert bells.findings() == [(SHAPES, 67, 16, "violation", "term", "nothing defines the term b:latestYaer")]
    assert advice(bells)[0].startswith("Did you mean b:latestYear?")


def test_a_query_with_escapes_is_placed_at_its_beginning(bells):
    bells.append(SHAPES, 's:Bell sh:sparql [ sh:select "SELECT $this\\nWHERE { $this b:wieght 1 }" ] .\n')
    assert bells.findings() == [(SHAPES, 70, 30, "violation", "term", "nothing defines the term b:wieght")]


def test_an_own_term_in_a_view_must_be_declared(bells):
    bells.replace(VIEW, "?bell a b:Bell", '?bell a b:Bell ; ^b:cast/b:castre "b:none" # b:comment\n')
    assert bells.findings() == [(VIEW, 2, 47, "violation", "term", "nothing defines the term b:castre")]


@pytest.mark.parametrize(
    "shape",
    [
        "sh:path rdfs:label",
        "sh:path ( b:cast [ sh:inversePath rdfs:seeAlso ] )",
        "sh:path [ sh:alternativePath ( rdfs:label rdfs:comment ( b:cast rdfs:label ) ) ]",
    ],
)
def test_paths_of_shapes_over_known_properties_pass(bells, shape):
    bells.append(SHAPES, f"s:Bell sh:property [ {shape} ] .\n")
    assert bells.findings() == []


@pytest.mark.parametrize(
    ("text", "column", "what", "name"),
    [
        ("s:Bell sh:property [ sh:path rdfs:lable ] .", 30, "property", "rdfs:lable"),
        ("s:Bell sh:property [ sh:path ( b:cast b:caster b:castBy rdfs:lable ) ] .", 57, "property", "rdfs:lable"),
        ("s:Bell sh:property [ sh:path [ sh:inversePath owl:sameas ] ] .", 47, "property", "owl:sameas"),
        ("s:Bell sh:property [ sh:path [ sh:alternativePath ( b:cast ( b:cast rdfs:lable ) ) ] ] .", 69, "property",
         "rdfs:lable"),
        ("s:Other a sh:NodeShape ; sh:targetSubjectsOf rdfs:lable .", 46, "property", "rdfs:lable"),
        ("s:Other a sh:NodeShape ; sh:targetClass owl:Klass .", 41, "class", "owl:Klass"),
    ],
)  # fmt: skip
def test_a_shape_for_a_term_of_others_that_nothing_defines_is_a_violation(bells, text, column, what, name):
    bells.append(SHAPES, text + "\n")
    assert bells.findings() == [(SHAPES, 70, column, "violation", "term", f"nothing defines the {what} {name}")]


# --- all together ---


def test_findings_are_the_same_every_time(documented):
    documented.append(ONTOLOGY, "b:rope a owl:Class . b:Mass_Of a owl:ObjectProperty . b:mass rdfs:range owl:real .\n")
    documented.replace(LABELS, '"mass"@en', '"year"@en , " mass"@en')
    assert documented.check().findings == documented.check().findings
    assert len(documented.findings()) > 5


def test_while_a_file_cannot_be_read_nothing_is_called_unused(bells):
    bells.append(ONTOLOGY, "b:Rope a owl:Class .\n")
    bells.append(CASTINGS, "casting:third a")
    assert [finding[4] for finding in bells.findings()] == ["syntax"]
