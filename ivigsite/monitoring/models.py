from datetime import datetime
from typing import ClassVar, Self
from uuid import uuid4

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.urls import reverse

from ivigsite.accounts.models import User
from ivigsite.encounters.models import Assessment, Encounter
from protocols.engine.monitoring import Status, status_of
from protocols.json_field import JSONField
from protocols.models import ProtocolVersion
from protocols.prepared import Told


class Cause(models.TextChoices):
    """Why a check was made."""

    ORDERS = "orders", "Ordered"
    FOLLOW_UP = "follow_up", "Follow-up of a result"
    PROMISE = "promise", "Promised when a stop was passed"
    REACTION = "reaction", "After a reaction"
    NEW_FACTS = "new_facts", "New facts"
    # What is asked for again after a correction of what had ended it.
    CORRECTION = "correction", "After a correction"


class Closing(models.TextChoices):
    """How a check stopped being open; the empty one is still open."""

    OPEN = "", "Open"
    DONE = "done", "Done"
    DECLINED = "declined", "Declined"
    ENDED = "ended", "Ended"


class ResultLevel(models.TextChoices):
    NORMAL = "normal", "Normal"
    ALERT = "alert", "Alert"
    CRITICAL = "critical", "Critical"
    NOT_JUDGED = "not_judged", "Cannot be judged"


ALARMING = (ResultLevel.ALERT, ResultLevel.CRITICAL)


class MonitoringPlan(models.Model):
    """What one signed order set asks to watch, kept so that times can move without asking again."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="plans")
    assessment = models.ForeignKey(Assessment, on_delete=models.PROTECT, related_name="+")
    # The order set; a number only, for orders are a floor above.
    order_set_id = models.UUIDField(unique=True)
    kinds = JSONField()
    # Item keys, each with the numbers of its repeats that hold for this patient.
    items = JSONField()
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["made_at"]

    def __str__(self) -> str:
        return f"checks of {self.encounter}"


class Anchor(models.Model):
    """A time that checks are counted from: planned when the orders are signed, true once it happened."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    plan = models.ForeignKey(MonitoringPlan, on_delete=models.PROTECT, related_name="anchors")
    name = models.CharField(max_length=4)
    number = models.PositiveIntegerField()
    planned_at = models.DateTimeField()
    true_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["plan", "name", "number"]
        constraints = [UniqueConstraint(fields=["plan", "name", "number"], name="anchor_is_unique")]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"

    @property
    def at(self) -> datetime:
        return self.true_at or self.planned_at


def is_due(now: datetime | Told) -> Q:
    """Of an open check: its time has come, its start is noted, and not yet that of the next of its kind."""
    return Q(
        Q(next_due_at=None) | Q(next_due_at__gt=now),
        Q(waits_until=None) | Q(waits_until__lte=now),
        due_at__lte=now,
    )


def is_waiting(now: datetime | Told) -> Q:
    """Of an open check: its time would have come, and nobody has noted the start it is counted from."""
    return Q(due_at__lte=now, waits_until__gt=now)


class TaskQuerySet(models.QuerySet["MonitoringTask"]):
    def for_user(self, user: User) -> Self:
        return self.filter(encounter__ward__users=user)

    def open(self) -> Self:
        return self.filter(closed_as=Closing.OPEN)

    def current(self, now: datetime) -> Self:
        """Open, due, and not replaced by a later one of its kind: what has to be done now."""
        return self.open().filter(is_due(now))


