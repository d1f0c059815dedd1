"""What good ontologies have: labels, definitions, a tidy profile; the graph's own terms, checked for all of these.

Rules are numbered after the pitfalls of OOPS! (`P08-label`) or named as the queries of ROBOT's report
(`duplicate_label`) where they match one; `kind`, `profile`, `prefix` and `term` are our own. A violation is what
means something else than it says, or nothing; a warning is what misleads a reader; an info is work to do. What an
ontology does not do at all is its choice: labels, definitions, metadata and lists of disjoint classes are asked for
where it has begun to give them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.findings import Finding, Severity
from kg.messages import say
from kg.project import Project, Reading, Role
from kg.querytexts import QueryText, queries_in
from kg.stated import Stated, to_declare
from kg.turtle import Document
from kg.vocabulary import DCTERMS, KG, LABELS, OWL, RDF, RDFS, SH, SKOS, XSD, Namespace

__all__ = ["lint"]

Term = NamedNode | BlankNode | Literal

DC = Namespace("http://purl.org/dc/elements/1.1/")
CC = Namespace("http://creativecommons.org/ns#")
SCHEMA = Namespace("https://schema.org/")
VANN = Namespace("http://purl.org/vocab/vann/")


def lint(project: Project, reading: Reading, *, standard: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Give what is missing, doubled, unused or untidy in the ontology, and what shapes and views get wrong about it.

    `standard` holds the terms of well-known vocabularies by namespace: nothing needs to declare these.
    """
    ontology = _Ontology(project, reading)
    queries = list(queries_in(project, reading))
    yield from _labels(ontology)
    yield from _definitions(ontology)
    yield from _white_space(ontology)
    yield from _two_kinds(ontology)
    yield from _names(ontology)
    yield from _domains_and_ranges(ontology)
    yield from _inverses(ontology)
    yield from _equivalents(ontology)
    yield from _chains(ontology)
    yield from _datatypes(ontology)
    yield from _disjointness(ontology)
    yield from _header(ontology)
    yield from _unconnected(ontology, reading, queries)
    yield from _deprecated(ontology, reading)
    yield from _prefixes_of_queries(project, reading, queries)
    yield from _names_in_queries(ontology, queries)
    yield from _shapes_of_others(ontology, reading, standard)


# --- the ontology, indexed -------------------------------------------------------------------------------

_OBJECT = ("Transitive", "Symmetric", "Asymmetric", "Reflexive", "Irreflexive", "InverseFunctional", "Object")
_KINDS = {
    OWL.Class: "class",
    RDFS.Class: "class",
    OWL.DeprecatedClass: "class",
    RDFS.Datatype: "datatype",
    **{OWL(f"{name}Property"): "object property" for name in _OBJECT},
    OWL.DatatypeProperty: "datatype property",
    OWL.AnnotationProperty: "annotation property",
    OWL.FunctionalProperty: "property",
    OWL.DeprecatedProperty: "property",
    RDF.Property: "property",
}
_WORDS = {
    word: word
    for word in (
        say("class"), say("property"), say("datatype"), say("individual"), say("object property"),
        say("datatype property"), say("annotation property"), say("label"), say("definition"),
    )
}  # fmt: skip
_PLURALS = {
    "class": say("classes"), "property": say("properties"), "datatype": say("datatypes"),
    "individual": say("individuals"),
}  # fmt: skip


