"""Who asks, and what they may do. Services check this themselves; a hidden button protects nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from schemas.triage import Role
from store.errors import ForbiddenError, RefusedError

WORKER: Final = "worker"
"""Who does what follows from events; nobody can log in by this name."""
MAX_NAME: Final = 200
_UNWRITABLE: Final = frozenset({"Cc", "Cs"})


@dataclass(frozen=True, slots=True)
class Actor:
    """A person by the name that access control gave, with a role."""

    name: str
    role: Role

    def require(self, role: Role, what: str) -> None:
        """Raise ForbiddenError unless the person has this role or a higher one."""
        if self.role < role:
            raise ForbiddenError(
                f"{self.role.name.lower()}s may not {what}",
                place=self.name,
                next_step=f"ask somebody with the role {role.name.lower()}",
            )


def written(text: str, what: str, limit: int, *, lines: bool = False) -> str:
    """Check words that a person wrote, and give them without spaces at both ends.

    Raises:
        RefusedError: nothing is left, it is too long, or it holds what databases and terminals choke on.
    """
    text = text.strip()
    if not text:
        raise RefusedError("is empty", place=what, next_step="write why, for those who come after you")
    if len(text) > limit:
        raise RefusedError(f"has {len(text)} characters, {limit} are kept", place=what, next_step="shorten it")
    if any(unicodedata.category(c) in _UNWRITABLE and not (lines and c in "\n\t") for c in text):
        raise RefusedError("holds control characters", place=what, next_step="take them out")
    return text
