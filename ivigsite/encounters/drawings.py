"""HTML that was drawn before, by everything it was drawn from."""

from collections.abc import Hashable
from typing import Any, Final

from django.template.loader import render_to_string

# A few megabytes in each process.
MOST_CHARACTERS: Final = 4_000_000


class Drawings(dict[Hashable, str]):
    """What is drawn stays right, because the key holds all it shows; too much is forgotten at once."""

    characters = 0

    def keep(self, key: Hashable, drawn: str) -> str:
        if self.characters + len(drawn) > MOST_CHARACTERS:
            self.clear()
            self.characters = 0
        self.characters += len(drawn)
        self[key] = drawn
        return drawn


class NotShown(Exception):
    """A template reached for what it was not handed; what it shows would not be in the key."""


class Part:
    """Some attributes of a value: all that a template can reach of it, and what it is known by."""

    __slots__ = ("_names", "_values")

    def __init__(self, whole: object, names: tuple[str, ...]) -> None:
        self._names = names
        self._values = tuple(getattr(whole, name) for name in names)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise NotShown(name)
        return self._values[self._names.index(name)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Part) and (self._names, self._values) == (other._names, other._values)

    def __hash__(self) -> int:
        return hash((self._names, self._values))


_drawn: Final = Drawings()


def draw(template: str, **shown: Hashable) -> str:
    """The template drawn with these values and nothing else; the same values are drawn once.

    They are plain values, compared by what they say: nothing in them is marked as safe HTML.
    """
    # With its type, because text that is marked safe equals the same text that is not.
    key = (template, *((name, type(value), value) for name, value in shown.items()))
    drawn = _drawn.get(key)
    return _drawn.keep(key, render_to_string(template, shown)) if drawn is None else drawn
