"""Turtle text to statements, each with the line and column it was written at.

pyoxigraph's parser is the only judge of syntax and gives every term. The scanner beside it only finds the
places: it walks the tokens in the order in which that parser gives its triples.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    Triple,
    parse,
)

from kg.dates import EDTF, bounds
from kg.errors import DateError, TurtleError
from kg.messages import say

__all__ = [
    "Document",
    "Lines",
    "NoToken",
    "PrefixDeclaration",
    "Statement",
    "Token",
    "excerpt_of",
    "glance",
    "message_of",
    "place_of_predicate",
    "places_of",
    "read_document",
    "text_of",
    "tokens",
    "with_bounds",
]

XSD_DATE = NamedNode("http://www.w3.org/2001/XMLSchema#date")


class Statement(NamedTuple):
    """One triple of one file, with the place of its object: line and column, both from 1."""

    subject: NamedNode | BlankNode
    predicate: NamedNode
    object: NamedNode | BlankNode | Literal
    line: int
    column: int
    #: True for a date bound that the engine worked out from the date written at that place.
    derived: bool = False


class PrefixDeclaration(NamedTuple):
    """One `@prefix` line of a file."""

    prefix: str
    namespace: str
    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """One Turtle file: the named graph that it states and where each statement stands."""

    path: str
    graph: NamedNode
    statements: Sequence[Statement]
    prefixes: Sequence[PrefixDeclaration]
    text: str
    #: Line and column of the `@base` that names the graph.
    graph_place: tuple[int, int] = (1, 1)

    #: Line and column of the subject of each block, in the order of the file.
    blocks: Sequence[tuple[int, int]] = ()
    #: The prefixes that stand in the names of the file, not only in its `@prefix` lines.
    used_prefixes: frozenset[str] = frozenset()

    @cached_property
    def subjects(self) -> Mapping[NamedNode | BlankNode, tuple[int, int]]:
        """Where each subject is named first; a node in brackets stands where it is an object."""
        found: dict[NamedNode | BlankNode, tuple[int, int]] = {}
        for statement in self.statements:
            if isinstance(statement.object, BlankNode):
                found.setdefault(statement.object, (statement.line, statement.column))
        for statement in self.statements:
            if statement.subject not in found:
                block = bisect_right(self.blocks, (statement.line, statement.column)) - 1
                found[statement.subject] = self.blocks[block]
        return found

    def place_of(self, subject: NamedNode | BlankNode) -> tuple[int, int]:
        """Return line and column of a subject where it is named first; the file's start if it is not there."""
        return self.subjects.get(subject, (1, 1))


class Token(NamedTuple):
    """One token of Turtle, or a comment, with where it stands in the text."""

    kind: str
    text: str
    offset: int


