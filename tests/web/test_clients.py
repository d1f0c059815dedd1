"""Programs that people really use, against a running `kg serve`; and many of them at once."""

from __future__ import annotations

import contextlib
import csv
import http.client
import importlib.util
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode
from urllib.request import urlopen

import pytest
from rdflib import Graph, URIRef
from rdflib.namespace import RDFS
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, JSON, N3, POST, POSTDIRECTLY, RDFXML, TSV, TURTLE, XML, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed
from tests import building
from tests.building import ROOT, built_copy, environment, until
from tests.test_supervisor import Served, served
from tests.web.pages import BASE

BELLS = f"SELECT ?bell WHERE {{ ?bell a <{BASE}geirfa#Bell> }} ORDER BY ?bell"
NAMES = ["cloch-y-dwr", "efydd-y-gors", "mair", "y-fawr"]
IRIS = [f"{BASE}id/bell/{name}" for name in NAMES]
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    world = built_copy(building.bells(), tmp_path_factory.mktemp("clients") / "world")
    with (world / "kg.toml").open("a", encoding="utf-8") as file:
        file.write("\n[limits]\nquery_seconds = 2\nresult_rows = 500\nqueue = 8\n")
    with served(world) as found:
        assert until(found.is_well, seconds=60)
        yield found


@pytest.fixture(scope="module")
def endpoint(server: Served) -> str:
    return f"http://127.0.0.1:{server.port}/sparql"


def run(*words: str, cwd: Path | None = None, stdin: str = "", **more: str) -> str:
    done = subprocess.run(
        words, cwd=cwd, input=stdin, capture_output=True, text=True, env=environment(**more), timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed here")
    return found


# --- one at a time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["--data-urlencode", f"query={BELLS}"],
        ["-G", "--data-urlencode", f"query={BELLS}"],
        ["-H", "Content-Type: application/sparql-query", "--data-binary", BELLS],
        ["-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/sparql-query", "--data-binary", BELLS],
        ["-H", "Expect: 100-continue", "--data-urlencode", f"query={BELLS}"],
        ["--http2", "--data-urlencode", f"query={BELLS}"],
        ["--http1.0", "--data-urlencode", f"query={BELLS}"],
        ["--compressed", "--data-urlencode", f"query={BELLS}"],
    ],
)
def test_curl(endpoint: str, words: list[str]) -> None:
    found = run(needs("curl"), "-sS", "--fail-with-body", "-H", "Accept: text/csv", *words, endpoint)
    assert found.splitlines() == ["bell", *IRIS]


def wrapper(endpoint: str, query: str, form: str) -> SPARQLWrapper:
    found = SPARQLWrapper(endpoint)
    found.setQuery(query)
    found.setReturnFormat(form)
    return found


@pytest.mark.parametrize("form", [JSON, XML, CSV, TSV])
def test_sparqlwrapper_reads_rows(endpoint: str, form: str) -> None:
    found = wrapper(endpoint, BELLS, form).queryAndConvert()
    text = found.toxml() if form == XML else json.dumps(found) if form == JSON else found.decode()
    assert re.findall(rf"{BASE}id/bell/([\w-]+)", text) == NAMES


@pytest.mark.parametrize("form", [TURTLE, N3, RDFXML])
def test_sparqlwrapper_reads_triples(endpoint: str, form: str) -> None:
    found = wrapper(endpoint, f"DESCRIBE <{IRIS[2]}>", form).queryAndConvert()
    graph = found if isinstance(found, Graph) else Graph().parse(data=found)
    assert {str(label) for label in graph.objects(URIRef(IRIS[2]), RDFS.label)} == {"Cloch Fair", "Marienglocke"}


def test_sparqlwrapper_posts_and_asks_and_hears_of_mistakes(endpoint: str) -> None:
    for way in ("urlencoded", POSTDIRECTLY):
        asking = wrapper(endpoint, "ASK { ?bell a cloch:Bell }", JSON)
        asking.setMethod(POST)
        if way == POSTDIRECTLY:
            asking.setRequestMethod(POSTDIRECTLY)
        assert asking.queryAndConvert()["boolean"] is True
    asking.addDefaultGraph("urn:unknown")
    assert asking.queryAndConvert()["boolean"] is False
    with pytest.raises(QueryBadFormed, match='"column": 20'):
        wrapper(endpoint, "SELECT * { ?s ?p   }", JSON).queryAndConvert()


