"""Overview: how much is coming in, what is wrong, where, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboard import data
from dashboard.columns import column_config
from dashboard.filters import ALERTS
from dashboard.navigation import page, store_faults_told
from dashboard.theme import SEVERITIES, severity_label, severity_name
from dashboard.views import attacks, geography, rates
from dashboard.views.alerts import risk_table
from dashboard.words import DAY, HOUR, clock_time, figure
from schemas.alerts import Alert
from store.queries import AlertFilter

REFRESH_SECONDS: Final = 5.0
CHART_SECONDS: Final = 10.0
WINDOWS: Final = {"1 hour": HOUR, "24 hours": DAY, "7 days": 7 * DAY}
TRAVEL: Final = ("impossible-geography", "refresh-reuse")
"""Detectors whose alerts may speak of a change of country."""
EPISODES: Final = 100
JOURNEYS: Final = 25
ENTITIES: Final = 10


def main() -> None:
    """Draw the page."""
    open_alerts()
    name = st.segmented_control(
        "Window", list(WINDOWS), default="24 hours", key="window", bind="query-params", label_visibility="collapsed"
    )
    charts(WINDOWS[name or "24 hours"])


@st.fragment(run_every=REFRESH_SECONDS)
def open_alerts() -> None:
    """Open alerts by severity; each figure leads to them."""
    with store_faults_told():
        counts = data.queries().open_by_severity()
        with st.container(horizontal=True, gap="small"):
            for severity, look in SEVERITIES.items():
                found = {"view": ALERTS, "severity": severity_name(severity)}
                with st.container(border=True, width=160, gap=None):
                    st.badge(severity_label(severity), color=look.tint)
                    st.metric("Open alerts", figure(counts.get(severity, 0)), label_visibility="collapsed")
                    st.page_link(page("triage"), label="Show", icon=":material/arrow_forward:", query_params=found)
            if data.sla():
                overdue()


def overdue() -> None:
    """Alerts that somebody should have taken by now."""
    with st.container(border=True, width=160, gap=None):
        st.badge("Overdue", icon=":material/alarm:", color="red")
        count = data.queries().count_alerts(AlertFilter(overdue=data.sla()))
        st.metric("Overdue alerts", figure(count), label_visibility="collapsed")
        found = {"view": ALERTS, "overdue": "true"}
        st.page_link(page("triage"), label="Show", icon=":material/arrow_forward:", query_params=found)


@st.fragment(run_every=CHART_SECONDS)
def charts(span: int) -> None:
    """All charts over `span` µs up to the newest judged event, or from the first event if that came later."""
    with store_faults_told():
        until = data.queries().newest_time()
        if until is None:
            welcome()
            return
        first = data.queries().first_time() or 0
        step = rates.step_for(min(span, until - first))
        since = max((until - span) // step * step, first)
        window = (since, (until // step + 1) * step)
        if since == first:
            st.caption(f"Events began to arrive at {clock_time(first)}.")
        attacked = data.queries().attack_rate(*window, step)
        left, right = st.columns(2)
        with left:
            events(window, step, until)
        with right:
            alerts(attacked, window, step)
        timeline(attacked, window)
        left, right = st.columns([3, 2])
        with left:
            world(window)
        with right:
            entities()


def welcome() -> None:
    """What to do when nothing has arrived yet."""
    st.info(
        "This page fills by itself as soon as the worker has judged its first minute of events. "
        "Health shows whether a worker is running and what it refuses.",
        title="No events yet",
        icon=":material/hourglass_empty:",
    )


def events(window: tuple[int, int], step: int, until: int) -> None:
    """Events per minute by type, counted up to `until` µs."""
    st.subheader("Events", anchor=False)
    found = rates.event_rates(data.queries().event_rate("type", *window, step), step, (window[0], until))
    if found.empty:
        st.caption("No event in this window.")
    else:
        st.altair_chart(rates.event_chart(found, window), alt="Events per minute, a row for each type, over UTC time")


def alerts(attacked: Sequence[object], window: tuple[int, int], step: int) -> None:
    """Alerts by the time they began, from their counts in buckets of `step` µs."""
    st.subheader("Alerts", anchor=False)
    found = rates.alert_counts(attacked, step, window[0])
    if found.empty:
        st.caption("No alert began in this window.")
    else:
        chart = rates.alert_chart(found, step, window)
        st.altair_chart(chart, alt="Alerts that began, a row for each severity, over UTC time")


def timeline(attacked: Sequence[object], window: tuple[int, int]) -> None:
    """Episodes on one time line; where they are too many to tell apart, their counts."""
    found = data.queries().alerts(active_in(window), limit=EPISODES)
    st.subheader("Attack timeline", anchor=False)
    if not found.rows:
        st.caption("No attack in this window: nothing crossed a detector's threshold.")
    elif found.following is None:
        chart = attacks.timeline(attacks.episodes(found.rows), window)
        st.altair_chart(chart, alt="Episodes of alerts by detector over UTC time")
    else:
        counts = attacks.attack_counts(attacked)
        st.altair_chart(attacks.density(counts, window), alt="Alerts by detector and severity over UTC time")


def active_in(window: tuple[int, int]) -> AlertFilter:
    """Alerts with findings in the window, of those that began at most as long before it as it lasts."""
    since, until = window
    return AlertFilter(since=since, begun=since - (until - since))


def world(window: tuple[int, int]) -> None:
    """Countries of events, and changes of country that alerts speak of."""
    st.subheader("Places", anchor=False)
    active = geography.activity(data.queries().totals("country", *window))
    bodies = data.queries().bodies(active_in(window)._replace(detectors=TRAVEL), limit=JOURNEYS)
    travelled = geography.journeys(Alert.model_validate_json(body) for body in bodies)
    if active.empty and travelled.empty:
        st.caption("No event of this window says which country it came from.")
        return
    st.altair_chart(
        geography.world(active, travelled), alt="World map: events by country, arcs for changes of country in alerts"
    )
    st.caption("Circles: events by country. Arcs: from the country that was expected to the one an alert saw.")


def entities() -> None:
    """Who to look at first."""
    st.subheader("Entities at risk", anchor=False)
    found = data.queries().risky_entities(ENTITIES)
    if not found:
        st.caption("No entity carries risk now.")
        return
    table = risk_table(found)
    st.dataframe(
        table,
        hide_index=True,
        column_config=column_config(table),
        alt="Entities by risk, with the detectors behind it",
    )


main()
