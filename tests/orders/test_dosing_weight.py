"""In life-threatening bleeding haematology may choose which weight a dose is computed for, by name."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.models import Assessment
from ivigsite.orders.models import OrderSet
from ivigsite.orders.proposal import CannotOrder, propose
from ivigsite.orders.sheet.content import SheetContent, SheetWeight
from tests.orders.test_emergency import sign as sign_page
from tests.orders.test_signing import check, choices, sign
from tests.scenario import Site, assess

pytestmark = pytest.mark.django_db

# 120 kg at 165 cm: a body mass index of 44, so that an adjusted weight is used by default.
HEAVY: dict[str, Any] = {"bleeding_level": "life_threatening", "weight_kg": "120", "height_cm": "165"}
ACTUAL = {"policy": "actual_weight", "policy_by": "Dr Haem"}


def adjusted_kg_of_a_woman(weight_kg: Decimal, height_cm: Decimal) -> Decimal:
    """Devine and 0.4 of the excess, apart from the code: 45.5 + 2.3 × (inches − 60)."""
    ideal = Decimal("45.5") + Decimal("2.3") * (height_cm / Decimal("2.54") - 60)
    return ideal + Decimal("0.4") * (weight_kg - ideal)


def heavy(site: Site, **changes: Any) -> Assessment:
    return assess(site, **{**HEAVY, **changes})


def ivig_grams(page: Any) -> Decimal:
    content: SheetContent = page.context["content"]
    return next(order.dose.amount for order in content.orders if order.kind == "ivig" and order.dose)


def signed_weight() -> SheetWeight:
    weight = OrderSet.objects.get().sheet_content.weight
    assert isinstance(weight, SheetWeight)
    return weight


def shown_policies(page: Any) -> dict[str, tuple[str, str]]:
    return {policy.value: (policy.dose, policy.weight) for policy in page.context["form"].policies}


@pytest.mark.hazard("H07")
def test_grams_of_each_policy_are_shown_and_the_default_arrives_chosen(physician: Client, site: Site) -> None:
    page = physician.get(reverse("choose_orders", args=[heavy(site).pk]))

    adjusted = adjusted_kg_of_a_woman(Decimal(120), Decimal(165))
    assert round(adjusted / 5) * 5 == 80
    assert {value: dose for value, (dose, _) in shown_policies(page).items()} == {
        "house_default": "80 g",
        "ontario": "80 g",
        "australia_2026": "80 g",
        "actual_weight": "120 g",
    }
    assert shown_policies(page)["actual_weight"][1] == "120 kg, actual weight"
    [chosen] = [policy for policy in page.context["form"].policies if policy.is_chosen]
    assert (chosen.value, chosen.is_default) == ("house_default", True)


def test_default_policy_needs_no_name_and_leaves_the_sheet_as_it_was(physician: Client, site: Site) -> None:
    assessment = heavy(site)
    data = choices(assessment)

    untouched = check(physician, assessment, data)
    chosen = check(physician, assessment, {**data, "policy": "house_default", "policy_by": "Dr Haem"})

    assert ivig_grams(untouched) == ivig_grams(chosen) == 80
    assert untouched.context["digest"] == chosen.context["digest"]
    assert chosen.context["content"].weight.dosing_weight_basis == "adjusted weight"


@pytest.mark.hazard("H07")
def test_another_policy_without_a_name_is_asked_for_it(physician: Client, site: Site) -> None:
    assessment = heavy(site)

    page = check(physician, assessment, {**choices(assessment), "policy": "actual_weight"})

    assert page.status_code == 422
    assert "policy_by" in page.context["form"].errors
    # The lines beside the question already say what the choice would give.
    assert page.context["proposal"].policy == "actual_weight"


@pytest.mark.hazard("H07")
def test_chosen_weight_is_in_the_dose_the_content_and_the_digest_and_is_computed_again_at_signing(
    physician: Client, site: Site
) -> None:
    assessment = heavy(site)
    data = choices(assessment)
    by_default = check(physician, assessment, data)

    by_actual = check(physician, assessment, {**data, **ACTUAL})
    by_another = check(physician, assessment, {**data, **ACTUAL, "policy_by": "Dr Other"})
    digests = {page.context["digest"] for page in (by_default, by_actual, by_another)}
    assert len(digests) == 3
    sign(physician, assessment, {**data, **ACTUAL})

    order_set = OrderSet.objects.get()
    weight = signed_weight()
    assert weight.dosing_weight_kg == 120
    assert weight.dosing_weight_basis == (
        "actual weight, chosen by haematology Dr Haem (policy: Actual weight)"
    )
    assert order_set.lines.get(kind="ivig").dose_amount == "120"
    entry = AuditEntry.objects.get(action="order_set.signed")
    assert entry.details["dosing_weight_policy"] == "actual_weight"


@pytest.mark.hazard("H05")
def test_digest_of_one_weight_does_not_sign_another(physician: Client, site: Site) -> None:
    assessment = heavy(site)
    data = choices(assessment)
    shown = check(physician, assessment, data)

    answer = sign(physician, assessment, {**data, **ACTUAL}, digest=shown.context["digest"])

    assert answer.status_code == 409
    assert not OrderSet.objects.exists()


def test_policy_that_the_protocol_does_not_have_is_refused(physician: Client, site: Site) -> None:
    assessment = heavy(site)

    page = check(physician, assessment, {**choices(assessment), "policy": "ideal", "policy_by": "Dr Haem"})

    assert page.status_code == 409
    assert "does not stand in the protocol" in page.content.decode()


@pytest.mark.hazard("H07")
def test_without_life_threatening_bleeding_there_is_no_weight_to_choose(
    physician: Client, site: Site
) -> None:
    assessment = assess(site, weight_kg="120", height_cm="165")

    page = physician.get(reverse("choose_orders", args=[assessment.pk]))
    posted = check(physician, assessment, {**choices(assessment), **ACTUAL})

    assert page.context["form"].policies == ()
    assert "policy" not in page.context["form"].fields
    assert posted.status_code == 409
    with pytest.raises(CannotOrder):
        propose(assessment=assessment, product=None, policy="actual_weight", at=timezone.now())


def test_policies_that_agree_are_said_once_and_ask_nothing(physician: Client, site: Site) -> None:
    # At ideal weight and below it no policy has anything to adjust.
    assessment = heavy(site, weight_kg="50")

    page = physician.get(reverse("choose_orders", args=[assessment.pk]))

    assert "policy" not in page.context["form"].fields
    assert {dose for dose, _ in shown_policies(page).values()} == {"50 g"}
    assert "by each dosing-weight policy of the protocol." in page.content.decode()


@pytest.mark.hazard("H07")
def test_policies_that_agree_for_want_of_a_height_say_so(physician: Client, site: Site) -> None:
    page = physician.get(reverse("choose_orders", args=[heavy(site, height_cm=None).pk]))

    assert {dose for dose, _ in shown_policies(page).values()} == {"120 g"}
    assert "the height is not known, and without it none can adjust" in page.content.decode()


def test_changing_the_weight_redraws_the_lines_with_what_it_gives(physician: Client, site: Site) -> None:
    assessment = heavy(site)

    page = physician.post(
        reverse("choose_orders", args=[assessment.pk]),
        {**choices(assessment), **ACTUAL},
        headers={"HX-Request": "true", "HX-Target": "order-lines"},
    )

    assert page.templates[0].name == "orders/_lines_and_summary.html"
    assert page.context["proposal"].cards_by_code["EM_IVIG"].dose.replace("\u00a0", " ") == "120 g"


@pytest.mark.hazard("H07")
def test_emergency_page_takes_another_weight_with_a_name_and_signs_it(physician: Client, site: Site) -> None:
    path = reverse("emergency_orders", args=[heavy(site).pk])
    physician.post(reverse("start_emergency", args=[site.encounter.pk]))
    page = physician.get(path)
    assert page.templates[0].name == "orders/emergency_check.html"
    default_g = ivig_grams(page)
    assert "What each weight gives" in page.content.decode()
    data = dict(page.context["carried_unweighed"])
    assert not {"policy", "policy_by"} & set(data)

    unnamed = physician.post(path, {**data, "policy": "actual_weight"})
    chosen = physician.post(path, {**data, **ACTUAL})

    assert unnamed.status_code == 422
    assert default_g == 80
    assert chosen.templates[0].name == "orders/emergency_check.html"
    assert ivig_grams(chosen) == 120
    sign_page(physician, chosen)
    assert "haematology Dr Haem" in signed_weight().dosing_weight_basis
