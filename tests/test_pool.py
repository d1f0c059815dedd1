"""The pool: who is asked when, what is asked once, and what becomes of questions whose process dies."""

from __future__ import annotations

import asyncio
import json
import os
import socketserver
import struct
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from tests.building import until

from kg.pool import Pool, Question, Result, ask_now, client_of, is_cacheable
from kg.settings import Settings

SETTINGS = Settings(
    base_iri="https://example.org/", title={"en": "Example"}, executors=2, queue=8, client_share=0.5, query_seconds=7
)
SNAPSHOT = "0123456789abcdef" * 4


class Executors:
    """Plays the executors of one snapshot: the first word of a query says what happens to it."""

    def __init__(self, runtime: Path) -> None:
        self.folder = runtime / SNAPSHOT[:16]
        self.folder.mkdir(exist_ok=True)
        self.asked: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.tries: Counter[str] = Counter()
        self.hung_up: list[str] = []
        self.open = threading.Event()
        self.last: list[list[Any]] = []
        self.pids: list[int] = []
        self.note()
        executors = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                executors.answer(self.request)

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            request_queue_size = 100

        self.servers = [Server(str(self.folder / f"{group}.sock"), Handler) for group in ("public", "site")]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.open.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def note(self) -> None:
        status = {"ready": True, "executors": {"public": self.pids, "site": []}, "last": self.last}
        (self.folder / "new").write_text(json.dumps(status))
        os.replace(self.folder / "new", self.folder / "status.json")

    def answer(self, connection: Any) -> None:
        with connection.makefile("rb") as stream:
            request = json.loads(stream.read(struct.unpack(">I", stream.read(4))[0]))
        query = request.get("query", "")
        self.requests.append(request)
        self.asked.append(query)
        self.tries[query] += 1
        what, _, rest = query.partition(" ")

        def say(kind: bytes, payload: bytes) -> None:
            connection.sendall(kind + struct.pack(">I", len(payload)) + payload)

        if what == "unheard" and self.tries[query] < 3:
            return
        say(b"H", json.dumps({"pid": self.pids[-1] if self.pids else len(self.asked)}).encode())
        if what == "die" and self.tries[query] == 1 + rest.endswith("later"):
            say(b"D", b"half an ans")
            self.last.append([len(self.asked), rest.split()[0]])
            self.note()
            return
        if what == "hold":
            connection.settimeout(0.01)
            while not self.open.is_set():
                try:
                    if connection.recv(1) == b"":
                        self.hung_up.append(query)
                        return
                except TimeoutError:
                    pass
        say(b"D", b"answer to ")
        say(b"D", query.encode())
        if what == "cut":
            say(b"E", json.dumps({"status": "cut", "kind": "select", "form": "csv", "limit": "limits.x"}).encode())
        elif what == "wrong":
            said = {"status": "wrong", "problem": "no", "line": 2, "column": 3, "limit": None}
            say(b"E", json.dumps(said).encode())
        elif what != "endless":
            say(b"E", json.dumps({"status": "ok", "kind": "select", "form": "json", "rows": 1}).encode())


@pytest.fixture
def runtime() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kg-") as folder:
        (Path(folder) / "settings.json").write_text(json.dumps(asdict(SETTINGS)))
        yield Path(folder)


@pytest.fixture
def executors(runtime: Path) -> Iterator[Executors]:
    found = Executors(runtime)
    yield found
    found.close()


def q(query: str, client: str = "192.0.2.1", **more: Any) -> Question:
    return Question(SNAPSHOT, query, rows_form="json", client=client, **more)


def run(runtime: Path, work: Callable[[Pool], Awaitable[Any]], **changes: Any) -> Any:
    async def main() -> Any:
        return await asyncio.wait_for(work(Pool(runtime, replace(SETTINGS, **changes))), 60)

    return asyncio.run(main())


