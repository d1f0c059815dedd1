"""What the site is and where everything is, told once: VoID, DCAT, schema.org, the API catalogue, links, robots.

All of it is made from one `Site`: whatever a catalogue, a crawler or a program is told, it is told the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from kg.dumps import DUMPS
from kg.messages import say
from kg.metadata import creator_iri, dataset_iri, describe_origin, metadata_graph
from kg.snapshot import manifest_of
from kg.vocabulary import DCTERMS, FOAF, RDF, RDFS, VOID, XSD, Namespace
from kg.web.negotiation import Offer
from kg.web.responses import HTML, RDF_OFFERS, Link, content_type, redirect, respond
from kg.web.visits import Visit
from kg.writers import FORMATS, json_ld_context

__all__ = [
    "LINKSET", "LINKSET_JSON", "Dump", "Service", "api_catalog", "catalogue", "common_links", "context",
    "dataset_address", "dataset_links", "describe_dataset", "dumps", "linkset", "llms", "robots", "schema_org",
    "services", "void",
]  # fmt: skip

DCAT = Namespace("http://www.w3.org/ns/dcat#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
_FORMATS_W3C = Namespace("http://www.w3.org/ns/formats/")
_MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"

LINKSET_JSON = Offer("json", "application/linkset+json", ("application/json",))
LINKSET = Offer("txt", "application/linkset")

_OFFERS: Sequence[Offer] = (*RDF_OFFERS, HTML)
_W3C_NAMES = {
    "ttl": "Turtle", "jsonld": "JSON-LD", "nt": "N-Triples", "rdf": "RDF_XML", "trig": "TriG", "nq": "N-Quads",
}  # fmt: skip

# What search engines of datasets take for a description (schema.org has no limit of its own).
_SHORTEST, _LONGEST = 50, 5000


@dataclass(frozen=True)
class Dump:
    """One file that has the whole graph: its name, the type of what is packed in it, its size and SHA-256."""

    name: str
    media_type: str
    size: int
    sha256: str

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/dumps/{self.name}"


@dataclass(frozen=True)
class Service:
    """One way to ask the graph: its name for machines and people, where it is, and the standard that it follows."""

    key: str
    path: str
    title: str
    standard: str


#: Every way to ask; whoever adds an address for programs adds it here, and it is discovered everywhere.
_SERVICES: Sequence[Service] = (
    Service("sparql", "/sparql", say("SPARQL 1.1 endpoint (queries only)"), "https://www.w3.org/TR/sparql11-protocol/"),
    Service(
        "graphs",
        "/graphs",
        say("Graph Store Protocol (reading only)"),
        "https://www.w3.org/TR/sparql11-http-rdf-update/",
    ),
    Service(
        "fragments",
        "/fragments",
        say("Triple Pattern Fragments"),
        "https://linkeddatafragments.org/specification/triple-pattern-fragments/",
    ),
)


def services() -> list[Service]:
    """Return every way to ask that the site answers."""
    answered = {rule.rule for rule in current_app.url_map.iter_rules()}
    return [service for service in _SERVICES if service.path in answered]


def dumps(visit: Visit) -> list[Dump]:
    """Return the files that have the whole graph, as the snapshot's manifest has them.

    There are none of files that belong to no project: who serves them has them.
    """
    files = manifest_of(visit.snapshot.path)["files"]
    return [Dump(name, kind, *files[name]) for name, kind in DUMPS.items() if name in files]


# --- links -----------------------------------------------------------------------------------------------


def linkset_links(visit: Visit, iri: str) -> list[Link]:
    """Return the links to all links of a document, in both forms."""
    addresses = visit.addresses
    return [
        Link(addresses.path(f"/linkset.{offer.key}", iri=iri), "linkset", offer.media_type)
        for offer in (LINKSET_JSON, LINKSET)
    ]


def common_links(visit: Visit, iri: str, *, page: bool) -> list[Link]:
    """Return the links that every document has: what it is to be cited as, its terms, and all of its links."""
    settings = visit.snapshot.settings
    links = [Link(visit.addresses.ascii(iri), "cite-as")]
    if page:
        links.append(Link("https://schema.org/AboutPage", "type"))
    if settings.licence:
        links.append(Link(visit.addresses.ascii(settings.licence), "license"))
    return [*links, *linkset_links(visit, iri)]


def dataset_address(visit: Visit, key: str) -> str:
    """Return the address of the document about the graph in one format; without one, of the negotiated one."""
    if key in ("", "html"):
        return visit.addresses.here("/dataset" + (".html" if key else ""), lang=visit.addresses.lang)
    return visit.addresses.here(f"/dataset.{key}")


def dataset_links(visit: Visit, chosen: str) -> list[Link]:
    """Return the links of the document about the graph in one format."""
    addresses, settings = visit.addresses, visit.snapshot.settings
    iri = dataset_iri(settings).value
    others = [offer for offer in _OFFERS if offer.key != chosen]
    links = [Link(addresses.path("/dataset"), "canonical")]
    links += [Link(dataset_address(visit, offer.key), "alternate", offer.media_type) for offer in others]
    links += common_links(visit, iri, page=chosen == "html")
    if (creator := creator_iri(settings)) and settings.creator_url:
        links.append(Link(addresses.ascii(creator.value), "author"))
    if chosen != "html":
        return [*links, Link(addresses.path("/dataset"), "describes")]
    links.append(Link("https://schema.org/Dataset", "type"))
    links += [Link(addresses.here(dump.path), "item", "application/gzip") for dump in dumps(visit)]
    links += [
        Link(dataset_address(visit, offer.key), "describedby", offer.media_type) for offer in others if offer != HTML
    ]
    links.append(Link(addresses.path("/dcat"), "describedby"))
    links.append(Link(addresses.path("/.well-known/api-catalog"), "api-catalog", LINKSET_JSON.media_type))
    if visit.history.changes:
        links.append(Link(addresses.path("/feed.atom"), "alternate", "application/atom+xml"))
    return links


# --- RDF -------------------------------------------------------------------------------------------------


def describe_dataset(visit: Visit) -> list[Quad]:
    """Return the metadata of the snapshot in use, with its origin, its dumps and the ways to ask it."""
    snapshot, addresses = visit.snapshot, visit.addresses
    settings = snapshot.settings
    dataset, graph = dataset_iri(settings), metadata_graph(settings)
    stored = parse("".join(f"{line} .\n" for line in snapshot.meta["about"]), format=RdfFormat.N_QUADS)
    quads = [*stored, *describe_origin(settings, visit.origin)]

    def say(subject: NamedNode, *said: tuple[NamedNode, NamedNode | Literal]) -> None:
        quads.extend(Quad(subject, predicate, value, graph) for predicate, value in said)

    landing = NamedNode(addresses.absolute("/dataset"))
    licence = [(DCTERMS.license, NamedNode(settings.licence))] if settings.licence else []
    say(dataset, (FOAF.homepage, landing), (DCAT.landingPage, landing))
    say(dataset, (DCTERMS.identifier, Literal(dataset.value)))
    say(dataset, *((DCAT.keyword, Literal(word)) for word in settings.keywords))
    if creator := creator_iri(settings):
        say(dataset, (DCTERMS.publisher, creator))
    if modified := visit.modified:
        say(dataset, (DCTERMS.modified, Literal(modified.isoformat(), datatype=XSD.dateTime)))
    say(dataset, *((VOID.feature, _FORMATS_W3C(_W3C_NAMES[key])) for key in FORMATS))
    _say_coverage(visit, say)

    for service in services():
        if service.key == "sparql":
            say(dataset, (VOID.sparqlEndpoint, NamedNode(addresses.absolute(service.path))))
        node = NamedNode(f"{dataset.value}#{service.key}")
        address = NamedNode(addresses.absolute(service.path))
        say(
            node,
            (RDF.type, DCAT.DataService),
            (DCTERMS.title, Literal(service.title, language="en")),
            (DCTERMS.conformsTo, NamedNode(service.standard)),
            (DCAT.endpointURL, address),
            (DCAT.endpointDescription, address),
            (DCAT.servesDataset, dataset),
            *licence,
        )
    for dump in dumps(visit):
        address = NamedNode(addresses.absolute(dump.path))
        node, checksum = NamedNode(f"{dataset.value}#{dump.name}"), NamedNode(f"{dataset.value}#{dump.name}.sha256")
        say(dataset, (VOID.dataDump, address), (DCAT.distribution, node))
        say(
            node,
            (RDF.type, DCAT.Distribution),
            (DCTERMS.title, Literal(dump.name)),
            (DCAT.accessURL, landing),
            (DCAT.downloadURL, address),
            (DCAT.mediaType, NamedNode(_MEDIA_TYPES + dump.media_type)),
            (DCAT.compressFormat, NamedNode(_MEDIA_TYPES + "application/gzip")),
            (DCAT.byteSize, Literal(str(dump.size), datatype=XSD.nonNegativeInteger)),
            (SPDX.checksum, checksum),
            *licence,
        )
        say(
            checksum,
            (RDF.type, SPDX.Checksum),
            (SPDX.algorithm, SPDX.checksumAlgorithm_sha256),
            (SPDX.checksumValue, Literal(dump.sha256, datatype=XSD.hexBinary)),
        )
    return quads


def _say_coverage(visit: Visit, say: Any) -> None:
    settings = visit.snapshot.settings
    dataset = dataset_iri(settings)
    if settings.temporal_coverage:
        period = NamedNode(dataset.value + "#period")
        say(dataset, (DCTERMS.temporal, period))
        say(period, (RDF.type, DCTERMS.PeriodOfTime))
        ends = zip((DCAT.startDate, DCAT.endDate), settings.temporal_coverage.split("/"), strict=True)
        say(period, *((predicate, _date(text)) for predicate, text in ends if text != ".."))
    if settings.spatial_coverage:
        place = NamedNode(dataset.value + "#place")
        named = ((RDFS.label, Literal(text, language=tag)) for tag, text in sorted(settings.spatial_coverage.items()))
        say(dataset, (DCTERMS.spatial, place))
        say(place, (RDF.type, DCTERMS.Location), *named)


def _date(text: str) -> Literal:
    kinds = (XSD.gYear, XSD.gYearMonth, XSD.date)
    return Literal(text, datatype=kinds[text.lstrip("-").count("-")])


def describe_catalogue(visit: Visit) -> list[Quad]:
    """Return the graph as the one dataset of a catalogue, which is what portals harvest."""
    settings, graph = visit.snapshot.settings, metadata_graph(visit.snapshot.settings)
    dataset = dataset_iri(settings)
    node = NamedNode(dataset.value + "#catalogue")
    said: list[tuple[NamedNode, NamedNode | Literal]] = [
        (RDF.type, DCAT.Catalog),
        (DCAT.dataset, dataset),
        (FOAF.homepage, NamedNode(visit.addresses.absolute("/"))),
        *((DCTERMS.title, Literal(text, language=tag)) for tag, text in settings.title.items()),
        *((DCTERMS.description, Literal(text, language=tag)) for tag, text in settings.description.items()),
        *((DCAT.service, NamedNode(f"{dataset.value}#{service.key}")) for service in services()),
        *((DCTERMS.language, Literal(tag, datatype=XSD.language)) for tag in settings.languages),
    ]
    if settings.licence:
        said.append((DCTERMS.license, NamedNode(settings.licence)))
    if creator := creator_iri(settings):
        said.append((DCTERMS.publisher, creator))
    return [*(Quad(node, predicate, value, graph) for predicate, value in said), *describe_dataset(visit)]


def catalogue(visit: Visit, extension: str = "") -> Response:
    """Answer with the DCAT catalogue, for portals that harvest."""
    if extension and extension not in FORMATS:
        raise visit.nothing_here()

    def address(key: str) -> str:
        return visit.addresses.path(f"/dcat.{key}")

    chosen = extension or visit.choose(RDF_OFFERS, address).key
    links = [Link(visit.addresses.path("/dcat"), "canonical"), Link(visit.addresses.path("/dataset"), "describes")]
    links += [Link(address(o.key), "alternate", o.media_type) for o in RDF_OFFERS if o.key != chosen]
    vary = () if extension else ("Accept",)
    location = "" if extension else address(chosen)
    return visit.rdf(describe_catalogue(visit), chosen, vary=vary, links=links, location=location)


def void(visit: Visit) -> Response:
    """Answer at the well-known address of VoID: the document about the graph has it."""
    chosen = visit.choose(_OFFERS, lambda key: dataset_address(visit, key)).key
    links = [Link(dataset_address(visit, o.key), "describedby", o.media_type) for o in RDF_OFFERS]
    return redirect(dataset_address(visit, chosen), vary=("Accept", "Accept-Language"), links=links)


# --- JSON ------------------------------------------------------------------------------------------------


def schema_org(visit: Visit) -> dict[str, Any]:
    """Return the graph as schema.org's Dataset, which search engines of datasets read in the page about it."""
    settings, addresses, reader = visit.snapshot.settings, visit.addresses, visit.reader
    dataset = dataset_iri(settings).value
    title = reader.choose(settings.title).text
    found: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": dataset,
        "name": title,
        "description": _described(visit, title),
        "url": addresses.absolute("/dataset"),
        "identifier": dataset,
        "isAccessibleForFree": True,
        "inLanguage": list(settings.languages),
        "version": visit.snapshot.name[:16],
        "distribution": [
            {
                "@type": "DataDownload",
                "name": dump.name,
                "contentUrl": addresses.absolute(dump.path),
                "encodingFormat": [dump.media_type, "application/gzip"],
                "contentSize": f"{dump.size} B",
                "sha256": dump.sha256,
            }
            for dump in dumps(visit)
        ],
        "includedInDataCatalog": {"@type": "DataCatalog", "name": title, "url": addresses.absolute("/dcat")},
    }
    if settings.licence:
        found["license"] = settings.licence
    if creator := creator_iri(settings):
        found["creator"] = {"@type": "Organization", "@id": creator.value, "name": settings.creator or creator.value}
    if settings.keywords:
        found["keywords"] = list(settings.keywords)
    if settings.temporal_coverage:
        found["temporalCoverage"] = settings.temporal_coverage
    if settings.spatial_coverage:
        found["spatialCoverage"] = {"@type": "Place", "name": reader.choose(settings.spatial_coverage).text}
    if modified := visit.modified:
        found["dateModified"] = modified.isoformat()
    return found


