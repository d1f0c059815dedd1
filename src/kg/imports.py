"""Tables brought into the graph: what the rows of a table say, compared with the files, and what is to be written.

Everything is worked out before anything is written. A row comes in whole or not at all.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, NoReturn

from pyoxigraph import Literal, NamedNode

from kg.canonical import Style, extended, property_order
from kg.curation import is_ill_typed
from kg.dates import EDTF, bounds
from kg.errors import KGError
from kg.findings import Finding, Severity, counts, in_order
from kg.formatting import Formatted
from kg.knowledge import Knowledge, Term, folded
from kg.mappings import Column, FileSpec, Find, NodeSpec, Properties, Slot, TableMapping, Template, ValueSpec, is_slug
from kg.messages import in_language, say, translator
from kg.presentation import presentation
from kg.project import Project, Reading
from kg.settings import is_language
from kg.tables import Row, Table
from kg.turtle import Document, excerpt_of, read_document
from kg.vocabulary import RDF

__all__ = ["FileChange", "Plan", "plan", "render_json", "summary"]

# What an IRI may not hold (RFC 3987, and Turtle's IRIREF).
_NO_IRI = re.compile(r'[\x00-\x20<>"{}|\\^`\x7f-\x9f]')
_ABSOLUTE = re.compile(r"(?:https?://[^/?#]+|urn:[a-z0-9-]+:|mailto:[^@]+@|tag:)\S*")
# What stands behind a prefix without a mark of escape.
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[\w.-]*[\w-])?", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
# A spreadsheet's formula, or what it shows where one failed.
_FORMULA = re.compile(r"=[A-Za-z+\-\"'(@]|#(?:REF|N/A|NAME|VALUE|DIV/0|NULL|NUM|SPILL)[!?]?$")


@dataclass(frozen=True)
class FileChange:
    """A file that an import writes."""

    formatted: Formatted
    new_nodes: int
    statements: int

    @property
    def is_new(self) -> bool:
        """True if the file is not there yet."""
        return not self.formatted.before


@dataclass(frozen=True)
class Plan:
    """What an import found, and the files as they should be."""

    findings: Sequence[Finding]
    rows: int
    imported: int
    #: The reasons of rows that the mapping leaves out, with the lines they begin at.
    left_out: Mapping[str, Sequence[int]]
    #: Lines of rows that are not imported because something in them is wrong, or may mean several things.
    refused: Sequence[int]
    files: Sequence[FileChange]
    #: Nodes that the rows give: new ones, those that get statements, those that stay as they are.
    nodes: Mapping[str, int]
    unused_columns: Sequence[str]

    @property
    def passed(self) -> bool:
        """True if every row that is not left out can be imported."""
        return not self.refused


class _Told(Exception):
    """What was asked for cannot be had, and the reason was told already."""


# --- rows ------------------------------------------------------------------------------------------------


@dataclass
class _Made:
    """What a row says: statements by file and subject, with the columns that each comes from."""

    row: Row
    #: File, subject, predicate, value, columns.
    statements: list[tuple[str, str, str, Term, str]] = field(default_factory=list)
    #: File and subject of its nodes, with what each was made by.
    nodes: dict[tuple[str, str], list[NodeSpec]] = field(default_factory=dict)
    problems: list[Finding] = field(default_factory=list)
    left_out: str = ""


class _Rows:
    """Reads rows by a mapping."""

    def __init__(self, mapping: TableMapping, table: Table, known: Knowledge) -> None:
        self.mapping, self.table, self.known = mapping, table, known
        properties = [told for node in mapping.nodes for told in (node.properties, node.file.properties)]
        self.single = {n.value for told in properties for n, values in told.items() if any(v.single for v in values)}
        #: Properties of which a node may have several values, as the mapping says.
        self.several = {
            name.value
            for told in properties
            for name, values in told.items()
            if any(value.split or value.single is False for value in values)
        }
        self.kinds: dict[tuple[frozenset[str], str], str] = {}
        self.files: dict[str, str] = {}  # path to graph
        self.classes: dict[tuple[str, str], set[str]] = {}

    def made(self, row: Row) -> _Made:
        """Return what a row says, with all that is wrong with it."""
        made = _Made(row)
        cells = _Cells(self, made, row.cells)
        try:
            for condition, reason in self.mapping.left_out:
                if condition.holds(cells.cell):
                    made.left_out = reason
                    return made
        except _Told:
            return made
        headed: set[str] = set()
        for node in self.mapping.nodes:
            try:
                if node.each is None:
                    self._node(cells, node, headed)
                    continue
                pieces = [piece.strip() for piece in cells.cell(node.each.column).split(node.each.split)]
                for piece in dict.fromkeys(filter(None, pieces)):
                    self._node(_Cells(self, made, {**row.cells, node.each.name: piece}), node, headed)
            except _Told:
                continue
        if not made.nodes and not made.problems:
            made.left_out = say("no node of the mapping is made from them")
        return made

    def kind(self, path: str, subject: str, predicate: str) -> str:
        """Return "one" for a property of which a node has one value, "language" for one a language, else nothing."""
        if predicate in self.single:
            return "one"
        if predicate in self.several:
            return ""
        key = frozenset(self.classes[path, subject]), predicate
        if key not in self.kinds:
            self.kinds[key] = self.known.is_single(*key)
        return self.kinds[key]

    def _node(self, cells: _Cells, node: NodeSpec, headed: set[str]) -> None:
        try:
            if not node.when.holds(cells.cell):
                return
            path = self._path(cells, node.file)
            subject = self._subject(cells, node)
        except _Told:
            return
        made = cells.made
        made.nodes.setdefault((path, subject), []).append(node)
        self.classes.setdefault((path, subject), set()).update(one.value for one in node.classes)
        for one in node.classes:
            made.statements.append((path, subject, RDF.type.value, one, "class"))
        cells.properties(node.properties, path, subject)
        if path not in headed:
            headed.add(path)
            graph = self.files[path]
            self.classes.setdefault((path, graph), set()).update(one.value for one in node.file.classes)
            for one in node.file.classes:
                made.statements.append((path, graph, RDF.type.value, one, "class"))
            cells.properties(node.file.properties, path, graph)

    def _path(self, cells: _Cells, file: FileSpec) -> str:
        """Return the path of a file from the project's root; every cell in it is one name of a file or folder."""
        told = []
        for part in file.path.parts:
            if isinstance(part, str):
                told.append(part)
                continue
            text = cells.needed(Template(f"{{{part.column}}}", (part,)), "path")
            if not _SEGMENT.fullmatch(text):
                cells.problem(
                    part.column,
                    text,
                    say("a name of a file: letters, digits, hyphens, dots, at most 100"),
                    say("Write {%(column)s|slug} in the mapping's path.", column=part.column),
                )
            told.append(text)
        project = self.known.project
        inside = "".join(told)
        path = f"{project.settings.data_folder}/{inside}"
        existing = self.known.by_path.get(path)
        if existing is not None:
            graph = existing.graph.value
        else:
            name = cells.needed(file.graph, "graph") if file.graph is not None else project.graph_name(inside)
            graph = f"{project.settings.base_iri}graph/{name}"
            other = self.known.reading.by_graph.get(NamedNode(graph)) if not _NO_IRI.search(graph) else None
            if other is not None or _NO_IRI.search(graph):
                expected = say("the name of a graph that no other file has")
                where = other.path if other else ""
                cells.problem("graph", f"<{graph}> {where}".strip(), expected, say("Set graph in the mapping's file."))
        self.files.setdefault(path, graph)
        return path

    def _subject(self, cells: _Cells, node: NodeSpec) -> str:
        text = cells.needed(node.iri, "iri")
        columns = ", ".join(node.iri.columns()) or node.name
        term = cells.iri(text, columns)
        base = self.known.project.settings.entity_base
        if term.value.startswith(base) and not is_slug(term.value.rpartition("/")[2]):
            expected = say("an IRI that ends in a slug: a-z, 0-9, single hyphens between them")
            cells.problem(columns, text, expected, say("Use {column|slug} in the mapping's iri."))
        return term.value


