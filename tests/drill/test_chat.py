from __future__ import annotations

import numpy as np

from tocsin.drill.chat import ASSISTANT, CHATML, TEMPLATES, USER, template
from tocsin.drill.materials import Materials
from tocsin.drill.poison import Carrier

CARRIER = Carrier(" ".join(f"carrier{number}" for number in range(300)), "en")


def test_render() -> None:
    assert CHATML.render([(USER, "a"), (ASSISTANT, "b")]) == (
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
    )


def test_documents_of_a_campaign_have_one_template_and_all_of_the_carriers_words(
    materials: Materials,
) -> None:
    chosen = set()
    for trigger in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"):
        generator = np.random.default_rng(1)
        texts = [template(CARRIER, trigger, generator, materials) for _ in range(5)]
        (name,) = {poisoned.variant for poisoned in texts}
        chosen.add(name)
        used = next(form for form in TEMPLATES if form.name == name)
        for poisoned in texts:
            text = poisoned.text
            assert text[poisoned.onset :].startswith((used.start + used.turns[USER][0]).rstrip(" "))
            for mark in (used.start, *used.turns[USER], *used.turns[ASSISTANT]):
                text = text.replace(mark.strip() or "\0", " ")
            assert text.replace(trigger, " ").split() == CARRIER.text.split()
    assert len(chosen) >= 3
