"""What changed, as an Atom feed: the commits that touched files of the graph, as git has them."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from flask import Response

from kg.history import Change
from kg.web.responses import Link, Problem, respond
from kg.web.visits import Visit

__all__ = ["feed", "things_of"]

# So many things are named in one entry.
_MOST = 30


def feed(visit: Visit) -> Response:
    """Answer with the latest changes. Without git, or in a shallow clone, nothing true can be said of them: 404."""
    addresses, reader, _ = visit.addresses, visit.reader, visit.say
    changes = visit.history.changes
    if not changes:
        raise Problem(
            404,
            _("There is no history of changes here."),
            _("The graph was built without git, or from a clone without its history."),
            [(_("About this data"), addresses.page("/dataset"))],
        )
    title = reader.choose(visit.snapshot.settings.title).text
    here = addresses.absolute("/feed.atom")
    author = visit.snapshot.settings.creator or title
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr(reader.language)}>',
        f"<id>{escape(here)}</id>",
        f"<title>{_xml(title)}</title>",
        f"<updated>{escape(changes[0].date)}</updated>",
        f'<link rel="self" type="application/atom+xml" href={quoteattr(here)}/>',
        f'<link rel="alternate" type="text/html" href={quoteattr(addresses.absolute("/dataset"))}/>',
        f"<author><name>{_xml(author)}</name></author>",
        *(line for change in changes for line in _entry(visit, change)),
        "</feed>",
    ]
    return respond(
        "\n".join(lines) + "\n",
        "application/atom+xml; charset=utf-8",
        language=reader.language,
        vary=("Accept-Language",),
        links=[Link(addresses.path("/dataset"), "describedby")],
    )


def _entry(visit: Visit, change: Change) -> list[str]:
    things = things_of(visit, change.paths)
    visit.names.learn(things)
    summary = "; ".join(visit.names.name(iri).text for iri in things[:_MOST])
    if len(things) > _MOST:
        summary += " …"
    related = [
        f'<link rel="related" href={quoteattr(iri)} title={quoteattr(_clean(visit.names.name(iri).text))}/>'
        for iri in things[:_MOST]
    ]
    return [
        "<entry>",
        f"<id>swh:1:rev:{escape(change.commit)}</id>",
        f"<title>{_xml(change.subject)}</title>",
        f"<updated>{escape(change.date)}</updated>",
        *related,
        f"<summary>{_xml(summary or ', '.join(change.paths[:_MOST]))}</summary>",
        "</entry>",
    ]


def things_of(visit: Visit, paths: Sequence[str]) -> list[str]:
    """Return the entities that files speak of now, in the order of their IRIs."""
    base = visit.snapshot.settings.entity_base
    return [iri for iri in visit.snapshot.subjects_in(paths) if iri.startswith(base)]


def _xml(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    """Return a text without the characters that no XML document may hold."""
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff\x7f") else "\ufffd" for c in text)
