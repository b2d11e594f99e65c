"""What is hidden from the triage table: by whom, why, until when, and how much."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import data
from dashboard.access import actor
from dashboard.columns import column_config
from dashboard.safe import safe, visible
from dashboard.views.triage import suppression_table
from dashboard.words import figure
from store.errors import StoreError
from store.suppressions import Listed

ENDED: Final = "suppression-ended"


def main() -> None:
    """Draw the page."""
    if said := st.session_state.pop(ENDED, None):
        st.success(safe(said), icon=":material/done:")
    listed, now = data.suppressions().all()
    every = st.toggle("Ended and expired ones, too", key="ended", bind="query-params")
    shown = [each for each in listed if every or each.state(now) == "active"]
    if not shown:
        st.info(
            "Suppress an alert that is benign on its page; `tokentrail suppressions add` takes any scope.",
            title="Nothing is hidden",
            icon=":material/visibility:",
        )
        return
    table = suppression_table(shown, now)
    config = column_config(table)
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        # Another list is another widget: an old selection must not point into it.
        key=f"suppressions-{[each.row.suppression_id for each in shown]}",
        column_config=config,
        alt="Suppressions and mutes; select one to end it",
    )
    if event.selection.rows:
        one(shown[event.selection.rows[0]], active=shown[event.selection.rows[0]].state(now) == "active")
    else:
        st.caption("Select one to end it. The last column leads to the alerts that it hides.")


def one(chosen: Listed, *, active: bool) -> None:
    """The selected one, and its end."""
    row = chosen.row
    st.text(visible(f"{row.suppression_id}: {chosen.scope.words()}"))
    st.text(visible(row.reason))
    if not active:
        return
    with st.form("end"):
        reason = st.text_input("Why it ends", key="end-reason")
        if st.form_submit_button("End it", icon=":material/visibility:"):
            finish(row.suppression_id, reason)


def finish(number: int, reason: str) -> None:
    """End it, or say why not."""
    try:
        data.suppressions().end(actor(), number, reason)
    except StoreError as error:
        st.error(f"{safe(error)}. Nothing was changed.", icon=":material/block:")
        return
    st.session_state[ENDED] = f"{figure(number)} has ended; what it hid is still under State Suppressed."
    st.rerun()


main()
