"""One repository: its settings, its prefix table, and the Turtle files in it with the part each plays."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from kg.errors import KGError, SettingsError, TurtleError
from kg.labels import compact
from kg.messages import say
from kg.parsings import Parsings
from kg.settings import FILE_NAME, Settings, load_settings
from kg.turtle import Document, PrefixDeclaration, Statement, glance, read_document, with_bounds
from kg.vocabulary import KG

__all__ = ["PREFIX_TABLE", "PUBLISHED", "Project", "Reading", "Role", "bytes_of", "open_project"]

PREFIX_TABLE = "prefixes.ttl"
#: The register of published IRIs, which kg release writes.
PUBLISHED = "published.txt"
#: What a terminal, JSON or a database cannot show of a path: control characters, and bytes that are not UTF-8.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Role(StrEnum):
    """The part that a Turtle file plays."""

    ONTOLOGY = "ontology"
    REGISTER = "register"
    SOURCE = "source"
    SHAPES = "shapes"


@dataclass(frozen=True)
class Reading:
    """Every Turtle file of a project, read once: its documents by role, and what could not be read."""

    documents: Mapping[Role, Sequence[Document]]
    errors: Sequence[TurtleError]

    def all(self) -> Iterator[Document]:
        """Give every document: ontology, register, sources, shapes."""
        for role in Role:
            yield from self.documents.get(role, ())

    @cached_property
    def by_graph(self) -> Mapping[NamedNode, Document]:
        """The document of each named graph; of two that name the same one, the first by path."""
        found: dict[NamedNode, Document] = {}
        for document in self.all():
            found.setdefault(document.graph, document)
        return found

    @cached_property
    def terms(self) -> frozenset[NamedNode | BlankNode | Literal]:
        """Every term of a statement: they are far fewer than the places where they stand."""
        return frozenset(term for statement in self.statements(*Role) for term in statement[:3])

    def statements(self, *roles: Role) -> Iterator[Statement]:
        """Give what the files state that play one of the roles."""
        for role in roles:
            for document in self.documents.get(role, ()):
                yield from document.statements

    def sources(self, source_property: NamedNode) -> Mapping[str, Sequence[Document]]:
        """Return the source files grouped by the source that their headers name; by graph where none is named."""
        groups: dict[str, list[Document]] = {}
        for document in self.documents.get(Role.SOURCE, ()):
            named = sorted(
                statement.object.value
                for statement in document.statements
                if statement.subject == document.graph
                and statement.predicate == source_property
                and isinstance(statement.object, NamedNode)
            )
            groups.setdefault(named[0] if named else document.graph.value, []).append(document)
        return groups

    def quads(self, *roles: Role) -> Iterator[Quad]:
        """Give the quads of all files, or of those that play a role."""
        for role in roles or Role:
            for document in self.documents.get(role, ()):
                for statement in document.statements:
                    yield Quad(statement.subject, statement.predicate, statement.object, document.graph)


@dataclass(frozen=True)
class Project:
    """A repository with a `kg.toml`."""

    root: Path
    settings: Settings
    #: Prefix to namespace, as `prefixes.ttl` in the ontology folder gives them.
    prefixes: Mapping[str, str]
    prefix_lines: Sequence[PrefixDeclaration] = field(default=(), repr=False)

    def shown(self, path: Path) -> str:
        """Return a path as people see it: from the project's root, with slashes, and � for what is no text."""
        return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", self._relative(path))

    def _relative(self, path: Path) -> str:
        # Asked of each file many times, and pathlib takes its time.
        text, top = os.fspath(path), f"{self.root}{os.sep}"
        return text[len(top) :].replace(os.sep, "/") if text.startswith(top) else path.relative_to(self.root).as_posix()

    def name_fault(self, path: Path) -> str:
        """Return what is wrong with the name of a file, "" if nothing is."""
        if _NO_TEXT.search(self._relative(path)):
            return say("the name of this file is not UTF-8, or holds a control character")
        return ""

    @property
    def provenance(self) -> frozenset[str]:
        """The IRIs of the properties that the engine itself asks for: the source, and places in it."""
        return frozenset(self.expand(name).value for name in (self.settings.source, *self.settings.passages))

    def expand(self, curie: str) -> NamedNode:
        """Return the IRI of a prefixed name from the settings. Raises SettingsError for an unknown prefix."""
        prefix, _, local = curie.partition(":")
        if prefix not in self.prefixes:
            raise SettingsError(
                f"the prefix of {curie} is not in the prefix table",
                where=FILE_NAME,
                advice=f"Add it to {self.settings.ontology_folder}/{PREFIX_TABLE}.",
            )
        return NamedNode(self.prefixes[prefix] + local)

    def compact(self, iri: str) -> str:
        """Return an IRI as a prefixed name where the prefix table has the longest fitting namespace."""
        return compact(iri, self.prefixes)

    def graph_name(self, path: str) -> str:
        """Return the name of the graph of a data file by convention: its path, without the folder of sources."""
        name = path.removesuffix(".ttl")
        first, slash, rest = name.partition("/")
        return rest if slash and first != self.settings.register else name

    @property
    def snapshots(self) -> Path:
        """The folder of the snapshots; it may not exist yet."""
        return self.root / self.settings.snapshot_folder

    @property
    def checks(self) -> Path:
        """The folder of what checks remember; it may not exist yet."""
        return self.snapshots / "checks"

    def turtle_files(self) -> Iterator[tuple[Role, Path]]:
        """Give every Turtle file with its role, sorted by path. Raises KGError for a folder that is missing."""
        data = self.settings.data_folder
        register = f"{self.root / data / self.settings.register}{os.sep}"
        for role, folder in (
            (Role.ONTOLOGY, self.settings.ontology_folder),
            (None, data),
            (Role.SHAPES, self.settings.shapes_folder),
        ):
            for path in self.files(folder, ".ttl"):
                if role is Role.ONTOLOGY and path.name == PREFIX_TABLE:
                    continue
                registered = os.fspath(path).startswith(register)
                yield role or (Role.REGISTER if registered else Role.SOURCE), path

    def files(self, folder: str, ending: str) -> Iterator[Path]:
        """Give the files of a folder with an ending, sorted by path; links to folders are not followed."""
        top = self.root / folder
        if not top.is_dir():
            raise KGError(
                "this folder is missing",
                where=f"{folder}/",
                advice=f"Make it, or set another one in {FILE_NAME} ([folders]).",
            )

        def fail(error: OSError) -> None:
            raise KGError("this folder cannot be read", where=folder, found=str(error.strerror)) from None

        found: list[Path] = []
        for parent, folders, names in os.walk(top, onerror=fail):
            folders.sort()
            found += [Path(parent, name) for name in names if name.endswith(ending)]
        yield from sorted(found)

    def inputs(self) -> Iterator[Path]:
        """Give every file that a check or a build reads."""
        settings = self.settings
        yield self.root / FILE_NAME
        yield self.root / settings.ontology_folder / PREFIX_TABLE
        yield from (path for _, path in self.turtle_files())
        if (self.root / settings.views_folder).is_dir():
            yield from self.files(settings.views_folder, ".rq")
        if (self.root / PUBLISHED).exists():
            yield self.root / PUBLISHED

    def inputs_digest(self) -> str:
        """Return a SHA-256 over the bytes of all files that a build reads, to tell whether anything changed."""
        digest = hashlib.sha256()
        for path in self.inputs():
            try:
                data = bytes_of(path)
            except OSError as error:
                data = str(error.errno).encode()
            digest.update(f"{self.shown(path)}\0{len(data)}\0".encode())
            digest.update(data)
        return digest.hexdigest()

    def _read_file(self, path: Path) -> bytes:
        if fault := self.name_fault(path):
            raise TurtleError(fault, path=self.shown(path), line=1, column=1, advice=say("Rename it."))
        size, most = path.stat().st_size, self.settings.file_megabytes
        if size > most * 1_000_000:
            raise TurtleError(
                say(
                    "this file has %(size)s MB; at most %(most)s are read (limits.file_megabytes)",
                    size=size // 1_000_000,
                    most=most,
                ),
                path=self.shown(path),
                line=1,
                column=1,
                advice=say("Split it into several files, or raise the limit in kg.toml."),
            )
        return bytes_of(path)

    def read(self, parsings: Parsings | None = None) -> Reading:
        """Return all Turtle files, each with the bounds of its dates; what is wrong is collected, not raised.

        With what was parsed before, only other files are parsed.
        """
        documents, errors = self._documents(parsings.read if parsings else read_document)
        if parsings:
            parsings.save()
        dated = _dated_properties(documents[Role.ONTOLOGY])
        for role in (Role.REGISTER, Role.SOURCE):
            for index, document in enumerate(documents[role]):
                documents[role][index], wrong = with_bounds(document, dated)
                errors += wrong
        return Reading(documents, errors)

    def glance(self) -> Reading:
        """Return all Turtle files, without bounds and without the places of statements: much sooner than `read`."""
        return Reading(*self._documents(glance))

    def _documents(
        self, reader: Callable[[bytes, str], Document]
    ) -> tuple[dict[Role, list[Document]], list[TurtleError]]:
        documents: dict[Role, list[Document]] = {role: [] for role in Role}
        errors: list[TurtleError] = []
        for role, path in self.turtle_files():
            shown = self.shown(path)
            try:
                documents[role].append(reader(self._read_file(path), shown))
            except TurtleError as error:
                errors.append(error)
            except OSError as error:
                errors.append(
                    TurtleError(
                        say("this file cannot be read: %(reason)s", reason=error.strerror),
                        path=shown,
                        line=1,
                        column=1,
                    )
                )
        return documents, errors


