"""More than a hundred dangers, no two alike, each caught by what the evidence says should catch it.

The patient around each danger is made up from a seed; what catches it is written by hand from sections 1.6,
1.7 and 9 of the evidence and from the hazard log.
"""

import random
from collections.abc import Callable
from typing import Final

import pytest

from protocols.content_files import load_shipped
from protocols.engine.protocol import ConsultLevel, OrderKind, Protocol, Role
from protocols.engine.recommendation import Gated, Outcome, Recommendation

from .test_safety_cohorts import CLEAN, SEED, Plain, advice, said_of

Catcher = Callable[[Outcome], bool]

PLATELETS, IVIG, STEROID = OrderKind.PLATELETS, OrderKind.IVIG, OrderKind.CORTICOSTEROID


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_shipped()


def hard(*rules: str) -> Callable[[Outcome], bool]:
    """Stopped: one of the rules holds and lifts only with a name, a reason or not at all; or a gate stops."""

    def is_caught(outcome: Outcome) -> bool:
        said = advice(outcome)
        found = said.findings if said else ()
        return any(finding.rule in rules and finding.is_hard for finding in found)

    return is_caught


def warned(*rules: str) -> Callable[[Outcome], bool]:
    def is_caught(outcome: Outcome) -> bool:
        said = advice(outcome)
        return said is not None and any(finding.rule in rules for finding in said.findings)

    return is_caught


def gated(code: str) -> Callable[[Outcome], bool]:
    return lambda outcome: any(gate.code == code for gate in getattr(outcome, "gates", ()))


def held(kind: OrderKind) -> Callable[[Outcome], bool]:
    """No line of this kind is free: none proposed, or every one held."""

    def is_caught(outcome: Outcome) -> bool:
        said = advice(outcome)
        lines = () if said is None else said.orders
        return all(order.is_held or isinstance(outcome, Gated) for order in lines if order.kind is kind)

    return is_caught


def in_turn(outcome: Outcome) -> bool:
    """Whether the plan lets no two infusions run in one line at one time."""
    return isinstance(outcome, Recommendation) and not (
        outcome.timed_plan is None or outcome.timed_plan.shares_a_line
    )


def said(code: str) -> Catcher:
    """A gate of this code is said, and the orders go on."""
    return lambda outcome: (
        isinstance(outcome, Recommendation) and any(gate.code == code for gate in outcome.gates)
    )


def stopped(code: str) -> Catcher:
    """A gate of this code ends the automatic orders."""
    return lambda outcome: isinstance(outcome, Gated) and any(gate.code == code for gate in outcome.gates)


def calls(level: str) -> Catcher:
    """Haematology is called at least this urgently."""
    return lambda outcome: outcome.consult.rank >= ConsultLevel(level).rank


def flagged(kind: OrderKind) -> Catcher:
    """Every line of this kind says on itself that somebody is to be phoned, or is held."""

    def is_caught(outcome: Outcome) -> bool:
        said = advice(outcome)
        lines = [order for order in said.orders if order.kind is kind] if said else []
        return bool(lines) and all(order.is_held or order.effects for order in lines)

    return is_caught


def held_or_unticked(kind: OrderKind) -> Catcher:
    def is_caught(outcome: Outcome) -> bool:
        said = advice(outcome)
        lines = [order for order in said.orders if order.kind is kind] if said else []
        return all(order.is_held or order.role is not Role.REQUIRED for order in lines)

    return is_caught


def slowed(outcome: Outcome) -> bool:
    """The infusion runs at the at-risk cap."""
    said = advice(outcome)
    return said is not None and said.is_at_risk


