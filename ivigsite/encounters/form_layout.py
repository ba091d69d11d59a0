"""The form laid out by crispy-forms in sections of a clinical note, drawn once where nothing is personal."""

from typing import Any, Final

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout, LayoutObject
from django import forms
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.text import slugify

from ivigsite.encounters.assessment_form import FactsForm
from ivigsite.encounters.fact_fields import COUNTS, MEASURED
from protocols.engine.facts import Section

# Long lists of questions that are often left open are folded until something in them is answered.
FOLDED: Final = frozenset(
    {
        Section.CAUSE,
        Section.SCORES,
        Section.IMMUNOGLOBULIN,
        Section.STEROID_PLATELETS,
        Section.PRODUCT,
    }
)
WITH_UNIT: Final = frozenset({*COUNTS, *MEASURED})
UNITS: Final = frozenset(f"{name}_unit" for name in WITH_UNIT)
LONG_LISTS: Final = frozenset({"bleeding_findings", "bleeding_risk_factors"})


class FactRow(LayoutObject):  # type: ignore[misc]
    """One question with its label, control, unit, errors and help."""

    def __init__(self, name: str) -> None:
        self.fields = [name]
        self.name = name

    def render(self, form: FactsForm, context: Any, template_pack: Any = None, **kwargs: Any) -> str:
        key = _key_of_what_is_shown(form, self.name)
        if key is None:
            return _draw(form, self.name)
        drawn = form.made.drawn
        return drawn[key] if key in drawn else drawn.keep(key, _draw(form, self.name))


class NoteSection(LayoutObject):  # type: ignore[misc]
    """A section of the note; a folded one opens by itself where something is answered or wrong."""

    def __init__(self, section: Section, names: tuple[str, ...]) -> None:
        self.section = section
        self.fields = [FactRow(name) for name in names if name not in UNITS]

    def render(self, form: FactsForm, context: Any, template_pack: Any = None, **kwargs: Any) -> str:
        names = [row.name for row in self.fields]
        answered = sum(1 for name in names if form[name].value() not in (None, "", [], "unknown"))
        return render_to_string(
            "encounters/_section.html",
            {
                "title": self.section.value,
                "slug": slugify(self.section.name),
                "is_folded": self.section in FOLDED,
                "is_open": answered or any(name in form.errors for name in names),
                "answered": answered,
                "total": len(names),
                "rows": format_html_join(
                    "", "{}", ((row.render(form, context, template_pack),) for row in self.fields)
                ),
            },
        )


def helper_for(form: FactsForm) -> FormHelper:
    """The helper that crispy-forms draws this form with."""
    helper = FormHelper()
    helper.form_tag = False
    # The page writes the token: what is kept of a drawn form must never hold one.
    helper.disable_csrf = True
    helper.layout = Layout(*(NoteSection(section, names) for section, names in form.sections.items()))
    return helper


def _key_of_what_is_shown(form: FactsForm, name: str) -> tuple[str, ...] | None:
    """What the drawing depends on; None where it shows something typed, carried or wrong: drawn afresh.

    Answers chosen from a list say nothing of whose they are; typed text may, and is never kept.
    """
    if form.is_carried(name):
        return None
    key: tuple[str, ...] = (type(form).__name__,)
    for part in (name, f"{name}_unit"):
        if part not in form.fields:
            continue
        bound = form[part]
        value = bound.value()
        is_chosen = isinstance(bound.field, forms.ChoiceField)
        if part in form.errors or (value not in (None, "", []) and not is_chosen):
            return None
        key += (part, *(value if isinstance(value, list) else [str(value or "")]))
    return key


def _draw(form: FactsForm, name: str) -> str:
    bound = form[name]
    is_list = name in LONG_LISTS
    return render_to_string(
        "encounters/_field.html",
        {
            "field": bound,
            "unit": getattr(bound.field, "unit", ""),
            "unit_field": form[f"{name}_unit"] if name in WITH_UNIT else None,
            "is_long_list": is_list,
            "is_count": name == "platelets",
            "carried_from": form.carried_from if form.is_carried(name) else "",
        },
    )
