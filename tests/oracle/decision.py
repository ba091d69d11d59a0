"""What the evidence says must happen for a count, a bleeding level and two needs, as plain nested ifs.

Nothing here comes from the engine or from the shipped content: the numbers stand where the evidence has them.
"""

from collections.abc import Collection
from dataclasses import dataclass

BLEEDING_LEVELS = (
    "none",
    "risk_factors",
    "active",
    "active_cns_gi_gu",
    "life_threatening",
)
LOWER_LIMIT_OF_NORMAL_PER_UL = 150_000
GRADE_BORDERS_PER_UL = (25_000, 50_000, 75_000, LOWER_LIMIT_OF_NORMAL_PER_UL)
CONSULT_LEVELS = ("none", "info", "same_day", "stat")

FULL_NAMES = {
    "N0": "NORMAL_NO_TREATMENT",
    "N1": "NORMAL_BLEED_OTHER_CAUSE",
    "N2": "NORMAL_MAJOR_BLEED_OTHER_CAUSE",
    "G1A": "G1_OBSERVE",
    "G1H": "G1_HAEM_REVIEW",
    "G1P": "G1_PROCEDURE_TARGET_CHECK",
    "G1B": "G1_BLEED_HAEM_REVIEW",
    "G1C": "G1_CRITICAL_BLEED_HAEM_STAT",
    "G2A": "G2_STEROID",
    "G2B": "G2_STEROID_PLUS_IVIG",
    "G2C": "G2_BLEED_STEROID_HAEM",
    "SC": "SITE_COMBINED",
    "SU": "SURGERY_COMBINED",
    "G3A": "G3_IVIG_STEROID",
    "G3B": "G3_STEROID_HAEM",
    "G3C": "G3_IVIG_STEROID_PLATELETS",
    "G3D": "G3_STEROID_IVIG_RAPID",
    "G4A": "G4_TRIPLE",
    "G4B": "G4_IVIG_STEROID_PLT_CONSIDER",
    "G4C": "G4_IVIG_STEROID_HAEM",
    "G4D": "G4_STEROID_HAEM",
    "EM": "EMERGENCY_COMBINED",
}

# Section 3.4, the ITP target first and another guideline's only where the consensus report has none.
PROCEDURE_TARGETS_PER_UL = {
    "dental cleaning": 30_000,
    "simple extraction": 30_000,
    "complex extraction": 50_000,
    "minor surgery": 50_000,
    "major surgery": 80_000,
    "major neurosurgery": 100_000,
    "posterior eye": 100_000,
    "central line": 20_000,
    "lumbar puncture": 40_000,
    "epidural": 80_000,
    "vaginal birth": 50_000,
    "caesarean": 50_000,
    "neuraxial": 80_000,
}


def expected_grade(
    platelets_per_ul: int,
    lower_limit_of_normal_per_ul: int = LOWER_LIMIT_OF_NORMAL_PER_UL,
) -> int:
    """CTCAE v5.0: the number that ends a band belongs to the milder grade (1.1)."""
    if platelets_per_ul < 25_000:
        return 4
    if platelets_per_ul < 50_000:
        return 3
    if platelets_per_ul < 75_000:
        return 2
    if platelets_per_ul < lower_limit_of_normal_per_ul:
        return 1
    return 0


def surgery_still_counts(
    platelets_per_ul: int, urgent_surgery: bool, procedure_target_per_ul: int | None
) -> bool:
    """An urgent procedure is no need of its own once the count is at its target (1.3)."""
    if not urgent_surgery:
        return False
    if procedure_target_per_ul is None:
        return True
    return platelets_per_ul < procedure_target_per_ul


