"""The pages of views: forms that help, rows that sort and come in pages, bars, groups, and addresses that last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from tests.web.pages import BASE, HTML, Page

from kg.web import create_app

QUESTIONS = {
    "questions/weights.rq": """\
#+ title: Pwysau
#+ title@de: Gewichte
#+ display: bars
#+ column: bell = Cloch | Glocke
SELECT ?bell ?kg { VALUES (?bell ?kg) {
  (bell:mair 50) (bell:y-fawr 200) (bell:cloch-y-dwr 0) } }
""",
    "questions/of.rq": f"""\
#+ title: O ba fetel?
#+ display: timeline
#+ parameter: metal = {BASE}id/term/efydd : Metel | Metall
#+ choices: metal = skos:Concept
#+ parameter: way = up : Ffordd
#+ choices: way = up, down
#+ parameter: least = 1 : Lleiaf
SELECT ?casting ?date ?way ?least {{ ?casting cloch:metal ?metal ; cloch:castDate ?date }}
""",
}


@pytest.fixture(scope="module")
def more(make: Callable[..., Path]) -> FlaskClient:
    toml = (Path(__file__).parents[1] / "worlds" / "bells" / "kg.toml").read_text(encoding="utf-8")
    return create_app(make(**QUESTIONS, **{"kg.toml": toml + "\n[limits]\npage_length = 4\n"})).test_client()


def see(client: FlaskClient, address: str, language: str = "de") -> Page:
    return Page(client.get(address, headers={**HTML, "Accept-Language": language}).text)


def cells(page: Page, column: int, columns: int) -> list[str]:
    return page.texts("td")[column::columns]


def test_views_stand_in_groups_and_the_home_page_comes_first(more: FlaskClient) -> None:
    page = see(more, "/views")
    headings = page.texts("h2")
    assert headings[:2] == ["Glocken", "Other questions"]
    assert "Clychau" in see(more, "/views", "cy").texts("h2")


def test_bars_are_lengths_beside_their_numbers(more: FlaskClient) -> None:
    page = see(more, "/views/weights")
    assert [rect["width"] for rect in page.all("rect")] == ["25.0", "100.0", "0.0"]
    assert cells(page, 1, 2) == ["50", "200", "0"]
    assert all(svg["aria-hidden"] == "true" for svg in page.all("svg"))


def test_rows_sort_by_a_column_and_turn(more: FlaskClient) -> None:
    assert cells(see(more, "/views/weights?sort=kg"), 1, 2) == ["0", "50", "200"]
    assert cells(see(more, "/views/weights?sort=-kg"), 1, 2) == ["200", "50", "0"]
    names = ["Die Große", "Marienglocke", "Wasserglocke"]
    assert cells(see(more, "/views/weights?sort=bell"), 0, 2) == names
    page = see(more, "/views/weights?sort=kg")
    assert [head.get("aria-sort") for head in page.all("th")] == [None, "ascending"]
    assert more.get("/views/weights?sort=nothing").status_code == 400


def test_imprecise_dates_sort_by_their_first_days_and_nothing_comes_last(more: FlaskClient) -> None:
    for sort, first in (("cast", "50 BCE"), ("-cast", "1620 to 1640")):
        assert see(more, f"/views/bells?sort={sort}&lang=de").texts("td")[2] == first
    makers = cells(see(more, "/views/bells?sort=maker&page=2"), 1, 4)
    assert makers[-1] == ""


def test_long_result_comes_in_pages_and_is_whole_as_data(more: FlaskClient) -> None:
    first = more.get("/views/bells", headers=HTML)
    assert '</views/bells?page=2>; rel="next"' in first.headers["Link"]
    assert len(Page(first.text).all("tr")) == 5
    assert "6 rows" in Page(first.text).texts("p")
    assert len(see(more, "/views/bells?page=2").all("tr")) == 3
    assert more.get("/views/bells?page=3", headers=HTML).status_code == 404
    assert len(more.get("/views/bells.csv").text.splitlines()) == 7


def test_parameter_with_choices_is_chosen(more: FlaskClient) -> None:
    page = see(more, "/views/of")
    assert [select["name"] for select in page.all("select")] == ["metal", "way"]
    options = dict(zip([o["value"] for o in page.all("option")], page.texts("option"), strict=True))
    assert options[BASE + "id/term/haearn"] == "Gusseisen"
    assert [o["value"] for o in page.all("option") if "selected" in o] == [BASE + "id/term/efydd", "up"]
    labelled = {label["for"] for label in page.all("label")}
    assert {select["id"] for select in page.all("select")} <= labelled


@pytest.mark.parametrize(
    ("query", "name", "told"),
    [
        ("way=sideways", "way", "Found sideways; expected up, down."),
        ("least=many", "least", "Found many; expected a whole number, such as 1."),
        ("metal=bronze", "metal", "Found bronze; expected an IRI"),
    ],
)
def test_wrong_value_is_told_beside_its_field(more: FlaskClient, query: str, name: str, told: str) -> None:
    response = more.get(f"/views/of?{query}", headers=HTML)
    assert response.status_code == 400
    page = Page(response.text)
    (wrong,) = [("".join(text), a) for tag, a, text in page.elements if tag == "strong"]
    assert wrong[0].startswith(told)
    fields = [a for tag, a, _ in page.elements if tag in ("input", "select") and a.get("name") == name]
    assert fields[0]["aria-describedby"] == wrong[1]["id"]
    assert more.get(f"/views/of.json?{query}").mimetype == "application/problem+json"


def test_day_that_no_calendar_has_is_no_date(client: FlaskClient) -> None:
    for day in ("1500-02-30", "1500-13-01", "1900-02-29"):
        response = client.get(f"/views/hung-after?after={day}", headers=HTML)
        assert response.status_code == 400
        assert f"Found {day}; expected a date, such as 1500-01-01." in response.text


def test_picture_keeps_its_place_beside_the_table(more: FlaskClient) -> None:
    page = see(more, "/views/of")
    assert {"id": "timeline", "hidden": ""} in page.all("div")
    assert page.all("table")


def test_view_can_be_cited_by_an_address_that_lasts(client: FlaskClient) -> None:
    page = see(client, "/views/bells")
    (cited,) = ["".join(text) for _, a, text in page.elements if a.get("id") == "view-citation"]
    lasting = cited.split()[-1].removeprefix("https://bells.example/cloch")
    assert lasting.startswith("/snapshot/")
    for address in (lasting, lasting + ".csv", lasting + ".json"):
        response = client.get(address, headers=HTML if address == lasting else {})
        assert response.status_code == 200
        assert "immutable" in response.headers["Cache-Control"]
    assert client.get(lasting + ".csv").text == client.get("/views/bells.csv").text
