"""Compares the engine's ways with the obvious others on the real graph, side by side, as ratios of medians."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import owlrl
import rdflib
from pyoxigraph import NamedNode, RdfFormat, serialize
from rich.console import Console
from rich.table import Table

from kg.build import ensure
from kg.project import Role, open_project
from kg.queries import ask
from kg.rules import Triple, compile_rules, infer
from kg.views import read_views

ROOT = Path(__file__).parents[1]
RUNS = 5


def pairs(first: Callable[[], object], second: Callable[[], object], runs: int = RUNS) -> tuple[float, float, float]:
    """Return the medians of two calls in seconds, and the median of their ratios, measured in turn."""
    times: list[tuple[float, float]] = []
    for _ in range(runs):
        marks = [time.perf_counter()]
        for call in (first, second):
            call()
            marks.append(time.perf_counter())
        times.append((marks[1] - marks[0], marks[2] - marks[1]))
    return (
        statistics.median(one for one, _ in times),
        statistics.median(other for _, other in times),
        statistics.median(other / one for one, other in times),
    )


def grow(root: Path) -> None:
    """Let every source of a graph speak once more, as another source and about relations of its own."""
    project = open_project(root)
    reading = project.read()
    source = project.expand(project.settings.source)
    documents = reading.documents[Role.SOURCE]
    named = {s.object for d in documents for s in d.statements if s[:2] == (d.graph, source)}
    known = {s.subject for d in reading.documents[Role.REGISTER] for s in d.statements}
    terms = {s.subject for d in documents for s in d.statements} - known | named
    names = {project.compact(term.value) for term in terms if isinstance(term, NamedNode)}
    registered = [d for d in reading.documents[Role.REGISTER] if named & d.subjects.keys()]
    for document in [*documents, *registered]:
        text = re.sub(r"[\w-]+:[\w.-]*\w", lambda name: f"{name[0]}-2" if name[0] in names else name[0], document.text)
        text = text.replace(f"<{document.graph.value}>", f"<{document.graph.value}-2>")
        path = root / document.path
        path.with_name(f"{path.stem}-2.ttl").write_text(text, encoding="utf-8")


def check_rows(root: Path) -> list[tuple[str, float, float, float]]:
    """Time `kg check` of a graph: nothing known, one file edited, nothing changed; as people run it."""
    project = open_project(root)
    number = sum(len(document.statements) for document in project.read().all())
    edited = next(path for role, path in project.turtle_files() if role is Role.SOURCE)

    def check(*, cold: bool = False, edit: bool = False) -> None:
        if cold:
            shutil.rmtree(project.snapshots / "checks", ignore_errors=True)
        if edit:
            edited.write_text(f"{edited.read_text(encoding='utf-8')}# {time.time_ns()}\n", encoding="utf-8")
        subprocess.run([sys.executable, "-m", "kg.cli", "-C", str(root), "check"], check=False, capture_output=True)

    return [
        (f"check of {number}: edited / cold", *pairs(lambda: check(edit=True), lambda: check(cold=True), 3)),
        (f"check of {number}: unchanged / cold", *pairs(check, lambda: check(cold=True), 3)),
    ]


def main() -> None:
    """Print one table."""
    project = open_project(ROOT)
    reading = project.read()
    stated = [Triple(*statement[:3]) for document in reading.all() for statement in document.statements]
    axioms = [Triple(*s[:3]) for document in reading.documents[Role.ONTOLOGY] for s in document.statements]
    rules = compile_rules(axioms).rules
    snapshot = ensure(project).snapshot
    data = snapshot.data()
    in_rdflib = rdflib.Graph()
    written = serialize(list(data.store.quads_for_pattern(None, None, None, None)), format=RdfFormat.N_QUADS)
    assert written is not None
    whole = rdflib.Dataset()
    whole.parse(data=written.decode(), format="nquads")
    for subject, predicate, value, _ in whole.quads():
        in_rdflib.add((subject, predicate, value))
    views = read_views(project)
    plain = [view for view in views if "GRAPH" not in view.query]

    def by_owlrl() -> None:
        graph = rdflib.Graph()
        for triple in stated:
            graph.add(tuple(rdflib.util.from_n3(str(term)) for term in triple))  # type: ignore[arg-type]
        owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)

    def by_rdflib() -> None:
        for view in plain:
            list(in_rdflib.query(view.query, initNs=dict(project.prefixes)))

    def here() -> None:
        for view in plain:
            ask(data, view.query)

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "graph"
        settings = project.settings
        for name in ("ontology", "data", "shapes", "views"):
            shutil.copytree(ROOT / name, copy / name)
        shutil.copy(ROOT / "kg.toml", copy)

        def build(*, cold: bool) -> None:
            if cold:
                shutil.rmtree(copy / settings.snapshot_folder, ignore_errors=True)
            command = "build" if cold else "query"
            arguments = [] if cold else [str(copy / "views" / f"{views[0].name}.rq")]
            subprocess.run([sys.executable, "-m", "kg.cli", "-C", str(copy), command, *arguments],
                           check=True, capture_output=True)  # fmt: skip

        rows = [
            ("inference: rules / owlrl", *pairs(lambda: infer(rules, stated), by_owlrl, 1)),
            (f"{len(plain)} views: store / rdflib", *pairs(here, by_rdflib, 3)),
            ("command: warm query / cold build", *pairs(lambda: build(cold=False), lambda: build(cold=True), 3)),
            *check_rows(copy),
        ]
        grow(copy)
        rows += check_rows(copy)
    table = Table("What", "Here, s", "Other, s", "Other / here", title=f"{len(stated)} statements")
    for what, one, other, ratio in rows:
        table.add_row(what, f"{one:.3f}", f"{other:.3f}", f"x{ratio:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
