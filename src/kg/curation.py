"""What a careful reader of the data would notice: twins, texts in no language, impossible values, idle sources."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache

from babel import Locale
from babel.core import get_global
from pyoxigraph import BlankNode, Literal, NamedNode
from rdflib import Literal as RLiteral
from rdflib import URIRef

from kg.findings import Finding, Severity
from kg.messages import say
from kg.project import Project, Reading, Role
from kg.stated import Stated
from kg.vocabulary import LABELS, RDF, XSD

__all__ = ["curate", "is_ill_typed"]

Term = NamedNode | BlankNode | Literal


def curate(project: Project, reading: Reading, *, standard: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Give what looks like a slip in register and sources, and in the texts of the ontology.

    `standard` holds the terms of well-known vocabularies by namespace.
    """
    data = [
        Stated(document, statement)
        for role in (Role.REGISTER, Role.SOURCE)
        for document in reading.documents.get(role, ())
        for statement in document.statements
        if not statement.derived
    ]
    ontology = [Stated(d, s) for d in reading.documents.get(Role.ONTOLOGY, ()) for s in d.statements]
    places = [*ontology, *data]
    texts_of_data = [place for place in data if isinstance(place.value, Literal)]
    texts = [*(place for place in ontology if isinstance(place.value, Literal)), *texts_of_data]
    yield from _same_names(project, data)
    yield from _schemes(project, reading, places, standard)
    yield from _languages(project, texts)
    yield from _untagged(project, texts_of_data)
    yield from _values(texts)
    yield from _idle_sources(project, reading, places)


# --- names -----------------------------------------------------------------------------------------------


