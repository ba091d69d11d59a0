"""Queries that are written as SQL once in each process, and asked with other values each time.

To write a query with joins takes Django longer than it takes the database to answer it. Only the words are
kept: the rows are read anew each time.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Expression, Field, QuerySet
from django.db.models.utils import create_namedtuple_class


class Told(Expression):
    """Stands in a query for a value that is told when it is asked; not for None, which SQL compares by IS."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]


class Prepared:
    """The SQL of a query of `values_list`, in which whatever is not the same each time is `Told`."""

    def __init__(self, rows: "QuerySet[Any, Any]") -> None:
        query: Any = rows.query
        self._compiler = query.get_compiler(DEFAULT_DB_ALIAS)
        self._sql, self._parameters = self._compiler.as_sql()
        self._row = create_namedtuple_class(*query.selected)

    def rows(self, **told: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [_parameter(each, told) for each in self._parameters])
            found = cursor.fetchall()
        return [self._row(*each) for each in self._compiler.results_iter([found])]


def _parameter(value: Any, told: dict[str, Any]) -> Any:
    if not isinstance(value, Told):
        return value
    return value.output_field.get_db_prep_value(told[value.name], connection)
