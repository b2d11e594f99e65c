"""What is known of keys: what their owner writes into the settings, and what a JWKS listed at some time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.fields import MAX_ID_BYTES

KeyId = Annotated[str, Field(min_length=1, max_length=MAX_ID_BYTES)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyRecord(_Frozen):
    """What the owner of a key says of it. Facts of a JWKS complete it."""

    ids: list[KeyId] = Field(min_length=1, description="All ids of the key: `kid`, ARN and alias at the KMS.")
    iss: list[str] = Field(
        [], description="Issuers whose events name it: `iss`, at AWS the account. None: events without."
    )
    tenant: str | None = Field(None, description="Tenant of these events.")
    created: AwareDatetime | None = Field(None, description="When it was made; its cryptoperiod begins.")
    not_before: AwareDatetime | None = Field(None, description="When its use may begin.")
    retired: AwareDatetime | None = Field(None, description="When it must no longer sign, encrypt or wrap.")
    compromised: AwareDatetime | None = Field(None, description="From when on others may have it.")
    recipient_until: AwareDatetime | None = Field(
        None, description="Until when it may decrypt and unwrap once retired; without it three years longer."
    )

    def names(self) -> Iterator[tuple[str | None, str]]:
        """Give what events call the key: an issuer, or none, and an id."""
        issuers: list[str | None] = [*self.iss] or [None]
        return product(issuers, self.ids)


class ListedKey(_Frozen):
    """A key as a JWKS shows it (RFC 7517); nothing of its material."""

    kid: KeyId
    kty: str
    use: str | None = None
    alg: str | None = None
    bits: int | None = None


class Listing(_Frozen):
    """All keys that an issuer listed."""

    tenant: str | None
    iss: str
    keys: tuple[ListedKey, ...]


class Snapshot(_Frozen):
    """What an issuer listed when it was read; `keys` is null where that was what it listed before.

    `since`: from when on it counts, µs of event time.
    """

    tenant: str | None
    iss: str
    since: int
    keys: tuple[ListedKey, ...] | None
