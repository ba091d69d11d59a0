"""From stored content to the bytes of a PDF/A-3a and PDF/UA-1 file; the same input gives the same bytes."""

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import segno
from django.template import Context, Engine
from weasyprint import CSS
from weasyprint import Document as Pages
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from .archive import PDF_VARIANT, write_archive
from .checks import find_problems, texts_of, unprintable_in
from .content import SheetContent, canonical_json
from .documents import DOCUMENTS, LABELS, Document
from .furniture import Furniture, scanned_text
from .jobs import Job, SheetFailed
from .labels import additive_labels
from .layout import Frame, make_frame
from .markup import Markup, base_styles
from .page import values_of
from .states import Copy, Draft, Paper, PrintEvent, SheetState, Signed
from .trend import draw_trend
from .typeface import FONT_DIRECTORY, FONT_FILES, bold_width_mm, unpacked_font

TEMPLATE_DIRECTORY = Path(__file__).parents[3] / "templates"
PAGE_TEMPLATE = "sheet/page.html"
LABEL_TEMPLATE = "sheet/label.html"
SHEET_STYLES = "sheet/sheet.css"
LABEL_STYLES = "sheet/label.css"
LABEL_MARGIN_MM = 2.5
# Set closer while a long name or condition does not fit, never below what is read at arm's length. No word
# is cut, and name and dose stay the largest.
CLOSER_STYLES = ((), ("sheet/label_close.css",), ("sheet/label_closest.css",))
SVG = "http://www.w3.org/2000/svg"
WATERMARK_PITCH = 1.1
WATERMARK_CSS = '@page { background: url("sheet:watermark") center / contain no-repeat }'
# On each side of a module: square where a viewer smooths, few enough that a printer of 1 bit at 100 dots an
# inch that dithers, instead of deciding, leaves it readable.
CODE_POINTS = 4


class ClosedFetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
    """Knows the few things a sheet is made of by name; nothing here leads to a file or to the network."""

    def __init__(self, resources: Mapping[str, tuple[str, bytes]]) -> None:
        super().__init__(fail_on_errors=True)
        self._resources = resources

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        if url not in self._resources:
            raise FatalURLFetchingError(f"a sheet may not fetch {url[:80]}")
        content_type, body = self._resources[url]
        return URLFetcherResponse(url, body, {"Content-Type": content_type})


def render_sheet(content: SheetContent, state: SheetState, paper: Paper, print_event: PrintEvent) -> bytes:
    """The order sheet as a file, or SheetFailed; in this process, so for the render process and for tests."""
    return render(
        Job(document=Document.ORDER_SET, content=content, state=state, paper=paper, event=print_event)
    )


def render(job: Job) -> bytes:
    """The file a job asks for, or SheetFailed."""
    _refuse_unfit(job)
    if job.document in LABELS:
        return _render_labels(job)
    values = values_of(job.document, job.content, job.state, job.event)
    furniture = values["furniture"]
    frame = make_frame(
        job.paper,
        identity=furniture.identity,
        notices=[notice.text for notice in furniture.notices],
        footer=furniture.footer,
    )
    html = Markup(
        _fill(values, PAGE_TEMPLATE),
        url_fetcher=ClosedFetcher(_drawings(job.content, furniture, frame)),
    )
    page_css = frame.css + (WATERMARK_CSS if furniture.watermark else "")
    with complaints_are_failures():
        pages = html.render(
            stylesheets=[stylesheet(SHEET_STYLES), CSS(string=page_css)],
            font_config=fonts(),
            pdf_variant=PDF_VARIANT,
        )
        return _write(pages, job, frame)


def _render_labels(job: Job) -> bytes:
    """One page a label; a label that needs more than its page is none."""
    width_mm, height_mm = job.event.label_mm
    size = CSS(string=f"@page {{ size: {width_mm}mm {height_mm}mm; margin: {LABEL_MARGIN_MM}mm }}")
    is_additive = job.document is Document.ADDITIVE_LABEL
    expected = len(additive_labels(job.content)) if is_additive else 1
    if not expected:
        raise SheetFailed("This order set has no infusion to label")
    html = _fill(values_of(job.document, job.content, job.state, job.event), LABEL_TEMPLATE)
    code = _draw_code(scanned_text(job.content, job.event))
    fetcher = ClosedFetcher({"sheet:code": ("image/png", code)})
    with complaints_are_failures():
        for closer in CLOSER_STYLES:
            pages = Markup(html, url_fetcher=fetcher).render(
                stylesheets=[stylesheet(LABEL_STYLES), size, *map(stylesheet, closer)],
                font_config=fonts(),
                pdf_variant=PDF_VARIANT,
            )
            if len(pages.pages) == expected:
                break
        else:
            raise SheetFailed(f"The words do not fit a label of {width_mm} by {height_mm} mm")
        return _write(pages, job, None)


