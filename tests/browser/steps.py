"""What people do in a browser, by the words on the page."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import NoReturn
from uuid import uuid4

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Locator, Page, expect

from ivigsite.accounts.models import User
from ivigsite.encounters.actions import PatientDetails, Place, admit_patient
from ivigsite.encounters.models import Assessment, Encounter
from tests.scenario import PASSWORD, Site

Answers = Mapping[str, str]

BLEED: Answers = {
    "platelets": "18",
    "platelets_unit": "e9_per_l",
    "bleeding_findings": "melaena",
    "who_bleeding_grade": "3",
    "bleeding_sites": "gi",
    "bleeding_risk_factors": "none",
    "urgent_surgery": "no",
    "rapid_rise": "no",
}
CAUSE: Answers = {
    "immune_cause": "probable",
    "aetiology": "primary_itp",
    "clumps": "no",
    "low_count_confirmed": "yes",
    "ttp_suspected": "no",
    "schistocytes": "no",
    "haemolysis": "no",
    "hit_suspected": "no",
    "dic_suspected": "no",
    "marrow_failure": "no",
    "obstetric_tma": "no",
    "causative_drug": "no",
    "dat_positive": "no",
}
WEIGHT: Answers = {"weight_kg": "72", "weight_method": "measured", "height_cm": "168", "pregnant": "no"}
BEFORE_IMMUNOGLOBULIN: Answers = {
    "first_ivig": "yes",
    "iga_sample_taken": "yes",
    "anti_iga": "no",
    "immunoglobulin_reaction": "no",
    "ivig_refused": "no",
    "creatinine_umol_per_l": "74",
    "creatinine_umol_per_l_unit": "umol_per_l",
    "renal_risk_factors": "none",
    "thrombosis_risk_factors": "none",
    "recent_thrombosis": "no",
    "overload_risk_factors": "none",
    "blood_group": "o",
    "serology_sample_taken": "yes",
    "group_and_screen_taken": "yes",
    "consent": "recorded",
    "migraine_or_aseptic_meningitis": "no",
}
CAUTIONS: Answers = {
    "steroid_contraindicated": "no",
    "hepatitis_b_positive": "no",
    "antithrombotic": "none",
    "nil_by_mouth": "no",
    "platelets_refused": "no",
    "irradiated_needed": "no",
    "rhd_negative_childbearing": "no",
    "venous_lines": "2",
    "hyperprolinaemia": "no",
    "fructose_intolerance": "no",
    "corn_allergy": "no",
    "glucose_monitored": "no",
    "glucose_specific_meter": "yes",
}
PATIENT: Answers = {
    "record_number": "DEMO-4711",
    "family_name": "Examplebleed",
    "given_name": "Vera",
    "birth_date": "14-Jul-1985",
    "sex": "female",
    "allergies_known": "none_known",
}


def whole_case() -> Answers:
    """Every answer that signing a grade 4 bleed needs, with a sample of an hour ago."""
    now = timezone.localtime()
    times = {
        "sampled_at": (now - timedelta(hours=1)).strftime("%d-%b-%Y %H:%M"),
        "weighed_on": now.strftime("%d-%b-%Y"),
        "bleeding_seen_at": (now - timedelta(hours=1)).strftime("%d-%b-%Y %H:%M"),
        "bleeding_seen_by": "Test Night-Nurse",
        "bleeding_instructed_by": "Test Night-Registrar",
    }
    return {**BLEED, **times, **CAUSE, **WEIGHT, **BEFORE_IMMUNOGLOBULIN, **CAUTIONS}


def save_assessment(page: Page, encounter: Encounter, answers: Answers) -> None:
    """Fill in the form of an encounter and store it."""
    page.goto(assess_page(encounter))
    unfold(page)
    answer(page, answers)
    press(page, "Save assessment")
    expect(page.get_by_role("heading", name=re.compile(r"^Assessment \d"))).to_be_visible()


def admit_second(site: Site) -> Encounter:
    """Another patient on the same ward, with a name that is easily taken for the first."""
    return admit_patient(
        details=PatientDetails(
            record_number="9990002223",
            family_name="O'Brien-Nunes",
            given_name="Tess",
            title="",
            birth_date=date(1981, 3, 4),
            sex="female",
            allergies_known="none_known",
            allergies="",
        ),
        place=Place(ward=site.ward, bed="13", protocol_version=site.version),
        idempotency_key=uuid4(),
        entered={},
        by=site.physician,
        at=timezone.now(),
    )


def sign_in(page: Page, username: str = "physician") -> None:
    page.goto("/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_role("heading", name="Open encounters")).to_be_visible()


def let_in(context: BrowserContext, username: str) -> None:
    """Sign somebody in without the form, where the form is not what is looked at."""
    client = Client()
    client.force_login(User.objects.get(username=username))
    session = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies(
        [
            {
                "name": session.key,
                "value": session.value,
                "domain": "localhost",
                "path": "/",
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )


def arrive(page: Page, username: str = "physician") -> None:
    """Be on the board, signed in."""
    let_in(page.context, username)
    page.goto("/")
    expect(page.get_by_role("heading", name="Open encounters")).to_be_visible()


def sign_out(page: Page) -> None:
    page.locator("#user-menu > summary").click()
    press(page, "Sign out")
    page.wait_for_url("**/login/?because=signed_out")


def press(page: Page | Locator, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def follow(page: Page, target: Locator) -> None:
    """Click what leads to another page, and look at nothing before that has come."""
    with page.expect_event("load"):
        target.click()


def press_on(page: Page, button: str) -> None:
    """Press what leads to another page, or to the same one anew, and wait for that."""
    follow(page, page.get_by_role("button", name=button, exact=True))


def assess_page(encounter: Encounter) -> str:
    return reverse("assess", args=[encounter.pk])


def choose_page(assessment: Assessment) -> str:
    return reverse("choose_orders", args=[assessment.pk])


def control(page: Page, name: str, value: str) -> Locator:
    """The option of a question that has this value, else the field to type it in."""
    return page.locator(f'main [name="{name}"]:is([value="{value}"], :not([type=radio], [type=checkbox]))')


def answer(page: Page, answers: Answers) -> None:
    for name, value in answers.items():
        found = control(page, name, value)
        if found.get_attribute("type") in ("radio", "checkbox"):
            found.check()
        else:
            found.fill(value)


def unfold(page: Page) -> None:
    """Open the sections that are folded while nothing in them is answered."""
    # A page that is still on its way has nothing folded, or not everything.
    expect(page.locator("details.fold").first).to_be_attached()
    page.wait_for_load_state()
    folded = page.locator("details.fold:not([open]) > summary")
    while folded.count():
        folded.first.click()


def register(
    page: Page,
    *,
    button: str = "Open encounter",
    arrives_at: str = "New assessment",
    **changes: str,
) -> None:
    """Register a patient on the ward and arrive at the first assessment, or where another button leads."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="New patient").click()
    answer(page, {**PATIENT, **changes})
    page.get_by_label("Ward", exact=True).select_option(label="Haematology ward")
    press(page, button)
    expect(page.get_by_role("heading", name=arrives_at)).to_be_visible()


def headline(page: Page) -> Locator:
    return page.locator("#recommendation .recommendation-headline")


def dose_of(page: Page, drug: str) -> Locator:
    """The line of the order page that is chosen for a drug."""
    return page.locator(".order-line:has(input:checked)").filter(has_text=drug)


def expect_signed(page: Page) -> None:
    expect(page.get_by_role("heading", name=re.compile("^Order set "))).to_be_visible()
    expect(page.locator("main")).to_contain_text("Signed, in force")


def failing_with(failure: Exception) -> Callable[..., NoReturn]:
    """What fails in this way, to stand in for a part of the server."""

    def fail(*_args: object, **_options: object) -> NoReturn:
        raise failure

    return fail
