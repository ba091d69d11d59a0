import pytest
from django.db import connection

from ivigsite.durability import UnsafeDatabase, refuse_unsafe_database

pytestmark = pytest.mark.django_db(transaction=True)


def test_database_of_the_settings_keeps_what_it_acknowledged():
    refuse_unsafe_database(connection)


def test_unsafe_database_is_refused_by_the_name_of_what_is_wrong():
    statement, complaint = {
        "sqlite": ("PRAGMA synchronous=OFF", "synchronous=0"),
        "postgresql": ("SET synchronous_commit=off", "synchronous_commit=off"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(statement)

    with pytest.raises(UnsafeDatabase, match=complaint):
        refuse_unsafe_database(connection)
    connection.close()
