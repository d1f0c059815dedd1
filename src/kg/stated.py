"""A statement together with the file that it stands in: where a finding about it is placed."""

from __future__ import annotations

from typing import NamedTuple

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.findings import Finding, Severity
from kg.turtle import Document, Statement, excerpt_of

__all__ = ["Stated"]

Term = NamedNode | BlankNode | Literal


class Stated(NamedTuple):
    """A statement and the file it stands in."""

    document: Document
    statement: Statement

    @property
    def value(self) -> Term:
        """The object."""
        return self.statement.object

    def found(self, severity: Severity, rule: str, message: str, advice: str) -> Finding:
        """Return a finding at the statement."""
        path, line, column = self.document.path, self.statement.line, self.statement.column
        return Finding(path, line, column, severity, rule, message, advice, excerpt_of(self.document.text, line))
