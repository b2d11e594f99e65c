"""Whether a token can still be used, and what was reached with it, in words."""

from __future__ import annotations

from typing import Final

from dashboard.safe import visible
from dashboard.theme import Tint
from dashboard.words import clock_time, counted
from schemas.alerts import BlastRadius, Containment
from schemas.fields import parse_time
from store.queries import AnyRow

TINTS: Final[dict[str, Tint]] = {"live": "red", "revoked": "green", "expired": "gray"}
SHOWN: Final = 5
"""Audiences and scopes that are named; the record has all."""


def state_of(containment: Containment, now: int | None) -> str:
    """Give the state at event time `now`, µs: what was live when it was written may have expired since."""
    until = None if containment.live_until is None else parse_time(containment.live_until)
    over = containment.state == "live" and until is not None and now is not None and until <= now
    return "expired" if over else containment.state


def containment_words(containment: Containment | None, now: int | None) -> str:
    """Say it in a sentence."""
    if containment is None:
        return "No token of this is known: nothing was accepted."
    state = state_of(containment, now)
    until = "" if containment.live_until is None else f" {clock_time(parse_time(containment.live_until))}"
    if state == "live":
        return f"Can be used until{until}." if until else "Can be used; nobody said until when."
    return f"Expired{until}." if state == "expired" else "Revoked, and not accepted since."


def reach_words(reach: BlastRadius | None) -> str:
    """Say how much was reached, and what; empty where nothing is known."""
    if reach is None:
        return ""
    if not reach.calls:
        return "Nothing was reached."
    parts = (("at", reach.aud), ("with", reach.scopes))
    named = "".join(f" {word} {_some(names)}" for word, names in parts if names)
    return f"{counted(reach.calls, 'call')}{named}."


def incident_words(incident: AnyRow, now: int | None) -> str:
    """Say both of a whole incident; empty where nothing is known of its reach."""
    if incident.blast_radius is None:
        return ""
    whole = Containment.model_validate(incident.containment) if incident.containment else None
    return f"{containment_words(whole, now)} {reach_words(BlastRadius.model_validate(incident.blast_radius))}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(visible(name) for name in names[:SHOWN]) + more
