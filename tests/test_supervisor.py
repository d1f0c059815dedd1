"""`kg serve`: it says who has a port, keeps what is good served whatever dies, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
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
from kg.snapshot import GRAPH
from kg.supervisor import LIFELINE, LOCK, claim, holder_of, is_supervised, signature, web_command


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
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.told.append(line.rstrip())

    def ready(self) -> Served:
        assert until(lambda: bool(self._port()) or self.process.poll() is not None, seconds=90)
        self.port = self._port()
        if not self.port:
            pytest.fail(f"it never was ready: {self.told}")
        self.started = self.children()
        return self

    def _port(self) -> int:
        return next((int(f[1]) for line in self.told if (f := re.match(r"ready: .* at http://.*:(\d+)/$", line))), 0)

    def has_told(self, text: str) -> bool:
        return any(text in line for line in list(self.told))

    def child(self, words: str) -> int:
        """The number of the child whose command has these words."""
        found = [number for number, command in processes() if words in command and number in self.children()]
        assert found, words
        return min(found)

    def is_well(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/readyz")[0] == 200
        return False

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
        children = {*self.started, *self.children()}
        if self.process.poll() is None:  # first, so that it starts no others
            self.process.kill()
        self.process.wait()
        for number in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self._reader.join(20)


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


def parent_of(number: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{number}/stat").read_text("utf-8").rpartition(")")[2].split()[1])
    return 0


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


@pytest.mark.parametrize("words", ["-m granian", "-m kg.executors"])
def test_whichever_child_dies_is_started_again(world: Path, words: str) -> None:
    with served(world) as server:
        before = server.child(words)
        os.kill(before, signal.SIGKILL)
        assert until(lambda: server.has_told("it is started again"))
        assert until(server.is_well)
        assert until(lambda: before not in server.children())
        assert server.get("/doc/bell/mair.ttl")[0] == 200
        server.process.terminate()
        assert server.process.wait(20) == 0
        assert until(lambda: not alive(server.started))


def test_the_web_servers_own_child_may_die_too(world: Path) -> None:
    with served(world) as server:
        main = server.child("-m granian")
        worker = next(number for number in server.children() if parent_of(number) == main)
        os.kill(worker, signal.SIGKILL)
        assert until(lambda: server.has_told("it is started again"))
        assert until(server.is_well)


def test_pages_are_served_while_queries_are_not(world: Path) -> None:
    """The query parent is stopped, so that it is neither there nor gone."""
    with served(world) as server:
        parent = server.child("-m kg.executors")
        executors = [number for number in server.children() if parent_of(number) == parent]
        for number in (parent, *executors):
            os.kill(number, signal.SIGSTOP)
        try:
            assert server.get("/healthz")[0] == 200
            assert server.get("/doc/bell/mair.ttl")[0] == 200
            assert server.get("/readyz")[0] == 503
        finally:
            for number in (parent, *executors):
                os.kill(number, signal.SIGCONT)
        assert until(server.is_well)


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder with a short name: the path of a Unix socket may have about 100 bytes."""
    with tempfile.TemporaryDirectory(prefix="kg-") as name:
        yield Path(name)


