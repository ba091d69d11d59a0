"""Queries that are written as SQL once in each process, and asked with other values each time.

To write a query with joins takes Django longer than it takes the database to answer it. Only the words are
kept: the rows are read anew each time.
"""

from copy import copy
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, Field, QuerySet


class Told(Expression):
    """Stands in a query for a value that is told when it is asked; not for None, which SQL compares by IS."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]


class Prepared:
    """A query with its SQL, in which whatever is not the same each time is `Told`."""

    def __init__(self, query: "QuerySet[Any, Any]") -> None:
        self._query = query
        self._compiler = query.query.get_compiler(DEFAULT_DB_ALIAS)
        self._sql, self._parameters = self._compiler.as_sql()

    def rows(self, **told: Any) -> list[Any]:
        # Of this thread, while the query may have been written in another.
        connection = connections[DEFAULT_DB_ALIAS]
        compiler: Any = copy(self._compiler)
        compiler.connection = connection
        compiler.as_sql = lambda: (self._sql, [_value(each, told, connection) for each in self._parameters])
        asked: Any = self._query.all()
        asked.query.get_compiler = lambda using: compiler
        return list(asked)


def _value(parameter: Any, told: dict[str, Any], connection: Any) -> Any:
    if not isinstance(parameter, Told):
        return parameter
    return parameter.output_field.get_db_prep_value(told[parameter.name], connection)
