"""From the checklist to due times, and from a result to normal, alert or critical with the action.

Times are whole minutes on one scale the caller chooses, so that no zone and no clock change can enter here.
An unknown value never makes a result normal: what cannot be judged says what is missing.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from . import formulas, lookup
from .arithmetic import exactly
from .case import reported_egfr
from .conditions import RESULT_VALUES, Truth, Values, compile_result_when, compile_when
from .facts import UNKNOWN, Unknown
from .protocol import MonitoringItem, OrderKind, Protocol, Repeat, ResultRule, When
from .reactions import Answer, is_ivig_haemolysis, is_taco, is_trali

ANCHORS: Final = {
    "T0": "start of immunoglobulin",
    "TE": "end of immunoglobulin",
    "RI": "each rate increase",
    "RM": "highest rate reached",
    "P0": "start of each platelet dose",
    "PE": "end of each platelet dose",
    "S0": "first dose of corticosteroid",
    "D0": "start of the first treatment",
    "LE": "end of the last product",
    "DC": "discharge",
    "F0": "the result or event that asked for it",
}
"""What due times are counted from."""

MINUTES_PER_HOUR: Final = 60
COUNT: Final = "platelets_per_ul"
# A parameter that a protocol may leave out; without it a fever is only what somebody calls one.
FEVER_FROM: Final = "fever_from_c"
FEVER: Final = "fever_or_sepsis"
# A parameter that a protocol may leave out; without it nobody knows when a count is the patient's own again.
TRANSFUSION_INFLUENCES: Final = "transfusion_influences_hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCheck:
    """One check to be done: from when a result counts, when it is due, and when it is overdue.

    Without an anchor time the three are None: the check waits for the anchor. `position` numbers the repeats.
    """

    item: MonitoringItem
    anchor_number: int
    position: int
    from_minute: int | None
    due_minute: int | None
    overdue_minute: int | None


def applies(item: MonitoringItem, *, values: Values, kinds: frozenset[OrderKind]) -> bool:
    """Whether the check is for this patient and these orders; what may apply is kept."""
    if not _is_of(item, kinds):
        return False
    asked = {**values, "order_kinds": tuple(kind.value for kind in sorted(kinds))}
    return compile_when(item.when)(asked) is not False


def _is_of(item: MonitoringItem, kinds: frozenset[OrderKind]) -> bool:
    return not item.is_follow_up and (not item.kinds or not kinds.isdisjoint(item.kinds))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """An item that is for this patient and these orders, with the numbers of its repeats that hold."""

    item: MonitoringItem
    repeats: tuple[int, ...]


def plan_items(
    protocol: Protocol, *, values: Values, kinds: frozenset[OrderKind], added: Container[str] = ()
) -> tuple[PlannedItem, ...]:
    """What these orders ask to watch in this patient; kept with the orders, so that times can move later.

    `added` are the keys of items that safety rules ask for besides, whatever the items' own conditions say.
    """
    return tuple(
        PlannedItem(
            item=item,
            repeats=tuple(
                number
                for number, repeat in enumerate(item.repeats)
                if compile_when(repeat.when)(values) is not False
            ),
        )
        for item in protocol.monitoring_items
        if applies(item, values=values, kinds=kinds) or (item.key in added and _is_of(item, kinds))
    )


def schedule(
    planned: Iterable[PlannedItem],
    *,
    anchors: Mapping[str, Sequence[int]],
    never: Container[tuple[str, int]] = (),
) -> tuple[DueCheck, ...]:
    """Every check of these items, in the order of its due time; those that wait for an anchor last.

    Two checks of one rule at one minute are one check: the one that is its item's own time, before a repeat.
    Nothing is asked for from an anchor in `never`, by name and number: it will not come, whatever its time.
    """
    checks = [
        check
        for each in planned
        for check in _checks_of(each, anchors)
        if (check.item.anchor, check.anchor_number) not in never
    ]
    checks.sort(key=lambda check: (check.due_minute is None, check.due_minute or 0, check.position))
    found: dict[tuple[str, str], DueCheck] = {}
    for check in checks:
        waits = check.due_minute is None
        found.setdefault((check.item.rule, check.item.key if waits else str(check.due_minute)), check)
    return tuple(found.values())


def follow_up(
    item: MonitoringItem, *, event_minute: int, now_minute: int, anchors: Mapping[str, Sequence[int]]
) -> DueCheck:
    """The one check of a follow-up: after what asked for it, or after the last time of its own anchor."""
    starts = anchors.get(item.anchor, ())
    start = starts[-1] if starts else event_minute
    # What is asked for only now cannot have been due before.
    return _check(item, 1, 1, max(start + item.due_minutes, now_minute))


def _checks_of(planned: PlannedItem, anchors: Mapping[str, Sequence[int]]) -> tuple[DueCheck, ...]:
    """The checks of one item: its own time after each of its anchors, and its repeats."""
    item = planned.item
    starts = anchors.get(item.anchor, ())
    if not starts:
        return (_waiting(item),)
    found: list[DueCheck] = []
    for number, start in enumerate(starts, start=1):
        offsets = {item.due_minutes}
        for index in planned.repeats:
            offsets |= _repeated(item, item.repeats[index], number - 1, start, anchors)
        for position, offset in enumerate(sorted(offsets), start=1):
            found.append(_check(item, number, position, start + offset))
    return tuple(found)


def _repeated(
    item: MonitoringItem, repeat: Repeat, index: int, start: int, anchors: Mapping[str, Sequence[int]]
) -> set[int]:
    ends = anchors.get(repeat.until_anchor, ())
    if not ends:
        return set()
    last = ends[min(index, len(ends) - 1)] + repeat.until_minutes - start
    first = repeat.from_minutes
    if first is None:
        first = item.due_minutes + repeat.every_minutes
    return set(range(first, last + 1, repeat.every_minutes))


def _waiting(item: MonitoringItem) -> DueCheck:
    return DueCheck(
        item=item, anchor_number=1, position=1, from_minute=None, due_minute=None, overdue_minute=None
    )


def _check(item: MonitoringItem, number: int, position: int, due_minute: int) -> DueCheck:
    return DueCheck(
        item=item,
        anchor_number=number,
        position=position,
        from_minute=due_minute - item.early_minutes,
        due_minute=due_minute,
        overdue_minute=due_minute + item.window_minutes,
    )


class Level(StrEnum):
    """What a result means; one that cannot be judged is never taken for a normal one."""

    NORMAL = "normal"
    ALERT = "alert"
    CRITICAL = "critical"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The values of one check, at a minute of the caller's scale. What is not in `values` is unknown."""

    minute: int
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One dose of a product, from its start to its end; without an end it may run still."""

    start_minute: int
    end_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What a result is compared with: the facts, earlier results, and when treatment began and ended.

    `earlier` are results of every kind, in any order. `start_minute` is the start of immunoglobulin, or of
    the first product where none is given; the last result from before it is the baseline. Vital signs are
    compared with those from before the dose that runs: `runs` are the doses of every product; without them
    that is the one from `start_minute`. `units` are the platelet doses that were truly begun. `targets` are
    the counts to be at or above, of the bleed and of the procedure; none is an answer.
    """

    facts: Values
    earlier: tuple[Result, ...] = ()
    start_minute: int | None = None
    runs: tuple[Run, ...] = ()
    units: tuple[Run, ...] = ()
    targets: tuple[int, ...] | Unknown = UNKNOWN


