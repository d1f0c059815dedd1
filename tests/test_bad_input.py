"""Files that no curator means to write: each gets a finding with its place, no traceback, and stays as it is."""

from __future__ import annotations

import json
import os
import shutil
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from tests.building import content_of, run_kg

from kg.cli import main
from kg.reports import REPORTS

FOLDER = "data/turtle/sources"
HEAD = """\
@base <https://bells.example/graph/odd> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:ledger ; b:page "1" .

"""


def told(bells, *, code=1):
    done = run_kg("check", "--format", "json", cwd=bells.root, check=code)
    return [(f["path"], f["line"], f["severity"], f["rule"], f["message"]) for f in json.loads(done.stdout)["findings"]]


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (HEAD.encode("utf-16"), 1, "byte 0xFF is not UTF-8"),
        (HEAD.encode() + 'bell:anna b:name "Ännchen" .'.encode("latin-1"), 9, "byte 0xC4 is not UTF-8"),
        (b"\xef\xbb\xbf" + HEAD.encode(), 1, "the file starts with a byte order mark"),
        (HEAD.encode() + b"bell:anna b:mass 1 \0 .", 9, None),
        (b"", 1, "the file does not name its graph"),
        (HEAD.encode() + b"bell:anna b:part " + b"[ b:part " * 5000 + b"1" + b"]" * 5000 + b" .", 9, None),
        (HEAD.encode() + b"bell:anna b:mass " + b"(" * 5000 + b")" * 5000 + b" .", 9, None),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), 1, "byte 0x89 is not UTF-8"),
        (b"<" * 100_000, 1, None),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_place(bells, data, line, message):
    bells.write(f"{FOLDER}/odd.ttl", data)
    before = content_of(bells.root / "data")
    ((path, found, severity, rule, text),) = told(bells)
    assert (path, found, severity, rule) == (f"{FOLDER}/odd.ttl", line, "violation", "syntax")
    assert text == (message or text)
    run_kg("format", cwd=bells.root)
    if not data.startswith(b"\xef\xbb\xbf"):
        assert (bells.root / FOLDER / "odd.ttl").read_bytes() == data
    assert content_of(bells.root / "data").keys() == before.keys()


def test_line_ends_of_windows_are_read(bells):
    bells.write(f"{FOLDER}/odd.ttl", (HEAD + "bell:anna b:mass 1 .\n").replace("\n", "\r\n"))
    assert told(bells, code=0) == []


def test_links_that_lead_nowhere_or_in_a_circle_are_told_and_folders_are_not_files(bells):
    folder = bells.root / FOLDER
    os.symlink("circle.ttl", folder / "circle.ttl")
    os.symlink("nowhere", folder / "gone.ttl")
    os.symlink(".", folder / "again")
    (folder / "folder.ttl").mkdir()
    os.mkfifo(folder / "pipe.ttl")
    os.mkfifo(bells.root / "views" / "pipe.rq")
    assert [(path, rule) for path, _, _, rule, _ in told(bells)] == [
        *((f"{FOLDER}/{name}.ttl", "syntax") for name in ("circle", "gone", "pipe")),
        ("views/pipe.rq", "view"),
    ]
    run_kg("format", "--check", cwd=bells.root)


@pytest.mark.parametrize("form", [*REPORTS, "text"])
def test_a_name_that_is_not_text_is_told_in_every_form(bells, form):
    for name in (f"{FOLDER}/b\udce9.ttl", f"{FOLDER}/a\n::error::x.ttl", "views/b\udce9.rq"):
        shutil.copyfile(
            bells.root / ("views/bells.rq" if "views" in name else f"{FOLDER}/ledger.ttl"), bells.root / name
        )
    done = run_kg("check", "--format", form, cwd=bells.root, check=1)
    names = (f"{FOLDER}/a�::error::x.ttl", f"{FOLDER}/b�.ttl", "views/b�.rq")
    shown = {"sarif": quote, "github": lambda text: text.replace(":", "%3A")}.get(form, str)
    assert form == "turtle" or all(shown(name) in done.stdout for name in names)
    assert "\n::error::x" not in done.stdout
    assert "Traceback" not in done.stderr


