"""From a repository to a snapshot: read, check, infer, write beside the one in use, and swap."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store

from kg import history, metadata
from kg.aside import without_search_for_garbage
from kg.dates import day_number
from kg.differences import told
from kg.dumps import write_dumps
from kg.engine import engine_version
from kg.errors import KGError, QueryError, SnapshotError
from kg.facets import parse_facets, values_of
from kg.files import FileSet
from kg.labels import labels_in, local_name, sort_key, worked_out_labels
from kg.literals import Written
from kg.parsings import Parsings
from kg.presentation import arrange, presentation
from kg.project import Project, Reading, Role
from kg.queries import Data, Question, ask_each_within
from kg.results import to_json
from kg.rules import Inference, Triple
from kg.search import OTHER, PREFERRED, write_index
from kg.settings import Settings
from kg.snapshot import (
    CURRENT,
    GRAPH,
    INDEXES,
    LAYOUT,
    MANIFEST,
    SCHEMA,
    SITE,
    Snapshot,
    digest_of,
    open_snapshot,
    term_key,
)
from kg.turtle import Statement
from kg.views import View, read_views
from kg.vocabulary import ALTERNATIVES, KG, LABELS, RDF, RDFS

if TYPE_CHECKING:
    from kg.checks import Checked
    from kg.findings import Finding

__all__ = ["Built", "CheckFailed", "build", "current_snapshot", "ensure", "last_good"]

Progress = Callable[[str], None]

_INPUTS = "inputs.json"

# Where documents are served, by how many, and what one question may cost says nothing about the graph.
_NOT_CONTENT = {
    "public_url", "threads", "snapshot_folder", "snapshots_kept", "query_seconds", "query_memory", "result_rows",
    "result_bytes", "executors", "site_executors",
}  # fmt: skip
# Nor do the limits of requests.
_NOT_CONTENT |= {"head_bytes", "head_seconds", "request_bytes", "body_seconds", "answer_seconds", "held_bytes"}
_NOT_CONTENT |= {"connections", "waiting", "proxies", "response_cache"}
_NOT_CONTENT |= {"queue", "queue_seconds", "client_share", "answer_cache"}


class CheckFailed(KGError):
    """The graph has violations, so it is not built; `findings` has them all."""

    def __init__(
        self,
        findings: Sequence[Finding],
        problem: str = "the graph does not pass its checks",
        advice: str = "Run: kg check",
    ) -> None:
        self.findings = findings
        super().__init__(problem, advice=advice)


@dataclass(frozen=True)
class Built:
    """What a build gave: the snapshot, whether it was there already, and the warnings on the way."""

    snapshot: Snapshot
    fresh: bool
    findings: Sequence[Finding] = ()


# --- the folder of snapshots -----------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock of a folder of snapshots; wait for another build that has it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another build of this graph to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob("building-*"):  # by a build that was ended
            shutil.rmtree(left, ignore_errors=True)
        for left in (*folder.glob(f".{CURRENT}-*"), *folder.rglob(".writing-*")):
            left.unlink(missing_ok=True)
        yield


def _write(path: Path, text: str) -> None:
    """Write a small file so that it is either the old one or the new one, whatever happens."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _point(folder: Path, name: str) -> None:
    """Make `current` point to a snapshot, in one step."""
    link = folder / f".{CURRENT}-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(name)
    with contextlib.suppress(OSError):
        os.utime(folder / name)  # used now: what is served until the next swap is not the oldest then
    os.replace(link, folder / CURRENT)
    _sync(folder)


