import time
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.utils import timezone

from ivigsite.revisions.proofs import work_off
from protocols.actions import take_effect

_PAUSE_SECONDS: Final = 2


class Command(BaseCommand):
    help = "Make the comparisons and replays that people ask for. Run as many as there are cores to spare."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when nothing waits any more")

    def handle(self, *, once: bool, **_options: Any) -> None:
        while True:
            take_effect(at=timezone.now())
            count = work_off()
            if count:
                self.stdout.write(f"Made {count} proof(s).")
            if once:
                return
            time.sleep(_PAUSE_SECONDS)
