"""Triples as numbers, for what looks up very many of them: a term's number is the same in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator

from pyoxigraph import BlankNode, Literal, NamedNode

from kg.vocabulary import RDFS

__all__ = ["Numbers", "Pattern", "Triples"]

Term = NamedNode | BlankNode | Literal
Numbers = tuple[int, int, int]
Pattern = tuple[int | None, int | None, int | None]

_MASK = (1 << 63) - 1
_NOTHING: dict[int, None] = {}


def _number(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    # Never 0, which stands for any term where patterns are summed up.
    return int.from_bytes(digest, "big") & _MASK or 1


class Triples:
    """A set of triples, by subject and by object, to which some can be added for a while."""

    def __init__(self) -> None:
        self.numbers: dict[Term, int] = {}
        self.terms: dict[int, Term] = {}
        #: Subject to predicate to objects, and predicate to object to subjects; in the order in which they came.
        self.out: dict[int, dict[int, dict[int, None]]] = {}
        self.into: dict[int, dict[int, dict[int, None]]] = {}
        self.subclass = self.number(RDFS.subClassOf)
        self._above: dict[int, frozenset[int]] = {}
        self._below: dict[int, frozenset[int]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def number(self, term: Term) -> int:
        """Return the number of a term, whether or not a triple has it."""
        found = self.numbers.get(term)
        if found is None:
            text = str(term)
            found = _number(text)
            while found in self.terms:  # two terms of one number: not seen in the life of anybody
                text += "\0"
                found = _number(text)
            self.numbers[term] = found
            self.terms[found] = term
        return found

    def add(self, triple: Numbers) -> bool:
        """Add a triple; tell whether it was not there."""
        subject, predicate, value = triple
        objects = self.out.setdefault(subject, {}).setdefault(predicate, {})
        if value in objects:
            return False
        objects[value] = None
        self.into.setdefault(predicate, {}).setdefault(value, {})[subject] = None
        self._size += 1
        if predicate == self.subclass:
            self._forget()
        return True

    def remove(self, triple: Numbers) -> None:
        """Take a triple away that is there."""
        subject, predicate, value = triple
        of_subject, of_predicate = self.out[subject], self.into[predicate]
        del of_subject[predicate][value], of_predicate[value][subject]
        if not of_subject[predicate]:
            del of_subject[predicate]
        if not of_subject:
            del self.out[subject]
        if not of_predicate[value]:
            del of_predicate[value]
        self._size -= 1
        if predicate == self.subclass:
            self._forget()

    def objects(self, subject: int, predicate: int) -> Collection[int]:
        """Return the objects of a subject's predicate."""
        found = self.out.get(subject)
        return found.get(predicate, _NOTHING) if found else _NOTHING

    def subjects(self, predicate: int, value: int) -> Collection[int]:
        """Return the subjects that have an object."""
        found = self.into.get(predicate)
        return found.get(value, _NOTHING) if found else _NOTHING

    def matching(self, pattern: Pattern) -> Iterator[Numbers]:
        """Give the triples of a pattern: None for any term."""
        subject, predicate, value = pattern
        if subject is not None:
            of_subject = self.out.get(subject, {})
            for verb in of_subject if predicate is None else (predicate,):
                objects = of_subject.get(verb, _NOTHING)
                for one in objects if value is None else (value,):
                    if one in objects:
                        yield subject, verb, one
            return
        for verb in self.into if predicate is None else (predicate,):
            of_predicate = self.into.get(verb, {})
            for one in of_predicate if value is None else (value,):
                for start in of_predicate.get(one, _NOTHING):
                    yield start, verb, one

    def above(self, name: int) -> frozenset[int]:
        """Return a class and all classes that it is below."""
        if name not in self._above:
            self._above[name] = self._reached(name, lambda node: self.objects(node, self.subclass))
        return self._above[name]

    def below(self, name: int) -> frozenset[int]:
        """Return a class and all classes below it."""
        if name not in self._below:
            self._below[name] = self._reached(name, lambda node: self.subjects(self.subclass, node))
        return self._below[name]

    def _reached(self, start: int, step: Callable[[int], Collection[int]]) -> frozenset[int]:
        found, border = {start}, [start]
        while border:
            for node in step(border.pop()):
                if node not in found:
                    found.add(node)
                    border.append(node)
        return frozenset(found)

    def _forget(self) -> None:
        self._above.clear()
        self._below.clear()
