"""The script of the pages: when it is made again, and that nothing is lost where it cannot be."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FRONTEND = Path(__file__).parents[1] / "frontend"


@pytest.fixture
def bundle(tmp_path: Path) -> ModuleType:
    """The module of a copy of the sources, with a folder to make the script in."""
    copy = tmp_path / "frontend"
    shutil.copytree(FRONTEND, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "src" / "kg" / "web" / "static").mkdir(parents=True)
    spec = importlib.util.spec_from_file_location("bundle_of_a_copy", copy / "bundle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(bundle: ModuleType) -> None:
    """Make the script by hand, as the hook does with Node."""
    bundle.OUTPUT.write_text("// made", encoding="utf-8")
    bundle.STAMP.write_text(bundle.digest() + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", ["src/suggestions.js", "src/new.js", "package.json", "package-lock.json", ".npmrc"])
def test_script_is_made_again_when_any_of_its_sources_changed(bundle: ModuleType, name: str) -> None:
    assert not bundle.is_fresh()
    made(bundle)
    assert bundle.is_fresh()
    with (bundle.SOURCES / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert not bundle.is_fresh()
    assert not bundle.is_settled()


def test_script_is_made_again_when_it_is_gone(bundle: ModuleType) -> None:
    made(bundle)
    bundle.OUTPUT.unlink()
    assert not bundle.is_fresh()


def test_failure_is_told_until_it_is_mended_and_leaves_no_script_of_other_sources(
    bundle: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KG_SKIP_FRONTEND", raising=False)
    made(bundle)
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho 'npm error network\nis down'\nexit 1\n", encoding="utf-8")
    node.chmod(0o755)
    with pytest.raises(bundle.Unmade, match="npm error network; is down") as caught:
        bundle.make(node, tmp_path / "npm-cli.js")
    assert bundle.is_fresh()  # what is there stays until the hook gives it up
    bundle.fail(str(caught.value))
    assert not bundle.OUTPUT.exists()
    assert not bundle.is_fresh()
    told = subprocess.run([sys.executable, bundle.__file__], capture_output=True, text=True, check=True).stderr
    assert "work without: npm error network; is down" in told
    assert "make frontend" in told
    made(bundle)
    again = subprocess.run([sys.executable, bundle.__file__], capture_output=True, text=True, check=True)
    assert again.stderr == ""


def test_pages_without_scripts_can_be_asked_for(bundle: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for value, unwanted in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("KG_SKIP_FRONTEND", value)
        assert bundle.is_unwanted() == unwanted


def test_lock_file_holds_for_any_registry() -> None:
    lock = json.loads((FRONTEND / "package-lock.json").read_text(encoding="utf-8"))
    wanted = json.loads((FRONTEND / "package.json").read_text(encoding="utf-8"))
    assert lock["packages"][""]["dependencies"] == wanted["dependencies"]
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name
