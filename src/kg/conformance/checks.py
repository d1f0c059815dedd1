"""The checks by number: what each asks, what it expects, where that is written, and what came of it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kg.conformance.site import Site

__all__ = ["Check", "Failed", "Group", "Level", "Outcome", "Result", "Skipped", "check", "expect", "registered"]


class Level(enum.StrEnum):
    """How much it matters: a check that must hold and fails gives exit code 1."""

    MUST = "must"
    SHOULD = "should"


class Group(enum.StrEnum):
    """The parts of the contract, in its order."""

    DEREFERENCING = "Dereferencing"
    NEGOTIATION = "Negotiation"
    DISCOVERY = "Links and discovery"
    METHODS = "Methods, caching, CORS"
    PROTOCOL = "SPARQL protocol"
    SERVICES = "Graph store, fragments, time, reconciliation"
    ONTOLOGY = "Ontology and FAIR"


class Outcome(enum.StrEnum):
    """What came of a check."""

    PASSED = "pass"
    FAILED = "fail"
    SKIPPED = "skip"


class Failed(Exception):
    """The site does not do what a check expects; the text says what came instead."""


class Skipped(Exception):
    """A check that cannot be asked of this site; the text says why."""


@dataclass(frozen=True)
class Check:
    """One check. In `request` and `expected`: {B} the site, {E} a thing, {T} its Turtle, {H} its page,
    {O} the ontology, {S} the SPARQL endpoint, {D} the page of the dataset.
    """

    number: int
    group: Group
    title: str
    request: str
    expected: str
    source: str
    level: Level
    #: What asks it; without one it is not asked, and `reason` says why.
    ask: Callable[[Site], None] | None
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """What came of one check: the request that decided, and what came to it."""

    check: Check
    outcome: Outcome
    request: str
    came: str
    requests: int
    seconds: float


_CHECKS: dict[int, Check] = {}


def check(
    number: int, group: Group, title: str, *, request: str, expected: str, source: str, level: Level = Level.MUST
) -> Callable[[Callable[[Site], None]], Callable[[Site], None]]:
    """Register a function as a check: it returns if all is well and raises Failed or Skipped if not."""

    def register(ask: Callable[[Site], None]) -> Callable[[Site], None]:
        _register(Check(number, group, title, request, expected, source, level, ask))
        return ask

    return register


def not_asked(number: int, group: Group, title: str, *, expected: str, source: str, reason: str) -> None:
    """Register a check of the contract that this command cannot ask."""
    _register(Check(number, group, title, "", expected, source, Level.SHOULD, None, reason))


def _register(found: Check) -> None:
    if found.number in _CHECKS:
        raise ValueError(f"there are two checks {found.number}")
    _CHECKS[found.number] = found


def registered() -> Mapping[int, Check]:
    """Return every check by its number, in order."""
    return dict(sorted(_CHECKS.items()))


def expect(true: object, came: object) -> None:
    """Raise Failed, with what came, unless something is true."""
    if not true:
        raise Failed(str(came))


def listing(names: Iterable[object]) -> str:
    """Return names as one readable list, cut where it is long."""
    found = sorted(map(str, names))
    shown = ", ".join(found[:8]) or "nothing"
    return f"{shown} and {len(found) - 8} more" if len(found) > 8 else shown
