"""The script of the pages: whether it is made from the sources that are here, and how it is made.

Run as a program it says why there is none, if so, and exits with 1 if it is worth while to install the project again.
It needs nothing but the standard library: the build hook, make and the tests use it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["Unmade", "fail", "is_fresh", "is_settled", "is_unwanted", "make"]

SOURCES = Path(__file__).resolve().parent
OUTPUT = SOURCES.parent / "src" / "kg" / "web" / "static" / "site.js"
#: What the script was made from, and on a second line why it could not be made, if so.
STAMP = OUTPUT.with_name("site.js.stamp")

# The registry of npm is asked once; who is not there in time is not there.
_SECONDS = 120
_NPM = (
    "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=2", "--fetch-retry-mintimeout=1000",
    "--loglevel=error",
)  # fmt: skip
_ESBUILD = ("src/site.js", "--bundle", "--minify", "--format=esm", "--target=es2022", "--log-level=warning")


class Unmade(Exception):
    """The script cannot be made; the text says why."""


def is_unwanted() -> bool:
    """Tell whether the environment asks for pages without scripts."""
    return os.environ.get("KG_SKIP_FRONTEND", "0") not in ("", "0")


def digest() -> str:
    """Return the hash of everything that the script is made from."""
    found = hashlib.sha256()
    for path in sorted([*SOURCES.glob("*.json"), *SOURCES.glob("src/*.js"), SOURCES / ".npmrc", Path(__file__)]):
        content = path.read_bytes()
        found.update(f"{path.name} {len(content)}\n".encode() + content)
    return found.hexdigest()


def is_settled() -> bool:
    """Tell whether these very sources have been tried, with success or without."""
    return _stamped()[0] == digest()


def is_fresh() -> bool:
    """Tell whether the script is there, and made from these sources."""
    return is_settled() and OUTPUT.is_file() and not _stamped()[1]


def make(node: Path, npm: Path) -> None:
    """Make the script with a Node and the script of its npm. Raises Unmade, and leaves what was there before."""
    with tempfile.TemporaryDirectory(prefix="kg-frontend-") as name:
        # In a copy: nothing that npm brings is left in the sources.
        folder = Path(name) / "frontend"
        shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        _run(folder, node, npm, *_NPM)
        _run(folder, node, "node_modules/esbuild/bin/esbuild", *_ESBUILD, "--outfile=site.js")
        OUTPUT.parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / "site.js", OUTPUT.with_suffix(".new"))
    OUTPUT.with_suffix(".new").replace(OUTPUT)
    STAMP.write_text(digest() + "\n", encoding="utf-8")


def fail(reason: str) -> None:
    """Note why there is no script; one of other sources goes."""
    OUTPUT.unlink(missing_ok=True)
    STAMP.write_text(f"{digest()}\n{' '.join(reason.split())}\n", encoding="utf-8")


def _stamped() -> tuple[str, str]:
    try:
        found, _, reason = STAMP.read_text(encoding="utf-8").partition("\n")
    except OSError:
        return "", ""
    return found, reason.strip()


def _run(folder: Path, node: Path, *words: str | Path) -> None:
    # What npm starts in turn finds this Node, whichever else there is.
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(
            [node, *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unmade(str(error)) from None
    if done.returncode:
        said = [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
        raise Unmade("; ".join(said[:3]) or f"exit {done.returncode}")


def main() -> int:
    """Tell what there is to tell, and return the status to exit with."""
    if is_unwanted():
        return 0
    if reason := _stamped()[1] if is_settled() else "":
        print(f"The pages have no scripts, and work without: {reason}\nTo try again: make frontend", file=sys.stderr)
    return 0 if is_settled() else 1


if __name__ == "__main__":
    sys.exit(main())
