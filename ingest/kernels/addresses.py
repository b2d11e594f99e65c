"""IP addresses as text: which are plain IPv4, and where their network part ends."""

from __future__ import annotations

from ingest.kernels.cells import Bytes, Positions
from ingest.kernels.compiled import byte_at, kernel


@kernel
def find_not_ipv4(data: Bytes, offsets: Positions, rows: Positions) -> int:
    """Find the rows whose text is not a dotted quad in its normal form."""
    count = 0
    for row in range(len(offsets) - 1):
        if offsets[row] < offsets[row + 1] and not _is_ipv4(data, offsets[row], offsets[row + 1]):
            rows[count] = row
            count += 1
    return count


@kernel
def _is_ipv4(data: Bytes, at: int, end: int) -> bool:
    octets = 0
    while at < end:
        first, number = at, 0
        while at < end and at - first < 4 and 0x30 <= data[at] <= 0x39:
            number = number * 10 + byte_at(data, at) - 0x30
            at += 1
        padded = at - first > 1 and data[first] == 0x30
        if at == first or padded or number > 255 or octets == 4:
            return False
        octets += 1
        if at < end:
            if data[at] != 0x2E or at + 1 == end:
                return False
            at += 1
    return octets == 4


@kernel
def network_ends(
    data: Bytes,
    offsets: Positions,
    ends: Positions,
    wide: Positions,
) -> int:
    """Find where each IPv4 address's last octet starts, and the rows that hold IPv6."""
    count = 0
    for row in range(len(ends)):
        at = offsets[row + 1]
        while at > offsets[row] and data[at - 1] != 0x2E and data[at - 1] != 0x3A:
            at -= 1
        ends[row] = at
        if at > offsets[row] and data[at - 1] == 0x3A:
            wide[count] = row
            count += 1
    return count
