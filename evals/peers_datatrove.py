"""Which documents datatrove's filters would drop; run by a Python that has datatrove.

Reads JSON lines with `id` and `text` from standard input; writes one line for each with the names
of the filters that drop it.
"""

from __future__ import annotations

import json
import sys

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter, GopherRepetitionFilter

FILTERS = {
    "datatrove GopherRepetition": GopherRepetitionFilter(),
    "datatrove GopherQuality": GopherQualityFilter(),
    "datatrove C4": C4QualityFilter(),
    "datatrove C4, without its rule on punctuation": C4QualityFilter(
        filter_no_terminal_punct=False
    ),
}


def drops(text: str) -> list[str]:
    """Names of the filters that drop a text."""
    return [
        name for name, one in FILTERS.items() if one.filter(Document(text=text, id="")) is not True
    ]


for line in sys.stdin:
    record = json.loads(line)
    print(json.dumps({"id": record["id"], "drops": drops(record["text"])}))
