"""Services that run as a process on this machine."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class Daemon:
    """One foreground process, its log in a file.

    It ends with the test run even when that is killed: where `setpriv` exists (Linux), the kernel
    sees to it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        tied = [setpriv, "--pdeathsig", "KILL", "--"] if (setpriv := shutil.which("setpriv")) else []
        self._command = [*tied, *command]
        self._log = log
        self._stop_signal = stop_signal
        self._user = user
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process in the directory of its log."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self._user,
                env=self._env,
                cwd=self._log.parent,
                start_new_session=True,
            )

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Send the stop signal and wait; kill what has not ended after 30 s."""
        if self._process is None:
            return
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Send SIGKILL and wait."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def remove(self) -> None:
        """Stop; the data belong to whoever chose the directory."""
        self.stop()

    def log(self) -> str:
        """Return the end of the log."""
        return self._log.read_text(errors="replace")[-3000:]
