"""One request: the snapshot that answers it, its reader, and the ways to answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from flask import Request, Response
from jinja2 import Environment
from jinja2.environment import TemplateModule
from pyoxigraph import Quad
from werkzeug.datastructures import MultiDict

from kg.history import HISTORY, History, read_history
from kg.metadata import ORIGIN, Origin, read_origin
from kg.pool import Question, Result, ask_now
from kg.settings import Settings
from kg.snapshot import Snapshot
from kg.web.addresses import Addresses, raw_path
from kg.web.inline import Inline
from kg.web.negotiation import Offer, choose_type
from kg.web.reader import Names, Reader
from kg.web.responses import HTML, PROBLEM, RDF_OFFERS, Link, Problem, content_type, respond
from kg.writers import Four, write

__all__ = ["Visit", "words_of"]


@dataclass
class Visit:
    """What every kind of page needs of a request, and how it is answered."""

    request: Request
    snapshot: Snapshot
    reader: Reader
    addresses: Addresses
    templates: Environment
    #: The settings that limits come from, and where executors can be asked, if anywhere.
    limits: Settings
    runtime: Path | None = None
    #: Whether the snapshot is the one in use, which alone answers queries.
    present: bool = True
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        self.names = Names(self.snapshot, self.reader, self.addresses)

    @property
    def say(self) -> Callable[[str], str]:
        """The function that puts one of the engine's sentences into the reader's language."""
        return self.reader.say

    @cached_property
    def path(self) -> str:
        """The path as it was sent, percent-encoded, without the part that pins a snapshot.

        It begins with one slash, so it cannot lead to another host.
        """
        return "/" + raw_path(self.request.environ).lstrip("/").removeprefix(self.addresses.pin[1:]).lstrip("/")

    @property
    def pinned(self) -> bool:
        """Whether the address names the snapshot, so that the answer stays what it is."""
        return bool(self.addresses.pin)

    @property
    def arguments(self) -> MultiDict[str, str]:
        """The parameters of the query string."""
        return self.request.args

    @cached_property
    def origin(self) -> Origin:
        """The commit that the snapshot was last built from, as far as it is known."""
        return _origin(self.snapshot.path, _changed(self.snapshot.path / ORIGIN))

    @cached_property
    def history(self) -> History:
        """What git knows of the files of the snapshot."""
        return _history(self.snapshot.path, _changed(self.snapshot.path / HISTORY))

    @property
    def modified(self) -> datetime | None:
        """When the graph last changed, None where git does not know: without it, or with changes of its own."""
        origin = self.origin
        return None if origin.dirty or not origin.date else datetime.fromisoformat(origin.date).astimezone(UTC)

    def nothing_here(self) -> Problem:
        """Return the 404 for an address that leads nowhere."""
        _ = self.say
        return Problem(404, _("The graph does not know this."), _("Nothing in it has this address."))

    def page_number(self) -> int:
        """Return the number of the page that is asked for. Raises Problem (400) for what is not one."""
        text = self.arguments.get("page", "1")
        if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
            _ = self.say
            raise Problem(
                400,
                _("This is not the number of a page."),
                _("Found %(found)s; expected a whole number from 1.") % {"found": repr(text[:100])},
                [(_("First page"), self._without("page"))],
            )
        return int(text)

    def unknown_format(self, known: Iterable[str]) -> Problem:
        """Return the 400 for a format that nothing here has."""
        _ = self.say
        return Problem(
            400,
            _("This format is unknown."),
            _("Known formats: %(formats)s.") % {"formats": ", ".join(known)},
            [(_("The same address without a format"), self._without("format", "_mediatype"))],
        )

    def choose(self, offers: Sequence[Offer], address: Callable[[str], str]) -> Offer:
        """Return the offer that suits the client best; `?format=` in the address wins over the header.

        Raises Problem: 400 for a format that there is not, 406 with all offers and their addresses.
        """
        if asked := self.arguments.get("format") or self.arguments.get("_mediatype"):
            named = [found for found in offers if asked in (found.key, found.media_type)]
            if not named:
                raise self.unknown_format(found.key for found in offers)
            return named[0]
        offer = choose_type(self.request.headers.get("Accept"), offers)
        if offer is not None:
            return offer
        _ = self.say
        raise Problem(
            406,
            _("There is no representation of this kind."),
            _("Ask for one of those listed, or take it from its own address."),
            available=[(found.media_type, address(found.key)) for found in offers],
            headers={"Link": ", ".join(str(Link(address(o.key), "alternate", o.media_type)) for o in offers)},
        )

    # --- questions ---

    def ask(self, question: Question, then: Callable[[Result], Response]) -> Response:
        """Return the answer to a question to the graph, which `then` makes of what became of it.

        No thread waits for a query where the site runs in the gateway: this call leaves the question in the
        environment, and the request is handled once more when the result is there. Other servers of WSGI wait. Raises
        Problem (503) where no executors run.
        """
        environ = self.request.environ
        if (result := environ.get("kg.answer")) is not None:
            return then(result)
        if environ.get("kg.gateway"):
            environ["kg.question"] = question
            return Response(b"")
        if self.runtime is None:
            _ = self.say
            raise Problem(
                503,
                _("Nobody answers queries here."),
                _("The site runs without the processes that do. Start it with: kg serve"),
            )
        return then(ask_now(self.runtime, question, self.limits))

    def limit(self, key: str) -> object:
        """Return the value of a setting by its name in `kg.toml`."""
        found = next(one for one in fields(Settings) if one.metadata["key"] == key)
        return getattr(self.limits, found.name)

    # --- answers ---

    def render(self, template: str, **values: Any) -> str:
        """Return a page as text."""
        given = {**self._given(), "visit": self, "inline": Inline(self.reader), **values}
        return self.templates.get_template(template).render(given)

    def _given(self) -> dict[str, Any]:
        """Return what every template is given."""
        reader = self.reader
        return {
            "reader": reader, "_": reader.write, "ngettext": reader.write_number,
            "addresses": self.addresses, "settings": self.snapshot.settings,
        }  # fmt: skip

    @property
    def frame(self) -> TemplateModule:
        """What stands around the pages of this snapshot for such a reader: made once, see `frame.html`."""
        changed, addresses = bool(self.history.changes), self.addresses

        def made() -> TemplateModule:
            given = {**self._given(), "snapshot": self.snapshot, "changed": changed}
            return self.templates.get_template("frame.html").make_module(given)

        key = ("frame", self.reader, addresses.public_url, addresses.lang, addresses.pin, changed)
        return self.snapshot.remembered(key, made)

    def html(
        self,
        template: str,
        *,
        status: int = 200,
        vary: Iterable[str] = (),
        links: Sequence[Link] = (),
        location: str = "",
        **values: Any,
    ) -> Response:
        """Return a page in the reader's language."""
        return respond(
            self.render(template, links=links, **values),
            content_type(HTML),
            status=status,
            language=self.reader.language,
            vary=(*vary, "Accept-Language"),
            links=links,
            location=location,
            pinned=self.pinned and status == 200,
        )

    def rdf(
        self,
        quads: Iterable[Quad | Four],
        extension: str,
        *,
        status: int = 200,
        vary: Iterable[str] = (),
        links: Sequence[Link] = (),
        location: str = "",
    ) -> Response:
        """Return quads as a document in the format of an extension."""
        offer = next(found for found in RDF_OFFERS if found.key == extension)
        body = write(quads, extension, self.snapshot.prefixes)
        return respond(
            body,
            content_type(offer),
            status=status,
            vary=vary,
            links=links,
            location=location,
            pinned=self.pinned and status == 200,
        )

    def only_html(self, template: str, **values: Any) -> Response:
        """Return a page that there is in HTML alone. Raises Problem (406) for clients that cannot read it."""
        self.choose((HTML,), lambda _: self.addresses.path(self.path))
        return self.html(template, vary=("Accept",), **values)

    def switch(self, language: str) -> str:
        """Return the address of this very page in a language."""
        kept: Mapping[str, Any] = {key: value for key, value in self.arguments.items() if key != "lang"}
        return self.addresses.here(self.path, **{**kept, "lang": language})

    def presently(self) -> str:
        """Return the address of this very page in the present state of the graph."""
        return self.addresses.path(self.path, **dict(self.arguments.items()))

    def _without(self, *names: str) -> str:
        """Return the address of this page without some of its parameters."""
        return self.addresses.here(self.path, **{key: v for key, v in self.arguments.items() if key not in names})

    def problem(self, problem: Problem) -> Response:
        """Return the answer to a request that has none: a page for people, problem+json for programs."""
        offer = choose_type(self.request.headers.get("Accept"), (PROBLEM, HTML)) or PROBLEM
        if offer is HTML:
            response = self.html(
                "error.html", status=problem.status, vary=("Accept",), problem=problem, words=words_of(self.path)
            )
        else:
            response = respond(
                problem_json(problem), content_type(PROBLEM), status=problem.status,
                language=self.reader.interface, vary=("Accept", "Accept-Language"),
            )  # fmt: skip
        response.headers.update(problem.headers)
        return response


def words_of(path: str) -> str:
    """Return the words of the last part of an address, for whoever looks for what is not there.

    >>> words_of("/id/bell/y-fawr.html")
    'y fawr'
    """
    last = unquote(path.rpartition("/")[2])
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"\.[a-z]{2,6}$", "", last)))[:100]


def _changed(path: Path) -> int:
    """Return when a file last changed, 0 for one that is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=16)
def _origin(snapshot: Path, _changed_at: int) -> Origin:
    return read_origin(snapshot)


@lru_cache(maxsize=16)
def _history(snapshot: Path, _changed_at: int) -> History:
    return read_history(snapshot)


def problem_json(problem: Problem) -> str:
    """Return a problem as RFC 9457 has it."""
    said: dict[str, object] = {"type": "about:blank", "title": problem.title, "status": problem.status}
    if problem.detail:
        said["detail"] = problem.detail
    if problem.onward:
        said["seeAlso"] = [{"title": title, "href": href} for title, href in problem.onward]
    said |= problem.members
    if problem.available:
        said["available"] = [
            {"type": kind, "href": href} if href else {"type": kind} for kind, href in problem.available
        ]
    return json.dumps(said, ensure_ascii=False, indent=2) + "\n"
