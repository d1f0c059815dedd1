"""SHACL: findings placed at the statements that shapes object to."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import re
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple
from unittest.mock import patch

import pyshacl.shape
from pyoxigraph import BlankNode, Literal, NamedNode, Store
from pyshacl.constraints import ALL_CONSTRAINT_COMPONENTS, CONSTRAINT_PARAMETERS_MAP
from pyshacl.constraints.constraint_component import ConstraintComponent
from pyshacl.constraints.sparql.sparql_based_constraint_components import SPARQLConstraintComponentValidator
from pyshacl.constraints.sparql.sparql_based_constraints import SPARQLBasedConstraint
from pyshacl.errors import ValidationWarning
from pyshacl.pytypes import SHACLExecutor
from pyshacl.shape import Shape
from pyshacl.shapes_graph import ShapesGraph
from rdflib import RDF as R_RDF
from rdflib import SH as R_SH
from rdflib import XSD as R_XSD
from rdflib import BNode, Graph, URIRef, Variable
from rdflib import Literal as RLiteral
from rdflib.collection import Collection as RCollection
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.sparql import Query
from rdflib.query import Result
from rdflib.store import Store as RStore
from rdflib.term import Node

from kg.conforming import Conforming, Step, Test, Unsure, walked
from kg.deadlines import TooLong, within
from kg.errors import QueryError
from kg.findings import Finding, Severity, ShapeResult, in_order
from kg.memo import Entry, Memo, number_of_pattern, patterns_of, read_term, write_term
from kg.messages import say
from kg.project import Project, Reading, Role
from kg.queries import Data, ask_within
from kg.terms import from_rdflib, to_rdflib
from kg.triples import Numbers, Pattern, Triples
from kg.turtle import Document, Statement, excerpt_of
from kg.vocabulary import KG, OWL, RDF, RDFS, SH

__all__ = ["validate"]

Term = NamedNode | BlankNode | Literal
RTriple = tuple[Any, Any, Any]
RNode = URIRef | BNode | RLiteral

# --- the data, watched while it is validated -------------------------------------------------------------


class _View(RStore):
    """Numbered triples as rdflib's graphs ask a store for them, term by term as these are wanted.

    It can note which patterns it was asked for: everything that a validation could have seen.
    """

    def __init__(self, triples: Triples) -> None:
        super().__init__()
        self.numbered = triples
        self.asked: set[Pattern] | None = None
        self._shown: dict[int, RNode] = {}

    def _number(self, term: RNode | None) -> int | None:
        # For rdflib, "x"^^xsd:string is another term than "x", and no file gives it.
        if isinstance(term, RLiteral) and term.datatype == R_XSD.string:
            raise KeyError(term)
        return None if term is None else self.numbered.number(from_rdflib(term))

    def show(self, number: int) -> RNode:
        """Return the term of a number."""
        found = self._shown.get(number)
        if found is None:
            found = self._shown[number] = to_rdflib(self.numbered.terms[number])
        return found

    def triples(self, triple_pattern: Any, context: Any = None) -> Iterator[tuple[RTriple, Iterator[None]]]:
        try:
            subject, predicate, value = map(self._number, triple_pattern)
        except KeyError:
            return
        pattern = subject, predicate, value
        if self.asked is not None:
            self.asked.add(pattern)
        show = self.show
        for s, p, o in self.numbered.matching(pattern):
            yield (show(s), show(p), show(o)), iter(())

    def __len__(self, context: Any = None) -> int:
        return len(self.numbered)


class _Data(Graph):
    """Triples as pySHACL sees them, in a graph that parses each query text once for all focus nodes."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self.numbered = Triples()
        self.watch = _View(self.numbered)
        super().__init__(store=self.watch, bind_namespaces="none")
        self.prefixes = dict(prefixes)
        self.prepared: dict[str, Query] = {}

    def __bool__(self) -> bool:
        return True  # pySHACL asks this for every result; the default counts all triples

    def number_of(self, statement: Statement) -> Numbers:
        """Return a statement's triple in numbers."""
        number = self.numbered.number
        return number(statement.subject), number(statement.predicate), number(statement.object)

    def fill(self, documents: Iterable[Document]) -> list[Numbers]:
        """Add all that files state, and return it."""
        triples = [self.number_of(statement) for document in documents for statement in document.statements]
        for triple in triples:
            self.numbered.add(triple)
        return triples

    def prepare(self, text: str) -> Query:
        """Return a parsed query; the project's prefixes are declared beforehand, as they are in views."""
        if text not in self.prepared:
            self.prepared[text] = prepareQuery(text, initNs=self.prefixes)
        return self.prepared[text]

    def query(self, query_object: str | Query, *args: Any, **options: Any) -> Result:
        if isinstance(query_object, str):
            query_object = self.prepare(query_object)
        return super().query(query_object, *args, **options)


# --- the shapes ------------------------------------------------------------------------------------------

