"""Saved questions: a `.rq` file with a header that says what it asks, in words, and how its answer is shown."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pyoxigraph import Literal, NamedNode

from kg.errors import QueryError
from kg.messages import say
from kg.project import Project, bytes_of
from kg.queries import guard
from kg.vocabulary import XSD

__all__ = ["DISPLAYS", "TAKEN", "Parameter", "View", "parse_view", "read_views"]

#: The ways in which a result can be shown.
DISPLAYS = ("table", "pivot", "map", "timeline", "network", "bars")


# What a value may have to be, as people call it.
_KINDS: Mapping[object, str] = {NamedNode: "an IRI", XSD.date: "a date", XSD.integer: "a whole number"}

#: Parameters of every address of a view, which no view may have for its own.
TAKEN = ("_mediatype", "format", "lang", "page", "sort")


@dataclass(frozen=True)
class Parameter:
    """A variable that is bound before the query runs, the value it has if the reader gives none, its meaning."""

    name: str
    default: str
    descriptions: Mapping[str, str]
    #: The values that it may have: these, or the things of a class (a prefixed name); without both, any of its kind.
    choices: Sequence[str] = ()
    choice_class: str = ""

    @property
    def kind(self) -> str:
        """What its values are, by what the default one looks like: `iri`, `date`, `integer` or `text`."""
        term = self._term(self.default)
        if isinstance(term, NamedNode):
            return "iri"
        return {XSD.date: "date", XSD.integer: "integer"}.get(term.datatype, "text")

    def term(self, value: str | None = None) -> NamedNode | Literal:
        """Return a value as a term: an IRI, a date, a number or a plain text, by what it looks like.

        Raises QueryError for a value that is no such thing while the default one is: compared with it, it would
        never be found and nothing would say so.
        """
        found = self._term(self.default if value is None else value)
        expected = self._term(self.default)
        kinds = [term.datatype if isinstance(term, Literal) else NamedNode for term in (found, expected)]
        if kinds[0] != kinds[1] and kinds[1] != XSD.string:
            raise QueryError(
                f"the value of {self.name} is not of the right kind",
                found=value or "nothing",
                expected=f"{_KINDS[kinds[1]]}, such as {self.default}",
            )
        if self.choices and found.value not in self.choices:
            raise QueryError(
                f"{self.name} has a value that it may not have", found=value or "nothing",
                expected="one of " + ", ".join(self.choices),
            )  # fmt: skip
        return found

    def _term(self, text: str) -> NamedNode | Literal:
        if re.match(r"https?://", text):
            try:
                return NamedNode(text)
            except ValueError as error:
                raise QueryError(
                    f"the value of {self.name} is not an IRI", found=text, expected=f"an IRI ({error})"
                ) from None
        if (day := re.fullmatch(r"-?(\d{4,})-(\d\d)-(\d\d)", text)) and _is_day(*map(int, day.groups())):
            return Literal(text, datatype=XSD.date)
        if re.fullmatch(r"[+-]?\d+", text):
            return Literal(text, datatype=XSD.integer)
        return Literal(text)


def _is_day(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= monthrange(year % 400 + 400, month)[1]


@dataclass(frozen=True)
class View:
    """One saved question. Titles, descriptions and headings are texts by language."""

    name: str
    query: str
    titles: Mapping[str, str]
    descriptions: Mapping[str, str] = field(default_factory=dict)
    #: The name of the group among which it is listed.
    groups: Mapping[str, str] = field(default_factory=dict)
    display: str = "table"
    #: Of a pivot: the variables of its rows, columns and cells.
    rows: str = ""
    columns: str = ""
    cell: str = ""
    headings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()


_DECORATOR = re.compile(r"#\+\s*(?P<key>[a-z]+)(?:@(?P<tag>[a-z0-9-]+))?\s*:\s*(?P<value>.*?)\s*$")
_KEYS = (
    "title", "description", "group", "display", "rows", "columns", "cell", "column", "parameter", "choices",
)  # fmt: skip
_CLASS = re.compile(r"[\w-]*:[\w-]+")


def parse_view(text: str, name: str, languages: tuple[str, ...], *, where: str) -> View:
    """Return the view that a `.rq` file holds.

    Each line of the header is `#+ key: value` or `#+ key@language: value`; several texts in one value are
    separated by `|`, in the order of the graph's languages. Raises QueryError that names file and line.
    """
    texts: dict[str, dict[str, str]] = {"title": {}, "description": {}, "group": {}}
    single: dict[str, str] = {}
    headings: dict[str, dict[str, str]] = {}
    parameters: list[Parameter] = []

    def by_language(value: str) -> dict[str, str]:
        return dict(zip(languages, (part.strip() for part in value.split("|")), strict=False))

    for number, line in enumerate(text.split("\n"), start=1):
        if not line.startswith("#+"):
            continue
        place = f"{where}:{number}:1"
        match = _DECORATOR.match(line.rstrip())
        if match is None or match["key"] not in _KEYS:
            raise QueryError(
                say("this line of the header is not understood"),
                where=place,
                found=line.strip(),
                expected=say("#+ key: value, where key is one of %(names)s", names=", ".join(_KEYS)),
            )
        key, tag, value = match["key"], match["tag"] or languages[0], match["value"]
        if key in texts:
            texts[key][tag] = value
        elif key == "column":
            variable, _, rest = value.partition("=")
            headings[variable.strip()] = by_language(rest)
        elif key == "parameter":
            parameter = re.fullmatch(r"(\w+)\s*=\s*(.*?)(?:\s+:\s+(.*))?", value)
            if parameter is None:
                raise QueryError(
                    say("this parameter is not understood"),
                    where=place,
                    found=value,
                    expected=say("name = default : description"),
                )
            if parameter[1] in TAKEN:
                raise QueryError(
                    say("every address of a view has a parameter of this name"),
                    where=place,
                    found=parameter[1],
                    advice=say("Give it another name."),
                )
            parameters.append(Parameter(parameter[1], parameter[2], by_language(parameter[3] or "")))
        elif key == "choices":
            name_of, _, rest = value.partition("=")
            at = next((n for n, one in enumerate(parameters) if one.name == name_of.strip()), None)
            if at is None or not rest.strip():
                raise QueryError(
                    say("these choices are of no parameter"),
                    where=place,
                    found=value,
                    expected=say("name = prefix:Class, or name = one, other; after the line of the parameter"),
                )
            if _CLASS.fullmatch(rest.strip()):
                parameters[at] = replace(parameters[at], choice_class=rest.strip())
            else:
                parameters[at] = replace(parameters[at], choices=tuple(part.strip() for part in rest.split(",")))
        elif key == "display" and value not in DISPLAYS:
            raise QueryError(
                say("this display is unknown"),
                where=place,
                found=value,
                expected=say("one of %(names)s", names=", ".join(DISPLAYS)),
            )
        else:
            single[key] = value
    if not texts["title"]:
        raise QueryError(
            say("the view has no title"), where=f"{where}:1:1", advice=say("Begin the file with #+ title: …")
        )
    view = View(
        name,
        text,
        texts["title"],
        texts["description"],
        texts["group"],
        single.get("display", "table"),
        single.get("rows", ""),
        single.get("columns", ""),
        single.get("cell", ""),
        headings,
        tuple(parameters),
    )
    if view.display == "pivot" and not (view.rows and view.columns and view.cell):
        raise QueryError(
            say("a pivot names three variables"), where=f"{where}:1:1", expected="#+ rows:, #+ columns: and #+ cell:"
        )
    return view


def read_views(project: Project) -> list[View]:
    """Return all views of a project by name. Raises QueryError for the first one that will not do."""
    folder = project.settings.views_folder
    if not (project.root / folder).is_dir():
        return []
    views: dict[str, View] = {}
    for path in project.files(folder, ".rq"):
        if path.stem in views:
            raise QueryError(
                say("another view has this name"),
                where=project.shown(path),
                advice=say("Rename one of them: a view is called after its file, whatever its folder."),
            )
        views[path.stem] = read_view(project, path)
    return list(views.values())


def read_view(project: Project, path: Path) -> View:
    """Return the view in one file. Raises QueryError that names the file."""
    shown = project.shown(path) if path.is_relative_to(project.root) else str(path)
    try:
        text = bytes_of(path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError("this view cannot be read", where=shown, found=str(error)) from None
    view = parse_view(text, path.stem, project.settings.languages, where=shown)
    try:
        for parameter in view.parameters:
            parameter.term()
            prefix = parameter.choice_class.partition(":")[0]
            if parameter.choice_class and prefix not in project.prefixes:
                raise QueryError(say("a prefix is not in the prefix table"), found=f"{prefix}:")
        guard(text, project.settings)
    except QueryError as error:
        raise QueryError(
            error.problem, where=shown, found=error.found, expected=error.expected, advice=error.advice
        ) from None
    return view
