"""What an analyst sees and does, in a real browser on a real server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from dashboard.csp import HEADERS
from dashboard.navigation import HEADER_SECONDS
from dashboard.views.geography import OUTLINES_PATH
from dashboard.views.health import STALE
from schemas.alerts import Alert
from store.engine import connect
from store.migrate import migrate
from tests.dashboard.alert_samples import SECOND, sample, samples
from tests.dashboard.filled_store import add, beating, fill, new_store, now
from tests.dashboard.served import NARROW, Visit, profile, served, shows, visiting
from tests.services.service import Service

COUNT = 240
SOONER_OR_LATER = 15_000
REACTION_SECONDS = 3.0
"""What a busy machine may add to a poll of the page."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A live store of the last day."""
    url = new_store(tmp_path_factory.mktemp("browser"))
    fill(url, samples(COUNT, until=now()), watermark=now())
    with beating(url):
        yield url


@pytest.fixture(scope="module")
def site(store: str) -> Iterator[str]:
    with served(store, demo=True) as url:
        yield url


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[BrowserContext]:
    with profile(browser) as context:
        yield context


@pytest.fixture
def visit(desk: BrowserContext, site: str) -> Iterator[Visit]:
    with visiting(desk, site) as visit:
        yield visit


# --- how pages look ---------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_telephone_and_can_be_read(
    browser: Browser, site: str, scheme: Literal["light", "dark"]
) -> None:
    with profile(browser, width=NARROW, scheme=scheme) as telephone, visiting(telephone, site) as visit:
        for path in (
            "/",
            "/triage",
            "/triage?view=Alerts",
            f"/alert?id={sample(0).alert_id}",
            "/suppressions",
            "/detectors",
            "/health",
        ):
            visit.go(path)
            assert visit.overflow() == 0, path
            assert visit.page.evaluate(_IS_DARK) == (scheme == "dark")
            assert visit.page.evaluate(_FAINT) == [], path


_IS_DARK = """() => {
    const ground = getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor;
    return ground.match(/\\d+/g).slice(0, 3).every(channel => channel < 64);
}"""
# WCAG 2.2 contrast of text against what lies under it; 4.5 is AA. Disabled controls are exempt there too.
_FAINT = """() => {
    const channels = colour => colour.match(/[\\d.]+/g).map(Number);
    const over = (top, under) => {
        const [r, g, b, a = 1] = top;
        return [r, g, b].map((value, at) => value * a + under[at] * (1 - a));
    };
    const under = element => {
        const stack = [];
        for (let at = element; at; at = at.parentElement) stack.unshift(channels(getComputedStyle(at).backgroundColor));
        return stack.reduce((below, top) => over(top, below), [255, 255, 255]);
    };
    const light = colour => {
        const [r, g, b] = colour.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
    const walker = document.createTreeWalker(document.querySelector('[data-testid=stApp]'), NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node; (node = walker.nextNode());) {
        const element = node.parentElement;
        const chart = element.closest('svg');
        const exempt = 'canvas, [disabled], [data-testid=stIconMaterial]';
        if (!node.data.trim() || !element.checkVisibility() || element.closest(exempt)) continue;
        const below = under(chart ? chart.parentElement : element);
        const style = getComputedStyle(element);
        const ink = over(channels(chart ? style.fill : style.color), below);
        if (ratio(ink, below) < 4.5) found.push(`${node.data.trim()}: ${ratio(ink, below).toFixed(2)}`);
    }
    return found;
}"""


def test_charts_say_utc_and_their_day(visit: Visit) -> None:
    visit.go("/")
    titles = visit.page.locator("svg text").filter(has_text=re.compile(r"^UTC, \d{4}-\d\d-\d\d"))
    assert titles.count() == 3


def test_the_map_is_drawn_from_our_own_outlines(visit: Visit) -> None:
    with visit.page.expect_response(lambda response: OUTLINES_PATH in response.url) as answer:
        visit.go("/")
    assert answer.value.ok
    expect(visit.page.locator("svg .mark-shape path").nth(150)).to_be_attached(timeout=SOONER_OR_LATER)


def test_documents_assets_and_errors_carry_the_policy(desk: BrowserContext, site: str) -> None:
    ask = desk.request.get
    script = re.search(r'src="\./(static/js/[^"]+)"', ask(site).text())
    assert script
    for path in ("", "triage", script[1], OUTLINES_PATH.lstrip("/"), "_stcore/health", "no/such/page.js"):
        headers = ask(f"{site}/{path}").headers
        assert {name: headers.get(name) for name in HEADERS} == HEADERS, path
        assert headers["content-security-policy"].startswith("default-src 'self'; ")


# --- the address ------------------------------------------------------------------------------


def test_filters_land_in_the_address_and_a_reload_keeps_them(visit: Visit) -> None:
    visit.go("/triage")
    for name in ("Alerts", "High", "Resolved"):
        visit.page.get_by_role("button", name=name, exact=True).or_(
            visit.page.get_by_role("radio", name=name, exact=True)
        ).first.click()
        visit.drawn()
    visit.page.get_by_text("More filters").click()
    visit.page.get_by_role("textbox", name="Entity").fill("user:user-1")
    visit.page.keyboard.press("Enter")
    expect(visit.page).to_have_url(re.compile("entity=user"))
    visit.drawn()
    query = visit.page.url.partition("?")[2]
    for part in ("view=Alerts", "severity=High", "state=New", "state=Resolved", "entity=user%3Auser-1"):
        assert part in query
    expect(visit.column(3)).to_have_text(["user user-1"])
    visit.page.reload()
    visit.drawn()
    assert visit.page.url.partition("?")[2] == query
    expect(visit.column(3)).to_have_text(["user user-1"])
    assert visit.page.get_by_role("textbox", name="Entity").input_value() == "user:user-1"


