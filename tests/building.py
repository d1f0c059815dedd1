"""The two worlds, built once for all tests in a temporary folder, and `kg` as people run it.

Nothing is ever built in the repository itself, and no test may change what `flagship()` and `bells()` give.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyoxigraph import DefaultGraph, Quad, RdfFormat, Store, parse

from kg.build import build, ensure
from kg.parsings import Parsings
from kg.project import Project, Reading, Role, open_project
from kg.rules import Closure, Triple, compile_rules, infer
from kg.settings import load_settings
from kg.snapshot import CURRENT, MANIFEST, Snapshot, open_snapshot

ROOT = Path(__file__).resolve().parents[1]
BELLS = ROOT / "tests" / "worlds" / "bells"

#: Names, in the environment, a folder that all processes of one run of the tests share.
SHARED = "KG_TESTS_SHARED"
_OURS = tempfile.TemporaryDirectory(prefix="kg-tests-")


def inputs_of(world: Path) -> list[Path]:
    """Return the files of a world that a build reads, relative to it."""
    settings = load_settings(world / "kg.toml")
    folders = (settings.ontology_folder, settings.data_folder, settings.shapes_folder, settings.views_folder)
    found = [Path("kg.toml")]
    for folder in folders:
        found += sorted(path.relative_to(world) for path in (world / folder).rglob("*") if path.is_file())
    return found


def copy_of(world: Path, to: Path, *, order: random.Random | None = None) -> Path:
    """Copy what a build of a world reads into a new folder, in any order if one is given."""
    files = inputs_of(world)
    if order is not None:
        order.shuffle(files)
    for file in files:
        (to / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(world / file, to / file)
    return to


def built_copy(of: BuiltWorld, to: Path) -> Path:
    """Copy a built world with its snapshots."""
    shutil.copytree(of.root, to, symlinks=True)
    return to


@dataclass(frozen=True)
class BuiltWorld:
    """A copy of a world, built."""

    root: Path
    snapshot: Snapshot

    @property
    def project(self) -> Project:
        return open_project(self.root)


@functools.cache
def flagship() -> BuiltWorld:
    """The graph of this repository, built once for all tests, in whichever process they run; no test changes it."""
    root = Path(os.environ.get(SHARED, _OURS.name)) / "flagship"
    with root.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            copy_of(ROOT, root)
        return BuiltWorld(root, ensure(open_project(root)).snapshot)


@functools.cache
def bells() -> BuiltWorld:
    """The bells of tests/worlds, built once for the tests of this process."""
    root = copy_of(BELLS, Path(_OURS.name) / "bells")
    return BuiltWorld(root, build(open_project(root)).snapshot)


@functools.cache
def _quads_of_paper() -> list[Quad]:
    project = open_project(ROOT)
    reading = project.read()
    paper = reading.sources(project.expand(project.settings.source))[PAPER]
    documents = {**reading.documents, Role.SOURCE: paper}
    alone = Reading(documents, reading.errors)
    quads = list(alone.quads(Role.ONTOLOGY, Role.REGISTER, Role.SOURCE))
    rules = compile_rules(Triple(q.subject, q.predicate, q.object) for q in alone.quads(Role.ONTOLOGY)).rules
    inferred = infer(rules, [Triple(q.subject, q.predicate, q.object) for q in quads]).inferences
    return [*quads, *(Quad(*inference.triple) for inference in inferred)]


PAPER = "https://w3id.org/citynet/id/source/lacroix-panorama"


def paper() -> Store:
    """A new store of what the flagship says without any source but the paper that it starts from, and of what follows.

    As in a snapshot's store, each statement is in its named graph and in the default graph.
    """
    store = Store()
    quads = _quads_of_paper()
    store.bulk_extend(quads)
    store.bulk_extend(in_default_graph(quads))
    return store


WORLDS: Mapping[str, Callable[[], BuiltWorld]] = {"flagship": flagship, "bells": bells}


def rebuilt(root: Path) -> Snapshot:
    """Build the folder of a project and return the snapshot."""
    return build(open_project(root)).snapshot


def replace(path: Path, old: str, new: str) -> None:
    """Change a text that stands once in a file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")


# --- snapshots -------------------------------------------------------------------------------------------


def snapshots_in(folder: Path) -> set[str]:
    """Return the names of the snapshots in a folder of snapshots."""
    return {path.name for path in folder.iterdir() if (path / MANIFEST).is_file() and not path.is_symlink()}


def leftovers_in(folder: Path) -> list[str]:
    """Return what a build has left behind in a folder of snapshots that does not belong there."""
    expected = {CURRENT, "lock", "inputs.json", ".gitignore", "checks", *snapshots_in(folder)}
    return sorted(path.name for path in folder.iterdir() if path.name not in expected)


def current_in(root: Path) -> Snapshot:
    """Return the current snapshot of a project, proved whole; the test fails if it is not."""
    snapshot = open_snapshot((root / ".kg" / CURRENT).resolve(strict=True))
    assert snapshot.rows("PRAGMA integrity_check") == [("ok",)]
    return snapshot


