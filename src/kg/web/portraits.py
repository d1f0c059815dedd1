"""What a page about a thing shows: names, facts in order, relations as tables, footnotes, and reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.entities import Description, Footnote, Property, Relation, footnotes, grouped
from kg.pointers import Pointing
from kg.snapshot import Differing, Fact, Snapshot, Why
from kg.vocabulary import DCTERMS, KG, LABELS, OWL, RDF, RDFS, SKOS
from kg.web.places import Places
from kg.web.reader import Names, Shown, Text

__all__ = ["DESCRIPTIONS", "Portrait", "Value", "describe_in_words", "paint"]

#: Properties whose value says in a sentence what a thing is, the one to prefer first.
DESCRIPTIONS = (DCTERMS.description, SKOS.definition, RDFS.comment)

# How many reasons lead on from one reason, and how many are shown of one statement: the page stays small, and the
# command line and the RDF have all of them.
_DEPTH, _WAYS = 3, 3

# So many relations are told as a list, more as a table; so many columns it has beside its heading; so many lines of a
# file a footnote names.
_FEW, _COLUMNS, _LINES = 2, 3, 6

# The groups of what is no relation.
_POINTING = ("mentions", "follows")

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


class Value(NamedTuple):
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
    #: Where it stands under a wider property: what it is more exactly.
    role: Text | None = None
    #: Of an event: when it was.
    moment: Shown | None = None


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
class Mark:
    """What keeps a statement from being sure, as one footnote has it: qualifiers, and the curators' remarks."""

    qualifiers: Sequence[Text]
    remarks: Sequence[Text]


@dataclass(frozen=True)
class RelationRow:
    """One relation among those of a group: what heads it, a cell per column, what else it says, where it is told."""

    title: Sequence[Value]
    cells: Sequence[Sequence[Value]]
    more: Sequence[Row]
    notes: Sequence[int]
    marks: Sequence[Mark]
    #: Its own page and its full name; empty where the title leads there.
    own: Shown | None
    kind: Shown | None = None
    when: Sequence[Value] = ()


@dataclass(frozen=True)
class Group:
    """Relations that belong together: of one class and part as a table, named ones and events as a list."""

    anchor: str
    title: Shown
    #: The parts that the thing plays in them, where one class has several groups.
    roles: Sequence[Text]
    #: How many there are, on all pages.
    count: int
    #: What holds for all of them.
    common: Sequence[Row]
    heading: Shown | None
    columns: Sequence[Shown]
    rows: Sequence[RelationRow]
    #: As a table, as a list, or, where they say hardly more than their names, as names in columns.
    form: str


@dataclass(frozen=True)
class Mentions:
    """Other things that point here by one property, or that it leads to."""

    anchor: str
    name: Shown
    count: int
    values: Sequence[Value]
    #: Whether no file states any of it.
    follows: bool = False
    #: Whether they point here, and not it to them.
    incoming: bool = True


@dataclass(frozen=True)
class Difference:
    """What sources give differently: of what, in which respect, and each value with the sources that give it."""

    #: The thing, where it is another than that of the page.
    about: Sequence[Shown]
    #: What the nodes are that give the values of the thing, such as foundings.
    kinds: Sequence[Text]
    property: Text
    respects: Sequence[Text]
    values: Sequence[tuple[Value, Sequence[Shown]]]
    #: Whether they cannot all hold; else some are only finer than others.
    disagree: bool


@dataclass(frozen=True)
class FileRow:
    """A file that points here with its header: where it can be seen, and what the header says besides."""

    path: str
    href: str
    cells: Sequence[Sequence[Value]]


@dataclass(frozen=True)
class Files:
    """The files that speak for a source, or point here in another way with their headers."""

    anchor: str
    #: How many there are, on all pages.
    number: int
    common: Sequence[Row]
    columns: Sequence[Shown]
    rows: Sequence[FileRow]


@dataclass(frozen=True)
class Entry:
    """One line of the contents of a page: a group, how many are in it, and the page where it begins."""

    title: Text
    roles: Sequence[Text]
    count: int
    page: int
    anchor: str


