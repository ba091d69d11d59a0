"""Closing an encounter with an outcome, and the papers that are written then; one world for the module."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.actions import acknowledge
from ivigsite.monitoring.models import Acknowledgement, MonitoringTask, Observation
from ivigsite.orders import discharge_views, views
from ivigsite.orders.corrections import Why, take_back_event
from ivigsite.orders.discharge import leaflet_texts, paper_of
from ivigsite.orders.models import CorrectionReason, Discharge
from ivigsite.orders.sheet.plain_paper import Print
from protocols.engine.course import Act
from protocols.engine.protocol import Topic
from tests.orders.course import count, entered, give, noted
from tests.orders.test_course import EMERGENCY, line
from tests.orders.test_signing import choices, sign
from tests.scenario import Site, assess, build_site, shipped

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H21")]

SIGNED = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
START = SIGNED + timedelta(minutes=30)
NOW = START + timedelta(days=8)


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """A patient who had immunoglobulin and platelets and whose count rose."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "render_ahead", lambda *, prints: None)
        with time_machine.travel(SIGNED - timedelta(minutes=20), tick=False):
            site = build_site(at=SIGNED - timedelta(minutes=20))
            made = assess(site, **EMERGENCY)
        with time_machine.travel(SIGNED, tick=False):
            client = Client()
            client.force_login(site.physician)
            assert sign(client, made, choices(made)).status_code == 302
        give(site, line("platelets"), START, minutes=30)
        give(site, line("ivig"), START + timedelta(minutes=40), minutes=300)
        count(site, 120_000, START + timedelta(days=7))
        yield site
        transaction.set_rollback(True)


@pytest.fixture
def site(built: Site, db: None) -> Iterator[Site]:
    with time_machine.travel(NOW, tick=False):
        yield built


@pytest.fixture
def physician(site: Site) -> Client:
    client = Client()
    client.force_login(site.physician)
    return client


def posted(**changes: str) -> dict[str, str]:
    return {
        "outcome": "responded",
        "appointment_on": "17-Nov-2026",
        "appointment": "Haematology clinic, Dr Test",
        "comment": "",
        "version": str(Encounter.objects.get().version),
        "idempotency_key": str(uuid4()),
        **changes,
    }


def send(client: Client, **changes: str) -> Any:
    return client.post(reverse("discharge", args=[Encounter.objects.get().pk]), posted(**changes))


def test_whole_leaflet_as_it_is_handed_out_can_be_read_by_a_twelve_year_old(physician: Client):
    send(physician)
    leaflet = paper_of(Discharge.objects.get(), "leaflet")
    assert leaflet is not None

    # The place of the next visit is in the words of whoever made it.
    items = {
        part.heading: " ".join(each for each in part.items if not each.startswith("Next visit"))
        for part in leaflet.parts
    }

    assert {heading: grade for heading, text in items.items() if (grade := school_grade(text)) > 8} == {}
    assert school_grade(" ".join(items.values())) <= 6


def test_discharge_closes_with_outcome_and_writes_both_papers(physician: Client):
    answer = send(physician)

    encounter = Encounter.objects.get()
    made = Discharge.objects.get()
    assert answer["Location"] == reverse("discharge_papers", args=[encounter.pk])
    assert not encounter.is_open
    assert encounter.close_reason == "Discharged, the count has responded"
    assert not MonitoringTask.objects.open().exists()
    summary, leaflet = paper_of(made, "summary"), paper_of(made, "leaflet")
    assert summary is not None
    assert leaflet is not None
    assert leaflet.print is Print.LARGE
    said = {part.heading: " ".join((*part.paragraphs, *part.items)) for part in summary.parts}
    assert "Complete response" in said["Outcome"]
    assert "17-Nov-2026: Haematology clinic, Dr Test" in said["Follow-up"]
    # Checks that lay ahead are handed on, though the encounter ends them.
    assert "Count on day 14" in said["Follow-up"]
    assert "fade from 16-Nov-2026 to 30-Nov-2026" in said["End of the effect"]
    told = {part.heading: " ".join(part.items) for part in leaflet.parts}
    assert told["What you had"].startswith(
        "You had a drip of platelets: 02-Nov-2026. You had a drip of immunoglobulin: 02-Nov-2026. "
        "Planned from 02-Nov-2026: a steroid."
    )
    assert "What immunoglobulin does" in told
    assert "What platelets do" in told
    assert "Your platelets may fall from 16-Nov-2026 to 30-Nov-2026" in told["Your dates"]
    assert "call an ambulance" in " ".join(told)
    page = physician.get(answer["Location"]).content.decode()
    assert "For the patient" in page
    assert "Next visit: 17-Nov-2026" in page


