"""The command line, as people and scripts meet it: each error one message and an exit code, never a traceback."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import building
from tests.building import (
    BELLS,
    KG,
    ROOT,
    built_copy,
    content_of,
    copy_of,
    environment,
    error_of,
    replace,
    run_kg,
)

from kg.cli import main

COMMANDS = sorted(main.commands)
B = "https://bells.example/cloch/id/"


@pytest.fixture(scope="module")
def bells() -> Path:
    """The bells, built, in a folder that no test changes."""
    return building.bells().root


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The bells, built, in a folder that a test may change."""
    return built_copy(building.bells(), tmp_path / "world")


# --- help and usage --------------------------------------------------------------------------------------


def test_help_lists_every_command(tmp_path: Path) -> None:
    done = run_kg("--help", cwd=tmp_path, check=0)
    listed = re.findall(r"^  ([a-z]+)  ", done.stdout.partition("Commands:")[2], re.MULTILINE)
    assert sorted(listed) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_an_example(tmp_path: Path, command: str) -> None:
    done = run_kg(command, "--help", cwd=tmp_path, check=0)
    assert re.search(rf"^ +(.*\| )?kg {command}\b", done.stdout, re.MULTILINE)


def test_the_version_is_told(tmp_path: Path) -> None:
    assert re.fullmatch(r"kg, version \d+\.\d+\.\d+\n", run_kg("--version", cwd=tmp_path, check=0).stdout)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["--nonsense"],
        ["check", "--format", "xml"],
        ["stats", "now"],
        ["query"],
        ["query", "a", "b"],
        ["query", "a", "--format", "xml"],
        ["show"],
        ["serve", "--port", "many"],
        ["-C"],
    ],
)
def test_wrong_usage_has_an_exit_code_of_its_own(bells: Path, words: list[str]) -> None:
    done = run_kg(*words, cwd=bells, check=2)
    assert "Error: " in done.stderr
    assert done.stdout == ""


# --- projects --------------------------------------------------------------------------------------------

NEEDY = [["check"], ["build"], ["query", "-"], ["show", "a"], ["stats"], ["serve", "--port", "0"]]


@pytest.mark.parametrize("words", NEEDY, ids=lambda words: words[0])
def test_outside_of_a_project_every_command_says_so(tmp_path: Path, words: list[str]) -> None:
    assert "there is no kg.toml here" in error_of(run_kg(*words, cwd=tmp_path))


def test_a_project_is_found_from_elsewhere(tmp_path: Path, bells: Path) -> None:
    query = "SELECT (COUNT(*) AS ?n) { ?bell a cloch:Bell }"
    for words, env in (
        (["-C", bells], {}),
        (["-C", os.path.relpath(bells, tmp_path)], {}),
        ([], {"KG_PROJECT": str(bells)}),
    ):
        done = run_kg(
            *words, "query", "-", "--format", "csv", cwd=tmp_path, stdin=query, env=environment(**env), check=0
        )
        assert done.stdout.split() == ["n", "4"]


SPOILED_SETTINGS: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "unknown": (lambda text: "titel = 'x'\n" + text, "titel: this setting is unknown. Did you mean title?"),
    "broken": (lambda text: text + "\n[[[", "this file cannot be read as TOML"),
    "wrong": (lambda text: text.replace('["cy", "de"]', '"cy"'), "languages: this setting has a value"),
    "missing": (lambda text: re.sub("(?m)^base_iri.*$", "", text), "base_iri: this setting is missing"),
    "binary": (lambda text: b"\xff\xfe" + text.encode("utf-16-le"), "this file cannot be read as TOML"),
    "empty": (lambda text: "", "this setting is missing"),
}


@pytest.mark.parametrize(("spoil", "told"), SPOILED_SETTINGS.values(), ids=SPOILED_SETTINGS.keys())
def test_settings_that_will_not_do_are_told(tmp_path: Path, spoil: Callable[[str], str | bytes], told: str) -> None:
    world = copy_of(BELLS, tmp_path / "world")
    spoiled = spoil((world / "kg.toml").read_text("utf-8"))
    (world / "kg.toml").write_bytes(spoiled if isinstance(spoiled, bytes) else spoiled.encode())
    assert told in error_of(run_kg("check", cwd=world))


