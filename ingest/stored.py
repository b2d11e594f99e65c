"""Events that were stored as they state themselves, back in the frame: their derived columns are made anew."""

from __future__ import annotations

import pyarrow as pa

from ingest.derived import Deriver
from ingest.privacy import Secrets
from schemas.frame import Events, Text
from schemas.stated import columns_of


class StoredEvents:
    """Reads tables of `schemas.stated` with the keys of this process: hashes join with those of no other key."""

    def __init__(self, secrets: Secrets) -> None:
        self._deriver = Deriver(secrets)

    def read(self, table: pa.Table) -> Events:
        """Give the rows as events, in their order."""
        if not table.num_rows:
            return Events.empty()
        columns, text = columns_of(table)
        self._deriver.derive(columns, text, table.num_rows)
        return Events(table.num_rows, columns, Text.of(pa.table(text)))
