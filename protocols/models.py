"""Protocol versions and the rows of their content, tables and columns named in the engine's words."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from protocols.engine import protocol as engine
from protocols.json_field import JSONField
from protocols.lifecycle import ENDED, REVIEWED, EventKind, State


def _person(**options: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        **options,
    )


def _key(**options: Any) -> Any:
    return models.CharField(max_length=100, **options)


def _one_of(choices: type[StrEnum], **options: Any) -> Any:
    pairs = [(member.value, member.value.replace("_", " ")) for member in choices]
    return models.CharField(max_length=40, choices=pairs, **options)


def _list() -> Any:
    return JSONField(default=list, blank=True)


def _decimal(**options: Any) -> Any:
    # No more than fifteen digits, which SQLite holds exactly.
    return models.DecimalField(max_digits=14, decimal_places=6, **options)


def _optional_decimal() -> Any:
    return _decimal(null=True, blank=True)


def _people_differ(first: str, second: str) -> CheckConstraint:
    return CheckConstraint(condition=~Q(**{first: F(second)}), name=f"version_{first}_is_not_{second}")


class ProtocolVersion(models.Model):
    """One version of a protocol: what it says of itself, its seal, and who took it through its life."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    slug = models.SlugField(max_length=60)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=20, choices=State.choices, default=State.DRAFT)
    # Counts the moves and edits, so that nobody acts on a version that has changed since they looked.
    version = models.PositiveIntegerField(default=1)
    seal = models.CharField(max_length=64, blank=True)
    change_note = models.TextField(blank=True)

    title = models.TextField()
    target_population = models.TextField()
    ctcae_version = models.CharField(max_length=20)
    jurisdiction = models.TextField()
    source_status = models.TextField()
    disclaimer = models.TextField()
    default_policy = _key()
    default_product = _key()

    created_at = models.DateTimeField()
    author = _person()
    submitted_at = models.DateTimeField(null=True, blank=True)
    reviewer = _person()
    review_started_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review_comment = models.TextField(blank=True)
    approver = _person()
    approved_at = models.DateTimeField(null=True, blank=True)
    review_due_on = models.DateField(null=True, blank=True)
    ended_by = _person()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["slug", "-number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["slug", "number"], name="version_number_is_unique"),
            UniqueConstraint(
                fields=["slug"],
                condition=Q(state=State.APPROVED),
                name="version_approved_is_the_only_one",
            ),
            CheckConstraint(condition=Q(state__in=State.values), name="version_state_is_known"),
            CheckConstraint(condition=Q(number__gte=1), name="version_number_starts_at_one"),
            _people_differ("author", "reviewer"),
            _people_differ("author", "approver"),
            _people_differ("reviewer", "approver"),
            CheckConstraint(
                condition=Q(state=State.DRAFT, seal="", submitted_at=None)
                | (~Q(state=State.DRAFT) & Q(submitted_at__isnull=False, author__isnull=False) & ~Q(seal="")),
                name="version_is_sealed_by_its_author_once_submitted",
            ),
            CheckConstraint(
                condition=~Q(state__in=[State.UNDER_REVIEW, *REVIEWED])
                | Q(reviewer__isnull=False, review_started_at__isnull=False),
                name="version_under_review_has_a_reviewer",
            ),
            CheckConstraint(
                condition=Q(approved_at=None, approver=None, review_due_on=None) & ~Q(state__in=REVIEWED)
                | Q(
                    state__in=REVIEWED,
                    reviewed_at__isnull=False,
                    approver__isnull=False,
                    approved_at__isnull=False,
                    review_due_on__isnull=False,
                ),
                name="version_is_approved_after_its_review",
            ),
            CheckConstraint(
                condition=Q(ended_at=None, ended_by=None, end_reason="") & ~Q(state__in=ENDED)
                | Q(state__in=ENDED, ended_at__isnull=False, ended_by__isnull=False) & ~Q(end_reason=""),
                name="version_ends_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.number} ({self.get_state_display().lower()})"

    @property
    def is_draft(self) -> bool:
        return self.state == State.DRAFT

    @property
    def plan(self) -> "PlannedApproval | None":
        """The approval that waits for its date; None once it is in force or the version is rejected."""
        return getattr(self, "planned", None) if self.state == State.UNDER_REVIEW else None

    @property
    def in_force_from(self) -> datetime | None:
        """When an approved version came into force, or is to come."""
        planned: PlannedApproval | None = getattr(self, "planned", None)
        return planned.in_force_from if planned else self.approved_at


class ProtocolEvent(models.Model):
    """One step in the life of a version: who, when, from where to where, and why; rows never change."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    # Nobody, when a command loads content before anybody has signed in.
    by = _person()
    at = models.DateTimeField()
    from_state = models.CharField(max_length=20, choices=State.choices, blank=True)
    to_state = models.CharField(max_length=20, choices=State.choices)
    seal = models.CharField(max_length=64, blank=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"


class PlannedApproval(models.Model):
    """An approval that holds from a later moment; until then the version before it stays in force."""

    protocol_version = models.OneToOneField(
        ProtocolVersion, primary_key=True, on_delete=models.PROTECT, related_name="planned"
    )
    seal = models.CharField(max_length=64)
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField()
    in_force_from = models.DateTimeField()
    review_due_on = models.DateField()

    class Meta:
        ordering = ["in_force_from"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            CheckConstraint(
                condition=Q(in_force_from__gt=F("approved_at")), name="planned_approval_holds_from_later"
            )
        ]

    def __str__(self) -> str:
        return f"{self.protocol_version} in force from {self.in_force_from:%Y-%m-%d %H:%M}"


class NoteRead(models.Model):
    """One person has read what a version changes, and is not shown it again."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="notes_read")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["protocol_version", "by"], name="note_is_read_once_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.protocol_version}: note read"


class ContentRow(models.Model):
    """One row of a version's content; its class and columns are named as in the engine."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()

    class Meta:
        abstract = True
        ordering = ["position"]


class KeyedRow(ContentRow):
    key = _key()

    class Meta(ContentRow.Meta):
        abstract = True
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["protocol_version", "key"], name="%(class)s_key_is_unique")
        ]

    def __str__(self) -> str:
        return str(self.key)


class WithBasis(models.Model):
    """The columns that say why a row says what it says."""

    cites = _list()
    provenance = _one_of(engine.Provenance)
    uncertain = models.BooleanField(default=False)
    note = models.TextField(blank=True)

    class Meta:
        abstract = True


class Citation(KeyedRow):
    provenance = _one_of(engine.Provenance)
    reference = models.TextField()
    passage = models.TextField()
    confidence = _one_of(engine.Confidence)


class InputLimit(ContentRow, WithBasis):
    fact = _key()
    population = _key()
    minimum = _decimal()
    maximum = _decimal()
    soft_minimum = _optional_decimal()
    soft_maximum = _optional_decimal()

    class Meta(ContentRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(
                fields=["protocol_version", "fact", "population"],
                name="inputlimit_is_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.fact} ({self.population})"


class GradeBand(ContentRow, WithBasis):
    grade = models.PositiveSmallIntegerField()
    label = models.TextField()
    lower_per_ul = models.PositiveIntegerField()
    upper_per_ul = models.PositiveIntegerField(null=True, blank=True)

    class Meta(ContentRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["protocol_version", "grade"], name="gradeband_grade_is_unique")
        ]

    def __str__(self) -> str:
        return self.label


class BleedingRule(KeyedRow, WithBasis):
    level = _key()
    text = models.TextField()
    when = _list()


class DecisionRule(KeyedRow, WithBasis):
    grades = _list()
    bleeding_levels = _list()
    urgent_surgery = _list()
    rapid_rise = _list()
    branch = _key(null=True, blank=True)
    not_covered = models.TextField(blank=True)
    decision = _one_of(engine.DecisionProvenance)
    consult_at_least = _one_of(engine.ConsultLevel, default=engine.ConsultLevel.NONE.value)
    adds_procedure_target = models.BooleanField(default=False)
    text = models.TextField()


class Branch(KeyedRow, WithBasis):
    code = _key()
    title = models.TextField()
    summary = models.TextField()
    consult = _one_of(engine.ConsultLevel)
    targets = _list()
    uses_procedure_target = models.BooleanField(default=False)
    stop_rule = models.TextField(blank=True)

    class Meta(KeyedRow.Meta):
        verbose_name_plural = "branches"


class OrderTemplate(ContentRow, WithBasis):
    branch = models.ForeignKey(Branch, on_delete=models.CASCADE, related_name="orders")
    key = _key()
    kind = _one_of(engine.OrderKind)
    role = _one_of(engine.Role)
    timing = _one_of(engine.Timing)
    group = _key(blank=True)
    regimen = _key(blank=True)
    start_after_minutes = models.IntegerField(default=0)
    when = _list()
    text = models.TextField()

    class Meta(ContentRow.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["branch", "key"], name="ordertemplate_key_is_unique")
        ]

    def __str__(self) -> str:
        return str(self.key)


class Regimen(KeyedRow, WithBasis):
    family = _key()
    title = models.TextField()
    drug = models.TextField()
    short_name = models.TextField(blank=True)
    route = models.TextField()
    when = _list()
    amount = _decimal()
    amount_minimum = _optional_decimal()
    amount_maximum = _optional_decimal()
    unit = _key()
    per = _one_of(engine.PerUnit)
    weight = _one_of(engine.WeightBasis, null=True, blank=True)
    rounding = _list()
    deviation_limit_percent = _optional_decimal()
    cap = _optional_decimal()
    cap_kind = _one_of(engine.CapKind, null=True, blank=True)
    uses_product = models.BooleanField(default=False)
    volume_ml_per_unit = _optional_decimal()
    doses = models.PositiveIntegerField()
    interval_hours = _optional_decimal()
    duration_days = models.PositiveIntegerField(null=True, blank=True)
    infuse_over_minutes = models.PositiveIntegerField(null=True, blank=True)
    frequency = models.TextField(blank=True)
    duration = models.TextField(blank=True)
    taper = models.TextField(blank=True)
    instructions = models.TextField(blank=True)


class WeightPolicy(KeyedRow, WithBasis):
    title = models.TextField()
    adjusts = models.BooleanField()
    adult_from_years = models.PositiveIntegerField()
    bmi_threshold = _optional_decimal()
    bmi_at_threshold_counts = models.BooleanField(default=True)
    minimum_height_cm = _optional_decimal()
    minimum_weight_kg_female = _optional_decimal()
    minimum_weight_kg_male = _optional_decimal()
    adjusts_in_pregnancy = models.BooleanField(default=True)
    uses_pre_pregnancy_weight = models.BooleanField(default=True)
    adjustment_factor = _optional_decimal()
    text = models.TextField()

    class Meta(KeyedRow.Meta):
        verbose_name_plural = "weight policies"


class Product(KeyedRow, WithBasis):
    name = models.TextField()
    drug = models.TextField()
    concentration_percent = _decimal()
    route = models.TextField()
    stabilisers = _list()
    stabiliser_text = models.TextField(blank=True)
    iga_text = models.TextField(blank=True)
    iga_depleted = models.BooleanField()
    labels = _list()
    vials_g = _list()
    rate_steps = _list()
    maximum_ml_per_kg_per_h = _decimal()
    at_risk_ml_per_kg_per_h = _decimal()
    diluent = models.TextField(blank=True)
    flush = models.TextField(blank=True)
    handling = models.TextField(blank=True)
    text = models.TextField(blank=True)
    offered = models.BooleanField()
    withdrawn_after = models.TextField(blank=True)


class ProductPreference(KeyedRow, WithBasis):
    text = models.TextField()
    when = _list()


class AccessPlan(KeyedRow, WithBasis):
    title = models.TextField()
    lanes = _list()
    when = _list()
    text = models.TextField()


class ProcedureTarget(KeyedRow, WithBasis):
    label = models.TextField()
    platelets_per_ul = models.PositiveIntegerField()
    text = models.TextField()


class ResponsePoint(KeyedRow, WithBasis):
    day = models.PositiveIntegerField()
    median_per_ul = models.PositiveIntegerField()
    lower_per_ul = models.PositiveIntegerField()
    upper_per_ul = models.PositiveIntegerField()
    text = models.TextField(blank=True)


class RepeatRule(KeyedRow, WithBasis):
    branches = _list()
    earliest_hours = models.PositiveIntegerField()
    conditions = models.TextField(blank=True)


class Gate(KeyedRow, WithBasis):
    code = _key()
    title = models.TextField()
    when = _list()
    stops = models.BooleanField()
    stops_life_threatening = models.BooleanField(default=False)
    platelets = _one_of(engine.ArmEffect)
    ivig = _one_of(engine.ArmEffect)
    corticosteroid = _one_of(engine.ArmEffect)
    consult = _one_of(engine.ConsultLevel)
    text = models.TextField()
    action = models.TextField(blank=True)


class SafetyRule(KeyedRow, WithBasis):
    number = _key()
    severity = _one_of(engine.Severity)
    when = _list()
    unknown = _one_of(engine.WhenUnknown, default=engine.WhenUnknown.ASK.value)
    effects = _list()
    text = models.TextField()
    action = models.TextField(blank=True)
    override = JSONField(default=dict)


class OverrideReason(KeyedRow, WithBasis):
    text = models.TextField()
    needs_comment = models.BooleanField(default=False)
    watches = models.BooleanField(default=False)


class ExtraOrder(KeyedRow, WithBasis):
    kind = _one_of(engine.OrderKind)
    role = _one_of(engine.Role)
    timing = _one_of(engine.Timing)
    text = models.TextField()


class ScreeningItem(KeyedRow, WithBasis):
    title = models.TextField()
    order_text = models.TextField()
    due_text = models.TextField()
    kinds = _list()
    when = _list()
    done_when = _list()
    waits_when = _list()
    changes = _list()


class MonitoringItem(KeyedRow, WithBasis):
    title = models.TextField()
    measured = models.TextField(blank=True)
    unit = _key(blank=True)
    anchor = _key()
    due_minutes = models.IntegerField()
    window_minutes = models.PositiveIntegerField()
    early_minutes = models.PositiveIntegerField(default=0)
    due_text = models.TextField()
    is_repeated = models.BooleanField(default=False)
    repeats = _list()
    is_follow_up = models.BooleanField(default=False)
    rule = _key(blank=True)
    kinds = _list()
    when = _list()


class ResultRule(KeyedRow, WithBasis):
    title = models.TextField()
    group = _one_of(engine.CheckGroup)
    kind = _key(blank=True)
    asks = _list()
    needs = _list()
    alert = _list()
    critical = _list()
    alert_action = models.TextField(blank=True)
    critical_action = models.TextField(blank=True)
    alert_follow_ups = _list()
    critical_follow_ups = _list()
    alert_holds = _list()
    critical_holds = _list()


class Parameter(KeyedRow, WithBasis):
    label = models.TextField()
    value = _decimal()
    unit = _key(blank=True)


class Text(KeyedRow, WithBasis):
    topic = _one_of(engine.Topic)
    title = models.TextField()
    body = models.TextField()
    source_says = models.TextField(blank=True)
    others_say = models.TextField(blank=True)
    when = _list()


class PlausibleRange(KeyedRow, WithBasis):
    quantity = _one_of(engine.Quantity)
    subject = models.TextField(blank=True)
    unit = _key(blank=True)
    minimum = _decimal()
    maximum = _decimal()


class WorkedCase(KeyedRow):
    sentence = models.TextField()
    starts_from = _key(blank=True)
    facts = JSONField(default=dict, blank=True)
    outcome = _key(blank=True)
    grade = models.PositiveSmallIntegerField(null=True, blank=True)
    branch = _key(blank=True)
    consult = _key(blank=True)
    doses = _list()
    lines = _list()
    no_lines = _list()
    held = _list()
    findings = _list()
    no_findings = _list()
    gates = _list()
    no_gates = _list()
    monitoring = _list()
    maximum_ml_per_h = _optional_decimal()


class ProofKind(models.TextChoices):
    COMPARISON = "comparison", "Comparison with the version in force"
    REPLAY = "replay", "Replay on stored assessments"


class ProofState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class Proof(models.Model):
    """What a version would change: worked out in the background, for one seal and one version in force."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="proofs")
    kind = models.CharField(max_length=12, choices=ProofKind.choices)
    state = models.CharField(max_length=8, choices=ProofState.choices)
    seal = models.CharField(max_length=64)
    base = models.ForeignKey(
        ProtocolVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    base_seal = models.CharField(max_length=64, blank=True)
    # Replay only what was assessed from then on; else all there is.
    since = models.DateTimeField(null=True, blank=True)
    asked_by = _person()
    asked_at = models.DateTimeField()
    # Counts the workers that took it up.
    claim = models.PositiveIntegerField(default=0)
    heard_at = models.DateTimeField(null=True, blank=True)
    cursor = models.CharField(max_length=40, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    result = JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["asked_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            CheckConstraint(
                condition=Q(state__in=[ProofState.DONE, ProofState.FAILED], finished_at__isnull=False)
                | Q(state__in=[ProofState.WAITING, ProofState.RUNNING], finished_at=None),
                name="proof_is_finished_once_done",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.protocol_version}"


class ProofConfirmation(models.Model):
    """Somebody has opened a finished proof and confirms what it says; rows never change."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    proof = models.ForeignKey(Proof, on_delete=models.PROTECT, related_name="confirmations")
    by = _person()
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            UniqueConstraint(fields=["proof", "by"], name="proof_is_confirmed_once_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.proof}, confirmed"


class RowComment(models.Model):
    """What somebody says of one row of a version before its approval, or answers; rows never change."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="comments")
    section = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    text = models.TextField()
    answers = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="answered_by"
    )
    # Of one form shown once: a second click says nothing twice.
    idempotency_key = models.UUIDField(unique=True, null=True, blank=True)
    by = _person()
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            CheckConstraint(condition=~Q(text=""), name="row_comment_says_something")
        ]

    def __str__(self) -> str:
        return f"{self.section} {self.key}"
