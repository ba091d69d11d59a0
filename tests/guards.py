"""Lets the database be emptied between tests that commit, though its triggers give up no row."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection


@pytest.fixture(autouse=True, scope="session")
def emptying_lifts_guards() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    operations = type(connection.ops)
    lifted = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}[connection.vendor]
    # Once, though more than one conftest may ask for it.
    if operations.sql_flush.__name__ != "lifted":
        patch.setattr(operations, "sql_flush", lifted(operations.sql_flush))
    yield
    patch.undo()


def _on_sqlite(sql_flush: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def lifted(self: object, *args: object, **options: object) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers: dict[str, str] = dict(cursor.fetchall())
        drop = [f'DROP TRIGGER "{name}"' for name in triggers]
        return [*drop, *sql_flush(self, *args, **options), *triggers.values()]

    return lifted


def _on_postgresql(sql_flush: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def lifted(self: object, style: object, tables: list[str], **options: object) -> list[str]:
        off = [f'ALTER TABLE "{table}" DISABLE TRIGGER USER' for table in tables]
        on = [f'ALTER TABLE "{table}" ENABLE TRIGGER USER' for table in tables]
        return [*off, *sql_flush(self, style, tables, **options), *on]

    return lifted
