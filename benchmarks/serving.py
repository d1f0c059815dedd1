"""Measures what an entity's page costs the handler, and compares `kg serve` with other servers of the same data.

What a page costs is time of the processor, in this process, beside Turtle about the same thing; no cache has it.
Then come oxigraph and nginx. The load comes from `wrk`; `oxigraph` (its command, from PyPI) and `nginx` are looked for
on PATH. A row whose server is missing is left out, and said so. Each pair is measured in turn, several times, on the
loopback address only.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from urllib.request import Request, urlopen

from rich.console import Console
from rich.table import Table
from werkzeug.test import EnvironBuilder, run_wsgi_app

from kg.build import ensure
from kg.project import open_project
from kg.snapshot import GRAPH, Snapshot
from kg.web import create_app

ROOT = Path(__file__).parents[1]
SECONDS, RUNS, CONNECTIONS = 4, 3, 4
# Of so many things the documents about one are measured.
EVERY = 40

QUESTIONS = {
    "a tiny ASK": "ASK { ?s a ?class }",
    "100 rows": "SELECT ?s ?p ?o WHERE { GRAPH ?g { ?s ?p ?o } } LIMIT 100",
    "50,000 rows": "SELECT ?a ?b ?o WHERE { GRAPH ?g { ?a a ?o } GRAPH ?h { ?b a ?o } } LIMIT 50000",
}
RESULTS = "application/sparql-results+json"


class Measured(NamedTuple):
    """What a server did under load: answers a second, median and 99th percentile in milliseconds, failed requests."""

    rate: float
    median: float
    slow: float
    failed: int


def free_port() -> int:
    """Return a port of the loopback address that nobody has."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@contextlib.contextmanager
def serving(command: Sequence[str], address: str) -> Iterator[None]:
    """Run a server until the block ends; the block begins when the server answers."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                urlopen(address, timeout=5).close()
                break
            if child.poll() is not None:
                sys.exit(f"this server did not start: {' '.join(command)}")
            time.sleep(0.1)
        yield
    finally:
        child.terminate()
        child.wait(timeout=20)


def load(address: str, accept: str, *, fresh: bool) -> Measured:
    """Return how a server does under load; `fresh` makes each request another one, so that no cache helps."""
    split = re.match(r"(https?://[^/]+)(.*)", address)
    assert split is not None
    # A comment at the end of the query is another query to a cache, and the same one to an engine.
    target = f'"{split[2]}%20%23" .. string.format("%.0f", counter)' if fresh else f'"{split[2]}"'
    # The seed is the time, so that the next run begins elsewhere.
    script = (
        f'counter = {time.time_ns() // 1000}\nheaders = {{ ["Accept"] = "{accept}" }}\n'
        f'request = function()\n  counter = counter + 1\n  return wrk.format("GET", {target}, headers)\nend\n'
        "done = function(summary, latency)\n"
        '  io.write(string.format("MEASURED %f %f %f %d\\n", summary.requests / summary.duration * 1e6, '
        "latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, summary.errors.status + summary.errors.timeout "
        "+ summary.errors.read + summary.errors.connect))\nend\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "20s", "-s", file.name, split[1]]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"MEASURED (\S+) (\S+) (\S+) (\d+)", printed)
    assert found is not None, printed
    return Measured(float(found[1]), float(found[2]), float(found[3]), int(found[4]))


def in_turn(ours: str, other: str, accept: str, *, fresh: bool) -> tuple[Measured, Measured]:
    """Return the medians of two servers, each measured several times in turn."""
    both: list[tuple[Measured, Measured]] = []
    for _ in range(RUNS):
        both.append((load(ours, accept, fresh=fresh), load(other, accept, fresh=fresh)))
    return middle([one for one, _ in both]), middle([other for _, other in both])


def middle(runs: Sequence[Measured]) -> Measured:
    """Return the median of each figure, and the sum of what failed."""
    rate, median, slow = (statistics.median(column) for column in zip(*(run[:3] for run in runs), strict=True))
    return Measured(rate, median, slow, sum(run.failed for run in runs))


def compare_endpoints(table: Table, address: str, snapshot: Snapshot, folder: Path) -> None:
    """Add the rows of SPARQL queries beside oxigraph's server."""
    if shutil.which("oxigraph") is None:
        table.add_row("SPARQL", "left out: no oxigraph on PATH (pip install oxigraph)")
        return
    there = folder / "oxigraph"
    graph = str(snapshot.path / GRAPH)
    subprocess.run(["oxigraph", "load", "--location", there, "--file", graph], check=True, capture_output=True)
    port = free_port()
    command = ["oxigraph", "serve-read-only", "--location", str(there), "--bind", f"127.0.0.1:{port}"]
    other = f"http://127.0.0.1:{port}/"
    with serving(command, other):
        for what, text in QUESTIONS.items():
            for fresh in (True, False):
                query = quote(text, safe="")
                pair = in_turn(f"{address}sparql?query={query}", f"{other}query?query={query}", RESULTS, fresh=fresh)
                add(table, f"{what}, {'each time another' if fresh else 'repeated'}", *pair)


