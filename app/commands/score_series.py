"""`tokentrail score-series`: the statistics of the rate detectors over any series of numbers."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from app.options import Json
from app.output import note

if TYPE_CHECKING:
    from app.series_reader import Points
    from detectors.series.scorer import Scores

COLUMNS: Final = ("expected", "p", "alert")
HEADER: Final = b"time,value,expected,p,alert\n"


def score_series(
    file: Annotated[str, typer.Argument(help="CSV of times and values (plain, .gz, .zst), or -.")],
    time_column: Annotated[
        str | None, typer.Option("--time", help="Column of the times, by name or number. Default: by its name.")
    ] = None,
    value_column: Annotated[
        str | None, typer.Option("--value", help="Column of the values, by name or number. Default: by its name.")
    ] = None,
    json: Json = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File for the scores instead of stdout.")] = None,
) -> None:
    """Say of each point of a time series what was expected, how probable something as odd is, and whether to look.

    Points are scored as they arrive, by those before them alone; nothing has to be set. Times without an offset are
    UTC; plain numbers are seconds or milliseconds since 1970, or an index.
    """
    import numpy as np

    from app.series_reader import SeriesReader
    from detectors.series.scorer import Scorer

    began = time.monotonic()
    scorer, points, missing, alerts = Scorer(), 0, 0, 0
    with ExitStack() as opened:
        place: BinaryIO = sys.stdout.buffer if out is None else opened.enter_context(out.open("wb"))
        write = _write_json if json else _write_csv
        for piece in SeriesReader(file, time_column, value_column).pieces():
            scores = scorer.score(piece.times, piece.values)
            if not json and points == 0 and piece.cells:
                place.write(HEADER)
            write(place, piece, scores)
            place.flush()
            points += len(scores)
            missing += int((~np.isfinite(piece.values)).sum())
            alerts += int(scores["alert"].sum())
    note(f"{points} points, {missing} missing; {alerts} alerts; {time.monotonic() - began:.1f} s")


def _write_csv(place: BinaryIO, piece: Points, scores: Scores) -> None:
    place.writelines(
        f"{_quoted(time)},{value},{'' if isnan(expected) else f'{expected:.9g}'},{p:.6g},{int(alert)}\n".encode()
        for (time, value), (expected, p, alert) in zip(piece.cells, scores[[*COLUMNS]].tolist(), strict=True)
    )


def _write_json(place: BinaryIO, piece: Points, scores: Scores) -> None:
    import orjson

    places = ((time, value) for (time, _), value in zip(piece.cells, piece.values.tolist(), strict=True))
    place.writelines(
        orjson.dumps(
            dict(zip(("time", "value", *COLUMNS), (*at, *score), strict=True)), option=orjson.OPT_APPEND_NEWLINE
        )
        for at, score in zip(places, scores[[*COLUMNS]].tolist(), strict=True)
    )


def _quoted(cell: str) -> str:
    return f'"{cell}"' if "," in cell else cell
