"""Whole courses told through the pages, by a clock the test moves: the right check on the right day.

When a check is due is written here apart from the code, in hours of the evidence; every step looks at the
checklist as a nurse does, enters what she would enter, and goes on.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.monitoring.models import Observation
from ivigsite.orders import views
from ivigsite.orders.models import OrderLine
from tests.orders.test_signing import check, choices, sign
from tests.scenario import Site, assess, build_site

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H21")]

SIGNED = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
PLANNED_AFTER = timedelta(minutes=30)
START = SIGNED + PLANNED_AFTER
# The immunoglobulin runs this long in every course that is not stopped.
RUNS = timedelta(hours=5)

VITALS = {
    "temperature_c": "36.8",
    "heart_rate_per_min": "72",
    "systolic_mmhg": "124",
    "diastolic_mmhg": "76",
    "respiratory_rate_per_min": "14",
    "oxygen_saturation_percent": "98",
    "on_oxygen": "no",
}
LUNGS = {"oxygen_saturation_percent": "98", "respiratory_rate_per_min": "14", "new_crackles": "no"}
MENINGITIS = {"headache_score": "1", "meningitis_signs": "none", "drowsy": "no", "focal_sign": "no"}


def creatinine(umol_per_l: str) -> dict[str, str]:
    return {
        "creatinine_umol_per_l": umol_per_l,
        "creatinine_umol_per_l_unit": "umol_per_l",
        "renal_replacement": "no",
    }


def haemoglobin(g_per_l: str, **more: str) -> dict[str, str]:
    return {"haemoglobin_g_per_l": g_per_l, "haemoglobin_g_per_l_unit": "g_per_l", "dark_urine": "no", **more}


def platelets(e9_per_l: str) -> dict[str, str]:
    return {"platelets_per_ul": e9_per_l, "platelets_per_ul_unit": "e9_per_l"}


def typed(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%d-%b-%Y %H:%M")


def after(**length: float) -> datetime:
    return START + timedelta(**length)


def in_words(page: Any) -> str:
    """What is read on a page, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", "", page.content.decode())).split())


