"""One alert on a page of its own: what was seen, what was expected, by which events, and what to do next."""

from __future__ import annotations

import json
import re
from typing import Final

import streamlit as st

from dashboard import data
from dashboard.actions import bar
from dashboard.cards import alert_card, standing
from dashboard.columns import column_config
from dashboard.navigation import page, store_faults_told
from dashboard.safe import escaped, safe, safe_in_badge, visible
from dashboard.theme import SEVERITIES, severity_label
from dashboard.views import evidence, reach
from dashboard.views.alerts import state_word
from dashboard.views.triage import trail_table
from dashboard.words import clock_time, duration, figure, tactic_name
from schemas.alerts import Alert
from schemas.fields import parse_time
from schemas.vocabulary import Severity
from store.queries import AlertFilter, AlertRow

SIBLINGS: Final = 20
CHANGE_SECONDS: Final = 3.0
RECORD_PIXELS: Final = 420
_TECHNIQUE: Final = re.compile(r"T\d{4}(\.\d{3})?")


def main() -> None:
    """Draw the page of the alert that the address names."""
    with st.container(horizontal=True):
        st.page_link(page("triage"), label="Incidents and alerts", icon=":material/arrow_back:")
    alert_id = st.query_params.get("id", "")
    # The row first: what is judged may be older than what is shown, never newer.
    row = data.queries().rows([alert_id]).get(alert_id)
    body = data.queries().alert(alert_id)
    if row is None or body is None:
        st.info(
            "The address names no stored alert. It may be older than the retention, or from another store.",
            title="No such alert",
            icon=":material/search_off:",
        )
        return
    alert = Alert.model_validate_json(body)
    changed(alert)
    heading(alert)
    handling(row)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        findings(alert)
    with right:
        response(alert)
    history(alert, body)
    siblings(alert)


@st.fragment(run_every=CHANGE_SECONDS)
def changed(alert: Alert) -> None:
    """Whether the alert has gone on since it was read; nothing moves until the analyst asks for it."""
    with store_faults_told():
        newest = data.queries().revision(alert.alert_id)
        if newest is None or newest == alert.revision:
            return
        if st.button(f"Changed since: show revision {figure(newest)}", icon=":material/update:", type="primary"):
            st.rerun()


def heading(alert: Alert) -> None:
    """Title, verdict and the figures that decide how urgent it is."""
    severity = Severity[alert.severity.upper()]
    st.header(safe(alert.title), anchor=False)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(severity_label(severity), color=SEVERITIES[severity].tint)
        st.badge(f"{safe_in_badge(alert.confidence.capitalize())} confidence", color="gray")
        st.badge(state_word(alert.episode), color="gray")
    st.text(visible(alert.summary))
    start, end = parse_time(alert.start), parse_time(alert.end)
    facts = {
        "Began": clock_time(start),
        "Lasted": duration(end - start) if end > start else "",
        "Findings": figure(alert.count),
        "Risk": f"{alert.risk} of 100",
        "Detector": alert.detector,
        "Verdict": alert.alert_class,
    }
    with st.container(horizontal=True, gap="medium", border=True):
        for name, value in facts.items():
            if value:
                with st.container(width="content", gap=None):
                    st.caption(safe(name))
                    st.text(visible(value))


def handling(row: AlertRow) -> None:
    """Where the alert stands with people, what can be done, and what was done."""
    st.text(visible(f"{standing(row)}{f' · ticket {row.ticket}' if row.ticket else ''}"))
    bar([row], "alert")
    entries = data.audit().of("alert", row.alert_id)
    if entries:
        table = trail_table(entries)
        config = column_config(table)
        st.dataframe(table, hide_index=True, column_config=config, alt="What people and suppressions did, oldest first")


