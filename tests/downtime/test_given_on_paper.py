"""Immunoglobulin from paper is in every sum like a dose at the bedside, or the page says that it is not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.urls import reverse

from ivigsite.downtime.entries import OnPaper, enter_paper_order
from ivigsite.downtime.models import PaperOrder
from ivigsite.encounters.actions import PatientDetails, Place, admit_patient
from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.monitoring.models import Observation
from ivigsite.monitoring.times import minute_of
from ivigsite.orders import views
from ivigsite.orders.course_words import given_rows
from ivigsite.orders.discharge import Plan, discharge
from ivigsite.orders.exposure_summary import Exposure, exposure_of
from ivigsite.orders.given import from_paper
from ivigsite.orders.models import OrderLine, Outcome
from ivigsite.orders.response import Course, course_of
from protocols.engine.facts import UNKNOWN
from tests.orders.course import entered, give
from tests.orders.test_pages import text_of
from tests.orders.test_signing import choices, sign
from tests.scenario import Site, assess, build_site

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H07"), pytest.mark.hazard("H25")]

SIGNED = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
GIVEN = SIGNED + timedelta(hours=1)
NOW = SIGNED + timedelta(hours=12)
IVIG = "immune globulin intravenous (human)"


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """One assessment with its signed orders; nothing is given yet."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "render_ahead", lambda *, prints: None)
        with time_machine.travel(SIGNED - timedelta(minutes=20), tick=False):
            site = build_site(at=SIGNED - timedelta(minutes=20))
            made = assess(
                site,
                bleeding_level="life_threatening",
                bleeding_sites=["gi"],
                bleeding_findings=["haemodynamic_instability"],
                platelets_per_ul=6000,
                blood_group="a",
            )
        with time_machine.travel(SIGNED, tick=False):
            client = Client()
            client.force_login(site.physician)
            assert sign(client, made, choices(made)).status_code == 302
        yield site
        transaction.set_rollback(True)


@pytest.fixture
def site(built: Site, db: None) -> Site:
    return built


def enter(site: Site, *, corrects: PaperOrder | None = None, **changes: Any) -> PaperOrder:
    """An entry of 35 g given at `GIVEN`, but for the changes."""
    line: dict[str, Any] = {
        "form_number": "EM-17",
        "drug": IVIG,
        "dose_amount": Decimal(35),
        "dose_unit": "g",
        "details": "",
        "ordered_at": GIVEN - timedelta(minutes=30),
        "ordered_by": "Dr Pat Paper-Writer",
        "given_at": GIVEN,
        "given_by": "Nurse Kim Night-Shift",
    }
    return enter_paper_order(
        encounter=site.encounter,
        on_paper=OnPaper(**line | changes),
        idempotency_key=uuid4(),
        by=site.nurse,
        at=NOW,
        corrects=corrects,
        reason="" if corrects is None else "Misread",
    )


def enter_count(site: Site, per_ul: int, taken_at: datetime) -> Observation:
    return entered(site, "COUNT_24H", {"platelets_per_ul": per_ul}, taken_at)


NOT_GIVEN: dict[str, Any] = {"given_at": None, "given_by": ""}


def exposure(at: datetime = NOW) -> Exposure:
    found = exposure_of(Encounter.objects.get(), at=at)
    assert found is not None
    return found


def course() -> Course:
    return course_of(Encounter.objects.get(), at=NOW)


def bedside_line() -> OrderLine:
    return OrderLine.objects.select_related("order_set__encounter").get(kind="ivig")


def dosing_weight() -> Decimal:
    return Decimal(Assessment.objects.get().outcome["dosing_weight"]["kg"])


def page(site: Site, url: str) -> str:
    with time_machine.travel(NOW, tick=False):
        client = Client()
        client.force_login(site.physician)
        return text_of(client.get(url))


