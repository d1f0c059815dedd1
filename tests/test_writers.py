"""What is written in an RDF format is, read again, the same graph to the last character of each literal."""

from __future__ import annotations

import functools
import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    parse,
)
from tests.building import WORLDS, in_default_graph

from kg.entities import describe
from kg.errors import FormatError
from kg.writers import FORMATS, write

READERS = {
    "ttl": RdfFormat.TURTLE,
    "jsonld": RdfFormat.JSON_LD,
    "nt": RdfFormat.N_TRIPLES,
    "rdf": RdfFormat.RDF_XML,
    "trig": RdfFormat.TRIG,
    "nq": RdfFormat.N_QUADS,
}
E = "https://bells.example/"
XSD = "http://www.w3.org/2001/XMLSchema#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PREFIXES = {"e": E, "xsd": XSD, "rdf": RDF, "": E + "empty/"}
S, P = NamedNode(E + "s"), NamedNode(E + "p")


def canonical(quads: Sequence[Quad]) -> list[str]:
    if not any(isinstance(term, BlankNode) for quad in quads for term in quad):
        return sorted(set(map(str, quads)))
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return sorted(map(str, dataset))


def read(data: bytes, extension: str) -> list[Quad]:
    return list(parse(data, format=READERS[extension]))


def assert_same_again(quads: Sequence[Quad], prefixes: Mapping[str, str], extension: str) -> bytes:
    data = write(quads, extension, prefixes)
    wanted = list(quads) if FORMATS[extension].graphs else in_default_graph(quads)
    assert canonical(read(data, extension)) == canonical(wanted), data.decode()
    return data


def fact(value: NamedNode | BlankNode | Literal, predicate: NamedNode = P) -> list[Quad]:
    return [Quad(S, predicate, value, DefaultGraph())]


def test_there_is_a_reader_here_for_every_format() -> None:
    assert set(READERS) == set(FORMATS)


@functools.cache
def documents(world: str, every: int) -> list[list[Quad]]:
    """The quads of the document about every entity of a world, or about every third, fourth … of them."""
    snapshot = WORLDS[world]().snapshot
    iris = [
        iri for (iri,) in snapshot.rows("SELECT value FROM entity JOIN term ON term.id = entity.term ORDER BY value")
    ]
    descriptions = [describe(snapshot, iri) for iri in iris[::every]]
    return [list(description.quads(snapshot)) for description in descriptions if description is not None]


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize(
    ("world", "every"), [("bells", 1), ("flagship", 60), pytest.param("flagship", 1, marks=pytest.mark.torture)]
)
def test_every_entity_is_the_same_graph_in_every_format(world: str, every: int, extension: str) -> None:
    assert len(documents(world, every)) > 20
    for quads in documents(world, every):
        assert_same_again(quads, WORLDS[world]().snapshot.prefixes, extension)


LITERALS = [
    Literal("01", datatype=NamedNode(XSD + "integer")),
    Literal("+7", datatype=NamedNode(XSD + "integer")),
    Literal("-0", datatype=NamedNode(XSD + "integer")),
    Literal("", datatype=NamedNode(XSD + "integer")),
    Literal(" 1 ", datatype=NamedNode(XSD + "integer")),
    Literal("48.8500", datatype=NamedNode(XSD + "decimal")),
    Literal(".5", datatype=NamedNode(XSD + "decimal")),
    Literal("5.", datatype=NamedNode(XSD + "decimal")),
    Literal("1e0", datatype=NamedNode(XSD + "double")),
    Literal("1.0E+00", datatype=NamedNode(XSD + "double")),
    Literal("true", datatype=NamedNode(XSD + "boolean")),
    Literal("1", datatype=NamedNode(XSD + "boolean")),
    Literal("TRUE", datatype=NamedNode(XSD + "boolean")),
    Literal("-0049-12-31", datatype=NamedNode(XSD + "date")),
    Literal('{"a": 1.0}', datatype=NamedNode(RDF + "JSON")),
    Literal("<i>x</i>", datatype=NamedNode(RDF + "XMLLiteral")),
    Literal("x", language="de-Latn-1996"),
    Literal("Ŵyn", language="cy"),
    Literal('"'),
    Literal('a "b" \'c\' """d"""'),
    Literal("\\"),
    Literal("\\n \\u0041 \\"),
    Literal("two\nlines\r\nand\rmore\ttabs"),
    Literal(" spaces "),
    Literal(""),
    Literal("😀 é ‮ \u2028 \x7f \x85"),
    Literal("]]> <&> '\""),
]


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("literal", LITERALS, ids=str)
def test_a_literal_is_written_exactly_as_in_the_source(literal: Literal, extension: str) -> None:
    (quad,) = read(assert_same_again(fact(literal), PREFIXES, extension), extension)
    assert str(quad.object) == str(literal)


