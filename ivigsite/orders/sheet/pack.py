"""What is on the paper for hours without the site: everything in words, worked out before it comes here."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from .content import to_plain
from .states import Paper


class TableKind(StrEnum):
    """How a table is set: which columns are wide."""

    WORDS = "words"
    DOSES = "doses"
    FIGURES = "figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackVersion:
    """Which version the paper says, and until when it may be used."""

    title: str
    population: str
    number: str
    seal: str
    state: str
    approved_by: str
    approved_on: date
    review_status: str
    limits_of_use: str
    time_zone: str
    made_at: datetime
    expires_at: datetime
    is_demo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """One case of the decision grid: the code of its form, or why there is none."""

    code: str
    words: str
    consult: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    level: str
    cells: tuple[GridCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridGrade:
    """The part of the decision grid for one grade."""

    label: str
    rows: tuple[GridRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormDose:
    """One way to dose a line: what is fixed stands there, what hangs on the patient is left to write."""

    title: str
    drug: str
    basis: str
    """Such as `1 g per kg dosing weight, at most 80 mg`."""
    fixed: str
    """The whole dose where it is the same for everybody; empty where a weight is needed."""
    unit: str
    course: str
    rate: str
    instructions: tuple[str, ...]
    label: tuple[str, ...]
    """What to write down of the label of what was given; nothing where nobody recalls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLine:
    role: str
    text: str
    condition: str
    doses: tuple[FormDose, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderForm:
    """The blank order form of one branch."""

    code: str
    title: str
    summary: str
    consult: str
    targets: tuple[str, ...]
    stop_rule: str
    lines: tuple[FormLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    cells: tuple[str, ...]
    """The first one is the head of the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    title: str
    lead: str
    heads: tuple[str, ...]
    rows: tuple[TableRow, ...]
    kind: TableKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    title: str
    lead: tuple[str, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Everything of one approved version that can be done by hand."""

    version: PackVersion
    columns: tuple[str, ...]
    grid: tuple[GridGrade, ...]
    forms: tuple[OrderForm, ...]
    sections: tuple[Section, ...]
    countersignatures: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def least_pages(self) -> int:
        """The cover, the grid and the sources, and each form and section, begin a page of their own."""
        return 3 + len(self.forms) + len(self.sections)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveLine:
    """One line of an order set, its start apart, because a date must not part at the end of a line."""

    text: str
    start: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveOrder:
    """One order set in force, as far as the next hours need it."""

    code: str
    number: int
    patient: str
    birth: str
    record_number: str
    bed: str
    allergies: str
    lines: tuple[ActiveLine, ...]
    signed_by: str
    signed_at: datetime
    valid_until: datetime
    warning: str
    """Why the paper may be followed no more, such as a version withdrawn since; empty where it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveOrders:
    """The signed orders in force on one ward at a moment."""

    ward: str
    time_zone: str
    made_at: datetime
    is_demo: bool
    orders: tuple[ActiveOrder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormsJob:
    """A request for the file of one version."""

    content: Pack
    paper: Paper


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveOrdersJob:
    """A request for the list of one ward."""

    content: ActiveOrders
    paper: Paper


def canonical(content: Pack | ActiveOrders) -> bytes:
    """The one byte string that stands for the content of a file."""
    return json.dumps(to_plain(content), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def digest(content: Pack | ActiveOrders) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()
