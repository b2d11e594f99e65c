"""`tokentrail replay` of a file in its own process, after one run that leaves the kernels compiled."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from benchmarks.figures import Figure
from benchmarks.streams import mix

EVENTS: Final = 400_000
FEW: Final = 1_000
ROUNDS: Final = 3
REPLAY: Final = (sys.executable, "-c", "from app.cli import main; main()", "replay", "--out", "/dev/null")


class Cost(NamedTuple):
    """Seconds of one process."""

    cpu: float
    wall: float


def replay(path: Path) -> Cost:
    """Replay one file."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([*REPLAY, str(path)], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, time.monotonic() - start)


def measure() -> list[Figure]:
    """Give rates without the start of the process, which a short file shows."""
    with TemporaryDirectory() as folder:
        long, short = Path(folder, "long.ndjson"), Path(folder, "short.ndjson")
        records = mix(EVENTS)
        long.write_bytes(b"\n".join(records) + b"\n")
        short.write_bytes(b"\n".join(records[:FEW]) + b"\n")
        replay(long)
        runs = [(replay(short), replay(long)) for _ in range(ROUNDS)]
    events = (EVENTS - FEW) / 1_000
    cpu = events / statistics.median(all_.cpu - start.cpu for start, all_ in runs)
    wall = events / statistics.median(all_.wall - start.wall for start, all_ in runs)
    begun = statistics.median(start.wall for start, _ in runs)
    return [
        Figure("replay of NDJSON", cpu, "k events/CPU-s", 60, note=f"{EVENTS} events of {len(records[0])} bytes or so"),
        Figure("replay of NDJSON, two cores", wall, "k events/s", 90, note="wall"),
        Figure("start of a replay", begun, "s", note=f"wall, with {FEW} events"),
    ]
