from datetime import date
from pathlib import Path

from bench.setup_times import SetupTimes, read_times, setup_figures, write_times

TIMES = SetupTimes(measured_on=date(2026, 11, 23), cold_s=31.5, repeated_s=2.1)


def test_times_are_read_back_as_they_were_written(tmp_path: Path):
    path = tmp_path / "setup-times.json"

    write_times(TIMES, path)

    assert read_times(path) == TIMES


def test_times_that_nobody_measured_are_shown_as_not_measured(tmp_path: Path):
    figures = setup_figures(read_times(tmp_path / "missing.json"))

    assert [figure.value for figure in figures] == [None, None]
    assert all("python3 -m bench.setup_times" in figure.note for figure in figures)


def test_times_are_held_to_their_targets():
    slow = SetupTimes(measured_on=TIMES.measured_on, cold_s=60.1, repeated_s=5.0)

    assert [figure.met for figure in setup_figures(TIMES)] == [True, True]
    assert [figure.met for figure in setup_figures(slow)] == [False, True]
