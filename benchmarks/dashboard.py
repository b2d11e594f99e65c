"""How long the first page of the dashboard takes, and how much it loads, with 100 000 stored alerts.

A round opens a page in a new tab and ends when the script has ended and every chart and table is drawn. The browser is
one that has been here before: Streamlit's program files and their compiled code are in its cache. What the very first
visit takes is shown without a goal.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.sync_api import BrowserContext, ViewportSize, sync_playwright

from benchmarks.figures import Figure
from tests.dashboard.alert_samples import sample, samples
from tests.dashboard.filled_store import beating, fill, new_store, now
from tests.dashboard.served import DRAWN, served
from tests.services.chromium import ARGUMENTS, chromium_path

ALERTS: Final = 100_000
ROUNDS: Final = 20
EARLIER_VISITS: Final = 3
"""Chromium keeps compiled code of what it has seen more than once."""
SCREEN: Final[ViewportSize] = {"width": 1440, "height": 900}
SECONDS: Final = 1.0
KIBIBYTES: Final = 200.0
PAGES: Final = {
    "overview": "/",
    "incidents": "/triage",
    "alerts": "/triage?view=Alerts",
    "alert": f"/alert?id={sample(0).alert_id}",
    "health": "/health",
}


@dataclass(frozen=True, slots=True)
class Load:
    """One page: seconds until it is drawn, KiB received over HTTP and the web socket."""

    seconds: float
    kibibytes: float


def load(context: BrowserContext, url: str) -> Load:
    """Open a page in a new tab."""
    page = context.new_page()
    received = 0.0

    def answered(event: dict[str, Any]) -> None:
        nonlocal received
        received += event["encodedDataLength"]

    def told(event: dict[str, Any]) -> None:
        nonlocal received
        frame = event["response"]
        # Binary frames are reported in base64.
        received += len(frame["payloadData"]) * (0.75 if frame["opcode"] == 2 else 1)

    network = context.new_cdp_session(page)
    network.on("Network.loadingFinished", answered)
    network.on("Network.webSocketFrameReceived", told)
    network.send("Network.enable")
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function(DRAWN, polling="raf")
    seconds = time.perf_counter() - start
    page.close()
    return Load(seconds, received / 1024)


def measure(alerts: int = ALERTS, rounds: int = ROUNDS) -> list[Figure]:
    """Give p95 and size of every page, and of the very first visit."""
    with TemporaryDirectory(prefix="tokentrail-bench-") as folder:
        store = new_store(Path(folder))
        fill(store, samples(alerts, until=now()), watermark=now())
        with beating(store), served(store) as site, sync_playwright() as playwright:
            figures = []
            for name, path in PAGES.items():
                with TemporaryDirectory(prefix="tokentrail-bench-") as known:
                    browser = playwright.chromium.launch_persistent_context(
                        known, executable_path=chromium_path(), args=list(ARGUMENTS), viewport=SCREEN
                    )
                    loads = [load(browser, site + path) for _ in range(EARLIER_VISITS + rounds)]
                    browser.close()
                figures += _figures(name, loads[0], loads[EARLIER_VISITS:])
    return figures


def _figures(name: str, first: Load, later: Sequence[Load]) -> list[Figure]:
    ranked = sorted(one.seconds for one in later)
    p95 = ranked[math.ceil(0.95 * len(ranked)) - 1]
    note = f"median {ranked[len(ranked) // 2]:.2f} s; first visit {first.seconds:.2f} s, {first.kibibytes:,.0f} KiB"
    return [
        Figure(f"dashboard, {name}: drawn, p95", p95, "s", SECONDS, at_most=True, note=note),
        Figure(f"dashboard, {name}: loaded", max(one.kibibytes for one in later), "KiB", KIBIBYTES, at_most=True),
    ]
