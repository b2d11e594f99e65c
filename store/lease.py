"""Leadership: one row with an epoch. Whoever holds the epoch writes; a frozen leader that wakes up does not."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, update

from schemas.fields import micros
from store.engine import Database, clock
from store.errors import LeadershipLostError
from store.models import LEASE


class Lease:
    """One worker's claim to lead.

    Args:
        database: the store, migrated.
        holder: id of this worker process, different from every other's.
        ttl: how long a silent leader keeps the lease, by the database's clock.
    """

    def __init__(self, database: Database, holder: str, ttl: timedelta) -> None:
        self._database = database
        self._holder = holder
        self._ttl = micros(ttl)

    def acquire(self) -> int | None:
        """Take the lease if it is free or expired; give the new epoch, or None while another leads."""
        free = LEASE.c.expires_at <= clock()
        taken = (
            update(LEASE)
            .where(free)
            .values(holder=self._holder, epoch=LEASE.c.epoch + 1, expires_at=clock() + self._ttl)
            .returning(LEASE.c.epoch)
        )
        with self._database.write() as connection:
            return connection.execute(taken).scalar_one_or_none()

    def renew(self, epoch: int) -> None:
        """Hold on for another `ttl`. Also after expiry, as long as nobody else came.

        Raises:
            LeadershipLostError: another worker has taken over.
        """
        self._set_expiry(epoch, clock() + self._ttl)

    def release(self, epoch: int) -> None:
        """Let a standby take over at once.

        Raises:
            LeadershipLostError: another worker has already taken over.
        """
        self._set_expiry(epoch, 0)

    def _set_expiry(self, epoch: int, expires_at: object) -> None:
        mine = update(LEASE).where(LEASE.c.epoch == epoch).values(expires_at=expires_at)
        # A renewal that a power failure undoes ends the lease sooner; only an epoch must never be given twice.
        with self._database.write(durable=False) as connection:
            if connection.execute(mine).rowcount != 1:
                raise _lost(epoch)


def guard(connection: Connection, epoch: int) -> None:
    """Begin a leader's transaction: lock the lease row until its end, so that nobody can take over within it.

    Raises:
        LeadershipLostError: the epoch is over.
    """
    mine = update(LEASE).where(LEASE.c.epoch == epoch).values(epoch=epoch)
    if connection.execute(mine).rowcount != 1:
        raise _lost(epoch)


def _lost(epoch: int) -> LeadershipLostError:
    return LeadershipLostError(f"another worker leads, epoch {epoch} is over", place="lease")
