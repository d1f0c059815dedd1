"""RDF files of any origin, without a project: which files, in which formats, and the quads that they hold.

Every format that the parser knows is read, compressed or not. A file is never changed, nothing is written beside it,
nothing outside of it is fetched, and nothing that is published tells in which folder of the machine it lies.
"""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import hashlib
import io
import itertools
import lzma
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote
from xml.parsers import expat

from pyoxigraph import Quad, RdfFormat, parse

from kg.errors import KGError, TurtleError
from kg.settings import Settings
from kg.turtle import excerpt_of, message_of, places_of

__all__ = ["FORMATS", "FileSet", "Source", "open_files", "read"]

#: By extension, with the name that people know it by. A folder is searched for the first eight.
FORMATS: Mapping[str, tuple[str, RdfFormat]] = {
    "ttl": ("Turtle", RdfFormat.TURTLE),
    "trig": ("TriG", RdfFormat.TRIG),
    "nt": ("N-Triples", RdfFormat.N_TRIPLES),
    "nq": ("N-Quads", RdfFormat.N_QUADS),
    "rdf": ("RDF/XML", RdfFormat.RDF_XML),
    "owl": ("RDF/XML", RdfFormat.RDF_XML),
    "jsonld": ("JSON-LD", RdfFormat.JSON_LD),
    "n3": ("N3", RdfFormat.N3),
    # Much else is called so too; therefore only for files that are named one by one.
    "xml": ("RDF/XML", RdfFormat.RDF_XML),
    "json": ("JSON-LD", RdfFormat.JSON_LD),
}
_IN_FOLDERS = frozenset(itertools.islice(FORMATS, 8))

_PACKINGS: Mapping[str, Callable[[IO[bytes]], Any]] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
_BROKEN_PACKING = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)

# Text up to this size is held whole while it is read, so that lines can be told; more is read as a stream.
_HELD = 32 << 20
# A compressed file may grow so much, and beyond that by this factor: RDF seldom shrinks to a fiftieth.
_GROWTH, _RATIO = 64 << 20, 200
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Source:
    """One file: where it is, what it is called in what is published, and how to read it."""

    #: None for standard input.
    path: Path | None
    #: As the person wrote it, for messages.
    given: str
    #: As pages and documents call it: never more of the path than tells the files apart.
    name: str
    format: RdfFormat
    packing: str = ""
    #: What came by standard input.
    text: IO[bytes] | None = field(default=None, repr=False, compare=False)

    @property
    def iri(self) -> str:
        """The IRI that relative ones are resolved against, and the graph of what the file puts into none."""
        return "file:///" + quote(self.name)

    @contextlib.contextmanager
    def open(self) -> Iterator[io.BufferedReader[Any]]:
        """Open the file, unpacked, after a byte order mark. Raises OSError."""
        if self.text is not None:
            self.text.seek(0)
            raw: IO[bytes] = self.text
        else:
            assert self.path is not None
            raw = _opened(self.path)
        try:
            stream: Any = raw
            if self.packing:
                stream = _Growing(_PACKINGS[self.packing](raw), raw)
            buffered = io.BufferedReader(_Steady(stream), _CHUNK)
            if buffered.peek(3).startswith(codecs.BOM_UTF8):
                buffered.read(3)
            yield buffered
        finally:
            if self.text is None:
                raw.close()

    def digest(self) -> str:
        """Return the SHA-256 of the bytes of the file as it is, packed or not; of the fault if it cannot be read."""
        try:
            if self.text is not None:
                self.text.seek(0)
                return hashlib.file_digest(self.text, "sha256").hexdigest()  # type: ignore[arg-type]
            assert self.path is not None
            with _opened(self.path) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        except OSError as error:
            return f"error {error.errno}"


