"""A site in full use: a person for every role, an assessed patient with signed orders, a printed sheet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from ivigsite.accounts.models import SignIn, User
from ivigsite.accounts.roles import Role
from ivigsite.downtime.entries import OnPaper, enter_paper_order
from ivigsite.downtime.models import PaperOrder
from ivigsite.encounters.models import Assessment
from ivigsite.monitoring.actions import Entered, record_observation
from ivigsite.monitoring.models import Observation
from ivigsite.orders.actions import keep_file
from ivigsite.orders.administration import Noted, Vials, note_event, note_vials
from ivigsite.orders.models import AdministrationEvent, GivenProduct, OrderLine, OrderSet, SheetPrint
from protocols.engine.course import Act
from protocols.models import ProtocolVersion
from tests.orders.test_signing import check, choices, sign
from tests.protocols.factory import approved
from tests.scenario import PASSWORD, Site, assess, build_site, person


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the addresses of the site can point at, and who may knock."""

    site: Site
    book: ProtocolVersion
    """A version with a row or two of each kind, whose pages are made in a moment."""
    people: Mapping[Role, User]
    assessment: Assessment
    order_set: OrderSet
    print: SheetPrint
    sign_in: SignIn
    observation: Observation
    paper_order: PaperOrder
    event: AdministrationEvent
    given: GivenProduct


def build_world() -> World:
    """Everybody belongs to the ward of the patient, so that only the role can keep anybody out."""
    now = timezone.now()
    site = build_site(at=now)
    there = {Role(user.role): user for user in User.objects.filter(username__startswith="protocol_")}
    there |= {Role.PHYSICIAN: site.physician, Role.NURSE: site.nurse}
    for user in User.objects.exclude(pk=site.elsewhere.pk):
        there[Role(user.role)] = user
    people = {role: there.get(role) or person(f"the-{role}", role) for role in Role}
    for user in people.values():
        user.wards.add(site.ward)
    assessment = assess(site)
    client = client_of(site.physician)
    sign(client, assessment, choices(assessment))
    order_set = OrderSet.objects.get()
    print_ = order_set.prints.get(document="order_set")
    # Made by nobody: who renders for every page that is tried here waits for minutes.
    for made in order_set.prints.all():
        keep_file(print_=made, data=b"%PDF-1.7 of this test", at=now)
    observation = record_observation(
        encounter=site.encounter,
        rule="STEROID_BP",
        entered=Entered(typed={}, values={"systolic_mmhg": 170, "diastolic_mmhg": 90}, taken_at=now),
        idempotency_key=uuid4(),
        by=site.nurse,
        at=timezone.now(),
    )
    paper_order = enter_paper_order(
        encounter=site.encounter,
        on_paper=OnPaper(
            form_number="EM-1",
            drug="predniSONE",
            dose_amount=Decimal(60),
            dose_unit="mg",
            details="by mouth",
            ordered_at=now,
            ordered_by="Dr Test Paper-Writer",
            given_at=None,
            given_by="",
        ),
        idempotency_key=uuid4(),
        by=site.nurse,
        at=timezone.now(),
    )
    line = OrderLine.objects.select_related("order_set__encounter", "order_set__assessment").get(
        order_set=order_set, kind="ivig"
    )
    event = note_event(
        line=line,
        dose_number=1,
        noted=Noted(act=Act.START, happened_at=order_set.signed_at),
        seen=0,
        idempotency_key=uuid4(),
        by=site.nurse,
        at=timezone.now(),
    )
    given = note_vials(
        line=line,
        dose_number=1,
        vials=Vials(
            product="privigen",
            lot_number="P100",
            expires_on=date(2099, 1, 31),
            grams=Decimal(10),
            count=2,
        ),
        given_at=order_set.signed_at,
        idempotency_key=uuid4(),
        by=site.nurse,
        at=timezone.now(),
    )
    return World(
        site=site,
        book=approved(),
        people=people,
        # The patient is assessed again once immunoglobulin runs: another order is one on the newest answers.
        assessment=assess(site),
        order_set=order_set,
        print=print_,
        sign_in=SignIn.objects.get(user=site.physician),
        observation=observation,
        paper_order=paper_order,
        event=event,
        given=given,
    )


def client_of(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def signature(client: Client, assessment: Assessment, data: dict[str, str]) -> dict[str, str]:
    """What the check page posts once the password is typed."""
    shown = check(client, assessment, data)
    assert shown.status_code == 200, shown.content.decode()
    return {**data, "digest": shown.context["digest"], "password": PASSWORD, "sign": ""}
