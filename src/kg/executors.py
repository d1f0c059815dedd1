"""The processes that answer queries: a parent that loads a snapshot once, and executors forked from it.

    KG_RUNTIME=FOLDER python -m kg.executors SNAPSHOT_FOLDER

The parent never has a thread, so that it may fork at any time; its executors share its memory. They come in two
groups, each of which accepts on a Unix socket in `FOLDER/SNAPSHOT/`: `site` for the site's own pages, `public` for
everybody. An executor answers one question per connection, confined as `kg.confinement` says, and the parent forks a
new one for each that ends. `status.json` beside the sockets says who is there and how the others ended. The parent
ends when its standard input does, which its own parent holds open; the executors end with it.

A question is four bytes of length, the highest first, and JSON: `query`, or `graph` (an IRI, or `default`) to read
one; the forms that the client takes as `rows_form`, `boolean_form`, `triples_form`, or null; `default_graphs` and
`named_graphs`; `values` of variables as N-Triples has them. The answer is frames of a kind, a length and content: `H`
with the executor's number, at once; `D` with bytes of the result; `E` with the status (ok, cut, wrong, refused, not
acceptable, unknown graph) and what there is to say about it. Without `E` there is no answer: the executor has died.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import mmap
import os
import select
import shutil
import signal
import socket
import struct
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pyoxigraph import DefaultGraph, NamedNode, QueryBoolean, QuerySolutions, RdfFormat, Triple, parse

from kg.confinement import CRASHED, OUT_OF_MEMORY, confine, cover, deadline, exit_kind, resident, uncover
from kg.errors import KGError, QueryError, Refused
from kg.messages import say
from kg.queries import Data, form_of, guard, parts_of, rows_of, run, triples_of, values_from
from kg.results import ROWS_FORMS, TRIPLES_FORMS, Body, Bounds, boolean_body, rows_body, triples_body
from kg.settings import Settings
from kg.snapshot import GRAPH, open_snapshot, settings_from

__all__ = ["GROUPS", "KINDS", "Loaded", "answer", "folder_of", "main", "settings_at"]

#: The groups of executors; each has a socket named after it.
GROUPS = ("site", "public")
#: The ways in which an executor ends.
KINDS = ("time", "memory", "crash", "killed", "ended")

# An executor whose memory has grown by more than this gives it back by ending.
_GROWTH = 64 << 20
# No question is longer than this, in bytes: a query within limits.query_length, its values and its datasets.
_QUESTION = 16 << 20
# Queries of strangers stand behind pages where they compete for a processor.
_NICE = {"site": 0, "public": 5}
# An executor that lived shorter than this, in seconds, is replaced only after a pause that grows to `_PAUSE`.
_SHORT, _PAUSE = 0.05, 0.2
# After how long a status that could not be written is tried again, in seconds.
_AGAIN = 1.0


def folder_of(runtime: Path, snapshot: str) -> Path:
    """Return where the sockets and the status of a snapshot are; the path of a socket may have about 100 bytes."""
    return runtime / snapshot[:16]


def settings_at(runtime: Path) -> Settings | None:
    """Return the settings that the supervisor wrote into its runtime folder, None if there are none."""
    try:
        return settings_from(json.loads((runtime / "settings.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


# --- answering -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loaded:
    """A snapshot as executors have it: what can be asked, the text of its quads, and the limits."""

    data: Data
    quads: mmap.mmap | bytes
    settings: Settings
    #: Whether the default graph is what is in no other graph, and not all graphs together.
    is_plain: bool = False

    @classmethod
    def of(cls, snapshot_folder: Path, settings: Settings | None = None) -> Loaded:
        """Load a snapshot; without settings, those it was built with hold."""
        snapshot = open_snapshot(snapshot_folder)
        with (snapshot_folder / GRAPH).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            quads = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        return cls(snapshot.data(), quads, settings or snapshot.settings, snapshot.default_graph == "plain")

    def triples(self, graph: str) -> Iterator[Triple]:
        """Give the triples of a graph as the sources wrote them; the default graph has those of all graphs, each once.

        Where it is plain, it has those that are in no other graph.
        """
        end = b"" if graph == "default" else f" <{graph}> .\n".encode()
        lines = (line for line in iter(_reader(self.quads), b"") if line.endswith(end))
        before: Triple | None = None
        for quad in parse(_Lines(lines), format=RdfFormat.N_QUADS):  # type: ignore[arg-type]
            if end and not (isinstance(quad.graph_name, NamedNode) and quad.graph_name.value == graph):
                continue
            if self.is_plain and not end and not isinstance(quad.graph_name, DefaultGraph):
                continue
            triple = Triple(quad.subject, quad.predicate, quad.object)
            if triple != before:  # the lines are sorted, so the same triple in two graphs comes twice in a row
                yield triple
            before = triple


def _reader(quads: mmap.mmap | bytes) -> Any:
    if isinstance(quads, bytes):
        return lambda: b""
    quads.seek(0)
    return quads.readline


class _Lines:
    """Lines as the file that a parser reads."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            line = next(self._lines, b"")
            if not line:
                break
            self._rest += line
        size = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