LIKELY_HIT: Final = {
    "heparin_last_100_days": True,
    "heparin_platelet_fall": "over_50_percent",
    "heparin_timing": "typical",
    "heparin_thrombosis": "new",
    "heparin_other_cause": "possible",
}
LIFE: Final[Plain] = {
    "bleeding_level": "life_threatening",
    "bleeding_findings": ["retroperitoneal"],
    "bleeding_sites": ["other"],
}
OPERATION: Final[Plain] = {"urgent_surgery": True, "procedure": "major_surgery"}
GUT: Final[Plain] = {
    "bleeding_level": "active_cns_gi_gu",
    "bleeding_findings": ["melaena"],
    "bleeding_sites": ["gi"],
}
QUIET: Final[Plain] = {"bleeding_level": "none", "bleeding_findings": [], "bleeding_sites": []}
QUIET_AT_RISK: Final[Plain] = {**QUIET, "bleeding_level": "risk_factors", "bleeding_findings": ["skin_only"]}
PREGNANT: Final[Plain] = {"pregnant": True, "sex": "female", "age_years": 31, "weight_kg": "74"}
INFANT: Final[Plain] = {"age_years": 1, "weight_kg": "10", "height_cm": "76"}
TTP_OPEN: Final[Plain] = {"ttp_suspected": None, "schistocytes": None}
HIT_OPEN: Final[Plain] = {"hit_suspected": None, "heparin_last_100_days": None}
HIGH_PLASMIC: Final[Plain] = {
    "immune_cause": "unexplained",
    **dict.fromkeys(("ttp_suspected", "schistocytes", "haemolysis")),
    "active_cancer": False,
    "transplant": False,
    "mcv_fl": "85",
    "inr": "1.1",
}
OVERT_DIC: Final[Plain] = {
    "dic_suspected": None,
    "dic_predisposing": True,
    "fibrin_marker": "strong",
    "pt_prolongation_seconds": "7",
    "fibrinogen_g_per_l": "0.8",
}
# The emergency screen with its eight fields answered and nothing else.
NOTHING_KNOWN: Final[Plain] = {
    **dict.fromkeys(CLEAN),
    "platelets_per_ul": 9_000,
    **{
        key: CLEAN[key]
        for key in ("sample_age_hours", "sex", "age_years", "weight_kg", "urgent_surgery", "rapid_rise")
    },
    "weight_method": "estimated",
    **LIFE,
}