_SEVERITIES: dict[Any, Severity] = {
    R_SH.Violation: Severity.VIOLATION,
    R_SH.Warning: Severity.WARNING,
    R_SH.Info: Severity.INFO,
}
_TARGETS = (R_SH.targetClass, R_SH.targetNode, R_SH.targetSubjectsOf, R_SH.targetObjectsOf)
_COMPONENTS: dict[Any, type[ConstraintComponent]] = {
    component.shacl_constraint_component: component for component in ALL_CONSTRAINT_COMPONENTS
}
_WHOLE_GRAPH = URIRef(KG.wholeGraph.value)
# Of SHACL Advanced Features and SHACL-JS; pySHACL would pass over them without a word.
_NOT_READ = {SH.target, SH.rule, SH.expression, SH.js}
_NAMES_SHAPES = {SH.property, SH.node, SH("not"), SH.qualifiedValueShape, SH("and"), SH("or"), SH.xone}


class _Result(NamedTuple):
    focus: Node
    path: Node | None
    value: Node | None
    component: Node
    shape: Node
    constraint: Node | None
    severity: Severity
    messages: tuple[str, ...]


def _silent() -> logging.Logger:
    logger = logging.getLogger("kg.shapes.pyshacl")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def _choose(texts: Iterable[RLiteral], languages: Sequence[str]) -> RLiteral:
    """Return the text in the first language there is; then one without a language; then the first of all."""

    def order(text: RLiteral) -> tuple[int, str, str]:
        tag = (text.language or "").lower()
        for rank, language in enumerate(languages):
            if tag == language or (tag and tag.split("-")[0] == language.split("-")[0]):
                return rank, tag, str(text)
        return len(languages) + bool(tag), tag, str(text)

    return min(texts, key=order)


