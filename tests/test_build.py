"""A build gives the same snapshot for the same content, and leaves the last good one alone whatever happens."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import building
from tests.building import (
    BELLS,
    KG,
    ROOT,
    built_copy,
    content_of,
    copy_of,
    current_in,
    environment,
    error_of,
    flagship,
    leftovers_in,
    rebuilt,
    replace,
    run_kg,
    snapshots_in,
)

import kg.build
from kg.build import CheckFailed, build, ensure, last_good
from kg.errors import KGError, SnapshotError
from kg.project import Project, open_project
from kg.snapshot import CURRENT, GRAPH, MANIFEST, SITE, settings_from

if TYPE_CHECKING:
    from tests.conftest import World

CHRONICLE = "facts/sources/cronicl-llanwyn.ttl"


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The bells, built, in a folder that a test may change."""
    return built_copy(building.bells(), tmp_path / "world")


@pytest.fixture
def before(world: Path) -> dict[str, bytes | str]:
    """All that is in the folder of snapshots before the test acts, without what every build renews."""
    return lasting(world)


def lasting(world: Path) -> dict[str, bytes | str]:
    """What a build leaves, but for what only spares the next one work."""
    found = content_of(world / ".kg")
    return {
        name: data
        for name, data in found.items()
        if name not in ("lock", ".gitignore") and not name.startswith("checks")
    }


# --- the name of a snapshot ------------------------------------------------------------------------------


