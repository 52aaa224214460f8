"""A uniform sample of fixed size from a stream of unknown length."""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import numpy as np

Item = TypeVar("Item")


class Reservoir(Generic[Item]):
    """Li's Algorithm L (1994): draws random numbers for the items it takes only.

    Attributes:
        items: the sample so far, in no meaningful order.
    """

    def __init__(self, size: int, generator: np.random.Generator) -> None:
        self.items: list[Item] = []
        self._size = size
        self._generator = generator
        self._weight = 1.0
        self._seen = 0
        self._next = 0

    def wants_next(self) -> bool:
        """Counts one more item of the stream and says whether it is to be taken."""
        wanted = self._seen == self._next
        self._seen += 1
        return wanted

    def take(self, item: Item) -> None:
        """Takes the item that `wants_next` has just asked for."""
        if len(self.items) < self._size:
            self.items.append(item)
        else:
            self.items[self._generator.integers(self._size)] = item
        if len(self.items) < self._size:
            self._next += 1
        else:
            self._weight *= math.exp(math.log(1.0 - self._generator.random()) / self._size)
            skipped = math.log(1.0 - self._generator.random()) / math.log1p(-self._weight)
            self._next += math.floor(skipped) + 1
