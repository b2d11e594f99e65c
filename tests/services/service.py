"""A service that tests use, may take away and give back at the same address."""

import socket
import time
from collections.abc import Callable
from typing import Protocol

ANSWER_SECONDS = 60.0


class ServiceMissingError(RuntimeError):
    """There is no way to get a service here; the message says what to install."""


class ServiceNotAnsweringError(RuntimeError):
    """A service was started and does not answer; the message carries the end of its log."""


class ServiceNotOursError(RuntimeError):
    """A test wants to stop a service that somebody else runs."""


class Runner(Protocol):
    """What carries a service: a process, a container, or somebody else."""

    def start(self) -> None:
        """Start it, with the data it had; do not wait for it to answer."""

    def stop(self) -> None:
        """Ask it to shut down and wait until it has."""

    def kill(self) -> None:
        """End it as a power cut would."""

    def remove(self) -> None:
        """End it for good; its data may go."""

    def alive(self) -> bool:
        """Whether it runs, answering or not."""

    def log(self) -> str:
        """Return the end of what it printed."""


class Elsewhere:
    """A service that an environment variable points to: used, never stopped."""

    def __init__(self, variable: str) -> None:
        self._refusal = f"this test stops and starts the service: unset {variable} to run it on one of its own"

    def start(self) -> None:
        """Leave it as it is."""

    def stop(self) -> None:
        """Refuse."""
        raise ServiceNotOursError(self._refusal)

    def kill(self) -> None:
        """Refuse."""
        raise ServiceNotOursError(self._refusal)

    def remove(self) -> None:
        """Leave it as it is."""

    def alive(self) -> bool:
        """Assume so; only its answer can tell."""
        return True

    def log(self) -> str:
        """Return nothing: the log is elsewhere."""
        return ""


class Service:
    """A service at a fixed address.

    Args:
        address: what a client needs to reach it (Kafka bootstrap, database URL).
        runner: what carries it.
        answers: asks the service; must not raise.
    """

    def __init__(self, address: str, runner: Runner, answers: Callable[[str], bool]) -> None:
        self.address = address
        self._runner = runner
        self._answers = answers

    def start(self) -> None:
        """Start and wait for the answer; raises ServiceNotAnsweringError after ANSWER_SECONDS."""
        self._runner.start()
        deadline = time.monotonic() + ANSWER_SECONDS
        while not self._answers(self.address):
            if time.monotonic() > deadline or not self._runner.alive():
                message = f"{self.address} does not answer:\n{self._runner.log()}"
                self._runner.remove()
                raise ServiceNotAnsweringError(message)
            time.sleep(0.1)

    def stop(self) -> None:
        """Shut down in good order."""
        self._runner.stop()

    def kill(self) -> None:
        """End with SIGKILL."""
        self._runner.kill()

    def restart(self) -> None:
        """Stop, then start."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """End for good."""
        self._runner.remove()


def free_ports(count: int) -> list[int]:
    """Return `count` different loopback ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()
