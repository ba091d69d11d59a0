"""What was given although it should not have been: refused, asked again, kept with its reason, told."""

import re
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.board import handover_lines
from ivigsite.orders.administration import NotConfirmed, NotGiven, Unit, Vials, note_unit, note_vials
from ivigsite.orders.corrections import Why, correct_product
from ivigsite.orders.discharge import Plan, discharge, paper_of
from ivigsite.orders.discrepancies import AllTheSame
from ivigsite.orders.given import given_in
from ivigsite.orders.handover_paper import handover_paper
from ivigsite.orders.lot_recall import recipients
from ivigsite.orders.models import CorrectionReason, Discrepancy, GivenProduct, OrderLine, Outcome
from ivigsite.orders.reactions import warnings_for
from protocols.engine.course import Act
from tests.orders.test_infusion import Bedside, page_of
from tests.scenario import Site, assess

pytestmark = pytest.mark.django_db

SAID = "Taken from the wrong shelf"
START_NOT_NOTED = "A start is not noted: its checks wait for it"
OCTAGAM = AllTheSame(tokens=frozenset({"other_product:Octagam 10%"}), reason=SAID)
OF_2020 = AllTheSame(tokens=frozenset({"expired:2020-01-31"}), reason=SAID)
BOTH = AllTheSame(tokens=OCTAGAM.tokens | OF_2020.tokens, reason=SAID)


@pytest.fixture
def site(signed_hours_ago: tuple[Site, UUID], db: None) -> Site:
    return signed_hours_ago[0]


@pytest.fixture
def bedside(signed_hours_ago: tuple[Site, UUID], site: Site) -> Bedside:
    lines = OrderLine.objects.select_related("order_set__encounter__patient", "order_set__assessment")
    return Bedside(lines.get(order_set=signed_hours_ago[1], kind="ivig"), site)


def note(bedside: Bedside, **changes: Any) -> GivenProduct:
    told: dict[str, Any] = {
        "product": "privigen",
        "lot_number": "P100",
        "expires_on": date(2099, 1, 31),
        "grams": Decimal(10),
        "count": 2,
    }
    return note_vials(
        line=bedside.line,
        dose_number=1,
        vials=Vials(**{**told, **changes}),
        given_at=bedside.at(0),
        idempotency_key=uuid4(),
        by=bedside.site.nurse,
        at=bedside.at(1),
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"product": "octagam_10"}, AllTheSame()),
        ({"product": "octagam_10"}, AllTheSame(tokens=OCTAGAM.tokens)),
        ({"product": "octagam_10"}, AllTheSame(reason=SAID)),
        ({"product": "octagam_10"}, OF_2020),
        ({"product": "octagam_10", "expires_on": date(2020, 1, 31)}, OCTAGAM),
        ({"expires_on": date(2020, 1, 31)}, OCTAGAM),
        ({"expires_on": date(2021, 1, 31)}, OF_2020),
    ],
    ids=["nothing", "no reason", "no tick", "another tick", "one of two", "of the product", "another day"],
)
def test_what_should_not_be_given_is_kept_only_when_that_very_thing_is_confirmed(
    bedside: Bedside, changes: dict[str, Any], said: AllTheSame
):
    with pytest.raises(NotConfirmed, match="Do not give it"):
        note(bedside, **changes, all_the_same=said)

    assert not GivenProduct.as_entered.exists()
    assert not Discrepancy.as_entered.exists()


def test_what_was_given_all_the_same_is_kept_with_its_reason_and_found_in_a_recall(bedside: Bedside):
    note(
        bedside,
        product="octagam_10",
        lot_number="K77",
        expires_on=date(2020, 1, 31),
        grams=Decimal(5),
        all_the_same=BOTH,
    )

    kept = {each.kind: (each.ordered, each.reason) for each in Discrepancy.objects.all()}
    assert kept == {"other_product": ("Privigen", SAID), "expired": ("", SAID)}
    (found,) = recipients(product="octagam", lot="K77", unit="")
    assert found.discrepancies == (
        f"Expired when given: {SAID}",
        f"Not the product ordered (Privigen): {SAID}",
    )
    details = AuditEntry.objects.get(action="administration.product").details
    assert details["discrepancies"] == ["other_product", "expired"]


