"""SPARQL over HTTP, by the numbers of the checks it has to pass, and what strangers may try on it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, parse
from tests.web.pages import BASE, HTML, Page
from werkzeug.test import create_environ

from kg.pool import Question, Result
from kg.results import from_json
from kg.snapshot import Snapshot
from kg.web import create_app
from kg.writers import FORMATS

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
BELLS = "SELECT ?bell WHERE { ?bell a cloch:Bell } ORDER BY ?bell"
ENDPOINT = "https://bells.example/public/sparql"
SD = "http://www.w3.org/ns/sparql-service-description#"
ANNA = f"{BASE}graph/register/bell/mair"


def get(client: FlaskClient, query: str, accept: str = "", **parameters: Any) -> Any:
    headers = {"Accept": accept} if accept else {}
    return client.get("/sparql", query_string={"query": query, **parameters}, headers=headers)


def count(client: FlaskClient, where: str = "?s ?p ?o", **parameters: Any) -> int:
    found = get(client, f"SELECT (COUNT(*) AS ?n) WHERE {{ {where} }}", **parameters)
    return int(found.json["results"]["bindings"][0]["n"]["value"])


def problem(response: Any, status: int) -> Any:
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.json["status"] == status
    return response.json


# --- 54: three ways to ask -------------------------------------------------------------------------------


def test_a_query_is_asked_in_three_ways_with_one_result(asking: FlaskClient) -> None:
    by_get = get(asking, BELLS)
    by_form = asking.post("/sparql", data={"query": BELLS})
    direct = asking.post("/sparql", data=BELLS, content_type="application/sparql-query")
    assert by_get.status_code == by_form.status_code == direct.status_code == 200
    assert by_get.data == by_form.data == direct.data
    assert len(by_get.json["results"]["bindings"]) == 4


def test_an_answer_can_be_used_again_until_it_changes(asking: FlaskClient) -> None:
    first = get(asking, BELLS)
    assert re.fullmatch(r'"[0-9a-f]+"', first.headers["ETag"])
    again = asking.get(
        "/sparql",
        query_string={"query": BELLS},
        headers={"If-None-Match": first.headers["ETag"], "Origin": "https://x"},
    )
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Vary"] == first.headers["Vary"] == "Accept"
    assert again.headers["Access-Control-Allow-Origin"] == "*"
    assert get(asking, BELLS, "text/csv").headers["ETag"] != first.headers["ETag"]
    head = asking.head("/sparql", query_string={"query": BELLS})
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == first.headers["ETag"]


def test_what_differs_every_time_is_not_kept_by_anybody(asking: FlaskClient) -> None:
    assert get(asking, "SELECT (RAND() AS ?x) {}").headers["Cache-Control"] == "no-store"
    assert get(asking, BELLS).headers["Cache-Control"] == "no-cache"


# --- 55, 56, 57: formats ---------------------------------------------------------------------------------

JSON, XML = "application/sparql-results+json", "application/sparql-results+xml"
CSV, TSV = "text/csv; charset=utf-8; header=present", "text/tab-separated-values; charset=utf-8"
TURTLE = "text/turtle; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/sparql-results+json", JSON),
        ("application/json", JSON),
        ("application/sparql-results+xml", XML),
        ("application/xml", XML),
        ("text/xml;q=0.3, image/png", XML),
        ("text/csv", CSV),
        ("text/csv;charset=utf-8", CSV),
        ("text/tab-separated-values", TSV),
        ("text/*;q=0.5, application/sparql-results+xml;q=0.4, text/csv;q=0.1, text/html;q=0", TSV),
        ("application/sparql-results+json;q=0, */*;q=0.1", XML),
        ("text/csv;q=0.2, application/sparql-results+xml;q=0.9", XML),
        ("application/sparql-results+json,application/json,text/javascript,application/javascript", JSON),
        (BROWSER["Accept"], "text/html; charset=utf-8"),
    ],
)
def test_rows_come_in_the_type_that_suits_the_client(asking: FlaskClient, accept: str, expected: str) -> None:
    response = get(asking, BELLS, accept)
    assert (response.status_code, response.headers["Content-Type"]) == (200, expected)
    assert "Accept" in response.headers["Vary"].split(", ")


def test_rows_are_the_same_in_every_format(asking: FlaskClient) -> None:
    query = "SELECT ?bell ?label WHERE { ?bell a cloch:Bell ; rdfs:label ?label } ORDER BY ?bell ?label"
    answer = from_json(get(asking, query, JSON).text)
    plain = [[term.value for term in row if term] for row in answer.rows]
    rows = list(csv.reader(io.StringIO(get(asking, query, "text/csv").text, newline="")))
    assert rows == [["bell", "label"], *plain]
    lines = get(asking, query, "text/tab-separated-values").text.splitlines()
    assert lines == ["?bell\t?label", *("\t".join(map(str, row)) for row in answer.rows)]
    found = ElementTree.fromstring(get(asking, query, XML).data)
    space = "{http://www.w3.org/2005/sparql-results#}"
    assert [["".join(one.itertext()) for one in row] for row in found.iter(space + "result")] == plain


@pytest.mark.parametrize(("accept", "expected"), [("", JSON), ("application/json", JSON), (XML, XML)])
def test_a_boolean_has_two_formats(asking: FlaskClient, accept: str, expected: str) -> None:
    response = get(asking, "ASK { ?bell a cloch:Bell }", accept)
    assert response.headers["Content-Type"] == expected
    assert "true" in response.text
    assert problem(get(asking, "ASK {}", "text/csv"), 406)["available"][0]["type"] == JSON


@pytest.mark.parametrize("query", ["CONSTRUCT WHERE { ?bell a cloch:Bell }", "DESCRIBE bell:mair"])
def test_triples_come_in_every_rdf_format(asking: FlaskClient, query: str) -> None:
    assert get(asking, query).headers["Content-Type"] == TURTLE
    found = set()
    for key, one in FORMATS.items():
        response = get(asking, query, one.media_type)
        assert response.headers["Content-Type"].partition(";")[0] == one.media_type
        assert get(asking, query, format=key).data == response.data
        if key != "jsonld":
            triples = parse(response.data, format=RdfFormat.from_extension(key))
            found.add(frozenset(Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in triples))
        else:
            assert "cut" not in response.json
    assert len(found) == 1
    assert len(found.pop()) > 3


@pytest.mark.parametrize("query", [BELLS, "ASK {}", "DESCRIBE bell:mair"])
def test_a_type_that_there_is_not_is_406_with_those_that_there_are(asking: FlaskClient, query: str) -> None:
    response = get(asking, query, "image/png")
    available = problem(response, 406)["available"]
    assert "Accept" in response.headers["Vary"]
    for one in available:
        assert one["href"].startswith(ENDPOINT)
    kind = "text/turtle" if query.startswith("D") else JSON
    (address,) = [one["href"] for one in available if one["type"] == kind]
    assert asking.get(address.removeprefix("https://bells.example/public")).mimetype == kind


@pytest.mark.parametrize(
    ("query", "form", "expected"),
    [
        (BELLS, "json", JSON), (BELLS, "xml", XML), (BELLS, "csv", CSV), (BELLS, "tsv", TSV),
        ("ASK {}", "json", JSON), ("ASK {}", "xml", XML), ("DESCRIBE bell:mair", "json", "application/ld+json"),
        ("DESCRIBE bell:mair", "xml", "application/rdf+xml"), ("DESCRIBE bell:mair", "nq", "application/n-quads"),
        ("DESCRIBE bell:mair", "turtle", TURTLE), ("DESCRIBE bell:mair", "rdf+xml", "application/rdf+xml"),
        (BELLS, "text/csv", CSV), ("DESCRIBE bell:mair", "application/ld+json", "application/ld+json"),
        (BELLS, "html", "text/html; charset=utf-8"),
    ],
)  # fmt: skip
def test_a_format_in_the_address_wins(asking: FlaskClient, query: str, form: str, expected: str) -> None:
    response = get(asking, query, "text/csv, text/turtle", format=form)
    assert response.headers["Content-Type"] == expected
    assert "Accept" not in response.headers.get("Vary", "").split(", ")


@pytest.mark.parametrize("form", ["", "JSON", "html5", "../x", "json,xml"])
def test_a_format_that_is_unknown_is_told(asking: FlaskClient, form: str) -> None:
    assert "json, xml, csv" in problem(get(asking, BELLS, format=form), 400)["detail"]
    assert get(asking, BELLS, "text/html", format=form).status_code == 400
    problem(get(asking, "ASK {}", format="ttl"), 406)
    problem(get(asking, BELLS, format=["json", "csv"]), 400)
    problem(asking.post("/sparql?format=csv", data={"query": BELLS, "format": "json"}), 400)
    assert get(asking, BELLS, format=["tsv", "text/tab-separated-values", "x"]).mimetype == "text/tab-separated-values"


# --- 58, 59, 66: requests that are wrong -----------------------------------------------------------------


def test_exactly_one_query_is_expected(asking: FlaskClient) -> None:
    problem(asking.post("/sparql", data={}), 400)
    problem(asking.post("/sparql", data={"default-graph-uri": ANNA}), 400)
    problem(asking.get("/sparql?query=ASK+{}&query=ASK+{}"), 400)
    problem(asking.post("/sparql", data={"query": ["ASK {}", "ASK {}"]}), 400)
    problem(asking.post("/sparql?query=ASK+{}", data={"query": "ASK {}"}), 400)
    problem(asking.post("/sparql?query=ASK+{}", data="ASK {}", content_type="application/sparql-query"), 400)


def test_bad_syntax_says_line_and_column_and_shows_the_line(asking: FlaskClient) -> None:
    found = problem(get(asking, "SELECT ?x WHERE {\n  ?x rdfs:label\n}"), 400)
    assert (found["line"], found["column"]) == (3, 1)
    assert found["excerpt"] == "}"
    assert found["detail"].startswith("Line 3, column 1: ")
    found = problem(get(asking, "SELECT *\r\nWHERE {\r\n ?s ?p ñ }"), 400)
    assert (found["line"], found["excerpt"]) == (3, " ?s ?p ñ }")
    assert problem(get(asking, ""), 400)["title"] == "This is not SPARQL 1.1."


def test_bad_syntax_is_shown_to_people_beside_their_query(asking: FlaskClient) -> None:
    response = get(asking, "SELECT <b> {\n ?s", **{"accept": BROWSER["Accept"], "lang": "cy"})
    assert response.status_code == 400
    page = Page(response.text)
    assert page.texts("textarea") == ["SELECT <b> { ?s"]
    assert "role" in page.all("section")[0]
    assert page.all("textarea")[0]["aria-invalid"] == "true"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"ASK {}", {"Content-Type": "text/plain"}),
        (b"ASK {}", {}),
        (b"<q/>", {"Content-Type": "application/xml"}),
        (b"{}", {"Content-Type": "application/json"}),
        (b"--x\r\n\r\n--x--", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("ASK {}".encode("utf-16"), {"Content-Type": "application/sparql-query; charset=utf-16"}),
        ("ASK {}".encode("latin-1"), {"Content-Type": 'application/sparql-query; charset="ISO-8859-1"'}),
        (b"query=ASK+{}", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}),
        (gzip.compress(b"ASK {}", mtime=0), {"Content-Type": "application/sparql-query", "Content-Encoding": "gzip"}),
        (b"query=ASK+{}", {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "br"}),
        (b"ASK {}", {"Content-Type": "sparql"}),
        (b"ASK {}", {"Content-Type": ";;;"}),
        (b"ASK {}", {"Content-Type": "application/sparql-query\x0b"}),
    ],
)
def test_a_body_of_another_kind_is_415(asking: FlaskClient, body: bytes, headers: dict[str, str]) -> None:
    response = asking.post("/sparql", data=body, headers=headers)
    problem(response, 415)
    assert "Accept-Post" in response.headers or response.headers["Accept-Encoding"] == "identity"


def test_a_long_mistake_is_not_repeated_whole(asking: FlaskClient) -> None:
    long = "x" * 5000
    query = {"Content-Type": "application/sparql-query"}
    for response in (
        asking.post("/sparql", data=b"ASK {}", content_type=f"text/{long}"),
        asking.post("/sparql", data=b"ASK {}", content_type=f"application/sparql-query; charset={long}"),
        asking.post("/sparql", data=b"ASK {}", headers={"Content-Encoding": long, **query}),
        asking.get(f"/graphs?graph={long}"),
        get(asking, BELLS, **{"default-graph-uri": long}),
    ):
        assert response.status_code in (400, 415)
        assert len(response.data) < 1000


@pytest.mark.parametrize(
    "request_of",
    [
        lambda c: c.post("/sparql", data="ASK {}".encode("utf-16"), content_type="application/sparql-query"),
        lambda c: c.post("/sparql", data="ASK {}".encode("utf-16-be"), content_type="application/sparql-query"),
        lambda c: c.post("/sparql", data=b'ASK { ?s ?p "\xe9" }', content_type="application/sparql-query"),
        lambda c: c.post("/sparql", data=b"ASK { ?s \0 }", content_type="application/sparql-query"),
        lambda c: c.post("/sparql", data=b"query=ASK+%E9{}", content_type="application/x-www-form-urlencoded"),
        lambda c: c.post("/sparql", data=b"query=ASK+\xe9{}", content_type="application/x-www-form-urlencoded"),
        lambda c: c.get("/sparql?query=ASK%20%00%7B%7D"),
        lambda c: c.get("/sparql?query=ASK%20%E9%7B%7D"),
        lambda c: c.get("/sparql?query=ASK%20%ED%A0%80%7B%7D"),
        lambda c: c.get("/sparql?%E9=1&query=ASK+{}"),
        lambda c: c.get("/sparql?query=ASK+{}&default-graph-uri=urn:a%00"),
    ],
)
def test_text_that_is_not_utf8_or_has_a_null_byte_is_400(asking: FlaskClient, request_of: Any) -> None:
    problem(request_of(asking), 400)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda c: c.post("/sparql", data=b"\xef\xbb\xbfASK {}", content_type="application/sparql-query"),
        lambda c: c.post("/sparql", data=b"ASK {}", content_type="APPLICATION/SPARQL-QUERY;Charset=UTF-8"),
        lambda c: c.post("/sparql", data=b"query=ASK%20%7B%7D", content_type="application/x-www-form-urlencoded;"),
        lambda c: c.get("/sparql?query=ASK+{}&unknown=1&timeout=0&debug=on"),
        lambda c: c.get("/sparql?query=ASK%20%7B%7D"),
        lambda c: c.get("/sparql?&&query=ASK+{}&"),
        lambda c: c.get("/sparql?query=ASK+{FILTER(1%2B1=2)}"),
        lambda c: c.get("/sparql?query=ASK+{}&lang=cy"),
    ],
)
def test_what_clients_do_to_a_good_query_does_not_matter(asking: FlaskClient, request_of: Any) -> None:
    response = request_of(asking)
    assert (response.status_code, response.json["boolean"]) == (200, True)


def test_text_goes_through_as_it_was_sent(asking: FlaskClient) -> None:
    text = "a+b %20 %zz é 日本 \U0001f514 &amp; ñ'\" \t"
    query = f"SELECT ({json.dumps(text, ensure_ascii=False)} AS ?t) {{}}"
    for response in (
        get(asking, query),
        asking.post("/sparql", data={"query": query}),
        asking.post("/sparql", data=query.encode(), content_type="application/sparql-query"),
        asking.get("/sparql?query=" + quote(query, safe="")),
    ):
        assert response.json["results"]["bindings"][0]["t"]["value"] == text


def test_a_long_query_works_and_one_that_is_too_long_names_the_limit(asking: FlaskClient) -> None:
    long = "ASK {} #" + "x" * 8_000
    assert get(asking, long).json["boolean"] is True
    for response, status in (
        (get(asking, "ASK {} #" + "x" * 20_000), 414),
        (asking.post("/sparql", data={"query": "ASK {} #" + "x" * 20_000}), 413),
    ):
        found = problem(response, status)
        assert (found["limit"], found["value"]) == ("limits.query_length", 20_000)
        assert "limits.query_length" in found["detail"]
    deep = "ASK " + "{" * 200 + "}" * 200
    assert problem(get(asking, deep), 400)["limit"] == "limits.query_nesting"


# --- 60: datasets ----------------------------------------------------------------------------------------


def test_the_default_graph_counts_every_triple_once(asking: FlaskClient, snapshot: Snapshot) -> None:
    assert count(asking) == snapshot.triple_count
    assert count(asking, "GRAPH ?g { ?s ?p ?o }") == sum(snapshot.graphs.values())
    assert count(asking) == count(asking, "SELECT DISTINCT * { ?s ?p ?o }")


def test_the_dataset_of_the_request_is_the_one_that_is_asked(asking: FlaskClient, snapshot: Snapshot) -> None:
    size, inferred = snapshot.graphs[NamedNode(ANNA)], f"{BASE}graph/inferred"
    both = size + snapshot.graphs[NamedNode(inferred)]
    assert count(asking, **{"default-graph-uri": ANNA}) == size
    assert count(asking, **{"default-graph-uri": [ANNA, inferred]}) == both
    assert count(asking, **{"named-graph-uri": ANNA}) == 0
    assert count(asking, "GRAPH ?g { ?s ?p ?o }", **{"named-graph-uri": ANNA}) == size
    assert count(asking, "GRAPH ?g { ?s ?p ?o }", **{"default-graph-uri": ANNA}) == 0
    assert count(asking, **{"default-graph-uri": "urn:unknown"}) == 0
    by_form = asking.post("/sparql", data={"query": "ASK { ?s ?p ?o }", "default-graph-uri": "urn:unknown"})
    assert by_form.json["boolean"] is False
    direct = asking.post(
        "/sparql?default-graph-uri=urn:unknown", data="ASK { ?s ?p ?o }", content_type="application/sparql-query"
    )
    assert direct.json["boolean"] is False


def test_the_dataset_of_the_request_wins_over_that_of_the_query(asking: FlaskClient, snapshot: Snapshot) -> None:
    query = f"SELECT (COUNT(*) AS ?n) FROM <{BASE}graph/inferred> WHERE {{ ?s ?p ?o }}"

    def number(**more: str) -> int:
        return int(get(asking, query, **more).json["results"]["bindings"][0]["n"]["value"])

    assert number() == snapshot.graphs[NamedNode(f"{BASE}graph/inferred")]
    assert number(**{"default-graph-uri": ANNA}) == snapshot.graphs[NamedNode(ANNA)]
    assert number(**{"default-graph-uri": "urn:unknown"}) == 0


@pytest.mark.parametrize("name", ["default-graph-uri", "named-graph-uri"])
@pytest.mark.parametrize("iri", ["", "bell", "/x", "http://a b", "<urn:a>", "http://[", "urn:a\n"])
def test_a_graph_that_is_no_iri_is_told(asking: FlaskClient, name: str, iri: str) -> None:
    assert name in problem(get(asking, BELLS, **{name: iri}), 400)["detail"]


# --- 61, 62: what is refused -----------------------------------------------------------------------------


def test_no_update_changes_anything(asking: FlaskClient) -> None:
    before = count(asking)
    update = "INSERT DATA { <urn:a> <urn:b> 1 }"
    for response in (
        asking.get("/sparql", query_string={"update": update}),
        asking.get("/sparql", query_string={"update": update, "query": BELLS}),
        asking.post("/sparql", data={"update": update}),
        asking.post("/sparql", data=update, content_type="application/sparql-update"),
        asking.post("/sparql?update=x", data=BELLS, content_type="application/sparql-query"),
        get(asking, update),
        get(asking, "LOAD <http://127.0.0.1:1/>"),
        get(asking, "PREFIX a: <urn:a>\n# x\nDROP ALL"),
    ):
        assert response.status_code == 403
        assert len(problem(response, 403)["detail"]) > 20
    assert count(asking) == before


class Canary:
    """Listens, and counts who comes."""

    def __init__(self) -> None:
        self.hits = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(0.05)
        self.closed = False
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.getsockname()[1]}/sparql"

    def watch(self) -> None:
        while not self.closed:
            try:
                self.server.accept()[0].close()
                self.hits += 1
            except TimeoutError:
                pass


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    found = Canary()
    yield found
    found.closed = True
    found.thread.join()
    found.server.close()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { SERVICE <@> { ?s ?p ?o } }",
        "SELECT * { SERVICE SILENT <@> { ?s ?p ?o } }",
        "SELECT * { service<@>{?s ?p ?o} }",
        "ASK { FILTER EXISTS { SERVICE <@> { ?s ?p ?o } } }",
        "SELECT * { { SELECT * { SERVICE <@> { ?s ?p ?o } } } }",
        "SELECT * { SERVICE # comment\n <@> { ?s ?p ?o } }",
        "PREFIX c: <@> SELECT * { SERVICE c: { ?s ?p ?o } }",
        "BASE <@> SELECT * { SERVICE <> { ?s ?p ?o } }",
        r"SELECT * { \u0053ERVICE <@> { ?s ?p ?o } }",
        r"SELECT * { S\u0045RVICE <@> { ?s ?p ?o } }",
        "SELECT * { VALUES ?e { <@> } SERVICE ?e { ?s ?p ?o } } LIMIT 0",
        "CONSTRUCT { ?s ?p ?o } WHERE { SERVICE SILENT <@> { ?s ?p ?o } }",
        "DESCRIBE ?s { SERVICE <@> { ?s ?p ?o } }",
        "SELECT * FROM <@> { ?s ?p ?o }",
        "SELECT * FROM NAMED <@> { GRAPH ?g { ?s ?p ?o } }",
        "SELECT * { GRAPH <@> { ?s ?p ?o } }",
    ],
)
def test_no_query_reaches_out(asking: FlaskClient, canary: Canary, query: str) -> None:
    response = get(asking, query.replace("@", canary.address))
    if "SERVICE" in query.upper() or "\\u" in query:
        problem(response, 400 if "\\u" in query and response.status_code == 400 else 403)
    else:
        assert response.json["results"]["bindings"] == []
    for name in ("default-graph-uri", "named-graph-uri"):
        assert get(asking, BELLS, **{name: canary.address}).status_code == 200
    asking.get("/graphs", query_string={"graph": canary.address})
    assert canary.hits == 0


# --- 63, 64: limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }",
        "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY RAND()",
        "SELECT (COUNT(*) AS ?n) { ?a (!<urn:x>)* ?b . ?c (!<urn:x>)* ?d . ?e (!<urn:x>)* ?f }",
        "SELECT (GROUP_CONCAT(CONCAT(STR(?c),STR(?f),STR(?i))) AS ?x) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
        "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i "
        "FILTER(REGEX(CONCAT(STR(?c), STR(?f), STR(?i)), '(a*)*(b*)*c{50}$')) }",
    ],
)
def test_what_cannot_end_is_ended_and_others_are_answered(asking: FlaskClient, query: str) -> None:
    response = get(asking, query)
    assert response.status_code in (503, 504)
    found = problem(response, response.status_code)
    assert found["limit"] == ("limits.query_seconds" if response.status_code == 504 else "limits.query_memory")
    assert found["limit"] in found["detail"]
    assert int(response.headers["Retry-After"]) >= 1
    assert get(asking, BELLS).status_code == 200


def test_what_is_cut_says_so_in_header_and_body(asking: FlaskClient, snapshot: Snapshot) -> None:
    for accept in (JSON, XML, "text/csv", "text/tab-separated-values", "text/html"):
        response = get(asking, "SELECT * { ?s ?p ?o }", accept)
        assert (response.status_code, response.headers["Kg-Cut"]) == (200, "limits.result_rows=300")
        assert "limits.result_rows" in response.text
        assert "Kg-Cut" in response.headers["Access-Control-Expose-Headers"]
    assert len(get(asking, "SELECT * { ?s ?p ?o }").json["results"]["bindings"]) == 300
    for key in FORMATS:
        response = get(asking, "CONSTRUCT WHERE { ?s ?p ?o }", format=key)
        assert response.headers["Kg-Cut"] == "limits.result_rows=300"
    wide = get(asking, f'SELECT ("{"x" * 1000}" AS ?x) {{ ?s ?p ?o }}')
    assert wide.headers["Kg-Cut"] == "limits.result_bytes=100000"
    assert "Kg-Cut" not in get(asking, BELLS).headers


# --- 65: the service description -------------------------------------------------------------------------


def described(response: Any, extension: str = "ttl") -> set[Quad]:
    assert response.status_code == 200
    return set(parse(response.data, format=RdfFormat.from_extension(extension)))


def objects(quads: set[Quad], predicate: str) -> set[str]:
    return {q.object.value for q in quads if q.predicate.value == SD + predicate}  # type: ignore[union-attr]


def test_the_service_describes_itself_truly(asking: FlaskClient, snapshot: Snapshot) -> None:
    assert asking.get("/sparql").headers["Content-Type"] == TURTLE
    quads = described(asking.get("/sparql"))
    assert objects(quads, "endpoint") == {ENDPOINT}
    assert objects(quads, "supportedLanguage") == {SD + "SPARQL11Query"}
    assert objects(quads, "feature") == {SD + "UnionDefaultGraph"}
    assert not objects(quads, "extensionFunction")
    assert not objects(quads, "inputFormat")
    assert objects(quads, "name") == {graph.value for graph in snapshot.graphs}
    formats = "http://www.w3.org/ns/formats/"
    types = {
        "SPARQL_Results_JSON": JSON, "SPARQL_Results_XML": XML, "SPARQL_Results_CSV": "text/csv",
        "SPARQL_Results_TSV": "text/tab-separated-values", "Turtle": "text/turtle",
        "N-Triples": "application/n-triples",
        "RDF_XML": "application/rdf+xml", "JSON-LD": "application/ld+json", "TriG": "application/trig",
        "N-Quads": "application/n-quads",
    }  # fmt: skip
    assert objects(quads, "resultFormat") == {formats + name for name in types}
    for name, media_type in types.items():
        query = BELLS if name.startswith("SPARQL") else "DESCRIBE bell:mair"
        assert get(asking, query, media_type).mimetype == media_type


def test_the_numbers_of_the_description_are_what_counting_gives(asking: FlaskClient) -> None:
    quads = described(asking.get("/sparql"))

    def follow(subject: Any, predicate: str) -> Any:
        (found,) = [q.object for q in quads if q.subject == subject and q.predicate.value.endswith(predicate)]
        return found

    (default,) = [q.object for q in quads if q.predicate.value == SD + "defaultGraph"]
    assert int(follow(default, "triples").value) == count(asking)
    for named in [q.object for q in quads if q.predicate.value == SD + "namedGraph"]:
        number = int(follow(follow(named, "graph"), "triples").value)
        assert number == count(asking, f"GRAPH <{follow(named, 'name').value}> {{ ?s ?p ?o }}") > 0


def test_the_description_has_every_rdf_format_and_a_page(asking: FlaskClient) -> None:
    sizes = set()
    for key, one in FORMATS.items():
        response = asking.get("/sparql", headers={"Accept": one.media_type})
        assert response.mimetype == one.media_type
        assert asking.get(f"/sparql?format={key}").data == response.data
        if key != "jsonld":
            sizes.add(len(described(response, key)))
    assert len(sizes) == 1
    assert asking.get("/sparql", headers=BROWSER).mimetype == "text/html"
    problem(asking.get("/sparql", headers={"Accept": "image/png"}), 406)
    problem(asking.get("/sparql?format=csv"), 400)


def test_without_a_public_address_a_client_resolves_that_of_the_endpoint(client: FlaskClient) -> None:
    for key in ("ttl", "trig", "rdf"):
        data = client.get(f"/sparql?format={key}").data
        quads = parse(
            data, format=RdfFormat.from_extension(key), base_iri="https://elsewhere.example/a/sparql?format=x"
        )
        assert objects(set(quads), "endpoint") == {"https://elsewhere.example/a/sparql"}
    assert any(one.get("@id") == "sparql" for one in client.get("/sparql?format=jsonld").json["@graph"])
    for key in ("nt", "nq"):
        assert objects(described(client.get(f"/sparql?format={key}"), key), "endpoint") == set()


# --- the page --------------------------------------------------------------------------------------------


def test_the_page_asks_without_scripts(asking: FlaskClient) -> None:
    response = asking.get("/sparql", headers=BROWSER)
    assert "form-action 'self' https://bells.example" in response.headers["Content-Security-Policy"]
    page = Page(response.text)
    (form,) = [form for form in page.all("form") if form.get("id") == "query-editor"]
    assert (form["method"], form["action"]) == ("get", ENDPOINT)
    assert page.all("textarea")[0]["name"] == "query"
    assert page.all("select")[0]["name"] == "format"
    (example,) = page.texts("textarea")
    assert get(asking, example).status_code == 200
    assert len(get(asking, example).json["results"]["bindings"]) > 1
    assert page.written_scripts() == []


def test_the_page_shows_rows_with_links_to_pages(asking: FlaskClient) -> None:
    query = "SELECT ?bell ?n { ?bell a cloch:Bell BIND(1 AS ?n) } ORDER BY ?bell"
    page = Page(get(asking, query, "text/html").text)
    assert page.texts("th") == ["bell", "n"]
    assert any(a["href"].endswith("/public/doc/bell/mair.html") for a in page.all("a"))
    assert page.texts("textarea") == [query]
    formats = [a["href"] for a in page.all("a") if "format=csv" in a["href"]]
    assert asking.get(formats[0].removeprefix("https://bells.example/public")).mimetype == "text/csv"


def test_the_page_shows_triples_and_booleans(asking: FlaskClient) -> None:
    page = Page(get(asking, "CONSTRUCT WHERE { bell:mair ?p ?o }", "text/html").text)
    assert page.texts("th") == ["Subject", "Predicate", "Object"]
    assert len(page.all("td")) > 6
    assert "yes" in Page(get(asking, "ASK {}", "text/html").text).texts("p")
    assert "no" in Page(get(asking, "ASK { <urn:a> <urn:b> 1 }", "text/html").text).texts("p")
    assert "The answer is empty." in Page(get(asking, "SELECT * { <urn:a> <urn:b> ?c }", "text/html").text).texts("p")


def test_the_page_lets_nothing_through(asking: FlaskClient) -> None:
    evil = """SELECT ?a ?b ?c ?d ?e ?f WHERE { VALUES (?a ?b ?c ?d ?e) {
      (<javascript:alert(1)> "<script>alert(1)</script>" "=cmd|' /C calc'!A0" <data:text/html,x>
       "\\u0001\\u000B\\u202E\\u2028\\t\\n") } BIND(BNODE() AS ?f) } #</textarea><script>"""
    response = get(asking, evil, "text/html")
    assert response.status_code == 200
    page = Page(response.text)
    assert page.written_scripts() == []
    assert not [a for a in page.all("a") if not re.match(r"https?:|#|/", a["href"])]
    assert "javascript:alert(1)" in page.texts("td")
    assert page.texts("textarea")[0].endswith("#</textarea><script>")
    assert get(asking, evil, "text/csv").text.splitlines()[1].count("=cmd|' /C calc'!A0") == 1


