"""How the count answers to treatment: response classes, increments after platelets, second dose, relapse.

Times are whole minutes on the caller's scale, counts are per microlitre. What is not known makes a class
unknown, never a response.

Sources
    IWG         Rodeghiero F et al. Blood 2009;113:2386-2393: complete response from 100,000 without
                bleeding; response from 30,000 and twice the baseline without bleeding; both confirmed by
                counts at least 7 days apart, no response and loss by counts at least 1 day apart.
                Corticosteroid dependence: a corticosteroid that goes on or comes again for at least 2
                months to keep 30,000 or to avoid bleeding; it counts as no response.
    Refractory  Two poor corrected increments one after the other: Schiffer CA et al. J Clin Oncol
                2018;36:283-299. The increment that is poor is the protocol's. Called only of units known
                to be ABO-compatible and fresh: others may rise poorly for that reason alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final

from .arithmetic import exactly
from .conditions import compile_result_when
from .facts import UNKNOWN, Unknown
from .formulas import corrected_count_increment
from .platelet_units import all_of
from .protocol import When

MINUTES_PER_DAY: Final = 1440
_MINUTES_PER_HOUR: Final = 60
_COMPLETE_PER_UL: Final = 100_000
_RESPONSE_PER_UL: Final = 30_000
DEPENDENCE_FROM_MONTHS: Final = 2
DEPENDENCE_PER_UL: Final = _RESPONSE_PER_UL
_TIMES_BASELINE: Final = 2
_CONFIRMS_RESPONSE: Final = 7 * MINUTES_PER_DAY
_CONFIRMS_NONE: Final = MINUTES_PER_DAY
_BLEEDS_FROM_GRADE: Final = 1

NEEDED_PARAMETERS: Final = (
    "transfusion_influences_hours",
    "response_bleeding_within_hours",
    "count_after_platelets_from_minutes",
    "count_after_platelets_to_minutes",
    "count_max_age_hours",
    "cci_good_per_ul",
    "platelet_yield_e11",
    "relapse_watch_from_days",
    "relapse_watch_to_days",
    "repeat_dose_adequate_count_per_ul",
)


class ResponseClass(StrEnum):
    """IWG classes, and the two ways in which a count has none."""

    COMPLETE = "complete"
    RESPONSE = "response"
    NONE = "none"
    UNKNOWN = "unknown"
    NOT_CLASSIFIABLE = "not_classifiable"


RESPONSES: Final = (ResponseClass.COMPLETE, ResponseClass.RESPONSE)
_CLASSES: Final = (*RESPONSES, ResponseClass.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountAt:
    """One count and when its sample was taken."""

    minute: int
    per_ul: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BleedingAt:
    """One WHO bleeding grade and when it was seen."""

    minute: int
    who_grade: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitGiven:
    """One platelet dose that was begun; without an end it still runs, or nobody has noted its end.

    `latest_end_minute` is the latest that an end nobody noted can have been: no increment is told from it.
    Compatible and fresh is what every unit of the dose is known to be.
    """

    start_minute: int
    end_minute: int | None = None
    latest_end_minute: int | None = None
    is_abo_compatible: bool | Unknown = UNKNOWN
    is_fresh: bool | Unknown = UNKNOWN

    @property
    def over_by(self) -> int | None:
        """When it was over at the latest; None while that is not known."""
        return self.latest_end_minute if self.end_minute is None else self.end_minute


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCount:
    """One count after the start, with its class; one lifted by platelets has none and is left out."""

    count: CountAt
    is_influenced: bool
    bleeding: bool | Unknown
    response: ResponseClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Where the patient stands: the class of the newest count that counts, and how sure it is.

    `since` is the first count of the unbroken run that is at least as good; `confirms_from` the minute from
    which one more such count confirms it. `lost` is the better class held before, if there was one.
    """

    response: ResponseClass
    since: int
    is_confirmed: bool
    confirmed_at: int | None
    confirms_from: int | None
    first_response_at: int | None
    lost: ResponseClass | None
    lost_at: int | None
    is_loss_confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """The corrected increment of one platelet dose: unknown where something is missing, and what."""

    unit: UnitGiven
    before: CountAt | None
    after: CountAt | None
    cci: Decimal | Unknown
    is_good: bool | Unknown
    missing: tuple[str, ...]