def _prune(folder: Path, keep: int) -> None:
    """Remove all but the newest snapshots; the current one always stays."""
    current = (folder / CURRENT).resolve()
    old = sorted(
        (path for path in folder.iterdir() if (path / MANIFEST).is_file() and not path.is_symlink()),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in old[keep:]:
        if path != current:
            doomed = path.with_name(f"building-{path.name}")  # what a kill leaves of it goes with the next build
            with contextlib.suppress(OSError):
                os.rename(path, doomed)
            shutil.rmtree(doomed, ignore_errors=True)


def current_snapshot(project: Project | FileSet) -> Snapshot:
    """Return the snapshot in use. Raises SnapshotError if there is none, or if it is damaged."""
    link = project.snapshots / CURRENT
    if not link.exists():
        raise SnapshotError(
            "this graph is not built yet", where=project.settings.snapshot_folder, advice="Run: kg build"
        )
    return open_snapshot(link.resolve())


def last_good(project: Project | FileSet) -> Snapshot:
    """Return the current snapshot; if it is damaged, the newest one that is whole, which is current from then on.

    Raises SnapshotError if there is none.
    """
    folder = project.snapshots
    try:
        return current_snapshot(project)
    except SnapshotError:
        others = [path for path in folder.glob("*") if (path / MANIFEST).is_file() and not path.is_symlink()]
        for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True):
            with contextlib.suppress(SnapshotError, OSError):
                snapshot = open_snapshot(path)
                _point(folder, path.name)
                return snapshot
        raise


def origin_of_snapshot(snapshot: Snapshot) -> metadata.Origin:
    """Return the commit that a snapshot was last built from, as far as it is known."""
    return metadata.read_origin(snapshot.path)


def up_to_date(project: Project | FileSet) -> Snapshot | None:
    """Return the current snapshot if nothing that a build reads has changed since, else None. Reads no Turtle."""
    try:
        record = json.loads((project.snapshots / _INPUTS).read_text(encoding="utf-8"))
        if record == {**record, "inputs": project.inputs_digest(), "engine": engine_version()}:
            snapshot = current_snapshot(project)
            return snapshot if snapshot.name == record["snapshot"] else None
    except (OSError, ValueError, KeyError, TypeError, SnapshotError):
        pass
    return None


# --- building --------------------------------------------------------------------------------------------


def ensure(project: Project | FileSet, progress: Progress = lambda _: None) -> Built:
    """Return the snapshot of what the repository says now, built if needed."""
    if (snapshot := up_to_date(project)) is not None:
        _note_origin(project, snapshot)
        return Built(snapshot, fresh=False)
    return build(project, progress)


@dataclass(frozen=True)
class _Plan:
    """A snapshot to be written: its name, how to fill its folder, and the findings on the way to it."""

    name: str
    fill: Callable[[Path, sqlite3.Connection], None]
    findings: Sequence[Finding] = ()


@without_search_for_garbage()
def build(project: Project | FileSet, progress: Progress = lambda _: None) -> Built:
    """Check a project, or read files that belong to none, and build the snapshot; `current` points to it in the end.

    Nothing in use changes before the last step. Raises CheckFailed with all findings, QueryError for a view
    that will not do, SnapshotError if the files cannot be written.
    """
    folder = project.snapshots
    try:
        with _locked(folder, progress):
            # Taken first: a file that changes while we read makes the next start build again.
            inputs = project.inputs_digest()
            if isinstance(project, Project):
                plan = _of_project(project, progress)
            else:
                plan = _of_files(project, inputs, progress)
            fresh = not _is_whole(folder / plan.name)
            if fresh:
                _write_snapshot(plan, folder / plan.name)
            progress("swapping")
            _point(folder, plan.name)
            record = {"inputs": inputs, "engine": engine_version(), "snapshot": plan.name}
            _write(folder / _INPUTS, json.dumps(record))
            snapshot = open_snapshot(folder / plan.name)
            _note_origin(project, snapshot)
            _prune(folder, project.settings.snapshots_kept)
    except UnicodeEncodeError as error:
        name = ascii(str(error.object).partition("\0")[0])
        raise KGError("the name of a file is not UTF-8", found=name, advice="Rename it.") from None
    except (OSError, sqlite3.Error) as error:
        found = getattr(error, "strerror", None) or str(error)
        if not isinstance(project, Project):
            advice = "Make room, or set XDG_CACHE_HOME (or TMPDIR) elsewhere."
            raise SnapshotError(_UNWRITTEN, where=str(folder), found=found, advice=advice) from error
        kept = "The last good snapshot is as it was. " if (folder / CURRENT).exists() else ""
        raise SnapshotError(
            _UNWRITTEN,
            where=project.settings.snapshot_folder,
            found=found,
            advice=f"{kept}Make room, or set snapshots.folder elsewhere.",
        ) from error
    return Built(snapshot, fresh, plan.findings)


