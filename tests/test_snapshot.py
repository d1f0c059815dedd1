"""A snapshot tells what was built: every statement with its place, every inferred one with its reasons."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse
from tests import building
from tests.building import WORLDS, built_copy, closure_of, copy_of, delete_statement

from kg.errors import SnapshotError
from kg.rules import Triple
from kg.search import search
from kg.snapshot import GRAPH, SITE, Fact, Snapshot, open_snapshot

B = "https://bells.example/cloch/"
CLOCH = B + "geirfa#"

# The 30 triples that tests/worlds/bells/README.md promises, and no others.
DERIVED = """
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
bell:cloch-y-dwr a cloch:TowerBell ; cloch:castBy foundry:kaeltenbrueck ; cloch:hasCasting casting:cloch-y-dwr ;
  cloch:hasHanging hanging:cloch-y-dwr-in-twr-y-gogledd ; cloch:hungIn tower:twr-y-gogledd .
bell:efydd-y-gors cloch:hasCasting casting:efydd-y-gors .
bell:mair cloch:castBy founder:joerg-kaeltner ; cloch:hasCasting casting:mair ;
  cloch:hasHanging hanging:mair-in-llanwyn ; cloch:hungIn church:llanwyn .
bell:y-fawr a cloch:TowerBell ; cloch:castBy foundry:kaeltenbrueck ; cloch:hasCasting casting:y-fawr ;
  cloch:hasHanging hanging:y-fawr-in-twr-y-gogledd ; cloch:hungIn tower:twr-y-gogledd .
casting:cloch-y-dwr a kg:Relation .
casting:efydd-y-gors a kg:Relation .
casting:mair a kg:Relation .
casting:y-fawr a kg:Relation ; cloch:manner term:crwydrol .
church:llanwyn a cloch:Site .
founder:joerg-kaeltner a cloch:Maker , foaf:Person .
foundry:kaeltenbrueck a cloch:Maker .
hanging:cloch-y-dwr-in-twr-y-gogledd a kg:Relation .
hanging:mair-in-llanwyn a kg:Relation .
hanging:y-fawr-in-twr-y-gogledd a kg:Relation .
parish:dyffryn-wyn a cloch:Site .
tower:twr-y-gogledd a cloch:Site ; cloch:partOf parish:dyffryn-wyn .
"""


@pytest.fixture(scope="module")
def bells() -> Snapshot:
    return building.bells().snapshot


def triple_of(fact: Fact) -> Triple:
    return Triple(fact.subject, fact.predicate, fact.object)


def inferred(snapshot: Snapshot) -> list[Fact]:
    return [fact for fact in snapshot.facts() if fact.inferred]


def promised(snapshot: Snapshot) -> set[Triple]:
    prefixes = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in snapshot.prefixes.items())
    return {
        Triple(quad.subject, quad.predicate, quad.object)
        for quad in parse((prefixes + DERIVED).encode(), format=RdfFormat.TURTLE)
    }


def test_exactly_the_promised_triples_are_derived(bells: Snapshot) -> None:
    assert len(promised(bells)) == 30
    assert {triple_of(fact) for fact in inferred(bells)} == promised(bells)


def test_what_was_not_to_be_derived_is_not(bells: Snapshot) -> None:
    for subject, predicate in (("bell/efydd-y-gors", "castBy"), ("casting/cloch-y-dwr", "manner")):
        assert bells.facts(NamedNode(B + "id/" + subject), NamedNode(CLOCH + predicate)) == []
    assert CLOCH + "TowerBell" not in bells.classes_of([B + "id/bell/mair"], specific=False)[B + "id/bell/mair"]


@pytest.mark.parametrize("world", WORLDS)
def test_every_stated_fact_stands_in_the_line_that_is_named(world: str) -> None:
    """The object's own words are in that line of that file."""
    built = WORLDS[world]()
    lines = {
        file.path: (built.root / file.path).read_text("utf-8").split("\n") for file in built.snapshot.files.values()
    }
    checked, project = 0, built.project
    for fact in built.snapshot.facts():
        if fact.kind != 0:
            continue
        assert fact.file is not None
        line = lines[fact.file.path][fact.line - 1][fact.column - 1 :]
        if isinstance(fact.object, Literal):
            if "\n" in fact.object.value or '"' in fact.object.value or "\\" in fact.object.value:
                continue
            assert fact.object.value in line, (fact, line)
        elif isinstance(fact.object, NamedNode):
            short = project.compact(fact.object.value)
            assert line.startswith((short, f"<{fact.object.value}>", "a ", "(", "<")) or fact.object.value.endswith(
                ("#nil", line.split()[0].strip("<>;.,"))
            ), (fact, line)
        checked += 1
    assert checked > 300


