"""One event as it was kept, field by field."""

from __future__ import annotations

import json
from typing import Final

import streamlit as st

from dashboard.columns import column_config
from dashboard.lake import lake_or_told
from dashboard.safe import escaped, visible
from dashboard.views import events
from dashboard.words import clock_time

RECORD_PIXELS: Final = 420
_DIGITS: Final = 17


def main() -> None:
    """Draw the event that the address names."""
    lake = lake_or_told()
    if lake is None:
        return
    event_id, at = st.query_params.get("id", ""), st.query_params.get("at", "")
    known = at.isdecimal() and len(at) <= _DIGITS
    found = lake.named([event_id], int(at), int(at)) if known and event_id else []
    if not found:
        st.info(
            "The lake holds no such event. It may be older than its retention, or not yet part of a checkpoint.",
            title="No such event",
            icon=":material/search_off:",
        )
        return
    (row,) = found
    st.header("Event", anchor=False)
    st.text(f"{visible(row['type'])} at {clock_time(int(at))}, as it arrived; ids that were secrets are keyed hashes")
    table = events.field_table(row)
    st.dataframe(table, hide_index=True, column_config=column_config(table), alt="Fields of the event")
    record = json.dumps(events.record(row), indent=2, ensure_ascii=False, default=str)
    st.code(escaped(record), language=None, wrap_lines=True, height=RECORD_PIXELS)


main()
