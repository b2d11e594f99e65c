"""Every store test runs on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.alerts import Alert, Attack, Change, Entity, EpisodeState, Evidence, Revoke
from schemas.fields import format_time
from schemas.revisions import Revision
from schemas.vocabulary import EntityRole, EntityType
from store.engine import Database, connect
from store.lease import Lease
from store.migrate import migrate

T0 = 1_750_000_000_000_000
SECOND = 1_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    database = connect(store_url)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def epoch(database: Database) -> int:
    taken = Lease(database, "worker-1", timedelta(seconds=30)).acquire()
    assert taken is not None
    return taken


@pytest.fixture
def make_revision() -> Callable[..., Revision]:
    def make(
        alert_id: str = "alert-1", revision: int = 1, *, user: str = "ana", at: int = T0, **fields: object
    ) -> Revision:
        values = {
            "time": format_time(at),
            "start": format_time(at),
            "end": format_time(at),
            "alert_id": alert_id,
            "incident_id": f"incident-of-{alert_id}",
            "revision": revision,
            "episode": EpisodeState.OPEN,
            "change": Change.NEW if revision == 1 else Change.COUNT,
            "detector": "refresh-reuse",
            "detector_version": 1,
            "class": "reuse",
            "title": "Refresh token used twice",
            "summary": f"{user} used a spent token",
            "severity": "high",
            "confidence": "high",
            "entities": [Entity(type=EntityType.USER, id=user, role=EntityRole.VICTIM)],
            "observed": [],
            "count": revision,
            "evidence": Evidence(event_ids=["e1"], rows=[]),
            "attack": Attack(version="1", techniques=["T1528"], tactics=["credential-access"]),
            "advice": [],
            "revoke": Revoke(flag=True, what="family"),
        }
        return Revision(Alert.model_validate(values | fields))

    return make
