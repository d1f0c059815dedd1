"""A statement together with the file that it stands in: where a finding about it is placed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.findings import Finding, Severity
from kg.messages import say
from kg.turtle import Document, Statement, excerpt_of

__all__ = ["Stated", "close_to", "to_declare"]

Term = NamedNode | BlankNode | Literal


def close_to(name: str, known: Iterable[str]) -> str:
    """Return the known name that somebody may have meant: what follows the prefix is much the same; or nothing."""
    prefix, _, local = name.partition(":")
    ordered = sorted(known)
    near = [one[len(prefix) + 1 :] for one in ordered if one.startswith(f"{prefix}:")]
    if close := difflib.get_close_matches(local, near, n=1, cutoff=0.75):
        return f"{prefix}:{close[0]}"
    # Or the prefix is wrong, and what follows is right.
    return next((one for one in ordered if local and one.partition(":")[2] == local), "")


def to_declare(name: str, known: Iterable[str], folder: str) -> str:
    """Return what to do about a name that nothing defines."""
    if close := close_to(name, known):
        return say(
            "Did you mean %(close)s? If not, declare %(name)s in %(folder)s/.", close=close, name=name, folder=folder
        )
    return say("Declare it in %(folder)s/, or use another.", folder=folder)


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
