"""Where things are: from an IRI to the address of its page and back, under one public address or none.

`base_iri` names things; `public_url` is where documents are. The two are never mixed, and no word of the request
(`Host`, `X-Forwarded-*`) enters an address. Without a public URL addresses are paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote, unquote, urlencode

from kg.settings import Settings

__all__ = ["PIN_LENGTH", "Addresses", "iris_of_path", "is_link", "raw_path"]

#: How much of a snapshot's name stands in an address: no two snapshots share so much.
PIN_LENGTH = 16

# What RFC 3986 lets stand in a path as it is; "%" too, because an IRI is never encoded twice.
_SAFE = "/%:@!$&'()*+,;=~-._"
# Octets that mean the same encoded or not: the unreserved ones, and those that a path may hold as they are.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@")


def is_link(iri: str) -> bool:
    """Tell whether an address from the data may become a link."""
    return re.match(r"(?:https?://|mailto:)[^\s]", iri, re.IGNORECASE) is not None


@lru_cache(maxsize=1 << 15)
def _quoted(path: str) -> str:
    return quote(path, safe=_SAFE)


@dataclass(frozen=True)
class Addresses:
    """Makes the addresses of one site, for readers of one language if they asked for it (`lang`).

    With `pin` (`/snapshot/…`) documents are those of one snapshot, whichever is in use.
    """

    settings: Settings
    public_url: str = ""
    lang: str = ""
    pin: str = ""

    def path(self, path: str, **parameters: object) -> str:
        """Return the address of a path of the site that is already encoded, with query parameters."""
        given = {name: value for name, value in parameters.items() if value not in (None, "")} if parameters else None
        return f"{self.public_url}{path}?{urlencode(given)}" if given else self.public_url + path

    def here(self, path: str, **parameters: object) -> str:
        """Return the address of a path in the state of the graph that is read: as `path`, or pinned."""
        return self.path(self.pin + path, **parameters)

    def absolute(self, path: str, **parameters: object) -> str:
        """Return the whole address of a path, as data needs it; without a public address it is under `base_iri`."""
        found = self.path(path, **parameters)
        return found if self.public_url else self.settings.base_iri.rstrip("/") + found

    def page(self, path: str, **parameters: object) -> str:
        """Return the address of a page for readers: as `path`, and it keeps the language that was asked for."""
        return self.path(path, **{"lang": self.lang, **parameters})

    def thing(self, iri: str) -> str:
        """Return the address that answers for an entity of ours, `/id/…`."""
        return self.path("/id/" + self._local(iri))

    def document(self, iri: str, extension: str = "", *, page: int = 1, lang: str | None = None) -> str:
        """Return the address of the document about any IRI; without extension the one that is negotiated."""
        parameters: dict[str, object] = {}
        if page > 1:
            parameters["page"] = page
        if extension in ("", "html") and (kept := self.lang if lang is None else lang):
            parameters["lang"] = kept
        if self.is_ours(iri):
            dot = f".{extension}" if extension else ""
            return self.here(f"/doc/{self._local(iri)}{dot}", **parameters)
        return self.here("/about", iri=iri, format=extension, **parameters)

    def pinned(self, snapshot: str) -> Addresses:
        """Return the addresses of documents as one snapshot has them, which stay."""
        return replace(self, pin=f"/snapshot/{snapshot[:PIN_LENGTH]}")

    def page_of(self, iri: str, *, known: bool) -> str | None:
        """Return where a reader goes for an IRI: our page about it if there is one, else itself, else nowhere."""
        settings = self.settings
        if iri == settings.base_iri + "dataset":
            return self.page("/dataset")
        if iri == settings.ontology_iri or iri.startswith(settings.ontology_iri + "/"):
            return self.page("/" + quote(iri[len(settings.base_iri) :], safe=_SAFE))
        if iri.startswith(settings.ontology_iri + "#"):
            return self.page("/" + settings.ontology) + "#" + quote(iri.partition("#")[2], safe=_SAFE)
        if known or iri.startswith(settings.base_iri):
            return self.document(iri, "html" if self.is_ours(iri) else "")
        return iri if is_link(iri) else None

    def is_ours(self, iri: str) -> bool:
        """Tell whether an IRI is one of our entities, whose path names it whole."""
        base = self.settings.entity_base
        return len(iri) > len(base) and iri.startswith(base) and "?" not in iri and "#" not in iri

    def ascii(self, iri: str) -> str:
        """Return an IRI as the URI that a header or a link may hold."""
        return quote(iri, safe=_SAFE + "?#[]")

    def _local(self, iri: str) -> str:
        return _quoted(iri[len(self.settings.entity_base) :])


def raw_path(environ: Mapping[str, object]) -> str:
    """Return the path of a request as it was sent, percent-encoded, where the server tells; else re-encoded."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if isinstance(raw, str) and raw:
        return re.sub(r"^[a-z]+://[^/]*", "", raw, flags=re.IGNORECASE).partition("?")[0]
    return quote(str(environ.get("PATH_INFO", "")).encode("latin-1", "replace"), safe=_SAFE.replace("%", ""))


def iris_of_path(base: str, path: str) -> Iterator[str]:
    """Give the IRIs that an encoded path may mean, without decoding twice: as sent, then its equal forms.

    Servers that do not tell the path as sent have decoded `%2F`, so a slash inside a slug is tried last.
    """
    seen: set[str] = set()
    kind, slash, slug = path.partition("/")
    for candidate in (path, _equal(path, False), _equal(path, True), f"{kind}{slash}{slug.replace('/', '%2F')}"):
        for form in (candidate, _equal(candidate, False), _equal(candidate, True)):
            if form not in seen:
                seen.add(form)
                yield base + form


def _equal(path: str, non_ascii: bool) -> str:
    """Return a path with everything decoded that means the same decoded; other octets of UTF-8 if asked for."""

    def decode(match: re.Match[str]) -> str:
        text = unquote(match[0], errors="strict") if _is_utf8(match[0]) else ""
        if len(text) == 1 and text.isascii():
            return text if text in _PLAIN else match[0].upper()
        return text if text and non_ascii else match[0].upper()

    decoded = re.sub(r"(?:%[89A-Fa-f][0-9A-Fa-f])+|%[0-7][0-9A-Fa-f]", decode, path)
    return decoded if non_ascii else quote(decoded, safe=_SAFE)


def _is_utf8(encoded: str) -> bool:
    try:
        unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        return False
    return True
