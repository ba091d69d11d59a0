"""The admin as each role meets it: a draft is edited by its author, the rest is read and led on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from protocols import actions
from protocols.admin import CONTENT
from protocols.mapping import load_protocol_value, read_rows
from protocols.models import (
    Branch,
    Citation,
    ContentRow,
    GradeBand,
    OrderTemplate,
    ProtocolVersion,
    Text,
)
from protocols.steps import STEPS
from tests.protocols.factory import AT, approved, draft, person, reviewed, submitted, under_review
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


def shown(answer: Any) -> dict[str, str]:
    """What the form on an admin page would post if nothing were changed."""
    form = answer.context["adminform"].form
    values = {}
    for bound in form:
        value = bound.value()
        if value is False or value is None:
            continue
        values[bound.html_name] = "on" if value is True else str(value)
    return values


def edit(client: Client, url: str, **changes: str) -> Any:
    given = shown(client.get(url)) | changes
    return client.post(url, given, follow=True)


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
        (retired, "approver", set()),
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


def test_the_author_edits_what_a_draft_says_of_itself() -> None:
    version = draft()

    answer = edit(as_("author"), version_url(version), title="A better title")

    assert answer.status_code == 200
    version.refresh_from_db()
    assert (version.title, version.version, version.slug) == ("A better title", 2, "small")


def test_an_edit_of_a_page_that_was_open_too_long_is_refused() -> None:
    version = draft()
    client = as_("author")
    edit(client, version_url(version), title="First")

    html = edit(client, version_url(version), title="Second", seen="1").content.decode()

    assert "Somebody else has changed this version" in html
    version.refresh_from_db()
    assert version.title == "First"


@pytest.mark.parametrize("make", [submitted, approved, retired])
def test_a_submitted_version_and_its_rows_are_read_only(make: Callable[[], ProtocolVersion]) -> None:
    version = make()
    client = as_("author")
    text = Text.objects.first()
    assert text is not None

    assert client.post(version_url(version), {"title": "Changed"}).status_code == 403
    assert client.post(row_url(text), {"body": "Changed"}).status_code == 403
    assert client.post(row_url(text, "delete"), {"post": "yes"}).status_code == 403
    assert 'name="_save"' not in client.get(row_url(text)).content.decode()


@pytest.mark.parametrize("model", CONTENT, ids=lambda model: model.__name__)
def test_every_row_can_be_saved_unchanged_by_the_author(model: type[ContentRow]) -> None:
    version = draft()
    before = read_rows(version)
    row = model._default_manager.first()
    assert row is not None

    edit(as_("author"), row_url(row))

    version.refresh_from_db()
    assert version.version == 2
    assert read_rows(version) == before


def test_an_edited_row_is_in_the_protocol() -> None:
    version = draft()
    row = GradeBand.objects.get(grade=1)

    edit(as_("author"), row_url(row), label="Very low")

    assert load_protocol_value(version).grade_bands[0].label == "Very low"


def test_what_the_engine_could_not_read_is_not_saved() -> None:
    draft()
    branch = Branch.objects.get()

    answer = edit(as_("author"), row_url(branch), targets='[{"platelets_per_ul": "many", "text": "x"}]')

    assert "expected int" in answer.content.decode()
    branch.refresh_from_db()
    assert branch.targets[0]["platelets_per_ul"] == 20


def test_a_shortened_list_is_kept_in_its_full_spelling() -> None:
    version = draft()
    branch = Branch.objects.get()

    edit(as_("author"), row_url(branch), targets='[{"platelets_per_ul": 30, "text": "Thirty"}]')

    branch.refresh_from_db()
    assert branch.targets == [{"platelets_per_ul": 30, "text": "Thirty", "when": []}]
    version.refresh_from_db()
    actions.submit(version=version, by=person("author"), at=AT)
    version.refresh_from_db()
    assert load_protocol_value(version).branches[0].targets[0].platelets_per_ul == 30


def test_a_row_changed_in_another_window_is_not_overwritten() -> None:
    draft()
    row = GradeBand.objects.get(grade=1)
    client = as_("author")
    edit(client, row_url(row), label="First")

    html = edit(client, row_url(row), label="Second", seen="1").content.decode()

    assert "Somebody else has changed this version" in html
    row.refresh_from_db()
    assert row.label == "First"


def test_a_row_is_added_to_a_draft_and_to_nothing_else() -> None:
    version, sealed = draft(), submitted()
    client = as_("author")
    url = reverse("admin:protocols_citation_add")
    given = {
        "position": "5",
        "key": "C50",
        "provenance": "study",
        "reference": "R",
        "passage": "P",
        "confidence": "known",
    }

    refused = client.post(url, {**given, "protocol_version": str(sealed.pk)})
    client.post(url, {**given, "protocol_version": str(version.pk)})

    assert refused.status_code == 200
    assert Citation.objects.get(key="C50").protocol_version == version


def test_an_order_line_stays_with_the_branches_of_its_version() -> None:
    first, second = draft(), draft()
    line = OrderTemplate.objects.filter(protocol_version=first).first()
    elsewhere = Branch.objects.get(protocol_version=second)
    assert line is not None

    answer = edit(as_("author"), row_url(line), branch=str(elsewhere.pk))

    assert "Select a valid choice" in answer.content.decode()


def test_a_new_order_line_names_a_branch_of_its_own_version() -> None:
    first, second = draft(), draft()
    line = OrderTemplate.objects.filter(protocol_version=first).first()
    elsewhere = Branch.objects.get(protocol_version=second)
    assert line is not None
    client = as_("author")
    given = shown(client.get(row_url(line)))
    given |= {"key": "L9", "protocol_version": str(first.pk), "branch": str(elsewhere.pk)}

    answer = client.post(reverse("admin:protocols_ordertemplate_add"), given)

    assert "The branch belongs to another version." in answer.content.decode()
    assert not OrderTemplate.objects.filter(key="L9").exists()


def test_a_row_is_removed_from_a_draft() -> None:
    version = draft()
    row = Text.objects.get(key="consult_info")

    as_("author").post(row_url(row, "delete"), {"post": "yes"})

    assert not Text.objects.filter(pk=row.pk).exists()
    assert version.events.filter(comment="text consult_info: removed").exists()


def test_a_draft_of_somebody_else_is_left_alone_with_a_message() -> None:
    version = draft()
    people = get_user_model()._default_manager
    people.create(username="second", full_name="Second Author", role="protocol_author")
    client = Client()
    client.force_login(people.get(username="second"))
    row = Text.objects.get(key="consult_info")

    edited = edit(client, version_url(version), title="Mine now")
    removed = client.post(row_url(row, "delete"), {"post": "yes"}, follow=True)

    assert "Only its author" in edited.content.decode()
    assert "Only its author" in removed.content.decode()
    version.refresh_from_db()
    assert version.title == "A small protocol"
    assert Text.objects.filter(pk=row.pk).exists()


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
