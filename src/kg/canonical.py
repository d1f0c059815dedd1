"""Turtle in its one canonical form: comments kept, prefixes, properties and values in order, one statement a line.

The text is taken apart into its own tokens and put together again, so that every literal, tag and number stays as
it was typed. What comes out is parsed once more and compared with what went in, triple by triple.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pyoxigraph import RdfFormat, parse

from kg.errors import TurtleError
from kg.messages import say
from kg.presentation import Presentation
from kg.turtle import Document, Lines, NoToken, Token, excerpt_of, glance, read_document, tokens
from kg.vocabulary import DCTERMS, FOAF, KG, OWL, RDF, RDFS, SH, SKOS
from kg.writers import Names

__all__ = ["Style", "canonical", "extended", "property_order"]

WIDTH = 120
_BOM = b"\xef\xbb\xbf"

Rank = tuple[float, ...]

_NAMING = (
    RDFS.label, SKOS.prefLabel, DCTERMS.title, FOAF.name, SH.name, SKOS.altLabel, DCTERMS.description, SKOS.definition,
    RDFS.comment, SKOS.example,
)  # fmt: skip
# Where no shape says how to show a property, vocabularies have an order that people are used to.
_USUAL = (
    OWL.intersectionOf, OWL.unionOf, OWL.members, OWL.onProperty, OWL.hasValue, OWL.someValuesFrom, OWL.allValuesFrom,
    KG.wholeGraph, SH.alternativePath, SH.inversePath, SH.declare, SH.message, SH.prefix, SH.namespace, SH.prefixes,
    SH.select, SH.severity, SH.path, SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf,
    SH.hasValue, SH.languageIn, SH.minCount, SH.maxCount, SH("class"), SH.datatype, SH.disjoint, SH("in"), SH.node,
    SH.nodeKind, SH("not"), SH.pattern, SH.qualifiedValueShape, SH.qualifiedMinCount, SH.qualifiedMaxCount, SH("or"),
    SH.sparql, SH.property, SH.uniqueLang, SH.group, SH.order, DCTERMS.source, DCTERMS.creator, DCTERMS.license,
    DCTERMS.modified, OWL.imports, OWL.versionIRI, OWL.versionInfo, OWL.priorVersion, KG.earliest, KG.latest,
    OWL.inverseOf, RDFS.subPropertyOf, OWL.propertyChainAxiom, RDFS.domain, SKOS.hasTopConcept, SKOS.member,
    SKOS.notation, SKOS.scopeNote, RDFS.range, RDFS.subClassOf, SKOS.broader, SKOS.editorialNote, RDFS.isDefinedBy,
    OWL.disjointWith, SKOS.topConceptOf, SKOS.inScheme,
)  # fmt: skip
_FIRST: Rank = (0,)
_RANKS: Mapping[str, Rank] = (
    {term.value: (3, place) for place, term in enumerate(_USUAL)}
    | {term.value: (1, place) for place, term in enumerate(_NAMING)}
    | {RDF.type.value: _FIRST}
)
_LAST: Rank = (4,)


@dataclass(frozen=True)
class Style:
    """What the canonical form of a project's files depends on beside their own text."""

    prefixes: Mapping[str, str] = field(default_factory=dict)
    #: Where a property stands, by IRI; others stand as vocabularies usually have them, then by name.
    order: Mapping[str, Rank] = field(default_factory=dict)
    #: False where people choose the order of values, as in an ontology and in shapes.
    sorts_values: bool = True

    def rank(self, iri: str) -> Rank:
        """Return where a property stands among others."""
        return self.order.get(iri) or _RANKS.get(iri, _LAST)


def property_order(shown: Presentation) -> Mapping[str, Rank]:
    """Return the order of properties in a file: that of the groups and properties on a page, whatever the class."""
    found: dict[str, Rank] = {}
    for properties in shown["classes"].values():
        for iri, told in properties.items():
            group = shown["groups"][told["group"]]["order"] if told["group"] in shown["groups"] else None
            rank = (2, *(float("inf") if order is None else order for order in (group, told["order"])))
            found[iri] = min(rank, found.get(iri, rank))
    return found | {RDF.type.value: _FIRST}