def compare_documents(table: Table, address: str, snapshot: Snapshot, folder: Path) -> None:
    """Add the rows of an entity's documents beside the same bytes as files of nginx."""
    if shutil.which("nginx") is None:
        table.add_row("documents", "left out: no nginx on PATH")
        return
    kind, _ = max(snapshot.kinds(), key=lambda found: found[1])
    iri = snapshot.entities(kind)[0]
    path = "doc/" + iri.removeprefix(snapshot.settings.entity_base)
    files = folder / "files"
    for extension in ("html", "ttl"):
        file = files / f"{path}.{extension}"
        file.parent.mkdir(parents=True, exist_ok=True)
        with urlopen(Request(f"{address}{path}.{extension}")) as response:
            file.write_bytes(response.read())
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null; events {{ }}\n"
        f"http {{ access_log off; types {{ text/html html; text/turtle ttl; }} "
        f"client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; "
        f"uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; "
        f"server {{ listen 127.0.0.1:{port}; root {files}; }} }}\n"
    )
    folder.chmod(0o755)  # nginx's worker is another user where its master is root
    other = f"http://127.0.0.1:{port}/"
    with serving(["nginx", "-c", str(configuration), "-p", str(folder)], f"{other}{path}.ttl"):
        for extension in ("html", "ttl"):
            pair = in_turn(f"{address}{path}.{extension}", f"{other}{path}.{extension}", "*/*", fresh=False)
            add(table, f"/{path}.{extension}", *pair)


def add(table: Table, what: str, ours: Measured, other: Measured) -> None:
    """Add a row: rates, latencies, and how many times as often the other one answers."""
    cells = [f"{one.rate:,.0f}/s, {one.median:.2f} ms, {one.slow:.1f} ms" for one in (ours, other)]
    failed = f" ({ours.failed} and {other.failed} failed)" if ours.failed or other.failed else ""
    table.add_row(what + failed, *cells, f"x{other.rate / ours.rate:.2f}")


def compare_pages(snapshots: Path, snapshot: Snapshot) -> Table:
    """Return what the handler takes for documents that it has not made before, after as many others."""
    base = snapshot.settings.entity_base
    things = [iri.removeprefix(base) for kind, _ in snapshot.kinds() for iri in snapshot.entities(kind)]
    # Each with a memory of its own, so that none finds what the other has read.
    apps = {extension: create_app(snapshots) for extension in ("html", "ttl")}
    times: dict[str, list[float]] = {}
    for start in (EVERY // 2, 0):  # the first time only to be warm
        times = {extension: [] for extension in apps}
        for thing in things[start::EVERY]:
            for extension, app in apps.items():
                environ = EnvironBuilder(f"/doc/{thing}.{extension}").get_environ()
                before = time.process_time()
                run_wsgi_app(app, environ, buffered=True)
                times[extension].append((time.process_time() - before) * 1e3)
    title = "CPU of the handler for one document in milliseconds"
    table = Table("Documents", "Median", "90th percentile", "Median / Turtle", title=title)
    turtle = statistics.median(times["ttl"])
    for extension, found in times.items():
        half, slow = statistics.median(found), statistics.quantiles(found, n=10)[-1]
        table.add_row(f"{len(found)} .{extension}", f"{half:.2f}", f"{slow:.2f}", f"x{half / turtle:.2f}")
    return table


def main() -> None:
    """Print two tables."""
    project = open_project(ROOT)
    snapshot = ensure(project).snapshot
    Console(width=140).print(compare_pages(project.snapshots, snapshot))
    if shutil.which("wrk") is None:
        print("serving: left out, because wrk, which makes the load, is not on PATH (Debian's package wrk)")
        return
    title = f"requests a second, median and 99th percentile; {CONNECTIONS} connections"
    table = Table("What", "Here", "Other", "Other / here", title=title)
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "kg.cli", "-C", str(ROOT), "serve", "--port", str(port)]
    with tempfile.TemporaryDirectory() as name, serving(command, address):
        compare_endpoints(table, address, snapshot, Path(name))
        compare_documents(table, address, snapshot, Path(name))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
