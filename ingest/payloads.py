"""Byte strings as one column: many records in one buffer, without a Python object for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.kernels.cells import Bytes, Ints

NULL_SIZE: Final = -1


@dataclass(frozen=True, slots=True)
class Payloads:
    """n byte strings in one buffer: string i is `data[begins[i]:begins[i] + sizes[i]]`, or null where its size is -1.

    Attributes:
        data: uint8; may hold other bytes too, and is never changed.
        begins, sizes: int64, shape (n,).
    """

    data: Bytes
    begins: Ints
    sizes: Ints

    @classmethod
    def of(cls, values: Sequence[bytes | None]) -> Payloads:
        """Copy strings together."""
        sizes = np.fromiter((NULL_SIZE if value is None else len(value) for value in values), np.int64, len(values))
        ends = np.cumsum(np.maximum(sizes, 0))
        # Like fetched data it can be written to: compiled code is the same for both.
        data = np.frombuffer(bytearray().join(filter(None, values)), np.uint8)
        return cls(data, ends - np.maximum(sizes, 0), sizes)

    def __len__(self) -> int:
        """Number of strings."""
        return len(self.begins)

    def __getitem__(self, row: int) -> bytes | None:
        """Copy one string out."""
        return None if self.sizes[row] == NULL_SIZE else self.text(row)

    def __iter__(self) -> Iterator[bytes | None]:
        """Copy the strings out, one by one."""
        return map(self.__getitem__, range(len(self)))

    def text(self, row: int) -> bytes:
        """Copy out one string that is not null."""
        begin = int(self.begins[row])
        return self.data[begin : begin + int(self.sizes[row])].tobytes()

    def texts(self) -> Iterator[bytes]:
        """Copy out strings of which none is null, one by one."""
        return map(self.text, range(len(self)))

    def slice(self, start: int, stop: int) -> Payloads:
        """Give the strings `start` to `stop` (excluded)."""
        return Payloads(self.data, self.begins[start:stop], self.sizes[start:stop])

    def take(self, rows: npt.NDArray[Any]) -> Payloads:
        """Select strings."""
        return Payloads(self.data, self.begins[rows], self.sizes[rows])
