"""What `kg.toml` may say: every setting with its default and meaning, read into one typed, frozen object."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from kg.errors import SettingsError
from kg.facets import is_facet

__all__ = ["FILE_NAME", "Settings", "is_language", "load_settings"]

FILE_NAME = "kg.toml"

# A check takes a value from TOML and returns it typed, or raises ValueError(what was expected).
Check = Callable[[Any], Any]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text between quotation marks")
    return value


def _iri(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r'https?://[^\s<>"{}|\\^`]+', value):
        return value
    raise ValueError('an absolute IRI such as "https://example.org/graph/"')


def _contact(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r'(https?://|mailto:[^\s@]+@)[^\s<>"{}|\\^`]+', value):
        return value
    raise ValueError('an address such as "mailto:us@example.org" or "https://example.org/contact"')


def _template(*needed: str) -> Check:
    """Make the check of an address with places to be filled, such as {path}: all in `needed`, and no unknown ones."""

    def check(value: Any) -> str:
        names = set(re.findall(r"\{([^{}]*)\}", value)) if isinstance(value, str) else set()
        if (
            isinstance(value, str)
            and re.fullmatch(r'https?://[^\s<>"|\\^`]+', value)
            and set(needed) <= names <= {"path", "line", "commit"}
        ):
            return value
        raise ValueError(
            'an address with {path}, and perhaps {line} and {commit}, such as "https://forge.example/{path}"'
        )

    return check


def _corrections(value: Any) -> str:
    names = set(re.findall(r"\{([^{}]*)\}", value)) if isinstance(value, str) else set()
    if (
        isinstance(value, str)
        and re.fullmatch(r'(https?://|mailto:[^\s@]+@)[^\s<>"|\\^`]+', value)
        and names <= {"subject", "body"}
    ):
        return value
    raise ValueError('a "mailto:us@example.org", or an address with {subject} and {body}')


def _base(value: Any) -> str:
    iri = _iri(value)
    if not iri.endswith("/"):
        raise ValueError('an absolute IRI that ends in "/"')
    return iri


def _site(value: Any) -> str:
    return "" if value == "" else _iri(value).rstrip("/")


def _folder(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", value) or ".." in value.split("/"):
        raise ValueError('a folder inside the repository, such as "data/turtle"')
    return value


def _path(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w-]+(/[\w-]+)*", value):
        raise ValueError('a path of words under base_iri, such as "ontology"')
    return value


def _optional_name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w-]*", value):
        raise ValueError("a name of letters, digits and hyphens")
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(item and isinstance(item, str) for item in value):
        raise ValueError('a list of names such as ["disagreements"]')
    return tuple(_optional_name(item) for item in value)


def _curie(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w-]*:[\w-]+", value):
        raise ValueError('a prefixed name such as "dcterms:source"')
    return value


def _curies(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError('a list of prefixed names such as ["ex:page"]')
    return tuple(_curie(item) for item in value)


def _facets(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and is_facet(item) for item in value):
        raise ValueError('a list of properties or of paths to a class, such as ["ex:metal", "ex:at/ex:in a ex:Town"]')
    return tuple(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("a list of texts")
    return tuple(_text(item) for item in value)


def is_language(tag: str) -> bool:
    """Tell whether a text may be the tag of a language of pages."""
    return re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", tag) is not None


def _languages(value: Any) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(tag, str) and is_language(tag) for tag in value)
        or len(set(value)) != len(value)
    ):
        raise ValueError('a list of distinct lower-case language tags such as ["en", "fr"]')
    return tuple(value)


def _interval(value: Any) -> str:
    day = r"-?\d{4}(-\d\d(-\d\d)?)?"
    if not isinstance(value, str) or not re.fullmatch(rf"{day}/({day}|\.\.)", value):
        raise ValueError('two dates such as "1980/2020" or "1980-05/.."')
    return value


def _by_language(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not value:
        raise ValueError('a text per language, such as { en = "Bells", fr = "Cloches" }')
    _languages(list(value))
    return {tag: _text(text) for tag, text in value.items()}


def _count(lowest: int, highest: int) -> Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise ValueError(f"a whole number from {lowest} to {highest}")
        return value

    return check


def _share(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise ValueError("a share, more than 0 and at most 1")
    return float(value)


def _setting(key: str, check: Check, help_text: str, default: Any = MISSING) -> Any:
    extra: dict[str, Any] = {} if default is MISSING else {"default": default}
    if isinstance(default, dict):
        extra = {"default_factory": lambda: dict(default)}
    return field(metadata={"key": key, "check": check, "help": help_text}, **extra)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one graph, each already checked. The names in `kg.toml` stand in each field's metadata."""

    base_iri: str = _setting("base_iri", _base, "What every IRI of this graph begins with. It never changes.")
    title: Mapping[str, str] = _setting("title", _by_language, "The name of the graph, per language.")
    description: Mapping[str, str] = _setting(
        "description", _by_language, "What the graph is, in two sentences, per language.", {}
    )
    languages: tuple[str, ...] = _setting(
        "languages", _languages, "Languages of the pages, the preferred one first.", ("en",)
    )
    licence: str = _setting("licence", _iri, "IRI of the licence of the data.", "")
    creator: str = _setting("creator", _text, "Who answers for the graph.", "")
    attributions: tuple[str, ...] = _setting(
        "attributions", _texts, "Sentences that must stand wherever the data is shown.", ()
    )
    creator_url: str = _setting("creator_url", _iri, "IRI of who answers for the graph, for machines.", "")
    keywords: tuple[str, ...] = _setting("keywords", _texts, "Words under which catalogues list the graph.", ())
    temporal_coverage: str = _setting(
        "temporal_coverage", _interval, "The years that the graph is about: the first and the last, ISO 8601.", ""
    )
    spatial_coverage: Mapping[str, str] = _setting(
        "spatial_coverage", _by_language, "The part of the world that the graph is about, per language.", {}
    )
    privacy: Mapping[str, str] = _setting(
        "privacy",
        _by_language,
        "What the graph says of persons, and how to have something removed, in a few sentences per language.",
        {},
    )
    contact: str = _setting("contact", _contact, "Where mistakes are told: a mailto: or a page.", "")
    corrections: str = _setting(
        "corrections",
        _corrections,
        "Where corrections are suggested: a mailto:, or an address with {subject} and {body} of the message.",
        "",
    )
    view_address: str = _setting(
        "repository.view",
        _template("path"),
        "Where a line of a file can be seen: an address with {path}, {line} and {commit}.",
        "",
    )
    edit_address: str = _setting(
        "repository.edit", _template("path"), "Where a file can be edited: an address with {path} and {line}.", ""
    )
    public_url: str = _setting(
        "public_url", _site, "Where the documents are, without a slash at the end. Empty: the address served.", ""
    )
    ontology: str = _setting("ontology", _path, "The ontology's IRI, as a path under base_iri.", "ontology")

    ontology_folder: str = _setting("folders.ontology", _folder, "OWL, SKOS and the prefix table.", "ontology")
    data_folder: str = _setting("folders.data", _folder, "Turtle files: the register and the sources.", "data/turtle")
    shapes_folder: str = _setting("folders.shapes", _folder, "SHACL shapes.", "shapes")
    views_folder: str = _setting("folders.views", _folder, "Saved questions.", "views")

    register: str = _setting(
        "provenance.register", _folder, "The part of the data folder that says which things exist.", "register"
    )
    source: str = _setting(
        "provenance.source", _curie, "The property by which a file's header names its source.", "dcterms:source"
    )
    passages: tuple[str, ...] = _setting(
        "provenance.passages",
        _curies,
        "Properties that point to a passage of the source. In a source file each subject, or the header, has one. "
        "Empty: locators are not asked for.",
        (),
    )
    locators: tuple[str, ...] = _setting(
        "provenance.locators", _curies, "Properties shown in a footnote after the source, in this order.", ()
    )
    qualifiers: tuple[str, ...] = _setting(
        "provenance.qualifiers",
        _curies,
        "Properties that say of a node in a file how far it can be relied on. Pages show them as marks.",
        (),
    )
    usual: tuple[str, ...] = _setting(
        "provenance.usual", _curies, "Values of the qualifiers that go without saying: pages do not mark them.", ()
    )
    remarks: tuple[str, ...] = _setting(
        "provenance.remarks",
        _curies,
        "Properties whose texts are remarks of the curators. Pages show them on demand.",
        (),
    )

    home_view: str = _setting("home.view", _optional_name, "The view shown on the home page.", "")
    home_figures: tuple[str, ...] = _setting(
        "home.figures", _names, "Views whose numbers of rows stand among the figures of the home page.", ()
    )

    facets: tuple[str, ...] = _setting(
        "browse.facets", _facets, "Properties by whose values searches and lists are narrowed down, in this order.", ()
    )
    columns: int = _setting("browse.columns", _count(0, 50), "Columns of a list, beside the names.", 5)

    page_length: int = _setting("limits.page_length", _count(1, 10_000), "Rows of a list on one page.", 100)
    search_length: int = _setting("limits.search_length", _count(10, 10_000), "Characters of a search.", 200)
    document_length: int = _setting(
        "limits.document_length", _count(1, 10_000), "Relations and mentions on one page of a document.", 50
    )
    view_seconds: int = _setting("limits.view_seconds", _count(1, 3600), "Time for one view at build.", 30)
    shape_seconds: int = _setting(
        "limits.shape_seconds", _count(1, 3600), "Time for one shape and one node at a check.", 30
    )
    file_megabytes: int = _setting("limits.file_megabytes", _count(1, 10_000), "Size of one Turtle file.", 64)
    query_length: int = _setting("limits.query_length", _count(100, 1_000_000), "Characters of a query.", 100_000)
    query_nesting: int = _setting("limits.query_nesting", _count(5, 1000), "Depth of brackets in a query.", 100)
    query_seconds: int = _setting("limits.query_seconds", _count(1, 3600), "Time for one query of a client.", 10)
    query_memory: int = _setting(
        "limits.query_memory", _count(16, 1 << 20), "Memory for one query of a client, in MiB, beyond the graph's.", 512
    )
    result_rows: int = _setting(
        "limits.result_rows", _count(1, 1_000_000_000), "Rows of a result, or triples; what is longer is cut.", 100_000
    )
    result_bytes: int = _setting(
        "limits.result_bytes", _count(1000, 1 << 40), "Bytes of a result; what is longer is cut.", 64 << 20
    )

    head_bytes: int = _setting("limits.head_bytes", _count(8192, 1 << 20), "Bytes of the head of a request.", 65_536)
    head_seconds: int = _setting(
        "limits.head_seconds", _count(1, 60), "Time for the head of a request, and between two on one connection.", 10
    )
    request_bytes: int = _setting(
        "limits.request_bytes", _count(0, 1 << 30), "Bytes of the body of a request.", 1 << 20
    )
    body_seconds: int = _setting("limits.body_seconds", _count(1, 3600), "Time for the body of a request.", 30)
    answer_seconds: int = _setting("limits.answer_seconds", _count(1, 3600), "Time for a client to take an answer.", 60)
    held_bytes: int = _setting(
        "limits.held_bytes",
        _count(1 << 20, 1 << 40),
        "Bytes of request bodies and of answers that clients have not taken yet.",
        256 << 20,
    )
    connections: int = _setting("limits.connections", _count(16, 1_000_000), "Connections that are open at once.", 4096)
    waiting: int = _setting("limits.waiting", _count(1, 100_000), "Requests that wait for a thread.", 256)
    queue: int = _setting("limits.queue", _count(1, 10_000), "Queries that wait for their turn, of all clients.", 32)
    queue_seconds: int = _setting("limits.queue_seconds", _count(1, 3600), "Time that a query waits for its turn.", 10)
    client_share: float = _setting(
        "limits.client_share",
        _share,
        "Share of the public executors, the queue and held bytes that one client may have.",
        0.5,
    )

    snapshot_folder: str = _setting("snapshots.folder", _folder, "Where snapshots are built and kept.", ".kg")
    snapshots_kept: int = _setting("snapshots.keep", _count(2, 1000), "How many snapshots stay, the newest first.", 3)

    threads: int = _setting("server.threads", _count(1, 256), "Threads that answer requests.", 4)
    executors: int = _setting(
        "server.executors", _count(1, 64), "Processes that answer the queries of clients, each one at a time.", 2
    )
    site_executors: int = _setting(
        "server.site_executors", _count(1, 64), "Processes that answer the queries of the site's own pages.", 1
    )
    proxies: int = _setting(
        "server.proxies", _count(0, 16), "Proxies in front of the server whose word is believed.", 0
    )
    response_cache: int = _setting(
        "server.response_cache", _count(0, 1 << 40), "Bytes of whole answers that are kept.", 64 << 20
    )
    answer_cache: int = _setting(
        "server.answer_cache", _count(0, 1 << 40), "Bytes of answers to queries that are kept.", 64 << 20
    )

    @property
    def default_language(self) -> str:
        """The language used when a reader asks for none that the graph has."""
        return self.languages[0]

    @property
    def curies(self) -> tuple[str, ...]:
        """Every prefixed name among the settings."""
        return (self.source, *self.passages, *self.locators, *self.qualifiers, *self.usual, *self.remarks)

    @property
    def ontology_iri(self) -> str:
        """The IRI of the ontology: `base_iri` and the configured path."""
        return self.base_iri + self.ontology

    @property
    def entity_base(self) -> str:
        """What the IRI of every entity begins with; a kind and a slug follow."""
        return self.base_iri + "id/"


