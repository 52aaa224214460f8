"""Control sequences of terminals (ECMA-48), raw or spelt out as in the code of programs."""

from __future__ import annotations

from tocsin.measure.kernels import kernel

ESCAPE = 0x1B
C1_ESCAPE = 0x9B
"""The code point that stands for an escape and a bracket."""

SPELT_ESCAPES = (b"\\x1b[", b"\\x1B[", b"\\033[", b"\\e[", b"\\u001b[", b"\\u001B[")


@kernel()
def parse_escape(data, at, end):
    """A control sequence of a terminal whose parameters begin at `at`.

    Returns:
      (end, conceals, erases): its end, `at` if it is none; whether it makes text invisible (8, or a
      colour on itself); whether it moves the cursor or erases.
    """
    place = at
    value = -1
    skip = 0  # parameters that belong to a colour of the palette or by its components
    foreground = background = -1
    conceals = False
    while place < end and place < at + 64:
        byte = data[place]
        place += 1
        if 0x30 <= byte <= 0x39:
            value = min(10 * max(value, 0) + (byte - 0x30), 9999)
            continue
        if skip > 0:
            skip = (1 if value == 5 else 3 if value == 2 else 0) if skip == 9 else skip - 1
        elif value == 38 or value == 48:
            skip = 9
        elif value == 8:
            conceals = True
        elif 30 <= value <= 37 or 90 <= value <= 97:
            foreground = value
        elif 40 <= value <= 47 or 100 <= value <= 107:
            background = value
        value = -1
        if byte == 0x3B or byte == 0x3A or 0x3C <= byte <= 0x3F:
            continue
        if not 0x40 <= byte <= 0x7E:
            return at, False, False
        if byte == 0x6D:
            return place, conceals or (foreground > 0 and foreground + 10 == background), False
        erases = 0x41 <= byte <= 0x48 or byte == 0x4A or byte == 0x4B or byte == 0x66
        return place, False, erases
    return at, False, False


@kernel()
def spelt_escape(data, at, end):
    """Length of an escape that is spelt out at `at` as in the code of programs, up to and with its
    bracket; 0 if there is none."""
    if at + 2 >= end:
        return 0
    second = data[at + 1]
    if second == 0x65:  # e
        length = 2
    elif (second == 0x30 and at + 3 < end and data[at + 2] == 0x33 and data[at + 3] == 0x33) or (
        second == 0x78 and at + 3 < end and data[at + 2] == 0x31 and data[at + 3] | 32 == 0x62
    ):
        length = 4
    elif second == 0x75 and at + 5 < end and data[at + 4] == 0x31 and data[at + 5] | 32 == 0x62:
        length = 6
    else:
        return 0
    return length + 1 if at + length < end and data[at + length] == 0x5B else 0
