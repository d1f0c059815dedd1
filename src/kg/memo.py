"""What a check remembers for the next one: the findings of files as they were, and what each shape looked at.

A result of a shape for a node can only change if a statement came or went that one of the lookups made for it would
have found. Lookups are kept as numbers: two that are equal have the same number, and two that are not may happen to,
which costs a validation and no finding.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import tempfile
import time
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from rdflib import BNode, URIRef
from rdflib import Literal as RLiteral

from kg.findings import Finding, Severity, ShapeResult
from kg.triples import Numbers, Pattern

__all__ = ["Entry", "Memo", "Shelf", "make_folder", "number_of_pattern", "patterns_of", "read_term", "write_term"]

_MASK = (1 << 63) - 1
_WEIGHTS = (0x1F3D5B79A1C3E5F7, 0x2B4D6F8193A5C7E9, 0x3D5F7193B5D7F91B)


def number_of_pattern(pattern: Pattern) -> int:
    """Return the number of a lookup: the numbers of three terms, None for any."""
    return sum((term or 0) * weight for term, weight in zip(pattern, _WEIGHTS, strict=True)) & _MASK


def patterns_of(triple: Numbers) -> Iterator[int]:
    """Give the numbers of all lookups that would find a triple."""
    s, p, o = (number * weight for number, weight in zip(triple, _WEIGHTS, strict=True))
    return (number & _MASK for number in (0, s, p, o, s + p, s + o, p + o, s + p + o))


class Entry(NamedTuple):
    """What a shape found for a node, and the numbers of its lookups."""

    lookups: Sequence[int]
    results: Sequence[Sequence[Any]]


class Memo:
    """What shapes found and looked at in the last check, for each run: one over the base, one per source, one over all.

    `key` says what else results depend on (shapes, prefixes, language, engine); with another key nothing is known.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self._old: dict[tuple[str, int, int], Entry] = {}
        self._old_triples: dict[str, array[int]] = {}
        self._new: dict[tuple[str, int, int], Entry] = {}
        self._new_triples: dict[str, array[int]] = {}
        self._changes: dict[str, list[frozenset[Numbers]]] = {}
        self._touched: dict[str, list[frozenset[int]]] = {}
        #: What each run found in all, by a digest of all that it was about.
        self._old_found: dict[str, tuple[str, str]] = {}
        self._found: dict[str, tuple[str, str]] = {}
        self._changed = False
        try:
            self._load()
        except (OSError, sqlite3.Error, ValueError, TypeError):
            # Of a shape and a node that are not noted, it would be believed that they conform.
            for known in (self._old, self._old_triples, self._old_found):
                known.clear()

    def _load(self) -> None:
        if not self.path.is_file():
            return
        connection = sqlite3.connect(f"file:{self.path.resolve().as_posix().replace('?', '%3f')}?mode=ro", uri=True)
        with contextlib.closing(connection):
            if connection.execute("SELECT key FROM memo").fetchall() != [(self.key,)]:
                return
            for run, blob, digest, results in connection.execute("SELECT * FROM run"):
                self._old_triples[run] = array("Q", blob)
                if digest is not None:
                    self._old_found[run] = digest, results
            for run, shape, focus, blob, results in connection.execute("SELECT * FROM entry"):
                self._old[run, shape, focus] = Entry(array("Q", blob), json.loads(results))

    def begin(self, run: str, triples: Iterable[Numbers], *, upon: Sequence[str] = ()) -> Collection[Numbers] | None:
        """Note the statements of a run's own, before its entries are asked for; it also sees those of other runs.

        Return all statements that came or went since it was concluded; None if that is not known.
        """
        own = frozenset(triples)
        self._new_triples[run] = array("Q", chain.from_iterable(own))
        # Without the statements of the last check nothing is recalled, and what they touch is not asked for.
        changed: frozenset[Numbers] = frozenset()
        if (before := self._old_triples.get(run)) is not None:
            changed = own ^ frozenset(zip(before[::3], before[1::3], before[2::3], strict=True))
        self._changes[run] = [changed]
        self._touched[run] = [frozenset(number for triple in changed for number in patterns_of(triple))]
        for other in upon:
            self._changes[run] += self._changes[other]
            self._touched[run] += self._touched[other]
        if any(one not in self._old_found for one in (run, *upon)):
            return None
        return frozenset().union(*self._changes[run])

    def has(self, run: str, shape: int, focus: int) -> bool:
        """Tell whether something was noted of a shape and a node; of what simply conforms nothing is."""
        return (run, shape, focus) in self._old

    def recall(self, run: str, shape: int, focus: int) -> Entry | None:
        """Return what is known of a shape and a node and cannot have changed, else None."""
        key = run, shape, focus
        entry = self._old.get(key)
        if entry is None or not all(touched.isdisjoint(entry.lookups) for touched in self._touched[run]):
            return None
        self._new[key] = entry
        return entry

    def keep(self, run: str, shape: int, focus: int, entry: Entry) -> None:
        """Remember what a shape found for a node."""
        self._new[run, shape, focus] = entry
        self._changed = True

    def found(self, run: str, digest: str) -> Sequence[Sequence[Any]] | None:
        """Return all that a run found when the digest was the same, else None; it then needs not begin."""
        known = self._old_found.get(run)
        if known is None or known[0] != digest:
            return None
        try:
            results: Sequence[Sequence[Any]] = json.loads(known[1])
        except ValueError:
            return None
        self._found[run], self._new_triples[run] = known, self._old_triples[run]
        self._new |= {key: self._old[key] for key in self._by_run.get(run, ())}
        return results

    @cached_property
    def _by_run(self) -> Mapping[str, Sequence[tuple[str, int, int]]]:
        keys: dict[str, list[tuple[str, int, int]]] = {}
        for key in self._old:
            keys.setdefault(key[0], []).append(key)
        return keys

    def conclude(self, run: str, digest: str, results: Sequence[Sequence[Any]]) -> None:
        """Remember all that a run found."""
        self._found[run] = digest, json.dumps(results, ensure_ascii=False)
        self._changed = True

    def save(self) -> None:
        """Write all of this down for the next check; where that is not possible, it starts anew."""
        if (
            not self._changed
            and self._new.keys() == self._old.keys()
            and self._new_triples.keys() == self._old_triples.keys()
        ):
            return
        with contextlib.suppress(OSError, sqlite3.Error):
            make_folder(self.path.parent)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".writing-")
            os.close(handle)
            try:
                self._write(Path(name))
                os.replace(name, self.path)
            except BaseException:
                os.unlink(name)
                raise

    def _write(self, path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; CREATE TABLE memo (key TEXT);"
                "CREATE TABLE run (run TEXT, triples BLOB, digest TEXT, results TEXT);"
                "CREATE TABLE entry (run TEXT, shape INTEGER, focus INTEGER, lookups BLOB, results TEXT)"
            )
            connection.execute("INSERT INTO memo VALUES (?)", (self.key,))
            for run, numbers in self._new_triples.items():
                found = self._found.get(run, (None, None))
                connection.execute("INSERT INTO run VALUES (?, ?, ?, ?)", (run, numbers.tobytes(), *found))
            connection.executemany(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?)",
                (
                    (*key, array("Q", entry.lookups).tobytes(), json.dumps(entry.results, ensure_ascii=False))
                    for key, entry in self._new.items()
                ),
            )
            connection.execute("COMMIT")


