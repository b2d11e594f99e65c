"""How alerts were handled, for reports: every alert that was found in a span, without its body."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sqlalchemy import select

from store.engine import Database, clock
from store.models import ALERTS
from store.queries import AnyRow

BATCH: Final = 2_000
_COLUMNS: Final = [
    ALERTS.c[name]
    for name in (
        *("alert_id", "incident_id", "detector", "title", "severity", "start", "found_at"),
        *("status", "verdict", "owner", "acknowledged_at", "resolved_at"),
    )
]


class Handled(NamedTuple):
    """Rows of alerts in the order they were found, read as they are asked for, and the database's clock, µs."""

    rows: Iterator[AnyRow]
    now: int


class Reports:
    """Questions about all alerts of a span. Raises StoreUnavailableError while the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def handled(self, since: int | None = None, until: int | None = None) -> Iterator[Handled]:
        """Give the alerts found at or after `since` and before `until`, µs, within one view of the store."""
        found = ALERTS.c.found_at
        wanted = select(*_COLUMNS).order_by(found, ALERTS.c.alert_id).execution_options(yield_per=BATCH)
        if since is not None:
            wanted = wanted.where(found >= since)
        if until is not None:
            wanted = wanted.where(found < until)
        with self._database.read() as connection:
            now = connection.execute(select(clock())).scalar_one()
            yield Handled(iter(connection.execute(wanted)), now)
