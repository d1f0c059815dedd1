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
from kg.selections import most_linked, property_uses
from kg.snapshot import Fact
from kg.vocabulary import LABELS, OWL, RDF, RDFS, SH, SKOS
from kg.web.concepts import has_schemes, schemes
from kg.web.corrections import places
from kg.web.discovery import common_links
from kg.web.documents import OFFERS, page_of
from kg.web.portraits import DESCRIPTIONS, describe_in_words
from kg.web.reader import Shown, Text
from kg.web.responses import HTML, Link
from kg.web.shapes import shapes
from kg.web.visits import Visit
from kg.writers import FORMATS

__all__ = ["Term", "ontology"]

_CLASSES = (OWL.Class, RDFS.Class)
_PROPERTIES = (OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty, RDF.Property)
# So many things stand for a class.
_EXAMPLES = 3
_NOTES = (SKOS.scopeNote, SKOS.example, SKOS.note, SKOS.changeNote)


@dataclass
class Term:
    """A class or property of the ontology, as its page shows it."""

    iri: str
    anchor: str
    name: Text
    definition: Text
    #: Its name and what it means in each other language.
    others: Sequence[tuple[str, Sequence[Text]]]
    notes: Sequence[Text]
    #: What it stands in relation to: a heading, and the things.
    links: Sequence[tuple[str, Sequence[Shown]]]
    count: int = 0
    #: Things of a class, or what the ontology names.
    examples: Sequence[Shown] = ()
    #: The two ends of a statement with a property.
    statement: Sequence[Shown] = ()
    #: How many statements are made with a property.
    uses: int = 0
    #: The file and the line that say so, and where they can be seen.
    place: str = ""
    href: str = ""
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
    if any(
        fact.subject.value.startswith(f"{iri}#")
        for fact in visit.snapshot.facts(predicate=RDF.type, object=SH.NodeShape)
    ):
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
    is_namespace = not facts
    if is_namespace:  # of shapes, which stand in several files
        facts = [fact for graph in _graphs(visit, Role.SHAPES) for fact in visit.snapshot.stated_in(graph)]
    if chosen != "html":
        quads = [Quad(f.subject, f.predicate, f.object, f.file.graph) for f in facts if f.file]
        return visit.rdf(quads, chosen, vary=vary, links=links, location=location)
    formats = [(FORMATS[key].name, address(key)) for key in FORMATS]
    if iri == settings.ontology_iri:
        shown = _contents(visit, facts)
        return visit.html("ontology.html", vary=vary, links=links, location=location, formats=formats, **shown)
    if has_schemes(facts):
        shown = _headed(visit, iri, facts) | {"schemes": schemes(visit, facts)}
        return visit.html("concepts.html", vary=vary, links=links, location=location, formats=formats, **shown)
    if is_namespace or iri in _graphs(visit, Role.SHAPES):
        shown = _headed(visit, iri, facts) | {"shapes": shapes(visit, facts)}
        parts = _others(visit, Role.SHAPES) if is_namespace else []
        return visit.html("shapes.html", vary=vary, links=links, location=location, formats=formats, parts=parts,
                          **shown)  # fmt: skip
    description = describe(visit.snapshot, iri)
    if description is None:  # its file says nothing of itself
        raise visit.nothing_here()
    lasting = addresses.pinned(visit.snapshot.name).here(f"{path}.html")
    page = page_of(visit, description, lasting=lasting, formats=formats)
    return visit.html("entity.html", vary=vary, links=links, location=location, **page)


def _graphs(visit: Visit, *roles: Role) -> list[str]:
    """Return the graphs of the files that have some part, in their order."""
    wanted = {role.value for role in roles}
    return [
        file.graph.value
        for file in visit.snapshot.files.values()
        if file.role in wanted and isinstance(file.graph, NamedNode)
    ]


def _others(visit: Visit, *roles: Role) -> list[Shown]:
    """Return the vocabularies that have some part, but for the ontology itself, with their pages."""
    settings, addresses = visit.snapshot.settings, visit.addresses
    iris = [iri for iri in _graphs(visit, *roles) if iri != settings.ontology_iri and iri.startswith(settings.base_iri)]
    visit.names.learn(iris)
    return [
        Shown(visit.names.name(iri), addresses.page("/" + addresses.ascii(iri[len(settings.base_iri) :])))
        for iri in iris
    ]


def _headed(visit: Visit, iri: str, facts: Sequence[Fact]) -> dict[str, Any]:
    """Return what stands at the head of the page of any vocabulary: its name, and what it says of itself."""
    own = [fact for fact in facts if fact.subject == NamedNode(iri)]
    visit.names.learn(term for fact in own for term in fact[1:4])
    header = [fact for fact in own if fact.predicate not in (RDF.type, *LABELS, *DESCRIPTIONS)]
    return {
        "iri": iri,
        "name": visit.names.name(iri) if own else Text(""),
        "description": describe_in_words(own, visit.names).get(iri),
        "header": [(visit.names.link(f.predicate.value), visit.names.show(f.object)) for f in header],
    }


def _contents(visit: Visit, facts: Sequence[Fact]) -> dict[str, Any]:
    iri = visit.snapshot.settings.ontology_iri
    visit.names.learn(term for fact in facts for term in fact[1:4])
    by_subject: dict[str, list[Fact]] = {}
    for fact in facts:
        by_subject.setdefault(fact.subject.value, []).append(fact)
    shelf = _Shelf(visit, by_subject)
    return _headed(visit, iri, facts) | {
        "vocabularies": _others(visit, Role.ONTOLOGY),
        "shapes": _others(visit, Role.SHAPES),
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
        self.uses = property_uses(visit.snapshot)
        self.places = places(visit)
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
        definition = self.definitions.get(iri, Text(""))
        meant = [(f.object.language or "", f.object.value) for f in facts
                 if f.predicate == SKOS.definition and isinstance(f.object, Literal)]  # fmt: skip
        others = [
            (tag, [Text(text, tag) for found, text in (*named.items(), *meant) if found == tag])
            for tag in sorted({*named, *dict(meant)} - {names.name(iri).language, ""})
        ]
        file = facts[0].file
        return Term(
            iri,
            local_name(iri),
            names.name(iri),
            definition,
            others,
            readable,
            links,
            self.counts.get(iri, 0),
            self._examples(iri, facts),
            self._statement(iri),
            self.uses.get(iri, 0),
            f"{file.path}:{facts[0].line}" if file else "",
            self.places.view(file.path, facts[0].line) if file else "",
        )

    def _examples(self, iri: str, facts: Sequence[Fact]) -> list[Shown]:
        """Return what the ontology gives as examples; else things of a class."""
        given = [f.object.value for f in facts if f.predicate == SKOS.example and isinstance(f.object, NamedNode)]
        given = given or (most_linked(self.visit.snapshot, iri, _EXAMPLES) if iri in self.counts else [])
        self.visit.names.learn(given)
        return [self.visit.names.link(one) for one in given]

    def _statement(self, iri: str) -> list[Shown]:
        for fact in self.visit.snapshot.facts(predicate=NamedNode(iri), limit=1) if iri in self.uses else ():
            self.visit.names.learn(fact[1:4])
            return [self.visit.names.show(fact.subject), self.visit.names.show(fact.object, fact.predicate)]
        return []

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