def answer(loaded: Loaded, question: Mapping[str, Any]) -> tuple[dict[str, Any], Body | None]:
    """Return the end frame and the body of the answer to a question; there is no body where the end says so."""
    try:
        if question.get("graph") is not None:
            return _graph(loaded, question)
        return _query(loaded, question)
    except Refused as error:
        return _problem("refused", error), None
    except QueryError as error:
        return _problem("wrong", error), None
    except (OSError, RuntimeError) as error:  # what the store finds out only while it gives rows
        return _problem("wrong", QueryError(f"the query cannot be answered: {error}")), None


def _query(loaded: Loaded, question: Mapping[str, Any]) -> tuple[dict[str, Any], Body | None]:
    query, bounds = question["query"], Bounds.of(loaded.settings)
    guard(query, loaded.settings)
    values = values_from(question.get("values") or {})
    result = run(
        loaded.data,
        query,
        values=values,
        default_graphs=question.get("default_graphs"),
        named_graphs=question.get("named_graphs"),
    )
    if isinstance(result, QueryBoolean):
        form = question.get("boolean_form")
        return _end("ask", form, boolean_body(bool(result), form) if form else None)
    if isinstance(result, QuerySolutions):
        form = question.get("rows_form")
        if form not in ROWS_FORMS:
            return _end("select", form, None)
        names, rows = rows_of(loaded.data, query, values, result)
        return _end("select", form, rows_body(names, rows, form, bounds))
    kind, form = form_of(query), question.get("triples_form")
    if form not in TRIPLES_FORMS:
        return _end(kind, form, None)
    return _end(kind, form, triples_body(triples_of(loaded.data, result), form, loaded.data.prefixes, bounds))


def _graph(loaded: Loaded, question: Mapping[str, Any]) -> tuple[dict[str, Any], Body | None]:
    graph, form = question["graph"], question.get("triples_form")
    if graph != "default":
        try:
            known = loaded.data.store.contains_named_graph(NamedNode(graph))
        except ValueError as error:
            raise QueryError(say("the name of a graph is not an IRI"), found=graph, expected=str(error)) from None
        if not known:
            return {"status": "unknown graph", "kind": "graph", "problem": f"there is no graph <{graph}>"}, None
    if form not in TRIPLES_FORMS:
        return _end("graph", form, None)
    bounds = Bounds.of(loaded.settings)
    return _end("graph", form, triples_body(loaded.triples(graph), form, loaded.data.prefixes, bounds))


def _end(kind: str, form: str | None, body: Body | None) -> tuple[dict[str, Any], Body | None]:
    if body is None:
        return {"status": "not acceptable", "kind": kind}, None
    end = {"status": "cut" if body.limit else "ok", "kind": kind, "form": form, "rows": body.rows}
    return (end | {"limit": body.limit} if body.limit else end), body


def _problem(status: str, error: QueryError) -> dict[str, Any]:
    end: dict[str, Any] = {"status": status, **parts_of(error)}
    parts = error.where.rsplit(":", 2)
    if len(parts) == 3:
        end |= {"line": int(parts[1]), "column": int(parts[2])}
    return end


