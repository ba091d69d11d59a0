from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.models import Assessment
from ivigsite.orders.models import OrderSet, OrderSetEnding, SheetPrint
from ivigsite.orders.proposal import propose
from ivigsite.orders.sheet.content import digest
from tests.scenario import PASSWORD, Site, assess, person

pytestmark = pytest.mark.django_db


def choices(assessment: Assessment, **changes: str) -> dict[str, str]:
    """What the choose page posts when nothing is touched, with these answers changed."""
    now = timezone.localtime()
    proposal = propose(assessment=assessment, product=None, at=timezone.now())
    lines: dict[str, str] = {}
    for card in proposal.cards:
        name = f"line_{card.group or card.code}"
        if card.role == "required":
            lines[name] = card.code
        lines.setdefault(name, "none")
    return {
        "starts_at": now.strftime("%d-%b-%Y %H:%M"),
        "idempotency_key": str(uuid4()),
        "product": "privigen",
        **lines,
        **changes,
    }


def check(client: Client, assessment: Assessment, data: dict[str, str]) -> Any:
    return client.post(reverse("choose_orders", args=[assessment.pk]), {**data, "check": ""})


def sign(client: Client, assessment: Assessment, data: dict[str, str], **extra: str) -> Any:
    """Check, then sign with the password and the digest the check page showed."""
    shown = check(client, assessment, data)
    assert shown.status_code == 200, shown.content.decode()
    posted = {**data, "digest": shown.context["digest"], "password": PASSWORD, "sign": "", **extra}
    return client.post(reverse("sign_orders", args=[assessment.pk]), posted)


def test_only_recommended_lines_arrive_chosen(physician: Client, site: Site) -> None:
    assessment = assess(site)

    page = physician.get(reverse("choose_orders", args=[assessment.pk]))

    chosen = [
        option.card
        for group in page.context["form"].line_groups
        for option in group.options
        if option.is_chosen and option.card
    ]
    assert chosen
    assert {card.role for card in chosen} == {"required"}


@pytest.mark.hazard("H05")
def test_choose_page_has_no_field_for_a_dose(physician: Client, site: Site) -> None:
    page = physician.get(reverse("choose_orders", args=[assess(site).pk]))

    assert not [name for name in page.context["form"].fields if "dose" in name or "amount" in name]


def test_check_page_stores_nothing(physician: Client, site: Site) -> None:
    assessment = assess(site)

    page = check(physician, assessment, choices(assessment))

    assert page.status_code == 200
    assert "70 g" in page.content.decode().replace("\u00a0", " ")
    assert not OrderSet.objects.exists()


@pytest.mark.hazard("H05")
def test_signing_stores_the_computed_doses(physician: Client, site: Site) -> None:
    assessment = assess(site)

    answer = sign(physician, assessment, choices(assessment))

    order_set = OrderSet.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == order_set.get_absolute_url()
    doses = {line.kind: (line.dose_amount, line.dose_unit) for line in order_set.lines.exclude(dose_unit="")}
    assert doses == {
        "ivig": ("70", "g"),
        "corticosteroid": ("70", "mg"),
        "platelets": ("1", "adult dose"),
    }
    assert order_set.signed_by == site.physician
    assert order_set.sheet_content.signature is not None
    assert digest(order_set.sheet_content) == order_set.content_digest
    assert AuditEntry.objects.filter(action="order_set.signed", object_id=order_set.pk).exists()


@pytest.mark.parametrize("name", ["dose_g", "signed_by", "status"])
def test_signing_with_a_field_that_is_not_asked_is_refused(physician: Client, site: Site, name: str) -> None:
    assessment = assess(site)

    answer = sign(physician, assessment, choices(assessment), **{name: "700"})

    assert answer.status_code == 400
    assert not OrderSet.objects.exists()


