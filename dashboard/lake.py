"""What the pages that read events share: the lake or a word on why there is none, and tables of events."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import data
from dashboard.columns import column_config
from dashboard.views import events
from store.events import EventFilter, EventQueries, EventRow


def lake_or_told() -> EventQueries | None:
    """The event lake; without one, say so and give None."""
    lake = data.events()
    if lake is None:
        st.info(
            "This dashboard was started without an event lake: set [lake] enabled and path as its worker has them.",
            title="No events are kept",
            icon=":material/folder_off:",
        )
    return lake


def event_rows(rows: Sequence[EventRow], label: str) -> None:
    """A table of events, each with the way to its page."""
    table = events.event_table(events.in_frame(rows))
    config = column_config(table, time_format="YYYY-MM-DD HH:mm:ss.SSS")
    st.dataframe(table, hide_index=True, column_config=config, alt=label)


def paged(lake: EventQueries, where: EventFilter, label: str, size: int = 100) -> None:
    """The newest events in pages; the position is part of the address."""
    after = _position(st.query_params.get("before", ""))
    page = lake.events(where, events.COLUMNS, after=after, limit=size)
    if not page.rows:
        st.caption("No event matches.")
        return
    event_rows(page.rows, label)
    with st.container(horizontal=True):
        if after is not None and st.button("Newest", icon=":material/first_page:"):
            del st.query_params["before"]
            st.rerun()
        if page.following is not None and st.button("Older", icon=":material/chevron_right:"):
            st.query_params["before"] = ".".join(map(str, page.following))
            st.rerun()


def _position(text: str) -> tuple[int, int] | None:
    time, _, arrival = text.partition(".")
    plain = time.isdecimal() and arrival.isdecimal() and max(len(time), len(arrival)) <= 17  # noqa: PLR2004 - digits of µs
    return (int(time), int(arrival)) if plain else None
