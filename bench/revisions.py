"""What it takes to try a version on everybody assessed before, and to find everybody treated by one."""

import time
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bench.engine import made_up_cases
from bench.measure import interleave
from bench.report import Figure
from bench.scratch import Scratch, family_name

if TYPE_CHECKING:
    from protocols.engine.protocol import Protocol
    from protocols.models import Proof

ASSESSMENTS = 100_000
# Tried of them: what is left is more of the same, and a minute of everybody's time.
TRIED = 4_000
SIGNED = 50_000
AT_ONCE = 5_000
ROUNDS = 7


def measure_replay(scratch: Scratch) -> list[Figure]:
    """The background job as it runs, on stored assessments of many different patients."""
    from ivigsite.encounters.models import Assessment
    from ivigsite.revisions.proofs import make, reader_of
    from protocols.proving import claim_proof
    from protocols.replaying import beside_this_process

    site = scratch.site
    encounter = scratch.new_encounter(0, user=site.physician, ward=site.ward)
    store_assessments(scratch, encounter, TRIED)
    proof = ask_for_replay(scratch)
    from django.utils import timezone

    claimed = claim_proof(at=timezone.now())
    assert claimed is not None
    start = time.monotonic()
    list(beside_this_process(protocol_of(scratch), [reader_of(claimed)("")[:1]]))
    started = time.monotonic()
    make(claimed)
    seconds = time.monotonic() - started
    proof.refresh_from_db()
    stored, starting = Assessment.objects.count(), started - start
    return [
        Figure(
            what=f"Replay of a draft on {ASSESSMENTS:,} stored assessments, a process a core",
            value=starting + (seconds - starting) * ASSESSMENTS / proof.done,
            unit="s",
            limit=60,
            note=(
                f"{proof.done:,} of {stored:,} stored ones tried in {seconds:.1f} s, of which the processes "
                f"took {starting:.1f} s to start, and the rest taken as often; made-up patients, mixed"
            ),
        )
    ]


def ask_for_replay(scratch: Scratch) -> "Proof":
    """A replay of a draft that says the same: it is tried on everybody all the same."""
    from django.utils import timezone

    from protocols.actions import start_draft
    from protocols.models import ProofKind
    from protocols.proving import ask_for_proof

    now, author = timezone.now(), scratch.site.version.author
    draft = start_draft(version=scratch.site.version, change_note="Replay", by=author, at=now)
    return ask_for_proof(version=draft, kind=ProofKind.REPLAY, by=author, at=now)


def store_assessments(scratch: Scratch, encounter: Any, count: int) -> None:
    """Many assessments as rows, of one encounter: storing them one by one is measured elsewhere."""
    from django.utils import timezone

    from ivigsite.encounters.models import Assessment
    from protocols.engine.answers import FORMAT, answer_of, answer_to_plain

    version = scratch.site.version
    plain = plain_cases(protocol_of(scratch))
    now = timezone.now()
    before = None
    rows = []
    for number, (facts, outcome) in enumerate(islice(cycle(plain), count), start=1):
        row = Assessment(
            encounter=encounter,
            number=number,
            replaces=before,
            made_at=now,
            made_by=scratch.site.physician,
            protocol_version=version,
            seal=version.seal,
            entered={},
            facts=facts,
            outcome=outcome,
            answer=answer_to_plain(answer_of(outcome)),
            answer_format=FORMAT,
            idempotency_key=uuid4(),
        )
        rows.append(row)
        before = row
    Assessment.objects.bulk_create(rows, batch_size=AT_ONCE)


def plain_cases(protocol: "Protocol") -> list[tuple[dict[str, Any], dict[str, Any]]]:
    from protocols.engine.decision import evaluate
    from protocols.engine.facts_json import facts_to_plain
    from protocols.engine.outcome import outcome_to_plain

    return [
        (facts_to_plain(facts), outcome_to_plain(protocol, evaluate(protocol, facts)))
        for facts in made_up_cases(protocol)["mixed"]
    ]


def protocol_of(scratch: Scratch) -> "Protocol":
    from protocols.mapping import load_protocol_value

    return load_protocol_value(scratch.site.version)


def measure_recall(scratch: Scratch) -> list[Figure]:
    """The list of everybody with orders signed on a version, and its page, over all wards."""
    from django.test import Client
    from django.urls import reverse

    from ivigsite.revisions.recall import recalled
    from protocols.models import ProtocolVersion

    version = ProtocolVersion.objects.get(pk=scratch.site.version.pk)
    sign_many(scratch, SIGNED)
    client = Client(headers={"host": "localhost"})
    client.force_login(version.approver)
    url = reverse("recall_csv", args=[version.pk])
    taken = interleave(
        {"list": lambda: list(recalled(version)), "file": lambda: client.get(url)}, rounds=ROUNDS, warm_up=1
    )
    found = len(list(recalled(version)))
    return [
        Figure(
            what=f"Recall list of a version with {SIGNED:,} signed order sets",
            value=taken["list"].median_s,
            unit="s",
            limit=2,
            note=f"{found:,} found in one query; median of {ROUNDS}, slowest {taken['list'].worst_s:.2f} s",
        ),
        Figure(
            what="The same as a file (CSV)",
            value=taken["file"].median_s,
            unit="s",
            limit=2,
            note=f"with its entry in the audit trail; median of {ROUNDS}",
        ),
    ]


def sign_many(scratch: Scratch, count: int) -> None:
    """So many patients, each with one signed order set, as rows."""
    from datetime import date, timedelta

    from django.utils import timezone

    from ivigsite.encounters.models import Assessment, Encounter, Patient
    from ivigsite.orders.models import OrderSet

    site, now = scratch.site, timezone.now()
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        patients = Patient.objects.bulk_create(
            Patient(
                record_number=f"B{number:09}",
                family_name=family_name(number),
                given_name="Example",
                birth_date=date(1960, 1, 1),
                search_text=str(number),
                registered_at=now,
                registered_by=site.physician,
            )
            for number in numbers
        )
        encounters = Encounter.objects.bulk_create(
            Encounter(
                patient=patient,
                ward=site.other_ward,
                owner=site.physician,
                protocol_version=site.version,
                opened_at=now,
                opened_by=site.physician,
                idempotency_key=uuid4(),
            )
            for patient in patients
        )
        assessments = Assessment.objects.bulk_create(
            Assessment(
                encounter=encounter,
                number=1,
                made_at=now,
                made_by=site.physician,
                protocol_version=site.version,
                seal=site.version.seal,
                entered={},
                facts={},
                outcome={},
                idempotency_key=uuid4(),
            )
            for encounter in encounters
        )
        OrderSet.objects.bulk_create(
            OrderSet(
                code=f"B{number:09}",
                encounter=encounter,
                assessment=assessment,
                number=1,
                protocol_version=site.version,
                seal=site.version.seal,
                starts_at=now,
                valid_until=now + timedelta(hours=12),
                content={},
                content_digest="0" * 64,
                signed_at=now,
                signed_by=site.physician,
                idempotency_key=uuid4(),
            )
            for number, encounter, assessment in zip(numbers, encounters, assessments, strict=True)
        )