def write_term(term: Any) -> list[str] | None:
    """Return a term of rdflib as JSON can hold it."""
    if term is None:
        return None
    if isinstance(term, RLiteral):
        return ["l", str(term), term.language or "", str(term.datatype or "")]
    return ["b" if isinstance(term, BNode) else "i", str(term)]


def read_term(written: Sequence[str] | None) -> Any:
    """Return the term that was written."""
    if written is None:
        return None
    match written:
        case ["l", text, language, datatype]:
            if language:
                return RLiteral(text, lang=language)
            return RLiteral(text, datatype=URIRef(datatype) if datatype else None, normalize=False)
        case ["b", name]:
            return BNode(name)
        case [_, iri]:
            return URIRef(iri)
    raise ValueError(written)


# --- whole checks ----------------------------------------------------------------------------------------


def make_folder(folder: Path) -> None:
    """Make a folder for what is remembered, which git is to ignore."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder.parent / ".gitignore"
    if not ignore.exists() or not ignore.stat().st_size:  # a full disk leaves it empty
        ignore.write_text("*\n", encoding="utf-8")


class Shelf:
    """The findings of the last few states of the files, by a digest of all that they depend on."""

    KEPT = 20
    #: A file that has been written for so many seconds is of a check that was ended.
    LEFT = 3600

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take(self, digest: str) -> list[Finding] | None:
        """Return the findings of a state that was checked before, else None."""
        try:
            told = json.loads((self.folder / f"{digest}.json").read_text(encoding="utf-8"))
            return [
                Finding(**{
                    **one,
                    "severity": Severity(one["severity"]),
                    "also": tuple(one["also"]),
                    "result": one["result"] and ShapeResult(**one["result"]),
                })
                for one in told
            ]  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, digest: str, findings: Sequence[Finding]) -> None:
        """Remember the findings of a state; the oldest ones are forgotten."""
        with contextlib.suppress(OSError):
            make_folder(self.folder)
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".writing-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
                    json.dump([asdict(finding) for finding in findings], file)
                os.replace(name, self.folder / f"{digest}.json")
            except BaseException:
                os.unlink(name)
                raise
            for path in self.folder.glob(".writing-*"):
                if time.time() - path.stat().st_mtime > self.LEFT:
                    path.unlink(missing_ok=True)
            old = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in old[self.KEPT :]:
                path.unlink(missing_ok=True)
