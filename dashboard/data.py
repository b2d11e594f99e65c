"""The pages' way to the store: one connection pool a process, and settings handed over by the server."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from schemas.triage import Sla
from schemas.vocabulary import Severity
from store.audit import AuditLog
from store.engine import Database, connect
from store.events import EventQueries
from store.handover import Handover
from store.handover import handover as handed_over
from store.migrate import require_current
from store.queries import Queries
from store.suppressions import Suppressions
from store.triage import Triage

SECRETS: Final = "tokentrail"
"""Section of Streamlit's secrets in which `dashboard.server` leaves `store` (URL), `demo` (bool), `lake` (path, or
empty) and `sla` (µs by name of the severity)."""


def queries() -> Queries:
    """The query service of the store that this server was started on.

    Raises:
        StoreVersionError: no worker has made the tables yet, or one of another version has.
        StoreUnavailableError: the database does not answer.
    """
    return Queries(_database(st.secrets[SECRETS]["store"]))


def triage() -> Triage:
    """The service for what people do with alerts. Raises as `queries`."""
    return Triage(_database(st.secrets[SECRETS]["store"]))


def suppressions() -> Suppressions:
    """The service for what is hidden. Raises as `queries`."""
    return Suppressions(_database(st.secrets[SECRETS]["store"]))


def audit() -> AuditLog:
    """What was recorded of people's doings. Raises as `queries`."""
    return AuditLog(_database(st.secrets[SECRETS]["store"]))


def events() -> EventQueries | None:
    """The query service of the event lake; None where this server was started without one."""
    lake = st.secrets[SECRETS]["lake"]
    return _events(st.secrets[SECRETS]["store"], lake) if lake else None


def sla() -> Sla:
    """In which time somebody must have taken an alert."""
    return {Severity[name]: span for name, span in st.secrets[SECRETS]["sla"].items()}


def handover(span: int) -> Handover:
    """Give the note of a shift that lasted `span` µs until now. Raises as `queries`."""
    return handed_over(_database(st.secrets[SECRETS]["store"]), queries().workers().now - span, sla())


def is_demo() -> bool:
    """Whether the data are made up."""
    return bool(st.secrets[SECRETS]["demo"])


@st.cache_resource
def _database(url: str) -> Database:
    database = connect(url)
    require_current(database)
    return database


@st.cache_resource
def _events(url: str, lake: str) -> EventQueries:
    return EventQueries(_database(url), Path(lake))
