"""The Flask application: which address is answered by what, for whom, and what happens when something is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from flask import Flask, Response, g, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from kg.errors import FormatError, KGError
from kg.executors import settings_at
from kg.web import discovery, documents, endpoint, lists, questions, searches
from kg.web.addresses import Addresses, iris_of_path
from kg.web.assets import Asset, find_asset, read_assets
from kg.web.corrections import correct
from kg.web.current import Current
from kg.web.dumps import checksums, dump
from kg.web.feed import feed
from kg.web.fragments import fragments
from kg.web.front import dataset, home
from kg.web.negotiation import choose_language
from kg.web.reader import Reader
from kg.web.responses import (
    KEYS,
    MEDIA_TYPES,
    PROBLEM,
    Problem,
    add_common_headers,
    content_type,
    finish,
    redirect,
    respond,
)
from kg.web.sitemap import sitemap, sitemap_part
from kg.web.sources import sources
from kg.web.visits import Visit, problem_json
from kg.web.vocabularies import ontology

__all__ = ["create_app"]


def create_app(snapshots: Path, *, public_url: str = "", runtime: Path | None = None) -> Flask:
    """Return the site of a folder of snapshots; it follows the link `current` there without a restart.

    `public_url` is where the site is seen from outside, and may have a path; without it, links are paths.
    `runtime` is the folder of a running server, where executors answer queries; without it, nobody does.
    Raises SnapshotError if there is no whole snapshot to begin with.
    """
    app = Flask("kg.web", static_folder=None, template_folder=None)
    current = Current(snapshots)
    limits = settings_at(runtime) if runtime else None
    assets = read_assets()
    templates = _templates(assets)
    public_url = public_url.rstrip("/")
    origin = re.match(r"https?://[^/]+", public_url)
    # Redirects of Werkzeug's own would be made from the Host header.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False

    @app.before_request
    def arrive() -> None:
        snapshot = current.get()
        request.environ["kg.snapshot"] = snapshot.name  # whose words the answer has, for whoever keeps it
        languages = snapshot.settings.languages
        asked = request.args.get("lang", "")
        language = choose_language(request.headers.get("Accept-Language"), languages)
        known = asked in languages
        reader = Reader(asked if known else language, languages, asked if known else "")
        addresses = Addresses(snapshot.settings, public_url, reader.asked)
        g.visit = Visit(request, snapshot, reader, addresses, templates, limits or snapshot.settings, runtime)
        if asked and not known:
            _ = reader.say
            raise Problem(
                400,
                _("This graph is not in that language."),
                _("Known languages: %(languages)s.") % {"languages": ", ".join(languages)},
                [(reader.own_name(tag), g.visit.switch(tag)) for tag in languages],
            )

        # Also where an extension says the format: a page is no answer to whoever asks for what there is not.
        # The endpoint looks for itself, because its clients send the format in more spellings.
        for name, known_formats in (("format", KEYS), ("_mediatype", MEDIA_TYPES)):
            if request.args.get(name, "") not in ("", *known_formats) and request.path.strip("/") != "sparql":
                raise g.visit.unknown_format(known_formats)

    @app.after_request
    def leave(response: Response) -> Response:
        visit: Visit | None = g.get("visit")
        add_common_headers(response, public_origin=origin[0] if origin else "")
        return finish(response, modified=visit.modified if visit else None)

    def add(rule: str, answer: Callable[..., Response], methods: Sequence[str] = ("GET",)) -> None:
        def view(**values: str) -> Response:
            return answer(g.visit, **values)

        app.add_url_rule(rule, rule, view, methods=methods)

    def pinned(visit: Visit, name: str, rest: str) -> Response:
        """Answer from the one snapshot that the address names, as long as it is kept."""
        _ = visit.say
        snapshot = current.named(name)
        if snapshot is None:
            onward = [(_("The same address in the present state"), visit.addresses.path("/" + rest))]
            raise Problem(
                404,
                _("This state of the graph is not kept here."),
                _("Only the latest states are kept: snapshots.keep = %(number)s.")
                % {"number": visit.snapshot.settings.snapshots_kept},
                onward,
            )
        addresses = replace(visit.addresses, settings=snapshot.settings).pinned(snapshot.name)
        present = snapshot.name == visit.snapshot.name
        g.visit = visit = replace(visit, snapshot=snapshot, addresses=addresses, present=present)
        kind, _slash, last = visit.path.removeprefix("/").partition("/")
        if kind == "doc" and last:
            return documents.document(visit)
        if kind == "views" and last:
            return questions.view(visit, last)
        if kind == "dumps" and last:
            return dumped(visit, last)
        if kind == "about":
            return documents.about(visit)
        stem, dot, extension = kind.partition(".")
        if stem == "dataset" and not last and bool(dot) == bool(extension):
            return dataset(visit, extension)
        try:
            return elsewhere(visit, "")
        except Problem:
            if not is_page(visit.path):
                raise
        raise Problem(
            404,
            _("There is this only of the present state."),
            _("Of a state that is kept there are documents, answers of views, dumps and the ontology."),
            [(_("The same address in the present state"), visit.presently())],
        )

    def is_page(path: str) -> bool:
        """Tell whether a path has an answer of its own in the present state, whatever the graph has."""
        try:
            return app.url_map.bind("").match(path)[0] not in ("/<path:rest>", "/snapshot/<name>/<path:rest>")
        except HTTPException:
            return False

    def asset(visit: Visit, name: str) -> Response:
        found = find_asset(assets, name)
        if found is None:
            raise documents.not_found(visit, "")
        one, lasting = found
        return respond(one.data, one.kind, pinned=lasting)

    for rule, answer in (
        ("/", home),
        ("/id/<path:rest>", documents.thing),
        ("/doc/<path:rest>", documents.document),
        ("/about", documents.about),
        ("/correct", correct),
        ("/sources", sources),
        ("/sources.<extension>", sources),
        ("/dataset", dataset),
        ("/dataset.<extension>", dataset),
        ("/snapshot/<name>/<path:rest>", pinned),
        ("/fragments", fragments),
        ("/feed.atom", feed),
        ("/dumps/<name>", dumped),
        ("/linkset.<key>", documents.links),
        ("/context.jsonld", discovery.context),
        ("/.well-known/void", discovery.void),
        ("/.well-known/api-catalog", discovery.api_catalog),
        ("/dcat", discovery.catalogue),
        ("/dcat.<extension>", discovery.catalogue),
        ("/robots.txt", discovery.robots),
        ("/llms.txt", discovery.llms),
        ("/sitemap.xml", sitemap),
        ("/sitemap-<int:number>.xml", sitemap_part),
        ("/views", questions.views),
        ("/views/<name>", questions.view),
        ("/graphs", endpoint.graphs),
        ("/search", searches.search),
        ("/search/suggest", searches.suggest),
        ("/browse", lists.browse),
        ("/browse/<kind>", lists.browse_kind),
        ("/healthz", health),
        ("/static/<name>", asset),
        ("/favicon.ico", lambda visit: asset(visit, "icon.svg")),
        # The path of the ontology is a setting, which may change with the snapshot.
        ("/<path:rest>", elsewhere),
    ):
        add(rule, answer)
    add("/sparql", endpoint.sparql, ("GET", "POST"))
    _handle_errors(app)
    return app


def _templates(assets: Mapping[str, Asset]) -> Environment:
    environment = Environment(
        loader=PackageLoader("kg.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["assets"] = assets
    return environment


# --- other addresses -------------------------------------------------------------------------------------


def dumped(visit: Visit, name: str) -> Response:
    """Answer with a dump, or with the checksums of all."""
    return checksums(visit) if name == "SHA256SUMS" else dump(visit, name)


def health(visit: Visit) -> Response:
    """Answer that the site is well, and which snapshot it serves."""
    return respond(f"ok {visit.snapshot.name}\n", "text/plain; charset=utf-8")


def elsewhere(visit: Visit, rest: str) -> Response:
    """Answer at the addresses that are settings or data: the vocabularies, and the named graphs of files."""
    response = ontology(visit)
    if response is not None:
        return response
    base = visit.snapshot.settings.base_iri
    graphs = {graph.value for graph in visit.snapshot.graphs}
    for iri in iris_of_path(base, visit.path[1:]):
        if iri in graphs:
            known = visit.snapshot.knows(iri)
            return redirect(visit.addresses.document(iri) if known else graph_address(visit, iri))
    raise documents.not_found(visit, "")


def graph_address(visit: Visit, graph: str) -> str:
    """Return where the statements of a graph are of which nothing else is said."""
    return visit.addresses.path("/graphs", graph=graph)


# --- when something is wrong -----------------------------------------------------------------------------


def _handle_errors(app: Flask) -> None:
    def answer(problem: Problem) -> Response:
        visit: Visit | None = g.get("visit")
        if visit is not None:
            return visit.problem(problem)
        return respond(problem_json(problem), content_type(PROBLEM), status=problem.status)

    @app.errorhandler(Problem)
    def known(problem: Problem) -> Response:
        return answer(problem)

    @app.errorhandler(FormatError)
    def unwritable(error: FormatError) -> Response:
        _ = g.visit.say
        return answer(
            Problem(
                406,
                _("RDF/XML cannot say this."),
                _("It has no way to write the property %(property)s. Ask for another format.")
                % {"property": error.term},
            )
        )

    @app.errorhandler(HTTPException)
    def of_http(error: HTTPException) -> Response:
        _ = g.visit.say if "visit" in g else str
        headers = {}
        if isinstance(error, MethodNotAllowed):
            headers["Allow"] = ", ".join(sorted(error.valid_methods or ("GET", "HEAD", "OPTIONS")))
            title = _("This method is not allowed here.")
        elif error.code == 404:
            return answer(documents.not_found(g.visit, "")) if "visit" in g else answer(Problem(404, error.name))
        else:
            title = error.name
        return answer(Problem(error.code or 500, title, headers=headers))

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        if isinstance(error, KGError):
            app.logger.error("%s", error)
        else:
            app.logger.exception("a request failed")
        _ = g.visit.say if "visit" in g else str
        return answer(
            Problem(
                500,
                _("Something went wrong on our side."),
                _("Try again in a moment. The fault has been written down."),
            )
        )
