"""Findings are told so that a person finds the place at once, and a program can read them."""

import json

import pytest

from kg.findings import Finding, Severity, ShapeResult, counts, in_order, render_json, render_text, told_once


def finding(path="a.ttl", line=2, column=3, severity=Severity.VIOLATION, rule="term", message="no", **more):
    return Finding(path, line, column, severity, rule, message, **more)


def test_findings_are_sorted_by_path_line_column_and_rule_and_told_once():
    found = [
        finding(path="b.ttl"),
        finding(line=10),
        finding(rule="prefix"),
        finding(column=1, rule="z"),
        finding(line=10),
    ]
    assert [(f.path, f.line, f.column, f.rule) for f in in_order(found)] == [
        ("a.ttl", 2, 1, "z"),
        ("a.ttl", 2, 3, "prefix"),
        ("a.ttl", 10, 3, "term"),
        ("b.ttl", 2, 3, "term"),
    ]


def test_text_has_place_sentence_line_caret_and_advice():
    told = render_text([finding(excerpt="  b:cst bell:anna .", advice="Did you mean b:cast?")])
    assert told.splitlines() == [
        "a.ttl:2:3: violation: no [term]",
        "      b:cst bell:anna .",
        "      ^",
        "    Did you mean b:cast?",
        "",
        "1 violation in 1 file",
    ]


@pytest.mark.parametrize(
    ("excerpt", "column", "caret_at"),
    [
        ("\tx", 2, 8),
        ("a\tx", 3, 8),
        ("鐘鐘x", 3, 8),
        ("e\u0301x", 3, 5),
        ("x", 1, 4),
    ],
)
def test_caret_stands_under_its_column_after_tabs_wide_and_combining_characters(excerpt, column, caret_at):
    caret = render_text([finding(column=column, excerpt=excerpt)]).splitlines()[2]
    assert caret == " " * caret_at + "^"


def test_caret_is_left_out_where_the_line_was_cut():
    assert "^" not in render_text([finding(column=500, excerpt="short…")])


def test_text_from_files_cannot_steer_the_terminal():
    told = render_text([finding(message="\x1b[2Jgone", excerpt="\x1b]0;title\x07 \u202eesrever")])
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "\u202e" not in told


def test_a_message_of_several_lines_becomes_one():
    assert "a.ttl:2:3: violation: one two [term]" in render_text([finding(message="one\n   two")])


@pytest.mark.parametrize(
    ("severities", "summary"),
    [
        ([], "No findings."),
        (["violation"], "1 violation in 1 file"),
        (["violation", "violation", "violation", "warning"], "3 violations, 1 warning in 1 file"),
        (["info", "warning", "warning"], "2 warnings, 1 info in 1 file"),
    ],
)
def test_summary_counts_by_severity(severities, summary):
    found = [finding(severity=Severity(severity)) for severity in severities]
    assert render_text(found).splitlines()[-1] == summary


def test_summary_counts_files():
    assert render_text([finding(), finding(path="b.ttl")]).endswith("2 violations in 2 files")


def test_colour_is_only_added_when_asked_for():
    assert "\x1b[" in render_text([finding()], colour=True)
    assert "\x1b[" not in render_text([finding()])


def test_json_gives_every_attribute_and_the_counts():
    found = [finding(advice="do", excerpt="é"), finding(severity=Severity.INFO)]
    told = json.loads(render_json(found))
    assert told["findings"][0] == {
        "path": "a.ttl",
        "line": 2,
        "column": 3,
        "severity": "violation",
        "rule": "term",
        "message": "no",
        "advice": "do",
        "excerpt": "é",
        "also": [],
        "result": None,
    }
    assert told["counts"] == counts(found) == {"violation": 1, "warning": 0, "info": 1, "files": 1}


def test_what_shapes_say_of_a_link_to_nothing_is_not_told_beside_it():
    link = finding(rule="link", message="nothing says what b:cst is")
    of_value = finding(rule="s:Cast", result=ShapeResult("<a>", "<p>", "<b>", "<c>", ""))
    of_lack = finding(rule="s:Name", result=ShapeResult("<a>", "<q>", "", "<c>", ""))
    elsewhere = finding(rule="s:Cast", line=9, result=ShapeResult("<z>", "<p>", "<b>", "<c>", ""))
    assert told_once([link, of_value, of_lack, elsewhere]) == [link, of_lack, elsewhere]
    assert told_once([of_value]) == [of_value]


def test_a_warning_speaks_for_no_violation():
    warned = finding(rule="value", severity=Severity.WARNING)
    wrong = finding(rule="s:Name", result=ShapeResult("<a>", "<b:name>", '"x"', "<c>", ""))
    assert told_once([warned, wrong]) == [warned, wrong]


@pytest.mark.parametrize("rule", ["locator", "graph"])
def test_a_place_or_a_source_that_is_missing_is_told_by_the_engine_alone(rule):
    missing = finding(rule=rule)
    same = finding(rule="s:Page", result=ShapeResult("<a>", "<b:page>", "", "<c>", ""))
    other = finding(rule="s:Name", result=ShapeResult("<a>", "<b:name>", "", "<c>", ""))
    assert told_once([missing, same, other], {"b:page"}) == [missing, other]
    assert told_once([same, other], {"b:page"}) == [same, other]