@pytest.mark.parametrize(
    ("literal", "written"),
    [
        (LITERALS[0], "e:p 01 ."),
        (Literal("48.8500", datatype=NamedNode(XSD + "decimal")), "e:p 48.8500 ."),
        (Literal("5.", datatype=NamedNode(XSD + "decimal")), 'e:p "5."^^xsd:decimal .'),
        (Literal("true", datatype=NamedNode(XSD + "boolean")), "e:p true ."),
        (Literal("TRUE", datatype=NamedNode(XSD + "boolean")), 'e:p "TRUE"^^xsd:boolean .'),
        (Literal("2018", language="fr"), 'e:p "2018"@fr .'),
    ],
)
def test_turtle_is_written_as_people_write_it(literal: Literal, written: str) -> None:
    assert written in write(fact(literal), "ttl", PREFIXES).decode()


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize(
    "local",
    ["a.b", "a.", ".a", "a%20b", "a/b", "", "a:b", "é", "a'b", "a~b", "-a", "a-", "123", "true", "a", "a?b#c", "@id"],
)
def test_an_iri_is_written_whole_whatever_its_local_name(local: str, extension: str) -> None:
    thing = NamedNode(E + local)
    assert_same_again([Quad(thing, P, thing, NamedNode(E + "g"))], PREFIXES, extension)


SCHEMES = ["http", "https", "mailto", "urn", "xml", "xmlns", "XML", "rdf", "a", "id", "type", "x-y.z", "e", "e2"]


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("prefix", SCHEMES)
def test_a_prefix_that_is_also_a_scheme_changes_no_iri(prefix: str, extension: str) -> None:
    others = ["mailto:s@bells.example", "urn:s", "http:s", "https:s", "xml:s", "a:s", "https://bells.example/s", "e:s"]
    quads = [quad for other in others for quad in fact(NamedNode(other))]
    quads += [Quad(NamedNode(other), P, Literal("x", datatype=NamedNode(other))) for other in others]
    quads += [Quad(S, NamedNode(RDF + "type"), NamedNode(other)) for other in others]
    quads += [Quad(S, NamedNode(other), S) for other in others]
    assert_same_again(quads, {prefix: E}, extension)


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("namespace", [E, "https://bells.example", E + "s", "urn:"])
def test_a_namespace_may_end_in_anything(namespace: str, extension: str) -> None:
    assert_same_again(fact(NamedNode(E + "sound")) + fact(NamedNode("urn:x:y")), {"n": namespace}, extension)


@pytest.mark.parametrize("extension", FORMATS)
def test_blank_nodes_stay_what_they_are_linked_to(extension: str) -> None:
    one, other = BlankNode("b1"), BlankNode("a.b-c")
    graph = DefaultGraph()
    quads = [Quad(one, P, other, graph), Quad(other, P, one, graph), Quad(S, P, one, graph)]
    quads += [Quad(S, NamedNode(RDF + "type"), other, graph), Quad(other, P, Literal("x"), graph)]
    assert_same_again(quads, PREFIXES, extension)


@pytest.mark.parametrize("extension", FORMATS)
def test_lists_stay_lists(extension: str) -> None:
    cell, graph = BlankNode("b1"), DefaultGraph()
    first, rest, nil = (NamedNode(RDF + name) for name in ("first", "rest", "nil"))
    quads = [Quad(S, P, cell, graph), Quad(cell, first, Literal("a"), graph), Quad(cell, rest, nil, graph)]
    assert_same_again(quads, PREFIXES, extension)


@pytest.mark.parametrize("extension", FORMATS)
def test_an_empty_graph_is_an_empty_document(extension: str) -> None:
    assert read(write([], extension, PREFIXES), extension) == []


def test_json_ld_keeps_every_number_as_a_text() -> None:
    found = json.loads(write(fact(LITERALS[0]), "jsonld", PREFIXES))
    assert found["@graph"][0]["e:p"] == {"@value": "01", "@type": "xsd:integer"}


@pytest.mark.parametrize("extension", FORMATS)
def test_the_graphs_of_a_statement_are_kept_where_the_format_has_them(extension: str) -> None:
    graphs = [NamedNode(E + "g1"), NamedNode(E + "g2"), DefaultGraph()]
    data = assert_same_again([Quad(S, P, S, graph) for graph in graphs], PREFIXES, extension)
    assert len(read(data, extension)) == (3 if FORMATS[extension].graphs else 1)


@pytest.mark.parametrize("extension", FORMATS)
def test_the_same_quads_give_the_same_bytes_in_whatever_order_the_values_come(extension: str) -> None:
    quads = [quad for literal in LITERALS for quad in fact(literal)]
    assert write(quads, extension, PREFIXES) == write([*quads, *quads], extension, PREFIXES)
    assert write(quads, extension, PREFIXES) == write(quads[::-1], extension, PREFIXES)


