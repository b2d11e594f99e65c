"""The detectors: what they can see, what they have found, what of ATT&CK they cover."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import pandas as pd

from alerts.attack import TACTICS, TECHNIQUES
from dashboard.safe import visible
from dashboard.theme import severity_label
from dashboard.views.frames import frame, instants, texts
from dashboard.words import status_name, tactic_name
from detectors.base import Detector
from detectors.readiness import Readiness, Sight
from schemas.intervals import precision
from schemas.triage import Verdict

Kinds = Iterable[type[Detector]]
MARKS: Final = {
    Readiness.ARMED: "● armed",
    Readiness.WARMING: "◔ warming",
    Readiness.PARTLY: "◐ partly",
    Readiness.BLIND: "✖ blind",
    Readiness.UNUSED: "no events",
}
SHOWN: Final = 8
"""Sources side by side; the others are in the list of reasons."""
_LINE_END: Final = re.compile(r"(?<!\n)\n(?!\n)")
_SECTION: Final = re.compile(r"^(\w[\w ]*):$", re.MULTILINE)


def busiest(sights: Iterable[Sight]) -> list[str]:
    """The sources of most events, at most `SHOWN`."""
    events: Counter[str] = Counter()
    for sight in sights:
        events[sight.source] = max(events[sight.source], sight.events)
    return [source for source, _ in events.most_common(SHOWN)]


def readiness_matrix(sights: Iterable[Sight], sources: Sequence[str]) -> pd.DataFrame:
    """`Detector`, then a column for each source: whether the detector can fire on it."""
    marks: dict[str, dict[str, str]] = {}
    for sight in sights:
        marks.setdefault(sight.detector, {})[sight.source] = MARKS[sight.readiness]
    rows = [[detector, *(named[source] for source in sources)] for detector, named in marks.items()]
    return pd.DataFrame(rows, columns=_headings(["Detector", *sources]))


def _headings(names: Iterable[str]) -> list[str]:
    """Names as they may stand above columns; sources choose theirs, and one that is taken gets a mark."""
    found: list[str] = []
    for name in map(visible, names):
        found.append(name if name not in found else f"{name} ({len(found)})")
    return found


def reasons(sights: Iterable[Sight]) -> pd.DataFrame:
    """`Detector`, `Source`, `State`, `Why`, `Events` of all that see less than they should, the worst first."""
    order = list(Readiness)
    dim = [sight for sight in sights if sight.readiness not in {Readiness.ARMED, Readiness.UNUSED}]
    dim.sort(key=lambda sight: order.index(sight.readiness))
    found = frame(dim, ["detector", "source", "why", "events"])
    return pd.DataFrame(
        {
            "Detector": texts(found["detector"]),
            "Source": texts(found["source"]),
            "State": pd.Series([MARKS[sight.readiness] for sight in dim], dtype="object"),
            "Why": texts(found["why"]),
            "Events": found["events"].astype("Int64"),
        }
    )


def catalogue(detectors: Kinds, fired: Iterable[Any]) -> pd.DataFrame:
    """`Detector`, `Finds`, `Severity` (the highest of its classes), `Alerts`, `Last (UTC)`."""
    counts: Counter[str] = Counter()
    last: dict[str, int] = {}
    for row in fired:
        counts[row.detector] += row.count
        last[row.detector] = max(last.get(row.detector, 0), row.last)
    kinds = list(detectors)
    return pd.DataFrame(
        {
            "Detector": [kind.type for kind in kinds],
            "Finds": [kind.title for kind in kinds],
            "Severity": [[severity_label(max(it.severity for it in kind.classes))] for kind in kinds],
            "Alerts": [counts[kind.type] for kind in kinds],
            "Last (UTC)": instants(pd.Series([last.get(kind.type) for kind in kinds], dtype="Int64")),
        }
    )


def precision_table(counts: Iterable[Any]) -> pd.DataFrame:
    """`Detector`, `Precision`, `At least`, `At most` (95 %), a column for each verdict; most often judged first.

    Args:
        counts: rows of `Queries.verdicts`. Without a verdict that says so or not, precision is not known.
    """
    by: dict[str, dict[str, int]] = {}
    for row in counts:
        by.setdefault(row.detector, {})[row.verdict] = row.count
    names = sorted(by, key=lambda name: (-sum(by[name].values()), name))
    shares = [precision(by[name]) for name in names]
    known = [(share.value, share.low, share.high) if share.cases else (None,) * 3 for share in shares]
    bounds = pd.DataFrame(known, columns=["Precision", "At least", "At most"], dtype="Float64")
    judged = {status_name(each): [by[name].get(each, 0) for name in names] for each in Verdict}
    return pd.concat([pd.DataFrame({"Detector": list(map(visible, names))}), bounds, pd.DataFrame(judged)], axis=1)


def coverage(detectors: Kinds, fired: Iterable[Any]) -> pd.DataFrame:
    """`Tactics`, `Technique`, `Detectors`, `Alerts` of every ATT&CK technique that an alert class names."""
    counts = {(row.detector, row.alert_class): row.count for row in fired}
    by: dict[str, dict[str, int]] = {}
    for kind in detectors:
        for it in kind.classes:
            for technique in it.attack:
                named = by.setdefault(technique, {})
                named[kind.type] = named.get(kind.type, 0) + counts.get((kind.type, it.name), 0)
    order = sorted(by, key=lambda technique: (TACTICS.index(TECHNIQUES[technique][0]), technique))
    return pd.DataFrame(
        {
            "Tactics": [", ".join(map(tactic_name, TECHNIQUES[technique])) for technique in order],
            "Technique": order,
            "Detectors": [", ".join(by[technique]) for technique in order],
            "Alerts": [sum(by[technique].values()) for technique in order],
        }
    )


def sections(detector: type[Detector]) -> Iterator[tuple[str, str]]:
    """Give title and text of each section of a detector's documentation."""
    parts = _SECTION.split(inspect.getdoc(detector) or "")
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        text = inspect.cleandoc("\n" + text)  # noqa: PLW2901 - the same text without its indent
        yield title, text if title == "Example" else _LINE_END.sub(" ", text)