def _folded(text: str) -> str:
    """Return a name without case, accents and punctuation, its words in one order."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(" " if not one.isalnum() else one for one in letters if not unicodedata.combining(one))
    return " ".join(sorted(plain.split()))


def _nearly(folded: str) -> Iterator[str]:
    """Give what two names have in common that differ in one letter: numbers in names are there to differ."""
    yield folded
    if len(folded) >= 8:
        yield from (folded[:at] + folded[at + 1 :] for at in range(len(folded)) if not folded[at].isdigit())


def _same_names(project: Project, data: Sequence[Stated]) -> Iterator[Finding]:
    """Find things of one class whose names are the same but for case, accents, order of words or a letter.

    Two that a statement links are known to be two.
    """
    named: dict[tuple[str, str], list[tuple[Stated, str]]] = {}
    alike: list[tuple[tuple[Stated, str], tuple[Stated, str]]] = []
    for place in data:
        subject, predicate, value = place.statement[:3]
        if predicate not in LABELS or not isinstance(value, Literal) or not isinstance(subject, NamedNode):
            continue
        here = place, _folded(value.value)
        for key in dict.fromkeys(_nearly(here[1])):
            others = named.setdefault((value.language or "", key), [])
            alike += [(here, other) for other in others if other[0].statement.subject != subject]
            others.append(here)
    # Classes and links are asked for of these only: they are few.
    nodes = {place.statement.subject for pair in alike for place, _ in pair}
    classes: dict[Term, set[Term]] = {}
    linked: set[tuple[Term, Term]] = set()
    for place in data if nodes else ():
        subject, predicate, value = place.statement[:3]
        if predicate == RDF.type:
            classes.setdefault(subject, set()).add(value)
        elif value in nodes and subject in nodes:
            linked |= {(subject, value), (value, subject)}
    told: set[frozenset[Term]] = set()
    for (place, folded), (other, name) in alike:
        subject, found = place.statement.subject, other.statement.subject
        pair = frozenset((subject, found))
        if pair in told or (subject, found) in linked or not classes.get(subject, set()) & classes.get(found, set()):
            continue
        if [*filter(str.isdigit, name)] != [*filter(str.isdigit, folded)]:
            continue
        told.add(pair)
        yield place.found(
            Severity.WARNING if name == folded else Severity.INFO,
            "same-name",
            say(
                "%(name)s and %(other)s have nearly the same name: %(text)s",
                name=project.compact(str(subject).strip("<>")),
                other=project.compact(str(found).strip("<>")),
                text=f"{place.value.value} – {other.value.value}",
            ),
            say("If they are one thing, keep one; if not, let the names tell them apart, or link the two."),
        )


# --- IRIs ------------------------------------------------------------------------------------------------


def _other_scheme(iri: str) -> str:
    return f"http{iri[5:]}" if iri.startswith("https:") else f"https{iri[4:]}"


def _schemes(
    project: Project, reading: Reading, places: Sequence[Stated], standard: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """Find an IRI with http that stands elsewhere with https, or the other way round: two things to every machine."""
    iris = {t.value for t in reading.terms if isinstance(t, NamedNode) and t.value.startswith("http")}
    known = {*project.prefixes.values(), *standard}
    namespaces = tuple({_other_scheme(iri) for iri in known if iri.startswith("http")} - known)
    twins = {iri for iri in iris if _other_scheme(iri) in iris or iri.startswith(namespaces)}
    if not twins:
        return
    used: Counter[str] = Counter()
    for place in places:
        used.update(t.value for t in place.statement[:3] if isinstance(t, NamedNode) and t.value in twins)
    wrong: dict[str, str] = {}
    for iri, number in used.items():
        other = _other_scheme(iri)
        if iri.startswith(namespaces) or (number, iri) < (used.get(other, 0), other):
            wrong[iri] = other
    seen: set[str] = set()
    for place in places:
        for term in place.statement[:3]:
            if isinstance(term, NamedNode) and term.value in wrong and term.value not in seen:
                seen.add(term.value)
                yield place.found(
                    Severity.WARNING,
                    "scheme",
                    say("<%(iri)s> is elsewhere written <%(other)s>", iri=term.value, other=wrong[term.value]),
                    say("Write one of the two everywhere: to a machine they are different things."),
                )


# --- texts -----------------------------------------------------------------------------------------------


@cache
def _known_languages() -> Collection[str]:
    return frozenset(str(code).split("_")[0] for code in dict(Locale("en").languages))


def _languages(project: Project, places: Sequence[Stated]) -> Iterator[Finding]:
    """Find tags of no language, and long texts that are the same in two languages: one tag is wrong."""
    texts: dict[tuple[Term, Term, str], str] = {}
    for place in places:
        value = place.statement.object
        if not isinstance(value, Literal) or not value.language:
            continue
        tag, main = value.language, value.language.split("-")[0]
        if main not in _known_languages() and main not in ("x", "i"):
            better = get_global("language_aliases").get(main)
            yield place.found(
                Severity.WARNING,
                "language",
                say("%(tag)s is no language tag", tag=f"@{tag}"),
                say("Did you mean %(name)s?", name=f"@{better}")
                if better
                else say("Write a tag of BCP 47, such as %(tag)s.", tag=f"@{project.settings.default_language}"),
            )
        key = place.statement.subject, place.statement.predicate, value.value
        other = texts.setdefault(key, tag)
        # Names may well be the same.
        if other != tag and len(value.value.split()) >= 6 and place.statement.predicate not in LABELS:
            yield place.found(
                Severity.WARNING,
                "language",
                say("this text is the same in %(tag)s and in %(other)s", tag=tag, other=other),
                say("Correct the tag of one, or translate it."),
            )


def _untagged(project: Project, data: Sequence[Stated]) -> Iterator[Finding]:
    """Find texts without a language of properties whose texts mostly have one."""
    tagged: Counter[Term] = Counter()
    plain: dict[Term, list[Stated]] = {}
    for place in data:
        value = place.statement.object
        if isinstance(value, Literal) and value.language:
            tagged[place.statement.predicate] += 1
        elif isinstance(value, Literal) and value.datatype == XSD.string:
            plain.setdefault(place.statement.predicate, []).append(place)
    for predicate, found in plain.items():
        if tagged[predicate] < 4 * len(found):
            continue
        for place in found:
            yield place.found(
                Severity.WARNING,
                "language",
                say(
                    "this text has no language, though others of %(name)s have one",
                    name=project.compact(predicate.value),
                ),
                say("Add a tag, such as %(tag)s.", tag=f"@{project.settings.default_language}"),
            )


# --- values ----------------------------------------------------------------------------------------------

# What XML cannot hold, and no reader can see.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_DATE = re.compile(r"-?(?:[1-9]\d{3,}|0\d{3})-(\d\d)-(\d\d)(?:Z|[+-]\d\d:\d\d)?")
_NUMBERS = {XSD.integer, XSD.decimal, XSD.boolean, XSD.double, XSD.float}
_NUMBERS |= {XSD.nonNegativeInteger, XSD.positiveInteger, XSD.int, XSD.long, XSD.dateTime, XSD.gYear, XSD.gYearMonth}


def _values(places: Sequence[Stated]) -> Iterator[Finding]:
    """Find values that are none of their datatype: a 30 February, an integer with letters."""
    for place in places:
        value = place.statement.object
        if isinstance(value, Literal) and not place.statement.derived and is_ill_typed(value):
            kind = f"xsd:{value.datatype.value.rpartition('#')[2]}"
            yield place.found(
                Severity.VIOLATION,
                "value",
                say("there is no %(kind)s %(value)s", kind=kind, value=f'"{value.value}"'),
                say("Correct the value, or its datatype."),
            )
        elif isinstance(value, Literal) and (control := _CONTROL.search(value.value)):
            yield place.found(
                Severity.WARNING,
                "value",
                say("this text holds the control character %(code)s", code=f"U+{ord(control[0]):04X}"),
                say("Delete it."),
            )


def is_ill_typed(value: Literal) -> bool:
    """Tell whether a text is surely none of its datatype: a 30 February, an integer with letters."""
    if value.datatype == XSD.date:
        return not _is_date(value.value)
    if value.datatype not in _NUMBERS or value.value.startswith("-0"):
        return False
    return RLiteral(value.value, datatype=URIRef(value.datatype.value)).ill_typed is True


def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = int(re.match(r"-?\d+", text)[0]), int(match[1]), int(match[2])  # type: ignore[index]
    # The calendar repeats after 400 years, and goes back beyond the year 1 in the same way.
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year % 400 + 400, month)[1]


# --- sources ---------------------------------------------------------------------------------------------


def _idle_sources(project: Project, reading: Reading, places: Sequence[Stated]) -> Iterator[Finding]:
    """Find things of the register that are sources like those the headers name, but of which nothing makes use."""
    source = project.expand(project.settings.source)
    named: set[Term] = set()
    for role in (Role.REGISTER, Role.SOURCE):
        for document in reading.documents.get(role, ()):
            named |= {s.object for s in document.statements if s[:2] == (document.graph, source)}
    classes = {p.statement.object for p in places if p.statement.predicate == RDF.type and p.statement.subject in named}
    used = {place.statement.object for place in places}
    seen: set[Term] = set()
    for place in places:
        subject, predicate, value = place.statement[:3]
        if predicate == RDF.type and value in classes and subject not in used and subject not in seen:
            seen.add(subject)
            yield place.found(
                Severity.INFO,
                "idle-source",
                say("nothing uses the source %(name)s", name=project.compact(str(subject).strip("<>"))),
                say("State what it says in a file of its own, or cite it."),
            )
