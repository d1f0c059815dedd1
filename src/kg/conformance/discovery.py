"""Checks 27 to 41: the links of documents, and the files that tell a machine what there is."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from pyoxigraph import Literal, NamedNode, Quad

from kg.conformance.checks import Failed, Group, Level, Skipped, check, expect, listing
from kg.conformance.rdf import FORMATS, union
from kg.conformance.site import DCTERMS, RDF_TYPE, VOID, Site, linkset, parse_xml
from kg.conformance.wire import Answer, Trouble

__all__ = ["objects"]

_GROUP = Group.DISCOVERY
_DCAT = "http://www.w3.org/ns/dcat#"
_SPDX = "http://spdx.org/rdf/terms#"
_SCHEMA = "http://schema.org/"
# What a page loads or where a person may go on is no statement about the document.
_NOT_SAID = {
    "stylesheet",
    "icon",
    "expect",
    "preload",
    "modulepreload",
    "manifest",
    "search",
    "apple-touch-icon",
    "dns-prefetch",
    "shortcut",
}
_LINKSET = "application/linkset+json"


@check(
    27, _GROUP, "Link headers are well formed", request="HEAD {H} and {T}",
    expected="a Link header that a strict parser of RFC 8288 reads", source="RFC 8288 3",
)  # fmt: skip
def well_formed(site: Site) -> None:
    for document in (site.html, site.turtle):
        answer = site.send(document.url, method="HEAD", accept=document.media_type, last=True)
        expect(answer.has("Link"), f"{answer}: no Link header")
        expect(answer.links, f"{answer}: Link: {answer.header('Link')}")


@check(
    28, _GROUP, "A page links to the data in every format", request="GET {H}; GET each alternate",
    expected="rel=alternate with its type for each type of RDF that {E} is served in; each is 200 in that type",
    source="RFC 8288 3.4.1",
)  # fmt: skip
def alternates(site: Site) -> None:
    linked = {link.type: link.target for link in site.html.links if "alternate" in link.rels and link.type in FORMATS}
    missing = set(site.formats) - set(linked)
    expect(not missing and linked, f"no alternate for {listing(missing or ['any type'])}")
    for media_type, target in linked.items():
        answer = site.send(target, accept="*/*")
        expect(answer.status == 200 and answer.media_type == media_type, f"{target} as {media_type}: {answer}")


@check(
    29, _GROUP, "A document says its one address and what it is about", request="GET {H} and {T}",
    expected="one rel=canonical each; rel=describes or about leads to {E}", source="RFC 6596; RFC 6892",
)  # fmt: skip
def canonical(site: Site) -> None:
    for document in (site.html, site.turtle):
        addresses = set(document.targets("canonical"))
        expect(len(addresses) == 1, f"{document}: canonical: {listing(addresses)}")
        about = [*document.targets("describes"), *document.targets("about")]
        expect(any(site.same(target, site.entity) for target in about), f"{document}: describes: {listing(about)}")


@check(
    30, _GROUP, "A thing and its page lead to the data by describedby",
    request="GET {E}, Accept: text/html; GET {H}",
    expected="rel=describedby with the type of RDF, on both; each leads to a document in that type",
    source="FAIR Signposting, level 1",
)  # fmt: skip
def described_by(site: Site) -> None:
    first = site.send(site.entity, accept="text/html")
    for answer in {first.url: first, site.html.url: site.html}.values():
        links = [link for link in answer.links if "describedby" in link.rels and link.type in FORMATS]
        expect(links, f"{answer}: no describedby with a type of RDF")
        for link in links:
            document, _ = site.follow(link.target, accept=link.type)
            right = document.status == 200 and document.media_type == link.type
            expect(right, f"{link.target} as {link.type}: {document}")


@check(
    31, _GROUP, "The page of the dataset has its signposts", request="GET {D}",
    expected="Link: cite-as, item (with a type), describedby, license, author, type (schema.org AboutPage and Dataset)",
    source="FAIR Signposting, level 1", level=Level.SHOULD,
)  # fmt: skip
def dataset_signposts(site: Site) -> None:
    answer = site.dataset
    said = {rel for link in answer.links for rel in link.rels}
    missing = {"cite-as", "item", "describedby", "license", "author", "type"} - said
    expect(not missing, f"{answer.url} has no {listing(missing)}")
    expect(all(link.type for link in answer.links if "item" in link.rels), "an item without type")
    kinds = {target.rpartition("/")[2] for target in answer.targets("type")}
    expect({"AboutPage", "Dataset"} <= kinds, f"type: {listing(kinds)}")


@check(
    32, _GROUP, "Dumps and descriptions lead back to the dataset", request="HEAD each item and describedby of {D}",
    expected="rel=collection (of items) or describes (of descriptions), leading to {D}",
    source="FAIR Signposting, level 1", level=Level.SHOULD,
)  # fmt: skip
def back_to_dataset(site: Site) -> None:
    dataset = site.dataset
    places = {target: "collection" for target in dataset.targets("item")}
    places |= {target: "describes" for target in dataset.targets("describedby")}
    expect(places, f"{dataset.url} has no item and no describedby")
    ours = {dataset.url, *dataset.targets("canonical"), *dataset.targets("cite-as"), site.address_of(dataset)}
    for place, rel in list(places.items())[:20]:
        if site.is_here(place):
            back = site.send(place, method="HEAD", last=True)
            targets = [*back.targets(rel), *back.targets("collection"), *back.targets("describes")]
            right = any(site.same(target, own) for target in targets for own in ours)
            expect(right, f"{place}: {rel}: {listing(back.targets(rel))}")


@check(
    33, _GROUP, "A linkset has the same links as the headers", request="GET the linkset of {H} or {D}",
    expected="application/linkset+json and application/linkset by Accept; the links that the header has",
    source="FAIR Signposting, level 2; RFC 9264", level=Level.SHOULD,
)  # fmt: skip
def linksets(site: Site) -> None:
    origin = next((found for found in _signposted(site) if found.targets("linkset")), None)
    if origin is None:
        raise Skipped("no linkset is advertised")
    place = origin.targets("linkset", _LINKSET)[:1] or origin.targets("linkset")[:1]
    answer, _ = site.follow(place[0], accept=_LINKSET)
    expect(answer.status == 200 and answer.media_type == _LINKSET, answer)
    told = {(rel, target) for rel, target in linkset(answer) if rel not in ("anchor", "linkset")}
    ours = {(rel, link.target) for link in origin.links for rel in link.rels if rel != "linkset"}
    expect(ours <= told, f"not in the linkset: {listing(' '.join(pair) for pair in ours - told)}")
    places = origin.targets("linkset", "application/linkset") or place
    text, _ = site.follow(places[0], accept="application/linkset")
    expect(text.status == 200 and text.media_type == "application/linkset", text)


def _signposted(site: Site) -> Iterable[Answer]:
    yield site.html
    try:
        yield site.dataset
    except Skipped:
        return


@check(
    34, _GROUP, "The head of a page has the links of its header", request="GET {H}",
    expected="the same relation types and targets in <link> elements and in the Link header",
    source="FAIR Signposting; HTML", level=Level.SHOULD,
)  # fmt: skip
def links_in_head(site: Site) -> None:
    in_header = {(rel, link.target) for link in site.html.links for rel in link.rels if rel not in _NOT_SAID}
    in_page = {
        (rel, urljoin(site.html.url, found.get("href", "")))
        for found in site.page(site.html).links
        for rel in found.get("rel", "").lower().split()
        if rel not in _NOT_SAID
    }
    expect(in_header, "a Link header without links")
    differ = in_header ^ in_page
    expect(not differ, f"in one of them alone: {listing(' '.join(pair) for pair in differ)}")


def objects(quads: Iterable[Quad], subject: str, predicate: str) -> list[str]:
    """Return the values of a property of a subject ("" for any)."""
    return [
        quad.object.value
        for quad in quads
        if quad.predicate.value == predicate
        and (not subject or getattr(quad.subject, "value", "") == subject)
        and isinstance(quad.object, NamedNode | Literal)
    ]


def _of_type(quads: Iterable[Quad], kind: str) -> list[str]:
    """Return the subjects (IRIs, or names of blank nodes) of a class."""
    return [
        str(getattr(quad.subject, "value", ""))
        for quad in quads
        if quad.predicate.value == RDF_TYPE and isinstance(quad.object, NamedNode) and quad.object.value == kind
    ]


@check(
    35, _GROUP, "The dataset is described at the well-known place",
    request="GET {B}/.well-known/void, Accept: text/turtle",
    expected="200, redirected or not: a void:Dataset with uriSpace, dataDump, triples, and if there is an endpoint "
    "sparqlEndpoint and as many triples as it counts",
    source="VoID 7.2, 3, 4; RFC 8615",
)  # fmt: skip
def void(site: Site) -> None:
    answer, _ = site.follow(urljoin(site.url, ".well-known/void"), accept="text/turtle")
    expect(answer.status == 200 and answer.media_type == "text/turtle", answer)
    quads = site.quads(answer)
    expect(_of_type(quads, VOID + "Dataset"), "no void:Dataset")
    wanted = ["uriSpace", "dataDump", "triples"] + (["sparqlEndpoint"] if site.found_endpoint else [])
    missing = [name for name in wanted if not objects(quads, "", VOID + name)]
    expect(not missing, f"no {listing('void:' + name for name in missing)}")
    if site.found_endpoint:
        endpoints = objects(quads, "", VOID + "sparqlEndpoint")
        expect(any(site.same(found, site.endpoint) for found in endpoints), f"sparqlEndpoint: {listing(endpoints)}")
        counted = site.values("SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }")
        said = objects(quads, "", VOID + "triples")
        expect(set(counted) & set(said), f"void:triples {listing(said)}, but the endpoint counts {listing(counted)}")


@check(
    36, _GROUP, "A document names the dataset that it is part of", request="GET {T}",
    expected="void:inDataset", source="VoID 7.1",
)  # fmt: skip
def in_dataset(site: Site) -> None:
    said = objects(site.statements, "", VOID + "inDataset")
    expect(said, f"{len(site.statements)} statements, none with void:inDataset")


@check(
    37, _GROUP, "The API catalogue names the services", request="GET {B}/.well-known/api-catalog",
    expected="200, application/linkset+json; names the SPARQL endpoint and the dumps that there are", source="RFC 9727",
)  # fmt: skip
def api_catalogue(site: Site) -> None:
    answer, _ = site.follow(urljoin(site.url, ".well-known/api-catalog"), accept=_LINKSET)
    expect(answer.status == 200 and answer.media_type == _LINKSET, answer)
    named = [target for _, target in linkset(answer)]
    expect(named, "no links")
    for what, places in (("SPARQL endpoint", [site.found_endpoint]), ("dump", site.dumps)):
        for place in filter(None, places):
            expect(any(site.same(place, target) for target in named), f"the {what} {place} is not named")


@check(
    38, _GROUP, "DCAT describes dataset, distributions and endpoint truly",
    request="GET the DCAT document (links of {D}, API catalogue, /dcat), Accept: text/turtle; GET each distribution",
    expected="a dcat:Catalog, Dataset, Distribution (mediaType; byteSize and checksum of the real file), DataService "
    "with endpointURL {S}; what DCAT-AP makes mandatory",
    source="DCAT 3; DCAT-AP",
)  # fmt: skip
def dcat(site: Site) -> None:
    quads, place = _dcat(site)
    wanted = {
        "Catalog": (DCTERMS + "title", DCTERMS + "description", DCTERMS + "publisher", _DCAT + "dataset"),
        "Dataset": (DCTERMS + "title", DCTERMS + "description", _DCAT + "distribution"),
        "Distribution": (_DCAT + "mediaType",),
    }
    if site.found_endpoint:
        wanted["DataService"] = (DCTERMS + "title", _DCAT + "endpointURL")
    for kind, properties in wanted.items():
        subjects = _of_type(quads, _DCAT + kind)
        expect(subjects, f"{place}: no dcat:{kind}")
        for subject in subjects:
            had = {quad.predicate.value for quad in quads if getattr(quad.subject, "value", "") == subject}
            missing = set(properties) - had
            expect(not missing, f"{subject} (dcat:{kind}) has no {listing(missing)}")
    if site.found_endpoint:
        endpoints = objects(quads, "", _DCAT + "endpointURL")
        expect(any(site.same(found, site.endpoint) for found in endpoints), f"endpointURL: {listing(endpoints)}")
    for subject in _of_type(quads, _DCAT + "Distribution"):
        _true_distribution(site, quads, subject)


def _dcat(site: Site) -> tuple[list[Quad], str]:
    """Return the first description that has a dcat:Catalog, and where it was."""
    places = [target for _, target in site.catalogue if "dcat" in target.lower()]
    with contextlib.suppress(Skipped):
        places += [*site.dataset.targets("describedby"), *site.dataset.targets("alternate"), site.dataset.url]
    places += [urljoin(site.url, "dcat"), urljoin(site.url, "catalog")]
    seen = []
    for place in dict.fromkeys(places):
        if site.is_here(place):
            answer, _ = site.follow(place, accept="text/turtle")
            seen.append(f"{place}: {answer.status} {answer.media_type}")
            if answer.status == 200 and answer.media_type in FORMATS:
                quads = site.quads(answer)
                if _of_type(quads, _DCAT + "Catalog"):
                    return quads, place
    raise Failed(f"no dcat:Catalog at {listing(seen)}")


def _true_distribution(site: Site, quads: list[Quad], subject: str) -> None:
    """Expect a distribution's file to be as long, and to have the digest, that its description says."""
    places = [*objects(quads, subject, _DCAT + "downloadURL"), *objects(quads, subject, _DCAT + "accessURL")]
    expect(places, f"{subject} has no downloadURL and no accessURL")
    if not objects(quads, subject, _DCAT + "downloadURL") or not site.is_here(places[0]):
        return
    answer, _ = site.follow(places[0])
    expect(answer.status == 200, f"{places[0]}: {answer}")
    sizes = objects(quads, subject, _DCAT + "byteSize")
    expect(sizes, f"{subject} has no byteSize")
    expect(all(size == str(len(answer.body)) for size in sizes), f"byteSize {sizes[0]}, but {len(answer.body)} bytes")
    nodes = {
        str(getattr(quad.object, "value", ""))
        for quad in quads
        if quad.predicate.value == _SPDX + "checksum" and getattr(quad.subject, "value", "") == subject
    }
    digests = [value for node in nodes for value in objects(quads, node, _SPDX + "checksumValue")]
    expect(digests, f"{subject} has no checksum")
    real = {hashlib.new(name, answer.body).hexdigest() for name in ("sha256", "sha512", "sha1", "md5")}
    expect(all(digest.lower() in real for digest in digests), f"checksum {digests[0]}, which is not the file's")


