"""Checks 68 to 76: graphs by their names, fragments, and reconciliation, where a site has them."""

from __future__ import annotations

import json
from urllib.parse import urljoin

from pyoxigraph import Literal, NamedNode

from kg.conformance.checks import Failed, Group, Level, Skipped, check, expect, listing, not_asked
from kg.conformance.discovery import objects
from kg.conformance.rdf import FORMATS
from kg.conformance.site import VOID, Site, form, with_query
from kg.conformance.wire import Answer

__all__: list[str] = []

_GROUP = Group.SERVICES
_HYDRA = "http://www.w3.org/ns/hydra/core#"
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_JSON = ("Content-Type", "application/json")


def _graphs(site: Site) -> str:
    return site.service(
        site.options.graphs, ("graphs", "rdf-graph-store", "graph-store"), "graph store",
        lambda answer: answer.status in (200, 303, 400) or ("graph" in answer.text.lower() and answer.status < 404),
    )  # fmt: skip


@check(
    68, _GROUP, "A graph can be had by its name",
    request="GET and HEAD …?default, ?graph=IRI, ?graph=unknown; PUT, POST, DELETE ?graph=IRI",
    expected="200 with the graph's triples; 404; 405", source="SPARQL 1.1 Graph Store HTTP Protocol 4-5",
)  # fmt: skip
def graph_store(site: Site) -> None:
    store = _graphs(site)
    default = site.send(store + "?default", accept="text/turtle")
    expect(default.status == 200 and default.media_type == "text/turtle", f"?default: {default}")
    site.quads(default)
    absent = site.send(with_query(store, graph="urn:no-such-graph"), accept="text/turtle")
    expect(absent.status == 404, f"an unknown graph: {absent}")
    graphs = []
    if site.found_endpoint:
        graphs = site.values("SELECT DISTINCT ?g WHERE { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g LIMIT 2")
    for graph in graphs:
        place = with_query(store, graph=graph)
        answer = site.send(place, accept="text/turtle")
        expect(answer.status == 200 and answer.media_type == "text/turtle", f"{graph}: {answer}")
        [counted] = site.values(f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}")
        number = len(site.quads(answer))
        expect(str(number) == counted, f"{graph}: {number} triples, but the endpoint counts {counted}")
        head = site.send(place, method="HEAD", accept="text/turtle", last=True)
        expect(head.status == 200 and not head.surplus, f"HEAD of {graph}: {head}")
    for method in ("PUT", "POST", "DELETE"):
        answer = site.send(
            with_query(store, graph="urn:x-conformance:g"), method=method, headers=(("Content-Type", "text/turtle"),),
            body=b"" if method == "DELETE" else b"<urn:x-conformance:s> <urn:x-conformance:p> 1 .", fresh=True,
        )  # fmt: skip
        expect(answer.status == 405, f"{method}: {answer}")


@check(
    69, _GROUP, "Fragments have data, counts and controls",
    request="GET …?subject={E}; the page after the first of everything, Accept: text/turtle",
    expected="the entity's triples; void:triples and hydra:totalItems, counted right; hydra:search with a template; "
    "hydra:next, then hydra:previous; Vary: Accept",
    source="Triple Pattern Fragments; Hydra", level=Level.SHOULD,
)  # fmt: skip
def fragments(site: Site) -> None:
    place = site.service(
        site.options.fragments, ("fragments", "ldf", "tpf"), "fragments", lambda answer: answer.status == 200
    )
    everything = site.send(place, accept="text/turtle")
    expect(everything.status == 200 and everything.media_type in FORMATS, everything)
    expect("accept" in everything.listed("Vary"), f"{everything}: Vary: {everything.header('Vary') or 'none'}")
    quads = site.quads(everything)
    expect(objects(quads, "", _HYDRA + "template"), "no hydra:search with a template")
    said = {*objects(quads, "", VOID + "triples"), *objects(quads, "", _HYDRA + "totalItems")}
    both = objects(quads, "", VOID + "triples") and objects(quads, "", _HYDRA + "totalItems")
    expect(both, f"void:triples and hydra:totalItems: {listing(said)}")
    following = objects(quads, "", _HYDRA + "next")
    if following:
        second = site.send(following[0], accept="text/turtle")
        expect(second.status == 200, f"hydra:next: {second}")
        expect(objects(site.quads(second), "", _HYDRA + "previous"), "the second page has no hydra:previous")
    about = site.send(with_query(place, subject=site.entity), accept="text/turtle")
    expect(about.status == 200, about)
    quads = site.quads(about)
    data = {
        quad for quad in quads if isinstance(quad.subject, NamedNode) and site.same(quad.subject.value, site.entity)
    }
    counts = {int(found) for found in objects(quads, "", _HYDRA + "totalItems") if found.isdigit()}
    expect(data, f"{about}: no triple of {site.entity}")
    right = max(counts, default=0) == len(data) or objects(quads, "", _HYDRA + "next")
    expect(right, f"hydra:totalItems {listing(counts)}, but {len(data)} triples")


