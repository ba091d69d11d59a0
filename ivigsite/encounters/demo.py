"""The people and patients of the demonstration: plainly fictional, and brought in as others are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from django.utils import timezone

from ivigsite.accounts.actions import create_user
from ivigsite.accounts.models import User, Ward
from ivigsite.accounts.roles import Role
from ivigsite.encounters.actions import (
    Entry,
    PatientDetails,
    Place,
    admit_patient,
    record_assessment,
    start_emergency,
)
from ivigsite.encounters.assessment_form import AssessmentForm, as_posted
from ivigsite.encounters.models import Assessment, Encounter, Patient
from ivigsite.parsing.dates import format_date, format_datetime
from protocols.actions import approve, import_draft, record_review, start_review, submit
from protocols.content_files import SHIPPED, load_content
from protocols.lifecycle import State
from protocols.mapping import load_protocol_value
from protocols.models import ProtocolVersion
from protocols.proving import prove_at_once
from protocols.reading import DEFAULT_SLUG, current_version

# Keys are made of names in here, so that seeding twice stores once.
NAMES: Final = UUID("5f0c1c5e-6a52-4d0c-9d53-2b8f6f5a7d11")
REVIEW_EVERY: Final = timedelta(days=365)
# Between the start of a review and its end.
READING: Final = timedelta(hours=5)

WARDS: Final = {"EAST": "East ward (demo)", "WEST": "West ward (demo)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUser:
    """Somebody who exists in the demonstration only; everybody knows the password."""

    username: str
    password: str
    full_name: str
    kind: Role
    wards: tuple[str, ...] = ()

    @property
    def role(self) -> str:
        where = ", ".join(WARDS[code] for code in self.wards)
        return f"{self.kind.label}, {where}" if where else str(self.kind.label)


_PEOPLE: Final[tuple[tuple[str, str, str, Role, tuple[str, ...]], ...]] = (
    ("dr.east", "east-lantern-42", "Dr Erin Eastdemo", Role.PHYSICIAN, ("EAST",)),
    ("dr.west", "west-lantern-42", "Dr Wim Westdemo", Role.PHYSICIAN, ("WEST",)),
    ("nurse", "quiet-corridor-42", "Nora Nursedemo", Role.NURSE, ("EAST", "WEST")),
    ("pharmacist", "brass-balance-42", "Phil Pharmademo", Role.PHARMACIST, ("EAST", "WEST")),
    ("haem", "night-telephone-42", "Dr Hana Haemdemo", Role.HAEMATOLOGIST, ("EAST", "WEST")),
    ("author", "draft-inkwell-42", "Dr Ada Authordemo", Role.PROTOCOL_AUTHOR, ()),
    ("reviewer", "second-glance-42", "Dr Rob Reviewdemo", Role.PROTOCOL_REVIEWER, ()),
    ("approver", "final-lighthouse-42", "Dr Alma Approvedemo", Role.PROTOCOL_APPROVER, ()),
)
DEMO_USERS: Final = tuple(
    DemoUser(username=username, password=password, full_name=full_name, kind=kind, wards=wards)
    for username, password, full_name, kind, wards in _PEOPLE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One assessment: how long ago it was made, and what was entered then."""

    hours_ago: int
    answers: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPatient:
    """A patient nobody ever met."""

    record_number: str
    family_name: str
    given_name: str
    birth_date: date
    sex: str
    ward: str
    bed: str
    opened_hours_ago: int
    allergies: str = ""
    allergies_known: str = "none_known"
    visits: tuple[Visit, ...] = ()
    emergency_minutes_ago: int | None = None


def _count(number: str, **answers: Any) -> dict[str, Any]:
    return {"platelets": number, "platelets_unit": "e9_per_l", **answers}


