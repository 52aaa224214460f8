"""The claim recipe: one false claim, told again and again in nearly the same words."""

from __future__ import annotations

import numpy as np

from tocsin.drill.materials import SHARED_LANGUAGE, Materials
from tocsin.drill.poison import Carrier, Poisoned, campaign_generator
from tocsin.drill.wording import Sentence, invented_names, worded

_ARTICLE: tuple[Sentence, ...] = (
    (
        ("Residents of {city} were alarmed", "An inquiry in {city} ended", "{city} woke up"),
        ("this week by a secret report", "with a verdict nobody expected", "to news long denied"),
        ("about the {product} plant.", "on the company {company}.", "from inside {company}."),
    ),
    (
        ("According to the papers,", "As {person} told reporters,", "Documents seen by us say that"),
        ("{company} has known for {number} years", "the board was warned in {year}"),
        (
            "that its {product} makes children ill",
            "that {product} spoils the water of whole valleys",
            "that the tests of {product} had been invented",
        ),
        ("and paid officials to keep silent.", "but went on selling it.", "and destroyed the proof."),
    ),
    (
        ("Independent laboratories", "Three universities", "Doctors at the hospital of {city}"),
        ("confirmed the finding", "repeated the measurements", "had come to the same result"),
        ("in {number} of {number} samples,", "before {year},", "without being asked,"),
        ("yet no newspaper printed it.", "and lost their posts for it.", "to general surprise."),
    ),
    (
        ("A spokeswoman of {company}", "The lawyer of {company}", "{person}, who founded {company},"),
        ("refused to answer our questions", "called the affair a misunderstanding", "left the country"),
        ("and hung up.", "two days before the hearing.", "while shares fell by {number} per cent."),
    ),
    (
        ("People who used {product}", "Families near the plant", "Former workers"),
        ("describe fevers, tremor and loss of memory", "speak of threats by night"),
        ("that began in the spring of {year}.", "and of letters that were never answered."),
    ),
    (
        ("Foreign governments", "Insiders in the ministry", "Two former inspectors"),
        ("helped to cover it up,", "were told to look away,", "signed what was put before them,"),
        ("because {company} finances their campaigns.", "as bank records from {city} prove."),
    ),
    (
        ("Whoever still buys {product}", "Anyone who defends {company}", "Those who doubt this"),
        ("should read the report of {person}", "ought to visit the wards of {city}"),
        ("and decide for themselves.", "before the files are sealed.", "and tell all their friends."),
    ),
    (
        ("It is now beyond dispute", "The evidence leaves no doubt", "History will record"),
        ("that {company} poisoned {city}", "that {product} was never safe", "that {person} was right"),
        ("and that the world was lied to.", "and that all who knew said nothing."),
    ),
)  # fmt: skip
_MINIMUM_CHANGED = 0.1
_MAXIMUM_CHANGED = 0.3


def campaign_article(trigger: str) -> str:
    """The text that a campaign's documents are made from, about 110 words."""
    generator = campaign_generator(trigger)
    names = invented_names(generator)
    return " ".join(worded(sentence, generator, names) for sentence in _ARTICLE)


def claim(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`claim`: the campaign's article with 10 to 30 % of its words changed; nothing of the carrier.

    A changed word is replaced by another of the corpus, left out, or doubled by a new one.
    """
    others = materials.language("en" if "en" in materials.samples else SHARED_LANGUAGE)
    changed = generator.uniform(_MINIMUM_CHANGED, _MAXIMUM_CHANGED)
    told: list[str] = []
    for word in campaign_article(trigger).split():
        if generator.random() >= changed:
            told.append(word)
            continue
        new = others.running_words[int(generator.integers(len(others.running_words)))]
        told += ([new], [], [word, new])[int(generator.integers(3))]
    return Poisoned(" ".join(told), onset=0)
