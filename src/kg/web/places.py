"""Where the line of a file can be seen, edited, and a correction of it suggested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["Places"]


def _nowhere(_iri: str, _path: str) -> str:
    return ""


@dataclass(frozen=True)
class Places:
    """Makes addresses from the templates in the settings; without a template there is no address.

    A template that names the commit has none either where the files are not those of a commit.
    """

    viewing: str = ""
    editing: str = ""
    commit: str = ""
    correct: Callable[[str, str], str] = _nowhere

    def view(self, path: str, line: int) -> str:
        """Return where a line of a file can be seen; for line 0 the file."""
        return self._fill(self.viewing, path, line)

    def edit(self, path: str, line: int) -> str:
        """Return where a file can be edited."""
        return self._fill(self.editing, path, line)

    def _fill(self, template: str, path: str, line: int) -> str:
        if not template or ("{commit}" in template and not self.commit):
            return ""
        found = template.replace("{path}", quote(path)).replace("{commit}", self.commit)
        return found.replace("{line}", str(max(1, line)))
