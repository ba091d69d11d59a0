"""A version as a paper to read: what its page shows, from the status to the references, every row of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from textwrap import shorten
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from ivigsite.orders.sheet.plain_paper import Lines, PaperPart, PaperTable, PlainPaper, Print
from ivigsite.parsing.dates import format_date, format_datetime
from ivigsite.revisions.row_words import label_of, unit_of
from ivigsite.revisions.sections import HEADER, ORDERS, SECTIONS, cell_of, rows_of_section
from protocols.document import Document
from protocols.engine.monitoring import ANCHORS
from protocols.engine.numbers import format_decimal
from protocols.engine.placeholders import in_brackets
from protocols.engine.protocol import (
    Basis,
    Branch,
    Citation,
    MonitoringItem,
    OrderTemplate,
    Parameter,
    Product,
    Protocol,
    Regimen,
    ScreeningItem,
    When,
)
from protocols.lifecycle import State
from protocols.reading import review_overdue_since
from protocols.templatetags.protocol_words import (
    PROVENANCE_WORDS,
    alternatives,
    amount,
    provenance_look,
    spaced,
    state_words,
)

# The title stands on the first page whole; on every page there is room for so much of it.
TITLE_ON_EACH_PAGE: Final = 100
_GRID_COLUMNS: Final = (
    "Bleeding",
    "No urgent surgery, no rapid rise",
    "Rapid rise required",
    "Urgent surgery",
    "Urgent surgery and rapid rise",
)
# By how it is headed; what a section shows of each row where a plain list of its fields would not read well.
_HEADED_BY: Final = ("title", "label", "name", "text", "sentence", "key", "fact")
_SHORT: Final = 60
_PLAIN_WORDS: Final = ("text", "action", "body")
_SHOWN_APART: Final = {"key", "basis"}
# Citations, cases and orders have places of their own, and the grid shows the bands.
_ELSEWHERE: Final = ("branches", ORDERS, "products", "citations", "cases")


def paper_of_version(document: Document, *, at: datetime) -> PlainPaper:
    """The version as it is on this day, so that a file made twice on it is the same file."""
    version, protocol = document.version, document.protocol
    today = timezone.localdate(at)
    title = shorten(version.title, TITLE_ON_EACH_PAGE, placeholder=" ...")
    return PlainPaper(
        name="PROTOCOL TO READ",
        title=f"{version.title}, version {version.number}",
        about=f"{title}, version {version.number}. {state_words(version)} on {format_date(today)}."
        f"{'' if version.state == State.APPROVED else ' NOT IN USE: do not treat by it.'}",
        parts=tuple(_parts(document, protocol, at=at)),
        footer=f"Seal {version.seal or 'none: a draft is not sealed'}. "
        "Decision support, pending human clinical review. Paper does not follow a change: look at the page "
        "of the protocol.",
        print=Print.DENSE,
        made_at=datetime.combine(today, datetime.min.time(), tzinfo=timezone.get_default_timezone()),
        is_demo=settings.DEMO,
    )


def _parts(document: Document, protocol: Protocol, *, at: datetime) -> Iterator[PaperPart]:
    yield _status(document, at=at)
    yield PaperPart(heading="Decisions", tables=tuple(_grids(document)))
    yield PaperPart(
        heading="Branches", tables=tuple(_branch(branch, protocol) for branch in protocol.branches)
    )
    for section in SECTIONS.values():
        if section.name in _ELSEWHERE:
            continue
        rows = [row for _, row in rows_of_section(section, protocol)]
        table = _table(rows, protocol, _SAID.get(section.name, _fields_of))
        yield PaperPart(heading=section.title, paragraphs=(section.help,), tables=(table,))
        if section.name == "regimens":
            yield PaperPart(heading="Products", tables=(_table(protocol.products, protocol, _product),))
    yield _cases(protocol)
    yield _to_be_ratified(document)
    yield PaperPart(heading="References", tables=(_references(protocol.citations),))


def _status(document: Document, *, at: datetime) -> PaperPart:
    version = document.version
    due = version.review_due_on
    overdue = due is not None and review_overdue_since(version, on=timezone.localdate(at)) is not None
    life = tuple(
        f"{step.label}: {_when(step.at) if step.at else 'not yet'}"
        f"{f', {step.by.get_full_name()}' if step.at and step.by else ''}"
        f"{f'. {step.note}' if step.note else ''}"
        for step in document.steps
    )
    said = {
        "In force from": _when(version.in_force_from) if version.in_force_from else "",
        "Review due": f"{format_date(due)}{' OVERDUE' if overdue else ''}" if due else "",
        "Last updated": _when(version.submitted_at or version.created_at),
        "What changed": version.change_note,
        **{label_of(name): getattr(version, name) for name in HEADER if name != "title"},
        "Seal": version.seal or "None: a draft is not sealed.",
    }
    return PaperPart(
        heading="Status",
        paragraphs=(
            () if version.state == State.APPROVED else ("This version is not in use. Do not treat by it.",)
        ),
        items=(*life, *(f"{label}: {words}" for label, words in said.items() if words)),
    )


def _grids(document: Document) -> Iterator[PaperTable]:
    for grid in document.grids:
        yield PaperTable(
            heading=grid.band.label,
            columns=_GRID_COLUMNS,
            rows=tuple(((row.level,), *(_cell(cell) for cell in row.cells)) for row in grid.rows),
        )


def _cell(cell: Any) -> Lines:
    if cell.rule is None:
        return ("No rule.",)
    if cell.branch is None:
        return (f"Not covered. {cell.rule.not_covered}",)
    return (f"{cell.branch.code} {cell.branch.title}", PROVENANCE_WORDS[cell.rule.decision.value])


def _branch(branch: Branch, protocol: Protocol) -> PaperTable:
    targets = [f"{target.text}{_when_words(target.when)}" for target in branch.targets]
    if branch.uses_procedure_target:
        targets.append("the count of the procedure")
    return PaperTable(
        heading=f"{branch.code} {branch.title} ({branch.key})",
        paragraphs=(
            f"{branch.summary} Haematology: {spaced(branch.consult)}.",
            *((f"Target: {'; '.join(targets)}.",) if targets else ()),
            *((f"Stop: {branch.stop_rule}",) if branch.stop_rule else ()),
            _basis(branch.basis),
        ),
        columns=("Line and time", "Order"),
        rows=tuple(((_time(order),), _order(order)) for order in branch.orders),
    )


def _time(order: OrderTemplate) -> str:
    later = f", {order.start_after_minutes} minutes after the start" if order.start_after_minutes else ""
    return f"{spaced(order.role).capitalize()}, {spaced(order.timing)}{later}"


def _order(order: OrderTemplate) -> Lines:
    dosing = f" (dosing {order.regimen})" if order.regimen else ""
    return (f"{order.text}{dosing}{_when_words(order.when)}", _basis(order.basis))


def _table(rows: Any, protocol: Protocol, said: Callable[[Any, Protocol], Lines]) -> PaperTable:
    return PaperTable(
        heading="",
        columns=("What", "What it says"),
        rows=tuple(
            (_head(row), (*said(row, protocol), *((_basis(row.basis),) if hasattr(row, "basis") else ())))
            for row in rows
        ),
    )


def _head(row: Any) -> Lines:
    name = next(name for name in _HEADED_BY if hasattr(row, name))
    words = in_brackets(str(getattr(row, name)))
    key = str(getattr(row, "key", ""))
    return (words, key) if key and key != words else (spaced(words),)


def _fields_of(row: Any, protocol: Protocol) -> Lines:
    """Each field that says something, with its unit; the head of the row is not said twice."""
    head = next(name for name in _HEADED_BY if hasattr(row, name))
    return _field_lines(row, protocol, without={head})


def _field_lines(row: Any, protocol: Protocol, *, without: set[str]) -> Lines:
    """Short fields together in one paragraph; a sentence, or conditions, in a paragraph of its own."""
    short: list[str] = []
    long: list[str] = []
    for each in fields(row):
        value = getattr(row, each.name)
        if each.name in _SHOWN_APART | without or _is_empty(value):
            continue
        unit = unit_of(each.name)
        words = in_brackets(f"{'; or '.join(cell_of(value, protocol).lines)}{f' {unit}' if unit else ''}")
        if each.name in _PLAIN_WORDS:
            long.append(words)
        else:
            (long if len(words) > _SHORT else short).append(f"{label_of(each.name)}: {words}")
    return (*((f"{'. '.join(short)}.",) if short else ()), *long)


def _is_empty(value: Any) -> bool:
    """Whether a field says nothing; zero says something."""
    return value is None or value is False or value == "" or value == ()


def _regimen(regimen: Regimen, protocol: Protocol) -> Lines:
    rounding = "; ".join(
        f"to {format_decimal(step.step)} {regimen.unit} from {format_decimal(step.from_weight_kg)} kg, "
        f"ties {step.ties}"
        for step in regimen.rounding
    )
    said = {"title", "drug", "route", "amount", "amount_minimum", "amount_maximum", "unit", "per", "weight"}
    return (
        f"{regimen.drug}, {regimen.route}: {amount(regimen)}{f'. Rounded {rounding}' if rounding else ''}.",
        *_field_lines(regimen, protocol, without=said | {"cap", "rounding"}),
    )


def _product(product: Product, protocol: Protocol) -> Lines:
    return (
        f"{'Offered' if product.offered else 'NOT OFFERED'} in this hospital.",
        *_field_lines(product, protocol, without={"name", "labels", "offered"}),
        *(
            f"Label, {label.jurisdiction}: {'labelled' if label.itp_labelled else 'not labelled'} for ITP. "
            f"{label.dose_text}"
            for label in product.labels
        ),
    )


def _monitoring(item: MonitoringItem, protocol: Protocol) -> Lines:
    return (
        f"{item.due_text}. Counted from the {ANCHORS.get(item.anchor, item.anchor)}.",
        *_field_lines(item, protocol, without={"title", "due_text", "anchor"}),
    )


def _screening(item: ScreeningItem, protocol: Protocol) -> Lines:
    return (
        *_field_lines(item, protocol, without={"title", "changes"}),
        *(f"{change.result}: {change.change}" for change in item.changes),
    )


def _number(parameter: Parameter, protocol: Protocol) -> Lines:
    return (f"{format_decimal(parameter.value)} {parameter.unit}",)


_SAID: Final[Mapping[str, Callable[[Any, Protocol], Lines]]] = {
    "regimens": _regimen,
    "monitoring_items": _monitoring,
    "screening_items": _screening,
    "parameters": _number,
}


def _cases(protocol: Protocol) -> PaperPart:
    return PaperPart(
        heading="Cases",
        paragraphs=("The version's own tests: what it was shown to say of these patients.",),
        items=tuple(case.sentence for case in protocol.cases) or ("There are none.",),
    )


def _to_be_ratified(document: Document) -> PaperPart:
    """Where they are; what is to be ratified stands beside each row."""
    found: dict[str, list[str]] = {}
    for section, key, _note in document.uncertain:
        found.setdefault(SECTIONS[section].title, []).append(key)
    return PaperPart(
        heading="To be ratified by the clinical reviewer",
        paragraphs=(f"{len(document.uncertain)} rows; beside each stands what to ratify.",),
        items=tuple(f"{title}: {', '.join(keys)}" for title, keys in found.items()),
    )


def _references(citations: tuple[Citation, ...]) -> PaperTable:
    return PaperTable(
        heading="",
        columns=("Source", "What it says"),
        rows=tuple(
            (
                (each.key, f"{PROVENANCE_WORDS[provenance_look(each.provenance)]}, {each.confidence}"),
                (each.reference, each.passage),
            )
            for each in citations
        ),
    )


def _basis(basis: Basis) -> str:
    """Why a row says what it says, such as `Guideline: R3, R4. TO BE RATIFIED: the age cut-off.`"""
    cites = ", ".join(basis.cites)
    words = f"{PROVENANCE_WORDS[provenance_look(basis.provenance)]}{f': {cites}' if cites else ''}."
    if basis.uncertain:
        return f"{words} TO BE RATIFIED{f': {basis.note}' if basis.note else ''}"
    return f"{words} {basis.note}".strip()


def _when_words(when: When) -> str:
    return f", when {'; or '.join(alternatives(when))}" if when else ""


def _when(moment: datetime) -> str:
    return format_datetime(moment, timezone.get_default_timezone())
