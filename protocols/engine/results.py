"""The values of a check: what can be measured or seen, and what follows from it and from earlier results.

They are named, measured and chosen like facts, but belong to one moment. What is not given is unknown.
"""

from typing import Final

from .facts import FactDefinition, Kind, Section


def _value(
    key: str,
    label: str,
    kind: Kind,
    unit: str = "",
    *,
    choices: tuple[tuple[str, str], ...] = (),
    help: str = "",
) -> FactDefinition:
    # No form of facts asks it; the section says nothing here.
    return FactDefinition(
        key=key, label=label, kind=kind, section=Section.PRODUCT, unit=unit, choices=choices, help=help
    )


THROMBOSIS_SIGNS: Final = (
    ("limb", "Limb pain, swelling or change of colour"),
    ("chest_pain", "Chest pain"),
    ("breathlessness", "Breathlessness"),
    ("one_sided_weakness", "Weakness or numbness of one side"),
    ("speech", "Speech disturbed"),
    ("vision", "Vision disturbed"),
    ("sudden_severe_headache", "Sudden severe headache"),
    ("unexplained_fast_pulse", "Fast pulse without explanation"),
)
MENINGITIS_SIGNS: Final = (
    ("stiff_neck", "Stiff neck"),
    ("photophobia", "Dislike of light"),
    ("vomiting", "Vomiting"),
    ("fever", "Fever"),
)
OVERLOAD_SIGNS: Final = (
    ("respiratory_distress", "Acute or worse breathing"),
    ("pulmonary_oedema", "Fluid in the lungs, on examination or imaging"),
    ("cardiovascular_change", "Fast pulse, high blood pressure or full neck veins without another cause"),
    ("fluid_overload", "Positive balance or a good answer to a diuretic"),
    ("natriuretic_peptide", "BNP or NT-proBNP above 1.5 times the value before"),
)
STEROID_EFFECTS: Final = (
    ("mood", "Low, high or changed mood"),
    ("sleep", "Sleep disturbed"),
    ("infection", "Signs of infection"),
)

_ENTERED: Final = (
    _value("temperature_c", "Temperature", Kind.DECIMAL, "°C"),
    _value("heart_rate_per_min", "Heart rate", Kind.WHOLE, "per min"),
    _value("systolic_mmhg", "Systolic blood pressure", Kind.WHOLE, "mmHg"),
    _value("diastolic_mmhg", "Diastolic blood pressure", Kind.WHOLE, "mmHg"),
    _value("respiratory_rate_per_min", "Breathing rate", Kind.WHOLE, "per min"),
    _value("oxygen_saturation_percent", "Oxygen saturation", Kind.WHOLE, "%"),
    _value("on_oxygen", "Oxygen given", Kind.YES_NO),
    _value("rigors", "Rigors", Kind.YES_NO),
    _value("weight_kg", "Weight", Kind.DECIMAL, "kg"),
    _value(
        "fluid_status",
        "Fluid status",
        Kind.CHOICE,
        choices=(("dry", "Dry"), ("balanced", "Balanced"), ("overloaded", "Overloaded")),
    ),
    _value("observed_without_reaction", "Observed to the end without a reaction", Kind.YES_NO),
    _value("creatinine_umol_per_l", "Creatinine", Kind.DECIMAL, "micromol per L"),
    _value("urea_mmol_per_l", "Urea", Kind.DECIMAL, "mmol per L"),
    _value("potassium_mmol_per_l", "Potassium", Kind.DECIMAL, "mmol per L"),
    _value("renal_replacement", "On dialysis or haemofiltration", Kind.YES_NO),
    _value("urine_ml", "Urine since the last measurement", Kind.WHOLE, "mL"),
    _value("urine_hours", "Over", Kind.DECIMAL, "hours"),
    _value("thrombosis_signs", "Signs of a clot or stroke", Kind.CHOICES, choices=THROMBOSIS_SIGNS),
    _value("limbs_examined", "Limbs examined", Kind.YES_NO),
    _value("headache_score", "Headache, 0 to 10", Kind.WHOLE),
    _value("meningitis_signs", "Signs of meningitis", Kind.CHOICES, choices=MENINGITIS_SIGNS),
    _value("drowsy", "Drowsy", Kind.YES_NO),
    _value("focal_sign", "Focal sign of the nervous system", Kind.YES_NO),
    _value("haemoglobin_g_per_l", "Haemoglobin", Kind.DECIMAL, "g per L"),
    _value("dark_urine", "Dark urine", Kind.YES_NO),
    _value("reticulocytes_raised", "Reticulocytes raised", Kind.YES_NO),
    _value("ldh_raised", "LDH raised", Kind.YES_NO),
    _value("bilirubin_raised", "Bilirubin raised", Kind.YES_NO),
    _value("haptoglobin_low", "Haptoglobin low", Kind.YES_NO),
    _value("spherocytes", "Spherocytes on the smear", Kind.YES_NO),
    _value("dat_positive", "Direct antiglobulin test positive", Kind.YES_NO),
    _value("no_other_cause", "Bleeding and other causes of the fall excluded", Kind.YES_NO),
    _value(
        "blood_group", "ABO group", Kind.CHOICE, choices=(("o", "O"), ("a", "A"), ("b", "B"), ("ab", "AB"))
    ),
    _value("new_crackles", "New crackles", Kind.YES_NO),
    _value("neck_veins_raised", "Neck veins full", Kind.YES_NO),
    _value("pink_sputum", "Pink frothy sputum", Kind.YES_NO),
    _value("pf_ratio", "PaO2 to FiO2 ratio", Kind.WHOLE, "mmHg", help="Only where a blood gas was taken."),
    _value(
        "positive_balance_ml",
        "Positive fluid balance",
        Kind.WHOLE,
        "mL",
        help="Since the start of the first product; 0 where the balance is even or negative.",
    ),
    _value("overload_signs", "Criteria of circulatory overload", Kind.CHOICES, choices=OVERLOAD_SIGNS),
    _value("bilateral_oedema", "Oedema of both lungs on imaging", Kind.YES_NO),
    _value("left_atrial_hypertension", "Left atrial hypertension is the main cause", Kind.YES_NO),
    _value("hours_after_product", "Began this long after the product", Kind.DECIMAL, "hours"),
    _value("platelets_per_ul", "Platelet count", Kind.WHOLE, "per microlitre"),
    _value("who_bleeding_grade", "WHO bleeding grade", Kind.WHOLE, "grade 0 to 4"),
    _value("glucose_mmol_per_l", "Glucose", Kind.DECIMAL, "mmol per L"),
    _value("ketones", "Ketones raised", Kind.YES_NO),
    _value("glucose_specific_method", "Laboratory or glucose-specific meter", Kind.YES_NO),
    _value("steroid_effects", "Mood, sleep, infection", Kind.CHOICES, choices=STEROID_EFFECTS),
    _value(
        "steroid_decision",
        "Corticosteroid from here",
        Kind.CHOICE,
        choices=(("continue", "Continue"), ("taper", "Taper"), ("stop", "Stop")),
    ),
    _value("neutrophils_e9_per_l", "Neutrophils", Kind.DECIMAL, "× 10⁹ per L"),
    _value("sodium_mmol_per_l", "Sodium, direct electrode", Kind.WHOLE, "mmol per L"),
    _value("is_done", "Done", Kind.YES_NO),
)