def _opened(path: Path) -> IO[bytes]:
    """Open a file. Raises OSError for a pipe or a device too, which might never end, without waiting for one."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(22, "it is a pipe, a device or the like; give it as - on standard input")
    return os.fdopen(handle, "rb")


class _Growing(io.RawIOBase):
    """What is unpacked from a stream, as long as it does not grow beyond all measure."""

    def __init__(self, unpacked: Any, packed: IO[bytes]) -> None:
        self._unpacked, self._packed, self._given = unpacked, packed, 0

    def read(self, size: int = -1) -> bytes:
        try:
            data: bytes = self._unpacked.read(_CHUNK if size < 0 else size)
        except _BROKEN_PACKING as error:
            raise OSError(5, f"it cannot be unpacked ({error})") from None
        self._given += len(data)
        if self._given > _GROWTH and self._given > _RATIO * max(self._packed.tell(), 1):
            raise OSError(27, f"it grows to more than {_RATIO} times its size; unpack it yourself if that is right")
        return data


class _Steady(io.RawIOBase):
    """A raw stream for a buffer, around anything with `read`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


# --- which files -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileSet:
    """Files that are served together, and the folder of their snapshots. `kg.build` takes it as it takes a project."""

    sources: Sequence[Source]
    #: `union`: the default graph is everything, and a file's triples are a named graph too. `plain`: it is what the
    #: files put there.
    default_graph: str
    snapshots: Path
    #: Whether another process that is given the same files has the same folder of snapshots.
    is_kept: bool

    @property
    def title(self) -> str:
        """What the files are called together."""
        names = [source.name for source in self.sources]
        return ", ".join(names[:3]) + (f" + {len(names) - 3}" if len(names) > 3 else "")

    @cached_property
    def settings(self) -> Settings:
        """The settings of a graph that has no `kg.toml`: all defaults, under a base that no IRI of the files has."""
        return Settings(base_iri="urn:x-kg:files/", title={"en": self.title}, snapshots_kept=2)

    @property
    def prefixes(self) -> Mapping[str, str]:
        """Prefixes known before the files are read: none. A snapshot of them has those that they declare."""
        return {}

    def inputs_digest(self) -> str:
        """Return a SHA-256 over all that a build reads, to tell whether anything changed."""
        digest = hashlib.sha256(self.default_graph.encode())
        for source in self.sources:
            digest.update(f"{source.name}\0{source.format.name}\0{source.packing}\0{source.digest()}\0".encode())
        return digest.hexdigest()


@contextlib.contextmanager
def open_files(given: Sequence[str], *, form: str = "", default_graph: str = "union") -> Iterator[FileSet]:
    """Give the files that are named, those below a folder that is named, and standard input for `-`, each once.

    `form` is an extension of FORMATS that counts instead of those of the files. Their snapshots are kept in the
    user's cache; where it cannot be written, in a temporary folder that ends with the context. Raises KGError for a
    name that leads to no file or to one whose format is not known.
    """
    with contextlib.ExitStack() as stack:
        found: dict[Path, tuple[str, list[str]]] = {}  # by real path: as given, and the parts of its name
        standard_input = False
        for one in given:
            if one == "-":
                standard_input = True
                continue
            for path, shown, parts in _below(one):
                found.setdefault(path, (shown, parts))
        sources = []
        for (path, (shown, _)), name in zip(found.items(), _names(found), strict=True):
            extension, packing = _extension(path.name)
            sources.append(Source(path, shown, name, _format(form or extension, shown), packing))
        if standard_input:
            if not form:
                raise KGError(
                    "nothing tells the format of standard input",
                    where="-",
                    expected=f"--input-format {'|'.join(FORMATS)}",
                )
            spool = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(sys.stdin.buffer, spool)
            sources.append(Source(None, "-", "standard input", _format(form, "-"), "", spool))
        key = "\0".join([form, default_graph, *sorted({os.path.abspath(one) for one in given})])
        snapshots, is_kept = stack.enter_context(_cache("" if standard_input else key))
        yield FileSet(sources, default_graph, snapshots, is_kept)


