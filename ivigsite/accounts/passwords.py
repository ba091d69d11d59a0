"""Wrong passwords: how long an account waits after them. Passwords: which ones are refused."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac

from ivigsite.accounts.models import FailedPasswords, User

FREE_TRIES = 3
LOCKED_AT = 10
LOCK = timedelta(minutes=15)

MAXIMUM_LENGTH = 128
# What somebody who stands in this ward would try first.
CONTEXT_WORDS = (
    "ivig",
    "immunoglobulin",
    "platelet",
    "thrombocyt",
    "haematolog",
    "hematolog",
    "hospital",
    "ivigsite",
)


class WrongPassword(Exception):
    """The password is not right, or the account still waits after earlier wrong ones."""

    def __init__(self, wait_seconds: int) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(self.message)

    @property
    def message(self) -> str:
        if not self.wait_seconds:
            return "The user name or password is not right."
        if self.wait_seconds < 120:
            return f"The user name or password is not right. Wait {self.wait_seconds} seconds and try again."
        minutes = -(-self.wait_seconds // 60)
        return (
            "The user name or password is not right, too many times. "
            f"Wait {minutes} minutes before you try again, or ask an administrator."
        )


def wait_seconds(username: str, *, at: datetime) -> int:
    """Return how long this user name is refused from now on; names that nobody has wait like the others."""
    failed = FailedPasswords.objects.filter(username_digest=_digest(username)).first()
    return _seconds_until(failed.refused_until, at=at) if failed else 0


def count_failure(username: str, *, at: datetime) -> FailedPasswords:
    """Count a wrong password, and double the wait from the fourth one on."""
    failed, _ = FailedPasswords.objects.select_for_update().get_or_create(username_digest=_digest(username))
    failed.count = 1 if failed.count >= LOCKED_AT else failed.count + 1
    wait = _wait_after(failed.count)
    # A free try leaves no moment behind, or one that began before it would be refused and go uncounted.
    failed.refused_until = at + wait if wait else None
    failed.save()
    return failed


def forget_failures(username: str) -> None:
    FailedPasswords.objects.filter(username_digest=_digest(username)).delete()


def _wait_after(failures: int) -> timedelta:
    if failures >= LOCKED_AT:
        return LOCK
    if failures <= FREE_TRIES:
        return timedelta()
    return timedelta(seconds=2 ** (failures - FREE_TRIES))


def _seconds_until(moment: datetime | None, *, at: datetime) -> int:
    if moment is None or moment <= at:
        return 0
    return -int((at - moment).total_seconds() // 1)


def _digest(username: str) -> str:
    return salted_hmac("ivigsite.failed-passwords", username.lower(), algorithm="sha256").hexdigest()


class MaximumLengthValidator:
    def __init__(self, max_length: int = MAXIMUM_LENGTH) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"Use at most {self.max_length} characters."


class ContextWordsValidator:
    """Refuse a password that is little more than a word of this place."""

    def validate(self, password: str, user: User | None = None) -> None:
        rest = password.lower()
        for word in sorted(CONTEXT_WORDS, key=len, reverse=True):
            rest = rest.replace(word, "")
        if len(rest) < len(password) / 2:
            raise ValidationError(self.get_help_text(), code="password_context_word")

    def get_help_text(self) -> str:
        return "Do not build it on a word of this place, such as the name of a drug or of the hospital."
