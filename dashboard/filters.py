"""The triage filters: widgets whose values live in the address, and what they mean to the store."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import streamlit as st

from dashboard import data
from dashboard.safe import safe, visible
from dashboard.theme import SEVERITIES, severity_name
from dashboard.words import DAY, HOUR, status_name, tactic_name
from schemas.triage import OPEN, Status
from schemas.vocabulary import EntityType, Severity
from store.queries import AlertFilter, Sort

INCIDENTS: Final = "Incidents"
ALERTS: Final = "Alerts"
STATES: Final = {status_name(status): status for status in Status}
OPEN_STATES: Final = [status_name(status) for status in OPEN]
AGES: Final = {"Last hour": HOUR, "Last 24 hours": DAY, "Last 7 days": 7 * DAY, "Last 30 days": 30 * DAY}
SORTS: Final[dict[str, Sort]] = {"Worst first": "severity", "Newest first": "newest", "Highest risk first": "risk"}
ANY_TIME: Final = "Any time"
ANYBODY: Final = "Anybody"
_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_ENTITY: Final = re.compile(rf"(?P<type>{'|'.join(EntityType)})[: ]\s*(?P<id>.+)", re.DOTALL)


class Choice(NamedTuple):
    """What the analyst asked for.

    Attributes:
        view: `INCIDENTS` or `ALERTS`.
        where: which alerts; an incident counts when it holds one of them.
        sort: one of the store's orders.
        age: only alerts that were active in the last so many µs.
    """

    view: str
    where: AlertFilter
    sort: Sort
    age: int | None

    def until(self, newest: int | None) -> AlertFilter:
        """The filter, its age counted back from `newest`: the newest judged event time, µs."""
        active = None if self.age is None or newest is None else newest - self.age
        return self.where._replace(since=active)


SEVERITY_NAMES: Final = [severity_name(severity) for severity in SEVERITIES]


def choose() -> Choice:
    """Draw the filters and read them."""
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        view = st.segmented_control(
            "Show", [INCIDENTS, ALERTS], default=INCIDENTS, required=True, key="view", bind="query-params"
        )
        states = st.pills(
            "State",
            list(STATES),
            selection_mode="multi",
            default=OPEN_STATES,
            key="state",
            bind="query-params",
            wrap=True,
        )
        severities = st.pills(
            "Severity", SEVERITY_NAMES, selection_mode="multi", key="severity", bind="query-params", wrap=True
        )
        sort = st.selectbox("Order", list(SORTS), key="sort", bind="query-params", width=180)
    with st.expander("More filters", icon=":material/filter_alt:", expanded=_is_filtered()):
        where, age = _more()
    where = where._replace(
        severities=tuple(Severity[name.upper()] for name in severities),
        statuses=tuple(STATES[state] for state in states),
    )
    return Choice(view, where, SORTS[sort], age)


def _is_filtered() -> bool:
    return any(
        name in st.query_params
        for name in ("detector", "tactic", "entity", "age", "owner", "ticket", "hidden_by", "overdue")
    )


def _more() -> tuple[AlertFilter, int | None]:
    queries = data.queries()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        detectors = st.multiselect(
            "Detector", queries.detectors(), format_func=visible, key="detector", bind="query-params", width=260
        )
        tactics = st.multiselect(
            "ATT&CK tactic", queries.tactics(), format_func=tactic_name, key="tactic", bind="query-params", width=260
        )
        entity = st.text_input(
            "Entity", key="entity", bind="query-params", placeholder="user:alice or ip:192.0.2.7", width=260
        )
        age = st.selectbox("Active within", [ANY_TIME, *AGES], key="age", bind="query-params", width=180)
        owner = st.selectbox(
            "Owner", [ANYBODY, *queries.owners()], format_func=visible, key="owner", bind="query-params", width=180
        )
        ticket = st.text_input("Ticket", key="ticket", bind="query-params", width=140)
        number = st.text_input("Hidden by suppression", key="hidden_by", bind="query-params", width=180)
        overdue = st.toggle(
            "Overdue", key="overdue", bind="query-params", help="Nobody has taken them within their severity's time."
        )
    where = AlertFilter(
        detectors=tuple(detectors),
        tactics=tuple(tactics),
        entity=_entity(entity or ""),
        owner=None if owner == ANYBODY else owner,
        ticket=(ticket or "").strip() or None,
        suppression_id=int(number) if number and _NUMBER.fullmatch(number) else None,
        overdue=data.sla() if overdue else None,
    )
    return where, AGES.get(age)


def _entity(text: str) -> tuple[EntityType, str] | None:
    """`type:id`, or with a space as tables write it; anything else is said to be neither and filters nothing."""
    written = _ENTITY.fullmatch(text.strip())
    if written:
        return EntityType(written["type"]), written["id"]
    if text.strip():
        st.warning(f"Write an entity as type:id. Types: {safe(', '.join(EntityType))}.")
    return None
