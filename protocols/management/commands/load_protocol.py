from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from protocols.actions import ContentRefused, import_draft
from protocols.content_files import SHIPPED, ContentError, load_content
from protocols.reading import version_with_content


class Command(BaseCommand):
    help = "Store protocol content as a draft, unless a version with the same content is there already."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", type=Path, nargs="?", default=SHIPPED, help="file or directory; else what is shipped"
        )
        parser.add_argument("--author", metavar="USERNAME", help="who answers for it; else nobody yet")

    def handle(self, *, path: Path, author: str | None, **options: Any) -> None:
        try:
            protocol = load_content(path)
        except ContentError as error:
            raise CommandError(str(error)) from error
        if there := version_with_content(protocol):
            self._say(f"This content is there already: {there}.", options)
            return
        try:
            version = import_draft(
                protocol=protocol,
                change_note=f"Loaded from {path.name}.",
                by=_person(author),
                at=timezone.now(),
            )
        except ContentRefused as error:
            raise CommandError(str(error)) from error
        self._say(f"Loaded {version}.", options)

    def _say(self, text: str, options: dict[str, Any]) -> None:
        if options["verbosity"]:
            self.stdout.write(text)


def _person(username: str | None) -> Any:
    if username is None:
        return None
    found = get_user_model()._default_manager.filter(username=username).first()
    if found is None:
        raise CommandError(f"There is no user {username}.")
    return found
