"""What the database itself refuses, tried with raw SQL as somebody with a database client would."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from protocols import actions
from protocols.lifecycle import AUTHORING, MOVES, State
from protocols.mapping import ROWS
from protocols.models import ContentRow, OrderTemplate, PlannedApproval, ProtocolEvent, ProtocolVersion, Text
from tests.protocols.factory import (
    AT,
    REVIEW_DUE,
    approved,
    draft,
    person,
    reviewed,
    submitted,
    under_review,
)

pytestmark = pytest.mark.django_db

CONTENT: tuple[type[ContentRow], ...] = (*ROWS.values(), OrderTemplate)
CONTENT_TABLES = [model._meta.db_table for model in CONTENT]
VERSIONS = "protocols_protocolversion"
MIGRATION = import_module("protocols.migrations.0002_draft_only")
LAST_MOVES = import_module("protocols.migrations.0018_withdraw_what_was_replaced")


def run(sql: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def key_of(version: ProtocolVersion) -> Any:
    return version.pk if connection.vendor == "postgresql" else version.pk.hex


def triggers() -> set[str]:
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()}


def test_every_content_table_has_its_guards() -> None:
    wanted = {
        f"{table}_{name}" for table in CONTENT_TABLES for name in ("no_insert", "no_update", "no_delete")
    }

    assert wanted <= triggers()


def test_versions_and_events_have_their_guards() -> None:
    names = ["begins", "stays", "moves", "keeps_content", "keeps_approval", "keeps_ending", "authors"]

    assert {f"{VERSIONS}_{name}" for name in names} <= triggers()
    assert {"protocols_protocolevent_no_update", "protocols_protocolevent_no_delete"} <= triggers()


def test_a_row_neither_joins_nor_leaves_a_submitted_version() -> None:
    sealed, open_draft = submitted(), draft()

    for here, there in [(sealed, open_draft), (open_draft, sealed)]:
        with pytest.raises(IntegrityError, match="does not change"):
            run(
                "UPDATE protocols_gate SET protocol_version_id = %s WHERE protocol_version_id = %s",
                key_of(there),
                key_of(here),
            )


def test_a_version_begins_as_a_draft() -> None:
    version = submitted()
    version.pk, version.number = None, 9
    version._state.adding = True

    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        ProtocolVersion.objects.bulk_create([version])


@pytest.mark.parametrize(
    "change", ["UPDATE protocols_protocolevent SET comment = 'x'", "DELETE FROM protocols_protocolevent"]
)
def test_events_stay(change: str) -> None:
    draft()

    with pytest.raises(IntegrityError, match="do not change"):
        run(change)

    assert ProtocolEvent.objects.filter(comment="First.").exists()


@pytest.mark.parametrize("role", ["author", "reviewer"])
@pytest.mark.hazard("H20")
def test_nobody_approves_what_they_wrote_or_reviewed(role: str) -> None:
    version = reviewed()

    refused = f"version_{role}_is_not_approver|who wrote a protocol version does not"
    with pytest.raises(IntegrityError, match=refused), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(
            state=State.APPROVED, approver=person(role), approved_at=AT, review_due_on=REVIEW_DUE
        )


def test_nobody_reviews_what_they_wrote() -> None:
    version = submitted()

    refused = "version_author_is_not_reviewer|who wrote a protocol version does not"
    with pytest.raises(IntegrityError, match=refused), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(
            state=State.UNDER_REVIEW, reviewer=person("author"), review_started_at=AT
        )


@pytest.mark.hazard("H20")
def test_nobody_reviews_or_approves_what_they_have_edited() -> None:
    editor: Any = person("editor")
    version = draft()
    row = Text.objects.filter(protocol_version=version)[0]
    actions.save_row(row=row, seen=version.version, by=person("editor"), at=AT)
    version.refresh_from_db()
    version = actions.submit(version=version, by=person("author"), at=AT)
    refused = "who wrote a protocol version does not review or approve it"

    with pytest.raises(IntegrityError, match=refused), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(
            state=State.UNDER_REVIEW, reviewer=person("editor"), review_started_at=AT
        )
    version = actions.start_review(version=version, by=person("reviewer"), at=AT)
    version = actions.record_review(version=version, comment="Read.", by=person("reviewer"), at=AT)
    with pytest.raises(IntegrityError, match=refused), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(
            state=State.APPROVED, approver=person("editor"), approved_at=AT, review_due_on=REVIEW_DUE
        )
    with pytest.raises(IntegrityError, match=refused), transaction.atomic():
        PlannedApproval.objects.create(
            protocol_version=version,
            seal=version.seal,
            approver=editor,
            approved_at=AT,
            in_force_from=AT + timedelta(days=1),
            review_due_on=REVIEW_DUE,
        )


def test_the_acts_that_make_an_author_are_those_of_the_code() -> None:
    migration = import_module("protocols.migrations.0016_authors_keep_away_and_comments_are_answered")

    assert set(migration.AUTHORING) == {kind.value for kind in AUTHORING}


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"state": "lost"}, "version_state_is_known"),
        ({"number": 0}, "version_number"),
        ({"seal": "a" * 64}, "version_is_sealed"),
        ({"submitted_at": AT}, "version_is_sealed"),
        ({"approved_at": AT}, "version_is_approved_after"),
        ({"review_due_on": REVIEW_DUE}, "version_is_approved_after"),
        ({"ended_at": AT}, "version_ends_with_a_reason"),
        ({"end_reason": "Why not."}, "version_ends_with_a_reason"),
        ({"state": "submitted"}, "version_is_sealed"),
        ({"state": "submitted", "submitted_at": AT}, "version_is_sealed"),
        ({"state": "submitted", "submitted_at": AT, "seal": "a" * 64, "author": None}, "version_is_sealed"),
    ],
)
def test_a_draft_cannot_claim_what_it_has_not_gone_through(changes: dict[str, Any], constraint: str) -> None:
    version = draft()

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(**changes)

    # The trigger on moves may speak before the constraint does.
    assert constraint in str(refused.value) or "does not change" in str(refused.value)


def test_a_version_under_review_has_a_reviewer() -> None:
    version = submitted()

    with pytest.raises(IntegrityError, match="version_under_review_has_a_reviewer"):
        run(f"UPDATE {VERSIONS} SET state = 'under_review' WHERE id = %s", key_of(version))


def test_a_version_is_approved_only_after_its_review() -> None:
    version = under_review()

    with pytest.raises(IntegrityError, match="version_is_approved_after_its_review"), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(
            state=State.APPROVED, approver=person("approver"), approved_at=AT, review_due_on=REVIEW_DUE
        )


@pytest.mark.parametrize("missing", ["ended_at", "ended_by", "end_reason"])
def test_a_version_ends_with_time_person_and_reason(missing: str) -> None:
    version = approved()
    ending = {"ended_at": AT, "ended_by": person("approver"), "end_reason": "Old."}
    ending[missing] = "" if missing == "end_reason" else None

    with pytest.raises(IntegrityError, match="version_ends_with_a_reason"), transaction.atomic():
        ProtocolVersion.objects.filter(pk=version.pk).update(state=State.RETIRED, **ending)


def test_one_protocol_has_one_approved_version() -> None:
    approved()
    second = reviewed()

    with pytest.raises(IntegrityError), transaction.atomic():
        ProtocolVersion.objects.filter(pk=second.pk).update(
            state=State.APPROVED, approver=person("approver"), approved_at=AT, review_due_on=REVIEW_DUE
        )


def test_two_versions_of_one_protocol_have_two_numbers() -> None:
    draft()
    second = draft()

    with pytest.raises(IntegrityError), transaction.atomic():
        ProtocolVersion.objects.filter(pk=second.pk).update(number=1)


def test_the_moves_of_the_triggers_are_the_moves_of_the_code() -> None:
    assert set(LAST_MOVES.MOVES) == {(before.value, after.value) for before, after in MOVES}


def test_every_content_table_is_in_the_migration_that_guards_it() -> None:
    since = {
        "protocols_plausiblerange",
        "protocols_workedcase",
        "protocols_overridereason",
        "protocols_extraorder",
        "protocols_resultrule",
        "protocols_accessplan",
        "protocols_productpreference",
        "protocols_screeningitem",
        "protocols_responsepoint",
    }
    assert {f"protocols_{name}" for name in MIGRATION.CONTENT} | since == set(CONTENT_TABLES)


def test_every_column_of_a_version_is_frozen_by_one_of_its_guards_or_moves_with_its_state() -> None:
    frozen = {*MIGRATION.ONCE_SUBMITTED, *MIGRATION.ONCE_APPROVED, *MIGRATION.ONCE_ENDED}

    assert {field.column for field in ProtocolVersion._meta.fields} - frozen == {"state"}
