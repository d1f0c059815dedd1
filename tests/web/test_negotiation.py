"""The headers by which a client says what it can read."""

from __future__ import annotations

import time

import pytest

from kg.web.documents import OFFERS
from kg.web.negotiation import choose_language, choose_type, parse_accept
from kg.web.questions import _OFFERS as VIEW_OFFERS

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
RDFLIB = "application/rdf+xml,text/rdf+n3;q=0.9,application/xhtml+xml;q=0.5, */*;q=0.1"
RDFLIB_TURTLE = "text/turtle, application/x-turtle, */*;q=0.1"
JENA = (
    "text/turtle,application/n-triples;q=0.9,application/ld+json;q=0.8,application/rdf+xml;q=0.7,"
    "application/trig,application/n-quads;q=0.9,text/x-nquads;q=0.8,application/x-trig;q=0.7,*/*;q=0.5"
)
RAPPER = (
    "application/n-triples, text/plain;q=0.1, application/x-turtle, application/turtle, text/n3;q=0.3, "
    "text/rdf+n3;q=0.3, application/rdf+n3;q=0.3, application/rdf+xml, text/rdf;q=0.6, application/trig, "
    "text/x-nquads, text/html;q=0.2, application/xhtml+xml;q=0.4, */*;q=0.1"
)
OWL_API = "application/rdf+xml, application/xml; q=0.7, text/xml; q=0.6, text/plain; q=0.1, */*; q=0.09"
RDF4J = "application/rdf+xml, application/ld+json, text/turtle, application/trig, application/n-triples;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "ttl"),
        ("", "ttl"),
        ("*/*", "ttl"),
        ("text/turtle", "ttl"),
        ("TEXT/Turtle", "ttl"),
        ("text/turtle;charset=UTF-8", "ttl"),
        ("text/turtle; charset=iso-8859-1", None),
        ("application/ld+json", "jsonld"),
        ("application/json", "jsonld"),
        ('application/ld+json;profile="http://www.w3.org/ns/json-ld#expanded, x"', "jsonld"),
        ("application/n-triples", "nt"),
        ("application/rdf+xml", "rdf"),
        ("application/trig", "trig"),
        ("application/n-quads", "nq"),
        ("text/html", "html"),
        ("application/xhtml+xml", "html"),
        ("text/html, */*", "html"),
        ("text/html;q=0.4, text/turtle;q=0.9", "ttl"),
        ("text/turtle;q=0, */*;q=0.1", "jsonld"),
        ("text/*;q=0.5, application/ld+json;q=0.4, text/turtle;q=0.1", "html"),
        ("text/*", "ttl"),
        ("application/*", "jsonld"),
        ("application/ld+json;q=0, application/*", "nt"),
        ("image/png", None),
        ("text/turtle;q=0", None),
        ("text/turtle;q=0.000, text/html;q=0.001", "html"),
        ("text/turtle;q=abc, text/html;q=0.1", "html"),
        ("text/turtle;q=2, text/html", "html"),
        ("text/turtle;q=0.1234, text/html", "html"),
        (";;,,/,*/turtle", "ttl"),
        ("text/turtle;;q=0.1;, text/html;q=0.2", "html"),
        ('text/html;a="x,y;q=1\\"";q=0.2, text/turtle;q=0.1', "ttl"),
        (BROWSER, "html"),
        (RDFLIB, "rdf"),
        (RDFLIB_TURTLE, "ttl"),
        (JENA, "ttl"),
        (RAPPER, "nt"),
        (OWL_API, "rdf"),
        (RDF4J, "ttl"),
        (JAVA, "html"),
    ],
)
def test_client_gets_what_its_accept_header_prefers(header: str | None, expected: str | None) -> None:
    offer = choose_type(header, OFFERS)
    assert (offer.key if offer else None) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "html"),
        ("*/*", "html"),
        ("text/csv", "csv"),
        ("text/csv;header=present", "csv"),
        ("application/json", "json"),
        ("application/sparql-results+json", "json"),
        ("application/sparql-query", "rq"),
        ("text/turtle", None),
    ],
)
def test_view_is_a_page_first_and_data_on_request(header: str | None, expected: str | None) -> None:
    offer = choose_type(header, VIEW_OFFERS)
    assert (offer.key if offer else None) == expected


@pytest.mark.parametrize("part", ["a", "text/turtle;", '"', ",;=/", '\\"', "*/*,"])
def test_reading_a_header_takes_time_in_proportion_to_its_length(part: str) -> None:
    def seconds(length: int) -> float:
        header = (part * length)[:length] + "\\"
        times = []
        for _ in range(3):
            began = time.process_time()
            choose_type(header, OFFERS)
            choose_language(header, ["en", "fr"])
            times.append(time.process_time() - began)
        return min(times)

    # Sixteen times the length: some sixteen times the time, not 256 times as where each part looks at all others.
    assert seconds(131_072) < 100 * max(seconds(8_192), 0.0001)


def test_quoted_comma_does_not_end_a_part() -> None:
    (found,) = parse_accept('text/html;a="x,y"')
    assert found.parameters == {"a": "x,y"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("*", "en"),
        ("fr", "fr"),
        ("FR-ca", "fr"),
        ("fr, en;q=0.5", "fr"),
        ("en;q=0.5, fr", "fr"),
        ("fr, en", "fr"),
        ("en, fr", "en"),
        ("es", "en"),
        ("es, fr;q=0.2", "fr"),
        ("en;q=0, *;q=0.1", "fr"),
        ("en;q=0", "en"),
        ("pt", "pt-br"),
        ("fr;q=abc, de", "en"),
        ("x" * 20 + ", fr;q=0.1", "fr"),
    ],
)
def test_reader_gets_the_language_they_prefer(header: str | None, expected: str) -> None:
    assert choose_language(header, ["en", "fr", "pt-br"]) == expected
