"""Three scores as the evidence prints them (1.6), in plain ifs and in the units people report.

Nothing here comes from the engine. Each score takes whole answers only; what open answers can still become is
found by trying them all.
"""

from fractions import Fraction


def plasmic(
    *,
    platelets_e9_per_l: Fraction,
    reticulocytes_percent: Fraction,
    haptoglobin_undetectable: bool,
    indirect_bilirubin_mg_per_dl: Fraction,
    active_cancer: bool,
    transplant: bool,
    mcv_fl: Fraction,
    inr: Fraction,
    creatinine_mg_per_dl: Fraction,
) -> int:
    points = 0
    if platelets_e9_per_l < 30:
        points += 1
    if (
        reticulocytes_percent > Fraction(5, 2)
        or haptoglobin_undetectable
        or (indirect_bilirubin_mg_per_dl > 2)
    ):
        points += 1
    if not active_cancer:
        points += 1
    if not transplant:
        points += 1
    if mcv_fl < 90:
        points += 1
    if inr < Fraction(3, 2):
        points += 1
    if creatinine_mg_per_dl < 2:
        points += 1
    return points


def four_ts(*, fall: str, lowest_e9_per_l: Fraction, timing: str, thrombosis: str, other_cause: str) -> int:
    if fall == "below_30_percent" or lowest_e9_per_l < 10:
        points = 0
    elif fall == "from_30_to_50_percent" or lowest_e9_per_l < 20:
        points = 1
    else:
        points = 2
    if timing == "typical":
        points += 2
    if timing == "late_or_unclear":
        points += 1
    if thrombosis == "new":
        points += 2
    if thrombosis == "progressive_or_suspected":
        points += 1
    if other_cause == "none":
        points += 2
    if other_cause == "possible":
        points += 1
    return points


def isth_dic(
    *,
    platelets_e9_per_l: Fraction,
    fibrin_marker: str,
    pt_seconds_longer: Fraction,
    fibrinogen_g_per_l: Fraction,
) -> int:
    if platelets_e9_per_l > 100:
        points = 0
    elif platelets_e9_per_l >= 50:
        points = 1
    else:
        points = 2
    if fibrin_marker == "moderate":
        points += 2
    if fibrin_marker == "strong":
        points += 3
    if pt_seconds_longer > 6:
        points += 2
    elif pt_seconds_longer >= 3:
        points += 1
    # Exactly 1.0 stands in neither column; the worse one counts.
    if fibrinogen_g_per_l <= 1:
        points += 1
    return points


def plasmic_group(points: int) -> str:
    if points <= 4:
        return "low"
    return "intermediate" if points == 5 else "high"


def four_ts_group(points: int) -> str:
    if points <= 3:
        return "low"
    return "intermediate" if points <= 5 else "high"


def isth_dic_group(points: int) -> str:
    return "overt" if points >= 5 else "not overt"
