"""What is withdrawn or merged stays told, and a state that was cited stays what it was."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from markupsafe import Markup
from pyoxigraph import Literal, NamedNode, RdfFormat, parse
from tests.building import replace
from tests.web.conftest import WORLD
from tests.web.pages import BASE, HTML, Page
from tests.web.test_pages import TERMS

from kg.build import build
from kg.project import open_project
from kg.snapshot import MANIFEST
from kg.web import create_app
from kg.web.inline import Inline
from kg.web.reader import Reader, Text
from kg.writers import FORMATS

GONE = """\
@base <https://bells.example/cloch/graph/register/bell/gone> .
@prefix cloch: <https://bells.example/cloch/geirfa#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix document: <https://bells.example/cloch/id/document/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix bell: <https://bells.example/cloch/id/bell/> .

<> a cloch:Record ; cloch:attestedIn document:cofrestr .

bell:gone a cloch:Bell ; rdfs:label "Coll"@cy , "Fort"@de ; owl:deprecated true .
bell:merged a cloch:Bell ; rdfs:label "Un"@cy , "Eins"@de ; owl:deprecated true ; dcterms:isReplacedBy bell:twice .
bell:twice a cloch:Bell ; rdfs:label "Dau"@cy , "Zwei"@de ; owl:deprecated true ; dcterms:isReplacedBy bell:mair .
bell:split
  a cloch:Bell ;
  rdfs:label "Dwy"@cy , "Teile"@de ;
  owl:deprecated true ;
  dcterms:isReplacedBy bell:mair , bell:y-fawr .
bell:here a cloch:Bell ; rdfs:label "Yma"@cy , "Hier"@de ; owl:deprecated true ; dcterms:isReplacedBy bell:there .
bell:there a cloch:Bell ; rdfs:label "Acw"@cy , "Dort"@de ; owl:deprecated true ; dcterms:isReplacedBy bell:here .
bell:away
  a cloch:Bell ;
  rdfs:label "I ffwrdd"@cy , "Weg"@de ;
  owl:deprecated true ;
  dcterms:isReplacedBy <https://elsewhere.example/id/bell> .
