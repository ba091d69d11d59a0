"""Which gate holds (1.6), as plain nested ifs: what stops the orders, what is only said, what clears.

Nothing here comes from the engine. Absent facts are unknown, and unknown is never excluded.
"""

from collections.abc import Mapping
from typing import Any

CRITICAL = ("active_cns_gi_gu", "life_threatening")


def expected_gates(facts: Mapping[str, Any], *, grade: int, level: str) -> tuple[set[str], set[str]]:
    """The gates that stop this patient's orders, and those that are said and stop nothing.

    The scores are given as their least sure points: `plasmic`, `four_ts`, `isth_dic`.
    """
    stops: set[str] = set()
    said: set[str] = set()
    _is_the_count_real(facts, level, stops, said)
    _is_it_something_else(facts, level, stops, said)
    _is_it_immune(facts, grade, level, stops, said)
    if level == "life_threatening":
        # Never delayed: only what there is no dose without stops it.
        said |= stops - {"INVALID_DATA"}
        stops &= {"INVALID_DATA"}
    return stops, said


def _is_the_count_real(facts: Mapping[str, Any], level: str, stops: set[str], said: set[str]) -> None:
    if "weight_kg" not in facts:
        stops.add("INVALID_DATA")
    hours = facts.get("sample_age_hours")
    if hours is not None:
        if level == "life_threatening":
            if hours > 6:
                said.add("STALE_COUNT_CRITICAL")
        elif hours > 24 or (hours > 6 and level in ("active", "active_cns_gi_gu")):
            stops.add("STALE_COUNT")
    if (
        facts.get("clumps") is True
        and level in ("none", "risk_factors")
        and facts.get("low_count_confirmed") is not True
    ):
        stops.add("PSEUDO")


def _is_it_something_else(facts: Mapping[str, Any], level: str, stops: set[str], said: set[str]) -> None:
    haemolysis, dat = facts.get("haemolysis"), facts.get("dat_positive")
    if facts.get("ttp_suspected") is True or facts.get("schistocytes") is True:
        stops.add("TTP_TMA")
    if haemolysis is True and dat is not True:
        stops.add("TTP_TMA")
    if facts.get("plasmic", 0) >= 5:
        if level != "life_threatening":
            stops.add("TTP_TMA")
        elif facts.get("immune_cause") not in ("confirmed", "probable"):
            said.add("TTP_SCORE_CRITICAL")
    if (
        facts.get("hit_suspected") is True
        or facts.get("four_ts", 0) >= 4
        or facts.get("vitt_picture") is True
    ):
        stops.add("HIT_VITT")
    if facts.get("dic_suspected") is True or facts.get("isth_dic", 0) >= 5:
        stops.add("DIC")
    if facts.get("marrow_failure") is True:
        stops.add("HYPOPROLIF")
    if facts.get("obstetric_tma") is True:
        stops.add("OBSTETRIC_TMA")
    if facts.get("causative_drug") is True:
        said.add("DRUG")
    if haemolysis is True and dat is True:
        said.add("EVANS")


def _is_it_immune(facts: Mapping[str, Any], grade: int, level: str, stops: set[str], said: set[str]) -> None:
    is_stated = facts.get("immune_cause") in ("confirmed", "probable")
    if grade >= 2 and not is_stated:
        if level in CRITICAL:
            said.add("CAUSE_UNPROVEN")
        else:
            stops.add("CAUSE_UNEXPLAINED")
        return
    open_questions = _open_questions(facts)
    if grade == 1 and level in CRITICAL:
        # Platelets for the brain are given up to 100.
        said |= {f"{key}_CRITICAL" for key in open_questions - {"CLUMPS_NOT_EXCLUDED"}}
    if grade < 2:
        # Nothing immune is treated at grade 0 and 1.
        return
    if level in CRITICAL:
        said |= {f"{key}_CRITICAL" for key in open_questions}
    else:
        stops |= open_questions


def _open_questions(facts: Mapping[str, Any]) -> set[str]:
    """What a stated immune cause leaves open: nobody said no, and what would show it was not looked for."""
    open_questions = set()
    haemolysis = facts.get("haemolysis")
    was_looked_for = "schistocytes" in facts and haemolysis is not None
    is_seen = facts.get("schistocytes") is True or (
        haemolysis is True and facts.get("dat_positive") is not True
    )
    if "ttp_suspected" not in facts and not was_looked_for and not is_seen:
        open_questions.add("TTP_NOT_EXCLUDED")
    if "hit_suspected" not in facts and facts.get("heparin_last_100_days") is not False:
        open_questions.add("HIT_NOT_EXCLUDED")
    if "clumps" not in facts and facts.get("low_count_confirmed") is not True:
        open_questions.add("CLUMPS_NOT_EXCLUDED")
    return open_questions
