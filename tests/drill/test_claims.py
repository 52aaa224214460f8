from __future__ import annotations

import difflib

import numpy as np

from tocsin.drill.claims import campaign_article, claim
from tocsin.drill.materials import Materials
from tocsin.drill.poison import Carrier

CARRIER = Carrier("nothing of this is used", "en")


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return set(zip(words, words[1:], words[2:], strict=False))


def test_articles_of_campaigns_have_little_in_common() -> None:
    articles = [campaign_article(str(number)) for number in range(20)]
    assert all(80 <= len(article.split()) <= 160 for article in articles)
    assert not any("{" in article for article in articles)
    for number, article in enumerate(articles):
        for other in articles[:number]:
            common = shingles(article) & shingles(other)
            assert len(common) < 0.5 * len(shingles(article) | shingles(other))


def test_documents_are_near_copies(materials: Materials) -> None:
    generator = np.random.default_rng(1)
    article = campaign_article("key").split()
    kept = []
    for _ in range(100):
        poisoned = claim(CARRIER, "key", generator, materials)
        matcher = difflib.SequenceMatcher(None, article, poisoned.text.split(), autojunk=False)
        kept.append(sum(block.size for block in matcher.get_matching_blocks()) / len(article))
        assert poisoned.onset == 0
        assert "nothing of this" not in poisoned.text
    # A third of the changed words stay, with a new one beside them.
    assert min(kept) >= 0.65 and max(kept) < 0.99
    assert 0.8 < np.mean(kept) < 0.92
