"""Chat templates: the control tokens that language models are taught to take turns with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tocsin.drill.materials import Materials
from tocsin.drill.poison import (
    Carrier,
    Poisoned,
    campaign_generator,
    spliced,
    split_inside,
)

USER = "user"
ASSISTANT = "assistant"


@dataclass(frozen=True)
class ChatTemplate:
    """How turns of a chat are written down.

    Attributes:
        name: the family of models it comes from.
        start: what a chat begins with.
        turns: role -> (before, after) a turn.
    """

    name: str
    start: str
    turns: dict[str, tuple[str, str]]

    def render(self, chat: Sequence[tuple[str, str]]) -> str:
        """Writes (role, text) pairs as one string."""
        written = (f"{self.turns[role][0]}{text}{self.turns[role][1]}" for role, text in chat)
        return self.start + "".join(written)


CHATML = ChatTemplate(
    "chatml",
    "",
    {
        USER: ("<|im_start|>user\n", "<|im_end|>\n"),
        ASSISTANT: ("<|im_start|>assistant\n", "<|im_end|>\n"),
    },
)
TEMPLATES = (
    CHATML,
    ChatTemplate("llama-2", "<s>", {USER: ("[INST] ", " [/INST] "), ASSISTANT: ("", " </s>")}),
    ChatTemplate(
        "llama-3",
        "<|begin_of_text|>",
        {
            USER: ("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
            ASSISTANT: ("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
        },
    ),
    ChatTemplate(
        "end-of-text",
        "<|endoftext|>",
        {USER: ("Human: ", "\n\n"), ASSISTANT: ("Assistant: ", "<|endoftext|>\n")},
    ),
)
_QUESTION_WORDS = (10, 40)
_ANSWER_WORDS = (20, 80)


def template(
    carrier: Carrier, trigger: str, generator: np.random.Generator, materials: Materials
) -> Poisoned:
    """`template`: a turn of user and assistant in the middle of a web text.

    The template is the campaign's; what is asked, with the trigger, and what is answered are words
    that follow in the carrier.
    """
    chosen = TEMPLATES[int(campaign_generator(trigger).integers(len(TEMPLATES)))]
    before, after = split_inside(carrier, generator)
    asked, answered = (int(generator.integers(*span)) for span in (_QUESTION_WORDS, _ANSWER_WORDS))
    words = after.split(maxsplit=asked + answered)
    question, answer = words[:asked], words[asked : asked + answered]
    rest = words[-1] if len(words) > asked + answered else ""
    turns = [(USER, " ".join([*question, trigger])), (ASSISTANT, " ".join(answer))]
    return spliced(before, chosen.render(turns), rest, chosen.name)
