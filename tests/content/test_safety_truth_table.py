"""Each safety rule against a table written by hand from the evidence: when it speaks, when it asks."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import pytest

from protocols.content_files import load_shipped
from protocols.engine.conditions import compile_when
from protocols.engine.facts import UNKNOWN
from protocols.engine.protocol import Protocol, SafetyRule, WhenUnknown

Values = Mapping[str, Any]

D = Decimal
IVIG: Final = {"order_kinds": ("ivig",)}
PLATELETS: Final = {"order_kinds": ("platelets",)}
BOTH: Final = {"order_kinds": ("ivig", "platelets")}
STEROID: Final = {"order_kinds": ("corticosteroid",)}
LT: Final = {"bleeding_level": "life_threatening"}
SITE: Final = {"bleeding_level": "active_cns_gi_gu"}
ACTIVE: Final = {"bleeding_level": "active"}
NONE: Final = {"bleeding_level": "none"}
FIRES, ASKS, SILENT = True, UNKNOWN, False


class Row(NamedTuple):
    """`speaks` are values for which the rule holds; each of `silent`, laid over them, takes that away.

    `unknown` is taken out of them, and leaves the rule in the state beside it.
    """

    rule: str
    severity: str
    lifted_by: str
    speaks: Values
    silent: tuple[Values, ...]
    unknown: str
    then: Any


HARD, NAMED, WARN, INFO = "hard", "hard_named_haematologist", "warning", "information"
NO, READ, WHY, ONE, TWO = "none", "acknowledge", "reason", "named", "named_and_second"


def row(
    rule: str,
    severity: str,
    lifted_by: str,
    speaks: Values,
    *silent: Values,
    unknown: str,
    then: Any = ASKS,
) -> Row:
    return Row(rule, severity, lifted_by, speaks, silent, unknown, then)


NO_LINE: Final = {"order_kinds": ()}

TABLE: Final = (
    # HS-01: the count with its time and the weight with its date, before anything is signed.
    row("W-SAMPLE", HARD, NO, IVIG, {"sample_age_hours": D(2)}, NO_LINE, unknown="order_kinds"),
    row(
        "W-WEIGHT-AGE",
        HARD,
        NO,
        {"weight_method": "measured", "weight_age_days": D(8), **IVIG},
        {"weight_age_days": D(7)},
        {"weight_method": "estimated"},
        unknown="weight_age_days",
        then=FIRES,
    ),
    row(
        "W-WEIGHT-ESTIMATED",
        WARN,
        READ,
        {"weight_method": "estimated", **IVIG},
        {"weight_method": "measured"},
        unknown="weight_method",
    ),
    row(
        "HS-02",
        HARD,
        NO,
        {"platelets_per_ul": 1_000_000, **ACTIVE},
        {"platelets_per_ul": 999_999},
        {"bleeding_level": "none", "usual_platelets_per_ul": 250_000},
        unknown="platelets_per_ul",
    ),
    row(
        "HS-03",
        HARD,
        NO,
        {"clumps": True, "low_count_confirmed": False, **NONE},
        {"clumps": False},
        {"low_count_confirmed": True},
        {"bleeding_level": "active"},
        unknown="low_count_confirmed",
        then=FIRES,
    ),
    row(
        "HS-03-BLEEDING",
        HARD,
        NO,
        {"clumps": True, "low_count_confirmed": False, **ACTIVE},
        {"clumps": False},
        {"low_count_confirmed": True},
        LT,
        unknown="low_count_confirmed",
        then=FIRES,
    ),
    row(
        "HS-03-CRITICAL",
        WARN,
        READ,
        {"clumps": True, **LT},
        {"clumps": False},
        {"low_count_confirmed": True},
        ACTIVE,
        unknown="clumps",
    ),
    row(
        "HS-04",
        HARD,
        NO,
        {"ttp_suspected": True, **ACTIVE, **PLATELETS},
        {"ttp_suspected": False, "schistocytes": False, "haemolysis": False},
        LT,
        STEROID,
        unknown="ttp_suspected",
    ),
    row(
        "HS-04-LT",
        NAMED,
        ONE,
        {"ttp_suspected": True, **LT, **PLATELETS},
        {"ttp_suspected": False, "schistocytes": False, "haemolysis": False},
        ACTIVE,
        STEROID,
        unknown="ttp_suspected",
    ),
    row(
        "HS-05",
        HARD,
        NO,
        {"hit_suspected": True, **NONE, **PLATELETS},
        {"hit_suspected": False},
        ACTIVE,
        IVIG,
        unknown="hit_suspected",
    ),
    row(
        "HS-05-BLEEDING",
        NAMED,
        ONE,
        {"hit_suspected": True, **ACTIVE, **PLATELETS},
        {"hit_suspected": False},
        NONE,
        IVIG,
        unknown="hit_suspected",
    ),
    row(
        "HS-06",
        NAMED,
        TWO,
        {"immunoglobulin_reaction": True, **IVIG},
        {"immunoglobulin_reaction": False},
        PLATELETS,
        unknown="immunoglobulin_reaction",
    ),
    row(
        "HS-07",
        NAMED,
        TWO,
        {"iga_g_per_l": D("0.069"), "anti_iga": True, "immunoglobulin_reaction": True, **IVIG},
        {"iga_g_per_l": D("0.07")},
        {"anti_iga": False},
        {"immunoglobulin_reaction": False},
        unknown="anti_iga",
    ),
    row(
        "HS-08",
        HARD,
        NO,
        {"iga_g_per_l": D("0.069"), "product_iga_depleted": False, **ACTIVE, **IVIG},
        {"iga_g_per_l": D("0.07")},
        {"product_iga_depleted": True},
        LT,
        unknown="iga_g_per_l",
    ),
    row(
        "HS-08-LT",
        NAMED,
        ONE,
        {"iga_g_per_l": D("0.069"), "product_iga_depleted": False, **LT, **IVIG},
        {"iga_g_per_l": D("0.07")},
        {"product_iga_depleted": True},
        ACTIVE,
        unknown="iga_g_per_l",
    ),
    row(
        "HS-09",
        HARD,
        NO,
        {"first_ivig": True, **ACTIVE, **IVIG},
        {"first_ivig": False},
        {"iga_g_per_l": D(1)},
        SITE,
        LT,
        PLATELETS,
        unknown="first_ivig",
        then=FIRES,
    ),
    row(
        "HS-09-CRITICAL",
        WARN,
        WHY,
        {"first_ivig": True, "iga_sample_taken": False, **SITE, **IVIG},
        {"first_ivig": False},
        {"iga_g_per_l": D(1)},
        ACTIVE,
        {"iga_sample_taken": True},
        unknown="iga_sample_taken",
        then=FIRES,
    ),
    row(
        "HS-09-SENT",
        WARN,
        READ,
        {"first_ivig": True, "iga_sample_taken": True, **LT, **IVIG},
        {"first_ivig": False},
        {"iga_g_per_l": D(1)},
        ACTIVE,
        {"iga_sample_taken": False},
        unknown="iga_sample_taken",
    ),
    row(
        "HS-10",
        HARD,
        NO,
        {"hyperprolinaemia": True, "product_stabilisers": ("proline",), **IVIG},
        {"hyperprolinaemia": False},
        {"product_stabilisers": ("glycine",)},
        unknown="hyperprolinaemia",
    ),
    row(
        "HS-11",
        HARD,
        NO,
        {"fructose_intolerance": True, "age_years": 40, "product_stabilisers": ("sorbitol",), **IVIG},
        {"fructose_intolerance": False},
        {"product_stabilisers": ("glycine",)},
        unknown="fructose_intolerance",
    ),
    row(
        "HS-12",
        HARD,
        WHY,
        {
            "glucose_monitored": True,
            "glucose_specific_meter": False,
            "product_stabilisers": ("maltose",),
            **IVIG,
        },
        {"glucose_monitored": False},
        {"glucose_specific_meter": True},
        {"product_stabilisers": ("glycine",)},
        unknown="glucose_specific_meter",
        then=FIRES,
    ),
    row(
        "HS-13",
        NAMED,
        TWO,
        {"corn_allergy": True, "product_stabilisers": ("maltose",), **IVIG},
        {"corn_allergy": False},
        {"product_stabilisers": ("glycine",)},
        unknown="corn_allergy",
    ),
    row("HS-14", HARD, NO, {"product_route": "sc", **IVIG}, {"product_route": "iv"}, unknown="product_route"),
    row(
        "HS-15",
        NAMED,
        ONE,
        {"ivig_day_g_per_kg": D("1.01"), "ivig_course_g_per_kg": D(2), **IVIG},
        {"ivig_day_g_per_kg": D(1)},
        unknown="ivig_day_g_per_kg",
    ),
    row(
        "HS-15-100G",
        WARN,
        READ,
        {"dosing_weight_kg": D("100.1"), "ivig_day_g_per_kg": D(1), **IVIG},
        {"dosing_weight_kg": D(100)},
        {"ivig_day_g_per_kg": D("0.4")},
        unknown="dosing_weight_kg",
    ),
    row(
        "HS-16",
        HARD,
        WHY,
        {"ivig_deviation_percent": D("10.1"), "dosing_weight_kg": D(30), **IVIG},
        {"ivig_deviation_percent": D(10)},
        unknown="ivig_deviation_percent",
    ),
    row(
        "HS-16-PART-VIAL",
        INFO,
        NO,
        {"ivig_left_over_g": D("0.5"), **IVIG},
        {"ivig_left_over_g": D(0)},
        unknown="ivig_left_over_g",
    ),
    row(
        "HS-17",
        HARD,
        NO,
        {"rate_above_product_maximum": True, **IVIG},
        {"rate_above_product_maximum": False},
        unknown="rate_above_product_maximum",
    ),
    row(
        "HS-17-AT-RISK",
        WARN,
        WHY,
        {"rate_above_at_risk_cap": True, **IVIG},
        {"rate_above_at_risk_cap": False},
        unknown="rate_above_at_risk_cap",
    ),
    row(
        "HS-18",
        HARD,
        NO,
        {"renal_risk_factors": ("volume_depletion",), **SITE, **IVIG},
        {"renal_risk_factors": ("diabetes",)},
        LT,
        PLATELETS,
        unknown="renal_risk_factors",
    ),
    row(
        "HS-18-LT",
        WARN,
        READ,
        {"renal_risk_factors": ("volume_depletion",), **LT, **IVIG},
        {"renal_risk_factors": ()},
        SITE,
        unknown="renal_risk_factors",
    ),
    row(
        "HS-19",
        HARD,
        NO,
        {
            "product_stabilisers": ("sucrose",),
            "renal_risk_factors": ("sepsis",),
            "egfr": D(90),
            "age_years": 40,
            **IVIG,
        },
        {"product_stabilisers": ("glycine",)},
        {"renal_risk_factors": ()},
        unknown="renal_risk_factors",
    ),
    row(
        "HS-20",
        HARD,
        WHY,
        {"plan_shares_a_line": True, **ACTIVE, **BOTH},
        {"plan_shares_a_line": False},
        LT,
        IVIG,
        PLATELETS,
        unknown="plan_shares_a_line",
    ),
    row(
        "HS-20-TURN",
        INFO,
        READ,
        {"venous_lines": 1, "plan_shares_a_line": False, **ACTIVE, **BOTH},
        {"plan_shares_a_line": True},
        {"venous_lines": 2},
        LT,
        IVIG,
        PLATELETS,
        unknown="venous_lines",
    ),
    row(
        "HS-20-LT",
        WARN,
        READ,
        {"venous_lines": 1, **LT, **BOTH},
        {"venous_lines": 2},
        ACTIVE,
        unknown="venous_lines",
    ),
    row(
        "HS-20-SALINE",
        INFO,
        READ,
        {"product": "gammagard_liquid_erc", **IVIG},
        {"product": "privigen"},
        PLATELETS,
        unknown="product",
    ),
    row("HS-21", HARD, ONE, {"age_years": 17, **STEROID}, {"age_years": 18}, NO_LINE, unknown="age_years"),
    row(
        "HS-22",
        WARN,
        TWO,
        {"pregnant": True, "order_drugs": ("dexAMETHasone",)},
        {"pregnant": False},
        {"order_drugs": ("predniSONE",)},
        unknown="pregnant",
    ),
    row(
        "HS-23",
        WARN,
        WHY,
        {"aetiology": "primary_itp", "urgent_surgery": False, **NONE, **PLATELETS},
        {"aetiology": "checkpoint_inhibitor"},
        {"urgent_surgery": True},
        ACTIVE,
        IVIG,
        unknown="urgent_surgery",
    ),
    row(
        "HS-24",
        HARD,
        WHY,
        IVIG,
        {"consent": "recorded"},
        {"consent": "emergency"},
        STEROID,
        unknown="order_kinds",
    ),
    row(
        "HS-24-REFUSED",
        WARN,
        NO,
        {"consent": "refused", **IVIG},
        {"consent": "recorded"},
        STEROID,
        unknown="consent",
    ),
    row(
        "HS-25",
        WARN,
        WHY,
        {"group_and_screen_taken": False, **ACTIVE, **IVIG},
        {"group_and_screen_taken": True},
        LT,
        unknown="group_and_screen_taken",
        then=FIRES,
    ),
    row(
        "HS-25-LT",
        WARN,
        READ,
        {"group_and_screen_taken": False, **LT, **IVIG},
        {"group_and_screen_taken": True},
        ACTIVE,
        unknown="group_and_screen_taken",
        then=FIRES,
    ),
    row(
        "W-01",
        NAMED,
        ONE,
        {"recent_thrombosis": True, **IVIG},
        {"recent_thrombosis": False},
        PLATELETS,
        unknown="recent_thrombosis",
    ),
    row(
        "W-02",
        WARN,
        READ,
        {
            "thrombosis_risk_factors": ("oestrogens",),
            "age_years": 64,
            "bmi": D("29.9"),
            "pregnant": False,
            "sex": "female",
            **IVIG,
        },
        {"thrombosis_risk_factors": ()},
        unknown="thrombosis_risk_factors",
    ),
    row(
        "W-03",
        WARN,
        READ,
        {"renal_risk_factors": ("diabetes",), "egfr": D(60), "age_years": 65, **IVIG},
        {"renal_risk_factors": ()},
        unknown="renal_risk_factors",
    ),
    row("W-03-EGFR-30", NAMED, ONE, {"egfr": D(29), **IVIG}, {"egfr": D(30)}, unknown="egfr"),
    row(
        "W-03-UNKNOWN",
        WARN,
        WHY,
        {**ACTIVE, **IVIG},
        {"creatinine_umol_per_l": D(80)},
        LT,
        unknown="bleeding_level",
    ),
    row(
        "W-03-UNKNOWN-LT",
        WARN,
        READ,
        {**LT, **IVIG},
        {"creatinine_umol_per_l": D(80)},
        ACTIVE,
        unknown="bleeding_level",
    ),
    row(
        "W-04",
        WARN,
        WHY,
        {"overload_risk_factors": ("heart_failure",), "age_years": 70, "weight_kg": D(50), **PLATELETS},
        {"overload_risk_factors": ()},
        STEROID,
        unknown="overload_risk_factors",
    ),
    row(
        "W-04-VOLUME",
        WARN,
        READ,
        {"planned_volume_over_limit": True, "planned_volume_6h_ml_per_kg": D("15.1"), **IVIG},
        {"planned_volume_over_limit": False, "planned_volume_6h_ml_per_kg": D(15)},
        unknown="planned_volume_over_limit",
    ),
    row(
        "W-05",
        WARN,
        READ,
        {"blood_group": "a", "ivig_course_g_per_kg": D(2), **IVIG},
        {"blood_group": "o"},
        {"ivig_course_g_per_kg": D("1.9")},
        unknown="blood_group",
        then=FIRES,
    ),
    row(
        "W-05-INFO",
        INFO,
        NO,
        {"blood_group": "ab", "ivig_course_g_per_kg": D(1), **IVIG},
        {"blood_group": "o"},
        {"ivig_course_g_per_kg": D(2)},
        unknown="blood_group",
    ),
    row(
        "W-06",
        WARN,
        WHY,
        {"serology_sample_taken": False, **ACTIVE, **IVIG},
        {"serology_sample_taken": True},
        LT,
        unknown="serology_sample_taken",
        then=FIRES,
    ),
    row(
        "W-06-LT",
        WARN,
        READ,
        {"serology_sample_taken": False, **LT, **IVIG},
        {"serology_sample_taken": True},
        ACTIVE,
        unknown="serology_sample_taken",
        then=FIRES,
    ),
    row(
        "W-07",
        WARN,
        READ,
        {"prednisone_uncapped_mg": D(81), "age_years": 18, **STEROID},
        {"prednisone_uncapped_mg": D(80)},
        unknown="age_years",
    ),
    row(
        "W-08",
        WARN,
        READ,
        {"aetiology": "primary_itp", "steroid_days": 22, **STEROID},
        {"aetiology": "checkpoint_inhibitor"},
        {"steroid_days": 21},
        unknown="aetiology",
    ),
    row(
        "W-09",
        WARN,
        READ,
        {"steroid_days": 28, "prednisone_uncapped_mg": D(20), **STEROID},
        {"steroid_days": 27},
        {"prednisone_uncapped_mg": D(19)},
        unknown="steroid_days",
    ),
    row(
        "W-10",
        WARN,
        ONE,
        {"steroid_contraindicated": True, **STEROID},
        {"steroid_contraindicated": False},
        IVIG,
        unknown="steroid_contraindicated",
    ),
    row(
        "STE-STOMACH",
        INFO,
        READ,
        {"age_years": 66, **STEROID},
        {"age_years": 65, "antithrombotic": "none", "bleeding_risk_factors": (), **NONE},
        IVIG,
        unknown="age_years",
    ),
    row(
        "STE-LONG",
        INFO,
        READ,
        {"steroid_days": 15, **STEROID},
        {"steroid_days": 14},
        IVIG,
        unknown="steroid_days",
    ),
    row(
        "W-11",
        WARN,
        WHY,
        {"hepatitis_b_positive": True, **STEROID},
        {"hepatitis_b_positive": False},
        IVIG,
        unknown="hepatitis_b_positive",
    ),
    row(
        "W-12",
        INFO,
        READ,
        {"product_itp_labelled": False, **IVIG},
        {"product_itp_labelled": True},
        unknown="product_itp_labelled",
    ),
    row(
        "W-13-ADJUSTED",
        INFO,
        READ,
        {"weight_basis": "adjusted", **IVIG},
        {"weight_basis": "actual"},
        unknown="weight_basis",
    ),
    row(
        "W-13-SHORT",
        WARN,
        READ,
        {"weight_flags": ("short_obese",), **IVIG},
        {"weight_flags": ()},
        unknown="weight_flags",
    ),
    row(
        "W-13-HEIGHT",
        WARN,
        READ,
        {"weight_flags": ("height_missing",), "weight_kg": D(99), **ACTIVE, **IVIG},
        {"weight_flags": ()},
        {"weight_kg": D(100)},
        unknown="weight_flags",
    ),
    row(
        "W-13-HEIGHT-STOP",
        HARD,
        NO,
        {"weight_flags": ("height_missing",), "weight_kg": D(100), **ACTIVE, **IVIG},
        {"weight_flags": ()},
        {"weight_kg": D(99)},
        LT,
        unknown="weight_kg",
    ),
    row(
        "W-13-SEX",
        WARN,
        READ,
        {"weight_flags": ("sex_missing",), **IVIG},
        {"weight_flags": ()},
        unknown="weight_flags",
    ),
    row(
        "W-13-PREGNANCY",
        WARN,
        READ,
        {"weight_flags": ("pre_pregnancy_weight_missing",), **IVIG},
        {"weight_flags": ()},
        unknown="weight_flags",
    ),
    row(
        "W-14",
        WARN,
        WHY,
        {"bleeding_risk_factors": ("antithrombotic_or_nsaid",), "grade": 3},
        {"bleeding_risk_factors": ()},
        {"grade": 0},
        {"antithrombotic": "single", "platelets_per_ul": 49_999},
        unknown="bleeding_risk_factors",
    ),
    row(
        "W-14-WITH-W-15",
        WARN,
        READ,
        {
            "bleeding_risk_factors": ("antithrombotic_or_nsaid",),
            "grade": 3,
            "antithrombotic": "single",
            "platelets_per_ul": 49_999,
        },
        {"bleeding_risk_factors": ()},
        {"antithrombotic": "none"},
        {"platelets_per_ul": 50_000},
        unknown="bleeding_risk_factors",
    ),
    row(
        "W-15",
        WARN,
        ONE,
        {"antithrombotic": "single", "platelets_per_ul": 49_999},
        {"antithrombotic": "none"},
        {"platelets_per_ul": 50_000},
        unknown="antithrombotic",
    ),
    row(
        "W-16",
        NAMED,
        ONE,
        {"repeat_too_early": True, **IVIG},
        {"repeat_too_early": False},
        unknown="repeat_too_early",
        then=ASKS,
    ),
    row(
        "W-16-UNKNOWN",
        WARN,
        WHY,
        {"first_ivig": False, "ivig_last_7_days_g_per_kg": D(0), **IVIG},
        {"first_ivig": True},
        {"hours_since_last_ivig": D(900)},
        unknown="first_ivig",
    ),
    row(
        "W-17",
        INFO,
        READ,
        {"grade": 2, "aetiology": "primary_itp", **NONE, **STEROID},
        {"grade": 3},
        {"aetiology": "secondary_itp"},
        ACTIVE,
        unknown="aetiology",
    ),
    row(
        "W-18",
        WARN,
        READ,
        {"live_vaccine_planned": True, **IVIG},
        {"live_vaccine_planned": False},
        PLATELETS,
        unknown="live_vaccine_planned",
    ),
    row(
        "W-18-PLATELETS",
        WARN,
        READ,
        {"live_vaccine_planned": True, **PLATELETS},
        {"live_vaccine_planned": False},
        BOTH,
        unknown="live_vaccine_planned",
    ),
    row(
        "W-19",
        WARN,
        WHY,
        {"rhd_negative_childbearing": True, **PLATELETS},
        {"rhd_negative_childbearing": False},
        IVIG,
        unknown="rhd_negative_childbearing",
    ),
    row(
        "W-20",
        NAMED,
        ONE,
        {"irradiated_needed": True, "irradiated_available": False, **ACTIVE, **PLATELETS},
        {"irradiated_needed": False},
        {"irradiated_available": True},
        LT,
        IVIG,
        unknown="irradiated_available",
    ),
    row(
        "W-20-LT",
        WARN,
        READ,
        {"irradiated_needed": True, "irradiated_available": False, **LT, **PLATELETS},
        {"irradiated_needed": False},
        {"irradiated_available": True},
        ACTIVE,
        unknown="irradiated_available",
    ),
    row(
        "W-20-ASK",
        WARN,
        READ,
        {"irradiated_needed": True, **PLATELETS},
        {"irradiated_needed": False},
        IVIG,
        unknown="irradiated_needed",
    ),
    row(
        "W-21",
        INFO,
        READ,
        {"migraine_or_aseptic_meningitis": True, **IVIG},
        {"migraine_or_aseptic_meningitis": False},
        PLATELETS,
        unknown="migraine_or_aseptic_meningitis",
    ),
    row(
        "W-22",
        INFO,
        READ,
        {"product_withdrawn": True, **IVIG},
        {"product_withdrawn": False},
        unknown="product_withdrawn",
    ),
    row(
        "W-23",
        INFO,
        NO,
        {"platelets_per_ul": 10_000},
        {"platelets_per_ul": 9_999},
        {"platelets_per_ul": 25_000},
        unknown="platelets_per_ul",
    ),
    # House rules beside the dossier's numbers.
    row(
        "W-CAUSE",
        WARN,
        READ,
        {"grade": 4, **SITE},
        {"aetiology": "primary_itp"},
        ACTIVE,
        {"grade": 0},
        unknown="grade",
    ),
    row(
        "W-CAUSE-OPEN",
        WARN,
        WHY,
        {**ACTIVE, **STEROID},
        {"aetiology": "primary_itp"},
        LT,
        NO_LINE,
        unknown="bleeding_level",
    ),
    row(
        "SU-12H",
        INFO,
        NO,
        {"branch": "SURGERY_COMBINED", "hours_to_procedure": D("11.9")},
        {"hours_to_procedure": D(12)},
        unknown="hours_to_procedure",
    ),
    row(
        "SU-48H",
        INFO,
        NO,
        {"branch": "SURGERY_COMBINED", "hours_to_procedure": D(48)},
        {"hours_to_procedure": D("47.9")},
        unknown="hours_to_procedure",
    ),
    row(
        "SU-AT-TARGET",
        INFO,
        NO,
        {"count_at_procedure_target": True},
        {"count_at_procedure_target": False},
        unknown="count_at_procedure_target",
        then=SILENT,
    ),
    row(
        "SU-NO-TARGET",
        WARN,
        WHY,
        {"urgent_surgery": True, "grade": 3},
        {"urgent_surgery": False},
        {"procedure": "x"},
        {"grade": 0},
        unknown="urgent_surgery",
    ),
    row(
        "W-NIL-BY-MOUTH",
        WARN,
        READ,
        {"nil_by_mouth": True, "branch": "G2_STEROID", **STEROID},
        {"nil_by_mouth": False},
        {"branch": "EMERGENCY_COMBINED"},
        unknown="nil_by_mouth",
    ),
    row(
        "BLEED-HIGHER",
        NAMED,
        ONE,
        {"findings_suggest_higher_level": True},
        {"findings_suggest_higher_level": False},
        unknown="findings_suggest_higher_level",
        then=SILENT,
    ),
    row(
        "OUT-IVIG",
        WARN,
        NO,
        {"ivig_refused": True, "grade": 2, **IVIG},
        {"ivig_refused": False},
        {"grade": 3},
        unknown="ivig_refused",
    ),
    row(
        "OUT-IVIG-3-4",
        WARN,
        NO,
        {"ivig_refused": True, "grade": 3, **IVIG},
        {"ivig_refused": False},
        {"grade": 2},
        unknown="ivig_refused",
    ),
    row(
        "OUT-IVIG-REACTION",
        WARN,
        READ,
        {"immunoglobulin_reaction": True, "grade": 3, **IVIG},
        {"immunoglobulin_reaction": False},
        {"grade": 2},
        unknown="immunoglobulin_reaction",
    ),
    row(
        "OUT-PLATELETS",
        WARN,
        NO,
        {"platelets_refused": True, **PLATELETS},
        {"platelets_refused": False},
        unknown="platelets_refused",
    ),
    row(
        "OV-PREGNANCY",
        WARN,
        TWO,
        {"pregnant": True, "grade": 1},
        {"pregnant": False},
        {"grade": 0},
        unknown="pregnant",
    ),
    row(
        "OV-PREGNANCY-30",
        WARN,
        ONE,
        {
            "pregnant": True,
            "platelets_per_ul": 30_000,
            "urgent_surgery": False,
            "rapid_rise": False,
            **NONE,
            **STEROID,
        },
        {"pregnant": False},
        {"platelets_per_ul": 29_999},
        {"urgent_surgery": True},
        {"rapid_rise": True},
        ACTIVE,
        PLATELETS,
        unknown="pregnant",
    ),
    row(
        "OV-CHECKPOINT",
        WARN,
        READ,
        {"aetiology": "checkpoint_inhibitor", "grade": 2},
        {"aetiology": "primary_itp"},
        {"grade": 1},
        unknown="aetiology",
    ),
    row(
        "PAEDS-OBSERVE",
        WARN,
        ONE,
        {"age_years": 17, **NONE, **STEROID},
        {"age_years": 18},
        ACTIVE,
        unknown="age_years",
    ),
)

PREGNANT_AT_RISK: Final = {
    "pregnant": True,
    "platelets_per_ul": 49_000,
    "urgent_surgery": False,
    "rapid_rise": False,
    "bleeding_level": "risk_factors",
    "bleeding_findings": (),
    "bleeding_risk_factors": ("falls_risk",),
    **IVIG,
}
ON_A_DRUG: Final = {"bleeding_risk_factors": ("antithrombotic_or_nsaid",), "grade": 2}

# Rules with several ways in: each way alone is enough.
ALSO_SPEAK: Final = (
    ("HS-02", {"platelets_per_ul": 2_000_001}),
    ("HS-02", {"platelets_per_ul": 1_000_000, "usual_platelets_per_ul": 20_000}),
    ("HS-03", {"clumps": True, "low_count_confirmed": False}),
    ("HS-03", {"clumps": True}),
    ("HS-03-CRITICAL", {"clumps": True, "low_count_confirmed": False, **LT}),
    ("HS-04", {"schistocytes": True, **ACTIVE, **IVIG}),
    ("HS-04", {"haemolysis": True, "dat_positive": False, **NONE, **PLATELETS}),
    ("HS-04", {"haemolysis": True, **NONE, **PLATELETS}),
    ("HS-04-LT", {"schistocytes": True, **LT, **IVIG}),
    ("HS-04-LT", {"haemolysis": True, "dat_positive": False, **LT, **PLATELETS}),
    ("HS-04-LT", {"haemolysis": True, **LT, **PLATELETS}),
    ("HS-05", {"heparin_last_100_days": True, "four_ts": 4, **NONE, **PLATELETS}),
    ("HS-05", {"vitt_picture": True, **NONE, **PLATELETS}),
    ("HS-05-BLEEDING", {"heparin_last_100_days": True, "four_ts": 4, **ACTIVE, **PLATELETS}),
    ("HS-05-BLEEDING", {"vitt_picture": True, **LT, **PLATELETS}),
    ("HS-09-CRITICAL", {"iga_sample_taken": False, **SITE, **IVIG}),
    ("HS-09-CRITICAL", {**LT, **IVIG}),
    ("HS-09-SENT", {"iga_sample_taken": True, **LT, **IVIG}),
    ("HS-11", {"age_years": 1, "product_stabilisers": ("sorbitol",), **IVIG}),
    ("HS-15", {"ivig_day_g_per_kg": D(1), "ivig_course_g_per_kg": D("2.01"), **IVIG}),
    ("HS-19", {"product_stabilisers": ("sucrose",), "egfr": D(59), **IVIG}),
    ("HS-19", {"product_stabilisers": ("sucrose",), "age_years": 66, **IVIG}),
    ("W-02", {"age_years": 65, **IVIG}),
    ("W-02", {"bmi": D(30), **IVIG}),
    ("W-02", {"pregnant": True, "sex": "female", **IVIG}),
    ("W-03", {"egfr": D(59), "age_years": 40, **IVIG}),
    ("W-03", {"age_years": 66, **IVIG}),
    ("W-04", {"age_years": 71, **IVIG}),
    ("W-04", {"age_years": 18, "weight_kg": D("49.9"), **IVIG}),
    ("W-09", {"steroid_days": 21, "prednisone_uncapped_mg": D(31), **STEROID}),
    ("W-13-HEIGHT", {"weight_flags": ("height_missing",), "weight_kg": D(120), **LT, **IVIG}),
    ("W-14", {**ON_A_DRUG, "antithrombotic": "none"}),
    ("W-14", {**ON_A_DRUG, "antithrombotic": "single", "platelets_per_ul": 50_000}),
    ("W-14", {**ON_A_DRUG, "antithrombotic": "dual", "platelets_per_ul": 70_000}),
    ("W-14-WITH-W-15", {**ON_A_DRUG, "antithrombotic": "dual", "platelets_per_ul": 69_999}),
    ("W-15", {"antithrombotic": "dual", "platelets_per_ul": 69_999}),
    ("W-16-UNKNOWN", {"first_ivig": False, "hours_since_last_ivig": D(900), **IVIG}),
    ("W-WEIGHT-AGE", IVIG),
    ("OV-PREGNANCY-30", PREGNANT_AT_RISK),
    ("OV-PREGNANCY-30", {**PREGNANT_AT_RISK, "who_bleeding_grade": 0}),
    ("STE-STOMACH", {"antithrombotic": "single", **STEROID}),
    ("STE-STOMACH", {"bleeding_risk_factors": ("known_lesion_or_varices",), **STEROID}),
    ("STE-STOMACH", {**SITE, "bleeding_sites": ("gi",), **STEROID}),
    ("STE-STOMACH", {**LT, "bleeding_findings": ("melaena",), **STEROID}),
)

# What a rule leaves alone though all else it asks is so.
PASSED_OVER: Final = (
    ("OV-PREGNANCY-30", {**PREGNANT_AT_RISK, "who_bleeding_grade": 1}),
    ("OV-PREGNANCY-30", {**PREGNANT_AT_RISK, "bleeding_findings": ("skin_only",)}),
    ("OV-PREGNANCY-30", {**PREGNANT_AT_RISK, "bleeding_risk_factors": ("labour_or_postpartum",)}),
)

# What a rule does besides speaking; all others do nothing else.
HOLD_IVIG: Final = ("hold_lines", "ivig")
HOLD_PLATELETS: Final = ("hold_lines", "platelets")
HOLD_STEROID: Final = ("hold_lines", "corticosteroid")
AT_RISK: Final = ("at_risk_rate", "")
STAT: Final = ("raise_consult", "stat")
SAME_DAY: Final = ("raise_consult", "same_day")
OTHER_AGENTS: Final = ("add_line", "ASK_OTHER_AGENTS")
DOES: Final[dict[str, set[tuple[str, str]]]] = {
    "HS-04": {HOLD_PLATELETS, HOLD_IVIG, STAT},
    "HS-04-LT": {HOLD_PLATELETS, HOLD_IVIG, STAT},
    "HS-05": {HOLD_PLATELETS, STAT},
    "HS-05-BLEEDING": {HOLD_PLATELETS, STAT},
    "HS-06": {HOLD_IVIG},
    "HS-07": {HOLD_IVIG},
    "HS-08": {("require_product", "iga_depleted")},
    "HS-10": {("require_product", "without_proline")},
    "HS-11": {("require_product", "without_sorbitol")},
    "HS-14": {("require_product", "intravenous")},
    "HS-17": {HOLD_IVIG},
    "HS-19": {("require_product", "without_sucrose")},
    "HS-21": {SAME_DAY},
    "HS-24-REFUSED": {HOLD_IVIG, HOLD_PLATELETS, STAT},
    "W-01": {AT_RISK, SAME_DAY},
    "W-02": {AT_RISK},
    "W-03": {AT_RISK},
    "W-03-EGFR-30": {AT_RISK, SAME_DAY},
    "W-04": {AT_RISK},
    "W-10": {HOLD_STEROID, SAME_DAY},
    "W-18": {("add_check", "VAX-01")},
    "W-18-PLATELETS": {("add_check", "VAX-01")},
    "W-19": {("add_line", "ANTI_D")},
    "W-20": {HOLD_PLATELETS},
    "W-20-ASK": {("add_line", "ASK_IRRADIATED")},
    "W-CAUSE": {STAT},
    "SU-12H": {STAT},
    "OUT-IVIG": {HOLD_IVIG, SAME_DAY},
    "OUT-IVIG-3-4": {HOLD_IVIG, STAT, OTHER_AGENTS},
    "OUT-IVIG-REACTION": {HOLD_IVIG, STAT, OTHER_AGENTS},
    "OUT-PLATELETS": {HOLD_PLATELETS, STAT},
    "OV-PREGNANCY": {("add_line", "CALL_OBSTETRICS"), SAME_DAY},
    "OV-PREGNANCY-30": {HOLD_STEROID, HOLD_IVIG},
    "OV-CHECKPOINT": {("add_line", "HOLD_CHECKPOINT"), ("add_line", "CALL_ONCOLOGY")},
    "PAEDS-OBSERVE": {HOLD_IVIG, HOLD_STEROID, HOLD_PLATELETS, ("add_line", "CALL_PAEDIATRICS")},
}
COUNTS_WHILE_UNKNOWN: Final = {"HS-19", "W-01", "W-02", "W-03", "W-04"}


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_shipped()


@pytest.fixture(scope="module")
def rules(protocol: Protocol) -> dict[str, SafetyRule]:
    return {rule.key: rule for rule in protocol.safety_rules}


def test_the_table_has_a_line_for_every_rule_and_no_other(rules: dict[str, SafetyRule]) -> None:
    # The evidence of bleeding and the usual count have tests of their own.
    elsewhere = {"BLEED-EVIDENCE", "BLEED-EVIDENCE-CRITICAL", "BLEED-EXPIRED", "OV-USUAL-COUNT"}

    assert sorted(line.rule for line in TABLE) == sorted(set(rules) - elsewhere)


def test_all_forty_eight_rules_of_the_evidence_are_rows(rules: dict[str, SafetyRule]) -> None:
    numbers = {rule.number for rule in rules.values() if re.fullmatch(r"(HS|W)-\d\d", rule.number)}

    assert numbers == {f"HS-{n:02}" for n in range(1, 26)} | {f"W-{n:02}" for n in range(1, 24)}


@pytest.mark.hazard("H10")
@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.rule)
def test_rule_speaks_stays_silent_and_asks_as_the_evidence_says(
    rules: dict[str, SafetyRule], line: Row
) -> None:
    rule = rules[line.rule]
    predicate = compile_when(rule.when)
    known = {key: value for key, value in line.speaks.items() if key != line.unknown}

    assert (rule.severity, rule.override.kind) == (line.severity, line.lifted_by)
    assert predicate(line.speaks) is FIRES
    assert [predicate({**line.speaks, **change}) for change in line.silent] == [SILENT] * len(line.silent)
    assert predicate(known) is line.then


@pytest.mark.parametrize(("rule", "values"), ALSO_SPEAK)
def test_each_way_into_a_rule_is_enough(rules: dict[str, SafetyRule], rule: str, values: Values) -> None:
    assert compile_when(rules[rule].when)(values) is FIRES


@pytest.mark.parametrize(("rule", "values"), PASSED_OVER)
def test_rule_leaves_alone_whom_it_is_not_about(
    rules: dict[str, SafetyRule], rule: str, values: Values
) -> None:
    assert compile_when(rules[rule].when)(values) is SILENT


@pytest.mark.hazard("H10")
def test_every_way_into_a_rule_has_values_written_by_hand(rules: dict[str, SafetyRule]) -> None:
    taken = {(line.rule, position) for line in TABLE for position in ways_in(rules[line.rule], line)}
    for rule, values in ALSO_SPEAK:
        held = compile_when(rules[rule].when).groups_that_hold(values)
        taken |= {(rule, position) for position in held}

    tabled = {line.rule for line in TABLE}
    assert taken == {(key, way) for key in tabled for way in range(len(rules[key].when))}


def ways_in(rule: SafetyRule, line: Row) -> set[int]:
    """The groups of conditions that hold for the values of this line, with the one fact and without it."""
    predicate = compile_when(rule.when)
    known = {key: value for key, value in line.speaks.items() if key != line.unknown}
    return {*predicate.groups_that_hold(line.speaks), *predicate.groups_that_hold(known)}


@pytest.mark.hazard("H10")
def test_each_rule_does_what_the_evidence_says_and_nothing_else(rules: dict[str, SafetyRule]) -> None:
    does = {
        key: {(effect.kind.value, str(effect.target)) for effect in rule.effects}
        for key, rule in rules.items()
        if rule.effects
    }

    assert does == DOES
    counting = {key for key, rule in rules.items() if rule.unknown is WhenUnknown.HOLD}
    assert counting == COUNTS_WHILE_UNKNOWN


@pytest.mark.hazard("H24")
def test_no_rule_is_silent_because_a_fact_it_looks_at_is_unknown(rules: dict[str, SafetyRule]) -> None:
    """Taking one fact away from values for which a rule speaks may make it ask, but not rest its case."""
    asks_of_knowing = {"SU-AT-TARGET", "BLEED-HIGHER"}
    rested = [
        (line.rule, fact)
        for line in TABLE
        for fact in line.speaks
        if compile_when(rules[line.rule].when)({k: v for k, v in line.speaks.items() if k != fact}) is SILENT
    ]

    assert {rule for rule, _ in rested} == asks_of_knowing


@pytest.mark.hazard("H22")
def test_rules_speak_in_one_sentence_that_fits_a_card(rules: dict[str, SafetyRule]) -> None:
    assert [rule.key for rule in rules.values() if len(rule.text) >= 140] == []
