"""From bytes to a response that tells the truth about itself: type, language, validator, links, what it varies by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flask import Response, request

from kg.web.negotiation import Offer
from kg.writers import FORMATS

__all__ = [
    "CSV",
    "HTML",
    "JSON",
    "RDF_OFFERS",
    "RESULTS",
    "SPARQL",
    "Link",
    "Problem",
    "content_type",
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
        ("application/json",) if found.extension == "jsonld" else (),
        _UTF8 if found.media_type.startswith("text/") else {},
        # A client may ask for a form of JSON-LD; it gets the compacted one, and the type does not say otherwise.
        ("profile",) if found.extension == "jsonld" else (),
    )
    for found in FORMATS.values()
)

# How long an answer may be used without asking: a document until it changes, a redirect for a minute.
FRESH = {"document": "no-cache", "redirect": "public, max-age=60", "pinned": "public, max-age=31536000, immutable"}

_EXPOSED = "Link, ETag, Location, Content-Location, Allow, Retry-After, Kg-Cut"


@dataclass(frozen=True)
class Link:
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
    """Return a response with a strong validator; 304 where the client has it already.

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
        response.make_conditional(request)
    return response


def redirect(target: str, *, vary: Iterable[str] = (), links: Iterable[Link] = ()) -> Response:
    """Return a 303: what was asked for is not a document, but this one is about it."""
    response = Response(b"", status=303, content_type="text/plain; charset=utf-8")
    # Set as it is: Werkzeug's helper would rewrite what is already encoded.
    response.headers["Location"] = target
    response.autocorrect_location_header = False
    _say_what_matters(response, vary, links)
    response.headers["Cache-Control"] = FRESH["redirect"]
    return response


def _say_what_matters(response: Response, vary: Iterable[str], links: Iterable[Link]) -> None:
    for name in vary:
        response.vary.add(name)
    if said := ", ".join(map(str, links)):
        response.headers["Link"] = said


def add_common_headers(response: Response, *, public_origin: str = "") -> Response:
    """Add what every response has: open to scripts of other sites, and nothing that a page could be tricked into."""
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = "*"
    headers["Access-Control-Expose-Headers"] = _EXPOSED
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
    if response.mimetype == "text/html":
        own = f"'self' {public_origin}".strip()
        headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src {own}; img-src {own} data:; form-action {own}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    if request.method == "OPTIONS":
        if response.status_code == 200:
            response.status_code = 204
            headers.remove("Content-Type")
        headers["Access-Control-Allow-Methods"] = headers.get("Allow", "GET, HEAD, OPTIONS")
        headers["Access-Control-Allow-Headers"] = "Accept, Accept-Language, Content-Type, If-None-Match"
        headers["Access-Control-Max-Age"] = "86400"
    return response
