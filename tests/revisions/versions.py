"""Another version of the shipped protocol, taken through its life beside a site that uses the first one."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from protocols import actions
from protocols.engine.answers import Tally, tally_to_plain
from protocols.engine.protocol import Protocol
from protocols.models import Proof, ProofKind, ProofState, ProtocolVersion
from protocols.proving import confirm_proof, seal_of, version_in_force
from tests.scenario import shipped

REVIEW_DUE = date(2040, 1, 1)


def who(username: str) -> Any:
    return get_user_model()._default_manager.get(username=username)


@cache
def with_half_the_steroid() -> Protocol:
    """The shipped protocol with half the dose per kilogram of each corticosteroid counted by weight."""
    regimens = tuple(
        replace(row, amount=row.amount / 2, amount_minimum=None, amount_maximum=None)
        if "prednis" in row.drug.lower() and row.per.value == "kg"
        else row
        for row in shipped().regimens
    )
    assert any(row.amount == Decimal("0.5") for row in regimens)
    # What the cases expect to be given are the doses of the first version, rightly.
    cases = tuple(
        replace(case, doses=(), outcome=case.outcome or "recommendation") if case.doses else case
        for case in shipped().cases
    )
    return replace(shipped(), regimens=regimens, cases=cases)


def reviewed_version(protocol: Protocol, *, note: str = "Half the steroid.", at: datetime) -> ProtocolVersion:
    """The next version, reviewed and proved: the proofs are rows here, for making them takes a minute."""
    version = actions.import_draft(protocol=protocol, change_note=note, by=who("author"), at=at)
    version = actions.submit(version=version, by=who("author"), at=at)
    version = actions.start_review(version=version, by=who("reviewer"), at=at)
    version = actions.record_review(version=version, comment="Read.", by=who("reviewer"), at=at)
    base = version_in_force(version)
    for kind in ProofKind:
        proof = Proof.objects.create(
            protocol_version=version,
            kind=kind,
            state=ProofState.DONE,
            seal=seal_of(version),
            base=base,
            base_seal=base.seal if base else "",
            asked_by=who("approver"),
            asked_at=at,
            result=tally_to_plain(Tally()),
            finished_at=at,
        )
        confirm_proof(proof=proof, by=who("approver"), at=at)
    return version


def replace_version(protocol: Protocol | None = None, *, at: datetime | None = None) -> ProtocolVersion:
    """Approve the next version, which retires the one before it."""
    at = at or timezone.now()
    version = reviewed_version(protocol or with_half_the_steroid(), at=at)
    return actions.approve(
        version=version, seal=version.seal, review_due_on=REVIEW_DUE, by=who("approver"), at=at
    )


def withdraw_version(version: ProtocolVersion) -> ProtocolVersion:
    version.refresh_from_db()
    return actions.withdraw(version=version, reason="A cap is wrong.", by=who("approver"), at=timezone.now())