def test_rdflib_asks_us_as_a_service(endpoint: str) -> None:
    mine = Graph()
    mine.add((URIRef(IRIS[2]), URIRef("urn:mine"), URIRef("urn:yes")))
    found = mine.query(f"""SELECT ?bell ?label WHERE {{
      ?bell <urn:mine> <urn:yes> .
      SERVICE <{endpoint}> {{ ?bell <{RDFS.label}> ?label }}
    }}""")
    assert {str(row.label) for row in found} == {"Cloch Fair", "Marienglocke"}


def test_rdflib_reads_us_as_a_store(endpoint: str) -> None:
    graph = Graph(SPARQLStore(endpoint, returnFormat="json"))
    assert {str(label) for label in graph.objects(URIRef(IRIS[2]), RDFS.label)} == {"Cloch Fair", "Marienglocke"}
    assert (URIRef(IRIS[2]), RDFS.label, None) in graph
    assert [str(row.bell) for row in graph.query(BELLS)] == IRIS
    assert len(graph) == building.bells().snapshot.triple_count


def test_rdflib_reads_whole_graphs_and_the_description(endpoint: str, server: Served) -> None:
    graphs = f"http://127.0.0.1:{server.port}/graphs?graph="
    assert len(Graph().parse(graphs + quote(f"{BASE}graph/register/bell/mair", safe=""))) == 7
    described = Graph().parse(endpoint)
    (address,) = described.objects(None, URIRef("http://www.w3.org/ns/sparql-service-description#endpoint"))
    assert str(address) == endpoint


def address_of_csv(endpoint: str) -> str:
    query = "SELECT ?bell ?label WHERE { ?bell a cloch:Bell ; rdfs:label ?label } ORDER BY ?bell ?label"
    return f"{endpoint}?{urlencode({'query': query, 'format': 'csv'})}"


def test_a_table_is_read_from_its_address(endpoint: str) -> None:
    with urlopen(address_of_csv(endpoint)) as response:
        rows = list(csv.DictReader(io.TextIOWrapper(response, "utf-8", newline="")))
    assert len(rows) == 8
    assert {row["bell"] for row in rows} == set(IRIS)


def test_pandas_reads_a_table_from_its_address(endpoint: str) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed here")
    table = pandas.read_csv(address_of_csv(endpoint))
    assert list(table.columns) == ["bell", "label"]
    assert len(table) == 8


COMUNICA = """
const { QueryEngine } = require('@comunica/query-sparql');
const [address, query] = process.argv.slice(1);
new QueryEngine().queryBindings(query, { sources: [address] })
  .then(found => found.toArray())
  .then(rows => console.log(JSON.stringify(rows.map(row => row.get('bell').value).sort())))
  .catch(error => { console.error(error); process.exit(1); });
"""


def test_comunica_asks_us(endpoint: str) -> None:
    """Its package is looked for where Node looks: in the folders of NODE_PATH."""
    node = needs("node")
    path = os.environ.get("NODE_PATH", "")
    there = subprocess.run(
        [node, "-e", "require('@comunica/query-sparql')"], capture_output=True, env=environment(NODE_PATH=path)
    )
    if there.returncode:
        pytest.skip("the npm package @comunica/query-sparql is not in NODE_PATH, or not for this Node")
    query = f"SELECT * WHERE {{ ?bell a <{BASE}geirfa#Bell> ; <{BASE}geirfa#castBy> ?maker }}"
    with urlopen(f"{endpoint}?{urlencode({'query': query})}") as response:
        ours = sorted(row["bell"]["value"] for row in json.load(response)["results"]["bindings"])
    assert ours
    assert json.loads(run(node, "-e", COMUNICA, endpoint, query, NODE_PATH=path)) == ours


# --- the examples of the documentation -------------------------------------------------------------------