def canonical(data: bytes, path: str, style: Style) -> str:
    """Return a Turtle file in canonical form: the same graph, every comment, and no change when done again.

    Raises TurtleError for a file that cannot be read, and wherever there is a doubt that nothing is lost. A byte
    order mark and the line ends of other systems are mended on the way, but not inside of literals; so are prefixes of
    the project that the file uses without declaring them.
    """
    data = data.removeprefix(_BOM)
    before = _read(data, path, style.prefixes)

    def error(offset: int, problem: str, advice: str) -> TurtleError:
        line, column = Lines(before.text).at(offset)
        excerpt = excerpt_of(before.text, line)
        return TurtleError(problem, path=path, line=line, column=column, excerpt=excerpt, advice=advice)

    try:
        parsed = _Parser(before.text, style)
        text = _Writer(parsed).document()
    except _Doubt as doubt:
        raise error(doubt.offset, doubt.problem, say("Mend it by hand; the file is left as it is.")) from None
    except (IndexError, NoToken, RecursionError):
        raise error(0, say("this cannot be put into canonical form"), say("The file is left as it is.")) from None
    try:
        after = read_document(text.encode(), path, need_graph=False)
    except TurtleError as fault:
        raise error(
            0,
            say("its canonical form would not be read: %(problem)s", problem=fault.problem),
            say("The file is left as it is."),
        ) from None
    lost = {statement[:3] for statement in before.statements} ^ {statement[:3] for statement in after.statements}
    if lost:
        place = next((s for s in before.statements if s[:3] in lost), before.statements[0])
        offset = Lines(before.text).offset(place.line, place.column)
        raise error(offset, say("its canonical form would change what this says"), say("The file is left as it is."))
    if sorted(_comments(before.text)) != sorted(_comments(text)):
        raise error(0, say("its canonical form would lose a comment"), say("The file is left as it is."))
    return text


def extended(data: bytes, path: str, style: Style, *, added: Iterable[Three], removed: Collection[Three] = ()) -> str:
    """Return a Turtle file in canonical form with further statements, and without some; all else in it stays.

    What is added to a subject joins what the file says of it. A new subject stands where the order of the others
    would have it; where they are in no order, at the end. A comment of what is removed goes to its neighbour. Raises
    TurtleError for a file that cannot be read, and wherever there is a doubt that anything else is lost.
    """
    before = read_document(data, path)
    added, names = list(added), Names({})
    about: dict[Any, dict[Any, list[Any]]] = {}
    for subject, predicate, value in added:
        about.setdefault(subject, {}).setdefault(predicate, []).append(value)
    blocks = [f"@base <{before.graph.value}> ."]
    for subject, said in about.items():
        verbs = [f"{names.turtle(verb)} {' , '.join(map(names.turtle, values))}" for verb, values in said.items()]
        blocks.append(f"{'<>' if subject == before.graph else names.turtle(subject)} {' ; '.join(verbs)} .")
    comments = Counter(_comments(before.text))
    try:
        parsed = _Parser(before.text, style)
        _join(parsed, _Parser("\n".join(blocks), replace(style, prefixes=parsed.names.prefixes)))
        if removed:
            _take_away(parsed, before.graph.value, removed)
        text = _Writer(parsed).document()
        if comments:  # they may have moved
            text = canonical(text.encode(), path, style)
        after = {statement[:3] for statement in glance(text.encode(), path).statements}
    except (_Doubt, IndexError, NoToken, RecursionError, TurtleError):
        text, after = "", set()
    wanted = ({statement[:3] for statement in before.statements} - set(removed)) | set(added)
    if after != wanted or (comments and comments - Counter(_comments(text))):
        problem, advice = say("this file cannot be extended without a doubt"), say("It is left as it is.")
        raise TurtleError(problem, path=path, line=1, column=1, advice=advice)
    return text


#: Subject, predicate and object.
Three = tuple[Any, Any, Any]