@pytest.mark.parametrize("world", WORLDS)
def test_every_derived_fact_has_reasons_that_end_in_files(world: str) -> None:
    snapshot = WORLDS[world]().snapshot
    for fact in inferred(snapshot):
        reasons = snapshot.why(fact)
        assert reasons, fact
        for reason in reasons:
            assert reason.axiom, fact
            assert all(one.file for one in reason.axiom)
            assert reason.premises, fact
            assert all(premise for premise in reason.premises), fact
        assert leaves(snapshot, fact), fact


def leaves(snapshot: Snapshot, fact: Fact) -> dict[Triple, list[Fact]]:
    """Return the stated facts that a derived one rests on, by all its reasons, each with all its places."""
    found: dict[Triple, list[Fact]] = {}
    for reason in snapshot.why(fact):
        for premise in reason.premises:
            if premise[0].inferred:
                found |= leaves(snapshot, premise[0])
            else:
                found[triple_of(premise[0])] = list(premise)
    return found


def holds_without(snapshot: Snapshot, fact: Fact, gone: Triple) -> bool:
    """Tell from the reasons given whether a fact has one that does not rest on a triple."""
    if triple_of(fact) == gone:
        return False
    if not fact.inferred:
        return True
    return any(
        all(holds_without(snapshot, premise[0], gone) for premise in reason.premises) for reason in snapshot.why(fact)
    )


def test_a_stated_fact_has_no_reasons(bells: Snapshot) -> None:
    assert bells.why(bells.facts(NamedNode(B + "id/bell/mair"))[0]) == []


def test_a_reason_names_all_places_that_state_a_premise(bells: Snapshot) -> None:
    (fact,) = bells.facts(NamedNode(B + "id/casting/y-fawr"), NamedNode(CLOCH + "manner"))
    (reason,) = bells.why(fact)
    assert reason.rule == "subclass"
    assert [(one.file.path, one.line) for one in reason.axiom if one.file] == [("vocab/bells.ttl", line_of_axiom())]
    assert [sorted(one.file.path for one in premise if one.file) for premise in reason.premises] == [
        ["facts/sources/cronicl-llanwyn.ttl", "facts/sources/glockenbuch/band-1.ttl"],
        ["facts/sources/cronicl-llanwyn.ttl"],
        ["facts/sources/glockenbuch/band-1.ttl"],
    ]


def line_of_axiom() -> int:
    lines = (building.BELLS / "vocab/bells.ttl").read_text("utf-8").split("\n")
    return next(
        number for number, line in enumerate(lines, 1) if "owl:onProperty cloch:manner" in line and "subClassOf" in line
    )


def test_delete_the_line_that_a_derived_fact_rests_on_and_the_fact_goes(tmp_path: Path, bells: Snapshot) -> None:
    """For each stated triple under all 30 facts: without its lines exactly the facts go that have no other reason."""
    facts = inferred(bells)
    triples: dict[Triple, list[Fact]] = {}
    for fact in facts:
        triples |= leaves(bells, fact)
    assert len(triples) > 15
    went = 0
    for number, (triple, places) in enumerate(triples.items()):
        root = copy_of(building.bells().root, tmp_path / str(number))
        for place in places:
            assert place.file is not None
            delete_statement(root / place.file.path, place.line, triple)
        left = {inference.triple for inference in closure_of(root).inferences}
        if triple in left:  # it follows from something else: a type from a domain, for one
            assert left - {triple} == {triple_of(fact) for fact in facts}
        else:
            assert left == {triple_of(fact) for fact in facts if holds_without(bells, fact, triple)}, triple
            went += len(left) < len(facts)
        shutil.rmtree(root)
    assert went > len(triples) / 2


# --- reading ---------------------------------------------------------------------------------------------


