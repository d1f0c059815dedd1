"""One immutable, built state of a graph, as files: how it is laid out, opened, proved whole, and read.

A snapshot is a folder named by its content: `graph.nq` (every quad, canonical and sorted), `site.sqlite`
(everything that pages and documents need) and `manifest.json` (the size and SHA-256 of both). Beside the
snapshots, `current` is a link to the one in use. What is written there is decided in `kg.build`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse

from kg.errors import SnapshotError
from kg.facets import Facet
from kg.literals import Written
from kg.metadata import differences_graph, inferred_graph, metadata_graph
from kg.presentation import Arrangement, Presentation, arrange
from kg.queries import Data
from kg.results import Answer, from_json
from kg.settings import Settings
from kg.views import Parameter, View
from kg.vocabulary import DCTERMS, KG, LABELS, OWL, RDF, RDFS, VOID, XSD

__all__ = [
    "CURRENT",
    "GRAPH",
    "LAYOUT",
    "MANIFEST",
    "SCHEMA",
    "SITE",
    "Differing",
    "Fact",
    "File",
    "Memory",
    "Snapshot",
    "Why",
    "batches",
    "digest_of",
    "engine_of",
    "manifest_of",
    "open_snapshot",
    "settings_from",
]

GRAPH, SITE, MANIFEST, CURRENT = "graph.nq", "site.sqlite", "manifest.json", "current"

Term = NamedNode | BlankNode | Literal

# Statements point to terms by number. `triple` has every published triple once: what files state in however many
# graphs, what follows, and what the graph says about itself. `kind`: 0 as a file states it, 1 a date's bound,
# 2 inferred, 3 a difference between sources. What is searched is folded (see kg.search); the number of a row of
# `search` is that of its entity.
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE term (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, datatype TEXT NOT NULL, language TEXT NOT NULL,
    UNIQUE (value, kind, datatype, language)
);
CREATE TABLE file (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, role TEXT NOT NULL, graph INTEGER NOT NULL, source INTEGER
);
CREATE TABLE resting (source INTEGER NOT NULL, class INTEGER NOT NULL, entity INTEGER NOT NULL,
    statements INTEGER NOT NULL, PRIMARY KEY (source, class, entity)) WITHOUT ROWID;
CREATE TABLE statement (
    id INTEGER PRIMARY KEY, subject INTEGER NOT NULL, predicate INTEGER NOT NULL, object INTEGER NOT NULL,
    file INTEGER, line INTEGER NOT NULL, column INTEGER NOT NULL, kind INTEGER NOT NULL
);
CREATE TABLE triple (subject INTEGER NOT NULL, predicate INTEGER NOT NULL, object INTEGER NOT NULL,
    PRIMARY KEY (subject, predicate, object)) WITHOUT ROWID;
CREATE TABLE reason (statement INTEGER NOT NULL, rule TEXT NOT NULL, premises TEXT NOT NULL);
CREATE TABLE label (term INTEGER NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (term, language))
    WITHOUT ROWID;
CREATE TABLE entity (term INTEGER PRIMARY KEY, kind TEXT NOT NULL, slug TEXT NOT NULL, sort TEXT NOT NULL,
    links INTEGER NOT NULL, event INTEGER, moment INTEGER);
CREATE TABLE class (entity INTEGER NOT NULL, class INTEGER NOT NULL, specific INTEGER NOT NULL,
    PRIMARY KEY (class, entity)) WITHOUT ROWID;
CREATE TABLE view (name TEXT PRIMARY KEY, header TEXT NOT NULL, query TEXT NOT NULL, answer TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE facet (facet INTEGER NOT NULL, value INTEGER NOT NULL, entity INTEGER NOT NULL,
    PRIMARY KEY (facet, value, entity)) WITHOUT ROWID;
CREATE TABLE name (entity INTEGER NOT NULL, rank INTEGER NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL,
    folded TEXT NOT NULL, PRIMARY KEY (entity, rank, language, text)) WITHOUT ROWID;
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL, uses INTEGER NOT NULL);
CREATE TABLE gram (gram TEXT NOT NULL, word INTEGER NOT NULL, PRIMARY KEY (gram, word)) WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5 (names, others, texts, content = '', columnsize = 0, prefix = '1 2 3');
"""

#: Made after the rows are in, which is faster.
INDEXES = """
CREATE INDEX IF NOT EXISTS statement_subject ON statement (subject);
CREATE INDEX IF NOT EXISTS statement_object ON statement (object);
CREATE INDEX IF NOT EXISTS statement_predicate ON statement (predicate, object);
CREATE INDEX IF NOT EXISTS triple_predicate ON triple (predicate, object, subject);
CREATE INDEX IF NOT EXISTS triple_object ON triple (object, subject, predicate);
CREATE INDEX IF NOT EXISTS reason_statement ON reason (statement);
CREATE INDEX IF NOT EXISTS entity_kind ON entity (kind, sort);
CREATE INDEX IF NOT EXISTS class_entity ON class (entity);
CREATE INDEX IF NOT EXISTS facet_entity ON facet (entity);
CREATE INDEX IF NOT EXISTS name_folded ON name (folded, rank);
CREATE UNIQUE INDEX IF NOT EXISTS word_text ON word (text);
"""


