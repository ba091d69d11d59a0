import pytest
from django.conf import LazySettings
from django.test import Client

from ivigsite.accounts.checks import every_view_declares_its_need
from ivigsite.accounts.permissions import ROLE_PERMISSIONS, Access, Permission, allow, need_of
from ivigsite.accounts.roles import Role
from ivigsite.audit.models import AuditEntry
from tests.accounts.factory import make_user

# Written out once more, row by row, so that a change of the table is a change of two files and is seen.
#                          physician
#                          |  haematologist
#                          |  |  nurse
#                          |  |  |  pharmacist
#                          |  |  |  |  author
#                          |  |  |  |  |  reviewer
#                          |  |  |  |  |  |  approver
#                          |  |  |  |  |  |  |  admin
EXPECTED = """
    view_patients          x  x  x  x  .  .  .  .
    edit_encounters        x  x  .  .  .  .  .  .
    record_results         x  x  x  .  .  .  .  .
    sign_orders            x  x  .  .  .  .  .  .
    print_orders           x  x  x  x  .  .  .  .
    recall_lots            .  x  .  x  .  .  .  .
    write_downtime         x  x  .  x  .  .  .  x
    read_protocol          x  x  x  x  x  x  x  x
    author_protocol        .  .  .  .  x  .  .  .
    review_protocol        .  .  .  .  .  x  .  .
    approve_protocol       .  .  .  .  .  .  x  .
    withdraw_protocol      .  .  .  .  .  .  x  x
    use_admin_site         .  .  .  .  x  x  x  x
    manage_users           .  .  .  .  .  .  .  x
    view_audit             .  .  .  .  .  .  .  x
"""
COLUMNS = [
    Role.PHYSICIAN,
    Role.HAEMATOLOGIST,
    Role.NURSE,
    Role.PHARMACIST,
    Role.PROTOCOL_AUTHOR,
    Role.PROTOCOL_REVIEWER,
    Role.PROTOCOL_APPROVER,
    Role.ADMIN,
]
ROWS = [line.split() for line in EXPECTED.split("\n") if line.strip()]
MATRIX = [
    (role, Permission(row[0]), mark == "x")
    for row in ROWS
    for role, mark in zip(COLUMNS, row[1:], strict=True)
]


def test_matrix_covers_every_role_and_permission():
    assert {(role, permission) for role, permission, _ in MATRIX} == {
        (role, permission) for role in Role for permission in Permission
    }


@pytest.mark.parametrize(("role", "permission", "allowed"), MATRIX)
def test_role_has_the_permissions_of_the_matrix(role: Role, permission: Permission, allowed: bool):
    assert (permission in ROLE_PERMISSIONS[role]) is allowed


def test_nobody_both_writes_and_reviews_or_approves_a_protocol():
    duties = {Permission.AUTHOR_PROTOCOL, Permission.REVIEW_PROTOCOL, Permission.APPROVE_PROTOCOL}

    assert [role for role in Role if len(ROLE_PERMISSIONS[role] & duties) > 1] == []


def test_nobody_who_manages_users_sees_patients():
    assert [
        role for role in Role if {Permission.MANAGE_USERS, Permission.VIEW_PATIENTS} <= ROLE_PERMISSIONS[role]
    ] == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role)
def test_site_opens_exactly_the_pages_of_a_role(client: Client, role: Role):
    client.force_login(make_user(role))

    answers = {permission: client.get(f"/needs/{permission}/").status_code for permission in Permission}

    assert answers == {
        permission: 200 if permission in ROLE_PERMISSIONS[role] else 403 for permission in Permission
    }


@pytest.mark.django_db
def test_refused_page_explains_and_leaves_an_audit_entry(client: Client):
    nurse = make_user(Role.NURSE)
    client.force_login(nurse)

    response = client.post("/needs/sign_orders/")

    assert "You may not do this" in response.content.decode()
    entry = AuditEntry.objects.get(action="access.denied")
    assert entry.actor == nurse
    assert entry.details == {"path": "/needs/sign_orders/", "method": "POST", "needs": "sign_orders"}


@pytest.mark.django_db
def test_page_that_says_nothing_is_closed_to_everybody(client: Client, settings: LazySettings):
    settings.ROOT_URLCONF = "tests.accounts.urls_undeclared"
    client.force_login(make_user(Role.ADMIN))

    assert client.get("/declared/").status_code == 200
    assert client.get("/deep/undeclared/").status_code == 403


def test_check_names_the_page_that_says_nothing(settings: LazySettings):
    settings.ROOT_URLCONF = "tests.accounts.urls_undeclared"

    errors = every_view_declares_its_need()

    assert [(error.id, error.msg) for error in errors] == [
        ("accounts.E001", "The view at '/deep/undeclared/' does not say who may use it.")
    ]


def test_check_is_content_with_pages_that_all_say_it():
    assert every_view_declares_its_need() == []


def test_check_is_content_with_the_whole_site(settings: LazySettings):
    settings.ROOT_URLCONF = "ivigsite.urls"

    assert every_view_declares_its_need() == []


def test_view_keeps_its_own_need_inside_a_foreign_namespace():
    marked = allow(Permission.VIEW_AUDIT)(lambda: None)

    assert need_of(marked, "admin") is Permission.VIEW_AUDIT
    assert need_of(lambda: None, "admin") is Permission.USE_ADMIN_SITE
    assert need_of(lambda: None, "elsewhere") is None


@pytest.mark.django_db
def test_anybody_may_see_an_open_page(client: Client):
    assert client.get("/open/").status_code == 200


@pytest.mark.django_db
def test_stranger_is_sent_to_sign_in_and_back(client: Client):
    response = client.get("/page/?tab=2")

    assert response.status_code == 302
    assert response["Location"] == "/login/?next=%2Fpage%2F%3Ftab%3D2"


@pytest.mark.django_db
def test_strangers_fragment_moves_the_whole_page_and_holds_no_login_form(client: Client):
    response = client.post(
        "/needs/sign_orders/",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/encounter/7/?x=1"},
    )

    assert response.status_code == 401
    assert response["HX-Redirect"] == "/login/?next=%2Fencounter%2F7%2F%3Fx%3D1"
    assert response.content == b""


@pytest.mark.django_db
def test_strangers_form_comes_back_to_the_page_it_was_on(client: Client):
    response = client.post("/page/", headers={"Referer": "http://testserver/open/"})

    assert response["Location"] == "/login/?next=%2Fopen%2F"


@pytest.mark.django_db
@pytest.mark.parametrize("elsewhere", ["https://evil.example/open/", "", "javascript:alert(1)"])
def test_strangers_form_from_elsewhere_comes_back_to_the_start(client: Client, elsewhere: str):
    response = client.post("/page/", headers={"Referer": elsewhere})

    assert response["Location"] == "/login/?next=%2F"


def test_need_that_is_no_permission_is_spelt_apart_from_all_of_them():
    assert not {access.value for access in Access} & {permission.value for permission in Permission}
