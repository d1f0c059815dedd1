"""What changed between two states of a graph, as people speak of it: promises broken, things, what sources say."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store
from pyoxigraph import Triple as TripleTerm

from kg import differences, metadata
from kg.dates import EDTF, in_words
from kg.errors import KGError
from kg.labels import choose, labels_in
from kg.literals import Written
from kg.messages import in_language, say
from kg.project import Project, Reading, Role
from kg.queries import Data, ask_within
from kg.rules import Triple, compile_rules, infer
from kg.turtle import Document, Statement
from kg.views import View, read_views
from kg.vocabulary import RDF

__all__ = ["Answered", "Changes", "Said", "State", "Thing", "compare", "markdown", "text"]

Term = NamedNode | BlankNode | Literal | TripleTerm
_STATED = (Role.ONTOLOGY, Role.REGISTER, Role.SOURCE)


@dataclass(frozen=True)
class Said:
    """One statement that came or went: where it stands, or stood, and how people read it."""

    added: bool
    place: str
    source: str
    property: str
    value: str


@dataclass(frozen=True)
class Thing:
    """A thing of which other things are said now: `state` is new, gone or changed."""

    iri: str
    label: str
    state: str
    said: Sequence[Said]


@dataclass(frozen=True)
class Answered:
    """A saved question that has another answer now."""

    view: str
    title: str
    gone: Sequence[str]
    new: Sequence[str]


@dataclass(frozen=True)
class Changes:
    """All that changed: what breaks a promise first."""

    vanished: Sequence[Thing] = ()
    answers: Sequence[Answered] = ()
    things: Sequence[Thing] = ()

    def as_json(self) -> str:
        """Return the changes as a JSON object with the names of the attributes."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)


@dataclass
class State:
    """A graph at one time. Raises KGError for files that cannot be read."""

    project: Project
    language: str
    reading: Reading = field(init=False)
    views: Mapping[str, View] = field(init=False)

    def __post_init__(self) -> None:
        self.reading = self.project.read()
        if self.reading.errors:
            raise KGError(str(self.reading.errors[0]), advice="Only what can be read can be compared. Run: kg check")
        self.views = {view.name: view for view in read_views(self.project)}

    @cached_property
    def statements(self) -> Mapping[tuple[NamedNode, Term, NamedNode, Term], tuple[Document, Statement]]:
        """Every statement that a file makes, by graph, subject, predicate and object."""
        found: dict[tuple[NamedNode, Term, NamedNode, Term], tuple[Document, Statement]] = {}
        for role in (*_STATED, Role.SHAPES):
            for document in self.reading.documents.get(role, ()):
                for statement in document.statements:
                    if not statement.derived:
                        found.setdefault((document.graph, *statement[:3]), (document, statement))
        return found

    @cached_property
    def described(self) -> set[NamedNode]:
        """The graph's own things, and the terms of its ontology."""
        own = (self.project.settings.entity_base, f"{self.project.settings.ontology_iri}#")
        typed = {subject for _, subject, predicate, _ in self.statements if predicate == RDF.type}
        return {node for node in typed if isinstance(node, NamedNode) and node.value.startswith(own)}

    @cached_property
    def labels(self) -> Mapping[NamedNode | BlankNode, Mapping[str, str]]:
        return labels_in(self.reading.quads(*_STATED, Role.SHAPES))

    def name(self, term: Term | None) -> str:
        """Return a term as a reader of the language knows it."""
        if term is None:
            return ""
        if isinstance(term, Literal):
            dated = term.datatype.value in (EDTF, "http://www.w3.org/2001/XMLSchema#date")
            text = in_words(term.value, self.language) if dated else term.value
            return f"{text} ({term.language})" if term.language else text
        if isinstance(term, BlankNode):
            return "[…]"
        if isinstance(term, TripleTerm):
            return " ".join(map(self.name, term))
        if term == RDF.type:
            return in_language(say("is a"), self.language)
        if term in self.reading.by_graph:
            return self.reading.by_graph[term].path  # a header
        if term in self.labels:
            return choose(self.labels[term], [self.language, *self.project.settings.languages])[0]
        return self.project.compact(term.value)

    def source_of(self, document: Document) -> str:
        """Return the name of the source of a file; its path where its header names none."""
        source = self.project.expand(self.project.settings.source)
        for statement in document.statements:
            if statement[:2] == (document.graph, source):
                return self.name(statement.object)
        return document.path

    @cached_property
    def data(self) -> Data:
        """The graph as views see it: with what follows, and what it says about itself."""
        settings, store = self.project.settings, Store()
        documents = self.reading.documents
        axioms = [Triple(*s[:3]) for document in documents[Role.ONTOLOGY] for s in document.statements]
        stated = [Triple(*s[:3]) for role in _STATED for document in documents[role] for s in document.statements]
        closure = infer(compile_rules(axioms).rules, stated)
        inferred = [Quad(*inference.triple, metadata.inferred_graph(settings)) for inference in closure.inferences]
        differing = differences.told(self.project, differences.compare(self.reading, closure))
        inferred += [Quad(*inference.triple, metadata.differences_graph(settings)) for inference in differing]
        quads = [*self.reading.quads(), *inferred]
        about = list(metadata.describe(settings, [Quad(q.subject, q.predicate, q.object) for q in quads]))
        store.bulk_extend([*quads, *about])
        store.bulk_extend(Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in [*quads, *about])
        return Data(store, self.project.prefixes, settings.base_iri, Written.of(quads))

    def answer(self, view: View) -> Counter[tuple[Term | None, ...]]:
        """Return the rows of a question's answer, with its parameters as they are set."""
        answer = ask_within(
            self.project.settings.view_seconds,
            self.data,
            view.query,
            values={parameter.name: parameter.term() for parameter in view.parameters},
            where=f"{self.project.settings.views_folder}/{view.name}.rq",
        )
        return Counter(tuple(row) for row in answer.rows)

    def rows(self, rows: Counter[tuple[Term | None, ...]]) -> Sequence[str]:
        """Return rows as people read them."""
        return sorted(" | ".join(map(self.name, row)) for row in rows.elements())


