"""The form of a row, without a database: each row of the shipped protocol opens and says the same again."""

from dataclasses import fields
from html.parser import HTMLParser
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from ivigsite.revisions.row_form import RowForm, Subject, with_item, without_item
from ivigsite.revisions.sections import ORDERS, SECTIONS, new_subject, rows_of_section
from protocols.engine.conditions import compile_when
from protocols.engine.plain import from_plain, to_plain
from protocols.engine.protocol import SafetyRule
from protocols.engine.review import SECTIONS as ENGINE_SECTIONS
from tests.scenario import shipped

RULE = "safety_rules"


class Browser(HTMLParser):
    """Reads a form as a browser does and keeps what it would post."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: dict[str, list[str]] = {}
        self.inside: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self.keep(given["name"], given.get("value", "on" if "checked" in given else ""))
        elif tag in ("select", "textarea"):
            self.inside = (tag, given["name"])
            if tag == "textarea":
                self.keep(given["name"], "")
        elif tag == "option" and "selected" in given and self.inside:
            self.keep(self.inside[1], given["value"])

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[0] == "textarea":
            # A browser leaves the first line break out.
            self.posted[self.inside[1]][-1] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if self.inside and tag == self.inside[0]:
            self.inside = None

    def keep(self, name: str, value: str) -> None:
        self.posted.setdefault(name, []).append(value)


def subject(section: str, key: str, row: Any) -> Subject:
    stored = {name: value for name, value in to_plain(row).items() if name != "orders"}
    if section == ORDERS:
        stored["branch"] = key.partition(".")[0]
    return new_subject(SECTIONS[section], shipped(), stored)


def stored(section: str, key: str) -> Subject:
    return next(
        subject(section, k, row) for k, row in rows_of_section(SECTIONS[section], shipped()) if k == key
    )


def query(posted: dict[str, list[str]]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, values in posted.items():
        data.setlist(name, values)
    return data


def offered(form: RowForm, path: str) -> dict[str, str]:
    """The answers of a drop-down or a list, without the empty one."""
    field: Any = form.fields[path]
    return {key: label for key, label in field.choices if key}


def as_browser(form: RowForm) -> QueryDict:
    browser = Browser()
    for part in form.children:
        browser.feed(render_to_string(part.template, {"part": part}))
    return query(browser.posted)


def changed(about: Subject, **changes: str) -> RowForm:
    data = query(RowForm(subject=about).posted())
    for name, value in changes.items():
        data[name.replace("__", "-")] = value
    return RowForm(data, subject=about)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_row_of_the_shipped_protocol_opens_and_saves_to_the_equal_value(section: str):
    for key, row in rows_of_section(SECTIONS[section], shipped()):
        about = subject(section, key, row)

        form = RowForm(query(RowForm(subject=about).posted()), subject=about)

        assert form.is_valid(), (key, form.errors)
        assert form.to_plain() == about.stored, key


@pytest.mark.parametrize("section", SECTIONS)
def test_row_as_a_browser_shows_and_posts_it_saves_to_the_equal_value(section: str):
    rows = list(rows_of_section(SECTIONS[section], shipped()))
    # The one that says most shows most of what a form can hold.
    key, row = max(rows, key=lambda pair: len(str(pair[1])))
    about = subject(section, key, row)

    form = RowForm(as_browser(RowForm(subject=about)), subject=about)

    assert form.is_valid(), form.errors
    assert form.to_plain() == about.stored


def test_condition_offers_the_comparators_and_the_unit_of_its_fact():
    form = RowForm(subject=stored("gates", "STALE_COUNT"))

    comparisons = set(offered(form, "when-0-0-comparator"))
    condition = form.parts["when"].items[0].part.items[0].part

    assert comparisons == {"is", "is_not", "below", "at_most", "above", "at_least", "known", "unknown"}
    assert condition.rest["values"].unit == "hours"
    choices = offered(form, "when-0-1-values")
    assert choices["life_threatening"] == "Life-threatening bleeding"


def test_added_condition_asks_for_its_fact_first_and_then_for_what_fits_it():
    about = stored(RULE, "HS-03")
    data = with_item(query(RowForm(subject=about).posted()), "when-0")
    form = RowForm(subject=about, typed=data)
    added = form.parts["when"].items[0].part.items[-1].part
    assert added.rest == {}

    data[f"{added.path}-fact"] = "pregnant"
    form = RowForm(subject=about, typed=data)

    fitting = set(offered(form, f"{added.path}-comparator"))
    assert fitting == {"is", "is_not", "known", "unknown"}
    assert form["text"].value() == about.stored["text"]
    assert not form.is_bound


def test_group_is_added_and_taken_away_without_losing_what_was_typed():
    about = stored(RULE, "HS-03")
    data = query(RowForm(subject=about).posted())
    data["action"] = "Typed and not saved."

    grown = with_item(data, "when")
    shrunk = without_item(without_item(grown, "when-4"), "when-0")
    form = RowForm(subject=about, typed=shrunk)

    assert grown.getlist("when-items") == ["0", "1", "2", "3", "4"]
    assert [item.index for item in form.parts["when"].items] == [1, 2, 3]
    assert form["action"].value() == "Typed and not saved."


def test_group_whose_conditions_are_all_taken_away_is_gone_and_does_not_hold_always():
    about = stored(RULE, "HS-03")
    data = query(RowForm(subject=about).posted())
    for index in ("2", "1", "0"):
        data = without_item(data, f"when-0-{index}")

    form = RowForm(data, subject=about)

    assert form.is_valid(), form.errors
    assert form.to_plain()["when"] == about.stored["when"][1:]


@pytest.mark.parametrize(
    ("section", "key", "field", "typed", "words"),
    [
        ("gates", "STALE_COUNT", "when-0-0-values", "", "Say what it is compared with."),
        ("gates", "STALE_COUNT", "when-0-0-values", "6 or 24", "Enter one number."),
        ("gates", "STALE_COUNT", "when-0-0-values", "2,4", "."),
        ("gates", "STALE_COUNT", "when-0-0-values", ".5", "Write a digit before the decimal point"),
        ("gates", "STALE_COUNT", "when-0-0-fact", "made_up", "Choose one of the answers offered."),
        ("gates", "STALE_COUNT", "when-0-0-comparator", "includes_any", "Choose one of the answers offered."),
        ("gates", "STALE_COUNT", "when-0-1-values", "made_up", "Choose from the answers offered."),
        ("regimens", "IVIG_1", "amount", "1,5", "."),
        ("regimens", "IVIG_1", "amount", "1e1", "."),
        ("regimens", "IVIG_1", "doses", "1.5", "Enter a whole number"),
        ("regimens", "IVIG_1", "amount", "", "Enter a value."),
        ("regimens", "IVIG_1", "rounding-0-step", "", "Enter a value."),
        ("regimens", "IVIG_1", "title", "a\u202eb", "hidden character"),
        ("grade_bands", "4", "upper_per_ul", "99999999999", "above the limit"),
        ("monitoring_items", "VIT-01", "due_minutes", "−60", "."),
        (RULE, "HS-03", "severity", "mild", "Choose one of the answers offered."),
        ("cases", "ADULT", "facts-0-value", "31.5", ""),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field(
    section: str, key: str, field: str, typed: str, words: str
):
    about = stored(section, key)
    data = query(RowForm(subject=about).posted())
    data[field] = typed

    form = RowForm(data, subject=about)

    if not words:
        # Whether a patient can have it is for the review to say.
        assert form.is_valid()
        return
    assert not form.is_valid()
    assert words in str(form.errors[field])


def test_changed_condition_reads_as_the_engine_reads_it():
    about = stored("gates", "STALE_COUNT")

    form = changed(about, when__0__0__values="12.5", when__0__0__comparator="at_least")

    assert form.is_valid(), form.errors
    condition = form.to_plain()["when"][0][0]
    assert condition == {"fact": "sample_age_hours", "comparator": "at_least", "values": ["12.5"]}


def test_condition_that_asks_for_knowing_takes_no_values_even_where_some_were_typed():
    form = changed(stored("gates", "STALE_COUNT"), when__0__0__comparator="known")

    assert form.is_valid(), form.errors
    assert form.to_plain()["when"][0][0] == {
        "fact": "sample_age_hours",
        "comparator": "known",
        "values": [],
    }


def test_effect_names_only_what_its_kind_can_name():
    about = stored(RULE, "HS-03")
    data = with_item(query(RowForm(subject=about).posted()), "effects")
    data["effects-0-kind"] = "raise_consult"
    targets = set(offered(RowForm(subject=about, typed=data), "effects-0-target"))
    data["effects-0-target"] = "stat"

    form = RowForm(data, subject=about)

    assert targets == {"none", "info", "same_day", "stat"}
    assert form.is_valid(), form.errors
    assert form.to_plain()["effects"] == [{"kind": "raise_consult", "target": "stat"}]
    rule = from_plain(SafetyRule, form.to_plain())
    assert compile_when(rule.when).facts


def test_what_a_row_names_and_is_gone_is_shown_so_that_it_can_be_taken_away():
    about = stored("decision_rules", "D05")
    about.stored["branch"] = "GONE"

    form = RowForm(subject=about)

    assert offered(form, "branch")["GONE"] == "GONE (not there)"


def test_every_field_of_every_section_has_words_and_no_bare_unit():
    for section in SECTIONS.values():
        about = new_subject(section, shipped(), {})
        for name, field in RowForm(subject=about).fields.items():
            if name == "was":
                continue
            assert field.label, (section.name, name)
            assert not str(field.label).endswith((" per ul", " minutes", " g", " kg per h")), field.label


def test_every_table_of_the_protocol_has_its_section():
    assert set(SECTIONS) == {*ENGINE_SECTIONS, ORDERS}


def test_form_knows_every_column_of_the_engine():
    for section in SECTIONS.values():
        about = new_subject(section, shipped(), {})
        assert about.cls is not None
        assert set(about.names) >= {each.name for each in fields(about.cls)} - {"orders"}
