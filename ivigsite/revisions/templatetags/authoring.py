"""What the pages of the workspace ask of their values."""

from collections.abc import Mapping

from django import template

from protocols.engine.worked_cases import CaseResult

register = template.Library()


@register.filter
def of_key(results: Mapping[str, CaseResult], key: str) -> CaseResult | None:
    """What came of the case of this key; None where it was not tried."""
    return results.get(key)
