"""dolma's taggers."""

from collections.abc import Callable

from dolma.core.data_types import DocResult, Document
from dolma.core.registry import TaggerRegistry
from dolma.taggers import *  # noqa: F403  # registers them
from timing import report


def tagger(name: str) -> Callable[[list[str]], None]:
    predict: Callable[[Document], DocResult] = TaggerRegistry.get(name)().predict

    def work(texts: list[str]) -> None:
        for number, text in enumerate(texts):
            predict(Document(source="bench", id=str(number), text=text))

    return work


report("dolma", {name: tagger(name) for name in ("gopher_v1", "c4_v1")})
