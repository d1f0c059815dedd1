"""Our own site, running, against the numbered checks of its contract."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import building
from tests.building import KG, built_copy, environment
from tests.web.pages import BASE

from kg.conformance import Options, Outcome, Result, Site, numbers, render_result, run

#: The checks that hold today. Whoever makes another one hold adds it here.
HOLD = "1-9,11-19,21-24,27-29,34,36,42-46,48,50,52-68"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bells, served by `kg serve`."""
    folder: Path = built_copy(building.bells(), tmp_path_factory.mktemp("served") / "world")
    with (folder / "kg.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[limits]\nquery_seconds = 1\nqueue_seconds = 2\n")  # queries without end are asked
    server = subprocess.Popen(
        [*KG, "serve", "--port", "0"],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        ready = next(
            (found for line in server.stderr if (found := re.match(r"ready: .* at (http://\S+)$", line))), None
        )
        assert ready is not None, "it never was ready"
        yield ready[1]
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.communicate(timeout=20)
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def results(address: str) -> dict[int, Result]:
    with pytest.MonkeyPatch.context() as patch:
        for quick in ("negotiation._SECONDS", "protocol._QUICK"):  # the machine may be busy
            patch.setattr(f"kg.conformance.{quick}", 30)
        site = Site(address, Options(base_iris=(BASE,), deadline=60, query_seconds=60))
        return {result.check.number: result for result in run(site)}


@pytest.mark.parametrize("number", numbers(HOLD))
def test_a_check_holds_for_our_own_site(results: dict[int, Result], number: int) -> None:
    assert results[number].outcome is Outcome.PASSED, "\n" + render_result(results[number])
