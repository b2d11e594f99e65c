"""Text of some rows as numbers: what is the same text has the same number, and each text is looked at once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.frame import Events


class Coded(NamedTuple):
    """Texts of m rows.

    - `rows`: the position in the batch that each text belongs to, int64; a row with a list has one for each item.
    - `codes`: position of each text in `values`, int64.
    - `values`: the different texts, in order of first appearance.
    """

    rows: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    values: list[str]

    def which(self, holds: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
        """Tell of each text whether something holds, (m,); different texts are asked once each."""
        return np.array([holds(value) for value in self.values], np.bool_)[self.codes]


def coded(events: Events, rows: npt.NDArray[np.int64], field: str) -> Coded:
    """Number the texts of one field, of text or of lists; rows where it is null have none.

    Args:
        events: the batch.
        rows: positions in it, (m,).
        field: one of `schemas.columns.TEXT_FIELDS`.
    """
    texts = events.text.gather(rows, [field])[field].combine_chunks()
    if pa.types.is_list(texts.type):
        rows = rows[pc.list_parent_indices(texts).to_numpy()]
        texts = pc.list_flatten(texts)
    known = texts.is_valid().to_numpy(zero_copy_only=False)
    numbered = texts.drop_null().dictionary_encode()
    return Coded(rows[known], numbered.indices.to_numpy().astype(np.int64), numbered.dictionary.to_pylist())


def word_keys(values: list[str]) -> npt.NDArray[np.uint64]:
    """Give a key for each text, (m,): 64 bits of BLAKE2b, never 0. Not keyed: for words that are no secrets."""
    digests = b"".join(blake2b(value.encode(), digest_size=8).digest() for value in values)
    keys: npt.NDArray[np.uint64] = np.maximum(np.frombuffer(digests, "<u8"), 1).astype(np.uint64)
    return keys


def among(events: Events, rows: npt.NDArray[np.int64], field: str, values: Collection[str]) -> npt.NDArray[np.bool_]:
    """Tell of each of some rows whether its text, or an item of its list, is one of `values`, (m,)."""
    if not (values and len(rows)):
        return np.zeros(len(rows), np.bool_)
    texts = coded(events, rows, field)
    return np.isin(rows, texts.rows[texts.which(lambda value: value in values)])


def named(events: Events, rows: npt.NDArray[np.int64], principals: Collection[str]) -> npt.NDArray[np.bool_]:
    """Tell of each row whether its subject, or its client where it has none, is one of some principals, (m,)."""
    nobody = events["sub"][rows] == 0
    clients: npt.NDArray[np.bool_] = nobody & among(events, rows, "client_id", principals)
    return clients | among(events, rows, "sub", principals)
