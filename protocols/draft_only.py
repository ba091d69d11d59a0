"""Database triggers that freeze a protocol version step by step, as operations for a migration."""

from collections.abc import Callable, Iterable, Mapping

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from protocols.triggers import RunTriggers

VERSIONS = "protocols_protocolversion"

Run = Callable[[StateApps, BaseDatabaseSchemaEditor], None]


def draft_content(tables: Iterable[str]) -> RunTriggers:
    """Refuse new, changed and removed rows in these tables unless their version is a draft."""
    guarded = tuple(tables)
    return RunTriggers(_install_content(guarded), _drop_content(guarded))


def draft_content_lifted(tables: Iterable[str]) -> RunTriggers:
    """Take the guards of `draft_content` away before a table is made anew; it needs them again after that."""
    guarded = tuple(tables)
    return RunTriggers(_drop_content(guarded), _install_content(guarded))


def _install_content(guarded: tuple[str, ...]) -> Run:
    def install(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute(_POSTGRESQL_REQUIRE_DRAFT, None)
        for table in guarded:
            for statement in _content_statements(table, editor.connection.vendor):
                # None, so that a per cent sign is not taken for a placeholder.
                editor.execute(statement, None)

    return install


def versions_move(moves: Iterable[tuple[str, str]]) -> RunTriggers:
    """Let a version begin as a draft only, move as listed only, and never disappear once submitted."""
    listed = ", ".join(f"'{before}>{after}'" for before, after in sorted(moves))
    return _version_guards(
        {
            "begins": ("INSERT", "NEW.state <> 'draft'"),
            "stays": ("DELETE", "OLD.state <> 'draft'"),
            "moves": (
                "UPDATE",
                f"NEW.state <> OLD.state AND (OLD.state || '>' || NEW.state) NOT IN ({listed})",
            ),
        }
    )


def versions_keep(name: str, *, states: Iterable[str], columns: Iterable[str]) -> RunTriggers:
    """Refuse a change of these columns once a version is in one of these states."""
    listed = ", ".join(f"'{state}'" for state in states)
    changed = " OR ".join(f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in columns)
    return _version_guards({name: ("UPDATE", f"OLD.state IN ({listed}) AND ({changed})")})


def versions_keep_unless(
    name: str, *, states: Iterable[str], columns: Iterable[str], moving_to: str
) -> RunTriggers:
    """As `versions_keep`, but for the one move that gives the columns up."""
    listed = ", ".join(f"'{state}'" for state in states)
    changed = " OR ".join(f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in columns)
    return _version_guards(
        {name: ("UPDATE", f"OLD.state IN ({listed}) AND NEW.state <> '{moving_to}' AND ({changed})")}
    )


def versions_end_anew(before: str, after: str) -> RunTriggers:
    """Ask of the move from one ending to another for a time of its own, and so for who and why."""
    moves = f"OLD.state = '{before}' AND NEW.state = '{after}'"
    return _version_guards(
        {"ends_anew": ("UPDATE", f"{moves} AND OLD.ended_at IS NOT DISTINCT FROM NEW.ended_at")}
    )


def authors_keep_away(kinds: Iterable[str]) -> RunTriggers:
    """Refuse as reviewer or approver whoever has an event of these kinds: a hand in what the version says."""
    listed = ", ".join(f"'{kind}'" for kind in sorted(kinds))

    def install(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for name, (table, change, version, people) in _AWAY.items():
            act = _HAS_A_HAND.format(version=version, kinds=listed, people=" OR ".join(people))
            parts = {"name": name, "table": table, "change": change, "condition": act}
            statements = (
                (_POSTGRESQL_AWAY_FUNCTION, _POSTGRESQL_AWAY)
                if editor.connection.vendor == "postgresql"
                else (_SQLITE_GUARD,)
            )
            for statement in statements:
                editor.execute(statement.format(**parts, message=_AWAY_MESSAGE), None)

    def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for name, (table, *_) in _AWAY.items():
            on_table = f' ON "{table}"' if editor.connection.vendor == "postgresql" else ""
            editor.execute(f'DROP TRIGGER "{name}"{on_table}', None)

    return RunTriggers(install, drop)


def without_version_guards(*names: str) -> RunTriggers:
    """Take guards away that other operations put up anew."""
    return RunTriggers(_drop({VERSIONS: names}), RunTriggers.noop)


def _version_guards(guards: Mapping[str, tuple[str, str]]) -> RunTriggers:
    def install(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute(_POSTGRESQL_REFUSE, None)
        template = _POSTGRESQL_GUARD if editor.connection.vendor == "postgresql" else _SQLITE_GUARD
        for name, (change, condition) in guards.items():
            statement = template.format(
                name=f"{VERSIONS}_{name}",
                table=VERSIONS,
                change=change,
                condition=condition,
                message="a submitted protocol version does not change",
            )
            editor.execute(statement, None)

    return RunTriggers(install, _drop({VERSIONS: tuple(guards)}))


def _drop_content(guarded: tuple[str, ...]) -> Run:
    return _drop({table: tuple(_CONTENT_CHANGES) for table in guarded})


def _drop(triggers: Mapping[str, tuple[str, ...]]) -> Run:
    def drop(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for table, names in triggers.items():
            on_table = f' ON "{table}"' if editor.connection.vendor == "postgresql" else ""
            for name in names:
                editor.execute(f'DROP TRIGGER "{table}_{name}"{on_table}', None)

    return drop


def _content_statements(table: str, vendor: str) -> list[str]:
    if vendor == "postgresql":
        return [
            f'CREATE TRIGGER "{table}_{name}" BEFORE {change} ON "{table}" '
            "FOR EACH ROW EXECUTE FUNCTION protocols_require_draft()"
            for name, (change, _) in _CONTENT_CHANGES.items()
        ]
    return [
        _SQLITE_GUARD.format(
            name=f"{table}_{name}",
            table=table,
            change=change,
            condition=" OR ".join(conditions),
            message="the content of a submitted protocol version does not change",
        )
        for name, (change, conditions) in _CONTENT_CHANGES.items()
    ]


_WAS_NO_DRAFT = (
    """(SELECT state FROM "protocols_protocolversion" WHERE id = OLD.protocol_version_id) <> 'draft'"""
)
_IS_NO_DRAFT = (
    """(SELECT state FROM "protocols_protocolversion" WHERE id = NEW.protocol_version_id) <> 'draft'"""
)

_CONTENT_CHANGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "no_insert": ("INSERT", (_IS_NO_DRAFT,)),
    # Both, so that a row can neither leave a submitted version nor join one.
    "no_update": ("UPDATE", (_WAS_NO_DRAFT, _IS_NO_DRAFT)),
    "no_delete": ("DELETE", (_WAS_NO_DRAFT,)),
}

_AWAY: Mapping[str, tuple[str, str, str, tuple[str, ...]]] = {
    f"{VERSIONS}_authors": (
        VERSIONS,
        "UPDATE",
        "id",
        (
            # Only who becomes one: to withdraw a version must never be in the way of an older act.
            "(act.by_id = NEW.reviewer_id AND OLD.reviewer_id IS DISTINCT FROM NEW.reviewer_id)",
            "(act.by_id = NEW.approver_id AND OLD.approver_id IS DISTINCT FROM NEW.approver_id)",
        ),
    ),
    "protocols_plannedapproval_authors": (
        "protocols_plannedapproval",
        "INSERT",
        "protocol_version_id",
        ("act.by_id = NEW.approver_id",),
    ),
}
_AWAY_MESSAGE = "who wrote a protocol version does not review or approve it"

_HAS_A_HAND = """EXISTS (SELECT 1 FROM "protocols_protocolevent" AS act
WHERE act.protocol_version_id = NEW.{version} AND act.kind IN ({kinds}) AND ({people}))"""

# A condition of a trigger may not look into other tables there, so that a function has to.
_POSTGRESQL_AWAY_FUNCTION = """CREATE OR REPLACE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {condition} THEN
        RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$"""

_POSTGRESQL_AWAY = """CREATE TRIGGER "{name}" BEFORE {change} ON "{table}"
FOR EACH ROW EXECUTE FUNCTION "{name}"()"""

_SQLITE_GUARD = """CREATE TRIGGER "{name}" BEFORE {change} ON "{table}" WHEN {condition}
BEGIN SELECT RAISE(ABORT, '{message}'); END"""

_POSTGRESQL_GUARD = """CREATE TRIGGER "{name}" BEFORE {change} ON "{table}" FOR EACH ROW WHEN ({condition})
EXECUTE FUNCTION protocols_refuse('{message}')"""

_POSTGRESQL_REFUSE = """CREATE OR REPLACE FUNCTION protocols_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$"""

# FOR SHARE waits for a submission under way and sees its result; else a row could slip in beside the seal.
_POSTGRESQL_REQUIRE_DRAFT = """CREATE OR REPLACE FUNCTION protocols_require_draft() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    state_before text := 'draft';
    state_after text := 'draft';
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT state INTO state_before
        FROM "protocols_protocolversion" WHERE id = OLD.protocol_version_id FOR SHARE;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        SELECT state INTO state_after
        FROM "protocols_protocolversion" WHERE id = NEW.protocol_version_id FOR SHARE;
    END IF;
    IF state_before <> 'draft' OR state_after <> 'draft' THEN
        RAISE EXCEPTION 'the content of a submitted protocol version does not change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$"""
