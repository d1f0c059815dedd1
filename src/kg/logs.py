"""One line a request, written by a thread of its own, so that a disk or a pipe that is slow delays no answer."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from logging.handlers import WatchedFileHandler

__all__ = ["open_log"]

# Lines that wait to be written; beyond that they are counted, and the log says how many are missing.
_WAITING = 10_000


def open_log(target: str) -> Callable[[str], None] | None:
    """Return what writes a line to a file, `-` for standard error; None for no target.

    A file that is renamed or removed meanwhile, as log rotation does, is made anew.
    """
    return _Log(target).write if target else None


class _Log:
    def __init__(self, target: str) -> None:
        self._file = None if target == "-" else WatchedFileHandler(target, encoding="utf-8", delay=True)
        self._lines: queue.Queue[str] = queue.Queue(_WAITING)
        self._missing = 0
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def write(self, line: str) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._missing += 1

    def _run(self) -> None:
        while True:
            lines = [self._lines.get()]
            while not self._lines.empty():
                lines.append(self._lines.get())
            if missing := self._missing:
                self._missing -= missing
                lines.append(f'{{"missing": {missing}}}')
            try:
                self._put("\n".join(lines) + "\n")
            except OSError:  # no room, or nobody reads: the next lines may have better luck
                self._missing += len(lines)

    def _put(self, text: str) -> None:
        if self._file is None:
            sys.stderr.write(text)
            sys.stderr.flush()
            return
        self._file.reopenIfNeeded()
        stream = self._file.stream or self._file._open()
        self._file.stream = stream
        stream.write(text)
        stream.flush()
