"""The page about a thing: relations by class and part, events by date, doubts, places, citing, sources."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from flask.testing import FlaskClient
from tests.web.pages import BASE, HTML, Page

from kg.snapshot import Snapshot, open_snapshot
from kg.web import create_app

BELLS = Path(__file__).parents[1] / "worlds" / "bells"

SETTINGS = """
[repository]
view = "https://forge.example/clychau/blob/main/{path}#L{line}"
edit = "https://forge.example/clychau/edit/main/{path}"
"""
PREFIXES = """
@prefix attendance: <https://bells.example/cloch/id/attendance/> .
@prefix ringing: <https://bells.example/cloch/id/ringing/> .
"""
TERMS = """
term:sicr a skos:Concept ; rdfs:label "sicr"@cy , "sicher"@de ; skos:inScheme term:cynllun .
term:amheus a skos:Concept ; rdfs:label "amheus"@cy , "zweifelhaft"@de ; skos:inScheme term:cynllun .
"""
VOCABULARY = """
kg:Event a owl:Class .
kg:singleValued a owl:AnnotationProperty .
cloch:castDate kg:singleValued true .
cloch:Ringing a owl:Class ; rdfs:label "canu"@cy , "Läuten"@de ; rdfs:subClassOf kg:Event , kg:Relation .
cloch:Attendance a owl:Class ; rdfs:label "presenoldeb"@cy , "Teilnahme"@de ; rdfs:subClassOf kg:Relation .
cloch:rang a owl:ObjectProperty ; rdfs:label "cloch"@cy , "geläutete Glocke"@de .
cloch:at a owl:ObjectProperty ; rdfs:label "canu"@cy , "Läuten"@de ; rdfs:range cloch:Ringing .
cloch:attendee a owl:ObjectProperty ; rdfs:label "a oedd yno"@cy , "Teilnehmer"@de .
cloch:duty a owl:DatatypeProperty ; rdfs:label "gwaith"@cy , "Aufgabe"@de .
cloch:doubt a owl:ObjectProperty ; rdfs:label "sicrwydd"@cy , "Gewissheit"@de .
cloch:gloss a owl:DatatypeProperty ; rdfs:label "nodyn"@cy , "Anmerkung"@de .
cloch:rangOn a owl:DatatypeProperty ; rdfs:label "dyddiad"@cy , "Datum"@de ; rdfs:range edtf:EDTF ;
  kg:earliest cloch:rangFirst ; kg:latest cloch:rangLast .
cloch:rangFirst a owl:DatatypeProperty ; rdfs:label "cyntaf"@cy , "frühestens"@de .
cloch:rangLast a owl:DatatypeProperty ; rdfs:label "olaf"@cy , "spätestens"@de .
"""
SOURCE = """\
@base <https://bells.example/cloch/graph/canu> .
@prefix attendance: <https://bells.example/cloch/id/attendance/> .
@prefix bell: <https://bells.example/cloch/id/bell/> .
@prefix casting: <https://bells.example/cloch/id/casting/> .
@prefix cloch: <https://bells.example/cloch/geirfa#> .
@prefix document: <https://bells.example/cloch/id/document/> .
@prefix edtf: <http://id.loc.gov/datatypes/edtf/> .
@prefix founder: <https://bells.example/cloch/id/founder/> .
@prefix foundry: <https://bells.example/cloch/id/foundry/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix ringing: <https://bells.example/cloch/id/ringing/> .
@prefix term: <https://bells.example/cloch/id/term/> .

<> a cloch:Record ; cloch:attestedIn document:cronicl-llanwyn .

ringing:ancient
  a cloch:Ringing ; rdfs:label "Canu hynafol"@cy , "Uraltes Läuten"@de ; cloch:rang bell:mair ;
  cloch:rangOn "-0044"^^edtf:EDTF ; cloch:leaf "1r" ; cloch:doubt term:sicr .

