"""The gateway: everything between a client and the application, so that no thread ever waits for a client.

An ASGI application around a WSGI one. Its event loop reads heads and bodies, within limits and deadlines, and writes
whole answers at the pace of the client; the application runs in a few threads and only ever computes. What it
wants to ask the graph it puts into `kg.question`: the gateway asks the pool, and calls it again with `kg.answer`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import re
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from kg.connections import Connections
from kg.executors import settings_at
from kg.logs import open_log
from kg.messages import catalogue, say
from kg.metrics import CONTENT_TYPE, Metrics, render
from kg.pool import Pool, Question, client_of
from kg.settings import Settings
from kg.snapshot import CURRENT, open_snapshot
from kg.supervisor import LIFELINE, is_supervised
from kg.web.cache import Answer, Key, Responses
from kg.web.refusals import Refused
from kg.web.site import create_app

__all__ = ["Asks", "Gateway", "client_address", "gateway"]

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# What is handed to the web server at once: it holds no more than about this much for a client that does not read.
_PIECE = 65_536
# How much of a body that is too large is read before the answer says so, in bytes.
_LINGER = 16 << 20
# How often a question is asked anew because the snapshot that it was for has gone.
_SWAPS = 3
# How often the connections are looked at, and how long what was found of readiness holds, in seconds.
_LOOK = 1.0
# How long the answer to a probe may take; how long a server without supervisor may take to end, in seconds.
_PROBE, _LAST_WORDS = 5.0, 2.0
_METHODS = "GET, HEAD, OPTIONS"
# What RFC 3986 lets a host and its port be: a name or an address, or one of IPv6 in brackets.
_HOST = re.compile(r"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Za-z:.%]+\])(?::\d*)?", re.ASCII)


class Asks(Protocol):
    """Whoever answers the questions of the application: `kg.pool.Pool`."""

    counts: Counter[str]

    async def ask(self, question: Any) -> Any:
        """Return what becomes of a question."""

    @property
    def waiting(self) -> int:
        """How many questions wait for an executor."""

    @property
    def working(self) -> int:
        """How many questions executors work on."""

    @property
    def cached_bytes(self) -> int:
        """How much memory the kept answers take."""


class _Gone(Exception):
    """The client has left before it had its answer."""


@dataclass
class _Visit:
    """One request on its way: who asks what, and what is known of it when it ends."""

    id: str
    began: float
    method: str
    target: str
    client: str
    kind: str = "other"
    status: int = 0
    bytes: int = 0
    snapshot: str = ""
    cache: str = ""
    questions: int = 0
    error: str = ""
    #: Where others wait for the answer to this request.
    flight: asyncio.Future[Answer | None] | None = None

    def land(self, answer: Answer | None) -> None:
        """Give an answer to those who wait for it; with None, they have to ask for themselves."""
        if self.flight is not None and not self.flight.done():
            self.flight.set_result(answer)

    def line(self) -> str:
        """Return the line of the log about this request."""
        said: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "id": self.id,
            "client": self.client,
            "method": self.method,
            "target": self.target[:2000],
            "status": self.status,
            "bytes": self.bytes,
            "seconds": round(time.monotonic() - self.began, 6),
            "kind": self.kind,
            "snapshot": self.snapshot[:12],
        }
        said |= {
            name: value
            for name, value in (("cache", self.cache), ("questions", self.questions), ("error", self.error))
            if value
        }
        return json.dumps(said, ensure_ascii=False)


class _Held:
    """Counts bytes that are in memory for clients, up to a limit; one client may hold a share of it."""

    def __init__(self, limit: int, share: float) -> None:
        self.limit, self.share, self.bytes = limit, int(limit * share), 0
        self._by_client: Counter[str] = Counter()

    def take(self, size: int, client: str) -> None:
        """Count so many bytes more. Raises Refused (503, 429) where they are too many; whoever has none gets one."""
        has = self._by_client[client]
        if has and has + size > self.share:
            raise Refused(
                429,
                say("You have left too many answers unread."),
                say(
                    "One client may let %(number)s bytes wait (limits.client_share of limits.held_bytes). "
                    "Read what was answered, or try again shortly.",
                    number=self.share,
                ),
                limit="limits.client_share",
                headers={"Retry-After": "5"},
            )
        if self.bytes + size > self.limit:
            raise Refused(
                503,
                say("The server holds as much for other clients as it may."),
                say(
                    "It holds %(number)s bytes of requests and answers at most (limits.held_bytes). Try again shortly.",
                    number=self.limit,
                ),
                limit="limits.held_bytes",
                headers={"Retry-After": "5"},
            )
        self._by_client[client] += size
        self.bytes += size

    def give(self, size: int, client: str) -> None:
        self.bytes -= size
        self._by_client[client] -= size
        if self._by_client[client] <= 0:
            del self._by_client[client]


def client_address(peer: str, headers: Mapping[str, str], proxies: int) -> str:
    """Return the address of the client: of the peer, or what the outermost of so many trusted proxies says.

    Each proxy adds the address that it was asked from, so the word of the last ones counts, never the first ones'.

    >>> client_address("127.0.0.1", {"x-forwarded-for": "6.6.6.6, 192.0.2.7"}, 1)
    '192.0.2.7'
    >>> client_address("192.0.2.9", {"x-forwarded-for": "6.6.6.6"}, 0)
    '192.0.2.9'
    """
    if proxies and (said := headers.get("x-forwarded-for")) is not None:
        hops = [hop.strip() for hop in said.split(",")]
    elif proxies and (said := headers.get("forwarded")) is not None:
        hops = [_for(hop) for hop in said.split(",")]
    else:
        return peer
    found = _address(hops[-proxies] if len(hops) >= proxies else hops[0])
    return found or peer


def _for(hop: str) -> str:
    for pair in hop.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _address(text: str) -> str:
    """Return an address without port and brackets; nothing if it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


