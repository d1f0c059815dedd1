"""The executors: what they answer over their sockets, how each limit and each death looks, and that none is left."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.building import bells, environment, until

from kg.executors import folder_of


@dataclass
class Parent:
    """A running parent of executors, and how to ask them."""

    process: subprocess.Popen[bytes]
    folder: Path

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "status.json").read_text())
        return found

    def connect(self, group: str = "public") -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(self.folder / f"{group}.sock"))
        return connection

    def ask(self, query: str | None, group: str = "public", **question: Any) -> tuple[dict[str, Any] | None, bytes]:
        """Return the end frame, None if there was none, and the body."""
        question = {"query": query, "rows_form": "json", "boolean_form": "json", "triples_form": "nt", **question}
        asked = json.dumps(question).encode()
        body, end = b"", None
        with self.connect(group) as connection, connection.makefile("rb") as reader:
            connection.sendall(struct.pack(">I", len(asked)) + asked)
            while head := reader.read(5):
                content = reader.read(struct.unpack(">I", head[1:])[0])
                if head[:1] == b"D":
                    body += content
                elif head[:1] == b"E":
                    end = json.loads(content)
        return end, body


def started(runtime: Path, snapshot: Path, **changes: Any) -> Parent:
    """Start a parent with some settings of its own and wait until it is ready."""
    settings = asdict(replace(bells().snapshot.settings, **changes))
    (runtime / "settings.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "kg.executors", str(snapshot)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment(KG_RUNTIME=str(runtime)))
    folder = folder_of(runtime, snapshot.name)
    assert until((folder / "status.json").exists, seconds=60), "the parent does not get ready"
    return Parent(process, folder)


@pytest.fixture(scope="module")
def parent() -> Iterator[Parent]:
    """A parent with the settings that a site has."""
    with tempfile.TemporaryDirectory(prefix="kg-") as runtime:
        found = started(Path(runtime), bells().snapshot.path)
        yield found
        found.process.terminate()
        assert found.process.wait(30) == 0


def test_a_question_is_answered(parent: Parent) -> None:
    end, body = parent.ask("SELECT (1 AS ?x) {}")
    assert end == {"status": "ok", "kind": "select", "form": "json", "rows": 1}
    assert json.loads(body)["results"]["bindings"][0]["x"]["value"] == "1"