@pytest.mark.parametrize("text", ["vertical\x0btab", "\x00", "\x1b[31mred", "￾"])
def test_rdf_xml_stays_xml_for_text_that_xml_does_not_have(text: str) -> None:
    root = ET.fromstring(write(fact(Literal(text)), "rdf", PREFIXES))
    assert "\N{REPLACEMENT CHARACTER}" in "".join(root.itertext())


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "\t a \n", "]]>", "<b>&amp;</b>"])
def test_rdf_xml_is_read_right_by_any_reader_of_xml(text: str) -> None:
    root = ET.fromstring(write(fact(Literal(text)), "rdf", PREFIXES))
    assert [element.text for element in root.iter() if element.tag.endswith("}p")] == [text]


@pytest.mark.parametrize("local", ["a", "1a", "a-1.b", "été", "x#y", "a/_", "p:q", "e/a1", "1/a", "%C3%A9"])
def test_rdf_xml_names_properties_that_end_like_an_xml_name(local: str) -> None:
    quad = Quad(S, NamedNode(E + local), Literal("x"), DefaultGraph())
    data = write([quad], "rdf", {**PREFIXES, "one": E + "1", "a": E + "a"})
    ET.fromstring(data)
    assert read(data, "rdf") == [quad]


@pytest.mark.parametrize("local", ["1", "a/", "a#", "a/2", "%20", "a(b)", "、", "a\U00010400"])
def test_rdf_xml_refuses_properties_that_it_cannot_name(local: str) -> None:
    quad = Quad(S, NamedNode(E + local), Literal("x"), DefaultGraph())
    with pytest.raises(FormatError, match=r"cannot name this property.*Expected another format") as refused:
        write([quad], "rdf", {**PREFIXES, "a": E + "a", "slash": E + "a/"})
    assert refused.value.term == f"<{E}{local}>"
    assert read(write([quad], "ttl", PREFIXES), "ttl") == [quad]


def test_an_unknown_extension_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown extension: html"):
        write([], "html", PREFIXES)


# --- as a property ---------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LOCAL = st.text("aZ0é-._~%:/@?'!$&()*+,;=", max_size=6).map(lambda text: text.replace("%", "%20"))
IRI = st.one_of(
    st.builds(lambda local: NamedNode(E + local), LOCAL),
    st.sampled_from(
        [S, P, NamedNode("urn:e:s"), NamedNode("mailto:a@b.example"), NamedNode("e:s"), NamedNode(RDF + "type")]
    ),
)
PREDICATE = st.one_of(
    st.sampled_from([P, NamedNode(RDF + "type"), NamedNode("urn:e:s")]),
    st.builds(lambda local: NamedNode(E + local), st.from_regex(r"[a-zé][a-z0-9.-]{0,4}[a-z]", fullmatch=True)),
)
BLANK = st.sampled_from([BlankNode("b0"), BlankNode("b1")])
LITERAL = st.one_of(
    st.builds(Literal, TEXT),
    st.builds(lambda text, tag: Literal(text, language=tag), TEXT, st.sampled_from(["en", "de-latn", "x-old"])),
    st.builds(
        lambda text, name: Literal(text, datatype=NamedNode(XSD + name)),
        st.one_of(TEXT, st.from_regex(r"[+-]?[0-9]*\.?[0-9]*(e[0-9])?", fullmatch=True), st.just("true")),
        st.sampled_from(["integer", "decimal", "double", "boolean", "date", "string"]),
    ),
)
QUAD = st.builds(
    Quad,
    st.one_of(IRI, BLANK),
    PREDICATE,
    st.one_of(IRI, BLANK, LITERAL),
    st.one_of(st.just(DefaultGraph()), IRI),
)
TABLES = st.dictionaries(
    st.sampled_from(["", "e", "p", "mailto", "urn", "rdf", "xsd", "xml", "a.b-c"]),
    st.sampled_from([E, E + "a", XSD, RDF, "urn:", "urn:e:", "mailto:"]),
)


def xml_has(quad: Quad) -> bool:
    value = quad.object
    return not isinstance(value, Literal) or not any(
        (ord(character) < 32 and character not in "\t\n\r") or character in "\ufffe\uffff" for character in value.value
    )


@pytest.mark.parametrize("extension", FORMATS)
@settings(max_examples=150, deadline=None)
@given(quads=st.lists(QUAD, max_size=6), prefixes=TABLES)
def test_round_trip(extension: str, quads: list[Quad], prefixes: dict[str, str]) -> None:
    if extension == "rdf":
        quads = [quad for quad in quads if xml_has(quad)]
    assert_same_again(quads, prefixes, extension)
