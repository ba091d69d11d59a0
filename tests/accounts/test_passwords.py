from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from ivigsite.accounts.actions import change_password, check_credentials, confirm_password
from ivigsite.accounts.models import FailedPasswords
from ivigsite.accounts.passwords import WrongPassword
from ivigsite.audit.models import AuditEntry
from tests.accounts.factory import PASSWORD, make_user

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def refusal(username: str, *, password: str = "wrong", at: datetime = NOON) -> WrongPassword:
    with pytest.raises(WrongPassword) as caught:
        check_credentials(username=username, password=password, at=at)
    return caught.value


def fail_patiently(username: str, times: int) -> list[int]:
    """Fail so often, each time after the wait that the last failure brought, and return the waits."""
    at, waits = NOON, []
    for _ in range(times):
        wait = refusal(username, at=at).wait_seconds
        waits.append(wait)
        at += timedelta(seconds=wait)
    return waits


@pytest.mark.django_db
def test_right_password_returns_its_owner():
    user = make_user()

    assert check_credentials(username=user.username.upper(), password=PASSWORD, at=NOON) == user


@pytest.mark.django_db
def test_wait_grows_from_the_fourth_failure_and_the_tenth_locks():
    assert fail_patiently(make_user().username, 10) == [0, 0, 0, 2, 4, 8, 16, 32, 64, 15 * 60]


@pytest.mark.django_db
def test_name_that_nobody_has_waits_like_any_other():
    assert fail_patiently("nobody", 10) == fail_patiently(make_user().username, 10)


@pytest.mark.django_db
def test_refusal_says_the_same_for_a_name_that_nobody_has():
    assert refusal("nobody").message == refusal(make_user().username).message


@pytest.mark.django_db
@pytest.mark.parametrize("failures_before", [0, 5])
def test_name_that_nobody_has_costs_as_much_hashing(failures_before: int):
    known = make_user().username
    for username in (known, "nobody"):
        for failure in range(failures_before):
            refusal(username, at=NOON + timedelta(hours=failure))
    hashings = {}
    for username in (known, "nobody"):
        with patch(
            "django.contrib.auth.hashers.MD5PasswordHasher.encode", return_value="md5$salt$x"
        ) as encode:
            refusal(username, at=NOON + timedelta(hours=failures_before))
        hashings[username] = encode.call_count

    assert hashings[known] == hashings["nobody"] == 1


@pytest.mark.django_db
def test_right_password_is_refused_while_the_account_waits():
    user = make_user()
    fail_patiently(user.username, 3)
    wait = refusal(user.username).wait_seconds

    early = refusal(user.username, password=PASSWORD, at=NOON + timedelta(seconds=wait - 1))

    assert early.wait_seconds == 1
    assert (
        check_credentials(username=user.username, password=PASSWORD, at=NOON + timedelta(seconds=wait))
        == user
    )


@pytest.mark.django_db
def test_try_that_began_before_a_free_one_was_counted_is_counted_too():
    user = make_user()
    refusal(user.username, at=NOON)

    assert refusal(user.username, at=NOON - timedelta(milliseconds=20)).wait_seconds == 0
    assert FailedPasswords.objects.get().count == 2


@pytest.mark.django_db
def test_attempt_during_the_wait_is_not_counted():
    user = make_user()
    fail_patiently(user.username, 4)

    refusal(user.username)

    assert FailedPasswords.objects.get().count == 4


@pytest.mark.django_db
def test_lock_ends_after_a_quarter_of_an_hour_and_the_count_starts_anew():
    user = make_user()
    waits = fail_patiently(user.username, 10)
    locked_at = NOON + timedelta(seconds=sum(waits[:-1]))

    still = refusal(user.username, password=PASSWORD, at=locked_at + timedelta(minutes=14, seconds=59))
    after = refusal(user.username, at=locked_at + timedelta(minutes=15))

    assert still.wait_seconds == 1
    assert after.wait_seconds == 0
    assert FailedPasswords.objects.get().count == 1


@pytest.mark.django_db
def test_lock_is_told_in_minutes():
    user = make_user()
    fail_patiently(user.username, 9)

    locked = refusal(user.username, at=NOON + timedelta(hours=1))

    assert "Wait 15 minutes" in locked.message


@pytest.mark.django_db
def test_success_forgets_the_failures():
    user = make_user()
    fail_patiently(user.username, 3)

    check_credentials(username=user.username, password=PASSWORD, at=NOON)

    assert fail_patiently(user.username, 3) == [0, 0, 0]


@pytest.mark.django_db
@pytest.mark.hazard("H25")
def test_one_persons_failures_do_not_lock_out_the_ward():
    fail_patiently(make_user().username, 10)
    colleague = make_user()

    assert check_credentials(username=colleague.username, password=PASSWORD, at=NOON) == colleague


@pytest.mark.django_db
def test_disabled_account_is_refused_like_a_wrong_password():
    user = make_user(is_active=False)

    assert refusal(user.username, password=PASSWORD).message == refusal("nobody").message


@pytest.mark.django_db
def test_failures_are_kept_without_what_was_typed():
    refusal("my password in the wrong field")

    assert "password" not in FailedPasswords.objects.get().username_digest
    entry = AuditEntry.objects.get(action="password.wrong")
    assert entry.details == {"failures": 1, "known_user": False}


@pytest.mark.django_db
def test_failures_and_the_lock_are_in_the_audit_trail():
    user = make_user()

    fail_patiently(user.username, 10)

    entries = list(AuditEntry.objects.values_list("action", "object_id"))
    assert entries == [("password.wrong", user.pk)] * 9 + [("password.locked", user.pk)]


@pytest.mark.django_db
def test_confirming_the_password_lets_one_action_pass():
    user = make_user()

    confirm_password(user=user, password=PASSWORD, at=NOON)

    assert not FailedPasswords.objects.exists()


@pytest.mark.django_db
def test_confirming_with_a_wrong_password_counts_towards_the_lock():
    user = make_user()
    fail_patiently(user.username, 9)

    with pytest.raises(WrongPassword):
        confirm_password(user=user, password="wrong", at=NOON + timedelta(hours=1))

    with pytest.raises(WrongPassword):
        confirm_password(user=user, password=PASSWORD, at=NOON + timedelta(hours=1, minutes=14))


@pytest.mark.django_db(transaction=True)
def test_failure_cannot_be_counted_inside_an_action_that_may_be_rolled_back():
    user = make_user()

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        confirm_password(user=user, password="wrong", at=NOON)


@pytest.mark.django_db
def test_changed_password_replaces_the_old_one():
    user = make_user()

    change_password(user=user, new_password="an orange lighthouse by noon", by=user, at=NOON)

    refusal(user.username, password=PASSWORD)
    assert check_credentials(username=user.username, password="an orange lighthouse by noon", at=NOON) == user


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("kettleviole", "12 characters"),
        ("password1234", "too common"),
        ("immunoglobulin1", "word of this place"),
        ("Platelet-ivig-1", "word of this place"),
        ("k" * 60 + "v" * 69, "at most 128"),
    ],
)
def test_weak_password_is_refused(password: str, reason: str):
    with pytest.raises(ValidationError, match=reason):
        validate_password(password)


@pytest.mark.parametrize(
    "password",
    [
        "violet kettl",
        "ケトルと港のうた、むらさき",
        "my platelets love a harbour walk",
        "kv" * 64,
        "🫖 🫖 🫖 violet harbour",
    ],
)
def test_long_password_of_any_characters_is_accepted(password: str):
    validate_password(password)
