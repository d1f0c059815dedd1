"""The site for a WSGI server: `KG_SNAPSHOTS` names the folder of snapshots, `KG_PUBLIC_URL` the public address.

`KG_RUNTIME` names the folder of a running server, where executors answer queries; without it, nobody does.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from kg.web.site import create_app

__all__ = ["app"]


def app() -> Flask:
    """Return the site that the environment asks for. Raises SnapshotError if there is no whole snapshot there."""
    runtime = os.environ.get("KG_RUNTIME")
    return create_app(
        Path(os.environ.get("KG_SNAPSHOTS", ".kg")),
        public_url=os.environ.get("KG_PUBLIC_URL", ""),
        runtime=Path(runtime) if runtime else None,
    )