_FOLLOWS: Final = (
    _value("temperature_rise_c", "Rise of temperature since before the product", Kind.DECIMAL, "°C"),
    _value("systolic_fall_mmhg", "Fall of systolic pressure since before the product", Kind.WHOLE, "mmHg"),
    _value("systolic_rise_mmhg", "Rise of systolic pressure since before the product", Kind.WHOLE, "mmHg"),
    _value("heart_rate_rise_per_min", "Rise of heart rate since before the product", Kind.WHOLE, "per min"),
    _value("heart_rate_fall_per_min", "Fall of heart rate since before the product", Kind.WHOLE, "per min"),
    _value("oxygen_newly_needed", "Oxygen needed that was not needed before", Kind.YES_NO),
    _value("egfr", "Estimated glomerular filtration rate", Kind.DECIMAL, "mL per min per 1.73 m²"),
    _value("kdigo_stage", "KDIGO stage from creatinine", Kind.WHOLE),
    _value("creatinine_ratio", "Creatinine against the baseline", Kind.DECIMAL, "times"),
    _value("urine_ml_per_kg_per_h", "Urine output", Kind.DECIMAL, "mL per kg per hour"),
    _value("urine_stage", "KDIGO stage from urine output", Kind.WHOLE),
    _value(
        "haemoglobin_fall_g_per_l",
        "Fall of haemoglobin from its highest since before the product",
        Kind.DECIMAL,
        "g per L",
    ),
    _value("haemolysis_signs", "Signs of haemolysis", Kind.WHOLE),
    _value("is_haemolysis", "Meets the Canadian case definition of IVIG haemolysis", Kind.YES_NO),
    _value("meningitis_sign_count", "Signs of meningitis", Kind.WHOLE),
    _value("is_trali", "Meets the criteria of TRALI", Kind.YES_NO),
    _value("is_taco", "Meets the criteria of TACO", Kind.YES_NO),
    _value("platelet_rise_per_ul", "Rise of the count since the baseline", Kind.WHOLE, "per microlitre"),
    _value("own_platelets_per_ul", "Count that platelets did not lift", Kind.WHOLE, "per microlitre"),
    _value(
        "own_platelet_rise_per_ul",
        "Rise of the count that platelets did not lift",
        Kind.WHOLE,
        "per microlitre",
    ),
    _value("count_below_target", "Count below the target of the bleed or the procedure", Kind.YES_NO),
    _value("fall_from_peak_percent", "Fall of the count from its peak", Kind.DECIMAL, "%"),
    _value("bleeding_step_up", "Bleeding grade higher than before", Kind.YES_NO),
)

RESULTS: Final = {definition.key: definition for definition in (*_ENTERED, *_FOLLOWS)}
ENTERED: Final = frozenset(definition.key for definition in _ENTERED)
"""The values somebody enters; the others follow from them."""
