"""Does the database keep what it has acknowledged? Asked once, before the first request."""

from django.db.backends.base.base import BaseDatabaseWrapper

# What each database answers when a commit is on disk before it is acknowledged, references
# are held, and no row that a trigger guards can be replaced.
SQLITE_PROMISES = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
POSTGRESQL_PROMISES = {"synchronous_commit": "on"}


class UnsafeDatabase(Exception):
    """The database is set up so that it could lose or corrupt a signed order."""


def refuse_unsafe_database(connection: BaseDatabaseWrapper) -> None:
    sqlite = connection.vendor == "sqlite"
    promises = SQLITE_PROMISES if sqlite else POSTGRESQL_PROMISES
    with connection.cursor() as cursor:
        for name, promised in promises.items():
            cursor.execute(f"PRAGMA {name}" if sqlite else f"SHOW {name}")
            (answer,) = cursor.fetchone()
            if answer != promised:
                raise UnsafeDatabase(f"The database runs with {name}={answer}; it must be {promised}.")
    connection.close()
