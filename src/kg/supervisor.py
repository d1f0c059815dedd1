"""The supervisor of `kg serve`: one thread that keeps the web server and the processes that answer queries alive.

It holds the port, and says who has it if it cannot be had. Its children are the web server (granian with
`kg.web.gateway`) and, for each snapshot in use, a query parent (`kg.executors`), each in a session of its own. They
meet in a private folder that also says which snapshot is served: when the link `current` in the folder of snapshots
changes, whoever changed it, a query parent for the new one is made ready first.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from kg.errors import KGError
from kg.settings import Settings
from kg.snapshot import CURRENT

__all__ = ["LIFELINE", "LOCK", "Watch", "claim", "holder_of", "is_supervised", "serve", "web_command"]

# How long the first answer may take; how long answers in flight may take when the end is asked for, and how long
# children may then take to go, in seconds.
_START, _GRACE, _STOP = 60.0, 3.0, 1.0
# How often the link and the children are looked at, and how often files are, in seconds.
_TICK, _SCAN = 0.1, 0.5
# A child that lived shorter than this is started again only after a pause, which doubles up to the longest one; a
# web server that dies young so many times in a row is given up.
_YOUNG, _PAUSE, _LONGEST_PAUSE, _TRIES = 5.0, 0.25, 10.0, 6
# What a snapshot that has been replaced is kept for beyond the time of its last queries, in seconds.
_AFTERWARDS = 5.0
# Descriptors that a server needs besides one a connection.
_DESCRIPTORS = 512
# The path of a Unix socket may have about 100 bytes; ours add about 30 to that of the folder.
_LONGEST_FOLDER = 78
_FOLDER = "kg-serve-"
#: A pipe in the folder that we hold open: whoever reads it sees its end when we are gone.
LIFELINE = "lifeline"
#: A file in the folder that we hold a lock on.
LOCK = "lock"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def claim(host: str, port: int) -> int:
    """Return the port if it is free (one that the system chooses for 0). Raises KGError that says who has it."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            trial.listen(1)
        except OSError as error:
            holder = holder_of(port)
            raise KGError(
                f"the port cannot be had: {os.strerror(error.errno) if error.errno else error}",
                where=f"{host}:{port}",
                found=holder,
                advice="Stop it, or choose another port: kg serve --port N, make serve PORT=N or KG_PORT=N.",
            ) from None
        except OverflowError:
            raise KGError("there is no such port", found=str(port), expected="a number up to 65535") from None
        return int(trial.getsockname()[1])


