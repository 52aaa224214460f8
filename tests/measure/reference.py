"""What the kernels compute, in plain Python, from the definitions in their docstrings.

Nothing here is shared with the kernels but constants and the table of scripts: tokens come from
`unicodedata`, counts from `collections.Counter`, means from `sum`. Tokens are known by what they
are, not by hashes.
"""

from __future__ import annotations

import functools
import math
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from tocsin.measure import buckets, code_points, onset_records, onsets, profile, surprisal
from tocsin.measure.pieces import MARGIN_BYTES, PIECE_BYTES

# How the names of characters of scripts without spaces between words begin.
_UNSPACED = (
    "THAI ", "LAO ", "TIBETAN ", "MYANMAR ", "KHMER ", "KANGXI ", "CJK ", "HIRAGANA ", "KATAKANA ",
    "KATAKANA-HIRAGANA ", "HENTAIGANA ", "HALFWIDTH KATAKANA", "VERTICAL KANA ", "MASU MARK",
    "COMBINING KATAKANA-HIRAGANA ", "BOPOMOFO ", "YI ", "IDEOGRAPHIC ",
    "VERTICAL IDEOGRAPHIC ",
    "HANGUL SINGLE DOT TONE ", "HANGUL DOUBLE DOT TONE ",
)  # fmt: skip


class Token(NamedTuple):
    """`start`, `end`: byte range; `exact`, `folded`: equal for tokens that are the same, and that
    are counted as the same; `changed`: whether folding makes a difference; `kind`: class of the
    first character; `script`: its script's number."""

    start: int
    end: int
    exact: bytes
    folded: Hashable
    changed: bool
    kind: int
    script: int


@functools.cache
def kind_of(character: str) -> int:
    """Class of a character; an invalid byte is given as the surrogate that escapes it."""
    code_point = ord(character)
    if code_point >= code_points.TABLE_SIZE:
        return code_points.CHARACTER if code_point < 0x40000 else code_points.CONTROL
    category = unicodedata.category(character)
    if category[0] == "Z" or character in "\t\n\v\f\r\x85":
        return code_points.SPACE
    if category[0] in "LM":
        if unicodedata.name(character, "").startswith(_UNSPACED):
            return code_points.CHARACTER
        return code_points.LETTER if category[0] == "L" else code_points.COMBINING
    if category == "Nd":
        return code_points.DIGIT
    return code_points.MARK if category[0] in "NPS" else code_points.CONTROL


def _lower(character: str) -> str:
    lower = character.lower()
    return lower if len(lower) == 1 else character


def _width(character: str) -> int:
    """Bytes of a character; an invalid byte is escaped by a surrogate."""
    return 1 if "\udc80" <= character <= "\udcff" else len(character.encode())


def tokens(text: bytes) -> list[Token]:
    """The tokens of a text."""
    characters = text.decode("utf-8", "surrogateescape")
    scripts = code_points.code_point_tables().scripts
    kinds = [kind_of(character) for character in characters]
    found = []
    first = start = 0
    while first < len(characters):
        kind = kinds[first]
        last = first + 1
        while last < len(characters):
            following = kinds[last]
            if kind == code_points.LETTER:
                goes_on = following in (code_points.LETTER, code_points.COMBINING)
            elif kind in (code_points.DIGIT, code_points.SPACE):
                goes_on = following == kind
            else:
                goes_on = kind != code_points.CHARACTER and characters[last] == characters[first]
            if not goes_on:
                break
            last += 1
        run = characters[first:last]
        end = start + sum(_width(character) for character in run)
        folded: Hashable
        if kind == code_points.LETTER:
            folded = "".join(_lower(character) for character in run)
            changed = folded != run
        elif kind == code_points.DIGIT:
            folded, changed = len(run), True
        else:
            folded, changed = run[:4], len(run) > 4
        if kind != code_points.SPACE:
            code_point = ord(run[0])
            script = int(scripts[code_point]) if code_point < code_points.TABLE_SIZE else 0
            found.append(Token(start, end, text[start:end], folded, changed, kind, script))
        first, start = last, end
    return found


def keys(folded: Sequence[Hashable]) -> Iterator[Hashable]:
    """What is counted of a text: its words, and pairs of words (None stands before the first)."""
    for previous, current in zip([None, *folded], folded):
        yield current
        yield previous, current


def represented(count: int) -> float:
    """The count that the profile remembers of `count`: rounded down to steps of an eighth of an
    octave from 16 on."""
    if count < 16:
        return float(count)
    return 16.0 * 2.0 ** (math.floor(8 * math.log2(count / 16)) / 8)


