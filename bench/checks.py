"""The board of a hospital in full use: thousands of open encounters, each with its checks."""

from datetime import timedelta
from itertools import cycle
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from bench.measure import FEWEST_ROUNDS
from bench.pages import (
    HELD_TO_TARGET,
    compare,
    count_queries,
    page_calls,
    place_name,
    ratio_figures,
    visitors,
)
from bench.report import Figure
from bench.scratch import Scratch

if TYPE_CHECKING:
    from django.db.models import Model

    from ivigsite.accounts.models import User

Row = TypeVar("Row", bound="Model")

ENCOUNTERS = 5_000
CHECKS_EACH = 40
EMPTY = 0
# So many are admitted and assessed by the site itself; the rest are their copies.
ADMITTED = 50
AT_ONCE = 2_000


def measure_checks(
    scratch: Scratch, *, encounters: int = ENCOUNTERS, checks_each: int = CHECKS_EACH
) -> list[Figure]:
    """Queries and time of the board with all its checks, against the board of a ward without patients."""
    from django.urls import reverse

    path = reverse("board_rows")
    empty, full = scratch.full_ward(EMPTY), scratch.full_ward(min(ADMITTED, encounters))
    add_copies(full, encounters)
    add_checks(full, checks_each)
    queries = {user: count_queries(user, path) for user in (empty, full)}
    words = f"{encounters:,} encounters and {encounters * checks_each:,} checks"
    figures = [
        Figure(
            what=f"Board of {words}: queries",
            value=queries[full],
            unit="",
            note=f"{queries[empty]} on a ward without patients",
        )
    ]
    with visitors(scratch, full) as pairs, visitors(scratch, empty) as idle_pairs:
        person, stranger = pairs[HELD_TO_TARGET]
        idle, _ = idle_pairs[HELD_TO_TARGET]
        pages = page_calls(person, {"board": path}) | page_calls(idle, {"empty board": path})
        taken = compare(person, stranger, pages, rounds=FEWEST_ROUNDS)
    figures.append(
        Figure(
            what=f"Board of {words} ÷ board of a ward without patients, {place_name(HELD_TO_TARGET)}",
            value=taken["board"].ratio_to(taken["empty board"]),
            unit="×",
            note=f"empty {taken['empty board'].median_ms:.1f} ms; medians of {FEWEST_ROUNDS} rounds",
        )
    )
    return [*figures, *ratio_figures(f"Board of {words}", taken, "board", None, place=HELD_TO_TARGET)]


def add_copies(user: "User", encounters: int) -> None:
    """Open encounters like those there are, until there are so many; each with its last assessment."""
    from ivigsite.encounters.models import Assessment, Encounter, Patient

    there = list(Encounter.objects.for_user(user).open().select_related("patient"))
    patients, copies, assessments = [], [], []
    for number, model in zip(range(len(there), encounters), cycle(there), strict=False):
        patient = copy_of(model.patient, record_number=f"98{number:08}")
        encounter = copy_of(model, patient=patient, idempotency_key=uuid4(), bed=str(number))
        patients.append(patient)
        copies.append(encounter)
        if last := model.assessments.order_by("number").last():
            changes = {"encounter": encounter, "number": 1, "replaces": None, "idempotency_key": uuid4()}
            assessments.append(copy_of(last, **changes))
    Patient.objects.bulk_create(patients, batch_size=AT_ONCE)
    Encounter.objects.bulk_create(copies, batch_size=AT_ONCE)
    Assessment.objects.bulk_create(assessments, batch_size=AT_ONCE)


def copy_of(row: Row, **changes: Any) -> Row:
    """A row of the same table that says the same but for the changes, under a key of its own."""
    values = {column.name: getattr(row, column.name) for column in row._meta.concrete_fields}
    return type(row)(**{**values, "id": uuid4(), **changes})


def add_checks(user: "User", checks_each: int) -> None:
    """Checks of many kinds around now: a third overdue, a third due, a third planned."""
    from django.utils import timezone

    from ivigsite.encounters.models import Encounter
    from ivigsite.monitoring.models import Cause, MonitoringTask

    now = timezone.now()
    tasks = (
        MonitoringTask(
            encounter=encounter,
            cause=Cause.ORDERS,
            item=f"BENCH-{number}",
            rule="COUNT",
            kind=f"kind {number}",
            group="other",
            title=f"Check {number}",
            counts_from=now + timedelta(minutes=90 * (number % 3 - 2)),
            due_at=now + timedelta(minutes=90 * (number % 3 - 1) - 30),
            overdue_at=now + timedelta(minutes=90 * (number % 3 - 1)),
            made_at=now,
            made_by=user,
        )
        for encounter in Encounter.objects.for_user(user).open().only("pk")
        for number in range(checks_each)
    )
    MonitoringTask.objects.bulk_create(tasks, batch_size=AT_ONCE)
