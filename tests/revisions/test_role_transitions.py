"""Every role on every step in every state: allowed where the life of a version says so, and nowhere else.

What is allowed is written down here by hand, from the life of a version, and not read from the code.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.accounts.roles import Role
from protocols import actions
from protocols.lifecycle import State
from protocols.models import ProtocolVersion, Regimen
from protocols.proving import prove_at_once, seal_of
from protocols.steps import STEPS
from tests.protocols.factory import AT, approved, draft, person, reviewed, submitted, under_review
from tests.protocols.test_actions import rejected, retired, withdrawn
from tests.scenario import PASSWORD

Make = Callable[[], ProtocolVersion]


def asked_for() -> ProtocolVersion:
    """Withdrawn, and one of two people wants it back."""
    return actions.ask_to_restore(version=withdrawn(), reason="Right after all.", by=person("first"), at=AT)


STATES: dict[str, Make] = {
    "draft": draft,
    "submitted": submitted,
    "under review": under_review,
    "reviewed": reviewed,
    "approved": approved,
    "retired": retired,
    "rejected": rejected,
    "withdrawn": withdrawn,
    "withdrawn, restoring asked for": asked_for,
}
A, R, P, S = "protocol_author", "protocol_reviewer", "protocol_approver", "admin"
OPEN = ("submitted", "under review", "reviewed")
# What the step makes of the version, in which states, for which roles.
ALLOWED: dict[str, tuple[State | None, tuple[str, ...], set[str]]] = {
    "submit": (State.SUBMITTED, ("draft",), {A}),
    "start_review": (State.UNDER_REVIEW, ("submitted",), {R}),
    "record_review": (State.UNDER_REVIEW, ("under review",), {R}),
    "approve": (State.APPROVED, ("reviewed",), {P}),
    "reject": (State.REJECTED, OPEN, {R, P}),
    "retire": (State.RETIRED, ("approved",), {P}),
    "withdraw": (State.WITHDRAWN, ("approved", "retired"), {P, S}),
    "ask_to_restore": (State.WITHDRAWN, ("withdrawn", "withdrawn, restoring asked for"), {P, S}),
    "restore": (State.APPROVED, ("withdrawn, restoring asked for",), {P, S}),
    # A copy is a version of its own, and leaves this one as it is.
    "copy": (None, tuple(STATES), {A}),
}
# One form for all; the seal and the count of changes are put in from the version.
ANSWERS = {"words": "Because.", "review_in": "365", "password": PASSWORD}


@contextmanager
def taken_back() -> Iterator[None]:
    """What is tried leaves nothing behind, so that one world serves for all."""
    block = transaction.atomic()
    # As the test's own, so that what must not be nested elsewhere may be nested in it.
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)


def people() -> dict[str, Client]:
    """One person of each role; those of the life itself are the ones who wrote and reviewed the version."""
    clients = {}
    names = {A: "author", R: "reviewer", P: "approver"}
    for role in Role:
        somebody: Any = person(names.get(role.value, f"the-{role.value}"))
        somebody.role = role
        somebody.set_password(PASSWORD)
        somebody.save()
        clients[role.value] = Client()
        clients[role.value].force_login(somebody)
    return clients


def traces(version: ProtocolVersion) -> tuple[Any, ...]:
    """Everything a step could change."""
    version.refresh_from_db()
    return (
        version.state,
        version.version,
        version.seal,
        version.events.count(),
        ProtocolVersion.objects.count(),
    )


@pytest.mark.django_db
@pytest.mark.hazard("H20")
@pytest.mark.parametrize("state", STATES)
def test_each_role_takes_exactly_its_steps_in_this_state_and_others_change_nothing(state: str) -> None:
    version = STATES[state]()
    clients = people()
    if state == "reviewed":
        prove_at_once(version=version, by=person("approver"), at=timezone.now())
    # Opened once, for what a page would carry.
    seal = seal_of(version)
    before = traces(version)
    wrong: list[tuple[str, str, int]] = []

    for name in STEPS:
        to, states, roles = ALLOWED[name]
        url = reverse("protocol_step", args=[version.pk, name])
        for role, client in clients.items():
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            with taken_back():
                answer = client.post(url, ANSWERS | {"seen": str(version.version), "seal": seal})
                status, after = answer.status_code, traces(version)
            client.cookies[settings.SESSION_COOKIE_NAME] = session
            version.refresh_from_db()
            is_allowed = state in states and role in roles
            changed = after != before
            is_right = (
                status == 302 and changed and after[0] == (to or before[0])
                if is_allowed
                else status in (403, 409) and not changed
            )
            if not is_right:
                wrong.append((name, role, status))

    assert wrong == []
    assert traces(version) == before


@pytest.mark.django_db
@pytest.mark.hazard("H20")
@pytest.mark.parametrize("state", STATES)
def test_each_role_edits_and_comments_exactly_in_the_states_for_it(state: str) -> None:
    version = STATES[state]()
    before = traces(version)
    row = Regimen.objects.get(protocol_version=version)
    edit = reverse("workspace_row", args=[version.pk, "regimens", row.pk])
    comment = reverse("row_comments", args=[version.pk, "regimens", row.pk])
    wrong: list[tuple[str, str, int]] = []

    for role, client in people().items():
        with taken_back():
            page = client.get(edit)
            posted = dict(page.context["form"].posted()) if page.status_code == 200 else {}
            edited = client.post(edit, posted | {"title": "Another title"}).status_code
            is_edited = traces(version) != before
            said = client.post(comment, {"text": "Why?", "idempotency_key": str(uuid4())}).status_code
            is_said = version.comments.exists()
        version.refresh_from_db()
        may_edit = state == "draft" and role == A
        may_comment = state in ("draft", *OPEN) and role in (A, R, P, S)
        if (edited == 302, is_edited) != (may_edit, may_edit) or (not may_edit and edited != 403):
            wrong.append(("edit", role, edited))
        if (said == 302, is_said) != (may_comment, may_comment) or (
            not may_comment and said not in (403, 409)
        ):
            wrong.append(("comment", role, said))

    assert wrong == []


def test_matrix_knows_every_step_and_every_state() -> None:
    assert set(ALLOWED) == set(STEPS)
    made = {"draft", "submitted", "under_review", "approved", "retired", "rejected", "withdrawn"}
    assert made == set(State.values)
