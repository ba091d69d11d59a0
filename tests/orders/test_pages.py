"""What the order pages show and keep: lines by time, reasons where they are needed, one document to sign."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ivigsite.encounters.models import Assessment
from ivigsite.encounters.timeline import offset_words
from ivigsite.orders.actions import begin_print, hand_out, void_order_set
from ivigsite.orders.content import _maximum
from ivigsite.orders.forms import ChooseForm
from ivigsite.orders.models import OrderSet
from ivigsite.orders.presentation import summarise
from ivigsite.orders.proposal import propose
from ivigsite.orders.sheet.states import Paper
from tests.orders.test_signing import check, choices, sign
from tests.scenario import PASSWORD, Site, assess, shipped

pytestmark = pytest.mark.django_db

T0 = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
STOPPED: dict[str, Any] = {"bleeding_level": "life_threatening", "ttp_suspected": True}


class Inputs(HTMLParser):
    """Every control of a page with its attributes, and every id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.controls: list[dict[str, str | None]] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("input", "select", "button"):
            self.controls.append({"tag": tag, **given})
        if identifier := given.get("id"):
            self.ids.append(identifier)

    def ticked(self) -> set[str]:
        return {str(control["value"]) for control in self.controls if "checked" in control}


def text_of(page: Any) -> str:
    """The words of a page with single spaces, without its tags."""
    words = re.sub(r"<[^>]+>", " ", page.content.decode()).replace("\u00a0", " ")
    return re.sub(r"\s+", " ", words)


def open_page(client: Client, assessment: Assessment) -> Any:
    return client.get(reverse("choose_orders", args=[assessment.pk]))


def refresh(client: Client, assessment: Assessment, target: str, data: dict[str, str]) -> Any:
    """What htmx sends when a control changes."""
    headers = {"HX-Request": "true", "HX-Target": target}
    return client.post(reverse("choose_orders", args=[assessment.pk]), data, headers=headers)


def signed(client: Client, assessment: Assessment, **changes: str) -> OrderSet:
    sign(client, assessment, choices(assessment, **changes))
    return OrderSet.objects.get(assessment=assessment)


def form_of(assessment: Assessment, **kept: str) -> ChooseForm:
    proposal = propose(assessment=assessment, product=kept.get("product"), at=timezone.now())
    return ChooseForm(proposal=proposal, now=timezone.now(), kept=kept)


@pytest.fixture
def page(physician: Client, site: Site) -> Inputs:
    return Inputs(open_page(physician, assess(site)).content.decode())


# Choosing


def test_no_alternative_offered_or_standby_line_arrives_ticked(physician: Client, site: Site) -> None:
    cases: list[dict[str, Any]] = [{}, {"bleeding_level": "life_threatening"}, {"platelets_per_ul": 40000}]
    for changes in cases:
        assessment = assess(site, **changes)
        proposal = propose(assessment=assessment, product=None, at=timezone.now())

        ticked = Inputs(open_page(physician, assessment).content.decode()).ticked() - {"none"}

        lines = {card.code for card in proposal.cards if card.role == "required"}
        weight = {proposal.policy} if proposal.has_policies_to_choose else set()
        assert ticked == lines | {proposal.outcome_product} | weight


def test_alternatives_are_radio_buttons_and_a_line_of_its_own_is_a_box(page: Inputs) -> None:
    kinds = {str(control.get("value")): control.get("type") for control in page.controls}

    assert kinds["G4A_IVIG"] == kinds["G4A_IVIG_24H"] == "radio"
    assert kinds["G4A_PLATELETS"] == kinds["G4A_FILM"] == "checkbox"


def test_every_id_is_given_once(page: Inputs) -> None:
    assert len(page.ids) == len(set(page.ids))


def test_reasons_can_be_reached_without_a_script(page: Inputs) -> None:
    names = {control.get("name") for control in page.controls}

    assert {"line_ivig_reason", "line_platelets_reason", "line_platelets_comment"} <= names


