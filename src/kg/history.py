"""What git knows of the files of a graph: the latest changes, when each last changed, how they were in a commit."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from kg.errors import KGError

__all__ = ["HISTORY", "Change", "History", "ask_git", "files_at", "history_of", "read_history"]

#: The file beside a snapshot's own that keeps the history of the files that it was last built from.
HISTORY = "history.json"

# So many commits are read for the dates of files, and so many of them are kept as changes.
_MOST_COMMITS, _MOST_CHANGES = 20_000, 50


@dataclass(frozen=True)
class Change:
    """One commit that touched files of the graph: its name, its date (xsd:dateTime), its subject, and the files."""

    commit: str
    date: str
    subject: str
    paths: Sequence[str]


@dataclass(frozen=True)
class History:
    """The latest changes, newest first, and the date of the last commit of each file that is as committed.

    Both are empty where git does not know: without it, and in a shallow clone.
    """

    changes: Sequence[Change] = ()
    dates: Mapping[str, str] = field(default_factory=dict)


def ask_git(root: Path, *words: str, seconds: float) -> str:
    """Return what git says in a folder; nothing where it cannot say, takes longer, or is not there."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *words],
            capture_output=True, timeout=seconds, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def history_of(root: Path, paths: Iterable[str]) -> History:
    """Return the history of files of a project; `paths` are relative to its root."""
    git = partial(ask_git, root, seconds=60)
    wanted = set(paths)
    # The oldest commit of a shallow clone seems to have made every file.
    if git("rev-parse", "--is-shallow-repository").strip() != "false":
        return History()
    # Of a line of `status`, the path begins after two letters and a space; a renamed file's old path is one more.
    changed = {line[3:] for line in git("status", "--porcelain", "-z", "--no-renames", "--", ".").split("\0")}
    prefix = git("rev-parse", "--show-prefix").removesuffix("\n")
    log = git(
        "log", f"--max-count={_MOST_COMMITS}", "-z", "--format=%x01%H%x02%cI%x02%s", "--name-only", "--relative",
        "--no-renames", "--", ".",
    )  # fmt: skip
    changes: list[Change] = []
    dates: dict[str, str] = {}
    for record in log.split("\x01")[1:]:
        head, _, names = record.partition("\0")
        commit, date, subject = head.split("\x02", 2)
        touched = sorted(wanted.intersection(name.lstrip("\n") for name in names.split("\0")))
        for path in touched:
            dates.setdefault(path, date)
        if touched and len(changes) < _MOST_CHANGES:
            changes.append(Change(commit, date, re.sub(r"[\x00-\x1f\x7f]", " ", subject), touched))
    return History(changes, {path: date for path, date in sorted(dates.items()) if prefix + path not in changed})


def to_json(history: History) -> str:
    """Return a history as `read_history` reads it."""
    return json.dumps(asdict(history), ensure_ascii=False)


def read_history(snapshot: Path) -> History:
    """Return the history that is kept beside the snapshot in a folder; an empty one where there is none."""
    try:
        found = json.loads((snapshot / HISTORY).read_text(encoding="utf-8"))
        return History([Change(**change) for change in found["changes"]], dict(found["dates"]))
    except (OSError, ValueError, TypeError, KeyError):
        return History()


def _git(root: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    except OSError as error:
        raise KGError("git is needed for this", found=str(error.strerror), advice="Install git.") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git failed"]
        raise KGError("git cannot give the files of that commit", found=lines[-1].removeprefix("fatal: "))
    return done.stdout


@contextmanager
def files_at(root: Path, ref: str) -> Iterator[Path]:
    """Give a folder with the files that a folder had in a commit, as long as it is needed.

    Raises KGError where there is no git, no such commit, or no such folder in it.
    """
    _git(root, "rev-parse", "--git-dir")
    try:
        named = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except KGError:
        advice = "Name a commit, a branch or a tag, such as main or HEAD~1."
        raise KGError("git knows no such commit", found=ref, advice=advice) from None
    commit, prefix = named.decode().strip(), _git(root, "rev-parse", "--show-prefix").decode().strip()
    top = Path(_git(root, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    archive = _git(top, "archive", "--format=tar", f"{commit}:{prefix}")
    with tempfile.TemporaryDirectory(prefix="kg-history-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)
