"""Detectors on trial: they say what they would say, apart from everything else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from detectors.authentication.failed_auth_burst import FailedAuthBurst
from engines.decoding import Batch
from engines.pipeline import Pipeline
from ingest.decode import Decoded, Decoder
from ingest.privacy import Secrets
from ingest.records import RawRecords
from schemas.fields import format_time, parse_time
from schemas.frame import Events
from schemas.revisions import Revision
from tests.frames import frame

NOON = parse_time("2026-03-02T12:00:00Z")


def burst(tries: int) -> Events:
    failure = {"type": "verify-failure", "reason": "bad-credentials", "sub": "ana", "ip": "203.0.113.7"}
    return frame([{**failure, "event_id": f"e{i}", "time": format_time(NOON + i * 1_000_000)} for i in range(tries)])


def pipeline(*shadow: str) -> Pipeline:
    detectors = {"failed-auth-burst": FailedAuthBurst()}
    return Pipeline(detectors, lateness=timedelta(0), horizon=timedelta(hours=1), shadow=shadow)


def run(chosen: Pipeline, events: Events) -> Iterator[tuple[list[Revision], list[Revision], int]]:
    for piece in np.array_split(np.arange(len(events)), 3):
        part = events.take(piece)
        chosen.take(Batch(RawRecords.of([None] * len(part)), Decoded.of(part), Decoder(Secrets(bytes(32)))))
        changes = chosen.advance({0})
        yield list(changes.revisions), list(changes.shadows), len(changes.incidents) + len(changes.risks)


def test_on_trial_a_detector_says_the_same_but_marked_and_to_nobody() -> None:
    events = burst(30)
    usual = [revision for revisions, _, _ in run(pipeline(), events) for revision in revisions]
    tried = list(run(pipeline("failed-auth-burst"), events))
    shadows = [revision for _, found, _ in tried for revision in found]
    assert usual
    assert all(not revisions and not others for revisions, _, others in tried)
    assert {tuple(shadow.alert.labels) for shadow in shadows} == {("shadow",)}
    assert {shadow.alert.risk for shadow in shadows} == {0}
    same = {"labels": [], "risk": 0}
    assert [s.alert.model_copy(update=same) for s in shadows] == [u.alert.model_copy(update=same) for u in usual]


def test_a_trial_goes_on_after_a_restart_and_can_begin_at_one() -> None:
    events = burst(30)
    whole = [found.body for _, shadows, _ in run(pipeline("failed-auth-burst"), events) for found in shadows]
    before, after = pipeline("failed-auth-burst"), pipeline("failed-auth-burst")
    first = [found.body for _, shadows, _ in run(before, events.take(slice(0, 15))) for found in shadows]
    blobs = {name: bytes(blob() if callable(blob) else blob) for name, blob in before.blobs().items()}
    after.restore_blobs(blobs)
    after._states = before._states
    second = [found.body for _, shadows, _ in run(after, events.take(slice(15, 30))) for found in shadows]
    assert first + second == whole
    pipeline().restore_blobs(blobs)
    begun = pipeline("failed-auth-burst")
    begun.restore_blobs({name: blob for name, blob in blobs.items() if not name.startswith("shadows/")})
