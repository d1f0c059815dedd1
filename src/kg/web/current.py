"""The snapshot in use: whatever the link `current` points to, followed from one request to the next."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from pathlib import Path

from kg.errors import SnapshotError
from kg.snapshot import CURRENT, MANIFEST, Snapshot, engine_of, open_snapshot
from kg.web.addresses import PIN_LENGTH

__all__ = ["Current"]

_log = logging.getLogger(__name__)

# So many old snapshots stay open for those who cited them.
_MOST_KEPT = 8

# How long a link to something that is not a whole snapshot is left alone before it is tried again, in seconds.
_PATIENCE = 2.0


class Current:
    """Gives the open snapshot of a folder of snapshots. A swap of the link is seen by the next request.

    One thread opens a new snapshot while the others go on with the old one; a damaged one is not used.
    """

    def __init__(self, folder: Path) -> None:
        self._link = folder / CURRENT
        self._lock = threading.Lock()
        self._target = self._read()
        self._snapshot = open_snapshot(folder / self._target)
        self._failed: tuple[str, float] = ("", 0.0)
        self._kept: dict[str, Snapshot] = {}

    def _read(self) -> str:
        try:
            return os.readlink(self._link)
        except OSError as error:
            raise SnapshotError(
                "there is no current snapshot here",
                where=str(self._link),
                found=error.strerror or str(error),
                advice="Run: kg build",
            ) from None

    def get(self) -> Snapshot:
        """Return the snapshot in use now."""
        try:
            target = self._read()
        except SnapshotError:
            return self._snapshot
        if target != self._target and self._lock.acquire(blocking=False):
            try:
                self._open(target)
            finally:
                self._lock.release()
        return self._snapshot

    def _open(self, target: str) -> None:
        failed, when = self._failed
        if target == self._target or (target == failed and time.monotonic() < when + _PATIENCE):
            return
        try:
            self._snapshot = open_snapshot(self._link.parent / target)
            self._target = target
        except SnapshotError as error:
            self._failed = (target, time.monotonic())
            _log.error("the last good snapshot stays in use: %s", error)

    def named(self, name: str) -> Snapshot | None:
        """Return the snapshot whose name begins so, if it is kept and was built by the engine of the one in use.

        Another engine would show it otherwise than the pages that were cited.
        """
        snapshot = self.get()
        if snapshot.name[:PIN_LENGTH] == name:
            return snapshot
        folder = self._link.parent
        found = [path for path in folder.glob(f"{name}*")] if re.fullmatch(r"[0-9a-f]{16}", name) else []
        if len(found) != 1 or not (found[0] / MANIFEST).is_file():
            self._kept.pop(name, None)
            return None
        if name not in self._kept:
            if engine_of(found[0]) != engine_of(snapshot.path):
                return None
            try:
                opened = open_snapshot(found[0])
            except SnapshotError:
                return None
            self._kept = {**dict(list(self._kept.items())[1 - _MOST_KEPT :]), name: opened}
        return self._kept[name]