async def come_true(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


# --- one question ----------------------------------------------------------------------------------------


def test_an_answer_comes_whole_with_what_is_known_of_it(runtime: Path, executors: Executors) -> None:
    asked = q("tell", default_graphs=("urn:a",), values=(("x", '"1"'),))
    expected = Result("ok", "select", "json", b"answer to tell", rows=1)
    assert run(runtime, lambda pool: pool.ask(asked)) == expected == ask_now(runtime, asked, SETTINGS)
    assert executors.requests[0] == executors.requests[1] == {
        "query": "tell", "values": {"x": '"1"'}, "default_graphs": ["urn:a"], "named_graphs": None,
        "rows_form": "json", "boolean_form": None, "triples_form": None,
    }  # fmt: skip


def test_a_graph_is_asked_for_by_its_name_alone(runtime: Path, executors: Executors) -> None:
    ask_now(runtime, Question(SNAPSHOT, graph="default", triples_form="ttl"), SETTINGS)
    assert executors.requests[0]["graph"] == "default"
    assert "query" not in executors.requests[0]


def test_a_cut_or_wrong_question_says_why(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        assert await pool.ask(q("cut")) == Result("cut", "select", "csv", b"answer to cut", limit="limits.x")
        assert await pool.ask(q("wrong")) == Result("wrong", problem="no", line=2, column=3)

    run(runtime, work)


@pytest.mark.parametrize(
    ("query", "expected", "tries"),
    [
        ("die time", Result("time", limit="limits.query_seconds", retry_after=7), 1),
        ("die memory", Result("memory", limit="limits.query_memory", retry_after=7), 1),
        ("die crash", Result("crash", retry_after=7), 1),
        ("die killed", Result("ok", "select", "json", b"answer to die killed", rows=1), 2),
        ("unheard", Result("ok", "select", "json", b"answer to unheard", rows=1), 3),
    ],
)
def test_half_an_answer_is_none(runtime: Path, executors: Executors, query: str, expected: Result, tries: int) -> None:
    """Who is to blame is told; a question whose process was ended from outside is asked once more."""
    assert ask_now(runtime, q(query), SETTINGS) == expected
    assert executors.tries[query] == tries
    executors.tries.clear()
    assert run(runtime, lambda pool: pool.ask(q(query))) == expected
    assert executors.tries[query] == tries


def test_a_snapshot_that_is_not_served_is_gone(runtime: Path, executors: Executors) -> None:
    other = replace(q("tell"), snapshot="f" * 64)
    assert run(runtime, lambda pool: pool.ask(other)).status == "gone"
    assert ask_now(runtime, other, SETTINGS).status == "gone"


def test_a_query_parent_that_starts_again_is_waited_for(runtime: Path) -> None:
    (runtime / SNAPSHOT[:16]).mkdir()

    async def work(pool: Pool) -> None:
        asked = asyncio.create_task(pool.ask(q("tell")))
        await asyncio.sleep(0)
        executors = await asyncio.to_thread(Executors, runtime)
        assert (await asked).status == "ok"
        await asyncio.to_thread(executors.close)

    run(runtime, work)


# --- many questions --------------------------------------------------------------------------------------


def test_the_same_question_is_asked_once_for_all_who_ask_it_together(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        many = [asyncio.create_task(pool.ask(q("hold", f"client {n}"))) for n in range(20)]
        await come_true(lambda: executors.asked == ["hold"])
        executors.open.set()
        assert {(await one).body for one in many} == {b"answer to hold"}
        assert executors.asked == ["hold"]

    run(runtime, work)


def test_a_kept_answer_costs_no_executor(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        for _ in range(5):
            for query in ("tell", "cut", "SELECT (rand ( ) AS ?x) {}", "wrong"):
                await pool.ask(q(query))
        assert Counter(executors.asked) == {"tell": 1, "cut": 1, "SELECT (rand ( ) AS ?x) {}": 5, "wrong": 5}
        await pool.ask(replace(q("tell", "another"), boolean_form="xml", triples_form="nt"))
        assert executors.asked.count("tell") == 1
        await pool.ask(replace(q("tell"), rows_form="csv"))
        await pool.ask(replace(q("tell"), named_graphs=("urn:a",)))
        assert executors.asked.count("tell") == 3

    run(runtime, work)


def test_kept_answers_are_bounded_in_bytes_and_the_oldest_go(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        for n in range(20):
            await pool.ask(q(f"tell {n}"))
            await pool.ask(q("tell 0"))
            assert 0 < pool.cached_bytes <= 10_000
        assert Counter(executors.asked).most_common(1)[0][1] == 1
        await pool.ask(q("tell 1"))
        assert executors.asked.count("tell 1") == 2
        assert executors.asked.count("tell 0") == 1

    run(runtime, work, answer_cache=10_000)


@pytest.mark.parametrize("end", ["die time", "die memory", "die crash"])
def test_the_end_of_a_process_is_not_kept(runtime: Path, executors: Executors, end: str) -> None:
    async def work(pool: Pool) -> list[str]:
        asked = replace(q(end), boolean_form="json", triples_form="ttl")
        return [(await pool.ask(asked)).status for _ in range(2)]

    assert run(runtime, work)[1] == "ok"


def test_one_client_holds_its_share_and_others_are_answered_meanwhile(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        greedy = [asyncio.create_task(pool.ask(q(f"hold {n}", "greedy"))) for n in range(30)]
        await come_true(lambda: len(executors.asked) == 1 and pool.waiting == 4)
        for n in range(100):
            assert (await pool.ask(q(f"tell {n}", "other"))).status == "ok"
        statuses = Counter([(await one).status for one in greedy if one.done()])
        assert statuses == {"share": 25}  # one at work and four, half of the queue, waiting
        assert (pool.working, pool.waiting) == (1, 4)
        executors.open.set()
        assert Counter([(await one).status for one in greedy]) == {"share": 25, "ok": 5}
        assert (pool.working, pool.waiting) == (0, 0)

    run(runtime, work)


def test_clients_are_served_in_turn(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        busy = [asyncio.create_task(pool.ask(q(f"hold {n}", f"busy {n}"))) for n in range(2)]
        await come_true(lambda: len(executors.asked) == 2)
        waiting = [asyncio.create_task(pool.ask(q(f"tell a{n}", "a"))) for n in range(3)]
        await come_true(lambda: pool.waiting == 3)
        waiting += [asyncio.create_task(pool.ask(q(f"tell {name}", name))) for name in "bc"]
        await come_true(lambda: pool.waiting == 5)
        executors.open.set()
        await asyncio.gather(*busy, *waiting)
        assert set(executors.asked[2:5]) >= {"tell b"}
        assert executors.asked.index("tell c") < executors.asked.index("tell a2")

    run(runtime, work)


def test_a_full_queue_refuses_and_says_when_to_come_back(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        held = [asyncio.create_task(pool.ask(q(f"hold {n}", f"client {n}"))) for n in range(10)]
        await come_true(lambda: pool.waiting == 8)
        assert await pool.ask(q("tell", "late")) == Result("busy", limit="limits.queue", retry_after=7)
        executors.open.set()
        assert {(await one).status for one in held} == {"ok"}

    run(runtime, work)


def test_a_full_queue_makes_room_for_who_has_least_in_it(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        held = [asyncio.create_task(pool.ask(q(f"hold {n}", f"client {n % 2}"))) for n in range(10)]
        await come_true(lambda: pool.waiting == 8)
        late = asyncio.create_task(pool.ask(q("tell", "late")))
        await come_true(lambda: any(one.done() for one in held))
        assert [(await one).status for one in held if one.done()] == ["share"]
        executors.open.set()
        assert (await late).status == "ok"
        await asyncio.gather(*held)

    run(runtime, work)


def test_who_waits_too_long_is_told_that_all_are_busy(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        held = [asyncio.create_task(pool.ask(q(f"hold {n}", f"client {n}"))) for n in range(2)]
        await come_true(lambda: pool.working == 2)
        assert await pool.ask(q("tell", "late")) == Result("busy", limit="limits.queue_seconds", retry_after=7)
        assert pool.waiting == 0
        executors.open.set()
        await asyncio.gather(*held)

    run(runtime, work, queue_seconds=1)


def test_the_sites_own_questions_do_not_wait_for_those_of_the_public(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        held = [asyncio.create_task(pool.ask(q(f"hold {n}", f"client {n}"))) for n in range(6)]
        await come_true(lambda: pool.working == 2)
        assert (await pool.ask(q("tell", "reader", group="site"))).status == "ok"
        executors.open.set()
        await asyncio.gather(*held)

    run(runtime, work)


# --- clients that go away --------------------------------------------------------------------------------


def test_a_client_that_leaves_the_queue_is_not_asked_for(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        held = [asyncio.create_task(pool.ask(q(f"hold {n}", f"client {n}"))) for n in range(2)]
        await come_true(lambda: pool.working == 2)
        late = asyncio.create_task(pool.ask(q("tell", "late")))
        await come_true(lambda: pool.waiting == 1)
        late.cancel()
        await come_true(lambda: pool.waiting == 0)
        executors.open.set()
        await asyncio.gather(*held)
        assert "tell" not in executors.asked

    run(runtime, work)


def test_a_question_goes_on_while_one_of_those_who_asked_still_waits(runtime: Path, executors: Executors) -> None:
    async def work(pool: Pool) -> None:
        first, second = (asyncio.create_task(pool.ask(q("hold", name))) for name in "ab")
        await come_true(lambda: executors.asked == ["hold"])
        first.cancel()
        await asyncio.sleep(0.4)
        assert executors.hung_up == []
        executors.open.set()
        assert (await second).status == "ok"

    run(runtime, work)


def test_a_question_that_nobody_waits_for_ends_its_process(runtime: Path, executors: Executors) -> None:
    with subprocess.Popen(["sleep", "60"]) as victim:
        executors.pids.append(victim.pid)
        executors.note()

        async def work(pool: Pool) -> None:
            asked = asyncio.create_task(pool.ask(q("hold", "a")))
            await come_true(lambda: executors.asked == ["hold"])
            asked.cancel()
            await come_true(lambda: victim.poll() is not None and executors.hung_up == ["hold"] and not pool.working)
            executors.pids.clear()
            assert (await pool.ask(q("tell", "a"))).status == "ok"

        run(runtime, work)


def test_a_process_that_is_none_of_the_executors_is_never_ended(runtime: Path, executors: Executors) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        executors.pids.append(bystander.pid)  # and not noted

        async def work(pool: Pool) -> None:
            asked = asyncio.create_task(pool.ask(q("hold", "a")))
            await come_true(lambda: executors.asked == ["hold"])
            asked.cancel()
            await come_true(lambda: executors.hung_up == ["hold"])

        run(runtime, work)
        assert bystander.poll() is None
        bystander.kill()


# --- the rest --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_client_is_an_address_or_a_network_that_one_host_has(address: str, client: str) -> None:
    assert client_of(address) == client


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("SELECT * { ?s foaf:knows ?o }", True),
        ("SELECT * { ?s ?p ?brand, ?now, ?uuid }", True),
        ("SELECT (RAND() AS ?x) {}", False),
        ("SELECT * {} ORDER BYrAnD()", False),
        ("SELECT (NOW#()\n () AS ?x) {}", False),
        ("SELECT (STRUUID() AS ?x) {}", False),
        ("SELECT (BNODE('a') AS ?x) {}", False),
        (r"SELECT (\u0052AND() AS ?x) {}", False),
    ],
)
def test_what_may_differ_from_one_time_to_the_next_is_not_kept(query: str, kept: bool) -> None:
    assert is_cacheable(query) is kept


def test_threads_ask_without_a_loop(runtime: Path, executors: Executors) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(ask_now(runtime, q(f"tell {n}"), SETTINGS).status))
        for n in range(10)
    ]
    for thread in threads:
        thread.start()
    assert until(lambda: len(found) == 10)
    assert set(found) == {"ok"}