def risk_factors_told(protocol: Protocol, result: Result) -> tuple[str, ...]:
    """The bleeding risk factors that a result shows by itself: a fever, measured or seen."""
    limit = lookup.of(protocol).parameters.get(FEVER_FROM)
    temperature = result.values.get("temperature_c")
    is_hot = limit is not None and temperature is not None and temperature >= limit
    return (FEVER,) if is_hot or "fever" in result.values.get("meningitis_signs", ()) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the protocol says of a result, and what it asks for."""

    level: Level
    derived: Mapping[str, Any]
    action: str
    missing: tuple[str, ...]
    reasons: tuple[str, ...]
    follow_ups: tuple[str, ...]
    holds: tuple[OrderKind, ...]


def judge(protocol: Protocol, rule_key: str, result: Result, background: Background) -> Judgement:
    """Judge one result by its rule: critical before alert, and normal only when both are ruled out."""
    rule = lookup.of(protocol).result_rules[rule_key]
    derived = derive(result, background, influenced_hours=_influenced_hours(protocol))
    values = {**background.facts, **result.values, **derived}
    critical, alert = compile_result_when(rule.critical), compile_result_when(rule.alert)
    # Without conditions there is nothing to rule out; `When` reads them as always.
    is_critical: Truth = critical(values) if rule.critical else False
    is_alert: Truth = alert(values) if rule.alert else False
    if is_critical is True:
        return _judgement(rule, Level.CRITICAL, derived, reasons=_reasons(rule.critical, values))
    missing = tuple(
        dict.fromkeys(
            (*_missing(rule.critical, values, is_critical), *_missing(rule.alert, values, is_alert))
        )
    )
    if is_alert is True:
        return _judgement(rule, Level.ALERT, derived, missing=missing, reasons=_reasons(rule.alert, values))
    if missing:
        return _judgement(rule, Level.NOT_JUDGED, derived, missing=missing)
    return _judgement(rule, Level.NORMAL, derived)


def _influenced_hours(protocol: Protocol) -> Decimal | None:
    """How long platelets lift a count, where the protocol says it."""
    return lookup.of(protocol).parameters.get(TRANSFUSION_INFLUENCES)


def _judgement(
    rule: ResultRule,
    level: Level,
    derived: Mapping[str, Any],
    *,
    missing: tuple[str, ...] = (),
    reasons: tuple[str, ...] = (),
) -> Judgement:
    asked = {
        Level.ALERT: (rule.alert_action, rule.alert_follow_ups, rule.alert_holds),
        Level.CRITICAL: (rule.critical_action, rule.critical_follow_ups, rule.critical_holds),
    }
    action, follow_ups, holds = asked.get(level, ("", (), ()))
    return Judgement(
        level=level,
        derived=derived,
        action=action,
        missing=missing,
        reasons=reasons,
        follow_ups=follow_ups,
        holds=holds,
    )


def _reasons(when: When, values: Values) -> tuple[str, ...]:
    """The values that made the groups hold which did, each named once."""
    return tuple(
        dict.fromkeys(
            condition.fact
            for group in when
            if compile_result_when((group,))(values) is True
            for condition in group
            if condition.fact in RESULT_VALUES
        )
    )


def _missing(when: When, values: Values, truth: Truth) -> tuple[str, ...]:
    if truth is not UNKNOWN:
        return ()
    return tuple(
        condition.fact
        for group in when
        if compile_result_when((group,))(values) is UNKNOWN
        for condition in group
        if compile_result_when(((condition,),))(values) is UNKNOWN
    )


@exactly
def derive(
    result: Result, background: Background, *, influenced_hours: Decimal | None = None
) -> dict[str, Any]:
    """What follows from a result, the results before it and the facts; what cannot be told is left out.

    For `influenced_hours` after a platelet dose a count is not the patient's own; without it for ever.
    """
    earlier = tuple(
        sorted(
            (each for each in background.earlier if each.minute <= result.minute),
            key=lambda each: each.minute,
        )
    )
    found: dict[str, Any] = {
        **_vital_changes(result, earlier, background),
        **_renal(result, earlier, background),
        **_urine(result, earlier, background.facts),
        **_haemolysis(result, earlier, background.start_minute),
        **_lungs(result),
        **_counts(result, earlier, background, influenced_hours),
    }
    if "meningitis_signs" in result.values:
        found["meningitis_sign_count"] = len(result.values["meningitis_signs"])
    if "who_bleeding_grade" in result.values:
        before = _last("who_bleeding_grade", earlier)
        before = background.facts.get("who_bleeding_grade") if before is None else before
        found["bleeding_step_up"] = (
            UNKNOWN if before is None else result.values["who_bleeding_grade"] > before
        )
    return {key: value for key, value in found.items() if value is not UNKNOWN}


def _last(key: str, earlier: Sequence[Result]) -> Any:
    return next((each.values[key] for each in reversed(earlier) if key in each.values), None)


def _baseline(key: str, earlier: Sequence[Result], start_minute: int | None) -> Any:
    """The last value from before the start; where there is none, nothing to compare with."""
    if start_minute is None:
        return next((each.values[key] for each in earlier if key in each.values), None)
    return _last(key, [each for each in earlier if each.minute <= start_minute])


def _since(key: str, earlier: Sequence[Result], start_minute: int | None) -> list[Any]:
    """The values from after the start, oldest first."""
    return [
        each.values[key]
        for each in earlier
        if key in each.values and start_minute is not None and each.minute > start_minute
    ]


def _vital_changes(result: Result, earlier: Sequence[Result], background: Background) -> dict[str, Any]:
    """Against the set from before the dose that runs; of doses that run together the largest change."""
    found: dict[str, Any] = {}
    runs = background.runs
    if not runs and background.start_minute is not None:
        runs = (Run(start_minute=background.start_minute),)
    about = _running_at(result.minute, runs)
    is_before = bool(runs) and not about

    def before(key: str) -> list[Any]:
        if is_before:
            # The set from before the product is itself what later ones are compared with.
            return [result.values[key]]
        starts: list[int | None] = [run.start_minute for run in about]
        values = (_baseline(key, earlier, start) for start in starts or [None])
        return [value for value in values if value is not None]

    for key, rise, fall in (
        ("temperature_c", "temperature_rise_c", ""),
        ("systolic_mmhg", "systolic_rise_mmhg", "systolic_fall_mmhg"),
        ("heart_rate_per_min", "heart_rate_rise_per_min", "heart_rate_fall_per_min"),
    ):
        if key not in result.values or not (baselines := before(key)):
            continue
        found[rise] = result.values[key] - min(baselines)
        if fall:
            found[fall] = max(baselines) - result.values[key]
    if "on_oxygen" in result.values:
        if result.values["on_oxygen"] is False or is_before:
            found["oxygen_newly_needed"] = False
        elif baselines := before("on_oxygen"):
            found["oxygen_newly_needed"] = False in baselines
    return found


def _running_at(minute: int, runs: Iterable[Run]) -> list[Run]:
    """The dose begun last before this minute, and those that had not ended when it began."""
    begun = sorted((run for run in runs if run.start_minute < minute), key=lambda run: run.start_minute)
    if not begun:
        return []
    newest = begun[-1].start_minute
    return [run for run in begun if run.end_minute is None or run.end_minute >= newest]


def _renal(result: Result, earlier: Sequence[Result], background: Background) -> dict[str, Any]:
    """KDIGO compares with each creatinine of the 48 hours and 7 days before; the worst stage counts."""
    if result.values.get("renal_replacement") is True:
        return {"kdigo_stage": formulas.kdigo_worst_stage(stages=(), renal_replacement=True)}
    current = result.values.get("creatinine_umol_per_l")
    if current is None:
        return {}
    found: dict[str, Any] = {"egfr": _egfr(current, background.facts)}
    stages = [
        formulas.kdigo_creatinine_stage(
            baseline=each.values["creatinine_umol_per_l"],
            current=current,
            hours_apart=hours,
            unit="umol_per_l",
        )
        for each in earlier
        if "creatinine_umol_per_l" in each.values
        and 0 < (hours := _hours(each.minute, result.minute)) <= formulas.KDIGO_RATIO_WITHIN_HOURS
    ]
    if stages:
        found["kdigo_stage"] = formulas.kdigo_worst_stage(stages=stages, renal_replacement=False)
    baseline = _baseline("creatinine_umol_per_l", earlier, background.start_minute)
    if baseline is not None:
        found["creatinine_ratio"] = current / baseline
    return found


def _egfr(creatinine: Decimal, facts: Values) -> Decimal | Unknown:
    age, sex = facts.get("age_years", UNKNOWN), facts.get("sex", UNKNOWN)
    if age is UNKNOWN or sex is UNKNOWN or age < formulas.ADULT_FROM_YEARS:
        return UNKNOWN
    return reported_egfr(creatinine, age, sex)


def _urine(result: Result, earlier: Sequence[Result], facts: Values) -> dict[str, Any]:
    """The rate of this stretch, and the worst stage of it with the unbroken stretches before it."""
    weight_kg = facts.get("weight_kg")
    if weight_kg is None or not {"urine_ml", "urine_hours"} <= result.values.keys():
        return {}
    stages: list[int] = []
    total_ml, total_hours, begins = Decimal(0), Decimal(0), result.minute
    for each in (result, *reversed(earlier)):
        if not {"urine_ml", "urine_hours"} <= each.values.keys():
            continue
        # A gap of more than an hour breaks the stretch: nobody knows what was passed in it.
        if abs(begins - each.minute) > MINUTES_PER_HOUR:
            break
        total_ml += each.values["urine_ml"]
        total_hours += each.values["urine_hours"]
        begins = each.minute - int(each.values["urine_hours"] * MINUTES_PER_HOUR)
        rate = total_ml / weight_kg / total_hours
        stages.append(formulas.kdigo_urine_stage(ml_per_kg_per_h=rate, hours=total_hours))
    own_rate = result.values["urine_ml"] / weight_kg / result.values["urine_hours"]
    found: dict[str, Any] = {"urine_ml_per_kg_per_h": own_rate}
    shortest = max(total_hours, Decimal(formulas.KDIGO_URINE_HOURS))
    may_be_low = formulas.kdigo_urine_stage(ml_per_kg_per_h=own_rate, hours=shortest)
    # Too little for too short a time to be judged: not a stage yet, and not normal either.
    if may_be_low and not max(stages) and total_hours < formulas.KDIGO_URINE_HOURS:
        return found
    return found | {"urine_stage": max(stages)}


def _haemolysis(result: Result, earlier: Sequence[Result], start_minute: int | None) -> dict[str, Any]:
    values = result.values
    signs: tuple[Answer, ...] = tuple(
        values.get(key, UNKNOWN)
        for key in (
            "reticulocytes_raised",
            "ldh_raised",
            "haptoglobin_low",
            "bilirubin_raised",
            "dark_urine",
            "spherocytes",
        )
    )
    found: dict[str, Any] = {}
    fall: Decimal | Unknown = UNKNOWN
    if "haemoglobin_g_per_l" in values:
        is_before = start_minute is not None and result.minute <= start_minute
        before = (
            values["haemoglobin_g_per_l"]
            if is_before
            else _baseline("haemoglobin_g_per_l", earlier, start_minute)
        )
        if before is not None:
            # Red cells given meanwhile would hide a fall from what they had made of it.
            since = _since("haemoglobin_g_per_l", earlier, start_minute)
            fall = max((before, *since)) - values["haemoglobin_g_per_l"]
            found["haemoglobin_fall_g_per_l"] = fall
    if "ldh_raised" in values:
        found["haemolysis_signs"] = sum(1 for sign in signs if sign is True)
        hours = UNKNOWN if start_minute is None else _hours(start_minute, result.minute)
        found["is_haemolysis"] = is_ivig_haemolysis(
            fall_g_per_l=fall,
            hours_after_ivig=hours,
            dat_positive=values.get("dat_positive", UNKNOWN),
            signs=signs,
            no_other_cause=values.get("no_other_cause", UNKNOWN),
        )
    return found


def _lungs(result: Result) -> dict[str, Any]:
    values = result.values
    if "overload_signs" not in values and "bilateral_oedema" not in values:
        return {}
    hours = values.get("hours_after_product", UNKNOWN)
    return {
        "is_trali": is_trali(
            pf_ratio=values.get("pf_ratio", UNKNOWN),
            saturation_percent=values.get("oxygen_saturation_percent", UNKNOWN),
            on_oxygen=values.get("on_oxygen", UNKNOWN),
            bilateral_oedema=values.get("bilateral_oedema", UNKNOWN),
            left_atrial_hypertension=values.get("left_atrial_hypertension", UNKNOWN),
            hours_after_product=hours,
        ),
        "is_taco": is_taco(overload_signs=values.get("overload_signs", UNKNOWN), hours_after_product=hours),
    }


def _counts(
    result: Result, earlier: Sequence[Result], background: Background, influenced_hours: Decimal | None
) -> dict[str, Any]:
    """What platelets have lifted is no peak, and proves that the count is low, never that it is enough."""
    count = result.values.get(COUNT)
    if count is None:
        return {}
    start_minute = background.start_minute

    def is_own(minute: int) -> bool:
        return not _is_lifted(minute, background.units, influenced_hours)

    found: dict[str, Any] = {}
    if not isinstance(background.targets, Unknown):
        found["count_below_target"] = any(count < target for target in background.targets)
    baseline = _baseline(COUNT, earlier, start_minute)
    if baseline is not None:
        found["platelet_rise_per_ul"] = count - baseline
    after = [
        each.values[COUNT]
        for each in earlier
        if COUNT in each.values
        and start_minute is not None
        and each.minute > start_minute
        and is_own(each.minute)
    ]
    if is_own(result.minute):
        found["own_platelets_per_ul"] = count
        if baseline is not None:
            found["own_platelet_rise_per_ul"] = count - baseline
    peak = max((*after, count))
    if after and peak:
        found["fall_from_peak_percent"] = Decimal(peak - count) * 100 / peak
    return found


def _is_lifted(minute: int, units: Iterable[Run], hours: Decimal | None) -> bool:
    return any(
        unit.start_minute <= minute
        and (unit.end_minute is None or hours is None or minute <= unit.end_minute + hours * MINUTES_PER_HOUR)
        for unit in units
    )


def _hours(earlier_minute: int, later_minute: int) -> Decimal:
    return Decimal(later_minute - earlier_minute) / MINUTES_PER_HOUR


class Status(StrEnum):
    """Where a check stands at one moment."""

    PLANNED = "planned"
    WAITING = "waiting"
    DUE = "due"
    OVERDUE = "overdue"
    MISSED = "missed"
    DONE = "done"
    DECLINED = "declined"
    ENDED = "ended"


def status_of(
    *, closed_as: str, due: Any, overdue: Any, next_due: Any, now: Any, waits_until: Any = None
) -> Status:
    """The status of a check at `now`; all times are of one kind, in UTC.

    A missed check is one whose turn has gone: the next of its kind is due, and stands for both. A waiting
    one is counted from a start that nobody has noted; at `waits_until` it is asked for all the same.
    """
    if closed_as:
        return Status(closed_as)
    if due is None or now < due:
        return Status.PLANNED
    if waits_until is not None and now < waits_until:
        return Status.WAITING
    if next_due is not None and next_due <= now:
        return Status.MISSED
    return Status.OVERDUE if now > overdue else Status.DUE
