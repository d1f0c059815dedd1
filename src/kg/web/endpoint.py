"""SPARQL over HTTP: the SPARQL 1.1 Protocol's queries, and the read side of its Graph Store Protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qsl, quote

from flask import Response
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, parse
from werkzeug.http import parse_options_header

from kg.metadata import differences_graph, inferred_graph, metadata_graph
from kg.pool import Question, Result, client_of, is_cacheable
from kg.web import service
from kg.web.answers import mark_cut, refusal
from kg.web.negotiation import Offer, choose_type
from kg.web.questions import Table
from kg.web.reader import Names, Shown, Text
from kg.web.responses import CSV, HTML, PROBLEM, RDF_OFFERS, RESULTS, Link, Problem, content_type, respond
from kg.web.visits import Visit

__all__ = ["graphs", "sparql"]

XML = Offer("xml", "application/sparql-results+xml", ("application/xml", "text/xml"))
TSV = Offer("tsv", "text/tab-separated-values", (), {"charset": "utf-8"})

#: What each kind of answer can be had as; the first is what a client gets that does not say what it wants.
ROWS: Sequence[Offer] = (RESULTS, XML, CSV, TSV, HTML)
BOOLEANS: Sequence[Offer] = (RESULTS, XML, HTML)
TRIPLES: Sequence[Offer] = (*RDF_OFFERS, HTML)
_KINDS = {"select": ROWS, "ask": BOOLEANS, "construct": TRIPLES, "describe": TRIPLES}

# What `?format=` may say, and what that means for rows, for booleans and for triples.
_FORMATS: Mapping[str, tuple[str, str, str]] = {
    "html": ("html", "html", "html"),
    "json": ("json", "json", "jsonld"),
    "xml": ("xml", "xml", "rdf"),
    "csv": ("csv", "", ""),
    "tsv": ("tsv", "", ""),
    **{offer.key: ("", "", offer.key) for offer in RDF_OFFERS},
}

# Other names of formats, which clients send in `format` beside their `Accept`.
_ALIASES: Mapping[str, str] = {
    "turtle": "ttl", "n3": "ttl", "json-ld": "jsonld", "ntriples": "nt", "rdf+xml": "rdf", "nquads": "nq",
    **{offer.media_type: offer.key for offer in (*ROWS, *TRIPLES)},
}  # fmt: skip

# How many rows the page shows; the data has them all.
_SHOWN = 500


# --- what is asked ---------------------------------------------------------------------------------------


def _decoded(visit: Visit, data: bytes, what: str) -> str:
    """Return text from outside. Raises Problem (400) for what is not UTF-8 or holds a null byte."""
    _ = visit.say
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(
            400,
            _("This is not UTF-8."),
            _("%(what)s has the byte %(byte)s at position %(position)s.")
            % {"what": what, "byte": f"0x{data[error.start]:02X}", "position": error.start},
        ) from None
    if "\0" in text:
        raise Problem(400, _("A text cannot have a null byte."), what)
    return text


def _short(text: str) -> str:
    """Return as much of what was found as an error shows."""
    return text if len(text) <= 100 else text[:100] + "…"


def _pairs(visit: Visit, encoded: bytes, what: str) -> dict[str, list[str]]:
    """Return the parameters of a form or a query string."""
    found: dict[str, list[str]] = {}
    # As Latin-1, so that what percent signs stand for can be told from what is no UTF-8.
    for name, value in parse_qsl(encoded.decode("latin-1"), keep_blank_values=True, encoding="latin-1"):
        key = _decoded(visit, name.encode("latin-1"), what)
        found.setdefault(key, []).append(_decoded(visit, value.encode("latin-1"), key or what))
    return found


def _parameters(visit: Visit) -> dict[str, list[str]]:
    """Return all parameters of a request, wherever the protocol lets them stand.

    Raises Problem for a body that is none of the protocol's (415), or not UTF-8 (400).
    """
    _, request = visit.say, visit.request
    found = _pairs(visit, request.environ.get("QUERY_STRING", "").encode("latin-1"), "URL")
    if request.method != "POST":
        return found
    body = request.get_data(cache=False)
    media_type, options = parse_options_header(request.headers.get("Content-Type"))
    media_type = media_type.lower()
    if not body and not media_type:
        return found
    accepted = {"Accept-Post": "application/x-www-form-urlencoded, application/sparql-query"}
    if coding := request.headers.get("Content-Encoding", "").strip():
        raise Problem(
            415,
            _("The body of a request cannot be compressed."),
            _("Found Content-Encoding: %(found)s. Send the body as it is.") % {"found": _short(coding)},
            headers={"Accept-Encoding": "identity"},
        )
    if options.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise Problem(
            415,
            _("A query is written in UTF-8."),
            _("Found charset=%(found)s.") % {"found": _short(options["charset"])},
            headers=accepted,
        )
    if media_type == "application/sparql-update":
        raise _no_updates(visit)
    if media_type not in ("application/x-www-form-urlencoded", "application/sparql-query"):
        raise Problem(
            415,
            _("This is not how a query is sent."),
            _("Found Content-Type: %(found)s; expected %(expected)s.")
            % {"found": _short(media_type) or "–", "expected": accepted["Accept-Post"].replace(", ", _(" or "))},
            headers=accepted,
        )
    if media_type == "application/sparql-query":
        found.setdefault("query", []).append(_decoded(visit, body, "query"))
    else:
        for name, values in _pairs(visit, body, "body").items():
            found.setdefault(name, []).extend(values)
    return found


def _no_updates(visit: Visit) -> Problem:
    _ = visit.say
    return Problem(
        403,
        _("This endpoint answers questions only."),
        _("The graph is changed in its files, and built anew: no update over HTTP changes it."),
    )


def _the_query(visit: Visit, queries: Sequence[str]) -> str:
    """Return the one query of a request. Raises Problem if there is not exactly one (400), or it is too long."""
    _ = visit.say
    if len(queries) != 1:
        raise Problem(
            400,
            _("There is no query.") if not queries else _("There is more than one query."),
            _("Exactly one parameter “query” is expected."),
        )
    most = visit.limits.query_length
    if len(queries[0]) > most:
        raise Problem(
            413 if visit.request.method == "POST" else 414,
            _("The query is too long."),
            _("It has %(found)s characters; at most %(most)s are allowed (limits.query_length).")
            % {"found": len(queries[0]), "most": most},
            members={"limit": "limits.query_length", "value": most},
        )
    return queries[0]


def _iris(visit: Visit, name: str, values: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the graphs that a dataset parameter names. Raises Problem (400) for what is not an absolute IRI."""
    if values is None:
        return None
    for value in values:
        _an_iri(visit, name, value)
    return tuple(dict.fromkeys(values))