for _number, _title in (
    (70, "A document can be asked for as it was"),
    (71, "A former state says when it was"),
    (72, "There is a list of former states"),
    (73, "A wrong date is refused, an early one gets the first state"),
):
    not_asked(
        _number, _GROUP, _title, expected="as RFC 7089 has it", source="RFC 7089; RFC 5829",
        reason="time travel is an optional profile that this command does not ask for",
    )  # fmt: skip


def _reconcile(site: Site) -> str:
    return site.service(
        site.options.reconcile, ("reconcile", "reconciliation"), "reconciliation service",
        lambda answer: answer.status == 200 and "identifierSpace" in answer.text,
    )  # fmt: skip


def _object(answer: Answer) -> dict[str, object]:
    try:
        told = json.loads(answer.content)
    except ValueError:
        raise Failed(f"{answer}, which is not JSON") from None
    if not isinstance(told, dict):
        raise Failed(f"{answer}: {type(told).__name__}, not an object")
    return told


@check(
    74, _GROUP, "The reconciliation service says what it is", request="GET its address, Origin: https://x.example",
    expected="a manifest with versions, name, identifierSpace, schemaSpace and view; open to other sites' scripts",
    source="Reconciliation Service API 0.2, service manifest", level=Level.SHOULD,
)  # fmt: skip
def manifest(site: Site) -> None:
    answer = site.send(_reconcile(site), accept="application/json", headers=(("Origin", "https://x.example"),))
    told = _object(answer)
    missing = {"versions", "name", "identifierSpace", "schemaSpace", "view"} - set(told)
    expect(not missing, f"{answer}: no {listing(missing)}")
    expect(answer.header("Access-Control-Allow-Origin") == "*", f"{answer}: not open to other sites' scripts")


def _name(site: Site) -> str:
    """Return what the entity is called."""
    for name in ("rdf-schema#label", "core#prefLabel", "terms/title", "foaf/0.1/name", "schema.org/name"):
        for quad in site.statements:
            if not quad.predicate.value.endswith(name) or not isinstance(quad.object, Literal):
                continue
            if isinstance(quad.subject, NamedNode) and site.same(quad.subject.value, site.entity):
                return quad.object.value
    raise Skipped(f"<{site.entity}> has no name to look for")


def _candidates(told: dict[str, object], key: str) -> list[dict[str, object]]:
    found = told.get(key)
    result = found.get("result") if isinstance(found, dict) else None
    if not isinstance(result, list) or not all(isinstance(one, dict) for one in result):
        raise Failed(f"{key}: {json.dumps(found)[:150]}, not a result with candidates")
    return result


@check(
    75, _GROUP, "A name is matched with candidates",
    request="POST queries={\"q0\":{\"query\":\"the name of {E}\"}} as a form; by GET; as 1.0 has it; 5000 at once",
    expected="candidates with id, name, score and match, by falling score, with match for one at most; the same every "
    "way; 413 (or 400) for too many",
    source="Reconciliation Service API 0.2, reconciliation queries; 1.0 draft, match service", level=Level.SHOULD,
)  # fmt: skip
def matching(site: Site) -> None:
    place = _reconcile(site)
    queries = json.dumps({"q0": {"query": _name(site), "limit": 5}})
    posted = site.send(place, method="POST", headers=(_FORM,), body=form({"queries": queries}).encode())
    expect(posted.status == 200, posted)
    found = _candidates(_object(posted), "q0")
    expect(found, f"no candidate for {_name(site)!r}")
    for candidate in found:
        missing = {"id", "name", "score", "match"} - set(candidate)
        expect(not missing, f"a candidate without {listing(missing)}")
    scores = [float(str(candidate["score"])) for candidate in found]
    expect(scores == sorted(scores, reverse=True), f"scores {scores}")
    expect(sum(candidate["match"] is True for candidate in found) <= 1, "match for more than one candidate")
    asked = site.send(with_query(place, queries=queries))
    expect(asked.status == 200 and _candidates(_object(asked), "q0") == found, f"other candidates by GET: {asked}")
    told = _object(site.send(place, accept="application/json"))
    versions = told.get("versions")
    if isinstance(versions, list) and any(str(version).startswith("1.0") for version in versions):
        _match(site, place, [candidate["id"] for candidate in found])
    many = json.dumps({f"q{number}": {"query": "x"} for number in range(5000)})
    refused = site.send(place, method="POST", headers=(_FORM,), body=form({"queries": many}).encode())
    expect(refused.status in (400, 413), f"5000 queries at once: {refused}")


