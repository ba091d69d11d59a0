"""Encounters keep their version until a clinician moves them; what is signed meanwhile says so."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.actions import EncounterChanged
from ivigsite.encounters.models import Encounter, VersionMove
from ivigsite.orders.models import OrderSet, SignedOnReplaced
from ivigsite.revisions.moves import CannotMove, changes_of, checks_in_the_way, move_encounter
from protocols.engine.decision import evaluate
from protocols.engine.outcome import outcome_to_plain
from protocols.models import ProtocolVersion
from tests.orders.test_pages import text_of
from tests.orders.test_signing import check, choices, sign
from tests.revisions.versions import replace_version, who, with_half_the_steroid, withdraw_version
from tests.scenario import PASSWORD, Site, assess, shipped

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H19")]


def encounter_of(site: Site) -> Encounter:
    return Encounter.objects.get(pk=site.encounter.pk)


def move(site: Site, to: ProtocolVersion, **changes: Any) -> VersionMove:
    encounter = encounter_of(site)
    arguments = {
        "encounter": encounter,
        "version": encounter.version,
        "to": to,
        "seal": to.seal,
        "by": site.physician,
        "at": timezone.now(),
    }
    return move_encounter(**{**arguments, **changes})


def page_of(client: Client, site: Site) -> Any:
    return client.get(reverse("move_encounter", args=[site.encounter.pk]))


def send(client: Client, site: Site, shown: Any, **changes: str) -> Any:
    form = shown.context["form"]
    data = {"version": str(form["version"].value()), "seal": form["seal"].value(), **changes}
    return client.post(reverse("move_encounter", args=[site.encounter.pk]), data)


def test_nothing_changes_silently_when_a_version_is_replaced_at_any_step(
    site: Site, physician: Client
) -> None:
    before = assess(site)
    data = choices(before)
    assert check(physician, before, data).status_code == 200
    replace_version()

    again = assess(site)
    page = text_of(physician.get(reverse("encounter", args=[site.encounter.pk])))

    assert encounter_of(site).protocol_version == site.version
    assert again.protocol_version == site.version
    assert again.outcome["orders"] == before.outcome["orders"]
    assert "keeps to version 1, which has been replaced" in page
    assert "See what version 2 changes for this patient" in page


def test_move_page_shows_the_answers_side_by_side_and_each_change(site: Site, physician: Client) -> None:
    assess(site)
    replace_version()

    shown = page_of(physician, site)
    page = text_of(shown)

    assert "Half the steroid." in page
    plan = shown.context["plan"]
    assert {(change.part, change.before, change.after) for change in plan.changes} >= {
        ("Dose", "70 mg", "35 mg")
    }
    assert "70 mg" in " ".join(plan.before.orders)
    assert "35 mg" in " ".join(plan.after.orders)
    assert plan.before.branch == plan.after.branch != ""


def test_changes_are_those_of_the_two_outcomes_compared_by_hand(site: Site) -> None:
    made = assess(site)
    new = with_half_the_steroid()
    after = outcome_to_plain(new, evaluate(new, made.as_facts()))

    found = {change.subject for change in changes_of(made.outcome, after) if change.part == "Dose"}

    doses = [
        {row["code"]: row["dose"] and row["dose"]["rounded"] for row in plain["orders"]}
        for plain in (made.outcome, after)
    ]
    differing = {
        row["drug"] for row in made.outcome["orders"] if doses[0][row["code"]] != doses[1][row["code"]]
    }
    assert found == differing != set()
    assert changes_of(made.outcome, made.outcome) == ()


def test_encounter_is_moved_audited_and_assessed_again_before_anything_is_ordered(
    site: Site, physician: Client
) -> None:
    made = assess(site)
    new = replace_version()

    answer = send(physician, site, page_of(physician, site))

    assert answer["Location"] == reverse("assess", args=[site.encounter.pk])
    moved = VersionMove.objects.get()
    assert (moved.before, moved.after, moved.assessment, moved.moved_by) == (
        site.version,
        new,
        made,
        site.physician,
    )
    assert AuditEntry.objects.filter(action="encounter.moved", object_id=site.encounter.pk).count() == 1
    assert encounter_of(site).protocol_version == new
    page = text_of(physician.get(reverse("encounter", args=[site.encounter.pk])))
    assert "Assess again on version 2" in page
    assert "Moved to version 2 of the protocol" in page
    assert "Choose orders" not in page
    refused = physician.get(reverse("choose_orders", args=[made.pk]))
    assert refused.status_code == 409
    assert "moved on from version 1" in text_of(refused)
    on_new = assess(site)
    assert on_new.protocol_version == new
    sign(physician, on_new, choices(on_new))
    steroid = OrderSet.objects.get().lines.get(kind="corticosteroid")
    assert (steroid.dose_amount, steroid.dose_unit) == ("35", "mg")
    assert not SignedOnReplaced.objects.exists()


def test_encounter_that_is_not_assessed_yet_is_moved_too(site: Site, physician: Client) -> None:
    new = replace_version()

    shown = page_of(physician, site)
    send(physician, site, shown)

    assert "nothing to compare" in text_of(shown)
    assert encounter_of(site).protocol_version == new


def test_move_is_refused_on_anything_but_what_was_shown(site: Site, physician: Client) -> None:
    new = replace_version()
    shown = page_of(physician, site)

    with_other_seal = send(physician, site, shown, seal="0" * 64)
    assess(site)
    after_an_assessment = send(physician, site, shown)
    tampered = send(physician, site, shown, version="x")

    assert [with_other_seal.status_code, after_an_assessment.status_code, tampered.status_code] == [
        409,
        409,
        422,
    ]
    assert encounter_of(site).protocol_version == site.version
    with pytest.raises(EncounterChanged):
        move(site, new, version=1)
    with pytest.raises(CannotMove, match="not in force"):
        move(site, site.version)
    move(site, new)
    with pytest.raises(CannotMove, match="already"):
        move(site, new)


def test_closed_encounter_keeps_its_version_for_good(site: Site, physician: Client) -> None:
    new = replace_version()
    Encounter.objects.filter(pk=site.encounter.pk).update(
        closed_at=timezone.now(), closed_by=site.physician, close_reason="Discharged"
    )

    with pytest.raises(EncounterChanged):
        move(site, new)
    assert page_of(physician, site).status_code == 302


def test_move_waits_for_open_checks_that_the_new_version_does_not_know(site: Site, physician: Client) -> None:
    made = assess(site)
    sign(physician, made, choices(made))
    gone = site.encounter.tasks.open().first()
    assert gone is not None
    items = tuple(row for row in shipped().monitoring_items if row.key != gone.item)
    new = replace_version()

    assert gone.title in checks_in_the_way(encounter_of(site), replace(shipped(), monitoring_items=items))
    assert checks_in_the_way(encounter_of(site), shipped()) == ()
    assert move(site, new).after == new


def test_moves_stay_as_they_are(site: Site) -> None:
    move(site, replace_version())

    for change in ("UPDATE encounters_versionmove SET changes = 9", "DELETE FROM encounters_versionmove"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_signing_on_a_replaced_version_asks_for_a_coded_reason_and_keeps_it(
    site: Site, physician: Client
) -> None:
    made = assess(site)
    data = choices(made)
    shown = check(physician, made, data)
    replace_version()

    late = physician.post(
        reverse("sign_orders", args=[made.pk]),
        {**data, "digest": shown.context["digest"], "password": PASSWORD, "sign": ""},
    )
    unsaid = check(physician, made, data)
    other = check(physician, made, {**data, "replaced_reason": "other"})
    unknown = check(physician, made, {**data, "replaced_reason": "because"})

    assert [late.status_code, unsaid.status_code, other.status_code, unknown.status_code] == [422] * 4
    assert "Say why this version is used" in text_of(late)
    assert "Say which other reason." in text_of(other)
    assert not OrderSet.objects.exists()
    given = {**data, "replaced_reason": "course_begun", "replaced_comment": "Second dose of two"}
    sign(physician, made, given)
    order_set = OrderSet.objects.get()
    kept = SignedOnReplaced.objects.get()
    assert (kept.order_set, kept.reason, kept.comment) == (order_set, "course_begun", "Second dose of two")
    words = "The course was begun on this version and is finished by it: Second dose of two"
    assert order_set.sheet_content.replaced_reason == words
    assert words in text_of(physician.get(order_set.get_absolute_url()))
    assert words in text_of(physician.get(reverse("html_sheet", args=[order_set.pk, "order_set"])))
    status = text_of(Client().get(reverse("status", args=[order_set.code])))
    assert "no longer in force: The course was begun on this version" in status
    assert "Second dose of two" not in status
    entry = AuditEntry.objects.get(action="order_set.signed")
    assert entry.details["replaced_version"] == "course_begun"


def test_emergency_on_a_replaced_version_is_not_held_up_by_the_reason(site: Site, physician: Client) -> None:
    made = assess(site, bleeding_level="life_threatening", bleeding_sites=["cns"])
    replace_version()

    shown = physician.get(reverse("emergency_orders", args=[made.pk]))

    assert shown.status_code == 200
    assert "Treatment cannot wait for an assessment on the new version" in text_of(shown)


def test_nothing_is_chosen_or_signed_on_a_withdrawn_version_at_any_step(
    site: Site, physician: Client
) -> None:
    made = assess(site)
    data = {**choices(made), "replaced_reason": "cannot_wait"}
    shown = check(physician, made, choices(made))
    withdraw_version(site.version)
    signing = {**data, "digest": shown.context["digest"], "password": PASSWORD, "sign": ""}

    answers = [
        physician.get(reverse("choose_orders", args=[made.pk])),
        check(physician, made, data),
        physician.get(reverse("emergency_orders", args=[made.pk])),
        physician.post(reverse("sign_orders", args=[made.pk]), signing),
    ]

    assert [answer.status_code for answer in answers[:3]] == [409, 409, 409]
    assert answers[3].status_code in (400, 409)
    assert not OrderSet.objects.exists()


def test_encounter_on_a_withdrawn_version_is_taken_to_the_one_in_force(site: Site, physician: Client) -> None:
    new = replace_version()
    assess(site)
    move(site, new)
    withdraw_version(new)

    page = text_of(physician.get(reverse("encounter", args=[site.encounter.pk])))

    assert "was withdrawn. Nothing can be signed on it." in page
    # Nothing is in force, so there is nowhere to go.
    assert "See what version" not in page
    assert page_of(physician, site).status_code == 302
    third = replace_version(shipped())
    assert "See what version 3 changes" in text_of(
        physician.get(reverse("encounter", args=[site.encounter.pk]))
    )
    assert move(site, third).before == new


def test_reason_for_a_replaced_version_stays(site: Site, physician: Client) -> None:
    made = assess(site)
    replace_version()
    sign(physician, made, {**choices(made), "replaced_reason": "haematology"})

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE orders_signedonreplaced SET reason = 'other'")
    with pytest.raises(IntegrityError), transaction.atomic():
        SignedOnReplaced.objects.bulk_create(
            [SignedOnReplaced(order_set=OrderSet(pk=uuid4()), reason="other", comment="")]
        )
    assert who("physician") == site.physician
