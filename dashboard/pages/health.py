"""Health: whether the pipeline sees what it should."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import data
from dashboard.columns import column_config
from dashboard.navigation import store_faults_told
from dashboard.safe import safe
from dashboard.views import health
from dashboard.words import DAY, clock_time, duration, figure, size

REFRESH_SECONDS: Final = 3.0
SIZE_SECONDS: Final = 60.0


def main() -> None:
    """Draw the page."""
    vital_signs()
    refused()
    storage()
    lake()


@st.fragment(run_every=REFRESH_SECONDS)
def vital_signs() -> None:
    """Workers and what they count."""
    with store_faults_told():
        heard = data.queries().workers()
        st.subheader("Workers", anchor=False)
        if not heard.workers:
            st.info("Start one with `tokentrail run`, or look around with `tokentrail demo`.", title="No worker yet")
            return
        table = health.worker_table(heard.workers, heard.now)
        st.dataframe(table, hide_index=True, column_config=column_config(table), alt="Workers, with the last heartbeat")
        leader = max(heard.workers, key=lambda worker: worker.seen_at)
        if leader.counters:
            with st.expander("Counters of the worker heard last", icon=":material/pin:"):
                st.dataframe(health.counter_table(leader.counters), hide_index=True, width="content", alt="Counters")


@st.fragment(run_every=REFRESH_SECONDS)
def refused() -> None:
    """Dead letters of the last day, by reason."""
    with store_faults_told():
        st.subheader("Refused records, last 24 hours", anchor=False)
        found = data.queries().dead_letters(DAY)
        if not found:
            st.success("No record was refused.", icon=":material/check:")
            return
        table = health.dead_letter_table(found)
        st.dataframe(table, hide_index=True, column_config=column_config(table), alt="Dead letters by reason")


@st.fragment(run_every=SIZE_SECONDS)
def storage() -> None:
    """Size of the store and age of the last checkpoint."""
    with store_faults_told():
        st.subheader("Store", anchor=False)
        store = data.queries().storage()
        with st.container(horizontal=True):
            st.metric("Size", size(store.octets), border=True, width=240)
            st.metric("Alerts", figure(store.alerts), border=True, width=240)
            st.metric("Checkpoint age", safe(checkpoint_age(store.checkpoint_at, store.now)), border=True, width=240)


@st.fragment(run_every=SIZE_SECONDS)
def lake() -> None:
    """Size of the event lake and how far back it goes."""
    with store_faults_told():
        st.subheader("Event lake", anchor=False)
        held = data.queries().lake()
        with st.container(horizontal=True):
            st.metric("Size", size(held.octets), border=True, width=240)
            st.metric("Events", figure(held.rows), border=True, width=240)
            st.metric("Files", figure(held.files), border=True, width=240)
        st.text("No event is kept." if held.first is None else f"The first is of {clock_time(held.first)}.")


def checkpoint_age(created_at: int | None, now: int) -> str:
    """Time since the last checkpoint: what a restart would have to read again."""
    return "none yet" if created_at is None else duration(now - created_at)


main()