def _an_iri(visit: Visit, name: str, value: str) -> NamedNode:
    _ = visit.say
    try:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", value):
            return NamedNode(value)
    except ValueError:
        pass
    raise Problem(
        400,
        _("This is not the name of a graph."),
        _("Found %(name)s=%(found)s; expected an absolute IRI, percent-encoded.")
        % {"name": name, "found": _short(value)},
    )


def _format(visit: Visit, values: Sequence[str], known: Sequence[str]) -> str:
    """Return the format that the address asks for, empty if none.

    Libraries send it in several spellings at once, so one that is understood is enough. Raises Problem (400) where none
    is, or where they mean different formats.
    """
    found = {_ALIASES.get(value, value) for value in values} & set(known)
    if values and len(found) != 1:
        raise visit.unknown_format(known)
    return found.pop() if found else ""


@dataclass(frozen=True)
class _Forms:
    """Which offer a client gets for rows, booleans and triples; None for what it does not take."""

    rows: Offer | None
    boolean: Offer | None
    triples: Offer | None

    @classmethod
    def chosen(cls, accept: str | None, form: str) -> _Forms:
        if form:
            named = zip((ROWS, BOOLEANS, TRIPLES), _FORMATS[form], strict=True)
            return cls(*(next((o for o in offers if o.key == key), None) for offers, key in named))
        return cls(*(choose_type(accept, offers) for offers in (ROWS, BOOLEANS, TRIPLES)))

    def of(self, kind: str) -> Offer | None:
        return {"select": self.rows, "ask": self.boolean}.get(kind, self.triples)

    def asked(self) -> tuple[str | None, str | None, str | None]:
        """Return the forms to ask the executor for. A page is made from those that can be read line by line."""
        rows, boolean, triples = (
            None if offer is None else page if offer is HTML else offer.key
            for offer, page in ((self.rows, "tsv"), (self.boolean, "json"), (self.triples, "nt"))
        )
        return rows, boolean, triples


