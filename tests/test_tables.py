"""Tables come into the graph by a mapping: whole rows or nothing of them, twice is once, and nothing gets lost."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import random
import re
from contextlib import chdir
from pathlib import Path

import pytest
from click import Abort
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.building import ROOT, content_of

from kg.cli import main
from kg.formatting import write_all
from kg.imports import plan
from kg.mappings import load_mapping
from kg.project import open_project
from kg.tables import read_table

MAPPING = """\
table = "castings.csv"

[[leave-out]]
when = { kind = "repair" }
reason = "a repair is no casting"

[file.book]
path = "sources/{source}/castings.ttl"
[file.book.properties]
"dcterms:source" = "source:{source}"

[[node]]
iri = "casting:{bell|slug}-{source}"
class = "b:Casting"
[node.properties]
"b:cast" = { find = "{bell}", class = "b:Bell" }
"b:caster" = "foundry:{foundry}"
"b:year" = { value = "{year}", type = "edtf:EDTF" }
"b:page" = { value = "{page}" }
"rdfs:comment" = { value = "{remark}", lang = "en" }
"""
HEAD = "bell,foundry,year,page,source,kind,remark\n"
ROWS = "Anna,grimm,1702,12,ledger,,\nBerta,grimm,1710~,13,ledger,,loud\n"
FILE = "data/turtle/sources/ledger/castings.ttl"


@pytest.fixture
def tables(bells):
    """The bells with a mapping and a table of two castings."""
    bells.write("data/tables/castings.toml", MAPPING)
    bells.write("data/tables/castings.csv", HEAD + ROWS)
    return bells


def bring(world, *words, check=0):
    with chdir(world.root):
        done = CliRunner().invoke(main, ["import", "data/tables/castings.toml", *words])
    assert done.exit_code == check, done.output
    assert "Traceback" not in done.output
    return done


def report(world, *words, check=0):
    return json.loads(bring(world, *words, "--format", "json", check=check).stdout)


def told(world, rows, check=1):
    """Return what is said about a table of these rows."""
    world.write("data/tables/castings.csv", HEAD + rows)
    return [f"{f['line']}: {f['message']} {f['advice']}" for f in report(world, check=check)["findings"]]


def test_rows_become_canonical_turtle(tables):
    bring(tables)
    assert (
        tables.read(FILE)
        == """\
@base <https://bells.example/graph/ledger/castings> .
@prefix b: <https://bells.example/ontology#> .
@prefix bell: <https://bells.example/id/bell/> .
@prefix casting: <https://bells.example/id/casting/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix edtf: <http://id.loc.gov/datatypes/edtf/> .
@prefix foundry: <https://bells.example/id/foundry/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix source: <https://bells.example/id/source/> .

<> dcterms:source source:ledger .

casting:anna-ledger
  a b:Casting ;
  b:caster foundry:grimm ;
  b:cast bell:anna ;
  b:page "12" ;
  b:year "1702"^^edtf:EDTF .

casting:berta-ledger
  a b:Casting ;
  rdfs:comment "loud"@en ;
  b:caster foundry:grimm ;
  b:cast bell:berta ;
  b:page "13" ;
  b:year "1710~"^^edtf:EDTF .