def holder_of(port: int) -> str:
    """Say which process listens on a port, as far as /proc tells: its number and command; else nothing."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:  # 0A: listening
                    inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(os.readlink(handle) in inodes for handle in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                return f"process {process.name} ({command[:120]})"
    return ""


def _hold(host: str, port: int) -> socket.socket:
    """Return a socket that keeps a port for us while the web server, which shares it, is started again."""
    held = socket.socket(_family(host), socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        held.bind((host, port))
    except OSError as error:
        held.close()
        raise KGError(
            f"the port cannot be had: {error.strerror}", where=f"{host}:{port}", found=holder_of(port)
        ) from None
    return held


@dataclass(frozen=True)
class Watch:
    """What makes a new build: `command` builds; `paths` gives the files and folders that it reads, as they are now."""

    command: Sequence[str]
    paths: Callable[[], Iterable[Path]]


def signature(paths: Iterable[Path]) -> dict[str, tuple[int, int, int]]:
    """Return size, time and number of every file under some paths, to tell whether any of them has changed.

    Hidden files and what editors put beside a file while they write it do not count.
    """
    found: dict[str, tuple[int, int, int]] = {}

    def note(path: str) -> None:
        with contextlib.suppress(OSError):  # it vanishes as we look
            known = os.stat(path)
            if stat.S_ISREG(known.st_mode):
                found[path] = (known.st_size, known.st_mtime_ns, known.st_ino)

    for top in paths:
        note(str(top))
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if not name.startswith((".", "#")) and not name.endswith(("~", ".swp", ".tmp")):
                    note(os.path.join(folder, name))
    return found


class _Child:
    """A process in a session of its own; what is left of it when it has ended is ended too."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.began = time.monotonic()
        # Standard input is a lifeline: whoever reads it sees its end when we are gone, however that came about.
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, start_new_session=True,
            preexec_fn=partial(_end_with_parent, os.getpid()),
        )  # fmt: skip
        self.pid = self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def how(self) -> str:
        """How it ended, in words."""
        code = self._process.returncode
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    @property
    def succeeded(self) -> bool:
        return self._process.returncode == 0

    def end(self, number: signal.Signals) -> None:
        """Send a signal to its whole session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def clear(self) -> None:
        """End what is left of it, now."""
        self.end(signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _end_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when its parent ends, even by kill -9 (Linux only).

    By force: a web server that is asked while it starts its worker, or has just lost it, may wait for it for ever. What
    it has started sees the end of the lifeline.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before we could ask
        os._exit(1)


def is_supervised(runtime: Path) -> bool:
    """Tell whether the supervisor whose folder this is still runs: it holds the lock there."""
    try:
        lock = os.open(runtime / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@dataclass
class _Kept:
    """A child that is started again when it dies, but not at once if it died young."""

    command: Sequence[str]
    environment: Mapping[str, str]
    child: _Child | None = None
    not_before: float = 0.0
    deaths: int = 0

    def tend(self) -> str:
        """Start the child if it is not there and may be started; return how it has ended, if it just has."""
        now = time.monotonic()
        if self.child is not None and self.child.ended:
            how = self.child.how
            lived = now - self.child.began
            self.child.clear()
            self.child = None
            self.deaths = self.deaths + 1 if lived < _YOUNG else 1
            self.not_before = now if self.deaths == 1 else now + min(_LONGEST_PAUSE, _PAUSE * 2.0**self.deaths)
            return how
        if self.child is None and now >= self.not_before:
            self.child = _Child(self.command, self.environment)
        return ""

    def clear(self) -> None:
        if self.child is not None:
            self.child.clear()
            self.child = None


@dataclass
class _Queries:
    """The query parent of one snapshot."""

    snapshot: Path
    kept: _Kept
    #: When it is no longer needed, once another snapshot is served.
    ends: float = field(default=float("inf"))

    def is_ready(self, runtime: Path) -> bool:
        """Tell whether its executors answer."""
        try:
            status = json.loads((runtime / self.snapshot.name[:16] / "status.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        child = self.kept.child
        return child is not None and not child.ended and bool(status["ready"]) and status["pid"] == child.pid


class _Signals:
    """The signals that ask for the end, and those of children that have ended, as something to wait for."""

    def __init__(self) -> None:
        self.asked = 0
        self._hearing, told = os.pipe()
        for end in (self._hearing, told):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _ask(self, *_: object) -> None:
        self.asked += 1

    def wait(self, seconds: float) -> None:
        """Return when a signal comes, or after so many seconds."""
        with contextlib.suppress(InterruptedError):
            if select.select([self._hearing], [], [], max(0.0, seconds))[0]:
                os.read(self._hearing, 4096)


def _runtime_folder(settings: Settings) -> tuple[Path, int]:
    """Make the folder where the processes meet; return it with the lock that says that it is in use."""
    top = Path(tempfile.gettempdir())
    if len(os.fsencode(top)) > _LONGEST_FOLDER - len(_FOLDER) - 8:
        top = Path("/tmp")
    for left in top.glob(f"{_FOLDER}*"):  # by a supervisor that was ended by force
        with contextlib.suppress(OSError):
            lock = os.open(left / LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=top))
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.mkfifo(folder / LIFELINE, 0o600)
    (folder / "settings.json").write_text(json.dumps(asdict(settings)), encoding="utf-8")
    return folder, lock


def _allow_connections(connections: int) -> None:
    """Raise the limit of open files, which children inherit, as far as needed and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _answers(host: str, port: int) -> bool:
    there = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    try:
        with socket.create_connection((there, port), timeout=1) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return connection.recv(12).endswith(b" 200")
    except OSError:
        return False


