"""Errors of the store, each with its place and the next step."""

from __future__ import annotations

from schemas.errors import TokentrailError


class StoreError(TokentrailError):
    """The store cannot do what was asked."""


class StoreUnavailableError(StoreError):
    """The database does not answer. The same call may succeed later; nothing of it was kept."""


class StoreVersionError(StoreError):
    """The database's tables are older or newer than this program."""


class LeadershipLostError(StoreError):
    """Another worker leads now; nothing of the transaction was kept."""


class ForbiddenError(StoreError):
    """The role does not allow it; nothing was done."""


class ConflictError(StoreError):
    """Somebody else was faster; nothing of what was asked was done."""


class RefusedError(StoreError):
    """What was asked breaks a rule of triage; nothing was done."""
