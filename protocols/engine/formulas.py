"""Published equations, each with its source; the only place where their constants stand.

Every function takes and returns `Decimal` (`int` for counts, years and stages), computes with 28 digits
whatever the caller's context says, and rounds nothing unless its source says so. Weights are kilograms:
pounds are not converted. A value outside the stated range raises `ValueError`; nothing is clamped or guessed.

Sources
    BMI         Quetelet index: weight over height squared.
    Devine      Devine BJ. Drug Intell Clin Pharm 1974;8:650-655, as reviewed in Pai MP, Paloucek FP.
                Ann Pharmacother 2000;34(9):1066-1069.
    Mosteller   Mosteller RD. N Engl J Med 1987;317:1098.
    CKD-EPI     Inker LA et al. N Engl J Med 2021;385:1737-1749 (creatinine equation without race).
    CG          Cockcroft DW, Gault MH. Nephron 1976;16:31-41.
    KDIGO       KDIGO Acute Kidney Injury Work Group. Kidney Int Suppl 2012;2:1-138.
    CCI         Corrected count increment, as published by the University of Wisconsin,
                williams.medicine.wisc.edu/cci.htm.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Literal

CreatinineUnit = Literal["mg_per_dl", "umol_per_l"]

ADULT_FROM_YEARS = 18

_ARITHMETIC = Context(prec=28, rounding=ROUND_HALF_EVEN)
_CM_PER_INCH = Decimal("2.54")
_UMOL_PER_L_IN_ONE_MG_PER_DL = Decimal("88.4")

_DEVINE_BASE_KG: dict[str, Decimal] = {"female": Decimal("45.5"), "male": Decimal(50)}
_DEVINE_KG_PER_INCH = Decimal("2.3")
_DEVINE_FROM_INCHES = 60

_CKD_EPI_KAPPA: dict[str, Decimal] = {"female": Decimal("0.7"), "male": Decimal("0.9")}
_CKD_EPI_ALPHA: dict[str, Decimal] = {
    "female": Decimal("-0.241"),
    "male": Decimal("-0.302"),
}
_CKD_EPI_SEX_FACTOR: dict[str, Decimal] = {
    "female": Decimal("1.012"),
    "male": Decimal(1),
}

_COCKCROFT_GAULT_SEX_FACTOR: dict[str, Decimal] = {
    "female": Decimal("0.85"),
    "male": Decimal(1),
}
_COCKCROFT_GAULT_YEARS = 140

# KDIGO prints its two absolute criteria in both units; 26.5 is not exactly 0.3 x 88.4, so neither is derived.
_KDIGO_RISE: dict[CreatinineUnit, Decimal] = {
    "mg_per_dl": Decimal("0.3"),
    "umol_per_l": Decimal("26.5"),
}
_KDIGO_HIGH: dict[CreatinineUnit, Decimal] = {
    "mg_per_dl": Decimal("4.0"),
    "umol_per_l": Decimal("353.6"),
}
_KDIGO_RISE_WITHIN_HOURS = 48
KDIGO_RATIO_WITHIN_HOURS = 7 * 24
KDIGO_URINE_HOURS = 6


def bmi(*, weight_kg: Decimal, height_cm: Decimal) -> Decimal:
    """Body mass index in kg/m2 of a child or adult; ValueError when not positive. Source: Quetelet."""
    _require_positive(weight_kg=weight_kg, height_cm=height_cm)
    with _arithmetic():
        return weight_kg * 10_000 / (height_cm * height_cm)


def ideal_body_weight_kg(*, height_cm: Decimal, sex: str) -> Decimal:
    """Ideal body weight in kg of an adult from height and sex; source: Devine.

    Made for heights of 60 inches (152.4 cm) and above. Below, the result is an extrapolation: compute and
    show it, never dose on it.
    ValueError on a height that is not positive, or so small that the line gives no positive weight.
    """
    _require_positive(height_cm=height_cm)
    _require_sex(sex)
    with _arithmetic():
        over_60_inches = height_cm / _CM_PER_INCH - _DEVINE_FROM_INCHES
        weight_kg = _DEVINE_BASE_KG[sex] + _DEVINE_KG_PER_INCH * over_60_inches
    if weight_kg <= 0:
        raise ValueError("height_cm is too small for the Devine equation")
    return weight_kg


def adjusted_body_weight_kg(*, weight_kg: Decimal, ideal_kg: Decimal, factor: Decimal) -> Decimal:
    """Adjusted body weight in kg: ideal weight plus a share of what the patient weighs above it.

    The factor (0 to 1) is an argument, because it is a protocol's policy and not part of the equation. Meant
    for weights above the ideal one. ValueError on a weight that is not positive or a factor outside 0 to 1.
    """
    _require_positive(weight_kg=weight_kg, ideal_kg=ideal_kg)
    if not (factor.is_finite() and 0 <= factor <= 1):
        raise ValueError("factor must lie between 0 and 1")
    with _arithmetic():
        return ideal_kg + factor * (weight_kg - ideal_kg)


def body_surface_area_m2(*, weight_kg: Decimal, height_cm: Decimal) -> Decimal:
    """Body surface area in m2 of a child or adult; ValueError when not positive. Source: Mosteller."""
    _require_positive(weight_kg=weight_kg, height_cm=height_cm)
    with _arithmetic():
        return (height_cm * weight_kg / 3600).sqrt()


def creatinine_mg_per_dl(*, umol_per_l: Decimal) -> Decimal:
    """Serum creatinine in mg/dL from micromol/L (divided by 88.4); ValueError when not positive."""
    _require_positive(umol_per_l=umol_per_l)
    with _arithmetic():
        return umol_per_l / _UMOL_PER_L_IN_ONE_MG_PER_DL


def creatinine_umol_per_l(*, mg_per_dl: Decimal) -> Decimal:
    """Serum creatinine in micromol/L from mg/dL (times 88.4); ValueError when not positive."""
    _require_positive(mg_per_dl=mg_per_dl)
    with _arithmetic():
        return mg_per_dl * _UMOL_PER_L_IN_ONE_MG_PER_DL


def egfr_ml_per_min_per_1_73m2(*, creatinine_mg_per_dl: Decimal, age_years: int, sex: str) -> Decimal:
    """Estimated glomerular filtration rate in mL/min/1.73 m2, not rounded; source: CKD-EPI 2021.

    For adults: ValueError below 18 years, on a creatinine that is not positive, and on any other sex than
    "female" or "male". See `report_egfr` for the figure to show.
    """
    _require_positive(creatinine_mg_per_dl=creatinine_mg_per_dl)
    _require_sex(sex)
    if age_years < ADULT_FROM_YEARS:
        raise ValueError("CKD-EPI 2021 is for adults of 18 years and above")
    with _arithmetic():
        ratio = creatinine_mg_per_dl / _CKD_EPI_KAPPA[sex]
        below_kappa = min(ratio, Decimal(1)) ** _CKD_EPI_ALPHA[sex]
        above_kappa = max(ratio, Decimal(1)) ** Decimal("-1.200")
        ageing = Decimal("0.9938") ** age_years
        return 142 * below_kappa * above_kappa * ageing * _CKD_EPI_SEX_FACTOR[sex]


def report_egfr(egfr: Decimal) -> int:
    """The estimate as laboratories report it: a whole number, halves up; ValueError when not positive."""
    _require_positive(egfr=egfr)
    return int(egfr.to_integral_value(rounding=ROUND_HALF_UP))


def creatinine_clearance_ml_per_min(
    *, creatinine_mg_per_dl: Decimal, age_years: int, weight_kg: Decimal, sex: str
) -> Decimal:
    """Creatinine clearance in mL/min, not indexed to body surface, not rounded; source: CG.

    For adults from 18 to 139 years (the equation reaches zero at 140); ValueError outside, on a creatinine or
    weight that is not positive, and on any other sex than "female" or "male".
    """
    _require_positive(creatinine_mg_per_dl=creatinine_mg_per_dl, weight_kg=weight_kg)
    _require_sex(sex)
    if not ADULT_FROM_YEARS <= age_years < _COCKCROFT_GAULT_YEARS:
        raise ValueError("Cockcroft-Gault is for adults from 18 to 139 years")
    with _arithmetic():
        male = (_COCKCROFT_GAULT_YEARS - age_years) * weight_kg / (72 * creatinine_mg_per_dl)
        return male * _COCKCROFT_GAULT_SEX_FACTOR[sex]


def corrected_count_increment(
    *,
    before_per_ul: int,
    after_per_ul: int,
    bsa_m2: Decimal,
    platelets_given_e11: Decimal,
) -> Decimal:
    """Corrected count increment (per microlitre, m2, per 10^11 platelets), not rounded; source: CCI.

    Counts are per microlitre, platelets given in units of 10^11. The count after is meant to be taken 10 to
    60 minutes after the end of the transfusion. A fall gives a negative increment, returned as such.
    ValueError on a negative count, or a surface or number of platelets that is not positive.
    """
    _require_positive(bsa_m2=bsa_m2, platelets_given_e11=platelets_given_e11)
    if before_per_ul < 0 or after_per_ul < 0:
        raise ValueError("a platelet count cannot be negative")
    with _arithmetic():
        return (after_per_ul - before_per_ul) * bsa_m2 / platelets_given_e11


def kdigo_creatinine_stage(
    *, baseline: Decimal, current: Decimal, hours_apart: Decimal, unit: CreatinineUnit
) -> int:
    """Acute kidney injury stage 0 to 3 from two serum creatinines in the same unit; source: KDIGO, table 2.

    Injury is a rise by 0.3 mg/dL (26.5 micromol/L) within 48 h, or to 1.5 times the baseline within 7 days.
    Then the ratio gives the stage (2.0 times: 2, 3.0 times: 3), and 4.0 mg/dL (353.6 micromol/L) is stage 3;
    that level alone, without injury, is stage 0.

    ValueError on a value that is not positive, and on samples more than 7 days apart: the definition ends
    there, and which baseline to use then is a clinical choice.
    """
    _require_positive(baseline=baseline, current=current, hours_apart=hours_apart)
    if hours_apart > KDIGO_RATIO_WITHIN_HOURS:
        raise ValueError("KDIGO compares creatinines at most 7 days apart")
    with _arithmetic():
        # A value converted from the other unit misses a border by its last digit, far below what is reported.
        rise = (current - baseline).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        ratio = (current / baseline).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)
    rose_within_48_h = rise >= _KDIGO_RISE[unit] and hours_apart <= _KDIGO_RISE_WITHIN_HOURS
    if not rose_within_48_h and ratio < Decimal("1.5"):
        return 0
    if ratio >= 3 or current >= _KDIGO_HIGH[unit]:
        return 3
    return 2 if ratio >= 2 else 1


def kdigo_urine_stage(*, ml_per_kg_per_h: Decimal, hours: Decimal) -> int:
    """Acute kidney injury stage 0 to 3 from the urine output over a stretch of hours; source: KDIGO, table 2.

    Below 0.5 mL/kg/h for 6 h: 1, for 12 h: 2; below 0.3 for 24 h, or none at all for 12 h: 3.
    ValueError on a negative output or a stretch that is not positive.
    """
    _require_positive(hours=hours)
    if not ml_per_kg_per_h.is_finite() or ml_per_kg_per_h < 0:
        raise ValueError("ml_per_kg_per_h must not be negative")
    if (ml_per_kg_per_h == 0 and hours >= 12) or (ml_per_kg_per_h < Decimal("0.3") and hours >= 24):
        return 3
    if ml_per_kg_per_h >= Decimal("0.5") or hours < KDIGO_URINE_HOURS:
        return 0
    return 2 if hours >= 12 else 1


def kdigo_child_egfr_stage(*, egfr_ml_per_min_per_1_73m2: Decimal, age_years: int) -> int:
    """Stage 3 when a patient under 18 falls below 35 mL/min/1.73 m2, else 0; source: KDIGO, table 2.

    ValueError on an estimate that is not positive, or at 18 years and above, where KDIGO has no such rule.
    """
    _require_positive(egfr_ml_per_min_per_1_73m2=egfr_ml_per_min_per_1_73m2)
    if not 0 <= age_years < ADULT_FROM_YEARS:
        raise ValueError("this KDIGO criterion is for patients under 18 years")
    return 3 if egfr_ml_per_min_per_1_73m2 < 35 else 0


def kdigo_worst_stage(*, stages: Iterable[int], renal_replacement: bool) -> int:
    """The stage of the patient: the worst of those judged, or 3 on renal replacement; source: KDIGO, table 2.

    ValueError when there is neither a judged stage nor renal replacement: not judged is not stage 0.
    """
    return 3 if renal_replacement else max(stages)


def concentration_mg_per_ml(*, percent: Decimal) -> Decimal:
    """Concentration in mg/mL from percent (grams in 100 mL); ValueError when not positive."""
    _require_positive(percent=percent)
    with _arithmetic():
        return percent * 10


def volume_ml(*, grams: Decimal, percent: Decimal) -> Decimal:
    """Volume in mL that holds these grams at a concentration in percent; ValueError when not positive."""
    _require_positive(grams=grams, percent=percent)
    with _arithmetic():
        return grams * 100 / percent


def rate_mg_per_kg_per_min(*, ml_per_kg_per_h: Decimal, mg_per_ml: Decimal) -> Decimal:
    """Infusion rate in mg/kg/min from mL/kg/h and the concentration; ValueError when not positive."""
    _require_positive(ml_per_kg_per_h=ml_per_kg_per_h, mg_per_ml=mg_per_ml)
    with _arithmetic():
        return ml_per_kg_per_h * mg_per_ml / 60


def rate_ml_per_kg_per_h(*, mg_per_kg_per_min: Decimal, mg_per_ml: Decimal) -> Decimal:
    """Infusion rate in mL/kg/h from mg/kg/min and the concentration; ValueError when not positive."""
    _require_positive(mg_per_kg_per_min=mg_per_kg_per_min, mg_per_ml=mg_per_ml)
    with _arithmetic():
        return mg_per_kg_per_min * 60 / mg_per_ml


def _arithmetic() -> AbstractContextManager[Context]:
    """A context of our own, so that a caller's precision or rounding cannot change a result."""
    return localcontext(_ARITHMETIC)


def _require_positive(**values: Decimal) -> None:
    for name, value in values.items():
        if not value.is_finite() or value <= 0:
            raise ValueError(f"{name} must be above zero")


def _require_sex(sex: str) -> None:
    if sex not in ("female", "male"):
        raise ValueError("sex must be female or male")
