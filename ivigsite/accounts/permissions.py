"""What each role may do, and how a view says what it needs."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from ivigsite.accounts.roles import Role

View = TypeVar("View", bound=Callable[..., object])


class Permission(StrEnum):
    VIEW_PATIENTS = "view_patients"
    EDIT_ENCOUNTERS = "edit_encounters"
    RECORD_RESULTS = "record_results"
    SIGN_ORDERS = "sign_orders"
    PRINT_ORDERS = "print_orders"
    RECALL_LOTS = "recall_lots"
    WRITE_DOWNTIME = "write_downtime"
    READ_PROTOCOL = "read_protocol"
    AUTHOR_PROTOCOL = "author_protocol"
    REVIEW_PROTOCOL = "review_protocol"
    APPROVE_PROTOCOL = "approve_protocol"
    WITHDRAW_PROTOCOL = "withdraw_protocol"
    USE_ADMIN_SITE = "use_admin_site"
    MANAGE_USERS = "manage_users"
    VIEW_AUDIT = "view_audit"


class Access(StrEnum):
    """What a view may ask for instead of a permission."""

    ANYONE = "anyone"
    SIGNED_IN = "signed_in"


_BEDSIDE = frozenset({Permission.VIEW_PATIENTS, Permission.PRINT_ORDERS, Permission.READ_PROTOCOL})
_AT_THE_BEDSIDE = _BEDSIDE | {Permission.RECORD_RESULTS}
_PRESCRIBER = _AT_THE_BEDSIDE | {
    Permission.EDIT_ENCOUNTERS,
    Permission.SIGN_ORDERS,
    Permission.WRITE_DOWNTIME,
}
_PROTOCOL_STAFF = frozenset({Permission.READ_PROTOCOL, Permission.USE_ADMIN_SITE})

ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.PHYSICIAN: _PRESCRIBER,
        Role.HAEMATOLOGIST: _PRESCRIBER | {Permission.RECALL_LOTS},
        Role.NURSE: _AT_THE_BEDSIDE,
        Role.PHARMACIST: _BEDSIDE | {Permission.RECALL_LOTS, Permission.WRITE_DOWNTIME},
        Role.PROTOCOL_AUTHOR: _PROTOCOL_STAFF | {Permission.AUTHOR_PROTOCOL},
        Role.PROTOCOL_REVIEWER: _PROTOCOL_STAFF | {Permission.REVIEW_PROTOCOL},
        Role.PROTOCOL_APPROVER: _PROTOCOL_STAFF | {Permission.APPROVE_PROTOCOL, Permission.WITHDRAW_PROTOCOL},
        Role.ADMIN: _PROTOCOL_STAFF
        | {
            Permission.MANAGE_USERS,
            Permission.VIEW_AUDIT,
            Permission.WRITE_DOWNTIME,
            Permission.WITHDRAW_PROTOCOL,
        },
    }
)

# Views that are not ours cannot carry a mark of ours; each such URL namespace is listed here instead.
NAMESPACE_NEEDS: Mapping[str, Permission] = MappingProxyType({"admin": Permission.USE_ADMIN_SITE})


def allow(permission: Permission) -> Callable[[View], View]:
    """Let in the signed-in people whose role has this permission."""
    return _mark(permission)


def allow_signed_in(view: View) -> View:
    """Let in everybody who has signed in."""
    return _mark(Access.SIGNED_IN)(view)


def allow_anyone(view: View) -> View:
    """Let in people who have not signed in."""
    return _mark(Access.ANYONE)(view)


def never_extends_session(view: View) -> View:
    """Keep requests for this view from counting as the person's own activity."""
    view.never_extends_session = True  # type: ignore[attr-defined]
    return view


def need_of(view: Callable[..., object], namespace: str) -> Permission | Access | None:
    """Return what a view asks for; None means that nobody has said, and nobody gets in."""
    declared: Permission | Access | None = getattr(view, "need", None)
    return declared or NAMESPACE_NEEDS.get(namespace)


def _mark(need: Permission | Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.need = need  # type: ignore[attr-defined]
        return view

    return mark