def _join(parsed: _Parser, fresh: _Parser) -> None:
    """Put the blocks of one text into another, each with what is said about its subject already."""
    known: dict[str, _Block] = {}
    for block in parsed.blocks:
        known.setdefault(block.subject.text, block)
    subjects = [block.subject.text for block in parsed.blocks]
    in_order = subjects == sorted(subjects)
    new: dict[str, _Block] = {}
    for block in fresh.blocks:
        text = block.subject.text
        old = known.get(text) or new.setdefault(text, block)
        if old is block:
            continue
        for verb in block.verbs:
            same = next((one for one in old.verbs if one.text == verb.text), None)
            if same is None:
                old.verbs.append(verb)
            else:
                same.values += verb.values
    for block in [*known.values(), *new.values()]:
        block.verbs = parsed._arranged(block.verbs)
    if in_order:
        for text in sorted(new):
            at = bisect_left(parsed.blocks, text, key=lambda block: block.subject.text)
            parsed.blocks.insert(at, new[text])
    else:
        parsed.blocks += [new[text] for text in sorted(new)]
    parsed.names.used |= fresh.names.used


def _take_away(parsed: _Parser, base: str, removed: Collection[Three]) -> None:
    """Take the values of statements out of their blocks; their comments go to what stands nearest."""
    gone = {tuple(three) for three in removed}
    verbs_of = {three[1].value for three in gone}
    prefixes = [f"@prefix {name}: <{iri}> ." for name, iri in {**parsed.names.prefixes, **parsed.namespaces}.items()]
    head = "\n".join([f"@base <{base}> .", *prefixes])

    def said(block: _Block, verb: _Verb, value: _Value) -> Three | None:
        if value.bracket or block.subject.bracket:
            return None
        line = f"{head}\n{block.subject.text} {verb.text} {value.text} ."
        quad = next(iter(parse(line.encode(), format=RdfFormat.TURTLE)))
        return quad.subject, quad.predicate, quad.object

    for block in parsed.blocks:
        for verb in [verb for verb in block.verbs if verb.iri in verbs_of]:
            for value in [value for value in verb.values if said(block, verb, value) in gone]:
                verb.values = [other for other in verb.values if other is not value]
                comments = [*value.above, *value.behind]
                if verb.values:
                    verb.values[0].above = [*comments, *verb.values[0].above]
                else:
                    block.verbs.remove(verb)
                    block.end += [*verb.above, *comments]
    parsed.blocks = [block for block in parsed.blocks if block.verbs or block.subject.bracket]


def _comments(text: str) -> Iterator[str]:
    return (token.text.rstrip() for token in tokens(text) if token.kind == "comment")


_UNDECLARED = re.compile(r"The prefix (.*): has not been declared")
_BASE = re.compile(r"^@?base\b.*$", re.MULTILINE | re.IGNORECASE)


def _read(data: bytes, path: str, prefixes: Mapping[str, str]) -> Document:
    """Return a file as it is read; prefixes of a table that it uses and does not declare stand behind its base."""
    missing: list[str] = []
    while True:
        lines = "".join(f"\n@prefix {name}: <{prefixes[name]}> ." for name in missing).encode()
        base = _BASE.search(data.decode("utf-8", "replace")) if missing else None
        at = len(data.decode("utf-8", "replace")[: base.end()].encode()) if base else 0
        try:
            return read_document(
                data[:at] + lines + b"\n" * (bool(missing) and not at) + data[at:], path, need_graph=False
            )
        except TurtleError as error:
            match = _UNDECLARED.fullmatch(error.problem)
            if match is not None and match[1] not in missing and match[1] in prefixes:
                missing.append(match[1])
                continue
            line, advice = error.line - len(missing), "" if match else error.advice
            raise TurtleError(
                error.problem, path=path, line=line, column=error.column, excerpt=error.excerpt, advice=advice
            ) from None


class _Doubt(Exception):
    """Something whose meaning could change."""

    def __init__(self, offset: int, problem: str) -> None:
        self.offset, self.problem = offset, problem
        super().__init__(problem)


# --- from text to its parts ------------------------------------------------------------------------------


class _Comment(NamedTuple):
    text: str
    #: True if a blank line follows.
    gap: bool = False


@dataclass
class _Noted:
    """A token with the comments before it, and the one behind it on its line."""

    token: Token
    above: list[_Comment]
    behind: list[_Comment] = field(default_factory=list)
    #: True if no blank line stands before it and its comments.
    tight: bool = False


@dataclass
class _Value:
    """A subject or an object: an IRI, a literal or a node as text; or a list or a node in brackets."""

    text: str = ""
    bracket: str = ""
    items: list[_Value] = field(default_factory=list)
    verbs: list[_Verb] = field(default_factory=list)
    order: tuple[object, ...] = ()
    above: list[_Comment] = field(default_factory=list)
    behind: list[_Comment] = field(default_factory=list)
    #: Comments before the closing bracket.
    end: list[_Comment] = field(default_factory=list)