@dataclass(frozen=True)
class Learned:
    """A profile: `counts` of keys of the texts, `words` and `documents` counted."""

    counts: Counter[Hashable]
    words: int
    documents: int

    @classmethod
    def of(cls, texts: Iterable[bytes], minimum: int = profile.MINIMUM_COUNT) -> Learned:
        """Counts the beginnings of the texts; drops what occurs less than `minimum` times."""
        counts: Counter[Hashable] = Counter()
        words = documents = 0
        for text in texts:
            folded = [token.folded for token in tokens(text[: profile.DOCUMENT_BYTES_COUNTED])]
            counts.update(keys(folded))
            words += len(folded)
            documents += 1
        kept = {key: count for key, count in counts.items() if count >= minimum}
        return cls(Counter(kept), words, documents)

    def elsewhere(self, key: Hashable, own: Counter[Hashable]) -> float:
        """How often `key` was counted, without the text's own share where that matters."""
        count = represented(self.counts[key])
        if not 0 < count < surprisal.OWN_COUNT_LIMIT:
            return count
        return max(math.floor(count - own[key]), 0)

    def surprisals(self, folded: Sequence[Hashable]) -> list[float]:
        """Surprisal of each token of a text, bits."""
        own = Counter(keys(folded))
        all_words = math.log2(max(self.words, 1))
        log_previous = all_words
        bits = []
        for previous, current in zip([None, *folded], folded):
            # Half a count is added to those of words, so that an unseen one has a rarity.
            log_current = math.log2(self.elsewhere(current, own) + 0.5)
            pair = self.elsewhere((previous, current), own)
            if pair >= 1:
                value = log_previous - math.log2(pair)
            else:
                value = all_words - log_current + surprisal.UNSEEN_PAIR_PENALTY
            bits.append(min(max(value, 0.0), surprisal.MAXIMUM_SURPRISAL))
            log_previous = log_current
        return bits


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def contrasts(bits: Sequence[float], channel: int = onsets.SURPRISAL) -> list[float]:
    """Contrast at each token; 0 where a side is too short."""
    found = []
    window = onsets.WINDOWS[channel]
    for index in range(len(bits)):
        before = bits[max(index - window, 0) : index]
        after = bits[index : index + window]
        if len(before) < onsets.MINIMUM_BEFORE or len(after) < onsets.LEAST_AFTER[channel]:
            found.append(0.0)
        else:
            found.append(mean(after) - mean(before))
    return found


def is_onset(contrast: Sequence[float], index: int, slack: float = 0.0) -> bool:
    """Whether the token is an onset or a decoy. `slack` makes the conditions so much milder."""
    size = abs(contrast[index])
    if size <= onsets.MINIMUM_CONTRAST - slack:
        return False
    around = contrast[max(index - onsets.NEIGHBOURHOOD, 0) : index + onsets.NEIGHBOURHOOD + 1]
    largest = max(around) if contrast[index] > 0 else -min(around)
    return size >= onsets.PEAK_SHARE * largest - slack


def onset_tokens(contrast: Sequence[float], slack: float = 0.0) -> list[int]:
    """Indices of onsets and decoys."""
    return [index for index in range(len(contrast)) if is_onset(contrast, index, slack)]


def split_scores(bits: Sequence[float]) -> list[float]:
    """For each split of the values in two, index > 0, the statistic of the likelihood-ratio test
    for one change of mean: the share of the variance between the two, in standard deviations."""
    size = len(bits)
    if size < 2:
        return []
    center = mean(bits)
    variance = mean([(value - center) ** 2 for value in bits])
    if variance <= 1e-9:
        return []
    before = list(accumulate(bits))
    scores = []
    for left in range(1, size):
        difference = before[left - 1] / left - (before[-1] - before[left - 1]) / (size - left)
        scores.append(abs(difference) * math.sqrt(left * (size - left) / size / variance))
    return scores


class Piece(NamedTuple):
    """A piece of a text as it is read: `tokens` of `text[begin:end]`, of which those from `first`
    to `last` begin in the piece itself and not in its margins; their `bits` and `contrast`."""

    begin: int
    tokens: list[Token]
    first: int
    last: int
    bits: list[float]
    contrast: list[float]