class Refractoriness(StrEnum):
    """What two increments one after the other say of platelets to come.

    Two poor ones are `REFRACTORY` only of units known to be compatible and fresh; `IF_SUITABLE` where that
    is not known, and `UNSUITABLE` where one of the units was known not to be.
    """

    REFRACTORY = "refractory"
    IF_SUITABLE = "if_suitable"
    UNSUITABLE = "unsuitable"
    NOT_REFRACTORY = "not_refractory"
    UNKNOWN = "unknown"


_OF_POOR_PAIRS: Final = (
    (True, Refractoriness.REFRACTORY),
    (UNKNOWN, Refractoriness.IF_SUITABLE),
    (False, Refractoriness.UNSUITABLE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relapse:
    """The watch for the loss of the effect: its days, and the first count that shows it."""

    from_minute: int
    to_minute: int
    found: CountAt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One condition of a second dose: met, not met, or not known yet."""

    key: str
    is_met: bool | Unknown


def numbers_of(parameters: Mapping[str, Decimal]) -> Mapping[str, Decimal] | None:
    """The numbers of this module, or None where a version of the protocol lacks one of them."""
    if any(key not in parameters for key in NEEDED_PARAMETERS):
        return None
    return {key: parameters[key] for key in NEEDED_PARAMETERS}


def is_influenced(minute: int, units: Iterable[UnitGiven], *, hours: Decimal) -> bool:
    """Whether platelets may have lifted a count taken then; a dose without an end lifts all that follow."""
    return any(
        unit.start_minute <= minute
        and (unit.over_by is None or minute <= unit.over_by + hours * _MINUTES_PER_HOUR)
        for unit in units
    )


def bleeding_at(minute: int, seen: Iterable[BleedingAt], *, within_hours: Decimal) -> bool | Unknown:
    """Whether the patient bled about then: the worst that was seen so near, unknown where nobody looked."""
    near = [each.who_grade for each in seen if abs(each.minute - minute) <= within_hours * _MINUTES_PER_HOUR]
    return max(near) >= _BLEEDS_FROM_GRADE if near else UNKNOWN


def classify(*, per_ul: int, baseline_per_ul: int | Unknown, bleeding: bool | Unknown) -> ResponseClass:
    """The class of one count; source: IWG. Bleeding comes first; a baseline of 100,000 has no class."""
    if isinstance(baseline_per_ul, Unknown):
        return ResponseClass.UNKNOWN
    if baseline_per_ul >= _COMPLETE_PER_UL:
        return ResponseClass.NOT_CLASSIFIABLE
    doubled = per_ul >= _RESPONSE_PER_UL and per_ul >= _TIMES_BASELINE * baseline_per_ul
    if bleeding is True or (per_ul < _COMPLETE_PER_UL and not doubled):
        return ResponseClass.NONE
    if bleeding is not False:
        return ResponseClass.UNKNOWN
    return ResponseClass.COMPLETE if per_ul >= _COMPLETE_PER_UL else ResponseClass.RESPONSE


def judge_counts(
    counts: Iterable[CountAt],
    *,
    start_minute: int,
    baseline_per_ul: int | Unknown,
    seen: Sequence[BleedingAt],
    units: Sequence[UnitGiven],
    numbers: Mapping[str, Decimal],
) -> tuple[JudgedCount, ...]:
    """Every count taken after the start, oldest first, with what it says of the response."""
    judged = []
    for count in sorted(counts, key=lambda each: each.minute):
        if count.minute <= start_minute:
            continue
        lifted = is_influenced(count.minute, units, hours=numbers["transfusion_influences_hours"])
        bleeding = bleeding_at(count.minute, seen, within_hours=numbers["response_bleeding_within_hours"])
        found = classify(per_ul=count.per_ul, baseline_per_ul=baseline_per_ul, bleeding=bleeding)
        judged.append(
            JudgedCount(
                count=count,
                is_influenced=lifted,
                bleeding=bleeding,
                response=ResponseClass.UNKNOWN if lifted else found,
            )
        )
    return tuple(judged)


def response_of(judged: Iterable[JudgedCount]) -> Response | None:
    """The response by the newest count that has a class; None while there is none."""
    classed = [each for each in judged if not each.is_influenced and each.response in _CLASSES]
    if not classed:
        return None
    last = classed[-1].response
    run = _run(classed, last)
    since, until = run[0].count.minute, run[-1].count.minute
    needed = _CONFIRMS_NONE if last is ResponseClass.NONE else _CONFIRMS_RESPONSE
    confirming = next((each.count.minute for each in run if each.count.minute - since >= needed), None)
    earlier = [each for each in classed if each.response in RESPONSES]
    best = min((each.response for each in earlier), key=_CLASSES.index, default=None)
    lost = best if best is not None and _CLASSES.index(last) > _CLASSES.index(best) else None
    worse = _worse_than(classed, lost)
    return Response(
        response=last,
        since=since,
        is_confirmed=confirming is not None,
        confirmed_at=confirming,
        confirms_from=None if confirming is not None else since + needed,
        first_response_at=earlier[0].count.minute if earlier else None,
        lost=lost,
        lost_at=worse[0] if worse else None,
        is_loss_confirmed=bool(worse) and until - worse[0] >= _CONFIRMS_NONE,
    )


def _run(classed: Sequence[JudgedCount], last: ResponseClass) -> list[JudgedCount]:
    """The counts up to the newest one that are all at least as good, or for no response all none."""
    run: list[JudgedCount] = []
    for each in reversed(classed):
        fits = each.response is last if last is ResponseClass.NONE else _is_as_good(each.response, last)
        if not fits:
            break
        run.append(each)
    return run[::-1]


def _worse_than(classed: Sequence[JudgedCount], lost: ResponseClass | None) -> list[int]:
    """The minutes of the counts since the class was last held."""
    if lost is None:
        return []
    held = max(at for at, each in enumerate(classed) if _is_as_good(each.response, lost))
    return [each.count.minute for each in classed[held + 1 :]]


def _is_as_good(one: ResponseClass, other: ResponseClass) -> bool:
    return _CLASSES.index(one) <= _CLASSES.index(other)


@exactly
def increments_of(
    units: Iterable[UnitGiven],
    counts: Sequence[CountAt],
    *,
    bsa_m2: Decimal | Unknown,
    numbers: Mapping[str, Decimal],
) -> tuple[Increment, ...]:
    """The corrected increment of each platelet dose, oldest first; doses that overlap make none apart."""
    ordered = sorted(units, key=lambda each: each.start_minute)
    return tuple(_increment(unit, ordered, counts, bsa_m2=bsa_m2, numbers=numbers) for unit in ordered)


def _increment(
    unit: UnitGiven,
    units: Sequence[UnitGiven],
    counts: Sequence[CountAt],
    *,
    bsa_m2: Decimal | Unknown,
    numbers: Mapping[str, Decimal],
) -> Increment:
    oldest = unit.start_minute - numbers["count_max_age_hours"] * _MINUTES_PER_HOUR
    earlier = [each for each in counts if oldest <= each.minute <= unit.start_minute]
    before = max(earlier, key=lambda each: each.minute, default=None)
    after = None
    if unit.end_minute is not None:
        opens = unit.end_minute + numbers["count_after_platelets_from_minutes"]
        closes = unit.end_minute + numbers["count_after_platelets_to_minutes"]
        later = [each for each in counts if opens <= each.minute <= closes]
        after = min(later, key=lambda each: each.minute, default=None)
    mixed = [
        other
        for other in units
        if before is not None
        and after is not None
        and other is not unit
        and before.minute <= other.start_minute <= after.minute
    ]
    told = {
        "end": unit.end_minute is not None,
        "before": before is not None,
        "after": after is not None,
        "surface": not isinstance(bsa_m2, Unknown),
        "alone": not mixed,
    }
    missing = tuple(key for key, is_told in told.items() if not is_told)
    cci: Decimal | Unknown = UNKNOWN
    if before is not None and after is not None and not isinstance(bsa_m2, Unknown) and not mixed:
        cci = corrected_count_increment(
            before_per_ul=before.per_ul,
            after_per_ul=after.per_ul,
            bsa_m2=bsa_m2,
            platelets_given_e11=numbers["platelet_yield_e11"],
        )
    return Increment(
        unit=unit,
        before=before,
        after=after,
        cci=cci,
        is_good=UNKNOWN if isinstance(cci, Unknown) else cci >= numbers["cci_good_per_ul"],
        missing=missing,
    )


def refractoriness_of(increments: Sequence[Increment]) -> Refractoriness:
    """Whether two increments one after the other were poor, and of which units; source: Refractory."""
    pairs = list(pairwise(increments))
    poor = [_suit(pair) for pair in pairs if all(each.is_good is False for each in pair)]
    for suits, found in _OF_POOR_PAIRS:
        if suits in poor:
            return found
    if not pairs or any(all(each.is_good is not True for each in pair) for pair in pairs):
        return Refractoriness.UNKNOWN
    return Refractoriness.NOT_REFRACTORY


def _suit(pair: Iterable[Increment]) -> bool | Unknown:
    return all_of(tuple(told for each in pair for told in (each.unit.is_abo_compatible, each.unit.is_fresh)))


@exactly
def relapse_of(
    judged: Iterable[JudgedCount],
    *,
    start_minute: int,
    numbers: Mapping[str, Decimal],
    lost: When,
) -> Relapse:
    """The first count of the watch that has lost the response: low, or fallen far from the highest before.

    `lost` are the conditions by which the protocol judges a late count, so that the watch and the checklist
    cannot differ. Only after a response; counts lifted by platelets are left out on both sides.
    """
    opens = start_minute + int(numbers["relapse_watch_from_days"]) * MINUTES_PER_DAY
    closes = start_minute + int(numbers["relapse_watch_to_days"]) * MINUTES_PER_DAY
    has_lost = compile_result_when(lost)
    peak, responded, found = 0, False, None
    for each in judged:
        if each.is_influenced:
            continue
        count = each.count
        if responded and found is None and opens <= count.minute <= closes:
            fall = Decimal(max(peak - count.per_ul, 0)) * 100 / peak
            if has_lost({"platelets_per_ul": count.per_ul, "fall_from_peak_percent": fall}) is True:
                found = count
        responded = responded or each.response in RESPONSES
        peak = max(peak, count.per_ul)
    return Relapse(from_minute=opens, to_minute=closes, found=found)


def needs_of_repeat(
    *,
    due_minute: int,
    now_minute: int,
    count: CountAt | None,
    adequate_per_ul: int,
    bleeding: bool | Unknown,
    checks: Mapping[str, bool | Unknown],
) -> tuple[Need, ...]:
    """What a second dose needs: its time, a reason, and checks that allow it.

    The reason is bleeding that goes on or a count below the adequate one; a count that is adequate with
    bleeding stopped withholds the dose. `checks` tell of each whether its newest result since the start was
    normal. That haematology agrees is told when the dose is ordered.
    """
    low: bool | Unknown = UNKNOWN if count is None else count.per_ul < adequate_per_ul
    reason: bool | Unknown = UNKNOWN
    if bleeding is True or low is True:
        reason = True
    elif bleeding is False and low is False:
        reason = False
    return (
        Need(key="time", is_met=now_minute >= due_minute),
        Need(key="reason", is_met=reason),
        *(Need(key=key, is_met=is_met) for key, is_met in checks.items()),
        Need(key="haematology", is_met=UNKNOWN),
    )
