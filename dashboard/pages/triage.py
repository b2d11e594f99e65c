"""Incidents and alerts. The table is a snapshot: nothing in it moves until the analyst asks for the new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard import data, shift
from dashboard.actions import bar, told
from dashboard.cards import alert_card
from dashboard.columns import column_config
from dashboard.filters import ALERTS, Choice, choose
from dashboard.navigation import store_faults_told
from dashboard.safe import safe
from dashboard.theme import severity_label
from dashboard.views.alerts import alert_table, incident_table
from dashboard.views.reach import incident_words
from dashboard.words import clock_time, figure
from schemas.triage import OPEN
from store.queries import AlertFilter, AlertRow
from store.triage import MAX_TARGETS

PAGE: Final = 100
"""Rows at a time; 500 cost 118 KiB."""
INSIDE: Final = 50
"""Alerts shown of one incident."""
CARDS: Final = 10
"""Selected rows that are shown below the table."""
PILL_SECONDS: Final = 3.0
ROWS_IN_VIEW: Final = 11
ROW_PIXELS: Final = 35


@dataclass(frozen=True)
class Snapshot:
    """One page of rows as they were at `taken_at` (µs): selections are positions in these, whatever happens since.

    `where` is the choice with its age made a time. `newest` is the newest alert's cursor then; `after` and `following`
    are the store's places before and after the page. For incidents, `leading` names the entity that each is about, and
    `overdue` counts the overdue alerts of each.
    """

    choice: Choice
    where: AlertFilter
    after: tuple[Any, ...] | None
    rows: Sequence[Any]
    following: tuple[Any, ...] | None
    newest: int
    taken_at: int
    leading: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    overdue: Mapping[str, int] = field(default_factory=dict)


def main() -> None:
    """Draw the page."""
    choice = choose()
    told()
    snapshot = current(choice)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        new_alerts(snapshot)
        extent(snapshot)
        if st.button("Shift handover", icon=":material/assignment_turned_in:"):
            shift.ask()
    if not snapshot.rows:
        nothing(choice)
    elif choice.view == ALERTS:
        alerts(snapshot)
    else:
        incidents(snapshot)


def current(choice: Choice) -> Snapshot:
    """The snapshot at hand, or a new one when another question was asked."""
    held: Snapshot | None = st.session_state.get("snapshot")
    if held is None or held.choice != choice:
        st.session_state.pages = []
        held = take(choice, None)
    return held


def take(choice: Choice, after: tuple[Any, ...] | None) -> Snapshot:
    """Ask the store and keep the answer."""
    queries = data.queries()
    find = queries.alerts if choice.view == ALERTS else queries.incidents
    where = choice.until(queries.newest_time())
    page = find(where, sort=choice.sort, after=after, limit=PAGE)
    ids = [] if choice.view == ALERTS else [row.incident_id for row in page.rows]
    known = (queries.leading_entities(ids), queries.overdue_in(ids, data.sla())) if ids else ()
    snapshot = Snapshot(choice, where, after, page.rows, page.following, page.newest, page.now, *known)
    st.session_state.snapshot = snapshot
    return snapshot


@st.fragment(run_every=PILL_SECONDS)
def new_alerts(snapshot: Snapshot) -> None:
    """How many alerts have come since the snapshot; one press shows them."""
    with store_faults_told():
        count = data.queries().count_alerts(snapshot.where, beyond=snapshot.newest)
        if st.button(
            f"{figure(count)} new" if count else "Nothing new",
            icon=":material/fiber_new:" if count else ":material/check:",
            type="primary" if count else "secondary",
            disabled=not count,
            shortcut="N",
            # One button, not a new one for each count.
            key="new",
            help=f"Alerts since {clock_time(snapshot.taken_at)}. The table waits for you.",
        ):
            st.session_state.pages = []
            take(snapshot.choice, None)
            st.rerun()


def extent(snapshot: Snapshot) -> None:
    """Which rows these are, and as of when."""
    if snapshot.rows:
        first = len(st.session_state.pages) * PAGE + 1
        st.text(f"{first}-{first + len(snapshot.rows) - 1}, as of {clock_time(snapshot.taken_at)}")


def pager(snapshot: Snapshot) -> None:
    """Pages by keyset: the store goes on from the last row instead of counting from the first."""
    before: list[Any] = st.session_state.pages
    if not before and snapshot.following is None:
        return
    with st.container(horizontal=True, gap="small"):
        if st.button("Previous", icon=":material/chevron_left:", disabled=not before):
            take(snapshot.choice, before.pop())
            st.rerun()
        if st.button("Next", icon=":material/chevron_right:", disabled=snapshot.following is None):
            before.append(snapshot.after)
            take(snapshot.choice, snapshot.following)
            st.rerun()


def nothing(choice: Choice) -> None:
    """Why the table is empty."""
    if data.queries().newest_time() is None:
        st.info("No event has been judged yet.", title="Nothing to triage", icon=":material/hourglass_empty:")
    elif choice.where.statuses == OPEN:
        st.success(
            "No open alert matches these filters. Resolved ones are one press away, under State.",
            title="All quiet",
            icon=":material/done_all:",
        )
    else:
        st.info("No alert matches these filters.", title="Nothing found", icon=":material/search_off:")


def alerts(snapshot: Snapshot) -> None:
    """The alert table, what can be done with the selected ones, and those below it."""
    chosen = table(
        alert_table(snapshot.rows, data.sla(), snapshot.taken_at),
        snapshot,
        "Alerts, one a row; select rows to act on them",
    )
    rows = acted_on(snapshot, [snapshot.rows[place] for place in chosen])
    if not rows:
        st.caption("Select alerts to act on them, or open an alert's own page in its column.")
    for alert in rows[:CARDS]:
        alert_card(alert)


def incidents(snapshot: Snapshot) -> None:
    """The incident table, what can be done with the alerts inside the selected ones, and what is known of each."""
    frame = incident_table(snapshot.rows, snapshot.leading, snapshot.overdue)
    chosen = [snapshot.rows[place] for place in table(frame, snapshot, "Incidents, one a row; select rows to act")]
    inside = members(snapshot, tuple(incident.incident_id for incident in chosen))
    acted_on(snapshot, inside)
    if not chosen:
        st.caption("Select an incident to see the alerts inside it.")
    now = data.queries().newest_time() if chosen else None
    for incident in chosen[:CARDS]:
        mine = [alert for alert in inside if alert.incident_id == incident.incident_id]
        st.subheader(f"{severity_label(incident.severity)} · {safe(incident.title)}", anchor=False)
        if said := incident_words(incident, now):
            st.text(said)
        if incident.alert_count > len(mine):
            st.caption(f"{figure(len(mine))} of {figure(incident.alert_count)} alerts match the filters.")
        for alert in mine[:INSIDE]:
            alert_card(alert)


def members(snapshot: Snapshot, incident_ids: tuple[str, ...]) -> Sequence[AlertRow]:
    """The alerts inside, as they were when the incidents were selected: actions are about these and no others."""
    key = (snapshot.taken_at, incident_ids)
    held = st.session_state.get("members")
    if held is None or held[0] != key:
        found = data.queries().in_incidents(incident_ids, snapshot.where, limit=MAX_TARGETS) if incident_ids else ()
        held = st.session_state.members = (key, found)
    return held[1]


def acted_on(snapshot: Snapshot, selected: Sequence[AlertRow]) -> Sequence[AlertRow]:
    """The bar of actions on what is selected, or on all that matches; give the alerts it is about."""
    rows = selected
    total = data.queries().count_alerts(snapshot.where)
    if st.checkbox(f"All {figure(total)} matching alerts", key=f"all-{snapshot.taken_at}"):
        rows = st.session_state.get("matching", (None, ()))[1]
        if st.session_state.get("matching", (None,))[0] != snapshot.taken_at:
            rows = data.queries().every(snapshot.where, limit=MAX_TARGETS + 1, newest=snapshot.newest)
            st.session_state.matching = (snapshot.taken_at, rows)
    if rows:
        bar(rows, "triage")
    return rows


def table(frame: pd.DataFrame, snapshot: Snapshot, alt: str) -> list[int]:
    """Draw a table of the snapshot and its pager; give the positions of the selected rows in it."""
    event = st.dataframe(
        frame,
        hide_index=True,
        height=min(len(frame), ROWS_IN_VIEW) * ROW_PIXELS + ROW_PIXELS + 3,
        on_select="rerun",
        selection_mode="multi-row",
        # A new snapshot is a new widget: an old selection must not point into new rows.
        key=f"rows-{snapshot.taken_at}-{len(st.session_state.pages)}",
        column_config=column_config(frame, time_format="MM-DD HH:mm:ss"),
        alt=alt,
    )
    # Not above the table, whose tool bar would cover it.
    pager(snapshot)
    return list(event.selection.rows)


main()
