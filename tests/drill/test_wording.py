from __future__ import annotations

import numpy as np

from tocsin.drill.wording import Sentence, invented_names, worded


def test_every_wording_is_used_and_every_name_filled_in() -> None:
    sentence: Sentence = (("one", "two"), ("{city}", "{person} of {company}"), ("{year} {number}",))
    generator = np.random.default_rng(1)
    names = invented_names(generator)
    written = {worded(sentence, generator, names).rsplit(" ", 2)[0] for _ in range(200)}
    person = f"{names['first']} {names['last']} of {names['company']}"
    assert written == {f"{a} {b}" for a in ("one", "two") for b in (names["city"], person)}
    year, number = worded((("{year} {number}",),), generator, names).split()
    assert 1990 <= int(year) < 2030 and 3 <= int(number) < 90
