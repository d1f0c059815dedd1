"""What points to a thing, in the order in which its page shows it: relations by class and part, events, others."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pyoxigraph import NamedNode

from kg.snapshot import Memory, Snapshot, batches
from kg.vocabulary import KG, RDFS

__all__ = ["Pointers", "Pointing", "pointers"]

# The order of so many things or more that point to one is kept, for so many things.
_WORTH_KEEPING, _MOST_KEPT = 100, 256

# The groups of relations that are not events.
_RELATED = ("table", "list")

# After every place in the ontology.
_LAST = 1 << 60


class Pointing(NamedTuple):
    """One group of the things that point to one, and how many they are.

    `kind` is `table` (relations of one class, in which it plays these parts), `list` (relations with names of their
    own, of one family), `events`, `mentions` (all others, by the property that points), or `follows` (those that no
    file states to point here).
    """

    kind: str
    class_iri: NamedNode | None
    parts: tuple[NamedNode, ...]
    number: int


class Pointers(NamedTuple):
    """The things that point to one, by their numbers, in the order of their groups."""

    numbers: Sequence[int]
    groups: Sequence[Pointing]


@dataclass
class _Pointer:
    """One thing that points to another: by which properties, stated (False) or inferred (True), and what it is."""

    number: int
    sort: str | None
    event: int | None
    moment: int | None
    parts: dict[bool, dict[int, None]] = field(default_factory=dict)
    kind: int = 0
    family: int = 0
    related: bool = False
    named: bool = False

    def group(self) -> tuple[str, int, tuple[int, ...]]:
        parts = tuple(sorted(self.parts.get(False) or self.parts[True]))
        if not self.related:
            return "mentions" if False in self.parts else "follows", 0, parts[:1]
        if self.event is not None:
            return "events", 0, ()
        return ("list", self.family, ()) if self.named else ("table", self.kind, parts)

    def by_name(self) -> tuple[bool, str, int]:
        return self.sort is None, self.sort or "", self.number

    def by_date(self) -> tuple[bool, int, str, int]:
        return self.moment is None, self.moment or 0, self.sort or "", self.number


def pointers(snapshot: Snapshot, iri: str) -> Pointers:
    """Return the other things that point to one, group by group, in the order in which a page shows them.

    Relations come first: those that have no name of their own by class and part, those that have one by family
    (a class right below kg:Relation), classes in the order of the ontology; after the first family what happened,
    by date. Then come all others, by the property that points here. Within a group they come by name.
    """
    kept: Memory[str, Pointers] = snapshot.remembered(("pointers",), lambda: Memory(_MOST_KEPT))
    found = kept.get(iri)
    if found is None:
        found = _read(snapshot, iri)
        if len(found.numbers) > _WORTH_KEEPING:
            kept.put(iri, found)
    return found


def _read(snapshot: Snapshot, iri: str) -> Pointers:
    places = snapshot.remembered(("places of classes",), lambda: _places(snapshot))
    families = snapshot.remembered(("families",), lambda: _families(snapshot))
    relation = snapshot.id_of(KG.Relation)
    naming = snapshot.naming_numbers
    here = snapshot.id_of(NamedNode(iri))
    found: dict[int, _Pointer] = {}
    for subject, predicate, kind, sort, event, moment in snapshot.rows(
        "SELECT s.subject, s.predicate, s.kind, e.sort, e.event, e.moment FROM statement s "
        "LEFT JOIN entity e ON e.term = s.subject WHERE s.object = ?1 AND s.subject <> ?1 AND s.kind < 3 "
        "ORDER BY s.id",
        (here,),
    ):
        one = found.setdefault(subject, _Pointer(subject, sort, event if event != here else None, moment))
        one.parts.setdefault(kind == 2, {})[predicate] = None
    for some in batches(list(found)):
        marks = ",".join("?" * len(some))
        for subject, class_number, specific in snapshot.rows(
            f"SELECT entity, class, specific FROM class WHERE entity IN ({marks})", some
        ):
            one = found[subject]
            one.related |= class_number == relation
            if class_number in families:
                one.family = class_number
            if specific and (not one.kind or places[class_number] < places[one.kind]):
                one.kind = class_number
        for (subject,) in snapshot.rows(
            f"SELECT DISTINCT subject FROM statement WHERE subject IN ({marks}) AND +predicate IN ({naming})", some
        ):
            found[subject].named = True
    groups: dict[tuple[str, int, tuple[int, ...]], list[_Pointer]] = {}
    for one in found.values():
        groups.setdefault(one.group(), []).append(one)
    first = min((places.get(one.family, _LAST) for one in found.values() if one.group()[0] in _RELATED), default=_LAST)

    def rank(group: tuple[str, int, tuple[int, ...]]) -> tuple[int, ...]:
        one = groups[group][0]
        if group[0] in ("mentions", "follows"):
            return (2 if group[0] == "mentions" else 3, *group[2])
        family = places.get(one.family, _LAST)
        if group[0] == "events":
            return (0, first, _LAST)
        return (int(family != first), family, places.get(group[1], _LAST), *group[2])

    ordered = sorted(groups, key=rank)
    for group in ordered:
        groups[group].sort(key=_Pointer.by_date if group[0] == "events" else _Pointer.by_name)
    terms = snapshot.terms({number for _, kind, parts in ordered for number in (kind, *parts) if number})
    return Pointers(
        array("q", (one.number for group in ordered for one in groups[group])),
        [
            Pointing(group[0], terms.get(group[1]), tuple(terms[part] for part in group[2]), len(groups[group]))  # type: ignore[arg-type, misc]
            for group in ordered
        ],
    )


def _places(snapshot: Snapshot) -> Mapping[int, int]:
    """Return the number of each class that has entities, with the place where the ontology first speaks of it."""
    rows = snapshot.rows("SELECT DISTINCT class, (SELECT MIN(id) FROM statement WHERE subject = class) FROM class")
    return {number: _LAST if place is None else place for number, place in rows}


def _families(snapshot: Snapshot) -> frozenset[int]:
    """Return the numbers of the classes right below kg:Relation."""
    below = snapshot.facts(predicate=RDFS.subClassOf, object=KG.Relation)
    stated = (fact for fact in below if not fact.inferred and fact.subject != KG.Event)
    return frozenset(number for fact in stated if (number := snapshot.id_of(fact.subject)) is not None)
