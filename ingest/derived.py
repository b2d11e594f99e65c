"""Columns that no event states: keyed hashes of the ids, and what follows from several fields.

Scopes: ids hash within (tenant, iss); token ids also within their kind, as a `jti` and a vendor's id never join.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.hashing import HashKey, hash_families, hash_spans, hash_strings, string_buffers
from ingest.kernels.addresses import network_ends
from ingest.kernels.siphash import Keys
from ingest.privacy import Secrets
from schemas.columns import COLUMNS, MARKERS
from schemas.fields import Key
from schemas.vocabulary import GrantType, IpRole, SubjectType, code

Columns = dict[str, npt.NDArray[Any]]

TOKEN_FIELDS: Final = frozenset({"token_id", "parent_id", "subject_token_id"})
_KIND_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio
_SERVER, _USER = code(IpRole.SERVER), code(IpRole.USER)
_SERVICE = code(SubjectType.SERVICE)
_CLIENT_CREDENTIALS = code(GrantType.CLIENT_CREDENTIALS)
_IPV6_SITE_BYTES, _IPV6_PREFIX_BYTES = 8, 6


class Deriver:
    """Fills in the derived columns of a batch whose stated columns and text have been read."""

    def __init__(self, secrets: Secrets) -> None:
        self._ids = secrets.column_key("ids")
        self._scopes = secrets.column_key("scopes")
        self._events = (secrets.column_key("events"), secrets.column_key("events again"))
        self._networks = secrets.column_key("networks")

    def derive(self, columns: Columns, text: Mapping[str, pa.Array], n: int) -> None:
        """Add the hashes and derived columns of n rows to `columns`."""
        scope = self._scope(columns, text, n)
        token_scope = scope
        if "token_id_kind" in columns:
            token_scope = scope ^ ((columns["token_id_kind"].astype(np.int64) + 1).astype(np.uint64) * _KIND_SPREAD)
        for name, marker in MARKERS.items():
            if isinstance(marker, Key) and name in text:
                scoped = (token_scope if name in TOKEN_FIELDS else scope) if marker.scoped else None
                columns[name] = hash_strings(text[name], scoped, self._ids)
        columns["event_key"], columns["event_key2"] = (
            hash_strings(text["event_id"], scope, key) for key in self._events
        )
        if "user_agent" in text:
            columns["ua_family"] = hash_families(text["user_agent"], self._networks)
        _principals(columns)
        _services(columns, n)
        _places(columns)
        if "ip" in text:
            self._addresses(columns, text["ip"])

    def keys_of(self, tenant: str | None, iss: str | None, ids: Sequence[str]) -> tuple[int, Keys]:
        """Give `issuer_key` and the `key_id` of some ids, as events of this tenant and issuer have them."""
        text = {"tenant": pa.array([tenant], pa.string()), "iss": pa.array([iss], pa.string())}
        scope = self._scope({}, text, 1)
        return int(scope[0]), hash_strings(pa.array(ids, pa.string()), np.repeat(scope, len(ids)), self._ids)

    def _scope(self, columns: Columns, text: Mapping[str, pa.Array], n: int) -> Keys:
        tenant = np.zeros(n, np.uint64)
        if "tenant" in text:
            tenant = columns["tenant_key"] = hash_strings(text["tenant"], None, self._scopes)
        issuer = hash_strings(text["iss"] if "iss" in text else pa.nulls(n, pa.string()), tenant, self._scopes)
        # No issuer is a scope of its own within the tenant, and must not be null.
        columns["issuer_key"] = np.where(issuer == 0, tenant ^ _KIND_SPREAD, issuer)
        return columns["issuer_key"]

    def _addresses(self, columns: Columns, addresses: pa.Array) -> None:
        """Hash the user's address (IPv6 by its /64) and network (/24, /48); servers have neither."""
        offsets, data = string_buffers(addresses)
        ends = np.empty(len(addresses), np.int32)
        wide = np.empty(len(addresses), np.int32)
        count = network_ends(data, offsets, ends, wide)
        prefix = hash_spans(data, offsets[:-1], ends, self._networks)
        source = columns["ip"].copy()
        rows = wide[:count]
        if count:
            packed = [_packed(text) for text in addresses.take(pa.array(rows)).to_pylist()]
            source[rows] = _hash_heads(packed, _IPV6_SITE_BYTES, self._networks)
            prefix[rows] = _hash_heads(packed, _IPV6_PREFIX_BYTES, self._networks)
        hidden = (columns["ip"] == 0) | _server_rows(columns, len(source))
        columns["source_ip"] = np.where(hidden, np.uint64(0), source)
        columns["prefix"] = np.where(hidden, np.uint64(0), prefix)


def _hash_heads(packed: list[bytes], size: int, key: HashKey) -> Keys:
    return hash_strings(pa.array([address[:size] for address in packed], pa.binary()), None, key)


@lru_cache(maxsize=65_536)
def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])


def _principals(columns: Columns) -> None:
    if "sub" in columns and "login" in columns:
        columns["principal"] = np.where(columns["sub"] != 0, columns["sub"], columns["login"])
    elif "sub" in columns or "login" in columns:
        columns["principal"] = columns["sub"] if "sub" in columns else columns["login"]


def _services(columns: Columns, n: int) -> None:
    """A client that acts for itself is a service, where the source does not say."""
    itself = np.zeros(n, np.bool_)
    if "grant_type" in columns:
        itself |= columns["grant_type"] == _CLIENT_CREDENTIALS
    if "sub" in columns and "client_id" in columns:
        itself |= (columns["sub"] != 0) & (columns["sub"] == columns["client_id"])
    if itself.any():
        stated = columns.get("sub_type", np.full(n, COLUMNS["sub_type"].null, np.int8))
        columns["sub_type"] = np.where(itself & (stated < 0), np.int8(_SERVICE), stated)


def _places(columns: Columns) -> None:
    """Null island is where lookups without a result end up."""
    if "lat" in columns and "lon" in columns:
        nowhere = (columns["lat"] == 0) & (columns["lon"] == 0)
        for name in ("lat", "lon"):
            columns[name] = np.where(nowhere, np.nan, columns[name])


def _server_rows(columns: Columns, n: int) -> npt.NDArray[np.bool_]:
    role = columns.get("ip_role")
    service = columns["sub_type"] == _SERVICE if "sub_type" in columns else np.zeros(n, np.bool_)
    if role is None:
        return service
    return np.asarray((role == _SERVER) | ((role != _USER) & service))
