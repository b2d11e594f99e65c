"""What an event does, where that takes more than one of its columns; each answer has one value a row, (n,)."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.frame import Events
from schemas.vocabulary import EventType, Operation, Outcome, Reason, RevokeScope, code

Mask: TypeAlias = npt.NDArray[np.bool_]

REVOKED: Final = (
    (RevokeScope.TOKEN, "token_id"),
    (RevokeScope.KEY, "key_id"),
    (RevokeScope.FAMILY, "family_id"),
    (RevokeScope.SESSION, "session_id"),
    (RevokeScope.GRANT, "grant_id"),
    (RevokeScope.SUBJECT, "sub"),
    (RevokeScope.CLIENT, "client_id"),
)
"""What revocations cover, from the narrowest on, and the key column that says which."""
NO_SCOPE: Final = -1


def used(events: Events) -> Mask:
    """Tell of each event whether it is a successful use of a token or key."""
    found: Mask = (events["type"] == code(EventType.KEY_USE)) & (events["outcome"] == code(Outcome.SUCCESS))
    return found


def minted(events: Events) -> Mask:
    """Tell of each event whether it gives a token out: an issue or a refresh."""
    found: Mask = (events["type"] == code(EventType.ISSUE)) | (events["type"] == code(EventType.REFRESH))
    return found


def signed(events: Events) -> Mask:
    """Tell of each event whether a key signs: a token that it names is made by it, not presented."""
    found: Mask = (events["type"] == code(EventType.KEY_USE)) & (events["operation"] == code(Operation.SIGN))
    return found


def accepted(events: Events) -> Mask:
    """Tell of each event whether its token or credential was accepted; only such events teach anything."""
    return used(events) | minted(events)


def presented(events: Events) -> npt.NDArray[np.uint64]:
    """Give the token that each event presents, 0 for none: a refresh presents its parent, an issue nothing."""
    own = np.where(minted(events) | signed(events), np.uint64(0), events["token_id"])
    found: npt.NDArray[np.uint64] = np.where(events["type"] == code(EventType.REFRESH), events["parent_id"], own)
    return found


def revoke_scopes(events: Events) -> npt.NDArray[Any]:
    """Give the code of what each revocation covers, `NO_SCOPE` for other events and for rotation.

    Without a word for it, a revocation covers its token.
    """
    revoked = (events["type"] == code(EventType.REVOKE)) & (events["reason"] != code(Reason.ROTATION))
    token = (events["revoke_scope"] == NO_SCOPE) & (events["token_id"] != 0)
    scopes: npt.NDArray[Any] = np.where(token, np.int8(code(RevokeScope.TOKEN)), events["revoke_scope"])
    return np.where(revoked, scopes, np.int8(NO_SCOPE))
