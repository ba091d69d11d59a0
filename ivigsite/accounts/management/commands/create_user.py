from argparse import ArgumentParser
from getpass import getpass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ivigsite.accounts.actions import create_user
from ivigsite.accounts.models import User, Ward
from ivigsite.accounts.roles import Role


class Command(BaseCommand):
    help = "Make an account, such as the first administrator's; asks for the password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--full-name", required=True)
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--registration-number", default="")
        parser.add_argument("--ward", action="append", default=[], metavar="CODE")

    def handle(
        self,
        *,
        username: str,
        full_name: str,
        role: str,
        registration_number: str,
        ward: list[str],
        **_options: object,
    ) -> None:
        if User.objects.filter(username=username.lower()).exists():
            raise CommandError(f"The user name {username.lower()} is taken.")
        wards = list(Ward.objects.filter(code__in=ward))
        if len(wards) != len(set(ward)):
            raise CommandError("There is no ward with one of these codes.")
        password = getpass("Password: ")
        try:
            validate_password(password, User(username=username, full_name=full_name))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        user = create_user(
            username=username,
            password=password,
            full_name=full_name,
            role=role,
            registration_number=registration_number,
            wards=wards,
            by=None,
            at=timezone.now(),
        )
        self.stdout.write(f"Made the account of {user}.")
