"""unencrypted-sensitive: tokens whose sensitive claims anybody who sees them can read."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.base import AlertClass, Detector, State
from detectors.findings import LOW, MEDIUM, SURE, Array, report
from detectors.policy.servers import CLIENT, OTHERS, valid
from detectors.texts import coded
from schemas.findings import Findings
from schemas.frame import Events
from schemas.vocabulary import EventType, Severity, TokenFormat, code

PERSONAL, SECRET = range(2)
"""Positions in `classes`."""
_SECRETS: Final = frozenset({"password", "passwd", "secret", "client_secret", "private_key", "api_key", "pin", "cvv"})
_SENSITIVE: Final = frozenset(
    {
        *("birthdate", "date_of_birth", "place_of_birth", "nationalities", "birth_family_name", "address"),
        *("phone_number", "msisdn", "ssn", "social_security_number", "national_id", "passport_number", "tax_id"),
        *("iban", "account_number", "card_number", "credit_card", "health", "diagnosis", "religion", "ethnicity"),
    }
)


class UnencryptedSensitive(Detector):
    """Finds signed tokens that carry personal data or secrets in the clear.

    Claim:
        Whoever sees a token of this client reads what it says about its user.

    Why it matters:
        A signature hides nothing. Tokens lie in browsers, proxies and logs for longer than they work, and a claim that
        is read there cannot be revoked.

    Fires when:
        A token in the format `jws` that was issued or is good carries a claim named in `sensitive`: low; one that names
        a secret (password, private_key, …): medium. One alert for each client.

    Stays quiet when:
        The token is encrypted (`jwe`, `nested`) or opaque, or its format is unknown. The token is refused: anybody may
        send anything. The claim is one that ID tokens carry as a rule (name, email) and is not in `sensitive`.

    Blind spots:
        Sources that do not list claims. Claims with harmless names. Events that name no client.

    Formula:
        token_format = jws and some claim ∈ sensitive or ∈ secrets. Names are compared by their last part after `/`, `:`
        or `#`, without case, `_` and `-`: `https://acme.example/birthDate` is birthdate.

    Parameters:
        `sensitive`: names of claims that must not be readable.

    Example:
        >>> UnencryptedSensitive(sensitive={"salary"}).sensitive
        frozenset({'salary'})

    Next steps:
        Have the issuer leave the claim out, so that the server asks for it (introspection, user info), or encrypt.

    References:
        RFC 7519 section 12 (privacy). RFC 9068 section 6. OpenID Connect Core 1.0 section 5.1 (standard claims). MITRE
        ATT&CK T1528.
    """

    type: ClassVar[str] = "unencrypted-sensitive"
    title: ClassVar[str] = "Sensitive claims in the clear"
    kinds: ClassVar[frozenset[EventType]] = frozenset({EventType.ISSUE, EventType.REFRESH, EventType.KEY_USE})
    keys: ClassVar[tuple[str, ...]] = ("client_id",)
    needs: ClassVar[tuple[str, ...]] = ("client_id", "claims", "token_format")
    classes: ClassVar[tuple[AlertClass, ...]] = (
        AlertClass(
            name="sensitive-claim",
            title="Personal data in a readable token",
            summary="Tokens of {client} carry personal data that anybody who sees them can read.",
            severity=Severity.LOW,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1528",),
            advice=("Leave the claim out of the token, or encrypt the token.",),
        ),
        AlertClass(
            name="secret-claim",
            title="Secret in a readable token",
            summary="Tokens of {client} carry a secret that anybody who sees them can read.",
            severity=Severity.MEDIUM,
            entity=CLIENT,
            others=OTHERS,
            attack=("T1528",),
            advice=("Replace the secret: it is in every log that has the token.", "Leave the claim out of the token."),
        ),
    )
    cool_down: ClassVar[timedelta] = timedelta(days=7)
    references: ClassVar[tuple[str, ...]] = ("https://www.rfc-editor.org/rfc/rfc7519#section-12",)
    false_positives: ClassVar[tuple[str, ...]] = (
        "Claims of test users",
        "A claim that holds a reference, not the data",
    )

    sensitive: frozenset[str] = Field(
        _SENSITIVE, description="Names of claims that must not be readable.", examples=[frozenset({"salary"})]
    )

    def step(self, events: Events, watermark: int, state: State) -> Findings:  # noqa: ARG002 - single events
        """Check one batch."""
        readable = (events["token_format"] == code(TokenFormat.JWS)) & valid(events) & (events["client_id"] != 0)
        claims = coded(events, np.flatnonzero(readable), "claims")
        personal, secret = (
            np.unique(claims.rows[_named(claims.values, names)[claims.codes]]) for names in (self.sensitive, _SECRETS)
        )
        rows = np.union1d(personal, secret)
        worst = np.isin(rows, secret)
        severity = np.where(worst, MEDIUM, LOW)
        said = np.where(worst, SECRET, PERSONAL)
        return Findings.of(
            self.type, report(events, rows, "client_id", severity=severity, confidence=SURE, alert_class=said)
        )


def _named(claims: list[str], names: frozenset[str]) -> Array:
    """Tell of each claim whether it has one of the names, bool (n,)."""
    plain = {_plain(name) for name in names}
    return np.array([_plain(claim) in plain for claim in claims], np.bool_)


def _plain(name: str) -> str:
    return re.split(r"[/:#]", name)[-1].translate({ord("_"): None, ord("-"): None}).casefold()
