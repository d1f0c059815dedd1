"""What the graph knows of its things: where each is described, what it is called, which of its values are single."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.errors import DateError, KGError
from kg.labels import sort_key
from kg.messages import say
from kg.project import Project, Reading, Role
from kg.turtle import Document
from kg.vocabulary import KG, LABELS, OWL, RDF, RDFS, SH, SKOS
from kg.writers import Names

__all__ = ["Knowledge", "Term", "folded"]

Term = NamedNode | Literal


class Knowledge:
    """What is asked of the graph: which things there are, what they are called, which values are single.

    Raises KGError while a file cannot be read: what stands in it would count as missing.
    """

    def __init__(self, project: Project, reading: Reading) -> None:
        for error in reading.errors:
            if not isinstance(error, DateError):
                raise KGError(
                    say("this file cannot be read: %(reason)s", reason=error.problem),
                    where=error.where,
                    advice=say("Run: kg check"),
                )
        self.project, self.reading = project, reading
        self.names = Names(project.prefixes)
        self.statements: dict[str, list[tuple[str, Term]]] = {}
        self.places: dict[str, str] = {}
        self.registered: dict[str, str] = {}
        self.terms: set[str] = set()
        self.above: dict[str, set[str]] = {}
        self.functional: set[str] = set()
        self.single_of: dict[str, dict[str, str]] = {}
        for role in (Role.REGISTER, Role.SOURCE, Role.ONTOLOGY):
            for document in reading.documents.get(role, ()):
                self._learn(role, document)
        self.by_path = {document.path: document for document in reading.all()}
        self.by_name: dict[str, list[str]] | None = None
        self.advice: dict[str, str] = {}
        self.by_value: dict[tuple[NamedNode, ...], dict[str, list[str]]] = {}
        self.single, self.single_anywhere = _single_values(reading)
        for kind, properties in self.single_of.items():
            self.single.setdefault(kind, {}).update(properties)

    def _learn(self, role: Role, document: Document) -> None:
        for statement in document.statements:
            subject, predicate, value = statement[:3]
            if not isinstance(subject, NamedNode) or statement.derived:
                continue
            iri = subject.value
            self.statements.setdefault(iri, []).append((predicate.value, value))  # type: ignore[arg-type]
            self.places.setdefault(iri, document.path)
            if role is Role.REGISTER and subject != document.graph:
                self.registered.setdefault(iri, document.path)
            if role is Role.ONTOLOGY:
                self.terms.add(iri)
                if predicate == RDFS.subClassOf and isinstance(value, NamedNode):
                    self.above.setdefault(iri, set()).add(value.value)
                if (predicate == RDF.type and value == OWL.FunctionalProperty) or (
                    predicate == KG.singleValued and isinstance(value, Literal) and value.value == "true"
                ):
                    self.functional.add(iri)
                if predicate == KG.singleValued and isinstance(value, NamedNode):
                    self.single_of.setdefault(value.value, {})[iri] = "one"

    def classes_above(self, classes: Iterable[str]) -> set[str]:
        """Return classes with all classes above them."""
        found: set[str] = set()
        waiting = list(classes)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.above.get(one, ())
        return found

    def is_a(self, iri: str, wanted: Iterable[str]) -> bool:
        kinds = (value.value for predicate, value in self.statements[iri] if predicate == RDF.type.value)
        return not self.classes_above(kinds).isdisjoint(wanted)

    def called(self, name: str) -> list[str]:
        """Return the things that bear a name, whatever its case, accents and spaces."""
        if self.by_name is None:
            self.by_name = {}
            naming = {predicate.value for predicate in (*LABELS, SKOS.altLabel)}
            for iri, statements in self.statements.items():
                for predicate, value in statements:
                    if predicate in naming and isinstance(value, Literal):
                        things = self.by_name.setdefault(folded(value.value), [])
                        if iri not in things:
                            things.append(iri)
        return self.by_name.get(folded(name), [])

    def with_value(self, properties: Sequence[NamedNode], text: str) -> list[str]:
        """Return the things that have a text or an IRI as the value of a property."""
        key = tuple(properties)
        if key not in self.by_value:
            index = self.by_value[key] = {}
            wanted = {predicate.value for predicate in key}
            for iri, statements in self.statements.items():
                for value in {v.value for p, v in statements if p in wanted and not isinstance(v, BlankNode)}:
                    index.setdefault(value, []).append(iri)
        return self.by_value[key].get(text, [])

    def values(self, iri: str, steps: Iterable[tuple[NamedNode, bool]]) -> set[str]:
        """Return the texts and IRIs that properties lead to, one after the other; True follows one backwards."""
        found = {iri}
        for predicate, backwards in steps:
            if backwards:
                found = {subject for one in found for subject in self.with_value((predicate,), one)}
            else:
                found = {
                    value.value
                    for one in found
                    for name, value in self.statements.get(one, ())
                    if name == predicate.value and not isinstance(value, BlankNode)
                }
        return found

    def is_single(self, classes: Iterable[str], predicate: str) -> str:
        """Return "one" for a property with at most one value, "language" for one a language, else nothing."""
        if predicate in self.functional or self.single_anywhere.get(predicate) == "one":
            return "one"
        kinds = {self.single.get(one, {}).get(predicate, "") for one in self.classes_above(classes)}
        return (
            "one" if "one" in kinds else "language" if "language" in kinds else self.single_anywhere.get(predicate, "")
        )

    def close_to(self, iri: str, made: Iterable[str] = ()) -> str:
        """Return advice that names what was perhaps meant."""
        if iri not in self.advice:
            self.advice[iri] = self._close_to(iri, made)
        return self.advice[iri]

    def _close_to(self, iri: str, made: Iterable[str]) -> str:
        folder = iri[: max(iri.rfind("/"), iri.rfind("#")) + 1]
        known = {one for one in (*self.statements, *made) if one.startswith(folder)}
        close = difflib.get_close_matches(iri[len(folder) :], sorted(one[len(folder) :] for one in known), n=1)
        return say("Did you mean %(name)s? ", name=self.short(folder + close[0])) if close else ""

    def short(self, iri: str) -> str:
        return self.names.turtle(NamedNode(iri))


def folded(name: str) -> str:
    return sort_key(" ".join(name.replace("’", "'").split()))


def _single_values(reading: Reading) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Return, by class and for all nodes, the properties of which shapes allow one value, or one in a language."""
    said: dict[Any, dict[Any, list[Any]]] = {}
    for document in reading.documents.get(Role.SHAPES, ()):
        for statement in document.statements:
            said.setdefault(statement.subject, {}).setdefault(statement.predicate, []).append(statement.object)

    def kind(shape: Any) -> tuple[str, str]:
        told = said.get(shape, {})
        paths = told.get(SH.path, [])
        if len(paths) != 1 or not isinstance(paths[0], NamedNode):
            return "", ""
        if any(value.value == "1" for value in told.get(SH.maxCount, ())):
            return paths[0].value, "one"
        qualified = any(value.value == "1" for value in told.get(SH.qualifiedMaxCount, ()))
        by_language = any(SH.languageIn in said.get(value, {}) for value in told.get(SH.qualifiedValueShape, ()))
        unique = any(value.value == "true" for value in told.get(SH.uniqueLang, ()))
        return paths[0].value, "language" if unique or (qualified and by_language) else ""

    by_class: dict[str, dict[str, str]] = {}
    anywhere: dict[str, str] = {}
    for shape, told in said.items():
        targets = [target.value for target in told.get(SH.targetClass, ()) if isinstance(target, NamedNode)]
        if OWL.Class in told.get(RDF.type, ()) and isinstance(shape, NamedNode):
            targets.append(shape.value)
        others = any(str(predicate.value).startswith(f"{SH.iri}target") for predicate in told) and not targets
        for path, how in map(kind, told.get(SH.property, ())):
            if not how:
                continue
            for found in [by_class.setdefault(target, {}) for target in targets] + ([anywhere] if others else []):
                found[path] = "one" if "one" in (how, found.get(path)) else how
    return by_class, anywhere
