"""The handover list on paper: who is on the ward, how low, what was ordered and what is open."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.conf import settings
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.monitoring.board import HandoverLine, handover_lines
from ivigsite.orders.sheet.plain_paper import PaperPart, PlainPaper, Print
from ivigsite.parsing.dates import format_date, format_datetime

ALL_WARDS: Final = "All my wards"
NOBODY: Final = PaperPart(
    heading="No open encounter",
    paragraphs=("Closed encounters, and patients of other wards, are not on this list.",),
)


def handover_paper(user: User, *, ward: str, at: datetime) -> PlainPaper:
    """The list of `handover_lines` as it stands at a moment; `ward` is a code, empty for every ward."""
    lines = handover_lines(user, ward=ward, at=at)
    names = {each.code: each.name for each in user.wards.all()}
    place = names.get(ward, ward) if ward else ALL_WARDS
    return PlainPaper(
        name="HANDOVER",
        title=place,
        about=f"{place}, {_when(at)}: {len(lines)} open",
        parts=tuple(_part(line, show_ward=not ward) for line in lines) or (NOBODY,),
        footer=f"As of {_when(at)}, for {user.full_name}. Older than one shift: print it again. It names "
        "patients: keep it by you, shred it afterwards. Decision support, pending human clinical review.",
        print=Print.SMALL,
        made_at=at,
        is_demo=settings.DEMO,
    )


def _part(line: HandoverLine, *, show_ward: bool) -> PaperPart:
    encounter, patient = line.encounter, line.encounter.patient
    bed = f"Bed {encounter.bed}" if encounter.bed else "No bed"
    place = f"{encounter.ward.name}, {bed.lower()}" if show_ward else bed
    return PaperPart(
        heading=f"{place}: {patient}, born {format_date(patient.birth_date)}, {patient.record_number}",
        paragraphs=(f"{line.count}. {line.grade}. {line.orders}. Owner {encounter.owner.full_name}.",),
        items=tuple(_items(line)),
    )


def _items(line: HandoverLine) -> Iterator[str]:
    """Few lines, so that a ward fits on a page: what alarms, what is due, what comes next."""
    yield from line.given
    alarming = [*line.alerts, *line.noted]
    if line.holds:
        alarming.append(f"On hold: {', '.join(line.holds)}")
    if line.facts_changed:
        alarming.append("Facts have changed, reassess")
    if alarming:
        yield "; ".join(alarming)
    due = [f"Overdue: {', '.join(line.overdue)}"] if line.overdue else []
    due += [f"Due: {', '.join(line.due)}"] if line.due else []
    yield "; ".join(due) or "Nothing due"
    if line.next:
        yield "Next: " + "; ".join(f"{_when(moment)} {title}" for moment, title in line.next)


def _when(moment: datetime) -> str:
    return format_datetime(moment, timezone.get_default_timezone())
