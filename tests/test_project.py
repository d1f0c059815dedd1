"""A project is its settings, its prefix table and its Turtle files, each with the part it plays."""

import os
import shutil

import pytest
from pyoxigraph import NamedNode

from kg.errors import KGError, SettingsError
from kg.project import Role, open_project

ANNA = "data/turtle/register/bell/anna.ttl"
LEDGER = "data/turtle/sources/ledger.ttl"


def test_each_file_has_its_role(bells):
    project = bells.project()
    assert [(role.value, project.shown(path)) for role, path in project.turtle_files()] == [
        ("ontology", "ontology/bells.ttl"),
        ("register", ANNA),
        ("register", "data/turtle/register/bell/berta.ttl"),
        ("register", "data/turtle/register/foundry/grimm.ttl"),
        ("register", "data/turtle/register/source/sources.ttl"),
        ("source", "data/turtle/sources/chronicle/castings.ttl"),
        ("source", LEDGER),
        ("shapes", "shapes/bells.ttl"),
    ]


def test_the_register_may_lie_deeper(bells):
    bells.replace("kg.toml", "[provenance]\n", '[provenance]\nregister = "register/bell"\n')
    roles = [role for role, path in bells.project().turtle_files() if "register" in path.parts]
    assert roles == [Role.REGISTER, Role.REGISTER, Role.SOURCE, Role.SOURCE]


def test_names_are_compacted_with_the_longest_namespace_that_fits(bells):
    project = bells.project()
    assert project.compact("https://bells.example/id/bell/anna") == "bell:anna"
    assert project.compact("https://bells.example/ontology#Bell") == "b:Bell"
    assert project.compact("https://elsewhere.example/") == "<https://elsewhere.example/>"
    assert project.expand("bell:anna") == NamedNode("https://bells.example/id/bell/anna")


def test_a_prefix_that_the_table_lacks_cannot_be_expanded(bells):
    with pytest.raises(SettingsError, match=r"Add it to ontology/prefixes\.ttl"):
        bells.project().expand("nope:x")


def test_settings_with_an_unknown_prefix_stop_at_once(bells):
    bells.replace("kg.toml", 'source = "dcterms:source"', 'source = "dct:source"')
    with pytest.raises(SettingsError, match="the prefix of dct:source is not in the prefix table"):
        bells.project()


def test_sources_are_grouped_by_the_source_their_headers_name(bells):
    bells.write("data/turtle/sources/more.ttl", bells.read(LEDGER).replace("ledger/all", "ledger/more"))
    groups = bells.reading().sources(NamedNode("http://purl.org/dc/terms/source"))
    assert {source: [d.path for d in documents] for source, documents in groups.items()} == {
        "https://bells.example/id/source/chronicle": ["data/turtle/sources/chronicle/castings.ttl"],
        "https://bells.example/id/source/ledger": [LEDGER, "data/turtle/sources/more.ttl"],
    }


def test_dates_have_their_bounds_when_they_are_read(bells):
    (ledger,) = [d for d in bells.reading().documents[Role.SOURCE] if d.path == LEDGER]
    bounds = {s.predicate.value.rpartition("#")[2]: s.object.value for s in ledger.statements if s.derived}
    assert bounds == {"earliestYear": "1710-01-01", "latestYear": "1710-12-31"}


def test_a_file_that_cannot_be_read_is_an_error_beside_the_others(bells):
    bells.write(ANNA, "nonsense")
    bells.write(LEDGER, b"\xff")
    reading = bells.reading()
    assert [error.path for error in reading.errors] == [ANNA, LEDGER]
    assert len(reading.documents[Role.REGISTER]) == 3


def test_an_empty_file_is_an_error_with_advice(bells):
    bells.write(ANNA, "")
    (error,) = bells.reading().errors
    assert (error.path, error.line, error.column) == (ANNA, 1, 1)
    assert error.advice.startswith("Begin it with @base")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root can read every file")
def test_a_file_without_permission_is_an_error(bells):
    (bells.root / ANNA).chmod(0)
    (error,) = bells.reading().errors
    assert error.problem.startswith("this file cannot be read")


def test_a_link_to_nowhere_is_an_error(bells):
    (bells.root / "data/turtle/register/bell/gone.ttl").symlink_to(bells.root / "nowhere.ttl")
    (error,) = bells.reading().errors
    assert error.path == "data/turtle/register/bell/gone.ttl"
    assert error.problem.startswith("this file cannot be read")


def test_a_folder_named_like_a_file_is_a_folder(bells):
    (bells.root / "data/turtle/register/odd.ttl").mkdir()
    bells.write("data/turtle/register/odd.ttl/inside.ttl", bells.read(ANNA).replace("bell/anna>", "bell/inside>"))
    reading = bells.reading()
    assert reading.errors == []
    assert "data/turtle/register/odd.ttl/inside.ttl" in {d.path for d in reading.documents[Role.REGISTER]}


@pytest.mark.parametrize("folder", ["ontology", "data/turtle", "shapes"])
def test_a_missing_folder_says_which_and_what_to_do(bells, folder):
    if folder == "ontology":
        shutil.move(bells.root / "ontology/prefixes.ttl", bells.root / "prefixes.ttl")
    shutil.rmtree(bells.root / folder)
    with pytest.raises(KGError, match=folder):
        bells.project().read()


def test_a_project_without_a_prefix_table_says_what_it_is_for(bells):
    bells.delete("ontology/prefixes.ttl")
    with pytest.raises(KGError, match="the prefix table cannot be read"):
        bells.project()


def test_a_prefix_table_that_is_not_turtle_stops_with_its_line(bells):
    bells.append("ontology/prefixes.ttl", "@prefix broken\n")
    with pytest.raises(KGError, match=r"ontology/prefixes\.ttl:1[56]:"):
        bells.project()


def test_a_folder_without_settings_says_so(tmp_path):
    with pytest.raises(SettingsError, match=r"there is no kg\.toml here"):
        open_project(tmp_path)


def test_the_digest_of_the_inputs_changes_with_any_of_them_and_with_nothing_else(bells):
    first = bells.project().inputs_digest()
    bells.write("README.md", "Bells.")
    (bells.root / ".kg").mkdir()
    bells.write(".kg/x.ttl", "")
    assert bells.project().inputs_digest() == first
    seen = {first}
    for path in (
        "kg.toml",
        "ontology/prefixes.ttl",
        "ontology/bells.ttl",
        ANNA,
        LEDGER,
        "shapes/bells.ttl",
        "views/bells.rq",
    ):
        bells.append(path, "\n# changed\n")
        seen.add(bells.project().inputs_digest())
    assert len(seen) == 8
    before = bells.project().inputs_digest()
    shutil.move(bells.root / LEDGER, bells.root / "data/turtle/sources/moved.ttl")
    assert bells.project().inputs_digest() != before


def test_the_digest_is_the_same_in_another_folder(bells, tmp_path):
    other = tmp_path / "elsewhere"
    shutil.copytree(bells.root, other)
    assert open_project(other).inputs_digest() == bells.project().inputs_digest()


def test_an_empty_project_reads_as_nothing(bells):
    for path in bells.root.rglob("*.ttl"):
        if path.name != "prefixes.ttl":
            path.unlink()
    reading = bells.reading()
    assert list(reading.all()) == []
    assert list(reading.quads()) == []
