import sys
from typing import Any

from django.core.management.base import BaseCommand

from protocols.lifecycle import State
from protocols.mapping import SealBroken, check_seal
from protocols.models import ProtocolVersion


class Command(BaseCommand):
    help = "Compare the content of every submitted version with its seal. Exit code 1 if one is broken."

    def handle(self, **_options: Any) -> None:
        broken = False
        for version in ProtocolVersion.objects.exclude(state=State.DRAFT).order_by("slug", "number"):
            try:
                check_seal(version)
            except SealBroken as error:
                broken = True
                self.stderr.write(f"BROKEN {error}")
            else:
                self.stdout.write(f"sealed {version} {version.seal}")
        if broken:
            sys.exit(1)
