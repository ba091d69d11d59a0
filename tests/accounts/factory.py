"""Plainly fictional people, for every test that needs somebody to be signed in."""

from itertools import count

from ivigsite.accounts.models import User, Ward
from ivigsite.accounts.roles import Role

PASSWORD = "a violet kettle in the harbour"

_numbers = count(1)


def make_ward(name: str = "") -> Ward:
    number = next(_numbers)
    return Ward.objects.create(code=f"W{number}", name=name or f"Example ward {number}")


def make_user(role: Role = Role.PHYSICIAN, **fields: object) -> User:
    values: dict[str, object] = {
        "username": f"{role}-{next(_numbers)}",
        "full_name": f"Example {role.label}",
        "password": PASSWORD,
        **fields,
    }
    return User.objects.create_user(role=role, **values)  # type: ignore[arg-type]
