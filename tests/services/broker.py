"""A Kafka broker for tests: given, as a container, or as a Java process of our own."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.services.daemon import Daemon
from tests.services.docker_engine import Container, docker_answers
from tests.services.service import Elsewhere, Service, ServiceMissingError, free_ports

VARIABLE = "TOKENTRAIL_TEST_KAFKA"
IMAGE = "apache/kafka:4.1.1"
# 16 bytes in base64. A drawn one begins with "-" now and then, which the command takes for an option.
CLUSTER_ID = "dG9rZW50cmFpbC10ZXN0cw"
JARS = Path(__file__).resolve().parents[2] / ".tools" / "kafka"

# One node that is broker and controller; nothing waits for partners that a single node has not.
SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    # A killed broker may register again only when its former session has run out.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}
QUIET = "-Dlog4j2.level=WARN"
QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", QUIET)
"""Small and quick to start."""
SERVING = (
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-Xmx1g",
    QUIET,
)
"""What Kafka's own start script chooses."""


def kafka_service(directory: Path, java: tuple[str, ...] = QUICK) -> Service:
    """Return the broker of this machine, not yet started; raises ServiceMissingError.

    Order: the bootstrap address in TOKENTRAIL_TEST_KAFKA, a container where Docker answers, Apache
    Kafka's jars under `.tools/kafka` with these options of Java, with its data in `directory`.
    """
    if given := os.environ.get(VARIABLE):
        return Service(given, Elsewhere(VARIABLE), _answers)
    port, controller = free_ports(2)
    bootstrap = f"127.0.0.1:{port}"
    if docker_answers():
        return Service(bootstrap, _container(port, bootstrap), _answers)
    if JARS.is_dir() and shutil.which("java"):
        return Service(bootstrap, _process(directory, port, controller, java), _answers)
    message = (
        f"no Kafka broker for the tests: set {VARIABLE}=host:port, or start Docker, or install Java 17 and Maven "
        "(Debian: apt install default-jre-headless maven) and run `make services`"
    )
    raise ServiceMissingError(message)


def _answers(bootstrap: str) -> bool:
    # A refused connection is the usual answer of a starting broker, and cheap to ask for.
    host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
        with KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=2_000) as admin:
            admin.list_topics()
    except (OSError, KafkaError):
        return False
    return True


def _container(port: int, bootstrap: str) -> Container:
    settings = {
        **SINGLE_NODE,
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://{bootstrap}",
        "controller.quorum.voters": "1@localhost:9093",
    }
    env = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}
    return Container(IMAGE, inner_port=9092, port=port, env=env)


def _process(directory: Path, port: int, controller: int, options: tuple[str, ...]) -> Daemon:
    properties = directory / "server.properties"
    settings = {
        **SINGLE_NODE,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": str(directory / "data"),
    }
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    # `-cp` takes the directory of jars.
    java = ["java", *options, "-cp", f"{JARS}/*"]
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)],
        check=True,
        capture_output=True,
        text=True,
    )
    return Daemon([*java, "kafka.Kafka", str(properties)], log=directory / "broker.log")
