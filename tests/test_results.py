"""Answers as bytes: each format read back by a reader that is not ours, whole and cut."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode

from kg.errors import QueryError
from kg.results import Answer, from_json, to_csv, to_json

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
