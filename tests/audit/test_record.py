from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from ivigsite.accounts.roles import Role
from ivigsite.audit.actions import find_problems, record
from ivigsite.audit.chain import GENESIS
from ivigsite.audit.context import RequestOrigin, request_origin
from ivigsite.audit.models import AuditEntry, AuditHead
from tests.accounts.factory import make_user

NOON = datetime(2026, 11, 3, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.django_db
def test_entry_says_who_did_what_to_what_and_when():
    user, order_set_id = make_user(Role.PHARMACIST), uuid4()

    record(action="order.viewed", by=user, at=NOON, object_id=order_set_id, details={"lines": 3})

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.actor_role) == ("order.viewed", user, "pharmacist")
    assert (entry.at, entry.object_id, entry.details) == (NOON, order_set_id, {"lines": 3})


@pytest.mark.django_db
def test_first_entry_begins_the_chain_and_the_next_continues_it():
    first = record(action="first", by=None, at=NOON)
    second = record(action="second", by=None, at=NOON)

    assert (first.sequence, first.previous_digest) == (1, GENESIS)
    assert (second.sequence, second.previous_digest) == (2, first.digest)
    assert (AuditHead.objects.get().sequence, AuditHead.objects.get().digest) == (2, second.digest)


@pytest.mark.django_db
def test_entry_names_the_request_it_was_written_in():
    token = request_origin.set(RequestOrigin(request_id=UUID(int=7), address="192.0.2.7"))
    inside = record(action="inside", by=None, at=NOON)
    request_origin.reset(token)
    outside = record(action="outside", by=None, at=NOON)

    assert (inside.request_id, inside.address) == (UUID(int=7), "192.0.2.7")
    assert (outside.request_id, outside.address) == (None, None)


@pytest.mark.django_db
def test_details_hold_exact_values_and_come_back_as_they_were_signed():
    details = {"dose_g": Decimal("70.0"), "of": uuid4(), "words": ["µL", "李", True, None], "at": NOON}

    record(action="signed", by=None, at=NOON, details=details)

    assert AuditEntry.objects.get().details["dose_g"] == "70.0"
    assert find_problems() == []


@pytest.mark.django_db
@pytest.mark.parametrize("details", [{"dose_g": 70.0}, {"doses": [{"g": 0.1}]}])
def test_details_refuse_a_float(details: dict[str, object]):
    with pytest.raises(TypeError, match="exact"):
        record(action="signed", by=None, at=NOON, details=details)

    assert not AuditEntry.objects.exists()


@pytest.mark.django_db
def test_entry_disappears_with_the_action_that_failed():
    record(action="first", by=None, at=NOON)

    with transaction.atomic():
        record(action="second", by=None, at=NOON)
        transaction.set_rollback(True)

    record(action="third", by=None, at=NOON)
    assert list(AuditEntry.objects.values_list("sequence", "action")) == [(1, "first"), (2, "third")]
    assert find_problems() == []


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_moment_never_fork_the_chain():
    barrier = Barrier(4)

    def write(writer: int) -> None:
        barrier.wait()
        try:
            for n in range(5):
                record(action=f"{writer}.{n}", by=None, at=NOON)
        finally:
            connection.close()

    threads = [Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(AuditEntry.objects.values_list("sequence", flat=True)) == list(range(1, 21))
    assert find_problems() == []
