"""The facts of an assessment as they are at the order: grown older, and with every dose it cannot know.

An assessment is told when immunoglobulin was given last. What is begun after it, at the bedside or on a
downtime form, is on record: the rules of a second dose judge that, not what was told before it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Final

from ivigsite.encounters.assessment_form import ages_of
from ivigsite.encounters.models import Assessment
from ivigsite.monitoring.times import minute_of
from ivigsite.orders.given import GivenDose
from protocols.engine.arithmetic import exactly
from protocols.engine.facts import UNKNOWN, Facts, Unknown

# Fine enough that hours tell the same minute at any moment.
_PLACES: Final = Decimal("0.0001")


def facts_now(assessment: Assessment, untold: Sequence[GivenDose], *, at: datetime) -> Facts:
    """The facts at a moment; `untold` are the doses that the assessment cannot know, oldest first."""
    facts = assessment.as_facts()
    ages = ages_of(sampled_at=assessment.sampled_at, weighed_on=assessment.weighed_on, at=at)
    older = replace(
        facts,
        sample_age_hours=ages.get("sample_age_hours", UNKNOWN),
        weight_age_days=ages.get("weight_age_days", UNKNOWN),
        bleeding_seen_age_hours=_later(facts.bleeding_seen_age_hours, assessment.made_at, at),
        creatinine_age_hours=_later(facts.creatinine_age_hours, assessment.made_at, at),
        hours_since_last_ivig=_later(facts.hours_since_last_ivig, assessment.made_at, at),
    )
    return _with_doses(older, assessment, untold, at=at) if untold else older


def _with_doses(facts: Facts, assessment: Assessment, untold: Sequence[GivenDose], *, at: datetime) -> Facts:
    """The same facts once these doses are counted."""
    newest = untold[-1]
    since, told = _hours_between(newest.started_at, at), facts.hours_since_last_ivig
    is_newer = isinstance(told, Unknown) or since <= told
    return replace(
        facts,
        first_ivig=False,
        hours_since_last_ivig=since if is_newer else told,
        ivig_last_7_days_g_per_kg=_sum_with(facts, assessment, untold),
        last_product=_brand_borne(newest) if is_newer else facts.last_product,
    )


@exactly
def _sum_with(facts: Facts, assessment: Assessment, untold: Sequence[GivenDose]) -> Decimal | Unknown:
    """What was told and what came to it, in g per kg; nothing leaves the sum before a new assessment.

    What was only noted late may be in the sum that was told: of the two the larger counts.
    """
    told = facts.ivig_last_7_days_g_per_kg
    if isinstance(told, Unknown) and facts.first_ivig is True:
        told = Decimal(0)
    late = _sum_of(dose for dose in untold if not _is_since(dose, assessment))
    since = _sum_of(dose for dose in untold if _is_since(dose, assessment))
    if isinstance(told, Unknown) or isinstance(late, Unknown) or isinstance(since, Unknown):
        return UNKNOWN
    # Grams by a weight may have no end of decimals, which no fact has; rounded, it is never told as less.
    return (max(told, late) + since).quantize(_PLACES, rounding=ROUND_CEILING)


def _sum_of(doses: Iterable[GivenDose]) -> Decimal | Unknown:
    total = Decimal(0)
    for dose in doses:
        amount = dose.prescribed_g_per_kg
        if isinstance(amount, Unknown):
            return UNKNOWN
        total += amount
    return total


def _is_since(dose: GivenDose, assessment: Assessment) -> bool:
    """Whether a dose was begun after the assessment, and nobody can have told it there."""
    is_of_its_orders = dose.assessment_id == assessment.pk and not dose.is_from_paper
    return is_of_its_orders or dose.started_at > assessment.made_at


def _brand_borne(dose: GivenDose) -> str | Unknown:
    """The product of a dose that is over without a reaction; any other has not shown that it is borne."""
    return UNKNOWN if dose.ended_at is None or dose.reactions else dose.product_key


def _later(hours: Decimal | Unknown, made_at: datetime, at: datetime) -> Decimal | Unknown:
    """An age in hours that was right at one moment, as it is at another."""
    return UNKNOWN if isinstance(hours, Unknown) else hours + _hours_between(made_at, at)


def _hours_between(start: datetime, at: datetime) -> Decimal:
    """Whole minutes as hours; none where a clock runs behind what was noted."""
    return (Decimal(max(minute_of(at) - minute_of(start), 0)) / 60).quantize(_PLACES)
