"""Whether results since the last assessment would change what it said, and which ones."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db.models import F, OuterRef, Q, Subquery, UUIDField

from ivigsite.accounts.models import User
from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.encounters.selectors import fact_words
from ivigsite.monitoring.background import values_from_plain
from ivigsite.monitoring.models import Observation
from ivigsite.monitoring.signals import encounters_overtaken, facts_overtaken
from ivigsite.monitoring.times import minute_of
from protocols.engine.decision import evaluate
from protocols.engine.facts import FACT_BY_KEY, UNKNOWN
from protocols.engine.monitoring import MINUTES_PER_HOUR
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.protocol import Protocol
from protocols.mapping import load_protocol_value
from protocols.prepared import Prepared, Told

# The results that are facts of the next assessment under the same name.
FACTS: Final = (
    "platelets_per_ul",
    "who_bleeding_grade",
    "creatinine_umol_per_l",
    "weight_kg",
    "dat_positive",
    "blood_group",
)

MOST_KNOWN: Final = 20_000
# Assessments and results never change, so what follows from them does not either.
_known: Final[dict[tuple[Any, ...], bool]] = {}


def changed_facts(encounter: Encounter) -> tuple[str, ...]:
    """The new facts in words, when the protocol would say something else with them; empty otherwise.

    A count that changes the grade and bleeding that steps up always count, whatever else stays the same.
    """
    last = encounter.assessments.first()
    if last is None:
        return ()
    newer = encounter.observations.standing().filter(entered_at__gt=last.made_at).order_by("taken_at")
    answers: list[tuple[Any, Any]] = facts_overtaken.send(sender=Encounter, encounter=encounter)
    overtaken = [sentence for _, sentences in answers for sentence in sentences]
    return (*overtaken, *_changes(last, load_protocol_value(encounter.protocol_version), newer))


def encounters_with_changed_facts(user: User) -> frozenset[UUID]:
    """The open encounters of this person's wards for which `changed_facts` has something to say.

    A few queries, however many encounters there are: only those with newer results are looked at, and what
    was worked out once for the same results is kept.
    """
    newer: dict[UUID, list[Any]] = {}
    for result in _results_since_assessed().rows(user=user.pk):
        newer.setdefault(result.encounter, []).append(result)
    answers: list[tuple[Any, Any]] = encounters_overtaken.send(sender=Encounter, user=user)
    overtaken = frozenset(key for _, keys in answers for key in keys)
    if not newer:
        return overtaken
    assessments = Assessment.objects.filter(encounter__in=list(newer)).select_related(
        "encounter__protocol_version"
    )
    last = {made.encounter_id: made for made in assessments.order_by("number")}
    return overtaken | {key for key, results in newer.items() if _has_changed(last[key], results)}


@cache
def _results_since_assessed() -> Prepared:
    """Of each result that is newer than the last assessment what `_has_changed` needs of it, in its order."""
    last = Assessment.objects.filter(encounter=OuterRef("encounter")).order_by("-number")
    of_this_user = Q(encounter__ward__users=Told("user", UUIDField()), encounter__closed_at=None)
    return Prepared(
        Observation.objects.standing()
        .filter(of_this_user, values__has_any_keys=list(FACTS))
        .annotate(assessed=Subquery(last.values("made_at")[:1]))
        .filter(entered_at__gt=F("assessed"))
        .order_by("taken_at")
        .values_list("encounter", "pk", "values", "taken_at", named=True)
    )


def _has_changed(last: Assessment, newer: list[Any]) -> bool:
    version = last.encounter.protocol_version
    key = (last.pk, version.pk, version.seal, *(each.pk for each in newer))
    if key not in _known:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[key] = bool(_changes(last, load_protocol_value(version), newer))
    return _known[key]


def _changes(last: Assessment, protocol: Protocol, newer: Iterable[Any]) -> tuple[str, ...]:
    new = _newer_facts(newer)
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


def _newer_facts(newer: Iterable[Any]) -> dict[str, tuple[Any, int]]:
    """The newest value of each shared fact among results in the order they were taken, and its minute."""
    found: dict[str, tuple[Any, int]] = {}
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
