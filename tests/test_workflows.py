"""The action, the workflow and the hooks run commands that there are, and these do what is promised."""

from __future__ import annotations

import re
import subprocess

import pytest
from tests.building import KG, ROOT, environment, run_kg
from tests.test_memo import committed

from kg.cli import main

FILES = ("action.yml", ".github/workflows/ci.yml", ".pre-commit-hooks.yaml", "docs/how-to/check-in-ci.md")
ANNA = "data/turtle/register/bell/anna.ttl"


def test_every_command_and_option_in_them_exists():
    found = []
    for name in FILES:
        for command, rest in re.findall(r"\bkg\"? ([a-z]+)((?: [^\n`']*)?)", (ROOT / name).read_text("utf-8")):
            if command in main.commands:
                found.append(command)
                known = {option for one in main.commands[command].params for option in one.opts}
                assert set(re.findall(r"--[a-z-]+", rest)) <= known, (name, command, rest)
    assert {"check", "format", "diff"} <= set(found)


def steps() -> dict[str, str]:
    """The commands of the action by the names of its steps."""
    text = (ROOT / "action.yml").read_text("utf-8")
    return dict(re.findall(r"- name: (.+?)\n(?:(?!    - ).*\n)*?      run: '(.*)'\n", text))


@pytest.fixture
def runner(bells, tmp_path):
    """A repository with a graph in a folder, and a runner that has installed kg."""
    committed(bells)
    binaries = tmp_path / "temp" / "kg" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "kg").write_text(f'#!/bin/sh\nexec {" ".join(KG)} "$@"\n')
    (binaries / "kg").chmod(0o755)

    def run(step: str, **changes: str) -> subprocess.CompletedProcess[str]:
        env = {
            "RUNNER_TEMP": str(tmp_path / "temp"), "KG_PROJECT": "bells", "LANGUAGE": "", "SINCE": "", "BASE": "HEAD",
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), **changes,
        }  # fmt: skip
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps()[step]]
        env = environment(**env)
        return subprocess.run(words, cwd=bells.root.parent, env=env, capture_output=True, text=True, check=False)

    return run


def test_the_action_passes_for_a_good_graph_and_says_nothing(runner):
    assert set(steps()) == {"Check", "Canonical form", "What changed"}
    done = runner("Check")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_action_annotates_the_line_as_seen_from_the_repository(runner, bells):
    bells.replace(ANNA, "rdfs:label", "rdfs:labl")
    done = runner("Check", LANGUAGE="fr")
    assert done.returncode == 1
    assert f"::error file=bells/{ANNA},line=12,col=3,title=term::rien ne définit rdfs:labl" in done.stdout
    assert runner("Check", SINCE="HEAD").returncode == 1
    committed_since = runner("Canonical form")
    assert committed_since.returncode == 1
    assert "+" in committed_since.stdout


def test_the_action_writes_what_changed_into_the_summary(runner, bells, tmp_path):
    bells.replace(ANNA, '"Anna"', '"Hanna"')
    assert runner("What changed").returncode == 0
    assert "Hanna (changed)" in (tmp_path / "summary.md").read_text("utf-8")


def test_places_are_paths_from_where_the_command_runs(bells):
    bells.replace(ANNA, "rdfs:label", "rdfs:labl")
    done = run_kg("-C", "bells", "check", cwd=bells.root.parent, check=1)
    assert re.search(rf"^bells/{ANNA}:12:3: violation: ", done.stdout, re.MULTILINE)
