"""What the dashboard asks the worker to do. Commands are done in order; each is answered once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update

from store.engine import Database, clock
from store.lease import guard
from store.models import COMMANDS


class CommandState(StrEnum):
    """Life of a command."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Command:
    """One request. `args` and `result` are JSON objects whose fields belong to the `kind`."""

    command_id: int
    kind: str
    args: Mapping[str, Any]
    state: CommandState
    requested_by: str
    result: Mapping[str, Any] | None


class Commands:
    """The queue between dashboard and worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, kind: str, args: Mapping[str, Any], requested_by: str) -> int:
        """Queue a command and give its id."""
        row = {"kind": kind, "args": dict(args), "state": CommandState.QUEUED.value, "requested_by": requested_by}
        statement = insert(COMMANDS).values(**row, requested_at=clock()).returning(COMMANDS.c.command_id)
        with self._database.write() as connection:
            return int(connection.execute(statement).scalar_one())

    def get(self, command_id: int) -> Command | None:
        """Look one up."""
        return next(iter(self._select(COMMANDS.c.command_id == command_id, limit=1)), None)

    def queued(self, limit: int = 10) -> list[Command]:
        """Give the oldest unanswered commands."""
        return self._select(COMMANDS.c.state == CommandState.QUEUED.value, limit)

    def finish(self, command_id: int, state: CommandState, result: Mapping[str, Any], epoch: int) -> bool:
        """Answer a command; False if it had its answer already.

        Raises:
            LeadershipLostError: another worker leads; nothing was kept.
        """
        open_ = (COMMANDS.c.command_id == command_id) & (COMMANDS.c.state == CommandState.QUEUED.value)
        answer = update(COMMANDS).where(open_).values(state=state.value, result=dict(result), finished_at=clock())
        with self._database.write() as connection:
            guard(connection, epoch)
            return connection.execute(answer).rowcount == 1

    def _select(self, condition: ColumnElement[bool], limit: int) -> list[Command]:
        names = ("command_id", "kind", "args", "state", "requested_by", "result")
        wanted = select(*(COMMANDS.c[name] for name in names)).where(condition)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(COMMANDS.c.command_id).limit(limit)).mappings().all()
        return [Command(**{**row, "state": CommandState(row["state"])}) for row in rows]
