"""The pages of the graph of this repository: what a reader of it finds, and how heavy they are."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from tests.building import flagship
from tests.web.pages import Page

from kg.web import create_app

HEAVIEST = 200_000


@pytest.fixture(scope="module")
def site() -> FlaskClient:
    return create_app(flagship().root / ".kg").test_client()


def test_no_page_is_heavy(site: FlaskClient) -> None:
    """What most points to has the longest pages; of the others every fiftieth is looked at."""
    snapshot = flagship().snapshot
    base = snapshot.settings.entity_base
    most = [
        iri
        for (iri,) in snapshot.rows(
            "SELECT value FROM statement JOIN term ON term.id = object WHERE term.kind = 'i' AND value LIKE ? "
            "GROUP BY object ORDER BY COUNT(*) DESC LIMIT 20",
            (base + "%",),
        )
    ]
    others = [iri for kind, _ in snapshot.kinds() for iri in snapshot.entities(kind)][::50]
    for iri in (*most, *others):
        response = site.get(f"/doc/{iri.removeprefix(base)}.html?lang=fr")
        assert response.status_code in (200, 410), iri
        assert len(response.data) < HEAVIEST, iri
    assert len(site.get("/sources").data) < HEAVIEST


def test_members_of_a_network_are_told_once_with_what_tells_them_apart(site: FlaskClient) -> None:
    text = site.get("/doc/network/anvita.html?lang=en").text
    (members,) = [
        p for p in re.findall(r'<section class="group".*?</section>', text, re.DOTALL) if ">membership<" in p[:300]
    ]
    assert "/doc/city/grenoble.html" in members
    assert 'href="/doc/network/anvita.html' not in re.sub(r"<details.*?</details>", "", members)
    assert not re.search(r'class="doubt"[^>]*>\s*(<summary>)?sure', text)  # it goes without saying
    assert "certainty" not in Page(text).texts("th")


def test_crowd_beside_a_relation_is_opened_on_demand(site: FlaskClient) -> None:
    """A membership is in a list of hundreds, which is not told whole on the page of each."""
    page = Page(site.get("/doc/membership/zurich-in-eurocities.html?lang=en").text)
    assert any(re.fullmatch("item [0-9]{3}", summary) for summary in page.texts("summary"))


def test_event_is_dated_in_words_in_both_languages(site: FlaskClient) -> None:
    for language, words in (("en", "September 2018"), ("fr", "septembre 2018")):
        page = Page(site.get(f"/doc/network/anvita.html?lang={language}").text)
        dates = [" ".join("".join(t).split()) for _, a, t in page.elements if a.get("class") == "when"]
        assert any(words in date for date in dates)


def test_a_date_on_which_sources_differ_is_told_as_that_of_the_founding(site: FlaskClient) -> None:
    text = site.get("/doc/network/eurocities.html?lang=fr").text
    assert re.search(r"<h3>(<[^>]*>)?fondation(</[^>]*>)?.{1,3}(<[^>]*>)?date", text)