class _Shapes:
    """The shapes of a project as pySHACL's objects: those checked source by source, or those for the whole graph."""

    def __init__(self, project: Project, documents: Sequence[Document], languages: Sequence[str], *, whole: bool):
        self.project, self.documents = project, documents
        #: Shapes that are not run: they do not work, or took too long.
        self.idle: set[Node] = set()
        self.faults: dict[Node, Exception] = {}
        graph = Graph(bind_namespaces="none")
        for document in documents:
            for statement in document.statements:
                graph.add((to_rdflib(statement.subject), to_rdflib(statement.predicate), to_rdflib(statement.object)))
        self.messages = _one_message_each(graph, languages)
        self.marked = {s for s, o in graph.subject_objects(_WHOLE_GRAPH) if isinstance(o, RLiteral) and o.value is True}
        if whole:
            _aim_nested(graph, self.marked)
        else:
            for shape in self.marked:
                graph.set((shape, R_SH.deactivated, RLiteral(True)))
        self.graph = graph
        # This cache of pySHACL goes by the id() of a graph that may be gone.
        SPARQLConstraintComponentValidator.validator_cache.clear()
        self.loaded = ShapesGraph(graph, logger=_silent())
        self.top: list[Shape] = []
        try:
            every = sorted(self.loaded.shapes, key=lambda shape: str(shape.node))
            _ = self.loaded.custom_constraints
        except Exception as error:  # pySHACL's own errors and whatever its libraries raise for odd shapes
            self.faults[self._faulty()] = error
            return
        self.top = [shape for shape in every if not whole or shape.node in self.marked]

    def _faulty(self) -> Node:
        """Return the shape that keeps all shapes from being loaded: pySHACL does not say which one it is."""
        graph = self.graph
        for node in sorted(set(graph.subjects()), key=str):
            kinds = set(graph.objects(node, R_RDF.type)) & {R_SH.NodeShape, R_SH.PropertyShape}
            paths = len(set(graph.objects(node, R_SH.path)))
            wrong = paths > 1 or len(kinds) > 1 or (R_SH.NodeShape in kinds and paths)
            wrong = wrong or (R_SH.PropertyShape in kinds and not paths)
            wrong = wrong or len(set(graph.objects(node, R_SH.deactivated))) > 1
            for predicate in (R_SH["and"], R_SH["or"], R_SH.xone):
                wrong = wrong or any(not list(graph.items(members)) for members in graph.objects(node, predicate))
            if wrong:
                return node
        return next(iter(sorted(graph.subjects(R_RDF.type, R_SH.ConstraintComponent), key=str)), URIRef(""))

    def try_out(self, data: _Data) -> None:
        """Note the shapes that cannot work, whether or not the data has anything for them to check."""
        for shape in sorted(self.loaded.shapes if self.top else [], key=lambda shape: str(shape.node)):
            for predicate in sorted(set(self.graph.predicates(shape.node)), key=str):
                component = CONSTRAINT_PARAMETERS_MAP.get(predicate)
                if component is None:
                    continue
                node: Node = shape.node
                try:
                    constraint = component(shape)
                    if isinstance(constraint, SPARQLBasedConstraint):
                        for query in sorted(constraint.sparql_constraints, key=lambda query: str(query.node)):
                            node = query.node
                            _, text = query.pre_bind_variables(URIRef("urn:x-kg:any"))
                            data.prepare(query.apply_prefixes(text))
                    if predicate == R_SH.pattern:
                        for pattern in self.graph.objects(shape.node, predicate):
                            re.compile(str(pattern))
                except Exception as error:
                    self.faults[node] = error
                    self.idle.add(shape.node)

    def run(self, shape: Shape, focus: RNode, data: _Data) -> set[_Result] | None:
        """Return the results of one shape for one node; None if the shape does not work."""
        if shape.node in self.idle:
            return None
        executor = SHACLExecutor()
        try:
            with within(self.project.settings.shape_seconds):
                _, reports = shape.validate(executor, data, focus=focus)
        except TooLong:
            self.idle.add(shape.node)
            seconds, name = self.project.settings.shape_seconds, self.show(focus)
            self.faults[shape.node] = TimeoutError(
                say("it takes longer than %(seconds)s seconds for %(node)s", seconds=seconds, node=name)
            )
            return None
        except Exception as error:
            node = _culprit(error) or shape.node
            known = {node, *self.graph.objects(node, R_SH.sparql)}
            if not known & self.faults.keys():
                self.faults[node] = error
            else:
                self.idle.add(shape.node)
            return None
        return {self._result(node, parts) for _, node, parts in reports}

    def _result(self, node: Node, parts: Iterable[RTriple]) -> _Result:
        values: dict[Node, list[Any]] = {}
        for subject, predicate, value in parts:
            if subject == node:  # not a detail, the result of a nested shape
                values.setdefault(predicate, []).append(value[1] if isinstance(value, tuple) else value)
        single = {predicate: found[0] for predicate, found in values.items()}
        return _Result(
            single[R_SH.focusNode],
            single.get(R_SH.resultPath),
            single.get(R_SH.value),
            single[R_SH.sourceConstraintComponent],
            single[R_SH.sourceShape],
            single.get(R_SH.sourceConstraint),
            _SEVERITIES.get(single.get(R_SH.resultSeverity), Severity.VIOLATION),
            tuple(str(message) for message in values.get(R_SH.resultMessage, ())),
        )

    # What people read.

    def show(self, term: Node) -> str:
        """Return a term as people write it; a list or a node without a name as far as that is short."""
        if isinstance(term, URIRef):
            compact = self.project.compact(str(term))
            sh = str(R_SH)
            return f"sh:{term[len(sh) :]}" if compact.startswith("<") and term.startswith(sh) else compact
        if isinstance(term, RLiteral):
            return str(term)
        if (term, R_RDF.first, None) in self.graph:
            return f"( {' '.join(self.show(item) for item in RCollection(self.graph, term))} )"
        return "[…]"

    def fill(self, message: str, values: Mapping[str, Any]) -> str:
        """Return a message with the values of its {$variables}."""

        def value(match: re.Match[str]) -> str:
            found = values.get(match[1])
            return match[0] if found is None else self.show(found)

        return re.sub(r"\{[$?](\w+)\}", value, message)

    def says(self, result: _Result) -> bool:
        """Tell whether the shapes have a message of their own for a result."""
        written = self.messages.keys() & {result.shape, result.constraint}
        return bool(result.messages) and (bool(written) or result.component not in _COMPONENTS)

    def place_of(self, result: _Result) -> str:
        """Return where the shape of a result stands."""
        node = from_rdflib(result.shape)
        for document in self.documents:
            if node in document.subjects:
                return f"{document.path}:{document.place_of(node)[0]}"  # type: ignore[arg-type]
        return self.show(result.shape)

    def for_report(self, result: _Result) -> ShapeResult:
        """Return a result in the terms of a SHACL report."""

        def path(node: Node) -> str:
            if not isinstance(node, BNode):
                return str(from_rdflib(node))
            if (node, R_RDF.first, None) in self.graph:
                return f"( {' '.join(path(item) for item in RCollection(self.graph, node))} )"
            parts = sorted(f"<{verb}> {path(value)}" for verb, value in self.graph.predicate_objects(node))
            return f"[ {' ; '.join(parts)} ]"

        return ShapeResult(
            str(from_rdflib(result.focus)),
            path(result.path) if result.path is not None else "",
            str(from_rdflib(result.value)) if result.value is not None else "",
            str(from_rdflib(result.component)),
            str(from_rdflib(result.shape)) if isinstance(result.shape, URIRef) else "",
        )

    def message(self, result: _Result) -> str:
        """Return the message of a result; where the shapes give none, the constraint as it is written there."""
        is_custom = result.component not in _COMPONENTS
        if self.says(result):
            # A query's own message comes first and its shape's after it; for a custom component it is its
            # shape's that fits better.
            text = result.messages[-1 if is_custom else 0]
            return self.fill(text, {"this": result.focus, "path": result.path, "value": result.value})
        component = _COMPONENTS.get(result.component)
        parts = [
            f"{self.show(predicate)} {' , '.join(sorted(self.show(value) for value in values))}"
            for predicate in (component.constraint_parameters() if component else ())
            if (values := list(self.graph.objects(result.shape, predicate)))
        ]
        constraint, focus = " ; ".join(parts) or self.show(result.component), self.show(result.focus)
        if result.value is None or result.value == result.focus:
            return say("%(constraint)s does not hold for %(focus)s", constraint=constraint, focus=focus)
        return say(
            "%(constraint)s does not hold for %(focus)s: %(value)s",
            constraint=constraint,
            focus=focus,
            value=self.show(result.value),
        )


def _one_message_each(graph: Graph, languages: Sequence[str]) -> Mapping[Node, str]:
    """Leave each node its message in the reader's language only: results lose the language of a filled message."""
    found: dict[Node, str] = {}
    for node in set(graph.subjects(R_SH.message)):
        texts = [text for text in graph.objects(node, R_SH.message) if isinstance(text, RLiteral)]
        if texts:
            chosen = _choose(texts, languages)
            graph.set((node, R_SH.message, chosen))
            found[node] = str(chosen)
    return found


