"""Questions: what may be asked, what a wrong one is told, what an answer looks like outside."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, Store
from tests import building
from tests.building import error_of, run_kg

from kg.errors import QueryError, Refused
from kg.queries import Data, Question, ask, ask_each_within, ask_within, guard
from kg.results import Answer, to_json
from kg.settings import Settings

SETTINGS = Settings(base_iri="https://bells.example/", title={"en": "Bells"})
B = "https://bells.example/id/bell/"


@pytest.fixture(scope="module")
def store() -> Store:
    """Three bells, their masses, one name."""
    store = Store()
    for name, mass in (("anna", 3), ("berta", 1), ("clara", 2)):
        store.add(Quad(NamedNode(B + name), NamedNode("https://bells.example/mass"), Literal(mass)))
    store.add(Quad(NamedNode(B + "anna"), NamedNode("https://bells.example/name"), Literal("Anna", language="en")))
    return store


# --- what may be asked -----------------------------------------------------------------------------------

# A port that the store refuses to speak to, so that a call fails at once and reaches nobody.
CLOSED = "http://127.0.0.1:9/"
ONE_TRIPLE = Store()
ONE_TRIPLE.add(Quad(NamedNode(CLOSED), NamedNode(CLOSED + "y"), Literal(3)))

HARMLESS = [
    "SELECT * { ?service a ?b }",
    "SELECT * { $service a ?b }",
    "SELECT * { ?s service:x ?b }",
    "SELECT * { ?s x:service ?b }",
    "SELECT * { ?s :service ?b }",
    "SELECT * { ?s service: ?b }",
    "SELECT * { ?s <http://x.example/SERVICE> ?b }",
    "SELECT * { ?s ?p 'SERVICE <x> { }' }",
    'SELECT * { ?s ?p "SERVICE" , """a "quoted" SERVICE """ , \'\'\'SERVICE\'\'\' , "x\\" SERVICE " }',
    "SELECT * { ?s ?p ?o } # SERVICE <x>",
    "# SERVICE\nSELECT * { ?s ?p ?o }",
    "SELECT * { ?s ?p ?o . FILTER(?o < 3 && ?o > 1) }",
    "SELECT * { ?s ?p 'it''s' }",
    "SELECT * { _:service ?p ?o }",
    "SELECT (?a AS ?myservice) { ?a ?p ?o }",
    "SELECT * { ?a ex:a-service ?o . ?a ex:service-a ?o . ?a ex:service.a ?o }",
]
REACHING_OUT = [
    "SELECT * { SERVICE <http://x.example/> { ?s ?p ?o } }",
    "SELECT * { service <http://x.example/> { ?s ?p ?o } }",
    "SELECT * { SeRvIcE SILENT ?x { ?s ?p ?o } }",
    "SELECT * {SERVICE<http://x.example/>{ ?s ?p ?o }}",
    "SELECT * { SERVICE?x{ ?s ?p ?o } }",
    "SELECT * { SERVICE$x{ ?s ?p ?o } }",
    "SELECT * { SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p ?o.SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p 3.SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p 3 .SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p x:\nSERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p x:a\nSERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p x:.SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p trueSERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p 3SERVICEx:y { ?s ?p ?o } }",
    "SELECT * { SERVICE:x { ?s ?p ?o } }",
    "SELECT * { SERVICEx:y # a comment\n { ?s ?p ?o } }",
    "SELECT * { SERVICESILENTx:y{ ?s ?p ?o } }",
    "SELECT * { SERVICESILENT<http://x.example/>{ ?s ?p ?o } }",
    # Where the text with escapes undone and the text as it stands would be read differently.
    'SELECT * { FILTER("\\u0022" = "a") SERVICE <http://x.example/> {} FILTER("\\u0022" = "a") }',
    "SELECT * { FILTER(<http://x.example/\\u0041#> != 1) SERVICE <http://x.example/> {} \n}",
    "SELECT * { FILTER(<http://x.example/\u00a0#> != 1) SERVICE <http://x.example/> {} \n}",
    "SELECT * { ?s ?p 'a'@en.SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p 'a'.SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p true.SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p 1e3SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { ?s ?p 3SERVICE x:y { ?s ?p ?o } }",
    "SELECT * { # a comment\nSERVICE <http://x.example/> { ?s ?p ?o } }",
    "SELECT * { # a comment\rSERVICE <http://x.example/> { ?s ?p ?o } }",
    "SELECT * { \\u0053ERVICE <http://x.example/> { ?s ?p ?o } }",
    "SELECT * { \\U00000053ERVI\\u0043E <http://x.example/> { ?s ?p ?o } }",
    "SELECT * { ?s ?p 'a' . #'\n SERVICE <http://x.example/> { ?s ?p 'b' } }",
    "SELECT * { ?s ?p '\\'' . SERVICE <http://x.example/> { ?s ?p 'b' } }",
    'SELECT * { ?s ?p """\\"""" . SERVICE <http://x.example/> { ?s ?p "b" } }',
    "SELECT * { ?s ?p ?o FILTER(?o<3) SERVICE <http://x.example/> { ?s ?p 4 FILTER(4>3) } }",
    "SELECT * { ?s ?p ?o FILTER(?o<?p) SERVICE x:y { ?s ?p ?o } FILTER(?o>?p) }",
    "SELECT * { { SELECT * { SERVICE <http://x.example/> { ?s ?p ?o } } } }",
    "ASK { SERVICE <http://x.example/> { ?s ?p ?o } }",
    "CONSTRUCT WHERE { SERVICE <http://x.example/> { ?s ?p ?o } }",
]


# Where a "<" could begin an IRI or compare.
UNCLEAR = [
    "SELECT * { FILTER(1=1||?o<?s&&'>'!='#') SERVICE <http://x.example/> {} \n}",
    'SELECT * { FILTER(1=1||1<?s#>"""\n) SERVICE <http://x.example/> {} #"""\n}',
    "SELECT * { FILTER(1=1||1<?s) SERVICE?x#>\n{} }",
]


