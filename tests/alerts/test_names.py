"""The directory of names comes back whole from a checkpoint, whatever it is written in."""

from alerts.names import SLICE, Names
from tests.frames import frame


def test_names_come_back_in_the_order_in_which_they_were_learnt() -> None:
    someone = {"type": "key-use", "time": "2026-03-02T00:00:00Z", "iss": "https://id.acme"}
    events = frame([{**someone, "event_id": f"{n:05}", "sub": f"u-{n}"} for n in range(SLICE + 9)])
    names = Names(capacity=SLICE + 5)
    names.learn(events)
    restored = Names(capacity=SLICE + 5)
    restored.load(names.dump()())
    known = [names.get(key) for key in events["principal"].tolist()]
    assert known[:4] == [None] * 4
    assert known[-1] == (f"u-{SLICE + 8}", None, "https://id.acme")
    assert [restored.get(key) for key in events["principal"].tolist()] == known
    assert restored.dump()() == names.dump()()


def test_issuers_are_named_by_themselves_or_their_tenant() -> None:
    someone = {"type": "key-use", "time": "2026-03-02T00:00:00Z"}
    events = frame([someone | {"iss": "https://id.acme"}, someone | {"tenant": "acme"}, someone])
    names = Names()
    names.learn(events)
    assert [names.get(key) for key in events["issuer_key"].tolist()] == [
        ("https://id.acme", None, "https://id.acme"),
        ("acme", "acme", None),
        ("unnamed", None, None),
    ]
