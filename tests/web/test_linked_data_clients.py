"""Clients that people really use, over HTTP: curl, rdflib, rapper, extruct, signposting, Comunica."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, parse
from rdflib import Graph, URIRef
from tests.web.pages import BASE
from werkzeug.serving import make_server

from kg.snapshot import Snapshot
from kg.web import create_app


@pytest.fixture(scope="module")
def address(snapshots: Path) -> Iterator[str]:
    """The site of the bells at a free port of this machine, which it knows as its public address."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    found = f"http://127.0.0.1:{server.server_port}"
    server.app = create_app(snapshots, public_url=found)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def command(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*words: str, **options: object) -> bytes:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(words, capture_output=True, timeout=120, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_curl_follows_a_thing_to_its_turtle_and_unpacks_it(address: str) -> None:
    curl = [command("curl"), "--silent", "--fail", "--location", "--compressed"]
    turtle = run(*curl, f"{address}/id/bell/mair")
    wanted = {(q.subject, q.predicate, q.object) for q in parse(turtle, format=RdfFormat.TURTLE)}
    accept = "Accept: application/n-triples"
    lines = run(*curl, "--header", accept, f"{address}/id/bell/mair")
    assert {(q.subject, q.predicate, q.object) for q in parse(lines, format=RdfFormat.N_TRIPLES)} == wanted
    part = run(*curl, "--range", "0-1", f"{address}/dumps/graph.nq.gz")
    assert part == b"\x1f\x8b"


def test_rdflib_reads_a_thing_by_its_address(address: str) -> None:
    graph = Graph()
    graph.parse(f"{address}/id/bell/mair")
    assert (URIRef(BASE + "id/bell/mair"), None, None) in graph
    for form in ("json-ld", "xml", "nt", "turtle"):
        other = Graph()
        other.parse(f"{address}/id/bell/mair", format=form)
        assert len(other) == len(graph)


def test_rapper_reads_a_thing_by_its_address(address: str) -> None:
    lines = run(command("rapper"), "--quiet", "--guess", "--output", "ntriples", f"{address}/id/bell/mair")
    assert f"<{BASE}id/bell/mair>".encode() in lines
    for extension, form in (("ttl", "turtle"), ("rdf", "rdfxml"), ("nt", "ntriples")):
        found = run(command("rapper"), "--quiet", "--input", form, f"{address}/doc/bell/mair.{extension}")
        assert len(found.splitlines()) == len(lines.splitlines())


def test_extruct_finds_the_data_in_pages(address: str) -> None:
    extruct = pytest.importorskip("extruct", reason="extruct is not installed: pip install extruct")
    curl = [command("curl"), "--silent", "--fail"]
    (dataset,) = extruct.extract(run(*curl, f"{address}/dataset.html").decode(), syntaxes=["json-ld"])["json-ld"]
    assert dataset["@type"] == "Dataset"
    (entity,) = extruct.extract(run(*curl, f"{address}/doc/bell/mair.html").decode(), syntaxes=["json-ld"])["json-ld"]
    assert entity["@graph"]


def test_signposting_finds_the_way(address: str, snapshot: Snapshot) -> None:
    if importlib.util.find_spec("signposting") is None:
        pytest.skip("signposting is not installed: pip install signposting")
    from signposting import find_signposting_http

    found = find_signposting_http(f"{address}/dataset.html")
    assert found.citeAs is not None
    assert found.citeAs.target == BASE + "dataset"
    assert {item.target.rpartition("/")[2] for item in found.items} == {"graph.nq.gz", "graph.trig.gz", "graph.ttl.gz"}
    assert found.license is not None
    assert found.license.target == snapshot.settings.licence
    assert found.linksets
    assert {item.type for item in found.describedBy} >= {"text/turtle", "application/ld+json"}
    entity = find_signposting_http(f"{address}/doc/bell/mair.html")
    assert entity.citeAs is not None
    assert entity.citeAs.target == BASE + "id/bell/mair"


def test_comunica_joins_over_fragments(address: str, snapshot: Snapshot) -> None:
    comunica = os.environ.get("KG_COMUNICA") or shutil.which("comunica-sparql")
    if comunica is None:
        pytest.skip("Comunica is not installed: npm install --global @comunica/query-sparql")
    label = "http://www.w3.org/2000/01/rdf-schema#label"
    query = (
        f"SELECT ?bell ?name {{ ?bell a <{BASE}geirfa#Bell> ; <{label}> ?name . FILTER(LANG(?name) = 'de') }} "
        "ORDER BY ?bell"
    )
    rows = json.loads(run(comunica, f"{address}/fragments", query, "-t", "application/sparql-results+json"))
    found = [(row["bell"]["value"], row["name"]["value"]) for row in rows["results"]["bindings"]]
    store = snapshot.data().store
    wanted = [(s["bell"].value, s["name"].value) for s in store.query(query)]  # type: ignore[union-attr]
    assert found == wanted
    assert len(found) > 2
