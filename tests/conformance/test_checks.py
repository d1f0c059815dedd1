"""The checks by number: all of the contract, each told in the reference, and every result told in full."""

from __future__ import annotations

import json

import pytest
from tests.building import ROOT
from tests.conformance.little import BASE, Direct, LittleSite, Reply

from kg.conformance import (
    CHECKS,
    Level,
    Options,
    Outcome,
    Site,
    numbers,
    passed,
    render_json,
    render_result,
    render_text,
    run,
    table_of_checks,
)
from kg.errors import KGError

REFERENCE = ROOT / "docs" / "reference" / "conformance.md"


def test_there_is_every_number_of_the_contract() -> None:
    assert list(CHECKS) == list(range(1, 79))
    assert {number for number, check in CHECKS.items() if check.ask is None} == {20, 26, 70, 71, 72, 73, 78}
    advice = {number for number, check in CHECKS.items() if check.ask and check.level is Level.SHOULD}
    assert advice == {31, 32, 33, 34, 69, 74, 75, 76}


def test_the_reference_is_the_table_of_the_checks() -> None:
    _, mark, tables = REFERENCE.read_text("utf-8").partition("## Dereferencing")
    assert (mark + tables).strip() == table_of_checks(CHECKS.values()).strip()


def test_every_check_says_where_it_is_written_and_what_it_expects() -> None:
    for check in CHECKS.values():
        assert all((check.title, check.expected, check.source)), check.number
        assert check.request if check.ask else check.reason, check.number


@pytest.mark.parametrize(
    ("text", "expected"), [("1", [1]), ("1-3,69", [1, 2, 3, 69]), (" 3 , 1-2 ", [1, 2, 3]), ("77-999", [77, 78])]
)
def test_numbers_are_named_by_lists_and_ranges(text: str, expected: list[int]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize("text", ["", "0", "79", "a", "1-", "-3", "3-1", "1,,2"])
def test_what_names_no_check_is_told(text: str) -> None:
    with pytest.raises(KGError, match="no numbers of checks"):
        numbers(text)


@pytest.mark.parametrize("url", ["", "stones.example", "ftp://stones.example/", "http://", "http://[", "http://a:x/"])
def test_what_is_no_address_of_a_site_is_told(url: str) -> None:
    with pytest.raises(KGError, match="not the address of a site"):
        Site(url)


# --- results ---------------------------------------------------------------------------------------------


def test_a_result_says_what_was_asked_expected_and_came() -> None:
    little = LittleSite(outer=lambda site, asked, right: Reply(500, {"Content-Type": "text/plain"}))
    found = list(
        run(
            Site("http://stones.test/", Options(entity=f"{BASE}thing/carn", base_iris=(BASE,)), Direct(little)),
            [13, 20, 31],
        )
    )
    assert [result.outcome for result in found] == [Outcome.FAILED, Outcome.SKIPPED, Outcome.SKIPPED]
    told = render_result(found[0])
    assert told.splitlines()[0] == " 13 FAIL  The greater weight wins"
    assert "request  GET http://stones.test/thing/carn (Accept: text/html;q=0.4, text/turtle;q=0.9)" in told
    assert "expected Turtle" in told
    assert "came     500, Content-Type: text/plain" in told
    assert "because  which profiles are honoured is documented by hand" in render_result(found[1])
    assert not passed(found)
    text = render_text("http://stones.test/", found)
    assert "0 of 1 checks hold; 2 were skipped." in text
    assert "These do not hold: 13." in text
    machine = json.loads(render_json("http://stones.test/", found))
    assert machine["score"] == {"holds": 0, "asked": 1, "skipped": 2}
    assert [check["outcome"] for check in machine["checks"]] == ["fail", "skip", "skip"]


def test_advice_that_is_not_followed_is_no_failure_and_nothing_asked_is_no_success() -> None:
    def tagless(site: LittleSite, asked: object, right: object) -> Reply:
        reply = right(asked)  # type: ignore[operator]
        return reply.drop("Link") if asked.path == "/all" else reply  # type: ignore[attr-defined]

    def site(little: LittleSite) -> Site:
        return Site("http://stones.test/", Options(base_iris=(BASE,)), Direct(little))

    advice = list(run(site(LittleSite(tagless)), [1, 31]))
    assert [result.outcome for result in advice] == [Outcome.PASSED, Outcome.FAILED]
    assert passed(advice)
    assert not passed(run(site(LittleSite()), [20, 26]))
