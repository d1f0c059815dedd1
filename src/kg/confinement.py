"""A process that may only compute: it ends at a deadline, gets so much memory, and can open nothing.

Nothing else stops a query once it runs, and one that is too deep for the parser ends its process. So queries are
parsed and answered in processes of their own, confined by the kernel; the parent tells how each ended.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import signal

__all__ = ["CRASHED", "OUT_OF_MEMORY", "confine", "cover", "deadline", "exit_kind", "resident", "uncover"]

#: Exit codes by which a confined process tells its parent why it ended; 0 is of its own accord.
OUT_OF_MEMORY, CRASHED = 77, 70

# What a query may nest is limited by characters, but a long chain of operators is as deep to the parser as brackets.
# (The kernel leaves this much room below the stack of any process.)
_STACK = 64 << 20


def _pages(column: int) -> int:
    """Return a number of /proc/self/statm in bytes; 0 where there is no such file."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[column]) * resource.getpagesize()
    except OSError:
        return 0


def resident() -> int:
    """Return how many bytes of memory this process has in use; 0 where the system does not tell."""
    return _pages(1)


def confine(memory: int | None) -> None:
    """Confine this process for good: memory beyond what it has now, in bytes; no core file; a quiet end.

    Where the system does not tell the size of a process (macOS) its memory has no cap.
    """
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(
            resource.RLIMIT_STACK, (_STACK if hard == resource.RLIM_INFINITY else min(_STACK, hard), hard)
        )
    if memory is not None and (size := _pages(0)):
        resource.setrlimit(resource.RLIMIT_AS, (size + memory, size + memory))
    # Rust says on standard error that memory has run out, a fault handler where; the parent says it better.
    faulthandler.disable()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def deadline(seconds: float) -> None:
    """Let the kernel end this process after so many seconds, wherever it is then; 0 takes the deadline away."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def cover() -> tuple[int, int]:
    """Let nothing more be opened: whatever gets past the guard finds no file and no socket. Return what was allowed.

    What is open stays usable, except for `poll`, so only blocking calls may follow.
    """
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, allowed[1]))
    return allowed


def uncover(allowed: tuple[int, int]) -> None:
    """Allow again what `cover` took away."""
    resource.setrlimit(resource.RLIMIT_NOFILE, allowed)


def exit_kind(status: int) -> str:
    """Return why a confined process ended: time, memory, crash, killed, or ended where it did so by itself.

    `status` is what `os.waitpid` gives.
    """
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGALRM:
            return "time"
        if number == signal.SIGABRT:  # what Rust does when it gets no memory
            return "memory"
        return "killed" if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP) else "crash"
    code = os.waitstatus_to_exitcode(status)
    return {0: "ended", OUT_OF_MEMORY: "memory"}.get(code, "crash")
