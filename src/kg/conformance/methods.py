"""Checks 42 to 53: methods, validators, caching, other origins' scripts, and what is never believed."""

from __future__ import annotations

import contextlib
import re
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from kg.conformance.checks import Failed, Group, Skipped, check, expect, listing
from kg.conformance.negotiation import languages_of_pages
from kg.conformance.site import Site, with_query, without_fragment
from kg.conformance.wire import Answer

__all__: list[str] = []

_GROUP = Group.METHODS
_ORIGIN = ("Origin", "https://x.example")
# Headers that are about one exchange, not about what is had.
_PASSING = {
    "date", "connection", "keep-alive", "transfer-encoding", "content-length", "age", "x-request-id", "server-timing",
    "set-cookie", "x-runtime", "etag-cache", "x-response-time",
}  # fmt: skip
_SHORT = 24 * 3600
_EXPOSED = {"link", "etag", "location", "content-location", "memento-datetime"}


def _asked(site: Site) -> list[tuple[str, str]]:
    """Return the addresses that a client meets first, each with an Accept."""
    found = [
        (site.entity, "text/turtle"), (site.turtle.url, "text/turtle"), (site.html.url, "text/html"),
        (site.url, "text/html"), (urljoin(site.url, ".well-known/void"), "text/turtle"),
    ]  # fmt: skip
    with contextlib.suppress(Skipped):
        found.append((site.ontology, "text/turtle"))
    if site.found_endpoint:
        found.append((with_query(site.endpoint, query="ASK {}"), "application/sparql-results+json"))
    return found


@check(
    42, _GROUP, "HEAD answers as GET does, without a body",
    request="GET and HEAD of {E}, {T}, {H}, {B}, {O}, VoID and {S}?query=ASK{}",
    expected="the same status and headers, and no byte of a body", source="RFC 9110 9.3.2",
)  # fmt: skip
def head(site: Site) -> None:
    for url, accept in _asked(site):
        full = site.send(url, accept=accept)
        bare = site.send(url, method="HEAD", accept=accept, last=True)
        expect(bare.status == full.status, f"{bare}, but GET: {full}")
        expect(not bare.surplus, f"{len(bare.surplus)} bytes after the head of {url}")
        said, ours = (
            {name.lower(): value for name, value in answer.headers if name.lower() not in _PASSING}
            for answer in (full, bare)
        )
        differ = {name for name in said.keys() | ours.keys() if said.get(name) != ours.get(name)}
        expect(not differ, f"{url}: other {listing(differ)} than for GET")
        length = bare.header("Content-Length")
        expect(not length or length == str(len(full.body)), f"{url}: Content-Length {length} of {len(full.body)}")


def _resources(site: Site) -> list[str]:
    found = [site.entity, site.turtle.url]
    return [*found, site.endpoint] if site.found_endpoint else found


@check(
    43, _GROUP, "OPTIONS names the methods", request="OPTIONS {E}, {T}, {S}",
    expected="200 or 204 with Allow: GET, HEAD, OPTIONS at least", source="RFC 9110 9.3.7, 10.2.1",
)  # fmt: skip
def options(site: Site) -> None:
    for url in _resources(site):
        answer = site.send(url, method="OPTIONS")
        expect(answer.status in (200, 204), answer)
        expect(
            {"get", "head", "options"} <= answer.listed("Allow"), f"{url}: Allow: {answer.header('Allow') or 'none'}"
        )


@check(
    44, _GROUP, "Methods that change are refused", request="PUT, DELETE and PATCH {E}, {T}, {S}",
    expected="405 with Allow", source="RFC 9110 15.5.6",
)  # fmt: skip
def refused_methods(site: Site) -> None:
    for url in _resources(site):
        for method in ("PUT", "DELETE", "PATCH"):
            answer = site.send(url, method=method, fresh=True)
            expect(answer.status == 405, f"{method} {url}: {answer}")
            expect(answer.listed("Allow"), f"{method} {url}: {answer}, without Allow")


