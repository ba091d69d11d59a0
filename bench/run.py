"""`manage.py bench`: the figures of this site, most of them ratios within one run, in bench/RESULTS.md.

A figure that misses its target is written down as missed; the run itself fails only when it cannot measure.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.report import HEADINGS, Figure, cores, is_busy, machine_facts, results_page, table, write_results
from bench.scratch import Scratch, own_folder
from ivigsite.garbage import spare_what_stays

RESULTS = Path(__file__).parent / "RESULTS.md"


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    load_before = os.getloadavg()[0]
    start = time.monotonic()
    with own_folder() as folder:
        import django

        django.setup()
        from bench.figures import FIGURES

        names = options.only or list(FIGURES)
        if unknown := set(names) - set(FIGURES):
            say(f"There is no figure {', '.join(sorted(unknown))}. There are: {', '.join(FIGURES)}.")
            return 2
        with Scratch(folder) as scratch:
            sections = {FIGURES[name].title: measure(name, FIGURES[name].measure, scratch) for name in names}
        from django.utils import timezone

        facts = machine_facts(today=timezone.localdate(), load_before=load_before)
    if options.only:
        print_sections(sections)
        return 0
    seconds, was_busy = time.monotonic() - start, is_busy(load_before, cores=cores())
    write_results(RESULTS, results_page(sections, facts=facts, seconds=seconds, was_busy=was_busy))
    say(f"Written to {RESULTS.relative_to(RESULTS.parent.parent)}")
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py bench", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="measure this figure alone, print it and leave RESULTS.md as it is; may be given again",
    )
    return parser.parse_args(arguments)


def measure(name: str, call: Callable[[Scratch], list[Figure]], scratch: Scratch) -> list[Figure]:
    # As the process that serves does, so that a figure does not pay for what another has left behind.
    spare_what_stays()
    start = time.monotonic()
    say(f"{name} …")
    figures = call(scratch)
    for figure in figures:
        what, target, measured, met, _ = figure.row
        say(f"  {what}: {measured} (target {target}, met: {met.strip('*')})")
    say(f"{name} took {time.monotonic() - start:.1f} s")
    return figures


def print_sections(sections: dict[str, list[Figure]]) -> None:
    for title, figures in sections.items():
        print(f"\n{title}\n\n{table(HEADINGS, (figure.row for figure in figures))}")


def say(message: str) -> None:
    print(f"bench: {message}", flush=True)
