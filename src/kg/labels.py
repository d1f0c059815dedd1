"""What things are called: the names that files give, and a name worked out for a relation that has none."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from kg.messages import translator
from kg.vocabulary import LABELS, RDF

__all__ = ["choose", "compact", "labels_in", "local_name", "sort_key", "worked_out_labels"]

Node = NamedNode | BlankNode


def choose(labels: Mapping[str, str], languages: Sequence[str]) -> tuple[str, str]:
    """Return a name and its language: the first that the reader knows, else any, always the same one.

    >>> choose({"fr": "Cloche", "": "BELL"}, ["en", "fr"])
    ('Cloche', 'fr')
    """
    for language in languages:
        if language in labels:
            return labels[language], language
    first = min(labels)
    return labels[first], first


def local_name(iri: str) -> str:
    """Return the last part of an IRI, for a thing that nothing names."""
    return iri.rstrip("/#").rsplit("#", 1)[-1].rsplit("/", 1)[-1] or iri


# Letters that no accent makes, as the base that readers of the Latin alphabet look for.
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"})


def sort_key(text: str) -> str:
    """Return a text as it sorts for readers: without case and accents."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in folded if not unicodedata.combining(character)).translate(_LETTERS)


def compact(iri: str, prefixes: Mapping[str, str]) -> str:
    """Return an IRI as a prefixed name by the longest namespace that fits; else between angle brackets."""
    fitting = [(namespace, prefix) for prefix, namespace in prefixes.items() if iri.startswith(namespace)]
    if not fitting:
        return f"<{iri}>"
    namespace, prefix = max(fitting, key=lambda pair: len(pair[0]))
    return f"{prefix}:{iri[len(namespace) :]}"


def labels_in(quads: Iterable[Quad]) -> dict[Node, dict[str, str]]:
    """Return the name of each thing in each language: of the best property, and there the first by alphabet."""
    ranked: dict[Node, dict[str, tuple[int, str]]] = {}
    order = {predicate: rank for rank, predicate in enumerate(LABELS)}
    for quad in quads:
        rank = order.get(quad.predicate)
        if rank is not None and isinstance(quad.object, Literal):
            names = ranked.setdefault(quad.subject, {})  # type: ignore[arg-type]
            language = quad.object.language or ""
            candidate = (rank, quad.object.value)
            names[language] = min(names.get(language, candidate), candidate)
    return {node: {tag: text for tag, (_, text) in names.items()} for node, names in ranked.items()}


def worked_out_labels(
    classes: Sequence[NamedNode],
    quads: Sequence[Quad],
    labels: Mapping[Node, Mapping[str, str]],
    *,
    languages: Sequence[str],
    order: Mapping[str, int],
) -> dict[str, str]:
    """Return a name per language for a relation that has none: its class and the first two things that it links.

    `quads` are the relation's own; `order` ranks properties by IRI, as the shapes do.
    """
    by_property: dict[NamedNode, list[NamedNode]] = {}
    for quad in quads:
        if quad.predicate != RDF.type and isinstance(quad.object, NamedNode) and quad.object in labels:
            by_property.setdefault(quad.predicate, []).append(quad.object)
    ranked = sorted(by_property, key=lambda predicate: (order.get(predicate.value, float("inf")), predicate.value))
    found: dict[str, str] = {}
    for language in languages:
        reading, _ = [language, *languages], translator(language)
        parts: list[str] = []
        told: set[NamedNode] = set()  # a founding member is a member too, and named once
        for predicate in ranked:
            things = set(by_property[predicate]) - told
            told |= things
            values = sorted({choose(labels[value], reading)[0] for value in things})
            room = 2 - len(parts)
            parts += [*values[: room - 1], values[room - 1] + "…"] if len(values) > room else values
            if len(parts) == 2:
                break
        named = [choose(labels[kind], reading)[0] if kind in labels else local_name(kind.value) for kind in classes]
        kind = named[0][:1].upper() + named[0][1:]
        found[language] = _("%(kind)s: %(things)s") % {"kind": kind, "things": " – ".join(parts)} if parts else kind
    return found
