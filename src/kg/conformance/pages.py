"""What a check looks for in a page: its links, its data, its language, its words."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

__all__ = ["Page", "read_page"]


@dataclass
class Page:
    """The parts of a page that speak to machines."""

    language: str = ""
    #: The attributes of each `<link>`.
    links: list[dict[str, str]] = field(default_factory=list)
    #: Where each `<a>` leads.
    anchors: list[str] = field(default_factory=list)
    #: The texts of the scripts of JSON-LD.
    data: list[str] = field(default_factory=list)
    #: The names of the elements that are there.
    elements: set[str] = field(default_factory=set)
    #: The addresses of what the page loads: scripts, styles, images, frames.
    loaded: list[str] = field(default_factory=list)
    #: Script elements that have neither a source nor a type of data.
    inline_scripts: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._script: list[str] | None = None
        self._is_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.elements.add(tag)
        if tag == "html":
            self.page.language = attributes.get("lang", "")
        elif tag == "link":
            self.page.links.append(attributes)
            if {"stylesheet", "icon"} & set(attributes.get("rel", "").lower().split()):
                self.page.loaded.append(attributes.get("href", ""))
        elif tag == "a" and "href" in attributes:
            self.page.anchors.append(attributes["href"])
        elif tag in ("script", "img", "iframe", "audio", "video", "source", "embed") and "src" in attributes:
            self.page.loaded.append(attributes["src"])
        if tag == "script" and "src" not in attributes:
            self._script = []
            self._is_data = attributes.get("type", "").split(";")[0].strip().lower() == "application/ld+json"

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._script is not None:
            (self.page.data if self._is_data else self.page.inline_scripts).append("".join(self._script))
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._script.append(data)


def read_page(text: str) -> Page:
    """Return the parts of a page; whatever is not HTML in it is passed over.

    >>> read_page('<html lang=fr><link rel=canonical href="/a"><a href="/b">b</a>').anchors
    ['/b']
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.page
