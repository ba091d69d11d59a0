"""What the panel shows for a form as it stands: advice, what is not used yet, what to confirm."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ivigsite.accounts.models import User
from ivigsite.encounters.advice import Advice, present
from ivigsite.encounters.assessment_form import FactsForm
from ivigsite.encounters.role_views import Panel, panels_for
from ivigsite.questions import Question
from protocols.engine.conditions import facts_asked
from protocols.engine.decision import evaluate
from protocols.engine.facts import UNKNOWN, Facts, known
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.protocol import Protocol

# They come with the patient and by themselves say nothing yet.
GIVEN: Final = {"age_years", "sex"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUsed:
    """An answer that cannot be used yet, and why."""

    field: str
    label: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The answer to a form that is still being filled in; `advice` is None while nothing is known."""

    advice: Advice | None
    panels: tuple[Panel, ...]
    echo: str
    not_used: tuple[NotUsed, ...]
    questions: tuple[Question, ...]
    answered: tuple[Question, ...]

    @property
    def announcement(self) -> str:
        """What a screen reader is told; short, because it is told at every pause."""
        if self.questions:
            return self.questions[0].message
        if self.advice is None:
            return ""
        grade = "Grade not known" if self.advice.grade is None else f"Grade {self.advice.grade}"
        return f"{self.advice.headline}. {grade}."


def preview(form: FactsForm, user: User) -> Preview:
    """Evaluate what could be read of a bound form, whatever is wrong elsewhere in it."""
    facts = form.known_facts()
    advice = advise(form.protocol, facts, at=form.now) if known(facts).keys() - GIVEN else None
    if advice is not None and facts.platelets_per_ul is UNKNOWN and not _says_more(form, advice):
        advice = None
    return Preview(
        advice=advice,
        panels=panels_for(user.role_view, advice) if advice else (),
        echo=_echo(form, advice),
        not_used=tuple(_not_used(form)),
        questions=form.questions,
        answered=form.answered,
    )


def _says_more(form: FactsForm, advice: Advice) -> bool:
    """Whether anything but the missing count stops; that the count is missing is plain to see."""
    about_count = {gate.code for gate in form.protocol.gates if "platelets_per_ul" in facts_asked(gate.when)}
    return any(gate.code not in about_count for gate in advice.gates)


def advise(protocol: Protocol, facts: Facts, *, at: datetime) -> Advice:
    """The advice for these facts as they are at a moment."""
    return present(protocol, outcome_to_plain(protocol, evaluate(protocol, facts)), facts, at=at)


def _echo(form: FactsForm, advice: Advice | None) -> str:
    if form.count is None or advice is None or advice.grade is None:
        return ""
    return f"{advice.count}, Grade {advice.grade}"


def _not_used(form: FactsForm) -> list[NotUsed]:
    return [
        NotUsed(field=name, label=str(form.fields[name].label), message=str(error.messages[0]))
        for name, errors in form.errors.as_data().items()
        for error in errors
        if name in form.fields and error.code != "confirm"
    ]
