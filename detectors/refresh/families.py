"""Families: token chains, families in two hands, and clients whose tokens turn out not to be single-use."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.holders import HOLDER, alike, keep
from detectors.kernels import Record, inner
from detectors.tables import NO_SLOT, Table, TableView, lookup, upsert

DEEPEST: Final = 100
"""Generations that are counted behind a spent token."""
FAMILIES_TO_LEARN: Final = 8
"""Families of a client that are remembered while it is learned whether its tokens are single-use."""


def tokens_table(ttl: int) -> Table:
    """Give the table of spent tokens, key: token.

    - `family`: what alerts are about. `child`: the token minted for it. `event`, `redeemed`: of its first redemption;
      `redeemed` is `time`, 0 while it was not redeemed. `holder`: who did. `retries`: presentations since.
    """
    fields = [("family", np.uint64), ("child", np.uint64), ("event", np.uint64), ("redeemed", np.int64)]
    return Table([*fields, ("retries", np.uint8), ("holder", HOLDER)], ttl=ttl)


def shared_table(ttl: int) -> Table:
    """Give the table of families seen in two hands, key: family: both holders, and who was active since."""
    active = [("first_active", np.bool_), ("second_active", np.bool_), ("told", np.bool_), ("since", np.int64)]
    return Table([*active, ("first", HOLDER), ("second", HOLDER)], ttl=ttl)


def clients_table(ttl: int) -> Table:
    """Give the table of clients, key: client: families whose spent tokens the server took again.

    `rotates`: a redemption named the token minted in its place. `enforced`: the server refused a spent token.
    """
    fields = [("families", np.uint64, (FAMILIES_TO_LEARN,)), ("known", np.int32), ("enforced", np.bool_)]
    return Table([*fields, ("reusable", np.bool_), ("rotates", np.bool_)], ttl=ttl)


@inner
def spend(tokens: TableView, slot: int, seen: Record, family: np.uint64) -> None:
    """Note the first redemption of a token, and under an unknown family who its child belongs to."""
    row = tokens.rows[slot]
    row.family = family
    row.child = seen.child
    row.event = seen.event
    row.redeemed = seen.time
    row.retries = 0
    keep(row.holder, seen.holder)


@inner
def adopt(tokens: TableView, seen: Record, family: np.uint64) -> None:
    """Remember the family of a new token that no event will name."""
    if seen.family == 0 and seen.child != 0:
        slot = upsert(tokens, seen.child, seen.now)
        if tokens.rows[slot].family == 0:
            tokens.rows[slot].family = family


@inner
def generations(tokens: TableView, seen: Record) -> int:
    """Count the redemptions along a token's line before this presentation, its own included; at most `DEEPEST`."""
    depth = 0
    slot = lookup(tokens, seen.token, seen.now)
    while slot != NO_SLOT and depth < DEEPEST:
        row = tokens.rows[slot]
        if row.redeemed == 0 or row.redeemed > seen.time:
            break
        depth += 1
        slot = lookup(tokens, row.child, seen.now) if row.child != 0 else NO_SLOT
    return depth


@inner
def split(shared: TableView, family: np.uint64, first: Record, seen: Record) -> None:
    """Note that a family is in two hands, and whose; the first such pair stays."""
    slot = upsert(shared, family, seen.now)
    row = shared.rows[slot]
    if row.since == 0:
        row.since = seen.time
        keep(row.first, first)
        keep(row.second, seen.holder)


@inner
def both_active(shared: TableView, family: np.uint64, seen: Record) -> int:
    """Note who goes on in a shared family; give the slot of the family when both do for the first time."""
    slot = lookup(shared, family, seen.now)
    if slot == NO_SLOT or seen.refused:
        return NO_SLOT
    row = shared.rows[slot]
    if alike(row.first, seen.holder):
        row.first_active = True
    elif alike(row.second, seen.holder):
        row.second_active = True
    shared.dirty[slot] = True
    if row.told or not (row.first_active and row.second_active):
        return NO_SLOT
    row.told = True
    return slot


@inner
def taken_again(clients: TableView, client: np.uint64, family: np.uint64, now: int, enough: int) -> bool:
    """Note that a client's server took a spent token again from the same hands; say whether that settles it."""
    slot = upsert(clients, client, now)
    row = clients.rows[slot]
    if row.enforced or row.reusable:
        return False
    for at in range(row.known):
        if row.families[at] == family:
            return False
    row.families[row.known] = family
    row.known += 1
    row.reusable = row.known >= enough
    return bool(row.reusable)


@inner
def enforce(clients: TableView, client: np.uint64, now: int) -> None:
    """Note that a client's server refuses spent tokens: what was learned to the contrary was wrong."""
    slot = upsert(clients, client, now)
    clients.rows[slot].enforced = True
    clients.rows[slot].reusable = False


@inner
def rotate(clients: TableView, client: np.uint64, now: int) -> None:
    """Note that a client's redeemed tokens are replaced by others."""
    slot = lookup(clients, client, now)
    if slot == NO_SLOT or not clients.rows[slot].rotates:
        clients.rows[upsert(clients, client, now)].rotates = True


@inner
def is_reusable(clients: TableView, client: np.uint64, now: int) -> bool:
    """Say whether a client's tokens were learned not to be single-use, or nothing has ever shown that they are."""
    slot = lookup(clients, client, now)
    if slot == NO_SLOT:
        return True
    row = clients.rows[slot]
    return bool(row.reusable or not (row.rotates or row.enforced))
