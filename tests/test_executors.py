"""The executors: what they answer over their sockets, how each limit and each death looks, and that none is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Store
from tests.building import bells, environment, until
from tests.hostile import CANARY, FILE, HOSTILE, Hostile

from kg.confinement import cover
from kg.executors import folder_of
from kg.messages import unpacked
from kg.queries import Data, run


@dataclass
class Parent:
    """A running parent of executors, and how to ask them."""

    process: subprocess.Popen[bytes]
    folder: Path

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "status.json").read_text())
        return found

    def connect(self, group: str = "public") -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(self.folder / f"{group}.sock"))
        return connection

    def ask(self, query: str | None, group: str = "public", **question: Any) -> tuple[dict[str, Any] | None, bytes]:
        """Return the end frame, None if there was none, and the body."""
        question = {"query": query, "rows_form": "json", "boolean_form": "json", "triples_form": "nt", **question}
        asked = json.dumps(question).encode()
        body, end = b"", None
        with self.connect(group) as connection, connection.makefile("rb") as reader:
            connection.sendall(struct.pack(">I", len(asked)) + asked)
            while head := reader.read(5):
                content = reader.read(struct.unpack(">I", head[1:])[0])
                if head[:1] == b"D":
                    body += content
                elif head[:1] == b"E":
                    end = json.loads(content)
        return end, body


def started(runtime: Path, snapshot: Path, **changes: Any) -> Parent:
    """Start a parent with some settings of its own and wait until it is ready."""
    settings = asdict(replace(bells().snapshot.settings, **changes))
    (runtime / "settings.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "kg.executors", str(snapshot)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment(KG_RUNTIME=str(runtime)))
    folder = folder_of(runtime, snapshot.name)
    assert until((folder / "status.json").exists, seconds=60), "the parent does not get ready"
    return Parent(process, folder)


@pytest.fixture(scope="module")
def parent() -> Iterator[Parent]:
    """A parent with the settings that a site has."""
    with tempfile.TemporaryDirectory(prefix="kg-") as runtime:
        found = started(Path(runtime), bells().snapshot.path)
        yield found
        found.process.terminate()
        assert found.process.wait(30) == 0


def gone(number: int) -> bool:
    """Tell whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def executors_of(parent: Parent) -> list[int]:
    return [number for group in parent.status()["executors"].values() for number in group]


def rows(parent: Parent, query: str, **question: Any) -> list[dict[str, str]]:
    """Return the values of the rows of a query."""
    end, body = parent.ask(query, **question)
    assert end is not None
    assert end["status"] == "ok", end
    return [{name: term["value"] for name, term in row.items()} for row in json.loads(body)["results"]["bindings"]]


def count(parent: Parent, query: str, **question: Any) -> int:
    (row,) = rows(parent, query, **question)
    return int(row["n"])


ENDLESS = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(8)) + " }"
GREEDY = "SELECT * { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(5)) + " } ORDER BY ?a1"
TOO_DEEP = "SELECT * { FILTER(" + "!" * 90_000 + "1) }"

# --- questions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["site", "public"])
def test_both_groups_answer(parent: Parent, group: str) -> None:
    end, body = parent.ask("SELECT (1 AS ?x) {}", group)
    assert end == {"status": "ok", "kind": "select", "form": "json", "rows": 1}
    assert json.loads(body)["results"]["bindings"][0]["x"]["value"] == "1"


@pytest.mark.parametrize(
    ("query", "forms", "end"),
    [
        ("SELECT * {}", {"rows_form": "csv"}, {"kind": "select", "form": "csv"}),
        ("ASK {}", {"boolean_form": "xml"}, {"kind": "ask", "form": "xml"}),
        ("CONSTRUCT WHERE { ?s ?p ?o }", {"triples_form": "ttl"}, {"kind": "construct", "form": "ttl"}),
        ("# ASK\nDESCRIBE <a:a>", {"triples_form": "nq"}, {"kind": "describe", "form": "nq"}),
        ("SELECT * { }", {"rows_form": None}, {"status": "not acceptable", "kind": "select"}),
        ("ASK {}", {"boolean_form": None}, {"status": "not acceptable", "kind": "ask"}),
        ("DESCRIBE <a:a>", {"triples_form": None}, {"status": "not acceptable", "kind": "describe"}),
    ],
)
def test_an_answer_says_what_it_is_and_in_which_form(
    parent: Parent, query: str, forms: dict[str, str | None], end: dict[str, str]
) -> None:
    found, _ = parent.ask(query, **forms)
    assert found is not None
    assert found | end == found


