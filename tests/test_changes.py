"""`kg diff`: what changed, in names, broken promises first."""

from __future__ import annotations

import json
import os

import pytest
from tests.building import error_of, run_kg
from tests.test_memo import committed, git

from kg.changes import State, compare, markdown, text
from kg.project import open_project

ANNA = "data/turtle/register/bell/anna.ttl"
BERTA = "data/turtle/register/bell/berta.ttl"
LEDGER = "data/turtle/sources/ledger.ttl"


@pytest.fixture
def changed(bells, tmp_path):
    """Compare the bells as they were with what they are when this is called."""
    before = State(open_project(bells.root), "en")
    return lambda: compare(before, State(bells.project(), "en"))


def test_nothing_changed(bells, changed):
    bells.write(ANNA, "# only a comment\n" + bells.read(ANNA))
    found = changed()
    assert (found.vanished, found.answers, found.things) == ([], [], [])
    assert text(found, "en") == "Nothing changed."


def test_a_statement_is_told_in_names_under_its_thing_and_source(bells, changed):
    bells.replace(LEDGER, "800", "810")
    assert text(changed(), "en").split("\n") == [
        "What is said now",
        "Berta (changed)",
        "  The ledger of the foundry",
        f"  - b:mass: 800 [{LEDGER}:20]",
        f"  + b:mass: 810 [{LEDGER}:20]",
    ]


def test_what_is_gone_comes_first_and_so_do_answers_that_changed(bells, changed):
    bells.delete(ANNA)
    found = changed()
    assert [thing.iri for thing in found.vanished] == ["https://bells.example/id/bell/anna"]
    assert [(one.view, one.gone, one.new) for one in found.answers] == [("bells", ["Anna"], [])]
    told = text(found, "en")
    assert told.startswith(
        "Gone, though it may be linked to: deprecate it instead\nAnna <https://bells.example/id/bell/anna>\n"
    )
    assert "bells): −1 +0\n  - Anna\n" in told
    assert "Anna (gone)\n  The register\n" in told


def test_a_new_name_changes_no_answer(bells, changed):
    bells.replace(ANNA, '"Anna"@en', '"Anna the Great"@en')
    found = changed()
    assert (found.vanished, found.answers) == ([], [])
    assert [(thing.label, thing.state) for thing in found.things] == [("Anna the Great", "changed")]


def test_a_thing_that_moves_to_another_file_has_not_vanished(bells, changed):
    bells.write(BERTA, bells.read(BERTA) + '\nbell:anna\n  a b:Bell ;\n  rdfs:label "Anna"@en .\n')
    bells.delete(ANNA)
    found = changed()
    assert (found.vanished, found.answers) == ([], [])


def test_a_question_that_is_gone_or_asks_something_else_is_told(bells, changed):
    bells.replace("views/bells.rq", "?bell a b:Bell", "?bell a b:Foundry")
    assert [(one.gone, one.new) for one in changed().answers] == [(["Anna", "Berta"], ["Grimm & Sons"])]
    bells.delete("views/bells.rq")
    assert [(one.gone, one.new) for one in changed().answers] == [(["Anna", "Berta"], [])]


def test_names_in_the_data_cannot_format_a_comment(bells, changed):
    bells.replace(ANNA, '"Anna"@en', '"<img src=x> **[b](http://x)** @all | `x`"@en')
    told = markdown(changed(), "en")
    assert r"\<img src=x\> \*\*\[b\](http://x)\*\*" in told
    assert "@all" not in told
    assert "\n- " in told


def test_the_command_compares_commits_and_the_files(bells):
    committed(bells)
    bells.replace(LEDGER, "800", "810")
    git(bells.root, "commit", "-qam", "heavier")
    bells.replace(LEDGER, "810", "820")
    assert "+ b:mass: 820" in run_kg("diff", "HEAD", cwd=bells.root, check=0).stdout
    between = run_kg("diff", "HEAD~1", "HEAD", "--format", "json", cwd=bells.root, check=0)
    (thing,) = json.loads(between.stdout)["things"]
    assert [(one["added"], one["value"]) for one in thing["said"]] == [(False, "800"), (True, "810")]
    french = run_kg("diff", "HEAD~1", "--lang", "fr", "--format", "markdown", cwd=bells.root, check=0)
    assert french.stdout.startswith("### Ce qui se dit désormais\n- Berta (changé)\n")


def test_a_graph_in_a_folder_of_its_repository_is_compared_with_itself(bells):
    inner = bells.root / "graphs" / "bells"
    inner.mkdir(parents=True)
    for name in ("kg.toml", "ontology", "data", "shapes", "views"):
        os.rename(bells.root / name, inner / name)
    committed(bells)
    (inner / ANNA).write_text((inner / ANNA).read_text().replace('"Anna"', '"Hanna"'))
    assert "Hanna (changed)" in run_kg("diff", "HEAD", cwd=inner, check=0).stdout


def test_what_cannot_be_read_cannot_be_compared(bells):
    committed(bells)
    bells.append(ANNA, "bell:")
    assert f"{ANNA}:13:" in error_of(run_kg("diff", "HEAD", cwd=bells.root))
