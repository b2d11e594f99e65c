"""Detectors on trial: their alerts are stored apart and marked; nobody is told, no incident grows, no risk rises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from alerts.stream import AlertStream
from schemas.findings import Findings
from schemas.frame import Events
from schemas.revisions import Revision

LABEL: Final = "shadow"


def shadowed(stream: AlertStream, findings: Sequence[Findings], events: Events, watermark: int) -> list[Revision]:
    """Give the revisions of a stream that holds only detectors on trial; arguments as those of `AlertStream.fold`.

    Its incidents and risks stay its own: they are what would be, and the record does not say them.
    """
    changes = stream.fold(findings, events, watermark)
    return [Revision(each.alert.model_copy(update={"labels": [LABEL], "risk": 0})) for each in changes.revisions]
