"""What the graph says about one thing: its own statements, the relations it takes part in, names and sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad

from kg.labels import choose, local_name
from kg.metadata import dataset_iri, differences_graph, inferred_graph, metadata_graph
from kg.pointers import Pointing, pointers
from kg.snapshot import Fact, File, Snapshot
from kg.vocabulary import FOAF, KG, RDF, VOID
from kg.writers import Four

__all__ = ["Description", "Footnote", "Group", "Property", "Relation", "describe", "footnotes", "grouped"]

Node = NamedNode | BlankNode
Term = Node | DefaultGraph
Value = Node | Literal


@dataclass(frozen=True)
class Relation:
    """A node that links things, seen from one of them: what it says, and the parts that this one plays in it."""

    node: Node
    parts: tuple[NamedNode, ...]
    facts: Sequence[Fact]


@dataclass(frozen=True)
class Description:
    """All that a document about a thing says. Relations come in pages; everything else is whole."""

    iri: NamedNode
    #: Statements whose subject it is, with those about the blank nodes that they lead to.
    facts: Sequence[Fact]
    relations: Sequence[Relation]
    #: Other statements that point to it.
    incoming: Sequence[Fact]
    page: int
    pages: int
    #: What there is of relations and other things that point here, on all pages, in their order.
    groups: Sequence[Pointing]
    #: Names of everything mentioned, by IRI and language.
    labels: Mapping[str, Mapping[str, str]]
    #: The headers of the files that speak, and what is said of their sources.
    sources: Sequence[Fact]
    #: The statements that give the names.
    naming: Sequence[Fact] = field(repr=False)

    def all_facts(self) -> Iterator[Fact]:
        """Give every statement of the document once: own, of relations, incoming, sources, and names last."""
        seen: set[int] = set()
        relations = (fact for relation in self.relations for fact in relation.facts)
        for facts in (self.facts, relations, self.incoming, self.sources, self.naming):
            for fact in facts:
                if fact.id not in seen:
                    seen.add(fact.id)
                    yield fact

    def _in_order(self, snapshot: Snapshot) -> Iterator[Fact]:
        """Give the statements as `all_facts` does, those of one subject in the order of the shapes of its classes."""
        by_subject: dict[Node, list[Fact]] = {}
        for fact in self.all_facts():
            by_subject.setdefault(fact.subject, []).append(fact)
        classes = snapshot.classes_of((one.value for one in by_subject if isinstance(one, NamedNode)), specific=False)
        for subject, facts in by_subject.items():
            arranged = snapshot.arranged(classes.get(subject.value, ()))
            order = {iri: place for place, iri in enumerate(iri for _, shown in arranged for iri, _ in shown)}
            if len(facts) > 1 and order:
                facts.sort(key=lambda fact: order.get(fact.predicate.value, len(order)))
            yield from facts

    def own(self) -> Iterator[Four]:
        """Give what is said of the thing itself, without graphs."""
        for fact in self.facts:
            yield (fact.subject, fact.predicate, fact.object, DefaultGraph())

    def quads(self, snapshot: Snapshot) -> Iterator[Quad]:
        """Give the document as quads, in the order of `fours`."""
        return (Quad(*four) for four in self.fours(snapshot))

    def fours(self, snapshot: Snapshot) -> Iterator[Four]:
        """Give the document as quads: each statement in the graph of its file, inferred ones in one of their own."""
        settings = snapshot.settings
        derived = {2: inferred_graph(settings), 3: differences_graph(settings)}
        for fact in self._in_order(snapshot):
            yield (fact.subject, fact.predicate, fact.object, fact.file.graph if fact.file else derived[fact.kind])
        if self.iri.value.startswith(settings.entity_base):
            document = NamedNode(f"{settings.base_iri}doc/{self.iri.value[len(settings.entity_base) :]}")
            about = metadata_graph(settings)
            yield (document, FOAF.primaryTopic, self.iri, about)
            yield (document, VOID.inDataset, dataset_iri(settings), about)


# So many things are sorted by name, relations first; the names of more would have to be read for every page.
_SORTED = 10_000


def describe(snapshot: Snapshot, iri: str, *, page: int = 1) -> Description | None:
    """Return what the graph says about a thing, None if it says nothing.

    `page` counts from 1; each page has as many relations and other things that point here as
    `limits.document_length` allows, in the order of `kg.pointers`. Where very many do, they come in the order of
    the files.
    """
    node = NamedNode(iri)
    facts = snapshot.facts(subject=node)
    length = snapshot.settings.document_length
    count, start = snapshot.pointing(iri), (page - 1) * length
    groups: Sequence[Pointing] = ()
    if count > _SORTED:
        pointing = snapshot.facts_pointing(iri, offset=start, limit=length)
    elif facts or count:
        found = pointers(snapshot, iri)
        groups = found.groups
        pointing = snapshot.facts_between(found.numbers[start : start + length], node)
    else:
        # Nothing is said of a property but by using it.
        pointing = snapshot.facts(predicate=node, limit=length)
        if not pointing:
            return None
    facts += _about_blank_nodes(snapshot, facts)
    pages = max(1, -(-count // length))

    parts: dict[Node, dict[NamedNode, None]] = {}
    for fact in pointing:
        parts.setdefault(fact.subject, {})[fact.predicate] = None
    shown = list(parts)
    classes = snapshot.classes_of((one.value for one in shown if isinstance(one, NamedNode)), specific=False)
    related = {subject for subject in shown if KG.Relation.value in classes.get(subject.value, ())}

    about: dict[Node, list[Fact]] = {}
    for fact in snapshot.facts_about(subject for subject in shown if subject in related):
        about.setdefault(fact.subject, []).append(fact)
    relations = [Relation(subject, tuple(parts[subject]), about[subject]) for subject in shown if subject in related]
    incoming = [fact for fact in pointing if fact.subject not in related]

    everything = [*facts, *incoming, *(fact for relation in relations for fact in relation.facts)]
    files = {fact.file.graph: fact.file for fact in everything if fact.file}
    sources = _source_facts(snapshot, files.values())
    mentioned = {term for fact in (*everything, *sources) for term in fact[1:4] if isinstance(term, NamedNode)}
    naming = snapshot.naming(mentioned)
    named = snapshot.labels(term.value for term in mentioned)
    return Description(node, facts, relations, incoming, page, pages, groups, named, sources, naming)


def _about_blank_nodes(snapshot: Snapshot, facts: Sequence[Fact]) -> list[Fact]:
    found: list[Fact] = []
    seen: set[BlankNode] = set()
    waiting = list(facts)
    while waiting:
        fresh = {fact.object for fact in waiting if isinstance(fact.object, BlankNode)} - seen
        seen |= fresh
        waiting = snapshot.facts_about(sorted(fresh, key=str))
        found += waiting
    return found


def _source_facts(snapshot: Snapshot, files: Iterable[File]) -> list[Fact]:
    """Return the headers of files and everything said about the sources that they name."""
    files = list(files)
    graphs = {file.graph for file in files}
    sources = {file.source for file in files if file.source is not None}
    return snapshot.headers(graphs | sources)


# --- for readers -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Footnote:
    """Where statements come from: one passage of one source, as one file has it."""

    number: int
    file: File
    subject: Node
    #: Property and values that lead to the passage, the header's first, in the order of `provenance.locators`.
    locators: Sequence[tuple[NamedNode, Sequence[Value]]]
    #: How far it can be relied on, where that does not go without saying.
    qualifiers: Sequence[NamedNode]
    #: What the curators remark on it.
    remarks: Sequence[Literal]
    line: int


@dataclass(frozen=True)
class Property:
    """The values of one property, each with the statements that give it."""

    iri: NamedNode
    values: Sequence[tuple[NamedNode | BlankNode | Literal, Sequence[Fact]]]


@dataclass(frozen=True)
class Group:
    """Properties that belong together, under the IRI of a group of the shapes (empty for the rest)."""

    iri: str
    properties: Sequence[Property]


def grouped(
    snapshot: Snapshot,
    facts: Sequence[Fact],
    classes: Sequence[str],
    labels: Mapping[str, Mapping[str, str]],
    *,
    hide: Iterable[NamedNode] = (),
) -> list[Group]:
    """Return the statements of one subject by group and property, in the order of the shapes of its classes.

    What it is comes first, properties that no shape names come last, by name. Left out are bounds of dates and
    the properties in `hide`.
    """
    hidden = set(hide)
    values: dict[str, dict[NamedNode | BlankNode | Literal, list[Fact]]] = {}
    for fact in facts:
        if fact.kind != 1 and fact.predicate not in hidden:
            values.setdefault(fact.predicate.value, {}).setdefault(fact.object, []).append(fact)

    def name(iri: str) -> str:
        return choose(labels[iri], snapshot.settings.languages)[0] if iri in labels else local_name(iri)

    arranged = [("", [RDF.type.value])]
    arranged += [(group or "", [iri for iri, _ in shown]) for group, shown in snapshot.arranged(classes)]
    placed = {iri for _, shown in arranged for iri in shown}
    arranged.append(("", sorted(values.keys() - placed, key=lambda iri: (name(iri), iri))))
    groups: dict[str, list[Property]] = {}
    for group, shown in arranged:
        for iri in shown:
            if iri in values:
                found = [(value, tuple(stating)) for value, stating in values[iri].items()]
                groups.setdefault(group, []).append(Property(NamedNode(iri), found))
    return [Group(iri, tuple(properties)) for iri, properties in groups.items()]


def footnotes(
    snapshot: Snapshot, facts: Iterable[Fact], said: Iterable[Fact] = ()
) -> dict[tuple[File, Node], Footnote]:
    """Return a numbered footnote for each file and subject among stated facts, in the order of the facts.

    A locator belongs to a node in a file: the same node may stand at several places of several sources. Locators,
    qualifiers and remarks are found among the facts, and in what is `said` besides, such as the headers of files.
    """
    wanted: dict[tuple[File, Node], Fact] = {}
    reading = {*snapshot.locators, *snapshot.qualifiers, *snapshot.remarks}
    found: dict[tuple[File, Term], dict[NamedNode, list[Value]]] = {}
    for shown, several in ((True, facts), (False, said)):
        for fact in several:
            if fact.file is None:
                continue
            if shown:
                wanted.setdefault((fact.file, fact.subject), fact)
            if fact.predicate in reading:
                values = found.setdefault((fact.file, fact.subject), {}).setdefault(fact.predicate, [])
                if fact.object not in values:
                    values.append(fact.object)
    return {
        key: _footnote(snapshot, number, key[0], fact, found.get(key, {}), found.get((key[0], key[0].graph), {}))
        for number, (key, fact) in enumerate(wanted.items(), start=1)
    }


def _footnote(
    snapshot: Snapshot,
    number: int,
    file: File,
    fact: Fact,
    own: Mapping[NamedNode, Sequence[Value]],
    header: Mapping[NamedNode, Sequence[Value]],
) -> Footnote:
    places = tuple(
        (locator, tuple(own.get(locator) or header.get(locator) or ()))
        for locator in snapshot.locators
        if locator in own or locator in header
    )
    qualifiers = [value for one in snapshot.qualifiers for value in own.get(one, ()) if isinstance(value, NamedNode)]
    remarks = [value for one in snapshot.remarks for value in own.get(one, ()) if isinstance(value, Literal)]
    unusual = tuple(value for value in qualifiers if value not in snapshot.usual)
    return Footnote(number, file, fact.subject, places, unusual, tuple(remarks), fact.line)
