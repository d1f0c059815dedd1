"""Triple Pattern Fragments: every pattern, true counts, pages, and controls that lead on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, parse
from tests.web.conftest import WORLD
from tests.web.pages import BASE, HTML, Page

from kg.snapshot import Snapshot, open_snapshot
from kg.web import create_app
from kg.web.fragments import read_term
from kg.writers import FORMATS

SITE = "https://bells.example/tower"
HYDRA, VOID = "http://www.w3.org/ns/hydra/core#", "http://rdfs.org/ns/void#"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
TRIG = {"Accept": "application/trig"}
STRANGE = """\
@base <https://bells.example/cloch/graph/register/bell/strange> .
@prefix cloch: <https://bells.example/cloch/geirfa#> .
@prefix document: <https://bells.example/cloch/id/document/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix bell: <https://bells.example/cloch/id/bell/> .

<> a cloch:Record ; cloch:attestedIn document:cofrestr .

bell:strange
  a cloch:Bell ;
  rdfs:label "a \\"b\\" \\\\ c"@cy , "line\\nbreak & more+"@de ;
  rdfs:comment "\\"@en" , "5" , "x\\\\n"@cy .
"""
TERMS = "\nrdfs:comment a owl:AnnotationProperty .\n"


@pytest.fixture(scope="module")
def state(make: Callable[..., Path]) -> Path:
    toml = (WORLD / "kg.toml").read_text(encoding="utf-8") + "\n[limits]\npage_length = 7\n"
    vocabulary = (WORLD / "vocab" / "bells.ttl").read_text(encoding="utf-8") + TERMS
    changes = {"kg.toml": toml, "vocab/bells.ttl": vocabulary, "facts/register/bell/strange.ttl": STRANGE}
    return make(**changes)


@pytest.fixture(scope="module")
def small(state: Path) -> Snapshot:
    return open_snapshot((state / "current").resolve())


@pytest.fixture(scope="module")
def site(state: Path) -> FlaskClient:
    return create_app(state, public_url=SITE).test_client()


def text_of(term: object) -> str:
    """Write a term as Hydra's explicit representation has it: the text of a literal as it is."""
    if isinstance(term, NamedNode):
        return term.value
    if isinstance(term, BlankNode):
        return str(term)
    assert isinstance(term, Literal)
    return f'"{term.value}"@{term.language}' if term.language else f'"{term.value}"^^{term.datatype.value}'


def fragment(site: FlaskClient, **asked: str) -> tuple[list[Quad], list[Quad], str]:
    """Return the data and the controls of a fragment, and its address."""
    address = "/fragments" + ("?" + urlencode(asked, quote_via=quote) if asked else "")
    response = site.get(address, headers=TRIG)
    assert response.status_code == 200, response.text
    found = list(parse(response.data, format=RdfFormat.TRIG))
    controls = [quad for quad in found if isinstance(quad.graph_name, NamedNode)]
    return [quad for quad in found if quad not in controls], controls, SITE + address


def said(controls: list[Quad], subject: str, predicate: str) -> list[str]:
    return [q.object.value for q in controls if q.subject == NamedNode(subject) and q.predicate.value == predicate]


def test_all_patterns_have_what_the_store_has(site: FlaskClient, small: Snapshot) -> None:
    """Each kind of pattern, with terms of one triple, against the query that means the same."""
    store = small.data().store
    triples = [
        q
        for q in store.quads_for_pattern(NamedNode(BASE + "id/bell/strange"), None, None)
        if not isinstance(q.graph_name, NamedNode)
    ]
    assert len(triples) > 5
    for quad in triples:
        for mask in range(8):
            terms = [
                term if mask & 1 << bit else None
                for bit, term in enumerate((quad.subject, quad.predicate, quad.object))
            ]
            fitting = {(q.subject, q.predicate, q.object) for q in store.quads_for_pattern(*terms)}  # type: ignore[arg-type]
            asked = {
                part: text_of(term)
                for part, term in zip(("subject", "predicate", "object"), terms, strict=True)
                if term is not None
            }
            data, controls, address = fragment(site, **asked)
            assert said(controls, address, VOID + "triples") == [str(len(fitting))]
            assert said(controls, address, HYDRA + "totalItems") == [str(len(fitting))]
            assert {(q.subject, q.predicate, q.object) for q in data} <= fitting
            assert len(data) == min(7, len(fitting))


def test_pages_have_every_triple_once_and_lead_both_ways(site: FlaskClient, small: Snapshot) -> None:
    _, controls, address = fragment(site, predicate=LABEL)
    seen: list[Quad] = []
    previous = None
    while address:
        data, controls, _ = (*parsed(site, address), None)
        seen += data
        assert said(controls, address, HYDRA + "previous") == ([previous] if previous else [])
        assert said(controls, address, VOID + "triples")
        previous, following = address, said(controls, address, HYDRA + "next")
        address = following[0] if following else ""
    everything = small.triples(None, NamedNode(LABEL), None)[1]
    assert len(seen) == len(set(seen)) == len(everything) > 14
    assert {(q.subject, q.object) for q in seen} == {(t.subject, t.object) for t in everything}


