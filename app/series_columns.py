"""Which columns of a CSV file hold the times and values of a series, and what their cells say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from schemas.errors import ConfigError
from schemas.fields import EPOCH, MICROSECOND

TIME_NAMES: Final = ("timestamp", "time", "datetime", "date", "ds", "index", "t")
VALUE_NAMES: Final = ("value", "count", "values", "counts", "y", "v")
_MISSING: Final = frozenset({"", "nan", "null", "none", "na", "n/a"})
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SECOND: Final = 1_000_000
_EPOCHS: Final = ((1e17, 1e-3), (1e14, 1.0), (1e11, 1e3), (1e8, 1e6))
"""From which number on a time is an epoch, and the µs of its unit: ns, µs, ms, s. Smaller ones are an index."""
_FARTHEST: Final = 2**62


class Columns(NamedTuple):
    """Positions of the columns; `time` is None where the number of the row is the time."""

    time: int | None
    value: int

    def cells(self, row: Sequence[str], number: int) -> tuple[str, str]:
        """Take time and value out of a row. Raises ValueError if it is too short."""
        if max(self.time or 0, self.value) >= len(row):
            raise ValueError(f"has {len(row)} of the {max(self.time or 0, self.value) + 1} columns")
        return str(number) if self.time is None else row[self.time].strip(), row[self.value].strip()


def is_header(row: Sequence[str]) -> bool:
    """Tell whether a first row names columns: none of its cells is a number or a date."""
    return not any(_NUMBER.fullmatch(cell.strip()) or _is_date(cell.strip()) for cell in row)


def columns_of(first: Sequence[str], time: str | None, value: str | None) -> Columns:
    """Choose the columns by the first row of a file.

    Args:
        first: its cells, names or not.
        time, value: name or number (from 1) of a column; None: by the usual names, or by position.

    Raises:
        ConfigError: no such column, or it is not clear which.
    """
    names = [cell.strip().lower() for cell in first] if is_header(first) else []
    chosen_time = _position(time, "--time", first, names) if time else _known(names, TIME_NAMES)
    chosen_value = _position(value, "--value", first, names) if value else _known(names, VALUE_NAMES)
    others = [at for at in range(len(first)) if at not in {chosen_time, chosen_value}]
    if chosen_time is None and not names and len(others) > (chosen_value is None):
        chosen_time = others.pop(0)
    if chosen_value is None:
        if len(others) != 1:
            raise ConfigError(
                f"not clear which of the columns {_shown(first)} is the value", place="--value", next_step="name it"
            )
        chosen_value = others[0]
    return Columns(chosen_time, chosen_value)


def time_reader(first: str) -> Callable[[str], int]:
    """Give what turns the times of a file into µs since the epoch, UTC, by the first of them; raises ValueError.

    Numbers are an index or an epoch by their size; other times are ISO 8601, taken as UTC where they have no offset.
    """
    if not _NUMBER.fullmatch(first):
        return _read_date
    unit = next((unit for least, unit in _EPOCHS if abs(float(first)) >= least), float(_SECOND))
    return lambda text: _micros(float(text) * unit)


def read_value(text: str) -> float:
    """Read a number; nan where it is missing. Raises ValueError."""
    return float("nan") if text.lower() in _MISSING else float(text)


def _is_date(text: str) -> bool:
    try:
        _read_date(text)
    except ValueError:
        return False
    return True


def _read_date(text: str) -> int:
    time = datetime.fromisoformat(text)
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def _micros(time: float) -> int:
    if not abs(time) < _FARTHEST:
        raise ValueError(f"{time!r} is no time")
    return round(time)


def _known(names: Sequence[str], usual: Sequence[str]) -> int | None:
    return next((names.index(name) for name in usual if name in names), None)


def _position(wanted: str, option: str, first: Sequence[str], names: Sequence[str]) -> int:
    if wanted.strip().lower() in names:
        return names.index(wanted.strip().lower())
    if wanted.isdecimal() and 1 <= int(wanted) <= len(first):
        return int(wanted) - 1
    raise ConfigError(f"no column {wanted!r}", place=option, next_step=f"take one of {_shown(first)}, or its number")


def _shown(first: Sequence[str]) -> str:
    return ", ".join(cell.strip() for cell in first)
