"""Comments on rows: written by who reviews, answered by who wrote, read by who approves, and kept."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from ivigsite.audit.models import AuditEntry
from ivigsite.revisions.comments import said_of
from ivigsite.revisions.sections import SECTIONS, rows_of_section
from protocols import actions
from protocols.models import ProtocolVersion, Regimen, RowComment
from tests.protocols.factory import AT, approved, draft, person, reviewed, under_review
from tests.revisions.test_workspace import as_
from tests.scenario import shipped

pytestmark = pytest.mark.django_db


def test_every_row_of_the_shipped_protocol_is_told_in_words() -> None:
    protocol = shipped()
    lines = [
        line
        for section in SECTIONS.values()
        for _, row in rows_of_section(section, protocol)
        for _, _, cell in said_of(row, protocol)
        for line in cell.lines
    ]

    assert len(lines) > 3000
    assert [line for line in lines if "Decimal(" in line or "=" in line.replace(" = ", "")] == []
    assert "From weight 30 kg · Step 5 · Ties down" in lines


def page_of(version: ProtocolVersion, section: str = "regimens") -> str:
    row = Regimen.objects.get(protocol_version=version)
    return reverse("row_comments", args=[version.pk, section, row.pk])


def say(username: str, version: ProtocolVersion, text: str, **more: Any) -> Any:
    return as_(username).post(page_of(version), {"text": text, "idempotency_key": str(uuid4())} | more)


def test_reviewer_comments_author_answers_and_the_approver_reads_both_before_approving() -> None:
    version = under_review()

    assert say("reviewer", version, "Why <b>so</b> much?\nIt was less.").status_code == 302
    first = RowComment.objects.get()
    assert say("author", version, "The guideline says so.", answers=str(first.pk)).status_code == 302
    # An answer to the answer belongs to the same comment.
    answer = RowComment.objects.get(answers=first)
    assert say("reviewer", version, "Agreed.", answers=str(answer.pk)).status_code == 302

    assert [(c.by, c.answers) for c in RowComment.objects.all()] == [
        (person("reviewer"), None),
        (person("author"), first),
        (person("reviewer"), first),
    ]
    version = actions.record_review(version=version, comment="Read.", by=person("reviewer"), at=AT)
    for url in (
        page_of(version),
        reverse("workspace_section", args=[version.pk, "regimens"]),
        reverse("workspace", args=[version.pk]),
        reverse("protocol_step", args=[version.pk, "approve"]),
    ):
        page = as_("approver").get(url).content.decode()
        for words in ("Why &lt;b&gt;so&lt;/b&gt; much?", "It was less.", "The guideline says so.", "Agreed."):
            assert words in page, url
        assert "No answer yet" not in page
        assert page_of(version) in page
    assert AuditEntry.objects.filter(action="protocol.row_commented").count() == 3


def test_comment_without_an_answer_says_so_where_the_version_is_judged() -> None:
    version = reviewed()
    say("reviewer", version, "Why?")

    for name, username in (("approve", "approver"), ("reject", "approver"), ("reject", "reviewer")):
        page = as_(username).get(reverse("protocol_step", args=[version.pk, name])).content.decode()
        assert "No answer yet" in page


def test_comment_is_shown_beside_its_row_to_the_author_who_edits_it() -> None:
    version = draft()
    say("reviewer", version, "Half of it, please.")
    row = Regimen.objects.get()

    form = as_("author").get(reverse("workspace_row", args=[version.pk, "regimens", row.pk]))

    assert "Half of it, please." in form.content.decode()
    assert page_of(version) in form.content.decode()


def test_double_click_says_it_once() -> None:
    version, key = draft(), str(uuid4())

    answers = [say("reviewer", version, "Once.", idempotency_key=key) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert RowComment.objects.count() == 1


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\u202eb"])
def test_comment_that_cannot_be_kept_stays_typed(text: str) -> None:
    version = draft()

    answer = say("reviewer", version, text)

    assert answer.status_code == 422
    assert text.strip() in answer.content.decode()
    assert "There is a problem" in answer.content.decode()
    assert not RowComment.objects.exists()


def test_answer_to_a_comment_on_another_row_is_refused_and_stays_typed() -> None:
    version = draft()
    elsewhere = actions.comment_row(
        version=version,
        section="texts",
        key="consult_info",
        text="Short.",
        idempotency_key=uuid4(),
        by=person("reviewer"),
        at=AT,
    )

    answer = say("author", version, "Typed before", answers=str(elsewhere.pk))

    assert answer.status_code == 409
    assert "no such comment on this row" in answer.content.decode()
    assert "Typed before" in answer.content.decode()
    assert RowComment.objects.count() == 1


def test_approved_version_takes_no_comment_and_shows_those_it_has() -> None:
    version = approved()

    page = as_("reviewer").get(page_of(version)).content.decode()

    assert "commented on before it is approved" in page
    assert "<textarea" not in page
    assert say("reviewer", version, "Too late.").status_code == 409
    assert not RowComment.objects.exists()


def test_comment_stays_readable_when_its_row_is_gone() -> None:
    version = draft()
    say("reviewer", version, "Take it away.")
    Regimen.objects.update(key="R21")

    hub = as_("author").get(reverse("workspace", args=[version.pk])).content.decode()

    assert "Take it away." in hub
    assert "no row has this key any more" in hub


def test_row_that_is_not_there_has_no_page() -> None:
    version, other = draft(), draft()
    theirs = Regimen.objects.get(protocol_version=other)
    client = as_("reviewer")

    for section, row_id in (("regimens", uuid4()), ("regimens", theirs.pk), ("nothing", theirs.pk)):
        assert client.get(reverse("row_comments", args=[version.pk, section, row_id])).status_code == 404


def test_bedside_people_do_not_comment() -> None:
    version = draft()

    assert as_("nurse").get(page_of(version)).status_code == 403
    assert say("nurse", version, "Hello.").status_code == 403


def test_comments_stay_as_they_were_written() -> None:
    say("reviewer", draft(), "For good.")

    for sql in ("UPDATE protocols_rowcomment SET text = 'x'", "DELETE FROM protocols_rowcomment"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    assert RowComment.objects.get().text == "For good."