def _match(site: Site, place: str, expected: list[object]) -> None:
    """Expect the same candidates in the way of version 1.0."""
    body = {"queries": [{"conditions": [{"matchType": "name", "propertyValue": _name(site)}], "limit": 5}]}
    answer = site.send(place + "/match", method="POST", headers=(_JSON,), body=json.dumps(body).encode())
    results = _object(answer).get("results")
    first = results[0] if isinstance(results, list) and results else None
    candidates = first.get("candidates") if isinstance(first, dict) else None
    if not isinstance(candidates, list):
        raise Failed(f"/match: {answer}: {answer.text[:150]}")
    found = [candidate.get("id") for candidate in candidates]
    expect(found == expected, f"/match: candidates {listing(found)}, not {listing(expected)}")


@check(
    76, _GROUP, "What the reconciliation service offers works",
    request="GET what its manifest names: suggest, preview, extend",
    expected="suggestions with id and name; a page that needs no script; properties and rows",
    source="Reconciliation Service API 0.2: suggest, preview, data extension", level=Level.SHOULD,
)  # fmt: skip
def offers(site: Site) -> None:
    place = _reconcile(site)
    told = _object(site.send(place, accept="application/json"))
    suggest, preview, extend = (told.get(name) for name in ("suggest", "preview", "extend"))
    if not (suggest or preview or extend):
        raise Skipped("its manifest names no suggest, preview or extend")
    name = _name(site)
    entity = suggest.get("entity") if isinstance(suggest, dict) else None
    if isinstance(entity, dict):
        address = str(entity.get("service_url", "")) + str(entity.get("service_path", ""))
        answer = site.send(with_query(urljoin(place, address), prefix=name[:4]), accept="application/json")
        result = _object(answer).get("result")
        right = isinstance(result, list) and result and all("id" in one and "name" in one for one in result)
        expect(answer.status == 200 and right, f"suggest: {answer}: {answer.text[:150]}")
    queries = json.dumps({"q0": {"query": name}})
    identifier = str(_candidates(_object(site.send(with_query(place, queries=queries))), "q0")[0].get("id", ""))
    if isinstance(preview, dict):
        address = urljoin(place, str(preview.get("url", "")).replace("{{id}}", identifier))
        shown = site.send(address, accept="text/html")
        page = site.page(shown)
        expect(shown.status == 200 and shown.media_type == "text/html", f"preview: {shown}")
        expect(not page.inline_scripts and all(site.is_here(urljoin(shown.url, part)) for part in page.loaded),
               "a preview that needs scripts or other sites")  # fmt: skip
    proposing = extend.get("propose_properties") if isinstance(extend, dict) else None
    if isinstance(proposing, dict):
        address = str(proposing.get("service_url", "")) + str(proposing.get("service_path", ""))
        answer = site.send(urljoin(place, address), accept="application/json")
        properties = _object(answer).get("properties")
        if not isinstance(properties, list):
            raise Failed(f"extend: {answer}: no properties")
        asked = [{"id": one["id"]} for one in properties[:1]]
        rows = site.send(
            place, method="POST", headers=(_FORM,),
            body=form({"extend": json.dumps({"ids": [identifier], "properties": asked})}).encode(),
        )  # fmt: skip
        expect(rows.status == 200 and {"meta", "rows"} <= set(_object(rows)), f"extend: {rows}")
