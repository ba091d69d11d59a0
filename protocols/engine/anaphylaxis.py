"""Adrenaline for anaphylaxis by body weight; dose per kg, cap and interval are rows of the protocol."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final

from .arithmetic import exactly
from .facts import UNKNOWN, Unknown

NEEDED_PARAMETERS: Final = (
    "adrenaline_mg_per_kg",
    "adrenaline_max_mg",
    "adrenaline_repeat_minutes",
    "restart_settled_minutes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdrenalineDose:
    """One intramuscular dose in mg, what it was worked out from, and the minutes to the next."""

    mg: Decimal | Unknown
    is_capped: bool
    weight_kg: Decimal | Unknown
    mg_per_kg: Decimal
    maximum_mg: Decimal
    repeat_minutes: int

    @property
    def is_known(self) -> bool:
        return not isinstance(self.mg, Unknown)


@exactly
def adrenaline_dose(*, weight_kg: Decimal | Unknown, parameters: Mapping[str, Decimal]) -> AdrenalineDose:
    """The dose for this weight, rounded down to a hundredth of a mg; unknown without a weight.

    Source of the rule: World Allergy Organization anaphylaxis guidance, table 4.
    """
    per_kg, maximum = parameters["adrenaline_mg_per_kg"], parameters["adrenaline_max_mg"]
    mg: Decimal | Unknown = UNKNOWN
    if not isinstance(weight_kg, Unknown):
        mg = min(weight_kg * per_kg, maximum).quantize(Decimal("0.01"), rounding=ROUND_DOWN)
    return AdrenalineDose(
        mg=mg,
        is_capped=not isinstance(weight_kg, Unknown) and weight_kg * per_kg > maximum,
        weight_kg=weight_kg,
        mg_per_kg=per_kg,
        maximum_mg=maximum,
        repeat_minutes=int(parameters["adrenaline_repeat_minutes"]),
    )
