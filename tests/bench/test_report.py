import re
from datetime import date
from pathlib import Path

import pytest

from bench.report import HEADINGS, NOT_MEASURED, Figure, is_busy, machine_facts, results_page, short, table


def figure(**changes: object) -> Figure:
    given = {"what": "Page ÷ bare view", "value": 10.0, "unit": "×", "limit": 12.0}
    return Figure(**{**given, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "met"), [(11.9, True), (12.0, True), (12.1, False)])
def test_upper_limit_is_met_up_to_and_including_it(value: float, met: bool):
    assert figure(value=value).met is met


@pytest.mark.parametrize(("value", "met"), [(999.0, False), (1000.0, True), (2500.0, True)])
def test_lower_limit_is_met_from_it_on(value: float, met: bool):
    assert figure(value=value, limit=1000, bound="at least").met is met


def test_zero_may_be_a_limit():
    assert figure(value=0, limit=0).met is True
    assert figure(value=1, limit=0).met is False


@pytest.mark.parametrize("changes", [{"value": None}, {"limit": None}])
def test_without_value_or_limit_nothing_is_met_or_missed(changes: dict[str, object]):
    assert figure(**changes).met is None


def test_row_says_target_value_and_whether_it_is_met():
    assert figure(note="30 ms ÷ 3 ms").row == (
        "Page ÷ bare view",
        "at most 12 ×",
        "10 ×",
        "yes",
        "30 ms ÷ 3 ms",
    )


def test_missed_target_stands_out():
    assert figure(value=13).row[3] == "**no**"


def test_what_was_not_measured_says_so():
    assert figure(value=None).row[2:4] == (NOT_MEASURED, "–")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.0281, "0.028"), (0.85, "0.85"), (1.184, "1.18"), (26.34, "26.3"), (2566.4, "2,566")],
)
def test_number_has_three_digits_that_mean_something(number: float, text: str):
    assert short(number) == text


def test_table_is_one_that_markdown_reads():
    lines = table(("A", "B"), [("1", "a | b"), ("2", "c")]).splitlines()

    assert lines == ["| A | B |", "| --- | --- |", "| 1 | a / b |", "| 2 | c |"]


def test_page_counts_what_is_met_among_what_has_a_target():
    sections = {
        "Pages": [figure(), figure(value=13), figure(value=None)],
        "Memory": [figure(limit=None)],
    }

    page = results_page(sections, facts={"Cores": "2"}, seconds=61.4, was_busy=False)

    assert "1 of 2 figures with a target keep to it. The run took 61 s." in page
    assert page.index("## The machine") < page.index("## Pages") < page.index("## Memory")
    assert page.count(" | ".join(HEADINGS)) == 2
    assert "| Cores | 2 |" in page


@pytest.mark.parametrize(("load", "busy"), [(0.0, False), (1.0, False), (1.1, True), (9.0, True)])
def test_two_cores_are_busy_when_more_than_one_is_taken(load: float, busy: bool):
    assert is_busy(load, cores=2) is busy


@pytest.mark.parametrize("busy", [True, False])
def test_page_says_so_when_the_machine_was_busy(busy: bool):
    page = results_page({}, facts={}, seconds=1, was_busy=busy)

    assert ("busy with other things" in page) is busy


def test_facts_name_versions_and_no_machine_and_no_folder():
    facts = machine_facts(today=date(2026, 11, 23), load_before=0.42)

    assert facts["Date"] == "2026-11-23"
    assert facts["Load before the run"] == "0.4"
    assert int(facts["Cores"]) >= 1
    assert all(re.match(r"\d+\.\d+", facts[name]) for name in ("CPython", "Django", "WeasyPrint", "Granian"))
    said = " ".join(facts.values())
    assert "/" not in said
    assert Path("/etc/hostname").read_text().strip() not in said.split()
