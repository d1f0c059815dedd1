"""What the tests of the site share: where the bells are, and a way to look at a page."""

from __future__ import annotations

from html.parser import HTMLParser

BASE = "https://bells.example/cloch/"
HTML = {"Accept": "text/html"}

_EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    """The elements of a page: each with its name, its attributes and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[int] = []
        self._lines: list[tuple[str, str]] = []
        self.unbalanced: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))
        if tag not in _EMPTY:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self.elements[self._open[-1]][0] == tag:
            self._open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self._lines.append((self.elements[self._open[-1]][0] if self._open else "", data))
        for index in self._open:
            self.elements[index][2].append(data)

    def lines(self) -> list[tuple[str, str]]:
        """Every piece of text, with the name of the element that it stands in."""
        return self._lines

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]

    def texts(self, tag: str) -> list[str]:
        return [" ".join("".join(text).split()) for name, _, text in self.elements if name == tag]

    def written_scripts(self) -> list[tuple[dict[str, str], str]]:
        """Every script that is written into the page, with its attributes; that of the site is a file."""
        return [
            (attributes, "".join(text))
            for name, attributes, text in self.elements
            if name == "script" and "/static/site." not in attributes.get("src", "")
        ]
