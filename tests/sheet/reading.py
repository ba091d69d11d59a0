"""A finished file read back as a stranger would read it."""

from dataclasses import dataclass
from functools import cache

import pypdfium2

from ivigsite.orders.sheet.jobs import Document, Job
from ivigsite.orders.sheet.render import render
from ivigsite.orders.sheet.states import Draft, Paper, Signed

from .samples import CONTENTS, FIRST_PRINT, SECOND_PRINT, STATES

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Case:
    """One sheet of the samples, in one state, on one paper."""

    content: str
    state: str
    paper: Paper

    def __str__(self) -> str:
        return f"{self.content}, {self.state}, {self.paper}"

    @property
    def job(self) -> Job:
        state = STATES[self.state]
        event = FIRST_PRINT if isinstance(state, Draft | Signed) else SECOND_PRINT
        return Job(
            document=Document.SHEET,
            content=CONTENTS[self.content],
            state=state,
            paper=self.paper,
            event=event,
        )


@cache
def file_of(case: Case) -> bytes:
    return render(case.job)


@cache
def pages_of(file: bytes) -> tuple[tuple[str, ...], ...]:
    """The lines of text on each page, with ordinary spaces."""
    document = pypdfium2.PdfDocument(file)
    pages = []
    for page in document:
        text = page.get_textpage().get_text_range()
        pages.append(tuple(" ".join(line.split()) for line in text.replace(NO_BREAK_SPACE, " ").splitlines()))
    document.close()
    return tuple(pages)


def text_of(page: tuple[str, ...]) -> str:
    """A page as one run of words, so that a sentence is found wherever its lines break."""
    return " ".join(page)
