"""A result turned into rows and columns."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode

from kg.errors import QueryError
from kg.pivots import pivot
from kg.results import Answer
from kg.views import View

A, B, C, D = (NamedNode("https://bells.example/" + name) for name in "abcd")
VIEW = View("metals", "", {"en": "Metals"}, display="pivot", rows="maker", columns="metal", cell="bell")
VARIABLES = ("maker", "metal", "bell")


def test_rows_and_columns_stand_in_the_order_in_which_the_result_names_them() -> None:
    found = pivot(Answer(VARIABLES, [[B, D, A], [A, C, A], [B, C, A]]), VIEW)
    assert (found.rows, found.columns) == ([B, A], [D, C])
    assert found.cells == [[[A], [A]], [[], [A]]]


def test_a_cell_holds_each_thing_once() -> None:
    assert pivot(Answer(VARIABLES, [[A, B, C], [A, B, C], [A, B, D]]), VIEW).cells == [[[C, D]]]


def test_an_unbound_cell_is_empty_and_an_unbound_row_is_left_out() -> None:
    found = pivot(Answer(VARIABLES, [[A, B, None], [None, B, C], [A, None, C]]), VIEW)
    assert (found.rows, found.columns, found.cells) == ([A], [B], [[[]]])


def test_variables_stand_in_any_order_among_others() -> None:
    answer = Answer(("bell", "note", "metal", "maker"), [[C, Literal("x"), B, A]])
    assert pivot(answer, VIEW).cells == [[[C]]]


def test_nothing_gives_an_empty_table() -> None:
    found = pivot(Answer(VARIABLES, []), VIEW)
    assert (found.rows, found.columns, found.cells) == ([], [], [])


@pytest.mark.parametrize(("missing", "key"), [("maker", "rows"), ("metal", "columns"), ("bell", "cell")])
def test_a_variable_that_the_result_lacks_is_told(missing: str, key: str) -> None:
    variables = tuple("other" if name == missing else name for name in VARIABLES)
    with pytest.raises(
        QueryError, match=rf"metals\.rq: the pivot's {key} variable is not in the result\. Found {missing}"
    ):
        pivot(Answer(variables, []), VIEW)