def _aim_nested(graph: Graph, marked: Iterable[Node]) -> None:
    """Give a marked property shape the targets of the node shapes it stands in, as these are not checked then."""
    for shape in list(marked):
        for parent in set(graph.subjects(R_SH.property, shape)):
            for predicate in _TARGETS:
                for target in list(graph.objects(parent, predicate)):
                    graph.add((shape, predicate, target))
            if {URIRef(OWL("Class").value), URIRef(RDFS("Class").value)} & set(graph.objects(parent, R_RDF.type)):
                graph.add((shape, R_SH.targetClass, parent))


def _culprit(error: BaseException) -> Node | None:
    """Return the innermost shape that was at work when pySHACL failed."""
    found: Node | None = None
    trace = error.__traceback__
    while trace is not None:
        worker = trace.tb_frame.f_locals.get("self")
        if isinstance(worker, ConstraintComponent):
            found = worker.shape.node
        elif isinstance(worker, Shape):
            found = worker.node
        trace = trace.tb_next
    return found


# --- places ----------------------------------------------------------------------------------------------


class _File:
    """Finds the statement of one file that a result is about."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.first: dict[tuple[Term | None, Term | None, Term | None], Statement] = {}
        for statement in document.statements:
            s, p, o = statement[:3]
            for key in ((s, p, o), (s, p, None), (s, None, None), (None, p, o), (None, None, o)):
                self.first.setdefault(key, statement)


class _Places:
    """Finds, among files, those that speak of a node; a file is looked into when it is the first time needed."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self._files: dict[int, _File] = {}

    @functools.cached_property
    def _mentions(self) -> Mapping[Term, Mapping[int, None]]:
        found: dict[Term, dict[int, None]] = {}
        for number, document in enumerate(self.documents):
            for statement in document.statements:
                found.setdefault(statement.subject, {})[number] = None
                found.setdefault(statement.object, {})[number] = None
        return found

    def of(self, node: Term) -> Iterator[_File]:
        """Give the files with a node as subject or object, in order."""
        for number in self._mentions.get(node, ()):
            if number not in self._files:
                self._files[number] = _File(self.documents[number])
            yield self._files[number]


class _Locator:
    """Finds places in the files of one run: its own files, and those it builds on."""

    def __init__(self, own: _Places, rest: _Places, shapes: _Shapes) -> None:
        self.own, self.rest, self.shapes = own, rest, shapes

    def _of(self, node: Term) -> Iterator[_File]:
        return chain(self.own.of(node), self.rest.of(node))

    def place(self, result: _Result) -> tuple[Document, int, int]:
        focus = from_rdflib(result.focus)
        value = None if result.value is None else from_rdflib(result.value)
        patterns: list[tuple[Term | None, Term | None, Term | None]] = []
        if isinstance(result.path, URIRef):
            path = NamedNode(str(result.path))
            patterns = [(focus, path, value), (focus, path, None)]
        elif result.path is not None:
            inverse = self.shapes.graph.value(result.path, R_SH.inversePath)
            if isinstance(inverse, URIRef):
                path = NamedNode(str(inverse))
                patterns = [(value, path, focus), (None, path, focus)]
        for pattern in patterns:
            for file in self._of(focus):
                if pattern in file.first:
                    return _at(file.document, file.first[pattern])
        # What is in the files that are checked is more to the point than the entry of the register that led there.
        for files, term in [(self.own, focus), (self.own, value), (self.rest, focus)]:
            if not isinstance(term, NamedNode | BlankNode):
                continue
            for file in files.of(term):
                if (term, None, None) in file.first:
                    return file.document, *file.document.place_of(term)
        for file in self._of(focus):
            if (None, None, focus) in file.first:
                return _at(file.document, file.first[None, None, focus])
        return next(chain(self.own.documents, self.rest.documents)), 1, 1

    def also(self, result: _Result, path: str) -> Iterator[str]:
        """Give the places where other files speak of the node that lacks something, or of which all is wrong."""
        focus = from_rdflib(result.focus)
        if result.value is not None and result.value != result.focus:
            return
        for file in self._of(focus):
            if file.document.path != path and (focus, None, None) in file.first and not isinstance(focus, Literal):
                line, column = file.document.place_of(focus)
                yield f"{file.document.path}:{line}:{column}"

    def finding(self, result: _Result) -> Finding:
        document, line, column = self.place(result)
        rule = result.shape if isinstance(result.shape, URIRef) else result.component
        return Finding(
            document.path,
            line,
            column,
            result.severity,
            self.shapes.show(rule),
            self.shapes.message(result),
            "" if self.shapes.says(result) else say("The shape is at %(place)s.", place=self.shapes.place_of(result)),
            excerpt_of(document.text, line),
            tuple(sorted(self.also(result, document.path))),
            self.shapes.for_report(result),
        )


def _at(document: Document, statement: Statement) -> tuple[Document, int, int]:
    return document, statement.line, statement.column


