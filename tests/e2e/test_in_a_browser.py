"""Pages in a browser: nobody is kept out, nothing jumps, everything works by keyboard, on a phone, without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.building import until
from tests.e2e.conftest import AXE, Eyes
from tests.web.pages import BASE

#: One address of the bells for each kind of page, errors too.
KINDS = [
    "/",
    "/doc/bell/y-fawr.html",
    "/doc/casting/y-fawr.html",
    "/doc/document/glockenbuch.html",
    "/about?iri=http://xmlns.com/foaf/0.1/Person",
    "/geirfa",
    "/graph/vocab/terms",
    "/graph/rules/bells",
    "/rheolau",
    "/graph/vocab/terms",
    "/views/bells?sort=-bell",
    "/dataset",
    "/graphs",
    "/sources",
    "/sources?source=" + BASE + "id/document/glockenbuch",
    "/correct?iri=" + BASE + "id/bell/y-fawr",
    "/fragments?subject=" + BASE + "id/bell/mair",
    "/sparql",
    "/sparql?query=SELECT+*+{+%3Fbell+a+cloch:Bell+}",
    "/sparql?query=SELECT",
    "/views",
    "/views/bells",
    "/views/metals",
    "/views/hung-after",
    "/search",
    "/search?q=cloch",
    "/search?q=nothing+has+this",
    "/browse",
    "/browse/bell",
    "/browse?class=" + BASE + "geirfa%23Bell",
    "/nope",
    "/id/bell/y-faw",
    "/doc/bell/y-fawr.html?page=x",
    "/views/bells?unknown=1",
]
LARGE = ["/", "/views/typology", "/doc/network/anvita.html", "/search?q=lyon"]
SEEN = [("bells", kind, language) for kind in KINDS for language in ("de", "fr")]
SEEN += [("flagship", kind, language) for kind in LARGE for language in ("en", "fr")]

HEAVIEST = 200_000


@pytest.fixture
def look(request: pytest.FixtureRequest, eyes: Eyes) -> Callable[[str, str, str], Any]:
    def looked(site: str, kind: str, language: str) -> Any:
        return eyes.look(request.getfixturevalue(site) + kind, language)

    return looked


@pytest.mark.parametrize(("site", "kind", "language"), SEEN)
def test_page_keeps_nobody_out(look: Callable[..., Any], site: str, kind: str, language: str) -> None:
    """Axe finds nothing, in light and in dark."""
    assert look(site, kind, language).faults == []


@pytest.mark.parametrize(("site", "kind", "language"), SEEN)
def test_page_is_light_and_still_and_asks_no_other_host(
    look: Callable[..., Any], site: str, kind: str, language: str
) -> None:
    seen = look(site, kind, language)
    assert seen.weight <= HEAVIEST
    assert seen.shifts == []
    assert seen.strange == []
    assert seen.said == []  # its policy has refused nothing, no script has failed


@pytest.mark.parametrize(("site", "kind", "language"), SEEN)
def test_page_fits_a_phone(look: Callable[..., Any], site: str, kind: str, language: str) -> None:
    """At 360 pixels nothing but a table in its region is wider than the screen; what stands alone can be pressed."""
    seen = look(site, kind, language)
    assert seen.wide == []
    assert seen.small == []


# --- by keyboard -----------------------------------------------------------------------------------------


def test_keyboard_skips_to_the_content(bells: str, window: Callable[..., Any]) -> None:
    page = window()
    page.goto(bells + "/doc/bell/y-fawr.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("kind", ["/", "/doc/bell/y-fawr.html", "/views/metals", "/sparql"])
def test_keyboard_reaches_all_that_can_be_pressed_and_shows_where_it_is(
    bells: str, window: Callable[..., Any], kind: str
) -> None:
    page = window()
    page.goto(bells + kind)
    wanted = page.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]"
        ".filter((one) => one.checkVisibility({ visibilityProperty: true })).length"
    )
    reached = set()
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        place = page.evaluate(
            "(() => { const one = document.activeElement; const style = getComputedStyle(one);"
            " return [[...document.querySelectorAll('*')].indexOf(one), one.tagName, style.outlineStyle,"
            " parseFloat(style.outlineWidth)] })()"
        )
        if place[1] == "BODY":
            break
        assert place[2] != "none", place
        assert place[3] >= 2, place
        if place[1] != "DIV":  # a region that scrolls
            reached.add(place[0])
    assert len(reached) == wanted


# --- without scripts -------------------------------------------------------------------------------------


def test_everything_works_without_scripts(bells: str, window: Callable[..., Any]) -> None:
    page = window(java_script_enabled=False)
    page.goto(bells + "/?lang=de")
    page.fill("main input[name=q]", "marien")
    page.press("main input[name=q]", "Enter")
    assert "q=marien" in page.url
    page.click("main a:has-text('Marienglocke')")
    assert page.inner_text("h1") == "Marienglocke"
    page.click("header nav.languages a[hreflang=cy]")
    assert page.inner_text("h1") == "Cloch Fair"
    page.goto(bells + "/views/hung-after?lang=de")
    field = page.locator("main form input:not([type=hidden])").first
    field.fill("1500-01-01")
    field.press("Enter")
    assert "1500-01-01" in page.url
    page.goto(bells + "/sparql?lang=de")
    page.click("main form button")
    assert page.locator("main table tbody tr").count() > 1


def test_language_switch_keeps_the_page_and_what_was_asked(bells: str, window: Callable[..., Any]) -> None:
    page = window(viewport={"width": 360, "height": 800}, locale="de")
    page.goto(bells + "/search?q=cloch&lang=de")
    page.click("header nav.languages a[hreflang=fr]")
    assert re.search(r"/search\?q=cloch&lang=fr$", page.url)
    assert page.get_attribute("html", "lang") == "fr"
    assert page.input_value("main input[name=q]") == "cloch"
    assert page.inner_text("h1") == "Rechercher"


def test_paper_has_the_sources_with_their_addresses_and_no_ways_around_the_site(
    bells: str, window: Callable[..., Any]
) -> None:
    page = window()
    page.goto(bells + "/doc/bell/y-fawr.html?lang=de")
    page.emulate_media(media="print")
    assert not page.is_visible("header nav.ways")
    assert not page.is_visible("form.search")
    assert page.is_visible(".notes li")
    assert page.is_visible(".identity code")


# --- what the script adds --------------------------------------------------------------------------------


@pytest.mark.usefixtures("scripted")
def test_button_copies_a_citation_and_says_so(bells: str, window: Callable[..., Any]) -> None:
    page = window(permissions=["clipboard-read", "clipboard-write"])
    page.goto(bells + "/dataset?lang=fr")
    button = page.locator("button.copy[data-copy=dataset-citation]")
    button.focus()
    page.keyboard.press("Enter")
    assert until(lambda: button.inner_text() == "Copié")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.inner_text("#dataset-citation").strip()
    assert "Cymdeithas Clychau’r Ŵyn (" in copied
    assert "/snapshot/" in copied


@pytest.mark.usefixtures("scripted")
def test_search_suggests_while_typing_and_all_by_keyboard(bells: str, window: Callable[..., Any]) -> None:
    page = window()
    page.goto(bells + "/views?lang=de")
    field = page.locator("header input[name=q]")
    field.focus()
    page.keyboard.type("marien")
    page.wait_for_selector("header [role=option]")
    assert field.get_attribute("aria-expanded") == "true"
    assert field.get_attribute("aria-controls") == page.get_attribute("header [role=listbox]", "id")
    assert field.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowDown")
    chosen = page.locator("header [role=option][aria-selected=true]")
    assert chosen.get_attribute("id") == field.get_attribute("aria-activedescendant")
    assert "Marienglocke" in chosen.inner_text()
    page.keyboard.press("Escape")
    assert page.locator("header [role=listbox]").is_hidden()
    assert field.input_value() == "marien"
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("header [role=option]")
    page.keyboard.press("ArrowUp")
    assert page.locator("header [role=option]").last.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/doc/bell/mair.html?lang=de")


@pytest.mark.usefixtures("scripted")
def test_open_suggestions_keep_nobody_out(bells: str, axe: str, window: Callable[..., Any]) -> None:
    page = window(viewport={"width": 360, "height": 800})
    page.goto(bells + "/?lang=fr")
    page.type("main input[name=q]", "cloch")
    page.wait_for_selector("main [role=option]")
    page.keyboard.press("ArrowDown")
    page.evaluate(axe)
    assert page.evaluate(AXE) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    heights = page.evaluate("[...document.querySelectorAll('[role=option]')].map((one) => one.offsetHeight)")
    assert min(heights) >= 24


@pytest.mark.usefixtures("scripted")
def test_table_sorts_and_filters_in_place_with_an_address_for_each_state(
    bells: str, window: Callable[..., Any]
) -> None:
    page = window()
    page.goto(bells + "/browse/bell?lang=de")
    page.evaluate("globalThis.same = true")  # a page that is loaded anew forgets it
    before = page.locator("main tbody tr").all_inner_texts()
    heading = page.locator("main th a.sort").first
    heading.focus()
    page.keyboard.press("Enter")
    assert until(lambda: page.locator("main tbody tr").first.inner_text() != before[0])
    assert page.evaluate("document.activeElement.matches('th a.sort')")
    sorted_address = page.url
    assert sorted(page.locator("main tbody tr").all_inner_texts()) == sorted(before)
    field = page.locator("main form.filters input[type=search], main form.filters input[type=text]").first
    field.focus()
    page.keyboard.type("marien")
    assert until(lambda: page.locator("main tbody tr").count() == 1)
    assert field.input_value() == "marien"
    assert page.evaluate("document.activeElement.tagName") == "INPUT"
    assert page.evaluate("globalThis.same")
    filtered = page.url
    assert filtered != sorted_address
    page.goto(filtered)
    assert page.locator("main tbody tr").count() == 1


HOSTILE = """{"query": "x", "suggestions": [
  {"label": "<img src=x onerror=alert(1)>", "href": "javascript:alert(2)", "kind": "", "lang": ""},
  {"label": "<b>Mair</b>", "href": "/doc/bell/mair.html", "kind": "<i>bell</i>", "lang": "cy"}]}"""


@pytest.mark.usefixtures("scripted")
def test_suggestions_are_text_and_lead_only_to_pages(bells: str, window: Callable[..., Any]) -> None:
    page = window()
    page.route("**/search/suggest?**", lambda route: route.fulfill(content_type="application/json", body=HOSTILE))
    page.goto(bells + "/")
    page.type("main input[name=q]", "x")
    page.wait_for_selector("main [role=option]")
    assert page.locator("main [role=option]").all_text_contents() == ["<b>Mair</b> <i>bell</i>"]
    assert page.locator("main [role=option] [lang=cy]").count() == 1
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/doc/bell/mair.html")


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("answer", ["", "<html>", '{"suggestions": null}', "500"])
def test_search_works_when_suggestions_do_not(bells: str, window: Callable[..., Any], answer: str) -> None:
    page = window()
    page.route(
        "**/search/suggest?**",
        lambda route: route.fulfill(status=500 if answer == "500" else 200, content_type="text/html", body=answer),
    )
    page.goto(bells + "/")
    with page.expect_response("**/search/suggest?**"):
        page.type("main input[name=q]", "cloch")
    assert page.locator("main [role=listbox]").is_hidden()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=cloch*")
