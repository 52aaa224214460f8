"""Recall: where do tonight's suspects stand in the evidence of earlier nights?

The counterpart of the sweep for shards that are not read again. Evidence has every onset with the
hashes of its tokens, and an excerpt of the text around it: so the *hits* of a string in earlier
shards are known exactly. How many documents hold it where nothing changes is not kept; the profile,
which has counted the words of the nights before, says how many there are at most, of strings and of
the decoys that they are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import betaincinv

from tocsin.corpus.batches import DOCUMENT_SCHEMA
from tocsin.correlate.suspects import MINIMUM_DOCUMENTS, ngram_keys
from tocsin.correlate.sweep import OCCURRENCE_SCHEMA, SweepCounts, Sweeper
from tocsin.measure.code_points import code_point_tables
from tocsin.measure.counts import DECODED_COUNTS, bucket_shift, look_up, pair_key
from tocsin.measure.kernels import kernel
from tocsin.measure.onsets import LONGEST_NGRAM
from tocsin.measure.profile import Profile
from tocsin.measure.tokens import tokenize

EARLIER = 1 << 31
"""Added to the numbers of earlier shards, to tell them from tonight's."""

NEVER_REFUTED = 1 << 30
"""Documents with a hit that are told to a Sweeper that shall not refute a suspect."""


UNSURE = 0.01
"""Probability that so many of tonight's holders are hits if the share of hits among all holders is
what is taken for it. A suspect is chosen for its hits: the share of one night flatters it."""


@dataclass(frozen=True)
class Recalled:
    """Where suspects stand in earlier evidence. `documents` (int64 (suspects,)): distinct ones with
    a hit; `codes` (uint8 (suspects,)): of the profile's counts of their first token or two, the
    highest of all nights, 0 where there are none; `rows`: of OCCURRENCE_SCHEMA for the suspects
    that are no decoys."""

    documents: np.ndarray
    codes: np.ndarray
    rows: pa.Table

    def __add__(self, other: Recalled) -> Recalled:
        return Recalled(
            self.documents + other.documents,
            np.maximum(self.codes, other.codes),
            pa.concat_tables([self.rows, other.rows]),
        )

    @classmethod
    def nothing(cls, suspects: int) -> Recalled:
        """Of so many suspects, none stands anywhere."""
        zeros = np.zeros(suspects, np.int64)
        return cls(zeros, zeros.astype(np.uint8), OCCURRENCE_SCHEMA.empty_table())


def recall(
    suspects: np.ndarray, onsets: np.ndarray, excerpts: pa.Table, profile: Profile
) -> Recalled:
    """The suspects' hits in the evidence of earlier nights.

    Args:
      suspects: SUSPECT records, both directions, in ascending order of key.
      onsets: ONSET records of earlier nights.
      excerpts: rows of EXCERPT_SCHEMA for them.
      profile: of tonight; its seed has hashed the tokens of all nights.
    """
    found, hits = _matches(suspects, onsets)
    order = np.lexsort(
        (onsets["offset"][hits], onsets["position"][hits], onsets["shard"][hits], found)
    )
    found, hits = found[order], hits[order]
    if len(found):
        documents = onsets[["shard", "position"]][hits]
        first = np.ones(len(found), np.bool_)
        first[1:] = (found[1:] != found[:-1]) | (documents[1:] != documents[:-1])
        found, hits = found[first], hits[first]
    counted = np.bincount(found, minlength=len(suspects)).astype(np.int64)
    words, pairs = onsets["word_code"][hits], onsets["pair_code"][hits]
    codes = np.zeros(len(suspects), np.uint8)
    alone = suspects["length"][found] == 1
    np.maximum.at(codes, found, np.where(alone, words, np.minimum(words, pairs)))
    forward = suspects["direction"][found] > 0
    rows = _rows(suspects, found[forward], onsets[hits[forward]], excerpts, profile)
    return Recalled(counted, codes, rows)


