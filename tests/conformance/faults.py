"""One thing that a site can do wrong, each with the numbers of the checks that then fail, and no others."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import unquote

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, parse, serialize
from tests.conformance.little import BASE, DUMP, Asked, Change, LittleSite, Reply

from kg.conformance.wire import Trouble

__all__ = ["FAULTS", "Fault"]


@dataclass(frozen=True)
class Fault:
    """What is wrong, and which checks see it."""

    name: str
    fails: frozenset[int]
    inner: Change | None = None
    outer: Change | None = None

    def site(self) -> LittleSite:
        return LittleSite(self.inner, self.outer)


FAULTS: list[Fault] = []

Where = Callable[[Asked], object]


def thing(asked: Asked) -> bool:
    return asked.path.startswith("/thing/")


def at(*paths: str, method: str = "GET") -> Where:
    return lambda asked: asked.path in paths and asked.method in (method, "HEAD" if method == "GET" else method)


def ending(*extensions: str) -> Where:
    return lambda asked: (
        asked.path.startswith("/data/") and asked.path.endswith(extensions) and asked.method in ("GET", "HEAD")
    )


def header(name: str) -> Where:
    return lambda asked: asked.header(name) is not None


def both(*wheres: Where) -> Where:
    return lambda asked: all(where(asked) for where in wheres)


def wrong(name: str, *fails: int, outer: bool = True) -> Callable[[Change], Change]:
    """Add a fault."""

    def add(change: Change) -> Change:
        FAULTS.append(Fault(name, frozenset(fails), None if outer else change, change if outer else None))
        return change

    return add


def after(name: str, *fails: int, where: Where, change: Callable[[Reply], object], outer: bool = False) -> None:
    """Add a fault that changes what is answered to some requests."""

    def answer(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
        reply = right(asked)
        changed = change(reply) if where(asked) else reply
        return changed if isinstance(changed, Reply) else reply

    wrong(name, *fails, outer=outer)(answer)


def before(name: str, *fails: int, where: Where, change: Callable[[Asked], Asked]) -> None:
    """Add a fault that misunderstands some requests."""
    wrong(name, *fails)(lambda site, asked, right: right(change(asked) if where(asked) else asked))


def status(number: int) -> Callable[[Reply], object]:
    return lambda reply: replace(reply, status=number)


def without(*names: str) -> Callable[[Reply], object]:
    return lambda reply: reply.drop(*names)


def having(**headers: str) -> Callable[[Reply], object]:
    return lambda reply: reply.headers.update({name.replace("_", "-"): value for name, value in headers.items()})


def edit(old: str, new: str) -> Callable[[Reply], object]:
    return lambda reply: reply.edit(old, new) if reply.status == 200 else reply


def ok(body: str = "<h1>Sorry</h1>", kind: str = "text/html; charset=utf-8") -> Callable[[Reply], object]:
    return lambda reply: Reply(200, {**reply.headers, "Content-Type": kind}, body.encode())


def resaid(change: Callable[[list[Quad]], list[Quad]], kind: RdfFormat) -> Callable[[Reply], object]:
    """Change the statements of a document."""

    def changed(reply: Reply) -> Reply:
        if reply.status != 200:
            return reply
        quads = change(list(parse(reply.body, format=kind)))
        return replace(reply, body=serialize(quads, format=kind) or b"")

    return changed


# --- dereferencing ---

after("a thing is redirected by 302", 1, 2, 1, 2, where=thing,
      change=lambda reply: replace(reply, status=302) if reply.status == 303 else reply)  # fmt: skip
after(
    "a redirect has no Location",
    1,
    2,
    3,
    4,
    8,
    10,
    11,
    13,
    14,
    15,
    16,
    17,
    19,
    22,
    23,
    24,
    27,
    28,
    29,
    30,
    33,
    34,
    36,
    40,
    42,
    43,
    44,
    45,
    46,
    47,
    48,
    49,
    51,
    52,
    53,
    75,
    76,
    where=thing,
    change=without("Location"),
)


@wrong("the page is answered at the thing's own IRI", 2, 23, 24, outer=False)
def page_at_thing(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    reply = right(asked)
    if thing(asked) and reply.status == 303 and reply.headers["Location"].endswith(".html"):
        return right(replace(asked, path=reply.headers["Location"]))
    return reply


after(
    "Turtle is sent as plain text",
    1,
    3,
    4,
    10,
    13,
    17,
    22,
    23,
    27,
    28,
    29,
    30,
    36,
    40,
    42,
    43,
    44,
    45,
    46,
    47,
    48,
    49,
    52,
    53,
    75,
    76,
    where=ending(".ttl"),
    change=having(Content_Type="text/plain; charset=utf-8"),
)
after(
    "Turtle is not Turtle",
    3,
    4,
    10,
    22,
    23,
    36,
    40,
    46,
    75,
    76,
    where=ending(".ttl"),
    change=lambda reply: replace(reply, body=b"<a> <b"),
)


def elsewhere(reply: Reply) -> Reply:
    quads = parse(b"<urn:a> <urn:b> <urn:c> .", format=RdfFormat.TURTLE)
    return replace(reply, body=serialize(quads, format=RdfFormat.from_media_type(reply.kind)) or b"")


after(
    "the documents are about another thing", 3, 36, 40,
    where=both(ending(".ttl", ".jsonld", ".rdf", ".nt", ".trig", ".nq"), lambda asked: "m%C3" in asked.path),
    change=elsewhere,
)  # fmt: skip
after("N-Triples lack a statement", 4, where=ending(".nt"), change=resaid(lambda quads: quads[1:], RdfFormat.N_TRIPLES))
after(
    "RDF/XML has another number",
    4,
    where=ending(".rdf"),
    change=lambda reply: reply.edit("2.50", "2.5") if b"2.50" in reply.body else reply,
)
after(
    "whoever says nothing is refused",
    5,
    6,
    where=lambda asked: thing(asked) and asked.method == "GET" and asked.header("Accept") is None,
    change=status(406),
)


@wrong("the default changes from time to time", 5)
def changing(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    reply = right(asked)
    if thing(asked) and asked.header("Accept") is None and reply.status == 303:
        reply.headers["Location"] += "" if site.asked % 2 else "#"
    return reply


after(
    "whoever has no name is refused",
    6,
    where=lambda asked: thing(asked) and asked.header("Accept") == "*/*" and not asked.header("User-Agent"),
    change=status(403),
)
after(
    "the ontology is redirected",
    7,
    where=at("/terms"),
    change=lambda reply: Reply(303, {"Location": "/terms/1", "Vary": "Accept"}),
)
after(
    "the ontology has no page",
    7,
    where=at("/terms"),
    change=lambda reply: replace(reply, status=406) if reply.kind == "text/html" else reply,
)


@wrong("there are two steps to a document", 1, 2, 8)
def two_steps(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    if asked.path.startswith("/via"):
        return Reply(302, {"Location": asked.path.removeprefix("/via"), "Vary": "Accept"})
    reply = right(asked)
    if thing(asked) and reply.status == 303:
        reply.headers["Location"] = "/via" + reply.headers["Location"]
    return reply


after(
    "what never was is answered by 200",
    9,
    11,
    12,
    where=thing,
    change=lambda reply: ok()(reply) if reply.status == 404 else reply,
)
after(
    "what never was has no body",
    9,
    where=thing,
    change=lambda reply: Reply(404, reply.drop("Content-Type").headers) if reply.status == 404 else reply,
)
after("what was withdrawn is not found", 10, where=at("/thing/gone"), change=status(404))
after("what was merged is redirected for now", 10, where=at("/thing/old"), change=status(302))


def forgetful(quads: list[Quad]) -> list[Quad]:
    return [quad for quad in quads if not quad.predicate.value.endswith("isReplacedBy")]


after(
    "a successor does not know what it replaced", 10, where=ending(".ttl"), change=resaid(forgetful, RdfFormat.TURTLE)
)
before(
    "addresses are decoded twice",
    11,
    where=lambda asked: thing(asked) and "%25" in asked.path,
    change=lambda asked: replace(asked, path=unquote(asked.path)),
)
before(
    "a plus is passed over",
    11,
    where=lambda asked: thing(asked) and asked.path.endswith("+"),
    change=lambda asked: replace(asked, path=asked.path.rstrip("+")),
)
after(
    "small letters in an encoding are not understood", 11, where=lambda asked: "%c3" in asked.path, change=status(404)
)
before(
    "a slash at the end is passed over",
    12,
    where=thing,
    change=lambda asked: replace(asked, path=asked.path.rstrip("/")),
)

# --- negotiation ---


def preferring(accept: str) -> Callable[[Asked], Asked]:
    return lambda asked: asked.having(Accept=accept)


def saying(text: str) -> Where:
    return lambda asked: thing(asked) and text in (asked.header("Accept") or "")


before(
    "weights are passed over",
    14,
    15,
    where=saying("q="),
    change=lambda asked: asked.having(Accept=re.sub(r";q=[\d.]+", "", asked.header("Accept") or "")),
)
before(
    "the first type counts, whatever its weight", 13, where=saying("text/html;q=0.4"), change=preferring("text/html")
)
before("a weight of 0 is passed over", 14, where=saying("q=0,"), change=preferring("text/turtle"))
before("a wide range counts as much as a narrow one", 15, where=saying("text/*"), change=preferring("text/turtle"))
before(
    "browsers get what programs get",
    16,
    where=saying("application/xhtml+xml,application/xml"),
    change=preferring("text/turtle"),
)
before("a program gets the page", 17, where=saying("application/x-trig"), change=preferring("text/html"))
before(
    "what there is not is answered with something",
    18,
    where=lambda asked: asked.header("Accept") == "image/png" and thing(asked),
    change=lambda asked: asked.without("accept"),
)
after(
    "a refusal does not say what there is",
    18,
    where=thing,
    change=lambda reply: replace(reply, body=b"no") if reply.status == 406 else reply,
)
before(
    "JSON is not known",
    19,
    where=lambda asked: asked.header("Accept") == "application/json" and thing(asked),
    change=preferring("image/png"),
)
after("a long header breaks it", 21, where=lambda asked: len(asked.header("Accept") or "") > 4000, change=status(500))
after(
    "a long header keeps it busy",
    21,
    where=lambda asked: len(asked.header("Accept") or "") > 4000,
    change=lambda reply: replace(reply, delay=2.0),
)
before(
    "there is one language for all",
    22,
    where=header("Accept-Language"),
    change=lambda asked: asked.without("accept-language"),
)
after(
    "a page says another language than it is in",
    22,
    where=ending(".html"),
    change=edit("<html lang=", "<html language="),
)
after("Content-Language is not said", 22, where=ending(".html"), change=without("Content-Language"))
after(
    "readers get data in their language",
    22,
    where=both(ending(".ttl"), header("Accept-Language")),
    change=lambda reply: replace(reply, body=reply.body + b"\n"),
)
after(
    "a redirect does not say that it varies",
    23,
    48,
    where=thing,
    change=lambda reply: reply.drop("Vary") if reply.status == 303 else reply,
)
after(
    "a refusal does not say that it varies",
    23,
    where=thing,
    change=lambda reply: reply.drop("Vary") if reply.status == 406 else reply,
)
after("the ontology does not say that it varies", 23, where=at("/terms"), change=without("Vary"), outer=True)
after("304 does not say that it varies", 23, 45, where=header("If-None-Match"), change=without("Vary"), outer=True)
after("a page does not say that it varies by language", 23, where=ending(".html"), change=without("Vary"))
before(
    "Accept wins over an extension",
    24,
    where=both(ending(".ttl"), lambda asked: asked.header("Accept") == "text/html"),
    change=lambda asked: replace(asked, path=asked.path.replace(".ttl", ".html")),
)
before(
    "an unknown format is passed over",
    25,
    where=lambda asked: "format" in asked.arguments or "_mediatype" in asked.arguments,
    change=lambda asked: replace(asked, query=""),
)

# --- links and discovery ---

after(
    "a link has no quotation marks where it needs them",
    27,
    28,
    29,
    30,
    33,
    34,
    41,
    where=lambda asked: asked.path.endswith(".html"),
    change=lambda reply: reply.headers.update(
        Link=reply.headers.get("Link", "<a>; rel=b").replace(
            '"alternate"; type="application/rdf+xml"', "alternate; type=application/rdf+xml"
        )
    ),
)
after(
    "a page does not link to one format",
    28,
    33,
    34,
    where=ending(".html"),
    change=lambda reply: (
        reply.headers.update(
            Link=reply.headers["Link"].replace('rel="alternate"; type="application/rdf+xml"', 'rel="x"')
        )
        if reply.status == 200
        else reply
    ),
)
after(
    "Turtle has no canonical address",
    29,
    where=ending(".ttl"),
    change=lambda reply: (
        reply.headers.update(Link=reply.headers["Link"].replace("canonical", "x")) if reply.status == 200 else reply
    ),
)
after(
    "Turtle does not say what it describes",
    29,
    where=ending(".ttl"),
    change=lambda reply: (
        reply.headers.update(Link=reply.headers["Link"].replace("/thing/", "/thong/")) if reply.status == 200 else reply
    ),
)
after(
    "a redirect has no links",
    30,
    where=thing,
    change=lambda reply: reply.drop("Link") if reply.status == 303 else reply,
)
after(
    "the dataset cannot be cited",
    31,
    where=at("/all"),
    change=lambda reply: reply.headers.update(Link=reply.headers["Link"].replace("cite-as", "x")),
)
after("a dump does not lead back", 32, where=lambda asked: asked.path == DUMP, change=without("Link"))
after(
    "the linkset lacks a link",
    33,
    where=ending(".links"),
    change=lambda reply: reply.edit("describes", "x") if reply.kind.endswith("json") and reply.status == 200 else reply,
)
after("a page's head lacks a link", 34, where=ending(".html"), change=edit('<link rel="canonical"', "<link"))
after(
    "VoID counts wrongly",
    35,
    where=at("/.well-known/void"),
    change=lambda reply: replace(reply, body=re.sub(rb"void:triples \d+", b"void:triples 7", reply.body)),
)
after("there is no VoID", 35, where=at("/.well-known/void"), change=status(404))
after(
    "documents name no dataset",
    4,
    36,
    40,
    where=ending(".ttl"),
    change=resaid(
        lambda quads: [quad for quad in quads if not quad.predicate.value.endswith("inDataset")], RdfFormat.TURTLE
    ),
)
after(
    "the API catalogue does not name the endpoint",
    37,
    where=at("/.well-known/api-catalog"),
    change=edit("/api/sparql", "/api/other"),
)
after(
    "DCAT says another digest",
    38,
    where=at("/all/dcat"),
    change=lambda reply: replace(reply, body=re.sub(rb"checksumValue '.", b"checksumValue '", reply.body)),
)
after(
    "DCAT says another size",
    38,
    where=at("/all/dcat"),
    change=lambda reply: replace(reply, body=re.sub(rb"byteSize \d+", b"byteSize 1", reply.body)),
)
after("DCAT has no publisher", 38, where=at("/all/dcat"), change=edit("dct:publisher [] ;", ""))
after("search engines are told no licence", 39, where=at("/all"), change=edit('"license"', '"licence"'))
after(
    "a label can end the script of a page",
    40,
    where=ending(".html"),
    change=edit(
        '<script type="application/ld+json">', '<script type="application/ld+json">{"@id":"urn:a","urn:b":"</script>"}'
    ),
)
after(
    "a page says more than its data",
    40,
    where=ending(".html"),
    change=edit("</script>", '</script><script type="application/ld+json">{"@id":"urn:a","urn:b":"c"}</script>'),
)
after("crawlers may ask the endpoint", 41, where=at("/robots.txt"), change=edit("/api/", "/nothing/"))
after("the sitemap names what is not there", 41, where=at("/sitemap.xml"), change=edit(".html", ".htm"))

# --- methods, caching, CORS ---


@wrong("HEAD has a body", 42, 68)
def head_with_body(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    reply = right(asked)
    return replace(reply, surplus=reply.body) if asked.method == "HEAD" else reply


after(
    "HEAD is not known",
    42,
    where=lambda asked: asked.method == "HEAD" and asked.path.endswith(".html"),
    change=status(405),
    outer=True,
)
after(
    "HEAD has other headers",
    42,
    where=lambda asked: asked.method == "HEAD",
    change=having(X_Robots_Tag="x"),
    outer=True,
)
after("OPTIONS is not known", 43, where=lambda asked: asked.method == "OPTIONS" and thing(asked), change=status(404))
after("OPTIONS does not name the methods", 43, where=lambda asked: asked.method == "OPTIONS", change=without("Allow"))
after(
    "what cannot be changed is not found",
    44,
    where=lambda asked: asked.method == "DELETE" and thing(asked),
    change=status(404),
)
after(
    "a refused method does not say which are allowed",
    44,
    where=lambda asked: asked.method == "PATCH",
    change=without("Allow"),
)
after(
    "tags are weak",
    45,
    where=lambda asked: True,
    change=lambda reply: reply.headers.update(ETag="W/" + reply.headers["ETag"]) if "ETag" in reply.headers else reply,
    outer=True,
)
before(
    "tags are passed over",
    45,
    where=header("If-None-Match"),
    change=lambda asked: asked.without("if-none-match", "if-modified-since"),
)
after(
    "304 has another Cache-Control",
    45,
    where=header("If-None-Match"),
    change=lambda reply: reply.headers.update({"Cache-Control": "max-age=1"}) if reply.status == 304 else reply,
    outer=True,
)
after(
    "304 has a body",
    45,
    where=header("If-None-Match"),
    change=lambda reply: replace(reply, surplus=b"something") if reply.status == 304 else reply,
    outer=True,
)


def sharing(*names: str) -> Change:
    """Give what these headers choose the tag of what is had without them."""

    def answer(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
        reply = right(asked)
        if any(asked.header(name) for name in names) and "ETag" in reply.headers:
            reply.headers["ETag"] = right(asked.without(*names)).headers["ETag"]
        return reply

    return answer


wrong("a packed answer has the tag of the plain one", 46)(sharing("accept-encoding"))
wrong("a page has the same tag in all languages", 46)(sharing("accept-language"))
before(
    "dates of change are passed over",
    47,
    where=header("If-Modified-Since"),
    change=lambda asked: asked.without("if-modified-since"),
)
before(
    "dates of change win over tags",
    47,
    where=both(header("If-Modified-Since"), header("If-None-Match")),
    change=lambda asked: asked.without("if-none-match"),
)
after(
    "redirects are kept for a year",
    48,
    where=thing,
    change=lambda reply: reply.headers.update({"Cache-Control": "max-age=31536000"}),
)
after(
    "documents do not say how long they are good", 48, where=ending(".ttl"), change=without("Cache-Control"), outer=True
)
after(
    "scripts of one site are let in with credentials",
    49,
    50,
    74,
    where=header("Origin"),
    change=having(Access_Control_Allow_Origin="https://x.example", Access_Control_Allow_Credentials="true"),
    outer=True,
)
after(
    "errors are closed to scripts",
    49,
    where=lambda asked: True,
    change=lambda reply: reply.drop("Access-Control-Allow-Origin") if reply.status == 404 else reply,
    outer=True,
)
after(
    "scripts do not see links",
    49,
    where=lambda asked: True,
    change=having(Access_Control_Expose_Headers="ETag, Location, Content-Location, Memento-Datetime"),
    outer=True,
)
after(
    "scripts may not ask first",
    50,
    where=header("Access-Control-Request-Method"),
    change=without("Access-Control-Allow-Headers"),
)
before("nothing is packed", 51, where=header("Accept-Encoding"), change=lambda asked: asked.without("accept-encoding"))
before("dumps do not come in parts", 51, where=header("Range"), change=lambda asked: asked.without("range"))
after("browsers may guess types", 52, where=ending(".ttl"), change=without("X-Content-Type-Options"), outer=True)
after("pages do not say their encoding", 52, where=ending(".html"), change=having(Content_Type="text/html"))
after(
    "pages may load from another host",
    52,
    where=ending(".html"),
    change=having(Content_Security_Policy="default-src 'self' https://cdn.example"),
    outer=True,
)
after(
    "pages load from another host",
    52,
    where=ending(".html"),
    change=edit("</head>", '<script src="https://cdn.example/x.js"></script></head>'),
)


@wrong("the forwarded host is believed", 53)
def believing(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    reply = right(asked)
    if asked.header("X-Forwarded-Host") and "Location" in reply.headers:
        reply.headers["Location"] = f"http://{asked.header('X-Forwarded-Host')}{reply.headers['Location']}"
    return reply


@wrong("the Host header is believed", 53, outer=False)
def believing_host(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    reply = right(asked)
    if asked.path == "/sitemap.xml" and asked.header("Host"):
        reply.edit(BASE, f"http://{asked.header('Host')}/")
    return reply


# --- SPARQL ---


def asking(*words: str, method: str | None = None) -> Where:
    """Tell whether the endpoint is asked something with these words."""

    def where(asked: Asked) -> bool:
        said = unquote(asked.query) + unquote(asked.body[:5000].decode("latin-1"))
        right = asked.path == "/api/sparql" and asked.method in ((method,) if method else ("GET", "POST"))
        return right and all(word in said for word in words)

    return where


def taking(kind: str) -> Where:
    return lambda asked: asked.path == "/api/sparql" and kind in (asked.header("Accept") or "")


after(
    "queries are not taken as a form",
    54,
    58,
    where=both(asking(method="POST"), lambda asked: "form" in (asked.header("Content-Type") or "")),
    change=status(415),
)
after(
    "one way to ask gives other rows",
    54,
    where=asking("ORDER BY ?s", method="POST"),
    change=ok('{"head":{"vars":[]},"results":{"bindings":[]}}', "application/sparql-results+json"),
)
after(
    "CSV is sent as plain text",
    55,
    where=taking("text/csv"),
    change=lambda reply: (
        reply.headers.update({"Content-Type": "text/plain; charset=utf-8"}) if reply.status == 200 else reply
    ),
)
before(
    "XML is the default of results",
    55,
    where=both(asking("LIMIT 7"), lambda asked: asked.header("Accept") == "*/*"),
    change=preferring("application/sparql-results+xml"),
)
after(
    "triples come in Turtle alone",
    56,
    where=both(asking("CONSTRUCT"), lambda asked: asked.header("Accept") == "application/rdf+xml"),
    change=having(Content_Type="text/turtle"),
)
before(
    "results come in any format",
    57,
    where=both(asking("query"), lambda asked: asked.header("Accept") == "image/png"),
    change=lambda asked: asked.without("accept"),
)
before(
    "of two queries one is answered",
    58,
    where=asking("query=ASK {}&query"),
    change=lambda asked: replace(asked, query="query=ASK{}"),
)
after(
    "a wrong query is not told where",
    58,
    where=asking("?s ?p }"),
    change=lambda reply: replace(reply, body=b'{"title": "wrong"}') if reply.status == 400 else reply,
)
after(
    "any body is taken for a query",
    59,
    where=both(asking(), lambda asked: asked.header("Content-Type") == "text/plain"),
    change=status(200),
)
before(
    "the dataset of a request is passed over",
    60,
    where=asking("-graph-uri"),
    change=lambda asked: replace(asked, query=asked.query.split("&")[0]),
)


@wrong("data can be changed", 61)
def changing_data(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    if asking("INSERT DATA", method="POST")(asked):
        site.store.add(Quad(NamedNode("urn:s"), NamedNode("urn:p"), NamedNode("urn:o"), DefaultGraph()))
        return Reply(204)
    return right(asked)


@wrong("another endpoint is asked, though it is refused", 62)
def asking_others(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    if found := re.search(r"SERVICE SILENT <(http://127[^>]+)>", unquote(asked.query)):
        urllib.request.urlopen(found[1], timeout=5).close()
    return right(asked)


after(
    "a query for another endpoint is answered",
    62,
    where=asking("SERVICE", "VALUES"),
    change=ok('{"head":{"vars":[]},"results":{"bindings":[]}}', "application/sparql-results+json"),
)


@wrong("a query without end has no answer", 63)
def never(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    if asking("REGEX")(asked):
        raise Trouble("no answer, or no end of it, within the deadline")
    return right(asked)


after("a query without end breaks it", 63, where=asking("RAND()"), change=status(500))
after("an ended query does not say when to come back", 63, where=asking("!<urn:x>"), change=without("Retry-After"))
after("a cut is not said in a header", 64, where=asking("?c ?r ?z"), change=without("Result-Limit"))
after("a cut is not said at the end", 64, where=asking("?c ?r ?z"), change=edit("# cut", '"x","y"'))

FEDERATED = (
    b"<urn:a> <http://www.w3.org/ns/sparql-service-description#feature> "
    b"<http://www.w3.org/ns/sparql-service-description#BasicFederatedQuery> ."
)

after(
    "the endpoint says that it asks others",
    65,
    where=both(at("/api/sparql"), lambda asked: not asked.query),
    change=lambda reply: replace(reply, body=reply.body + FEDERATED) if reply.kind == "text/turtle" else reply,
)
after(
    "the endpoint gives another address",
    65,
    where=both(at("/api/sparql"), lambda asked: not asked.query),
    change=lambda reply: reply.edit("api/sparql", "api/other") if reply.kind == "text/turtle" else reply,
)
after(
    "the endpoint has no page",
    65,
    where=both(at("/api/sparql"), lambda asked: asked.header("Accept") == "text/html"),
    change=status(406),
)
after(
    "a long query breaks it",
    66,
    where=both(asking("xxxxxxxx"), lambda asked: len(asked.query) > 4000),
    change=status(500),
)
after("a huge body is taken", 66, where=lambda asked: len(asked.body) > 1_000_000, change=status(200))
after("many queries break it", 67, where=asking("# 29"), change=status(500))
after("many queries are refused without a word when", 67, where=asking("# 29"), change=lambda reply: Reply(429))
after(
    "many queries break the rest",
    67,
    where=lambda asked: asked.path in ("/healthz", "/") and asked.header("Accept") == "*/*",
    change=status(503),
)

# --- services, ontology ---

after(
    "an unknown graph is empty",
    68,
    where=both(at("/api/rdf-graph-store"), lambda asked: "no-such" in asked.query),
    change=ok("", "text/turtle"),
)
after("graphs can be put", 68, where=at("/api/rdf-graph-store", method="PUT"), change=status(204))
after(
    "a graph lacks a statement",
    68,
    where=both(at("/api/rdf-graph-store"), lambda asked: "survey" in asked.query),
    change=resaid(lambda quads: quads[1:], RdfFormat.TURTLE),
)
after(
    "fragments count wrongly",
    69,
    where=both(at("/api/ldf"), lambda asked: "subject" in asked.query),
    change=lambda reply: replace(reply, body=re.sub(rb"totalItems \d+", b"totalItems 99", reply.body)),
)
after(
    "fragments have no way back",
    69,
    where=both(at("/api/ldf"), lambda asked: "page=2" in asked.query),
    change=edit("hydra:previous", "hydra:x"),
)
after(
    "the manifest has no view",
    74,
    where=at("/api/reconcile"),
    change=lambda reply: reply.edit('"view"', '"vue"') if b'"view"' in reply.body else reply,
)
after(
    "candidates are not sorted",
    75,
    where=lambda asked: asked.path == "/api/reconcile",
    change=lambda reply: reply.edit('"score": 10', '"score": 100') if b'"score": 10' in reply.body else reply,
)
after(
    "two candidates match",
    75,
    where=lambda asked: asked.path == "/api/reconcile",
    change=lambda reply: reply.edit("false", "true") if b"false" in reply.body else reply,
)
after(
    "the new way to match gives another", 75, where=at("/api/reconcile/match", method="POST"), change=edit("oan", "x")
)
after(
    "a preview needs a script", 76, where=at("/api/reconcile/preview"), change=edit("</p>", "</p><script>x()</script>")
)
after("suggestions have no names", 76, where=at("/api/reconcile/suggest"), change=edit('"name"', '"x"'))
after(
    "the ontology has no version",
    77,
    where=at("/terms"),
    change=lambda reply: replace(reply, body=reply.body.replace(b"versionIRI", b"versionInfo")),
)
after("the version of the ontology leads nowhere", 77, where=at("/terms/1"), change=status(404))
after(
    "a term has no comment",
    77,
    where=at("/terms"),
    change=lambda reply: replace(
        reply, body=reply.body.replace(b'"In metres."', b'"In metres."').replace(b"#comment", b"#remark")
    ),
)

# --- finer faults: each of them is seen by one line of a check alone ---

after(
    "whoever says nothing, or anything, is refused", 5, 6,
    where=lambda asked: thing(asked) and asked.method == "GET" and asked.header("Accept") in (None, "*/*"),
    change=status(400),
)  # fmt: skip
before(
    "whoever has a name gets another default", 5,
    where=lambda asked: thing(asked) and asked.header("Accept") == "*/*" and asked.header("User-Agent") is not None,
    change=preferring("text/html"),
)  # fmt: skip
after("what never was is found to be wrong", 9, where=lambda asked: "never-existed" in asked.path, change=status(400))
after("what was withdrawn has no body", 10, where=at("/thing/gone"), change=lambda reply: replace(reply, body=b""))
after(
    "a slash at the end leads elsewhere", 12, where=lambda asked: thing(asked) and asked.path.endswith("/"),
    change=lambda reply: Reply(301, {"Location": "/thing/carn", "Vary": "Accept"}),
)  # fmt: skip
after(
    "what there is not is wrong", 18, where=lambda asked: thing(asked) and asked.header("Accept") == "image/png",
    change=status(400),
)  # fmt: skip
after(
    "a refusal has no links", 18, where=thing,
    change=lambda reply: reply.drop("Link") if reply.status == 406 else reply,
)  # fmt: skip
before("whoever asks for JSON gets Turtle", 19, where=saying("application/json"), change=preferring("text/turtle"))


@wrong("JSON is other data than JSON-LD", 19)
def other_json(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
    if asked.header("Accept") == "application/json" and asked.path.endswith(".jsonld"):
        return Reply(200, {"Content-Type": "application/json"}, b"{}")
    return right(asked)


def ontology_without(old: str, new: str) -> Callable[[Reply], object]:
    return lambda reply: replace(reply, body=reply.body.replace(old.encode(), new.encode()))


after("the ontology has no licence", 77, where=at("/terms"), change=ontology_without("terms/license", "terms/x"))
after("the ontology has another name", 77, where=at("/terms"), change=ontology_without("/terms>", "/words>"))
after("a term has no label", 77, where=at("/terms"), change=ontology_without("schema#label", "schema#x"))
after(
    "there is no default graph to be had", 68, where=both(at("/api/rdf-graph-store"), lambda a: a.query == "default"),
    change=having(Content_Type="text/plain; charset=utf-8"),
)  # fmt: skip
after(
    "a graph comes in another format", 68, where=both(at("/api/rdf-graph-store"), lambda a: "survey" in a.query),
    change=having(Content_Type="application/n-triples"),
)  # fmt: skip
after("fragments do not vary", 69, where=at("/api/ldf"), change=without("Vary"), outer=True)
after("fragments have no form", 69, where=at("/api/ldf"), change=edit("hydra:template", "hydra:x"))
after("fragments have no totals", 69, where=at("/api/ldf"), change=edit("hydra:totalItems", "hydra:x"))
after(
    "a fragment lacks its data", 69, where=both(at("/api/ldf"), lambda asked: "subject" in asked.query),
    change=edit("<https://stones.example/thing/m", "<urn:m"),
)  # fmt: skip
after(
    "the second page of fragments is not there", 69, where=both(at("/api/ldf"), lambda asked: "page=2" in asked.query),
    change=status(404),
)  # fmt: skip


def matching(*words: str, method: str | None = None) -> Where:
    def where(asked: Asked) -> bool:
        said = unquote(asked.query) + unquote(asked.body.decode("latin-1"))
        return (
            asked.path == "/api/reconcile"
            and (method is None or asked.method == method)
            and all(word in said for word in words)
        )

    return where


after("nothing matches", 75, 76, where=matching("queries"), change=ok('{"q0": {"result": []}}', "application/json"))
after("candidates have no score", 75, where=matching("queries"), change=edit('"score"', '"x"'))
after("GET matches otherwise", 75, where=matching("queries", method="GET"), change=edit('"oan"', '"x"'))
after("POST does not match", 75, where=matching("queries", "q0", method="POST"), change=status(201))
after("any number is matched at once", 75, where=matching("q4999"), change=status(200))
after("a preview is no page", 76, where=at("/api/reconcile/preview"), change=having(Content_Type="text/plain"))
after("data are not extended", 76, where=matching("extend=", method="POST"), change=ok("{}", "application/json"))

PREFLIGHT = header("Access-Control-Request-Method")
after("a script that asks first is refused", 50, where=PREFLIGHT, change=status(403))
after("a script may not POST", 50, where=PREFLIGHT, change=having(Access_Control_Allow_Methods="GET"))
after("a script must ask every time", 50, where=PREFLIGHT, change=without("Access-Control-Max-Age"))
after(
    "scripts come with credentials", 49, where=header("Origin"),
    change=having(Access_Control_Allow_Credentials="true"), outer=True,
)  # fmt: skip
after(
    "packed answers do not say that they vary", 51, where=header("Accept-Encoding"),
    change=having(Vary="Accept, Accept-Language"), outer=True,
)  # fmt: skip
after(
    "packed answers say something else", 51, where=both(ending(".html"), header("Accept-Encoding")),
    change=lambda reply: replace(reply, body=reply.body.replace(b"<h1>", b"<h1>!")),
)  # fmt: skip
after("pages have no policy", 52, where=ending(".html"), change=without("Content-Security-Policy"), outer=True)
after(
    "the policy lets any script run", 52, where=ending(".html"),
    change=having(Content_Security_Policy="img-src 'self'"), outer=True,
)  # fmt: skip
after(
    "Turtle is in another encoding",
    52,
    where=ending(".ttl"),
    change=having(Content_Type="text/turtle; charset=latin-1"),
)
after(
    "HEAD says another length", 42, where=lambda asked: asked.method == "HEAD", change=having(Content_Length="7"),
    outer=True,
)  # fmt: skip
after("tags have no quotation marks", 45, 46, where=ending(".ttl"), change=having(ETag="abc"), outer=True)
after("JSON-LD has no tag", 46, where=ending(".jsonld"), change=without("ETag"), outer=True)
after(
    "a part is longer than was asked for",
    51,
    where=header("Range"),
    change=lambda reply: replace(reply, body=b"x" * 11),
)
after("a part does not say which it is", 51, where=header("Range"), change=without("Content-Range"))
after("a part is called the whole", 51, where=header("Range"), change=status(200))
after(
    "a pinned state may change", 48, where=ending(".ttl"),
    change=lambda reply: reply.headers.update(Link=reply.headers["Link"] + ', </terms/1>; rel="memento"'),
)  # fmt: skip


ROWS_IN_JSON = "application/sparql-results+json"
NO_ROWS = '{"head":{"vars":[]},"results":{"bindings":[]}}'
NUMBER_0 = '{"head":{"vars":["n"]},"results":{"bindings":[{"n":{"type":"literal","value":"0"}}]}}'
ONE_ROW = '{"head":{"vars":["s"]},"results":{"bindings":[{"s":{"type":"uri","value":"urn:s"}}]}}'


def accepting(kind: str) -> Where:
    return lambda asked: asked.header("Accept") == kind


def relinked(old: str, new: str) -> Callable[[Reply], object]:
    """Change a text of the Link header, which must be there."""

    def change(reply: Reply) -> None:
        if reply.status == 200:
            assert old in reply.headers["Link"], old
            reply.headers["Link"] = reply.headers["Link"].replace(old, new)

    return change


ANOTHER = '</script><script type="application/ld+json">{"@type": "http://schema.org/Dataset"}</script>'
VOID, DCAT, ALL = at("/.well-known/void"), at("/all/dcat"), at("/all")
after("a dump is linked without its type", 31, where=ALL, change=relinked('; type="application/n-quads"', ""))
after("the dataset does not say what it is", 31, where=ALL, change=relinked("schema.org/Dataset", "schema.org/Thing"))
after(
    "the linkset comes as plain JSON",
    33,
    where=both(ending(".links"), accepting("application/linkset+json")),
    change=having(Content_Type="application/json"),
)
after(
    "the linkset comes as JSON alone",
    33,
    where=both(ending(".links"), accepting("application/linkset")),
    change=status(406),
)
after("VoID describes no dataset", 35, where=VOID, change=edit("a void:Dataset", "a void:Linkset"))
after("VoID does not say whose names these are", 35, where=VOID, change=edit("void:uriSpace", "void:x"))
after("VoID names another endpoint", 35, where=VOID, change=edit("api/sparql", "api/other"))
after(
    "the API catalogue is plain JSON",
    37,
    where=at("/.well-known/api-catalog"),
    change=having(Content_Type="application/json"),
)
after("DCAT has no address of a dump", 38, where=DCAT, change=edit("dcat:downloadURL", "dcat:x"))
after("DCAT names a dump that is not there", 38, where=DCAT, change=edit("stones.nq", "none.nq"))
after("DCAT says no size", 38, where=DCAT, change=edit("dcat:byteSize", "dcat:x"))
after("DCAT says no digest", 38, where=DCAT, change=edit("spdx:checksumValue", "spdx:x"))
after("DCAT has no service", 38, where=DCAT, change=edit("dcat:DataService", "dcat:Resource"))
after("DCAT names another endpoint", 38, where=DCAT, change=edit("api/sparql", "api/other"))
after(
    "search engines are told too little",
    39,
    where=ALL,
    change=edit("All the stones that somebody set up, as far as", "All"),
)
after("search engines are told of two datasets", 39, where=ALL, change=edit("</script>", ANOTHER))
after("a page has no data", 40, where=ending(".html"), change=edit("application/ld+json", "text/plain"))
after(
    "the data of a page could begin a script",
    40,
    where=ending(".html"),
    change=edit(
        '<script type="application/ld+json">',
        '<script type="application/ld+json">{"@context":{"c":"<!--"}}</script><script type="application/ld+json">',
    ),
)
after("robots.txt is a page", 41, where=at("/robots.txt"), change=having(Content_Type="text/html; charset=utf-8"))
after("robots.txt names no sitemap", 41, where=at("/robots.txt"), change=edit("Sitemap:", "Map:"))
after(
    "the sitemap is empty",
    41,
    where=at("/sitemap.xml"),
    change=lambda reply: replace(reply, body=b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"/>'),
)
after(
    "the sitemap is too long",
    41,
    where=at("/sitemap.xml"),
    change=edit("<url>", "<url><loc/></url>" * 50_000 + "<url>"),
)
after("the sitemap says no date", 41, where=at("/sitemap.xml"), change=edit("2026-01-01", "yesterday"))
after(
    "the sitemap has addresses that are not canonical",
    41,
    where=lambda asked: asked.path.endswith("carn.html"),
    change=lambda reply: relinked('carn.html>; rel="canonical', 'x.html>; rel="canonical')(reply),
)
after(
    "a page has no Link header",
    27,
    28,
    29,
    30,
    34,
    where=lambda asked: asked.path.endswith("an.html"),
    change=without("Link"),
)
after(
    "an alternate is of another type",
    28,
    where=both(ending(".rdf"), lambda asked: asked.header("Accept") == "*/*"),
    change=having(Content_Type="text/xml; charset=utf-8"),
)

after(
    "a query by POST gives other rows",
    54,
    where=both(
        asking("ORDER BY ?s", method="POST"), lambda asked: asked.header("Content-Type") == "application/sparql-query"
    ),
    change=ok(NO_ROWS, ROWS_IN_JSON),
)
after(
    "CSV lacks a row",
    55,
    where=both(asking("LIMIT 7"), lambda asked: asked.header("Accept") == "text/csv"),
    change=lambda reply: replace(reply, body=reply.body.rstrip().rpartition(b"\n")[0]),
)
before("results do not weigh", 55, where=taking("q=0.8"), change=preferring("application/sparql-results+json"))
after(
    "yes is no",
    55,
    where=asking("ASK { ?s ?p ?o }"),
    change=lambda reply: replace(reply, body=reply.body.replace(b"true", b"false")),
)
after("a wrong query is the site's fault", 58, where=asking("?s ?p }"), change=status(422))
after(
    "UTF-16 is taken for a query",
    59,
    where=lambda asked: "utf-16" in (asked.header("Content-Type") or ""),
    change=status(200),
)
before(
    "named graphs of a request are passed over",
    60,
    where=asking("named-graph-uri"),
    change=lambda asked: replace(asked, query=asked.query.split("&")[0]),
)
after(
    "FROM wins over the request",
    60,
    where=asking("FROM <urn:no-such-graph>", "default-graph-uri"),
    change=ok(NUMBER_0, ROWS_IN_JSON),
)
after("a change is said to be made", 61, where=asking("INSERT DATA", method="POST"), change=status(204))
after("a long query by POST breaks it", 66, where=lambda asked: 8000 < len(asked.body) < 10_000, change=status(500))
after("results without end break it", 64, where=asking("?c ?r ?z"), change=status(500))
after(
    "the page of the endpoint has no form",
    65,
    where=both(at("/api/sparql"), lambda asked: not asked.query),
    change=lambda reply: replace(reply, body=b"<p>Ask.</p>") if reply.kind == "text/html" else reply,
)


def description(old: str, new: str) -> Callable[[Reply], object]:
    return lambda reply: reply.edit(old, new) if reply.kind == "text/turtle" else reply


BARE = both(at("/api/sparql"), lambda asked: not asked.query)
after(
    "the endpoint says that it can be changed",
    65,
    where=BARE,
    change=description("#SPARQL11Query>", "#SPARQL11Update>"),
)
after("the endpoint does not say what it can send", 65, where=BARE, change=description("/SPARQL_Results_CSV>", "/x>"))
after("the endpoint does not say that it is one", 65, where=BARE, change=description("#Service>", "#Thing>"))
after("FROM fetches what it names", 62, where=asking("FROM <http"), change=ok(ONE_ROW, ROWS_IN_JSON))