def test_a_dataset_stays_with_the_form(asking: FlaskClient) -> None:
    page = Page(get(asking, BELLS, "text/html", **{"default-graph-uri": ANNA}).text)
    assert {"type": "hidden", "name": "default-graph-uri", "value": ANNA} in page.all("input")
    assert all(quote(ANNA, safe="") in a["href"] for a in page.all("a") if "format=" in a["href"])


def test_only_the_first_rows_are_shown_and_all_are_counted(asking: FlaskClient, monkeypatch: Any) -> None:
    monkeypatch.setattr("kg.web.endpoint._SHOWN", 5)
    page = Page(get(asking, "SELECT ?s { ?s ?p ?o } LIMIT 20", "text/html").text)
    assert len(page.all("td")) == 5
    assert any("20 rows" in text and "first 5" in text for text in page.texts("p"))
    page = Page(get(asking, "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } LIMIT 20", "text/html").text)
    assert len(page.all("td")) == 15
    cut = Page(get(asking, "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }", "text/html").text)
    assert len(cut.all("td")) == 15


# --- methods and scripts of other sites (43, 44, 49, 50) -------------------------------------------------


def test_scripts_of_other_sites_may_ask(asking: FlaskClient) -> None:
    response = asking.options(
        "/sparql",
        headers={
            "Origin": "https://x.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert "Content-Type" in response.headers["Access-Control-Allow-Headers"].split(", ")
    assert int(response.headers["Access-Control-Max-Age"]) > 0
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("address", ["/sparql", "/sparql?query=ASK+{}", "/graphs", "/graphs?default"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_405(asking: FlaskClient, address: str, method: str) -> None:
    response = asking.open(address, method=method, data=b"<urn:a> <urn:b> 1 .", content_type="text/turtle")
    problem(response, 405)
    assert {"GET", "HEAD", "OPTIONS"} <= set(response.headers["Allow"].split(", "))


# --- 68: whole graphs ------------------------------------------------------------------------------------


def test_graphs_are_listed_for_people_and_programs(asking: FlaskClient, snapshot: Snapshot) -> None:
    page = Page(asking.get("/graphs", headers=BROWSER).text)
    assert len(page.all("tr")) == len(snapshot.graphs) + 1
    for key in FORMATS:
        assert asking.get(f"/graphs?format={key}").status_code == 200
    assert objects(described(asking.get("/graphs")), "name") == {graph.value for graph in snapshot.graphs}


@pytest.mark.parametrize("key", sorted(FORMATS))
def test_a_graph_can_be_had_whole_in_every_format(asking: FlaskClient, snapshot: Snapshot, key: str) -> None:
    response = asking.get("/graphs", query_string={"graph": ANNA}, headers={"Accept": FORMATS[key].media_type})
    assert (response.status_code, response.mimetype) == (200, FORMATS[key].media_type)
    assert asking.get("/graphs", query_string={"graph": ANNA, "format": key}).data == response.data
    if key != "jsonld":
        assert len(described(response, key)) == snapshot.graphs[NamedNode(ANNA)]
    head = asking.head("/graphs", query_string={"graph": ANNA, "format": key})
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", response.headers["ETag"])
    again = asking.get(
        "/graphs",
        query_string={"graph": ANNA},
        headers={"Accept": FORMATS[key].media_type, "If-None-Match": response.headers["ETag"]},
    )
    assert again.status_code == 304


def test_the_default_graph_is_cut_where_any_answer_would_be(asking: FlaskClient) -> None:
    response = asking.get("/graphs?default")
    assert (response.status_code, response.headers["Kg-Cut"]) == (200, "limits.result_rows=300")


def test_literals_of_a_graph_are_as_a_source_wrote_them(asking: FlaskClient, snapshot: Snapshot) -> None:
    lines = (snapshot.path / "graph.nq").read_text(encoding="utf-8").splitlines()
    for graph in snapshot.graphs:
        if snapshot.graphs[graph] < 300:
            text = asking.get("/graphs", query_string={"graph": graph.value, "format": "nt"}).text
            assert sorted(text.splitlines()) == sorted(
                line.removesuffix(f" {graph} .") + " ." for line in lines if line.endswith(f" {graph} .")
            )


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("graph=urn:unknown", 404),
        ("graph=https://bells.example/cloch/graph/register/bell/nope", 404),
        ("graph=register/bell/mair", 400),
        ("graph=", 400),
        ("graph=http://a%20b", 400),
        ("graph=urn:a&graph=urn:b", 400),
        ("default&graph=urn:a", 400),
        ("graph=urn:a%00", 400),
        ("graph=%E9", 400),
        ("default&format=csv", 400),
        ("format=nope", 400),
    ],
)
def test_a_graph_that_there_is_not_is_told(asking: FlaskClient, query: str, status: int) -> None:
    problem(asking.get(f"/graphs?{query}"), status)
    assert asking.get(f"/graphs?{query}", headers=BROWSER).status_code == status
    problem(asking.get("/graphs?default", headers={"Accept": "image/png"}), 406)


# --- views with parameters -------------------------------------------------------------------------------


def test_a_view_is_answered_for_any_value(asking: FlaskClient) -> None:
    default = asking.get("/views/hung-after.csv").text
    more = asking.get("/views/hung-after.csv?after=1400-01-01")
    assert more.headers["Content-Type"] == CSV
    assert 1 < len(default.splitlines()) < len(more.text.splitlines())
    assert asking.get("/views/hung-after.csv?after=1500-01-01").text == default
    assert asking.get("/views/hung-after.csv?after=").text == default
    found = asking.get("/views/hung-after?after=1400-01-01", headers={"Accept": "application/json"})
    assert (found.mimetype, len(found.json["results"]["bindings"])) == (JSON, len(more.text.splitlines()) - 1)
    assert found.headers["Content-Location"].endswith("/views/hung-after.json?after=1400-01-01")
    query = asking.get("/views/hung-after.rq?after=1400-01-01").text
    assert get(asking, query, "text/csv").text == more.text


def test_the_page_of_a_view_asks_for_its_parameters(asking: FlaskClient) -> None:
    response = asking.get("/views/hung-after?after=1600-01-01&lang=de", headers=HTML)
    page = Page(response.text)
    (field,) = [one for one in page.all("input") if one.get("name") == "after"]
    assert field["value"] == "1600-01-01"
    assert {"type": "hidden", "name": "lang", "value": "de"} in page.all("input")
    assert "Nach diesem Tag" in page.texts("label")
    assert any(a["href"].endswith("/views/hung-after.csv?after=1600-01-01") for a in page.all("a"))
    rows = len(asking.get("/views/hung-after.csv?after=1600-01-01").text.splitlines())
    assert len(page.all("tr")) == rows
    assert {f"{link['rel']} {link['href']}" for link in page.all("link")} >= {
        "canonical https://bells.example/public/views/hung-after?after=1600-01-01"
    }


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("after=soon", "a date, such as 1500-01-01"),
        ("after=12", "a date, such as 1500-01-01"),
        ("after=https://example.org/", "a date"),
        ("before=1600-01-01", "expected after"),
        ("after=1600-01-01&after=1700-01-01", "after"),
        ("after=1600-01-01%00", "a date"),
        ("after=%FF", "a date"),
    ],
)
def test_a_value_that_will_not_do_is_told(asking: FlaskClient, query: str, word: str) -> None:
    for extension in ("", ".csv", ".rq"):
        assert word in problem(asking.get(f"/views/hung-after{extension}?{query}"), 400)["detail"]
    assert asking.get(f"/views/hung-after?{query}", headers=HTML).status_code == 400


