"""How table columns look: times in UTC, severities as coloured words, risk as a bar, links to our own pages."""

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
            width=130,
        ),
        "Risk": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%d", width="small"),
        "Page": st.column_config.LinkColumn(display_text="Open", width="small"),
        "Same entity": st.column_config.LinkColumn(display_text="All alerts", width="small"),
    }
    times = frame.select_dtypes("datetimetz").columns
    return {name: config for name, config in named.items() if name in frame} | {
        name: st.column_config.DatetimeColumn(format=time_format, timezone="UTC") for name in times
    }