# A lax reading of the tokens of Turtle 1.1 (section 6.5): it is asked only about text that has parsed.
_TOKENS = re.compile(
    r"""[ \t\r\n]*+(?:(?P<comment>\#[^\r\n]*)
      | (?P<iri><[^>\s]*>)
      | (?P<string>\"{3}(?:\"{0,2}(?:[^\"\\]|\\.))*\"{3}|'{3}(?:'{0,2}(?:[^'\\]|\\.))*'{3}
          |\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')
      | (?P<directive>@prefix\b|@base\b|(?:PREFIX|BASE)(?=[\s<]))
      | (?P<tag>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)
      | (?P<blank>_:[\w·‿⁀-]+(?:\.+[\w·‿⁀-]+)*)
      | (?P<name>(?:\w(?:[\w·‿⁀.-]*[\w·‿⁀-])?)?:(?:(?:[\w:·‿⁀-]|%[0-9A-Fa-f]{2}|\\.)
          (?:\.*(?:[\w:·‿⁀-]|%[0-9A-Fa-f]{2}|\\.))*)?)
      | (?P<number>[+-]?(?:[0-9]+\.[0-9]*[eE][+-]?[0-9]+|\.[0-9]+[eE][+-]?[0-9]+|[0-9]+[eE][+-]?[0-9]+
          |[0-9]*\.[0-9]+|[0-9]+))
      | (?P<word>a\b|true\b|false\b)
      | (?P<punctuation>\^\^|[.;,()\[\]]))""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def _matches(text: str) -> Iterator[re.Match[str]]:
    """Give the tokens of a text and its comments, each the group that matched: its name is the kind."""
    end = 0
    # Unlike finditer, this looks only where the last one ended.
    for match in iter(_TOKENS.scanner(text).match, None):  # type: ignore[attr-defined]
        end = match.end()
        yield match
    rest = text[end:].lstrip(" \t\r\n")
    if rest:
        raise NoToken(len(text) - len(rest))


def tokens(text: str) -> Iterator[Token]:
    """Give the tokens of Turtle 1.1, comments among them. Raises NoToken where there is none."""
    for match in _matches(text):
        kind = match.lastgroup or ""
        yield Token(kind, match[kind], match.start(kind))


class NoToken(Exception):
    """Something stands here that Turtle 1.1 does not have (RDF 1.2 syntax, for one)."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        super().__init__(offset)


class _Scanner:
    """Gives the offset of every triple's object, in the order in which pyoxigraph's parser gives the triples.

    That parser works token by token and hands out the triples of one token last first; a string waits for the
    token after it, which may be its language or datatype. A test compares the two over random documents.
    """

    def __init__(self, text: str) -> None:
        self._tokens = _matches(text)
        #: Kind, text and offset of the token to be read next; an empty kind at the end.
        self.kind, self.text, self.offset = "", "", 0
        self.places = array("q")
        self.prefixes: list[tuple[str, int]] = []
        self.names: set[str] = set()  # names with a prefix, but for those that declare one
        self.base: tuple[str, int] | None = None  # the first one
        self.blocks: list[int] = []
        self._now: list[int] = []  # triples of the token just read
        self._soon: list[int] = []  # triples that come with the next token
        self._step()

    def _step(self) -> None:
        declares = self.kind == "directive"
        for match in self._tokens:
            kind = match.lastgroup
            if kind != "comment":
                self.kind, self.text, self.offset = kind or "", match[kind or 0], match.start(kind or 0)
                if kind == "name" and not declares:
                    self.names.add(self.text)
                return
        self.kind = self.text = ""

    def _next(self) -> None:
        if not self.kind:
            raise _TooShort
        if self._now:
            self.places.extend(reversed(self._now))
        self._now, self._soon = self._soon, []
        self._step()

    def document(self) -> array[int]:
        """Return the places; raises _TooShort where the text ends too early."""
        while self.kind:
            if self.kind == "directive":
                self._directive()
            else:
                self._triples()
        self.places.extend(reversed(self._now))
        return self.places

    def _directive(self) -> None:
        keyword, place = self.text, self.offset
        self._next()
        if keyword.lower().endswith("prefix"):
            self.prefixes.append((self.text[:-1], place))
            self._next()
        elif self.base is None:
            self.base = self.text[1:-1], place
        self._next()
        if keyword.startswith("@"):
            self._next()

    def _triples(self) -> None:
        self.blocks.append(self.offset)
        if self.text == "[":
            self._blank_node()
        elif self.text == "(":
            self._list(None)
        else:
            self._next()
        if self.text != ".":
            self._predicates()
        self._next()

    def _predicates(self) -> None:
        while self.text not in (".", "]"):
            self._next()
            self._object()
            while self.text == ",":
                self._next()
                self._object()
            while self.text == ";":
                self._next()

    def _blank_node(self) -> None:
        self._next()
        self._predicates()
        self._next()

    def _object(self) -> None:
        kind, text, place = self.kind, self.text, self.offset
        if text == "[":
            self._blank_node()
            self._now.append(place)
        elif text == "(":
            self._list(place)
        else:
            self._next()
            if kind != "string":
                self._now.append(place)
            elif self.kind == "tag":
                self._next()
                self._now.append(place)
            elif self.text == "^^":
                self._next()
                self._next()
                self._now.append(place)
            else:
                self._soon.append(place)

    def _list(self, pointing: int | None) -> None:
        """Walk a list; `pointing` is the place of the triple whose object it is, None for a subject."""
        self._next()
        if self.text == ")":
            self._next()
            if pointing is not None:
                self._now.append(pointing)  # the empty list is rdf:nil itself
            return
        if pointing is not None:
            self._soon.append(pointing)
        self._object()  # first
        while self.text != ")":
            self._soon.append(self.offset)  # rest
            self._object()  # first
        end = self.offset
        self._next()
        self._now.append(end)  # the last rest


class _TooShort(Exception):
    """The text ends within a statement, as this scanner reads it."""


class Lines:
    """Turns offsets in a text into lines and columns, both from 1."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def at(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line and column."""
        return self.starts[line - 1] + column - 1


def places_of(data: bytes) -> Iterator[tuple[int, int]]:
    """Give line and column of each triple's object, in the order of the parser; nothing where they are not known.

    What the parser gives is not at hand here: a text that has another number of triples is for the caller to notice.
    """
    try:
        text = data.decode("utf-8")
        places = _Scanner(text).document()
    except (UnicodeDecodeError, NoToken, _TooShort, RecursionError):
        return
    lines = Lines(text)
    yield from map(lines.at, places)


def excerpt_of(text: str, line: int, *, width: int = 160) -> str:
    """Return one line of a text, counted from 1, without its end and cut to a width."""
    lines = text.split("\n")
    found = lines[line - 1].rstrip("\r") if 0 < line <= len(lines) else ""
    return found if len(found) <= width else found[: width - 1] + "…"


_POSITION = re.compile(
    r"(?:Parser error )?(?:at line \d+ (?:between columns \d+ and(?: line \d+ column)? \d+|column \d+)"
    r"|between line \d+ column \d+ and line \d+ column \d+):? ?"
)


_ADDRESS = say("Write an address between < and >.")
_TABLE = say("kg format declares those of the prefix table.")


def _fault(problem: str, text: str, line: int, column: int) -> tuple[str, int, str]:
    """Return what is wrong in a writer's words, in which column, and what to do; what has no such words stays."""
    written = excerpt_of(text, line, width=len(text) + 1)
    if problem == "A dot is expected at the end of statements":
        return say("a dot, semicolon or comma is missing before this"), column, ""
    if problem.startswith("Line jumps are not allowed"):
        opened = max(written.rfind(mark, 0, column - 1) for mark in "\"'") + 1
        return say("this quotation mark is not closed in its line"), opened or column, ""
    if problem in ("Unexpected end", "Unexpected end of file"):
        mark = written[column - 1 : column]
        if mark and mark in "\"'<":
            return say("%(mark)s is opened here and never closed", mark=mark), column, ""
        return say("the file ends within a statement"), column, say("End it with a dot.")
    if match := re.fullmatch(r"The prefix (.*) has not been declared", problem):
        address = match[1] in ("http:", "https:") and written.startswith("//", column - 1 + len(match[1]))
        advice = _ADDRESS if address else _TABLE
        return say("The prefix %(name)s has not been declared", name=match[1]), column, advice
    if match := re.fullmatch(r"(.+) is not a valid (?:RDF )?(subject|predicate|object)(?: or graph name)?", problem):
        expected = {"subject": say("a subject"), "predicate": say("a property"), "object": say("a value")}[match[2]]
        return say("found %(found)s; expected %(expected)s", found=match[1], expected=expected), column, ""
    return problem or say("this is not Turtle"), column, ""


def message_of(fault: SyntaxError) -> str:
    """Return what the parser found wrong, without the place; nothing where it does not say."""
    return _POSITION.sub("", str(fault.msg)).strip()


def text_of(data: bytes, path: str) -> str:
    """Return the text of a file. Raises TurtleError for what is not UTF-8, or begins with a byte order mark."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise TurtleError(
            say("byte %(byte)s is not UTF-8", byte=f"0x{data[error.start]:02X}"),
            path=path,
            line=line,
            column=column,
            advice=say("Save the file as UTF-8."),
        ) from None
    if text.startswith("\ufeff"):
        raise TurtleError(
            say("the file starts with a byte order mark"),
            path=path,
            line=1,
            column=1,
            advice=say("Save it as UTF-8 without a byte order mark, as kg format does."),
        )
    return text


def read_document(data: bytes, path: str, *, need_graph: bool = True) -> Document:
    """Return the statements of a Turtle file, in the named graph that its first `@base` names.

    Blank nodes get labels that depend only on the graph's content and its name. Raises TurtleError
    for text that is not Turtle 1.1 in UTF-8, for a file without `@base`, and for one that the parser and the
    scanner read differently.
    """
    text = text_of(data, path)
    lines = Lines(text)

    def error(problem: str, line: int, column: int, advice: str = "") -> TurtleError:
        return TurtleError(problem, path=path, line=line, column=column, excerpt=excerpt_of(text, line), advice=advice)

    parser = parse(data, format=RdfFormat.TURTLE)
    try:
        quads = list(parser)
    except SyntaxError as fault:
        line = fault.lineno or 1
        problem, column, advice = _fault(message_of(fault), text, line, fault.offset or 1)
        raise error(problem, line, column, advice) from None
    newer = say("RDF 1.2 syntax (triple terms, annotations, directions) is not read here.")
    try:
        scanner = _Scanner(text)
        places = scanner.document()
    except NoToken as fault:
        raise error(say("this is not Turtle 1.1"), *lines.at(fault.offset), newer) from None
    except _TooShort:
        places = array("q")
    except RecursionError:
        place = lines.at(scanner.offset)
        raise error(
            say("too many brackets are open here"), *place, say("Give inner nodes names of their own.")
        ) from None
    if len(places) != len(quads):
        raise error(say("this is not Turtle 1.1"), 1, 1, newer)
    if scanner.base is None and need_graph:
        raise error(
            say("the file does not name its graph"),
            1,
            1,
            say("Begin it with @base <IRI of the graph> . and describe <> in a header."),
        )
    base, named_at = scanner.base or ("urn:x-none", 0)
    graph = NamedNode(base)
    names = _stable_names(list(dict.fromkeys(quads)), graph) if any(_blanks(quad) for quad in quads) else {}
    statements = [
        Statement(
            _renamed(quad.subject, names),
            quad.predicate,
            _renamed(quad.object, names),
            *lines.at(place),
        )
        for quad, place in zip(quads, places, strict=True)
    ]
    declared = parser.prefixes
    prefixes = [
        PrefixDeclaration(prefix, declared.get(prefix, ""), *lines.at(offset)) for prefix, offset in scanner.prefixes
    ]
    blocks = [lines.at(offset) for offset in scanner.blocks]
    used = frozenset(name.partition(":")[0] for name in scanner.names)
    return Document(path, graph, statements, prefixes, text, lines.at(named_at), blocks, used)


def glance(data: bytes, path: str) -> Document:
    """Return what `read_document` does, but every statement in line 1: for who asks only what is said, in a tenth of
    the time.
    """
    text = text_of(data, path)
    parser = parse(data, format=RdfFormat.TURTLE)
    try:
        quads = list(parser)
    except SyntaxError:
        return read_document(data, path)
    base = parser.base_iri
    if base is None or len(_BASES.findall(text)) > 1 or any(isinstance(quad.object, Triple) for quad in quads):
        return read_document(data, path)
    graph = NamedNode(base)
    names = _stable_names(list(dict.fromkeys(quads)), graph) if any(_blanks(quad) for quad in quads) else {}
    statements = [
        Statement(_renamed(quad.subject, names), quad.predicate, _renamed(quad.object, names), 1, 1) for quad in quads
    ]
    return Document(path, graph, statements, (), text, blocks=((1, 1),))


_BASES = re.compile(r"\bbase\s*<", re.IGNORECASE)


def _edtf(document: Document) -> str:
    """Return the datatype of dates as it is written in a file."""
    for declared in document.prefixes:
        if declared.namespace and EDTF.startswith(declared.namespace):
            return f"{declared.prefix}:{EDTF[len(declared.namespace) :]}"
    return f"<{EDTF}>"


def place_of_predicate(document: Document, statement: Statement) -> tuple[int, int]:
    """Return line and column of the property of a statement; those of its object where it is not found before it."""
    lines = Lines(document.text)
    end, found = lines.offset(statement.line, statement.column), None
    bound = {declared.prefix: declared.namespace for declared in document.prefixes}
    for token in tokens(document.text):
        if token.offset >= end:
            break
        prefix, _, local = token.text.partition(":")
        if (
            token.kind == "name" and bound.get(prefix, "") + re.sub(r"\\(.)", r"\1", local) == statement.predicate.value
        ) or (token.kind == "iri" and token.text[1:-1] == statement.predicate.value):
            found = token.offset
    return lines.at(found) if found is not None else (statement.line, statement.column)


def _renamed(term: Any, names: Mapping[object, BlankNode]) -> Any:
    return names[term] if isinstance(term, BlankNode) else term


def _blanks(quad: Quad) -> bool:
    return isinstance(quad.subject, BlankNode) or isinstance(quad.object, BlankNode)


def _stable_names(quads: Sequence[Quad], graph: NamedNode) -> Mapping[object, BlankNode]:
    """Map the parser's random blank nodes to names that depend on the graph's content and IRI alone.

    Colour refinement: a node's colour is the hash of its triples with its neighbours' colours, until no colour
    splits any more. Nodes that are still alike are told apart in the order of the file, one at a time.
    (RDFC-1.0 would give such names too, but the parser's library keeps the mapping to itself, and without the
    mapping a statement loses its place.)
    """
    colours: dict[BlankNode, str] = {}
    around: dict[BlankNode, list[Quad]] = {}
    for quad in quads:
        for node in (quad.subject, quad.object):
            if isinstance(node, BlankNode):
                colours.setdefault(node, "")
                around.setdefault(node, []).append(quad)

    def refine() -> None:
        while True:
            before = len(set(colours.values()))
            fresh: dict[BlankNode, str] = {}
            for node, triples in around.items():
                seen = sorted(
                    "\t".join(
                        "*" if term == node else colours[term] if isinstance(term, BlankNode) else str(term)
                        for term in (quad.subject, quad.predicate, quad.object)
                    )
                    for quad in triples
                )
                fresh[node] = hashlib.sha256("\n".join([colours[node], *seen]).encode()).hexdigest()
            colours.update(fresh)
            if len(set(colours.values())) == before:
                return

    refine()
    while True:
        groups: dict[str, list[BlankNode]] = {}
        for node, colour in colours.items():
            groups.setdefault(colour, []).append(node)
        alike = sorted(colour for colour, nodes in groups.items() if len(nodes) > 1)
        if not alike:
            break
        first = groups[alike[0]][0]
        colours[first] = hashlib.sha256(colours[first].encode()).hexdigest()
        refine()
    own = hashlib.sha256(graph.value.encode()).hexdigest()[:8]
    return {node: BlankNode(f"b{own}{colour[:16]}") for node, colour in colours.items()}


def with_bounds(
    document: Document, bound_properties: Mapping[NamedNode, tuple[NamedNode, NamedNode]]
) -> tuple[Document, list[DateError]]:
    """Return the document with the two xsd:date bounds of each imprecise date, and the dates that are wrong.

    `bound_properties` gives, for each property whose values are EDTF, the properties of the earliest and of
    the latest day. A bound has the place of the date it comes from. An open or unknown end gives no bound.
    """
    added: list[Statement] = []
    errors: list[DateError] = []
    for statement in document.statements:
        value = statement.object
        if not isinstance(value, Literal):
            continue
        properties = bound_properties.get(statement.predicate)
        is_edtf = value.datatype.value == EDTF
        if properties is None and not is_edtf:
            continue
        where = {
            "path": document.path,
            "line": statement.line,
            "column": statement.column,
            "excerpt": excerpt_of(document.text, statement.line),
        }
        if not is_edtf:
            errors.append(
                DateError(
                    say("%(value)s is not typed as an EDTF date", value=value),
                    **where,  # type: ignore[arg-type]
                    advice=say('Write "%(value)s"^^%(datatype)s.', value=value.value, datatype=_edtf(document)),
                )
            )
            continue
        try:
            found = bounds(value.value)
        except ValueError as fault:
            errors.append(
                DateError(say('"%(value)s" is not %(fault)s', value=value.value, fault=fault.args[0]), **where)  # type: ignore[arg-type]
            )
            continue
        if properties is not None:
            for bound, name in zip((found.earliest, found.latest), properties, strict=True):
                if bound is not None:
                    added.append(
                        statement._replace(predicate=name, object=Literal(bound, datatype=XSD_DATE), derived=True)
                    )
    if not added:
        return document, errors
    return replace(document, statements=[*document.statements, *added]), errors