class _Ontology:
    """The statements of the ontology's files, by what they are about; "own" terms are those of its namespace."""

    def __init__(self, project: Project, reading: Reading) -> None:
        self.project = project
        self.languages = project.settings.languages
        self.iri = NamedNode(project.settings.ontology_iri)
        self.namespace = f"{self.iri.value}#"
        self.documents = reading.documents.get(Role.ONTOLOGY, ())
        self.stated = [Stated(document, s) for document in self.documents for s in document.statements]
        self.by_subject: dict[Term, list[Stated]] = {}
        for stated in self.stated:
            self.by_subject.setdefault(stated.statement.subject, []).append(stated)
        #: Each declared own term, with the statement that declares it.
        self.own: dict[NamedNode, Stated] = {}
        for stated in self.stated:
            subject = stated.statement.subject
            if stated.statement.predicate == RDF.type and self.is_own(subject):
                self.own.setdefault(subject, stated)  # type: ignore[arg-type]

    def is_own(self, term: Term) -> bool:
        return isinstance(term, NamedNode) and term.value.startswith(self.namespace)

    def about(self, subject: Term, *predicates: NamedNode) -> list[Stated]:
        """Return the statements about a term with one of some predicates, in the order of the files."""
        return [s for s in self.by_subject.get(subject, ()) if s.statement.predicate in predicates]

    def values(self, subject: Term, *predicates: NamedNode) -> list[Term]:
        return list(dict.fromkeys(stated.value for stated in self.about(subject, *predicates)))

    def with_predicate(self, *predicates: NamedNode) -> list[Stated]:
        return [stated for stated in self.stated if stated.statement.predicate in predicates]

    def items(self, node: Term) -> list[Term]:
        """Return the items of a list, as far as it goes."""
        found: list[Term] = []
        seen: set[Term] = set()
        while node not in seen and node != RDF.nil:
            seen.add(node)
            found += self.values(node, RDF.first)[:1]
            node = next(iter(self.values(node, RDF.rest)), RDF.nil)
        return found

    def kinds(self, term: Term) -> list[str]:
        return sorted({_KINDS[value] for value in self.values(term, RDF.type) if value in _KINDS})  # type: ignore[index]

    def family(self, term: Term) -> str:
        """Return class, property, datatype or individual."""
        kinds = self.kinds(term)
        return kinds[0].rpartition(" ")[2] if kinds else "individual"

    def above(self, kind: Term) -> set[Term]:
        """Return a class and the named classes over it."""
        found: set[Term] = set()
        border = [kind]
        while border:
            node = border.pop()
            if node not in found:
                found.add(node)
                border += [value for value in self.values(node, RDFS.subClassOf) if isinstance(value, NamedNode)]
        return found

    @cached_property
    def deprecated(self) -> Mapping[NamedNode, Stated]:
        """The deprecated own terms, each with the statement that says so."""
        found: dict[NamedNode, Stated] = {}
        for stated in self.with_predicate(OWL.deprecated, RDF.type):
            subject, predicate, value = stated.statement[:3]
            says = value in (OWL.DeprecatedClass, OWL.DeprecatedProperty)
            if predicate == OWL.deprecated:
                says = isinstance(value, Literal) and value.value in ("true", "1")
            if says and isinstance(subject, NamedNode) and subject in self.own:
                found.setdefault(subject, stated)
        return found

    @cached_property
    def header(self) -> Stated | None:
        return next((s for s in self.about(self.iri, RDF.type) if s.value == OWL.Ontology), None)

    def at_header(self, severity: Severity, rule: str, message: str, advice: str) -> Finding:
        """Return a finding about the ontology as a whole."""
        stated = self.header or next(iter(self.own.values()))
        return stated.found(severity, rule, message, advice)

    def name(self, term: Term) -> str:
        return self.project.compact(term.value) if isinstance(term, NamedNode) else "[…]"


# --- texts -----------------------------------------------------------------------------------------------


def _language(value: Term) -> str | None:
    """Return the language of a text, "" if it has none; None for what is no text."""
    if not isinstance(value, Literal):
        return None
    return value.language or ("" if value.datatype == XSD.string else None)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return say("%(names)s and %(last)s", names=", ".join(first), last=last) if first else last


def _labels(ontology: _Ontology) -> Iterator[Finding]:
    labels = {term: ontology.about(term, *LABELS) for term in ontology.own}
    if not any(labels.values()):
        return
    languages = {term: {_language(stated.value) for stated in found} for term, found in labels.items()}
    lacking = [tag for tag in ontology.languages if not any(tag in found for found in languages.values())]
    for tag in lacking:
        # Told once: a language that is only beginning would otherwise be told at every term.
        yield ontology.at_header(
            Severity.WARNING,
            "P08-label",
            say("no term of the ontology has a label in %(tag)s", tag=tag),
            say("Add labels in %(tag)s, or take it out of the languages in kg.toml.", tag=tag),
        )
    for term, declared in ontology.own.items():
        name = ontology.name(term)
        missing = [tag for tag in ontology.languages if tag not in lacking and tag not in languages[term]]
        if not labels[term]:
            # A page would have to show a piece of the IRI; a label in one language is at least readable.
            yield declared.found(
                Severity.VIOLATION,
                "P08-label",
                say("%(name)s has no label", name=name),
                say("Add rdfs:label in %(names)s.", names=_listed(ontology.languages)),
            )
        elif missing:
            yield declared.found(
                Severity.WARNING,
                "P08-label",
                say("%(name)s has no label in %(names)s", name=name, names=_listed(missing)),
                say("Add rdfs:label in %(names)s.", names=_listed(missing)),
            )
        seen: dict[tuple[NamedNode, str], str] = {}
        for stated in labels[term]:
            language = _language(stated.value)
            if language == "":
                yield stated.found(
                    Severity.WARNING,
                    "P08-language",
                    say("the label of %(name)s has no language", name=name),
                    say("Add one: %(text)s@%(tag)s.", text=stated.value, tag=ontology.languages[0]),
                )
            elif language is not None:
                first = seen.setdefault((stated.statement.predicate, language), stated.value.value)
                if first != stated.value.value:
                    yield stated.found(
                        Severity.WARNING,
                        "multiple_labels",
                        say(
                            "%(name)s has another label in %(tag)s: %(first)s",
                            name=name,
                            tag=language,
                            first=first,
                        ),
                        say("Keep one as its label, and write the others as skos:altLabel."),
                    )
    # A class and a property may well share a word ("event"): pages tell the two apart.
    yield from _shared(
        ontology, RDFS.label, "duplicate_label", "label", "Give each its own, so that lists of terms can be read."
    )


