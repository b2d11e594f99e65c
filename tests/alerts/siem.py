"""Checks of SIEM records with code that is not ours, and stored revisions to check."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
import pycef
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from alerts.formats import FORMATS
from alerts.record import fitted
from schemas.alerts import MAX_ALERT_BYTES, Alert
from schemas.revisions import Revision, StoredRevision
from tests.dashboard.alert_samples import NOON


def stored(alert: Alert) -> StoredRevision:
    return StoredRevision(1, alert.alert_id, alert.change, NOON, Revision(alert).body)


def written(alert: Alert, name: str) -> bytes:
    data = fitted(stored(alert), FORMATS[name].encode)
    assert len(data) <= MAX_ALERT_BYTES
    assert not {b"\n", b"\r"} & {data[place : place + 1] for place in range(len(data))}
    return data


@cache
def _detection_finding() -> Draft202012Validator:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.5.0")).get_class_schema("detection_finding", [])
    return Draft202012Validator(schema)


def ocsf(alert: Alert) -> dict[str, Any]:
    """The finding, once the validator has nothing to say against it."""
    finding: dict[str, Any] = orjson.loads(written(alert, "ocsf"))
    assert [error.message for error in _detection_finding().iter_errors(finding)] == []
    return finding


def cef(alert: Alert) -> dict[str, str]:
    """The fields as pycef reads them; it leaves escapes as they are, which are undone here."""
    read = pycef.parse(written(alert, "cef").decode())
    assert read is not None
    return {key: _unescaped(value) for key, value in read.items()}


def _unescaped(text: str) -> str:
    escapes = {"\\": "\\", "=": "=", "r": "\r", "n": "\n", "|": "|"}
    parts = iter(text)
    return "".join(escapes[next(parts)] if char == "\\" else char for char in parts)