@dataclass
class _Verb:
    text: str
    iri: str
    above: list[_Comment] = field(default_factory=list)
    values: list[_Value] = field(default_factory=list)


@dataclass
class _Block:
    """Everything that is said about a subject in one place."""

    subject: _Value
    above: list[_Comment]
    tight: bool
    verbs: list[_Verb] = field(default_factory=list)
    #: Comments before the full stop.
    end: list[_Comment] = field(default_factory=list)


@dataclass
class _Directive:
    line: str
    above: list[_Comment]
    behind: list[_Comment]


def _noted(text: str) -> list[_Noted]:
    """Return the tokens with their comments; what stands at the end of the file belongs to an empty token."""
    found: list[_Noted] = []
    waiting: list[_Comment] = []
    end, tight = 0, True

    def breaks(upto: int) -> int:
        return len(re.findall(r"\r\n|\n|\r", text[end:upto]))

    for token in [*tokens(text), Token("end", "", len(text))]:
        lines = breaks(token.offset)
        if waiting and lines > 1:
            waiting[-1] = waiting[-1]._replace(gap=True)
        elif not waiting:
            tight = lines < 2
        if token.kind != "comment":
            found.append(_Noted(token, waiting, tight=tight))
            waiting = []
        elif found and not waiting and not lines:
            found[-1].behind.append(_Comment(token.text.rstrip()))
        else:
            waiting.append(_Comment(token.text.rstrip()))
        end = token.offset + len(token.text)
    return found


