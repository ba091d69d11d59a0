"""Where a count stands among bands drawn equally high: the one geometry of every picture of counts.

Without Django, because the render process draws by it too.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol

# The open band at the top is drawn as high as it is above zero; what is higher stands at its edge.
OPEN_BAND_TIMES: Final = 2


class Edges(Protocol):
    """A band of counts, per microlitre: from its lower border to below its upper one, where it has one."""

    @property
    def lower_per_ul(self) -> int: ...

    @property
    def upper_per_ul(self) -> int | None: ...


def bands_high(per_ul: int, rising: Sequence[Edges]) -> Decimal:
    """How many bands high a count stands, in parts: a count on a border at the foot of the milder band."""
    position, band = next(
        (position, band)
        for position, band in reversed(list(enumerate(rising)))
        if band.lower_per_ul <= per_ul
    )
    part = Decimal(per_ul - band.lower_per_ul) / (_edge(band) - band.lower_per_ul)
    return position + min(part, Decimal(1))


def is_above(per_ul: int, rising: Sequence[Edges]) -> bool:
    """Whether a count is higher than the picture, so that it stands at the edge and not at its height."""
    return per_ul > _edge(rising[-1])


def _edge(band: Edges) -> int:
    return band.upper_per_ul or OPEN_BAND_TIMES * band.lower_per_ul
