import pytest
from django.db import connection
from django.db.migrations.state import ProjectState

from protocols.append_only import append_only


@pytest.mark.django_db
def test_making_and_dropping_triggers_asks_for_no_model_of_the_moment():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE example_note (id integer PRIMARY KEY)")
    state = ProjectState()
    operation = append_only("example_note")

    operation.database_forwards("protocols", connection.schema_editor(), state, state)
    operation.database_backwards("protocols", connection.schema_editor(), state, state)

    assert "apps" not in state.__dict__
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO example_note VALUES (1)")
        cursor.execute("DELETE FROM example_note")
        cursor.execute("DROP TABLE example_note")
