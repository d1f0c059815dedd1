"""What is said of a thing as rows of a table (RFC 4180): one statement a row, with names, source and place."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.entities import Description, footnotes
from kg.labels import choose
from kg.snapshot import Fact, Snapshot

__all__ = ["COLUMNS", "facts_to_csv", "to_csv"]

COLUMNS = (
    "subject", "subject_label", "property", "property_label", "value", "value_label", "datatype", "language",
    "origin", "source", "source_label", "locator", "file", "line",
)  # fmt: skip

_ORIGINS = ("stated", "derived", "inferred")


def to_csv(description: Description, snapshot: Snapshot) -> str:
    """Return the statements of a document about a thing: its own, those of its relations, and what points to it."""
    relations = (fact for relation in description.relations for fact in relation.facts)
    facts = list({fact.id: fact for fact in (*description.facts, *relations, *description.incoming)}.values())
    return facts_to_csv(facts, description.sources, snapshot)


def facts_to_csv(facts: Sequence[Fact], headers: Sequence[Fact], snapshot: Snapshot) -> str:
    """Return statements as rows; `headers` is what files say of themselves, where locators may stand."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(facts, headers, snapshot))
    return text.getvalue()


def _rows(facts: Sequence[Fact], headers: Sequence[Fact], snapshot: Snapshot) -> Iterator[tuple[object, ...]]:
    notes = footnotes(snapshot, facts, headers)
    terms = {term.value for fact in facts for term in fact[1:4] if isinstance(term, NamedNode)}
    terms |= {fact.file.source.value for fact in facts if fact.file and fact.file.source}
    terms |= {
        value.value
        for note in notes.values()
        for _, values in note.locators
        for value in values
        if isinstance(value, NamedNode)
    }
    labels = snapshot.labels(terms)
    languages = snapshot.settings.languages

    def name(term: object) -> str:
        found = labels.get(term.value) if isinstance(term, NamedNode) else None
        return choose(found, languages)[0] if found else ""

    def text(term: object) -> str:
        return f"_:{term.value}" if isinstance(term, BlankNode) else str(getattr(term, "value", term))

    for fact in facts:
        note = notes.get((fact.file, fact.subject)) if fact.file else None
        passages = [name(value) or text(value) for _, values in note.locators for value in values] if note else []
        source = fact.file.source if fact.file else None
        literal = fact.object if isinstance(fact.object, Literal) else None
        yield (
            text(fact.subject), name(fact.subject), fact.predicate.value, name(fact.predicate),
            text(fact.object), name(fact.object),
            literal.datatype.value if literal and not literal.language else "",
            (literal.language or "") if literal else "",
            _ORIGINS[fact.kind], source.value if source else "", name(source), ", ".join(passages),
            fact.file.path if fact.file else "", fact.line or "",
        )  # fmt: skip