# --- /sparql ---------------------------------------------------------------------------------------------


def sparql(visit: Visit) -> Response:
    """Answer a query; without one, say what the service is, to people with a form."""
    _ = visit.say
    parameters = _parameters(visit)
    if "update" in parameters:
        raise _no_updates(visit)
    form = _format(visit, parameters.get("format", ()), tuple(_FORMATS))
    if "query" not in parameters and visit.request.method != "POST":
        return _describe_service(visit, form)
    query = _the_query(visit, parameters.get("query", ()))
    accept = visit.request.headers.get("Accept")
    forms = _Forms.chosen(accept, form)
    if forms == _Forms(None, None, None):
        raise _not_acceptable(visit, query, [*ROWS, *TRIPLES])
    question = Question(
        visit.snapshot.name,
        query,
        *forms.asked(),
        default_graphs=_iris(visit, "default-graph-uri", parameters.get("default-graph-uri")),
        named_graphs=_iris(visit, "named-graph-uri", parameters.get("named-graph-uri")),
        client=client_of(visit.request.remote_addr or ""),
    )

    def answer(result: Result) -> Response:
        vary = () if form else ("Accept",)
        if not result.is_answer:
            problem = _not_acceptable(visit, query, _KINDS[result.kind]) if result.status == "not acceptable" else (
                refusal(visit, result, query))  # fmt: skip
            if (choose_type(accept, (PROBLEM, HTML)) if not form else forms.rows) is HTML:
                return _page(visit, parameters, query, status=problem.status, vary=vary, problem=problem)
            raise problem
        offer = forms.of(result.kind)
        assert offer is not None
        if offer is HTML:
            return _page(visit, parameters, query, vary=vary, result=result)
        return mark_cut(visit, result, respond(result.body, content_type(offer), vary=vary))

    response = visit.ask(question, answer)
    if not is_cacheable(query):
        response.headers["Cache-Control"] = "no-store"
    return response


def _not_acceptable(visit: Visit, query: str, offers: Sequence[Offer]) -> Problem:
    _ = visit.say
    keys = {offer.key: offer for offer in offers}.values()
    available = [
        (offer.media_type, visit.addresses.path("/sparql", query=query, format=offer.key))
        for offer in keys
        if offer.key in _FORMATS
    ]
    return Problem(
        406,
        _("There is no representation of this kind."),
        _("Ask for one of those listed, or take it from its own address."),
        available=available if len(query) < 2000 else [(kind, "") for kind, _address in available],
    )


def _describe_service(visit: Visit, form: str) -> Response:
    addresses = visit.addresses
    offers = TRIPLES
    if form and form not in {offer.key for offer in offers}:
        _format(visit, [form], tuple(offer.key for offer in offers))
    offer = next((o for o in offers if o.key == form), None) or visit.choose(
        offers, lambda key: addresses.path("/sparql", format=key)
    )
    vary = () if form else ("Accept",)
    if offer is HTML:
        return _page(visit, {}, "", vary=vary)
    return respond(service.describe_service(visit, offer.key), content_type(offer), vary=vary)


