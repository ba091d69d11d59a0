"""What this immunoglobulin is to the patient: the first ever or for long, another brand, or the same."""

from typing import Final

from . import lookup
from .facts import UNKNOWN, Facts, Unknown
from .protocol import Product, Protocol

# A parameter that a protocol may leave out; without it no gap is too long.
FIRST_EXPOSURE_GAP: Final = "first_exposure_gap_hours"

FIRST: Final = "first"
AFTER_GAP: Final = "after_gap"
NEW_BRAND: Final = "new_brand"
SAME_BRAND: Final = "same_brand"


def is_first_exposure(protocol: Protocol, facts: Facts) -> bool | Unknown:
    """Whether this is the first infusion ever, or the first after the protocol's gap."""
    gap_hours = lookup.of(protocol).parameters.get(FIRST_EXPOSURE_GAP)
    if facts.first_ivig is not False:
        return facts.first_ivig
    if gap_hours is None:
        return False
    return UNKNOWN if facts.hours_since_last_ivig is UNKNOWN else facts.hours_since_last_ivig > gap_hours


def exposure(protocol: Protocol, facts: Facts, product: Product | None) -> str | Unknown:
    """The one of the four that is sure; unknown is none of them, and never the same brand."""
    is_first = is_first_exposure(protocol, facts)
    if is_first is True:
        return FIRST if facts.first_ivig is True else AFTER_GAP
    if facts.first_ivig is not False or facts.last_product is UNKNOWN or product is None:
        return UNKNOWN
    if facts.last_product != product.key:
        return NEW_BRAND
    return UNKNOWN if is_first is UNKNOWN else SAME_BRAND