SKIN = frozenset({"skin_only"})
RISKY_FINDINGS = frozenset({"skin_only", "wet_purpura"})
ACTIVE_FINDINGS = frozenset(
    {
        "epistaxis_over_30_min",
        "haemoptysis",
        "puncture_site_over_1_h",
        "joint_or_deep_tissue",
        "retinal_without_visual_loss",
        "menstrual_more_than_spotting",
    }
)
SITE_FINDINGS = frozenset(
    {
        "haematemesis",
        "melaena",
        "haematochezia",
        "visible_haematuria",
        "vaginal_flooding",
        "suspected_cns",
        "red_cells_needed_stable",
    }
)
CRITICAL_FINDINGS = frozenset(
    {
        "intracranial",
        "intraspinal",
        "intraocular",
        "retroperitoneal",
        "pericardial",
        "compartment_syndrome",
        "haemodynamic_instability",
        "respiratory_compromise",
        "uncontrolled",
    }
)


def expected_level(
    *,
    who_bleeding_grade: int,
    findings: frozenset[str],
    has_risk_factor: bool,
    platelets_per_ul: int,
    age_years: int,
) -> str:
    """The bleeding level that grade, findings and risk factors amount to, the highest of several (1.3)."""
    if who_bleeding_grade == 4 or findings & CRITICAL_FINDINGS:
        return "life_threatening"
    if who_bleeding_grade == 3 or findings & SITE_FINDINGS:
        return "active_cns_gi_gu"
    if findings & ACTIVE_FINDINGS:
        return "active"
    if who_bleeding_grade == 2 and findings != SKIN:
        return "active"
    if who_bleeding_grade >= 1 or findings & RISKY_FINDINGS or has_risk_factor:
        return "risk_factors"
    if platelets_per_ul < 10_000 or age_years >= 60:
        return "risk_factors"
    return "none"


def expected_branch(
    platelets_per_ul: int,
    bleeding_level: str,
    urgent_surgery: bool,
    rapid_rise: bool,
    procedure_target_per_ul: int | None = None,
) -> tuple[str, str]:
    """The branch's full name and its provenance for one patient (1.1, 1.3 and 1.5 together)."""
    surgery = surgery_still_counts(platelets_per_ul, urgent_surgery, procedure_target_per_ul)
    return expected_cell(expected_grade(platelets_per_ul), bleeding_level, surgery, rapid_rise)


def expected_cell(grade: int, bleeding_level: str, surgery: bool, rapid_rise: bool) -> tuple[str, str]:
    """One of the 100 cells of 1.5: full branch name and provenance."""
    if bleeding_level not in BLEEDING_LEVELS:
        raise ValueError(f"no such bleeding level: {bleeding_level}")
    if grade == 0:
        branch, provenance = _normal_count(bleeding_level)
    elif grade == 1:
        branch, provenance = _grade_1(bleeding_level, surgery, rapid_rise)
    elif grade == 2:
        branch, provenance = _grade_2(bleeding_level, surgery, rapid_rise)
    elif grade == 3:
        branch, provenance = _grade_3(bleeding_level, surgery, rapid_rise)
    elif grade == 4:
        branch, provenance = _grade_4(bleeding_level, surgery, rapid_rise)
    else:
        raise ValueError(f"no such grade: {grade}")
    return FULL_NAMES[branch], provenance


def _normal_count(bleeding_level: str) -> tuple[str, str]:
    if bleeding_level == "life_threatening":
        return "N2", "extension"
    if bleeding_level in ("active", "active_cns_gi_gu"):
        return "N1", "extension"
    return "N0", "extension"


def _grade_1(bleeding_level: str, surgery: bool, rapid_rise: bool) -> tuple[str, str]:
    if bleeding_level in ("life_threatening", "active_cns_gi_gu"):
        return "G1C", "extension"
    if bleeding_level == "active":
        return "G1B", "extension"
    if surgery:
        return "G1P", "extension"
    if rapid_rise:
        return "G1H", "extension"
    return "G1A", "extension"


def _grade_2(bleeding_level: str, surgery: bool, rapid_rise: bool) -> tuple[str, str]:
    if bleeding_level == "life_threatening":
        return "EM", "context"
    if bleeding_level == "active_cns_gi_gu":
        return "SC", "context"
    if surgery:
        return "SU", "context"
    if rapid_rise:
        return "G2B", "source"
    if bleeding_level == "active":
        return "G2C", "extension"
    return "G2A", "source"


