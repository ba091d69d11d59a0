import re
from collections.abc import Callable
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from protocols import actions, reading
from protocols.content_files import load_shipped
from protocols.document import decision_grids, life_of
from protocols.engine.protocol import Comparator, Condition
from protocols.models import ProtocolVersion, Text
from protocols.templatetags.protocol_words import alternatives, amount, exactly
from tests.protocols.factory import (
    AT,
    REGIMEN,
    approved,
    draft,
    person,
    reviewed,
    small_protocol,
    submitted,
)
from tests.protocols.test_actions import retired, withdrawn
from tests.protocols.test_mapping import drop_trigger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading.current_version, "__defaults__", ("small",))


@pytest.fixture
def client() -> Client:
    """A nurse, who reads and decides nothing."""
    user = get_user_model()._default_manager.create_user(
        username="nurse", password="", role="nurse", full_name="Nurse"
    )
    found = Client()
    found.force_login(user)
    return found


def page(client: Client, name: str, *arguments: object) -> str:
    answer = client.get(reverse(f"protocols:{name}", args=arguments))
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("name", ["current", "versions"])
def test_nobody_reads_without_signing_in(name: str) -> None:
    answer = Client().get(reverse(f"protocols:{name}"))

    assert answer.status_code == 302


def test_reading_changes_nothing_so_posting_is_refused(client: Client) -> None:
    assert client.post(reverse("protocols:current")).status_code == 405


def test_the_approved_version_is_read_from_status_to_references(client: Client) -> None:
    approved()

    text = text_of(page(client, "current"))

    for words in (
        "A small protocol, version 1",
        "Never use this.",
        "Invented for tests.",
        "Approver",
        "2 Jan 2031",
        "L Low",
        "Not covered. Nothing is low.",
        "Stop at twenty.",
        "0.5 g per kg dosing weight",
        "to 2.5 g from 0 kg, ties down",
        "Product thirty 10 %",
        "Something small",
        "Count again.",
        "Be careful.",
        "Ratify this number.",
        "A study of nobody",
    ):
        assert words in text


def test_every_row_shows_its_provenance(client: Client) -> None:
    approved()
    protocol = small_protocol()
    rows = sum(
        len(getattr(protocol, name)) for name in ("branches", "regimens", "products", "gates", "texts")
    )

    html = page(client, "current")

    assert html.count('class="provenance is-study"') + html.count('class="provenance is-house"') >= rows


def test_every_citation_that_is_named_can_be_followed(client: Client) -> None:
    approved()

    html = page(client, "current")

    targets = set(re.findall(r'href="#([^"]+)"', html))
    assert targets <= set(re.findall(r'id="([^"]+)"', html)) | {"main"}


def test_no_id_stands_twice(client: Client) -> None:
    approved()

    ids = re.findall(r'\bid="([^"]+)"', page(client, "current"))

    assert len(ids) == len(set(ids))


def test_the_shipped_protocol_can_be_read(client: Client) -> None:
    version = actions.import_draft(protocol=load_shipped(), change_note="Shipped.", by=None, at=AT)

    html = page(client, "version", version.pk)

    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= {*ids, "main"}
    # What is computed for a patient is named here, and not in the braces of whoever writes it.
    assert "[product] contains proline." in html
    assert not re.search(r"\{\w+\}", text_of(html))


def test_texts_of_a_protocol_are_escaped(client: Client) -> None:
    version = draft(disclaimer="<script>alert(1)</script>")

    html = page(client, "version", version.pk)

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


@pytest.mark.parametrize("make", [draft, submitted, reviewed, retired, withdrawn])
def test_a_version_that_is_not_approved_says_so_loudly(
    client: Client, make: Callable[[], ProtocolVersion]
) -> None:
    version = make()

    assert "This version is not in use. Do not treat by it." in page(client, "version", version.pk)


def test_the_approved_version_is_not_warned_of(client: Client) -> None:
    assert "not in use" not in page(client, "version", approved().pk)


def test_without_an_approved_version_the_page_says_what_to_do(client: Client) -> None:
    reviewed()

    text = text_of(page(client, "current"))

    assert "No recommendation can be made until a version is approved." in text
    assert "A small protocol, version 1" in text