def test_too_little_memory_is_told_as_such(bells, monkeypatch):
    def fails(*_):
        raise MemoryError

    monkeypatch.setattr("kg.project.Project.read", fails)
    done = CliRunner().invoke(main, ["--project", str(bells.root), "check", "--lang", "fr"])
    assert done.exit_code == 1
    assert "il n’y a pas assez de mémoire" in done.output


def test_a_file_that_is_too_large_is_not_read(bells):
    bells.append("kg.toml", "\n[limits]\nfile_megabytes = 1\n")
    bells.write(f"{FOLDER}/odd.ttl", HEAD + "# x\n" * 300_000)
    assert [message for *_, message in told(bells)] == [
        "this file has 1 MB; at most 1 are read (limits.file_megabytes)"
    ]


def test_thousands_of_files_are_checked(bells):
    for number in range(2000):
        bells.write(f"{FOLDER}/many/{number}.ttl", HEAD.replace("graph/odd", f"graph/odd/{number}"))
    found = told(bells, code=0)
    assert {rule for *_, rule, _ in found} == {"prefix"}
    assert len(found) == 2000, "bell: is not used in any of them"


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("s:Odd a sh:NodeShape , sh:PropertyShape ; sh:targetClass b:Bell .", "this shape does not work"),
        ("s:Odd a sh:NodeShape ; sh:targetClass b:Bell ; sh:minLength 1 , 2 .", "this shape does not work"),
        ("s:Odd a sh:NodeShape ; sh:targetClass b:Bell ; sh:pattern \"(\" .", "this shape does not work"),
        ("s:Odd a sh:NodeShape ; sh:targetClass b:Bell ; sh:property s:Nowhere .", "no file describes the shape"),
        ('s:Odd a sh:NodeShape ; sh:targetClass b:Bell ; sh:sparql [ sh:select "SELECT {" ] .', "this shape does"),
        ("s:Odd a sh:NodeShape ; sh:targetClass b:Bell ; sh:node s:Odd .", None),
    ],
)  # fmt: skip
def test_a_shape_that_is_wrong_itself_is_told_in_its_file(bells, shape, message):
    bells.append("shapes/bells.ttl", f"\n{shape}\n")
    found = told(bells, code=1 if message else 0)
    assert {path for path, *_ in found} <= {"shapes/bells.ttl"}
    assert any(text.startswith(message or "") for *_, text in found) == bool(message)


def test_a_query_that_never_ends_is_ended_and_told(bells):
    bells.append("kg.toml", "\n[limits]\nshape_seconds = 1\n")
    endless = " . ".join(f"?s{n} ?p{n} ?o{n}" for n in range(9))
    bells.append(
        "shapes/bells.ttl",
        f's:Odd a sh:NodeShape ; sh:targetClass b:Bell ; sh:sparql [ sh:select "SELECT $this WHERE {{ {endless} '
        "FILTER(?o1 = ?o2 && ?o3 = 'never') }\" ] .\n",
    )
    ((path, _, _, rule, message),) = told(bells)
    assert (path, rule) == ("shapes/bells.ttl", "shapes")
    assert message.startswith("this shape does not work: it takes longer than 1 seconds for bell:")


def test_a_path_that_is_not_there_is_told_in_the_readers_language_with_the_nearest(bells):
    def error(*words):
        return run_kg(*words, "--lang", "fr", cwd=bells.root, check=1).stderr

    assert "pas de tel fichier ou dossier. Vouliez-vous dire views/bells.rq" in error("check", "views/bels.rq")
    assert "c’est en dehors du projet. Attendu\u00a0: un chemin dans" in error("check", "/")
    bells.write("tables/bells.toml", "nodes = 1")
    assert "Vouliez-vous dire tables/bells.toml" in error("import", "tables/bels.toml")
    told = error("import", "tables/bells.toml")
    assert "nodes ne convient pas. Trouvé\u00a0: nodes. Attendu\u00a0: l’un de title," in told
    assert "Vouliez-vous dire node" in told
