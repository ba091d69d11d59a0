"""Database triggers for records of the past, as operations for a migration."""

from collections.abc import Callable

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from protocols.triggers import RunTriggers

_CHANGES = {"update": "UPDATE", "delete": "DELETE"}
_GUARDS = (*_CHANGES, "truncate", "replace")


def append_only(table: str) -> RunTriggers:
    """Refuse every change and removal of the rows of a table, raw SQL included."""
    return frozen_when(table, "1 = 1")


def lift_append_only(table: str) -> RunTriggers:
    """Take the triggers off before a migration changes the table; `append_only` puts them back after it."""
    return RunTriggers(_remove(table), _install(table, "1 = 1"))


def frozen_when(table: str, condition: str) -> RunTriggers:
    """Refuse change and removal of rows where the condition holds, such as OLD.signed_at IS NOT NULL."""
    return RunTriggers(_install(table, condition), _remove(table))


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
        else:
            # INSERT OR REPLACE removes the row in its way without asking a trigger of DELETE.
            taken = _taken(schema_editor, table)
            sql = _SQLITE_REPLACE.format(table=table, condition=condition, taken=taken)
            schema_editor.execute(sql, None)

    return install


def _remove(table: str) -> Callable[[StateApps, BaseDatabaseSchemaEditor], None]:
    def remove(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        on_table = f' ON "{table}"' if schema_editor.connection.vendor == "postgresql" else ""
        for suffix in _GUARDS:
            schema_editor.execute(f'DROP TRIGGER IF EXISTS "{table}_no_{suffix}"{on_table}', None)

    return remove


def _taken(schema_editor: BaseDatabaseSchemaEditor, table: str) -> str:
    """What holds for a row that a new one would push out: it has the same value where no two may."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_info('{table}')")
        keys = [[name] for _, name, _, _, _, key_position in cursor.fetchall() if key_position]
        cursor.execute(f"PRAGMA index_list('{table}')")
        for _, index, is_unique, _, is_partial in cursor.fetchall():
            if is_unique and not is_partial:
                cursor.execute(f"PRAGMA index_info('{index}')")
                keys.append([name for _, _, name in cursor.fetchall()])
    same = (" AND ".join(f'OLD."{name}" = NEW."{name}"' for name in key) for key in keys)
    return " OR ".join(f"({each})" for each in same) or "0"


_SQLITE = [
    """CREATE TRIGGER "{name}" BEFORE {change} ON "{table}" WHEN {condition}
    BEGIN SELECT RAISE(ABORT, 'rows of {table} do not change'); END""",
]

_SQLITE_REPLACE = """CREATE TRIGGER "{table}_no_replace" BEFORE INSERT ON "{table}"
WHEN EXISTS (SELECT 1 FROM "{table}" AS OLD WHERE ({taken}) AND ({condition}))
BEGIN SELECT RAISE(ABORT, 'rows of {table} do not change'); END"""

_POSTGRESQL = [
    """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'rows of % do not change', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END $$""",
    """CREATE TRIGGER "{name}" BEFORE {change} ON "{table}" FOR EACH ROW WHEN ({condition})
    EXECUTE FUNCTION refuse_change()""",
]
