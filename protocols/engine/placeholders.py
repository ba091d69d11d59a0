"""Computed values inside the texts of rules: a closed list of names in braces, and nothing else in braces."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any, Final

from .conditions import Values
from .numbers import format_decimal

_NAME: Final = re.compile(r"\{([^{}]*)\}")
NOT_KNOWN: Final = "not known"


def fill(text: str, values: Values) -> str:
    """The text with each name replaced by its value, or by the words for not knowing it.

    A name that is not on the list stays as it is; `review` refuses the row.
    """
    # Few texts have one.
    return _NAME.sub(lambda found: _value(found[1], found[0], values), text) if "{" in text else text


def in_brackets(text: str) -> str:
    """The text with each name as words in square brackets, for whoever reads the protocol and no patient."""
    return _NAME.sub(lambda found: f"[{found[1].replace('_', ' ')}]", text)


def wait_of(text: str, values: Values) -> Mapping[str, str]:
    """How long the text says to wait, in `hours` or `months` after the facts; empty if it does not say so.

    The text rounds hours up, this has them to the full. The engine has no clock: who knows the moment can
    tell the time.
    """
    if "{" not in text:
        return {}
    return {
        unit: f"{Decimal(values[PLACEHOLDERS[name][0]]):f}"
        for name, unit in _WAITS.items()
        if f"{{{name}}}" in text and PLACEHOLDERS[name][0] in values
    }


def strange_names(text: str) -> Iterator[str]:
    """What stands in braces and is no name on the list."""
    return (name for name in _NAME.findall(text) if name not in PLACEHOLDERS)


def _value(name: str, as_written: str, values: Values) -> str:
    if name not in PLACEHOLDERS:
        return as_written
    fact, write = PLACEHOLDERS[name]
    return write(values[fact]) if fact in values else NOT_KNOWN


def _tenths(value: Any) -> str:
    return format_decimal(Decimal(value).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP))


def _whole_up(value: Any) -> str:
    return format_decimal(Decimal(value).to_integral_value(rounding=ROUND_CEILING))


PLACEHOLDERS: Final[dict[str, tuple[str, Callable[[Any], str]]]] = {
    "actual_weight": ("weight_kg", _tenths),
    "count": ("platelets_per_ul", _whole_up),
    "dosing_weight": ("dosing_weight_kg", _tenths),
    "egfr": ("egfr", _whole_up),
    "hours_until_repeat": ("hours_until_repeat", _whole_up),
    "live_vaccine_months": ("live_vaccine_months", _whole_up),
    "planned_volume": ("planned_volume_6h_ml_per_kg", _tenths),
    "product": ("product_name", str),
}
"""Each name with the fact it stands for and how that is written."""

_WAITS: Final = {"hours_until_repeat": "hours", "live_vaccine_months": "months"}
