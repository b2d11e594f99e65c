"""`tokentrail score-series` from outside: which columns it takes, what it writes, and that it writes as points come."""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.series_reader import SeriesReader
from detectors.series.scorer import score
from tests.app.conftest import Ran, Tokentrail

DAY = 1_391_990_400


def rows(ran: Ran) -> list[dict[str, str]]:
    assert ran.code == 0, ran.stderr
    return list(csv.DictReader(ran.text.splitlines()))


def micros(tmp_path: Path, content: str, **columns: str) -> list[int]:
    (tmp_path / "series").write_text(content, "utf-8")
    return [time for piece in SeriesReader(str(tmp_path / "series"), **columns).pieces() for time in piece.times]


def test_a_point_a_line_as_it_was_written(tokentrail: Tokentrail, tmp_path: Path) -> None:
    values = np.random.default_rng(1).poisson(30.0, 500)
    values[400] = 200
    lines = [f"2014-02-{1 + i // 96:02} {i // 4 % 24:02}:{i % 4 * 15:02}:00,{value}" for i, value in enumerate(values)]
    (tmp_path / "series").write_text("\n".join(["timestamp,value", *lines]), "utf-8")
    ran = tokentrail("score-series", "series")
    found = rows(ran)
    assert ran.text.splitlines()[0] == "time,value,expected,p,alert"
    assert [f"{row['time']},{row['value']}" for row in found] == lines
    times = 1_391_212_800_000_000 + np.arange(500) * 900_000_000
    scores = score(values.astype(float), times)
    assert [float(row["p"]) for row in found] == pytest.approx(scores["p"], rel=1e-5)
    assert [int(row["alert"]) for row in found] == scores["alert"].tolist()
    assert found[400]["alert"] == "1"
    assert ran.stderr.startswith(f"500 points, 0 missing; {scores['alert'].sum()} alerts; ")


def test_objects_for_machines_and_a_file(tokentrail: Tokentrail, tmp_path: Path) -> None:
    content = b"2026-01-01T00:00:00Z,1\n2026-01-01T00:01:00Z,\n2026-01-01T00:02:00Z,nan\n2026-01-01T00:03:00Z,2\n"
    ran = tokentrail("score-series", "-", "--json", "--out", "scores", stdin=content)
    assert (ran.code, ran.stdout) == (0, b"")
    assert ran.stderr.startswith("4 points, 2 missing; 0 alerts; ")
    again = tokentrail("score-series", "-", "--json", stdin=content)
    assert again.stdout == (tmp_path / "scores").read_bytes()
    assert [(record["value"], record["expected"]) for record in again.records] == [
        (1, None),
        (None, 1),
        (None, 1),
        (2, 1),
    ]
    assert again.records[0] | {"p": 1.0} == {
        "time": "2026-01-01T00:00:00Z", "value": 1.0, "expected": None, "p": 1.0, "alert": False
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "columns", "seconds"),
    [
        ("2014-02-10 00:00:00,1\n2014-02-10 00:00:00.5,2", {}, [DAY, DAY + 0.5]),
        ("2014-02-10T01:00:00+01:00,1\n2014-02-10T00:00:01Z,2", {}, [DAY, DAY + 1]),
        ("date,count\n2014-02-10,1\n2014-02-11,2", {}, [DAY, DAY + 86_400]),
        (f"{DAY},1\n{DAY + 1.5},2", {}, [DAY, DAY + 1.5]),
        (f"{DAY}000,1\n{DAY}500,2", {}, [DAY, DAY + 0.5]),
        ("index,value\n0,1\n1,2", {}, [0, 1]),
        ("value\n5\n6", {}, [0, 1]),
        ("5\n6\n", {}, [0, 1]),
        ("\ufeffvalue,label,Timestamp\n5,0,2014-02-10\n", {}, [DAY]),
        ("a,b,c\n0,1,7\n0,2,8", {"time": "c", "value": "2"}, [7, 8]),
        ("0,1,7\r\n\r\n0,2,8\r\n", {"time": "3", "value": "1"}, [7, 8]),
        ('time,value\n"2014-02-10",1', {}, [DAY]),
        ("2014-02-10,\n2014-02-11,1", {}, [DAY, DAY + 86_400]),
    ],
)
def test_columns_and_times_are_understood(
    content: str, columns: dict[str, str], seconds: list[float], tmp_path: Path
) -> None:
    assert micros(tmp_path, content, **columns) == [round(second * 1e6) for second in seconds]


def test_packed_files_are_read(tokentrail: Tokentrail, tmp_path: Path) -> None:
    (tmp_path / "series.gz").write_bytes(gzip.compress(b"1,5\n2,6\n"))
    assert [row["value"] for row in rows(tokentrail("score-series", "series.gz"))] == ["5", "6"]


def test_points_before_a_bad_line_are_written(tokentrail: Tokentrail) -> None:
    ran = tokentrail("score-series", "-", stdin=b"1,5\n" * 100_000 + b"2,six\n")
    assert ran.code == 1
    assert ran.stdout.count(b"\n") > 1
    assert "standard input:100001: is no point of a series" in ran.stderr


def test_a_pipe_gets_scores_while_it_is_open() -> None:
    command = [sys.executable, "-c", "from app.cli import main; main()", "score-series", "-"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"time,value\n1,5\n2,5")
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == [b"time,value,expected,p,alert\n", b"1,5,,1,0\n"]
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"2,5,5,")
        process.stdin.close()
        assert process.wait(60) == 0