def _shared(ontology: _Ontology, predicate: NamedNode, rule: str, what: str, advice: str) -> Iterator[Finding]:
    """Find texts that a term shares with an earlier one of its family."""
    first: dict[tuple[str, str, str], NamedNode] = {}
    for term in ontology.own:
        if term in ontology.deprecated:
            continue
        for stated in ontology.about(term, predicate):
            tag = _language(stated.value)
            if tag is None:
                continue
            other = first.setdefault((ontology.family(term), tag, stated.value.value.strip().casefold()), term)
            if other != term:
                message = say(
                    "%(name)s has the same %(what)s as %(other)s",
                    name=ontology.name(term),
                    what=_WORDS[what],
                    other=ontology.name(other),
                )
                yield stated.found(Severity.WARNING, rule, message, advice)


def _definitions(ontology: _Ontology) -> Iterator[Finding]:
    for family in ("class", "property", "datatype", "individual"):
        terms = [term for term in ontology.own if ontology.family(term) == family]
        languages = {
            term: {_language(stated.value) for stated in ontology.about(term, SKOS.definition)} for term in terms
        }
        if not any(languages.values()):
            continue  # say, properties that their labels explain
        lacking = [tag for tag in ontology.languages if not any(tag in found for found in languages.values())]
        for tag in lacking:
            yield ontology.at_header(
                Severity.WARNING,
                "P08-definition",
                say("no %(family)s of the ontology has a definition in %(tag)s", family=_WORDS[family], tag=tag),
                say("Add definitions in %(tag)s, or take it out of the languages in kg.toml.", tag=tag),
            )
        for term in terms:
            missing = [tag for tag in ontology.languages if tag not in lacking and tag not in languages[term]]
            if missing:
                among = _PLURALS[family]
                yield ontology.own[term].found(
                    Severity.WARNING,
                    "P08-definition",
                    say(
                        "%(name)s has no definition in %(names)s; other %(among)s have one",
                        name=ontology.name(term),
                        names=_listed(missing),
                        among=among,
                    ),
                    say(
                        "Add skos:definition in %(names)s: the kind it belongs to, then what sets it apart.",
                        names=_listed(missing),
                    ),
                )
    for term in ontology.own:
        labels = {(_language(v), v.value.casefold()) for v in ontology.values(term, *LABELS) if isinstance(v, Literal)}
        for stated in ontology.about(term, SKOS.definition):
            language = _language(stated.value)
            if language == "":
                yield stated.found(
                    Severity.WARNING,
                    "P08-language",
                    say("the definition of %(name)s has no language", name=ontology.name(term)),
                    say("Add one, such as @en."),
                )
            if language is not None and (language, stated.value.value.strip(" .").casefold()) in labels:
                yield stated.found(
                    Severity.WARNING,
                    "duplicate_definition",
                    say("the definition of %(name)s only repeats its label", name=ontology.name(term)),
                    say("Say what sets it apart."),
                )
    advice = say("Say what sets the two apart, or keep one of them.")
    yield from _shared(ontology, SKOS.definition, "duplicate_definition", "definition", advice)


def _white_space(ontology: _Ontology) -> Iterator[Finding]:
    for term in ontology.own:
        for stated in ontology.by_subject[term]:
            if _language(stated.value) is None:
                continue
            text, predicate = stated.value.value, stated.statement.predicate
            problem = say("begins or ends with white space") if text != text.strip() else ""
            # Notes and examples may have paragraphs.
            if not problem and predicate in (*LABELS, SKOS.definition) and re.search(r"[\r\n\t]", text):
                problem = say("has a line break or a tab inside")
            if problem:
                message = say(
                    "%(property)s of %(name)s %(problem)s",
                    property=ontology.name(predicate),
                    name=ontology.name(term),
                    problem=problem,
                )
                yield stated.found(
                    Severity.WARNING, "annotation_whitespace", message, say("Write it on one line, trimmed.")
                )


# --- kinds and names -------------------------------------------------------------------------------------