# To be raised when the meaning of a row or of a key of `meta` changes and the text above does not.
_MEANING = 4

#: What a snapshot's files must be like for this engine to read them; another engine's may be like that too.
LAYOUT = hashlib.sha256(f"{_MEANING}{SCHEMA}".encode()).hexdigest()[:16]


# How much of a snapshot is kept at hand: some tens of megabytes.
_MOST_TERMS, _MOST_NAMES, _MOST_HEADERS = 100_000, 50_000, 5_000


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Memory(Generic[_Key, _Value]):
    """Keeps what was read, up to a number of things; when it is full it begins anew. Threads may share it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: dict[_Key, _Value] = {}

    def get(self, key: _Key) -> _Value | None:
        """Return what is kept under a key, None if nothing is."""
        return self._found.get(key)

    def some(self, keys: Iterable[_Key]) -> dict[_Key, _Value]:
        """Return what is kept of these."""
        found = self._found  # another thread may begin anew with another one
        return {key: found[key] for key in keys if key in found}

    def without(self, keys: set[_Key]) -> set[_Key]:
        """Return those of some keys under which nothing is kept."""
        return keys - self._found.keys()

    def put(self, key: _Key, value: _Value) -> None:
        """Keep a value under a key."""
        if len(self._found) >= self._most:
            self._found = {}
        self._found[key] = value


class File(NamedTuple):
    """One file: its path, its part, the graph that it states, and the source that it speaks for.

    A file of a project states one named graph. One of any origin may state several, and is several `File`s then.
    """

    path: str
    role: str
    graph: NamedNode | BlankNode | DefaultGraph
    source: NamedNode | None


class Fact(NamedTuple):
    """One statement of the snapshot. `file` is None for an inferred one."""

    id: int
    subject: NamedNode | BlankNode
    predicate: NamedNode
    object: Term
    file: File | None
    line: int
    column: int
    kind: int

    @property
    def inferred(self) -> bool:
        """Whether no file states it."""
        return self.kind >= 2


class Why(NamedTuple):
    """One reason of an inferred statement: the rule, its axiom, and the premises with all places that state them."""

    rule: str
    axiom: Sequence[Fact]
    premises: Sequence[Sequence[Fact]]


class Differing(NamedTuple):
    """Values of one property that sources give differently of the same thing, for readers: side by side.

    `kind` is `disagreement` (they cannot both hold) or `refinement` (finer values inside coarser ones, the coarsest
    first). Each value comes with every statement that gives it. The value is most often the statement's object; of
    a list that leaves something out it is the list, and of a list that is compared with a number its length.
    """

    kind: str
    about: Sequence[NamedNode]
    #: What else was compared, such as the unit of numbers; it says more than the property where it is there.
    respects: Sequence[NamedNode]
    property: NamedNode
    values: Sequence[tuple[Term, Sequence[Fact]]]


def digest_of(path: Path) -> tuple[int, str]:
    """Return the size and the SHA-256 of a file."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