# --- an executor -----------------------------------------------------------------------------------------


def _frame(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack(">I", len(payload)) + payload


def _received(connection: socket.socket) -> bytes | None:
    """Return the one frame that a client sends; None if it does not come whole."""

    def exactly(size: int) -> bytes | None:
        found = bytearray()
        while len(found) < size:
            part = connection.recv(min(size - len(found), 1 << 20))
            if not part:
                return None
            found += part
        return bytes(found)

    head = exactly(4)
    if head is None or (size := struct.unpack(">I", head)[0]) > _QUESTION:
        return None
    return exactly(size)


def _serve(connection: socket.socket, loaded: Loaded) -> None:
    """Answer the question of one connection. The process ends where the deadline, or memory, does."""
    deadline(loaded.settings.query_seconds)
    allowed = cover()
    try:
        received = _received(connection)
        if received is None:
            return
        connection.sendall(_frame(b"H", json.dumps({"pid": os.getpid()}).encode()))
        end, body = answer(loaded, json.loads(received))
        if body is not None:
            for part in body.parts:
                connection.sendall(_frame(b"D", part))
        connection.sendall(_frame(b"E", json.dumps(end).encode()))
    except (BrokenPipeError, ConnectionResetError):
        pass  # the client did not wait
    finally:
        connection.close()
        uncover(allowed)
        deadline(0)


def _execute(group: str, listener: socket.socket, lifeline: int, loaded: Loaded) -> NoReturn:
    """Be an executor: answer one question after the other until the parent is gone, or memory should be given back."""
    errors = os.dup(2)  # for mistakes of our own; what Rust says goes nowhere
    code = CRASHED
    try:
        with contextlib.suppress(OSError):
            os.nice(_NICE[group])
        confine(loaded.settings.query_memory << 20)
        start = resident()
        listener.setblocking(False)
        waiting = select.poll()
        waiting.register(listener, select.POLLIN)
        waiting.register(lifeline, select.POLLIN)
        while True:
            ready = dict(waiting.poll())
            if lifeline in ready:
                code = 0
                break
            try:
                connection, _ = listener.accept()
            except BlockingIOError:  # another executor took it
                continue
            connection.setblocking(True)
            _serve(connection, loaded)
            if resident() > start + _GROWTH:
                code = 0
                break
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException:
        with contextlib.suppress(OSError), os.fdopen(errors, "w") as file:
            traceback.print_exc(file=file)
    finally:
        os._exit(code)


# --- the parent ------------------------------------------------------------------------------------------


@dataclass
class _Group:
    """One group of executors: its socket, how many there should be, who is there and since when."""

    name: str
    listener: socket.socket
    size: int
    running: dict[int, float] = field(default_factory=dict)
    #: When the next executor may be forked, and how many died young in a row.
    not_before: float = 0.0
    short_lives: int = 0


class _Parent:
    """Keeps the executors of one snapshot alive."""

    def __init__(self, loaded: Loaded, snapshot: str, folder: Path) -> None:
        self.loaded, self.snapshot, self.folder = loaded, snapshot, folder
        self.exits: Counter[str] = Counter({kind: 0 for kind in KINDS})
        self.last: deque[tuple[int, str]] = deque(maxlen=64)
        #: Whether it has been said that the status cannot be written.
        self.silent = False
        # Executors hold the reading end, and see its end when the parent, which alone holds the other, is gone.
        self.lifeline, self.held = os.pipe()
        sizes = {"site": loaded.settings.site_executors, "public": loaded.settings.executors}
        self.groups = [_Group(name, _listen(folder / f"{name}.sock"), sizes[name]) for name in GROUPS]

    def fork(self, group: _Group) -> None:
        """Fork one executor of a group."""
        parent = os.getpid()
        number = os.fork()
        if number:
            group.running[number] = time.monotonic()
            return
        try:  # nothing of the parent's may run here, whatever happens
            signal.set_wakeup_fd(-1)
            os.close(self.held)
            _end_with_parent(parent)
            for other in self.groups:
                if other is not group:
                    other.listener.close()
            _execute(group.name, group.listener, self.lifeline, self.loaded)
        finally:
            os._exit(CRASHED)

    def fill(self) -> float | None:
        """Fork the executors that are missing; return how many seconds to wait for those that may not be yet."""
        now = time.monotonic()
        pause = None
        for group in self.groups:
            while len(group.running) < group.size:
                if group.not_before > now:
                    pause = min(group.not_before - now, pause or _PAUSE)
                    break
                self.fork(group)
        return pause

    def reap(self) -> bool:
        """Note the executors that have ended; tell whether there were any."""
        found = False
        while True:
            try:
                number, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return found
            if number == 0:
                return found
            found = True
            kind = exit_kind(status)
            self.exits[kind] += 1
            self.last.append((number, kind))
            for group in self.groups:
                if (began := group.running.pop(number, None)) is None:
                    continue
                now = time.monotonic()
                group.short_lives = group.short_lives + 1 if now - began < _SHORT else 0
                if group.short_lives > group.size:
                    group.not_before = now + min(_PAUSE, 0.01 * 2 ** min(group.short_lives, 10))

    def tell(self) -> bool:
        """Write who is there, and how the others ended, in one step; tell whether that worked.

        Where the disk is full, what was written last stays, and queries are answered all the same.
        """
        status = {
            "ready": True,
            "snapshot": self.snapshot,
            "pid": os.getpid(),
            "executors": {group.name: sorted(group.running) for group in self.groups},
            "exits": self.exits,
            "last": list(self.last),
        }
        fresh = self.folder / ".status.json"
        try:
            fresh.write_text(json.dumps(status), encoding="utf-8")
            os.replace(fresh, self.folder / "status.json")
        except OSError as error:
            if not self.silent:
                print(f"error: {self.folder}: the status cannot be written: {error.strerror}", file=sys.stderr)
            self.silent = True
            return False
        self.silent = False
        return True

    def keep(self) -> None:
        """Keep executors running until this process is asked to end, or standard input ends."""
        hearing, told = os.pipe()
        for end in (hearing, told):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        asked: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _frame: asked.append(number))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        waiting = select.poll()
        waiting.register(hearing, select.POLLIN)
        waiting.register(0, select.POLLIN)
        pause, changed = self.fill(), True
        while not asked:
            if changed and not self.tell():
                pause = _AGAIN
            for handle, _event in waiting.poll(None if pause is None else pause * 1000 + 1):
                if handle == hearing:
                    os.read(hearing, 4096)
                elif not os.read(0, 4096):
                    return
            changed = self.reap() or self.silent
            before = [len(group.running) for group in self.groups]
            pause = self.fill()
            changed = changed or before != [len(group.running) for group in self.groups]

    def end(self) -> None:
        """End all executors and remove what told of them."""
        running = [number for group in self.groups for number in group.running]
        for number in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        for number in running:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(number, 0)
        shutil.rmtree(self.folder, ignore_errors=True)


def _listen(path: Path) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(128)
    return listener


def _end_with_parent(parent: int) -> None:
    """Ask the kernel to end this process with its parent (Linux), which has one thread and so ends as a whole."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(0)


def main(words: list[str]) -> int:
    """Load a snapshot and keep its executors running; return the exit code."""
    runtime = os.environ.get("KG_RUNTIME", "")
    if len(words) != 1 or not Path(runtime).is_dir() or not runtime:
        print("usage: KG_RUNTIME=FOLDER python -m kg.executors SNAPSHOT_FOLDER", file=sys.stderr)
        return 2
    path = Path(words[0]).resolve()
    folder = folder_of(Path(runtime), path.name)
    try:
        loaded = Loaded.of(path, settings_at(Path(runtime)))
        folder.mkdir(mode=0o700, exist_ok=True)
        parent = _Parent(loaded, path.name, folder)
    except (KGError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    # What is there now is shared with all executors; the collector would only make copies of it.
    gc.collect()
    gc.freeze()
    try:
        parent.keep()
    finally:
        parent.end()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
