"""What stands on every page: whose sheet it is, whether it is in force, which copy of which order it is."""

from dataclasses import dataclass

from .content import SheetContent, digest
from .states import Copy, Draft, Expired, PrintEvent, SheetState, Signed, Superseded, Void
from .wording import (
    format_birth,
    format_date,
    format_moment,
    format_moment_with_offset,
    format_name,
    format_record_number,
)

DEMO_WORDS = "DEMO – FICTIONAL PATIENT – NOT FOR CARE"
WITHDRAWN_WORDS = "PROTOCOL WITHDRAWN – ASK THE PRESCRIBER BEFORE YOU GO ON"
DRAFT_WORDS = "DRAFT – NOT VALID FOR ADMINISTRATION"
VOID_RULE = "Void when superseded. Check the code or order list before use."


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence around a moment, which may not part at the end of a line."""

    before: str
    moment: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        return f"{self.before} {self.moment}{self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Furniture:
    """The texts of the running header and footer, the words across the page, and the code of the order."""

    name: str
    birth: str
    gender: str
    record_number: str
    notices: tuple[Notice, ...]
    watermark: tuple[str, ...]
    footer: tuple[str, ...]
    """As `_footer_lines.html` sets them; measured here, because dates there may not part."""
    code: str

    @property
    def identity(self) -> str:
        return f"{self.name}   {self.birth}   {self.gender}   {self.record_number}"


def furnish(content: SheetContent, state: SheetState, event: PrintEvent) -> Furniture:
    patient, protocol = content.patient, content.protocol
    printed = format_moment_with_offset(event.printed_at, content.time_zone)
    demo = (Notice(DEMO_WORDS),) if content.is_demo else ()
    withdrawn = (Notice(WITHDRAWN_WORDS),) if event.is_protocol_withdrawn else ()
    order = f"Order {content.order_id}, version {content.version}"
    approved = f"approved {format_date(protocol.approved_on)}"
    return Furniture(
        name=format_name(patient.family_name, patient.given_name, patient.title),
        birth=format_birth(patient.born_on, patient.age_years),
        gender=patient.gender,
        record_number=f"{patient.record_number_label} {format_record_number(patient.record_number)}",
        notices=demo + withdrawn + _state_notices(content, state, event),
        watermark=_watermark(content, state),
        footer=(
            f"{content.title}. {content.population}. {protocol.name}, version {protocol.version}, {approved}",
            f"{order}. Page 00 of 00. Printed {printed} by {event.printed_by}, copy {event.copy_number}",
            void_rule(event),
        ),
        code="" if isinstance(state, Draft) else scanned_text(content, event),
    )


def code_text(content: SheetContent) -> str:
    """What the QR code says: order, version, start of the digest; nothing of the patient, no key."""
    return f"{content.order_id}.{content.version}.{digest(content)[:16]}".upper()


def scanned_text(content: SheetContent, event: PrintEvent) -> str:
    """The code, and before it where to ask; in capitals, which take fewer squares, and hosts do not mind."""
    return (
        f"{event.status_address.upper()}/S/{code_text(content)}"
        if event.status_address
        else code_text(content)
    )


def void_rule(event: PrintEvent) -> str:
    _, _, host = event.status_address.partition("://")
    return f"{VOID_RULE} Status: {host}/s" if host else VOID_RULE


def _state_notices(content: SheetContent, state: SheetState, event: PrintEvent) -> tuple[Notice, ...]:
    match state:
        case Draft():
            return (Notice(DRAFT_WORDS),)
        case Signed():
            return ()
        case Copy():
            words = f"COPY {event.copy_number} of order {content.order_id}, first printed"
            return (Notice(words, format_moment(state.first_printed_at, content.time_zone)),)
        case Superseded():
            words = f"SUPERSEDED by order {state.by_order}, {state.by},"
            return (Notice(words, format_moment(state.at, content.time_zone)),)
        case Void():
            reason = f". Reason: {state.reason}"
            return (
                Notice(f"VOID: cancelled by {state.by},", format_moment(state.at, content.time_zone), reason),
            )
        case Expired():
            warning = ". Do not start anything on this sheet."
            return (Notice("EXPIRED", format_moment(state.at, content.time_zone), warning),)


def _watermark(content: SheetContent, state: SheetState) -> tuple[str, ...]:
    words: tuple[str, ...]
    match state:
        case Draft():
            words = ("DRAFT", "NOT VALID FOR ADMINISTRATION")
        case Signed() | Copy():
            words = ()
        case Superseded():
            words = ("SUPERSEDED",)
        case Void():
            words = ("VOID",)
        case Expired():
            words = ("EXPIRED",)
    return words + (("DEMO",) if content.is_demo else ())
