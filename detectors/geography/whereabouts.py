"""What is remembered of a user: the latest trusted stays, the places learned, and what they carry.

One row of 200 bytes a user. Every function here takes that row (and a sighting) as a record of the kernel's arrays.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.geography.sightings import DEGREE
from detectors.geography.sphere import great_circle_km
from detectors.kernels import Record, inner
from detectors.tables import Table

STAYS: Final = 3
PLACES: Final = 3
HOLDINGS: Final = 3
MINUTE: Final = 60_000_000
TICK: Final = 2_000_000
LEARNED: Final = 0xFFFF_FFFF
_MOST_TICKS: Final = 43_200
_DAY_MINUTES: Final = 1_440
_NOWHERE: Final = -1

_STAY: Final = np.dtype(
    [
        ("last", np.int64),
        ("event", np.uint64),
        ("ticks", np.uint16),
        ("lat", np.int16),
        ("lon", np.int16),
        ("radius", np.int16),
        ("country", np.int16),
        ("asn", np.uint16),
        ("device", np.uint16),
        ("cnf", np.uint16),
        ("mobile", np.bool_),
    ]
)
"""Sightings of one holder at one trusted place, so close in time that nobody got away in between.

`last`: time of the last one, µs, and `event` its key; `ticks`: how long before that the first was, in 2 s of the clock
and no more than a day, beyond which no record comes late. Free while `event` is 0.
"""
_PLACE: Final = np.dtype(
    [
        ("lat", np.int16),
        ("lon", np.int16),
        ("session", np.uint32),
        ("former", np.uint32),
        ("visited", np.uint32),
    ]
)
"""A place where sessions began: the last two that counted and the last visit, minutes since the epoch.

`session` is `LEARNED` once enough have begun there.
"""


class Rules(NamedTuple):
    """The detector's parameters as its kernel takes them: km, km/h, minutes, counts."""

    min_km: float
    min_kmh: float
    same_place_km: float
    sessions_apart: int
    sessions_within: int
    forget_after: int
    familiar_after: int
    quarantine: int


def subjects_table(ttl: int) -> Table:
    """Give an empty table: subject → stays, places, devices (tag, day first seen modulo 2¹⁶), ASNs, UA families."""
    fields = [
        ("alerted", np.uint32),
        ("stays", _STAY, (STAYS,)),
        ("places", _PLACE, (PLACES,)),
        ("devices", np.uint16, (HOLDINGS,)),
        ("device_days", np.uint16, (HOLDINGS,)),
        ("asns", np.uint16, (HOLDINGS,)),
        ("agents", np.uint16, (HOLDINGS,)),
    ]
    return Table(fields, ttl=ttl)


@inner
def distance_km(a: Record, b: Record) -> float:
    """Give the distance of two records that have `lat` and `lon` in 1/100 degree."""
    if a.lat == b.lat and a.lon == b.lon:
        return 0.0
    return great_circle_km(a.lat / DEGREE, a.lon / DEGREE, b.lat / DEGREE, b.lon / DEGREE)


@inner
def elapsed(stay: Record, time: int) -> int:
    """Give the µs from `time` to the nearest sighting of a stay; negative where the stay is later.

    Within a stay the nearest sighting is not known, but it is too near to have come from elsewhere: 0.
    """
    first = _first_tick(stay) * TICK
    if time >= stay.last:
        return int(time - stay.last)
    return int(time - first) if time < first else 0


@inner
def known(tags: npt.NDArray[np.uint16], tag: np.uint16) -> bool:
    """Tell whether a tag is among those a user had before. Null is not."""
    return tag != 0 and bool(tags[0] == tag or tags[1] == tag or tags[2] == tag)


@inner
def familiar(row: Record, device: np.uint16, time: int, rules: Rules) -> bool:
    """Tell whether a device was first seen `familiar_after` minutes or longer before `time`."""
    today = time // (MINUTE * _DAY_MINUTES)
    for at in range(HOLDINGS):
        if device != 0 and row.devices[at] == device:
            age = (today - np.int64(row.device_days[at])) & 0xFFFF
            return bool(age * _DAY_MINUTES >= rules.familiar_after)
    return False


@inner
def learned(row: Record, where: Record, minute: int, rules: Rules) -> bool:
    """Tell whether a stay or sighting is at a place the user has learned and not forgotten."""
    at = _place_of(row, where, minute, rules)
    return at != _NOWHERE and row.places[at].session == LEARNED


