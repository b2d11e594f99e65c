"""What an event means to a detector of failed authentications, and the columns of the rows that matter."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.acts import accepted
from schemas.frame import Events
from schemas.vocabulary import EventType, GrantType, Reason, SubjectType, TokenType, code

Array = npt.NDArray[Any]

NOTHING, TRY, SECRET, LOCKED, DENIAL, PROBE, ACCEPTED, LOGIN = range(8)
"""Meaning of a row: a guess at a user's credential, at a client's; a refusal of a locked account (spread, no try); a
denied second factor; a token that failed validation; an accepted event; an accepted interactive login."""
FAILURES: Final = (TRY, SECRET, LOCKED, DENIAL, PROBE)

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
    found = np.where(accepted(events), ACCEPTED, NOTHING).astype(np.int8)
    session = (grants == -1) & (events["token_type"] == code(TokenType.SESSION))
    found[issued & (np.isin(grants, _LOGIN_GRANTS) | session)] = LOGIN
    failed = types == code(EventType.VERIFY_FAILURE)
    found[failed] = _MEANING_OF_REASON[events["reason"][failed]]
    return found


STREAM: Final = np.dtype(
    [
        ("time", np.int64),
        ("principal", np.uint64),
        ("source", np.uint64),
        ("network", np.uint64),
        ("fingerprint", np.uint64),
        ("issuer", np.uint64),
        ("device", np.uint64),
        ("asn", np.int64),
        ("meaning", np.int8),
    ]
)
"""One row of the batch, for what has to see successes and failures in their order. `device`: `device_id`, else the
family of the user agent."""

FAILURE: Final = np.dtype(
    [
        ("time", np.int64),
        ("account", np.uint64),
        ("source", np.uint64),
        ("network", np.uint64),
        ("fingerprint", np.uint64),
        ("issuer", np.uint64),
        ("client", np.uint64),
        ("token", np.uint64),
        ("key_id", np.uint64),
        ("event", np.uint64),
        ("weight", np.int64),
        ("asn", np.int64),
        ("country", np.int16),
        ("reason", np.int8),
        ("meaning", np.int8),
        ("service", np.bool_),
        ("wide", np.bool_),
    ]
)
"""One failed row.

- `account`: whose credential was tried: the client of an invalid-client, else the principal.
- `weight`: failures the record stands for; 0 where an account was merely locked.
- `service`: the account belongs to software.
- `wide`: the source is an IPv6 /64, its network a /48.
"""

_COLUMN_OF: Final = {
    "time": "order_time",
    "principal": "principal",
    "source": "source_ip",
    "network": "prefix",
    "fingerprint": "ja4",
    "issuer": "issuer_key",
    "client": "client_id",
    "token": "token_id",
    "key_id": "key_id",
    "event": "event_key",
    "asn": "asn",
    "country": "country",
    "reason": "reason",
}
"""Fields that are plain columns of the frame."""


def stream(events: Events, meaning: Array) -> Array:
    """Give all rows, shape (n,) of dtype `STREAM`: records, since a kernel compiles faster over one array than nine."""
    rows = np.empty(len(events), STREAM)
    rows["meaning"] = meaning
    rows["device"] = np.where(events["device_id"] != 0, events["device_id"], events["ua_family"])
    for name in _COLUMN_OF.keys() & set(STREAM.names or ()):
        rows[name] = events[_COLUMN_OF[name]]
    return rows


def failures(events: Events, meaning: Array, rows: Array) -> Array:
    """Give the failed rows, shape (m,) of dtype `FAILURE`; `rows`: their positions in the batch."""
    failed = np.empty(len(rows), FAILURE)
    failed["meaning"] = meaning[rows]
    for name in _COLUMN_OF.keys() & set(FAILURE.names or ()):
        failed[name] = events[_COLUMN_OF[name]][rows]
    secret = failed["meaning"] == SECRET
    failed["account"] = np.where(secret, failed["client"], events["principal"][rows])
    failed["service"] = secret | (events["sub_type"][rows] == _SERVICE)
    failed["weight"] = np.where(failed["meaning"] == LOCKED, 0, events["count"][rows])
    failed["wide"] = failed["source"] != events["ip"][rows]
    return failed
