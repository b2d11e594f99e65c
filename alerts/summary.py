"""Text of an alert: observed values with their units, and the summary. Every string from an event is hostile."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from schemas.alerts import Entity, Observation
from schemas.catalogue import AlertClass, Metric, Unit
from schemas.fields import format_time, unpack_country
from schemas.vocabulary import EntityType

MAX_WORD_CHARS: Final = 80
MAX_SUMMARY_CHARS: Final = 600
_DURATIONS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))
_WHOLE_FROM: Final = 100
"""Measured values from here on are written without a fraction, which nobody measured."""
_SUFFIX: Final = {
    Unit.KILOMETRES: " km",
    Unit.KILOMETRES_PER_HOUR: " km/h",
    Unit.PER_HOUR: " an hour",
    Unit.PER_MINUTE: " a minute",
}


def safe(text: str, limit: int = MAX_WORD_CHARS) -> str:
    """Make text from an event harmless on a terminal or a log line: no control, format or bidi characters; bounded."""
    clean = text if text.isprintable() else "".join(c for c in text if unicodedata.category(c)[0] != "C").strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def readable(value: float | None, unit: Unit) -> str:
    """Write a value for people, e.g. `12 min`, `8123 km`, `AS64500`."""
    if value is None:
        return "unknown"
    match unit:
        case Unit.ASN | Unit.COUNTRY | Unit.TIME:
            return str(reported(value, unit))
        case Unit.SECONDS:
            return _duration(value)
        case Unit.RATIO | Unit.PROBABILITY:
            return f"{value:.3g}"
    if unit in _SUFFIX:
        return f"{value:.0f}{_SUFFIX[unit]}" if abs(value) >= _WHOLE_FROM else f"{value:.3g}{_SUFFIX[unit]}"
    return f"{value:.10g}"


def reported(value: float | None, unit: Unit) -> float | str | None:
    """Give a value as the alert record carries it: codes as the words they stand for, numbers as they are."""
    if value is None:
        return None
    match unit:
        case Unit.ASN:
            return f"AS{int(value)}"
        case Unit.COUNTRY:
            return unpack_country(int(value)) or "unknown"
        case Unit.TIME:
            return format_time(int(value))
    return value


def _duration(seconds: float) -> str:
    for size, name in _DURATIONS:
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.3g} s"


def observations(
    metrics: Iterable[Metric],
    observed: Iterable[float | None],
    threshold: Iterable[float | None],
    baseline: Iterable[float | None],
) -> list[Observation]:
    """Pair the columns of a finding with their metrics; a metric without a value is left out."""
    return [
        Observation(
            metric=metric.name, value=value, threshold=limit, baseline=reported(usual, metric.unit), unit=metric.unit
        )
        for metric, raw, limit, usual in zip(metrics, observed, threshold, baseline, strict=False)
        if (value := reported(raw, metric.unit)) is not None
    ]


def summary_of(kind: AlertClass, observed: Iterable[float | None], entities: Iterable[Entity]) -> str:
    """Fill the class's template with its metrics and the first entity of each type."""
    words: dict[str, str] = {type_.value: f"unknown {type_.value}" for type_ in EntityType}
    for entity in reversed(list(entities)):
        words[entity.type.value] = safe(entity.name or entity.id) or "?"
    words |= {metric.name: readable(value, metric.unit) for metric, value in zip(kind.metrics, observed, strict=False)}
    return safe(kind.summary.format_map(words), MAX_SUMMARY_CHARS)