class MonitoringTask(models.Model):
    """One due, tickable check of one patient; its status is worked out from the clock when it is read."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="tasks")
    plan = models.ForeignKey(
        MonitoringPlan, null=True, blank=True, on_delete=models.PROTECT, related_name="tasks"
    )
    cause = models.CharField(max_length=10, choices=Cause.choices)
    # The observation or reaction that asked for it.
    cause_id = models.UUIDField(null=True, blank=True)
    item = models.CharField(max_length=100)
    rule = models.CharField(max_length=100)
    # Checks of one kind stand for each other when several were missed.
    kind = models.CharField(max_length=100)
    group = models.CharField(max_length=40)
    title = models.CharField(max_length=500)
    anchor_number = models.PositiveIntegerField(default=1)
    position = models.PositiveIntegerField(default=1)
    # All UTC. Without them the check waits for its anchor, such as the discharge.
    counts_from = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    overdue_at = models.DateTimeField(null=True, blank=True)
    # Until then it waits for a start that is planned and not noted; after that it is asked for all the same.
    waits_until = models.DateTimeField(null=True, blank=True)
    # When the next check of the same kind is due: from then on that one stands for both.
    next_due_at = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    closed_as = models.CharField(max_length=8, choices=Closing.choices, blank=True, default=Closing.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    close_reason = models.CharField(max_length=300, blank=True)

    objects: ClassVar[TaskQuerySet] = TaskQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["due_at", "group", "item"]
        constraints = [
            CheckConstraint(
                condition=Q(closed_as=Closing.OPEN, closed_at=None, closed_by=None, close_reason="")
                | ~Q(closed_as=Closing.OPEN) & Q(closed_at__isnull=False, closed_by__isnull=False),
                name="task_closes_by_somebody",
            ),
            CheckConstraint(
                condition=~Q(closed_as__in=[Closing.DECLINED, Closing.ENDED]) | ~Q(close_reason=""),
                name="task_not_done_has_a_reason",
            ),
            CheckConstraint(
                condition=Q(due_at=None, overdue_at=None, counts_from=None)
                | Q(due_at__isnull=False, overdue_at__isnull=False, counts_from__isnull=False),
                name="task_has_all_its_times_or_none",
            ),
            UniqueConstraint(
                fields=["plan", "item", "anchor_number", "position"],
                condition=Q(cause="orders"),
                name="task_of_a_plan_is_unique",
            ),
        ]
        indexes = [
            models.Index(fields=["encounter", "due_at"], condition=Q(closed_as=""), name="task_open_due"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("record_result", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.closed_as == Closing.OPEN

    @property
    def asked_at(self) -> datetime | None:
        """When it is asked for: when due, or when it has waited long enough for a start."""
        return max(self.due_at, self.waits_until) if self.due_at and self.waits_until else self.due_at

    def status(self, now: datetime) -> Status:
        return status_of(
            closed_as=self.closed_as,
            due=self.due_at,
            overdue=self.overdue_at,
            next_due=self.next_due_at,
            now=now,
            waits_until=self.waits_until,
        )


class ObservationQuerySet(models.QuerySet["Observation"]):
    def for_user(self, user: User) -> Self:
        return self.filter(encounter__ward__users=user)

    def standing(self) -> Self:
        """Those that no later entry replaces."""
        return self.filter(replaced_by=None)

    def unacknowledged(self) -> Self:
        return self.standing().filter(level__in=ALARMING, acknowledgement=None)

    def holding(self) -> Self:
        return self.standing().exclude(holds="").filter(release=None)


class Observation(models.Model):
    """One result as it was entered, and what the protocol said of it; a correction is another row."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="observations")
    task = models.ForeignKey(
        MonitoringTask, null=True, blank=True, on_delete=models.PROTECT, related_name="observations"
    )
    rule = models.CharField(max_length=100)
    title = models.CharField(max_length=500)
    # What was typed with its unit, the exact values in base units, and what followed from them.
    entered = JSONField()
    values = JSONField()
    derived = JSONField()
    level = models.CharField(max_length=10, choices=ResultLevel.choices)
    reasons = JSONField()
    missing = JSONField()
    action = models.TextField(blank=True)
    # Order kinds whose next dose waits, with commas between them.
    holds = models.CharField(max_length=80, blank=True)
    taken_at = models.DateTimeField()
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    correction_reason = models.CharField(max_length=300, blank=True)
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.UUIDField(unique=True)

    objects: ClassVar[ObservationQuerySet] = ObservationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-taken_at", "-entered_at"]
        constraints = [
            CheckConstraint(
                condition=Q(taken_at__lte=models.F("entered_at")), name="observation_is_not_from_the_future"
            ),
            CheckConstraint(
                condition=Q(replaces=None, correction_reason="")
                | Q(replaces__isnull=False) & ~Q(correction_reason=""),
                name="observation_corrects_with_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["encounter"],
                condition=Q(level__in=["alert", "critical"]),
                name="observation_alarming",
            ),
            models.Index(fields=["encounter", "taken_at"], name="observation_of_encounter"),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.get_level_display()}"

    @property
    def held_kinds(self) -> tuple[str, ...]:
        return tuple(kind for kind in self.holds.split(",") if kind)

    @property
    def is_replaced(self) -> bool:
        return hasattr(self, "replaced_by")

    @property
    def is_alarming(self) -> bool:
        return self.level in ALARMING


class Acknowledgement(models.Model):
    """Who has seen an alert and takes it on; until then it stays on the board."""

    observation = models.OneToOneField(
        Observation, primary_key=True, on_delete=models.PROTECT, related_name="acknowledgement"
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    comment = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.observation} seen by {self.by}"


class HoldRelease(models.Model):
    """Who let the next dose go on after a result had stopped it, and why."""

    observation = models.OneToOneField(
        Observation, primary_key=True, on_delete=models.PROTECT, related_name="release"
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.CharField(max_length=300)

    class Meta:
        constraints = [CheckConstraint(condition=~Q(reason=""), name="release_has_a_reason")]

    def __str__(self) -> str:
        return f"{self.observation} released by {self.by}"
