from typing import ClassVar

from kafka.record.default_records import DefaultRecordBatch
from kafka.record.legacy_records import LegacyRecordBatch

class MemoryRecords:
    MAGIC_OFFSET: ClassVar[int]
    MIN_SLICE: ClassVar[int]
    _buffer: bytes
    _next_slice: memoryview | None
    def __init__(self, bytes_data: bytes) -> None: ...
    def _cache_next(self) -> None: ...
    def next_batch(self) -> DefaultRecordBatch | LegacyRecordBatch | None: ...

class MemoryRecordsBuilder:
    def __init__(self, magic: int, compression_type: int, batch_size: int, offset: int = ...) -> None: ...
    def append(
        self,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes | None]] = ...,
    ) -> object: ...
    def close(self) -> None: ...
    def buffer(self) -> bytes: ...