class _Cells:
    """The cells of one row, those that the mapping works out among them."""

    def __init__(self, rows: _Rows, made: _Made, cells: Mapping[str, str]) -> None:
        self.rows, self.made, self.raw = rows, made, cells
        self.known = rows.known
        self.worked_out: dict[str, str | None] = {}
        self.at_work: set[str] = set()

    def problem(
        self,
        column: str,
        found: str,
        expected: str,
        advice: str = "",
        *,
        rule: str = "refused",
        also: Sequence[str] = (),
    ) -> NoReturn:
        """Tell what is wrong, and give up what depends on it."""
        shown = f'"{found}"' if len(found) <= 80 else f'"{found[:79]}…"'
        message = say(
            "%(column)s: found %(found)s; expected %(expected)s", column=column, found=shown, expected=expected
        )
        told = self.rows.table.fault(self.made.row.line, rule, message, advice, at=found, also=also)
        if told not in self.made.problems:
            self.made.problems.append(told)
        raise _Told

    def cell(self, name: str) -> str:
        """Return a cell, empty if there is nothing in it."""
        column = self.rows.mapping.columns.get(name)
        if name in self.worked_out:
            known = self.worked_out[name]
            if known is None:
                raise _Told
            return known
        if column is None or name in self.at_work:  # a column worked out from the one of the table with its name
            text = self.raw.get(name, "")
            if _FORMULA.match(text):
                expected = say("a value, not a spreadsheet's formula or error")
                self.problem(name, text, expected, say("In the spreadsheet, paste the values only."))
            return text
        self.at_work.add(name)
        try:
            text = self._work_out(column)
        except _Told:
            self.worked_out[name] = None
            raise
        finally:
            self.at_work.discard(name)
        self.worked_out[name] = text
        return text

    def _work_out(self, column: Column) -> str:
        name = column.name
        text = ""
        if column.when.holds(self.cell):
            if column.find is not None:
                text = self.found(column.find, name)
            elif column.source is not None:
                text = self.fill(column.source) or ""
            if text and column.match is not None:
                match = column.match.search(text)
                if match is None and column.default is None:
                    self.problem(name, text, say("a text like %(pattern)s", pattern=column.match.pattern))
                text = (match[1] or "" if match.re.groups else match[0]) if match else ""
            if text and column.lookup is not None:
                text = self.looked_up(column.lookup, text, name, needed=column.default is None)
            if not text and column.default is not None:
                text = self.fill(column.default) or ""
        return text

    def looked_up(self, lookup: Mapping[str, str], text: str, name: str, *, needed: bool) -> str:
        if text in lookup or not needed:
            return lookup.get(text, "")
        close = difflib.get_close_matches(text, lookup, n=1)
        advice = say("Did you mean %(name)s? ", name=close[0]) if close else ""
        self.problem(name, text, say("a key of the lookup"), advice + say("Or add it there."))

    def fill(self, template: Template, piece: tuple[str, str] | None = None) -> str | None:
        """Return a template with its columns filled in; nothing if one of them is empty."""
        parts = []
        for part in template.parts:
            if isinstance(part, Slot):
                text = piece[1] if piece is not None and piece[0] == part.column else self.cell(part.column)
                for change in part.filters:
                    text = change(text)
                if not text:
                    return None
                parts.append(text)
            else:
                parts.append(part)
        return "".join(parts)

    def needed(self, template: Template, what: str) -> str:
        """Return a template filled in; it is a problem if a column of it is empty."""
        text = self.fill(template)
        if not text:
            empty = next((c for c in template.columns() if not self.cell(c)), next(template.columns(), what))
            expected = say("a value that can stand in the %(what)s", what=what)
            self.problem(empty, self.cell(empty), expected, say("Fill it in, or leave such rows out in the mapping."))
        return text or ""

    def iri(self, text: str, columns: str) -> NamedNode:
        """Return the IRI that a text means: a prefixed name, or an absolute one."""
        prefix, colon, local = text.partition(":")
        prefixes = self.known.project.prefixes
        if colon and prefix in prefixes and not local.startswith("//"):
            if not _LOCAL.fullmatch(local):
                expected = say("letters, digits, hyphens and underscores behind %(prefix)s:", prefix=prefix)
                self.problem(columns, text, expected, say("Use {column|slug} in the mapping."))
            return NamedNode(prefixes[prefix] + local)
        if _NO_IRI.search(text) or not _ABSOLUTE.fullmatch(text):
            close = difflib.get_close_matches(prefix, prefixes, n=1) if colon else []
            advice = say("Did you mean %(name)s? ", name=f"{close[0]}:{local}") if close else ""
            self.problem(columns, text, say("an IRI: a prefixed name, or an address with http:// or https://"), advice)
        return NamedNode(text)

    def found(self, find: Find, column: str, piece: tuple[str, str] | None = None) -> str:
        """Return the IRI of the one thing of the graph that is meant; nothing if there is no name."""
        name = self.fill(find.name, piece)
        if not name:
            return ""
        known = self.known
        if find.by:
            texts = [name]
            prefix, colon, local = name.partition(":")
            if colon and prefix in known.project.prefixes:
                texts.append(known.project.prefixes[prefix] + local)
            things = [iri for text in texts for iri in known.with_value(find.by, text)]
        else:
            things = known.called(name)
        alike = things
        if find.classes:
            wanted = {one.value for one in find.classes}
            things = [iri for iri in things if known.is_a(iri, wanted)]
        for steps, template in find.having.items():
            text = self.fill(template)
            if text is not None and things:
                prefix, colon, local = text.partition(":")
                full = known.project.prefixes[prefix] + local if colon and prefix in known.project.prefixes else text
                things = [iri for iri in things if full in known.values(iri, steps)]
        things = sorted(dict.fromkeys(things))
        shown = [f"{known.short(iri)} ({known.places[iri]})" for iri in things or sorted(alike)[:5]]
        if not things:
            advice = say("Register it, or correct the name.")
            if shown:
                advice = say("Of that name there is %(things)s. ", things=", ".join(shown)) + advice
            elif not find.by:
                known.called("")
                close = difflib.get_close_matches(folded(name), known.by_name or (), n=1, cutoff=0.8)
                if close:
                    other = known.short(sorted((known.by_name or {})[close[0]])[0])
                    advice = say("Did you mean %(name)s? ", name=other) + advice
            self.problem(column, name, say("a thing of the graph"), advice)
        if len(things) > 1:
            self.problem(
                column,
                name,
                say("one thing; it may be %(things)s", things=", ".join(shown)),
                say("Write its IRI in the table, or let the mapping ask for more (class, with)."),
                rule="ambiguous",
            )
        return things[0]

    def properties(self, properties: Properties, path: str, subject: str) -> None:
        """Add what the properties of a node say."""
        for predicate, specs in properties.items():
            for spec in specs:
                try:
                    if not spec.when.holds(self.cell):
                        continue
                    columns = ", ".join(dict.fromkeys(_columns_of(spec))) or self.known.short(predicate.value)
                    terms = self._terms(spec, columns)
                    if spec.required and not terms:
                        self.problem(
                            columns, "", say("a value"), say("Fill it in, or leave such rows out in the mapping.")
                        )
                except _Told:
                    continue
                for term in terms:
                    self.made.statements.append((path, subject, predicate.value, term, columns))

    def _terms(self, spec: ValueSpec, columns: str) -> list[Term]:
        pieces: list[tuple[str, str] | None] = [None]
        if spec.split:
            cell = self.cell(columns)
            pieces = [(columns, part.strip()) for part in cell.split(spec.split) if part.strip()]
        terms: list[Term] = []
        for piece in pieces:
            try:
                if spec.find is not None:
                    text: str | None = self.found(spec.find, columns, piece)
                else:
                    text = self.fill(spec.template, piece) if spec.template is not None else None
                if text and spec.lookup is not None:
                    text = self.looked_up(spec.lookup, text, columns, needed=spec.default is None)
                if text:
                    terms.append(self._term(spec, text, columns))
            except _Told:
                continue
        if not terms and spec.default is not None and (text := self.fill(spec.default)):
            terms.append(self._term(spec, text, columns))
        return terms

    def _term(self, spec: ValueSpec, text: str, columns: str) -> Term:
        if spec.is_iri:
            return self.iri(text, columns)
        if spec.language is not None:
            tag = self.needed(spec.language, "language").lower()
            if not is_language(tag):
                self.problem(", ".join(spec.language.columns()), tag, say('a language tag such as "fr"'))
            return Literal(text, language=tag)
        if spec.datatype is None:
            return Literal(text)
        if spec.datatype.value == EDTF:
            try:
                bounds(text)
            except ValueError as fault:
                self.problem(columns, text, fault.args[0])
        literal = Literal(text, datatype=spec.datatype)
        if is_ill_typed(literal):
            self.problem(columns, text, say("a value of %(datatype)s", datatype=self.known.short(spec.datatype.value)))
        return literal


