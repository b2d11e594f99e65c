"""What the classes of refresh reuse are called, and what to do about them."""

from __future__ import annotations

from typing import Final

from schemas.catalogue import AlertClass, EntityField, Metric, Unit
from schemas.vocabulary import EntityRole, EntityType, Severity

STOLEN, UNATTRIBUTED, REPLAYS, LOST, REUSABLE = range(5)
"""Positions in `CLASSES`."""

_FAMILY: Final = EntityField(EntityType.FAMILY, "family_id", EntityRole.TARGET)
_USER: Final = EntityField(EntityType.USER, "principal", EntityRole.VICTIM)
_CLIENT: Final = EntityField(EntityType.CLIENT, "client_id", EntityRole.TARGET)
# Thief and victim redeem in either order, so the address of the event is a witness, not the accused.
_ADDRESS: Final = EntityField(EntityType.IP, "ip", EntityRole.OBSERVER)
_METRICS: Final = (
    Metric("generations", Unit.COUNT),
    Metric("since_first_use", Unit.SECONDS),
    Metric("asn", Unit.ASN),
    Metric("country", Unit.COUNTRY),
)
_THEFT: Final = ("T1550.001", "T1528")

CLASSES: Final = (
    AlertClass(
        name="stolen-token",
        title="Spent refresh token presented by another holder",
        summary="A refresh token of {user} in {client} was spent and came back {since_first_use} after its first use, "
        "{generations} generations on, from {asn} ({country}): not the hands that redeemed it first.",
        severity=Severity.HIGH,
        entity=_FAMILY,
        metrics=_METRICS,
        others=(_USER, _CLIENT, _ADDRESS),
        attack=_THEFT,
        advice=(
            "Treat both holders as suspects until one is recognised: the thief may have redeemed first.",
            "Compare device, network and user agent of the two with the sign-in that began the family.",
            "List what the family's access tokens reached since the first use of the spent token.",
            "Find how the token left its client: malware, a synchronised backup, logs, a compromised back end.",
        ),
        revoke="family",
    ),
    AlertClass(
        name="unattributed-reuse",
        title="Spent refresh token came back; its holder cannot be compared",
        summary="A refresh token of {user} in {client} came back {since_first_use} after its first use; the events "
        "do not say whether the same hands presented it.",
        severity=Severity.MEDIUM,
        entity=_FAMILY,
        metrics=_METRICS,
        others=(_USER, _CLIENT, _ADDRESS),
        attack=_THEFT,
        advice=(
            "Look up both redemptions at the issuer: device, user agent and network decide.",
            "Have the source log device or user agent and ASN, or bind refresh tokens by DPoP or mutual TLS.",
        ),
        revoke="family",
    ),
    AlertClass(
        name="client-replays",
        title="Client replays a spent refresh token",
        summary="{client} presented a refresh token of {user} again {since_first_use} after its first use, "
        "{generations} generations on, from the same hands.",
        severity=Severity.LOW,
        entity=_FAMILY,
        metrics=_METRICS,
        others=(_USER, _CLIENT),
        advice=(
            "Look for parallel refreshes, a token restored from backup, or storage that several processes share.",
            "Rule out malware on the user's own device, which shares its device, network and user agent.",
        ),
    ),
    AlertClass(
        name="lost-response",
        title="Client retries a refresh whose answer it never got",
        summary="{client} presented a refresh token of {user} again {since_first_use} after its first use, from the "
        "same hands; the token it had got in return was never used.",
        severity=Severity.LOW,
        entity=_FAMILY,
        metrics=_METRICS,
        others=(_USER, _CLIENT),
        advice=("Nothing to revoke. If it is frequent, look at timeouts between this client and its issuer.",),
    ),
    AlertClass(
        name="reusable-refresh-tokens",
        title="Issuer accepts spent refresh tokens",
        summary="The issuer of {client} accepted spent refresh tokens of {families} families again: theft of one "
        "cannot be seen by its reuse.",
        severity=Severity.LOW,
        entity=_CLIENT,
        metrics=(Metric("families", Unit.COUNT),),
        advice=(
            "Turn on refresh token rotation with reuse detection, or bind refresh tokens by DPoP or mutual TLS.",
            "If tokens are reusable by design, say so in the detector's `issuers`.",
        ),
    ),
)
"""What refresh reuse can say."""
