"""`kg format`: files put into canonical form on the disk, and left alone on any doubt."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from tests.building import BELLS, ROOT, copy_of, run_kg

from kg.canonical import Style, canonical
from kg.errors import KGError
from kg.formatting import Formatted, format_file, style_of, targets, write_back
from kg.project import Role, open_project

ANNA = "data/turtle/register/bell/anna.ttl"
CANONICAL = """\
@base <https://bells.example/graph/register/bell/anna> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:register .

bell:anna
  a b:Bell ;
  rdfs:label "Anna"@en ;
  b:mass 800 .
"""
UNTIDY = CANONICAL.replace('  rdfs:label "Anna"@en ;\n  b:mass 800 .', '  b:mass 800 ;\n  rdfs:label "Anna"@en .')


def in_form(world):
    project = open_project(world)
    styles = {role: style_of(project, role) for role in Role}
    return [(format_file(path, project.shown(path), styles[role]), styles[role]) for role, path in targets(project, [])]


@pytest.mark.parametrize(("world", "every"), [(ROOT, 9), (BELLS, 1), pytest.param(ROOT, 1, marks=pytest.mark.torture)])
def test_files_of_the_repository_have_a_canonical_form_that_stays(world, every):
    for one, style in in_form(world)[::every]:
        assert canonical(one.after, one.shown, style).encode() == one.after


def test_every_file_of_the_graph_is_in_canonical_form():
    assert [one.shown for one, _ in in_form(ROOT) if one.changed] == [], "Run: kg format"


def test_formatting_changes_the_file_and_says_so(bells):
    bells.write(ANNA, UNTIDY)
    done = run_kg("format", ANNA, cwd=bells.root, check=0)
    assert (done.stdout, done.stderr) == (f"{ANNA}\n", "1 of 1 files changed.\n")
    assert bells.read(ANNA) == CANONICAL
    done = run_kg("format", ANNA, cwd=bells.root, check=0)
    assert (done.stdout, done.stderr) == ("", "0 of 1 files changed.\n")


def test_check_shows_the_difference_and_the_cure_and_changes_nothing(bells):
    bells.write(ANNA, UNTIDY)
    done = run_kg("format", "--check", ANNA, cwd=bells.root, check=1)
    assert '+  rdfs:label "Anna"@en ;\n' in done.stdout
    assert '-  rdfs:label "Anna"@en .\n' in done.stdout
    assert done.stderr == f"1 of 1 files are not in canonical form. Run: kg format {ANNA}\n"
    assert bells.read(ANNA) == UNTIDY


def test_a_file_that_cannot_be_read_is_told_and_left_while_others_are_formatted(bells):
    bells.write(ANNA, UNTIDY)
    bells.write("data/turtle/register/bell/berta.ttl", "@base <https://x.example/> .\n<> a \n")
    done = run_kg("format", "data", cwd=bells.root, check=1)
    assert "data/turtle/register/bell/berta.ttl:3:1: " in done.stderr
    assert bells.read(ANNA) == CANONICAL
    assert bells.read("data/turtle/register/bell/berta.ttl") == "@base <https://x.example/> .\n<> a \n"


def test_nothing_is_formatted_while_the_order_is_not_known(bells):
    bells.write(ANNA, UNTIDY)
    bells.append("shapes/bells.ttl", "s:Bell a")
    done = run_kg("format", ANNA, cwd=bells.root, check=1)
    assert "shapes/bells.ttl:" in done.stderr
    assert bells.read(ANNA) == UNTIDY


def test_a_path_that_is_not_there_is_an_error(bells):
    done = run_kg("format", "nowhere.ttl", cwd=bells.root, check=1)
    assert "nowhere.ttl: there is no such file or folder" in done.stderr


def test_a_file_of_no_graph_is_put_in_order_by_its_own_prefixes(tmp_path):
    (tmp_path / "x.ttl").write_text("@prefix x: <http://x/> .\n@prefix a: <http://a/> .\n<http://x/a> a:b 1;.")
    run_kg("format", "x.ttl", cwd=tmp_path, check=0)
    expected = "@prefix a: <http://a/> .\n@prefix x: <http://x/> .\n\nx:a a:b 1 .\n"
    assert (tmp_path / "x.ttl").read_text() == expected


def test_the_mode_stays_and_a_link_stays_a_link(bells):
    bells.write(ANNA, UNTIDY)
    path, link = bells.root / ANNA, bells.root / "data/turtle/link.ttl"
    path.chmod(0o640)
    link.symlink_to(path)
    run_kg("format", link, cwd=bells.root, check=0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert bells.read(ANNA) == CANONICAL
    assert [name for name in os.listdir(path.parent) if name.startswith(".")] == []


def test_a_file_that_changes_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "x.ttl"
    path.write_text("<http://a>   a <http://b> .")
    found = format_file(path, "x.ttl", Style())
    path.write_text("<http://a> a <http://c> .")
    with pytest.raises(KGError, match="changed while it was formatted"):
        write_back(found)
    assert path.read_text() == "<http://a> a <http://c> ."
    assert os.listdir(tmp_path) == ["x.ttl"]


def test_a_full_or_missing_disk_leaves_the_file(tmp_path, monkeypatch):
    path = tmp_path / "x.ttl"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KGError, match="No space left on device"):
        write_back(Formatted(path, "x.ttl", b"old", b"new"))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.ttl"]


def test_data_stands_in_the_order_of_the_pages(bells):
    style = style_of(bells.project(), Role.SOURCE)
    text = bells.read("data/turtle/sources/chronicle/castings.ttl")
    found = canonical(text.encode(), "x.ttl", style)
    assert found.index("b:caster") < found.index("b:cast "), "the shapes give b:caster the lower sh:order"


def test_formatting_changes_no_finding(tmp_path):
    root = copy_of(BELLS, tmp_path / "bells")
    for path in Path(root).rglob("*.ttl"):
        path.write_text(path.read_text("utf-8").replace(" ;\n", ";"), "utf-8")

    def findings() -> list[list[str]]:
        found = json.loads(run_kg("check", "--format", "json", cwd=root).stdout)["findings"]
        return sorted([one[key] for key in ("path", "severity", "rule", "message")] for one in found)

    before = findings()
    assert before
    run_kg("format", cwd=root, check=0)
    assert findings() == before
    run_kg("format", "--check", cwd=root, check=0)