@check(
    45, _GROUP, "What a client has already is not sent again",
    request="GET {T} and {H}, then with If-None-Match: its ETag",
    expected="a strong ETag; 304 without a body, with the same ETag, Vary and Cache-Control",
    source="RFC 9110 8.8.3, 13.1.2, 15.4.5",
)  # fmt: skip
def not_modified(site: Site) -> None:
    for document in (site.turtle, site.html):
        tag = document.header("ETag")
        expect(re.fullmatch(r'"[\x21\x23-\x7e\x80-\xff]*"', tag), f"{document.url}: ETag: {tag or 'none'}")
        again = site.send(document.url, accept=document.media_type, headers=(("If-None-Match", tag),), last=True)
        expect(again.status == 304, again)
        expect(not again.surplus, f"{again}, with {len(again.surplus)} bytes after it")
        for name in ("ETag", "Vary", "Cache-Control"):
            was, now = document.header(name), again.header(name)
            expect(was == now, f"304 with {name}: {now or 'none'}, but 200 with {was or 'none'}")


@check(
    46, _GROUP, "Each representation has its own ETag",
    request="GET {E} as Turtle, JSON-LD, HTML in each language, and each of them with gzip",
    expected="all ETags differ", source="RFC 9110 8.8.3.3",
)  # fmt: skip
def distinct_tags(site: Site) -> None:
    answers = {kind: site.good_document(kind) for kind in ("text/turtle", "application/ld+json")}
    answers |= {f"text/html in {language}": answer for language, answer in languages_of_pages(site).items()}
    for what, answer in list(answers.items()):
        packed = site.send(answer.url, headers=(*answer.request.headers, ("Accept-Encoding", "gzip")))
        if packed.has("Content-Encoding"):
            answers[f"{what}, packed"] = packed
    tags: dict[str, str] = {}
    for what, answer in answers.items():
        tag = answer.header("ETag")
        expect(tag, f"{what}: no ETag")
        expect(tag not in tags, f"{what} and {tags.get(tag)} share the ETag {tag}")
        tags[tag] = what


@check(
    47, _GROUP, "Dates of change are validators, weaker than ETags",
    request="GET what has Last-Modified with If-Modified-Since; then with another If-None-Match too",
    expected="304; then 200: If-None-Match wins", source="RFC 9110 13.1.3, 13.2.2",
)  # fmt: skip
def modified_since(site: Site) -> None:
    places = [*_asked(site)[1:4], *((dump, "*/*") for dump in site.dumps[:1])]
    dated = [answer for url, accept in places if (answer := site.send(url, accept=accept)).has("Last-Modified")]
    if not dated:
        raise Skipped("no document has Last-Modified, which is sent only where it is truly known")
    for answer in dated:
        when = answer.header("Last-Modified")
        try:
            parsedate_to_datetime(when)
        except ValueError:
            raise Failed(f"{answer.url}: Last-Modified: {when}, which is no date") from None
        since = (*answer.request.headers, ("If-Modified-Since", when))
        again = site.send(answer.url, headers=since)
        expect(again.status == 304, f"with If-Modified-Since: {again}")
        if answer.has("ETag"):
            both = site.send(answer.url, headers=(*since, ("If-None-Match", '"another"')))
            expect(both.status == 200, f"with another If-None-Match too: {both}")


def _freshness(answer: Answer) -> tuple[set[str], int | None]:
    directives = answer.listed("Cache-Control")
    age = next((found for part in directives if (found := re.fullmatch(r"max-age=(\d{1,9})", part))), None)
    return directives, int(age[1]) if age else None


