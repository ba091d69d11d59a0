"""A version is withdrawn: every open encounter and live sheet says so at the next look; and the recall."""

import csv
from datetime import date
from io import StringIO
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.accounts.models import Ward
from ivigsite.encounters import actions
from ivigsite.encounters.actions import PatientDetails
from ivigsite.encounters.models import Encounter
from ivigsite.orders import actions as orders
from ivigsite.orders.models import EndingKind, OrderSet, OrderSetEnding
from ivigsite.orders.sheet.documents import ROLE_SHEETS, Document
from ivigsite.orders.sheet.furniture import WITHDRAWN_WORDS, furnish
from ivigsite.orders.sheet.jobs import Job
from ivigsite.revisions.recall import recalled
from protocols import actions as protocol_actions
from protocols.models import ProtocolVersion
from protocols.reading import withdrawn_since
from tests.orders.test_pages import text_of
from tests.orders.test_signing import choices, sign
from tests.revisions.test_workspace import as_
from tests.revisions.versions import replace_version, who, withdraw_version
from tests.scenario import Site, assess

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H19")]


def pages_of(site: Site, order_set: OrderSet) -> list[str]:
    """Every page that somebody with this encounter in hand may have before them."""
    encounter = [site.encounter.pk]
    return [
        *(reverse(name, args=[site.encounter.patient_id]) for name in ("patient", "correct_patient")),
        site.encounter.get_absolute_url(),
        *(reverse(name, args=encounter) for name in ("assess", "checklist", "discharge")),
        order_set.assessment.get_absolute_url(),
        order_set.get_absolute_url(),
        reverse("void_order_set", args=[order_set.pk]),
        *(reverse("html_sheet", args=[order_set.pk, document]) for document in ROLE_SHEETS),
        reverse("infusion", args=[order_set.pk]),
    ]


@pytest.mark.parametrize("is_replaced", [False, True])
def test_every_page_of_an_open_encounter_and_every_live_sheet_says_at_once_that_it_is_withdrawn(
    site: Site, physician: Client, *, is_replaced: bool
) -> None:
    made = assess(site)
    assert sign(physician, made, choices(made)).status_code == 302
    order_set = OrderSet.objects.get()
    # Once before, so that whatever is kept of a page is kept of the version in force.
    addresses = [*pages_of(site, order_set), reverse("board"), reverse("board_rows")]
    sheets = {print_.document for print_ in order_set.prints.all()}
    status = reverse("status", args=[order_set.code])
    before = {address: text_of(physician.get(address)) for address in addresses}
    stranger = Client()
    assert "withdrawn" not in text_of(stranger.get(status))

    if is_replaced:
        replace_version()
    withdraw_version(site.version)

    assert not {address for address, page in before.items() if "Protocol withdrawn" in page}
    asking = f'hx-get="{reverse("standing", args=[site.encounter.pk])}?withdrawn"'
    pages = {address: physician.get(address).content.decode() for address in pages_of(site, order_set)}
    assert {address for address, page in pages.items() if asking not in page} == set()
    silent = {address for address in addresses if "withdrawn" not in text_of(physician.get(address)).lower()}
    assert silent == set()
    # All sheets of an order set carry its one code.
    assert len(sheets) > 1
    assert "Protocol withdrawn: ask before you go on" in text_of(stranger.get(status))


def test_page_that_lies_open_asks_each_half_minute_and_is_told_only_what_it_does_not_show(
    site: Site, physician: Client
) -> None:
    standing = reverse("standing", args=[site.encounter.pk])
    asking = f'hx-get="{standing}" hx-trigger="every 30s"'
    assert asking in physician.get(site.encounter.get_absolute_url()).content.decode()
    before = site.physician.sign_ins.get().last_active_at
    assert physician.get(standing).status_code == 204

    withdraw_version(site.version)

    told = physician.get(standing)
    assert told.status_code == 200
    assert "Protocol withdrawn: nothing can be signed on it" in text_of(told)
    assert "A cap is wrong." in text_of(told)
    again = f"{standing}?withdrawn"
    assert f'hx-get="{again}"' in told.content.decode()
    assert physician.get(again).status_code == 204
    assert site.physician.sign_ins.get().last_active_at == before
    close_encounter(site.encounter)
    ended = physician.get(again)
    assert "withdrawn" not in text_of(ended)
    assert "hx-get" not in ended.content.decode()


def close_encounter(encounter: Encounter) -> None:
    actions.close_encounter(
        encounter=encounter,
        version=encounter.version,
        reason="Home",
        by=encounter.owner,
        at=timezone.now(),
    )


def test_board_of_the_ward_says_it_within_the_half_minute_of_its_poll(site: Site, physician: Client) -> None:
    rows = reverse("board_rows")
    assert "Protocol withdrawn" not in text_of(physician.get(rows))

    withdraw_version(site.version)

    assert "Protocol withdrawn" in text_of(physician.get(rows))
    assert 'hx-trigger="every 30s"' in physician.get(reverse("board")).content.decode()


