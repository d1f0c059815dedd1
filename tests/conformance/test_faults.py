"""Every check can fail: a little site that does one thing wrong fails just the checks that ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.conformance.faults import FAULTS, Fault
from tests.conformance.little import BASE, Asked, Direct, LittleSite, Reply

from kg.conformance import CHECKS, Options, Outcome, Result, Site, run

OPTIONS = Options(base_iris=(BASE,), withdrawn=f"{BASE}thing/gone", merged=f"{BASE}thing/old")


def results(little: LittleSite) -> list[Result]:
    site = Site("http://127.0.0.1:9/", OPTIONS, wire=Direct(little))
    return list(run(site))


def failing(found: list[Result]) -> dict[int, str]:
    return {result.check.number: result.came for result in found if result.outcome is Outcome.FAILED}


def test_the_site_without_a_fault_passes_every_check_that_can_be_asked() -> None:
    found = results(LittleSite())
    assert failing(found) == {}
    skipped = {result.check.number for result in found if result.outcome is Outcome.SKIPPED}
    assert skipped == {number for number, check in CHECKS.items() if check.ask is None}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fails_just_the_checks_that_ask_for_it(fault: Fault) -> None:
    found = failing(results(fault.site()))
    assert set(found) == fault.fails, found


def test_every_check_is_failed_by_some_fault() -> None:
    asked = {number for number, check in CHECKS.items() if check.ask is not None}
    assert asked - {number for fault in FAULTS for number in fault.fails} == set()


@pytest.mark.parametrize(
    ("deref", "located", "fails"),
    [("direct", True, set()), ("direct", False, {1, 2}), ("303", True, {1, 2})],
)
def test_a_thing_that_is_answered_directly_is_judged_by_its_policy(deref: str, located: bool, fails: set[int]) -> None:
    def directly(site: LittleSite, asked: Asked, right: Callable[[Asked], Reply]) -> Reply:
        reply = right(asked)
        if not asked.path.startswith("/thing/") or reply.status != 303:
            return reply
        place = reply.headers["Location"]
        document = right(replace(asked, path=place))
        document.headers |= {"Vary": "Accept, Accept-Language"} | ({"Content-Location": place} if located else {})
        return document

    site = Site("http://127.0.0.1:9/", replace(OPTIONS, deref=deref), wire=Direct(LittleSite(directly)))
    found = failing(list(run(site, range(1, 9))))
    assert set(found) == fails, found
