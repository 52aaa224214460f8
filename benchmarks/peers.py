"""What people use today, on the same documents: each in a virtual environment of its own, so that
its pins do not meet ours."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.medians import REPETITIONS
from benchmarks.text import Text

ENVIRONMENTS = Path("build") / "peers"
"""Where `make bench` installs them."""

SCRIPTS = Path(__file__).parent / "peer_scripts"


@dataclass(frozen=True)
class Peer:
    """Attributes:
    name: what is measured, in words.
    package: the distribution, and the folder of its environment.
    work: what its script is asked for.
    text_bytes: of how much text; the slow ones get less.
    target: how many times as fast the whole scan is to be, 0 where there is no such target.
    """

    name: str
    package: str
    work: str
    text_bytes: int
    target: float


PEERS = (
    Peer("datatrove: Gopher quality, repetition, C4", "datatrove", "filters", 600_000, 200),
    Peer("datatrove: MinHash signatures", "datatrove", "minhash", 600_000, 0),
    Peer("dolma: `gopher_v1` tagger", "dolma", "gopher_v1", 1_000_000, 100),
    Peer("dolma: `c4_v1` tagger", "dolma", "c4_v1", 1_000_000, 0),
    Peer("rensa: MinHash", "rensa", "minhash", 6_000_000, 4),
    Peer("datasketch: MinHash in bulk", "datasketch", "minhash", 1_000_000, 0),
)  # fmt: skip


@dataclass(frozen=True)
class PeerSpeed:
    """MB of text a CPU-second of a peer, and its version."""

    name: str
    version: str
    speed: float
    target: float


def run_peers(text: Text, out: Path) -> tuple[PeerSpeed, ...]:
    """Runs all peers on the first documents of every shard."""
    speeds = []
    for peer in PEERS:
        documents = out / f"peer-{peer.text_bytes}.jsonl"
        if not documents.exists():
            _sample(text, documents, peer.text_bytes)
        python = ENVIRONMENTS / peer.package / "bin" / "python"
        script = SCRIPTS / f"with_{peer.package}.py"
        finished = subprocess.run(
            [python, script, peer.work, documents, str(REPETITIONS)],
            stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
        result = json.loads(finished.stdout.splitlines()[-1])
        speed = result["text_bytes"] / 1e6 / result["cpu_seconds"]
        speeds.append(PeerSpeed(peer.name, result["version"], speed, peer.target))
    return tuple(speeds)


def _sample(text: Text, path: Path, text_bytes: int) -> None:
    """Every nth document, so that all sources are there."""
    shards = sorted(text.folders["jsonl"].iterdir())
    lines = b"".join(shard.read_bytes() for shard in shards).splitlines()
    step = max(text.text_bytes // text_bytes, 1)
    records = [orjson.loads(line) for line in lines[::step]]
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
