"""Proofs of a version: for one seal against one version in force, resumable, confirmed before approval."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from protocols import actions, proving
from protocols.engine.answers import Part, answer_of, answer_to_plain, tally_to_plain
from protocols.engine.decision import evaluate
from protocols.engine.facts_json import facts_from_plain
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.protocol import Protocol
from protocols.lifecycle import State
from protocols.models import Proof, ProofConfirmation, ProofKind, ProofState, ProtocolVersion, RowComment
from protocols.proving import (
    SILENT_AFTER,
    Lost,
    NotProved,
    ReadOn,
    ask_for_proof,
    claim_proof,
    confirm_proof,
    fail_proof,
    is_stale,
    latest_proofs,
    nothing_stored,
    prove_at_once,
    run_comparison,
    run_replay,
)
from protocols.replaying import Stored, beside_this_process, in_this_process, replayed
from tests.protocols.factory import (
    AT,
    DECIDED,
    REGIMEN,
    REVIEW_DUE,
    approved,
    draft,
    person,
    proved,
    reviewed,
    small_protocol,
)

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
FACTS = {"platelets_per_ul": 5, "bleeding_sites": ["gi"], "clumps": False, **DECIDED}


def smaller_dose() -> dict[str, Any]:
    (regimen,) = small_protocol().regimens
    (case,) = small_protocol().cases
    return {"regimens": (replace(regimen, amount=Decimal("0.25")),), "cases": (replace(case, doses=()),)}


def stored(protocol: Protocol, *weights: str) -> list[Stored]:
    rows = []
    for number, weight in enumerate(weights):
        facts = {**FACTS, "weight_kg": weight}
        outcome = outcome_to_plain(protocol, evaluate(protocol, facts_from_plain(facts)))
        rows.append(Stored(id=f"{number:03}", facts=json.dumps(facts), outcome=json.dumps(outcome)))
    return rows


def read_from(rows: Sequence[Stored], *, at_once: int = 2) -> Any:
    return lambda cursor: [row for row in rows if row.id > cursor][:at_once]


def asked(version: ProtocolVersion, kind: ProofKind) -> Proof:
    return ask_for_proof(version=version, kind=kind, by=person("author"), at=AT)


def claimed(version: ProtocolVersion, kind: ProofKind) -> Proof:
    asked(version, kind)
    proof = claim_proof(at=AT)
    assert proof is not None
    return proof


def approve(version: ProtocolVersion) -> ProtocolVersion:
    return actions.approve(
        version=version, seal=version.seal, review_due_on=REVIEW_DUE, by=person("approver"), at=AT
    )


def test_comparison_counts_what_would_change_against_the_version_in_force() -> None:
    approved()
    proof = claimed(draft(**smaller_dose()), ProofKind.COMPARISON)

    done = run_comparison(proof=proof, now=lambda: AT)

    assert done.state == ProofState.DONE
    assert done.result["tried"] == done.total > done.result["changed"] > 0
    assert done.result["changes"][0]["part"] == "dose"


def test_comparison_says_how_far_it_is_and_begins_again_where_its_worker_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proving, "TOLD_EVERY", 20)
    approved()
    late = claimed(draft(**smaller_dose()), ProofKind.COMPARISON)
    told: list[tuple[int, int]] = []

    def now() -> datetime:
        told.append(Proof.objects.values_list("done", "total").get(pk=late.pk))
        if len(told) > 4 and told[-1][1]:
            raise KeyboardInterrupt
        return AT + SILENT_AFTER

    with pytest.raises(KeyboardInterrupt):
        run_comparison(proof=late, now=now)

    done, total = told[-1]
    assert [each for each, _ in told] == list(range(0, 20 * len(told), 20))
    assert [of for _, of in told if of] == [total]
    # Who has said something is not taken for dead, however long ago it has begun.
    assert claim_proof(at=AT + SILENT_AFTER + SECOND) is None
    again = claim_proof(at=AT + 2 * SILENT_AFTER + SECOND)
    assert again is not None
    finished = run_comparison(proof=again, now=lambda: AT)
    assert finished.result["tried"] == finished.done == finished.total == total > done
    with pytest.raises(Lost):
        run_comparison(proof=late, now=lambda: AT)


def test_first_version_is_compared_with_nothing() -> None:
    done = run_comparison(proof=claimed(draft(), ProofKind.COMPARISON), now=lambda: AT)

    assert (done.base, done.result["tried"]) == (None, 0)


def test_replay_counts_the_stored_assessments_that_would_change() -> None:
    rows = stored(small_protocol(), "40", "50", "60")
    proof = claimed(draft(**smaller_dose()), ProofKind.REPLAY)

    done = run_replay(proof=proof, read_on=read_from(rows), total=3, now=lambda: AT)

    assert (done.done, done.total, done.result["changed"]) == (3, 3, 3)
    dose = next(change for change in done.result["changes"] if change["part"] == "dose")
    assert (dose["count"], dose["before"], dose["after"]) == (3, "20 g", "10 g")
    assert dose["example"] == {"assessment": "000"}


def test_replay_compares_with_the_answer_that_was_kept_and_reads_no_outcome() -> None:
    protocol = small_protocol()
    (row,) = stored(protocol, "40")
    before = answer_of(json.loads(row.outcome))
    kept = replace(row, answer=json.dumps(answer_to_plain(before)), outcome="")
    other = replace(row, answer=json.dumps(answer_to_plain({**before, (Part.BRANCH, ""): "ELSE"})))

    assert (replayed(protocol, [kept]).changed, replayed(protocol, [other]).changed) == (0, 1)


def test_replay_counts_what_cannot_be_replayed_with_its_reason_and_goes_on() -> None:
    good, no_answer, odd_fact, listed = stored(small_protocol(), "40", "50", "60", "70")
    rows = [
        good,
        replace(no_answer, outcome="{}"),
        replace(odd_fact, facts='{"weight_kg": "60", "no_such_fact": true}'),
        replace(listed, outcome="[]"),
    ]
    proof = claimed(draft(**smaller_dose()), ProofKind.REPLAY)

    done = run_replay(proof=proof, read_on=read_from(rows), total=4, now=lambda: AT)

    assert (done.state, done.done, done.result["changed"]) == (ProofState.DONE, 4, 1)
    assert done.result["unreadable"] == [
        {
            "reason": "The stored answer has no 'outcome'.",
            "count": 1,
            "example": {"assessment": no_answer.id},
        },
        {
            "reason": "The stored facts are no longer valid: no_such_fact.",
            "count": 1,
            "example": {"assessment": odd_fact.id},
        },
        {
            "reason": "The stored answer is not built like one.",
            "count": 1,
            "example": {"assessment": listed.id},
        },
    ]


def test_replay_goes_on_where_a_killed_worker_stopped() -> None:
    rows = stored(small_protocol(), "40", "50", "60", "70", "80")
    proof = claimed(draft(**smaller_dose()), ProofKind.REPLAY)
    read: ReadOn = read_from(rows)

    def dies_in_the_second_step(cursor: str) -> Sequence[Stored]:
        if cursor:
            raise KeyboardInterrupt
        return read(cursor)

    with pytest.raises(KeyboardInterrupt):
        run_replay(proof=proof, read_on=dies_in_the_second_step, total=5, now=lambda: AT)
    assert claim_proof(at=AT) is None
    again = claim_proof(at=AT + SILENT_AFTER + SECOND)
    assert again is not None
    assert (again.done, again.total, again.cursor) == (2, 5, "001")
    done = run_replay(proof=again, read_on=read, total=5, now=lambda: AT)

    assert done.result["tried"] == done.result["changed"] == 5


def test_worker_that_wakes_up_too_late_writes_nothing() -> None:
    late = claimed(draft(), ProofKind.REPLAY)
    assert claim_proof(at=AT + SILENT_AFTER + SECOND) is not None

    with pytest.raises(Lost):
        run_replay(proof=late, read_on=nothing_stored, total=0, now=lambda: AT)

    assert Proof.objects.get().state == ProofState.RUNNING


def test_asking_twice_gives_the_same_proof() -> None:
    version = draft()

    assert asked(version, ProofKind.REPLAY) == asked(version, ProofKind.REPLAY)
    assert asked(version, ProofKind.REPLAY) != asked(version, ProofKind.COMPARISON)


def test_failed_proof_says_why_and_can_be_asked_for_again() -> None:
    version = draft()
    failed = fail_proof(proof=claimed(version, ProofKind.REPLAY), error="Broken.", at=AT)

    assert (failed.state, failed.error) == (ProofState.FAILED, "Broken.")
    assert asked(version, ProofKind.REPLAY) != failed


def test_edit_makes_a_proof_of_a_draft_stale() -> None:
    version = draft()
    proof = run_comparison(proof=claimed(version, ProofKind.COMPARISON), now=lambda: AT)
    assert not is_stale(proof, at=AT)

    version.title = "Another title"
    actions.save_draft(version=version, by=person("author"), at=AT)

    assert is_stale(Proof.objects.get(), at=AT)
    with pytest.raises(NotProved):
        confirm_proof(proof=Proof.objects.get(), by=person("approver"), at=AT)


@pytest.mark.hazard("H20")
def test_version_is_not_approved_before_its_proofs_are_made_and_confirmed_by_the_approver() -> None:
    version = reviewed()
    with pytest.raises(NotProved, match="no fresh comparison"):
        approve(version)
    prove_at_once(version=version, by=person("reviewer"), at=AT)
    with pytest.raises(NotProved, match="Open the comparison"):
        approve(version)

    proved(version)

    assert approve(version).state == State.APPROVED


@pytest.mark.hazard("H20")
def test_proof_against_a_version_that_is_no_longer_in_force_does_not_lead_to_approval() -> None:
    version = proved(reviewed())
    approved(**smaller_dose())

    with pytest.raises(NotProved, match="no fresh comparison"):
        approve(version)


@pytest.mark.hazard("H20")
def test_old_proof_does_not_lead_to_approval() -> None:
    version = proved(reviewed())

    with pytest.raises(NotProved):
        actions.approve(
            version=version,
            seal=version.seal,
            review_due_on=REVIEW_DUE,
            by=person("approver"),
            at=AT + timedelta(days=15),
        )


def test_unfinished_proof_cannot_be_confirmed() -> None:
    with pytest.raises(NotProved):
        confirm_proof(proof=asked(draft(), ProofKind.REPLAY), by=person("approver"), at=AT)


def test_finished_proof_and_its_confirmation_do_not_change() -> None:
    proved(reviewed())

    with pytest.raises(IntegrityError), transaction.atomic():
        Proof.objects.update(result={})
    with pytest.raises(IntegrityError), transaction.atomic():
        ProofConfirmation.objects.update(by=person("author"))
    with pytest.raises(IntegrityError), transaction.atomic():
        ProofConfirmation.objects.all().delete()


def test_proofs_are_listed_by_kind() -> None:
    version = draft()
    proof = asked(version, ProofKind.REPLAY)

    assert latest_proofs(version, at=AT) == {"comparison": None, "replay": proof}


def withdrawn() -> ProtocolVersion:
    return actions.withdraw(version=approved(), reason="It is wrong.", by=person("one"), at=AT)


@pytest.mark.hazard("H20")
def test_withdrawn_version_is_restored_by_two_people_and_no_fewer() -> None:
    version = withdrawn()
    with pytest.raises(actions.WrongState, match="Nobody"):
        actions.restore(version=version, by=person("two"), at=AT)
    actions.ask_to_restore(version=version, reason="It was right.", by=person("one"), at=AT)
    with pytest.raises(actions.WrongPerson, match="two people"):
        actions.restore(version=version, by=person("one"), at=AT)

    restored = actions.restore(version=version, by=person("two"), at=AT)

    assert (restored.state, restored.end_reason, restored.ended_by) == (State.APPROVED, "", None)
    assert [event.comment for event in restored.events.filter(kind="restored")] == ["It was right."]


def test_version_is_not_restored_beside_another_in_force() -> None:
    version = withdrawn()
    actions.ask_to_restore(version=version, reason="It was right.", by=person("one"), at=AT)
    approved(**smaller_dose())

    with pytest.raises(actions.WrongState, match="Another version"):
        actions.restore(version=version, by=person("two"), at=AT)


def test_why_a_version_was_withdrawn_does_not_change_while_it_is() -> None:
    withdrawn()

    with pytest.raises(IntegrityError), transaction.atomic():
        ProtocolVersion.objects.update(end_reason="Another reason")


def test_row_is_commented_on_until_approval_and_must_be_there() -> None:
    version = reviewed()
    said: dict[str, Any] = {"version": version, "by": person("reviewer"), "at": AT}
    actions.comment_row(section="regimens", key="R20", text=" Why so much? ", idempotency_key=uuid4(), **said)

    with pytest.raises(actions.ContentRefused):
        actions.comment_row(section="regimens", key="GONE", text="Why?", idempotency_key=uuid4(), **said)
    with pytest.raises(actions.ReasonMissing):
        actions.comment_row(section="regimens", key="R20", text=" ", idempotency_key=uuid4(), **said)
    approve(proved(version))
    with pytest.raises(actions.WrongState):
        actions.comment_row(section="regimens", key="R20", text="Too late", idempotency_key=uuid4(), **said)

    assert RowComment.objects.get().text == "Why so much?"


def test_parts_tried_side_by_side_are_those_tried_one_after_the_other() -> None:
    before = small_protocol()
    after = small_protocol(regimens=(replace(REGIMEN, amount=Decimal(1)),))
    rows = stored(before, *(str(weight) for weight in range(20, 34)))
    parts = [rows[start : start + 2] for start in range(0, len(rows), 2)]

    alone = [(last, tally_to_plain(tally)) for last, tally in in_this_process(after, parts)]
    beside = [(last, tally_to_plain(tally)) for last, tally in beside_this_process(after, iter(parts))]

    assert beside == alone
    assert [last for last, _ in alone] == [part[-1].id for part in parts]
    assert all(plain["changed"] for _, plain in alone)