def _matches(suspects: np.ndarray, onsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a suspect and an onset at which it stands, as two arrays of indices."""
    found, hits = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    kinds = np.unique(suspects[["channel", "direction", "length"]])
    for channel, direction, length in kinds.tolist():
        wanted = np.flatnonzero(
            (suspects["channel"] == channel)
            & (suspects["direction"] == direction)
            & (suspects["length"] == length)
        )
        candidates = np.flatnonzero(
            (onsets["channel"] == channel)
            & (onsets["direction"] == direction)
            & (onsets["tokens"][:, length] != 0)
            & np.isin(onsets["tokens"][:, 1], suspects["first_token"][wanted])
        )
        tokens = np.ascontiguousarray(onsets["tokens"][candidates])
        keys = ngram_keys(tokens, length, np.uint8(channel))
        at = np.searchsorted(suspects["key"][wanted], keys)
        at = np.minimum(at, len(wanted) - 1)
        same = suspects["key"][wanted[at]] == keys
        found.append(wanted[at[same]])
        hits.append(candidates[same])
    return np.concatenate(found), np.concatenate(hits)


def _rows(
    suspects: np.ndarray, found: np.ndarray, hits: np.ndarray, excerpts: pa.Table, profile: Profile
) -> pa.Table:
    """Rows of OCCURRENCE_SCHEMA for suspects (indices `found`) at hits, as far as excerpts have
    them: the excerpts are swept as if they were documents."""
    places = np.empty(excerpts.num_rows, [("shard", "<u4"), ("position", "<i8"), ("offset", "<u4")])
    for name in places.dtype.names or ():
        places[name] = excerpts[name].to_numpy()
    if not (len(places) and len(found)):
        return OCCURRENCE_SCHEMA.empty_table()
    order = np.argsort(places)
    wanted = hits[["shard", "position", "offset"]].astype(places.dtype)
    at = order[np.minimum(np.searchsorted(places[order], wanted), len(places) - 1)]
    known = places[at] == wanted
    pairs = set(zip(suspects["key"][found[known]].tolist(), at[known].tolist()))
    numbers = np.unique(at[known])
    swept = _swept_excerpts(suspects[np.unique(found[known])], numbers, excerpts, profile)
    numbers = swept["position"].to_numpy()
    is_hit = [pair in pairs for pair in zip(swept["suspect"].to_pylist(), numbers.tolist())]
    swept, numbers = swept.filter(pa.array(is_hit, pa.bool_())), numbers[is_hit]
    own = excerpts.take(pa.array(numbers))
    first = own["context_start"]
    columns = {
        **{name: own[name] for name in ("shard", "position", "content_hash")},
        **{name: pc.add(swept[name], first) for name in ("start", "end", "context_start")},
        "hit": pa.array(np.ones(len(numbers), np.bool_)),
    }
    return pa.table(
        [columns.get(field.name, swept[field.name]) for field in OCCURRENCE_SCHEMA],
        schema=OCCURRENCE_SCHEMA,
    )


def _swept_excerpts(
    suspects: np.ndarray, numbers: np.ndarray, excerpts: pa.Table, profile: Profile
) -> pa.Table:
    """Rows of OCCURRENCE_SCHEMA of the excerpts with these numbers, which stand as `position`."""
    suspects = suspects.copy()
    suspects["documents"] = NEVER_REFUTED
    sweeper = Sweeper(suspects, profile)
    sweeper.begin(0)
    taken = excerpts.take(pa.array(numbers))
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(numbers),
            taken["doc_id"].combine_chunks(),
            taken["group"].combine_chunks(),
            taken["context"].combine_chunks(),
        ],
        schema=DOCUMENT_SCHEMA,
    )
    return pa.Table.from_batches([sweeper.sweep(batch)])


def tokens_of(text: bytes, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each token of a text ends (int32), and their exact and folded hashes (uint64)."""
    size = len(text) + 1
    starts, ends = np.empty(size, np.int32), np.empty(size, np.int32)
    exact, folded = np.empty(size, np.uint64), np.empty(size, np.uint64)
    kinds = np.empty(size, np.uint8)
    values = np.frombuffer(text, np.uint8)
    count = tokenize(
        values, 0, len(text), code_point_tables(), np.uint64(seed),
        starts, ends, exact, folded, kinds,
    )  # fmt: skip
    return ends[:count], exact[:count], folded[:count]


def unseen_holders(
    suspects: np.ndarray, swept: SweepCounts, recalled: Recalled, profile: Profile
) -> np.ndarray:
    """How many documents of earlier nights may hold each suspect where nothing changes (int64
    (suspects,)).

    The profile bounds them: a string occurs at most as often as its rarest pair of words, or its
    word; of a decoy only the first two words are known. Where tonight's shards have enough hits of
    their own, the share of hits among tonight's holders says it, too: the lower end of its
    confidence interval (Clopper and Pearson 1934), for a suspect may have become one by its luck
    tonight. The smaller number is taken.

    Args:
      swept: counts of tonight's shards.
      recalled: of all nights.
      profile: of the nights before.
    """
    more = np.zeros(len(suspects), np.int64)
    hits_tonight = suspects["documents"].astype(np.int64) - recalled.documents
    keys, first = np.unique(recalled.rows["suspect"].to_numpy(), return_index=True)
    row_of = dict(zip(keys.tolist(), first.tolist()))
    for index in np.flatnonzero(recalled.documents).tolist():
        hits = int(recalled.documents[index])
        row = row_of.get(int(suspects["key"][index]))
        if suspects["direction"][index] > 0 and row is not None:
            holders = _most_occurrences(_string(recalled.rows, row), profile)
        else:
            holders = float(DECODED_COUNTS[recalled.codes[index]]) / profile.sample_rate
        if hits_tonight[index] >= MINIMUM_DOCUMENTS and len(swept.documents):
            others = int(swept.documents[index]) - int(hits_tonight[index])
            share = float(betaincinv(hits_tonight[index], max(others, 0) + 1, UNSURE))
            holders = min(holders, hits / share)
        more[index] = max(round(holders) - hits, 0)
    return more


def _string(rows: pa.Table, row: int) -> bytes:
    """The suspect's string in a row of OCCURRENCE_SCHEMA."""
    [one] = rows.slice(row, 1).select(["context", "context_start", "start", "end"]).to_pylist()
    begin = one["context_start"]
    context: bytes = one["context"]
    return context[one["start"] - begin : one["end"] - begin]


def _most_occurrences(string: bytes, profile: Profile) -> float:
    """How often a string can have occurred in what the profile has counted."""
    _, _, folded = tokens_of(string, profile.seed)
    found = _least_count(folded[:LONGEST_NGRAM], profile.table.slots)
    return float(DECODED_COUNTS[found]) / profile.sample_rate


@kernel()
def _least_count(folded, slots):
    """Code of the least count of the words (folded hashes) and of the pairs that they make."""
    shift = bucket_shift(slots)
    least = np.uint32(255)
    for index in range(len(folded)):
        least = min(least, look_up(slots, shift, folded[index]))
        if index:
            least = min(least, look_up(slots, shift, pair_key(folded[index - 1], folded[index])))
    return least
