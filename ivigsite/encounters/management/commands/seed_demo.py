from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ivigsite.encounters.demo import is_seeded, seed


class Command(BaseCommand):
    help = "Bring in the fictional people and patients of the demonstration; does nothing the second time."

    def handle(self, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Only the demonstration has fictional people: this is a real site.")
        if is_seeded():
            return
        seed(at=timezone.now())
        if options["verbosity"]:
            self.stdout.write("The demonstration has its people and patients.")
