"""Fuzz targets: the readers of shards, and the copies made of what they read."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import numpy as np
import zstandard

from tocsin.corpus.batches import MIB, FieldNames, Limits
from tocsin.corpus.copy import copy_shard
from tocsin.corpus.dead_letters import BrokenShard
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import Shard, numbered_shards

Pack = Callable[[bytes], bytes]


def _shard(name: str, data: bytes) -> Shard:
    [shard] = numbered_shards([(f"corpus/part/{name}", len(data))])
    return shard


def read_whole(data: bytes, name: str, limits: Limits) -> tuple[list[int], list[bytes], int]:
    """Positions and texts of the documents, and the number of dead letters, of a shard; checks
    what every reader promises."""
    positions: list[int] = []
    texts: list[bytes] = []
    bad: list[int] = []
    for part in read_shard(io.BytesIO(data), _shard(name, data), FieldNames(), limits):
        part.documents.validate(full=True)
        part.dead_letters.validate(full=True)
        positions += part.documents["position"].to_pylist()
        texts += part.documents["text"].to_pylist()
        bad += part.dead_letters["position"].to_pylist()
    assert positions == sorted(set(positions)), positions
    assert bad == sorted(bad), bad
    assert not set(positions) & set(bad)
    return positions, texts, len(bad)


def _limits(choice: int) -> Limits:
    """Small ones, so that a short input crosses every border."""
    return Limits(
        max_record_bytes=(64, 512, 128 * MIB)[choice % 3],
        batch_bytes=(16, 300, MIB)[choice // 3 % 3],
        batch_records=(1, 7, 65_536)[choice // 9 % 3],
        bomb_bytes=16 * MIB,
    )


def jsonl(data: bytes) -> None:
    """Every line that is not blank is one record, and nothing else is."""
    limits, data = _limits(data[0] if data else 0), data[1:]
    positions, _, letters = read_whole(data, "x.jsonl", limits)
    content = data.removeprefix(b"\xef\xbb\xbf")
    lines = [line for line in content.split(b"\n") if line.strip(b" \t\r")]
    assert len(positions) + letters == len(lines)


def _compressed(data: bytes, suffix: str, pack: Pack) -> None:
    choice, data = data[0] if data else 0, data[1:]
    if choice & 1:  # damage a stream that begins well
        at, data = (data[0] if data else 0), data[1:]
        packed = bytearray(pack(data) + pack(data[:20]))
        packed[at % len(packed)] ^= choice
        data = bytes(packed)
    read_whole(data, "x.jsonl" + suffix, _limits(choice >> 1))


def jsonl_gzip(data: bytes) -> None:
    """gzip: whole, damaged and not at all."""
    _compressed(data, ".gz", lambda content: gzip.compress(content, 1))


def jsonl_zstd(data: bytes) -> None:
    """Zstandard: whole, damaged and not at all."""
    _compressed(data, ".zst", zstandard.ZstdCompressor(level=1).compress)


def warc(data: bytes) -> None:
    """WARC with its HTTP heads, HTML and encodings."""
    read_whole(data[1:], "x.warc", _limits(data[0] if data else 0))


def wet(data: bytes) -> None:
    """WET."""
    read_whole(data[1:], "x.wet", _limits(data[0] if data else 0))


def parquet(data: bytes) -> None:
    """Parquet; a footer that the file has at its end anyway is not to be found by chance."""
    read_whole(data, "x.parquet", _limits(26))


def copy(data: bytes) -> None:
    """A copy without some documents reads as the rest of them, in any format."""
    choice, data = data[0] if data else 0, data[1:]
    name = ("x.jsonl", "x.warc", "x.parquet", "x.wet")[choice % 4]
    limits = Limits(bomb_bytes=16 * MIB)
    positions, texts, letters = read_whole(data, name, limits)
    dropped = positions[choice // 4 % 3 :: 2]
    kept, removed = io.BytesIO(), io.BytesIO()
    try:
        counts = copy_shard(
            io.BytesIO(data),
            kept,
            _shard(name, data),
            FieldNames(),
            limits,
            np.array(dropped, np.int64),
            removed,
        )
    except BrokenShard:
        assert not positions and not kept.getvalue()
        return
    if name != "x.parquet":  # of which damage in other columns takes documents along
        assert (counts.removed, counts.kept) == (len(dropped), len(positions) - len(dropped))
        assert counts.dead_letters == letters
    if name == "x.jsonl":
        _, again, _ = read_whole(kept.getvalue(), name, limits)
        assert again == [text for at, text in zip(positions, texts) if at not in set(dropped)]
