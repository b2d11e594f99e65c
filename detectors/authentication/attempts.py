"""What an event means to a detector of failed authentications, and the columns of the rows that matter."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.kernels import column
from schemas.frame import Events
from schemas.vocabulary import EventType, GrantType, Outcome, Reason, SubjectType, TokenType, code

Array = npt.NDArray[Any]

NOTHING, TRY, SECRET, LOCKED, DENIAL, PROBE, ACCEPTED, LOGIN = range(8)
"""Meaning of a row: a guess at a user's credential, at a client's; a refusal of a locked account (spread, no try); a
denied second factor; a token that failed validation; an accepted event; an accepted interactive login."""
FAILURE_MEANINGS: Final = (TRY, SECRET, LOCKED, DENIAL, PROBE)

_GUESSES: Final = (Reason.BAD_CREDENTIALS, Reason.UNKNOWN_SUBJECT, Reason.MFA_FAILED)
_INVALID_TOKENS: Final = (
    Reason.EXPIRED,
    Reason.NOT_YET_VALID,
    Reason.BAD_SIGNATURE,
    Reason.UNKNOWN_KEY,
    Reason.ALG_NOT_ALLOWED,
    Reason.ISSUER_MISMATCH,
    Reason.AUDIENCE_MISMATCH,
    Reason.CLIENT_MISMATCH,
    Reason.CNF_MISMATCH,
    Reason.TYPE_MISMATCH,
    Reason.REVOKED,
    Reason.INACTIVE,
    Reason.REUSED,
    Reason.MALFORMED,
)
_LOGIN_GRANTS: Final = (code(GrantType.PASSWORD), code(GrantType.AUTHORIZATION_CODE), code(GrantType.IMPLICIT))
_SERVICE: Final = code(SubjectType.SERVICE)


def _meanings_of_reasons() -> Array:
    """Meaning of a verify-failure by the code of its reason; the last entry is a missing one (code -1)."""
    meanings = np.full(len(Reason) + 1, NOTHING, np.int8)
    for reasons, meaning in ((_GUESSES, TRY), (_INVALID_TOKENS, PROBE)):
        meanings[[code(reason) for reason in reasons]] = meaning
    meanings[code(Reason.INVALID_CLIENT)] = SECRET
    meanings[code(Reason.LOCKED_OUT)] = LOCKED
    meanings[code(Reason.MFA_DENIED)] = DENIAL
    return meanings


_MEANING_OF_REASON: Final = _meanings_of_reasons()


def meanings(events: Events) -> Array:
    """Say what each row means, int8 (n,).

    Authorization-pending, required interaction, rate limits and authorisation denials mean nothing here: nobody tried
    a credential. A login is an issue by password, code or implicit grant, or of a session where no grant is named.
    """
    types, grants = events["type"], events["grant_type"]
    issued = types == code(EventType.ISSUE)
    used = (types == code(EventType.KEY_USE)) & (events["outcome"] == code(Outcome.SUCCESS))
    found = np.where(issued | used | (types == code(EventType.REFRESH)), ACCEPTED, NOTHING).astype(np.int8)
    session = (grants == -1) & (events["token_type"] == code(TokenType.SESSION))
    found[issued & (np.isin(grants, _LOGIN_GRANTS) | session)] = LOGIN
    failed = types == code(EventType.VERIFY_FAILURE)
    found[failed] = _MEANING_OF_REASON[events["reason"][failed]]
    return found


class Stream(NamedTuple):
    """Columns of all rows of a batch, (n,) each, for what has to see successes and failures in their order."""

    meaning: Array
    time: Array
    principal: Array
    source: Array
    network: Array
    fingerprint: Array
    issuer: Array
    asn: Array
    device: Array

    @classmethod
    def of(cls, events: Events, meaning: Array) -> Stream:
        """Pick the columns. The device is `device_id`, else the family of the user agent."""
        device = np.where(events["device_id"] != 0, events["device_id"], events["ua_family"])
        names = ("order_time", "principal", "source_ip", "prefix", "ja4", "issuer_key", "asn")
        return cls(meaning, *(column(events, name) for name in names), device)


class Failures(NamedTuple):
    """Columns of the failed rows only, (m,) each.

    - `row`: position in the batch.
    - `account`: whose credential was tried: the client of an invalid-client, else the principal.
    - `weight`: failures the record stands for; 0 where an account was merely locked.
    - `service`: the account belongs to software.
    - `wide`: the source is an IPv6 /64, its network a /48.
    """

    row: Array
    meaning: Array
    time: Array
    account: Array
    source: Array
    network: Array
    fingerprint: Array
    issuer: Array
    client: Array
    token: Array
    key_id: Array
    reason: Array
    country: Array
    asn: Array
    event: Array
    weight: Array
    service: Array
    wide: Array

    @classmethod
    def of(cls, events: Events, meaning: Array) -> Failures:
        """Pick the failed rows."""
        row = np.flatnonzero(np.isin(meaning, FAILURE_MEANINGS))
        meant = meaning[row]
        names = ("client_id", "token_id", "key_id", "reason", "country", "asn", "event_key")
        client, *others = (events[name][row] for name in names)
        guessed = meant == SECRET
        source = events["source_ip"][row]
        return cls(
            row,
            meant,
            events["order_time"][row],
            np.where(guessed, client, events["principal"][row]),
            source,
            *(events[name][row] for name in ("prefix", "ja4", "issuer_key")),
            client,
            *others,
            np.where(meant == LOCKED, 0, events["count"][row]),
            guessed | (events["sub_type"][row] == _SERVICE),
            source != events["ip"][row],
        )
