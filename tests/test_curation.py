"""What a careful reader of the data would notice."""

from __future__ import annotations

import pytest
from tests.building import run_kg

ANNA = "data/turtle/register/bell/anna.ttl"
BERTA = "data/turtle/register/bell/berta.ttl"
SOURCES = "data/turtle/register/source/sources.ttl"
LEDGER = "data/turtle/sources/ledger.ttl"
CURATED = {"same-name", "scheme", "language", "value", "idle-source"}


def found(bells):
    return [
        (one.path, one.line, one.severity.value, one.rule, one.message)
        for one in bells.check().findings
        if one.rule in CURATED
    ]


def test_the_bells_have_nothing_to_notice(bells):
    assert found(bells) == []


@pytest.mark.parametrize(
    ("one", "other", "severity"),
    [
        ("Great Anna", "great ÄNNA", "warning"),
        ("Great Anna", "Anna (Great)", "warning"),
        ("Great Anna", "Great Annas", "info"),
        ("Great Anna", "Greet Anna", "info"),
        ("Anna", "Anne", None),
        ("Great Anna", "Great Berta", None),
        ("Anna of 1702", "Anna of 1703", None),
        ("Anna of 1702", "Anna of 170", None),
    ],
)
def test_names_that_hardly_differ_are_told_once(bells, one, other, severity):
    bells.replace(ANNA, '"Anna"@en', f'"{one}"@en')
    bells.replace(BERTA, '"Berta"@en', f'"{other}"@en')
    expected = (
        BERTA,
        12,
        severity,
        "same-name",
        f"bell:berta and bell:anna have nearly the same name: {other} – {one}",
    )
    assert found(bells) == ([expected] if severity else [])


def test_things_that_are_linked_or_of_two_classes_may_share_a_name(bells):
    bells.replace(ANNA, '"Anna"@en', '"Grimm & Sons"@en')
    assert found(bells) == []
    bells.replace(BERTA, '"Berta"@en', '"Grimm & Sons"@en ; b:partOf bell:anna')
    assert found(bells) == []


def test_http_and_https_are_told_where_the_rarer_one_stands(bells):
    bells.append(LEDGER, "bell:berta b:page <http://x.example/a> , <https://x.example/a> .\n")
    bells.append(LEDGER, "bell:anna b:page <https://x.example/a> .\n")
    expected = "<http://x.example/a> is elsewhere written <https://x.example/a>"
    assert found(bells) == [(LEDGER, 21, "warning", "scheme", expected)]


def test_a_known_vocabulary_is_written_as_it_names_itself(bells):
    bells.append(LEDGER, "bell:anna <https://www.w3.org/2000/01/rdf-schema#comment> 1 .\n")
    ((_, line, _, rule, message),) = found(bells)
    assert (line, rule) == (21, "scheme")
    assert message.endswith("elsewhere written <http://www.w3.org/2000/01/rdf-schema#comment>")


@pytest.mark.parametrize(
    ("tag", "told"), [("fra", True), ("xyzzy", True), ("fr-CA", False), ("gsw", False), ("zh-Hant", False)]
)
def test_a_tag_of_no_language_is_told(bells, tag, told):
    bells.replace(ANNA, '"Anna"@en', f'"Anna"@en , "Anne"@{tag}')
    assert [(path, rule) for path, _, _, rule, _ in found(bells)] == ([(ANNA, "language")] if told else [])


def test_a_tag_of_another_standard_is_corrected(bells):
    bells.replace(ANNA, '"Anna"@en', '"Anna"@en , "Anne"@fra')
    assert [one.advice for one in bells.check().findings if one.rule == "language"] == ["Did you mean @fr?"]


def test_a_long_text_that_is_the_same_in_two_languages_is_told(bells):
    text = "The bell that rings for the dead"
    bells.append(ANNA, f'bell:anna b:note "{text}"@en , "{text}"@de .\n')
    assert [message for *_, message in found(bells)] == ["this text is the same in de and in en"]


def test_a_text_without_a_language_among_others_is_told(bells):
    bells.append(ANNA, 'bell:anna b:note "a"@en , "b"@en , "c"@de , "d"@de , "plain" .\n')
    expected = "this text has no language, though others of b:note have one"
    assert [message for *_, message in found(bells)] == [expected]


@pytest.mark.parametrize(
    ("literal", "wrong"),
    [
        ('"2026-02-30"^^xsd:date', True), ('"2023-02-29"^^xsd:date', True), ('"2024-02-29"^^xsd:date', False),
        ('"1900-02-29"^^xsd:date', True), ('"2000-02-29"^^xsd:date', False), ('"-0049-12-31"^^xsd:date', False),
        ('"12026-01-01Z"^^xsd:date', False), ('"2026-13-01"^^xsd:date', True), ('"yesterday"^^xsd:date', True),
        ('"8oo"^^xsd:integer', True), ("800", False), ('"yes"^^xsd:boolean', True), ('"0840.50"^^xsd:decimal', False),
        ('"2026-01-01T25:00:00"^^xsd:dateTime', True), ('"x"^^b:any', False),
    ],
)  # fmt: skip
def test_a_value_that_is_none_of_its_datatype_is_a_violation(bells, literal, wrong):
    bells.replace(ANNA, "@prefix source:", "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .\n@prefix source:")
    bells.append(ANNA, f"bell:anna b:page {literal} .\n")
    assert [(severity, rule) for _, _, severity, rule, _ in found(bells)] == ([("violation", "value")] if wrong else [])


def test_a_source_that_nothing_uses_is_work_to_do(bells):
    bells.append(SOURCES, 'source:diary\n  a b:Source ;\n  rdfs:label "The diary"@en .\n')
    assert found(bells) == [(SOURCES, 21, "info", "idle-source", "nothing uses the source source:diary")]
    bells.append(LEDGER, "bell:anna b:page source:diary .\n")
    assert found(bells) == []


def test_a_control_character_does_not_hide_that_a_shape_is_violated(bells):
    plain = "s:Plain-label sh:path rdfs:label ; sh:pattern '^[a-zA-Z]+$' ."
    bells.append("shapes/bells.ttl", f"s:Plain sh:targetClass b:Bell ; sh:property s:Plain-label . {plain}\n")
    bells.replace(ANNA, '"Anna"@en', '"An\0na"@en')
    done = run_kg("check", cwd=bells.root, check=1)
    assert "[s:Plain-label]" in done.stdout


def test_a_control_character_in_a_text_is_told(bells):
    bells.replace(ANNA, '"Anna"@en', '"An\0na"@en')
    assert found(bells) == [(ANNA, 12, "warning", "value", "this text holds the control character U+0000")]
