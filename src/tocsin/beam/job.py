"""What every worker of a job must know: small, picklable, and the same for all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, BinaryIO, TypeVar, cast

from tocsin.beam import storage
from tocsin.beam.identity import IdentifyingReader, Identity
from tocsin.beam.night import Night
from tocsin.beam.progress import Progress
from tocsin.corpus.batches import FieldNames, Limits, ShardPart
from tocsin.corpus.dead_letters import unreadable_shard
from tocsin.corpus.documents import no_documents
from tocsin.corpus.ranges import RANGE_BYTES, most_ranges
from tocsin.corpus.read import read_shard
from tocsin.corpus.shards import Shard
from tocsin.correlate.known import Known
from tocsin.judge.policy import Policy
from tocsin.ledger.manifest import digest_of, versions
from tocsin.measure.chat_templates import ChatTemplate

_Job = TypeVar("_Job", bound="CorpusJob")


@dataclass(frozen=True)
class CorpusJob:
    """A job that reads a corpus.

    `shards`: what to read, numbered from 0; `skipped`: files below the inputs that are no shards;
    `fields`, `limits`: how to read them; `progress`: where to report to, for local runs;
    `range_bytes`: stored bytes above which a shard is read in ranges.
    """

    shards: tuple[Shard, ...]
    skipped: tuple[str, ...]
    fields: FieldNames
    limits: Limits
    progress: Progress | None
    range_bytes: int = field(default=RANGE_BYTES, kw_only=True)

    def is_large(self, shard: Shard) -> bool:
        """Whether a shard is to be read in ranges, if it can be split."""
        return shard.size > self.range_bytes

    @property
    def stored_bytes(self) -> int:
        """Bytes of all shards, as stored."""
        return sum(shard.size for shard in self.shards)

    def parts(
        self, shard: Shard, stage: str, identified: Callable[[Identity], None] | None = None
    ) -> Iterator[ShardPart]:
        """Reads a shard part by part and reports progress in `stage`. `identified` is told the
        identity of what was read; not if the shard can't be read to its end, and not of a range,
        which carries the shard's."""
        try:
            stream = cast(BinaryIO, storage.PersistentReader(shard.uri))
        except OSError as error:
            letters = unreadable_shard(shard.uri, str(error))
            yield ShardPart(no_documents(), letters, compressed_bytes=0)
            return
        with stream:
            documents = text_bytes = 0
            reader = (
                IdentifyingReader(shard.uri, stream) if identified and not shard.range else None
            )
            source = cast(BinaryIO, reader or stream)
            for part in read_shard(source, shard, self.fields, self.limits):
                yield part
                documents += part.documents.num_rows
                text_bytes += part.documents.column("text").nbytes
                self.report(stage, shard, documents, text_bytes, part.compressed_bytes)
            if reader and identified:
                with contextlib.suppress(OSError):  # the shard has a dead letter that says so
                    identified(reader.identity())
        self.report(stage, shard, documents, text_bytes, done=True)

    def report(
        self,
        stage: str,
        shard: Shard,
        documents: int,
        text_bytes: int,
        stored_bytes: int = 0,
        done: bool = False,
    ) -> None:
        """Says how far the reading of a shard or range has come, if anyone wants to know."""
        if self.progress:
            if done:
                stored_bytes = shard.stored_bytes
            share = shard.range.share if shard.range else 1.0
            self.progress.report(
                stage, self._rows[shard.index] + shard.order[1], documents, text_bytes,
                stored_bytes, share if done else 0.0,
            )  # fmt: skip

    @cached_property
    def _rows(self) -> list[int]:
        """By shard, the first of its rows in the table of progress."""
        rows = [most_ranges(shard, self.range_bytes) for shard in self.shards]
        return list(accumulate(rows, initial=0))

    def watched(self: _Job) -> tuple[_Job, Progress]:
        """The same job with a table of progress, and the table."""
        progress = Progress.create(len(self.shards), self._rows[-1])
        return replace(self, progress=progress), progress


@dataclass(frozen=True)
class ProfileJob(CorpusJob):
    """Learns a profile. `output`: the profile's folder; `sample_rate`: share of the documents,
    chosen by their content, that are counted; `seed`: keys the hashes; None to take one that
    follows from the contents of all documents."""

    output: str
    sample_rate: float
    seed: int | None = None


@dataclass(frozen=True)
class ScanJob(CorpusJob):
    """Scans a corpus.

    `output`: OUT; `profile_uri`: the folder of a profile, or None to learn one first, into
    OUT/profile; `sample_rate`: for that; `partitions`: of the evidence; `policy`: for the verdicts;
    `max_dead_letters`: share of records above which the scan fails, None for any; `runner`: its
    name, for the manifest; `started`: ISO 8601, UTC; `profile_digest`: of the profile given;
    `known`: what is known to be poison; `night`: of a state, None for a scan that stands by
    itself; `templates`: of chats, beside the public ones.
    """

    output: str
    profile_uri: str | None
    sample_rate: float
    partitions: int
    policy: Policy
    max_dead_letters: float | None
    runner: str
    started: str
    profile_digest: str | None
    known: tuple[Known, ...] = ()
    night: Night | None = None
    templates: tuple[ChatTemplate, ...] = ()

    @property
    def counted_bytes(self) -> int:
        """Bytes of the corpus whose shingles are counted: as stored, or of text for what earlier
        nights have read."""
        earlier = self.night.statistics if self.night else ()
        return self.stored_bytes + sum(int(one["text_bytes"]) for one in earlier)

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides on the result beside the input, as JSON types."""
        return {
            "fields": asdict(self.fields),
            "limits": asdict(self.limits),
            "policy": self.policy.describe(),
            "profile": self.profile_digest or "own",
            "sample_rate": self.sample_rate,
            "known": digest_of([asdict(entry) for entry in self.known]),
            "previous": self.night.previous if self.night else None,
            "templates": [asdict(template) for template in self.templates],
        }

    @property
    def scan_id(self) -> str:
        """The same for the same input, profile and configuration; 16 hexadecimal digits."""
        shards = [[shard.uri, shard.size] for shard in self.shards]
        return digest_of([shards, self.configuration, versions()["tocsin"]])[:16]

    @property
    def rolls(self) -> bool:
        """Whether the profile of the nights to come learns from tonight's documents: not where the
        user has given one to the first night."""
        return self.night is not None and (
            self.night.rolls if self.night.profile else self.profile_uri is None
        )

    def path(self, *names: str) -> str:
        """URI of something in OUT."""
        return storage.join(self.output, *names)

    def own_profile(self) -> ProfileJob:
        """The job that learns a profile of the scan's own input."""
        return ProfileJob(
            self.shards, self.skipped, self.fields, self.limits, self.progress,
            self.path("profile"), self.sample_rate, range_bytes=self.range_bytes,
        )  # fmt: skip
