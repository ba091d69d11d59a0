import pytest
from django.test import Client

from ivigsite.accounts.models import SignIn
from ivigsite.accounts.roles import Role
from ivigsite.audit.models import AuditEntry
from tests.accounts.factory import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def test_signing_in_opens_a_session_on_the_record(client: Client):
    nurse = make_user(Role.NURSE)

    response = client.post(
        "/login/",
        {"username": nurse.username, "password": PASSWORD},
        headers={"User-Agent": "Example browser"},
    )

    sign_in = SignIn.objects.get()
    assert response["Location"] == "/"
    assert (sign_in.user, sign_in.address, sign_in.device) == (nurse, "127.0.0.1", "Example browser")
    assert AuditEntry.objects.get(action="session.started").object_id == sign_in.pk


def test_signing_in_changes_the_session_id(client: Client):
    user = make_user()
    client.force_login(make_user())
    before = client.cookies["sessionid"].value

    client.post("/login/", {"username": user.username, "password": PASSWORD})

    assert client.cookies["sessionid"].value != before


@pytest.mark.parametrize(
    ("role", "home"),
    [
        (Role.PHYSICIAN, "/"),
        (Role.PHARMACIST, "/"),
        (Role.PROTOCOL_APPROVER, "/protocols/versions/"),
        (Role.ADMIN, "/admin/"),
    ],
)
def test_everybody_starts_where_their_work_is(client: Client, role: Role, home: str):
    user = make_user(role)

    for told in ({}, {"next": "/"}):
        response = client.post("/login/", {"username": user.username, "password": PASSWORD, **told})
        assert response["Location"] == home


def test_signing_in_goes_on_to_the_page_that_was_wanted(client: Client):
    user = make_user()

    response = client.post(
        "/login/", {"username": user.username, "password": PASSWORD, "next": "/page/?tab=2"}
    )

    assert response["Location"] == "/page/?tab=2"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "page",
        "\n//evil.example",
    ],
)
def test_signing_in_never_leads_to_another_site(client: Client, elsewhere: str):
    user = make_user()

    response = client.post("/login/", {"username": user.username, "password": PASSWORD, "next": elsewhere})

    assert response["Location"] == "/"


def test_wrong_password_shows_the_problem_and_keeps_the_name(client: Client):
    user = make_user()

    response = client.post("/login/", {"username": user.username, "password": "wrong"})

    page = response.content.decode()
    assert response.status_code == 422
    assert "<title>Error: Sign in" in page
    assert "There is a problem" in page
    assert "The user name or password is not right." in page
    assert f'value="{user.username}"' in page
    assert "wrong" not in page
    assert not SignIn.objects.exists()


def test_empty_form_says_what_to_enter_and_links_there(client: Client):
    page = client.post("/login/", {"username": "", "password": ""}).content.decode()

    assert '<a href="#id_username">User name: Enter your user name.</a>' in page
    assert '<a href="#id_password">Password: Enter your password.</a>' in page


@pytest.mark.parametrize("text", ["a\0b", "x" * 10_000])
def test_text_that_is_no_user_name_is_refused_politely(client: Client, text: str):
    assert client.post("/login/", {"username": text, "password": "x"}).status_code == 422


def test_signing_out_ends_every_session_and_clears_the_browser(client: Client):
    user = make_user()
    elsewhere = Client()
    elsewhere.force_login(user)
    client.force_login(user)

    response = client.post("/logout/")

    assert response["Clear-Site-Data"] == '"cache", "storage"'
    assert client.get("/page/").status_code == 302
    assert elsewhere.get("/page/").status_code == 302
    assert {sign_in.ending for sign_in in SignIn.objects.all()} == {"signed_out"}
    assert AuditEntry.objects.get(action="sessions.signed_out").details == {"sessions": 2}


def test_signing_out_leaves_other_people_alone(client: Client):
    colleague = Client()
    colleague.force_login(make_user())
    client.force_login(make_user())

    client.post("/logout/")

    assert colleague.get("/page/").status_code == 200


def test_link_cannot_sign_anybody_out(client: Client):
    client.force_login(make_user())

    assert client.get("/logout/").status_code == 405
    assert client.get("/page/").status_code == 200


def test_admin_site_has_no_login_of_its_own(client: Client):
    page = client.get("/admin/login/").content.decode()

    assert "<h1>Sign in</h1>" in page
    assert client.get("/admin/")["Location"] == "/login/?next=%2Fadmin%2F"


def test_admin_site_signs_out_by_our_rules(client: Client):
    client.force_login(make_user(Role.ADMIN))

    response = client.post("/admin/logout/")

    assert response["Clear-Site-Data"] == '"cache", "storage"'
    assert SignIn.objects.get().ending == "signed_out"


def test_sign_in_page_says_why_it_is_there(client: Client):
    assert "10 minutes without activity" in client.get("/login/?because=idle").content.decode()
    assert "<script>" not in client.get("/login/?because=<script>").content.decode()


def test_password_change_ends_every_session_and_asks_to_sign_in_anew(client: Client):
    user = make_user()
    elsewhere = Client()
    elsewhere.force_login(user)
    client.force_login(user)
    new_password = "an orange lighthouse by noon"

    response = client.post(
        "/me/password/",
        {"current_password": PASSWORD, "new_password": new_password, "new_password_again": new_password},
    )

    user.refresh_from_db()
    assert response["Location"] == "/login/?because=password_changed"
    assert user.check_password(new_password)
    assert elsewhere.get("/page/").status_code == 302


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"current_password": "wrong"}, "The user name or password is not right."),
        ({"new_password_again": "an orange lighthouse by one"}, "The two new passwords are not the same."),
        ({"new_password": "short", "new_password_again": "short"}, "at least 12 characters"),
        ({"new_password": ""}, "Enter a new password."),
    ],
)
def test_password_change_that_fails_changes_nothing(client: Client, changes: dict[str, str], problem: str):
    user = make_user()
    client.force_login(user)
    new_password = "an orange lighthouse by noon"
    answers = {"current_password": PASSWORD, "new_password": new_password, "new_password_again": new_password}

    response = client.post("/me/password/", answers | changes)

    user.refresh_from_db()
    assert response.status_code == 422
    assert problem in response.content.decode()
    assert user.check_password(PASSWORD)
    assert client.get("/page/").status_code == 200


def test_person_picks_a_view_and_a_theme(client: Client):
    user = make_user(Role.NURSE)
    client.force_login(user)

    response = client.post("/me/", {"role_view": "pharmacist", "theme": "dark"}, follow=True)

    user.refresh_from_db()
    assert (user.role_view, user.theme) == ("pharmacist", "dark")
    assert 'data-bs-theme="dark"' in response.content.decode()
    assert AuditEntry.objects.get(action="user.personalised").details == {
        "role_view": "pharmacist",
        "theme": "dark",
    }


def test_view_that_does_not_exist_is_refused(client: Client):
    user = make_user(Role.NURSE)
    client.force_login(user)

    response = client.post("/me/", {"role_view": "admin", "theme": "dark"})

    user.refresh_from_db()
    assert response.status_code == 422
    assert user.role_view == "nurse"


def test_theme_of_the_device_is_left_to_the_device(client: Client):
    client.force_login(make_user())

    assert "data-bs-theme" not in client.get("/me/").content.decode()
