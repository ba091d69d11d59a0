from decimal import Decimal
from typing import ClassVar, Final, Self
from uuid import uuid4

from django.db import models
from django.db.models import CheckConstraint, F, Q

from ivigsite.accounts.models import User
from ivigsite.encounters.models import Encounter
from ivigsite.orders.models import AboGroup, RhD, UnitLabel
from protocols.engine.numbers import unit_beside
from protocols.models import ProtocolVersion

NUMBER_GAP: Final = ", "


class PaperOrderQuerySet(models.QuerySet["PaperOrder"]):
    def for_user(self, user: User) -> Self:
        return self.filter(encounter__ward__users=user)

    def current(self) -> Self:
        """Those that no correction has taken the place of."""
        return self.filter(correction=None)


class PaperOrder(models.Model):
    """One line ordered on a downtime form, as it stands on the paper; never edited, only corrected.

    Who ordered and gave it, and when, is what the paper says; who entered it, and when, the site knows.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="paper_orders")
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT, related_name="+")
    form_number = models.CharField(max_length=20)
    drug = models.CharField(max_length=100)
    # As exact text, like the doses of signed lines.
    dose_amount = models.CharField(max_length=30)
    dose_unit = models.CharField(max_length=20)
    # The form's own words on route, rate and course.
    details = models.CharField(max_length=300, blank=True)
    ordered_at = models.DateTimeField()
    ordered_by = models.CharField(max_length=100)
    given_at = models.DateTimeField(null=True, blank=True)
    given_by = models.CharField(max_length=100, blank=True)
    # What the label said of what was given: lot or unit numbers, commas between; of platelets the rest too.
    label_numbers = models.CharField(max_length=200, blank=True)
    abo_group = models.CharField(max_length=8, choices=AboGroup.choices, blank=True)
    rhd = models.CharField(max_length=8, choices=RhD.choices, blank=True)
    collected_on = models.DateField(null=True, blank=True)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    corrects = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="correction"
    )
    reason = models.CharField(max_length=300, blank=True)
    idempotency_key = models.UUIDField(unique=True)

    objects: ClassVar[models.Manager["PaperOrder"]] = PaperOrderQuerySet.as_manager()

    class Meta:
        ordering = ["encounter", "ordered_at", "entered_at"]
        constraints = [
            CheckConstraint(
                condition=Q(ordered_at__lte=F("entered_at")), name="paper_order_is_not_from_the_future"
            ),
            CheckConstraint(
                # Said of the empty time too: a comparison with it is neither true nor false, and would pass.
                condition=Q(given_at__isnull=True, given_by="")
                | Q(given_at__isnull=False)
                & Q(given_at__gte=F("ordered_at"), given_at__lte=F("entered_at"))
                & ~Q(given_by=""),
                name="paper_order_given_after_it_was_ordered_by_somebody",
            ),
            CheckConstraint(
                condition=Q(corrects=None, reason="") | Q(corrects__isnull=False) & ~Q(reason=""),
                name="paper_order_correction_says_why",
            ),
            CheckConstraint(
                condition=~Q(form_number="") & ~Q(ordered_by="") & ~Q(dose_amount=""),
                name="paper_order_says_what_the_paper_says",
            ),
            CheckConstraint(
                condition=Q(given_at__isnull=False)
                | Q(label_numbers="", abo_group="", rhd="", collected_on=None),
                name="paper_order_label_is_of_what_was_given",
            ),
            CheckConstraint(
                condition=Q(abo_group__in=["", *AboGroup.values], rhd__in=["", *RhD.values]),
                name="paper_order_group_is_a_known_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.drug} {self.dose}, form {self.form_number}"

    @property
    def dose(self) -> str:
        """Number and unit, with the digits as they stand on the paper."""
        return f"{self.dose_amount} {unit_beside(Decimal(self.dose_amount), self.dose_unit)}"

    @property
    def numbers(self) -> tuple[str, ...]:
        """The lot or unit numbers on the label, as they are compared."""
        return tuple(self.label_numbers.split(NUMBER_GAP)) if self.label_numbers else ()

    @property
    def label_words(self) -> str:
        """What the paper says of the label, with what is not known of a platelet unit; nothing if nothing."""
        numbers = f"lot or unit {self.label_numbers}" if self.label_numbers else ""
        return ", ".join(words for words in (numbers, self.group_words) if words)

    @property
    def label(self) -> UnitLabel | None:
        """Group and day on the label of a platelet unit; None where the paper tells none of them."""
        if not (self.abo_group or self.rhd or self.collected_on):
            return None
        return UnitLabel(abo=self.abo_group, rhd=self.rhd, collected_on=self.collected_on)

    @property
    def group_words(self) -> str:
        """The same in words; nothing where there is nothing."""
        return "" if self.label is None else self.label.words

    @property
    def is_corrected(self) -> bool:
        return hasattr(self, "correction")
