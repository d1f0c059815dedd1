"""Ontology, concepts and shapes as pages: what the terms mean, where they are used, what must hold, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pyoxigraph import RdfFormat, parse
from tests.web.pages import BASE, HTML, Page

from kg.web import create_app

TERMS = "/graph/vocab/terms"
RULES = "/graph/rules/bells"


def see(client: FlaskClient, address: str, language: str = "de") -> Page:
    return Page(client.get(address, headers={**HTML, "Accept-Language": language}).text)


def section(page: Page, anchor: str) -> str:
    (text,) = ["".join(text) for _, attributes, text in page.elements if attributes.get("id") == anchor]
    return " ".join(text.split())


def test_class_is_told_in_all_languages_with_examples_numbers_and_place(client: FlaskClient) -> None:
    page = see(client, "/geirfa")
    bell = section(page, "TowerBell")
    assert "Glocke, die nach einer Quelle in einem Turm hing." in bell
    assert "cloch tŵr: Cloch a fu’n crogi mewn tŵr yn ôl rhyw ffynhonnell." in bell
    assert "2 things" in bell
    assert "Wasserglocke" in bell
    assert "vocab/bells.ttl:" in bell
    assert {"lang": "cy"} in page.all("div")


def test_property_has_a_statement_that_is_made_with_it(client: FlaskClient) -> None:
    hung = section(see(client, "/geirfa"), "hungIn")
    assert "3 statements" in hung
    assert "→" in hung


def test_ontology_leads_to_the_vocabularies_and_shapes_beside_it(client: FlaskClient) -> None:
    hrefs = {a["href"] for a in see(client, "/geirfa").all("a")}
    assert {TERMS, RULES} <= hrefs


def test_concepts_are_a_page_with_their_uses(client: FlaskClient) -> None:
    page = see(client, TERMS)
    assert page.texts("h1") == ["Begriffe des Gusses"]
    assert page.texts("h3") == sorted(
        ["Bronze", "Gusseisen", "im Freien", "in der Werkstatt", "Wanderguss"], key=str.casefold
    )
    assert "3 things in the sources" in section(page, "term-efydd")
    assert "efydd" in section(page, "term-efydd")


def test_concepts_hang_below_wider_ones(make: Callable[..., Path]) -> None:
    path = Path(__file__).parents[1] / "worlds" / "bells" / "vocab" / "terms.ttl"
    text = path.read_text(encoding="utf-8") + (
        "term:efydd skos:narrower term:haearn .\nterm:maes skos:broader term:gweithdy .\n"
    )
    vocabulary = (path.parent / "bells.ttl").read_text(encoding="utf-8")
    vocabulary += "skos:broader a owl:ObjectProperty .\nskos:narrower a owl:ObjectProperty .\n"
    page = see(create_app(make(**{"vocab/terms.ttl": text, "vocab/bells.ttl": vocabulary})).test_client(), TERMS)
    tree = [
        " ".join("".join(t).split()) for name, a, t in page.elements if name == "nav" and "tree" in a.get("class", "")
    ]
    assert len(page.texts("h3")) == 5
    assert "Bronze 3 Gusseisen 1" in tree[0]
    assert page.texts("h3").index("im Freien") == page.texts("h3").index("in der Werkstatt") + 1


def test_shapes_say_what_must_hold_and_what_is_said_if_not(client: FlaskClient) -> None:
    page = see(client, RULES)
    casting = section(page, "Casting")
    assert "Glockenguss" in casting  # the class that it is for
    rows = [row for row in page.texts("tr") if "Nenne die eine Glocke, die gegossen wurde." in row]
    assert len(rows) == 1
    assert "exactly 1" in rows[0]
    assert "Glocke" in rows[0]
    assert "violation" in rows[0]
    assert "rules/bells.ttl:" in rows[0]
    weight = next(row for row in page.texts("tr") if "größer als null" in row)
    assert "> 0.0" in weight
    assert "warning" in weight
    assert "checked over all sources together" in section(page, "CastBell")
    assert any("← gegossene Glocke" in row for row in page.texts("tr"))
    assert any("a condition in SPARQL" in row for row in page.texts("tr"))


@pytest.mark.parametrize("address", [TERMS, RULES, "/rheolau"])
def test_page_of_a_vocabulary_is_sound_and_there_as_rdf(client: FlaskClient, address: str) -> None:
    page = see(client, address)
    assert page.unbalanced == []
    assert len(page.all("h1")) == 1
    assert len(page.all("table")) == len(page.all("caption"))
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for extension, form in (("ttl", RdfFormat.TURTLE), ("nt", RdfFormat.N_TRIPLES), ("jsonld", RdfFormat.JSON_LD)):
        response = client.get(f"{address}.{extension}")
        assert response.status_code == 200
        assert list(parse(response.data, format=form))


def test_namespace_of_shapes_answers_with_all_of_them(client: FlaskClient) -> None:
    """The IRI of a shape leads to its namespace, which no file has for its own name."""
    assert BASE + "rheolau#Casting" in client.get("/rheolau.nt").text
    page = see(client, "/rheolau")
    assert "Casting" in {attributes.get("id") for _, attributes, _ in page.elements}
    assert RULES in {a["href"] for a in page.all("a")}
    assert client.get("/rheolau-not").status_code == 404
