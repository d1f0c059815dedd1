"""What a check remembers makes the next one quicker and changes no finding."""

from __future__ import annotations

import gc
import json
import os
import random
import sqlite3
import subprocess
import time
from contextlib import contextmanager

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode
from rdflib import BNode, URIRef
from rdflib import Literal as RLiteral
from tests.building import ROOT, copy_of, environment, error_of, run_kg
from tests.editing import Editor, mutated

from kg import checks
from kg.aside import without_search_for_garbage
from kg.canonical import Style, canonical
from kg.checks import brought, check, recheck
from kg.errors import TurtleError
from kg.findings import Finding, Severity, concerning
from kg.memo import Memo, Shelf, number_of_pattern, patterns_of, read_term, write_term
from kg.parsings import Parsings
from kg.project import open_project
from kg.shapes import validate
from kg.triples import Triples
from kg.turtle import read_document

ANNA = "data/turtle/register/bell/anna.ttl"
#: A shape whose every node pySHACL has to look at, so that there is something to remember.
ONLY_FOR_PYSHACL = (
    "s:Told sh:targetClass b:Bell , b:Casting , b:Foundry ; "
    "sh:sparql [ sh:select 'SELECT $this WHERE { FILTER NOT EXISTS { $this rdfs:label|b:cast ?told } }' ] .\n"
)


@without_search_for_garbage()
def edits_agree(root, number, seed):
    """Edit a graph again and again; after each edit, what was remembered must lead to what a fresh check finds."""
    editor = Editor(open_project(root), seed)
    reused = 0
    for step in range(number):
        told = [editor.edit() for _ in range(editor.chance.choice([1, 1, 1, 3]))]
        project = open_project(root)
        reading = project.read(Parsings(root))
        if step % 10 == 0:
            assert reading.documents == project.read().documents, f"seed {seed}, step {step}: {told}"
            gc.collect()
        memo = Memo(root / "memo.sqlite", "key")
        incremental = validate(project, reading, language="en", memo=memo)
        reused += not memo._changed
        memo.save()
        assert incremental == validate(project, reading, language="en"), f"seed {seed}, step {step}: {told}"
    return reused


def mutations_are_told(root, number, seed):
    """Spoil one file after the other: it is read and put in form, or a finding says where it cannot be."""
    chance = random.Random(seed)
    project = open_project(root)
    files = [(project.shown(path), path.read_bytes()) for _, path in project.turtle_files()]
    style = Style(project.prefixes)
    read = 0
    for step in range(number):
        path, data = chance.choice(files)
        for _ in range(chance.choice([1, 1, 3])):
            data = mutated(data, chance)
        try:
            document = read_document(data, path)
            read += 1
            again = read_document(canonical(data, path, style).encode(), path)
            good = {s[:3] for s in again.statements} == {s[:3] for s in document.statements}
        except TurtleError as error:
            good = 1 <= error.line <= data.count(b"\n") + 2 and error.column >= 1 and bool(error.problem)
        assert good, f"seed {seed}, step {step}"
    return read


@pytest.mark.parametrize("seed", [1, 2])
def test_after_any_edit_the_incremental_check_finds_what_the_full_one_finds(bells, seed):
    bells.append("shapes/bells.ttl", ONLY_FOR_PYSHACL if seed == 1 else "")
    edits_agree(bells.root, 50, seed)


def test_any_mutation_of_a_file_is_read_or_told_with_its_place(bells):
    assert 0 < mutations_are_told(bells.root, 500, 3) < 500


def tortured(name: str, default: int) -> int:
    return int(os.environ.get(f"KG_TORTURE_{name}", default))


@contextmanager
def telling(capsys, what):
    """Print what was done, from which seed and how long it took; a failure tells its own step."""
    began = time.monotonic()
    yield
    with capsys.disabled():
        print(f"\nseed {tortured('SEED', 8)}: {what}, in {time.monotonic() - began:.0f} s")


@pytest.mark.torture
def test_a_thousand_edits_of_the_graph(tmp_path, capsys):
    number = tortured("EDITS", 1000)
    with telling(capsys, f"after each of {number} edits the incremental check found what the full one found"):
        edits_agree(copy_of(ROOT, tmp_path / "graph"), number, tortured("SEED", 8))


@pytest.mark.torture
def test_ten_thousand_mutations_of_the_graph(capsys):
    number = tortured("MUTATIONS", 10_000)
    with telling(capsys, f"each of {number} mutations was read, or told with its place"):
        mutations_are_told(ROOT, number, tortured("SEED", 8))


def test_only_what_an_edit_touches_is_validated_again(bells):
    def validated() -> int:
        memo = Memo(bells.root / "memo.sqlite", "key")
        kept = []
        keep = memo.keep
        memo.keep = lambda *what: (kept.append(what), keep(*what))  # type: ignore[method-assign]
        project = bells.project()
        validate(project, project.read(), language="en", memo=memo)
        memo.save()
        return len(kept)

    bells.append("shapes/bells.ttl", ONLY_FOR_PYSHACL)
    assert validated() > 3
    assert validated() == 0
    bells.replace(ANNA, '"Anna"@en', '"Anna the Great"@en')
    assert 0 < validated() <= 2


