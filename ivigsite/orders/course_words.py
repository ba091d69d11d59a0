"""A course in words: the rows of the table under the chart, and what is said of the response."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from ivigsite.monitoring.times import minute_of, moment_of
from ivigsite.orders.given import GivenDose
from ivigsite.orders.platelet_units import FRESH_HOURS, GROUP_WORDS
from ivigsite.orders.response import Course, Repeat, day_of
from ivigsite.orders.sheet.wording import format_amount
from ivigsite.parsing.dates import format_date, format_datetime, months_after
from protocols.engine import lookup
from protocols.engine.facts import Unknown
from protocols.engine.numbers import format_decimal
from protocols.engine.protocol import OrderKind, Topic
from protocols.engine.response import (
    DEPENDENCE_FROM_MONTHS,
    DEPENDENCE_PER_UL,
    CountAt,
    Increment,
    JudgedCount,
    Refractoriness,
    ResponseClass,
)

CLASS_WORDS: Final = {
    ResponseClass.COMPLETE: "Complete response",
    ResponseClass.RESPONSE: "Response",
    ResponseClass.NONE: "No response",
    ResponseClass.UNKNOWN: "Class not known",
    ResponseClass.NOT_CLASSIFIABLE: "No class: the count before treatment is too high for these classes",
}
KIND_WORDS: Final = {
    OrderKind.IVIG.value: "Immunoglobulin",
    OrderKind.PLATELETS.value: "Platelets",
    OrderKind.CORTICOSTEROID.value: "Corticosteroid",
}
FROM_PAPER: Final = ", from paper"
PLANNED: Final = ", as planned; its start is not noted"
NEED_WORDS: Final = {
    "time": "The time has come",
    "reason": "Bleeding goes on, or the count is below {adequate}",
    "renal": "Kidney results since the first dose are normal",
    "thrombosis": "The thrombosis check since the first dose is normal",
    "haemolysis": "The haemolysis check since the first dose is normal",
    "haematology": "Haematology agrees (asked when it is ordered)",
}
MISSING_WORDS: Final = {
    "end": "the end of the dose is not noted",
    "before": "no count in time before the dose",
    "after": "no count in time after the dose",
    "surface": "weight or height is not known",
    "alone": "another dose was begun between the two counts",
}
REFRACTORY_WORDS: Final = {
    Refractoriness.REFRACTORY: "Two poor increments in a row, of units that were ABO-compatible and fresh: "
    "refractory to platelets.",
    Refractoriness.IF_SUITABLE: "Two poor increments in a row: refractory to platelets, if the units were "
    "ABO-compatible and fresh.",
    Refractoriness.UNSUITABLE: "Two poor increments in a row, of a unit that was not ABO-compatible or not "
    "fresh: not called refractory.",
}
_STATES: Final = {True: "met", False: "not met", None: "missing"}
_YES_NO: Final = {True: "yes", False: "no", None: "not known"}
_ICONS: Final = {True: "check", False: "close", None: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow:
    """One exact count of the table."""

    at: datetime
    day: str
    count: str
    says: str
    is_influenced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRow:
    """One treatment or reaction of the table."""

    at: datetime
    day: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A condition in words, and whether it is met, not met or not known."""

    words: str
    state: str
    icon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What studies saw of the response, with the citations it comes from."""

    title: str
    body: str
    cites: str


def count_words(per_ul: int) -> str:
    return f"{format_decimal(per_ul)} per microlitre"


def count_rows(course: Course) -> tuple[CountRow, ...]:
    """Every count, the newest first."""
    judged = {each.count: each for each in course.judged}
    return tuple(
        CountRow(
            at=moment_of(count.minute),
            day="" if course.start is None else str(day_of(count.minute, course.start)),
            count=count_words(count.per_ul),
            says=_says(course, count, judged.get(count)),
            is_influenced=count.minute in course.influenced,
        )
        for count in reversed(course.counts)
    )


def given_rows(course: Course) -> tuple[GivenRow, ...]:
    """What was given and how it was borne, the newest first."""
    rows = [
        (
            each.at,
            KIND_WORDS[each.kind]
            + _amount_words(each.dose)
            + (f", {each.dose.stopped}" if each.dose and each.dose.stopped else "")
            + (PLANNED if each.is_planned else "")
            + (FROM_PAPER if each.is_from_paper else ""),
        )
        for each in course.treatments
    ]
    rows += [(at, f"Reaction of grade {grade} to {product}") for at, grade, product in course.reactions]
    return tuple(
        GivenRow(
            at=at, day="" if course.start is None else str(day_of(minute_of(at), course.start)), words=words
        )
        for at, words in sorted(rows, reverse=True)
    )


def _amount_words(dose: GivenDose | None) -> str:
    """How much immunoglobulin, of which product; of platelets each unit with what its label says."""
    if dose is None:
        return ""
    if dose.is_from_paper and not dose.is_ivig:
        return f", {dose.label}" if dose.label else ", no unit noted"
    if not dose.is_ivig:
        units = "; ".join(f"unit {each.unit_number}, {each.group_words}" for each in dose.units)
        return f", {units}" if units else ", no unit noted"
    amount = "amount not known" if isinstance(dose.grams, Unknown) else format_amount(dose.grams, "g")
    return f" {amount}, {dose.product}"


def picture_words(course: Course) -> str:
    """The chart for whoever does not see it: each count with its time, oldest first."""
    if not course.counts:
        return "No counts yet."
    counts = "; ".join(
        f"{count_words(count.per_ul)} at {_when(moment_of(count.minute))}"
        f"{' (after platelets)' if count.minute in course.influenced else ''}"
        for count in course.counts
    )
    return f"Platelet counts on grade bands: {counts}. The tables below have all that is drawn."


def response_sentences(course: Course) -> tuple[str, ...]:
    """The response with its dates: provisional until it is confirmed."""
    return (*_response_sentences(course), *_dependence_sentences(course))


def increment_sentence(number: int, increment: Increment) -> str:
    if isinstance(increment.cci, Unknown):
        missing = " and ".join(MISSING_WORDS[key] for key in increment.missing)
        return f"Platelet dose {number}: increment not known, {missing}."
    word = "good" if increment.is_good else "poor"
    return (
        f"Platelet dose {number}: corrected count increment {format_decimal(int(increment.cci))}, {word} "
        "(estimated with the usual yield, which makes it look better). "
        f"ABO-compatible: {_YES_NO[_known(increment.unit.is_abo_compatible)]}; "
        f"fresh: {_YES_NO[_known(increment.unit.is_fresh)]}."
    )


def expected(course: Course) -> tuple[Expected, ...]:
    """What the protocol tells to expect of immunoglobulin, once it was begun."""
    if not course.has_ivig:
        return ()
    return tuple(
        Expected(title=text.title, body=text.body, cites=", ".join(text.basis.cites))
        for text in course.protocol.texts
        if text.topic is Topic.EXPECT
    )


def refractory_words(course: Course) -> str:
    """What two poor increments in a row mean; nothing where there are none."""
    return REFRACTORY_WORDS.get(course.refractory, "")


def next_unit_words(course: Course) -> str:
    """What to ask of the next unit, so that its increment tells something; nothing after a good one."""
    known = [each.is_good for each in course.increments if not isinstance(each.is_good, Unknown)]
    if not known or known[-1]:
        return ""
    parameters = lookup.of(course.protocol).parameters
    begins, ends = (
        format_decimal(parameters[f"count_after_platelets_{end}_minutes"]) for end in ("from", "to")
    )
    group = (
        "the patient's group, which is not known here"
        if isinstance(course.blood_group, Unknown)
        else f"the patient's group {GROUP_WORDS[course.blood_group]}"
    )
    hours = parameters.get(FRESH_HOURS)
    fresh = "fresh" if hours is None else f"younger than {format_decimal(hours)} hours"
    return (
        f"For the next dose ask the blood bank for a unit that is compatible with {group} and {fresh}. Note "
        f"group and collection day from its label, and count {begins} to {ends} minutes after its end."
    )


def needs_in_words(repeat: Repeat) -> tuple[Met, ...]:
    adequate = count_words(repeat.adequate_per_ul)
    return tuple(
        Met(
            words=NEED_WORDS[need.key].format(adequate=adequate),
            state=_STATES[_known(need.is_met)],
            icon=_ICONS[_known(need.is_met)],
        )
        for need in repeat.needs
    )


def _says(course: Course, count: CountAt, judged: JudgedCount | None) -> str:
    if count.minute in course.influenced:
        return "After platelets: not counted for the response"
    if count == course.baseline:
        return "Count before treatment"
    if judged is None:
        return "Before treatment" if course.start is not None else ""
    if judged.response is not ResponseClass.UNKNOWN:
        return CLASS_WORDS[judged.response]
    if course.baseline is None:
        return "Class not known: no count in time before treatment"
    return "Class not known: bleeding was not recorded near this count"


def _response_sentences(course: Course) -> Iterable[str]:
    if course.start is None:
        yield "No treatment has been begun yet."
        return
    if course.baseline is None:
        yield "The count before treatment is missing: the response cannot be told."
    found = course.response
    if found is None:
        yield "No count with a class yet."
        return
    since = _when(moment_of(found.since))
    if found.is_confirmed and found.confirmed_at is not None:
        confirmed = _when(moment_of(found.confirmed_at))
        yield f"{CLASS_WORDS[found.response]}, confirmed on {confirmed}; since {since}."
    elif found.confirms_from is not None:
        yield (
            f"{CLASS_WORDS[found.response]} since {since}, provisional: another such count from "
            f"{_when(moment_of(found.confirms_from))} confirms it."
        )
    if found.first_response_at is not None:
        days = day_of(found.first_response_at, course.start)
        yield f"First response on day {days}, {_when(moment_of(found.first_response_at))}."
    if found.lost is not None and found.lost_at is not None:
        word = "confirmed" if found.is_loss_confirmed else "provisional until a second count a day later"
        yield f"{CLASS_WORDS[found.lost]} lost on {_when(moment_of(found.lost_at))}, {word}."


def _dependence_sentences(course: Course) -> Iterable[str]:
    """Nobody notes here what a patient takes at home, so dependence on a corticosteroid is never judged."""
    begun = [each.at for each in course.treatments if each.kind == OrderKind.CORTICOSTEROID]
    if not begun:
        return
    day = months_after(timezone.localdate(min(begun)), DEPENDENCE_FROM_MONTHS)
    yield (
        f"Corticosteroid dependence is not judged. It can be told from {format_date(day)}, "
        f"{DEPENDENCE_FROM_MONTHS} months after its planned start. Missing: whether it was still or again "
        f"taken then, and whether that was needed to keep {count_words(DEPENDENCE_PER_UL)} or to prevent "
        "bleeding; that would count as no response."
    )


def _when(moment: datetime) -> str:
    return format_datetime(moment, timezone.get_default_timezone())


def _known(is_met: bool | Unknown) -> bool | None:
    return None if isinstance(is_met, Unknown) else is_met
