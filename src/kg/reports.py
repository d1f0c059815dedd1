"""Findings in the forms that other tools read: SARIF, JUnit, annotations of GitHub, a W3C SHACL report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote
from xml.etree import ElementTree

import kg
from kg.findings import Finding, Severity, render_json
from kg.rulebook import help_of

__all__ = ["REPORTS", "github", "junit", "sarif", "shacl"]


def _text(finding: Finding) -> str:
    return " ".join(filter(None, (_sentence(finding.message), finding.advice)))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…", ")")) else f"{text}."


# --- SARIF -----------------------------------------------------------------------------------------------

_LEVELS = {Severity.VIOLATION: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def sarif(findings: Sequence[Finding]) -> str:
    """Return findings as SARIF 2.1.0, each rule with its help; places are relative to the folder of the graph."""
    rules = sorted({finding.rule for finding in findings})
    first = {finding.rule: finding for finding in reversed(findings)}
    driver = {
        "name": "kg",
        "version": kg.__version__,
        "rules": [
            {
                "id": rule,
                "shortDescription": {"text": help_of(rule) or first[rule].message},
                "help": {"text": help_of(rule) or _text(first[rule])},
                "defaultConfiguration": {"level": _LEVELS[first[rule].severity]},
            }
            for rule in rules
        ],
    }
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": rules.index(finding.rule),
            "level": _LEVELS[finding.severity],
            "message": {"text": _text(finding)},
            "locations": [_sarif_place(finding.path, finding.line, finding.column, finding.excerpt)],
            "relatedLocations": [
                {"id": number, **_sarif_place(*_parts(place))} for number, place in enumerate(finding.also, start=1)
            ],
        }
        for finding in findings
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _sarif_place(path: str, line: int, column: int, excerpt: str = "") -> dict[str, object]:
    region: dict[str, object] = {"startLine": line, "startColumn": column}
    if excerpt:
        region["snippet"] = {"text": excerpt}
    return {"physicalLocation": {"artifactLocation": {"uri": quote(path), "uriBaseId": "%SRCROOT%"}, "region": region}}


def _parts(place: str) -> tuple[str, int, int]:
    path, line, column = place.rsplit(":", 2)
    return path, int(line), int(column)


# --- JUnit -----------------------------------------------------------------------------------------------

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(findings: Sequence[Finding]) -> str:
    """Return findings as JUnit's XML: a test per finding; a violation is a failed one, the others have passed."""

    def clean(text: str) -> str:
        return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)

    failures = sum(finding.severity is Severity.VIOLATION for finding in findings)
    counts = {"tests": str(len(findings) or 1), "failures": str(failures)}
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "kg check", **counts})
    for finding in findings:
        place = f"{finding.path}:{finding.line}:{finding.column}"
        test = {
            "name": clean(f"{finding.rule} {place}"),
            "classname": clean(finding.path),
            "file": clean(finding.path),
            "line": str(finding.line),
        }
        case = ElementTree.SubElement(suite, "testcase", test)
        text = clean("\n".join(filter(None, (f"{place}: {_text(finding)}", finding.excerpt, *finding.also))))
        if finding.severity is Severity.VIOLATION:
            failed = {"message": clean(finding.message), "type": clean(finding.rule)}
            ElementTree.SubElement(case, "failure", failed).text = text
        else:
            ElementTree.SubElement(case, "system-out").text = text
    if not findings:
        ElementTree.SubElement(suite, "testcase", {"name": "no findings", "classname": "kg check"})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


# --- GitHub ----------------------------------------------------------------------------------------------

_COMMANDS = {Severity.VIOLATION: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def github(findings: Sequence[Finding]) -> str:
    """Return findings as workflow commands, which GitHub shows at their lines in a pull request."""

    def data(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def value(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    return "\n".join(
        f"::{_COMMANDS[one.severity]} file={value(one.path)},line={one.line},col={one.column},title={value(one.rule)}::"
        f"{data(_text(one))}"
        for one in findings
    )


# --- SHACL -----------------------------------------------------------------------------------------------

_SEVERITIES = {Severity.VIOLATION: "sh:Violation", Severity.WARNING: "sh:Warning", Severity.INFO: "sh:Info"}


def shacl(findings: Sequence[Finding]) -> str:
    """Return what shapes found as a W3C SHACL report in Turtle; other findings have no place in one."""
    results = []
    for finding in findings:
        found = finding.result
        if found is None:
            continue
        facts = {
            "a": "sh:ValidationResult",
            "sh:focusNode": found.focus,
            "sh:resultPath": found.path,
            "sh:value": found.value,
            "sh:sourceConstraintComponent": found.component,
            "sh:sourceShape": found.shape,
            "sh:resultSeverity": _SEVERITIES[finding.severity],
            "sh:resultMessage": json.dumps(finding.message, ensure_ascii=False).replace("\x7f", "\\u007F"),
        }
        told = "".join(f"    {verb} {value} ;\n" for verb, value in facts.items() if value)
        results.append(f"  sh:result [\n{told}  ] ;\n")
    # By the standard, whatever its severity, a result means that the data does not conform.
    return (
        "@prefix sh: <http://www.w3.org/ns/shacl#> .\n\n"
        f"[] a sh:ValidationReport ;\n{''.join(results)}  sh:conforms {'false' if results else 'true'} ."
    )


#: By the name of the format on the command line.
REPORTS: Mapping[str, Callable[[Sequence[Finding]], str]] = {
    "json": render_json,
    "sarif": sarif,
    "junit": junit,
    "github": github,
    "turtle": shacl,
}
