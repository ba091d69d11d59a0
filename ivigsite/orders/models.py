from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Self
from uuid import uuid4

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.db.models.functions import Coalesce, TruncMinute
from django.urls import reverse

from ivigsite.accounts.models import User
from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.orders.sheet.content import SheetContent, from_plain
from ivigsite.orders.sheet.documents import DOCUMENTS, LABELS, Document, DocumentKind
from ivigsite.parsing.dates import format_date
from protocols.engine.protocol import OverrideKind, Severity
from protocols.json_field import JSONField
from protocols.models import ProtocolVersion

ANSWERED = [kind.value for kind in OverrideKind if kind.asks_an_answer]


class DeclineReason(models.TextChoices):
    ALREADY_GIVEN = "already_given", "Already given"
    CONTRAINDICATED = "contraindicated", "Contraindicated in this patient"
    REFUSED = "refused", "Patient declines"
    NOT_AVAILABLE = "not_available", "Not available"
    HAEMATOLOGY = "haematology", "On haematology advice"
    DISAGREES = "disagrees", "Clinical judgement differs"
    OTHER = "other", "Other"


class ConsentReason(models.TextChoices):
    """Why treatment is given without recorded consent."""

    CANNOT_WAIT = "cannot_wait", "Bleeding is life-threatening and treatment cannot wait for consent"
    CANNOT_CONSENT = "cannot_consent", "Patient cannot consent, and nobody who may decide can be reached"
    VERBAL = "verbal", "Patient agrees by word or sign; the written record follows"


class ReplacedReason(models.TextChoices):
    """Why orders are signed on a version of the protocol that is no longer the one in force."""

    CANNOT_WAIT = "cannot_wait", "Treatment cannot wait for an assessment on the new version"
    COURSE_BEGUN = "course_begun", "The course was begun on this version and is finished by it"
    HAEMATOLOGY = "haematology", "Haematology asks for this version"
    OTHER = "other", "Other"


class EndingKind(models.TextChoices):
    VOID = "void", "Void"
    SUPERSEDED = "superseded", "Superseded"


class OrderSetQuerySet(models.QuerySet["OrderSet"]):
    def for_user(self, user: User) -> Self:
        return self.filter(encounter__ward__users=user)

    def active(self) -> Self:
        return self.filter(ending=None)