# --- the page --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shown:
    """A result as the page has it: the number that was found, and the table of the first of them."""

    table: Table | None = None
    count: int = 0
    boolean: bool | None = None


def _page(
    visit: Visit,
    parameters: Mapping[str, Sequence[str]],
    query: str,
    *,
    status: int = 200,
    vary: Sequence[str],
    result: Result | None = None,
    problem: Problem | None = None,
) -> Response:
    """Return the page with the form, and with the result or what is wrong with the query."""
    addresses = visit.addresses
    dataset = [
        (name, value)
        for name in ("default-graph-uri", "named-graph-uri")
        for value in parameters.get(name, ())
    ]  # fmt: skip
    keys = [offer.key for offer in _KINDS[result.kind] if offer is not HTML] if result else []

    def address(key: str) -> str:
        kept = "".join(f"&{name}={quote(value, safe='')}" for name, value in dataset)
        return addresses.path("/sparql", query=query, format=key) + kept

    links = [] if query else [
        Link(addresses.path("/sparql", format=offer.key), "alternate", offer.media_type) for offer in RDF_OFFERS
    ]  # fmt: skip
    response = visit.html(
        "sparql.html",
        status=status,
        vary=vary,
        links=links,
        query=query or service.example(visit),
        dataset=dataset,
        shown=_show(visit, result) if result else None,
        most=_SHOWN,
        cut=result if result is not None and result.status == "cut" else None,
        problem=problem,
        formats=[(key, service.NAMES[key]) for key in _FORMATS],
        data=[(service.NAMES[key], address(key)) for key in keys],
        asked=bool(query),
    )
    response.headers.update(problem.headers if problem else {})
    return response if result is None else mark_cut(visit, result, response)


def _show(visit: Visit, result: Result) -> _Shown:
    """Return what the page shows of a result, reading no more of it than that."""
    names, _ = visit.names, visit.say
    if result.kind == "ask":
        return _Shown(boolean=b"true" in result.body)
    cut = result.status == "cut"
    if result.kind == "select":
        head, *lines = result.body.split(b"\n", _SHOWN + 1)[: _SHOWN + 1]
        headings = [name[1:] for name in head.decode().split("\t") if name]
        lines = lines[: min(_SHOWN, result.rows)]  # after them may come an empty line, or the mark of a cut
        found = [line.decode().split("\t") for line in lines]
    else:
        headings = [_("Subject"), _("Predicate"), _("Object")]
        lines = [line for line in result.body.split(b"\n", _SHOWN + cut)[: _SHOWN + cut] if line[:1] not in (b"", b"#")]
        found = [line.decode().removesuffix(" .").split(" ", 2) for line in lines]
    terms = _terms({cell for row in found for cell in row if cell})
    names.learn(term for term in terms.values() if not isinstance(term, Literal))
    rows = [[[_cell(names, terms[cell])] if cell else [] for cell in row] for row in found]
    table = Table(Text(_("Result")), [[Shown(Text(text))] for text in headings], rows, False)
    return _Shown(table, result.rows)


def _cell(names: Names, term: NamedNode | BlankNode | Literal) -> Shown:
    return Shown(Text(f"_:{term.value}")) if isinstance(term, BlankNode) else names.show(term)


def _terms(cells: set[str]) -> Mapping[str, NamedNode | BlankNode | Literal]:
    """Return terms by what N-Triples writes for them; what is no single term stands as a text."""
    found: dict[str, NamedNode | BlankNode | Literal] = {}
    for cell in cells:
        try:
            (quad,) = parse(f"<x:s> <x:p> {cell} .", format=RdfFormat.N_TRIPLES)
        except (SyntaxError, ValueError):
            found[cell] = Literal(cell)
            continue
        is_term = isinstance(quad.object, NamedNode | Literal)
        found[cell] = quad.object if is_term else BlankNode(cell[2:]) if cell.startswith("_:") else Literal(cell)
    return found


