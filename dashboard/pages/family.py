"""A refresh-token family: its chain drawn, who held each generation, and the rightful holder beside the other."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import data
from dashboard.cards import alert_card
from dashboard.columns import column_config
from dashboard.lake import lake_or_told
from dashboard.navigation import page
from dashboard.safe import safe
from dashboard.views import events, family
from schemas.vocabulary import EntityType
from store.events import MAX_EVENTS, EventFilter
from store.queries import AlertFilter

ALERTS: Final = 20


def main() -> None:
    """Draw the family that the address names."""
    id_ = st.query_params.get("id", "")
    if not id_:
        st.info("The address needs the id of a family.", title="No family named", icon=":material/search_off:")
        return
    entity = (EntityType.FAMILY, id_)
    st.header(safe(f"Token family {id_}"), anchor=False)
    st.page_link(
        page("entity"),
        label="All its events, places and devices",
        icon=":material/manage_search:",
        query_params={"type": EntityType.FAMILY.value, "id": id_},
    )
    lake = lake_or_told()
    if lake is not None:
        rows = lake.newest(EventFilter(entity=entity), family.COLUMNS).to_pylist()
        chain(family.chain(reversed(rows)), len(rows))
    st.subheader("Alerts", anchor=False)
    found = data.queries().alerts(AlertFilter(entity=entity), limit=ALERTS).rows
    if not found:
        st.caption("No alert names it.")
    for row in found:
        alert_card(row)


def chain(steps: list[family.Step], read: int) -> None:
    """The rotations, and what came of spent tokens."""
    if not steps:
        st.caption("The lake holds no issue, refresh or refusal of this family.")
        return
    compared(steps)
    st.subheader("Rotation chain", anchor=False)
    st.altair_chart(family.chain_chart(steps), alt="Redemptions of the family's refresh tokens over UTC time")
    if read == MAX_EVENTS:
        st.caption("Only the family's newest events are shown; it has more.")
    st.subheader("Who held each generation", anchor=False)
    table = family.generation_table(steps)
    st.dataframe(table, hide_index=True, column_config=column_config(table), alt="Holder of each generation")


def compared(steps: list[family.Step]) -> None:
    """Who was given the token that was misused first, beside who misused it."""
    pair = family.suspicious(steps)
    if pair is None:
        st.success("No spent token of this family came back.", icon=":material/check:")
        return
    st.subheader("Who was given it, and who used it again", anchor=False)
    table = events.holder_table(*pair)
    st.dataframe(table, hide_index=True, width="content", alt="Holder at issue beside holder at misuse")


main()