@dataclass(frozen=True)
class Note:
    """A footnote: the source, the way to the passage, and the place in the repository."""

    number: int
    source: Shown | None
    locators: Sequence[tuple[Text, Sequence[Shown]]]
    mark: Mark | None
    path: str
    #: Where the first of the lines can be seen, and the lines themselves, or the first of them.
    href: str
    lines: Sequence[int]
    #: Where it can be edited and a correction suggested, if anywhere.
    edit: str = ""
    correct: str = ""


@dataclass(frozen=True)
class Portrait:
    """Everything on the page about a thing, ready to be shown."""

    iri: str
    name: Text
    classes: Sequence[Value]
    description: Value | None
    marks: Sequence[Mark]
    sections: Sequence[Section]
    differences: Sequence[Difference]
    contents: Sequence[Entry]
    groups: Sequence[Group]
    files: Files | None
    mentions: Sequence[Mentions]
    #: What no file states and the relations say already: in short form, from it and to it.
    following: Sequence[Mentions]
    notes: Sequence[Note]
    deprecated: bool
    successors: Sequence[Shown]
    page: int
    pages: int
    #: Where a correction can be suggested, if anywhere.
    correct: str = ""


def describe_in_words(facts: Iterable[Fact], names: Names) -> dict[str, Text]:
    """Return, by IRI, the sentence that says what each subject is, in the reader's language if there is one."""
    found: dict[str, dict[int, dict[str, str]]] = {}
    for fact in facts:
        if fact.predicate in DESCRIPTIONS and isinstance(fact.object, Literal):
            rank = DESCRIPTIONS.index(fact.predicate)
            texts = found.setdefault(fact.subject.value, {}).setdefault(rank, {})
            texts.setdefault(fact.object.language or "", fact.object.value)
    return {iri: names.reader.choose(ranked[min(ranked)]) for iri, ranked in found.items()}


def paint(description: Description, snapshot: Snapshot, names: Names, places: Places | None = None) -> Portrait:
    """Return the page about a thing for one reader; `places` says where files can be seen, edited and corrected."""
    return _Painter(description, snapshot, names, places or Places()).portrait()


