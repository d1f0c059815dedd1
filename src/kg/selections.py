"""Selections of entities: all of a class or kind, narrowed down by facets, counted, put in order, by number."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg.dates import EDTF, bounds
from kg.labels import sort_key
from kg.snapshot import Snapshot
from kg.vocabulary import KG, XSD

__all__ = [
    "Numbers", "bounds_of", "by_name", "by_property", "facet_counts", "facet_values", "most_linked", "narrowed",
    "of_class", "of_kind", "property_uses", "sort_value", "specific_counts", "usage", "values_among",
]  # fmt: skip

Term = NamedNode | BlankNode | Literal

Numbers = Sequence[int]

_DATE = re.compile(r"(-?\d{4,})(?:-(\d\d))?(?:-(\d\d))?")

# How values are compared: numbers, then dates, then texts; each kind by its own measure.
Key = tuple[int, tuple[float, ...], str]


def of_class(snapshot: Snapshot, class_iri: str) -> list[int]:
    """Return the entities of a class, stated or inferred, those of its subclasses among them."""
    number = snapshot.id_of(NamedNode(class_iri)) if _is_iri(class_iri) else None
    return _numbers(snapshot, "SELECT entity FROM class WHERE class = ?", number)


def of_kind(snapshot: Snapshot, kind: str) -> list[int]:
    """Return the entities that have a word in their IRIs."""
    return _numbers(snapshot, "SELECT term FROM entity WHERE kind = ?", kind)


def _numbers(snapshot: Snapshot, sql: str, *values: object) -> list[int]:
    return [number for (number,) in snapshot.rows(sql, values)]


def narrowed(snapshot: Snapshot, numbers: Numbers, facets: Iterable[tuple[int, int]]) -> Numbers:
    """Return those of some entities that have all of some values (each a facet's number and a term's)."""
    for facet, value in facets:
        having = set(_numbers(snapshot, "SELECT entity FROM facet WHERE facet = ? AND value = ?", facet, value))
        numbers = [number for number in numbers if number in having]
    return numbers


def facet_counts(snapshot: Snapshot, numbers: Numbers) -> dict[int, dict[int, int]]:
    """Return how many of some entities have each value of each facet."""
    found: dict[int, dict[int, int]] = {}
    for facet, value, count in snapshot.rows(
        "SELECT facet, value, COUNT(*) FROM facet WHERE entity IN (SELECT value FROM json_each(?)) GROUP BY 1, 2",
        (json.dumps(numbers),),
    ):
        found.setdefault(facet, {})[value] = count
    return found


def specific_counts(snapshot: Snapshot, numbers: Numbers) -> dict[str, int]:
    """Return how many of some entities are of each class, by IRI: of those that say most of what a thing is.

    These are the most specific ones that are stated, and the inferred ones that no other class with things is below.
    """
    lowest = ",".join(map(str, snapshot.lowest_classes))
    return dict(
        snapshot.rows(
            "SELECT term.value, COUNT(*) FROM class JOIN term ON term.id = class.class "
            f"WHERE (specific OR class.class IN ({lowest})) AND entity IN (SELECT value FROM json_each(?)) "
            "GROUP BY class.class",
            (json.dumps(numbers),),
        )
    )


def usage(snapshot: Snapshot, numbers: Numbers) -> dict[str, int]:
    """Return how many of some entities have each property, by IRI: of those that do not lead to relations.

    A relation is one of several ways to say what another property says shortly.
    """
    return dict(
        snapshot.rows(
            "SELECT term.value, COUNT(DISTINCT subject) FROM triple JOIN term ON term.id = predicate "
            "LEFT JOIN class ON class.class = ? AND class.entity = object "
            "WHERE class.class IS NULL AND subject IN (SELECT value FROM json_each(?)) GROUP BY predicate",
            (snapshot.id_of(KG.Relation), json.dumps(numbers)),
        )
    )


def most_linked(snapshot: Snapshot, class_iri: str, limit: int) -> list[str]:
    """Return the things of a class that most statements point to, by IRI."""
    return [
        iri
        for (iri,) in snapshot.rows(
            "SELECT value FROM class JOIN entity ON entity.term = class.entity JOIN term ON term.id = entity.term "
            "WHERE class.class = ? ORDER BY links DESC, sort, value LIMIT ?",
            (snapshot.id_of(NamedNode(class_iri)), limit),
        )
    ]


def property_uses(snapshot: Snapshot) -> dict[str, int]:
    """Return how many published triples are made with each property, by IRI."""
    return snapshot.remembered(
        ("uses",),
        lambda: dict(
            snapshot.rows("SELECT value, COUNT(*) FROM triple JOIN term ON term.id = predicate GROUP BY predicate")
        ),
    )


def by_name(snapshot: Snapshot, numbers: Numbers, language: str) -> list[int]:
    """Return entities in the order of their names in a language, whatever case and accents they have."""
    return _numbers(
        snapshot,
        "SELECT term FROM entity LEFT JOIN name ON name.entity = term AND rank = 0 AND language = ? "
        "WHERE term IN (SELECT value FROM json_each(?)) ORDER BY COALESCE(folded, sort), sort, term",
        language,
        json.dumps(numbers),
    )


def values_among(snapshot: Snapshot, numbers: Numbers, properties: Iterable[str]) -> dict[str, dict[int, list[Term]]]:
    """Return the values of properties that some entities have, by the IRI of the property and the entity."""
    asked = {number: iri for iri in properties if (number := snapshot.id_of(NamedNode(iri))) is not None}
    rows = snapshot.rows(
        "SELECT subject, predicate, object FROM triple WHERE subject IN (SELECT value FROM json_each(?)) "
        f"AND predicate IN ({','.join(map(str, asked))})",
        (json.dumps(numbers),),
    )
    terms = snapshot.terms(value for _, _, value in rows)
    found: dict[str, dict[int, list[Term]]] = {iri: {} for iri in asked.values()}
    for subject, predicate, value in rows:
        found[asked[predicate]].setdefault(subject, []).append(terms[value])
    return found


def facet_values(snapshot: Snapshot, numbers: Numbers, facet: int) -> dict[int, list[Term]]:
    """Return the values of a facet that some entities have, by entity."""
    rows = snapshot.rows(
        "SELECT entity, value FROM facet WHERE facet = ? AND entity IN (SELECT value FROM json_each(?))",
        (facet, json.dumps(numbers)),
    )
    terms = snapshot.terms(value for _, value in rows)
    found: dict[int, list[Term]] = {}
    for entity, value in rows:
        found.setdefault(entity, []).append(terms[value])
    return found


def by_property(
    numbers: Numbers,
    values: Mapping[int, Sequence[Term]],
    *,
    name: Callable[[str], str],
    backwards: bool = False,
) -> list[int]:
    """Return entities in the order of their values; those of equal value as they were, those without any last.

    Numbers are compared as numbers, dates as days, things by the names that `name` gives for their IRIs.
    """
    keys: dict[int, Key] = {}
    for number, found in values.items():
        each = [sort_value(value, name) for value in found]
        if each:
            keys[number] = max(each) if backwards else min(each)
    having = [number for number in numbers if number in keys]
    having.sort(key=keys.__getitem__, reverse=backwards)
    return having + [number for number in numbers if number not in keys]


def bounds_of(snapshot: Snapshot, property_iri: str) -> list[str]:
    """Return the properties that have the bounds of a property's dates: of the first day and of the last one."""
    property_ = NamedNode(property_iri)
    return [
        fact.object.value
        for bound in (KG.earliest, KG.latest)
        for fact in snapshot.facts(property_, bound, limit=1)
        if isinstance(fact.object, NamedNode)
    ]


def sort_value(value: Term | Triple, name: Callable[[str], str]) -> Key:
    """Return what a value is sorted by; `name` gives the name of a thing by its IRI. Imprecise dates have bounds."""
    if not isinstance(value, Literal):
        return 2, (), sort_key(name(value.value)) if isinstance(value, NamedNode) else ""
    text = value.value
    if value.datatype.value == EDTF:
        try:
            days = bounds(text)
        except ValueError:
            return 2, (), sort_key(text)
        text = days.earliest or days.latest or ""
    if match := _DATE.fullmatch(text) if value.datatype in _DATES else None:
        return 1, (float(match[1]), float(match[2] or 0), float(match[3] or 0)), ""
    if value.datatype.value.startswith(XSD.iri):
        try:
            number = float(value.value)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and value.datatype != XSD.string:
            return 0, (number,), ""
    return 2, (), sort_key(value.value)


_DATES = (XSD.date, XSD.gYear, XSD.gYearMonth, NamedNode(EDTF))


def _is_iri(text: str) -> bool:
    try:
        NamedNode(text)
    except ValueError:
        return False
    return True
