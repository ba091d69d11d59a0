"""The sections of a version as its authors meet them: which tables there are, and what of a row they show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from itertools import groupby, islice
from typing import Any, Final
from uuid import UUID

from ivigsite.revisions.row_form import Subject
from ivigsite.revisions.row_words import label_of, unit_of
from protocols.engine.numbers import format_decimal
from protocols.engine.protocol import Condition, Effect, OverridePolicy, Protocol
from protocols.engine.review import Problem, key_of
from protocols.mapping import ROWS, SCALARS, engine_class, plain_of
from protocols.models import ContentRow, OrderTemplate, ProtocolVersion
from protocols.templatetags.protocol_words import alternatives, effect_words, override_sentence

ORDERS: Final = "orders"
# What is longer is read as a sentence, and needs a column to be read in.
_FEW_LETTERS: Final = 18
HEADER: Final = tuple(name for name in SCALARS if name != "slug")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table of content; `columns` are the fields that its list shows beside the key."""

    name: str
    title: str
    help: str
    columns: tuple[str, ...]

    @property
    def model(self) -> type[ContentRow]:
        return OrderTemplate if self.name == ORDERS else ROWS[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    label: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one field of a row says: a line, or several."""

    lines: tuple[str, ...]
    is_number: bool = False

    @property
    def is_wordy(self) -> bool:
        return max(map(len, self.lines)) > _FEW_LETTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row of a section's list, with what is wrong with it."""

    id: UUID
    key: str
    cells: tuple[Cell, ...]
    provenance: str
    uncertain: bool
    problems: tuple[Problem, ...]
    above: UUID | None
    """The row that it would go past on its way up; an order stays in its branch."""
    below: UUID | None


def _section(name: str, title: str, help: str, columns: str) -> Section:
    return Section(name=name, title=title, help=help, columns=tuple(columns.split()))


_ALL: Final = (
    _section(
        "grade_bands",
        "Grade bands",
        "Which count is which grade; every count in exactly one.",
        "label lower_per_ul upper_per_ul",
    ),
    _section(
        "bleeding_rules",
        "Bleeding levels",
        "When findings put a patient at a level; the highest that holds is taken.",
        "level text when",
    ),
    _section(
        "decision_rules",
        "Decision table",
        "Each cell of grade, bleeding, surgery and rapid rise in exactly one row.",
        "grades bleeding_levels urgent_surgery rapid_rise branch decision",
    ),
    _section(
        "branches", "Branches", "What a decision leads to: a bundle of orders.", "code title summary consult"
    ),
    _section(
        ORDERS,
        "Orders of the branches",
        "The lines that a branch proposes, in this order.",
        "kind role timing regimen text when",
    ),
    _section(
        "gates",
        "Gates",
        "Checks before any rule: is the count real, is it immune?",
        "code title when stops text",
    ),
    _section(
        "safety_rules",
        "Safety rules",
        "What patient, lines and product together need: a stop, a warning, a word.",
        "severity text when effects override",
    ),
    _section(
        "override_reasons", "Reasons for passing a finding", "The coded reasons that rules can offer.", "text"
    ),
    _section("extra_orders", "Lines that rules add", "Lines without a dose.", "kind role timing text"),
    _section(
        "regimens",
        "Dosing",
        "How a drug is dosed; the first regimen of a family whose conditions hold.",
        "family title amount unit per cap interval_hours duration_days taper when",
    ),
    _section(
        "weight_policies",
        "Dosing weight",
        "Which weight an immunoglobulin dose multiplies.",
        "title adjusts bmi_threshold adjustment_factor minimum_height_cm",
    ),
    _section(
        "products",
        "Products and rates",
        "The immunoglobulins of the formulary, with their rate steps.",
        "name concentration_percent vials_g rate_steps maximum_ml_per_kg_per_h "
        "at_risk_ml_per_kg_per_h offered",
    ),
    _section(
        "product_preferences", "Which product is better", "Earlier rows count before later ones.", "text when"
    ),
    _section(
        "access_plans",
        "Venous lines",
        "How the arms share the lines; the first row that holds.",
        "title lanes when",
    ),
    _section(
        "procedure_targets",
        "Targets before a procedure",
        "The count a procedure asks for.",
        "label platelets_per_ul text",
    ),
    _section(
        "repeat_rules",
        "Second dose",
        "The earliest second immunoglobulin dose.",
        "branches earliest_hours conditions",
    ),
    _section(
        "screening_items",
        "Before treatment",
        "Samples and checks before the first dose.",
        "title due_text kinds waits_when",
    ),
    _section(
        "monitoring_items",
        "Checklist",
        "What is watched, and when.",
        "title anchor due_minutes window_minutes early_minutes repeats rule",
    ),
    _section(
        "result_rules",
        "What a result asks for",
        "When a result is abnormal, and the action then.",
        "title alert alert_action critical critical_action",
    ),
    _section(
        "parameters", "Response and other numbers", "Named numbers with their unit.", "label value unit"
    ),
    _section(
        "response_points",
        "Expected course",
        "Where counts typically stand after the start; drawn behind a trend.",
        "day median_per_ul lower_per_ul upper_per_ul text",
    ),
    _section(
        "input_limits",
        "Limits of what is entered",
        "Outside the soft limits a value is asked again.",
        "population minimum soft_minimum soft_maximum maximum",
    ),
    _section(
        "plausible_ranges",
        "Plausible numbers",
        "What a number of this version can be at all; a slip lies outside.",
        "quantity subject minimum maximum unit",
    ),
    _section("texts", "Texts", "Passages that clinicians read.", "topic title body"),
    _section(
        "citations", "Sources", "Every row says where it comes from.", "reference provenance confidence"
    ),
    _section(
        "cases", "Cases", "The version's own tests. They run at every save.", "sentence starts_from branch"
    ),
)
SECTIONS: Final[Mapping[str, Section]] = {section.name: section for section in _ALL}


def rows_of_section(section: Section, protocol: Protocol) -> Iterator[tuple[str, Any]]:
    """The rows of one section with their keys; orders after their branch."""
    if section.name == ORDERS:
        for branch in protocol.branches:
            for template in branch.orders:
                yield f"{branch.key}.{template.key}", template
        return
    for row in getattr(protocol, section.name):
        yield key_of(row), row


def ids_of_section(section: Section, version: ProtocolVersion) -> list[UUID]:
    """The stored rows of one section, in the order of `rows_of_section`."""
    order = ("branch__position", "position") if section.name == ORDERS else ("position",)
    rows = section.model._default_manager.filter(protocol_version=version)
    return list(rows.order_by(*order).values_list("pk", flat=True))


def table_of(
    section: Section, version: ProtocolVersion, protocol: Protocol, problems: tuple[Problem, ...]
) -> tuple[tuple[Column, ...], tuple[TableRow, ...]]:
    """The columns and the rows of a section's list."""
    wrong = {key: tuple(group) for key, group in groupby(sorted(problems, key=_key), key=_key)}
    ids = ids_of_section(section, version)
    beside = neighbours(section, protocol, ids)
    rows = tuple(
        TableRow(
            id=row_id,
            key=key,
            cells=tuple(cell_of(getattr(row, name), protocol) for name in section.columns),
            provenance=row.basis.provenance if hasattr(row, "basis") else "",
            uncertain=hasattr(row, "basis") and row.basis.uncertain,
            problems=wrong.get((section.name, key), ()),
            above=beside[row_id][0],
            below=beside[row_id][1],
        )
        for row_id, (key, row) in zip(ids, rows_of_section(section, protocol), strict=True)
    )
    return tuple(Column(label=label_of(name), unit=unit_of(name)) for name in section.columns), rows


def neighbours(
    section: Section, protocol: Protocol, ids: list[UUID]
) -> dict[UUID, tuple[UUID | None, UUID | None]]:
    """The rows above and below each row of a section, with which it can change places."""
    sizes = [len(branch.orders) for branch in protocol.branches] if section.name == ORDERS else [len(ids)]
    rest = iter(ids)
    found: dict[UUID, tuple[UUID | None, UUID | None]] = {}
    for size in sizes:
        group = list(islice(rest, size))
        above, below = [None, *group][:-1], [*group, None][1:]
        found |= {here: (up, down) for here, up, down in zip(group, above, below, strict=True)}
    return found


def cell_of(value: Any, protocol: Protocol) -> Cell:
    """What one field says, in words."""
    if value is None or value == "" or value == ():
        return Cell(lines=("–",))
    if isinstance(value, bool):
        return Cell(lines=("yes" if value else "no",))
    if isinstance(value, int | Decimal):
        return Cell(lines=(format_decimal(value),), is_number=True)
    if isinstance(value, OverridePolicy):
        return Cell(lines=(override_sentence(value, protocol),))
    if isinstance(value, tuple):
        return Cell(lines=_lines(value, protocol))
    return Cell(lines=(str(value).replace("_", " ") if isinstance(value, Enum) else str(value),))


def _lines(values: tuple[Any, ...], protocol: Protocol) -> tuple[str, ...]:
    first = values[0]
    if isinstance(first, tuple) and first and isinstance(first[0], Condition):
        return tuple(alternatives(values))
    if isinstance(first, tuple):
        return tuple(" then ".join(str(each) for each in lane) for lane in values)
    if isinstance(first, Effect):
        return tuple(effect_words(effect, protocol) for effect in values)
    if hasattr(first, "ml_per_kg_per_h"):
        return tuple(f"{format_decimal(step.ml_per_kg_per_h)} for {step.minutes} min" for step in values)
    if hasattr(first, "every_minutes"):
        return tuple(f"every {each.every_minutes} min until {each.until_anchor}" for each in values)
    if is_dataclass(first):
        return tuple(_record(value, protocol) for value in values)
    if isinstance(first, bool):
        return (" or ".join("yes" if each else "no" for each in values),)
    if isinstance(first, Decimal):
        return (" · ".join(format_decimal(each) for each in values),)
    return (", ".join(str(each).replace("_", " ") for each in values),)


def _record(value: Any, protocol: Protocol) -> str:
    """The fields of a part of a row that say something, with their units."""
    said = ((each.name, getattr(value, each.name)) for each in fields(value))
    return " · ".join(
        " ".join(filter(None, (label_of(name), "; or ".join(cell_of(each, protocol).lines), unit_of(name))))
        for name, each in said
        if each not in (None, "", ())
    )


def subject_of(section: Section, row: ContentRow, protocol: Protocol) -> Subject:
    """What the form of a stored row is about."""
    stored = plain_of(row)
    if isinstance(row, OrderTemplate):
        stored["branch"] = row.branch.key
    return _subject(section, protocol, stored)


def new_subject(section: Section, protocol: Protocol, stored: Mapping[str, Any]) -> Subject:
    """What the form of a row is about that is not stored yet."""
    return _subject(section, protocol, dict(stored))


def header_subject(version: ProtocolVersion, protocol: Protocol) -> Subject:
    """What the form of a version's own words is about."""
    names = ("change_note", *HEADER)
    return Subject(
        section="protocol",
        model=ProtocolVersion,
        cls=None,
        names=names,
        protocol=protocol,
        stored={name: getattr(version, name) for name in names},
    )


def _subject(section: Section, protocol: Protocol, stored: dict[str, Any]) -> Subject:
    cls = engine_class(section.model)
    names = tuple(each.name for each in fields(cls) if each.name != ORDERS)
    return Subject(
        section=section.name,
        model=section.model,
        cls=cls,
        names=("branch", *names) if section.name == ORDERS else names,
        protocol=protocol,
        stored=stored,
    )


def row_ids(
    version: ProtocolVersion, problems: tuple[Problem, ...], protocol: Protocol
) -> dict[tuple[str, str], UUID]:
    """Where the rows are that problems name."""
    found: dict[tuple[str, str], UUID] = {}
    for name in {problem.section for problem in problems if problem.key} & set(SECTIONS):
        section = SECTIONS[name]
        keys = [key for key, _ in rows_of_section(section, protocol)]
        found |= {
            (name, key): row_id for key, row_id in zip(keys, ids_of_section(section, version), strict=True)
        }
    return found


def _key(problem: Problem) -> tuple[str, str]:
    return problem.section, problem.key
