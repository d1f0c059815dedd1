"""What the endpoint says of itself: the SPARQL 1.1 Service Description, true to what is served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from kg.metadata import dataset_iri
from kg.vocabulary import RDF, VOID, XSD, Namespace
from kg.web.addresses import Addresses
from kg.web.visits import Visit
from kg.writers import FORMATS, write

__all__ = ["NAMES", "describe_dataset", "describe_service", "example", "graph_address"]

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
_FORMATS = Namespace("http://www.w3.org/ns/formats/")

#: The formats of results by their keys, as people call them; and, of each, its name at W3C.
NAMES: Mapping[str, str] = {
    "html": "HTML", "json": "JSON", "xml": "XML", "csv": "CSV", "tsv": "TSV",
    **{key: found.name for key, found in FORMATS.items()},
}  # fmt: skip
_RESULT_FORMATS = (
    "SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV",
    "Turtle", "JSON-LD", "N-Triples", "RDF_XML", "TriG", "N-Quads",
)  # fmt: skip

# Stands for the address of this site where nobody has told it; no host has such a name (RFC 2606).
_HERE = "http://here.invalid/"

# Nodes without a name have labels that never change, so that the document does not either.
_DATASET, _DEFAULT = BlankNode("dataset"), BlankNode("default")


def graph_address(addresses: Addresses, graph: str, form: str = "") -> str:
    """Return the address of a whole graph; of the default one for an empty name."""
    if graph:
        return addresses.path("/graphs", graph=graph, format=form)
    return addresses.path("/graphs") + "?default" + (f"&format={form}" if form else "")


def describe_service(visit: Visit, form: str) -> bytes:
    """Return the description of the endpoint in an RDF format by its key.

    Where the site does not know its public address, that of the endpoint is relative, and a client resolves it against
    the one that it has asked. The formats that have no relative IRIs do not say it then.
    """
    addresses = visit.addresses
    if addresses.public_url:
        return _written(visit, form, NamedNode(addresses.path("/sparql")))
    if form in ("nt", "nq"):
        return _written(visit, form, None)
    return _written(visit, form, NamedNode(f"{_HERE}sparql")).replace(_HERE.encode(), b"")


def describe_dataset(visit: Visit, form: str) -> bytes:
    """Return the graphs that can be asked, each with the number of its triples, in an RDF format."""
    return _write(visit, _dataset(visit), form)


def _write(visit: Visit, quads: Iterable[Quad], form: str) -> bytes:
    return write(quads, form, {**visit.snapshot.prefixes, "sd": SD.iri, "void": VOID.iri})


def _written(visit: Visit, form: str, endpoint: NamedNode | None) -> bytes:
    return _write(visit, [*_service(visit, endpoint or BlankNode("service")), *_dataset(visit)], form)


def _service(visit: Visit, service: NamedNode | BlankNode) -> Iterator[Quad]:
    yield Quad(service, RDF.type, SD("Service"))
    if isinstance(service, NamedNode):
        yield Quad(service, SD("endpoint"), service)
    yield Quad(service, SD("supportedLanguage"), SD("SPARQL11Query"))
    for name in _RESULT_FORMATS:
        yield Quad(service, SD("resultFormat"), _FORMATS(name))
    if visit.snapshot.default_graph != "plain":
        yield Quad(service, SD("feature"), SD("UnionDefaultGraph"))
    yield Quad(service, SD("defaultDataset"), _DATASET)


def _dataset(visit: Visit) -> Iterator[Quad]:
    snapshot = visit.snapshot
    yield Quad(_DATASET, RDF.type, SD("Dataset"))
    yield Quad(_DATASET, SD("defaultGraph"), _DEFAULT)
    yield Quad(_DEFAULT, RDF.type, SD("Graph"))
    yield Quad(_DEFAULT, VOID("inDataset"), dataset_iri(snapshot.settings))
    yield Quad(_DEFAULT, VOID.triples, _number(snapshot.triple_count))
    for index, (name, count) in enumerate(snapshot.graphs.items()):
        named, graph = BlankNode(f"named{index}"), BlankNode(f"graph{index}")
        yield Quad(_DATASET, SD("namedGraph"), named)
        yield Quad(named, RDF.type, SD("NamedGraph"))
        yield Quad(named, SD("name"), name)
        yield Quad(named, SD("graph"), graph)
        yield Quad(graph, RDF.type, SD("Graph"))
        yield Quad(graph, VOID.triples, _number(count))


def _number(number: int) -> Literal:
    return Literal(str(number), datatype=XSD.integer)


def example(visit: Visit) -> str:
    """Return a query to begin with: that of the view on the home page, or of the first view, or a general one."""
    views = sorted(visit.snapshot.views(), key=lambda view: view.name != visit.snapshot.settings.home_view)
    for view in views:
        if not view.parameters:
            return "\n".join(line for line in view.query.split("\n") if not line.startswith("#+")).strip()
    return "SELECT ?class (COUNT(*) AS ?number)\nWHERE { ?thing a ?class }\nGROUP BY ?class\nORDER BY DESC(?number)"
