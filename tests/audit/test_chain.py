"""Each way in which somebody with the database, but without the key, could rewrite the past."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.state import StateApps

from ivigsite.audit.actions import find_problems, record
from ivigsite.audit.chain import GENESIS, canonical, digest_of
from ivigsite.audit.models import AuditEntry, AuditHead
from protocols.append_only import append_only

pytestmark = pytest.mark.django_db

NO_APPS = StateApps([], {})
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
KEY = b"a key that only this test has"


@pytest.fixture
def trail() -> list[AuditEntry]:
    return [record(action=f"action {n}", by=None, at=NOON, object_id=uuid4()) for n in range(1, 6)]


@contextmanager
def guards_lifted() -> Iterator[None]:
    """Do what somebody does who owns the database: take the triggers away first."""
    operation = append_only("audit_auditentry")
    operation.reverse_code(NO_APPS, connection.schema_editor())  # type: ignore[misc]
    yield
    operation.code(NO_APPS, connection.schema_editor())


def resign(entry: AuditEntry, *, key: bytes = b"a guess") -> None:
    entry.digest = digest_of(entry, key=key)
    entry.save()


def test_untouched_trail_holds(trail: list[AuditEntry]):
    assert find_problems() == []


def test_empty_trail_holds():
    assert find_problems() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("action", "something else"),
        ("at", datetime(2026, 11, 3, 13, tzinfo=UTC)),
        ("actor_role", "nurse"),
        ("object_id", uuid4()),
        ("details", {"dose_g": "7"}),
        ("request_id", uuid4()),
        ("address", "192.0.2.9"),
    ],
)
def test_edited_entry_is_found(trail: list[AuditEntry], column: str, value: object):
    with guards_lifted():
        AuditEntry.objects.filter(sequence=3).update(**{column: value})

    assert find_problems() == ["entry 3 was changed after it was written"]


def test_deleted_entry_is_found(trail: list[AuditEntry]):
    with guards_lifted():
        AuditEntry.objects.filter(sequence=3).delete()

    assert find_problems() == ["entry 4 follows entry 2", "entry 4 does not continue entry 2"]


def test_deleted_first_entry_is_found(trail: list[AuditEntry]):
    with guards_lifted():
        AuditEntry.objects.filter(sequence=1).delete()

    assert find_problems() == ["entry 2 follows entry 0", "entry 2 does not continue entry 0"]


def test_inserted_entry_is_found(trail: list[AuditEntry]):
    with guards_lifted():
        AuditEntry.objects.filter(sequence=3).delete()
        resign(AuditEntry(sequence=3, at=NOON, action="forged", details={}, previous_digest=trail[1].digest))

    assert find_problems() == [
        "entry 3 was changed after it was written",
        "entry 4 does not continue entry 3",
    ]


def test_entries_that_changed_places_are_found(trail: list[AuditEntry]):
    with guards_lifted():
        for before, now in ((2, 99), (3, 2), (99, 3)):
            AuditEntry.objects.filter(sequence=before).update(sequence=now)

    problems = find_problems()

    assert "entry 2 was changed after it was written" in problems
    assert "entry 3 was changed after it was written" in problems


def test_tail_that_was_cut_is_found(trail: list[AuditEntry]):
    with guards_lifted():
        AuditEntry.objects.filter(sequence__gte=4).delete()

    assert find_problems() == ["entry 5 is missing or is not the one that was written"]


def test_tail_that_was_cut_together_with_the_head_is_found_by_a_head_kept_elsewhere(trail: list[AuditEntry]):
    with guards_lifted():
        AuditEntry.objects.filter(sequence__gte=4).delete()
    AuditHead.objects.update(sequence=3, digest=trail[2].digest)

    assert find_problems() == []
    assert find_problems([(5, trail[4].digest)]) == ["entry 5 is missing or is not the one that was written"]


def test_trail_that_was_emptied_is_found_by_its_head(trail: list[AuditEntry]):
    with guards_lifted():
        AuditEntry.objects.all().delete()

    assert find_problems() == ["entry 5 is missing or is not the one that was written"]


def test_entry_appended_without_the_head_is_found(trail: list[AuditEntry]):
    forged = AuditEntry(sequence=6, at=NOON, action="forged", details={}, previous_digest=trail[4].digest)
    resign(forged)

    assert find_problems() == [
        "entry 6 was changed after it was written",
        "there are entries after the head, 5",
    ]


def test_chain_rewritten_whole_without_the_key_is_found(trail: list[AuditEntry]):
    previous = GENESIS
    with guards_lifted():
        for entry in AuditEntry.objects.all():
            entry.action = "rewritten"
            entry.previous_digest = previous
            resign(entry)
            previous = entry.digest
    AuditHead.objects.update(digest=previous)

    assert find_problems() == [f"entry {n} was changed after it was written" for n in range(1, 6)]


def test_chain_that_another_key_signed_is_found(trail: list[AuditEntry], settings):
    settings.AUDIT_KEY = "another key"

    assert len(find_problems()) == 5


def test_digest_is_the_keyed_hash_of_predecessor_and_row(trail: list[AuditEntry]):
    message = f"{trail[0].digest}\n{canonical(trail[1])}".encode()

    assert digest_of(trail[1], key=KEY) == hmac.new(KEY, message, sha256).hexdigest()


def test_row_is_signed_as_the_same_text_before_and_after_the_database(trail: list[AuditEntry]):
    assert [canonical(entry) for entry in AuditEntry.objects.all()] == [canonical(entry) for entry in trail]


def test_command_says_that_the_trail_holds(trail: list[AuditEntry]):
    out = StringIO()

    call_command("verify_audit", stdout=out)

    assert out.getvalue() == "The audit trail holds.\n"


def test_command_fails_and_names_the_entry(trail: list[AuditEntry]):
    err = StringIO()
    with guards_lifted():
        AuditEntry.objects.filter(sequence=2).update(action="something else")

    with pytest.raises(CommandError, match="does not hold") as caught:
        call_command("verify_audit", stderr=err)

    assert caught.value.returncode == 1
    assert err.getvalue() == "entry 2 was changed after it was written\n"


def test_command_compares_with_exported_heads(trail: list[AuditEntry], tmp_path: Path):
    heads, out = tmp_path / "heads", StringIO()
    call_command("export_audit_head", stdout=out)
    record(action="later", by=None, at=NOON)
    call_command("export_audit_head", stdout=out)
    heads.write_text(out.getvalue())

    call_command("verify_audit", heads=heads, stdout=StringIO())

    assert heads.read_text().splitlines()[0] == f"5 {trail[4].digest}"
    with guards_lifted():
        AuditEntry.objects.filter(sequence=6).delete()
    AuditHead.objects.update(sequence=5, digest=trail[4].digest)
    with pytest.raises(CommandError):
        call_command("verify_audit", heads=heads, stderr=StringIO())


def test_export_of_an_empty_trail_is_empty():
    out = StringIO()

    call_command("export_audit_head", stdout=out)

    assert out.getvalue() == ""


@pytest.mark.parametrize("line", ["five abc", "5", "", "٥ " + "a" * 64])
def test_command_names_the_line_that_is_no_head(tmp_path: Path, line: str):
    heads = tmp_path / "heads"
    heads.write_text(f"1 {'a' * 64}\n{line}\n")

    with pytest.raises(CommandError, match="Line 2"):
        call_command("verify_audit", heads=heads)
