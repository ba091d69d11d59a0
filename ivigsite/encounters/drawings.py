"""HTML that was drawn before, by everything it was drawn from."""

from collections.abc import Hashable
from typing import Final

KEPT: Final = 2000


class Drawings(dict[Hashable, str]):
    """What is drawn stays right, because the key holds all it shows; too many are forgotten at once."""

    def keep(self, key: Hashable, drawn: str) -> str:
        if len(self) >= KEPT:
            self.clear()
        self[key] = drawn
        return drawn
