"""The whole graph as files: what they have, their checksums, and parts of them."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pyoxigraph import DefaultGraph, Quad, RdfFormat, parse

from kg.dumps import DUMPS, write_dumps
from kg.snapshot import GRAPH, Snapshot

ADDRESS = "/dumps/graph.nq.gz"


def test_every_dump_has_the_whole_graph(client: FlaskClient, snapshot: Snapshot) -> None:
    quads = set(parse(path=str(snapshot.path / GRAPH), format=RdfFormat.N_QUADS))
    union = {Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in quads}
    for name, form, wanted in (
        ("graph.nq.gz", RdfFormat.N_QUADS, quads),
        ("graph.trig.gz", RdfFormat.TRIG, quads),
        ("graph.ttl.gz", RdfFormat.TURTLE, union),
    ):
        response = client.get(f"/dumps/{name}")
        assert (response.status_code, response.mimetype) == (200, "application/gzip")
        assert int(response.headers["Content-Length"]) == len(response.data)
        assert set(parse(gzip.decompress(response.data), format=form)) == wanted
    assert client.get("/dumps/site.sqlite").status_code == client.get("/dumps/manifest.json").status_code == 404


def test_the_same_quads_give_the_same_files(snapshot: Snapshot, tmp_path: Path) -> None:
    write_dumps(snapshot.path / GRAPH, tmp_path, dict(reversed(snapshot.prefixes.items())))
    for name in DUMPS:
        assert (tmp_path / name).read_bytes() == (snapshot.path / name).read_bytes()


def test_checksums_are_those_of_the_files(client: FlaskClient) -> None:
    lines = client.get("/dumps/SHA256SUMS").text.splitlines()
    assert len(lines) == len(DUMPS)
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256(client.get(f"/dumps/{name}").data).hexdigest() == digest


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=5-", 5, None), ("bytes=-7", -7, None), ("bytes=10-99999999", 10, None)],
)
def test_a_part_of_a_file_can_be_had(client: FlaskClient, asked: str, start: int, end: int | None) -> None:
    whole = client.get(ADDRESS).data
    part = client.get(ADDRESS, headers={"Range": asked})
    assert (part.status_code, part.data) == (206, whole[start:end])
    first = start if start >= 0 else len(whole) + start
    assert part.headers["Content-Range"] == f"bytes {first}-{first + len(part.data) - 1}/{len(whole)}"
    assert int(part.headers["Content-Length"]) == len(part.data)


@pytest.mark.parametrize("asked", ["bytes=9-1", "bytes=a-b", "items=0-1", "bytes=0-1,4-5", "bytes=", "bytes=--1"])
def test_what_is_no_range_is_ignored(client: FlaskClient, asked: str) -> None:
    response = client.get(ADDRESS, headers={"Range": asked})
    assert (response.status_code, response.headers["Accept-Ranges"]) == (200, "bytes")


def test_a_range_behind_the_end_is_refused_with_the_size(client: FlaskClient) -> None:
    size = len(client.get(ADDRESS).data)
    for asked in (f"bytes={size}-", "bytes=-0"):
        response = client.get(ADDRESS, headers={"Range": asked})
        assert (response.status_code, response.headers["Content-Range"]) == (416, f"bytes */{size}")
        assert response.data == b""


def test_a_range_of_another_file_gets_the_whole(client: FlaskClient) -> None:
    tag = client.get(ADDRESS).headers["ETag"]
    assert client.get(ADDRESS, headers={"Range": "bytes=0-1", "If-Range": tag}).status_code == 206
    assert client.get(ADDRESS, headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status_code == 200
    assert client.get(ADDRESS, headers={"Range": "bytes=0-1", "If-None-Match": tag}).status_code == 304
    head = client.head(ADDRESS, headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.data) == (200, b"")
