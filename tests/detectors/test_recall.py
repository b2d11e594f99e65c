"""Notes against a dictionary that forgets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.recall import ADD, ASK, NOTE, NOTE_FIRST, RAISE, RENEW, notes_table, paired, recall
from schemas.columns import NULL_TIME

TTL = 80
RENEWAL = TTL // 8
ASKED = st.tuples(
    st.sampled_from((0, 1, RENEWAL, RENEWAL + 1, TTL, TTL + 1)),
    st.integers(0, 2),
    st.integers(1, 7),
    st.sampled_from((ASK, RENEW, NOTE, NOTE_FIRST, ADD, RAISE)),
)


def slowly(asked: list[tuple[int, int, int, int]]) -> list[tuple[int, int]]:
    """What `recall` should say of (µs since the one before, key, word, mode)."""
    notes: dict[int, tuple[int, int, int]] = {}
    found, now = [], 0
    for gap, key, word, mode in asked:
        now += gap
        at, touched, noted = notes.get(key, (NULL_TIME, NULL_TIME, 0))
        if key == 0 or touched == NULL_TIME or now - touched > TTL:
            at, noted = NULL_TIME, 0
        found.append((at, noted))
        if key == 0 or mode == ASK or (mode == RENEW and at == NULL_TIME):
            continue
        if mode == NOTE or at == NULL_TIME:
            notes[key] = (now, now, word)
        else:
            kept = {ADD: noted | word, RAISE: max(noted, word)}.get(mode, noted)
            notes[key] = (at, now if now - touched > RENEWAL else touched, kept)
    return found


@given(st.lists(ASKED, max_size=30))
def test_notes_are_those_of_a_dictionary_that_forgets(asked: list[tuple[int, int, int, int]]) -> None:
    gaps, keys, words, modes = (
        np.array(column, np.int64) for column in (zip(*asked, strict=True) if asked else [()] * 4)
    )
    at, noted = recall(
        notes_table(1, TTL),
        keys.astype(np.uint64),
        np.cumsum(gaps),
        words.astype(np.uint64)[:, None],
        modes.astype(np.int8),
    )

    assert list(zip(at.tolist(), noted[:, 0].tolist(), strict=True)) == slowly(asked)


def test_a_pair_has_a_key_only_if_both_have_one() -> None:
    one, other = np.array([0, 5, 5, 7], np.uint64), np.array([5, 0, 7, 5], np.uint64)

    first, second, there, back = paired(one, other).tolist()

    assert first == second == 0
    assert 0 not in (there, back)
    assert there != back
