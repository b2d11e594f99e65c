"""One exception family: each error names the place of the fault and the next step."""

from __future__ import annotations


class TokentrailError(Exception):
    """Something the user can act on.

    Args:
        message: what is wrong.
        place: where: a file and line, a topic and offset, a setting.
        next_step: what to do about it.
    """

    def __init__(self, message: str, *, place: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.next_step = next_step

    def __str__(self) -> str:
        """One line: place, message, next step."""
        where = f"{self.place}: " if self.place else ""
        then = f"; {self.next_step}" if self.next_step else ""
        return f"{where}{self.message}{then}"


class ConfigError(TokentrailError):
    """A setting is missing, unknown or out of bounds."""


class SourceError(TokentrailError):
    """An input cannot be read at all: no such file, truncated archive, no broker."""


class CheckpointError(TokentrailError):
    """A stored state cannot be read back."""
