"""Scenes of the mixed stream for the detectors of what tokens are, carry and cost."""

from __future__ import annotations

from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, Person, Writer


def written_down(writer: Writer, everyone: list[Person]) -> None:
    """Tokens in plain text in the log."""
    at = (DAYS - 1) * DAY + 19 * HOUR
    for number, person in enumerate(everyone[:12]):
        when = at + number * MINUTE
        if number % 2:
            writer.use(person, when, leaked=True)
        else:
            writer.fail(person, when, "malformed", leaked=True, token_id=(person.token, None)[number % 4 // 2])


SCENES: Final = (written_down,)