@check(
    39, _GROUP, "The page of the dataset describes it to search engines", request="GET {D}: its JSON-LD",
    expected="one schema.org Dataset with name, description (50 to 5000 characters), license, creator, url, "
    "distribution, temporalCoverage, spatialCoverage",
    source="schema.org; guidelines of dataset search",
)  # fmt: skip
def schema_dataset(site: Site) -> None:
    quads = [_plain_schema(quad) for quad in site.embedded(site.dataset)]
    subjects = set(_of_type(quads, _SCHEMA + "Dataset"))
    expect(len(subjects) == 1, f"{len(subjects)} schema.org Datasets in {site.dataset.url}")
    [subject] = subjects
    had = {quad.predicate.value for quad in quads if getattr(quad.subject, "value", "") == subject}
    wanted = ["name", "description", "license", "creator", "url", "distribution", "temporalCoverage", "spatialCoverage"]
    missing = [name for name in wanted if _SCHEMA + name not in had]
    expect(not missing, f"no {listing(missing)}")
    for text in objects(quads, subject, _SCHEMA + "description"):
        expect(50 <= len(text) <= 5000, f"a description of {len(text)} characters")


def _plain_schema(quad: Quad) -> Quad:
    """Return a statement with schema.org's terms by http, as its vocabulary writes them."""

    def plain(term: NamedNode) -> NamedNode:
        return NamedNode(re.sub(r"^https://schema\.org/", _SCHEMA, term.value))

    value = plain(quad.object) if isinstance(quad.object, NamedNode) else quad.object
    return Quad(quad.subject, plain(quad.predicate), value)