PAGE = (ROOT / "docs" / "how-to" / "query-over-http.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(console|python|r)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_has_examples() -> None:
    assert Counter(language for language, _ in BLOCKS) == {"console": 6, "python": 4, "r": 1}


@pytest.mark.parametrize(("language", "text"), BLOCKS)
def test_each_example_of_the_documentation_runs(server: Served, tmp_path: Path, language: str, text: str) -> None:
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    if language == "console":
        needs("curl")
        for line in text.splitlines():
            assert line.startswith("$ ")
            out = run("sh", "-ec", line[2:].replace("curl ", "curl -sS --fail-with-body ", 1), cwd=tmp_path)
            assert out or ">" in line
    elif language == "r":
        assert run(needs("Rscript"), "-e", text)
    elif "pandas" in text and importlib.util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed here")
    else:
        assert len(run(sys.executable, "-c", text).splitlines()) > 3


# --- many at once ----------------------------------------------------------------------------------------


class Greedy:
    """Clients of one address that ask endless queries, one after the other, each another one; in the end they leave."""

    def __init__(self, port: int, clients: int) -> None:
        self.port, self.stop = port, threading.Event()
        self.statuses: Counter[int] = Counter()
        self.without_hint = 0
        self.connections: dict[int, http.client.HTTPConnection] = {}
        self.threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(clients)]

    def ask(self, number: int) -> None:
        turn = 0
        while not self.stop.is_set():
            turn += 1
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=("127.0.0.2", 0))
            self.connections[number] = connection
            try:
                connection.request("GET", f"/sparql?{urlencode({'query': f'{ENDLESS} # {number} {turn}'})}")
                response = connection.getresponse()
            except (OSError, http.client.HTTPException):
                if self.stop.is_set():
                    return
                raise
            self.statuses[response.status] += 1
            self.without_hint += response.getheader("Retry-After") is None
            response.read()
            connection.close()
            self.stop.wait(0.1)

    def __enter__(self) -> Greedy:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for connection in list(self.connections.values()):
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(120)


def get(port: int, query: str, path: str = "/sparql") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", f"{path}?{urlencode({'query': query})}" if query else path)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def attack(server: Served, *, clients: int, questions: int) -> Counter[int]:
    with Greedy(server.port, clients) as greedy:
        assert until(lambda: greedy.statuses[429] > 0 and greedy.statuses[504] > 0, seconds=120)
        found: Counter[int] = Counter()
        for number in range(questions):
            found[get(server.port, f"{BELLS} # {number}")[0]] += 1
            if number % 5 == 0:
                assert get(server.port, "", path="/healthz")[0] == 200
                assert get(server.port, "", path=f"/views/hung-after.csv?after=1400-01-{number % 28 + 1:02}")[0] == 200
    assert set(greedy.statuses) <= {429, 503, 504}
    assert greedy.without_hint == 0
    return found


def test_endless_clients_of_one_address_keep_nobody_waiting(server: Served) -> None:
    assert attack(server, clients=10, questions=20)[200] >= 19
    assert until(lambda: get(server.port, f"{BELLS} # after")[0] == 200)


@pytest.mark.torture
def test_thirty_endless_clients_leave_95_of_100_others_answered(server: Served) -> None:
    assert attack(server, clients=30, questions=100)[200] >= 95


def metric(port: int, name: str) -> int:
    text = get(port, "", path="/metrics")[2].decode()
    return sum(int(float(line.rpartition(" ")[2])) for line in text.splitlines() if line.startswith(name))


def test_a_client_that_leaves_frees_its_executor(server: Served) -> None:
    def leave(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("GET", f"/sparql?{urlencode({'query': f'{ENDLESS} # leaving {number}'})}")
        assert until(lambda: metric(server.port, "kg_queries_working ") > 0)
        connection.close()
        assert until(lambda: metric(server.port, "kg_queries_working ") == 0)

    left = 'kg_queries_total{result="left"}'
    before = metric(server.port, left)
    for number in range(5):  # on a machine that is very busy its time may be over before it is ended
        leave(number)
        if metric(server.port, left) > before:
            break
    else:
        pytest.fail("every one went on to its deadline")


def test_a_body_and_an_address_that_are_too_large_are_refused(server: Served) -> None:
    assert get(server.port, f"{BELLS} #{'x' * 8000}")[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Content-Type": "application/sparql-query"}
    connection.request("POST", "/sparql", body=BELLS.encode() + b" #" + b"x" * 8_000_000, headers=headers)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_repeated_question_costs_no_executor(server: Served) -> None:
    assert get(server.port, f"{BELLS} # again")[0] == 200
    before = metric(server.port, 'kg_queries_total{result="asked"}')
    for accept in ("*/*", "application/json", "application/sparql-results+json;q=0.5"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        query = urlencode({"query": f"{BELLS} # again"})
        connection.request("GET", f"/sparql?{query}", headers={"Accept": accept})
        assert connection.getresponse().read()
        connection.request("POST", "/sparql", body=query, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert connection.getresponse().read()
        connection.close()
    assert metric(server.port, 'kg_queries_total{result="asked"}') == before
