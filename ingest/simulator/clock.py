"""Simulated time: µs since the epoch as text, and the rhythm of the day."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from schemas.fields import EPOCH

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# Share of the day's peak at each local hour: one curve for working days, one for weekends.
NIGHT: Final = (0.05, 0.03, 0.02, 0.02, 0.03, 0.06)
MORNING: Final = (0.18, 0.42, 0.78, 1.0, 0.98, 0.92)
AFTERNOON: Final = (0.74, 0.88, 0.96, 0.94, 0.86, 0.68)
EVENING: Final = (0.46, 0.38, 0.36, 0.30, 0.20, 0.10)
WORKDAY: Final = (*NIGHT, *MORNING, *AFTERNOON, *EVENING)
WEEKEND: Final = tuple(0.45 * share for share in (*WORKDAY[-2:], *WORKDAY[:-2]))
EPOCH_WEEKDAY: Final = 3  # 1 January 1970 was a Thursday, Monday is 0
SATURDAY: Final = 5


def local_hour(micros: int, offset_hours: float) -> tuple[int, bool]:
    """Hour of the day where clocks are `offset_hours` from UTC, and whether it is a weekend there."""
    local = micros + int(offset_hours * HOUR)
    return local % DAY // HOUR, (local // DAY + EPOCH_WEEKDAY) % 7 >= SATURDAY


def activity(micros: int, offset_hours: float) -> float:
    """How active people are at this time, 0 to 1."""
    hour, weekend = local_hour(micros, offset_hours)
    return (WEEKEND if weekend else WORKDAY)[hour]


class Clock:
    """Writes times as RFC 3339 in UTC with µs; remembers the dates it has written."""

    def __init__(self) -> None:
        self._dates: dict[int, str] = {}

    def text(self, micros: int) -> str:
        """RFC 3339 text of µs since the epoch."""
        day, rest = divmod(micros, DAY)
        date = self._dates.get(day)
        if date is None:
            date = self._dates[day] = (EPOCH + timedelta(days=day)).strftime("%Y-%m-%dT")
        seconds, fraction = divmod(rest, SECOND)
        minutes, second = divmod(seconds, 60)
        return f"{date}{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{fraction:06d}Z"
