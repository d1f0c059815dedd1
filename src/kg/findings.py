"""What a check found: one sentence with its place, a severity and the name of the rule, told as text or JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import click
from rich.cells import cell_len

from kg.errors import DateError, TurtleError
from kg.messages import in_language, say

__all__ = [
    "Finding",
    "Severity",
    "counts",
    "in_order",
    "render_json",
    "render_text",
    "told_once",
    "translated",
    "unreadable",
]


class Severity(StrEnum):
    """How much a finding matters: a violation stops a build, a warning is reported, an info is work to do."""

    VIOLATION = "violation"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class ShapeResult:
    """What a shape objected to, in the terms of a SHACL report, each as it stands in Turtle; "" for none."""

    focus: str
    path: str
    value: str
    component: str
    shape: str


@dataclass(frozen=True)
class Finding:
    """One thing that a check found. Line and column count from 1; the excerpt is the line as it stands there."""

    path: str
    line: int
    column: int
    severity: Severity
    rule: str
    message: str
    advice: str = ""
    excerpt: str = ""
    #: Where else the thing is spoken of: `path:line:column`.
    also: tuple[str, ...] = ()
    result: ShapeResult | None = None


#: What is said where one mistake would make others of what is right.
CHECKED_LATER = say("Terms, links and shapes are checked when every file can be read.")


def unreadable(error: TurtleError) -> Finding:
    """Return the finding for a file, or for a date in it, that cannot be read."""
    date = isinstance(error, DateError)
    later = error.advice + " " + CHECKED_LATER if error.advice else CHECKED_LATER
    return Finding(
        error.path,
        error.line,
        error.column,
        Severity.VIOLATION,
        "date" if date else "syntax",
        error.problem,
        error.advice if date else later,
        error.excerpt,
    )


def translated(findings: Iterable[Finding], language: str) -> Iterator[Finding]:
    """Give findings in a language, as far as the engine speaks it."""
    for finding in findings:
        message, advice = in_language(finding.message, language), in_language(finding.advice, language)
        yield replace(finding, message=message, advice=advice)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings by path, line, column and rule, each once."""
    return sorted(
        set(findings),
        key=lambda f: (f.path, f.line, f.column, f.rule, f.severity, f.message, f.advice, f.excerpt, f.also),
    )


def concerning(findings: Iterable[Finding], paths: Collection[str]) -> list[Finding]:
    """Return the findings in files and folders, or that name one of these beside their own place; "." is all."""

    def lies_there(place: str) -> bool:
        return any(path == "." or place == path or place.startswith(f"{path}/") for path in paths)

    return [
        finding
        for finding in findings
        if lies_there(finding.path) or any(lies_there(re.sub(r"(:\d+)*$", "", place)) for place in finding.also)
    ]


#: Rules that say of a value what is wrong with it, whatever shapes say.
_OF_VALUES = ("date", "link", "term", "value")
#: Rules that say of a node that it lacks its place in the source, or the source.
_OF_PROVENANCE = ("locator", "graph")


def told_once(findings: Sequence[Finding], provenance: Collection[str] = ()) -> list[Finding]:
    """Return findings without what shapes say beside a finding of the engine that says it too.

    Left out are values that are wrong in themselves, such as a link to nothing, and the lack of properties of
    provenance, which are given as IRIs, where the engine misses the same. What the engine only warns of speaks for
    no violation.
    """
    violations = (one for one in findings if not one.result and one.severity is Severity.VIOLATION)
    known = {(one.path, one.line, one.column, one.rule) for one in violations}

    def is_told(one: Finding) -> bool:
        if not one.result or (not one.result.value and one.result.path.strip("<>") not in provenance):
            return False
        rules = _OF_VALUES if one.result.value else _OF_PROVENANCE
        return any((one.path, one.line, one.column, rule) in known for rule in rules)

    return [one for one in findings if not is_told(one)]


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how many findings there are of each severity, and in how many files."""
    by_severity = Counter(finding.severity for finding in findings)
    return {severity.value: by_severity[severity] for severity in Severity} | {
        "files": len({finding.path for finding in findings})
    }


_COLOURS = {Severity.VIOLATION: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
# Text from files goes to a terminal: what would move its cursor, or turn the direction of its text, is shown as �.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _plain(text: str) -> str:
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text.expandtabs(4))


def _line_with_caret(finding: Finding) -> Iterable[str]:
    if not finding.excerpt:
        return
    yield "    " + _plain(finding.excerpt)
    if finding.column <= len(finding.excerpt):
        yield " " * (4 + cell_len(_plain(finding.excerpt[: finding.column - 1]))) + "^"


def _summary(findings: Sequence[Finding]) -> str:
    if not findings:
        return "No findings."
    number = counts(findings)
    told = [
        f"{number[severity.value]} {severity.value}{'s' if number[severity.value] > 1 else ''}"
        for severity in Severity
        if number[severity.value]
    ]
    return f"{', '.join(told)} in {number['files']} file{'s' if number['files'] > 1 else ''}"


def render_text(findings: Sequence[Finding], *, colour: bool = False) -> str:
    """Return findings for a terminal: place, sentence, the line with a caret, advice; then how many there are.

    >>> print(render_text([Finding("a.ttl", 2, 4, Severity.WARNING, "prefix", "x: is not used", "", "\\t\\tx:")]))
    a.ttl:2:4: warning: x: is not used [prefix]
                x:
                 ^
    <BLANKLINE>
    1 warning in 1 file
    """
    lines: list[str] = []
    for finding in findings:
        severity, rule = finding.severity.value, f"[{_plain(finding.rule)}]"
        place = f"{_plain(finding.path)}:{finding.line}:{finding.column}"
        excerpt = list(_line_with_caret(finding))
        if colour:
            severity = click.style(severity, fg=_COLOURS[finding.severity], bold=True)
            place, rule = click.style(place, bold=True), click.style(rule, dim=True)
            excerpt[1:] = [click.style(line, fg=_COLOURS[finding.severity], bold=True) for line in excerpt[1:]]
        lines.append(f"{place}: {severity}: {_plain(' '.join(finding.message.split()))} {rule}")
        lines += excerpt
        if finding.advice:
            lines.append(f"    {_plain(finding.advice)}")
        lines += [f"    also: {_plain(place)}" for place in finding.also]
        lines.append("")
    return "\n".join([*lines, _summary(findings)])


def render_json(findings: Sequence[Finding]) -> str:
    """Return findings as a JSON object: `findings`, a list of objects with the attributes' names, and `counts`."""
    told = {"findings": [asdict(finding) for finding in findings], "counts": counts(findings)}
    return json.dumps(told, ensure_ascii=False, indent=2)