def test_the_executor_that_takes_a_question_says_its_number_at_once(parent: Parent) -> None:
    asked = json.dumps({"query": "ASK {}", "boolean_form": "json"}).encode()
    with parent.connect() as connection, connection.makefile("rb") as reader:
        connection.sendall(struct.pack(">I", len(asked)) + asked)
        kind, length = struct.unpack(">cI", reader.read(5))
        assert kind == b"H"
        assert json.loads(reader.read(length))["pid"] in parent.status()["executors"]["public"]


def test_prefixes_and_base_iri_of_the_graph_are_known(parent: Parent) -> None:
    base = bells().snapshot.settings.base_iri
    (row,) = rows(parent, "SELECT ?x ?y { BIND(bell:mair AS ?x) BIND(<id/bell/mair> AS ?y) }")
    assert row["x"] == row["y"] == f"{base}id/bell/mair"


def test_values_are_bound(parent: Parent) -> None:
    found = rows(parent, "SELECT ?x { }", values={"x": '"a \\"quoted\\" { text"@en'})
    assert found == [{"x": 'a "quoted" { text'}]
    end, _ = parent.ask("SELECT ?x {}", values={"x": "1 } DROP ALL #"})
    assert end is not None
    assert (end["status"], unpacked(end["problem"])) == ("wrong", "the value of x is not a term")
    end, _ = parent.ask("SELECT ?x {}", values={"x { } } #": "1"})
    assert end is not None
    assert (end["status"], unpacked(end["problem"])) == ("wrong", "this is not the name of a variable")


@pytest.mark.parametrize(
    ("query", "line", "column", "told"),
    [
        ("SELECT *\nWHERE {\n  ?a ?b }\n}", 3, 9, "} cannot stand here; expected a variable"),
        ("SELECT * {\n ?a nobody:b ?c }", 2, 5, "the prefix nobody: is not declared"),
        ("nonsense", 1, 1, "nonsense cannot stand here; expected SELECT, ASK, CONSTRUCT or DESCRIBE"),
        ("SELECT * { ?s ?p ?o } GROUP BY ?s", 1, 34, "not authorized with GROUP BY"),
        ("SELECT * {\r\n  ?s ?p 'é😀' ; 4 }", 2, 16, "4 cannot stand here"),
        ("SELECT * { ?s ?p ?o", 1, 20, "it ends too early"),
        ("", 1, 1, "it ends too early; expected SELECT"),
    ],
)
def test_what_is_not_sparql_is_told_with_line_and_column(
    parent: Parent, query: str, line: int, column: int, told: str
) -> None:
    end, _ = parent.ask(query)
    assert end is not None
    assert (end["status"], end["line"], end["column"]) == ("wrong", line, column)
    assert told in unpacked(end["problem"])


def test_unknown_functions_leave_unbound_and_filter_out(parent: Parent) -> None:
    query = "PREFIX f: <urn:f:> SELECT (<urn:g>(1, 2) AS ?x) (COALESCE(f:h(), 3) AS ?y) { FILTER(!BOUND(?z)) }"
    assert rows(parent, query) == [{"y": "3"}]
    assert rows(parent, "SELECT * { FILTER(<urn:g>()) }") == []
    assert rows(parent, "SELECT (xsd:integer('07') AS ?x) (<urn:f>(1) AS ?y) {}") == [{"x": "7"}]


# --- datasets --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graphs() -> dict[str, set[str]]:
    """The lines of each named graph of the bells, without their graph."""
    found: dict[str, set[str]] = {}
    for line in (bells().snapshot.path / "graph.nq").read_text().splitlines():
        triple, graph, _ = line.rsplit(" ", 2)
        found.setdefault(graph.strip("<>"), set()).add(triple)
    return found


def overlapping(graphs: dict[str, set[str]]) -> tuple[str, str]:
    """Two graphs that share a triple."""
    return next((a, b) for a in graphs for b in graphs if a < b and graphs[a] & graphs[b])


ALL = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
NAMED = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"


def test_the_default_graph_has_each_triple_once_and_graph_each_as_often_as_it_is_said(
    parent: Parent, graphs: dict[str, set[str]]
) -> None:
    assert count(parent, ALL) == len(set().union(*graphs.values()))
    assert count(parent, NAMED) == sum(map(len, graphs.values())) > count(parent, ALL)


