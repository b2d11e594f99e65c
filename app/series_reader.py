"""The points of a series in a CSV file, piece by piece as they arrive."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.series_columns import Columns, columns_of, is_header, read_value, time_reader
from ingest.lines import STDIN, DamagedInputError, lines, opened, unpacked
from schemas.errors import SourceError


class Points(NamedTuple):
    """Some points: cells as they were written; times, µs (n,) int64; values (n,) float64, nan where missing."""

    cells: list[tuple[str, str]]
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


class SeriesReader:
    """Reads one file, or standard input (`-`); plain, gzip or Zstandard.

    Args:
        name: of the file.
        time, value: of the columns, see `columns_of`.
    """

    def __init__(self, name: str, time: str | None = None, value: str | None = None) -> None:
        self.name = name
        self._wanted = (time, value)
        self._line = 0
        self._points = 0
        self._columns: Columns | None = None
        self._micros: Callable[[str], int] | None = None

    def pieces(self) -> Iterator[Points]:
        """Yield what has arrived, again and again.

        Raises:
            SourceError: a line is none of the series, or the file is damaged; names the line.
            ConfigError: see `columns_of`.
        """
        with opened(self.name) as file:
            try:
                for found in lines(unpacked(file)):
                    yield self._piece(found)
            except DamagedInputError as error:
                raise SourceError(str(error), place=self._place, next_step="unpack or mend it") from error
        if self._points == 0:
            raise SourceError("holds no point", place=self._place, next_step="give a CSV of times and values")

    @property
    def _place(self) -> str:
        return "standard input" if self.name == STDIN else self.name

    def _piece(self, found: list[bytes]) -> Points:
        read = [point for line in found if (point := self._read(line)) is not None]
        cells = [(time, value) for time, value, _, _ in read]
        times = np.array([micros for _, _, micros, _ in read], np.int64)
        return Points(cells, times, np.array([number for _, _, _, number in read], np.float64))

    def _read(self, line: bytes) -> tuple[str, str, int, float] | None:
        """Read a line; None for the header and for blank lines."""
        self._line += 1
        try:
            row = next(csv.reader([line.decode("utf-8-sig" if self._line == 1 else "utf-8")], strict=True), [])
            return self._point(row) if any(cell.strip() for cell in row) else None
        except (ValueError, OverflowError, csv.Error) as error:
            raise SourceError(
                f"is no point of a series: {error}",
                place=f"{self._place}:{self._line}",
                next_step="mend the line; a missing value is an empty cell",
            ) from error

    def _point(self, row: Sequence[str]) -> tuple[str, str, int, float] | None:
        if self._columns is None:
            self._columns = columns_of(row, *self._wanted)
            if is_header(row):
                return None
        time, value = self._columns.cells(row, self._points)
        self._micros = self._micros or time_reader(time)
        point = (time, value, self._micros(time), read_value(value))
        self._points += 1
        return point
