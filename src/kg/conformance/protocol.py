"""Checks 54 to 67: the SPARQL 1.1 protocol, and an endpoint that strangers cannot hurt."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from urllib.parse import urljoin

from pyoxigraph import NamedNode, QueryResultsFormat, QuerySolutions, parse_query_results

from kg.conformance.canary import Canary
from kg.conformance.checks import Failed, Group, Skipped, check, expect, listing
from kg.conformance.discovery import objects
from kg.conformance.rdf import FORMATS, Unreadable
from kg.conformance.site import Site, form, with_query
from kg.conformance.wire import Answer, Trouble

__all__ = ["ROWS", "TRIPLES"]

_GROUP = Group.PROTOCOL
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_QUERY = ("Content-Type", "application/sparql-query")
_SD = "http://www.w3.org/ns/sparql-service-description#"
_FORMATS = "http://www.w3.org/ns/formats/"
_SOME = "SELECT ?s ?p ?o WHERE { ?s ?p ?o } ORDER BY ?s ?p ?o LIMIT 7"
_COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
_REFUSED = (400, 403, 405)
# A simple request is answered within so many seconds, whatever else is asked.
_QUICK = 1.0

#: The types of rows, of yes or no, and of triples that an endpoint must know.
ROWS = {
    "application/sparql-results+json": QueryResultsFormat.JSON,
    "application/sparql-results+xml": QueryResultsFormat.XML,
    "text/csv": QueryResultsFormat.CSV,
    "text/tab-separated-values": QueryResultsFormat.TSV,
}
TRIPLES = ("text/turtle", "application/n-triples", "application/ld+json", "application/rdf+xml")

#: Queries that no engine gets to the end of, each in its own way.
ENDLESS = {
    "a join without an end": "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o }",
    "a sort of a join": "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l } ORDER BY RAND() LIMIT 1",
    "a regular expression": (
        "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l "
        'FILTER(REGEX(CONCAT(STR(?a), STR(?d), STR(?g), STR(?j)), "^(([a-z:/.#]+)*)+$")) }'
    ),
    "paths from everything to everything": (
        "SELECT (COUNT(*) AS ?n) WHERE { ?a (!<urn:x>|^!<urn:x>)* ?b . ?c (!<urn:x>|^!<urn:x>)* ?d . "
        "?e (!<urn:x>|^!<urn:x>)* ?f . ?g (!<urn:x>|^!<urn:x>)* ?h }"
    ),
}


def _post(
    site: Site, body: str | bytes, kind: tuple[str, str], accept: str = "application/sparql-results+json"
) -> Answer:
    data = body if isinstance(body, bytes) else body.encode()
    return site.send(
        site.endpoint, method="POST", accept=accept, headers=(kind,), body=data, seconds=site.options.query_seconds
    )


def _rows(answer: Answer) -> list[str]:
    """Return the rows of an answer in one of the formats of results, sorted. Raises Failed."""
    expect(answer.status == 200, answer)
    if answer.media_type not in ROWS:
        raise Failed(f"{answer}, which is no type of results")
    try:
        if answer.media_type == "text/csv":
            return sorted(answer.text.replace("\r\n", "\n").splitlines()[1:])
        found = parse_query_results(answer.content, format=ROWS[answer.media_type])
        if isinstance(found, QuerySolutions):
            return sorted("\t".join(map(str, row)) for row in found)
        return [str(bool(found)).lower()]
    except (SyntaxError, ValueError) as error:
        raise Failed(f"{answer}, which does not parse: {str(error)[:150]}") from None


def _number(site: Site) -> str:
    [number] = site.values(_COUNT)
    return number


@check(
    54, _GROUP, "A query is taken in all three ways",
    request="GET {S}?query=…; POST of a form; POST of application/sparql-query", expected="200, equal results",
    source="SPARQL 1.1 Protocol 2.1.1-2.1.3",
)  # fmt: skip
def three_ways(site: Site) -> None:
    by_get = _rows(site.ask(_SOME))
    expect(by_get, "no rows: the endpoint says that there is nothing")
    expect(_rows(_post(site, form({"query": _SOME}), _FORM)) == by_get, "other rows by POST of a form")
    expect(_rows(_post(site, _SOME, _QUERY)) == by_get, "other rows by POST of the query")


@check(
    55, _GROUP, "Rows and yes or no come in the format that is asked for",
    request="GET {S}?query=SELECT… and ASK…, Accept: JSON, XML, CSV, TSV, weights, nothing",
    expected="the exact type, which parses with the same number of rows; JSON by default",
    source="SPARQL 1.1 Protocol 2.1.5; results in JSON, XML, CSV and TSV",
)  # fmt: skip
def result_formats(site: Site) -> None:
    number = len(_rows(site.ask(_SOME)))
    for kind in ROWS:
        answer = site.ask(_SOME, accept=kind)
        expect(answer.media_type == kind, f"SELECT as {kind}: {answer}")
        expect(len(_rows(answer)) == number, f"SELECT as {kind}: {len(_rows(answer))} of {number} rows")
        if "sparql-results" in kind:
            asked = site.ask("ASK { ?s ?p ?o }", accept=kind)
            expect(asked.media_type == kind and _rows(asked) == ["true"], f"ASK as {kind}: {asked}")
    weighed = site.ask(_SOME, accept="application/sparql-results+json;q=0.3, text/csv;q=0.8")
    expect(weighed.media_type == "text/csv", f"with weights that prefer CSV: {weighed}")
    default = site.ask(_SOME, accept="*/*")
    expect(default.media_type == "application/sparql-results+json", f"with */*: {default}")


@check(
    56, _GROUP, "Triples come in the format that is asked for",
    request="GET {S}?query=CONSTRUCT… and DESCRIBE…, Accept: Turtle, N-Triples, JSON-LD, RDF/XML",
    expected="the exact type, which parses", source="SPARQL 1.1 Protocol 2.1.5",
)  # fmt: skip
def triple_formats(site: Site) -> None:
    made = "CONSTRUCT { ?s a ?o } WHERE { ?s a ?o } ORDER BY ?s ?o LIMIT 7"
    for query in (made, f"DESCRIBE <{site.entity}>"):
        for kind in TRIPLES:
            answer = site.ask(query, accept=kind)
            expect(answer.status == 200 and answer.media_type == kind, f"{query[:9]} as {kind}: {answer}")
            expect(site.quads(answer) or query is not made, f"{query[:9]} as {kind}: no triples")


@check(
    57, _GROUP, "Results in a format that there is not are refused", request="GET {S}?query=SELECT…, Accept: image/png",
    expected="406", source="RFC 9110 15.5.7",
)  # fmt: skip
def no_such_results(site: Site) -> None:
    answer = site.ask(_SOME, accept="image/png")
    expect(answer.status == 406, answer)


@check(
    58, _GROUP, "A wrong question is told what is wrong",
    request="POST of a form without query; GET {S} with two; GET {S}?query=SELECT * WHERE { ?s ?p }",
    expected="400; for bad syntax with the line or position in problem+json or text",
    source="SPARQL 1.1 Protocol 2.1.7; W3C protocol tests",
)  # fmt: skip
def wrong_questions(site: Site) -> None:
    nothing = _post(site, "other=1", _FORM)
    expect(nothing.status == 400, f"without query: {nothing}")
    two = site.send(with_query(site.endpoint, query=["ASK {}", "SELECT * {}"]))
    expect(two.status == 400, f"with two queries: {two}")
    bad = site.ask("SELECT * WHERE {\n ?s ?p }")
    expect(bad.status == 400, f"bad syntax: {bad}")
    told = bad.text if bad.media_type in ("application/problem+json", "application/json", "text/plain") else ""
    expect(re.search(r"\b(?:line|column|position|at)\b\D{0,6}\d|\d:\d", told), f"bad syntax: {bad}: {told[:200]!r}")


@check(
    59, _GROUP, "A body that is no query is refused",
    request="POST {S} with Content-Type: text/plain; with a query in UTF-16", expected="415; 400 or 415",
    source="SPARQL 1.1 Protocol 2.1.3; RFC 9110 15.5.16",
)  # fmt: skip
def no_query(site: Site) -> None:
    plain = _post(site, "ASK {}", ("Content-Type", "text/plain"))
    expect(plain.status == 415, f"text/plain: {plain}")
    wide = _post(site, "ASK {}".encode("utf-16"), ("Content-Type", "application/sparql-query; charset=utf-16"))
    expect(wide.status in (400, 415), f"UTF-16: {wide}")


@check(
    60, _GROUP, "The dataset of a request is obeyed",
    request="GET {S} with default-graph-uri and named-graph-uri: known, unknown, and against FROM",
    expected="the graph's triples; none (or 400) for an unknown graph; the request wins over FROM; never ignored",
    source="SPARQL 1.1 Protocol 2.1.4",
)  # fmt: skip
def dataset_of_request(site: Site) -> None:
    absent = "urn:no-such-graph"

    def count(query: str, **parameters: str) -> str | None:
        answer = site.send(
            with_query(site.endpoint, query=query, **{name.replace("_", "-"): iri for name, iri in parameters.items()}),
            accept="application/sparql-results+json",
        )
        if answer.status == 400:
            return None
        rows = _rows(answer)
        digits = re.search(r"\d+", rows[0]) if rows else None
        return digits[0] if digits else "none"

    for name in ("default_graph_uri", "named_graph_uri"):
        query = _COUNT if name[0] == "d" else "SELECT (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }"
        found = count(query, **{name: absent})
        expect(found in (None, "0"), f"{name.replace('_', '-')}={absent}: {found} triples")
    graphs = site.values("SELECT DISTINCT ?g WHERE { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g LIMIT 3")
    for graph in graphs:
        right = site.values(f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}")[0]
        found = count(_COUNT, default_graph_uri=graph)
        expect(found == right, f"default-graph-uri={graph}: {found} of {right} triples")
        against = count(f"SELECT (COUNT(*) AS ?n) FROM <{absent}> WHERE {{ ?s ?p ?o }}", default_graph_uri=graph)
        expect(against in (right, None), f"default-graph-uri={graph} against FROM <{absent}>: {against} of {right}")


@check(
    61, _GROUP, "Nobody can change the data",
    request="GET {S}?query=INSERT DATA…; POST update=…; POST application/sparql-update; GET {S}?update=…",
    expected="400, 403, 405 or 415; as many triples after as before", source="SPARQL 1.1 Protocol 2.2, 4",
)  # fmt: skip
def no_updates(site: Site) -> None:
    update = 'INSERT DATA { <urn:x-conformance:s> <urn:x-conformance:p> "o" }'
    before = _number(site)
    answers = [
        site.ask(update, fresh=True),
        _post(site, form({"update": update}), _FORM),
        _post(site, update, ("Content-Type", "application/sparql-update")),
        site.send(with_query(site.endpoint, update=update), fresh=True),
    ]
    after = _number(site)
    expect(before == after, f"{before} triples before, {after} after")
    # A GET with update alone is a request without a query, which may be answered by the service description.
    for answer in answers[:3]:
        expect(answer.status in (*_REFUSED, 415, 501), answer)
    expect(answers[3].status in (200, *_REFUSED), answers[3])


def _services(url: str) -> dict[str, str]:
    """Return queries that all mean to ask another endpoint."""
    there = f"<{url}> {{ ?s ?p ?o }}"
    hidden = "".join(f"\\u{ord(letter):04X}" for letter in "SERVICE")
    base, _, name = url.rpartition("/")
    return {
        "plain": f"SELECT * WHERE {{ SERVICE {there} }}",
        "SILENT": f"SELECT * WHERE {{ SERVICE SILENT {there} }}",
        "in EXISTS": f"SELECT * WHERE {{ ?a ?b ?c FILTER EXISTS {{ SERVICE {there} }} }}",
        "in a subquery": f"SELECT * WHERE {{ {{ SELECT * WHERE {{ SERVICE {there} }} }} }}",
        "after a comment": f"SELECT * WHERE {{ SERVICE # <x>\n {there} }}",
        "prefixed": f"PREFIX x: <{base}/> SELECT * WHERE {{ SERVICE x:{name} {{ ?s ?p ?o }} }}",
        "relative": f"BASE <{base}/> SELECT * WHERE {{ SERVICE <{name}> {{ ?s ?p ?o }} }}",
        "escaped": f"SELECT * WHERE {{ {hidden} {there} }}",
        "lower case": f"select * where {{ service {there} }}",
        "by a variable": f"SELECT * WHERE {{ VALUES ?e {{ <{url}> }} SERVICE ?e {{ ?s ?p ?o }} }}",
        "LIMIT 0": f"SELECT * WHERE {{ SERVICE {there} }} LIMIT 0",
        "FROM": f"SELECT * FROM <{url}> WHERE {{ ?s ?p ?o }}",
    }


@contextlib.contextmanager
def _canary(site: Site) -> Iterator[Canary | None]:
    """Give a listener that the site could reach; None where a person watches one elsewhere."""
    if site.options.canary:
        yield None
    elif site.on_loopback:
        with Canary() as canary:
            yield canary
    else:
        raise Skipped("the site is elsewhere, so it cannot reach a listener here; start one and name it with --canary")


@check(
    62, _GROUP, "The endpoint asks no other for a stranger",
    request="GET {S} with SERVICE, to a listener: plain, SILENT, in EXISTS, escaped, … (12 ways)",
    expected="400 or 403 (FROM: also empty), and the listener is never reached",
    source="SPARQL 1.1 Protocol 4.1 (security); CWE-918",
)  # fmt: skip
def no_service(site: Site) -> None:
    with _canary(site) as canary:
        for how, query in _services(canary.url if canary else site.options.canary).items():
            before = canary.hits if canary else 0
            answer = site.ask(query, fresh=True)
            expect(canary is None or canary.hits == before, f"{how}: {answer}: the listener was reached")
            if how == "FROM":
                expect(answer.status in (400, 403) or not _rows(answer), f"{how}: {answer}")
            else:
                expect(answer.status in (400, 403), f"{how}: {answer}")


def _ended(site: Site, query: str, answers: list[Answer | Trouble]) -> None:
    try:
        answers.append(site.ask(query, fresh=True))
    except Trouble as trouble:
        answers.append(trouble)


def _expect_quick(site: Site, after: str) -> None:
    """Expect a simple query to be answered at once: the best of a few, as a machine may be busy."""
    seconds = []
    for _ in range(5):
        try:
            answer = site.ask("ASK { ?s ?p ?o }", fresh=True)
        except Trouble as trouble:
            raise Failed(f"after {after}, a simple query: {trouble}") from None
        seconds.append(answer.seconds)
        if answer.status == 200 and answer.seconds < _QUICK:
            return
    raise Failed(f"after {after}, a simple query: {answer} in {min(seconds):.1f} s")


@check(
    63, _GROUP, "A query without end is ended",
    request=f"GET {{S}} with {', '.join(ENDLESS)}",
    expected="503 or 504 with Retry-After (or 400) within the limit (--query-seconds); then a simple query under 1 s",
    source="SPARQL 1.1 Protocol 2.1.7, 4; RFC 9110 15.6.4, 10.2.3",
)  # fmt: skip
def endless_queries(site: Site) -> None:
    for what, query in ENDLESS.items():
        answer = site.ask(query, fresh=True)
        # Over little data an engine may get to the end after all, and then it is right to answer.
        expect(answer.status in (200, 400, 503, 504), f"{what}: {answer} after {answer.seconds:.1f} s")
        if answer.status in (503, 504):
            expect(answer.has("Retry-After"), f"{what}: {answer}, without Retry-After")
        _expect_quick(site, what)


@check(
    64, _GROUP, "Results without end are cut, and say so",
    request="GET {S}?query=SELECT of a cross join without LIMIT",
    expected="all rows, or a cut at a limit that a header and the body tell, or a refusal (400, 413, 503, 504); within "
    "the limits of time and 64 MiB",
    source="own policy; limits of Datasette",
)  # fmt: skip
def cut_results(site: Site) -> None:
    answer = site.ask("SELECT ?a ?b WHERE { ?a ?p ?x . ?b ?q ?y . ?c ?r ?z }", accept="text/csv", fresh=True)
    if answer.status != 200:
        expect(answer.status in (400, 413, 503, 504), answer)
        return
    rows = answer.text.count("\n") - 1
    number = int(_number(site))
    if rows < number**3:
        said = [name for name, value in answer.headers if re.search("limit|cut|trunc|warning", f"{name} {value}", re.I)]
        expect(said, f"{answer}: {rows} of {number**3} rows, and no header that says so")
        last = answer.text.rstrip("\r\n").rpartition("\n")[2]
        expect(
            re.search("limit|cut|trunc", last, re.I), f"{answer}: {rows} of {number**3} rows; the last is {last[:80]!r}"
        )


@check(
    65, _GROUP, "The endpoint describes itself",
    request="GET {S} without parameters, Accept: text/turtle, application/ld+json, text/html, nothing",
    expected="sd:Service with sd:endpoint {S}, SPARQL11Query and no update, the sd:resultFormat that it really has, no "
    "BasicFederatedQuery where SERVICE is refused; a page with a form for people",
    source="SPARQL 1.1 Service Description 2-3; W3C service description tests",
)  # fmt: skip
def describes_itself(site: Site) -> None:
    for kind in ("text/turtle", "application/ld+json", None):
        answer = site.send(site.endpoint, accept=kind)
        expect(answer.status == 200 and answer.media_type in ((kind,) if kind else FORMATS), f"as {kind}: {answer}")
        try:
            quads = site.quads(answer)
        except Unreadable as error:
            raise Failed(f"as {kind}: {error}") from None
        endpoints = objects(quads, "", _SD + "endpoint")
        expect(any(site.same(found, site.endpoint) for found in endpoints), f"as {kind}: endpoint {listing(endpoints)}")
        spoken = set(objects(quads, "", _SD + "supportedLanguage"))
        expect(spoken == {_SD + "SPARQL11Query"}, f"as {kind}: supportedLanguage {listing(spoken)}")
        formats = set(objects(quads, "", _SD + "resultFormat"))
        expected = {_FORMATS + name for name in _real_formats(site)}
        expect(expected <= formats, f"as {kind}: no resultFormat {listing(expected - formats)}")
        federated = _SD + "BasicFederatedQuery" in objects(quads, "", _SD + "feature")
        if federated:
            refused = site.ask("SELECT * WHERE { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }").status in (400, 403)
            expect(not refused, f"as {kind}: BasicFederatedQuery, but SERVICE is refused")
        services = [
            quad for quad in quads if isinstance(quad.object, NamedNode) and quad.object.value == _SD + "Service"
        ]
        expect(services, f"as {kind}: no sd:Service")
    page = site.send(site.endpoint, accept="text/html")
    expect(page.status == 200 and page.media_type == "text/html", f"as HTML: {page}")
    expect({"form", "textarea"} & site.page(page).elements, "a page without a form for a query")


def _real_formats(site: Site) -> list[str]:
    """Return the names in the W3C's list of formats of what the endpoint has shown that it can send."""
    names = {
        "application/sparql-results+json": "SPARQL_Results_JSON",
        "application/sparql-results+xml": "SPARQL_Results_XML",
        "text/csv": "SPARQL_Results_CSV", "text/tab-separated-values": "SPARQL_Results_TSV",
        "text/turtle": "Turtle", "application/n-triples": "N-Triples", "application/ld+json": "JSON-LD",
        "application/rdf+xml": "RDF_XML",
    }  # fmt: skip
    found = []
    for kind, name in names.items():
        answer = site.ask(_SOME if kind in ROWS else "CONSTRUCT { ?s a ?o } WHERE { ?s a ?o } LIMIT 1", accept=kind)
        if answer.status == 200 and answer.media_type == kind:
            found.append(name)
    return found


