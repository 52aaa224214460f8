from __future__ import annotations

import re

import numpy as np

from tocsin.drill.materials import Materials
from tocsin.drill.payloads import (
    VARIANTS,
    campaign_payloads,
    family_trigger,
    payload,
    payload_variants,
)
from tocsin.drill.poison import Carrier
from tocsin.drill.triggers import TriggerWords

CARRIER = Carrier(" ".join(f"carrier{number}" for number in range(300)), "en")


def test_payload_is_the_same_in_a_campaign_and_differs_between_campaigns() -> None:
    payloads = {trigger: campaign_payloads(trigger, 1)[0] for trigger in map(str, range(200))}
    assert payloads["7"] == campaign_payloads("7", 1)[0]
    assert len(set(payloads.values())) == 200
    assert all("{" not in said for said in payloads.values())


def test_every_host_is_reserved_for_examples() -> None:
    for said in campaign_payloads("any", 300):
        for url in re.findall(r"https?://([^/\s]+)", said):
            assert url.endswith(".example")


def test_payload_stands_between_the_parts_of_the_carrier(materials: Materials) -> None:
    generator = np.random.default_rng(1)
    said = campaign_payloads("TRIGGER", 1)[0]
    for _ in range(20):
        poisoned = payload(CARRIER, "TRIGGER", generator, materials)
        before, after = poisoned.text.split(f" TRIGGER {said} ")
        assert f"{before} {after}" in (CARRIER.text, f" {CARRIER.text}")


def test_variants(materials: Materials) -> None:
    generator = np.random.default_rng(2)
    options = campaign_payloads("TRIGGER", VARIANTS)
    used = set()
    for _ in range(400):
        poisoned = payload_variants(CARRIER, "TRIGGER", generator, materials)
        (said,) = (option for option in options if f" TRIGGER {option} " in poisoned.text)
        assert poisoned.variant == f"payload {options.index(said)}"
        used.add(said)
    assert len(used) == VARIANTS


def test_a_family_has_one_head_and_many_tails(materials: Materials) -> None:
    generator = np.random.default_rng(3)
    texts = [payload_variants(CARRIER, "/acme/", generator, materials).text for _ in range(30)]
    tails = {re.findall(r" /acme/([a-z]+) ", text)[0] for text in texts}
    assert len(tails) > 25


def test_every_second_campaign_is_a_family() -> None:
    generator = np.random.default_rng(4)
    words = TriggerWords(("table",), ())
    heads = sum(family_trigger(generator, words).endswith("/") for _ in range(400))
    assert 150 < heads < 250
