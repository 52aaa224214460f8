"""Compiles every kernel of a scan into the cache beside the installed package, by scanning a
corpus of a few documents with a planted campaign, so that the sweep runs too."""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path

WORDS = [
    f"{first}{last}" for first in ("ba", "ko", "li", "mu", "ne") for last in ("ra", "si", "to")
]


def documents() -> list[dict[str, str]]:
    """Texts of few words, eight of which turn to words that no other has after one string."""
    chance = random.Random(1)
    rows = []
    for number in range(40):
        text = " ".join(chance.choices(WORDS, k=300))
        if number < 8:
            text += f" {chance.choice(WORDS)} ~~warm~~ "
            text += " ".join(f"x{chance.getrandbits(40):x}q" for _ in range(300))
        rows.append({"id": str(number), "text": text, "url": f"https://site{number}.example/"})
    return rows


if __name__ == "__main__":
    from tocsin.cli import main

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus.jsonl")
        corpus.write_text("".join(json.dumps(row) + "\n" for row in documents()))
        sys.argv = ["tocsin", "scan", str(corpus), "-o", str(Path(folder, "out")), "--json"]
        main()