class _Parser:
    """The parts of a Turtle text that is known to be one; a comment belongs to what it stands above or behind."""

    def __init__(self, text: str, style: Style) -> None:
        self.style = style
        self.noted = _noted(text)
        self.at = 0
        self.carried: list[_Comment] = []
        self.bases: list[_Directive] = []
        self.prefixes: dict[str, _Directive] = {}
        self.namespaces: dict[str, str] = {}
        self.blocks: list[_Block] = []
        self.names = Names({})
        self.latest = _Value()  # the one that a comment behind the full stop belongs to
        self._learn_prefixes()
        #: Comments at the head of the file.
        self.head: list[_Comment] = []
        if self.peek.kind == "directive":
            self.head, self.noted[0].above = self.noted[0].above, []
        while self.peek.kind != "end":
            if self.peek.kind == "directive":
                self._directive()
            else:
                self._block()
        self.rest = [*self.carried, *self.noted[self.at].above]
        self.rest_is_tight = self.noted[self.at].tight

    @property
    def peek(self) -> Token:
        return self.noted[self.at].token

    def _take(self, *expected: str) -> _Noted:
        """Return the next token; the comments above it are carried to the next part that can have some."""
        noted = self.noted[self.at]
        if expected and noted.token.text not in expected:
            raise _Doubt(noted.token.offset, f"this is not Turtle 1.1 as kg knows it: {noted.token.text}")
        self.carried += noted.above
        self.at += 1
        return noted

    def _open(self, *expected: str) -> _Noted:
        """Return the next token, carrying the comment behind it too."""
        noted = self._take(*expected)
        self.carried += noted.behind
        return noted

    def _carried(self) -> list[_Comment]:
        found, self.carried = self.carried, []
        return found

    def _learn_prefixes(self) -> None:
        """Read all prefixes first: a name is written anew by the project's table and by the file's own."""
        found = [noted.token for noted in self.noted if noted.token.kind != "comment"]
        bases: set[str] = set()
        for keyword, first, second in zip(found, found[1:], found[2:], strict=False):
            if keyword.kind != "directive":
                continue
            if keyword.text.lower().endswith("base"):
                bases.add(first.text)
                if len(bases) > 1:
                    raise _Doubt(keyword.offset, "the file has two bases, and relative IRIs mean one or the other")
            else:
                name, iri = first.text[:-1], second.text[1:-1]
                if self.namespaces.setdefault(name, iri) != iri:
                    raise _Doubt(keyword.offset, f"the prefix {name}: is bound to two namespaces in one file")
        table = {name: iri for name, iri in self.style.prefixes.items() if self.namespaces.get(name, iri) == iri}
        own = {name: iri for name, iri in self.namespaces.items() if _absolute(iri) and iri not in table.values()}
        self.names = Names({**table, **own})

    def _directive(self) -> None:
        keyword = self._open()
        if keyword.token.text.lower().endswith("base"):
            iri = self._take()
            self.bases.append(_Directive(f"@base {iri.token.text} .", [], []))
            directive, last = self.bases[-1], iri
        else:
            name, iri = self._open(), self._take()
            line = f"@prefix {name.token.text} {iri.token.text} ."
            directive = self.prefixes.setdefault(name.token.text[:-1], _Directive(line, [], []))
            last = iri
        behind = list(last.behind)
        if keyword.token.text.startswith("@"):
            behind += self._take(".").behind
        directive.above += self._carried()
        self._behind(directive, behind)

    def _block(self) -> None:
        tight = self.noted[self.at].tight
        above = [*self._carried(), *self.noted[self.at].above]
        self.noted[self.at].above = []
        block = _Block(self._value(), above, tight)
        block.subject.above, inside = [], block.subject.above
        self.carried = [*inside, *block.subject.behind, *self.carried]
        block.subject.behind = []
        if self.peek.text != ".":
            block.verbs = self._verbs(".")
        stop = self._take(".")
        block.end = self._carried()
        if block.verbs:
            self._behind(self.latest, stop.behind)
            block.verbs = self._arranged(block.verbs)
        else:
            block.above += block.end
            block.subject.behind, block.end = stop.behind, []
        self.blocks.append(block)

    def _verbs(self, end: str) -> list[_Verb]:
        found: dict[str, _Verb] = {}
        while self.peek.text != end:
            text, iri = self._verb(self._open().token)
            verb = found.setdefault(text, _Verb(text, iri))
            if not verb.values:
                verb.above = self._carried()
            while True:
                verb.values.append(self._value())
                if self.peek.text != ",":
                    break
                self._behind(verb.values[-1], self._take(",").behind)
            while self.peek.text == ";":
                self._behind(verb.values[-1], self._take(";").behind)
            self.latest = verb.values[-1]
        return list(found.values())

    def _arranged(self, verbs: list[_Verb]) -> list[_Verb]:
        for verb in verbs:
            verb.values = _arranged(verb.values, self.style.sorts_values)
        return sorted(verbs, key=lambda verb: (self.style.rank(verb.iri), verb.text))

    def _behind(self, part: _Value | _Directive, comments: Iterable[_Comment]) -> None:
        """Put a comment behind a value or a prefix; of several, only the last has room there."""
        part.behind += comments
        part.above += part.behind[:-1]
        part.behind = part.behind[-1:]

    def _value(self) -> _Value:
        if self.peek.text in ("[", "("):
            return self._bracket()
        noted = self._take()
        above, behind = self._carried(), list(noted.behind)
        token = noted.token
        if token.kind == "string":
            text, order = token.text, _order_of_literal(token.text, "")
            if self.peek.kind == "tag":
                tag = self._take()
                text += tag.token.text
                order = _order_of_literal(token.text, tag.token.text[1:])
                above += [*self._carried(), *behind]
                behind = list(tag.behind)
            elif self.peek.text == "^^":
                mark, datatype = self._take(), self._take()
                text += f"^^{self._name(datatype.token)[0]}"
                above += [*self._carried(), *behind, *mark.behind]
                behind = list(datatype.behind)
        elif token.kind in ("number", "word"):
            text, order = token.text, _order_of_literal(token.text, "")
        elif token.kind == "blank":
            text, order = token.text, (2, token.text)
        else:
            text, _ = self._name(token)
            order = (0, text)
        value = _Value(text, order=order, above=above)
        self._behind(value, behind)
        return value

    def _bracket(self) -> _Value:
        opening = self._take()
        value = _Value(bracket=opening.token.text, order=(3,), above=self._carried())
        self.carried += opening.behind
        if value.bracket == "[":
            value.verbs = self._arranged(self._verbs("]"))
        else:
            while self.peek.text != ")":
                value.items.append(self._value())
        closing = self._take("]", ")")
        value.end = self._carried()
        self._behind(value, closing.behind)
        return value

    def _verb(self, token: Token) -> tuple[str, str]:
        prefix, _, local = token.text.partition(":")
        typed = token.kind == "name" and self.namespaces.get(prefix, "") + local == RDF.type.value
        return ("a", RDF.type.value) if typed or token.text in ("a", str(RDF.type)) else self._name(token)

    def _name(self, token: Token) -> tuple[str, str]:
        """Return an IRI as it is written from now on, and in full where that is known."""
        if token.kind == "iri":
            iri = token.text[1:-1]
            short = self.names.short(iri) if _absolute(iri) and "\\" not in iri else None
            return short or token.text, iri
        if token.kind != "name":
            raise _Doubt(token.offset, f"this is not Turtle 1.1 as kg knows it: {token.text}")
        prefix, _, local = token.text.partition(":")
        iri = self.namespaces.get(prefix, "") + re.sub(r"\\(.)", r"\1", local)
        short = self.names.short(iri) if self.names.prefixes.get(prefix) != self.namespaces.get(prefix) else None
        if short is None:
            self.names.used.setdefault(prefix, self.namespaces.get(prefix, ""))
        return short or token.text, iri


