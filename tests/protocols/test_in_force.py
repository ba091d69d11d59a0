"""When a version comes into force, when its review is overdue, and who has read what it changes."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from protocols import actions
from protocols.document import life_of
from protocols.lifecycle import EventKind, State
from protocols.models import NoteRead, PlannedApproval, ProtocolVersion, Text
from protocols.proving import prove_at_once
from protocols.reading import current_version, has_unread_note, review_overdue_since, status_line
from protocols.steps import ApprovalForm
from protocols.templatetags.protocol_words import overdue_since, state_words
from tests.protocols.factory import AT, approved, person, reviewed, submitted
from tests.protocols.test_mapping import drop_trigger

pytestmark = pytest.mark.django_db

DUE = date(2040, 1, 1)


def planned(*, after: timedelta = timedelta(hours=2)) -> ProtocolVersion:
    """A reviewed second version, approved now for later."""
    version, now = reviewed(), timezone.now()
    prove_at_once(version=version, by=person("approver"), at=now)
    return actions.approve(
        version=version,
        seal=version.seal,
        review_due_on=DUE,
        in_force_from=now + after,
        by=person("approver"),
        at=now,
    )


def states() -> list[str]:
    return list(ProtocolVersion.objects.order_by("number").values_list("state", flat=True))


@pytest.mark.hazard("H20")
def test_version_approved_for_later_leaves_the_one_before_it_in_force_until_then() -> None:
    first, second = approved(), planned()

    assert current_version("small") == first
    assert states() == [State.APPROVED, State.UNDER_REVIEW]
    assert state_words(second).startswith("Approved, in force from ")
    labels = [(step.label, step.is_now) for step in life_of(second)]
    assert labels[-2:] == [("Approved", True), ("To come into force", False)]


def test_version_comes_into_force_at_its_time_and_retires_the_one_before_it() -> None:
    first, second = approved(), planned()
    plan = second.planned

    early = actions.take_effect(at=plan.in_force_from - timedelta(seconds=1))
    in_time = actions.take_effect(at=plan.in_force_from)
    again = actions.take_effect(at=plan.in_force_from + timedelta(days=1))

    assert (early, in_time, again) == ([], [second], [])
    assert states() == [State.RETIRED, State.APPROVED]
    now = current_version("small")
    assert now is not None
    assert (now.approver, now.approved_at, now.review_due_on) == (plan.approver, plan.approved_at, DUE)
    assert now.in_force_from == plan.in_force_from
    assert now.plan is None
    first.refresh_from_db()
    assert first.end_reason == "Replaced by version 2."
    kinds = set(second.events.values_list("kind", flat=True))
    assert {EventKind.PLANNED, EventKind.IN_FORCE} <= kinds


def test_asking_what_is_in_force_is_enough_to_put_it_into_force(monkeypatch: pytest.MonkeyPatch) -> None:
    approved()
    second = planned()
    later = second.planned.in_force_from + timedelta(seconds=1)
    monkeypatch.setattr("protocols.reading.timezone.now", lambda: later)

    assert current_version("small") == second
    assert states() == [State.RETIRED, State.APPROVED]


def test_while_one_waits_no_other_is_approved() -> None:
    approved()
    planned()
    third, now = reviewed(), timezone.now()
    prove_at_once(version=third, by=person("approver"), at=now)

    with pytest.raises(actions.WrongState, match="Version 2 is approved and waits for its date"):
        actions.approve(version=third, seal=third.seal, review_due_on=DUE, by=person("approver"), at=now)


def test_version_that_waits_can_still_be_rejected_and_then_never_comes_into_force() -> None:
    approved()
    second = planned()
    actions.reject(version=second, reason="A table is wrong.", by=person("approver"), at=timezone.now())

    assert actions.take_effect(at=second.planned.in_force_from) == []
    assert states() == [State.APPROVED, State.REJECTED]
    assert state_words(ProtocolVersion.objects.get(number=2)) == "Rejected"


@pytest.mark.hazard("H20")
def test_version_that_was_tampered_with_while_it_waited_does_not_come_into_force() -> None:
    first, second = approved(), planned()
    drop_trigger("protocols_text", "no_update")
    Text.objects.filter(protocol_version=second).update(body="Something else.")

    assert actions.take_effect(at=second.planned.in_force_from) == []
    assert current_version("small") == first


def test_version_comes_into_force_neither_in_the_past_nor_after_its_review() -> None:
    version, now = reviewed(), timezone.now()
    prove_at_once(version=version, by=person("approver"), at=now)
    wanted: dict[str, Any] = {"version": version, "seal": version.seal, "by": person("approver"), "at": now}

    with pytest.raises(actions.ReasonMissing, match="past"):
        actions.approve(**wanted, review_due_on=DUE, in_force_from=now - timedelta(seconds=1))
    with pytest.raises(actions.ReasonMissing, match="after the version has come into force"):
        actions.approve(
            **wanted, review_due_on=(now + timedelta(days=3)).date(), in_force_from=now + timedelta(days=4)
        )


def test_plans_and_notes_read_stay_as_they_are() -> None:
    second = planned()
    actions.read_change_note(version=second, by=person("nurse"), at=AT)

    for change in (
        "UPDATE protocols_plannedapproval SET review_due_on = '2050-01-01'",
        "DELETE FROM protocols_plannedapproval",
        "DELETE FROM protocols_noteread",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
    with pytest.raises(IntegrityError, match="holds_from_later"), transaction.atomic():
        PlannedApproval.objects.bulk_create(
            [
                PlannedApproval(
                    protocol_version=submitted(),
                    seal="x",
                    approver_id=person("approver").pk,
                    approved_at=AT,
                    in_force_from=AT,
                    review_due_on=DUE,
                )
            ]
        )


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("1-Dec-26 08:00", "Enter day"),
        ("31-Feb-2030 08:00", "Enter day"),
        ("١-Dec-2030 08:00", "Enter day"),
        ("1-Dec-2020 08:00", "in the past"),
        ("1-Dec-2099 08:00", "more than a year"),
    ],
)
def test_moment_that_is_none_is_refused_in_words(typed: str, words: str) -> None:
    form = ApprovalForm({"seen": "1", "seal": "x", "review_in": "365", "in_force_from": typed})

    assert words in str(form.errors["in_force_from"])


def test_moment_is_read_in_the_zone_of_the_site_and_none_is_at_once() -> None:
    soon = (timezone.localtime() + timedelta(days=2)).replace(second=0, microsecond=0)
    data: dict[str, Any] = {"seen": "1", "seal": "x", "review_in": "365"}
    timed = ApprovalForm({**data, "in_force_from": soon.strftime("%d-%b-%Y %H:%M")})
    at_once = ApprovalForm(data)

    assert timed.is_valid(), timed.errors
    assert timed.cleaned_data["in_force_from"] == soon
    assert at_once.is_valid()
    assert at_once.cleaned_data["in_force_from"] is None


def test_review_is_overdue_from_the_day_after_it_was_due() -> None:
    version = approved()
    due = version.review_due_on
    assert due is not None

    found = [review_overdue_since(version, on=due + timedelta(days=days)) for days in (-1, 0, 1, 400)]

    assert found == [None, None, due, due]


def test_overdue_review_is_said_in_the_status_line() -> None:
    version = approved()
    assert overdue_since(version) is None
    assert "review due" in status_line(version)
    version.review_due_on = date(2020, 5, 1)

    assert "REVIEW OVERDUE since" in status_line(version)
    assert overdue_since(version) == date(2020, 5, 1)


def test_change_note_is_shown_once_to_each_person_once_a_version_has_replaced_another() -> None:
    nurse, other = person("nurse"), person("author")
    first = approved()
    of_the_first = has_unread_note(nurse, first)
    second = planned()
    while_it_waits = has_unread_note(nurse, first)
    actions.take_effect(at=second.planned.in_force_from)
    second.refresh_from_db()

    assert (of_the_first, while_it_waits) == (False, False)
    assert has_unread_note(nurse, second)
    for _ in range(2):
        actions.read_change_note(version=second, by=nurse, at=AT)
    assert not has_unread_note(nurse, second)
    assert has_unread_note(other, second)
    assert NoteRead.objects.get().by == nurse
    assert first.pk != second.pk
