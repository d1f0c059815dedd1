"""Turtle files put into canonical form on the disk: which ones, in which style, and never half written."""

from __future__ import annotations

import contextlib
import difflib
import fcntl
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

__all__ = ["Formatted", "diff", "format_file", "style_of", "targets", "write_all", "write_back"]


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


def write_all(changes: Sequence[Formatted], folder: Path) -> None:
    """Write several files of a folder, new ones among them: none if one of them cannot be, and each in one step.

    Everything is on the disk under names of its own before the first file is put in its place, so that a kill or a
    full disk leaves each file as it was or as it should be. Raises KGError if another command writes there, if a file
    changed meanwhile, or if one may not be written.
    """
    made: list[Path] = []
    waiting: list[tuple[Path, Path]] = []
    shown = ""
    try:
        with _alone_in(folder):
            changes = [replace(one, path=one.path.resolve()) for one in changes]  # a link stays a link
            try:
                for one in changes:
                    shown = one.shown
                    if not one.path.is_relative_to(folder.resolve()):
                        problem = "a link leads out of the folder of the data"
                        raise KGError(problem, where=shown, found=str(one.path))
                    made += _make_folders(one.path.parent)
                for parent in {one.path.parent for one in changes}:
                    _sweep(parent)
                for one in changes:
                    shown = one.shown
                    waiting.append((one.path.parent / f"{_WAITING}{one.path.stem}", one.path))
                    _write_beside(one, waiting[-1][0])
                for one in changes:
                    now = one.path.read_bytes() if one.path.exists() else b""
                    if now != one.before:
                        advice = "Nothing is written. Try again."
                        raise KGError("this file changed meanwhile", where=one.shown, advice=advice)
                for one in changes:
                    shown = one.shown
                    os.replace(*waiting[0])
                    del waiting[0]
                    made = [path for path in made if path not in one.path.parents]
            finally:
                for name, _ in waiting:
                    with contextlib.suppress(OSError):
                        os.unlink(name)
                for path in reversed(made):
                    with contextlib.suppress(OSError):
                        path.rmdir()
    except OSError as error:
        raise KGError(
            f"this file cannot be written: {error.strerror}",
            where=shown,
            advice="Mend that, and run the command again.",
        ) from None


# A name without the ending of Turtle files, which nothing reads.
_WAITING = ".kg-import-"


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise KGError(
            "another command is writing here", where=str(folder), advice="Try again when it is done."
        ) from None
    finally:
        os.close(handle)


def _make_folders(folder: Path) -> list[Path]:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _sweep(folder: Path) -> None:
    """Delete what a killed command left behind; the lock says that none is at work."""
    for path in folder.glob(f"{_WAITING}*"):
        path.unlink()


def _write_beside(one: Formatted, path: Path) -> None:
    """Write a file under another name, with the mode that it has or a new one gets."""
    exists = one.path.exists()
    if exists and not os.access(one.path, os.W_OK):
        raise PermissionError(0, "it may not be written")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        if exists:
            os.fchmod(file.fileno(), one.path.stat().st_mode & 0o7777)
        file.write(one.after)
        file.flush()
        os.fsync(file.fileno())


def diff(files: Iterable[Formatted]) -> Iterator[str]:
    """Give the lines of a unified diff from files as they are to files as they should be."""
    for one in files:
        before = one.before.decode("utf-8").splitlines(keepends=True)
        after = one.after.decode("utf-8").splitlines(keepends=True)
        for line in difflib.unified_diff(before, after, f"a/{one.shown}", f"b/{one.shown}"):
            yield line.rstrip("\n")