def test_a_value_cannot_become_part_of_the_query(asking: FlaskClient, make: Any) -> None:
    """A parameter is bound, never pasted."""
    text = "#+ title: Pa enw?\n#+ parameter: name = Mair\nSELECT ?name ?bell { OPTIONAL { ?bell rdfs:label ?name } }\n"
    snapshots = make(**{"questions/named.rq": text})
    client = create_app(snapshots).test_client()
    evil = '"} UNION { ?bell ?name ?x } #\\'
    query = client.get("/views/named.rq", query_string={"name": evil}).text
    answer = get(asking, query).json["results"]["bindings"]
    assert [row["name"]["value"] for row in answer] == [evil]


# --- where nobody answers --------------------------------------------------------------------------------


def test_without_executors_a_query_says_what_to_do(client: FlaskClient) -> None:
    assert "kg serve" in problem(get(client, BELLS), 503)["detail"]
    assert "kg serve" in problem(client.get("/graphs?default"), 503)["detail"]
    problem(client.get("/views/hung-after?after=1600-01-01"), 503)
    assert client.get("/views/hung-after.csv").status_code == 200
    assert client.get("/sparql", headers=HTML).status_code == 200


def test_a_snapshot_whose_executors_are_gone_is_told(snapshots: Path, tmp_path: Path, runtime: Path) -> None:
    (tmp_path / "settings.json").write_bytes((runtime / "settings.json").read_bytes())
    response = get(create_app(snapshots, runtime=tmp_path).test_client(), BELLS)
    problem(response, 503)
    assert response.headers["Retry-After"] == "1"


