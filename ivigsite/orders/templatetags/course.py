"""What the encounter page shows of the course, without the floors below knowing of orders."""

from typing import Any

from django import template
from django.utils import timezone

from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.times import moment_of
from ivigsite.orders import course_words
from ivigsite.orders.count_chart import draw
from ivigsite.orders.discrepancies import discrepancies_in
from ivigsite.orders.exposure_summary import summarise
from ivigsite.orders.given import FromPaper, from_paper
from ivigsite.orders.response import Course, course_of, day_of

register = template.Library()


@register.inclusion_tag("orders/_course.html")
def course_panels(encounter: Encounter) -> dict[str, Any]:
    """Chart, response, second dose, relapse watch and cumulative exposure at this moment."""
    now = timezone.now()
    course = course_of(encounter, at=now)
    relapse = course.relapse
    return {
        "encounter": encounter,
        "course": course,
        "chart": draw(course),
        "picture_words": course_words.picture_words(course),
        "counts": course_words.count_rows(course),
        "given": course_words.given_rows(course),
        "response": course_words.response_sentences(course) if course.has_numbers else (),
        "expected": course_words.expected(course),
        "increments": [
            course_words.increment_sentence(number, each)
            for number, each in enumerate(course.increments, start=1)
        ],
        "refractory": course_words.refractory_words(course),
        "next_unit": course_words.next_unit_words(course),
        "needs": course_words.needs_in_words(course.repeat) if course.repeat else (),
        "relapse": relapse,
        "relapse_from": moment_of(relapse.from_minute) if relapse else None,
        "relapse_days": _days(course),
        "relapse_until": moment_of(relapse.to_minute) if relapse else None,
        "relapse_found": moment_of(relapse.found.minute) if relapse and relapse.found else None,
        "discrepancies": discrepancies_in([encounter.pk]),
        "exposure": summarise(encounter, course.given, at=now),
    }


@register.inclusion_tag("orders/_from_paper.html")
def from_paper_notes(encounter: Encounter) -> dict[str, FromPaper]:
    """What downtime forms say was given, for whoever answers about earlier immunoglobulin."""
    return {"paper": from_paper(encounter)}


def _days(course: Course) -> tuple[int, int] | None:
    if course.relapse is None or course.start is None:
        return None
    return day_of(course.relapse.from_minute, course.start), day_of(course.relapse.to_minute, course.start)
