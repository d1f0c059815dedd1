"""The register of IRIs that a graph has published: whoever links to one may count on it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pyoxigraph import NamedNode

from kg.errors import TurtleError
from kg.findings import Finding, Severity
from kg.messages import say
from kg.project import PUBLISHED, Project, Reading, Role, bytes_of
from kg.turtle import text_of

__all__ = ["disappeared", "publish"]

_STATED = (Role.ONTOLOGY, Role.REGISTER, Role.SOURCE)


def _described(project: Project, reading: Reading) -> set[str]:
    """Return the graph's own things, and terms of its ontology, of which a file says anything."""
    own = (project.settings.entity_base, f"{project.settings.ontology_iri}#")
    return {
        statement.subject.value
        for role in _STATED
        for document in reading.documents.get(role, ())
        for statement in document.statements
        if isinstance(statement.subject, NamedNode) and statement.subject.value.startswith(own)
    }


def _lines(path: Path) -> list[str]:
    try:
        return text_of(bytes_of(path), PUBLISHED).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        message = say("the register of published IRIs cannot be read: %(error)s", error=error.strerror)
        raise TurtleError(message, path=PUBLISHED, line=1, column=1) from None


def publish(project: Project, reading: Reading) -> tuple[int, int]:
    """Add all that the graph describes to the register; return how many IRIs are new in it, and how many there are.

    Nothing is ever taken out of it.
    """
    path = project.root / PUBLISHED
    before = {line.strip() for line in _lines(path)} - {""}
    after = sorted(before | _described(project, reading))
    handle, name = tempfile.mkstemp(dir=project.root, prefix=".writing-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{iri}\n" for iri in after)
            os.fchmod(file.fileno(), 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return len(after) - len(before), len(after)


def disappeared(project: Project, reading: Reading) -> Iterator[Finding]:
    """Find IRIs that were published and are described no more, not even as deprecated."""
    try:
        lines = _lines(project.root / PUBLISHED)
    except TurtleError as error:
        yield Finding(PUBLISHED, error.line, error.column, Severity.VIOLATION, "published", error.problem, error.advice)
        return
    described = _described(project, reading) if lines else set()
    for number, line in enumerate(lines, start=1):
        iri = line.strip()
        if iri and iri not in described:
            yield Finding(
                PUBLISHED,
                number,
                1,
                Severity.VIOLATION,
                "published",
                say("<%(iri)s> was published, and no file says anything about it now", iri=iri),
                say(
                    "Describe it again with owl:deprecated true, and dcterms:isReplacedBy if something took its place."
                ),
                line,
            )
