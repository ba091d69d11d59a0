"""The form laid out by crispy-forms in sections of a clinical note, drawn once where nothing is personal."""

from collections.abc import Mapping
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
        Section.SCORES,
        Section.IMMUNOGLOBULIN,
        Section.STEROID_PLATELETS,
        Section.PRODUCT,
    }
)
# Of a section that is asked at once, the questions that are folded; of the cause all but the four that
# decide whether it is immune.
FOLDED_OF: Final = {
    Section.BLEEDING: frozenset({"bleeding_seen_at", "bleeding_seen_by", "bleeding_instructed_by"}),
    Section.CAUSE: frozenset(
        {
            "low_count_confirmed",
            "aetiology",
            "schistocytes",
            "haemolysis",
            "dat_positive",
            "dic_suspected",
            "marrow_failure",
            "obstetric_tma",
            "causative_drug",
        }
    ),
}
FOLD_TITLES: Final = {
    Section.BLEEDING: "Evidence of the bleeding: ",
    Section.CAUSE: "What else could it be: ",
}
# Answers with which a folded part matters, so that it opens by itself.
OPENED_BY: Final[Mapping[Section, Mapping[str, frozenset[str]]]] = {
    Section.BLEEDING: {"bleeding_level": frozenset({"active", "active_cns_gi_gu", "life_threatening"})},
    Section.SCORES: {
        name: frozenset({"yes"}) for name in ("ttp_suspected", "hit_suspected", "dic_suspected")
    },
}
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
    """A section of the note; what is folded opens by itself where it is answered or wrong, or matters."""

    def __init__(self, section: Section, names: tuple[str, ...]) -> None:
        self.section = section
        self.fields = [FactRow(name) for name in names if name not in UNITS]

    def render(self, form: FactsForm, context: Any, template_pack: Any = None, **kwargs: Any) -> str:
        folded = FOLDED_OF.get(self.section, frozenset())
        is_folded = self.section in FOLDED
        shown = [row for row in self.fields if not is_folded and row.name not in folded]
        rows = [row for row in self.fields if is_folded or row.name in folded]
        names = [row.name for row in rows]
        answered = sum(1 for name in names if form[name].value() not in (None, "", [], "unknown"))
        return render_to_string(
            "encounters/_section.html",
            {
                "title": self.section.value,
                "slug": slugify(self.section.name),
                "is_open": answered or any(name in form.errors for name in names) or self._matters(form),
                "answered": answered,
                "total": len(names),
                "fold_title": FOLD_TITLES.get(self.section, ""),
                "shown": self._drawn(shown, form, context, template_pack),
                "folded": self._drawn(rows, form, context, template_pack),
            },
        )

    def _matters(self, form: FactsForm) -> bool:
        opened_by = OPENED_BY.get(self.section, {})
        return any(name in form.fields and form[name].value() in wanted for name, wanted in opened_by.items())

    def _drawn(self, rows: list[FactRow], form: FactsForm, context: Any, template_pack: Any) -> str:
        return format_html_join("", "{}", ((row.render(form, context, template_pack),) for row in rows))


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