def bytes_of(path: Path) -> bytes:
    """Return what is in a file. Raises OSError for a pipe or a device too, which might never end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is a pipe, a device or the like")
    return path.read_bytes()


def _dated_properties(ontology: Sequence[Document]) -> Mapping[NamedNode, tuple[NamedNode, NamedNode]]:
    """Return the properties that the ontology annotates as imprecise dates, with those of their bounds."""
    ends: dict[NamedNode, dict[NamedNode, NamedNode]] = {}
    for document in ontology:
        for statement in document.statements:
            if (
                statement.predicate in (KG.earliest, KG.latest)
                and isinstance(statement.subject, NamedNode)
                and isinstance(statement.object, NamedNode)
            ):
                ends.setdefault(statement.subject, {})[statement.predicate] = statement.object
    return {subject: (found[KG.earliest], found[KG.latest]) for subject, found in ends.items() if len(found) == 2}


def open_project(root: Path) -> Project:
    """Return the project in a folder. Raises KGError for settings, folders or a prefix table that will not do."""
    root = root.resolve()
    settings = load_settings(root / FILE_NAME)
    table = root / settings.ontology_folder / PREFIX_TABLE
    shown = table.relative_to(root).as_posix()
    try:
        document = read_document(bytes_of(table), shown, need_graph=False)
    except OSError as error:
        raise KGError(
            f"the prefix table cannot be read: {error.strerror}",
            where=shown,
            advice="It holds the @prefix lines that all files share.",
        ) from None
    project = Project(
        root,
        settings,
        {declared.prefix: declared.namespace for declared in document.prefixes},
        tuple(document.prefixes),
    )
    for curie in settings.curies:
        project.expand(curie)
    return project
