"""A protocol that was tampered with, withdrawn or never approved: said in words, and never a dose."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.encounters.board import _drawn
from ivigsite.orders.models import OrderSet
from protocols import actions, mapping
from protocols.models import ProtocolVersion, Regimen
from tests.encounters.answers import BLEED, PATIENT, saving
from tests.orders.test_signing import choices
from tests.safety.world import World, client_of, signature
from tests.scenario import PASSWORD, assess

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
Ask = Callable[[Client, World], Any]


def newcomer(world: World) -> dict[str, str]:
    return {**PATIENT, "ward": str(world.site.ward.pk), "bed": "1", "idempotency_key": str(uuid4())}


def page(name: str, target: Callable[[World], Any]) -> Ask:
    return lambda client, world: client.get(reverse(name, args=[target(world).pk]))


# What computes, or shows what was computed on the version that the patient's encounter keeps to.
COMPUTES: dict[str, Ask] = {
    "quick check": lambda client, _world: client.post("/quick-check/", BLEED),
    "live preview": lambda client, _world: client.post("/quick-check/", BLEED, headers=HTMX),
    "preview of an encounter": lambda client, world: client.post(
        reverse("assess", args=[world.site.encounter.pk]), BLEED, headers=HTMX
    ),
    "assessing": lambda client, world: client.post(
        reverse("assess", args=[world.site.encounter.pk]), saving(world.site.encounter)
    ),
    "encounter": page("encounter", lambda world: world.site.encounter),
    "assessment": page("assessment", lambda world: world.assessment),
    "choosing orders": page("choose_orders", lambda world: world.assessment),
    "signing": lambda client, world: client.post(
        reverse("sign_orders", args=[world.assessment.pk]), {"password": PASSWORD, "sign": ""}
    ),
    "protocol": lambda client, _world: client.get("/protocols/"),
    "version": page("protocols:version", lambda world: world.site.version),
}


@pytest.fixture
def tampered(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Somebody who owns the database took the guards away and raised every cap."""
    # As after a new start: what was checked before is not asked again while the process lives.
    monkeypatch.setattr(mapping, "_sealed", {})
    table = Regimen._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{name}"')
        cursor.execute(f'UPDATE "{table}" SET cap = 700')
    return world


def test_nothing_is_computed_from_a_protocol_that_was_tampered_with(tampered: World) -> None:
    client = client_of(tampered.site.physician, raise_request_exception=False)
    assessed = tampered.site.encounter.assessments.count()

    for name, ask in COMPUTES.items():
        answer = ask(client, tampered)

        assert answer.status_code == (409 if name in ("protocol", "version") else 503), name
        words = answer.content.decode().replace("\u00a0", " ")
        assert "cannot be used" in words or "nothing is computed from it" in words, name
        assert "70 g" not in words, name
        assert "1 g per kg" not in words, name
    assert OrderSet.objects.get() == tampered.order_set
    assert tampered.site.encounter.assessments.count() == assessed


def test_patients_are_still_found_and_pages_that_cannot_compute_say_what_to_do(
    tampered: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(tampered.site.physician)
    _drawn.clear()

    board = client.get(reverse("board"))
    found = client.post(reverse("search"), {"q": tampered.site.encounter.patient.family_name})
    words = client.get(reverse("encounter", args=[tampered.site.encounter.pk])).content.decode()

    assert board.status_code == found.status_code == 200
    assert tampered.site.encounter.patient.family_name in unescape(board.content.decode())
    for needed in (
        "Call haematology",
        "nothing can be signed on it",
        "verify_seals",
        "than what was submitted",
    ):
        assert needed in words
    assert any(entry.levelname == "CRITICAL" for entry in caplog.records)


def test_a_signed_order_set_is_still_voided_and_handed_out(tampered: World) -> None:
    client = client_of(tampered.site.physician)

    sheet = client.get(reverse("sheet_file", args=[tampered.print.pk]))
    voided = client.post(
        reverse("void_order_set", args=[tampered.order_set.pk]),
        {"reason": "Protocol in doubt", "password": PASSWORD},
    )

    assert sheet["Content-Type"] == "application/pdf"
    assert voided.status_code == 302
    assert not OrderSet.objects.get().is_active


def test_the_page_of_the_protocol_says_that_it_cannot_be_used(tampered: World) -> None:
    answer = client_of(tampered.site.physician).get("/protocols/")

    assert answer.status_code == 409
    assert "nothing is computed from it" in answer.content.decode()


def test_approving_and_copying_find_the_seal_broken(tampered: World) -> None:
    version = tampered.site.version
    client = client_of(tampered.people["protocol_author"])  # type: ignore[index]
    versions = ProtocolVersion.objects.count()

    answer = client.post(
        reverse("protocol_step", args=[version.pk, "copy"]),
        {
            "seen": ProtocolVersion.objects.get(pk=version.pk).version,
            "seal": version.seal,
            "words": "Next year",
            "password": PASSWORD,
        },
        follow=True,
    )

    assert "something else than what was submitted" in answer.content.decode()
    assert ProtocolVersion.objects.count() == versions


@pytest.fixture
def withdrawn(world: World) -> World:
    for version in (world.site.version, world.book):
        actions.withdraw(
            version=ProtocolVersion.objects.get(pk=version.pk),
            reason="Cap is wrong",
            by=world.people["protocol_approver"],  # type: ignore[index]
            at=timezone.now(),
        )
    return world


def test_without_an_approved_protocol_pages_say_so(withdrawn: World) -> None:
    client = client_of(withdrawn.site.physician)
    asks: dict[str, tuple[Ask, int]] = {
        "quick check": (COMPUTES["quick check"], 503),
        "live preview": (COMPUTES["live preview"], 503),
        "newcomer": (lambda client, world: client.post("/patients/new/", newcomer(world)), 503),
        "protocol": (COMPUTES["protocol"], 200),
    }

    for name, (ask, status) in asks.items():
        answer = ask(client, withdrawn)

        assert answer.status_code == status, name
        words = answer.content.decode().lower()
        assert re.search("no protocol is approved|no approved protocol|no version", words), name
        assert "70 g" not in words, name


def test_foot_of_every_page_says_that_nothing_is_approved(withdrawn: World) -> None:
    page = client_of(withdrawn.site.physician).get("/search/").content.decode()

    assert "No protocol version is approved: nothing can be computed." in page


@pytest.mark.hazard("H19")
def test_encounter_shows_that_its_version_was_withdrawn(withdrawn: World) -> None:
    client = client_of(withdrawn.site.physician)

    for name, key in (("encounter", withdrawn.site.encounter.pk), ("assessment", withdrawn.assessment.pk)):
        assert "withdrawn" in client.get(reverse(name, args=[key])).content.decode()


@pytest.mark.hazard("H19")
def test_nothing_is_signed_on_a_version_that_was_withdrawn_while_it_was_read(world: World) -> None:
    made = assess(world.site)
    client = client_of(world.site.physician)
    posted = signature(client, made, choices(made))
    actions.withdraw(
        version=ProtocolVersion.objects.get(pk=world.site.version.pk),
        reason="Cap is wrong",
        by=world.people["protocol_approver"],  # type: ignore[index]
        at=timezone.now(),
    )

    answer = client.post(reverse("sign_orders", args=[made.pk]), posted)

    assert answer.status_code == 409
    assert "withdrawn" in answer.content.decode()
    assert OrderSet.objects.get() == world.order_set
    assert OrderSet.objects.get().is_active
