"""Stores with a lake, written the way the worker writes them, without a broker."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from app.settings import Settings, from_mapping
from app.wiring import event_lake, new_pipeline
from engines.checkpoints import Checkpointer
from engines.chunks import ChunkFolder
from engines.decoding import Batch
from engines.lake import Lake
from ingest.decode import Decoder
from ingest.privacy import Secrets
from ingest.records import RawRecords
from store.engine import connect
from store.lease import Lease
from store.migrate import migrate
from store.writer import AlertWriter

SECRETS = Secrets(b"a key of tests for the event lake")


def settings_of(folder: Path, **more: Any) -> Settings:
    """Settings of a store and a lake in a folder, written beside them as `tokentrail.toml`."""
    lines = [
        f'[store]\nurl = "sqlite:///{folder / "store.db"}"\nstate = "{folder / "state"}"',
        f'[lake]\npath = "{folder / "lake"}"',
        *(
            f"[{name}]\n" + "\n".join(f"{key} = {orjson.dumps(value).decode()}" for key, value in table.items())
            for name, table in more.items()
        ),
    ]
    (folder / "tokentrail.toml").write_text("\n".join(lines) + "\n", "utf-8")
    return from_mapping(
        {
            "store": {"url": f"sqlite:///{folder / 'store.db'}", "state": str(folder / "state")},
            "lake": {"path": str(folder / "lake")},
            **more,
        },
        "test",
    )


def keep(settings: Settings, events: Iterable[dict[str, Any]], *, size: int = 500, every: int = 3) -> list[str]:
    """Judge and keep events in batches, a checkpoint after every few of them; give the revisions that were found."""
    settings.store.state.mkdir(exist_ok=True)
    database = connect(settings.store.url)
    migrate(database)
    lease = Lease(database, "worker-1", timedelta(minutes=10))
    epoch = lease.acquire()
    assert epoch is not None
    checkpointer = Checkpointer(database, ChunkFolder(settings.store.state), epoch)
    restored = checkpointer.restore(lambda: new_pipeline(settings))
    lake = event_lake(settings, database)
    assert isinstance(lake, Lake)
    checkpointer.lake = log = lake.open(epoch, restored.arrival)
    pipeline, decoder, writer, bodies = restored.pipeline, Decoder(SECRETS), AlertWriter(database), list[str]()

    def write(changes: Any) -> None:
        writer.commit_revisions(changes.revisions, epoch, incidents=changes.incidents, risks=changes.risks)
        bodies.extend(revision.body for revision in changes.revisions)

    remaining, number = iter(events), 0
    while part := list(islice(remaining, size)):
        number += 1
        raw = RawRecords.of([orjson.dumps(event) for event in part])
        batch = Batch(raw, decoder.decode(raw), decoder)
        log.take(batch, pipeline.order)
        pipeline.take(batch)
        write(pipeline.advance({0}))
        if number % every == 0:
            checkpointer.begin(pipeline, {0: number * size})
            checkpointer.finish("digest")
    write(pipeline.flush())
    checkpointer.begin(pipeline, {})
    checkpointer.finish("digest")
    checkpointer.close()
    lease.release(epoch)
    database.close()
    return bodies
