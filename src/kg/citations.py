"""How a page is cited: one record of author, title, date and address, as a sentence and in the formats of libraries."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["FORMATS", "Citation", "Format", "in_words"]


@dataclass(frozen=True)
class Citation:
    """What is cited: a page of a graph in one state. Texts are empty where nothing is known."""

    #: A short word for it in a list of references.
    key: str
    title: str
    #: The name of the graph; empty where the graph itself is cited.
    container: str
    author: str
    #: The day of the commit, as an xsd:date text.
    date: str
    #: The address of this state.
    url: str
    #: What names the state: commit and snapshot.
    version: str
    language: str

    @property
    def words(self) -> str:
        """The citation as it stands in a list of references, up to the address."""
        year = f" ({self.date[:4]})" if self.date else ""
        author = f"{self.author}{year}. " if self.author else ""
        return author + " ".join(_ended(text) for text in (self.title, self.container, self.version) if text)


@dataclass(frozen=True)
class Format:
    """One format of citations: the extension of its documents, its media type, its name, and how it is written."""

    extension: str
    media_type: str
    name: str
    write: Callable[[Citation], str]


def in_words(cited: Citation) -> str:
    """Return a citation as it stands in a list of references, with its address."""
    return f"{cited.words} {cited.url}"


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else text + "."


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def _bibtex(cited: Citation) -> str:
    def text(value: str) -> str:
        return "".join(_LATEX.get(character, character) for character in _one_line(value))

    fields = {
        # A second pair of braces keeps a body from being read as a person with a first name.
        "author": f"{{{text(cited.author)}}}" if cited.author else "",
        "title": f"{{{text(cited.title)}}}",
        "howpublished": text(cited.container),
        "year": cited.date[:4],
        "month": cited.date[5:7].lstrip("0"),
        "note": text(cited.version),
        "url": re.sub(r"[{}\\]", lambda found: f"%{ord(found[0]):02X}", cited.url),
        "language": cited.language,
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@misc{{{cited.key},\n" + ",\n".join(lines) + "\n}\n"


def _ris(cited: Citation) -> str:
    fields = [
        ("TY", "ELEC"), ("ID", cited.key), ("TI", cited.title), ("T2", cited.container), ("AU", cited.author),
        ("PY", cited.date[:4]), ("DA", cited.date.replace("-", "/")), ("ET", cited.version), ("UR", cited.url),
        ("LA", cited.language),
    ]  # fmt: skip
    return "".join(f"{tag}  - {_one_line(value)}\r\n" for tag, value in fields if value) + "ER  - \r\n"


def _csl(cited: Citation) -> str:
    fields: Mapping[str, object] = {
        "id": cited.key,
        "type": "webpage" if cited.container else "dataset",
        "title": cited.title,
        "container-title": cited.container,
        "author": [{"literal": cited.author}] if cited.author else "",
        "issued": {"date-parts": [[int(part) for part in cited.date.split("-")]]} if cited.date else "",
        "version": cited.version,
        "URL": cited.url,
        "language": cited.language,
    }
    found = {name: value for name, value in fields.items() if value}
    return json.dumps([found], ensure_ascii=False, indent=1) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


#: By extension.
FORMATS: Mapping[str, Format] = {
    found.extension: found
    for found in (
        Format("bib", "application/x-bibtex", "BibTeX", _bibtex),
        Format("ris", "application/x-research-info-systems", "RIS", _ris),
        Format("csl", "application/vnd.citationstyles.csl+json", "CSL-JSON", _csl),
    )
}