def warm_up() -> None:
    """Read fonts, styles and templates before the first job."""
    base_styles()
    stylesheet(SHEET_STYLES)
    stylesheet(LABEL_STYLES)
    for name in (PAGE_TEMPLATE, LABEL_TEMPLATE, *(kind.body for kind in DOCUMENTS.values())):
        engine().get_template(name)


def _refuse_unfit(job: Job) -> None:
    if not isinstance(job.state, Draft) and job.content.signature is None:
        raise SheetFailed("Only a draft can be printed without a signature")
    if job.document in LABELS and not isinstance(job.state, Signed | Copy):
        raise SheetFailed("A label is made only of an order set in force")
    if problems := find_problems(job.content):
        raise SheetFailed(" ".join(problems))
    if unprintable := unprintable_in(texts_of((job.state, job.event))):
        raise SheetFailed(f"These characters cannot be printed: {', '.join(unprintable)}")


def _fill(values: dict[str, Any], name: str) -> str:
    context = Context(values | {"has_drawings": True}, use_l10n=False, use_tz=False)
    return str(engine().get_template(name).render(context))


def _write(pages: Pages, job: Job, frame: Frame | None) -> bytes:
    return write_archive(
        pages,
        content=canonical_json(job.content),
        at=job.event.printed_at,
        identifier=f"{job.content.order_id}.{job.content.version}",
        frame=frame,
        name="order-set.json",
        description="The signed content this sheet was made from",
    )


def _drawings(content: SheetContent, furniture: Furniture, frame: Frame) -> dict[str, tuple[str, bytes]]:
    drawings = {}
    if furniture.watermark:
        watermark = _draw_watermark(furniture.watermark, frame)
        drawings["sheet:watermark"] = ("image/svg+xml", watermark.encode())
    if furniture.code:
        drawings["sheet:code"] = ("image/png", _draw_code(furniture.code))
    if content.trend:
        drawings["sheet:trend"] = ("image/svg+xml", draw_trend(content))
    return drawings


@lru_cache(maxsize=8)  # The sheets of an order set share one.
def _draw_code(text: str) -> bytes:
    """The QR code in points: a path of a thousand corners on each page costs as much as a page of text."""
    drawing = BytesIO()
    code = segno.make(text, error="m", boost_error=False, micro=False)
    # On white of its own, so that a word across the page cannot show between the modules.
    code.save(drawing, kind="png", scale=CODE_POINTS, border=0)
    return drawing.getvalue()


def _draw_watermark(words: tuple[str, ...], frame: Frame) -> str:
    """The words up the diagonal: pale inside so that text over them stays readable, outlined so that a
    black-and-white printer shows them too."""
    width, height = frame.width_mm, frame.height_mm
    diagonal = 0.82 * math.hypot(width, height)
    sizes = [min(44.0, diagonal / bold_width_mm(word, 72 / 25.4)) for word in words]
    angle = -math.degrees(math.atan2(height, width))
    y = -sum(sizes) * WATERMARK_PITCH / 2
    lines = []
    for word, size in zip(words, sizes, strict=True):
        y += size * WATERMARK_PITCH
        lines.append(f'<text x="0" y="{y - size * 0.3:.2f}" font-size="{size:.2f}">{escape(word)}</text>')
    return (
        f'<svg xmlns="{SVG}" viewBox="0 0 {width} {height}">'
        f'<g transform="translate({width / 2} {height / 2}) rotate({angle:.2f})" font-family="IBM Plex Sans"'
        ' font-weight="700" text-anchor="middle" fill="#ededed" stroke="#7c7c7c" stroke-width="0.45">'
        f"{''.join(lines)}</g></svg>"
    )


@contextmanager
def complaints_are_failures() -> Iterator[None]:
    """WeasyPrint logs what it leaves out and carries on; a sheet with something left out is no sheet."""
    complaints = _Complaints()
    logger = logging.getLogger("weasyprint")
    logger.addHandler(complaints)
    try:
        yield
    except FatalURLFetchingError as error:
        raise SheetFailed(str(error)) from error
    finally:
        logger.removeHandler(complaints)
    if complaints.messages:
        raise SheetFailed("; ".join(complaints.messages))


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@cache
def engine() -> Engine:
    """A template engine of our own, so that the render process needs neither settings nor database."""
    return Engine(dirs=[str(TEMPLATE_DIRECTORY)], libraries={"wording": "ivigsite.orders.sheet.filters"})


@cache
def stylesheet(name: str) -> CSS:
    files = {f"sheet:{font}": ("font/ttf", unpacked_font(font)) for font in FONT_FILES}
    return CSS(
        string=(TEMPLATE_DIRECTORY / name).read_text(),
        font_config=fonts(),
        url_fetcher=ClosedFetcher(files),
    )


@cache
def fonts() -> FontConfiguration:
    """A font set without the machine's own fonts, which would make the bytes differ between machines."""
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(FONT_DIRECTORY / "fonts.conf")
    try:
        return FontConfiguration()
    finally:
        del os.environ["FONTCONFIG_FILE"]
        if before is not None:
            os.environ["FONTCONFIG_FILE"] = before
