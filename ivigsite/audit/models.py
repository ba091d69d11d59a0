from typing import ClassVar
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models

from protocols.json_field import JSONField


class AuditEntry(models.Model):
    """Who did what to which record, chained to the entry before it; rows never change."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=48, db_index=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_role = models.CharField(max_length=24, blank=True)
    object_id = models.UUIDField(null=True, db_index=True)
    details = JSONField()
    request_id = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)
    # Unique, so that the chain cannot fork: one entry has one successor.
    previous_digest = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["sequence"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class AuditHead(models.Model):
    """The end of the chain: one row, locked by whoever appends."""

    THE_ONE: ClassVar[UUID] = UUID(int=1)

    id = models.UUIDField(primary_key=True, default=THE_ONE, editable=False)
    sequence = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=UUID(int=1)), name="audit_has_one_head")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.digest}"