def _place_of_fault(node: Node, error: Exception, documents: Sequence[Document]) -> tuple[Document, int, int]:
    term = from_rdflib(node)
    for document in documents:
        about = [statement for statement in document.statements if statement.subject == term]
        if not about:
            continue
        query = next((found for found in about if found.predicate in (SH.select, SH.ask)), None)
        if query is None:
            return _at(document, about[0])
        line, column = query.line, query.column
        # A parser's complaint quotes the line of the query; prefixes stand before it in what was parsed.
        quoted, inside = getattr(error, "line", ""), getattr(error, "column", 0)
        if isinstance(quoted, str) and quoted.strip():
            for number, text in enumerate(document.text.split("\n")[line - 1 :], start=line):
                if quoted.strip() in text:
                    return document, number, text.index(quoted.strip()) + inside - quoted.index(quoted.strip())
        return document, line, column
    return documents[0], 1, 1


def _fault_of_query(
    node: Node, shapes: _Shapes, documents: Sequence[Document]
) -> tuple[str, Document, int, int] | None:
    """Return what is wrong with a shape's query, and where in it; nothing if it is no query, or can be asked."""
    for document in documents:
        for statement in document.statements:
            text = statement.object
            if statement.subject != from_rdflib(node) or statement.predicate not in (SH.select, SH.ask):
                continue
            if not isinstance(text, Literal):
                continue
            project = shapes.project
            data = Data(Store(), project.prefixes, project.settings.base_iri)
            try:
                # In a process of its own: what is too deep for the parser ends the process.
                ask_within(project.settings.view_seconds, data, text.value, where="")
            except QueryError as error:
                place = re.fullmatch(r":(\d+):(\d+)", error.where)
                if place is None:
                    return None
                below, column = int(place[1]) - 1, int(place[2])
                line = statement.line + below
                if below == 0:
                    column += document.text.split("\n")[line - 1].find(
                        text.value.split("\n")[0][:20], statement.column - 1
                    )
                return error.problem, document, line, column
    return None


def _faults(shapes: _Shapes, documents: Sequence[Document]) -> Iterator[Finding]:
    for node, error in shapes.faults.items():
        document, line, column = _place_of_fault(node, error, documents)
        reason = str(getattr(error, "message", "") or getattr(error, "msg", "") or error).strip().split("\n")[0]
        if fault := _fault_of_query(node, shapes, documents):
            reason, document, line, column = fault
        if isinstance(error, TimeoutError):
            reason = error.args[0]
        link = str(getattr(error, "link", ""))
        yield Finding(
            document.path,
            line,
            column,
            Severity.VIOLATION,
            "shapes",
            say("this shape does not work: %(reason)s", reason=reason or type(error).__name__),
            say("See %(link)s", link=link) if link.startswith("http") else say("Nothing was checked with it."),
            excerpt_of(document.text, line),
        )


def _without_effect(project: Project, documents: Sequence[Document]) -> Iterator[Finding]:
    """Find what pySHACL would pass over without a word: features it does not run, and shapes that are not there."""
    described = {statement.subject for document in documents for statement in document.statements}
    lists = _lists(documents)
    for document in documents:
        for statement in document.statements:
            predicate, value = statement.predicate, statement.object
            missing = [
                term.value
                for term in lists.get(value, [value])
                if predicate in _NAMES_SHAPES and isinstance(term, NamedNode) and term not in described
            ]
            if predicate in _NOT_READ:
                message = say("%(name)s is not read here", name=project.compact(predicate.value))
                advice = say(
                    "Use SHACL Core or SHACL-SPARQL (sh:sparql); the Advanced Features would silently do nothing."
                )
            elif missing:
                message = say("no file describes the shape %(name)s", name=project.compact(missing[0]))
                advice = say("Describe it in the shapes folder, or name another.")
            else:
                continue
            line, column = statement.line, statement.column
            excerpt = excerpt_of(document.text, line)
            yield Finding(document.path, line, column, Severity.VIOLATION, "shapes", message, advice, excerpt)


def _lists(documents: Iterable[Document]) -> dict[Term, list[Term]]:
    """Return the items of each list of a file, by its first cell."""
    cells: dict[tuple[Term, Term], Term] = {}
    for document in documents:
        for statement in document.statements:
            if statement.predicate in (RDF.first, RDF.rest):
                cells[statement.subject, statement.predicate] = statement.object
    found: dict[Term, list[Term]] = {}
    for start, predicate in cells:
        if predicate != RDF.first:
            continue
        items, node, seen = [], start, set()
        while (node, RDF.first) in cells and node not in seen:
            seen.add(node)
            items.append(cells[node, RDF.first])
            node = cells.get((node, RDF.rest), RDF.nil)
        found[start] = items
    return found


# --- validating ------------------------------------------------------------------------------------------


