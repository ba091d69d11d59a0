"""From the emergency screen to a signed order set: what is chosen, what is held, and when the clock stops."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.encounters.models import Assessment, EmergencyEnding, EmergencyStart
from ivigsite.orders.models import OrderSet
from ivigsite.orders.sheet.render import render_sheet
from ivigsite.orders.sheet.states import Paper, Signed
from tests.encounters.emergency_answers import emergency_answers
from tests.orders.course import entered
from tests.scenario import PASSWORD, Site, assess

pytestmark = pytest.mark.django_db


def declare(client: Client, site: Site, **changes: Any) -> Any:
    """Press on the board, answer the screen, and arrive at the page that is signed."""
    client.post(reverse("start_emergency", args=[site.encounter.pk]))
    path = reverse("emergency", args=[site.encounter.pk])
    return client.post(path, emergency_answers(site.encounter, **changes), follow=True)


def sign(client: Client, page: Any, **changes: str) -> Any:
    """Sign what the page shows: everything it carries, its digest, and the password."""
    posted = dict(page.context["carried"])
    assessment = page.context["assessment"]
    return client.post(
        reverse("sign_orders", args=[assessment.pk]),
        {**posted, "digest": page.context["digest"], "password": PASSWORD, "sign": "", **changes},
    )


def ordered(page: Any) -> dict[str, str]:
    return {
        order.name: f"{order.dose.amount} {order.dose.unit}"
        for order in page.context["content"].orders
        if order.dose is not None
    }


def test_continue_leads_to_the_page_that_is_signed_with_the_emergency_doses(physician: Client, site: Site):
    page = declare(physician, site)

    assert page.status_code == 200
    assert page.templates[0].name == "orders/emergency_check.html"
    assert ordered(page) == {
        "immune globulin intravenous (human)": "85 g",
        "platelets": "2 adult doses",
        "methylPREDNISolone": "1000 mg",
    } or sorted(ordered(page).values()) == ["1000 mg", "2 adult doses", "85 g"]
    assert not OrderSet.objects.exists()


@pytest.mark.hazard("H24")
def test_only_what_the_rule_requires_arrives_chosen(physician: Client, site: Site):
    page = declare(physician, site)

    cards = page.context["proposal"].cards_by_code
    assert {cards[code].role for code in page.context["form"].to_choices().codes} == {"required"}


def test_whom_to_call_and_what_is_unproven_stand_on_the_page(physician: Client, site: Site):
    page = declare(physician, site, bleeding_sites=["cns"]).content.decode()

    for call in ("Haematologist on call", "Critical care", "Blood bank", "Neurosurgery"):
        assert call in page
    assert "HIT or VITT suspected" in page
    assert "The cause is unproven" in page


def test_neurosurgery_is_called_for_brain_and_spine_alone(physician: Client, site: Site):
    page = declare(physician, site, bleeding_sites=["gi"])

    assert "Neurosurgery" not in [call.title.partition(",")[0] for call in page.context["calls"]]


@pytest.mark.hazard("H23")
def test_signing_takes_the_password_and_stops_the_clock(physician: Client, site: Site):
    page = declare(physician, site)

    refused = sign(physician, page, password="")
    assert refused.status_code == 403
    assert refused.templates[0].name == "orders/emergency_check.html"
    assert not OrderSet.objects.exists()
    signed = sign(physician, page)

    order_set = OrderSet.objects.get()
    assert signed["Location"] == order_set.get_absolute_url()
    ending = EmergencyEnding.objects.get()
    assert (ending.kind, ending.ended_at) == ("treated", order_set.signed_at)
    content = order_set.sheet_content
    assert content.emergency is not None
    assert content.emergency.started_at == EmergencyStart.objects.get().started_at
    assert "EMERGENCY started" in physician.get(order_set.get_absolute_url()).content.decode()
    assert "first treatment signed after" in physician.get(site.encounter.get_absolute_url()).content.decode()


@pytest.mark.hazard("H13")
def test_signing_twice_signs_once_and_starts_nothing_anew(physician: Client, site: Site):
    page = declare(physician, site)

    first, second = sign(physician, page), sign(physician, page)

    assert first["Location"] == second["Location"]
    assert OrderSet.objects.count() == EmergencyStart.objects.count() == EmergencyEnding.objects.count() == 1


def test_what_asks_a_reason_alone_is_passed_because_bleeding_does_not_wait_and_is_shown(
    physician: Client, site: Site
):
    page = declare(physician, site)

    [passed] = page.context["content"].overrides
    assert (passed.rule_id, passed.by) == ("HS-09-CRITICAL", "")
    assert passed.reason == "Bleeding does not allow waiting"
    assert "Bleeding does not allow waiting" in page.content.decode()
    assert not any(stop.names and stop.reason.value() for stop in page.context["form"].stops)


@pytest.mark.hazard("H24")
def test_what_nobody_asked_is_listed_as_not_known_on_the_sheet(physician: Client, site: Site):
    sign(physician, declare(physician, site))

    content = OrderSet.objects.get().sheet_content
    known = Assessment.objects.get().facts
    asked = set(content.basis.not_known)
    assert {"HIT or VITT suspected", "Serum creatinine", "Pregnant", "First immunoglobulin ever"} <= asked
    assert "ttp_suspected" in known
    assert not any("TTP" in label for label in asked)
    assert content.emergency_consent.startswith("Bleeding is life-threatening")


def test_reason_for_treating_without_consent_can_be_changed_and_must_be_one_that_is_offered(
    physician: Client, site: Site
):
    page = declare(physician, site)
    data = dict(page.context["carried"])
    path = reverse("choose_orders", args=[page.context["assessment"].pk])

    changed = physician.post(
        path,
        {**data, "consent_reason": "verbal", "consent_comment": "Nods", "check": ""},
    )
    refused = physician.post(path, {**data, "consent_reason": "hurry", "check": ""})

    assert changed.context["content"].emergency_consent.endswith("follows: Nods")
    assert refused.status_code == 422
    assert "consent_reason" in refused.context["form"].errors


@pytest.mark.hazard("H09")
def test_platelets_are_held_when_ttp_is_present_until_a_named_haematologist_agrees(
    physician: Client, site: Site
):
    page = declare(physician, site, ttp_suspected="yes")
    assert page.status_code == 200
    assert ordered(page) == {}
    held = {option.value for group in page.context["held"] for option in group.options}
    assert "EM_PLATELETS" in held

    path = reverse("emergency_orders", args=[page.context["assessment"].pk])
    data = {**dict(page.context["carried"]), "line_platelets": "EM_PLATELETS"}
    unnamed = physician.post(path, data)
    assert unnamed.status_code == 422
    stops = page.context["form"].stops
    named = {stop.by.html_name: "Dr Haem" for stop in stops if stop.by is not None} | {
        stop.reason.html_name: "critical_bleeding" for stop in stops
    }
    agreed = physician.post(path, {**data, **named})

    assert agreed.status_code == 200, agreed.content.decode()
    assert list(ordered(agreed).values()) == ["2 adult doses"]
    assert any(override.by == "Dr Haem (Haematologist)" for override in agreed.context["content"].overrides)
    sign(physician, agreed)
    assert EmergencyEnding.objects.get().kind == "treated"


@pytest.mark.hazard("H09")
def test_calls_alone_are_no_treatment_and_let_the_clock_run(physician: Client, site: Site):
    page = declare(physician, site, ttp_suspected="yes")

    sign(physician, page)

    assert OrderSet.objects.get().lines.filter(kind="consult").exists()
    assert not EmergencyEnding.objects.exists()


def test_facts_that_changed_since_the_answers_are_said_before_signing(physician: Client, site: Site):
    page = declare(physician, site)
    assert "Facts have changed" not in page.content.decode()
    entered(site, "COUNT", {"platelets_per_ul": 62_000}, timezone.now())

    again = physician.get(reverse("emergency_orders", args=[page.context["assessment"].pk]))

    assert again.templates[0].name == "orders/emergency_check.html"
    assert "Facts have changed" in again.content.decode()


def test_old_count_delays_no_dose_and_is_said_before_signing(physician: Client, site: Site):
    from datetime import timedelta

    from django.utils import timezone

    from tests.encounters.emergency_answers import clock_time

    page = declare(physician, site, sampled_at=clock_time(timezone.now() - timedelta(hours=9)))

    assert page.status_code == 200
    assert "85 g" in ordered(page).values()
    assert "Treat now on the old count" in page.content.decode()


def test_without_an_emergency_the_ordinary_check_page_is_shown(physician: Client, site: Site):
    assessment = assess(site)

    page = physician.get(reverse("emergency_orders", args=[assessment.pk]))

    assert page.templates[0].name == "orders/check.html"
    assert page.context["content"].emergency is None
    assert page.context["content"].emergency_consent == ""


def test_bad_line_falls_back_to_the_page_where_lines_are_chosen(physician: Client, site: Site):
    page = declare(physician, site)
    path = reverse("emergency_orders", args=[page.context["assessment"].pk])

    answered = physician.post(path, {**dict(page.context["carried"]), "starts_at": "soon"})

    assert answered.status_code == 422
    assert answered.templates[0].name == "orders/choose.html"
    assert 'value="soon"' in answered.content.decode()


@pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")
def test_printed_sheet_says_when_the_emergency_started_and_why_nobody_was_asked(
    physician: Client, site: Site
):
    import pypdfium2
    from django.utils import timezone

    from ivigsite.orders.sheet.states import PrintEvent

    sign(physician, declare(physician, site))
    order_set = OrderSet.objects.get()
    event = PrintEvent(printed_at=timezone.now(), printed_by="Nurse", copy_number=1)

    data = render_sheet(order_set.sheet_content, Signed(), Paper.A4, event)

    with pypdfium2.PdfDocument(data) as document:
        text = " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())
    started = timezone.localtime(EmergencyStart.objects.get().started_at)
    assert f"started {started:%d-%b-%Y %H:%M:%S}" in text.replace("\u00a0", " ")
    assert "Emergency treatment without recorded consent" in text
    assert "Not known:" in text


def test_older_assessment_is_refused_in_an_emergency_with_the_way_to_sign_the_newest(
    physician: Client, site: Site
):
    older = declare(physician, site).context["assessment"]
    newest = declare(physician, site).context["assessment"]

    refused = physician.get(reverse("emergency_orders", args=[older.pk]))

    assert refused.status_code == 409
    assert refused.templates[0].name == "orders/emergency_stopped.html"
    assert "Haematologist on call" in refused.content.decode()
    assert reverse("emergency", args=[site.encounter.pk]) in refused.content.decode()
    assert reverse("emergency_orders", args=[newest.pk]) in refused.content.decode()