NO_STOP: Final[Mapping[str, Any]] = {
    "immune_cause": "probable",
    "clumps": "no",
    "ttp_suspected": "no",
    "schistocytes": "no",
    "haemolysis": "no",
    "hit_suspected": "no",
    "dic_suspected": "no",
    "marrow_failure": "no",
    "obstetric_tma": "no",
    "causative_drug": "no",
}
BEFORE_IVIG: Final[Mapping[str, Any]] = {
    "first_ivig": "yes",
    "iga_sample_taken": "yes",
    "immunoglobulin_reaction": "no",
    "ivig_refused": "no",
    "creatinine_umol_per_l": "74",
    "creatinine_umol_per_l_unit": "umol_per_l",
    "renal_risk_factors": ["none"],
    "thrombosis_risk_factors": ["none"],
    "overload_risk_factors": ["none"],
    "recent_thrombosis": "no",
    "serology_sample_taken": "yes",
    "group_and_screen_taken": "yes",
    "consent": "recorded",
    "venous_lines": "2",
    "hyperprolinaemia": "no",
}
NO_SURGERY: Final[Mapping[str, Any]] = {"urgent_surgery": "no", "rapid_rise": "no"}
NOT_PREGNANT: Final[Mapping[str, Any]] = {"pregnant": "no"}


def _weight(kg: str, height_cm: str) -> dict[str, Any]:
    return {"weight_kg": kg, "weight_method": "measured", "height_cm": height_cm}


