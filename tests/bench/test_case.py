from itertools import islice

import pytest
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode

from bench.case import KEYSTROKES, posted_case, while_typing
from bench.scratch import family_name
from ivigsite.encounters.assessment_form import AssessmentForm
from protocols.content_files import load_shipped
from protocols.engine.decision import evaluate
from protocols.engine.facts import known
from protocols.engine.protocol import Protocol
from protocols.engine.recommendation import Recommendation


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_shipped()


def form_of(posted: dict[str, str | list[str]], protocol: Protocol) -> AssessmentForm:
    now = timezone.localtime()
    return AssessmentForm(
        QueryDict(urlencode(posted, doseq=True)),
        protocol=protocol,
        now=now,
        birth_date=now.date().replace(year=now.year - 45, day=1),
        patient_sex="female",
    )


def test_whole_case_is_about_sixty_fields_that_the_form_reads_without_a_complaint(protocol: Protocol):
    posted = posted_case(timezone.localtime())

    form = form_of(posted, protocol)

    assert len(posted) >= 55
    assert set(posted) <= set(form.fields)
    assert form.is_valid(), form.errors
    assert len(known(form.known_facts())) >= 50


def test_whole_case_gives_a_recommendation_with_doses(protocol: Protocol):
    form = form_of(posted_case(timezone.localtime()), protocol)

    outcome = evaluate(protocol, form.known_facts())

    assert isinstance(outcome, Recommendation)
    assert sum(1 for order in outcome.orders if order.dose) >= 2


def test_typing_changes_the_answer(protocol: Protocol):
    posted = list(islice(while_typing(posted_case(timezone.localtime())), len(KEYSTROKES)))

    answers = {repr(evaluate(protocol, form_of(each, protocol).known_facts())) for each in posted}

    # Neither "7" nor "18.000" is used as a count before somebody has looked at it again.
    assert len(answers) == len(KEYSTROKES) - 1


def test_no_two_forms_are_alike():
    posted = list(islice(while_typing(posted_case(timezone.localtime())), 500))

    usual = [each for each in posted if each["platelets"] not in ("7", "18.000")]
    assert len({str(sorted(each.items())) for each in usual}) == len(usual)
    assert len({str(each["weight_kg"]) for each in posted}) > 40


def test_names_of_the_full_ward_are_all_different():
    assert len({family_name(number) for number in range(200)}) == 200