def _described(visit: Visit, title: str) -> str:
    settings = visit.snapshot.settings
    text = visit.reader.choose(settings.description).text
    if len(text) >= _SHORTEST:
        return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    count = visit.snapshot.triples(None, None, None, limit=0)[0]
    _ = visit.say
    size = _("A knowledge graph of %(count)s statements, each with its source.") % {"count": count}
    return " ".join(filter(None, (text or f"{title}.", size)))


def api_catalog(visit: Visit) -> Response:
    """Answer with the catalogue of what programs can ask here (RFC 9727)."""
    addresses = visit.addresses
    here = addresses.absolute("/.well-known/api-catalog")
    documents = [{"href": addresses.absolute("/dataset.html"), "type": HTML.media_type}]
    metadata = [{"href": addresses.absolute(f"/dataset.{o.key}"), "type": o.media_type} for o in RDF_OFFERS[:2]]
    licence = [{"href": visit.snapshot.settings.licence}] if visit.snapshot.settings.licence else []
    entries: list[dict[str, Any]] = [
        {
            "anchor": here,
            "item": [
                *({"href": addresses.absolute(service.path), "title": service.title} for service in services()),
                *({"href": addresses.absolute(dump.path), "type": "application/gzip"} for dump in dumps(visit)),
            ],
        }
    ]
    for service in services():
        said: dict[str, Any] = {
            "anchor": addresses.absolute(service.path),
            "service-doc": documents,
            "service-desc": [{"href": addresses.absolute(service.path), "type": "text/turtle"}],
            "service-meta": metadata,
        }
        entries.append({**said, "license": licence} if licence else said)
    body = json.dumps({"linkset": entries}, ensure_ascii=False, indent=1) + "\n"
    kind = f'{LINKSET_JSON.media_type}; profile="https://www.rfc-editor.org/info/rfc9727"'
    links = [Link(addresses.path("/.well-known/api-catalog"), "api-catalog", LINKSET_JSON.media_type)]
    links += [Link(addresses.path(service.path), "item") for service in services()]
    return respond(body, kind, links=links)


