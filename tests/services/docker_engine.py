"""Services that run as a container, where a Docker engine answers."""

from functools import cache

import docker
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer


@cache
def docker_answers() -> bool:
    """Whether an engine answers here; a `docker` program alone proves nothing."""
    try:
        client = docker.from_env(timeout=5)
    except DockerException:
        return False
    client.close()
    # from_env asks the engine for its version, so getting here is the answer.
    return True


class Container:
    """One container on a fixed loopback port, so that it comes back at the same address."""

    def __init__(self, image: str, *, inner_port: int, port: int, env: dict[str, str]) -> None:
        self._container = DockerContainer(image).with_envs(**env).with_bind_ports(inner_port, port)
        self._created = False

    def start(self) -> None:
        """Create the container, or start the stopped one with the data it had."""
        if self._created:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._created = True

    def alive(self) -> bool:
        """Whether the container runs."""
        self._container.reload()
        return self._container.status == "running"

    def stop(self) -> None:
        """Ask the container to shut down; its data stay."""
        self._container.get_wrapped_container().stop(timeout=30)

    def kill(self) -> None:
        """End the container's processes with SIGKILL; its data stay."""
        self._container.get_wrapped_container().kill()

    def remove(self) -> None:
        """Remove the container and its data."""
        if self._created:
            self._container.stop()

    def log(self) -> str:
        """Return the end of what the container printed."""
        return "\n".join(part.decode(errors="replace")[-2000:] for part in self._container.get_logs())