"""
    )
    assert (
        CliRunner().invoke(main, ["-C", str(tables.root), "format", "--check", f"{tables.root}/{FILE}"]).exit_code == 0
    )


def test_a_second_time_changes_no_byte(tables):
    bring(tables)
    before = content_of(tables.root)
    again = report(tables)
    assert again["nodes"] == {"new": 0, "extended": 0, "unchanged": 2}
    assert (again["files"], again["written"], again["findings"]) == ([], False, [])
    assert content_of(tables.root) == before


def test_a_dry_run_writes_nothing_and_says_what_would_be(tables):
    before = content_of(tables.root)
    done = bring(tables, "--dry-run")
    assert f"new file {FILE}: 12 statements, 2 nodes" in done.stdout
    assert "1 files would be written." in done.stdout
    assert content_of(tables.root) == before


def test_the_order_of_rows_does_not_matter(tables):
    rows = "".join(f"{bell},grimm,1702,{page},ledger,,\n" for bell, page in (("Anna", 1), ("Berta", 2)))
    files = set()
    for seed in range(3):
        lines = rows.splitlines(keepends=True) * 2
        random.Random(seed).shuffle(lines)
        tables.write("data/tables/castings.csv", HEAD + "".join(lines))
        bring(tables)
        files.add(tables.read(FILE))
        (tables.root / FILE).unlink()
    assert len(files) == 1


def test_rows_left_out_are_counted_with_the_reason(tables):
    tables.write("data/tables/castings.csv", HEAD + ROWS + "Anna,grimm,1801,14,ledger,repair,\n")
    assert report(tables)["rows"]["left_out"] == {"a repair is no casting": [4]}


def test_an_existing_file_keeps_comments_header_and_what_curators_added(tables):
    bring(tables)
    tables.replace(
        FILE, "<> dcterms:source source:ledger .", '# ours\n<>\n  dcterms:source source:ledger ;\n  b:page "1" .'
    )
    tables.replace(FILE, '  b:page "12" ;', '  b:page "12" ;  # checked\n  rdfs:comment "von Hand"@de ;')
    tables.write(
        "data/tables/castings.csv",
        HEAD + ROWS.replace("Anna,grimm,1702,12,ledger,,", "Anna,grimm,1702,12,ledger,,cracked"),
    )
    bring(tables)
    text = tables.read(FILE)
    for kept in ("# ours", '  b:page "1"', "# checked", '"von Hand"@de', '"cracked"@en'):
        assert kept in text


SINGLE = {
    "by nothing but its number": lambda world: None,
    "by a shape": lambda world: (
        world.replace(
            "shapes/bells.ttl", "sh:property s:Casting-cast ,", "sh:property s:Casting-year , s:Casting-cast ,"
        ),
        world.append("shapes/bells.ttl", "\ns:Casting-year a sh:PropertyShape ; sh:path b:year ; sh:maxCount 1 .\n"),
    ),
    "by the ontology": lambda world: world.append("ontology/bells.ttl", "\nb:year kg:singleValued true .\n"),
    "by the ontology, of a class": lambda world: world.append(
        "ontology/bells.ttl", "\nb:year kg:singleValued b:Casting .\n"
    ),
}


@pytest.mark.parametrize("how", SINGLE)
def test_a_single_value_that_differs_is_reported_and_kept_unless_told(tables, how):
    SINGLE[how](tables)
    bring(tables)
    tables.replace(FILE, '"1702"^^edtf:EDTF', '"1703"^^edtf:EDTF')
    before = tables.read(FILE)
    (finding,) = report(tables)["findings"]
    assert (finding["rule"], finding["severity"], finding["path"]) == ("changed", "warning", FILE)
    assert finding["message"] == (
        'casting:anna-ledger b:year is "1703"^^edtf:EDTF in the file and "1702"^^edtf:EDTF in the table'
    )
    assert tables.read(FILE) == before
    bring(tables, "--update")
    assert tables.read(FILE) == before.replace("1703", "1702")


def test_a_property_that_the_mapping_lets_have_several_values_gets_a_further_one(tables):
    tables.replace("data/tables/castings.toml", 'lang = "en" }', 'lang = "en", single = false }')
    bring(tables)
    tables.write("data/tables/castings.csv", HEAD + ROWS.replace("loud", "lower"))
    bring(tables)
    assert '  rdfs:comment\n    "loud"@en ,\n    "lower"@en ;' in tables.read(FILE)


def test_what_only_the_file_says_is_reported_and_stays(tables):
    bring(tables)
    tables.write("data/tables/castings.csv", HEAD + ROWS.splitlines()[1].replace("loud", "") + "\n")
    before = tables.read(FILE)
    messages = [finding["message"] for finding in report(tables)["findings"]]
    assert messages == [
        "casting:anna-ledger is in the file, and no row makes it",
        'casting:berta-ledger rdfs:comment "loud"@en is in the file, and no row says it',
    ]
    assert tables.read(FILE) == before


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("Carla,grimm,1702,1,ledger,,", '2: bell: found "Carla"; expected a thing of the graph'),
        ("Anna,grim,1702,1,ledger,,", "2: foundry: found foundry:grim; expected a thing of the graph"),
        ("Anna,grimm,1702-13,1,ledger,,", '2: year: found "1702-13"; expected an EDTF level 1 date'),
        ("Anna,grimm,1702,1,../../..,,", '2: source: found "../../.."; expected a name of a file'),
        ("Anna,grimm,1702,1,,,", '2: source: found ""; expected a value that can stand in the path'),
        ("Anna,\"grimm> <x\",1702,1,ledger,,", '2: foundry: found "foundry:grimm> <x"; expected letters'),
        ("Anna,grimm,1702,=SUM(A1),ledger,,", '2: page: found "=SUM(A1)"; expected a value'),
        ("Anna,grimm,1702", "2: this row has 3 cells; expected 7"),
        ('Anna,grimm,1702,1,ledger,,"open', "2: a quotation mark is opened in this row and never closed"),
        ("Anna,grimm,1702,1,ledger,,\x07", "2: remark: found the control character U+0007"),
    ],
)  # fmt: skip
def test_a_row_that_will_not_do_is_refused_with_its_line_and_column(tables, row, said):
    before = content_of(tables.root / "data" / "turtle")
    messages = told(tables, row + "\n")
    assert len(messages) == 1, messages
    assert messages[0].startswith(said)
    assert content_of(tables.root / "data" / "turtle") == before


def test_other_rows_come_in_beside_a_refused_one_unless_all_or_none_is_asked_for(tables):
    tables.write("data/tables/castings.csv", HEAD + ROWS + "Carla,grimm,1702,1,ledger,,\n")
    before = content_of(tables.root / "data" / "turtle")
    assert report(tables, "--strict", check=1)["written"] is False
    assert content_of(tables.root / "data" / "turtle") == before
    assert report(tables, check=1)["nodes"]["new"] == 2
    assert "carla" not in tables.read(FILE)


def test_a_name_that_two_things_bear_is_ambiguous(tables):
    tables.write(
        "data/turtle/register/bell/anna-2.ttl",
        tables.read("data/turtle/register/bell/anna.ttl")
        .replace("bell/anna>", "bell/anna-2>")
        .replace("bell:anna", "bell:anna-2"),
    )
    (message,) = told(tables, ROWS.splitlines()[0] + "\n")
    assert (
        "it may be bell:anna (data/turtle/register/bell/anna.ttl), bell:anna-2 (data/turtle/register/bell/anna-2.ttl)"
        in message
    )


@pytest.mark.parametrize("path", ["b:mass", "^b:cast / b:caster / rdfs:label"])
def test_of_two_things_of_one_name_the_one_with_another_value_is_meant(tables, path):
    other = tables.read("data/turtle/register/bell/anna.ttl").replace("bell/anna>", "bell/anna-2>")
    tables.write("data/turtle/register/bell/anna-2.ttl", other.replace("bell:anna", "bell:anna-2"))
    tables.append("data/turtle/sources/ledger.ttl", "\nbell:anna b:mass 900 .\nbell:anna-2 b:mass 70 .\n")
    value = {"b:mass": "900"}.get(path, "Grimm & Sons")
    find = f'class = "b:Bell", with = {{ "{path}" = "{value}" }} }}'
    tables.replace("data/tables/castings.toml", 'class = "b:Bell" }', find)
    tables.write("data/tables/castings.csv", HEAD + ROWS.splitlines()[0] + "\n")
    bring(tables)
    assert "b:cast bell:anna ;" in tables.read(FILE)


def test_hostile_cells_stay_text(tables):
    hostile = 'x"@en . <https://x.example/a> <https://x.example/b> "'
    tables.write(
        "data/tables/castings.csv",
        HEAD + 'Anna,grimm,1702,"1\n. <> <> <> .",ledger,,"' + hostile.replace('"', '""') + '"\n',
    )
    bring(tables)
    (casting,) = [d for d in tables.project().read().all() if d.path == FILE]
    assert len(casting.statements) == 9  # header, six of the row, two bounds of its year
    assert hostile in {getattr(statement.object, "value", "") for statement in casting.statements}
    assert report(tables)["nodes"]["unchanged"] == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + (HEAD + ROWS).encode(),
        (HEAD + ROWS).replace("\n", "\r\n").encode(),
        (HEAD + ROWS).replace(",", ";").encode(),
        (HEAD + ROWS).replace(",", "\t").encode(),
        (HEAD + "\n\n" + ROWS + ",,,,,,\n").encode(),
        "".join(line + ",\n" for line in (HEAD + ROWS).splitlines()).encode(),
    ],
    ids=["byte order mark", "CRLF", "semicolons", "tabs", "empty lines", "a separator at the end"],
)
def test_tables_as_spreadsheets_write_them_are_read(tables, data):
    bring(tables)
    before = tables.read(FILE)
    (tables.root / FILE).unlink()
    tables.write("data/tables/castings.csv", data)
    bring(tables)
    assert tables.read(FILE) == before


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((HEAD + ROWS).encode("utf-16"), "not in UTF-8. Found UTF-16"),
        ((HEAD + ROWS).replace("loud", "löud").encode("latin-1"), "castings.csv:3: this table is not in UTF-8. Found"),
        (b"", "this table is empty"),
        (b"PK\x03\x04abc", "this is no CSV file"),
        (HEAD.replace("page", "bell").encode(), "two columns of this table have one name. Found bell in columns 1, 4"),
        (HEAD.replace("year", "jahr").encode(), "speaks of the column year, which data/tables/castings.csv"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_refused_with_advice(tables, data, said):
    tables.write("data/tables/castings.csv", data)
    assert said in bring(tables, check=1).stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("b:cast\"", "b:csat\"", "the ontology has no b:csat. Did you mean b:cast?"),
        ('iri = "casting', 'irri = "casting', "node 1.irri will not do. Found irri."),
        ("sources/{source}", "../{source}", "file.book.path will not do"),
        ("foundry:{foundry}", "fundry:{foundry}", "Did you mean foundry:?"),
        ("{bell|slug}", "{bell|slgu}", "Did you mean slug?"),
        ("edtf:EDTF", "b:EDTF", "the ontology has no b:EDTF"),
        ("edtf:EDTF", "a", 'node 1.properties."b:year".type will not do'),
        ('"b:page" = {', '"a" = {', "node 1.properties.a will not do"),
        ("[file.book]\n", '[columns]\nx = "{y}"\ny = "{x}"\n[file.book]\n', "columns.x will not do"),
        ("table = ", "table : ", "this mapping is not TOML in UTF-8"),
    ],
)  # fmt: skip
def test_a_mapping_that_will_not_do_says_at_which_key(tables, old, new, said):
    tables.replace("data/tables/castings.toml", old, new)
    assert said in bring(tables, check=1).stderr


def test_a_link_out_of_the_data_folder_is_not_followed(tables, tmp_path_factory):
    outside = Path(tmp_path_factory.mktemp("outside"))
    (tables.root / "data/turtle/sources/ledger").symlink_to(outside)
    assert "outside" in bring(tables, check=1).stderr
    assert list(outside.iterdir()) == []


# --- whatever happens ------------------------------------------------------------------------------------


def two_files(world):
    world.write("data/tables/castings.csv", HEAD + ROWS + "Anna,grimm,1702,3,chronicle,,again\n")
    return [world.root / FILE, world.root / "data/turtle/sources/chronicle/castings.ttl"]


def test_a_kill_between_two_files_leaves_each_whole_and_the_next_run_does_the_rest(tables, monkeypatch):
    new, old = two_files(tables)
    before = old.read_bytes()
    renamed = []

    def killed(source, target):
        if renamed:
            raise KeyboardInterrupt
        renamed.append(target)
        return real(source, target)

    real = os.replace
    monkeypatch.setattr(os, "replace", killed)
    with chdir(tables.root), pytest.raises(Abort):
        main(["import", "data/tables/castings.toml"], standalone_mode=False)
    monkeypatch.undo()
    assert old.read_bytes() != before
    assert not new.exists()
    assert report(tables)["nodes"] == {"new": 2, "extended": 0, "unchanged": 1}
    assert report(tables)["nodes"] == {"new": 0, "extended": 0, "unchanged": 3}
    assert list(tables.root.rglob(".kg-import-*")) == []


def test_a_full_disk_writes_nothing_and_leaves_nothing_behind(tables, monkeypatch):
    two_files(tables)
    before = content_of(tables.root / "data" / "turtle")
    written = []

    def full(handle):
        written.append(handle)
        if len(written) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = bring(tables, check=1)
    assert "this file cannot be written: No space left on device. Mend that, and run the command again." in done.stderr
    assert content_of(tables.root / "data" / "turtle") == before


def test_what_a_killed_import_left_is_swept_away_by_the_next(tables):
    tables.write("data/turtle/sources/ledger/.kg-import-castings", "half a f")
    assert tables.findings() == []
    bring(tables)
    assert list(tables.root.rglob(".kg-import-*")) == []


def test_two_imports_at_once_do_not_mix(tables):
    handle = os.open(tables.root / "data" / "turtle", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert "another command is writing here" in bring(tables, check=1).stderr
    finally:
        os.close(handle)
    assert not (tables.root / FILE).exists()


def test_a_file_that_cannot_be_read_stops_the_import(tables):
    tables.write("data/turtle/sources/broken.ttl", "@base <https://bells.example/graph/x> .\n<> a\n")
    assert "data/turtle/sources/broken.ttl:3:1: this file cannot be read" in bring(tables, check=1).stderr


def test_rows_that_contradict_each_other_on_a_single_value_are_ambiguous_both(tables):
    tables.replace("data/tables/castings.toml", 'type = "edtf:EDTF" }', 'type = "edtf:EDTF", single = true }')
    messages = told(tables, ROWS + "Anna,grimm,1703,12,ledger,,\n")
    assert [message[:2] for message in messages] == ["2:", "4:"]
    assert 'b:year in data/turtle/sources/ledger/castings.ttl: "1702"^^edtf:EDTF, "1703"' in messages[0]
    assert "casting:anna-ledger" not in tables.read(FILE)
    assert "casting:berta-ledger" in tables.read(FILE)


def test_a_row_that_needs_a_node_of_a_refused_row_is_refused_too(tables):
    tables.append(
        "data/tables/castings.toml",
        '"rdfs:seeAlso" = { iri = "casting:{remark|slug}-{source}", when = { kind = "with" } }\n',
    )
    rows = "Anna,grimm,17-02,1,ledger,,\nBerta,grimm,1702,1,ledger,with,Anna\n"
    messages = told(tables, rows)
    assert messages[0].startswith('2: year: found "17-02"')
    assert messages[1].startswith("3: remark, source: found casting:anna-ledger; expected a thing of the graph")
    assert told(tables, rows.replace("17-02", "1702"), check=0) == []


REGISTER = """\
table = "bells.csv"
[lookup.founders]
values = { G = "grimm" }
[columns]
name = { from = "{name|line}", match = "^(?:the )?(.*)$" }
founder = { from = "{founder}", lookup = "founders", default = "" }
[file.register]
path = "register/bell/{name|slug}.ttl"
[file.register.properties]
"dcterms:source" = "source:register"
[[node]]
name = "bell"
iri = "bell:{name|slug}"
class = "b:Bell"
[node.properties]
"rdfs:label" = [{ value = "{name}", lang = "en" }, { value = "{german}", lang = "de" }]
"b:mass" = { value = "{kilos}", type = "xsd:integer", required = true }
[[node]]
name = "partner"
iri = "bell:{partner|slug}"
class = "b:Bell"
each = { column = "partners", split = ";", as = "partner" }
[node.properties]
"rdfs:label" = { value = "{partner}", lang = "en" }
"b:caster" = "foundry:{founder}"
"rdfs:seeAlso" = { iri = "bell:{partners|slug}", split = ";" }
"""


def test_things_get_files_of_their_own_and_cells_are_split_matched_and_looked_up(tables):
    mapping = REGISTER.replace('path = "register/bell/{name|slug}.ttl"', 'path = "register/bell/{name|slug}-peal.ttl"')
    tables.write("data/tables/bells.toml", mapping)
    row = '"the  Große\nBell",Große,900,G,Ida ; Ute; Ida\n'
    tables.write("data/tables/bells.csv", "name,german,kilos,founder,partners\n" + row)
    with chdir(tables.root):
        done = CliRunner().invoke(main, ["import", "data/tables/bells.toml"])
    assert done.exit_code == 0, done.output
    text = tables.read("data/turtle/register/bell/grosse-bell-peal.ttl")
    assert (
        text[text.index("<>") :]
        == """\