@pytest.mark.parametrize("password", ["", "wrong password altogether"])
@pytest.mark.hazard("H23")
def test_signing_without_the_password_signs_nothing_and_keeps_the_choices(
    physician: Client, site: Site, password: str
) -> None:
    assessment = assess(site)
    data = choices(assessment)

    answer = sign(physician, assessment, data, password=password)

    assert answer.status_code == 403
    assert not OrderSet.objects.exists()
    assert ("idempotency_key", data["idempotency_key"]) in answer.context["carried"]


def test_signing_other_content_than_was_shown_is_a_conflict(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(assessment)

    answer = sign(physician, assessment, data, digest="0" * 64)

    assert answer.status_code == 409
    assert not OrderSet.objects.exists()


@pytest.mark.hazard("H13")
def test_signing_twice_with_one_key_signs_once(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(assessment)
    shown = check(physician, assessment, data).context["digest"]

    first = sign(physician, assessment, data)
    again = physician.post(
        reverse("sign_orders", args=[assessment.pk]),
        {**data, "digest": shown, "password": PASSWORD, "sign": ""},
    )

    assert OrderSet.objects.count() == 1
    assert first["Location"] == again["Location"]


def test_an_older_assessment_cannot_be_signed(physician: Client, site: Site) -> None:
    older = assess(site)
    data = choices(older)
    shown = check(physician, older, data).context["digest"]
    assess(site, platelets_per_ul=60000, bleeding_level="none")

    answer = physician.post(
        reverse("sign_orders", args=[older.pk]),
        {**data, "digest": shown, "password": PASSWORD, "sign": ""},
    )

    assert answer.status_code == 409
    assert not OrderSet.objects.exists()


@pytest.mark.parametrize("page", ["choose_orders", "emergency_orders"])
def test_choosing_from_an_older_assessment_is_refused_at_once_and_leads_to_the_newest(
    physician: Client, site: Site, page: str
) -> None:
    older, _, newest = assess(site), assess(site), assess(site)

    refused = physician.get(reverse(page, args=[older.pk]))
    posted = check(physician, older, choices(older))
    taken = physician.get(reverse(page, args=[newest.pk]))

    assert (refused.status_code, posted.status_code, taken.status_code) == (409, 409, 200)
    assert refused.templates[0].name == "orders/cannot_order.html"
    for answer in (refused, posted):
        assert f'href="{newest.get_absolute_url()}">Open assessment 3</a>' in answer.content.decode()


def test_a_hard_stop_cannot_be_signed(physician: Client, site: Site) -> None:
    assessment = assess(site, weight_method=None)

    answer = check(physician, assessment, choices(assessment))

    assert answer.status_code == 409
    assert "W-WEIGHT-AGE" in answer.content.decode()


def test_a_sample_that_grew_too_old_since_the_assessment_cannot_be_signed(
    physician: Client, site: Site
) -> None:
    now = timezone.now()
    assessment = assess(site, at=now - timedelta(hours=8))

    answer = physician.get(reverse("choose_orders", args=[assessment.pk]))

    assert answer.status_code == 409
    assert "Reassess" in answer.content.decode()


def test_declining_a_recommended_line_asks_for_a_reason(physician: Client, site: Site) -> None:
    assessment = assess(site)

    answer = check(physician, assessment, choices(assessment, line_platelets="none"))

    assert answer.status_code == 422
    assert "line_platelets_reason" in answer.context["form"].errors


def test_declining_for_another_reason_asks_which(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(assessment, line_platelets="none", line_platelets_reason="other")

    answer = check(physician, assessment, data)

    assert answer.status_code == 422
    assert "line_platelets_comment" in answer.context["form"].errors


def test_a_declined_line_stands_on_the_sheet_with_its_reason(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(assessment, line_platelets="none", line_platelets_reason="not_available")

    sign(physician, assessment, data)

    order_set = OrderSet.objects.get()
    assert not order_set.lines.filter(kind="platelets").exists()
    assert order_set.declined.get().reason == "not_available"
    assert order_set.sheet_content.not_ordered[0].reason == "Not available"


def test_another_product_changes_volume_and_never_grams(physician: Client, site: Site) -> None:
    assessment = assess(site)

    sign(physician, assessment, choices(assessment, product="gammagard_sd"))

    line = OrderSet.objects.get().lines.get(kind="ivig")
    assert line.dose_amount == "70"
    assert line.proposal["dose"]["volume_ml"] == "1400"


def test_a_start_beyond_the_next_day_is_refused(physician: Client, site: Site) -> None:
    assessment = assess(site)
    late = (timezone.localtime() + timedelta(hours=25)).strftime("%d-%b-%Y %H:%M")

    answer = check(physician, assessment, choices(assessment, starts_at=late))

    assert answer.status_code == 422
    assert late.encode() in answer.content


def test_a_new_order_set_supersedes_the_one_in_force(physician: Client, site: Site) -> None:
    first_assessment = assess(site)
    sign(physician, first_assessment, choices(first_assessment))
    first = OrderSet.objects.get()

    second_assessment = assess(site)
    sign(physician, second_assessment, choices(second_assessment))

    second = OrderSet.objects.exclude(pk=first.pk).get()
    first = OrderSet.objects.get(pk=first.pk)
    assert first.ended is not None
    assert first.ended.superseded_by == second
    assert second.sheet_content.supersedes == first.code
    assert list(OrderSet.objects.active()) == [second]


def test_voiding_asks_for_reason_and_password(physician: Client, site: Site) -> None:
    assessment = assess(site)
    sign(physician, assessment, choices(assessment))
    order_set = OrderSet.objects.get()
    url = reverse("void_order_set", args=[order_set.pk])

    no_reason = physician.post(url, {"password": PASSWORD})
    wrong = physician.post(url, {"reason": "Wrong patient", "password": "no"})
    done = physician.post(url, {"reason": "Wrong patient", "password": PASSWORD})
    again = physician.post(url, {"reason": "Wrong patient", "password": PASSWORD})

    assert (no_reason.status_code, wrong.status_code, done.status_code, again.status_code) == (
        422,
        403,
        302,
        409,
    )
    assert [ending.reason for ending in OrderSetEnding.objects.all()] == ["Wrong patient"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders_orderline SET dose_amount = '700'",
        "DELETE FROM orders_orderline",
        "UPDATE orders_orderset SET content_digest = 'x'",
        "DELETE FROM orders_orderset",
        "UPDATE orders_sheetprint SET copy_number = 9",
    ],
)
def test_a_signed_order_cannot_be_changed_by_raw_sql(physician: Client, site: Site, statement: str) -> None:
    assessment = assess(site)
    sign(physician, assessment, choices(assessment))
    assert SheetPrint.objects.exists()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_nurse_may_read_and_print_but_not_choose(client: Client, physician: Client, site: Site) -> None:
    assessment = assess(site)
    sign(physician, assessment, choices(assessment))
    order_set = OrderSet.objects.get()
    client.force_login(site.nurse)

    assert client.get(reverse("choose_orders", args=[assessment.pk])).status_code == 403
    assert client.get(order_set.get_absolute_url()).status_code == 200
    assert client.post(reverse("print_sheet", args=[order_set.pk])).status_code == 302


def test_another_ward_sees_nothing_of_it(client: Client, physician: Client, site: Site) -> None:
    assessment = assess(site)
    sign(physician, assessment, choices(assessment))
    order_set = OrderSet.objects.get()
    print_ = order_set.prints.get(document="order_set")
    client.force_login(site.elsewhere)

    def get(name: str, key: object) -> Any:
        return client.get(reverse(name, args=[key]))

    for name, key in (
        ("choose_orders", assessment.pk),
        ("order_set", order_set.pk),
        ("void_order_set", order_set.pk),
        ("sheet_file", print_.pk),
    ):
        assert get(name, key).status_code == 404
        assert get(name, uuid4()).status_code == 404
    assert AuditEntry.objects.filter(action="order_set.denied", object_id=order_set.pk).exists()


def test_every_dose_on_the_content_is_the_dose_of_its_line(physician: Client, site: Site) -> None:
    assessment = assess(site, weight_kg="100")

    sign(physician, assessment, choices(assessment))

    order_set = OrderSet.objects.get()
    printed = {order.number: order.dose for order in order_set.sheet_content.orders if order.dose}
    stored = {line.number: line for line in order_set.lines.exclude(dose_unit="")}
    assert printed.keys() == stored.keys()
    for number, dose in printed.items():
        assert dose.amount == Decimal(stored[number].dose_amount)


@pytest.mark.hazard("H09")
def test_a_held_line_is_not_signed_without_a_named_haematologist(physician: Client, site: Site) -> None:
    assessment = assess(
        site,
        age_years=9,
        weight_kg="30",
        platelets_per_ul=40000,
        bleeding_level="none",
        bleeding_sites=[],
    )

    answer = check(physician, assessment, choices(assessment, line_corticosteroid="G3B_PRED"))

    assert answer.status_code == 422
    assert "override_HS-21_by" in answer.context["form"].errors
    assert not OrderSet.objects.exists()


def test_a_stop_is_passed_with_the_name_and_reason_of_a_haematologist(physician: Client, site: Site) -> None:
    assessment = assess(site, bleeding_level="life_threatening", ttp_suspected=True)
    data = choices(
        assessment,
        line_platelets="EM_PLATELETS",
        **{
            "override_HS-04-LT_reason": "critical_bleeding",
            "override_HS-04-LT_comment": "Intracranial bleed, plasma exchange begins now",
            "override_HS-04-LT_by": "Dr Night Example",
        },
    )

    answer = sign(physician, assessment, data)

    override = OrderSet.objects.get().overrides.get(policy="named")
    assert answer.status_code == 302
    assert (override.rule, override.haematologist) == ("HS-04-LT", "Dr Night Example")
    assert OrderSet.objects.get().sheet_content.overrides[0].by == "Dr Night Example (Haematologist)"


def test_a_stop_without_a_name_is_asked_for(physician: Client, site: Site) -> None:
    assessment = assess(site, bleeding_level="life_threatening", ttp_suspected=True)

    answer = check(physician, assessment, choices(assessment, line_platelets="EM_PLATELETS"))

    assert answer.status_code == 422
    assert "override_HS-04-LT_by" in answer.context["form"].errors


def test_a_form_that_has_signed_does_not_sign_other_choices(physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(assessment)
    other = {**data, "line_platelets": "none", "line_platelets_reason": "not_available"}
    shown = check(physician, assessment, other).context["digest"]
    sign(physician, assessment, data)

    looked = check(physician, assessment, other)
    signed = physician.post(
        reverse("sign_orders", args=[assessment.pk]),
        {**other, "digest": shown, "password": PASSWORD, "sign": ""},
    )

    for answer in (looked, signed):
        assert answer.status_code == 409
        assert "has signed an order set already" in answer.content.decode()
    assert OrderSet.objects.get().lines.filter(kind="platelets").exists()


def test_the_key_of_another_signature_signs_nothing(client: Client, physician: Client, site: Site) -> None:
    assessment = assess(site)
    data = choices(assessment)
    shown = check(physician, assessment, data).context["digest"]
    sign(physician, assessment, data)
    colleague = person("colleague", "physician", site.ward)
    client.force_login(colleague)

    answer = client.post(
        reverse("sign_orders", args=[assessment.pk]),
        {**data, "digest": shown, "password": PASSWORD, "sign": ""},
    )

    assert answer.status_code == 409
    assert OrderSet.objects.get().signed_by == site.physician
