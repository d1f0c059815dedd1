"""What the gateway says to whom it sends away: a page for people, problem+json for programs, in their language.

It needs nothing but the request, no snapshot and no template, so it costs next to nothing when too much is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape

from kg.messages import in_language, translator
from kg.web.cache import Answer
from kg.web.negotiation import choose_language, choose_type
from kg.web.reader import interface_language
from kg.web.responses import HTML, PROBLEM, content_type

__all__ = ["Refused"]

# So much of a header tells what a client wants; whoever sends more wants to be a burden.
_MOST = 500
_ASKED = re.compile(r"(?:^|&)lang=([A-Za-z0-9-]{1,35})(?:&|$)")
# As `styles/roles.css` has it: the style of the site may be out of reach.
_STYLE = """\
:root { color-scheme: light dark; }
body { margin: 0; padding: 12vh 1.5rem; background: #fdfcf9; color: #22201c; font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 42rem; margin-inline: auto; border-left: 4px solid #0b5d63; padding-left: 1.5rem; }
h1 { font: 600 1.9rem/1.2 Georgia, serif; margin: 0 0 .5em; }
p { margin: 0 0 .5em; }
.eyebrow { color: #615c53; }
@media (prefers-color-scheme: dark) {
  body { background: #171918; color: #e9e6df; }
  main { border-color: #86cdc6; }
  .eyebrow { color: #aaa59a; }
}
"""


class Refused(Exception):
    """A request that the application never sees, or whose answer cannot be given: title and detail were said."""

    def __init__(
        self, status: int, title: str, detail: str = "", *, limit: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.limit, self.headers = status, title, detail, limit, headers or {}

    def answer(self, headers: Mapping[str, str], query: str, languages: Sequence[str]) -> Answer:
        """Return the answer to the request with these headers and this query, in one of the languages of the graph."""
        asked = _ASKED.search(query[:_MOST])
        language = asked[1] if asked else ""
        if language not in languages:
            language = choose_language(headers.get("accept-language", "")[:_MOST], languages)
        language = interface_language(language)
        offer = choose_type(headers.get("accept", "")[:_MOST], (PROBLEM, HTML)) or PROBLEM
        return Answer(
            self.status,
            [
                ("Content-Type", content_type(offer)),
                ("Content-Language", language),
                ("Cache-Control", "no-store"),
                ("Vary", "Accept, Accept-Language"),
                ("Access-Control-Allow-Origin", "*"),
                ("X-Content-Type-Options", "nosniff"),
                ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
                *self.headers.items(),
            ],
            (self._page(language) if offer is HTML else self._problem(language)).encode(),
        )

    def _page(self, language: str) -> str:
        title, detail = escape(in_language(self.title, language)), escape(in_language(self.detail, language))
        status = escape(translator(language)("Error %(status)s") % {"status": self.status})
        return (
            f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
            f'<p class="eyebrow">{status}</p>\n<h1>{title}</h1>\n<p>{detail}</p>\n</main>\n</body>\n</html>\n'
        )

    def _problem(self, language: str) -> str:
        said: dict[str, object] = {"type": "about:blank", "title": in_language(self.title, language)}
        said["status"] = self.status
        if self.detail:
            said["detail"] = in_language(self.detail, language)
        if self.limit:
            said["limit"] = self.limit
        return json.dumps(said, ensure_ascii=False, indent=2) + "\n"
