"""Raw SQL against the records of the past; and, with the guards taken away, what the pages then say."""

from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.models import Observation
from ivigsite.orders.models import OrderSet
from protocols import actions
from protocols.mapping import ROWS
from protocols.models import OrderTemplate
from tests.safety.world import World, client_of

pytestmark = pytest.mark.django_db

PAST = (
    "encounters.Assessment",
    "orders.OrderSet",
    "orders.OrderLine",
    "orders.SheetPrint",
    "orders.SheetFile",
)
PAST_MODELS = [apps.get_model(name) for name in (*PAST, "audit.AuditEntry")]
CONTENT_MODELS: list[Any] = [*ROWS.values(), OrderTemplate]
CONTENT_TABLES = [model._meta.db_table for model in CONTENT_MODELS]


def run(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [column.name for column in connection.introspection.get_table_description(cursor, table)]


def content_of(table: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')
        return list(cursor.fetchall())


def upsert(table: str, key: str) -> str:
    """Write every row of a table once more over itself, in the words of this database."""
    names = ", ".join(f'"{name}"' for name in columns(table))
    if connection.vendor == "sqlite":
        return f'INSERT OR REPLACE INTO "{table}" ({names}) SELECT {names} FROM "{table}"'
    return (
        f'INSERT INTO "{table}" ({names}) SELECT {names} FROM "{table}" '
        f'ON CONFLICT ("{key}") DO UPDATE SET "{key}" = EXCLUDED."{key}"'
    )


def test_nothing_of_the_past_is_changed_removed_or_written_over(world: World) -> None:
    for model in PAST_MODELS:
        table, key = model._meta.db_table, model._meta.pk.column
        before = content_of(table)
        assert before, table

        for statement in (
            f'UPDATE "{table}" SET "{key}" = "{key}"',
            f'DELETE FROM "{table}"',
            upsert(table, key),
        ):
            with pytest.raises(DatabaseError, match="do not change"):
                run(statement)

        assert content_of(table) == before


@pytest.mark.parametrize("column", ["code", "idempotency_key"])
def test_a_new_order_set_does_not_push_out_a_signed_one(world: World, column: str) -> None:
    table = "orders_orderset"
    new = {"id": "'00000000000000000000000000000001'", "number": "99", "code": "'ELSE'"}
    new["idempotency_key"] = "'00000000000000000000000000000002'"
    del new[column]
    values = ", ".join(new.get(name, f'"{name}"') for name in columns(table))
    verb = "INSERT OR REPLACE" if connection.vendor == "sqlite" else "INSERT"

    with pytest.raises(DatabaseError):
        run(f'{verb} INTO "{table}" SELECT {values} FROM "{table}"')

    assert OrderSet.objects.get() == world.order_set


def test_no_row_of_an_approved_protocol_is_changed_removed_or_added(world: World) -> None:
    new = {"id": "'0000000000000000000000000000000a'", "key": "'new'", "position": "999"}
    for table in CONTENT_TABLES:
        before = content_of(table)
        assert before, table
        values = ", ".join(new.get(name, f'"{name}"') for name in columns(table))

        for statement in (
            f'UPDATE "{table}" SET position = position',
            f'DELETE FROM "{table}"',
            f'INSERT INTO "{table}" SELECT {values} FROM "{table}" LIMIT 1',
        ):
            with pytest.raises(DatabaseError, match="does not change"):
                run(statement)

        assert content_of(table) == before


def test_no_row_of_an_approved_protocol_is_pushed_out_by_one_of_a_draft(world: World) -> None:
    draft = actions.start_draft(
        version=world.site.version,
        change_note="Next year",
        by=world.people["protocol_author"],  # type: ignore[index]
        at=timezone.now(),
    )
    key = draft.pk.hex if connection.vendor == "sqlite" else str(draft.pk)
    for table in CONTENT_TABLES:
        before = content_of(table)
        names = columns(table)
        # The row's own key, under the draft's name; and the other way, by which a draft's row would leave it.
        values = ", ".join(f"'{key}'" if name == "protocol_version_id" else f'"{name}"' for name in names)
        listed = ", ".join(f'"{name}"' for name in names)
        push = (
            f'INSERT OR REPLACE INTO "{table}" ({listed}) SELECT {values} FROM "{table}"'
            if connection.vendor == "sqlite"
            else f'INSERT INTO "{table}" ({listed}) SELECT {values} FROM "{table}" '
            'ON CONFLICT ("id") DO UPDATE SET "protocol_version_id" = EXCLUDED."protocol_version_id"'
        )

        with pytest.raises(DatabaseError):
            run(f"{push} WHERE protocol_version_id <> '{key}'")

        assert content_of(table) == before, table


def test_an_approved_version_is_not_written_over_by_a_draft(world: World) -> None:
    as_draft = {
        "state": "'draft'", "seal": "''", "version": "1", "submitted_at": "NULL", "reviewer_id": "NULL",
        "review_started_at": "NULL", "reviewed_at": "NULL", "review_comment": "''", "approver_id": "NULL",
        "approved_at": "NULL", "review_due_on": "NULL",
    }  # fmt: skip
    table = "protocols_protocolversion"
    values = ", ".join(as_draft.get(name, f'"{name}"') for name in columns(table))
    verb = "INSERT OR REPLACE" if connection.vendor == "sqlite" else "INSERT"
    before = content_of(table)

    with pytest.raises(DatabaseError):
        run(f'{verb} INTO "{table}" SELECT {values} FROM "{table}"')

    assert content_of(table) == before


def test_an_approved_version_keeps_what_was_approved(world: World) -> None:
    for change in (
        "seal = 'x'",
        "state = 'draft'",
        "disclaimer = 'Certified.'",
        "default_policy = 'actual'",
        "approver_id = author_id",
        "number = 7",
    ):
        with pytest.raises(DatabaseError):
            run(f"UPDATE protocols_protocolversion SET {change}")
    with pytest.raises(DatabaseError):
        run("DELETE FROM protocols_protocolversion")


def test_a_closed_encounter_stays_closed(world: World) -> None:
    told = {
        "outcome": "responded",
        "version": str(Encounter.objects.get(pk=world.site.encounter.pk).version),
        "takes_on": [str(each.pk) for each in Observation.objects.unacknowledged()],
        "idempotency_key": str(uuid4()),
    }
    client_of(world.site.physician).post(reverse("discharge", args=[world.site.encounter.pk]), told)
    assert not Encounter.objects.get(pk=world.site.encounter.pk).is_open

    with pytest.raises(DatabaseError, match="do not change"):
        run("UPDATE encounters_encounter SET closed_at = NULL, closed_by_id = NULL, close_reason = ''")
