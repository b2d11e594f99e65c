"""Triage: what people decided about an alert, and the record of it that leaves on `token.alert-state.v1`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.alerts import Id, UtcTime
from schemas.vocabulary import Severity


class Status(StrEnum):
    """Where an alert stands with the people who handle it; apart from its episode, which the events decide."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    SUPPRESSED = "suppressed"


OPEN: Final = (Status.NEW, Status.IN_PROGRESS)
"""What somebody still has to look at."""


Sla = Mapping[Severity, int]
"""Time in which somebody must have taken an alert, µs from when it was found. Severities that are left out have none.

An alert that was taken once, and opened again, has kept it.
"""


def due(sla: Sla, severity: int, found_at: int) -> int | None:
    """Until when somebody must have taken an alert, µs; None without limit."""
    span = sla.get(Severity(severity))
    return None if span is None else found_at + span


def is_overdue(sla: Sla, row: Any, now: int) -> bool:  # noqa: ANN401 - a row of the store
    """Whether an open alert should have been taken before `now`, µs."""
    until = due(sla, row.severity, row.found_at)
    return row.status in OPEN and row.acknowledged_at is None and until is not None and until < now


class Verdict(StrEnum):
    """What an alert turned out to be."""

    TRUE_POSITIVE = "true_positive"
    BENIGN_TRUE_POSITIVE = "benign_true_positive"
    FALSE_POSITIVE = "false_positive"
    UNDETERMINED = "undetermined"


RIGHT: Final = (Verdict.TRUE_POSITIVE, Verdict.BENIGN_TRUE_POSITIVE)
"""Verdicts that say that what was seen was there, harmful or not."""
JUDGED: Final = (*RIGHT, Verdict.FALSE_POSITIVE)
"""Verdicts that say whether it was there."""


class Role(IntEnum):
    """What a person may do; each may do what the ones below may."""

    VIEWER = 1
    ANALYST = 2
    ADMIN = 3


class AlertState(BaseModel):
    """The triage state of one alert after one change. Records of one alert rise in `version`."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Token alert state")

    time: UtcTime = Field(description="Wall clock of the change.")
    alert_id: Id
    incident_id: Id
    revision: int = Field(ge=1, description="Revision of the alert that the change was made on.")
    version: int = Field(ge=1, description="Rises with every change of the state.")
    status: Literal["new", "in_progress", "resolved", "suppressed"]
    verdict: Literal["true_positive", "benign_true_positive", "false_positive", "undetermined"] | None = None
    reason: str | None = Field(None, description="Why it was closed, hidden or opened again.")
    owner: str | None = None
    ticket: str | None = None
    suppression: int | None = Field(None, description="Number of the suppression or mute that hides the alert.")
    action: str = Field(description="What was done.")
    actor: str = Field(description="Who did it; `worker` for what followed from events.")
    audit: Annotated[str, Field(pattern=r"^\d+:[0-9a-f]{64}$")] = Field(
        description="Number and hash of the audit entry: kept elsewhere, it shows a log that was cut or rewritten."
    )


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state as publishers read it back, in the order of `cursor`."""

    cursor: int
    state: AlertState

    @property
    def alert_id(self) -> str:
        """Key of its record."""
        return self.state.alert_id
