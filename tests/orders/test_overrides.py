"""Passing findings: coded reasons, two names, promises that become checks, no repeats on the same facts."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from ivigsite.monitoring.models import Cause, MonitoringTask
from ivigsite.orders.models import OrderSet, OverriddenRule
from ivigsite.orders.proposal import propose
from tests.orders.test_signing import check, choices, sign
from tests.scenario import Site, assess

pytestmark = pytest.mark.django_db

# A heart that may not take the volume: W-04 asks for a reason, and the rate is capped.
OVERLOAD: dict[str, Any] = {"overload_risk_factors": ["heart_failure"]}


def answer(rule: str, **parts: str) -> dict[str, str]:
    return {f"override_{rule}_{part}": text for part, text in parts.items()}


@pytest.mark.hazard("H22")
def test_a_warning_asks_for_one_of_its_own_reasons(physician: Client, site: Site) -> None:
    assessment = assess(site, **OVERLOAD)
    unanswered = check(physician, assessment, choices(assessment))
    foreign = check(physician, assessment, choices(assessment, **answer("W-04", reason="anti_d")))
    wordless = check(physician, assessment, choices(assessment, **answer("W-04", reason="other")))

    assert {page.status_code for page in (unanswered, foreign, wordless)} == {422}
    assert "override_W-04_reason" in unanswered.context["form"].errors
    assert "override_W-04_reason" in foreign.context["form"].errors
    assert "override_W-04_comment" in wordless.context["form"].errors


@pytest.mark.hazard("H22")
def test_fields_stand_at_once_where_a_recommended_line_asks_and_wait_where_another_does(
    physician: Client, site: Site
) -> None:
    assessment = assess(site, pregnant=True, bleeding_level="life_threatening", **OVERLOAD)

    page = physician.get(reverse("choose_orders", args=[assessment.pk]))

    waiting = {stop.rule: stop.is_waiting for stop in page.context["form"].stops}
    # Dexamethasone is an alternative here; immunoglobulin and platelets are recommended.
    assert waiting.items() >= {"W-04": False, "OV-PREGNANCY": False, "HS-22": True}.items()
    assert page.content.decode().count('class="alert-more is-waiting"') == sum(waiting.values())


@pytest.mark.hazard("H22")
def test_a_promise_to_watch_becomes_a_check_and_is_not_asked_again(physician: Client, site: Site) -> None:
    first = assess(site, **OVERLOAD)
    sign(physician, first, choices(first, **answer("W-04", reason="will_monitor")))
    stored = OverriddenRule.objects.get(rule="W-04")

    assert (stored.will_monitor, stored.severity, stored.policy) == (True, "warning", "reason")
    assert OrderSet.objects.get().sheet_content.overrides[0].reason == stored.reason_text
    assert stored.text in MonitoringTask.objects.get(cause=Cause.PROMISE).title

    again = propose(assessment=assess(site, **OVERLOAD), product=None, at=stored.order_set.signed_at)
    changed = propose(
        assessment=assess(site, overload_risk_factors=["heart_failure", "low_albumin"]),
        product=None,
        at=stored.order_set.signed_at,
    )
    assert again.acknowledged["W-04"].by == site.physician.full_name
    assert "W-04" not in changed.acknowledged


def test_what_is_only_to_be_read_is_stored_as_read(physician: Client, site: Site) -> None:
    assessment = assess(site, renal_risk_factors=["diabetes"])

    sign(physician, assessment, choices(assessment))

    read = OverriddenRule.objects.get(rule="W-03")
    assert (read.policy, read.reason, read.facts_digest != "") == ("acknowledge", "", True)
    assert OrderSet.objects.get().sheet_content.overrides == ()


def test_two_people_are_named_where_the_rule_asks_for_two(physician: Client, site: Site) -> None:
    assessment = assess(site, pregnant=True)
    one = answer("OV-PREGNANCY", reason="specialist_advice", by="Dr Night Example")
    two = {**one, **answer("OV-PREGNANCY", second="Dr Birth Example")}

    with_one = check(physician, assessment, choices(assessment, **one))
    with_two = check(physician, assessment, choices(assessment, **two))

    assert "override_OV-PREGNANCY_second" in with_one.context["form"].errors
    assert with_two.status_code == 200
    by = with_two.context["content"].overrides[0].by
    assert by == "Dr Night Example (Haematologist) and Dr Birth Example (Obstetrician)"


def test_a_refused_product_cannot_be_ordered(physician: Client, site: Site) -> None:
    assessment = assess(site, platelets_refused=True)

    page = check(physician, assessment, choices(assessment, line_platelets="G4A_PLATELETS"))

    assert page.status_code == 422
    assert "refused" in str(page.context["form"].non_field_errors())


GAPS: tuple[dict[str, str], ...] = (
    {"policy": "reason", "reason": "", "reason_text": ""},
    {"policy": "named", "haematologist": ""},
    {"policy": "named_and_second", "second": ""},
    {"reason": "other", "comment": ""},
    {"facts_digest": ""},
    {"policy": "none"},
)


def test_the_database_keeps_no_answer_with_a_gap(physician: Client, site: Site) -> None:
    assessment = assess(site)
    sign(physician, assessment, choices(assessment))
    whole = {
        "rule": "W-99",
        "severity": "warning",
        "policy": "named_and_second",
        "text": "Said.",
        "reason": "benefit",
        "reason_text": "Because.",
        "haematologist": "Dr A",
        "second": "Dr B",
        "facts_digest": "0" * 64,
    }

    for gap in GAPS:
        with pytest.raises(IntegrityError), transaction.atomic():
            OverriddenRule.objects.create(order_set=OrderSet.objects.get(), **{**whole, **gap})