@pytest.mark.parametrize("query", HARMLESS)
def test_a_query_that_only_mentions_service_may_be_asked(query: str) -> None:
    guard(query, SETTINGS)


@pytest.mark.parametrize("query", REACHING_OUT)
def test_a_query_that_reaches_out_is_refused_in_every_disguise(query: str) -> None:
    with pytest.raises(QueryError, match="SERVICE is not allowed"):
        guard(query, SETTINGS)


@pytest.mark.parametrize("query", UNCLEAR)
def test_a_query_that_could_be_read_in_two_ways_is_refused(query: str) -> None:
    with pytest.raises(QueryError):
        guard(query, SETTINGS)


_PIECES = r"""
    SERVICE service SILENT :x x: x:y ?s ?p ?o . ; , { } ( ) [ ] < > <u:r#> <h://r#'> # ' " \" \' \u0022 \u0027 3 1.5e3
    -1 true 'a' "b" 'c'@en 'd'^^x:y _:b FILTER(1<2 || && != OPTIONAL UNION MINUS GRAPH BIND( AS ?x) VALUES a
"""
PIECES = _PIECES.split()
PIECES += ["\n", " ", '"""', "\u00a0"]


@given(st.lists(st.sampled_from(PIECES), max_size=14), st.sampled_from(["{ }", "{ ?s ?p ?o }", " # '\n{ }"]))
@settings(max_examples=600, deadline=None, derandomize=True)
def test_what_the_store_takes_as_a_call_is_never_let_through(pieces: list[str], end: str) -> None:
    """The store itself is the judge: it runs what the guard lets through, and no service may be called."""
    for text in ("".join(pieces), f"?s ?p ?o {''.join(pieces)}.SERVICE<{CLOSED}>{end}", f"{' '.join(pieces)} {end}"):
        query = f"PREFIX : <{CLOSED}> PREFIX x: <{CLOSED}> SELECT * {{ {text}\n}}"
        try:
            guard(query, SETTINGS)
            list(ONE_TRIPLE.query(query))
        except (QueryError, SyntaxError):
            continue
        except (OSError, RuntimeError, ValueError) as error:
            pytest.fail(f"{query!r} was let through: {error}")