class OrderSet(models.Model):
    """The signed, printable group of order lines of one assessment; never edited, only ended."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    code = models.CharField(max_length=20, unique=True)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="order_sets")
    assessment = models.ForeignKey(Assessment, on_delete=models.PROTECT, related_name="order_sets")
    number = models.PositiveIntegerField()
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    seal = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    # Everything the sheet shows, in canonical form: what was on the check page, with the signature added.
    content = JSONField()
    content_digest = models.CharField(max_length=64)
    signed_at = models.DateTimeField()
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.UUIDField(unique=True)

    objects: ClassVar[models.Manager["OrderSet"]] = OrderSetQuerySet.as_manager()

    class Meta:
        ordering = ["encounter", "-number"]
        constraints = [
            UniqueConstraint(fields=["encounter", "number"], name="order_set_number_is_unique"),
            CheckConstraint(condition=~Q(content_digest="") & ~Q(seal=""), name="order_set_is_sealed"),
        ]

    def __str__(self) -> str:
        return f"order set {self.code}"

    def get_absolute_url(self) -> str:
        return reverse("order_set", args=[self.pk])

    @property
    def sheet_content(self) -> SheetContent:
        return from_plain(self.content)

    @property
    def ended(self) -> "OrderSetEnding | None":
        return getattr(self, "ending", None)

    @property
    def is_active(self) -> bool:
        return self.ended is None


class SignedOnReplaced(models.Model):
    """Why an order set was signed on a version of the protocol that another had replaced by then."""

    order_set = models.OneToOneField(
        OrderSet, primary_key=True, on_delete=models.PROTECT, related_name="on_replaced"
    )
    reason = models.CharField(max_length=20, choices=ReplacedReason.choices)
    comment = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(reason__in=ReplacedReason.values), name="signed_on_replaced_for_a_known_reason"
            ),
            CheckConstraint(
                condition=~Q(reason=ReplacedReason.OTHER) | ~Q(comment=""),
                name="signed_on_replaced_for_another_reason_says_which",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_set}: {self.get_reason_display()}"


class OrderLine(models.Model):
    """One signed order with the dose as it was computed and the ledger it came from."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    order_set = models.ForeignKey(OrderSet, on_delete=models.PROTECT, related_name="lines")
    number = models.PositiveIntegerField()
    code = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    drug = models.CharField(max_length=100, blank=True)
    # As exact text: a database's decimals have a fixed scale, and 70 must not come back as 70.000.
    dose_amount = models.CharField(max_length=30, blank=True)
    dose_unit = models.CharField(max_length=20, blank=True)
    starts_at = models.DateTimeField(null=True)
    proposal = JSONField()

    class Meta:
        ordering = ["order_set", "number"]
        constraints = [
            UniqueConstraint(fields=["order_set", "number"], name="order_line_number_is_unique"),
            CheckConstraint(
                condition=Q(dose_amount="", dose_unit="") | ~Q(dose_amount="") & ~Q(dose_unit=""),
                name="order_line_dose_has_a_unit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.code}"


class DeclinedLine(models.Model):
    """A proposed line the prescriber did not order, and why."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    order_set = models.ForeignKey(OrderSet, on_delete=models.PROTECT, related_name="declined")
    code = models.CharField(max_length=100)
    text = models.TextField()
    reason = models.CharField(max_length=20, choices=DeclineReason.choices)
    comment = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["order_set", "code"]
        constraints = [
            CheckConstraint(
                condition=~Q(reason=DeclineReason.OTHER) | ~Q(comment=""),
                name="declined_for_another_reason_says_which",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} declined"


class OverriddenRule(models.Model):
    """A finding that was passed or read: the coded reason, who agreed, and on which facts.

    Which version of the protocol, who and when stand in the order set. `checks` are the monitoring items to
    become tasks where somebody has promised to watch.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    order_set = models.ForeignKey(OrderSet, on_delete=models.PROTECT, related_name="overrides")
    rule = models.CharField(max_length=100)
    severity = models.CharField(max_length=40, choices=[(row.value, row.value) for row in Severity])
    policy = models.CharField(max_length=40, choices=[(row.value, row.value) for row in OverrideKind])
    text = models.TextField()
    reason = models.CharField(max_length=100, blank=True)
    # The reason in the words of its day, with the comment.
    reason_text = models.TextField(blank=True)
    comment = models.CharField(max_length=300, blank=True)
    haematologist = models.CharField(max_length=100, blank=True)
    second = models.CharField(max_length=100, blank=True)
    facts_digest = models.CharField(max_length=64)
    will_monitor = models.BooleanField(default=False)
    checks = JSONField(default=list)

    class Meta:
        ordering = ["order_set", "rule"]
        constraints = [
            UniqueConstraint(fields=["order_set", "rule"], name="overridden_rule_once_an_order_set"),
            CheckConstraint(
                condition=Q(policy=OverrideKind.ACKNOWLEDGE.value, reason="")
                | Q(policy__in=ANSWERED) & ~Q(reason="") & ~Q(reason_text=""),
                name="override_has_a_reason_where_one_is_asked",
            ),
            CheckConstraint(
                condition=~Q(policy__in=[OverrideKind.NAMED.value, OverrideKind.NAMED_AND_SECOND.value])
                | ~Q(haematologist=""),
                name="override_names_who_agreed",
            ),
            CheckConstraint(
                condition=~Q(policy=OverrideKind.NAMED_AND_SECOND.value) | ~Q(second=""),
                name="override_names_the_second_person",
            ),
            CheckConstraint(
                condition=~Q(reason="other") | ~Q(comment=""), name="override_for_another_reason_says_which"
            ),
            CheckConstraint(condition=~Q(facts_digest=""), name="override_keeps_the_facts_it_rests_on"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {'read' if self.policy == OverrideKind.ACKNOWLEDGE else 'overridden'}"


class OrderSetEnding(models.Model):
    """Why an order set is no longer in force: voided with a reason, or superseded by a newer one."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    order_set = models.OneToOneField(OrderSet, on_delete=models.PROTECT, related_name="ending")
    kind = models.CharField(max_length=12, choices=EndingKind.choices)
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    superseded_by = models.OneToOneField(
        OrderSet, null=True, blank=True, on_delete=models.PROTECT, related_name="supersedes"
    )

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(kind=EndingKind.VOID, superseded_by=None)
                | Q(kind=EndingKind.SUPERSEDED, superseded_by__isnull=False),
                name="ending_superseded_names_the_newer_order_set",
            ),
            CheckConstraint(condition=~Q(reason=""), name="ending_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.order_set} {self.kind}"


class SheetPrint(models.Model):
    """One printing of one sheet: which copy, for whom, in which state. Copy 1 of each is made at signing."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    order_set = models.ForeignKey(OrderSet, on_delete=models.PROTECT, related_name="prints")
    document = models.CharField(max_length=20, default=Document.ORDER_SET)
    copy_number = models.PositiveIntegerField()
    printed_at = models.DateTimeField()
    printed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    paper = models.CharField(max_length=8)
    state = models.CharField(max_length=12)

    class Meta:
        ordering = ["order_set", "document", "copy_number"]
        constraints = [
            UniqueConstraint(
                fields=["order_set", "document", "copy_number"], name="print_copy_number_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"copy {self.copy_number} of {self.document} of {self.order_set}"

    @property
    def kind(self) -> DocumentKind:
        return DOCUMENTS[Document(self.document)]

    @property
    def paper_words(self) -> str:
        """The paper as it is said: a label's is its size in millimetres."""
        if Document(self.document) in LABELS:
            return f"{self.paper.replace('x', ' by ')} mm"
        return self.paper.title()


class SheetFile(models.Model):
    """The bytes of one printing, kept with their digest so that the same file is handed out for ever."""

    print = models.OneToOneField(SheetPrint, primary_key=True, on_delete=models.PROTECT, related_name="file")
    data = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"file of {self.print}"


class SheetHandedOut(models.Model):
    """Who took a printed file from the server, and when."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    print = models.ForeignKey(SheetPrint, on_delete=models.PROTECT, related_name="handed_out")
    to = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.print} to {self.to}"


class Act(models.TextChoices):
    """What was done to an infusion, or seen in the patient; the engine's words for it."""

    START = "start", "Started"
    STEP_UP = "step_up", "Stepped up"
    SLOW = "slow", "Slowed"
    PAUSE = "pause", "Paused"
    RESUME = "resume", "Resumed"
    RESTART = "restart", "Restarted at a share of the rate last borne"
    REACTION = "reaction", "Reaction"
    STOP = "stop", "Stopped for good"
    FINISH = "finish", "Finished"


class ActReason(models.TextChoices):
    """Why something was done otherwise than planned."""

    PHYSICIAN = "physician", "The physician said so"
    SIGNS_ELSEWHERE = "signs_elsewhere", "Vital signs were taken; they are entered later"
    OTHER_CAUSE = "other_cause", "The vital signs have another cause"
    REACTION = "reaction", "Reaction"
    ACCESS = "access", "Line or pump"
    WISH = "wish", "The patient wishes it"
    OTHER = "other", "Other"


class StandingEvents(models.Manager["AdministrationEvent"]):
    """What stands of what was noted, in the order in which it happened.

    The ordinary manager, so that no reader can forget it: what a correction replaced or took back is not
    among them. A row put in the place of another keeps its place among those of the same minute.
    """

    def get_queryset(self) -> models.QuerySet["AdministrationEvent"]:
        rows = super().get_queryset().filter(replaced_by=None)
        placed = rows.annotate(place=Coalesce("correction__place", "sequence"))
        return placed.order_by("line", "dose_number", TruncMinute("happened_at"), "place")


class AdministrationEvent(models.Model):
    """One act on one dose of a signed line: when it happened, and when and by whom it was entered.

    A row never changes; an `EventCorrection` puts another in its place, or takes it back. `objects` are the
    rows that stand, `as_entered` all of them, for whoever shows the history.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="events")
    dose_number = models.PositiveIntegerField()
    sequence = models.PositiveIntegerField()
    act = models.CharField(max_length=10, choices=Act.choices)
    happened_at = models.DateTimeField()
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # The pump's rate from then on, worked out from the signed plan; empty where none belongs to it.
    ml_per_h = models.CharField(max_length=20, blank=True)
    volume_ml = models.CharField(max_length=20, blank=True)
    grade = models.PositiveSmallIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=16, choices=ActReason.choices, blank=True)
    comment = models.CharField(max_length=300, blank=True)
    idempotency_key = models.UUIDField(unique=True)

    objects = StandingEvents()
    as_entered: ClassVar[models.Manager["AdministrationEvent"]] = models.Manager()

    class Meta:
        ordering = ["line", "dose_number", "sequence"]
        constraints = [
            UniqueConstraint(fields=["line", "dose_number", "sequence"], name="event_follows_one_other"),
            CheckConstraint(
                condition=Q(happened_at__lte=models.F("entered_at")), name="event_is_not_from_the_future"
            ),
            CheckConstraint(
                condition=Q(act="reaction", grade__gte=1, grade__lte=4)
                | ~Q(act="reaction") & Q(grade__isnull=True),
                name="event_reaction_has_a_grade",
            ),
            CheckConstraint(
                condition=~Q(reason=ActReason.OTHER) | ~Q(comment=""), name="event_other_reason_says_which"
            ),
        ]
        # Each look at the board asks whose reaction threatened life.
        indexes = [models.Index(fields=["line"], condition=Q(grade=4), name="event_threatens_life")]

    def __str__(self) -> str:
        return f"{self.get_act_display()}: {self.line}, dose {self.dose_number}"


class StandingProducts(models.Manager["GivenProduct"]):
    """What stands of the lots and units entered; the ordinary manager, so that no reader can forget it."""

    def get_queryset(self) -> models.QuerySet["GivenProduct"]:
        return super().get_queryset().filter(replaced_by=None)


class AboGroup(models.TextChoices):
    """The ABO group on the label of a platelet unit; that it is not known is an answer."""

    O = "o", "O"  # noqa: E741
    A = "a", "A"
    B = "b", "B"
    AB = "ab", "AB"
    UNKNOWN = "unknown", "Not known"


class RhD(models.TextChoices):
    """RhD on the label of a platelet unit; that it is not known is an answer."""

    POSITIVE = "positive", "Positive"
    NEGATIVE = "negative", "Negative"
    UNKNOWN = "unknown", "Not known"


class GivenProduct(models.Model):
    """Vials of one lot, or one platelet unit, that went into one patient: what a recall asks for.

    A row never changes; a `ProductCorrection` puts another in its place, or takes it back. `objects` are the
    rows that stand, `as_entered` all of them.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="given")
    dose_number = models.PositiveIntegerField()
    product = models.CharField(max_length=100)
    product_name = models.CharField(max_length=200)
    lot_number = models.CharField(max_length=40, blank=True)
    unit_number = models.CharField(max_length=40, blank=True)
    expires_on = models.DateField()
    # Of one vial, as exact text; empty for a platelet unit.
    grams = models.CharField(max_length=20, blank=True)
    vials = models.PositiveIntegerField(default=1)
    # Of a platelet unit; empty for vials, and where it was noted before it was asked: nobody knows it then.
    abo_group = models.CharField(max_length=8, choices=AboGroup.choices, blank=True)
    rhd = models.CharField(max_length=8, choices=RhD.choices, blank=True)
    collected_on = models.DateField(null=True, blank=True)
    given_at = models.DateTimeField()
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.UUIDField(unique=True)

    objects = StandingProducts()
    as_entered: ClassVar[models.Manager["GivenProduct"]] = models.Manager()

    class Meta:
        ordering = ["line", "dose_number", "entered_at"]
        constraints = [
            CheckConstraint(
                condition=Q(unit_number="") & ~Q(lot_number="") & ~Q(grams="")
                | ~Q(unit_number="") & Q(lot_number="", grams="", vials=1),
                name="given_is_of_a_lot_or_a_unit",
            ),
            CheckConstraint(
                condition=Q(given_at__lte=models.F("entered_at")), name="given_is_not_from_the_future"
            ),
            CheckConstraint(
                condition=~Q(unit_number="") | Q(abo_group="", rhd="", collected_on=None),
                name="given_group_is_of_a_unit",
            ),
            CheckConstraint(
                condition=Q(abo_group__in=["", *AboGroup.values], rhd__in=["", *RhD.values]),
                name="given_group_is_a_known_one",
            ),
            CheckConstraint(
                condition=Q(collected_on=None) | Q(collected_on__lte=models.F("expires_on")),
                name="given_was_collected_before_it_expired",
            ),
        ]
        indexes = [
            models.Index(fields=["lot_number"], name="given_lot"),
            models.Index(fields=["unit_number"], name="given_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.product_name} {self.lot_number or self.unit_number}"

    @property
    def label(self) -> "UnitLabel | None":
        """What a unit's label says of group and age; None for vials."""
        if not self.unit_number:
            return None
        return UnitLabel(abo=self.abo_group, rhd=self.rhd, collected_on=self.collected_on)

    @property
    def group_words(self) -> str:
        """The same in words, with what is not known; nothing for vials."""
        return "" if self.label is None else self.label.words


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLabel:
    """What the label of a platelet unit says of group and age; what is empty is not known."""

    abo: str
    rhd: str
    collected_on: date | None

    @property
    def abo_words(self) -> str:
        return _in_a_sentence(AboGroup(self.abo or AboGroup.UNKNOWN).label)

    @property
    def rhd_words(self) -> str:
        return _in_a_sentence(RhD(self.rhd or RhD.UNKNOWN).label)

    @property
    def words(self) -> str:
        day = "on a day not known" if self.collected_on is None else format_date(self.collected_on)
        return f"ABO {self.abo_words}, RhD {self.rhd_words}, collected {day}"


def _in_a_sentence(label: str) -> str:
    return label if label.isupper() else label.lower()


class DiscrepancyKind(models.TextChoices):
    """In which way what was given is not what should have been."""

    OTHER_PRODUCT = "other_product", "Not the product ordered"
    EXPIRED = "expired", "Expired when given"


class StandingDiscrepancies(models.Manager["Discrepancy"]):
    """Those of what stands; with a corrected entry its discrepancy is gone."""

    def get_queryset(self) -> models.QuerySet["Discrepancy"]:
        return super().get_queryset().filter(given__replaced_by=None)


class Discrepancy(models.Model):
    """That something was given which should not have been: in which way, and how it came about."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    given = models.ForeignKey(GivenProduct, on_delete=models.PROTECT, related_name="discrepancies")
    kind = models.CharField(max_length=16, choices=DiscrepancyKind.choices)
    # The name of the product that was ordered; empty where the product is right.
    ordered = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300)

    objects = StandingDiscrepancies()
    as_entered: ClassVar[models.Manager["Discrepancy"]] = models.Manager()

    class Meta:
        ordering = ["given", "kind"]
        constraints = [
            UniqueConstraint(fields=["given", "kind"], name="discrepancy_once_a_kind"),
            CheckConstraint(condition=~Q(reason=""), name="discrepancy_says_how_it_came_about"),
            CheckConstraint(
                condition=Q(kind=DiscrepancyKind.OTHER_PRODUCT) & ~Q(ordered="")
                | Q(kind=DiscrepancyKind.EXPIRED, ordered=""),
                name="discrepancy_of_a_product_names_the_ordered_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.given}"

    @property
    def sentence(self) -> str:
        """What was given, and against what."""
        number = f"lot {self.given.lot_number}" if self.given.lot_number else f"unit {self.given.unit_number}"
        against = f"; {self.ordered} is ordered" if self.ordered else ""
        return f"{self.get_kind_display()}: {self.given.product_name}, {number}{against}"

    @property
    def action(self) -> str:
        """How it came about, and who has to know."""
        return f"{self.reason.rstrip('.')}. The physician, and whoever issued it, must know."


class CorrectionReason(models.TextChoices):
    """Why what was noted at the bedside does not stand any more."""

    WRONG_TIME = "wrong_time", "The time was wrong"
    MISREAD = "misread", "Misread or mistyped"
    NOT_DONE = "not_done", "It was not done, or not given"
    TWICE = "twice", "Entered twice"
    ELSEWHERE = "elsewhere", "It belongs to another patient or order"
    OTHER = "other", "Other"


class Correction(models.Model):
    """Why one row of the bedside does not stand any more, who said so and when.

    `replaces` is that row, each at most once; `entry` is the row in its place, empty where it was taken back.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    reason = models.CharField(max_length=12, choices=CorrectionReason.choices)
    words = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.UUIDField(unique=True)

    class Meta:
        abstract = True
        constraints = [
            CheckConstraint(
                condition=Q(reason__in=CorrectionReason.values), name="%(class)s_has_a_known_reason"
            ),
            CheckConstraint(
                condition=~Q(reason=CorrectionReason.OTHER) | ~Q(words=""),
                name="%(class)s_for_another_reason_says_which",
            ),
            CheckConstraint(
                condition=Q(entry=None) | ~Q(entry=F("replaces")), name="%(class)s_is_not_of_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"correction: {self.get_reason_display()}"

    @property
    def because(self) -> str:
        """The reason as it is read: its words where there are any, else the code's."""
        label = self.get_reason_display()
        if self.reason == CorrectionReason.OTHER:
            return self.words
        return f"{label}: {self.words}" if self.words else label


class EventCorrection(Correction):
    """What became of one act that had been noted wrongly."""

    replaces = models.OneToOneField(AdministrationEvent, on_delete=models.PROTECT, related_name="replaced_by")
    entry = models.OneToOneField(
        AdministrationEvent, null=True, blank=True, on_delete=models.PROTECT, related_name="correction"
    )
    # Of the first row of its kind in this place, so that what happened in one minute stays in order.
    place = models.PositiveIntegerField()


class ProductCorrection(Correction):
    """What became of one lot or unit that had been entered wrongly."""

    replaces = models.OneToOneField(GivenProduct, on_delete=models.PROTECT, related_name="replaced_by")
    entry = models.OneToOneField(
        GivenProduct, null=True, blank=True, on_delete=models.PROTECT, related_name="correction"
    )


class Outcome(models.TextChoices):
    """How an encounter ends."""

    RESPONDED = "responded", "Discharged, the count has responded"
    NOT_RESPONDED = "not_responded", "Discharged without a response"
    TRANSFERRED = "transferred", "Moved to another hospital or team"
    SELF_DISCHARGED = "self_discharged", "Left against advice"
    OTHER_CAUSE = "other_cause", "Discharged, the low count has another cause"
    DIED = "died", "Died"


class Discharge(models.Model):
    """How an encounter was closed: outcome, what follows, and the two papers as they were written then."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    encounter = models.OneToOneField(Encounter, on_delete=models.PROTECT, related_name="discharge")
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    appointment = models.CharField(max_length=300, blank=True)
    appointment_on = models.DateField(null=True, blank=True)
    comment = models.CharField(max_length=500, blank=True)
    # What the papers say, in plain form, by their names; the same content makes the same file for ever.
    papers = JSONField()
    written_at = models.DateTimeField()
    written_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.UUIDField(unique=True)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(outcome__in=Outcome.values), name="discharge_has_a_known_outcome"),
            CheckConstraint(
                condition=Q(appointment="", appointment_on=None)
                | ~Q(appointment="") & Q(appointment_on__isnull=False),
                name="discharge_appointment_has_a_day",
            ),
        ]

    def __str__(self) -> str:
        return f"discharge of {self.encounter}"
