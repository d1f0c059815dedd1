"""From bytes to a response that tells the truth about itself: type, language, validator, links, what it varies by."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from flask import Response, request
from werkzeug.http import http_date, parse_date

from kg.citations import FORMATS as CITATIONS
from kg.web.negotiation import Offer, accepts_gzip
from kg.writers import FORMATS

__all__ = [
    "CSV",
    "HTML",
    "JSON",
    "KEYS",
    "MEDIA_TYPES",
    "RDF_OFFERS",
    "RESULTS",
    "SPARQL",
    "FileBody",
    "Link",
    "Problem",
    "add_common_headers",
    "content_type",
    "finish",
    "redirect",
    "respond",
]

_UTF8 = {"charset": "utf-8"}

HTML = Offer("html", "text/html", ("application/xhtml+xml",), _UTF8)
CSV = Offer("csv", "text/csv", (), {"charset": "utf-8", "header": "present"})
JSON = Offer("json", "application/json")
RESULTS = Offer("json", "application/sparql-results+json", ("application/json",))
SPARQL = Offer("rq", "application/sparql-query")
PROBLEM = Offer("json", "application/problem+json", ("application/json",))

#: Turtle comes first: it is what a client gets that does not say what it wants.
RDF_OFFERS: Sequence[Offer] = tuple(
    Offer(
        found.extension,
        found.media_type,
        # Before it had a type of its own, N-Triples was text/plain; some clients still ask for it so.
        {"jsonld": ("application/json",), "nt": ("text/plain",)}.get(found.extension, ()),
        _UTF8 if found.media_type.startswith("text/") else {},
        # A client may ask for a form of JSON-LD; it gets the compacted one, and the type does not say otherwise.
        ("profile",) if found.extension == "jsonld" else (),
    )
    for found in FORMATS.values()
)

#: Every format of this site by its key, and every media type: what `?format=` and `?_mediatype=` may ask for.
KEYS = (HTML.key, *FORMATS, "json", "xml", "csv", "tsv", "rq", *CITATIONS)
MEDIA_TYPES = (
    "application/sparql-results+xml", "text/tab-separated-values",
    *(offer.media_type for offer in (HTML, *RDF_OFFERS, JSON, RESULTS, CSV, SPARQL)),
    *(found.media_type for found in CITATIONS.values()),
)  # fmt: skip

# How long an answer may be used without asking: a document until it changes, a redirect for a minute.
FRESH = {"document": "no-cache", "redirect": "public, max-age=60", "pinned": "public, max-age=31536000, immutable"}

_EXPOSED = (
    "Link, ETag, Location, Content-Location, Content-Language, Last-Modified, Allow, Accept-Ranges, Content-Range, "
    "Retry-After, Memento-Datetime, Kg-Cut"
)
_ALLOWED = "Accept, Accept-Language, Accept-Datetime, Content-Type, If-None-Match, If-Modified-Since, If-Range, Range"
# Nothing of ours asks for any of these, and nothing that a label smuggles in may.
_PERMISSIONS = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"

# A shorter body is not worth the work: it fits into a packet or two as it is.
_WORTH_PACKING = 1024
_PACKED = ("application/gzip", "image/png")


class Link(NamedTuple):
    """One link of a `Link` header (RFC 8288)."""

    target: str
    rel: str
    type: str = ""

    def __str__(self) -> str:
        kind = f'; type="{self.type}"' if self.type else ""
        return f'<{self.target}>; rel="{self.rel}"{kind}'


@dataclass
class Problem(Exception):
    """A request that gets no answer: the status, and in the reader's language what is wrong and what to do."""

    status: int
    title: str
    detail: str = ""
    #: Ways onward: what they are called, and where they lead.
    onward: Sequence[tuple[str, str]] = ()
    #: Of a 406: the types that can be had, with their addresses.
    available: Sequence[tuple[str, str]] = ()
    headers: dict[str, str] = field(default_factory=dict)
    #: More that a program may want to know, such as the line of a mistake.
    members: Mapping[str, object] = field(default_factory=dict)


def content_type(offer: Offer) -> str:
    """Return the type of an offer as `Content-Type` has it."""
    return "; ".join([offer.media_type, *(f"{name}={value}" for name, value in offer.parameters.items())])


def respond(
    body: str | bytes,
    kind: str,
    *,
    status: int = 200,
    language: str = "",
    vary: Iterable[str] = (),
    links: Iterable[Link] = (),
    location: str = "",
    pinned: bool = False,
) -> Response:
    """Return a response with a strong validator; `finish` makes a 304 of it where the client has it already.

    `vary` names the request's fields that chose among representations; `location` is the address of this one.
    """
    data = body.encode() if isinstance(body, str) else body
    response = Response(data, status=status, content_type=kind)
    if language:
        response.content_language.add(language)
    if location:
        response.headers["Content-Location"] = location
    _say_what_matters(response, vary, links)
    response.headers["Cache-Control"] = FRESH["pinned" if pinned else "document"]
    if status == 200:
        digest = hashlib.sha256(f"{kind}\n{language}\n{response.headers.get('Link', '')}\n".encode() + data)
        response.set_etag(digest.hexdigest()[:32])
    return response


