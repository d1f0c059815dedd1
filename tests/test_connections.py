"""Connections whose clients do not read are found and closed; all others are left alone."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator

import pytest

from kg.connections import Connections

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what is unsent")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A server's end of a connection, which holds more than its client has taken, and the client's."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            server.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(1000):
                    server.send(b"x" * 65536)
            yield server, client


def is_open(server: socket.socket) -> bool:
    try:
        server.send(b"x")
    except BlockingIOError:
        return True
    except BrokenPipeError:
        return False
    return True


def test_a_connection_that_is_stuck_for_too_long_is_closed(pair: tuple[socket.socket, socket.socket]) -> None:
    connections = Connections(0)
    connections.look()
    assert (connections.ended, is_open(pair[0])) == (1, False)


def test_one_that_is_not_stuck_for_so_long_yet_is_left(pair: tuple[socket.socket, socket.socket]) -> None:
    connections = Connections(1000)
    connections.look()
    connections.look()
    assert (connections.ended, is_open(pair[0])) == (0, True)


def test_one_that_has_just_begun_a_request_is_left(pair: tuple[socket.socket, socket.socket]) -> None:
    connections = Connections(100)
    connections.look()
    connections._since = {number: when - 1000 for number, when in connections._since.items()}
    connections.note(*pair[0].getpeername())
    connections.look()
    assert (connections.ended, is_open(pair[0])) == (0, True)


def test_sockets_of_other_kinds_and_files_are_left() -> None:
    one, other = socket.socketpair()
    with one, other, open(os.devnull) as file:
        one.send(b"unread")
        connections = Connections(0)
        connections.look()
        assert connections.ended == 0
        assert is_open(one)
        assert not file.closed
