"""Who sits before the pages. Services check the role themselves; pages only ask who it is."""

from __future__ import annotations

import getpass

from schemas.triage import Role
from store.access import Actor


def actor() -> Actor:
    """The person of this session: on the loopback, whoever may use this machine's account."""
    return Actor(getpass.getuser(), Role.ADMIN)
