"""The queries of shapes and views as they stand in their files: which IRIs they name, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pyoxigraph import Literal

from kg.findings import Finding, Severity
from kg.project import Project, Reading, Role, bytes_of
from kg.turtle import excerpt_of
from kg.vocabulary import SH

__all__ = ["QueryText", "queries_in"]

_QUERY_TOKENS = re.compile(
    r"""(?P<prefix>\bPREFIX\s+(?P<declared>[\w.-]*):\s*<(?P<namespace>[^<>\s]*)>)
      | (?P<iri><(?P<full>[^<>\s"{}|^`\\]*)>)
      | (?P<string>\"{3}(?:\"{0,2}(?:[^\"\\]|\\.))*\"{3}|'{3}(?:'{0,2}(?:[^'\\]|\\.))*'{3}
          |\"(?:[^\"\\\r\n]|\\.)*\"|'(?:[^'\\\r\n]|\\.)*')
      | (?P<comment>\#[^\r\n]*)
      | (?P<variable>[?$]\w+)
      | (?P<name>(?P<short>\w(?:[\w.-]*[\w-])?)?:(?P<local>[\w%](?:[\w.:%-]*[\w%-])?))""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True)
class QueryText:
    """A query in a file: the whole text of the file, and where in it the query begins."""

    path: str
    file: str
    start: int
    text: str
    #: False where escapes keep the query from standing in the file as it reads.
    verbatim: bool = True
    view: bool = False

    def tokens(self) -> Iterator[re.Match[str]]:
        """Give what the query is made of."""
        yield from _QUERY_TOKENS.finditer(self.text)

    def iris(self, project: Project) -> Iterator[tuple[str, int]]:
        """Give the IRIs that the query names, each with where."""
        prefixes = dict(project.prefixes)
        for token in self.tokens():
            if token["prefix"]:
                prefixes[token["declared"]] = token["namespace"]
            elif token["iri"]:
                yield token["full"], token.start()
            elif token["name"] and (token["short"] or "") in prefixes:
                yield prefixes[token["short"] or ""] + token["local"], token.start()

    def found(self, offset: int, severity: Severity, rule: str, message: str, advice: str) -> Finding:
        """Return a finding at an offset in the query."""
        place = self.start + offset if self.verbatim else self.start
        line = self.file.count("\n", 0, place) + 1
        column = place - (self.file.rfind("\n", 0, place) + 1) + 1
        return Finding(self.path, line, column, severity, rule, message, advice, excerpt_of(self.file, line))


def queries_in(project: Project, reading: Reading) -> Iterator[QueryText]:
    """Give the queries of shapes and views; views that cannot be read are found elsewhere."""
    for document in reading.documents.get(Role.SHAPES, ()):
        lines = document.text.split("\n")
        for statement in document.statements:
            value = statement.object
            if statement.predicate not in (SH.select, SH.ask, SH.construct) or not isinstance(value, Literal):
                continue
            start = sum(len(line) + 1 for line in lines[: statement.line - 1]) + statement.column - 1
            quote = re.match(r"\"\"\"|'''|\"|'", document.text[start : start + 3])
            inside = start + len(quote[0]) if quote else start
            verbatim = document.text.startswith(value.value, inside)
            yield QueryText(document.path, document.text, inside if verbatim else start, value.value, verbatim)
    folder = project.settings.views_folder
    for path in project.files(folder, ".rq") if (project.root / folder).is_dir() else ():
        try:
            text = bytes_of(path).decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        yield QueryText(project.shown(path), text, 0, text, view=True)
