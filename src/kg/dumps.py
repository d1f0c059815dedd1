"""The whole graph as compressed files to take away, each made of the same quads."""

from __future__ import annotations

import contextlib
import gzip
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyoxigraph import Quad, RdfFormat, Triple, parse, serialize

__all__ = ["DUMPS", "write_dumps"]

#: The files by name, with the type of what is packed in them, the preferred one first.
DUMPS: Mapping[str, str] = {
    "graph.nq.gz": "application/n-quads",
    "graph.trig.gz": "application/trig",
    "graph.ttl.gz": "text/turtle",
}


def write_dumps(graph: Path, folder: Path, prefixes: Mapping[str, str]) -> None:
    """Write the dumps of an N-Quads file into a folder: the same bytes for the same quads, whatever the clock says."""
    with graph.open("rb") as source, _packed(folder / "graph.nq.gz") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    quads = list(parse(path=str(graph), format=RdfFormat.N_QUADS))
    triples = dict.fromkeys(Triple(quad.subject, quad.predicate, quad.object) for quad in sorted(quads, key=_by_triple))
    named = {iri: name for name, iri in sorted(prefixes.items(), reverse=True)}  # one name for a namespace
    for name, found, form in (
        ("graph.trig.gz", sorted(quads, key=_by_graph), RdfFormat.TRIG),
        ("graph.ttl.gz", triples, RdfFormat.TURTLE),
    ):
        written = serialize(found, format=form, prefixes={name: iri for iri, name in named.items()})
        assert written is not None  # it is None only where there is a file to write to
        with _packed(folder / name) as target:
            target.write(_with_sorted_prefixes(written))


def _with_sorted_prefixes(written: bytes) -> bytes:
    """Return Turtle or TriG with its prefixes in order; the serialiser gives them in another one each time."""
    end = 0
    while written.startswith(b"@prefix ", end):
        end = written.index(b"\n", end) + 1
    return b"".join(sorted(written[:end].splitlines(keepends=True))) + written[end:]


def _by_graph(quad: Quad) -> str:
    # Sorting is stable: inside a graph, statements stay in the order of the file, that is by subject.
    return str(quad.graph_name)


def _by_triple(quad: Quad) -> tuple[str, str, str]:
    return str(quad.subject), str(quad.predicate), str(quad.object)


@contextlib.contextmanager
def _packed(path: Path) -> Iterator[gzip.GzipFile]:
    # Neither a name nor a time enters the file.
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed,
    ):
        yield packed
