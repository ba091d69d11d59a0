import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from protocols.content_files import ContentError, load_content
from protocols.engine.review import stops_of


class Command(BaseCommand):
    help = (
        "Print the problems of a content file or directory as JSON, and the cases of it that fail. "
        "Exit code 0: none, 1: some, 2: it cannot be read."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="a .toml file, or a directory of them")

    def handle(self, *, path: Path, **_options: Any) -> None:
        try:
            protocol = load_content(path)
        except ContentError as error:
            raise CommandError(str(error), returncode=2) from error
        # The cases are tried on a protocol that answers everybody, and on no other.
        problems = stops_of(protocol)
        self.stdout.write(json.dumps([asdict(problem) for problem in problems], indent=2))
        if problems:
            sys.exit(1)