def test_settings_may_have_the_line_ends_of_windows(tmp_path: Path) -> None:
    world = copy_of(BELLS, tmp_path / "world")
    text = (world / "kg.toml").read_text("utf-8")
    (world / "kg.toml").write_bytes(text.replace("\n", "\r\n").encode())
    run_kg("check", cwd=world, check=0)


@pytest.mark.skipif(os.geteuid() == 0, reason="this user writes anywhere")
def test_a_project_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    world = copy_of(BELLS, tmp_path / "world")
    world.chmod(0o555)
    try:
        assert "could not be written" in error_of(run_kg("build", cwd=world))
    finally:
        world.chmod(0o755)


def test_snapshots_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    world = copy_of(BELLS, tmp_path / "world")
    (world / "kg.toml").write_text((world / "kg.toml").read_text("utf-8") + '\n[snapshots]\nfolder = "kg.toml/x"\n')
    assert "the snapshot could not be written" in error_of(run_kg("query", "-", cwd=world, stdin="ASK {}"))


def test_a_built_project_needs_no_home_and_writes_nothing(world: Path) -> None:
    before = content_of(world)
    env = environment(HOME=None)
    for words in (["show", "bell:mair"], ["stats"], ["query", "questions/bells.rq"]):
        run_kg(*words, cwd=world, env=env, check=0)
    assert content_of(world) == before


# --- check -----------------------------------------------------------------------------------------------


def test_check_of_a_good_graph_is_quiet_and_zero(bells: Path) -> None:
    done = run_kg("check", cwd=bells, check=0)
    assert done.stdout.startswith("No findings.\n")


def test_check_of_a_bad_graph_names_the_place_and_is_one(world: Path) -> None:
    file = world / "facts/sources/cronicl-llanwyn.ttl"
    replace(file, "cloch:caster founder:joerg-kaeltner", "cloch:caster founder:joerg-kaltner")
    line = file.read_text("utf-8").split("\n").index("  cloch:caster founder:joerg-kaltner ;") + 1
    done = run_kg("check", cwd=world, check=1)
    assert f"facts/sources/cronicl-llanwyn.ttl:{line}:" in done.stdout
    assert "error: " not in done.stderr
    found = json.loads(run_kg("check", "--format", "json", cwd=world, check=1).stdout)
    assert line in [finding["line"] for finding in found["findings"] if finding["severity"] == "violation"]


# --- progress --------------------------------------------------------------------------------------------


def test_progress_is_plain_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    done = run_kg("build", cwd=copy_of(BELLS, tmp_path / "world"), check=0)
    lines = done.stderr.splitlines()
    assert len(lines) > 5
    assert all(re.fullmatch(r" *\d+\.\d\d s  [ -~]+", line) for line in lines)
    assert re.fullmatch(r"[0-9a-f]{64}\n", done.stdout)


