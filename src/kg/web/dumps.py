"""The whole graph as files: whole or in parts, with their checksums."""

from __future__ import annotations

from base64 import b64encode

from flask import Response

from kg.web.discovery import dumps
from kg.web.responses import FRESH, FileBody, Link, respond
from kg.web.visits import Visit

__all__ = ["checksums", "dump"]


def dump(visit: Visit, name: str) -> Response:
    """Answer with one dump, from the disk, piece by piece."""
    found = next((one for one in dumps(visit) if one.name == name), None)
    if found is None:
        raise visit.nothing_here()
    body = FileBody(visit.snapshot.path / name, 0, found.size)
    response = Response(body, content_type="application/gzip", direct_passthrough=True)
    response.content_length = found.size
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = FRESH["pinned" if visit.pinned else "document"]
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Repr-Digest"] = f"sha-256=:{b64encode(bytes.fromhex(found.sha256)).decode()}:"
    response.headers["Link"] = ", ".join(map(str, _links(visit)))
    response.set_etag(found.sha256[:32])
    return response


def checksums(visit: Visit) -> Response:
    """Answer with the SHA-256 of each dump, as `sha256sum --check` reads them."""
    body = "".join(f"{one.sha256}  {one.name}\n" for one in dumps(visit))
    return respond(body, "text/plain; charset=utf-8", links=_links(visit), pinned=visit.pinned)


def _links(visit: Visit) -> list[Link]:
    dataset = visit.addresses.path("/dataset")
    links = [Link(dataset, "collection", "text/html"), Link(dataset, "describedby")]
    licence = visit.snapshot.settings.licence
    return [*links, Link(visit.addresses.ascii(licence), "license")] if licence else links
