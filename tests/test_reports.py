"""Findings in the forms that other tools read."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from rdflib import SH, Graph
from tests.building import ROOT, run_kg

from kg.findings import Finding, Severity, render_text
from kg.messages import in_language, say
from kg.reports import REPORTS, github, junit, sarif, shacl
from kg.rulebook import RULES, help_of

CI = ROOT / "docs" / "how-to" / "check-in-ci.md"
CASTINGS = "data/turtle/sources/chronicle/castings.ttl"
ODD = Finding(
    "data/a b,é.ttl", 3, 5, Severity.VIOLATION, "s:Bell,x", 'It\'s 100% "wrong"\x00: <&>\nreally', "Mend\u0007 it.",
    excerpt="  x y", also=("data/b:c.ttl:7:1",),
)  # fmt: skip
WARNING = Finding("kg.ttl", 1, 1, Severity.WARNING, "prefix", "not used")


def broken(bells):
    bells.replace(CASTINGS, "b:caster foundry:grimm", "b:caster bell:anna")
    bells.replace("data/turtle/register/bell/anna.ttl", '  a b:Bell ;\n  rdfs:label "Anna"@en .', "  a b:Bell .")
    return bells.check().findings


def test_sarif_has_rules_with_help_and_places_that_editors_open():
    run = json.loads(sarif([ODD, WARNING, WARNING]))["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["prefix", "s:Bell,x"]
    assert rules[0]["help"]["text"] == RULES["prefix"]
    first, second, _ = run["results"]
    assert (first["level"], second["level"]) == ("error", "warning")
    assert [rules[one["ruleIndex"]]["id"] for one in (first, second)] == [first["ruleId"], second["ruleId"]]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "data/a%20b%2C%C3%A9.ttl", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3, "startColumn": 5, "snippet": {"text": "  x y"}}
    related = first["relatedLocations"][0]["physicalLocation"]
    assert (related["artifactLocation"]["uri"], related["region"]["startLine"]) == ("data/b%3Ac.ttl", 7)


def test_junit_fails_for_violations_only_and_is_xml_whatever_stands_in_the_data():
    root = ElementTree.fromstring(junit([ODD, WARNING]).encode())
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    failed, passed = root.iter("testcase")
    assert (failed.get("file"), failed.get("line")) == ("data/a b,é.ttl", "3")
    assert failed.find("failure") is not None
    assert passed.find("failure") is None
    assert "not used" in (passed.findtext("system-out") or "")


def test_junit_of_nothing_is_a_test_that_passed():
    assert ElementTree.fromstring(junit([]).encode()).get("tests") == "1"


def test_annotations_are_one_line_each_and_escaped():
    first, second = github([ODD, WARNING]).split("\n")
    assert first.startswith("::error file=data/a b%2Cé.ttl,line=3,col=5,title=s%3ABell%2Cx::It's 100%25 ")
    assert "%0Areally" in first
    assert second == "::warning file=kg.ttl,line=1,col=1,title=prefix::not used."


def test_a_shacl_report_says_what_the_shapes_found(bells):
    graph = Graph().parse(data=shacl(broken(bells)), format="turtle")
    assert [str(found) for found in graph.objects(None, SH.conforms)] == ["false"]
    results = {
        (
            str(graph.value(result, SH.focusNode)).rsplit("/", 2)[-2],
            str(graph.value(result, SH.sourceConstraintComponent)),
        )
        for result in graph.objects(None, SH.result)
    }
    assert results == {("casting", str(SH.ClassConstraintComponent)), ("bell", str(SH.MinCountConstraintComponent))}
    other = Graph().parse(data=shacl([WARNING]), format="turtle")
    assert [str(found) for found in other.objects(None, SH.conforms)] == ["true"]


def test_a_path_of_several_steps_stands_in_the_report(bells):
    bells.append(
        "shapes/bells.ttl",
        "s:Way a sh:NodeShape ; sh:targetClass b:Bell ; sh:property [ sh:path ( [ sh:inversePath b:cast ] b:mass ) ; "
        "sh:minCount 1 ] .\n",
    )
    graph = Graph().parse(data=shacl(bells.check().findings), format="turtle")
    assert len(list(graph.objects(None, SH.inversePath))) == 2


def test_a_missing_value_names_all_files_that_speak_of_the_node(bells):
    bells.append(
        "shapes/bells.ttl", "s:Heavy a sh:PropertyShape ;\nsh:targetClass b:Bell ; sh:path b:cast ; sh:minCount 1 .\n"
    )
    bells.append(CASTINGS, 'bell:anna b:page "4" .\n')
    bells.replace("data/turtle/register/bell/anna.ttl", "a b:Bell ;\n", "")
    bells.append(CASTINGS, "bell:anna a b:Bell .\n")
    found = [one for one in bells.check().findings if one.rule == "s:Heavy" and "anna" in one.message]
    assert [(one.path, one.also) for one in found] == [(CASTINGS, ("data/turtle/register/bell/anna.ttl:10:1",))]
    assert found[0].advice == "The shape is at shapes/bells.ttl:70."
    assert "    also: data/turtle/register/bell/anna.ttl:10:1\n" in render_text(found)


@pytest.mark.parametrize("form", [*REPORTS, "text"])
def test_every_form_is_printed_and_gives_the_same_exit_code(bells, form):
    broken(bells)
    done = run_kg("check", "--format", form, cwd=bells.root, check=1)
    assert "castings.ttl" in done.stdout or form == "turtle"
    assert done.stdout.strip()


def test_a_colour_changes_no_word():
    plain, coloured = render_text([ODD]), render_text([ODD], colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == plain


def test_the_documented_problem_matcher_follows_every_finding(bells):
    (task,) = json.loads(re.findall(r"```json\n(.*?)```", CI.read_text("utf-8"), re.DOTALL)[0])["tasks"]
    pattern = task["problemMatcher"]["pattern"]
    findings = [ODD, WARNING, *broken(bells)]
    matched = [found for line in render_text(findings).split("\n") if (found := re.search(pattern["regexp"], line))]
    parts = [[match[pattern[part]] for part in ("file", "line", "column", "severity", "code")] for match in matched]
    assert parts == [[one.path, str(one.line), str(one.column), one.severity, one.rule] for one in findings]
    assert [match[pattern["message"]] for match in matched][1] == WARNING.message


def test_the_rulebook_and_the_reference_name_the_same_rules():
    text = (ROOT / "docs/reference/checks.md").read_text("utf-8")
    documented = {
        name for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    assert documented == set(RULES)


def test_every_rule_that_a_finding_has_is_in_the_rulebook():
    rules = set()
    for name in ("checks", "lint", "shapes", "findings"):
        text = (ROOT / "src" / "kg" / f"{name}.py").read_text("utf-8")
        rules |= set(re.findall(r"Severity\.[A-Z]+,\s+\"([^\"]+)\"", text))
    assert [rule for rule in rules if not help_of(rule)] == []


def test_findings_are_told_in_french(bells):
    bells.replace(CASTINGS, "b:caster foundry:grimm", "b:castr foundry:grimm")
    (found,) = bells.check("fr").findings
    assert (found.message, found.advice) == (
        "rien ne définit b:castr (propriété)",
        "Vouliez-vous dire b:caster ? Sinon, déclarez b:castr dans ontology/.",
    )


def test_what_was_said_keeps_parts_that_look_like_placeholders():
    assert in_language(say("%(name)s has no label", name="b:100%(s)s"), "fr") == "b:100%(s)s n’a pas de libellé"
    assert in_language("as it is %(x)s", "fr") == "as it is %(x)s"
