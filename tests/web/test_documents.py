"""Things and the documents about them: redirects, formats, caching, methods, errors."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from pyoxigraph import CanonicalizationAlgorithm, Dataset, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse
from tests.web.pages import BASE, HTML, Page

from kg.citations import FORMATS as CITATIONS
from kg.snapshot import Snapshot
from kg.writers import FORMATS

RDF_FORMATS = {
    "ttl": RdfFormat.TURTLE,
    "jsonld": RdfFormat.JSON_LD,
    "nt": RdfFormat.N_TRIPLES,
    "rdf": RdfFormat.RDF_XML,
    "trig": RdfFormat.TRIG,
    "nq": RdfFormat.N_QUADS,
}


def union(data: bytes, extension: str) -> Dataset:
    """Return the triples of a document with canonical blank nodes."""
    quads = {
        Quad(quad.subject, quad.predicate, quad.object, DefaultGraph())
        for quad in parse(data, format=RDF_FORMATS[extension])
    }
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return dataset


def entities(snapshot: Snapshot) -> list[str]:
    return [iri for kind, _ in snapshot.kinds() for iri in snapshot.entities(kind)]


def test_thing_is_redirected_once_to_the_document_that_suits(client: FlaskClient) -> None:
    for accept, extension in (
        ("text/turtle", "ttl"), ("text/html", "html"), ("application/ld+json", "jsonld"), ("*/*", "ttl"), (None, "ttl"),
    ):  # fmt: skip
        response = client.get("/id/bell/mair", headers={"Accept": accept} if accept else {})
        assert response.status_code == 303
        assert response.headers["Location"] == f"/doc/bell/mair.{extension}"
        assert response.headers["Vary"] == "Accept, Accept-Language"
        assert "max-age=60" in response.headers["Cache-Control"]
        assert '</doc/bell/mair.ttl>; rel="describedby"; type="text/turtle"' in response.headers["Link"]


def test_redirect_keeps_the_language_that_was_asked_for(client: FlaskClient) -> None:
    assert client.get("/id/bell/mair?lang=de", headers=HTML).headers["Location"] == "/doc/bell/mair.html?lang=de"
    assert client.get("/id/bell/mair?lang=de").headers["Location"] == "/doc/bell/mair.ttl"


def test_every_entity_says_the_same_in_all_formats(client: FlaskClient, snapshot: Snapshot) -> None:
    for iri in entities(snapshot):
        address = iri.replace(BASE + "id/", "/doc/")
        documents = {}
        for extension, written in FORMATS.items():
            response = client.get(f"{address}.{extension}")
            assert response.status_code == 200
            assert response.mimetype == written.media_type
            documents[extension] = union(response.data, extension)
        assert all(found == documents["nt"] for found in documents.values()), iri
        assert any(quad.subject.value == iri for quad in documents["nt"])


@pytest.mark.parametrize("extension", FORMATS)
def test_literals_stay_as_the_source_wrote_them(client: FlaskClient, extension: str) -> None:
    found = parse(client.get(f"/doc/casting/y-fawr.{extension}").data, format=RDF_FORMATS[extension])
    weight = NamedNode(BASE + "geirfa#weight")
    decimal = NamedNode("http://www.w3.org/2001/XMLSchema#decimal")
    assert {quad.object for quad in found if quad.predicate == weight} == {Literal("0840.50", datatype=decimal)}


def test_named_graphs_are_kept_where_the_format_can(client: FlaskClient) -> None:
    graphs = {
        str(quad.graph_name) for quad in parse(client.get("/doc/casting/y-fawr.trig").data, format=RdfFormat.TRIG)
    }
    assert {f"<{BASE}graph/cronicl-llanwyn>", f"<{BASE}graph/glockenbuch/band-1>", f"<{BASE}graph/inferred>"} <= graphs


def test_extension_wins_over_the_accept_header(client: FlaskClient) -> None:
    response = client.get("/doc/bell/mair.ttl", headers=HTML)
    assert (response.status_code, response.mimetype) == (200, "text/turtle")
    assert response.headers["Vary"] == "Accept-Encoding"
    assert "Content-Location" not in response.headers


def test_negotiated_document_says_which_one_it_is(client: FlaskClient) -> None:
    response = client.get("/doc/bell/mair", headers={"Accept": "application/json"})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/ld+json"
    assert response.headers["Content-Location"] == "/doc/bell/mair.jsonld"
    assert response.headers["Vary"] == "Accept, Accept-Encoding"
    page = client.get("/doc/bell/mair", headers=HTML)
    assert page.headers["Vary"] == "Accept, Accept-Language, Accept-Encoding"
    assert page.headers["Content-Language"] == "cy"


def test_links_of_a_document_lead_to_what_they_promise(client: FlaskClient) -> None:
    response = client.get("/doc/bell/mair.html")
    links = re.findall(r'<([^>]*)>; rel="([^"]*)"(?:; type="([^"]*)")?', response.headers["Link"])
    linkset = "/linkset.{}?iri=" + quote(BASE + "id/bell/mair", safe="")
    assert {(target, rel) for target, rel, _ in links if rel not in ("alternate", "describedby")} == {
        ("/doc/bell/mair.html", "canonical"),
        (BASE + "id/bell/mair", "describes"),
        (BASE + "id/bell/mair", "cite-as"),
        ("/dataset", "collection"),
        ("https://schema.org/AboutPage", "type"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "license"),
        (linkset.format("json"), "linkset"),
        (linkset.format("txt"), "linkset"),
    }
    for rel, more in (("alternate", {"csv"}), ("describedby", set(CITATIONS))):
        data = [(target, kind) for target, found, kind in links if found == rel]
        assert {target.rpartition(".")[2] for target, _ in data} == {*FORMATS, *more}
        for target, kind in data:
            assert client.get(target).mimetype == kind
    page = Page(response.text)
    in_head = {
        (link["href"], link["rel"]) for link in page.all("link") if link["rel"] not in ("stylesheet", "icon", "expect")
    }
    assert in_head == {(target, rel) for target, rel, _ in links}


def test_validators_differ_by_format_and_language_and_save_a_body(client: FlaskClient) -> None:
    seen = set()
    for address, headers in (
        ("/doc/bell/mair.ttl", {}), ("/doc/bell/mair.jsonld", {}), ("/doc/bell/mair.html", {"Accept-Language": "de"}),
        ("/doc/bell/mair.html", {"Accept-Language": "cy"}),
    ):  # fmt: skip
        first = client.get(address, headers=headers)
        tag = first.headers["ETag"]
        assert not tag.startswith("W/")
        seen.add(tag)
        again = client.get(address, headers={**headers, "If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
        for name in ("ETag", "Vary", "Cache-Control", "Access-Control-Allow-Origin"):
            assert again.headers.get(name) == first.headers.get(name)
        assert client.get(address, headers={**headers, "If-None-Match": '"other"'}).status_code == 200
    assert len(seen) == 4


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/id/bell/mair",
        "/doc/bell/mair",
        "/doc/bell/mair.ttl",
        "/geirfa",
        "/dataset",
        "/views/bells",
        "/search?q=a",
        "/nope",
    ],
)
def test_head_is_get_without_the_body(client: FlaskClient, address: str) -> None:
    for headers in ({}, HTML):
        get, head = client.get(address, headers=headers), client.head(address, headers=headers)
        assert head.data == b""
        assert head.status_code == get.status_code
        for response in (get, head):
            response.headers.pop("Date", None)
        assert dict(head.headers) == dict(get.headers)


@pytest.mark.parametrize("address", ["/id/bell/mair", "/doc/bell/mair.ttl", "/geirfa", "/views/bells", "/dataset", "/"])
def test_other_methods_are_refused_by_name(client: FlaskClient, address: str) -> None:
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        response = client.open(address, method=method)
        assert response.status_code == 405
        assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
        assert response.mimetype == "application/problem+json"
    options = client.options(address)
    assert options.status_code == 204
    assert {"GET", "HEAD", "OPTIONS"} <= set(options.headers["Allow"].split(", "))


def test_unacceptable_request_learns_what_there_is(client: FlaskClient) -> None:
    for address in ("/id/bell/mair", "/doc/bell/mair", "/geirfa", "/dataset", "/views/bells", "/"):
        response = client.get(address, headers={"Accept": "image/png"})
        assert response.status_code == 406
        assert "Accept" in response.headers["Vary"]
        for found in response.json["available"]:
            assert client.get(found["href"], headers={"Accept": found["type"]}).mimetype == found["type"]


@pytest.mark.parametrize("address", ["/id/bell/mayr", "/doc/bell/mayr", "/doc/bell/mayr.html", "/doc/bell/mayr.ttl"])
def test_unknown_thing_is_not_found_and_a_near_one_is_offered(client: FlaskClient, address: str) -> None:
    page = client.get(address, headers=HTML)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "/doc/bell/mair.html" in [link.get("href") for link in Page(page.text).all("a")]
    problem = client.get(address, headers={"Accept": "text/turtle"})
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")
    assert problem.json["status"] == 404


@pytest.mark.parametrize(
    "address",
    ["/id/", "/id/bell", "/id/bell/", "/id/bell/mair/", "/doc/../../etc/passwd", "/id/bell/%00", "/id//bell/mair",
     "/id/%3Cscript%3E/%22", "/static/../site.py", "//example.org/x", "/browse/nothing", "/views/nothing", "/geirfa/9",
     "/geirfa.xyz", "/dataset.xyz", "/about?iri=https://example.org/nothing", "/about?iri=not%20an%20iri",
     "/doc/bell/mair.html?page=9"],
)  # fmt: skip
def test_nonsense_is_not_found(client: FlaskClient, address: str) -> None:
    for headers in ({}, HTML):
        response = client.get(address, headers=headers)
        assert response.status_code == 404
        assert "Traceback" not in response.text
        assert "//example.org" not in re.sub(r"href=./about[^>]*", "", response.text)


@pytest.mark.parametrize(
    "address", ["/doc/bell/mair?page=x", "/doc/bell/mair.ttl?page=0", "/browse/bell?page=-1", "/about", "/?lang=xx",
                "/about?iri=http://xmlns.com/foaf/0.1/Person&format=exe"]
)  # fmt: skip
def test_wrong_parameters_are_refused(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 400
    assert client.get(address, headers=HTML).status_code == 400


def test_about_leads_to_the_address_of_any_iri(client: FlaskClient) -> None:
    def about(iri: str, **headers: str) -> tuple[int, str]:
        response = client.get("/about?iri=" + quote(iri, safe=""), headers={"Accept": "text/html", **headers})
        return response.status_code, response.headers.get("Location", "")

    assert about(BASE + "id/bell/mair") == (303, "/id/bell/mair")
    assert about(BASE + "geirfa#Bell") == (303, "/geirfa#Bell")
    assert about(BASE + "geirfa") == (303, "/geirfa")
    assert about("http://xmlns.com/foaf/0.1/Person") == (200, "")
    assert about(BASE + "graph/cronicl-llanwyn") == (200, "")


@pytest.mark.parametrize("header", ["a" * 8192, "text/turtle;q=abc", ";;", "\xff\xfe,\x7f"])
def test_garbage_in_headers_is_no_error_of_ours(client: FlaskClient, header: str) -> None:
    for name in ("Accept", "Accept-Language", "If-None-Match", "Host", "Cookie", "Origin"):
        if not (name == "Host" and not header.isascii()):
            assert client.get("/doc/bell/mair", headers={name: header}).status_code < 500


def test_every_answer_is_open_to_other_sites_and_closed_to_tricks(client: FlaskClient) -> None:
    for address in ("/", "/id/bell/mair", "/doc/bell/mair.ttl", "/nope", "/static/site.css", "/healthz", "/?lang=xx"):
        headers = client.get(address, headers={**HTML, "Origin": "https://x.example"}).headers
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert {"Link", "ETag", "Location", "Content-Location"} <= set(
            headers["Access-Control-Expose-Headers"].split(", ")
        )
        assert "Access-Control-Allow-Credentials" not in headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Referrer-Policy" in headers
        if headers["Content-Type"].startswith("text/html"):
            assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'; ")
        if headers["Content-Type"].startswith("text/"):
            assert "charset=utf-8" in headers["Content-Type"]


def test_host_header_enters_no_address(client: FlaskClient) -> None:
    spoof = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}
    for address in ("/", "/id/bell/mair", "/doc/bell/mair", "/nope", "/geirfa"):
        response = client.get(address, headers={**HTML, **spoof})
        assert "evil.example" not in response.text + str(response.headers)


def test_every_vocabulary_answers_at_its_own_iri(client: FlaskClient, snapshot: Snapshot) -> None:
    files = [file for file in snapshot.files.values() if file.role in ("ontology", "shapes")]
    assert len(files) == 3
    for graph in {file.graph.value for file in files}:
        path = "/" + graph.removeprefix(BASE)
        said = {(f.subject, f.predicate, f.object) for f in snapshot.stated_in(graph)}
        assert said
        for address in (path, f"{path}.ttl"):
            response = client.get(address)
            assert (response.status_code, response.mimetype) == (200, "text/turtle")
            found = Dataset(parse(response.data, format=RdfFormat.TURTLE))
            assert len(found) == len(said)
        for address in (path, f"{path}.html"):
            page = client.get(address, headers=HTML)
            assert (page.status_code, page.mimetype) == (200, "text/html")
            assert f'<{graph}>; rel="describes"' in page.headers["Link"]
    for address in ("/geirfa/9.9.9", "/geirfa.xyz", "/geirfa/x y", "/geirfa/%3C%3E", "/graph/none"):
        assert client.get(address).status_code == 404


def test_named_graph_of_a_file_leads_to_what_is_said_of_it(client: FlaskClient, snapshot: Snapshot) -> None:
    for file in snapshot.files.values():
        path = "/" + file.graph.value.removeprefix(BASE)
        response = client.get(path)
        if file.role in ("ontology", "shapes"):
            assert response.status_code == 200
        else:
            assert response.status_code == 303
            assert client.get(response.headers["Location"]).status_code == 200
    inferred = client.get("/graph/inferred")
    assert (inferred.status_code, inferred.headers["Location"]) == (
        303,
        "/graphs?graph=" + quote(BASE + "graph/inferred", safe=""),
    )


def test_turtle_is_in_the_order_of_the_shapes_and_names_come_last(client: FlaskClient, snapshot: Snapshot) -> None:
    text = client.get("/doc/casting/y-fawr.ttl").text
    prefixes, _, body = text.partition("\n\n")
    for name in re.findall(r"@prefix ([\w-]*):", prefixes):
        assert f"{name}:" in body
    blocks = body.split("\n\n")
    assert blocks[0].startswith("casting:y-fawr\n")
    classes = snapshot.classes_of([BASE + "id/casting/y-fawr"], specific=False)[BASE + "id/casting/y-fawr"]
    wanted = [iri.rpartition("#")[2] for _, shown in snapshot.arranged(classes) for iri, _ in shown]
    found = [name for name in re.findall(r"^  cloch:(\w+) ", blocks[0], re.MULTILINE) if name in wanted]
    assert found == [name for name in wanted if name in found]
    assert len(found) > 2
    names = re.compile(r"\s*(rdfs:label|skos:prefLabel|\")")
    only_names = [all(names.match(line) for line in block.split("\n")[1:]) for block in blocks]
    first = only_names.index(True)
    assert all(only_names[first:-1])  # the last block is about the document


def test_format_in_the_address_wins_and_an_unknown_one_is_refused(client: FlaskClient) -> None:
    assert client.get("/doc/bell/mair?format=nt", headers=HTML).mimetype == "application/n-triples"
    assert client.get("/doc/bell/mair?_mediatype=text/turtle", headers=HTML).mimetype == "text/turtle"
    assert client.get("/id/bell/mair?format=jsonld").headers["Location"] == "/doc/bell/mair.jsonld"
    for address in ("/doc/bell/mair", "/id/bell/mair", "/doc/bell/mair.html", "/geirfa", "/dataset", "/fragments", "/"):
        for asked in ("?format=nonsense", "?_mediatype=image/png"):
            assert client.get(address + asked, headers=HTML).status_code in (400, 406)