def test_a_query_that_is_too_long_is_refused_with_the_name_of_the_limit() -> None:
    guard("#" * 100_000, SETTINGS)
    with pytest.raises(QueryError, match=r"has 100001 characters\. Expected at most 100000 \(limits\.query_length\)"):
        guard("#" * 100_001, SETTINGS)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * " + "{" * 5000 + "}" * 5000,
        "SELECT * { FILTER" + "(" * 10_000 + "1" + ")" * 10_000 + " }",
        "SELECT * { ?s ?p " + "(" * 5000 + ")" * 5000 + " }",
        "SELECT * { ?s ?p " + "[ ?p " * 5000 + "]" * 5000 + " }",
        "SELECT * { ?s " + "(" * 5000 + "a" + ")" * 5000 + " ?o }",
        "SELECT * { FILTER" + "(\\u0028" * 5000 + "1 }",
    ],
    ids=["groups", "parentheses", "lists", "blank nodes", "paths", "escapes"],
)
def test_a_query_that_is_too_deep_is_refused_before_it_is_parsed(query: str) -> None:
    with pytest.raises(QueryError, match=r"at most 100 \(limits\.query_nesting\)"):
        guard(query, SETTINGS)


def test_brackets_in_strings_and_comments_do_not_count() -> None:
    guard('SELECT * { ?s ?p "' + "(" * 1000 + '" } # ' + "{" * 1000, SETTINGS)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { FILTER(" + "!" * 40_000 + "1) }",
        "SELECT * { FILTER(" + "-" * 40_000 + "1) }",
        "SELECT * { FILTER(" + "1+" * 40_000 + "1) }",
        "SELECT * { ?s " + "^" * 40_000 + "<a:a> ?o }",
        "SELECT * { ?s <a:a>" + "*" * 40_000 + " ?o }",
        "SELECT * { ?s " + "<a:a>/" * 12_000 + "<a:a> ?o }",
        "SELECT * { " + "{} UNION " * 10_000 + "{} }",
        "SELECT * { " + "?s ?p ?o OPTIONAL {} " * 4000 + " }",
        "SELECT * { FILTER(1" + "||1" * 30_000 + ") }",
        "SELECT * { FILTER(1 IN (" + "1," * 40_000 + "1)) }",
    ],
    ids=["not", "minus", "plus", "inverse", "star", "path", "union", "optional", "or", "in"],
)
def test_a_query_that_is_long_without_brackets_ends_no_process_but_its_own(query: str, store: Store) -> None:
    """Within the limits of `guard` a query may still be more than the parser's stack: it is told, nothing dies."""
    guard(query, SETTINGS)
    faulthandler.disable()  # it would tell on the terminal how the other process ended
    try:
        ask_within(5, Data(store), query, where="deep.rq")
    except QueryError as error:
        told = error.where
    else:
        told = "deep.rq"
    finally:
        faulthandler.enable(sys.__stderr__)
    assert told.startswith("deep.rq")


# --- asking ----------------------------------------------------------------------------------------------


def test_a_query_that_is_not_sparql_is_told_with_line_column_and_caret(store: Store) -> None:
    with pytest.raises(QueryError) as caught:
        ask(Data(store), "SELECT *\nWHERE {\n  ?a ?b } ?c\n}", where="q.rq")
    place, _, rest = str(caught.value).partition(": ")
    _, line, column = place.split(":")
    assert (place.split(":")[0], line) == ("q.rq", "3")
    shown, caret = rest.split("\n")[1:3]
    assert shown == "    ?a ?b } ?c"
    assert caret == "  " + " " * (int(column) - 1) + "^."[: len(caret.strip())]


@pytest.mark.parametrize("query", ["", "nonsense", "SELECT", "SELECT * { ?a unknown:b ?c }", "\0", "😀"])
def test_what_is_not_a_query_is_told(store: Store, query: str) -> None:
    with pytest.raises(QueryError, match="not SPARQL"):
        ask(Data(store), query)


