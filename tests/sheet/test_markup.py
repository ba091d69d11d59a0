"""The little style of our own says of every file what WeasyPrint's whole style says."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import ParseError

import pytest
from weasyprint import HTML

from ivigsite.orders.sheet import downtime, render, render_paper
from ivigsite.orders.sheet.documents import LABELS, ROLE_SHEETS, Document
from ivigsite.orders.sheet.markup import Markup
from ivigsite.orders.sheet.pack import ActiveOrdersJob, FormsJob
from ivigsite.orders.sheet.plain_paper import PaperTable, PlainPaperJob
from ivigsite.orders.sheet.render import ClosedFetcher
from ivigsite.orders.sheet.states import Paper
from tests.downtime.test_pack import WARD, small_pack

from .reading import Case
from .samples import FIRST_PRINT
from .test_paper import LEAFLET

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")


def as_html(text: str, *, url_fetcher: ClosedFetcher) -> Any:
    return HTML(string=text, url_fetcher=url_fetcher)


def sheet(document: Document) -> bytes:
    state = "void" if document is Document.CANCEL_NOTICE else "signed"
    job = Case("demo", state, Paper.A4, document).job
    return render.render(replace(job, event=replace(FIRST_PRINT, label_mm=(100, 60))))


def paper() -> bytes:
    table = PaperTable(heading="Counts", columns=("Day", "Count"), rows=((("1",), ("10", "20")),))
    part = replace(LEAFLET.parts[0], tables=(table,))
    return render_paper.render_paper(PlainPaperJob(content=replace(LEAFLET, parts=(part,)), paper=Paper.A4))


def forms() -> bytes:
    return downtime.render_downtime(FormsJob(content=small_pack(), paper=Paper.A4))


def active_orders() -> bytes:
    return downtime.render_downtime(ActiveOrdersJob(content=WARD, paper=Paper.A4))


@pytest.mark.parametrize(
    "make",
    [
        *(pytest.param(lambda kind=kind: sheet(kind), id=kind) for kind in (*ROLE_SHEETS, *LABELS)),
        pytest.param(lambda: sheet(Document.CANCEL_NOTICE), id=Document.CANCEL_NOTICE),
        paper,
        forms,
        active_orders,
    ],
)
def test_each_file_is_the_same_in_the_whole_style_of_weasyprint(
    make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = make()

    for module in (render, render_paper, downtime):
        monkeypatch.setattr(module, "Markup", as_html)

    assert make() == ours


def test_markup_that_is_not_closed_is_refused() -> None:
    with pytest.raises(ParseError):
        Markup("<html><body><p>Look twice</body></html>", url_fetcher=ClosedFetcher({}))