# --- /graphs ---------------------------------------------------------------------------------------------


def graphs(visit: Visit) -> Response:
    """Answer with a whole graph by its name, or with the default graph; without parameters, list all of them."""
    _ = visit.say
    parameters = _parameters(visit)
    named, is_default = parameters.get("graph", []), "default" in parameters
    if not named and not is_default:
        return _list_graphs(visit, parameters)
    if len(named) + is_default > 1:
        raise Problem(400, _("One graph at a time can be had."), _("Write ?default or ?graph=, and that once."))
    graph = _an_iri(visit, "graph", named[0]).value if named else ""
    form = _format(visit, parameters.get("format", ()), tuple(offer.key for offer in RDF_OFFERS))
    if graph and NamedNode(graph) not in visit.snapshot.graphs:
        raise refusal(visit, Result("unknown graph"))

    def address(key: str) -> str:
        return service.graph_address(visit.addresses, graph, key)

    offer = next((o for o in RDF_OFFERS if o.key == form), None) or visit.choose(RDF_OFFERS, address)
    question = Question(
        visit.snapshot.name,
        graph=graph or "default",
        triples_form=offer.key,
        client=client_of(visit.request.remote_addr or ""),
    )

    def answer(result: Result) -> Response:
        if not result.is_answer:
            raise refusal(visit, result)
        links = [Link(address(o.key), "alternate", o.media_type) for o in RDF_OFFERS if o is not offer]
        vary = () if form else ("Accept",)
        return mark_cut(visit, result, respond(result.body, content_type(offer), vary=vary, links=links))

    return visit.ask(question, answer)


def _list_graphs(visit: Visit, parameters: Mapping[str, Sequence[str]]) -> Response:
    addresses, snapshot = visit.addresses, visit.snapshot
    form = _format(visit, parameters.get("format", ()), tuple(offer.key for offer in TRIPLES))

    def address(key: str) -> str:
        return addresses.path("/graphs", format=key)

    offer = next((o for o in TRIPLES if o.key == form), None) or visit.choose(TRIPLES, address)
    vary = () if form else ("Accept",)
    links = [Link(address(o.key), "alternate", o.media_type) for o in TRIPLES if o is not offer]
    if offer is not HTML:
        return respond(service.describe_dataset(visit, offer.key), content_type(offer), vary=vary, links=links)
    page, length = visit.page_number(), snapshot.settings.page_length
    pages = max(1, -(-len(snapshot.graphs) // length))
    if page > pages:
        raise visit.nothing_here()
    around = {
        rel: addresses.page("/graphs", page=number if number > 1 else None)
        for rel, number in (("prev", page - 1), ("next", page + 1))
        if 1 <= number <= pages
    }
    shown = islice(snapshot.graphs.items(), (page - 1) * length, page * length)
    return visit.html(
        "graphs.html",
        vary=vary,
        links=[*links, *(Link(target, rel) for rel, target in around.items())],
        total=snapshot.triple_count,
        default=service.graph_address(addresses, ""),
        graphs=[
            (graph.value, service.graph_address(addresses, graph.value), count, _source(visit, graph))
            for graph, count in shown
        ],
        count=len(snapshot.graphs),
        page=page,
        pages=pages,
        around=around,
        formats=[(service.NAMES[o.key], address(o.key)) for o in RDF_OFFERS],
    )


def _source(visit: Visit, graph: NamedNode) -> Shown | None:
    """Return who speaks in a graph: its source, or the engine."""
    _, settings = visit.say, visit.snapshot.settings
    if graph == inferred_graph(settings):
        return Shown(Text(_("inferred")))
    if graph == differences_graph(settings):
        return Shown(Text(_("where sources differ")))
    if graph == metadata_graph(settings):
        return Shown(Text(_("About this data")))
    source = visit.snapshot.source_of(graph)
    return visit.names.link(source.value) if source else None
