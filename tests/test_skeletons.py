"""A new file begins as the shapes ask and as those beside it do; people complete it, and nothing is overwritten."""

from __future__ import annotations

from contextlib import chdir

import pytest
from click.testing import CliRunner
from tests.building import BELLS, copy_of
from tests.conftest import World

from kg.cli import main


def new(root, *words, check=0):
    with chdir(root):
        done = CliRunner().invoke(main, ["new", *words])
    assert done.exit_code == check, done.output
    assert "Traceback" not in done.output
    return done


def test_a_thing_with_its_title_passes_the_checks_at_once(bells: World) -> None:
    new(bells.root, "bell", "carla", "--title", "Carla")
    assert (
        bells.read("data/turtle/register/bell/carla.ttl")
        == """\
@base <https://bells.example/graph/register/bell/carla> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:register .

bell:carla
  a b:Bell ;
  rdfs:label "Carla"@en ;
  # Also possible: b:mass
  .
"""
    )
    assert bells.findings() == []


def test_what_the_shapes_miss_stands_in_the_file_and_on_the_terminal_with_its_line(bells: World) -> None:
    done = new(bells.root, "bell", "carla", "--lang", "de")
    lines = bells.read("data/turtle/register/bell/carla.ttl").split("\n")
    assert lines[8:12] == [
        "bell:carla",
        "  a b:Bell ;",
        "  # Eine Glocke braucht einen Namen.",
        '  # rdfs:label "…"@en ;',
    ]
    assert "data/turtle/register/bell/carla.ttl:12: Eine Glocke braucht einen Namen." in done.stderr


def test_a_completed_line_makes_the_file_right(bells: World) -> None:
    file = "data/turtle/register/bell/carla.ttl"
    new(bells.root, "bell", "carla")
    assert [found[3] for found in bells.findings()] == ["violation"]
    bells.replace(file, '# rdfs:label "…"@en', 'rdfs:label "Carla"@en')
    (finding,) = bells.check().findings
    assert finding.advice.startswith("kg format declares those of the prefix table.")
    assert CliRunner().invoke(main, ["-C", str(bells.root), "format", f"{bells.root}/{file}"]).exit_code == 0
    assert "@prefix rdfs: " in bells.read(file)
    assert bells.findings() == []


def test_a_relation_goes_to_the_file_of_its_source_and_all_else_there_stays(bells: World) -> None:
    file = "data/turtle/sources/chronicle/castings.ttl"
    bells.append(file, "\n# to be read again\n")
    assert CliRunner().invoke(main, ["-C", str(bells.root), "format", f"{bells.root}/{file}"]).exit_code == 0
    before = bells.read(file)
    values = ("--set", "b:cast=bell:berta", "--set", "b:page=13", "--set", "b:year=1710~")
    new(bells.root, "casting", "berta", "--in", "chronicle/castings", *values)
    assert (
        bells.read(file)
        == before
        + """
casting:berta
  a b:Casting ;
  b:cast bell:berta ;
  b:page "13" ;
  b:year "1710~"^^edtf:EDTF ;
  # Also possible: b:caster
  .
"""
    )
    assert bells.findings() == []


def test_a_file_of_a_source_gets_its_header(bells: World) -> None:
    new(bells.root, "source-file", "ledger/additions", "--set", "b:page=9")
    text = bells.read("data/turtle/sources/ledger/additions.ttl")
    assert text.startswith("@base <https://bells.example/graph/ledger/additions> .")
    assert text.endswith('<>\n  dcterms:source source:ledger ;\n  b:page "9" .\n')
    assert bells.findings() == []


def test_a_dry_run_prints_the_file_and_writes_none(bells: World) -> None:
    printed = new(bells.root, "bell", "carla", "--title", "Carla", "--dry-run").stdout
    assert not (bells.root / "data/turtle/register/bell/carla.ttl").exists()
    new(bells.root, "bell", "carla", "--title", "Carla")
    assert printed == bells.read("data/turtle/register/bell/carla.ttl")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bel", "carla"], "Expected one of bell, casting, foundry, source, source-file. Did you mean bell?"),
        (["organ", "carla"], "A new kind needs a prefix for https://bells.example/id/organ/."),
        (["bell", "Große Carla"], "Expected a-z, 0-9 and single hyphens between them. Write grosse-carla"),
        (["bell", "../../x"], "this is no slug"),
        (["bell", "anna"], "data/turtle/register/bell/anna.ttl: bell:anna is there already"),
        (["casting", "carla"], "a casting is what a source says, and has no file of its own"),
        (["casting", "anna", "--in", "chronicle/castings"], "castings.ttl:12: casting:anna is there already"),
        (["casting", "x", "--in", "chronicle/castngs"], "Did you mean chronicle/castings?"),
        (["casting", "x", "--in", "ledger", "--set", "b:cast=bell:ana"], "bell:ana. Did you mean bell:anna?"),
        (["casting", "x", "--in", "ledger", "--set", "b:year=1702-13"], "b:year will not do. Found 1702-13."),
        (["casting", "x", "--in", "ledger", "--set", "b:csat=bell:anna"], "no b:csat. Did you mean b:cast?"),
        (["casting", "x", "--in", "ledger", "--set", "b:cast"], "this sets nothing. Found b:cast."),
        (["casting", "x", "--in", "ledger", "--title", "X"], "a casting has no name of its own"),
        (["bell", "carla", "--class", "b:Bel"], "the ontology has no class b:Bel. Did you mean b:Bell?"),
        (["source-file", "chronicle/castings"], "this file is there already"),
        (["source-file", "cronicle/more"], "source:cronicle is not in the register. Did you mean source:chronicle?"),
        (["source-file", "chronicle"], "this names no file of a source"),
        (["source-file", "../x"], "this is no slug"),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_is_refused_with_advice_and_nothing_is_written(bells: World, words, said) -> None:
    before = sorted(bells.root.rglob("*"))
    assert said in new(bells.root, *words, check=1).stderr
    assert sorted(bells.root.rglob("*")) == before


def test_hostile_values_stay_text(bells: World) -> None:
    new(bells.root, "bell", "carla", "--title", 'x"@en . <https://x.example/a> <https://x.example/b> "\n')
    assert len(next(d for d in bells.reading().all() if d.path.endswith("carla.ttl")).statements) == 3


def test_another_world_has_its_own_kinds_headers_and_languages(tmp_path) -> None:
    root = copy_of(BELLS, tmp_path / "bells")
    new(root, "bell", "carla", "--title", "Carla")
    text = (root / "facts/register/bell/carla.ttl").read_text()
    assert "<>\n  a cloch:Record ;\n  cloch:attestedIn document:cofrestr ." in text
    assert '  rdfs:label\n    "Carla"@cy ,\n    "Carla"@de ;' in text
    assert '# dcterms:description "…"@cy ;' in text
