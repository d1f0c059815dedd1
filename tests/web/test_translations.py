"""The engine's words in other languages: every sentence, and nothing else."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from kg.web.reader import interface_language

ROOT = Path(__file__).parents[2] / "src" / "kg"
METHODS = [("web/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"web/templates/**.html": {"newstyle_gettext": "true", "trimmed": "true"}}
CATALOGUES = sorted(
    path.name for path in (resources.files("kg") / "translations").iterdir() if path.name.endswith(".po")
)


def sentences() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(ROOT, METHODS, OPTIONS, keywords={**DEFAULT_KEYWORDS, "say": None})
    return {tuple(message) if isinstance(message, tuple) else message for _, _, message, _, _ in found}


@pytest.mark.parametrize("name", CATALOGUES)
def test_catalogue_has_every_sentence_and_no_other(name: str) -> None:
    with (ROOT / "translations" / name).open("rb") as file:
        catalogue = read_po(file)
    known = {message.id: message for message in catalogue if message.id}
    wanted = sentences()
    assert not wanted - known.keys(), "translate these"
    assert not known.keys() - wanted, "remove these"
    assert not catalogue.obsolete
    for message in known.values():
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        assert all(texts), message.id
        assert not message.fuzzy, message.id
        for text in texts:
            assert set(re.findall(r"%\(\w+\)s", text)) == set(re.findall(r"%\(\w+\)s", ids[0])), message.id


def test_language_without_a_catalogue_gets_english_words() -> None:
    assert [interface_language(tag) for tag in ("en", "fr", "fr-ca", "cy", "de")] == ["en", "fr", "fr-ca", "en", "en"]
