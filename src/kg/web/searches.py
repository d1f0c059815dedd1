"""Search: a page of what was found and why, the same as data, and suggestions while somebody types."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response
from pyoxigraph import NamedNode

from kg.search import PREFERRED, Found, Name, fold, marked, matching, names_of, words
from kg.search import search as find
from kg.views import View
from kg.web.lists import Entry, csv_of, entries, paged
from kg.web.narrowing import Narrowing
from kg.web.reader import Text
from kg.web.responses import CSV, HTML, JSON, Problem, content_type, respond
from kg.web.visits import Visit

__all__ = ["Hit", "search", "suggest"]

_SUGGESTIONS = 8
# Suggestions are asked for at each letter: they may be a minute old.
_SHORTLY = "public, max-age=60"


@dataclass(frozen=True)
class Hit:
    """One thing that was found, in pieces that are marked or not, and the other name by which it was found."""

    entry: Entry
    name: Sequence[tuple[str, bool]]
    about: Sequence[tuple[str, bool]]
    also: Text
    also_pieces: Sequence[tuple[str, bool]] = ()


def search(visit: Visit) -> Response:
    """Answer a search, as a page, as a table or as JSON."""
    text = _text(visit)
    narrowing = Narrowing(visit, "/search", {"q": text}, by_class=True)
    offer = visit.choose((HTML, JSON, CSV), lambda key: narrowing.address(format=key))
    found = find(visit.snapshot, text)
    numbers = narrowing.apply(found.entities)
    if offer is CSV:
        return _csv(visit, numbers)
    some, page, pages, around, links = paged(visit, numbers, narrowing.address)
    hits = _hits(visit, some, found)
    if offer is JSON:
        said = {
            "query": text,
            "searched": found.text,
            "instead": list(found.instead),
            "count": len(numbers),
            "page": page,
            "pages": pages,
            "results": [_as_json(hit) for hit in hits],
        }
        return respond(
            json.dumps(said, ensure_ascii=False, indent=1) + "\n", content_type(JSON),
            language=visit.reader.language, vary=("Accept", "Accept-Language"), links=links,
        )  # fmt: skip
    return visit.html(
        "search.html",
        vary=("Accept",),
        links=links,
        text=text,
        found=found,
        forgiven=bool(found.entities) and found.text != text,
        instead=[(other, visit.addresses.page("/search", q=other)) for other in found.instead],
        hits=hits,
        count=len(numbers),
        groups=narrowing.groups(numbers) if found.entities else [],
        narrowed=bool(narrowing.given or narrowing.class_iri),
        everything=visit.addresses.page("/search", q=text),
        views=_views(visit, text) if page == 1 else [],
        page=page,
        pages=pages,
        around=around,
        formats=[(name, narrowing.address(format=key)) for name, key in (("CSV", "csv"), ("JSON", "json"))],
    )


def suggest(visit: Visit) -> Response:
    """Answer with the few things that somebody most likely means who is still typing."""
    text = _text(visit)
    visit.choose((JSON,), lambda _: visit.addresses.path("/search/suggest", q=text))
    found = find(visit.snapshot, text, limit=_SUGGESTIONS)
    said = {"query": text, "suggestions": [_suggestion(hit) for hit in _hits(visit, found.entities, found)]}
    response = respond(
        json.dumps(said, ensure_ascii=False) + "\n", content_type(JSON),
        language=visit.reader.language, vary=("Accept", "Accept-Language"),
    )  # fmt: skip
    response.headers["Cache-Control"] = _SHORTLY
    return response


def _text(visit: Visit) -> str:
    """Return what is searched for. Raises Problem (400) for what is too long to be a question."""
    text, most = visit.arguments.get("q", "").strip(), visit.snapshot.settings.search_length
    if len(text) <= most:
        return text
    _ = visit.say
    raise Problem(
        400,
        _("This is too long for a search."),
        _("Found %(found)s characters; expected at most %(most)s (limits.search_length).")
        % {"found": len(text), "most": most},
        [(_("Search"), visit.addresses.page("/search"))],
    )


def _hits(visit: Visit, numbers: Sequence[int], found: Found) -> list[Hit]:
    asked = words(found.text)
    iris = _iris(visit, numbers)
    names = names_of(visit.snapshot, numbers)
    return [
        _hit(entry, names.get(number, ()), asked) for number, entry in zip(numbers, entries(visit, iris), strict=True)
    ]


def _iris(visit: Visit, numbers: Sequence[int]) -> list[str]:
    terms = visit.snapshot.terms(numbers)
    return [term.value for number in numbers if isinstance(term := terms[number], NamedNode)]


def _hit(entry: Entry, names: Sequence[Name], asked: Sequence[str]) -> Hit:
    shown = entry.link.text
    own = matching(Name(shown.text, shown.language, PREFERRED), asked)
    best = max(names, key=lambda name: (matching(name, asked), -name.rank, name.language), default=None)
    also = Text("")
    if best is not None and matching(best, asked) > own and best.text != shown.text:
        also = Text(best.text, best.language)
    return Hit(entry, marked(shown.text, asked), marked(entry.description.text, asked), also, marked(also.text, asked))


def _as_json(hit: Hit) -> Mapping[str, Any]:
    entry = hit.entry
    return {
        "iri": entry.iri,
        "name": entry.link.text.text,
        "lang": entry.link.text.language,
        "classes": [one.text for one in entry.classes],
        "description": entry.description.text,
        "matched": hit.also.text,
        "matched_lang": hit.also.language,
        "href": entry.link.href,
    }


def _suggestion(hit: Hit) -> Mapping[str, str]:
    link = hit.entry.link
    return {
        "label": link.text.text,
        "href": link.href,
        "kind": hit.entry.classes[0].text if hit.entry.classes else "",
        "lang": link.text.language,
        "match": hit.also.text,
    }


def _csv(visit: Visit, numbers: Sequence[int]) -> Response:
    _ = visit.say
    rows = [
        [entry.iri, entry.link.text.text, ", ".join(one.text for one in entry.classes), entry.description.text]
        for entry in entries(visit, _iris(visit, numbers))
    ]
    return csv_of(visit, ["iri", _("Name"), _("Class"), _("Description")], rows)


def _views(visit: Visit, text: str) -> list[tuple[Text, str]]:
    """Return the views whose title or question has all the words."""
    asked = words(text)
    found: list[View] = []
    for view in visit.snapshot.views() if asked else ():
        said = fold(" ".join([*view.titles.values(), *view.descriptions.values()])).split()
        if all(any(one.startswith(word) for one in said) for word in asked):
            found.append(view)
    choose = visit.reader.choose
    return [(choose(view.titles), visit.addresses.page(f"/views/{view.name}")) for view in found[:5]]