class _Run:
    """Shapes run over nodes of one graph; what the last check found out is not found out again."""

    def __init__(self, name: str, shapes: _Shapes, data: _Data, memo: Memo | None) -> None:
        self.name, self.shapes, self.data, self.memo = name, shapes, data, memo

    def entry(self, shape: Shape, focus: int) -> tuple[set[_Result], Sequence[int]]:
        """Return the results of a shape for a node, and the numbers of the lookups that they rest on."""
        number = self.data.numbered.number(from_rdflib(shape.node))
        known = self.memo.recall(self.name, number, focus) if self.memo else None
        if known:
            return {_read_result(written) for written in known.results}, known.lookups
        asked: set[Pattern] = set()
        self.data.watch.asked = asked
        results = self.shapes.run(shape, self.data.watch.show(focus), self.data)
        self.data.watch.asked = None
        lookups = [number_of_pattern(pattern) for pattern in asked]
        if self.memo and results is not None:
            self.memo.keep(self.name, number, focus, Entry(lookups, [_written_result(one) for one in results]))
        return results or set(), lookups

    def recalled(self, shape: Shape, focus: int) -> set[_Result]:
        """Return the results of a shape for a node that finds what it found when this run was last concluded."""
        number = self.data.numbered.number(from_rdflib(shape.node))
        return self.entry(shape, focus)[0] if self.memo and self.memo.has(self.name, number, focus) else set()


def _written_result(result: _Result) -> list[Any]:
    return [*map(write_term, result[:6]), result.severity.value, list(result.messages)]


def _read_result(written: Sequence[Any]) -> _Result:
    focus, path, value, component, shape, constraint = map(read_term, written[:6])
    severity, messages = Severity(written[6]), tuple(written[7])
    return _Result(focus, path, value, component, shape, constraint, severity, messages)


_BASE, _WHOLE = "", "*"
#: From more changes than these, it is not sooner found out what they touch than everything looked at.
_FEW = 500


class _Targets:
    """Which nodes the targets of shapes select, of all there are or of some."""

    def __init__(self, shapes: Sequence[Shape], data: _Data) -> None:
        self.triples = data.numbered
        self.type = data.numbered.number(RDF.type)
        #: The shapes, by what their targets name.
        self.nodes: dict[int, set[int]] = {}
        self.classes: dict[int, set[int]] = {}
        self.subjects_of: dict[int, set[int]] = {}
        self.objects_of: dict[int, set[int]] = {}
        for at, shape in enumerate(shapes):
            nodes, classes, implicit, objects_of, subjects_of = shape.target()  # type: ignore[no-untyped-call]
            for named, found in (
                (nodes, self.nodes),
                (chain(classes, implicit), self.classes),
                (subjects_of, self.subjects_of),
                (objects_of, self.objects_of),
            ):
                for node in named:
                    found.setdefault(data.numbered.number(from_rdflib(node)), set()).add(at)

    def all(self) -> Mapping[int, set[int]]:
        """Return the nodes that the targets of each shape select."""
        triples = self.triples
        found: dict[int, set[int]] = {}
        for node, shapes in self.nodes.items():
            for at in shapes:
                found.setdefault(at, set()).add(node)
        for upper, shapes in self.classes.items():
            instances = {node for name in triples.below(upper) for node in triples.subjects(self.type, name)}
            for at in shapes:
                found.setdefault(at, set()).update(instances)
        for verb, shapes in self.subjects_of.items():
            subjects = {node for nodes in triples.into.get(verb, {}).values() for node in nodes}
            for at in shapes:
                found.setdefault(at, set()).update(subjects)
        for verb, shapes in self.objects_of.items():
            for at in shapes:
                found.setdefault(at, set()).update(triples.into.get(verb, {}))
        return found

    def of(self, node: int) -> set[int]:
        """Return the shapes whose targets select a node."""
        triples = self.triples
        found = set(self.nodes.get(node, ()))
        for name in triples.objects(node, self.type):
            for upper in triples.above(name):
                found |= self.classes.get(upper, set())
        for verb in self.subjects_of.keys() & triples.out.get(node, {}).keys():
            found |= self.subjects_of[verb]
        for verb, shapes in self.objects_of.items():
            if node in triples.into.get(verb, ()):
                found |= shapes
        return found


