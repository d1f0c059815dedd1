"""What a snapshot has, in numbers: totals, sizes of classes, how full properties are, sizes of sources."""

from __future__ import annotations

from kg.presentation import arrange
from kg.snapshot import Snapshot
from kg.vocabulary import KG

__all__ = ["class_sizes", "fill_rates", "source_sizes", "totals"]


_DIFFERING = (
    "SELECT COUNT(*) FROM statement JOIN term ON term.id = statement.object "
    "WHERE statement.kind = 3 AND term.kind = 'i' AND term.value = '{}'"
)


def totals(snapshot: Snapshot) -> dict[str, int]:
    """Return the numbers of entities, statements by origin, files and views."""

    def count(sql: str) -> int:
        return int(snapshot.rows(sql)[0][0])

    return {
        "entities": count("SELECT COUNT(*) FROM entity WHERE kind <> ''"),
        "statements in files": count("SELECT COUNT(*) FROM statement WHERE kind = 0"),
        "bounds of dates": count("SELECT COUNT(*) FROM statement WHERE kind = 1"),
        "inferred statements": count("SELECT COUNT(*) FROM statement WHERE kind = 2"),
        "disagreements": count(_DIFFERING.format(KG.Disagreement.value)),
        "refinements": count(_DIFFERING.format(KG.Refinement.value)),
        "files": count("SELECT COUNT(*) FROM file"),
        "views": count("SELECT COUNT(*) FROM view"),
    }


def class_sizes(snapshot: Snapshot) -> list[tuple[str, int]]:
    """Return each class that something is most specifically in, with the number of such entities, largest first."""
    return [
        (iri, number)
        for iri, number in snapshot.rows(
            "SELECT term.value, COUNT(*) AS n FROM class JOIN entity ON entity.term = class.entity "
            "JOIN term ON term.id = class.class WHERE specific = 1 AND entity.kind <> '' "
            "GROUP BY class ORDER BY n DESC, term.value"
        )
    ]


def fill_rates(snapshot: Snapshot) -> list[tuple[str, str, int, int]]:
    """Return class, property, how many of its entities have the property, how many there are; by class.

    The properties are those that the shapes of a class name.
    """
    found = []
    for class_iri in sorted(snapshot.presentation["classes"]):
        arranged = arrange(snapshot.presentation, [class_iri])
        for property_iri in [iri for _, shown in arranged for iri, _ in shown]:
            ((of, filled),) = snapshot.rows(
                "SELECT COUNT(DISTINCT class.entity), COUNT(DISTINCT statement.subject) FROM class "
                "JOIN entity ON entity.term = class.entity AND entity.kind <> '' "
                "JOIN term c ON c.id = class.class AND c.kind = 'i' AND c.value = ? "
                "LEFT JOIN term p ON p.kind = 'i' AND p.value = ? "
                "LEFT JOIN statement ON statement.subject = class.entity AND statement.predicate = p.id",
                (class_iri, property_iri),
            )
            if of:
                found.append((class_iri, property_iri, filled, of))
    return found


def source_sizes(snapshot: Snapshot) -> list[tuple[str, int, int]]:
    """Return each source's IRI (empty for files without one), its files and its statements, largest first."""
    return [
        (iri or "", files, statements)
        for iri, files, statements in snapshot.rows(
            "SELECT term.value, COUNT(DISTINCT file.id), COUNT(*) AS n FROM file "
            "JOIN statement ON statement.file = file.id AND statement.kind = 0 "
            "LEFT JOIN term ON term.id = file.source "
            "WHERE file.role IN ('register', 'source') GROUP BY file.source ORDER BY n DESC, term.value"
        )
    ]