@pytest.mark.parametrize(
    "update",
    [
        "INSERT DATA { <a:a> <a:b> 1 }",
        "PREFIX a: <b:> # DELETE\nDELETE WHERE { ?a ?b ?c }",
        "BASE <a:b> LOAD <c>",
        "with <a:a> delete { ?s ?p ?o } where { ?s ?p ?o }",
        "CLEAR ALL",
        "DROP SILENT ALL",
    ],
)
def test_an_update_is_refused_as_such(store: Store, update: str) -> None:
    with pytest.raises(Refused, match="this is an update"):
        ask(Data(store), update)


def test_prefixes_of_the_table_are_known_and_may_be_declared_again(store: Store) -> None:
    prefixes = {"b": "https://bells.example/"}
    query = "SELECT ?s { ?s b:mass 2 }"
    assert ask(Data(store, prefixes), query).rows == [[NamedNode(B + "clara")]]
    again = "PREFIX b: <https://other.example/> " + query
    assert ask(Data(store, prefixes), again).rows == []


@pytest.mark.parametrize(
    "query", ["SELECT * { ?s ?p " + "1 " * 20_000 + "}", " " * 50_000, "SELECT * {" + " " * 50_000]
)
def test_of_a_long_line_only_what_is_around_the_mistake_is_shown(store: Store, query: str) -> None:
    with pytest.raises(QueryError) as raised:
        ask(Data(store), query)
    _, line, caret = raised.value.marked.split("\n")
    assert len(line) < 500
    assert len(caret) <= len(line) + 1
    where, number, column = raised.value.where.rsplit(":", 2)
    assert (where, number) == ("query", "1")
    assert 1 <= int(column) <= len(query) + 1


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT * { ?s ?p ?o }", "s p o"),
        ("select distinct*{ ?s ?p ?o }", "s p o"),
        ("PREFIX x: <a:?iri> # ?comment\nSELECT # *\n* { ?z x:p '?text' . $b x:p ?z BIND(1 AS ?a) }", "z b a"),
        ("SELECT * { { SELECT ?o ?g { ?s ?p ?o } } GRAPH ?g { ?s ?q ?o } }", "o g s q"),
        ("SELECT * { ?b ?\u00e9 ?a\u00b7b }", "b \u00e9 a\u00b7b"),
        ("SELECT ?p ?s { ?s ?p ?o }", "p s"),
        ("SELECT (COUNT(*) AS ?n) ?a { ?a ?p ?o } GROUP BY ?a", "n a"),
        ("SELECT * {}", ""),
    ],
)
def test_all_variables_stand_in_the_order_of_the_query(query: str, columns: str) -> None:
    assert ask(Data(Store()), query).variables == tuple(columns.split())


def test_what_stands_in_a_row_belongs_to_its_column(store: Store) -> None:
    answer = ask(Data(store), "SELECT * { VALUES (?z ?b) { (1 2) } BIND(3 AS ?a) }")
    assert answer.variables == ("z", "b", "a")
    assert [[term.value for term in row if isinstance(term, Literal)] for row in answer.rows] == [["1", "2", "3"]]


def test_ask_gives_a_boolean_and_construct_sorted_triples(store: Store) -> None:
    assert ask(Data(store), "ASK { ?s ?p 3 }").boolean is True
    assert ask(Data(store), "ASK { ?s ?p 4 }").boolean is False
    triples = ask(Data(store), "CONSTRUCT WHERE { ?s <https://bells.example/mass> ?o }").triples
    assert triples is not None
    assert [triple.subject.value for triple in triples] == [B + "anna", B + "berta", B + "clara"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ?s { ?s <https://bells.example/mass> ?m FILTER(?m > ?least) } ORDER BY ?s",
        "SELECT ?s WHERE{?s <https://bells.example/mass> ?m FILTER(?m>?least)}ORDER BY ?s",
        "# { a brace\nSELECT ?s WHERE # {\n{ ?s <https://bells.example/mass> ?m FILTER(?m > ?least) } ORDER BY ?s",
    ],
)
def test_values_of_parameters_are_bound_wherever_the_first_group_opens(store: Store, query: str) -> None:
    found = ask(Data(store), query, values={"least": Literal(1)})
    assert found.rows == [[NamedNode(B + "anna")], [NamedNode(B + "clara")]]