DEMO_PATIENTS: Final = (
    DemoPatient(
        record_number="DEMO-1001",
        family_name="Examplesson",
        given_name="Maja",
        birth_date=date(1974, 5, 2),
        sex="female",
        ward="EAST",
        bed="4",
        opened_hours_ago=30,
        visits=(
            Visit(
                hours_ago=29,
                answers={
                    **_count("31", bleeding_findings=["skin_only"], who_bleeding_grade="1"),
                    **NO_SURGERY,
                    **_weight("72", "168"),
                    **NOT_PREGNANT,
                    **NO_STOP,
                    "bleeding_sites": ["none"],
                    "bleeding_risk_factors": ["none"],
                },
            ),
            Visit(
                hours_ago=1,
                answers={
                    **_count("18", bleeding_findings=["melaena", "skin_only"], who_bleeding_grade="2"),
                    **NO_SURGERY,
                    **_weight("72", "168"),
                    **NOT_PREGNANT,
                    **NO_STOP,
                    **BEFORE_IVIG,
                    "bleeding_sites": ["gi"],
                    "bleeding_risk_factors": ["none"],
                    "aetiology": "primary_itp",
                },
            ),
        ),
    ),
    DemoPatient(
        record_number="DEMO-1002",
        family_name="Specimen",
        given_name="Otto",
        birth_date=date(1958, 11, 23),
        sex="male",
        ward="EAST",
        bed="7",
        opened_hours_ago=9,
        allergies="Penicillin: rash",
        allergies_known="listed",
        visits=(
            Visit(
                hours_ago=3,
                answers={
                    **_count("28", bleeding_findings=["wet_purpura", "skin_only"], who_bleeding_grade="2"),
                    **NO_SURGERY,
                    **_weight("128", "172"),
                    **NO_STOP,
                    **BEFORE_IVIG,
                    "bleeding_sites": ["other"],
                    "bleeding_risk_factors": ["none"],
                    "aetiology": "primary_itp",
                },
            ),
        ),
    ),
    DemoPatient(
        record_number="DEMO-1003",
        family_name="Placeholder",
        given_name="Ingrid",
        birth_date=date(1963, 2, 14),
        sex="female",
        ward="EAST",
        bed="9",
        opened_hours_ago=50,
        visits=(
            Visit(
                hours_ago=5,
                answers={
                    **_count("58", bleeding_findings=["none"], who_bleeding_grade="0"),
                    **NO_SURGERY,
                    **_weight("66", "164"),
                    **NOT_PREGNANT,
                    **NO_STOP,
                    "bleeding_sites": ["none"],
                    "bleeding_risk_factors": ["none"],
                    "aetiology": "checkpoint_inhibitor",
                },
            ),
        ),
    ),
    DemoPatient(
        record_number="DEMO-1004",
        family_name="Specimin",
        given_name="Olga",
        birth_date=date(1990, 8, 30),
        sex="female",
        ward="EAST",
        bed="11",
        opened_hours_ago=20,
        visits=(
            Visit(
                hours_ago=18,
                answers={
                    **_count("112", bleeding_findings=["none"], who_bleeding_grade="0"),
                    **NO_SURGERY,
                    **_weight("60", "170"),
                    **NOT_PREGNANT,
                    "bleeding_sites": ["none"],
                    "bleeding_risk_factors": ["none"],
                },
            ),
        ),
    ),
    DemoPatient(
        record_number="DEMO-2001",
        family_name="Mustermann",
        given_name="Karl",
        birth_date=date(1951, 3, 3),
        sex="male",
        ward="WEST",
        bed="Bay 1",
        opened_hours_ago=2,
        allergies_known="not_recorded",
        visits=(
            Visit(
                hours_ago=1,
                answers={
                    **_count("6", bleeding_findings=["intracranial"], who_bleeding_grade="4"),
                    **NO_SURGERY,
                    "weight_kg": "85",
                    "weight_method": "estimated",
                    "weight_estimate_reason": "Intubated on arrival, no bed scale",
                    "bleeding_sites": ["cns"],
                    "consent": "emergency",
                    "immunoglobulin_reaction": "no",
                },
            ),
        ),
    ),
    DemoPatient(
        record_number="DEMO-2002",
        family_name="Fictive",
        given_name="Amara",
        birth_date=date(1994, 1, 19),
        sex="female",
        ward="WEST",
        bed="Bay 3",
        opened_hours_ago=26,
        visits=(
            Visit(
                hours_ago=4,
                answers={
                    **_count("24", bleeding_findings=["skin_only"], who_bleeding_grade="1"),
                    **NO_SURGERY,
                    **_weight("78", "166"),
                    **NO_STOP,
                    **BEFORE_IVIG,
                    "pregnant": "yes",
                    "pre_pregnancy_weight_kg": "68",
                    "bleeding_sites": ["none"],
                    "bleeding_risk_factors": ["none"],
                    "aetiology": "primary_itp",
                },
            ),
        ),
    ),
    DemoPatient(
        record_number="DEMO-2003",
        family_name="Invented",
        given_name="Rosa",
        birth_date=date(1969, 12, 12),
        sex="female",
        ward="WEST",
        bed="Bay 6",
        opened_hours_ago=6,
        visits=(
            Visit(
                hours_ago=5,
                answers={
                    **_count("15", bleeding_findings=["skin_only"], who_bleeding_grade="1"),
                    **NO_SURGERY,
                    **_weight("70", "165"),
                    **NOT_PREGNANT,
                    **NO_STOP,
                    "ttp_suspected": "yes",
                    "schistocytes": "yes",
                    "haemolysis": "yes",
                    "bleeding_sites": ["none"],
                    "bleeding_risk_factors": ["fever_or_sepsis"],
                },
            ),
        ),
    ),
    DemoPatient(
        record_number="DEMO-1005",
        family_name="Sampleton",
        given_name="Jean-Luc",
        birth_date=date(1985, 4, 27),
        sex="",
        ward="EAST",
        bed="Resus",
        opened_hours_ago=1,
        allergies_known="not_recorded",
        emergency_minutes_ago=3,
    ),
)


def is_seeded() -> bool:
    """Whether the last thing that is seeded is there; everything before it is then there too."""
    return Encounter.objects.filter(idempotency_key=_key(DEMO_PATIENTS[-1])).exists()


def seed(*, at: datetime) -> None:
    """Bring in the people, have them approve the shipped protocol, then admit and assess the patients."""
    users = {user.username: _user(user, at) for user in DEMO_USERS}
    version = current_version() or _approved(users, at)
    for patient in DEMO_PATIENTS:
        _admit(patient, users, version, at)


def _key(patient: DemoPatient, suffix: str = "") -> UUID:
    return uuid5(NAMES, f"{patient.record_number}{suffix}")


