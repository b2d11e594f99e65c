"""device-code-phishing: a user approves a device that is somewhere else."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.acts import accepted_users, minted
from detectors.base import AlertClass, Detector, EntityField, Metric, State, Unit, micros
from detectors.egress import MOST_SUBJECTS, began_table, egress_table, learn_users, own_network
from detectors.findings import HIGH, LIKELY, UNSURE, Array, place, report
from detectors.lifecycle.places import differ, halves, place_words
from detectors.recall import ASK, NOTE, known_since, notes_table, paired, recall
from detectors.tables import Table
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, GrantType, Network, Severity, code

_MEMORY: Final = timedelta(days=60)
_DETOURS: Final = np.uint8(sum(1 << code(network) for network in (Network.VPN, Network.TOR, Network.RELAY)))


class DeviceCodePhishing(Detector):
    """Finds device grants whose device is not where their user is.

    Claim:
        An attacker began the device flow on a machine of theirs and talked the user into entering the code.

    Why it matters:
        The page, the certificate and the second factor are real, so that nothing warns the user; the attacker's machine
        gets the tokens. RFC 8628 section 5.4 names this as the risk of the flow.

    Fires when:
        A device grant gives tokens of a client that is new to the user to a machine whose network and country both
        differ from those of the user's latest event, at most `approval` ago: high.

    Stays quiet when:
        The user had the client before (`client_memory`). No event says where the user was. One of the two places is a
        server, a learned egress (20 or more users in 24 h behind one address), or lacks ASN or country. The user's
        place is behind a VPN, a relay or Tor.

    Blind spots:
        An attacker's machine in the user's country, or in a network of theirs. Users whose session at the issuer is old
        and who use nothing else while they approve: the approval itself is no event, so the user's other events stand
        for it. Issuers that log no grant.

    Formula:
        place(device grant) vs place(latest accepted event of sub by another grant within `approval`): differ(ASN) and
        differ(country).

    Parameters:
        `approval`: how old the event may be that says where the user is; codes live about as long. `client_memory`: how
        long a client stays known to a user.

    Example:
        >>> DeviceCodePhishing().approval
        datetime.timedelta(seconds=1800)

    Next steps:
        Ask the user whether they entered a code, and who sent it. Revoke the family at once. Forbid the device grant to
        clients that do not need it.

    References:
        RFC 8628 section 5.4 (remote phishing). MITRE ATT&CK T1528.
    """

    type: ClassVar[str] = "device-code-phishing"
    title: ClassVar[str] = "Device approved from elsewhere"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("sub",)
    needs: ClassVar[tuple[str, ...]] = ("sub", "client_id", "source_ip", "asn", "country", "grant_type")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="device-elsewhere",
            title="Device approved from another country",
            summary="{user} approved {client} on a machine in {asn} ({country}), where they are not.",
            severity=Severity.HIGH,
            entity=EntityField(EntityType.USER, "sub", EntityRole.VICTIM),
            others=(
                EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET),
                EntityField(EntityType.FAMILY, "family_id", EntityRole.TARGET),
                EntityField(EntityType.IP, "ip", EntityRole.ATTACKER),
            ),
            metrics=(Metric("asn", Unit.ASN), Metric("country", Unit.COUNTRY)),
            attack=("T1528",),
            advice=(
                "Ask the user whether they entered a code, and who sent it to them.",
                "Revoke the token family, and list what the machine did with it.",
            ),
            revoke="family",
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(hours=12)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc8628#section-5.4",
        "https://attack.mitre.org/techniques/T1528/",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "A new machine in a data centre abroad on which the user works by remote shell",
        "A user on a VPN that no list names",
    )

    approval: timedelta = Field(
        timedelta(minutes=30), ge=timedelta(minutes=1), le=timedelta(hours=12), description="Age of the user's place."
    )
    client_memory: timedelta = Field(
        timedelta(days=90), ge=timedelta(days=1), le=timedelta(days=400), description="Memory of a user's clients."
    )

    def new_state(self) -> State:
        """Give the empty state: where users are, the clients of each, learned egress."""
        return {
            "places": notes_table(3, micros(self.approval)),
            "clients": notes_table(1, micros(self.client_memory)),
            "egress": egress_table(),
            "began": began_table(micros(_MEMORY)),
        }

    def learn(self, events: Events, watermark: int, state: State) -> None:  # noqa: ARG002 - no timers
        """Note who is seen behind each address."""
        learn_users(events, state, MOST_SUBJECTS)

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - events say all
        """Check one batch."""
        new = _new_to_user(events, cast("Table", state["clients"]))
        rows = own_network(events, np.flatnonzero(accepted_users(events)), cast("Table", state["egress"]))
        by_code = events["grant_type"][rows] == code(GrantType.DEVICE_CODE)
        here = place_words(events, rows)
        there = _latest(events, rows, here, by_code, cast("Table", state["places"]))
        network, country = (differ(*pair) for pair in zip(halves(here), halves(there[:, 0]), strict=True))
        at = np.flatnonzero(by_code & new[rows] & network & country)
        confidence = np.where(there[at, 2] != 0, LIKELY, UNSURE)
        places = place(events, rows[at])
        findings = report(events, rows[at], "sub", severity=HIGH, confidence=confidence, measured=places)
        findings["related"][:, 0] = there[at, 1]
        return Findings.of(self.type, findings)


def _latest(events: Events, rows: Array, here: Array, by_code: Array, places: Table) -> Array:
    """Give where each row's user was last seen, as place, event and whether that was an issue, (m, 3); and note it.

    Zeros where nobody knows. Device grants and places behind a VPN say nothing of where their user is.
    """
    issues = events["type"][rows] == code(EventType.ISSUE)
    words = np.stack([here, events["event_key"][rows], issues.astype(np.uint64)], axis=1)
    detour = (events["network"][rows] & _DETOURS) != 0
    modes = np.where(by_code | detour, ASK, NOTE).astype(np.int8)
    _, there = recall(places, events["sub"][rows], events["order_time"][rows], words, modes)
    return there


def _new_to_user(events: Events, clients: Table) -> Array:
    """Tell of each event whether it gives its user the first token of a client, bool (n,), and remember that."""
    known = (events["sub"] != 0) & (events["client_id"] != 0)
    rows = np.flatnonzero(minted(events) & known)
    pairs = paired(events["sub"][rows], events["client_id"][rows])
    new = np.zeros(len(events), np.bool_)
    new[rows] = known_since(clients, pairs, events["order_time"][rows]) == NULL_TIME
    return new
