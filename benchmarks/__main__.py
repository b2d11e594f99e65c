"""`python -m benchmarks [NAME ...] [--json FILE]`: measure all or some, each in a process of its own."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import orjson

from benchmarks import (
    calibration,
    dashboard,
    decode,
    detectors,
    endurance,
    latency,
    memory,
    pipeline,
    replay,
    vendors,
    worker,
)
from benchmarks.figures import Figure, show
from benchmarks.processes import apart

MEASURES: Final[dict[str, Callable[[], list[Figure]]]] = {
    "decode": decode.measure,
    "vendors": vendors.measure,
    "detectors": detectors.measure,
    "pipeline": pipeline.measure,
    "replay": replay.measure,
    "worker": worker.measure,
    "latency": latency.measure,
    "memory": memory.measure,
    "endurance": endurance.measure,
    "dashboard": dashboard.measure,
    "calibration": calibration.measure,
}


def main() -> None:
    """Print each report as it comes, and write all of them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(MEASURES)}")
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks.json"), help="where all figures go")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - MEASURES.keys():
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    figures = []
    for name in chosen.names or MEASURES:
        measured = apart(MEASURES[name])
        show(measured)
        figures += measured
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    report = {"machine": machine, "figures": [asdict(figure) | {"met": figure.met} for figure in figures]}
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"figures written to {chosen.json}")


if __name__ == "__main__":
    main()
