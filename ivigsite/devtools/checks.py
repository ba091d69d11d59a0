"""The fast checks, which need no test: each is one command that answers yes or no."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

# Two at a time; more would only make each of them slower on a small machine.
AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    name: str
    passed: bool
    seconds: float
    output: str


def checks(root: Path) -> list[Check]:
    programs = Path(sys.executable).parent
    templates = sorted(str(path.relative_to(root)) for path in (root / "templates").rglob("*.html"))
    manage = (sys.executable, "manage.py")
    demo = {"IVIGSITE_DEMO": "1"}
    return [
        # First, because it takes longest.
        Check(name="types", command=(f"{programs}/mypy",), environment=demo),
        Check(name="format", command=(f"{programs}/ruff", "format", "--check", "."), environment={}),
        Check(name="lint", command=(f"{programs}/ruff", "check", "."), environment={}),
        Check(name="architecture", command=(f"{programs}/lint-imports",), environment=demo),
        Check(
            name="templates",
            command=(f"{programs}/djade", "--check", "--target-version", "5.2", *templates),
            environment={},
        ),
        Check(
            name="migrations", command=(*manage, "makemigrations", "--check", "--dry-run"), environment=demo
        ),
        Check(
            name="deployment",
            command=(*manage, "check", "--deploy", "--fail-level", "WARNING"),
            environment=production_environment(),
        ),
    ]


def production_environment() -> dict[str, str]:
    """What a hospital would set, with secrets made up for this run."""
    return {
        "IVIGSITE_DEMO": "0",
        "IVIGSITE_SECRET_KEY": secrets.token_urlsafe(48),
        "IVIGSITE_AUDIT_KEY": secrets.token_urlsafe(48),
        "IVIGSITE_HOSTS": "ivig.hospital.example",
    }


def run_checks(root: Path) -> list[Outcome]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda check: run_check(check, root), checks(root)))


def run_check(check: Check, root: Path) -> Outcome:
    start = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=root,
        env={**os.environ, **check.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(
        name=check.name,
        passed=done.returncode == 0,
        seconds=time.monotonic() - start,
        output=done.stdout.strip(),
    )
