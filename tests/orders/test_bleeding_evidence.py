"""Bleeding evidence on an order set: stored, printed, aged with the clock, and asked again once it is old."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ivigsite.encounters.models import Assessment
from ivigsite.orders.content import _basis
from ivigsite.orders.proposal import propose
from tests.scenario import Site, assess

pytestmark = pytest.mark.database


def stops(assessment: Assessment, hours_later: int) -> set[str]:
    at = assessment.made_at + timedelta(hours=hours_later)
    return {finding.rule for finding in propose(assessment=assessment, product=None, at=at).findings}


def test_evidence_grows_old_between_the_assessment_and_the_order_set(site: Site) -> None:
    made = assess(site, bleeding_seen_age_hours="4")

    assert "BLEED-EXPIRED" not in stops(made, 1)
    assert "BLEED-EXPIRED" in stops(made, 3)


def test_evidence_is_stored_with_the_assessment_and_stands_on_the_sheet(site: Site) -> None:
    made = assess(site)

    basis = _basis(propose(assessment=made, product=None, at=timezone.now()), is_emergency=False)

    assert made.facts["bleeding_seen_by"] == "Test Night-Nurse"
    assert "by Test Night-Nurse" in basis.bleeding_evidence
    assert "treatment instructed by Test Night-Registrar" in basis.bleeding_evidence
    assert "Bleeding seen by" not in basis.not_known


def test_sheet_of_an_emergency_lists_the_evidence_nobody_recorded(site: Site) -> None:
    made = assess(
        site,
        bleeding_level="life_threatening",
        bleeding_seen_age_hours=None,
        bleeding_seen_by=None,
        bleeding_instructed_by=None,
    )

    basis = _basis(propose(assessment=made, product=None, at=timezone.now()), is_emergency=False)

    assert {"Time since the bleeding was seen", "Bleeding seen by", "Treatment instructed by"} <= set(
        basis.not_known
    )
