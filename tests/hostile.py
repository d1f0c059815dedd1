# ruff: noqa: E501 (a query stands in one line)
"""Queries by people who mean harm, or do not know what they ask: each with what may come back.

What may come back is `ok`, `cut`, `wrong` or `refused`, as an answer says it, or how the executor that was asked
ended: `time`, `memory`, `crash`. Whatever it is, no other executor ends, nothing is reached or read outside, and
the next question is answered.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CANARY", "FILE", "HOSTILE", "Hostile"]

#: Stand in a query for the address of a server, and for that of a file, that nobody may ask for.
CANARY, FILE = "http://canary.invalid/", "file:///canary"


class Hostile(NamedTuple):
    """One query, and what may come back."""

    name: str
    query: str
    outcomes: frozenset[str]


def _case(name: str, query: str, outcomes: str) -> Hostile:
    return Hostile(name, query, frozenset(outcomes.split()))


def _cross(size: int) -> str:
    return " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(size))


def _nested(begin: str, depth: int, middle: str, end: str) -> str:
    return begin * depth + middle + end * depth


_DOUBLED = " ".join(f"BIND(CONCAT(?s{i}, ?s{i}) AS ?s{i + 1})" for i in range(40))
_REPLACED = " ".join(f"BIND(REPLACE(?s{i}, 'a', 'aaaaaaaaaa') AS ?s{i + 1})" for i in range(12))
_ENDED = "time memory"
#: Holds for no row, which no plan can tell before it has put the row together.
_NEVER = "STRLEN(CONCAT(STR(?a0), STR(?a1), STR(?a4), STR(?a5))) < 0"
#: Nothing may come of these but a refusal or a mistake told.
_REACHING = [
    ("plain", "SELECT * { SERVICE <%s> { ?s ?p ?o } }"),
    ("silent", "SELECT * { SERVICE SILENT <%s> { ?s ?p ?o } }"),
    ("in exists", "SELECT * { FILTER EXISTS { SERVICE <%s> { ?s ?p ?o } } }"),
    ("in a subquery", "SELECT * { { SELECT * { SERVICE <%s> { ?s ?p ?o } } } }"),
    ("after a comment", "SELECT * { # a comment\nSERVICE <%s> { ?s ?p ?o } }"),
    ("prefixed", "PREFIX x: <%s> SELECT * { SERVICE x: { ?s ?p ?o } }"),
    ("relative to BASE", "BASE <%s> SELECT * { SERVICE <> { ?s ?p ?o } }"),
    ("with an escape", "SELECT * { \\u0053ERVICE <%s> { ?s ?p ?o } }"),
    ("in lower case", "SELECT * { service <%s> { ?s ?p ?o } }"),
    ("of a variable", "SELECT * { VALUES ?x { <%s> } SERVICE ?x { ?s ?p ?o } }"),
    ("with LIMIT 0", "SELECT * { SERVICE <%s> { ?s ?p ?o } } LIMIT 0"),
    ("glued", "SELECT*{SERVICE<%s>{?s ?p ?o}}"),
    ("glued to a number", "SELECT * { ?a ?b 3SERVICE<%s>{?s ?p ?o}}"),
    ("in OPTIONAL", "SELECT * { OPTIONAL { SERVICE SILENT <%s> { ?s ?p ?o } } }"),
    ("in MINUS", "SELECT * { ?s ?p ?o MINUS { SERVICE <%s> { ?s ?p ?o } } }"),
    ("in LATERAL", "SELECT * { ?s ?p ?o LATERAL { SERVICE <%s> { ?s ?p ?o } } }"),
    ("in an expression", "SELECT (EXISTS { SERVICE <%s> { ?s ?p ?o } } AS ?x) {}"),
    ("in ASK", "ASK { SERVICE <%s> { ?s ?p ?o } }"),
    ("in CONSTRUCT", "CONSTRUCT WHERE { SERVICE <%s> { ?s ?p ?o } }"),
    ("in DESCRIBE", "DESCRIBE ?s { SERVICE <%s> { ?s ?p ?o } }"),
    ("in GRAPH", "SELECT * { GRAPH ?g { SERVICE <%s> { ?s ?p ?o } } }"),
]
_NAMING = [
    ("FROM", "SELECT * FROM <%s> { ?s ?p ?o }"),
    ("two FROM", "SELECT * FROM <%s> FROM <urn:x-nothing> { ?s ?p ?o }"),
    ("FROM NAMED", "SELECT * FROM NAMED <%s> { GRAPH ?g { ?s ?p ?o } }"),
    ("FROM relative to BASE", "BASE <%s> SELECT * FROM <> { ?s ?p ?o }"),
    ("GRAPH", "SELECT * { GRAPH <%s> { ?s ?p ?o } }"),
    ("DESCRIBE", "DESCRIBE <%s>"),
    ("a function", "SELECT (<%s>() AS ?x) {}"),
    ("LOAD", "LOAD <%s>"),
    ("LOAD SILENT", "LOAD SILENT <%s> INTO GRAPH <urn:x-g>"),
    ("an update after a query", "SELECT * {}; LOAD <%s>"),
]

HOSTILE: list[Hostile] = [
    # --- without end
    _case("endless count", f"SELECT (COUNT(*) AS ?n) {{ {_cross(8)} }}", "time"),
    _case("endless filter", f"SELECT * {{ {_cross(6)} FILTER({_NEVER}) }}", "time"),
    _case("endless ASK", f"ASK {{ {_cross(6)} FILTER({_NEVER}) }}", "time"),
    _case("result of gigabytes", f"SELECT * {{ {_cross(4)} }}", "cut time"),
    _case("graph of gigabytes", f"CONSTRUCT {{ ?a0 ?b1 ?c2 }} {{ {_cross(4)} }}", "cut time"),
    _case("sorted cross join", f"SELECT * {{ {_cross(5)} }} ORDER BY ?a1", _ENDED),
    _case("sorted at random", f"SELECT * {{ {_cross(4)} }} ORDER BY RAND()", _ENDED),
    _case("first of a sorted cross join", f"SELECT * {{ {_cross(5)} }} ORDER BY RAND() LIMIT 1", _ENDED),
    _case("grouped cross join", f"SELECT ?a0 (COUNT(?c3) AS ?n) {{ {_cross(5)} }} GROUP BY ?a0 ?a1 ?a2 ?a3", _ENDED),
    _case("distinct cross join", f"SELECT DISTINCT * {{ {_cross(5)} }} OFFSET 100000000", _ENDED),
    _case("distinct count", f"SELECT (COUNT(DISTINCT ?a0) AS ?n) {{ {_cross(6)} }}", _ENDED),
    _case("grouped by RAND", f"SELECT (COUNT(*) AS ?n) {{ {_cross(4)} }} GROUP BY (RAND() AS ?r)", _ENDED),
    _case("far offset", f"SELECT * {{ {_cross(6)} }} OFFSET 1000000000000 LIMIT 1", "time"),
    _case("OPTIONAL cross join", f"SELECT (COUNT(*) AS ?n) {{ {_cross(2)} OPTIONAL {{ {_cross(5)} }} }}", _ENDED),
    _case("MINUS of a cross join", f"SELECT * {{ {_cross(2)} MINUS {{ {_cross(5)} }} }}", _ENDED),
    _case("EXISTS per row", f"SELECT * {{ {_cross(3)} FILTER NOT EXISTS {{ {_cross(4)} FILTER(?z) }} }}", "cut time memory"),
    _case("path of everything", "SELECT (COUNT(*) AS ?n) { ?a (!<a:a>|^!<a:a>)* ?b . ?b (!<a:a>|^!<a:a>)* ?c }", _ENDED),
    _case(
        "paths in each other",
        "SELECT (COUNT(*) AS ?n) { ?a ((((!<a:a>)*/(^!<a:a>)*)*/(!<a:a>)*)*)* ?b . ?b (!<a:a>/^!<a:a>)+ ?c }",
        _ENDED,
    ),
    _case("long path", "SELECT (COUNT(*) AS ?n) { ?a " + "/".join(["(!<a:a>|^!<a:a>)"] * 30) + " ?b }", _ENDED),
    _case("path of options", "SELECT * { ?a " + "/".join(["<a:a>?"] * 5000) + " ?b }", "ok cut wrong crash " + _ENDED),
    # --- texts
    _case("regex backtracking", "SELECT * { BIND(REGEX('" + "a" * 5000 + "!', '^(a+)+$') AS ?x) }", "ok time"),
    _case("regex of repeats", "SELECT (REGEX('a', '((a{1,1000}){1,1000}){1,1000}') AS ?x) {}", "ok memory"),
    _case("regex per row", f"SELECT * {{ {_cross(3)} FILTER REGEX(CONCAT(STR(?a0), STR(?a1), STR(?a2)), '(.*)*(.*)*x\\u0001') }}", "time"),
    _case("regex that is long", "SELECT (REGEX('a', '" + "(a|b)" * 15_000 + "') AS ?x) {}", "ok memory time"),
    _case("CONCAT that doubles", f"SELECT (STRLEN(?s40) AS ?n) {{ BIND('aaaaaaaa' AS ?s0) {_DOUBLED} }}", "ok memory"),
    _case("REPLACE that grows", f"SELECT (STRLEN(?s12) AS ?n) {{ BIND('aaaaaaaa' AS ?s0) {_REPLACED} }}", "ok memory"),
    _case("GROUP_CONCAT", f"SELECT (GROUP_CONCAT(?c0) AS ?x) {{ {_cross(4)} }}", _ENDED),
    _case(
        "CONCAT of CONCAT",
        "SELECT (STRLEN(" + _nested("CONCAT(?s,", 60, "?s", ")") + ") AS ?n) { BIND('a' AS ?s) }",
        "ok",
    ),
    _case("rows of long texts", f"SELECT ?s10 {{ BIND('aaaaaaaa' AS ?s0) {_DOUBLED} {_cross(3)} }}", "cut memory"),
    _case("ENCODE_FOR_URI that grows", "SELECT (STRLEN(" + _nested("ENCODE_FOR_URI(", 90, "'\u20ac'", ")") + ") AS ?n) {}", "ok memory time"),
    _case("a long number", "SELECT (" + "9" * 90_000 + " AS ?x) {}", "ok wrong"),
    _case("a division", "SELECT (1/0 AS ?x) (1e308*1e308 AS ?y) (-9223372036854775808/-1 AS ?z) {}", "ok"),
    _case("an odd date", "SELECT (YEAR('99999999999999-12-31T00:00:00Z'^^<http://www.w3.org/2001/XMLSchema#dateTime>) AS ?y) {}", "ok"),
    _case("SUBSTR out of bounds", "SELECT (SUBSTR('\u00e9a', -5, 9223372036854775807) AS ?x) (SUBSTR('\u00e9', 1e300) AS ?y) {}", "ok"),
    # --- deep
    _case("deep groups", "SELECT * " + _nested("{", 5000, "", "}"), "wrong"),
    _case("deep groups within limits", "SELECT * " + _nested("{", 100, "", "}"), "ok time"),
    _case("deep parentheses", "SELECT * { FILTER" + _nested("(", 10_000, "1", ")") + " }", "wrong"),
    _case("deep parentheses within limits", "SELECT * { FILTER" + _nested("(", 98, "1", ")") + " }", "ok time"),
    _case("deep lists", "SELECT * { ?s ?p " + _nested("(", 5000, "", ")") + " }", "wrong"),
    _case("deep lists within limits", "SELECT * { ?s ?p " + _nested("(", 98, "1", ")") + " }", "ok time"),
    _case("deep blank nodes", "SELECT * { ?s ?p " + _nested("[ ?p ", 5000, "1", "]") + " }", "wrong"),
    _case("deep blank nodes within limits", "SELECT * { ?s ?p " + _nested("[ ?p ", 98, "1", "]") + " }", "ok time"),
    _case("deep triple terms", "SELECT * { ?s ?p " + _nested("<<( <a:a> <a:b> ", 90, "1", ")>>") + " }", "ok wrong time"),
    _case("deep annotations", "SELECT * { ?s ?p ?o " + _nested("{| <a:b> ?x ", 90, "", "|}") + " }", "ok wrong time"),
    _case("deep paths within limits", "SELECT * { ?s " + _nested("(", 98, "<a:a>", ")*") + " ?o }", "ok cut time"),
    _case("deep subqueries", "SELECT * " + _nested("{ SELECT * {", 49, "?s ?p ?o", "} }") + "", "wrong ok"),
    _case("deep EXISTS", "SELECT * { ?s ?p ?o FILTER " + _nested("EXISTS { ?s ?p ?o FILTER ", 90, "(1)", "}") + " }", "ok time"),
    _case("deep IF", "SELECT (" + _nested("IF(1,", 90, "1", ",1)") + " AS ?x) {}", "ok time"),
    _case("deep functions", "SELECT (" + _nested("STR(", 98, "1", ")") + " AS ?x) {}", "ok time"),
    _case("escaped brackets", "SELECT * { FILTER" + "(\\u0028" * 5000 + "1 }", "wrong"),
    # --- long
    _case("many !", "SELECT * { FILTER(" + "!" * 90_000 + "1) }", "ok wrong crash time"),
    _case("many -", "SELECT * { FILTER(" + "-" * 90_000 + "1) }", "ok wrong crash time"),
    _case("many - with spaces", "SELECT * { FILTER(" + "- " * 45_000 + "?x) }", "ok wrong crash time"),
    _case("many +", "SELECT * { FILTER(" + "1+" * 45_000 + "1) }", "ok crash time memory"),
    _case("many ||", "SELECT * { FILTER(1" + "||1" * 30_000 + ") }", "ok crash time memory"),
    _case("many =", "SELECT * { FILTER(1" + "=1" * 40_000 + ") }", "wrong crash time"),
    _case("many ^", "SELECT * { ?s " + "^" * 90_000 + "<a:a> ?o }", "ok wrong crash time"),
    _case("many *", "SELECT * { ?s <a:a>" + "*" * 90_000 + " ?o }", "ok cut wrong crash time"),
    _case("many /", "SELECT * { ?s " + "<a:a>/" * 15_000 + "<a:a> ?o }", "ok crash time memory"),
    _case("many |", "SELECT * { ?s " + "<a:a>|" * 15_000 + "<a:a> ?o }", "ok crash time memory"),
    _case("many UNION", "SELECT * { " + "{} UNION " * 10_000 + "{} }", "ok crash time memory"),
    _case("many UNION of triples", "SELECT * { " + "{?s ?p ?o} UNION " * 5000 + "{} }", "ok cut crash time memory"),
    _case("many OPTIONAL", "SELECT * { " + "OPTIONAL {?s ?p ?o} " * 4500 + " }", "ok cut crash time memory"),
    _case("many FILTER", "SELECT * { ?s ?p ?o " + "FILTER(?s != 1) " * 6000 + " }", "ok crash time memory"),
    _case("many BIND", "SELECT * { " + " ".join(f"BIND(1 AS ?x{i})" for i in range(5000)) + " }", "ok crash time memory"),
    _case("many triples", "SELECT * { " + "?s ?p ?o . " * 9000 + " }", "ok crash time memory"),
    _case("many subqueries", "SELECT * { " + "{SELECT * {?s ?p ?o}} " * 4000 + " }", "ok crash time memory"),
    _case("many MINUS", "SELECT * { ?s ?p ?o " + "MINUS {?s <a:a> ?o} " * 4500 + " }", "ok crash time memory"),
    _case("many GRAPH", "SELECT * { " + "GRAPH ?g {?s ?p ?o} " * 4500 + " }", "ok crash time memory"),
    _case("many VALUES rows", "SELECT (COUNT(*) AS ?n) { VALUES ?x { " + "1 " * 49_000 + "} }", "ok time memory"),
    _case("VALUES times VALUES", "SELECT (COUNT(*) AS ?n) { " + " ".join(f"VALUES ?x{i} {{ {'1 ' * 4000} }}" for i in range(5)) + " }", _ENDED),
    _case("long IN", "SELECT * { ?s ?p ?o FILTER(?o IN (" + "1," * 45_000 + "1)) }", "ok crash time"),
    _case("many columns", "SELECT " + " ".join(f"?v{i}" for i in range(12_000)) + " { ?s ?p ?o }", "ok cut time"),
    _case("many prefixes", "".join(f"PREFIX p{i}: <a:{i}> " for i in range(4000)) + "SELECT * {}", "ok time"),
    _case("many functions", "SELECT * { FILTER(" + "||".join(f"<f:{i}>()" for i in range(5000)) + ") }", "ok time crash"),
    _case("many FROM", "SELECT * " + " ".join(f"FROM <g:{i}>" for i in range(6000)) + " { ?s ?p ?o }", "ok time"),
    _case("one long IRI", "SELECT * { <a:" + "a" * 99_000 + "> ?p ?o }", "wrong ok"),
    _case("one long word", "SELECT * { ?" + "a" * 99_000 + " ?p ?o } LIMIT 1", "wrong ok"),
    _case("only spaces", " " * 100_000, "wrong"),
    _case("only hashes", "#" * 100_000, "wrong"),
    _case("only question marks", "?" * 100_000, "wrong time"),
    _case("only quotes", "'" * 100_000, "wrong"),
    _case("only backslashes", "SELECT * { ?s ?p '" + "\\" * 99_000, "wrong time"),
    _case("only <", "SELECT * { " + "<" * 99_000, "wrong crash time"),
    _case("only colons", "SELECT * { " + ":" * 99_000, "wrong"),
    _case("too long", "#" * 100_001, "wrong"),
    # --- characters
    _case("empty", "", "wrong"),
    _case("null byte", "SELECT * {}\0", "wrong"),
    _case("null byte in a text", "SELECT ('\0' AS ?x) {}", "ok wrong"),
    _case("null byte by escape", "SELECT ('\\u0000' AS ?x) {}", "ok wrong"),
    _case("half a character", "SELECT ('\ud800' AS ?x) {}", "wrong"),
    _case("half a character by escape", "SELECT ('\\uD800' AS ?x) {}", "wrong"),
    _case("no character by escape", "SELECT ('\\UFFFFFFFF' AS ?x) {}", "wrong"),
    _case("byte order mark", "\ufeffSELECT * {}", "ok"),
    _case("two byte order marks", "\ufeff\ufeffSELECT * {}", "wrong"),
    _case("text turned around", "SELECT ('\u202e\u2066' AS ?x) {}", "ok"),
    _case("not SPARQL", "DROP TABLE students; --", "wrong refused"),
    _case("carriage returns alone", "SELECT *\r#comment\r{}\r", "ok wrong"),
    _case("IRI of control characters", "SELECT (IRI('\\u0000\\u0007 <>') AS ?x) {}", "ok"),
    _case("odd language", "SELECT (STRLANG('a', '\\u0022 onload=\\u0022') AS ?x) {}", "ok wrong"),
    _case("odd datatype", "SELECT (STRDT('a', IRI('a:\\u0022>]]>')) AS ?x) {}", "ok wrong"),
    # --- writing
    _case("INSERT", "INSERT DATA { <a:a> <a:b> <a:c> }", "refused"),
    _case("DELETE", "DELETE WHERE { ?s ?p ?o }", "refused"),
    _case("DROP", "DROP ALL", "refused"),
    _case("hidden update", "SELECT * {} ; DROP ALL", "wrong"),
    # --- reaching out
    *(_case(f"SERVICE {name}", query % CANARY, "refused wrong") for name, query in _REACHING),
    *(_case(f"{name} of an address", query % CANARY, "ok wrong refused") for name, query in _NAMING),
    *(_case(f"{name} of a file", query % FILE, "ok wrong refused") for name, query in _NAMING),
]  # fmt: skip
