"""The ontology as a page and as RDF: its classes in their hierarchy, its properties, at the address that is its IRI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Response
from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from kg.entities import describe
from kg.labels import local_name
from kg.project import Role
from kg.snapshot import Fact
from kg.vocabulary import LABELS, OWL, RDF, RDFS, SKOS
from kg.web.discovery import common_links
from kg.web.documents import OFFERS, page_of
from kg.web.portraits import DESCRIPTIONS, describe_in_words
from kg.web.reader import Shown, Text
from kg.web.responses import HTML, Link
from kg.web.visits import Visit
from kg.writers import FORMATS

__all__ = ["Term", "ontology"]

_CLASSES = (OWL.Class, RDFS.Class)
_PROPERTIES = (OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty, RDF.Property)
_NOTES = (SKOS.scopeNote, SKOS.example, SKOS.note, SKOS.changeNote)


@dataclass
class Term:
    """A class or property of the ontology, as its page shows it."""

    iri: str
    anchor: str
    name: Text
    #: Names in every language.
    names: Sequence[Text]
    definition: Text
    notes: Sequence[Text]
    #: What it stands in relation to: a heading, and the things.
    links: Sequence[tuple[str, Sequence[Shown]]]
    count: int = 0
    narrower: list[Term] = field(default_factory=list)


def ontology(visit: Visit) -> Response | None:
    """Answer at the IRI of an ontology, a vocabulary or shapes, at that of its version, and with an extension.

    None for any other path.
    """
    path = visit.path.lstrip("/")
    stem, dot, extension = path.rpartition(".")
    if not dot or (extension != "html" and extension not in FORMATS):
        stem, extension = path, ""
    iri = _named(visit, visit.snapshot.settings.base_iri + stem)
    return None if iri is None else _answer(visit, iri, "/" + stem, extension)


def _named(visit: Visit, iri: str) -> str | None:
    """Return the vocabulary that an IRI names, by itself or as one of its versions."""
    files = visit.snapshot.files.values()
    roles = (Role.ONTOLOGY.value, Role.SHAPES.value)
    vocabularies = {f.graph.value for f in files if f.role in roles and isinstance(f.graph, NamedNode)}
    if iri in vocabularies:
        return iri
    try:
        versions = visit.snapshot.facts(predicate=OWL.versionIRI, object=NamedNode(iri))
    except ValueError:  # what was asked for is no IRI
        return None
    return next((fact.subject.value for fact in versions if fact.subject.value in vocabularies), None)


def _answer(visit: Visit, iri: str, path: str, extension: str) -> Response:
    addresses, settings = visit.addresses, visit.snapshot.settings

    def address(key: str) -> str:
        return addresses.here(f"{path}.html", lang=addresses.lang) if key == "html" else addresses.here(f"{path}.{key}")

    chosen = extension or visit.choose(OFFERS, address).key
    vary = () if extension else ("Accept",)
    links = [Link(addresses.path("/" + addresses.ascii(iri[len(settings.base_iri) :])), "canonical")]
    links += [Link(address(found.key), "alternate", found.media_type) for found in OFFERS if found.key != chosen]
    if chosen == "html":
        links += [Link(address(found.key), "describedby", found.media_type) for found in OFFERS if found is not HTML]
    links += [Link(addresses.ascii(iri), "describes"), Link(addresses.path("/dataset"), "collection")]
    links += common_links(visit, iri, page=chosen == "html")
    location = "" if extension else address(chosen)
    facts = visit.snapshot.stated_in(iri)
    if chosen != "html":
        graph = NamedNode(iri)
        quads = [Quad(fact.subject, fact.predicate, fact.object, graph) for fact in facts]
        return visit.rdf(quads, chosen, vary=vary, links=links, location=location)
    formats = [(FORMATS[key].name, address(key)) for key in FORMATS]
    if iri == settings.ontology_iri:
        shown = _contents(visit, facts)
        return visit.html("ontology.html", vary=vary, links=links, location=location, formats=formats, **shown)
    description = describe(visit.snapshot, iri)
    if description is None:  # its file says nothing of itself
        raise visit.nothing_here()
    lasting = addresses.pinned(visit.snapshot.name).here(f"{path}.html")
    page = page_of(visit, description, lasting=lasting, formats=formats)
    return visit.html("entity.html", vary=vary, links=links, location=location, **page)


def _contents(visit: Visit, facts: Sequence[Fact]) -> dict[str, Any]:
    iri = visit.snapshot.settings.ontology_iri
    visit.names.learn(term for fact in facts for term in fact[1:4])
    by_subject: dict[str, list[Fact]] = {}
    for fact in facts:
        by_subject.setdefault(fact.subject.value, []).append(fact)
    shelf = _Shelf(visit, by_subject)
    header = [fact for fact in by_subject.get(iri, ()) if fact.predicate not in (RDF.type, *LABELS, *DESCRIPTIONS)]
    return {
        "iri": iri,
        "name": visit.names.name(iri),
        "description": describe_in_words(by_subject.get(iri, ()), visit.names).get(iri),
        "header": [(visit.names.link(f.predicate.value), visit.names.show(f.object)) for f in header],
        "classes": shelf.classes(),
        "tree": shelf.tree(),
        "properties": shelf.properties(),
    }


class _Shelf:
    """Sorts what an ontology states into classes and properties, in the reader's alphabet."""

    def __init__(self, visit: Visit, facts: Mapping[str, Sequence[Fact]]) -> None:
        self.visit, self.facts = visit, facts
        self.base = visit.snapshot.settings.ontology_iri + "#"
        self.definitions = describe_in_words((f for found in facts.values() for f in found), visit.names)
        self.counts = dict(visit.snapshot.classes())
        self._terms: dict[str, Term] = {}

    def _own(self, kinds: Iterable[NamedNode]) -> list[Term]:
        wanted = set(kinds)
        found = [
            self._term(iri)
            for iri, facts in self.facts.items()
            if iri.startswith(self.base) and any(f.predicate == RDF.type and f.object in wanted for f in facts)
        ]
        return sorted(found, key=lambda term: (term.name.text.casefold(), term.iri))

    def classes(self) -> list[Term]:
        return self._own(_CLASSES)

    def properties(self) -> list[Term]:
        return self._own(_PROPERTIES)

    def tree(self) -> list[Term]:
        """Return the classes that have no wider one of our own; the others hang below them, each once."""
        classes = {term.iri: term for term in self.classes()}
        placed: set[str] = set()
        for iri, term in classes.items():
            for fact in self.facts[iri]:
                upper = fact.object.value if isinstance(fact.object, NamedNode) else ""
                # A class under several hangs below the first; one that is above itself, below nothing.
                is_upper = fact.predicate == RDFS.subClassOf and upper in classes and iri not in placed
                if is_upper and not self._is_below(classes[upper], term):
                    classes[upper].narrower.append(term)
                    placed.add(iri)
        return [term for iri, term in classes.items() if iri not in placed]

    def _is_below(self, term: Term, top: Term) -> bool:
        return term is top or any(self._is_below(term, narrower) for narrower in top.narrower)

    def _term(self, iri: str) -> Term:
        if iri not in self._terms:
            self._terms[iri] = self._made(iri)
        return self._terms[iri]

    def _made(self, iri: str) -> Term:
        facts, names, _ = self.facts[iri], self.visit.names, self.visit.say
        named = names.all_of(iri)
        headings = {
            RDFS.subClassOf: _("Kind of"),
            RDFS.subPropertyOf: _("Special case of"),
            OWL.inverseOf: _("Inverse of"),
            RDFS.domain: _("Of"),
            RDFS.range: _("Values"),
        }
        links = [
            (heading, shown)
            for predicate, heading in headings.items()
            if (shown := [one for f in facts if f.predicate == predicate for one in self._things(f.object)])
        ]
        notes = [
            Text(f.object.value, f.object.language or "")
            for f in facts
            if f.predicate in _NOTES and isinstance(f.object, Literal)
        ]
        readable = [note for note in notes if not self.visit.reader.is_foreign(note)] or notes
        return Term(
            iri,
            local_name(iri),
            names.name(iri),
            [Text(named[tag], tag) for tag in sorted(named)],
            self.definitions.get(iri, Text("")),
            readable,
            links,
            self.counts.get(iri, 0),
        )

    def _things(self, node: NamedNode | BlankNode | Literal) -> list[Shown]:
        """Return a thing, or the members of a union; other descriptions of classes have no name to show."""
        if isinstance(node, NamedNode):
            return [self.visit.names.link(node.value)]
        found: list[Shown] = []
        union = self._value(node, OWL.unionOf)
        seen: set[str] = set()
        while isinstance(union, BlankNode) and union.value not in seen:
            seen.add(union.value)
            first = self._value(union, RDF.first)
            found += [self.visit.names.link(first.value)] if isinstance(first, NamedNode) else []
            union = self._value(union, RDF.rest)
        return found

    def _value(self, node: object, predicate: NamedNode) -> NamedNode | BlankNode | Literal | None:
        facts = self.facts.get(node.value, ()) if isinstance(node, BlankNode) else ()
        return next((fact.object for fact in facts if fact.predicate == predicate), None)