class Gateway:
    """Serves an application to the clients of an ASGI server.

    `folder` has the link `current`, which says which snapshot is served; `pool` answers the questions of the
    application, and `probe` makes one that only tells whether it does; each request makes one call of `log`. With a
    `runtime` folder, that of a supervisor, the server ends when that one does.
    """

    def __init__(
        self,
        application: Application,
        settings: Settings,
        folder: Path,
        *,
        kinds: Iterable[str] = (),
        pool: Asks | None = None,
        probe: Callable[[str], Any] | None = None,
        runtime: Path | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._application, self._settings, self._pool, self._log = application, settings, pool, log
        self._link = folder / CURRENT
        self._kinds = frozenset(kinds)
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="application")
        self._busy = 0
        self._held = _Held(settings.held_bytes, settings.client_share)
        self._responses = Responses(settings.response_cache)
        for language in settings.languages:
            catalogue(language)  # so that no refusal has to read it
        #: Answers that may be kept and are being made, for whoever asks for the same meanwhile.
        self._flights: dict[Key, asyncio.Future[Answer | None]] = {}
        self._metrics = Metrics()
        self._probe, self._runtime = probe, runtime
        self._connections = Connections(settings.answer_seconds)
        self._ready_until, self._is_ready = 0.0, False
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the life of the server."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        tasks: list[asyncio.Task[None]] = []
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if self._runtime is not None:
                    _end_with(self._runtime)
                tasks.append(asyncio.create_task(self._watch_connections()))
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                for task in tasks:
                    task.cancel()
                self._threads.shutdown(wait=False)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _watch_connections(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            self._connections.look()

    # --- one request ---

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, double = _headers(scope)
        peer = scope.get("client") or ("", 0)
        raw = scope.get("raw_path") or b""
        query = scope.get("query_string") or b""
        target = (raw + (b"?" + query if query else b"")).decode("latin-1")
        client = client_address(str(peer[0]), headers, self._settings.proxies)
        visit = _Visit(secrets.token_hex(8), time.monotonic(), scope["method"], target, client)
        visit.kind = self._kind(raw)

        def told(refused: Refused) -> Answer:
            return refused.answer(headers, query.decode("latin-1"), self._settings.languages)

        self._open += 1
        self._connections.note(str(peer[0]), int(peer[1]))
        try:
            try:
                answer = await self._answer(scope, headers, double, visit, receive)
                await self._write(visit, answer, send)
            except Refused as refused:
                await self._write(visit, told(refused), send)
            except _Gone:
                raise
            except Exception:
                # Ours, and not the application's, which answers for its own.
                _log.exception("request %s failed", visit.id)
                visit.error = "a fault of the gateway"
                await self._write(visit, told(Refused(500, say("Something went wrong on our side."))), send)
        except _Gone:
            visit.status, visit.error = 499, "the client left"
        finally:
            self._open -= 1
            self._metrics.count(visit.kind, visit.status, time.monotonic() - visit.began)
            if self._log is not None:
                self._log(visit.line())

    def _kind(self, raw: bytes) -> str:
        first = raw[1:].partition(b"/")[0].partition(b".")[0].decode("latin-1")
        return (first or "home") if first in self._kinds else "other"

    async def _answer(
        self, scope: Scope, headers: Mapping[str, str], double: bool, visit: _Visit, receive: Receive
    ) -> Answer:
        raw: bytes = scope.get("raw_path") or b""
        method = visit.method
        if method == "CONNECT":
            raise _not_allowed()
        if raw == b"*":
            if method != "OPTIONS":
                raise _no_address()
            return Answer(204, [("Allow", _METHODS), ("Access-Control-Allow-Origin", "*")])
        if not raw.startswith(b"/"):
            raise _no_address()
        if double:
            raise Refused(400, say("This request names two hosts."), say("Expected one Host field."))
        host = headers.get("host")
        if (host is None and scope.get("http_version") == "1.1") or (host and not _HOST.fullmatch(host)):
            raise Refused(
                400, say("This request does not name its host."), say("Expected one Host field, as HTTP/1.1 wants.")
            )
        if (
            own := {b"/healthz": self._health, b"/readyz": self._ready, b"/metrics": self._measure}.get(raw)
        ) is not None:
            if method not in ("GET", "HEAD"):
                raise _not_allowed()
            visit.kind = "operations"
            return await own(visit)
        environ = _environ(scope, headers, visit)
        if not self._responses.asks_for_whole(environ):
            answer = await self._ask_application(environ, headers, visit, receive)
            visit.snapshot = answer.snapshot
            return answer
        visit.snapshot = self._served()
        answer = await self._whole(environ, headers, visit, receive)
        visit.snapshot = answer.snapshot
        return answer.as_asked(environ)

    async def _whole(self, environ: Environ, headers: Mapping[str, str], visit: _Visit, receive: Receive) -> Answer:
        """Return the whole answer to a request: what is kept, what another request for the same gets, or a new one."""
        if (kept := self._responses.get(visit.snapshot, environ)) is not None:
            visit.cache = "hit"
            return kept
        key = self._responses.key(visit.snapshot, environ)
        if (other := self._flights.get(key)) is not None and (answer := await asyncio.shield(other)) is not None:
            visit.cache = "joined"
            return answer
        visit.cache = "miss"
        flight: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = visit.flight = flight
        shared: Answer | None = None
        try:
            answer = await self._ask_application(self._responses.unconditional(environ), headers, visit, receive)
            if self._responses.put(environ, answer):
                shared = answer
            return answer
        finally:
            visit.land(shared)
            if self._flights.get(key) is flight:
                del self._flights[key]

    async def _ask_application(
        self, environ: Environ, headers: Mapping[str, str], visit: _Visit, receive: Receive
    ) -> Answer:
        body = await self._read(headers, client_of(visit.client), receive)
        try:
            environ["CONTENT_LENGTH"] = str(len(body)) if body or "content-length" in headers else ""
            return await self._compute(environ, body, visit, receive)
        finally:
            self._held.give(len(body), client_of(visit.client))

    def _served(self) -> str:
        """Return the name of the snapshot that is served now."""
        try:
            return os.path.basename(os.readlink(self._link))
        except OSError:
            return ""

    # --- reading ---

    async def _read(self, headers: Mapping[str, str], client: str, receive: Receive) -> bytes:
        """Return the body, which is counted as held. Raises Refused if it is too large or too late."""
        settings = self._settings
        length = headers.get("content-length", "")
        if not length and "transfer-encoding" not in headers:
            return b""
        if length.isdigit() and int(length) > settings.request_bytes:
            if "expect" not in headers:  # whoever waits to be told is told before the body
                await self._linger(receive)
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise _broken_body()
                    part = message.get("body", b"")
                    if size + len(part) > settings.request_bytes:
                        raise self._too_large()
                    self._held.take(len(part), client)
                    size += len(part)
                    parts.append(part)
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            self._held.give(size, client)
            raise Refused(
                408,
                say("The body of this request did not arrive in time."),
                say("A body may take %(number)s seconds (limits.body_seconds).", number=settings.body_seconds),
                limit="limits.body_seconds",
                headers={"Connection": "close"},
            ) from None
        except BaseException:
            self._held.give(size, client)
            raise
        if length.isdigit() and size < int(length):
            self._held.give(size, client)
            raise _broken_body()
        return b"".join(parts)

    async def _linger(self, receive: Receive) -> None:
        """Read what is sent and keep nothing of it: a client whose connection ends while it sends sees no answer."""
        left = _LINGER
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.body_seconds):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body"):
                        return

    def _too_large(self) -> Refused:
        return Refused(
            413,
            say("The body of this request is too large."),
            say("Expected %(number)s bytes at most (limits.request_bytes).", number=self._settings.request_bytes),
            limit="limits.request_bytes",
            headers={"Connection": "close"},
        )

    # --- computing ---

    async def _compute(self, environ: Environ, body: bytes, visit: _Visit, receive: Receive) -> Answer:
        """Call the application, and again with the answer to what it asks."""
        if self._pool is None:
            return await self._call(dict(environ), body)
        for _ in range(_SWAPS):
            first = environ | {"kg.gateway": True}
            answer = await self._call(first, body)
            question = first.get("kg.question")
            if question is None:
                return answer
            visit.questions += 1
            visit.land(None)  # the pool knows who asks the same, and whose turn it is
            result = await self._ask(self._pool, question, receive)
            if result.status == "gone":
                continue
            second = environ | {"kg.gateway": True, "kg.answer": result}
            answer = await self._call(second, body)
            if answer.snapshot == question.snapshot:
                return answer
            # The snapshot was swapped in between: page and result would be of different ones.
        raise Refused(
            503,
            say("The graph is just being exchanged for a newer one."),
            say("Try again in a moment."),
            headers={"Retry-After": "1"},
        )

    async def _ask(self, pool: Asks, question: Any, receive: Receive) -> Any:
        """Return what becomes of a question. Raises _Gone if the client leaves first: then nobody needs the answer."""
        asked = asyncio.ensure_future(pool.ask(question))
        left = asyncio.ensure_future(_leaving(receive))
        try:
            await asyncio.wait((asked, left), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise _Gone
            return asked.result()
        finally:
            asked.cancel()
            left.cancel()

    async def _call(self, environ: Environ, body: bytes) -> Answer:
        """Call the application once, in a thread. Raises Refused (503) if too many wait for one."""
        if self._busy >= self._settings.threads + self._settings.waiting:
            raise Refused(
                503,
                say("Too many requests are waiting."),
                say(
                    "%(number)s requests may wait for a thread (limits.waiting). Try again shortly.",
                    number=self._settings.waiting,
                ),
                limit="limits.waiting",
                headers={"Retry-After": "2"},
            )
        self._busy += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, _call, self._application, environ, body)
        future.add_done_callback(self._leave)
        return await future

    def _leave(self, _: object) -> None:
        self._busy -= 1

    # --- writing ---

    async def _write(self, visit: _Visit, answer: Answer, send: Send) -> None:
        """Write an answer as fast as the client takes it. Raises _Gone if it leaves, or does not take it in time."""
        body = answer.body
        headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
        headers.append(("X-Request-Id", visit.id))
        if answer.status >= 200 and answer.status not in (204, 304):
            headers.append(("Content-Length", str(len(body))))
        if visit.method == "HEAD":
            body = b""
        size = len(body)
        # One piece goes to the web server at once, so that pages and refusals get out however much is held.
        held, client = (size if size > _PIECE else 0), client_of(visit.client)
        self._held.take(held, client)
        visit.status = answer.status
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
                for begin in range(0, max(size, 1), _PIECE):
                    piece = body[begin : begin + _PIECE]
                    more = begin + _PIECE < size
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
                    visit.bytes += len(piece)
        except TimeoutError:
            visit.error = "limits.answer_seconds"
        except RuntimeError:  # the connection is closed
            raise _Gone from None
        finally:
            self._held.give(held, client)

    # --- operations ---

    async def _health(self, visit: _Visit) -> Answer:
        visit.snapshot = self._served()
        return _plain(200, f"ok {visit.snapshot}\n")

    async def _ready(self, visit: _Visit) -> Answer:
        """Answer whether pages and queries are answered; what was found holds for a second."""
        visit.snapshot = self._served()
        now = time.monotonic()
        if now >= self._ready_until:
            self._ready_until = now + _LOOK
            self._is_ready = await self._can_answer(visit)
            self._ready_until = time.monotonic() + _LOOK
        if self._is_ready:
            return _plain(200, f"ready {visit.snapshot}\n")
        return _plain(503, "not ready\n", ("Retry-After", "1"))

    async def _can_answer(self, visit: _Visit) -> bool:
        """Tell whether the snapshot in use can be opened, and its executors answer."""
        environ: Environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/healthz", "RAW_URI": "/healthz"}
        environ |= {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
        environ |= {"QUERY_STRING": "", "wsgi.errors": sys.stderr}
        try:
            async with asyncio.timeout(_PROBE):
                answer = await self._call(environ, b"")
                if answer.status != 200 or self._pool is None or self._probe is None:
                    return answer.status == 200
                result = await self._pool.ask(self._probe(answer.snapshot))
                return bool(result.status == "ok")
        except (TimeoutError, Refused):
            return False

    async def _measure(self, visit: _Visit) -> Answer:
        """Answer with what Prometheus reads."""
        cache, name = self._responses.cache, self._served()
        text = self._metrics.text()
        for metric, kind, help_text, number in (
            ("kg_requests_open", "gauge", "Requests that are being answered.", self._open),
            ("kg_requests_waiting", "gauge", "Requests in threads, or waiting for one.", self._busy),
            ("kg_held_bytes", "gauge", "Bytes of bodies and answers that are held for clients.", self._held.bytes),
            (
                "kg_connections_ended_total",
                "counter",
                "Connections of too slow readers, closed.",
                self._connections.ended,
            ),
            ("kg_response_cache_hits_total", "counter", "Requests answered by what was kept.", cache.hits),
            ("kg_response_cache_misses_total", "counter", "Requests that nothing was kept for.", cache.misses),
            ("kg_response_cache_bytes", "gauge", "Bytes of kept answers.", cache.bytes),
        ):
            text += render(metric, kind, help_text, [({}, number)])
        text += render("kg_snapshot_info", "gauge", "The snapshot in use.", [({"snapshot": name}, 1)])
        if self._pool is not None:
            pool = self._pool
            text += render("kg_queries_waiting", "gauge", "Queries that wait for an executor.", [({}, pool.waiting)])
            text += render("kg_queries_working", "gauge", "Queries that executors work on.", [({}, pool.working)])
            text += render(
                "kg_answer_cache_bytes", "gauge", "Bytes of kept answers to queries.", [({}, pool.cached_bytes)]
            )
            samples = [({"result": kind}, number) for kind, number in sorted(pool.counts.items())]
            text += render("kg_queries_total", "counter", "Queries by what became of them.", samples)
        if self._runtime is not None:
            text += _executors(self._runtime / name[:16] / "status.json")
        return Answer(200, [("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store")], text.encode())


def _executors(status: Path) -> str:
    """Return what the query parent says of its executors, as metrics."""
    try:
        said = json.loads(status.read_text(encoding="utf-8"))
        running = [({"group": name}, len(pids)) for name, pids in sorted(said["executors"].items())]
        exits = [({"kind": kind}, number) for kind, number in sorted(said["exits"].items())]
    except (OSError, ValueError, KeyError):
        return ""
    return render("kg_executors", "gauge", "Executors that are running.", running) + render(
        "kg_executor_exits_total", "counter", "Executors of this snapshot that have ended, by what.", exits
    )


async def _leaving(receive: Receive) -> None:
    """Return when the client closes its connection; what it still sends of its request does not matter."""
    while (await receive())["type"] == "http.request":
        pass


def _probe_of(snapshot: str) -> Question:
    """Return a question that is always put to an executor, because no answer to it is kept."""
    return Question(snapshot, "ASK { FILTER (RAND() < 2) }", boolean_form="json", group="site")


def _end_with(runtime: Path) -> None:
    """End this process soon after the supervisor has gone, whose folder this is; at once if it has gone already."""
    try:
        handle = os.open(runtime / LIFELINE, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        os._exit(1)
    # A pipe that nobody has opened for writing since we opened it has no end: so this comes second.
    if not is_supervised(runtime):
        os._exit(1)
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(handle)
        last = threading.Timer(_LAST_WORDS, os._exit, (1,))  # by a thread, because the loop may end before
        last.daemon = True
        last.start()
        os.kill(os.getpid(), signal.SIGTERM)

    loop.add_reader(handle, end)


def gateway() -> Gateway:
    """Return the gateway that the environment asks for.

    `KG_SNAPSHOTS` is the folder with the link `current`, `KG_PUBLIC_URL` the public address, `KG_RUNTIME` the folder
    of a supervisor, `KG_LOG` where a line a request goes.
    """
    folder = Path(os.environ.get("KG_SNAPSHOTS", ".kg"))
    runtime = Path(os.environ["KG_RUNTIME"]) if os.environ.get("KG_RUNTIME") else None
    application = create_app(folder, public_url=os.environ.get("KG_PUBLIC_URL", ""), runtime=runtime)
    settings = settings_at(runtime) if runtime is not None else None
    if settings is None:
        settings = open_snapshot((folder / CURRENT).resolve()).settings
    kinds = {rule.rule[1:].partition("/")[0].partition(".")[0] for rule in application.url_map.iter_rules()}
    return Gateway(
        application,
        settings,
        folder,
        kinds={kind for kind in kinds if "<" not in kind},
        pool=Pool(runtime, settings) if runtime is not None else None,
        probe=_probe_of,
        runtime=runtime,
        log=open_log(os.environ.get("KG_LOG", "")),
    )


def _plain(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    said = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"), *headers]
    return Answer(status, said, text.encode())


def _not_allowed() -> Refused:
    return Refused(405, say("This method is not allowed here."), headers={"Allow": _METHODS})


def _no_address() -> Refused:
    return Refused(400, say("This is no address."), say("Expected a path that begins with a slash."))


def _broken_body() -> Refused:
    return Refused(
        400,
        say("The body of this request is broken off."),
        say("Its parts are not framed as HTTP wants, or the client has left."),
        headers={"Connection": "close"},
    )


def _headers(scope: Scope) -> tuple[dict[str, str], bool]:
    """Return the fields of a request, repeated ones joined, and whether it names its host more than once.

    A name with an underscore is left out: in the environment it could not be told from one with a hyphen.
    """
    found: dict[str, str] = {}
    hosts = 0
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        hosts += name == "host"
        if "_" not in name:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found, hosts > 1


def _environ(scope: Scope, headers: Mapping[str, str], visit: _Visit) -> Environ:
    """Return the request as WSGI has it, with the target as it was sent."""
    server = scope.get("server") or ("localhost", 0)
    environ: Environ = {
        "REQUEST_METHOD": visit.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": (scope.get("query_string") or b"").decode("latin-1"),
        "RAW_URI": visit.target,
        "REMOTE_ADDR": visit.client,
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "kg.request_id": visit.id,
    }
    for name, value in headers.items():
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name not in ("content-length", "transfer-encoding"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ


def _call(application: Application, environ: Environ, body: bytes) -> Answer:
    """Return what a WSGI application answers, whole."""
    begun: list[tuple[int, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
        begun[:] = [(int(status.split(" ", 1)[0]), headers)]

    environ["wsgi.input"] = io.BytesIO(body)
    found = application(environ, start)
    try:
        data = b"".join(found)
    finally:
        if (close := getattr(found, "close", None)) is not None:
            close()
    status, headers = begun[0]
    headers = [(name, value) for name, value in headers if name.lower() != "date"]  # the web server's word, each time
    return Answer(status, headers, data, environ.get("kg.snapshot", ""))
