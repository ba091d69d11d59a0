"""Edits of a draft as the workspace makes them: one transaction each, with the audit row that says who."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max

from ivigsite.accounts.models import User
from ivigsite.audit.actions import record
from ivigsite.revisions.row_form import Plain
from ivigsite.revisions.sections import Section
from protocols import actions
from protocols.mapping import set_plain
from protocols.models import Branch, ContentRow, OrderTemplate, ProtocolVersion


class KeyTaken(Exception):
    """Another row of the section has this key."""


def add_row(
    *, section: Section, version: ProtocolVersion, plain: Plain, by: User, at: datetime
) -> ContentRow:
    """Store a new row at the end of its list. Raises `KeyTaken` and what `save_row` raises."""
    rows = section.model._default_manager.filter(protocol_version=version)
    last = rows.aggregate(last=Max("position"))["last"]
    row = section.model(protocol_version=version, position=0 if last is None else last + 1)
    return change_row(row=row, seen=version.version, plain=plain, by=by, at=at)


def change_row(*, row: ContentRow, seen: int, plain: Plain, by: User, at: datetime) -> ContentRow:
    """Let a row say something else. Raises `KeyTaken` and what `save_row` raises."""
    said = dict(plain)
    if isinstance(row, OrderTemplate):
        row.branch = Branch.objects.get(protocol_version_id=row.protocol_version_id, key=said.pop("branch"))
    set_plain(row, said)
    try:
        with transaction.atomic():
            actions.save_row(row=row, seen=seen, by=by, at=at)
            _record("saved", row, by, at)
    except IntegrityError as error:
        raise KeyTaken(f"Another row is called {row}.") from error
    return row


@transaction.atomic
def take_row_away(*, row: ContentRow, seen: int, by: User, at: datetime) -> None:
    """Remove a row. Raises what `remove_row` raises."""
    _record("removed", row, by, at)
    actions.remove_row(row=row, seen=seen, by=by, at=at)


@transaction.atomic
def move_past(*, row: ContentRow, neighbour: ContentRow, seen: int, by: User, at: datetime) -> None:
    """Let a row stand on the other side of the one beside it. Raises what `exchange_rows` raises."""
    actions.exchange_rows(row=row, other=neighbour, seen=seen, by=by, at=at)
    _record("moved", row, by, at)


@transaction.atomic
def change_header(*, version: ProtocolVersion, plain: Plain, by: User, at: datetime) -> ProtocolVersion:
    """Change what a draft says of itself. Raises what `save_draft` raises."""
    for name, value in plain.items():
        setattr(version, name, value)
    saved = actions.save_draft(version=version, by=by, at=at)
    record(action="protocol.header_saved", by=by, at=at, object_id=version.pk, details={})
    return saved


def _record(verb: str, row: ContentRow, by: User, at: datetime) -> None:
    record(
        action=f"protocol.row_{verb}",
        by=by,
        at=at,
        object_id=row.protocol_version_id,
        details={"table": str(row._meta.verbose_name), "row": str(row)},
    )
