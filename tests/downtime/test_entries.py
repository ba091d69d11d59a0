"""Orders from paper: the paper's times and people beside those of the entry, and nothing ever changed."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.downtime.entries import CannotEnter, OnPaper, drugs_of, enter_paper_order, most_on_a_form
from ivigsite.downtime.models import PaperOrder
from ivigsite.encounters.actions import close_encounter
from ivigsite.orders.lot_recall import once_named, recipients
from ivigsite.parsing.dates import format_date, format_datetime
from protocols.engine.lookup import of
from tests.orders.test_pages import text_of
from tests.scenario import Site, build_site, shipped

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H25")]
IVIG = "immune globulin intravenous (human), g"


@pytest.fixture
def site(db: None) -> Site:
    return build_site(at=timezone.now() - timedelta(hours=8))


@pytest.fixture
def nurse(site: Site, client: Client) -> Client:
    client.force_login(site.nurse)
    return client


def typed(at: datetime | None) -> str:
    assert at is not None
    return format_datetime(at, timezone.get_default_timezone())


def line(**changes: Any) -> dict[str, str]:
    ordered = timezone.now() - timedelta(hours=3)
    return {
        "form_number": "EM-17",
        "drug": IVIG,
        "dose": "70",
        "details": "intravenously, by the rate table",
        "ordered_by": "Dr Pat Paper-Writer",
        "ordered_at": typed(ordered),
        "given_by": "Nurse Kim Night-Shift",
        "given_at": typed(ordered + timedelta(hours=1)),
        "idempotency_key": str(uuid4()),
        **changes,
    }


def enter(client: Client, site: Site, data: dict[str, str]) -> Any:
    return client.post(reverse("paper_orders", args=[site.encounter.pk]), data)


def test_an_entry_keeps_the_papers_time_and_person_apart_from_its_own(nurse: Client, site: Site) -> None:
    data = line()

    answer = enter(nurse, site, data)

    assert answer.status_code == 302
    made = PaperOrder.objects.get()
    assert (made.ordered_by, typed(made.ordered_at)) == ("Dr Pat Paper-Writer", data["ordered_at"])
    assert (made.given_by, typed(made.given_at)) == ("Nurse Kim Night-Shift", data["given_at"])
    assert made.entered_by == site.nurse
    assert timezone.now() - made.entered_at < timedelta(minutes=2)
    assert (made.drug, made.dose_amount, made.dose_unit) == (IVIG.removesuffix(", g"), "70", "g")
    assert made.protocol_version == site.version
    assert AuditEntry.objects.get(action="downtime.entered").actor == site.nurse


def test_it_is_shown_on_the_encounter_with_both_times_and_people(nurse: Client, site: Site) -> None:
    data = line()
    enter(nurse, site, data)

    page = text_of(nurse.get(site.encounter.get_absolute_url()))

    made = PaperOrder.objects.get()
    for words in (
        "immune globulin intravenous (human) 70 g",
        "From paper, form EM-17",
        f"Ordered on paper by Dr Pat Paper-Writer, {timezone.localtime(made.ordered_at):%d-%b-%Y %H:%M}",
        "Given by Nurse Kim Night-Shift",
        f"Entered by {site.nurse.full_name}, {timezone.localtime(made.entered_at):%d-%b-%Y %H:%M}",
    ):
        assert words in page
    # In the timeline at its own time: above the opening of the encounter, which was before it.
    assert page.index("Ordered on paper") < page.index("Encounter opened")


def test_the_same_form_sent_twice_is_entered_once(nurse: Client, site: Site) -> None:
    data = line()

    assert [enter(nurse, site, data).status_code for _ in range(2)] == [302, 302]
    assert PaperOrder.objects.count() == 1


def test_the_key_of_another_entry_stores_nothing(nurse: Client, site: Site) -> None:
    data = line()
    enter(nurse, site, data)
    nurse.force_login(site.physician)

    answer = enter(nurse, site, data)

    assert answer.status_code == 422
    assert PaperOrder.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"form_number": ""}, "Enter some text."),
        ({"drug": "aspirin, mg"}, "Choose"),
        ({"dose": ""}, "Enter a value."),
        ({"dose": "70,5"}, "full stop"),
        ({"dose": "7e1"}, "exponent"),
        ({"dose": "0"}, "below the limit"),
        ({"ordered_by": ""}, "Enter the name."),
        ({"given_by": ""}, "Enter both who gave it and when, or neither."),
        ({"given_at": ""}, "Enter both who gave it and when, or neither."),
        ({"ordered_by": "a\u202eb"}, "hidden character"),
        ({"ordered_at": "tomorrow"}, "date"),
    ],
)
def test_what_cannot_stand_on_a_form_is_refused_and_nothing_typed_is_lost(
    nurse: Client, site: Site, changes: dict[str, str], words: str
) -> None:
    data = line(**changes)

    answer = enter(nurse, site, data)

    assert answer.status_code == 422
    assert words in text_of(answer)
    assert "There is a problem" in text_of(answer)
    assert data["details"] in answer.content.decode()
    assert not PaperOrder.objects.exists()


PLATELETS = {"drug": "platelets, adult dose", "dose": "1"}
GROUP = {"abo_group": "a", "rhd": "negative", "collected_on": "2-Nov-2025"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (GROUP, "Only a platelet unit has it here. Leave it open."),
        ({**PLATELETS, "abo_group": "c"}, "Choose"),
        ({**PLATELETS, "collected_on": "1-Feb-2099"}, "Enter a day that has been."),
        ({"label_numbers": "P1", "given_at": "", "given_by": ""}, "A label is of what was given"),
        ({"label_numbers": ",".join(f"P{number:08}" for number in range(25))}, "Enter fewer numbers"),
    ],
)
def test_a_label_that_cannot_be_is_refused_and_nothing_typed_is_lost(
    nurse: Client, site: Site, changes: dict[str, str], words: str
) -> None:
    answer = enter(nurse, site, line(**changes))

    assert answer.status_code == 422
    assert words in text_of(answer)
    assert not PaperOrder.objects.exists()


def test_a_unit_cannot_have_been_collected_after_it_was_given(nurse: Client, site: Site) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    times = {"ordered_at": typed(yesterday), "given_at": typed(yesterday)}
    answer = enter(nurse, site, line(**PLATELETS, **times, collected_on=format_date(timezone.localdate())))

    assert answer.status_code == 422
    assert "It was collected after it was given." in text_of(answer)


@pytest.mark.hazard("H24")
def test_a_recall_finds_what_was_given_on_paper_until_it_is_corrected_and_after(
    nurse: Client, site: Site
) -> None:
    enter(nurse, site, line(**PLATELETS, **GROUP, label_numbers="g 77, g78"))
    enter(nurse, site, line(label_numbers="P100"))
    enter(nurse, site, line(label_numbers="P1000"))
    unit = PaperOrder.objects.get(label_numbers="G77, G78")

    (found,) = recipients(product="", lot="", unit="g78")
    (lot,) = recipients(product="immune", lot="p100", unit="")
    shown = text_of(nurse.get(reverse("paper_orders", args=[site.encounter.pk])))

    assert (found.record_number, found.order_set) == (
        site.encounter.patient.record_number,
        "paper form EM-17",
    )
    assert found.group_words == "ABO A, RhD negative, collected 02-Nov-2025"
    # As a unit that was noted at the bedside, on the page and in the file of the recall.
    assert (found.abo_group, found.rhd, found.collected_on) == ("A", "negative", "02 Nov 2025")
    assert {"A", "negative", "02 Nov 2025"} <= set(found.cells)
    assert (lot.abo_group, lot.rhd, lot.collected_on) == ("", "", "")
    assert found.amount == "1 adult dose"
    assert (lot.amount, lot.group_words, lot.given_at) == (
        "70 g",
        "",
        PaperOrder.objects.get(label_numbers="P100").given_at,
    )
    assert recipients(product="gammagard", lot="P100", unit="") == []
    assert "Label: lot or unit G77, G78, ABO A, RhD negative, collected 02-Nov-2025." in shown

    correct = reverse("correct_paper_order", args=[unit.pk])
    form = nurse.get(correct).context["form"]
    kept = {name: str(form[name].value()) for name in ("label_numbers", "abo_group", "rhd")}
    assert kept == {"label_numbers": "G77, G78", "abo_group": "a", "rhd": "negative"}
    nurse.post(correct, line(**PLATELETS, label_numbers="G77", reason="Misread"))

    assert recipients(product="", lot="", unit="G78") == []
    (once,) = once_named(product="", lot="", unit="G78")
    assert (once.because, once.now) == ("Misread", "platelets G77")
    (bare,) = recipients(product="", lot="", unit="G77")
    assert (bare.abo_group, bare.rhd, bare.group_words) == ("", "", "")
    assert once_named(product="", lot="", unit="G77") == []


@pytest.mark.parametrize("field", ["ordered_at", "given_at"])
def test_the_future_is_refused(nurse: Client, site: Site, field: str) -> None:
    answer = enter(nurse, site, line(**{field: typed(timezone.now() + timedelta(days=1))}))

    assert answer.status_code == 422
    assert "Enter a time that has been." in text_of(answer)


def test_what_was_given_before_it_was_ordered_is_refused(nurse: Client, site: Site) -> None:
    answer = enter(nurse, site, line(given_at=typed(timezone.now() - timedelta(hours=5))))

    assert answer.status_code == 422
    assert "Enter a time after the order and before now." in text_of(answer)


def test_a_dose_above_every_table_is_asked_again(nurse: Client, site: Site) -> None:
    answer = enter(nurse, site, line(dose="700"))
    assert answer.status_code == 422
    assert "No form or table of the version has more than 250 g." in text_of(answer)

    assert enter(nurse, site, line(dose="700", is_more_than_any="on")).status_code == 302
    assert PaperOrder.objects.get().dose_amount == "700"


def test_the_largest_dose_is_that_of_the_versions_own_tables() -> None:
    protocol = shipped()
    high = next(
        row.soft_maximum
        for row in protocol.input_limits
        if (row.fact, row.population) == ("weight_kg", "adult")
    )

    most = {
        name: most_on_a_form(protocol, name.removesuffix(f", {unit}"), unit)
        for name, unit in drugs_of(protocol).items()
    }

    assert most[IVIG] == high
    assert most["predniSONE, mg"] == next(row.cap for row in protocol.regimens if row.key == "PRED_1")
    assert most["dexAMETHasone, mg"] == of(protocol).families["DEX_4"][0][1].amount
    assert most["platelets, adult dose"] == Decimal(2)


def test_a_correction_takes_the_place_of_an_entry_which_stays(nurse: Client, site: Site) -> None:
    enter(nurse, site, line(dose="7"))
    wrong = PaperOrder.objects.get()
    address = reverse("correct_paper_order", args=[wrong.pk])
    assert 'value="7"' in nurse.get(address).content.decode()

    without = nurse.post(address, line(dose="70"))
    answer = nurse.post(address, line(dose="70", reason="Misread"))
    again = nurse.post(address, line(dose="71", reason="Misread again"))

    assert (without.status_code, answer.status_code, again.status_code) == (422, 302, 422)
    assert "It was corrected meanwhile." in text_of(again)
    (current,) = PaperOrder.objects.current()
    assert (current.corrects, current.dose_amount, current.reason) == (wrong, "70", "Misread")
    page = text_of(nurse.get(site.encounter.get_absolute_url()))
    assert "Corrected" in page
    assert "Correction: Misread" in page


@pytest.mark.parametrize(
    "change", ["UPDATE downtime_paperorder SET dose_amount = '700'", "DELETE FROM downtime_paperorder"]
)
def test_an_entry_is_never_changed_not_even_by_raw_sql(nurse: Client, site: Site, change: str) -> None:
    enter(nurse, site, line())

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)

    assert PaperOrder.objects.get().dose_amount == "70"


@pytest.mark.parametrize(
    "changes",
    [
        {"ordered_at": timezone.now() + timedelta(days=1)},
        {"given_by": "Nurse Kim Night-Shift"},
        {"given_by": "Nurse Kim Night-Shift", "given_at": timezone.now() - timedelta(days=2)},
        {"reason": "A correction of nothing"},
        {"ordered_by": ""},
        {"label_numbers": "P1"},
        {"collected_on": date(2026, 11, 2)},
        {"given_by": "Nurse Kim", "given_at": timezone.now() - timedelta(hours=1), "abo_group": "c"},
    ],
    ids=[
        *("future", "given without a time", "given before ordered", "reason alone", "nobody ordered"),
        *("label of nothing", "day of nothing", "no such group"),
    ],
)
def test_the_database_refuses_what_no_paper_can_say(site: Site, changes: dict[str, Any]) -> None:
    now = timezone.now()
    values: dict[str, Any] = {
        "encounter": site.encounter,
        "protocol_version": site.version,
        "form_number": "EM-17",
        "drug": "predniSONE",
        "dose_amount": "60",
        "dose_unit": "mg",
        "ordered_at": now - timedelta(days=1),
        "ordered_by": "Dr Pat Paper-Writer",
        "entered_at": now,
        "entered_by": site.nurse,
        "idempotency_key": uuid4(),
    }

    with pytest.raises(DatabaseError), transaction.atomic():
        PaperOrder.objects.create(**{**values, **changes})


def test_nothing_is_entered_into_a_closed_encounter_or_from_another_ward(nurse: Client, site: Site) -> None:
    enter(nurse, site, line())
    entry = PaperOrder.objects.get()
    close_encounter(
        encounter=site.encounter,
        reason="Discharged",
        version=site.encounter.version,
        by=site.physician,
        at=timezone.now(),
    )
    assert "The encounter is closed" in text_of(enter(nurse, site, line()))
    nurse.force_login(site.elsewhere)

    answers = [enter(nurse, site, line()), nurse.get(reverse("correct_paper_order", args=[entry.pk]))]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert AuditEntry.objects.filter(action="paper_order.denied", object_id=entry.pk).count() == 1
    assert PaperOrder.objects.count() == 1


def test_a_late_clock_is_refused_by_the_action_itself(site: Site) -> None:
    now = timezone.now()
    on_paper = OnPaper(
        form_number="EM-17",
        drug="predniSONE",
        dose_amount=Decimal(60),
        dose_unit="mg",
        details="",
        ordered_at=now + timedelta(seconds=1),
        ordered_by="Dr Pat Paper-Writer",
        given_at=None,
        given_by="",
    )

    with pytest.raises(CannotEnter, match="time that has been") as refusal:
        enter_paper_order(
            encounter=site.encounter, on_paper=on_paper, idempotency_key=uuid4(), by=site.nurse, at=now
        )

    assert refusal.value.field == "ordered_at"
