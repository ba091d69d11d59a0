"""Made-up patients, the same ones for the same seed, crowded around every border of the evidence."""

import random
from collections.abc import Iterator, Sequence

from .decision import BLEEDING_LEVELS, GRADE_BORDERS_PER_UL, PROCEDURE_TARGETS_PER_UL
from .dose import POLICIES, PRODUCTS

Facts = dict[str, object]

AGES = (0, 1, 2, 5, 11, 17, 18, 19, 30, 44, 59, 60, 64, 65, 66, 70, 71, 90, 104)
# 152.4, 165.1, 177.8 and 190.5 cm are whole inches, so adjusted weights can tie on a rounding step.
HEIGHTS_CM = (
    "151.9",
    "152",
    "152.3",
    "152.4",
    "152.5",
    "160",
    "165.1",
    "170",
    "177.8",
    "190.5",
    "120",
    "220",
)
ADULT_WEIGHTS_KG = (
    *(
        "30",
        "32.4",
        "32.5",
        "32.6",
        "37.5",
        "45.5",
        "49.9",
        "50",
        "50.1",
        "62",
        "62.5",
        "62.6",
        "67.5",
        "72.5",
    ),
    *(
        "77.49",
        "79.9",
        "80",
        "80.1",
        "82.5",
        "82.6",
        "87.5",
        "88",
        "100",
        "102.5",
        "118",
        "140",
        "199.9",
        "250",
    ),
)
CHILD_WEIGHTS_KG = (
    *(
        "2.5",
        "3.7",
        "5",
        "6.2",
        "7.5",
        "8",
        "11.2",
        "11.25",
        "11.3",
        "12.5",
        "13.75",
        "14.9",
        "15",
        "15.1",
    ),
    *(
        "18",
        "18.75",
        "21.25",
        "26.25",
        "29.9",
        "30",
        "30.1",
        "32.5",
        "33.3",
        "33.4",
        "45",
        "62.5",
        "81",
    ),
)
# Exactly BMI 30 at a whole height, and one step to either side.
BMI_BORDERS = (
    *(
        ("160", "76.8"),
        ("160", "76.7"),
        ("160", "76.9"),
        ("170", "86.7"),
        ("170", "86.69"),
        ("170", "86.71"),
    ),
    *(
        ("180", "97.2"),
        ("180", "97.1"),
        ("180", "97.3"),
        ("150", "67.5"),
        ("152", "69.312"),
        ("152.4", "88"),
    ),
)
AETIOLOGIES = ("primary_itp", "secondary_itp", "checkpoint_inhibitor")
SITES = ("cns", "gi", "gu", "other")
# Asked about everything that slows an infusion, and free of it.
NO_RISK_STATED: Facts = {
    "renal_risk_factors": [],
    "thrombosis_risk_factors": [],
    "overload_risk_factors": [],
    "recent_thrombosis": False,
    "creatinine_umol_per_l": "60",
}


def synthetic_patients(
    *,
    count: int,
    seed: int,
    products: Sequence[str] = tuple(PRODUCTS),
    policies: Sequence[str] = POLICIES,
    procedures: Sequence[str] = tuple(PROCEDURE_TARGETS_PER_UL),
) -> Iterator[Facts]:
    """Facts with the keys a machine sends; codes of products, policies and procedures are the caller's."""
    rng = random.Random(seed)
    for _ in range(count):
        yield _patient(rng, products, policies, procedures)


def _patient(
    rng: random.Random,
    products: Sequence[str],
    policies: Sequence[str],
    procedures: Sequence[str],
) -> Facts:
    age = rng.choice(AGES) if rng.random() < 0.6 else rng.randint(18, 95)
    sex = rng.choice(("female", "male"))
    height, weight = _height_and_weight(rng, age)
    patient: Facts = {
        "age_years": age,
        "sex": sex,
        "weight_kg": weight,
        "weight_method": "measured" if rng.random() < 0.9 else "estimated",
        "platelets_per_ul": _count(rng),
        "bleeding_level": rng.choice(BLEEDING_LEVELS),
        "urgent_surgery": rng.random() < 0.3,
        "rapid_rise": rng.random() < 0.3,
        "immune_cause": rng.choice(("confirmed", "probable")),
        # The gate is tried elsewhere; here its questions are answered.
        "ttp_suspected": False,
        "hit_suspected": False,
        "clumps": False,
        "aetiology": rng.choice(AETIOLOGIES),
        "product": rng.choice(products),
        "policy": rng.choice(policies),
    }
    if rng.random() < 0.9:
        patient["height_cm"] = height
    if sex == "female" and 12 <= age <= 55:
        patient["pregnant"] = rng.random() < 0.3
        if patient["pregnant"] and rng.random() < 0.7:
            patient["pre_pregnancy_weight_kg"] = _lighter(rng, weight)
    elif sex == "female":
        patient["pregnant"] = False
    if patient["bleeding_level"] == "active_cns_gi_gu":
        patient["bleeding_sites"] = sorted(rng.sample(SITES[:3], rng.randint(1, 3)))
    if patient["bleeding_level"] in ("active", "life_threatening"):
        patient["bleeding_sites"] = ["other"]
    if patient["urgent_surgery"] and rng.random() < 0.6:
        patient["procedure"] = rng.choice(procedures)
    if rng.random() < 0.98:
        patient |= NO_RISK_STATED
    return patient


def _height_and_weight(rng: random.Random, age: int) -> tuple[str, str]:
    if age < 18:
        height = str(50 + 6 * age + rng.randint(-5, 5))
        return height, rng.choice(CHILD_WEIGHTS_KG) if rng.random() < 0.7 else f"{rng.randint(25, 900) / 10}"
    if rng.random() < 0.15:
        return rng.choice(BMI_BORDERS)
    height = rng.choice(HEIGHTS_CM) if rng.random() < 0.5 else f"{rng.randint(1400, 2000) / 10}"
    if rng.random() < 0.5:
        return height, rng.choice(ADULT_WEIGHTS_KG)
    # A tenth of a kilogram, and at times a hundredth, as scales and other systems report it.
    if rng.random() < 0.8:
        return height, f"{rng.randint(350, 1800) / 10}"
    return height, f"{rng.randint(3500, 18000) / 100}"


def _lighter(rng: random.Random, weight: str) -> str:
    return f"{max(float(weight) - rng.randint(1, 15), 30):.1f}"


def _count(rng: random.Random) -> int:
    if rng.random() < 0.5:
        border = rng.choice((*GRADE_BORDERS_PER_UL, 10_000, 20_000, 30_000, 80_000, 100_000))
        return border + rng.choice((-1, 0, 1))
    return rng.randint(1_000, 200_000)
