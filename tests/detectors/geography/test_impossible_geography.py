"""Travel checks against a slow reading of the rules, and what a case file cannot say."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.geography.impossible_geography import ImpossibleGeography
from detectors.geography.whereabouts import HOLDINGS, subjects_table
from detectors.tables import Table
from schemas.fields import parse_time
from schemas.vocabulary import Severity
from tests.detectors.laws import end_of, run
from tests.frames import frame

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
START: Final = parse_time("2026-03-02T09:00:00Z") // 1_000_000
BERLIN: Final = {"lat": 52.52, "lon": 13.4, "country": "DE", "asn": 3320, "ip": "91.0.0.1"}
PARIS: Final = {"lat": 48.86, "lon": 2.35, "country": "FR", "asn": 3215, "ip": "81.48.0.1"}
SYDNEY: Final = {"lat": -33.87, "lon": 151.21, "country": "AU", "asn": 1221, "ip": "1.128.0.1"}
CITIES: Final = (BERLIN, PARIS, SYDNEY)


def sighting(at: int, **fields: Any) -> dict[str, Any]:
    """An event of the one user, `at` seconds after the start."""
    kind = fields.get("type", "issue")
    outcome = {"outcome": "success"} if kind == "key-use" else {}
    return {"type": kind, "time": START + at, "sub": "ada", "iss": "i", "accuracy_km": 20} | outcome | fields


def severities(events: list[dict[str, Any]]) -> dict[int, int]:
    """Row → severity."""
    stream = frame(events)
    found = run(ImpossibleGeography(), [(stream, end_of(stream))])
    return dict(zip(found["row"].tolist(), found["severity"].tolist(), strict=True))


def kilometres(a: dict[str, Any], b: dict[str, Any]) -> float:
    """Great circle by the angle between two unit vectors."""
    x, y = (
        (
            math.cos(math.radians(place["lat"])) * math.cos(math.radians(place["lon"])),
            math.cos(math.radians(place["lat"])) * math.sin(math.radians(place["lon"])),
            math.sin(math.radians(place["lat"])),
        )
        for place in (a, b)
    )
    return 6_371.0088 * math.acos(max(-1.0, min(1.0, sum(p * q for p, q in zip(x, y, strict=True)))))


@dataclass
class Reading:
    """The rules, read slowly: history is kept for ever, but stays and what a user has are the three latest."""

    stays: list[dict[str, Any]] = field(default_factory=list)
    taught: list[dict[str, Any]] = field(default_factory=list)
    sessions: dict[str, list[int]] = field(default_factory=dict)
    learned: set[str] = field(default_factory=set)
    alerted: int | None = None

    def severity(self, event: dict[str, Any]) -> int:
        """Judge an event, then learn from it."""
        strange = not event.get("network") or self._stranger(event)
        found = self._judged(event) if strange else 0
        self._learn(event, found)
        return found

    def _stranger(self, event: dict[str, Any]) -> bool:
        return not any(self._known(event, name) for name in ("device_id", "user_agent", "asn"))

    def _known(self, event: dict[str, Any], name: str) -> bool:
        """Tell whether a value is among the three that came last."""
        latest = dict.fromkeys(before[name] for before in reversed(self.taught))
        return event[name] in list(latest)[:HOLDINGS]

    def _judged(self, event: dict[str, Any]) -> int:
        if not self.stays:
            return 0
        last = self.stays[-1]
        apart = kilometres(last, event) - (1_000 if event.get("network") else 20) - 20
        seconds = event["time"] - last["time"]
        if apart < 500 or apart < 900 * (seconds / HOUR if seconds >= 60 else 0):
            return 0
        if event["device_id"] == last["device_id"] or self._familiar(event, last):
            return Severity.LOW
        if event["country"] in self.learned and last["country"] in self.learned:
            return Severity.LOW
        return Severity.HIGH if self._stranger(event) else Severity.MEDIUM

    def _familiar(self, event: dict[str, Any], last: dict[str, Any]) -> bool:
        ages = []
        for holder in (event, last):
            first = [before["time"] for before in self.taught if before["device_id"] == holder["device_id"]]
            ages.append(event["time"] // DAY - first[0] // DAY if first else 0)
        return min(ages) >= 7

    def _learn(self, event: dict[str, Any], found: int) -> None:
        city, minute = event["country"], event["time"] // 60
        if found:
            self.alerted = minute
            for place, counted in self.sessions.items():
                if place not in self.learned and counted and minute - counted[-1] < 12 * 60:
                    counted.clear()
        if event.get("network") or (found and city not in self.learned):
            return
        if not found:
            self.taught.append(event)
        start = event["type"] == "issue"
        if start or city in self.learned or any(stay["country"] == city for stay in self.stays):
            self._stay(event)
        counted = self.sessions.setdefault(city, [])
        quiet = self.alerted is None or minute - self.alerted >= 12 * 60
        if start and quiet and (not counted or minute - counted[-1] >= 20 * 60):
            counted.append(minute)
            if len(counted) > 2 and minute - counted[-3] <= 30 * DAY // 60:
                self.learned.add(city)

    def _stay(self, event: dict[str, Any]) -> None:
        """Lengthen the stay of this holder unless 500 km and back at 900 km/h fit in between."""
        holder = ("country", "asn", "device_id")
        self.stays = [
            stay
            for stay in self.stays
            if any(stay[name] != event[name] for name in holder) or event["time"] - stay["time"] > 4_000
        ]
        self.stays = [*self.stays, event][-3:]


EVENT = st.fixed_dictionaries(
    {
        "city": st.sampled_from(CITIES),
        "gap": st.sampled_from((30, 20 * 60, 2 * HOUR, 9 * HOUR, 21 * HOUR, 2 * DAY)),
        "type": st.sampled_from(("issue", "issue", "key-use")),
        "device_id": st.sampled_from(("laptop", "phone", "other")),
        "user_agent": st.sampled_from(("Firefox", "Safari", "curl")),
        "network": st.sampled_from((None, None, None, ["hosting"])),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENT, min_size=2, max_size=40))
def test_findings_are_those_of_a_slow_reading_of_the_rules(drawn: list[dict[str, Any]]) -> None:
    events, at = [], 0
    for event in drawn:
        at += event["gap"]
        rest = {name: value for name, value in event.items() if name not in {"city", "gap"}}
        radius = {"accuracy_km": None} if event["network"] else {}
        # A thief's network, so that a city does not stand for its ASN.
        asn = {"asn": event["city"]["asn"] + (event["device_id"] == "other")}
        events.append(sighting(at, **event["city"] | rest | radius | asn))
    reading = Reading()
    expected = {row: severity for row, event in enumerate(events) if (severity := reading.severity(event))}
    assert severities(events) == expected


def test_a_thief_who_comes_every_day_stays_medium() -> None:
    events = []
    for day in range(8):
        events += [sighting(day * DAY, **BERLIN), sighting(day * DAY + HOUR, **SYDNEY)]
    assert severities(events) == dict.fromkeys(range(1, 16, 2), int(Severity.MEDIUM))


def test_the_finding_names_the_event_it_was_compared_with() -> None:
    stream = frame([sighting(0, **BERLIN), sighting(HOUR, **SYDNEY)])
    (finding,) = run(ImpossibleGeography(), [(stream, end_of(stream))])
    assert finding["related"][0] == stream["event_key"][0]
    distance, speed, elapsed = finding["observed"][:3]
    assert abs(distance - (kilometres(BERLIN, SYDNEY) - 40)) < 3
    assert (speed, elapsed) == (distance, HOUR)


def test_a_user_costs_two_hundred_bytes() -> None:
    assert subjects_table(1).dtype.itemsize <= 200


def test_users_are_forgotten() -> None:
    detector = ImpossibleGeography()
    state = detector.new_state()
    for day in range(0, 400, 40):
        users = [
            sighting(day * DAY + i, **BERLIN | {"ip": f"91.0.{i % 200}.{day % 200}"}, sub=f"{day}-{i}")
            for i in range(900)
        ]
        stream = frame(users)
        run(detector, [(stream, end_of(stream))], state)
    assert all(isinstance(part, Table) and len(part) < 4_000 for part in state.values())