def test_a_parameter_keeps_the_positions_of_errors(store: Store) -> None:
    with pytest.raises(QueryError) as caught:
        ask(Data(store), "SELECT ?s {\n  ?s ?p ?o }}", values={"x": Literal('a "quoted" {\n text')})
    assert caught.value.where.startswith("query:2:")


def test_a_query_that_does_not_end_is_ended(store: Store) -> None:
    began = time.monotonic()
    endless = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(30)) + " }"
    with pytest.raises(QueryError, match=r"slow\.rq: the query took longer than 1 seconds?\..*limits\.view_seconds"):
        ask_within(1, Data(store), endless, where="slow.rq")
    assert time.monotonic() - began < 20


def test_a_query_that_wants_all_memory_is_ended(store: Store) -> None:
    greedy = "SELECT * { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(12)) + " } ORDER BY ?a1"
    with pytest.raises(QueryError, match=r"big\.rq: .*memory"):
        ask_within(60, Data(store), greedy, where="big.rq", memory=64 << 20)


def test_an_answer_longer_than_a_pipe_comes_whole(store: Store) -> None:
    query = "SELECT ?a ?b ?c { ?a ?p1 ?o1 . ?b ?p2 ?o2 . ?c ?p3 ?o3 . ?d ?p4 ?o4 . ?e ?p5 ?o5 }"
    assert len(ask_within(30, Data(store), query, where="long.rq").rows) == 4**5


def test_a_question_leaves_no_process_and_no_open_file_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    fork = os.fork

    def noted() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", noted)
    handles = len(os.listdir("/proc/self/fd"))
    for query in ("SELECT * { ?s ?p ?o }", "ASK {}", "nonsense", "CONSTRUCT WHERE { ?s ?p ?o }"):
        with contextlib.suppress(QueryError):
            ask_within(5, Data(store), query, where="q")
    assert len(os.listdir("/proc/self/fd")) == handles
    assert children
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


def test_what_is_wrong_in_another_process_is_told_in_the_readers_language(store: Store) -> None:
    with pytest.raises(QueryError) as caught:
        ask_within(5, Data(store), "SELECT * { ?a ?b ?c } ?d", where="q.rq")
    assert caught.value.told("fr").startswith(
        "q.rq:1:23: ce n’est pas du SPARQL\u00a0: ?d ne peut pas se trouver ici\n"
    )
    assert caught.value.told("fr").endswith("\n  SELECT * { ?a ?b ?c } ?d\n                        ^")


def test_a_query_that_ends_its_process_takes_no_others_with_it(store: Store) -> None:
    greedy = "SELECT * { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(12)) + " } ORDER BY ?a1"
    endless = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(30)) + " }"
    asked = ["SELECT ?s { ?s ?p 1 }", greedy, "nonsense", endless, endless, "ASK { ?s ?p 3 }"]
    questions = [Question(query, {}, f"{number}.rq") for number, query in enumerate(asked)]
    answers = list(ask_each_within(1, Data(store), questions, memory=64 << 20))
    assert [str(a).partition(": ")[2].partition(" ")[0] if isinstance(a, QueryError) else a.variables or a.boolean
            for a in answers] == [("s",), "the", "this", "the", "the", True]  # fmt: skip
    assert [answer.where.partition(".")[0] for answer in answers if isinstance(answer, QueryError)] == list("1234")


def test_who_takes_no_more_answers_waits_for_none(store: Store) -> None:
    endless = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(30)) + " }"
    answers = ask_each_within(None, Data(store), [Question("ASK {}", {}, "a"), Question(endless, {}, "b")])
    assert next(answers) == Answer(boolean=True)
    answers.close()


# --- an endpoint somewhere else --------------------------------------------------------------------------


