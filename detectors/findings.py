"""How a detector writes down what it found: rows of dtype `FINDING`, by arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.findings import FINDING
from schemas.frame import Events
from schemas.vocabulary import Confidence, Severity

Array: TypeAlias = npt.NDArray[Any]

NO_CLASS: Final = -1
INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL = (int(severity) for severity in Severity)
UNSURE, LIKELY, SURE = (int(confidence) for confidence in Confidence)


def blank(rows: Array, times: Array) -> Array:
    """Give room for a finding on each row, none said yet; `rows`, `times`: position in the batch and µs, (m,)."""
    findings = np.zeros(len(rows), FINDING)
    findings["row"], findings["time"], findings["alert_class"] = rows, times, NO_CLASS
    for name in ("observed", "threshold", "baseline"):
        findings[name] = np.nan
    return findings


def said(findings: Array) -> Array:
    """Give the rows on which something was said."""
    spoken: Array = findings[findings["alert_class"] != NO_CLASS]
    return spoken


def report(
    events: Events,
    rows: Array,
    entity: str | Array,
    *,
    severity: int | Array,
    confidence: int | Array,
    alert_class: int | Array = 0,
    measured: Sequence[tuple[float | Array, float | Array]] = (),
) -> Array:
    """Give one finding on each of some rows.

    Args:
        events: the batch.
        rows: positions in it, int64 (m,).
        entity: the key column that the findings are about, or the key of each row, uint64 (m,); never null.
        severity, confidence, alert_class: of all, or of each (m,).
        measured: what was observed and its threshold (NaN for none), for each metric of the class; each one value or
            (m,).
    """
    findings = blank(rows, events["order_time"][rows])
    findings["entity"] = events[entity][rows] if isinstance(entity, str) else entity
    findings["severity"], findings["confidence"], findings["alert_class"] = severity, confidence, alert_class
    for metric, (observed, threshold) in enumerate(measured):
        findings["observed"][:, metric] = observed
        findings["threshold"][:, metric] = threshold
    return findings


def place(events: Events, rows: Array) -> list[tuple[Array, float]]:
    """Give ASN and country of some rows as metrics without a threshold, NaN where they are unknown."""
    return bare(events["asn"][rows], events["country"][rows])


def bare(*columns: Array) -> list[tuple[Array, float]]:
    """Give columns as metrics without a threshold, NaN where they are unknown: not above 0."""
    return [(np.where(values > 0, values, np.nan), np.nan) for values in columns]
