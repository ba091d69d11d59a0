"""The admin as each role meets it: versions and their rows are read there, and led on, and never changed."""

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from protocols.admin import CONTENT
from protocols.mapping import read_rows
from protocols.models import ContentRow, ProtocolVersion
from protocols.steps import STEPS
from tests.protocols.factory import approved, draft, reviewed, submitted, under_review
from tests.protocols.test_actions import rejected, retired, withdrawn

pytestmark = pytest.mark.django_db

ROLES = {
    "author": "protocol_author",
    "reviewer": "protocol_reviewer",
    "approver": "protocol_approver",
    "nurse": "nurse",
    "administrator": "admin",
}


def as_(username: str) -> Client:
    """A browser in which this person of the tests has signed in, in the role of that name."""
    people = get_user_model()._default_manager
    people.get_or_create(username=username, defaults={"full_name": username.title(), "role": ROLES[username]})
    people.filter(username=username).update(role=ROLES[username])
    client = Client()
    client.force_login(people.get(username=username))
    return client


def version_url(version: ProtocolVersion) -> str:
    return reverse("admin:protocols_protocolversion_change", args=[version.pk])


def step_url(version: ProtocolVersion, name: str) -> str:
    return reverse("protocol_step", args=[version.pk, name])


def row_url(row: ContentRow, what: str = "change") -> str:
    return reverse(f"admin:protocols_{row._meta.model_name}_{what}", args=[row.pk])


@pytest.mark.parametrize(
    ("make", "username", "offered"),
    [
        (draft, "author", {"submit", "copy"}),
        (draft, "reviewer", set()),
        (draft, "approver", set()),
        (submitted, "author", {"copy"}),
        (submitted, "reviewer", {"start_review", "reject"}),
        (submitted, "approver", {"reject"}),
        (under_review, "reviewer", {"record_review", "reject"}),
        (reviewed, "approver", {"approve", "reject"}),
        (approved, "author", {"copy"}),
        (approved, "reviewer", set()),
        (approved, "approver", {"retire", "withdraw"}),
        (approved, "administrator", {"withdraw"}),
        (retired, "approver", {"withdraw"}),
        (rejected, "author", {"copy"}),
        (withdrawn, "administrator", {"ask_to_restore", "restore"}),
    ],
)
def test_each_role_is_offered_its_own_steps(
    make: Callable[[], ProtocolVersion], username: str, offered: set[str]
) -> None:
    version = make()

    html = as_(username).get(version_url(version)).content.decode()

    assert {name for name in STEPS if step_url(version, name) in html} == offered


def test_people_of_the_bedside_do_not_come_in() -> None:
    version = draft()

    assert as_("nurse").get(version_url(version)).status_code in (302, 403)


@pytest.mark.parametrize("make", [draft, submitted, approved, retired])
def test_versions_and_their_rows_are_read_only_in_the_admin(make: Callable[[], ProtocolVersion]) -> None:
    version = make()
    client, before = as_("author"), read_rows(version)

    for model in CONTENT:
        row = model._default_manager.filter(protocol_version=version)[0]
        name = f"admin:protocols_{model._meta.model_name}"
        page = client.get(row_url(row))
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        posts = (row_url(row), row_url(row, "delete"), reverse(f"{name}_add"))
        assert {client.post(url, {"post": "yes", "key": "forged"}).status_code for url in posts} == {403}
    assert client.post(version_url(version), {"title": "Changed"}).status_code == 403

    assert read_rows(version) == before


def test_the_page_of_a_version_leads_to_its_workspace() -> None:
    version = draft()

    assert reverse("workspace", args=[version.pk]) in as_("author").get(version_url(version)).content.decode()


def test_no_version_is_made_or_removed_in_the_admin() -> None:
    version = draft()
    client = as_("author")

    assert client.get(reverse("admin:protocols_protocolversion_add")).status_code == 403
    url = reverse("admin:protocols_protocolversion_delete", args=[version.pk])
    assert client.post(url, {"post": "yes"}).status_code == 403


def test_the_versions_page_lists_content_and_life() -> None:
    version = approved()

    html = as_("approver").get(version_url(version)).content.decode()

    assert f"protocol_version__id__exact={version.pk}" in html
    assert "Review recorded" in html
    assert "Read it all." in html


def test_a_list_of_rows_can_be_narrowed_to_one_version() -> None:
    version = draft()
    draft()

    url = reverse("admin:protocols_gradeband_changelist")
    answer = as_("author").get(f"{url}?protocol_version__id__exact={version.pk}")

    assert answer.status_code == 200
    assert answer.context["cl"].result_count == 2
