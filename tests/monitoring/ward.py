"""A patient whose immunoglobulin and platelets were signed for, with the checks that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.test import Client
from django.utils import timezone

from ivigsite.encounters.models import Assessment
from ivigsite.monitoring.actions import Entered, create_tasks, record_observation
from ivigsite.monitoring.background import values_of
from ivigsite.monitoring.models import MonitoringPlan, MonitoringTask, Observation
from protocols.mapping import load_protocol_value
from tests.scenario import Site, assess, build_site


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """The site, its last assessment, the orders and when they began."""

    site: Site
    assessment: Assessment
    plan: MonitoringPlan
    order_set_id: UUID
    start: datetime

    def task(self, item: str, position: int = 1) -> MonitoringTask:
        return MonitoringTask.objects.get(
            encounter=self.site.encounter, item=item, position=position, anchor_number=1
        )

    def client(self, *, nurse: bool = True) -> Client:
        client = Client()
        client.force_login(self.site.nurse if nurse else self.site.physician)
        return client


def build_ward(*, hours_ago: int = 50, **facts: Any) -> Ward:
    """A site whose patient's orders began so many hours ago, so that what was due can be entered now."""
    start = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=hours_ago)
    site = build_site(at=start - timedelta(hours=1))
    return order_on(site, start, assess(site, at=start - timedelta(minutes=30), **facts))


def order_on(site: Site, start: datetime, assessment: Assessment) -> Ward:
    """Orders of immunoglobulin, platelets and corticosteroid that began then."""
    order_set_id = uuid4()
    plan = create_tasks(
        encounter=site.encounter,
        assessment=assessment,
        order_set_id=order_set_id,
        values=values_of(load_protocol_value(site.version), assessment),
        kinds=["ivig", "platelets", "corticosteroid"],
        anchors={
            "T0": [start],
            "RI": [start + timedelta(minutes=30), start + timedelta(minutes=60)],
            "RM": [start + timedelta(minutes=60)],
            "TE": [start + timedelta(hours=5)],
            "P0": [start],
            "PE": [start + timedelta(minutes=30)],
            "S0": [start],
        },
        by=site.physician,
        at=start - timedelta(minutes=10),
    )
    return Ward(site=site, assessment=assessment, plan=plan, order_set_id=order_set_id, start=start)


def enter(
    ward: Ward, rule: str, values: Mapping[str, Any], taken_at: datetime, task: MonitoringTask | None = None
) -> Observation:
    return record_observation(
        encounter=ward.site.encounter,
        rule=rule,
        entered=Entered(typed={}, values=values, taken_at=taken_at),
        task=task,
        idempotency_key=uuid4(),
        by=ward.site.nurse,
        at=timezone.now(),
    )
