"""One small graph of another domain (`tests/worlds/bells`), built once and served to all tests of the site."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from tests.building import environment, until

from kg.build import build
from kg.project import open_project
from kg.snapshot import Snapshot, open_snapshot
from kg.web import create_app

WORLD = Path(__file__).parents[1] / "worlds" / "bells"


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Build a copy of the bells with some files changed; return its folder of snapshots."""

    def made(**changes: str) -> Path:
        root = tmp_path_factory.mktemp("world") / "bells"
        shutil.copytree(WORLD, root, ignore=shutil.ignore_patterns(".kg"))
        for name, text in changes.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        build(open_project(root))
        return root / ".kg"

    return made


@pytest.fixture(scope="module")
def committed(make: Callable[..., Path]) -> Path:
    """A copy of the bells as a repository with one commit, built; a test that changes it puts it back."""
    root = make().parent
    dates = {"GIT_AUTHOR_DATE": "2020-05-03T12:00:00+02:00", "GIT_COMMITTER_DATE": "2020-05-03T12:00:00+02:00"}
    (root / ".gitignore").write_text(".kg/\n", encoding="utf-8")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Hang <the> bells"]):
        name = ["-c", "user.name=Ringer", "-c", "user.email=ringer@bells.example", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *name, *words], cwd=root, env=environment(**dates), check=True)
    build(open_project(root))
    return root


@pytest.fixture(scope="session")
def rebuilt() -> Callable[[Path], FlaskClient]:
    """Build a project again; return a client of its site."""

    def again(root: Path) -> FlaskClient:
        build(open_project(root))
        return create_app(root / ".kg").test_client()

    return again


@pytest.fixture(scope="session")
def snapshots(make: Callable[..., Path]) -> Path:
    return make()


@pytest.fixture(scope="session")
def snapshot(snapshots: Path) -> Snapshot:
    return open_snapshot((snapshots / "current").resolve())


@pytest.fixture(scope="session")
def client(snapshots: Path) -> FlaskClient:
    return create_app(snapshots).test_client()


@pytest.fixture(scope="session")
def runtime(snapshot: Snapshot) -> Iterator[Path]:
    """The folder of a running server, with executors of the snapshot behind tight limits."""
    limits = replace(
        snapshot.settings, query_seconds=2, query_memory=256, result_rows=300, result_bytes=100_000, query_length=20_000
    )
    with tempfile.TemporaryDirectory(prefix="kg-") as name:
        folder = Path(name)
        (folder / "settings.json").write_text(json.dumps(asdict(limits)), encoding="utf-8")
        executors = subprocess.Popen(
            [sys.executable, "-m", "kg.executors", os.fspath(snapshot.path)],
            env=environment(KG_RUNTIME=name),
            stdin=subprocess.PIPE,
        )
        try:
            assert until(lambda: any(folder.glob("*/status.json")) or executors.poll() is not None)
            assert executors.poll() is None
            yield folder
        finally:
            executors.communicate(timeout=20)


@pytest.fixture(scope="session")
def asking(snapshots: Path, runtime: Path) -> FlaskClient:
    """The site with somebody who answers queries, at a public address."""
    return create_app(snapshots, public_url="https://bells.example/public", runtime=runtime).test_client()
