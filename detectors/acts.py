"""What an event is, where that takes more than one of its columns; each answer is bool (n,)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.frame import Events
from schemas.vocabulary import EventType, GrantType, Operation, Outcome, SubjectType, code

Mask: TypeAlias = npt.NDArray[np.bool_]


def used(events: Events) -> Mask:
    """Tell of each event whether it is a successful use of a token or key."""
    found: Mask = (events["type"] == code(EventType.KEY_USE)) & (events["outcome"] == code(Outcome.SUCCESS))
    return found


def refused(events: Events) -> Mask:
    """Tell of each event whether it is a use of a token or key that was refused or failed."""
    failed = (events["outcome"] == code(Outcome.DENIED)) | (events["outcome"] == code(Outcome.ERROR))
    failed &= events["type"] == code(EventType.KEY_USE)
    found: Mask = failed | (events["type"] == code(EventType.VERIFY_FAILURE))
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


def accepted_users(events: Events) -> Mask:
    """Tell of each event whether it was accepted and a user made it from an address of their own."""
    sub = events["sub"]
    service = (
        (events["sub_type"] == code(SubjectType.SERVICE))
        | (events["grant_type"] == code(GrantType.CLIENT_CREDENTIALS))
        | (sub == events["client_id"])
    )
    own: Mask = accepted(events) & (sub != 0) & (events["source_ip"] != 0) & ~service
    return own
