"""impossible-geography: one user in two places that no aeroplane connects in the time between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Final, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit, micros
from detectors.egress import MOST_SUBJECTS, began_table, egress_table, is_egress, learn_users
from detectors.findings import HIGH, INFORMATIONAL, LOW, MEDIUM
from detectors.geography.sightings import sightings
from detectors.geography.whereabouts import (
    MINUTE,
    STAYS,
    Rules,
    arrive,
    carry,
    distance_km,
    distrust,
    elapsed,
    familiar,
    known,
    learned,
    stay_on,
    subjects_table,
    trusted,
    visit,
)
from detectors.kernels import Record, inner, kernel
from detectors.tables import Table, TableView, upsert
from schemas.findings import FINDING, Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Severity

NOTHING: Final = 0
SHORTEST: Final = 60_000_000
"""Clocks of two servers differ: what lies less than this apart, µs, happened at once."""
_HOUR: Final = 3_600_000_000.0
_MINUTE: Final = timedelta(minutes=1)


class ImpossibleGeography(Detector):
    """Finds users who are in two places at once.

    Claim:
        Somebody other than the user holds the user's session or password.

    Why it matters:
        A stolen token works from anywhere. The place it is used from is often the first thing that does not fit.

    Fires when:
        An accepted event of a user lies too far from the nearest trusted stay before or after it: at least 500 km
        beyond both accuracy radii, and no slower than 900 km/h. Medium with another country and another ASN; high when
        device, UA family and ASN are all new to the user.

    Stays quiet when:
        A place lies behind a learned egress (20 or more users in 24 h; on the first day as many as that makes by then,
        and 4), belongs to a service or a server, is missing or (0, 0). A VPN, relay, Tor exit or rented server is
        judged only with a stranger behind it: new ASN, and neither device nor UA family of the user's. A mobile line
        is compared only within its device. The same `cnf` is informational; low are the same device, two devices known
        for a week, two learned places, and what stays in one country or ASN.

    Blind spots:
        A thief nearby, or as slow as a flight; a thief on mobile data with another device; sources without places or
        without `issue` events; who borrows the user's own VPN. On the first day, a thief with four or more victims at
        one address, from the hour after. Of many stays only the latest three are remembered.

    Formula:
        d = max(0, great circle - r₁ - r₂) km; radius r as stated, else 300 km (fixed line), 500 (mobile), 1 000
        (rented server, VPN, satellite). Δt = time to the nearest sighting of the stay, h, 0 below 60 s.
        Fires when d ≥ `min_distance_km` and d ≥ `min_speed_kmh` · Δt. Places are kept to 1/100 degree.
        Trusted: where a session started, a learned place, or within `same_place_km` of a trusted stay. What raised a
        finding is trusted only at a learned place. Learned: 3 sessions, each ≥ 20 h after the one before, within 30
        days, none within 12 h of an alert; forgotten after 60 days.

    Parameters:
        `min_distance_km`, `min_speed_kmh`: both must be reached. `same_place_km`: places this near are one.
        `session_spacing`, `learning_period`, `forget_after`: how a place is learned and forgotten.
        `familiar_after`: age that makes a device familiar. `egress_subjects`: users that make an address an egress.

    Example:
        >>> ImpossibleGeography(min_speed_kmh=1000.0).min_speed_kmh
        1000.0

    Next steps:
        Ask the user over another channel. Revoke the sessions begun or used at the second place. Look what its address
        did to others.

    References:
        MITRE ATT&CK T1078.004. RFC 9449 (DPoP) and RFC 8705 (mTLS) bind a token to its holder. Sinnott, "Virtues of the
        Haversine" (1984).
    """

    type: ClassVar[str] = "impossible-geography"
    title: ClassVar[str] = "Impossible travel"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("sub",)
    needs: ClassVar[tuple[str, ...]] = ("sub", "source_ip", "lat", "lon")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="impossible-travel",
            title="User in two places at once",
            summary="{user} was {distance} apart within {elapsed}: {speed} would be needed",
            severity=Severity.MEDIUM,
            entity=EntityField(EntityType.USER, "sub", EntityRole.VICTIM),
            others=(
                EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
                EntityField(EntityType.SESSION, "session_id", EntityRole.TARGET),
                EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET),
            ),
            metrics=(
                Metric("distance", Unit.KILOMETRES),
                Metric("speed", Unit.KILOMETRES_PER_HOUR),
                Metric("elapsed", Unit.SECONDS),
            ),
            attack=("T1078.004",),
            advice=(
                "Ask the user over another channel where they are.",
                "Revoke the sessions begun or used at the second place.",
                "See what else its address did.",
            ),
            revoke="session",
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=12)
    references: ClassVar[tuple[str, ...]] = ("https://attack.mitre.org/techniques/T1078/004/",)
    false_positives: ClassVar[tuple[str, ...]] = (
        "A VPN or company egress that no list names and few people share",
        "A wrong place in the geo database",
        "An account that several people share",
    )

    min_distance_km: float = Field(500.0, ge=100, le=20_000, description="Least distance beyond both radii, km.")
    min_speed_kmh: float = Field(900.0, ge=100, le=6_000, description="Least speed, km/h.")
    same_place_km: float = Field(100.0, gt=0, le=500, description="Places this near are the same, km.")
    session_spacing: timedelta = Field(
        timedelta(hours=20), ge=_MINUTE, le=timedelta(days=7), description="Least time between sessions that teach."
    )
    learning_period: timedelta = Field(
        timedelta(days=30), ge=_MINUTE, le=timedelta(days=365), description="Three sessions within it teach a place."
    )
    forget_after: timedelta = Field(
        timedelta(days=60), ge=_MINUTE, le=timedelta(days=730), description="A place unvisited for longer is forgotten."
    )
    familiar_after: timedelta = Field(
        timedelta(days=7), ge=timedelta(0), le=timedelta(days=365), description="Age of a familiar device."
    )
    egress_subjects: int = Field(
        MOST_SUBJECTS, ge=2, le=MOST_SUBJECTS, description="Users in 24 h that make an address an egress."
    )

    def new_state(self) -> State:
        """Give the empty state: one row a user, one row an address, and when learning began."""
        remembered = micros(self.forget_after)
        return {
            "subjects": subjects_table(remembered),
            "egress": egress_table(),
            "began": began_table(remembered),
        }

    def learn(self, events: Events, watermark: int, state: State) -> None:  # noqa: ARG002 - no timers
        """Note who is seen behind each address."""
        learn_users(events, state, self.egress_subjects)

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers
        """Check the places of one batch."""
        seen = sightings(events)
        if not len(seen):
            return Findings.empty(self.type)
        out = np.zeros(len(seen), FINDING)
        for name in ("observed", "threshold", "baseline"):
            out[name] = np.nan
        out["threshold"][:, :2] = self.min_distance_km, self.min_speed_kmh
        now = int(seen["now"][0])
        subjects, egress = cast("Table", state["subjects"]), cast("Table", state["egress"])
        found = _watch(seen, subjects.view(len(seen), now), egress.view(0, now), self._rules(), out)
        return Findings.of(self.type, out[:found])

    def _rules(self) -> Rules:
        minutes = (self.session_spacing, self.learning_period, self.forget_after, self.familiar_after, self.cool_down)
        return Rules(
            self.min_distance_km, self.min_speed_kmh, self.same_place_km, *(span // _MINUTE for span in minutes)
        )


@kernel
def _watch(
    sightings: npt.NDArray[Any], subjects: TableView, egress: TableView, rules: Rules, out: npt.NDArray[Any]
) -> int:
    found = 0
    for i in range(sightings.size):
        seen = sightings[i]
        if is_egress(egress, seen.ip, seen.now):
            continue
        row = subjects.rows[upsert(subjects, seen.sub, seen.now)]
        severity = NOTHING
        if not (seen.exit or seen.hosting) or _stranger(row, seen):
            severity = _judge(row, seen, rules, out[found])
        if severity != NOTHING:
            found += 1
        _remember(row, seen, severity, rules)
    return found


@inner
def _judge(row: Record, seen: Record, rules: Rules, finding: Record) -> int:
    """Compare a sighting with the nearest stays before and after it; fill in the worse finding."""
    before, after = _nearest(row, seen)
    worst = _compare(row, seen, before, rules, finding, NOTHING)
    if after != before:
        worst = _compare(row, seen, after, rules, finding, worst)
    return worst


@inner
def _nearest(row: Record, seen: Record) -> tuple[int, int]:
    before, after = STAYS, STAYS
    least, most = 0, 0
    for at in range(STAYS):
        stay = row.stays[at]
        same_line = not (stay.mobile or seen.mobile) or (stay.device != 0 and stay.device == seen.device)
        if stay.event == 0 or not same_line:
            continue
        gap = elapsed(stay, seen.time)
        if gap >= 0 and (before == STAYS or gap < least):
            before, least = at, gap
        if gap <= 0 and (after == STAYS or gap > most):
            after, most = at, gap
    return before, after


@inner
def _compare(row: Record, seen: Record, at: int, rules: Rules, finding: Record, worst: int) -> int:
    """Judge a sighting against one stay (`STAYS`: none); fill in a finding that is worse than `worst`."""
    if at == STAYS:
        return worst
    stay = row.stays[at]
    apart = distance_km(stay, seen) - stay.radius - seen.radius
    span = abs(elapsed(stay, seen.time))
    hours = (0 if span < SHORTEST else span) / _HOUR
    if apart < rules.min_km or apart < rules.min_kmh * hours:
        return worst
    severity = _severity(row, seen, stay, rules)
    if severity > worst:
        finding.time, finding.row, finding.entity = seen.now, seen.row, seen.sub
        finding.severity, finding.confidence = severity, _confidence(severity)
        finding.observed[0] = apart
        finding.observed[1] = apart / (max(span, SHORTEST) / _HOUR)
        finding.observed[2] = span / 1e6
        finding.related[0] = stay.event
    return max(severity, worst)


@inner
def _severity(row: Record, seen: Record, stay: Record, rules: Rules) -> int:
    if seen.cnf != 0 and seen.cnf == stay.cnf:
        return INFORMATIONAL
    if _own_devices(row, seen, stay, rules) or _own_places(row, seen, stay, rules):
        return LOW
    if not (_differ(seen.country, stay.country) and _differ(seen.asn, stay.asn)):
        return LOW
    complete = seen.device != 0 and seen.agent != 0
    unknown = not (known(row.devices, seen.device) or known(row.agents, seen.agent) or known(row.asns, seen.asn))
    return HIGH if complete and unknown else MEDIUM


@inner
def _differ(one: int, other: int) -> bool:
    """Tell whether two values differ; null (0) differs from nothing."""
    return min(one, other) > 0 and one != other


@inner
def _own_devices(row: Record, seen: Record, stay: Record, rules: Rules) -> bool:
    if seen.device != 0 and seen.device == stay.device:
        return True
    return familiar(row, seen.device, seen.time, rules) and familiar(row, stay.device, seen.time, rules)


@inner
def _own_places(row: Record, seen: Record, stay: Record, rules: Rules) -> bool:
    minute = seen.time // MINUTE
    return learned(row, seen, minute, rules) and learned(row, stay, minute, rules)


@inner
def _confidence(severity: int) -> int:
    """High severity rests on three independent facts, medium on two, the rest on the distance alone."""
    return max(1, severity - 1)


@inner
def _stranger(row: Record, seen: Record) -> bool:
    """Tell whether nothing about a holder is the user's own, and something is known to be new."""
    if seen.asn == 0 or known(row.asns, seen.asn) or known(row.devices, seen.device) or known(row.agents, seen.agent):
        return False
    return bool(seen.hosting or seen.device != 0 or seen.agent != 0)


@inner
def _remember(row: Record, seen: Record, severity: int, rules: Rules) -> None:
    """Learn from a sighting; what raised a finding teaches nothing, but may show that the user is at a known place."""
    if severity > INFORMATIONAL:
        distrust(row, seen.now, rules)
    if seen.exit or seen.hosting:
        return
    if severity > INFORMATIONAL and not learned(row, seen, seen.time // MINUTE, rules):
        return
    if severity <= INFORMATIONAL:
        carry(row, seen)
    stayed = stay_on(row, seen, rules)
    if stayed and not seen.start:
        return
    if trusted(row, seen, rules):
        visit(row, seen, rules)
        if not stayed:
            arrive(row, seen)