def _grade_3(bleeding_level: str, surgery: bool, rapid_rise: bool) -> tuple[str, str]:
    if bleeding_level == "life_threatening":
        return "EM", "context"
    if bleeding_level in ("active", "active_cns_gi_gu"):
        return "G3C", "source"
    if surgery:
        return "SU", "context"
    if bleeding_level == "risk_factors":
        return "G3A", "source"
    if rapid_rise:
        return "G3D", "extension"
    return "G3B", "extension"


def _grade_4(bleeding_level: str, surgery: bool, rapid_rise: bool) -> tuple[str, str]:
    # "S+" in the table: the source's algorithm and the emergency protocol on top; counted as source.
    if bleeding_level == "life_threatening":
        return "EM", "source"
    if bleeding_level in ("active", "active_cns_gi_gu"):
        return "G4A", "source"
    if surgery:
        return "SU", "context"
    if bleeding_level == "risk_factors":
        return "G4B", "context"
    if rapid_rise:
        return "G4C", "extension"
    return "G4D", "extension"


def expected_consult(branch: str, bleeding_level: str = "none", hours_to_procedure: int | None = None) -> str:
    """The haematology level of the branch table, with its three conditional entries."""
    if branch in ("NORMAL_NO_TREATMENT", "G1_OBSERVE"):
        return "none"
    if branch == "G2_STEROID":
        return "info"
    if branch == "G2_STEROID_PLUS_IVIG":
        if bleeding_level == "active":
            return "same_day"
        return "info"
    if branch in (
        "NORMAL_MAJOR_BLEED_OTHER_CAUSE",
        "G1_CRITICAL_BLEED_HAEM_STAT",
        "SITE_COMBINED",
        "EMERGENCY_COMBINED",
    ):
        return "stat"
    if branch in ("G3_IVIG_STEROID_PLATELETS", "G4_TRIPLE"):
        if bleeding_level == "active_cns_gi_gu":
            return "stat"
        return "same_day"
    if branch == "SURGERY_COMBINED":
        if hours_to_procedure is not None and hours_to_procedure < 12:
            return "stat"
        return "same_day"
    if branch in FULL_NAMES.values():
        return "same_day"
    raise ValueError(f"no such branch: {branch}")