def compare(before: State, after: State) -> Changes:
    """Return what changed from one state to the other: things by name, what went before what came."""
    gone = before.statements.keys() - after.statements.keys()
    came = after.statements.keys() - before.statements.keys()
    by_subject: dict[Term, list[tuple[tuple[object, ...], Said]]] = {}
    for state, keys, added in ((before, gone, False), (after, came, True)):
        for key in keys:
            document, statement = state.statements[key]
            said = Said(
                added,
                f"{document.path}:{statement.line}",
                state.source_of(document),
                state.name(statement.predicate),
                state.name(statement.object),
            )
            by_subject.setdefault(statement.subject, []).append(((said.source, said.property, added, said.value), said))
    things = []
    for subject, found in by_subject.items():
        state = before if subject in before.described and subject not in after.described else after
        kind = "gone" if state is before else "changed" if subject in before.described else "new"
        if not isinstance(subject, NamedNode) or (subject not in before.described | after.described):
            kind = "changed"  # a header, a shape, a node in brackets
        iri = subject.value if isinstance(subject, NamedNode) else ""
        said_in_order = [said for _, said in sorted(found, key=lambda pair: pair[0])]
        things.append(Thing(iri, state.name(subject), kind, said_in_order))
    things.sort(key=lambda thing: (thing.label.casefold(), thing.iri))
    vanished = [Thing(node.value, before.name(node), "gone", ()) for node in before.described - after.described]
    vanished.sort(key=lambda thing: (thing.label.casefold(), thing.iri))
    answers = list(_answers(before, after)) if gone or came or before.views != after.views else []
    return Changes(vanished, answers, things)


def _answers(before: State, after: State) -> Iterator[Answered]:
    for name, view in before.views.items():
        title = choose(view.titles, [after.language])[0] if view.titles else name
        old = before.answer(view)
        new = after.answer(after.views[name]) if name in after.views else Counter()
        if old != new:
            yield Answered(name, title, before.rows(old - new), after.rows(new - old))


# --- for people ------------------------------------------------------------------------------------------

_ROWS = 5  # of an answer that changed


def text(changes: Changes, language: str) -> str:
    """Return the changes for a terminal: broken promises first, then thing by thing, source by source."""
    marks = {"heading": "\n", "thing": "", "source": "  ", "minus": "  - ", "plus": "  + ", "rest": "    "}
    return "\n".join(marks[kind] + " ".join(line.split()) for kind, line in _told(changes, language)).lstrip("\n")


def markdown(changes: Changes, language: str) -> str:
    """Return the changes for a comment on a pull request; what stands in the data cannot format it."""
    marks = {
        "heading": "\n### ",
        "thing": "- ",
        "source": "  - ",
        "minus": "    - − ",
        "plus": "    - + ",
        "rest": "    - ",
    }

    def plain(line: str) -> str:
        # A name in the data is to notify nobody.
        return re.sub(r"([\\`*_\[\]<>|#~!])", r"\\\1", " ".join(line.split())).replace("@", "@\N{WORD JOINER}")

    return "\n".join(marks[kind] + plain(line) for kind, line in _told(changes, language)).lstrip("\n")


def _told(changes: Changes, language: str) -> Iterator[tuple[str, str]]:
    """Give the lines of an account, each with what it is."""

    def words(template: str) -> str:
        return in_language(template, language)

    if not changes.things and not changes.answers:
        yield "thing", words(say("Nothing changed."))
        return
    if changes.vanished:
        yield "heading", words(say("Gone, though it may be linked to: deprecate it instead"))
        for thing in changes.vanished:
            yield "thing", f"{thing.label} <{thing.iri}>"
    if changes.answers:
        yield "heading", words(say("Questions that have another answer"))
        for answered in changes.answers:
            yield "thing", f"{answered.title} ({answered.view}): −{len(answered.gone)} +{len(answered.new)}"
            for kind, rows in (("minus", answered.gone), ("plus", answered.new)):
                for row in rows[:_ROWS]:
                    yield kind, row
                if len(rows) > _ROWS:
                    yield "rest", words(say("… and %(number)s more", number=len(rows) - _ROWS))
    kinds = {"new": words(say("new")), "gone": words(say("gone")), "changed": words(say("changed"))}
    if changes.things:
        yield "heading", words(say("What is said now"))
    for thing in changes.things:
        yield "thing", f"{thing.label} ({kinds[thing.state]})"
        source = ""
        for said in thing.said:
            if said.source != source:
                source = said.source
                yield "source", source
            yield "plus" if said.added else "minus", f"{said.property}: {said.value}  [{said.place}]"
