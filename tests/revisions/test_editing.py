"""A draft is edited on the pages of the workspace: by its author, row by row; nobody overwrites anybody."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ivigsite.audit.models import AuditEntry
from ivigsite.revisions.row_form import RowForm
from ivigsite.revisions.sections import SECTIONS
from protocols import actions
from protocols.lifecycle import State
from protocols.mapping import read_rows
from protocols.models import DecisionRule, ProtocolVersion, Regimen, SafetyRule, Text, WorkedCase
from tests.protocols.factory import AT, approved, draft, person, reviewed, small_protocol, submitted
from tests.protocols.test_actions import rejected, retired, withdrawn
from tests.revisions.test_workspace import as_

pytestmark = pytest.mark.django_db


def row_url(version: ProtocolVersion, section: str, row: Any) -> str:
    return reverse("workspace_row", args=[version.pk, section, row.pk])


def posted(client: Client, url: str) -> dict[str, Any]:
    """What the page would post as it is shown."""
    shown = client.get(url)
    assert shown.status_code == 200, shown.content.decode()
    form: RowForm = shown.context["form"]
    return dict(form.posted())


def test_row_is_changed_and_the_section_says_so_with_what_is_wrong_now() -> None:
    version = draft()
    client, regimen = as_("author"), Regimen.objects.get()
    url = row_url(version, "regimens", regimen)

    answer = client.post(url, posted(client, url) | {"amount": "0", "cap": "80"}, follow=True)

    regimen.refresh_from_db()
    assert (regimen.amount, regimen.cap) == (0, 80)
    page = answer.content.decode()
    assert "R20 is saved." in page
    assert "The amount must be above zero." in page
    hub = client.get(reverse("workspace", args=[version.pk])).content.decode()
    assert f'href="{url}"' in hub
    assert ProtocolVersion.objects.get().version == version.version + 1
    assert AuditEntry.objects.filter(action="protocol.row_saved").count() == 1


def test_what_cannot_be_read_stays_typed_and_nothing_is_stored() -> None:
    version = draft()
    client, regimen = as_("author"), Regimen.objects.get()
    url = row_url(version, "regimens", regimen)

    answer = client.post(url, posted(client, url) | {"amount": "1,5", "title": "Typed before"})

    assert answer.status_code == 422
    page = answer.content.decode()
    for words in ("There is a problem", 'value="1,5"', "Typed before", "Error: "):
        assert words in page
    regimen.refresh_from_db()
    assert regimen.title == "Twenty of the drug"


def test_condition_is_added_without_javascript_and_keeps_what_was_typed() -> None:
    version = draft()
    client, rule = as_("author"), SafetyRule.objects.get()
    url = row_url(version, "safety_rules", rule)
    typed = posted(client, url) | {"text": "Typed before.", "add": "when-0"}

    grown = client.post(url, typed)
    form = grown.context["form"]
    data = form.posted() | {"when-0-1-fact": ["weight_kg"], "refresh": ["1"]}
    chosen = client.post(url, data)
    data = chosen.context["form"].posted() | {
        "when-0-1-comparator": ["at_least"],
        "when-0-1-values": ["40"],
    }
    saved = client.post(url, data)

    assert (grown.status_code, chosen.status_code, saved.status_code) == (200, 200, 302)
    assert "Typed before." in grown.content.decode()
    rule.refresh_from_db()
    assert rule.text == "Typed before."
    assert rule.when[0][-1] == {"fact": "weight_kg", "comparator": "at_least", "values": ["40"]}


def test_row_is_added_at_the_end_and_taken_away_again() -> None:
    version = draft()
    client = as_("author")
    url = reverse("workspace_new_row", args=[version.pk, "texts"])
    data = posted(client, url) | {
        "key": "new_text",
        "topic": "expect",
        "title": "A title",
        "body": "One.\nTwo.",
        "basis-cites": ["C10"],
        "basis-provenance": "study",
    }

    assert client.post(url, data).status_code == 302
    assert [text.key for text in read_rows(version).texts][-1] == "new_text"
    again = client.post(url, data)
    assert again.status_code == 422
    assert "Another row is called new_text." in again.content.decode()

    row = Text.objects.get(key="new_text")
    was = posted(client, row_url(version, "texts", row))["was"]
    remove = reverse("workspace_remove_row", args=[version.pk, "texts", row.pk])
    assert client.post(remove, {"was": "stale"}).status_code == 409
    assert client.post(remove, {"was": was}).status_code == 302
    assert not Text.objects.filter(key="new_text").exists()
    assert AuditEntry.objects.filter(action="protocol.row_removed").count() == 1


def test_line_is_added_to_the_branch_it_names() -> None:
    version = draft()
    client = as_("author")
    branch = read_rows(version).branches[-1]
    url = reverse("workspace_new_row", args=[version.pk, "orders"])
    data = posted(client, f"{url}?branch={branch.key}") | {
        "key": "L99",
        "kind": "consult",
        "role": "offered",
        "timing": "consult",
        "text": "Call somebody",
        "basis-cites": ["C10"],
        "basis-provenance": "study",
    }

    assert data["branch"] == [branch.key]
    assert client.post(url, data).status_code == 302

    assert read_rows(version).branches[-1].orders[-1].key == "L99"


@pytest.mark.hazard("H20")
def test_two_tabs_on_one_row_say_whose_edit_won_and_keep_what_was_typed() -> None:
    version = draft()
    client, regimen = as_("author"), Regimen.objects.get()
    url = row_url(version, "regimens", regimen)
    first, second = posted(client, url), posted(client, url)
    client.post(url, first | {"amount": "0.6"})

    lost = client.post(url, second | {"amount": "0.7"})

    assert lost.status_code == 409
    page = lost.content.decode()
    assert "Author changed this at" in page
    assert 'value="0.7"' in page
    assert lost.context["conflict"].differences[0][0] == "amount"
    regimen.refresh_from_db()
    assert str(regimen.amount) == "0.600000"
    assert client.post(url, lost.context["form"].posted()).status_code == 302
    regimen.refresh_from_db()
    assert str(regimen.amount) == "0.700000"


def test_two_tabs_on_two_rows_do_not_disturb_each_other() -> None:
    version = draft()
    client = as_("author")
    urls = [
        row_url(version, "regimens", Regimen.objects.get()),
        row_url(version, "safety_rules", SafetyRule.objects.get()),
    ]
    forms = [posted(client, url) for url in urls]

    assert client.post(urls[0], forms[0] | {"amount": "0.6"}).status_code == 302
    assert client.post(urls[1], forms[1] | {"text": "Another text."}).status_code == 302


def test_row_that_somebody_removed_meanwhile_says_so() -> None:
    version = draft()
    client, text = as_("author"), Text.objects.first()
    assert text is not None
    url = row_url(version, "texts", text)
    data = posted(client, url)
    actions.remove_row(row=text, seen=version.version, by=person("author"), at=AT)

    answer = client.post(url, data)

    assert answer.status_code == 409
    assert "Somebody has removed this row." in answer.content.decode()


def test_edit_that_loses_between_reading_and_storing_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    version = draft()
    client, regimen = as_("author"), Regimen.objects.get()
    url = row_url(version, "regimens", regimen)
    data = posted(client, url)
    is_valid = RowForm.is_valid

    def overtaken(form: RowForm) -> bool:
        text = Text.objects.first()
        assert text is not None
        actions.save_row(row=text, seen=version.version, by=person("author"), at=AT)
        return is_valid(form)

    monkeypatch.setattr(RowForm, "is_valid", overtaken)

    answer = client.post(url, data | {"amount": "0.7"})

    assert answer.status_code == 409
    regimen.refresh_from_db()
    assert str(regimen.amount) == "0.500000"


def test_draft_of_somebody_else_is_edited_by_any_author_and_each_is_on_record() -> None:
    version = draft()
    ProtocolVersion.objects.update(author=person("reviewer"))
    client, regimen = as_("author"), Regimen.objects.get()
    url = row_url(version, "regimens", regimen)

    section = client.get(reverse("workspace_section", args=[version.pk, "regimens"]))
    answer = client.post(url, posted(client, url) | {"amount": "0.7"})

    assert url in section.content.decode()
    assert answer.status_code == 302
    assert version.events.filter(kind="edited").get().by == person("author")


def test_who_is_no_author_reads_a_draft_and_changes_nothing() -> None:
    version, regimen = draft(), Regimen.objects.get()
    client = as_("reviewer")
    url = row_url(version, "regimens", regimen)

    page = client.get(reverse("workspace_section", args=[version.pk, "regimens"])).content.decode()

    assert "Authors change this draft; you can read it." in page
    assert f'href="{url}"' not in page
    assert client.get(url).status_code == client.post(url, {}).status_code == 403


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("make", [submitted, reviewed, approved, retired, rejected, withdrawn])
def test_forged_posts_to_a_sealed_version_are_forbidden(make: Callable[[], ProtocolVersion]) -> None:
    version = make()
    client, before = as_("author"), read_rows(version)

    for name, section in SECTIONS.items():
        row = section.model._default_manager.filter(protocol_version=version).first()
        assert row is not None, name
        for url in (
            row_url(version, name, row),
            reverse("workspace_new_row", args=[version.pk, name]),
            reverse("workspace_remove_row", args=[version.pk, name, row.pk]),
            reverse("workspace_row_in_place", args=[version.pk, name, row.pk]),
            reverse("workspace_move_row", args=[version.pk, name, row.pk]),
        ):
            assert client.post(url, {"key": "forged"}).status_code == 403, url
    assert client.post(reverse("workspace_header", args=[version.pk]), {"title": "x"}).status_code == 403

    assert read_rows(version) == before


def test_row_of_another_version_is_not_edited_through_this_one() -> None:
    version, other = draft(), draft()
    row = Regimen.objects.get(protocol_version=other)

    answer = as_("author").post(row_url(version, "regimens", row), {"amount": "9"})

    assert answer.status_code == 409
    assert Regimen.objects.get(protocol_version=other).amount != 9


def test_version_says_something_else_of_itself_and_a_slower_edit_is_shown_what_won() -> None:
    version = draft()
    client, url = as_("author"), reverse("workspace_header", args=[version.pk])
    first, second = posted(client, url), posted(client, url)

    assert client.post(url, first | {"title": "Another title"}).status_code == 302
    lost = client.post(url, second | {"disclaimer": "Mine."})

    assert ProtocolVersion.objects.get().title == "Another title"
    assert lost.status_code == 409
    assert "Author changed this at" in lost.content.decode()
    assert "Mine." in lost.content.decode()
    assert client.post(url, first | {"title": ""}).status_code == 422


def test_each_section_is_a_table_with_a_way_to_each_row() -> None:
    version = draft()
    client = as_("author")

    for name, section in SECTIONS.items():
        page = client.get(reverse("workspace_section", args=[version.pk, name])).content.decode()
        for row in section.model._default_manager.filter(protocol_version=version):
            assert f'href="{row_url(version, name, row)}"' in page
        assert "No problems; all 1 cases pass." in page


@pytest.mark.hazard("H03")
def test_grid_shows_gaps_and_overlaps_and_leads_to_the_rule() -> None:
    version = draft()
    client = as_("author")
    rules = read_rows(version).decision_rules
    row = DecisionRule.objects.get(key=rules[0].key)
    grade = {rule.key: rule.grades[0] for rule in rules}
    url = row_url(version, "decision_rules", row)
    sound = client.get(reverse("workspace_grid", args=[version.pk])).content.decode()

    client.post(url, posted(client, url) | {"grades": [str(grade[rules[1].key])]})

    grid = client.get(reverse("workspace_grid", args=[version.pk]))
    assert "0 gaps, 0 overlaps" in sound
    assert f'href="{url}"' in sound
    assert (grid.context["grid"].gaps, grid.context["grid"].overlaps) == (20, 20)
    assert "Gap: no rule" in grid.content.decode()
    assert "Overlap" in grid.content.decode()


def test_case_is_tried_and_nothing_is_stored() -> None:
    version = draft_that_asks_a_count()
    client, url = as_("reviewer"), reverse("workspace_try", args=[version.pk])
    before = AuditEntry.objects.count(), ProtocolVersion.objects.get().version

    page = client.get(url).content.decode()
    answer = client.post(url, {**CASE, "case": "1"})

    assert "Nothing is stored." in page
    assert "Save as a case of this protocol" not in page
    assert answer.status_code == 200
    assert answer.context["preview"].advice.grade is not None
    assert WorkedCase.objects.count() == 1
    assert (AuditEntry.objects.count(), ProtocolVersion.objects.get().version) == before


CASE = {
    "platelets": "5",
    "platelets_unit": "per_ul",
    "bleeding_sites": "gi",
    "bleeding_findings": "none",
    "bleeding_level": "none",
    "urgent_surgery": "no",
    "rapid_rise": "no",
    "weight_kg": "40",
    "weight_method": "measured",
}


def draft_that_asks_a_count() -> ProtocolVersion:
    limits = small_protocol().input_limits
    count = replace(
        limits[0], fact="platelets_per_ul", minimum=Decimal(0), maximum=Decimal(100), soft_maximum=None
    )
    return draft(input_limits=(*limits, count))


@pytest.mark.hazard("H20")
def test_tried_case_becomes_a_case_of_the_version_and_a_failing_one_stops_it() -> None:
    version = draft_that_asks_a_count()
    client = as_("author")
    filled = client.post(reverse("workspace_try", args=[version.pk]), {**CASE, "case": "1"})
    form = filled.context["form"]
    data = form.posted() | {"key": ["TRIED"], "sentence": ["A count of 5 gives both."]}
    new = reverse("workspace_new_row", args=[version.pk, "cases"])

    kept = client.post(new, data)
    assert kept.status_code == 302, kept.context["form"].errors

    case = read_rows(version).cases[-1]
    assert case.facts["platelets_per_ul"] == 5
    assert case.branch == "LOW_BRANCH"
    section = reverse("workspace_section", args=[version.pk, "cases"])
    assert "all 2 cases pass" in client.get(section).content.decode()

    row = WorkedCase.objects.get(key="TRIED")
    url = row_url(version, "cases", row)
    client.post(url, posted(client, url) | {"consult": "stat", "grade": "0"})

    assert "1 of 2 cases fails" in client.get(section).content.decode()
    version.refresh_from_db()
    with pytest.raises(actions.ProblemsFound, match="A count of 5 gives both"):
        actions.submit(version=version, by=person("author"), at=AT)
    assert ProtocolVersion.objects.get().state == State.DRAFT


def test_version_with_problems_answers_no_case() -> None:
    version = draft(citations=())

    answer = as_("author").post(reverse("workspace_try", args=[version.pk]), CASE)

    assert answer.status_code == 409
    assert "answers nobody" in answer.content.decode()


def test_section_that_does_not_exist_is_not_found() -> None:
    assert as_("author").get(reverse("workspace_section", args=[draft().pk, "nothing"])).status_code == 404
