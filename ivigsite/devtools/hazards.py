"""`python3 -m ivigsite.devtools.hazards`: docs/hazards.md, from docs/hazards.toml and the marks of tests."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOG = "docs/hazards.toml"
PAGE = "docs/hazards.md"

_HEAD = """# Hazards

Made from [hazards.toml](hazards.toml) and from the tests that carry `@pytest.mark.hazard(id)`; do not edit it
by hand. After a change: `python3 -m ivigsite.devtools.hazards`. Severities are a first estimate that a
clinical safety officer has to own.
"""


class UnknownHazard(ValueError):
    """A test names a hazard that the log does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedTest:
    """One test and the hazards it checks."""

    path: str
    name: str
    hazards: tuple[str, ...]


def marked_tests(root: Path) -> list[MarkedTest]:
    """Every test with a mark of its own, of its class or of its whole file, in the order of the files."""
    return [test for path in sorted((root / "tests").rglob("test_*.py")) for test in _tests_of(path, root)]


def hazards_markdown(root: Path) -> str:
    """The page; raises `UnknownHazard`."""
    log = tomllib.loads((root / LOG).read_text())
    tests = marked_tests(root)
    known = [row["id"] for row in log["hazards"]]
    if strangers := {key for test in tests for key in test.hazards} - set(known):
        raise UnknownHazard(f"The log has no hazard {', '.join(sorted(strangers))}.")
    checked = {key: [test for test in tests if key in test.hazards] for key in known}
    without = [key for key in known if not checked[key]]
    have = f"{len(known) - len(without)} of {len(known)} hazards have a test of their own."
    parts = [
        _HEAD,
        f"{have} Without one: {', '.join(without) or 'none'}.",
        "",
        "What no software can give:",
        "",
        *(f"- {line}" for line in log["open_to_people"]),
    ]
    for row in log["hazards"]:
        parts += ["", f"## {row['id']}", "", row["hazard"], "", f"- Before any control: {row['severity']}."]
        parts += [f"- Control: {row['control']}", *_test_lines(checked[row["id"]])]
    return "\n".join(parts) + "\n"


def _test_lines(tests: list[MarkedTest]) -> list[str]:
    if not tests:
        return ["- Tests: none yet."]
    by_path: dict[str, list[str]] = {}
    for test in tests:
        by_path.setdefault(test.path, []).append(test.name)
    return ["- Tests:", *(f"  - `{path}`: {', '.join(_words(n) for n in by_path[path])}" for path in by_path)]


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def _tests_of(path: Path, root: Path) -> Iterator[MarkedTest]:
    tree = ast.parse(path.read_text())
    whole_file = tuple(
        key
        for node in tree.body
        if isinstance(node, ast.Assign) and any(_is_name(target, "pytestmark") for target in node.targets)
        for key in _hazards_in(node.value)
    )
    relative = str(path.relative_to(root))
    for node in tree.body:
        of_class = _of_decorators(node) if isinstance(node, ast.ClassDef) else ()
        for test in node.body if isinstance(node, ast.ClassDef) else [node]:
            if not (isinstance(test, ast.FunctionDef) and test.name.startswith("test_")):
                continue
            hazards = dict.fromkeys((*whole_file, *of_class, *_of_decorators(test)))
            if hazards:
                yield MarkedTest(path=relative, name=test.name, hazards=tuple(hazards))


def _of_decorators(node: ast.ClassDef | ast.FunctionDef) -> tuple[str, ...]:
    return tuple(key for decorator in node.decorator_list for key in _hazards_in(decorator))


def _hazards_in(expression: ast.expr) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "hazard":
            yield from (
                argument.value
                for argument in node.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


if __name__ == "__main__":
    (ROOT / PAGE).write_text(hazards_markdown(ROOT))
