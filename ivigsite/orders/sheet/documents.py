"""The files that are made from one stored content, each for another pair of hands."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Document(StrEnum):
    ORDER_SET = "order_set"
    NURSE_CHART = "nurse_chart"
    ISSUE_SHEET = "issue_sheet"
    HANDOVER_CARD = "handover_card"
    CHECKLIST = "checklist"
    CANCEL_NOTICE = "cancel_notice"
    ADDITIVE_LABEL = "additive_label"
    PATIENT_LABEL = "patient_label"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentKind:
    title: str
    """On the pages of the site."""
    heading: str
    """Above the order set's own title on paper, and its first words as a file's title."""
    reader: str
    body: str
    """The template of what stands below the patient."""
    end: str
    """The last words, below which nothing stands."""
    most_pages: int
    """What an order set of the shipped protocol may take, in an emergency too in which nothing was asked.

    Forty lines or the longest names take more.
    """

    @property
    def file_name(self) -> str:
        return f"{self.heading.lower().replace(' ', '-')}.pdf"


DOCUMENTS: Final[Mapping[Document, DocumentKind]] = MappingProxyType(
    {
        Document.ORDER_SET: DocumentKind(
            title="Physician order set",
            heading="ORDER SET",
            reader="for the notes",
            body="sheet/_order_set.html",
            end="No further orders",
            most_pages=4,
        ),
        Document.NURSE_CHART: DocumentKind(
            title="Nurse infusion and observation chart",
            heading="INFUSION AND OBSERVATION CHART",
            reader="for the bedside",
            body="sheet/_nurse_chart.html",
            end="End of chart",
            most_pages=4,
        ),
        Document.ISSUE_SHEET: DocumentKind(
            title="Pharmacy and blood bank issue sheet",
            heading="ISSUE SHEET",
            reader="for pharmacy and blood bank",
            body="sheet/_issue_sheet.html",
            end="End of issue sheet",
            most_pages=2,
        ),
        Document.HANDOVER_CARD: DocumentKind(
            title="Handover card",
            heading="HANDOVER CARD",
            reader="for whoever takes over",
            body="sheet/_handover_card.html",
            end="End of card",
            most_pages=1,
        ),
        Document.CHECKLIST: DocumentKind(
            title="Monitoring checklist",
            heading="MONITORING CHECKLIST",
            reader="for what falls due",
            body="sheet/_checklist.html",
            end="End of checklist",
            most_pages=3,
        ),
        Document.CANCEL_NOTICE: DocumentKind(
            title="Cancel notice",
            heading="CANCEL NOTICE",
            reader="for the notes, once an order set is void or superseded",
            body="sheet/_cancel_notice.html",
            end="End of notice",
            most_pages=1,
        ),
        Document.ADDITIVE_LABEL: DocumentKind(
            title="Infusion additive labels",
            heading="ADDITIVE LABEL",
            reader="for each bottle or bag",
            body="sheet/_additive_label.html",
            end="",
            most_pages=24,
        ),
        Document.PATIENT_LABEL: DocumentKind(
            title="Patient label",
            heading="PATIENT LABEL",
            reader="for samples and forms",
            body="sheet/_patient_label.html",
            end="",
            most_pages=1,
        ),
    }
)
ROLE_SHEETS: Final = (
    Document.ORDER_SET,
    Document.NURSE_CHART,
    Document.ISSUE_SHEET,
    Document.HANDOVER_CARD,
    Document.CHECKLIST,
)
"""What every signed order set is printed as."""
LABELS: Final = (Document.ADDITIVE_LABEL, Document.PATIENT_LABEL)
"""On paper of a size of the site's own, and only while the order set holds."""
