"""Chart, response and exposure of one encounter, on the page and as values; one world for the module."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.urls import reverse

from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.orders import views
from ivigsite.orders.administration import Unit, note_unit
from ivigsite.orders.count_chart import BAND_HEIGHT, LEFT, RIGHT, TOP, WIDTH, draw
from ivigsite.orders.course_words import (
    count_rows,
    expected,
    needs_in_words,
    picture_words,
    response_sentences,
)
from ivigsite.orders.exposure_summary import exposure_of
from ivigsite.orders.models import GivenProduct, OrderLine
from ivigsite.orders.proposal import propose
from ivigsite.orders.response import Course, course_of
from protocols.engine.course import Act
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.engine.response import ResponseClass
from tests.orders.course import BEFORE, count, entered, give, noted
from tests.orders.test_signing import check, choices, sign
from tests.scenario import PASSWORD, Site, assess, build_site

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H21")]

SIGNED = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
START = SIGNED + timedelta(minutes=30)
EMERGENCY: dict[str, Any] = {
    "bleeding_level": "life_threatening",
    "bleeding_sites": ["gi"],
    "bleeding_findings": ["haemodynamic_instability"],
    "platelets_per_ul": 6000,
    "blood_group": "a",
}


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Orders of the three arms, signed on 2 November; nothing is given yet."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "render_ahead", lambda *, prints: None)
        with time_machine.travel(SIGNED - timedelta(minutes=20), tick=False):
            site = build_site(at=SIGNED - timedelta(minutes=20))
            made = assess(site, **EMERGENCY)
        with time_machine.travel(SIGNED, tick=False):
            client = Client()
            client.force_login(site.physician)
            assert sign(client, made, choices(made)).status_code == 302
        yield site
        transaction.set_rollback(True)


@pytest.fixture
def site(built: Site, db: None) -> Site:
    return built


def line(kind: str) -> OrderLine:
    return OrderLine.objects.select_related("order_set__encounter").filter(kind=kind).first()  # type: ignore[return-value]


def after(**length: float) -> datetime:
    return START + timedelta(**length)


def course(at: datetime) -> Course:
    return course_of(Encounter.objects.get(), at=at)


def page(site: Site, at: datetime) -> str:
    with time_machine.travel(at, tick=False):
        client = Client()
        client.force_login(site.physician)
        answer = client.get(site.encounter.get_absolute_url())
    assert answer.status_code == 200
    return str(answer.content.decode()).replace("\u00a0", " ")


def test_nothing_given_is_no_response_and_no_exposure(site: Site):
    now = course(SIGNED)

    assert now.start is None
    assert response_sentences(now) == ("No treatment has been begun yet.",)
    assert exposure_of(Encounter.objects.get(), at=SIGNED) is None
    assert "Given so far" not in page(site, SIGNED)


def test_counts_of_assessment_and_results_are_one_series(site: Site):
    give(site, line("ivig"), START, minutes=300)
    count(site, 52_000, after(hours=24))

    now = course(after(hours=25))

    assert [each.per_ul for each in now.counts] == [6_000, 52_000]
    assert now.baseline == now.counts[0]
    assert now.start == START


def test_response_is_provisional_then_confirmed_a_week_later(site: Site):
    give(site, line("ivig"), START, minutes=300)
    count(site, 52_000, after(days=2))
    early = page(site, after(days=3))
    count(site, 110_000, after(days=9))
    late = course(after(days=10))

    assert "Response since 04-Nov-2026 08:30, provisional: another such count from 11-Nov-2026 08:30" in early
    assert late.response is not None
    assert late.response.response is ResponseClass.COMPLETE
    assert not late.response.is_confirmed
    assert late.response.first_response_at is not None


def test_count_after_platelets_is_marked_and_left_out_of_the_response(site: Site):
    give(site, line("platelets"), START, minutes=30)
    give(site, line("ivig"), after(minutes=40), minutes=300)
    count(site, 40_000, after(minutes=60))
    count(site, 45_000, after(hours=24))
    count(site, 46_000, after(hours=25))

    now = course(after(hours=26))

    assert [row.is_influenced for row in count_rows(now)] == [False, True, True, False]
    assert [row.says for row in count_rows(now)][1] == "After platelets: not counted for the response"
    assert now.response is not None
    assert now.response.since == now.counts[-1].minute
    chart = draw(now)
    assert chart is not None
    assert [dot.is_influenced for dot in chart.dots] == [False, True, True, False]
    # 34,000 up on 70 kg and 175 cm, 1.8447 square metres, with a yield of 3.
    assert int(now.increments[0].cci) == 20_906  # type: ignore[arg-type]


def test_dependence_on_a_corticosteroid_is_not_judged_and_says_what_is_missing(site: Site):
    before = response_sentences(course(SIGNED - timedelta(minutes=1)))
    (*_, said) = response_sentences(course(after(hours=1)))

    assert not any("dependence" in sentence for sentence in before)
    assert said.startswith(
        "Corticosteroid dependence is not judged. It can be told from 02-Jan-2027, 2 months"
    )
    assert "to keep 30,000 per microlitre or to prevent bleeding" in said


def test_course_tells_what_studies_saw_once_immunoglobulin_was_begun(site: Site):
    before = course(SIGNED)
    give(site, line("ivig"), START, minutes=300)

    words = unescape(page(site, after(hours=6)))

    assert expected(before) == ()
    assert "80.7 % (95 % CI 69.2 to 89.3) were at 50,000 per microlitre by day 7" in words
    assert "half of all by 2.5 days" in words
    assert "What to expect: illustrative, not a prediction" in words
    assert all("R14" in each.cites for each in expected(course(after(hours=6)))[:2])


def test_time_since_the_last_immunoglobulin_grows_and_begins_anew_with_a_dose(site: Site):
    made = assess(site, at=SIGNED, **{**EMERGENCY, "first_ivig": False, "hours_since_last_ivig": "20"})
    untold = assess(site, at=SIGNED, **{**EMERGENCY, "first_ivig": False, "hours_since_last_ivig": None})

    def hours(of: Assessment, at: datetime) -> Decimal | Unknown:
        return propose(assessment=of, product=None, at=at).recommendation.facts.hours_since_last_ivig

    assert hours(made, SIGNED) == 20
    assert hours(made, after(hours=5)) == Decimal("25.5")
    assert hours(untold, after(hours=5)) is UNKNOWN
    give(site, line("ivig"), after(hours=6), minutes=300)
    assert hours(made, after(hours=8)) == hours(untold, after(hours=8)) == 2


def label(site: Site, of: OrderLine, number: str, given_at: datetime, **told: Any) -> GivenProduct:
    """A unit as its label is noted when it is hung."""
    return note_unit(
        line=of,
        dose_number=1,
        unit=Unit(unit_number=number, product_name="", expires_on=date(2026, 11, 30), **told),
        given_at=given_at,
        idempotency_key=uuid4(),
        by=site.nurse,
        at=given_at,
    )


# The patient is of group A. With 72 hours the first of November is fresh on the second, whatever the hour.
FRESH = {"abo_group": "o", "collected_on": date(2026, 11, 1)}


@pytest.mark.parametrize(
    ("second_unit", "found", "of_second", "said"),
    [
        ({}, "if_suitable", "not known; fresh: not known", "if the units were ABO-compatible and fresh"),
        (FRESH, "refractory", "yes; fresh: yes", "of units that were ABO-compatible and fresh: refractory"),
        ({**FRESH, "abo_group": "b"}, "unsuitable", "no; fresh: yes", "not called refractory"),
        (
            {**FRESH, "collected_on": date(2026, 10, 29)},
            "unsuitable",
            "yes; fresh: no",
            "not called refractory",
        ),
        (
            {**FRESH, "collected_on": date(2026, 10, 30)},
            "if_suitable",
            "yes; fresh: not known",
            "if the units",
        ),
    ],
)
def test_two_poor_increments_are_told_as_refractory_with_what_to_do(
    site: Site, second_unit: dict[str, Any], found: str, of_second: str, said: str
):
    give(site, line("platelets"), START, minutes=30)
    label(site, line("platelets"), "G1", START, **FRESH)
    count(site, 8_000, after(minutes=60))
    once = unescape(page(site, after(hours=2)))
    with time_machine.travel(after(hours=7), tick=False):
        client = Client()
        client.force_login(site.physician)
        again = assess(site, **{**EMERGENCY, "platelets_per_ul": 7000})
        assert sign(client, again, choices(again)).status_code == 302
    second = OrderLine.objects.select_related("order_set__encounter").get(
        kind="platelets", order_set__assessment=again
    )
    give(site, second, after(hours=8), minutes=30)
    label(site, second, "G2", after(hours=8), **second_unit)
    before = course(after(hours=9))
    count(site, 9_000, after(hours=9))

    assert before.refractory == "unknown"
    assert course(after(hours=10)).refractory == found
    words = page(site, after(hours=10))
    assert said in words
    assert "ABO-compatible: yes; fresh: yes." in words
    assert f"ABO-compatible: {of_second}." in words
    assert "do not order HLA-matched platelets on this alone" in words
    asks = "compatible with the patient's group A and younger than 72 hours. Note group and collection day"
    # After one poor increment too: the next unit can then tell something.
    assert asks in once
    assert asks in unescape(words)
    assert "Platelets, unit G1, ABO O, RhD not known, collected 01-Nov-2026" in words


def test_second_dose_is_due_from_a_day_later_and_says_what_is_missing(site: Site):
    give(site, line("ivig"), START, minutes=300)
    early = course(after(hours=23, minutes=59))
    count(site, 49_000, after(hours=24), who_grade=0)
    entered(
        site,
        "CREATININE",
        {"creatinine_umol_per_l": Decimal(80), "renal_replacement": False},
        after(hours=24),
    )
    late = course(after(hours=24))

    assert early.repeat is not None
    assert late.repeat is not None
    assert early.repeat.due_from == after(hours=24)
    assert [met.state for met in needs_in_words(early.repeat)] == ["not met", *["missing"] * 5]
    assert [met.state for met in needs_in_words(late.repeat)] == [
        "met",
        "met",
        "met",
        "missing",
        "missing",
        "missing",
    ]


def test_relapse_in_its_days_is_told_with_its_date(site: Site):
    give(site, line("ivig"), START, minutes=300)
    count(site, 120_000, after(days=3))
    assert "Not begun yet" in page(site, after(days=10))
    count(site, 28_000, after(days=17))

    words = page(site, after(days=18))

    assert "Response lost on 19 Nov 2026, 08:30" in words
    assert "Day 14 to 28 of the course: 16 Nov 2026 to 30 Nov 2026" in words
    assert "Complete response lost on 19-Nov-2026 08:30, provisional" in words


def test_exposure_counts_grams_on_the_dosing_weight_and_dates_what_follows(site: Site):
    give(site, line("platelets"), START, minutes=30)
    give(site, line("ivig"), after(minutes=40), minutes=300)

    found = exposure_of(Encounter.objects.get(), at=after(days=1))
    gone = exposure_of(Encounter.objects.get(), at=after(days=8))

    assert found is not None
    assert gone is not None
    grams = Decimal(line("ivig").dose_amount)
    weight = Decimal(line("ivig").proposal["dose"]["weight_kg"])
    assert found.recent_g_per_kg == grams / weight
    assert gone.recent_g_per_kg == 0
    assert gone.course_g_per_kg == grams / weight
    assert found.windows == (7, 28)
    assert found.watch == "information"
    assert found.serology_until == date(2027, 2, 2)
    assert found.live_vaccine_from == date(2027, 9, 2)
    words = page(site, after(days=1))
    assert "Live measles or varicella vaccine not before" in words
    assert "2 Sep 2027" in words


@pytest.mark.parametrize(
    ("told", "words"),
    [({"volume_ml": Decimal(196)}, "stopped after 196 mL"), ({}, "stopped, volume not noted")],
    ids=["read off the pump", "not told"],
)
def test_dose_stopped_before_its_end_says_so_beside_its_grams(site: Site, told: dict[str, Any], words: str):
    ivig = line("ivig")
    entered(site, "VITALS_BEFORE", BEFORE, START - timedelta(minutes=5), at=START)
    noted(site, ivig, Act.START, START, reason="signs_elsewhere")
    noted(site, ivig, Act.STOP, after(minutes=90), reason="reaction", **told)

    said = page(site, after(hours=2))

    # Counted whole all the same: too much in the sums is the careful side of the watch for haemolysis.
    assert f"{ivig.drug}, {words}" in said
    assert f"as ordered; no vials are noted, {words}" in said


def test_chart_keeps_dots_in_their_bands_and_joins_none(site: Site):
    give(site, line("ivig"), START, minutes=300)
    for day, per_ul in ((1, 24_000), (2, 25_000), (3, 149_999), (4, 150_000), (8, 900_000)):
        count(site, per_ul, after(days=day), who_grade=None)
    noted_course = course(after(days=9))
    chart = draw(noted_course)

    assert chart is not None
    ys = [float(dot.y) for dot in chart.dots]
    bands = {band.grade: band.y for band in chart.bands}
    assert bands[4] < ys[1] < bands[4] + BAND_HEIGHT
    assert ys[2] == bands[4]
    assert bands[1] <= ys[3] < bands[1] + BAND_HEIGHT
    assert ys[4] == bands[1]
    assert (ys[5], bool(chart.dots[5].triangle)) == (TOP, True)
    assert all(LEFT <= float(dot.x) <= WIDTH - RIGHT for dot in chart.dots)
    words = page(site, after(days=9))
    drawing = words[
        words.index('<svg class="count-chart"') : words.index("</svg>", words.index("count-chart"))
    ]
    assert "polyline" not in drawing
    assert "<path" not in drawing
    assert "style=" not in drawing
    assert "illustrative, not a prediction" in drawing
    assert picture_words(noted_course) in words


def test_reaction_is_marked_with_its_grade(site: Site):
    ivig = line("ivig")
    entered(site, "VITALS_BEFORE", BEFORE, START - timedelta(minutes=5), at=START)
    noted(site, ivig, Act.START, START, reason="signs_elsewhere")
    noted(site, ivig, Act.REACTION, after(minutes=12), grade=2)

    chart = draw(course(after(hours=1)))

    assert chart is not None
    assert [(mark.letter, mark.kind) for mark in chart.marks if mark.triangle] == [("2", "reaction")]
    # Begun together, they would cover each other in one lane.
    lanes = {mark.kind: mark.y for mark in chart.marks if not mark.triangle}
    assert len(set(lanes.values())) == len(lanes) >= 2
    assert all(chart.bottom < y < chart.axis_y for y in lanes.values())
    assert "Reaction of grade 2" in page(site, after(hours=1))


def test_check_page_says_that_facts_have_changed(site: Site):
    count(site, 62_000, after(minutes=5))
    with time_machine.travel(after(minutes=10), tick=False):
        client = Client()
        client.force_login(site.physician)
        made = Encounter.objects.get().assessments.get()
        choose = client.get(reverse("choose_orders", args=[made.pk]))
        shown = check(client, made, choices(made))

    assert "Facts have changed" in choose.content.decode()
    assert shown.status_code == 200
    assert "Facts have changed" in shown.content.decode()


def test_hold_stops_the_order_pages_until_it_is_released(site: Site):
    held = entered(site, "THROMBOSIS", {"thrombosis_signs": ("speech",)}, after(minutes=5))
    with time_machine.travel(after(minutes=10), tick=False):
        client = Client()
        client.force_login(site.physician)
        made = Encounter.objects.get().assessments.get()
        refused = check(client, made, choices(made))
        signed = client.post(
            reverse("sign_orders", args=[made.pk]),
            {**choices(made), "digest": "0" * 64, "password": PASSWORD, "sign": ""},
        )
        client.post(reverse("release_hold", args=[held.pk]), {"reason": "Scan is clear"})
        shown = check(client, made, choices(made))

    assert "a result holds the next dose" in refused.content.decode()
    assert "Release the hold on the checklist first." in refused.content.decode()
    assert signed.status_code != 302
    assert Encounter.objects.get().order_sets.count() == 1
    assert shown.status_code == 200
    assert "digest" in shown.context
