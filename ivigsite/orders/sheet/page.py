"""What the templates of a sheet are filled with, for paper and for a browser."""

from typing import Any, Final

from .content import SheetContent
from .documents import DOCUMENTS, Document
from .furniture import furnish, void_rule
from .states import Draft, PrintEvent, SheetState

ISSUE_ROLES: Final = ("Collected by", "Received on the ward")


def values_of(
    document: Document, content: SheetContent, state: SheetState, event: PrintEvent
) -> dict[str, Any]:
    return {
        "sheet": content,
        "zone": content.time_zone,
        "document": document.value,
        "kind": DOCUMENTS[document],
        "is_draft": isinstance(state, Draft),
        "event": event,
        "furniture": furnish(content, state, event),
        "void_rule": void_rule(event),
        "issue_roles": ISSUE_ROLES,
    }