@dataclass(frozen=True, slots=True)
class Ward:
    """The ward's pages; each call is one person at one moment."""

    site: Site

    def client(self, who: User | None = None) -> Client:
        client = Client()
        client.force_login(who or self.site.nurse)
        return client

    def see(self, name: str, *args: Any, at: datetime) -> Any:
        with time_machine.travel(at, tick=False):
            answer = self.client().get(reverse(name, args=args))
        assert answer.status_code == 200, name
        return answer

    def words(self, at: datetime, name: str = "checklist") -> str:
        return in_words(self.see(name, self.site.encounter.pk, at=at))

    def groups(self, at: datetime) -> Any:
        return self.see("checklist", self.site.encounter.pk, at=at).context["checklist"].groups

    def due(self, at: datetime) -> set[str]:
        """The checks the page asks for now."""
        return {check.task.item for group in self.groups(at) for check in group.current}

    def planned(self, at: datetime) -> dict[str, datetime]:
        """The next of each check the page announces, with its time."""
        coming: dict[str, datetime] = {}
        for group in self.groups(at):
            for coming_up in reversed(group.upcoming):
                if coming_up.task.due_at is not None:
                    coming[coming_up.task.item] = coming_up.task.due_at
        return coming

    def enter(self, item: str, at: datetime, **values: Any) -> Observation:
        """What is measured now, in the form the check's own button opens."""
        found = [
            check.task
            for group in self.groups(at)
            for check in (*group.current, *group.upcoming)
            if check.task.item == item
        ]
        assert found, f"{item} is not on the checklist"
        return self._post(found[0].get_absolute_url(), at, values)

    def unplanned(self, rule: str, at: datetime, **values: Any) -> Observation:
        """A result nobody had planned."""
        return self._post(reverse("extra_result", args=[self.site.encounter.pk, rule]), at, values)

    def _post(self, address: str, at: datetime, values: dict[str, Any]) -> Observation:
        data = {"taken_at": typed(at), "idempotency_key": str(uuid4()), **values}
        with time_machine.travel(at, tick=False):
            answer = self.client().post(address, data)
        assert answer.status_code == 302, answer.content.decode()
        return Observation.objects.order_by("-entered_at", "-taken_at").first()  # type: ignore[return-value]

    def note(self, kind: str, at: datetime, form: str = "act", **answers: str) -> Any:
        """One of the forms of the infusion page, sent as it stands with these answers."""
        line = OrderLine.objects.filter(kind=kind).order_by("-order_set__number").first()
        assert line is not None
        with time_machine.travel(at, tick=False):
            client = self.client()
            page = client.get(reverse("infusion", args=[line.order_set_id]))
            shown = next(each for each in page.context["shown"] if each.dose.line.pk == line.pk)
            bound = shown.reaction_form if form == "reaction" else shown.act_form
            names = ("form", "line", "dose_number", "seen", "idempotency_key")
            data = {name: str(bound[name].value()) for name in names}
            data |= {"happened_at": typed(at), **answers}
            return client.post(reverse("note_given", args=[line.order_set_id]), data)

    def give(self, kind: str, start: datetime, lasting: timedelta) -> None:
        """One dose from its start to its end, after the vital signs that are asked for before it."""
        if before := {"VIT-01", "VIT-08-BEFORE"} & self.due(start - timedelta(minutes=5)):
            self.enter(before.pop(), start - timedelta(minutes=5), **VITALS)
        assert self.note(kind, start, act="start").status_code == 302
        assert self.note(kind, start + lasting, act="finish").status_code == 302

    def order_again(self, at: datetime, **facts: Any) -> None:
        with time_machine.travel(at, tick=False):
            made = assess(self.site, **facts)
            answers = choices(made, starts_at=typed(at + PLANNED_AFTER))
            assert sign(self.client(self.site.physician), made, answers).status_code == 302


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Group A, 70 kg, no risk factor: immunoglobulin, a corticosteroid and platelets are signed."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "render_ahead", lambda *, prints: None)
        with time_machine.travel(SIGNED - timedelta(minutes=20), tick=False):
            site = build_site(at=SIGNED - timedelta(minutes=20))
        Ward(site).order_again(SIGNED, blood_group="a")
        yield site
        transaction.set_rollback(True)


@pytest.fixture
def ward(built: Site, db: None) -> Ward:
    return Ward(built)


# Hours after the start at which a check of this patient is asked for, by the schedule of the evidence.
ASKED_AT: dict[float, set[str]] = {
    0.25: {"VIT-02", "THR-01", "PUL-01"},
    5: {"VIT-05", "THR-01-END", "PUL-01-END"},
    5.5: {"VIT-06"},
    6: {"AMS-01", "REN-07", "BLD-01", "VIT-07"},
    9: {"THR-02"},
    11: {"PUL-02-6"},
    17: {"PUL-02-12"},
    24: {"THR-03", "AMS-02", "PLT-03", "STE-02", "STE-03"},
    48: {"REN-03", "AMS-03", "PLT-04", "STE-04", "THR-04"},
    53: {"HAE-02"},
    72: {"PLT-05", "STE-05"},
    7 * 24: {"REN-05", "AMS-04", "PLT-06"},
    14 * 24: {"PLT-07", "STE-06-14"},
    21 * 24: {"PLT-08"},
    28 * 24: {"PLT-09", "STE-06-28"},
    90 * 24: {"SER-01"},
}
# At kidney or thrombosis risk, with 2 g per kg, on a maltose product, or after an abnormal result.
NEVER_ASKED = {"REN-02", "REN-04", "THR-05", "HAE-03", "HAE-04", "GLU-01", "REN-06", "REN-AGAIN", "HAE-AGAIN"}
NEVER_ASKED |= {"VIT-08-60", "AMS-AGAIN", "PUL-AGAIN", "PUL-WORKUP", "HAE-SCREEN", "THR-WORKUP", "VIT-AGAIN"}


