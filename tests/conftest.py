"""Real services for tests. What is missing fails the run and says what to install; nothing skips."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from kafka import KafkaAdminClient
from playwright.sync_api import Browser, sync_playwright

from app import kernel_cache
from store.engine import Database, connect
from store.migrate import migrate
from tests.services.broker import kafka_service
from tests.services.chromium import ARGUMENTS, chromium_path
from tests.services.database import fresh_database, postgres_service
from tests.services.service import Service

kernel_cache.use()


@pytest.fixture(scope="session")
def kafka_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a broker of our own keeps its data (`data/<topic>-<partition>`)."""
    return tmp_path_factory.mktemp("kafka")


@pytest.fixture(scope="session")
def kafka_broker(kafka_folder: Path) -> Iterator[Service]:
    """A running broker; `.address` is its bootstrap. A test that stops it starts it again."""
    service = kafka_service(kafka_folder)
    service.start()
    yield service
    service.remove()


@pytest.fixture(scope="session")
def make_topic(kafka_broker: Service) -> Callable[[int], str]:
    """Create a topic of its own name with that many partitions, and return the name."""

    def create(partitions: int) -> str:
        name = f"test-{uuid.uuid4().hex}"
        # Events of fixed dates are older than any retention: the broker would soon delete them.
        kept = {"retention.ms": "-1"}
        with KafkaAdminClient(bootstrap_servers=kafka_broker.address) as admin:
            admin.create_topics(
                {name: {"num_partitions": partitions, "replication_factor": 1, "configs": kept}},
                wait_for_metadata=True,
            )
        return name

    return create


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Service]:
    """A running PostgreSQL; `.address` is an administrator's URL."""
    # Not pytest's own directory, which it closes to the user that root runs the server as.
    with TemporaryDirectory(prefix="tokentrail-postgres-") as directory:
        service = postgres_service(Path(directory))
        service.start()
        yield service
        service.remove()


@pytest.fixture
def postgres_url(postgres_server: Service) -> Iterator[str]:
    """The SQLAlchemy URL of a fresh, empty database."""
    with fresh_database(postgres_server.address) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    return chromium_path()


# Not for the session: Playwright's loop occupies the thread, where asyncio.run() would then refuse.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A running Chromium; open pages with `browser.new_page()`."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store on SQLite, of this test alone."""
    database = connect(f"sqlite:///{tmp_path / 'store.db'}")
    migrate(database)
    yield database
    database.close()