def test_the_folder_where_processes_meet_is_private_and_goes_with_them(world: Path, temporary: Path) -> None:
    with served(world, TMPDIR=str(temporary)) as server:
        (folder,) = temporary.glob("kg-serve-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        os.kill(server.process.pid, signal.SIGKILL)
        assert until(lambda: not alive(server.started))
        assert folder.exists()  # nobody is left to remove it
    with served(world, TMPDIR=str(temporary)) as server:
        assert not folder.exists()
        server.process.terminate()
        assert server.process.wait(20) == 0
    assert list(temporary.iterdir()) == []


def test_it_builds_what_is_not_built_and_a_second_start_builds_nothing(tmp_path: Path) -> None:
    folder = copy_of(BELLS, tmp_path / "world")
    with served(folder) as first:
        assert any("inferring" in line for line in first.told)
        assert first.told[-1].startswith("ready: Clychau Dyffryn Ŵyn at http://127.0.0.1:")
        assert "Cloch Fair" in first.get("/doc/bell/mair.ttl")[1]
    with served(folder) as second:
        assert len(second.told) == 1


def test_a_web_server_whose_supervisor_went_before_it_was_there_ends(world: Path, temporary: Path) -> None:
    """The folder is as a supervisor leaves it that is killed just when it starts a child."""
    (temporary / LOCK).touch()
    os.mkfifo(temporary / LIFELINE)
    (temporary / "current").symlink_to(current_in(world).path)
    env = environment(KG_RUNTIME=str(temporary), KG_SNAPSHOTS=str(temporary))
    command = web_command("127.0.0.1", claim("127.0.0.1", 0), current_in(world).settings)
    (temporary / "settings.json").write_text(json.dumps(asdict(current_in(world).settings)), "utf-8")
    assert not is_supervised(temporary)
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert process.wait(60) != 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


# --- swaps -----------------------------------------------------------------------------------------------


def test_a_new_build_is_served_without_a_new_start_and_no_request_fails(world: Path) -> None:
    """Pages are asked for all the time while another process builds, back and forth."""
    bell = world / "facts/register/bell/mair.ttl"
    with served(world) as server:
        web = server.child("-m granian")
        stop = threading.Event()
        answers: list[tuple[int, str]] = []

        def visit() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            while not stop.is_set():
                connection.request("GET", "/doc/bell/mair.ttl")
                response = connection.getresponse()
                answers.append((response.status, response.read().decode()))
            connection.close()

        visitors = [threading.Thread(target=visit) for _ in range(3)]
        for visitor in visitors:
            visitor.start()
        try:
            for before, after in (("Cloch Fair", "Cloch Mair"), ("Cloch Mair", "Cloch Fair")):
                replace(bell, before, after)
                name = rebuilt(world).name
                assert until(lambda: server.has_told(f"Now serving {name[:12]}."))  # noqa: B023
                assert until(lambda: after in server.get("/doc/bell/mair.ttl")[1])  # noqa: B023
        finally:
            stop.set()
            for visitor in visitors:
                visitor.join(60)
        assert {status for status, _ in answers} == {200}
        assert all(("Cloch Fair" in text) != ("Cloch Mair" in text) for _, text in answers)
        assert server.child("-m granian") == web


def test_a_snapshot_that_cannot_be_served_leaves_the_one_before(world: Path) -> None:
    before = current_in(world)
    broken = before.path.with_name("0" * 64)
    with served(world) as server:
        broken.mkdir()
        link = world / ".kg" / "current"
        link.unlink()
        link.symlink_to(broken.name)
        assert until(lambda: server.has_told("Snapshot 000000000000 cannot be served"))
        assert before.name in server.get("/healthz")[1]
        link.unlink()
        link.symlink_to(before.name)
        assert until(server.is_well)


def test_a_swap_that_fails_is_tried_again(world: Path, temporary: Path) -> None:
    bell = world / "facts/register/bell/mair.ttl"
    text = bell.read_text("utf-8")
    with served(world, TMPDIR=str(temporary)) as server:
        (folder,) = temporary.glob("kg-serve-*")
        before = current_in(world).name
        (folder / ".current").mkdir()  # as on a full disk, nothing can be written there
        replace(bell, "Cloch Fair", "Cloch Fain")
        try:
            after = rebuilt(world).name
        finally:
            bell.write_text(text, "utf-8")
        assert until(lambda: server.has_told(f"Snapshot {after[:12]} cannot be served yet"))
        assert before in server.get("/healthz")[1]
        (folder / ".current").rmdir()
        assert until(lambda: after in server.get("/healthz")[1])
    rebuilt(world)


def test_a_folder_without_a_link_leaves_what_is_served(world: Path) -> None:
    with served(world) as server:
        (world / ".kg" / "current").unlink()
        assert server.get("/doc/bell/mair.ttl")[0] == 200
        assert server.process.poll() is None


# --- watching --------------------------------------------------------------------------------------------


def test_a_change_is_built_and_served_and_a_wrong_one_is_told(world: Path) -> None:
    bell = world / "facts/register/bell/mair.ttl"
    with served(world, "--watch") as server:
        replace(bell, '"Cloch Fair"@cy', '"Cloch Fair@cy')
        assert until(lambda: server.has_told("The last good snapshot stays in use"))
        assert server.has_told("facts/register/bell/mair.ttl:")
        assert "Cloch Fair" in server.get("/doc/bell/mair.ttl")[1]

        # As an editor writes: a new file takes the place of the old one.
        fresh = bell.with_suffix(".ttl~")
        fresh.write_text(bell.read_text("utf-8").replace('"Cloch Fair@cy', '"Cloch Mair"@cy'), "utf-8")
        os.replace(fresh, bell)
        assert until(lambda: "Cloch Mair" in server.get("/doc/bell/mair.ttl")[1])

        settings = (world / "kg.toml").read_text("utf-8")
        (world / "kg.toml").write_text("= broken", "utf-8")
        assert until(lambda: server.has_told("cannot be read as TOML"))
        (world / "kg.toml").write_text(settings, "utf-8")
        os.rename(world / "facts", world / "elsewhere")
        assert until(lambda: server.has_told("this folder is missing"))
        os.rename(world / "elsewhere", world / "facts")
        replace(bell, "Cloch Mair", "Cloch Fawr")
        assert until(lambda: "Cloch Fawr" in server.get("/doc/bell/mair.ttl")[1])
        assert not server.has_told("Traceback")


def test_what_editors_leave_and_what_vanishes_is_no_change(tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.ttl").write_text("a")
    before = signature([folder, tmp_path / "kg.toml"])
    assert len(before) == 1
    for name in (".a.ttl.swp", "a.ttl~", "#a.ttl#", ".hidden/b.ttl"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("b")
    (folder / "dangling.ttl").symlink_to("nowhere")
    assert signature([folder, tmp_path / "kg.toml"]) == before
    (folder / "deep" / "a.ttl").write_text("aa")
    assert signature([folder, tmp_path / "kg.toml"]) != before
    shutil.rmtree(folder)
    assert signature([folder]) == {}


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