REQUIRED = frozenset({"required"})
ABSENT = frozenset({"none"})
# Left to somebody else's word: the evidence does not say whether such a line is listed unticked or left out.
ON_ADVICE = frozenset({"none", "offered", "standby"})
# Given only when a stated event happens, so never ticked and never missing.
CONDITIONAL = frozenset({"offered", "standby"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """For each kind of treatment the roles the evidence allows it, and the corticosteroids in their order."""

    ivig: frozenset[str]
    corticosteroid_default: str | None
    corticosteroid_alternatives: frozenset[str] = frozenset()
    corticosteroid_on_advice: bool = False
    platelets: frozenset[str]
    platelet_doses: int = 1
    platelets_are_repeated: bool = False


def expected_lines(branch: str, sites: Collection[str] = (), platelets_per_ul: int | None = None) -> Lines:
    """The first four columns of the branch table; sites and count matter in three branches only."""
    if branch in ("NORMAL_NO_TREATMENT", "G1_OBSERVE", "G1_BLEED_HAEM_REVIEW"):
        return Lines(ivig=ABSENT, corticosteroid_default=None, platelets=ABSENT)
    if branch in ("NORMAL_BLEED_OTHER_CAUSE", "NORMAL_MAJOR_BLEED_OTHER_CAUSE"):
        return Lines(ivig=ABSENT, corticosteroid_default=None, platelets=ON_ADVICE)
    if branch == "G1_HAEM_REVIEW":
        return Lines(ivig=ON_ADVICE, corticosteroid_default=None, platelets=ABSENT)
    if branch == "G1_PROCEDURE_TARGET_CHECK":
        return Lines(ivig=ON_ADVICE, corticosteroid_default=None, platelets=CONDITIONAL)
    if branch == "G1_CRITICAL_BLEED_HAEM_STAT":
        platelets = ON_ADVICE
        if "cns" in sites and platelets_per_ul is not None and platelets_per_ul < 100_000:
            platelets = REQUIRED
        return Lines(
            ivig=ON_ADVICE,
            corticosteroid_default=None,
            corticosteroid_on_advice=True,
            platelets=platelets,
        )
    if branch == "G2_STEROID":
        return Lines(ivig=ABSENT, corticosteroid_default="prednisone", platelets=ABSENT)
    if branch == "G2_STEROID_PLUS_IVIG":
        return Lines(ivig=REQUIRED, corticosteroid_default="prednisone", platelets=ABSENT)
    if branch == "G2_BLEED_STEROID_HAEM":
        return Lines(
            ivig=frozenset({"offered"}),
            corticosteroid_default="prednisone",
            platelets=ABSENT,
        )
    if branch == "SITE_COMBINED":
        return Lines(
            ivig=REQUIRED,
            corticosteroid_default="prednisone",
            corticosteroid_alternatives=frozenset({"methylprednisolone"}),
            platelets=REQUIRED if "cns" in sites else CONDITIONAL,
        )
    if branch == "SURGERY_COMBINED":
        # "On call to theatre if the count is still below target" hangs on a recount.
        return Lines(
            ivig=REQUIRED,
            corticosteroid_default="prednisone",
            corticosteroid_alternatives=frozenset({"dexamethasone"}),
            platelets=frozenset({"required", "standby"}),
        )
    if branch == "G3_IVIG_STEROID":
        return Lines(
            ivig=REQUIRED,
            corticosteroid_default="prednisone",
            corticosteroid_alternatives=frozenset({"dexamethasone"}),
            platelets=frozenset({"standby"}),
        )
    if branch == "G3_STEROID_HAEM":
        return Lines(
            ivig=ABSENT,
            corticosteroid_default="prednisone",
            corticosteroid_alternatives=frozenset({"dexamethasone"}),
            platelets=ABSENT,
        )
    if branch in ("G3_IVIG_STEROID_PLATELETS", "G4_TRIPLE"):
        return Lines(
            ivig=REQUIRED,
            corticosteroid_default="prednisone",
            corticosteroid_alternatives=frozenset({"methylprednisolone"}),
            platelets=REQUIRED,
        )
    if branch == "G3_STEROID_IVIG_RAPID":
        return Lines(
            ivig=REQUIRED,
            corticosteroid_default="prednisone",
            corticosteroid_alternatives=frozenset({"dexamethasone"}),
            platelets=ABSENT,
        )
    if branch == "G4_IVIG_STEROID_PLT_CONSIDER":
        return Lines(
            ivig=REQUIRED,
            corticosteroid_default="prednisone",
            platelets=frozenset({"offered"}),
        )
    if branch == "G4_IVIG_STEROID_HAEM":
        return Lines(ivig=REQUIRED, corticosteroid_default="prednisone", platelets=ABSENT)
    if branch == "G4_STEROID_HAEM":
        # "No (escalate if <10 or bleed)": a line held for that escalation is right, a ticked one is wrong.
        return Lines(
            ivig=ON_ADVICE,
            corticosteroid_default="prednisone",
            corticosteroid_alternatives=frozenset({"dexamethasone"}),
            platelets=ABSENT,
        )
    if branch == "EMERGENCY_COMBINED":
        return Lines(
            ivig=REQUIRED,
            corticosteroid_default="methylprednisolone",
            corticosteroid_alternatives=frozenset({"prednisone", "dexamethasone"}),
            platelets=REQUIRED,
            platelet_doses=2,
            platelets_are_repeated=True,
        )
    raise ValueError(f"no such branch: {branch}")