def test_another_key_or_a_damaged_memo_starts_anew(bells):
    bells.append("shapes/bells.ttl", ONLY_FOR_PYSHACL)
    path = bells.root / "memo.sqlite"
    project = bells.project()
    reading = project.read()

    def findings(key):
        memo = Memo(path, key)
        found = validate(project, reading, language="en", memo=memo)
        memo.save()
        return found, memo._old

    findings("one")
    assert findings("one")[1]
    assert not findings("two")[1]
    path.write_bytes(b"no database")
    assert not findings("two")[1]
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entry SET results = 'no json'")
    assert findings("two")[0] == findings("three")[0]


def test_a_memo_of_which_a_part_is_damaged_hides_no_finding(bells):
    bells.append("shapes/bells.ttl", ONLY_FOR_PYSHACL)
    bells.append(
        "data/turtle/sources/ledger.ttl", "\n".join(f"bell:b{n} a b:Bell ." for n in range(3)) + "\n<x> a b:Casting .\n"
    )
    path = bells.root / "memo.sqlite"

    def findings(memo):
        project = bells.project()
        found = validate(project, project.read(), language="en", memo=memo)
        if memo:
            memo.save()
        return found

    assert len(findings(Memo(path, "key"))) > 3
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entry SET results = 'no json' WHERE rowid = 1")
    bells.replace(ANNA, '"Anna"@en', '"Anna the Great"@en')
    assert findings(Memo(path, "key")) == findings(None)


def test_an_edit_while_a_check_reads_is_not_taken_for_what_was_there(bells, monkeypatch):
    right, wrong = bells.read(ANNA), bells.read(ANNA).replace("rdfs:label", "rdfs:labl")
    first = checks.check

    def edited(project, reading, **options):
        monkeypatch.setattr(checks, "check", first)
        bells.write(ANNA, wrong)
        return first(project, project.read(), **options)

    monkeypatch.setattr(checks, "check", edited)
    recheck(bells.project(), bells.root / "shelf", language="en")
    bells.write(ANNA, right)
    assert recheck(bells.project(), bells.root / "shelf", language="en") == []


def test_an_unchanged_graph_is_not_even_read(bells, monkeypatch):
    bells.replace(ANNA, "rdfs:label", "rdfs:labl")
    first = recheck(bells.project(), bells.root / "shelf", language="en")
    assert first == list(bells.check().findings)
    monkeypatch.setattr(checks, "check", lambda *_, **__: pytest.fail("checked again"))
    assert recheck(bells.project(), bells.root / "shelf", language="en") == first
    (bells.root / "views" / "new.rq").write_text("SELECT ?x WHERE { ?x a b:Bell }")
    with pytest.raises(pytest.fail.Exception):
        recheck(bells.project(), bells.root / "shelf", language="en")


def test_a_shelf_forgets_the_oldest_and_survives_damage(tmp_path, bells):
    shelf = Shelf(tmp_path / "checks")
    bells.replace("data/turtle/sources/chronicle/castings.ttl", "b:caster foundry:grimm", "b:caster bell:anna")
    findings = list(bells.check().findings)
    assert any(finding.result for finding in findings)
    shelf.put("0", findings)
    assert shelf.take("0") == findings
    for number in range(1, Shelf.KEPT + 5):
        shelf.put(str(number), [])
    assert len(list((tmp_path / "checks").glob("*.json"))) == Shelf.KEPT
    for text in ("", "{", "[1]", '[{"path": 1}]', json.dumps([{"severity": "odd", "also": [], "result": None}])):
        (tmp_path / "checks" / "x.json").write_text(text)
        assert shelf.take("x") is None


def test_a_full_disk_leaves_nothing_behind_and_what_a_killed_check_left_goes(tmp_path, monkeypatch):
    shelf = Shelf(tmp_path / "kg" / "checks")
    shelf.folder.mkdir(parents=True)
    (tmp_path / "kg" / ".gitignore").touch()
    (old, new) = (shelf.folder / name for name in (".writing-old", ".writing-new"))
    old.touch()
    new.touch()
    os.utime(old, (1, 1))
    with monkeypatch.context() as patched:
        patched.setattr(json, "dump", lambda *_: os.read(-1, 1))
        shelf.put("0", [])
    assert sorted(shelf.folder.iterdir()) == [new, old]
    shelf.put("0", [])
    assert sorted(path.name for path in shelf.folder.iterdir()) == [".writing-new", "0.json"]
    assert (tmp_path / "kg" / ".gitignore").read_text() == "*\n"


def test_a_lookup_that_would_find_a_statement_has_one_of_its_numbers():
    number = Triples().number
    a, b, c = number(NamedNode("http://a")), number(NamedNode("http://b")), number(Literal("c", language="en"))
    numbers = set(patterns_of((a, b, c)))
    assert len(numbers) == 8
    for found in ((None, None, None), (a, None, c), (a, b, c)):
        assert number_of_pattern(found) in numbers
    for other in ((None, a, None), (number(BlankNode("a")), None, None), (None, None, number(Literal("c")))):
        assert number_of_pattern(other) not in numbers