def test_each_check_is_asked_for_at_its_time_and_none_before(ward: Ward):
    ward.give("ivig", START, RUNS)
    asked: set[str] = set()

    for hours, items in ASKED_AT.items():
        early = ward.due(after(hours=hours, minutes=-1))
        now = ward.due(after(hours=hours))
        asked |= early | now
        assert not items & early, f"asked for before {hours} h"
        assert items <= now, f"not asked for at {hours} h"

    assert not asked & NEVER_ASKED


def test_responder_is_told_with_dates_and_raises_nothing(ward: Ward):
    ward.enter("HAE-01", START - timedelta(minutes=6), **haemoglobin("131", blood_group="a"))
    ward.give("ivig", START, RUNS)
    seen = [
        ward.enter("VIT-02", after(minutes=15), **VITALS, rigors="no"),
        ward.enter("AMS-01", after(hours=6), **MENINGITIS),
        ward.enter("PLT-03", after(hours=24), **platelets("56")),
        ward.enter("BLD-01", after(hours=24, minutes=1), who_bleeding_grade="0"),
        ward.enter("REN-03", after(hours=48), **creatinine("83")),
        ward.enter("HAE-02", after(hours=53), **haemoglobin("127")),
        ward.enter("PLT-06", after(days=7), **platelets("118")),
        ward.enter("BLD-01", after(days=7, minutes=1), who_bleeding_grade="0"),
    ]
    at_a_week = ward.words(after(days=8), "encounter")
    seen += [
        ward.enter("PLT-07", after(days=14), **platelets("121")),
        ward.unplanned("BLEEDING", after(days=14, minutes=1), who_bleeding_grade="0"),
    ]
    at_a_fortnight = ward.words(after(days=14, hours=1), "encounter")

    # Of bleeding that was never graded before nobody can say whether it stepped up.
    assert [each.title for each in seen if each.level != "normal"] == ["WHO bleeding grade"]
    assert seen[3].level == "not_judged"
    assert not ward.due(after(days=14, hours=1)) & NEVER_ASKED
    assert "Complete response since 09-Nov-2026 08:30, provisional" in at_a_week
    assert "another such count from 16-Nov-2026 08:30" in at_a_week
    assert "Complete response, confirmed on 16-Nov-2026 08:30" in at_a_fortnight
    assert "First response on day 1" in at_a_fortnight
    assert "on hold" not in ward.words(after(days=14, hours=1))


def test_refractory_course_asks_haematology_on_day_1_and_4_and_tells_poor_increments(ward: Ward):
    ward.give("platelets", START, timedelta(minutes=30))
    ward.enter("PLT-02", after(minutes=60), **platelets("20"))
    once = ward.words(after(hours=1, minutes=1), "encounter")
    ward.give("ivig", after(hours=2), RUNS)
    ward.order_again(after(hours=7), platelets_per_ul=19000, blood_group="a")
    ward.give("platelets", after(hours=8), timedelta(minutes=30))
    ward.enter("PLT-02", after(hours=9), **platelets("21"))
    twice = ward.words(after(hours=10), "encounter")
    ward.unplanned("BLEEDING", after(hours=26), who_bleeding_grade="2")
    day_1 = ward.unplanned("COUNT_24H", after(hours=26, minutes=1), **platelets("22"))
    before_day_4 = ward.due(after(hours=71))
    day_4 = ward.enter("PLT-05", after(days=4), **platelets("24"))

    assert "refractory to platelets" not in once
    assert "Two poor increments in a row: refractory to platelets" in twice
    assert "do not order HLA-matched platelets on this alone" in twice
    assert (day_1.level, day_4.level) == ("alert", "alert")
    assert "PLT-05" not in before_day_4
    page = ward.words(after(days=4, minutes=1))
    assert "call haematology about a second dose" in page
    assert "haematology decides on a second dose or a thrombopoietin receptor agonist" in page
    assert "No response since" in ward.words(after(days=4, minutes=2), "encounter")