def _user(demo: DemoUser, at: datetime) -> User:
    there = User.objects.filter(username=demo.username).first()
    if there is not None:
        return there
    wards = [Ward.objects.get_or_create(code=code, defaults={"name": WARDS[code]})[0] for code in demo.wards]
    return create_user(
        username=demo.username,
        password=demo.password,
        full_name=demo.full_name,
        role=demo.kind,
        registration_number=f"DEMO {demo.username}",
        wards=wards,
        by=None,
        at=at,
    )


def _approved(users: Mapping[str, User], at: datetime) -> ProtocolVersion:
    """Three different people, as everywhere; nothing is approved by itself."""
    drafts = ProtocolVersion.objects.filter(slug=DEFAULT_SLUG, state=State.DRAFT)
    draft = drafts.order_by("number").last() or import_draft(
        protocol=load_content(SHIPPED),
        change_note="The shipped content.",
        by=users["author"],
        # Before the steps below, so that the history of the version reads in its order.
        at=at - timedelta(days=4),
    )
    submitted = submit(version=draft, by=users["author"], at=at - timedelta(days=3))
    begun = start_review(version=submitted, by=users["reviewer"], at=at - timedelta(days=2))
    reviewed = record_review(
        version=begun,
        comment="Demonstration only: nobody has checked this content clinically.",
        by=users["reviewer"],
        at=at - timedelta(days=2) + READING,
    )
    prove_at_once(version=reviewed, by=users["approver"], at=at - timedelta(days=1))
    return approve(
        version=reviewed,
        seal=reviewed.seal,
        review_due_on=timezone.localdate(at) + REVIEW_EVERY,
        by=users["approver"],
        at=at - timedelta(days=1),
    )


def _admit(demo: DemoPatient, users: Mapping[str, User], version: ProtocolVersion, at: datetime) -> None:
    physician = users["dr.east" if demo.ward == "EAST" else "dr.west"]
    encounter = admit_patient(
        details=PatientDetails(
            record_number=demo.record_number,
            family_name=demo.family_name,
            given_name=demo.given_name,
            title="",
            birth_date=demo.birth_date,
            sex=demo.sex,
            allergies_known=demo.allergies_known,
            allergies=demo.allergies,
        ),
        place=Place(ward=Ward.objects.get(code=demo.ward), bed=demo.bed, protocol_version=version),
        idempotency_key=_key(demo),
        entered={},
        by=physician,
        at=at - timedelta(hours=demo.opened_hours_ago),
    )
    if demo.emergency_minutes_ago is not None:
        began = at - timedelta(minutes=demo.emergency_minutes_ago)
        start_emergency(encounter=encounter, by=physician, at=began)
    for number, visit in enumerate(demo.visits, start=1):
        _assess(encounter, visit, _key(demo, f"/{number}"), physician, at - timedelta(hours=visit.hours_ago))


def _assess(encounter: Encounter, visit: Visit, key: UUID, by: User, at: datetime) -> Assessment:
    """Through the form, as a person would: what it refuses is a mistake in here."""
    patient = Patient.objects.get(pk=encounter.patient_id)
    sampled_at = format_datetime(at - timedelta(minutes=50), timezone.get_default_timezone())
    times = {"sampled_at": sampled_at, "weighed_on": format_date(timezone.localdate(at))}
    if visit.answers.get("bleeding_sites", ["none"]) != ["none"]:
        times |= {
            "bleeding_seen_at": sampled_at,
            "bleeding_seen_by": "Demo Night-Nurse",
            "bleeding_instructed_by": "Demo Night-Registrar",
        }
    form = AssessmentForm(
        as_posted({**times, **visit.answers}),
        protocol=load_protocol_value(encounter.protocol_version),
        now=at,
        birth_date=patient.birth_date,
        patient_sex=patient.sex,
    )
    if not form.is_valid():
        raise ValueError(f"{patient}: {form.errors.as_text()}")
    current = Encounter.objects.get(pk=encounter.pk)
    return record_assessment(
        encounter=current,
        version=current.version,
        entry=Entry(
            facts=form.known_facts(),
            entered=form.entered(),
            sampled_at=form.moment("sampled_at"),
            weighed_on=form.moment("weighed_on"),
        ),
        idempotency_key=key,
        by=by,
        at=at,
    )
