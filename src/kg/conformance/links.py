"""The `Link` header, read as strictly as RFC 8288 (section 3) writes it: what is not well formed is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

__all__ = ["Link", "LinkError", "parse_links"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUOTED = re.compile(r'"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"')
# What may stand in a URI reference (RFC 3986): an address is never written with spaces or letters beyond ASCII.
_REFERENCE = re.compile(r"<((?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)>")
_SPACE = re.compile(r"[ \t]*")


class LinkError(ValueError):
    """A `Link` header that RFC 8288 does not allow; its text says where and why."""


@dataclass(frozen=True)
class Link:
    """One link: its target as an absolute address, its relation types in lower case, its parameters by name."""

    target: str
    rels: frozenset[str]
    parameters: Mapping[str, str]
    #: What the link is about, where it is not the answer that carries it.
    anchor: str = ""

    @property
    def type(self) -> str:
        """The media type that the target is said to have, without its parameters."""
        return self.parameters.get("type", "").split(";")[0].strip().lower()


def parse_links(header: str, base: str) -> list[Link]:
    """Return the links of a header; relative targets are resolved against `base`. Raises LinkError.

    >>> [link] = parse_links('</doc>; rel="alternate describedby"; type="text/turtle"', "https://a.example/id")
    >>> link.target, sorted(link.rels), link.type
    ('https://a.example/doc', ['alternate', 'describedby'], 'text/turtle')
    """
    links = []
    at = _skip(header, 0)
    while at < len(header):
        if header[at] == ",":  # an empty element, which a list may have
            at = _skip(header, at + 1)
            continue
        link, at = _link(header, at, base)
        links.append(link)
        if at < len(header) and header[at] != ",":
            raise _wrong(header, at, "a comma or the end")
    return links


def _link(header: str, at: int, base: str) -> tuple[Link, int]:
    reference = _REFERENCE.match(header, at)
    if reference is None:
        raise _wrong(header, at, "<an address in angle brackets>")
    at = _skip(header, reference.end())
    parameters: dict[str, str] = {}
    while at < len(header) and header[at] == ";":
        at = _skip(header, at + 1)
        name = _TOKEN.match(header, at)
        if name is None:
            if at == len(header) or header[at] in ",;":  # an empty parameter, which the grammar allows
                continue
            raise _wrong(header, at, "the name of a parameter")
        at = _skip(header, name.end())
        value = ""
        if header[at : at + 1] == "=":
            at = _skip(header, at + 1)
            token, quoted = _TOKEN.match(header, at), _QUOTED.match(header, at)
            if quoted is not None:
                value, at = re.sub(r"\\(.)", r"\1", quoted[1]), quoted.end()
            elif token is not None:
                value, at = token[0], token.end()
            else:
                raise _wrong(header, at, f"the value of {name[0]}: a token or a text in quotation marks")
            at = _skip(header, at)
        parameters.setdefault(name[0].lower(), value)  # the first of its name counts
    if not parameters.get("rel", "").strip():
        raise LinkError(f"the link to <{reference[1]}> has no rel")
    try:
        target = urljoin(base, reference[1])
        anchor = urljoin(base, parameters["anchor"]) if "anchor" in parameters else ""
    except ValueError as error:
        raise LinkError(f"<{reference[1]}> is not an address: {error}") from None
    rels = frozenset(parameters["rel"].lower().split())
    return Link(target, rels, parameters, anchor), at


def _skip(header: str, at: int) -> int:
    found = _SPACE.match(header, at)
    return found.end() if found else at


def _wrong(header: str, at: int, expected: str) -> LinkError:
    return LinkError(f"at character {at + 1}: expected {expected}, found {header[at : at + 30]!r}")
