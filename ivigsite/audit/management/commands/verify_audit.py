from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from ivigsite.audit.actions import find_problems


class Command(BaseCommand):
    help = "Check the audit chain from its first entry to its last; exits with 1 when it does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--heads",
            type=Path,
            help="a file that export_audit_head has been appended to",
        )

    def handle(self, *, heads: Path | None, **_options: object) -> None:
        problems = find_problems(_read_heads(heads) if heads else [])
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            raise CommandError("The audit trail does not hold.")
        self.stdout.write("The audit trail holds.")


def _read_heads(path: Path) -> list[tuple[int, str]]:
    heads = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        sequence, _, digest = line.partition(" ")
        if not (sequence.isascii() and sequence.isdigit() and len(digest) == 64):
            raise CommandError(f"Line {number} of {path} is not a head of the audit trail.")
        heads.append((int(sequence), digest))
    return heads
