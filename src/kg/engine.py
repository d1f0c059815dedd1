"""Which engine this is: what it makes of the same files may be something else in another version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import kg

__all__ = ["engine_version"]


@cache
def engine_version() -> str:
    """Return the engine's version and a digest of its code, so that a changed engine builds anew."""
    digest = hashlib.sha256()
    root = resources.files("kg")

    def walk(folder: Any, prefix: str) -> Iterator[tuple[str, bytes]]:
        for item in sorted(folder.iterdir(), key=lambda found: found.name):
            if item.is_dir() and item.name != "__pycache__":
                yield from walk(item, f"{prefix}{item.name}/")
            elif item.name.endswith((".py", ".po", ".ttl")):
                yield f"{prefix}{item.name}", item.read_bytes()

    for name, data in walk(root, ""):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return f"{kg.__version__}+{digest.hexdigest()[:12]}"
