"""The handover note of a shift, in a dialog: to read, to copy, to take along."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import data
from dashboard.views.handover import markdown
from dashboard.words import HOUR

SPANS: Final = {"4 hours": 4 * HOUR, "8 hours": 8 * HOUR, "12 hours": 12 * HOUR, "24 hours": 24 * HOUR}
USUAL: Final = "8 hours"


@st.dialog("Shift handover", width="large")
def ask() -> None:
    """Ask how long the shift was that ends now, and write its note."""
    span = st.segmented_control("Shift", list(SPANS), default=USUAL, required=True, key="shift")
    note = markdown(data.handover(SPANS[span]))
    st.download_button(
        "Download", data=note, file_name="handover.md", mime="text/markdown", icon=":material/download:", key="handover"
    )
    # As it is written: what is drawn as Markdown must have gone through `safe` in sight of the reader.
    st.code(note, language=None, wrap_lines=True, height=420)
