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


SCENES: Final = (strange_places,)