def _two_kinds(ontology: _Ontology) -> Iterator[Finding]:
    for term in ontology.own:
        first = ""
        for stated in ontology.about(term, RDF.type):
            kind = _KINDS.get(stated.value, "")  # type: ignore[arg-type]
            # A functional property is an object property or a datatype property: "property" does not say which.
            if not kind or kind == first or (kind == "property" and first.endswith("property")):
                continue
            if first and not (first == "property" and kind.endswith("property")):
                yield stated.found(
                    Severity.VIOLATION,
                    "kind",
                    say(
                        "%(name)s is declared as %(kind)s and as %(other)s",
                        name=ontology.name(term),
                        kind=_a(first),
                        other=_a(kind),
                    ),
                    say("Keep one of the two, and give the other meaning a name of its own."),
                )
            else:
                first = kind


def _a(kind: str) -> str:
    word = _WORDS[kind]
    return say("an %(kind)s", kind=word) if kind[0] in "aeiou" else say("a %(kind)s", kind=word)


# A number after a few letters is an opaque name, in a convention of its own.
_OPAQUE_NAME = re.compile(r"[^\W\d_]*_?\d+")


def _names(ontology: _Ontology) -> Iterator[Finding]:
    for term, declared in ontology.own.items():
        local, family = term.value[len(ontology.namespace) :], ontology.family(term)
        if family not in ("class", "property") or not local or _OPAQUE_NAME.fullmatch(local):
            continue
        if len({kind.rpartition(" ")[2] for kind in ontology.kinds(term)}) > 1:
            continue  # it is to be one of them first
        # Letters without case (as in Arabic or Chinese) are neither.
        wrong = local[0].islower() if family == "class" else local[0].isupper()
        if wrong or not local.isalnum():
            words = [word for word in re.split(r"[\W_]+", local) if word]
            joined = "".join(word[:1].upper() + word[1:] for word in words)
            if family == "property":
                joined = joined[:1].lower() + joined[1:]
            style = "UpperCamelCase" if family == "class" else "lowerCamelCase"
            yield declared.found(
                Severity.WARNING,
                "P22-name",
                say(
                    "the name of the %(family)s %(name)s is not in %(style)s",
                    family=_WORDS[family],
                    name=ontology.name(term),
                    style=style,
                ),
                say("Call it %(joined)s unless it is published; a published name stays.", joined=joined),
            )


# --- axioms ----------------------------------------------------------------------------------------------


def _domains_and_ranges(ontology: _Ontology) -> Iterator[Finding]:
    for term in ontology.own:
        for predicate, what, template in (
            (RDFS.domain, "domain", say("%(name)s has %(number)s domains: %(names)s, all at once")),
            (RDFS.range, "range", say("%(name)s has %(number)s ranges: %(names)s, all at once")),
        ):
            values = ontology.values(term, predicate)
            if len(values) > 1:
                last = ontology.about(term, predicate)[-1]
                yield last.found(
                    Severity.WARNING,
                    f"P19-{what}",
                    say(
                        template,
                        name=ontology.name(term),
                        number=len(values),
                        names=_listed(ontology.name(value) for value in values),
                    ),
                    say("Together they mean what is in all of them. For either, write one owl:unionOf, or none."),
                )


def _inverses(ontology: _Ontology) -> Iterator[Finding]:
    for stated in ontology.with_predicate(OWL.inverseOf):
        subject, _, value = stated.statement[:3]
        if not isinstance(subject, NamedNode) or not (ontology.is_own(subject) or ontology.is_own(value)):
            continue
        name, other = ontology.name(subject), ontology.name(value)
        if subject == value:
            message, advice = say("%(name)s is its own inverse", name=name), say("Write owl:SymmetricProperty.")
            yield stated.found(Severity.WARNING, "P25-inverse", message, advice)
            continue
        literal = [p for p in (subject, value) if "datatype property" in ontology.kinds(p)]
        if literal:
            yield stated.found(
                Severity.VIOLATION,
                "P05-inverse",
                say("%(name)s has literals as values, so nothing can be its inverse", name=ontology.name(literal[0])),
                say("Delete the statement."),
            )
            continue
        symmetric = [p for p in (subject, value) if OWL.SymmetricProperty in ontology.values(p, RDF.type)]
        if symmetric:
            yield stated.found(
                Severity.WARNING,
                "P26-inverse",
                say("%(name)s is symmetric, so its inverse says the same", name=ontology.name(symmetric[0])),
                say("Delete the inverse, or the symmetry."),
            )
        for one, two in ((subject, value), (value, subject)):
            domains, ranges = ontology.values(one, RDFS.domain), ontology.values(two, RDFS.range)
            if len(domains) != 1 or len(ranges) != 1:
                continue
            domain, range_ = domains[0], ranges[0]
            if not isinstance(domain, NamedNode) or not isinstance(range_, NamedNode):
                continue
            if domain not in ontology.above(range_) and range_ not in ontology.above(domain):
                yield stated.found(
                    Severity.WARNING,
                    "P05-inverse",
                    say(
                        "%(name)s and %(other)s are inverse, but the domain of %(one)s is %(domain)s and the range of "
                        "%(two)s is %(range)s",
                        name=name,
                        other=other,
                        one=ontology.name(one),
                        domain=ontology.name(domain),
                        two=ontology.name(two),
                        range=ontology.name(range_),
                    ),
                    say("Correct one of them: what follows is that the same things are both."),
                )


