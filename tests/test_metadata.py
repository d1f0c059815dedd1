"""What the graph says about itself is true, and depends on nothing but its content."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions
from tests.building import WORLDS

from kg import metadata
from kg.metadata import Origin, dataset_iri, describe, describe_origin, metadata_graph
from kg.settings import Settings

SETTINGS = Settings(base_iri="https://bells.example/", title={"en": "Bells", "de": "Glocken"})


def said(quads: list[Quad]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for quad in quads:
        found.setdefault(quad.predicate.value.replace("#", "/").rsplit("/", 1)[1], []).append(quad.object.value)
    return found


@pytest.mark.parametrize("world", WORLDS)
def test_every_number_is_what_a_query_over_the_published_graph_gives(world: str) -> None:
    snapshot = WORLDS[world]().snapshot
    store = snapshot.data().store
    base = snapshot.settings.entity_base
    queries = {
        "triples": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }",
        "entities": f"SELECT (COUNT(DISTINCT ?s) AS ?n) {{ ?s a ?c FILTER(STRSTARTS(STR(?s), '{base}')) }}",
        "classes": "SELECT (COUNT(DISTINCT ?c) AS ?n) { ?s a ?c }",
        "properties": "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o }",
    }
    for name, query in queries.items():
        found = store.query(query)
        assert isinstance(found, QuerySolutions)
        (fact,) = snapshot_says(world, "http://rdfs.org/ns/void#" + name)
        assert int(next(found)["n"].value) == int(fact.value), name


def snapshot_says(world: str, predicate: str) -> list[Literal]:
    snapshot = WORLDS[world]().snapshot
    query = f"SELECT ?o {{ <{dataset_iri(snapshot.settings).value}> <{predicate}> ?o }}"
    return [solution["o"] for solution in snapshot.data().store.query(query)]


@pytest.mark.parametrize("world", WORLDS)
def test_title_and_licence_are_those_of_the_settings(world: str) -> None:
    settings = WORLDS[world]().snapshot.settings
    titles = snapshot_says(world, "http://purl.org/dc/terms/title")
    assert {title.language: title.value for title in titles} == settings.title
    assert snapshot_says(world, "http://purl.org/dc/terms/license") == [NamedNode(settings.licence)]


def test_everything_is_said_of_the_dataset_in_the_graph_of_metadata() -> None:
    quads = list(describe(SETTINGS, []))
    assert {(quad.subject, quad.graph_name) for quad in quads} == {(dataset_iri(SETTINGS), metadata_graph(SETTINGS))}


def test_a_triple_of_two_graphs_counts_once() -> None:
    triple = (NamedNode("urn:a"), NamedNode("urn:b"), NamedNode("urn:c"))
    once = [Quad(*triple, NamedNode("urn:g"))]
    twice = [*once, Quad(*triple, NamedNode("urn:h"))]
    assert said(list(describe(SETTINGS, once))) == said(list(describe(SETTINGS, twice)))


@pytest.mark.parametrize(
    ("origin", "comments"),
    [
        (Origin(), ["not under version control"]),
        (Origin("a" * 40, "2018-09-01T10:00:00+02:00"), []),
        (Origin("a" * 40, "2018-09-01T10:00:00+02:00", dirty=True), ["changes that are not in this commit"]),
        (Origin("a" * 40, "2018-09-01T10:00:00+02:00", shallow=True), ["shallow clone"]),
        (Origin("a" * 40, "2018-09-01T10:00:00+02:00", dirty=True, shallow=True), ["changes", "shallow"]),
    ],
)
def test_origin_is_told_with_what_is_wrong_about_it(origin: Origin, comments: list[str]) -> None:
    quads = list(describe_origin(SETTINGS, origin))
    found = said(quads)
    told = found.get("comment", [])
    assert len(told) == len(comments)
    assert all(word in text for word, text in zip(comments, told, strict=True))
    derived = ["swh:1:rev:" + "a" * 40] if origin.commit else None
    assert found.get("wasDerivedFrom") == derived


def test_a_folder_that_is_not_there_has_no_origin(tmp_path: object) -> None:
    assert metadata.origin_of(tmp_path / "nowhere") == Origin()  # type: ignore[operator]
