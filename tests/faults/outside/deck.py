"""A deck of faults: the next one every so many requests, in an order that the seed gives."""

import random
import threading
from collections import Counter
from collections.abc import Sequence


class Deck:
    """`next()` gives a fault at every `every`th asking, None in between; `met` counts those that were given."""

    def __init__(self, cards: Sequence[str], every: int, chance: random.Random) -> None:
        self._cards = chance.sample(list(cards), len(cards))
        self._every = every
        self._asked, self._over = 0, False
        self._lock = threading.Lock()
        self.met: Counter[str] = Counter()

    def end(self) -> None:
        """Give none from now on."""
        self._over = True

    def next(self) -> str | None:
        """A fault, or None."""
        with self._lock:
            self._asked += 1
            if self._over or self._asked % self._every:
                return None
            card = self._cards[self._asked // self._every % len(self._cards)]
            self.met[card] += 1
            return card
