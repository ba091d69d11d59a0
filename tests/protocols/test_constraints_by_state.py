"""What the database refuses to have changed in each state of a version, tried with raw SQL."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import IntegrityError, connection
from pytest_django import DjangoDbBlocker

from protocols.lifecycle import MOVES, State
from protocols.mapping import SCALARS
from protocols.models import ProtocolVersion
from tests.protocols.factory import approved, draft, reviewed, submitted, under_review
from tests.protocols.test_actions import rejected, retired, withdrawn
from tests.protocols.test_constraints import CONTENT_TABLES, VERSIONS, key_of, run
from tests.worlds import shared_rows

pytestmark = pytest.mark.django_db

AFTER_DRAFT = [submitted, under_review, reviewed, approved, rejected, retired, withdrawn]


@pytest.fixture(scope="module")
def version(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[ProtocolVersion]:
    """The only version, made as the test asks; what the database refuses leaves it as it was."""
    with shared_rows(django_db_blocker):
        yield request.param()


def copy_a_row(table: str) -> str:
    columns = [
        field.column for field in apps.get_model("protocols", table.removeprefix("protocols_"))._meta.fields
    ]
    listed = ", ".join(f'"{column}"' for column in columns)
    other = "gen_random_uuid()" if connection.vendor == "postgresql" else "lower(hex(randomblob(16)))"
    picked = ", ".join(other if column == "id" else f'"{column}"' for column in columns)
    return f'INSERT INTO "{table}" ({listed}) SELECT {picked} FROM "{table}" LIMIT 1'


@pytest.mark.parametrize("version", [submitted], indirect=True)
@pytest.mark.parametrize("table", CONTENT_TABLES)
@pytest.mark.hazard("H20")
def test_content_of_a_submitted_version_is_not_changed(version: ProtocolVersion, table: str) -> None:
    with pytest.raises(IntegrityError, match="does not change"):
        run(f'UPDATE "{table}" SET position = position + 1')


@pytest.mark.parametrize("version", [submitted], indirect=True)
@pytest.mark.parametrize("table", CONTENT_TABLES)
def test_content_of_a_submitted_version_is_not_removed(version: ProtocolVersion, table: str) -> None:
    with pytest.raises(IntegrityError, match="does not change"):
        run(f'DELETE FROM "{table}"')


@pytest.mark.parametrize("version", [submitted], indirect=True)
@pytest.mark.parametrize("table", CONTENT_TABLES)
def test_nothing_is_added_to_the_content_of_a_submitted_version(version: ProtocolVersion, table: str) -> None:
    with pytest.raises(IntegrityError, match="does not change"):
        run(copy_a_row(table))


@pytest.mark.parametrize("version", AFTER_DRAFT, indirect=True)
def test_content_stays_as_it_is_in_every_later_state(version: ProtocolVersion) -> None:
    with pytest.raises(IntegrityError, match="does not change"):
        run("UPDATE protocols_parameter SET value = 11")


@pytest.mark.parametrize("version", [draft], indirect=True)
@pytest.mark.parametrize("table", CONTENT_TABLES)
def test_content_of_a_draft_may_be_changed(version: ProtocolVersion, table: str) -> None:
    run(f'UPDATE "{table}" SET position = position + 100')

    assert (
        apps.get_model("protocols", table.removeprefix("protocols_"))
        .objects.filter(position__gte=100)
        .exists()
    )


@pytest.mark.parametrize("column", [*SCALARS, "seal", "change_note"])
@pytest.mark.parametrize("version", AFTER_DRAFT, indirect=True)
def test_what_a_submitted_version_says_of_itself_stays(version: ProtocolVersion, column: str) -> None:
    with pytest.raises(IntegrityError, match="does not change"):
        run(f"UPDATE {VERSIONS} SET {column} = 'other'")


@pytest.mark.parametrize("version", [approved, retired, rejected, withdrawn], indirect=True)
@pytest.mark.parametrize("column", ["review_comment", "review_due_on", "approved_at", "reviewed_at"])
def test_who_reviewed_and_approved_stays(version: ProtocolVersion, column: str) -> None:
    with pytest.raises(IntegrityError):
        run(f"UPDATE {VERSIONS} SET {column} = '2040-01-01'")


@pytest.mark.parametrize("version", [retired, rejected, withdrawn], indirect=True)
def test_why_a_version_ended_stays(version: ProtocolVersion) -> None:
    with pytest.raises(IntegrityError, match="does not change"):
        run(f"UPDATE {VERSIONS} SET end_reason = 'No reason.'")


@pytest.mark.parametrize("version", [draft, *AFTER_DRAFT], indirect=True)
@pytest.mark.parametrize("state", State.values)
def test_a_version_moves_along_its_life_only(version: ProtocolVersion, state: str) -> None:
    is_listed = (State(version.state), State(state)) in MOVES

    if version.state != state:
        # A listed move made by hand lacks the people and times that the constraints ask for.
        with pytest.raises(IntegrityError, match=None if is_listed else "does not change"):
            run(f"UPDATE {VERSIONS} SET state = %s", state)

    assert ProtocolVersion.objects.get(pk=version.pk).state == version.state


@pytest.mark.parametrize("version", AFTER_DRAFT, indirect=True)
def test_a_submitted_version_is_not_removed(version: ProtocolVersion) -> None:

    with pytest.raises(IntegrityError, match="does not change"):
        run(f"DELETE FROM {VERSIONS} WHERE id = %s", key_of(version))
