"""One small graph of another domain (`tests/worlds/bells`), built once and served to all tests of the site."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

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


@pytest.fixture(scope="session")
def snapshots(make: Callable[..., Path]) -> Path:
    return make()


@pytest.fixture(scope="session")
def snapshot(snapshots: Path) -> Snapshot:
    return open_snapshot((snapshots / "current").resolve())


@pytest.fixture(scope="session")
def client(snapshots: Path) -> FlaskClient:
    return create_app(snapshots).test_client()
