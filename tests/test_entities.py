"""What a document about one thing says: all that the graph says of it, and nothing of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad
from tests import building
from tests.building import BELLS, WORLDS, copy_of, rebuilt

from kg.entities import describe, footnotes, grouped
from kg.snapshot import Snapshot

B = "https://bells.example/cloch/id/"
CLOCH = "https://bells.example/cloch/geirfa#"


@pytest.fixture(scope="module")
def bells() -> Snapshot:
    return building.bells().snapshot


def quads_of(snapshot: Snapshot, iri: str) -> set[Quad]:
    description = describe(snapshot, iri)
    assert description is not None
    return set(description.quads(snapshot))


def test_nothing_is_said_of_a_thing_that_does_not_occur(bells: Snapshot) -> None:
    assert describe(bells, B + "bell/nothing") is None


def test_a_document_has_the_statements_about_the_thing_and_those_of_its_relations(bells: Snapshot) -> None:
    description = describe(bells, B + "bell/y-fawr")
    assert description is not None
    assert {fact.subject.value for fact in description.facts} == {B + "bell/y-fawr"}
    assert [relation.node.value for relation in description.relations] == [
        B + "casting/y-fawr",
        B + "hanging/y-fawr-in-twr-y-gogledd",
    ]
    casting = description.relations[0]
    assert {part.value for part in casting.parts} == {CLOCH + "castingOf"}
    assert {fact.object.value for fact in casting.facts if fact.predicate.value == CLOCH + "castDate"} == {
        "1482~",
        "1495",
    }


def test_a_document_says_nothing_about_others(bells: Snapshot) -> None:
    said: dict[str, set[str]] = {}
    for quad in quads_of(bells, B + "bell/y-fawr"):
        said.setdefault(quad.subject.value, set()).add(quad.predicate.value)
    assert B + "casting/mair" not in said
    assert B + "hanging/cloch-y-dwr-in-twr-y-gogledd" not in said
    assert said[B + "foundry/kaeltenbrueck"] == {"http://www.w3.org/2000/01/rdf-schema#label"}  # only its name


@pytest.mark.parametrize("world", WORLDS)
def test_every_statement_with_a_thing_is_in_its_document_in_the_graph_of_its_file(world: str) -> None:
    snapshot = WORLDS[world]().snapshot
    by_term: dict[str, set[Quad]] = {}
    inferred = NamedNode(snapshot.settings.base_iri + "graph/inferred")
    for fact in snapshot.facts():
        if fact.kind == 3:  # what sources say differently is shown side by side, and does not point to what it names
            continue
        quad = Quad(fact.subject, fact.predicate, fact.object, fact.file.graph if fact.file else inferred)
        for term in (fact.subject, fact.object):
            if isinstance(term, NamedNode):
                by_term.setdefault(term.value, set()).add(quad)
    iris = [iri for kind, _ in snapshot.kinds() for iri in snapshot.entities(kind)]
    assert len(iris) > 20
    for iri in iris[:: max(1, len(iris) // 30)]:
        description = describe(snapshot, iri)
        assert description is not None
        found = set(description.quads(snapshot))
        for page in range(2, description.pages + 1):
            more = describe(snapshot, iri, page=page)
            assert more is not None
            found |= set(more.quads(snapshot))
        assert by_term[iri] <= found, iri


def test_each_statement_comes_once(bells: Snapshot) -> None:
    description = describe(bells, B + "bell/mair")
    assert description is not None
    numbers = [fact.id for fact in description.all_facts()]
    assert len(numbers) == len(set(numbers))


def test_relations_come_in_pages_and_the_rest_on_each(tmp_path: Path, bells: Snapshot) -> None:
    root = copy_of(BELLS, tmp_path / "world")
    (root / "kg.toml").write_text((BELLS / "kg.toml").read_text("utf-8") + "\n[limits]\ndocument_length = 1\n", "utf-8")
    snapshot = rebuilt(root)
    whole = describe(bells, B + "bell/y-fawr")
    first = describe(snapshot, B + "bell/y-fawr")
    assert whole is not None
    assert first is not None
    pages = [describe(snapshot, B + "bell/y-fawr", page=number) for number in range(1, first.pages + 1)]
    assert first.pages == len(whole.relations) + len({fact.subject for fact in whole.incoming})
    assert all(page and [f.id for f in page.facts] == [f.id for f in first.facts] for page in pages)
    shown = [relation.node for page in pages if page for relation in page.relations]
    assert shown == [relation.node for relation in whole.relations]


def test_blank_nodes_are_told_with_what_they_belong_to(bells: Snapshot) -> None:
    description = describe(bells, CLOCH + "castBy")
    assert description is not None
    chain = [fact for fact in description.facts if fact.predicate.value.endswith(("#first", "#rest"))]
    assert [fact.object.value for fact in chain if fact.predicate.value.endswith("first")] == [
        CLOCH + "hasCasting",
        CLOCH + "caster",
    ]


def test_a_document_is_named_after_the_thing(bells: Snapshot) -> None:
    about = {quad for quad in quads_of(bells, B + "bell/mair") if quad.graph_name.value.endswith("graph/metadata")}
    assert {quad.subject.value for quad in about} == {"https://bells.example/cloch/doc/bell/mair"}


# --- for readers -----------------------------------------------------------------------------------------


def test_properties_stand_in_the_order_of_the_shapes_without_bounds(bells: Snapshot) -> None:
    description = describe(bells, B + "casting/y-fawr")
    assert description is not None
    classes = bells.classes_of([B + "casting/y-fawr"], specific=False)[B + "casting/y-fawr"]
    groups = grouped(bells, description.facts, classes, description.labels)
    names = [prop.iri.value.removeprefix(CLOCH) for group in groups for prop in group.properties]
    assert "castEarliest" not in names
    assert names.index("castingOf") < names.index("leaf")
    assert len(names) == len(set(names))
    dates = next(prop for group in groups for prop in group.properties if prop.iri.value == CLOCH + "castDate")
    assert [(value.value, len(stating)) for value, stating in dates.values] == [("1482~", 1), ("1495", 1)]


def test_what_two_sources_say_alike_is_one_value_with_both(bells: Snapshot) -> None:
    description = describe(bells, B + "casting/y-fawr")
    assert description is not None
    groups = grouped(bells, description.facts, [CLOCH + "Casting"], description.labels)
    (caster,) = [prop for group in groups for prop in group.properties if prop.iri.value == CLOCH + "caster"]
    ((_, stating),) = caster.values
    assert len({fact.file.path for fact in stating if fact.file}) == 2


def test_a_footnote_names_the_passage_of_the_node_in_each_source(bells: Snapshot) -> None:
    description = describe(bells, B + "casting/y-fawr")
    assert description is not None
    notes = footnotes(bells, description.facts)
    assert [note.number for note in notes.values()] == list(range(1, len(notes) + 1))
    told = {
        note.file.path: [(prop.value.removeprefix(CLOCH), [v.value for v in values]) for prop, values in note.locators]
        for note in notes.values()
    }
    assert told == {
        "facts/sources/cronicl-llanwyn.ttl": [("leaf", ["3r"]), ("hand", ["A"])],
        "facts/sources/glockenbuch/band-1.ttl": [("leaf", ["7"])],
    }
