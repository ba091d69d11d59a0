import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, load_command_class
from django.core.management.base import CommandError

from protocols.content_files import dump_content, load_content
from protocols.engine.decision import evaluate
from protocols.engine.facts import CATALOGUE, Facts
from protocols.engine.outcome import outcome_to_plain
from protocols.facts_doc import facts_markdown
from protocols.models import ProtocolVersion, Text
from tests.protocols.factory import approved, draft, person, small_protocol, submitted
from tests.protocols.test_mapping import drop_trigger

ROOT = Path(__file__).resolve().parents[2]
PATIENT: dict[str, Any] = {"platelets_per_ul": 5, "bleeding_level": "active", "weight_kg": "70.5"}


# Puts facts into a file and gives its path; text goes in as it is.
Writer = Callable[[Any], str]


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)

    @property
    def errors(self) -> Any:
        return json.loads(self.err)


def run(name: str, *arguments: str) -> Ran:
    """Run a command as the shell would see it."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return Ran(error.returncode, out.getvalue(), f"{err.getvalue()}{error}")
    except SystemExit as end:
        return Ran(int(end.code or 0), out.getvalue(), err.getvalue())
    return Ran(0, out.getvalue(), err.getvalue())


@pytest.fixture
def content(tmp_path: Path) -> str:
    path = tmp_path / "content.toml"
    path.write_text(dump_content(small_protocol()))
    return str(path)


@pytest.fixture
def facts(tmp_path: Path) -> Writer:
    path = tmp_path / "facts.json"

    def write(value: Any) -> str:
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    return write


# check_protocol


def test_a_file_without_problems_is_an_empty_list_and_exit_0(content: str) -> None:
    ran = run("check_protocol", content)

    assert (ran.code, ran.answer, ran.err) == (0, [], "")


def test_problems_are_printed_as_json_with_exit_1(tmp_path: Path) -> None:
    (tmp_path / "content.toml").write_text(dump_content(small_protocol(citations=())))

    ran = run("check_protocol", str(tmp_path))

    assert ran.code == 1
    assert {
        "section": "grade_bands",
        "key": "1",
        "field": "cites",
        "message": "The citation C10 does not exist.",
    } in ran.answer


def test_an_unreadable_file_is_exit_2_with_the_line_on_stderr_only(tmp_path: Path) -> None:
    path = tmp_path / "content.toml"
    path.write_text('title = "a"\nslug =\n')

    ran = run("check_protocol", str(path))

    assert (ran.code, ran.out) == (2, "")
    assert f"{path}, line 2" in ran.err


def test_a_missing_file_is_exit_2(tmp_path: Path) -> None:
    assert run("check_protocol", str(tmp_path / "nothing.toml")).code == 2


# load_protocol, export_protocol, verify_seals


@pytest.mark.django_db
def test_content_is_loaded_as_a_draft_of_its_author(content: str) -> None:
    author = person("author")

    ran = run("load_protocol", content, "--author", "author")

    version = ProtocolVersion.objects.get()
    assert ran.code == 0
    assert version.is_draft
    assert version.author == author
    assert "small 1 (draft)" in ran.out


@pytest.mark.django_db
def test_content_that_is_there_already_is_not_loaded_again(content: str) -> None:
    run("load_protocol", content)

    ran = run("load_protocol", content)

    assert ran.code == 0
    assert "there already: small 1 (draft)" in ran.out
    assert ProtocolVersion.objects.count() == 1


@pytest.mark.django_db
def test_content_that_is_approved_already_is_not_loaded_again(content: str) -> None:
    approved()

    assert "there already: small 1 (approved)" in run("load_protocol", content).out


@pytest.mark.django_db
def test_changed_content_is_loaded_as_the_next_version(content: str) -> None:
    approved(title="Before")

    assert "small 2 (draft)" in run("load_protocol", content).out


@pytest.mark.django_db
def test_loading_says_nothing_when_asked_to_be_quiet(content: str) -> None:
    assert run("load_protocol", content, "--verbosity", "0").out == ""


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [["/nowhere.toml"], ["--author", "nobody"]])
def test_loading_fails_with_a_word(content: str, arguments: list[str]) -> None:
    ran = run("load_protocol", *([] if arguments[0] == "/nowhere.toml" else [content]), *arguments)

    assert ran.code == 1
    assert "nowhere.toml" in ran.err or "no user nobody" in ran.err
    assert not ProtocolVersion.objects.exists()


@pytest.mark.django_db
def test_content_with_twin_rows_is_not_loaded(tmp_path: Path) -> None:
    (citation,) = small_protocol().citations
    (tmp_path / "a.toml").write_text(dump_content(small_protocol(citations=(citation, citation))))

    ran = run("load_protocol", str(tmp_path))

    assert ran.code == 1
    assert "share their key" in ran.err


@pytest.mark.django_db
def test_an_exported_version_is_read_back_equal(tmp_path: Path) -> None:
    approved()

    ran = run("export_protocol", "small", "1")

    path = tmp_path / "exported.toml"
    path.write_text(ran.out)
    assert load_content(path) == small_protocol()


@pytest.mark.django_db
def test_a_version_that_is_not_there_is_not_exported() -> None:
    ran = run("export_protocol", "small", "1")

    assert (ran.code, ran.out) == (1, "")
    assert "no version 1 of small" in ran.err


@pytest.mark.django_db
def test_whole_seals_are_named_one_a_line() -> None:
    first, second = approved(), submitted(title="Another")
    draft()

    ran = run("verify_seals")

    assert ran.code == 0
    assert first.seal in ran.out
    assert second.seal in ran.out
    assert len(ran.out.splitlines()) == 2


@pytest.mark.django_db
def test_a_broken_seal_is_exit_1() -> None:
    approved()
    drop_trigger("protocols_text", "no_update")
    Text.objects.update(body="Something else.")

    ran = run("verify_seals")

    assert ran.code == 1
    assert "BROKEN small 1" in ran.err
    assert ran.out == ""


# evaluate


def test_facts_are_evaluated_without_a_database(content: str, facts: Writer) -> None:
    ran = run("evaluate", facts(PATIENT), "--content", content)

    protocol = small_protocol()
    known = Facts(platelets_per_ul=5, bleeding_level="active", weight_kg=Decimal("70.5"))
    assert (ran.code, ran.err) == (0, "")
    answer = ran.answer
    products = answer.pop("formulary")
    assert answer == outcome_to_plain(protocol, evaluate(protocol, known))
    assert [row["product"] for row in products["products"]] == ["P30"]
    assert ran.answer["branch"] == "LOW_BRANCH"


def test_a_list_is_answered_by_a_list_in_its_order(content: str, facts: Writer) -> None:
    ran = run("evaluate", facts([PATIENT, {**PATIENT, "platelets_per_ul": 10}]), "--content", content)

    assert [outcome["grade"] for outcome in ran.answer] == [1, 0]


def test_an_empty_list_is_answered_by_an_empty_list(content: str, facts: Writer) -> None:
    assert run("evaluate", facts([]), "--content", content).answer == []


def test_facts_are_read_from_standard_input(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(json.dumps(PATIENT).encode()))
    monkeypatch.setattr(sys, "stdin", stream)

    assert run("evaluate", "-", "--content", content).answer["branch"] == "LOW_BRANCH"


def test_text_and_number_are_the_same_decimal(content: str, facts: Writer) -> None:
    as_text = run("evaluate", facts('{"platelets_per_ul": 5, "weight_kg": "70.1"}'), "--content", content)
    as_number = run("evaluate", facts('{"platelets_per_ul": 5, "weight_kg": 70.1}'), "--content", content)

    assert as_text.answer == as_number.answer


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"platelet_count": 5}, {"platelet_count"}),
        ({"platelets_per_ul": -5, "weight_kg": "heavy"}, {"platelets_per_ul", "weight_kg"}),
        ({"weight_kg": "900"}, {"weight_kg"}),
        ({"weight_kg": True}, {"weight_kg"}),
        ({"product": "P99"}, {"product"}),
        ({"bleeding_sites": "gi"}, {"bleeding_sites"}),
        ([PATIENT, {"colour": "red"}, 5], {"1.colour", "2.input"}),
        ("5", {"input"}),
        ('{"weight_kg": NaN}', {"input"}),
        ('{"weight_kg": 70, "weight_kg": 7}', {"input"}),
        ('{"weight_kg": 1e99999999}', {"input"}),
        ("", {"input"}),
        ("{", {"input"}),
    ],
)
def test_bad_facts_are_exit_2_with_errors_by_field_on_stderr_only(
    content: str, facts: Writer, given: Any, fields: set[str]
) -> None:
    ran = run("evaluate", facts(given), "--content", content)

    assert (ran.code, ran.out) == (2, "")
    assert set(ran.errors) == fields
    assert all(isinstance(message, str) and message for message in ran.errors.values())


def test_one_bad_patient_keeps_the_good_ones_unprinted(content: str, facts: Writer) -> None:
    ran = run("evaluate", facts([PATIENT] * 5 + [{"weight_kg": "x"}]), "--content", content)

    assert (ran.code, ran.out) == (2, "")


def test_bytes_that_are_no_text_are_an_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_bytes(b'{"sex": "\xff"}')

    assert set(run("evaluate", str(path), "--content", content).errors) == {"input"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["{facts}", "--content", "/nowhere.toml"],
        ["/nowhere.json", "--content", "{content}"],
        ["{facts}", "--content", "{content}", "--number", "1"],
    ],
)
def test_arguments_that_lead_nowhere_are_exit_2(content: str, facts: Writer, arguments: list[str]) -> None:
    given = [argument.format(facts=facts(PATIENT), content=content) for argument in arguments]

    ran = run("evaluate", *given)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err


@pytest.mark.django_db
def test_the_approved_version_answers_unless_a_number_is_given(facts: Writer) -> None:
    approved()
    draft(ctcae_version="10")

    by_default = run("evaluate", facts(PATIENT), "--protocol", "small")
    by_number = run("evaluate", facts(PATIENT), "--protocol", "small", "--number", "2")

    assert by_default.answer["ctcae_version"] == "5.0"
    assert by_number.answer["ctcae_version"] == "10"


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [[], ["--protocol", "small"], ["--protocol", "small", "--number", "7"]])
def test_without_such_a_version_nothing_is_evaluated(facts: Writer, arguments: list[str]) -> None:
    draft()

    ran = run("evaluate", facts(PATIENT), *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert "No version of" in ran.err or "no version 7 of small" in ran.err


# What there is to know


def test_the_schema_names_every_fact_and_no_other() -> None:
    schema = run("facts_schema").answer

    assert set(schema["properties"]) == {definition.key for definition in CATALOGUE}
    assert schema["additionalProperties"] is False


def test_the_page_about_facts_is_up_to_date() -> None:
    assert (ROOT / "docs/facts.md").read_text() == run("facts_doc").out


def test_the_page_about_facts_names_every_fact_with_its_choices() -> None:
    page = facts_markdown()

    for definition in CATALOGUE:
        assert f"| `{definition.key}` |" in page
        assert all(f"`{key}`" in page for key in definition.choice_keys)


@pytest.mark.parametrize("name", ["check_protocol", "evaluate", "facts_schema", "facts_doc"])
def test_commands_about_content_ask_for_no_checks(name: str) -> None:
    command = load_command_class("protocols", name)

    assert command.requires_system_checks == []
    assert not command.requires_migrations_checks