def test_a_line_stands_with_dose_route_and_rate_and_where_it_comes_from(
    physician: Client, site: Site
) -> None:
    text = text_of(open_page(physician, assess(site)))

    assert (
        "immune globulin intravenous (human) 70 g intravenously, once, single dose 21 to 168 mL per h" in text
    )
    assert "At T0 · 1 g per kg for 70 kg (actual weight)" in text
    assert "29.1 mL per h, 24 h 3 min" in text
    assert "Recommended Source document" in text
    assert "Alternative Product label" in text


def test_a_recommended_box_that_is_not_ticked_asks_for_a_reason(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(assessment)
    del data["line_platelets"]

    answer = check(physician, assessment, data)

    assert answer.status_code == 422
    assert "line_platelets_reason" in answer.context["form"].errors


def test_an_alternative_is_a_reason_to_give_too(physician: Client, site: Site) -> None:
    assessment = assess(site)

    asked = check(physician, assessment, choices(assessment, line_ivig="G4A_IVIG_24H"))
    given = check(
        physician,
        assessment,
        choices(assessment, line_ivig="G4A_IVIG_24H", line_ivig_reason="haematology"),
    )

    assert (asked.status_code, given.status_code) == (422, 200)
    assert "once, single dose over 24 hours" in text_of(given)


def test_a_group_that_is_not_answered_is_asked_again(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(assessment)
    del data["line_ivig"]

    answer = check(physician, assessment, data)

    assert answer.status_code == 422
    assert "line_ivig" in answer.context["form"].errors


def test_another_line_redraws_only_what_stands_beside_the_lines(physician: Client, site: Site) -> None:
    assessment = assess(site)

    answer = refresh(
        physician, assessment, "order-summary", choices(assessment, line_ivig="G4A_IVIG_24H")
    ).content.decode()

    assert 'id="order-summary"' in answer
    assert 'id="order-lines"' not in answer
    assert 'type="radio"' not in answer
    assert "29.1" in answer


def test_another_product_redraws_the_lines_and_what_stands_beside_them(physician: Client, site: Site) -> None:
    assessment = assess(site)

    answer = refresh(
        physician, assessment, "order-lines", choices(assessment, product="gammagard_sd")
    ).content.decode()

    assert answer.count('id="order-lines"') == 1
    assert 'id="order-summary" hx-swap-oob="true"' in answer
    assert "1,400 mL" in answer
    assert "Rate plan" in answer
    assert 'id="id_product"' not in answer


def test_a_refresh_keeps_what_is_chosen_and_judges_nothing(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(assessment, line_ivig="G4A_IVIG_1_X2", starts_at="soon")
    del data["line_platelets"]

    answer = refresh(physician, assessment, "order-lines", data)

    ticked = Inputs(answer.content.decode()).ticked()
    assert answer.status_code == 200
    assert "G4A_IVIG_1_X2" in ticked
    assert "G4A_PLATELETS" not in ticked
    assert "Error" not in text_of(answer)
    assert "T0 not set" in text_of(answer)


def test_without_a_script_the_product_is_shown_by_a_button(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = {**choices(assessment, product="gammagard_sd", line_platelets="none"), "update": ""}

    answer = physician.post(reverse("choose_orders", args=[assessment.pk]), data)

    assert answer.status_code == 200
    assert "1,400 mL" in answer.content.decode()
    assert "There is a problem" not in text_of(answer)
    assert "G4A_PLATELETS" not in Inputs(answer.content.decode()).ticked()


@pytest.mark.hazard("H09")
def test_platelets_say_on_the_line_and_the_sheet_what_is_not_excluded(physician: Client, site: Site) -> None:
    """In critical bleeding they go on while TTP and HIT are open, and whoever gives them reads it."""
    assessment = assess(
        site,
        bleeding_findings=["melaena"],
        bleeding_sites=["gi"],
        bleeding_level="active_cns_gi_gu",
        ttp_suspected=None,
        schistocytes=None,
        hit_suspected=None,
        heparin_last_100_days=None,
    )
    said = "With haematology on the phone: TTP not excluded; HIT not excluded."

    page = open_page(physician, assessment)
    content = signed(physician, assessment).sheet_content

    assert said in text_of(page)
    (platelets,) = (order for order in content.orders if order.kind == "platelets")
    assert platelets.instructions[0] == said


def test_a_stop_before_every_line_leaves_nothing_to_press(physician: Client, site: Site) -> None:
    answer = open_page(physician, assess(site, weight_method=None))

    names = [control.get("name") for control in Inputs(answer.content.decode()).controls]
    assert "check" not in names
    assert "Signing is stopped" in text_of(answer)
    assert "W-WEIGHT-AGE stops signing." in text_of(answer)


@pytest.mark.hazard("H22")
def test_a_named_stop_is_asked_about_only_when_a_held_line_is_ordered(physician: Client, site: Site) -> None:
    assessment = assess(site, **STOPPED)
    nothing_held = choices(assessment)

    without = check(physician, assessment, nothing_held)
    with_held = check(physician, assessment, {**nothing_held, "line_ivig": "EM_IVIG"})

    assert without.status_code == 200
    assert without.context["content"].overrides == ()
    assert with_held.status_code == 422
    assert {"override_HS-04-LT_reason", "override_HS-04-LT_by"} <= set(with_held.context["form"].errors)


@pytest.mark.hazard("H22")
def test_findings_stand_in_one_panel_with_the_stops_first(physician: Client, site: Site) -> None:
    html = open_page(physician, assess(site, weight_kg="92", first_ivig=None, iga_g_per_l=None)).content

    levels = re.findall(r'<article class="finding is-(\w+)"', html.decode())
    assert html.count(b'id="alerts-title"') == 1
    assert levels == sorted(levels, key=["critical", "warning", "information"].index)
    assert levels[0] == "critical"


# What stands beside the lines


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "At T0"), (30, "T0 + 30 min"), (60, "T0 + 1 h"), (95, "T0 + 1 h 35 min"), (480, "T0 + 8 h")],
)
def test_a_start_is_told_from_t0(minutes: int, words: str) -> None:
    assert offset_words(minutes) == words


def test_the_summary_puts_the_rate_plan_on_the_clock(site: Site) -> None:
    form = form_of(assess(site))

    summary = summarise(form.proposal, chosen=form.chosen_cards, missing=form.missing_cards, starts_at=T0)

    assert summary.plan is not None
    assert [step.row.ml_per_h for step in summary.plan.steps] == ["21", "42", "84", "168"]
    assert [step.starts_at for step in summary.plan.steps] == [
        T0 + timedelta(minutes=minutes) for minutes in (0, 30, 60, 90)
    ]
    assert summary.plan.ends_at == T0 + timedelta(hours=5, minutes=14)
    assert {line.starts_at for line in summary.lines} == {T0, None}
    assert summary.missing == ()


def test_the_summary_agrees_with_the_plan_that_is_signed(physician: Client, site: Site) -> None:
    assessment = assess(site)
    content = check(physician, assessment, choices(assessment)).context["content"]
    form = form_of(assessment)

    summary = summarise(
        form.proposal, chosen=form.chosen_cards, missing=(), starts_at=content.rate_plan.steps[0].starts_at
    )

    assert summary.plan is not None
    assert [step.starts_at for step in summary.plan.steps] == [s.starts_at for s in content.rate_plan.steps]


def test_the_summary_names_what_is_left_out(site: Site) -> None:
    assessment = assess(site)
    kept = choices(assessment, line_ivig="none")

    form = form_of(assessment, **kept)

    assert [card.code for card in form.missing_cards] == ["G4A_IVIG"]
    assert "G4A_IVIG" not in [card.code for card in form.chosen_cards]


def test_lines_stand_in_the_order_in_which_they_are_carried_out(site: Site) -> None:
    form = form_of(assess(site, bleeding_level="active_cns_gi_gu", bleeding_sites=["gi"]))

    timings = [card.timing for card in form.chosen_cards]

    order = ["now", "concurrent", "standby", "monitoring", "consult"]
    assert timings == sorted(timings, key=order.index)
    assert [section.timing for section in form.sections] == [t for t in order if t in set(timings)]


# Checking


@pytest.mark.hazard("H08")
def test_the_check_page_shows_the_patient_twice_and_the_signer(physician: Client, site: Site) -> None:
    assessment = assess(site)

    page = check(physician, assessment, choices(assessment))

    html = page.content.decode()
    assert html.count('class="identity"') == 2
    assert html.count("9990001112") >= 3
    assert "You sign as Physician Physician, registration 1234567" in text_of(page)


def test_change_leads_back_to_the_place_with_everything_kept(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(
        assessment,
        product="gammagard_sd",
        line_ivig="G4A_IVIG_1_X2",
        line_ivig_reason="other",
        line_ivig_comment="Agreed at the bedside",
    )
    del data["line_platelets"]
    data["line_platelets_reason"] = "not_available"
    page = check(physician, assessment, data)
    places = re.findall(r'formaction="[^"#]+#([^"]+)"', page.content.decode())

    back = physician.post(
        reverse("choose_orders", args=[assessment.pk]), {**dict(page.context["carried"]), "change": ""}
    )

    shown = back.context["form"]
    kept = {name: shown[name].value() for name in data if name in shown.fields}
    assert back.status_code == 200
    assert kept == {name: value for name, value in data.items() if name in shown.fields}
    assert "G4A_PLATELETS" not in Inputs(back.content.decode()).ticked()
    assert places
    assert set(places) <= set(Inputs(back.content.decode()).ids)


def test_enter_in_the_password_signs_and_does_not_change(physician: Client, site: Site) -> None:
    assessment = assess(site)

    html = check(physician, assessment, choices(assessment)).content.decode()

    form = html[html.index('id="sign-form"') :]
    own = [c for c in Inputs(form[: form.index("</form>")]).controls if c.get("type") == "submit"]
    assert [control["name"] for control in own] == ["sign"]
    assert 'form="sign-form"' not in html


@pytest.mark.hazard("H23")
def test_a_wrong_password_says_that_nothing_was_signed(physician: Client, site: Site) -> None:
    assessment = assess(site)

    answer = sign(physician, assessment, choices(assessment), password="wrong password altogether")

    assert "The password is not right. Nothing was signed." in text_of(answer)
    assert "Error: Check and sign" in text_of(answer)


# The order set


def test_an_order_set_in_force_shows_its_sources_and_its_ways_back(physician: Client, site: Site) -> None:
    order_set = signed(physician, assess(site))

    page = physician.get(order_set.get_absolute_url())

    html, text = page.content.decode(), text_of(page)
    lines = order_set.lines.count()
    assert "Signed, in force" in text
    assert html.count('class="signed-side"') == lines
    assert len(re.findall(r'class="role is-', html)) == lines
    assert len(re.findall(r'<details class="disclosure" id="why-', html)) == lines
    assert order_set.assessment.get_absolute_url() in html
    assert order_set.encounter.get_absolute_url() in html
    assert reverse("void_order_set", args=[order_set.pk]) in html


def test_a_printed_page_says_that_it_is_not_the_sheet(physician: Client, site: Site) -> None:
    order_set = signed(physician, assess(site))

    text = text_of(physician.get(order_set.get_absolute_url()))

    assert "HTML fallback, not the sheet. DEMO, fictional patient. Signed, in force when printed." in text


@pytest.mark.hazard("H16")
def test_a_void_order_set_says_not_to_follow_it_on_screen_and_on_paper(physician: Client, site: Site) -> None:
    order_set = signed(physician, assess(site))
    void_order_set(order_set=order_set, reason="Wrong patient", by=site.physician, at=timezone.now())

    page = physician.get(order_set.get_absolute_url())

    text = text_of(page)
    assert "Do not follow this order set. Wrong patient. Physician," in text
    assert "VOID. DO NOT FOLLOW." in text
    assert "Signed, in force" not in text
    assert "Print A4, marked void" in text
    assert reverse("void_order_set", args=[order_set.pk]) not in page.content.decode()


def test_a_superseded_order_set_leads_to_the_one_in_force(physician: Client, site: Site) -> None:
    first = signed(physician, assess(site))
    second = signed(physician, assess(site))

    page = physician.get(first.get_absolute_url())

    assert "SUPERSEDED. DO NOT FOLLOW." in text_of(page)
    assert f"In force now: {second.code}" in text_of(page)
    assert second.get_absolute_url() in page.content.decode()


def test_an_expired_order_set_says_that_nothing_may_be_started(
    physician: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_set = signed(physician, assess(site))
    later = order_set.valid_until + timedelta(minutes=1)
    monkeypatch.setattr("ivigsite.orders.views.timezone.now", lambda: later)
    physician.force_login(site.physician)

    page = physician.get(order_set.get_absolute_url())

    assert "Nothing may be started on it any more." in text_of(page)
    assert "EXPIRED. DO NOT FOLLOW." in text_of(page)


def test_what_was_declined_and_passed_stands_on_the_page_with_who_and_why(
    physician: Client, site: Site
) -> None:
    declined = signed(physician, assess(site), line_platelets="none", line_platelets_reason="not_available")
    passed = signed(
        physician,
        assess(site, **STOPPED),
        line_platelets="EM_PLATELETS",
        **{
            "override_HS-04-LT_reason": "other",
            "override_HS-04-LT_comment": "Plasma exchange begins now",
            "override_HS-04-LT_by": "Dr Night Example",
        },
    )

    assert "on a line of their own Not available" in text_of(physician.get(declined.get_absolute_url()))
    assert (
        "Agreed by Dr Night Example (Haematologist) : Another reason: Plasma exchange begins now"
        in text_of(physician.get(passed.get_absolute_url()))
    )


def test_copies_are_listed_with_who_made_and_who_took_them(physician: Client, site: Site) -> None:
    order_set = signed(physician, assess(site))
    now = timezone.now()
    second = begin_print(order_set=order_set, paper=Paper.LETTER, by=site.nurse, at=now)
    hand_out(print_=second, to=site.physician, at=now)

    text = text_of(physician.get(order_set.get_absolute_url()))

    assert re.search(r"Copy 1 A4 Marked signed Made for Physician, [^ ]+ [^ ]+ Not handed out yet", text)
    assert re.search(r"Copy 2 Letter Marked copy Made for Nurse, [^ ]+ [^ ]+ Handed out to Physician", text)


def test_the_number_of_queries_does_not_grow_with_the_copies(physician: Client, site: Site) -> None:
    order_set = signed(physician, assess(site))
    page = order_set.get_absolute_url()
    physician.get(page)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            physician.get(page)
        return len(captured)

    before = queries()
    for _ in range(4):
        begin_print(order_set=order_set, paper=Paper.A4, by=site.physician, at=timezone.now())

    assert queries() == before


def test_voiding_shows_whose_orders_they_are_and_says_what_is_missing(physician: Client, site: Site) -> None:
    order_set = signed(physician, assess(site))
    url = reverse("void_order_set", args=[order_set.pk])

    asked = physician.get(url)
    empty = physician.post(url, {"password": PASSWORD})
    wrong = physician.post(url, {"reason": "Wrong patient", "password": "no"})

    assert "9990001112" in asked.content.decode()
    assert "immune globulin intravenous (human) 70 g" in text_of(asked)
    assert "Say why the order set is voided." in text_of(empty)
    assert "Nothing was voided." in text_of(wrong)
    assert "Wrong patient" in wrong.content.decode()


@pytest.mark.parametrize(("cap", "words"), [("1", "1 adult dose"), ("2", "2 adult doses")])
def test_maximum_of_an_order_is_said_in_the_number_of_its_unit(cap: str, words: str) -> None:
    regimen = replace(shipped().regimens[0], cap=Decimal(cap), unit="adult dose")

    assert _maximum(SimpleNamespace(regimen=regimen)) == words
