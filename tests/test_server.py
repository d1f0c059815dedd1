"""`kg serve`: it says who has a port, serves what is good, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import building
from tests.building import (
    BELLS,
    KG,
    built_copy,
    copy_of,
    current_in,
    environment,
    error_of,
    processes,
    rebuilt,
    replace,
    run_kg,
    until,
)

from kg.errors import KGError
from kg.server import claim, holder_of
from kg.snapshot import GRAPH


class Served:
    """A running `kg serve`."""

    def __init__(self, folder: Path, *words: str, **env: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [*KG, "serve", "--port", "0", *words],
            cwd=folder,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told: list[str] = []
        self.port = 0
        self.started: list[int] = []

    def ready(self) -> Served:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.told.append(line.rstrip())
            if found := re.match(r"ready: .* at http://.*:(\d+)/$", line):
                self.port = int(found[1])
                self.started = self.children()
                return self
        pytest.fail(f"it never was ready: {self.told}")

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def children(self) -> list[int]:
        """The processes that it has started, and theirs."""
        parents = {}
        for number, _ in processes():
            with contextlib.suppress(OSError, IndexError):
                stat = Path(f"/proc/{number}/stat").read_text("utf-8")
                parents[number] = int(stat.rpartition(")")[2].split()[1])
        found = {self.process.pid}
        while more := {number for number, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found - {self.process.pid})

    def end(self) -> None:
        """End it with all that it has started, even where a test has failed because it does not end."""
        for number in {*self.started, *self.children()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def served(folder: Path, *words: str, **env: str) -> Iterator[Served]:
    server = Served(folder, *words, **env)
    try:
        yield server.ready()
    finally:
        server.end()


def alive(numbers: list[int]) -> list[int]:
    found = dict(processes())
    return [number for number in numbers if number in found]


def is_free(port: int) -> bool:
    with contextlib.suppress(KGError):
        return claim("127.0.0.1", port) == port
    return False


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The bells, built, in a folder that a test may change."""
    return built_copy(building.bells(), tmp_path / "world")


# --- ports -----------------------------------------------------------------------------------------------


def test_any_port_is_a_free_one() -> None:
    assert is_free(claim("127.0.0.1", 0))


def test_a_taken_port_names_the_process_that_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert holder_of(port).startswith(f"process {os.getpid()} (")
        with pytest.raises(KGError, match=rf"127\.0\.0\.1:{port}: the port cannot be had.*process {os.getpid()}"):
            claim("127.0.0.1", port)


@pytest.mark.parametrize("port", [65536, 99999, -1])
def test_a_number_that_is_no_port_is_told(port: int) -> None:
    with pytest.raises(KGError, match="no such port"):
        claim("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "256.1.1.1", "", "::1::"])
def test_a_host_that_is_not_here_is_told(world: Path, host: str) -> None:
    if host:
        assert host in error_of(run_kg("serve", "--host", host, "--port", "0", cwd=world))
    else:
        claim(host, 0)  # every address of this machine


def test_a_taken_port_stops_the_command_before_it_builds(tmp_path: Path) -> None:
    folder = copy_of(BELLS, tmp_path / "world")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        message = error_of(run_kg("serve", "--port", str(port), cwd=folder))
        by_variable = error_of(run_kg("serve", cwd=folder, env=environment(KG_PORT=str(port))))
    for told in (message, by_variable):
        assert f"127.0.0.1:{port}: the port cannot be had: Address already in use" in told
        assert f"process {os.getpid()} (" in told
        assert "kg serve --port N" in told
    assert not (folder / ".kg").exists()


# --- serving ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_however_it_ends_no_process_is_left_and_the_port_is_free(world: Path, number: signal.Signals) -> None:
    with served(world) as server:
        assert server.get("/healthz")[0] == 200
        children = server.children()
        assert children
        server.process.send_signal(number)
        assert until(lambda: not alive(children))
        assert until(lambda: is_free(server.port))
        if number is not signal.SIGKILL:
            assert server.process.wait(20) == 0


def test_a_client_that_never_finishes_does_not_keep_it(world: Path) -> None:
    with served(world) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        server.process.terminate()
        assert server.process.wait(20) == 0
        assert until(lambda: not alive(server.started))


def test_it_ends_too_while_it_is_still_starting(world: Path) -> None:
    server = Served(world)
    try:
        assert until(lambda: bool(server.children()) or server.process.poll() is not None)
        children = server.children()
        server.process.terminate()
        server.process.wait(20)
        assert until(lambda: not alive(children))
    finally:
        server.end()


def test_a_web_server_that_dies_ends_the_command_with_an_error(world: Path) -> None:
    with served(world) as server:
        children = server.children()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        assert server.process.wait(20) == 1
        assert until(lambda: not alive(children))


def test_it_builds_what_is_not_built_and_a_second_start_builds_nothing(tmp_path: Path) -> None:
    folder = copy_of(BELLS, tmp_path / "world")
    with served(folder) as first:
        assert any("inferring" in line for line in first.told)
        assert first.told[-1].startswith("ready: Clychau Dyffryn Ŵyn at http://127.0.0.1:")
        assert "Cloch Fair" in first.get("/doc/bell/mair.ttl")[1]
    with served(folder) as second:
        assert len(second.told) == 1


def test_a_new_build_is_served_without_a_new_start(world: Path) -> None:
    with served(world) as server:
        assert "Cloch Fair" in server.get("/doc/bell/mair.ttl")[1]
        replace(world / "facts/register/bell/mair.ttl", "Cloch Fair", "Cloch Mair")
        rebuilt(world)
        assert until(lambda: "Cloch Mair" in server.get("/doc/bell/mair.ttl")[1])


# --- the last good snapshot ------------------------------------------------------------------------------


def test_files_that_do_not_check_leave_the_last_good_snapshot_served(world: Path) -> None:
    name = current_in(world).name
    replace(world / "facts/register/bell/mair.ttl", '"Cloch Fair"@cy', '"Cloch Fair@cy')
    with served(world) as server:
        told = "\n".join(server.told)
        assert "facts/register/bell/mair.ttl:" in told
        assert f"Serving the last good snapshot instead ({name[:12]})." in told
        assert "Cloch Fair" in server.get("/doc/bell/mair.ttl")[1]
    assert current_in(world).name == name


def test_a_damaged_current_snapshot_leaves_the_one_before_served(world: Path) -> None:
    before = current_in(world).name
    replace(world / "facts/register/bell/mair.ttl", "Cloch Fair", "Cloch Mair")
    damaged = rebuilt(world)
    (damaged.path / GRAPH).write_text("half")
    replace(world / "facts/register/bell/mair.ttl", '"Cloch Mair"@cy', '"Cloch Mair@cy')
    with served(world) as server:
        assert f"Serving the last good snapshot instead ({before[:12]})." in server.told[-2]
        assert "Cloch Fair" in server.get("/doc/bell/mair.ttl")[1]
    assert current_in(world).name == before


def test_without_any_good_snapshot_it_says_what_is_wrong(tmp_path: Path) -> None:
    folder = copy_of(BELLS, tmp_path / "world")
    replace(folder / "facts/register/bell/mair.ttl", '"Cloch Fair"@cy', '"Cloch Fair@cy')
    began = time.monotonic()
    done = run_kg("serve", "--port", "0", cwd=folder)
    assert "does not pass its checks" in error_of(done)
    assert "facts/register/bell/mair.ttl:" in done.stderr
    assert time.monotonic() - began < 60
