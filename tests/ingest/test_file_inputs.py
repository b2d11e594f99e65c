"""The file source: every packing gives the same records, damage is named, memory stays bounded."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.files import FileInput, find_inputs
from ingest.lines import lines
from ingest.records import DeadReason, RawRecords
from schemas.fields import MAX_RECORD_BYTES

RECORDS = [b'{"n":%d}' % number for number in range(1_000)]
CONTENT = b"\n".join(RECORDS) + b"\n"
ROOT = Path(__file__).parents[2]


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gzip": gzip.compress,
    "gzip of two members": lambda content: gzip.compress(content[:999]) + gzip.compress(content[999:]),
    "zstd": zstd,
    "zstd of two frames": lambda content: zstd(content[:999]) + zstd(content[999:]),
}


def read(path: Path, rows: int = 300) -> tuple[list[RawRecords], FileInput]:
    (source,) = find_inputs([str(path)])
    return list(source.batches(rows)), source


def values(batches: list[RawRecords]) -> list[bytes | None]:
    return [value for batch in batches for value in batch.values]


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_the_same_records(packing: str, tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(PACKINGS[packing](CONTENT))

    batches, source = read(path)

    assert values(batches) == RECORDS
    assert [len(batch) for batch in batches] == [300, 300, 300, 100]
    assert [int(offset) for batch in batches for offset in batch.offsets] == list(range(1, 1_001))
    assert source.bytes_read == source.bytes_total == path.stat().st_size
    assert source.faults == []


@pytest.mark.parametrize("packing", [name for name in PACKINGS if name != "plain"])
@pytest.mark.parametrize("keep", [0.5, 0.9, 0.999])
def test_a_packed_file_that_ends_early_gives_what_it_has_and_says_where(
    packing: str, keep: float, tmp_path: Path
) -> None:
    noise = [os.urandom(40).hex().encode() for _ in range(5_000)]
    packed = PACKINGS[packing](b"\n".join(noise))
    path = tmp_path / "events"
    path.write_bytes(packed[: int(len(packed) * keep)])

    batches, source = read(path)

    found = values(batches)
    assert found[:-1] == noise[: len(found) - 1]
    (fault,) = source.faults
    assert fault.reason is DeadReason.TRUNCATED_FILE
    assert fault.detail.startswith(str(path))
    assert "at byte" in fault.detail


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_garbage_inside_a_packed_file_is_a_fault(packing: str, tmp_path: Path) -> None:
    packed = bytearray(PACKINGS[packing](os.urandom(100_000).hex().encode()))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = bytes(64)
    path = tmp_path / "events"
    path.write_bytes(packed)

    _, source = read(path)

    assert [fault.reason for fault in source.faults] == [DeadReason.TRUNCATED_FILE]


def test_blank_lines_are_no_records_but_count_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b'\n{"a":1}\r\n\r\n\n{"a":2}')

    (batch,), _ = read(path)

    assert list(batch.values) == [b'{"a":1}\r', b'{"a":2}']
    assert list(batch.offsets) == [2, 5]


def test_an_empty_file_has_no_batches(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.touch()

    assert read(path)[0] == []


def test_folders_are_read_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("b/2.json", "a/z.json", "b/1.json.gz", ".hidden", "c"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"{}")

    inputs = find_inputs([str(tmp_path / "c"), str(tmp_path)])

    names = [str(Path(source.name).relative_to(tmp_path)) for source in inputs]
    assert names == ["c", "a/z.json", "b/1.json.gz", "b/2.json", "c"]
    assert [source.index for source in inputs] == list(range(5))


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_path_without_a_file_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(FileNotFoundError, match=name):
        find_inputs([str(tmp_path / name)])


class TestDocuments:
    def test_records_of_a_document(self, tmp_path: Path) -> None:
        path = tmp_path / "trail.json.gz"
        path.write_bytes(gzip.compress(orjson.dumps({"Records": [{"n": 1}, {"n": 2}]}, option=orjson.OPT_INDENT_2)))

        batches, source = read(path)

        assert values(batches) == [b'{"n":1}', b'{"n":2}']
        assert source.faults == []

    def test_a_document_on_each_line(self, tmp_path: Path) -> None:
        path = tmp_path / "trail.json"
        path.write_bytes(b'{"Records":[{"n":1},{"n":2}]}\n\n{"Records":[]}\n{"n":3}\n{"Records":7}')

        assert values(read(path)[0]) == [b'{"n":1}', b'{"n":2}', b'{"n":3}', b'{"Records":7}']

    def test_a_broken_document_is_a_fault(self, tmp_path: Path) -> None:
        path = tmp_path / "trail.json"
        path.write_bytes(b'{"Records":[{"n":1},{"n":')

        batches, source = read(path)

        assert values(batches) == []
        assert "not JSON" in source.faults[0].detail


class TestStreams:
    def test_standard_input_is_read_to_its_end(self) -> None:
        code = "from ingest.files import find_inputs; print([[*b.values] for b in find_inputs(['-'])[0].batches(2)])"

        done = subprocess.run(
            [sys.executable, "-c", code], input=zstd(b"a\nb\nc"), cwd=ROOT, capture_output=True, check=True
        )

        assert done.stdout.strip() == b"[[b'a', b'b'], [b'c']]"

    def test_a_pipe_can_be_read_only_once(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        writer = threading.Thread(target=path.write_bytes, args=(CONTENT,))
        writer.start()

        batches, source = read(path)
        writer.join()

        assert source.once
        assert values(batches) == RECORDS


class TestFollowing:
    def test_a_file_that_grows_shrinks_and_is_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "events"
        path.write_bytes(b"1\n2")
        found: list[bytes | None] = []
        stop = threading.Event()

        def follow() -> None:
            for batch in FileInput(str(path)).batches(10, stop.is_set):
                found.extend(batch.values)

        def until(*expected: bytes) -> None:
            deadline = time.monotonic() + 30
            while found != list(expected) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert found == list(expected)

        reader = threading.Thread(target=follow)
        reader.start()
        try:
            until(b"1")
            with path.open("ab") as file:
                file.write(b"2\n3\n")
            until(b"1", b"22", b"3")
            path.write_bytes(b"4\n")
            until(b"1", b"22", b"3", b"4")
            path.rename(tmp_path / "events.1")
            time.sleep(0.3)
            path.write_bytes(b"5\n")
            until(b"1", b"22", b"3", b"4", b"5")
        finally:
            stop.set()
            reader.join()


class TestLines:
    @settings(max_examples=200)
    @given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
    def test_cuts_change_nothing(self, content: bytes, cuts: list[int]) -> None:
        edges = [0, *sorted(cuts), len(content)]
        chunks = [content[start:end] for start, end in pairwise(edges)]

        found = [line for group in lines(iter(chunks)) for line in group]

        assert found == [*content.split(b"\n")[:-1], *filter(None, [content.split(b"\n")[-1]])]

    def test_an_endless_line_is_cut_and_the_next_one_read(self) -> None:
        content = io.BytesIO(b"a\n" + b"x" * 5_000_000 + b"\nb\n" + b"y" * 200_000)

        found = [line for group in lines(iter(lambda: content.read(50_000), b"")) for line in group]

        assert found == [b"a", b"x" * (MAX_RECORD_BYTES + 1), b"b", b"y" * (MAX_RECORD_BYTES + 1)]
