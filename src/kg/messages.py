"""The engine's own words in other languages: one gettext catalogue (`translations/<language>.po`) each."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from importlib import resources

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

__all__ = ["catalogue", "translator"]


@functools.cache
def catalogue(language: str) -> Translations:
    """Return the catalogue of a language, of its main language, or an empty one (English, as in the code).

    Catalogues are read from their .po files, so that there is nothing to compile and nothing to get stale.
    """
    folder = resources.files("kg") / "translations"
    for tag in (language, language.split("-")[0]):
        file = folder / f"{tag}.po"
        if file.is_file():
            compiled = io.BytesIO()
            with file.open("rb") as source:
                write_mo(compiled, read_po(source))
            compiled.seek(0)
            return Translations(compiled)
    return Translations()


def translator(language: str) -> Callable[[str], str]:
    """Return the function that puts one of the engine's sentences into a language."""
    return catalogue(language).gettext
