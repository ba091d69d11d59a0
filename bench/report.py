"""A figure with its target, and the page they are all written to."""

import os
import platform
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from ivigsite.bootstrap import chromium_program

# Above this share of the cores taken by others, what takes long is interrupted more often than what is short.
QUIET_LOAD_PER_CORE = 0.5
BUSY = (
    "The machine was busy with other things when the run began: times and ratios of what takes longer than"
    " a few milliseconds are overstated."
)
NOT_MEASURED = "not measured in this run"
INTRODUCTION = (
    "Written by `python3 manage.py bench`; do not edit. Ratios compare what was measured in turns within this"
    " one run, as medians; times alone depend on the machine and on what else it was doing."
)
HEADINGS = ("Figure", "Target", "Measured", "Met", "How")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that was measured, and the limit it should keep to; without a limit it is only reported."""

    what: str
    value: float | None
    unit: str
    limit: float | None = None
    bound: Literal["at most", "at least"] = "at most"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None where there is nothing to hold it to."""
        if self.value is None or self.limit is None:
            return None
        return self.value <= self.limit if self.bound == "at most" else self.value >= self.limit

    @property
    def row(self) -> tuple[str, ...]:
        target = "–" if self.limit is None else f"{self.bound} {with_unit(self.limit, self.unit)}"
        measured = NOT_MEASURED if self.value is None else with_unit(self.value, self.unit)
        return self.what, target, measured, {True: "yes", False: "**no**", None: "–"}[self.met], self.note


def with_unit(number: float, unit: str) -> str:
    return f"{short(number)} {unit}".strip()


def short(number: float) -> str:
    """Three digits that mean something, and no more."""
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}" if number >= 0.1 else f"{number:.3f}"


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(headings)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def is_busy(load: float, *, cores: int) -> bool:
    return load > QUIET_LOAD_PER_CORE * cores


def results_page(
    sections: Mapping[str, list[Figure]], *, facts: Mapping[str, str], seconds: float, was_busy: bool
) -> str:
    """The whole of RESULTS.md."""
    figures = [figure for section in sections.values() for figure in section]
    met = sum(1 for figure in figures if figure.met)
    judged = sum(1 for figure in figures if figure.met is not None)
    parts = [
        "# Figures",
        INTRODUCTION,
        f"{met} of {judged} figures with a target keep to it. The run took {seconds:.0f} s.",
        *([BUSY] if was_busy else []),
        "## The machine",
        table(("What", "Value"), facts.items()),
    ]
    for title, section in sections.items():
        parts += [f"## {title}", table(HEADINGS, (figure.row for figure in section))]
    return "\n\n".join(parts) + "\n"


def machine_facts(*, today: date, load_before: float) -> dict[str, str]:
    """What the figures depend on, without the name of the machine or of anything on it."""
    return {
        "Date": today.isoformat(),
        "Cores": str(cores()),
        "Memory": f"{memory_gib():.0f} GiB",
        "Load before the run": f"{load_before:.1f}",
        "CPython": platform.python_version(),
        "Django": version("Django"),
        "WeasyPrint": version("WeasyPrint"),
        "Granian": version("granian"),
        "SQLite": sqlite3.sqlite_version,
        "Chromium": chromium_version(),
    }


def cores() -> int:
    return len(os.sched_getaffinity(0))


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def chromium_version() -> str:
    program = chromium_program()
    if not program:
        return "none"
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return next((word for word in answer.stdout.split() if word[:1].isdigit()), "unknown")


def write_results(path: Path, page: str) -> None:
    path.write_text(page)
