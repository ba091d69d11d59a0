"""A site with people, an approved protocol and a patient, for tests that need the whole of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from django.utils import timezone

from ivigsite.accounts.models import User, Ward
from ivigsite.encounters.actions import (
    Entry,
    PatientDetails,
    Place,
    admit_patient,
    record_assessment,
)
from ivigsite.encounters.models import Assessment, Encounter
from protocols import actions as protocol_actions
from protocols.content_files import load_shipped
from protocols.engine.facts_json import facts_from_plain
from protocols.engine.protocol import Protocol
from protocols.models import ProtocolVersion
from protocols.proving import prove_at_once
from tests.replay import Replay, Seen

PASSWORD = "correct horse battery staple"
NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)

# A complete case in which nothing stops signing.
COMPLETE = {
    "platelets_per_ul": 18000,
    "bleeding_level": "active",
    "bleeding_sites": ["other"],
    "urgent_surgery": False,
    "rapid_rise": False,
    "bleeding_findings": ["epistaxis_over_30_min"],
    "bleeding_seen_by": "Test Night-Nurse",
    "bleeding_instructed_by": "Test Night-Registrar",
    "immune_cause": "confirmed",
    "aetiology": "primary_itp",
    "clumps": False,
    "low_count_confirmed": True,
    "ttp_suspected": False,
    "schistocytes": False,
    "haemolysis": False,
    "hit_suspected": False,
    "dic_suspected": False,
    "marrow_failure": False,
    "obstetric_tma": False,
    "causative_drug": False,
    "dat_positive": False,
    "pregnant": False,
    "weight_kg": "70",
    "weight_method": "measured",
    "height_cm": "175",
    "first_ivig": False,
    "hours_since_last_ivig": "2000",
    "ivig_last_7_days_g_per_kg": "0",
    "iga_g_per_l": "1.5",
    "anti_iga": False,
    "immunoglobulin_reaction": False,
    "ivig_refused": False,
    "creatinine_umol_per_l": "80",
    "renal_risk_factors": [],
    "thrombosis_risk_factors": [],
    "recent_thrombosis": False,
    "overload_risk_factors": [],
    "blood_group": "o",
    "serology_sample_taken": True,
    "baseline_samples": ["smear", "coagulation", "haemolysis", "electrolytes", "glucose", "liver"],
    "group_and_screen_taken": True,
    "consent": "recorded",
    "migraine_or_aseptic_meningitis": False,
    "steroid_contraindicated": False,
    "hepatitis_b_positive": False,
    "antithrombotic": "none",
    "nil_by_mouth": False,
    "platelets_refused": False,
    "irradiated_needed": False,
    "rhd_negative_childbearing": False,
    "venous_lines": 2,
    "hyperprolinaemia": False,
    "fructose_intolerance": False,
    "corn_allergy": False,
    "glucose_monitored": False,
    "glucose_specific_meter": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The people and the one patient of a test."""

    ward: Ward
    other_ward: Ward
    physician: User
    elsewhere: User
    nurse: User
    version: ProtocolVersion
    encounter: Encounter


def person(username: str, role: str, *wards: Ward) -> User:
    return User.objects.create_user(
        username=username,
        password=PASSWORD,
        role=role,
        full_name=username.title(),
        registration_number="1234567",
        wards=wards,
    )


@cache
def shipped() -> Protocol:
    """The shipped protocol, read once."""
    return load_shipped()


def approved_version(at: datetime = NOW) -> ProtocolVersion:
    """The shipped protocol, taken through its life by three people."""
    return _approved.version(at)


def _live(at: datetime, seen: Seen) -> ProtocolVersion:
    author, reviewer, approver = (
        person(name, f"protocol_{name}") for name in ("author", "reviewer", "approver")
    )
    version = protocol_actions.import_draft(protocol=shipped(), change_note="First", by=author, at=at)
    seen(version)
    version = protocol_actions.submit(version=version, by=author, at=at)
    seen(version)
    version = protocol_actions.start_review(version=version, by=reviewer, at=at)
    seen(version)
    version = protocol_actions.record_review(version=version, comment="Read.", by=reviewer, at=at)
    seen(version)
    prove_at_once(version=version, by=approver, at=at)
    version = protocol_actions.approve(
        version=version,
        seal=version.seal,
        review_due_on=date(2027, 11, 22),
        by=approver,
        at=at,
    )
    seen(version)
    return version


_approved = Replay(_live)


def build_site(at: datetime = NOW) -> Site:
    """A site with one open encounter and no assessment."""
    version = approved_version(at)
    ward = Ward.objects.create(code="HAEM", name="Haematology ward")
    other = Ward.objects.create(code="MED", name="Medical ward")
    physician = person("physician", "physician", ward)
    encounter = admit_patient(
        details=PatientDetails(
            record_number="9990001112",
            family_name="O'Brien-Ñúñez",
            given_name="Test",
            title="Ms",
            birth_date=date(1981, 4, 3),
            sex="female",
            allergies_known="none_known",
            allergies="",
        ),
        place=Place(ward=ward, bed="12", protocol_version=version),
        idempotency_key=uuid4(),
        entered={},
        by=physician,
        at=at,
    )
    return Site(
        ward=ward,
        other_ward=other,
        physician=physician,
        elsewhere=person("elsewhere", "physician", other),
        nurse=person("nurse", "nurse", ward),
        version=version,
        encounter=encounter,
    )


def assess(site: Site, *, at: datetime | None = None, **changes: Any) -> Assessment:
    """An assessment of the complete case, made now, with these facts changed; None takes a fact away."""
    at = at or timezone.now()
    if changes.get("bleeding_level") in ("none", "risk_factors"):
        changes = {"bleeding_findings": [], **changes}
    plain: Mapping[str, Any] = {
        **COMPLETE,
        "age_years": 45,
        "sex": "female",
        "sample_age_hours": "2",
        "weight_age_days": "1",
        "bleeding_seen_age_hours": "1",
        "creatinine_age_hours": "3",
        **changes,
    }
    facts = facts_from_plain(plain)
    encounter = Encounter.objects.get(pk=site.encounter.pk)
    return record_assessment(
        encounter=encounter,
        version=encounter.version,
        entry=Entry(
            facts=facts,
            entered={},
            sampled_at=at - timedelta(hours=2),
            weighed_on=(at - timedelta(days=1)).date(),
        ),
        idempotency_key=uuid4(),
        by=site.physician,
        at=at,
    )
