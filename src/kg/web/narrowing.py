"""Ways to narrow a list down: by class and by facet, each a link with the number of things that it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.facets import Facet
from kg.labels import sort_key
from kg.selections import Numbers, facet_counts, narrowed, of_class, specific_counts
from kg.vocabulary import KG, OWL, RDF, RDFS, SH
from kg.web.reader import Text
from kg.web.visits import Visit

__all__ = ["MACHINERY", "Choice", "Group", "Narrowing", "heading_of"]

Term = NamedNode | BlankNode | Literal

# Classes that say how an ontology is made, not what a graph is about.
MACHINERY = tuple(namespace.iri for namespace in (OWL, RDF, RDFS, SH, KG))

# So many choices are shown at once; the others are a click away, and beyond the second number a search is quicker.
_SHOWN, _MOST = 8, 200


@dataclass(frozen=True)
class Choice:
    """One value to narrow down to: what it is called, how many things have it, and the address of the list then."""

    text: Text
    count: int
    href: str


@dataclass(frozen=True)
class Group:
    """The values of one facet: `chosen` is the one that the address names, whose link takes it away."""

    name: Text
    chosen: Choice | None
    choices: Sequence[Choice]
    #: The rarer ones.
    more: Sequence[Choice] = ()


def heading_of(visit: Visit, facet: Facet, classes: Sequence[str] = ()) -> Text:
    """Return what a facet is called: as the shapes call its property, or as its property or class is called."""
    iri = facet.heading
    if not facet.class_iri:
        shown = visit.snapshot.presentation["classes"]
        for told in (*(shown.get(one, {}) for one in classes), *shown.values()):
            if iri in told and told[iri]["names"]:
                return visit.reader.choose(told[iri]["names"])
    return visit.names.name(iri)


class Narrowing:
    """What the address of a list narrows it down to. `kept` are the parameters that its links keep."""

    def __init__(self, visit: Visit, path: str, kept: Mapping[str, str], *, by_class: bool) -> None:
        self.visit, self.path = visit, path
        self.facets = list(visit.snapshot.facets)
        arguments = visit.arguments
        self.given = {f.key: arguments[f.key] for f in self.facets if arguments.get(f.key)}
        #: The class that the address names beside the facets, empty for none.
        self.class_iri = arguments.get("class", "") if by_class else ""
        self.kept = {**kept, **({"class": self.class_iri} if self.class_iri else {}), **self.given}
        self.by_class = by_class

    def address(self, **changes: object) -> str:
        """Return the address of this list with some parameters changed, from its first page on."""
        return self.visit.addresses.page(self.path, **{**self.kept, **changes})

    def apply(self, numbers: Numbers) -> Numbers:
        """Return those of some entities that the address asks for."""
        snapshot = self.visit.snapshot
        if self.class_iri:
            members = set(of_class(snapshot, self.class_iri))
            numbers = [number for number in numbers if number in members]
        chosen = []
        for number, facet in enumerate(self.facets):
            if facet.key in self.given:
                value = self._number_of(self.given[facet.key])
                if value is None:
                    return []
                chosen.append((number, value))
        return narrowed(snapshot, numbers, chosen)

    def groups(self, numbers: Numbers) -> list[Group]:
        """Return the ways to narrow some entities down further, and back."""
        found = [self._classes(numbers)] if self.by_class else []
        counts = facet_counts(self.visit.snapshot, numbers)
        terms = self.visit.snapshot.terms(value for values in counts.values() for value in values)
        self.visit.names.learn([*terms.values(), *(facet.heading for facet in self.facets)])
        for number, facet in enumerate(self.facets):
            values = {terms[value]: count for value, count in counts.get(number, {}).items()}
            found.append(self._group(facet, values, len(numbers)))
        return [group for group in found if group.chosen or group.choices]

    def _classes(self, numbers: Numbers) -> Group:
        _, names = self.visit.say, self.visit.names
        counts = {
            iri: count for iri, count in specific_counts(self.visit.snapshot, numbers).items()
            if not iri.startswith(MACHINERY) and iri != self.class_iri
        }  # fmt: skip
        names.learn([*counts, self.class_iri])
        chosen = None
        if self.class_iri:
            chosen = Choice(names.name(self.class_iri), len(numbers), self.address(**{"class": ""}))
        choices = [Choice(names.name(iri), n, self.address(**{"class": iri})) for iri, n in counts.items()]
        only_all = not chosen and len(choices) == 1
        return _split(Text(_("Class")), chosen, [] if only_all else choices)

    def _group(self, facet: Facet, values: Mapping[Term, int], total: int) -> Group:
        heading, given = heading_of(self.visit, facet), self.given.get(facet.key)
        if given is not None:
            shown = next((term for term in values if self._text_of(term) == given), None)
            text = self.visit.names.show(shown).text if shown is not None else Text(given)
            return Group(heading, Choice(text, total, self.address(**{facet.key: ""})), [])
        if len(values) == 1 and total in values.values():  # everything has it: nothing is left out
            return Group(heading, None, [])
        choices = [
            Choice(self.visit.names.show(term).text, count, self.address(**{facet.key: self._text_of(term)}))
            for term, count in values.items()
        ]
        return _split(heading, None, choices)

    def _text_of(self, term: Term) -> str:
        """Return a value as addresses have it: without the beginning that our own IRIs share."""
        return term.value.removeprefix(self.visit.snapshot.settings.entity_base)

    def _number_of(self, text: str) -> int | None:
        snapshot = self.visit.snapshot
        for iri in (snapshot.settings.entity_base + text, text):
            try:
                number = snapshot.id_of(NamedNode(iri))
            except ValueError:
                continue
            if number is not None:
                return number
        found = snapshot.rows(
            "SELECT id FROM term WHERE value = ? AND kind = 'l' AND id IN (SELECT value FROM facet) LIMIT 1", (text,)
        )
        return int(found[0][0]) if found else None


def _split(name: Text, chosen: Choice | None, choices: Sequence[Choice]) -> Group:
    """Put the commonest choices first, and those that are rarer after these by alphabet."""
    ordered = sorted(choices, key=lambda one: (-one.count, sort_key(one.text.text), one.href))[:_MOST]
    more = sorted(ordered[_SHOWN:], key=lambda one: (sort_key(one.text.text), one.href))
    return Group(name, chosen, ordered[:_SHOWN], more)
