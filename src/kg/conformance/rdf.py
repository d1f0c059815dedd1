"""RDF that strangers send: parsed harmlessly, and compared whatever its blank nodes are called."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.parsers import expat

from pyoxigraph import BlankNode, CanonicalizationAlgorithm, Dataset, DefaultGraph, Quad, RdfFormat, parse, serialize

__all__ = ["FORMATS", "Unreadable", "differing", "read", "union"]

#: The formats by their registered media types, those for one graph first.
FORMATS: Mapping[str, RdfFormat] = {
    "text/turtle": RdfFormat.TURTLE,
    "application/ld+json": RdfFormat.JSON_LD,
    "application/rdf+xml": RdfFormat.RDF_XML,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/trig": RdfFormat.TRIG,
    "application/n-quads": RdfFormat.N_QUADS,
}

# schema.org is read by its vocabulary alone; its context is long, and not asked for.
_SCHEMA = {"https://schema.org", "http://schema.org"}
_DEPTH = 512
_COMPARE_SECONDS = 10
# So many blank nodes are compared in good time, however they are tied together.
_FEW = 5


class Unreadable(ValueError):
    """A body that is not the RDF that it says it is."""


def read(body: bytes, media_type: str, base: str, load: Callable[[str], object] | None = None) -> list[Quad]:
    """Return the statements of a body. Raises Unreadable.

    `load` fetches a context that JSON-LD names by its address.
    """
    if media_type not in FORMATS:
        raise Unreadable(f"{media_type or 'no type'} is not a type of RDF that this command reads")
    try:
        if media_type == "application/rdf+xml":
            _guard_xml(body)
        elif media_type == "application/ld+json":
            body = json.dumps(_with_contexts(json.loads(body), base, load, 4)).encode()
        return list(parse(body, format=FORMATS[media_type], base_iri=base))
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except (SyntaxError, ValueError, expat.ExpatError) as error:
        raise Unreadable(f"not {media_type}: {str(error)[:200]}") from None


def _guard_xml(body: bytes) -> None:
    """Refuse XML that no parser gets through in good time: nested without end, or entities within entities."""
    depth = 0

    def start(name: str, attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH:
            raise Unreadable(f"XML nested deeper than {_DEPTH}")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(name: str, parameter: bool, value: str | None, *rest: Any) -> None:
        if value is None or "&" in value or len(value) > 2048:
            raise Unreadable(f"XML with the entity {name}, which is not a plain short text")

    reader = expat.ParserCreate()
    reader.StartElementHandler, reader.EndElementHandler, reader.EntityDeclHandler = start, end, entity
    reader.Parse(body, True)


def _with_contexts(value: object, base: str, load: Callable[[str], object] | None, steps: int) -> object:
    """Return JSON-LD with the contexts that it names by address put in their place."""
    if isinstance(value, list):
        return [_with_contexts(part, base, load, steps) for part in value]
    if not isinstance(value, dict):
        return value
    found = {key: part if key == "@context" else _with_contexts(part, base, load, steps) for key, part in value.items()}
    if "@context" in found:
        found["@context"] = _context(found["@context"], load, steps)
    return found


def _context(context: object, load: Callable[[str], object] | None, steps: int) -> object:
    if isinstance(context, list):
        return [_context(part, load, steps) for part in context]
    if not isinstance(context, str):
        return context
    if context.rstrip("/") in _SCHEMA:
        return {"@vocab": "http://schema.org/"}
    if load is None or steps == 0:
        raise Unreadable(f"its context <{context}> cannot be had")
    loaded = load(context)
    return _context(loaded["@context"] if isinstance(loaded, dict) and "@context" in loaded else {}, load, steps - 1)


def union(quads: Iterable[Quad]) -> set[Quad]:
    """Return the statements without their named graphs."""
    return {Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()) for quad in quads}


def differing(one: Iterable[Quad], other: Iterable[Quad]) -> list[str]:
    """Return statements, as N-Triples, that are not in both; nothing if they say the same.

    Blank nodes are compared by RDFC-1.0. Raises Unreadable where that takes too long.
    """
    ours, theirs = union(one), union(other)
    if any(isinstance(term, BlankNode) for quad in ours | theirs for term in (quad.subject, quad.object)):
        ours, theirs = _canonical(ours), _canonical(theirs)
    return sorted(f"{quad.subject} {quad.predicate} {quad.object}" for quad in ours ^ theirs)


def _canonical(quads: set[Quad]) -> set[Quad]:
    """Return statements with canonical names of blank nodes; for many nodes, made in a process that can be ended."""
    nodes = {term for quad in quads for term in (quad.subject, quad.object) if isinstance(term, BlankNode)}
    if len(nodes) <= _FEW:
        dataset = Dataset(quads)
        dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
        return set(dataset)
    text = serialize(quads, format=RdfFormat.N_QUADS) or b""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kg.conformance.rdf"], input=text, capture_output=True, timeout=_COMPARE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(f"its blank nodes cannot be compared within {_COMPARE_SECONDS} s") from None
    if done.returncode:
        raise Unreadable("its blank nodes cannot be compared")
    return set(parse(done.stdout, format=RdfFormat.N_QUADS))


def _main() -> None:
    dataset = Dataset(parse(sys.stdin.buffer, format=RdfFormat.N_QUADS))
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    sys.stdout.buffer.write(serialize(dataset, format=RdfFormat.N_QUADS) or b"")


if __name__ == "__main__":
    _main()