def content_of(folder: Path) -> dict[str, bytes | str]:
    """Return everything in a folder, to tell whether any of it was touched."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        found[name] = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
    return found


def closure_of(root: Path) -> Closure:
    """Return what follows from the files of a project now, whether it would pass the checks or not."""
    project = open_project(root)
    reading = project.read(Parsings(project.checks))
    assert not reading.errors
    rules = compile_rules(Triple(*statement[:3]) for statement in reading.statements(Role.ONTOLOGY)).rules
    return infer(rules, (s[:3] for s in reading.statements(Role.ONTOLOGY, Role.REGISTER, Role.SOURCE)))


# --- Turtle ----------------------------------------------------------------------------------------------


def without_line(text: str, line: int) -> str:
    """Return Turtle, written in the house style, without the statement whose object stands in a line.

    The punctuation around it is mended, so that nothing else changes.
    """
    lines = text.split("\n")
    at = line - 1
    ending = lines[at].rstrip()[-1]
    before = lines[at - 1].rstrip()
    if ending == "." and not lines[at].startswith((" ", "\t")):  # a block of one line
        del lines[at]
        return "\n".join(lines)
    starts_list = not before.endswith((",", ";", ".")) and before.startswith("  ")  # the predicate alone
    if before.endswith(","):
        if ending == ",":
            del lines[at]
        else:
            lines[at - 1] = before[:-1].rstrip() + " " + ending
            del lines[at]
    elif starts_list and ending == ",":
        del lines[at]
    else:
        first = at - 1 if starts_list else at
        if ending == ",":  # the first of a list that begins in its predicate's line
            verb = lines[at].split()[0]
            lines[at + 1] = f"  {verb} {lines[at + 1].strip()}"
            del lines[at]
        elif ending == ";":
            del lines[first : at + 1]
        elif lines[first - 1].rstrip().endswith(";"):
            lines[first - 1] = lines[first - 1].rstrip()[:-1].rstrip() + " ."
            del lines[first : at + 1]
        else:  # the block's only statement
            del lines[first - 1 : at + 1]
    return "\n".join(lines)


def delete_statement(path: Path, line: int, triple: Triple) -> None:
    """Delete the line of a file that states a triple, and make sure that nothing else goes."""
    text = path.read_text(encoding="utf-8")
    kept = without_line(text, line)

    def triples(turtle: str) -> set[Triple]:
        return {Triple(q.subject, q.predicate, q.object) for q in parse(turtle.encode(), format=RdfFormat.TURTLE)}

    assert triples(text) - triples(kept) == {triple}, f"{path}:{line} does not state {triple} alone"
    assert triples(kept) <= triples(text)
    path.write_text(kept, encoding="utf-8")


def in_default_graph(quads: Sequence[Quad]) -> list[Quad]:
    """Return quads as formats without named graphs can say them."""
    return [Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in quads]


# --- the command -----------------------------------------------------------------------------------------

KG = [str(Path(sys.executable).with_name("kg"))]
if not Path(KG[0]).exists():
    KG = [sys.executable, "-m", "kg.cli"]


def environment(**changes: str | None) -> dict[str, str]:
    """Return a plain environment, whatever that of the tests is; None takes a variable away."""
    found: dict[str, str | None] = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": _OURS.name,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": os.environ.get("PYTHONPATH"),
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def run_kg(
    *words: str | os.PathLike[str],
    cwd: Path,
    stdin: str | bytes = "",
    env: Mapping[str, str] | None = None,
    check: int | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run kg in a folder, as a newcomer would; fail with its output if it does not end with the code of `check`.

    Whatever happens, it never shows a traceback.
    """
    done = subprocess.run(
        [*KG, *map(os.fspath, words)],
        cwd=cwd,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        env=environment() if env is None else dict(env),
        timeout=120,
        check=False,
        **options,
    )
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    assert "Traceback (most recent call last)" not in err + out, err
    if check is not None:
        assert done.returncode == check, f"exit code {done.returncode}\n{out}\n{err}"
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


@contextlib.contextmanager
def served(root: Path) -> Iterator[str]:
    """Run `kg serve` in a folder; give its address when it is ready."""
    server = subprocess.Popen(
        [*KG, "serve", "--port", "0"],
        cwd=root,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        ready = next(
            (found for line in server.stderr if (found := re.match(r"ready: .* at (http://\S+)$", line))), None
        )
        assert ready is not None, "it never was ready"
        yield ready[1]
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.communicate(timeout=20)
        server.kill()
        server.wait()


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one message of a command that failed."""
    assert done.returncode == 1, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    messages = re.findall(r"^error: .*", done.stderr, re.MULTILINE | re.DOTALL)
    assert len(messages) == 1, done.stderr
    assert done.stderr.count("error: ") == 1, done.stderr
    return str(messages[0])


# --- waiting ---------------------------------------------------------------------------------------------


def until(true: Callable[[], bool], *, seconds: float = 20) -> bool:
    """Ask again and again until something is true; tell whether it became so before the deadline."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def processes() -> Iterator[tuple[int, str]]:
    """Give the number and the command line of every process that lives (no zombies)."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        except OSError:
            continue
        if command:
            yield int(folder.name), command
