"""CSV that is safe to open in a spreadsheet: no cell is a formula, none obeys a terminal, each row is one line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from app.output import plain

_FORMULAS: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 - the wide ones count, too


def csv_row(values: Iterable[object]) -> str:
    """Write one row (RFC 4180) with its line end; lists are joined by `; `, None is empty."""
    out = io.StringIO()
    csv.writer(out).writerow([_cell(value) for value in values])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, int | float):
        return str(value)
    text = "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    text = plain(text)
    return f"'{text}" if text.lstrip().startswith(_FORMULAS) else text
