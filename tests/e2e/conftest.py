"""The sites as a person meets them: served by `kg serve`, in the Chromium of this machine, which one module shares."""

from __future__ import annotations

import importlib.resources
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests import building
from tests.building import BELLS, built_copy, copy_of, environment, rebuilt, served

from kg.web.assets import read_assets

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

#: What the copy of the bells says besides: a language with a catalogue, and all that a page may lead to.
MORE = """
contact = "mailto:clychau@bells.example"
privacy = { cy = "Nid enwir neb.", de = "Niemand wird genannt." }
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install .[clients]"
    )
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"there is no browser here: none of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        # As root, in a container, the browser's own sandbox cannot be had; it sees our pages only.
        chromium = driver.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def axe() -> str:
    pytest.importorskip("axe_playwright_python", reason="axe is not here: pip install '.[clients]'")
    return importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bells with a history, in French too (of which only the interface is), with one thing withdrawn."""
    root = copy_of(BELLS, tmp_path_factory.mktemp("browser") / "bells")
    settings = (root / "kg.toml").read_text(encoding="utf-8")
    settings = settings.replace('languages = ["cy", "de"]', 'languages = ["cy", "de", "fr"]' + MORE)
    (root / "kg.toml").write_text(settings.replace("[home]", '[home]\nfigures = ["bells"]'), encoding="utf-8")
    (root / ".gitignore").write_text(".kg/\n", encoding="utf-8")
    name = ["-c", "user.name=Ringer", "-c", "user.email=ringer@bells.example", "-c", "commit.gpgsign=false"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "Hang the bells"]):
        subprocess.run(["git", *name, *words], cwd=root, env=environment(), check=True)
    rebuilt(root)
    with served(root) as address:
        yield address


@pytest.fixture(scope="module")
def flagship(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(built_copy(building.flagship(), tmp_path_factory.mktemp("browser") / "flagship")) as address:
        yield address


@pytest.fixture
def scripted() -> None:
    """Skip where the engine was installed without its script."""
    if "site.js" not in read_assets():
        pytest.skip("the script of the pages is not made: make frontend")


# --- looking at pages ------------------------------------------------------------------------------------

# Registered before anything of the page runs.
_WATCH = """
globalThis.shifts = [];
new PerformanceObserver((list) => shifts.push(...list.getEntries().map((one) => one.value)))
  .observe({ type: "layout-shift", buffered: true });
"""
_SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
# Links in a sentence may be as high as its line.
_SMALL = """() => [...document.querySelectorAll(
  "nav a, .bottom a, .plain a, .counts a, .formats a, button, input, select, textarea, summary")]
  .filter((one) => !["hidden", "checkbox", "radio"].includes(one.type))
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.getBoundingClientRect().height < 24)
  .map((one) => one.outerHTML.slice(0, 120))"""
_WIDE = """() => [...document.querySelectorAll("body *")].filter((one) =>
  one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll, .unseen, .skip, pre, svg"))
  .map((one) => one.outerHTML.slice(0, 120)).slice(0, 3)"""
#: Asks axe what is wrong with a page; what it finds, in sentences.
AXE = """() => axe.run(document, { resultTypes: ["violations"], preload: false })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
    `${id}: ${target.join(" ")}: ${failureSummary.replace(/\\s+/g, " ")}`)))"""


@dataclass
class Look:
    """What a browser makes of one page in one language: everything is seen once, each test asks for its part."""

    weight: int = 0
    strange: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    shifts: list[float] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass
class Eyes:
    """A browser window that looks at pages, and remembers what it saw."""

    browser: Any
    axe: str
    seen: dict[tuple[str, str], Look] = field(default_factory=dict)

    @cached_property
    def page(self) -> Any:
        context = self.browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(_WATCH)
        return context.new_page()

    def look(self, address: str, language: str) -> Look:
        if (address, language) not in self.seen:
            self.seen[address, language] = self._look(address, language)
        return self.seen[address, language]

    def _look(self, address: str, language: str) -> Look:
        look, page, host = Look(), self.page, urlsplit(address).netloc

        def asked(request: Any) -> None:
            if urlsplit(request.url).netloc != host:
                look.strange.append(request.url)

        def said(message: Any) -> None:
            # That a page is a 404 is said of each 404.
            if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
                look.said.append(message.text)

        page.on("request", asked)
        page.on("console", said)
        # Each page is seen in two languages: once in light, once in dark.
        page.emulate_media(color_scheme="dark" if language == "fr" else "light")
        page.set_viewport_size({"width": 1280, "height": 900})
        answer = page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
        page.evaluate(_SETTLED)
        look.weight = len(answer.body())
        look.shifts = page.evaluate("() => shifts")
        page.evaluate(self.axe)
        look.faults = page.evaluate(AXE)
        page.set_viewport_size({"width": 360, "height": 800})
        page.evaluate(_SETTLED)
        if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            look.wide = page.evaluate(_WIDE) or ["something"]
        look.small = page.evaluate(_SMALL)
        page.remove_listener("request", asked)
        page.remove_listener("console", said)
        return look


@pytest.fixture(scope="module")
def eyes(browser: Any, axe: str) -> Eyes:
    return Eyes(browser, axe)


@pytest.fixture
def window(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a window of its own for one test; what it is to be like is said in the words of Playwright."""
    contexts = []

    def opened(**likes: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **likes})
        context.set_default_timeout(10_000)
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