def _equivalents(ontology: _Ontology) -> Iterator[Finding]:
    for stated in ontology.with_predicate(OWL.equivalentClass, OWL.equivalentProperty):
        subject, predicate, value = stated.statement[:3]
        if not isinstance(subject, NamedNode) or not isinstance(value, NamedNode) or not ontology.is_own(subject):
            continue
        rule = "P31-equivalent" if predicate == OWL.equivalentClass else "P27-equivalent"
        name, other = ontology.name(subject), ontology.name(value)
        kinds = [next((k for k in ontology.kinds(term) if k != "property"), "") for term in (subject, value)]
        if subject == value:
            message, advice = (
                say("%(name)s is declared equivalent to itself", name=name),
                say("Name the other term, or delete it."),
            )
            yield stated.found(Severity.WARNING, rule, message, advice)
        elif all(kinds) and kinds[0] != kinds[1]:
            message = say(
                "%(name)s is %(kind)s and %(other)s %(other_kind)s: they cannot be equivalent",
                name=name,
                kind=_a(kinds[0]),
                other=other,
                other_kind=_a(kinds[1]),
            )
            yield stated.found(
                Severity.VIOLATION, rule, message, say("Correct one of the declarations, or delete this.")
            )
        elif value in ontology.values(subject, OWL.disjointWith) or subject in ontology.values(value, OWL.disjointWith):
            message = say(
                "%(name)s and %(other)s are declared equivalent and disjoint: nothing can be either",
                name=name,
                other=other,
            )
            yield stated.found(Severity.VIOLATION, rule, message, say("Delete one of the two statements."))


def _chains(ontology: _Ontology) -> Iterator[Finding]:
    for stated in ontology.with_predicate(OWL.propertyChainAxiom):
        subject, chain = stated.statement.subject, ontology.items(stated.value)
        if ontology.is_own(subject) and len(chain) == 1:
            yield stated.found(
                Severity.WARNING,
                "P33-chain",
                say("the chain of %(name)s has only one property", name=ontology.name(subject)),
                say(
                    "Write %(one)s rdfs:subPropertyOf %(name)s.",
                    one=ontology.name(chain[0]),
                    name=ontology.name(subject),
                ),
            )


# OWL 2 Profiles, section 4.2.1.
_RL_DATATYPES = {RDF.PlainLiteral, RDF.XMLLiteral, RDFS.Literal}
_RL_DATATYPES |= {XSD(f"{sign}Integer") for sign in ("nonNegative", "nonPositive", "positive", "negative")}
_RL_DATATYPES |= {XSD(f"unsigned{size}") for size in ("Long", "Int", "Short", "Byte")}
_RL_DATATYPES |= {XSD.decimal, XSD.integer, XSD.long, XSD.int, XSD.short, XSD.byte, XSD.float, XSD.double}
_RL_DATATYPES |= {XSD.string, XSD.normalizedString, XSD.token, XSD.language, XSD.Name, XSD.NCName, XSD.NMTOKEN}
_RL_DATATYPES |= {XSD.boolean, XSD.hexBinary, XSD.base64Binary, XSD.anyURI, XSD.dateTime, XSD.dateTimeStamp}
_OTHER_DATATYPES = {RDF.langString, RDF.HTML, RDF.JSON, OWL.real, OWL.rational}
_TAKES_DATATYPE = (RDFS.range, OWL.someValuesFrom, OWL.allValuesFrom, OWL.onDatatype, OWL.onDataRange, OWL.hasValue)


def _datatypes(ontology: _Ontology) -> Iterator[Finding]:
    for stated in ontology.with_predicate(*_TAKES_DATATYPE):
        value = stated.value
        datatype = value.datatype if isinstance(value, Literal) else value
        if isinstance(value, Literal) and value.language:
            continue  # rdf:PlainLiteral to OWL
        if not isinstance(datatype, NamedNode) or datatype in _RL_DATATYPES:
            continue
        # A declared datatype of another vocabulary, as EDTF is, is opaque to every reasoner.
        if datatype.value.startswith(XSD.iri) or datatype in _OTHER_DATATYPES:
            yield stated.found(
                Severity.WARNING,
                "profile",
                say("%(name)s is not a datatype of OWL 2 RL", name=ontology.name(datatype)),
                say(
                    "Say it in a shape (sh:datatype) and leave it out of the axiom, or use one that is in it, as "
                    "xsd:dateTime."
                ),
            )


