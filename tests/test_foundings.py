"""Who founded what, and what happened, by the pages beside the paper: one node for one event, and each page's own say.

What rests on a page goes with it: the facts that follow are drawn in a small world of the files concerned.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from pyoxigraph import NamedNode
from tests.building import ROOT, closure_of, flagship

from kg.rules import Triple
from kg.snapshot import Fact, Snapshot
from kg.vocabulary import RDF

C = "https://w3id.org/citynet/id/"
CN = "https://w3id.org/citynet/ontology#"
DATA = ROOT / "data" / "turtle"
LACROIX = "data/turtle/sources/lacroix-panorama/"


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return flagship().snapshot


def stated(snapshot: Snapshot, subject: str, predicate: str) -> list[Fact]:
    return [f for f in snapshot.facts(NamedNode(C + subject), NamedNode(CN + predicate)) if not f.inferred]


def files_of(fact: Fact) -> str:
    assert fact.file is not None
    return fact.file.path


# --- delete the line, and what follows goes --------------------------------------------------------------

FOUNDED = [
    ("welcoming-communities-nz", "body/immigration-new-zealand", "NetworkFoundedByStateOrIntergovernmentalBody"),
    (
        "rede-nacional-cidades-acolhedoras",
        "body/ministry-of-justice-brazil",
        "NetworkFoundedByStateOrIntergovernmentalBody",
    ),
    ("welcoming-cities-australia", "body/scanlon-foundation", "NetworkFoundedByCivilSociety"),
    ("c-mise", "body/global-exchange-on-migration-and-diversity", "NetworkFoundedByCivilSociety"),
    ("gaikokujin-shuju-toshi-kaigi", "city/hamamatsu", "NetworkFoundedByLocalAuthorities"),
]


def world_of(network: str, founder: str, folder: Path) -> tuple[Path, list[Path]]:
    """A world of one network, one founder and the pages that name it as the creator, and these pages."""
    node = f"participation:{founder.split('/')[1]}-in-{network}-founding"
    pages = [path for path in DATA.glob("sources/*/history.ttl") if f"\n{node}\n" in path.read_text("utf-8")]
    register = [f"network/{network}", founder, f"event/{network}-founding"]
    for path in [*(DATA / "register" / f"{name}.ttl" for name in register), *pages, *(ROOT / "ontology").glob("*")]:
        to = folder / path.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
    shutil.copyfile(ROOT / "kg.toml", folder / "kg.toml")
    (folder / "shapes").mkdir()
    (folder / "views").mkdir()
    return folder, [folder / page.relative_to(ROOT) for page in pages]


@pytest.mark.parametrize(("network", "founder", "kind"), FOUNDED, ids=lambda value: value.rsplit("/")[-1])
def test_the_class_by_founder_goes_with_the_last_page_that_names_the_founder(
    tmp_path: Path, network: str, founder: str, kind: str
) -> None:
    world, pages = world_of(network, founder, tmp_path)
    derived = Triple(NamedNode(f"{C}network/{network}"), RDF.type, NamedNode(CN + kind))
    line = f"  cn:creator {founder.replace('/', ':')} ;\n"
    assert pages
    for page in pages:
        assert derived in {inference.triple for inference in closure_of(world).inferences}
        text = page.read_text("utf-8")
        assert text.count(line) == 1
        page.write_text(text.replace(line, ""), encoding="utf-8")
    assert derived not in {inference.triple for inference in closure_of(world).inferences}


# --- one event in the world is one node ------------------------------------------------------------------


def test_no_network_has_two_foundings(snapshot: Snapshot) -> None:
    foundings = defaultdict(set)
    for fact in snapshot.facts(predicate=NamedNode(CN + "foundingOf")):
        foundings[fact.object].add(fact.subject)
    assert len(foundings) > 90
    assert {actor.value: events for actor, events in foundings.items() if len(events) > 1} == {}


@pytest.mark.parametrize(
    "event",
    [
        "anvita-founding",
        "mayoral-forum-founding",
        "mayoral-forum-2018",
        "uclg-founding",
        "greater-london-council-dissolution",
        "global-compact-signature",
        "pact-of-amsterdam-adoption",
        "uk-cities-local-government-act-adoption",
        "grande-synthe-camp-opening",
        "san-francisco-sanctuary-declaration",
    ],
)
def test_pages_speak_of_the_papers_own_event(snapshot: Snapshot, event: str) -> None:
    files = {files_of(fact) for fact in stated(snapshot, f"event/{event}", "certainty")}
    assert any(file.startswith(LACROIX) for file in files)
    assert any(not file.startswith(LACROIX) for file in files)


# --- each page has its own say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "dates"),
    [
        ("eurocities-founding", {"1986", "1989"}),
        ("salga-founding", {"1996", "1996-11", "1997"}),
        ("recosol-founding", {"2003", "2003-11-14", "2004"}),
        ("solidarity-cities-founding", {"2016-10-17", "2017-10-17"}),
        ("international-parliament-of-writers-dissolution", {"2003", "2004"}),
        ("uk-cities-local-government-act-adoption", {"2014", "2016"}),
        ("fcm-renaming", {"1976", "1985"}),
    ],
)
def test_dates_that_disagree_stand_beside_each_other_each_in_a_file_of_its_own(
    snapshot: Snapshot, event: str, dates: set[str]
) -> None:
    facts = stated(snapshot, f"event/{event}", "date")
    assert {fact.object.value for fact in facts} == dates
    by_file = defaultdict(set)
    for fact in facts:
        by_file[files_of(fact)].add(fact.object.value)
    assert all(len(said) == 1 for said in by_file.values())


@pytest.mark.parametrize(
    "node",
    [
        "event/african-coalition-cities-founding",
        "event/mc2cm-tangier",
        "event/dusseldorf-summit-on-living-together",
        "event/international-migration-review-forum-2026",
        "event/eccar-general-assembly-nancy",
        "event/eccar-board-potsdam",
        "event/mc2cm-beirut",
        "phase/institut-convergences-migrations-funding",
    ],
)
def test_what_was_announced_or_has_a_year_of_ours_is_not_sure(snapshot: Snapshot, node: str) -> None:
    assert {fact.object.value for fact in stated(snapshot, node, "certainty")} == {C + "certainty/doubtful"}
    assert {fact.object.language for fact in stated(snapshot, node, "note")} == {"en", "fr"}


def test_bodies_that_may_be_one_are_founded_apart(snapshot: Snapshot) -> None:
    for network in ("iccar", "coalition-villes-contre-racisme"):
        facts = snapshot.facts(predicate=NamedNode(CN + "foundingOf"), object=NamedNode(f"{C}network/{network}"))
        assert {fact.subject.value for fact in facts} == {f"{C}event/{network}-founding"}
