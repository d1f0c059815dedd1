"""The graph of this repository: what the paper's table says, what each view gives, what rests on what.

The rows of every view stand in tests/views/<name>.csv. After a change of data or views, renew them with
`KG_RENEW=1 pytest tests/test_flagship.py` and read the difference like code.
"""

from __future__ import annotations

import csv
import functools
import io
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode
from tests import building
from tests.building import ROOT, closure_of, copy_of, delete_statement, flagship, rebuilt, run_kg

from kg.entities import Description, describe
from kg.project import open_project
from kg.results import to_csv
from kg.rules import Triple
from kg.snapshot import CURRENT, Fact, Snapshot
from kg.views import read_views
from kg.web.site import create_app
from kg.writers import FORMATS, write

GOLDEN = ROOT / "tests" / "views"
HOW = "KG_RENEW=1 pytest tests/test_flagship.py"
RENEW = bool(os.environ.get("KG_RENEW"))

C = "https://w3id.org/citynet/id/"
CN = "https://w3id.org/citynet/ontology#"

# The paper's table, network by network: two columns (spontaneous, co-opted) that the OCR ran together. The column of
# Welcoming International, which the print puts after a closing parenthesis, is settled by the text after the table.
TABLE = {
    ("national", "spontaneous"): (
        "anvita cities-of-sanctuary-uk recosol sanctuary-cities-us welcoming-cities-australia "
        "welcoming-communities-nz welcoming-cities-us"
    ),
    ("national", "co-opted"): "cites-unies-france cites-unies-liban fcm lga-uk salga vng ulga",
    ("transnational-generalist", "spontaneous"): "eurocities global-parliament-of-mayors",
    ("transnational-generalist", "co-opted"): (
        "cities-alliance cemr uclg uclg-africa uclg-mewa congress-local-regional-authorities flacma mercociudades "
        "metropolis urbact"
    ),
    ("transnational-specialised", "spontaneous"): (
        "icorn observatoire-maires-vivre-ensemble c-mise welcoming-international"
    ),
    ("transnational-specialised", "co-opted"): (
        "coalition-villes-contre-racisme intercultural-cities iccar mayoral-forum observatoire-villes-inclusives"
    ),
}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return flagship().snapshot


def slug(iri: str) -> str:
    return iri.rsplit("/", 1)[1]


def table_of(text: str) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        found.setdefault((slug(row["row"]), slug(row["origin"])), []).append(slug(row["network"]))
    return {cell: sorted(networks) for cell, networks in found.items()}


# --- the typology ----------------------------------------------------------------------------------------


def test_the_expected_table_has_35_networks_in_six_cells() -> None:
    assert [len(names.split()) for names in TABLE.values()] == [7, 7, 2, 10, 4, 5]
    assert len({name for names in TABLE.values() for name in names.split()}) == 35


def test_every_network_is_in_its_cell_of_the_papers_table(snapshot: Snapshot) -> None:
    wanted = {cell: sorted(names.split()) for cell, names in TABLE.items()}
    printed = run_kg("query", "views/typology.rq", "--format", "csv", cwd=flagship().root, check=0).stdout
    assert table_of(printed) == wanted
    stored = snapshot.view("typology")
    assert stored is not None
    assert table_of(to_csv(stored[1])) == wanted


def test_the_pivot_counts_seven_seven_two_ten_four_and_five() -> None:
    shown = run_kg("query", "views/typology.rq", cwd=flagship().root, check=0).stdout
    assert sorted(map(int, re.findall(r"\((\d+)\)", shown.replace("(UK", "")))) == [2, 4, 5, 7, 7, 10]


def test_no_cell_is_written_by_hand(snapshot: Snapshot) -> None:
    cells = snapshot.facts(predicate=NamedNode(CN + "cell"))
    assert len({fact.subject for fact in cells}) >= 35
    assert all(fact.inferred for fact in cells)


# --- all views -------------------------------------------------------------------------------------------


def view_names() -> list[str]:
    return sorted(path.stem for path in (ROOT / "views").rglob("*.rq"))


@pytest.mark.parametrize("name", view_names())
def test_a_view_gives_the_rows_that_were_read_and_found_good(snapshot: Snapshot, name: str) -> None:
    found = snapshot.view(name)
    assert found is not None
    rows = to_csv(found[1]).replace("\r\n", "\n")
    golden = GOLDEN / f"{name}.csv"
    if RENEW:
        golden.write_text(rows, encoding="utf-8")
    assert golden.exists(), f"there is no {golden}: {HOW}"
    assert rows == golden.read_text("utf-8"), (
        "read the difference; if it is right: KG_RENEW=1 pytest tests/test_flagship.py"
    )


