"""Rows of the store as frames, with hostile characters made visible and times as UTC instants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard.safe import visible


def frame(rows: Iterable[object], columns: Sequence[str]) -> pd.DataFrame:
    """A frame of the named attributes (or keys) of each row; without rows, the same columns."""
    return pd.DataFrame([[_value(row, name) for name in columns] for row in rows], columns=list(columns))


def instants(micros: pd.Series[Any]) -> pd.Series[Any]:
    """µs since the epoch as UTC instants."""
    return pd.to_datetime(micros.astype("Int64"), unit="us", utc=True)


def texts(values: pd.Series[Any]) -> pd.Series[Any]:
    """Strings of events as they may stand in a plain cell; what is missing is empty."""
    # pandas makes NaN of a None among strings, which would read "nan".
    return values.map(visible, na_action="ignore").fillna("").astype("object")


def _value(row: object, name: str) -> object:
    return row[name] if isinstance(row, Mapping) else getattr(row, name)
