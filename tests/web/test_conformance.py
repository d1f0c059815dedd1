"""Our own site, running, against the numbered checks of its contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests import building
from tests.building import BuiltWorld, built_copy, served
from tests.web.pages import BASE

from kg.conformance import Options, Outcome, Result, Site, numbers, render_result, run

#: What holds for the bells. Their small vocabulary has no comments, which 77 wants: the flagship's has.
HOLD = "1-9,11-19,21-25,27-46,48-69"


def serving(world: BuiltWorld, folder: Path) -> AbstractContextManager[str]:
    """Run `kg serve` on a copy of a world, with little time for queries, because queries without end are asked."""
    built_copy(world, folder)
    with (folder / "kg.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[limits]\nquery_seconds = 1\nqueue_seconds = 2\n")
    return served(folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Result]]:
    with (
        serving(building.bells(), tmp_path_factory.mktemp("served") / "bells") as address,
        pytest.MonkeyPatch.context() as patch,
    ):
        for quick in ("negotiation._SECONDS", "protocol._QUICK"):  # the machine may be busy
            patch.setattr(f"kg.conformance.{quick}", 30)
        site = Site(address, Options(base_iris=(BASE,), deadline=60, query_seconds=60))
        yield {result.check.number: result for result in run(site)}


@pytest.mark.parametrize("number", numbers(HOLD))
def test_a_check_holds_for_our_own_site(results: dict[int, Result], number: int) -> None:
    assert results[number].outcome is Outcome.PASSED, "\n" + render_result(results[number])


def test_the_ontology_of_the_flagship_can_be_reused(tmp_path: Path) -> None:
    world = building.flagship()
    base = world.snapshot.settings.base_iri
    with serving(world, tmp_path / "flagship") as address:
        site = Site(address, Options(base_iris=(base,), deadline=60))
        (result,) = run(site, numbers("77"))
    assert result.outcome is Outcome.PASSED, "\n" + render_result(result)