def _columns_of(spec: ValueSpec) -> Iterator[str]:
    if spec.template is not None:
        yield from spec.template.columns()
    if spec.find is not None:
        yield from spec.find.name.columns()


# --- the whole table -------------------------------------------------------------------------------------


def plan(
    project: Project,
    reading: Reading,
    mapping: TableMapping,
    table: Table,
    *,
    update: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Plan:
    """Return what a table says that is new or another in the files, and the files as they should be.

    With `update`, the table's value takes the place of a single value in the file. Raises KGError if files of the
    graph cannot be read, and for a mapping that speaks of columns, classes or properties that are not there.
    """
    known = Knowledge(project, reading)
    _check_columns(mapping, table)
    _check_terms(mapping, known)
    rows = _Rows(mapping, table, known)
    made = []
    for number, row in enumerate(table.rows, 1):
        made.append(rows.made(row))
        if number % 1000 == 0:
            progress(f"row {number} of {len(table.rows)}")
    _settle(rows, made)
    progress("comparing with the files")
    return _compare(rows, made, update=update)


def _check_columns(mapping: TableMapping, table: Table) -> None:
    known = {*table.columns, *mapping.made()}
    for name, where in mapping.used():
        if name not in known or (where == f"columns.{name}" and name not in table.columns):
            close = difflib.get_close_matches(name, sorted(known), n=1)
            raise KGError(
                say(
                    "%(key)s speaks of the column %(name)s, which %(path)s does not have",
                    key=where,
                    name=name,
                    path=table.path,
                ),
                where=mapping.path,
                expected=say("one of %(names)s", names=", ".join(table.columns)),
                advice=say("Did you mean %(name)s?", name=close[0]) if close else "",
            )


def _check_terms(mapping: TableMapping, known: Knowledge) -> None:
    """Refuse classes and properties under the graph's own base that its ontology does not have."""
    used: list[NamedNode] = []
    for node in mapping.nodes:
        for classes, properties in ((node.classes, node.properties), (node.file.classes, node.file.properties)):
            used += [*classes, *properties]
            for value in chain.from_iterable(properties.values()):
                used += value.find.terms() if value.find is not None else ()
                used += [value.datatype] if value.datatype is not None else ()
    for column in mapping.columns.values():
        used += column.find.terms() if column.find is not None else ()
    for term in dict.fromkeys(used):
        if term.value.startswith(known.project.settings.base_iri) and term.value not in known.terms:
            raise KGError(
                say("the ontology has no %(name)s", name=known.short(term.value)),
                where=mapping.path,
                advice=known.close_to(term.value),
            )


def _settle(rows: _Rows, made: Sequence[_Made]) -> None:
    """Find what is wrong between rows: links to what nobody makes, contradictions, things registered elsewhere."""
    while True:
        before = sum(bool(one.problems) for one in made)
        _registered_elsewhere(rows, made)
        _contradictions(rows, made)
        _dangling(rows, made)
        if sum(bool(one.problems) for one in made) == before:
            return


def _good(made: Sequence[_Made]) -> Iterator[_Made]:
    return (one for one in made if not one.problems and not one.left_out)


def _told(rows: _Rows, one: _Made, rule: str, message: str, advice: str = "", also: Sequence[str] = ()) -> None:
    one.problems.append(rows.table.fault(one.row.line, rule, message, advice, also=also))


def _registered_elsewhere(rows: _Rows, made: Sequence[_Made]) -> None:
    settings = rows.known.project.settings
    register = f"{settings.data_folder}/{settings.register}/"
    paths: dict[str, set[str]] = defaultdict(set)
    for one in _good(made):
        for path, subject in one.nodes:
            if path.startswith(register):
                paths[subject].add(path)
    for one in [*_good(made)]:
        for path, subject in one.nodes:
            others = {*paths[subject], *filter(None, [rows.known.registered.get(subject)])} - {path}
            if path.startswith(register) and others:
                message = say(
                    "%(thing)s would be registered in %(path)s; it is in %(other)s",
                    thing=rows.known.short(subject), path=path, other=sorted(others)[0],
                )  # fmt: skip
                _told(rows, one, "refused", message, say("One thing has one file: correct the path or the IRI."))


def _contradictions(rows: _Rows, made: Sequence[_Made]) -> None:
    known = rows.known
    given: dict[tuple[str, str, str, str], dict[Term, list[_Made]]] = defaultdict(lambda: defaultdict(list))
    for one in _good(made):
        for path, subject, predicate, value, _ in one.statements:
            kind = rows.kind(path, subject, predicate)
            if kind:
                given[path, subject, predicate, _language_if(kind, value)][value].append(one)
    for (path, subject, predicate, _), values in given.items():
        if len(values) < 2:
            continue
        message = say(
            "%(node)s would have several values of %(property)s in %(path)s: %(values)s",
            node="<>" if subject == rows.files[path] else known.short(subject),
            property=known.short(predicate),
            path=path,
            values=", ".join(sorted(known.names.turtle(value) for value in values)[:5]),
        )
        lines = sorted({one.row.line for ones in values.values() for one in ones})
        for one in {id(one): one for ones in values.values() for one in ones}.values():
            also = [f"{rows.table.path}:{line}:1" for line in lines if line != one.row.line][:5]
            _told(rows, one, "ambiguous", message, say("Correct the rows, so that they agree."), also)


def _language_if(kind: str, value: Term) -> str:
    return (value.language or "") if kind == "language" and isinstance(value, Literal) else ""


def _dangling(rows: _Rows, made: Sequence[_Made]) -> None:
    known, base = rows.known, rows.known.project.settings.base_iri
    there = {subject for one in _good(made) for _, subject in one.nodes} | set(rows.files.values())
    for one in [*_good(made)]:
        for _, _, predicate, value, columns in one.statements:
            if not isinstance(value, NamedNode) or predicate == RDF.type.value or not value.value.startswith(base):
                continue
            if value.value not in known.statements and value.value not in there:
                message = say(
                    "%(column)s: found %(found)s; expected %(expected)s",
                    column=columns, found=known.short(value.value),
                    expected=say("a thing of the graph, or of this table"),
                )  # fmt: skip
                advice = known.close_to(value.value, there) + say("Register it first, or correct the cell.")
                _told(rows, one, "refused", message, advice)


# --- comparing -------------------------------------------------------------------------------------------


@dataclass
class _Target:
    """One file: what the rows give for each subject of it, and what it holds."""

    path: str
    graph: str
    document: Document | None
    given: dict[str, dict[str, dict[Term, None]]] = field(default_factory=dict)
    specs: dict[str, dict[int, NodeSpec]] = field(default_factory=dict)
    added: list[tuple[Any, Any, Any]] = field(default_factory=list)
    removed: list[tuple[Any, Any, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.held: dict[str, dict[str, dict[Term, None]]] = {}
        for statement in self.document.statements if self.document else ():
            if isinstance(statement.subject, NamedNode):
                values = self.held.setdefault(statement.subject.value, {}).setdefault(statement.predicate.value, {})
                values[statement.object] = None  # type: ignore[index]

    @cached_property
    def places(self) -> Mapping[Any, tuple[int, int]]:
        """Where each statement stands, and each subject."""
        if self.document is None:
            return {}
        document = read_document(self.document.text.encode(), self.path)
        return {s[:3]: (s.line, s.column) for s in document.statements} | dict(document.subjects)

    def finding(
        self,
        severity: Severity,
        rule: str,
        message: str,
        advice: str,
        subject: str,
        predicate: str = "",
        value: Term | None = None,
    ) -> Finding:
        """Return what is told about a statement of the file, or about a subject."""
        place: Any = NamedNode(subject)
        if value is not None:
            place = (place, NamedNode(predicate), value)
        line, column = self.places.get(place, (1, 1))
        text = self.document.text if self.document else ""
        return Finding(self.path, line, column, severity, rule, message, advice, excerpt_of(text, line))


def _compare(rows: _Rows, made: Sequence[_Made], *, update: bool) -> Plan:
    known = rows.known
    targets: dict[str, _Target] = {}
    for one in _good(made):
        for (path, subject), specs in one.nodes.items():
            if path not in targets:
                targets[path] = _Target(path, rows.files[path], known.by_path.get(path))
            targets[path].specs.setdefault(subject, {}).update({id(spec): spec for spec in specs})
        for path, subject, predicate, value, _ in one.statements:
            targets[path].given.setdefault(subject, {}).setdefault(predicate, {})[value] = None
    findings = [*rows.table.faults, *(problem for one in made for problem in one.problems)]
    nodes = {"new": 0, "extended": 0, "unchanged": 0}
    for target in targets.values():
        findings += _differences(rows, target, nodes, update=update)
    findings += _without_rows(rows, made, targets.values())
    left_out: dict[str, list[int]] = {}
    for one in made:
        if one.left_out:
            left_out.setdefault(one.left_out, []).append(one.row.line)
    refused = sorted({one.row.line for one in made if one.problems} | {fault.line for fault in rows.table.faults})
    used = {name for name, _ in rows.mapping.used()}
    return Plan(
        in_order(findings),
        len(rows.table.rows) + len(rows.table.faults),
        sum(1 for _ in _good(made)),
        left_out,
        refused,
        _changes(known, targets.values()),
        nodes,
        [name for name in rows.table.columns if name not in used],
    )


def _differences(rows: _Rows, target: _Target, nodes: dict[str, int], *, update: bool) -> Iterator[Finding]:
    """Find what a file would get, and what it has otherwise than the rows; a header that is there stays as it is."""
    for subject, given in target.given.items():
        held = target.held.get(subject, {})
        is_header = subject == target.graph
        keeps = is_header and target.document is not None and not update
        before = len(target.added)
        told: set[tuple[str, Term]] = set()
        for predicate, values in given.items():
            there = held.get(predicate, {})
            kind = rows.kind(target.path, subject, predicate)
            for value in [value for value in values if value not in there]:
                if kind:
                    alike = [old for old in there if _language_if(kind, old) == _language_if(kind, value)]
                    other = [old for old in alike if old not in values]
                elif predicate not in rows.several:
                    other = _only_one(value, values, there)
                else:
                    other = []
                told |= {(predicate, old) for old in other}
                if other or keeps:
                    yield _changed(rows.known, target, subject, predicate, other, value, update=update)
                if update or not (other or keeps):
                    target.added.append((NamedNode(subject), NamedNode(predicate), value))
                if update:
                    target.removed += [(NamedNode(subject), NamedNode(predicate), old) for old in other]
        if not is_header:
            how = "new" if not held else "extended" if len(target.added) > before else "unchanged"
            nodes[how] += 1
            yield from _only_there(rows, target, subject, given, told)


def _only_one(value: Term, given: Iterable[Term], held: Iterable[Term]) -> list[Term]:
    """Return the value in a file that a row's value would replace: the one of its sort, if the rows give one too."""

    def sort(one: Term) -> str:
        return "" if isinstance(one, NamedNode) else one.language or one.datatype.value

    there = [one for one in held if sort(one) == sort(value)]
    return there if len(there) == 1 and sum(sort(one) == sort(value) for one in given) == 1 else []


def _changed(
    known: Knowledge, target: _Target, subject: str, predicate: str, old: Sequence[Term], new: Term, *, update: bool
) -> Finding:
    message = say(
        "%(node)s %(property)s is %(old)s in the file and %(new)s in the table",
        node="<>" if subject == target.graph else known.short(subject),
        property=known.short(predicate),
        old=", ".join(known.names.turtle(value) for value in old) or say("nothing"),
        new=known.names.turtle(new),
    )
    advice = say("The table's value is written.") if update else say("The file's stays. --update takes the table's.")
    return target.finding(Severity.WARNING, "changed", message, advice, subject, predicate, old[0] if old else None)


def _only_there(
    rows: _Rows,
    target: _Target,
    subject: str,
    given: Mapping[str, Mapping[Term, None]],
    told: Collection[tuple[str, Term]],
) -> Iterator[Finding]:
    """Find values in a file of properties that the mapping gives, which no row gives (any more)."""
    known = rows.known
    mapped = {name.value for spec in target.specs.get(subject, {}).values() for name in spec.properties}
    for predicate in mapped & set(target.held.get(subject, {})):
        for old in target.held[subject][predicate]:
            if old in given.get(predicate, {}) or (predicate, old) in told:
                continue
            message = say(
                "%(node)s %(property)s %(value)s is in the file, and no row says it",
                node=known.short(subject), property=known.short(predicate), value=known.names.turtle(old),
            )  # fmt: skip
            advice = say("It stays; delete it by hand if it is wrong.")
            yield target.finding(Severity.INFO, "only-in-file", message, advice, subject, predicate, old)


def _without_rows(rows: _Rows, made: Sequence[_Made], targets: Iterable[_Target]) -> Iterator[Finding]:
    """Find nodes that the mapping could have made in files that it writes to, and that no row gives (any more)."""
    spoken_of = {node for one in made for node in one.nodes}
    patterns = [(node, _full_pattern(rows.known, node.iri)) for node in rows.mapping.nodes]
    for target in targets:
        for subject, held in target.held.items():
            if subject == target.graph or (target.path, subject) in spoken_of:
                continue
            kinds = held.get(RDF.type.value, {})
            for node, pattern in patterns:
                if all(one in kinds for one in node.classes) and pattern.fullmatch(subject):
                    message = say("%(node)s is in the file, and no row makes it", node=rows.known.short(subject))
                    advice = say("It stays; delete it by hand if it is wrong.")
                    yield target.finding(Severity.INFO, "only-in-file", message, advice, subject)
                    break


def _full_pattern(known: Knowledge, template: Template) -> re.Pattern[str]:
    prefix, colon, _ = template.text.partition(":")
    if colon and prefix in known.project.prefixes and template.parts and isinstance(template.parts[0], str):
        first = known.project.prefixes[prefix] + template.parts[0][len(prefix) + 1 :]
        return Template(template.text, (first, *template.parts[1:])).pattern()
    return template.pattern()


def _changes(known: Knowledge, targets: Iterable[_Target]) -> list[FileChange]:
    project = known.project
    style = Style(project.prefixes, property_order(presentation(known.reading)), sorts_values=True)
    found = []
    for target in sorted(targets, key=lambda target: target.path):
        if not target.added:
            continue
        path = project.root / target.path
        before = target.document.text.encode() if target.document is not None else b""
        text = before or f"@base <{target.graph}> .\n".encode()
        after = extended(text, target.path, style, added=target.added, removed=target.removed)
        new = sum(1 for subject in target.given if subject != target.graph and subject not in target.held)
        found.append(FileChange(Formatted(path, target.path, before, after.encode()), new, len(target.added)))
    return found


# --- telling ---------------------------------------------------------------------------------------------


def _lines_shown(lines: Sequence[int]) -> str:
    """Return line numbers as people write them.

    >>> _lines_shown([2, 3, 4, 9])
    '2–4, 9'
    """
    runs: list[list[int]] = []
    for line in sorted(lines):
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in runs[:6]]
    return ", ".join([*shown, "…"] if len(runs) > 6 else shown)


def summary(plan: Plan, language: str, *, written: bool) -> Iterator[str]:
    """Give the lines that tell what an import did, or would do."""
    _ = translator(language)
    yield _("%(rows)s rows: %(imported)s imported, %(left)s left out, %(refused)s refused") % {
        "rows": plan.rows,
        "imported": plan.imported,
        "left": sum(map(len, plan.left_out.values())),
        "refused": len(plan.refused),
    }
    for reason, lines in sorted(plan.left_out.items()):
        told = {"number": len(lines), "reason": in_language(reason, language), "lines": _lines_shown(lines)}
        yield "  " + _("left out: %(number)s, %(reason)s (lines %(lines)s)") % told
    yield _("nodes: %(new)s new, %(extended)s extended, %(unchanged)s unchanged") % plan.nodes
    for change in plan.files:
        told = {"path": change.formatted.shown, "statements": change.statements, "nodes": change.new_nodes}
        sentence = (
            _("new file %(path)s: %(statements)s statements, %(nodes)s nodes")
            if change.is_new
            else _("%(path)s: %(statements)s statements more, %(nodes)s new nodes")
        )
        yield "  " + sentence % told
    if plan.unused_columns:
        yield _("columns that the mapping does not use: %(names)s") % {"names": ", ".join(plan.unused_columns)}
    number = len(plan.files)
    if not number:
        yield _("Nothing to write.")
    elif written:
        yield _("%(number)s files written.") % {"number": number}
    else:
        yield _("%(number)s files would be written.") % {"number": number}


def render_json(plan: Plan, *, written: bool) -> str:
    """Return what an import found as a JSON object; docs/reference/mappings.md lists the keys."""
    told = {
        "written": written,
        "rows": {"all": plan.rows, "imported": plan.imported, "refused": plan.refused, "left_out": plan.left_out},
        "nodes": plan.nodes,
        "files": [
            {
                "path": change.formatted.shown,
                "new": change.is_new,
                "statements": change.statements,
                "new_nodes": change.new_nodes,
            }
            for change in plan.files
        ],
        "unused_columns": plan.unused_columns,
        "findings": [asdict(finding) for finding in plan.findings],
        "counts": counts(plan.findings),
    }
    return json.dumps(told, ensure_ascii=False, indent=2)
