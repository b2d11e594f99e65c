"""A dashboard server on a store, and pages of a real browser that notice whatever should not happen."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from dashboard.server import NO_SLA, address, start
from schemas.triage import Sla
from tests.services.service import free_ports

WIDE, NARROW = 1440, 390
START_SECONDS = 60.0
# Streamlit's client asks for these below the page's own path before it asks at the root.
PROBES = ("/_stcore/health", "/_stcore/host-config")
DRAWN = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    const whole = (kind, part) => [...document.querySelectorAll(`[data-testid=${kind}]`)]
        .every(found => found.querySelector(part) || !found.checkVisibility());
    return app?.dataset.testScriptState === 'notRunning'
        && document.querySelector('[data-testid=stText], [data-testid=stAlert]')
        && !document.querySelector('[data-testid=stSkeleton]')
        && whole('stVegaLiteChart', 'svg') && whole('stDataFrame', 'canvas');
}"""
"""Whether the script has ended and every chart and table that can be seen is there."""


@contextmanager
def served(store: str, *, demo: bool = False, lake: str = "", sla: Sla = NO_SLA) -> Iterator[str]:
    """The address of a server that answers, in a process of its own."""
    (port,) = free_ports(1)
    process = start(store, port=port, demo=demo, lake=lake, sla=sla)
    url = address("127.0.0.1", port)
    try:
        _wait_for(f"{url}/_stcore/health")
        yield url
    finally:
        process.terminate()
        process.join()


def _wait_for(url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own server
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < end, "the dashboard does not answer"
            time.sleep(0.05)
        else:
            return


@dataclass
class Visit:
    """One page in a browser, and what it did that a page must not do."""

    page: Page
    site: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        self.page.on("request", lambda request: self._request(request.url))
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _request(self, url: str) -> None:
        if not url.startswith((self.site, "data:", "blob:")):
            self.foreign.append(url)

    def _console(self, message: ConsoleMessage) -> None:
        probe = message.location.get("url", "").endswith(PROBES)
        if message.type == "error" and not probe:
            self.complaints.append(message.text)

    def go(self, path: str) -> Visit:
        """Open a page of the dashboard and wait until all of it is drawn."""
        self.page.goto(self.site + path)
        return self.drawn()

    def drawn(self) -> Visit:
        """Wait until the script has ended and every chart and table is there."""
        self.page.wait_for_function(DRAWN, polling=50)
        return self

    def assert_clean(self) -> None:
        """No foreign request was made or blocked, no error was reported."""
        assert self.foreign == []
        assert self.complaints == []

    def overflow(self) -> int:
        """Pixels by which the page can be scrolled sideways."""
        widths = "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
        return int(self.page.evaluate(f"Math.max(...{widths}.map(e => e.scrollWidth - e.clientWidth))"))

    def column(self, number: int) -> Locator:
        """Cells of a column of the first table, as a screen reader hears them; 1 is the first after the boxes."""
        return self.page.get_by_test_id("stDataFrame").first.locator(f"[data-testid^=glide-cell-{number}-]")

    def cells(self, column: int) -> list[str]:
        """What stands in a column of the first table."""
        self.column(column).first.wait_for(state="attached")
        return self.column(column).all_text_contents()

    def select_row(self, row: int) -> None:
        """Tick the box of a row of the first table."""
        table = self.page.get_by_test_id("stDataFrame").first
        canvas = table.get_by_test_id("data-grid-canvas")
        # The part that scrolls lies over the canvas and hands clicks on.
        canvas.click(position={"x": 16, "y": 35 * (row + 1) + 17}, force=True)

    def pill(self) -> Locator:
        """The button that counts what is new."""
        return self.page.locator(".st-key-new button").first


@contextmanager
def profile(
    browser: Browser, *, width: int = WIDE, scheme: Literal["light", "dark"] = "light"
) -> Iterator[BrowserContext]:
    """A browser profile; its pages share the cache."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        yield context
    finally:
        context.close()


@contextmanager
def visiting(context: BrowserContext, site: str) -> Iterator[Visit]:
    """A page that must end without a foreign request, an error or a way to scroll it sideways."""
    visit = Visit(context.new_page(), site)
    try:
        yield visit
        visit.assert_clean()
        assert visit.overflow() == 0
    finally:
        visit.page.close()


def shows(visit: Visit, text: str, seconds: float = 15) -> None:
    """Wait for words anywhere on the page."""
    expect(visit.page.get_by_text(text).first).to_be_visible(timeout=seconds * 1_000)