<> dcterms:source source:register .

bell:grosse-bell
  a b:Bell ;
  rdfs:label
    "Große"@de ,
    "Große Bell"@en ;
  b:mass 900 .

bell:ida
  a b:Bell ;
  rdfs:label "Ida"@en ;
  b:caster foundry:grimm ;
  rdfs:seeAlso
    bell:ida ,
    bell:ute .

bell:ute
  a b:Bell ;
  rdfs:label "Ute"@en ;
  b:caster foundry:grimm ;
  rdfs:seeAlso
    bell:ida ,
    bell:ute .
"""
    )


def test_a_thing_that_is_registered_elsewhere_is_refused(tables):
    tables.write("data/tables/bells.toml", REGISTER.replace("{name|slug}.ttl", "{name|slug}-2.ttl"))
    tables.write("data/tables/bells.csv", "name,german,kilos,founder,partners\nAnna,,1,,\n")
    with chdir(tables.root):
        done = CliRunner().invoke(main, ["import", "data/tables/bells.toml"])
    assert "bell:anna would be registered in data/turtle/register/bell/anna-2.ttl; it is in" in done.stdout


def test_the_mapping_of_the_how_to_can_be_read(tmp_path):
    (mapping,) = re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs/how-to/import-a-table.md").read_text("utf-8"), re.DOTALL
    )
    (tmp_path / "members.toml").write_text(mapping, encoding="utf-8")
    assert [node.name for node in load_mapping(tmp_path / "members.toml", open_project(ROOT), "x").nodes] == [
        "membership",
        "list",
    ]


CELLS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12)
TABLES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["1702", "1710~", ""]), CELLS, CELLS), max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, st.randoms(use_true_random=False))
def test_any_table_is_unchanged_when_it_comes_again_in_any_order(tables, rows, chance):
    (tables.root / FILE).unlink(missing_ok=True)
    mapping = load_mapping(tables.root / "data/tables/castings.toml", tables.project(), "castings.toml")

    def come(rows):
        file = tables.root / "data/tables/any.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([HEAD.strip().split(","), *rows])
        project = tables.project()
        table = read_table(file, "any.csv", megabytes=1)
        found = plan(project, project.glance(), mapping, table)
        write_all([change.formatted for change in found.files], project.root / "data" / "turtle")
        return found

    whole = [["Anna", "grimm", year, page, "ledger", "", remark] for _, year, page, remark in rows]
    come(whole)
    before = (tables.root / FILE).read_bytes() if (tables.root / FILE).exists() else b""
    chance.shuffle(whole)
    assert come(whole).files == []
    (tables.root / FILE).unlink(missing_ok=True)
    come(whole)
    assert ((tables.root / FILE).read_bytes() if (tables.root / FILE).exists() else b"") == before
