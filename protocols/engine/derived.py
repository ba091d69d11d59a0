"""Facts that follow from the facts: what conditions may ask besides what the clinician was asked."""

from dataclasses import dataclass
from typing import Final

from .facts import FactDefinition, Kind, Section
from .protocol import OrderKind

_WEIGHT: Final = ("weight_kg",)
_LEVEL: Final = ("who_bleeding_grade", "bleeding_findings", "bleeding_sites", "bleeding_risk_factors")
_AXES: Final = ("platelets_per_ul", "bleeding_level", "urgent_surgery", "rapid_rise")


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedFact:
    """A fact nobody is asked for; `made_from` names the facts to ask instead while it is unknown."""

    definition: FactDefinition
    made_from: tuple[str, ...] = ()


def _derived(
    key: str,
    label: str,
    kind: Kind,
    made_from: tuple[str, ...] = (),
    *,
    unit: str = "",
    choices: tuple[str, ...] = (),
) -> DerivedFact:
    definition = FactDefinition(
        key=key,
        label=label,
        kind=kind,
        section=Section.PRODUCT,
        unit=unit,
        choices=tuple((choice, choice.replace("_", " ")) for choice in choices),
    )
    return DerivedFact(definition=definition, made_from=made_from)


_ALL: Final = (
    # Their values are scores, which know themselves what to ask while they are open.
    _derived("plasmic", "PLASMIC score", Kind.WHOLE, unit="points"),
    _derived("four_ts", "4Ts score", Kind.WHOLE, unit="points"),
    _derived("isth_dic", "ISTH DIC score", Kind.WHOLE, unit="points"),
    _derived(
        "percent_from_usual_count",
        "How far the count is from this patient's usual one",
        Kind.DECIMAL,
        ("platelets_per_ul",),
        unit="percent",
    ),
    _derived("grade", "Grade", Kind.WHOLE, ("platelets_per_ul",)),
    _derived("branch", "Branch", Kind.ROW, _AXES),
    _derived("bmi", "Body mass index", Kind.DECIMAL, ("weight_kg", "height_cm"), unit="kg per m²"),
    _derived(
        "egfr",
        "Estimated glomerular filtration rate",
        Kind.DECIMAL,
        ("creatinine_umol_per_l", "age_years", "sex"),
        unit="mL per min per 1.73 m²",
    ),
    _derived("dosing_weight_kg", "Dosing weight", Kind.DECIMAL, _WEIGHT, unit="kg"),
    _derived(
        "weight_basis",
        "Dosing weight basis",
        Kind.CHOICE,
        _WEIGHT,
        choices=("actual", "adjusted", "pre_pregnancy"),
    ),
    _derived(
        "weight_flags",
        "Dosing weight remarks",
        Kind.CHOICES,
        _WEIGHT,
        choices=("height_missing", "short_obese", "sex_missing", "pre_pregnancy_weight_missing"),
    ),
    # Every line on the screen counts, ticked or not: what can be ticked has been checked.
    _derived("order_kinds", "Proposed lines", Kind.CHOICES, choices=tuple(kind.value for kind in OrderKind)),
    _derived("order_drugs", "Drugs of the proposed lines", Kind.CHOICES),
    _derived(
        "ivig_course_g_per_kg",
        "IVIG in 7 days",
        Kind.DECIMAL,
        ("ivig_last_7_days_g_per_kg", "weight_kg"),
        unit="g per kg",
    ),
    _derived("ivig_day_g_per_kg", "IVIG in a day", Kind.DECIMAL, _WEIGHT, unit="g per kg"),
    _derived("ivig_deviation_percent", "Rounding deviation", Kind.DECIMAL, _WEIGHT, unit="percent"),
    _derived("ivig_left_over_g", "Left over in a part-used vial", Kind.DECIMAL, _WEIGHT, unit="g"),
    _derived("prednisone_uncapped_mg", "predniSONE before the cap", Kind.DECIMAL, _WEIGHT, unit="mg daily"),
    _derived("steroid_days", "Days of full-dose corticosteroid", Kind.WHOLE, _WEIGHT, unit="days"),
    _derived("product_name", "Name of the product", Kind.TEXT, ("product",)),
    _derived(
        "product_stabilisers",
        "Stabilisers of the product",
        Kind.CHOICES,
        ("product",),
        choices=("proline", "glycine", "sorbitol", "maltose", "sucrose", "glucose", "none"),
    ),
    _derived("product_route", "Route of the product", Kind.CHOICE, ("product",), choices=("iv", "sc")),
    _derived("product_iga_depleted", "Product is IgA-depleted", Kind.YES_NO, ("product",)),
    _derived("product_itp_labelled", "Product is labelled for ITP here", Kind.YES_NO, ("product",)),
    _derived("product_withdrawn", "Product is being withdrawn", Kind.YES_NO, ("product",)),
    _derived("at_risk", "At the at-risk infusion rate", Kind.YES_NO),
    _derived(
        "product_concentration_percent",
        "Concentration of the product",
        Kind.DECIMAL,
        ("product",),
        unit="percent",
    ),
    _derived(
        "ivig_exposure",
        "What this IVIG is to the patient",
        Kind.CHOICE,
        ("first_ivig", "hours_since_last_ivig", "last_product"),
        choices=("first", "after_gap", "new_brand", "same_brand"),
    ),
    _derived("planned_volume_over_limit", "Planned volume is above the overload limit", Kind.YES_NO, _WEIGHT),
    _derived(
        "plan_shares_a_line",
        "IVIG and platelets would run in one line at one time",
        Kind.YES_NO,
        (*_WEIGHT, "venous_lines"),
    ),
    _derived("repeat_too_early", "Second IVIG dose is not due yet", Kind.YES_NO, ("hours_since_last_ivig",)),
    _derived(
        "hours_until_repeat",
        "Time until a second IVIG dose is due",
        Kind.DECIMAL,
        ("hours_since_last_ivig",),
        unit="hours",
    ),
    _derived(
        "live_vaccine_months",
        "Time until a live measles or varicella vaccine may follow",
        Kind.WHOLE,
        ("ivig_last_7_days_g_per_kg",),
        unit="months",
    ),
    _derived(
        "rate_above_product_maximum", "Planned rate is above the product's maximum", Kind.YES_NO, _WEIGHT
    ),
    _derived("rate_above_at_risk_cap", "Planned rate is above the at-risk rate", Kind.YES_NO, _WEIGHT),
    _derived(
        "planned_volume_6h_ml_per_kg",
        "Volume planned in the first 6 hours",
        Kind.DECIMAL,
        _WEIGHT,
        unit="mL per kg",
    ),
    _derived(
        "findings_suggest_higher_level", "Findings suggest a higher bleeding level", Kind.YES_NO, _LEVEL
    ),
    _derived(
        "count_at_procedure_target",
        "Count is at the procedure's target",
        Kind.YES_NO,
        ("procedure", "platelets_per_ul"),
    ),
    _derived(
        "count_below_procedure_target",
        "Count is below the procedure's target",
        Kind.YES_NO,
        ("procedure", "platelets_per_ul"),
    ),
)

ORDER_FACTS: Final = frozenset({"order_kinds", "order_drugs"})
"""What the proposal consists of: conditions on them say which lines a rule is about."""

PLAN_FACTS: Final = frozenset(
    {
        "rate_above_product_maximum",
        "rate_above_at_risk_cap",
        "planned_volume_6h_ml_per_kg",
        "planned_volume_over_limit",
        "plan_shares_a_line",
    }
)
"""What follows from the planned infusion, and so is known only after the rules that shape the plan."""

DERIVED: Final = {fact.definition.key: fact for fact in _ALL}

PRODUCT_FACTS: Final = frozenset(
    {
        "product",
        "ivig_left_over_g",
        "ivig_exposure",
        "planned_volume_6h_ml_per_kg",
        "planned_volume_over_limit",
        *(key for key in DERIVED if key.startswith("product_")),
    }
)
"""What another product would answer differently."""