def test_the_list_shows_every_version_with_its_state_and_people(client: Client) -> None:
    approved()
    approved(title="A second one")
    draft(title="A third one")

    text = text_of(page(client, "versions"))

    assert "Replaced by version 2." in text
    assert text.count(", Approver") == 2
    assert "A third one, version 3" in text


def test_an_empty_list_says_so(client: Client) -> None:
    assert "There is no protocol yet" in page(client, "versions")


def test_a_version_that_is_not_there_is_not_found(client: Client) -> None:
    assert client.get(reverse("protocols:version", args=[uuid4()])).status_code == 404


def test_a_broken_seal_is_shown_instead_of_the_content(client: Client) -> None:
    version = approved()
    drop_trigger("protocols_text", "no_update")
    Text.objects.update(body="Something else.")

    answer = client.get(reverse("protocols:current"))

    assert answer.status_code == 409
    assert "cannot be read, so nothing is computed from it" in answer.content.decode()
    assert "Something else." not in answer.content.decode()
    assert version.state == "approved"


def test_a_draft_that_is_no_protocol_is_shown_as_unreadable(client: Client) -> None:
    version = draft()
    Text.objects.update(topic="gossip")

    assert client.get(reverse("protocols:version", args=[version.pk])).status_code == 409


def test_the_list_costs_the_same_for_one_version_as_for_many(client: Client) -> None:
    approved()
    with CaptureQueriesContext(connection) as one:
        page(client, "versions")
    approved()
    draft()
    with CaptureQueriesContext(connection) as many:
        page(client, "versions")

    assert len(many) == len(one)


# What the pages are made of


def test_the_grid_holds_every_cell_of_every_grade_once() -> None:
    grids = decision_grids(small_protocol())

    assert [grid.band.grade for grid in grids] == [1, 0]
    assert all(len(grid.rows) == 5 and all(len(row.cells) == 4 for row in grid.rows) for grid in grids)
    assert all(cell.branch for row in grids[0].rows for cell in row.cells)
    assert not any(cell.branch for row in grids[1].rows for cell in row.cells)


def test_a_cell_without_a_rule_is_empty_not_missing() -> None:
    grids = decision_grids(small_protocol(decision_rules=()))

    assert all(cell.rule is None for grid in grids for row in grid.rows for cell in row.cells)


def test_the_life_of_a_draft_lies_ahead() -> None:
    steps = life_of(draft())

    assert [(step.label, step.is_now, step.at is not None) for step in steps] == [
        ("Draft", True, True),
        ("Submitted", False, False),
        ("Under review", False, False),
        ("Approved", False, False),
    ]


def test_the_life_of_a_retired_version_ends_with_its_reason() -> None:
    steps = life_of(retired())

    assert [step.label for step in steps] == ["Draft", "Submitted", "Under review", "Approved", "Retired"]
    assert (steps[-1].note, steps[-1].is_now) == ("Done with.", True)


def test_the_life_of_a_rejected_version_leaves_out_what_never_came() -> None:
    version = actions.reject(version=submitted(), reason="No.", by=person("reviewer"), at=AT)

    assert [step.label for step in life_of(version)] == ["Draft", "Submitted", "Rejected"]


def test_conditions_are_read_as_sentences() -> None:
    (rule,) = small_protocol().bleeding_rules

    assert alternatives(rule.when) == [
        "Bleeding sites includes Gastrointestinal and WHO bleeding grade at least 2 grade 0 to 4",
        "Platelet clumps or giant platelets reported is yes",
    ]


def test_a_condition_on_no_fact_is_shown_as_it_is_written() -> None:
    when = ((Condition(fact="moon", comparator=Comparator.IS, values=("full",)),),)

    assert alternatives(when) == ["moon is full"]


def test_an_amount_says_its_unit_and_its_weight() -> None:
    assert amount(REGIMEN) == "0.5 g per kg dosing weight"


def test_an_absent_number_is_empty() -> None:
    assert exactly(None) == ""
    assert exactly(Decimal("500.0")) == "500"