def _flatten(table: Mapping[str, Any], localised: set[str], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        key = prefix + name
        if isinstance(value, dict) and key not in localised:
            flat |= _flatten(value, localised, key + ".")
        else:
            flat[key] = value
    return flat


def load_settings(path: Path) -> Settings:
    """Return the settings in a `kg.toml`.

    Raises SettingsError with the key, what was found and what is allowed: for a file that is missing or not
    TOML, a key that is unknown, missing or has a wrong value. All wrong keys are named at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if text.startswith("\ufeff"):
            raise SettingsError(
                "the file starts with a byte order mark",
                where=str(path),
                advice="Save it as UTF-8 without a byte order mark.",
            )
        table = tomllib.loads(text)
    except FileNotFoundError:
        raise SettingsError(
            "there is no kg.toml here",
            where=str(path.parent),
            advice="Go to the folder of a graph, or name it: kg --project DIR.",
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            "this file cannot be read as TOML", where=str(path), found=str(error), expected="TOML 1.0 in UTF-8"
        ) from None

    known: dict[str, Field[Any]] = {f.metadata["key"]: f for f in fields(Settings)}
    localised = {key for key, f in known.items() if f.metadata["check"] is _by_language}
    values: dict[str, Any] = {}
    problems: list[SettingsError] = []
    for key, value in _flatten(table, localised).items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            problems.append(
                SettingsError(
                    "this setting is unknown",
                    where=f"{path.name}: {key}",
                    advice=f"Did you mean {close[0]}?" if close else f"Known settings: {', '.join(known)}.",
                )
            )
            continue
        try:
            values[known[key].name] = known[key].metadata["check"](value)
        except ValueError as error:
            problems.append(
                SettingsError(
                    "this setting has a value it may not have",
                    where=f"{path.name}: {key}",
                    found=repr(value),
                    expected=str(error),
                )
            )
    for key, f in known.items():
        if f.default is MISSING and f.default_factory is MISSING and f.name not in values and key not in table:
            problems.append(
                SettingsError("this setting is missing", where=f"{path.name}: {key}", advice=f.metadata["help"])
            )
    if problems:
        if len(problems) == 1:
            raise problems[0]
        raise SettingsError("\n".join(str(problem) for problem in problems))
    return Settings(**values)
