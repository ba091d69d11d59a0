"""The steps of a version's life as the pages offer them: who may, from which state, what is asked first."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone

from protocols import actions
from protocols.lifecycle import State
from protocols.models import ProtocolVersion

REVIEW_PERIODS: Final = (("182", "in six months"), ("365", "in a year"), ("730", "in two years"))
# Proofs know nothing of what is learnt while a version waits.
LONGEST_WAIT: Final = timedelta(days=366)
_MOMENT: Final = re.compile(r"[0-9]{1,2}-[A-Za-z]{3}-20[0-9]{2} [0-9]{2}:[0-9]{2}")
_NO_MOMENT: Final = "Enter day, month and time like 1-Dec-2026 08:00, or leave it empty."

Answers = Mapping[str, Any]
Run = Callable[[ProtocolVersion, Answers, Any, datetime], ProtocolVersion]


class StepForm(forms.Form):
    """A step that asks for nothing but to be confirmed; carries what the page was made from."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=10)
    # The content that was on the screen; a step on anything else is refused.
    seal = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def clean_seen(self) -> int:
        return read_seen(self.cleaned_data["seen"])


class WordsForm(StepForm):
    """A step that needs words: a reason, a comment, a note."""

    words = forms.CharField(label="Say why", widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)


class ApprovalForm(StepForm):
    review_in = forms.ChoiceField(label="The next review is due", choices=REVIEW_PERIODS)
    in_force_from = forms.CharField(
        label="In force from",
        required=False,
        max_length=20,
        help_text="Leave empty for at once. For example 1-Dec-2026 08:00. Until then the version before it "
        "stays in force.",
    )

    def clean_in_force_from(self) -> datetime | None:
        """The moment typed, in the site's own zone; nothing typed is at once."""
        typed = self.cleaned_data["in_force_from"]
        if not typed:
            return None
        if not _MOMENT.fullmatch(typed):
            raise forms.ValidationError(_NO_MOMENT)
        try:
            moment = datetime.strptime(typed, "%d-%b-%Y %H:%M").replace(
                tzinfo=timezone.get_default_timezone()
            )
        except ValueError:
            raise forms.ValidationError(_NO_MOMENT) from None
        if moment <= timezone.now():
            raise forms.ValidationError("This is in the past. Leave it empty for at once.")
        if moment > timezone.now() + LONGEST_WAIT:
            raise forms.ValidationError("A version cannot wait for more than a year.")
        return moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step; any one of the permissions in `needs` is enough, by the names the site gives them."""

    label: str
    needs: tuple[str, ...]
    states: tuple[State, ...]
    form: type[StepForm]
    run: Run


def read_seen(text: str) -> int:
    """Read the count of changes that a page was made from."""
    if not (text.isascii() and text.isdigit()):
        raise forms.ValidationError("Open this page again.")
    return int(text)


def steps_for(version: ProtocolVersion, user: Any) -> dict[str, Step]:
    """The steps that the state of the version and the role of the person allow."""
    return {
        name: step
        for name, step in STEPS.items()
        if version.state in step.states and any(user.may(permission) for permission in step.needs)
    }


def _submit(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    return actions.submit(version=version, by=by, at=at)


def _start_review(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    return actions.start_review(version=version, by=by, at=at)


def _record_review(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    return actions.record_review(version=version, comment=answers["words"], by=by, at=at)


def _approve(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    starts_at = answers["in_force_from"]
    due = (starts_at or at).date() + timedelta(days=int(answers["review_in"]))
    return actions.approve(
        version=version,
        seal=answers["seal"],
        review_due_on=due,
        in_force_from=starts_at,
        by=by,
        at=at,
    )


def _reject(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    return actions.reject(version=version, reason=answers["words"], by=by, at=at)


def _retire(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    return actions.retire(version=version, reason=answers["words"], by=by, at=at)


def _withdraw(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    return actions.withdraw(version=version, reason=answers["words"], by=by, at=at)


def _ask_to_restore(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    return actions.ask_to_restore(version=version, reason=answers["words"], by=by, at=at)


def _restore(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    return actions.restore(version=version, by=by, at=at)


def _copy(version: ProtocolVersion, answers: Answers, by: Any, at: datetime) -> ProtocolVersion:
    return actions.start_draft(version=version, change_note=answers["words"], by=by, at=at)


_REVIEW: Final = ("review_protocol",)
_APPROVE: Final = ("approve_protocol",)
_OPEN: Final = (State.SUBMITTED, State.UNDER_REVIEW)

STEPS: Final[Mapping[str, Step]] = {
    "submit": Step(
        label="Submit for review",
        needs=("author_protocol",),
        states=(State.DRAFT,),
        form=StepForm,
        run=_submit,
    ),
    "start_review": Step(
        label="Start the review", needs=_REVIEW, states=(State.SUBMITTED,), form=StepForm, run=_start_review
    ),
    "record_review": Step(
        label="Record the review",
        needs=_REVIEW,
        states=(State.UNDER_REVIEW,),
        form=WordsForm,
        run=_record_review,
    ),
    "approve": Step(
        label="Approve", needs=_APPROVE, states=(State.UNDER_REVIEW,), form=ApprovalForm, run=_approve
    ),
    "reject": Step(label="Reject", needs=_REVIEW + _APPROVE, states=_OPEN, form=WordsForm, run=_reject),
    "retire": Step(label="Retire", needs=_APPROVE, states=(State.APPROVED,), form=WordsForm, run=_retire),
    "withdraw": Step(
        label="Withdraw at once",
        needs=("withdraw_protocol",),
        states=(State.APPROVED, State.RETIRED),
        form=WordsForm,
        run=_withdraw,
    ),
    "ask_to_restore": Step(
        label="Ask to restore",
        needs=("withdraw_protocol",),
        states=(State.WITHDRAWN,),
        form=WordsForm,
        run=_ask_to_restore,
    ),
    "restore": Step(
        label="Agree to restore",
        needs=("withdraw_protocol",),
        states=(State.WITHDRAWN,),
        form=StepForm,
        run=_restore,
    ),
    "copy": Step(
        label="Start a draft as a copy",
        needs=("author_protocol",),
        states=tuple(State),
        form=WordsForm,
        run=_copy,
    ),
}
