"""Quads to the text of an RDF format, exactly as the sources wrote each literal, in an order made for reading."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from kg.errors import FormatError, QueryError
from kg.vocabulary import RDF, XSD

__all__ = ["FORMATS", "NOT_IN_XML", "Format", "Four", "Names", "json_ld", "json_ld_context", "n_triples", "write"]

Node = NamedNode | BlankNode
Value = Node | Literal | Triple
_TYPE = RDF.type


class Format:
    """One RDF format: the extension of its documents, its media type, and whether it keeps named graphs."""

    def __init__(self, extension: str, media_type: str, name: str, *, graphs: bool = False) -> None:
        self.extension, self.media_type, self.name, self.graphs = extension, media_type, name, graphs


#: By extension, the preferred one first.
FORMATS = {
    found.extension: found
    for found in (
        Format("ttl", "text/turtle", "Turtle"),
        Format("jsonld", "application/ld+json", "JSON-LD"),
        Format("nt", "application/n-triples", "N-Triples"),
        Format("rdf", "application/rdf+xml", "RDF/XML"),
        Format("trig", "application/trig", "TriG", graphs=True),
        Format("nq", "application/n-quads", "N-Quads", graphs=True),
    )
}


#: A quad whose terms are at hand: pyoxigraph makes them anew each time that they are asked for.
Four = tuple[Any, Any, Any, Any]


def write(quads: Iterable[Quad | Four], extension: str, prefixes: Mapping[str, str]) -> bytes:
    """Return quads in the format of an extension, in UTF-8; the order of subjects is that of the quads.

    Formats without named graphs give each triple once. Raises FormatError for a property that RDF/XML cannot name.
    """
    if extension not in FORMATS:
        raise ValueError(f"unknown extension: {extension}")
    fours = dict.fromkeys(
        (quad.subject, quad.predicate, quad.object, quad.graph_name) if isinstance(quad, Quad) else quad
        for quad in quads
    )
    if extension == "trig":
        return _trig(list(fours), prefixes).encode()
    if extension == "nq":
        return "".join(sorted(f"{Quad(*four)} .\n" for four in fours)).encode()
    default = DefaultGraph()
    triples = list(dict.fromkeys((four[0], four[1], four[2], default) for four in fours))
    if extension == "nt":
        return "".join(sorted(f"{Triple(*triple[:3])} .\n" for triple in triples)).encode()
    if extension == "rdf":
        return _rdf_xml(triples, prefixes)
    if extension == "jsonld":
        return (json.dumps(json_ld(triples, prefixes), ensure_ascii=False, indent=2) + "\n").encode()
    return _turtle(triples, prefixes).encode()


def n_triples(term: Value) -> str:
    """Return a term as N-Triples has it."""
    if isinstance(term, Triple):
        return f"<<( {n_triples(term.subject)} {n_triples(term.predicate)} {n_triples(term.object)} )>>"
    return str(term)


# --- RDF/XML ---------------------------------------------------------------------------------------------

#: Characters that no XML 1.0 document may hold, not even as a reference.
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


# What an XML name may end with: a NCName (Namespaces in XML 1.0, section 4), as long as it can be.
_NAME_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME_END = re.compile(f"[{_NAME_START}][-.0-9\u00b7\u0300-\u036f\u203f\u2040{_NAME_START}]*\\Z")


def _readable(name: str) -> bool:
    """Tell whether common readers take a name: since its fifth edition XML allows much that they do not know."""
    return all(c in "-._\u00b7" or (c <= "\uffff" and (c.isalnum() or unicodedata.combining(c))) for c in name)


def _split(iri: str) -> tuple[str, str]:
    """Return an IRI as a namespace and an XML name. Raises FormatError if it does not end like one."""
    match = _NAME_END.search(iri)
    if match is None or not _readable(match[0]):
        raise FormatError(
            "RDF/XML cannot name this property, whose IRI does not end like an XML name",
            term=f"<{iri}>",
            expected="another format: Turtle, JSON-LD, N-Triples, TriG or N-Quads",
        )
    return iri[: match.start()], match[0]


def _rdf_xml(quads: Sequence[Four], prefixes: Mapping[str, str]) -> bytes:
    """RDF/XML; a character that XML does not have is written as U+FFFD."""

    def clean(term: Any) -> Any:
        if not isinstance(term, Literal) or not NOT_IN_XML.search(term.value):
            return term
        text = NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", term.value)
        return (
            Literal(text, language=term.language, direction=term.direction)
            if term.language
            else Literal(text, datatype=term.datatype)
        )

    ordered = sorted((Triple(subject, predicate, clean(value)) for subject, predicate, value, _ in quads), key=str)
    # The serializer would take any prefix that fits, also where the rest of the IRI is no XML name.
    namespaces = {_split(four[1].value)[0] for four in quads}
    used = {
        name: iri
        for name, iri in prefixes.items()
        if iri in namespaces and re.fullmatch(r"(?!xml)[A-Za-z_][\w.-]*", name, re.IGNORECASE | re.ASCII)
    }
    written = serialize(ordered, format=RdfFormat.RDF_XML, prefixes=used)
    assert written is not None  # it is None only where there is a file to write to
    # A bare carriage return would be read as a line feed (XML 1.0, section 2.11).
    return written.replace(b"\r", b"&#xD;")


# --- Turtle and TriG -------------------------------------------------------------------------------------

# A part of PN_LOCAL that needs no escapes.
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[\w-]*[\w])?", re.ASCII)


class Names:
    """Shortens IRIs by a prefix table and remembers which prefixes were used."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self.prefixes = prefixes
        # Of two names of a namespace the first counts; of two namespaces that fit, the longer one.
        self.namespaces = {iri: name for name, iri in reversed(list(prefixes.items()))}
        # What has no local name behind its last "/" or "#" cannot be looked up by it.
        self.odd = sorted((iri for iri in self.namespaces if not iri.endswith(("/", "#"))), key=len, reverse=True)
        self.used: dict[str, str] = {}
        self._written: dict[Value, str] = {}

    def short(self, iri: str) -> str | None:
        end = max(iri.rfind("/"), iri.rfind("#")) + 1
        for namespace in (*(found for found in self.odd if iri.startswith(found)), iri[:end]):
            name = self.namespaces.get(namespace)
            if name is not None and _LOCAL.fullmatch(iri, len(namespace)):
                self.used[name] = namespace
                return f"{name}:{iri[len(namespace) :]}"
        return None

    def turtle(self, term: Value) -> str:
        found = self._written.get(term)
        if found is None:
            found = self._written[term] = self._turtle(term)
        return found

    def _turtle(self, term: Value) -> str:
        if isinstance(term, Triple):
            return f"<<( {' '.join(self.turtle(part) for part in term)} )>>"
        if isinstance(term, NamedNode):
            return self.short(term.value) or str(term)
        if isinstance(term, Literal) and not term.language and term.datatype != XSD.string:
            if term.datatype == XSD.integer and re.fullmatch(r"[+-]?[0-9]+", term.value):
                return term.value
            if term.datatype == XSD.decimal and re.fullmatch(r"[+-]?[0-9]*\.[0-9]+", term.value):
                return term.value
            if term.datatype == XSD.boolean and term.value in ("true", "false"):
                return term.value
            return f"{Literal(term.value)}^^{self.turtle(term.datatype)}"
        return str(term)


