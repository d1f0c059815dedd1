"""RDF files without a project: what is read, what it is called, what is refused, and what is served of it."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pyoxigraph import NamedNode, RdfFormat, parse
from tests.building import environment, error_of, run_kg

from kg.build import CheckFailed, ensure
from kg.errors import KGError
from kg.executors import Loaded
from kg.files import open_files
from kg.queries import ask
from kg.search import search
from kg.snapshot import GRAPH, Snapshot
from kg.web.site import create_app

BELL = "https://bells.example/"
PEOPLE = """\
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix b: <https://bells.example/> .
b:mair a foaf:Person ; foaf:name "Mair"@cy ;
  foaf:knows b:ieuan , [ foaf:name "a stranger" ] .
<#me> foaf:knows b:mair .
b:ieuan foaf:age 01 .
"""
QUADS = """\
# two graphs, one of them the default one
<https://bells.example/mair> <https://bells.example/rings> <https://bells.example/great> .

<https://bells.example/mair> <https://bells.example/hears> <https://bells.example/great> <https://bells.example/g> .
<https://bells.example/mair> <https://bells.example/rings> <https://bells.example/great> <https://bells.example/g> .
"""
ONE = {
    "one.ttl": "<https://bells.example/a> <https://bells.example/p> 'x' .",
    "one.trig": "<https://bells.example/a> <https://bells.example/p> 'x' .",
    "one.nt": '<https://bells.example/a> <https://bells.example/p> "x" .\n',
    "one.nq": '<https://bells.example/a> <https://bells.example/p> "x" .\n',
    "one.n3": "<https://bells.example/a> <https://bells.example/p> 'x' .",
    "one.jsonld": '{"@id": "https://bells.example/a", "https://bells.example/p": "x"}',
    "one.rdf": '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:b="https://bells.example/">'
    '<rdf:Description rdf:about="https://bells.example/a"><b:p>x</b:p></rdf:Description></rdf:RDF>',
}
TRIPLE = '<https://bells.example/a> <https://bells.example/p> "x"'


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def write(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [str(folder / name) for name in files]


def built(given: Sequence[str], *, form: str = "", default_graph: str = "union") -> Snapshot:
    with open_files(given, form=form, default_graph=default_graph) as files:
        return ensure(files).snapshot


def lines(snapshot: Snapshot) -> list[str]:
    return [line.removesuffix(" .") for line in (snapshot.path / GRAPH).read_text("utf-8").splitlines()]


def count(snapshot: Snapshot, pattern: str = "?s ?p ?o") -> int:
    answer = ask(snapshot.data(), f"SELECT (COUNT(*) AS ?n) WHERE {{ {pattern} }}")
    return int(answer.rows[0][0].value)


def faults(given: Sequence[str], **options: str) -> list[tuple[int, int, str]]:
    with pytest.raises(CheckFailed) as failed:
        built(given, **options)
    return [(finding.line, finding.column, finding.message) for finding in failed.value.findings]


# --- formats ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ONE)
def test_each_format_gives_the_same_statement_in_a_graph_named_after_the_file(name: str, tmp_path: Path) -> None:
    snapshot = built(write(tmp_path, {name: ONE[name]}))
    assert lines(snapshot) == [f"{TRIPLE} <file:///{name}>"]
    assert snapshot.settings.title == {"en": name}


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_compressed_files_are_read(ending: str, pack: object, tmp_path: Path) -> None:
    for name, text in ONE.items():
        (tmp_path / f"{name}.{ending}").write_bytes(pack(text.encode()))  # type: ignore[operator]
    snapshot = built([str(tmp_path)])
    assert len(snapshot.files) == len(ONE)
    assert count(snapshot) == 1
    assert count(snapshot, "GRAPH ?g { ?s ?p ?o }") == len(ONE)


def test_what_was_written_stays_as_it_was(tmp_path: Path) -> None:
    text = '<https://bells.example/a> <https://bells.example/p> 01 , 48.8500 , "x"@en-GB , "\\u0000" .'
    snapshot = built(write(tmp_path, {"a.ttl": text}))
    found = {f.object for f in snapshot.facts()}
    assert found == {q.object for q in parse(text, format=RdfFormat.TURTLE)}


def test_a_byte_order_mark_and_carriage_returns_do_no_harm(tmp_path: Path) -> None:
    for name, text in ONE.items():
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert count(built([str(tmp_path)])) == 1


def test_places_are_told_where_the_format_has_lines(tmp_path: Path) -> None:
    snapshot = built(write(tmp_path, {"people.ttl": PEOPLE, "rings.nq": QUADS, "one.jsonld": ONE["one.jsonld"]}))
    found = {(f.file.path, f.line, f.column) for f in snapshot.facts() if f.file}
    assert found == {
        ("people.ttl", 3, 10), ("people.ttl", 3, 34), ("people.ttl", 4, 14), ("people.ttl", 4, 24),
        ("people.ttl", 4, 36), ("people.ttl", 5, 18), ("people.ttl", 6, 18),
        ("rings.nq", 2, 1), ("rings.nq", 4, 1), ("rings.nq", 5, 1),
        ("one.jsonld", 0, 0),
    }  # fmt: skip


def test_brackets_deep_inside_each_other_cost_only_the_places(tmp_path: Path) -> None:
    deep = "<https://bells.example/a> <https://bells.example/p> " + "(" * 5000 + ")" * 5000 + " ."
    snapshot = built(write(tmp_path, {"deep.ttl": deep}))
    assert {fact.line for fact in snapshot.facts()} == {0}


# --- graphs ----------------------------------------------------------------------------------------------


def test_the_union_has_everything_once_and_each_graph_its_own(tmp_path: Path) -> None:
    snapshot = built(write(tmp_path, {"rings.nq": QUADS, "more.ttl": "<https://bells.example/mair> "
                                      "<https://bells.example/rings> <https://bells.example/great> ."}))  # fmt: skip
    assert count(snapshot) == 2
    assert {name.value: number for name, number in snapshot.graphs.items()} == {
        "file:///more.ttl": 1, "file:///rings.nq": 1, "https://bells.example/g": 2,
    }  # fmt: skip
    assert snapshot.triple_count == 2
    assert len(list(Loaded.of(snapshot.path).triples("default"))) == 2


def test_a_plain_default_graph_has_only_what_the_files_put_there(tmp_path: Path) -> None:
    snapshot = built(write(tmp_path, {"rings.nq": QUADS}), default_graph="plain")
    assert count(snapshot) == 1
    assert count(snapshot, "GRAPH ?g { ?s ?p ?o }") == 2
    assert [name.value for name in snapshot.graphs] == ["https://bells.example/g"]
    assert snapshot.triple_count == 1
    assert len(list(Loaded.of(snapshot.path).triples("default"))) == 1


def test_a_graph_named_by_a_blank_node_is_kept(tmp_path: Path) -> None:
    snapshot = built(write(tmp_path, {"a.trig": "_:g { _:g <https://bells.example/p> 1 }"}))
    (line,) = lines(snapshot)
    assert line.split()[0] == line.split()[-1] == "_:f1b1"


def test_blank_nodes_of_two_files_are_never_the_same(tmp_path: Path) -> None:
    text = '_:x <https://bells.example/p> "x" . _:x <https://bells.example/p> "y" .'
    snapshot = built(write(tmp_path, {"a.ttl": text, "b.ttl": text}))
    assert len({fact.subject for fact in snapshot.facts()}) == 2
    assert count(snapshot) == 4


# --- which files, and what they are called ---------------------------------------------------------------


def test_nothing_published_tells_in_which_folder_the_files_lie(tmp_path: Path) -> None:
    secret = tmp_path / "secret-folder"
    snapshot = built(write(secret, {"people.ttl": PEOPLE}))
    assert "<file:///people.ttl#me>" in " ".join(lines(snapshot))
    assert b"secret-folder" not in b"".join(path.read_bytes() for path in snapshot.path.iterdir())


def test_files_with_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    given = write(tmp_path, {"x/a.ttl": PEOPLE, "y/a.ttl": PEOPLE, "y/b.ttl": PEOPLE})
    assert list(built(given).paths) == ["x/a.ttl", "y/a.ttl", "b.ttl"]


def test_a_file_given_in_several_ways_is_read_once(tmp_path: Path) -> None:
    given = write(tmp_path, {"x/a.ttl": PEOPLE})
    (tmp_path / "x" / "link.ttl").symlink_to("a.ttl")
    snapshot = built([*given, *given, f"{tmp_path}/x/../x/a.ttl", f"{tmp_path}/x/link.ttl", str(tmp_path)])
    assert list(snapshot.paths) == ["a.ttl"]


def test_a_folder_means_the_rdf_files_below_it(tmp_path: Path) -> None:
    write(tmp_path / "top", {
        "a.ttl": PEOPLE, "sub.ttl/b.NT": ONE["one.nt"], ".hidden/c.ttl": "no", ".d.ttl": "no", "package.json": "no",
        "notes.txt": "no",
    })  # fmt: skip
    (tmp_path / "top" / "loop").symlink_to(tmp_path / "top")
    assert list(built([str(tmp_path / "top")]).paths) == ["top/a.ttl", "top/sub.ttl/b.NT"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.ttl", "this file cannot be read: No such file"),
        ("empty", "no RDF file is in this folder"),
        ("notes.txt", "does not tell its format"),
        ("a\0b.ttl", "this file cannot be read: embedded null"),
        ("loop.ttl", "this file cannot be read"),
        ("\udcff.ttl", "is not UTF-8"),
    ],
)
def test_a_name_that_leads_to_no_rdf_is_refused(name: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "loop.ttl").symlink_to("loop.ttl")
    with pytest.raises(KGError, match=problem):
        built([f"{tmp_path}/{name}"])


def test_a_format_that_is_said_counts_instead_of_the_name(tmp_path: Path) -> None:
    given = write(tmp_path, {"notes.txt": ONE["one.ttl"]})
    assert count(built(given, form="ttl")) == 1


def test_files_without_any_statement_are_an_empty_graph(tmp_path: Path) -> None:
    snapshot = built(write(tmp_path, {"a.ttl": "", "b.nq": "# nothing\n"}))
    assert (count(snapshot), lines(snapshot)) == (0, [])


# --- what is wrong with them -----------------------------------------------------------------------------

RDF_XML = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:b="https://bells.example/">'


@pytest.mark.parametrize(
    ("name", "text", "line", "column", "problem"),
    [
        ("a.ttl", "<https://bells.example/a>\n  <https://bells.example/p> x .", 2, 29, "x"),
        ("a.ttl", "<https://bells.example/a> <https://bells.example/p> <<( <x:a> <x:b> <x:c> )>> .", 1, 1, "RDF 1.2"),
        ("a.ttl", '<https://bells.example/a> <https://bells.example/p> "x"@en--ltr .', 1, 1, "RDF 1.2"),
        ("a.ttl", '<https://bells.example/a> <https://bells.example/p> "', 1, 53, "Unexpected end of file"),
        ("a.nt", "<a> <https://bells.example/p> 1 .", 1, 1, "No scheme"),
        ("a.n3", "{ ?a ?b ?c } => { ?c ?b ?a } .", 1, 1, "variables"),
        ("a.jsonld", '{"@context": "https://schema.org/", "name": "x"}', 1, 1, "from another address"),
        ("a.jsonld", "", 1, 1, "end of file"),
        ("a.rdf", "", 1, 1, "no element found"),
        ("a.rdf", RDF_XML + "\n<rdf:Description><b:p>x</b:p>", 2, 30, "no element found"),
        ("a.rdf", f'<!DOCTYPE r [\n<!ENTITY e SYSTEM "x.txt">]>{RDF_XML}</rdf:RDF>', 2, 26, "the entity e"),
        ("a.rdf", "<https://bells.example/a> <https://bells.example/p> 1 .", 1, 9, "not XML"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place(
    name: str, text: str, line: int, column: int, problem: str, tmp_path: Path
) -> None:
    ((at, there, message),) = faults(write(tmp_path, {name: text}))
    assert problem in message
    assert (at, there) == (line, column)


def test_entities_that_grow_without_measure_are_refused(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    body = f"{RDF_XML}<rdf:Description><b:p>&a11;</b:p></rdf:Description></rdf:RDF>"
    text = f'<!DOCTYPE r [<!ENTITY a0 "lol">{laughs}]>{body}'
    ((_, _, message),) = faults(write(tmp_path, {"a.rdf": text}))
    assert "amplification" in message


def test_entities_for_namespaces_are_read(tmp_path: Path) -> None:
    text = f'<!DOCTYPE rdf:RDF [<!ENTITY b "{BELL}">]>' + ONE["one.rdf"].replace(f'about="{BELL}', 'about="&b;')
    assert lines(built(write(tmp_path, {"one.owl": text}))) == [f"{TRIPLE} <file:///one.owl>"]


def test_all_files_with_a_fault_are_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.ttl").write_bytes(b'<x:a> <x:b> "\xff" .')
    (tmp_path / "cut.nt.gz").write_bytes(gzip.compress(ONE["one.nt"].encode() * 5000)[:50])
    (tmp_path / "no.ttl.xz").write_bytes(b"not packed at all")
    messages = [message for _, _, message in faults([str(tmp_path)])]
    assert ["UTF-8" in messages[0], "unpacked" in messages[1], "unpacked" in messages[2]] == [True, True, True]


def test_a_file_that_grows_beyond_measure_is_not_unpacked(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "bomb.ttl.gz", "wb", compresslevel=9) as file:
        for _ in range(70):
            file.write(b" " * (1 << 20))
    ((_, _, message),) = faults([str(tmp_path / "bomb.ttl.gz")])
    assert "200 times" in message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ttl")
    ((_, _, message),) = faults([str(tmp_path / "pipe.ttl")])
    assert "standard input" in message


def test_a_file_with_a_fault_leaves_nothing_behind(tmp_path: Path) -> None:
    given = write(tmp_path, {"a.ttl": "<x:a> <x:b> ."})
    with open_files(given) as files:
        with pytest.raises(CheckFailed):
            ensure(files)
        assert sorted(path.name for path in files.snapshots.iterdir()) == [".gitignore", "lock"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.ttl"]


# --- where snapshots are ---------------------------------------------------------------------------------


def test_unchanged_files_are_not_read_again(tmp_path: Path) -> None:
    given = write(tmp_path, {"a.ttl": PEOPLE})
    steps: list[str] = []
    for _ in range(2):
        with open_files(given) as files:
            first = ensure(files, steps.append)
    assert steps.count("reading a.ttl") == 1
    assert not first.fresh
    Path(given[0]).write_text(ONE["one.ttl"])
    assert built(given).name != first.snapshot.name


def test_the_same_files_give_the_same_snapshot_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for place in ("here", "there"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache-{place}"))
        snapshot = built(write(tmp_path / place, {"a.ttl": PEOPLE, "b.nq": QUADS}))
        found.append((snapshot.name, [path.read_bytes() for path in sorted(snapshot.path.iterdir())]))
    assert found[0] == found[1]


def test_without_a_cache_folder_snapshots_end_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with open_files(write(tmp_path, {"a.ttl": PEOPLE})) as files:
        assert count(ensure(files).snapshot) == 7
        folder = files.snapshots
    assert not folder.exists()


def test_snapshots_that_nobody_asked_for_are_removed_in_time(tmp_path: Path) -> None:
    with open_files(write(tmp_path, {"a.ttl": PEOPLE})) as files:
        old = files.snapshots
    os.utime(old, (0, 0))
    with open_files(write(tmp_path, {"b.ttl": PEOPLE})) as files:
        assert files.snapshots.exists()
    assert not old.exists()


# --- names and pages -------------------------------------------------------------------------------------

ZOO = """\
@prefix : <https://zoo.example/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix schema: <https://schema.org/> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
:Cat rdfs:subClassOf :Animal . :Animal rdfs:label "animal"@en , "Tier"@de .
:Tom a :Cat , :Animal ; skos:prefLabel "Tom the cat"@en ; schema:name "Thomas" ; :loves :Jerry ; :says "meow" .
:Jerry schema:name "Jérôme"@fr ; <https://zoo.example/2> "x" .
"""


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    folder = tmp_path_factory.mktemp("zoo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield built(write(folder, {"zoo.ttl": ZOO}))


@pytest.fixture(scope="module")
def client(zoo: Snapshot) -> FlaskClient:
    return create_app(zoo.path.parent).test_client()


def test_names_are_those_of_the_best_property_in_each_language(zoo: Snapshot) -> None:
    z = "https://zoo.example/"
    assert zoo.labels([z + "Tom", z + "Jerry", z + "Animal", z + "Cat"]) == {
        z + "Tom": {"en": "Tom the cat", "": "Thomas"}, z + "Jerry": {"fr": "Jérôme"},
        z + "Animal": {"en": "animal", "de": "Tier"},
    }  # fmt: skip
    assert zoo.settings.languages == ("en", "de", "fr")


def test_the_most_specific_class_of_a_thing_is_told(zoo: Snapshot) -> None:
    tom = "https://zoo.example/Tom"
    assert zoo.classes_of([tom]) == {tom: ["https://zoo.example/Cat"]}
    assert zoo.classes_of([tom], specific=False) == {tom: ["https://zoo.example/Animal", "https://zoo.example/Cat"]}
    assert zoo.classes() == [("https://zoo.example/Animal", 1), ("https://zoo.example/Cat", 1)]


@pytest.mark.parametrize(("text", "found"), [("tom", "Tom"), ("jerome", "Jerry"), ("meow", "Tom"), ("cat", "Cat")])
def test_everything_is_found_by_its_names_and_texts(text: str, found: str, zoo: Snapshot) -> None:
    terms = zoo.terms(search(zoo, text).entities)
    assert NamedNode("https://zoo.example/" + found) in terms.values()


def test_the_numbers_are_those_of_the_files_alone(zoo: Snapshot) -> None:
    assert count(zoo) == zoo.triple_count == 11


@pytest.mark.parametrize("local", ["Tom", "Jerry", "Cat", "says"])
def test_every_iri_of_the_files_has_its_page_and_documents(local: str, client: FlaskClient) -> None:
    address = f"/about?iri=https://zoo.example/{local}"
    page = client.get(address, headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "zoo.ttl:" in re.sub(r"<[^>]*>", "", page.text)
    assert "No source is named" not in page.text
    for form in (RdfFormat.TURTLE, RdfFormat.JSON_LD, RdfFormat.N_TRIPLES, RdfFormat.TRIG, RdfFormat.N_QUADS):
        answer = client.get(address, headers={"Accept": form.media_type})
        assert (answer.status_code, answer.mimetype) == (200, form.media_type)
        assert list(parse(answer.data, format=form))


def test_pages_link_to_the_pages_of_other_things_here(client: FlaskClient) -> None:
    page = client.get("/about?iri=https://zoo.example/Tom", headers={"Accept": "text/html"}).text
    for local in ("Jerry", "loves", "Cat"):
        assert f'<a href="/about?iri=https%3A%2F%2Fzoo.example%2F{local}">' in page


def test_a_property_that_rdf_xml_cannot_name_is_refused_with_a_reason(client: FlaskClient) -> None:
    answer = client.get("/about?iri=https://zoo.example/Jerry&format=rdf")
    assert (answer.status_code, answer.mimetype) == (406, "application/problem+json")
    assert "<https://zoo.example/2>" in json.loads(answer.data)["detail"]
    assert client.get("/about?iri=https://zoo.example/Animal&format=rdf").status_code == 200


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/", ["zoo.ttl", "animal", "/about?iri="]),
        ("/browse", ["animal"]),
        ("/browse?class=https://zoo.example/Cat", ["Tom the cat"]),
        ("/search?q=tom", ["<mark>Tom</mark> the cat"]),
        ("/dataset", ["zoo.ttl", "<dd>11</dd>"]),
        ("/graphs", ["file:///zoo.ttl"]),
        ("/views", []),
    ],
)
def test_the_pages_of_the_site_work_without_a_project(path: str, texts: list[str], client: FlaskClient) -> None:
    answer = client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 200
    assert [text for text in texts if text not in answer.text] == []


def test_an_ontology_alone_can_be_browsed(tmp_path: Path) -> None:
    given = write(tmp_path, {"o.ttl": "<x:A> a <http://www.w3.org/2002/07/owl#Class> ."})
    with open_files(given) as files:
        ensure(files)
        page = create_app(files.snapshots).test_client().get("/browse", headers={"Accept": "text/html"})
    assert "owl%23Class" in page.text


def test_a_thing_that_very_many_point_to_has_pages(tmp_path: Path) -> None:
    text = "".join(f"<x:{number}> a <x:C> .\n" for number in range(10_050))
    with open_files(
        write(tmp_path, {"many.nt": text.replace(" a ", " <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> ")})
    ) as files:
        ensure(files)
        client = create_app(files.snapshots).test_client()
        last = client.get("/about?iri=x:C&page=201&format=nt")
        assert [line.split()[0] for line in last.text.splitlines()] == [f"<x:{n}>" for n in range(10_000, 10_050)]
        assert client.get("/about?iri=x:C&page=202&format=nt").status_code == 404


# --- the command -----------------------------------------------------------------------------------------


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(XDG_CACHE_HOME=str(tmp_path / "cache"))


def test_a_question_is_asked_of_files(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path, {"people.ttl": PEOPLE, "rings.nq": QUADS})
    query = "SELECT ?age WHERE { <https://bells.example/ieuan> foaf:age ?age }"
    done = run_kg("query", query, "--format", "csv", "--data", "people.ttl", "rings.nq", cwd=tmp_path, env=env, check=0)
    assert done.stdout.split() == ["age", "01"]
    again = run_kg("query", query, "--data", "people.ttl", "rings.nq", cwd=tmp_path, env=env, check=0)
    assert "reading" not in again.stderr


def test_standard_input_is_read_as_the_format_that_is_said(tmp_path: Path, env: dict[str, str]) -> None:
    words = ("query", "ASK { ?s ?p 'x' }", "--data", "-")
    done = run_kg(*words, "--input-format", "nt", cwd=tmp_path, env=env, stdin=ONE["one.nt"], check=0)
    assert done.stdout == "yes\n"
    assert "--input-format" in error_of(run_kg(*words, cwd=tmp_path, env=env, stdin=ONE["one.nt"]))
    assert run_kg("query", "-", "--data", "-", cwd=tmp_path, env=env).returncode == 2


def test_files_with_faults_are_not_served(tmp_path: Path, env: dict[str, str]) -> None:
    write(tmp_path, {"good.ttl": PEOPLE, "bad.ttl": "<x:a> <x:b> .\n"})
    done = run_kg("serve", "--port", "0", "good.ttl", "bad.ttl", cwd=tmp_path, env=env)
    assert "bad.ttl:1:13: violation: " in done.stderr
    assert "cannot be read as they are" in error_of(done)
