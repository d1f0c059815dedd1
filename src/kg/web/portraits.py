"""What a page about a thing shows: names, facts in order, relations as tables, footnotes, and reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.entities import Description, Footnote, Property, Relation, footnotes, grouped
from kg.snapshot import Fact, Snapshot, Why
from kg.vocabulary import DCTERMS, KG, LABELS, OWL, RDF, RDFS, SKOS
from kg.web.reader import Names, Shown, Text

__all__ = ["DESCRIPTIONS", "Portrait", "Value", "describe_in_words", "paint"]

#: Properties whose value says in a sentence what a thing is, the one to prefer first.
DESCRIPTIONS = (DCTERMS.description, SKOS.definition, RDFS.comment)

# How many reasons lead on from one reason, and how many are shown of one statement: the page stays small, and the
# command line and the RDF have all of them.
_DEPTH, _WAYS = 3, 3

Term = NamedNode | BlankNode | Literal


@dataclass(frozen=True)
class Premise:
    """One statement that another rests on: its terms, the places that state it, or its own reasons."""

    terms: tuple[Shown, Shown, Shown]
    places: Sequence[str]
    reasons: Sequence[Reason]
    inferred: bool


@dataclass(frozen=True)
class Reason:
    """Why an inferred statement holds: by which rule, from what."""

    rule: str
    axiom: Premise | None
    premises: Sequence[Premise]


@dataclass(frozen=True)
class Value:
    """A value with the numbers of its footnotes, and its reasons if it is inferred."""

    shown: Shown
    notes: Sequence[int] = ()
    inferred: bool = False
    reasons: Sequence[Reason] = ()
    #: How many further reasons there are.
    more: int = 0
    #: What a node without a name says.
    parts: Sequence[Row] = ()
    #: Of a name: the languages that have it, each shown as a mark.
    languages: Sequence[str] = ()


@dataclass(frozen=True)
class Row:
    """A property and its values; `others` are translations for readers of other languages."""

    name: Shown
    values: Sequence[Value]
    others: Sequence[Value] = ()


@dataclass(frozen=True)
class Section:
    """Properties under one heading of the shapes, which may be empty."""

    title: Text
    rows: Sequence[Row]


@dataclass(frozen=True)
class RelationRow:
    """One relation in a table: a link to its own page, a cell per column, and the sources of the whole row."""

    link: Shown
    cells: Sequence[Sequence[Value]]
    notes: Sequence[int]


@dataclass(frozen=True)
class Table:
    """The relations of one class."""

    title: Shown
    columns: Sequence[Shown]
    rows: Sequence[RelationRow]


@dataclass(frozen=True)
class Note:
    """A footnote: the source, the way to the passage, and the place in the repository."""

    number: int
    source: Shown | None
    places: Sequence[tuple[Text, Sequence[Shown]]]
    path: str
    line: int


@dataclass(frozen=True)
class Portrait:
    """Everything on the page about a thing, ready to be shown."""

    iri: str
    name: Text
    classes: Sequence[Value]
    description: Value | None
    sections: Sequence[Section]
    tables: Sequence[Table]
    mentions: Sequence[Row]
    notes: Sequence[Note]
    deprecated: bool
    successors: Sequence[Shown]
    page: int
    pages: int


def describe_in_words(facts: Iterable[Fact], names: Names) -> dict[str, Text]:
    """Return, by IRI, the sentence that says what each subject is, in the reader's language if there is one."""
    found: dict[str, dict[int, dict[str, str]]] = {}
    for fact in facts:
        if fact.predicate in DESCRIPTIONS and isinstance(fact.object, Literal):
            rank = DESCRIPTIONS.index(fact.predicate)
            texts = found.setdefault(fact.subject.value, {}).setdefault(rank, {})
            texts.setdefault(fact.object.language or "", fact.object.value)
    return {iri: names.reader.choose(ranked[min(ranked)]) for iri, ranked in found.items()}


def paint(description: Description, snapshot: Snapshot, names: Names) -> Portrait:
    """Return the page about a thing for one reader."""
    return _Painter(description, snapshot, names).portrait()


