"""The README's examples give what they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.building import flagship

ROOT = Path(__file__).parents[1]


def examples(path: Path) -> list[tuple[str, str]]:
    """Return each `$ kg …` line of a page's console blocks, with the output shown below it."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        for command, shown in re.findall(r"^\$ (kg .*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            found.append((command, shown))
    return found


@pytest.mark.parametrize(("command", "shown"), [pair for pair in examples(ROOT / "README.md") if pair[1]])
def test_readme_shows_what_its_command_prints(command, shown):
    words = command.split()[1:]
    done = subprocess.run(
        [sys.executable, "-m", "kg.cli", *words],
        cwd=flagship().root,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
    )
    printed = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    assert printed == shown.rstrip("\n")


def test_readme_answers_a_question_first():
    command, shown = examples(ROOT / "README.md")[0]
    assert command.startswith("kg query views/")
    assert shown


def test_every_document_is_in_the_index() -> None:
    docs = ROOT / "docs"
    index = (docs / "README.md").read_text("utf-8")
    written = {str(path.relative_to(docs)) for path in docs.rglob("*.md")} - {"README.md"}
    assert written - set(re.findall(r"\]\(([^)#]+)\)", index)) == set()