def _subjects(quads: Sequence[Four]) -> dict[Node, dict[NamedNode, list[Value]]]:
    found: dict[Any, dict[NamedNode, list[Any]]] = {}
    for subject, predicate, value, _ in quads:
        found.setdefault(subject, {}).setdefault(predicate, []).append(value)
    return found


def _block(quads: Sequence[Four], names: Names, indent: str = "") -> str:
    blocks = []
    for subject, properties in _subjects(quads).items():
        lines = [f"{indent}{names.turtle(subject)}"]
        ordered = sorted(properties, key=lambda predicate: predicate != _TYPE)
        for predicate in ordered:
            verb = "a" if predicate == _TYPE else names.turtle(predicate)
            values = sorted(names.turtle(value) for value in properties[predicate])
            joined = f" ,\n{indent}    ".join(values)
            lines.append(f"{indent}  {verb} {joined} ;")
        lines[-1] = lines[-1].removesuffix(" ;") + " ."
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _with_prefixes(body: str, names: Names) -> str:
    head = "\n".join(f"@prefix {name}: <{iri}> ." for name, iri in sorted(names.used.items()))
    return f"{head}\n\n{body}\n" if head else f"{body}\n"


def _turtle(quads: Sequence[Four], prefixes: Mapping[str, str]) -> str:
    names = Names(prefixes)
    return _with_prefixes(_block(quads, names), names)


