"""Telling of a mistake: the statements about a thing, the line in which each stands, and a message that says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from flask import Response
from pyoxigraph import NamedNode

from kg.settings import Settings
from kg.snapshot import Fact
from kg.web.places import Places
from kg.web.reader import Shown
from kg.web.visits import Visit

__all__ = ["correct", "places"]


@dataclass(frozen=True)
class Statement:
    """One statement of a file, and where it can be seen, edited, and told of."""

    property: Shown
    value: Shown
    place: str
    view: str
    edit: str
    message: str


def places(visit: Visit) -> Places:
    """Return where the files of the snapshot can be seen, edited, and corrections of them suggested."""
    settings, origin = visit.snapshot.settings, visit.origin

    def address(iri: str, path: str) -> str:
        return visit.addresses.page("/correct", iri=iri, file=path)

    told = settings.edit_address or _receiver(settings)
    commit = "" if origin.dirty else origin.commit
    given = (settings.view_address, settings.edit_address, commit)
    return Places(*given, address) if told else Places(*given)


def _receiver(settings: Settings) -> str:
    """Return who is told: an address with places for subject and body; nothing where nobody is."""
    found = settings.corrections or (settings.contact if settings.contact.startswith("mailto:") else "")
    if found and "{" not in found:
        return found + ("&" if "?" in found else "?") + "subject={subject}&body={body}"
    return found


def correct(visit: Visit) -> Response:
    """Answer with the statements about a thing, or those of one file, each with the ways to correct it."""
    iri, path = visit.arguments.get("iri", ""), visit.arguments.get("file", "")
    if not (visit.snapshot.settings.edit_address or _receiver(visit.snapshot.settings)):
        raise visit.nothing_here()
    try:
        found = visit.snapshot.facts(subject=NamedNode(iri))
    except ValueError:  # what was asked for is no IRI
        found = []
    facts = [fact for fact in found if fact.kind == 0 and fact.file and path in ("", fact.file.path)]
    if not facts:
        raise visit.nothing_here()
    length = visit.snapshot.settings.page_length
    visit.names.learn([iri, *(term for fact in facts[:length] for term in fact[2:4])])
    write = _writer(visit, iri)
    return visit.only_html(
        "correct.html",
        thing=visit.names.link(iri),
        iri=iri,
        statements=_statements(visit, facts[:length], write),
        more=max(0, len(facts) - length),
        general=write(None),
    )


def _statements(visit: Visit, facts: Sequence[Fact], write: Callable[[Fact | None], str]) -> list[Statement]:
    found, where = [], places(visit)
    for fact in facts:
        path = fact.file.path if fact.file else ""
        found.append(
            Statement(
                visit.names.show(fact.predicate),
                visit.names.show(fact.object, fact.predicate),
                f"{path}:{fact.line}",
                where.view(path, fact.line),
                where.edit(path, fact.line),
                write(fact),
            )
        )
    return found


def _writer(visit: Visit, iri: str) -> Callable[[Fact | None], str]:
    """Return what makes the address of a message about a statement, or about the thing, with all that names it."""
    _, names, template = visit.say, visit.names, _receiver(visit.snapshot.settings)
    name = names.name(iri).text
    state = _("Snapshot: %(name)s") % {"name": visit.snapshot.name[:16]}
    if visit.origin.commit:
        state += ", " + _("commit %(commit)s") % {"commit": visit.origin.commit[:12]}

    def write(fact: Fact | None) -> str:
        if not template:
            return ""
        lines = [name, iri]
        if fact is not None and fact.file is not None:
            said = f"{names.name(fact.predicate.value).text}: {names.show(fact.object, fact.predicate).text.text}"
            lines += ["", said[:500], fact.predicate.value, f"{fact.file.path}:{fact.line}"]
        lines += ["", state, "", _("What is wrong, what is right, and how do you know?"), ""]
        subject = _("Correction: %(name)s") % {"name": name[:120]}
        filled = template.replace("{subject}", quote(subject, safe=""))
        return filled.replace("{body}", quote("\r\n".join(lines), safe=""))

    return write
