"""A little site of standing stones that does everything right, and can be told to do one thing wrong.

It is a function from requests to replies, asked in the same process or over a real connection. Its addresses are
unlike those of `kg`, so that whatever is found on it is found by what it says of itself.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote_to_bytes, urlsplit

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Store,
    parse,
    serialize,
)

from kg.conformance.wire import Answer, Request, Wire
from kg.web.negotiation import Offer, choose_language, choose_type

BASE = "https://stones.example/"
DUMP = "/all/stones.nq"
FRESH = "no-cache"

EXTENSIONS = {
    "ttl": ("text/turtle", RdfFormat.TURTLE),
    "jsonld": ("application/ld+json", RdfFormat.JSON_LD),
    "rdf": ("application/rdf+xml", RdfFormat.RDF_XML),
    "nt": ("application/n-triples", RdfFormat.N_TRIPLES),
    "trig": ("application/trig", RdfFormat.TRIG),
    "nq": ("application/n-quads", RdfFormat.N_QUADS),
}
RDF = [
    Offer(extension, kind, ("application/json",) if extension == "jsonld" else ())
    for extension, (kind, _) in EXTENSIONS.items()
]
HTML = Offer("html", "text/html", ("application/xhtml+xml",))
ROWS = [
    Offer("json", "application/sparql-results+json", ("application/json",)),
    Offer("xml", "application/sparql-results+xml"),
    Offer("csv", "text/csv"),
    Offer("tsv", "text/tab-separated-values"),
]

DATA = """
@prefix : <https://stones.example/terms#> .
@prefix thing: <https://stones.example/thing/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix void: <http://rdfs.org/ns/void#> .

<https://stones.example/graph/survey> {
  <https://stones.example/thing/méan> a :Stone ; :near thing:carn , thing:oan ; :height 2.50 ; :part [ :height 01 ] ;
    rdfs:label "Long stone"@en , "Pierre </script> longue"@fr ; void:inDataset <https://stones.example/all> .
  thing:carn a :Stone ; rdfs:label "Heap"@en , "Tas"@fr ; void:inDataset <https://stones.example/all> .
}
<https://stones.example/graph/register> {
  thing:oan a :Stone ; rdfs:label "Oan's stone"@en , "Pierre d'Oan"@fr ; void:inDataset <https://stones.example/all> .
  thing:old dct:isReplacedBy thing:carn .
}
"""
ONTOLOGY = """
@prefix : <https://stones.example/terms#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix vann: <http://purl.org/vocab/vann/> .

<https://stones.example/terms> a owl:Ontology ; owl:versionIRI <https://stones.example/terms/1> ;
  dct:license <https://creativecommons.org/publicdomain/zero/1.0/> ; dct:creator "The stone counters" ;
  dct:title "Stones"@en ; dct:description "What can be said of stones."@en ; dct:modified "2026-01-01" ;
  vann:preferredNamespacePrefix "stone" .
:Stone a owl:Class ; rdfs:label "stone"@en ; rdfs:comment "A stone that somebody set up."@en .
:near a owl:ObjectProperty ; rdfs:label "near"@en ; rdfs:comment "In sight of."@en .
:height a owl:DatatypeProperty ; rdfs:label "height"@en ; rdfs:comment "In metres."@en .
:part a owl:ObjectProperty ; rdfs:label "part"@en ; rdfs:comment "A piece."@en .
"""
LIMIT = 500


@dataclass(frozen=True)
class Asked:
    """A request as the site sees it."""

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(found) if found else None

    def without(self, *names: str) -> Asked:
        return replace(self, headers=tuple(found for found in self.headers if found[0].lower() not in names))

    def having(self, **headers: str) -> Asked:
        """The same with headers changed."""
        added = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        kept = self.without(*(name.lower() for name, _ in added))
        return replace(kept, headers=(*kept.headers, *added))

    @property
    def arguments(self) -> dict[str, list[str]]:
        return parse_qs(self.query, keep_blank_values=True)


@dataclass
class Reply:
    """What the site answers; `delay` is how long it pretends to have taken."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    surplus: bytes = b""
    delay: float = 0.0

    @property
    def kind(self) -> str:
        return self.headers.get("Content-Type", "").split(";")[0]

    def edit(self, old: str, new: str) -> Reply:
        """Change a text of the body, which must be there."""
        assert old in self.body.decode(), old
        self.body = self.body.decode().replace(old, new).encode()
        return self

    def drop(self, *names: str) -> Reply:
        for name in names:
            self.headers.pop(name, None)
        return self


