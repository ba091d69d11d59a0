import re
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.test import Client, RequestFactory

from ivigsite.accounts.roles import Role
from ivigsite.audit.models import AuditEntry
from ivigsite.middleware import BodyLimitMiddleware
from tests.accounts.factory import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_urls(settings: LazySettings) -> None:
    settings.ROOT_URLCONF = "tests.accounts.urls"


@pytest.fixture
def forgiving() -> Client:
    """Shows what a browser would get when a view fails, instead of failing the test."""
    return Client(raise_request_exception=False)


ANSWERS = [
    ("/open/", 200),
    ("/page/", 302),
    ("/login/", 200),
    ("/nothing/", 404),
    ("/me/stay/", 302),
    ("/broken/", 500),
    ("/admin/", 302),
]


@pytest.mark.parametrize(("path", "status"), ANSWERS)
def test_every_answer_is_private_and_hardened(forgiving: Client, path: str, status: int):
    response = forgiving.get(path)

    assert response.status_code == status
    assert response["Cache-Control"] == "no-store, private"
    assert {"hx-request", "cookie"} <= {part.strip().lower() for part in response["Vary"].split(",")}
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]


def test_permissions_policy_leaves_no_feature_on(client: Client):
    features = client.get("/open/")["Permissions-Policy"].split(", ")

    assert len(features) > 20
    assert all(re.fullmatch(r"[a-z-]+=\(\)", feature) for feature in features)


def test_static_files_may_be_kept(client: Client):
    response = client.get("/static/css/tokens.css")
    response.close()

    assert response.status_code == 200
    assert "no-store" not in response.headers.get("Cache-Control", "")
    assert response["X-Content-Type-Options"] == "nosniff"


def test_each_request_has_a_number_that_the_audit_trail_repeats(client: Client):
    client.force_login(make_user(Role.NURSE))

    response = client.get("/needs/sign_orders/", REMOTE_ADDR="192.0.2.4")

    entry = AuditEntry.objects.get(action="access.denied")
    assert entry.request_id == UUID(response["X-Request-ID"])
    assert entry.address == "192.0.2.4"
    assert response["X-Request-ID"] in response.content.decode()


def test_two_requests_have_two_numbers(client: Client):
    assert client.get("/open/")["X-Request-ID"] != client.get("/open/")["X-Request-ID"]


def test_number_that_a_browser_makes_up_is_ignored(client: Client):
    made_up = str(UUID(int=1))

    assert client.get("/open/", headers={"X-Request-ID": made_up})["X-Request-ID"] != made_up


def test_body_of_the_largest_size_is_read(client: Client):
    text = "x" * (256 * 1024 - len("text="))

    response = client.post("/echo/", f"text={text}", content_type="application/x-www-form-urlencoded")

    assert response.content.decode() == text


def test_larger_body_is_refused_with_a_page(client: Client):
    text = "x" * (256 * 1024 - len("text=") + 1)

    response = client.post("/echo/", f"text={text}", content_type="application/x-www-form-urlencoded")

    assert response.status_code == 413
    assert "This is too much text" in response.content.decode()


def test_refused_body_is_not_read():
    request = RequestFactory().generic("POST", "/echo/", b"x", CONTENT_LENGTH=str(10**9))

    def never(_request: object) -> None:
        pytest.fail("the request went on")

    response = BodyLimitMiddleware(never)(request)  # type: ignore[arg-type]

    assert response.status_code == 413


@pytest.mark.parametrize("length", ["-1", "many", "1e9", "٣"])
def test_length_that_is_no_number_is_refused(length: str):
    request = RequestFactory().generic("POST", "/echo/", b"x", CONTENT_LENGTH=length)

    response = BodyLimitMiddleware(lambda _request: None)(request)  # type: ignore[arg-type, return-value]

    assert response.status_code == 400


def test_too_many_fields_are_refused(forgiving: Client):
    assert forgiving.post("/echo/", {f"field{n}": "x" for n in range(201)}).status_code == 400


def test_trace_is_refused(client: Client):
    assert client.trace("/open/").status_code == 405


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/nothing/", 404, "There is no such page"),
        ("/broken/", 500, "Something went wrong on the server"),
        ("/needs/sign_orders/", 403, "You may not do this"),
    ],
)
def test_error_page_explains_in_words_and_gives_nothing_away(
    forgiving: Client, path: str, status: int, title: str
):
    forgiving.force_login(make_user(Role.NURSE))

    response = forgiving.get(path)

    page = response.content.decode()
    assert response.status_code == status
    assert f"<h1>{title}</h1>" in page
    assert 'id="problem"' in page
    assert "ZeroDivision" not in page
    assert "Traceback" not in page


def test_form_without_a_token_keeps_what_was_typed(settings: LazySettings):
    settings.CSRF_FAILURE_VIEW = "ivigsite.accounts.views.csrf_failure"
    strict = Client(enforce_csrf_checks=True)

    response = strict.post(
        "/echo/", {"comment": "gums <b>bleed</b>", "your_password": "secret", "csrfmiddlewaretoken": "stale"}
    )

    page = response.content.decode()
    assert response.status_code == 403
    assert "This form was open for too long" in page
    assert "gums &lt;b&gt;bleed&lt;/b&gt;" in page
    assert "secret" not in page
    assert "stale" not in page


def test_htmx_is_told_what_the_policy_demands(client: Client):
    page = client.get("/login/").content.decode()

    for setting in (
        '"includeIndicatorStyles":false',
        '"allowEval":false',
        '"allowScriptTags":false',
        '"selfRequestsOnly":true',
        '"historyCacheSize":0',
        '"refreshOnHistoryMiss":true',
        '"historyRestoreAsHxRequest":false',
        '"timeout":15000',
    ):
        assert setting in page


def test_every_page_says_that_it_is_a_demo_and_what_it_is_not(client: Client):
    page = client.get("/login/").content.decode()

    assert "fictional patients – not for clinical use" in page
    assert "Decision support, pending human clinical review. The clinician decides." in page


def test_page_outside_the_demo_says_nothing_of_one(client: Client, settings: LazySettings):
    settings.DEMO = False

    assert "fictional" not in client.get("/login/").content.decode()
