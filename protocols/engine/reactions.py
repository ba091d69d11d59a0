"""Published case definitions of harm by blood products, each with its source.

All are judged only on what is known: a criterion nobody has told leaves the answer open unless the others
settle it.

Sources
    TRALI       Vlaar APJ et al. A consensus redefinition of TRALI. Transfusion 2019;59(7):2465-2476.
    TACO        Wiersum-Osselton JC et al. Revised international surveillance case definition of TACO.
                Lancet Haematol 2019;6(7):e350-e358.
    Haemolysis  Canadian IVIG Hemolysis Pharmacovigilance Group. Case definition, Transfusion 2009;49 Suppl.
"""

from decimal import Decimal
from typing import Final

from .facts import UNKNOWN, Unknown

Answer = bool | Unknown

_TRALI_WITHIN_HOURS: Final = 6
_TRALI_PF_AT_MOST: Final = 300
_TRALI_SATURATION_BELOW: Final = 90
_TACO_WITHIN_HOURS: Final = 12
_TACO_CRITERIA_AT_LEAST: Final = 3
_TACO_LUNG: Final = frozenset({"respiratory_distress", "pulmonary_oedema"})
_HAEMOLYSIS_WITHIN_HOURS: Final = 10 * 24
_HAEMOLYSIS_FALL_G_PER_L: Final = 10
_HAEMOLYSIS_SIGNS_AT_LEAST: Final = 2


def is_trali(
    *,
    pf_ratio: int | Unknown,
    saturation_percent: int | Unknown,
    on_oxygen: Answer,
    bilateral_oedema: Answer,
    left_atrial_hypertension: Answer,
    hours_after_product: Decimal | Unknown,
) -> Answer:
    """Transfusion-related acute lung injury: within 6 h, low oxygen, wet lungs, the heart not the main cause.

    Low oxygen is a PaO2 to FiO2 ratio of at most 300, or a saturation below 90 % on room air. Source: TRALI.
    """
    return _all(
        _low_oxygen(pf_ratio, saturation_percent, on_oxygen),
        bilateral_oedema,
        _not(left_atrial_hypertension),
        _at_most(hours_after_product, _TRALI_WITHIN_HOURS),
    )


def is_taco(*, overload_signs: tuple[str, ...] | Unknown, hours_after_product: Decimal | Unknown) -> Answer:
    """Circulatory overload: within 12 h, at least three criteria, one of them of the lungs; source: TACO."""
    if isinstance(overload_signs, Unknown):
        return UNKNOWN
    found = set(overload_signs)
    return _all(
        bool(found & _TACO_LUNG),
        len(found) >= _TACO_CRITERIA_AT_LEAST,
        _at_most(hours_after_product, _TACO_WITHIN_HOURS),
    )


def is_ivig_haemolysis(
    *,
    fall_g_per_l: Decimal | Unknown,
    hours_after_ivig: Decimal | Unknown,
    dat_positive: Answer,
    signs: tuple[Answer, ...],
    no_other_cause: Answer,
) -> Answer:
    """A fall of 10 g/L within 10 days, a positive DAT, two signs of haemolysis, no other cause.

    Source: Haemolysis.
    """
    return _all(
        UNKNOWN if isinstance(fall_g_per_l, Unknown) else fall_g_per_l >= _HAEMOLYSIS_FALL_G_PER_L,
        _at_most(hours_after_ivig, _HAEMOLYSIS_WITHIN_HOURS),
        dat_positive,
        _at_least(signs, _HAEMOLYSIS_SIGNS_AT_LEAST),
        no_other_cause,
    )


def _low_oxygen(pf_ratio: int | Unknown, saturation_percent: int | Unknown, on_oxygen: Answer) -> Answer:
    by_gas = UNKNOWN if isinstance(pf_ratio, Unknown) else pf_ratio <= _TRALI_PF_AT_MOST
    by_probe: Answer = UNKNOWN
    if not isinstance(saturation_percent, Unknown):
        # A low saturation on oxygen would be lower still on room air; a good one on oxygen says nothing.
        is_low = saturation_percent < _TRALI_SATURATION_BELOW
        by_probe = True if is_low else (False if on_oxygen is False else UNKNOWN)
    if by_gas is True or by_probe is True:
        return True
    return by_gas if by_probe is UNKNOWN else by_probe


def _all(*answers: Answer) -> Answer:
    if any(answer is False for answer in answers):
        return False
    return UNKNOWN if any(answer is UNKNOWN for answer in answers) else True


def _not(answer: Answer) -> Answer:
    return UNKNOWN if isinstance(answer, Unknown) else not answer


def _at_most(value: Decimal | Unknown, limit: int) -> Answer:
    return UNKNOWN if isinstance(value, Unknown) else value <= limit


def _at_least(signs: tuple[Answer, ...], wanted: int) -> Answer:
    """Whether so many of the signs are there: open while the unknown ones could still make the difference."""
    there = sum(1 for sign in signs if sign is True)
    possible = there + sum(1 for sign in signs if sign is UNKNOWN)
    if there >= wanted:
        return True
    return UNKNOWN if possible >= wanted else False
