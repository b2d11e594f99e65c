"""Holders: the few facts that say whether two presentations of a token came from the same hands."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.findings import LIKELY, SURE, UNSURE
from detectors.kernels import Record, inner
from schemas.frame import Events
from schemas.vocabulary import IpRole, code

HOLDER: Final = np.dtype(
    [
        ("client", np.uint32),
        ("device", np.uint32),
        ("cnf", np.uint32),
        ("agent", np.uint32),
        ("address", np.uint32),
        ("asn", np.uint32),
        ("country", np.int16),
        ("server", np.bool_),
    ]
)
"""Who presented a token. All but `asn` and `country` are the low halves of keyed hashes, which nobody can steer into a
collision; 0 is null. `server`: it came from a client's own back channel, whose address is not the user's.
"""

SAME, UNKNOWN, OTHER = range(3)
"""Same hands; nothing that could tell them apart; other hands."""

_LOW_HALF: Final = np.uint64(0xFFFF_FFFF)


def holders(events: Events, at: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Give the holders of some rows, dtype `HOLDER`, shape of `at`."""
    found = np.zeros(len(at), HOLDER)
    presented = events["presented_cnf"][at]
    found["cnf"] = np.where(presented != 0, presented, events["cnf"][at]) & _LOW_HALF
    for name, column in (("client", "client_id"), ("device", "device_id"), ("agent", "ua_family"), ("address", "ip")):
        found[name] = events[column][at] & _LOW_HALF
    found["asn"] = np.maximum(events["asn"][at], 0)
    found["country"] = events["country"][at]
    found["server"] = events["ip_role"][at] == code(IpRole.SERVER)
    return found


@inner
def _equal(one: int, other: int) -> bool:
    """Both known and the same: nulls are never equal."""
    return one != 0 and one == other


@inner
def _differ(one: int, other: int) -> bool:
    """Both known and not the same: nulls never contradict."""
    return min(one, other) != 0 and one != other


@inner
def compare(first: Record, seen: Record) -> int:
    """Compare two holders: `SAME`, `UNKNOWN` or `OTHER`.

    A key that both proved to possess decides. Else they are the same when nothing contradicts (client, country,
    device), network or device is known to be equal, and device or user agent is known to be equal. They are unknown
    when no more than the network could be compared, and that does not contradict.
    """
    if first.cnf != 0 and seen.cnf != 0:
        return SAME if first.cnf == seen.cnf else OTHER
    if _differ(first.client, seen.client) or _differ(first.device, seen.device):
        return OTHER
    if first.server or seen.server:
        own = first.server and seen.server and _equal(first.client, seen.client)
        return SAME if own or _equal(first.device, seen.device) else UNKNOWN
    return _compare_places(first, seen)


@inner
def _compare_places(first: Record, seen: Record) -> int:
    """Compare two holders of one client on addresses of their own."""
    if _differ(first.country, seen.country):
        return OTHER
    near = _equal(first.asn, seen.asn) or _equal(first.address, seen.address)
    if _equal(first.device, seen.device) or (near and _equal(first.agent, seen.agent)):
        return SAME
    if _differ(first.asn, seen.asn) or _differ(first.agent, seen.agent):
        return OTHER
    return OTHER if _differ(first.address, seen.address) and not near else UNKNOWN


@inner
def alike(first: Record, seen: Record) -> bool:
    """Say whether two holders look the same to whoever knows no more than their address, if need be."""
    likeness = compare(first, seen)
    return likeness == SAME or (likeness == UNKNOWN and _equal(first.address, seen.address))


@inner
def confidence_in_other(first: Record, seen: Record) -> int:
    """Say how sure it is that two holders are not the same: by how many known facts differ."""
    if _differ(first.cnf, seen.cnf):
        return SURE
    facts = (
        int(_differ(first.client, seen.client))
        + int(_differ(first.device, seen.device))
        + int(_differ(first.agent, seen.agent))
    )
    if not (first.server or seen.server):
        facts += int(_differ(first.asn, seen.asn)) + int(_differ(first.country, seen.country))
    if facts > 1:
        return SURE
    return LIKELY if facts == 1 else UNSURE


@inner
def keep(target: Record, seen: Record) -> None:
    """Copy a holder."""
    target.client = seen.client
    target.device = seen.device
    target.cnf = seen.cnf
    target.agent = seen.agent
    target.address = seen.address
    target.asn = seen.asn
    target.country = seen.country
    target.server = seen.server
