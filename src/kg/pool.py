"""The pool: questions on their way to the processes that answer them; fairly, within limits, each asked once.

A question goes over the Unix socket of its snapshot and group, one to a connection (`kg.executors` answers there).
Nothing of an answer is handed on before its end has arrived, so half an answer does not exist.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import re
import signal
import socket
import struct
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Literal

from kg.cache import Cache
from kg.errors import QueryError
from kg.executors import folder_of
from kg.messages import unpacked
from kg.settings import Settings

__all__ = ["Pool", "Question", "Result", "ask_now", "client_of", "is_cacheable"]

#: What became of a question. The first six are the executor's word; the others are refusals: its time or memory ran
#: out, its process broke, nobody was free in time, the client has too many waiting, the snapshot is no longer served.
Status = Literal[
    "ok", "cut", "wrong", "refused", "not acceptable", "unknown graph",
    "time", "memory", "crash", "busy", "share", "gone",
]  # fmt: skip


# Which form counts for an answer of a kind; triples for all others.
_FORMS = ("rows_form", "boolean_form", "triples_form")
_FORM_OF = {"select": "rows_form", "ask": "boolean_form"}


@dataclass(frozen=True)
class Question:
    """What is asked of a snapshot: a query, or a whole graph. A form that is None is one the client does not take.

    `values` are the variables that are bound, as N-Triples. `graph` is `default` or the IRI of a graph. `client` is
    who answers for the work, by `client_of`.
    """

    snapshot: str
    query: str = ""
    rows_form: str | None = None
    boolean_form: str | None = None
    triples_form: str | None = None
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None
    values: tuple[tuple[str, str], ...] = ()
    graph: str = ""
    group: Literal["site", "public"] = "public"
    client: str = ""

    def only(self, *kept: str) -> Question:
        """Return the question as one that takes these forms alone, whoever asks."""
        forms = {name: None for name in _FORMS if name not in kept}
        return replace(self, client="", **forms)  # type: ignore[arg-type]

    def request(self) -> bytes:
        """Return the question as it goes over the socket."""
        said = {name: getattr(self, name) for name in (*_FORMS, "default_graphs", "named_graphs")}
        said |= {"graph": self.graph} if self.graph else {"query": self.query, "values": dict(self.values)}
        text = json.dumps(said).encode()
        return struct.pack(">I", len(text)) + text


@dataclass(frozen=True)
class Result:
    """What became of a question: its status, and the whole answer or the reason why there is none.

    `limit` names the setting that cut or refused it; `retry_after` is in seconds.
    """

    status: Status
    kind: str = ""
    form: str = ""
    body: bytes = b""
    rows: int = 0
    limit: str = ""
    problem: str = ""
    found: str = ""
    expected: str = ""
    advice: str = ""
    line: int = 0
    column: int = 0
    retry_after: int = 0

    def reason(self, language: str) -> str:
        """Return what is wrong with the question, what was expected, and what to do; in one line."""
        error = QueryError(self.problem, found=self.found, expected=self.expected, advice=self.advice)
        return error.told(language)

    @property
    def is_answer(self) -> bool:
        """Whether there is an answer, perhaps a cut one."""
        return self.status in ("ok", "cut")


def client_of(address: str) -> str:
    """Return who a request counts for: an IPv4 address, or the block of IPv6 addresses that one host may have.

    >>> client_of("2001:db8:0:1:aa::7"), client_of("::ffff:192.0.2.7"), client_of("")
    ('2001:db8:0:1::/64', '192.0.2.7', '')
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


# A function whose value differs from one time to the next. The store needs no space before its name.
_RESTLESS = re.compile(r"(?:RAND|NOW|UUID|BNODE)(?:\s|#[^\r\n]*)*\(|\\u", re.IGNORECASE)


def is_cacheable(query: str) -> bool:
    """Tell whether a query gives the same every time. In doubt, as with codepoint escapes, it does not.

    >>> is_cacheable("ASK { ?a foaf:knows ?b }"), is_cacheable("SELECT (STRUUID() AS ?id) {}")
    (True, False)
    """
    return not _RESTLESS.search(query)


# --- one question, one connection ------------------------------------------------------------------------

# How long a query parent may take to bring back its socket, and to note how a process has ended, in seconds.
_PATIENCE = 3.0
# What a process may need beyond its time before it is given up, in seconds.
_GRACE = 5.0
# How long a question that nobody waits for any more may go on before its process is ended, in seconds.
_ABANDONED = 0.25
# How often a question is asked again that no process has begun, or whose process was ended from outside.
_TRIES = 4


