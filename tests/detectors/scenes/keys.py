"""Scenes for the detectors that know of keys from an inventory."""

from __future__ import annotations

from typing import Any, Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, Person, Writer

_ISSUER: Final = {"tenant": None, "iss": "https://id.keys"}
_RECIPIENTS: Final = 3 * 365 * DAY
KNOWN: Final[tuple[dict[str, Any], ...]] = (
    {**_ISSUER, "reads": range(DAY, DAYS * DAY, 5 * MINUTE)},
    {**_ISSUER, "key_id": "current", "listed_at": DAY, "first_seen": DAY},
    {**_ISSUER, "key_id": "late", "listed_at": 2 * DAY + 10 * MINUTE},
    {**_ISSUER, "key_id": "old", "listed_at": 0, "created": -400 * DAY, "retired": 3 * DAY},
    {**_ISSUER, "key_id": "ancient", "listed_at": 0, "created": -5_000 * DAY, "retired": -2 * _RECIPIENTS},
    {**_ISSUER, "key_id": "aged", "listed_at": 0, "first_seen": -4 * 365 * DAY},
    {**_ISSUER, "key_id": "stolen", "listed_at": 0, "compromised": 4 * DAY},
    {**_ISSUER, "key_id": "next", "listed_at": 0, "not_before": 8 * DAY},
)
"""What the inventory of the stream holds, times from its start."""
_KEYS: Final = ("current", "late", "old", "ancient", "aged", "stolen", "next", "forged")


def key_holders(writer: Writer, everyone: list[Person]) -> None:
    """Every kind of key at work through the days, for all purposes."""
    for number, key in enumerate(_KEYS):
        for day in range(1, DAYS):
            person = everyone[(number + day) % 12]
            used = {**_ISSUER, "key_id": key, "token_id": None, "token_format": "jws"}
            purpose = ("sign", "verify", "decrypt", "encrypt")[(day + number) % 4]
            writer.use(person, day * DAY + 5 * HOUR + number * MINUTE, **used, operation=purpose)
    for number in range(3):
        denied = {**_ISSUER, "key_id": "stolen", "token_id": None, "operation": "sign", "outcome": "denied"}
        writer.use(everyone[number], 6 * DAY + number * HOUR, **denied)


SCENES: Final = (key_holders,)
