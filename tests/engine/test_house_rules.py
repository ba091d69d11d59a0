"""What the engine may not do: no float, no clock, no clinical number, nothing but plain Python."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import protocols

ENGINE = Path(protocols.__file__).parent / "engine"
MODULES = sorted(ENGINE.glob("*.py"))

# Published equations and criteria, and the second calculation in fractions: the numbers belong to them.
EQUATIONS = {"formulas.py", "scores.py", "reactions.py", "response.py", "ledger_check.py"}

ALLOWED_NUMBERS = {
    0: "nothing, the first, or not below",
    1: "one, the next, or the last",
    2: "two values to compare, or half-way between two",
    10: "the base in which decimals are written",
    60: "minutes in an hour, and digits of a calculation",
    100: "percent",
    1000: "microlitres in which a count of 10^9 per litre is one per microlitre",
    3: "decimals of a count in 10^9 per litre",
    4: "decimals that are read from JSON",
    6: "pieces into which a comparison of two versions cuts a range",
    8: "digits before the point that any patient can need",
    20: "characters of the longest number that is read",
    30: "digits after the point of the finest number",
    140: "characters of the longest summary on a card",
    1440: "minutes in a day",
    1024: "results kept for the next keystroke",
    4096: "vial plans kept for the next keystroke",
    100_000: "situations tried for one family of regimens",
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in MODULES:
        yield path.name, ast.parse(path.read_text(encoding="utf-8"))


def test_engine_imports_no_site_packages_and_no_environment() -> None:
    modules = ", ".join(f"protocols.engine.{path.stem}" for path in MODULES)
    program = (
        f"import sys; sys.path.insert(0, {str(ENGINE.parent.parent)!r}); import {modules}; "
        "from protocols.engine.decision import evaluate; from protocols.engine.facts import Facts; "
        "assert 'django' not in sys.modules; assert 'site' not in sys.modules"
    )

    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False, timeout=60
    )

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert ast.get_docstring(ast.parse(text))


@pytest.mark.hazard("H06")
def test_no_module_computes_in_floats() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
        or (isinstance(node, ast.Name) and node.id in ("float", "round"))
    ]

    assert found == []


def test_no_module_reads_a_clock_a_file_or_chance() -> None:
    banned = {
        "datetime",
        "time",
        "random",
        "secrets",
        "os",
        "io",
        "pathlib",
        "sys",
        "logging",
        "uuid",
        "socket",
    }
    found = [
        f"{name}: {imported}"
        for name, tree in trees()
        for node in ast.walk(tree)
        for imported in imported_by(node)
        if imported.split(".")[0] in banned or imported.startswith(("django", "ivigsite"))
    ]
    opened = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in ("open", "print", "input", "eval", "exec")
    ]

    assert found == []
    assert opened == []


def imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [str(node.module)]
    return []


def test_no_clinical_number_stands_in_python() -> None:
    found = [
        f"{name}:{node.lineno}: {node.value}"
        for name, tree in trees()
        if name not in EQUATIONS
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value not in ALLOWED_NUMBERS
    ]

    assert found == []


def test_every_allowed_number_is_used() -> None:
    used = {
        node.value
        for name, tree in trees()
        if name not in EQUATIONS
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and type(node.value) is int
    }

    assert set(ALLOWED_NUMBERS) == used


def test_decimals_written_in_python_only_say_how_finely_something_is_shown() -> None:
    written = {
        (name, node.args[0].value)
        for name, tree in trees()
        if name not in EQUATIONS
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Decimal"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }

    assert written == {
        ("dosing.py", "0.01"),
        ("infusion.py", "0.01"),
        ("infusion.py", "0.001"),
        ("course.py", "0.01"),
        ("outcome.py", "0.1"),
        ("placeholders.py", "0.1"),
        ("arrangement.py", "0.1"),
        ("anaphylaxis.py", "0.01"),
        ("behaviour.py", "0.1"),
    }