def findings(alert: Alert) -> None:
    """Measured against expected, and the evidence on its time line."""
    st.subheader("Seen and expected", anchor=False)
    observed = evidence.observed_table(alert)
    if observed.empty:
        st.caption("This detector states a fact and measures nothing.")
    else:
        st.dataframe(observed, hide_index=True, alt="What was measured, expected and allowed")
    st.subheader("Evidence", anchor=False)
    events = evidence.evidence_table(alert)
    if events.empty:
        st.caption("No event is kept with this alert.")
        return
    st.altair_chart(evidence.evidence_chart(alert), alt="Evidence events by source over UTC time")
    config = column_config(events, time_format="MM-DD HH:mm:ss.SSS")
    st.dataframe(events, hide_index=True, column_config=config, alt="Evidence events, first and last of the episode")
    kept = len(alert.evidence.event_ids)
    if alert.evidence.truncated or kept > len(events):
        st.caption(
            f"First and last of {figure(alert.count)} findings; the raw record below names {figure(kept)} events."
        )


def containment(alert: Alert) -> None:
    """Whether the token can still be used and what was reached with it, by this alert and by its whole incident."""
    now = data.queries().newest_time()
    st.subheader("Contained?", anchor=False)
    if alert.containment is not None:
        state = reach.state_of(alert.containment, now)
        st.badge(safe_in_badge(state.capitalize()), color=reach.TINTS[state])
    st.text(reach.containment_words(alert.containment, now))
    if words := reach.reach_words(alert.blast_radius):
        st.text(f"Since the first bad event: {words}")
    incident = data.queries().incident(alert.incident_id)
    if incident is not None and (said := reach.incident_words(incident, now)):
        st.text(visible(f"The whole incident: {said}"))


def response(alert: Alert) -> None:
    """What to do, who is involved, and how others name the technique."""
    containment(alert)
    st.subheader("What to do next", anchor=False)
    if alert.revoke.flag:
        st.warning(
            safe(alert.revoke.why or ""),
            title=f"Flagged for revocation: {safe(alert.revoke.what or 'token')}",
            icon=":material/key_off:",
        )
    for number, step in enumerate(alert.advice, start=1):
        st.text(f"{number}. {visible(step)}")
    if not alert.advice:
        st.caption("The detector gives no advice for this verdict.")
    st.subheader("Who is involved", anchor=False)
    table = evidence.entity_table(alert)
    st.dataframe(table, hide_index=True, column_config=column_config(table), alt="Entities of this alert")
    techniques(alert)


def techniques(alert: Alert) -> None:
    """ATT&CK techniques, with the tactics they serve."""
    st.subheader("ATT&CK", anchor=False)
    known = [name for name in alert.attack.techniques if _TECHNIQUE.fullmatch(name)]
    if not known:
        st.caption("No technique of the matrix fits.")
        return
    with st.container(horizontal=True, gap="small"):
        for name in known:
            st.link_button(safe(name), f"https://attack.mitre.org/techniques/{name.replace('.', '/')}/")
    tactics = ", ".join(tactic_name(tactic) for tactic in alert.attack.tactics)
    st.text(visible(f"{tactics} · matrix version {alert.attack.version}"))


def history(alert: Alert, body: str) -> None:
    """Every revision that was published, and the record as SIEMs get it."""
    st.subheader("History", anchor=False)
    table = evidence.history_table(data.queries().revisions(alert.alert_id))
    config = column_config(table)
    st.dataframe(table, hide_index=True, column_config=config, width="content", alt="Revisions of this alert")
    # Asked for, not folded away: the browser would load a highlighter for what few want to see.
    if st.toggle("Raw record", key="record", bind="query-params"):
        record = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
        st.code(escaped(record), language=None, wrap_lines=True, height=RECORD_PIXELS)


def siblings(alert: Alert) -> None:
    """The other alerts of the incident."""
    where = AlertFilter(incident_id=alert.incident_id)
    others = [row for row in data.queries().alerts(where, limit=SIBLINGS + 1).rows if row.alert_id != alert.alert_id]
    st.subheader("Same incident", anchor=False)
    if not others:
        st.caption("No other alert shares its victim, token family or source.")
    for row in others[:SIBLINGS]:
        alert_card(row)


main()