def on_a_terminal(*words: str, cwd: Path, **env: str) -> str:
    """Return all that a command shows where it writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*KG, *words], cwd=cwd, env=environment(TERM="xterm-256color", COLUMNS="100", **env),
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    found = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # the terminal is closed
            break
        if not some:
            break
        found += some
    os.close(ours)
    process.wait()
    return found.decode()


def test_progress_is_a_bar_on_a_terminal(tmp_path: Path) -> None:
    assert "━" in on_a_terminal("build", cwd=copy_of(BELLS, tmp_path / "world"))


def test_colours_are_for_terminals_that_want_them(bells: Path) -> None:
    assert "\x1b[1m" in on_a_terminal("show", "bell:mair", cwd=bells)
    assert "\x1b[" not in run_kg("show", "bell:mair", cwd=bells).stdout
    colour = re.compile(r"\x1b\[(?:[0-9]+;)*(?:[349][0-7]|10[0-7])[;m]")
    assert colour.search(on_a_terminal("show", "nothing", cwd=bells))
    assert not colour.search(on_a_terminal("query", "questions/bells.rq", cwd=bells, NO_COLOR="1"))


def test_text_from_files_does_nothing_to_a_terminal(world: Path) -> None:
    """Escape codes, which could colour or overwrite what stands there, and turned text are shown as �."""
    evil = "\\u001B[31mred\\u001B]0;title\\u0007\\u202Eright\\u0085"
    replace(world / "facts/register/bell/mair.ttl", '"Cloch Fair"@cy', f'"{evil}"@cy')
    (world / "questions/evil.rq").write_text(
        "#+ title: \x1b[31mred\n#+ column: bell = \x1b[31m[bold]red\nSELECT ?bell { ?bell a cloch:Bell }", "utf-8"
    )
    shown = on_a_terminal("show", "bell:mair", cwd=world) + on_a_terminal("query", "questions/bells.rq", cwd=world)
    shown += on_a_terminal("query", "questions/evil.rq", cwd=world)
    assert "�[31mred�]0;title��right�" in shown
    for character in ("\x1b[31m", "\x1b]", "\x07", "\u202e", "\x85"):
        assert character not in shown


# --- query -----------------------------------------------------------------------------------------------


def test_a_view_is_shown_as_a_table_with_names_and_dates_in_words(bells: Path) -> None:
    done = run_kg("query", "questions/bells.rq", "--lang", "de", cwd=bells, check=0)
    assert "Wer goss welche Glocke, und wann?" in done.stdout
    assert re.search(r"│ Marienglocke +│ Jörg Kältner +│", done.stdout)
    assert done.stderr.splitlines()[-1] == "6 rows"


def test_a_pivot_is_shown_as_one(bells: Path) -> None:
    lines = run_kg("query", "questions/metals.rq", cwd=bells, check=0).stdout.splitlines()
    header = next(line for line in lines if "efydd" in line)
    assert "haearn" in header
    (row,) = [line for line in lines if "Jörg Kältner" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["Jörg Kältner", "1 (1)", ""]


@pytest.mark.parametrize("name", ["bells", "metals", "hung-after"])
def test_a_view_as_csv_is_the_expected_file(bells: Path, name: str) -> None:
    done = run_kg("query", f"questions/{name}.rq", "--format", "csv", cwd=bells, check=0)
    expected = (BELLS / "expected" / f"{name}.csv").read_text("utf-8")
    assert list(csv.reader(io.StringIO(done.stdout))) == list(csv.reader(io.StringIO(expected)))


def test_a_parameter_gets_its_value(bells: Path) -> None:
    words = ["query", "questions/hung-after.rq", "-p", "after=1400-01-01", "--format", "json"]
    found = json.loads(run_kg(*words, cwd=bells, check=0).stdout)
    bindings = found["results"]["bindings"]
    assert [row["bell"]["value"] for row in bindings] == [B + "bell/cloch-y-dwr", B + "bell/y-fawr"]


@pytest.mark.parametrize(
    ("query", "words", "shown"),
    [
        ("ASK { bell:mair a cloch:Bell }", [], "yes\n"),
        ("ASK { bell:mair a cloch:TowerBell }", [], "no\n"),
        ("ASK { bell:mair a cloch:Bell }", ["--format", "csv"], "true\n"),
        ("SELECT ?w { ?c cloch:weight ?w }", ["--format", "csv"], "w\n0840.50\n"),
        ("\ufeffSELECT ?w\r\n{ ?c cloch:weight ?w }\r\n", ["--format", "csv"], "w\n0840.50\n"),
        (
            "CONSTRUCT WHERE { ?c cloch:weight ?w }",
            [],
            "@prefix casting: <https://bells.example/cloch/id/casting/> .\n"
            "@prefix cloch: <https://bells.example/cloch/geirfa#> .\n\ncasting:y-fawr\n  cloch:weight 0840.50 .\n",
        ),
    ],
)
def test_a_question_on_standard_input_is_answered(bells: Path, query: str, words: list[str], shown: str) -> None:
    done = run_kg("query", "-", *words, cwd=bells, stdin=query, check=0)
    assert done.stdout.replace("\r\n", "\n") == shown


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        (["missing.rq"], b"", "missing.rq: this file cannot be read"),
        (["questions"], b"", "questions: this file cannot be read"),
        ([KG[0]], b"", ""),
        (["-"], b"\xff\xfe\x00", "this file cannot be read"),
        (["-"], b"\x00", "this is not SPARQL"),
        (["-"], b"", "this is not SPARQL"),
        (["-"], b"SELECT * {\n ?a ?b }", "standard input:2:"),
        (["-"], b"SELECT * { SERVICE <http://x.example/> {} }", "SERVICE is not allowed"),
        (["-"], b"{" * 5000, "brackets too deep"),
        (["-"], b"#" * 200_000, "200000 characters"),
        (["-"], b"DELETE WHERE { ?s ?p ?o }", "this is an update"),
        (["-"], b"SELECT * { FILTER(" + b"!" * 90_000 + b"1) }", "too deep for the parser"),
        (["-", "--format", "csv"], b"CONSTRUCT WHERE { ?s ?p ?o }", "triples cannot be shown as csv"),
        (["-", "--format", "ttl"], b"SELECT * { ?s ?p ?o }", "rows cannot be shown as ttl"),
        (["questions/bells.rq", "-p", "x=y"], b"", "questions/bells.rq: the question has no parameter x"),
        (["questions/hung-after.rq", "-p", "after"], b"", "Expected a date, such as 1500-01-01"),
        (["questions/hung-after.rq", "-p", "after=soon"], b"", "Found soon. Expected a date, such as 1500-01-01"),
        (["questions/hung-after.rq", "-p", "after=https://a b"], b"", "the value of after is not an IRI"),
        (["questions/bells.rq", "--lang", "../../xx"], b"", None),
    ],
)
def test_a_question_that_will_not_do_is_told(bells: Path, words: list[str], stdin: bytes, told: str | None) -> None:
    done = run_kg("query", *words, cwd=bells, stdin=stdin)
    if told is None:
        assert done.returncode == 0
    else:
        assert told in error_of(done)


def test_a_binary_file_is_no_question(bells: Path, tmp_path: Path) -> None:
    (tmp_path / "q.rq").write_bytes(bytes(range(256)))
    assert "q.rq: this file cannot be read" in error_of(run_kg("query", tmp_path / "q.rq", cwd=bells))


# --- show ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bell:mair", "bell/mair", B + "bell/mair", f"<{B}bell/mair>"])
def test_an_entity_is_found_by_any_of_its_names(bells: Path, name: str) -> None:
    shown = run_kg("show", name, cwd=bells, check=0).stdout
    assert shown.startswith(f"Cloch Fair  <{B}bell/mair>\n")


def test_a_property_is_shown_where_it_is_used(bells: Path) -> None:
    iri = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
    shown = run_kg("show", iri, "--lang", "de", cwd=bells).stdout
    assert re.search(r"^  Kirche – this – \S*Class\b.*  vocab/bells\.ttl:\d+$", shown, re.MULTILINE), shown


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bell:mairr", "nothing in the graph is called bell:mairr. Did you mean bell/mair"),
        ("bell/y-fwr", "Did you mean bell/y-fawr"),
        ("kaltenbrueck", "Did you mean foundry/kaeltenbrueck"),
        ("", "nothing in the graph is called"),
        ("a b", "nothing in the graph is called a b"),
        ("' OR 1=1 --", "nothing in the graph is called"),
        ("\x1b[31m", "nothing in the graph is called �[31m"),
    ],
)
def test_a_name_that_nothing_has_is_told_with_what_may_be_meant(bells: Path, name: str, told: str) -> None:
    assert told in error_of(run_kg("show", name, cwd=bells))


def test_a_name_in_no_encoding_is_told(bells: Path) -> None:
    done = subprocess.run([*KG, "show", b"\xff\xfe"], cwd=bells, env=environment(), capture_output=True)
    assert done.returncode == 1
    assert b"nothing in the graph is called" in done.stderr
    assert b"Traceback" not in done.stderr


def places_in(shown: str) -> list[tuple[str, str, int]]:
    """Return every line of `kg show` that ends in a file and a line number, with both."""
    return [
        (text.strip(), path, int(line)) for text, path, line in re.findall(r"^(.*?)  (\S+\.ttl):(\d+)$", shown, re.M)
    ]


def test_show_names_the_line_of_every_statement(bells: Path) -> None:
    places = places_in(run_kg("show", "casting:y-fawr", cwd=bells, check=0).stdout)
    assert len(places) > 10
    for text, path, line in places:
        written = (bells / path).read_text("utf-8").split("\n")[line - 1]
        assert re.match(r"  (a|cloch:\w+) ", written), (text, path, line)
    weights = [(path, line) for text, path, line in places if "0840.50" in text]
    ((path, line),) = weights
    assert 'cloch:weight "0840.50"^^xsd:decimal' in (bells / path).read_text("utf-8").split("\n")[line - 1]


def test_show_why_names_file_and_line_of_every_premise(bells: Path) -> None:
    """The manner of a casting rests on both sources, and on the class of castings of which two say that it is one."""
    shown = run_kg("show", "casting:y-fawr", "--why", cwd=bells, check=0).stdout
    block = shown[shown.index("dull: ") :].split("\n  ")
    block = [line for line in block if line.startswith(("dull", "    "))][:6]
    rule = re.search(r"by subclass  vocab/bells\.ttl:(\d+)$", block[1])
    assert rule
    assert "owl:onProperty cloch:manner" in (bells / "vocab/bells.ttl").read_text("utf-8").split("\n")[int(rule[1]) - 1]
    found = [
        (path, (bells / path).read_text("utf-8").split("\n")[line - 1].strip(" ;."))
        for _, path, line in places_in("\n".join(block[2:]))
    ]
    assert found == [
        ("facts/sources/cronicl-llanwyn.ttl", "a cloch:Casting"),
        ("facts/sources/glockenbuch/band-1.ttl", "a cloch:Casting"),
        ("facts/sources/cronicl-llanwyn.ttl", "cloch:metal term:efydd"),
        ("facts/sources/glockenbuch/band-1.ttl", "cloch:setting term:maes"),
    ]


def test_show_why_follows_inferred_premises_down_to_files(bells: Path) -> None:
    """A tower bell by a hanging in a tower, which follows by a chain from an inverse: three rules deep."""
    shown = run_kg("show", "bell:y-fawr", "--why", cwd=bells, check=0).stdout
    lines = shown.splitlines()
    start = next(number for number, line in enumerate(lines) if "cloch tŵr" in line)
    rules = []
    for line in lines[start + 1 :]:
        if not line.startswith("      "):
            break
        rules += re.findall(r"by ([a-z ]+)  vocab/bells\.ttl:\d+", line)
    assert rules == ["subclass", "chain", "inverse"]


# --- stats -----------------------------------------------------------------------------------------------


def test_stats_count_what_there_is(bells: Path) -> None:
    shown = run_kg("stats", "--lang", "de", cwd=bells, check=0).stdout
    assert re.search(r"│ files +│ 18 ", shown)
    assert re.search(r"│ Glocke +│ 4 ", shown)
    assert re.search(r"│ Glockenguss +│ Gießer +│ 75 % +│ 4 ", shown)


# --- streams ---------------------------------------------------------------------------------------------

EVERY = "SELECT * { ?s ?p ?o . ?a ?b ?c } LIMIT 5000"
SHOWING = [["show", "bell:mair"], ["stats"], ["query", "questions/bells.rq"], ["query", "-", "--format", "csv"]]


@pytest.mark.parametrize("words", SHOWING)
def test_a_reader_that_has_seen_enough_ends_a_command_quietly(bells: Path, words: list[str]) -> None:
    process = subprocess.Popen([*KG, *words], cwd=bells, env=environment(), stdin=-1, stdout=-1, stderr=-1)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    if "-" in words:
        process.stdin.write(EVERY.encode())
    process.stdin.close()
    process.stdout.read(1)
    process.stdout.close()
    told = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 0
    assert all(re.fullmatch(r"\d+ rows?", line) for line in told.splitlines()), told


@pytest.mark.parametrize("words", SHOWING[1:3])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_harms_nothing(bells: Path, words: list[str], closed: str) -> None:
    command = " ".join([*KG, *words, closed])
    done = subprocess.run(["sh", "-c", command], cwd=bells, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", SHOWING[:3])
def test_a_full_disk_at_the_end_of_a_pipe_is_told(bells: Path, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*KG, *words], cwd=bells, env=environment(), stdout=full, stderr=-1, text=True)
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "settings", [{"LC_ALL": "C", "LANG": None}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
@pytest.mark.parametrize("words", SHOWING[:3])
def test_any_locale_will_do(bells: Path, words: list[str], settings: dict[str, str | None]) -> None:
    done = run_kg(*words, cwd=bells, env=environment(**settings), check=0)
    assert done.stdout


def test_the_repository_itself_is_a_project() -> None:
    assert (ROOT / "kg.toml").is_file()
