"""The wording of the sheet, for the pages that show the same content before and after it is signed."""

from datetime import datetime
from decimal import Decimal

from django import template
from django.utils import timezone

from ivigsite.encounters.emergency import elapsed_words
from ivigsite.orders.sheet.wording import format_amount, format_count, format_minutes, format_number
from protocols.engine.facts import UNKNOWN, Unknown

register = template.Library()


@register.filter
def amount(value: Decimal, unit: str) -> str:
    return format_amount(value, unit)


@register.filter
def plain_number(value: Decimal) -> str:
    return format_number(value)


@register.filter
def clock(moment: datetime, today: datetime) -> str:
    """A time on the clock, with its date where that is not today's."""
    local = timezone.localtime(moment)
    if local.date() == timezone.localtime(today).date():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b, %H:%M}"


@register.filter
def minutes(value: int) -> str:
    return format_minutes(value)


@register.filter
def count(value: int | Unknown) -> str:
    return "Not known" if isinstance(value, Unknown) else format_count(value)


@register.filter
def or_not_known(value: str | Unknown) -> str:
    return "Not known" if isinstance(value, Unknown) else value


@register.filter
def after(moment: datetime, start: datetime) -> str:
    """How long after the start a moment lies, such as `3 min 12 s`."""
    return elapsed_words(moment - start)


@register.filter
def is_known(value: object) -> bool:
    return value is not UNKNOWN


@register.filter
def g_per_kg(value: Decimal) -> str:
    """A sum in g per kg, to two places."""
    return f"{format_number(round(value, 2))} g per kg"
