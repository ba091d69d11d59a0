"""The clock through the pages: hours that come twice or never, midnight, and what grows old meanwhile."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from ivigsite.encounters.models import Assessment
from ivigsite.orders.models import OrderSet
from tests.encounters.answers import saving
from tests.orders.test_signing import check, choices, sign
from tests.safety.world import client_of, signature
from tests.scenario import Site, assess, build_site

pytestmark = pytest.mark.django_db

# In London the clock shows 01:00 to 01:59 twice on that Sunday, and never on the other.
TWICE = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)
NEVER = datetime(2026, 3, 29, 0, 40, tzinfo=UTC)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

At = Callable[[datetime], tuple[Site, Client]]


@pytest.fixture
def at(db: None) -> Iterator[At]:
    """A site whose clock stands still at a moment."""
    travels: list[Any] = []

    def go(moment: datetime) -> tuple[Site, Client]:
        travel = time_machine.travel(moment, tick=False)
        travel.start()
        travels.append(travel)
        site = build_site(at=moment)
        return site, client_of(site.physician)

    yield go
    for travel in reversed(travels):
        travel.stop()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("25-Oct-2026 01:30 BST", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("25-Oct-2026 01:30 GMT", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("25-Oct-2026 02:30", datetime(2026, 10, 25, 2, 30, tzinfo=UTC)),
    ],
)
def test_start_in_the_hour_that_comes_twice_is_stored_as_meant(at: At, typed: str, stored: datetime) -> None:
    site, client = at(TWICE)
    made = assess(site)

    answer = sign(client, made, choices(made, starts_at=typed))

    assert answer.status_code == 302
    order_set = OrderSet.objects.get()
    assert order_set.starts_at == stored
    assert {line.starts_at for line in order_set.lines.filter(kind="ivig")} == {stored}
    assert order_set.sheet_content.patient.age_years == 45


def test_start_in_the_hour_that_comes_twice_is_asked_about(at: At) -> None:
    site, client = at(TWICE)
    made = assess(site)

    answer = check(client, made, choices(made, starts_at="25-Oct-2026 01:30"))

    assert answer.status_code == 422
    assert "BST or GMT?" in answer.content.decode()
    assert "25-Oct-2026 01:30" in answer.content.decode()


@pytest.mark.parametrize("minutes", [0, 40, 60, 100])
def test_start_that_the_page_proposes_is_one_that_it_takes(at: At, minutes: int) -> None:
    now = TWICE + timedelta(minutes=minutes)
    site, client = at(now)
    made = assess(site)
    page = client.get(reverse("choose_orders", args=[made.pk])).content.decode()
    found = re.search(r'name="starts_at"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="starts_at"', page)
    assert found
    proposed = found[1] or found[2]

    answer = sign(client, made, choices(made, starts_at=proposed))

    assert answer.status_code == 302
    assert timedelta() < OrderSet.objects.get().starts_at - now <= timedelta(minutes=15)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("29-Mar-2026 01:30", "does not exist"),
        ("29-Mar-2026 24:00", "30-Mar-2026 00:00"),
        ("9999-12-31T23:59:00-05:00", "Write the date and the time of day"),
        ("30-Mar-2026 02:00", "within the next 24 hours"),
        ("28-Mar-2026 23:00", "must not lie more than an hour back"),
    ],
)
def test_start_that_cannot_be_is_refused_in_words(at: At, typed: str, words: str) -> None:
    site, client = at(NEVER)
    made = assess(site)

    answer = check(client, made, choices(made, starts_at=typed))

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert typed in answer.content.decode()


def test_start_after_the_hour_that_never_comes_is_stored_as_meant(at: At) -> None:
    site, client = at(NEVER)
    made = assess(site)

    sign(client, made, choices(made, starts_at="29-Mar-2026 02:15"))

    assert OrderSet.objects.get().starts_at == datetime(2026, 3, 29, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "typed", "stored"),
    [
        (TWICE, "25-Oct-2026 01:05 BST", datetime(2026, 10, 25, 0, 5, tzinfo=UTC)),
        (TWICE + timedelta(hours=3), "25-Oct-2026 01:30 GMT", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        (TWICE + timedelta(hours=3), "25-Oct-2026 01:30 BST", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (NEVER + timedelta(hours=1), "29-Mar-2026 00:59", datetime(2026, 3, 29, 0, 59, tzinfo=UTC)),
    ],
)
def test_sample_is_as_old_as_it_is(at: At, now: datetime, typed: str, stored: datetime) -> None:
    site, client = at(now)
    url = reverse("assess", args=[site.encounter.pk])

    answer = client.post(url, saving(site.encounter, sampled_at=typed))

    assert answer.status_code == 302
    made = Assessment.objects.get()
    assert made.sampled_at == stored
    hours = (now - stored) / timedelta(hours=1)
    assert abs(float(made.facts["sample_age_hours"]) - hours) < 0.01


@pytest.mark.parametrize(
    ("now", "typed", "words"),
    [
        (TWICE + timedelta(hours=3), "25-Oct-2026 01:30", "BST or GMT?"),
        (TWICE, "25-Oct-2026 01:05 GMT", "in the past"),
        (NEVER + timedelta(hours=3), "29-Mar-2026 01:30", "does not exist"),
        (NOON, "21-Nov-2026 24:00", "22-Nov-2026 00:00"),
        (NOON, "23-Nov-2026 09:00", "in the past"),
        (NOON, "9999-12-31T23:59:00-05:00", "Write the date and the time of day"),
    ],
)
def test_sample_time_that_cannot_be_is_refused_in_words(
    at: At, now: datetime, typed: str, words: str
) -> None:
    site, client = at(now)

    answer = client.post(
        reverse("assess", args=[site.encounter.pk]), saving(site.encounter, sampled_at=typed)
    )

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert typed in answer.content.decode()
    assert not Assessment.objects.exists()


def test_sample_that_grows_old_between_check_and_signature_signs_nothing(at: At) -> None:
    site, client = at(NOON)
    made = assess(site)
    posted = signature(client, made, choices(made))
    later = NOON + timedelta(hours=8)

    with time_machine.travel(later, tick=False):
        again = client_of(site.physician)
        answer = again.post(reverse("sign_orders", args=[made.pk]), posted)

    assert answer.status_code == 409
    assert "Reassess" in answer.content.decode()
    assert not OrderSet.objects.exists()


def test_check_page_left_open_past_its_start_signs_nothing(at: At) -> None:
    site, client = at(NOON)
    made = assess(site)
    posted = signature(client, made, choices(made))

    with time_machine.travel(NOON + timedelta(minutes=70), tick=False):
        answer = client_of(site.physician).post(reverse("sign_orders", args=[made.pk]), posted)

    assert answer.status_code == 422
    assert "must not lie more than an hour back" in answer.content.decode()
    assert not OrderSet.objects.exists()


def test_session_left_alone_signs_nothing(at: At) -> None:
    site, client = at(NOON)
    made = assess(site)
    posted = signature(client, made, choices(made))

    with time_machine.travel(NOON + timedelta(minutes=11), tick=False):
        answer = client.post(reverse("sign_orders", args=[made.pk]), posted)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")
    assert not OrderSet.objects.exists()
