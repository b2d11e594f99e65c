"""Alerts in the native contract for the dashboard's tests: quiet ones, many, and hostile in every field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final, cast
from uuid import UUID

from schemas.alerts import (
    Alert,
    Attack,
    BlastRadius,
    Change,
    Containment,
    Entity,
    EpisodeState,
    Evidence,
    EvidenceRow,
    Observation,
    Revoke,
    SeverityName,
)
from schemas.fields import format_time
from schemas.vocabulary import EntityRole, EntityType

SECOND: Final = 1_000_000
NOON: Final = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()) * SECOND
HOSTILE: Final = (
    "![x](http://foreign.invalid/a.png) <img src=http://foreign.invalid/b.png> [l](http://foreign.invalid) "
    "http://foreign.invalid/c www.foreign.invalid :red[red] :material/bug_report: $\\frac{1}{2}$ `code` "
    '<script>fetch("http://foreign.invalid/d")</script> =HYPERLINK("http://foreign.invalid") '
    "\u202eesrever\u202c \u200b\x07 "
).ljust(1_024, "W")
_CASES: Final = (
    ("refresh-reuse", "stolen", "A spent refresh token came back", "critical", "family", "T1528", "Credential Access"),
    ("impossible-geography", "impossible-travel", "Two places, too far", "high", "user", "T1078.004", "Initial Access"),
    ("failed-auth-burst", "password-spray", "Source tries many", "medium", "ip", "T1110.003", "Credential Access"),
    ("usage-spike", "key-spike", "A key is used far too often", "low", "key", "T1078", "Persistence"),
)  # fmt: skip
_COUNTRIES: Final = ("DE", "SG", "US", "BR", "NZ", "JP", "ZA", "GB")


def sample(number: int, *, at: int = NOON, revision: int = 1, severity: SeverityName | None = None) -> Alert:
    """The `number`-th alert; its episode began at `at`, µs."""
    detector, verdict, title, usual, entity, technique, tactic = _CASES[number % len(_CASES)]
    random = Random(number)
    rows = [_row(at + step * 40 * SECOND, number, random) for step in range(4)]
    return Alert(
        time=format_time(at + 120 * SECOND),
        start=format_time(at),
        end=format_time(at + 120 * SECOND),
        alert_id=str(UUID(int=number + 1)),
        incident_id=str(UUID(int=1_000_000 + number // 2)),
        revision=revision,
        episode=EpisodeState.CLOSED if number % 7 == 6 else EpisodeState.OPEN,
        change=Change.NEW if revision == 1 else Change.SEVERITY,
        detector=detector,
        detector_version=1,
        alert_class=verdict,
        title=title,
        summary=f"{title}: {entity} {entity}-{number} from 2 places in 2 min.",
        severity=cast("SeverityName", severity or usual),
        confidence="high",
        risk=random.randint(5, 95),
        tenant="acme",
        iss="https://idp.example",
        entities=[
            Entity(type=EntityType(entity), id=f"{entity}-{number}", role=EntityRole.VICTIM, tenant="acme"),
            Entity(type=EntityType.IP, id=f"192.0.2.{number % 250}", role=EntityRole.ATTACKER),
        ],
        observed=[
            Observation(metric="tries", value=48, threshold=10, baseline=1.5, unit="count"),
            Observation(metric="speed", value=10450.5, threshold=900, unit="km/h"),
        ],
        count=4,
        distinct={"ip": 2},
        evidence=Evidence(event_ids=[f"event-{number}-{step}" for step in range(4)], rows=rows),
        containment=Containment(state="live", live_until=format_time(at + 3600 * SECOND)),
        blast_radius=BlastRadius(aud=["https://api.example"], scopes=["read", "write"], calls=12),
        attack=Attack(version="17.1", techniques=[technique], tactics=[tactic]),
        advice=["Revoke the token family.", "Ask the user whether the second device is theirs."],
        revoke=Revoke(flag=True, what="family", why="Two holders redeemed it."),
    )


def _row(time: int, number: int, random: Random) -> EvidenceRow:
    return EvidenceRow(
        time=format_time(time),
        type=random.choice(["refresh", "issue", "key-use"]),
        ip=f"198.51.100.{random.randint(1, 3)}",
        asn=64_500 + random.randint(0, 3),
        country=random.choice(_COUNTRIES),
        ua="Mozilla/5.0 (X11; Linux x86_64)",
        device=f"device-{number % 5}",
        outcome="success",
    )


def samples(count: int, *, until: int = NOON, over: int = 86_400 * SECOND) -> Iterator[Alert]:
    """`count` alerts whose episodes began evenly over the `over` µs before `until`, oldest first."""
    for number in range(count):
        yield sample(number, at=until - over + over * number // count)


def hostile(number: int = 0, *, at: int = NOON) -> Alert:
    """An alert with an attack in every free text that an event can reach."""
    plain = sample(number, at=at)
    rows = [
        row.model_copy(update=dict.fromkeys(("type", "ip", "ua", "device", "outcome", "vendor_event_id"), HOSTILE))
        for row in plain.evidence.rows
    ]
    texts = dict.fromkeys(("detector", "alert_class", "title", "summary", "tenant", "iss"), HOSTILE)
    return plain.model_copy(
        update=texts
        | {
            "entities": [e.model_copy(update={"id": HOSTILE[:250], "name": HOSTILE}) for e in plain.entities[:1]],
            "observed": [Observation(metric=HOSTILE, value=HOSTILE, baseline=HOSTILE, unit=HOSTILE)],
            "evidence": plain.evidence.model_copy(update={"event_ids": [HOSTILE], "rows": rows}),
            "attack": Attack(version=HOSTILE, techniques=["T1078", HOSTILE], tactics=[HOSTILE]),
            "advice": [HOSTILE, HOSTILE],
            "revoke": Revoke(flag=True, what=HOSTILE, why=HOSTILE),
            "labels": [HOSTILE],
        }
    )