def test_from_names_the_default_graph_and_from_named_the_others(parent: Parent, graphs: dict[str, set[str]]) -> None:
    a, b = overlapping(graphs)
    both = len(graphs[a] | graphs[b])
    base = bells().snapshot.settings.base_iri
    assert a.startswith(base)
    for named in (f"FROM <{a}>", f"FROM <{a[len(base) :]}>", f"FROM <{a}> FROM <{a}>", f"from#\n<{a}>FROM NAMED<{b}>"):
        assert count(parent, ALL.replace("{", named + " {", 1)) == len(graphs[a]), named
    for named in (f"FROM <{a}> FROM <{b}>", f"FROM <{a}>FROM<{b[len(base) :]}> FROM NAMED <{a}>"):
        assert count(parent, ALL.replace("{", named + " {", 1)) == both, named
    assert count(parent, NAMED.replace("{", f"FROM <{a}> FROM <{b}> {{", 1)) == 0
    assert count(parent, NAMED.replace("{", f"FROM <{a}> FROM <{b}> FROM NAMED <{b}> {{", 1)) == len(graphs[b])
    assert count(parent, ALL.replace("{", f"FROM NAMED <{a}> {{", 1)) == 0
    prefixed = f"PREFIX x: <{a}> PREFIX y: <{b[:-1]}> " + ALL.replace("{", f"FROM x: FROM y:{b[-1]} {{", 1)
    assert count(parent, prefixed) == both
    in_text = (
        "SELECT (COUNT(*) AS ?n) { ?s ?p ?o FILTER('FROM <a:a> FROM <b:b>' != ?x || true) } # FROM <a:a> FROM <b:b>"
    )
    assert count(parent, in_text) == count(parent, ALL)


def test_the_dataset_of_the_protocol_wins(parent: Parent, graphs: dict[str, set[str]]) -> None:
    a, b = overlapping(graphs)
    both = len(graphs[a] | graphs[b])
    elsewhere = ALL.replace("{", "FROM <urn:x-nothing> FROM <urn:x-none> FROM NAMED <urn:x-nothing> {", 1)
    for query in (ALL, elsewhere):
        assert count(parent, query, default_graphs=[a]) == len(graphs[a])
        assert count(parent, query, default_graphs=[a, a]) == len(graphs[a])
        assert count(parent, query, default_graphs=[a, b]) == both
        assert count(parent, query, default_graphs=[a, "urn:x-nothing"]) == len(graphs[a])
        assert count(parent, query, default_graphs=["urn:x-nothing"]) == 0
        assert count(parent, query, named_graphs=[a]) == 0
    assert count(parent, NAMED, default_graphs=[a, b]) == 0
    assert count(parent, NAMED, named_graphs=[a]) == len(graphs[a])
    assert count(parent, NAMED, default_graphs=[a, b], named_graphs=[a, b, b]) == len(graphs[a]) + len(graphs[b])
    end, _ = parent.ask(ALL, default_graphs=["no iri"])
    assert end is not None
    assert (end["status"], unpacked(end["problem"])) == ("wrong", "the name of a graph is not an IRI")


def test_a_graph_is_read_as_it_was_written(parent: Parent, graphs: dict[str, set[str]]) -> None:
    for graph, lines in graphs.items():
        end, body = parent.ask(None, graph=graph)
        assert end == {"status": "ok", "kind": "graph", "form": "nt", "rows": len(lines)}
        assert set(body.decode().splitlines()) == {f"{line} ." for line in lines}
    end, body = parent.ask(None, graph="default")
    assert sorted(body.decode().splitlines()) == sorted(f"{line} ." for line in set().union(*graphs.values()))


def test_a_graph_that_is_not_there_is_told(parent: Parent) -> None:
    for graph, status in (("urn:x-nothing", "unknown graph"), ("no iri", "wrong")):
        end, body = parent.ask(None, graph=graph)
        assert end is not None
        assert (end["status"], body) == (status, b"")


# --- ends ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def short() -> Iterator[Parent]:
    """A parent whose executors get little of everything."""
    limits = {"query_seconds": 1, "query_memory": 64, "result_rows": 50, "executors": 4}
    with tempfile.TemporaryDirectory(prefix="kg-") as runtime:
        found = started(Path(runtime), bells().snapshot.path, **limits)
        yield found
        found.process.terminate()
        assert found.process.wait(30) == 0