def test_product_that_the_protocol_does_not_know_goes_by_its_name(bedside: Bedside):
    with pytest.raises(NotGiven, match="Type the name"):
        note(bedside, product="unlisted", all_the_same=OCTAGAM)

    said = AllTheSame(tokens=frozenset({"other_product:Imported 12%"}), reason=SAID)
    note(bedside, product="unlisted", product_name="Imported 12%", grams=Decimal(6), all_the_same=said)

    assert [row.product for row in recipients(product="imported", lot="P100", unit="")] == ["Imported 12%"]
    assert given_in_grams(bedside) == 12


def given_in_grams(bedside: Bedside) -> Any:
    bedside.note(Act.START, 0, reason="physician")
    (dose,) = given_in(Encounter.objects.get(pk=bedside.site.encounter.pk)).doses
    return dose.grams


def test_product_that_is_ordered_and_in_date_has_no_discrepancy(bedside: Bedside):
    note(bedside, all_the_same=BOTH)

    assert not Discrepancy.as_entered.exists()


def test_label_holds_to_the_end_of_its_day(bedside: Bedside):
    today = timezone.localdate(bedside.at(0))

    note(bedside, expires_on=today)

    assert not Discrepancy.as_entered.exists()


def test_rates_of_the_plan_are_not_followed_for_another_product_without_a_reason(bedside: Bedside):
    note(bedside, product="octagam_10", all_the_same=OCTAGAM)

    with pytest.raises(NotGiven, match="not its rates"):
        bedside.note(Act.START, 0)
    bedside.note(Act.START, 0, reason="physician")
    with pytest.raises(NotGiven, match="not its rates"):
        bedside.note(Act.STEP_UP, 40)


def test_reaction_is_held_against_the_product_that_was_truly_given(bedside: Bedside, site: Site):
    note(bedside, product="octagam_10", all_the_same=OCTAGAM)
    bedside.note(Act.START, 0, reason="physician")
    bedside.note(Act.REACTION, 12, grade=3)
    again = assess(site)

    assert "Octagam 10%" in warnings_for(again, "octagam_10")[0]
    assert warnings_for(again, "privigen") == []


def test_expired_unit_is_kept_when_it_is_in_the_patient(bedside: Bedside, site: Site):
    told: dict[str, Any] = {
        "line": bedside.line.order_set.lines.get(kind="platelets"),
        "dose_number": 1,
        "given_at": bedside.at(0),
        "by": site.nurse,
        "at": bedside.at(1),
    }
    unit: dict[str, Any] = {"unit_number": "G9", "product_name": "", "expires_on": date(2020, 1, 31)}
    with pytest.raises(NotConfirmed, match="has expired"):
        note_unit(idempotency_key=uuid4(), unit=Unit(**unit), **told)

    note_unit(idempotency_key=uuid4(), unit=Unit(**unit, all_the_same=OF_2020), **told)

    assert [row.unit_number for row in recipients(product="", lot="", unit="g9")] == ["G9"]


def test_handover_says_first_what_should_not_have_been_given(bedside: Bedside, site: Site):
    note(bedside, product="octagam_10", lot_number="K77", all_the_same=OCTAGAM)

    (line,) = handover_lines(site.nurse, ward="", at=timezone.now())
    paper = handover_paper(site.nurse, ward="", at=timezone.now())
    client = Client()
    client.force_login(site.nurse)

    said = "Not the product ordered: Octagam 10%, lot K77; Privigen is ordered"
    assert line.noted == (said, START_NOT_NOTED)
    assert line.needs_somebody
    assert any(said in item for part in paper.parts for item in part.items)
    assert said in client.get(reverse("handover")).content.decode()
    assert said in client.get(site.encounter.get_absolute_url()).content.decode()


