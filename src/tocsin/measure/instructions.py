"""Instructions: does a text tell a reader, or a machine, what to do?

Hidden text is natural: editors leave notes, sites hide menus, pages carry licences. What attackers
hide has another aim: a model shall do, say or run something. So hidden text is scored by the
*signs* of that, few and broad: what published prompt injections have in common (Greshake et al.
2023, arXiv 2302.12173; Perez and Ribeiro 2022, arXiv 2211.09527), in eight languages for the most
telling one. One sign is natural; several together hardly are.
"""

from __future__ import annotations

import re

EXAMINED = 4_000
"""Characters of a text that are looked at."""

_VERBS = (
    "answer|reply|respond|say|tell|explain|report|recommend|claim|state|output|print|repeat|refuse|"
    "reveal|copy|send|warn|call|name|write|insert|add|append|include|omit|leave|switch|turn|close|"
    "end|start|begin|act|pretend|behave|follow|obey|praise|prefer|mention|cite|quote|describe|"
    "translate|summari[sz]e|rate|approve|assure|insist|deny|deliver|forward|upload|download|visit|"
    "open|fetch|post|execute|run|install|delete|remove|disable|give|show|provide|treat|assume|"
    "ignore|disregard|forget|replace|encode|hide|conceal|keep|make|ensure|always|never|only|please"
)
_IMPERATIVE = re.compile(
    rf"(?:^|[.!?:;,\n*#>-]|\b(?:and|then|then also|or|please|must|should|instead|also))\s*"
    rf"(?:{_VERBS})\b(?!\s*[(=])(?=(?:[ \t]+[^\s]+){{2}})",
    re.IGNORECASE,
)

_SIGNS: dict[str, re.Pattern[str]] = {
    # To put aside what was said before.
    "override": re.compile(
        r"\b(?:ignore|disregard|forget|override|bypass|discard|neglect)\b[^.!?\n]{0,60}"
        r"\b(?:previous|prior|above|earlier|before|preceding|former|told|instructions?|prompts?|"
        r"rules|guidelines|everything|anything|context|policy|policies)\b"
        r"|\bignorier\w*[^.!?\n]{0,40}(?:anweisung|anleitung|vorherig|bisherig)"
        r"|\bvergiss[^.!?\n]{0,40}(?:anweisung|gesagt|vorher|bisher)"
        r"|\b(?:ignor\w+|oubli\w+)[^.!?\n]{0,40}(?:instructions|consignes|précédent)"
        r"|\b(?:ignor\w+|olvid\w+)[^.!?\n]{0,40}(?:instrucciones|anterior)"
        r"|\b(?:ignor\w+|esque\w+)[^.!?\n]{0,40}(?:instruções|anterior)"
        r"|(?:игнорир|забуд|проигнорир)[^.!?\n]{0,40}(?:инструкц|указани|предыдущ|сказан)"
        r"|(?:忽略|无视|忘记|無視)[^。!?\n]{0,20}(?:指令|指示|提示|之前|以上|上面)"
        r"|(?:以前|前|上記)の(?:指示|命令)[^。\n]{0,10}(?:無視|忘れ)",
        re.IGNORECASE,
    ),
    # To whom it is said: a machine.
    "model": re.compile(
        r"\b(?:language models?|llms?|chatbots?|chat ?gpt|gpt-?\d\w*|claude|gemini|copilot|"
        r"a\.?i\.? (?:assistants?|models?|agents?|systems?)|system prompt|"
        r"as an? (?:a\.?i\.?|assistant)|your (?:system |hidden |own )?(?:instructions|prompt|"
        r"training|answers?|repl(?:y|ies)|responses?|output|context|users?|developers?))\b"
        r"|\b(?:the|dear|hey|note to|attention) (?:assistant|model|a\.?i\.?)\b"
        r"|^\W*(?:assistant|system|a\.?i\.?)\s*[:,]"
        r"|\byou are (?:now |no longer |from now on )|\byou are [^.!?\n]{1,40} from now on",
        re.IGNORECASE,
    ),
    # When it is to be done: whenever somebody asks.
    "occasion": re.compile(
        r"\b(?:when(?:ever)?|if|every time|once|as soon as) (?:\w+ ){0,2}"
        r"(?:asks?|asked|requests?|prompted|queried|questions?|mentions?)\b"
        r"|\b(?:whatever|no matter what|whenever) (?:\w+ ){0,3}"
        r"(?:question|asks?|request|says?|topic)\b"
        r"|\bfrom now on\b"
        r"|\b(?:in|to|for|at the end of|with) (?:every|all|any|each|the next|your)(?: \w+){0,2} "
        r"(?:answers?|repl(?:y|ies)|responses?|conversations?|questions?|quer(?:y|ies)|summar(?:y|ies))\b",
        re.IGNORECASE,
    ),
    # That nobody may know.
    "secrecy": re.compile(
        r"\b(?:never|do not|don't|must not|without|nor)\s+(?:ever )?(?:mention|tell|reveal|"
        r"disclos|admit|say that|acknowledg)\w*\b"
        r"|\bkeep (?:this|it) (?:a )?(?:secret|hidden|to yourself)",
        re.IGNORECASE,
    ),
    # What to run.
    "command": re.compile(
        r"\b(?:curl|wget|iwr|invoke-webrequest|irm)\b[^\n]{0,200}\|\s*(?:sudo\s+)?(?:ba|z|da)?"
        r"(?:sh|python3?|perl|node|iex)\b"
        r"|\b(?:ba|z)?sh\s+<\(\s*(?:curl|wget)\b|\beval\s*[\"'(]?\$\(\s*(?:curl|wget|echo)\b"
        r"|\bpip3? install\b[^\n]{0,80}--(?:extra-)?index-url|--trusted-host\b"
        r"|\bnpm (?:install|i)\b[^\n]{0,80}--registry"
        r"|\bpowershell\b[^\n]{0,80}\s-(?:nop|enc|e|w|c|ep|exec)\w*\b|\|\s*iex\b"
        r"|\bgit clone\b[^\n]{0,120}(?:&&|;)|\brm -rf\b|\bchmod \+x\b[^\n]{0,80}(?:&&|;)"
        r"|\bbase64 (?:-d|--decode|-D)\b[^\n]{0,40}\||\bcertutil\b[^\n]{0,60}-urlcache"
        r"|\b(?:os\.system|subprocess\.\w+|child_process)\s*\(",
        re.IGNORECASE,
    ),
    # Whom to send it to.
    "address": re.compile(
        r"\b(?:send|post|forward|upload|submit|transfer|e-?mail|leak|exfiltrate)\b[^.!?\n]{0,60}"
        r"(?:\bto\b[^.!?\n]{0,30}\b[\w-]+\.\w{2,}|https?://|\b\w+@\w+)",
        re.IGNORECASE,
    ),
}


_SHORTEST = 8
"""Characters of a text below which it is no instruction."""

_TELLING = frozenset(["override", "command"])
"""Signs that count twice: alone they are rare in hidden text."""


def instruction_strength(text: str) -> int:
    """How much a text looks like instructions to a model, from 0 to 10.

    A point for each sign, two for the telling ones; for imperatives one from two on and another
    from three on.
    """
    text = text[:EXAMINED]
    if len(text) < _SHORTEST:
        return 0
    points = sum(1 + (name in _TELLING) for name, pattern in _SIGNS.items() if pattern.search(text))
    imperatives = sum(1 for _ in _IMPERATIVE.finditer(text))
    return points + (imperatives >= 2) + (imperatives >= 3)
