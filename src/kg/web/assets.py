"""The files that pages are made with: style, script and icon, each at an address that names its content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

__all__ = ["Asset", "find_asset", "read_assets"]

# One file per noun, in the order in which they are joined: what comes later may refine what comes before.
_STYLES = (
    "roles", "words", "frame", "facts", "tables", "notes", "lists", "finding", "entities", "forms", "print",
)  # fmt: skip
_KINDS = {
    "site.css": "text/css; charset=utf-8",
    "site.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """One file: its name, its content, and the type of that."""

    name: str
    data: bytes
    kind: str

    @property
    def version(self) -> str:
        """What tells this content from any other."""
        return hashlib.sha256(self.data).hexdigest()[:12]

    @property
    def path(self) -> str:
        """Where it is, as long as it has this content."""
        stem, _, extension = self.name.rpartition(".")
        return f"/static/{stem}.{self.version}.{extension}"


def read_assets() -> Mapping[str, Asset]:
    """Return the files by name. There is no script where the engine was installed without: pages do without it."""
    folder = resources.files("kg.web")
    styles = [(folder / "styles" / f"{noun}.css").read_bytes() for noun in _STYLES]
    found = {"site.css": re.sub(rb"/\*.*?\*/\s*", b"", b"\n".join(styles), flags=re.DOTALL)}  # comments are for us
    for name in ("site.js", "icon.svg"):
        if (file := folder / "static" / name).is_file():
            found[name] = file.read_bytes()
    return {name: Asset(name, data, _KINDS[name]) for name, data in found.items()}


def find_asset(assets: Mapping[str, Asset], name: str) -> tuple[Asset, bool] | None:
    """Return the file of a name, with or without a version in it, and whether this is its lasting address.

    A page that was kept may name a version that is gone; the present one serves it better than none.
    """
    stem, _, extension = name.rpartition(".")
    plain = f"{stem.partition('.')[0]}.{extension}"
    asset = assets.get(plain)
    return (asset, name == asset.path.rpartition("/")[2]) if asset else None
