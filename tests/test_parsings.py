"""What was parsed before is read again as it is parsed, and is never trusted more than the file."""

from __future__ import annotations

import sqlite3

import pytest
from tests.building import ROOT

import kg.parsings
from kg.checks import recheck
from kg.errors import TurtleError
from kg.parsings import Parsings
from kg.project import open_project
from kg.turtle import read_document

TRICKY = r"""@base <https://bells.example/graph/tricky> .
@prefix b: <https://bells.example/ontology#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
# A list, nodes without names, every kind of literal.
<> b:says "a" , "a"@en , "a"@fr-CH , "a"^^b:kind , "01"^^xsd:integer , 1 , 1.50 , true , "\\" , "\u00e9\n" .
<#x> b:of ( 1 [ b:of <#x> ] "ü" ) ; a b:Bell .
_:y b:of _:y .
"""


@pytest.fixture
def known(tmp_path):
    """Parsings of one file, kept."""
    parsings = Parsings(tmp_path)
    parsings.read(TRICKY.encode(), "tricky.ttl")
    parsings.save()
    return tmp_path


@pytest.fixture
def parsed(monkeypatch):
    """Give the paths of the files that are parsed from now on."""
    paths = []
    monkeypatch.setattr(
        kg.parsings, "read_document", lambda data, path: (paths.append(path), read_document(data, path))[1]
    )
    return paths


def test_what_is_kept_is_what_was_parsed(known, parsed):
    assert Parsings(known).read(TRICKY.encode(), "tricky.ttl") == read_document(TRICKY.encode(), "tricky.ttl")
    assert parsed == []


def test_every_file_of_the_graph_is_kept_as_parsed(tmp_path, parsed):
    project = open_project(ROOT)
    first = project.read(Parsings(tmp_path))
    parsed.clear()
    again = project.read(Parsings(tmp_path))
    assert (parsed, again.documents) == ([], first.documents)


def test_a_file_that_moved_is_told_where_it_is_now(known, parsed):
    assert Parsings(known).read(TRICKY.encode(), "elsewhere.ttl").path == "elsewhere.ttl"
    assert parsed == []


def test_one_digit_more_is_parsed_anew(known, parsed):
    changed = TRICKY.replace("1.50", "1.51")
    assert Parsings(known).read(changed.encode(), "tricky.ttl") == read_document(changed.encode(), "tricky.ttl")
    assert parsed == ["tricky.ttl"]


def test_what_is_wrong_is_told_each_time(tmp_path):
    for _ in range(2):
        parsings = Parsings(tmp_path)
        with pytest.raises(TurtleError):
            parsings.read(b"<a> <b> ", "wrong.ttl")
        parsings.save()


def test_what_is_gone_is_forgotten(known):
    other = TRICKY.replace("tricky", "other").encode()
    parsings = Parsings(known)
    parsings.read(other, "other.ttl")
    parsings.save()
    with sqlite3.connect(known / "parsings.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM parsing").fetchone() == (1,)


def test_another_engine_parses_anew(known, parsed, monkeypatch):
    monkeypatch.setattr(kg.parsings, "engine_version", lambda: "another")
    parsings = Parsings(known)
    parsings.read(TRICKY.encode(), "tricky.ttl")
    parsings.save()
    assert parsed == ["tricky.ttl"]
    Parsings(known).read(TRICKY.encode(), "tricky.ttl")
    assert parsed == ["tricky.ttl"]


def running(script):
    return lambda path: sqlite3.connect(path).executescript(script).close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"no database at all, but long enough to be taken for one" * 99),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(b""),
        lambda path: (path.unlink(), path.mkdir()),
        running("UPDATE parsing SET told = '{'"),
        running("UPDATE parsing SET told = '[]'"),
        running("UPDATE parsing SET told = NULL"),
        running("UPDATE parsing SET statements = x'00'"),
        running("UPDATE parsing SET statements = zeroblob(20) || x'ff'"),
        running("DROP TABLE parsing"),
    ],
)
def test_whatever_happened_to_what_was_kept_the_file_is_read(known, spoil):
    spoil(known / "parsings.sqlite")
    for _ in range(2):
        parsings = Parsings(known)
        assert parsings.read(TRICKY.encode(), "tricky.ttl") == read_document(TRICKY.encode(), "tricky.ttl")
        parsings.save()


def test_a_kept_parsing_that_another_process_writes_is_not_waited_for_long(known):
    with sqlite3.connect(known / "parsings.sqlite", isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        parsings = Parsings(known)
        assert parsings.read(TRICKY.encode(), "tricky.ttl").statements
        parsings.save()


def test_a_check_parses_only_what_changed(bells, parsed):
    recheck(bells.project(), bells.root / "shelf", language="en")
    parsed.clear()
    bells.replace("data/turtle/register/bell/anna.ttl", '"Anna"@en', '"Anne"@en')
    recheck(bells.project(), bells.root / "shelf", language="en")
    assert parsed == ["data/turtle/register/bell/anna.ttl"]
