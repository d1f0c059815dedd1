"""A result turned into a table of cells: rows by one variable, columns by another, each cell a set of things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kg.errors import QueryError
from kg.literals import Term
from kg.results import Answer
from kg.views import View

__all__ = ["Pivot", "pivot"]


@dataclass(frozen=True)
class Pivot:
    """Rows and columns in the order in which the result names them; `cells[row][column]` without repetition."""

    rows: Sequence[Term]
    columns: Sequence[Term]
    cells: Sequence[Sequence[Sequence[Term]]]


def pivot(answer: Answer, view: View) -> Pivot:
    """Return the result of a view as its header asks. Raises QueryError for a variable that the result lacks."""
    for key in ("rows", "columns", "cell"):
        if getattr(view, key) not in answer.variables:
            raise QueryError(
                f"the pivot's {key} variable is not in the result",
                where=f"{view.name}.rq",
                found=getattr(view, key),
                expected="one of " + ", ".join(answer.variables),
            )
    at = [answer.variables.index(name) for name in (view.rows, view.columns, view.cell)]
    rows: dict[Term, None] = {}
    columns: dict[Term, None] = {}
    cells: dict[tuple[Term, Term], dict[Term, None]] = {}
    for found in answer.rows:
        row, column, cell = (found[index] for index in at)
        if row is None or column is None:
            continue
        rows[row] = columns[column] = None
        if cell is not None:
            cells.setdefault((row, column), {})[cell] = None
    return Pivot(
        list(rows), list(columns), [[list(cells.get((row, column), ())) for column in columns] for row in rows]
    )
