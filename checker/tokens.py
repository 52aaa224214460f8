"""Tokens, their hashes and buckets (docs/definitions.md, "Tokens")."""

from __future__ import annotations

import itertools
import re
from array import array

from checker.characters import (
    COMBINING,
    CONTROL,
    DIGIT,
    LETTER,
    MARK,
    SCRIPTS,
    UNSPACED,
    class_of,
    lower_of,
    script_of,
)
from checker.hashing import folded_hash

_TOKEN = re.compile(
    f"{LETTER}[{LETTER}{COMBINING}]*|{DIGIT}+|{UNSPACED}|[{MARK}{CONTROL}{COMBINING}]+"
)


class _Classes(dict[int, str]):
    def __missing__(self, code_point: int) -> str:
        return self.setdefault(code_point, class_of(code_point))


_CLASSES = _Classes()


class Names:
    """Numbers for strings, the same for equal ones: what tokens are compared by."""

    def __init__(self, seed: int) -> None:
        """`seed`: keys the hashes."""
        self.seed = seed
        self.number_of: dict[str, int] = {}
        self.strings: list[str] = []
        # Of each token: its folded form, the hash of that, its class, and whether folding left it.
        self.folded: list[str] = []
        self.hashes: list[int] = []
        self.classes: list[str] = []
        self.unchanged: list[bool] = []

    def number(self, string: str, kind: str) -> int:
        """The number of a token."""
        found = self.number_of.get(string)
        if found is not None:
            return found
        if kind == DIGIT:
            folded = "0" * len(string)
        elif kind == LETTER:
            folded = "".join(map(lower_of, string))
        else:
            folded = string[:4]
        number = len(self.strings)
        self.number_of[string] = number
        self.strings.append(string)
        self.classes.append(kind)
        self.folded.append(folded)
        self.hashes.append(folded_hash(folded, kind, self.seed))
        self.unchanged.append(folded == string and kind != DIGIT)
        return number


class Tokens:
    """The tokens of a text: `exact`, their numbers; `starts`, `ends`: characters of the text."""

    def __init__(self, text: str, names: Names) -> None:
        self.exact = array("I")
        self.starts = array("I")
        self.ends = array("I")
        classes = text.translate(_CLASSES)
        number_of = names.number_of
        for match in _TOKEN.finditer(classes):
            start, end = match.span()
            kind = classes[start]
            if kind in (LETTER, DIGIT, UNSPACED):
                runs = [(start, end)]
            else:  # each run of one and the same character
                lengths = [len(list(run)) for _, run in itertools.groupby(text[start:end])]
                bounds = list(itertools.accumulate(lengths, initial=start))
                runs = list(itertools.pairwise(bounds))
            for first, last in runs:
                string = text[first:last]
                number = number_of.get(string)
                if number is None:
                    number = names.number(string, classes[first])
                self.exact.append(number)
                self.starts.append(first)
                self.ends.append(last)

    def __len__(self) -> int:
        return len(self.exact)


def bucket_of(tokens: Tokens, names: Names) -> tuple[str, str]:
    """Script most tokens are in and format of a text."""
    kinds = dict.fromkeys((MARK, DIGIT), 0)
    scripts = dict.fromkeys(SCRIPTS, 0)
    for number in tokens.exact:
        kind = names.classes[number]
        if kind in kinds:
            kinds[kind] += 1
        scripts[script_of(names.strings[number][0])] += 1
    count = max(len(tokens), 1)
    scripts["other"] = 0
    script = max(SCRIPTS, key=lambda name: scripts[name])  # the first of equals
    if kinds[MARK] >= 0.35 * count:
        return script, "code"
    return script, "data" if kinds[DIGIT] >= 0.2 * count else "prose"