@check(
    48, _GROUP, "How long an answer may be used is said by its kind",
    request="GET {E}, {T}, {H}, and a document of a pinned snapshot where one is linked (rel=memento)",
    expected="a short max-age or no-cache on redirects and current documents, and Vary on redirects; "
    "max-age=31536000, immutable on pinned ones",
    source="RFC 9111 5.2; RFC 8246",
)  # fmt: skip
def freshness(site: Site) -> None:
    first = site.send(site.entity, accept="text/turtle")
    for answer in (first, site.turtle, site.html):
        directives, age = _freshness(answer)
        short = "no-cache" in directives or (age is not None and age <= _SHORT)
        expect(
            short and "immutable" not in directives,
            f"{answer}: Cache-Control: {answer.header('Cache-Control') or 'none'}",
        )
    expect(first.status == 200 or first.listed("Vary"), f"{first}, without Vary")
    for place in site.turtle.targets("memento"):
        directives, age = _freshness(site.send(place, accept="text/turtle"))
        expect("immutable" in directives and (age or 0) >= 31536000, f"{place}: {listing(directives)}")


@check(
    49, _GROUP, "Scripts of other sites may read everything",
    request="GET {E}, {T}, {S}, what is not there, and {T} again with its ETag, Origin: https://x.example",
    expected="Access-Control-Allow-Origin: *, no Allow-Credentials, Expose-Headers with Link, ETag, Location, "
    "Content-Location and Memento-Datetime",
    source="Fetch standard (CORS)",
)  # fmt: skip
def open_to_scripts(site: Site) -> None:
    missing = urljoin(without_fragment(site.entity), "never-existed-0f8a1")
    tag = (("If-None-Match", site.turtle.header("ETag") or '"none"'),)
    places = [(*found, ()) for found in _asked(site)]
    for url, accept, more in [*places, (missing, "text/turtle", ()), (site.turtle.url, "text/turtle", tag)]:
        answer = site.send(url, accept=accept, headers=(_ORIGIN, *more))
        allowed = answer.header("Access-Control-Allow-Origin")
        expect(allowed == "*", f"{url}: {answer}: Access-Control-Allow-Origin: {allowed or 'none'}")
        expect(not answer.has("Access-Control-Allow-Credentials"), f"{url}: {answer}: Allow-Credentials")
        hidden = _EXPOSED - answer.listed("Access-Control-Expose-Headers")
        expect(not hidden, f"{url}: {answer}: {listing(hidden)} not exposed")


