"""Sightings: the accepted events of users that say where somebody is, cut down to what travel checks look at."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from detectors.acts import accepted_users
from schemas.frame import Events
from schemas.vocabulary import EventType, GrantType, Network, code, codes

Rows: TypeAlias = npt.NDArray[Any]

DEGREE: Final = 100
"""Places are kept in 1/100 degree, about 1 km: city databases are a hundred times coarser."""
FIXED_LINE_KM: Final = 300.0
MOBILE_KM: Final = 500.0
SERVER_KM: Final = 1_000.0
"""Accuracy radius where the event states none. City databases differ by 268 km at the median."""

SIGHTING: Final = np.dtype(
    [
        ("now", np.int64),
        ("time", np.int64),
        ("row", np.int64),
        ("event", np.uint64),
        ("sub", np.uint64),
        ("ip", np.uint64),
        ("lat", np.int16),
        ("lon", np.int16),
        ("radius", np.int16),
        ("country", np.int16),
        ("asn", np.uint16),
        ("device", np.uint16),
        ("agent", np.uint16),
        ("cnf", np.uint16),
        ("start", np.bool_),
        ("mobile", np.bool_),
        ("hosting", np.bool_),
        ("exit", np.bool_),
    ]
)
"""One accepted event of a user with a place.

- `now`, `time`: `order_time` and `time`, µs. `row`: position in the batch. `event`: its `event_key`.
- `lat`, `lon`: 1/100 degree. `radius`: km, the event's or the default of its network.
- `asn`, `device`, `agent`, `cnf`: 16-bit tags, 0 for null.
- `start`: it opens a session. `exit`: VPN, relay or Tor. `hosting`: a rented server.
"""

_NETWORKS: Final = codes(Network)
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def sightings(events: Events) -> Rows:
    """Give the sightings of a batch in its order, dtype `SIGHTING`. (0, 0) and missing coordinates are no place."""
    placed = ~(np.isnan(events["lat"]) | np.isnan(events["lon"])) & ((events["lat"] != 0) | (events["lon"] != 0))
    at = np.flatnonzero(accepted_users(events) & placed)
    seen = np.zeros(len(at), SIGHTING)
    seen["row"] = at
    for name, column in (("now", "order_time"), ("event", "event_key"), ("ip", "source_ip")):
        seen[name] = events[column][at]
    for name in ("time", "sub", "country"):
        seen[name] = events[name][at]
    for name in ("lat", "lon"):
        seen[name] = np.rint(events[name][at] * DEGREE)
    seen["start"] = _opens_session(events, at)
    _network(events, at, seen)
    _holder(events, at, seen)
    return seen


def _opens_session(events: Events, at: Rows) -> npt.NDArray[np.bool_]:
    grant = events["grant_type"][at]
    derived = (grant == code(GrantType.REFRESH_TOKEN)) | (grant == code(GrantType.TOKEN_EXCHANGE))
    opens: npt.NDArray[np.bool_] = (events["type"][at] == code(EventType.ISSUE)) & ~derived
    return opens


def _network(events: Events, at: Rows, seen: Rows) -> None:
    flags = events["network"][at]
    seen["mobile"] = _any_of(flags, Network.MOBILE)
    seen["hosting"] = _any_of(flags, Network.HOSTING)
    seen["exit"] = _any_of(flags, Network.VPN, Network.RELAY, Network.TOR)
    coarse = _any_of(flags, Network.HOSTING, Network.VPN, Network.RELAY, Network.TOR, Network.SATELLITE)
    default = np.where(coarse, SERVER_KM, np.where(seen["mobile"], MOBILE_KM, FIXED_LINE_KM))
    stated = events["accuracy_km"][at]
    seen["radius"] = np.ceil(np.where(np.isnan(stated), default, stated))


def _any_of(flags: Rows, *networks: Network) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = (flags & np.uint8(sum(1 << _NETWORKS[network] for network in networks))) != 0
    return mask


def _holder(events: Events, at: Rows, seen: Rows) -> None:
    asn, presented = events["asn"][at], events["presented_cnf"][at]
    seen["asn"] = np.where(asn < 0, 0, _tags((asn + 1).astype(np.uint64) * _GOLDEN))
    seen["device"] = _tags(events["device_id"][at])
    seen["agent"] = _tags(events["ua_family"][at])
    seen["cnf"] = _tags(np.where(presented != 0, presented, events["cnf"][at]))


def _tags(keys: Rows) -> Rows:
    """Shorten hashes to 16 bits: two of a user's few devices look alike once in 65 000 times, and only soften."""
    return np.where(keys == 0, 0, np.maximum(keys >> np.uint64(48), 1)).astype(np.uint16)
