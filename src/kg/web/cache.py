"""Whole answers kept in memory: for which requests, under which name, and what a client gets that has one already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.http import is_resource_modified, remove_entity_headers

from kg.cache import Cache

__all__ = ["Answer", "Key", "Responses"]

# What our representations are chosen by. An answer that varies by anything else is not kept.
_CHOOSING = ("HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_ACCEPT_ENCODING")
_KNOWN = {"accept", "accept-language", "accept-encoding"}
# What makes a request a special case: it asks for a part, or is carried out only if something holds.
_SPECIAL = ("HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE")
_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
# Answers that stay the same as long as the snapshot does.
_LASTING = {200, 301, 303, 308}

#: The snapshot, the target as it was sent, and the fields of the request that choose.
Key = tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A whole answer: what the application gave, or what is kept of it. `snapshot` names whose words they are."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes = b""
    snapshot: str = ""

    def header(self, name: str) -> str:
        """Return all values of a header, joined; nothing if it is not there."""
        return ", ".join(value for key, value in self.headers if key.lower() == name)

    def as_asked(self, environ: Mapping[str, Any]) -> Answer:
        """Return this answer to a GET as the request wants it: without a body if the client has it already."""
        if self.status != 200 or not any(name in environ for name in _CONDITIONS):
            return self
        etag, modified = self.header("etag") or None, self.header("last-modified") or None
        if (etag is None and modified is None) or is_resource_modified(
            dict(environ) | {"REQUEST_METHOD": "GET"}, etag, last_modified=modified
        ):
            return self
        headers = list(self.headers)
        remove_entity_headers(headers)
        return replace(self, status=304, headers=headers, body=b"")


class Responses:
    """Keeps whole answers, each under the snapshot it speaks of, bounded in bytes."""

    def __init__(self, size: int) -> None:
        self.cache: Cache[Key, Answer] = Cache(size)

    def asks_for_whole(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a request may be answered by what another one got, and leave its own answer for others."""
        return environ["REQUEST_METHOD"] in ("GET", "HEAD") and not any(name in environ for name in _SPECIAL)

    def unconditional(self, environ: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request for the whole answer, whatever part of it this client has already."""
        return {key: value for key, value in environ.items() if key not in _CONDITIONS} | {"REQUEST_METHOD": "GET"}

    def key(self, snapshot: str, environ: Mapping[str, Any]) -> Key:
        """Return what names the answer to a request to a snapshot."""
        return (snapshot, environ["RAW_URI"], *(environ.get(name, "\0") for name in _CHOOSING))

    def get(self, snapshot: str, environ: Mapping[str, Any]) -> Answer | None:
        """Return what is kept for a request to a snapshot, whole; None if nothing is."""
        return self.cache.get(self.key(snapshot, environ))

    def put(self, environ: Mapping[str, Any], answer: Answer) -> bool:
        """Keep an answer for all who ask the same of the same snapshot; tell whether it is one that they may get."""
        if not _lasts(answer):
            return False
        key = self.key(answer.snapshot, environ)
        size = len(answer.body) + sum(map(len, key)) + sum(len(name) + len(value) for name, value in answer.headers)
        self.cache.put(key, answer, size)
        return True


def _lasts(answer: Answer) -> bool:
    varies = {name.strip().lower() for name in answer.header("vary").split(",") if name.strip()}
    control = answer.header("cache-control").lower()
    return (
        answer.status in _LASTING
        and answer.snapshot != ""
        and varies <= _KNOWN
        and not answer.header("set-cookie")
        and "no-store" not in control
        and "private" not in control
    )