def test_figures_of_the_overview_lead_to_what_they_count(visit: Visit) -> None:
    visit.go("/")
    for severity, place in (("High", 1), ("Low", 3)):
        figure = visit.page.get_by_test_id("stMetricValue").nth(place).inner_text()
        visit.page.get_by_role("link", name="Show").nth(place).click()
        expect(visit.page).to_have_url(re.compile(f"severity={severity}"))
        shows(visit, f"1-{figure}, as of")
        visit.drawn()
        assert {cell.split()[-1] for cell in visit.cells(1)} == {severity}
        visit.page.get_by_role("link", name="Overview").click()
        visit.drawn()


def test_an_alert_has_an_address_of_its_own(visit: Visit) -> None:
    visit.go(f"/alert?id={sample(5).alert_id}")
    shows(visit, "Two places, too far: user user-5 from 2 places in 2 min.")
    assert visit.page.title() == "Alert · tokentrail"
    visit.go("/alert?id=nothing")
    shows(visit, "The address names no stored alert.")


def test_an_incident_opens_and_leads_to_its_alerts(visit: Visit) -> None:
    visit.go("/triage")
    visit.select_row(0)
    shows(visit, "A spent refresh token came back: family")
    visit.page.get_by_role("link", name="A spent refresh token came back").first.click()
    expect(visit.page).to_have_url(re.compile(r"/alert\?id="))
    shows(visit, "Seen and expected")


# --- frozen until asked -----------------------------------------------------------------------


def test_the_table_waits_while_alerts_arrive_and_takes_them_in_when_asked(visit: Visit, store: str) -> None:
    visit.go("/triage?view=Alerts&sort=Newest+first")
    before = visit.cells(3)
    visit.select_row(1)
    card = visit.page.get_by_test_id("stText").filter(has_text=before[1]).last
    expect(card).to_be_visible()
    add(store, newest(1_001, 1_002, 1_003))
    expect(visit.pill()).to_contain_text("3 new", timeout=SOONER_OR_LATER)
    assert visit.cells(3) == before
    expect(card).to_be_visible()
    visit.pill().click()
    expect(visit.pill()).to_contain_text("Nothing new", timeout=SOONER_OR_LATER)
    visit.drawn()
    assert visit.cells(3)[:3] == ["key key-1003", "ip ip-1002", "user user-1001"]
    assert before[0] in visit.cells(3)


def newest(*numbers: int) -> list[Alert]:
    """Alerts that begin now, one after the other."""
    return [sample(number, at=now() + place * SECOND) for place, number in enumerate(numbers)]


def test_an_alert_that_goes_on_says_so_and_waits(visit: Visit, store: str) -> None:
    at = now()
    add(store, [sample(2_001, at=at)])
    visit.go(f"/alert?id={sample(2_001).alert_id}")
    badge = visit.page.get_by_text("▲ High").first
    expect(badge).to_be_visible()
    add(store, [sample(2_001, at=at, revision=2, severity="critical")])
    again = visit.page.get_by_role("button", name="show revision 2")
    expect(again).to_be_visible(timeout=SOONER_OR_LATER)
    expect(badge).to_be_visible()
    again.click()
    expect(visit.page.get_by_text("◆ Critical").first).to_be_visible(timeout=SOONER_OR_LATER)
    expect(again).to_have_count(0)


def test_the_overview_takes_in_new_alerts_without_a_reload(visit: Visit, store: str) -> None:
    visit.go("/")
    medium = visit.page.get_by_test_id("stMetricValue").nth(2)
    before = int(medium.inner_text())
    add(store, [sample(3_006, at=now())])
    expect(medium).to_have_text(str(before + 1), timeout=SOONER_OR_LATER)


# --- faults -----------------------------------------------------------------------------------


def test_a_worker_that_falls_silent_is_red_within_two_heartbeats(desk: BrowserContext, tmp_path: Path) -> None:
    url = new_store(tmp_path)
    fill(url, samples(3))
    with served(url) as site, visiting(desk, site) as visit:
        with beating(url):
            visit.go("/health")
            shows(visit, "Live")
        silent = time.monotonic()
        shows(visit, "No heartbeat for")
        took = time.monotonic() - silent
        alarm = visit.page.get_by_test_id("stAlertContentError")
        expect(alarm).to_contain_text("this is old data")
        assert took < STALE / SECOND + HEADER_SECONDS + REACTION_SECONDS
        with beating(url):
            shows(visit, "Live")
            expect(alarm).to_have_count(0)


def test_a_store_that_goes_away_is_told_and_comes_back_by_itself(
    desk: BrowserContext, postgres_url: str, postgres_server: Service
) -> None:
    database = connect(postgres_url)
    migrate(database)
    database.close()
    fill(postgres_url, samples(3))
    with served(postgres_url) as site, visiting(desk, site) as visit:
        visit.go("/triage?view=Alerts&severity=High")
        postgres_server.stop()
        shows(visit, "The store does not answer")
        shows(visit, "Nothing was changed. This page tries again by itself.")
        postgres_server.start()
        shows(visit, "Event-time lag", seconds=30)
        visit.drawn()
        expect(visit.page.get_by_text("The store does not answer")).to_have_count(0, timeout=SOONER_OR_LATER)
        assert "severity=High" in visit.page.url
        expect(visit.column(3)).to_have_text(["user user-1"])
