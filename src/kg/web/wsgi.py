"""The site for a WSGI server: `KG_SNAPSHOTS` names the folder of snapshots, `KG_PUBLIC_URL` the public address."""

from __future__ import annotations

import os
from pathlib import Path

from kg.web.site import create_app

__all__ = ["app"]

app = create_app(Path(os.environ.get("KG_SNAPSHOTS", ".kg")), public_url=os.environ.get("KG_PUBLIC_URL", ""))
