"""Saved questions: what their headers may say, and what they give in both worlds."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode
from tests import building
from tests.building import BELLS, WORLDS, copy_of, replace

from kg.errors import QueryError
from kg.project import open_project
from kg.results import to_csv
from kg.views import Parameter, parse_view, read_views
from kg.vocabulary import XSD

BODY = "\nSELECT ?a ?b ?c { ?a ?b ?c }\n"


def view_of(text: str, languages: tuple[str, ...] = ("en", "fr")) -> object:
    return parse_view(text, "name", languages, where="views/name.rq")


def test_a_header_gives_titles_headings_and_parameters_by_language() -> None:
    view = parse_view(
        "#+ title: Which bells?\n#+ title@fr: Quelles cloches ?\n#+ description: All : of them\n"
        "#+ column: a = Bell | Cloche\n#+ column: b = Maker\n"
        "#+ parameter: after = 1500-01-01 : After this day | Après ce jour\n" + BODY,
        "name",
        ("en", "fr"),
        where="views/name.rq",
    )
    assert view.titles == {"en": "Which bells?", "fr": "Quelles cloches ?"}
    assert view.descriptions == {"en": "All : of them"}
    assert view.headings == {"a": {"en": "Bell", "fr": "Cloche"}, "b": {"en": "Maker"}}
    (parameter,) = view.parameters
    assert (parameter.name, parameter.default) == ("after", "1500-01-01")
    assert parameter.descriptions == {"en": "After this day", "fr": "Après ce jour"}
    assert view.display == "table"


@pytest.mark.parametrize("tag", ["fr", "de-ch", "es-419", "sl-1994"])
def test_any_language_that_the_settings_allow_may_stand_in_a_header(tag: str) -> None:
    view = parse_view(f"#+ title@{tag}: Title{BODY}", "name", ("en", tag), where="n.rq")
    assert view.titles == {tag: "Title"}


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", "views/name.rq:1:1: the view has no title"),
        ("# title: A comment", "views/name.rq:1:1: the view has no title"),
        ("#+ title: A\n#+ colum: a = Bell", r"views/name.rq:2:1: this line of the header is not understood.*colum"),
        ("#+ title: A\n#+ title", r"views/name.rq:2:1: this line of the header"),
        ("#+ title: A\n#+ display: cake", "views/name.rq:2:1: this display is unknown. Found cake. Expected one of"),
        ("#+ title: A\n#+ parameter: after", "views/name.rq:2:1: this parameter is not understood"),
        ("#+ title: A\n#+ display: pivot\n#+ rows: a", "views/name.rq:1:1: a pivot names three variables"),
    ],
)  # fmt: skip
def test_a_header_that_will_not_do_is_told_with_its_line(header: str, told: str) -> None:
    with pytest.raises(QueryError, match=told):
        view_of(header + BODY)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("https://bells.example/id/bell/mair", NamedNode("https://bells.example/id/bell/mair")),
        ("1500-01-01", Literal("1500-01-01", datatype=XSD.date)),
        ("-0049-01-01", Literal("-0049-01-01", datatype=XSD.date)),
        ("1500", Literal("1500", datatype=XSD.integer)),
        ("+7", Literal("+7", datatype=XSD.integer)),
        ("1500-01", Literal("1500-01")),
        ("Mair", Literal("Mair")),
        ('" } SERVICE', Literal('" } SERVICE')),
        ("", Literal("")),
    ],
)
def test_a_value_is_taken_for_what_it_looks_like(text: str, term: NamedNode | Literal) -> None:
    assert Parameter("p", "default", {}).term(text) == term
    assert Parameter("p", text, {}).term() == term


@pytest.mark.parametrize("text", ["https://a b", "http://[", "https://x/<y>"])
def test_a_value_that_is_nearly_an_iri_is_told(text: str) -> None:
    with pytest.raises(QueryError, match="the value of p is not an IRI"):
        Parameter("p", "", {}).term(text)


def test_two_views_of_one_name_are_told(tmp_path: Path) -> None:
    root = copy_of(BELLS, tmp_path / "world")
    (root / "questions/more").mkdir()
    (root / "questions/more/bells.rq").write_text("#+ title: More" + BODY, encoding="utf-8")
    with pytest.raises(QueryError, match=r"questions/more/bells\.rq: another view has this name"):
        read_views(open_project(root))


def test_a_graph_may_have_no_views_and_no_folder_for_them(tmp_path: Path) -> None:
    root = copy_of(BELLS, tmp_path / "world")
    replace(root / "kg.toml", 'view = "bells"', 'view = ""')
    for path in (root / "questions").iterdir():
        path.unlink()
    assert building.rebuilt(root).views() == []
    (root / "questions").rmdir()
    assert building.rebuilt(root).views() == []
    assert building.rebuilt(root).view("bells") is None


# --- the answers -----------------------------------------------------------------------------------------


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", ["bells", "metals", "hung-after"])
def test_the_bells_give_the_expected_rows(name: str) -> None:
    found = building.bells().snapshot.view(name)
    assert found is not None
    assert rows(to_csv(found[1])) == rows((BELLS / "expected" / f"{name}.csv").read_text("utf-8"))


@pytest.mark.parametrize(
    ("after", "bells"), [("1500-01-01", ["cloch-y-dwr"]), ("1400-01-01", ["cloch-y-dwr", "y-fawr"]), ("1700-01-01", [])]
)
def test_a_view_answers_for_other_values_too(after: str, bells: list[str]) -> None:
    from kg.queries import ask

    snapshot = building.bells().snapshot
    found = snapshot.view("hung-after")
    assert found is not None
    view, _ = found
    values = {"after": view.parameters[0].term(after)}
    answer = ask(snapshot.data(), view.query, values=values)
    assert [row[0].value.rsplit("/", 1)[1] for row in answer.rows if row[0]] == bells


@pytest.mark.parametrize("world", WORLDS)
def test_every_view_stands_in_the_snapshot_as_it_stands_in_its_file(world: str) -> None:
    built = WORLDS[world]()
    read = {view.name: view for view in read_views(built.project)}
    stored = {view.name: view for view in built.snapshot.views()}
    assert stored == read
    assert read
    for name in read:
        found = built.snapshot.view(name)
        assert found is not None
        assert found[0] == read[name]


@pytest.mark.parametrize("world", WORLDS)
def test_every_view_speaks_every_language_of_the_graph(world: str) -> None:
    snapshot = WORLDS[world]().snapshot
    for view in snapshot.views():
        assert set(view.titles) == set(view.descriptions) == set(snapshot.settings.languages), view.name
        for variable, names in view.headings.items():
            assert set(names) == set(snapshot.settings.languages), (view.name, variable)


@pytest.mark.parametrize("world", WORLDS)
def test_every_view_has_a_row_and_every_heading_a_column(world: str) -> None:
    snapshot = WORLDS[world]().snapshot
    for view in snapshot.views():
        found = snapshot.view(view.name)
        assert found is not None
        assert found[1].rows, view.name
        assert set(view.headings) <= set(found[1].variables), view.name
