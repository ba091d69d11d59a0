"""Proofs worked off the queue: by `run_jobs`, or in the demonstration by a thread of the server."""

import threading
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Case, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast
from django.utils import timezone

from ivigsite.encounters.models import Assessment
from protocols.engine.answers import FORMAT
from protocols.mapping import SealBroken
from protocols.models import Proof, ProofKind
from protocols.proving import (
    Lost,
    ReadOn,
    claim_proof,
    fail_proof,
    run_comparison,
    run_replay,
)
from protocols.replaying import Stored, beside_this_process, in_this_process

AT_ONCE: Final = 500
# Below it, starting other processes takes longer than they save.
WORTH_PROCESSES: Final = 2000


def work_off() -> int:
    """Make every proof that waits; returns how many were taken up."""
    count = 0
    while (proof := claim_proof(at=timezone.now())) is not None:
        make(proof)
        count += 1
    return count


def make(proof: Proof) -> None:
    """Make one claimed proof; one that another worker has taken over is left to it."""
    try:
        if proof.kind == ProofKind.COMPARISON:
            run_comparison(proof=proof, now=timezone.now)
        else:
            total = assessments_of(proof).count()
            replay = in_this_process if total < WORTH_PROCESSES else beside_this_process
            run_replay(proof=proof, read_on=reader_of(proof), total=total, now=timezone.now, replay=replay)
    except SealBroken as broken:
        fail_proof(proof=proof, error=str(broken), at=timezone.now())
    except Lost:
        return


def start_working() -> None:
    """In the demonstration, where nobody runs `run_jobs`: work the queue off beside the requests."""
    if settings.PROOFS_IN_PROCESS:
        threading.Thread(target=_work_off_and_close, name="proofs", daemon=True).start()


def assessments_of(proof: Proof) -> QuerySet[Assessment]:
    """The assessments that a replay tries, in the order of their ids."""
    found = Assessment.objects.order_by("pk")
    return found if proof.since is None else found.filter(made_at__gte=proof.since)


def reader_of(proof: Proof) -> ReadOn:
    """Reads on from a cursor, so many at once."""
    is_kept = Q(answer_format=FORMAT)
    answer = Case(When(is_kept, then=Cast("answer", TextField())), default=None)
    # Forty times as much, and read only where it must be.
    outcome = Case(When(is_kept, then=Value("", TextField())), default=Cast("outcome", TextField()))

    def read_on(cursor: str) -> Sequence[Stored]:
        rows = assessments_of(proof)
        if cursor:
            rows = rows.filter(pk__gt=UUID(cursor))
        texts = rows.values_list("pk", Cast("facts", TextField()), answer, outcome)
        return [
            Stored(id=str(pk), facts=facts, answer=said, outcome=whole)
            for pk, facts, said, whole in texts[:AT_ONCE]
        ]

    return read_on


def _work_off_and_close() -> None:
    try:
        work_off()
    finally:
        connection.close()
