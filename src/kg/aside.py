"""Work done at the same time by a copy of this process, and Python's search for garbage, kept off meanwhile."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Generic, Self, TypeVar

__all__ = ["Aside", "without_search_for_garbage"]

T = TypeVar("T")


class Aside(Generic[T]):
    """A call that a copy of this process makes; it sees what there is now, and only its result comes back.

    Where there is no copy to be had, or it ends without a result, the call is made here when the result is wanted.
    The copy does not outlive the `with` block.
    """

    def __init__(self, call: Callable[[], T], *, alone: bool = False) -> None:
        self._call = call
        self._child = 0
        if alone or not hasattr(os, "fork"):
            return
        end, start = os.pipe()
        try:
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # a bar may have a thread
                self._child = os.fork()
        except OSError:
            os.close(start)
            os.close(end)
            return
        if not self._child:
            _answer(call, start)
        os.close(start)
        self._end = end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child:
            os.close(self._end)
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)

    def result(self) -> T:
        """Return what the call returned, or raise what it raised."""
        if self._child:
            with os.fdopen(self._end, "rb", closefd=False) as answer:
                data = answer.read()
            os.close(self._end)
            child, self._child = self._child, 0
            _, status = os.waitpid(child, 0)
            if status == 0:
                found: T = pickle.loads(data)
                return found
        return self._call()


def _answer(call: Callable[[], object], start: int) -> None:
    """Write the result of a call and end this process; without a result, its status says so."""
    status = 1
    try:
        data = pickle.dumps(call())
        with os.fdopen(start, "wb") as answer:
            answer.write(data)
        status = 0
    finally:
        # Whatever the first process has open, or has to do at its end, is not for its copy.
        os._exit(status)


@contextlib.contextmanager
def without_search_for_garbage() -> Iterator[None]:
    """Let Python not search for garbage: reading a graph makes millions of things, and nearly all of them stay."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