@contextmanager
def endpoint(body: bytes, media_type: str, status: int = 200) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """Give the address of a server on the loopback that gives one answer to all, and the questions it gets."""
    asked: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self, form: str) -> None:
            asked.append({**parse_qs(form), "accept": [self.headers.get("Accept", "")]})
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.answer(self.path.partition("?")[2])

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/sparql", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def question(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "q.rq"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_endpoint_is_asked_with_the_prefixes_and_its_rows_are_shown(tmp_path: Path) -> None:
    body = to_json(Answer(("bell",), [[Literal('Ŵyn, "die"', language="de")]])).encode()
    with endpoint(body, "application/sparql-results+json") as (address, asked):
        file = question(tmp_path, "SELECT ?bell { ?bell a cloch:Bell }")
        done = run_kg("query", file, "--endpoint", address, "--format", "csv", cwd=building.bells().root, check=0)
    assert done.stdout.splitlines() == ["bell", '"Ŵyn, ""die"""']
    assert asked[0]["query"][0].startswith("PREFIX ")
    assert "PREFIX cloch: <https://bells.example/cloch/geirfa#>" in asked[0]["query"][0]


def test_an_endpoint_gets_the_values_of_parameters(tmp_path: Path) -> None:
    body = to_json(Answer(("bell",), [])).encode()
    with endpoint(body, "application/sparql-results+json") as (address, asked):
        words = ["query", "questions/hung-after.rq", "-p", "after=1700-01-01", "--endpoint", address]
        run_kg(*words, cwd=building.bells().root, check=0)
    assert 'VALUES ?after { "1700-01-01"^^<http://www.w3.org/2001/XMLSchema#date> }' in asked[0]["query"][0]


def test_an_endpoint_answers_ask_and_construct(tmp_path: Path) -> None:
    root = building.bells().root
    with endpoint(b'{"head": {}, "boolean": true}', "application/sparql-results+json") as (address, _):
        assert run_kg("query", question(tmp_path, "ASK {}"), "--endpoint", address, cwd=root, check=0).stdout == "yes\n"
    with endpoint(b"<urn:a> <urn:b> 01 .", "text/turtle") as (address, _):
        file = question(tmp_path, "CONSTRUCT WHERE { ?s ?p ?o }")
        done = run_kg("query", file, "--endpoint", address, "--format", "nt", cwd=root, check=0)
    assert done.stdout == '<urn:a> <urn:b> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .\n'


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"<html>no</html>", "text/html", 200),
        (b"{}", "application/sparql-results+json", 200),
        (b"[]", "application/sparql-results+json", 200),
        (b'{"head": {"vars": ["a"]}, "results": {"bindings": [{"a": {}}]}}', "application/sparql-results+json", 200),
        (b'{"head": {"vars": ["a"]}, "results": {"bindings": [{"a": {"type": "uri", "value": "no iri"}}]}}',
         "application/sparql-results+json", 200),
        (b"\xff\xfe", "application/sparql-results+json", 200),
        (b"", "application/sparql-results+json", 200),
        (b"go away", "text/plain", 500),
        (b"go away", "text/plain", 404),
        (b"bad query", "text/plain", 400),
        (b"who are you", "text/plain", 401),
    ],
)  # fmt: skip
def test_an_endpoint_that_gives_no_result_is_told(tmp_path: Path, body: bytes, media_type: str, status: int) -> None:
    with endpoint(body, media_type, status) as (address, _):
        file = question(tmp_path, "SELECT ?a { ?a ?b ?c }")
        done = run_kg("query", file, "--endpoint", address, cwd=building.bells().root)
    assert f"{address}: the endpoint did not answer" in error_of(done)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/sparql", "no address", "ftp://127.0.0.1/", "http://[", ""])
def test_an_endpoint_that_cannot_be_reached_is_told(tmp_path: Path, address: str) -> None:
    file = question(tmp_path, "SELECT ?a { ?a ?b ?c }")
    done = run_kg("query", file, "--endpoint", address, cwd=building.bells().root)
    if address:
        assert "the endpoint did not answer" in error_of(done)
    else:
        assert done.returncode in (0, 1, 2)


def test_a_query_past_the_guard_finds_no_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        port = canary.getsockname()[1]
        query = f"SELECT * {{ SERVICE SILENT <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}"
        ask_within(5, Data(Store()), query, where="q.rq")
        canary.setblocking(False)
        with pytest.raises(BlockingIOError):
            canary.accept()
