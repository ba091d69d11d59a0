from typing import Any

from django.core.management.base import BaseCommand

from protocols.facts_doc import facts_markdown


class Command(BaseCommand):
    help = "Print docs/facts.md from the catalogue of facts."
    requires_system_checks = []

    def handle(self, **_options: Any) -> None:
        self.stdout.write(facts_markdown(), ending="")
