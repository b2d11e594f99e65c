"""What a page says of containment and reach."""

import pytest

from dashboard.views.reach import containment_words, reach_words
from schemas.alerts import BlastRadius, Containment
from schemas.fields import parse_time

LIVE = Containment(state="live", live_until="2026-03-02T10:00:00.000Z")
UNTIL = parse_time("2026-03-02T10:00:00Z")


@pytest.mark.parametrize(
    ("containment", "now", "said"),
    [
        (None, UNTIL, "No token of this is known: nothing was accepted."),
        (Containment(state="live"), UNTIL, "Can be used; nobody said until when."),
        (LIVE, UNTIL - 1, "Can be used until 2026-03-02 10:00:00 UTC."),
        (LIVE, UNTIL, "Expired 2026-03-02 10:00:00 UTC."),
        (LIVE, None, "Can be used until 2026-03-02 10:00:00 UTC."),
        (Containment(state="revoked"), UNTIL, "Revoked, and not accepted since."),
    ],
)
def test_containment(containment: Containment | None, now: int | None, said: str) -> None:
    assert containment_words(containment, now) == said


def test_reach() -> None:
    assert reach_words(None) == ""
    assert reach_words(BlastRadius()) == "Nothing was reached."
    many = BlastRadius(aud=[f"a{n}" for n in range(7)], scopes=["read\u202e"], calls=1)
    assert reach_words(many).startswith("1 call at a0, a1, a2, a3, a4 and 2 more with read")
    assert "\u202e" not in reach_words(many)
