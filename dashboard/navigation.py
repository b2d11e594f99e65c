"""The frame round every page: its address, the menu, the header, and what is said when the store is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import streamlit as st

from dashboard import data
from dashboard.safe import safe, safe_in_badge, visible
from dashboard.theme import Tint
from dashboard.views.health import Level, freshness
from store.errors import StoreError, StoreUnavailableError, StoreVersionError

HEADER_SECONDS: Final = 1.0
_AWAY: Final = "store-away"
"""Set while some part of the page lacks the store; the header draws the whole page again when it answers."""
_TOLD: Final = "store-fault-told"
"""Set while the header says what is wrong with the store; the rest of the page then need not."""
ICON: Final = Path(__file__).parent / "assets" / "icon.svg"
_PAGES: Final = Path(__file__).parent / "pages"
_TITLES: Final = {
    "overview": ("Overview", ":material/monitoring:"),
    "triage": ("Incidents and alerts", ":material/notifications:"),
    "events": ("Events", ":material/search:"),
    "suppressions": ("Suppressions", ":material/visibility_off:"),
    "detectors": ("Detectors", ":material/radar:"),
    "health": ("Health", ":material/vital_signs:"),
    "alert": ("Alert", ":material/notification_important:"),
    "entity": ("Entity", ":material/person_search:"),
    "family": ("Token family", ":material/account_tree:"),
    "event": ("Event", ":material/receipt_long:"),
}
_LINKED: Final = {"alert", "entity", "family", "event"}
"""Pages that need an id in their address, so that a menu cannot lead to them."""
_MARKS: Final[dict[Level, tuple[str, Tint]]] = {
    Level.LIVE: (":material/check_circle:", "green"),
    Level.WAITING: (":material/hourglass_top:", "orange"),
}


def show() -> None:
    """Draw the header and the page that the address asks for."""
    # The icon first: without one, navigation takes the page's, which the browser would fetch from its foundry.
    st.set_page_config(page_icon=ICON, layout="wide")
    chosen = st.navigation([page(name) for name in _TITLES], position="top")
    st.set_page_config(page_title=f"{chosen.title} · tokentrail")
    header()
    with store_faults_told():
        chosen.run()


def page(name: str) -> st.Page:
    """A page by the name of its file, for links."""
    title, icon = _TITLES[name]
    return st.Page(
        _PAGES / f"{name}.py",
        title=title,
        icon=icon,
        default=name == "overview",
        visibility="hidden" if name in _LINKED else "visible",
    )


@st.fragment(run_every=HEADER_SECONDS)
def header() -> None:
    """How fresh the data is, on one line; red when no worker lives."""
    st.session_state[_TOLD] = False
    with store_faults_told():
        heard = data.queries().workers()
        if st.session_state.pop(_AWAY, False):
            st.rerun()
        state = freshness(heard.workers, heard.now)
        if state.level is Level.LOST:
            st.error(safe(state.headline), icon=":material/error:")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if state.level is not Level.LOST:
                icon, colour = _MARKS[state.level]
                st.badge(safe_in_badge(state.headline), icon=icon, color=colour)
            for name, value in state.facts:
                st.text(visible(f"{name}: {value}"))
            if data.is_demo():
                st.badge("DEMO DATA", icon=":material/science:", color="violet")
    st.session_state[_TOLD] = st.session_state.get(_AWAY, False)


@contextmanager
def store_faults_told() -> Iterator[None]:
    """Say what is wrong with the store instead of showing half a page."""
    try:
        yield
    except StoreError as error:
        st.session_state[_AWAY] = True
        if st.session_state.get(_TOLD):
            st.caption("Nothing to show here until the store answers.")
        else:
            _tell(error)


def _tell(error: StoreError) -> None:
    match error:
        case StoreVersionError():
            st.info(safe(error), title="Waiting for the first start of a worker", icon=":material/database:")
        case StoreUnavailableError():
            st.error(
                f"{safe(error)}. Nothing was changed. This page tries again by itself.",
                title="The store does not answer",
                icon=":material/database_off:",
            )
        case _:
            st.error(safe(error), title="The store cannot answer", icon=":material/database_off:")