@inner
def carry(row: Record, seen: Record) -> None:
    """Remember device, ASN and UA family of a sighting, each list with the latest first."""
    today = np.uint16((seen.time // (MINUTE * _DAY_MINUTES)) & 0xFFFF)
    if seen.device != 0 and row.devices[0] != seen.device:
        at = _position(row.devices, seen.device)
        day = row.device_days[at] if row.devices[at] == seen.device else today
        _to_front(row.devices, at, seen.device)
        _to_front(row.device_days, at, day)
    if seen.asn != 0 and row.asns[0] != seen.asn:
        _to_front(row.asns, _position(row.asns, seen.asn), seen.asn)
    if seen.agent != 0 and row.agents[0] != seen.agent:
        _to_front(row.agents, _position(row.agents, seen.agent), seen.agent)


@inner
def stay_on(row: Record, seen: Record, rules: Rules) -> bool:
    """Lengthen the stay that a sighting belongs to; say whether there is one."""
    gap = 2 * _escape(rules)
    for at in range(STAYS):
        stay = row.stays[at]
        if stay.event != 0 and _same_holder(stay, seen) and abs(elapsed(stay, seen.time)) <= gap:
            first = min(_first_tick(stay), seen.time // TICK)
            if seen.time >= stay.last:
                stay.last = seen.time
                stay.event = seen.event
            stay.ticks = np.uint16(min(stay.last // TICK - first, _MOST_TICKS))
            return True
    return False


@inner
def arrive(row: Record, seen: Record) -> None:
    """Begin a stay; of more than `STAYS`, the one that ended first is forgotten."""
    oldest = 0
    for at in range(STAYS):
        if row.stays[at].event == 0 or row.stays[at].last < row.stays[oldest].last:
            oldest = at
        if row.stays[oldest].event == 0:
            break
    stay = row.stays[oldest]
    if stay.event != 0 and stay.last > seen.time:
        return
    stay.last, stay.event, stay.ticks = seen.time, seen.event, np.uint16(0)
    stay.lat, stay.lon, stay.radius, stay.country = seen.lat, seen.lon, seen.radius, seen.country
    stay.asn, stay.device, stay.cnf, stay.mobile = seen.asn, seen.device, seen.cnf, seen.mobile


@inner
def trusted(row: Record, seen: Record, rules: Rules) -> bool:
    """Tell whether others may be compared with a sighting: a session's start, a learned place, or at a stay's."""
    if seen.start or learned(row, seen, seen.time // MINUTE, rules):
        return True
    for at in range(STAYS):
        if row.stays[at].event != 0 and distance_km(row.stays[at], seen) <= rules.same_place_km:
            return True
    return False


@inner
def visit(row: Record, seen: Record, rules: Rules) -> None:
    """Note a visit; sessions that begin at one place, apart from each other and outside open alerts, teach it."""
    minute = seen.time // MINUTE
    at = _place_of(row, seen, minute, rules)
    if at == _NOWHERE:
        at = _settle(row, seen, minute, rules) if seen.start else _NOWHERE
        if at == _NOWHERE:
            return
    place = row.places[at]
    place.visited = np.uint32(max(np.int64(place.visited), minute))
    quiet = row.alerted == 0 or seen.now // MINUTE - np.int64(row.alerted) >= rules.quarantine
    if seen.start and quiet and place.session != LEARNED:
        _count_session(place, minute, rules)


@inner
def distrust(row: Record, now: int, rules: Rules) -> None:
    """Note an alert: the sessions it overlaps teach no place."""
    minute = now // MINUTE
    row.alerted = np.uint32(minute)
    for at in range(PLACES):
        if minute - np.int64(row.places[at].session) < rules.quarantine and row.places[at].session != LEARNED:
            row.places[at].session = row.places[at].former = np.uint32(0)


@inner
def _first_tick(stay: Record) -> int:
    return int(stay.last // TICK - np.int64(stay.ticks))


@inner
def _escape(rules: Rules) -> int:
    """Give the µs somebody needs to get `min_km` away at `min_kmh`."""
    return int(rules.min_km / rules.min_kmh * 60 * MINUTE)


@inner
def _same_holder(stay: Record, seen: Record) -> bool:
    return bool(
        stay.lat == seen.lat
        and stay.lon == seen.lon
        and stay.radius == seen.radius
        and stay.device == seen.device
        and stay.asn == seen.asn
        and stay.cnf == seen.cnf
        and stay.country == seen.country
        and stay.mobile == seen.mobile
    )


@inner
def _place_of(row: Record, where: Record, minute: int, rules: Rules) -> int:
    for at in range(PLACES):
        place = row.places[at]
        remembered = place.visited != 0 and minute - np.int64(place.visited) <= rules.forget_after
        if remembered and distance_km(place, where) <= rules.same_place_km:
            return at
    return _NOWHERE


@inner
def _settle(row: Record, seen: Record, minute: int, rules: Rules) -> int:
    """Take a slot for a new place: a free or forgotten one, else the longest unvisited that is not learned."""
    chosen = _NOWHERE
    for at in range(PLACES):
        place = row.places[at]
        if minute - np.int64(place.visited) > rules.forget_after:
            chosen = at
            break
        if place.session != LEARNED and (chosen == _NOWHERE or place.visited < row.places[chosen].visited):
            chosen = at
    if chosen != _NOWHERE:
        place = row.places[chosen]
        place.lat, place.lon = seen.lat, seen.lon
        place.session = place.former = place.visited = np.uint32(0)
    return chosen


@inner
def _count_session(place: Record, minute: int, rules: Rules) -> None:
    if minute - np.int64(place.session) < rules.sessions_apart:
        return
    enough = place.former != 0 and minute - np.int64(place.former) <= rules.sessions_within
    place.former = place.session
    place.session = np.uint32(LEARNED if enough else minute)


@inner
def _position(tags: npt.NDArray[np.uint16], tag: np.uint16) -> int:
    for at in range(HOLDINGS - 1):
        if tags[at] == tag:
            return at
    return HOLDINGS - 1


@inner
def _to_front(values: npt.NDArray[np.uint16], at: int, value: np.uint16) -> None:
    for i in range(at, 0, -1):
        values[i] = values[i - 1]
    values[0] = value
