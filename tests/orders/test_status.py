"""The page behind the code on a sheet: what it says of paper, and what it never says of people."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.orders.actions import void_order_set
from ivigsite.orders.models import OrderSet
from ivigsite.orders.sheet.furniture import code_text, scanned_text
from ivigsite.orders.sheet.states import PrintEvent
from ivigsite.orders.status import find_status_of
from ivigsite.orders.status_views import WRONG_CODES
from protocols import actions as protocol_actions
from tests.orders.test_pages import text_of
from tests.orders.test_signing import choices, sign
from tests.scenario import Site, assess

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H16")]


@pytest.fixture
def order_set(shared_order_set: UUID, db: None) -> OrderSet:
    cache.clear()
    return OrderSet.objects.get(pk=shared_order_set)


def ask(code: str, client: Client | None = None) -> Any:
    return (client or Client()).get(reverse("status", args=[code]))


def test_a_scanned_or_typed_code_of_an_order_set_in_force_is_in_force(order_set: OrderSet) -> None:
    scanned = code_text(order_set.sheet_content)
    typed = f" {order_set.code.lower().replace('-', '')} "

    answers = [ask(scanned), Client().get(f"/S/{scanned}"), Client().get("/s/", {"code": typed})]

    for answer in answers:
        assert answer.status_code == 200
        assert f"Order {order_set.code}, version 1 In force" in text_of(answer)


def test_a_stranger_learns_nothing_of_patient_drugs_or_people(order_set: OrderSet, site: Site) -> None:
    void_order_set(
        order_set=order_set, reason="O'Brien had a wrong weight", by=site.physician, at=timezone.now()
    )

    body = ask(order_set.code).content.decode()

    content = order_set.sheet_content
    for secret in (
        content.patient.family_name,
        content.patient.record_number,
        content.patient.ward,
        content.orders[0].name,
        "wrong weight",
        site.physician.full_name,
        order_set.get_absolute_url(),
    ):
        assert secret not in body


def test_only_who_may_open_the_order_set_is_led_to_it(
    physician: Client, order_set: OrderSet, site: Site
) -> None:
    elsewhere = Client()
    elsewhere.force_login(site.elsewhere)

    assert order_set.get_absolute_url() in ask(order_set.code, physician).content.decode()
    assert order_set.get_absolute_url() not in ask(order_set.code, elsewhere).content.decode()


def test_a_void_order_set_is_void_and_an_old_one_expired(order_set: OrderSet, site: Site) -> None:
    expired = find_status_of(order_set.code, at=order_set.valid_until)
    void_order_set(order_set=order_set, reason="Wrong weight", by=site.physician, at=timezone.now())

    assert expired is not None
    assert (expired.state, expired.may_be_followed) == ("expired", False)
    assert "Void: do not follow this sheet" in text_of(ask(order_set.code))


def test_a_superseded_order_set_names_the_newer_one_and_a_changed_dose(
    physician: Client, site: Site, order_set: OrderSet
) -> None:
    heavier = assess(site, weight_kg="90")
    sign(physician, heavier, choices(heavier))
    newer = OrderSet.objects.active().get()

    text = text_of(ask(order_set.code))

    assert "Superseded: do not follow this sheet" in text
    assert newer.code in text
    assert "A dose or a line has changed." in text
    assert "In force" in text_of(ask(newer.code))


def test_the_same_order_set_signed_again_has_no_changed_dose(
    physician: Client, site: Site, order_set: OrderSet
) -> None:
    again = assess(site)
    sign(physician, again, choices(again))

    assert "Lines and doses are the same." in text_of(ask(order_set.code))


def test_a_withdrawn_protocol_is_said_on_every_sheet_signed_on_it(order_set: OrderSet) -> None:
    approver = User.objects.get(username="approver")
    protocol_actions.withdraw(
        version=order_set.protocol_version, reason="Wrong dose table", by=approver, at=timezone.now()
    )

    status = find_status_of(order_set.code, at=timezone.now())
    text = text_of(ask(order_set.code))

    assert status is not None
    assert not status.may_be_followed
    assert "Protocol withdrawn: ask before you go on" in text
    assert "In force" not in text


@pytest.mark.parametrize(
    "wrong",
    ["AAAA-BBBB-CCCC", "nonsense", "{code}.1.0000000000000000", "{code}.2.{digest}", "{code}.1", "'; --"],
)
def test_every_wrong_code_has_the_same_answer(order_set: OrderSet, wrong: str) -> None:
    code = wrong.format(code=order_set.code, digest=order_set.content_digest[:16].upper())

    answer = ask(code)

    assert answer.status_code == 404
    assert "No sheet of this site has this code Do not follow the sheet on its own." in text_of(answer)
    assert order_set.code not in answer.content.decode()


def test_whoever_tries_many_codes_is_stopped_and_others_are_not(order_set: OrderSet) -> None:
    trying, other = Client(REMOTE_ADDR="10.0.0.9"), Client(REMOTE_ADDR="10.0.0.8")

    statuses = [ask("AAAA-BBBB-CCCC", trying).status_code for _ in range(WRONG_CODES + 1)]

    assert statuses == [404] * WRONG_CODES + [429]
    assert ask(order_set.code, trying).status_code == 429
    assert ask(order_set.code, other).status_code == 200


def test_the_code_leads_to_the_site_when_it_has_an_address(order_set: OrderSet) -> None:
    content = order_set.sheet_content
    event = PrintEvent(
        printed_at=order_set.signed_at,
        printed_by="x",
        copy_number=1,
        status_address="https://ivig.hospital.example",
    )

    address = scanned_text(content, event)

    assert address == f"HTTPS://IVIG.HOSPITAL.EXAMPLE/S/{code_text(content)}"
    assert Client().get(address.removeprefix("HTTPS://IVIG.HOSPITAL.EXAMPLE")).status_code == 200


def test_a_stored_content_is_what_its_code_says(order_set: OrderSet) -> None:
    status = find_status_of(code_text(order_set.sheet_content), at=timezone.now() + timedelta(minutes=1))

    assert status is not None
    assert status.order_set == order_set
