"""HTTP/1.1 as it comes over the wire: every header as it was sent, and no answer that takes for ever.

Nothing is followed, decoded or mended on the way: what a site sends is what is judged.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, urlsplit

from kg.conformance.links import Link, parse_links

__all__ = ["Answer", "Request", "Trouble", "Wire", "ascii_address"]

#: The longest head of an answer that is read, in bytes.
_HEAD = 256 * 1024
#: The longest content that a packed body may have, in bytes.
_UNPACKED = 256 * 1024 * 1024
#: How long to wait for what should not come: bytes after the end of an answer.
_SURPLUS_SECONDS = 0.2


class Trouble(Exception):
    """No answer that can be judged came: no connection, a stall, an endless stream, or what is not HTTP."""


def ascii_address(iri: str) -> str:
    """Return an IRI as it is sent: percent-encoded where it must be, else as it stands.

    >>> ascii_address("https://a.example/id/caf\\u00e9 x%2F'")
    "https://a.example/id/caf%C3%A9%20x%2F'"
    """
    return quote(iri, safe="%/:=&?~#+!$,;'@()*[]")


@dataclass(frozen=True)
class Request:
    """What is sent. `headers` go out as they stand, in their order, beside Host and Connection."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __str__(self) -> str:
        said = ", ".join(f"{name}: {_short(value, 70)}" for name, value in self.headers)
        text = f"{self.method} {_short(self.url, 160)}"
        text += f" ({said})" if said else ""
        return text + (f" {_short(self.body.decode('utf-8', 'replace'), 80)}" if self.body else "")


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


@dataclass(frozen=True)
class Answer:
    """What came. `body` is as it was sent; `content` has its content coding taken off."""

    request: Request
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float
    #: Bytes that came after the end of the answer.
    surplus: bytes = field(default=b"", repr=False)

    @property
    def url(self) -> str:
        """The address that was asked."""
        return self.request.url

    def header(self, name: str) -> str:
        """Return a header's value, its lines joined by commas; the empty text if it was not sent."""
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())

    def has(self, name: str) -> bool:
        """Tell whether a header was sent."""
        return any(key.lower() == name.lower() for key, _ in self.headers)

    def listed(self, name: str) -> set[str]:
        """Return the parts of a header that is a list of names, in lower case."""
        return {part.strip().lower() for part in self.header(name).split(",") if part.strip()}

    @property
    def media_type(self) -> str:
        """The type of the content without its parameters, in lower case."""
        return self.header("Content-Type").split(";")[0].strip().lower()

    @cached_property
    def content(self) -> bytes:
        """The body without its content coding. Raises Trouble if it is not in the coding that it says."""
        coding = self.header("Content-Encoding").strip().lower()
        if coding in ("", "identity"):
            return self.body
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise Trouble(f"a body in the coding {coding!r}, which was not asked for")
        unpacker = zlib.decompressobj(wbits=47)
        try:
            unpacked = unpacker.decompress(self.body, _UNPACKED)
        except zlib.error as error:
            raise Trouble(f"a body that is not {coding}: {error}") from None
        if unpacker.unconsumed_tail:
            raise Trouble(f"a body that unpacks to more than {_UNPACKED} bytes")
        return unpacked

    @property
    def text(self) -> str:
        """The content as text, with a mark where it is not UTF-8."""
        return self.content.decode("utf-8", "replace")

    @cached_property
    def links(self) -> list[Link]:
        """The links of the Link header. Raises LinkError if it is malformed."""
        return parse_links(self.header("Link"), self.url)

    def targets(self, rel: str, kind: str = "") -> list[str]:
        """Return the targets of the links with a relation type, of one media type if one is given."""
        return [
            link.target
            for link in self.links
            if rel in link.rels and not link.anchor and (not kind or link.type == kind)
        ]

    def __str__(self) -> str:
        said = [str(self.status)]
        for name in ("Content-Type", "Location", "Content-Location"):
            if self.has(name):
                said.append(f"{name}: {_short(self.header(name), 120)}")
        return ", ".join(said)


class _Stream:
    """Bytes of one connection, each read within what is left of a deadline."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.buffer = b""
        self.reused = False
        self.deadline = 0.0

    def more(self) -> bool:
        """Read what is there; tell whether there was anything before the end. Raises Trouble at the deadline."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Trouble("no end of the answer within the deadline")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise Trouble("no answer, or no end of it, within the deadline") from None
        self.buffer += data
        return bool(data)

    def line(self) -> bytes:
        while b"\n" not in self.buffer:
            if len(self.buffer) > _HEAD:
                raise Trouble(f"a line of more than {_HEAD} bytes")
            if not self.more():
                raise Trouble("the connection was closed in the middle of an answer")
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    def exactly(self, length: int) -> bytes:
        parts, have = [self.buffer], len(self.buffer)
        while have < length:
            self.buffer = b""
            if not self.more():
                raise Trouble(f"the connection was closed after {have} of {length} bytes")
            parts.append(self.buffer)
            have += len(self.buffer)
        data = b"".join(parts)
        self.buffer = data[length:]
        return data[:length]

    def to_the_end(self, limit: int) -> bytes:
        parts, have = [self.buffer], len(self.buffer)
        while have <= limit:
            self.buffer = b""
            if not self.more():
                return b"".join(parts)
            parts.append(self.buffer)
            have += len(self.buffer)
        raise Trouble(f"more than {limit} bytes, and no end")

    def close(self) -> None:
        self.socket.close()