@check(
    40, _GROUP, "The data in a page is a part of the document's", request="GET {H}: its JSON-LD",
    expected="JSON-LD that parses, whose triples are all in {T}; no label can end the script",
    source="JSON-LD 1.1 (HTML)",
)  # fmt: skip
def data_in_page(site: Site) -> None:
    texts = site.page(site.html).data
    expect(texts, f"{site.html.url}: no JSON-LD")
    for text in texts:
        ending = re.search(r"<(?:/script|script|!--)", text, re.IGNORECASE)
        expect(ending is None, f"{ending[0] if ending else ''} in the JSON-LD")
    more = union(site.embedded(site.html)) - union(site.statements)
    expect(not more, f"{len(more)} triples are not in the Turtle, as {next(iter(map(str, more)), '')[:200]}")


@check(
    41, _GROUP, "Crawlers are told what to read and what to leave",
    request="GET {B}/robots.txt and the sitemap that it names; GET a few of its pages",
    expected="robots.txt names the sitemap and disallows {S}; at most 50,000 addresses a file, each a page with 200 "
    "that is its own canonical address, lastmod a date where there is one",
    source="RFC 9309; sitemaps.org",
)  # fmt: skip
def crawlers(site: Site) -> None:
    answer = site.send(urljoin(site.origin + "/", "robots.txt"))
    expect(answer.status == 200 and answer.media_type == "text/plain", answer)
    robots = RobotFileParser()
    robots.parse(answer.text.splitlines())
    maps = robots.site_maps() or []
    expect(maps, f"{answer.url} names no sitemap")
    if site.found_endpoint:
        path = urlsplit(site.here(site.endpoint)).path
        allowed = robots.can_fetch("crawler", path + "?query=x")
        expect(not allowed, f"{answer.url} allows {path}")
    seen = []
    for place in maps:
        seen += _sitemap(site, place, 1)
    expect(seen, "a sitemap without addresses")
    step = max(len(seen) // 5, 1)
    for place in seen[::step][:5]:
        page = site.send(place, accept="text/html")
        expect(page.status == 200 and page.media_type == "text/html", f"{place}: {page}")
        own = [target for target in page.targets("canonical") if not site.same(target, place)]
        expect(not own, f"{place}: canonical is {listing(own)}")


def _sitemap(site: Site, place: str, depth: int) -> list[str]:
    answer = site.send(place)
    expect(answer.status == 200, f"{place}: {answer}")
    try:
        tree = parse_xml(answer.content)
    except ValueError as error:
        raise Trouble(f"{place}: {error}") from None
    found = [(element.text or "").strip() for element in tree.iter() if element.tag.endswith("}loc")]
    expect(len(found) <= 50_000, f"{place}: {len(found)} addresses")
    for element in tree.iter():
        if element.tag.endswith("}lastmod"):
            text = (element.text or "").strip()
            expect(re.match(r"\d{4}-\d\d-\d\d(?:T|$)", text), f"{place}: lastmod {text!r}")
    if tree.tag.endswith("}sitemapindex") and depth:
        return [page for part in found[:5] for page in _sitemap(site, part, depth - 1)]
    return found