def test_in_the_gateway_no_thread_waits_for_an_answer(snapshots: Path) -> None:
    """The question is left in the environment, and the request handled again when the result is there."""
    app = create_app(snapshots)
    environ = create_environ("/sparql", query_string={"query": BELLS}, environ_base={"kg.gateway": True})
    environ["REMOTE_ADDR"] = "2001:db8::1"
    list(app(environ, lambda *_: lambda _: None))
    asked = Question(
        (snapshots / "current").resolve().name, BELLS, "json", "json", "ttl", group="public", client="2001:db8::/64"
    )
    assert environ["kg.question"] == asked
    answer = Result("ok", "select", "json", b"{}")
    second = app.test_client().get(
        "/sparql", query_string={"query": BELLS}, environ_base={"kg.gateway": True, "kg.answer": answer}
    )
    assert (second.data, second.mimetype) == (b"{}", JSON)


@pytest.mark.parametrize(
    ("status", "http", "retry"),
    [("share", 429, True), ("busy", 503, True), ("crash", 503, True), ("gone", 503, True), ("time", 504, True)],
)
def test_what_became_of_a_question_is_told(snapshots: Path, status: Any, http: int, retry: bool) -> None:
    client = create_app(snapshots).test_client()
    limit = "" if status in ("crash", "gone") else "limits.client_share"
    answer = Result(status, limit=limit, retry_after=3)
    for headers, kind in (({}, "application/problem+json"), (BROWSER, "text/html")):
        response = client.get("/sparql?query=ASK+{}", headers=headers, environ_base={"kg.answer": answer})
        assert (response.status_code, response.mimetype) == (http, kind)
        assert response.headers["Retry-After"] == "3"
        assert limit in response.text


def test_terms_of_every_kind_are_shown(asking: FlaskClient) -> None:
    query = f'SELECT ("a\\tb\\"c"@cy AS ?x) (1.50 AS ?y) (<{BASE}id/bell/mair> AS ?z) (BNODE() AS ?w) (?no AS ?v) {{}}'
    cells = Page(get(asking, query, "text/html").text).texts("td")
    assert cells[0].startswith('a b"c')
    assert cells[1:3] == ["1.5", "Cloch Fair"]
    assert cells[3].startswith("_:")
    assert cells[4] == ""
