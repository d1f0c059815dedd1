"""From RDF files of any origin to the two files of a snapshot, in one pass over each and in little memory."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from kg.errors import TurtleError
from kg.files import FileSet, Source, read
from kg.labels import local_name, sort_key
from kg.metadata import describe_counted
from kg.search import OTHER, PREFERRED, write_index
from kg.settings import Settings, is_language
from kg.snapshot import INDEXES, term_key
from kg.vocabulary import ALTERNATIVES, LABELS, RDF, RDFS, WELL_KNOWN, XSD

__all__ = ["load"]

Term = NamedNode | BlankNode | Literal | DefaultGraph

# More languages than these would only fill the top of each page; rarer ones are shown where they stand.
_MOST_LANGUAGES = 6


@dataclass
class Loaded:
    """What is known of files once they are read: their settings, the rows of `meta` but for these, or their faults."""

    settings: Settings
    meta: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[TurtleError] = ()


def load(files: FileSet, connection: sqlite3.Connection, graph: Path, progress: Callable[[str], None]) -> Loaded:
    """Fill the tables of a snapshot but for `meta`, and write its quads. With any error, the snapshot is not whole."""
    loader = _Loader(files, connection)
    for source in files.sources:
        progress(f"reading {source.name}")
        loader.read(source)
    if loader.errors:
        return Loaded(files.settings, errors=loader.errors)
    progress("writing quads")
    loader.write_quads(graph)
    progress("naming and indexing")
    return loader.derive()


class _Loader:
    def __init__(self, files: FileSet, connection: sqlite3.Connection) -> None:
        self.files, self.connection = files, connection
        self.numbers: dict[Term, int] = {}
        self.lines: list[str] = []
        self.prefixes: dict[str, str] = {}
        self.errors: list[TurtleError] = []
        self._statements = self._files = 0
        self._plain = files.default_graph == "plain"

    # --- statements ---

    def read(self, source: Source) -> None:
        """Take in one file; remember what is wrong with it."""
        reading = read(source)
        try:
            self.connection.executemany(
                "INSERT INTO statement VALUES (?, ?, ?, ?, ?, ?, ?, 0)", self._rows(source, reading.quads)
            )
        except TurtleError as error:
            self.errors.append(error)
        for prefix, namespace in reading.prefixes.items():
            self.prefixes.setdefault(prefix, namespace)

    def _number(self, term: Term) -> int:
        return self.numbers.setdefault(term, len(self.numbers) + 1)

    def _rows(self, source: Source, quads: Iterator[tuple[Quad, int, int]]) -> Iterator[tuple[int, ...]]:
        numbers, lines = self.numbers, self.lines
        own: DefaultGraph | NamedNode = DefaultGraph() if self._plain else NamedNode(source.iri)
        blanks: dict[BlankNode, BlankNode] = {}
        graphs: dict[DefaultGraph | NamedNode | BlankNode, int] = {}
        seen: set[int] = set()

        def renamed(node: BlankNode) -> BlankNode:
            # In the order in which they come: two files cannot share one, and the same file gives the same names.
            if node not in blanks:
                blanks[node] = BlankNode(f"f{self._file_number}b{len(blanks) + 1}")
            return blanks[node]

        self._file_number = next(number for number, one in enumerate(self.files.sources, start=1) if one is source)
        self._graph(source, own, graphs)
        for quad, line, column in quads:
            s, p, o, g = quad
            is_changed = False
            if type(s) is BlankNode:
                s, is_changed = renamed(s), True
            if type(o) is BlankNode:
                o, is_changed = renamed(o), True
            if type(g) is not NamedNode:
                g, is_changed = renamed(g) if type(g) is BlankNode else own, True
            if type(s) is Triple or type(o) is Triple or (type(o) is Literal and o.language and o.direction):
                raise TurtleError(
                    "a statement has a triple or a direction in it, which RDF 1.2 is to bring",
                    path=source.given, line=line or 1, column=column or 1,
                    advice="It is not read here. Write it in RDF 1.1.",
                )  # fmt: skip
            first = numbers.setdefault(s, len(numbers) + 1)
            second = numbers.setdefault(p, len(numbers) + 1)
            third = numbers.setdefault(o, len(numbers) + 1)
            file = graphs.get(g) or self._graph(source, g, graphs)
            key = ((file << 34 | first) << 34 | second) << 34 | third
            if key in seen:  # said twice in one file: the first place counts
                continue
            seen.add(key)
            lines.append(str(Quad(s, p, o, g) if is_changed else quad))
            self._statements += 1
            yield self._statements, first, second, third, file, line, column

    def _graph(self, source: Source, graph: Any, graphs: dict[Any, int]) -> int:
        """Return the number of the part of a file that states a graph."""
        self._files += 1
        graphs[graph] = self._files
        row = (self._files, source.name, "source", self._number(graph), None)
        self.connection.execute("INSERT INTO file VALUES (?, ?, ?, ?, ?)", row)
        return self._files

    def write_quads(self, path: Path) -> None:
        """Write every quad once, sorted; two files may state the same."""
        self.lines.sort()
        with path.open("w", encoding="utf-8") as file:
            last = ""
            for line in self.lines:
                if line != last:
                    file.write(f"{line} .\n")
                    last = line
        self.lines.clear()

    # --- what follows from them ---

    def derive(self) -> Loaded:
        """Write terms, names, things, classes and the search index; return what the snapshot says about itself."""
        run = self.connection.execute
        terms = ((number, *term_key(term)) for term, number in self.numbers.items())
        self.connection.executemany("INSERT INTO term VALUES (?, ?, ?, ?, ?)", terms)
        known = {name: self.numbers.get(term, 0) for name, term in _ASKED.items()}
        self.numbers.clear()
        self.connection.create_function("sort_key", 1, sort_key, deterministic=True)
        self.connection.create_function("local_name", 1, local_name, deterministic=True)
        run("INSERT INTO triple SELECT DISTINCT subject, predicate, object FROM statement ORDER BY 1, 2, 3")
        for index in filter(str.strip, INDEXES.split(";")):
            run(index)
        for rank in range(len(LABELS)):
            run("INSERT OR IGNORE INTO label SELECT s.subject, t.language, MIN(t.value) FROM statement s "
                "JOIN term t ON t.id = s.object WHERE s.predicate = ? AND t.kind = 'l' GROUP BY 1, 2",
                (known[f"label {rank}"],))  # fmt: skip
        settings = replace(self.files.settings, languages=self._languages())
        for step in _CLASSES.split(";"):
            run(step, known)
        order = " ".join(f"WHEN '{tag}' THEN {rank}" for rank, tag in enumerate(settings.languages))
        run("INSERT INTO entity SELECT t.id, '', '', sort_key(COALESCE((SELECT group_concat(text, ' / ') FROM "
            f"(SELECT text FROM label WHERE term = t.id ORDER BY CASE language {order} ELSE 99 END, language)), "
            "local_name(t.value))), (SELECT COUNT(*) FROM triple WHERE object = t.id AND predicate <> :type), "
            "NULL, NULL FROM term t "
            "WHERE t.kind = 'i' AND EXISTS (SELECT 1 FROM statement WHERE subject = t.id)", known)  # fmt: skip
        naming = ", ".join(str(number) for name, number in known.items() if name not in ("type", "sub"))
        names = run(
            "SELECT e.term, ?1, COALESCE(l.language, ''), COALESCE(l.text, local_name(n.value)) FROM entity e "
            "JOIN term n ON n.id = e.term LEFT JOIN label l ON l.term = e.term "
            "UNION ALL SELECT DISTINCT s.subject, ?2, t.language, t.value FROM statement s "
            "JOIN entity e ON e.term = s.subject JOIN term t ON t.id = s.object AND t.kind = 'l' "
            f"LEFT JOIN label l ON l.term = s.subject AND l.language = t.language AND l.text = t.value "
            f"WHERE l.term IS NULL AND s.predicate IN ({naming})", (PREFERRED, OTHER))  # fmt: skip
        texts = run(
            "SELECT e.term, COALESCE((SELECT group_concat(t.value, ' ') FROM statement s "
            "JOIN term t ON t.id = s.object WHERE s.subject = e.term AND t.kind = 'l' "
            "AND (t.language <> '' OR t.datatype = ?)), '') FROM entity e",
            (XSD.string.value,))  # fmt: skip
        write_index(self.connection, names, texts)
        return Loaded(settings, self._meta(settings, known))

    def _languages(self) -> tuple[str, ...]:
        """Return the languages of pages: those of a good part of the names, the commonest first, English if none."""
        found: Counter[str] = Counter()
        for tag, number in self.connection.execute("SELECT language, COUNT(*) FROM label GROUP BY language"):
            if is_language(tag):
                found[tag] += number
        most = max(found.values(), default=0)
        ordered = sorted(found, key=lambda tag: (-found[tag], tag != "en", tag))
        return tuple(tag for tag in ordered if found[tag] * 10 >= most)[:_MOST_LANGUAGES] or ("en",)

    def _meta(self, settings: Settings, known: Mapping[str, int]) -> Mapping[str, Any]:
        def count(sql: str) -> int:
            return int(self.connection.execute(sql, known).fetchone()[0])

        counts = (
            count("SELECT COUNT(*) FROM (SELECT DISTINCT subject, predicate, object FROM statement)"),
            count("SELECT COUNT(*) FROM entity"),
            count("SELECT COUNT(DISTINCT object) FROM statement WHERE predicate = :type"),
            count("SELECT COUNT(DISTINCT predicate) FROM statement"),
        )
        taken = set(self.prefixes.values())
        known_well = {name: iri for name, iri in WELL_KNOWN.items() if iri not in taken}
        return {
            "prefixes": {**known_well, **self.prefixes},
            "presentation": {"classes": {}, "groups": {}},
            "about": [str(quad) for quad in describe_counted(settings, counts)],
            "default_graph": self.files.default_graph,
        }


_ASKED: Mapping[str, NamedNode] = {
    "type": RDF.type,
    "sub": RDFS.subClassOf,
    **{f"alternative {rank}": name for rank, name in enumerate(ALTERNATIVES)},
    **{f"label {rank}": label for rank, label in enumerate(LABELS)},
}

# Every stated class of a thing; it is specific unless another class of the same thing is below it, which is worked out
# only where a thing has several. Tables with keys, because what a WITH clause names has none.
_CLASSES = """
CREATE TEMP TABLE stated (thing, class, PRIMARY KEY (thing, class)) WITHOUT ROWID;
CREATE TEMP TABLE above (lower, upper, PRIMARY KEY (lower, upper)) WITHOUT ROWID;
CREATE TEMP TABLE hidden (thing, class, PRIMARY KEY (thing, class)) WITHOUT ROWID;
CREATE TEMP TABLE general (thing PRIMARY KEY) WITHOUT ROWID;
INSERT OR IGNORE INTO stated SELECT s.subject, s.object FROM statement s
  JOIN term a ON a.id = s.subject AND a.kind = 'i' JOIN term b ON b.id = s.object AND b.kind = 'i'
  WHERE s.predicate = :type;
WITH RECURSIVE reached (lower, upper) AS (
  SELECT DISTINCT class, class FROM stated WHERE thing IN (SELECT thing FROM stated GROUP BY thing HAVING COUNT(*) > 1)
  UNION
  SELECT r.lower, s.object FROM reached r JOIN statement s ON s.subject = r.upper AND s.predicate = :sub
) INSERT INTO above SELECT lower, upper FROM reached WHERE lower <> upper;
INSERT OR IGNORE INTO hidden SELECT one.thing, other.class FROM stated one
  JOIN above ON above.lower = one.class JOIN stated other ON other.thing = one.thing AND other.class = above.upper;
INSERT INTO general SELECT thing FROM stated LEFT JOIN hidden USING (thing, class)
  GROUP BY thing HAVING COUNT(hidden.class) = COUNT(*);
INSERT INTO class SELECT s.thing, s.class, h.class IS NULL OR g.thing IS NOT NULL FROM stated s
  LEFT JOIN hidden h USING (thing, class) LEFT JOIN general g USING (thing) ORDER BY s.class, s.thing;
DROP TABLE stated; DROP TABLE above; DROP TABLE hidden; DROP TABLE general
"""
