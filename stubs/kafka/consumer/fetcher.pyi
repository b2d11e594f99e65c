from collections.abc import Iterable, Sized
from typing import Any, NamedTuple, Protocol

from kafka.record.memory_records import MemoryRecords
from kafka.structs import TopicPartition

class ConsumerRecord(NamedTuple):
    topic: str
    partition: int
    leader_epoch: int
    offset: int
    timestamp: int
    timestamp_type: int | None
    key: bytes | None
    value: Any
    headers: list[tuple[str, bytes | None]]
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    serialized_header_size: int

class _Taken(Iterable[ConsumerRecord], Sized, Protocol): ...

class Fetcher:
    class PartitionRecords:
        _next_inline_exception: Exception | None
        def __init__(
            self, fetch_offset: int, tp: TopicPartition, records: MemoryRecords, **options: object
        ) -> None: ...
        def __bool__(self) -> bool: ...
        def take(self, n: int | None = ...) -> _Taken: ...