bell:stays a cloch:Bell ; rdfs:label "Aros"@cy , "Bleibt"@de ; owl:deprecated false .
"""
DEPRECATED = NamedNode("http://www.w3.org/2002/07/owl#deprecated")
REPLACED = NamedNode("http://purl.org/dc/terms/isReplacedBy")


@pytest.fixture(scope="module")
def gone(make: Callable[..., Path]) -> FlaskClient:
    vocabulary = (WORLD / "vocab" / "bells.ttl").read_text(encoding="utf-8")
    folder = make(**{"facts/register/bell/gone.ttl": GONE, "vocab/bells.ttl": vocabulary + TERMS})
    return create_app(folder).test_client()


@pytest.mark.parametrize("slug", ["gone", "split", "here", "away"])
def test_what_was_withdrawn_leaves_a_tombstone(gone: FlaskClient, slug: str) -> None:
    for address in (f"/id/bell/{slug}", f"/doc/bell/{slug}", f"/doc/bell/{slug}.ttl"):
        response = gone.get(address, headers={"Accept": "text/turtle"})
        assert (response.status_code, response.mimetype) == (410, "text/turtle")
        said = {quad.predicate: quad.object for quad in parse(response.data, format=RdfFormat.TURTLE)
                if quad.subject == NamedNode(f"{BASE}id/bell/{slug}")}  # fmt: skip
        assert said[DEPRECATED] == Literal(True)
        page = gone.get(address.removesuffix(".ttl"), headers=HTML)
        assert (page.status_code, page.mimetype) == (410, "text/html")
        assert [text for text in Page(page.text).texts("p") if text.startswith("This is no longer in use")]
        assert "ETag" not in response.headers
    assert gone.head(f"/id/bell/{slug}").status_code == 410


def test_what_was_merged_leads_to_what_replaces_it(gone: FlaskClient) -> None:
    for slug in ("merged", "twice"):
        response = gone.get(f"/id/bell/{slug}", headers={"Accept": "text/turtle"})
        assert (response.status_code, response.headers["Location"]) == (301, "/id/bell/mair")
    data = gone.get("/doc/bell/merged.ttl")
    assert data.status_code == 200
    triples = {(quad.subject, quad.predicate, quad.object) for quad in parse(data.data, format=RdfFormat.TURTLE)}
    assert (NamedNode(BASE + "id/bell/merged"), REPLACED, NamedNode(BASE + "id/bell/twice")) in triples
    # Its successor knows of it.
    assert "isReplacedBy bell:mair" in gone.get("/doc/bell/mair.ttl").text


def test_what_is_said_not_to_be_withdrawn_is_not(gone: FlaskClient) -> None:
    assert gone.get("/id/bell/stays").status_code == 303
    assert gone.get("/doc/bell/stays.ttl").status_code == 200


def test_withdrawn_things_are_not_in_the_sitemap(gone: FlaskClient) -> None:
    found = set(re.findall(r"/doc/bell/([\w-]+)\.html", gone.get("/sitemap.xml").text))
    assert {"mair", "stays"} <= found
    assert not found & {"gone", "merged", "twice", "split", "here", "there", "away"}


# --- states ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[FlaskClient, str, str]:
    """The bells in two states: before, and after one got another name."""
    root = tmp_path_factory.mktemp("world") / "bells"
    shutil.copytree(WORLD, root, ignore=shutil.ignore_patterns(".kg"))
    before = build(open_project(root)).snapshot.name
    replace(root / "facts/register/bell/mair.ttl", '"Marienglocke"@de', '"Neue Glocke"@de')
    after = build(open_project(root)).snapshot.name
    return create_app(root / ".kg", public_url="https://bells.example").test_client(), before[:16], after[:16]


def test_a_pinned_document_stays_as_it_was(twice: tuple[FlaskClient, str, str]) -> None:
    client, before, after = twice
    assert "Neue Glocke" in client.get("/doc/bell/mair.ttl").text
    for name, called in ((before, "Marienglocke"), (after, "Neue Glocke")):
        pin = f"/snapshot/{name}"
        for extension in ("html", *FORMATS):
            response = client.get(f"{pin}/doc/bell/mair.{extension}", headers={"Accept-Language": "de"})
            assert response.status_code == 200
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert called in response.text
            links = response.headers["Link"]
            assert '<https://bells.example/doc/bell/mair.html>; rel="canonical"' in links
            assert f'<https://bells.example/doc/bell/mair.{extension}>; rel="latest-version"' in links
            for target in re.findall(r'<https://bells\.example([^>]*)>; rel="alternate"', links):
                assert target.startswith(pin)
                assert client.get(target).status_code == 200
        for path in ("/doc/bell/mair", "/dataset.ttl", "/dumps/graph.nq.gz", "/dumps/SHA256SUMS", "/geirfa.ttl"):
            found = client.get(pin + path)
            assert (found.status_code, found.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")


def test_no_page_has_anything_of_another_state_or_language(tmp_path: Path) -> None:
    root = tmp_path / "bells"
    shutil.copytree(WORLD, root, ignore=shutil.ignore_patterns(".kg"))
    before = build(open_project(root)).snapshot.name[:16]
    client = create_app(root / ".kg").test_client()
    said = {"cy": ("Clychau Dyffryn Ŵyn", "Cloch Fair"), "de": ("Die Glocken im Ŵyntal", "Marienglocke")}
    later = {"cy": ("Clychau newydd", "Cloch newydd"), "de": ("Neue Glocken", "Neue Glocke")}
    every = {text for pair in (*said.values(), *later.values()) for text in pair}

    def is_shown(found: dict[str, tuple[str, str]], address: str) -> None:
        for language, (title, name) in found.items():
            for asked, header in ((f"?lang={language}", {}), ("", {"Accept-Language": language})):
                page = Page(client.get(address + asked, headers={**HTML, **header}).text)
                (link,) = (one for one in page.all("a") if one["href"] in ("/", f"/{asked}"))
                assert link["href"] == f"/{asked}"
                assert page.texts("title") == [f"{name} · {title}"]
                assert every & {*page.texts("h1"), *page.texts("h2"), *page.texts("a")} == {title, name}

    is_shown(said, "/doc/bell/mair.html")
    for old, new in zip(said.values(), later.values(), strict=True):
        replace(root / "kg.toml", old[0], new[0])
        replace(root / "facts/register/bell/mair.ttl", old[1], new[1])
    build(open_project(root))
    is_shown(later, "/doc/bell/mair.html")
    is_shown(said, f"/snapshot/{before}/doc/bell/mair.html")
    is_shown(later, "/doc/bell/mair.html")


def test_a_page_cites_its_own_state(twice: tuple[FlaskClient, str, str]) -> None:
    client, _, after = twice
    page = client.get("/doc/bell/mair.html")
    assert f'href="https://bells.example/snapshot/{after}/doc/bell/mair.html"' in page.text
    old = client.get(f"/snapshot/{twice[1]}/doc/bell/mair.html?lang=de")
    assert f'href="https://bells.example/snapshot/{twice[1]}/doc/bell/mair.html?lang=cy"' in old.text


def test_a_page_of_a_kept_state_says_so_and_leads_to_the_present_one(twice: tuple[FlaskClient, str, str]) -> None:
    client, before, _ = twice
    old = Page(client.get(f"/snapshot/{before}/views/bells?sort=-bell&lang=de").text)
    assert {"href": "https://bells.example/views/bells?sort=-bell&lang=de"} in old.all("a")
    assert any(f"kept state of the graph, {before}" in text for text in old.texts("p"))
    assert not any("kept state" in text for text in Page(client.get("/views/bells?lang=de").text).texts("p"))


@pytest.mark.parametrize("name", ["0" * 16, "current", "..", "%2e%2e", "*" * 16, "a"])
def test_a_state_that_is_not_kept_is_told(twice: tuple[FlaskClient, str, str], name: str) -> None:
    response = twice[0].get(f"/snapshot/{name}/doc/bell/mair.ttl")
    assert response.status_code == 404
    assert response.json is not None
    if name != "..":
        assert "snapshots.keep" in response.json["detail"]
        assert response.json["seeAlso"][0]["href"] == "https://bells.example/doc/bell/mair.ttl"


def test_a_state_of_another_engine_or_a_damaged_one_is_not_shown(
    make: Callable[..., Path],
) -> None:
    folder = make(**{"facts/register/bell/gone.ttl": GONE.replace("owl:deprecated true", "a cloch:Bell")})
    name = (folder / "current").resolve().name
    client = create_app(folder).test_client()
    for copy, old, new in (("e" * 64, '"engine": "', '"engine": "old-'), ("d" * 64, '"graph.nq": [', '"graph.nq": [1')):
        shutil.copytree(folder / name, folder / copy)
        replace(folder / copy / MANIFEST, old, new)
        assert client.get(f"/snapshot/{copy[:16]}/doc/bell/mair.ttl").status_code == 404


def test_nothing_else_is_pinned(twice: tuple[FlaskClient, str, str]) -> None:
    client, before, _ = twice
    for path in (
        "/sparql",
        "/search?q=a",
        "/",
        "/snapshot",
        "/doc/",
        "/dumps/",
        "/dataset.xyz",
        "/views",
        "/views/nothing",
    ):
        assert client.get(f"/snapshot/{before}{path}").status_code == 404
    present = client.get(f"/snapshot/{before}/search?q=a&lang=de").json
    assert present is not None
    assert present["title"] == "There is this only of the present state."
    assert [one["href"] for one in present["seeAlso"]] == ["https://bells.example/search?q=a&lang=de"]
    assert client.put(f"/snapshot/{before}/doc/bell/mair.ttl").status_code == 405


def test_a_text_that_looks_like_known_markup_is_escaped() -> None:
    inline = Inline(Reader("en", ["en"]))
    assert inline.text(Text(Markup("<i>Anna</i>"), "")) == "<i>Anna</i>"
    assert inline.text(Text("<i>Anna</i>", "")) == "&lt;i&gt;Anna&lt;/i&gt;"