@pytest.mark.parametrize(("query", "kind"), [(ENDLESS, "time"), (GREEDY, "memory"), (TOO_DEEP, "crash")])
def test_a_query_past_a_limit_ends_its_executor_alone_and_another_takes_its_place(
    short: Parent, query: str, kind: str
) -> None:
    before = short.status()
    assert short.ask(query) == (None, b"")
    assert until(lambda: short.status()["exits"] != before["exits"])
    after = short.status()
    assert after["exits"][kind] == before["exits"][kind] + 1
    assert sum(after["exits"].values()) == sum(before["exits"].values()) + 1
    ((number, found),) = after["last"][len(before["last"]) :]
    assert found == kind
    assert number in before["executors"]["public"]
    assert until(lambda: len(short.status()["executors"]["public"]) == 4)
    assert after["executors"]["site"] == before["executors"]["site"]
    assert count(short, "SELECT (1 AS ?n) {}") == 1


def test_a_client_that_does_not_read_or_does_not_ask_holds_no_executor_past_the_deadline(parent: Parent) -> None:
    limits = {"query_seconds": 1, "executors": 1}
    with tempfile.TemporaryDirectory(prefix="kg-") as runtime:
        one = started(Path(runtime), bells().snapshot.path, **limits)
        try:
            asked = json.dumps({"query": "SELECT * { ?a ?b ?c . ?d ?e ?f }", "rows_form": "xml"}).encode()
            with one.connect() as deaf, one.connect() as mute:
                deaf.sendall(struct.pack(">I", len(asked)) + asked)
                mute.sendall(b"\x00")
                assert count(one, "SELECT (1 AS ?n) {}") == 1
            assert until(lambda: one.status()["exits"]["time"] == 2)
        finally:
            one.process.terminate()
            one.process.wait(30)


def test_an_executor_that_was_killed_is_replaced(short: Parent) -> None:
    before = short.status()
    victims = before["executors"]["public"]
    for number in victims:
        os.kill(number, signal.SIGKILL)
    assert until(lambda: short.status()["exits"]["killed"] == before["exits"]["killed"] + len(victims))
    assert until(lambda: len(short.status()["executors"]["public"]) == 4)
    assert not set(short.status()["executors"]["public"]) & set(victims)
    assert count(short, "SELECT (1 AS ?n) {}") == 1


def test_an_executor_whose_memory_has_grown_gives_it_back_by_ending(parent: Parent) -> None:
    before = parent.status()["exits"]["ended"]
    found = count(parent, "SELECT (COUNT(*) AS ?n) { SELECT DISTINCT * { ?a ?b ?c . ?d ?e ?f } }")
    assert found > 100_000
    assert until(lambda: parent.status()["exits"]["ended"] == before + 1)
    assert until(lambda: len(parent.status()["executors"]["public"]) == 2)


def test_a_result_is_cut_at_its_limit_and_costs_no_more_than_that(short: Parent) -> None:
    everything = "SELECT * { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(4)) + " }"
    end, body = short.ask(everything)
    assert end == {"status": "cut", "kind": "select", "form": "json", "rows": 50, "limit": "limits.result_rows"}
    assert len(json.loads(body)["results"]["bindings"]) == 50
    end, body = short.ask("CONSTRUCT WHERE { ?s ?p ?o }")
    assert end is not None
    assert (end["status"], end["rows"], body.count(b" .\n")) == ("cut", 50, 50)
    end, body = short.ask(None, graph="default")
    assert end is not None
    assert (end["status"], end["rows"], body.count(b" .\n")) == ("cut", 50, 50)


