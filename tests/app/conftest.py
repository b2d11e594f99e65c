"""The command line as a user meets it: arguments in, streams and an exit code out."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from app.cli import main
from schemas.alerts import Alert
from schemas.revisions import Revision
from store.engine import connect
from store.lease import Lease
from store.migrate import migrate
from store.writer import AlertWriter


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects on stdout, where there is nothing else."""
        return [orjson.loads(line) for line in self.stdout.splitlines()]

    @property
    def text(self) -> str:
        """What stdout shows."""
        return self.stdout.decode()


Tokentrail = Callable[..., Ran]


class _Pipe(io.BytesIO):
    """Bytes that can be read once, as from another command."""

    def seekable(self) -> bool:
        return False


@pytest.fixture
def tokentrail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> Tokentrail:
    """Run `tokentrail …` in an empty folder, 80 columns wide, without a key; `stdin` is given as bytes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for variable in ("TOKENTRAIL_HASH_KEY", "TOKENTRAIL_HASH_KEY_PREVIOUS", "TOKENTRAIL_STORE_URL"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments: object, stdin: bytes = b"", columns: int = 80) -> Ran:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "argv", ["tokentrail", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(_Pipe(stdin))))
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Ran(left.value.code or 0, out, err.decode())  # type: ignore[arg-type]

    return run


@pytest.fixture
def store_alerts(tmp_path: Path) -> Callable[..., Path]:
    """Write alerts into a store the way a worker does; give the settings file that names the store."""

    def fill(*alerts: Alert, shadows: Sequence[Alert] = ()) -> Path:
        url = f"sqlite:///{tmp_path / 'store.db'}"
        database = connect(url)
        migrate(database)
        lease = Lease(database, "worker", timedelta(minutes=1))
        epoch = lease.acquire()
        assert epoch is not None
        apart = [Revision(alert) for alert in shadows]
        AlertWriter(database).commit_revisions([Revision(alert) for alert in alerts], epoch, shadows=apart)
        lease.release(epoch)
        database.close()
        config = tmp_path / "store.toml"
        config.write_text(f'[store]\nurl = "{url}"\n', "utf-8")
        return config

    return fill