class _Validation:
    """Shapes over triples: over all of them once, then with some more, as far as these can change anything.

    A node's results can only change if a triple was added that a lookup for this node would have found. The lookups
    of shapes that Conforming knows are known beforehand; those of others are noted when they are made. So a node is
    only visited again if it must be, and pySHACL sees only nodes that may not conform.
    """

    def __init__(
        self,
        name: str,
        shapes: _Shapes,
        data: _Data,
        memo: Memo | None = None,
        changes: Collection[Numbers] | None = None,
    ) -> None:
        self.shapes, self.data, self.memo = shapes, data, memo
        self.triples = data.numbered
        self.targets = _Targets(shapes.top, data)
        within_limit = functools.partial(within, shapes.project.settings.shape_seconds)
        conforming = Conforming(self.triples, shapes.graph, data.prepare, within_limit)
        self.tests = [conforming.test(shape) for shape in shapes.top]
        self.lookups: dict[int, set[tuple[int, int]]] = {}
        self.results: set[_Result] = set()
        run = _Run(name, shapes, data, memo)
        again = self._again(changes)
        for at, nodes in sorted(self.targets.all().items()):
            shape, test = shapes.top[at], self.tests[at]
            # For a few nodes, a query is not asked of all.
            few = again is not None and test is not None and not test.is_open and bool(test.queries)
            suspects = self.triples.terms if few else self._suspects(test)
            # In order, so that the first node for which a shape takes too long is always the same one.
            for focus in sorted(nodes):
                if self._stays(at, focus, again):
                    self.results |= run.recalled(shape, focus)
                    continue
                if test and focus not in suspects and _conforms(test, focus):
                    closed = [gate(focus) for gate in test.gates] if test.is_open else []
                    if None not in closed:
                        self._note(at, focus, (number_of_pattern(one) for gate in closed for one in gate or ()))
                        continue
                results, lookups = run.entry(shape, focus)
                self.results |= results
                if test is None or test.is_open:
                    self._note(at, focus, lookups)

    def _again(self, changes: Collection[Numbers] | None) -> Mapping[int, set[int]] | None:
        """Return the nodes, with their shapes, that may find something else since these triples came or went.

        None if that is not known, or not worth finding out.
        """
        # The first triple that went from a way is reached by what is still there; so it may be looked for now.
        return None if changes is None or len(changes) > _FEW else self._touched(changes)

    def _stays(self, at: int, focus: int, again: Mapping[int, set[int]] | None) -> bool:
        """Tell whether a shape finds of a node what it found before, so far as these are all that may not."""
        test = self.tests[at]
        return again is not None and test is not None and not test.is_open and at not in again.get(focus, ())

    def _note(self, at: int, focus: int, lookups: Iterable[int]) -> None:
        for number in lookups:
            self.lookups.setdefault(number, set()).add((at, focus))

    def _suspects(self, test: Test | None) -> Collection[int]:
        """Return the nodes for which a test's queries have rows; all there are if these take too long."""
        found: set[int] = set()
        for query in test.queries if test and not test.is_open else ():
            try:
                with within(self.shapes.project.settings.shape_seconds):
                    rows = {row.get(Variable("this")) for row in self.data.query(query).bindings}
            except (Exception, TooLong):
                return self.triples.terms
            found |= {self.triples.number(from_rdflib(node)) for node in rows if node is not None}
        return found

    @functools.cached_property
    def _looked_for(self) -> Mapping[int, Mapping[tuple[bool, tuple[Step, ...]], set[int]]]:
        """By the predicate that is looked for: from which end, by which way back to the focus, for which shapes."""
        found: dict[int, dict[tuple[bool, tuple[Step, ...]], set[int]]] = {}
        for at, test in enumerate(self.tests):
            for look in test.looks if test else ():
                predicate, inverse = look.step
                back = tuple((verb, not turned) for verb, turned in reversed(look.way))
                found.setdefault(predicate, {}).setdefault((inverse, back), set()).add(at)
        return found

    def _touched(self, new: Collection[Numbers]) -> Mapping[int, set[int]]:
        """Return nodes that new triples can concern, each with the shapes that have to look at it."""
        targets = self.targets
        concerned: defaultdict[int, set[int]] = defaultdict(set)
        if any(predicate == self.triples.subclass for _, predicate, _ in new):
            for at, nodes in targets.all().items():
                for focus in nodes:
                    concerned[focus].add(at)
            return concerned
        undecided = any(test is None or test.is_open for test in self.tests)
        for triple in new:
            subject, predicate, value = triple
            for (inverse, back), shapes in self._looked_for.get(predicate, {}).items():
                start = value if inverse else subject
                for focus in walked(self.triples, (start,), back) if back else (start,):
                    concerned[focus] |= shapes
            if predicate == targets.type:
                for upper in self.triples.above(value):
                    concerned[subject] |= targets.classes.get(upper, set())
            if predicate in targets.subjects_of:
                concerned[subject] |= targets.subjects_of[predicate]
            if predicate in targets.objects_of:
                concerned[value] |= targets.objects_of[predicate]
            for number in patterns_of(triple) if undecided else ():
                for at, focus in self.lookups.get(number, ()):
                    concerned[focus].add(at)
        return concerned

    def with_source(self, name: str, triples: Sequence[Numbers]) -> set[_Result]:
        """Return the results that come with a source's triples."""
        changes = self.memo.begin(name, triples, upon=[_BASE]) if self.memo else None
        run = _Run(name, self.shapes, self.data, self.memo)
        new = [triple for triple in triples if self.triples.add(triple)]
        again = self._again(changes)
        results: set[_Result] = set()
        for focus, shapes in sorted(self._touched(new).items()):
            for at in sorted(shapes & self.targets.of(focus)):
                shape, test = self.shapes.top[at], self.tests[at]
                if self._stays(at, focus, again):
                    results |= run.recalled(shape, focus)
                elif test is None or not _conforms(test, focus) or None in [gate(focus) for gate in test.gates]:
                    results |= run.entry(shape, focus)[0]
        for triple in new:
            self.triples.remove(triple)
        return results - self.results


def _conforms(test: Test, focus: int) -> bool:
    try:
        return test.conforms(focus)
    except Unsure:
        return False


