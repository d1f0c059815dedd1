"""Ask any linked-data site what a client may rely on: numbered checks over HTTP, each with its source.

A site is known by its address alone; what it has is found as any client would find it.
"""

from __future__ import annotations

from kg.conformance.checks import Check, Group, Level, Outcome, Result
from kg.conformance.report import passed, render_json, render_result, render_text, table_of_checks
from kg.conformance.running import CHECKS, numbers, run
from kg.conformance.site import Options, Site

__all__ = [
    "CHECKS",
    "Check",
    "Group",
    "Level",
    "Options",
    "Outcome",
    "Result",
    "Site",
    "numbers",
    "passed",
    "render_json",
    "render_result",
    "render_text",
    "run",
    "table_of_checks",
]
