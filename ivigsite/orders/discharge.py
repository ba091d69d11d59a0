"""Closing an encounter with its outcome, the plan after it, and the papers for patient and colleagues."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.encounters.actions import close_encounter
from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.actions import acknowledge
from ivigsite.monitoring.models import ALARMING, MonitoringTask, Observation
from ivigsite.monitoring.selectors import KIND_WORDS, held_by, show
from ivigsite.monitoring.times import moment_of
from ivigsite.orders.course_words import (
    count_words,
    given_rows,
    response_sentences,
)
from ivigsite.orders.discrepancies import discrepancies_in
from ivigsite.orders.exposure_summary import Exposure, summarise
from ivigsite.orders.models import Discharge, Outcome
from ivigsite.orders.response import Course, course_of
from ivigsite.orders.sheet.content import read_as, to_plain
from ivigsite.orders.sheet.plain_paper import PaperPart, PlainPaper, Print
from ivigsite.parsing.dates import format_date, format_datetime
from protocols.engine.protocol import OrderKind, Protocol, Text, Topic
from protocols.engine.response import Relapse
from protocols.mapping import load_protocol_value

LEAFLET: Final = "leaflet"
SUMMARY: Final = "summary"
PAPERS: Final = {LEAFLET: "For the patient", SUMMARY: "Discharge summary"}
# Texts of the leaflet by what they belong to; those of a treatment are printed where it was given.
OF_TREATMENT: Final = ("leaflet_ivig", "leaflet_platelets", "leaflet_corticosteroid")
LEAFLET_WORDS: Final = {
    OrderKind.IVIG.value: "a drip of immunoglobulin",
    OrderKind.PLATELETS.value: "a drip of platelets",
    OrderKind.CORTICOSTEROID.value: "a steroid",
}
OPEN_SHOWN: Final = 20
TAKEN_ON: Final = "Taken on at discharge"
# Nothing is handed to somebody who has died.
WITHOUT_LEAFLET: Final = (Outcome.DIED,)


class AlertsOpen(Exception):
    """A result alarms that whoever closes the encounter has not taken on."""


class AlreadyDischarged(Exception):
    """The encounter was closed with an outcome already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is told at discharge: the outcome, and the first appointment with its day.

    `takes_on` are the ids of the alarming results that whoever closes the encounter knows of.
    """

    outcome: Outcome
    appointment: str
    appointment_on: date | None
    comment: str
    takes_on: frozenset[str] = frozenset()


@transaction.atomic
def discharge(
    *, encounter: Encounter, version: int, plan: Plan, idempotency_key: UUID, by: User, at: datetime
) -> Discharge:
    """Write the papers from what is on record now, and close the encounter; the same key does it once.

    Raises `EncounterChanged`, `AlreadyDischarged`, and `AlertsOpen` where an alert would leave the board with
    nobody's name to it.
    """
    locked = Encounter.objects.select_for_update().get(pk=encounter.pk)
    there = Discharge.objects.filter(encounter=locked).first()
    if there is not None:
        if there.idempotency_key == idempotency_key and there.written_by_id == by.pk:
            return there
        raise AlreadyDischarged
    for alarming in list(Observation.objects.unacknowledged().filter(encounter=locked)):
        if str(alarming.pk) not in plan.takes_on:
            raise AlertsOpen
        acknowledge(observation=alarming, comment=TAKEN_ON, by=by, at=at)
    papers = {name: to_plain(paper) for name, paper in _papers(locked, plan, by=by, at=at)}
    made = Discharge.objects.create(
        encounter=locked,
        outcome=plan.outcome,
        appointment=plan.appointment,
        appointment_on=plan.appointment_on,
        comment=plan.comment,
        papers=papers,
        written_at=at,
        written_by=by,
        idempotency_key=idempotency_key,
    )
    close_encounter(encounter=locked, version=version, reason=plan.outcome.label, by=by, at=at)
    record(
        action="encounter.discharged",
        by=by,
        at=at,
        object_id=locked.pk,
        details={"outcome": plan.outcome, "papers": sorted(papers)},
    )
    return made


def paper_of(made: Discharge, name: str) -> PlainPaper | None:
    """One paper as it was written; None where there is none of that name."""
    plain = made.papers.get(name)
    return None if plain is None else read_as(PlainPaper, plain)


def _papers(encounter: Encounter, plan: Plan, *, by: User, at: datetime) -> Iterator[tuple[str, PlainPaper]]:
    protocol = load_protocol_value(encounter.protocol_version)
    course = course_of(encounter, at=at)
    exposure = summarise(encounter, course.given, at=at)
    patient = encounter.patient
    about = f"{patient}, born {format_date(patient.birth_date)}, record number {patient.record_number}"
    written = f"Written {_when(at)} by {by.full_name}."
    is_demo = settings.DEMO
    tasks = list(encounter.tasks.open().filter(due_at__gt=at).order_by("due_at"))
    yield (
        SUMMARY,
        PlainPaper(
            name="DISCHARGE SUMMARY",
            title=f"Low platelet count: {encounter.ward.name}",
            about=about,
            parts=tuple(_summary_parts(encounter, plan, course, exposure, tasks, protocol)),
            footer=f"{written} Decision support, pending human clinical review. Version "
            f"{encounter.protocol_version.number} of the protocol.",
            print=Print.SMALL,
            made_at=at,
            is_demo=is_demo,
        ),
    )
    if plan.outcome not in WITHOUT_LEAFLET:
        yield (
            LEAFLET,
            PlainPaper(
                name="FOR YOU TO KEEP",
                title="Your low platelet count",
                about=about,
                parts=tuple(_leaflet_parts(plan, course, exposure, protocol)),
                footer=f"{written} Bring this paper when you come back.",
                print=Print.LARGE,
                made_at=at,
                is_demo=is_demo,
            ),
        )


def leaflet_texts(protocol: Protocol, kinds: Iterable[str]) -> list[Text]:
    """The passages of the leaflet, in the order of the protocol, for what was given."""
    given = {f"leaflet_{kind}" for kind in kinds}
    return [
        text
        for text in protocol.texts
        if text.topic is Topic.LEAFLET and (text.key not in OF_TREATMENT or text.key in given)
    ]


def _leaflet_parts(
    plan: Plan, course: Course, exposure: Exposure | None, protocol: Protocol
) -> Iterator[PaperPart]:
    yield PaperPart(heading="What you had", items=tuple(_had(course)))
    # Of what was only planned too: whoever goes home with tablets needs their passage most.
    kinds = {each.kind for each in course.treatments}
    for text in leaflet_texts(protocol, kinds):
        yield PaperPart(heading=text.title, items=tuple(_sentences(text.body)))
    dates = list(_dates(plan, course))
    if exposure is not None and exposure.live_vaccine_from is not None:
        dates.append(f"No live vaccine before {format_date(exposure.live_vaccine_from)}. Ask first.")
    yield PaperPart(heading="Your dates", items=tuple(dates) or ("Ask us for your next visit.",))


def _had(course: Course) -> Iterator[str]:
    """What was given by its day, and apart from it what was planned and nobody noted as begun."""
    given: dict[str, list[str]] = {}
    for each in course.treatments:
        if not each.is_planned:
            days = given.setdefault(LEAFLET_WORDS[each.kind], [])
            day = format_date(timezone.localdate(each.at))
            if day not in days:
                days.append(day)
    for words, days in given.items():
        yield f"You had {words}: {', '.join(days)}."
    if not given:
        yield "We have no note of a drip."
    for dose in course.given.doses:
        for at in {timezone.localdate(event.happened_at): None for event in dose.reactions}:
            words = LEAFLET_WORDS[dose.kind]
            yield f"You had a reaction to {words} on {format_date(at)}. Tell staff before you get one again."
    for each in course.treatments:
        if each.is_planned:
            day = format_date(timezone.localdate(each.at))
            yield f"Planned from {day}: {LEAFLET_WORDS[each.kind]}. Ask us how long to take it."


def _dates(plan: Plan, course: Course) -> Iterator[str]:
    if plan.appointment_on is not None:
        yield f"Next visit: {format_date(plan.appointment_on)}, {plan.appointment}."
    if course.relapse is not None:
        begins, ends = _watch_days(course.relapse)
        yield f"Your platelets may fall from {begins} to {ends}. Have blood tests in this time."


def _summary_parts(
    encounter: Encounter,
    plan: Plan,
    course: Course,
    exposure: Exposure | None,
    tasks: list[MonitoringTask],
    protocol: Protocol,
) -> Iterator[PaperPart]:
    yield PaperPart(
        heading="Outcome",
        paragraphs=(plan.outcome.label + ".", *((plan.comment,) if plan.comment else ())),
        items=response_sentences(course) if course.has_numbers else (),
    )
    yield PaperPart(
        heading="Counts",
        items=tuple(
            f"{_when(moment_of(count.minute))}: {count_words(count.per_ul)}"
            f"{' (after platelets)' if count.minute in course.influenced else ''}"
            for count in course.counts
        )
        or ("No count on record.",),
    )
    yield PaperPart(
        heading="Given",
        items=(
            *(
                tuple(f"{_when(row.at)}: {row.words}" for row in reversed(given_rows(course)))
                or ("Nothing was noted as given.",)
            ),
            *(f"{each.sentence}. {each.reason}" for each in discrepancies_in([encounter.pk])),
        ),
    )
    yield PaperPart(heading="Alarming results", items=tuple(_alarming(encounter)))
    yield PaperPart(heading="End of the effect", items=tuple(_end_of_effect(course)))
    if exposure is not None:
        yield PaperPart(heading="What follows from what was given", items=tuple(_after_exposure(exposure)))
    yield PaperPart(
        heading="Follow-up",
        items=(
            *(
                (f"{format_date(plan.appointment_on)}: {plan.appointment}",)
                if plan.appointment_on is not None
                else ("No appointment was made.",)
            ),
            *(f"{_when(task.due_at)}: {task.title}" for task in tasks[:OPEN_SHOWN] if task.due_at),
        ),
    )
    returns = [text for text in protocol.texts if text.key == "leaflet_return"]
    yield PaperPart(
        heading="Told to come back for",
        items=tuple(sentence for text in returns for sentence in _sentences(text.body)),
    )


def _alarming(encounter: Encounter) -> Iterator[str]:
    """Every result that alarmed, oldest first, and what is on hold because of one."""
    seen = encounter.observations.standing().filter(level__in=ALARMING).select_related("entered_by")
    rows = [show(each) for each in seen.order_by("taken_at")]
    for row in rows:
        because = f", {row.because}" if row.because else ""
        level = row.observation.get_level_display()
        yield f"{_when(row.observation.taken_at)}: {level}: {row.observation.title}{because}."
    if not rows:
        yield "None on record."
    for kind, held in held_by(encounter).items():
        yield f"The next dose of {KIND_WORDS[kind]} is on hold: {held.action}"


def _end_of_effect(course: Course) -> Iterator[str]:
    if course.relapse is None:
        yield "Not told: no treatment was begun, or the protocol has no numbers for it."
        return
    begins, ends = _watch_days(course.relapse)
    yield f"The effect is expected to fade from {begins} to {ends}: counts then, also without symptoms."
    if course.relapse.found is not None:
        yield f"The response was lost on {_when(moment_of(course.relapse.found.minute))}."
    yield "On loss of the response or bleeding: haematology, new assessment, next-line plan."


def _after_exposure(exposure: Exposure) -> Iterator[str]:
    yield from exposure.not_counted
    if exposure.watch_from is not None and exposure.watch_until is not None and exposure.watch == "warning":
        yield (
            f"Haemolysis watch from {format_date(exposure.watch_from)} to "
            f"{format_date(exposure.watch_until)}, blood group {exposure.group_words}."
        )
    if exposure.serology_until is not None:
        yield f"Antibody tests may be falsely positive until {format_date(exposure.serology_until)}."
    if exposure.live_vaccine_from is not None:
        yield f"No live measles or varicella vaccine before {format_date(exposure.live_vaccine_from)}."


def _watch_days(relapse: Relapse) -> tuple[str, str]:
    days = (relapse.from_minute, relapse.to_minute)
    begins, ends = (format_date(timezone.localdate(moment_of(minute))) for minute in days)
    return begins, ends


def _sentences(body: str) -> list[str]:
    """A body in sentences, one a line of the leaflet."""
    return [f"{part.strip().rstrip('.')}." for part in body.split(". ") if part.strip()]


def _when(moment: datetime) -> str:
    return format_datetime(moment, timezone.get_default_timezone())
