"""A second order of immunoglobulin on one assessment: the rules judge the dose begun since; one world."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.urls import reverse

from ivigsite.audit.models import AuditEntry
from ivigsite.downtime.entries import OnPaper, enter_paper_order
from ivigsite.encounters.actions import save_draft
from ivigsite.encounters.models import Assessment
from ivigsite.encounters.selectors import starting_answers
from ivigsite.orders import views
from ivigsite.orders.actions import draft_content, sign_order_set
from ivigsite.orders.administration import Vials, note_vials
from ivigsite.orders.corrections import Why, take_back_event
from ivigsite.orders.facts_now import facts_now
from ivigsite.orders.forms import Choices
from ivigsite.orders.given import GivenDose
from ivigsite.orders.models import AdministrationEvent, CorrectionReason, OrderLine, OrderSet, OverriddenRule
from ivigsite.orders.proposal import CannotOrder, Proposal, propose
from ivigsite.orders.sheet.content import digest
from protocols.engine.course import Act
from protocols.engine.facts import UNKNOWN, Facts, Unknown
from tests.encounters.emergency_answers import emergency_answers
from tests.orders.course import give, noted
from tests.orders.test_signing import check, choices, sign
from tests.scenario import PASSWORD, Site, assess, build_site

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H07")]

MADE = datetime(2026, 11, 2, 7, 40, tzinfo=UTC)
SIGNED = MADE + timedelta(minutes=20)
START = SIGNED + timedelta(minutes=30)
IVIG = "immune globulin intravenous (human)"
NAMED = {
    "override_W-16_reason": "critical_bleeding",
    "override_W-16_by": "Dr Test Haematologist",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """The site with its one assessment in life-threatening bleeding, on which a first set is signed."""

    site: Site
    made: Assessment

    def client(self) -> Client:
        client = Client()
        client.force_login(self.site.physician)
        return client

    @property
    def line(self) -> OrderLine:
        found = OrderLine.objects.select_related("order_set__encounter", "order_set__assessment")
        return found.filter(kind="ivig").earliest("order_set__number")

    def give(self, start: datetime = START) -> None:
        give(self.site, self.line, start, minutes=300)

    def propose(self, at: datetime) -> Proposal:
        return propose(assessment=self.made, product=None, at=at)

    def enter_paper(self, given_at: datetime, *, at: datetime, unit: str = "g") -> None:
        enter_paper_order(
            encounter=self.site.encounter,
            on_paper=OnPaper(
                form_number="EM-17",
                drug=IVIG,
                dose_amount=Decimal(70),
                dose_unit=unit,
                details="",
                ordered_at=given_at - timedelta(minutes=30),
                ordered_by="Dr Pat Paper-Writer",
                given_at=given_at,
                given_by="Nurse Kim Night-Shift",
            ),
            idempotency_key=uuid4(),
            by=self.site.nurse,
            at=at,
        )


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[Ward]:
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "render_ahead", lambda *, prints: None)
        with time_machine.travel(MADE, tick=False):
            site = build_site(at=MADE)
            made = assess(
                site,
                bleeding_level="life_threatening",
                bleeding_sites=["gi"],
                bleeding_findings=["haemodynamic_instability"],
                platelets_per_ul=6000,
            )
        ward = Ward(site=site, made=made)
        with time_machine.travel(SIGNED, tick=False):
            assert sign(ward.client(), made, choices(made)).status_code == 302
        yield ward
        transaction.set_rollback(True)


@pytest.fixture
def ward(built: Ward, db: None) -> Ward:
    return built


def after(**length: float) -> datetime:
    return START + timedelta(**length)


def text_of(answer: Any) -> str:
    return str(answer.content.decode()).replace("\u00a0", " ")


def rules(proposal: Proposal) -> set[str]:
    return {finding.rule for finding in proposal.recommendation.findings}


def test_second_order_before_its_time_is_stopped_until_a_named_haematologist_agrees(ward: Ward):
    ward.give()
    with time_machine.travel(after(hours=6), tick=False):
        data = choices(ward.made)
        shown = ward.client().get(reverse("choose_orders", args=[ward.made.pk]))
        unanswered = check(ward.client(), ward.made, data)
        nameless = check(ward.client(), ward.made, {**data, **NAMED, "override_W-16_by": ""})
        tampered = ward.client().post(
            reverse("sign_orders", args=[ward.made.pk]),
            {**data, "digest": "0" * 64, "password": PASSWORD, "sign": ""},
        )
        agreed = check(ward.client(), ward.made, {**data, **NAMED})

    assert "not due for another 18 hours. Not before 03-Nov-2026 08:30." in text_of(shown)
    assert "02-Nov-2026 08:30</span>, noted after this assessment." in text_of(shown)
    assert [page.status_code for page in (unanswered, nameless, tampered)] == [422, 422, 422]
    assert "override_W-16_reason" in unanswered.context["form"].errors
    assert "override_W-16_by" in nameless.context["form"].errors
    assert OrderSet.objects.count() == 1
    assert agreed.status_code == 200

    # A few minutes at the check page change nothing of what is signed.
    posted = {**data, **NAMED, "digest": agreed.context["digest"], "password": PASSWORD, "sign": ""}
    with time_machine.travel(after(hours=6, minutes=7, seconds=41), tick=False):
        answer = ward.client().post(reverse("sign_orders", args=[ward.made.pk]), posted)

    assert answer.status_code == 302
    signed = OrderSet.objects.get(number=2)
    passed = OverriddenRule.objects.get(order_set=signed, rule="W-16")
    assert (passed.policy, passed.haematologist) == ("named", "Dr Test Haematologist")
    said = signed.sheet_content.basis.ivig_since
    assert said.startswith(
        "begun 02-Nov-2026 08:30, noted after the assessment; the rules count it: 1 g per kg"
    )
    assert AuditEntry.objects.get(action="order_set.signed", object_id=signed.pk).details["ivig_counted"] == [
        START.isoformat()
    ]
    with time_machine.travel(after(hours=7), tick=False):
        pages = [
            ward.client().get(signed.get_absolute_url()),
            ward.client().get(reverse("html_sheet", args=[signed.pk, "order_set"])),
        ]
    assert all(said in text_of(page) for page in pages)


def test_rest_of_a_second_order_needs_nobody_once_immunoglobulin_is_left_out(ward: Ward):
    ward.give()
    with time_machine.travel(after(hours=6), tick=False):
        data = choices(ward.made)
        (group,) = (name for name, code in data.items() if code == ward.line.code)
        left_out = {group: "none", f"{group}_reason": "already_given"}
        answer = sign(ward.client(), ward.made, {**data, **left_out})

    assert answer.status_code == 302
    content = OrderSet.objects.get(number=2).sheet_content
    assert [row.reason for row in content.not_ordered] == ["Already given"]
    assert "begun 02-Nov-2026 08:30" in content.basis.ivig_since


@pytest.mark.parametrize("way", ["bedside", "paper"])
def test_interval_of_the_branch_counts_from_the_start_of_the_dose_to_its_minute(ward: Ward, way: str):
    if way == "bedside":
        ward.give()
    else:
        ward.enter_paper(START, at=after(hours=1))

    before, after_it = ward.propose(after(hours=23, minutes=59)), ward.propose(after(hours=24))

    assert "W-16" in rules(before)
    assert {"W-16", "W-16-UNKNOWN", "HS-15"}.isdisjoint(rules(after_it))
    assert after_it.facts.hours_since_last_ivig == 24
    assert after_it.facts.ivig_last_7_days_g_per_kg == 1


def test_order_after_the_interval_says_that_a_dose_was_begun_and_offers_to_reassess(ward: Ward):
    ward.give()
    with time_machine.travel(after(hours=25), tick=False):
        checked = check(ward.client(), ward.made, choices(ward.made))

    assert "noted after this assessment." in text_of(checked)
    assert "Reassess before you order more" in text_of(checked)


def test_third_dose_is_above_the_limit_of_a_course(ward: Ward):
    ward.give()
    assert "HS-15" not in rules(ward.propose(after(hours=24)))

    ward.enter_paper(after(hours=25), at=after(hours=26))

    assert {"HS-15", "W-16"} <= rules(ward.propose(after(hours=27)))
    assert ward.propose(after(hours=27)).facts.ivig_last_7_days_g_per_kg == 2


def test_dose_of_unknown_amount_leaves_the_sum_unknown_and_is_asked_about(ward: Ward):
    ward.enter_paper(START, at=after(hours=1), unit="mL")

    proposal = ward.propose(after(hours=25))

    assert proposal.facts.ivig_last_7_days_g_per_kg is UNKNOWN
    assert "W-16-UNKNOWN" in rules(proposal)


def dose(started_at: datetime, **changes: Any) -> GivenDose:
    """A dose of 1 g per kg at the bedside, on orders of another assessment, noted at its start."""
    fields: dict[str, Any] = {
        "kind": "ivig",
        "assessment_id": None,
        "started_at": started_at,
        "ended_at": started_at + timedelta(hours=5),
        "noted_at": max(started_at, MADE + timedelta(minutes=1)),
        "product": "Privigen",
        "product_key": "privigen",
        "grams": Decimal(70),
        "grams_from": "",
        "weight_kg": Decimal(70),
        "ordered_g_per_kg": Decimal(1),
    }
    return GivenDose(**fields | changes)


BEFORE = MADE - timedelta(hours=5)
LATER = MADE + timedelta(hours=2)


@pytest.mark.parametrize(
    ("told", "doses", "hours", "sum_of_days"),
    [
        pytest.param({}, [dose(LATER)], 8, 1, id="counted on top of what was told"),
        pytest.param({"ivig_last_7_days_g_per_kg": None}, [dose(LATER)], 8, None, id="unknown stays unknown"),
        pytest.param(
            {"first_ivig": True, "hours_since_last_ivig": None, "ivig_last_7_days_g_per_kg": None},
            [dose(LATER)],
            8,
            1,
            id="the first ever had nothing before it",
        ),
        pytest.param(
            {}, [dose(LATER, grams=UNKNOWN, ordered_g_per_kg=UNKNOWN)], 8, None, id="amount unknown"
        ),
        pytest.param(
            {},
            [dose(LATER, grams=Decimal(75), ordered_g_per_kg=UNKNOWN)],
            8,
            "1.0715",
            id="more than ordered",
        ),
        pytest.param(
            {}, [dose(LATER), dose(LATER + timedelta(hours=6))], 2, 2, id="the newest tells the time"
        ),
        pytest.param(
            {"hours_since_last_ivig": "5", "ivig_last_7_days_g_per_kg": "1"},
            [dose(BEFORE)],
            15,
            1,
            id="noted late, and told already",
        ),
        pytest.param({}, [dose(BEFORE)], 15, 1, id="noted late, and not told"),
        pytest.param(
            {"hours_since_last_ivig": "2", "ivig_last_7_days_g_per_kg": "1"},
            [dose(BEFORE)],
            12,
            1,
            id="noted late, and told of a later one",
        ),
        pytest.param(
            {"hours_since_last_ivig": "5", "ivig_last_7_days_g_per_kg": "1"},
            [dose(BEFORE), dose(LATER)],
            8,
            2,
            id="one noted late and one since",
        ),
    ],
)
def test_facts_at_the_order_count_what_the_assessment_cannot_know(
    ward: Ward, told: dict[str, Any], doses: list[GivenDose], hours: int, sum_of_days: Any
):
    facts = now(ward, told, doses)

    assert facts.first_ivig is False
    assert facts.hours_since_last_ivig == hours
    total = facts.ivig_last_7_days_g_per_kg
    assert (None if isinstance(total, Unknown) else round(total, 4)) == (
        None if sum_of_days is None else Decimal(sum_of_days)
    )


@pytest.mark.parametrize(
    ("doses", "brand"),
    [
        ([dose(LATER)], "privigen"),
        ([dose(LATER, ended_at=None)], None),
        ([dose(LATER, reactions=(AdministrationEvent(act="reaction", grade=1),))], None),
        ([dose(LATER, product_key=UNKNOWN)], None),
        ([dose(MADE - timedelta(hours=3000))], "octagam_10"),
    ],
    ids=["borne", "still runs", "with a reaction", "brand not known", "older than what was told"],
)
def test_brand_is_the_one_before_only_once_it_was_borne(
    ward: Ward, doses: list[GivenDose], brand: str | None
):
    facts = now(ward, {"last_product": "octagam_10"}, doses)

    assert facts.last_product == (UNKNOWN if brand is None else brand)


def now(ward: Ward, told: dict[str, Any], doses: list[GivenDose]) -> Facts:
    """The facts ten hours after an assessment that was told this."""
    made = assess(ward.site, at=MADE, **told)
    return facts_now(made, doses, at=MADE + timedelta(hours=10))


def test_dose_of_a_set_signed_on_the_assessment_was_never_told_to_it(ward: Ward):
    """A start is noted to the minute, which may lie before the second in which the assessment was made."""
    told = {"hours_since_last_ivig": "5", "ivig_last_7_days_g_per_kg": "1"}
    made = assess(ward.site, at=MADE, **told)
    begun = dose(MADE - timedelta(seconds=30), assessment_id=made.pk)

    own = facts_now(made, [begun], at=MADE)
    paper = facts_now(made, [replace(begun, is_from_paper=True)], at=MADE)

    assert own.ivig_last_7_days_g_per_kg == 2
    # The assessment beside a dose on paper is only the nearest one.
    assert paper.ivig_last_7_days_g_per_kg == 1


def test_amount_of_a_dose_is_that_of_its_order_unless_more_is_noted(ward: Ward):
    ward.give()
    ordered = ward.propose(after(hours=6)).untold[0]
    assert ordered.prescribed_g_per_kg == 1
    assert ordered.product_key == "privigen"

    for lot, count in (("P1", 3), ("P2", 1)):
        note_vials(
            line=ward.line,
            dose_number=1,
            vials=Vials(
                product="privigen",
                lot_number=lot,
                expires_on=date(2099, 1, 31),
                grams=Decimal(20),
                count=count,
                is_more_than_ordered=True,
            ),
            given_at=START,
            idempotency_key=uuid4(),
            by=ward.site.nurse,
            at=after(hours=1),
        )
        amount = ward.propose(after(hours=6)).untold[0].prescribed_g_per_kg
        assert not isinstance(amount, Unknown)
        assert round(amount, 4) == (1 if lot == "P1" else Decimal("1.1429"))


def test_dose_that_is_taken_back_is_not_counted(ward: Ward):
    with time_machine.travel(START, tick=False):
        start = noted(ward.site, ward.line, Act.START, START, reason="signs_elsewhere")
    assert "W-16" in rules(ward.propose(after(hours=1)))

    take_back_event(
        event=start,
        why=Why(reason=CorrectionReason.MISREAD, words=""),
        idempotency_key=uuid4(),
        by=ward.site.nurse,
        at=after(hours=1),
    )

    assert ward.propose(after(hours=2)).untold == ()
    assert "W-16" not in rules(ward.propose(after(hours=2)))


def test_dose_begun_while_somebody_signs_is_judged_behind_the_lock(ward: Ward):
    """The clock of who signs was read before the nurse noted the start."""
    proposal = ward.propose(START)
    chosen = Choices(
        codes=tuple(card.code for card in proposal.cards if card.role == "required"),
        starts_at=START,
        product=proposal.outcome_product,
        declined=(),
        overrides=(),
    )
    key = uuid4()
    shown = digest(draft_content(proposal=proposal, choices=chosen, key=key))
    noted(ward.site, ward.line, Act.START, after(minutes=1), reason="signs_elsewhere")

    with pytest.raises(CannotOrder, match="W-16"):
        sign_order_set(
            assessment=ward.made,
            choices=chosen,
            shown_digest=shown,
            key=key,
            by=ward.site.physician,
            at=START,
        )

    assert OrderSet.objects.count() == 1


def test_new_assessment_is_judged_by_what_it_is_told(ward: Ward):
    ward.give()
    again = assess(ward.site, at=after(hours=6), hours_since_last_ivig="6", ivig_last_7_days_g_per_kg="1")

    proposal = propose(assessment=again, product=None, at=after(hours=7))

    assert proposal.untold == ()
    assert proposal.facts.hours_since_last_ivig == 7


def test_life_threatening_reaction_refuses_whoever_agrees(ward: Ward):
    with time_machine.travel(START, tick=False):
        noted(ward.site, ward.line, Act.START, START, reason="signs_elsewhere")
        noted(ward.site, ward.line, Act.REACTION, after(minutes=12), grade=4)
    with time_machine.travel(after(hours=1), tick=False):
        refused = check(ward.client(), ward.made, {**choices(ward.made), **NAMED})

    assert refused.status_code == 409
    assert "this assessment does not know it. Reassess the patient first." in text_of(refused)


def test_first_emergency_order_is_one_press_and_the_second_asks_for_a_haematologist(ward: Ward):
    path = reverse("emergency_orders", args=[ward.made.pk])
    with time_machine.travel(after(minutes=-10), tick=False):
        ward.client().post(reverse("start_emergency", args=[ward.site.encounter.pk]))
        first = ward.client().get(path)
    ward.give()
    with time_machine.travel(after(hours=6), tick=False):
        ward.client().post(reverse("start_emergency", args=[ward.site.encounter.pk]))
        second = ward.client().get(path)
        data = dict(second.context["form"].data.items())
        answered = check(ward.client(), ward.made, {**data, **NAMED})
        signed = ward.client().post(
            reverse("sign_orders", args=[ward.made.pk]),
            {
                **dict(answered.context["carried"]),
                "digest": answered.context["digest"],
                "password": PASSWORD,
                "sign": "",
            },
        )

    assert (first.status_code, first.templates[0].name) == (200, "orders/emergency_check.html")
    assert "noted after this assessment" not in text_of(first)
    assert (second.status_code, second.templates[0].name) == (422, "orders/choose.html")
    assert list(second.context["form"].errors) == ["override_W-16_reason", "override_W-16_by"]
    assert 'name="override_W-16_by"' in text_of(second)
    assert (answered.status_code, answered.templates[0].name) == (200, "orders/emergency_check.html")
    assert "noted after this assessment" in text_of(answered)
    assert signed.status_code == 302
    assert OverriddenRule.objects.get(rule="W-16").haematologist == "Dr Test Haematologist"


def test_new_assessment_starts_with_the_dose_on_record(ward: Ward):
    path = reverse("assess", args=[ward.site.encounter.pk])
    with time_machine.travel(after(minutes=-5), tick=False):
        before = ward.client().get(path)
    ward.give()
    with time_machine.travel(after(hours=6, minutes=20), tick=False):
        page = ward.client().get(path)

    def filled_in(answer: Any) -> dict[str, Any]:
        names = ("first_ivig", "hours_since_last_ivig", "ivig_last_7_days_g_per_kg")
        return {name: answer.context["form"][name].value() for name in names}

    assert not any(filled_in(before).values())
    assert filled_in(page) == {
        "first_ivig": "no",
        "hours_since_last_ivig": "6.33",
        "ivig_last_7_days_g_per_kg": "1",
    }
    assert "Immunoglobulin was begun here, the last on 02-Nov-2026 08:30." in text_of(page)
    assert "severe reaction" not in text_of(page).partition("<form")[0]


@pytest.mark.parametrize(("saved", "hours"), [(-5, "6"), (120, "2")])
def test_draft_that_was_saved_after_the_dose_keeps_what_was_typed(ward: Ward, saved: int, hours: str):
    save_draft(
        encounter=ward.site.encounter,
        entered={"first_ivig": "no", "hours_since_last_ivig": "2"},
        by=ward.site.physician,
        at=after(minutes=saved),
    )
    ward.give()

    started = starting_answers(ward.site.encounter, ward.site.physician, at=after(hours=6))

    assert started.answers["hours_since_last_ivig"] == hours


def emergency_at(ward: Ward, at: datetime) -> tuple[Assessment, Any]:
    """The assessment of an emergency that starts at a moment, and the page it leads to."""
    encounter = ward.site.encounter
    with time_machine.travel(at, tick=False):
        client = ward.client()
        client.post(reverse("start_emergency", args=[encounter.pk]))
        page = client.post(
            reverse("emergency", args=[encounter.pk]), emergency_answers(encounter), follow=True
        )
    return encounter.assessments.latest("number"), page


def test_second_emergency_is_assessed_with_the_dose_on_record(ward: Ward):
    """The screen of an emergency does not ask for it, and the first assessment said that it was the first."""
    ward.give()
    made, page = emergency_at(ward, after(hours=6))

    assert made.number == 2
    facts = made.as_facts()
    assert facts.first_ivig is False
    assert facts.hours_since_last_ivig == 6
    assert (page.status_code, page.templates[0].name) == (422, "orders/choose.html")
    assert "override_W-16_by" in page.context["form"].errors


@pytest.mark.hazard("H07")
def test_sum_above_the_limit_counts_in_an_emergency_and_is_confirmed_by_nobody(ward: Ward):
    """Above the limit of a course a sum is asked again of who types it; the record is believed."""
    ward.give()
    ward.enter_paper(after(hours=25), at=after(hours=26))
    ward.enter_paper(after(hours=49), at=after(hours=50))

    made, page = emergency_at(ward, after(hours=51))

    assert made.as_facts().ivig_last_7_days_g_per_kg == 3
    assert "override_HS-15_by" in page.context["form"].errors
    (entry,) = AuditEntry.objects.filter(action="assessment.made", object_id=made.pk)
    assert entry.details["confirmed"] == []
