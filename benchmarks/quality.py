"""`python -m benchmarks.quality`: what detectors find and how often they are wrong, on seeds nobody tuned on."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from app.evaluate import Judged, Tally, judge, summary
from app.evaluation.report import Report, Row
from app.replaying import replay_of
from app.settings import from_mapping
from benchmarks import faults
from ingest.simulator import Label, Traffic, simulate, write
from ingest.simulator.applications import Catalogue
from ingest.simulator.clock import DAY
from ingest.simulator.lookalikes import AUTHORIZATION_SERVERS, DOWNLOADS, FAMILY_CLIENT, PROXIED_SERVERS
from ingest.simulator.signing import ADMINISTRATORS
from schemas.fields import parse_time
from schemas.intervals import Rate, Share

START: Final = parse_time("2026-03-02T00:00:00Z")
WORKERS: Final = 2
DEFAULTS: Final[dict[str, Any]] = {}
KNOWN: Final = {
    "detectors": [
        {"type": "client-mismatch", "trusted_clients": [FAMILY_CLIENT]},
        {"type": "cleartext-transport", "allowed_resource_servers": list(PROXIED_SERVERS)},
        {"type": "token-in-url", "allowed_clients": [DOWNLOADS]},
        {"type": "token-type-confusion", "authorization_servers": list(AUTHORIZATION_SERVERS)},
        {"type": "use-after-revoke", "offline_clients": [Catalogue().named("native").client_id]},
        {"type": "key-tampering", "administrators": list(ADMINISTRATORS)},
    ]
}
"""What whoever runs the simulated company would tell the detectors."""


@dataclass(frozen=True, slots=True)
class Mix:
    """A stream to be judged: which attacks, how often each, in how much traffic."""

    suites: tuple[str, ...]
    seeds: tuple[int, ...]
    days: int
    rounds: int
    traffic: Traffic


HEADLINE: Final = Mix(("headline",), (401, 402, 403), 8, 1, Traffic(rate=1.6, users=1_500))
FURTHER: Final = Mix(("lifecycle", "policy"), (414, 415, 416), 8, 2, Traffic(rate=1.2, users=2_500))
GRANTS: Final = Mix(("grants",), (441, 442, 443), 8, 2, Traffic(rate=0.8, users=2_000, signatures=True))
FAULTY: Final = Mix(("headline", "lifecycle", "policy"), (421,), 6, 1, Traffic(rate=0.6, users=2_000))
"""Nobody has tuned a detector on any of these seeds."""


def judged(mix: Mix, seed: int, settings: Mapping[str, Any], fault: str = faults.NONE) -> Judged:
    """Write a stream, damage it, replay it and score the alerts."""
    with TemporaryDirectory(prefix="tokentrail-quality-") as folder:
        path, truth = Path(folder) / "events.ndjson", Path(folder) / "labels.ndjson"
        stream = simulate(
            seed,
            START,
            duration=mix.days * DAY,
            scenarios=mix.suites * mix.rounds,
            traffic=faults.disordered(mix.traffic, fault),
        )
        write(stream, path, truth)
        labels = [Label.model_validate_json(line) for line in truth.read_text("utf-8").splitlines()]
        tally = Tally(labels)
        with path.open("rb") as events:
            for line in events:
                tally.add(orjson.loads(line))
        faults.damage(path, fault)
        job = replay_of(from_mapping(settings, "quality"), [str(path)], record_format="native")
        alerts = [orjson.loads(revision.body) for changes in job.run() for revision in changes.revisions]
    return judge(alerts, labels, tally.totals())


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of: {', '.join(PARTS)}")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        for part in chosen.parts or PARTS:
            PARTS[part](pool)


def measured(pool: ProcessPoolExecutor, mix: Mix, settings: Mapping[str, Any]) -> Report:
    """Judge all seeds of a mix, and sum up."""
    return summary(list(pool.map(partial(judged, mix, settings=settings), mix.seeds)))


def headline(pool: ProcessPoolExecutor) -> None:
    """Print the four headline detectors, and all others on the same streams."""
    show("Headline suite, defaults", HEADLINE, measured(pool, HEADLINE, DEFAULTS))


def further(pool: ProcessPoolExecutor) -> None:
    """Print the other detectors, with their defaults and with what the company knows."""
    show("Lifecycle and policy suites, defaults", FURTHER, measured(pool, FURTHER, DEFAULTS))
    show("Lifecycle and policy suites, known exceptions named", FURTHER, measured(pool, FURTHER, KNOWN))


def grants(pool: ProcessPoolExecutor) -> None:
    """Print the detectors of rates and grants, on streams with the log of the key service."""
    show("Grants suite, defaults", GRANTS, measured(pool, GRANTS, DEFAULTS))


def damaged(pool: ProcessPoolExecutor) -> None:
    """Print recall of each detector, and false alerts of all, on streams that lack something."""
    (seed,) = FAULTY.seeds
    results = pool.map(partial(judged, FAULTY, seed, KNOWN), faults.FAULTS)
    reports = {fault: summary([result]) for fault, result in zip(faults.FAULTS, results, strict=True)}
    print(f"\n## Damaged streams, seed {seed}\n")
    print(f"| | {' | '.join(reports)} |\n|---|{'---|' * len(reports)}")
    for number, row in enumerate(reports[faults.NONE].detectors):
        found = [report.detectors[number].recall.hits for report in reports.values()]
        print(f"| {row.detector} of {row.recall.cases} | {' | '.join(map(str, found))} |")
    severe = [_severe(report) for report in reports.values()]
    print(f"| false medium+ | {' | '.join(map(str, severe))} |")


def _severe(report: Report) -> int:
    return sum(noise.per_100k_events.count for noise in report.noise if noise.severity == "medium+")


PARTS: Final = {"headline": headline, "further": further, "grants": grants, "damaged": damaged}


def show(title: str, mix: Mix, report: Report) -> None:
    """Print one report: a row for each detector, what was missed, and the sums."""
    seeds = ", ".join(map(str, mix.seeds))
    events = sum(noise.per_100k_events.exposure for noise in report.noise if noise.severity == "medium+")
    print(f"\n## {title}\n\nSeeds {seeds}, {mix.days} days, {events / 10:.2f} million benign events.\n")
    print("| detector | recall (95 %) | class right | delay: median, p95 | false medium+ | false low or less |")
    print("|---|---|---|---|---|---|")
    rates = {(noise.detector, noise.severity): noise for noise in report.noise_by_detector}
    for row in report.detectors:
        mild = sum(
            rates[row.detector, severity].per_100k_events.count
            for severity in ("informational", "low")
            if (row.detector, severity) in rates
        )
        severe = rates[row.detector, "medium+"]
        cells = (_share(row.recall), _right(row), _delay(row), _rate(severe.per_100k_events), f"{mild / events:.2f}")
        print(f"| {row.detector} | {' | '.join(cells)} |")
    missed = [row for row in report.variants if row.recall.hits < row.recall.cases]
    print("\nMissed:", "; ".join(map(_missed, missed)) or "nothing", "\n")
    show_noise(report)


def show_noise(report: Report) -> None:
    """Print false alerts by severity, of all detectors together, and the baselines."""
    print(
        "| false alerts | count | per 100 000 benign events (95 %) | per 1 000 users a day (95 %) |\n|---|---|---|---|"
    )
    for noise in report.noise:
        count, users = noise.per_100k_events.count, noise.per_1000_users_a_day
        print(f"| {noise.severity}, {noise.period} | {count} | {_rate(noise.per_100k_events)} | {_rate(users)} |")
    for baseline in report.baselines:
        price = "" if baseline.false_medium is None else f", {_rate(baseline.false_medium)} false per 100 000"
        print(f"\nBaseline, {baseline.name}: {_share(baseline.recall)}{price}")


def _missed(row: Row) -> str:
    return f"{row.scenario}/{row.variant} {row.recall.cases - row.recall.hits} of {row.recall.cases}"


def _share(share: Share) -> str:
    return f"{share.hits} / {share.cases} = {share.value:.2f} ({share.low:.2f}-{share.high:.2f})"


def _right(row: Row) -> str:
    return f"{row.named_right.hits} / {row.named_right.cases}" if row.named_right.cases else "-"


def _delay(row: Row) -> str:
    return "-" if row.delay.median is None else f"{row.delay.median:.0f} s, {row.delay.p95:.0f} s"


def _rate(rate: Rate) -> str:
    return "-" if rate.value is None else f"{rate.value:.2f} ({rate.low:.2f}-{rate.high:.2f})"


if __name__ == "__main__":
    main()
