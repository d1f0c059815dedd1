"""What Turtle files say, kept by their bytes: a file that is as it was is not parsed again.

Nothing in here is ever trusted more than the file: whatever cannot be read or written is parsed anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from array import array
from collections.abc import Callable, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.engine import engine_version
from kg.memo import make_folder
from kg.turtle import Document, PrefixDeclaration, Statement, read_document, text_of

__all__ = ["Parsings"]

Term = NamedNode | BlankNode | Literal
#: Graph, terms, prefixes and the like as JSON, then the statements in numbers.
_Row = tuple[str, bytes]

_STATEMENT = 5  # subject, predicate and object as numbers of terms; line; column


class Parsings:
    """The parsed files of one or several states of a graph, in an SQLite file of a folder that may be deleted."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "parsings.sqlite"
        self._known: dict[bytes, _Row] = {}
        self._used: dict[bytes, _Row | None] = {}
        self._terms: dict[Any, Term] = {}
        with contextlib.suppress(OSError, sqlite3.Error):
            self._load()

    def _load(self) -> None:
        if not self.path.is_file():
            return
        with contextlib.closing(sqlite3.connect(self.path, timeout=1)) as connection:
            if connection.execute("SELECT engine FROM made").fetchall() == [(engine_version(),)]:
                self._known = {key: (told, rows) for key, told, rows in connection.execute("SELECT * FROM parsing")}

    def read(self, data: bytes, path: str) -> Document:
        """Return what `read_document` returns, and raise what it raises."""
        key = hashlib.blake2b(data, digest_size=16).digest()
        row = self._known.get(key)
        if row is not None:
            with contextlib.suppress(ValueError, LookupError, TypeError):
                document = self._document(row, data, path)
                self._used[key] = None
                return document
        document = read_document(data, path)
        self._used[key] = _row(document)
        return document

    def _document(self, row: _Row, data: bytes, path: str) -> Document:
        told = json.loads(row[0])
        terms = list(map(self._term, told["terms"]))
        numbers = array("I", row[1])
        subjects, predicates, objects = (map(terms.__getitem__, numbers[at::_STATEMENT]) for at in range(3))
        statements = map(
            Statement._make,
            zip(subjects, predicates, objects, numbers[3::_STATEMENT], numbers[4::_STATEMENT], repeat(False)),
        )
        return Document(
            path,
            NamedNode(told["graph"]),
            list(statements),
            [PrefixDeclaration(*prefix) for prefix in told["prefixes"]],
            text_of(data, path),
            tuple(told["graph_place"]),
            list(map(tuple, told["blocks"])),
            frozenset(told["used"]),
        )

    def _term(self, written: Any) -> Term:
        """Return a term; the same one again for what is written the same."""
        key = written if isinstance(written, str) else tuple(written)
        found = self._terms.get(key)
        if found is None:
            found = self._terms[key] = _READ[key[0]](*key[1:]) if isinstance(key, tuple) else NamedNode(key)
        return found

    def save(self) -> None:
        """Keep what was read since this was made, and nothing else; where that is not possible, forget it."""
        new = [(key, *row) for key, row in self._used.items() if row is not None]
        if not new and self._used.keys() == self._known.keys():
            return
        with contextlib.suppress(OSError, sqlite3.Error):
            make_folder(self.path.parent)
            try:
                self._write(new)
            except sqlite3.DatabaseError as error:
                if not isinstance(error, sqlite3.OperationalError):  # it is no database
                    self.path.unlink()

    def _write(self, new: list[tuple[bytes, str, bytes]]) -> None:
        with contextlib.closing(sqlite3.connect(self.path, timeout=1)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS made (engine TEXT)")
            connection.execute("CREATE TABLE IF NOT EXISTS parsing (key BLOB PRIMARY KEY, told TEXT, statements BLOB)")
            connection.execute("DELETE FROM made")
            connection.execute("INSERT INTO made VALUES (?)", (engine_version(),))
            if not self._known:  # there was nothing, or what was there is another engine's
                connection.execute("DELETE FROM parsing")
            gone = self._known.keys() - self._used.keys()
            connection.executemany("DELETE FROM parsing WHERE key = ?", ((key,) for key in gone))
            connection.executemany("INSERT OR REPLACE INTO parsing VALUES (?, ?, ?)", new)


_READ: Mapping[str, Callable[..., Term]] = {
    "blank": BlankNode,
    "typed": lambda value, datatype: Literal(value, datatype=NamedNode(datatype)),
    "tagged": lambda value, language: Literal(value, language=language),
}


def _written(term: Term) -> Any:
    if isinstance(term, NamedNode):
        return term.value
    if isinstance(term, BlankNode):
        return ["blank", term.value]
    if term.language:
        return ["tagged", term.value, term.language]
    return ["typed", term.value, term.datatype.value]


def _row(document: Document) -> _Row:
    terms: dict[Term, int] = {}
    numbers = array("I")
    for statement in document.statements:
        numbers.extend(terms.setdefault(term, len(terms)) for term in statement[:3])
        numbers.extend((statement.line, statement.column))
    told = {
        "graph": document.graph.value,
        "terms": list(map(_written, terms)),
        "prefixes": document.prefixes,
        "graph_place": document.graph_place,
        "blocks": document.blocks,
        "used": sorted(document.used_prefixes),
    }
    return json.dumps(told, ensure_ascii=False), numbers.tobytes()