def _below(given: str) -> Iterator[tuple[Path, str, list[str]]]:
    """Give the files that a name leads to: real path, as people write it, and the parts of its name in the end."""
    top = Path(given)
    try:
        given.encode()
        mode = top.stat().st_mode
    except UnicodeEncodeError:
        raise KGError("the name of a file is not UTF-8", found=ascii(given), advice="Rename it.") from None
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise KGError(f"this file cannot be read: {problem}", where=given) from None
    if not stat.S_ISDIR(mode):
        yield top.resolve(), given, [top.name]
        return

    def fail(error: OSError) -> None:
        raise KGError("this folder cannot be read", where=str(error.filename), found=str(error.strerror)) from None

    some = False
    for folder, folders, names in os.walk(top, onerror=fail):  # links to folders are not followed
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if name.startswith(".") or _extension(name)[0] not in _IN_FOLDERS or not path.is_file():
                continue
            try:
                name.encode()
            except UnicodeEncodeError:
                raise KGError("the name of a file is not UTF-8", found=ascii(str(path)), advice="Rename it.") from None
            some = True
            yield path.resolve(), str(path), [top.resolve().name, *path.relative_to(top).parts]
    if not some:
        raise KGError(
            "no RDF file is in this folder",
            where=given,
            expected=f"files that end in {', '.join('.' + e for e in sorted(_IN_FOLDERS))}",
        )


def _names(found: Mapping[Path, tuple[str, list[str]]]) -> list[str]:
    """Return what each file is called: the end of its path that no other one has."""
    lengths = {path: len(parts) for path, (_, parts) in found.items()}
    while True:
        by_name: dict[str, list[Path]] = {}
        for path, (_, parts) in found.items():
            own = parts if lengths[path] <= len(parts) else path.parts[-lengths[path] :]
            by_name.setdefault("/".join(own), []).append(path)
        alike = [path for paths in by_name.values() if len(paths) > 1 for path in paths]
        if not alike:
            return [name for path in found for name, paths in by_name.items() if paths == [path]]
        for path in alike:  # real paths differ, so this ends
            lengths[path] += 1


def _extension(name: str) -> tuple[str, str]:
    """Return the extension that tells the format, and that of the packing around it."""
    parts = name.lower().split(".")
    packing = parts.pop() if len(parts) > 1 and parts[-1] in _PACKINGS else ""
    return parts[-1] if len(parts) > 1 else "", packing


def _format(extension: str, where: str) -> RdfFormat:
    if extension not in FORMATS:
        known = ", ".join(f".{one}" for one in FORMATS)
        raise KGError(
            "the name of this file does not tell its format",
            where=where,
            expected=f"one of {known}, perhaps followed by .gz, .bz2 or .xz",
            advice="Say it: --input-format ttl, for example.",
        )
    return FORMATS[extension][1]


# --- where snapshots of files are kept -------------------------------------------------------------------

# A snapshot of files that nobody asked for in so many days is removed.
_KEPT_DAYS = 30


