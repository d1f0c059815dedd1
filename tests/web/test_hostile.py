"""What clients do that mean no good, or do not know better: each gets its due, and the others notice nothing.

A gateway behind the real web server, with small limits, around an application with a page, a large and a slow answer.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests import building
from tests.building import until

from kg.settings import Settings
from kg.supervisor import claim, web_command

SETTINGS = replace(
    Settings(base_iri="https://bells.example/cloch/", title={"en": "Bells"}),
    threads=2,
    head_bytes=16_384,
    head_seconds=2,
    request_bytes=10_000,
    body_seconds=1,
    answer_seconds=2,
    held_bytes=200 << 20,
    connections=600,
)
LARGE = 8 << 20

SCRIPT = """
import time
from dataclasses import replace
from pathlib import Path
from kg.settings import Settings
from kg.web.gateway import Gateway

def application(environ, start):
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read()
    environ["kg.snapshot"] = "one"
    if path == "/slow":
        time.sleep(1)
    said = f"{environ['REQUEST_METHOD']} {path}\\n".encode() + body
    answer = b"x" * LARGE if path == "/large" else said
    start("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "no-store")])
    return [answer]

def gateway():
    return Gateway(application, Settings(**SETTINGS), Path(__file__).parent, log=print)
"""


@contextlib.contextmanager
def serving() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A running server: its port, and its process."""
    with tempfile.TemporaryDirectory(prefix="kg-hostile-") as name:
        given = dict(vars(SETTINGS))
        (Path(name) / "hostile.py").write_text(f"SETTINGS = {given!r}\nLARGE = {LARGE}\n{SCRIPT}", "utf-8")
        (Path(name) / "current").symlink_to("one")
        found = claim("127.0.0.1", 0)
        process = subprocess.Popen(
            web_command("127.0.0.1", found, SETTINGS, "hostile:gateway"),
            cwd=name,
            env=building.environment(PYTHONPATH=name),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            assert until(lambda: said(found, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200"), seconds=60)
            yield found, process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as (found, _):
        yield found


def connected(port: int, *, small: bool = False) -> socket.socket:
    client = socket.socket()
    if small:  # the system buffers as little as it can
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(30)
    client.connect(("127.0.0.1", port))
    return client


def rest(client: socket.socket, limit: int = 1 << 30) -> bytes:
    """Everything that a client is sent until the other side closes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while len(found) < limit and (part := client.recv(65536)):
            found += part
    return found


def said(port: int, request: bytes) -> bytes:
    try:
        with connected(port) as client:
            client.sendall(request)
            return rest(client)
    except OSError:
        return b""


def health(port: int) -> float:
    """How long it takes to be told that all is well."""
    began = time.monotonic()
    assert said(port, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")
    return time.monotonic() - began


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


# --- heads -----------------------------------------------------------------------------------------------

HOST = b"Host: x\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /a%00b HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET /%ff%fe HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET /a\x00b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET http://other.example/page HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET //evil.example/x HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET ?q HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET page HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 204),
        (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Host: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\x01<>\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: \xe9\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 200),
        (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/3.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X%d: a\r\n" % n for n in range(200)) + b"\r\n", 431),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
        (b"\x00" * 100, 400),
    ],
)
def test_an_odd_head_gets_its_due(port: int, request_: bytes, status: int) -> None:
    answer = said(port, request_)
    assert status_of(answer) == status, answer[:200]
    assert b"Traceback" not in answer
    assert health(port) < 5


def test_half_heads_and_silence_are_closed_at_the_deadline(port: int) -> None:
    with connected(port) as silent, connected(port) as half, connected(port) as between:
        half.sendall(b"GET / HTTP/1.1\r\nHo")
        between.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
        assert rest(silent) == b""
        assert rest(half) == b""
        assert rest(between).endswith(b"GET /page\n")


# --- bodies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "parts", "status", "limit"),
    [
        (b"Content-Length: 999999\r\n", [], 413, b"limits.request_bytes"),
        (b"Content-Length: 99999999999999999999\r\n", [], 400, b""),
        (b"Content-Length: -1\r\n", [], 400, b""),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", [b"hello"], 400, b""),
        (b"Content-Length: 10\r\n", [b"abc"], 408, b"limits.body_seconds"),
        (b"Transfer-Encoding: chunked\r\n", [b"1000\r\n" + b"x" * 4096 + b"\r\n"] * 9, 413, b"limits.request_bytes"),
        (b"Transfer-Encoding: chunked\r\n", [b"3\r\nabc\r\n"], 408, b"limits.body_seconds"),
        (b"Transfer-Encoding: chunked\r\n", [b"zzz\r\n"], 400, b""),
        (b"Transfer-Encoding: chunked\r\n", [b"3\r\nabc\r\n0\r\n\r\n"], 200, b"POST /page\nabc"),
        (b"Expect: 100-continue\r\nContent-Length: 3\r\n", [b"abc"], 100, b"POST /page\nabc"),
        (b"Expect: 100-continue\r\nContent-Length: 999999\r\n", [], 413, b"limits.request_bytes"),
    ],
)
def test_an_odd_body_gets_its_due(port: int, head: bytes, parts: list[bytes], status: int, limit: bytes) -> None:
    with connected(port) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(b"POST /page HTTP/1.1\r\n" + HOST + head + b"\r\n")
            for part in parts:
                client.sendall(part)
        answer = rest(client)
    assert status_of(answer) == status, answer[:300]
    assert limit in answer
    assert health(port) < 5


def test_head_with_a_body_leaves_the_connection_usable(port: int) -> None:
    with connected(port) as client:
        client.sendall(b"HEAD /page HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        client.sendall(b"GET /page HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = rest(client)
    assert [int(found) for found in re.findall(rb"HTTP/1.1 (\d+)", answer)] == [200, 200]
    assert answer.endswith(b"GET /page\n")


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    with connected(port) as client:
        client.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(50)))
        client.sendall(b"GET /last HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = rest(client)
    assert re.findall(rb"GET (/\w+)\n", answer) == [*(b"/%d" % n for n in range(50)), b"/last"]


# --- many ------------------------------------------------------------------------------------------------


def test_slow_readers_hold_nobody_up_and_are_ended(port: int) -> None:
    """Four times as many as threads; each has asked for more than the system buffers."""
    clients = [connected(port, small=True) for _ in range(4 * SETTINGS.threads)]
    for client in clients:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    times = [health(port) for _ in range(20)]
    assert said(port, b"GET /page HTTP/1.0\r\n\r\n").endswith(b"GET /page\n")
    assert sorted(times)[len(times) // 2] < 1
    ended = f"kg_connections_ended_total {len(clients)}".encode()
    assert until(lambda: ended in said(port, b"GET /metrics HTTP/1.0\r\n\r\n"), seconds=30)
    assert b"\nkg_held_bytes 0\n" in said(port, b"GET /metrics HTTP/1.0\r\n\r\n")
    for client in clients:  # what has been delivered is less than what was promised
        assert len(rest(client)) < LARGE
        client.close()


def test_one_who_pipelines_and_never_reads_is_ended(port: int) -> None:
    with connected(port, small=True) as client:
        client.settimeout(1)
        with contextlib.suppress(TimeoutError):
            for _ in range(20_000):
                client.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        assert health(port) < 5
        client.settimeout(30)
        assert until(lambda: is_closed(client), seconds=30)


def is_closed(client: socket.socket) -> bool:
    """Tell whether the other side has ended a connection, without reading from it."""
    try:
        client.send(b"GET", socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


def test_stalled_bodies_hold_nobody_up(port: int) -> None:
    clients = [connected(port) for _ in range(8 * SETTINGS.threads)]
    for client in clients:
        client.sendall(b"POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
    times = [health(port) for _ in range(20)]
    assert sorted(times)[len(times) // 2] < 1
    for client in clients:
        assert status_of(rest(client)) == 408
        client.close()


def test_more_idle_connections_than_are_allowed_delay_others_only_until_the_deadline(port: int) -> None:
    clients = [connected(port) for _ in range(SETTINGS.connections + 50)]
    try:
        assert health(port) < 20
    finally:
        for client in clients:
            client.close()


def test_answers_in_flight_are_finished_when_the_server_ends() -> None:
    with serving() as (port, process):
        answers: list[bytes] = []
        ask = threading.Thread(target=lambda: answers.append(said(port, b"GET /slow HTTP/1.0\r\n\r\n")))
        ask.start()
        assert until(lambda: b"\nkg_requests_waiting 1\n" in said(port, b"GET /metrics HTTP/1.0\r\n\r\n"))
        os.killpg(process.pid, signal.SIGTERM)
        ask.join(30)
        assert answers[0].endswith(b"GET /slow\n")
        assert process.wait(30) == 0