def test_relapse_on_day_21_is_an_alert_and_offers_a_new_assessment(ward: Ward):
    ward.give("ivig", START, RUNS)
    for item, days, count in (("PLT-04", 2, "80"), ("PLT-06", 7, "140"), ("PLT-07", 14, "125")):
        ward.enter(item, after(days=days), **platelets(count))
        ward.unplanned("BLEEDING", after(days=days, minutes=1), who_bleeding_grade="0")
    with time_machine.travel(after(days=14, hours=1), tick=False):
        assess(ward.site, platelets_per_ul=125_000, bleeding_level="none", bleeding_sites=[])
    before = ward.words(after(days=20), "encounter")
    late = ward.enter("PLT-08", after(days=21), **platelets("17"))
    ward.unplanned("BLEEDING", after(days=21, minutes=1), who_bleeding_grade="1")

    now = ward.words(after(days=21, hours=1), "encounter")

    assert "lost on" not in before
    assert "Facts have changed" not in before
    assert "Running; no loss in the counts on record" in before
    assert late.level == "alert"
    assert "Response lost on 23 Nov 2026, 08:30" in now
    assert "call haematology, plan the next line" in now
    # More immunoglobulin would now be a new assessment, not a repeat of the first dose.
    assert "Second dose of immunoglobulin" in ward.words(after(days=13), "encounter")
    assert "Second dose of immunoglobulin" not in now
    assert "Expected transient loss of the effect after 2 to 4 weeks" in ward.words(after(days=21, hours=1))
    assert "Facts have changed" in now


def test_kidney_injury_of_stage_2_at_48_hours_stops_the_course_and_is_followed(ward: Ward):
    ward.give("ivig", START, RUNS)
    quiet = ward.due(after(hours=47, minutes=59))
    # The baseline is 80: 165 is 2.06 times as much.
    found = ward.enter("REN-03", after(hours=48), **creatinine("165"))

    assert not quiet & {"REN-03", "REN-AGAIN", "HAE-SCREEN", "REN-06"}
    assert (found.level, found.derived["kdigo_stage"]) == ("critical", 2)
    page = ward.words(after(hours=48, minutes=1))
    assert "Stop the immunoglobulin course. Call nephrology and haematology now" in page
    assert "The next dose of immunoglobulin is on hold" in page
    assert "HAE-SCREEN" in ward.due(after(hours=48, minutes=1))
    assert "REN-AGAIN" not in ward.due(after(hours=59, minutes=59))
    assert "REN-AGAIN" in ward.due(after(hours=60))
    ward.enter("REN-AGAIN", after(hours=60), **creatinine("150"))
    # On day 10, once: the second abnormal value asks for no second check of that day.
    assert ward.planned(after(hours=61))["REN-06"] == after(days=10)
    assert "REN-06" not in ward.due(after(days=9, hours=23))
    ward.enter("REN-05", after(days=7), **creatinine("110"))
    assert ward.enter("REN-06", after(days=10), **creatinine("88")).level == "normal"


def test_haemolysis_on_day_6_is_found_by_the_fall_and_its_tests(ward: Ward):
    ward.enter("HAE-01", START - timedelta(minutes=6), **haemoglobin("130", blood_group="a"))
    ward.give("ivig", START, RUNS)
    fell = ward.enter("HAE-02", after(hours=53), **haemoglobin("116"))
    assert {"HAE-SCREEN"} <= ward.due(after(hours=53, minutes=1))
    coming = ward.planned(after(hours=53, minutes=1))
    again = ward.enter("HAE-AGAIN", after(hours=77), **haemoglobin("114"))
    tests = {
        "reticulocytes_raised": "yes",
        "ldh_raised": "yes",
        "bilirubin_raised": "yes",
        "haptoglobin_low": "yes",
        "spherocytes": "no",
        "dat_positive": "yes",
        "no_other_cause": "yes",
    }

    found = ward.enter("HAE-03", after(days=6), **haemoglobin("104", **tests))

    assert (fell.level, again.level, found.level) == ("alert", "alert", "critical")
    assert coming["HAE-AGAIN"] == after(hours=77)
    assert coming["HAE-03"] == after(days=7, hours=5)
    assert found.derived["haemoglobin_fall_g_per_l"] == "26"
    assert found.derived["is_haemolysis"] is True
    page = ward.words(after(days=6, minutes=1))
    assert "Group O red cells if red cells are needed" in page
    assert ward.planned(after(days=6, minutes=1))["HAE-04"] == after(days=14, hours=5)
    assert "HAE-04" not in ward.due(after(days=14, hours=4))
    assert "HAE-04" in ward.due(after(days=14, hours=5))


