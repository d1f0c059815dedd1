"""Who a page is for: their language, the engine's words in it, and the names of things as they would read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

from babel import Locale, UnknownLocaleError
from babel.numbers import format_decimal
from markupsafe import Markup
from pyoxigraph import Literal, NamedNode, Triple

from kg.dates import EDTF, in_words
from kg.labels import local_name
from kg.literals import Term
from kg.messages import catalogue
from kg.snapshot import Memory, Snapshot
from kg.vocabulary import RDF, XSD
from kg.web.addresses import Addresses, is_link

__all__ = ["Names", "Reader", "Shown", "Text", "interface_language"]

_WHOLE = frozenset(XSD(name).value for name in ("integer", "nonNegativeInteger"))
_LONG = re.compile(r"-?[1-9][0-9]{4,17}", re.ASCII)
_NUMBERS = frozenset(XSD(name).value for name in ("integer", "decimal", "double", "float", "nonNegativeInteger"))
# So many things are known by name and link at once, for one kind of reader.
_MOST_KNOWN = 20_000
# What French sets with a space that does not break, and most people type with one that does.
_TOGETHER = (
    (" :", "\u00a0:"),
    (" ;", "\u202f;"),
    (" ?", "\u202f?"),
    (" !", "\u202f!"),
    ("« ", "«\u00a0"),
    (" »", "\u00a0»"),
)
# What may have a name: made once, because it is asked of each term of a page.
_NAMED = (str, NamedNode)
_MACHINE_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


def interface_language(language: str) -> str:
    """Return the language of the engine's own words for a reader: theirs if there is a catalogue, else English."""
    found = str(catalogue(language).info().get("language", "")).replace("_", "-")
    return language if found else "en"


class Text(NamedTuple):
    """A text and its language; empty for none, and for the engine's own words, which are in that of the page."""

    text: str
    language: str = ""

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def fitted(self) -> str:
        """The text as a page prints it: in French no line begins with a mark, or ends with an opening one.

        >>> Text("Qui ? Lui : « moi »", "fr").fitted
        'Qui\\u202f? Lui\\xa0: «\\xa0moi\\xa0»'
        """
        found = self.text
        if self.language[:2] == "fr":
            for typed, printed in _TOGETHER:
                found = found.replace(typed, printed)
        return found


class Shown(NamedTuple):
    """A term as a page shows it: its text, where it leads, and what the machine reads behind it."""

    text: Text
    href: str = ""
    external: bool = False
    #: A whole date for `<time datetime>`.
    date: str = ""
    number: bool = False
    #: The value as the data has it, where the text says it in words.
    exact: str = ""


@dataclass(frozen=True)
class Reader:
    """The language that a page is in. `asked` is the one in its address, empty if the browser chose."""

    language: str
    languages: Sequence[str]
    asked: str = ""

    @cached_property
    def interface(self) -> str:
        """The language of the engine's own words."""
        return interface_language(self.language)

    @cached_property
    def say(self) -> Callable[[str], str]:
        """The function that puts one of the engine's sentences into the reader's language."""
        return catalogue(self.language).gettext

    def say_number(self, one: str, many: str, number: int) -> str:
        """Return the form of a sentence for a number, in the reader's language."""
        return str(catalogue(self.language).ngettext(one, many, number))

    def write(self, sentence: str, **parts: object) -> Markup:
        """Return one of the engine's sentences as a page has it, with its parts escaped."""
        written = _written(self.language, sentence)
        return written % parts if parts else written

    def write_number(self, one: str, many: str, number: int, **parts: object) -> Markup:
        """Return the form of a sentence for a number as a page has it; `num` is the number, written out."""
        return Markup(self.say_number(one, many, number)) % {"num": self.number(number), **parts}

    @cached_property
    def reading(self) -> Sequence[str]:
        """Languages in the order in which names are looked for: the reader's, none at all, the graph's, English."""
        return tuple(dict.fromkeys((self.language, self.language.split("-")[0], "", *self.languages, "en")))

    def choose(self, texts: Mapping[str, str]) -> Text:
        """Return the text that the reader can read best, an empty one if there is none."""
        for language in (*self.reading, *sorted(texts)):
            if language in texts:
                return Text(texts[language], language)
        return Text("")

    def is_foreign(self, text: Text) -> bool:
        """Tell whether a text is in a language that the reader did not ask for."""
        return text.language not in ("", self.language, self.language.split("-")[0])

    def language_name(self, tag: str) -> str:
        """Return what a language is called in the reader's language; the tag if that is unknown."""
        try:
            return Locale.parse(tag, sep="-").get_display_name(self.interface.replace("-", "_")) or tag
        except (UnknownLocaleError, ValueError):
            return tag

    def own_name(self, tag: str) -> str:
        """Return what a language calls itself; the tag if that is unknown."""
        return _own_name(tag)

    def number(self, number: int) -> str:
        """Return a whole number as the reader writes it."""
        if 0 <= number < 1000:
            return str(number)
        try:
            return str(format_decimal(number, locale=self.interface.replace("-", "_")))
        except UnknownLocaleError:
            return str(number)

    def literal(self, term: Literal, *, sometime: bool = False) -> Shown:
        """Return a literal as the reader would say it; dates in words, intervals as `kg.dates.in_words` does.

        Whole numbers from five digits on are in groups of three; shorter ones may be years.

        >>> [Reader("en", ["en"]).literal(Literal(number)).text.text for number in (240000, 2018)]
        ['240,000', '2018']
        """
        datatype, _ = term.datatype.value, self.say
        if datatype in (EDTF, XSD.date.value):
            machine = term.value if _MACHINE_DATE.fullmatch(term.value) else ""
            words = in_words(term.value, self.language, sometime=sometime)
            return Shown(Text(words), date=machine, exact="" if words == term.value else term.value)
        if datatype == XSD.boolean.value and term.value in ("true", "false"):
            return Shown(Text(_("yes") if term.value == "true" else _("no")))
        if datatype == XSD.anyURI.value and is_link(term.value):
            return Shown(Text(term.value), href=term.value, external=True)
        text = self.number(int(term.value)) if _LONG.fullmatch(term.value) and datatype in _WHOLE else term.value
        return Shown(Text(text, term.language or ""), number=datatype in _NUMBERS)