@pytest.mark.parametrize(
    "term",
    [
        URIRef("http://a"),
        BNode("b"),
        RLiteral("x"),
        RLiteral("x", lang="fr"),
        RLiteral("01", datatype=URIRef("http://t"), normalize=False),
        None,
    ],
)
def test_a_term_is_read_as_it_was_written(term):
    found = read_term(json.loads(json.dumps(write_term(term))))
    assert (type(found), found) == (type(term), term)


# --- since a commit --------------------------------------------------------------------------------------


def git(root, *words):
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True, env=environment())


def committed(bells):
    git(bells.root, "init", "-q")
    git(bells.root, "add", ".")
    git(bells.root, "commit", "-qm", "all")


def test_only_what_came_since_a_commit_is_reported(bells):
    bells.replace(ANNA, "rdfs:label", "rdfs:labl")
    committed(bells)
    old = bells.check().findings
    bells.write(ANNA, "# moved\n" + bells.read(ANNA))
    bells.replace("data/turtle/sources/ledger.ttl", "b:caster", "b:castr")
    new = bells.check().findings
    assert {one.path for one in brought(new, old)} == {"data/turtle/sources/ledger.ttl"}
    done = run_kg("check", "--changed-since", "HEAD", "--format", "json", cwd=bells.root, check=1)
    told = json.loads(done.stdout)["findings"]
    assert [(one["path"], one["line"], one["message"]) for one in told] == [
        (one.path, one.line, one.message) for one in brought(new, old)
    ]


def test_a_graph_that_got_no_worse_passes(bells):
    bells.replace(ANNA, "rdfs:label", "rdfs:labl")
    committed(bells)
    run_kg("check", cwd=bells.root, check=1)
    run_kg("check", "--changed-since", "HEAD", cwd=bells.root, check=0)


def test_a_commit_that_is_not_there_is_an_error(bells):
    assert "git cannot give the files" in error_of(run_kg("check", "--changed-since", "HEAD", cwd=bells.root))
    committed(bells)
    assert "git knows no such commit. Found nowhere" in error_of(
        run_kg("check", "--changed-since", "nowhere", cwd=bells.root)
    )
    assert "git knows no such commit. Found --all" in error_of(
        run_kg("check", "--changed-since", "--all", cwd=bells.root)
    )


def test_findings_are_the_same_with_and_without_memory(bells):
    bells.replace(ANNA, "rdfs:label", "rdfs:labl")
    project = bells.project()
    memo = Memo(bells.root / "memo.sqlite", "key")
    assert check(project, project.read(), language="en", memo=memo).findings == bells.check().findings


# --- in some files only ----------------------------------------------------------------------------------


def told_of(bells, *paths, check=0):
    done = run_kg("check", *paths, "--format", "json", cwd=bells.root, check=check)
    return {(one["path"], one["rule"]) for one in json.loads(done.stdout)["findings"]}


def test_only_what_concerns_the_paths_is_reported_and_decides_the_exit_code(bells):
    bells.replace(ANNA, "rdfs:label", "rdfs:labl")
    bells.replace("data/turtle/sources/ledger.ttl", "b:caster", "b:castr")
    here = {(ANNA, "s:Bell-label"), (ANNA, "term")}
    there = ("data/turtle/sources/ledger.ttl", "term")
    everything = told_of(bells, check=1)
    assert here < everything
    assert there in everything
    assert told_of(bells, ".", check=1) == everything
    assert told_of(bells, ANNA, check=1) == told_of(bells, "data/turtle/register", check=1) == here
    assert told_of(bells, "data/turtle/register/bell/berta.ttl", "shapes", "ontology") == set()
    assert there in told_of(bells, "data/turtle/sources/", check=1)
    bells.replace(ANNA, "rdfs:labl", "rdfs:label")
    assert told_of(bells, "data/turtle/register") == set()


def test_a_finding_that_names_a_file_beside_its_own_place_concerns_that_file():
    finding = Finding(ANNA, 1, 1, Severity.WARNING, "x", "y", "", "", ("data/other.ttl:3:4",))
    assert concerning([finding], ["data/other.ttl"]) == concerning([finding], ["data"]) == [finding]
    assert concerning([finding], ["data/other"]) == concerning([finding], ["data/turtle/sources"]) == []


def test_a_path_that_is_not_of_the_graph_is_an_error_that_says_so(bells):
    assert "nowhere.ttl: there is no such file or folder" in error_of(run_kg("check", "nowhere.ttl", cwd=bells.root))
    outside = error_of(run_kg("check", "..", cwd=bells.root))
    assert "..: this is outside the project. Expected a path in" in outside
    (bells.root / "docs").mkdir()
    assert "docs: the graph has nothing there" in error_of(run_kg("check", "docs", cwd=bells.root))
