"""The site for a WSGI server: `KG_SNAPSHOTS` names the folder of snapshots, `KG_PUBLIC_URL` the public address."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from kg.web.site import create_app

__all__ = ["app"]


def app() -> Flask:
    """Return the site that the environment asks for. Raises SnapshotError if there is no whole snapshot there."""
    return create_app(Path(os.environ.get("KG_SNAPSHOTS", ".kg")), public_url=os.environ.get("KG_PUBLIC_URL", ""))