_UNWRITTEN = "the snapshot could not be written"


def _of_project(project: Project, progress: Progress) -> _Plan:
    """Read and check a project. Raises CheckFailed with all findings."""
    from kg.checks import check  # heavy, and a warm start does without it

    progress("reading files")
    reading = project.read(Parsings(project.checks))
    progress("checking")
    checked = check(project, reading, language=project.settings.default_language)
    if not checked.passed:
        raise CheckFailed(checked.findings)
    views = read_views(project)
    progress("inferring and naming")
    quads = _all_quads(project, reading, checked)
    name = _name(project.settings, project.prefixes, quads, reading, views)

    def fill(folder: Path, connection: sqlite3.Connection) -> None:
        progress("writing quads")
        lines = quads.lines([document.graph for document in reading.all()])
        (folder / GRAPH).write_text("\n".join(lines) + "\n", encoding="utf-8")
        write_dumps(folder / GRAPH, folder, project.prefixes)
        _Writer(connection, project, reading, quads).write(views, progress)

    return _Plan(name, fill, checked.findings)


def _of_files(files: FileSet, inputs: str, progress: Progress) -> _Plan:
    """Plan the snapshot of files, which are read only if it is not there. Filling it raises CheckFailed."""
    from kg.findings import Finding, Severity
    from kg.loading import load

    def fill(folder: Path, connection: sqlite3.Connection) -> None:
        loaded = load(files, connection, folder / GRAPH, progress)
        if loaded.errors:
            findings = [
                Finding(e.path, e.line, e.column, Severity.VIOLATION, "syntax", e.problem, e.advice, e.excerpt)
                for e in loaded.errors
            ]
            raise CheckFailed(findings, "these files cannot be read as they are", "Mend them, or leave them out.")
        meta = {**loaded.meta, "settings": _settings_content(loaded.settings)}
        rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in meta.items()]
        connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)

    return _Plan(hashlib.sha256(f"{engine_version()}\0{inputs}".encode()).hexdigest(), fill)


def _note_origin(project: Project | FileSet, snapshot: Snapshot) -> None:
    """Write down which commit the snapshot stands for now; the same content may come from several."""
    if not isinstance(project, Project):
        return
    origin = metadata.origin_of(project.root)
    if origin != origin_of_snapshot(snapshot) or not (snapshot.path / metadata.ORIGIN).exists():
        with contextlib.suppress(OSError):  # a snapshot on a read-only disk serves as well
            found = history.history_of(project.root, [file.path for file in snapshot.files.values()])
            _write(snapshot.path / history.HISTORY, history.to_json(found))
            _write(snapshot.path / metadata.ORIGIN, json.dumps(asdict(origin)))


def _is_whole(path: Path) -> bool:
    try:
        open_snapshot(path)
    except SnapshotError:
        return False
    return True


@dataclass(frozen=True)
class _Quads:
    """Everything that is published: what files state, what follows, where they differ, and what is said about it."""

    stated: Sequence[tuple[int, Statement]]
    #: What no file states, with the kind that it has among the statements of a snapshot.
    inferences: Sequence[tuple[int, Inference]]
    inferred: Sequence[Quad]
    about: Sequence[Quad]

    def lines(self, graphs: Sequence[NamedNode]) -> list[str]:
        found = {
            f"{Quad(statement.subject, statement.predicate, statement.object, graphs[number])} ."
            for number, statement in self.stated
        }
        found |= {f"{quad} ." for quad in (*self.inferred, *self.about)}
        return sorted(found)