def _digest(documents: Iterable[Document], upon: str = "") -> str:
    """Return a digest of all that files state, and of what it is looked at with."""
    digest = hashlib.blake2b(upon.encode(), digest_size=16)
    for document in documents:
        digest.update(f"{len(document.text)}\n{document.text}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


class _Known:
    """What a memo knows of whole runs: those over the same files as in the last check have found the same."""

    def __init__(self, memo: Memo | None, shapes: _Shapes) -> None:
        self.memo, self.shapes = memo, shapes

    def found(self, run: str, digest: str) -> set[_Result] | None:
        known = self.memo.found(run, digest) if self.memo else None
        return None if known is None else {_read_result(written) for written in known}

    def conclude(self, run: str, digest: str, results: Iterable[_Result]) -> None:
        # A shape that did not work has to be told again.
        if self.memo and not self.shapes.faults:
            self.memo.conclude(run, digest, [_written_result(one) for one in results])


def _by_source(
    shapes: _Shapes, reading: Reading, data: _Data, source: NamedNode, memo: Memo | None
) -> Iterator[Finding]:
    base = [*reading.documents.get(Role.ONTOLOGY, ()), *reading.documents.get(Role.REGISTER, ())]
    sources, memory = reading.sources(source), _Known(memo, shapes)
    of_base = _digest(base)
    digests = {name: _digest(documents, of_base) for name, documents in sources.items()}
    found = {name: memory.found(name, digest) for name, digest in digests.items()}
    general = memory.found(_BASE, of_base) if None not in found.values() else None
    if general is None:
        triples = data.fill(base)
        changes = memo.begin(_BASE, triples) if memo else None
        validation = _Validation(_BASE, shapes, data, memo, changes)
        general = validation.results
        memory.conclude(_BASE, of_base, general)
        for name, documents in sources.items():
            if found[name] is None:
                stated = [data.number_of(statement) for document in documents for statement in document.statements]
                found[name] = results = validation.with_source(name, stated)
                memory.conclude(name, digests[name], results)
    known = _Places(base)
    locator = _Locator(_Places([]), known, shapes)
    yield from (locator.finding(result) for result in general)
    for name, documents in sources.items():
        if results := found[name] or set():
            locator = _Locator(_Places(documents), known, shapes)
            yield from (locator.finding(result) for result in results)


def _over_everything(shapes: _Shapes, reading: Reading, data: _Data, memo: Memo | None) -> Iterator[Finding]:
    stated = [*reading.documents.get(Role.REGISTER, ()), *reading.documents.get(Role.SOURCE, ())]
    ontology = reading.documents.get(Role.ONTOLOGY, ())
    memory, digest = _Known(memo, shapes), _digest([*ontology, *stated])
    results = memory.found(_WHOLE, digest)
    if results is None:
        triples = data.fill([*ontology, *stated])
        changes = memo.begin(_WHOLE, triples) if memo else None
        results = _Validation(_WHOLE, shapes, data, memo, changes).results
        memory.conclude(_WHOLE, digest, results)
    locator = _Locator(_Places(stated), _Places(ontology), shapes)
    yield from (locator.finding(result) for result in results)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries from talking past us: rdflib of odd literals, pySHACL of shapes that refer to themselves."""
    logger = logging.getLogger("rdflib.term")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(category=ValidationWarning, action="ignore"):
            yield
    finally:
        logger.setLevel(level)


def _once_per_shape() -> contextlib.AbstractContextManager[object]:
    """Let pySHACL read each constraint of a shape once instead of for each focus node, and look parameters up."""
    once = {component: functools.cache(component) for component in CONSTRAINT_PARAMETERS_MAP.values()}
    parameters = {name: once[component] for name, component in CONSTRAINT_PARAMETERS_MAP.items()}
    return patch.object(pyshacl.shape, "CONSTRAINT_PARAMS", (parameters.keys(), parameters), create=True)


def _filled_by(shapes: _Shapes) -> contextlib.AbstractContextManager[object]:
    r"""Replace how pySHACL fills a query's message: it gives texts from data to re.sub, which fails for a "\d"."""

    def fill(_: ConstraintComponent, message: str, bound: Any) -> str:
        values: dict[str, Any] = {}
        if isinstance(bound, tuple | list):
            values = dict(zip(("this", "path", "value"), bound, strict=False))
            values |= bound[3] if len(bound) == 4 else {}
        elif isinstance(bound, dict):
            values = bound
        return shapes.fill(message, values)

    return patch.object(ConstraintComponent, "_format_sparql_based_result_message", fill)


def validate(project: Project, reading: Reading, *, language: str, memo: Memo | None = None) -> list[Finding]:
    """Return what the shapes find, each at the statement it is about.

    The shapes are used twice. Source by source, over ontology, register and that source's files, all shapes
    but those marked `kg:wholeGraph true`; ontology and register count as one source, and what is found there is
    not found again with every source. Then the marked shapes over everything that is asserted. A marked
    property shape has the targets of the node shapes that name it by sh:property.

    Messages are in the language, or else the project's first language. Queries in shapes may use the project's
    prefixes without declaring them. A shape that does not work is a finding in its own file. What a memo of the
    last check knows is not validated again; it is left ready to be saved.
    """
    documents = reading.documents.get(Role.SHAPES, ())
    if not documents:
        return []
    languages = [language, project.settings.default_language]
    found: list[Finding] = list(_without_effect(project, documents))
    with _quiet(), _once_per_shape():
        single = _Shapes(project, documents, languages, whole=False)
        whole = _Shapes(project, documents, languages, whole=True)
        with _filled_by(single):
            data = _Data(project.prefixes)
            single.try_out(data)
            whole.faults, whole.idle = dict(single.faults), set(single.idle)
            found += _by_source(single, reading, data, project.expand(project.settings.source), memo)
            if whole.top:
                found += _over_everything(whole, reading, _Data(project.prefixes), memo)
    single.faults |= whole.faults
    found += _faults(single, documents)
    return in_order(found)
