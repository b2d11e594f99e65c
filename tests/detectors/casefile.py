"""Cases as data: what a YAML file under `cases/` says, and how it is played.

    - name: a spent token comes back from another country
      why: somebody else holds a copy
      with: {leeway: 5s}                       # parameters of the detector, optional
      defaults: {type: refresh, sub: ann}      # fields of every event, optional
      keys: [{iss: i, key_id: k, retired: 1h}] # what is known of keys, see `keyring.inventory`, optional
      until: 2d                                # end of the stream, so that timers fire; default: the last event
      events:
        - {at: 0s, token_id: r1, exp: +1h}     # `+` and `-` in a field of time: from the event's own time
        - {at: 1m, repeat: 10, every: 10s, sub: "u{i}"}
        - {at: 5m, late: 2m, token_id: r0}     # late: ordered as if it had happened two minutes later
        - {at: 6m, leaked: true}               # leaked: a raw token stood in the record
      expect:                                  # [] = silence; a class that is not listed must not appear
        - {class: replay, severity: high, count: ">=1", first_at: 90s, entity: {type: user, id: ann}}

Times count from 2026-03-02T09:00:00Z. `severity` is the highest of the class's findings.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from detectors.base import Detector, EntityField
from detectors.tokens import Tokens
from schemas.columns import MARKERS
from schemas.events import TokenEvent
from schemas.fields import Time, format_time, parse_time
from schemas.findings import FINDING
from schemas.frame import Events
from schemas.vocabulary import Confidence, EntityType, Severity
from tests.detectors.keyring import inventory
from tests.detectors.laws import run
from tests.frames import frame

CASES: Final = Path(__file__).parent / "cases"
BASE: Final = parse_time("2026-03-02T09:00:00Z")
_UNITS: Final = {"ms": 1_000, "s": 10**6, "m": 60 * 10**6, "h": 3_600 * 10**6, "d": 86_400 * 10**6}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def span(text: str | int) -> int:
    """Read '90s', '-1h30m' or '250ms' as µs.

    Raises:
        ValueError: it is none.
    """
    sign, rest = (-1, str(text)[1:]) if str(text).startswith("-") else (1, str(text).removeprefix("+"))
    if rest == "0":
        return 0
    if not rest or _PART.sub("", rest):
        raise ValueError(f"{text!r} is no span such as 90s or 1h30m")
    return sign * sum(round(float(number) * _UNITS[unit]) for number, unit in _PART.findall(rest))


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    unknown = set(fields) - set(TokenEvent.model_fields) - {"leaked"}
    if unknown:
        raise ValueError(f"no such fields of an event: {sorted(unknown)}")
    return fields


Span = Annotated[int, BeforeValidator(span)]
Fields = Annotated[dict[str, Any], AfterValidator(_known)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entity(_Strict):
    """Whom a finding is about, as text of the event that raised it."""

    type: EntityType
    id: str


class Expectation(_Strict):
    """Findings of one class (about one entity, if it is named)."""

    alert_class: str = Field(alias="class")
    severity: str
    confidence: str | None = None
    count: str | int = ">=1"
    first_at: Span | None = None
    entity: Entity | None = None
    observed: dict[str, float] = {}


class Case(_Strict):
    """One behaviour of one detector."""

    name: str
    why: str
    parameters: dict[str, Any] = Field({}, alias="with")
    defaults: Fields = {}
    keys: list[dict[str, Any]] = []
    events: list[dict[str, Any]]
    until: Span | None = None
    expect: list[Expectation]

    def stream(self) -> Events:
        """The events in the order in which a detector sees them."""
        rows = [row for line in self.events for row in _repeated(self.defaults | line)]
        delays = [span(row.pop("late", 0)) for row in rows]
        events = frame([{"event_id": f"e{i:05d}", **_known(row)} for i, row in enumerate(rows)], ordered=False)
        order_time = events["time"] + np.array(delays, np.int64)
        names = events.text.gather(columns=["event_id"])["event_id"].to_numpy(zero_copy_only=False)
        order = np.lexsort((names.astype(str), events["seq"], order_time))
        placed = events.with_columns(order_time=order_time, late=order_time > events["time"]).take(order)
        return inventory(self.keys, lambda time: BASE + span(time)).describe(Tokens().trace(placed))

    def end(self, events: Events) -> int:
        """The watermark at the end of the stream."""
        return int(events["order_time"][-1]) if self.until is None else BASE + self.until


def _repeated(line: dict[str, Any]) -> list[dict[str, Any]]:
    fields = dict(line)
    at, every = span(fields.pop("at")), span(fields.pop("every", 0))
    return [_filled(fields, i, at + i * every) for i in range(fields.pop("repeat", 1))]


def _filled(fields: dict[str, Any], i: int, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"time": format_time(BASE + at)}
    for name, value in fields.items():
        if isinstance(value, str):
            value = value.replace("{i}", str(i))  # noqa: PLW2901 - the field's value, filled in
            if isinstance(MARKERS.get(name), Time) and value[:1] in "+-":
                value = format_time(BASE + at + span(value))  # noqa: PLW2901 - as above
        row[name] = value
    return row


def read_cases(type_: str) -> list[Case]:
    """The cases of one detector.

    Raises:
        FileNotFoundError: it has none.
    """
    return [Case.model_validate(case) for case in yaml.safe_load((CASES / f"{type_}.yaml").read_text("utf-8"))]


def play(detector: type[Detector], case: Case, *, one_by_one: bool = False) -> list[str]:
    """Play a case and say what differs from what is expected; nothing, where all is well."""
    events = case.stream()
    end = case.end(events)
    times = [*events["order_time"][1:].tolist(), end + 1]
    single = [(events.take(slice(i, i + 1)), time - 1) for i, time in enumerate(times)]
    found = run(configured(detector, case), single if one_by_one else [(events, end)])
    names = [alert_class.name for alert_class in detector.classes]
    listed = {expectation.alert_class for expectation in case.expect}
    unknown = listed - set(names)
    surplus = {names[i] for i in found["alert_class"].tolist()} - listed
    said = [f"{detector.type} has no class {name}" for name in unknown]
    said += [f"unexpected {name}: {_told(found[found['alert_class'] == names.index(name)])}" for name in surplus]
    for expectation in case.expect:
        if expectation.alert_class in names:
            said += _differences(detector, events, found, expectation)
    return said


def configured(detector: type[Detector], case: Case) -> Detector:
    """The detector with the parameters of a case."""
    return detector.model_validate({name: _value(detector, name, it) for name, it in case.parameters.items()})


def _value(detector: type[Detector], name: str, value: object) -> object:
    """Read a span where the parameter is a duration."""
    info = detector.model_fields.get(name)
    if info is not None and info.annotation is timedelta and isinstance(value, str):
        return timedelta(microseconds=span(value))
    return value


def _told(found: npt.NDArray[Any]) -> str:
    rows = [(Severity(row["severity"]).name.lower(), f"{(row['time'] - BASE) / 1e6:g}s") for row in found[:5]]
    return f"{len(found)} findings, first {rows}"


def _differences(
    detector: type[Detector], events: Events, found: npt.NDArray[Any], expectation: Expectation
) -> list[str]:
    number = [alert_class.name for alert_class in detector.classes].index(expectation.alert_class)
    about = found[found["alert_class"] == number]
    if expectation.entity is not None:
        about = _of_entity(events, about, detector.classes[number].entity, expectation.entity)
    name = expectation.alert_class if expectation.entity is None else f"{expectation.alert_class} {expectation.entity}"
    if not len(about):
        return [] if _counts(0, expectation.count) else [f"no {name}"]
    first = about[0]
    metrics = [metric.name for metric in detector.classes[number].metrics]
    checks: dict[str, tuple[object, object]] = {
        "severity": (Severity(about["severity"].max()).name.lower(), expectation.severity),
        "confidence": (Confidence(about["confidence"].max()).name.lower(), expectation.confidence),
        "first_at": (int(first["time"]) - BASE, expectation.first_at),
    }
    for metric, value in expectation.observed.items():
        checks[metric] = (round(float(first["observed"][metrics.index(metric)]), 3), round(value, 3))
    said = [
        f"{name}: {what} is {is_}, expected {should}"
        for what, (is_, should) in checks.items()
        if should is not None and is_ != should
    ]
    if not _counts(len(about), expectation.count):
        said.append(f"{name}: {_told(about)}, expected {expectation.count}")
    return said


def _of_entity(events: Events, found: npt.NDArray[Any], place: EntityField, entity: Entity) -> npt.NDArray[Any]:
    """Findings whose event names the entity where the class says it stands; a timer has no event, so none of those."""
    if entity.type is not place.type:
        return np.empty(0, FINDING)
    # As `alerts` names them: a principal may be a login, a family without a name goes by its tokens.
    fallbacks = {"principal": ("sub", "login"), "family_id": ("family_id", "parent_id", "token_id")}
    names = fallbacks.get(place.field, (place.field,))
    text = events.text.gather(columns=names).to_pylist()
    ids = [next((line[name] for name in names if line[name] is not None), None) for line in text]
    return found[[row >= 0 and _is_named(ids[row], entity) for row in found["row"].tolist()]]


def _is_named(value: str | None, entity: Entity) -> bool:
    if entity.type is EntityType.PREFIX and value is not None:
        return value.rsplit(".", 1)[0] == entity.id.rsplit(".", 1)[0]
    return value == entity.id


def _counts(number: int, expected: str | int) -> bool:
    match = re.fullmatch(r"(>=|<=|==|)\s*(\d+)", str(expected))
    if match is None:
        raise ValueError(f"count {expected!r} is no number, optionally after >=, <= or ==")
    bound = int(match[2])
    return {">=": number >= bound, "<=": number <= bound}.get(match[1], number == bound)
