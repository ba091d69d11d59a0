"""The board, page by page: a line for each open encounter, in few queries, drawn when it changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final
from uuid import UUID

from django.db.models import CharField, OuterRef, Prefetch, Subquery, UUIDField
from django.template.loader import render_to_string
from django.utils.html import format_html_join

from ivigsite.accounts.models import User
from ivigsite.encounters.advice import GRADE_WORDS
from ivigsite.encounters.drawings import Drawings, draw
from ivigsite.encounters.emergency import elapsed_words
from ivigsite.encounters.models import Assessment, EmergencyStart, Encounter
from ivigsite.encounters.trend import TREND_POINTS, trend_of
from ivigsite.parsing.text import fold
from protocols.engine.numbers import echo_count
from protocols.mapping import SealBroken
from protocols.prepared import Prepared, Told

# More than any ward has beds; the most urgent come first.
LINES_ON_A_PAGE: Final = 100
SHORT_NAME: Final = 3
NOT_GRADED_FIRST: Final = 5
# All that a line shows. An assessment, an order set and a correction each raise a version.
SHOWN: Final = (
    "pk",
    "version",
    "patient__version",
    "patient__family_name",
    "ward__name",
    "bed",
    "owner__full_name",
    "protocol_version__state",
    "signed_at",
    "grade",
)

_drawn: Final = Drawings()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """One line of the board: what was drawn of it, and how long ago the patient was assessed."""

    encounter_id: UUID
    grade: int | None
    looks_alike: bool
    cells: str
    age: str
    family_name: str
    emergency_at: datetime | None
    emergency_elapsed: str
    emergency_seconds: int


def listed(user: User, *, mine: bool, ward: str) -> list[Any]:
    """What this person's wards have: emergencies, not assessed, then the worst grade, the longest open."""
    return sorted(
        _open_encounters(mine=mine, of_one_ward=bool(ward)).rows(user=user.pk, ward=ward),
        key=lambda each: (
            each.emergency_at is None,
            -(NOT_GRADED_FIRST if each.grade is None else each.grade),
            each.opened_at,
        ),
    )


def rows_of(page: Iterable[Any], *, of: Sequence[Any], at: datetime) -> list[BoardRow]:
    """The lines of one page of a list; names look alike wherever on that list they stand."""
    found = list(page)
    alike = look_alikes(tuple((each.pk, each.patient__family_name) for each in of))
    keys = {each.pk: (*each[: len(SHOWN)], each.pk in alike) for each in found}
    cells = _cells(keys, alike)
    return [
        BoardRow(
            encounter_id=each.pk,
            grade=each.grade,
            looks_alike=each.pk in alike,
            cells=cells[each.pk],
            age=ago(at - each.made_at) if each.made_at else "",
            family_name=each.patient__family_name,
            emergency_at=each.emergency_at,
            emergency_elapsed=elapsed_words(at - each.emergency_at) if each.emergency_at else "",
            emergency_seconds=(at - each.emergency_at) // timedelta(seconds=1) if each.emergency_at else 0,
        )
        for each in found
    ]


def lines_of(
    rows: Iterable[BoardRow],
    checks: Mapping[UUID, Any],
    *,
    entries: Mapping[UUID, tuple[Any, ...]],
    counts: Mapping[UUID, str],
    may_start: bool,
) -> str:
    """The lines as HTML; each is drawn again when something in it changed, or its age or checks did.

    `entries` are the checks to lead to, of each encounter, and `counts` the newest count where the facts
    have changed; `may_start` shows the button that starts an emergency.
    """
    drawn = (
        (
            draw(
                "encounters/_board_row.html",
                cells=row.cells,
                age=row.age,
                encounter_id=row.encounter_id,
                family_name=row.family_name,
                emergency_at=row.emergency_at,
                emergency_elapsed=row.emergency_elapsed,
                emergency_seconds=row.emergency_seconds,
                may_start=may_start,
                checks=checks.get(row.encounter_id),
                entries=entries.get(row.encounter_id, ()),
                newest_count=counts.get(row.encounter_id, ""),
            ),
        )
        for row in rows
    )
    return format_html_join("", "{}", drawn)


