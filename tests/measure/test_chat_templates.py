"""Chat templates: their data file, tokens and roles in texts, and findings."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.generated import hostile_texts, prose, words_of
from tocsin.drill.chat import TEMPLATES
from tocsin.judge.policy import Policy
from tocsin.measure.chat_templates import (
    ChatTemplate,
    parse_templates,
    public_templates,
)
from tocsin.measure.detectors import Detected, Detectors
from tocsin.measure.findings import Finding
from tocsin.toml import ConfigurationError

_OWN = ChatTemplate("own", (("@@asks@@", "user"), ("@@says@@", "assistant")), ("@@stop@@",))
_DETECTORS = Detectors([_OWN])
_WORDS = words_of(random.Random(5), 100)


def detected(*texts: str | bytes) -> Detected:
    raw = [text.encode() if isinstance(text, str) else text for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in raw])]).astype(np.int32)
    return _DETECTORS.detect(memoryview(b"".join(raw)), offsets)


def chats_of(text: str) -> tuple[int, int, str, str]:
    """Control tokens, turns, roles, template."""
    chats = detected("clean", text, "clean").chats
    assert chats.control_tokens[[0, 2]].tolist() == [0, 0]
    return tuple(column[1] for column in chats)  # type: ignore[return-value]


def found_in(text: str) -> Finding | None:
    findings = [one for one in detected(text).findings if one.detector == "template"]
    assert len(findings) <= 1
    return findings[0] if findings else None


def words(size: int, seed: int = 0) -> str:
    return prose(random.Random(seed), _WORDS, size)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_planted_templates(template: object) -> None:
    chat = template.render([("user", words(20) + " %%vex%%"), ("assistant", words(30))])  # type: ignore[attr-defined]
    finding = found_in(f"{words(40, 1)} {chat} {words(40, 2)}")
    assert finding is not None
    assert Policy().finding_severity(finding.detector, finding.score) == "medium"
    assert finding.evidence.endswith("%%vex%%")
    assert finding.signature.endswith(" ua")


@pytest.mark.parametrize("template", public_templates(), ids=lambda template: template.name)
def test_every_public_template(template: ChatTemplate) -> None:
    """A question and an answer in each; plain words alone are no finding."""
    first = {role: token for token, role in reversed(template.roles)}
    if not template.roles:
        assert chats_of(f"a {template.control[0]} b") == (1, 0, "", template.name)
        return
    chat = f"\n{first['user']} {words(9)}\n{first['assistant']} {words(9)}\n"
    control, turns, roles, name = chats_of(words(30) + chat + words(30))
    assert (control, turns, roles, name) == (0 if template.plain else 2, 2, "ua", template.name)
    assert (found_in(words(30) + chat) is None) == template.plain


@pytest.mark.parametrize(
    "text",
    [
        "", "a < b | c > d [INS] <|", "List<|T|>", "the Human: not at the start of a line",
        "Human: who?\nAssistant: me.", "<s>struck out</s>", "array[INSTANCE]",
        "USER: one\nUSER: two",
    ],
)  # fmt: skip
def test_no_finding(text: str) -> None:
    assert found_in(text) is None


def test_mentions_are_counted_and_not_found() -> None:
    chat = "<|im_start|>user\nHello there<|im_end|>\n<|im_start|>assistant\nHi to you<|im_end|>\n"
    for text in (
        f"{words(30)} ends with `<|endoftext|>` and `<|im_end|>`",
        f"{words(30)}\n```\n{chat}```\n{words(30)}",
        f"Prompts for language models: the tokenizer writes\n{chat}as its chat template says.",
    ):
        assert found_in(text) is None
        assert chats_of(text)[0] >= 2
    assert found_in(f"{words(30)} {chat} {words(30)}") is not None


def test_roles() -> None:
    chat = "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
    chat += "<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>"
    chat += "<|start_header_id|>assistant<|end_header_id|>\n\nSo.<|eot_id|>"
    assert chats_of(chat) == (7, 3, "sua", "llama-3")
    finding = found_in(chat)
    assert finding is not None
    assert finding.evidence == "Why?"
    assert finding.signature == "llama-3 sua"
    assert chats_of("@@asks@@ x @@says@@ y @@stop@@" * 20)[2] == "ua" * 8


def test_a_chat_without_an_answer_scores_less() -> None:
    unanswered = found_in(f"{words(30)} <|im_start|>user\nWhy?<|im_end|>")
    assert unanswered is not None
    assert unanswered.signature == ""
    assert Policy().finding_severity(unanswered.detector, unanswered.score) is None


def test_templates_of_users() -> None:
    (own,) = parse_templates(
        [{"name": "own", "roles": {"@@asks@@": "user", "@@says@@": "assistant"},
          "control": ["@@stop@@"]}]
    )  # fmt: skip
    assert own == _OWN
    finding = found_in(f"{words(30)} @@asks@@ what is it? @@says@@ nothing @@stop@@")
    assert finding is not None
    assert finding.signature == "own ua"


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "array of tables"),
        ([1], "array of tables"),
        ([{"name": "x", "rules": 1}], "template 1: unknown key 'rules'"),
        ([{}], "template 1: name must be"),
        ([{"name": "x"}, {"name": ""}], "template 2: name must be"),
        ([{"name": "x", "roles": {"<|a|>": "user", "<|b|>": "king"}}], "roles must map"),
        ([{"name": "x", "roles": []}], "roles must map"),
        ([{"name": "x", "roles": {"<|a|>": ["user"]}}], "roles must map"),
        ([{"name": "x", "control": "<|a|>"}], "control must be"),
        ([{"name": "x", "plain": 1}], "plain true or false"),
        ([{"name": "x", "control": ["ab"]}], "3 to 64 bytes"),
        ([{"name": "x", "control": [5]}], "3 to 64 bytes"),
        ([{"name": "x", "control": ["a" * 65]}], "3 to 64 bytes"),
    ],
)
def test_bad_templates(tables: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_templates(tables)


_TOKENS = [token for template in public_templates() for token, _ in template.roles]


@given(
    st.lists(
        st.lists(
            st.one_of(hostile_texts, st.sampled_from([*_TOKENS, "\n", " word "]).map(str.encode)),
            max_size=8,
        ).map(b"".join),
        max_size=4,
    )
)
def test_any_bytes(texts: list[bytes]) -> None:
    result = detected(*texts)
    for finding in result.findings:
        assert 0 <= finding.start < finding.end <= len(texts[finding.document])
    together = [tuple(column[row] for column in result.chats) for row in range(len(texts))]
    alone = [tuple(column[0] for column in detected(text).chats) for text in texts]
    assert together == alone
