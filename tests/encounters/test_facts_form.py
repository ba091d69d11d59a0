"""What the assessment form reads, refuses and leaves open."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from ivigsite.encounters.assessment_form import (
    AssessmentForm,
    FactsForm,
    QuickCheckForm,
    age_on,
    ages_of,
    as_posted,
)
from ivigsite.encounters.fact_fields import ASKED_OTHERWISE, fact_fields
from protocols.content_files import load_shipped
from protocols.engine.facts import CATALOGUE, UNKNOWN
from protocols.engine.protocol import Protocol
from tests.encounters.answers import BLEED

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
BORN = date(1981, 4, 3)


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_shipped()


def filled(protocol: Protocol, born: date = BORN, /, **answers: Any) -> AssessmentForm:
    return AssessmentForm(
        as_posted(answers), protocol=protocol, now=NOW, birth_date=born, patient_sex="female"
    )


def problem(form: FactsForm, name: str) -> str:
    return " ".join(str(message) for message in form.errors.get(name, []))


def test_every_fact_of_the_catalogue_is_asked(protocol: Protocol):
    asked = set(fact_fields(protocol).by_name)

    assert {definition.key for definition in CATALOGUE} - ASKED_OTHERWISE <= asked
    assert {"platelets", "usual_platelets", "sampled_at", "weighed_on"} <= asked


def test_every_field_stands_in_one_section(protocol: Protocol):
    made = fact_fields(protocol)

    listed = [name for names in made.sections.values() for name in names]
    assert sorted(listed) == sorted(made.by_name)


def test_findings_are_asked_before_the_level_they_lead_to(protocol: Protocol):
    names = list(fact_fields(protocol).by_name)

    assert names.index("bleeding_findings") < names.index("bleeding_level")
    assert names.index("bleeding_level") + 1 == names.index("bleeding_level_reason")
    assert names.index("urgent_surgery") + 1 == names.index("procedure")


def test_empty_form_knows_only_who_the_patient_is(protocol: Protocol):
    form = filled(protocol)

    facts = form.known_facts()

    assert form.is_valid()
    assert (facts.age_years, facts.sex) == (45, "female")
    known = [d.key for d in CATALOGUE if getattr(facts, d.key) is not UNKNOWN]
    assert sorted(known) == ["age_years", "sex"]


@pytest.mark.parametrize("name", ["urgent_surgery", "pregnant", "ttp_suspected", "bleeding_sites", "consent"])
@pytest.mark.hazard("H24")
def test_not_known_is_an_answer_and_is_never_no(protocol: Protocol, name: str):
    form = filled(protocol, **{name: "unknown"})

    assert form.is_valid()
    assert getattr(form.known_facts(), name) is UNKNOWN


def test_none_of_these_is_an_answer_of_its_own(protocol: Protocol):
    form = filled(protocol, bleeding_sites=["none"])

    assert form.known_facts().bleeding_sites == ()


@pytest.mark.parametrize(
    ("typed", "unit", "per_ul"),
    [("18", "e9_per_l", 18000), ("25,000", "per_ul", 25000), ("24.9", "e9_per_l", 24900)],
)
@pytest.mark.hazard("H01")
def test_count_is_read_in_the_unit_that_was_chosen(protocol: Protocol, typed: str, unit: str, per_ul: int):
    form = filled(protocol, platelets=typed, platelets_unit=unit)

    assert form.known_facts().platelets_per_ul == per_ul


@pytest.mark.parametrize(
    ("typed", "unit", "says"),
    [
        ("25.000", "per_ul", "decimal point"),
        ("25_000", "per_ul", ""),
        ("٢٥٠٠٠", "per_ul", "0–9"),
        ("-5", "e9_per_l", ""),
        ("1e5", "per_ul", ""),
        ("22", "per_ul", "Did you mean 22 x 10⁹ per litre?"),
        ("0", "e9_per_l", "clumping checked"),
    ],
)
@pytest.mark.hazard("H01")
def test_count_that_cannot_be_read_safely_is_not_used(protocol: Protocol, typed: str, unit: str, says: str):
    form = filled(protocol, platelets=typed, platelets_unit=unit)

    assert not form.is_valid()
    assert says in problem(form, "platelets")
    assert form.known_facts().platelets_per_ul is UNKNOWN
    assert form.count is None


def test_count_without_a_unit_is_no_count(protocol: Protocol):
    form = filled(protocol, platelets="18")

    assert problem(form, "platelets_unit") == "Choose the unit of this value."
    assert form.known_facts().platelets_per_ul is UNKNOWN


def test_unlikely_count_is_used_once_it_is_confirmed(protocol: Protocol):
    asked = filled(protocol, platelets="0", platelets_unit="e9_per_l")
    token = asked.questions[0].token

    form = filled(protocol, platelets="0", platelets_unit="e9_per_l", confirmed=[token])

    assert form.is_valid()
    assert form.known_facts().platelets_per_ul == 0
    assert [question.token for question in form.answered] == [token]


def test_confirmation_of_one_count_is_none_of_another(protocol: Protocol):
    token = filled(protocol, platelets="0", platelets_unit="e9_per_l").questions[0].token

    form = filled(protocol, platelets="22", platelets_unit="per_ul", confirmed=[token])

    assert not form.is_valid()


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("7e1", ""),
        ("154 lb", "kilograms only"),
        ("700", "above the limit"),
        ("70,5", "full stop"),
        (".5", ""),
        ("19.9", "below the limit"),
    ],
)
@pytest.mark.hazard("H04")
def test_weight_that_cannot_be_read_safely_is_not_used(protocol: Protocol, typed: str, says: str):
    form = filled(protocol, weight_kg=typed)

    assert says in problem(form, "weight_kg")
    assert problem(form, "weight_kg")
    assert form.known_facts().weight_kg is UNKNOWN


@pytest.mark.hazard("H04")
def test_limits_of_the_weight_follow_the_age(protocol: Protocol):
    newborn = filled(protocol, date(2026, 11, 1), weight_kg="3.2")
    adult = filled(protocol, weight_kg="3.2")

    assert newborn.is_valid()
    assert "below the limit" in problem(adult, "weight_kg")


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ({"weight_method": "estimated"}, "weight_kg"),
        ({"weight_method": "estimated", "weight_kg": "70"}, "weight_estimate_reason"),
        ({"rapid_rise": "yes"}, "rapid_rise_reason"),
        ({"bleeding_findings": ["intracranial"], "bleeding_level": "active"}, "bleeding_level_reason"),
        ({"bleeding_findings": ["intracranial"], "bleeding_level": "active"}, "bleeding_level_agreed_by"),
    ],
)
def test_judgement_needs_its_reason(protocol: Protocol, answers: dict[str, Any], name: str):
    form = filled(protocol, **answers)

    assert not form.is_valid()
    assert problem(form, name)


def test_lower_level_is_not_used_before_a_haematologist_is_named(protocol: Protocol):
    findings = {"bleeding_findings": ["intracranial"], "bleeding_level": "active"}

    alone = filled(protocol, **findings)
    agreed = filled(
        protocol, **findings, bleeding_level_reason="Old bleed", bleeding_level_agreed_by="Dr Haem"
    )

    assert alone.known_facts().bleeding_level is UNKNOWN
    assert agreed.is_valid()
    assert agreed.known_facts().bleeding_level == "active"


def test_higher_level_needs_a_reason_and_nobody_else(protocol: Protocol):
    complete = {
        "who_bleeding_grade": "1",
        "bleeding_findings": ["skin_only"],
        "bleeding_sites": ["none"],
        "bleeding_risk_factors": ["none"],
        "bleeding_level": "active",
    }

    form = filled(protocol, **complete)

    assert problem(form, "bleeding_level_reason")
    assert "bleeding_level_agreed_by" not in form.errors


def test_level_of_the_findings_needs_no_reason(protocol: Protocol):
    form = filled(protocol, bleeding_findings=["intracranial"], bleeding_level="life_threatening")

    assert form.is_valid()


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("23-Nov-2026 09:00", "must be in the past"),
        ("9999-12-31T23:59:00-05:00", ""),
        ("22-Nov-2026 24:00", "00:00"),
        ("25-Oct-2026 01:30", "BST or GMT"),
        ("22-Sep-2026 10:00", "too long ago"),
        ("22/11/2026 10:00", ""),
    ],
)
def test_sample_time_that_cannot_be_right_is_not_used(protocol: Protocol, typed: str, says: str):
    form = filled(protocol, sampled_at=typed)

    assert problem(form, "sampled_at")
    assert says in problem(form, "sampled_at")
    assert form.known_facts().sample_age_hours is UNKNOWN


def test_age_of_the_sample_is_worked_out(protocol: Protocol):
    form = filled(protocol, sampled_at="22-Nov-2026 12:35")

    assert str(form.known_facts().sample_age_hours) == "1.50"


def test_forms_that_share_their_fields_do_not_share_their_clock(protocol: Protocol):
    first = filled(protocol, sampled_at="22-Nov-2026 14:00")
    later = AssessmentForm(
        as_posted({"sampled_at": "22-Nov-2026 16:00"}),
        protocol=protocol,
        now=NOW.replace(hour=17),
        birth_date=date(1981, 4, 3),
        patient_sex="female",
    )

    assert later.is_valid()
    assert first.is_valid()
    assert fact_fields(protocol).by_name["sampled_at"].latest is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["bleeding_level_reason", "weight_estimate_reason"])
@pytest.mark.parametrize("text", ["a\0b", "evil\u202etxt", "x" * 301])
def test_text_with_something_hidden_or_too_much_is_refused(protocol: Protocol, name: str, text: str):
    form = filled(protocol, **{name: text})

    assert problem(form, name)


@pytest.mark.parametrize(
    "answers",
    [
        {"aetiology": "nonsense"},
        {"bleeding_sites": ["nonsense"]},
        {"procedure": "nonsense"},
        {"platelets": "18", "platelets_unit": "nonsense"},
        {"bleeding_sites": ["none", "gi"]},
    ],
)
def test_answer_that_was_not_offered_is_refused(protocol: Protocol, answers: dict[str, Any]):
    form = filled(protocol, **answers)

    assert not form.is_valid()
    assert form.known_facts() == filled(protocol).known_facts()


def test_sex_is_asked_only_where_the_record_does_not_say(protocol: Protocol):
    def asked(sex: str) -> bool:
        form = AssessmentForm(protocol=protocol, now=NOW, birth_date=date(1981, 4, 3), patient_sex=sex)
        return "sex" in form.fields

    assert asked("")
    assert not asked("male")


def test_quick_check_asks_age_and_sex(protocol: Protocol):
    form = QuickCheckForm(as_posted({**BLEED, "age_years": "50", "sex": "male"}), protocol=protocol, now=NOW)

    assert form.is_valid()
    assert (form.known_facts().age_years, form.known_facts().sex) == (50, "male")


def test_what_was_entered_can_be_entered_again(protocol: Protocol):
    form = filled(protocol, **BLEED)

    again = filled(protocol, **form.entered())

    assert form.entered() == BLEED
    assert again.known_facts() == form.known_facts()


def test_order_of_answers_makes_no_difference(protocol: Protocol):
    one = filled(protocol, bleeding_findings=["melaena", "skin_only"])
    other = filled(protocol, bleeding_findings=["skin_only", "melaena"])

    assert one.known_facts() == other.known_facts()


@pytest.mark.parametrize(
    ("day", "years"), [(date(2026, 4, 2), 44), (date(2026, 4, 3), 45), (date(2026, 4, 4), 45)]
)
def test_age_counts_completed_years(day: date, years: int):
    assert age_on(date(1981, 4, 3), day) == years


def test_person_born_on_a_leap_day_is_a_year_older_in_march():
    assert age_on(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert age_on(date(2008, 2, 29), date(2026, 3, 1)) == 18


def test_what_has_no_date_has_no_age():
    assert ages_of(sampled_at=None, weighed_on=None, at=NOW) == {}