# A list asks every half minute, and its names are the same as before.
@lru_cache(maxsize=64)
def look_alikes(names: tuple[tuple[UUID, str], ...]) -> frozenset[UUID]:
    """Those on one list whose family names are equal or one slip apart, accents and case aside."""
    by_shape: dict[str, set[UUID]] = {}
    for key, name in names:
        for shape in _shapes(fold(name)):
            by_shape.setdefault(shape, set()).add(key)
    return frozenset(key for group in by_shape.values() if len(group) > 1 for key in group)


def ago(age: timedelta) -> str:
    """An age in its two largest units, such as `3 h 5 min ago`."""
    minutes = max(0, age // timedelta(minutes=1))
    if minutes < 60:
        return f"{minutes} min ago"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min ago"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h ago"


@cache
def _open_encounters(*, mine: bool, of_one_ward: bool) -> Prepared:
    user = Told("user", UUIDField())
    # Each looked up for one encounter: joined, they would be grouped by every column of the list.
    newest = Assessment.objects.filter(encounter=OuterRef("pk")).order_by("-number")
    running = EmergencyStart.objects.filter(encounter=OuterRef("pk"), ending=None).order_by("-number")
    signed = Encounter.objects.filter(pk=OuterRef("pk"), order_sets__ending=None)
    encounters = (
        Encounter.objects.for_user(user)
        .open()
        .annotate(
            signed_at=Subquery(signed.order_by("-order_sets__signed_at").values("order_sets__signed_at")[:1]),
            grade=Subquery(newest.values("grade")[:1]),
            made_at=Subquery(newest.values("made_at")[:1]),
            emergency_at=Subquery(running.values("started_at")[:1]),
        )
    )
    if mine:
        encounters = encounters.filter(owner=user)
    if of_one_ward:
        encounters = encounters.filter(ward__code=Told("ward", CharField()))
    listed = encounters.order_by().values_list(*SHOWN, "opened_at", "made_at", "emergency_at", named=True)
    return Prepared(listed)


def _cells(keys: dict[UUID, tuple[Any, ...]], alike: frozenset[UUID]) -> dict[UUID, str]:
    """What was drawn of each encounter; the rest is read and drawn together."""
    cells = {pk: drawn for pk, key in keys.items() if (drawn := _drawn.get(key)) is not None}
    # Usually everything was: then there is no query to write.
    for encounter in _with_assessments(missing) if (missing := keys.keys() - cells.keys()) else ():
        key = keys[encounter.pk]
        signed_at = key[SHOWN.index("signed_at")]
        drawn = _draw(encounter, signed_at, looks_alike=encounter.pk in alike)
        cells[encounter.pk] = _drawn.keep(key, drawn)
    return cells


def _with_assessments(keys: Collection[UUID]) -> Iterable[Encounter]:
    newest = Assessment.objects.order_by("-number").only(
        "encounter_id", "number", "made_at", "platelets_per_ul", "grade", "sampled_at"
    )[:TREND_POINTS]
    return (
        Encounter.objects.filter(pk__in=keys)
        .select_related("patient", "ward", "owner", "protocol_version")
        .prefetch_related(Prefetch("assessments", queryset=newest, to_attr="newest_first"))
    )


def _draw(encounter: Encounter, signed_at: datetime | None, *, looks_alike: bool) -> str:
    assessments: list[Assessment] = encounter.newest_first  # type: ignore[attr-defined]
    last = assessments[0] if assessments else None
    count = last.platelets_per_ul if last else None
    grade = last.grade if last else None
    try:
        trend = trend_of(encounter, assessments)
    except SealBroken:
        # The list of patients stands without its small pictures; their own pages say what is wrong.
        trend = None
    return render_to_string(
        "encounters/_board_cells.html",
        {
            "encounter": encounter,
            "last": last,
            "signed_at": signed_at,
            "count": "" if count is None else echo_count(count),
            "grade": grade,
            "grade_word": "Not known" if grade is None else GRADE_WORDS[grade],
            "trend": trend,
            "looks_alike": looks_alike,
        },
    )


def _shapes(name: str) -> set[str]:
    """The name, and the name without each of its letters: names one slip apart share one of these."""
    if len(name) <= SHORT_NAME:
        return {name}
    return {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}
