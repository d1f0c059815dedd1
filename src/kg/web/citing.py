"""How the pages of a site are cited: by their address in one snapshot, which stays, and by its commit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from kg.citations import FORMATS, Citation
from kg.web.negotiation import Offer
from kg.web.reader import Text
from kg.web.visits import Visit

__all__ = ["CITATIONS", "cite"]

#: The formats of citations, as a client may ask for them.
CITATIONS: Sequence[Offer] = tuple(Offer(key, found.media_type) for key, found in FORMATS.items())


def cite(visit: Visit, title: Text, address: str) -> Citation:
    """Return how to cite a page of a title; `address` is where it is in the snapshot that answers.

    For the graph itself the title is empty.
    """
    settings, origin, _ = visit.snapshot.settings, visit.origin, visit.say
    site = visit.reader.choose(settings.title)
    known = bool(origin.commit) and not origin.dirty
    version = _("snapshot %(name)s") % {"name": visit.snapshot.name[:16]}
    if known:
        version = _("commit %(commit)s") % {"commit": origin.commit[:12]} + ", " + version
    key = "-".join(filter(None, (_word(title.text or site.text), origin.date[:4] if known else "")))
    return Citation(
        key or "cited",
        title.text or site.text,
        site.text if title.text else "",
        settings.creator,
        origin.date[:10] if known else "",
        address if visit.addresses.public_url else settings.base_iri.rstrip("/") + address,
        version[:1].upper() + version[1:],
        (title or site).language,
    )


def _word(text: str) -> str:
    """Return a text as a word of plain letters, as keys of references are."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain)[:6])
