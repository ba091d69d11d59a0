"""The shipped protocol as three people have approved it, written again as the rows it was once made of.

Its whole life takes more than a second, and a thousand tests need it over. The first of a process lives it
through the site's own actions; tests/protocols holds what that life has to be.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import DateTimeField, Field, Model

from ivigsite.accounts.models import User
from protocols.models import ProtocolVersion

Row = tuple[Any, ...]
Seen = Callable[[ProtocolVersion], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The people, the version after each step, and all that there was of it in the end."""

    at: datetime
    people: Sequence[Row]
    steps: Sequence[Row]
    rows: Mapping[type[Model], Sequence[Row]]


class Replay:
    """`live` takes a version through its life at a time and shows it after each step."""

    def __init__(self, live: Callable[[datetime, Seen], ProtocolVersion]) -> None:
        self._live = live
        self._life: Life | None = None

    def version(self, at: datetime) -> ProtocolVersion:
        if ProtocolVersion.objects.exists():
            return self._live(at, lambda version: None)
        if self._life is None:
            return self._lived(at)
        return self._written(self._life, at)

    def _lived(self, at: datetime) -> ProtocolVersion:
        people = set(_read(User))
        steps: list[Row] = []
        version = self._live(at, lambda version: steps.extend(_read(ProtocolVersion)))
        rows = {table: _read(table) for table in apps.get_app_config("protocols").get_models()}
        del rows[ProtocolVersion]
        self._life = Life(
            at=at, people=[row for row in _read(User) if row not in people], steps=steps, rows=rows
        )
        return version

    @staticmethod
    def _written(life: Life, at: datetime) -> ProtocolVersion:
        draft, *later = _moved(ProtocolVersion, life.steps, life.at, at)
        _insert(User, life.people)
        # Content is added to a draft alone.
        _insert(ProtocolVersion, [draft])
        for table, rows in life.rows.items():
            _insert(table, _moved(table, rows, life.at, at))
        for row in later:
            _update(ProtocolVersion, row)
        return ProtocolVersion.objects.get()


def _read(table: type[Model]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_names(table)} FROM {_quoted(table._meta.db_table)}")
        return list(cursor.fetchall())


def _insert(table: type[Model], rows: Sequence[Row]) -> None:
    if not rows:
        return
    places = f"({', '.join(['%s'] * len(rows[0]))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_quoted(table._meta.db_table)} ({_names(table)}) "
            f"VALUES {', '.join([places] * len(rows))}",
            [value for row in rows for value in row],
        )


def _update(table: type[Model], row: Row) -> None:
    values = ", ".join(f"{_quoted(field.column)} = %s" for field in _columns(table))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {_quoted(table._meta.db_table)} SET {values}", row)


def _moved(table: type[Model], rows: Sequence[Row], before: datetime, after: datetime) -> Sequence[Row]:
    """The rows with each of their times that stood at one moment standing at another."""
    times = [place for place, field in enumerate(_columns(table)) if isinstance(field, DateTimeField)]
    if not times:
        return rows
    # SQLite gives and takes times without a zone.
    old, new = (before.astimezone(UTC).replace(tzinfo=None), connection.ops.adapt_datetimefield_value(after))
    moved = [list(row) for row in rows]
    for row in moved:
        for place in times:
            if row[place] in (old, before):
                row[place] = new
    return [tuple(row) for row in moved]


def _columns(table: type[Model]) -> Sequence["Field[Any, Any]"]:
    return table._meta.concrete_fields


def _names(table: type[Model]) -> str:
    return ", ".join(_quoted(field.column) for field in _columns(table))


def _quoted(name: str | None) -> str:
    assert name, "a field without a column has nothing to be written to"
    return connection.ops.quote_name(name)
