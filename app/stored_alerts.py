"""Alerts of a store as commands ask for them: more than one page, and ids by their beginning."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.alerts import Alert
from schemas.fields import parse_time
from store.errors import StoreError
from store.queries import MAX_ROWS, AlertFilter, Page, Queries

AMBIGUOUS = 5
"""Ids shown when several begin alike."""


def pages(queries: Queries, where: AlertFilter, *, after: str | None, limit: int) -> Iterator[Page]:
    """Give pages of alerts, newest first; the last one's `following` says whether there are more.

    Args:
        after: go on behind this alert.
        limit: most alerts of all pages together.
    """
    position = None
    if after is not None:
        alert = stored(queries, after)
        position = (parse_time(alert.start), alert.alert_id)
    while limit > 0:
        page = queries.alerts(where, after=position, limit=min(limit, MAX_ROWS))
        yield page
        limit -= len(page.rows)
        position = page.following
        if position is None:
            return


def stored(queries: Queries, beginning: str) -> Alert:
    """Give the latest revision of the one alert whose id begins so.

    Raises:
        StoreError: there is none, or more than one.
    """
    found = queries.alert_ids(beginning, limit=AMBIGUOUS) if beginning else []
    if len(found) > 1 and beginning not in found:
        raise StoreError("several alerts begin so", place=beginning, next_step=f"take one of {', '.join(found)}")
    body = queries.alert(beginning if beginning in found else found[0]) if found else None
    if body is None:
        raise StoreError("no such alert", place=beginning, next_step="see `tokentrail alerts list`")
    return Alert.model_validate_json(body)
