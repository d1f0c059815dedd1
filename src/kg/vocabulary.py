"""The terms that the engine itself reads and writes: its own, and those of the standards it builds on."""

from __future__ import annotations

from pyoxigraph import NamedNode

__all__ = [
    "ALTERNATIVES", "DCTERMS", "FOAF", "KG", "KG_TERMS", "LABELS", "OWL", "RDF", "RDFS", "SH", "SKOS", "VOID",
    "WELL_KNOWN", "XSD", "Namespace",
]  # fmt: skip


class Namespace:
    """Makes the terms of one vocabulary: `RDFS("label")`, or `RDFS.label` where the name is a Python name."""

    def __init__(self, iri: str) -> None:
        self.iri = iri

    def __call__(self, name: str) -> NamedNode:
        return NamedNode(self.iri + name)

    def __getattr__(self, name: str) -> NamedNode:
        if name.startswith("__"):
            raise AttributeError(name)
        # Asked for a million times: found without this method from now on.
        term = self.__dict__[name] = self(name)
        return term


#: What each term means is in docs/reference/vocabulary.md.
KG = Namespace("https://w3id.org/kg-engine#")
#: The terms that an ontology, a shape or a query may use.
KG_TERMS = frozenset(
    KG(name)
    for name in (
        # Dates, relations, shapes.
        "earliest", "latest", "sometime", "until", "Relation", "Event", "wholeGraph",
        # What is compared, and how.
        "singleValued", "comparedBy", "changing", "within", "qualifiedBy", "atLeast", "atMost", "counts", "denies",
        "listItem", "listRole", "listSubject", "listScope", "closedBy",
        # What sources say differently.
        "Disagreement", "Refinement", "Saying", "about", "respect", "property", "one", "other", "value", "node",
        "graph", "source",
    )
)  # fmt: skip
RDF = Namespace("http://www.w3.org/1999/02/22-rdf-syntax-ns#")
RDFS = Namespace("http://www.w3.org/2000/01/rdf-schema#")
OWL = Namespace("http://www.w3.org/2002/07/owl#")
XSD = Namespace("http://www.w3.org/2001/XMLSchema#")
SH = Namespace("http://www.w3.org/ns/shacl#")
SKOS = Namespace("http://www.w3.org/2004/02/skos/core#")
DCTERMS = Namespace("http://purl.org/dc/terms/")
FOAF = Namespace("http://xmlns.com/foaf/0.1/")
VOID = Namespace("http://rdfs.org/ns/void#")

#: Properties whose values name a thing, the one to prefer first.
LABELS = (
    RDFS.label,
    SKOS.prefLabel,
    DCTERMS.title,
    FOAF.name,
    NamedNode("https://schema.org/name"),
    NamedNode("http://schema.org/name"),
    NamedNode("http://purl.org/dc/elements/1.1/title"),
)

#: Properties whose values are further names, by which a thing is found too.
ALTERNATIVES = (
    SKOS.altLabel,
    SKOS.hiddenLabel,
    DCTERMS.alternative,
    FOAF.nick,
    NamedNode("https://schema.org/alternateName"),
    NamedNode("http://schema.org/alternateName"),
)

#: Prefixes by which these vocabularies go nearly everywhere, for files that declare none for them.
WELL_KNOWN = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": DCTERMS.iri,
    "foaf": FOAF.iri,
    "geo": "http://www.w3.org/2003/01/geo/wgs84_pos#",
    "org": "http://www.w3.org/ns/org#",
    "owl": OWL.iri,
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": RDF.iri,
    "rdfs": RDFS.iri,
    "schema": "https://schema.org/",
    "sh": SH.iri,
    "skos": SKOS.iri,
    "void": VOID.iri,
    "xsd": XSD.iri,
}