def test_dose_from_paper_counts_on_the_dosing_weight_like_one_at_the_bedside(site: Site) -> None:
    enter(site)

    found = exposure()

    assert found.recent_g_per_kg == found.course_g_per_kg == Decimal(35) / dosing_weight()
    assert exposure(GIVEN + timedelta(days=7)).recent_g_per_kg == 0
    assert exposure(GIVEN + timedelta(days=7)).course_g_per_kg == found.course_g_per_kg
    assert (found.watch, found.has_ivig, found.not_counted) == ("information", True, ())
    assert [str(day) for day in (found.serology_until, found.live_vaccine_from)] == [
        "2027-02-02",
        "2027-09-02",
    ]


def test_doses_from_paper_and_bedside_are_added_by_their_times(site: Site) -> None:
    give(site, bedside_line(), GIVEN - timedelta(minutes=20), minutes=10)
    enter(site, dose_amount=Decimal(105))

    found = exposure()

    ordered = Decimal(bedside_line().dose_amount)
    assert found.recent_g_per_kg == ordered / dosing_weight() + Decimal(105) / dosing_weight()
    assert found.watch == "warning"
    assert [dose.is_from_paper for dose in found.doses] == [False, True]


def test_second_dose_is_no_longer_proposed_when_it_was_given_on_paper(site: Site) -> None:
    give(site, bedside_line(), GIVEN - timedelta(minutes=20), minutes=10)
    assert course().repeat is not None

    enter(site)

    assert course().repeat is None


def test_second_dose_is_due_a_day_after_a_first_one_on_paper(site: Site) -> None:
    enter(site)

    repeat = course().repeat

    assert repeat is not None
    assert repeat.due_from == GIVEN + timedelta(days=1)
    assert course().start == GIVEN


def test_page_and_table_mark_what_is_from_paper(site: Site) -> None:
    enter(site)

    words = page(site, site.encounter.get_absolute_url())

    assert "35 g from paper, form EM-17" in words.replace("\u00a0", " ")
    (row,) = [row.words.replace("\u00a0", " ") for row in given_rows(course()) if "paper" in row.words]
    assert row == f"Immunoglobulin 35 g, {IVIG}, from paper"


def test_only_the_newest_correction_counts(site: Site) -> None:
    wrong = enter(site, dose_amount=Decimal(400))
    enter(site, corrects=wrong, dose_amount=Decimal(21))

    assert exposure().recent_g_per_kg == Decimal(21) / dosing_weight()


def test_amount_in_another_unit_is_an_unknown_amount_and_watched_as_the_most(site: Site) -> None:
    enter(site, dose_unit="mL")

    found = exposure()

    assert found.recent_g_per_kg is UNKNOWN
    assert found.watch == "warning"
    assert "Not known: an amount or weight is missing" in page(site, site.encounter.get_absolute_url())


def test_dose_without_any_assessment_has_no_weight_and_is_an_unknown_amount(site: Site) -> None:
    unassessed = admit_patient(
        details=PatientDetails(
            record_number="9990003334",
            family_name="Not-Assessed",
            given_name="Test",
            title="Mr",
            birth_date=date(1975, 6, 1),
            sex="male",
            allergies_known="none_known",
            allergies="",
        ),
        place=Place(ward=site.ward, bed="13", protocol_version=site.version),
        idempotency_key=uuid4(),
        entered={},
        by=site.physician,
        at=SIGNED,
    )
    enter(replace(site, encounter=unassessed))

    found = exposure_of(unassessed, at=NOW)

    assert found is not None
    assert found.recent_g_per_kg is UNKNOWN
    assert found.watch == "warning"
    assert course_of(unassessed, at=NOW).repeat is None


def test_dose_before_the_first_assessment_counts_on_the_weight_of_that(site: Site) -> None:
    early = SIGNED - timedelta(hours=2)
    enter(site, ordered_at=early, given_at=early)

    assert exposure().recent_g_per_kg == Decimal(35) / dosing_weight()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (NOT_GIVEN, "It is not noted whether it was given."),
        ({"drug": "Some immunoglobulin"}, "The protocol does not know this drug."),
        ({"drug": "Some immunoglobulin", **NOT_GIVEN}, "It is not noted whether it was given."),
        (
            {"drug": "platelets", "dose_unit": "adult dose", **NOT_GIVEN},
            "It is not noted whether it was given.",
        ),
    ],
)
def test_entry_that_cannot_be_counted_is_named_wherever_it_matters(
    site: Site, changes: dict[str, Any], reason: str
) -> None:
    entry = enter(site, **changes)

    said = f"Not counted: {entry.drug} 35 {entry.dose_unit}, from paper, form EM-17."
    (words,) = exposure().not_counted
    assert words.startswith(said)
    assert reason in words
    assert exposure().doses == ()
    for url in (
        site.encounter.get_absolute_url(),
        reverse("assess", args=[site.encounter.pk]),
        reverse("emergency", args=[site.encounter.pk]),
    ):
        assert said in page(site, url)


