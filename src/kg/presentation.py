"""How shapes ask for properties to be shown: in which groups and order, under which names."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain, product
from typing import TypedDict

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.project import Reading, Role
from kg.vocabulary import OWL, RDF, RDFS, SH

__all__ = ["Arrangement", "GroupShown", "Presentation", "PropertyShown", "arrange", "presentation"]

Term = NamedNode | BlankNode | Literal


class PropertyShown(TypedDict):
    """How a property is shown: the IRI of its group, its place in it (None: last), its name per language."""

    group: str | None
    order: float | None
    names: dict[str, str]


class GroupShown(TypedDict):
    """How a group of properties is shown: its place (None: last) and its heading per language."""

    order: float | None
    labels: dict[str, str]


class Presentation(TypedDict):
    """What shapes say about showing: per class IRI its properties by IRI, and the groups by IRI. Plain JSON."""

    classes: dict[str, dict[str, PropertyShown]]
    groups: dict[str, GroupShown]


def presentation(reading: Reading) -> Presentation:
    """Return what the shapes say about showing the properties of each class.

    It is read from node shapes with sh:targetClass, or that are classes themselves, and their property shapes
    whose path is one IRI: sh:group, sh:order, sh:name; and from each sh:PropertyGroup: sh:order, rdfs:label.
    Where several shapes speak of one property of a class, the lowest order and the first group and name by IRI
    count. A text without a language has the key "".
    """
    objects: dict[tuple[Term, Term], list[Term]] = {}
    documents = reading.documents.get(Role.SHAPES, ())
    for document in documents:
        for statement in document.statements:
            objects.setdefault((statement.subject, statement.predicate), []).append(statement.object)
    classes = {
        statement.subject
        for document in chain(documents, reading.documents.get(Role.ONTOLOGY, ()))
        for statement in document.statements
        if statement.predicate == RDF.type and statement.object in (OWL("Class"), RDFS("Class"))
    }

    def texts(node: Term, predicate: NamedNode) -> dict[str, str]:
        found = [text for text in objects.get((node, predicate), ()) if isinstance(text, Literal)]
        return {text.language or "": text.value for text in sorted(found, key=str, reverse=True)}

    def order(node: Term) -> float | None:
        numbers = [_number(value) for value in objects.get((node, SH.order), ()) if isinstance(value, Literal)]
        return min((number for number in numbers if number is not None), default=None)

    shown: Presentation = {"classes": {}, "groups": {}}
    for (node, predicate), nested in sorted(objects.items(), key=lambda item: str(item[0])):
        if predicate != SH.property:
            continue
        targets = {target for target in objects.get((node, SH.targetClass), ()) if isinstance(target, NamedNode)}
        if node in classes and isinstance(node, NamedNode):
            targets.add(node)
        for shape, target in product(sorted(nested, key=str), sorted(targets, key=str)):
            paths = objects.get((shape, SH.path), [])
            if len(paths) != 1 or not isinstance(paths[0], NamedNode):
                continue
            groups = sorted(group.value for group in objects.get((shape, SH.group), ()) if isinstance(group, NamedNode))
            fresh: PropertyShown = {
                "group": groups[0] if groups else None,
                "order": order(shape),
                "names": texts(shape, SH.name),
            }
            properties = shown["classes"].setdefault(target.value, {})
            properties[paths[0].value] = _merged(properties.get(paths[0].value), fresh)
    used = {one["group"] for properties in shown["classes"].values() for one in properties.values()}
    declared = {
        node.value
        for (node, predicate), values in objects.items()
        if predicate == RDF.type and SH.PropertyGroup in values and isinstance(node, NamedNode)
    }
    for iri in sorted((used - {None}) | declared):  # type: ignore[type-var]
        group = NamedNode(str(iri))
        shown["groups"][group.value] = {"order": order(group), "labels": texts(group, RDFS.label)}
    return shown


def _merged(one: PropertyShown | None, other: PropertyShown) -> PropertyShown:
    if one is None:
        return other
    orders = [order for order in (one["order"], other["order"]) if order is not None]
    return {
        "group": one["group"] or other["group"],
        "order": min(orders, default=None),
        "names": {**other["names"], **one["names"]},
    }


def _number(literal: Literal) -> float | None:
    try:
        number = float(literal.value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


#: Groups in order (None: properties without one), each with its properties (IRI, names) in order.
Arrangement = list[tuple[str | None, list[tuple[str, dict[str, str]]]]]


def arrange(shown: Presentation, classes: Iterable[str]) -> Arrangement:
    """Return the groups of a thing of these classes in order, each with its properties (IRI, names) in order.

    Properties without a group come last, under None; so does, within its group, a property without an order.
    """
    merged: dict[str, PropertyShown] = {}
    for one in sorted(set(classes)):
        for iri, told in shown["classes"].get(one, {}).items():
            merged[iri] = _merged(merged.get(iri), told)
    grouped: dict[str | None, list[str]] = {}
    for iri in sorted(merged, key=lambda iri: (*_last(merged[iri]["order"]), iri)):
        grouped.setdefault(merged[iri]["group"], []).append(iri)

    def rank(group: str | None) -> tuple[bool, bool, float, str]:
        order = shown["groups"][group]["order"] if group in shown["groups"] else None
        return group is None, *_last(order), group or ""

    return [(group, [(iri, merged[iri]["names"]) for iri in grouped[group]]) for group in sorted(grouped, key=rank)]


def _last(order: float | None) -> tuple[bool, float]:
    return order is None, order or 0.0
