"""Rows to engine values and back: the only crossing. Tables and columns have the engine's own names."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from decimal import Decimal
from functools import cache
from typing import Any, Final, get_args, get_type_hints

import orjson
from django.db.models import DecimalField, UUIDField

from protocols import models
from protocols.engine import protocol as engine
from protocols.engine.plain import decimal_text, from_plain, to_plain
from protocols.engine.protocol import Protocol
from protocols.models import ContentRow, OrderTemplate, ProtocolVersion
from protocols.prepared import Prepared, Told

Plain = dict[str, Any]

HINTS: Final = get_type_hints(Protocol)
NAMES: Final = tuple(f.name for f in fields(Protocol) if f.init)
ROWS: Final[Mapping[str, type[ContentRow]]] = {
    name: getattr(models, get_args(HINTS[name])[0].__name__) for name in NAMES if HINTS[name] is not str
}
SCALARS: Final = tuple(name for name in NAMES if name not in ROWS)
BASIS: Final = tuple(f.name for f in fields(engine.Basis))

# Sealed content does not change, so a value once checked stays right for as long as the process lives.
_sealed: Final[dict[tuple[Any, str], Protocol]] = {}
# What plain content of this seal is as a value: the same for every version that says the same.
_values: Final[dict[str, Protocol]] = {}


class SealBroken(Exception):
    """The content of a submitted version is not what was submitted; nothing may be computed from it."""


def load_protocol_value(version: ProtocolVersion) -> Protocol:
    """Return what the version says; a submitted one is checked against its seal, and kept once it agrees."""
    if version.is_draft:
        return read_rows(version)
    kept = _sealed.get((version.pk, version.seal))
    if kept is None:
        kept = _sealed[version.pk, version.seal] = check_seal(version)
    return kept


def check_seal(version: ProtocolVersion) -> Protocol:
    """Read the rows of a submitted version, whatever was kept of them, and compare them with the seal."""
    content = _read_plain(version)
    # Compared before anything is made of it, which also spares turning the value into plain data again.
    if seal_of(content) != version.seal:
        raise SealBroken(f"{version}: the rows say something else than what was submitted")
    if version.seal not in _values:
        _values[version.seal] = from_plain(Protocol, content)
    return _values[version.seal]


def seal_of(content: Plain) -> str:
    """The seal that `plain.seal` gives the value of this plain content; its text is written faster here."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_rows(version: ProtocolVersion) -> Protocol:
    """Read a version without asking for its seal; rows that make no value raise `PlainError`."""
    return from_plain(Protocol, _read_plain(version))


def _read_plain(version: ProtocolVersion) -> Plain:
    """One query a table."""
    content: Plain = {name: getattr(version, name) for name in SCALARS}
    for name, model in ROWS.items():
        content[name] = [plain_row(model, row) for row in stored(model).rows(version=version.pk)]
    _add_orders(content["branches"], version)
    return content


def write_rows(version: ProtocolVersion, protocol: Protocol) -> None:
    """Write every row of the value under a version that has none."""
    content = to_plain(protocol)
    for name, model in ROWS.items():
        if model is models.Branch:
            _write_branches(version, content[name])
        else:
            model._default_manager.bulk_create(_rows(model, version, content[name]))


def plain_row(model: type[ContentRow], row: Mapping[str, Any]) -> Plain:
    """Turn the columns of one row into the plain data of its engine value."""
    decimals = _decimal_columns(model)
    plain: Plain = {
        name: decimal_text(value) if name in decimals and value is not None else value
        for name, value in row.items()
    }
    if _has_basis(model):
        plain["basis"] = {name: plain.pop(name) for name in BASIS}
    return plain


def plain_of(row: ContentRow) -> Plain:
    """Return what a stored row says, as the plain data of its engine value; a branch without its orders."""
    model = type(row)
    return plain_row(model, {name: getattr(row, name) for name in row_columns(model)})


def set_plain(row: ContentRow, plain: Plain) -> None:
    """Let a row say this, in memory; `plain` as the engine would write it. Raises `PlainError`."""
    model = type(row)
    orders: Plain = {"orders": []} if model is models.Branch else {}
    read = to_plain(from_plain(engine_class(model), {**plain, **orders}))
    for name in orders:
        del read[name]
    for name, value in {**read.pop("basis", {}), **_decimals(model, read)}.items():
        setattr(row, name, value)


@cache
def row_columns(model: type[ContentRow]) -> tuple[str, ...]:
    """Return the columns that make the engine value of one row, its basis included."""
    names = tuple(f.name for f in fields(engine_class(model)) if f.name not in ("basis", "orders"))
    return (*names, *BASIS) if _has_basis(model) else names


def engine_class(model: type[ContentRow]) -> type:
    """Return the class that a row of this table is in the engine."""
    found: type = getattr(engine, model.__name__)
    return found


def _add_orders(branches: list[Plain], version: ProtocolVersion) -> None:
    orders = defaultdict(list)
    for row in stored(OrderTemplate, "branch__key").rows(version=version.pk):
        orders[row.pop("branch__key")].append(plain_row(OrderTemplate, row))
    for branch in branches:
        branch["orders"] = orders[branch["key"]]


def _write_branches(version: ProtocolVersion, branches: Iterable[Plain]) -> None:
    orders = []
    plain_branches = []
    for branch in branches:
        orders.append(branch.pop("orders"))
        plain_branches.append(branch)
    rows = models.Branch.objects.bulk_create(_rows(models.Branch, version, plain_branches))
    OrderTemplate.objects.bulk_create(
        order
        for branch, of_branch in zip(rows, orders, strict=True)
        for order in _rows(OrderTemplate, version, of_branch, branch=branch)
    )


def _rows(
    model: type[ContentRow],
    version: ProtocolVersion,
    content: Iterable[Plain],
    **parent: Any,
) -> list[Any]:
    return [
        model(
            protocol_version=version,
            position=position,
            **parent,
            **plain.pop("basis", {}),
            **_decimals(model, plain),
        )
        for position, plain in enumerate(content)
    ]


def _decimals(model: type[ContentRow], plain: Plain) -> Plain:
    decimals = _decimal_columns(model)
    return {
        name: Decimal(value) if name in decimals and value is not None else value
        for name, value in plain.items()
    }


@cache
def stored(model: type[ContentRow], *beside: str) -> Prepared:
    """The rows of a table in a version, as the columns of their engine value and those beside them."""
    of_version = model._default_manager.filter(protocol_version=Told("version", UUIDField()))
    return Prepared(of_version.order_by("position").values(*beside, *row_columns(model)))


@cache
def _has_basis(model: type[ContentRow]) -> bool:
    return any(f.name == "basis" for f in fields(engine_class(model)))


@cache
def _decimal_columns(model: type[ContentRow]) -> frozenset[str]:
    return frozenset(f.name for f in model._meta.get_fields() if isinstance(f, DecimalField))