def _trig(quads: Sequence[Four], prefixes: Mapping[str, str]) -> str:
    names = Names(prefixes)
    by_graph: dict[Any, list[Four]] = {}
    for quad in quads:
        by_graph.setdefault(quad[3], []).append(quad)
    blocks = []
    for graph, found in by_graph.items():
        if isinstance(graph, DefaultGraph):
            blocks.append(_block(found, names))
        else:
            blocks.append(f"{names.turtle(graph)} {{\n{_block(found, names, '  ')}\n}}")
    return _with_prefixes("\n\n".join(blocks), names)


# --- JSON-LD ---------------------------------------------------------------------------------------------


def json_ld(quads: Iterable[Four], prefixes: Mapping[str, str]) -> dict[str, Any]:
    """Return compact JSON-LD 1.1: prefixed names, and every literal with its text, so that none is rewritten.

    Graphs do not count; quads that differ in nothing else are to be given once.
    """
    quads = list(quads)
    # The empty prefix has no counterpart in JSON-LD, and one that is the scheme of an IRI would change that IRI.
    terms = {term for quad in quads for term in quad[:3]}
    iris = {term.value for term in terms if isinstance(term, NamedNode)}
    iris |= {term.datatype.value for term in terms if isinstance(term, Literal)}
    schemes = {iri.partition(":")[0] for iri in iris}
    names = Names({name: iri for name, iri in prefixes.items() if name and name not in schemes})

    def iri(value: str) -> str:
        return names.short(value) or value

    def value_of(term: Value) -> Any:
        if isinstance(term, Triple):
            raise QueryError("JSON-LD cannot say statements about statements", advice="Take another format.")
        if isinstance(term, NamedNode):
            return {"@id": iri(term.value)}
        if isinstance(term, BlankNode):
            return {"@id": str(term)}
        if term.language:
            found = {"@value": term.value, "@language": term.language}
            return found | ({"@direction": str(term.direction)} if term.direction is not None else {})
        if term.datatype == XSD.string:
            return term.value
        return {"@value": term.value, "@type": iri(term.datatype.value)}

    nodes = []
    for subject, properties in _subjects(quads).items():
        node: dict[str, Any] = {"@id": iri(subject.value) if isinstance(subject, NamedNode) else str(subject)}
        for predicate in sorted(properties, key=lambda found: found != _TYPE):
            values = properties[predicate]
            if predicate == _TYPE and all(isinstance(value, NamedNode) for value in values):
                written: list[Any] = sorted(iri(value.value) for value in values if isinstance(value, NamedNode))
                key = "@type"
            else:
                written = [value_of(value) for value in values]
                if len(written) > 1:
                    written.sort(key=json.dumps)
                key = iri(predicate.value)
            node[key] = written[0] if len(written) == 1 else written
        nodes.append(node)
    return {"@context": json_ld_context(names.used), "@graph": nodes}


def json_ld_context(prefixes: Mapping[str, str]) -> dict[str, Any]:
    """Return prefixes as a JSON-LD context; the empty one has no counterpart there."""
    return {
        # Only a namespace that ends in a delimiter is a prefix by itself (JSON-LD 1.1, section 4.1.5).
        name: namespace if namespace[-1] in ":/?#[]@" else {"@id": namespace, "@prefix": True}
        for name, namespace in sorted(prefixes.items())
        if name
    }