DANGERS: Final[tuple[tuple[str, Plain, tuple[Catcher, ...]], ...]] = (
    ("ttp", {"ttp_suspected": True}, (gated("X2"), hard("HS-04"), held(PLATELETS))),
    (
        "ttp, life-threatening",
        {"ttp_suspected": True, "bleeding_level": "life_threatening"},
        (hard("HS-04-LT"), held(PLATELETS)),
    ),
    ("fragments on the smear", {"schistocytes": True}, (hard("HS-04"), held(PLATELETS))),
    (
        "haemolysis, no antibody",
        {"haemolysis": True, "dat_positive": False},
        (hard("HS-04"), held(PLATELETS)),
    ),
    ("hit", {"hit_suspected": True}, (hard("HS-05-BLEEDING"), held(PLATELETS))),
    ("likely by 4Ts", LIKELY_HIT, (hard("HS-05-BLEEDING"), held(PLATELETS))),
    (
        "likely by 4Ts, life-threatening",
        {**LIKELY_HIT, "bleeding_level": "life_threatening", "bleeding_sites": ["cns"]},
        (hard("HS-05-BLEEDING"), held(PLATELETS)),
    ),
    (
        "vaccine-induced, life-threatening",
        {"vitt_picture": True, "bleeding_level": "life_threatening", "bleeding_sites": ["cns"]},
        (hard("HS-05-BLEEDING"), held(PLATELETS)),
    ),
    (
        "clumps",
        {"clumps": True, "low_count_confirmed": None, "bleeding_level": "none"},
        (gated("X1"), hard("HS-03")),
    ),
    (
        "clumps that were looked at, life-threatening",
        {"clumps": True, "low_count_confirmed": False, "bleeding_level": "life_threatening"},
        (warned("HS-03-CRITICAL"),),
    ),
    ("wrong unit", {"platelets_per_ul": 1_800_000}, (hard("HS-02"),)),
    ("old count", {"sample_age_hours": "7"}, (gated("X0"),)),
    ("count without a time", {"sample_age_hours": None}, (hard("W-SAMPLE"),)),
    ("no weight", {"weight_kg": None}, (gated("X0"),)),
    ("old weight", {"weight_age_days": "8"}, (hard("W-WEIGHT-AGE"),)),
    (
        "sorbitol in fructose intolerance",
        {"fructose_intolerance": True, "product": "flebogamma_dif_10"},
        (hard("HS-11"), held(IVIG)),
    ),
    (
        "proline in hyperprolinaemia",
        {"hyperprolinaemia": True, "product": "privigen"},
        (hard("HS-10"), held(IVIG)),
    ),
    (
        "maltose and an unknown meter",
        {"glucose_monitored": True, "glucose_specific_meter": None, "product": "octagam_10"},
        (hard("HS-12"),),
    ),
    ("corn allergy", {"corn_allergy": True, "product": "octagam_10"}, (hard("HS-13"),)),
    (
        "antibodies against IgA",
        {"iga_g_per_l": "0.01", "anti_iga": True, "immunoglobulin_reaction": True},
        (hard("HS-07"), held(IVIG)),
    ),
    (
        "IgA deficient, ordinary product",
        {"iga_g_per_l": "0.06", "product": "privigen"},
        (hard("HS-08"), held(IVIG)),
    ),
    ("first dose without IgA", {"first_ivig": True, "iga_g_per_l": None}, (hard("HS-09"),)),
    ("reaction before", {"immunoglobulin_reaction": True}, (hard("HS-06"), held(IVIG))),
    ("recent clot", {"recent_thrombosis": True}, (hard("W-01"),)),
    ("kidneys failing", {"creatinine_umol_per_l": "350"}, (hard("W-03-EGFR-30"),)),
    ("dry", {"renal_risk_factors": ["volume_depletion"]}, (hard("HS-18"),)),
    (
        "one line for two products",
        {"venous_lines": 1, "bleeding_level": "active"},
        (warned("HS-20-TURN"), in_turn),
    ),
    ("again too early", {"hours_since_last_ivig": "5", "ivig_last_7_days_g_per_kg": "1"}, (hard("W-16"),)),
    (
        "course too large",
        {"ivig_last_7_days_g_per_kg": "1.5", "hours_since_last_ivig": "90"},
        (hard("HS-15"),),
    ),
    ("child on the adult set", {"age_years": 9, "weight_kg": "30", "height_cm": "130"}, (hard("HS-21"),)),
    ("no consent", {"consent": None}, (hard("HS-24"),)),
    ("refused", {"consent": "refused"}, (held(IVIG), held(PLATELETS))),
    (
        "not irradiated",
        {"irradiated_needed": True, "irradiated_available": False},
        (hard("W-20"), held(PLATELETS)),
    ),
    (
        "infection and a steroid",
        {"steroid_contraindicated": True},
        (warned("W-10"), held(STEROID)),
    ),
    (
        "level set too low",
        {"bleeding_findings": ["intracranial"], "bleeding_level": "active"},
        (hard("BLEED-HIGHER"),),
    ),
    ("130 kg without a height", {"weight_kg": "130", "height_cm": None}, (hard("W-13-HEIGHT-STOP"),)),
    ("heavy heart", {"overload_risk_factors": ["heart_failure"]}, (warned("W-04"),)),
    ("two antithrombotics", {"antithrombotic": "dual"}, (warned("W-15"),)),
    # ---- the gate
    (
        "fragments, life-threatening",
        {"schistocytes": True, **LIFE},
        (hard("HS-04-LT"), held(PLATELETS), calls("stat")),
    ),
    (
        "haemolysis, antibody not tested",
        {"haemolysis": True, "dat_positive": None},
        (gated("X2"), hard("HS-04")),
    ),
    (
        "haemolysis, life-threatening",
        {"haemolysis": True, "dat_positive": False, **LIFE},
        (hard("HS-04-LT"), held(PLATELETS)),
    ),
    (
        "ttp, no bleeding",
        {"ttp_suspected": True, **QUIET},
        (gated("X2"), held(PLATELETS), held(IVIG), held(STEROID)),
    ),
    ("high PLASMIC score, cause unexplained", HIGH_PLASMIC, (stopped("X2"), held(PLATELETS))),
    (
        "high PLASMIC score, life-threatening",
        {**HIGH_PLASMIC, **LIFE},
        (said("X2"), flagged(PLATELETS), calls("stat")),
    ),
    ("ttp never asked", TTP_OPEN, (stopped("X10"), held(PLATELETS), held(IVIG))),
    ("ttp never asked, bleeding gut", {**TTP_OPEN, **GUT}, (said("X10"), flagged(PLATELETS), calls("stat"))),
    (
        "ttp never asked, life-threatening",
        {**TTP_OPEN, **LIFE},
        (said("X10"), flagged(PLATELETS), calls("stat")),
    ),
    (
        "haemolysis never looked for",
        {"ttp_suspected": None, "haemolysis": None},
        (stopped("X10"), held(PLATELETS)),
    ),
    ("heparin never asked", HIT_OPEN, (stopped("X10"), held(PLATELETS))),
    (
        "heparin never asked, bleeding gut",
        {**HIT_OPEN, **GUT},
        (said("X10"), flagged(PLATELETS), calls("stat")),
    ),
    (
        "heparin given, never scored",
        {"hit_suspected": None, "heparin_last_100_days": True, **LIFE},
        (said("X10"), flagged(PLATELETS)),
    ),
    (
        "hit, no bleeding, an operation",
        {"hit_suspected": True, **QUIET, **OPERATION},
        (gated("X3"), hard("HS-05"), held(PLATELETS), held(IVIG)),
    ),
    (
        "intermediate by 4Ts",
        {
            **LIKELY_HIT,
            "platelets_per_ul": 21_000,
            "heparin_thrombosis": "none",
            "hit_suspected": None,
            "heparin_other_cause": "definite",
        },
        (stopped("X3"), held(PLATELETS)),
    ),
    (
        "vaccine-induced, no bleeding, an operation",
        {"vitt_picture": True, **QUIET, **OPERATION},
        (stopped("X3"), hard("HS-05"), held(PLATELETS)),
    ),
    ("dic", {"dic_suspected": True}, (stopped("X4"), held(PLATELETS), held(IVIG), calls("stat"))),
    ("dic by its score", OVERT_DIC, (stopped("X4"), held(PLATELETS), held(IVIG))),
    ("dic, life-threatening", {"dic_suspected": True, **LIFE}, (said("X4"), held(PLATELETS), calls("stat"))),
    ("leukaemia", {"marrow_failure": True}, (stopped("X5"), held(IVIG), held(STEROID))),
    (
        "leukaemia, life-threatening",
        {"marrow_failure": True, **LIFE},
        (said("X5"), held(IVIG), held(STEROID)),
    ),
    ("hellp", {**PREGNANT, "obstetric_tma": True}, (stopped("X6"), held(PLATELETS), calls("stat"))),
    ("hellp, life-threatening", {**PREGNANT, "obstetric_tma": True, **LIFE}, (said("X6"), held(PLATELETS))),
    ("quinine", {"causative_drug": True}, (said("X7"), calls("same_day"))),
    ("evans", {"dat_positive": True, "haemolysis": True}, (said("X8"), calls("stat"))),
    ("cause unexplained", {"immune_cause": "unexplained"}, (stopped("X9"), held(IVIG), held(STEROID))),
    (
        "cause never asked",
        {"immune_cause": None},
        (stopped("X9"), held(PLATELETS), held(IVIG), held(STEROID)),
    ),
    (
        "cause never asked, bleeding gut",
        {"immune_cause": None, **GUT},
        (said("X9"), flagged(PLATELETS), calls("stat")),
    ),
    ("clumps never asked", {"clumps": None, "low_count_confirmed": None}, (stopped("X10"), held(IVIG))),
    ("clumps, bleeding", {"clumps": True, "low_count_confirmed": None}, (hard("HS-03-BLEEDING"),)),
    (
        "clumps that were looked at, no bleeding",
        {"clumps": True, "low_count_confirmed": False, **QUIET},
        (stopped("X1"), hard("HS-03")),
    ),
    # ---- the count and the weight
    ("no count", {"platelets_per_ul": None}, (stopped("X0"),)),
    ("count of yesterday, no bleeding", {"sample_age_hours": "25", **QUIET}, (stopped("X0"),)),
    ("old count, life-threatening", {"sample_age_hours": "7", **LIFE}, (said("X0"), calls("stat"))),
    ("no weight, life-threatening", {"weight_kg": None, **LIFE}, (stopped("X0"),)),
    ("weight without a method", {"weight_method": None}, (hard("W-WEIGHT-AGE"),)),
    ("estimated weight", {"weight_method": "estimated"}, (warned("W-WEIGHT-ESTIMATED"),)),
    (
        "a thousand times the usual count",
        {"platelets_per_ul": 1_000_000, "usual_platelets_per_ul": 20_000, **QUIET},
        (hard("HS-02"),),
    ),
    ("bleeding nobody vouches for", {"bleeding_seen_by": None}, (hard("BLEED-EVIDENCE"),)),
    ("bleeding seen yesterday", {"bleeding_seen_age_hours": "30"}, (hard("BLEED-EXPIRED"),)),
    # ---- the product
    ("infant and sorbitol", {**INFANT, "product": "flebogamma_dif_10"}, (hard("HS-11"), held(IVIG))),
    ("sorbitol in a 5 % product", {"fructose_intolerance": True, "product": "gammaplex_5"}, (hard("HS-11"),)),
    (
        "maltose and the wrong meter",
        {"glucose_monitored": True, "glucose_specific_meter": False, "product": "octagam_10"},
        (hard("HS-12"),),
    ),
    (
        "IgA deficient, life-threatening",
        {"iga_g_per_l": "0.06", "product": "privigen", **LIFE},
        (hard("HS-08-LT"),),
    ),
    ("first dose not known to be one", {"first_ivig": None, "iga_g_per_l": None}, (hard("HS-09"),)),
    (
        "first dose, no sample, bleeding gut",
        {"first_ivig": True, "iga_g_per_l": None, **GUT},
        (warned("HS-09-CRITICAL"),),
    ),
    (
        "first dose, result awaited, life-threatening",
        {"first_ivig": True, "iga_g_per_l": None, "iga_sample_taken": True, **LIFE},
        (warned("HS-09-SENT"),),
    ),
    (
        "reaction before, life-threatening",
        {"immunoglobulin_reaction": True, **LIFE},
        (hard("HS-06"), held(IVIG)),
    ),
    ("product that must not meet saline", {"product": "gamunex_c"}, (warned("HS-20-SALINE"),)),
    ("off label", {"product": "gammagard_liquid"}, (warned("W-12"),)),
    ("product going out of supply", {"product": "gammagard_sd"}, (warned("W-22"),)),
    # ---- dose, rate and volume
    ("more than 100 g in a day", {"weight_kg": "112", "height_cm": "196"}, (warned("HS-15-100G"),)),
    (
        "dry, life-threatening",
        {"renal_risk_factors": ["volume_depletion"], **LIFE},
        (warned("HS-18-LT"), slowed),
    ),
    ("one line, life-threatening", {"venous_lines": 1, **LIFE}, (warned("HS-20-LT"), in_turn)),
    ("oestrogens", {"thrombosis_risk_factors": ["oestrogens"]}, (warned("W-02"), slowed)),
    ("hyperviscosity", {"thrombosis_risk_factors": ["hyperviscosity"]}, (warned("W-02"), slowed)),
    ("obese", {"weight_kg": "100", "height_cm": "165"}, (warned("W-02"), slowed)),
    ("diabetes", {"renal_risk_factors": ["diabetes"]}, (warned("W-03"), slowed)),
    ("paraprotein", {"renal_risk_factors": ["paraproteinaemia"]}, (warned("W-03"), slowed)),
    ("kidneys at 50", {"creatinine_umol_per_l": "130", "age_years": 55}, (warned("W-03"), slowed)),
    ("kidneys never measured", {"creatinine_umol_per_l": None}, (warned("W-03-UNKNOWN"), slowed)),
    ("old", {"age_years": 79}, (warned("W-02"), warned("W-03"), warned("W-04"), slowed)),
    ("45 kg", {"weight_kg": "45"}, (warned("W-04"), slowed)),
    ("clots never asked", {"recent_thrombosis": None, "thrombosis_risk_factors": None}, (slowed,)),
    ("heart never asked", {"overload_risk_factors": None}, (slowed,)),
    ("clot, life-threatening", {"recent_thrombosis": True, **LIFE}, (hard("W-01"), slowed)),
    (
        "5 % product in a light patient",
        {"product": "gammaplex_5", "weight_kg": "51", **LIFE},
        (warned("W-04-VOLUME"),),
    ),
    (
        "second dose in blood group A",
        {"blood_group": "a", "ivig_last_7_days_g_per_kg": "1", "hours_since_last_ivig": "30"},
        (warned("W-05"),),
    ),
    ("no sample for hepatitis and HIV", {"serology_sample_taken": False}, (warned("W-06"),)),
    ("no sample for group and screen", {"group_and_screen_taken": None}, (warned("HS-25"),)),
    ("short and obese", {"weight_kg": "90", "height_cm": "150"}, (warned("W-13-SHORT"),)),
    ("obese, sex not recorded", {"weight_kg": "110", "height_cm": "170", "sex": None}, (warned("W-13-SEX"),)),
    ("height not known", {"height_cm": None}, (warned("W-13-HEIGHT"),)),
    ("weight before pregnancy not known", PREGNANT, (warned("W-13-PREGNANCY"), warned("OV-PREGNANCY"))),
    ("given before, nobody knows when", {"hours_since_last_ivig": None}, (warned("W-16-UNKNOWN"),)),
    # ---- corticosteroid
    ("dexamethasone in pregnancy", {**PREGNANT, **QUIET, "platelets_per_ul": 21_000}, (warned("HS-22"),)),
    ("110 kg and predniSONE", {"weight_kg": "110", "height_cm": "195"}, (warned("W-07"),)),
    (
        "four weeks at full dose",
        {**QUIET, "platelets_per_ul": 60_000},
        (warned("W-08"), warned("W-09"), warned("STE-LONG")),
    ),
    ("hepatitis B", {"hepatitis_b_positive": True}, (warned("W-11"),)),
    ("bleeding gut on a steroid", GUT, (warned("STE-STOMACH"),)),
    ("nil by mouth", {"nil_by_mouth": True}, (warned("W-NIL-BY-MOUTH"),)),
    # ---- platelets
    (
        "platelets without bleeding",
        {"platelets_per_ul": 8000, **QUIET_AT_RISK},
        (warned("HS-23"), held_or_unticked(PLATELETS)),
    ),
    ("RhD-negative girl", {"rhd_negative_childbearing": True}, (warned("W-19"),)),
    (
        "not irradiated, life-threatening",
        {"irradiated_needed": True, "irradiated_available": False, **LIFE},
        (warned("W-20-LT"), warned("W-20-ASK")),
    ),
    ("aspirin", {"antithrombotic": "single"}, (warned("W-15"),)),
    (
        "nsaid",
        {"bleeding_risk_factors": ["antithrombotic_or_nsaid"], "antithrombotic": None},
        (warned("W-14"),),
    ),
    (
        "platelets refused",
        {"platelets_refused": True},
        (warned("OUT-PLATELETS"), held(PLATELETS), calls("stat")),
    ),
    ("immunoglobulin refused", {"ivig_refused": True}, (warned("OUT-IVIG-3-4"), held(IVIG), calls("stat"))),
    # ---- who the adult order set is not for
    (
        "child with skin bleeding",
        {"age_years": 7, "weight_kg": "24", "height_cm": "120", **QUIET_AT_RISK},
        (hard("HS-21"), warned("PAEDS-OBSERVE"), held(IVIG), held(STEROID), held(PLATELETS)),
    ),
    (
        "pregnant at 35,000, no bleeding",
        {**PREGNANT, **QUIET, "platelets_per_ul": 35_000},
        (warned("OV-PREGNANCY-30"), held(STEROID)),
    ),
    ("checkpoint inhibitor", {"aetiology": "checkpoint_inhibitor"}, (warned("OV-CHECKPOINT"),)),
    ("operation nobody named", {**QUIET, "urgent_surgery": True}, (warned("SU-NO-TARGET"),)),
    (
        "operation tonight",
        {**QUIET, "urgent_surgery": True, "procedure": "major_surgery", "hours_to_procedure": "6"},
        (calls("stat"),),
    ),
    # ---- more than one at a time
    (
        "ttp and hit",
        {"ttp_suspected": True, "hit_suspected": True},
        (gated("X2"), gated("X3"), held(PLATELETS), held(IVIG)),
    ),
    (
        "ttp found, hit never asked",
        {"ttp_suspected": True, "hit_suspected": None, "heparin_last_100_days": None},
        (gated("X2"), gated("X10"), held(PLATELETS)),
    ),
    (
        "nobody knows anything, life-threatening",
        NOTHING_KNOWN,
        (said("X9"), flagged(PLATELETS), slowed, calls("stat")),
    ),
    (
        "IgA deficient, fructose, proline",
        {
            "iga_g_per_l": "0.05",
            "fructose_intolerance": True,
            "hyperprolinaemia": True,
            "product": "privigen",
        },
        (hard("HS-08"), hard("HS-10"), held(IVIG)),
    ),
    (
        "clot and failing kidneys",
        {"recent_thrombosis": True, "creatinine_umol_per_l": "350"},
        (hard("W-01"), hard("W-03-EGFR-30"), slowed),
    ),
    (
        "refused, and a steroid is unsafe",
        {"consent": "refused", "steroid_contraindicated": True},
        (held(IVIG), held(PLATELETS), held(STEROID), calls("stat")),
    ),
)


@pytest.mark.hazard("H09")
@pytest.mark.hazard("H10")
def test_a_hundred_dangers_are_all_caught(protocol: Protocol) -> None:
    rng = random.Random(SEED)
    missed = []
    for name, danger, catchers in DANGERS:
        # The patient around the danger varies; the count stays one that is treated.
        around = {
            "weight_kg": str(rng.randint(55, 95)),
            "age_years": rng.randint(20, 60),
            "blood_group": rng.choice(("o", "a", "b")),
            "platelets_per_ul": rng.choice((4000, 12000, 21000)),
        }
        outcome = said_of(protocol, **{**around, **danger})
        missed += [f"{name}: {number}" for number, caught in enumerate(catchers) if not caught(outcome)]

    assert missed == []
    assert len({name for name, _, _ in DANGERS}) == len(DANGERS) >= 100
