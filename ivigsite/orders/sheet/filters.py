"""The wording functions as template filters; the sheet's templates know no others."""

from decimal import Decimal

from django.template import Library

from protocols.engine.facts import UNKNOWN

from . import wording
from .chart import (
    advice_on,
    before_in_short,
    chart_rows,
    count_warnings,
    halves,
    has_details,
    has_start,
    is_timed_alone,
    issue_rows,
    items_in_short,
    named_in_short,
    next_checks,
    orders_in_short,
    other_checks,
    said_above,
    said_of_most,
    sources_in_a_row,
    sources_in_short,
    stickers,
    timed_rows,
    unknown_besides,
    unknown_first,
    without,
    words_in_plan,
)
from .content import OrderGroup
from .labels import additive_labels

GROUP_HEADINGS = {
    OrderGroup.BEFORE: "Samples and checks before treatment",
    OrderGroup.NOW: "Now",
    OrderGroup.CONCURRENT: "Give at the same time",
    OrderGroup.STANDBY: "Standby: give only if the condition is met",
    OrderGroup.MONITORING: "Tests and monitoring",
    OrderGroup.CONSULT: "Call and consult",
}

register = Library()
register.filter("number", wording.format_number)
register.filter("amount", wording.format_amount)
register.filter("dose", wording.format_dose)
register.filter("count", wording.format_count)
register.filter("date", wording.format_date)
register.filter("time", wording.format_time)
register.filter("day", wording.format_day)
register.filter("moment", wording.format_moment)
register.filter("moment_in_cell", wording.format_moment_in_cell)
register.filter("moment_with_offset", wording.format_moment_with_offset)
register.filter("moment_to_the_second", wording.format_moment_to_the_second)
register.filter("minutes", wording.format_minutes)
register.filter("together", wording.keep_together)
register.filter("units_beside", wording.keep_units_beside, is_safe=True)
register.filter("chart_rows", chart_rows)
register.filter("stickers", stickers)
register.filter("additive_labels", additive_labels)
register.filter("timed_rows", timed_rows)
register.filter("has_details", has_details)
register.filter("has_start", has_start)
register.filter("halves", halves)
register.filter("before_in_short", before_in_short)
register.filter("orders_in_short", orders_in_short)
register.filter("is_timed_alone", is_timed_alone)
register.filter("said_of_most", said_of_most)
register.filter("said_above", said_above)
register.filter("without", without)
register.filter("words_in_plan", words_in_plan)
register.filter("sources_in_short", sources_in_short)
register.filter("sources_in_a_row", sources_in_a_row)
register.filter("unknown_first", unknown_first)
register.filter("unknown_besides", unknown_besides)
register.filter("next_checks", next_checks)
register.filter("other_checks", other_checks)
register.filter("items_in_short", items_in_short)
register.filter("named_in_short", named_in_short)
register.filter("advice_on", advice_on)
register.filter("warnings", count_warnings)
register.filter("issue_rows", issue_rows)


@register.filter
def is_unknown(value: object) -> bool:
    return value is UNKNOWN


@register.filter
def group_heading(group: OrderGroup) -> str:
    return GROUP_HEADINGS[group]


@register.filter
def deviation(percent: Decimal) -> str:
    """The rounding error in words, because a minus sign is easily overlooked."""
    return f"{wording.format_number(abs(percent))} percent {'lower' if percent < 0 else 'higher'}"
