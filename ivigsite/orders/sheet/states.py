"""What has become of an order set by the time its sheet is printed, and the printing itself."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Paper(StrEnum):
    A4 = "A4"
    LETTER = "letter"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintEvent:
    """Who printed which copy, and when; every date in the file comes from here."""

    printed_at: datetime
    printed_by: str
    copy_number: int
    status_address: str = ""
    """Where the code leads, such as https://ivig.hospital.example; empty: the code is text alone."""
    is_protocol_withdrawn: bool = False
    """Whether the protocol version behind the order set was out of use by then."""
    label_mm: tuple[int, ...] = ()
    """Width and height of the site's label; empty for a sheet."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Not signed: shown for checking, never to be acted on."""


@dataclass(frozen=True, slots=True)
class Signed:
    """In force, first print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """In force, printed again."""

    first_printed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    by_order: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    at: datetime


SheetState = Draft | Signed | Copy | Superseded | Void | Expired
