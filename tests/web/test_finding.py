"""Search and browsing as people and programs use them: what is found and why, tables that sort and narrow down."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from tests.web.pages import BASE, HTML, Page

from kg.web import create_app

BELL = f"/browse?class={BASE}geirfa%23Bell"
CASTING = f"/browse?class={BASE}geirfa%23Casting"


def see(client: FlaskClient, address: str, language: str = "de") -> Page:
    return Page(client.get(address, headers={**HTML, "Accept-Language": language}).text)


def names(client: FlaskClient, address: str, language: str = "de") -> list[str]:
    """Return the first cells of the rows of a table."""
    return see(client, address, language).texts("th")[len(headings(client, address)) :]


def headings(client: FlaskClient, address: str) -> list[str]:
    page = see(client, address)
    return [text for text, head in zip(page.texts("th"), page.all("th"), strict=True) if head["scope"] == "col"]


def links(page: Page) -> dict[str, str]:
    return {" ".join("".join(text).split()): a["href"] for name, a, text in page.elements if name == "a"}


# --- search ----------------------------------------------------------------------------------------------


def test_search_says_by_which_name_it_found_a_thing(client: FlaskClient) -> None:
    page = see(client, "/search?q=nordturm", "cy")
    assert "Also called Nordturm de" in page.texts("p")
    assert set(page.texts("mark")) == {"Nordturm"}
    assert not any(text.startswith("Also called") for text in see(client, "/search?q=nordturm", "de").texts("p"))


def test_other_name_says_its_language(client: FlaskClient) -> None:
    page = see(client, "/search?q=nordturm", "cy")
    (span,) = [a for name, a, text in page.elements if name == "span" and "".join(text) == "Nordturm"]
    assert span["lang"] == "de"


def test_search_forgives_and_says_so(client: FlaskClient) -> None:
    page = see(client, "/search?q=Wasserglokce")
    assert "Wasserglocke" in links(page)
    assert any("Nothing has “Wasserglokce”" in text for text in page.texts("p"))


def test_search_that_finds_nothing_leads_on(client: FlaskClient) -> None:
    page = see(client, "/search?q=xyzzyx+wasserglocke")
    assert links(page)["wasserglocke"] == "/search?q=wasserglocke"
    assert links(page)["Browse everything"] == "/browse"
    assert see(client, "/search?q=xyzzyx").texts("h1") == ["Search"]


def test_search_narrows_down_by_class_and_by_facet_and_back(client: FlaskClient) -> None:
    page = see(client, "/search?q=glocke")
    href = next(href for text, href in links(page).items() if re.fullmatch(r"Glocke \d", text))
    assert any(text.startswith("Turmglocke 2") for text in links(page))  # which is inferred
    narrowed = see(client, href)
    assert {a["href"] for a in narrowed.all("a") if "/doc/" in a["href"]} <= {
        f"/doc/bell/{slug}.html" for slug in ("mair", "y-fawr", "cloch-y-dwr", "efydd-y-gors")
    }
    iron = next(href for text, href in links(narrowed).items() if text.startswith("Gusseisen"))
    assert "metal=term%2Fhaearn" in iron
    only = see(client, iron)
    assert [a["href"] for a in only.all("a") if "/doc/" in a["href"]] == ["/doc/bell/cloch-y-dwr.html"]
    assert "1 result" in " ".join(only.texts("p"))
    assert href in {a["href"] for a in only.all("a")}  # the way back


def test_search_answers_programs_in_json_and_csv(client: FlaskClient) -> None:
    found = client.get("/search?q=nordturm&lang=cy", headers={"Accept": "application/json"})
    assert found.json["count"] >= 1
    first = found.json["results"][0]
    assert (first["name"], first["matched"], first["matched_lang"]) == ("Tŵr y Gogledd", "Nordturm", "de")
    table = client.get("/search?q=nordturm&format=csv&lang=de")
    assert table.mimetype == "text/csv"
    assert next(iter(csv.DictReader(io.StringIO(table.text))))["Name"] == "Nordturm"
    guessed = client.get("/search?q=nordtrum&format=json").json
    assert (guessed["query"], guessed["searched"]) == ("nordtrum", "nordturm")


def test_suggestions_are_few_short_and_may_be_kept(client: FlaskClient) -> None:
    response = client.get("/search/suggest?q=wass&lang=de")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "max-age=60" in response.headers["Cache-Control"]
    assert response.headers["ETag"]
    assert response.json["query"] == "wass"
    assert response.json["suggestions"][0] == {
        "label": "Wasserglocke", "href": "/doc/bell/cloch-y-dwr.html?lang=de", "kind": "Glocke", "lang": "de",
        "match": "",
    }  # fmt: skip
    welsh = client.get("/search/suggest?q=wass&lang=cy").json["suggestions"][0]
    assert (welsh["label"], welsh["lang"], welsh["match"]) == ("Cloch y Dŵr", "cy", "Wasserglocke")
    assert client.get("/search/suggest").json["suggestions"] == []
    assert client.get("/search/suggest?q=e", headers={"Accept": "image/png"}).status_code == 406


def test_suggestion_leads_to_what_it_names(client: FlaskClient) -> None:
    for suggestion in client.get("/search/suggest?q=g&lang=de").json["suggestions"]:
        assert client.get(suggestion["href"], headers=HTML).status_code in (200, 303)


@pytest.mark.parametrize("path", ["/search", "/search/suggest", BELL + "&x=1"])
@pytest.mark.parametrize(
    "text",
    [
        '"', "*", "a*b", "NEAR(a b)", "names:a", "a AND", "NOT", "(((", "-", "\0", "a\0b", "😀", "‮abc", "אבג", "%", "_",
        "'; DROP TABLE name; --", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "a " * 90,
    ],
)  # fmt: skip
def test_no_text_breaks_a_search(client: FlaskClient, path: str, text: str) -> None:
    address = f"{path}{'&' if '?' in path else '?'}q={quote(text)}"
    assert client.get(address, headers={"Accept": "text/html, application/json;q=0.5"}).status_code == 200


def test_endless_text_is_refused_in_words(client: FlaskClient) -> None:
    response = client.get("/search?q=" + "ab" * 5000)
    assert response.status_code == 400
    assert "expected at most 200" in response.json["detail"]


# --- lists -----------------------------------------------------------------------------------------------


def test_classes_stand_in_a_tree_with_their_numbers(client: FlaskClient) -> None:
    page = see(client, "/browse")
    (maker,) = [text for text in page.texts("li") if text.startswith("Hersteller 2")]
    assert "2 narrower classes" in page.texts("summary")
    assert "Gießerei 1" in maker
    assert "Glockengießer 1" in maker


def test_table_has_the_columns_of_the_shapes_and_things_of_subclasses(client: FlaskClient) -> None:
    assert headings(client, CASTING)[:4] == ["Name", "gegossene Glocke", "Gussdatum", "Gießer"]
    maker = f"/browse?class={BASE}geirfa%23Maker"
    assert names(client, maker) == ["Glockengießerei Kältenbrück", "Jörg Kältner"]
    assert "Class" in headings(client, maker)


def test_cell_of_a_wide_table_says_its_heading_where_rows_are_lists(client: FlaskClient) -> None:
    cells = see(client, BELL).all("td")
    assert [cell["data-label"] for cell in cells[:4]] == headings(client, BELL)[1:]


def test_names_sort_by_the_readers_alphabet(client: FlaskClient) -> None:
    german = ["Bronze aus dem Moor", "Die Große", "Marienglocke", "Wasserglocke"]
    assert names(client, BELL) == german
    assert names(client, BELL + "&sort=-name") == german[::-1]
    assert names(client, BELL, "cy") == ["Cloch Fair", "Cloch y Dŵr", "Efydd y Gors", "Y Fawr"]


def test_dates_sort_by_their_bounds_and_numbers_as_numbers(client: FlaskClient) -> None:
    def bells(address: str) -> list[str]:
        rows = client.get(address + "&format=json&lang=de").json["results"]
        return [row["castingOf"][0] for row in rows]

    by_date = ["Bronze aus dem Moor", "Die Große", "Marienglocke", "Wasserglocke"]  # 50 BCE before 1482
    assert bells(CASTING + "&sort=castDate") == by_date
    assert bells(CASTING + "&sort=-castDate") == by_date[::-1]


def test_column_that_is_sorted_says_so_and_turns(client: FlaskClient) -> None:
    page = see(client, CASTING + "&sort=castDate")
    assert [head["aria-sort"] for head in page.all("th") if "aria-sort" in head] == ["ascending"]
    assert "sort=-castDate" in links(page)["Gussdatum"]
    assert client.get(CASTING + "&sort=nothing").status_code == 400
    assert "castDate" in client.get(CASTING + "&sort=nothing").json["detail"]


def test_facet_narrows_a_table_and_is_a_column(client: FlaskClient) -> None:
    assert headings(client, BELL) == ["Name", "gegossen von", "hing in", "Metall", "Pfarrei"]
    page = see(client, BELL)
    iron = next(href for text, href in links(page).items() if text.startswith("Gusseisen 1"))
    assert names(client, iron) == ["Wasserglocke"]
    parish = "&parish=parish/dyffryn-wyn"
    assert len(names(client, BELL + parish)) == 3
    assert names(client, BELL + "&parish=parish/nowhere") == []
    assert client.get(BELL + "&parish=parish/nowhere", headers=HTML).status_code == 200


def test_filter_keeps_only_what_has_the_words(client: FlaskClient) -> None:
    assert names(client, BELL + "&q=marien") == ["Marienglocke"]
    page = see(client, BELL + "&q=marien&sort=-name")
    kept = {field["name"]: field["value"] for field in page.all("input") if field.get("type") == "hidden"}
    assert kept == {"class": BASE + "geirfa#Bell", "sort": "-name"}


def test_table_can_be_had_whole(make: Callable[..., Path]) -> None:
    toml = (Path(__file__).parents[1] / "worlds" / "bells" / "kg.toml").read_text(encoding="utf-8")
    client = create_app(make(**{"kg.toml": toml + "\n[limits]\npage_length = 1\n"})).test_client()
    assert len(names(client, BELL)) == 1
    table = client.get(BELL + "&format=csv&lang=de")
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["Name"] for row in rows] == ["Bronze aus dem Moor", "Die Große", "Marienglocke", "Wasserglocke"]
    assert rows[0]["iri"] == BASE + "id/bell/efydd-y-gors"


@pytest.mark.parametrize(
    "address", ["/browse?class=x", "/browse?class=http://%20", "/browse/nothing", BELL + "&page=9"]
)
def test_list_that_there_is_not_says_where_the_lists_are(client: FlaskClient, address: str) -> None:
    response = client.get(address, headers=HTML)
    assert response.status_code == 404
    assert "/browse" in {a["href"] for a in Page(response.text).all("a")}


def test_same_list_is_not_sent_twice(client: FlaskClient) -> None:
    first = client.get(BELL, headers=HTML)
    again = client.get(BELL, headers={**HTML, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.head(BELL, headers=HTML).headers["ETag"] == first.headers["ETag"]


def test_crawlers_leave_searches_and_facets_alone(client: FlaskClient) -> None:
    robots = client.get("/robots.txt").text
    assert "Disallow: /search" in robots
    assert "Disallow: /browse?" in robots
    assert "Disallow: /*?*page=" in robots
