"""The life of a protocol version: every step from every state, by every person."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from protocols import actions
from protocols.actions import (
    ContentRefused,
    ProblemsFound,
    ReasonMissing,
    SealDiffers,
    VersionChanged,
    WrongPerson,
    WrongState,
)
from protocols.document import life_of
from protocols.engine import plain
from protocols.lifecycle import EventKind, State
from protocols.mapping import SealBroken, read_rows
from protocols.models import Citation, ProtocolEvent, ProtocolVersion, Text
from protocols.reading import authors_of
from tests.protocols.factory import (
    AT,
    REVIEW_DUE,
    approved,
    draft,
    person,
    proved,
    reviewed,
    small_protocol,
    submitted,
    under_review,
)
from tests.protocols.test_mapping import drop_trigger

pytestmark = pytest.mark.django_db

Make = Callable[[], ProtocolVersion]
Step = Callable[[ProtocolVersion, str], Any]


def rejected() -> ProtocolVersion:
    return actions.reject(version=submitted(), reason="Not yet.", by=person("reviewer"), at=AT)


def retired() -> ProtocolVersion:
    return actions.retire(
        version=approved(), reason="Done with.", by=person("approver"), at=AT - timedelta(minutes=1)
    )


def withdrawn() -> ProtocolVersion:
    return actions.withdraw(version=approved(), reason="It is wrong.", by=person("approver"), at=AT)


def save_draft(version: ProtocolVersion, who: str) -> ProtocolVersion:
    version.title = "Another title"
    return actions.save_draft(version=version, by=person(who), at=AT)


def save_row(version: ProtocolVersion, who: str) -> None:
    row = Citation(
        protocol_version=version, position=9, key="C90", provenance="study", reference="R", passage="P"
    )
    actions.save_row(row=row, seen=version.version, by=person(who), at=AT)


def remove_row(version: ProtocolVersion, who: str) -> None:
    row = Text.objects.filter(protocol_version=version).first()
    assert row is not None
    actions.remove_row(row=row, seen=version.version, by=person(who), at=AT)


def submit(version: ProtocolVersion, who: str) -> ProtocolVersion:
    return actions.submit(version=version, by=person(who), at=AT)


def start_review(version: ProtocolVersion, who: str) -> ProtocolVersion:
    return actions.start_review(version=version, by=person(who), at=AT)


def record_review(version: ProtocolVersion, who: str) -> ProtocolVersion:
    return actions.record_review(version=version, comment="Fine.", by=person(who), at=AT)


def approve(version: ProtocolVersion, who: str) -> ProtocolVersion:
    return actions.approve(
        version=version, seal=version.seal, review_due_on=REVIEW_DUE, by=person(who), at=AT
    )


def reject(version: ProtocolVersion, who: str) -> ProtocolVersion:
    return actions.reject(version=version, reason="No.", by=person(who), at=AT)


def retire(version: ProtocolVersion, who: str) -> ProtocolVersion:
    return actions.retire(version=version, reason="Old.", by=person(who), at=AT)


def withdraw(version: ProtocolVersion, who: str) -> ProtocolVersion:
    return actions.withdraw(version=version, reason="Wrong.", by=person(who), at=AT)


def ready() -> ProtocolVersion:
    return proved(reviewed())


STATES: dict[str, Make] = {
    "draft": draft,
    "submitted": submitted,
    "under review": under_review,
    "reviewed": ready,
    "approved": approved,
    "rejected": rejected,
    "retired": retired,
    "withdrawn": withdrawn,
}

# Each step, who takes it, where it may start and where it ends.
STEPS: dict[str, tuple[Step, str, set[str], State]] = {
    "save_draft": (save_draft, "author", {"draft"}, State.DRAFT),
    "save_row": (save_row, "author", {"draft"}, State.DRAFT),
    "remove_row": (remove_row, "author", {"draft"}, State.DRAFT),
    "submit": (submit, "author", {"draft"}, State.SUBMITTED),
    "start_review": (start_review, "reviewer", {"submitted"}, State.UNDER_REVIEW),
    "record_review": (record_review, "reviewer", {"under review"}, State.UNDER_REVIEW),
    "approve": (approve, "approver", {"reviewed"}, State.APPROVED),
    "reject": (reject, "approver", {"submitted", "under review", "reviewed"}, State.REJECTED),
    "retire": (retire, "approver", {"approved"}, State.RETIRED),
    "withdraw": (withdraw, "approver", {"approved", "retired"}, State.WITHDRAWN),
}

WRONG_PEOPLE = [
    ("start_review", "submitted", "author"),
    ("record_review", "under review", "author"),
    ("record_review", "under review", "approver"),
    ("approve", "reviewed", "author"),
    ("approve", "reviewed", "reviewer"),
    ("reject", "submitted", "author"),
    ("reject", "under review", "author"),
]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", STEPS)
def test_each_step_is_taken_from_its_own_states_and_no_other(name: str, state: str) -> None:
    step, who, starts, end = STEPS[name]
    version = STATES[state]()
    before = version.state

    if state in starts:
        step(version, who)
    else:
        with pytest.raises(WrongState):
            step(version, who)

    assert ProtocolVersion.objects.get(pk=version.pk).state == (end if state in starts else before)


@pytest.mark.parametrize(("name", "state", "who"), WRONG_PEOPLE)
def test_a_step_by_the_wrong_person_is_refused(name: str, state: str, who: str) -> None:
    version = STATES[state]()
    before = version.state

    with pytest.raises(WrongPerson):
        STEPS[name][0](version, who)

    assert ProtocolVersion.objects.get(pk=version.pk).state == before


@pytest.mark.parametrize("name", STEPS)
def test_a_step_on_a_version_that_has_changed_since_is_refused(name: str) -> None:
    step, who, starts, _ = STEPS[name]
    version = STATES[min(starts)]()
    version.version -= 1

    with pytest.raises(VersionChanged):
        step(version, who)


@pytest.mark.parametrize("name", STEPS)
def test_each_step_leaves_one_event_that_says_who_and_when(name: str) -> None:
    step, who, starts, end = STEPS[name]
    version = STATES[min(starts)]()
    before, events = version.state, set(version.events.values_list("pk", flat=True))

    step(version, who)

    event = version.events.exclude(pk__in=events).get()
    assert (event.by, event.at, event.from_state, event.to_state) == (person(who), AT, before, end)


@pytest.mark.parametrize("name", STEPS)
def test_each_step_counts_the_version_up(name: str) -> None:
    step, who, starts, _ = STEPS[name]
    version = STATES[min(starts)]()
    before = version.version

    step(version, who)

    assert ProtocolVersion.objects.get(pk=version.pk).version == before + 1


def test_a_whole_life_is_told_by_its_events() -> None:
    version = withdrawn()

    kinds = ["imported", "submitted", "review_started", "review_recorded", "approved", "withdrawn"]
    told = dict(version.events.values_list("kind", "comment"))
    assert set(told) == set(kinds)
    assert told["review_recorded"] == "Read it all."
    assert told["withdrawn"] == "It is wrong."


def test_the_seal_is_made_at_submission() -> None:
    version = draft()
    assert version.seal == ""

    version = submit(version, "author")

    assert version.seal == plain.seal(small_protocol())
    assert version.events.get(kind=EventKind.SUBMITTED).seal == version.seal


def test_a_draft_with_problems_is_not_submitted() -> None:
    version = draft(citations=())

    with pytest.raises(ProblemsFound) as refused:
        submit(version, "author")

    assert any("citation C10 does not exist" in problem.message for problem in refused.value.problems)
    assert ProtocolVersion.objects.get(pk=version.pk).is_draft


def test_a_draft_whose_rows_are_no_protocol_is_not_submitted() -> None:
    version = draft()
    Text.objects.filter(protocol_version=version).update(topic="gossip")

    with pytest.raises(ContentRefused, match="gossip"):
        submit(version, "author")


def test_who_takes_up_a_draft_of_nobody_becomes_its_author() -> None:
    version = actions.import_draft(protocol=small_protocol(), change_note="Shipped.", by=None, at=AT)

    version = submit(version, "author")

    assert version.author == person("author")
    with pytest.raises(WrongPerson):
        start_review(version, "author")


def edited_by(username: str) -> ProtocolVersion:
    """A draft of the author that somebody else has edited too."""
    return save_draft(draft(), username)


def test_draft_is_edited_by_several_authors_and_each_is_on_record() -> None:
    version = edited_by("editor")
    save_row(version, "author")

    assert set(authors_of(version)) == {person("author"), person("editor")}
    assert version.author == person("author")
    assert life_of(version)[0].note == "With Editor."


@pytest.mark.hazard("H20")
def test_whoever_edited_a_version_neither_reviews_nor_rejects_nor_approves_it() -> None:
    version = submit(edited_by("editor"), "author")
    for step in (start_review, reject):
        with pytest.raises(WrongPerson, match="written or edited"):
            step(version, "editor")

    version = proved(record_review(start_review(version, "reviewer"), "reviewer"))
    for step in (approve, reject):
        with pytest.raises(WrongPerson, match="written or edited"):
            step(version, "editor")
    assert approve(version, "approver").state == State.APPROVED


@pytest.mark.hazard("H20")
def test_whoever_submitted_a_version_for_its_author_counts_as_one_of_them() -> None:
    version = submit(draft(), "editor")

    with pytest.raises(WrongPerson):
        start_review(version, "editor")


def test_versions_of_one_slug_are_numbered_in_turn() -> None:
    first, second, other = draft(), draft(), draft(slug="other")

    assert [first.number, second.number, other.number] == [1, 2, 1]


def test_a_copy_says_the_same_and_is_a_draft_of_its_starter() -> None:
    version = approved()

    copy = actions.start_draft(version=version, change_note="New bands.", by=person("reviewer"), at=AT)

    assert copy.is_draft
    assert copy.number == version.number + 1
    assert copy.author == person("reviewer")
    assert read_rows(copy) == small_protocol()
    assert copy.events.get().kind == EventKind.COPIED


def test_a_version_with_a_broken_seal_is_not_copied() -> None:
    version = approved()
    drop_trigger("protocols_text", "no_update")
    Text.objects.update(body="Something else.")

    with pytest.raises(SealBroken):
        actions.start_draft(version=version, change_note="", by=person("author"), at=AT)


def test_content_with_two_rows_of_one_key_is_not_stored() -> None:
    (citation,) = small_protocol().citations

    with pytest.raises(ContentRefused, match="share their key"):
        draft(citations=(citation, citation))

    assert not ProtocolVersion.objects.exists()


def test_content_that_a_column_cannot_hold_exactly_is_not_stored() -> None:
    (product,) = small_protocol().products
    fine = replace(
        product, concentration_percent=product.concentration_percent + type(product.vials_g[0])("1e-7")
    )

    with pytest.raises(ContentRefused, match="exactly"):
        draft(products=(fine,))

    assert not ProtocolVersion.objects.exists()


def test_a_review_is_recorded_once() -> None:
    with pytest.raises(WrongState, match="already"):
        record_review(reviewed(), "reviewer")


def test_an_unrecorded_review_does_not_lead_to_approval() -> None:
    with pytest.raises(WrongState, match="not recorded"):
        approve(under_review(), "approver")


@pytest.mark.hazard("H20")
def test_approval_of_other_content_than_was_shown_is_refused() -> None:
    version = reviewed()

    with pytest.raises(SealDiffers):
        actions.approve(
            version=version, seal="0" * 64, review_due_on=REVIEW_DUE, by=person("approver"), at=AT
        )


def test_approval_of_content_that_was_changed_behind_the_back_is_refused() -> None:
    version = reviewed()
    drop_trigger("protocols_text", "no_update")
    Text.objects.update(body="Something else.")

    with pytest.raises(SealBroken):
        approve(version, "approver")


def test_the_next_review_lies_ahead_of_the_approval() -> None:
    version = reviewed()

    with pytest.raises(ReasonMissing):
        actions.approve(
            version=version, seal=version.seal, review_due_on=AT.date(), by=person("approver"), at=AT
        )


def test_approval_retires_the_version_before_it() -> None:
    first = approved()

    second = approved()

    first.refresh_from_db()
    assert (first.state, first.end_reason) == (State.RETIRED, f"Replaced by version {second.number}.")
    assert first.events.get(kind=EventKind.RETIRED).by == person("approver")
    assert second.state == State.APPROVED


def test_approval_leaves_other_protocols_in_use() -> None:
    first = approved()

    approved(slug="other")

    first.refresh_from_db()
    assert first.state == State.APPROVED


@pytest.mark.parametrize("words", ["", "   "])
@pytest.mark.parametrize(
    ("make", "step"),
    [
        (
            submitted,
            lambda version, words: actions.reject(version=version, reason=words, by=person("x"), at=AT),
        ),
        (
            approved,
            lambda version, words: actions.retire(version=version, reason=words, by=person("x"), at=AT),
        ),
        (
            approved,
            lambda version, words: actions.withdraw(version=version, reason=words, by=person("x"), at=AT),
        ),
        (
            under_review,
            lambda version, words: actions.record_review(
                version=version, comment=words, by=person("reviewer"), at=AT
            ),
        ),
    ],
)
def test_a_step_that_needs_words_is_refused_without(make: Make, step: Step, words: str) -> None:
    version = make()

    with pytest.raises(ReasonMissing):
        step(version, words)

    assert ProtocolVersion.objects.get(pk=version.pk).state == version.state


def test_a_refused_step_leaves_no_event() -> None:
    version = submitted()
    before = ProtocolEvent.objects.count()

    with pytest.raises(WrongPerson):
        start_review(version, "author")

    assert ProtocolEvent.objects.count() == before


def test_an_edited_draft_keeps_its_slug_and_number() -> None:
    version = draft()
    version.slug, version.title = "elsewhere", "Another title"

    saved = actions.save_draft(version=version, by=person("author"), at=AT + timedelta(hours=1))

    assert (saved.slug, saved.title) == ("small", "Another title")
    assert saved.events.filter(kind=EventKind.EDITED, at=AT + timedelta(hours=1)).exists()
