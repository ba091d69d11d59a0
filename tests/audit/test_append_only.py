"""The triggers, tried with raw SQL on a table of their own and on the audit trail."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.migrations.state import StateApps

from ivigsite.audit.actions import record
from ivigsite.audit.models import AuditEntry
from protocols.append_only import append_only, frozen_when
from protocols.triggers import RunTriggers

pytestmark = pytest.mark.django_db

NO_APPS = StateApps([], {})
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def run(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def value_of(row: int) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM example_paper WHERE id = %s", [row])
        found = cursor.fetchone()
    return found[0] if found else None


def install(operation: RunTriggers) -> None:
    operation.code(NO_APPS, connection.schema_editor())


def remove(operation: RunTriggers) -> None:
    operation.reverse_code(NO_APPS, connection.schema_editor())  # type: ignore[misc]


@pytest.fixture
def paper() -> Iterator[None]:
    run("CREATE TABLE example_paper (id integer PRIMARY KEY, value text, signed_by text)")
    run("INSERT INTO example_paper VALUES (1, 'signed', 'Dana'), (2, 'draft', NULL)")
    yield
    run("DROP TABLE example_paper")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_auditentry SET action = 'something else'",
        "UPDATE audit_auditentry SET digest = digest",
        "DELETE FROM audit_auditentry",
        "DELETE FROM audit_auditentry WHERE sequence = 1",
    ],
)
def test_audit_trail_refuses_raw_sql(sql: str):
    record(action="done", by=None, at=NOON)

    with pytest.raises(IntegrityError, match="rows of audit_auditentry do not change"):
        run(sql)

    assert AuditEntry.objects.get().action == "done"


def test_audit_trail_refuses_the_orm_as_well():
    entry = record(action="done", by=None, at=NOON)
    entry.action = "something else"

    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry.objects.all().delete()


def test_audit_trail_cannot_fork():
    first = record(action="first", by=None, at=NOON)
    record(action="second", by=None, at=NOON)

    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry.objects.create(
            sequence=3, at=NOON, action="fork", details={}, previous_digest=first.digest, digest="f" * 64
        )


def test_append_only_table_takes_new_rows_and_keeps_the_old(paper: None):
    install(append_only("example_paper"))

    run("INSERT INTO example_paper VALUES (3, 'new', NULL)")
    for sql in (
        "UPDATE example_paper SET value = 'other' WHERE id = 2",
        "DELETE FROM example_paper WHERE id = 2",
    ):
        with pytest.raises(IntegrityError, match="rows of example_paper do not change"):
            run(sql)

    assert (value_of(1), value_of(2), value_of(3)) == ("signed", "draft", "new")


def test_row_freezes_when_its_condition_holds_and_not_before(paper: None):
    install(frozen_when("example_paper", "OLD.signed_by IS NOT NULL"))

    run("UPDATE example_paper SET value = 'better draft' WHERE id = 2")
    run("UPDATE example_paper SET signed_by = 'Dana' WHERE id = 2")
    for sql in (
        "UPDATE example_paper SET value = 'other' WHERE id = 2",
        "UPDATE example_paper SET signed_by = NULL WHERE id = 1",
        "DELETE FROM example_paper WHERE id = 1",
    ):
        with pytest.raises(IntegrityError):
            run(sql)

    assert (value_of(1), value_of(2)) == ("signed", "better draft")


def test_draft_may_be_thrown_away_before_it_is_signed(paper: None):
    install(frozen_when("example_paper", "OLD.signed_by IS NOT NULL"))

    run("DELETE FROM example_paper WHERE id = 2")

    assert value_of(2) is None


def test_table_cannot_be_emptied_in_one_stroke(paper: None):
    install(append_only("example_paper"))

    # SQLite has no TRUNCATE and refuses the word; PostgreSQL has one that fires no row trigger.
    with pytest.raises(DatabaseError):
        run("TRUNCATE example_paper")

    assert value_of(1) == "signed"


def test_operation_taken_back_leaves_a_table_like_any_other(paper: None):
    operation = append_only("example_paper")
    install(operation)

    remove(operation)

    run("UPDATE example_paper SET value = 'other' WHERE id = 1")
    assert value_of(1) == "other"