@contextlib.contextmanager
def _cache(key: str) -> Iterator[tuple[Path, bool]]:
    """Give the folder of the snapshots for a key, and whether it is kept; it is not without a key."""
    if key:
        with contextlib.suppress(OSError, RuntimeError):
            home = os.environ.get("XDG_CACHE_HOME", "")
            top = (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "kg"
            folder = top / hashlib.sha256(key.encode()).hexdigest()[:16]
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                os.utime(folder)
            _forget_old(top, folder)
            yield folder, True
            return
    with tempfile.TemporaryDirectory(prefix="kg-", ignore_cleanup_errors=True) as temporary:
        yield Path(temporary), False


def _forget_old(top: Path, used: Path) -> None:
    newest = used.stat().st_mtime
    for folder in top.iterdir():
        if folder.is_dir() and not folder.is_symlink() and folder.stat().st_mtime < newest - _KEPT_DAYS * 86400:
            shutil.rmtree(folder, ignore_errors=True)


# --- reading ---------------------------------------------------------------------------------------------


@dataclass
class Reading:
    """The quads of one file, in its order, each with line and column; 0 where they are not known."""

    quads: Iterator[tuple[Quad, int, int]]
    #: Whole only when the quads are read.
    prefixes: dict[str, str]


def read(source: Source) -> Reading:
    """Return the quads of a file as they are read. While they are, TurtleError is raised for the first fault.

    The places are those of objects in Turtle up to 32 MiB, of lines in N-Triples and N-Quads, and not known in
    other formats.
    """
    prefixes: dict[str, str] = {}
    return Reading(_quads(source, prefixes), prefixes)


def _quads(source: Source, prefixes: dict[str, str]) -> Iterator[tuple[Quad, int, int]]:
    text = b""
    try:
        if source.format == RdfFormat.RDF_XML:
            _well_formed(source)
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(source.open())
            places: Iterable[tuple[int, int]] = itertools.repeat((0, 0))
            readable: Any = stream
            if source.format == RdfFormat.TURTLE:
                text = stream.read(_HELD)
                more = stream.peek(1)
                readable = io.BytesIO(text) if not more else _Joined(text, stream)
                if not more:
                    places = _LaterPlaces(text)
            elif source.format in (RdfFormat.N_TRIPLES, RdfFormat.N_QUADS):
                places = itertools.chain(_lines(stack.enter_context(source.open())), places)
            parser = parse(readable, format=source.format, base_iri=source.iri)
            for quad, (line, column) in zip(parser, places, strict=False):
                yield quad, line, column
            prefixes.update(parser.prefixes)
    except SyntaxError as fault:
        message = message_of(fault) or "the text ends here or cannot be read"
        raise _error(source, message, fault.lineno or 1, fault.offset or 1) from None
    except OSError as error:
        raise _error(source, f"this file cannot be read: {error.strerror or error}", 1, 1) from None


class _LaterPlaces:
    """The places in a Turtle text, worked out when the first is asked for, which is after its first token parsed."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def __iter__(self) -> Iterator[tuple[int, int]]:
        yield from places_of(self._text)
        yield from itertools.repeat((0, 0))


class _Joined:
    """A stream whose beginning has been read already."""

    def __init__(self, begun: bytes, rest: IO[bytes]) -> None:
        self._begun, self._rest = io.BytesIO(begun), rest

    def read(self, size: int = -1) -> bytes:
        return self._begun.read(size) or self._rest.read(size)


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Give the number of each line that holds a statement."""
    for number, line in enumerate(stream, start=1):
        start = line.lstrip()
        if start and not start.startswith(b"#"):
            yield number, 1


def _well_formed(source: Source) -> None:
    """Raise TurtleError for RDF/XML that is no XML, reaches out, or grows: the RDF parser is not asked to judge that.

    It takes what is cut off for whole, and entities at any length.
    """
    checker = expat.ParserCreate()

    def declared(name: str, _parameter: bool, value: str | None, *_: object) -> None:
        if value is None:
            raise _error(
                source, f"the entity {name} is in another file or at an address", checker.CurrentLineNumber,
                checker.CurrentColumnNumber + 1, advice="Nothing is fetched. Write its text into this file.",
            )  # fmt: skip

    checker.EntityDeclHandler = declared
    try:
        with source.open() as stream:
            while data := stream.read(_CHUNK):
                checker.Parse(data, False)
            checker.Parse(b"", True)
    except expat.ExpatError as fault:
        problem = f"this is not XML: {expat.ErrorString(fault.code)}"
        raise _error(source, problem, fault.lineno, fault.offset + 1) from None


_REMOTE_CONTEXT = "No LoadDocumentCallback has been set to load remote contexts"


def _error(source: Source, problem: str, line: int, column: int, *, advice: str = "") -> TurtleError:
    name = next(name for name, form in FORMATS.values() if form == source.format)
    if problem == _REMOTE_CONTEXT:
        problem = "this JSON-LD takes its @context from another address"
        advice = "Nothing is fetched. Write the context into the file, or expand the file first."
    elif "relative IRI" in problem or "scheme" in problem:
        advice = "Write the whole IRI."
    elif not advice and "cannot be read" not in problem:
        advice = f"It is read as {name}. If it is something else, say so: --input-format."
    excerpt = ""
    with contextlib.suppress(OSError), source.open() as stream:
        found = next(itertools.islice((stream.readline(1 << 20) for _ in itertools.count()), line - 1, line))
        excerpt = excerpt_of(found.decode("utf-8", "replace"), 1)
    return TurtleError(problem, path=source.given, line=line, column=column, excerpt=excerpt, advice=advice)
