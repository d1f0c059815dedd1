"""Tables as people keep them: CSV text to rows of named cells, each with the line it begins at."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kg.errors import KGError
from kg.findings import Finding, Severity
from kg.messages import say
from kg.project import bytes_of

__all__ = ["DELIMITERS", "Row", "Table", "read_table"]

#: What may stand between the cells of a table, the likeliest first.
DELIMITERS = ",;\t|"
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_LINE_END = re.compile("\r\n|\n|\r")
# What no text of a graph may hold: control characters, save tabs and ends of lines.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


@dataclass(frozen=True)
class Row:
    """One row: the line it begins at, and its cells by the name of their column, without white space around."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """The rows of a table that can be read, and what is wrong with the others."""

    path: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Row]
    faults: Sequence[Finding]

    @cached_property
    def lines(self) -> Sequence[str]:
        return _LINE_END.split(self.text)

    def fault(
        self, line: int, rule: str, message: str, advice: str = "", *, at: str = "", also: Sequence[str] = ()
    ) -> Finding:
        """Return what is wrong with the row that begins at a line, at a text that may stand in that line."""
        excerpt = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        column = max(excerpt.find(at), 0) + 1
        excerpt = excerpt if len(excerpt) <= 160 else excerpt[:159] + "…"
        return Finding(self.path, line, column, Severity.VIOLATION, rule, message, advice, excerpt, tuple(also))


def read_table(file: Path, path: str, *, megabytes: int, delimiter: str = "", header: Sequence[str] = ()) -> Table:
    """Return the rows of a CSV file in UTF-8, with or without a byte order mark; `path` is how people see its path.

    Without a delimiter, the one that the first line has most of is taken. Without a header, the first row names the
    columns. Rows with another number of cells than the header, and rows that cannot be taken apart, become
    faults. Raises KGError for a file that is no such table, or a bigger one.
    """
    try:
        size = file.stat().st_size
        if size > megabytes * 1_000_000:
            raise KGError(
                say(
                    "this table has %(size)s MB; at most %(most)s are read (limits.file_megabytes)",
                    size=size // 1_000_000,
                    most=megabytes,
                ),
                where=path,
                advice=say("Split it into several tables, or raise the limit in kg.toml."),
            )
        data = bytes_of(file)
    except OSError as error:
        raise KGError(say("this table cannot be read: %(reason)s", reason=error.strerror), where=path) from None
    text = _decoded(data, path)
    if not text.strip():
        raise KGError(say("this table is empty"), where=path, expected=say("a line with the names of the columns"))
    delimiter = delimiter or _sniffed(text)
    faults: list[tuple[int, str, str]] = []
    records = list(_records(text, delimiter, faults))
    if not header:
        if not records:
            raise KGError(
                say("the line with the names of the columns cannot be read"),
                where=f"{path}:{faults[0][0] if faults else 1}",
                found=faults[0][1] if faults else "",
                advice=faults[0][2] if faults else "",
            )
        header = [name.strip() for name in records.pop(0)[1]]
    table = Table(path, text, _named(header, path), (), ())
    rows = []
    for line, cells in records:
        if len(cells) > len(header) and not any(cell.strip() for cell in cells[len(header) :]):
            cells = cells[: len(header)]
        if len(cells) != len(header):
            message = say(
                "this row has %(found)s cells; expected %(expected)s, as in the first line",
                found=len(cells),
                expected=len(header),
            )
            faults.append((line, message, say("Look for a missing quotation mark or separator.")))
            continue
        named = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if name}
        control = next(((name, match) for name, cell in named.items() if (match := _CONTROL.search(cell))), None)
        if control is not None:
            name, match = control
            code = f"U+{ord(match[0]):04X}"
            message = say("%(column)s: found the control character %(code)s; expected text", column=name, code=code)
            faults.append((line, message, say("Delete it.")))
            continue
        rows.append(Row(line, named))
    return Table(path, text, table.columns, rows, [table.fault(at, "row", *told) for at, *told in sorted(faults)])


def _decoded(data: bytes, path: str) -> str:
    advice = say("In a spreadsheet, save it as CSV UTF-8.")
    if data[:2] in _MARKS:
        raise KGError(say("this table is not in UTF-8"), where=path, found=_MARKS[data[:2]], advice=advice)
    if data[:4] == b"PK\x03\x04":
        raise KGError(say("this is no CSV file"), where=path, found=say("a spreadsheet or an archive"), advice=advice)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise KGError(
            say("this table is not in UTF-8"),
            where=f"{path}:{line}",
            found=say("byte %(byte)s", byte=f"0x{data[error.start]:02X}"),
            advice=advice,
        ) from None


def _sniffed(text: str) -> str:
    """Return the delimiter that the first line with something in it has most of, outside of quotation marks."""
    first = next(line for line in _LINE_END.split(text) if line.strip())
    bare = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=bare.count)


def _records(text: str, delimiter: str, faults: list[tuple[int, str, str]]) -> Iterator[tuple[int, list[str]]]:
    """Give the cells of each row that is not empty, with its line; what cannot be taken apart is a fault."""
    before = csv.field_size_limit(max(len(text), 1))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if "unexpected end" in str(error):
                    message = say("a quotation mark is opened in this row and never closed")
                else:
                    message = say("this row cannot be taken apart: %(reason)s", reason=error)
                faults.append((line, message, say('Write a quotation mark within quotation marks twice: "".')))
                continue
            if any(cell.strip() for cell in cells):
                yield line, cells
    finally:
        csv.field_size_limit(before)


def _named(header: Sequence[str], path: str) -> Sequence[str]:
    twice = [name for name, number in Counter(name for name in header if name).items() if number > 1]
    if twice:
        places = ", ".join(str(at) for at, name in enumerate(header, 1) if name == twice[0])
        raise KGError(
            say("two columns of this table have one name"),
            where=f"{path}:1",
            found=say("%(name)s in columns %(places)s", name=twice[0], places=places),
            advice=say("Give each column a name of its own."),
        )
    return [name for name in header if name]