class _Painter:
    def __init__(self, description: Description, snapshot: Snapshot, names: Names, places: Places) -> None:
        self.description, self.snapshot, self.names, self.places = description, snapshot, names, places
        self.reader = names.reader
        self.iri = description.iri
        self.own = [fact for fact in description.facts if fact.subject == self.iri and fact.kind != 1]
        self.nested: dict[BlankNode, list[Fact]] = {}
        for fact in description.facts:
            if isinstance(fact.subject, BlankNode):
                self.nested.setdefault(fact.subject, []).append(fact)
        self.differing = self._differing() if description.page == 1 and not snapshot.default_graph else ()
        differing = [fact for one in self.differing for _, facts in one.values for fact in facts]
        names.learn(term for one in self.differing for term in (*one.about, *one.respects, one.property))
        self.kinds = snapshot.classes_of(
            fact.subject.value for fact in differing if isinstance(fact.subject, NamedNode)
        )
        names.learn(NamedNode(kind) for kinds in self.kinds.values() for kind in kinds)
        shown = [
            *description.facts,
            *(fact for r in description.relations for fact in r.facts),
            *description.incoming,
            *differing,
        ]
        names.learn(term for fact in shown for term in fact[1:4])
        names.learn(fact.file.source for fact in shown if fact.file)
        nodes = [self.iri.value, *(relation.node.value for relation in description.relations)]
        self.all_classes = snapshot.classes_of(nodes, specific=False)
        headers = [*description.sources, *self._about_mentions(), *self._said_elsewhere(differing)]
        self.footnotes = footnotes(snapshot, (fact for fact in shown if fact.kind == 0), headers)
        told = (note for note in self.footnotes.values() if note.qualifiers or note.locators)
        names.learn(t for note in told for t in (*note.qualifiers, *(v for _, values in note.locators for v in values)))
        self.used: dict[int, Footnote] = {}
        # Numbers follow the page from top to bottom, so each is given when it is first shown.
        self.numbers: dict[int, int] = {}
        self.lines: dict[int, dict[int, None]] = {}
        self.files: Files | None = None
        #: Footnotes whose marks stand beside what they belong to.
        self.marked: set[int] = set()
        #: What a row does not say of itself: it is said in its marks and footnotes.
        self.apart = {RDF.type, *LABELS, *snapshot.locators, *snapshot.qualifiers, *snapshot.remarks}

    def _about_mentions(self) -> Sequence[Fact]:
        """Return what is said of the things that only point here, for the locators of their footnotes."""
        told = {relation.node for relation in self.description.relations}
        pointing = {fact.subject for fact in self.description.incoming if fact.kind == 0} - told
        return self.snapshot.facts_about(sorted(pointing, key=str)) if self.snapshot.locators else ()

    def _differing(self) -> Sequence[Differing]:
        """Return where sources differ about the thing and its relations; of a source, where it differs from others."""
        snapshot = self.snapshot
        if self.iri not in snapshot.sources:
            nodes = (r.node.value for r in self.description.relations if isinstance(r.node, NamedNode))
            return snapshot.differences(self.iri.value, *nodes)
        everything = snapshot.remembered(("differences",), snapshot.differences)
        mine = [
            one for one in everything if any(self.iri == f.file.source for _, fs in one.values for f in fs if f.file)
        ]
        return mine[: snapshot.settings.document_length]

    def _said_elsewhere(self, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Return what is said of nodes and files that only a difference leads to."""
        known = {self.iri, *(relation.node for relation in self.description.relations)}
        known |= {fact.subject for fact in self.description.sources}
        nodes = {node for fact in facts if fact.file for node in (fact.subject, fact.file.graph)} - known
        return self.snapshot.facts_about(sorted(nodes, key=str))

    def portrait(self) -> Portrait:
        # In the order of the page, because footnotes are numbered on the way.
        name = self.names.name(self.iri.value)
        classes = self._classes()
        description = self._description()
        marks = self._marks(self.iri)
        sections, following = self._sections()
        differences = [self._difference(one) for one in self.differing]
        groups, mentions = self._groups()
        following = [*following, *(one for one in mentions if one.follows)]
        return Portrait(
            self.iri.value,
            name,
            classes,
            description,
            marks,
            sections,
            differences,
            self._contents(),
            groups,
            self.files,
            [one for one in mentions if not one.follows],
            following,
            self._notes(),
            any(f.predicate == OWL.deprecated and f.object.value == "true" for f in self.own),
            [self.names.show(fact.object) for fact in self.own if fact.predicate == DCTERMS.isReplacedBy],
            self.description.page,
            self.description.pages,
            self.places.correct(self.iri.value, "") if any(fact.kind == 0 for fact in self.own) else "",
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
        self.lines.setdefault(number, {})[fact.line] = None
        return number

    def _note_numbers(self, facts: Iterable[Fact]) -> tuple[int, ...]:
        return tuple(sorted({number for fact in facts if (number := self._note(fact)) is not None}))

    def _value(self, term: Term, facts: Sequence[Fact], *, shown: Shown | None = None, depth: int = _DEPTH) -> Value:
        notes = self._note_numbers(facts)
        inferred = bool(facts) and all(fact.inferred for fact in facts)
        ways = self.snapshot.why(facts[0]) if inferred else ()
        reasons = self._reasons(ways[:_WAYS], depth)
        parts = self._parts(term) if isinstance(term, BlankNode) else ()
        shown = shown or self.names.show(term, facts[0].predicate if facts else None)
        return Value(shown, notes, inferred, reasons, max(0, len(ways) - _WAYS), parts)

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
        terms = (self.names.show(one.subject), self.names.show(one.predicate), self._list(one.object, one.predicate))
        # One way to a premise is enough to follow; the page of its subject has the others.
        reasons = self._reasons(self.snapshot.why(one)[:1], depth) if one.inferred and depth > 0 else ()
        return Premise(terms, places, reasons, one.inferred)

    def _list(self, term: Term, predicate: NamedNode) -> Shown:
        """Return a term; a list of things by their names, as the chains of an ontology are written."""
        members: list[str] = []
        node, seen = term, set[Term]()
        while isinstance(node, BlankNode) and node not in seen:
            seen.add(node)
            said = {fact.predicate: fact.object for fact in self.snapshot.facts(subject=node)}
            if isinstance(first := said.get(RDF.first), NamedNode):
                members.append(self.names.name(first.value).text)
            node = said.get(RDF.rest, node)
        return Shown(Text(" → ".join(members))) if members else self.names.show(term, predicate)

    # --- parts of the page ---

    def _classes(self) -> Sequence[Value]:
        """Return the classes that say most: the most specific stated ones, and inferred ones above none of its own."""
        by_class: dict[NamedNode, list[Fact]] = {}
        for fact in self.own:
            if fact.predicate == RDF.type and isinstance(fact.object, NamedNode):
                by_class.setdefault(fact.object, []).append(fact)
        stated = {class_iri for class_iri, facts in by_class.items() if not facts[0].inferred}
        wider = {class_iri: self.snapshot.above(class_iri, RDFS.subClassOf) - {class_iri} for class_iri in by_class}
        above_stated = {OWL.NamedIndividual}.union(*(wider[class_iri] for class_iri in stated))
        above_any = {OWL.Thing, KG.Relation, KG.Event}.union(*wider.values())
        telling = {
            class_iri: facts
            for class_iri, facts in by_class.items()
            if class_iri not in (above_stated if class_iri in stated else above_any)
        }
        ordered = sorted((telling or by_class).items(), key=lambda item: (item[1][0].inferred, item[0].value))
        return [self._value(class_iri, facts) for class_iri, facts in ordered]

    def _description(self) -> Value | None:
        facts = [fact for fact in self.own if fact.predicate in DESCRIPTIONS]
        text = describe_in_words(facts, self.names).get(self.iri.value)
        if text is None:
            return None
        stating = [f for f in facts if isinstance(f.object, Literal) and f.object.value == text.text]
        return self._value(stating[0].object, stating, shown=Shown(text))

    def _sections(self) -> tuple[Sequence[Section], Sequence[Mentions]]:
        """Return the facts by group, and apart from them what follows from the relations that stand below."""
        objects = {fact.object.value for fact in self.own if isinstance(fact.object, NamedNode)}
        relations = {
            iri
            for iri, classes in self.snapshot.classes_of(objects, specific=False).items()
            if KG.Relation.value in classes
        }
        below = {fact.object for relation in self.description.relations for fact in relation.facts}
        # A shortcut to a relation says what the relation itself says below.
        facts = [f for f in self.own if not (f.inferred and f.object.value in relations)]
        hidden = (RDF.type, self._chosen_description(), OWL.deprecated, *self.snapshot.locators)
        groups = grouped(
            self.snapshot,
            facts,
            self.all_classes.get(self.iri.value, ()),
            self.description.labels,
            hide=(*hidden, *self.snapshot.qualifiers, *self.snapshot.remarks),
        )
        sections: list[Section] = []
        following: list[Mentions] = []
        for group in groups:
            rows = []
            for found in group.properties:
                inferred = all(fact.inferred for _, stating in found.values for fact in stating)
                known = sum(value in below for value, _ in found.values)
                if inferred and (known == len(found.values) or (known and self.description.pages > 1)):
                    values = [self._value(value, stating, depth=1) for value, stating in found.values]
                    name = self._property(found.iri)
                    following.append(Mentions(f"follows-{len(following) + 1}", name, len(values), values, True, False))
                else:
                    rows.append(self._row(found))
            if rows:
                sections.append(Section(self._group_title(group.iri), rows))
        return sections, following

    def _chosen_description(self) -> NamedNode:
        used = [predicate for predicate in DESCRIPTIONS if any(f.predicate == predicate for f in self.own)]
        return used[0] if used else DESCRIPTIONS[0]

    def _group_title(self, iri: str) -> Text:
        group = self.snapshot.presentation["groups"].get(iri)
        return self.reader.choose(group["labels"] if group else {})

    def _difference(self, found: Differing) -> Difference:
        values = []
        nodes = {str(fact.subject.value) for _, facts in found.values for fact in facts}
        kinds: set[str] = set()
        if nodes and nodes.isdisjoint(one.value for one in found.about):
            kinds = set.intersection(*(set(self.kinds.get(node, ())) for node in nodes))
        for term, facts in found.values:
            sources = dict.fromkeys(fact.file.source for fact in facts if fact.file and fact.file.source)
            values.append((self._value(term, facts), [self.names.link(source.value) for source in sources]))
        return Difference(
            [self.names.link(one.value) for one in found.about if one != self.iri],
            [self.names.name(kind) for kind in sorted(kinds)],
            self._property(found.property).text,
            [self.names.name(one.value) for one in found.respects],
            values,
            found.kind == "disagreement",
        )

    # --- relations and mentions ---

    def _groups(self) -> tuple[Sequence[Group], Sequence[Mentions]]:
        relations, incoming = list(self.description.relations), self._incoming()
        told = self.description.groups or _by_class(relations, self.names)
        several = Counter(group.class_iri for group in told if group.kind == "table")
        length = self.snapshot.settings.document_length
        start = (self.description.page - 1) * length if self.description.groups else 0
        groups, mentions, passed = [], [], 0
        for index, group in enumerate(told, start=1):
            first, passed = passed, passed + group.number
            number = min(passed, start + length) - max(first, start)
            if number <= 0:
                continue
            if group.kind in _POINTING:
                taken = incoming.get(group.parts[0], {})
                if taken and next(iter(taken)) in self.snapshot.by_graph:
                    self.files = self._files(index, group, list(taken))
                elif taken:
                    mentions.append(self._mention(index, group, taken))
                continue
            some, relations = relations[:number], relations[number:]
            groups.append(self._group(index, group, some, several[group.class_iri] > 1))
        if not self.description.groups:  # so many that they come in the order of the files
            for place, (predicate, taken) in enumerate(incoming.items(), start=len(told) + 1):
                mentions.append(self._mention(place, Pointing("mentions", None, (predicate,), len(taken)), taken))
        return groups, mentions

    def _title(self, group: Pointing) -> Shown:
        if group.kind == "events":
            return Shown(Text(self.reader.say("Events")))
        if group.kind in _POINTING:
            return self._property(group.parts[0])
        return self.names.link((group.class_iri or KG.Relation).value)

    def _roles(self, group: Pointing) -> Sequence[Text]:
        classes = [group.class_iri.value] if group.class_iri else []
        return [self._property(part, classes).text for part in group.parts]

    def _contents(self) -> Sequence[Entry]:
        """Return what there is below, where it does not stand on one short page."""
        length, passed, found = self.snapshot.settings.document_length, 0, []
        groups = self.description.groups
        several = Counter(group.class_iri for group in groups if group.kind == "table")
        for index, group in enumerate(groups, start=1):
            if group.kind in _POINTING:
                break
            roles = self._roles(group) if group.kind == "table" and several[group.class_iri] > 1 else ()
            title = self._title(group).text
            found.append(Entry(title, roles, group.number, passed // length + 1, f"group-{index}"))
            passed += group.number
        return found if len(found) > _FEW or self.description.pages > 1 else ()

    def _group(self, index: int, group: Pointing, relations: Sequence[Relation], several: bool) -> Group:
        told = [_Told(self, relation) for relation in relations]
        columns = self._columns(told)
        is_table = group.kind == "table" and bool(group.parts) and len(told) > _FEW
        heading = self._heading(told, columns) if group.parts else None
        dates = next((c for c in columns if c in self.snapshot.dated), None) if group.kind == "events" else None
        columns = [column for column in columns if column not in (heading, dates)]
        common = [c for c in columns if len(told) > 1 and told[0].values.get(c) and len({t.key(c) for t in told}) == 1]
        columns = [column for column in columns if column not in common]
        kept = self._worth_a_column(told, columns) if is_table else []
        classes = self.all_classes.get(relations[0].node.value, ())
        rows = [self._relation_row(one, group, heading, dates, kept, columns, classes) for one in told]
        return Group(
            f"group-{index}",
            self._title(group),
            self._roles(group) if several else (),
            group.number,
            [Row(self._property(c, classes), [_plain(v) for v in self._values(told[0], c, ())]) for c in common],
            self._property(heading, classes) if heading else None,
            [self._property(column, classes) for column in kept],
            rows,
            "table" if kept else "names" if is_table else "list",
        )

    def _columns(self, told: Sequence[_Told]) -> list[NamedNode]:
        """Return the properties that relations say something by, in the order of the shapes; narrower ones merged."""
        used = {predicate for one in told for predicate in one.values}
        for one in told:
            one.merge({p: wider for p in used if (wider := self.snapshot.above(p, RDFS.subPropertyOf) & used - {p})})
        facts = [fact for one in told for values in one.values.values() for facts in values.values() for fact in facts]
        classes = {c for one in told for c in self.all_classes.get(one.relation.node.value, ())}
        left = {predicate for one in told for predicate in one.values}
        groups = grouped(self.snapshot, facts, sorted(classes), self.description.labels)
        return [found.iri for group in groups for found in group.properties if found.iri in left] + sorted(
            left - {found.iri for group in groups for found in group.properties}, key=str
        )

    def _heading(self, told: Sequence[_Told], columns: Sequence[NamedNode]) -> NamedNode | None:
        """Return the first property that names another thing in each relation: it says best which one it is."""
        for column in columns:
            values = [one.values.get(column, {}) for one in told]
            if all(values) and all(isinstance(value, NamedNode) for found in values for value in found):
                return column
        return None

    def _worth_a_column(self, told: Sequence[_Told], columns: Sequence[NamedNode]) -> list[NamedNode]:
        """Return the columns of a table: those that few rows have, and those beyond a few, stand in the rows."""
        filled = {column: sum(column in one.values for one in told) for column in columns}
        often = [column for column in columns if filled[column] * 5 >= len(told) * 2]
        most = sorted(often, key=lambda column: -filled[column])[:_COLUMNS]
        return [column for column in often if column in most]

    def _relation_row(
        self,
        told: _Told,
        group: Pointing,
        heading: NamedNode | None,
        dates: NamedNode | None,
        kept: Sequence[NamedNode],
        columns: Sequence[NamedNode],
        classes: Sequence[str],
    ) -> RelationRow:
        node = told.relation.node
        own = self.names.show(node)
        notes = self._note_numbers(
            fact for values in told.values.values() for facts in values.values() for fact in facts
        )
        # Its name, and that it takes part, are told too: a relation may say nothing else.
        notes = notes or self._note_numbers(fact for fact in told.relation.facts if fact.kind == 0)
        kind: Shown | None = None
        when: Sequence[Value] = ()
        title: Sequence[Value] = [Value(own)]
        if heading:
            title = self._values(told, heading, notes)
        elif group.kind == "events":
            event = told.event or node
            title = [Value(self.names.show(event))]
            when = self._values(told, dates, notes) if dates else ()
            when = when or [Value(date) for date in self._moments.get(event, ())]
        if group.kind == "table" and not group.parts:  # of several parts: each row has its own
            heading = self._heading([told], columns)
            title = self._values(told, heading, notes) if heading else title
            stated = [
                p
                for p in told.relation.parts
                if any(f.kind == 0 and f.predicate == p and f.object == self.iri for f in told.relation.facts)
            ]
            kind = Shown(
                Text(", ".join(self._property(part, classes).text.text for part in stated or told.relation.parts))
            )
        if group.kind != "table":
            of = next(iter(self.names.classes(node.value)), "")
            kind = self.names.link(of) if of and of != (group.class_iri.value if group.class_iri else "") else None
        aside = [
            c for c in columns if c not in (heading, *kept) and told.values.get(c) and told.event not in told.values[c]
        ]
        return RelationRow(
            title,
            [self._values(told, column, notes) for column in kept],
            [Row(self._property(column, classes), self._values(told, column, notes)) for column in aside],
            notes,
            self._marks(node),
            own if title[0].shown.href != own.href else None,
            kind,
            when,
        )

    def _values(self, told: _Told, column: NamedNode, notes: Sequence[int]) -> Sequence[Value]:
        """Return the values of a cell; where all of a row comes from the same places, the row says so once."""
        found = []
        for term, facts in told.values.get(column, {}).items():
            value = self._value(term, facts, depth=1)
            narrower = told.roles.get((column, term))
            found.append(
                value._replace(
                    notes=() if tuple(value.notes) == tuple(notes) else value.notes,
                    role=self._property(narrower, told.classes).text if narrower else None,
                    moment=next(iter(self._moments.get(term, ())), None),
                )
            )
        return self._by_language(found)[0]

    @cached_property
    def events(self) -> frozenset[NamedNode]:
        """The events that relations name, without this thing."""
        named = {fact.object for relation in self.description.relations for fact in relation.facts}
        classes = self.snapshot.classes_of((one.value for one in named if isinstance(one, NamedNode)), specific=False)
        return frozenset(NamedNode(i) for i, found in classes.items() if KG.Event.value in found) - {self.iri}

    @cached_property
    def _moments(self) -> Mapping[Term, Sequence[Shown]]:
        """The dates of the events that relations name: of each, the values of its first property of time."""
        found: dict[Term, dict[NamedNode, list[Term]]] = {}
        for fact in self.snapshot.facts_about(sorted(self.events, key=str)):
            if fact.predicate in self.snapshot.dated:
                found.setdefault(fact.subject, {}).setdefault(fact.predicate, []).append(fact.object)
        firsts = {event: next(iter(dates.items())) for event, dates in found.items()}
        return {
            event: [self.names.show(date, predicate) for date in dict.fromkeys(dates)]
            for event, (predicate, dates) in firsts.items()
        }

    def _marks(self, node: NamedNode | BlankNode) -> Sequence[Mark]:
        """Return the doubts and remarks about a node, of each file that has some."""
        found = []
        for (_, subject), footnote in self.footnotes.items():
            if subject == node and (footnote.qualifiers or footnote.remarks):
                self.marked.add(footnote.number)
                found.append(self._mark(footnote))
        return found

    def _mark(self, footnote: Footnote) -> Mark:
        remarks: dict[str, list[str]] = {}
        for remark in footnote.remarks:
            remarks.setdefault(remark.language or "", []).append(remark.value)
        language = self.reader.choose({tag: texts[0] for tag, texts in remarks.items()}).language
        texts = [Text(text, language) for text in remarks.get(language, ())]
        return Mark([self.names.name(one.value) for one in footnote.qualifiers], texts)

    def _incoming(self) -> dict[NamedNode, dict[NamedNode, list[Fact]]]:
        by_predicate: dict[NamedNode, dict[NamedNode, list[Fact]]] = {}
        for fact in self.description.incoming:
            if isinstance(fact.subject, NamedNode) and not self._is_said_above(fact):
                by_predicate.setdefault(fact.predicate, {}).setdefault(fact.subject, []).append(fact)
        return by_predicate

    def _mention(self, index: int, group: Pointing, subjects: Mapping[NamedNode, list[Fact]]) -> Mentions:
        values = [self._value(subject, facts, depth=1) for subject, facts in subjects.items()]
        return Mentions(f"group-{index}", self._title(group), group.number, values, group.kind == "follows")

    def _files(self, index: int, group: Pointing, graphs: Sequence[NamedNode]) -> Files:
        """Return files with what their headers say: what is the same in all, and what tells them apart."""
        said: dict[NamedNode | BlankNode, dict[NamedNode, dict[Term, list[Fact]]]] = {graph: {} for graph in graphs}
        for fact in self.description.sources:
            if fact.subject in said and fact.kind == 0 and fact.predicate != RDF.type and fact.object != self.iri:
                said[fact.subject].setdefault(fact.predicate, {}).setdefault(fact.object, []).append(fact)
        everywhere = dict.fromkeys(predicate for found in said.values() for predicate in found)
        shown = [p for p in everywhere if p not in (*self.snapshot.qualifiers, *self.snapshot.remarks)]
        first = said[graphs[0]]
        common = [p for p in shown if all(set(found.get(p, ())) == set(first.get(p, ())) for found in said.values())]
        # What few files say is for whoever opens them.
        columns = [p for p in shown if p not in common and 2 * sum(p in found for found in said.values()) >= len(said)]

        def values(found: Mapping[Term, Sequence[Fact]]) -> Sequence[Value]:
            return self._by_language([_plain(self._value(term, facts)) for term, facts in found.items()])[0]

        rows = []
        for graph, found in said.items():
            path = self.snapshot.by_graph[graph].path
            rows.append(FileRow(path, self.places.view(path, 0), [values(found.get(c, {})) for c in columns]))
        return Files(
            f"group-{index}",
            group.number,
            [Row(self._property(p), values(first[p])) for p in common],
            [self._property(column) for column in columns],
            rows,
        )

    def _is_said_above(self, fact: Fact) -> bool:
        """Tell whether a statement that points here is only the inverse of one that stands above."""
        if not fact.inferred or not any(own.object == fact.subject for own in self.own):
            return False
        return any(own.object == fact.subject and own.kind == 0 for own in self.own) or any(
            why.rule == "inverse" for why in self.snapshot.why(fact)
        )

    # --- footnotes ---

    def _notes(self) -> Sequence[Note]:
        found = []
        for number, footnote in sorted(self.used.items()):
            source, path = footnote.file.source, footnote.file.path
            locators = [
                (self.names.name(locator.value), [self.names.show(value) for value in values])
                for locator, values in footnote.locators
            ]
            told = (footnote.qualifiers or footnote.remarks) and footnote.number not in self.marked
            lines = sorted(line for line in self.lines[number] if line)
            places = self.places
            found.append(
                Note(
                    number,
                    self.names.link(source.value)
                    if source
                    else Shown(Text(""))
                    if self.snapshot.default_graph
                    else None,
                    locators,
                    self._mark(footnote) if told else None,
                    path,
                    places.view(path, lines[0] if lines else 0),
                    lines[:_LINES],
                    places.edit(path, lines[0] if lines else 0),
                    places.correct(footnote.subject.value, path),
                )
            )
        return found


class _Told:
    """What one relation says besides that this thing takes part in it: values by property, with their statements."""

    def __init__(self, painter: _Painter, relation: Relation) -> None:
        self.painter, self.relation = painter, relation
        self.classes = painter.all_classes.get(relation.node.value, ())
        #: By property and value: the narrower property by which it is stated.
        self.roles: dict[tuple[NamedNode, Term], NamedNode] = {}
        self.values: dict[NamedNode, dict[Term, list[Fact]]] = {}
        facts = [
            f for f in relation.facts if f.kind != 1 and f.predicate not in painter.apart and f.object != painter.iri
        ]
        stated = {fact.object for fact in facts if fact.kind == 0}
        for fact in facts:
            if not (fact.inferred and fact.object in stated) and not self._is_name(fact):
                self.values.setdefault(fact.predicate, {}).setdefault(fact.object, []).append(fact)

    def _is_name(self, fact: Fact) -> bool:
        names = self.painter.names.all_of(fact.subject.value)
        return isinstance(fact.object, Literal) and names.get(fact.object.language or "") == fact.object.value

    def merge(self, wider: Mapping[NamedNode, frozenset[NamedNode]]) -> None:
        """Put the values of narrower properties under the wider ones that other relations of the group use."""
        for narrower in sorted(self.values.keys() & wider.keys(), key=str):
            upper = min(wider[narrower], key=str)
            for value, facts in self.values.pop(narrower).items():
                self.values.setdefault(upper, {}).setdefault(value, []).extend(facts)
                self.roles[upper, value] = narrower

    def key(self, column: NamedNode) -> frozenset[tuple[Term, NamedNode | None]]:
        """Return the values of a column as they compare with those of other relations."""
        return frozenset((value, self.roles.get((column, value))) for value in self.values.get(column, ()))

    @cached_property
    def event(self) -> NamedNode | None:
        """The event that it belongs to, None if it is one itself or belongs to none."""
        if KG.Event.value in self.classes:
            return None
        events = self.painter.events
        return next((value for values in self.values.values() for value in values if value in events), None)  # type: ignore[return-value]


def _by_class(relations: Sequence[Relation], names: Names) -> Sequence[Pointing]:
    """Return relations that come in no order as groups of neighbours of one class."""
    found: list[Pointing] = []
    for relation in relations:
        class_iri = NamedNode(next(iter(names.classes(relation.node.value)), KG.Relation.value))
        if found and found[-1].class_iri == class_iri:
            found[-1] = found[-1]._replace(number=found[-1].number + 1)
        else:
            found.append(Pointing("table", class_iri, (), 1))
    return found


def _plain(value: Value) -> Value:
    return value._replace(notes=(), inferred=False, reasons=())
