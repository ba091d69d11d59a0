from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ivigsite.downtime.actions import write_folder
from ivigsite.downtime.folder import AlreadyBeingWritten, root
from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.states import Paper


class Command(BaseCommand):
    help = (
        "Write the downtime folder: the forms and tables of every approved version, and each ward's orders."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--paper", choices=[paper.value for paper in Paper], default=settings.SHEET_PAPER)

    def handle(self, *, paper: str, **_options: Any) -> None:
        try:
            written = write_folder(by=None, at=timezone.now(), paper=Paper(paper))
        except AlreadyBeingWritten as error:
            raise CommandError("The downtime folder is being written already.") from error
        except SheetFailed as failure:
            raise CommandError(f"The downtime folder was not written: {failure}") from failure
        if not written.packs:
            raise CommandError("No protocol version is approved, so there is nothing to write.")
        self.stdout.write(f"Wrote {written.files} file(s) under {root()}.")
