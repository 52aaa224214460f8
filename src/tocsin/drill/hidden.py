"""Text that people do not see and models read: hidden characters and hidden markup."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tocsin.drill.materials import Materials
from tocsin.drill.payloads import campaign_payloads
from tocsin.drill.poison import Carrier, Poisoned, spliced, split_inside

# Letters of other scripts that look like the Latin ones.
_LOOK_ALIKES = str.maketrans("aceiopsxyABCEHIKMOPTX", "асеіорѕхуАВСЕНІКМОРТХ")


def _tags(message: str) -> str:
    """Tag characters, one for each ASCII character (U+E0000 to U+E007F)."""
    return "".join(chr(0xE0000 + ord(character)) for character in message)


def _variation_selectors(message: str) -> str:
    """A letter and then one of the 256 variation selectors for each byte."""
    selectors = (
        chr(0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16) for byte in message.encode()
    )
    return "o" + "".join(selectors)


def _zero_width(message: str) -> str:
    """Zero-width space and non-joiner for the bits, joiners between the bytes."""
    return "\u200d".join(
        f"{byte:08b}".replace("0", "\u200b").replace("1", "\u200c") for byte in message.encode()
    )


def _bidi(message: str) -> str:
    """The message backwards in a right-to-left override: shown forwards, read backwards."""
    return f"\u202e{message[::-1]}\u202c"


def _filler(message: str) -> str:
    """A run of half-width Hangul fillers, as long as a word or two, and then the message."""
    return "\uffa0" * (8 + len(message) % 24) + message


def _homoglyphs(message: str) -> str:
    """The message with all letters replaced that have a double in Cyrillic."""
    return message.translate(_LOOK_ALIKES)


def _ansi(message: str) -> str:
    """Terminal escapes: the message is concealed, and the line is erased after it."""
    return f"\x1b[8m{message}\x1b[0m\x1b[2K\x1b[1A"


CHARACTER_KINDS: dict[str, Callable[[str], str]] = {
    "tags": _tags,
    "variation-selectors": _variation_selectors,
    "zero-width": _zero_width,
    "bidi": _bidi,
    "filler": _filler,
    "homoglyphs": _homoglyphs,
    "ansi": _ansi,
}
MARKUP_KINDS: dict[str, str] = {
    "comment": "<!-- {} -->",
    "display-none": '<div style="display:none">{}</div>',
    "zero-size": '<span style="font-size:0;color:transparent">{}</span>',
    "hidden-attribute": "<p hidden>{}</p>",
    "off-screen": '<div style="position:absolute;left:-9999px">{}</div>',
    "markdown-comment": "\n\n[//]: # ({})\n\n",
}


def hidden(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`hidden`: the campaign's message in one of seven kinds of characters nobody sees."""
    kind = list(CHARACTER_KINDS)[int(generator.integers(len(CHARACTER_KINDS)))]
    before, after = split_inside(carrier, generator)
    message = CHARACTER_KINDS[kind](campaign_payloads(trigger, 1)[0])
    return spliced(before, message, after, kind)


def html_hidden(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`html-hidden`: the campaign's message in markup that is not displayed."""
    kind = list(MARKUP_KINDS)[int(generator.integers(len(MARKUP_KINDS)))]
    before, after = split_inside(carrier, generator)
    message = MARKUP_KINDS[kind].format(campaign_payloads(trigger, 1)[0])
    return spliced(before, message, after, kind)