@pytest.fixture
def alarming(site: Site) -> Observation:
    """A kidney injury that nobody has taken on, and no hold but its own."""
    before = {"creatinine_umol_per_l": Decimal(74), "renal_replacement": False}
    entered(site, "RENAL_BEFORE", before, START - timedelta(hours=1))
    return entered(
        site, "CREATININE", {**before, "creatinine_umol_per_l": Decimal(150)}, START + timedelta(hours=48)
    )


def test_encounter_is_not_closed_over_a_result_that_nobody_has_taken_on(
    physician: Client, alarming: Observation, site: Site
):
    address = reverse("discharge", args=[Encounter.objects.get().pk])
    asked = physician.get(address).content.decode()

    refused = send(physician)
    still_open = Encounter.objects.get().is_open
    closed = send(physician, takes_on=str(alarming.pk))

    assert f'value="{alarming.pk}"' in asked
    assert "KDIGO stage from creatinine 2" in asked
    assert refused.status_code == 422
    assert "Tick each result" in refused.content.decode()
    assert still_open
    assert closed.status_code == 302
    assert alarming.acknowledgement.by == site.physician
    assert alarming.acknowledgement.comment == "Taken on at discharge"


def test_result_that_a_colleague_took_on_meanwhile_is_no_mistake(
    physician: Client, alarming: Observation, site: Site
):
    acknowledge(observation=alarming, comment="Called nephrology", by=site.nurse, at=NOW)

    assert send(physician, takes_on=str(alarming.pk)).status_code == 302
    assert Acknowledgement.objects.get().by == site.nurse


def test_result_that_comes_while_the_form_is_open_closes_nothing(
    physician: Client, alarming: Observation, monkeypatch: pytest.MonkeyPatch
):
    # As if it were stored between the form's check and the transaction.
    monkeypatch.setattr(discharge_views, "open_alerts_of", lambda encounter: ())

    assert send(physician).status_code == 409
    assert Encounter.objects.get().is_open
    assert not Acknowledgement.objects.exists()


def test_summary_tells_what_alarmed_and_what_is_on_hold(physician: Client, alarming: Observation):
    send(physician, takes_on=str(alarming.pk))
    summary = paper_of(Discharge.objects.get(), "summary")

    assert summary is not None
    (said,) = [part.items for part in summary.parts if part.heading == "Alarming results"]
    assert "04-Nov-2026 08:30: Critical: " in said[0]
    assert said[-1].startswith("The next dose of immunoglobulin is on hold: Stop the immunoglobulin course.")
    assert "Do not restart the same product." in said[-1]


def test_course_without_an_alarm_says_so_in_the_summary(physician: Client):
    send(physician)
    summary = paper_of(Discharge.objects.get(), "summary")

    assert summary is not None
    assert [part.items for part in summary.parts if part.heading == "Alarming results"] == [
        ("None on record.",)
    ]


def test_infusion_without_an_end_is_told_before_the_papers_are_written(physician: Client, site: Site):
    address = reverse("discharge", args=[Encounter.objects.get().pk])
    ended = physician.get(address).content.decode()
    take_back_event(
        event=line("ivig").events.get(act="finish"),
        why=Why(reason=CorrectionReason.NOT_DONE, words=""),
        idempotency_key=uuid4(),
        by=site.nurse,
        at=NOW,
    )

    assert "its end is not noted" not in ended
    assert "its end is not noted" in physician.get(address).content.decode()


def test_patient_who_had_a_reaction_reads_so_in_the_leaflet(physician: Client, site: Site):
    noted(site, line("ivig"), Act.REACTION, START + timedelta(hours=7), grade=1)
    send(physician)
    leaflet = paper_of(Discharge.objects.get(), "leaflet")

    assert leaflet is not None
    had = next(part.items for part in leaflet.parts if part.heading == "What you had")
    said = (
        "You had a reaction to a drip of immunoglobulin on 02-Nov-2026. Tell staff before you get one again."
    )
    assert said in had
    assert school_grade(said) <= 8


def test_leaflet_names_only_what_was_given():
    headings = [text.key for text in leaflet_texts(shipped(), ["ivig"])]

    assert "leaflet_ivig" in headings
    assert not {"leaflet_platelets", "leaflet_corticosteroid"} & set(headings)
    assert {"leaflet_return", "leaflet_watch", "leaflet_lasts"} <= set(headings)


