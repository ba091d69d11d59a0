from typing import Final

from django import forms

from ivigsite.orders.sheet.states import Paper

PAPERS: Final = ((Paper.A4.value, "A4"), (Paper.LETTER.value, "US Letter"))


class WriteForm(forms.Form):
    """On which paper the folder is written."""

    paper = forms.ChoiceField(choices=PAPERS, error_messages={"required": "Choose the paper."})

    @property
    def chosen_paper(self) -> Paper:
        return Paper(self.cleaned_data["paper"])