def test_meningitis_at_30_hours_asks_for_imaging_first_and_looks_again(ward: Ward):
    ward.give("ivig", START, RUNS)
    ward.enter("AMS-02", after(hours=24), **MENINGITIS)
    quiet = ward.due(after(hours=29, minutes=59))

    signs = {"headache_score": "8", "meningitis_signs": ["stiff_neck", "photophobia"]}
    found = ward.unplanned("MENINGITIS", after(hours=30), **{**MENINGITIS, **signs})

    assert not quiet & {"AMS-02", "AMS-03", "AMS-AGAIN", "VIT-AGAIN"}
    assert found.level == "critical"
    page = ward.words(after(hours=30, minutes=1))
    assert "CT of the head first: the count is low, exclude a bleed" in page
    assert "The next dose of immunoglobulin is on hold" in page
    assert "AMS-AGAIN" not in ward.due(after(hours=33, minutes=59))
    assert "AMS-AGAIN" in ward.due(after(hours=34))


@pytest.mark.hazard("H22")
def test_anaphylaxis_at_12_minutes_ends_the_dose_and_the_checks_that_hang_on_it(ward: Ward):
    ward.enter("VIT-01", START - timedelta(minutes=5), **VITALS)
    assert ward.note("ivig", START, act="start").status_code == 302

    noted = ward.note("ivig", after(minutes=12), form="reaction", grade="4", comment="Wheeze, pulse 140")

    assert noted.status_code == 302
    line = OrderLine.objects.get(kind="ivig")
    page = ward.see("infusion", line.order_set_id, at=after(minutes=13))
    assert "Adrenaline into the outer thigh muscle: 0.5 mg" in in_words(page)
    assert "Stopped, finished for today" in in_words(page)
    assert 'value="restart"' not in page.content.decode()
    assert "VIT-AGAIN" not in ward.due(after(minutes=26))
    assert "VIT-AGAIN" in ward.due(after(minutes=27))
    # Counted from the end, which was minute 12, not from the end that was planned.
    assert ward.planned(after(minutes=14))["THR-02"] == after(hours=4, minutes=12)
    assert not ward.due(after(hours=3)) & {"VIT-03", "VIT-04", "THR-02"}
    with time_machine.travel(after(hours=3), tick=False):
        made = assess(ward.site, blood_group="a")
        refused = check(ward.client(ward.site.physician), made, choices(made))
    assert "a grade 4 reaction to immunoglobulin" in in_words(refused)
    assert "Reassess the patient first" in in_words(refused)


def test_overload_after_the_last_product_is_told_from_lung_injury_and_holds_everything(ward: Ward):
    ward.give("platelets", START, timedelta(minutes=30))
    ward.give("ivig", after(hours=1), RUNS)
    quiet = ward.due(after(hours=11, minutes=59))
    distress = {"oxygen_saturation_percent": "88", "respiratory_rate_per_min": "29", "new_crackles": "yes"}

    found = ward.enter("PUL-02-6", after(hours=12), **distress, positive_balance_ml="2100")

    assert not quiet & {"PUL-02-6", "PUL-WORKUP", "PUL-AGAIN"}
    assert found.level == "critical"
    assert "PUL-WORKUP" in ward.due(after(hours=12, minutes=1))
    told = ward.enter(
        "PUL-WORKUP",
        after(hours=12, minutes=20),
        hours_after_product="6",
        overload_signs=["respiratory_distress", "pulmonary_oedema", "fluid_overload", "natriuretic_peptide"],
        bilateral_oedema="yes",
        left_atrial_hypertension="yes",
        oxygen_saturation_percent="88",
        on_oxygen="no",
    )
    assert told.derived["is_taco"] is True
    assert told.derived["is_trali"] is False
    page = ward.words(after(hours=12, minutes=21))
    assert "Circulatory overload: furosemide intravenously" in page
    assert "The next dose of immunoglobulin, platelets is on hold" in page
    assert "PUL-AGAIN" in ward.due(after(hours=12, minutes=50))
