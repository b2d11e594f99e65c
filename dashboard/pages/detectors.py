"""Detectors: what can be found, what each source lets them see, what they have found."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from dashboard import data
from dashboard.columns import column_config
from dashboard.navigation import store_faults_told
from dashboard.safe import safe
from dashboard.views import detectors as views
from dashboard.words import DAY, counted
from detectors.readiness import Sight, sights
from detectors.registry import DETECTORS

REFRESH_SECONDS: Final = 10.0
FIRED_DAYS: Final = 30


def main() -> None:
    """Draw the page."""
    readiness()
    found()
    manual()


@st.fragment(run_every=REFRESH_SECONDS)
def readiness() -> None:
    """Armed or blind: every detector on every source."""
    with store_faults_told():
        st.subheader("Armed or blind, last 24 hours", anchor=False)
        seen = _sights()
        if not seen:
            st.info("Which fields a source fills in is known after the first checkpoint.", title="No events yet")
            return
        matrix = views.readiness_matrix(seen, views.busiest(seen))
        st.dataframe(matrix, hide_index=True, height="content", alt="Whether each detector can fire on each source")
        reasons = views.reasons(seen)
        with st.expander(safe(f"Why not armed: {counted(len(reasons), 'case')}"), icon=":material/visibility_off:"):
            st.dataframe(reasons, hide_index=True, alt="What a source leaves out that a detector needs")


def _sights() -> list[Sight]:
    queries = data.queries()
    now = queries.newest_time()
    if now is None:
        return []
    return sights(DETECTORS.values(), queries.filled(DAY), queries.sources_since(), now)


@st.fragment(run_every=REFRESH_SECONDS)
def found() -> None:
    """What each detector has found, and what of ATT&CK is covered."""
    with store_faults_told():
        since = (data.queries().newest_time() or 0) - FIRED_DAYS * DAY
        fired = data.queries().fired(since)
        st.subheader(safe(f"Catalogue, alerts of {FIRED_DAYS} days"), anchor=False)
        table = views.catalogue(DETECTORS.values(), fired)
        _whole(table, "All detectors and their alerts")
        judged(since)
        st.subheader("ATT&CK coverage", anchor=False)
        table = views.coverage(DETECTORS.values(), fired)
        _whole(table, "Techniques and their detectors")


def judged(since: int) -> None:
    """How often each detector was right, by people's verdicts on alerts since, µs."""
    st.subheader("Precision from verdicts", anchor=False)
    table = views.precision_table(data.queries().verdicts(since))
    if table.empty:
        st.caption("No alert of these days has a verdict.")
        return
    st.caption(
        "True and benign true positives in all verdicts but the undetermined, with 95 % bounds (Wilson). "
        "People choose which alerts they judge: it says nothing of the others."
    )
    _whole(table, "Detectors with their precision and verdicts")


def _whole(table: pd.DataFrame, alt: str) -> None:
    st.dataframe(table, hide_index=True, height="content", column_config=column_config(table), alt=alt)


def manual() -> None:
    """The documentation of one detector."""
    st.subheader("Documentation", anchor=False)
    name = st.selectbox("Detector", list(DETECTORS), key="detector", bind="query-params")
    for title, text in views.sections(DETECTORS[name]):
        st.markdown(f"**{safe(title)}**")
        st.text(text)


main()
