"""new-context: a subject from a country or network, or with a device, that it never had before."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit
from detectors.behaviour.profiles import HOUR, crowds_table, join_crowds, profiles_table, seen, watch
from detectors.findings import INFORMATIONAL, LIKELY, LOW, UNSURE, place, report
from detectors.tables import Table
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Severity

_TELLING: Final = 2.0
"""Rarity from which the change is told apart from a new phone or a trip."""


class NewContext(Detector):
    """Finds subjects in a context that is new for them.

    Claim:
        Somebody else signs in as this subject, or the subject moved, travels or has a new device.

    Why it matters:
        Alone it says little, and every account takeover begins with it. It weighs more the fewer colleagues share it,
        and it is what other alerts on the same subject are to be read with.

    Fires when:
        An accepted event of a subject that is known for `days` or on `active_days` comes from a country or ASN, or with
        a device or UA family, that it did not have in the last 90 days, and the rarities of what is new sum up to
        `least_rarity`: informational; to 2: low.

    Stays quiet when:
        The subject is not known for long enough. Nothing of that kind was known of it: a source that begins to log
        devices makes none of them new. Eight colleagues or more have it, and nothing else is new. A server acts for the
        user (`ip_role` server).

    Blind spots:
        Thieves in the victim's network with the victim's browser. Subjects that are new. Contexts that an attacker made
        usual before: eight values of a kind are remembered.

    Formula:
        rarity = Σ over the new facets of 1 - log2(1 + colleagues) / 6, at least 0; devices: 1. Colleagues: subjects of
        the issuer that have the value, counted up to 63 by the end of the last hour.

    Parameters:
        `days`, `active_days`: after which a subject is known. `least_rarity`: from which something is said.

    Example:
        >>> NewContext(days=7).days
        7

    Next steps:
        Nothing for this alone. With another alert on the subject: ask the user whether the place and device are theirs.

    References:
        MITRE ATT&CK T1078 (valid accounts).
    """

    type: ClassVar[str] = "new-context"
    title: ClassVar[str] = "New context of a subject"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("sub",)
    needs: ClassVar[tuple[str, ...]] = ("sub", "asn")
    warm_up: ClassVar[timedelta] = timedelta(days=10)
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="new-context",
            title="New place or device of a subject",
            summary="{user} has {facets} of country, network, device and UA family new, at {asn} ({country}).",
            severity=Severity.INFORMATIONAL,
            entity=EntityField(EntityType.USER, "sub", EntityRole.VICTIM),
            others=(
                EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
                EntityField(EntityType.DEVICE, "device_id", EntityRole.TARGET),
            ),
            metrics=(
                Metric("asn", Unit.ASN),
                Metric("country", Unit.COUNTRY),
                Metric("facets", Unit.COUNT),
                Metric("rarity", Unit.RATIO),
            ),
            attack=("T1078",),
            advice=("Read it with the other alerts on this user; alone it asks for nothing.",),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=12)
    references: ClassVar[tuple[str, ...]] = ("https://attack.mitre.org/techniques/T1078/",)
    false_positives: ClassVar[tuple[str, ...]] = ("A new phone, a trip, another provider", "A renamed UA family")

    days: int = Field(14, ge=1, le=60, description="Days after which a subject is known.")
    active_days: int = Field(10, ge=1, le=60, description="Days with events after which a subject is known.")
    least_rarity: float = Field(0.5, ge=0, le=4, description="Sum of rarities from which something is said.")

    def new_state(self) -> State:
        """Give the empty state: profiles of subjects, and who shares what."""
        return {"profiles": profiles_table(), "crowds": crowds_table()}

    def learn(self, events: Events, watermark: int, state: State) -> None:  # noqa: ARG002 - it has no timers
        """Learn what colleagues have."""
        stream = seen(events)
        if len(stream.rows):
            room = stream.values.size
            join_crowds(cast("Table", state["crowds"]).view(room, int(stream.times[0] // HOUR * HOUR)), stream)

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers
        """Check one batch."""
        stream = seen(events)
        if not len(stream.rows):
            return Findings.empty(self.type)
        profiles, crowds = cast("Table", state["profiles"]), cast("Table", state["crowds"])
        found = np.zeros((len(stream.rows), 2))
        views = (
            profiles.view(len(stream.rows), int(stream.times[0])),
            crowds.view(0, int(stream.times[0] // HOUR * HOUR)),
        )
        watch(*views, stream, self.days, self.active_days, found)
        told = (found[:, 0] > 0) & (found[:, 1] >= self.least_rarity)
        rows, (facets, rarity) = stream.rows[told], found[told].T
        telling = rarity >= _TELLING
        findings = report(
            events,
            rows,
            "sub",
            severity=np.where(telling, LOW, INFORMATIONAL),
            confidence=np.where(telling, LIKELY, UNSURE),
            measured=[*place(events, rows), (facets, np.nan), (rarity, self.least_rarity)],
        )
        return Findings.of(self.type, findings)
