"""The engine knows no domain, its documents name every setting and command, and nothing reads outside of here."""

from __future__ import annotations

import ast
import functools
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from tests import building
from tests.building import BELLS, ROOT, flagship

import kg
from kg.cli import main
from kg.settings import Settings
from kg.views import DISPLAYS

ENGINE = ROOT / "src" / "kg"
WRITTEN = {".py", ".html", ".css", ".js", ".po", ".ttl", ".rq", ".svg", ".txt", ".xml", ".json"}

# Words of the flagship's domain, in its two languages. `network` is also a way to show a result.
DOMAIN = r"""
    cit(?:y|ies) \w*citynet\w* city\w*networks? w3id\.org/citynet networks? r[ée]seaux? villes? municipal\w*
    communes? mayors? maires? migra(?:nt|tion|tory)\w* refugees? réfugiés? asyl\w* sanctuary hospitalit\w*
    accueil(?:lant)?s? contestat\w* co-?opt\w* transnational\w* typolog\w* anvita lacroix memberships? petitions?
"""
OF_DOMAIN = re.compile(rf"(?<![\w-])(?:{'|'.join(DOMAIN.split())})(?![\w-])", re.IGNORECASE)

# Towns whose names are words of the French catalogue too.
FRENCH_WORDS = {"celle"}


def engine_files() -> Iterator[Path]:
    for path in sorted(ENGINE.rglob("*")):
        if path.is_file() and path.suffix in WRITTEN and "__pycache__" not in path.parts:
            yield path


@functools.cache
def names_of_the_domain() -> set[str]:
    """The names of what the flagship's register is about, as slugs."""
    snapshot = flagship().snapshot
    kinds = ("network", "city", "camp", "person", "policy", "party")
    slugs = {iri.rsplit("/", 1)[1] for kind in kinds for iri in snapshot.entities(kind)} - FRENCH_WORDS
    assert len(slugs) > 50
    return slugs


def words_of_the_domain(text: str) -> list[str]:
    """Return the words of a text that are those above, or names of what the flagship is about."""
    named = [match[0] for match in re.finditer(r"[\w-]+", text) if match[0].lower() in names_of_the_domain()]
    return named + [match[0] for match in OF_DOMAIN.finditer(text)]


def test_no_word_of_the_flagships_domain_stands_in_the_engine() -> None:
    assert "network" in DISPLAYS
    found = []
    for path in engine_files():
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            bare = re.sub(r"""(["'])network\1""", "", line)
            found += [f"{path.relative_to(ROOT)}:{number}: {word}" for word in words_of_the_domain(bare)]
    assert found == []


@pytest.mark.parametrize(
    "text", ["a CityNetwork city", "Réseaux", "cn/anvita", "grande-synthe", "migrations", "Mayors"]
)
def test_the_search_for_domain_words_finds_them(text: str) -> None:
    assert words_of_the_domain(text)


def test_the_second_world_shares_no_word_of_its_own_with_the_flagship() -> None:
    """What both could share by chance would hide what the engine knows of one of them."""
    ours = building.bells().snapshot
    theirs = flagship().snapshot
    assert not set(ours.settings.languages) & set(theirs.settings.languages)
    assert ours.settings.base_iri != theirs.settings.base_iri
    assert not {kind for kind, _ in ours.kinds()} & {kind for kind, _ in theirs.kinds()} - {"term"}
    assert ours.settings.data_folder != theirs.settings.data_folder


# --- nothing outside of here -----------------------------------------------------------------------------

SHARED = re.compile(r"(?:\.\./|/\w+/|parents?\[\d\][^\n]{0,20}[\"'])shared\b")


