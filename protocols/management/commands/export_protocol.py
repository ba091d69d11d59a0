from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from protocols.content_files import dump_content
from protocols.mapping import load_protocol_value
from protocols.models import ProtocolVersion


class Command(BaseCommand):
    help = "Print one version as a content file, which load_protocol and check_protocol read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("number", type=int)

    def handle(self, *, slug: str, number: int, **_options: Any) -> None:
        version = ProtocolVersion.objects.filter(slug=slug, number=number).first()
        if version is None:
            raise CommandError(f"There is no version {number} of {slug}.")
        self.stdout.write(dump_content(load_protocol_value(version)), ending="")