def _disjointness(ontology: _Ontology) -> Iterator[Finding]:
    disjoint: set[Term] = set()
    for stated in ontology.with_predicate(OWL.disjointWith):
        disjoint |= {stated.statement.subject, stated.value}
    lists = [
        stated
        for stated in ontology.with_predicate(OWL.members)
        if OWL.AllDisjointClasses in ontology.values(stated.statement.subject, RDF.type)
    ]
    for stated in lists:
        disjoint.update(ontology.items(stated.value))
    tops = [
        term
        for term in ontology.own
        if ontology.family(term) == "class"
        and term not in ontology.deprecated
        and not any(ontology.is_own(upper) for upper in ontology.values(term, RDFS.subClassOf))
        and not ontology.values(term, OWL.equivalentClass)
    ]
    if len(tops) > 1 and not disjoint:
        yield ontology.at_header(
            Severity.INFO,
            "P10-disjoint",
            say("no two of the %(number)s top classes of the ontology are disjoint", number=len(tops)),
            say("List the kinds that nothing can be two of in owl:AllDisjointClasses: then mistakes clash."),
        )
    # Who states single pairs has chosen them; who lists the kinds may have forgotten one.
    for term in tops if lists else ():
        if not disjoint & ontology.above(term):
            yield ontology.own[term].found(
                Severity.INFO,
                "P10-disjoint",
                say("%(name)s is disjoint with no other class", name=ontology.name(term)),
                say(
                    "If nothing can be one and another kind too, add it to the list at %(path)s:%(line)s.",
                    path=lists[0].document.path,
                    line=lists[0].statement.line,
                ),
            )


# --- the header ------------------------------------------------------------------------------------------

_METADATA = (
    ("title", say("title"), Severity.WARNING, (DCTERMS.title, DC.title, RDFS.label)),
    ("description", say("description"), Severity.WARNING, (DCTERMS.description, DC.description, RDFS.comment)),
    ("license", say("licence"), Severity.WARNING, (DCTERMS.license, CC.license, SCHEMA.license, DCTERMS.rights)),
    ("creator", say("creator"), Severity.WARNING, (DCTERMS.creator, DC.creator, SCHEMA.creator)),
    ("version", say("version IRI"), Severity.WARNING, (OWL.versionIRI,)),
    # Catalogues show these two, but nothing is wrong without them.
    ("prefix", say("preferred prefix"), Severity.INFO, (VANN.preferredNamespacePrefix,)),
    ("modified", say("date of change"), Severity.INFO, (DCTERMS.modified, SCHEMA.dateModified)),
)  # fmt: skip


def _header(ontology: _Ontology) -> Iterator[Finding]:
    if not ontology.own:
        return
    if ontology.header is None:
        yield ontology.at_header(
            Severity.WARNING,
            "P38-header",
            say("no file says that %(name)s is an owl:Ontology", name=ontology.name(ontology.iri)),
            say("Add <%(iri)s> a owl:Ontology to the file that declares its terms.", iri=ontology.iri.value),
        )
        return
    given = {stated.statement.predicate for stated in ontology.by_subject[ontology.iri]} - {RDF.type, OWL.imports}
    if not given:
        return
    for key, what, severity, predicates in _METADATA:
        if not given & set(predicates):
            yield ontology.at_header(
                severity,
                f"missing_ontology_{key}",
                say("the ontology has no %(what)s", what=what),
                say("Add %(curie)s to its header.", curie=_curie(ontology.project, predicates[0])),
            )


def _curie(project: Project, term: NamedNode) -> str:
    """Return a term as people write it, also one that the project has no prefix for yet."""
    name = project.compact(term.value)
    if name.startswith("<"):
        for prefix, namespace in (("dcterms", DCTERMS), ("vann", VANN), ("owl", OWL)):
            if term.value.startswith(namespace.iri):
                return f"{prefix}:{term.value[len(namespace.iri) :]}"
    return name


# --- use -------------------------------------------------------------------------------------------------

# What a term says about itself here does not put it to use.
_ANNOTATING = {
    *LABELS,
    RDF.type,
    RDFS.comment,
    RDFS.isDefinedBy,
    RDFS.seeAlso,
    SKOS.definition,
    SKOS.example,
    SKOS.scopeNote,
    SKOS.altLabel,
    OWL.deprecated,
    DCTERMS.isReplacedBy,
}
_AXIOMS = {
    RDFS.subClassOf,
    RDFS.subPropertyOf,
    OWL.equivalentClass,
    OWL.equivalentProperty,
    OWL.disjointWith,
    OWL.propertyDisjointWith,
    OWL.inverseOf,
    OWL.propertyChainAxiom,
    OWL.oneOf,
    OWL.unionOf,
    OWL.intersectionOf,
    OWL.complementOf,
    OWL.hasKey,
    OWL.disjointUnionOf,
    KG.earliest,
    KG.latest,
}


