"""Where texts change: contrasts and onsets in five channels (docs/definitions.md, "Contrasts")."""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from collections.abc import Sequence

from checker.characters import CONTROL, DIGIT, LETTER, MARK, UNSPACED, script_of
from checker.languages import Voters
from checker.surprisal import Profile, Surprisals
from checker.tokens import Names, Tokens, bucket_of

CHANNELS = ("surprisal", "language", "composition", "passage", "opening")
WINDOW = dict(zip(CHANNELS, (120, 120, 120, 40, 120)))
LEAST_BEFORE = 8
LEAST_AFTER = dict(zip(CHANNELS, (40, 40, 40, 16, 40)))
SINGLE = array("f", (5.0, 0.6, 0.5, 7.0, 0.5))  # single precision, as contrasts are
LEAST_CONTRAST = dict(zip(CHANNELS, SINGLE))
PEAK_SHARE = dict(zip(CHANNELS, array("f", (0.9, 0.9, 0.9, 0.75, 0.9))))
NEIGHBOURHOOD = 64

KINDS = (
    "none", "capitals", "latin", "greek", "cyrillic", "hebrew", "arabic", "indic", "thai", "han",
    "hangul", "other_script", "number", "ascii_mark", "other_mark", "control",
)  # fmt: skip
_HAN_FAMILY = ("han", "kana", "hangul")


