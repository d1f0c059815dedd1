"""Ways to find things: search, and lists by kind and by class."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Response
from pyoxigraph import NamedNode

from kg.vocabulary import KG, OWL, RDF, RDFS, SH
from kg.web.portraits import describe_in_words
from kg.web.reader import Shown, Text
from kg.web.responses import HTML, JSON, Link, Problem, content_type, respond
from kg.web.visits import Visit

__all__ = ["Entry", "browse", "browse_kind", "class_counts", "search"]

# Classes that say how an ontology is made, not what a graph is about.
_MACHINERY = tuple(namespace.iri for namespace in (OWL, RDF, RDFS, SH, KG))

_MOST = 50


@dataclass(frozen=True)
class Entry:
    """One thing in a list."""

    iri: str
    link: Shown
    classes: Sequence[Text]
    description: Text


def entries(visit: Visit, iris: Sequence[str]) -> list[Entry]:
    """Return things with their names, classes and descriptions, in the order given."""
    names = visit.names
    names.learn(iris)
    names.learn(class_iri for iri in iris for class_iri in names.classes(iri))
    described = describe_in_words(visit.snapshot.facts_about(NamedNode(iri) for iri in iris), names)
    return [
        Entry(iri, names.link(iri), [names.name(one) for one in names.classes(iri)], described.get(iri, Text("")))
        for iri in iris
    ]


def class_counts(visit: Visit) -> list[tuple[Text, str, int]]:
    """Return what the graph is about: the name, the list and the number of each class, by name.

    These are the classes of its own ontology; where that has none, those of others; where there is nothing else, the
    machinery that ontologies are made with.
    """
    own = visit.snapshot.settings.ontology_iri + "#"
    everything = visit.snapshot.classes()
    others = [(iri, count) for iri, count in everything if not iri.startswith(_MACHINERY)]
    found = [(iri, count) for iri, count in others if iri.startswith(own)] or others or everything
    visit.names.learn(iri for iri, _ in found)
    named = [(visit.names.name(iri), visit.addresses.page("/browse", **{"class": iri}), count) for iri, count in found]
    return sorted(named, key=lambda item: (item[0].text.casefold(), item[1]))


def _things_first(visit: Visit, iris: Sequence[str]) -> list[str]:
    """Put relations last: they have the names of what they link, and who searches means these."""
    classes = visit.snapshot.classes_of(iris, specific=False)
    return sorted(iris, key=lambda iri: KG.Relation.value in classes.get(iri, ()))


def search(visit: Visit) -> Response:
    """Answer a search, as a page or as JSON."""
    text = visit.arguments.get("q", "").strip()[:500]
    address = visit.addresses.page("/search", q=text)
    offer = visit.choose((HTML, JSON), lambda _: address)
    found = entries(visit, _things_first(visit, visit.snapshot.search(text, limit=_MOST))) if text else []
    if offer is HTML:
        return visit.html("search.html", vary=("Accept",), text=text, found=found, most=_MOST)
    results = [
        {
            "iri": entry.iri,
            "name": entry.link.text.text,
            "classes": [one.text for one in entry.classes],
            "description": entry.description.text,
            "href": entry.link.href,
        }
        for entry in found
    ]
    body = json.dumps({"query": text, "results": results}, ensure_ascii=False, indent=1) + "\n"
    return respond(body, content_type(JSON), language=visit.reader.language, vary=("Accept", "Accept-Language"))


def browse(visit: Visit) -> Response:
    """Answer with the classes and kinds that there are, or with the list of one class."""
    class_iri = visit.arguments.get("class", "")
    if not class_iri:
        return visit.only_html("browse.html", classes=class_counts(visit), kinds=visit.snapshot.kinds())
    count = dict(visit.snapshot.classes()).get(class_iri, 0)
    if not count:
        raise _nothing(visit)
    name = visit.names.link(class_iri)
    parameters = {"class": class_iri}
    return _list(visit, "/browse", parameters, name, count, lambda offset, limit: visit.snapshot.instances(
        class_iri, offset=offset, limit=limit))  # fmt: skip


def browse_kind(visit: Visit, kind: str) -> Response:
    """Answer with the list of one kind, the word in the addresses of things."""
    count = dict(visit.snapshot.kinds()).get(kind, 0)
    if not count:
        raise _nothing(visit)
    return _list(visit, visit.path, {}, Shown(Text(kind)), count, lambda offset, limit: visit.snapshot.entities(
        kind, offset=offset, limit=limit))  # fmt: skip


def _list(
    visit: Visit,
    path: str,
    parameters: Mapping[str, str],
    name: Shown,
    count: int,
    some: Callable[[int, int], list[str]],
) -> Response:
    page, length = visit.page_number(), visit.snapshot.settings.page_length
    pages = -(-count // length)
    if page > pages:
        raise _nothing(visit)
    around = {
        rel: visit.addresses.page(path, **parameters, page=number if number > 1 else None)
        for rel, number in (("prev", page - 1), ("next", page + 1))
        if 1 <= number <= pages
    }
    return visit.only_html(
        "list.html",
        name=name,
        count=count,
        page=page,
        pages=pages,
        around=around,
        found=entries(visit, some((page - 1) * length, length)),
        links=[Link(target, rel) for rel, target in around.items()],
    )


def _nothing(visit: Visit) -> Problem:
    _ = visit.say
    return Problem(404, _("There is no such list."), onward=[(_("Browse everything"), visit.addresses.page("/browse"))])
