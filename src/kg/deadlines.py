"""What is done in this process, and how long it may take."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

__all__ = ["TooLong", "within"]


class TooLong(BaseException):
    """Something is at work for too long. (Libraries that go on after any Exception do not stop this one.)"""


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise TooLong if what is done takes longer; only the main thread has a clock that can.

    Counted is the time of this process, so that it does not matter what else the machine does.
    """

    def stop(*_: object) -> None:
        raise TooLong

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
