"""List cells to the offsets and bytes of an Arrow list column."""

from __future__ import annotations

from ingest.kernels.cells import LIST, NONE, STRING, Bytes, Ints, Positions
from ingest.kernels.compiled import byte_at, kernel
from ingest.kernels.text import characters
from schemas.fields import MAX_TEXT_CHARS


@kernel
def measure_lists(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    max_items: int,
    split: bool,
    totals: Ints,
    reject: Bytes,
) -> None:
    """Upper bounds of items and bytes over all rows, and rows off the bounds."""
    for row in range(len(kind)):
        if kind[row] == LIST:
            reject[row] |= size[row] > max_items
            totals[0] += size[row]
            at = begin[row]
            for _ in range(size[row]):
                length = data[at] + (byte_at(data, at + 1) << 8)
                long = length > MAX_TEXT_CHARS and characters(data, at + 2, at + 2 + length) > MAX_TEXT_CHARS
                reject[row] |= long
                totals[1] += length
                at += 2 + length
        elif kind[row] == STRING:
            totals[0] += _words(data, begin[row], begin[row] + size[row], split, max_items, row, reject)
            totals[1] += size[row]
        elif kind[row] != NONE:
            reject[row] = 1


@kernel
def _words(data: Bytes, start: int, end: int, split: bool, max_items: int, row: int, reject: Bytes) -> int:
    """Count the items of a single string; blanks other than spaces are left to the contract."""
    if not split:
        reject[row] |= end - start > MAX_TEXT_CHARS and characters(data, start, end) > MAX_TEXT_CHARS
        return 1
    count, length = 0, 0
    for at in range(start, end):
        reject[row] |= data[at] < 0x20 or data[at] >= 0x80
        length = 0 if data[at] == 0x20 else length + 1
        count += length == 1
        reject[row] |= length > MAX_TEXT_CHARS
    reject[row] |= count > max_items
    return count


@kernel
def copy_lists(
    data: Bytes,
    kind: Bytes,
    begin: Positions,
    size: Positions,
    split: bool,
    rows: Positions,
    items: Positions,
    out: Bytes,
) -> None:
    """Fill the row offsets, item offsets and bytes of a list column that `measure_lists` has measured."""
    item, write = 0, 0
    for row in range(len(kind)):
        rows[row] = item
        at = begin[row]
        if kind[row] == LIST:
            for _ in range(size[row]):
                length = data[at] + (byte_at(data, at + 1) << 8)
                items[item] = write
                for i in range(at + 2, at + 2 + length):
                    out[write] = data[i]
                    write += 1
                item, at = item + 1, at + 2 + length
        elif kind[row] == STRING:
            blank = True
            if not split:
                items[item] = write
                item += 1
            for i in range(at, at + size[row]):
                gap = split and data[i] == 0x20
                if split and blank and not gap:
                    items[item] = write
                    item += 1
                if not gap:
                    out[write] = data[i]
                    write += 1
                blank = gap
    rows[len(kind)] = item
    items[item] = write
