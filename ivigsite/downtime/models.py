from decimal import Decimal
from typing import ClassVar, Self
from uuid import uuid4

from django.db import models
from django.db.models import CheckConstraint, F, Q

from ivigsite.accounts.models import User
from ivigsite.encounters.models import Encounter
from protocols.engine.numbers import unit_beside
from protocols.models import ProtocolVersion


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
        ]

    def __str__(self) -> str:
        return f"{self.drug} {self.dose}, form {self.form_number}"

    @property
    def dose(self) -> str:
        """Number and unit, with the digits as they stand on the paper."""
        return f"{self.dose_amount} {unit_beside(Decimal(self.dose_amount), self.dose_unit)}"

    @property
    def is_corrected(self) -> bool:
        return hasattr(self, "correction")