def parsed(site: FlaskClient, address: str) -> tuple[list[Quad], list[Quad]]:
    found = list(parse(site.get(address.removeprefix(SITE), headers=TRIG).data, format=RdfFormat.TRIG))
    return [q for q in found if not isinstance(q.graph_name, NamedNode)], [
        q for q in found if isinstance(q.graph_name, NamedNode)
    ]


def test_whole_graph_has_as_many_triples_as_the_dataset_says(site: FlaskClient, small: Snapshot) -> None:
    _, controls, address = fragment(site)
    (count,) = [line.split('"')[1] for line in small.meta["about"] if "void#triples" in line]
    assert said(controls, address, VOID + "triples") == [count]


def test_form_for_other_patterns_is_told(site: FlaskClient) -> None:
    _, controls, _ = fragment(site, predicate=LABEL)
    dataset = BASE + "dataset"
    (search,) = said(controls, dataset, HYDRA + "search")
    assert said(controls, search, HYDRA + "template") == [SITE + "/fragments{?subject,predicate,object}"]
    mapped = {
        said(controls, node, HYDRA + "variable")[0]: said(controls, node, HYDRA + "property")[0].rpartition("#")[2]
        for node in said(controls, search, HYDRA + "mapping")
    }
    assert mapped == {part: part for part in ("subject", "predicate", "object")}


def test_a_page_is_named_as_it_was_asked(site: FlaskClient) -> None:
    """A client that encodes otherwise than we do still finds itself in the answer."""
    for query in ("predicate=" + LABEL.replace("#", "%23"), "predicate=" + quote(LABEL, safe=""), "object=%22a+b%22"):
        address = f"{SITE}/fragments?{query}"
        assert said(parsed(site, address)[1], address, VOID + "triples")


def test_every_format_says_the_same(site: FlaskClient) -> None:
    forms = dict(zip(FORMATS, (RdfFormat.TURTLE, RdfFormat.JSON_LD, RdfFormat.N_TRIPLES, RdfFormat.RDF_XML,
                               RdfFormat.TRIG, RdfFormat.N_QUADS), strict=True))  # fmt: skip
    found = []
    for extension, found_format in FORMATS.items():
        response = site.get("/fragments?predicate=" + quote(LABEL), headers={"Accept": found_format.media_type})
        assert (response.status_code, response.mimetype) == (200, found_format.media_type)
        assert "Accept" in response.headers["Vary"]
        found.append({(q.subject, q.predicate, q.object) for q in parse(response.data, format=forms[extension])})
    assert all(one == found[0] for one in found)


def test_without_a_public_address_the_next_page_is_told_from_here(state: Path) -> None:
    site = create_app(state).test_client()
    response = site.get("/fragments?page=2", headers={"Accept": "text/turtle"})
    base = "http://localhost:1/some/fragments?page=2"
    found = list(parse(response.data, format=RdfFormat.TURTLE, base_iri=base))
    assert said(found, base, HYDRA + "next") == ["http://localhost:1/some/fragments?page=3"]
    assert ".invalid" not in response.text
    # These have no relative addresses, so they could not say it.
    assert site.get("/fragments", headers={"Accept": "application/n-quads"}).status_code == 406


def test_people_get_a_form_and_a_table(site: FlaskClient) -> None:
    response = site.get("/fragments?subject=" + BASE + "id/bell/mair", headers=HTML)
    page = Page(response.text)
    assert [field["value"] for field in page.all("input") if field.get("name") == "subject"] == [BASE + "id/bell/mair"]
    assert "Marienglocke" in page.texts("td") or "Cloch Fair" in page.texts("td")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("subject", "mair"),
        ("object", '"open'),
        ("object", '"x"@'),
        ("object", '"x"^^y'),
        ("predicate", "a b"),
        ("object", "_:"),
    ],
)
def test_what_is_no_term_is_refused(site: FlaskClient, part: str, text: str) -> None:
    response = site.get("/fragments?" + urlencode({part: text}))
    assert response.status_code == 400
    assert response.json is not None
    assert part in response.json["detail"]


def test_unknown_terms_and_wrong_kinds_of_terms_fit_nothing(site: FlaskClient) -> None:
    for asked in ({"subject": "urn:none"}, {"subject": '"text"'}, {"predicate": "_:b"}, {"object": '"none"@de'}):
        data, controls, address = fragment(site, **asked)
        assert data == []
        assert said(controls, address, VOID + "triples") == ["0"]
    assert site.get("/fragments?subject=urn:none&page=2").status_code == 404
    assert site.get("/fragments?page=0").status_code == 400
    assert fragment(site, subject="?s", object="")[1]


def test_an_escaped_literal_is_understood_too() -> None:
    assert Literal('a"b', language="de") in read_term(r'"a\"b"@DE')
    assert Literal("a\nb") in read_term(r'"a\nb"')
    assert read_term(r'"\"')[0] == Literal("\\")
    assert read_term('"5"^^<urn:t>') == read_term('"5"^^urn:t') == [Literal("5", datatype=NamedNode("urn:t"))]
    assert read_term("<urn:x>") == [NamedNode("urn:x")]


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_of_a_literal_is_read_as_it_is(text: str) -> None:
    assert read_term(f'"{text}"@en')[0] == Literal(text, language="en")
    assert read_term(f'"{text}"')[0] == Literal(text) or text.count('"') > 0


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_no_text_is_more_than_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        read_term(text)
