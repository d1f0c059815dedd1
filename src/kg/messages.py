"""The engine's own words in other languages: one gettext catalogue (`translations/<language>.po`) each.

What a reader's language is not known to yet is said with `say`, and put `in_language` when it is.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babel.support import Translations

__all__ = ["Said", "catalogue", "in_language", "packed", "say", "translator", "unpacked"]


#: Where the catalogues are. One more file there is one more language.
FOLDER = resources.files("kg") / "translations"


@functools.cache
def catalogue(language: str) -> Translations:
    """Return the catalogue of a language, of its main language, or an empty one (English, as in the code).

    Catalogues are read from their .po files, so that there is nothing to compile and nothing to get stale.
    """
    # A library that takes long to import: who only says something, or says it in English, does without.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    for tag in (language, language.split("-")[0]):
        file = FOLDER / f"{tag}.po"
        if file.is_file():
            compiled = io.BytesIO()
            with file.open("rb") as source:
                write_mo(compiled, read_po(source))
            compiled.seek(0)
            return Translations(compiled)
    return Translations()


class Said(str):
    """A sentence in English that still knows its parts, so that it can be said in another language."""

    template: str
    parts: dict[str, object]

    def __add__(self, other: str) -> Said:
        joined = Said(str(self) + other)
        joined.template, joined.parts = "%(first)s%(rest)s", {"first": self, "rest": other}
        return joined


def say(template: str, **parts: object) -> str:
    """Return a sentence: a template with its parts, which may have been said themselves.

    >>> say("nothing defines %(name)s", name="b:cst")
    'nothing defines b:cst'
    """
    said = Said(template % parts if parts else template)
    said.template, said.parts = template, parts
    return said


def in_language(text: str, language: str) -> str:
    """Return a text in a language as far as it was said, and is in its catalogue; any other text as it is."""
    if not isinstance(text, Said) or language == "en":
        return text
    template = translator(language)(text.template)
    parts = {name: in_language(part, language) if isinstance(part, str) else part for name, part in text.parts.items()}
    return template % parts if parts else template


def packed(text: str) -> object:
    """Return a sentence as JSON can hold it, so that it can still be said in another language by another process.

    >>> unpacked(packed(say("nothing defines %(name)s", name="b:cst"))).template
    'nothing defines %(name)s'
    """
    if not isinstance(text, Said):
        return text
    return [text.template, {n: packed(part) if isinstance(part, str) else part for n, part in text.parts.items()}]


def unpacked(written: Any) -> str:
    """Return the sentence that was packed."""
    if isinstance(written, str):
        return written
    template, parts = written
    return say(template, **{n: unpacked(part) if isinstance(part, str | list) else part for n, part in parts.items()})


def translator(language: str) -> Callable[[str], str]:
    """Return the function that puts one of the engine's sentences into a language."""
    return catalogue(language).gettext
