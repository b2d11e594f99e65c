"""The triage state of an alert as it is published: one compact JSON object, its texts cut to what consumers take."""

from __future__ import annotations

from typing import Final

from alerts.summary import safe
from schemas.triage import AlertState

SCHEMA: Final = "token-alert-state.v1"
REASON_CHARS: Final = 1_000
"""Of the longest text; the audit log keeps the whole."""


def state_record(state: AlertState) -> bytes:
    """Give the published bytes of a state, below 8 000; what is not set is left out."""
    if state.reason is not None:
        state = state.model_copy(update={"reason": safe(state.reason, REASON_CHARS)})
    return state.model_dump_json(exclude_none=True).encode()


def state_headers(state: AlertState) -> list[tuple[str, bytes]]:
    """Repeat what a consumer may want to filter by without parsing the body."""
    facts = {
        "content-type": "application/json",
        "schema": SCHEMA,
        "alert_id": state.alert_id,
        "status": state.status,
        "version": str(state.version),
    }
    return [(name, value.encode()) for name, value in facts.items()]