def _all_quads(project: Project, reading: Reading, checked: Checked) -> _Quads:
    stated: list[tuple[int, Statement]] = []
    for number, document in enumerate(reading.all()):
        seen: set[tuple[object, object, object]] = set()
        for statement in document.statements:
            if statement[:3] not in seen:  # said twice in one file: the first place counts
                seen.add(statement[:3])
                stated.append((number, statement))
    inferences = [(2, inference) for inference in checked.closure.inferences]
    inferences += [(3, inference) for inference in told(project, checked.differences)]
    graphs = {2: metadata.inferred_graph(project.settings), 3: metadata.differences_graph(project.settings)}
    inferred = [Quad(*inference.triple, graphs[kind]) for kind, inference in inferences]
    all_stated = [Quad(statement.subject, statement.predicate, statement.object) for _, statement in stated]
    about = list(metadata.describe(project.settings, [*all_stated, *inferred]))
    return _Quads(stated, inferences, inferred, about)


def _settings_content(settings: Settings) -> dict[str, Any]:
    return {field.name: getattr(settings, field.name) for field in fields(settings) if field.name not in _NOT_CONTENT}


def _name(
    settings: Settings, prefixes: Mapping[str, str], quads: _Quads, reading: Reading, views: Sequence[View]
) -> str:
    """Return the SHA-256 of all that a snapshot's pages and documents depend on.

    The canonical N-Quads, the place of each statement, the settings, the prefix table, the views and the
    engine; no clock, host, path of the machine, address or commit.
    """
    documents = list(reading.all())
    digest = hashlib.sha256()

    def add(*parts: str) -> None:
        for part in parts:
            data = part.encode()
            digest.update(f"{len(data)}:".encode() + data)

    add(engine_version(), json.dumps([_settings_content(settings), prefixes], sort_keys=True))
    for view in views:
        add(view.name, view.query)
    add(*quads.lines([document.graph for document in documents]))
    for number, statement in quads.stated:
        add(f"{documents[number].path}:{statement.line}:{statement.column}")
    return digest.hexdigest()


# Memory for pages of the database while it is written, in KiB: with too little, large indexes are read again and again.
_ROOM = "PRAGMA cache_size = -131072; PRAGMA temp_store = MEMORY;"


