from collections.abc import Iterator
from typing import Any, ClassVar

class DefaultRecordBatch:
    LOG_APPEND_TIME: ClassVar[int]
    _buffer: bytearray
    _pos: int
    def __init__(self, buffer: memoryview) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...
    def _maybe_uncompress(self) -> None: ...
    @property
    def base_offset(self) -> int: ...
    @property
    def last_offset(self) -> int: ...
    @property
    def first_timestamp(self) -> int: ...
    @property
    def max_timestamp(self) -> int: ...
    @property
    def timestamp_type(self) -> int: ...
    @property
    def records_count(self) -> int: ...

class DefaultRecord:
    def __init__(
        self,
        size_in_bytes: int,
        offset: int,
        timestamp: int,
        timestamp_type: int,
        key: bytes | None,
        value: object,
        headers: list[tuple[str, bytes | None]],
    ) -> None: ...
