"""What an analyst does with alerts: one bar of buttons, and a dialog that names every alert before it is done.

The rows a dialog gets are those of the snapshot that the analyst saw, by id, version and revision: never positions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

import streamlit as st

from dashboard import data
from dashboard.access import actor
from dashboard.columns import column_config
from dashboard.safe import safe
from dashboard.views.triage import target_table
from dashboard.words import counted, status_name
from schemas.triage import Verdict
from schemas.vocabulary import EntityType
from store.errors import StoreError
from store.queries import AlertRow
from store.suppressions import Kind, Named, Scope
from store.triage import MAX_TARGETS, Action, Assign, Begin, Reopen, Resolve, Ticket, targets

DONE: Final = "action-done"
"""What was just done, told once after the page was drawn again."""
SHOWN: Final = 245
Do = Callable[[], int]
"""Does what the form says and gives the number of alerts that it changed."""


class Button(NamedTuple):
    """A button of the bar."""

    name: str
    label: str
    icon: str


BUTTONS: Final = (
    Button("take", "Take", ":material/front_hand:"),
    Button("assign", "Assign", ":material/person_add:"),
    Button("comment", "Comment", ":material/comment:"),
    Button("ticket", "Ticket", ":material/confirmation_number:"),
    Button("resolve", "Resolve", ":material/task_alt:"),
    Button("suppress", "Suppress", ":material/visibility_off:"),
    Button("reopen", "Reopen", ":material/undo:"),
)


def bar(rows: Sequence[AlertRow], key: str) -> None:
    """Buttons for what can be done with these alerts; told when one was."""
    told()
    # A press draws the page anew: what it is about is what stood there before, even if somebody was faster.
    seen = st.session_state.get(f"seen-{key}", ())
    with st.container(horizontal=True, gap="small", key=f"bar-{key}"):
        for button in BUTTONS:
            alone = button.name != "suppress" or len(rows) == 1
            if st.button(
                safe(button.label), icon=button.icon, key=f"{key}-{button.name}", disabled=not (rows and alone)
            ):
                ask(button.name, seen)
    st.session_state[f"seen-{key}"] = tuple(rows)


def told() -> None:
    """Say what was done before the page was drawn again."""
    if said := st.session_state.pop(DONE, None):
        st.success(safe(said), icon=":material/done:")


@st.dialog("Before it is done", width="large")
def ask(name: str, rows: Sequence[AlertRow]) -> None:
    """List what an action is about, ask what it needs, and do it."""
    if len(rows) > MAX_TARGETS:
        st.warning(f"At most {MAX_TARGETS} alerts at once: narrow the filter.", title="Too many")
        return
    st.text(f"{name.capitalize()} {counted(len(rows), 'alert')}:")
    table = target_table(rows)
    height = min(SHOWN, 38 + 35 * len(table))
    st.dataframe(table, hide_index=True, height=height, column_config=column_config(table), alt="Alerts to be changed")
    with st.form(f"ask-{name}", border=False):
        do = FORMS[name](rows)
        agreed = st.form_submit_button("Confirm", type="primary", icon=":material/check:")
    if agreed:
        done(name, do)


def done(name: str, do: Do) -> None:
    """Do it, and draw the page anew; a refusal stays in the dialog, with what was typed."""
    try:
        count = do()
    except StoreError as error:
        st.error(f"{safe(error)}. Nothing was changed.", icon=":material/block:")
        return
    st.session_state[DONE] = f"{name.capitalize()}: {counted(count, 'alert')} changed."
    st.session_state.pop("snapshot", None)
    st.rerun()


def _act(rows: Sequence[AlertRow], action: Action) -> int:
    return len(data.triage().act(actor(), targets(rows), action))


def _take(rows: Sequence[AlertRow]) -> Do:
    st.caption("They are in progress, and yours.")
    return lambda: _act(rows, Begin())


def _assign(rows: Sequence[AlertRow]) -> Do:
    owner = st.text_input("Owner", placeholder="Empty: nobody", key="form-owner")
    return lambda: _act(rows, Assign(owner.strip() or None))


def _comment(rows: Sequence[AlertRow]) -> Do:
    text = st.text_area("Comment", key="form-comment", help="Comments stay: nobody can change or remove them.")
    return lambda: len(data.triage().comment(actor(), [row.alert_id for row in rows], text))


def _ticket(rows: Sequence[AlertRow]) -> Do:
    reference = st.text_input("Ticket", placeholder="SEC-123; empty: none", key="form-ticket")
    return lambda: _act(rows, Ticket(reference.strip() or None))


def _resolve(rows: Sequence[AlertRow]) -> Do:
    chosen = st.radio("Verdict", list(VERDICTS), index=None, key="form-verdict", horizontal=True)
    reason = st.text_area("Reason", key="form-reason")

    def do() -> int:
        if chosen is None:
            raise StoreError("is missing", place="verdict", next_step="choose what the alerts turned out to be")
        return _act(rows, Resolve(VERDICTS[chosen], reason))

    return do


def _reopen(rows: Sequence[AlertRow]) -> Do:
    reason = st.text_area("Reason", key="form-reason")
    return lambda: _act(rows, Reopen(reason))


def _suppress(rows: Sequence[AlertRow]) -> Do:
    row = rows[0]
    st.caption(
        "Hides open alerts of this detector, class and entity, and those that come. "
        "A higher severity, a new class or a new victim ends it."
    )
    days = st.slider("Days", min_value=1, max_value=90, value=7, key="form-days")
    reason = st.text_area("Reason", key="form-reason")
    named = Named(type=EntityType(row.entity_type), id=row.entity_id)
    scope = Scope(detector=row.detector, alert_class=row.alert_class, tenant=row.tenant, iss=row.iss, entities=(named,))
    lasts = timedelta(days=days)
    hides = data.suppressions().preview(scope)
    st.text(f"Hides now: {counted(len(hides), 'open alert')}.")
    return lambda: data.suppressions().add(actor(), Kind.SUPPRESS, scope, reason=reason, lasts=lasts)[1]


VERDICTS: Final = {status_name(verdict): verdict for verdict in Verdict}
FORMS: Final[dict[str, Callable[[Sequence[Any]], Do]]] = {
    "take": _take,
    "assign": _assign,
    "comment": _comment,
    "ticket": _ticket,
    "resolve": _resolve,
    "suppress": _suppress,
    "reopen": _reopen,
}
