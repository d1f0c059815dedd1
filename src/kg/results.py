"""Answers, and their bytes in every format; a result that is longer than a limit is cut, and says so itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from pyoxigraph import BaseDirection, BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from kg.errors import QueryError
from kg.literals import Term
from kg.settings import Settings
from kg.vocabulary import KG, XSD
from kg.writers import NOT_IN_XML, n_triples, write

__all__ = [
    "ROWS_FORMS", "TRIPLES_FORMS", "Answer", "Body", "Bounds", "boolean_body", "from_json", "rows_body", "to_csv",
    "to_json", "triples_body",
]  # fmt: skip

#: The forms of rows and of triples, by the extensions of their documents; a boolean has the first two of rows.
ROWS_FORMS = ("json", "xml", "csv", "tsv")
TRIPLES_FORMS = ("ttl", "jsonld", "nt", "rdf", "trig", "nq")


@dataclass(frozen=True)
class Answer:
    """What a query gave: rows under variables, one boolean, or triples."""

    variables: tuple[str, ...] = ()
    rows: Sequence[Sequence[Term | None]] = ()
    boolean: bool | None = None
    triples: Sequence[Triple] | None = None


@dataclass(frozen=True)
class Bounds:
    """How many rows (or triples) and bytes a result may have."""

    rows: int
    bytes: int

    @classmethod
    def of(cls, settings: Settings) -> Bounds:
        """Return the bounds that the settings give."""
        return cls(settings.result_rows, settings.result_bytes)


@dataclass(frozen=True)
class Body:
    """The bytes of a result in parts, its rows (or triples), and the limit it was cut at, if any."""

    parts: Sequence[bytes]
    rows: int
    limit: str = ""


class _Cut:
    """Where a result was cut, as each format can say it."""

    def __init__(self, limit: str, number: int) -> None:
        self.limit = limit
        self.text = f"cut at {limit} = {number}: there is more"
        self.link = f"{KG.iri}{limit}"


_PARTS = ("subject", "predicate", "object")
_STRING = XSD.string.value
_quoted = json.encoder.encode_basestring  # as `json.dumps` without `ensure_ascii` writes a text, four times as fast


# --- rows ------------------------------------------------------------------------------------------------


def rows_body(
    variables: Sequence[str], rows: Iterable[Sequence[Term | None]], form: str, bounds: Bounds | None = None
) -> Body:
    """Return rows under variables in a form of `ROWS_FORMS`.

    Rows are taken one by one and no more of them than the bounds allow, so a cut result costs no more than what
    is left of it. The mark of a cut comes on top of the bytes allowed.
    """
    table = _TABLES[form](variables)
    found: list[bytes] = []
    held: list[bytes] = []
    count = size = held_size = 0
    cut = None
    for row in rows:
        if bounds is not None and count >= bounds.rows:
            cut = _Cut("limits.result_rows", bounds.rows)
            break
        written = table.row(row)
        size += len(written)
        if bounds is not None and size > bounds.bytes:
            cut = _Cut("limits.result_bytes", bounds.bytes)
            break
        count += 1
        held.append(written)
        held_size += len(written)
        if held_size > 1 << 18:
            found.append(b"".join(held))
            held.clear()
            held_size = 0
    found.append(b"".join(held))
    found[0] = found[0].removeprefix(table.between)
    return Body([table.head(cut), *found, table.end(cut)], count, cut.limit if cut else "")


class _Table:
    """One format of rows: head, rows and end as bytes. Terms that come again are not written anew."""

    #: What each row begins with but the first.
    between = b""

    def __init__(self, variables: Sequence[str]) -> None:
        self.variables = variables
        self._known: dict[Term, bytes] = {}

    def cell(self, term: Term) -> bytes:
        """Return a term as bytes, and know it from now on."""
        if len(self._known) > 20_000:
            self._known.clear()
        found = self._known[term] = self.text(term).encode()
        return found

    def text(self, term: Term) -> str:
        raise NotImplementedError

    def row(self, row: Sequence[Term | None]) -> bytes:
        raise NotImplementedError

    def head(self, cut: _Cut | None) -> bytes:
        raise NotImplementedError

    def end(self, cut: _Cut | None) -> bytes:
        raise NotImplementedError


class _Json(_Table):
    """SPARQL 1.1 Query Results JSON Format, with triple terms and base directions as RDF 1.2 has them."""

    between = b","

    def __init__(self, variables: Sequence[str]) -> None:
        super().__init__(variables)
        self.keys = [f"{_quoted(name)}:".encode() for name in variables]

    def text(self, term: Term) -> str:
        if isinstance(term, NamedNode):
            return f'{{"type":"uri","value":{_quoted(term.value)}}}'
        if isinstance(term, BlankNode):
            return f'{{"type":"bnode","value":{_quoted(term.value)}}}'
        if isinstance(term, Triple):
            parts = ",".join(f'"{name}":{self.text(part)}' for name, part in zip(_PARTS, term, strict=True))
            return f'{{"type":"triple","value":{{{parts}}}}}'
        extra = ""
        if term.language:
            extra = f',"xml:lang":{_quoted(term.language)}'
            if term.direction is not None:
                extra += f',"its:dir":"{term.direction}"'
        elif (datatype := term.datatype.value) != _STRING:
            extra = f',"datatype":{_quoted(datatype)}'
        return f'{{"type":"literal","value":{_quoted(term.value)}{extra}}}'

    def row(self, row: Sequence[Term | None]) -> bytes:
        known = self._known
        cells = [
            key + (known.get(term) or self.cell(term))
            for key, term in zip(self.keys, row, strict=True)
            if term is not None
        ]
        return b",\n{%b}" % b",".join(cells)

    def head(self, cut: _Cut | None) -> bytes:
        head: dict[str, Any] = {"vars": list(self.variables)}
        if cut:
            head["link"] = [cut.link]
        mark = f'"cut":{json.dumps(cut.text)},' if cut else ""  # in front: some readers take nothing after the rows
        return f'{{{mark}"head":{json.dumps(head, ensure_ascii=False)},"results":{{"bindings":['.encode()

    def end(self, cut: _Cut | None) -> bytes:
        return b"]}}"


_XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<sparql xmlns="http://www.w3.org/2005/sparql-results#">\n<head>'
_ITS = 'xmlns:its="http://www.w3.org/2005/11/its" its:version="2.0"'


class _Xml(_Table):
    """SPARQL Query Results XML Format; a character that XML does not have is written as U+FFFD."""

    def __init__(self, variables: Sequence[str]) -> None:
        super().__init__(variables)
        self.keys = [f'<binding name="{name}">'.encode() for name in variables]

    def text(self, term: Term) -> str:
        if isinstance(term, NamedNode):
            return f"<uri>{_xml(term.value)}</uri>"
        if isinstance(term, BlankNode):
            return f"<bnode>{_xml(term.value)}</bnode>"
        if isinstance(term, Triple):
            parts = zip(_PARTS, term, strict=True)
            return f"<triple>{''.join(f'<{name}>{self.text(part)}</{name}>' for name, part in parts)}</triple>"
        extra = ""
        if term.language:
            extra = f' xml:lang="{_xml(term.language)}"'
            if term.direction is not None:
                extra += f' {_ITS} its:dir="{term.direction}"'
        elif (datatype := term.datatype.value) != _STRING:
            extra = f' datatype="{_xml(datatype)}"'
        return f"<literal{extra}>{_xml(term.value)}</literal>"

    def row(self, row: Sequence[Term | None]) -> bytes:
        cells = [
            key + (self._known.get(term) or self.cell(term)) + b"</binding>"
            for key, term in zip(self.keys, row, strict=True)
            if term is not None
        ]
        return b"<result>" + b"".join(cells) + b"</result>\n"

    def head(self, cut: _Cut | None) -> bytes:
        names = "".join(f'<variable name="{name}"/>' for name in self.variables)
        link = f'<link href="{cut.link}"/>' if cut else ""
        return f"{_XML_HEAD}{names}{link}</head>\n<results>\n".encode()

    def end(self, cut: _Cut | None) -> bytes:
        return f"</results>\n{f'<!-- {cut.text} -->' if cut else ''}</sparql>\n".encode()


def _xml(text: str) -> str:
    # A bare carriage return would be read as a line feed (XML 1.0, section 2.11).
    return escape(NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text), {'"': "&quot;", "\r": "&#xD;"})


class _Csv(_Table):
    """SPARQL 1.1 Query Results CSV Format: values without type, quoted as RFC 4180 says, lines that end in CRLF."""

    def text(self, term: Term) -> str:
        text = _plain(term)
        return '"' + text.replace('"', '""') + '"' if re.search(r'[",\r\n]', text) else text

    def line(self, cells: Sequence[bytes]) -> bytes:
        # A line of one empty cell would be no record at all.
        return (b",".join(cells) or (b'""' if cells else b"")) + b"\r\n"

    def row(self, row: Sequence[Term | None]) -> bytes:
        known = self._known
        return self.line([b"" if term is None else known.get(term) or self.cell(term) for term in row])

    def head(self, cut: _Cut | None) -> bytes:
        return ",".join(self.variables).encode() + b"\r\n"

    def end(self, cut: _Cut | None) -> bytes:
        return self.line([f"# {cut.text}".encode(), *[b""] * (len(self.variables) - 1)]) if cut else b""


def _plain(term: Term) -> str:
    if isinstance(term, Triple):
        return " ".join(_plain(part) for part in term)
    return str(term) if isinstance(term, BlankNode) else term.value


class _Tsv(_Table):
    """SPARQL 1.1 Query Results TSV Format: terms as N-Triples has them."""

    def text(self, term: Term) -> str:
        return n_triples(term)

    def row(self, row: Sequence[Term | None]) -> bytes:
        known = self._known
        return b"\t".join([b"" if term is None else known.get(term) or self.cell(term) for term in row]) + b"\n"

    def head(self, cut: _Cut | None) -> bytes:
        return "\t".join(f"?{name}" for name in self.variables).encode() + b"\n"

    def end(self, cut: _Cut | None) -> bytes:
        if cut is None:
            return b""
        return b"\t".join([str(Literal(f"# {cut.text}")).encode(), *[b""] * (len(self.variables) - 1)]) + b"\n"


_TABLES: Mapping[str, Callable[[Sequence[str]], _Table]] = {"json": _Json, "xml": _Xml, "csv": _Csv, "tsv": _Tsv}


def boolean_body(boolean: bool, form: str) -> Body:
    """Return a boolean in JSON or XML."""
    word = "true" if boolean else "false"
    if form == "json":
        return Body([f'{{"head":{{}},"boolean":{word}}}'.encode()], 1)
    return Body([f"{_XML_HEAD}</head>\n<boolean>{word}</boolean>\n</sparql>\n".encode()], 1)


# --- triples ---------------------------------------------------------------------------------------------


def triples_body(
    triples: Iterable[Triple], form: str, prefixes: Mapping[str, str], bounds: Bounds | None = None
) -> Body:
    """Return triples, each once, in an RDF format by its extension; no more of them are taken than the bounds allow.

    The formats made for reading put together what belongs to one subject, so they are written when all is there.
    """
    quads: dict[Quad, None] = {}
    size = 0
    cut = None
    for triple in triples:
        quad = Quad(triple.subject, triple.predicate, triple.object, DefaultGraph())
        if quad in quads:
            continue
        if bounds is not None:
            size += len(str(quad)) + 3  # what N-Quads needs for it, in characters
            if len(quads) >= bounds.rows:
                cut = _Cut("limits.result_rows", bounds.rows)
                break
            if size > bounds.bytes:
                cut = _Cut("limits.result_bytes", bounds.bytes)
                break
        quads[quad] = None
    taken = list(quads)
    written = write(taken, form, prefixes)
    while bounds is not None and len(written) > bounds.bytes and taken:
        # Another format than N-Quads may need more; what is too much is left out in proportion.
        cut = _Cut("limits.result_bytes", bounds.bytes)
        taken = taken[: len(taken) * bounds.bytes * 9 // (len(written) * 10)]
        written = write(taken, form, prefixes)
    return Body(_marked(written, form, cut) if cut else [written], len(taken), cut.limit if cut else "")


def _marked(written: bytes, form: str, cut: _Cut) -> list[bytes]:
    if form == "rdf":
        return [written.rstrip(b"\n"), f"\n<!-- {cut.text} -->\n".encode()]
    if form == "jsonld":  # a key that is no IRI says nothing to who reads JSON-LD
        return [f'{{\n  "cut": {json.dumps(cut.text)},'.encode(), written.removeprefix(b"{")]
    return [f"# {cut.text}\n".encode(), written]


# --- answers as texts ------------------------------------------------------------------------------------


def to_json(answer: Answer) -> str:
    """Return rows or a boolean in the SPARQL 1.1 Query Results JSON Format."""
    return _text(answer, "json")


def to_csv(answer: Answer) -> str:
    """Return rows in the SPARQL 1.1 Query Results CSV Format; a boolean, which has none, as a word."""
    if answer.boolean is not None:
        return "true\r\n" if answer.boolean else "false\r\n"
    return _text(answer, "csv")


def _text(answer: Answer, form: str) -> str:
    if answer.triples is not None:
        raise QueryError("triples are not a table", advice="Ask a SELECT or ASK query.")
    if answer.boolean is not None:
        body = boolean_body(answer.boolean, form)
    else:
        body = rows_body(answer.variables, answer.rows, form)
    return b"".join(body.parts).decode()


def from_json(text: str) -> Answer:
    """Return the answer that `to_json` wrote, or another writer of the same format."""
    found = json.loads(text)
    if "boolean" in found:
        return Answer(boolean=found["boolean"])
    variables = tuple(found["head"]["vars"])
    rows = [
        [_term_from_json(binding[name]) if name in binding else None for name in variables]
        for binding in found["results"]["bindings"]
    ]
    return Answer(variables, rows)


def _term_from_json(found: Mapping[str, Any]) -> Any:
    value = found["value"]
    match found["type"]:
        case "uri":
            return NamedNode(value)
        case "bnode":
            return BlankNode(value)
        case "triple":
            return Triple(*(_term_from_json(value[name]) for name in _PARTS))
    if "xml:lang" in found:
        direction = {"ltr": BaseDirection.LTR, "rtl": BaseDirection.RTL}.get(found.get("its:dir", ""))
        return Literal(value, language=found["xml:lang"], direction=direction)
    if "datatype" in found:
        return Literal(value, datatype=NamedNode(found["datatype"]))
    return Literal(value)
