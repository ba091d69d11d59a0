"""A row is edited and moved within its table; what the table does not show stays as it is."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from ivigsite.audit.models import AuditEntry
from ivigsite.revisions.sections import SECTIONS, neighbours, rows_of_section
from protocols.mapping import read_rows
from protocols.models import Product, ProtocolVersion, Regimen, SafetyRule, Text
from tests.protocols.factory import draft
from tests.revisions.test_editing import posted, row_url
from tests.revisions.test_row_form import Browser
from tests.revisions.test_workspace import as_
from tests.scenario import shipped

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def place_url(version: ProtocolVersion, section: str, row: Any) -> str:
    return reverse("workspace_row_in_place", args=[version.pk, section, row.pk])


def shown_in_place(client: Client, url: str) -> dict[str, Any]:
    """What a browser would post of what stands in the table."""
    return in_the_table(client.get(url, headers=HTMX))


def in_the_table(answer: Any) -> dict[str, Any]:
    browser = Browser()
    browser.feed(answer.content.decode())
    return {name: values for name, values in browser.posted.items() if name != "csrfmiddlewaretoken"}


def test_every_row_is_opened_in_its_place_and_saved_as_it_was() -> None:
    version, client = draft(), as_("author")
    before = read_rows(version)

    for name, section in SECTIONS.items():
        row = section.model._default_manager.filter(protocol_version=version).first()
        url = place_url(version, name, row)
        data = shown_in_place(client, url)
        # All that the table shows, lists and records too.
        shown = {path.partition("-")[0] for path in data} - {"was"}
        missing = set(section.columns) - shown
        assert not any(getattr(row, each) for each in missing), (name, missing)
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


def test_the_rest_of_every_row_is_opened_in_its_place_and_saved_as_it_was() -> None:
    version, client = draft(), as_("author")
    before = read_rows(version)

    for name, section in SECTIONS.items():
        row = section.model._default_manager.filter(protocol_version=version).first()
        assert row
        url = place_url(version, name, row)
        whole = client.post(url, shown_in_place(client, url) | {"more": "1"}, headers=HTMX)
        assert (whole.status_code, whole.headers["HX-Retarget"]) == (200, f"#row-{row.pk}"), name
        form, data = whole.context["form"], in_the_table(whole)
        # Every part of the row stands in the form, though a list may be empty.
        assert {each.path for each in form.children if hasattr(each, "bound")} <= set(form.fields)
        assert whole.content.decode().count('name="whole"') == 1
        assert client.post(url, data, headers=HTMX).status_code == 302, name

    assert read_rows(version) == before


def test_rounding_and_basis_are_changed_in_the_place_of_their_row() -> None:
    version, client = draft(), as_("author")
    regimen = Regimen.objects.get()
    url = place_url(version, "regimens", regimen)
    first = shown_in_place(client, url) | {"title": "Typed before", "more": "1"}
    unfolded = in_the_table(client.post(url, first, headers=HTMX))

    grown = client.post(url, unfolded | {"add": "rounding"}, headers=HTMX)
    refused = client.post(url, in_the_table(grown), headers=HTMX)
    taken = client.post(url, in_the_table(grown) | {"remove": "rounding-0"}, headers=HTMX)
    saved = client.post(url, unfolded | {"basis-note": "Read the label."}, headers=HTMX)

    assert "HX-Retarget" not in grown.headers
    assert (grown.status_code, refused.status_code, taken.status_code) == (200, 422, 200)
    assert "The rest of this row" in refused.content.decode()
    assert 'name="whole"' in refused.content.decode()
    assert saved.status_code == 302
    regimen.refresh_from_db()
    assert (regimen.note, regimen.title) == ("Read the label.", "Typed before")


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
    assert client.post(url, in_the_table(lost), headers=HTMX).status_code == 302
    regimen.refresh_from_db()
    assert (str(regimen.amount), regimen.note) == ("0.700000", "Read the label.")


def test_list_of_a_row_grows_and_shrinks_in_its_place_and_nothing_is_stored_before_it_is_saved() -> None:
    version, client = draft(), as_("author")
    rule = SafetyRule.objects.get()
    url = place_url(version, "safety_rules", rule)
    before, shown = read_rows(version), shown_in_place(client, url) | {"text": "Typed before"}

    more = client.post(url, shown | {"add": "effects"}, headers=HTMX)
    kind = in_the_table(more) | {"effects-2-kind": "raise_consult", "refresh": "effects-2"}
    fits = client.post(url, kind, headers=HTMX)
    less = client.post(url, in_the_table(fits) | {"remove": "effects-0"}, headers=HTMX)

    assert [answer.status_code for answer in (more, fits, less)] == [200, 200, 200]
    # What was pressed says which piece of the form changes; the rest of it keeps the focus.
    assert not any("HX-Retarget" in answer.headers for answer in (more, fits, less))
    for answer in (more, fits, less):
        assert f'id="items-{rule.pk}-effects"' in answer.content.decode()
        assert f'hx-post="{url}"' in answer.content.decode()
    assert f'id="rest-{rule.pk}-effects-2"' in fits.content.decode()
    assert read_rows(version) == before

    saved = client.post(url, in_the_table(less) | {"effects-2-target": "same_day"}, headers=HTMX)

    assert saved.status_code == 302, in_the_table(saved)
    (after,) = read_rows(version).safety_rules
    (was,) = before.safety_rules
    effects = (was.effects[1], replace(was.effects[0], target="same_day"))
    assert after == replace(was, effects=effects, text="Typed before")


def test_condition_and_rate_step_are_changed_and_refused_in_the_place_of_their_row() -> None:
    version, client = draft(), as_("author")
    rule, product = SafetyRule.objects.get(), Product.objects.get()
    url, rates = place_url(version, "safety_rules", rule), place_url(version, "products", product)
    weight = {
        "when-0-0-fact": "weight_kg",
        "when-0-0-comparator": "above",
        "when-0-0-values": "many",
    }

    refused = client.post(url, shown_in_place(client, url) | weight, headers=HTMX)
    faster = shown_in_place(client, rates) | {"rate_steps-0-ml_per_kg_per_h": "0.75"}
    step = client.post(rates, faster, headers=HTMX)
    saved = client.post(url, in_the_table(refused) | {"when-0-0-values": "40"}, headers=HTMX)

    assert refused.status_code == 422
    row = refused.content.decode()
    assert 'value="many"' in row
    described = " ".join(re.findall(r'aria-describedby="([^"]+)"', row)).split()
    assert f"id_{rule.pk}_when-0-0-values_error" in described
    assert not [each for each in described if f'id="{each}"' not in row]
    assert (step.status_code, saved.status_code) == (302, 302)
    protocol = read_rows(version)
    (condition,) = protocol.safety_rules[0].when[0]
    assert (condition.fact, condition.comparator, condition.values) == ("weight_kg", "above", ("40",))
    assert protocol.products[0].rate_steps[0].ml_per_kg_per_h == Decimal("0.75")


def test_list_that_grows_without_a_script_goes_on_on_the_page_of_its_row() -> None:
    version, client = draft(), as_("author")
    rule = SafetyRule.objects.get()
    url = place_url(version, "safety_rules", rule)

    page = client.post(url, shown_in_place(client, url) | {"text": "Typed before", "add": "effects"})

    assert page.status_code == 200
    assert page.context["form"].posted()["effects-items"] == ["0", "1", "2"]
    for words in ("<h1>S10</h1>", "Typed before", f'action="{row_url(version, "safety_rules", rule)}"'):
        assert words in page.content.decode()


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
