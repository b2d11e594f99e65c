"""Event hunt: a leaked token's hash, or any events by their fields; what was asked for stands in the address."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboard import data
from dashboard.lake import lake_or_told, paged
from dashboard.navigation import page
from dashboard.safe import safe
from dashboard.words import DAY, HOUR, figure
from schemas.fields import parse_time
from schemas.vocabulary import EntityType
from store.events import EventFilter

FIELDS: Final = {
    "type": "Type",
    "outcome": "Outcome",
    "reason": "Reason",
    "sub": "User",
    "client_id": "Client",
    "token_id": "Token",
    "family_id": "Family",
    "session_id": "Session",
    "ip": "Address",
    "asn": "ASN",
    "country": "Country",
    "device_id": "Device",
    "key_id": "Key",
    "tenant": "Tenant",
}
EXAMPLE: Final = "2026-01-31T12:00:00Z"
SPANS: Final = {"Last hour": HOUR, "Last 24 hours": DAY, "Last 7 days": 7 * DAY, "All that is kept": None}


def main() -> None:
    """Draw the search and the hunt."""
    leaked()
    lake = lake_or_told()
    if lake is None:
        return
    st.subheader("Event hunt", anchor=False)
    where = chosen()
    if where is None:
        return
    st.text(f"{figure(lake.span(where).events)} events match; values are compared whole")
    paged(lake, where, "Events that match, newest first")


def leaked() -> None:
    """Look for a token by its hash."""
    st.subheader("A token that leaked", anchor=False)
    hash_ = st.text_input(
        "Its hash or id", key="token", bind="query-params", placeholder="as `tokentrail tokens hash` prints it"
    )
    # Never the token itself: the address, and so the browser's history, would hold it.
    st.caption("Do not paste the token: `tokentrail tokens hash` reads it from stdin and prints what to look for.")
    if hash_ and hash_.strip():
        st.page_link(
            page("entity"),
            label="Was it used, where, by whom?",
            icon=":material/key:",
            query_params={"type": EntityType.TOKEN.value, "id": hash_.strip()},
        )


def chosen() -> EventFilter | None:
    """The filters, bound to the address; None while one of them cannot be read."""
    fields = {}
    with st.container(horizontal=True, gap="small"):
        span = st.selectbox("When", list(SPANS), index=1, key="span", bind="query-params", width=180)
        since = st.text_input("From (UTC)", key="from", bind="query-params", placeholder=EXAMPLE, width=200)
        until = st.text_input("Before (UTC)", key="to", bind="query-params", placeholder=EXAMPLE, width=200)
        for name, title in FIELDS.items():
            value = st.text_input(safe(title), key=name, bind="query-params", width=170)
            if value and value.strip():
                fields[name] = value.strip()
    try:
        first, last = (_time(text) for text in (since, until))
    except ValueError as error:
        st.warning(safe(error), icon=":material/schedule:")
        return None
    newest, length = data.queries().newest_time(), SPANS[span]
    if first is None and length is not None and newest is not None:
        first = newest - length
    return EventFilter(fields=fields, since=first, until=last)


def _time(text: str | None) -> int | None:
    return parse_time(text.strip()) if text and text.strip() else None


main()
