"""The engine's words in other languages: every sentence, and nothing else."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po
from flask.testing import FlaskClient
from jinja2 import Environment
from tests.web.pages import BASE, HTML, Page
from tests.web.test_pages import KINDS

from kg import messages
from kg.citations import FORMATS as CITATIONS
from kg.snapshot import Snapshot, open_snapshot
from kg.web import create_app
from kg.web.reader import interface_language
from kg.writers import FORMATS

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


def test_french_words_have_spaces_that_do_not_break() -> None:
    """A mark never begins a line: a no-break space before ":" and in quotation marks, a narrow one before ";!?"."""
    with (ROOT / "translations" / "fr.po").open("rb") as file:
        texts = [
            text
            for one in read_po(file)
            if one.id
            for text in (one.string if isinstance(one.string, tuple) else [one.string])
        ]
    spaces = re.compile("«(?!\u00a0)|(?<!\u00a0)»|[^\\S\u00a0]:(?!\\w)|[^\\S\u202f][;!?](?![%\\w])|\\w[;!?](?!\\w)")
    assert [text for text in texts if spaces.search(text)] == []


def test_language_without_a_catalogue_gets_english_words() -> None:
    assert [interface_language(tag) for tag in ("en", "fr", "fr-ca", "cy", "de")] == ["en", "fr", "fr-ca", "en", "en"]


# --- a third language is one catalogue -------------------------------------------------------------------

#: A language that nobody speaks: each sentence is its English one in brackets that nothing else has.
THIRD = "qaa"
#: Words that are the same in every language: names of formats and files, and the name that a language has for itself.
FORMAT_NAMES = [found.name for found in (*FORMATS.values(), *CITATIONS.values())]
NAMES = {*FORMAT_NAMES, "CSV", "TSV", "JSON", "SPARQL", "SHA256SUMS", "Cymraeg"}
ERRORS = ["/views/bells?unknown=1", "/?format=nothing", "/snapshot/0123456789abcdef/dataset", "/doc/bell/y-faw.html"]
SOURCES = ["/sources", "/sources?source=" + BASE + "id/document/glockenbuch"]
PAGES = [*KINDS, *ERRORS, *SOURCES, "/graphs", "/sparql", "/search?q=cloch&page=99"]


def in_brackets(text: str) -> str:
    return f"\u27e6{text}\u27e7"


Site = tuple[FlaskClient, Snapshot]


@pytest.fixture(scope="module")
def third(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The bells for readers of the third language, which has a catalogue and nothing else."""
    catalogue = Catalog(locale=None, fuzzy=False)
    catalogue.mime_headers = [("Language", THIRD), ("Plural-Forms", "nplurals=2; plural=(n != 1);")]
    for one in sentences():
        catalogue.add(one, in_brackets(one) if isinstance(one, str) else tuple(map(in_brackets, one)))
    folder, text = tmp_path_factory.mktemp("translations"), io.BytesIO()
    write_po(text, catalogue)
    header = f'msgid ""\nmsgstr ""\n"Language: {THIRD}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    header += '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
    entries = text.getvalue().decode().split("\n\n", 1)[1]
    (folder / f"{THIRD}.po").write_text(header + entries, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "FOLDER", folder)
        messages.catalogue.cache_clear()
        settings = (Path(__file__).parents[1] / "worlds" / "bells" / "kg.toml").read_text(encoding="utf-8")
        settings = settings.replace('languages = ["cy", "de"]', f'languages = ["{THIRD}", "cy"]')
        snapshots = make(**{"kg.toml": settings})
        yield create_app(snapshots).test_client(), open_snapshot((snapshots / "current").resolve())
    messages.catalogue.cache_clear()


def words_of_the_data(snapshot: Snapshot) -> str:
    """Everything that the data, its settings and its questions say, in one text."""
    found = [value for (value,) in snapshot.rows("SELECT value FROM term")]
    found += [part for row in snapshot.rows("SELECT header, query FROM view") for part in row]
    found += [str(snapshot.settings), str(snapshot.prefixes), str(snapshot.kinds()), *snapshot.paths]
    return " ".join(found).casefold()


@pytest.mark.parametrize("address", PAGES)
def test_every_word_of_the_interface_is_in_the_readers_language(third: Site, address: str) -> None:
    client, snapshot = third
    response = client.get(address, headers={**HTML, "Accept-Language": THIRD})
    assert response.headers["Content-Language"] == THIRD
    page, known = Page(response.text), words_of_the_data(snapshot) + address
    shown = [text for name, text in page.lines() if name not in ("script", "style", "code", "pre", "textarea")]
    for _, attributes, _ in page.elements:
        shown += [attributes[name] for name in ("aria-label", "title", "placeholder", "alt") if name in attributes]
    left = []
    for text in shown:
        bare = text
        while (fewer := re.sub("\u27e6[^\u27e6\u27e7]*\u27e7", " ", bare)) != bare:
            bare = fewer
        # Addresses, types and files; names of formats.
        bare = re.sub(r"\S*/\S*|\S+\.\S+|" + "|".join(map(re.escape, NAMES)), " ", bare)
        left += [word for word in re.findall(r"[^\W\d_]{2,}", bare) if word.casefold() not in known]
    assert left == []
    assert page.all("html")[0]["lang"] == THIRD
    assert page.all("body") == [{}]


@pytest.mark.parametrize("path", sorted((ROOT / "web" / "templates").iterdir()), ids=lambda path: path.name)
def test_template_says_nothing_that_is_not_translated(path: Path) -> None:
    """Outside of `_(…)` a template has markup only, also in parts that no test shows."""
    tokens = Environment(extensions=["jinja2.ext.i18n"], trim_blocks=True).lex(path.read_text(encoding="utf-8"))
    markup = "".join(value if kind == "data" else "\u00b7" for _, kind, value in tokens if kind != "comment")
    spoken = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', markup)
    bare = re.sub(r'[\w-]+="[^"]*"', "", markup)
    spoken += [text for name, text in Page(bare).lines() if name not in ("code", "pre", "script")]
    assert {text.strip() for text in spoken if re.search(r"[A-Za-z]{2}", text)} <= NAMES