def pieces(text: bytes, learned: Learned) -> Iterator[Piece]:
    """The pieces of a text, each with its margins."""
    for core_begin in range(0, len(text), PIECE_BYTES):
        core_end = min(core_begin + PIECE_BYTES, len(text))
        begin = max(core_begin - MARGIN_BYTES, 0)
        end = min(core_end + MARGIN_BYTES, len(text))
        while begin < core_begin and 0x80 <= text[begin] < 0xC0:
            begin += 1  # a piece is read from a whole character on
        found = tokens(text[begin:end])
        inside = [
            index
            for index, token in enumerate(found)
            if core_begin <= begin + token.start < core_end
        ]
        first, last = (inside[0], inside[-1] + 1) if inside else (0, 0)
        bits = learned.surprisals([token.folded for token in found])
        yield Piece(begin, found, first, last, bits, contrasts(bits))


class Onset(NamedTuple):
    """`offset`: in the text; `ngram`: the exact tokens of the record, None where the text ends;
    `word_count`, `pair_count`: how often the profile remembers the first token, and the first two
    as the text has them; 0 where folding would have changed them."""

    offset: int
    direction: int
    contrast: float
    ngram: tuple[bytes | None, ...]
    word_count: float
    pair_count: float


class Document(NamedTuple):
    """What is measured of a text; see `kernel.Features`. Of what is found by comparing numbers
    there are two: `onsets` found for certain, and `possible_onsets` with a little slack."""

    tokens: int
    surprisal: float
    contrast: float
    change_score: float
    contrasts: dict[int, tuple[float, float, float]]
    split_scores: dict[int, float]
    kinds: Counter[int]
    scripts: Counter[int]
    onsets: list[Onset]
    possible_onsets: list[Onset]


SLACK = 2e-3
"""Bits by which a kernel may differ from the reference: float32 sums of 240 numbers up to 27."""


def _record(piece: Piece, index: int, learned: Learned) -> Onset:
    direction = 1 if piece.contrast[index] > 0 else -1
    before = index - 1 if direction > 0 else index
    places = [before + direction * kept for kept in range(onset_records.TOKENS_KEPT)]
    kept = [piece.tokens[at] if 0 <= at < len(piece.tokens) else None for at in places]
    word_count = pair_count = 0.0
    first, second = kept[1], kept[2]
    if first and not first.changed:
        word_count = represented(learned.counts[first.folded])
        if second and not second.changed:
            pair = (first.folded, second.folded)[::direction]
            pair_count = represented(learned.counts[pair])
    return Onset(
        offset=piece.begin + piece.tokens[index].start,
        direction=direction,
        contrast=abs(piece.contrast[index]),
        ngram=tuple(token and token.exact for token in kept),
        word_count=word_count,
        pair_count=pair_count,
    )


def measure(text: bytes, learned: Learned) -> Document:
    """Measures one text."""
    all_bits: list[float] = []
    kinds: Counter[int] = Counter()
    scripts: Counter[int] = Counter()
    by_offset: dict[int, tuple[float, float, float]] = {}
    splits: dict[int, float] = {}
    certain: list[Onset] = []
    possible: list[Onset] = []
    for piece in pieces(text, learned):
        own = range(piece.first, piece.last)
        bits = piece.bits
        all_bits += bits[piece.first : piece.last]
        for index in own:
            token = piece.tokens[index]
            kinds[token.kind] += 1
            scripts[token.script] += 1
            if piece.contrast[index] > 0:
                by_offset[piece.begin + token.start] = (
                    piece.contrast[index],
                    mean(bits[max(index - onsets.WINDOW, 0) : index]),
                    mean(bits[index : index + onsets.WINDOW]),
                )
            if is_onset(piece.contrast, index, -SLACK):
                certain.append(_record(piece, index, learned))
            if is_onset(piece.contrast, index, SLACK):
                possible.append(_record(piece, index, learned))
        for place, score in enumerate(split_scores(bits[piece.first : piece.last])):
            splits[piece.begin + piece.tokens[piece.first + place + 1].start] = score
    return Document(
        tokens=len(all_bits),
        surprisal=mean(all_bits) if all_bits else 0.0,
        contrast=max((contrast for contrast, _, _ in by_offset.values()), default=0.0),
        change_score=max(splits.values(), default=0.0),
        contrasts=by_offset,
        split_scores=splits,
        kinds=kinds,
        scripts=scripts,
        onsets=certain,
        possible_onsets=possible,
    )


def bucket(document: Document) -> str:
    """Name of the bucket of a text."""
    counted = max(document.tokens, 1)
    if document.kinds[code_points.MARK] >= buckets.CODE_MARKS * counted:
        text_format = "code"
    elif document.kinds[code_points.DIGIT] >= buckets.DATA_DIGITS * counted:
        text_format = "data"
    else:
        text_format = "prose"
    named = {script: count for script, count in document.scripts.items() if script}
    most = min(named, key=lambda script: (-named[script], script), default=0)
    return f"{code_points.SCRIPTS[most]}/{text_format}"
