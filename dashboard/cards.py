"""An alert in a few lines, wherever it is listed."""

from __future__ import annotations

import streamlit as st

from dashboard.navigation import page
from dashboard.safe import safe, visible
from dashboard.theme import SEVERITIES, severity_label
from dashboard.words import clock_time, duration, status_name
from schemas.vocabulary import Severity
from store.queries import AlertRow


def standing(alert: AlertRow) -> str:
    """Where the alert stands with people."""
    known = (
        status_name(alert.status),
        alert.verdict and status_name(alert.verdict),
        alert.owner and f"owner {alert.owner}",
    )
    return visible(", ".join(part for part in known if part))


def alert_card(alert: AlertRow) -> None:
    """Severity, title, what happened, when, and the way to its page."""
    look = SEVERITIES[Severity(alert.severity)]
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(severity_label(alert.severity), color=look.tint)
            st.page_link(
                page("alert"),
                label=safe(alert.title),
                icon=":material/open_in_full:",
                query_params={"id": alert.alert_id},
            )
        st.text(visible(alert.summary))
        lasted = f", for {duration(alert.end - alert.start)}" if alert.end > alert.start else ""
        about = f"{visible(alert.entity_type)} {visible(alert.entity_id)}"
        st.text(f"{clock_time(alert.start)}{lasted} · {about} · {standing(alert)}")
