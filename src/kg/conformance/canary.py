"""A listener on loopback that a SPARQL endpoint must never reach, whatever SERVICE says."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

__all__ = ["Canary"]

_EMPTY = b'{"head":{"vars":[]},"results":{"bindings":[{}]}}'


class Canary:
    """Counts who connects to it, and answers as an endpoint would, so that a query that reaches it goes on."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/sparql"
        self.hits = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.hits += 1
            with client:
                try:
                    client.settimeout(1)
                    client.recv(65536)
                    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\nConnection: close\r\n"
                    client.sendall(head + b"Content-Length: %d\r\n\r\n" % len(_EMPTY) + _EMPTY)
                except OSError:
                    pass

    def __enter__(self) -> Canary:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for whoever comes
        self._listener.close()
        self._thread.join(5)
