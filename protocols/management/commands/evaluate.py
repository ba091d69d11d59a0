import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from protocols.content_files import ContentError, load_content
from protocols.engine.decision import evaluate
from protocols.engine.facts import Facts
from protocols.engine.facts_json import FactErrors, facts_from_plain
from protocols.engine.formulary import formulary, formulary_to_plain
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.protocol import Protocol
from protocols.engine.recommendation import Gated, Recommendation
from protocols.exact_json import JsonError, read_json
from protocols.reading import DEFAULT_SLUG, NoSuchVersion, protocol_of

_INPUT_LIMIT_BYTES: Final = 64_000_000

Errors = dict[str, str]


class Command(BaseCommand):
    help = (
        "Read one JSON object of facts, or a list of them, and print what the protocol says as JSON. "
        "Exit code 2: the facts cannot be read; the errors by field are on stderr."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="a JSON file, or - for standard input")
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--content", type=Path, metavar="FILE", help="a content file instead of the database"
        )
        source.add_argument("--protocol", default=DEFAULT_SLUG, metavar="SLUG", help="default: %(default)s")
        parser.add_argument("--number", type=int, metavar="N", help="version; else the approved one")

    def handle(
        self, *, file: str, content: Path | None, protocol: str, number: int | None, **_options: Any
    ) -> None:
        if content and number is not None:
            raise CommandError("A content file has no number.", returncode=2)
        chosen = _content(content) if content else _stored(protocol, number)
        data = self._read(file)
        patients = data if isinstance(data, list) else [data]
        facts, errors = _facts(chosen, patients, numbered=isinstance(data, list))
        if errors:
            self._refuse(errors)
        outcomes = [_said(chosen, known) for known in facts]
        self.stdout.write(json.dumps(outcomes if isinstance(data, list) else outcomes[0]))

    def _read(self, file: str) -> Any:
        try:
            return read_json(_text(file))
        except (JsonError, UnicodeDecodeError) as error:
            self._refuse({"input": str(error)})

    def _refuse(self, errors: Errors) -> None:
        self.stderr.write(json.dumps(errors))
        sys.exit(2)


def _said(protocol: Protocol, facts: Facts) -> dict[str, Any]:
    """The outcome, with the formulary for what it proposes, gated or not."""
    outcome = evaluate(protocol, facts)
    proposed = outcome.provisional if isinstance(outcome, Gated) else outcome
    products = formulary(protocol, proposed) if isinstance(proposed, Recommendation) else None
    return {**outcome_to_plain(protocol, outcome), "formulary": formulary_to_plain(products)}


def _text(file: str) -> str:
    if file == "-":
        raw = sys.stdin.buffer.read(_INPUT_LIMIT_BYTES + 1)
    else:
        try:
            with Path(file).open("rb") as stream:
                raw = stream.read(_INPUT_LIMIT_BYTES + 1)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}", returncode=2) from error
    if len(raw) > _INPUT_LIMIT_BYTES:
        raise JsonError(f"there are more than {_INPUT_LIMIT_BYTES} bytes")
    return raw.decode()


def _content(path: Path) -> Protocol:
    try:
        return load_content(path)
    except ContentError as error:
        raise CommandError(str(error), returncode=2) from error


def _stored(slug: str, number: int | None) -> Protocol:
    try:
        return protocol_of(slug=slug, number=number)
    except NoSuchVersion as error:
        raise CommandError(str(error), returncode=2) from error


def _facts(protocol: Protocol, patients: list[Any], *, numbered: bool) -> tuple[list[Facts], Errors]:
    """The facts of each patient, and the errors of all of them by field, in a list as `3.weight_kg`."""
    facts: list[Facts] = []
    errors: Errors = {}
    for position, patient in enumerate(patients):
        prefix = f"{position}." if numbered else ""
        if not isinstance(patient, dict):
            errors[f"{prefix}input"] = "Give an object of facts."
            continue
        try:
            facts.append(facts_from_plain(patient, protocol))
        except FactErrors as found:
            errors |= {f"{prefix}{key}": message for key, message in found.errors.items()}
    return facts, errors
