"""A row is edited and moved within its table; what the table does not show stays as it is."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from ivigsite.audit.models import AuditEntry
from ivigsite.revisions.row_form import RowForm
from ivigsite.revisions.sections import SECTIONS, neighbours, rows_of_section
from protocols.mapping import read_rows
from protocols.models import ProtocolVersion, Regimen, Text
from tests.protocols.factory import draft
from tests.revisions.test_editing import posted, row_url
from tests.revisions.test_workspace import as_
from tests.scenario import shipped

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def place_url(version: ProtocolVersion, section: str, row: Any) -> str:
    return reverse("workspace_row_in_place", args=[version.pk, section, row.pk])


def shown_in_place(client: Client, url: str) -> dict[str, Any]:
    """What a browser would post of the fields that stand in the table."""
    answer = client.get(url, headers=HTMX)
    form: RowForm = answer.context["form"]
    names = {part.path for part in answer.context["parts"]} | {"was"}
    return {name: values for name, values in form.posted().items() if name in names}


def test_every_row_is_opened_in_its_place_and_saved_as_it_was() -> None:
    version, client = draft(), as_("author")
    before = read_rows(version)

    for name, section in SECTIONS.items():
        row = section.model._default_manager.filter(protocol_version=version).first()
        url = place_url(version, name, row)
        data = shown_in_place(client, url)
        assert len(data) > 1, name
        answer = client.post(url, data, headers=HTMX)
        assert answer.status_code == 302, (name, answer.context and answer.context["form"].errors)

    assert read_rows(version) == before
    assert AuditEntry.objects.filter(action="protocol.row_saved").count() == len(SECTIONS)


def test_value_is_changed_in_its_place_and_the_rest_of_the_row_stays() -> None:
    version, client = draft(), as_("author")
    regimen = Regimen.objects.get()
    url = place_url(version, "regimens", regimen)
    before = dict(Regimen.objects.values().get())

    answer = client.post(
        url, shown_in_place(client, url) | {"amount": "0.6", "basis-note": "forged"}, follow=True
    )

    after = dict(Regimen.objects.values().get())
    assert str(after.pop("amount")) == "0.600000"
    assert before.pop("amount") != after
    assert after == before
    page = answer.content.decode()
    assert f'id="row-{regimen.pk}"' in page
    assert "Saved" in page
    assert "autofocus" in page


def test_what_cannot_be_read_is_said_in_the_row_beside_its_field() -> None:
    version, client = draft(), as_("author")
    url = place_url(version, "regimens", Regimen.objects.get())
    data = shown_in_place(client, url) | {"amount": "1,5", "title": "Typed before"}

    answer = client.post(url, data, headers=HTMX)
    whole = client.post(url, data)

    assert (answer.status_code, whole.status_code) == (422, 422)
    row = answer.content.decode()
    assert row.lstrip().startswith("<tr")
    assert (
        answer.headers["HX-Retarget"] == answer.headers["HX-Reselect"] == f"#row-{Regimen.objects.get().pk}"
    )
    for words in ("There is a problem", 'value="1,5"', "Typed before", "invalid-feedback"):
        assert words in row
    # Where no script runs, the page of the row takes over, with all its fields.
    assert "<h1>R20</h1>" in whole.content.decode()
    assert f'action="{row_url(version, "regimens", Regimen.objects.get())}"' in whole.content.decode()
    assert Regimen.objects.get().title == "Twenty of the drug"


@pytest.mark.hazard("H20")
def test_slower_edit_in_place_says_whose_won_and_can_be_saved_again() -> None:
    version, client = draft(), as_("author")
    regimen = Regimen.objects.get()
    url = place_url(version, "regimens", regimen)
    slow = shown_in_place(client, url)
    whole = row_url(version, "regimens", regimen)
    client.post(whole, posted(client, whole) | {"amount": "0.6", "basis-note": "Read the label."})

    lost = client.post(url, slow | {"amount": "0.7"}, headers=HTMX)
    bare = client.post(url, {name: each for name, each in slow.items() if name != "was"}, headers=HTMX)

    assert (lost.status_code, bare.status_code) == (422, 422)
    assert "Author changed this at" in lost.content.decode()
    assert str(Regimen.objects.get().amount) == "0.600000"
    names = {part.path for part in lost.context["parts"]} | {"was"}
    again = {name: each for name, each in lost.context["form"].posted().items() if name in names}
    assert client.post(url, again, headers=HTMX).status_code == 302
    regimen.refresh_from_db()
    assert (str(regimen.amount), regimen.note) == ("0.700000", "Read the label.")


def test_rows_change_places_and_the_focus_stays_with_the_one_that_moved() -> None:
    version, client = draft(), as_("author")
    before = [text.key for text in read_rows(version).texts]
    first, second = Text.objects.filter(protocol_version=version).order_by("position")[:2]
    move = reverse("workspace_move_row", args=[version.pk, "texts", first.pk])

    answer = client.post(move, {"past": str(second.pk)}, follow=True)

    assert [text.key for text in read_rows(version).texts] == [before[1], before[0], *before[2:]]
    assert AuditEntry.objects.filter(action="protocol.row_moved").count() == 1
    assert version.events.filter(comment=f"text {first}: moved").count() == 1
    page = answer.content.decode()
    (down,) = [line for line in page.splitlines() if "autofocus" in line]
    assert "Down" in down


def test_order_changes_places_only_within_its_branch() -> None:
    protocol, section = shipped(), SECTIONS["orders"]
    branch_of = {uuid4(): key.partition(".")[0] for key, _ in rows_of_section(section, protocol)}

    beside = neighbours(section, protocol, list(branch_of))

    assert list(beside) == list(branch_of)
    for here, pair in beside.items():
        assert {branch_of[each] for each in pair if each} <= {branch_of[here]}
    firsts = [here for here, (above, _) in beside.items() if above is None]
    lasts = [here for here, (_, below) in beside.items() if below is None]
    with_orders = [branch.key for branch in protocol.branches if branch.orders]
    assert [branch_of[here] for here in firsts] == [branch_of[here] for here in lasts] == with_orders


@pytest.mark.parametrize("past", ["", "x", "00000000-0000-0000-0000-000000000000", "self", "gone"])
def test_row_is_moved_only_past_the_one_that_still_stands_beside_it(past: str) -> None:
    version, client = draft(), as_("author")
    before = read_rows(version)
    rows = Text.objects.filter(protocol_version=version).order_by("position")
    named = {"self": rows[0].pk, "gone": rows.reverse()[0].pk}
    move = reverse("workspace_move_row", args=[version.pk, "texts", rows[0].pk])
    assert len(rows) > 2

    answer = client.post(move, {"past": str(named.get(past, past))})

    assert answer.status_code == 409
    assert "The order has changed since you opened it." in answer.content.decode()
    assert read_rows(version) == before
