"""Serving a snapshot: the port, the web server's process, and who holds a port that is taken."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kg.errors import KGError

__all__ = ["serve"]

# How long the web server may take to answer first, and to end when asked, in seconds.
_START, _STOP = 30.0, 5.0


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


def _end_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, even by kill -9 (Linux only)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _answers(host: str, port: int) -> bool:
    there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((there, port), timeout=1) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return connection.recv(12).endswith(b" 200")
    except OSError:
        return False


def serve(snapshots: Path, *, host: str, port: int, threads: int, public_url: str, ready: Callable[[str], None]) -> int:
    """Serve the folder of snapshots until asked to stop; return the exit code.

    The web server runs in a session of its own and ends with this process. `ready` is called once with the
    address, when the first page can be had.
    """
    port = claim(host, port)
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port),
        "--workers", "1", "--blocking-threads", str(threads), "--no-ws", "--log-level", "warning", "--factory",
        "kg.web.wsgi:app",
    ]  # fmt: skip
    environment = {**os.environ, "KG_SNAPSHOTS": str(snapshots), "KG_PUBLIC_URL": public_url}
    child = subprocess.Popen(command, env=environment, start_new_session=True, preexec_fn=_end_with_parent)

    def end(number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)

    asked_to_stop = False

    def stop(*_: object) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True
        end(signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, _STOP)  # whoever still waits for a client then does so no longer

    signal.signal(signal.SIGALRM, lambda *_: end(signal.SIGKILL))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    began = time.monotonic()
    is_ready = False
    while not is_ready and child.poll() is None and time.monotonic() < began + _START:
        is_ready = _answers(host, port)
        if not is_ready:
            time.sleep(0.02)
    if is_ready:
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{port}/")
    else:
        end(signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, _STOP)
    child.wait()
    end(signal.SIGKILL)  # what is left of its session: a worker that did not hear of the end
    return 0 if asked_to_stop else 1
