"""What things are called."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Quad
from tests import building

from kg.labels import choose, labels_in, local_name, worked_out_labels
from kg.vocabulary import DCTERMS, FOAF, RDF, RDFS, SKOS

E = "https://bells.example/"
A, B, C = (NamedNode(E + name) for name in "abc")


@pytest.mark.parametrize(
    ("labels", "languages", "chosen"),
    [
        ({"en": "Lyon", "fr": "Lyon (fr)"}, ["fr", "en"], ("Lyon (fr)", "fr")),
        ({"en": "Bell", "": "B"}, ["cy", "en"], ("Bell", "en")),
        ({"de": "Glocke", "cy": "cloch"}, ["en"], ("cloch", "cy")),
        ({"": "B"}, [], ("B", "")),
    ],
)
def test_a_name_is_the_first_that_the_reader_knows(
    labels: dict[str, str], languages: list[str], chosen: tuple[str, str]
) -> None:
    assert choose(labels, languages) == chosen


@pytest.mark.parametrize(
    ("iri", "name"),
    [
        (E + "id/bell/anna", "anna"),
        (E + "ontology#Bell", "Bell"),
        (E + "id/bell/", "bell"),
        (E + "ontology#", "ontology"),
        ("urn:x:y", "urn:x:y"),
        ("mailto:a@b.example", "mailto:a@b.example"),
    ],
)
def test_a_thing_without_a_name_is_called_after_the_end_of_its_iri(iri: str, name: str) -> None:
    assert local_name(iri) == name


def test_the_best_property_names_a_thing_and_there_the_first_by_alphabet() -> None:
    quads = [
        Quad(A, FOAF.name, Literal("foaf", language="en")),
        Quad(A, RDFS.label, Literal("Zoe", language="en")),
        Quad(A, RDFS.label, Literal("Anna", language="en")),
        Quad(A, SKOS.prefLabel, Literal("Aaron", language="en")),
        Quad(A, DCTERMS.title, Literal("Titel", language="de")),
        Quad(A, RDFS.label, NamedNode(E + "not-a-text")),
        Quad(A, SKOS.altLabel, Literal("Aa", language="en")),
        Quad(B, FOAF.name, Literal("Berta")),
    ]
    wanted = {A: {"en": "Anna", "de": "Titel"}, B: {"": "Berta"}}
    assert labels_in(quads) == labels_in(reversed(quads)) == wanted


def test_a_relation_is_named_after_its_class_and_the_first_two_things_that_it_links() -> None:
    member, network, note = (NamedNode(E + name) for name in ("member", "group", "note"))
    labels = {
        A: {"en": "Anna", "de": "Änne"},
        B: {"en": "Bells United"},
        C: {"en": "membership", "de": "Mitgliedschaft"},
    }
    quads = [Quad(C, RDF.type, C), Quad(C, network, B), Quad(C, member, A), Quad(C, note, Literal("x"))]
    order = {member.value: 1.0, network.value: 2.0}
    assert worked_out_labels([C], quads, labels, languages=("en", "de"), order=order) == {
        "en": "Membership: Anna – Bells United",
        "de": "Mitgliedschaft: Änne – Bells United",
    }


def test_a_relation_names_a_thing_once_that_it_links_in_two_ways() -> None:
    founder, member, network = (NamedNode(E + name) for name in ("founder", "member", "network"))
    labels = {A: {"en": "Anna"}, B: {"en": "Bells United"}, C: {"en": "membership"}}
    quads = [Quad(C, founder, A), Quad(C, member, A), Quad(C, network, B)]
    assert worked_out_labels([C], quads, labels, languages=["en"], order={}) == {
        "en": "Membership: Anna – Bells United"
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Zoe", "Berta"], "Casting: Berta – Zoe"),
        (["Zoe", "Berta", "Anna"], "Casting: Anna – Berta…"),
    ],
)
def test_two_of_many_values_stand_for_all_by_name(names: list[str], expected: str) -> None:
    things = [NamedNode(E + name) for name in names]
    labels = {thing: {"en": name} for thing, name in zip(things, names, strict=True)}
    quads = [Quad(C, NamedNode(E + "p"), thing) for thing in things]
    found = worked_out_labels([NamedNode(E + "Casting")], quads, labels, languages=("en",), order={})
    assert found == {"en": expected}


def test_a_relation_that_links_nothing_with_a_name_is_called_after_its_class() -> None:
    found = worked_out_labels([NamedNode(E + "casting")], [], {}, languages=("en", "de"), order={})
    assert found == {"en": "Casting", "de": "Casting"}


@pytest.mark.parametrize("world", building.WORLDS)
def test_every_entity_has_a_name_in_every_language_of_the_graph(world: str) -> None:
    snapshot = building.WORLDS[world]().snapshot
    iris = [iri for kind, _ in snapshot.kinds() for iri in snapshot.entities(kind)]
    labels = snapshot.labels(iris)
    for iri in iris:
        name, language = choose(labels[iri], snapshot.settings.languages)
        assert name.strip()
        assert language in (*snapshot.settings.languages, "")


def test_no_name_of_the_bells_is_english_or_french() -> None:
    """The engine adds no words of its own to the names that it works out."""
    snapshot = building.bells().snapshot
    found = snapshot.rows("SELECT DISTINCT language FROM label JOIN entity ON entity.term = label.term")
    assert {language for (language,) in found} == {"cy", "de"}
    assert snapshot.labels([E + "cloch/id/casting/mair"])[E + "cloch/id/casting/mair"] == {
        "cy": "Castiad: Cloch Fair – Jörg Kältner",
        "de": "Glockenguss: Marienglocke – Jörg Kältner",
    }
