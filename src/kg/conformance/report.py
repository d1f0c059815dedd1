"""What came of the checks: as text with a table and a score, as JSON for machines; and the checks as a reference."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from kg.conformance.checks import Check, Group, Level, Outcome, Result

__all__ = ["passed", "render_json", "render_result", "render_text", "table_of_checks"]


def passed(results: Iterable[Result]) -> bool:
    """Tell whether no check failed that must hold, and at least one held."""
    results = list(results)
    wrong = any(found.outcome is Outcome.FAILED and found.check.level is Level.MUST for found in results)
    return not wrong and any(found.outcome is Outcome.PASSED for found in results)


def render_result(found: Result) -> str:
    """Return one check and what came of it, in a few lines."""
    check = found.check
    mark = {Outcome.PASSED: "pass", Outcome.FAILED: "FAIL", Outcome.SKIPPED: "skip"}[found.outcome]
    level = " (should)" if check.level is Level.SHOULD and found.outcome is Outcome.FAILED else ""
    lines = [f"{check.number:>3} {mark}  {check.title}{level}"]
    if found.outcome is Outcome.SKIPPED:
        lines.append(f"          because  {found.came}")
    else:
        more = f" (the last of {found.requests})" if found.requests > 1 else ""
        lines.append(f"          request  {found.request or check.request}{more}")
        lines.append(f"          expected {check.expected}")
        lines.append(f"          came     {found.came}")
    return "\n".join(lines)


def _counted(results: Sequence[Result]) -> Mapping[Group, Mapping[Outcome, int]]:
    return {
        group: {
            outcome: sum(found.check.group is group and found.outcome is outcome for found in results)
            for outcome in Outcome
        }
        for group in Group
        if any(found.check.group is group for found in results)
    }


def score(results: Sequence[Result]) -> tuple[int, int]:
    """Return how many checks hold, of how many that were asked."""
    asked = [found for found in results if found.outcome is not Outcome.SKIPPED]
    return sum(found.outcome is Outcome.PASSED for found in asked), len(asked)


def render_text(url: str, results: Sequence[Result]) -> str:
    """Return the table by group, and the score."""
    width = max(len(group) for group in Group)
    lines = [f"{url}", "", f"{'':<{width}}  pass  fail  skip"]
    for group, counts in _counted(results).items():
        lines.append(f"{group:<{width}}" + "".join(f"{counts[outcome]:>6}" for outcome in Outcome))
    good, asked = score(results)
    skipped = len(results) - asked
    lines += ["", f"{good} of {asked} checks hold; {skipped} were skipped."]
    wrong = [str(found.check.number) for found in results if found.outcome is Outcome.FAILED]
    if wrong:
        lines.append(f"These do not hold: {', '.join(wrong)}.")
    return "\n".join(lines)


def render_json(url: str, results: Sequence[Result]) -> str:
    """Return everything for machines."""
    good, asked = score(results)
    told = {
        "url": url,
        "passed": passed(results),
        "score": {"holds": good, "asked": asked, "skipped": len(results) - asked},
        "groups": {group: dict(counts) for group, counts in _counted(results).items()},
        "checks": [
            {
                "number": found.check.number,
                "group": found.check.group,
                "title": found.check.title,
                "level": found.check.level,
                "source": found.check.source,
                "expected": found.check.expected,
                "outcome": found.outcome,
                "request": found.request,
                "came": found.came,
                "requests": found.requests,
                "seconds": round(found.seconds, 3),
            }
            for found in results
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=2)


def table_of_checks(checks: Iterable[Check]) -> str:
    """Return the checks as the tables of the reference, one for each group."""
    found = list(checks)
    lines = []
    for group in Group:
        lines += [f"## {group}", "", "| # | Check | Request | Expected | Level | Source |", "|---|---|---|---|---|---|"]
        for check in found:
            if check.group is group:
                asked = check.request or f"not asked: {check.reason}"
                cells = (
                    str(check.number),
                    check.title,
                    asked,
                    check.expected,
                    check.level if check.ask else "–",
                    check.source,
                )
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)
