"""Turtle files put into canonical form on the disk: which ones, in which style, and never half written."""

from __future__ import annotations

import contextlib
import difflib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kg.canonical import Style, canonical, property_order
from kg.errors import KGError, TurtleError
from kg.presentation import presentation
from kg.project import PREFIX_TABLE, Project, Reading, Role, bytes_of
from kg.turtle import Document, read_document

__all__ = ["Formatted", "diff", "format_file", "style_of", "targets", "write_back"]


@dataclass(frozen=True)
class Formatted:
    """A file as it is and as it should be."""

    path: Path
    shown: str
    before: bytes
    after: bytes

    @property
    def changed(self) -> bool:
        """True if the file is not in canonical form."""
        return self.before != self.after


def style_of(project: Project, role: Role | None) -> Style:
    """Return the style of the files that play a role: data in the order of the pages, the rest as people wrote it.

    Raises TurtleError if a shape or the ontology cannot be read: without them the order would be another.
    """
    style = Style(project.prefixes, sorts_values=False)
    if role in (Role.ONTOLOGY, Role.SHAPES):
        return style
    documents: dict[Role, Sequence[Document]] = {}
    for wanted in (Role.ONTOLOGY, Role.SHAPES):
        files = [path for found, path in project.turtle_files() if found is wanted]
        documents[wanted] = [read_document(bytes_of(path), project.shown(path)) for path in files]
    return replace(style, order=property_order(presentation(Reading(documents, ()))), sorts_values=True)


def targets(project: Project | None, paths: Sequence[Path]) -> list[tuple[Role | None, Path]]:
    """Return the Turtle files at some paths with their roles; all files of the project if no path is given.

    Raises KGError for a path that is not there, and if there is neither a project nor a path.
    """
    roles: dict[Path, Role] = {}
    if project is not None:
        table = project.root / project.settings.ontology_folder / PREFIX_TABLE
        roles = {table: Role.ONTOLOGY} | {path: role for role, path in project.turtle_files()}
        if not paths:
            return [(role, path) for path, role in roles.items()]
    found: dict[Path, None] = {}
    for path in paths:
        whole = Path(os.path.abspath(path))
        if not whole.exists():
            raise KGError("there is no such file or folder", where=str(path))
        if whole.is_dir():
            inside = [Path(parent, name) for parent, _, names in os.walk(whole) for name in names]
            found |= dict.fromkeys(sorted(one for one in inside if one.suffix == ".ttl" and one.is_file()))
        else:
            found[whole] = None
    return [(roles.get(path) or roles.get(path.resolve()), path) for path in found]


def format_file(path: Path, shown: str, style: Style) -> Formatted:
    """Return a file beside its canonical form. Raises TurtleError for one that is not surely understood."""
    try:
        before = bytes_of(path)
    except OSError as error:
        raise TurtleError(f"this file cannot be read: {error.strerror}", path=shown, line=1, column=1) from None
    return Formatted(path, shown, before, canonical(before, shown, style).encode())


def write_back(formatted: Formatted) -> None:
    """Put the canonical form in the place of the file, in one step, with the same mode.

    Raises KGError, and leaves the file untouched, if it changed meanwhile or may not be written.
    """
    path = formatted.path.resolve()  # a link stays a link
    try:
        mode = path.stat().st_mode
        if not os.access(path, os.W_OK):
            raise PermissionError(0, "it may not be written")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".kg-format-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(formatted.after)
                file.flush()
                os.fchmod(file.fileno(), mode & 0o7777)
                os.fsync(file.fileno())
            if path.read_bytes() != formatted.before:
                raise KGError("this file changed while it was formatted", where=formatted.shown, advice="Try again.")
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise KGError(
            f"this file cannot be written: {error.strerror}", where=formatted.shown, advice="It is as it was."
        ) from None


def diff(files: Iterable[Formatted]) -> Iterator[str]:
    """Give the lines of a unified diff from files as they are to files as they should be."""
    for one in files:
        before = one.before.decode("utf-8").splitlines(keepends=True)
        after = one.after.decode("utf-8").splitlines(keepends=True)
        for line in difflib.unified_diff(before, after, f"a/{one.shown}", f"b/{one.shown}"):
            yield line.rstrip("\n")
