"""A site that stalls, streams without end, goes round in circles or sends garbage never holds or breaks the command."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pyoxigraph import RdfFormat, parse
from tests.building import run_kg, until
from tests.conformance.little import BASE, Direct, LittleSite, serving

from kg.conformance import CHECKS, Options, Outcome, Site, run
from kg.conformance.canary import Canary
from kg.conformance.rdf import Unreadable, differing, read
from kg.conformance.wire import Request, Trouble, Wire

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/turtle\r\n"
SECONDS = 0.3


def endless(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"\r\n")
    while True:
        connection.sendall(b"<a:b> <a:c> <a:d> .\n" * 5000)


def dripping(connection: socket.socket, drop: bytes = b"X: y\r\n") -> None:
    connection.sendall(HEAD)
    while True:
        connection.sendall(drop)
        time.sleep(0.02)


def sending(data: bytes) -> Callable[[socket.socket], None]:
    def send(connection: socket.socket) -> None:
        connection.recv(65536)  # else closing would take back what is not read yet
        connection.sendall(data)

    return send


def asking_to_wait(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


HOSTILE: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "says nothing": (lambda connection: connection.recv(1) and time.sleep(3), "deadline"),
    "closes at once": (lambda connection: None, "closed|reset"),
    "drips headers without end": (dripping, "deadline"),
    "drips one line without end": (lambda connection: dripping(connection, b"x"), "deadline"),
    "streams without end": (endless, "no end|deadline"),
    "sends what is not HTTP": (sending(b"SSH-2.0-OpenSSH\r\n"), "not HTTP"),
    "sends noise": (sending(bytes(range(256)) * 50 + b"\n"), "not HTTP"),
    "sends a header without a colon": (sending(HEAD + b"nonsense\r\n\r\n"), "not HTTP"),
    "sends a head of a megabyte": (sending(HEAD + b"x" * 2**20), "a line of more than"),
    "says a length that is none": (sending(HEAD + b"Content-Length: -1\r\n\r\n"), "Content-Length of '-1'"),
    "says more than it sends": (sending(HEAD + b"Content-Length: 99\r\n\r\nshort"), "after 5 of 99 bytes"),
    "says a huge length": (sending(HEAD + b"Content-Length: 99999999999\r\n\r\n"), "at most"),
    "sends a wrong chunk": (sending(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "a chunk whose size"),
    "sends a huge chunk": (sending(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n"), "no end"),
    "sends interim answers without end": (asking_to_wait, "deadline"),
}  # fmt: skip


@contextlib.contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Answer every connection on loopback in a hostile way."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            answer(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_answer_is_told_within_the_deadline(how: str) -> None:
    answer, told = HOSTILE[how]
    with listening(answer) as url:
        wire = Wire(url, seconds=SECONDS, limit=2_000_000)
        began = time.monotonic()
        with pytest.raises(Trouble, match=told):
            wire.send(Request("GET", url))
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("how", ["says nothing", "closes at once", "sends noise"])
def test_every_check_of_a_hostile_site_comes_to_an_end(how: str) -> None:
    with listening(HOSTILE[how][0]) as url:
        site = Site(url, Options(entity=url + "thing", deadline=0.05, query_seconds=0.05, endpoint=url + "sparql"))
        found = list(run(site))
    assert len(found) == len(CHECKS)
    assert {result.outcome for result in found} == {Outcome.FAILED, Outcome.SKIPPED}
    assert {result.check.number for result in found if result.outcome is Outcome.FAILED} > {
        *range(1, 7),
        *range(54, 62),
    }
    assert "not asked: the last 12 requests had no answer" in {result.came for result in found}


def test_redirects_in_a_circle_are_told() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: /thing\r\nContent-Length: 0\r\n\r\n"
    with listening(sending(answer)) as url:
        [found] = run(Site(url, Options(entity=url + "thing")), [13])
    assert (found.outcome, found.came) == (Outcome.FAILED, "more than 5 redirects")


def test_another_host_is_never_asked() -> None:
    with listening(sending(b"")) as other:
        answer = f"HTTP/1.1 303 See Other\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n".encode()
        with listening(sending(answer)) as url:
            [found] = run(Site(url, Options(entity=url + "thing")), [13])
    assert found.outcome is Outcome.FAILED
    assert "is at another site, which is not asked" in found.came


def test_a_bomb_of_gzip_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kg.conformance.wire._UNPACKED", 1_000_000)
    body = gzip.compress(b"\0" * 3_000_000)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with listening(sending(head + body)) as url:
        [found] = run(Site(url, Options(entity=url + "thing")), [3])
    assert found.outcome is Outcome.FAILED
    assert "unpacks to more than" in found.came


def test_whatever_stumbles_over_an_answer_is_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Site, "send", lambda *_, **__: 1 / 0)
    [found] = run(Site("http://stones.test/", Options(entity="http://stones.test/x")), [13])
    assert (found.outcome, found.came) == (
        Outcome.FAILED,
        "what this check cannot read: ZeroDivisionError: division by zero",
    )


# --- RDF -------------------------------------------------------------------------------------------------

ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (b"<a> <b", "text/turtle", "not text/turtle"),
        (b"<x>" * 200_000, "application/rdf+xml", "nested deeper"),
        (ENTITIES, "application/rdf+xml", "not a plain short text"),
        (b"[" * 200_000, "application/ld+json", "nested too deeply|not application"),
        (b"{}", "text/html", "is not a type of RDF"),
        (b'{"@context": "https://other.example/c", "x": 1}', "application/ld+json", "cannot be had"),
        (b"\xff\xfe", "application/ld+json", "not application/ld"),
    ],
)
def test_rdf_that_cannot_be_read_is_told(body: bytes, kind: str, told: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unreadable, match=told):
        read(body, kind, BASE)
    assert time.monotonic() - began < 10


def test_a_context_is_fetched_and_that_of_schema_org_is_not() -> None:
    body = json.dumps({"@context": ["/c", {"b": "urn:b"}], "@id": "urn:x", "a": 1, "b": 2}).encode()
    asked: list[str] = []

    def load(url: str) -> object:
        asked.append(url)
        return {"@context": {"a": "urn:a"}}

    said = {quad.predicate.value for quad in read(body, "application/ld+json", BASE, load)}
    assert (said, asked) == ({"urn:a", "urn:b"}, ["/c"])
    [quad] = read(b'{"@context": "https://schema.org/", "name": "x"}', "application/ld+json", BASE)
    assert quad.predicate.value == "http://schema.org/name"
    endless = json.dumps({"@context": "/c", "a": 1}).encode()
    with pytest.raises(Unreadable, match="cannot be had"):
        read(endless, "application/ld+json", BASE, lambda url: {"@context": "/c"})


def graph(number: int, *, swap: int = 0) -> list[object]:
    lines = [f"_:a{one} <urn:p> _:a{two} ." for one in range(number) for two in range(number) if one != two]
    return list(parse("\n".join(lines[swap:]).encode(), format=RdfFormat.N_TRIPLES))


def test_graphs_are_compared_whatever_their_blank_nodes_are_called() -> None:
    assert differing(graph(4), graph(4)) == []  # type: ignore[arg-type]
    assert differing(graph(4), graph(4, swap=1)) != []  # type: ignore[arg-type]
    seven = "\n".join(f"_:x{number} <urn:p> {number} ." for number in range(7))
    renamed = "\n".join(f"_:y{6 - number} <urn:p> {number} ." for number in range(7))
    one, other = (list(parse(text.encode(), format=RdfFormat.TURTLE)) for text in (seven, renamed))
    assert differing(one, other) == []


def test_a_graph_that_cannot_be_compared_in_good_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kg.conformance.rdf._COMPARE_SECONDS", 1)
    with pytest.raises(Unreadable, match="cannot be compared within 1 s"):
        differing(graph(12), graph(12))  # type: ignore[arg-type]


# --- over real connections -------------------------------------------------------------------------------


def test_a_canary_counts_who_comes() -> None:
    with Canary() as canary:
        wire = Wire(canary.url, seconds=5, limit=1000)
        assert wire.send(Request("GET", canary.url)).media_type == "application/sparql-results+json"
        assert until(lambda: canary.hits == 1)
    with pytest.raises(Trouble):
        wire.send(Request("GET", canary.url))


def test_the_command_finds_all_of_a_site_over_http(tmp_path: object) -> None:
    """By its address alone, in a folder without a project; and it says what is wrong by its exit code."""
    with serving(LittleSite()) as url:
        # Without the check that measures how long an answer takes: the machine may be busy.
        words = ("conformance", url, "--base-iri", BASE, "--withdrawn", BASE + "thing/gone", "--only", "1-20,22-78")
        told = json.loads(run_kg(*words, "--json", cwd=tmp_path, check=0).stdout)  # type: ignore[arg-type]
        assert told["passed"]
        assert not [found for found in told["checks"] if found["outcome"] == "fail"]
        assert {found["number"] for found in told["checks"] if found["outcome"] == "skip"} == {
            20,
            26,
            *range(70, 74),
            78,
        }
    with serving(LittleSite(outer=lambda site, asked, right: right(asked).drop("Vary"))) as url:
        done = run_kg("conformance", url, "--base-iri", BASE, "--only", "1,23", cwd=tmp_path, check=1)  # type: ignore[arg-type]
        assert " 23 FAIL  Vary tells what chose" in done.stdout
        assert "1 of 2 checks hold" in done.stdout


def test_a_site_that_is_not_there_is_told(tmp_path: object) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = run_kg("conformance", f"http://127.0.0.1:{port}/", "--only", "1-3", cwd=tmp_path, check=1)  # type: ignore[arg-type]
    assert "no thing was found that this site describes" in done.stdout


def test_a_site_whose_things_are_named_elsewhere_is_told() -> None:
    site = Site("http://stones.test/", Options(), Direct(LittleSite()))
    [found] = run(site, [1])
    assert found.outcome is Outcome.SKIPPED
    assert found.came.startswith(f"things are named elsewhere, as <{BASE}thing/")
    assert "--base-iri" in found.came
