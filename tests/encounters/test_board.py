"""The board: every open encounter of one's wards, in a fixed number of queries."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.encounters.actions import (
    FIELDS,
    PatientDetails,
    Place,
    admit_patient,
    close_encounter,
    correct_patient,
)
from ivigsite.encounters.board import ago, look_alikes
from ivigsite.encounters.models import Encounter
from ivigsite.encounters.trend import trend_of
from ivigsite.monitoring.models import Cause, MonitoringTask
from tests.scenario import Site, assess, person

pytestmark = pytest.mark.django_db

Queries = Callable[..., Any]


def admit(site: Site, number: int, family_name: str) -> Encounter:
    return admit_patient(
        details=PatientDetails(
            record_number=f"N{number}",
            family_name=family_name,
            given_name="Test",
            title="",
            birth_date=date(1970, 1, 1),
            sex="male",
            allergies_known="not_recorded",
            allergies="",
        ),
        place=Place(ward=site.ward, bed=str(number), protocol_version=site.version),
        idempotency_key=uuid4(),
        entered={},
        by=site.physician,
        at=timezone.now(),
    )


def test_board_takes_as_many_queries_for_twenty_as_for_one(
    physician: Client, site: Site, django_assert_num_queries: Queries
):
    assess(site)
    with django_assert_num_queries(10):
        physician.get(reverse("board_rows"))
    for number in range(19):
        admit(site, number, f"Example{number}")

    with django_assert_num_queries(10):
        response = physician.get(reverse("board_rows"))

    assert len(response.context["rows"]) == 20


def test_board_that_did_not_change_is_not_drawn_again(
    physician: Client, site: Site, django_assert_num_queries: Queries
):
    assess(site)
    first = physician.get(reverse("board_rows"))

    # Two of them ask for the checks that are due.
    with django_assert_num_queries(8):
        second = physician.get(reverse("board_rows"))

    assert second.context["rows"] == first.context["rows"]


def test_line_is_drawn_again_when_something_in_it_changed(physician: Client, site: Site):
    assess(site, platelets_per_ul=18000)
    physician.get(reverse("board_rows"))
    assess(site, platelets_per_ul=31000)

    page = physician.get(reverse("board_rows")).content.decode()

    assert "31,000 per microlitre (31 x 10⁹ per litre)" in page
    assert 'data-grade="3"' in page


def test_board_is_whole_even_when_old_drawings_are_forgotten(
    physician: Client, site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ivigsite.encounters.drawings.MOST_CHARACTERS", 3000)
    for number in range(5):
        admit(site, number, f"Example{number}")
    physician.get(reverse("board_rows"))
    admit(site, 9, "Newcomer")

    rows = physician.get(reverse("board_rows")).context["rows"]

    assert len(rows) == 7
    assert all("board-name" in row.cells for row in rows)


def test_corrected_name_is_on_the_board_at_once(physician: Client, site: Site):
    physician.get(reverse("board_rows"))
    patient = site.encounter.patient
    details = {name: getattr(patient, name) for name in FIELDS}
    correct_patient(
        patient=patient,
        version=1,
        details=PatientDetails(**{**details, "given_name": "Corrected"}),
        by=site.physician,
        at=timezone.now(),
    )

    assert "Corrected" in physician.get(reverse("board_rows")).content.decode()


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-3), "0 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(minutes=185), "3 h 5 min ago"),
        (timedelta(hours=50), "2 d 2 h ago"),
    ],
)
def test_age_is_told_in_its_two_largest_units(age: timedelta, words: str):
    assert ago(age) == words


def test_board_shows_the_last_count_with_its_grade(physician: Client, site: Site):
    assess(site)

    page = physician.get(reverse("board")).content.decode()

    assert "18,000 per microlitre (18 x 10⁹ per litre)" in page
    assert 'data-grade="4"' in page
    assert "No orders signed" in page


def test_patient_without_assessment_stands_first(physician: Client, site: Site):
    assess(site)
    admit(site, 1, "Later")

    rows = physician.get(reverse("board")).context["rows"]

    assert [row.grade for row in rows] == [None, 4]
    assert rows[0].age == ""


def test_rows_refresh_without_the_page(physician: Client, site: Site):
    headers = {"HX-Request": "true", "X-Poll": "1"}

    page = physician.get(reverse("board_rows"), headers=headers).content.decode()

    assert page.lstrip().startswith('<div id="board_rows"')
    assert "<html" not in page


@pytest.mark.hazard("H23")
def test_refreshing_does_not_keep_a_session_alive(physician: Client, site: Site):
    before = site.physician.sign_ins.get().last_active_at

    physician.get(reverse("board_rows"))

    assert site.physician.sign_ins.get().last_active_at == before


def test_filter_keeps_the_refresh_to_itself(physician: Client, site: Site):
    page = physician.get(reverse("board"), {"show": "mine"}).content.decode()

    assert f'hx-get="{reverse("board_rows")}?show=mine"' in page


@pytest.mark.parametrize("query", [{"o": "password"}, {"o": "__class__"}, {"ward": "'"}, {"show": "\u202e"}])
def test_strange_filter_is_no_error(physician: Client, site: Site, query: dict[str, str]):
    assert physician.get(reverse("board"), query).status_code == 200


def test_mine_are_the_encounters_i_own(physician: Client, site: Site):
    other = admit(site, 1, "Other")
    Encounter.objects.filter(pk=other.pk).update(owner=site.nurse)

    rows = physician.get(reverse("board"), {"show": "mine"}).context["rows"]

    assert [row.encounter_id for row in rows] == [site.encounter.pk]


def test_closed_encounter_leaves_the_board(physician: Client, site: Site):
    close_encounter(encounter=site.encounter, version=1, reason="Home", by=site.physician, at=timezone.now())

    response = physician.get(reverse("board"))

    assert response.context["rows"] == []
    assert "patients of other wards, are not on this list" in response.content.decode()


def test_empty_filter_does_not_look_like_an_empty_ward(nurse: Client, site: Site):
    page = nurse.get(reverse("board"), {"show": "mine"}).content.decode()

    assert "No open encounter matches this filter" in page


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Meyer", "Meyer", True),
        ("Meyer", "Meier", True),
        ("Müller", "Muller", True),
        ("Jansen", "Janssen", True),
        ("Brian", "Brain", True),
        ("Meyer", "Schmidt", False),
        ("Li", "Lu", False),
    ],
)
@pytest.mark.hazard("H08")
def test_names_one_slip_apart_are_flagged(one: str, other: str, alike: bool):
    names = [(uuid4(), one), (uuid4(), other)]

    assert (len(look_alikes(tuple(names))) == 2) is alike


def test_trend_goes_by_the_time_of_the_sample(site: Site):
    now = timezone.now()
    assess(site, at=now - timedelta(hours=5), platelets_per_ul=31000)
    assess(site, at=now, platelets_per_ul=18000)

    trend = trend_of(site.encounter, site.encounter.assessments.all())

    assert trend is not None
    assert trend.words == "31,000, then 18,000 per microlitre"
    assert [dot.is_last for dot in trend.dots] == [False, True]


def test_encounter_page_tells_what_happened_and_who_did_it(physician: Client, site: Site):
    assess(site)

    events = physician.get(reverse("encounter", args=[site.encounter.pk])).context["events"]

    assert [event.title for event in events] == ["Assessment 1", "Encounter opened"]
    assert {event.who for event in events} == {site.physician}


def test_encounter_that_was_not_assessed_says_so(physician: Client, site: Site):
    page = physician.get(reverse("encounter", args=[site.encounter.pk])).content.decode()

    assert "Not assessed yet" in page
    assert "That does not mean that nothing is needed." in page


def test_long_list_comes_in_pages_with_the_most_urgent_first(
    physician: Client, site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ivigsite.monitoring.views.LINES_ON_A_PAGE", 2)
    assess(site)
    for number in range(3):
        admit(site, number, f"Waiting{number}")

    first = physician.get(reverse("board"), {"show": "mine"})
    second = physician.get(reverse("board"), {"show": "mine", "page": "2"})

    assert [row.grade for row in first.context["rows"]] == [None, None]
    assert [row.grade for row in second.context["rows"]] == [None, 4]
    assert "1–2 of 4, the most urgent first" in first.content.decode()
    assert "4 open encounters of yours" in first.content.decode()
    assert f'href="{reverse("board")}?show=mine&amp;page=2"' in first.content.decode()
    assert f'hx-get="{reverse("board_rows")}?show=mine&amp;page=2"' in second.content.decode()


@pytest.mark.parametrize(
    ("page", "shown"), [("0", "2 of 2"), ("9", "2 of 2"), ("x", "1 of 2"), ("\u0661", "1 of 2")]
)
def test_page_that_is_not_there_is_the_nearest_one(
    physician: Client, site: Site, monkeypatch: pytest.MonkeyPatch, page: str, shown: str
):
    monkeypatch.setattr("ivigsite.monitoring.views.LINES_ON_A_PAGE", 1)
    admit(site, 1, "Other")

    assert f"–{shown}" in physician.get(reverse("board_rows"), {"page": page}).content.decode()


@pytest.mark.hazard("H21")
def test_alert_on_another_page_is_told_on_this_one(
    physician: Client, site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ivigsite.monitoring.views.LINES_ON_A_PAGE", 1)
    assess(site)
    admit(site, 1, "Waiting")
    MonitoringTask.objects.create(
        encounter=site.encounter,
        cause=Cause.ORDERS,
        item="COUNT",
        rule="COUNT",
        kind="count",
        group="other",
        title="Count",
        counts_from=timezone.now() - timedelta(hours=3),
        due_at=timezone.now() - timedelta(hours=2),
        overdue_at=timezone.now() - timedelta(hours=1),
        made_at=timezone.now(),
        made_by=site.physician,
    )

    first = physician.get(reverse("board")).content.decode()
    second = physician.get(reverse("board"), {"page": "2"}).content.decode()

    assert "1 encounter on other pages of this list has something overdue or an alert" in first
    assert "on other pages" not in second


def test_mark_of_the_site_leads_everybody_to_their_own_work(site: Site):
    for role, home in (("protocol_author", "/protocols/versions/"), ("nurse", "/")):
        client = Client()
        client.force_login(person(f"{role}-at-home", role, site.ward))
        page = client.get(home)

        assert page.status_code == 200
        assert f'<a class="app-bar-mark" href="{home}">' in page.content.decode()