@lru_cache(maxsize=1 << 12)
def _written(language: str, sentence: str) -> Markup:
    return Markup(catalogue(language).gettext(sentence))


@lru_cache(maxsize=256)
def _own_name(tag: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name() or tag
    except (UnknownLocaleError, ValueError):
        return tag


@dataclass
class Names:
    """Names and addresses of the things that one page mentions, fetched a batch at a time."""

    snapshot: Snapshot
    reader: Reader
    addresses: Addresses
    _labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _classes: dict[str, Sequence[str]] = field(default_factory=dict)
    _entities: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    #: By IRI the name and the link that all pages of this snapshot show to such a reader.
    _known: Memory[str, tuple[Text, Shown]] = field(init=False)

    def __post_init__(self) -> None:
        whose = (self.reader, self.addresses.public_url, self.addresses.lang, self.addresses.pin)
        self._known = self.snapshot.remembered(("names", *whose), lambda: Memory(_MOST_KNOWN))

    def learn(self, terms: Iterable[Term | str | None]) -> None:
        """Fetch what is known of the IRIs among the terms."""
        iris = {term if isinstance(term, str) else term.value for term in terms if isinstance(term, _NAMED)}
        self._fetch(self._known.without(iris) - self._seen)

    def _fetch(self, iris: set[str]) -> None:
        if iris:
            self._seen |= iris
            self._labels.update(self.snapshot.labels(iris))
            self._classes.update(self.snapshot.classes_of(iris))
            self._entities |= self.snapshot.entities_among(iris)

    def all_of(self, iri: str) -> Mapping[str, str]:
        """Return every name of a thing by language."""
        if iri not in self._seen:
            self._fetch({iri})
        return self._labels.get(iri, {})

    def name(self, iri: str) -> Text:
        """Return what a thing is called; the last part of its IRI if nothing names it."""
        return self._both(iri)[0]

    def classes(self, iri: str) -> Sequence[str]:
        """Return the most specific stated classes of an entity; none for what is not one."""
        if iri not in self._seen:
            self._fetch({iri})
        return self._classes.get(iri, [])

    def link(self, iri: str) -> Shown:
        """Return a thing by its name, with its page if there is one."""
        return self._both(iri)[1]

    def _both(self, iri: str) -> tuple[Text, Shown]:
        found = self._known.get(iri)
        if found is None:
            name = self.reader.choose(self.all_of(iri)) or Text(local_name(iri))
            found = name, self._link(iri, name)
            self._known.put(iri, found)
        return found

    def _link(self, iri: str, text: Text) -> Shown:
        # Of files that belong to no project, everything that occurs has its page here; so no IRI leads away at once.
        anything = bool(self.snapshot.default_graph)
        known = iri in self._entities
        href = self.addresses.page_of(iri, known=known or anything) or ""
        external = href == iri
        if iri == RDF.type.value and not self.all_of(iri):
            _ = self.reader.say
            text = Text(_("is a"))
        elif (external or not href or (anything and not known)) and not self.all_of(iri):
            # The last part of a foreign IRI would hide whose it is.
            text = Text(self.compact(iri))
        return Shown(text, href=href, external=external)

    def compact(self, iri: str) -> str:
        """Return an IRI by the prefix table where its rest is a plain word; else whole."""
        for prefix, namespace in self.snapshot.prefixes.items():
            if iri.startswith(namespace) and re.fullmatch(r"[\w-]+", iri[len(namespace) :]):
                return f"{prefix}:{iri[len(namespace) :]}"
        return iri

    def show(self, term: Term, predicate: NamedNode | None = None) -> Shown:
        """Return any term as the page shows it, as a value of a property if that is known."""
        if isinstance(term, NamedNode):
            return self.link(term.value)
        if isinstance(term, Literal):
            return self.reader.literal(term, sometime=self.snapshot.is_sometime(predicate))
        if isinstance(term, Triple):
            return Shown(Text(str(term)))
        _ = self.reader.say
        return Shown(Text(_("(without a name)")))
