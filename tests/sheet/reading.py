"""A finished file read back as a stranger would read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import pypdfium2
from PIL.Image import Image

from ivigsite.orders.sheet.documents import Document
from ivigsite.orders.sheet.jobs import Job
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
    document: Document = Document.ORDER_SET

    def __str__(self) -> str:
        return f"{self.document}, {self.content}, {self.state}, {self.paper}"

    @property
    def job(self) -> Job:
        state = STATES[self.state]
        event = FIRST_PRINT if isinstance(state, Draft | Signed) else SECOND_PRINT
        return Job(
            document=self.document,
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
    with opened(file) as document:
        texts = [page.get_textpage().get_text_range().replace(NO_BREAK_SPACE, " ") for page in document]
    return tuple(tuple(" ".join(line.split()) for line in text.splitlines()) for text in texts)


def first_page_printed(file: bytes, dpi: int) -> Image:
    """The first page as a black-and-white printer would make it: one bit a dot."""
    with opened(file) as document:
        picture = document[0].render(scale=dpi / 72, grayscale=True).to_pil()
    return cast(Image, picture.point(lambda level: 255 * (level > 127)))


@contextmanager
def opened(file: bytes) -> Iterator[Any]:
    document = pypdfium2.PdfDocument(file)
    yield document
    document.close()


def text_of(page: tuple[str, ...]) -> str:
    """A page as one run of words, so that a sentence is found wherever its lines break."""
    return " ".join(page)


def all_text_of(file: bytes) -> str:
    return " ".join(text_of(page) for page in pages_of(file))
