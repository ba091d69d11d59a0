"""Database triggers for records of the past, as operations for a migration."""

from collections.abc import Callable

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunPython
from django.db.migrations.state import StateApps

_CHANGES = {"update": "UPDATE", "delete": "DELETE"}


def append_only(table: str) -> RunPython:
    """Refuse every change and removal of the rows of a table, raw SQL included."""
    return frozen_when(table, "1 = 1")


def frozen_when(table: str, condition: str) -> RunPython:
    """Refuse change and removal of rows where the condition holds, such as OLD.signed_at IS NOT NULL."""
    return RunPython(_install(table, condition), _remove(table))


def _install(table: str, condition: str) -> Callable[[StateApps, BaseDatabaseSchemaEditor], None]:
    def install(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        statements = _POSTGRESQL if schema_editor.connection.vendor == "postgresql" else _SQLITE
        for suffix, change in _CHANGES.items():
            for statement in statements:
                name = f"{table}_no_{suffix}"
                sql = statement.format(name=name, table=table, change=change, condition=condition)
                # None, so that a per cent sign in the text is not taken for a placeholder.
                schema_editor.execute(sql, None)
        if schema_editor.connection.vendor == "postgresql":
            # TRUNCATE fires no row trigger, and empties the table all the same.
            schema_editor.execute(
                f'CREATE TRIGGER "{table}_no_truncate" BEFORE TRUNCATE ON "{table}" '
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
                None,
            )

    return install


def _remove(table: str) -> Callable[[StateApps, BaseDatabaseSchemaEditor], None]:
    def remove(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        on_table = f' ON "{table}"' if schema_editor.connection.vendor == "postgresql" else ""
        for suffix in (*_CHANGES, "truncate"):
            schema_editor.execute(f'DROP TRIGGER IF EXISTS "{table}_no_{suffix}"{on_table}', None)

    return remove


_SQLITE = [
    """CREATE TRIGGER "{name}" BEFORE {change} ON "{table}" WHEN {condition}
    BEGIN SELECT RAISE(ABORT, 'rows of {table} do not change'); END""",
]

_POSTGRESQL = [
    """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'rows of % do not change', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END $$""",
    """CREATE TRIGGER "{name}" BEFORE {change} ON "{table}" FOR EACH ROW WHEN ({condition})
    EXECUTE FUNCTION refuse_change()""",
]