ringing:last
  a cloch:Ringing ; rdfs:label "Canu olaf"@cy , "Das letzte Läuten"@de ; cloch:rang bell:mair ;
  cloch:rangOn "1790~"^^edtf:EDTF ; cloch:leaf "50r" ; cloch:doubt term:amheus ;
  cloch:gloss "Mae’r rhif yn aneglur."@cy , "Die <Zahl> ist verwischt."@de .

ringing:first
  a cloch:Ringing ; rdfs:label "Canu cyntaf"@cy , "Zuerst"@de ; cloch:rang bell:mair ;
  cloch:rangOn "1600-05"^^edtf:EDTF ; cloch:leaf "44v" .

attendance:joerg-at-first
  a cloch:Attendance ; cloch:at ringing:first ; cloch:attendee founder:joerg-kaeltner ;
  cloch:duty "Seil" ; cloch:leaf "45r" .

casting:efydd-y-gors
  a cloch:Casting ; cloch:castingOf bell:efydd-y-gors ; cloch:caster foundry:kaeltenbrueck ; cloch:metal term:efydd ;
  cloch:leaf "46r" .
"""


def text_of(path: str) -> str:
    return (BELLS / path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ringing(make: Callable[..., Path]) -> Path:
    """The bells rung, with doubts and remarks, in a repository that has an address."""
    toml = text_of("kg.toml").replace("[folders]", 'corrections = "mailto:clychau@bells.example"\n\n[folders]', 1)
    toml = toml.replace(
        '["cloch:leaf", "cloch:hand"]\n',
        '["cloch:leaf", "cloch:hand"]\n'
        'qualifiers = ["cloch:doubt"]\nusual = ["term:sicr"]\nremarks = ["cloch:gloss"]\n',
    )
    return make(
        **{
            "kg.toml": toml + SETTINGS,
            "vocab/prefixes.ttl": text_of("vocab/prefixes.ttl") + PREFIXES,
            "vocab/terms.ttl": text_of("vocab/terms.ttl") + TERMS,
            "vocab/bells.ttl": text_of("vocab/bells.ttl") + VOCABULARY,
            "facts/sources/canu.ttl": SOURCE,
        }
    )


@pytest.fixture(scope="module")
def site(ringing: Path) -> FlaskClient:
    return create_app(ringing).test_client()


@pytest.fixture(scope="module")
def rung(ringing: Path) -> Snapshot:
    return open_snapshot((ringing / "current").resolve())


def see(client: FlaskClient, address: str, language: str = "de") -> Page:
    response = client.get(address, headers={**HTML, "Accept-Language": language})
    assert response.status_code == 200
    page = Page(response.text)
    assert page.unbalanced == []
    assert len(page.all("h1")) == 1
    return page


def of_class(page: Page, name: str) -> list[str]:
    return [
        " ".join("".join(text).split())
        for _, attributes, text in page.elements
        if name in attributes.get("class", "").split()
    ]


def group_of(client: FlaskClient, address: str, title: str) -> str:
    """Return the HTML of the group of relations under a heading."""
    text = client.get(address, headers={**HTML, "Accept-Language": "de"}).text
    (found,) = [
        part for part in re.findall(r'<section class="group".*?</section>', text, re.DOTALL) if title in part[:400]
    ]
    return str(found)


# --- relations and events --------------------------------------------------------------------------------


def test_events_stand_in_the_order_of_their_dates_whatever_their_names(site: FlaskClient) -> None:
    page = see(site, "/doc/bell/mair.html")
    assert of_class(page, "when") == ["45 BCE", "Mai 1600", "around 1790"]
    events = group_of(site, "/doc/bell/mair.html", "Events")
    assert events.index("Uraltes") < events.index("Zuerst") < events.index("Das letzte")


def test_the_exact_date_is_behind_its_words(site: FlaskClient) -> None:
    text = site.get("/doc/ringing/last.html?lang=de").text
    assert '<span class="exact" title="1790~">around 1790</span>' in text
    assert '<time datetime="1600-05">Mai 1600</time>' in site.get("/doc/ringing/first.html?lang=de").text


def test_who_took_part_in_an_event_finds_it_among_the_events_at_its_date(site: FlaskClient) -> None:
    events = group_of(site, "/doc/founder/joerg-kaeltner.html", "Events")
    assert "Mai 1600" in events
    assert "/doc/ringing/first.html" in events
    assert re.search(r"Aufgabe(</span>)+ Seil", events)
    assert "/doc/attendance/joerg-at-first.html" in events  # its own page


def test_on_the_page_of_an_event_those_who_took_part_are_its_relations(site: FlaskClient) -> None:
    taking_part = group_of(site, "/doc/ringing/first.html", "Teilnahme")
    assert re.search(r'Teilnehmer(</span>)+ <a href="/doc/founder/joerg-kaeltner.html">', taking_part)


def test_what_holds_for_all_relations_of_a_group_is_said_once(site: FlaskClient) -> None:
    castings = group_of(site, "/doc/foundry/kaeltenbrueck.html", "Glockenguss")
    assert castings.count("gegossene Glocke") == 1  # the heading of the column
    assert "/doc/foundry/kaeltenbrueck.html" not in re.sub(r"<details.*?</details>", "", castings)  # this is its page
    assert re.findall(r"<h2>.*?<span class=\"count\">(\d+)</span>", castings) == ["3"]


def test_narrower_part_stands_in_the_column_of_the_wider_one(make: Callable[..., Path]) -> None:
    vocabulary = text_of("vocab/bells.ttl") + (
        'cloch:masterCaster a owl:ObjectProperty ; rdfs:label "prif"@cy , "Meister"@de ; '
        "rdfs:subPropertyOf cloch:caster ."
    )
    more = "".join(
        f'casting:x{n} a cloch:Casting ; cloch:castingOf bell:mair ; cloch:leaf "{n}" ;\n'
        f"  cloch:{'masterCaster' if n == 1 else 'caster'} founder:joerg-kaeltner , foundry:kaeltenbrueck .\n"
        for n in range(1, 5)
    )
    source = SOURCE[: SOURCE.index("ringing:ancient")] + more
    changes = {"vocab/bells.ttl": vocabulary, "facts/sources/x.ttl": source}
    client = create_app(
        make(**changes, **{"vocab/prefixes.ttl": text_of("vocab/prefixes.ttl") + PREFIXES})
    ).test_client()
    castings = group_of(client, "/doc/bell/mair.html", "Glockenguss")
    assert '<span class="role"><span lang="de">Meister</span></span>' in castings
    assert '<th scope="col">Meister</th>' not in castings


def test_groups_are_counted_over_all_pages_and_lead_to_the_page_where_they_begin(make: Callable[..., Path]) -> None:
    toml = text_of("kg.toml") + "\n[limits]\ndocument_length = 1\n"
    client = create_app(make(**{"kg.toml": toml})).test_client()
    first = see(client, "/doc/bell/y-fawr.html")
    (contents,) = [n for n in of_class(first, "contents")]
    assert contents == "Glockenguss 1 Hängung 1"
    assert {"href": "/doc/bell/y-fawr.html?page=2#group-2"} in first.all("a")
    second = see(client, "/doc/bell/y-fawr.html?page=2")
    assert "Hängung 1" in second.texts("h2")
    assert "Glockenguss 1" not in second.texts("h2")


# --- doubts ----------------------------------------------------------------------------------------------


def test_doubt_is_marked_with_its_reason_and_what_is_sure_is_not(site: FlaskClient) -> None:
    page = see(site, "/doc/bell/mair.html")
    assert of_class(page, "doubt") == ["zweifelhaftDie <Zahl> ist verwischt."]
    assert "sicher" not in page.texts("summary")
    assert "Gewissheit" not in " ".join(page.texts("span"))


def test_remark_on_the_thing_itself_comes_first(site: FlaskClient) -> None:
    page = see(site, "/doc/ringing/last.html", "cy")
    assert of_class(page, "remark") == ["amheusMae’r rhif yn aneglur."]
    text = site.get("/doc/ringing/last.html").text
    assert text.index('class="remark"') < text.index("<h2>")


def test_what_follows_is_marked_quietly_and_opens(site: FlaskClient) -> None:
    text = site.get("/doc/bell/y-fawr.html?lang=de").text
    assert '<summary title="inferred"><span class="unseen">inferred</span></summary>' in text
    assert re.search(r"<h2>What follows</h2>.*?<details class=\"mentions\".*?gegossen von", text, re.DOTALL)


def test_sources_that_disagree_about_a_thing_stand_side_by_side(site: FlaskClient) -> None:
    text = site.get("/doc/bell/y-fawr.html?lang=de").text
    (found,) = re.findall(r'<section class="differences">.*?</section>', text, re.DOTALL)
    assert "Where sources disagree" in found
    assert "/doc/casting/y-fawr.html" in found  # it is about the casting, not the bell itself
    first, second = re.findall(r"<li>.*?</li>", found, re.DOTALL)
    for value, source, side in (("around 1482", "Chronik", first), ("1495", "Glockenbuch", second)):
        assert value in side
        assert source in side
        assert 'class="note"' in side
    numbers = re.findall(r"#note-(\d+)", found)
    assert all(f'id="note-{number}"' in text for number in numbers)


def test_what_is_only_finer_stands_apart_from_disagreements(site: FlaskClient) -> None:
    text = site.get("/doc/casting/mair.html?lang=de").text
    (found,) = re.findall(r'<section class="differences">.*?</section>', text, re.DOTALL)
    assert "Where one source says it more exactly" in found
    assert "the years 1500 to 1599" in found
    assert "/doc/casting/mair.html" not in found.split("</h3>")[0]  # this is its page


def test_page_of_a_source_tells_where_it_differs_from_others(site: FlaskClient) -> None:
    for source in ("cronicl-llanwyn", "glockenbuch"):
        text = site.get(f"/doc/document/{source}.html?lang=de").text
        found = "".join(re.findall(r'<section class="differences">.*?</section>', text, re.DOTALL))
        assert "/doc/casting/y-fawr.html" in found
        assert "/doc/casting/mair.html" in found
    assert 'class="differences"' not in site.get("/doc/document/cofrestr.html?lang=de").text


# --- places and corrections ------------------------------------------------------------------------------


def test_footnote_leads_to_the_lines_to_the_forge_and_to_a_correction(site: FlaskClient, rung: Snapshot) -> None:
    page = see(site, "/doc/bell/mair.html")
    hrefs = [a["href"] for a in page.all("a")]
    lines = {fact.line for fact in rung.facts() if fact.kind == 0 and fact.subject.value == BASE + "id/bell/mair"}
    seen = {
        int(h.rpartition("#L")[2])
        for h in hrefs
        if h.startswith("https://forge.example/clychau/blob/main/facts/register/bell/mair.ttl#L")
    }
    assert seen <= lines
    assert seen
    assert "https://forge.example/clychau/edit/main/facts/sources/canu.ttl" in hrefs
    assert any(h.startswith("/correct?iri=") and "file=facts%2Fsources%2Fcanu.ttl" in h for h in hrefs)


def test_correction_names_thing_statement_line_and_state(site: FlaskClient, rung: Snapshot) -> None:
    page = see(site, "/correct?iri=" + BASE + "id/ringing/last&file=facts/sources/canu.ttl")
    (fact,) = [f for f in rung.facts() if f.object.value == "1790~"]
    messages = [urlsplit(a["href"]) for a in page.all("a") if a["href"].startswith("mailto:")]
    (told,) = [
        parse_qs(m.query)
        for m in messages
        if f"canu.ttl:{fact.line}" in unquote(m.query) and "Datum: " in unquote(m.query)
    ]
    assert {m.path for m in messages} == {"clychau@bells.example"}
    assert told["subject"] == ["Correction: Das letzte Läuten"]
    for part in (BASE + "id/ringing/last", "Datum: around 1790", f"facts/sources/canu.ttl:{fact.line}", rung.name[:16]):
        assert part in told["body"][0]


def test_nobody_is_asked_to_correct_where_nobody_would_read_it(client: FlaskClient) -> None:
    assert "/correct" not in client.get("/doc/bell/mair.html").text
    assert client.get("/correct?iri=" + BASE + "id/bell/mair", headers=HTML).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "",
        "iri=",
        "iri=%00",
        "iri=nonsense",
        "iri=" + BASE + "id/bell/none",
        "iri=" + BASE + "id/bell/mair&file=../../etc/passwd",
    ],
)
def test_correction_of_what_is_not_there_is_not_found(site: FlaskClient, query: str) -> None:
    assert site.get("/correct?" + query, headers=HTML).status_code == 404


def test_file_without_an_address_is_named(client: FlaskClient) -> None:
    assert re.search(
        r'<span class="place"><code>facts/register/bell/mair.ttl</code>:\d+', client.get("/doc/bell/mair.html").text
    )


# --- as rows, and to cite --------------------------------------------------------------------------------


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_statements_are_rows_with_names_source_passage_and_line(site: FlaskClient, rung: Snapshot) -> None:
    response = site.get("/doc/bell/mair.csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    rows = rows_of(response.text)
    own = [fact for fact in rung.facts() if fact.subject.value == BASE + "id/bell/mair"]
    assert sum(row["subject"] == BASE + "id/bell/mair" for row in rows) == len(own)
    (date,) = [row for row in rows if row["value"] == "1790~"]
    (fact,) = [f for f in rung.facts() if f.object.value == "1790~"]
    assert date == {
        "subject": BASE + "id/ringing/last", "subject_label": "Canu olaf", "property": BASE + "geirfa#rangOn",
        "property_label": "dyddiad", "value": "1790~", "value_label": "",
        "datatype": "http://id.loc.gov/datatypes/edtf/EDTF", "language": "", "origin": "stated",
        "source": BASE + "id/document/cronicl-llanwyn", "source_label": "Cronicl Llanŵyn", "locator": "50r",
        "file": "facts/sources/canu.ttl", "line": str(fact.line),
    }  # fmt: skip
    assert {row["origin"] for row in rows} == {"stated", "derived", "inferred"}


def test_rows_are_had_by_negotiation_and_are_the_same_in_every_language(site: FlaskClient) -> None:
    negotiated = site.get("/doc/bell/mair", headers={"Accept": "text/csv", "Accept-Language": "de"})
    assert negotiated.headers["Content-Location"] == "/doc/bell/mair.csv"
    assert negotiated.text == site.get("/doc/bell/mair.csv", headers={"Accept-Language": "cy"}).text


@pytest.mark.parametrize(
    ("extension", "kind"),
    [
        ("bib", "application/x-bibtex"),
        ("ris", "application/x-research-info-systems"),
        ("csl", "application/vnd.citationstyles.csl+json"),
    ],
)
def test_page_is_cited_by_its_state_which_stays(site: FlaskClient, rung: Snapshot, extension: str, kind: str) -> None:
    response = site.get("/doc/bell/mair", headers={"Accept": kind, "Accept-Language": "de"})
    assert response.mimetype == kind
    assert response.headers["Content-Location"] == f"/doc/bell/mair.{extension}"
    pinned = f"/snapshot/{rung.name[:16]}/doc/bell/mair.html"
    for part in ("Marienglocke", "Die Glocken im Ŵyntal", "Cymdeithas Clychau", BASE.rstrip("/") + pinned):
        assert part in response.text
    assert site.get(pinned).status_code == 200
    page = site.get("/doc/bell/mair.html?lang=de").text
    assert f'href="{pinned}"' in page
    assert f'href="/doc/bell/mair.{extension}"' in page


def test_citation_names_the_commit_and_its_day(committed: Path, rebuilt: Callable[[Path], FlaskClient]) -> None:
    found = rebuilt(committed).get("/doc/bell/mair.csl").json[0]
    assert found["issued"] == {"date-parts": [[2020, 5, 3]]}
    assert re.match(r"Commit [0-9a-f]{12}, snapshot [0-9a-f]{16}$", found["version"])


def test_hostile_title_stays_one_field_of_a_citation(make: Callable[..., Path]) -> None:
    title = "}, author = {Nobody} \\\\ # % &\\nTY  - BOOK"
    bell = text_of("facts/register/bell/mair.ttl").replace('"Marienglocke"@de', f'"{title}"@de')
    client = create_app(make(**{"facts/register/bell/mair.ttl": bell})).test_client()
    bib = client.get("/doc/bell/mair.bib?lang=de").text
    assert re.sub(r"\\[{}]", "", bib).count("{") == re.sub(r"\\[{}]", "", bib).count("}")
    assert len(re.findall(r"^  author = ", bib, re.MULTILINE)) == 1
    ris = client.get("/doc/bell/mair.ris?lang=de").text
    assert re.findall(r"^TY  - (.*?)\r?$", ris, re.MULTILINE) == ["ELEC"]
    assert json.loads(client.get("/doc/bell/mair.csl?lang=de").text)[0]["title"].startswith("}, author")


# --- sources ---------------------------------------------------------------------------------------------


def test_sources_are_listed_with_what_rests_on_them(site: FlaskClient, rung: Snapshot) -> None:
    page = see(site, "/sources")
    rows = rows_of(site.get("/sources.csv").text)
    assert {"Cronicl Llanŵyn", "Llyfr Clychau Kältenbrück"} <= {row["name"] for row in rows}
    for row in rows:
        stated = [
            f for f in rung.facts() if f.kind == 0 and f.file and f.file.source and f.file.source.value == row["source"]
        ]
        assert int(row["statements"]) == sum(fact.subject != fact.file.graph for fact in stated if fact.file)
        assert int(row["files"]) == len({fact.file.path for fact in stated if fact.file})
    numbers = [int(row["statements"]) for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    assert {"descending"} == {head["aria-sort"] for head in page.all("th") if "aria-sort" in head}


def test_sources_are_sorted_as_asked(site: FlaskClient) -> None:
    names = [row["name"] for row in rows_of(site.get("/sources.csv?sort=name").text)]
    assert [row["name"] for row in rows_of(site.get("/sources.csv?sort=name&order=desc").text)] == names[::-1]
    assert site.get("/sources?sort=colour", headers=HTML).status_code == 400
    assert site.get("/sources?page=99", headers=HTML).status_code == 404
    assert site.get("/sources", headers={"Accept": "text/csv"}).mimetype == "text/csv"


def test_page_of_a_source_has_its_files_and_what_rests_on_it_by_class(site: FlaskClient) -> None:
    page = see(site, "/doc/document/cronicl-llanwyn.html")
    assert {"facts/sources/canu.ttl", "facts/sources/cronicl-llanwyn.ttl"} <= set(page.texts("th"))
    href = next(a["href"] for a in page.all("a") if "geirfa%23Ringing" in a["href"])
    listed = see(site, href)
    assert {"Das letzte Läuten", "Uraltes Läuten", "Zuerst"} <= set(listed.texts("th"))
    things = rows_of(site.get("/sources.csv?source=" + BASE + "id/document/cronicl-llanwyn").text)
    assert {row["thing"] for row in things if row["class"] == BASE + "geirfa#Ringing"} == {
        BASE + f"id/ringing/{name}" for name in ("ancient", "first", "last")
    }


@pytest.mark.parametrize(
    "query",
    ["source=nonsense", "source=" + BASE + "id/bell/mair", "source=" + BASE + "id/document/cronicl-llanwyn&class=no"],
)
def test_what_is_no_source_has_nothing_resting_on_it(site: FlaskClient, query: str) -> None:
    assert site.get("/sources?" + query, headers=HTML).status_code == 404


def test_date_of_what_happened_once_is_not_told_as_if_it_had_lasted(client: FlaskClient) -> None:
    """Of the bells' two properties of time one is `kg:sometime`: a casting is within its dates, a hanging lasts."""
    text = " ".join(client.get("/doc/bell/cloch-y-dwr.html?lang=de").text.split())
    assert "between 1620 and 1640" in text
    assert "from 3 Mai 1641, end unknown" in text
    listed = client.get(f"/browse?class={BASE}geirfa%23Casting&lang=de", headers={"Accept": "text/html"}).text
    assert "between 1620 and 1640" in listed