@check(
    50, _GROUP, "A script of another site may ask first",
    request="OPTIONS {S}, Access-Control-Request-Method: POST, -Headers: content-type",
    expected="200 or 204, Allow-Origin, Allow-Methods with POST, Allow-Headers with content-type, Max-Age",
    source="Fetch standard (CORS)",
)  # fmt: skip
def preflight(site: Site) -> None:
    asked = (_ORIGIN, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type"))
    answer = site.send(site.endpoint, method="OPTIONS", headers=asked)
    expect(answer.status in (200, 204), answer)
    expect(answer.header("Access-Control-Allow-Origin") == "*", f"{answer}, without Allow-Origin: *")
    expect(
        "post" in answer.listed("Access-Control-Allow-Methods"),
        f"Allow-Methods: {answer.header('Access-Control-Allow-Methods')}",
    )
    expect(
        {"content-type", "*"} & answer.listed("Access-Control-Allow-Headers"),
        f"Allow-Headers: {answer.header('Access-Control-Allow-Headers')}",
    )
    expect(answer.header("Access-Control-Max-Age").isdigit(), f"{answer}, without Max-Age")


@check(
    51, _GROUP, "Answers are packed for whoever can unpack; dumps come in parts",
    request="GET {H}, Accept-Encoding: gzip; GET a dump, Range: bytes=0-9",
    expected="Content-Encoding: gzip, the same content, Vary with Accept-Encoding; 206 with those ten bytes",
    source="RFC 9110 12.5.3, 14.2",
)  # fmt: skip
def packed_and_in_parts(site: Site) -> None:
    plain = site.html
    answer = site.send(plain.url, headers=(*plain.request.headers, ("Accept-Encoding", "gzip")))
    expect(answer.header("Content-Encoding").lower() == "gzip", f"{answer}, {len(answer.body)} bytes, not packed")
    expect("accept-encoding" in answer.listed("Vary"), f"{answer}: Vary: {answer.header('Vary') or 'none'}")
    expect(answer.content == plain.content, f"{answer}: other content than without gzip")
    for dump in site.dumps[:3]:
        part = site.send(dump, headers=(("Range", "bytes=0-9"),))
        expect(part.status == 206, f"{dump}: {part}")
        expect(len(part.body) == 10, f"{dump}: {part} with {len(part.body)} bytes")
        given = part.header("Content-Range")
        expect(re.fullmatch(r"bytes 0-9/(\d+|\*)", given), f"{dump}: Content-Range: {given or 'none'}")


# Types whose own registration says that they are UTF-8.
_UTF8 = {"text/turtle", "text/n3", "image/svg+xml"}


@check(
    52, _GROUP, "Text says its encoding, and a page what it may load",
    request="GET {T}, {H}, {B}, {E} and what is not there",
    expected="charset=utf-8 where the type leaves it open; X-Content-Type-Options: nosniff; on pages a "
    "Content-Security-Policy that names no third host, and nothing loaded from one",
    source="RFC 9110 8.3; OWASP",
)  # fmt: skip
def safe_headers(site: Site) -> None:
    missing = urljoin(without_fragment(site.entity), "never-existed-0f8a1")
    for url, accept in [*_asked(site)[:4], (missing, "text/html")]:
        answer = site.send(url, accept=accept)
        kind = answer.header("Content-Type").lower()
        if answer.media_type.startswith("text/") and answer.media_type not in _UTF8 and answer.body:
            expect(re.search(r'charset="?utf-8', kind), f"{url}: {answer}")
        expect("charset" not in kind or "utf-8" in kind, f"{url}: {answer}")
        sniffing = answer.header("X-Content-Type-Options").lower()
        expect(sniffing == "nosniff", f"{url}: {answer}: X-Content-Type-Options: {sniffing or 'none'}")
        if answer.media_type == "text/html":
            _expect_own_sources(site, answer)


def _expect_own_sources(site: Site, answer: Answer) -> None:
    policy = answer.header("Content-Security-Policy")
    expect(policy, f"{answer.url}: {answer}: no Content-Security-Policy")
    for source in re.findall(r"(?:https?|wss?)://[^\s;,]+|(?<=\s)\*(?=[\s;,]|$)|\s(?:[\w-]+\.)+[a-z]{2,}", policy):
        host = source.strip()
        expect("://" in host and site.is_here(host.rstrip("/") + "/"), f"{answer.url}: the policy allows {host}")
    expect(re.search(r"(?:default|script)-src", policy), f"{answer.url}: the policy says nothing of scripts")
    for place in site.page(answer).loaded:
        address = urljoin(answer.url, place)
        expect(address.startswith("data:") or site.is_here(address), f"{answer.url}: loads {address}")


_SPOOF = "spoof.example"


@check(
    53, _GROUP, "What a request says of its host is not believed",
    request=f"GET {{E}}, {{T}}, {{H}}, sitemap with X-Forwarded-Host, Forwarded and Host: {_SPOOF}",
    expected="no header and no link with that name (or no such host: 400, 404, 421)", source="RFC 9110 7.2",
)  # fmt: skip
def host_not_believed(site: Site) -> None:
    forwarded = (
        ("X-Forwarded-Host", _SPOOF), ("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Server", _SPOOF),
        ("X-Original-Host", _SPOOF), ("Forwarded", f"host={_SPOOF};proto=gopher"), ("X-Forwarded-Prefix", "/spoofed"),
    )  # fmt: skip
    places = [*_asked(site)[:4], (urljoin(site.url, "sitemap.xml"), "application/xml")]
    for url, accept in places:
        for headers in (forwarded, (("Host", _SPOOF),)):
            answer = site.send(url, accept=accept, headers=headers)
            if headers is not forwarded and answer.status in (400, 403, 404, 421):
                continue
            said = " ".join(f"{name}: {value}" for name, value in answer.headers) + answer.text
            for name in (_SPOOF, "gopher:", "/spoofed"):
                expect(name not in said, f"{url}: {answer}: {name} is believed")
