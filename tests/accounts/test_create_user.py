from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command

from ivigsite.accounts.models import User
from ivigsite.accounts.roles import Role
from ivigsite.audit.models import AuditEntry
from tests.accounts.factory import make_user, make_ward

pytestmark = pytest.mark.django_db


def create(*arguments: str, password: str = "an orange lighthouse by noon") -> None:
    with patch("ivigsite.accounts.management.commands.create_user.getpass", return_value=password):
        call_command("create_user", *arguments, verbosity=0)


def test_first_administrator_is_made_and_recorded():
    create("Root-Example", "--full-name", "Example Administrator", "--role", "admin")

    user = User.objects.get(username="root-example")
    assert user.role == Role.ADMIN
    assert user.check_password("an orange lighthouse by noon")
    entry = AuditEntry.objects.get(action="user.created")
    assert (entry.actor, entry.object_id) == (None, user.pk)


def test_account_is_put_on_its_wards():
    ward, _ = make_ward(), make_ward()

    create("example", "--full-name", "Example Nurse", "--role", "nurse", "--ward", ward.code)

    assert list(User.objects.get(username="example").wards.all()) == [ward]


def test_weak_password_is_refused():
    with pytest.raises(CommandError, match="at least 12"):
        create("example", "--full-name", "Example Nurse", "--role", "nurse", password="short")

    assert not User.objects.exists()


def test_taken_name_is_refused():
    make_user(username="example")

    with pytest.raises(CommandError, match="taken"):
        create("EXAMPLE", "--full-name", "Example Nurse", "--role", "nurse")


def test_ward_that_does_not_exist_is_refused():
    with pytest.raises(CommandError, match="no ward"):
        create("example", "--full-name", "Example Nurse", "--role", "nurse", "--ward", "NONE")


def test_role_that_does_not_exist_is_refused():
    with pytest.raises(CommandError, match="invalid choice"):
        create("example", "--full-name", "Example Nurse", "--role", "chief")
