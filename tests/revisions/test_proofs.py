"""What a replay reads of the site: stored assessments as they are stored, page by page."""

import json

import pytest
from django.utils import timezone

from ivigsite.revisions import proofs
from protocols.engine.answers import FORMAT, answer_from_plain, answer_of
from protocols.models import Proof, ProofKind
from protocols.proving import ask_for_proof
from protocols.replaying import replayed
from tests.scenario import Site, assess, shipped

pytestmark = pytest.mark.django_db


@pytest.fixture
def proof(site: Site) -> Proof:
    return ask_for_proof(
        version=site.version, kind=ProofKind.REPLAY, by=site.version.author, at=timezone.now()
    )


def test_assessments_are_read_as_they_are_stored_and_on_from_a_cursor(
    proof: Proof, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "AT_ONCE", 1)
    made = {str(each.pk): each for each in (assess(site), assess(site, platelets_per_ul=31000))}
    read_on = proofs.reader_of(proof)

    (first,) = read_on("")
    (second,) = read_on(first.id)

    assert [*read_on(second.id)] == []
    assert [first.id, second.id] == sorted(made)
    for read in (first, second):
        assert json.loads(read.facts) == made[read.id].facts
        assert read.answer is not None
        assert answer_from_plain(json.loads(read.answer)) == answer_of(made[read.id].outcome)
        assert read.outcome == ""


def test_whole_outcome_is_read_where_its_answer_was_kept_in_another_format(
    proof: Proof, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = assess(site)
    monkeypatch.setattr(proofs, "FORMAT", FORMAT + 1)

    (read,) = proofs.reader_of(proof)("")

    assert read.answer is None
    assert json.loads(read.outcome) == made.outcome
    assert replayed(shipped(), [read]).changed == 0


def test_what_was_said_is_said_again(proof: Proof, site: Site) -> None:
    assess(site)
    assess(site, weight_kg="71.5", bleeding_level="life_threatening")
    assess(site, platelets_per_ul=90000, bleeding_level="none")

    tally = replayed(shipped(), proofs.reader_of(proof)(""))

    assert (tally.tried, tally.changed) == (3, 0)
