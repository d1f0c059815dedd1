"""The Flask application: which address is answered by what, for whom, and what happens when something is wrong."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from flask import Flask, Response, g, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from pyoxigraph import Literal, Quad, RdfFormat, parse
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from kg.errors import FormatError, KGError
from kg.executors import settings_at
from kg.metadata import dataset_iri, describe_origin, read_origin
from kg.vocabulary import VOID
from kg.web import documents, endpoint, lists, questions
from kg.web.addresses import Addresses
from kg.web.current import Current
from kg.web.documents import OFFERS
from kg.web.negotiation import choose_language
from kg.web.reader import Reader
from kg.web.responses import PROBLEM, RDF_OFFERS, Link, Problem, add_common_headers, content_type, respond
from kg.web.visits import Visit, problem_json
from kg.web.vocabularies import ontology
from kg.writers import FORMATS, write

__all__ = ["create_app"]

_STATIC = {"site.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}


def create_app(snapshots: Path, *, public_url: str = "", runtime: Path | None = None) -> Flask:
    """Return the site of a folder of snapshots; it follows the link `current` there without a restart.

    `public_url` is where the site is seen from outside, and may have a path; without it, links are paths.
    `runtime` is the folder of a running server, where executors answer queries; without it, nobody does.
    Raises SnapshotError if there is no whole snapshot to begin with.
    """
    app = Flask("kg.web", static_folder=None, template_folder=None)
    current = Current(snapshots)
    limits = settings_at(runtime) if runtime else None
    static = {name: (resources.files("kg.web") / "static" / name).read_bytes() for name in _STATIC}
    templates = _templates({name: hashlib.sha256(data).hexdigest()[:12] for name, data in static.items()})
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
            )

    @app.after_request
    def leave(response: Response) -> Response:
        return add_common_headers(response, public_origin=origin[0] if origin else "")

    def add(rule: str, answer: Callable[..., Response], methods: Sequence[str] = ("GET",)) -> None:
        def view(**values: str) -> Response:
            return answer(g.visit, **values)

        app.add_url_rule(rule, rule, view, methods=methods)

    def asset(visit: Visit, name: str) -> Response:
        if name not in static:
            raise documents.not_found(visit, "")
        return respond(static[name], _STATIC[name], pinned="v" in visit.arguments)

    for rule, answer in (
        ("/", home),
        ("/id/<path:rest>", documents.thing),
        ("/doc/<path:rest>", documents.document),
        ("/about", documents.about),
        ("/dataset", dataset),
        ("/dataset.<extension>", dataset),
        ("/views", questions.views),
        ("/views/<name>", questions.view),
        ("/graphs", endpoint.graphs),
        ("/search", lists.search),
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


def _templates(versions: dict[str, str]) -> Environment:
    environment = Environment(
        loader=PackageLoader("kg.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # The catalogue is that of the request's reader.
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: g.visit.say(text),
        lambda one, many, number: g.visit.reader.say_number(one, many, number),
        newstyle=True,
    )
    environment.globals["versions"] = versions
    return environment


# --- pages of the site itself ----------------------------------------------------------------------------


def home(visit: Visit) -> Response:
    """Answer with the front page."""
    settings = visit.snapshot.settings
    featured = visit.snapshot.view(settings.home_view) if settings.home_view else None
    return visit.only_html(
        "home.html",
        featured=featured[0] if featured else None,
        result=questions.lay_out(*featured, visit.names) if featured else None,
        views=visit.snapshot.views(),
        classes=lists.class_counts(visit),
    )


def dataset(visit: Visit, extension: str = "") -> Response:
    """Answer with what the graph says about itself, and the commit that it was built from."""
    if extension and extension != "html" and extension not in FORMATS:
        raise documents.not_found(visit, "")
    addresses = visit.addresses

    def address(key: str) -> str:
        return addresses.page("/dataset.html") if key == "html" else addresses.path(f"/dataset.{key}")

    chosen = extension or visit.choose(OFFERS, address).key
    vary = () if extension else ("Accept",)
    location = "" if extension else address(chosen)
    links = [Link(addresses.path("/dataset"), "canonical")]
    links += [Link(address(found.key), "alternate", found.media_type) for found in OFFERS if found.key != chosen]
    quads = about_itself(visit)
    if chosen == "html":
        return visit.html(
            "dataset.html",
            vary=vary,
            links=links,
            location=location,
            origin=read_origin(visit.snapshot.path),
            numbers=_numbers(visit, quads),
            formats=[(FORMATS[key].name, address(key)) for key in FORMATS],
        )
    body = write(quads, chosen, visit.snapshot.prefixes)
    offer = next(found for found in RDF_OFFERS if found.key == chosen)
    return respond(body, content_type(offer), vary=vary, links=links, location=location)


def about_itself(visit: Visit) -> list[Quad]:
    """Return the metadata of the snapshot in use, with its origin."""
    text = "".join(f"{line} .\n" for line in visit.snapshot.meta["about"])
    settings = visit.snapshot.settings
    origin = read_origin(visit.snapshot.path)
    return [*parse(text, format=RdfFormat.N_QUADS), *describe_origin(settings, origin)]


def _numbers(visit: Visit, quads: list[Quad]) -> list[tuple[str, str]]:
    _ = visit.say
    dataset = dataset_iri(visit.snapshot.settings)
    said = {q.predicate: q.object.value for q in quads if q.subject == dataset and isinstance(q.object, Literal)}
    headings = (
        (VOID.triples, _("Statements")),
        (VOID.entities, _("Things")),
        (VOID.classes, _("Classes")),
        (VOID.properties, _("Properties")),
    )
    return [(heading, said[predicate]) for predicate, heading in headings if predicate in said]


def health(visit: Visit) -> Response:
    """Answer that the site is well, and which snapshot it serves."""
    return respond(f"ok {visit.snapshot.name}\n", "text/plain; charset=utf-8")


def elsewhere(visit: Visit, rest: str) -> Response:
    """Answer with the ontology, whose path is a setting; nothing else is left."""
    response = ontology(visit)
    if response is None:
        raise documents.not_found(visit, "")
    return response


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