class Wire:
    """Sends requests to one origin and reads the answers, with one connection kept open per thread."""

    def __init__(self, origin: str, *, seconds: float, limit: int) -> None:
        parts = urlsplit(origin)
        self.host = parts.hostname or ""
        self.secure = parts.scheme == "https"
        self.port = parts.port or (443 if self.secure else 80)
        self.authority = parts.netloc.rpartition("@")[2]
        self.seconds = seconds
        self.limit = limit
        self._kept = threading.local()

    def send(self, request: Request, *, seconds: float | None = None, last: bool = False) -> Answer:
        """Return the answer to a request. Raises Trouble if there is none that can be read.

        With `last` the connection is closed after it, and bytes that come after the answer's end are kept apart.
        """
        deadline = time.monotonic() + (self.seconds if seconds is None else seconds)
        began = time.monotonic()
        while True:
            stream: _Stream | None = None
            try:
                stream = self._stream(deadline)
                stream.socket.settimeout(max(deadline - time.monotonic(), 0.001))
                stream.socket.sendall(self._bytes(request, last=last))
                return self._read(stream, request, began, last=last)
            except (OSError, Trouble) as error:
                if stream is not None:
                    stream.close()
                if stream is not None and stream.reused and not stream.buffer and time.monotonic() < deadline:
                    continue  # a connection that was kept open had been closed meanwhile
                if isinstance(error, Trouble):
                    raise
                what = "no answer within the deadline" if isinstance(error, TimeoutError) else str(error)
                raise Trouble(f"{self.authority}: {what}") from None

    def _stream(self, deadline: float) -> _Stream:
        stream: _Stream | None = getattr(self._kept, "stream", None)
        if stream is not None:
            self._kept.stream = None
            stream.reused = True
        else:
            connected = socket.create_connection((self.host, self.port), max(deadline - time.monotonic(), 0.001))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.secure:
                connected = ssl.create_default_context().wrap_socket(connected, server_hostname=self.host)
            stream = _Stream(connected)
        stream.deadline = deadline
        return stream

    def _bytes(self, request: Request, *, last: bool) -> bytes:
        parts = urlsplit(ascii_address(request.url))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = {name.lower() for name, _ in request.headers}
        lines = [f"{request.method} {target} HTTP/1.1"]
        if "host" not in named:
            lines.append(f"Host: {self.authority}")
        lines += [f"{name}: {value}" for name, value in request.headers]
        if last:
            lines.append("Connection: close")
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(request.body)}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + request.body

    def _read(self, stream: _Stream, request: Request, began: float, *, last: bool) -> Answer:
        status = 100
        while 100 <= status < 200:  # interim answers
            version, status, headers = _head(stream)
        named = {name.lower(): value.strip().lower() for name, value in headers}
        keep = version == b"HTTP/1.1" and "close" not in named.get("connection", "") and not last
        surplus = b""
        if request.method == "HEAD" or status in (204, 304):
            body = b""
            if last:
                surplus = _surplus(stream)
        elif "chunked" in named.get("transfer-encoding", ""):
            body = _chunks(stream, self.limit)
        elif "content-length" in named:
            length = named["content-length"]
            if not (length.isascii() and length.isdigit()):
                raise Trouble(f"a Content-Length of {length!r}")
            if int(length) > self.limit:
                raise Trouble(f"a body of {length} bytes; at most {self.limit} are read")
            body = stream.exactly(int(length))
        else:
            keep = False
            body = stream.to_the_end(self.limit)
        if keep and not stream.buffer:
            self._kept.stream = stream
        else:
            stream.close()
        return Answer(request, status, tuple(headers), body, time.monotonic() - began, surplus)


def _head(stream: _Stream) -> tuple[bytes, int, list[tuple[str, str]]]:
    """Read the first line and the headers of an answer."""
    line = stream.line()
    parts = line.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not (parts[1].isdigit() and len(parts[1]) == 3):
        raise Trouble(f"what is not HTTP: {line[:60]!r}")
    headers: list[tuple[str, str]] = []
    size = 0
    while field_line := stream.line():
        size += len(field_line)
        name, colon, value = field_line.decode("latin-1").partition(":")
        if not colon or not name or name != name.strip() or size > _HEAD:
            raise Trouble(f"a head that is not HTTP: {field_line[:60]!r}")
        headers.append((name, value.strip(" \t")))
    return parts[0], int(parts[1]), headers


def _chunks(stream: _Stream, limit: int) -> bytes:
    body = bytearray()
    while True:
        size_text = stream.line().split(b";")[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError:
            raise Trouble(f"a chunk whose size is {size_text[:20]!r}") from None
        if size < 0 or len(body) + size > limit:
            raise Trouble(f"more than {limit} bytes, and no end")
        body += stream.exactly(size)
        if stream.line():
            if size:
                raise Trouble("a chunk that is longer than it says")
            while stream.line():  # trailers
                pass
            return bytes(body)
        if size == 0:
            return bytes(body)


def _surplus(stream: _Stream) -> bytes:
    """Return what comes after an answer that has no body: nothing, unless the site is wrong."""
    stream.deadline = min(stream.deadline, time.monotonic() + _SURPLUS_SECONDS)
    try:
        return stream.to_the_end(65536)
    except (Trouble, OSError):
        return stream.buffer
