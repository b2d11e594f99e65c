"""Scenes of the mixed stream for the detectors of behaviour."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, Person, Row, Writer, elsewhere

_LEARNING: Final = 11
"""Days with events after which a subject is known; they begin before those of the others."""


def strange_places(writer: Writer, everyone: list[Person]) -> None:
    """People known for long come from elsewhere, with a new device, and from home."""
    at = (DAYS - 1) * DAY + 20 * HOUR
    changes: tuple[Row, ...] = (elsewhere(writer.rng, 90), {"device_id": "new"}, {})
    for number, change in enumerate(changes):
        person = replace(everyone[number], name=f"veteran-{number}", device=f"own-{number}")
        for day in range(_LEARNING):
            writer.add(at - (_LEARNING - day) * DAY, "issue", **person.base())
        writer.add(at + number * MINUTE, "issue", **person.base() | change)


def a_log_stops(writer: Writer, everyone: list[Person]) -> None:
    """An issuer is busy for three afternoons and silent on the last one, on which others are heard."""
    person = replace(everyone[0], name="night-owl", tenant="quiet", iss="https://id.quiet", client="app-quiet")
    for day in (DAYS - 6, DAYS - 5, DAYS - 2):
        for number in range(24):
            writer.add(day * DAY + 15 * HOUR + number * 5 * MINUTE, "issue", **person.base())


SCENES: Final = (strange_places, a_log_stops)
