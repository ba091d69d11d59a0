import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ivigsite.accounts.models import SignIn, User
from ivigsite.accounts.roles import ROLE_VIEW_OF, Role, RoleView, Theme
from tests.accounts.factory import PASSWORD, make_user, make_ward

pytestmark = pytest.mark.django_db


def test_user_has_wards_and_a_password_that_is_not_stored():
    ward = make_ward("Example ward Ash")

    user = make_user(wards=[ward])

    assert list(user.wards.all()) == [ward]
    assert PASSWORD not in user.password
    assert user.check_password(PASSWORD)


def test_identifiers_cannot_be_counted_through():
    assert make_user().pk.version == 4


@pytest.mark.parametrize("role", Role)
def test_every_role_has_a_view_of_its_own(role: Role):
    assert make_user(role).role_view is ROLE_VIEW_OF[role]


def test_chosen_view_comes_before_the_one_of_the_role():
    nurse = make_user(Role.NURSE, chosen_view=RoleView.PHARMACIST)

    assert nurse.role_view is RoleView.PHARMACIST


def test_chosen_view_adds_no_permission():
    assert (
        make_user(Role.NURSE, chosen_view=RoleView.PHYSICIAN).permissions == make_user(Role.NURSE).permissions
    )


def test_disabled_user_has_no_permission():
    assert make_user(is_active=False).permissions == frozenset()


@pytest.mark.parametrize(
    ("column", "value"),
    [("role", "chief"), ("theme", "pink"), ("chosen_view", "chief"), ("username", "Dana")],
)
def test_database_refuses_a_value_it_does_not_know(column: str, value: str):
    user = make_user()

    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(**{column: value})


def test_user_names_that_differ_in_case_are_one():
    make_user(username="Dana")

    assert User.objects.get_by_natural_key("DANA").username == "dana"
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user(username="dAnA")


def test_session_that_ended_says_why():
    sign_in = SignIn.objects.create(
        user=make_user(), started_at=timezone.now(), last_active_at=timezone.now()
    )

    with pytest.raises(IntegrityError), transaction.atomic():
        SignIn.objects.filter(pk=sign_in.pk).update(ended_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        SignIn.objects.filter(pk=sign_in.pk).update(ending=SignIn.Ending.IDLE)


def test_theme_follows_the_device_until_somebody_picks_one():
    assert make_user().theme == Theme.SYSTEM


ADMIN_SITE = [
    (Role.PROTOCOL_AUTHOR, "protocols.change_rule", True),
    (Role.PROTOCOL_AUTHOR, "protocols.view_rule", True),
    (Role.PROTOCOL_REVIEWER, "protocols.view_rule", True),
    (Role.PROTOCOL_REVIEWER, "protocols.change_rule", False),
    (Role.PROTOCOL_APPROVER, "protocols.delete_rule", False),
    (Role.PROTOCOL_AUTHOR, "accounts.change_user", False),
    (Role.ADMIN, "accounts.change_user", True),
    (Role.ADMIN, "accounts.delete_user", False),
    (Role.ADMIN, "protocols.add_rule", False),
    (Role.ADMIN, "encounters.view_patient", False),
    (Role.ADMIN, "audit.view_auditentry", True),
    (Role.ADMIN, "audit.change_auditentry", False),
    (Role.ADMIN, "audit.delete_auditentry", False),
    (Role.PROTOCOL_APPROVER, "audit.view_auditentry", False),
    (Role.PHYSICIAN, "protocols.view_rule", False),
    (Role.PHYSICIAN, "encounters.view_patient", False),
]


@pytest.mark.parametrize(("role", "permission", "allowed"), ADMIN_SITE)
def test_admin_site_follows_the_table_of_roles(role: Role, permission: str, allowed: bool):
    assert make_user(role).has_perm(permission) is allowed


@pytest.mark.parametrize("role", [Role.PHYSICIAN, Role.NURSE, Role.PHARMACIST, Role.HAEMATOLOGIST])
def test_bedside_roles_are_no_staff_of_the_admin_site(role: Role):
    user = make_user(role)

    assert not user.is_staff
    assert not user.has_module_perms("protocols")


def test_admin_site_shows_accounts_to_administrators_alone():
    assert make_user(Role.ADMIN).has_module_perms("accounts")
    assert not make_user(Role.PROTOCOL_AUTHOR).has_module_perms("accounts")
