"""What a client need not fetch again, and what it gets in fewer bytes."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from tests.web.pages import HTML

from kg.web import create_app

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture(scope="module")
def dated(committed: Path) -> FlaskClient:
    return create_app(committed / ".kg").test_client()


@pytest.mark.parametrize("address", ["/doc/bell/mair.ttl", "/doc/bell/mair.html", "/geirfa.jsonld", "/static/site.css"])
def test_body_is_packed_for_whoever_asks(client: FlaskClient, address: str) -> None:
    plain, packed = client.get(address), client.get(address, headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
    assert packed.headers["ETag"] != plain.headers["ETag"]
    for response in (plain, packed):
        assert "Accept-Encoding" in response.headers["Vary"]
    again = client.get(address, headers={**GZIP, "If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert (again.headers["ETag"], again.headers["Vary"]) == (packed.headers["ETag"], packed.headers["Vary"])
    assert client.get(address, headers={**GZIP, "If-None-Match": plain.headers["ETag"]}).status_code == 200
    head = client.head(address, headers=GZIP)
    assert head.headers["Content-Length"] == packed.headers["Content-Length"]


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip;q=0.1, identity;q=0.5", "gzip;q=x"])
def test_body_is_plain_for_whoever_does_not(client: FlaskClient, accepted: str) -> None:
    assert "Content-Encoding" not in client.get("/doc/bell/mair.ttl", headers={"Accept-Encoding": accepted}).headers


def test_small_bodies_and_packed_files_are_not_packed(client: FlaskClient) -> None:
    for address in ("/healthz", "/robots.txt", "/dumps/graph.nq.gz"):
        response = client.get(address, headers=GZIP)
        assert "Content-Encoding" not in response.headers
        assert "Accept-Encoding" not in response.headers.get("Vary", "")


def test_if_match_is_met_by_the_tag_and_by_any_tag(client: FlaskClient) -> None:
    tag = client.get("/doc/bell/mair.ttl").headers["ETag"]
    for value, status in ((tag, 200), ("*", 200), (f'"other", {tag}', 200), ('"other"', 412), (f"W/{tag}", 412)):
        assert client.get("/doc/bell/mair.ttl", headers={"If-Match": value}).status_code == status, value


def test_date_of_change_is_that_of_the_commit(dated: FlaskClient) -> None:
    for address in ("/doc/bell/mair.ttl", "/doc/bell/mair.html", "/", "/dumps/graph.nq.gz"):
        response = dated.get(address)
        assert response.headers["Last-Modified"] == "Sun, 03 May 2020 10:00:00 GMT"
        since = {"If-Modified-Since": response.headers["Last-Modified"]}
        assert dated.get(address, headers=since).status_code == 304
        both = {**since, "If-None-Match": '"other"'}
        assert dated.get(address, headers=both).status_code == 200
    # A later date may be that of a state that is served no more.
    later = {"If-Modified-Since": "Sun, 03 May 2021 10:00:00 GMT"}
    assert dated.get("/doc/bell/mair.ttl", headers=later).status_code == 200
    for address in ("/nope", "/id/bell/mair"):
        assert "Last-Modified" not in dated.get(address, headers=HTML).headers


def test_no_date_of_change_is_told_where_git_does_not_know(
    client: FlaskClient, committed: Path, rebuilt: Callable[[Path], FlaskClient]
) -> None:
    assert "Last-Modified" not in client.get("/doc/bell/mair.ttl").headers
    changed = committed / "README.md"
    text = changed.read_text(encoding="utf-8")
    try:
        changed.write_text(text + "\nMore.\n", encoding="utf-8")
        assert "Last-Modified" not in rebuilt(committed).get("/doc/bell/mair.ttl").headers
    finally:
        changed.write_text(text, encoding="utf-8")
        rebuilt(committed)


def test_what_is_kept_depends_on_the_kind_of_address(client: FlaskClient) -> None:
    assert client.get("/id/bell/mair").headers["Cache-Control"] == "public, max-age=60"
    assert client.get("/doc/bell/mair.ttl").headers["Cache-Control"] == "no-cache"
    page = client.get("/", headers=HTML).text
    style = page.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    assert client.get(style).headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("address", "accept", "status"),
    [
        ("/id/bell/mair", "text/turtle", 303),
        ("/doc/bell/mair", "text/turtle", 200),
        ("/doc/bell/mair", "image/png", 406),
        ("/geirfa", "image/png", 406),
        ("/fragments", "image/png", 406),
        ("/dataset", "text/html", 200),
        ("/dcat", "text/turtle", 200),
        ("/.well-known/void", "text/turtle", 303),
    ],
)
def test_whatever_is_negotiated_says_so(client: FlaskClient, address: str, accept: str, status: int) -> None:
    response = client.get(address, headers={"Accept": accept})
    assert response.status_code == status
    assert "Accept" in response.headers["Vary"].split(", ")
    if status == 200:
        again = client.get(address, headers={"Accept": accept, "If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.headers["Vary"]) == (304, response.headers["Vary"])