class Snapshot:
    """An open snapshot. It may be read from several threads; each has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self.meta: Mapping[str, Any] = {
            key: json.loads(value) for key, value in self.rows("SELECT key, value FROM meta")
        }
        self.name: str = path.name
        self.settings = settings_from(self.meta["settings"])
        self.prefixes: Mapping[str, str] = self.meta["prefixes"]
        self.presentation: Presentation = self.meta["presentation"]
        self.facets = [Facet(**facet) for facet in self.meta.get("facets", ())]
        #: Of files without a project, what their default graph is, `union` or `plain`; empty for a project.
        self.default_graph: str = self.meta.get("default_graph", "")
        # A snapshot never changes, so what was read once stays true; only memory sets a limit.
        self._terms = Memory[int, Term](_MOST_TERMS)
        self._numbers = Memory[Term | DefaultGraph, int](_MOST_TERMS)
        self._labels = Memory[str, Mapping[str, str]](_MOST_NAMES)
        self._classes = Memory[tuple[str, bool], Sequence[str]](_MOST_NAMES)
        self._entities = Memory[str, bool](_MOST_NAMES)
        self._naming = Memory[int, Sequence[Fact]](_MOST_NAMES)
        self._headers = Memory[int, Sequence[Fact]](_MOST_HEADERS)
        self._remembered = Memory[tuple[object, ...], Any](_MOST_NAMES)
        self._arranged = Memory[tuple[str, ...], Arrangement](_MOST_NAMES)

    @property
    def _connection(self) -> sqlite3.Connection:
        found = getattr(self._local, "connection", None)
        if found is None:
            address = f"file:{quote(str(self.path / SITE))}?mode=ro&immutable=1"
            found = self._local.connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        return found

    @cached_property
    def locators(self) -> Sequence[NamedNode]:
        """The properties that footnotes show, in the order of `provenance.locators`."""
        return self._expanded(self.settings.locators)

    @cached_property
    def qualifiers(self) -> Sequence[NamedNode]:
        """The properties that say how far a node can be relied on, in the order of `provenance.qualifiers`."""
        return self._expanded(self.settings.qualifiers)

    @cached_property
    def usual(self) -> frozenset[NamedNode]:
        """The values of qualifiers that go without saying."""
        return frozenset(self._expanded(self.settings.usual))

    @cached_property
    def remarks(self) -> Sequence[NamedNode]:
        """The properties of the curators' remarks, in the order of `provenance.remarks`."""
        return self._expanded(self.settings.remarks)

    def _expanded(self, curies: Iterable[str]) -> list[NamedNode]:
        split = (curie.partition(":") for curie in curies)
        return [NamedNode(self.prefixes[prefix] + local) for prefix, _, local in split]

    def rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """Return the rows of an SQL query. Raises SnapshotError where the file is damaged."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise SnapshotError(
                f"the snapshot cannot be read: {error}", where=str(self.path), advice="Run: kg build"
            ) from None

    # --- terms and names ---

    def id_of(self, term: Term | DefaultGraph) -> int | None:
        """Return the number of a term, None if it does not occur."""
        number = self._numbers.get(term)
        if number is None:
            kind, value, datatype, language = term_key(term)
            found = self.rows(
                "SELECT id FROM term WHERE value = ? AND kind = ? AND datatype = ? AND language = ?",
                (value, kind, datatype, language),
            )
            if not found:  # not kept: strangers may ask for anything
                return None
            number = int(found[0][0])
            self._numbers.put(term, number)
        return number

    def terms(self, numbers: Iterable[int]) -> dict[int, Term]:
        """Return terms by their numbers."""
        wanted, known = set(numbers), self._terms
        found = known.some(wanted)
        for some in batches(sorted(wanted - found.keys())):
            marks = ",".join("?" * len(some))
            for number, kind, value, datatype, language in self.rows(
                f"SELECT id, kind, value, datatype, language FROM term WHERE id IN ({marks})", some
            ):
                found[number] = _term(kind, value, datatype, language)
                known.put(number, found[number])
                self._numbers.put(found[number], number)
        return found

    def labels(self, iris: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """Return the names of things by IRI and language; a thing without any name is left out."""
        wanted, known = set(iris), self._labels
        found = known.some(wanted)
        for some in batches(sorted(wanted - found.keys())):
            marks = ",".join("?" * len(some))
            fresh: dict[str, dict[str, str]] = {iri: {} for iri in some}
            for iri, language, text in self.rows(
                "SELECT term.value, label.language, label.text FROM label JOIN term ON term.id = label.term "
                f"WHERE term.kind = 'i' AND term.value IN ({marks})",
                some,
            ):
                fresh[iri][language] = text
            for iri, named in fresh.items():
                known.put(iri, named)
            found |= fresh
        return {iri: named for iri, named in found.items() if named}

    # --- statements ---

    @cached_property
    def files(self) -> Mapping[int, File]:
        """Every file by its number."""
        rows = self.rows("SELECT id, path, role, graph, source FROM file")
        terms = self.terms([number for row in rows for number in row[3:] if number is not None])
        return {
            number: File(path, role, terms[graph], terms[source] if source else None)  # type: ignore[arg-type]
            for number, path, role, graph, source in rows
        }

    @cached_property
    def paths(self) -> Sequence[str]:
        """The paths of all files, each once, in their order."""
        return list(dict.fromkeys(path for (path,) in self.rows("SELECT path FROM file ORDER BY id")))

    def facts(
        self,
        subject: Term | None = None,
        predicate: Term | None = None,
        object: Term | None = None,
        *,
        limit: int | None = None,
    ) -> list[Fact]:
        """Return the statements that fit, or the first of them, in the order of the files, inferred ones last."""
        where, values = [], []
        for column, term in (("subject", subject), ("predicate", predicate), ("object", object)):
            if term is not None:
                number = self.id_of(term)
                if number is None:
                    return []
                where.append(f"{column} = ?")
                values.append(number)
        return self._facts(" AND ".join(where) or "1", values, limit)

    def facts_about(self, subjects: Iterable[Term | DefaultGraph]) -> list[Fact]:
        """Return all statements whose subject is one of the terms."""
        numbers = [number for term in subjects if (number := self.id_of(term)) is not None]
        found: list[Fact] = []
        for some in batches(numbers):
            found += self._facts(f"subject IN ({','.join('?' * len(some))})", some)
        return found

    def pointing(self, iri: str) -> int:
        """Return how many other things point to one."""
        number = self.id_of(NamedNode(iri))
        sql = "SELECT COUNT(DISTINCT subject) FROM statement WHERE object = ?1 AND subject <> ?1 AND kind < 3"
        return int(self.rows(sql, (number,))[0][0])

    def facts_pointing(self, iri: str, *, offset: int, limit: int) -> list[Fact]:
        """Return the statements by which some of the other things point to one, in the order in which they first do."""
        number = self.id_of(NamedNode(iri))
        return self._facts(
            "object = ?1 AND subject IN (SELECT subject FROM statement "
            "WHERE object = ?1 AND subject <> ?1 AND kind < 3 GROUP BY subject ORDER BY MIN(id) LIMIT ?2 OFFSET ?3)",
            (number, limit, offset),
        )

    def naming(self, things: Iterable[NamedNode]) -> list[Fact]:
        """Return the statements that name things, in the order of the files."""
        numbers = {number for thing in things if (number := self.id_of(thing)) is not None}
        # The plus keeps SQLite from reading all names of the graph, which it takes for the shorter way.
        return self._kept(self._naming, numbers, f" AND +predicate IN ({self.naming_numbers})")

    def headers(self, nodes: Iterable[Term | DefaultGraph]) -> list[Fact]:
        """Return all statements about graphs of files and about sources, which many pages need, in their order."""
        return self._kept(self._headers, {number for node in nodes if (number := self.id_of(node)) is not None})

    def _kept(self, memory: Memory[int, Sequence[Fact]], numbers: set[int], condition: str = "") -> list[Fact]:
        kept = memory.some(numbers)
        found = [fact for facts in kept.values() for fact in facts]
        for some in batches(sorted(numbers - kept.keys())):
            fresh: dict[int, list[Fact]] = {number: [] for number in some}
            of = {term: number for number, term in self.terms(some).items()}
            for fact in self._facts(f"subject IN ({','.join('?' * len(some))}){condition}", some):
                fresh[of[fact.subject]].append(fact)
                found.append(fact)
            for number, facts in fresh.items():
                memory.put(number, facts)
        return sorted(found, key=lambda fact: fact.id)

    @cached_property
    def naming_numbers(self) -> str:
        """The numbers of the properties that name things, as SQL lists them."""
        return ",".join(str(number) for label in LABELS if (number := self.id_of(label)) is not None)

    @cached_property
    def sources(self) -> frozenset[NamedNode]:
        """The sources that files speak for."""
        return frozenset(file.source for file in self.files.values() if file.source is not None)

    def facts_between(self, subjects: Sequence[int], object: Term) -> list[Fact]:
        """Return the statements that lead from some things, by their numbers, to one, in the order of the things."""
        end, terms = self.id_of(object), self.terms(subjects)
        order = {terms[number]: place for place, number in enumerate(subjects)}
        found: list[Fact] = []
        for some in batches(subjects):
            found += self._facts(f"subject IN ({','.join('?' * len(some))}) AND object = ?", [*some, end])
        return sorted(found, key=lambda fact: order[fact.subject])

    def stated_in(self, graph: str) -> list[Fact]:
        """Return what the files of a named graph state, in their order."""
        numbers = [number for number, file in self.files.items() if file.graph == NamedNode(graph)]
        return self._facts(f"kind = 0 AND file IN ({','.join('?' * len(numbers))})", numbers)

    def _facts(self, where: str, values: Sequence[Any], limit: int | None = None) -> list[Fact]:
        rows = self.rows(
            "SELECT id, subject, predicate, object, file, line, column, kind FROM statement "
            f"WHERE {where} ORDER BY id LIMIT {-1 if limit is None else int(limit)}",
            values,
        )
        terms = self.terms(number for row in rows for number in row[1:4])
        return [
            Fact(row[0], terms[row[1]], terms[row[2]], terms[row[3]], self.files.get(row[4]), *row[5:])  # type: ignore[arg-type]
            for row in rows
        ]

    def triples(
        self, subject: Term | None, predicate: Term | None, object: Term | None, *, offset: int = 0, limit: int = -1
    ) -> tuple[int, list[Triple]]:
        """Return how many published triples fit a pattern, and some of them, in an order that stays."""
        where, values = [], []
        for column, term in (("subject", subject), ("predicate", predicate), ("object", object)):
            if term is not None:
                number = self.id_of(term)
                if number is None:
                    return 0, []
                where.append(f"{column} = ?")
                values.append(number)
        fitting = f"FROM triple WHERE {' AND '.join(where) or '1'}"
        count = self.rows(f"SELECT COUNT(*) {fitting}", values)[0][0]
        rows = self.rows(f"SELECT subject, predicate, object {fitting} LIMIT ? OFFSET ?", [*values, limit, offset])
        terms = self.terms(number for row in rows for number in row)
        return count, [Triple(*(terms[number] for number in row)) for row in rows]  # type: ignore[arg-type]

    def why(self, fact: Fact) -> list[Why]:
        """Return the reasons of an inferred statement; none for a stated one."""
        found = []
        for rule, premises in self.rows("SELECT rule, premises FROM reason WHERE statement = ?", (fact.id,)):
            # Many things are of one class, so the subject leads to a statement soonest.
            axiom, *rest = (
                self._facts("subject = ? AND +predicate = ? AND +object = ?", p) for p in json.loads(premises)
            )
            found.append(Why(rule, axiom, rest))
        return found

    def differences(self, *iris: str) -> list[Differing]:
        """Return where sources differ about things, or about nodes that state something of them: disagreements first.

        Differences that have a statement in common are one, so that three years of one founding stand together.
        With no IRI, all differences of the graph.
        """
        if not iris:
            nodes = {fact.subject for fact in self.facts(predicate=KG.property) if fact.kind == 3}
        else:
            numbers = [number for iri in iris if (number := self.id_of(NamedNode(iri))) in self._compared]
            found = [fact for some in batches(numbers) for fact in self._differing(some)]
            nodes = {fact.subject for fact in found if fact.predicate == KG.about}
            sayings = [number for fact in found if (number := self.id_of(fact.subject)) and fact.predicate == KG.node]
            nodes |= {fact.subject for some in batches(sayings) for fact in self._differing(some)}
        return _together(self._difference(node) for node in nodes)

    @cached_property
    def _compared(self) -> frozenset[int]:
        """The numbers of what differences speak of."""
        return frozenset(number for (number,) in self.rows("SELECT DISTINCT object FROM statement WHERE kind = 3"))

    def _differing(self, numbers: Sequence[int]) -> list[Fact]:
        """Return what parts of differences say of these."""
        return self._facts(f"kind = 3 AND object IN ({','.join('?' * len(numbers))})", numbers)

    def _difference(self, node: Term) -> Differing:
        """Return one pair of values with the statements that give them."""
        said: dict[NamedNode, list[Term]] = {}
        kind = ""
        places: dict[tuple[object, object], list[Fact]] = {}
        for fact in self.facts(subject=node):
            said.setdefault(fact.predicate, []).append(fact.object)
            if fact.predicate == RDF.type:
                kind = "disagreement" if fact.object == KG.Disagreement else "refinement"
                for one in (one for why in self.why(fact) for premise in why.premises for one in premise if one.file):
                    places.setdefault((one.subject, one.file.graph), []).append(one)  # type: ignore[union-attr]
        values = []
        for name in (KG.one, KG.other):
            value, facts = None, []
            for saying in said.get(name, ()):
                parts = {fact.predicate: fact.object for fact in self.facts(subject=saying)}
                value = parts[KG.value]
                given = places.get((parts[KG.node], parts[KG.graph]), [])
                facts += [fact for fact in given if fact.object == value] or given
            if value is not None:
                values.append((value, facts))
        about, respects = (sorted(said.get(name, ()), key=str) for name in (KG.about, KG.respect))
        return Differing(kind, about, respects, said[KG.property][0], values)  # type: ignore[arg-type]

    # --- lists ---

    def kinds(self) -> list[tuple[str, int]]:
        """Return the kinds of entities (the word in their IRIs) with their counts."""
        return self.rows("SELECT kind, COUNT(*) FROM entity WHERE kind <> '' GROUP BY kind ORDER BY kind")

    def entities(self, kind: str, *, offset: int = 0, limit: int = -1) -> list[str]:
        """Return the IRIs of the entities of a kind, by name."""
        return [
            iri
            for (iri,) in self.rows(
                "SELECT value FROM entity JOIN term ON term.id = entity.term "
                "WHERE entity.kind = ? ORDER BY sort, value LIMIT ? OFFSET ?",
                (kind, limit, offset),
            )
        ]

    def instances(self, class_iri: str, *, offset: int = 0, limit: int = -1) -> list[str]:
        """Return the IRIs of the entities of a class, stated or inferred, by name."""
        number = self.id_of(NamedNode(class_iri))
        return [
            iri
            for (iri,) in self.rows(
                "SELECT value FROM class JOIN entity ON entity.term = class.entity JOIN term ON term.id = entity.term "
                "WHERE class.class = ? ORDER BY sort, value LIMIT ? OFFSET ?",
                (number, limit, offset),
            )
        ]

    def classes(self) -> list[tuple[str, int]]:
        """Return every class that has entities, with their number, by IRI."""
        return self.rows(
            "SELECT value, COUNT(*) FROM class JOIN term ON term.id = class.class GROUP BY class.class ORDER BY value"
        )

    @cached_property
    def specific_classes(self) -> frozenset[str]:
        """The classes that files state of entities as their most specific ones, by IRI."""
        rows = self.rows("SELECT value FROM term WHERE id IN (SELECT class FROM class WHERE specific)")
        return frozenset(iri for (iri,) in rows)

    @cached_property
    def lowest_classes(self) -> Sequence[int]:
        """The numbers of the classes with entities that no other such class is below."""
        with_things = {number for (number,) in self.rows("SELECT DISTINCT class FROM class")}
        pairs = self.rows(
            "SELECT subject, object FROM triple WHERE predicate = ? AND subject <> object",
            (self.id_of(RDFS.subClassOf),),
        )
        return sorted(with_things - {upper for lower, upper in pairs if lower in with_things})

    def classes_of(self, iris: Iterable[str], *, specific: bool = True) -> dict[str, Sequence[str]]:
        """Return the classes of entities by IRI: the most specific ones, or all."""
        wanted, known = set(iris), self._classes
        found = {iri: classes for (iri, _), classes in known.some((iri, specific) for iri in wanted).items()}
        for some in batches(sorted(wanted - found.keys())):
            marks = ",".join("?" * len(some))
            fresh: dict[tuple[str, bool], list[str]] = {(iri, which): [] for iri in some for which in (False, True)}
            for iri, class_iri, says_most in self.rows(
                "SELECT e.value, c.value, class.specific FROM class JOIN term e ON e.id = class.entity "
                f"JOIN term c ON c.id = class.class WHERE e.kind = 'i' AND e.value IN ({marks}) ORDER BY c.value",
                some,
            ):
                fresh[iri, False].append(class_iri)
                if says_most:
                    fresh[iri, True].append(class_iri)
            for key, classes in fresh.items():
                known.put(key, classes)
            found |= {iri: fresh[iri, specific] for iri in some}
        return {iri: classes for iri, classes in found.items() if classes}

    def remembered(self, key: tuple[object, ...], work_out: Callable[[], _Value]) -> _Value:
        """Return what `work_out` gives for a key, which it is asked for once: a snapshot never changes."""
        found = self._remembered.get(key)
        if found is None:
            found = work_out()
            self._remembered.put(key, found)
        return found

    def arranged(self, classes: Iterable[str]) -> Arrangement:
        """Return the groups of a thing of these classes in order, each with its properties: see kg.presentation."""
        key = tuple(sorted(set(classes)))
        found = self._arranged.get(key)
        if found is None:
            found = arrange(self.presentation, key)
            self._arranged.put(key, found)
        return found

    def above(self, node: NamedNode, predicate: NamedNode) -> frozenset[NamedNode]:
        """Return everything that a property such as rdfs:subClassOf leads to from a node, step by step."""

        def work_out() -> frozenset[NamedNode]:
            reached: set[NamedNode] = set()
            waiting = [node]
            while waiting:
                for fact in self.facts(subject=waiting.pop(), predicate=predicate):
                    if isinstance(fact.object, NamedNode) and fact.object not in reached:
                        reached.add(fact.object)
                        waiting.append(fact.object)
            return frozenset(reached)

        return self.remembered(("above", node, predicate), work_out)

    @cached_property
    def dated(self) -> frozenset[NamedNode]:
        """The properties whose values are dates as a source gives them."""
        return frozenset(
            fact.subject for fact in self.facts(predicate=KG.earliest) if isinstance(fact.subject, NamedNode)
        )

    @cached_property
    def _sometime(self) -> frozenset[NamedNode]:
        said = self.facts(predicate=KG.sometime)
        return frozenset(
            one.subject for one in said if isinstance(one.subject, NamedNode) and one.object.value == "true"
        )

    def is_sometime(self, predicate: object | None) -> bool:
        """Tell whether an interval given by a property is the time within which something happened (`kg:sometime`).

        Where the property is not known, as in an answer to a query, it is if all properties with dates are so.
        """
        return (
            predicate in self._sometime if predicate is not None else bool(self.dated) and self.dated <= self._sometime
        )

    def entities_among(self, iris: Iterable[str]) -> set[str]:
        """Return those of some IRIs that are entities."""
        wanted, known = set(iris), self._entities
        found = known.some(wanted)
        for some in batches(sorted(wanted - found.keys())):
            marks = ",".join("?" * len(some))
            fresh = {iri for (iri,) in self.rows(
                "SELECT value FROM entity JOIN term ON term.id = entity.term "
                f"WHERE term.kind = 'i' AND value IN ({marks})", some)}  # fmt: skip
            for iri in some:
                found[iri] = iri in fresh
                known.put(iri, found[iri])
        return {iri for iri, is_entity in found.items() if is_entity}

    def subjects_in(self, paths: Iterable[str]) -> list[str]:
        """Return the IRIs that files state something about, sorted."""
        wanted = set(paths)
        numbers = [number for number, file in self.files.items() if file.path in wanted]
        found: set[str] = set()
        for some in batches(numbers):
            found.update(
                iri
                for (iri,) in self.rows(
                    "SELECT DISTINCT value FROM statement JOIN term ON term.id = subject WHERE term.kind = 'i' "
                    f"AND statement.kind = 0 AND file IN ({','.join('?' * len(some))})",
                    some,
                )
            )
        return sorted(found)

    def entity_files(self) -> list[tuple[str, list[str]]]:
        """Return the IRI of each entity of our own that is not withdrawn, with the files that state about it."""
        files = self.files
        withdrawn = self.withdrawn
        found: dict[str, list[str]] = {}
        for iri, number in self.rows(
            "SELECT DISTINCT value, file FROM entity JOIN term ON term.id = entity.term "
            "JOIN statement ON statement.subject = entity.term "
            "WHERE entity.kind <> '' AND statement.kind = 0 ORDER BY value, file"
        ):
            if iri not in withdrawn:
                found.setdefault(iri, []).append(files[number].path)
        return list(found.items())

    @cached_property
    def withdrawn(self) -> frozenset[str]:
        """The IRIs of everything of which the graph says that it is no longer in use."""
        return frozenset(f.subject.value for f in self.facts(predicate=OWL.deprecated) if _is_true(f.object))

    def is_withdrawn(self, iri: str) -> bool:
        """Tell whether the graph says that a thing is no longer in use."""
        return iri in self.withdrawn

    def successors(self, iri: str) -> list[str]:
        """Return what the graph says replaces a thing, sorted."""
        found = self.facts(NamedNode(iri), DCTERMS.isReplacedBy)
        return sorted({fact.object.value for fact in found if isinstance(fact.object, NamedNode)})

    def knows(self, iri: str) -> bool:
        """Tell whether a statement is about an IRI, points to it, or is made with it."""
        try:
            number = self.id_of(NamedNode(iri))
        except ValueError:  # what strangers ask for need be no IRI
            return False
        return number is not None and bool(
            self.rows(
                "SELECT EXISTS (SELECT 1 FROM statement WHERE subject = ?1) "
                "OR EXISTS (SELECT 1 FROM statement WHERE object = ?1) "
                "OR EXISTS (SELECT 1 FROM statement WHERE predicate = ?1)",
                (number,),
            )[0][0]
        )

    # --- graphs ---

    @cached_property
    def graphs(self) -> Mapping[NamedNode, int]:
        """The named graphs with the numbers of their triples: those of files, then inferred ones and the metadata.

        Files that belong to no project have the graphs that they state, and no others.
        """
        found = {
            NamedNode(iri): count
            for iri, count in self.rows(
                "SELECT term.value, COUNT(*) FROM (SELECT DISTINCT file.graph AS graph, subject, predicate, object "
                "FROM statement JOIN file ON file.id = statement.file) JOIN term ON term.id = graph "
                "WHERE term.kind = 'i' GROUP BY graph ORDER BY term.value"
            )
        }
        if self.default_graph:
            return found
        for kind, graph in ((2, inferred_graph(self.settings)), (3, differences_graph(self.settings))):
            ((derived,),) = self.rows("SELECT COUNT(*) FROM statement WHERE kind = ?", (kind,))
            found |= {graph: derived} if derived else {}
        return found | {metadata_graph(self.settings): len(self.meta["about"])}

    @cached_property
    def triple_count(self) -> int:
        """The number of triples of the default graph: of all graphs, each counted once, as the metadata says it.

        Where it is plain, of what is in no other graph.
        """
        if self.default_graph == "plain":
            ((number,),) = self.rows(
                "SELECT COUNT(*) FROM (SELECT DISTINCT subject, predicate, object FROM statement JOIN file "
                "ON file.id = statement.file JOIN term ON term.id = file.graph WHERE term.kind = 'd')"
            )
            return int(number)
        about = "".join(f"{line} .\n" for line in self.meta["about"])
        (found,) = [q for q in parse(about, format=RdfFormat.N_QUADS) if q.predicate == VOID.triples]
        return int(found.object.value) if isinstance(found.object, Literal) else 0

    def source_of(self, graph: NamedNode) -> NamedNode | None:
        """Return the source that the file of a graph speaks for, None if it names none."""
        found = self.rows(
            "SELECT source.value FROM file JOIN term AS graph ON graph.id = file.graph AND graph.kind = 'i' "
            "JOIN term AS source ON source.id = file.source WHERE graph.value = ?",
            (graph.value,),
        )
        return NamedNode(found[0][0]) if found else None

    # --- sources ---

    @cached_property
    def by_graph(self) -> Mapping[NamedNode | BlankNode | DefaultGraph, File]:
        """The files by the graphs that they state."""
        return {file.graph: file for file in self.files.values()}

    def resting(self, source: str) -> list[tuple[str, int, int]]:
        """Return, by class (empty for things without one), how many things and statements rest on a source."""
        return self.rows(
            "SELECT COALESCE(c.value, ''), COUNT(*), SUM(statements) AS n FROM resting "
            "JOIN term s ON s.id = source AND s.kind = 'i' LEFT JOIN term c ON c.id = class "
            "WHERE s.value = ? GROUP BY class ORDER BY n DESC, 1",
            (source,),
        )

    def things_resting(
        self, source: str, class_iri: str = "", *, offset: int = 0, limit: int = -1
    ) -> list[tuple[str, str, int]]:
        """Return the things that rest on a source, with their class and their statements in it, by class and name.

        `class_iri` is the class to list, `none` for things without one, empty for all.
        """
        return self.rows(
            "SELECT e.value, COALESCE(c.value, ''), statements FROM resting "
            "JOIN term s ON s.id = source AND s.kind = 'i' JOIN term e ON e.id = resting.entity "
            "LEFT JOIN term c ON c.id = class LEFT JOIN entity ON entity.term = resting.entity "
            "WHERE s.value = ?1 AND (?2 = '' OR COALESCE(c.value, 'none') = ?2) "
            "ORDER BY 2, sort, 1 LIMIT ?3 OFFSET ?4",
            (source, class_iri, limit, offset),
        )

    # --- views ---

    def views(self) -> list[View]:
        """Return all views, by name."""
        return [
            _view_from(name, json.loads(header), query)
            for name, header, query in self.rows("SELECT name, header, query FROM view ORDER BY name")
        ]

    def view(self, name: str) -> tuple[View, Answer] | None:
        """Return a view and its answer (with the default values of its parameters), None if there is none."""
        found = self.rows("SELECT header, query, answer FROM view WHERE name = ?", (name,))
        if not found:
            return None
        header, query, answer = found[0]
        return _view_from(name, json.loads(header), query), from_json(answer)

    # --- the graph as a store ---

    def data(self) -> Data:
        """Return what can be asked: a store in memory with the prefixes and the base IRI of the graph.

        It has each named graph, and all of them once more in the default graph. The copy gives right counts where
        a union view of the named graphs would count a triple twice. Files that are served with a plain default graph
        have what they put there, and nothing else.
        """
        store = Store()
        quads = list(parse(path=str(self.path / GRAPH), format=RdfFormat.N_QUADS))
        store.bulk_extend(quads)
        if self.default_graph != "plain":
            store.bulk_extend(Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()) for quad in quads)
        with (self.path / GRAPH).open("rb") as lines:  # only what has a datatype may be rewritten; it is soon found
            typed = b"".join(line for line in lines if b'"^^<' in line)
        written = Written.of(parse(typed, format=RdfFormat.N_QUADS))
        return Data(store, self.prefixes, self.settings.base_iri, written)


def batches(numbers: Sequence[Any], size: int = 500) -> Iterator[Sequence[Any]]:
    """Give as many at once as one statement of SQL may name."""
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _together(found: Iterable[Differing]) -> list[Differing]:
    """Join differences of one kind, thing and property that have a statement in common."""
    joined: list[Differing] = []
    for one in sorted(found, key=str):
        kept, values = [], list(one.values)
        for other in joined:
            if other[:4] == one[:4] and _ids(values) & _ids(other.values):
                values += other.values
            else:
                kept.append(other)
        joined = [*kept, one._replace(values=values)]
    return sorted((one._replace(values=_in_order(one)) for one in joined), key=lambda one: (one.kind, str(one.about)))


def _ids(values: Iterable[tuple[Term, Sequence[Fact]]]) -> set[int]:
    return {fact.id for _, facts in values for fact in facts}


def _in_order(differing: Differing) -> list[tuple[Term, Sequence[Fact]]]:
    """Return the values of joined pairs, each once: of a refinement the coarser first, else by number or text."""
    finer: dict[Term, int] = {}
    facts: dict[Term, dict[int, Fact]] = {}
    for place, (value, given) in enumerate(differing.values):
        facts.setdefault(value, {}).update((fact.id, fact) for fact in given)
        finer[value] = finer.get(value, 0) + place % 2

    def key(value: Term) -> tuple[float, str]:
        if differing.kind == "refinement":
            return finer[value], value.value
        if isinstance(value, Literal) and value.datatype.value.startswith(XSD.iri):
            with contextlib.suppress(ValueError):
                return float(value.value), value.value
        return 0, value.value

    return [(value, sorted(facts[value].values(), key=lambda fact: fact.id)) for value in sorted(facts, key=key)]


def term_key(term: Term | DefaultGraph) -> tuple[str, str, str, str]:
    """Return kind, value, datatype and language of a term, as the table of terms has them."""
    if isinstance(term, DefaultGraph):
        return "d", "", "", ""
    if isinstance(term, NamedNode):
        return "i", term.value, "", ""
    if isinstance(term, BlankNode):
        return "b", term.value, "", ""
    return "l", term.value, "" if term.language else term.datatype.value, term.language or ""


def _is_true(term: Term) -> bool:
    return isinstance(term, Literal) and term.value in ("true", "1")


def _term(kind: str, value: str, datatype: str, language: str) -> Any:
    if kind == "i":
        return NamedNode(value)
    if kind == "b":
        return BlankNode(value)
    if kind == "d":
        return DefaultGraph()
    if language:
        return Literal(value, language=language)
    return Literal(value, datatype=NamedNode(datatype))


def settings_from(found: Mapping[str, Any]) -> Settings:
    """Return settings from their fields as JSON has them."""
    # Another version of the engine may have had settings that this one has not; those it had not have their defaults.
    known = {field.name for field in fields(Settings)}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in found.items() if key in known
    }
    return Settings(**values)


def _view_from(name: str, header: Mapping[str, Any], query: str) -> View:
    parameters = tuple(
        Parameter(**{**parameter, "choices": tuple(parameter["choices"])}) for parameter in header["parameters"]
    )
    return View(name=name, query=query, **{**header, "parameters": parameters})


def manifest_of(path: Path) -> Mapping[str, Any]:
    """Return the manifest of a snapshot: the engine that built it, and the size and SHA-256 of each of its files."""
    found: Mapping[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    return found


def engine_of(path: Path) -> str:
    """Return the engine that built the snapshot in a folder; nothing where there is none."""
    try:
        return str(manifest_of(path)["engine"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def open_snapshot(path: Path) -> Snapshot:
    """Return the snapshot in a folder.

    Raises SnapshotError if it is missing, half written, damaged, or laid out as this engine does not read.
    """
    try:
        manifest = manifest_of(path)
        if manifest.get("layout") != LAYOUT:
            raise SnapshotError(
                "this snapshot was built by another version of the engine", where=str(path), advice="Run: kg build"
            )
        for name, (size, digest) in manifest["files"].items():
            if digest_of(path / name) != (size, digest):
                raise SnapshotError(f"{name} is not what was built", where=str(path), advice="Run: kg build")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotError(
            "there is no whole snapshot here", where=str(path), found=str(error), advice="Run: kg build"
        ) from None
    return Snapshot(path)
