"""The dashboard beside a worker on a real broker: what the worker finds is seen without a reload."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.dashboard.served import profile, served, shows, visiting
from tests.engines.stage import Crew, fill
from tests.services.service import Service

EVENTS = 12_000
MINUTE_MS = 60_000


@pytest.fixture
def crew(kafka_broker: Service, make_topic: Callable[[int], str], tmp_path: Path) -> Iterator[Crew]:
    stage = fill(kafka_broker.address, make_topic(2), EVENTS)
    crew = Crew(stage, tmp_path, f"sqlite:///{tmp_path / 'store.db'}")
    yield crew
    crew.end()


def test_alerts_of_a_kafka_worker_appear_without_a_reload(crew: Crew, browser: Browser) -> None:
    with served(crew.store) as site, profile(browser) as desk, visiting(desk, site) as visit:
        visit.page.goto(site)
        shows(visit, "Waiting for the first start of a worker")
        visit.page.evaluate("window.neverReloaded = true")
        worker = crew.start()
        counts = visit.page.get_by_test_id("stMetricValue")
        expect(counts.filter(has_text=re.compile("[1-9]")).first).to_be_visible(timeout=2 * MINUTE_MS)
        crew.wait_until_done()
        visit.page.get_by_role("link", name="Incidents and alerts").click()
        visit.page.get_by_role("radio", name="Alerts").click()
        shows(visit, f"1-{len(crew.outcome().alerts)}, as of")
        crew.stop(worker)
        shows(visit, "Worker stopped")
        assert visit.page.evaluate("window.neverReloaded")
