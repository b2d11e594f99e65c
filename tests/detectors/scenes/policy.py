"""Scenes of the mixed stream for the detectors of policy and of keys."""

from __future__ import annotations

from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, SECOND, Person, Writer


def careless_clients(writer: Writer, everyone: list[Person]) -> None:
    """Tokens in URLs and without TLS."""
    at = (DAYS - 1) * DAY + 15 * HOUR
    for number, person in enumerate(everyone[:12]):
        carried = {"resource_server": f"api-{number % 3}", "token_type": ("access", "api-key", None)[number % 3]}
        writer.use(person, at + number * MINUTE, token_location=("query", "fragment", "header")[number % 3], **carried)
        writer.use(person, at + number * MINUTE + 9 * SECOND, transport=("http", "https")[number % 2], **carried)


SCENES: Final = (careless_clients,)