def _order_of_literal(text: str, tag: str) -> tuple[object, ...]:
    return 1, tag.lower(), text.strip("\"'")


def _absolute(iri: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", iri) is not None


def _arranged(values: list[_Value], sort: bool) -> list[_Value]:
    """Return values in order, each once; where comments stand between them their author chose the order."""
    kept: dict[object, _Value] = {}
    for value in values:
        first = kept.setdefault(id(value) if value.bracket else value.text, value)
        if first is not value:
            first.above += [*value.above, *value.behind]
    found = list(kept.values())
    sort = sort and not any(value.above for value in found)
    return sorted(found, key=lambda value: value.order) if sort else found


# --- from the parts to text ------------------------------------------------------------------------------


class _Writer:
    def __init__(self, parsed: _Parser) -> None:
        self.parsed = parsed

    def document(self) -> str:
        parsed = self.parsed
        parts: list[list[str]] = []
        head = [comment.text for comment in self._paragraphs(parsed.head)]
        directives = [*parsed.bases[:1], *self._prefixes()]
        opening = [
            line
            for directive in directives
            for line in (*(comment.text for comment in directive.above), _with(directive.line, directive.behind))
        ]
        # A comment right above the first line belongs to it.
        if head and opening and not (parsed.head and parsed.head[-1].gap):
            parts.append(head + opening)
        else:
            parts += [part for part in (head, opening) if part]
        orphans = [comment.text for comment in self._orphans()]
        if orphans:
            parts.append(orphans)
        was_line = False
        for block in parsed.blocks:
            lines = self._block(block)
            above = [comment.text for comment in self._paragraphs(block.above, between=True)]
            is_line = len(lines) == 1 and not above
            belongs_before = block.tight and any(comment.gap for comment in block.above)
            if parts and block is not parsed.blocks[0] and (belongs_before or (block.tight and is_line and was_line)):
                parts[-1] += [*above, *lines]
            else:
                parts.append([*above, *lines])
            was_line = len(lines) == 1
        if parsed.rest:
            rest = [comment.text for comment in self._paragraphs(parsed.rest)]
            if parsed.rest_is_tight and parsed.blocks:
                parts[-1] += rest
            else:
                parts.append(rest)
        return "\n\n".join("\n".join(part) for part in parts) + "\n" if parts else ""

    def _prefixes(self) -> list[_Directive]:
        """Return the prefixes that are used; all of them where nothing is stated, as in a prefix table."""
        parsed = self.parsed
        if not parsed.blocks:
            kept = dict(parsed.prefixes)
        else:
            kept = {
                name: parsed.prefixes.get(name) or _Directive(f"@prefix {name}: <{iri}> .", [], [])
                for name, iri in parsed.names.used.items()
            }
        # As lines sort: a-b: before a:.
        return [kept[name] for name in sorted(kept, key=lambda name: f"{name}:")]

    def _orphans(self) -> Iterator[_Comment]:
        """Give the comments of prefixes that go, and of a base that is there twice."""
        kept = {id(directive) for directive in [*self.parsed.bases[:1], *self._prefixes()]}
        for directive in [*self.parsed.bases, *self.parsed.prefixes.values()]:
            if id(directive) not in kept:
                yield from (*directive.above, *directive.behind)

    def _paragraphs(self, comments: Sequence[_Comment], *, between: bool = False) -> Iterator[_Comment]:
        """Give comments with an empty line where there was one; at the end only if something follows."""
        for number, comment in enumerate(comments):
            yield comment
            if comment.gap and (between or number < len(comments) - 1):
                yield _Comment("")

    def _block(self, block: _Block) -> list[str]:
        subject = self._lines(block.subject, 0, "", "" if block.verbs else " .")
        if not block.verbs:
            return [*subject[:-1], _with(f"{subject[-1]} .", block.subject.behind)]
        line = self._single_line(block)
        if line:
            return [line]
        lines = [*subject, *self._verbs(block.verbs, 2, last=";" if block.end else ".")]
        return [*lines, *(f"  {comment.text}" for comment in block.end), "  ."] if block.end else lines

    def _single_line(self, block: _Block) -> str:
        """Return a block that states one thing as one line, "" if it cannot be."""
        verb, value = block.verbs[0], block.verbs[0].values[0]
        if len(block.verbs) > 1 or len(verb.values) > 1 or block.end or verb.above or value.above:
            return ""
        subject, written = self._flat(block.subject), self._flat(value)
        if subject is None or written is None:
            return ""
        line = f"{subject} {verb.text} {written} ."
        return _with(line, value.behind) if len(line) <= WIDTH else ""

    def _verbs(self, verbs: Sequence[_Verb], indent: int, *, last: str) -> list[str]:
        """Return the lines of properties and values; `last` ends the last of them."""
        pad, lines = " " * indent, []
        for verb in verbs:
            end = f" {last}" if verb is verbs[-1] and last else "" if verb is verbs[-1] else " ;"
            lines += [f"{pad}{comment.text}" for comment in verb.above]
            if len(verb.values) == 1 and not verb.values[0].above:
                value = verb.values[0]
                written = self._lines(value, indent, f"{verb.text} ", end)
                lines += [*written[:-1], _with(written[-1] + end, value.behind)]
                continue
            lines.append(pad + verb.text)
            for value in verb.values:
                separator = end if value is verb.values[-1] else " ,"
                lines += [f"{pad}  {comment.text}" for comment in value.above]
                written = self._lines(value, indent + 2, "", separator)
                lines += [*written[:-1], _with(written[-1] + separator, value.behind)]
        return lines

    def _lines(self, value: _Value, indent: int, before: str, after: str) -> list[str]:
        """Return a value on one line if it fits between what stands before and after it, else on several."""
        pad = " " * indent
        flat = self._flat(value)
        if flat is not None and (not value.bracket or len(f"{pad}{before}{flat}{after}") <= WIDTH):
            return [f"{pad}{before}{flat}"]
        lines = [f"{pad}{before}{value.bracket}"]
        if value.bracket == "[":
            lines += self._verbs(value.verbs, indent + 2, last=";" if value.end else "")
        else:
            for item in value.items:
                lines += [f"{pad}  {comment.text}" for comment in item.above]
                written = self._lines(item, indent + 2, "", "")
                lines += [*written[:-1], _with(written[-1], item.behind)]
        lines += [f"{pad}  {comment.text}" for comment in value.end]
        return [*lines, f"{pad}{']' if value.bracket == '[' else ')'}"]

    def _flat(self, value: _Value) -> str | None:
        """Return a value as it stands on one line; nothing if a comment or a line break inside forbids it."""
        if not value.bracket:
            return value.text
        if value.end:
            return None
        parts: list[str] = []
        for verb in value.verbs:
            values = [self._flat_inside(one) for one in verb.values]
            if verb.above or None in values:
                return None
            parts.append(f"{verb.text} {' , '.join(filter(None, values))}")
        for item in value.items:
            written = self._flat_inside(item)
            if written is None:
                return None
            parts.append(written)
        opening, closing = ("[", "]") if value.bracket == "[" else ("(", ")")
        inside = (" ; " if value.bracket == "[" else " ").join(parts)
        return f"{opening} {inside} {closing}" if parts else opening + closing

    def _flat_inside(self, value: _Value) -> str | None:
        written = self._flat(value)
        return None if value.above or value.behind or "\n" in (written or "\n") else written


def _with(line: str, behind: Sequence[_Comment]) -> str:
    return "  ".join([line, *(comment.text for comment in behind)])
