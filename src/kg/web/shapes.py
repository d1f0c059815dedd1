"""Shapes (SHACL) as a page: for each class which properties, how many, which values, and what is said if not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.labels import local_name
from kg.snapshot import Fact
from kg.vocabulary import KG, RDF, SH
from kg.web.corrections import places
from kg.web.reader import Shown, Text
from kg.web.visits import Visit

__all__ = ["Constraint", "ShapeShown", "shapes"]

Term = NamedNode | BlankNode | Literal

# Conditions that are told in words of their own; of all others the name is told.
_TOLD_NAMES = (
    "path name description message severity order group minCount maxCount qualifiedMinCount qualifiedMaxCount "
    "qualifiedValueShape class datatype nodeKind in hasValue languageIn uniqueLang pattern flags prefixes select "
    "minInclusive maxInclusive minExclusive maxExclusive defaultValue deactivated"
)
_TOLD = frozenset(SH(name) for name in _TOLD_NAMES.split(" ")) | {RDF.type}
_BOUNDS = {
    SH.minInclusive: "≥ ",
    SH.maxInclusive: "≤ ",
    SH.minExclusive: "> ",
    SH.maxExclusive: "< ",
}


@dataclass(frozen=True)
class Constraint:
    """One thing that must hold: of which property, how many values, which ones; how bad it is if not, what is told."""

    anchor: str
    #: The name that pages give the property, and the way to its values; empty for a condition in SPARQL.
    name: Text
    path: Sequence[Shown]
    number: str
    values: Sequence[Shown]
    severity: str
    messages: Sequence[Text]
    place: str
    href: str


@dataclass(frozen=True)
class ShapeShown:
    """One node shape: the classes that it is for, and what it asks of their things."""

    anchor: str
    name: Text
    targets: Sequence[Shown]
    whole_graph: bool
    constraints: Sequence[Constraint]
    place: str
    href: str


def shapes(visit: Visit, facts: Sequence[Fact]) -> list[ShapeShown]:
    """Return the node shapes that statements make, in their order; what they share is told with each."""
    return _Reader(visit, facts).shapes()


class _Reader:
    def __init__(self, visit: Visit, facts: Sequence[Fact]) -> None:
        self.visit, self.places = visit, places(visit)
        self.facts = facts
        self._known: dict[Term, Sequence[Fact]] = {}
        by_subject: dict[Term, list[Fact]] = {}
        for fact in facts:
            by_subject.setdefault(fact.subject, []).append(fact)
        self._known.update(by_subject)
        visit.names.learn(term for fact in facts for term in (fact.object,))

    def shapes(self) -> list[ShapeShown]:
        nodes = dict.fromkeys(f.subject for f in self.facts if f.predicate == RDF.type and f.object == SH.NodeShape)
        return [self._shape(node) for node in nodes if isinstance(node, NamedNode)]

    def _of(self, node: Term) -> Sequence[Fact]:
        if node not in self._known:
            self._known[node] = self.visit.snapshot.facts(node)
        return self._known[node]

    def _all(self, node: Term, predicate: NamedNode) -> list[Term]:
        return [fact.object for fact in self._of(node) if fact.predicate == predicate]

    def _one(self, node: Term, predicate: NamedNode) -> Term | None:
        return next(iter(self._all(node, predicate)), None)

    def _texts(self, node: Term, predicate: NamedNode) -> list[Text]:
        found = [Text(v.value, v.language or "") for v in self._all(node, predicate) if isinstance(v, Literal)]
        readable = [text for text in found if not self.visit.reader.is_foreign(text)]
        return readable or found[:1]

    def _place(self, node: Term) -> tuple[str, str]:
        """Return the file and line of a node, and where that can be seen."""
        fact = next(iter(self._of(node)), None)
        if fact is None or fact.file is None:
            return "", ""
        return f"{fact.file.path}:{fact.line}", self.places.view(fact.file.path, fact.line)

    def _shape(self, node: NamedNode) -> ShapeShown:
        targets = self._all(node, SH.targetClass)
        ways = [self._show(target) for target in targets if isinstance(target, NamedNode)]
        others = (SH.targetSubjectsOf, SH.targetObjectsOf, SH.targetNode)
        ways += [self._show(one) for way in others for one in self._all(node, way)]
        severity = self._one(node, SH.severity)
        found = [self._constraint(one, severity) for one in self._all(node, SH.property)]
        found += [self._constraint(one, severity) for one in self._all(node, SH.sparql)]
        place, href = self._place(node)
        return ShapeShown(
            local_name(node.value), self.visit.names.name(node.value), ways,
            any(getattr(value, "value", "") == "true" for value in self._all(node, KG.wholeGraph)), found, place, href,
        )  # fmt: skip

    def _constraint(self, node: Term, severity: Term | None) -> Constraint:
        place, href = self._place(node)
        path = self._one(node, SH.path)
        names = {text.language: text.text for text in self._names(node)}
        return Constraint(
            local_name(node.value) if isinstance(node, NamedNode) else "",
            self.visit.reader.choose(names),
            self._path(path) if path is not None else [],
            self._number(node),
            self._values(node),
            self._severity(self._one(node, SH.severity) or severity),
            self._texts(node, SH.message),
            place,
            href,
        )

    def _names(self, node: Term) -> list[Text]:
        return [Text(v.value, v.language or "") for v in self._all(node, SH.name) if isinstance(v, Literal)]

    def _severity(self, term: Term | None) -> str:
        _ = self.visit.say
        if term == SH.Warning:
            return _("warning")
        return _("more to do") if term == SH.Info else _("violation")

    def _number(self, node: Term) -> str:
        _ = self.visit.say
        least = self._text(self._one(node, SH.minCount) or self._one(node, SH.qualifiedMinCount))
        most = self._text(self._one(node, SH.maxCount) or self._one(node, SH.qualifiedMaxCount))
        if self._text(self._one(node, SH.uniqueLang)) == "true":
            return _("at least %(least)s, one per language") % {"least": least} if least else _("one per language")
        if least and least == most:
            return _("exactly %(number)s") % {"number": least}
        if least and most:
            return _("%(least)s to %(most)s") % {"least": least, "most": most}
        if least:
            return _("at least %(number)s") % {"number": least}
        return _("at most %(number)s") % {"number": most} if most else _("any number")

    def _values(self, node: Term) -> list[Shown]:
        _ = self.visit.say
        found: list[Shown] = []
        qualified = self._all(node, SH.qualifiedValueShape)
        for one in (node, *qualified):
            for predicate in (SH("class"), SH.datatype, SH.hasValue, SH.nodeKind):
                found += [self._show(value) for value in self._all(one, predicate)]
            for predicate in (SH("in"), SH.languageIn):
                found += [self._show(item) for value in self._all(one, predicate) for item in self._items(value)]
            found += [Shown(Text(sign + self._text(v))) for p, sign in _BOUNDS.items() for v in self._all(one, p)]
            found += [
                Shown(Text(_("like %(pattern)s") % {"pattern": self._text(v)})) for v in self._all(one, SH.pattern)
            ]
        others = {f.predicate for f in self._of(node)} - _TOLD
        named = sorted(self.visit.names.compact(one.value) for one in others if one.value.startswith(SH.iri))
        return found + [Shown(Text(name)) for name in named]

    def _path(self, path: Term) -> list[Shown]:
        """Return the steps of a path and the signs between them; an arrow is before one walked backwards."""
        if isinstance(path, NamedNode):
            return [self._show(path)]
        if (inverse := self._one(path, SH.inversePath)) is not None:
            steps = self._path(inverse)
            return [step._replace(text=Text("← " + step.text.text, step.text.language)) for step in steps]
        for way in ("alternativePath", "zeroOrMorePath", "oneOrMorePath", "zeroOrOnePath"):
            if (inner := self._one(path, SH(way))) is not None:
                return self._joined(self._items(inner) or [inner], "|")
        return self._joined(self._items(path), "/")

    def _joined(self, parts: Sequence[Term], sign: str) -> list[Shown]:
        found: list[Shown] = []
        for part in parts:
            found += [Shown(Text(sign))] if found else []
            found += self._path(part)
        return found

    def _show(self, term: Term) -> Shown:
        if isinstance(term, NamedNode) and not self.visit.names.all_of(term.value):
            return self.visit.names.link(term.value)._replace(text=Text(self.visit.names.compact(term.value)))
        return self.visit.names.show(term)

    def _items(self, start: Term) -> list[Term]:
        found: list[Term] = []
        seen: set[Term] = set()
        node: Term | None = start
        while isinstance(node, BlankNode) and node not in seen:
            seen.add(node)
            first = self._one(node, RDF.first)
            found += [first] if first is not None else []
            node = self._one(node, RDF.rest)
        return found

    @staticmethod
    def _text(term: Term | None) -> str:
        return term.value if term is not None else ""
