"""How table columns look: times in UTC, severities as coloured words, risk as a bar, links to our own pages.

Columns of words that may grow long have a width, so that those after them stay in sight.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.theme import SEVERITIES, severity_label


def column_config(frame: pd.DataFrame, *, time_format: str = "YYYY-MM-DD HH:mm:ss") -> dict[str, Any]:
    """The configuration of every column of `frame` that needs one, by its name or type."""
    named = {
        "Severity": st.column_config.MultiselectColumn(
            options=[severity_label(severity) for severity in SEVERITIES],
            color=[look.colour for look in SEVERITIES.values()],
            width=120,
        ),
        "Risk": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%d", width=100),
        **{name: st.column_config.NumberColumn(format="percent") for name in ("Precision", "At least", "At most")},
        "Entity": st.column_config.TextColumn(width=180),
        "Tactics": st.column_config.TextColumn(width=210),
        "Because": st.column_config.TextColumn(width=140),
        "Event": st.column_config.LinkColumn(display_text="Raw", width=65),
        "Owner": st.column_config.TextColumn(width=110),
        "Detail": st.column_config.TextColumn(width=420),
        "Page": st.column_config.LinkColumn(display_text="Open", width=65),
        "More": st.column_config.LinkColumn(display_text="Entity", width=80),
    }
    times = frame.select_dtypes("datetimetz").columns
    return {name: config for name, config in named.items() if name in frame} | {
        name: st.column_config.DatetimeColumn(format=time_format, timezone="UTC") for name in times
    }