def _unconnected(ontology: _Ontology, reading: Reading, queries: Sequence[QueryText]) -> Iterator[Finding]:
    """Find classes and properties without an axiom that nothing uses: no data, shape, view or setting."""
    if not any(reading.documents.get(role) for role in (Role.REGISTER, Role.SOURCE)):
        return  # the ontology comes first, and then the data
    settings = ontology.project.settings
    used: set[Term] = {ontology.project.expand(name) for name in settings.curies}
    for role in (Role.REGISTER, Role.SOURCE, Role.SHAPES):
        for document in reading.documents.get(role, ()):
            for statement in document.statements:
                used.update(statement[:3])
                if isinstance(statement.object, Literal):
                    used.add(statement.object.datatype)
    for query in queries:
        used.update(NamedNode(iri) for iri, _ in query.iris(ontology.project))
    for stated in ontology.stated:
        subject, predicate, value = stated.statement[:3]
        used.add(predicate)
        if predicate not in _ANNOTATING or predicate == RDF.type:
            used.add(value)
        if predicate in _AXIOMS:
            used.add(subject)
    for term, declared in ontology.own.items():
        family = ontology.family(term)
        if family != "individual" and term not in used and term not in ontology.deprecated:
            yield declared.found(
                Severity.INFO,
                "P04-unconnected",
                say(
                    "nothing uses the %(family)s %(name)s: no axiom, data, shape or view",
                    family=_WORDS[family],
                    name=ontology.name(term),
                ),
                say("Use it, or delete it while it is not published."),
            )


def _deprecated(ontology: _Ontology, reading: Reading) -> Iterator[Finding]:
    for stated in ontology.with_predicate(OWL.deprecated):
        if ontology.is_own(stated.statement.subject) and not (
            isinstance(stated.value, Literal) and stated.value.datatype == XSD.boolean
        ):
            yield stated.found(
                Severity.WARNING,
                "deprecated_boolean_datatype",
                say("owl:deprecated of %(name)s is not true or false", name=ontology.name(stated.statement.subject)),
                say("Write true, without quotation marks."),
            )
    successors = {term: ontology.values(term, DCTERMS.isReplacedBy) for term in ontology.deprecated}
    for term, stated in ontology.deprecated.items():
        if not successors[term]:
            yield stated.found(
                Severity.WARNING,
                "deprecated-successor",
                say("%(name)s is deprecated, but nothing says what to use now", name=ontology.name(term)),
                say("Add dcterms:isReplacedBy."),
            )

    def still_used(stated: Stated, term: NamedNode, severity: Severity) -> Finding:
        names = _listed(ontology.name(value) for value in successors[term]) if successors[term] else ""
        rule = f"deprecated_{ontology.family(term)}_reference"
        return stated.found(
            severity,
            rule,
            say("%(name)s is deprecated, but still used here", name=ontology.name(term)),
            say("Use %(names)s.", names=names) if names else say("Use another term."),
        )

    for stated in ontology.stated if ontology.deprecated else ():
        subject, predicate, value = stated.statement[:3]
        # An axiom is the ontology's own affair and may wait for its next version; data is wrong at once.
        axiom = predicate in _AXIOMS or predicate in (RDFS.domain, RDFS.range)
        if not axiom or not isinstance(subject, NamedNode) or subject in ontology.deprecated:
            continue
        if isinstance(value, NamedNode) and value in ontology.deprecated:
            yield still_used(stated, value, Severity.WARNING)
    for role in (Role.REGISTER, Role.SOURCE) if ontology.deprecated else ():
        for document in reading.documents.get(role, ()):
            told: set[Term] = set()
            for statement in document.statements:
                if statement.derived:
                    continue
                for used in (statement.predicate, statement.object):
                    if isinstance(used, NamedNode) and used in ontology.deprecated and used not in told:
                        told.add(used)
                        yield still_used(Stated(document, statement), used, Severity.VIOLATION)


# --- queries ---------------------------------------------------------------------------------------------