def test_an_executor_can_open_nothing_while_it_answers(short: Parent, tmp_path: Path) -> None:
    """Past the guard: this asks the part that the executors share with `ask_within`."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        address = f"http://127.0.0.1:{canary.getsockname()[1]}/"
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(20)  # whoever gets through waits for an answer that never comes
                cover()
                told = []
                for attempt in (lambda: os.open(os.devnull, os.O_RDONLY), socket.socket, os.pipe):
                    try:
                        attempt()
                        told.append("opened")
                    except OSError as error:
                        told.append(os.strerror(error.errno or 0))
                try:
                    list(run(Data(Store()), f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}"))  # type: ignore[arg-type]
                    told.append("answered")
                except OSError as error:
                    told.append(str(error))
                os.write(writing, json.dumps(told).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            *opened, called = json.loads(pipe.read())
        os.waitpid(child, 0)
        assert opened == ["Too many open files"] * 3
        assert "Too many open files" in called
        canary.setblocking(False)
        with pytest.raises(BlockingIOError):
            canary.accept()


@pytest.mark.parametrize("way", ["asked", "interrupted", "killed", "lifeline"])
def test_when_the_parent_ends_no_executor_is_left(way: str) -> None:
    with tempfile.TemporaryDirectory(prefix="kg-") as runtime:
        parent = started(Path(runtime), bells().snapshot.path)
        running = executors_of(parent)
        assert len(running) == 3
        with parent.connect() as busy:
            asked = json.dumps({"query": ENDLESS, "rows_form": "json"}).encode()
            busy.sendall(struct.pack(">I", len(asked)) + asked)
            assert busy.recv(1) == b"H"
            match way:
                case "asked":
                    parent.process.terminate()
                case "interrupted":
                    parent.process.send_signal(signal.SIGINT)
                case "killed":
                    parent.process.kill()
                case "lifeline":
                    assert parent.process.stdin is not None
                    parent.process.stdin.close()
            code = parent.process.wait(30)
            assert until(lambda: all(map(gone, running)))
        assert code == (-signal.SIGKILL if way == "killed" else 0)
        if way != "killed":
            assert not parent.folder.exists()


def test_questions_are_answered_while_the_status_cannot_be_written(parent: Parent) -> None:
    before = executors_of(parent)
    (parent.folder / ".status.json").mkdir()  # as on a full disk, nothing can be written there
    for number in before:
        os.kill(number, signal.SIGKILL)
    assert until(lambda: all(map(gone, before)))
    for group in ("site", "public"):
        assert count(parent, "SELECT (1 AS ?n) {}", group=group) == 1
    assert executors_of(parent) == before
    (parent.folder / ".status.json").rmdir()
    assert until(lambda: not set(executors_of(parent)) & set(before))


def test_a_parent_has_one_thread_and_shares_the_graph(parent: Parent) -> None:
    for number in (parent.process.pid, *executors_of(parent)):
        assert len(os.listdir(f"/proc/{number}/task")) == 1


@pytest.mark.parametrize(
    ("words", "runtime", "code", "told"),
    [
        ([], ".", 2, "usage:"),
        (["nothing"], "nowhere", 2, "usage:"),
        (["nothing"], "", 2, "usage:"),
        (["nothing"], ".", 1, "there is no whole snapshot here"),
    ],
)
def test_a_parent_that_cannot_start_says_why(
    tmp_path: Path, words: list[str], runtime: str, code: int, told: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kg.executors", *words],
        cwd=tmp_path,
        env=environment(KG_RUNTIME=runtime),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        text=True,
    )
    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr


# --- hostile queries -------------------------------------------------------------------------------------


def outcome(parent: Parent, case: Hostile) -> str:
    """Ask a hostile query; return what came back, or `ended` if the executor did."""
    end, body = parent.ask(case.query)
    assert b"found in the canary" not in body
    return "ended" if end is None else str(end["status"])


def test_what_hostile_queries_get_and_that_they_harm_nobody_else(short: Parent, parent: Parent, tmp_path: Path) -> None:
    """Six at a time at executors with a deadline of a second; nothing is reached or read outside."""
    secret = tmp_path / "secret.ttl"
    secret.write_text('<a:a> <a:b> "found in the canary" .')
    before = short.status()
    wrong: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as canary, ThreadPoolExecutor(6) as threads:
        address = f"http://127.0.0.1:{canary.getsockname()[1]}/"
        cases = [
            case._replace(query=case.query.replace(CANARY, address).replace(FILE, secret.as_uri())) for case in HOSTILE
        ]
        found = list(threads.map(lambda case: outcome(short, case), cases))
        canary.setblocking(False)
        with pytest.raises(BlockingIOError):
            canary.accept()
    ended = found.count("ended")
    assert until(lambda: sum(short.status()["exits"].values()) >= sum(before["exits"].values()) + ended)
    for case, first in zip(cases, found, strict=True):
        got, allowed = first, case.outcomes & {"time", "memory", "crash"}
        if got == "ended" and not allowed:  # a busy machine may need more than that second
            got = outcome(parent, case)
        if not (got in case.outcomes or (got == "cut" and "ok" in case.outcomes) or (got == "ended" and allowed)):
            wrong.append(f"{case.name}: {got}")
    assert "; ".join(wrong) == ""
    after = short.status()["exits"]
    died = {kind: after[kind] - before["exits"][kind] for kind in after}
    assert died["time"] + died["memory"] + died["crash"] == ended
    assert died["killed"] == 0
    assert count(short, "SELECT (1 AS ?n) {}") == 1
