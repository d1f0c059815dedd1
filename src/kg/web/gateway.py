"""The gateway: everything between a client and the application, so that no thread ever waits for a client.

An ASGI application around a WSGI one. Its event loop reads heads and bodies, within limits and deadlines, and writes
whole answers at the pace of the client; the application runs in a few threads and only ever computes. What it
wants to ask the graph it puts into `kg.question`: the gateway asks the pool, and calls it again with `kg.answer`.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from kg.metrics import CONTENT_TYPE, Metrics
from kg.settings import Settings
from kg.snapshot import CURRENT
from kg.web.cache import Answer, Responses

__all__ = ["Asks", "Gateway", "client_address"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# What is handed to the web server at once: it holds no more than about this much for a client that does not read.
_PIECE = 65_536
# How often a question is asked anew because the snapshot that it was for has gone.
_SWAPS = 3
# How often the connections are looked at, in seconds.
_LOOK = 1.0
_METHODS = "GET, HEAD, OPTIONS"


class Asks(Protocol):
    """Whoever answers the questions of the application: `kg.pool.Pool`."""

    async def ask(self, question: Any) -> Any:
        """Return what becomes of a question."""


class _Refused(Exception):
    """A request that the application never sees, or whose answer cannot be given."""

    def __init__(
        self, status: int, title: str, detail: str = "", *, limit: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        said: dict[str, object] = {"type": "about:blank", "title": title, "status": status}
        if detail:
            said["detail"] = detail
        if limit:
            said["limit"] = limit
        self.answer = Answer(
            status,
            [
                ("Content-Type", "application/problem+json"),
                ("Cache-Control", "no-store"),
                ("Access-Control-Allow-Origin", "*"),
                ("X-Content-Type-Options", "nosniff"),
                *(headers or {}).items(),
            ],
            (json.dumps(said, indent=2) + "\n").encode(),
        )


class _Gone(Exception):
    """The client has left before its request was whole."""


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
    """Counts bytes that are in memory for clients, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.limit, self.bytes = limit, 0

    def take(self, size: int) -> None:
        """Count so many bytes more. Raises _Refused (503) where they are too many."""
        if self.bytes + size > self.limit:
            raise _Refused(
                503,
                "The server holds as much for other clients as it may.",
                f"It holds {self.limit} bytes of requests and answers at most (limits.held_bytes). Try again shortly.",
                limit="limits.held_bytes",
                headers={"Retry-After": "5"},
            )
        self.bytes += size

    def give(self, size: int) -> None:
        self.bytes -= size


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
    application; each request makes one call of `log`.
    """

    def __init__(
        self,
        application: Application,
        settings: Settings,
        folder: Path,
        *,
        kinds: Iterable[str] = (),
        pool: Asks | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._application, self._settings, self._pool, self._log = application, settings, pool, log
        self._link = folder / CURRENT
        self._kinds = frozenset(kinds)
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="application")
        self._busy = 0
        self._held = _Held(settings.held_bytes)
        self._responses = Responses(settings.response_cache)
        self._metrics = Metrics()
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the life of the server."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._threads.shutdown(wait=False)
                await send({"type": "lifespan.shutdown.complete"})
                return

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
        self._open += 1
        try:
            try:
                answer = await self._answer(scope, headers, double, visit, receive)
                await self._write(visit, answer, send)
            except _Refused as refused:
                await self._write(visit, refused.answer, send)
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
                raise _Refused(400, "This is no address.", "Expected a path that begins with a slash.")
            return Answer(204, [("Allow", _METHODS), ("Access-Control-Allow-Origin", "*")])
        if not raw.startswith(b"/"):
            raise _Refused(400, "This is no address.", "Expected a path that begins with a slash.")
        if double:
            raise _Refused(400, "This request names two hosts.", "Expected one Host field.")
        if (
            own := {b"/healthz": self._health, b"/readyz": self._ready, b"/metrics": self._measure}.get(raw)
        ) is not None:
            if method not in ("GET", "HEAD"):
                raise _not_allowed()
            visit.kind = "operations"
            return await own(visit)
        environ = _environ(scope, headers, visit)
        whole = self._responses.asks_for_whole(environ)
        if whole:
            visit.snapshot = self._served()
            if (kept := self._responses.get(visit.snapshot, environ)) is not None:
                visit.cache = "hit"
                return kept.as_asked(environ)
        body = await self._read(headers, receive)
        try:
            environ["CONTENT_LENGTH"] = str(len(body)) if body or "content-length" in headers else ""
            called = self._responses.unconditional(environ) if whole else environ
            answer = await self._compute(called, body, visit)
        finally:
            self._held.give(len(body))
        visit.snapshot = answer.snapshot
        if whole:
            self._responses.put(environ, answer)
            visit.cache = "miss"
            return answer.as_asked(environ)
        return answer

    def _served(self) -> str:
        """Return the name of the snapshot that is served now."""
        try:
            return os.path.basename(os.readlink(self._link))
        except OSError:
            return ""

    # --- reading ---

    async def _read(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """Return the body, which is counted as held. Raises _Refused if it is too large or too late."""
        settings = self._settings
        length = headers.get("content-length", "")
        if not length and "transfer-encoding" not in headers:
            return b""
        if length.isdigit() and int(length) > settings.request_bytes:
            raise self._too_large(length)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise _Gone
                    part = message.get("body", b"")
                    if size + len(part) > settings.request_bytes:
                        raise self._too_large("more")
                    self._held.take(len(part))
                    size += len(part)
                    parts.append(part)
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            self._held.give(size)
            raise _Refused(
                408,
                "The body of this request did not arrive in time.",
                f"A body may take {settings.body_seconds} seconds (limits.body_seconds).",
                limit="limits.body_seconds",
                headers={"Connection": "close"},
            ) from None
        except BaseException:
            self._held.give(size)
            raise
        if length.isdigit() and size < int(length):
            self._held.give(size)
            raise _Gone  # it promised more than it sent
        return b"".join(parts)

    def _too_large(self, found: str) -> _Refused:
        limit = self._settings.request_bytes
        return _Refused(
            413,
            "The body of this request is too large.",
            f"Found {found} bytes; expected {limit} at most (limits.request_bytes).",
            limit="limits.request_bytes",
            headers={"Connection": "close"},
        )

    # --- computing ---

    async def _compute(self, environ: Environ, body: bytes, visit: _Visit) -> Answer:
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
            result = await self._pool.ask(question)
            if result.status == "gone":
                continue
            second = environ | {"kg.gateway": True, "kg.answer": result}
            answer = await self._call(second, body)
            if answer.snapshot == question.snapshot:
                return answer
            # The snapshot was swapped in between: page and result would be of different ones.
        raise _Refused(
            503,
            "The graph is just being exchanged for a newer one.",
            "Try again in a moment.",
            headers={"Retry-After": "1"},
        )

    async def _call(self, environ: Environ, body: bytes) -> Answer:
        """Call the application once, in a thread. Raises _Refused (503) if too many wait for one."""
        if self._busy >= self._settings.threads + self._settings.waiting:
            raise _Refused(
                503,
                "Too many requests are waiting.",
                f"{self._settings.waiting} requests may wait for a thread (limits.waiting). Try again shortly.",
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
        self._held.take(size)
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
            self._held.give(size)

    # --- operations ---

    async def _health(self, visit: _Visit) -> Answer:
        visit.snapshot = self._served()
        return _plain(200, f"ok {visit.snapshot}\n")

    async def _ready(self, visit: _Visit) -> Answer:
        return _plain(200, "ready\n")

    async def _measure(self, visit: _Visit) -> Answer:
        text = self._metrics.text()
        return Answer(200, [("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store")], text.encode())


def _plain(status: int, text: str) -> Answer:
    return Answer(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")], text.encode())


def _not_allowed() -> _Refused:
    return _Refused(405, "This method is not allowed here.", headers={"Allow": _METHODS})


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
