"""A fault at each statement of what changes something: all of it is there afterwards, or nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse

from ivigsite.audit.actions import find_problems
from ivigsite.orders.models import OrderSet, OrderSetEnding
from ivigsite.orders.sheet.documents import ROLE_SHEETS
from tests.encounters.answers import saving
from tests.orders.test_signing import choices
from tests.safety.world import World, client_of, signature
from tests.scenario import PASSWORD, assess

pytestmark = pytest.mark.django_db

Act = Callable[[], Any]
# What a person's act leaves behind; sessions and files that are made again by themselves do not count.
KEPT = [
    model
    for app in ("encounters", "orders", "audit")
    for model in apps.get_app_config(app).get_models()
    if model.__name__ not in ("SheetFile", "AuditHead")
]
READING = ("SELECT", "SAVEPOINT")
PRINTING = {"SheetPrint", "SheetHandedOut"}


class Faults:
    """Keeps the first words of the statements, and fails once at one of them."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.words: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.words.append(sql.split(maxsplit=1)[0])
        if len(self.words) == self.at:
            raise OperationalError("the disk is gone")
        return execute(sql, params, many, context)


@contextmanager
def taken_back() -> Iterator[None]:
    """Undo what was done, so that the next statement fails in the same place of the same story."""
    # As the test's own, so that what must not be nested elsewhere may be nested in it.
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)


def rows() -> Mapping[str, int]:
    return {model.__name__: model._default_manager.count() for model in KEPT}


def places_of(act: Act) -> list[int]:
    """The first statement, each that is more than a reading, and each after the last of those.

    A reading in between that fails leaves what the next writing leaves that fails.
    """
    faults = Faults()
    with taken_back(), connection.execute_wrapper(faults):
        assert act().status_code == 302
    writing = [number for number, word in enumerate(faults.words, 1) if word not in READING]
    return [1, *writing, *range(writing[-1] + 1, len(faults.words) + 1)]


def failing_at(number: int, act: Act) -> Any:
    with connection.execute_wrapper(Faults(number)):
        answer = act()
    # Outside a test there is no block around the request that a failed statement could spoil.
    connection.needs_rollback = False
    return answer


def outcomes(act: Act) -> Iterator[tuple[int, Any, Mapping[str, int]]]:
    """Each place where the act can fail, what the person was told, and what was there afterwards."""
    for number in places_of(act):
        with taken_back():
            answer = failing_at(number, act)
            yield number, answer, rows()
            assert find_problems() == []


def whole(act: Act) -> Mapping[str, int]:
    with taken_back():
        act()
        return rows()


@pytest.fixture
def visitor(world: World) -> Client:
    return client_of(world.site.physician, raise_request_exception=False)


def without(counts: Mapping[str, int], names: set[str]) -> Mapping[str, int]:
    return {name: count for name, count in counts.items() if name not in names}


@pytest.mark.hazard("H14", "H15")
def test_signing_is_all_or_nothing_and_says_which(world: World, visitor: Client) -> None:
    made = assess(world.site)
    posted = signature(visitor, made, choices(made))
    before = rows()

    def act() -> Any:
        return visitor.post(reverse("sign_orders", args=[made.pk]), posted)

    complete = without(whole(act), {*PRINTING, "AuditEntry"})
    assert complete["OrderSet"] == before["OrderSet"] + 1
    assert complete["OrderSetEnding"] == before["OrderSetEnding"] + 1
    signed = 0
    for number, answer, after in outcomes(act):
        if after == before:
            assert answer.status_code == 500, number
            assert b"Nothing was saved unless you were told so" in answer.content
        else:
            # Stored: then whoever signed must be shown it, even where the printing could not begin.
            assert without(after, {*PRINTING, "AuditEntry"}) == complete, number
            assert after["AuditEntry"] > before["AuditEntry"]
            assert answer.status_code == 302, number
            newest = OrderSet.objects.get(idempotency_key=posted["idempotency_key"])
            assert answer["Location"] == newest.get_absolute_url()
            assert world.order_set.pk == OrderSetEnding.objects.get(superseded_by=newest).order_set_id
            signed += 1
    assert signed


def test_signing_again_after_a_fault_signs_once(world: World, visitor: Client) -> None:
    made = assess(world.site)
    posted = signature(visitor, made, choices(made))
    url = reverse("sign_orders", args=[made.pk])

    for number in places_of(lambda: visitor.post(url, posted))[::3]:
        with taken_back():
            failing_at(number, lambda: visitor.post(url, posted))
            answer = visitor.post(url, posted)

            signed = OrderSet.objects.exclude(pk=world.order_set.pk).get()
            assert answer["Location"] == signed.get_absolute_url(), number
            assert signed.prints.count() == len(ROLE_SHEETS)


def test_an_assessment_is_all_or_nothing(world: World, visitor: Client) -> None:
    posted = saving(world.site.encounter)
    before = rows()

    def act() -> Any:
        return visitor.post(reverse("assess", args=[world.site.encounter.pk]), posted)

    complete = whole(act)
    assert complete["Assessment"] == before["Assessment"] + 1
    for number, answer, after in outcomes(act):
        assert answer.status_code == (500 if after == before else 302), number
        assert after in (before, complete), number


def test_voiding_is_all_or_nothing(world: World, visitor: Client) -> None:
    posted = {"reason": "Wrong patient", "password": PASSWORD}
    before = rows()

    def act() -> Any:
        return visitor.post(reverse("void_order_set", args=[world.order_set.pk]), posted)

    complete = whole(act)
    assert complete["OrderSetEnding"] == before["OrderSetEnding"] + 1
    for number, answer, after in outcomes(act):
        assert answer.status_code == (500 if after == before else 302), number
        assert after in (before, complete), number


def test_admitting_is_all_or_nothing(world: World, visitor: Client) -> None:
    from tests.encounters.answers import PATIENT

    posted = {
        **PATIENT,
        "ward": str(world.site.ward.pk),
        "bed": "4",
        "idempotency_key": "7f0c5b8e-3a35-4c55-9d0e-0a5a6b7c8d9e",
    }
    before = rows()

    def act() -> Any:
        return visitor.post(reverse("new_patient"), posted)

    complete = whole(act)
    assert (complete["Patient"], complete["Encounter"]) == (before["Patient"] + 1, before["Encounter"] + 1)
    for number, answer, after in outcomes(act):
        assert answer.status_code == (500 if after == before else 302), number
        assert after in (before, complete), number
