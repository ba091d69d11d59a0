"""A finished file read back as a stranger would read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import pypdfium2
import pypdfium2.raw as pdfium
from PIL.Image import Image

from ivigsite.orders.sheet.documents import Document
from ivigsite.orders.sheet.jobs import Job
from ivigsite.orders.sheet.render import render
from ivigsite.orders.sheet.states import Draft, Paper, Signed

from .samples import CONTENTS, FIRST_PRINT, SECOND_PRINT, STATES

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
CLEAR_PT = 8 * 72 / 25.4
LARGEST_BODY_PT = 20
# Letters of one line may touch; words of two lines may not share more than this.
SHARED_PT = 2


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


def first_page_printed(file: bytes, dpi: int, *, is_dithered: bool = False) -> Image:
    """The first page as a black-and-white printer would make it: one bit a dot, grey decided or dithered."""
    with opened(file) as document:
        picture = document[0].render(scale=dpi / 72, grayscale=True).to_pil()
    if is_dithered:
        return cast(Image, picture.convert("1").convert("L"))
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


def assert_nothing_is_clipped_or_covered(page: pypdfium2.PdfPage) -> None:
    """Every run of letters lies within the margins, and no two share more than a hair."""
    width, height = page.get_size()
    boxes = sorted(
        box
        # The word across the page is a drawing of its own, one level deeper.
        for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT], max_depth=1)
        if (box := item.get_bounds())[3] - box[1] < LARGEST_BODY_PT and box[2] > box[0]
    )
    for left, bottom, right, top in boxes:
        assert left >= CLEAR_PT
        assert bottom >= CLEAR_PT
        assert right <= width - CLEAR_PT
        assert top <= height - CLEAR_PT
    for index, (_, bottom, right, top) in enumerate(boxes):
        for other_left, other_bottom, _, other_top in boxes[index + 1 :]:
            if other_left > right - 0.5:
                break
            assert min(top, other_top) - max(bottom, other_bottom) <= SHARED_PT
