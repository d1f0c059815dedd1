"""Pages for people: structure, languages, what they show, and what they never let through."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from tests.web.pages import BASE, HTML, Page

from kg.errors import SnapshotError
from kg.snapshot import Snapshot, open_snapshot
from kg.web import create_app

#: One address for each kind of page.
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
    "/dataset",
    "/fragments",
    "/fragments?subject=" + BASE + "id/bell/mair&page=1",
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
    "/id/bell/nope",
    "/doc/bell/y-fawr?page=x",
]


def see(client: FlaskClient, address: str, language: str = "de") -> Page:
    return Page(client.get(address, headers={**HTML, "Accept-Language": language}).text)


@pytest.mark.parametrize("address", KINDS)
def test_page_is_a_document_before_it_is_a_design(client: FlaskClient, address: str) -> None:
    page = see(client, address)
    assert page.unbalanced == []
    assert [html["lang"] for html in page.all("html")] == ["de"]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    assert page.texts("h1")[0]
    ids = Counter(attributes["id"] for _, attributes, _ in page.elements if "id" in attributes)
    assert [name for name, number in ids.items() if number > 1] == []
    labelled = {label["for"] for label in page.all("label")}
    for field in page.all("input"):
        assert field.get("type") == "hidden" or field["id"] in labelled
    assert len(page.all("table")) == len(page.all("caption"))
    for head in page.all("th"):
        assert head["scope"] in ("col", "row")
    for attributes in page.all("a"):
        target = attributes["href"]
        assert re.match(r"/(?!/)|#|https?://|mailto:", target), target
        assert target[0] != "#" or target[1:] in ids, target
        assert not target.startswith("http") or "noopener" in attributes["rel"]
    assert all(attributes == {"type": "application/ld+json"} for attributes, _ in page.written_scripts())
    assert not any("style" in attributes or "onclick" in attributes for _, attributes, _ in page.elements)


def test_every_link_inside_the_site_leads_somewhere(client: FlaskClient) -> None:
    targets = {a["href"].partition("#")[0] for kind in KINDS for a in see(client, kind).all("a")}
    for target in sorted(targets):
        if target.startswith("/") and "page=x" not in target and "nope" not in target:
            assert client.get(target, headers=HTML).status_code in (200, 303), target


@pytest.mark.parametrize("address", KINDS)
def test_page_speaks_only_of_its_own_graph(client: FlaskClient, address: str) -> None:
    """The engine's templates, classes and sentences hold no word of another graph's domain."""
    text = client.get(address, headers=HTML).text.casefold()
    assert not re.search(r"cit(y|ies)\b|\bvilles?\b|migra|r[ée]seau|\bnetwork|municipal|citynet|lacroix", text)


@pytest.mark.parametrize(("address", "current"), [("/geirfa", "page"), ("/rheolau", "true"), ("/views/bells", None)])
def test_ontology_is_where_the_shapes_are_too(client: FlaskClient, address: str, current: str | None) -> None:
    way = next(a for a in see(client, address).all("a") if a["href"] == "/geirfa")  # ways stand before the content
    assert way.get("aria-current") == current


def test_reader_chooses_the_language_by_header_or_by_address(client: FlaskClient) -> None:
    response = client.get("/doc/bell/mair.html", headers={"Accept-Language": "de-AT, cy;q=0.5"})
    assert response.headers["Content-Language"] == "de"
    assert response.headers["Vary"] == "Accept-Language, Accept-Encoding"
    assert Page(response.text).texts("h1") == ["Marienglocke"]
    asked = client.get("/doc/bell/mair.html?lang=cy", headers={"Accept-Language": "de"})
    assert asked.headers["Content-Language"] == "cy"
    assert Page(asked.text).texts("h1") == ["Cloch Fair"]


def test_language_switch_keeps_the_page_and_the_choice_is_kept(client: FlaskClient) -> None:
    page = see(client, "/search?q=cloch+y&lang=cy")
    switch = {a["hreflang"]: a["href"] for a in page.all("a") if "hreflang" in a}
    assert switch == {"cy": "/search?q=cloch+y&lang=cy", "de": "/search?q=cloch+y&lang=de"}
    assert {"type": "hidden", "name": "lang", "value": "cy"} in page.all("input")
    assert any(a["href"].endswith(".html?lang=cy") for a in page.all("a"))


def test_words_in_another_language_than_the_page_say_so(client: FlaskClient) -> None:
    page = see(client, "/doc/bell/mair.html", "de")
    assert page.all("body") == [{"lang": "en"}]  # there is no German catalogue
    assert [attributes for name, attributes, text in page.elements if "".join(text) == "Marienglocke"][-1] == {
        "lang": "de"
    }
    assert [attributes for _, attributes, text in page.elements if "".join(text) == "Cloch Fair"][-1] == {"lang": "cy"}


def test_thing_without_a_name_in_the_readers_language_shows_another_and_marks_it(
    make: Callable[..., Path],
) -> None:
    path = "vocab/terms.ttl"
    text = (Path(__file__).parents[1] / "worlds" / "bells" / path).read_text(encoding="utf-8")
    text = text.replace('"efydd"@cy ,\n    "Bronze"@de', '"efydd"@cy')
    client = create_app(make(**{path: text})).test_client()
    page = see(client, "/doc/term/efydd.html", "de")
    assert page.texts("h1") == ["efydd cy"]
    assert {"class": "tongue", "title": "Welsh"} in page.all("abbr")


def test_facts_have_footnotes_and_inferred_ones_their_reasons(client: FlaskClient) -> None:
    text = client.get("/doc/bell/y-fawr.html?lang=de").text
    page = Page(text)
    notes = [item for item in page.all("li") if item.get("id", "").startswith("note-")]
    assert [note["value"] for note in notes] == [str(number) for number in range(1, len(notes) + 1)]
    assert "facts/sources/glockenbuch/band-1.ttl:" in text
    assert page.texts("summary")[:2] == ["inferred"] * 2
    reasons = " ".join(page.texts("details"))
    assert "By the rule “chain”, from:" in reasons
    assert "facts/sources/cronicl-llanwyn.ttl:" in reasons
    assert "vocab/bells.ttl:" in reasons


def test_sources_that_disagree_stand_side_by_side_each_with_its_footnote(client: FlaskClient) -> None:
    (row,) = re.findall(r'<section class="group" id="group-1">.*?</section>', see_text(client), re.DOTALL)
    (dates,) = re.findall(r"Gussdatum.*?</li>", row, re.DOTALL)
    assert re.search(r"1482.*?class=\"note\".*?, .*?1495.*?class=\"note\"", dates, re.DOTALL)


def see_text(client: FlaskClient) -> str:
    return client.get("/doc/bell/y-fawr.html?lang=de").text


def test_relations_leave_out_what_the_page_already_says(client: FlaskClient) -> None:
    page = see(client, "/doc/bell/y-fawr.html")
    assert page.texts("h2")[1:3] == ["Glockenguss 1", "Hängung 1"]
    labels = text_of(page, "label")
    assert {"Gießer", "Gussdatum", "Metall"} <= set(labels)
    assert "Blatt" not in labels  # a locator stands in the footnotes
    assert "gegossene Glocke" not in labels  # it is this one


def text_of(page: Page, name: str) -> list[str]:
    """Return the texts of the elements of a class."""
    return [
        " ".join("".join(t).split())
        for _, attributes, t in page.elements
        if name in attributes.get("class", "").split()
    ]


def test_only_the_page_of_the_data_names_the_whole_snapshot(client: FlaskClient, snapshot: Snapshot) -> None:
    for kind in KINDS:
        assert (snapshot.name in client.get(kind, headers=HTML).text) == (kind == "/dataset")


def test_view_is_a_page_a_table_and_a_query(client: FlaskClient) -> None:
    page = see(client, "/views/bells")
    assert page.texts("h1") == ["Wer goss welche Glocke, und wann?"]
    assert page.texts("th")[:4] == ["Glocke", "Hersteller", "Gegossen", "Frühestens"]
    assert "/doc/bell/efydd-y-gors.html" in [a["href"] for a in page.all("a")]
    assert "50 BCE" in page.texts("td")
    csv = client.get("/views/bells.csv")
    assert csv.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert csv.text.startswith("bell,maker,cast,earliest\r\n")
    assert client.get("/views/bells.json").json["head"] == {"vars": ["bell", "maker", "cast", "earliest"]}
    assert client.get("/views/bells.json").mimetype == "application/sparql-results+json"
    assert client.get("/views/bells.rq").text.startswith("#+ title:")


def test_pivot_has_headings_on_both_sides(client: FlaskClient) -> None:
    page = see(client, "/views/metals")
    scopes = Counter(head["scope"] for head in page.all("th"))
    assert scopes["row"] >= 1
    assert scopes["col"] >= 2
    assert page.texts("th")[0] == "Hersteller"


def test_parameters_are_told_with_the_way_to_set_them(client: FlaskClient) -> None:
    text = client.get("/views/hung-after", headers=HTML).text
    assert "kg query questions/hung-after.rq -p after=1500-01-01" in text


def test_ontology_is_answered_at_its_iri_its_version_and_by_extension(client: FlaskClient) -> None:
    page = see(client, "/geirfa")
    assert {"Bell", "TowerBell", "castBy"} <= {attributes.get("id") for _, attributes, _ in page.elements}
    for address in ("/geirfa", "/geirfa/1.0.0", "/geirfa.ttl", "/geirfa/1.0.0.ttl"):
        response = client.get(address, headers={"Accept": "text/turtle"})
        assert (response.status_code, response.mimetype) == (200, "text/turtle")
        assert "cloch:TowerBell" in response.text
    assert client.get("/geirfa.html", headers={"Accept": "text/turtle"}).mimetype == "text/html"
    assert client.get("/geirfa/2.0.0").status_code == 404


def test_dataset_says_how_large_it_is_and_where_it_comes_from(client: FlaskClient) -> None:
    assert "void:triples" in client.get("/dataset.ttl").text or "void#triples" in client.get("/dataset.ttl").text
    page = see(client, "/dataset")
    assert "Statements" in page.texts("dt")
    assert "Commit" in page.texts("dt")


def test_search_answers_people_and_programs(client: FlaskClient) -> None:
    assert "/doc/bell/y-fawr.html" in [a["href"] for a in see(client, "/search?q=gro%C3%9F").all("a")]
    found = client.get("/search?q=dwr", headers={"Accept": "application/json", "Accept-Language": "de"})
    assert found.mimetype == "application/json"
    assert found.json["results"][0]["name"] == "Wasserglocke"
    assert client.get('/search?q="*(){}^:', headers=HTML).status_code == 200


def test_lists_are_paged(make: Callable[..., Path]) -> None:
    toml = (Path(__file__).parents[1] / "worlds" / "bells" / "kg.toml").read_text(encoding="utf-8")
    snapshots = make(**{"kg.toml": toml + "\n[limits]\npage_length = 2\ndocument_length = 2\n"})
    client = create_app(snapshots).test_client()
    first = client.get("/browse/bell", headers=HTML)
    assert '</browse/bell?page=2>; rel="next"' in first.headers["Link"]
    last = client.get("/browse/bell?page=2", headers=HTML)
    assert '</browse/bell>; rel="prev"' in last.headers["Link"]
    assert client.get("/browse/bell?page=3", headers=HTML).status_code == 404
    source = client.get("/doc/document/cofrestr.ttl")
    assert '</doc/document/cofrestr.ttl?page=2>; rel="next"' in source.headers["Link"]
    assert client.get("/doc/document/cofrestr.html?page=2").status_code == 200
    assert client.get("/doc/document/cofrestr.ttl?page=99").status_code == 404
    named, address = [], "/graphs"
    while address:
        page = see(client, address)
        named += [a["href"] for a in page.all("a") if "?graph=" in a["href"]]
        address = next((a["href"] for a in page.all("a") if a.get("rel") == "next"), "")
    graphs = open_snapshot((snapshots / "current").resolve()).graphs
    assert len(named) == len(set(named)) == len(graphs)
    assert client.get("/graphs?page=99", headers=HTML).status_code == 404


EVIL = """\
@base <https://bells.example/cloch/graph/register/bell/evil> .
@prefix cloch: <https://bells.example/cloch/geirfa#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix document: <https://bells.example/cloch/id/document/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix bell: <https://bells.example/cloch/id/bell/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .

