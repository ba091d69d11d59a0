import pytest
from django.contrib import admin
from django.test import Client

from ivigsite.accounts.models import FailedPasswords, SignIn, User
from ivigsite.accounts.roles import Role
from ivigsite.audit.models import AuditEntry
from tests.accounts.factory import PASSWORD, make_user, make_ward

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "an orange lighthouse by noon"


@pytest.fixture
def administrator(client: Client) -> User:
    user = make_user(Role.ADMIN)
    client.force_login(user)
    return user


def answers(user: User | None = None, **changes: object) -> dict[str, object]:
    return {
        "username": user.username if user else "Example-New",
        "full_name": "Example Person",
        "registration_number": "",
        "role": user.role if user else Role.NURSE,
        "is_active": "on",
        "your_password": PASSWORD,
        **changes,
    }


def test_no_clinical_record_is_registered():
    registered = {model._meta.app_label for model in admin.site._registry}

    assert registered <= {"accounts", "audit", "protocols"}


def test_workspace_says_that_it_is_a_demo(client: Client, administrator: User):
    assert "fictional patients – not for clinical use" in client.get("/admin/").content.decode()


def test_administrator_reads_the_audit_trail_and_cannot_write_it(client: Client, administrator: User):
    entry = AuditEntry.objects.get(action="session.started")

    assert "session.started" in client.get("/admin/audit/auditentry/").content.decode()
    assert client.get(f"/admin/audit/auditentry/{entry.pk}/change/").status_code == 200
    assert client.post(f"/admin/audit/auditentry/{entry.pk}/change/", {"action": "x"}).status_code == 403
    assert client.post(f"/admin/audit/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get("/admin/audit/auditentry/add/").status_code == 403


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_audit_trail_is_closed_to_everybody_else(client: Client, role: Role):
    client.force_login(make_user(role))

    assert client.get("/admin/audit/auditentry/").status_code == 403


def test_administrator_makes_an_account(client: Client, administrator: User):
    ward = make_ward()

    response = client.post("/admin/accounts/user/add/", answers(new_password=NEW_PASSWORD, wards=[ward.pk]))

    assert response.status_code == 302
    user = User.objects.get(username="example-new")
    assert user.check_password(NEW_PASSWORD)
    assert list(user.wards.all()) == [ward]
    entry = AuditEntry.objects.get(action="user.changed")
    assert (entry.actor, entry.object_id, entry.details["role"]) == (administrator, user.pk, "nurse")


def test_account_without_a_password_is_not_made(client: Client, administrator: User):
    response = client.post("/admin/accounts/user/add/", answers())

    assert "A new account needs a password." in response.content.decode()
    assert not User.objects.filter(username="example-new").exists()


def test_account_with_a_weak_password_is_not_made(client: Client, administrator: User):
    response = client.post("/admin/accounts/user/add/", answers(new_password="platelet-1"))

    assert "at least 12 characters" in response.content.decode()
    assert not User.objects.filter(username="example-new").exists()


def test_new_role_ends_the_sessions_of_that_person(client: Client, administrator: User):
    nurse = make_user(Role.NURSE)
    bedside = Client()
    bedside.force_login(nurse)

    client.post(f"/admin/accounts/user/{nurse.pk}/change/", answers(nurse, role=Role.PHYSICIAN))

    nurse.refresh_from_db()
    assert nurse.role == Role.PHYSICIAN
    assert bedside.get("/page/").status_code == 302
    assert AuditEntry.objects.get(action="user.changed").details["changed"] == ["full_name", "role"]


def test_change_keeps_the_password_when_no_new_one_is_given(client: Client, administrator: User):
    nurse = make_user(Role.NURSE)

    client.post(f"/admin/accounts/user/{nurse.pk}/change/", answers(nurse))

    nurse.refresh_from_db()
    assert nurse.full_name == "Example Person"
    assert nurse.check_password(PASSWORD)


def test_change_without_the_administrators_own_password_is_refused_and_counted(
    client: Client, administrator: User
):
    nurse = make_user(Role.NURSE)

    response = client.post(
        f"/admin/accounts/user/{nurse.pk}/change/", answers(nurse, role=Role.PHYSICIAN, your_password="guess")
    )

    nurse.refresh_from_db()
    assert "The user name or password is not right." in response.content.decode()
    assert nurse.role == Role.NURSE
    assert FailedPasswords.objects.get().count == 1


@pytest.mark.django_db(transaction=True)
def test_refused_password_is_counted_where_transactions_are_real(client: Client, administrator: User):
    nurse = make_user(Role.NURSE)

    client.post(f"/admin/accounts/user/{nurse.pk}/change/", answers(nurse, your_password="guess"))

    assert FailedPasswords.objects.get().count == 1


def test_disabled_account_is_signed_out(client: Client, administrator: User):
    nurse = make_user(Role.NURSE)
    Client().force_login(nurse)
    changes = answers(nurse)
    del changes["is_active"]

    client.post(f"/admin/accounts/user/{nurse.pk}/change/", changes)

    nurse.refresh_from_db()
    assert not nurse.is_active
    assert SignIn.objects.get(user=nurse).ending == "account_changed"


def test_account_is_never_deleted(client: Client, administrator: User):
    nurse = make_user(Role.NURSE)

    assert client.post(f"/admin/accounts/user/{nurse.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=nurse.pk).exists()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_accounts_are_closed_to_everybody_else(client: Client, role: Role):
    client.force_login(make_user(role))

    assert client.get("/admin/accounts/user/").status_code == 403


def test_form_shows_no_password(client: Client, administrator: User):
    page = client.get(f"/admin/accounts/user/{administrator.pk}/change/").content.decode()

    assert administrator.password not in page
