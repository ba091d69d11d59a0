"""What is filled in by hand: the rows of the observation chart, the places for stickers and lot numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from .content import MonitoringRow, OrderGroup, Severity, SheetContent, SheetFinding, SheetOrder, TimedRow
from .documents import Document
from .wording import NO_BREAK_SPACE, format_amount, format_day, format_number

# Rows without words, for checks between the steps and for a rate that was lowered.
FREE_ROWS: Final = 6
FREE_ROWS_AFTER_CHART: Final = 3
MOST_STICKERS: Final = 24
CHECKS_ON_CARD: Final = 6
UNKNOWN_ON_CARD: Final = 5
# Who and what of a source, and its date; the sentences between are one part of it.
MOST_SHARED: Final = 3
LEAST_IN_COLUMNS: Final = 4
PLATELETS: Final = "platelets"
_TIMED_NAME: Final = re.compile(r"(.+?) ((?:at|on|before|after|while|during|each|\d+ minutes) .+)")
_COUNTED: Final = re.compile(r"(on day |at )\d+(?: hours)?")
# The last sentence of a name of more than one.
_LAST_SENTENCE: Final = re.compile(r"(.+?[.?!]) ([^.?!]+[.?!])")
_SENTENCE_END: Final = re.compile(r"(?<=[.?!]) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """One line of observations; without a time and a rate both are written in by hand."""

    label: str
    at: datetime | None = None
    until: datetime | None = None
    """The end of the time in which it may be done; None: just then."""
    ml_per_h: Decimal | None = None
    volume_ml: Decimal | None = None
    """What is in by then."""
    is_new_day: bool = True
    """Whether its date is another than that of the row above."""


def chart_rows(content: SheetContent) -> tuple[ChartRow, ...]:
    """Every look at the patient as it was planned; where none was, the steps and rows to write in."""
    rows = _planned_rows(content)
    days = [format_day(row.at, content.time_zone) if row.at else "" for row in rows]
    return tuple(
        replace(row, is_new_day=day != before)
        for row, day, before in zip(rows, days, ["", *days], strict=False)
    )


def _planned_rows(content: SheetContent) -> tuple[ChartRow, ...]:
    plan = content.rate_plan
    free = tuple(ChartRow(label="") for _ in range(FREE_ROWS))
    if plan is None:
        return (ChartRow(label="Before"), *free, ChartRow(label="After"))
    if plan.chart:
        planned = tuple(
            ChartRow(
                label=row.text,
                at=row.at,
                until=row.until,
                ml_per_h=row.ml_per_h,
                volume_ml=row.running_volume_ml,
            )
            for row in plan.chart
        )
        return (*planned, *free[:FREE_ROWS_AFTER_CHART])
    steps = tuple(
        ChartRow(label=f"Step {number}", at=step.starts_at, ml_per_h=step.ml_per_h)
        for number, step in enumerate(plan.steps, start=1)
    )
    start = plan.steps[0].starts_at
    end = start + timedelta(minutes=plan.total_minutes) if start else None
    return (ChartRow(label="Before"), *steps, *free, ChartRow(label="End", at=end), ChartRow(label="After"))


def stickers(order: SheetOrder) -> tuple[str, ...]:
    """What stands in each place for a sticker: one for every vial or unit that is given."""
    if order.dose is None:
        return ()
    if order.dose.vials:
        sizes = [vial.size for vial in order.dose.vials for _ in range(vial.count)]
        return tuple(
            f"Vial {number} of {len(sizes)}, {format_amount(size, order.dose.unit)}"
            for number, size in enumerate(sizes, start=1)
        )
    if order.kind == PLATELETS:
        count = max(1, int(order.dose.amount))
        places = tuple(f"Unit {number} of {count}" for number in range(1, min(count, MOST_STICKERS) + 1))
        if count <= MOST_STICKERS:
            return places
        return (*places[:-1], f"Units {MOST_STICKERS} to {format_number(count)}, on a sheet of their own")
    return ()


def timed_rows(order: SheetOrder, content: SheetContent) -> list[TimedRow]:
    """What the timed plan of all arms says of this order."""
    plan = content.timed_plan
    return [row for row in plan.rows if row.order_number == order.number] if plan else []


def words_in_plan(row: TimedRow, content: SheetContent) -> str:
    """What a row of the timed plan says; of an order named in full above it, the first sentence."""
    is_name = any(order.name == row.text for order in content.orders)
    return _SENTENCE_END.split(row.text)[0] if is_name else row.text


def has_details(order: SheetOrder) -> bool:
    """Whether anything is said of how and when, besides its name and its dose."""
    return bool(order.strength or order.route or order.duration or order.maximum) or has_start(order)


def has_start(order: SheetOrder) -> bool:
    return bool(order.start_at or order.start_text)


def is_timed_alone(order: SheetOrder) -> bool:
    """Whether its time is all that is said of an order besides its name, so that both fit one line."""
    rest = (order.strength, order.route, order.duration, order.maximum, order.rate, order.condition)
    return has_start(order) and not (any(rest) or order.instructions)


def orders_in_short(orders: Iterable[SheetOrder]) -> list[str]:
    """The orders once more, above the signatures: each drug with its dose, all else by its numbers."""
    told = []
    for is_before, run in groupby(orders, lambda order: order.dose or order.group is OrderGroup.BEFORE):
        rows = list(run)
        if is_before is True:
            told.append(before_in_short(rows))
        elif is_before is False:
            told.append(_numbered(rows, "call or test", "calls and tests"))
        else:
            told += [
                f"{_beside(row)} {format_amount(row.dose.amount, row.dose.unit)}" for row in rows if row.dose
            ]
    return told


def _beside(order: SheetOrder) -> str:
    """Number and name; a number alone at the end of a line is read as part of the dose before it."""
    return f"{format_number(order.number)}{NO_BREAK_SPACE}{order.name}"


def before_in_short(orders: Sequence[SheetOrder]) -> str:
    """What is done before the treatment, by its numbers, where it stands line by line elsewhere."""
    return _numbered(orders, "sample or check before treatment", "samples and checks before treatment")


def _numbered(orders: Sequence[SheetOrder], one: str, many: str) -> str:
    first, last = format_number(orders[0].number), format_number(orders[-1].number)
    return f"{first} {one}" if first == last else f"{first} to {last} {many}"


def halves(rows: Sequence[Any]) -> list[Sequence[Any]]:
    """What stands in two columns, read down the first and then the second; a short list stays in one.

    Columns that the renderer balances by itself are laid out many times over.
    """
    middle = (len(rows) + 1) // 2 if len(rows) >= LEAST_IN_COLUMNS else len(rows)
    return [half for half in (rows[:middle], rows[middle:]) if half]


def said_of_most(orders: Sequence[SheetOrder]) -> str:
    """The sentence with which most names of a group end, if each ends with one; empty where there is none."""
    ends = [found[2] if (found := _LAST_SENTENCE.fullmatch(order.name)) else "" for order in orders]
    sentence, count = Counter(ends).most_common(1)[0]
    return sentence if all(ends) and 2 * count > len(ends) > 2 else ""


def said_above(orders: Sequence[SheetOrder]) -> str:
    """The same sentence as it stands above the group."""
    said = said_of_most(orders)
    holds_for_all = all(order.name.endswith(said) for order in orders)
    return said if holds_for_all else f"{said[:-1]}, unless the line says otherwise{said[-1]}"


def without(order: SheetOrder, said: str) -> str:
    """The name of an order without the sentence that stands above its group."""
    return order.name.removesuffix(said).rstrip(" .") if said and order.name.endswith(said) else order.name


def sources_in_short(references: Sequence[str]) -> list[str]:
    """Parts of one source as one: what they begin and end with once, and what is their own between."""
    parts: dict[tuple[str, str], list[str]] = {}
    for reference in references:
        sentences = _SENTENCE_END.split(reference)
        if len(sentences) > MOST_SHARED:
            head, own, tail = sentences[:2], sentences[2:-1], sentences[-1]
            parts.setdefault((" ".join(head), tail), []).extend(own)
        else:
            parts.setdefault((reference, ""), [])
    return [" ".join(filter(None, (head, *own, tail))) for (head, tail), own in parts.items()]


def sources_in_a_row(references: Iterable[str]) -> str:
    """Sources as one sentence, whether or not each of them ends in a full stop."""
    return f"{'; '.join(reference.rstrip('.') for reference in references)}."


def unknown_first(content: SheetContent, document: str) -> tuple[str, ...]:
    """As many of the unknown facts as the sheet has room for; the order set names them all.

    The issue sheet has a table of its own for what must be known before anything is issued.
    """
    return () if document == Document.ISSUE_SHEET else content.basis.not_known[:UNKNOWN_ON_CARD]


def unknown_besides(content: SheetContent, document: str) -> int:
    """How many unknown facts `unknown_first` leaves to the order set."""
    return len(content.basis.not_known) - len(unknown_first(content, document))


def issue_rows(order: SheetOrder) -> range:
    """One row for each size of vial or each unit, and one to spare where another lot may be needed."""
    if order.dose is None:
        return range(0)
    if order.dose.vials:
        return range(len(order.dose.vials) + 1)
    return range(len(stickers(order)) + 1)


def next_checks(content: SheetContent) -> list[MonitoringRow]:
    """The first checks by the clock; those without a time of their own come after them."""
    return _by_the_clock(content)[:CHECKS_ON_CARD]


def other_checks(content: SheetContent) -> list[MonitoringRow]:
    """All that `next_checks` leaves out."""
    return _by_the_clock(content)[CHECKS_ON_CARD:]


def items_in_short(rows: Iterable[MonitoringRow]) -> list[str]:
    """The names of checks, each thing once with all its times."""
    return named_in_short(row.item for row in rows)


def named_in_short(names: Iterable[str]) -> list[str]:
    """“Count on day 4” and “Count on day 7” as “Count on day 4, on day 7”; no word of a time is lost."""
    times: dict[tuple[str, bool], list[str]] = {}
    for name in _beside_their_like(list(names)):
        found = _TIMED_NAME.fullmatch(name)
        thing, time = found.groups() if found else (name, "")
        times.setdefault((thing, bool(time)), []).append(time)
    return [
        f"{thing} {', '.join(_folded(told))}" if is_timed else thing
        for (thing, is_timed), told in times.items()
    ]


def _beside_their_like(names: list[str]) -> list[str]:
    """“Urine output” and “Urine output, at risk” as “Urine output (also at risk)”."""
    more: dict[str, list[str]] = {}
    for name in names:
        head, _, rest = name.partition(", ")
        if rest and head in names:
            more.setdefault(head, []).append(rest)
    beside = {f"{head}, {rest}" for head, told in more.items() for rest in told}
    return [
        f"{name} (also {' and '.join(more[name])})" if name in more else name
        for name in names
        if name not in beside
    ]


def _folded(times: Iterable[str]) -> list[str]:
    """“on day 4” and “on day 7” as “on day 4, 7”: what times begin with stands once while it is the same."""
    folded, before = [], ""
    for time in times:
        found = _COUNTED.fullmatch(time)
        lead = found[1] if found else ""
        folded.append(time.removeprefix(lead) if lead and lead == before else time)
        before = lead
    return folded


def _by_the_clock(content: SheetContent) -> list[MonitoringRow]:
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(content.monitoring, key=lambda row: row.due_at or never)


def advice_on(content: SheetContent, document: str) -> list[SheetFinding]:
    """What is said beside the orders; who issues is told what may do harm, and no more."""
    is_issued = document == Document.ISSUE_SHEET
    return [row for row in content.findings if not is_issued or row.severity is not Severity.INFORMATION]


def count_warnings(content: SheetContent) -> int:
    return sum(finding.severity is Severity.WARNING for finding in content.findings)
