"""What the pages of the workspace ask of their values."""

from collections.abc import Mapping
from uuid import UUID

from django import template

from ivigsite.revisions.comments import Thread
from protocols.engine.worked_cases import CaseResult

register = template.Library()


@register.filter
def threads_on(threads: Mapping[UUID, tuple[Thread, ...]], row_id: UUID) -> tuple[Thread, ...]:
    """What was said of the row with this id."""
    return threads.get(row_id, ())


@register.filter
def of_key(results: Mapping[str, CaseResult], key: str) -> CaseResult | None:
    """What came of the case of this key; None where it was not tried."""
    return results.get(key)


@register.filter
def is_at(row_id: UUID, at: str) -> bool:
    """Whether this is the row that was just edited or moved."""
    return str(row_id) == at
