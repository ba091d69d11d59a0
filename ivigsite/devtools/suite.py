"""`manage.py test`: the fast checks, then every test, on both databases and in a real browser.

With arguments it runs pytest once with those arguments and leaves the checks out.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ivigsite.devtools import checks, postgres

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "var/test"
BYTECODE = ROOT / "var/bytecode"
# Without a database; the second sort evaluates so many patients that coverage would take most of its time.
ENGINE_TESTS = ("tests/engine",)
SWEEPING_TESTS = ("tests/properties", "tests/oracle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One pytest process over one part of the tests."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            passed=self.passed + other.passed,
            failed=self.failed + other.failed,
            errors=self.errors + other.errors,
            skipped=self.skipped + other.skipped,
        )


def main(arguments: Sequence[str]) -> int:
    if arguments:
        say("pytest alone, with your arguments; without arguments every check and every test runs")
        return run_pytest(arguments, {})
    return run_everything()


def run_everything() -> int:
    start = time.monotonic()
    REPORTS.mkdir(parents=True, exist_ok=True)
    for report in REPORTS.glob("*.xml"):
        report.unlink()
    failures: list[str] = []
    total = Count()
    # Most of the checks' time is one program on one core, which the first tests leave no core waiting for.
    with ThreadPoolExecutor(1) as pool, postgres.database_url() as url:
        checking = pool.submit(checks.run_checks, ROOT)
        for run in runs(url):
            say(run.name)
            report = REPORTS / f"{run.name}.xml"
            exit_code = run_pytest([*run.arguments, "-q", f"--junitxml={report}"], run.environment)
            total += read_report(report)
            if exit_code:
                failures.append(f"tests: {run.name}")
        say("fast checks")
        for outcome in checking.result():
            print_outcome(outcome)
            if not outcome.passed:
                failures.append(f"check: {outcome.name}")
                total += Count(failed=1)
    if failures and not (total.failed or total.errors):
        # A run that broke off, or whose coverage fell short, has no failed test to show for it.
        total += Count(errors=len(failures))
    say("summary")
    print(*(failures or ["everything passed"]), sep="\n")  # noqa: T201
    print(closing_line(total, seconds=time.monotonic() - start), flush=True)  # noqa: T201
    return 1 if failures else 0


def runs(postgres_url: str) -> list[Run]:
    chosen, cores = os.environ.get("IVIGSITE_TEST_WORKERS"), min(os.cpu_count() or 1, 4)
    count = chosen or str(cores)
    # A worker that has done its share takes from the others: some tests take a hundred times as long as most.
    workers = ("-n", count, "--dist", "worksteal")
    site = ("tests", *(f"--ignore={path}" for path in (*ENGINE_TESTS, *SWEEPING_TESTS)))
    sqlite = {"DATABASE_URL": ""}
    return [
        Run(
            name="engine",
            arguments=(
                *(*ENGINE_TESTS, *workers, "--cov=protocols/engine", "--cov-branch"),
                *("--cov-report=term-missing:skip-covered", "--cov-fail-under=100"),
            ),
            environment=sqlite,
        ),
        # What takes long to make there is asked for in one file, and by no worker but the one that has it.
        Run(
            name="sweeps", arguments=(*SWEEPING_TESTS, "-n", count, "--dist", "loadfile"), environment=sqlite
        ),
        Run(name="sqlite", arguments=(*site, *workers, "-m", "not browser"), environment=sqlite),
        Run(
            name="postgresql",
            arguments=(*site, *workers, "-m", "database and not browser and not one_database"),
            environment={"DATABASE_URL": postgres_url},
        ),
        # One more than there are cores: each waits for its browser, for keys that come slowly and for clocks.
        Run(
            name="browser",
            arguments=(
                *(*browser_files(), "-n", chosen or str(cores + 1)),
                *("--dist", "worksteal", "-m", "browser"),
            ),
            environment=sqlite,
        ),
    ]


def browser_files() -> list[str]:
    """Every file with a test in a browser, so that no worker reads the hundreds that have none."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if "mark.browser" in file.read_text()]


def run_pytest(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    # Named there, the settings would be read before tests/conftest.py has said where the tests live.
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    # Compiled once for every worker of every run, also where the caller keeps such files out of his tree.
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(BYTECODE)}
    command = [sys.executable, "-m", "pytest", *arguments]
    environment = {**inherited, **compiled, **environment}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def read_report(path: Path) -> Count:
    """What pytest wrote; a run that broke before it wrote anything is one error."""
    if not path.exists():
        return Count(errors=1)
    suite = next(ElementTree.parse(path).getroot().iter("testsuite"))  # noqa: S314
    total, failed, errors, skipped = (
        int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")
    )
    return Count(passed=total - failed - errors - skipped, failed=failed, errors=errors, skipped=skipped)


def closing_line(count: Count, *, seconds: float) -> str:
    """In pytest's own words, so that whoever reads its last line can read this one."""
    words = [
        f"{number} {word}"
        for number, word in (
            (count.failed, "failed"),
            (count.passed, "passed"),
            (count.skipped, "skipped"),
            (count.errors, "error" if count.errors == 1 else "errors"),
        )
        if number
    ]
    minutes = f"{int(seconds) // 60}:{int(seconds) % 60:02}"
    return f" {', '.join(words) or 'no tests ran'} in {seconds:.2f}s ({minutes}) ".center(80, "=")


def print_outcome(outcome: checks.Outcome) -> None:
    word = "passed" if outcome.passed else "FAILED"
    print(f"  {outcome.name:<14} {word} {outcome.seconds:6.1f} s")  # noqa: T201
    if not outcome.passed:
        print("\n".join(f"    {line}" for line in outcome.output.splitlines()))  # noqa: T201


def say(message: str) -> None:
    print(f" {message} ".center(80, "-"), flush=True)  # noqa: T201
