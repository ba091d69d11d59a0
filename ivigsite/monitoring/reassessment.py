"""Whether results since the last assessment would change what it said, and which ones."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.encounters.selectors import fact_words
from ivigsite.monitoring.background import values_from_plain
from ivigsite.monitoring.times import minute_of
from protocols.engine.decision import evaluate
from protocols.engine.facts import FACT_BY_KEY, UNKNOWN
from protocols.engine.monitoring import MINUTES_PER_HOUR
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.protocol import Protocol
from protocols.mapping import load_protocol_value

# The results that are facts of the next assessment under the same name.
FACTS: Final = (
    "platelets_per_ul",
    "who_bleeding_grade",
    "creatinine_umol_per_l",
    "weight_kg",
    "dat_positive",
    "blood_group",
)


def changed_facts(encounter: Encounter) -> tuple[str, ...]:
    """The new facts in words, when the protocol would say something else with them; empty otherwise.

    A count that changes the grade and bleeding that steps up always count, whatever else stays the same.
    """
    last = encounter.assessments.first()
    if last is None:
        return ()
    protocol = load_protocol_value(encounter.protocol_version)
    new = _newer_facts(encounter, last)
    if not new:
        return ()
    facts = last.as_facts()
    updates = {key: value for key, (value, _) in new.items() if value != getattr(facts, key)}
    if not updates:
        return ()
    if "platelets_per_ul" in updates:
        made, taken = minute_of(last.made_at), new["platelets_per_ul"][1]
        updates["sample_age_hours"] = Decimal(max(0, made - taken)) / MINUTES_PER_HOUR
    after = outcome_to_plain(protocol, evaluate(protocol, replace(facts, **updates)))
    before_grade = facts.who_bleeding_grade
    steps_up = (
        "who_bleeding_grade" in updates
        and before_grade is not UNKNOWN
        and updates["who_bleeding_grade"] > before_grade
    )
    if not steps_up and _said(last.outcome) == _said(after):
        return ()
    return tuple(_words(key, last, value, protocol) for key, value in updates.items() if key in FACTS)


def _newer_facts(encounter: Encounter, last: Assessment) -> dict[str, tuple[Any, int]]:
    """The newest value of each shared fact that was entered after the assessment, and its minute."""
    found: dict[str, tuple[Any, int]] = {}
    newer = encounter.observations.standing().filter(entered_at__gt=last.made_at).order_by("taken_at")
    for observation in newer:
        values = values_from_plain(observation.values)
        for key in FACTS:
            if key in values:
                found[key] = values[key], minute_of(observation.taken_at)
    return found


def _said(outcome: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a clinician would act on: grade, branch, gates, stops and doses."""
    return (
        outcome["grade"],
        outcome["outcome"],
        outcome["branch"],
        sorted(finding["rule"] for finding in outcome["findings"]),
        sorted(
            (order["code"], str(order["dose"] and order["dose"]["rounded"])) for order in outcome["orders"]
        ),
    )


def _words(key: str, last: Assessment, value: Any, protocol: Protocol) -> str:
    label = FACT_BY_KEY[key].label
    before = fact_words(key, last.facts.get(key), protocol)
    return f"{label}: {before} before, {fact_words(key, value, protocol)} now"
