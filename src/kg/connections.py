"""The connections of this process whose clients do not read: found among its descriptors, and closed."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time

try:
    import fcntl
    import termios

    _UNSENT = termios.TIOCOUTQ  # on a socket: the bytes that the other side has not acknowledged (Linux)
except (ImportError, AttributeError):  # elsewhere only the gateway's own deadline ends an answer
    _UNSENT = 0

__all__ = ["Connections"]

_DESCRIPTORS = "/proc/self/fd"


class Connections:
    """Ends connections whose client has not taken all that it was sent for too long.

    The web server hands its answers to the system and offers no way to close a connection. A client that does not read
    would keep one, and what is buffered for it, for ever. A request that begins on a connection shows that it reads.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ended = 0
        #: By the socket's number in the system: since when there is something unsent at every look.
        self._since: dict[int, float] = {}
        self._began: dict[tuple[str, int], float] = {}

    def note(self, host: str, port: int) -> None:
        """Note that a request begins on the connection of a client."""
        self._began[host, port] = time.monotonic()

    def look(self) -> None:
        """Look at all connections once, and close those that have not been read from for too long."""
        now = time.monotonic()
        self._began = {peer: when for peer, when in self._began.items() if when > now - self.seconds}
        stuck: dict[int, float] = {}
        for descriptor in self._descriptors():
            with contextlib.suppress(OSError):  # it was closed as we look
                if not _unsent(descriptor):
                    continue
                number = os.fstat(descriptor).st_ino
                stuck[number] = self._since.get(number, now)
                if stuck[number] <= now - self.seconds:
                    self._end(descriptor, number)
        self._since = stuck

    @staticmethod
    def _descriptors() -> list[int]:
        if not _UNSENT:
            return []
        try:
            return [int(name) for name in os.listdir(_DESCRIPTORS)]
        except OSError:
            return []

    def _end(self, descriptor: int, number: int) -> None:
        # The web server may close the descriptor and get it again for another connection as we look: only a copy
        # that is still the same socket is shut down, and that ends the connection, not the descriptor.
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            if os.fstat(connection.fileno()).st_ino != number:
                return
            if connection.family not in (socket.AF_INET, socket.AF_INET6):
                return
            peer = connection.getpeername()
            if (peer[0], peer[1]) not in self._began:
                connection.shutdown(socket.SHUT_RDWR)
                self.ended += 1


def _unsent(descriptor: int) -> int:
    """Return how many bytes a socket still has to deliver; 0 for what is no socket. Raises OSError if it is closed."""
    if not os.path.basename(os.readlink(f"{_DESCRIPTORS}/{descriptor}")).startswith("socket:"):
        return 0
    found: int = struct.unpack("i", fcntl.ioctl(descriptor, _UNSENT, b"\0" * 4))[0]
    return found