def web_command(host: str, port: int, settings: Settings, target: str = "kg.web.gateway:gateway") -> list[str]:
    """Return the command that serves a gateway within the limits of some settings."""
    return [
        sys.executable, "-m", "granian", "--interface", "asgi", "--host", host, "--port", str(port),
        "--workers", "1", "--http", "1", "--no-ws", "--log-level", "warning",
        "--http1-header-read-timeout", str(settings.head_seconds * 1000),
        "--http1-buffer-size", str(settings.head_bytes),
        "--backpressure", str(settings.connections), "--backlog", str(max(128, settings.connections)),
        "--factory", target,
    ]  # fmt: skip


class _Supervisor:
    """Keeps all children of one site, and decides which snapshot is served."""

    def __init__(
        self, snapshots: Path, runtime: Path, environment: Mapping[str, str], web: Sequence[str], settings: Settings,
        watch: Watch | None, tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.snapshots, self.runtime, self.tell, self.watch = snapshots, runtime, tell, watch
        self.settings, self.environment = settings, environment
        self.web = _Kept(web, environment)
        self.queries: dict[Path, _Queries] = {}
        self.served = self.target()
        self.refused: Path | None = None
        #: What could not be swapped to so far.
        self.stuck: Path | None = None
        self.point(self.served)
        self.ask_for(self.served)
        self.build: _Child | None = None
        self.seen = signature(watch.paths()) if watch else {}
        self.built = self.seen
        self.next_scan = 0.0

    def target(self) -> Path:
        """Return the snapshot that the link `current` names. Raises OSError if there is no link."""
        return self.snapshots.resolve() / os.readlink(self.snapshots / CURRENT)

    def point(self, snapshot: Path) -> None:
        """Make the web server serve a snapshot, in one step."""
        fresh = self.runtime / f".{CURRENT}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(snapshot)
        os.replace(fresh, self.runtime / CURRENT)
        self.served = snapshot

    def ask_for(self, snapshot: Path) -> _Queries:
        """Return the query parent of a snapshot, started if needed."""
        found = self.queries.get(snapshot)
        if found is None:
            command = [sys.executable, "-m", "kg.executors", str(snapshot)]
            found = self.queries[snapshot] = _Queries(snapshot, _Kept(command, self.environment))
        found.ends = float("inf")
        return found

    def tend(self) -> None:
        """Start what should be there, follow the link, and end what is no longer needed."""
        if how := self.web.tend():
            self.tell(f"The web server has ended ({how}); it is started again.")
        for queries in list(self.queries.values()):
            if how := queries.kept.tend():
                self.mourn(queries, how)
        self.follow()
        now = time.monotonic()
        for snapshot, queries in list(self.queries.items()):
            if queries.ends < now:
                queries.kept.clear()
                shutil.rmtree(self.runtime / snapshot.name[:16], ignore_errors=True)
                del self.queries[snapshot]
        if self.watch is not None:
            self.look(self.watch)

    def mourn(self, queries: _Queries, how: str) -> None:
        if queries.snapshot == self.served:
            self.tell(f"The process that answers queries has ended ({how}); it is started again.")
        elif queries.kept.deaths >= _TRIES // 2 or not queries.snapshot.is_dir():
            self.tell(f"Snapshot {queries.snapshot.name[:12]} cannot be served ({how}); the one before it stays.")
            self.refused = queries.snapshot
            queries.ends = 0.0

    def follow(self) -> None:
        """Swap to what the link `current` names as soon as its queries are answered."""
        try:
            target = self.target()
        except OSError:
            return
        if target in (self.served, self.refused):
            for queries in self.queries.values():  # the link went back before the other was ready
                if queries.snapshot != self.served:
                    queries.ends = min(queries.ends, time.monotonic() + self.afterwards())
            return
        self.refused = None
        queries = self.ask_for(target)
        queries.kept.tend()
        if queries.is_ready(self.runtime):
            try:
                self.point(target)
            except OSError as error:  # the disk is full: tried again until there is room
                if self.stuck != target:
                    self.tell(f"Snapshot {target.name[:12]} cannot be served yet: {error.strerror}.")
                self.stuck = target
            else:
                self.stuck = None
                self.tell(f"Now serving {target.name[:12]}.")

    def afterwards(self) -> float:
        """Return how long questions to a snapshot may go on after a swap, in seconds."""
        return self.settings.query_seconds + _AFTERWARDS

    # --- watching ---

    def look(self, watch: Watch) -> None:
        """Build when files have changed and lie still, one build at a time."""
        if self.build is not None and self.build.ended:
            failed = not self.build.succeeded
            self.build.clear()
            self.build = None
            if failed:
                self.tell(f"The last good snapshot stays in use ({self.served.name[:12]}).")
        if time.monotonic() < self.next_scan:
            return
        self.next_scan = time.monotonic() + _SCAN
        now = signature(watch.paths())
        still, self.seen = now == self.seen, now
        if still and now != self.built and self.build is None:
            self.built = now
            self.tell("Files have changed: building.")
            self.build = _Child(watch.command, self.environment)

    # --- the end ---

    def stop(self, signals: _Signals) -> None:
        """Let answers in flight be finished, for a while, then end all children."""
        if self.build is not None:
            self.build.clear()
        if self.web.child is not None:
            self.web.child.end(signal.SIGTERM)
            until, before = time.monotonic() + _GRACE, signals.asked
            while not self.web.child.ended and time.monotonic() < until and signals.asked == before:
                signals.wait(_TICK)
            self.web.clear()
        children = [found.kept for found in self.queries.values() if found.kept.child is not None]
        for kept in children:
            if kept.child is not None:
                kept.child.end(signal.SIGTERM)
        until = time.monotonic() + _STOP
        while time.monotonic() < until and any(kept.child and not kept.child.ended for kept in children):
            signals.wait(_TICK)
        for kept in children:
            kept.clear()


def serve(
    snapshots: Path,
    *,
    host: str,
    port: int,
    settings: Settings,
    ready: Callable[[str], None],
    tell: Callable[[str], None],
    log: str = "",
    watch: Watch | None = None,
) -> int:
    """Serve the folder of snapshots until asked to stop; return the exit code.

    `ready` is called once with the address, when pages can be had and queries are answered; `tell` with each thing
    that happens afterwards. `log` is a file for a line a request, `-` for standard error. With `watch`, the graph is
    built again whenever its files change.
    """
    port = claim(host, port)
    signals = _Signals()
    held = _hold(host, port)
    runtime, lock = _runtime_folder(settings)
    lifeline = os.open(runtime / LIFELINE, os.O_RDWR)
    supervisor: _Supervisor | None = None
    try:
        _allow_connections(settings.connections)
        environment = {
            **os.environ, "KG_RUNTIME": str(runtime), "KG_SNAPSHOTS": str(runtime),
            "KG_PUBLIC_URL": settings.public_url, "KG_LOG": log,
        }  # fmt: skip
        web = web_command(host, port, settings)
        supervisor = _Supervisor(snapshots, runtime, environment, web, settings, watch, tell)
        until = time.monotonic() + _START
        is_ready = False
        while not signals.asked:
            supervisor.tend()
            if supervisor.web.deaths >= _TRIES:
                tell("The web server does not stay; giving up.")
                return 1
            if not is_ready:
                queries = supervisor.queries[supervisor.served]
                is_ready = queries.is_ready(runtime) and _answers(host, port)
                if is_ready:
                    ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
                elif time.monotonic() > until or queries.kept.deaths >= _TRIES:
                    tell("The server does not get ready; giving up.")
                    return 1
            signals.wait(_TICK if is_ready else 0.02)
        return 0
    finally:
        if supervisor is not None:
            supervisor.stop(signals)
        held.close()
        shutil.rmtree(runtime, ignore_errors=True)
        os.close(lifeline)
        os.close(lock)
