"""Running the checks against a site, one after another; whatever it sends, each comes to a result."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from kg.conformance import dereferencing, discovery, methods, negotiation, ontology, protocol, services
from kg.conformance.checks import Check, Failed, Outcome, Result, Skipped, registered
from kg.conformance.links import LinkError
from kg.conformance.rdf import Unreadable
from kg.conformance.site import Site
from kg.conformance.wire import Trouble
from kg.errors import KGError

__all__ = ["CHECKS", "numbers", "run"]

#: The modules that have the checks; to import them is to have them.
_MODULES = (dereferencing, negotiation, discovery, methods, protocol, services, ontology)

#: Every check by its number.
CHECKS = registered()


def numbers(text: str) -> list[int]:
    """Return the numbers of checks that a text such as `1-53,69` names. Raises KGError.

    >>> numbers("1-3,69")
    [1, 2, 3, 69]
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?", part)
        named = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
        if not named or not set(named) & set(CHECKS):
            raise KGError(
                "these are no numbers of checks", found=repr(part), expected=f"1 to {max(CHECKS)}, as 1-53,69"
            )
        found += [number for number in named if number in CHECKS]
    return sorted(set(found))


def run(site: Site, chosen: Iterable[int] = CHECKS) -> Iterator[Result]:
    """Give what came of each chosen check, as soon as it is known."""
    for number in chosen:
        yield _result(site, CHECKS[number])


def _result(site: Site, check: Check) -> Result:
    if check.ask is None:
        return Result(check, Outcome.SKIPPED, "", check.reason, 0, 0.0)
    site.trail.clear()
    began = time.monotonic()
    try:
        check.ask(site)
        outcome, came = Outcome.PASSED, ""
    except Skipped as skipped:
        outcome, came = Outcome.SKIPPED, str(skipped)
    except (Failed, Trouble, Unreadable, LinkError) as failed:
        outcome, came = Outcome.FAILED, str(failed)
    except Exception as error:
        # What a stranger sends may be anything; a check that stumbles over it has its answer.
        outcome, came = Outcome.FAILED, f"what this check cannot read: {type(error).__name__}: {error}"
    last, answer = site.trail[-1] if site.trail else (None, None)
    return Result(check, outcome, str(last or ""), came or str(answer or ""), len(site.trail), time.monotonic() - began)
