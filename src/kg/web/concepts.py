"""Concept schemes (SKOS) as a page: each scheme with its concepts in their hierarchy, what they mean, how much used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode

from kg.labels import sort_key
from kg.snapshot import Fact
from kg.vocabulary import RDF, SKOS
from kg.web.portraits import describe_in_words
from kg.web.reader import Shown, Text
from kg.web.visits import Visit

__all__ = ["Concept", "Scheme", "has_schemes", "schemes"]

_NOTES = (SKOS.scopeNote, SKOS.note, SKOS.editorialNote, SKOS.example, SKOS.changeNote)


@dataclass
class Concept:
    """One concept: where its own page is, what it is called and means, and how many statements of sources use it."""

    iri: str
    anchor: str
    link: Shown
    #: What it means, in words or by the statement that says so.
    definition: Sequence[Shown]
    #: Its name and what it means in each other language.
    others: Sequence[tuple[str, Sequence[Text]]]
    notes: Sequence[Shown]
    uses: int
    place: tuple[str, int]
    narrower: list[Concept] = field(default_factory=list)


@dataclass(frozen=True)
class Scheme:
    """A scheme and its concepts that have no wider one."""

    iri: str
    anchor: str
    link: Shown
    description: Text
    tops: Sequence[Concept]


def has_schemes(facts: Sequence[Fact]) -> bool:
    """Tell whether statements make a concept scheme."""
    return any(fact.predicate == RDF.type and fact.object == SKOS.ConceptScheme for fact in facts)


def schemes(visit: Visit, facts: Sequence[Fact]) -> list[Scheme]:
    """Return the schemes that statements make, in the order of the file, concepts by name."""
    visit.names.learn(term for fact in facts for term in fact[1:4])
    by_subject: dict[str, list[Fact]] = {}
    for fact in facts:
        by_subject.setdefault(fact.subject.value, []).append(fact)
    described = describe_in_words(facts, visit.names)
    uses = _uses(visit, by_subject)
    found = {
        iri: _concept(visit, iri, said, uses.get(iri, 0))
        for iri, said in by_subject.items()
        if _has(said, RDF.type, SKOS.Concept)
    }
    wider = {iri: [one for one in _wider(iri, by_subject) if one in found and one != iri] for iri in found}
    placed: set[str] = set()
    for iri in sorted(found, key=lambda iri: (sort_key(found[iri].link.text.text), iri)):
        for upper in wider[iri]:
            if not _is_below(found[upper], found[iri]):  # one that is above itself hangs below nothing
                found[upper].narrower.append(found[iri])
                placed.add(iri)
    tops = [found[iri] for iri in found if iri not in placed]
    tops.sort(key=lambda one: (sort_key(one.link.text.text), one.iri))
    made = [iri for iri, said in by_subject.items() if _has(said, RDF.type, SKOS.ConceptScheme)]
    return [
        Scheme(
            iri, _anchor(visit, iri), visit.names.link(iri), described.get(iri, Text("")),
            [one for one in tops if _is_in(iri, one.iri, by_subject) or len(made) == 1],
        )
        for iri in made
    ]  # fmt: skip


def _concept(visit: Visit, iri: str, said: Sequence[Fact], uses: int) -> Concept:
    names = visit.names
    definitions = [
        Text(f.object.value, f.object.language or "")
        for f in said
        if f.predicate == SKOS.definition and isinstance(f.object, Literal)
    ]
    shown = [names.show(f.object) for f in said if f.predicate == SKOS.definition and isinstance(f.object, NamedNode)]
    if definitions:
        shown = [Shown(visit.reader.choose({one.language: one.text for one in definitions})), *shown]
    notes = [f.object for f in said if f.predicate in _NOTES]
    readable = [
        names.show(note)
        for note in notes
        if not isinstance(note, Literal) or not visit.reader.is_foreign(Text(note.value, note.language or ""))
    ]
    called = names.all_of(iri)
    told = [*(Text(called[tag], tag) for tag in sorted(called)), *definitions]
    tags = sorted({one.language for one in told} - {names.name(iri).language, ""})
    others = [(tag, [one for one in told if one.language == tag]) for tag in tags]
    file = said[0].file
    return Concept(
        iri,
        _anchor(visit, iri),
        names.link(iri),
        shown,
        others,
        readable,
        uses,
        (file.path if file else "", said[0].line),
    )


def _anchor(visit: Visit, iri: str) -> str:
    return iri.removeprefix(visit.snapshot.settings.entity_base).replace("/", "-").rpartition("#")[2]


def _uses(visit: Visit, subjects: Mapping[str, object]) -> dict[str, int]:
    """Return how many things sources say something of with each concept."""
    known = {visit.snapshot.id_of(NamedNode(iri)): iri for iri in subjects if ":" in iri}
    numbers = {number: iri for number, iri in known.items() if number is not None}
    rows = visit.snapshot.rows(
        "SELECT object, COUNT(DISTINCT subject) FROM statement JOIN file ON file.id = statement.file "
        f"WHERE file.role = 'source' AND object IN ({','.join(map(str, numbers))}) GROUP BY object"
    )
    return {numbers[number]: count for number, count in rows}


def _wider(iri: str, by_subject: Mapping[str, Sequence[Fact]]) -> list[str]:
    found = [fact.object.value for fact in by_subject[iri] if fact.predicate == SKOS.broader]
    found += [
        upper for upper, said in by_subject.items() if _has(said, SKOS.narrower, NamedNode(iri)) and upper not in found
    ]
    return found


def _is_in(scheme: str, iri: str, by_subject: Mapping[str, Sequence[Fact]]) -> bool:
    own, of_scheme = by_subject[iri], by_subject[scheme]
    return (
        _has(own, SKOS.inScheme, NamedNode(scheme))
        or _has(own, SKOS.topConceptOf, NamedNode(scheme))
        or _has(of_scheme, SKOS.hasTopConcept, NamedNode(iri))
    )


def _has(said: Sequence[Fact], predicate: NamedNode, value: NamedNode) -> bool:
    return any(fact.predicate == predicate and fact.object == value for fact in said)


def _is_below(concept: Concept, top: Concept) -> bool:
    return concept is top or any(_is_below(concept, narrower) for narrower in top.narrower)
