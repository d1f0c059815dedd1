"""The one family of errors that `kg` raises for what people can mend: settings, files, snapshots, questions."""

from __future__ import annotations

from kg.messages import in_language, say

__all__ = [
    "DateError", "FormatError", "KGError", "NotFound", "QueryError", "Refused", "SettingsError", "SnapshotError",
    "TurtleError",
]  # fmt: skip


class KGError(Exception):
    """Something a person can mend. Its text says where, what was found, what was expected, what to do.

    The parts are attributes too, so that a terminal and a page can each tell it in their own way.
    """

    marked = ""

    def __init__(self, problem: str, *, where: str = "", found: str = "", expected: str = "", advice: str = "") -> None:
        self.problem = problem
        self.where = where
        self.found = found
        self.expected = expected
        self.advice = advice
        super().__init__(str(self))

    def __str__(self) -> str:
        return self.told("en")

    def told(self, language: str) -> str:
        """Return the whole text in a language, as far as its parts were said."""
        problem = in_language(self.problem, language)
        text = (f"{self.where}: {problem}" if self.where else problem) + self.marked
        for part in (
            say("Found %(found)s.", found=self.found) if self.found else "",
            say("Expected %(expected)s.", expected=self.expected) if self.expected else "",
            self.advice,
        ):
            if part:
                text = f"{text.rstrip('.')}. {in_language(part, language)}"
        return text.rstrip()


class SettingsError(KGError):
    """`kg.toml` holds something it may not, or lacks something it must have."""


class TurtleError(KGError):
    """A file is not Turtle that this project can read.

    `line` and `column` count from 1; `excerpt` is the offending line as it stands in the file.
    """

    def __init__(self, problem: str, *, path: str, line: int, column: int, excerpt: str = "", advice: str = "") -> None:
        self.path, self.line, self.column, self.excerpt = path, line, column, excerpt
        super().__init__(problem, where=f"{path}:{line}:{column}", advice=advice)


class DateError(TurtleError):
    """A date is not written as an EDTF level 1 date."""


class SnapshotError(KGError):
    """A snapshot is missing, damaged, or could not be written."""


class QueryError(KGError):
    """A question that cannot be asked as it stands; `marked` shows the place in it, on lines of their own."""

    def __init__(
        self, problem: str, *, where: str = "", found: str = "", expected: str = "", advice: str = "", marked: str = ""
    ) -> None:
        self.marked = marked
        super().__init__(problem, where=where, found=found, expected=expected, advice=advice)


class FormatError(QueryError):
    """A format cannot say what it is asked to say; `term` is what it has no way to write."""

    def __init__(self, problem: str, *, term: str, expected: str) -> None:
        self.term = term
        super().__init__(problem, found=term, expected=expected)


class Refused(QueryError):
    """A question that this graph does not take, though it may be right elsewhere."""


class NotFound(KGError):
    """Nothing of that name is in the graph."""
