"""One site under test: what it was asked so far, and where its parts are, found as any client would find them."""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import threading
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import ParamSpec, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

from pyoxigraph import Literal, NamedNode, Quad

from kg.conformance.checks import Failed, Skipped
from kg.conformance.links import LinkError
from kg.conformance.pages import Page, read_page
from kg.conformance.rdf import FORMATS, Unreadable, read
from kg.conformance.wire import Answer, Request, Trouble, Wire, ascii_address
from kg.errors import KGError

__all__ = ["DUMP_LIMIT", "Options", "Site", "without_fragment"]

VOID = "http://rdfs.org/ns/void#"
DCTERMS = "http://purl.org/dc/terms/"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"

#: The longest answer that is read, in bytes.
DUMP_LIMIT = 64 * 1024 * 1024

_HOPS = 5
# After so many requests in a row without an answer, there is nobody there.
_ENOUGH = 12
# A dump of so many bytes is read for the names in it.
_SMALL = 4_000_000
_P = ParamSpec("_P")
_T = TypeVar("_T")
# What a site may send that cannot be used to find something.
_USELESS = (Trouble, Unreadable, LinkError, ValueError, Failed, Skipped)


@dataclass(frozen=True)
class Options:
    """What a person may say about a site, where it is not found by asking."""

    #: `303`: things are redirected to documents; `direct`: they may be answered at once.
    deref: str = "303"
    #: IRIs and addresses under these are asked at the site's own.
    base_iris: Sequence[str] = ()
    entity: str = ""
    withdrawn: str = ""
    merged: str = ""
    ontology: str = ""
    dataset: str = ""
    endpoint: str = ""
    graphs: str = ""
    fragments: str = ""
    reconcile: str = ""
    #: Where a listener that SERVICE must not reach can be seen by the site; else one is started on loopback.
    canary: str = ""
    #: The longest that any answer may take, in seconds.
    deadline: float = 10.0
    #: The longest that a query may take, in seconds.
    query_seconds: float = 30.0