def test_there_are_no_rows_of_views_that_are_gone() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.csv")) == view_names()
    assert len(view_names()) >= 5


def test_every_view_of_the_files_is_in_the_snapshot(snapshot: Snapshot) -> None:
    read = [view.name for view in read_views(open_project(flagship().root))]
    assert [view.name for view in snapshot.views()] == sorted(read)


# --- what rests on what ----------------------------------------------------------------------------------


def leaves(snapshot: Snapshot, fact: Fact) -> list[list[Fact]]:
    """Return the stated premises of all reasons of a fact, each with all the places that state it."""
    found = []
    for reason in snapshot.why(fact):
        for premise in reason.premises:
            found += leaves(snapshot, premise[0]) if premise[0].inferred else [list(premise)]
    return found


def sample(snapshot: Snapshot) -> dict[str, Fact]:
    """Two cells, a class by founders, a founder, and for each kind of rule one fact that rests on it alone."""
    cells = {slug(fact.subject.value): fact for fact in snapshot.facts(predicate=NamedNode(CN + "cell"))}
    found = {"a cell": cells["anvita-by-lacroix"], "another cell": cells["urbact-by-lacroix"]}
    anvita = NamedNode(C + "network/anvita")
    found["a class"] = snapshot.facts(anvita, object=NamedNode(CN + "NetworkFoundedByLocalAuthorities"))[0]
    found["a founder"] = snapshot.facts(anvita, NamedNode(CN + "foundedBy"), NamedNode(C + "city/grenoble"))[0]
    for fact in snapshot.facts()[::7]:
        if fact.inferred and fact.subject.value.startswith(C):
            reasons = snapshot.why(fact)
            if len(found) < 10 and len(reasons) == 1 and reasons[0].rule not in found:
                found[reasons[0].rule] = fact
    return found


def test_delete_what_a_derived_fact_rests_on_and_the_fact_goes(tmp_path: Path, snapshot: Snapshot) -> None:
    """Each stated premise goes once, from all files that state it; the fact stays only for another reason."""
    root = copy_of(flagship().root, tmp_path / "world")
    went: dict[str, int] = {}
    for kind, derived in sample(snapshot).items():
        assert derived.inferred, kind
        triple = Triple(derived.subject, derived.predicate, derived.object)
        premises = {Triple(*places[0][1:4]): places for places in leaves(snapshot, derived)}
        assert premises, kind
        for premise, places in list(premises.items())[: 2 if " " in kind else 1]:
            files = {place.file.path for place in places if place.file}
            for place in places:
                assert place.file is not None
                delete_statement(root / place.file.path, place.line, premise)
            left = {inference.triple: inference.reasons for inference in closure_of(root).inferences}
            if triple in left:
                others = [reason for reason in left[triple] if premise not in reason.premises]
                assert others or premise in left, (kind, premise)
            else:
                went[kind] = went.get(kind, 0) + 1
            for file in files:
                shutil.copyfile(flagship().root / file, root / file)
    assert {"a cell", "another cell", "a founder", "chain"} <= went.keys()


def test_a_class_by_founders_goes_with_the_last_of_them(tmp_path: Path, snapshot: Snapshot) -> None:
    root = copy_of(flagship().root, tmp_path / "world")
    founded = {fact for fact in snapshot.facts(predicate=NamedNode(CN + "foundingMember"))}
    for fact in sorted((fact for fact in founded if not fact.inferred and fact.file), key=lambda one: -one.line):
        assert fact.file is not None
        delete_statement(root / fact.file.path, fact.line, Triple(*fact[1:4]))
    kinds = {
        inference.triple.object.value
        for inference in closure_of(root).inferences
        if inference.triple.subject == NamedNode(C + "network/anvita")
    }
    assert CN + "NetworkFoundedByLocalAuthorities" not in kinds


# --- change one digit ------------------------------------------------------------------------------------


@functools.cache
def descriptions(root: Path, every: int) -> Mapping[tuple[str, int], Description]:
    """What is said of one entity in so many, and of all that are named like those of the change, page by page.

    They are those of the flagship, described in a built copy of it.
    """
    snapshot = building.current_in(root)
    entities = [iri for kind, _ in flagship().snapshot.kinds() for iri in flagship().snapshot.entities(kind)]
    found = {}
    for at, iri in enumerate(entities):
        if at % every and not re.search("grenoble|anvita|city/lyon", iri):
            continue
        number = pages = 1
        while number <= pages:
            description = describe(snapshot, iri, page=number)
            assert description is not None
            pages = description.pages
            found[iri, number] = description
            number += 1
    return found


def rdf_documents(root: Path, extension: str, every: int) -> dict[tuple[str, int], bytes]:
    snapshot = building.current_in(root)
    described = descriptions(root, every).items()
    return {key: write(said.quads(snapshot), extension, snapshot.prefixes) for key, said in described}


