"""Numbers, times and names as an analyst reads them. Every clock time says UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from dashboard.safe import visible

MILLISECOND: Final = 1_000
SECOND: Final = 1_000 * MILLISECOND
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_STEPS: Final = ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min"), (MINUTE, "min", SECOND, "s"))
_BYTES: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_KIBI: Final = 1024
_WORD: Final = re.compile(r"[a-z]+(_[a-z]+)*")
_SLUG: Final = re.compile(r"[a-z]+(-[a-z]+)*")


def clock_time(micros: int) -> str:
    """Time of day with date and zone, e.g. `2026-11-24 09:15:02 UTC`."""
    return f"{datetime.fromtimestamp(micros // SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(micros: int) -> str:
    """The two largest units of a span, e.g. `2 h 5 min`; below a second, `< 1 s`."""
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    for unit, name, smaller, smaller_name in _STEPS:
        if micros >= unit:
            rest = micros % unit // smaller
            return f"{sign}{micros // unit} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{sign}{micros // SECOND} s" if micros >= SECOND else "< 1 s"


def size(octets: int) -> str:
    """Bytes in the largest binary unit, e.g. `3.4 MiB`."""
    value, unit = float(octets), 0
    while value >= _KIBI and unit < len(_BYTES) - 1:
        value, unit = value / _KIBI, unit + 1
    return f"{value:.1f} {_BYTES[unit]}" if unit else f"{octets} B"


def figure(value: float | None) -> str:
    """A measured value: thousands apart, six significant digits."""
    match value:
        case None:
            return "-"
        case _ if float(value).is_integer():
            return f"{int(value):,}".replace(",", "\u202f")
        case _:
            return f"{value:,.6g}".replace(",", "\u202f")


def counted(number: int, noun: str) -> str:
    """A number of things, e.g. `1 alert`, `2 alerts`."""
    return f"{figure(number)} {noun}" + ("" if number == 1 else "s")


def tactic_name(tactic: str) -> str:
    """A tactic of ATT&CK as its matrix writes it, e.g. `Initial access` for `initial-access`."""
    return tactic.replace("-", " ").capitalize() if _SLUG.fullmatch(tactic) else visible(tactic)


def status_name(status: str) -> str:
    """A triage status, verdict or action as people write it, e.g. `In progress` for `in_progress`."""
    return status.replace("_", " ").capitalize() if _WORD.fullmatch(status) else visible(status)
