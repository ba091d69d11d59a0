import json
from typing import Any

from django.core.management.base import BaseCommand

from protocols.engine.facts_json import facts_schema


class Command(BaseCommand):
    help = "Print the JSON Schema of one object of facts, as `evaluate` reads it."
    requires_system_checks = []

    def handle(self, **_options: Any) -> None:
        self.stdout.write(json.dumps(facts_schema(), indent=2))
