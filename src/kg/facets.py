"""Facets: properties by whose values things are narrowed down in searches and lists, as `browse.facets` names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.labels import local_name
from kg.rules import Triple
from kg.vocabulary import RDF

__all__ = ["Facet", "is_facet", "parse_facets", "values_of"]

Term = NamedNode | BlankNode | Literal

# What other parameters of the same addresses are called.
_TAKEN = ("_mediatype", "class", "format", "lang", "page", "q", "sort")

_CURIE = r"[\w-]*:[\w-]+"
_PATH = rf"{_CURIE}(?:/{_CURIE})*"
_FACET = re.compile(rf"(?P<paths>{_PATH}(?:\|{_PATH})*)(?: a (?P<class>{_CURIE}))?")


@dataclass(frozen=True)
class Facet:
    """One facet: its name in addresses, and the paths that lead from a thing to its values, of one class or of any."""

    key: str
    paths: Sequence[Sequence[str]]
    class_iri: str = ""

    @property
    def heading(self) -> str:
        """The IRI after which people call it: that of the class, else of the last property of the first path."""
        return self.class_iri or self.paths[0][-1]


def is_facet(text: str) -> bool:
    """Tell whether a text is a facet as settings have it.

    >>> is_facet("ex:hungAt/ex:partOf|ex:keptIn a ex:Parish"), is_facet("hung at")
    (True, False)
    """
    return _FACET.fullmatch(text) is not None


def parse_facets(texts: Iterable[str], expand: Callable[[str], NamedNode]) -> list[Facet]:
    """Return the facets that the settings name; `expand` makes IRIs of prefixed names. No two share a key."""
    found: dict[str, Facet] = {}
    for text in texts:
        match = _FACET.fullmatch(text)
        assert match is not None  # the settings are checked when they are read
        paths = [[expand(step).value for step in path.split("/")] for path in match["paths"].split("|")]
        class_iri = expand(match["class"]).value if match["class"] else ""
        stem = key = local_name(class_iri or paths[0][-1]).lower()
        number = 2
        while key in found or key in _TAKEN:
            key, number = f"{stem}-{number}", number + 1
        found[key] = Facet(key, paths, class_iri)
    return list(found.values())


def values_of(facets: Sequence[Facet], triples: Iterable[Triple]) -> Iterator[tuple[int, Term, Term]]:
    """Give each thing that has a value of a facet: the number of the facet, the value and the thing, each once."""
    wanted = {step for facet in facets for path in facet.paths for step in path}
    by_property: dict[str, dict[Term, set[Term]]] = {iri: {} for iri in wanted}
    members: dict[str, set[Term]] = {facet.class_iri: set() for facet in facets}
    for subject, predicate, value in triples:
        if predicate.value in by_property:
            by_property[predicate.value].setdefault(subject, set()).add(value)
        elif predicate == RDF.type and isinstance(value, NamedNode) and value.value in members:
            members[value.value].add(subject)
    for number, facet in enumerate(facets):
        for path in facet.paths:
            for start in by_property[path[0]]:
                for value in _reached(start, path, by_property):
                    if not facet.class_iri or value in members[facet.class_iri]:
                        yield number, value, start


def _reached(start: Term, path: Sequence[str], by_property: Mapping[str, Mapping[Term, set[Term]]]) -> set[Term]:
    found: set[Term] = {start}
    for step in path:
        found = {value for node in found for value in by_property[step].get(node, ())}
    return found