def _wrong_binding(project: Project, prefix: str, namespace: str) -> tuple[str, str] | None:
    """Return what is wrong with a prefix in a query, and what to do; nothing if the table binds it so."""
    bound = project.prefixes.get(prefix)
    if bound == namespace:
        return None
    other = next((name for name, iri in project.prefixes.items() if iri == namespace), "")
    if bound is None:
        advice = say("Use %(other)s: for it.", other=other) if other else say("Add it to the prefix table.")
        return say("the prefix %(name)s: is not in the prefix table", name=prefix), advice
    message = say(
        "the prefix %(name)s: is bound to <%(iri)s>, but the project binds it to <%(bound)s>",
        name=prefix,
        iri=namespace,
        bound=bound,
    )
    if other:
        return message, say("Use %(other)s: for it.", other=other)
    return message, say("Delete it: queries know the project's prefixes.")


def _prefixes_of_queries(project: Project, reading: Reading, queries: Sequence[QueryText]) -> Iterator[Finding]:
    for document in (*reading.documents.get(Role.ONTOLOGY, ()), *reading.documents.get(Role.SHAPES, ())):
        namespaces = {s.subject: s.object.value for s in document.statements if s.predicate == SH.namespace}
        for statement in document.statements:
            if statement.predicate == SH.prefix and isinstance(statement.object, Literal):
                wrong = _wrong_binding(project, statement.object.value, namespaces.get(statement.subject, ""))
                if wrong:
                    yield Stated(document, statement).found(Severity.VIOLATION, "prefix", *wrong)
    for query in queries:
        for token in query.tokens() if not query.view else ():
            wrong = _wrong_binding(project, token["declared"], token["namespace"]) if token["prefix"] else None
            if wrong:
                yield query.found(token.start(), Severity.VIOLATION, "prefix", *wrong)


def _names_in_queries(ontology: _Ontology, queries: Sequence[QueryText]) -> Iterator[Finding]:
    """Find own terms in queries that nothing declares, once in each: such a query silently finds nothing."""
    known = {ontology.name(term) for term in ontology.own}
    for query in queries if known else ():
        seen: set[str] = set()
        for iri, offset in query.iris(ontology.project):
            if not iri.startswith(ontology.namespace) or iri == ontology.namespace:
                continue
            if NamedNode(iri) in ontology.own or iri in seen:
                continue
            seen.add(iri)
            name = ontology.project.compact(iri)
            yield query.found(
                offset,
                Severity.VIOLATION,
                "term",
                say("nothing defines the term %(name)s", name=name),
                to_declare(name, known, ontology.project.settings.ontology_folder),
            )


_PATHS = {SH(f"{kind}Path") for kind in ("inverse", "alternative", "zeroOrMore", "oneOrMore", "zeroOrOne")}
_NAMES_PROPERTY = {SH.path, SH.targetSubjectsOf, SH.targetObjectsOf, SH.equals, SH.disjoint, SH.lessThan}
_NAMES_PROPERTY |= {SH.lessThanOrEquals} | _PATHS
_NAMES_CLASS = {SH.targetClass, SH("class")}


def _parts_of_paths(document: Document) -> set[Term]:
    """Return the nodes without a name that paths are made of: the cells of their lists among them."""
    inside: dict[Term, list[Term]] = {}
    for statement in document.statements:
        if statement.predicate in _PATHS or statement.predicate in (RDF.first, RDF.rest):
            inside.setdefault(statement.subject, []).append(statement.object)
    border: list[Term] = [statement.object for statement in document.statements if statement.predicate == SH.path]
    found: set[Term] = set()
    while border:
        node = border.pop()
        if isinstance(node, BlankNode) and node not in found:
            found.add(node)
            border += inside.get(node, ())
    return found


def _shapes_of_others(
    ontology: _Ontology, reading: Reading, standard: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """Find foreign properties and classes in shapes that nothing declares; own ones are found wherever they stand."""
    declared = {stated.statement.subject for stated in ontology.with_predicate(RDF.type)}
    for document in reading.documents.get(Role.SHAPES, ()):
        parts = _parts_of_paths(document)
        seen: set[Term] = set()
        for statement in document.statements:
            value, is_class = statement.object, statement.predicate in _NAMES_CLASS
            listed = statement.predicate == RDF.first and statement.subject in parts
            if not isinstance(value, NamedNode) or not (is_class or listed or statement.predicate in _NAMES_PROPERTY):
                continue
            if value in declared or value in seen or value.value.startswith((ontology.namespace, KG.iri)):
                continue
            if any(value.value in terms for namespace, terms in standard.items() if value.value.startswith(namespace)):
                continue
            seen.add(value)
            yield Stated(document, statement).found(
                Severity.VIOLATION,
                "term",
                say(
                    "nothing defines the %(kind)s %(name)s",
                    kind=say("class") if is_class else say("property"),
                    name=ontology.name(value),
                ),
                say(
                    "Declare it in %(ontology_folder)s/, or use another.",
                    ontology_folder=ontology.project.settings.ontology_folder,
                ),
            )