def html_documents(root: Path, every: int) -> dict[tuple[str, int], bytes]:
    """Return pages without the name of the snapshot, by which each says how it is cited."""
    client = create_app(root / ".kg").test_client()
    name = os.readlink(root / ".kg" / CURRENT)[:16].encode()
    found = {}
    for iri, number in descriptions(root, every):
        response = client.get(f"/doc/{iri.removeprefix(C)}.html", query_string={"page": number, "lang": "en"})
        assert response.status_code == 200, (iri, number)
        assert b"/snapshot/" + name in response.data
        found[iri, number] = response.data.replace(name, b"")
    return found


def changed(old: Mapping[tuple[str, int], bytes], new: Mapping[tuple[str, int], bytes]) -> set[tuple[str, int]]:
    assert old.keys() == new.keys()
    return {key for key in old if old[key] != new[key]}


@pytest.fixture(scope="module")
def with_another_digit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The flagship with another line number beside the founding membership of Grenoble: old value, new value."""
    root = copy_of(flagship().root, tmp_path_factory.mktemp("digit") / "world")
    snapshot = flagship().snapshot
    (fact,) = snapshot.facts(NamedNode(C + "membership/grenoble-in-anvita"), NamedNode(CN + "lines"))
    assert fact.file is not None
    path = root / fact.file.path
    lines = path.read_text("utf-8").split("\n")
    old = fact.object.value
    new = old[:-1] + str((int(old[-1]) + 1) % 10)
    assert lines[fact.line - 1].count(f'"{old}"') == 1
    lines[fact.line - 1] = lines[fact.line - 1].replace(f'"{old}"', f'"{new}"')
    path.write_text("\n".join(lines), encoding="utf-8")
    rebuilt(root)
    return root, old, new


@functools.cache
def showing(value: str, every: int) -> frozenset[tuple[str, int]]:
    """The documents that have the line number of the founding membership among their statements."""
    said = (NamedNode(C + "membership/grenoble-in-anvita"), NamedNode(CN + "lines"), Literal(value))
    found = descriptions(flagship().root, every).items()
    return frozenset(key for key, description in found if any(fact[1:4] == said for fact in description.all_facts()))


SHARES = [25, pytest.param(1, marks=pytest.mark.torture)]


@pytest.mark.parametrize("every", SHARES)
def test_change_one_digit_and_exactly_the_documents_that_show_it_change(
    with_another_digit: tuple[Path, str, str], every: int
) -> None:
    root, old_value, _ = with_another_digit
    shown = showing(old_value, every)
    old, new = rdf_documents(flagship().root, "nq", every), rdf_documents(root, "nq", every)
    things = {iri for iri, _ in shown}
    assert things >= {C + "membership/grenoble-in-anvita", C + "city/grenoble", C + "network/anvita"}
    assert C + "city/lyon" not in things
    assert len(shown) < len(old) / 10
    assert changed(old, new) == shown


@pytest.mark.parametrize("every", SHARES)
@pytest.mark.parametrize("extension", FORMATS)
def test_change_one_digit_and_one_line_changes_in_every_format(
    with_another_digit: tuple[Path, str, str], extension: str, every: int
) -> None:
    root, old_value, new_value = with_another_digit
    old, new = rdf_documents(flagship().root, extension, every), rdf_documents(root, extension, every)
    assert changed(old, new) == showing(old_value, every)
    for key in showing(old_value, every):
        lines = zip(old[key].split(b"\n"), new[key].split(b"\n"), strict=True)
        difference = [(one, other) for one, other in lines if one != other]
        assert len(difference) <= 2, difference
        assert all(old_value.encode() in one or new_value.encode() in other for one, other in difference)


@pytest.mark.parametrize("every", SHARES)
def test_change_one_digit_and_exactly_the_pages_that_show_it_change(
    with_another_digit: tuple[Path, str, str], every: int
) -> None:
    """A page that shows the relation shows where it stands; one that only lists it by name does not."""
    root, old_value, new_value = with_another_digit
    old, new = html_documents(flagship().root, every), html_documents(root, every)
    pages = changed(old, new)
    assert pages <= showing(old_value, every)
    assert {iri for iri, _ in pages} >= {C + "membership/grenoble-in-anvita", C + "city/grenoble"}
    for key in pages:
        assert old[key].count(old_value.encode()) > new[key].count(old_value.encode())
        assert new[key].count(new_value.encode()) > old[key].count(new_value.encode())


def test_a_build_of_the_flagship_is_what_is_current_in_its_folder() -> None:
    assert (flagship().root / ".kg" / CURRENT).readlink().name == flagship().snapshot.name