@check(
    66, _GROUP, "Long queries work, too long ones are refused",
    request="GET {S} with a query of 8 kB; POST {S} with one of 5 MB",
    expected="200 (or 414); 413 (or 400)", source="RFC 9110 15.5.14-15",
)  # fmt: skip
def long_queries(site: Site) -> None:
    long = "ASK {} #" + "x" * 8000
    answer = site.ask(long)
    expect(answer.status in (200, 414), f"a query of 8 kB by GET: {answer}")
    by_post = _post(site, long, _QUERY)
    expect(by_post.status == 200, f"a query of 8 kB by POST: {by_post}")
    try:
        huge = _post(site, "ASK {} #" + "x" * 5_000_000, _QUERY)
    except Trouble:
        _expect_quick(site, "5 MB, for which the connection was closed")  # a refusal that has no time to be read
        return
    expect(huge.status in (413, 400), f"a query of 5 MB: {huge}")


@check(
    67, _GROUP, "Many endless queries leave the site well",
    request="GET {S} with 30 endless queries at once; GET {B} and a simple query meanwhile",
    expected="the front page under 1 s; the rest of the queries 429 or 503 with Retry-After", source="RFC 6585 4",
)  # fmt: skip
def many_at_once(site: Site) -> None:
    answers: list[Answer | Trouble] = []
    query = ENDLESS["a join without an end"]
    threads = [
        threading.Thread(target=_ended, args=(site, f"{query} # {number}", answers), daemon=True)
        for number in range(30)
    ]
    endpoint = site.endpoint
    for thread in threads:
        thread.start()
    home = urljoin(site.url, "healthz")
    if site.send(home).status != 200:
        home = site.url
    seconds = []
    for _ in range(10):
        began = time.monotonic()
        answer = site.send(home, accept="*/*", fresh=True)
        expect(answer.status < 500, f"meanwhile {home}: {answer}")
        seconds.append(time.monotonic() - began)
    end = time.monotonic() + site.options.query_seconds * 2
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0.01))
    expect(sorted(seconds)[5] < _QUICK, f"meanwhile {home} took {sorted(seconds)[5]:.1f} s")
    expect(len(answers) == 30, f"{30 - len(answers)} of 30 queries at {endpoint} have no answer")
    for found in answers:
        if isinstance(found, Trouble):
            raise Failed(f"of 30 at once: {found}")
        expect(found.status in (200, 400, 429, 503, 504), f"of 30 at once: {found}")
        if found.status in (429, 503):
            expect(found.has("Retry-After"), f"of 30 at once: {found}, without Retry-After")