def context(visit: Visit) -> Response:
    """Answer with the JSON-LD context of the whole graph, of which each document carries what it needs."""
    body = {"@context": json_ld_context(visit.snapshot.prefixes)}
    offer = next(found for found in RDF_OFFERS if found.key == "jsonld")
    return respond(json.dumps(body, ensure_ascii=False, indent=2) + "\n", content_type(offer))


# --- for crawlers ----------------------------------------------------------------------------------------

#: What a crawler would only lose itself in: every question is an address of its own.
_CLOSED = (
    "/sparql",
    "/graphs",
    "/fragments",
    "/search",
    "/browse?",
    "/about",
    "/linkset.",
    "/correct",
    "/snapshot/",
    "/*?*page=",
)


def robots(visit: Visit) -> Response:
    """Answer with what crawlers should leave alone, and where the list of pages is."""
    closed = "".join(f"Disallow: {path}\n" for path in _CLOSED)
    body = f"User-agent: *\n{closed}\nSitemap: {visit.addresses.absolute('/sitemap.xml')}\n"
    return respond(body, "text/plain; charset=utf-8")


def llms(visit: Visit) -> Response:
    """Answer with a short account of the site for language models and whoever programs with them (llms.txt)."""
    settings, addresses = visit.snapshot.settings, visit.addresses
    snapshot, reader = visit.snapshot, visit.reader
    lines = [f"# {_line(reader.choose(settings.title).text)}", ""]
    if about := reader.choose(settings.description).text:
        lines += [f"> {_line(about)}", ""]
    lines += [
        f"Every thing has an IRI under {settings.entity_base}; its address answers with HTML or RDF, as the Accept "
        "header asks. Write .ttl, .jsonld or .nt instead of .html for data. Each statement names its source.",
        "",
        "## Data",
        "",
        _item("The graph as a dataset", addresses.absolute("/dataset.ttl"), "VoID and DCAT: size, licence, dumps"),
        _item("Ontology", addresses.absolute(f"/{settings.ontology}.ttl"), "what the terms mean"),
        *(_item(service.title, addresses.absolute(service.path), service.standard) for service in services()),
        *(_item(dump.name, addresses.absolute(dump.path), f"{dump.size} bytes") for dump in dumps(visit)),
        "",
        "## Questions with answers",
        "",
        *(
            _item(reader.choose(view.titles).text or view.name, addresses.absolute(f"/views/{view.name}.csv"), "CSV")
            for view in snapshot.views()
        ),
        "",
        "## Kinds of things",
        "",
        *(_item(kind, addresses.absolute(f"/browse/{kind}"), str(count)) for kind, count in snapshot.kinds()),
    ]
    return respond("\n".join(lines) + "\n", "text/plain; charset=utf-8", language=reader.language, vary=_BY_LANGUAGE)


_BY_LANGUAGE = ("Accept-Language",)


def _line(text: str) -> str:
    return " ".join(text.split())


def _item(title: str, address: str, note: str) -> str:
    title = _line(title).replace("[", "(").replace("]", ")")
    return f"- [{title}]({address.replace('(', '%28').replace(')', '%29')}): {note}"


# --- all links of a document -----------------------------------------------------------------------------


def linkset(visit: Visit, offer: Offer, links: Mapping[str, Iterable[Link]]) -> Response:
    """Answer with the links of several addresses in one document (RFC 9264)."""
    if offer is LINKSET:
        said = ",\n".join(f'{link}; anchor="{anchor}"' for anchor, found in links.items() for link in found)
        return respond(said + "\n", LINKSET.media_type)
    entries = []
    for anchor, found in links.items():
        entry: dict[str, Any] = {"anchor": anchor}
        for link in found:
            entry.setdefault(link.rel, []).append({"href": link.target, **({"type": link.type} if link.type else {})})
        entries.append(entry)
    return respond(json.dumps({"linkset": entries}, ensure_ascii=False, indent=1) + "\n", LINKSET_JSON.media_type)
