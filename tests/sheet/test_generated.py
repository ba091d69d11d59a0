"""Generated order sets with the longest strings on every sheet and paper: nothing lost, nothing covered.

A slice runs every time; all sheets of 200 order sets on both papers with `IVIGSITE_SHEETS=200`.
"""

import os
import random
from dataclasses import replace
from decimal import Decimal

import pytest

from ivigsite.orders.sheet import wording
from ivigsite.orders.sheet.checks import find_forbidden_tokens, find_problems, order_texts
from ivigsite.orders.sheet.content import OrderGroup, SheetContent, SheetOrder
from ivigsite.orders.sheet.documents import ROLE_SHEETS, Document
from ivigsite.orders.sheet.jobs import Job
from ivigsite.orders.sheet.render import render
from ivigsite.orders.sheet.states import Paper

from .reading import NO_BREAK_SPACE, assert_nothing_is_clipped_or_covered, opened
from .samples import (
    ALL_UNKNOWN,
    CALL,
    COUNT_AGAIN,
    IVIG,
    LONGEST_NAME,
    PLATELETS,
    PREDNISONE,
    SECOND_PRINT,
    STATES,
    TRANEXAMIC,
    TYPICAL,
)

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
    pytest.mark.hazard("H17"),
]

CASES = int(os.environ.get("IVIGSITE_SHEETS", "3"))
WORDS = [
    "Featherstonehaugh-Cholmondeley",
    "Þórðardóttir",
    "Nguyễn",
    "O'Brien-Ñúñez",
    "Wolfeschlegelsteinhausenbergerdorff",
    "Łukasiewicz-Konstantynopolitańczykowianeczka",
    "von",
    "und",
    "zu",
    "Demo",
]


def generated(seed: int) -> SheetContent:
    """An order set as long and as odd as a person could make it; the same for the same seed."""
    pick = random.Random(seed)

    def words(most: int) -> str:
        return " ".join(pick.choice(WORDS) for _ in range(pick.randint(1, most)))

    def dosed(order: SheetOrder, number: int) -> SheetOrder:
        group = pick.choice((OrderGroup.NOW, OrderGroup.CONCURRENT, OrderGroup.STANDBY))
        if order.dose is None:
            return replace(order, number=number)
        amount = Decimal(pick.randint(1, 240_000)) / pick.choice((1, 2, 4, 5, 10))
        dose = replace(order.dose, amount=amount, rounded_from=None, deviation_percent=None)
        return replace(order, number=number, group=group, dose=dose)

    base = pick.choice((TYPICAL, LONGEST_NAME, ALL_UNKNOWN))
    menu = (IVIG, PREDNISONE, PLATELETS, TRANEXAMIC, COUNT_AGAIN, CALL)
    orders = tuple(dosed(pick.choice(menu), number) for number in range(1, pick.randint(2, 9)))
    return replace(
        base,
        is_demo=pick.random() < 0.2,
        title=words(9),
        patient=replace(
            base.patient,
            family_name=words(4),
            given_name=words(6),
            title=words(1)[:20],
            ward=words(5),
            bed=words(1)[:12],
            allergies=tuple(words(4) for _ in range(pick.randint(1, 9))),
        ),
        orders=(dosed(PREDNISONE, 1), *(replace(order, number=n) for n, order in enumerate(orders, 2))),
        findings=tuple(replace(pick.choice(TYPICAL.findings), text=words(20)) for _ in range(4)),
    )


@pytest.mark.parametrize("seed", range(CASES))
def test_every_sheet_of_a_generated_order_set_is_whole(seed: int) -> None:
    content = generated(seed)
    state = list(STATES.values())[seed % len(STATES)]
    documents = ROLE_SHEETS if CASES > 3 else (ROLE_SHEETS[seed % len(ROLE_SHEETS)],)
    assert find_problems(content) == []
    assert not [token for text in order_texts(content) for token in find_forbidden_tokens(text)]

    for document in documents:
        for paper in Paper if CASES > 3 else (list(Paper)[seed % 2],):
            job = Job(document=document, content=content, state=state, paper=paper, event=SECOND_PRINT)
            look_at(render(job), content, document)


def look_at(file: bytes, content: SheetContent, document: Document) -> None:
    name = letters(content.patient.family_name.upper() + content.patient.given_name)
    with opened(file) as pages:
        texts = [page.get_textpage().get_text_range().replace(NO_BREAK_SPACE, " ") for page in pages]
        for number, (page, text) in enumerate(zip(pages, texts, strict=True), start=1):
            one_line = " ".join(text.split())
            assert name in letters(text), document
            assert "NHS number 999 000 1112" in one_line
            assert f"Page {number} of {len(texts)}" in one_line
            assert f"Order {content.order_id}, version 1" in one_line
            assert_nothing_is_clipped_or_covered(page)
    whole = " ".join(" ".join(texts).split())
    for order in content.orders:
        if order.dose is not None:
            amount = wording.format_amount(order.dose.amount, order.dose.unit)
            assert amount.replace(NO_BREAK_SPACE, " ") in whole, (document, order.number)


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