class _Died(Exception):
    """The connection closed before the end frame; `pid` is 0 if no process had taken the question."""

    def __init__(self, pid: int) -> None:
        self.pid = pid


class _Reply:
    """Gathers the frames of a reply."""

    def __init__(self) -> None:
        self.pid = 0
        self.parts: list[bytes] = []
        self.end: Result | None = None

    def take(self, kind: bytes, payload: bytes) -> None:
        if kind == b"D":
            self.parts.append(payload)
            return
        said = json.loads(payload)
        if kind == b"H":
            self.pid = int(said["pid"])
            return
        known = {one.name for one in fields(Result)} - {"body"}
        said |= {name: unpacked(said[name]) for name in ("problem", "found", "expected", "advice") if name in said}
        self.end = Result(**{name: value for name, value in said.items() if name in known and value is not None})
        if self.end.is_answer:
            self.end = replace(self.end, body=b"".join(self.parts))


def _status(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _exit_of(folder: Path, pid: int) -> str:
    """Return how a process has ended, by the word of its parent; nothing if that has not said so yet."""
    return next((kind for number, kind in reversed(_status(folder).get("last", [])) if number == pid), "")


def _refusal(kind: str, settings: Settings) -> Result | None:
    """Return what the end of a process means for its question; None if the question is not to blame."""
    wait = math.ceil(settings.query_seconds)
    match kind:
        case "time":
            return Result("time", limit="limits.query_seconds", retry_after=wait)
        case "memory":
            return Result("memory", limit="limits.query_memory", retry_after=wait)
        case "killed" | "ended":
            return None
    return Result("crash", retry_after=wait)


def _gone() -> Result:
    return Result("gone", retry_after=1)


def ask_now(runtime: Path, question: Question, settings: Settings) -> Result:
    """Return what becomes of a question while the calling thread waits.

    For WSGI servers that have no event loop: who comes first is served first, and nothing is kept.
    """
    folder = folder_of(runtime, question.snapshot)
    deadline = time.monotonic() + settings.queue_seconds + settings.query_seconds + _GRACE
    for _ in range(_TRIES):
        try:
            return _exchange_now(folder, question, deadline)
        except TimeoutError:
            return Result("busy", limit="limits.queue_seconds", retry_after=math.ceil(settings.query_seconds))
        except OSError:
            if not folder.is_dir() or time.monotonic() > deadline:
                return _gone()
            time.sleep(_PATIENCE / _TRIES)
        except _Died as died:
            if not died.pid:
                continue
            kind, until = "", time.monotonic() + _PATIENCE
            while not kind and time.monotonic() < until:
                kind = _exit_of(folder, died.pid)
                time.sleep(0 if kind else 0.01)
            if (found := _refusal(kind, settings)) is not None:
                return found
    return _gone() if not (folder / f"{question.group}.sock").exists() else Result("crash", retry_after=1)


def _exchange_now(folder: Path, question: Question, deadline: float) -> Result:
    reply = _Reply()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        connection.connect(str(folder / f"{question.group}.sock"))
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(question.request())
        with connection.makefile("rb") as stream:
            while reply.end is None:
                try:
                    head = stream.read(5)
                    payload = stream.read(struct.unpack(">I", head[1:])[0]) if len(head) == 5 else b""
                except ConnectionResetError:
                    raise _Died(reply.pid) from None
                if len(head) < 5 or len(payload) < struct.unpack(">I", head[1:])[0]:
                    raise _Died(reply.pid)
                reply.take(head[:1], payload)
    return reply.end


# --- the pool --------------------------------------------------------------------------------------------


class _Asking:
    """A question that a process works on, for all who wait for its answer."""

    def __init__(self, question: Question, payer: str) -> None:
        self.question, self.payer = question, payer
        self.answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.waiters = 0
        self.abandoned = asyncio.Event()

    async def wait(self) -> Result:
        """Return the answer to somebody who is counted as waiting for it."""
        try:
            return await asyncio.shield(self.answer)
        finally:
            self.leave()

    def leave(self) -> None:
        self.waiters -= 1
        if not self.waiters and not self.answer.done():
            self.abandoned.set()


@dataclass(eq=False)
class _Ticket:
    """A question in the queue, for everybody of one client who asks the same."""

    question: Question
    client: str
    turn: asyncio.Future[_Asking | Result]
    waiters: int = 0

    def grant(self, asking: _Asking) -> None:
        asking.waiters += self.waiters
        self.turn.set_result(asking)


@dataclass
class _Lane:
    """The executors of one group of one snapshot: how many are at work, for whom, and who waits."""

    size: int
    share: int
    queue: int
    queue_share: int
    held: Counter[str] = field(default_factory=Counter)
    #: Clients in the order of their turns; each with at least one ticket.
    waiting: OrderedDict[str, deque[_Ticket]] = field(default_factory=OrderedDict)

    @property
    def length(self) -> int:
        return sum(map(len, self.waiting.values()))

    def has_room_for(self, client: str) -> bool:
        return self.held.total() < self.size and self.held[client] < self.share

    def next(self) -> _Ticket | None:
        """Take the next question whose client may have one more process, and put that client last in the round."""
        for client, tickets in self.waiting.items():
            if self.has_room_for(client):
                ticket = tickets[0]
                self.remove(ticket)
                if client in self.waiting:
                    self.waiting.move_to_end(client)
                return ticket
        return None

    def remove(self, ticket: _Ticket) -> None:
        tickets = self.waiting.get(ticket.client)
        if tickets is not None and ticket in tickets:
            tickets.remove(ticket)
            if not tickets:
                del self.waiting[ticket.client]

    def find(self, question: Question, client: str) -> _Ticket | None:
        return next((one for one in self.waiting.get(client, ()) if one.question == question), None)


class Pool:
    """Asks the executors of a running server, from one event loop.

    No more questions are on their way than there are executors. One client holds at most `limits.client_share` of
    those for the public; whoever waits is served in turn, client by client. A full queue makes room for a client
    with less in it. The same question is asked once for all who ask it at the same time, and not at all while its
    answer is kept.
    """

    def __init__(self, runtime: Path, settings: Settings) -> None:
        self._runtime, self._settings = runtime, settings
        self.answers: Cache[Question, Result] = Cache(settings.answer_cache)
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._askings: dict[Question, _Asking] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: What happened so far, for whoever measures: questions answered from the cache, joined to one that is asked
        #: already, asked, left by all who asked, and each status.
        self.counts: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """How many questions wait for an executor."""
        return sum(lane.length for lane in self._lanes.values())

    @property
    def working(self) -> int:
        """How many questions executors work on."""
        return len(self._askings)

    @property
    def cached_bytes(self) -> int:
        """How much memory the kept answers take."""
        return self.answers.bytes

    async def ask(self, question: Question) -> Result:
        """Return what becomes of a question. Cancelled, it goes no further unless others wait for the same."""
        key, client = question.only(*_FORMS), question.client
        for form in _FORMS:  # what kind of answer it has is not known before it is parsed, which only executors do
            if getattr(key, form) and (known := self.answers.get(key.only(form))) is not None:
                self.counts["cached"] += 1
                return known
        asking = self._askings.get(key)
        if asking is not None and not asking.abandoned.is_set():
            self.counts["joined"] += 1
            asking.waiters += 1
            return await asking.wait()
        lane = self._lane(question)
        if lane.has_room_for(client):
            asking = self._start(lane, key, client)
            asking.waiters += 1
            return await asking.wait()
        found = await self._queue(lane, key, client)
        if isinstance(found, Result):
            self.counts[found.status] += 1
            return found
        return await found.wait()

    def _lane(self, question: Question) -> _Lane:
        place = (question.snapshot, question.group)
        if place not in self._lanes:
            for old in [old for old, lane in self._lanes.items() if old[0] != place[0] and not lane.held.total()]:
                if not self._lanes[old].waiting:
                    del self._lanes[old]
            settings = self._settings
            is_public = question.group == "public"
            size = settings.executors if is_public else settings.site_executors
            share = max(1, int(size * settings.client_share)) if is_public else size
            queue_share = max(1, int(settings.queue * settings.client_share))
            self._lanes[place] = _Lane(size, share, settings.queue, queue_share)
        return self._lanes[place]

    async def _queue(self, lane: _Lane, key: Question, client: str) -> _Asking | Result:
        wait = math.ceil(self._settings.query_seconds)
        ticket = lane.find(key, client)
        if ticket is None:
            if len(lane.waiting.get(client, ())) >= lane.queue_share:
                return Result("share", limit="limits.client_share", retry_after=wait)
            if lane.length >= lane.queue and not self._make_room(lane, client):
                return Result("busy", limit="limits.queue", retry_after=wait)
            ticket = _Ticket(key, client, asyncio.get_running_loop().create_future())
            lane.waiting.setdefault(client, deque()).append(ticket)
        ticket.waiters += 1
        try:
            async with asyncio.timeout(self._settings.queue_seconds):
                return await asyncio.shield(ticket.turn)
        except BaseException as error:
            ticket.waiters -= 1
            if not ticket.waiters:
                lane.remove(ticket)
                self.counts["left"] += isinstance(error, asyncio.CancelledError) and not ticket.turn.done()
            if ticket.turn.done() and isinstance(granted := ticket.turn.result(), _Asking):
                granted.leave()  # its turn came just as it went
            if isinstance(error, TimeoutError):
                return Result("busy", limit="limits.queue_seconds", retry_after=wait)
            raise

    def _make_room(self, lane: _Lane, client: str) -> bool:
        """Send away the last question of the client that has most of them waiting, if that is more than this one's."""
        longest = max(lane.waiting.values(), key=len)
        if len(longest) <= len(lane.waiting.get(client, ())) + 1:
            return False
        last = longest[-1]
        lane.remove(last)
        wait = math.ceil(self._settings.query_seconds)
        last.turn.set_result(Result("share", limit="limits.client_share", retry_after=wait))
        return True

    def _start(self, lane: _Lane, key: Question, client: str) -> _Asking:
        asking = self._askings[key] = _Asking(key, client)
        self.counts["asked"] += 1
        lane.held[client] += 1
        for tickets in list(lane.waiting.values()):  # whoever waits to ask the same need not wait for a turn
            for ticket in [one for one in tickets if one.question == key]:
                lane.remove(ticket)
                ticket.grant(asking)
        task = asyncio.create_task(self._run(lane, asking))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asking

    async def _run(self, lane: _Lane, asking: _Asking) -> None:
        result = Result("crash", retry_after=1)
        try:
            result = await self._ask_executors(asking)
        finally:
            self.counts["left" if asking.abandoned.is_set() else result.status] += 1
            if result.is_answer and (asking.question.graph or is_cacheable(asking.question.query)):
                kept = asking.question.only(_FORM_OF.get(result.kind, "triples_form"))
                self.answers.put(kept, result, len(result.body) + len(kept.query))
            if self._askings.get(asking.question) is asking:
                del self._askings[asking.question]
            if not asking.answer.done():
                asking.answer.set_result(result)
            lane.held[asking.payer] -= 1
            lane.held += Counter()  # forgets who holds nothing
            while (ticket := lane.next()) is not None:
                ticket.grant(self._start(lane, ticket.question, ticket.client))

    async def _ask_executors(self, asking: _Asking) -> Result:
        question, settings = asking.question, self._settings
        folder = folder_of(self._runtime, question.snapshot)
        until = time.monotonic() + _PATIENCE
        tries = _TRIES
        while tries and not asking.abandoned.is_set():
            try:
                return await self._exchange(folder, asking)
            except OSError:  # no socket, or nobody behind it: the parent is just starting again, or the snapshot went
                if not folder.is_dir() or time.monotonic() > until:
                    return _gone()
                await asyncio.sleep(0.02)
            except _Died as died:
                tries -= 1
                if not died.pid:
                    continue
                kind, noted = "", time.monotonic() + _PATIENCE
                while not kind and time.monotonic() < noted:
                    kind = _exit_of(folder, died.pid)
                    await asyncio.sleep(0 if kind else 0.01)
                if (found := _refusal(kind, settings)) is not None:
                    return found
        return Result("crash", retry_after=1)

    async def _exchange(self, folder: Path, asking: _Asking) -> Result:
        """Ask over one connection. If nobody waits any more, end the process a moment later."""
        reply = _Reply()
        reader, writer = await asyncio.open_unix_connection(str(folder / f"{asking.question.group}.sock"))
        talk = asyncio.ensure_future(_talk(reader, writer, asking.question, reply))
        gone = asyncio.ensure_future(asking.abandoned.wait())
        settings = self._settings
        try:
            patience = settings.queue_seconds + settings.query_seconds + _GRACE
            await asyncio.wait((talk, gone), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not talk.done() and gone.done():
                await asyncio.wait((talk,), timeout=_ABANDONED)
            if not talk.done():
                _end(folder, asking.question.group, reply.pid)
                return Result("time", limit="limits.query_seconds", retry_after=math.ceil(settings.query_seconds))
            return talk.result()
        finally:
            talk.cancel()
            gone.cancel()
            writer.close()


async def _talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: Question, reply: _Reply
) -> Result:
    try:
        writer.write(question.request())
        while reply.end is None:
            head = await reader.readexactly(5)
            reply.take(head[:1], await reader.readexactly(struct.unpack(">I", head[1:])[0]))
    except (asyncio.IncompleteReadError, ConnectionError):
        raise _Died(reply.pid) from None
    return reply.end


def _end(folder: Path, group: str, pid: int) -> None:
    """End an executor that works for nobody; its parent notes it and makes a new one."""
    if pid in _status(folder).get("executors", {}).get(group, ()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
