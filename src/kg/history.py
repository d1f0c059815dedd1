"""What git knows of the files of a graph: the latest changes, and when each file last changed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["HISTORY", "Change", "History", "history_of", "read_history"]

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


def history_of(root: Path, paths: Iterable[str]) -> History:
    """Return the history of files of a project; `paths` are relative to its root."""

    def git(*words: str) -> str:
        try:
            done = subprocess.run(
                ["git", "--no-optional-locks", "-C", str(root), *words],
                capture_output=True, timeout=60, stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

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
