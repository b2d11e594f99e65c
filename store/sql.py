"""Statements that SQLite and PostgreSQL share but SQLAlchemy spells per dialect."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_T = TypeVar("_T")
BATCH: Final = 500
"""Rows a statement: both databases bound the number of its parameters."""


def batches(items: Sequence[_T], size: int = BATCH) -> Iterator[Sequence[_T]]:
    """Cut a sequence into parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def upsert(
    connection: Connection, table: Table, rows: Collection[Mapping[str, Any]], *, keep: Collection[str] = ()
) -> None:
    """Insert rows, or overwrite those of the same primary key, except the columns in `keep`."""
    if not rows:
        return
    key = [column.key for column in table.primary_key]
    insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)
    given = [name for name in next(iter(rows)) if name not in key and name not in keep]
    new = {name: insert.excluded[name] for name in given}
    # Row by row through one prepared statement: rendering hundreds of rows into one costs ten times as much.
    connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=new), list(rows))