def redirect(
    target: str,
    *,
    status: int = 303,
    vary: Iterable[str] = (),
    links: Iterable[Link] = (),
    pinned: bool = False,
) -> Response:
    """Return a redirect: by default a 303, what was asked for is not a document, but this one is about it."""
    response = Response(b"", status=status, content_type="text/plain; charset=utf-8")
    # Set as it is: Werkzeug's helper would rewrite what is already encoded.
    response.headers["Location"] = target
    response.autocorrect_location_header = False
    _say_what_matters(response, vary, links)
    response.headers["Cache-Control"] = FRESH["pinned" if pinned else "redirect"]
    return response


def _say_what_matters(response: Response, vary: Iterable[str], links: Iterable[Link]) -> None:
    if said := ", ".join(dict.fromkeys(vary)):
        response.headers["Vary"] = said
    if said := ", ".join(map(str, links)):
        response.headers["Link"] = said


def finish(response: Response, *, modified: datetime | None = None) -> Response:
    """Return a response as this client gets it: nothing where it has it already, in parts or packed if it asks.

    `modified` is when git says that the answer last changed. A client that sends a date back is answered 304 only
    for this very date: an older state that is served again must not be taken for a newer one.
    """
    etag, _ = response.get_etag()
    if response.status_code == 200 and etag:
        if modified is not None:
            response.headers["Last-Modified"] = http_date(modified)
        packed = _is_worth_packing(response)
        if packed:
            response.vary.add("Accept-Encoding")
            packed = accepts_gzip(request.headers.get("Accept-Encoding"))
            if packed:
                response.set_etag(f"{etag}-gzip")
        _answer_conditions(response, modified)
        body = response.response
        if isinstance(body, FileBody) and response.status_code == 200:
            _answer_range(response, body)
        if packed and response.status_code == 200:
            # Without a clock in it, the same bytes are packed into the same bytes.
            response.set_data(gzip.compress(response.get_data(), 5, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
    return response


def _is_worth_packing(response: Response) -> bool:
    if response.is_streamed or response.direct_passthrough or "Content-Encoding" in response.headers:
        return False
    return response.mimetype not in _PACKED and len(response.get_data()) >= _WORTH_PACKING


def _answer_conditions(response: Response, modified: datetime | None) -> None:
    asked = dict(request.environ)
    if asked.get("HTTP_IF_MATCH", "").strip() == "*":  # which what is here does, whatever its tag
        del asked["HTTP_IF_MATCH"]
    since = parse_date(asked.pop("HTTP_IF_MODIFIED_SINCE", None))
    if since is not None and modified is not None and since == modified:
        asked["HTTP_IF_MODIFIED_SINCE"] = http_date(modified)
    response.make_conditional(asked)


# --- files -----------------------------------------------------------------------------------------------

_PIECE = 1 << 18
_RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))")


class FileBody:
    """A part of a file as the body of a response, read while it is sent.

    A server that sends files by itself finds here which one, from where and how much.
    """

    def __init__(self, path: Path, start: int, length: int) -> None:
        self.path, self.start, self.length = path, start, length
        self._file: BinaryIO | None = None

    def __iter__(self) -> Iterator[bytes]:
        self._file = self.path.open("rb")
        self._file.seek(self.start)
        left = self.length
        while left > 0 and (piece := self._file.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _answer_range(response: Response, body: FileBody) -> None:
    """Cut a file to the one range that is asked for; what is not one is ignored, as RFC 9110 (14.2) wants it."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or request.method != "GET" or not _is_still_this(response):
        return
    size = body.length
    if match[3] is not None:
        first, last = max(0, size - int(match[3])), size - 1
    else:
        first, last = int(match[1]), min(int(match[2] or size), size - 1)
        if match[2] and int(match[2]) < first:
            return
    if first >= size or (match[3] is not None and int(match[3]) == 0):
        response.status_code = 416
        response.headers["Content-Range"] = f"bytes */{size}"
        response.response, response.content_length = [], 0
        return
    response.status_code = 206
    response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    response.response = FileBody(body.path, first, last - first + 1)
    response.content_length = last - first + 1


def _is_still_this(response: Response) -> bool:
    """Tell whether a range, if it comes with the validator of what the client has, is of this very file."""
    said = request.headers.get("If-Range", "").strip()
    return said in ("", response.headers.get("ETag"), response.headers.get("Last-Modified"))


def add_common_headers(response: Response, *, public_origin: str = "") -> Response:
    """Add what every response has: open to scripts of other sites, and nothing that a page could be tricked into."""
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = "*"
    headers["Access-Control-Expose-Headers"] = _EXPOSED
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
    headers["Permissions-Policy"] = _PERMISSIONS
    if response.mimetype == "text/html":
        own = f"'self' {public_origin}".strip()
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src {own}; script-src {own}; connect-src {own}; img-src {own} data:; "
            f"form-action {own}; base-uri 'none'; frame-ancestors 'none'"
        )
    else:
        headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    if request.method == "OPTIONS":
        if response.status_code == 200:
            response.status_code = 204
            headers.remove("Content-Type")
        # A preflight asks what a script may send; what may be sent is what the address allows.
        headers["Access-Control-Allow-Methods"] = headers.get("Allow", "GET, HEAD, OPTIONS")
        headers["Access-Control-Allow-Headers"] = _ALLOWED
        headers["Access-Control-Max-Age"] = "86400"
    return response
