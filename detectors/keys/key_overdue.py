"""key-overdue: a key works on past its cryptoperiod."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State, micros
from detectors.findings import LOW, SURE, report
from detectors.keys.callers import KEY
from detectors.keys.purposes import ELAPSED, ENCRYPTS, KINDS, SIGNS, SP_800_57, elapsed, purposes
from schemas.columns import NULL_TIME
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity

BY_CREATION, BY_SIGHT = range(2)
"""Positions in `classes`."""


class KeyOverdue(Detector):
    """Finds keys that sign or encrypt past their cryptoperiod.

    Claim:
        A key is due to be replaced.

    Why it matters:
        The longer a key is used, the more copies of it exist, the more they open, and the longer nobody has tried
        whether it can be replaced at all.

    Fires when:
        A key signs longer than `signing` after its creation, or encrypts or wraps longer than `encryption` after it:
        low. Where no creation is known, its age is the time since a JWKS first showed it: the key is at least that old,
        and the alert says so by its class.

    Stays quiet when:
        The key verifies or decrypts only: recipients may use it longer (see key-retired). Neither creation nor first
        sight is known.

    Blind spots:
        JWKs bear no date, so what was listed before the watch began is older than it seems.

    Formula:
        time - (created, else first seen) > signing | encryption.

        | key | SP 800-57 part 1, table 1 | default |
        |---|---|---|
        | private signature key | 1 to 3 years | `signing`, 1 year |
        | symmetric authentication key (HS256) | at most 2 years | `signing`, 1 year |
        | symmetric data encryption or wrapping key | at most 2 years | `encryption`, 1 year |
        | public key-transport key | 1 to 2 years | `encryption`, 1 year |

    Parameters:
        `signing`: how long a key may sign.
        `encryption`: how long a key may encrypt and wrap.

    Example:
        >>> KeyOverdue(signing=timedelta(days=90)).encryption
        datetime.timedelta(days=365)

    Next steps:
        Rotate the key and write the new one's `created` into `[[keys]]`.

    References:
        NIST SP 800-57 part 1 section 5.3.6, table 1.
    """

    type: ClassVar[str] = "key-overdue"
    title: ClassVar[str] = "Key past its cryptoperiod"
    kinds: ClassVar[frozenset[EventType]] = KINDS
    keys: ClassVar[tuple[str, ...]] = ("key_id",)
    needs: ClassVar[tuple[str, ...]] = ("key_id", "key_listed_at")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="overdue",
            title="Key past its cryptoperiod",
            summary="{key} is still in use {elapsed} after it was made.",
            severity=Severity.LOW,
            entity=KEY,
            metrics=ELAPSED,
            advice=("Rotate the key.", "Take the old one out of the JWKS once its last token has expired."),
        ),
        AlertClass(
            name="overdue-by-sight",
            title="Key past its cryptoperiod, by first sight",
            summary="{key} is still in use {elapsed} after it was first seen; it may be older.",
            severity=Severity.LOW,
            entity=KEY,
            metrics=ELAPSED,
            advice=("Rotate the key.", "Write down in `[[keys]]` when the new one was made."),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=7)
    references: ClassVar[tuple[str, ...]] = (SP_800_57,)
    false_positives: ClassVar[tuple[str, ...]] = ("A longer cryptoperiod that was decided on",)

    signing: timedelta = Field(
        timedelta(days=365),
        ge=timedelta(days=1),
        le=timedelta(days=3 * 365),
        description="How long a key may sign.",
    )
    encryption: timedelta = Field(
        timedelta(days=365),
        ge=timedelta(days=1),
        le=timedelta(days=3 * 365),
        description="How long a key may encrypt and wrap.",
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        by_sight = events["key_created"] == NULL_TIME
        age = np.where(by_sight, elapsed(events, "key_first_seen"), elapsed(events, "key_created"))
        purpose = purposes(events)
        signing, encryption = micros(self.signing), micros(self.encryption)
        over = ((purpose == SIGNS) & (age > signing)) | ((purpose == ENCRYPTS) & (age > encryption))
        rows = np.flatnonzero(over)
        period = np.where(purpose[rows] == SIGNS, signing, encryption)
        chosen = np.where(by_sight[rows], BY_SIGHT, BY_CREATION)
        measured = [(age[rows] / 1e6, period / 1e6)]
        findings = report(events, rows, "key_id", severity=LOW, confidence=SURE, alert_class=chosen, measured=measured)
        return Findings.of(self.type, findings)
