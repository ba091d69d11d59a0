#!/usr/bin/env python3
"""The one way in: set-up, the demonstration, the tests, and every Django command."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ivigsite import bootstrap

# These start before Django's settings are read, because they decide what the settings will say.
OWN_COMMANDS = {"demo": "ivigsite.demo", "test": "ivigsite.devtools.suite", "bench": "bench.run"}

# These touch what is known, not who is treated: without a configured site they answer from the demonstration.
KNOWLEDGE_COMMANDS = {"check_protocol", "evaluate", "facts_doc", "facts_schema"}


def main(arguments: Sequence[str]) -> int:
    bootstrap.enter(Path(__file__).resolve().parent, arguments)
    command = arguments[0] if arguments else "help"
    if command in OWN_COMMANDS:
        return int(import_module(OWN_COMMANDS[command]).main(list(arguments[1:])))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivigsite.settings")
    if command in KNOWLEDGE_COMMANDS and not any(name.startswith("IVIGSITE_") for name in os.environ):
        os.environ["IVIGSITE_DEMO"] = "1"
        if command == "evaluate" and "--content" not in arguments:
            import_module("ivigsite.demo").prepare_missing_database()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line([sys.argv[0], *arguments])
    except ImproperlyConfigured as refusal:
        # It says what to set; the lines of code that led there would only hide it.
        raise SystemExit(f"manage.py: {refusal}") from None
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