<> a cloch:Record ; cloch:attestedIn document:cofrestr .

bell:evil
  a cloch:Bell ;
  rdfs:label "<script>alert(1)</script>"@cy , "\\" onmouseover=\\"x"@de ;
  dcterms:description "</title><img src=x onerror=alert(1)>"@cy , "{{ 7*7 }} %(x)s"@de ;
  owl:deprecated true ;
  dcterms:isReplacedBy bell:mair ;
  skos:exactMatch <javascript:alert(1)> , <https://example.org/a?b=c&d='e'> , <data:text/html,x> .

<https://bells.example/cloch/id/bell/d%C3%A9-a%2Fb> a cloch:Bell ; rdfs:label "Gwasgedig"@cy , "Kodiert"@de .
<https://bells.example/cloch/id/bell/tŵr+o'r> a cloch:Bell ; rdfs:label "Tŵr"@cy , "Turm"@de .
"""
TERMS = """
skos:exactMatch a owl:AnnotationProperty .
owl:deprecated a owl:AnnotationProperty .
dcterms:isReplacedBy a owl:AnnotationProperty .
"""


@pytest.fixture(scope="module")
def strange(make: Callable[..., Path]) -> FlaskClient:
    vocabulary = (Path(__file__).parents[1] / "worlds" / "bells" / "vocab" / "bells.ttl").read_text(encoding="utf-8")
    return create_app(
        make(**{"facts/register/bell/evil.ttl": EVIL, "vocab/bells.ttl": vocabulary + TERMS})
    ).test_client()


@pytest.mark.parametrize(
    "address",
    ["/doc/bell/evil.html", "/browse/bell", "/search?q=script", "/id/bell/evi", "/search?q=<script>alert(1)</script>"],
)
@pytest.mark.parametrize("language", ["cy", "de"])
def test_nothing_from_the_data_becomes_markup(strange: FlaskClient, address: str, language: str) -> None:
    page = see(strange, address, language)
    assert page.all("img") == []
    for attributes, text in page.written_scripts():  # data, which a browser does not run
        assert attributes == {"type": "application/ld+json"}
        assert json.loads(text)["@graph"]
    assert not any("onmouseover" in attributes for _, attributes, _ in page.elements)
    assert not [a for a in page.all("a") if not re.match(r"/(?!/)|#|https?://", a["href"])]
    assert "49 " not in " ".join(page.texts("p"))


def test_only_addresses_of_the_web_become_links(strange: FlaskClient) -> None:
    page = see(strange, "/doc/bell/evil.html")
    assert {"javascript:alert(1)1", "data:text/html,x1"} <= set(page.texts("dd"))  # with their footnotes
    assert [a["rel"] for a in page.all("a") if a["href"] == "https://example.org/a?b=c&d='e'"] == ["noopener"]


def test_what_is_no_longer_in_use_says_so_first(strange: FlaskClient) -> None:
    page = see(strange, "/doc/bell/evil.html")
    (notice,) = [text for name, attributes, text in page.elements if attributes.get("class") == "notice"]
    assert "no longer in use" in "".join(notice)
    assert "Marienglocke" in "".join(notice)


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("bell/d%C3%A9-a%2Fb", "bell/d%C3%A9-a%2Fb"),
        ("bell/d%c3%a9-a%2fb", "bell/d%C3%A9-a%2Fb"),
        ("bell/t%C5%B5r+o'r", "bell/t%C5%B5r+o'r"),
        ("bell/t%C5%B5r+o%27r", "bell/t%C5%B5r+o'r"),
        ("bell/%6dair", "bell/mair"),
    ],
)
def test_equal_forms_of_an_iri_are_one_thing(strange: FlaskClient, path: str, canonical: str) -> None:
    assert strange.get(f"/id/{path}", headers=HTML).headers["Location"] == f"/doc/{canonical}.html"
    assert strange.get(f"/doc/{path}.ttl").status_code == 200
    assert strange.get(f"/doc/{canonical}.html").status_code == 200


@pytest.mark.parametrize("path", ["bell/d%25C3%25A9-a%252Fb", "bell/t%25C5%25B5r+o'r", "bell/mair%2F", "bell%2Fmair"])
def test_nothing_is_decoded_twice(strange: FlaskClient, path: str) -> None:
    assert strange.get(f"/id/{path}").status_code == 404


def test_server_that_tells_only_the_decoded_path_finds_the_same(strange: FlaskClient) -> None:
    for path in ("/id/bell/d\u00e9-a/b", "/id/bell/t\u0175r+o'r"):
        raw = path.encode().decode("latin-1")
        response = strange.get("/", environ_overrides={"PATH_INFO": raw, "REQUEST_URI": "", "RAW_URI": ""})
        assert response.status_code == 303


def test_public_url_and_its_path_begin_every_address(snapshots: Path) -> None:
    client = create_app(snapshots, public_url="https://pub.example/sub/").test_client()
    response = client.get("/id/bell/mair", headers=HTML)
    assert response.headers["Location"] == "https://pub.example/sub/doc/bell/mair.html"
    page = client.get("/doc/bell/mair.html")
    for attributes in Page(page.text).all("a"):
        assert attributes["href"].startswith(("https://pub.example/sub/", "#", "http://", "https://creativecommons"))
    assert "style-src 'self' https://pub.example;" in page.headers["Content-Security-Policy"]
    assert BASE + "id/bell/mair" in page.text


def test_swap_is_seen_without_a_restart_and_a_damaged_snapshot_is_not_used(
    make: Callable[..., Path], tmp_path: Path
) -> None:
    first, second = make(), make(**{"questions/more.rq": "#+ title: Mwy\nSELECT ?s WHERE { ?s a cloch:Bell }\n"})
    folder = tmp_path / "snapshots"
    folder.mkdir()
    names = []
    for built in (first, second):
        found = (built / "current").resolve()
        shutil.copytree(found, folder / found.name)
        names.append(found.name)
    (folder / "damaged").mkdir()

    def point(name: str) -> None:
        (folder / "new").symlink_to(name)
        os.replace(folder / "new", folder / "current")

    with pytest.raises(SnapshotError):
        create_app(folder)
    point(names[0])
    client = create_app(folder).test_client()
    assert client.get("/healthz").text == f"ok {names[0]}\n"
    tag = client.get("/views", headers=HTML).headers["ETag"]
    point(names[1])
    assert client.get("/healthz").text == f"ok {names[1]}\n"
    assert client.get("/views", headers=HTML).headers["ETag"] != tag
    assert client.get("/views/more.csv").status_code == 200
    point("damaged")
    assert client.get("/healthz").text == f"ok {names[1]}\n"
    (folder / "current").unlink()
    assert client.get("/").status_code == 406 or client.get("/", headers=HTML).status_code == 200
    point(names[0])
    assert client.get("/healthz").text == f"ok {names[0]}\n"


def test_fault_of_ours_is_a_page_and_never_a_traceback(snapshots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = create_app(snapshots).test_client()

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Snapshot, "views", fail)
    for headers, kind in ((HTML, "text/html"), ({}, "application/problem+json")):
        response = client.get("/views", headers=headers)
        assert (response.status_code, response.mimetype) == (500, kind)
        assert "secret" not in response.text
        assert "Traceback" not in response.text


def test_style_is_small_and_pinned_by_its_address(client: FlaskClient) -> None:
    (style,) = [link["href"] for link in see(client, "/").all("link") if link["rel"] == "stylesheet"]
    response = client.get(style)
    assert "immutable" in response.headers["Cache-Control"]
    assert len(response.data) < 30_000
    for other in ("/static/site.css", "/static/site.000000000000.css", style.replace(".css", ".css?v=1")):
        assert client.get(other).data == response.data
    assert "immutable" not in client.get("/static/site.css").headers["Cache-Control"]
    assert "immutable" not in client.get("/static/site.000000000000.css").headers["Cache-Control"]
    for nothing in ("/static/roles.css", "/static/site", "/static/.css", "/static/site.html"):
        assert client.get(nothing).status_code == 404


@pytest.fixture(scope="module")
def front(committed: Path, rebuilt: Callable[[Path], FlaskClient]) -> FlaskClient:
    """The bells with a history, a note on persons, and a view among the figures."""
    settings = committed / "kg.toml"
    text = settings.read_text(encoding="utf-8")
    more = 'contact = "mailto:ringer@bells.example"\nprivacy = { de = "Niemand wird genannt <außer> Glocken." }\n'
    changed = text.replace("[folders]", more + "\n[folders]").replace("[home]", '[home]\nfigures = ["metals", "gone"]')
    settings.write_text(changed, encoding="utf-8")
    client = rebuilt(committed)
    settings.write_text(text, encoding="utf-8")
    return client


def test_front_page_tells_how_much_there_is_what_changed_and_how_to_cite(front: FlaskClient) -> None:
    page = see(front, "/")
    figures = dict(zip(page.texts("dt"), page.texts("dd"), strict=True))
    assert int(figures["Things"]) > 10
    assert int(figures["Sources"]) == len(see(front, "/sources").all("tr")) - 1
    assert figures[see(front, "/views/metals").texts("h1")[0]] == "3"  # a view that is gone is left out
    assert "3 Mai 2020" in page.texts("time")
    assert any("Hang <the> bells" in text for text in page.texts("li"))
    (cited,) = [" ".join("".join(text).split()) for _, at, text in page.elements if at.get("id") == "home-citation"]
    assert cited.startswith("Cymdeithas Clychau’r Ŵyn")
    address = re.search(r"https://bells\.example/cloch(/snapshot/[0-9a-f]{16}/dataset)$", cited)
    assert address
    assert front.get(address[1], headers=HTML).status_code == 200


def test_every_page_leads_to_the_terms_the_data_and_where_mistakes_are_told(front: FlaskClient) -> None:
    for kind in ("/", "/doc/bell/mair.html", "/search", "/nope"):
        targets = [a["href"] for a in see(front, kind).all("a")]
        for target in ("https://creativecommons.org/publicdomain/zero/1.0/", "mailto:ringer@bells.example"):
            assert target in targets
        for part in ("cite", "how", "privacy"):
            assert f"/dataset#{part}" in targets
    page = see(front, "/dataset")
    assert {"cite", "how", "privacy"} <= {attributes.get("id") for _, attributes, _ in page.elements}
    assert "Niemand wird genannt <außer> Glocken." in page.texts("p")
    assert front.get("/dataset.bib").text.startswith("@misc{")


def test_page_that_is_not_there_asks_for_what_its_address_says(client: FlaskClient) -> None:
    page = see(client, "/glocken/marienglock.php")
    assert [field["value"] for field in page.all("input") if field.get("name") == "q"] == ["marienglock"]
    assert "Did you mean Marienglocke?" in page.texts("a")
    assert "/doc/bell/mair.html" in [a["href"] for a in page.all("a")]
    for address in ("/%22%3E%3Cscript%3E", "/%FF%FE", "/%00", "/" + "x" * 3000, "/*%28OR%29NEAR"):
        assert client.get(address, headers=HTML).status_code == 404, address
