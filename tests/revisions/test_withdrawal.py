"""A version is withdrawn: every open encounter and live sheet says so at the next look; and the recall."""

import csv
from io import StringIO

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.encounters import actions
from ivigsite.encounters.models import Encounter
from ivigsite.orders.models import OrderSet
from tests.orders.test_pages import text_of
from tests.orders.test_signing import choices, sign
from tests.revisions.test_workspace import as_
from tests.revisions.versions import withdraw_version
from tests.scenario import Site, assess

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H19")]


def pages_of(site: Site, order_set: OrderSet) -> list[str]:
    """Every page that somebody with this encounter in hand may have before them."""
    encounter = [site.encounter.pk]
    return [
        reverse("patient", args=[site.encounter.patient_id]),
        site.encounter.get_absolute_url(),
        *(reverse(name, args=encounter) for name in ("assess", "checklist", "discharge")),
        order_set.assessment.get_absolute_url(),
        order_set.get_absolute_url(),
        reverse("void_order_set", args=[order_set.pk]),
        reverse("infusion", args=[order_set.pk]),
    ]


def test_every_page_of_an_open_encounter_and_every_live_sheet_says_at_once_that_it_is_withdrawn(
    site: Site, physician: Client
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