@pytest.mark.hazard("H24")
def test_platelets_from_paper_lift_the_counts_of_the_day_after_them(site: Site) -> None:
    give(site, bedside_line(), GIVEN - timedelta(minutes=20), minutes=10)
    soon, next_day = GIVEN + timedelta(hours=24), GIVEN + timedelta(hours=25, minutes=1)
    before = enter_count(site, 70_000, soon)
    enter(
        site,
        drug="platelets",
        dose_amount=Decimal(1),
        dose_unit="adult dose",
        label_numbers=("G1",),
        abo_group="a",
    )
    again = enter_count(site, 70_000, soon)
    later = enter_count(site, 70_000, next_day)

    found = course_of(Encounter.objects.get(), at=next_day)

    # The longest of its regimens runs an hour; 24 hours after that the count is the patient's own.
    assert {minute_of(soon)} == found.influenced
    assert [judged.response.value for judged in found.judged if judged.is_influenced] == ["unknown"]
    assert (before.level, again.level, later.level) == ("normal", "not_judged", "normal")
    assert found.increments[-1].missing[0] == "end"
    label = "lot or unit G1, ABO A, RhD not known, collected on a day not known"
    assert f"Platelets, {label}, from paper" in [row.words for row in given_rows(found)]
    assert exposure().not_counted == ()
    assert str(exposure().live_vaccine_from) == "2027-09-02"
    words = page(site, reverse("assess", args=[site.encounter.pk]))
    assert "Given on paper: platelets, 02-Nov-2026 09:00, form EM-17." in words


def test_entry_beside_counted_doses_leaves_the_sum_and_is_named_with_it(site: Site) -> None:
    enter(site)
    enter(site, form_number="EM-18", **NOT_GIVEN)

    found = exposure()

    assert found.recent_g_per_kg == Decimal(35) / dosing_weight()
    assert len(found.not_counted) == 1
    assert "form EM-18" in found.not_counted[0]


def test_assessment_names_a_counted_dose_before_it_asks_of_earlier_ones(site: Site) -> None:
    enter(site)

    words = page(site, reverse("assess", args=[site.encounter.pk])).replace("\u00a0", " ")

    assert "Immunoglobulin was given on paper: 35 g, 2 Nov 2026, 09:00, form EM-17." in words


def test_corticosteroid_from_paper_is_in_no_sum_and_needs_no_word(site: Site) -> None:
    enter(site, drug="predniSONE", dose_unit="mg")

    assert exposure_of(Encounter.objects.get(), at=NOW) is None
    assert from_paper(Encounter.objects.get()).not_counted == ()


def test_discharge_summary_names_both(site: Site) -> None:
    enter(site)
    enter(site, form_number="EM-18", **NOT_GIVEN)
    encounter = Encounter.objects.get()

    made = discharge(
        encounter=encounter,
        version=encounter.version,
        plan=Plan(outcome=Outcome.RESPONDED, appointment="", appointment_on=None, comment=""),
        idempotency_key=uuid4(),
        by=site.physician,
        at=NOW,
    )

    summary, leaflet = str(made.papers["summary"]), str(made.papers["leaflet"])
    assert f"Immunoglobulin 35 g, {IVIG}, from paper" in summary.replace("\\xa0", " ").replace("\u00a0", " ")
    assert "form EM-18. It is not noted whether it was given." in summary
    assert "You had a drip of immunoglobulin: 02-Nov-2026." in leaflet
