"""What a version would do, proved before anybody approves it: compared with the one in force, and replayed.

A proof belongs to a seal and to the version that was in force when it was asked for; once either changes it
is stale. The work is done by whoever claims it, in steps that are kept: a killed worker loses one step.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q

from protocols.engine.answers import Tally, tally_from_plain, tally_to_plain
from protocols.engine.behaviour import situations_between
from protocols.engine.plain import seal
from protocols.lifecycle import Refused, State
from protocols.mapping import load_protocol_value
from protocols.models import Proof, ProofConfirmation, ProofKind, ProofState, ProtocolVersion
from protocols.replaying import Replay, Stored, in_this_process

User = Any

# A worker that has said nothing for so long is taken for dead.
SILENT_AFTER: Final = timedelta(seconds=60)
# What was replayed so long ago knows nothing of the patients since.
FRESH_FOR: Final = timedelta(days=14)
# A comparison says how far it is after so many situations, which is about once a second.
TOLD_EVERY: Final = 100
_WORDS: Final = {ProofKind.COMPARISON: "comparison", ProofKind.REPLAY: "replay"}


class NotProved(Refused):
    """A proof is missing, unfinished or stale, or the approver has not opened and confirmed it."""


class Lost(Exception):
    """Another worker has taken the proof over, because this one was silent for too long."""


ReadOn = Callable[[str], Sequence[Stored]]
"""The assessments after the one with this id, in the order of their ids; none when all are read."""


@transaction.atomic
def ask_for_proof(
    *, version: ProtocolVersion, kind: ProofKind, by: User, at: datetime, since: datetime | None = None
) -> Proof:
    """Ask for a proof of a version as it is now; one that is there and fresh, or under way, is given back."""
    there: Proof | None = _proofs_of(version, kind, at=at).filter(since=since).first()
    if there is not None:
        return there
    base = version_in_force(version)
    return Proof.objects.create(
        protocol_version=version,
        kind=kind,
        state=ProofState.WAITING,
        seal=seal_of(version),
        base=base,
        base_seal=base.seal if base else "",
        since=since,
        asked_by=by,
        asked_at=at,
    )


def version_in_force(version: ProtocolVersion) -> ProtocolVersion | None:
    """The approved version that this one would replace."""
    in_force = ProtocolVersion.objects.filter(slug=version.slug, state=State.APPROVED)
    return in_force.exclude(pk=version.pk).first()


def seal_of(version: ProtocolVersion) -> str:
    """The seal of what a version says now; of a draft it changes with each edit."""
    return version.seal or seal(load_protocol_value(version))


def is_stale(proof: Proof, *, at: datetime) -> bool:
    """Whether a proof says nothing of the version any more."""
    return not _proofs_of(proof.protocol_version, ProofKind(proof.kind), at=at).filter(pk=proof.pk).exists()


def is_left(proof: Proof, *, at: datetime) -> bool:
    """Whether nobody works on it: it waits, or its worker has fallen silent."""
    if proof.state == ProofState.WAITING:
        return True
    return proof.state == ProofState.RUNNING and (
        proof.heard_at is None or proof.heard_at < at - SILENT_AFTER
    )


@transaction.atomic
def claim_proof(*, at: datetime) -> Proof | None:
    """Take up the oldest proof that waits, or that a dead worker has left."""
    waiting = Q(state=ProofState.WAITING) | Q(state=ProofState.RUNNING, heard_at__lt=at - SILENT_AFTER)
    for proof in Proof.objects.filter(waiting).order_by("asked_at", "pk"):
        # Counted, so that of two workers one gets it, and a dead one that wakes up writes nothing more.
        claimed = Proof.objects.filter(pk=proof.pk, claim=proof.claim).update(
            state=ProofState.RUNNING, heard_at=at, claim=F("claim") + 1
        )
        if claimed:
            proof.refresh_from_db()
            return proof
    return None


def run_comparison(*, proof: Proof, now: Callable[[], datetime]) -> Proof:
    """Try both versions on the whole decision space; without one in force there is nothing to compare.

    Says meanwhile how many situations are done, and of how many as soon as that is known. A worker that takes
    it over begins again: what changes is known only with all of it.
    """
    tally = Tally()
    if proof.base is not None:
        after = load_protocol_value(proof.protocol_version)
        for situation in situations_between(load_protocol_value(proof.base), after):
            situation.count_in(tally)
            if tally.tried % TOLD_EVERY == 0:
                proof = _keep(proof, done=tally.tried, total=situation.of or 0, heard_at=now())
    return _keep(
        proof,
        state=ProofState.DONE,
        result=tally_to_plain(tally),
        done=tally.tried,
        total=tally.tried,
        finished_at=now(),
    )


def run_replay(
    *,
    proof: Proof,
    read_on: ReadOn,
    total: int,
    now: Callable[[], datetime],
    replay: Replay = in_this_process,
) -> Proof:
    """Try the version on stored assessments, from where the last worker has stopped."""
    protocol = load_protocol_value(proof.protocol_version)
    tally = tally_from_plain(proof.result) if proof.result else Tally()
    for cursor, part in replay(protocol, _parts(read_on, proof.cursor)):
        tally.merge(part)
        proof = _keep(
            proof,
            state=ProofState.RUNNING,
            cursor=cursor,
            result=tally_to_plain(tally),
            done=tally.tried,
            total=max(total, tally.tried),
            heard_at=now(),
        )
    return _keep(
        proof,
        state=ProofState.DONE,
        result=tally_to_plain(tally),
        done=tally.tried,
        total=tally.tried,
        finished_at=now(),
    )


def _parts(read_on: ReadOn, cursor: str) -> Iterator[Sequence[Stored]]:
    while stored := read_on(cursor):
        yield stored
        cursor = stored[-1].id


def nothing_stored(_cursor: str) -> Sequence[Stored]:
    """What there is to read where nobody has been assessed yet."""
    return ()


def prove_at_once(
    *, version: ProtocolVersion, by: User, at: datetime, read_on: ReadOn = nothing_stored
) -> None:
    """Make both proofs and confirm them as one person, where a site is being set up."""
    for kind in ProofKind:
        proof = ask_for_proof(version=version, kind=kind, by=by, at=at)
        if proof.state == ProofState.WAITING:
            proof = _keep(proof, state=ProofState.RUNNING, heard_at=at)
            if kind is ProofKind.COMPARISON:
                proof = run_comparison(proof=proof, now=lambda: at)
            else:
                proof = run_replay(proof=proof, read_on=read_on, total=0, now=lambda: at)
        confirm_proof(proof=proof, by=by, at=at)


def fail_proof(*, proof: Proof, error: str, at: datetime) -> Proof:
    """Say that a proof could not be made; it can be asked for again."""
    return _keep(proof, state=ProofState.FAILED, error=error, finished_at=at)


@transaction.atomic
def confirm_proof(*, proof: Proof, by: User, at: datetime) -> ProofConfirmation:
    """Write down that this person has opened the proof and confirms what it says. Raises `NotProved`."""
    if proof.state != ProofState.DONE or is_stale(proof, at=at):
        raise NotProved(f"The {_WORDS[ProofKind(proof.kind)]} is not finished, or no longer fresh.")
    confirmation, _ = ProofConfirmation.objects.get_or_create(proof=proof, by=by, defaults={"at": at})
    return confirmation


def require_proofs(*, version: ProtocolVersion, by: User, at: datetime) -> None:
    """Raise `NotProved` unless this person has confirmed a fresh comparison and a fresh replay."""
    for kind in ProofKind:
        proofs = _proofs_of(version, kind, at=at).filter(state=ProofState.DONE)
        if not proofs.exists():
            raise NotProved(f"There is no fresh {_WORDS[kind]} of this version with the one in force.")
        if not proofs.filter(confirmations__by=by).exists():
            raise NotProved(f"Open the {_WORDS[kind]} and confirm it before you approve.")


def latest_proofs(version: ProtocolVersion, *, at: datetime) -> dict[str, Proof | None]:
    """The newest fresh proof of each kind."""
    return {kind.value: _proofs_of(version, kind, at=at).last() for kind in ProofKind}


def _proofs_of(version: ProtocolVersion, kind: ProofKind, *, at: datetime) -> Any:
    base = version_in_force(version)
    return (
        Proof.objects.filter(
            protocol_version=version,
            kind=kind,
            seal=seal_of(version),
            base_seal=base.seal if base else "",
            asked_at__gte=at - FRESH_FOR,
        )
        .exclude(state=ProofState.FAILED)
        .order_by("asked_at", "pk")
    )


def _keep(proof: Proof, **values: Any) -> Proof:
    if not Proof.objects.filter(pk=proof.pk, claim=proof.claim).update(**values):
        raise Lost(f"{proof} was taken over.")
    for name, value in values.items():
        setattr(proof, name, value)
    return proof