class _Painter:
    def __init__(self, description: Description, snapshot: Snapshot, names: Names) -> None:
        self.description, self.snapshot, self.names = description, snapshot, names
        self.reader = names.reader
        self.iri = description.iri
        self.own = [fact for fact in description.facts if fact.subject == self.iri and fact.kind != 1]
        self.nested: dict[BlankNode, list[Fact]] = {}
        for fact in description.facts:
            if isinstance(fact.subject, BlankNode):
                self.nested.setdefault(fact.subject, []).append(fact)
        shown = [*description.facts, *(fact for r in description.relations for fact in r.facts), *description.incoming]
        names.learn(term for fact in shown for term in fact[1:4])
        names.learn(fact.file.source for fact in shown if fact.file)
        nodes = [self.iri.value, *(relation.node.value for relation in description.relations)]
        self.all_classes = snapshot.classes_of(nodes, specific=False)
        self.footnotes = footnotes(snapshot, self._in_order(shown))
        self.used: dict[int, Footnote] = {}
        # Numbers follow the page from top to bottom, so each is given when it is first shown.
        self.numbers: dict[int, int] = {}

    def _in_order(self, facts: Iterable[Fact]) -> Iterable[Fact]:
        return (fact for fact in facts if fact.kind == 0)

    def portrait(self) -> Portrait:
        # In the order of the page, because footnotes are numbered on the way.
        name = self.names.name(self.iri.value)
        classes = self._classes()
        description = self._description()
        sections = self._sections()
        tables = self._tables()
        mentions = self._mentions()
        return Portrait(
            self.iri.value,
            name,
            classes,
            description,
            sections,
            tables,
            mentions,
            self._notes(),
            any(f.predicate == OWL.deprecated and f.object.value == "true" for f in self.own),
            [self.names.show(fact.object) for fact in self.own if fact.predicate == DCTERMS.isReplacedBy],
            self.description.page,
            self.description.pages,
        )

    # --- values ---

    def _note(self, fact: Fact) -> int | None:
        if fact.file is None:
            return None
        footnote = self.footnotes.get((fact.file, fact.subject))
        if footnote is None:
            return None
        number = self.numbers.setdefault(footnote.number, len(self.numbers) + 1)
        self.used[number] = footnote
        return number

    def _note_numbers(self, facts: Iterable[Fact]) -> tuple[int, ...]:
        return tuple(sorted({number for fact in facts if (number := self._note(fact)) is not None}))

    def _value(self, term: Term, facts: Sequence[Fact], *, shown: Shown | None = None, depth: int = _DEPTH) -> Value:
        notes = self._note_numbers(facts)
        inferred = bool(facts) and all(fact.inferred for fact in facts)
        ways = self.snapshot.why(facts[0]) if inferred else ()
        reasons = self._reasons(ways[:_WAYS], depth)
        parts = self._parts(term) if isinstance(term, BlankNode) else ()
        return Value(shown or self.names.show(term), notes, inferred, reasons, max(0, len(ways) - _WAYS), parts)

    def _parts(self, node: BlankNode) -> Sequence[Row]:
        facts = self.nested.pop(node, [])  # each once: a cycle of blank nodes ends here
        return [self._row(found) for group in grouped(self.snapshot, facts, (), {}) for found in group.properties]

    def _row(self, found: Property) -> Row:
        if found.iri in LABELS:
            return Row(self._property(found.iri), self._names(found))
        values = [self._value(term, facts) for term, facts in found.values]
        readable, others = self._by_language(values)
        return Row(self._property(found.iri), readable, others)

    def _names(self, found: Property) -> Sequence[Value]:
        """Return names in all languages; one that several languages share stands once."""
        by_text: dict[str, list[Fact]] = {}
        for term, facts in found.values:
            by_text.setdefault(term.value, []).extend(facts)
        return [self._name(text, facts) for text, facts in by_text.items()]

    def _name(self, text: str, facts: Sequence[Fact]) -> Value:
        languages = [f.object.language for f in facts if isinstance(f.object, Literal) and f.object.language]
        shown = Shown(Text(text, languages[0] if languages else ""))
        return Value(shown, self._note_numbers(facts), languages=list(dict.fromkeys(languages)))

    def _by_language(self, values: Sequence[Value]) -> tuple[Sequence[Value], Sequence[Value]]:
        """Part texts that the reader can read from their translations; without any of the first, show all."""
        foreign = [value for value in values if self.reader.is_foreign(value.shown.text)]
        mine = [value for value in values if value.shown.text.language and value not in foreign]
        if not mine:
            return values, ()
        return [value for value in values if value not in foreign], foreign

    def _property(self, iri: NamedNode, classes: Iterable[str] = ()) -> Shown:
        """Return a property by the name that the shapes of a class give it, else by its own."""
        shown = self.names.link(iri.value)
        for class_iri in classes or self.all_classes.get(self.iri.value, ()):
            said = self.snapshot.presentation["classes"].get(class_iri, {}).get(iri.value)
            if said and said["names"]:
                return Shown(self.reader.choose(said["names"]), shown.href, shown.external)
        return shown

    # --- why ---

    def _reasons(self, ways: Sequence[Why], depth: int) -> Sequence[Reason]:
        found = []
        for why in ways:
            self.names.learn(term for facts in (why.axiom, *why.premises) for one in facts for term in one[1:4])
            premises = [self._premise(facts, depth - 1) for facts in why.premises if facts]
            found.append(Reason(why.rule, self._premise(why.axiom, 0) if why.axiom else None, premises))
        return found

    def _premise(self, facts: Sequence[Fact], depth: int) -> Premise:
        one = facts[0]
        places = [f"{fact.file.path}:{fact.line}" for fact in facts if fact.file]
        terms = (self.names.show(one.subject), self.names.show(one.predicate), self._list(one.object))
        # One way to a premise is enough to follow; the page of its subject has the others.
        reasons = self._reasons(self.snapshot.why(one)[:1], depth) if one.inferred and depth > 0 else ()
        return Premise(terms, places, reasons, one.inferred)

    def _list(self, term: Term) -> Shown:
        """Return a term; a list of things by their names, as the chains of an ontology are written."""
        members: list[str] = []
        node, seen = term, set[Term]()
        while isinstance(node, BlankNode) and node not in seen:
            seen.add(node)
            said = {fact.predicate: fact.object for fact in self.snapshot.facts(subject=node)}
            if isinstance(first := said.get(RDF.first), NamedNode):
                members.append(self.names.name(first.value).text)
            node = said.get(RDF.rest, node)
        return Shown(Text(" → ".join(members))) if members else self.names.show(term)

    # --- parts of the page ---

    def _classes(self) -> Sequence[Value]:
        """Return the classes that say most: the most specific stated ones, and inferred ones above none of its own."""
        by_class: dict[NamedNode, list[Fact]] = {}
        for fact in self.own:
            if fact.predicate == RDF.type and isinstance(fact.object, NamedNode):
                by_class.setdefault(fact.object, []).append(fact)
        stated = {class_iri for class_iri, facts in by_class.items() if not facts[0].inferred}
        wider = {class_iri: self._above(class_iri) - {class_iri} for class_iri in by_class}
        above_stated = {OWL.NamedIndividual}.union(*(wider[class_iri] for class_iri in stated))
        above_any = {OWL.Thing, KG.Relation}.union(*wider.values())
        telling = {
            class_iri: facts
            for class_iri, facts in by_class.items()
            if class_iri not in (above_stated if class_iri in stated else above_any)
        }
        ordered = sorted((telling or by_class).items(), key=lambda item: (item[1][0].inferred, item[0].value))
        return [self._value(class_iri, facts) for class_iri, facts in ordered]

    def _above(self, class_iri: NamedNode) -> set[NamedNode]:
        found: set[NamedNode] = set()
        waiting = [class_iri]
        while waiting:
            for fact in self.snapshot.facts(subject=waiting.pop(), predicate=RDFS.subClassOf):
                if isinstance(fact.object, NamedNode) and fact.object not in found:
                    found.add(fact.object)
                    waiting.append(fact.object)
        return found

    def _description(self) -> Value | None:
        facts = [fact for fact in self.own if fact.predicate in DESCRIPTIONS]
        text = describe_in_words(facts, self.names).get(self.iri.value)
        if text is None:
            return None
        stating = [f for f in facts if isinstance(f.object, Literal) and f.object.value == text.text]
        return self._value(stating[0].object, stating, shown=Shown(text))

    def _sections(self) -> Sequence[Section]:
        objects = {fact.object.value for fact in self.own if isinstance(fact.object, NamedNode)}
        relations = {
            iri
            for iri, classes in self.snapshot.classes_of(objects, specific=False).items()
            if KG.Relation.value in classes
        }
        # A shortcut to a relation says what the relation itself says below.
        facts = [f for f in self.own if not (f.inferred and f.object.value in relations)]
        groups = grouped(
            self.snapshot,
            facts,
            self.all_classes.get(self.iri.value, ()),
            self.description.labels,
            hide=(RDF.type, self._chosen_description(), OWL.deprecated),
        )
        return [
            Section(self._group_title(group.iri), [self._row(found) for found in group.properties]) for group in groups
        ]

    def _chosen_description(self) -> NamedNode:
        used = [predicate for predicate in DESCRIPTIONS if any(f.predicate == predicate for f in self.own)]
        return used[0] if used else DESCRIPTIONS[0]

    def _group_title(self, iri: str) -> Text:
        group = self.snapshot.presentation["groups"].get(iri)
        return self.reader.choose(group["labels"] if group else {})

    def _tables(self) -> Sequence[Table]:
        by_class: dict[str, list[Relation]] = {}
        for relation in self.description.relations:
            for class_iri in self.names.classes(relation.node.value)[:1]:
                by_class.setdefault(class_iri, []).append(relation)
        ordered = sorted(by_class.items(), key=lambda item: (self.names.name(item[0]).text, item[0]))
        return [self._table(class_iri, relations) for class_iri, relations in ordered]

    def _table(self, class_iri: str, relations: Sequence[Relation]) -> Table:
        classes = self.all_classes.get(relations[0].node.value, ())
        facts = [fact for relation in relations for fact in relation.facts]
        hide = {RDF.type, *LABELS, *(self.snapshot.locators)}
        hide |= {p for p in {fact.predicate for fact in facts} if self._says_nothing(p, relations)}
        groups = grouped(self.snapshot, facts, classes, self.description.labels, hide=hide)
        columns = [found.iri for group in groups for found in group.properties]
        rows = [self._relation_row(relation, columns, class_iri) for relation in relations]
        return Table(self.names.link(class_iri), [self._property(column, classes) for column in columns], rows)

    def _says_nothing(self, predicate: NamedNode, relations: Sequence[Relation]) -> bool:
        """Tell whether a column would only repeat: this thing, the relation's name, or what other columns state."""
        facts = [fact for relation in relations for fact in relation.facts if fact.predicate == predicate]
        if all(fact.object == self.iri or self._is_name(fact) for fact in facts):
            return True
        if not all(fact.inferred for fact in facts):
            return False
        stated = {(f.subject, f.object) for relation in relations for f in relation.facts if f.kind == 0}
        return all((fact.subject, fact.object) in stated for fact in facts)

    def _is_name(self, fact: Fact) -> bool:
        names = self.names.all_of(fact.subject.value)
        return isinstance(fact.object, Literal) and names.get(fact.object.language or "") == fact.object.value

    def _relation_row(self, relation: Relation, columns: Sequence[NamedNode], class_iri: str) -> RelationRow:
        notes = self._note_numbers(fact for fact in relation.facts if fact.predicate in columns)
        cells = []
        for column in columns:
            by_value: dict[Term, list[Fact]] = {}
            for fact in relation.facts:
                if fact.predicate == column and fact.kind != 1:
                    by_value.setdefault(fact.object, []).append(fact)
            values = [self._value(term, facts, depth=1) for term, facts in by_value.items()]
            readable, _ = self._by_language(values)
            # Where all of a row comes from the same places, the row says so once.
            cells.append([_without_notes(v) if tuple(v.notes) == notes else v for v in readable])
        link = self.names.link(relation.node.value)
        text = Text(self._without_class(link.text, class_iri), link.text.language)
        return RelationRow(Shown(text, link.href), cells, notes)

    def _without_class(self, text: Text, class_iri: str) -> str:
        """Return a relation's name without its class, which stands above the table."""
        for name in self.names.all_of(class_iri).values():
            if said := re.match(rf"{re.escape(name)} ?: ", text.text, re.IGNORECASE):
                return text.text[said.end() :]
        return text.text

    def _mentions(self) -> Sequence[Row]:
        by_predicate: dict[NamedNode, dict[NamedNode, list[Fact]]] = {}
        for fact in self.description.incoming:
            if isinstance(fact.subject, NamedNode) and not self._is_said_above(fact):
                by_predicate.setdefault(fact.predicate, {}).setdefault(fact.subject, []).append(fact)
        return [
            Row(self.names.link(predicate.value), [self._value(s, facts, depth=1) for s, facts in subjects.items()])
            for predicate, subjects in by_predicate.items()
        ]

    def _is_said_above(self, fact: Fact) -> bool:
        """Tell whether a statement that points here is only the inverse of one that stands above."""
        if not fact.inferred or not any(own.object == fact.subject for own in self.own):
            return False
        return any(own.object == fact.subject and own.kind == 0 for own in self.own) or any(
            why.rule == "inverse" for why in self.snapshot.why(fact)
        )

    def _notes(self) -> Sequence[Note]:
        found = []
        for number, footnote in sorted(self.used.items()):
            self.names.learn(term for locator, values in footnote.locators for term in (locator, *values))
            source = footnote.file.source
            places = [
                (self.names.name(locator.value), [self.names.show(value) for value in values])
                for locator, values in footnote.locators
            ]
            shown = self.names.link(source.value) if source else None
            found.append(Note(number, shown, places, footnote.file.path, footnote.line))
        return found


def _without_notes(value: Value) -> Value:
    return replace(value, notes=())
