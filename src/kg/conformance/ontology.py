"""Checks 77 and 78: the ontology as others find, cite and reuse it."""

from __future__ import annotations

from urllib.parse import urljoin

from pyoxigraph import NamedNode, Quad

from kg.conformance.checks import Group, check, expect, listing, not_asked
from kg.conformance.discovery import objects
from kg.conformance.rdf import FORMATS
from kg.conformance.site import DCTERMS, RDF_TYPE, Site, without_fragment

__all__: list[str] = []

_GROUP = Group.ONTOLOGY
_OWL = "http://www.w3.org/2002/07/owl#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_SKOS = "http://www.w3.org/2004/02/skos/core#"
_VANN = "http://purl.org/vocab/vann/"
_TERMS = {
    _OWL + "Class", _OWL + "ObjectProperty", _OWL + "DatatypeProperty", _OWL + "AnnotationProperty",
    _RDFS + "Class", "http://www.w3.org/1999/02/22-rdf-syntax-ns#Property",
}  # fmt: skip
_NEEDED = {
    "licence": (DCTERMS + "license", DCTERMS + "rights", "http://schema.org/license"),
    "creator": (DCTERMS + "creator", "http://purl.org/dc/elements/1.1/creator", "http://schema.org/creator"),
    "title": (DCTERMS + "title", _RDFS + "label"),
    "description": (DCTERMS + "description", _RDFS + "comment"),
    "preferred prefix": (_VANN + "preferredNamespacePrefix",),
    "date of change": (DCTERMS + "modified", DCTERMS + "issued", DCTERMS + "created"),
}


@check(
    77, _GROUP, "The ontology can be cited, versioned and reused",
    request="GET {O}, Accept: text/turtle; GET its version IRI as Turtle and HTML",
    expected="an owl:Ontology whose IRI is the address asked for; owl:versionIRI that leads to RDF and a page; "
    "licence, creator, title, description, preferred prefix, date; a label and a comment for each term",
    source="FOOPS! URI2, VER1, VER2, OM1-OM5, VOC3, VOC4",
)  # fmt: skip
def ontology(site: Site) -> None:
    answer, _ = site.follow(site.ontology, accept="text/turtle")
    expect(answer.status == 200 and answer.media_type in FORMATS, answer)
    quads = site.quads(answer)
    named = {quad.subject.value for quad in _typed(quads, {_OWL + "Ontology"}) if isinstance(quad.subject, NamedNode)}
    ours = next((iri for iri in named if site.same(without_fragment(iri), site.ontology)), None)
    expect(ours, f"{site.ontology}: owl:Ontology {listing(named)}")
    ours = str(ours)
    missing = [name for name, terms in _NEEDED.items() if not any(objects(quads, ours, term) for term in terms)]
    expect(not missing, f"<{ours}> has no {listing(missing)}")
    versions = objects(quads, ours, _OWL + "versionIRI")
    expect(versions, f"<{ours}> has no owl:versionIRI")
    for media_type in ("text/turtle", "text/html"):
        version, _ = site.follow(urljoin(answer.url, versions[0]), accept=media_type)
        expect(version.status == 200 and version.media_type == media_type, f"{versions[0]} as {media_type}: {version}")
    for terms, what in (
        ((_RDFS + "label", _SKOS + "prefLabel"), "label"),
        ((_RDFS + "comment", _SKOS + "definition", DCTERMS + "description"), "comment"),
    ):
        bare = {
            quad.subject.value
            for quad in _typed(quads, _TERMS)
            if isinstance(quad.subject, NamedNode)
            and without_fragment(quad.subject.value) == without_fragment(ours)
            and not any(objects(quads, quad.subject.value, term) for term in terms)
        }
        expect(not bare, f"no {what}: {listing(bare)}")


def _typed(quads: list[Quad], kinds: set[str]) -> list[Quad]:
    return [
        quad
        for quad in quads
        if quad.predicate.value == RDF_TYPE and isinstance(quad.object, NamedNode) and quad.object.value in kinds
    ]


not_asked(
    78, _GROUP, "F-UJI and FOOPS! do not fall", expected="their scores, recorded",
    source="F-UJI metrics; FOOPS! tests", reason="both are services of others, asked by hand",
)  # fmt: skip
