"""Mappings: what the rows of a table mean, as a TOML file says it, read into typed, frozen objects.

docs/reference/mappings.md lists every key. Nothing here knows the graph: names are expanded, not looked up.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode

from kg.errors import KGError
from kg.messages import say
from kg.project import Project, bytes_of
from kg.settings import is_language
from kg.tables import DELIMITERS, read_table
from kg.vocabulary import RDF

__all__ = [
    "Column", "Condition", "Each", "FileSpec", "Find", "NodeSpec", "Slot", "TableMapping", "Template", "ValueSpec",
    "is_slug", "load_mapping", "slug",
]  # fmt: skip

#: Letters that have no decomposition, as they are usually romanised.
_LETTERS = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "þ": "th", "đ": "d", "ł": "l", "ı": "i", "ħ": "h", "ŋ": "ng",
    "ŧ": "t", "ə": "e", "ĸ": "k", "ſ": "s", "ƒ": "f", "&": " and ",
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "к": "k", "л": "l",
    "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts",
    "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya", "є": "ye",
    "і": "i", "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz", "ґ": "g",
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip


def slug(text: str) -> str:
    """Return a text as the last part of an IRI: ASCII, lower case, words joined by hyphens.

    >>> slug("Saint-Denis (93)"), slug("Łódź & Malmö"), slug("L’Île-d’Yeu"), slug("東京")
    ('saint-denis-93', 'lodz-and-malmo', 'l-ile-d-yeu', '')
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(_LETTERS.get(letter, letter) for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def is_slug(text: str) -> bool:
    """Tell whether a text can be the last part of the IRI of a thing."""
    return re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", text) is not None


def _local(text: str) -> str:
    return re.split(r"[/#:]", text.rstrip(">/"))[-1]


#: What a template can do with a cell: {column|slug}.
_FILTERS: Mapping[str, Callable[[str], str]] = {
    "slug": slug,
    "lower": str.lower,
    "upper": str.upper,
    "local": _local,
    "line": lambda text: " ".join(text.split()),
}


@dataclass(frozen=True)
class Slot:
    """A place of a template that a column fills, and what is done with the cell."""

    column: str
    filters: Sequence[Callable[[str], str]] = ()


@dataclass(frozen=True)
class Template:
    """A text with places that columns fill."""

    text: str
    parts: Sequence[str | Slot]

    def columns(self) -> Iterator[str]:
        """Give the columns that it asks for."""
        for part in self.parts:
            if isinstance(part, Slot):
                yield part.column

    def pattern(self) -> re.Pattern[str]:
        """Return what every text made from it matches."""
        return re.compile("".join(re.escape(p) if isinstance(p, str) else ".+" for p in self.parts), re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """What cells must be like: any of several sets of tests, in which every test must hold."""

    options: Sequence[Mapping[str, Callable[[str], bool]]] = ()

    def columns(self) -> Iterator[str]:
        for option in self.options:
            yield from option

    def holds(self, cell: Callable[[str], str]) -> bool:
        """Tell whether it holds for a row, whose cells the function gives; an empty condition always does."""
        if not self.options:
            return True
        return any(all(test(cell(column)) for column, test in option.items()) for option in self.options)


ALWAYS = Condition()


#: Properties one after the other, each with True if it is followed backwards.
Steps = tuple[tuple[NamedNode, bool], ...]


@dataclass(frozen=True)
class Find:
    """How to find a thing of the graph: by a name, or by the value of other properties."""

    name: Template
    classes: Sequence[NamedNode] = ()
    by: Sequence[NamedNode] = ()
    having: Mapping[Steps, Template] = field(default_factory=dict)

    def terms(self) -> Iterator[NamedNode]:
        """Give the classes and properties that it asks for."""
        yield from (*self.classes, *self.by)
        for steps in self.having:
            yield from (step for step, _ in steps)


@dataclass(frozen=True)
class Column:
    """A column that is worked out from others."""

    name: str
    source: Template | None
    find: Find | None = None
    lookup: Mapping[str, str] | None = None
    match: re.Pattern[str] | None = None
    default: Template | None = None
    when: Condition = ALWAYS


@dataclass(frozen=True)
class ValueSpec:
    """A value of a property: an IRI, or a literal with its datatype or language."""

    template: Template | None
    is_iri: bool
    find: Find | None = None
    datatype: NamedNode | None = None
    language: Template | None = None
    split: str = ""
    default: Template | None = None
    lookup: Mapping[str, str] | None = None
    required: bool = False
    single: bool | None = None
    when: Condition = ALWAYS


Properties = Mapping[NamedNode, Sequence[ValueSpec]]


@dataclass(frozen=True)
class FileSpec:
    """The files that rows go to, and the header of a new one."""

    name: str
    path: Template
    graph: Template | None
    classes: Sequence[NamedNode]
    properties: Properties


@dataclass(frozen=True)
class Each:
    """A column whose cell holds several things, and the name under which a node sees one of them."""

    column: str
    split: str
    name: str


@dataclass(frozen=True)
class NodeSpec:
    """A node that a row makes, or says more about; one for each of several things in a cell if it says so."""

    name: str
    file: FileSpec
    iri: Template
    classes: Sequence[NamedNode]
    properties: Properties
    when: Condition
    each: Each | None = None


@dataclass(frozen=True)
class TableMapping:
    """What the rows of a table mean."""

    path: str
    table: Path | None
    delimiter: str
    header: Sequence[str]
    left_out: Sequence[tuple[Condition, str]]
    columns: Mapping[str, Column]
    nodes: Sequence[NodeSpec]

    def used(self) -> Iterator[tuple[str, str]]:
        """Give each column that it asks the table for, with where."""
        for condition, _ in self.left_out:
            yield from ((column, "leave-out") for column in condition.columns())
        for column in self.columns.values():
            where = f"columns.{column.name}"
            yield from ((name, where) for name in _asked(column.source, column.default, column.when, column.find))
        for file in {node.file.name: node.file for node in self.nodes}.values():
            yield from ((name, f"file.{file.name}") for name in _asked(file.path, file.graph))
            yield from ((name, f"file.{file.name}") for name in _asked_by(file.properties))
        for node in self.nodes:
            where = f"node {node.name}"
            if node.each is not None:
                yield node.each.column, where
            yield from ((name, where) for name in (*_asked(node.iri, node.when), *_asked_by(node.properties)))

    def made(self) -> set[str]:
        """Return the names of the columns that it makes itself."""
        return {*self.columns, *(node.each.name for node in self.nodes if node.each is not None)}


def _asked(*parts: Template | Condition | Find | None) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Find):
            yield from _asked(part.name, *part.having.values())
        elif part is not None:
            yield from part.columns()


def _asked_by(properties: Properties) -> Iterator[str]:
    for values in properties.values():
        for value in values:
            yield from _asked(value.template, value.find, value.language, value.default, value.when)


# --- from TOML -------------------------------------------------------------------------------------------

_SLOT = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_ABSOLUTE = re.compile(r"(?:https?://|urn:|mailto:|tag:)")


def load_mapping(path: Path, project: Project, shown: str) -> TableMapping:
    """Return the mapping in a TOML file. Raises KGError that names the key and what was expected of it."""
    try:
        data = tomllib.loads(bytes_of(path).decode("utf-8-sig"))
    except OSError as error:
        raise KGError(say("this mapping cannot be read: %(reason)s", reason=error.strerror), where=shown) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise KGError(say("this mapping is not TOML in UTF-8"), where=shown, found=str(error)) from None
    return _Loader(path, project, shown).mapping(data)


class _Loader:
    """Reads one mapping; every refusal says at which key."""

    def __init__(self, path: Path, project: Project, shown: str) -> None:
        self.path, self.project, self.shown = path, project, shown
        self.lookups: Mapping[str, Mapping[str, str]] = {}

    def refuse(self, where: str, found: object, expected: str, advice: str = "") -> KGError:
        shown = found if isinstance(found, str) else repr(found)
        return KGError(
            say("%(key)s will not do", key=where) if where else say("this mapping will not do"),
            where=self.shown,
            found=shown[:200] or '""',
            expected=expected,
            advice=advice,
        )

    def table(self, value: Any, where: str, keys: Collection[str] = ()) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.refuse(where, value, say("a table of keys and values"))
        for key in value:
            if keys and key not in keys:
                close = difflib.get_close_matches(key, keys, n=1)
                advice = say("Did you mean %(name)s?", name=close[0]) if close else ""
                place = f"{where}.{key}" if where else key
                raise self.refuse(place, key, say("one of %(names)s", names=", ".join(keys)), advice)
        return value

    def text(self, value: Any, where: str) -> str:
        if not isinstance(value, str):
            raise self.refuse(where, value, say("a text between quotation marks"))
        return value

    def flag(self, value: Any, where: str) -> bool:
        if not isinstance(value, bool):
            raise self.refuse(where, value, say("true or false"))
        return value

    def list_of(self, value: Any) -> list[Any]:
        return value if isinstance(value, list) else [value]

    def mapping(self, data: Mapping[str, Any]) -> TableMapping:
        keys = ("title", "table", "csv", "leave-out", "columns", "lookup", "file", "node")
        self.table(data, "", keys)
        csv = self.table(data.get("csv", {}), "csv", ("delimiter", "header"))
        delimiter = self.text(csv.get("delimiter", ""), "csv.delimiter")
        if delimiter and delimiter not in list(DELIMITERS):
            raise self.refuse("csv.delimiter", delimiter, say('one of "," ";" "|" or a tab ("\\t")'))
        header = [self.text(name, "csv.header") for name in self.list_of(csv.get("header", []))]
        self.lookups = {
            name: self.lookup(told, f"lookup.{name}")
            for name, told in self.table(data.get("lookup", {}), "lookup").items()
        }
        columns = {
            name: self.column(name, told) for name, told in self.table(data.get("columns", {}), "columns").items()
        }
        files = {name: self.file(name, told) for name, told in self.table(data.get("file", {}), "file").items()}
        nodes = self.list_of(data.get("node", []))
        if not nodes:
            raise self.refuse("node", say("nothing"), say("at least one [[node]], which says what a row makes"))
        self.refuse_circles(columns)
        left_out = []
        for told in self.list_of(data.get("leave-out", [])):
            self.table(told, "leave-out", ("when", "reason"))
            reason = self.text(told.get("reason", ""), "leave-out.reason")
            if not reason.strip():
                raise self.refuse("leave-out.reason", reason, say("the reason why these rows are left out"))
            left_out.append((self.condition(told.get("when"), "leave-out.when"), reason))
        name = self.text(data.get("table", ""), "table")
        return TableMapping(
            self.shown,
            self.path.parent / name if name else None,
            delimiter,
            header,
            left_out,
            columns,
            [self.node(at, told, files) for at, told in enumerate(nodes, 1)],
        )

    def refuse_circles(self, columns: Mapping[str, Column]) -> None:
        """Refuse columns that are worked out from themselves by way of others."""
        asked = {name: {*_asked(one.source, one.default, one.when, one.find)} for name, one in columns.items()}
        for name in columns:
            met: set[str] = set()
            waiting = [one for one in asked[name] if one != name]
            while waiting:
                one = waiting.pop()
                if one == name:
                    raise self.refuse(f"columns.{name}", name, say("a column that does not need itself"))
                if one not in met:
                    met.add(one)
                    waiting += asked.get(one, set()) - {one}

    def lookup(self, told: Any, where: str) -> Mapping[str, str]:
        self.table(told, where, ("file", "from", "to", "values", "delimiter"))
        if "values" in told:
            values = self.table(told["values"], f"{where}.values")
            return {key: self.text(value, f"{where}.values.{key}") for key, value in values.items()}
        path = self.path.parent / self.text(told.get("file", ""), f"{where}.file")
        shown = f"{Path(self.shown).parent.as_posix()}/{told.get('file')}"
        delimiter = self.text(told.get("delimiter", ""), f"{where}.delimiter")
        megabytes = self.project.settings.file_megabytes
        table = read_table(path, shown, megabytes=megabytes, delimiter=delimiter)
        if table.faults:
            raise KGError(table.faults[0].message, where=f"{shown}:{table.faults[0].line}")
        key, to = (self.text(told.get(end, ""), f"{where}.{end}") for end in ("from", "to"))
        for end, column in (("from", key), ("to", to)):
            if column not in table.columns:
                raise self.refuse(
                    f"{where}.{end}",
                    column,
                    say("a column of %(path)s: %(names)s", path=shown, names=", ".join(table.columns)),
                )
        found: dict[str, str] = {}
        for row in table.rows:
            name, value = row.cells[key], row.cells[to]
            if found.setdefault(name, value) != value:
                raise KGError(
                    say("%(name)s stands in this lookup with two values", name=name),
                    where=f"{shown}:{row.line}",
                    found=say("%(names)s and %(last)s", names=found[name], last=value),
                    advice=say("Keep one of the rows."),
                )
        return found

    def template(self, value: Any, where: str) -> Template:
        text = self.text(value, where)
        parts: list[str | Slot] = []
        end = 0
        for match in _SLOT.finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            if match[0] in ("{{", "}}"):
                parts.append(match[0][0])
                continue
            name, *filters = [part.strip() for part in (match[1] or "").split("|")]
            if not name:
                raise self.refuse(where, text, say("{column} or {column|filter}; a brace as such is written twice"))
            for one in filters:
                if one not in _FILTERS:
                    close = difflib.get_close_matches(one, _FILTERS, n=1)
                    advice = say("Did you mean %(name)s?", name=close[0]) if close else ""
                    raise self.refuse(where, one, say("a filter: %(names)s", names=", ".join(_FILTERS)), advice)
            parts.append(Slot(name, tuple(_FILTERS[one] for one in filters)))
        parts.append(text[end:])
        return Template(text, tuple(part for part in parts if part != ""))

    def condition(self, value: Any, where: str) -> Condition:
        if value is None:
            raise self.refuse(where, say("nothing"), say('tests by column, such as { role = "member" }'))
        options = []
        for told in self.list_of(value):
            tests = self.table(told, where)
            if not tests:
                raise self.refuse(where, tests, say('tests by column, such as { role = "member" }'))
            options.append({column: self.test(test, f"{where}.{column}") for column, test in tests.items()})
        return Condition(tuple(options))

    def test(self, told: Any, where: str) -> Callable[[str], bool]:
        if isinstance(told, str):
            return lambda cell: cell == told
        if isinstance(told, list):
            allowed = frozenset(self.text(one, where) for one in told)
            return lambda cell: cell in allowed
        tests = self.table(told, where, ("empty", "matches", "not"))
        checks: list[Callable[[str], bool]] = []
        if "empty" in tests:
            empty = self.flag(tests["empty"], f"{where}.empty")
            checks.append(lambda cell: (not cell) is empty)
        if "matches" in tests:
            pattern = self.pattern(tests["matches"], f"{where}.matches")
            checks.append(lambda cell: pattern.search(cell) is not None)
        if "not" in tests:
            refused = frozenset(self.text(one, f"{where}.not") for one in self.list_of(tests["not"]))
            checks.append(lambda cell: cell not in refused)
        if not checks:
            raise self.refuse(
                where, told, say("a text, a list of texts, or { empty = … }, { matches = … }, { not = … }")
            )
        return lambda cell: all(check(cell) for check in checks)

    def pattern(self, value: Any, where: str) -> re.Pattern[str]:
        try:
            return re.compile(self.text(value, where))
        except re.error as error:
            raise self.refuse(where, value, say("a regular expression (%(reason)s)", reason=error)) from None

    def name(self, value: Any, where: str) -> NamedNode:
        """Return the IRI of a prefixed name; `a` is the class of a thing."""
        text = self.text(value, where)
        if text == "a":
            return RDF.type
        prefix, colon, local = text.partition(":")
        if colon and prefix in self.project.prefixes and re.fullmatch(r"[\w.-]+", local):
            return NamedNode(self.project.prefixes[prefix] + local)
        known = difflib.get_close_matches(prefix, self.project.prefixes, n=1)
        advice = say("Did you mean %(name)s?", name=f"{known[0]}:{local}") if known and colon else ""
        raise self.refuse(where, text, say("a prefixed name whose prefix is in the prefix table"), advice)

    def steps(self, text: str, where: str) -> Steps:
        """Return a path of properties: cn:territory / ^cn:located / cn:place."""
        found = []
        for step in re.split(r"\s*/\s*", text.strip()):
            found.append((self.name(step.removeprefix("^"), where), step.startswith("^")))
        return tuple(found)

    def names(self, value: Any, where: str) -> tuple[NamedNode, ...]:
        return tuple(self.name(one, where) for one in self.list_of(value))

    def find(self, told: Mapping[str, Any], where: str) -> Find | None:
        if "find" not in told:
            for key in ("class", "by", "with"):
                if key in told:
                    raise self.refuse(f"{where}.{key}", told[key], say("find beside it, which says what to find"))
            return None
        having = self.table(told.get("with", {}), f"{where}.with")
        return Find(
            self.template(told["find"], f"{where}.find"),
            self.names(told.get("class", []), f"{where}.class"),
            self.names(told.get("by", []), f"{where}.by"),
            {self.steps(key, f"{where}.with"): self.template(text, f"{where}.with") for key, text in having.items()},
        )

    def lookup_named(self, told: Mapping[str, Any], where: str) -> Mapping[str, str] | None:
        name = self.text(told.get("lookup", ""), f"{where}.lookup")
        if name and name not in self.lookups:
            known = ", ".join(self.lookups) or say("there is none")
            raise self.refuse(f"{where}.lookup", name, say("a lookup of this mapping: %(names)s", names=known))
        return self.lookups[name] if name else None

    def column(self, name: str, told: Any) -> Column:
        where = f"columns.{name}"
        if isinstance(told, str):
            return Column(name, self.template(told, where))
        self.table(told, where, ("from", "lookup", "match", "default", "when", "find", "class", "by", "with"))
        find = self.find(told, where)
        if ("from" in told) == (find is not None):
            raise self.refuse(where, dict(told), say("either from, a template, or find, which looks in the graph"))
        return Column(
            name,
            self.template(told["from"], f"{where}.from") if "from" in told else None,
            find,
            self.lookup_named(told, where),
            self.pattern(told["match"], f"{where}.match") if "match" in told else None,
            self.template(told["default"], f"{where}.default") if "default" in told else None,
            self.condition(told["when"], f"{where}.when") if "when" in told else ALWAYS,
        )

    def file(self, name: str, told: Any) -> FileSpec:
        where = f"file.{name}"
        self.table(told, where, ("path", "graph", "class", "properties"))
        path = self.template(told.get("path", ""), f"{where}.path")
        literal = "".join(part if isinstance(part, str) else "x" for part in path.parts)
        if not literal.endswith(".ttl") or not all(re.fullmatch(r"\w[\w.-]*", part) for part in literal.split("/")):
            raise self.refuse(
                f"{where}.path",
                path.text,
                say("a path in %(folder)s, as sources/{source}/{part}.ttl", folder=self.project.settings.data_folder),
            )
        graph = self.template(told["graph"], f"{where}.graph") if "graph" in told else None
        properties = self.properties(told.get("properties", {}), f"{where}.properties")
        return FileSpec(name, path, graph, self.names(told.get("class", []), f"{where}.class"), properties)

    def node(self, at: int, told: Any, files: Mapping[str, FileSpec]) -> NodeSpec:
        where = f"node {at}"
        self.table(told, where, ("name", "file", "iri", "class", "when", "each", "properties"))
        name = self.text(told.get("name", str(at)), f"{where}.name")
        where = f"node {name}"
        file = self.text(told.get("file", next(iter(files)) if len(files) == 1 else ""), f"{where}.file")
        if file not in files:
            raise self.refuse(
                f"{where}.file",
                file,
                say("a file of this mapping: %(names)s", names=", ".join(files) or say("there is none")),
            )
        return NodeSpec(
            name,
            files[file],
            self.template(told.get("iri", ""), f"{where}.iri"),
            self.names(told.get("class", []), f"{where}.class"),
            self.properties(told.get("properties", {}), f"{where}.properties"),
            self.condition(told["when"], f"{where}.when") if "when" in told else ALWAYS,
            self.each(told["each"], f"{where}.each") if "each" in told else None,
        )

    def each(self, told: Any, where: str) -> Each:
        self.table(told, where, ("column", "split", "as"))
        column, split, name = (self.text(told.get(key, ""), f"{where}.{key}") for key in ("column", "split", "as"))
        if not (column and split and name):
            raise self.refuse(
                where, dict(told), say('a column, split and as, such as { column = "who", split = ";", as = "one" }')
            )
        return Each(column, split, name)

    def properties(self, told: Any, where: str) -> Properties:
        if isinstance(told, dict) and not all(isinstance(one, str) for one in self.list_of(told.get("a", []))):
            raise self.refuse(f"{where}.a", told["a"], say("a class by its prefixed name, or a list of them"))
        return {
            self.name(key, f"{where}.{key}"): tuple(self.value(one, f'{where}."{key}"') for one in self.list_of(value))
            for key, value in self.table(told, where).items()
        }

    def value(self, told: Any, where: str) -> ValueSpec:
        if isinstance(told, str):
            told = {"iri": told}
        keys = ("iri", "value", "type", "lang", "lookup", "split", "default", "required", "single", "when", "find",
                "class", "by", "with")  # fmt: skip
        self.table(told, where, keys)
        given = [key for key in ("iri", "value", "find") if key in told]
        if len(given) != 1:
            raise self.refuse(where, dict(told), say("exactly one of iri, value and find"))
        template = self.template(told[given[0]], where) if given[0] != "find" else None
        if given[0] != "value" and ("type" in told or "lang" in told):
            raise self.refuse(where, dict(told), say("a type or a language of a value only, not of an IRI"))
        if "type" in told and "lang" in told:
            raise self.refuse(where, dict(told), say("a type or a language, not both"))
        find, lookup = self.find(told, where), self.lookup_named(told, where)
        if given[0] == "iri" and template is not None and lookup is None:
            first = template.parts[0] if template.parts else ""
            if isinstance(first, str):
                self.iri_begins(first, where)
        split = self.text(told.get("split", ""), f"{where}.split")
        asked = set(_asked(template, find))
        if split and len(asked) != 1:
            raise self.refuse(f"{where}.split", split, say("a template of one column, whose cell is split"))
        datatype = self.name(told["type"], f"{where}.type") if "type" in told else None
        if datatype in (RDF.type, RDF.langString):
            raise self.refuse(f"{where}.type", told["type"], say("a datatype; the language of a text is given by lang"))
        language = self.template(told["lang"], f"{where}.lang") if "lang" in told else None
        if language is not None and not any(language.columns()) and not is_language(language.text.lower()):
            raise self.refuse(f"{where}.lang", language.text, say('a language tag such as "fr"'))
        return ValueSpec(
            template,
            given[0] != "value",
            find,
            datatype,
            language,
            split,
            self.template(told["default"], f"{where}.default") if "default" in told else None,
            lookup,
            self.flag(told.get("required", False), f"{where}.required"),
            self.flag(told["single"], f"{where}.single") if "single" in told else None,
            self.condition(told["when"], f"{where}.when") if "when" in told else ALWAYS,
        )

    def iri_begins(self, text: str, where: str) -> None:
        prefix, colon, _ = text.partition(":")
        if (colon and prefix in self.project.prefixes) or _ABSOLUTE.match(text):
            return
        known = difflib.get_close_matches(prefix, self.project.prefixes, n=1) if colon else []
        written = say('A text is written { value = "…" }.')
        close = say("Did you mean %(name)s?", name=f"{known[0]}:") if known else ""
        raise self.refuse(
            where,
            text,
            say("an IRI: a prefixed name whose prefix is in the prefix table, or one with http://"),
            close + " " + written if close else written,
        )