def test_discharge_summary_tells_it_to_whoever_comes_next(bedside: Bedside, site: Site):
    note(bedside, product="octagam_10", lot_number="K77", all_the_same=OCTAGAM)
    encounter = Encounter.objects.get(pk=site.encounter.pk)

    made = discharge(
        encounter=encounter,
        version=encounter.version,
        plan=Plan(outcome=Outcome.RESPONDED, appointment="", appointment_on=None, comment=""),
        idempotency_key=uuid4(),
        by=site.physician,
        at=timezone.now(),
    )

    summary = paper_of(made, "summary")
    assert summary is not None
    (given,) = (part.items for part in summary.parts if part.heading == "Given")
    assert f"Not the product ordered: Octagam 10%, lot K77; Privigen is ordered. {SAID}" in given


def test_discrepancy_goes_with_the_entry_that_is_corrected(bedside: Bedside, site: Site):
    kept = note(bedside, product="octagam_10", all_the_same=OCTAGAM)

    correct_product(
        given=kept,
        product=Vials(
            product="privigen",
            lot_number="P100",
            expires_on=date(2099, 1, 31),
            grams=Decimal(10),
            count=2,
        ),
        given_at=bedside.at(0),
        why=Why(reason=CorrectionReason.MISREAD, words=""),
        idempotency_key=uuid4(),
        by=site.nurse,
        at=bedside.at(5),
    )

    assert not Discrepancy.objects.exists()
    assert Discrepancy.as_entered.count() == 1
    (line,) = handover_lines(site.nurse, ward="", at=timezone.now())
    assert line.noted == (START_NOT_NOTED,)


@pytest.mark.parametrize("sql", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}"])
def test_discrepancy_never_changes(bedside: Bedside, sql: str):
    note(bedside, product="octagam_10", all_the_same=OCTAGAM)

    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        connection.cursor().execute(sql.format("orders_discrepancy"))


def test_page_asks_once_more_and_keeps_what_was_typed(bedside: Bedside, site: Site):
    nurse = Client()
    nurse.force_login(site.nurse)
    order_set = bedside.line.order_set
    to = reverse("note_given", args=[order_set.pk])
    first = page_of(nurse, order_set)
    form = next(each for each in first.context["shown"] if each.dose.is_ivig).product_form
    names = ("form", "line", "dose_number", "seen", "idempotency_key")
    answers = {name: str(form[name].value()) for name in names} | {
        "happened_at": timezone.localtime(bedside.at(0)).strftime("%d-%b-%Y %H:%M"),
        "product": "octagam_10",
        "lot_number": "k 77",
        "expires_on": "31-Jan-2020",
        "grams": "10",
        "count": "2",
    }
    # The second question is not there before the label is read, so nobody ticks it by habit.
    assert "given all the same" not in first.content.decode()

    asked = nurse.post(to, answers)
    ticked = {"all_the_same": sorted(BOTH.tokens)}
    unsaid = nurse.post(to, answers | ticked)
    stored = nurse.post(to, answers | ticked | {"how_it_came": f"{SAID} <b>"})

    words = asked.content.decode()
    assert (asked.status_code, unsaid.status_code, stored.status_code) == (422, 422, 302)
    assert "Privigen is ordered, not Octagam 10%" in words
    assert words.count("It was given all the same") == 2
    assert 'value="k 77"' in words
    assert "Say how it came about" in unsaid.content.decode()
    assert len(re.findall(r'name="all_the_same"[^>]* checked', unsaid.content.decode())) == 2
    shown = page_of(nurse, order_set).content.decode()
    assert "Not the product ordered: Octagam 10%, lot K77; Privigen is ordered" in shown
    assert f"{SAID} &lt;b&gt;" in shown
    assert Discrepancy.objects.count() == 2
