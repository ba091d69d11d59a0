import os
import re
import subprocess
import sys
from pathlib import Path

from bench.figures import FIGURES
from bench.run import RESULTS

ROOT = RESULTS.parents[1]


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    code = "import sys; from bench.run import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "IVIGSITE_VAR": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_figure_is_printed_and_the_page_of_results_stays_as_it_is():
    before = RESULTS.read_bytes() if RESULTS.exists() else None

    done = bench("--only", "setup")

    assert done.returncode == 0, done.stderr
    assert "Set-up on a bare machine" in done.stdout
    assert (RESULTS.read_bytes() if RESULTS.exists() else None) == before


def test_figure_that_does_not_exist_is_refused_with_those_that_do():
    done = bench("--only", "speed")

    assert done.returncode == 2
    assert all(name in done.stdout for name in FIGURES)


def test_results_hold_no_folder_and_every_group():
    page = RESULTS.read_text()

    assert all(f"## {group.title}" in page for group in FIGURES.values())
    assert not re.search(r"(?:^|[\s`])/(?:home|root|tmp|work|usr|var)\b", page)


def test_nothing_is_left_behind(tmp_path: Path):
    code = (
        "from bench.scratch import own_folder\n"
        "with own_folder() as folder:\n    print(folder)\n    (folder / 'x').write_text('x')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not Path(done.stdout.strip()).exists()
