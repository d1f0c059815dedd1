"""What was published does not disappear without a word."""

from __future__ import annotations

from tests.building import error_of, run_kg

ANNA = "data/turtle/register/bell/anna.ttl"
IRI = "https://bells.example/id/bell/anna"


def gone(bells):
    return [(one.line, one.message) for one in bells.check().findings if one.rule == "published"]


def test_a_release_writes_down_every_thing_and_term_and_forgets_none(bells):
    done = run_kg("release", cwd=bells.root, check=0)
    lines = bells.read("published.txt").splitlines()
    assert done.stdout == f"{len(lines)} new, {len(lines)} published\n"
    assert lines == sorted(lines)
    assert {IRI, "https://bells.example/ontology#Bell"} <= set(lines)
    assert not [line for line in lines if "/graph/" in line]
    bells.write("published.txt", f"{bells.read('published.txt')}\nhttps://bells.example/id/bell/zoe\n")
    bells.append(ANNA, 'bell:zoe a b:Bell ; rdfs:label "Zoe"@en .\n')
    assert run_kg("release", cwd=bells.root, check=0).stdout == f"0 new, {len(lines) + 1} published\n"


def test_what_disappears_is_a_violation_and_what_is_deprecated_is_not(bells):
    bells.write("published.txt", f"https://bells.example/id/bell/berta\n\n{IRI}\n")
    assert gone(bells) == []
    text = bells.read(ANNA)
    bells.delete(ANNA)
    assert gone(bells) == [(3, f"<{IRI}> was published, and no file says anything about it now")]
    bells.write(ANNA, text.replace("b:Bell ;", "b:Bell ; <http://www.w3.org/2002/07/owl#deprecated> true ;"))
    assert gone(bells) == []


def test_a_change_of_the_register_is_noticed_by_the_next_check(bells):
    run_kg("check", cwd=bells.root, check=0)
    bells.write("published.txt", "https://bells.example/id/bell/zoe\n")
    assert "published.txt:1:1: violation" in run_kg("check", cwd=bells.root, check=1).stdout


def test_a_register_that_cannot_be_read_is_told(bells):
    bells.write("published.txt", b"https://bells.example/\n\xff\n")
    assert gone(bells) == [(2, "byte 0xFF is not UTF-8")]
    bells.delete("published.txt")
    (bells.root / "published.txt").mkdir()
    assert gone(bells) == [(1, "the register of published IRIs cannot be read: it is a pipe, a device or the like")]


def test_a_graph_with_violations_is_not_released(bells):
    bells.replace(ANNA, "rdfs:label", "rdfs:labl")
    assert "does not pass its checks" in error_of(run_kg("release", cwd=bells.root))
    assert not (bells.root / "published.txt").exists()