Change = Callable[["LittleSite", Asked, Callable[[Asked], Reply]], Reply]


class LittleSite:
    """The site. A fault changes what it says: `inner` before it is packed and tagged, `outer` after that."""

    def __init__(self, inner: Change | None = None, outer: Change | None = None) -> None:
        self.inner, self.outer = inner, outer
        self.store = Store()
        quads = list(parse(DATA, format=RdfFormat.TRIG))
        self.store.extend(quads)
        self.store.extend(Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()) for quad in quads)
        self.quads = quads
        self.dump = serialize(sorted(quads, key=str), format=RdfFormat.N_QUADS) or b""
        self.asked = 0
        self._made: dict[tuple[str, ...], bytes] = {}

    def __call__(self, asked: Asked) -> Reply:
        self.asked += 1
        reply = self.outer(self, asked, self.whole) if self.outer else self.whole(asked)
        return replace(reply, body=b"") if asked.method == "HEAD" else reply

    # --- what every answer has ---

    def whole(self, asked: Asked) -> Reply:
        """Answer, with everything that answers have in common."""
        plain = replace(asked, method="GET") if asked.method == "HEAD" else asked
        reply = self.inner(self, plain, self.answer) if self.inner else self.answer(plain)
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "Link, ETag, Location, Content-Location, Memento-Datetime",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": FRESH,
            **reply.headers,
        }
        if reply.kind == "text/html":
            headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; script-src 'self'"
        reply.headers = headers
        if reply.status == 200 and "gzip" in (asked.header("Accept-Encoding") or "") and len(reply.body) > 100:
            reply.headers["Content-Encoding"] = "gzip"
            reply.body = gzip.compress(reply.body, mtime=0)
        if reply.status == 200:
            reply.headers["Vary"] = ", ".join(filter(None, (headers.get("Vary", ""), "Accept-Encoding")))
            told = repr(
                [reply.headers.get(n) for n in ("Content-Type", "Content-Language", "Content-Encoding", "Link")]
            )
            reply.headers["ETag"] = f'"{hashlib.sha256(told.encode() + reply.body).hexdigest()[:16]}"'
            tag, since = asked.header("If-None-Match"), asked.header("If-Modified-Since")
            same = tag == reply.headers["ETag"] if tag else since and since == reply.headers.get("Last-Modified")
            if same:
                return Reply(304, {n: v for n, v in reply.headers.items() if not n.startswith("Content-")})
        return reply

    def answer(self, asked: Asked) -> Reply:
        path = unquote_to_bytes(asked.path).decode("utf-8", "replace")
        if not {"format", "_mediatype"}.isdisjoint(asked.arguments):
            return self.problem(asked, 400, "This format is unknown.")
        writable = path in ("/api/sparql", "/api/reconcile", "/api/reconcile/match")
        if asked.method == "OPTIONS":
            methods = "GET, HEAD, OPTIONS" + (", POST" if writable else "")
            return Reply(
                204, {
                    "Allow": methods, "Access-Control-Allow-Methods": methods,
                    "Access-Control-Allow-Headers": "content-type", "Access-Control-Max-Age": "600",
                },
            )  # fmt: skip
        if asked.method not in ("GET", "HEAD") and not (asked.method == "POST" and writable):
            reply = self.problem(asked, 405, "That cannot be done here.")
            reply.headers["Allow"] = "GET, HEAD, OPTIONS"
            return reply
        for pattern, answer in (
            (r"/thing/([^/]+)", self.thing), (r"/data/([^/]+)\.(\w+)", self.document),
            (r"/data/([^/]+)\.links", self.linkset), (r"/terms(/1)?", self.ontology), (r"/all", self.dataset),
            (re.escape(DUMP), self.dumped), (r"/api/sparql", self.sparql), (r"/api/rdf-graph-store", self.graphs),
            (r"/api/ldf", self.fragments), (r"/api/reconcile(?:/(\w+))?", self.reconcile), (r"/", self.home),
            (r"/\.well-known/void", self.void), (r"/\.well-known/api-catalog", self.catalogue),
            (r"/all/dcat", self.dcat), (r"/robots\.txt", self.robots), (r"/sitemap\.xml", self.sitemap),
        ):  # fmt: skip
            if match := re.fullmatch(pattern, path):
                reply = answer(asked, *match.groups())
                if reply is not None:
                    return reply
        return self.problem(asked, 404, "There is nothing here.")

    def problem(self, asked: Asked, status: int, title: str) -> Reply:
        offer = choose_type(
            asked.header("Accept"), [Offer("json", "application/problem+json", ("application/json",)), HTML]
        )
        headers = {"Vary": "Accept"}
        if offer is HTML:
            return Reply(status, {**headers, "Content-Type": "text/html; charset=utf-8"}, f"<h1>{title}</h1>".encode())
        told = json.dumps({"title": title, "status": status}).encode()
        return Reply(status, {**headers, "Content-Type": "application/problem+json"}, told)

    def choose(self, asked: Asked, offers: list[Offer]) -> Offer | Reply:
        offer = choose_type(asked.header("Accept"), offers)
        if offer is not None:
            return offer
        reply = self.problem(asked, 406, "Not as " + ", ".join(found.media_type for found in offers))
        reply.headers["Link"] = ", ".join(
            f'<{asked.path}?as={found.key}>; rel="alternate"; type="{found.media_type}"' for found in offers
        )
        return reply

    # --- things ---

    def about(self, slug: str) -> list[Quad]:
        iri = NamedNode(f"{BASE}thing/{slug}")
        if slug == "old":
            return []
        found = [quad for quad in self.quads if quad.subject == iri]
        met = {iri, *(quad.object for quad in found if isinstance(quad.object, BlankNode))}
        return [
            quad
            for quad in self.quads
            if quad.subject in met or (quad.object == iri and quad.predicate.value.endswith("isReplacedBy"))
        ]

    def thing(self, asked: Asked, slug: str) -> Reply | None:
        if slug == "old":
            return Reply(301, {"Location": f"{BASE}thing/carn"})
        if slug == "gone":
            return self.problem(asked, 410, "It was withdrawn.")
        if not self.about(slug):
            return None
        offer = self.choose(asked, [*RDF, HTML])
        if isinstance(offer, Reply):
            return offer
        links = [f'</data/{quote(slug)}.{o.key}>; rel="describedby"; type="{o.media_type}"' for o in RDF]
        location = f"/data/{quote(slug)}.{offer.key}"
        headers = {"Location": location, "Vary": "Accept", "Link": ", ".join(links), "Cache-Control": "max-age=60"}
        return Reply(303, headers)

    def written(self, name: str, quads: list[Quad], extension: str) -> bytes:
        key = (name, extension)
        if key not in self._made:
            kind = EXTENSIONS[extension][1]
            if not kind.supports_datasets:
                quads = [Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()) for quad in quads]
            self._made[key] = serialize(quads, format=kind) or b""
        return self._made[key]

    def links(self, slug: str, key: str) -> list[tuple[str, str, str]]:
        place = f"/data/{quote(slug)}"
        found = [(f"{place}.html", "canonical", ""), (f"{BASE}thing/{quote(slug)}", "describes", "")]
        found += [(f"{place}.links", "linkset", kind) for kind in ("application/linkset+json", "application/linkset")]
        for rel in ("alternate", "describedby") if key == "html" else ("alternate",):
            found += [(f"{place}.{o.key}", rel, o.media_type) for o in RDF if o.key != key]
        return [*found, ("/all", "collection", "text/html")]

    @staticmethod
    def link_header(links: list[tuple[str, str, str]]) -> str:
        return ", ".join(f'<{href}>; rel="{rel}"' + (f'; type="{kind}"' if kind else "") for href, rel, kind in links)

    @staticmethod
    def link_elements(links: list[tuple[str, str, str]]) -> str:
        return "".join(f'<link rel="{rel}" href="{html.escape(href)}">' for href, rel, _ in links)

    def document(self, asked: Asked, slug: str, key: str) -> Reply | None:
        quads = self.about(slug)
        if not quads or key not in (*EXTENSIONS, "html"):
            return None
        links = self.links(slug, key)
        headers = {"Link": self.link_header(links), "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if key != "html":
            return Reply(200, {**headers, "Content-Type": EXTENSIONS[key][0]}, self.written(slug, quads, key))
        language = choose_language(asked.header("Accept-Language"), ["en", "fr"])
        named = [quad for quad in quads if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode)]
        data = self.written(slug + " page", named, "jsonld").decode().replace("<", "\\u003c")
        label = next(q.object.value for q in quads if isinstance(q.object, Literal) and q.object.language == language)
        text = (
            f'<!doctype html><html lang="{language}"><head>{self.link_elements(links)}<link rel="stylesheet" href="/s">'
            f'<script type="application/ld+json">{data}</script>'
            f"</head><body><h1>{html.escape(label)}</h1></body></html>"
        )
        page = {"Content-Type": "text/html; charset=utf-8", "Content-Language": language, "Vary": "Accept-Language"}
        return Reply(200, {**headers, **page}, text.encode())

    def linkset(self, asked: Asked, slug: str) -> Reply | None:
        if not self.about(slug):
            return None
        kinds = [Offer("json", "application/linkset+json"), Offer("text", "application/linkset")]
        offer = self.choose(asked, kinds)
        if isinstance(offer, Reply):
            return offer
        links = [found for found in self.links(slug, "html") if found[1] != "linkset"]
        told = json.dumps(
            {"linkset": [{"anchor": f"/thing/{quote(slug)}", rel: [{"href": href}]} for href, rel, _ in links]}
        )
        body = told if offer.key == "json" else self.link_header(links)
        return Reply(200, {"Content-Type": offer.media_type, "Vary": "Accept"}, body.encode())

    def ontology(self, asked: Asked, version: str | None) -> Reply:
        offer = self.choose(asked, [*RDF, HTML])
        if isinstance(offer, Reply):
            return offer
        quads = list(parse(ONTOLOGY, format=RdfFormat.TURTLE))
        page = b'<!doctype html><html lang="en"><h1>Stones</h1></html>'
        kind = offer.media_type + ("; charset=utf-8" if offer is HTML else "")
        return Reply(
            200, {"Content-Type": kind, "Vary": "Accept"},
            page if offer is HTML else self.written("terms", quads, offer.key),
        )  # fmt: skip

    # --- the dataset ---

    def home(self, asked: Asked) -> Reply:
        text = '<!doctype html><html lang="en"><a href="/data/carn.html">Carn</a></html>'
        return Reply(200, {"Content-Type": "text/html; charset=utf-8"}, text.encode())

    def dataset(self, asked: Asked) -> Reply:
        links = [
            ("https://doi.example/1", "cite-as", ""), (DUMP, "item", "application/n-quads"),
            ("/all/dcat", "describedby", "text/turtle"), ("https://schema.org/AboutPage", "type", ""),
            ("https://schema.org/Dataset", "type", ""), ("https://orcid.example/1", "author", ""),
            ("https://creativecommons.org/publicdomain/zero/1.0/", "license", ""), ("/all", "canonical", ""),
        ]  # fmt: skip
        data = {
            "@context": "https://schema.org/", "@type": "Dataset", "@id": f"{BASE}all", "name": "Stones",
            "description": "All the stones that somebody set up, as far as somebody else has counted them.",
            "license": "https://creativecommons.org/publicdomain/zero/1.0/", "creator": "The stone counters",
            "url": f"{BASE}all", "distribution": {"@type": "DataDownload", "contentUrl": f"{BASE}{DUMP[1:]}"},
            "temporalCoverage": "-3000/..", "spatialCoverage": "The moor",
        }  # fmt: skip
        script = f'<script type="application/ld+json">{json.dumps(data)}</script>'
        text = f'<html lang="en">{self.link_elements(links)}{script}</html>'
        return Reply(200, {"Content-Type": "text/html; charset=utf-8", "Link": self.link_header(links)}, text.encode())

    def dumped(self, asked: Asked) -> Reply:
        headers = {"Content-Type": "application/n-quads", "Link": '</all>; rel="collection"', "Accept-Ranges": "bytes"}
        if found := re.fullmatch(r"bytes=(\d+)-(\d+)", asked.header("Range") or ""):
            first, last = int(found[1]), int(found[2])
            headers["Content-Range"] = f"bytes {first}-{last}/{len(self.dump)}"
            return Reply(206, headers, self.dump[first : last + 1])
        return Reply(200, headers, self.dump)

    @staticmethod
    def turtle(text: str, **headers: str) -> Reply:
        prefixes = (
            "@prefix void: <http://rdfs.org/ns/void#> . @prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix hydra: "
            "<http://www.w3.org/ns/hydra/core#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix spdx: "
            "<http://spdx.org/rdf/terms#> . @prefix sd: <http://www.w3.org/ns/sparql-service-description#> .\n"
        )
        return Reply(200, {"Content-Type": "text/turtle", **headers}, (prefixes + text).encode())

    def void(self, asked: Asked) -> Reply:
        return self.turtle(
            f"<{BASE}all> a void:Dataset ; void:uriSpace '{BASE}' ; void:dataDump <{BASE}{DUMP[1:]}> ; "
            f"void:triples {len(self.quads)} ; void:sparqlEndpoint <{BASE}api/sparql> ; "
            f"void:exampleResource <{BASE}thing/méan> , <{BASE}thing/oan> ; void:vocabulary <{BASE}terms#> ."
        )

    def catalogue(self, asked: Asked) -> Reply:
        places = ("/api/sparql", "/api/rdf-graph-store", "/api/ldf", "/api/reconcile", DUMP)
        told = {"linkset": [{"anchor": "/", "item": [{"href": place} for place in places]}]}
        return Reply(200, {"Content-Type": "application/linkset+json"}, json.dumps(told).encode())

    def dcat(self, asked: Asked) -> Reply:
        return self.turtle(
            f"<{BASE}all/dcat> a dcat:Catalog ; dct:title 'Stones' ; dct:description 'All' ; dct:publisher [] ; "
            f"dcat:dataset <{BASE}all> . <{BASE}all> a dcat:Dataset ; dct:title 'Stones' ; dct:description 'All' ; "
            f"dcat:distribution <#nq> . <#nq> a dcat:Distribution ; dcat:mediaType 'application/n-quads' ; "
            f"dcat:downloadURL <{BASE}{DUMP[1:]}> ; dcat:byteSize {len(self.dump)} ; "
            f"spdx:checksum [ spdx:checksumValue '{hashlib.sha256(self.dump).hexdigest()}' ] . "
            f"<#s> a dcat:DataService ; dct:title 'SPARQL' ; dcat:endpointURL <{BASE}api/sparql> .",
            Link='</all>; rel="describes"',
        )

    def robots(self, asked: Asked) -> Reply:
        text = f"User-agent: *\nDisallow: /api/\n\nSitemap: {BASE}sitemap.xml\n"
        return Reply(200, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())

    def sitemap(self, asked: Asked) -> Reply:
        pages = "".join(
            f"<url><loc>{BASE}data/{quote(slug)}.html</loc><lastmod>2026-01-01</lastmod></url>"
            for slug in ("méan", "carn")
        )
        text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{pages}</urlset>'
        return Reply(200, {"Content-Type": "application/xml"}, text.encode())

    # --- services ---

    def sparql(self, asked: Asked) -> Reply:
        arguments, query = asked.arguments, None
        kind = (asked.header("Content-Type") or "").split(";")[0].strip()
        if asked.method == "POST":
            if len(asked.body) > 1_000_000:
                return self.problem(asked, 413, "That is too long.")
            if kind not in ("application/sparql-query", "application/x-www-form-urlencoded"):
                return self.problem(asked, 415, "That is no query.")
            try:
                text = asked.body.decode()
            except UnicodeDecodeError:
                return self.problem(asked, 400, "That is not UTF-8.")
            if kind == "application/sparql-query":
                query = text
            else:
                arguments = arguments | parse_qs(text)
        queries = [query] if query is not None else arguments.get("query", [])
        if not queries and asked.method == "GET":
            return self.description(asked)
        if len(queries) != 1:
            return self.problem(asked, 400, f"{len(queries)} queries, not one.")
        return self.evaluate(asked, queries[0], arguments)

    def evaluate(self, asked: Asked, query: str, arguments: dict[str, list[str]]) -> Reply:
        plain = re.sub(r"\\u([0-9A-Fa-f]{4})", lambda found: chr(int(found[1], 16)), query)
        if re.search(r"\bservice\b", re.sub(r"#[^\n>]*\n", " ", plain), re.IGNORECASE):
            return self.problem(asked, 403, "No other endpoint is asked.")
        if "?g ?h ?i" in query or "?c (!" in query:
            return replace(self.problem(asked, 503, "That takes too long."), headers={"Retry-After": "1"})
        graphs = {
            name: [NamedNode(iri) for iri in arguments[f"{name.replace('_', '-')}-uri"]]
            for name in ("default_graph", "named_graph")
            if f"{name.replace('_', '-')}-uri" in arguments
        }
        try:
            if graphs:
                found = self.store.query(
                    query, default_graph=graphs.get("default_graph", []), named_graphs=graphs.get("named_graph", [])
                )
            else:
                found = self.store.query(query)
        except (SyntaxError, ValueError) as error:
            return self.problem(asked, 400, str(error))
        offers = ROWS[:2] if isinstance(found, QueryBoolean) else ROWS if isinstance(found, QuerySolutions) else RDF[:4]
        offer = self.choose(asked, offers)
        if isinstance(offer, Reply):
            return offer
        headers = {
            "Content-Type": offer.media_type + ("; charset=utf-8" if offer.key == "csv" else ""),
            "Vary": "Accept",
        }
        if offer.key == "csv":
            lines = [",".join(variable.value for variable in found.variables)]
            for row in found:
                if len(lines) > LIMIT:
                    headers["Result-Limit"] = str(LIMIT)
                    lines.append("# cut")
                    break
                lines.append(",".join(json.dumps(getattr(term, "value", "")) for term in row))
            return Reply(200, headers, ("\r\n".join(lines) + "\r\n").encode())
        forms = {"json": QueryResultsFormat.JSON, "xml": QueryResultsFormat.XML, "tsv": QueryResultsFormat.TSV}
        form = forms[offer.key] if offer.key in forms else EXTENSIONS[offer.key][1]
        return Reply(200, headers, found.serialize(format=form) or b"")

    def description(self, asked: Asked) -> Reply:
        offer = self.choose(asked, [*RDF[:4], HTML])
        if isinstance(offer, Reply):
            return offer
        if offer is HTML:
            page = b'<html lang="en"><form><textarea name="query"></textarea></form></html>'
            return Reply(200, {"Content-Type": "text/html; charset=utf-8", "Vary": "Accept"}, page)
        names = [*(f"SPARQL_Results_{name}" for name in ("JSON", "XML", "CSV", "TSV")), "Turtle", "N-Triples"]
        formats = ", ".join(f"<http://www.w3.org/ns/formats/{name}>" for name in (*names, "JSON-LD", "RDF_XML"))
        text = self.turtle(
            f"[] a sd:Service ; sd:endpoint <{BASE}api/sparql> ; sd:supportedLanguage sd:SPARQL11Query ; "
            f"sd:resultFormat {formats} ."
        ).body
        quads = list(parse(text, format=RdfFormat.TURTLE))
        body = serialize(quads, format=EXTENSIONS[offer.key][1]) or b""
        return Reply(200, {"Content-Type": offer.media_type, "Vary": "Accept"}, body)

    def graphs(self, asked: Asked) -> Reply | None:
        if "default" in asked.arguments:
            quads = self.quads
        else:
            name = NamedNode(asked.arguments.get("graph", ["urn:none"])[0])
            quads = [quad for quad in self.quads if quad.graph_name == name]
            if not quads:
                return self.problem(asked, 404 if "graph" in asked.arguments else 400, "There is no such graph.")
        body = serialize(
            [Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()) for quad in quads], format=RdfFormat.TURTLE
        )
        return Reply(200, {"Content-Type": "text/turtle", "Vary": "Accept"}, body or b"")

    def fragments(self, asked: Asked) -> Reply:
        subject = asked.arguments.get("subject", [""])[0]
        page = int(asked.arguments.get("page", ["1"])[0])
        decoded = unquote_to_bytes(subject).decode()
        quads = [quad for quad in self.quads if not subject or getattr(quad.subject, "value", "") == decoded]
        count, size = len(quads), 8
        here = "".join(f"{triple} .\n" for triple in (quad.triple for quad in quads[(page - 1) * size : page * size]))
        controls = f"<> void:triples {count} ; hydra:totalItems {count} . "
        controls += "<> hydra:search [ hydra:template '/api/ldf{?subject}' ] . "
        base = f"{BASE}api/ldf?" + (f"subject={quote(subject, safe='')}&" if subject else "")
        if page > 1:
            controls += f"<> hydra:previous <{base}page={page - 1}> . "
        if page * size < count:
            controls += f"<> hydra:next <{base}page={page + 1}> . "
        return self.turtle(here + controls, Vary="Accept")

    def reconcile(self, asked: Asked, part: str | None) -> Reply | None:
        posted = asked.method == "POST" and part is None
        arguments = asked.arguments | (parse_qs(asked.body.decode()) if posted else {})
        kind = {"Content-Type": "application/json"}
        me = {"id": "carn", "name": "Heap"}
        found = [{**me, "score": 90, "match": True}, {"id": "oan", "name": "Oan", "score": 10, "match": False}]
        if part == "match":
            number = len(json.loads(asked.body)["queries"])
            return Reply(200, kind, json.dumps({"results": [{"candidates": found}] * number}).encode())
        if part == "suggest":
            return Reply(200, kind, json.dumps({"result": [me]}).encode())
        if part == "preview":
            return Reply(200, {"Content-Type": "text/html; charset=utf-8"}, b'<html lang="en"><p>Heap</p></html>')
        if part == "properties":
            return Reply(200, kind, json.dumps({"properties": [{"id": "height", "name": "height"}]}).encode())
        if "extend" in arguments:
            return Reply(200, kind, json.dumps({"meta": [], "rows": {"carn": {}}}).encode())
        if "queries" in arguments:
            queries = json.loads(arguments["queries"][0])
            if len(queries) > 100:
                return self.problem(asked, 413, "That is too many.")
            return Reply(200, kind, json.dumps({key: {"result": found} for key in queries}).encode())
        told = {
            "versions": ["0.2", "1.0-draft"], "name": "Stones", "identifierSpace": BASE, "schemaSpace": f"{BASE}terms#",
            "view": {"url": BASE + "thing/{{id}}"}, "preview": {"url": BASE + "api/reconcile/preview?id={{id}}"},
            "suggest": {"entity": {"service_url": BASE[:-1], "service_path": "/api/reconcile/suggest"}},
            "extend": {"propose_properties": {"service_url": BASE[:-1], "service_path": "/api/reconcile/properties"}},
        }  # fmt: skip
        return Reply(200, kind, json.dumps(told).encode())


class Direct(Wire):
    """Asks a little site in the same process, without a connection."""

    def __init__(self, little: LittleSite) -> None:
        super().__init__("http://stones.test", seconds=1, limit=64 * 1024 * 1024)
        self.little = little

    def send(self, request: Request, *, seconds: float | None = None, last: bool = False) -> Answer:
        parts = urlsplit(request.url)
        reply = self.little(Asked(request.method, parts.path or "/", parts.query, request.headers, request.body))
        headers = tuple(reply.headers.items())
        return Answer(request, reply.status, headers, reply.body, reply.delay, reply.surplus if last else b"")


@contextmanager
def serving(little: LittleSite) -> Iterator[str]:
    """Serve a little site on loopback; give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, parts.path, parts.query, tuple(self.headers.items()), body)
            reply = little(asked)
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status not in (204, 304) and asked.method != "HEAD":
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body + reply.surplus)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