def tracked() -> list[Path]:
    """Every file that is or would be in the repository."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True
    )
    if done.returncode == 0:
        return [ROOT / name for name in done.stdout.decode().split("\0") if name]
    hidden = {".git", ".venv", ".kg", "node_modules", "__pycache__"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not hidden & set(path.relative_to(ROOT).parts)]


def test_nothing_reads_a_folder_beside_the_repository() -> None:
    found = []
    for path in tracked():
        if path.suffix == ".md" or path == Path(__file__) or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in SHARED.finditer(text)]
    assert found == []


def test_no_file_of_the_repository_is_a_link_out_of_it() -> None:
    links = [path for path in tracked() if path.is_symlink()]
    assert [path for path in links if not path.resolve().is_relative_to(ROOT)] == []


def test_no_committed_file_names_the_host_of_a_package_registry() -> None:
    names = {"constraints.txt", "package-lock.json", "requirements.txt", "poetry.lock", "uv.lock", "pip.conf", ".npmrc"}
    locks = [path for path in tracked() if path.name in names]
    assert [str(path) for path in locks if "://" in path.read_text("utf-8", "replace")] == []
    assert not [path for path in locks if path.name == "uv.lock"]


# --- documents -------------------------------------------------------------------------------------------


def sections(page: Path) -> dict[str, str]:
    """The text under each second heading of a page."""
    parts = re.split(r"^## (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {heading.strip(): text for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


def test_every_setting_has_its_heading_in_the_reference_and_no_other_has() -> None:
    documented = sections(ROOT / "docs" / "reference" / "settings.md")
    keys = [field.metadata["key"] for field in fields(Settings)]
    assert sorted(documented) == sorted(keys)
    assert [key for key, text in documented.items() if not text.strip()] == []


def test_every_command_and_option_is_in_the_reference_and_no_other_command_is() -> None:
    documented = sections(ROOT / "docs" / "reference" / "commands.md")
    assert sorted(documented) == sorted(f"kg {name}" for name in main.commands)
    missing = [
        f"kg {name}: {parameter.opts[0]}"
        for name, command in main.commands.items()
        for parameter in command.params
        if parameter.opts[0].startswith("--")
        and not any(option in documented[f"kg {name}"] for option in parameter.opts)
    ]
    assert missing == []


def test_the_reference_shows_each_command_at_work() -> None:
    for heading, text in sections(ROOT / "docs" / "reference" / "commands.md").items():
        assert re.search(rf"^\$ (.*\| )?{heading}\b", text, re.MULTILINE), heading


# --- modules ---------------------------------------------------------------------------------------------

MODULES = sorted({"kg", *(found.name for found in pkgutil.walk_packages(kg.__path__, "kg."))})


@pytest.mark.parametrize("name", MODULES)
def test_a_module_begins_with_a_sentence_and_lists_names_that_it_has(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert re.match(r"[^\n]+[.:!?]", module.__doc__), module.__doc__
    listed = getattr(module, "__all__", None)
    if name != "kg":
        assert listed is not None or not _defines(Path(module.__file__ or ""))
    for exported in listed or ():
        assert hasattr(module, exported), exported
    assert list(listed or ()) == sorted(
        set(listed or ()), key=lambda text: (not text.isupper(), not text[0].isupper(), text)
    )


def test_importing_a_module_needs_no_snapshot_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Collecting the doctests of a fresh clone imports every module before anything was built."""
    script = f"import importlib\nfor name in {MODULES}:\n    importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=building.environment(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def _defines(path: Path) -> bool:
    """Tell whether a module defines a function or a class that others may use."""
    nodes = ast.parse(path.read_text("utf-8")).body
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_" for node in nodes)


def test_there_are_no_modules_but_these_in_a_core_without_the_web() -> None:
    """What the command line builds with knows nothing of Flask."""
    script = "import kg.cli, kg.build, kg.conformance, kg.entities, kg.writers, sys; print('flask' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=building.environment(), check=True
    )
    assert done.stdout == "False\n"


def test_the_bells_have_the_files_that_their_readme_names() -> None:
    turtle = [path for path in BELLS.rglob("*.ttl") if ".kg" not in path.parts]
    assert len(turtle) == 18 + 1  # and the prefix table, which is no graph
