"""weak-algorithm: tokens that are signed with nothing, with the wrong kind of key, or too weakly."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final, cast

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, EntityField, State, micros
from detectors.findings import CRITICAL, HIGH, LIKELY, MEDIUM, NO_CLASS, SURE, Array, report
from detectors.policy.servers import valid
from detectors.recall import ASK, NOTE_FIRST, notes_table, recall
from detectors.tables import Table
from detectors.texts import coded
from schemas.columns import NULL_TIME
from schemas.fields import PLACEHOLDERS
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EntityRole, EntityType, EventType, Outcome, Severity, TokenFormat, code

ACCEPTED, REFUSED, CONFUSED, CONFUSION_TRIED, WEAK, NOT_ALLOWED = range(6)
"""Positions in `classes`."""
_SEVERITY: Final = np.array([CRITICAL, MEDIUM, HIGH, MEDIUM, MEDIUM, MEDIUM])
_NONE, _HMAC, _ASYMMETRIC, _RSA1_5, _FORBIDDEN = (1 << bit for bit in range(5))
_PUBLIC_KEYS: Final = ("RS", "PS", "ES", "EC", "ED")
_MIN_BITS: Final = {"RS": 2048, "PS": 2048, "ES": 224, "EC": 224, "ED": 224, "HS256": 256, "HS384": 384, "HS512": 512}
_MEMORY: Final = timedelta(days=30)
_IP = EntityField(EntityType.IP, "ip", EntityRole.ATTACKER)
_KEY = EntityField(EntityType.KEY, "key_id", EntityRole.TARGET)
_OTHERS = (
    EntityField(EntityType.USER, "principal", EntityRole.VICTIM),
    EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET),
    EntityField(EntityType.TOKEN, "token_id", EntityRole.TARGET),
)
_PIN = "Pin the algorithms in the verifier; never let the header of the token choose."


def _class(name: str, title: str, summary: str, severity: Severity, entity: EntityField, *advice: str) -> AlertClass:
    others = (*_OTHERS, _IP) if entity is _KEY else _OTHERS
    return AlertClass(name, title, summary, severity, entity, others=others, attack=("T1606",), advice=advice)


class WeakAlgorithm(Detector):
    """Finds tokens whose signature or encryption protects nothing, or not enough.

    Claim:
        Somebody forged the token, or could.

    Why it matters:
        A verifier that believes the header's `alg` takes a token without a signature (`none`), or one that is signed by
        HMAC with the public key of an RSA or EC pair, which everybody has.

    Fires when:
        `none` is accepted: critical; refused: medium. HMAC is used with a key id that was seen with an asymmetric
        algorithm: high, refused medium. Accepted: RSA1_5, a key that is too short for its algorithm, or an algorithm
        outside `allowed`: medium.

    Stays quiet when:
        The token is opaque: `none` says there that it is no JWT. Weak algorithms other than `none` and HMAC
        are refused.

    Blind spots:
        Verifiers that do not log `alg`. `none` without an address; the others without a key id. HMAC before the key was
        seen with its own algorithm. Only accepted events teach which keys are asymmetric.

    Formula:
        alg = none; alg = HS* and asymmetric(key_id); alg = RSA1_5; key_bits < 2048 (RSA), 224 (EC), 256 / 384 / 512
        (HS256 / 384 / 512); alg ∉ allowed. What a key was seen with is remembered for 30 days.

    Parameters:
        `allowed`: the algorithms in use, such as ES256; empty: any.

    Example:
        >>> WeakAlgorithm(allowed={"ES256", "EdDSA"}).allowed == {"ES256", "EdDSA"}
        True

    Next steps:
        After an accepted forgery take the resource server out of service until it checks algorithms, and list what the
        source reached.

    References:
        RFC 8725 sections 2.1, 3.1, 3.2 and 3.5. RFC 7518 sections 3.2, 3.3 and 3.6 (HMAC keys, RSA keys, `none`).
        NIST SP 800-57 part 1 rev. 5 table 2 (sizes of equal strength). MITRE ATT&CK T1606.
    """

    type: ClassVar[str] = "weak-algorithm"
    title: ClassVar[str] = "Weak or forged signature"
    kinds: ClassVar[frozenset[EventType]] = frozenset(
        {EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE, EventType.VERIFY_FAILURE}
    )
    keys: ClassVar[tuple[str, ...]] = ("ip", "key_id")
    needs: ClassVar[tuple[str, ...]] = ("alg", "ip", "key_id")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        _class(
            "none-accepted",
            "Unsigned token accepted",
            "A token of {user} without any signature was accepted from {ip}.",
            Severity.CRITICAL,
            _IP,
            "Stop the resource server that took it: anybody can be anybody there.",
            _PIN,
        ),
        _class(
            "none-refused",
            "Unsigned token tried",
            "{ip} tried a token without any signature.",
            Severity.MEDIUM,
            _IP,
            "See what else this source tries, and whether another server took it.",
        ),
        _class(
            "algorithm-confusion",
            "HMAC with a public key accepted",
            "A token signed by HMAC was accepted under {key}, which is a public key.",
            Severity.HIGH,
            _KEY,
            "Stop the resource server that took it: whoever has the public key can sign there.",
            _PIN,
        ),
        _class(
            "algorithm-confusion-tried",
            "HMAC with a public key tried",
            "{ip} tried a token signed by HMAC under {key}, which is a public key.",
            Severity.MEDIUM,
            _KEY,
            "See what else this source tries, and whether another server took it.",
        ),
        _class(
            "weak",
            "Weak algorithm or key",
            "{key} is used with an algorithm or a size that is too weak.",
            Severity.MEDIUM,
            _KEY,
            "Replace the key: RSA of 2048 bits or more, P-256, Ed25519; RSA-OAEP instead of RSA1_5.",
        ),
        _class(
            "not-allowed",
            "Algorithm off the allow-list",
            "{key} is used with an algorithm that is not on the allow-list.",
            Severity.MEDIUM,
            _KEY,
            "Ask the owner of the key whether the change was meant, then allow it or undo it.",
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=1)
    references: ClassVar[tuple[str, ...]] = (
        "https://www.rfc-editor.org/rfc/rfc8725#section-2.1",
        "https://attack.mitre.org/techniques/T1606/",
    )
    false_positives: ClassVar[tuple[str, ...]] = (
        "An issuer that changes from RSA to HMAC and keeps the key id",
        "A security test: `none` is the first thing scanners try",
    )

    allowed: frozenset[str] = Field(
        frozenset(), description="Algorithms in use; empty: any.", examples=[frozenset({"RS256"})]
    )

    def new_state(self) -> State:
        """Give the empty state: which keys are asymmetric."""
        return {"asymmetric": notes_table(1, micros(_MEMORY))}

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - no timers
        """Check one batch."""
        good = valid(events)
        refused = (events["type"] == code(EventType.KEY_USE)) & (events["outcome"] == code(Outcome.ERROR))
        refused |= events["type"] == code(EventType.VERIFY_FAILURE)
        rows = np.flatnonzero((good | refused) & (events["token_format"] != code(TokenFormat.OPAQUE)))
        algorithms = coded(events, rows, "alg")
        rows, good = algorithms.rows, good[algorithms.rows]
        kinds, least = self._kinds(algorithms.values)
        kinds, least = kinds[algorithms.codes], least[algorithms.codes]
        confused = _confused(events, rows, kinds, good, state)
        small = (events["key_bits"][rows] >= 0) & (events["key_bits"][rows] < least)
        by_source, by_key = (events[name][rows] != 0 for name in ("ip", "key_id"))
        unsigned = (kinds & _NONE) != 0
        cases = [unsigned & by_source, confused, by_key & good & (small | ((kinds & _RSA1_5) != 0))]
        cases += [by_key & good & ((kinds & _FORBIDDEN) != 0)]
        choices: list[Array | int] = [
            np.where(good, ACCEPTED, REFUSED),
            np.where(good, CONFUSED, CONFUSION_TRIED),
            WEAK,
            NOT_ALLOWED,
        ]
        return self._told(events, rows, np.select(cases, choices, NO_CLASS))

    def _kinds(self, values: list[str]) -> tuple[Array, Array]:
        """Give what is to be known of each algorithm: flags, and the least bits of a key."""
        names = [value.upper() for value in values]
        flags = [
            _NONE * (name == "NONE")
            + _HMAC * name.startswith("HS")
            + _ASYMMETRIC * name.startswith(_PUBLIC_KEYS)
            + _RSA1_5 * (name == "RSA1_5")
            + _FORBIDDEN * bool(self.allowed and value not in self.allowed and value.lower() not in PLACEHOLDERS)
            for name, value in zip(names, values, strict=True)
        ]
        least = [_MIN_BITS.get(name, _MIN_BITS.get(name[:2], 0)) for name in names]
        return np.array(flags, np.int64), np.array(least, np.int64)

    def _told(self, events: Events, rows: Array, said: Array) -> Findings:
        spoken = said != NO_CLASS
        rows, said = rows[spoken], said[spoken]
        confidence = np.where((said == CONFUSED) | (said == CONFUSION_TRIED), LIKELY, SURE)
        entity = np.where(said <= REFUSED, events["ip"][rows], events["key_id"][rows])
        findings = report(events, rows, entity, severity=_SEVERITY[said], confidence=confidence, alert_class=said)
        return Findings.of(self.type, findings)


def _confused(events: Events, rows: Array, kinds: Array, good: Array, state: State) -> Array:
    """Tell where HMAC comes with a key that earlier events used with an asymmetric algorithm, bool (m,)."""
    notes = cast("Table", state["asymmetric"])
    teaches = good & ((kinds & _ASYMMETRIC) != 0)
    hmac = (kinds & _HMAC) != 0
    at = np.flatnonzero(teaches | hmac)
    modes = np.where(teaches[at], NOTE_FIRST, ASK).astype(np.int8)
    words = np.zeros((len(at), 1), np.uint64)
    noted, _ = recall(notes, events["key_id"][rows[at]], events["order_time"][rows[at]], words, modes)
    found = np.zeros(len(rows), np.bool_)
    found[at] = (noted != NULL_TIME) & hmac[at]
    return found