def test_recall_names_every_patient_signed_on_the_version_whatever_became_of_the_orders(
    site: Site, physician: Client
) -> None:
    made = assess(site)
    sign(physician, made, choices(made))
    order_set = OrderSet.objects.get()
    withdraw_version(site.version)
    approver = as_("approver")

    page = text_of(approver.get(reverse("recall", args=[site.version.pk])))
    file = approver.get(reverse("recall_csv", args=[site.version.pk])).content.decode()

    (row,) = csv.DictReader(StringIO(file))
    assert row["order_set"] == order_set.code
    assert row["record_number"] == site.encounter.patient.record_number
    assert order_set.code in page


def test_recall_is_complete_over_every_ward_whatever_became_of_each_order_set(
    site: Site, physician: Client
) -> None:
    made = assess(site)
    sign(physician, made, choices(made))
    signed = OrderSet.objects.get()
    on_the_version = {signed.code}
    newer = replace_version()
    for number in range(12):
        ward = Ward.objects.create(code=f"W{number}", name=f"Ward {number}")
        version = newer if number % 4 == 3 else site.version
        of_ward = signed_again(signed, ward, version, number)
        if number % 3 == 1:
            OrderSetEnding.objects.create(
                order_set=of_ward, kind=EndingKind.VOID, reason="Wrong", by=site.physician, at=timezone.now()
            )
        if number % 3 == 2:
            close_encounter(of_ward.encounter)
        if version == site.version:
            on_the_version.add(of_ward.code)

    rows = list(recalled(site.version))

    assert len(rows) == len(on_the_version) == 10
    assert {row.code for row in rows} == on_the_version
    assert len({row.ward for row in rows}) == 10
    assert {(row.state, row.encounter) for row in rows} == {
        ("in force", "open"),
        ("void", "open"),
        ("in force", "closed"),
    }
    # The person who withdraws is on no ward at all.
    file = as_("approver").get(reverse("recall_csv", args=[site.version.pk])).content.decode()
    assert {row["order_set"] for row in csv.DictReader(StringIO(file))} == on_the_version


def signed_again(signed: OrderSet, ward: Ward, version: ProtocolVersion, number: int) -> OrderSet:
    """The same order set for another patient of another ward, stored as signing stores it."""
    encounter = actions.admit_patient(
        details=PatientDetails(
            record_number=f"DEMO-{number}",
            family_name=f"Example{number}",
            given_name="Test",
            title="",
            birth_date=date(1980, 1, 1),
            sex="female",
            allergies_known="none_known",
            allergies="",
        ),
        place=actions.Place(ward=ward, bed="", protocol_version=version),
        idempotency_key=uuid4(),
        entered={},
        by=signed.signed_by,
        at=timezone.now(),
    )
    fields = {
        field.attname: getattr(signed, field.attname)
        for field in OrderSet._meta.concrete_fields
        if not field.primary_key
    }
    changed = {
        "code": f"AAAA-BBBB-{number:02}CC",
        "encounter_id": encounter.pk,
        "protocol_version_id": version.pk,
        "idempotency_key": uuid4(),
    }
    return OrderSet.objects.create(**{**fields, **changed})


@pytest.mark.hazard("H16")
def test_a_copy_from_before_the_withdrawal_is_not_handed_out_and_a_new_one_says_it_on_every_page(
    site: Site, physician: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[Job] = []

    def render(job: Job) -> bytes:
        jobs.append(job)
        return b"file"

    monkeypatch.setattr(orders, "render_in_worker", render)
    made = assess(site)
    sign(physician, made, choices(made))
    order_set = OrderSet.objects.get()
    first = order_set.prints.get(document=Document.ORDER_SET)
    print_sheet = reverse("print_sheet", args=[order_set.pk])
    assert physician.get(reverse("sheet_file", args=[first.pk])).content == b"file"
    withdraw_version(site.version)

    refused = physician.get(reverse("sheet_file", args=[first.pk]), follow=True)
    again = physician.post(print_sheet, {"paper": "A4"}, follow=True)
    physician.post(print_sheet, {"paper": "A4", "document": Document.NURSE_CHART}, follow=True)

    assert "out of date" in text_of(refused)
    assert again.content == b"file"
    before, *since = jobs
    assert not before.event.is_protocol_withdrawn
    # The nurse chart made at signing was never taken, and is not taken now.
    assert [(job.document, job.event.copy_number) for job in since] == [("order_set", 2), ("nurse_chart", 2)]
    for job in since:
        notices = furnish(job.content, job.state, job.event).notices
        assert WITHDRAWN_WORDS in [notice.text.strip() for notice in notices]


def test_a_version_restored_stands_again(site: Site) -> None:
    began = timezone.now()
    version = withdraw_version(site.version)
    withdrawn = timezone.now()
    version = protocol_actions.ask_to_restore(
        version=version, reason="It was right.", by=who("approver"), at=timezone.now()
    )
    protocol_actions.restore(version=version, by=who("reviewer"), at=timezone.now())

    assert withdrawn_since(site.version, at=began) is None
    since = withdrawn_since(site.version, at=withdrawn)
    assert since is not None
    assert began <= since <= withdrawn
    assert withdrawn_since(site.version, at=timezone.now()) is None
