"""Whatever a catalogue, a crawler or a program is told of the site, it is true, and told the same everywhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from pyoxigraph import Dataset, Literal, NamedNode, Quad, RdfFormat, parse
from tests.web.pages import BASE, HTML, Page

from kg.metadata import dataset_iri
from kg.settings import Settings
from kg.snapshot import Snapshot
from kg.web import create_app
from kg.web import sitemap as sitemap_module
from kg.writers import FORMATS

SITE = "https://bells.example/tower"
DCAT, VOID, SPDX = "http://www.w3.org/ns/dcat#", "http://rdfs.org/ns/void#", "http://spdx.org/rdf/terms#"
DCTERMS = "http://purl.org/dc/terms/"
RDF_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")


@pytest.fixture(scope="module")
def site(snapshots: Path) -> FlaskClient:
    return create_app(snapshots, public_url=SITE).test_client()


@pytest.fixture(scope="module")
def dated(committed: Path) -> FlaskClient:
    return create_app(committed / ".kg", public_url=SITE).test_client()


def links(header: str) -> list[tuple[str, str, str]]:
    return re.findall(r'<([^>]*)>; rel="([^"]*)"(?:; type="([^"]*)")?', header)


def data(site: FlaskClient, path: str) -> Dataset:
    return Dataset(parse(site.get(path).data, format=RdfFormat.TURTLE))


def objects(found: Dataset, subject: NamedNode, predicate: str) -> list[str]:
    return sorted(q.object.value for q in found.quads_for_subject(subject) if q.predicate.value == predicate)


def of_type(found: Dataset, kind: str) -> list[NamedNode]:
    return [q.subject for q in found if q.predicate == RDF_TYPE and q.object == NamedNode(kind)]  # type: ignore[misc]


# --- signposts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/doc/bell/mair.html", "/doc/bell/mair", "/dataset.html", "/geirfa.html", "/", "/snapshot/{}/doc/bell/mair"],
)
def test_header_and_page_have_the_same_links(site: FlaskClient, snapshot: Snapshot, path: str) -> None:
    response = site.get(path.format(snapshot.name[:16]), headers=HTML)
    in_head = [
        (link["href"], link["rel"], link.get("type", ""))
        for link in Page(response.text).all("link")
        if link["rel"] not in ("stylesheet", "icon", "expect")
    ]
    assert in_head == links(response.headers["Link"])


def test_dataset_has_its_signposts(site: FlaskClient, snapshot: Snapshot) -> None:
    found = links(site.get("/dataset", headers=HTML).headers["Link"])
    by_rel: dict[str, list[str]] = {}
    for target, rel, _ in found:
        by_rel.setdefault(rel, []).append(target)
    assert by_rel["cite-as"] == [BASE + "dataset"]
    assert by_rel["author"] == [snapshot.settings.creator_url]
    assert by_rel["license"] == [snapshot.settings.licence]
    assert set(by_rel["type"]) == {"https://schema.org/AboutPage", "https://schema.org/Dataset"}
    for target, rel, kind in found:
        if rel in ("item", "describedby") and target != SITE + "/dcat":
            response = site.get(target.removeprefix(SITE))
            assert (response.status_code, response.mimetype) == (200, kind)
            back = {(rel, target) for target, rel, _ in links(response.headers["Link"])}
            assert {("collection", SITE + "/dataset"), ("describes", SITE + "/dataset")} & back


@pytest.mark.parametrize("iri", [BASE + "id/bell/mair", BASE + "dataset"])
def test_linkset_has_the_links_of_all_headers(site: FlaskClient, iri: str) -> None:
    for key, kind in (("json", "application/linkset+json"), ("txt", "application/linkset")):
        address = f"/linkset.{key}?iri={quote(iri, safe='')}"
        response = site.get(address)
        assert (response.status_code, response.mimetype) == (200, kind)
        if key == "json":
            said = {
                entry["anchor"]: {
                    (link["href"], rel, link.get("type", ""))
                    for rel, targets in entry.items() if rel != "anchor" for link in targets
                }
                for entry in json.loads(response.data)["linkset"]
            }  # fmt: skip
        else:
            said = {}
            for part in response.text.strip().split(",\n"):
                ((target, rel, type_),) = links(part)
                anchor = re.search(r'; anchor="([^"]*)"$', part)
                assert anchor is not None
                said.setdefault(anchor[1], set()).add((target, rel, type_))
        assert len(said) == 1 + len(FORMATS)
        for anchor, found in said.items():
            header = site.get(anchor.removeprefix(SITE)).headers["Link"]
            assert found == set(links(header))
            assert (SITE + address, "linkset", kind) in found


@pytest.mark.parametrize(
    "address", ["/linkset.json", "/linkset.json?iri=urn:x", "/linkset.xml?iri=" + BASE + "dataset"]
)
def test_linkset_of_nothing_is_not_found(site: FlaskClient, address: str) -> None:
    assert site.get(address).status_code == 404


# --- VoID and DCAT ---------------------------------------------------------------------------------------


def test_void_is_at_its_well_known_place(site: FlaskClient) -> None:
    response = site.get("/.well-known/void", headers={"Accept": "text/turtle"})
    assert (response.status_code, response.headers["Location"]) == (303, SITE + "/dataset.ttl")
    assert site.get("/.well-known/void", headers=HTML).headers["Location"] == SITE + "/dataset.html"


def test_counts_and_addresses_of_the_dataset_are_true(site: FlaskClient, snapshot: Snapshot) -> None:
    found = data(site, "/dataset.ttl")
    node = dataset_iri(snapshot.settings)
    store = snapshot.data().store
    (count,) = [solution["n"].value for solution in store.query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")]  # type: ignore[union-attr]
    assert objects(found, node, VOID + "triples") == [count]
    assert objects(found, node, VOID + "uriSpace") == [BASE + "id/"]
    assert len(objects(found, node, VOID + "dataDump")) == 3
    assert DCTERMS + "PeriodOfTime" in {q.object.value for q in found}


def test_catalogue_describes_the_files_that_there_are(site: FlaskClient, snapshot: Snapshot) -> None:
    found = data(site, "/dcat.ttl")
    (catalogue,) = of_type(found, DCAT + "Catalog")
    assert objects(found, catalogue, DCAT + "dataset") == [BASE + "dataset"]
    assert objects(found, catalogue, DCTERMS + "publisher") == [snapshot.settings.creator_url]
    distributions = of_type(found, DCAT + "Distribution")
    assert len(distributions) == 3
    dumps = set(objects(found, dataset_iri(snapshot.settings), VOID + "dataDump"))
    for node in distributions:
        (address,) = objects(found, node, DCAT + "downloadURL")
        assert address in dumps
        file = site.get(address.removeprefix(SITE))
        assert objects(found, node, DCAT + "byteSize") == [str(len(file.data))]
        (checksum,) = objects(found, node, SPDX + "checksum")
        (value,) = objects(found, NamedNode(checksum), SPDX + "checksumValue")
        assert value == hashlib.sha256(file.data).hexdigest()
    for node in of_type(found, DCAT + "DataService"):
        (address,) = objects(found, node, DCAT + "endpointURL")
        assert site.get(address.removeprefix(SITE), headers=HTML).status_code == 200


def test_catalogue_and_dataset_say_the_same_in_all_formats(site: FlaskClient) -> None:
    for path in ("/dcat", "/dataset"):
        first = data(site, f"{path}.ttl")
        for extension, form in (("jsonld", RdfFormat.JSON_LD), ("nt", RdfFormat.N_TRIPLES), ("rdf", RdfFormat.RDF_XML)):
            assert Dataset(parse(site.get(f"{path}.{extension}").data, format=form)) == first
    assert not set(data(site, "/dataset.ttl")) - set(data(site, "/dcat.ttl"))
    assert site.get("/dcat.xyz").status_code == 404


# --- JSON-LD in pages ------------------------------------------------------------------------------------


def embedded(page: str) -> dict[str, object]:
    ((_, text),) = Page(page).written_scripts()
    found: dict[str, object] = json.loads(text)
    return found


def test_dataset_page_describes_it_to_search_engines(site: FlaskClient, snapshot: Snapshot) -> None:
    settings = snapshot.settings
    found = embedded(site.get("/dataset.html?lang=de").text)
    assert found["@type"] == "Dataset"
    assert found["name"] == settings.title["de"]
    assert 50 <= len(str(found["description"])) <= 5000
    assert found["license"] == settings.licence
    assert found["url"] == SITE + "/dataset"
    assert found["creator"] == {"@type": "Organization", "@id": settings.creator_url, "name": settings.creator}
    assert found["temporalCoverage"] == "1300/.."
    assert found["spatialCoverage"] == {"@type": "Place", "name": "Ŵyntal"}
    dumps = objects(data(site, "/dataset.ttl"), dataset_iri(settings), VOID + "dataDump")
    assert sorted(one["contentUrl"] for one in found["distribution"]) == dumps  # type: ignore[attr-defined]


def test_a_poor_description_gets_a_sentence_that_is_true(make: Callable[..., Path]) -> None:
    toml = 'base_iri = "https://bells.example/cloch/"\nontology = "geirfa"\ntitle = { en = "Bells" }\n'
    folders = '[folders]\nontology = "vocab"\ndata = "facts"\nshapes = "rules"\nviews = "questions"\n'
    provenance = '[provenance]\nsource = "cloch:attestedIn"\n'
    site = create_app(make(**{"kg.toml": toml + folders + provenance})).test_client()
    found = embedded(site.get("/dataset.html").text)
    sentence = r"Bells\. A knowledge graph of \d{3,} statements, each with its source\."
    assert re.fullmatch(sentence, str(found["description"]))
    assert not {"license", "creator", "temporalCoverage", "spatialCoverage", "keywords"} & found.keys()
    # Without a public address, data says where the names of things lead.
    assert found["url"] == "https://bells.example/cloch/dataset"


def test_data_in_a_page_is_a_part_of_its_document(site: FlaskClient, snapshot: Snapshot) -> None:
    seen = 0
    for kind, _ in snapshot.kinds():
        for iri in snapshot.entities(kind):
            path = iri.replace(BASE + "id/", "/doc/")
            text = json.dumps(embedded(site.get(f"{path}.html").text))
            inside = {(q.subject, q.predicate, q.object) for q in parse(text, format=RdfFormat.JSON_LD)}
            turtle = parse(site.get(f"{path}.ttl").data, format=RdfFormat.TURTLE)
            assert inside <= {(q.subject, q.predicate, q.object) for q in turtle}
            assert any(q[0] == NamedNode(iri) for q in inside)
            seen += 1
    assert seen > 10


def test_context_of_a_document_is_a_part_of_the_published_one(site: FlaskClient) -> None:
    response = site.get("/context.jsonld")
    assert response.mimetype == "application/ld+json"
    published = json.loads(response.data)["@context"]
    used = json.loads(site.get("/doc/bell/mair.jsonld").data)["@context"]
    assert used.items() <= published.items()
    assert used


# --- for programs and crawlers ---------------------------------------------------------------------------


def test_api_catalogue_names_what_answers(site: FlaskClient) -> None:
    response = site.get("/.well-known/api-catalog")
    assert response.mimetype == "application/linkset+json"
    first, *services = json.loads(response.data)["linkset"]
    assert first["anchor"] == SITE + "/.well-known/api-catalog"
    items = [item["href"] for item in first["item"]]
    assert SITE + "/fragments" in items
    assert SITE + "/dumps/graph.nq.gz" in items
    endpoints = {q.object.value for q in data(site, "/dcat.ttl") if q.predicate.value == DCAT + "endpointURL"}
    assert {entry["anchor"] for entry in services} == endpoints <= set(items)
    for entry in (first, *services):
        for rel, targets in entry.items():
            for target in targets if rel not in ("anchor", "license") else ():
                assert site.get(target["href"].removeprefix(SITE)).status_code == 200
    head = site.head("/.well-known/api-catalog")
    assert {rel for _, rel, _ in links(head.headers["Link"])} == {"api-catalog", "item"}


def test_robots_leaves_questions_alone_and_names_the_sitemap(site: FlaskClient) -> None:
    text = site.get("/robots.txt").text
    assert f"Sitemap: {SITE}/sitemap.xml" in text
    assert {"Disallow: /sparql", "Disallow: /search", "Disallow: /fragments"} <= set(text.splitlines())
    assert "Disallow: /doc" not in text


def addresses(xml: bytes) -> list[tuple[str, str | None]]:
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    return [(url.findtext(f"{space}loc") or "", url.findtext(f"{space}lastmod")) for url in ElementTree.fromstring(xml)]


def test_sitemap_has_every_thing_once_at_its_own_address(site: FlaskClient, snapshot: Snapshot) -> None:
    found = [address for address, _ in addresses(site.get("/sitemap.xml").data)]
    assert len(found) == len(set(found))
    things = [iri for kind, _ in snapshot.kinds() for iri in snapshot.entities(kind)]
    assert {iri.replace(BASE + "id/", SITE + "/doc/") + ".html" for iri in things} <= set(found)
    for address in found:
        response = site.get(address.removeprefix(SITE), headers=HTML)
        assert (response.status_code, response.mimetype) == (200, "text/html")
        own = [target for target, rel, _ in links(response.headers.get("Link", "")) if rel == "canonical"]
        assert own in ([], [address])


def test_sitemap_has_dates_where_git_knows_them(site: FlaskClient, dated: FlaskClient) -> None:
    assert {date for _, date in addresses(site.get("/sitemap.xml").data)} == {None}
    dates = {date for _, date in addresses(dated.get("/sitemap.xml").data)}
    assert dates == {"2020-05-03T12:00:00+02:00", "2020-05-03T10:00:00+00:00"}


def test_long_sitemap_comes_in_parts(site: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = addresses(site.get("/sitemap.xml").data)
    assert site.get("/sitemap-1.xml").status_code == 404
    monkeypatch.setattr(sitemap_module, "MOST", 7)
    parts = [address for address, _ in addresses(site.get("/sitemap.xml").data)]
    assert len(parts) == -(-len(whole) // 7)
    together = [url for part in parts for url in addresses(site.get(part.removeprefix(SITE)).data)]
    assert together == whole
    assert site.get(f"/sitemap-{len(parts) + 1}.xml").status_code == site.get("/sitemap-0.xml").status_code == 404


def test_language_models_get_a_map_of_what_there_is(site: FlaskClient, snapshot: Snapshot) -> None:
    text = site.get("/llms.txt", headers={"Accept-Language": "de"}).text
    assert text.startswith("# Die Glocken im Ŵyntal\n")
    for address in re.findall(r"\]\(([^)]*)\)", text):
        assert site.get(address.removeprefix(SITE)).status_code == 200
    assert SITE + "/dumps/graph.nq.gz" in text


# --- changes ---------------------------------------------------------------------------------------------

ATOM = "{http://www.w3.org/2005/Atom}"


def test_feed_has_the_commits_that_touched_the_graph(dated: FlaskClient) -> None:
    response = dated.get("/feed.atom")
    assert response.mimetype == "application/atom+xml"
    feed = ElementTree.fromstring(response.data)
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "Hang <the> bells"
    assert entry.findtext(f"{ATOM}updated") == feed.findtext(f"{ATOM}updated") == "2020-05-03T12:00:00+02:00"
    assert re.fullmatch(r"swh:1:rev:[0-9a-f]{40}", entry.findtext(f"{ATOM}id") or "")
    assert BASE + "id/bell/mair" in {link.get("href") for link in entry.findall(f"{ATOM}link")}
    assert SITE + "/feed.atom" in {target for target, _, _ in links(dated.get("/", headers=HTML).headers["Link"])}


def test_without_git_there_is_no_feed_and_none_is_offered(site: FlaskClient) -> None:
    response = site.get("/feed.atom")
    assert response.status_code == 404
    assert "without git" in response.text
    for path in ("/", "/dataset"):
        assert "feed.atom" not in site.get(path, headers=HTML).text


def test_settings_of_coverage_are_checked(tmp_path: Path) -> None:
    from kg.errors import SettingsError
    from kg.settings import load_settings

    start = 'base_iri = "https://bells.example/"\ntitle = { en = "Bells" }\n'
    for text in ("1980/2020", "1980-05/..", "-0044-03-15/0014"):
        (tmp_path / "kg.toml").write_text(f'{start}temporal_coverage = "{text}"\n', encoding="utf-8")
        assert isinstance(load_settings(tmp_path / "kg.toml"), Settings)
    for text in ("1980", "1980-2020", "../2020", "80/90"):
        (tmp_path / "kg.toml").write_text(f'{start}temporal_coverage = "{text}"\n', encoding="utf-8")
        with pytest.raises(SettingsError, match="two dates"):
            load_settings(tmp_path / "kg.toml")


def test_nothing_of_the_request_enters_what_is_discovered(site: FlaskClient, dated: FlaskClient) -> None:
    spoof = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}
    for path in (
        "/dataset.ttl", "/dataset.html", "/dcat", "/.well-known/void", "/.well-known/api-catalog", "/sitemap.xml",
        "/robots.txt", "/llms.txt", "/feed.atom", "/fragments", "/linkset.json?iri=" + BASE + "dataset",
        "/dumps/SHA256SUMS", "/context.jsonld",
    ):  # fmt: skip
        for client in (site, dated):
            response = client.get(path, headers=spoof)
            assert "evil.example" not in response.text + str(response.headers)
            assert "gopher" not in response.text + str(response.headers)


def quads(found: bytes) -> set[Quad]:
    return set(parse(found, format=RdfFormat.N_QUADS))


def test_literals_of_the_dataset_are_typed(site: FlaskClient) -> None:
    sizes = [q.object for q in quads(site.get("/dcat.nq").data) if q.predicate.value == DCAT + "byteSize"]
    assert all(isinstance(size, Literal) and size.datatype.value.endswith("nonNegativeInteger") for size in sizes)