def _write_snapshot(plan: _Plan, target: Path) -> None:
    """Write a snapshot into a folder of its own and rename it into place when it is whole and on the disk."""
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix="building-"))
    try:
        folder.chmod(0o755)
        connection = sqlite3.connect(folder / SITE, isolation_level=None)
        try:
            # No journal: the file is new, and counts only when it is whole and renamed into place.
            connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_ROOM} BEGIN; {SCHEMA}")
            plan.fill(folder, connection)
            connection.commit()
            connection.executescript(f"{INDEXES} PRAGMA optimize;")
        finally:
            connection.close()
        manifest = {
            "engine": engine_version(),
            "layout": LAYOUT,
            "files": {path.name: digest_of(path) for path in sorted(folder.iterdir())},
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in (*folder.iterdir(), folder):
            _sync(path)
        if target.exists():  # damaged, or it would not be written again
            doomed = target.with_name(f"building-{target.name}")
            os.rename(target, doomed)
        os.rename(folder, target)
        _sync(target.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(target.with_name(f"building-{target.name}"), ignore_errors=True)


class _Writer:
    """Fills the SQLite file of one snapshot."""

    def __init__(self, connection: sqlite3.Connection, project: Project, reading: Reading, quads: _Quads) -> None:
        self.connection, self.project, self.reading = connection, project, reading
        self.quads = quads
        self.numbers: dict[NamedNode | BlankNode | Literal, int] = {}
        self.documents = list(reading.all())
        self.presentation = presentation(reading)
        self.facets = parse_facets(project.settings.facets, project.expand)
        #: Every statement once per graph that states it, as triples.
        self.stated = [Triple(s.subject, s.predicate, s.object) for _, s in quads.stated]
        self.triples = dict.fromkeys([*self.stated, *(inference.triple for _, inference in quads.inferences)])

    def number(self, term: NamedNode | BlankNode | Literal) -> int:
        found = self.numbers.get(term)
        if found is None:
            found = self.numbers[term] = len(self.numbers) + 1
        return found

    def write(self, views: Sequence[View], progress: Progress) -> None:
        progress("writing statements")
        self.files()
        self.statements()
        progress("naming and indexing")
        self.entities()
        self.views(views, progress)
        self.insert("term", ((n, *term_key(term)) for term, n in self.numbers.items()))
        self.insert("meta", ((key, json.dumps(value, ensure_ascii=False)) for key, value in self.meta().items()))

    def insert(self, table: str, rows: Iterator[tuple[Any, ...]] | Sequence[tuple[Any, ...]]) -> None:
        iterator = iter(rows)
        first = next(iterator, None)
        if first is not None:
            statement = f"INSERT INTO {table} VALUES ({','.join('?' * len(first))})"
            self.connection.execute(statement, first)
            self.connection.executemany(statement, iterator)

    def meta(self) -> dict[str, Any]:
        return {
            "settings": _settings_content(self.project.settings),
            "prefixes": dict(self.project.prefixes),
            "presentation": self.presentation,
            "facets": [asdict(facet) for facet in self.facets],
            "about": [str(quad) for quad in self.quads.about],
        }

    def files(self) -> None:
        settings = self.project.settings
        source = self.project.expand(settings.source)
        roles = {id(document): role for role, found in self.reading.documents.items() for document in found}
        rows = []
        for number, document in enumerate(self.documents):
            named = [s.object for s in document.statements if s[:2] == (document.graph, source)]
            rows.append(
                (
                    number + 1,
                    document.path,
                    roles[id(document)].value,
                    self.number(document.graph),
                    self.number(named[0]) if named else None,
                )
            )
        self.insert("file", rows)

    def statements(self) -> None:
        by_triple: dict[Triple, int] = {}
        rows: list[tuple[Any, ...]] = []

        def add(triple: Triple, file: int | None, line: int, column: int, kind: int) -> None:
            by_triple[triple] = len(rows) + 1
            rows.append((len(rows) + 1, *(self.number(term) for term in triple), file, line, column, kind))

        for number, s in self.quads.stated:
            add(Triple(s.subject, s.predicate, s.object), number + 1, s.line, s.column, int(s.derived))
        reasons = []
        for kind, inference in self.quads.inferences:
            add(inference.triple, None, 0, 0, kind)
            for reason in inference.reasons:
                premises = [[self.number(term) for term in t] for t in (reason.rule.axiom, *reason.premises)]
                reasons.append((by_triple[inference.triple], reason.rule.kind, json.dumps(premises)))
        self.insert("statement", rows)
        self.insert("reason", reasons)
        about = (Triple(q.subject, q.predicate, q.object) for q in self.quads.about)  # type: ignore[arg-type]
        published = {tuple(self.number(term) for term in triple) for triple in (*self.triples, *about)}
        self.insert("triple", sorted(published))

    def entities(self) -> None:
        """Write names, kinds, classes and the search index of everything that has a type."""
        settings = self.project.settings
        headers = {document.graph for document in self.documents}
        shapes = {s.subject for document in self.reading.documents.get(Role.SHAPES, ()) for s in document.statements}
        stated: dict[NamedNode, set[NamedNode]] = {}
        inferred: dict[NamedNode, set[NamedNode]] = {}
        quads_of: dict[NamedNode, list[Quad]] = {}
        uppers: dict[NamedNode, set[NamedNode]] = {}
        known = set(self.stated)
        for triple in self.triples:
            subject, predicate, value = triple
            if not isinstance(subject, NamedNode):
                continue
            if triple in known:
                quads_of.setdefault(subject, []).append(Quad(*triple))
            if predicate == RDF.type and isinstance(value, NamedNode):
                (stated if triple in known else inferred).setdefault(subject, set()).add(value)
            elif predicate == RDFS.subClassOf and isinstance(value, NamedNode):
                uppers.setdefault(subject, set()).add(value)

        def above(node: NamedNode) -> set[NamedNode]:
            found: set[NamedNode] = set()
            waiting = [node]
            while waiting:
                for upper in uppers.get(waiting.pop(), ()):
                    if upper not in found:
                        found.add(upper)
                        waiting.append(upper)
            return found

        names: dict[NamedNode | BlankNode, Mapping[str, str]] = dict(
            labels_in(Quad(*triple) for triple in self.triples)
        )
        entities = sorted((node for node in stated if node not in headers and node not in shapes), key=str)
        specific: dict[NamedNode, list[NamedNode]] = {}
        for node in entities:
            hidden = set().union(*(above(found) - {found} for found in stated[node]))
            specific[node] = sorted(stated[node] - hidden or stated[node], key=str)
        for node in entities:  # relations are named after what they link, which has names of its own
            kinds = stated[node] | inferred.get(node, set())
            if node not in names and KG.Relation in kinds:
                arranged = arrange(self.presentation, [kind.value for kind in kinds])
                order = {iri: place for place, iri in enumerate(iri for _, shown in arranged for iri, _ in shown)}
                names[node] = worked_out_labels(
                    specific[node], quads_of[node], names, languages=settings.languages, order=order
                )
        self.insert(
            "label",
            sorted((self.number(node), tag, text) for node, found in names.items() for tag, text in found.items()),
        )
        links = Counter(triple.object for triple in self.triples if triple.predicate != RDF.type)
        others = self.other_names(names)
        rows, classes, called_too, texts = [], [], [], []
        moments = self._moments({node: stated[node] | inferred.get(node, set()) for node in entities}, above)
        for node in entities:
            kind, slug = "", ""
            if node.value.startswith(settings.entity_base):
                kind, _, slug = node.value[len(settings.entity_base) :].partition("/")
            called = " / ".join(dict.fromkeys(names.get(node, {}).get(tag, "") for tag in (*settings.languages, "")))
            sort = sort_key(called or local_name(node.value))
            rows.append(
                (self.number(node), kind if slug else "", slug, sort, links[node], *moments.get(node, (None, None)))
            )
            for found in stated[node] | inferred.get(node, set()):
                classes.append((self.number(node), self.number(found), int(found in specific[node])))
            said = [q.object.value for q in quads_of[node] if isinstance(q.object, Literal) and q.object.language]
            texts.append((self.number(node), " ".join(said)))
            shown = names.get(node) or {"": local_name(node.value)}
            called_too += [(self.number(node), PREFERRED, tag, text) for tag, text in shown.items()]
            called_too += [(self.number(node), OTHER, tag, text) for tag, text in others.get(node, ())]
        self.insert("entity", rows)
        self.insert("class", sorted(classes))
        write_index(self.connection, called_too, texts)
        listed = set(entities)
        valued = values_of(self.facets, self.triples)
        chosen = {(facet, self.number(value), self.number(one)) for facet, value, one in valued if one in listed}
        self.insert("facet", sorted(chosen))
        self.insert("resting", self._resting(specific))

    def other_names(self, names: Mapping[Any, Mapping[str, str]]) -> dict[NamedNode | BlankNode, list[tuple[str, str]]]:
        """Return what things are called besides the names that pages show: languages and texts."""
        found: dict[NamedNode | BlankNode, list[tuple[str, str]]] = {}
        for subject, predicate, value in self.triples:
            if isinstance(value, Literal) and predicate in (*LABELS, *ALTERNATIVES):
                tag = value.language or ""
                if names.get(subject, {}).get(tag) != value.value:
                    found.setdefault(subject, []).append((tag, value.value))
        return found

    def _moments(
        self, kinds: Mapping[NamedNode, set[NamedNode]], above: Callable[[NamedNode], set[NamedNode]]
    ) -> dict[NamedNode, tuple[int, int | None]]:
        """Return the number of the event of each event and of each relation that belongs to one, and its first day.

        A relation belongs to an event if it names one alone by properties whose range is a class of events.
        """
        first: dict[NamedNode | BlankNode, int] = {}
        for _, statement in self.quads.stated:
            if statement.derived and isinstance(statement.object, Literal):
                day = day_number(statement.object.value)
                first[statement.subject] = min(day, first.get(statement.subject, day))
        events = {node: node for node, found in kinds.items() if KG.Event in found}
        leading = {
            triple.subject
            for triple in self.triples
            if triple.predicate == RDFS.range
            and isinstance(triple.object, NamedNode)
            and KG.Event in above(triple.object) | {triple.object}
        }
        named: dict[NamedNode, set[NamedNode]] = {}
        for subject, predicate, value in self.triples:
            if (
                predicate not in leading
                or not isinstance(subject, NamedNode)
                or KG.Relation not in kinds.get(subject, ())
            ):
                continue
            if isinstance(value, NamedNode) and value in events:
                named.setdefault(subject, set()).add(value)
        found = {node: min(values, key=str) for node, values in named.items() if len(values) == 1} | events
        return {node: (self.number(event), first.get(event)) for node, event in found.items()}

    def _resting(self, specific: Mapping[NamedNode, Sequence[NamedNode]]) -> list[tuple[int, int, int, int]]:
        """Return how much the files of each source state about each thing, under the first of its classes."""
        source = self.project.expand(self.project.settings.source)
        sources = [
            next((s.object for s in document.statements if s[:2] == (document.graph, source)), None)
            for document in self.documents
        ]
        found: dict[tuple[int, int, int], int] = {}
        for number, statement in self.quads.stated:
            said_by, subject = sources[number], statement.subject
            if said_by is None or statement.derived or subject == self.documents[number].graph:
                continue
            kinds = specific.get(subject, ()) if isinstance(subject, NamedNode) else ()
            key = (self.number(said_by), self.number(kinds[0]) if kinds else 0, self.number(subject))
            found[key] = found.get(key, 0) + 1
        return sorted((*key, count) for key, count in found.items())

    def views(self, views: Sequence[View], progress: Progress) -> None:
        store = Store()
        quads = [Quad(*triple, DefaultGraph()) for triple in self.triples]
        quads += [Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in self.quads.about]
        store.bulk_extend(quads)
        graphs = [document.graph for document in self.documents]
        store.bulk_extend(Quad(s.subject, s.predicate, s.object, graphs[number]) for number, s in self.quads.stated)
        store.bulk_extend([*self.quads.inferred, *self.quads.about])
        data = Data(store, self.project.prefixes, self.project.settings.base_iri, Written.of(quads))
        folder = self.project.settings.views_folder
        questions = [
            Question(view.query, {p.name: p.term() for p in view.parameters}, f"{folder}/{view.name}.rq")
            for view in views
        ]
        answers = ask_each_within(self.project.settings.view_seconds, data, questions)
        for view, question in zip(views, questions, strict=True):
            progress(f"asking {view.name}")
            answer = next(answers)
            if isinstance(answer, QueryError):
                raise answer
            if answer.triples is not None or answer.boolean is not None:
                raise QueryError("a view is a SELECT query", where=question.where)
            header = {key: value for key, value in asdict(view).items() if key not in ("name", "query")}
            row = (view.name, json.dumps(header, ensure_ascii=False), view.query, to_json(answer))
            self.insert("view", [row])
