"""One entity on a page of its own: how risky and why, since when it is known, what it did, where, with what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from dashboard import data
from dashboard.cards import alert_card
from dashboard.columns import column_config
from dashboard.lake import lake_or_told, paged
from dashboard.navigation import page
from dashboard.safe import safe, visible
from dashboard.views import events
from dashboard.views.alerts import alerts_of_link, risk_parts
from dashboard.words import clock_time, figure
from schemas.vocabulary import EntityType
from store.events import MAX_EVENTS, EventFilter, EventQueries
from store.queries import AlertFilter, AlertRow

ALERTS: Final = 20
GROUPS: Final = {
    "Places": (("country", "city", "asn"), ("Country", "City", "ASN")),
    "Addresses": (("ip",), ("Address",)),
    "Devices": (("device_id", "user_agent"), ("Device", "User agent")),
    "Users": (("sub",), ("User",)),
    "Clients": (("client_id",), ("Client",)),
    "Tokens": (("token_id",), ("Token",)),
    "Families": (("family_id",), ("Family",)),
    "Sessions": (("session_id",), ("Session",)),
    "Keys": (("key_id",), ("Key",)),
}


def main() -> None:
    """Draw the page of the entity that the address names."""
    kind, id_ = st.query_params.get("type", ""), st.query_params.get("id", "")
    if kind not in set(EntityType) or not id_:
        st.info(
            f"The address needs type and id. Types: {safe(', '.join(EntityType))}.",
            title="No entity named",
            icon=":material/search_off:",
        )
        return
    entity = (EntityType(kind), id_)
    st.header(safe(f"{kind} {id_}"), anchor=False)
    risk(*entity)
    found = data.queries().alerts(AlertFilter(entity=entity), limit=ALERTS + 1).rows
    lake = lake_or_told()
    if lake is not None:
        activity(lake, EventFilter(entity=entity), found)
    alerts(entity, found)


def risk(kind: EntityType, id_: str) -> None:
    """The risk of the entity in each tenant and issuer, and what it is made of."""
    for row in data.queries().entity_risk(kind, id_):
        st.metric("Risk", f"{safe(figure(row.score))} of 100", border=True, width=240)
        scope = " · ".join(visible(name) for name in (row.tenant, row.iss) if name)
        st.text(f"{scope} · at {clock_time(row.time)}" if scope else f"at {clock_time(row.time)}")
        parts = risk_parts(row.parts)
        st.dataframe(parts, hide_index=True, column_config=column_config(parts), alt="Parts of the risk")


def activity(lake: EventQueries, where: EventFilter, found: Sequence[AlertRow]) -> None:
    """First and last sight, the time line, and places, devices and tokens of the newest events."""
    span = lake.span(where)
    with st.container(horizontal=True, gap="medium", border=True):
        for name, value in (
            ("First seen", "never" if span.first is None else clock_time(span.first)),
            ("Last seen", "never" if span.last is None else clock_time(span.last)),
            ("Events", figure(span.events)),
        ):
            with st.container(width="content", gap=None):
                st.caption(safe(name))
                st.text(visible(value))
    if not span.events:
        st.caption("The lake holds no event of it: it is older than the retention, or only named by alerts.")
        return
    newest = events.in_frame(lake.newest(where, events.COLUMNS).to_pylist())
    st.subheader("Events and alerts", anchor=False)
    st.altair_chart(events.timeline(newest, found), alt="Events by type and alerts over UTC time")
    if span.events > len(newest):
        st.caption(f"The chart and the tables below show the newest {figure(MAX_EVENTS)} events.")
    groups(newest)
    st.subheader("Newest events", anchor=False)
    paged(lake, where, "Events of the entity, newest first")


def groups(newest: pd.DataFrame) -> None:
    """What the entity was seen with, most first."""
    for title, (fields, titles) in GROUPS.items():
        table = events.totals(newest, fields, titles)
        if len(table):
            st.subheader(safe(title), anchor=False)
            st.dataframe(table, hide_index=True, column_config=column_config(table), alt="What it was seen with")


def alerts(entity: tuple[EntityType, str], found: Sequence[AlertRow]) -> None:
    """Alerts that name the entity, newest first."""
    st.subheader("Alerts", anchor=False)
    if not found:
        st.caption("No alert names it.")
    for row in found[:ALERTS]:
        alert_card(row)
    if len(found) > ALERTS:
        st.page_link(
            page("triage"),
            label="All its alerts",
            icon=":material/list:",
            query_params=alerts_of_link(*entity),
        )


main()
