"""Issuers: what is configured about how a product or an issuer treats spent refresh tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from schemas.frame import Events

NOT_SINGLE_USE: Final = ("entra", "vault", "aws")
"""Products whose refresh or renewal does not spend the token."""
LEARNED, REUSABLE, SINGLE_USE = range(3)
_MICROSECOND: Final = timedelta(microseconds=1)


class IssuerRule(BaseModel):
    """What is known of a product (`source`), an issuer (`iss`) or one of its clients; unset names match all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = Field(None, description="Product that wrote the log.")
    iss: str | None = Field(None, description="Issuer.")
    client_id: str | None = Field(None, description="Client.")
    single_use: bool | None = Field(None, description="Whether a refresh token is spent by use; unset: learned.")
    grace: timedelta = Field(
        timedelta(0), ge=timedelta(0), le=timedelta(days=1), description="How long a spent token is still accepted."
    )


def policies(
    rules: Sequence[IssuerRule], events: Events, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Give the policy (`LEARNED`, `REUSABLE` or `SINGLE_USE`) and the grace in µs of some rows.

    Args:
        rules: the first one that matches a row decides.
        events: the batch.
        rows: positions, shape (n,); both results have this shape.
    """
    policy, grace = np.full(len(rows), LEARNED, np.int8), np.zeros(len(rows), np.int64)
    names = [name for name in ("source", "iss", "client_id") if any(getattr(rule, name) is not None for rule in rules)]
    text = events.text.gather(rows, names) if names else None
    for rule in reversed(rules):
        fits = np.ones(len(rows), np.bool_)
        for name in names:
            wanted = getattr(rule, name)
            if text is not None and wanted is not None:
                fits &= pc.fill_null(pc.equal(text[name], wanted), fill_value=False).to_numpy()
        policy[fits] = LEARNED if rule.single_use is None else SINGLE_USE if rule.single_use else REUSABLE
        grace[fits] = rule.grace // _MICROSECOND
    return policy, grace