@dataclass
class Site:
    """A site by its address. Answers to plain requests are kept, so that checks do not ask the same again."""

    url: str
    options: Options = field(default_factory=Options)
    #: What carries the requests; by default connections to the site's origin.
    wire: Wire | None = None
    #: The requests of the check that is running, with what came.
    trail: list[tuple[Request, Answer | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            wrong = parts.scheme not in ("http", "https") or not parts.hostname or (parts.port or 1) < 1
        except ValueError:
            wrong = True
        if wrong:
            raise KGError("this is not the address of a site", found=repr(self.url), expected="http://… or https://…")
        self.url = self.url.split("#")[0].split("?")[0].rstrip("/") + "/"
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._wire = self.wire or Wire(self.origin, seconds=self.options.deadline, limit=DUMP_LIMIT)
        self._kept: dict[Request, Answer | Trouble] = {}
        self._unanswered = 0
        self._lock = threading.Lock()

    # --- asking ---

    def send(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Iterable[tuple[str, str]] = (),
        accept: str | None = None,
        body: bytes = b"",
        fresh: bool = False,
        last: bool = False,
        seconds: float | None = None,
    ) -> Answer:
        """Return the answer of one address, without following anything. Raises Trouble.

        An answer that is there already is given again, unless it must be `fresh`. With `last`, the connection
        ends with it, which shows what comes after an answer that should have no body.
        """
        target = self.here(url)
        sent = (*(() if accept is None else (("Accept", accept),)), *headers)
        request = Request(method, target, sent, body)
        plain = method in ("GET", "OPTIONS") and not body and not fresh and not last
        with self._lock:
            kept = self._kept.get(request) if plain else None
        if kept is None:
            kept = self._answer(request, seconds=seconds, last=last)
            if plain:
                with self._lock:
                    self._kept[request] = kept
        self.trail.append((request, None if isinstance(kept, Trouble) else kept))
        if isinstance(kept, Trouble):
            raise kept
        return kept

    def _answer(self, request: Request, *, seconds: float | None, last: bool) -> Answer | Trouble:
        if self._unanswered >= _ENOUGH:
            return Trouble(f"not asked: the last {_ENOUGH} requests had no answer")
        try:
            answer = self._wire.send(request, seconds=seconds, last=last)
        except Trouble as trouble:
            if seconds is None:  # a query without end may have none, and that is not the site's end
                self._unanswered += 1
            return trouble
        self._unanswered = 0
        return answer

    def here(self, url: str) -> str:
        """Return where an IRI or address of the site is asked. Raises Trouble if it is another site's."""
        address = ascii_address(without_fragment(url))
        for base in (self.url, *self.options.base_iris):
            base = ascii_address(base)
            if address.startswith(base) or address + "/" == base:
                return self.url + address[len(base) :]
        if address.startswith(self.origin + "/") or address == self.origin:
            return address
        raise Trouble(f"{url} is at another site, which is not asked; if it is this one's, say so with --base-iri")

    def is_here(self, url: str) -> bool:
        """Tell whether an IRI or address belongs to the site."""
        try:
            self.here(url)
        except (Trouble, ValueError):
            return False
        return True

    def same(self, one: str, other: str) -> bool:
        """Tell whether two IRIs or addresses mean the same on this site, fragments included."""

        def place(url: str) -> str:
            return (self.here(url) if self.is_here(url) else ascii_address(url)) + "#" + urlsplit(url).fragment

        return place(one) == place(other)

    def follow(
        self, url: str, *, accept: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> tuple[Answer, list[Answer]]:
        """Return the answer at the end of redirects, and the redirects on the way. Raises Trouble."""
        hops: list[Answer] = []
        headers = tuple(headers)
        answer = self.send(url, accept=accept, headers=headers)
        while answer.status in (301, 302, 303, 307, 308):
            hops.append(answer)
            if len(hops) > _HOPS:
                raise Trouble(f"more than {_HOPS} redirects")
            target = answer.header("Location")
            if not target:
                raise Failed(f"{answer.status} without Location")
            answer = self.send(urljoin(answer.url, target), accept=accept, headers=headers)
        return answer, hops

    # --- reading ---

    def quads(self, answer: Answer) -> list[Quad]:
        """Return the statements of an answer, whose relative IRIs are under its address. Raises Unreadable."""
        return read(answer.content, answer.media_type, answer.url, self._context)

    def _context(self, url: str) -> object:
        answer, _ = self.follow(urljoin(self.url, url), accept="application/ld+json, application/json")
        return json.loads(answer.content)

    def page(self, answer: Answer) -> Page:
        """Return the parts of a page."""
        return read_page(answer.text)

    def embedded(self, answer: Answer) -> list[Quad]:
        """Return the statements that a page carries as JSON-LD. Raises Unreadable."""
        quads: list[Quad] = []
        for text in self.page(answer).data:
            quads += read(text.encode(), "application/ld+json", answer.url, self._context)
        return quads

    def document(self, media_type: str) -> Answer:
        """Return the document about the entity in one type, after its redirect. Raises Trouble."""
        answer, _ = self.follow(self.entity, accept=media_type)
        return answer

    def good_document(self, media_type: str) -> Answer:
        """Return the document about the entity in one type. Raises Failed unless it is there, in that type."""
        answer = self.document(media_type)
        if answer.status != 200 or answer.media_type != media_type:
            raise Failed(f"no document in {media_type}: {answer}")
        return answer

    def address_of(self, answer: Answer) -> str:
        """Return the address that a representation has of its own: Content-Location, or where it was found."""
        return urljoin(answer.url, answer.header("Content-Location")) if answer.has("Content-Location") else answer.url

    @property
    def turtle(self) -> Answer:
        """The Turtle document about the entity."""
        return self.good_document("text/turtle")

    @property
    def html(self) -> Answer:
        """The page about the entity."""
        return self.good_document("text/html")

    @property
    def statements(self) -> list[Quad]:
        """What the Turtle document says."""
        return self.quads(self.turtle)

    # --- finding ---

    def _try(self, ask: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T | None:
        """Return what a question gives, None if nothing comes of it."""
        try:
            return ask(*args, **named)
        except _USELESS:
            return None

    def _good(self, url: str, accept: str) -> Answer | None:
        found = self._try(self.follow, url, accept=accept)
        return found[0] if found and found[0].status == 200 else None

    @cached_property
    def void(self) -> tuple[Answer, list[Quad]] | None:
        """The VoID description and what it says, where the site has one."""
        answer = self._good(urljoin(self.url, ".well-known/void"), "text/turtle")
        quads = self._try(self.quads, answer) if answer else None
        return (answer, quads) if answer and quads is not None else None

    def void_values(self, *names: str) -> list[str]:
        """Return the IRIs and texts that the VoID description gives for properties of VoID."""
        wanted = {VOID + name for name in names}
        quads = self.void[1] if self.void else []
        return [
            quad.object.value
            for quad in quads
            if quad.predicate.value in wanted and isinstance(quad.object, NamedNode | Literal)
        ]

    @cached_property
    def home(self) -> Answer | None:
        """The front page, where the site has one."""
        return self._good(self.url, "text/html")

    @cached_property
    def catalogue(self) -> list[tuple[str, str]]:
        """The links that the site's API catalogue has: relation type and address."""
        answer = self._good(urljoin(self.url, ".well-known/api-catalog"), "application/linkset+json")
        return self._try(linkset, answer) or [] if answer else []

    @cached_property
    def sitemap(self) -> list[str]:
        """Addresses of pages that the sitemap has (of an index: those of its first parts), at most a thousand."""
        return list(self._sitemap(urljoin(self.url, "sitemap.xml"), 2))[:1000]

    def _sitemap(self, url: str, depth: int) -> Iterator[str]:
        answer = self._good(url, "application/xml")
        tree = self._try(parse_xml, answer.content) if answer else None
        if tree is None:
            return
        places = [(found.text or "").strip() for found in tree.iter() if found.tag.endswith("}loc")]
        if tree.tag.endswith("}sitemapindex"):
            for place in places[:5] if depth else []:
                yield from self._sitemap(place, depth - 1)
        else:
            yield from (place for place in places if self.is_here(place))

    def _named_things(self) -> Iterator[str]:
        """Give IRIs that the site says are things: by VoID, links of its pages, its endpoint, its dumps."""
        yield from self.void_values("exampleResource")
        for place in self._pages:
            answer = self._good(place, "text/html")
            for rel in ("describes", "about", "primarytopic") if answer else ():
                yield from self._try(answer.targets, rel) or [] if answer else []
            for found in self.page(answer).links if answer else []:
                if {"describes", "about"} & set(found.get("rel", "").lower().split()):
                    yield urljoin(place, found.get("href", ""))
        if self.found_endpoint:
            base = re.sub(r'["\\\s]', "", [*self.options.base_iris, self.url][0])
            query = (
                "SELECT DISTINCT ?s { { ?s a ?t } UNION { GRAPH ?g { ?s a ?t } } "
                f'FILTER(ISIRI(?s) && STRSTARTS(STR(?s), "{base}")) }} LIMIT 8'
            )
            yield from self._try(self.values, query) or []
        for place in self.void_values("dataDump")[:3]:
            answer = self._good(place, "application/n-quads") if self.is_here(place) else None
            quads = self._try(self.quads, answer) if answer and len(answer.body) < _SMALL else None
            subjects = [quad.subject.value for quad in quads or [] if isinstance(quad.subject, NamedNode)]
            yield from _spread([iri for iri in subjects if self.is_here(iri)], 8)

    @cached_property
    def _pages(self) -> list[str]:
        """A few pages, from all over the sitemap and from the front page."""
        pages = _spread(self.sitemap, 6)
        if self.home:
            anchors = [urljoin(self.home.url, href) for href in self.page(self.home).anchors]
            pages += _spread([place for place in anchors if self.is_here(place)], 12)
        return pages

    @cached_property
    def entities(self) -> list[str]:
        """A few things that the site describes. Raises Skipped if none can be found."""
        if self.options.entity:
            return [self.options.entity]
        said = list(dict.fromkeys(iri for iri in islice(self._named_things(), 60) if not _is_part(iri)))
        named = [iri for iri in said if self.is_here(iri)]
        found = list(islice(filter(self._is_described, named), 5))
        if not found:  # of a page that says nothing, its own address
            found = [*named[:1], *islice(filter(self._is_described, self._pages[:8]), 5)]
        if not found and said:
            raise Skipped(
                f"things are named elsewhere, as <{said[0]}>; if they are answered here, say so with --base-iri"
            )
        if not found:
            raise Skipped("no thing was found that this site describes; name one with --entity")
        found.sort(key=lambda iri: not self._sees_other(iri))
        return [self._as_written(iri) for iri in found]

    def _is_described(self, iri: str) -> bool:
        answer = self._good(iri, "text/turtle")
        return answer is not None and answer.media_type in FORMATS

    def _sees_other(self, iri: str) -> bool:
        """Tell whether an IRI is redirected to a document, as things are, and not to another IRI."""
        answer = self._try(self.send, iri, accept="text/turtle")
        return answer is not None and answer.status in (302, 303)

    def _as_written(self, iri: str) -> str:
        """Return an IRI as the data have it, which a link may have had to encode."""
        answer = self._good(iri, "text/turtle")
        for quad in (self._try(self.quads, answer) if answer else None) or []:
            for term in (quad.subject, quad.object):
                if isinstance(term, NamedNode) and self.same(term.value, iri):
                    return term.value
        return iri

    @property
    def entity(self) -> str:
        """The thing that checks ask for. Raises Skipped if none can be found."""
        return self.entities[0]

    @property
    def redirects_things(self) -> bool:
        """Tell whether the thing must be redirected: not where its IRI has a fragment, or the policy is otherwise."""
        return self.options.deref == "303" and "#" not in self.entity

    @cached_property
    def ontology(self) -> str:
        """The site's own ontology, without `#`. Raises Skipped if there is none."""
        if self.options.ontology:
            return without_fragment(self.options.ontology)
        terms: Counter[str] = Counter()
        for quad in self._try(lambda: self.statements) or []:
            for term in (quad.predicate, quad.object if quad.predicate.value == RDF_TYPE else None):
                if isinstance(term, NamedNode) and "#" in term.value and self.is_here(term.value):
                    terms[without_fragment(term.value)] += 1
        candidates = [*self.void_values("vocabulary"), *(iri for iri, _ in terms.most_common())]
        for iri in candidates:
            if self.is_here(iri) and self._good(without_fragment(iri), "text/turtle"):
                return without_fragment(iri)
        if terms:
            return terms.most_common(1)[0][0]
        raise Skipped("no vocabulary of the site's own was found; name one with --ontology")

    @property
    def dataset(self) -> Answer:
        """The page of the dataset. Raises Skipped if none can be found."""
        answer, _ = self.follow(self._dataset, accept="text/html")
        return answer

    @cached_property
    def _dataset(self) -> str:
        places = [self.options.dataset] if self.options.dataset else []
        if not places:
            for quads in (self._try(lambda: self.statements), self.void and self.void[1]):
                places += [
                    quad.object.value
                    for quad in quads or []
                    if quad.predicate.value == VOID + "inDataset" and isinstance(quad.object, NamedNode)
                ]
            places += [
                quad.subject.value
                for quad in (self.void[1] if self.void else [])
                if quad.predicate.value == RDF_TYPE
                and isinstance(quad.object, NamedNode)
                and quad.object.value == VOID + "Dataset"
                and isinstance(quad.subject, NamedNode)
            ]
            places += self._try(lambda: self.html.targets("collection")) or []
        for place in dict.fromkeys(places):
            answer = self._good(place, "text/html") if self.is_here(place) else None
            if answer is not None and answer.media_type == "text/html":
                return place
        raise Skipped("no page of the dataset was found; name it with --dataset")

    @cached_property
    def dumps(self) -> list[str]:
        """The addresses of dumps that the site itself has."""
        found = self.void_values("dataDump")
        if not found:
            dataset = self._try(lambda: self.dataset.targets("item"))
            found = dataset or []
        return [place for place in dict.fromkeys(found) if self.is_here(place)]

    @cached_property
    def formats(self) -> list[str]:
        """The types of RDF that the entity is really served in."""
        found = []
        for media_type in FORMATS:
            answer = self._try(self.document, media_type)
            if answer is not None and answer.status == 200 and answer.media_type == media_type:
                found.append(media_type)
        return found

    # --- services ---

    @cached_property
    def found_endpoint(self) -> str:
        """The address of the SPARQL endpoint, the empty text if there is none to be found."""
        if self.options.endpoint:
            return self.options.endpoint
        places = self.void_values("sparqlEndpoint")
        for rel, place in self.catalogue:
            if "sparql" in place.lower() and rel in ("item", "service", "anchor"):
                places.append(place)
        places.append(urljoin(self.url, "sparql"))
        for place in dict.fromkeys(places):
            if not self.is_here(place):
                continue
            answer = self._try(self.send, with_query(place, query="ASK {}"), accept="application/sparql-results+json")
            if answer and answer.status == 200 and b"boolean" in answer.body:
                return place
        return ""

    @property
    def endpoint(self) -> str:
        """The address of the SPARQL endpoint. Raises Skipped if there is none."""
        if not self.found_endpoint:
            raise Skipped("no SPARQL endpoint is advertised, and none is at /sparql; name one with --endpoint")
        return self.found_endpoint

    def ask(self, query: str, *, accept: str = "application/sparql-results+json", fresh: bool = False) -> Answer:
        """Ask the endpoint by GET."""
        return self.send(
            with_query(self.endpoint, query=query), accept=accept, fresh=fresh, seconds=self.options.query_seconds
        )

    def values(self, query: str) -> list[str]:
        """Return the first value of each row. Raises Failed if the answer is not JSON results."""
        answer = self.ask(query, fresh=True)
        try:
            told = json.loads(answer.content)
            first = told["head"]["vars"][0]
            return [str(row[first]["value"]) for row in told["results"]["bindings"] if first in row]
        except (ValueError, KeyError, TypeError, IndexError):
            raise Failed(f"{answer}, which are not results in JSON, to {query}") from None

    def service(self, given: str, paths: Sequence[str], what: str, looks_right: Callable[[Answer], bool]) -> str:
        """Return the address of a service: given, in the API catalogue, or at a usual path. Raises Skipped."""
        if given:
            return given
        places = [place for _, place in self.catalogue if any(path in place.lower() for path in paths)]
        places += [urljoin(self.url, path) for path in paths]
        for place in dict.fromkeys(places):
            answer = self._try(self.send, place, accept="*/*") if self.is_here(place) else None
            if answer is not None and looks_right(answer):
                return place
        raise Skipped(f"no {what} was found ({', '.join('/' + path for path in paths)} and the API catalogue)")

    @cached_property
    def on_loopback(self) -> bool:
        """Tell whether the site is on this machine, so that it can see a listener on loopback."""
        try:
            host = urlsplit(self.url).hostname or ""
            return all(ipaddress.ip_address(found[4][0]).is_loopback for found in socket.getaddrinfo(host, None))
        except (OSError, ValueError):
            return False


def without_fragment(iri: str) -> str:
    """Return an IRI up to its fragment."""
    return iri.partition("#")[0]


def with_query(address: str, **parameters: str | Sequence[str]) -> str:
    """Return an address with parameters added.

    >>> with_query("/sparql?a=1", query="ASK {}")
    '/sparql?a=1&query=ASK%20%7B%7D'
    """
    return address + ("&" if "?" in address else "?") + form(parameters)


def form(parameters: Mapping[str, str | Sequence[str]]) -> str:
    """Return parameters as a form sends them."""
    return "&".join(
        f"{name}={quote(value, safe='')}"
        for name, values in parameters.items()
        for value in ([values] if isinstance(values, str) else values)
    )


def linkset(answer: Answer) -> list[tuple[str, str]]:
    """Return the links of a JSON linkset (RFC 9264): relation type and address. Raises Failed if it is not one."""
    try:
        sets = json.loads(answer.content)["linkset"]
        found = []
        for one in sets:
            if "anchor" in one:
                found.append(("anchor", urljoin(answer.url, one["anchor"])))
            for rel, targets in one.items():
                if rel != "anchor":
                    found += [(rel.lower(), urljoin(answer.url, target["href"])) for target in targets]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failed(f"{answer}, which is not a JSON linkset") from None
    return found


def parse_xml(body: bytes) -> ElementTree.Element:
    """Return the root of XML without entities. Raises ValueError."""
    if b"<!ENTITY" in body:
        raise ValueError("XML with entities of its own, which is not read")
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise ValueError(f"not XML: {error}") from None


def _spread(found: Sequence[str], number: int) -> list[str]:
    """Return a few of many, from all over."""
    distinct = list(dict.fromkeys(found))
    step = max(len(distinct) // number, 1)
    return distinct[::step][:number]


def _is_part(iri: str) -> bool:
    """Tell whether an IRI is that of a file of the site rather than of a thing."""
    return bool(re.search(r"\.(?:css|js|png|svg|ico|html?|ttl|xml|txt|json(?:ld)?|nt|nq|rdf|trig|csv)$", unquote(iri)))