class Measured:
    """All that is measured of a text."""

    def __init__(
        self, text: str, tokens: Tokens, profile: Profile, voters: Voters, names: Names
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.names = names
        self.surprisals: Surprisals = profile.surprisals(tokens)
        self.votes = [voters.vote(number) for number in tokens.exact]
        self.kinds = [_kind_of(number, names) for number in tokens.exact]
        self.bucket = bucket_of(tokens, names)
        bits = self.surprisals.bits
        self.contrasts = {
            "surprisal": _level_contrasts(bits, "surprisal"),
            "language": _language_contrasts(self.votes),
            "composition": _composition_contrasts(self.kinds),
            "passage": _level_contrasts(bits, "passage"),
            "opening": self._opening_contrasts(),
        }

    def onsets(self, channel: str) -> list[int]:
        """Tokens that are onsets (contrast above 0) or decoys (below) of a channel."""
        contrasts = self.contrasts[channel]
        least = LEAST_CONTRAST[channel]
        found = []
        for at, contrast in enumerate(contrasts):
            if abs(contrast) <= least:
                continue
            around = contrasts[max(at - NEIGHBOURHOOD, 0) : at + NEIGHBOURHOOD + 1]
            largest = max(around) if contrast > 0 else -min(around)
            if abs(contrast) >= single(PEAK_SHARE[channel] * largest):
                found.append(at)
        return found

    def mean_surprisal(self, first: int, last: int) -> float:
        """Of the tokens from first to last, in bits."""
        return sum(self.surprisals.bits[first:last]) / (last - first)

    def _opening_contrasts(self) -> array[float]:
        count = len(self.tokens)
        result = array("f", bytes(4 * count))
        if count < 40:
            return result
        first = min(120, count)
        if self.mean_surprisal(0, first) > 10 and self._is_word_salad(0, first):
            result[:8] = array("f", [1.0] * 8)
        last = max(count - 120, 0)
        if self.mean_surprisal(last, count) > 10 and self._is_word_salad(last, count):
            result[count - 7 :] = array("f", [-1.0] * 7)
        return result

    def _is_word_salad(self, low: int, high: int) -> bool:
        tokens, names = self.tokens, self.names
        count = high - low
        size = long_size = run = 0
        digits = unseen_pairs = repeated_pairs = 0
        words = repeated_words = switches = neighbours = 0
        pairs: set[tuple[int, int]] = set()
        seen: set[str] = set()
        script_before = None
        for at in range(low, high):
            number = tokens.exact[at]
            string, kind = names.strings[number], names.classes[number]
            digits += kind == DIGIT
            length = len(string.encode())
            size += length
            run += length
            if at + 1 == high or tokens.starts[at + 1] != tokens.ends[at]:
                long_size += run if run >= 40 else 0
                run = 0
            if kind == UNSPACED or string[0] in ",;|":
                run = 0
            unseen_pairs += self.surprisals.pairs[at] == 0
            if at > low:
                pair = (tokens.exact[at - 1], number)
                repeated_pairs += pair in pairs
                pairs.add(pair)
            if kind in (LETTER, UNSPACED):
                words += 1
                repeated_words += names.folded[number] in seen
                seen.add(names.folded[number])
                script = script_of(string[0])
                if script_before is not None:
                    neighbours += 1
                    switches += not _side_by_side(script, script_before)
                script_before = script
        if 2 * long_size >= size or 2 * repeated_pairs >= count or 4 * digits >= count:
            return False
        mixed = 10 * switches >= max(neighbours, 1)
        if mixed and 2 * words >= count and 3 * unseen_pairs >= count:
            return True
        novel = count >= 40 and 4 * unseen_pairs >= 3 * count
        return novel and 10 * repeated_words <= words and 2 * words >= count


def single(value: float) -> float:
    """A number in single precision."""
    return array("f", [value])[0]


def _side_by_side(one: str, other: str) -> bool:
    return one == other or (one in _HAN_FAMILY and other in _HAN_FAMILY)


def _kind_of(number: int, names: Names) -> int:
    string, kind = names.strings[number], names.classes[number]
    if kind in (LETTER, UNSPACED):
        script = script_of(string[0])
        is_ascii = string[0].isascii()
        if (
            script == "latin"
            and not names.unchanged[number]
            and is_ascii
            and "A" <= string[1:2] <= "Z"
        ):
            return KINDS.index("capitals")
        return KINDS.index({"kana": "han", "other": "other_script"}.get(script, script))
    if kind == DIGIT:
        return KINDS.index("number")
    if kind == MARK:
        return KINDS.index("ascii_mark" if string.isascii() else "other_mark")
    return KINDS.index("control" if kind == CONTROL else "none")


def _level_contrasts(bits: array[float], channel: str) -> array[float]:
    sums = list(itertools.accumulate(bits, initial=0.0))
    count, window, least = len(bits), WINDOW[channel], LEAST_AFTER[channel]
    result = array("f", bytes(4 * count))
    for at in range(LEAST_BEFORE, count - least + 1):
        before, after = min(at, window), min(count - at, window)
        mean_after = (sums[at + after] - sums[at]) / after
        result[at] = mean_after - (sums[at] - sums[at - before]) / before
    return result


def majority(votes: Sequence[int]) -> tuple[int, int]:
    """The language with more than half of the votes, or 0; and the number of votes."""
    counts = Counter(votes)
    del counts[0]
    total = counts.total() if hasattr(counts, "total") else sum(counts.values())
    for language, count in counts.items():
        if 2 * count > total:
            return language, total
    return 0, total


def _language_contrasts(votes: list[int]) -> array[float]:
    count, window = len(votes), WINDOW["language"]
    result = array("f", bytes(4 * count))
    everywhere = Counter(votes)
    everywhere[0] = 0
    if sum(number > 2 for number in everywhere.values()) < 2:
        return result  # two languages need three votes each
    total = sum(everywhere.values())
    earlier: Counter[int] = Counter()
    before: Counter[int] = Counter()
    after = Counter(votes[:window])
    for at in range(count):
        votes_before = min(at, window) - before[0]
        votes_after = min(count - at, window) - after[0]
        if LEAST_BEFORE <= at <= count - 40 and votes_before >= 5 and votes_after >= 10:
            old, new = _winner(before, votes_before), _winner(after, votes_after)
            if old and new and old != new:
                gained = after[new] / votes_after - before[new] / votes_before
                lost = before[old] / votes_before - after[old] / votes_after
                votes_earlier = max(at - window, 0) - earlier[0]
                if earlier[new] == 0 or earlier[new] < 0.15 * votes_earlier:
                    result[at] = min(gained, lost)
                else:
                    later = everywhere[old] - earlier[old] - before[old] - after[old]
                    votes_later = total - votes_earlier - votes_before - votes_after
                    if later == 0 or later < 0.15 * votes_later:
                        result[at] = -min(gained, lost)
        after[votes[at]] -= 1
        before[votes[at]] += 1
        if at + window < count:
            after[votes[at + window]] += 1
        if at >= window:
            before[votes[at - window]] -= 1
            earlier[votes[at - window]] += 1
    return result


def _winner(votes: Counter[int], total: int) -> int:
    for language, number in votes.items():
        if language and 2 * number > total:
            return language
    return 0


def _composition_contrasts(kinds: list[int]) -> array[float]:
    count, window, stride = len(kinds), WINDOW["composition"], 8
    result = array("f", bytes(4 * count))
    if count < LEAST_BEFORE + 40:
        return result
    full = count // stride
    blocks = [[0] * len(KINDS)]
    for block in range(full):
        sums = blocks[-1].copy()
        for kind in kinds[block * stride : (block + 1) * stride]:
            sums[kind] += 1
        blocks.append(sums)
    total = blocks[full].copy()
    for kind in kinds[full * stride :]:
        total[kind] += 1
    reach = window // stride
    for block in range(1, full):
        low, high = max(block - reach, 0), min(block + reach, full)
        sizes = (block - low) * stride, (high - block) * stride
        at_low, here, at_high = blocks[low], blocks[block], blocks[high]
        change = sum(
            abs((c - b) / sizes[1] - (b - a) / sizes[0]) for a, b, c in zip(at_low, here, at_high)
        )
        slack = stride / sizes[0] + stride / sizes[1]
        if high == full:
            slack += stride / sizes[1]
        if change / 2 + slack < 0.5:
            continue
        further = blocks[min(high + 1, full)]
        tokens_later = max(count - high * stride, 1)
        tokens_further = max(count - min(high + 1, full) * stride, 1)
        gain = loss = 0.0
        for kind in range(len(KINDS)):
            share_before = (here[kind] - at_low[kind]) / sizes[0]
            share_after = (at_high[kind] - here[kind]) / sizes[1]
            gain += max(share_after - max(share_before, at_low[kind] / max(low * stride, 1)), 0.0)
            later = min(
                (total[kind] - at_high[kind]) / tokens_later,
                (total[kind] - further[kind]) / tokens_further,
            )
            loss += max(share_before - max(share_after, later), 0.0)
        if max(gain, loss) + slack < 0.25:
            continue
        for at in range(block * stride, (block + 1) * stride):
            if LEAST_BEFORE <= at <= count - 40:
                result[at] = _composition_contrast(kinds, at, blocks, total)
    return result


def _composition_contrast(
    kinds: list[int], at: int, blocks: list[list[int]], total: list[int]
) -> float:
    count, window, stride = len(kinds), WINDOW["composition"], 8
    begin, end = max(at - window, 0), min(at + window, count)
    before, after = Counter(kinds[begin:at]), Counter(kinds[at:end])
    earlier = blocks[begin // stride]
    earlier_tokens = max(begin // stride * stride, 1)
    later_block = min(-(-end // stride), len(blocks) - 1)
    later_tokens = max(count - later_block * stride, 1)
    gained = lost = 0.0
    for kind in range(len(KINDS)):
        share_before, share_after = before[kind] / (at - begin), after[kind] / (end - at)
        gained += max(share_after - max(share_before, earlier[kind] / earlier_tokens), 0.0)
        later = (total[kind] - blocks[later_block][kind]) / later_tokens
        lost += max(share_before - max(share_after, later), 0.0)
    return gained if gained >= 0.5 * lost else -lost
