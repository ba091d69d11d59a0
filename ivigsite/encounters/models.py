from typing import ClassVar, Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.urls import reverse

from ivigsite.accounts.models import User, Ward
from ivigsite.parsing.text import fold
from protocols.engine.facts import Facts
from protocols.engine.facts_json import facts_from_plain
from protocols.json_field import JSONField
from protocols.models import ProtocolVersion
from protocols.prepared import Told


class Sex(models.TextChoices):
    FEMALE = "female", "Female"
    MALE = "male", "Male"
    NOT_KNOWN = "", "Not known"


class Allergies(models.TextChoices):
    NOT_RECORDED = "not_recorded", "Not recorded"
    NONE_KNOWN = "none_known", "No known allergies"
    LISTED = "listed", "Listed"


class PatientQuerySet(models.QuerySet["Patient"]):
    def for_user(self, user: User) -> Self:
        """The patients who have, or had, an encounter on a ward of this person."""
        return self.filter(encounters__ward__users=user).distinct()

    def matching(self, text: str) -> Self:
        """Those whose record number or name holds each word, accents and case aside."""
        found = self
        for word in fold(text).split():
            found = found.filter(search_text__contains=word)
        return found


class Patient(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    record_number = models.CharField(max_length=20, unique=True)
    family_name = models.CharField(max_length=100)
    given_name = models.CharField(max_length=100)
    title = models.CharField(max_length=20, blank=True)
    birth_date = models.DateField()
    sex = models.CharField(max_length=6, choices=Sex.choices, blank=True)
    allergies_known = models.CharField(
        max_length=12, choices=Allergies.choices, default=Allergies.NOT_RECORDED
    )
    allergies = models.CharField(max_length=500, blank=True)
    # Longer than the names it comes from: some letters fold to several.
    search_text = models.TextField(editable=False)
    version = models.PositiveIntegerField(default=1)
    registered_at = models.DateTimeField()
    registered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[models.Manager["Patient"]] = PatientQuerySet.as_manager()

    class Meta:
        ordering = ["family_name", "given_name", "birth_date"]
        constraints = [
            CheckConstraint(condition=Q(sex__in=Sex.values), name="patient_sex_is_known_or_blank"),
            CheckConstraint(
                condition=Q(allergies_known=Allergies.LISTED) & ~Q(allergies="")
                | Q(allergies_known__in=[Allergies.NOT_RECORDED, Allergies.NONE_KNOWN], allergies=""),
                name="patient_allergies_are_listed_or_blank",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.family_name.upper()}, {self.given_name}"

    def remember_for_search(self) -> None:
        """Keep what search looks at, beside what is shown."""
        self.search_text = fold(f"{self.record_number} {self.family_name} {self.given_name}")


class EncounterQuerySet(models.QuerySet["Encounter"]):
    def for_user(self, user: User | Told) -> Self:
        return self.filter(ward__users=user)

    def open(self) -> Self:
        return self.filter(closed_at=None)


class Encounter(models.Model):
    """One admission or emergency visit in which the protocol is used."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="encounters")
    ward = models.ForeignKey(Ward, on_delete=models.PROTECT, related_name="encounters")
    bed = models.CharField(max_length=20, blank=True)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="owned_encounters")
    # Pinned: a version approved later changes nothing here until a clinician moves the encounter.
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    close_reason = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1)
    idempotency_key = models.UUIDField(unique=True)

    objects: ClassVar[models.Manager["Encounter"]] = EncounterQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            UniqueConstraint(
                fields=["patient"], condition=Q(closed_at=None), name="encounter_is_the_only_open_one"
            ),
            CheckConstraint(
                condition=Q(closed_at=None, closed_by=None, close_reason="")
                | Q(closed_at__isnull=False, closed_by__isnull=False) & ~Q(close_reason=""),
                name="encounter_closes_with_a_reason",
            ),
            CheckConstraint(
                condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at")),
                name="encounter_closes_after_it_opens",
            ),
        ]
        indexes = [models.Index(fields=["ward"], condition=Q(closed_at=None), name="encounter_open_by_ward")]

    def __str__(self) -> str:
        return f"{self.patient} on {self.ward}"

    def get_absolute_url(self) -> str:
        return reverse("encounter", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class Assessment(models.Model):
    """The facts at one moment and what the engine said of them; never edited, a new one replaces it."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="assessments")
    number = models.PositiveIntegerField()
    replaces = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    seal = models.CharField(max_length=64)
    # As typed, so that a reassessment starts from the same words and units.
    entered = JSONField()
    facts = JSONField()
    outcome = JSONField()
    # The parts of the outcome that versions are compared by, so that a replay reads no more; None where the
    # assessment is older than the column. In the format that `answers.FORMAT` was then.
    answer = JSONField(null=True, blank=True)
    answer_format = models.PositiveSmallIntegerField(null=True, blank=True)
    # Again as columns, so that a list of patients does not read every outcome.
    platelets_per_ul = models.PositiveIntegerField(null=True, blank=True)
    grade = models.PositiveSmallIntegerField(null=True, blank=True)
    sampled_at = models.DateTimeField(null=True, blank=True)
    weighed_on = models.DateField(null=True, blank=True)
    idempotency_key = models.UUIDField(unique=True)

    class Meta:
        ordering = ["encounter", "-number"]
        constraints = [
            UniqueConstraint(fields=["encounter", "number"], name="assessment_number_is_unique"),
            CheckConstraint(
                condition=Q(number=1, replaces=None) | Q(number__gt=1, replaces__isnull=False),
                name="assessment_replaces_the_one_before",
            ),
        ]

    def __str__(self) -> str:
        return f"assessment {self.number} of {self.encounter}"

    def get_absolute_url(self) -> str:
        return reverse("assessment", args=[self.pk])

    def as_facts(self) -> Facts:
        return facts_from_plain(self.facts)


class VersionMove(models.Model):
    """A clinician took an encounter to another version of the protocol, having seen what changes."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="moves")
    before = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    after = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    # The assessment whose answers were shown under both; without one there was nothing to compare.
    assessment = models.ForeignKey(
        Assessment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    changes = models.PositiveIntegerField()
    moved_at = models.DateTimeField()
    moved_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["encounter", "moved_at"]
        constraints = [
            CheckConstraint(condition=~Q(before=F("after")), name="version_move_leads_to_another_version")
        ]

    def __str__(self) -> str:
        return f"{self.encounter}: version {self.before.number} to {self.after.number}"


class EmergencyStart(models.Model):
    """Somebody declared life-threatening bleeding: from here the clock to the first treatment runs."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="emergencies")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["encounter", "-number"]
        constraints = [
            UniqueConstraint(fields=["encounter", "number"], name="emergency_number_is_unique"),
        ]

    def __str__(self) -> str:
        return f"emergency {self.number} of {self.encounter}"


class EmergencyEndingKind(models.TextChoices):
    TREATED = "treated", "First treatment signed"
    STOOD_DOWN = "stood_down", "Stood down"
    CLOSED = "closed", "Encounter closed"


class StandDownReason(models.TextChoices):
    BY_MISTAKE = "by_mistake", "Started by mistake"
    NOT_LIFE_THREATENING = "not_life_threatening", "The bleeding is not life-threatening"
    TREATED_ELSEWHERE = "treated_elsewhere", "Treated without this system"
    TRANSFERRED = "transferred", "Patient moved to another team"
    DIED = "died", "Patient died"
    NO_ACTIVE_TREATMENT = "no_active_treatment", "No active treatment, by decision"
    OTHER = "other", "Other"


class EmergencyEnding(models.Model):
    """Why the clock of one emergency stopped."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    start = models.OneToOneField(EmergencyStart, on_delete=models.PROTECT, related_name="ending")
    kind = models.CharField(max_length=10, choices=EmergencyEndingKind.choices)
    reason = models.CharField(max_length=20, choices=StandDownReason.choices, blank=True)
    comment = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField()
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(kind=EmergencyEndingKind.STOOD_DOWN, reason__in=StandDownReason.values)
                | Q(kind__in=[EmergencyEndingKind.TREATED, EmergencyEndingKind.CLOSED], reason=""),
                name="emergency_is_stood_down_with_a_reason",
            ),
            CheckConstraint(
                condition=~Q(reason=StandDownReason.OTHER) | ~Q(comment=""),
                name="emergency_ended_for_another_reason_says_which",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.start}: {self.kind}"


class AssessmentDraft(models.Model):
    """Answers that were typed and not yet assessed, kept on the server for one person and one encounter."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.CASCADE, related_name="drafts")
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    entered = JSONField()
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["encounter", "author"], name="draft_is_one_a_person_and_encounter")
        ]

    def __str__(self) -> str:
        return f"draft for {self.encounter}"
