"""Search: what a few typed words find, in which order, and what they may have been meant to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import NamedNode
from tests.building import bells
from tests.conftest import World

from kg.build import build
from kg.search import acronym, fold, marked, names_of, search, slips
from kg.snapshot import Snapshot

REGISTER = """\
@base <https://bells.example/graph/register/bell/more> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:register .

bell:great a b:Bell ; rdfs:label "Great Sanctuary"@en , "Große Freistatt"@de .
bell:sanctuary a b:Bell ; rdfs:label "Sanctuary"@en ; dcterms:description "Rings at noon."@en .
bell:house a b:Bell ; rdfs:label "Sanctuary House Bell"@en ; skos:altLabel "Old Tom"@en , "Œuvre d’été"@fr .
bell:text a b:Bell ; rdfs:label "Quiet"@en ; dcterms:description "Hangs beside the sanctuary."@en .
bell:union a b:Bell ; rdfs:label "Union of Bell Ringers"@en ; skos:altLabel "Barcelona"@en .
<https://bells.example/id/foundry/brothers> a b:Foundry ; rdfs:label "Grimm Brothers"@en .
bell:number a b:Bell ; rdfs:label "42"@en .
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    world = World(tmp_path_factory.mktemp("search") / "bells")
    world.write("data/turtle/register/bell/more.ttl", REGISTER)
    world.replace(
        "ontology/bells.ttl", "b:page a owl:DatatypeProperty .",
        "b:page a owl:DatatypeProperty .\n<http://www.w3.org/2004/02/skos/core#altLabel> a owl:AnnotationProperty .\n"
        "<http://purl.org/dc/terms/description> a owl:AnnotationProperty .",
    )  # fmt: skip
    return build(world.project()).snapshot


def slugs(snapshot: Snapshot, text: str) -> list[str]:
    numbers = search(snapshot, text).entities
    terms = snapshot.terms(numbers)
    iris = [term.value for number in numbers if isinstance(term := terms[number], NamedNode)]
    return [iri.rpartition("/")[2] for iri in iris if "/id/" in iri]


def test_exact_name_comes_before_beginning_word_and_text(found: Snapshot) -> None:
    assert slugs(found, "sanctuary") == ["sanctuary", "house", "great", "text"]


def test_unfinished_words_in_any_order_find_a_name(found: Snapshot) -> None:
    assert slugs(found, "bell sanct") == ["house"]
    assert slugs(found, "sanc hou") == ["house"]


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("OLD TOM", "house"),
        ("oeuvre d'ete", "house"),
        ("grosse freistatt", "great"),
        ("GROßE", "great"),
        ("ubr", "union"),
        ("U.B.R.", "union"),
        ("42", "number"),
        ("reistat", "great"),
    ],
)
def test_thing_is_found_by_every_name_and_by_its_initials(found: Snapshot, text: str, slug: str) -> None:
    assert slugs(found, text)[:1] == [slug]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("Sanctuarry", "sanctuary"), ("santcuary", "sanctuary"), ("Barcelonne", "barcelona"), ("quite", "quiet")],
)
def test_slip_of_the_keyboard_is_forgiven_and_told(found: Snapshot, typed: str, meant: str) -> None:
    result = search(found, typed)
    assert result.entities
    assert result.text == meant


def test_unfinished_word_with_a_slip_is_forgiven_too(found: Snapshot) -> None:
    assert slugs(found, "sanctaur")[:1] == ["sanctuary"]


@pytest.mark.parametrize("text", ["xyzzyx", "sn", "tmo", "77", "", " ", "😀", "\0", "()", "*"])
def test_what_is_like_nothing_finds_nothing(found: Snapshot, text: str) -> None:
    assert search(found, text).entities == ()


def test_question_with_one_word_too_many_offers_fewer(found: Snapshot) -> None:
    result = search(found, "quiet xyzzyx")
    assert result.entities == ()
    assert result.instead == ["quiet"]


def test_of_equal_names_the_one_with_more_links_comes_first(found: Snapshot) -> None:
    assert slugs(found, "grimm")[:2] == ["grimm", "brothers"]


def test_relations_come_last() -> None:
    snapshot = bells().snapshot
    kinds = [snapshot.classes_of([iri], specific=False) for iri in _iris(snapshot, "cloch")]
    relations = ["https://w3id.org/kg-engine#Relation" in classes for (classes,) in (k.values() for k in kinds)]
    assert relations == sorted(relations)
    assert any(relations)


def _iris(snapshot: Snapshot, text: str) -> list[str]:
    terms = snapshot.terms(numbers := search(snapshot, text).entities)
    return [str(terms[number].value) for number in numbers]


def test_names_of_a_thing_are_told_with_their_languages(found: Snapshot) -> None:
    (number,) = search(found, "old tom").entities
    assert ("Old Tom", "en") in [(name.text, name.language) for name in names_of(found, [number])[number]]


@given(st.text(max_size=300))
def test_no_text_is_too_strange_for_a_search(text: str) -> None:
    result = search(bells().snapshot, text)
    assert isinstance(result.text, str)
    assert "".join(piece for piece, _ in marked(text, fold(text).split())) == text


@pytest.mark.parametrize(
    ("typed", "word", "expected"),
    [
        ("grenobel", "grenoble", 1),
        ("barcelonne", "barcelona", 2),
        ("", "bell", 4),
        ("bell", "bell", 0),
        ("ab", "ba", 1),
    ],
)
def test_slips_are_counted(typed: str, word: str, expected: int) -> None:
    assert slips(typed, word)[0] == expected


def test_initials_are_those_of_capitals() -> None:
    assert acronym("Réseau des Villes Accueillantes") == "rva"
    assert acronym("ANVITA") == acronym("the bell") == acronym("") == ""
