from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from ivigsite.accounts import sessions
from ivigsite.accounts.actions import save_user
from ivigsite.accounts.models import SignIn, User
from ivigsite.accounts.roles import Role
from ivigsite.audit.models import AuditEntry
from tests.accounts.factory import make_user

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
IDLE = timedelta(minutes=10)


def signed_in(user: User | None = None) -> Client:
    client = Client()
    with time_machine.travel(NOON, tick=False):
        client.force_login(user or make_user())
    return client


def status(client: Client, after: timedelta, path: str = "/page/", **headers: str) -> int:
    with time_machine.travel(NOON + after, tick=False):
        return client.get(path, headers=headers).status_code


@pytest.mark.hazard("H23")
def test_session_holds_until_ten_idle_minutes_have_passed():
    assert status(signed_in(), IDLE - timedelta(seconds=1)) == 200
    assert status(signed_in(), IDLE) == 302


def test_what_a_person_does_starts_the_ten_minutes_anew():
    client = signed_in()

    assert status(client, timedelta(minutes=9)) == 200
    assert status(client, timedelta(minutes=18)) == 200
    assert status(client, timedelta(minutes=28)) == 302


@pytest.mark.hazard("H23")
def test_polls_never_extend_a_session():
    client = signed_in()

    polled = [status(client, timedelta(seconds=30 * n), **{"X-Poll": "1"}) for n in range(1, 20)]

    assert polled == [200] * 19
    assert status(client, IDLE) == 302


def test_view_that_only_polls_never_extends_a_session():
    client = signed_in()

    assert status(client, timedelta(minutes=9), "/poll/") == 200
    assert status(client, IDLE, "/poll/") == 302


def test_page_that_does_not_exist_never_extends_a_session():
    client = signed_in()

    assert status(client, timedelta(minutes=9), "/nothing/") == 404
    assert status(client, IDLE) == 302


def test_shift_ends_after_twelve_hours_however_busy():
    client = signed_in()
    busy = [status(client, timedelta(minutes=9 * n)) for n in range(1, 80)]

    assert busy == [200] * 79
    assert status(client, timedelta(hours=12) - timedelta(seconds=1)) == 200
    assert status(client, timedelta(hours=12)) == 302


def test_ended_session_says_why_at_the_login_page_and_in_the_audit_trail():
    client = signed_in()

    with time_machine.travel(NOON + IDLE, tick=False):
        response = client.get("/page/")

    assert response["Location"] == "/login/?next=%2Fpage%2F&because=idle"
    assert SignIn.objects.get().ending == "idle"
    assert AuditEntry.objects.filter(action="session.idle").count() == 1


def test_fragment_of_an_ended_session_moves_the_whole_page():
    client = signed_in()

    with time_machine.travel(NOON + IDLE, tick=False):
        response = client.post("/page/", headers={"HX-Request": "true"})

    assert response.status_code == 401
    assert response["HX-Redirect"].startswith("/login/")


def test_ended_session_does_not_come_back():
    client = signed_in()
    status(client, IDLE)

    assert status(client, timedelta(seconds=1)) == 302


def test_session_of_a_disabled_account_ends_at_once():
    user = make_user()
    client = signed_in(user)

    User.objects.filter(pk=user.pk).update(is_active=False)

    assert status(client, timedelta(seconds=1)) == 302


def test_session_ends_when_the_password_is_changed_behind_our_back():
    user = make_user()
    client = signed_in(user)

    user.set_password("an orange lighthouse by noon")
    user.save()

    assert status(client, timedelta(seconds=1)) == 302


@pytest.mark.parametrize("changed", ["role", "is_active", "new_password"])
def test_sessions_end_when_an_administrator_changes_what_somebody_may_do(changed: str):
    user = make_user()
    client = signed_in(user)

    save_user(user=user, changed=[changed], by=make_user(Role.ADMIN), at=NOON)

    assert status(client, timedelta(seconds=1)) == 302
    assert SignIn.objects.get(user=user).ending == "account_changed"


def test_sessions_live_on_when_an_administrator_corrects_a_name():
    user = make_user()
    client = signed_in(user)

    save_user(user=user, changed=["full_name"], by=make_user(Role.ADMIN), at=NOON)

    assert status(client, timedelta(seconds=1)) == 200


def test_answer_says_how_long_the_session_lasts():
    client = signed_in()

    with time_machine.travel(NOON + timedelta(minutes=4), tick=False):
        polled = client.get("/page/", headers={"X-Poll": "1"})
        meant = client.get("/page/")

    assert polled["X-Session-Seconds-Left"] == "360"
    assert meant["X-Session-Seconds-Left"] == "600"


def test_near_the_end_of_the_shift_the_answer_counts_down_to_it():
    user = make_user()
    sign_in = SignIn(user=user, started_at=NOON, last_active_at=NOON + timedelta(hours=11, minutes=59))

    assert sessions.seconds_left(sign_in, at=NOON + timedelta(hours=11, minutes=59)) == 60


def test_stay_signed_in_is_something_a_person_does():
    client = signed_in()

    with time_machine.travel(NOON + timedelta(minutes=9), tick=False):
        response = client.post("/me/stay/")

    assert response.status_code == 204
    assert status(client, timedelta(minutes=18)) == 200


def test_busy_session_is_written_once_in_a_while_only(django_assert_num_queries):
    client = signed_in()
    status(client, timedelta(seconds=20))

    with django_assert_num_queries(2):
        status(client, timedelta(seconds=21))


def test_signed_in_page_costs_the_session_and_one_query_more(django_assert_num_queries):
    client = signed_in()

    with django_assert_num_queries(2):
        status(client, timedelta(seconds=1))


def test_person_sees_every_place_where_they_are_signed_in():
    user = make_user()
    signed_in(user)
    here = signed_in(user)
    signed_in(make_user())

    with time_machine.travel(NOON, tick=False):
        page = here.get("/me/").content.decode()

    assert page.count("End this session</button>") == 1
    assert page.count("This session") == 1


def test_person_ends_a_session_elsewhere():
    user = make_user()
    elsewhere, here = signed_in(user), signed_in(user)

    with time_machine.travel(NOON, tick=False):
        other = SignIn.objects.exclude(pk=here.session["sign_in_id"]).get()
        here.post(f"/me/sessions/{other.pk}/end/")

    assert status(elsewhere, timedelta(seconds=1)) == 302
    assert status(here, timedelta(seconds=1)) == 200
    assert AuditEntry.objects.get(action="session.ended_by_user").object_id == other.pk


@pytest.mark.parametrize("whose", ["somebody else's", "nobody's"])
def test_person_cannot_end_a_session_that_is_not_theirs(whose: str):
    colleague = signed_in()
    sign_in_id = SignIn.objects.get().pk if whose == "somebody else's" else uuid4()
    here = signed_in()

    with time_machine.travel(NOON, tick=False):
        response = here.post(f"/me/sessions/{sign_in_id}/end/")

    assert response.status_code == 404
    assert status(colleague, timedelta(seconds=1)) == 200


def test_session_is_ended_once_and_recorded_once():
    user = make_user()
    signed_in(user)
    sign_in = SignIn.objects.get()

    for _ in range(2):
        sessions.end(sign_in=sign_in, ending=SignIn.Ending.IDLE, by=None, at=NOON)

    assert AuditEntry.objects.filter(action="session.idle").count() == 1