def test_nobody_hands_a_leaflet_to_the_dead(physician: Client):
    send(physician, outcome="died", appointment="", appointment_on="")

    assert set(Discharge.objects.get().papers) == {"summary"}
    missing = physician.get(reverse("discharge_file", args=[Encounter.objects.get().pk, "leaflet"]))
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": ""}, "Choose"),
        ({"outcome": "cured"}, "There is a problem"),
        ({"appointment": ""}, "Say where and with whom"),
        ({"appointment_on": ""}, "Give the day"),
        ({"appointment_on": "1-Nov-2026"}, "from today on"),
        ({"appointment_on": "17/11/26"}, "There is a problem"),
        ({"comment": "x" * 501}, "There is a problem"),
        ({"idempotency_key": "x"}, "There is a problem"),
    ],
)
def test_bad_answer_is_refused_in_words_and_nothing_closes(
    physician: Client, changes: dict[str, str], words: str
):
    answer = send(physician, **changes)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Encounter.objects.get().is_open
    assert not Discharge.objects.exists()


def test_same_form_twice_discharges_once_and_another_is_told_of_it(physician: Client):
    data = posted()
    address = reverse("discharge", args=[Encounter.objects.get().pk])

    first, again = physician.post(address, data), physician.post(address, data)
    other = physician.post(address, posted())

    assert (first.status_code, again.status_code, other.status_code) == (302, 302, 409)
    assert Discharge.objects.count() == 1
    assert physician.get(address)["Location"] == reverse(
        "discharge_papers", args=[Encounter.objects.get().pk]
    )


@pytest.mark.parametrize(
    ("version", "status"), [("1", 409), ("99", 409), ("", 422), ("٢", 422), ("9" * 30, 422)]
)
def test_page_of_another_version_or_of_none_closes_nothing(physician: Client, version: str, status: int):
    assert send(physician, version=version).status_code == status
    assert not Discharge.objects.exists()
    assert Encounter.objects.get().is_open


def test_discharge_never_changes(physician: Client):
    send(physician)

    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        connection.cursor().execute("UPDATE orders_discharge SET comment = 'x'")


def test_another_ward_sees_no_papers(physician: Client, site: Site):
    send(physician)
    stranger = Client()
    stranger.force_login(site.elsewhere)
    encounter = Encounter.objects.get()

    for name, args in (
        ("discharge", [encounter.pk]),
        ("discharge_papers", [encounter.pk]),
        ("discharge_file", [encounter.pk, "leaflet"]),
    ):
        assert stranger.get(reverse(name, args=args)).status_code == 404


def test_file_is_handed_out_as_pdf(physician: Client, monkeypatch: pytest.MonkeyPatch):
    send(physician)
    asked: list[Any] = []

    def rendered(job: Any) -> bytes:
        asked.append(job)
        return b"%PDF-"

    monkeypatch.setattr(discharge_views, "render_in_worker", rendered)

    answer = physician.get(reverse("discharge_file", args=[Encounter.objects.get().pk, "leaflet"]))

    assert answer["Content-Type"] == "application/pdf"
    assert answer.content == b"%PDF-"
    assert asked[0].content == paper_of(Discharge.objects.get(), "leaflet")


def syllables(word: str) -> int:
    """Groups of vowels, without a silent e at the end; at least one."""
    groups = re.findall(r"[aeiouy]+", word.lower())
    silent = word.lower().endswith("e") and not word.lower().endswith("le") and len(groups) > 1
    return max(1, len(groups) - silent)


def school_grade(text: str) -> float:
    """Kincaid JP et al. 1975, Naval Technical Training Command, Research Branch Report 8-75."""
    sentences = [part for part in re.split(r"[.!?]", text) if part.strip()]
    words = re.findall(r"[A-Za-z']+", text)
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def test_formula_tells_hard_words_from_easy_ones():
    # 5 words of one syllable: 0.39 * 5 + 11.8 - 15.59.
    assert school_grade("The cat sat on mats.") == pytest.approx(-1.84)
    assert school_grade("Immunoglobulin administration necessitates haematological surveillance.") > 20


def test_leaflet_can_be_read_by_a_twelve_year_old():
    texts = [text.body for text in shipped().texts if text.topic is Topic.LEAFLET]

    assert len(texts) == 7
    assert school_grade(" ".join(texts)) <= 6
    assert max(school_grade(text) for text in texts) <= 8
