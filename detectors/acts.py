"""What an event is, where that takes more than one of its columns; each answer is bool (n,)."""

from __future__ import annotations

from schemas.acts import Mask, accepted, minted, signed, used
from schemas.frame import Events
from schemas.vocabulary import EventType, GrantType, Outcome, SubjectType, code

__all__ = ["accepted", "accepted_users", "minted", "refused", "signed", "used"]


def refused(events: Events) -> Mask:
    """Tell of each event whether it is a use of a token or key that was refused or failed."""
    failed = (events["outcome"] == code(Outcome.DENIED)) | (events["outcome"] == code(Outcome.ERROR))
    failed &= events["type"] == code(EventType.KEY_USE)
    found: Mask = failed | (events["type"] == code(EventType.VERIFY_FAILURE))
    return found


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
