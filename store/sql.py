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
    key = [column.key for column in table.primary_key]
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    for part in batches(list(rows)):
        statement = insert(table).values(list(part))
        given = [name for name in part[0] if name not in key and name not in keep]
        new = {name: statement.excluded[name] for name in given}
        connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new))
