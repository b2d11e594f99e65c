"""Column hashes: the published algorithm, keyed, scoped, never null by accident."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import orjson
import pyarrow as pa
import pytest

from ingest.decode import Decoded, Decoder
from ingest.hashing import HashKey, hash_families, hash_strings
from ingest.privacy import Secrets
from ingest.records import RawRecords

KEY = HashKey.of(bytes(range(16)))
# The first outputs of the reference implementation's test vectors: SipHash-2-4 of 00 01 02 … under the key 00 … 0f.
VECTORS = {
    0: 0x726FDB47DD0E0E31,
    1: 0x74F839C593DC67FD,
    2: 0x0D6C8009D9A94F5A,
    7: 0xAB0200F58B01D137,
    8: 0x93F5F5799A932462,
    15: 0xA129CA6149BE45E5,
    16: 0x3F2ACC7F57C29BDB,
}


@pytest.mark.parametrize("length", VECTORS)
def test_is_siphash_2_4(length: int) -> None:
    assert int(hash_strings(pa.array([bytes(range(length))]), None, KEY)[0]) == VECTORS[length]


def test_a_scope_is_eight_bytes_before_the_text() -> None:
    scope = np.array([0x0706050403020100], np.uint64)

    scoped = hash_strings(pa.array([bytes(range(8, 16))]), scope, KEY)

    assert scoped == hash_strings(pa.array([bytes(range(16))]), None, KEY)


def test_null_alone_is_zero() -> None:
    hashes = hash_strings(pa.chunked_array([["a", None], [""]]), None, KEY)

    assert list(hashes == 0) == [False, True, False]


def test_a_slice_hashes_as_its_values() -> None:
    array = pa.array(["x", "yy", None, "zzz", "w"])

    assert list(hash_strings(array[1:4], None, KEY)) == list(hash_strings(array, None, KEY)[1:4])


def test_versions_of_one_browser_are_one_family() -> None:
    agents = [
        "Mozilla/5.0 (X11) Chrome/140.0",
        "Mozilla/5.0 (X11) Chrome/141.0.1",
        "Mozilla/5.0 (X11) Firefox/140.0",
        None,
    ]

    one, other, firefox, none = hash_families(pa.array(agents), KEY)

    assert one == other != firefox
    assert none == 0


def decode(*events: Mapping[str, object], key: bytes = b"0123456789abcdef") -> Decoded:
    common = {"event_id": "1", "type": "issue", "time": 1}
    return Decoder(Secrets(key)).decode(RawRecords.of([orjson.dumps({**common, **event}) for event in events]))


class TestColumns:
    def test_ids_are_apart_by_tenant_and_issuer(self) -> None:
        events = decode(
            {"iss": "a", "sub": "x"},
            {"iss": "b", "sub": "x"},
            {"tenant": "t", "iss": "a", "sub": "x"},
            {"iss": "a", "sub": "x"},
        ).events

        assert len(set(events["sub"])) == len(set(events["issuer_key"])) == len(set(events["event_key"])) == 3
        assert events["sub"][0] == events["sub"][3]

    def test_no_issuer_is_a_scope_of_its_own(self) -> None:
        events = decode({"sub": "x"}, {"iss": "a", "sub": "x"}, {"tenant": "t", "sub": "x"}).events

        assert len(set(events["issuer_key"])) == len(set(events["sub"])) == 3
        assert (events["issuer_key"] != 0).all()

    def test_tenant_and_issuer_do_not_run_together(self) -> None:
        events = decode({"tenant": "ab", "iss": "c"}, {"tenant": "a", "iss": "bc"}, {"iss": "abc"}).events

        assert len(set(events["issuer_key"])) == 3

    def test_token_ids_join_within_a_kind_with_their_parents(self) -> None:
        events = decode(
            {"token_id": "r1", "token_id_kind": "jti"},
            {"token_id": "r2", "parent_id": "r1", "token_id_kind": "jti"},
            {"token_id": "r1", "token_id_kind": "vendor"},
            {"token_id": "r1"},
        ).events

        assert events["token_id"][0] == events["parent_id"][1]
        assert len({events["token_id"][row] for row in (0, 2, 3)}) == 3

    def test_the_two_event_keys_are_independent(self) -> None:
        events = decode({}, {"event_id": "2"}).events

        assert len({*events["event_key"], *events["event_key2"]}) == 4

    def test_another_key_gives_other_hashes(self) -> None:
        event = {"iss": "a", "sub": "x", "ip": "10.0.0.1", "user_agent": "curl"}
        one, other = decode(event).events, decode(event, key=b"another key here").events

        for name in ("sub", "ip", "prefix", "ua_family", "event_key", "issuer_key"):
            assert one[name] != other[name]

    def test_networks(self) -> None:
        addresses = ["10.1.2.3", "10.1.2.4", "10.1.3.3", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"]
        events = decode(*({"ip": ip} for ip in addresses)).events
        source, prefix = events["source_ip"], events["prefix"]

        assert len(set(source[:3])) == 3
        assert prefix[0] == prefix[1] != prefix[2]
        assert source[3] == source[4] != source[5]
        assert prefix[3] == prefix[4] == prefix[5] != prefix[0]

    def test_ipv4_mapped_into_ipv6_is_the_ipv4_address(self) -> None:
        events = decode({"ip": "::ffff:10.0.0.1"}, {"ip": "10.0.0.1"}).events

        for name in ("ip", "source_ip", "prefix"):
            assert events[name][0] == events[name][1]

    def test_servers_have_no_source(self) -> None:
        events = decode(
            {"ip": "10.0.0.1", "ip_role": "server"},
            {"ip": "10.0.0.1", "sub_type": "service"},
            {"ip": "10.0.0.1", "sub_type": "service", "ip_role": "user"},
            {"ip": "10.0.0.1", "sub": "app", "client_id": "app"},
            {"ip": "10.0.0.1"},
            {},
        ).events

        assert list(events["source_ip"] != 0) == [False, False, True, False, True, False]
        assert list(events["prefix"] != 0) == list(events["source_ip"] != 0)
        assert list(events["ip"] != 0) == [True] * 5 + [False]

    def test_the_principal_is_the_subject_or_the_login(self) -> None:
        events = decode({"sub": "x", "login": "l"}, {"login": "l"}, {"sub": "-"}).events

        assert list(events["principal"]) == [events["sub"][0], events["login"][1], 0]

    def test_null_island_is_no_place(self) -> None:
        events = decode({"lat": 0, "lon": 0.0}, {"lat": 0, "lon": 9.5}).events

        np.testing.assert_array_equal(events["lat"], [np.nan, 0.0])
        np.testing.assert_array_equal(events["lon"], [np.nan, 9.5])
