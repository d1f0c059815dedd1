"""Answers as bytes: each format read back by a reader that is not ours, whole and cut."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import (
    BaseDirection,
    BlankNode,
    Literal,
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Triple,
    parse,
    parse_query_results,
)

from kg.errors import QueryError
from kg.literals import Term
from kg.results import (
    ROWS_FORMS,
    TRIPLES_FORMS,
    Answer,
    Bounds,
    boolean_body,
    from_json,
    rows_body,
    to_csv,
    to_json,
    triples_body,
)

B = "https://bells.example/id/bell/"

TEXTS = ["plain", 'quo"ted', "a, b", "two\nlines", "carriage\r\nreturn", " spaces ", "", "émoji 😀", "=1+1", "\\n"]


def test_csv_is_quoted_as_rfc_4180_says() -> None:
    answer = Answer(("text", "other"), [[Literal(text), None] for text in TEXTS])
    written = to_csv(answer)
    assert written.startswith("text,other\r\nplain,\r\n")
    assert [row[0] for row in csv.reader(io.StringIO(written, newline=""))] == ["text", *TEXTS]


def test_csv_of_iris_blank_nodes_and_typed_literals_gives_values_without_type() -> None:
    row = [NamedNode(B + "anna"), BlankNode("b1"), Literal("01", datatype=NamedNode("http://x.example/t")), None]
    assert to_csv(Answer(("a", "b", "c", "d"), [row])).splitlines()[1] == f"{B}anna,_:b1,01,"


def test_csv_of_a_boolean_is_a_word() -> None:
    assert to_csv(Answer(boolean=True)).strip() == "true"


TERMS = st.one_of(
    st.none(),
    st.just(NamedNode(B + "anna")),
    st.just(BlankNode("b1")),
    st.builds(Literal, st.text()),
    st.builds(lambda text: Literal(text, language="cy"), st.text()),
    st.builds(lambda text: Literal(text, datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer")), st.text()),
)


@given(st.lists(st.tuples(TERMS, TERMS)))
def test_json_round_trip_gives_the_same_terms(rows: list[tuple[Literal | None, ...]]) -> None:
    answer = Answer(("a", "__proto__"), [list(row) for row in rows])
    assert from_json(to_json(answer)) == answer
    json.loads(to_json(answer))


@pytest.mark.parametrize("boolean", [True, False])
def test_json_round_trip_of_a_boolean(boolean: bool) -> None:
    assert from_json(to_json(Answer(boolean=boolean))) == Answer(boolean=boolean)


@pytest.mark.parametrize("write", [to_csv, to_json])
def test_triples_are_not_a_table(write: object) -> None:
    with pytest.raises(QueryError, match="not a table"):
        write(Answer(triples=[]))  # type: ignore[operator]


# --- every format, read by others ------------------------------------------------------------------------

ROWS = [
    [Literal(text), NamedNode(B + "a,b"), BlankNode("b1"), None] for text in [*TEXTS, "tab\tbed", "]]>&<>'", "\x01\x7f"]
] + [
    [Literal("mair", language="cy"), Literal("01", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer")),
     NamedNode("https://bells.example/\u0177?a=1&b='2'"), Literal("x", language="ar", direction=BaseDirection.RTL)],
    [Triple(NamedNode(B), NamedNode(B), Literal('"')), None, None, None],
]  # fmt: skip
NAMES = ("text", "iri", "other", "last")


def written(form: str, bounds: Bounds | None = None) -> bytes:
    return b"".join(rows_body(NAMES, ROWS, form, bounds).parts)


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_rows_are_read_back_as_they_were(form: str) -> None:
    formats = {"json": QueryResultsFormat.JSON, "tsv": QueryResultsFormat.TSV}
    found = parse_query_results(written(form), format=formats[form])
    assert isinstance(found, QuerySolutions)
    assert [variable.value for variable in found.variables] == list(NAMES)
    assert [list(row) for row in found] == ROWS


def test_xml_is_read_back_but_for_characters_that_it_has_not() -> None:
    found = ElementTree.fromstring(written("xml"))
    space = "{http://www.w3.org/2005/sparql-results#}"
    literals = [result.find(f"{space}binding[@name='text']/{space}literal") for result in found.iter(f"{space}result")]
    texts = [literal.text or "" for literal in literals if literal is not None]
    assert texts == [*TEXTS, "tab\tbed", "]]>&<>'", "\ufffd\x7f", "mair"]
    read = rdflib.query.Result.parse(io.BytesIO(b"".join(rows_body(NAMES, ROWS[:-1], "xml").parts)), format="xml")
    assert len(read.bindings) == len(ROWS) - 1
    assert str(read.bindings[0][rdflib.Variable("iri")]) == B + "a,b"


def test_csv_quotes_iris_too() -> None:
    records = list(csv.DictReader(io.StringIO(written("csv").decode(), newline="")))
    assert [record["text"] for record in records[: len(TEXTS)]] == TEXTS
    assert {record["iri"] for record in records[: len(TEXTS)]} == {B + "a,b"}


@pytest.mark.parametrize("form", ROWS_FORMS)
@pytest.mark.parametrize("bounds", [Bounds(3, 1 << 20), Bounds(1000, 700)], ids=["rows", "bytes"])
def test_rows_past_a_limit_are_left_out_and_the_rest_says_so(form: str, bounds: Bounds) -> None:
    taken = []

    def rows() -> Iterator[list[Term | None]]:
        for number in range(1_000_000_000):
            taken.append(number)
            yield [Literal(str(number)), Literal("x" * 50)]

    body = rows_body(("number", "text"), rows(), form, bounds)
    assert body.rows == len(taken) - 1 < 20
    limit = "limits.result_rows" if bounds.rows == 3 else "limits.result_bytes"
    assert body.limit == limit
    text = b"".join(body.parts).decode()
    said = f"cut at {limit} = {3 if bounds.rows == 3 else 700}: there is more"
    match form:
        case "json":
            found = json.loads(text)
            assert found["cut"] == said
            assert found["head"]["link"] == [f"https://w3id.org/kg-engine#{limit}"]
            assert len(found["results"]["bindings"]) == body.rows
            strict = parse_query_results(text.encode(), format=QueryResultsFormat.JSON)
            assert isinstance(strict, QuerySolutions)
            assert len(list(strict)) == body.rows
        case "xml":
            assert f"<!-- {said} -->" in text
            assert f'<link href="https://w3id.org/kg-engine#{limit}"/>' in text
            assert len(rdflib.query.Result.parse(io.BytesIO(text.encode()), format="xml").bindings) == body.rows
        case "csv":
            *records, last = csv.reader(io.StringIO(text, newline=""))
            assert last == [f"# {said}", ""]
            assert len(records) == body.rows + 1
        case "tsv":
            read = list(rdflib.query.Result.parse(io.BytesIO(text.encode()), format="tsv"))
            assert [str(term) for term in read[-1] if term is not None] == [f"# {said}"]
            assert len(read) == body.rows + 1


def test_a_result_that_just_fits_is_not_cut() -> None:
    body = rows_body(("a",), [[Literal("1")]] * 3, "json", Bounds(3, 1 << 20))
    assert (body.rows, body.limit) == (3, "")
    assert "cut" not in b"".join(body.parts).decode()


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("boolean", [True, False])
def test_a_boolean_is_read_back(form: str, boolean: bool) -> None:
    formats = {"json": QueryResultsFormat.JSON, "xml": QueryResultsFormat.XML}
    found = parse_query_results(b"".join(boolean_body(boolean, form).parts), format=formats[form])
    assert isinstance(found, QueryBoolean)
    assert bool(found) is boolean


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib about itself
@pytest.mark.parametrize("form", TRIPLES_FORMS)
@pytest.mark.parametrize("bounds", [Bounds(30, 1 << 20), Bounds(100_000, 3000)], ids=["triples", "bytes"])
def test_triples_past_a_limit_are_left_out_and_the_rest_says_so(form: str, bounds: Bounds) -> None:
    taken = []

    def triples() -> Iterator[Triple]:
        for number in range(1_000_000_000):
            taken.append(number)
            yield Triple(NamedNode(f"{B}{number}"), NamedNode(B + "mass"), Literal(f"{number:02}"))

    body = triples_body(triples(), form, {"bell": B}, bounds)
    text = b"".join(body.parts)
    assert body.limit == ("limits.result_rows" if bounds.rows == 30 else "limits.result_bytes")
    assert len(taken) < 100
    assert bounds.rows == 30 or len(text) < 3000 + 200
    assert f"cut at {body.limit} = ".encode() in text
    formats = {"ttl": "turtle", "nt": "nt", "jsonld": "json-ld", "rdf": "xml", "trig": "trig", "nq": "nquads"}
    read = rdflib.Dataset()
    read.parse(data=text, format=formats[form])
    assert len(list(read.quads())) == body.rows > 5


def test_triples_that_come_again_are_written_once() -> None:
    triple = Triple(NamedNode(B), NamedNode(B), Literal("a"))
    assert b"".join(triples_body([triple, triple], "nt", {}).parts).count(b"\n") == 1


def test_statements_about_statements_are_written_where_the_format_has_them() -> None:
    inner = Triple(
        NamedNode(B), NamedNode(B), Literal("01", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#byte"))
    )
    triple = Triple(NamedNode(B), NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#reifies"), inner)
    formats = {
        "ttl": RdfFormat.TURTLE, "nt": RdfFormat.N_TRIPLES, "rdf": RdfFormat.RDF_XML, "trig": RdfFormat.TRIG,
        "nq": RdfFormat.N_QUADS,
    }  # fmt: skip
    for form, format in formats.items():
        (quad,) = parse(b"".join(triples_body([triple], form, {}).parts), format=format)
        assert Triple(quad.subject, quad.predicate, quad.object) == triple
    with pytest.raises(QueryError, match="JSON-LD cannot say statements about statements"):
        triples_body([triple], "jsonld", {})