def test_terms_are_found_by_kind_datatype_and_language(bells: Snapshot) -> None:
    decimal = Literal("0840.50", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#decimal"))
    assert [fact.object for fact in bells.facts(object=decimal)] == [decimal]
    assert bells.facts(object=Literal("0840.50")) == []
    assert bells.facts(object=Literal("840.5", datatype=decimal.datatype)) == []
    assert [fact.object for fact in bells.facts(object=Literal("Turmglocke", language="de"))] != []
    assert bells.facts(object=Literal("Turmglocke", language="cy")) == []
    assert bells.facts(object=Literal(CLOCH + "Bell")) == []


def test_the_store_counts_a_triple_of_two_files_once_outside_graphs(bells: Snapshot) -> None:
    store = bells.data().store
    pattern = f"<{B}id/casting/y-fawr> a <{CLOCH}Casting>"
    assert len(list(store.query(f"SELECT * {{ {pattern} BIND(1 AS ?x) }}"))) == 1
    assert len(list(store.query(f"SELECT * {{ GRAPH ?g {{ {pattern} }} }}"))) == 2


@pytest.mark.parametrize("world", WORLDS)
def test_the_file_of_quads_holds_every_statement_in_its_own_graph_sorted(world: str) -> None:
    snapshot = WORLDS[world]().snapshot
    lines = (snapshot.path / GRAPH).read_text("utf-8").splitlines()
    assert lines == sorted(set(lines))
    quads = set(parse(path=str(snapshot.path / GRAPH), format=RdfFormat.N_QUADS))
    stated = {Quad(f.subject, f.predicate, f.object, f.file.graph) for f in snapshot.facts() if f.file}
    assert stated <= quads
    others = {quad.graph_name.value for quad in quads - stated}
    graphs = {"inferred", "metadata", "differences"} if world == "flagship" else {"inferred", "metadata"}
    assert others == {f"{snapshot.settings.base_iri}graph/{name}" for name in graphs}


def test_the_dates_bounds_are_those_promised(bells: Snapshot) -> None:
    found = {
        (str(fact.subject.value).rsplit("/", 1)[1], fact.predicate.value.removeprefix(CLOCH), fact.object.value)
        for fact in bells.facts()
        if fact.kind == 1
    }
    assert found == {
        ("y-fawr", "castEarliest", "1482-01-01"),
        ("y-fawr", "castLatest", "1482-12-31"),
        ("y-fawr", "castEarliest", "1495-01-01"),
        ("y-fawr", "castLatest", "1495-12-31"),
        ("mair", "castEarliest", "1500-01-01"),
        ("mair", "castLatest", "1599-12-31"),
        ("mair", "castEarliest", "1532-01-01"),
        ("mair", "castLatest", "1532-12-31"),
        ("cloch-y-dwr", "castEarliest", "1620-01-01"),
        ("cloch-y-dwr", "castLatest", "1640-12-31"),
        ("efydd-y-gors", "castEarliest", "-0049-01-01"),
        ("efydd-y-gors", "castLatest", "-0049-12-31"),
        ("y-fawr-in-twr-y-gogledd", "hungFrom", "1483-01-01"),
        ("mair-in-llanwyn", "takenDownBy", "1790-12-31"),
        ("cloch-y-dwr-in-twr-y-gogledd", "hungFrom", "1641-05-03"),
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fawr", ["bell/y-fawr"]),
        ("FAWR", ["bell/y-fawr"]),
        ("dwr", ["bell/cloch-y-dwr"]),
        ("dŵr", ["bell/cloch-y-dwr"]),
        ("kalten", ["foundry/kaeltenbrueck"]),
        ('"', []),
        ("", []),
        ("*", []),
        ("fawr AND (", []),
        ("NEAR", []),
        ("-fawr", ["bell/y-fawr"]),
        ("names:fawr", []),
        ("fawr' OR 1=1 --", []),
        ("\0", []),
        ("😀", []),
    ],
)
def test_search_finds_names_without_regard_to_case_and_accents_and_takes_any_text(
    bells: Snapshot, text: str, found: list[str]
) -> None:
    ours = [iri.removeprefix(B + "id/") for iri in found_in(bells, text) if iri.startswith(B + "id/")]
    assert set(found) <= set(ours)
    assert bool(ours) == bool(found)


def found_in(snapshot: Snapshot, text: str) -> list[str]:
    terms = snapshot.terms(numbers := search(snapshot, text).entities)
    return [str(terms[number].value) for number in numbers]


def test_lists_are_sorted_by_name_and_come_in_pages(bells: Snapshot) -> None:
    everything = bells.entities("bell")
    names = ["cloch-y-dwr", "efydd-y-gors", "mair", "y-fawr"]
    assert sorted(iri.rsplit("/", 1)[1] for iri in everything) == names
    assert [bells.entities("bell", offset=at, limit=1)[0] for at in range(4)] == everything
    assert bells.entities("bell", offset=4) == bells.entities("nothing") == []
    assert dict(bells.kinds())["bell"] == 4


def test_instances_of_a_class_are_stated_and_inferred_ones(bells: Snapshot) -> None:
    assert bells.instances(CLOCH + "TowerBell") == [B + "id/bell/cloch-y-dwr", B + "id/bell/y-fawr"]
    assert bells.instances(CLOCH + "Nothing") == []


def test_a_folder_without_a_snapshot_is_told(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="there is no whole snapshot here"):
        open_snapshot(tmp_path)


def test_a_database_that_breaks_while_it_is_open_is_told(tmp_path: Path) -> None:
    root = built_copy(building.bells(), tmp_path / "world")
    snapshot = open_snapshot((root / ".kg" / "current").resolve())
    (snapshot.path / SITE).write_bytes(b"\0" * 4096)
    with pytest.raises(SnapshotError, match=r"cannot be read: .*Run: kg build"):
        [search(snapshot, word) for word in ("fawr", "mair")] + snapshot.facts()