def git(*words: str, cwd: Path) -> str:
    env = environment(
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_SYSTEM=os.devnull,
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Somebody"),
        **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "somebody@bells.example"),
    )
    done = subprocess.run(["git", *words], cwd=cwd, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def committed(folder: Path) -> str:
    git("init", "--quiet", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "--message", "Begin", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)


@pytest.mark.parametrize("variant", [1, 2, 3])
def test_bells_have_one_name_wherever_whenever_and_in_whatever_environment_they_are_built(
    tmp_path: Path, variant: int
) -> None:
    order = random.Random(variant)
    home = tmp_path / "home"
    home.mkdir()
    folder = copy_of(BELLS, tmp_path / f"elsewhere {variant} é", order=order)
    for path in folder.rglob("*"):
        os.utime(path, (order.randrange(2**31),) * 2)
    env = environment(
        HOME=[str(home), "/nonexistent", None][variant - 1],
        TZ=["Asia/Tokyo", "America/St_Johns", None][variant - 1],
        LANG=["cy_GB.UTF-8", "C", None][variant - 1],
        LC_ALL=[None, "POSIX", "de_DE.UTF-8"][variant - 1],
        PYTHONHASHSEED=str(variant),
    )
    if variant == 2:
        committed(folder)
    done = run_kg("build", cwd=folder, env=env, check=0)
    assert done.stdout.strip() == building.bells().snapshot.name


def test_the_flagship_has_the_same_name_on_another_path_and_in_another_environment(tmp_path: Path) -> None:
    folder = copy_of(flagship().root, tmp_path / "b", order=random.Random(7))
    committed(folder)
    env = environment(TZ="Pacific/Apia", LANG="fr_FR.UTF-8", PYTHONHASHSEED="4711", HOME=str(tmp_path))
    assert run_kg("build", cwd=folder, env=env, check=0).stdout.strip() == flagship().snapshot.name


def test_two_builds_write_the_same_graph_byte_for_byte(tmp_path: Path) -> None:
    again = rebuilt(copy_of(BELLS, tmp_path / "again", order=random.Random(3)))
    assert (again.path / GRAPH).read_bytes() == (building.bells().snapshot.path / GRAPH).read_bytes()
    # The tables behind the index of names are among them; the index itself cannot be read row by row.
    found = again.rows("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name")
    tables = [name for name, made_by in found if not made_by.startswith("CREATE VIRTUAL")]
    assert "search_data" in tables
    for table in tables:
        query = f"SELECT * FROM {table}"
        assert again.rows(query) == building.bells().snapshot.rows(query), table


CHANGES: dict[str, Callable[[Path], None]] = {
    "a digit": lambda root: replace(root / CHRONICLE, '"12v"', '"13v"'),
    "a comment that moves lines": lambda root: replace(
        root / CHRONICLE, "\ncasting:mair\n", "\n# The bell of Mary.\ncasting:mair\n"
    ),
    "a label of the ontology": lambda root: replace(root / "vocab/bells.ttl", '"Turmglocke"@de', '"Turmglocken"@de'),
    "a shape's order": lambda root: (
        replace(
            root / "rules/bells.ttl",
            *re.findall(r"sh:order 1[0-9]* ;", (root / "rules/bells.ttl").read_text("utf-8"))[:1],
            "sh:order 99 ;",
        )
        if (root / "rules/bells.ttl").read_text("utf-8").count("sh:order 1 ;") == 1
        else replace_first(root / "rules/bells.ttl", "sh:order 1", "sh:order 99")
    ),
    "a view": lambda root: replace(root / "questions/bells.rq", "ORDER BY ?earliest", "ORDER BY DESC(?earliest)"),
    "a view's title": lambda root: replace(root / "questions/bells.rq", "und wann?", "und wann genau?"),
    "the title of the graph": lambda root: replace(root / "kg.toml", "Clychau Dyffryn", "Clychau’r Dyffryn"),
    "a limit of pages": lambda root: append(root / "kg.toml", "\n[limits]\npage_length = 7\n"),
    "a prefix": lambda root: append(root / "vocab/prefixes.ttl", "@prefix new: <https://new.example/> .\n"),
}


def replace_first(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_shows_changes_the_name(world: Path, change: Callable[[Path], None]) -> None:
    change(world)
    assert rebuilt(world).name != building.bells().snapshot.name


def first_line(path: Path, line: str) -> None:
    path.write_text(line + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda root: first_line(root / "kg.toml", 'public_url = "https://bells.example/site"'),
        lambda root: append(root / "kg.toml", "\n[server]\nthreads = 9\n"),
        lambda root: append(root / "kg.toml", "\n[snapshots]\nkeep = 9\n"),
        lambda root: append(root / CHRONICLE, "\n# That is all.\n"),
        lambda root: append(root / "kg.toml", "\n# A comment.\n"),
        lambda root: (root / "vocab" / "notes.txt").write_text("Not Turtle."),
    ],
    ids=["public_url", "threads", "snapshots kept", "a last comment", "a comment in kg.toml", "another file"],
)
def test_what_does_not_show_keeps_the_name(world: Path, change: Callable[[Path], object]) -> None:
    change(world)
    built = build(open_project(world))
    assert (built.snapshot.name, built.fresh) == (building.bells().snapshot.name, False)


# --- a warm start ----------------------------------------------------------------------------------------


def no_reading(self: Project, *_: object) -> None:
    raise AssertionError("a warm start reads Turtle")


def test_a_second_start_without_changes_reads_no_turtle(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "read", no_reading)
    os.utime(world / CHRONICLE)
    built = ensure(open_project(world))
    assert (built.snapshot.name, built.fresh) == (building.bells().snapshot.name, False)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: append(root / CHRONICLE, "\n# That is all.\n"),
        lambda root: (root / CHRONICLE).rename(root / "facts/sources/llanwyn.ttl"),
        lambda root: append(root / "questions/bells.rq", "\n# That is all.\n"),
        lambda root: first_line(root / "kg.toml", "# The bells"),
        lambda root: (root / ".kg/inputs.json").unlink(),
        lambda root: (root / ".kg/inputs.json").write_text("[]"),
        lambda root: (root / ".kg/inputs.json").write_text("{"),
    ],
)
def test_a_start_after_a_change_reads_everything_again(
    world: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    change(world)
    monkeypatch.setattr(Project, "read", no_reading)
    with pytest.raises(AssertionError, match="reads Turtle"):
        ensure(open_project(world))


def test_a_changed_engine_builds_anew(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kg.build, "engine_version", lambda: "another")
    built = ensure(open_project(world))
    assert built.fresh
    assert built.snapshot.name != building.bells().snapshot.name


# --- where it came from ----------------------------------------------------------------------------------


def origin(world: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((world / ".kg" / CURRENT / "origin.json").read_text())
    return found


def test_origin_is_empty_without_git(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert origin(world)["commit"] == ""
    committed(world)
    monkeypatch.setenv("PATH", "/nonexistent")
    rebuilt(world)
    assert origin(world)["commit"] == ""


def test_origin_names_the_commit_and_a_build_leaves_the_tree_clean(world: Path) -> None:
    commit = committed(world)
    rebuilt(world)
    assert git("status", "--porcelain", cwd=world) == ""
    found = origin(world)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", str(found.pop("date")))
    assert found == {"commit": commit, "dirty": False, "shallow": False}


def test_origin_is_renewed_by_a_warm_start(world: Path) -> None:
    committed(world)
    ensure(open_project(world))
    git("commit", "--quiet", "--allow-empty", "--message", "Again", cwd=world)
    built = ensure(open_project(world))
    assert (built.fresh, origin(world)["commit"]) == (False, git("rev-parse", "HEAD", cwd=world))


def test_origin_tells_that_files_differ_from_the_commit(world: Path) -> None:
    committed(world)
    append(world / CHRONICLE, "\n# That is all.\n")
    rebuilt(world)
    assert origin(world)["dirty"] is True


def test_origin_tells_a_shallow_clone(world: Path, tmp_path: Path) -> None:
    committed(world)
    append(world / CHRONICLE, "\n# That is all.\n")
    git("commit", "--quiet", "--all", "--message", "Say that this is all", cwd=world)
    git("clone", "--quiet", "--depth", "1", f"file://{world}", str(tmp_path / "clone"), cwd=tmp_path)
    rebuilt(tmp_path / "clone")
    assert origin(tmp_path / "clone") == {**origin_after(world), "shallow": True}


def origin_after(world: Path) -> dict[str, object]:
    rebuilt(world)
    return origin(world)


# --- several builds --------------------------------------------------------------------------------------


def test_two_builds_at_once_both_succeed(tmp_path: Path) -> None:
    world = copy_of(BELLS, tmp_path / "world")
    running = [
        subprocess.Popen([*KG, "build"], cwd=world, env=environment(), stdout=-1, stderr=-1, text=True)
        for _ in range(2)
    ]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert [code for *_, code in ended] == [0, 0], ended
    assert {out.split()[0] for out, *_ in ended} == {building.bells().snapshot.name}
    assert snapshots_in(world / ".kg") == {building.bells().snapshot.name}
    assert leftovers_in(world / ".kg") == []


def test_a_build_says_that_it_waits_for_another_one(world: Path) -> None:
    with (world / ".kg" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen([*KG, "build"], cwd=world, env=environment(), stdout=-3, stderr=-1)
        assert waiting.stderr is not None
        told = waiting.stderr.fileno()
        assert b"waiting for another build" in os.read(told, 1000)
        assert select.select([told], [], [], 0.7)[0] == []
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert b"reading files" in os.read(told, 1000)
        waiting.communicate(timeout=60)
    assert waiting.returncode == 0


def with_leaf(world: Path, leaf: str) -> str:
    """Build the bells with another leaf number; return the snapshot's name."""
    text = (world / CHRONICLE).read_text("utf-8")
    (world / CHRONICLE).write_text(re.sub(r'leaf "\d+v" ;\n  cloch:metal', f'leaf "{leaf}" ;\n  cloch:metal', text))
    return rebuilt(world).name


def test_only_the_newest_snapshots_are_kept(world: Path) -> None:
    append(world / "kg.toml", "\n[snapshots]\nkeep = 2\n")
    names = [with_leaf(world, f"{number}v") for number in (21, 22, 23)]
    assert len(set(names)) == 3
    assert snapshots_in(world / ".kg") == set(names[1:])
    assert leftovers_in(world / ".kg") == []


def test_the_current_snapshot_is_kept_even_if_it_is_the_oldest(world: Path) -> None:
    names = [with_leaf(world, f"{number}v") for number in (21, 22, 23)]
    for age, name in enumerate(names):
        os.utime(world / ".kg" / name, (age, age))
    append(world / "kg.toml", "\n[snapshots]\nkeep = 2\n")
    assert with_leaf(world, "21v") == names[0]
    assert snapshots_in(world / ".kg") == {names[0], names[2]}
    assert current_in(world).name == names[0]


def test_what_was_current_before_a_swap_is_kept_because_it_is_still_served(world: Path) -> None:
    names = [with_leaf(world, f"{number}v") for number in (21, 22, 23)]
    for age, name in enumerate(names):
        os.utime(world / ".kg" / name, (age, age))
    append(world / "kg.toml", "\n[snapshots]\nkeep = 2\n")
    assert with_leaf(world, "21v") == names[0]
    newest = with_leaf(world, "24v")
    assert snapshots_in(world / ".kg") == {names[0], newest}


def test_what_stood_before_can_be_had_again_without_building(world: Path) -> None:
    first = building.bells().snapshot.name
    with_leaf(world, "21v")
    shutil.copyfile(BELLS / CHRONICLE, world / CHRONICLE)
    built = build(open_project(world))
    assert (built.snapshot.name, built.fresh) == (first, False)
    assert current_in(world).name == first


# --- it must hold: the files -----------------------------------------------------------------------------


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def looping(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def refused(path: Path) -> None:
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads any file")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (dangling, f"{CHRONICLE}:1:1: violation: this file cannot be read: No such file or directory"),
        (looping, f"{CHRONICLE}:1:1: violation: this file cannot be read: Too many levels of symbolic links"),
        (refused, f"{CHRONICLE}:1:1: violation: this file cannot be read: Permission denied"),
        (lambda path: path.write_bytes(path.read_bytes() + b"# caf\xe9\n"), f"{CHRONICLE}:75:6: violation: "),
        (lambda path: replace(path, 'cloch:leaf "12v" ;', 'cloch:leaf "12v ;'), f"{CHRONICLE}:40:"),
        (lambda path: replace(path, '  cloch:leaf "41r" .', '  cloch:leaf "41r"'), f"{CHRONICLE}:"),
        (lambda path: path.write_text(""), f"{CHRONICLE}:1:1: violation: "),
    ],
    ids=["a dangling link", "a link to itself", "no permission", "not UTF-8", "an open string", "no dot", "empty"],
)
def test_a_file_that_cannot_be_read_stops_the_build_and_names_the_place(
    world: Path, before: dict[str, bytes | str], spoil: Callable[[Path], None], told: str
) -> None:
    lines = (world / CHRONICLE).read_text("utf-8").count("\n")
    if "75:6" in told:
        told = told.replace("75:6", f"{lines + 1}:6")
    if ":40:" in told:
        number = (world / CHRONICLE).read_text("utf-8").split("\n").index('  cloch:leaf "12v" ;') + 1
        told = told.replace(":40:", f":{number}:")
    spoil(world / CHRONICLE)
    done = run_kg("build", cwd=world)
    assert "does not pass its checks" in error_of(done)
    assert told in done.stderr
    assert lasting(world) == before


@pytest.mark.parametrize("name", [b"\xff\xfe.ttl", b"new\nline.ttl"])
def test_a_file_whose_name_cannot_be_told_stops_the_build(
    world: Path, before: dict[str, bytes | str], name: bytes
) -> None:
    (world / CHRONICLE).rename(world / "facts/sources" / os.fsdecode(name))
    done = run_kg("build", cwd=world)
    assert "does not pass its checks" in error_of(done)
    assert "the name of this file is not UTF-8, or holds a control character" in done.stderr
    assert lasting(world) == before


@pytest.mark.parametrize("name", ["a b'\"$é.ttl", "-rf.ttl", "x.ttl/y.ttl", ".hidden.ttl"])
def test_a_file_may_have_any_other_name(world: Path, name: str) -> None:
    path = world / "facts/sources" / name
    path.parent.mkdir(exist_ok=True)
    (world / CHRONICLE).rename(path)
    (world / "facts/loop").symlink_to(".")
    snapshot = rebuilt(world)
    assert f"facts/sources/{name}" in {file.path for file in snapshot.files.values()}
    assert len(snapshot.files) == 18


@pytest.mark.parametrize("folder", ["vocab", "facts", "rules"])
def test_a_missing_folder_stops_the_build_and_is_named(
    world: Path, before: dict[str, bytes | str], folder: str
) -> None:
    (world / folder).rename(world / "gone")
    done = run_kg("build", cwd=world)
    assert folder in error_of(done)
    assert lasting(world) == before


def test_a_folder_is_missing_and_the_last_good_snapshot_is_not_touched(world: Path) -> None:
    (world / "vocab" / "prefixes.ttl").unlink()
    assert "vocab/prefixes.ttl: the prefix table cannot be read" in error_of(run_kg("build", cwd=world))
    assert current_in(world).name == building.bells().snapshot.name


def test_a_cyclic_class_hierarchy_stops_the_build_and_is_told_as_a_circle(
    world: Path, before: dict[str, bytes | str]
) -> None:
    append(world / "vocab/bells.ttl", "\ncloch:Bell rdfs:subClassOf cloch:TowerBell .\n")
    done = run_kg("build", cwd=world)
    assert "does not pass its checks" in error_of(done)
    (line,) = [
        line for line in done.stderr.splitlines() if "[circle]" in line or "hierarchy" in line or "circle" in line
    ]
    assert line.startswith("vocab/bells.ttl:")
    assert lasting(world) == before


def test_a_contradiction_inside_one_source_stops_the_build(world: Path, before: dict[str, bytes | str]) -> None:
    append(world / CHRONICLE, "\ntower:twr-y-gogledd\n  a cloch:Bell .\n")
    done = run_kg("build", cwd=world)
    assert "does not pass its checks" in error_of(done)
    assert f"{CHRONICLE}:" in done.stderr
    assert lasting(world) == before


def test_a_contradiction_across_sources_does_not_stop_the_build(world: Path) -> None:
    """One source says a bell of what the other one hangs bells in; the register does not know what it is."""
    register = world / "facts/register/tower/twr-y-gogledd.ttl"
    replace(register, "  a cloch:Tower ;\n", "")
    append(world / CHRONICLE, "\ntower:twr-y-gogledd\n  a cloch:Tower .\n")
    book = world / "facts/sources/glockenbuch/band-1.ttl"
    text = book.read_text("utf-8")
    assert "cloch:hungAt tower:twr-y-gogledd" in text
    text = text.replace("cloch:hungAt tower:twr-y-gogledd", "cloch:hungAt church:llanwyn")
    book.write_text(text + '\ntower:twr-y-gogledd\n  a cloch:Bell ;\n  cloch:leaf "5" .\n', encoding="utf-8")
    done = run_kg("build", cwd=world)
    assert done.returncode == 0, done.stderr
    assert "across sources" in done.stderr or "disagree" in done.stderr, done.stderr


# --- it must hold: the snapshot --------------------------------------------------------------------------


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def dangle(path: Path) -> None:
    (path.parent.parent / CURRENT).unlink()
    (path.parent.parent / CURRENT).symlink_to("0" * 64)


SPOILED = {
    "a flipped bit in the quads": (flip, GRAPH),
    "half the quads": (halve, GRAPH),
    "no quads": (Path.unlink, GRAPH),
    "a flipped bit in the database": (flip, SITE),
    "half the database": (halve, SITE),
    "a flipped bit in the manifest": (flip, MANIFEST),
    "half the manifest": (halve, MANIFEST),
    "an empty manifest": (lambda path: path.write_text(""), MANIFEST),
    "another manifest": (lambda path: path.write_text('{"files": {}}'), MANIFEST),
    "a list for a manifest": (lambda path: path.write_text("[]"), MANIFEST),
    "no manifest": (Path.unlink, MANIFEST),
    "a dangling link": (dangle, SITE),
}


@pytest.mark.parametrize(("spoil", "name"), SPOILED.values(), ids=SPOILED.keys())
def test_a_damaged_snapshot_is_noticed_and_built_anew(world: Path, spoil: Callable[[Path], object], name: str) -> None:
    spoil(world / ".kg" / building.bells().snapshot.name / name)
    built = ensure(open_project(world))
    assert built.snapshot.name == building.bells().snapshot.name
    assert current_in(world).path == built.snapshot.path
    assert built.snapshot.data().store.query("SELECT * { ?s ?p ?o } LIMIT 1")
    assert len(built.snapshot.views()) == 3
    assert leftovers_in(world / ".kg") == []


@pytest.mark.parametrize("name", ["a half written snapshot", "building-abc", "building-" + "0" * 64])
def test_half_written_snapshots_do_not_disturb(world: Path, name: str) -> None:
    half = world / ".kg" / name
    half.mkdir()
    (half / GRAPH).write_text("<urn:a> <urn:b> ")
    assert rebuilt(world).name == building.bells().snapshot.name
    assert [left for left in leftovers_in(world / ".kg") if left.startswith("building-")] == []


def test_a_folder_in_place_of_the_link_to_the_current_snapshot_is_told(world: Path) -> None:
    (world / ".kg" / CURRENT).unlink()
    (world / ".kg" / CURRENT).mkdir()
    (world / ".kg" / CURRENT / "mine.txt").write_text("mine")
    assert "could not be written" in error_of(run_kg("build", cwd=world))


@pytest.mark.parametrize("what", ["a file", "a dangling link"])
def test_something_else_in_place_of_the_folder_of_snapshots_is_told(tmp_path: Path, what: str) -> None:
    world = copy_of(BELLS, tmp_path / "world")
    if what == "a file":
        (world / ".kg").write_text("mine")
    else:
        (world / ".kg").symlink_to("/proc/nowhere")
    assert "could not be written" in error_of(run_kg("build", cwd=world))


def test_the_folder_of_snapshots_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    world = copy_of(BELLS, tmp_path / "world")
    (tmp_path / "disk").mkdir()
    (world / ".kg").symlink_to(tmp_path / "disk")
    assert rebuilt(world).name == building.bells().snapshot.name
    assert current_in(world).name == building.bells().snapshot.name


# --- it must hold: the disk ------------------------------------------------------------------------------


def test_a_file_that_cannot_grow_leaves_the_last_snapshot(world: Path, before: dict[str, bytes | str]) -> None:
    replace(world / CHRONICLE, '"12v"', '"13v"')
    for limit in (1 << 10, 40 << 10, 150 << 10):
        done = run_kg(
            "build",
            cwd=world,
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        message = error_of(done)
        assert "could not be written" in message
        assert "The last good snapshot is as it was. Make room" in message
        assert lasting(world) == before


def test_a_first_build_that_cannot_be_written_does_not_speak_of_an_earlier_one(tmp_path: Path) -> None:
    root = copy_of(BELLS, tmp_path / "world")
    limit = 40 << 10
    done = run_kg("build", cwd=root, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    message = error_of(done)
    assert "could not be written" in message
    assert "Make room" in message
    assert "last good" not in message


def laid_out_otherwise(world: Path) -> None:
    """Make the current snapshot of a world one of an engine that laid it out in another way."""
    manifest = world / ".kg" / CURRENT / MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "layout": "other"}))


def test_a_snapshot_of_another_layout_is_built_again(world: Path) -> None:
    laid_out_otherwise(world)
    built = ensure(open_project(world))
    assert built.fresh
    assert built.snapshot.name == building.bells().snapshot.name


def test_a_snapshot_of_another_layout_is_no_last_good_one(world: Path) -> None:
    laid_out_otherwise(world)
    with pytest.raises(SnapshotError, match=r"another version of the engine\. Run: kg build"):
        last_good(open_project(world))


def test_settings_that_this_engine_does_not_know_do_no_harm_in_a_snapshot(world: Path) -> None:
    settings = building.bells().snapshot.meta["settings"]
    known = settings_from({**settings, "of_another_engine": 1})
    assert known == settings_from(settings)


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """Mount a file system of a few kilobytes over a folder; skip where that is not permitted."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_leaves_the_last_snapshot(world: Path) -> None:
    size = sum(path.stat().st_size for path in (world / ".kg").rglob("*") if path.is_file()) // 1024
    disk = world / "disk"
    disk.mkdir()
    with small_disk(disk, size + 200):
        shutil.copytree(world / ".kg", disk / "snapshots", symlinks=True)
        append(world / "kg.toml", '\n[snapshots]\nfolder = "disk/snapshots"\n')
        assert run_kg("build", cwd=world, check=0).stdout.split()[0] == building.bells().snapshot.name
        replace(world / CHRONICLE, '"12v"', '"13v"')
        kept = content_of(disk / "snapshots" / building.bells().snapshot.name)
        message = error_of(run_kg("build", cwd=world))
        assert "could not be written" in message
        assert os.strerror(errno.ENOSPC) in message or "full" in message
        assert content_of(disk / "snapshots" / building.bells().snapshot.name) == kept
        assert (disk / "snapshots" / CURRENT).readlink().name == building.bells().snapshot.name
        assert leftovers_in(disk / "snapshots") == []


# --- it must hold: a kill --------------------------------------------------------------------------------


def kill_builds(bells: World, times: int, seed: int) -> None:
    """Change a digit, begin a build and kill it, again and again."""
    chance = random.Random(seed)
    root = bells.root
    rebuilt(root)
    length = 0.0
    for number in range(times + 1):
        bells.replace("data/turtle/sources/ledger.ttl", f"b:mass {800 + number}", f"b:mass {801 + number}")
        old = current_in(root).name
        began = time.monotonic()
        running = subprocess.Popen([*KG, "build"], cwd=root, env=environment(), stdout=-3, stderr=-3)
        if number == 0:  # to know how long a build takes here
            assert running.wait() == 0
            length = time.monotonic() - began
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(chance.uniform(0.4, 1.1) * length)
            running.kill()
            running.wait()
        found = current_in(root).name
        new = rebuilt(root).name
        assert found in (old, new)
        assert current_in(root).name == new != old
        assert leftovers_in(root / ".kg") == []


def test_a_build_may_be_killed_at_any_moment(bells: World) -> None:
    kill_builds(bells, 12, seed=20181)


@pytest.mark.torture
def test_a_build_may_be_killed_at_any_moment_many_times(bells: World) -> None:
    kill_builds(bells, 200, seed=20182)


def build_and_die(root: Path, step: int) -> bool:
    """Build in a process that kills itself before its n-th call that changes the disk; tell whether it came through."""
    child = os.fork()
    if child == 0:  # pragma: no cover
        left = step

        def dying(function: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **options: object) -> object:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)

            return call

        calls = {
            os: "fsync replace rename unlink symlink rmdir",
            tempfile: "mkdtemp mkstemp",
            shutil: "rmtree",
            Path: "write_text symlink_to unlink mkdir chmod",
        }
        for owner, names in calls.items():
            for name in names.split():
                setattr(owner, name, dying(getattr(owner, name)))
        try:
            build(open_project(root))
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status == 0


def test_a_build_may_be_killed_before_each_step_that_it_takes_on_the_disk(tmp_path: Path, bells: World) -> None:
    """The build dies before its first, second, third … call that changes the disk, until it has none left."""
    root = bells.root
    rebuilt(root)
    for step in range(1, 100):
        bells.replace("data/turtle/sources/ledger.ttl", f"b:mass {799 + step}", f"b:mass {800 + step}")
        old = current_in(root).name
        whole = build_and_die(root, step)
        found = current_in(root).name
        new = rebuilt(root).name
        assert found in (old, new)
        assert current_in(root).name == new
        assert leftovers_in(root / ".kg") == []
        assert list((root / ".kg").rglob(".writing-*")) == []
        if whole:
            assert step > 15, "this counts the wrong calls"
            assert found == new != old
            return
    pytest.fail("the build never ended")


# --- it must hold: what it says --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "query", "told"),
    [
        ("#+ title: Endless", "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }", "longer than 1 second"),
        (
            "#+ title: Wrong",
            "SELECT * WHERE { ?a ?b ?c",
            "questions/new.rq:2:26: this is not SPARQL: it ends too early",
        ),
        ("#+ title: No rows", "ASK { ?a ?b ?c }", "a view is a SELECT query"),
        ("#+ title: Not a table", "CONSTRUCT { ?a ?b ?c } WHERE { ?a ?b ?c }", "a view is a SELECT query"),
        ("#+ title: Abroad", "SELECT * { SERVICE <http://other.example/> { ?a ?b ?c } }", "SERVICE is not allowed"),
        ("# no title", "SELECT * { ?a ?b ?c }", "the view has no title"),
        ("#+ titel: Wrong key", "SELECT * { ?a ?b ?c }", "questions/new.rq:1:1: this line of the header"),
    ],
)
def test_a_view_that_will_not_do_stops_the_build_and_is_named(
    world: Path, before: dict[str, bytes | str], header: str, query: str, told: str
) -> None:
    append(world / "kg.toml", "\n[limits]\nview_seconds = 1\n")
    (world / "questions" / "new.rq").write_text(f"{header}\n{query}\n", encoding="utf-8")
    with pytest.raises(KGError) as caught:
        build(open_project(world))
    text = str(caught.value) + "".join(
        f"{f.path}:{f.line}:{f.column}: {f.message}" for f in getattr(caught.value, "findings", ())
    )
    assert told in text
    assert "questions/new.rq" in text
    assert lasting(world) == before


def test_a_failed_check_carries_all_findings(world: Path) -> None:
    append(world / CHRONICLE, "\ntower:twr-y-gogledd\n  cloch:partOf tower:nowhere .\n")
    append(world / "vocab/bells.ttl", "\ncloch:Bell rdfs:subClassOf cloch:Nirgends .\n")
    with pytest.raises(CheckFailed) as caught:
        build(open_project(world))
    assert {finding.path for finding in caught.value.findings} >= {CHRONICLE, "vocab/bells.ttl"}


def test_the_repository_is_not_built_in_by_tests() -> None:
    assert not flagship().root.is_relative_to(ROOT)
