"""The file of a plain paper; for the render process and for tests."""

from datetime import UTC
from functools import partial
from typing import Any, Final

from django.template import Context
from weasyprint import CSS, HTML, Attachment

from .checks import texts_of, unprintable_in
from .finisher import AMBIGUOUS_END, finish
from .jobs import SheetFailed
from .layout import PAPER_MM, SIDE_MM
from .plain_paper import PlainPaper, PlainPaperJob, canonical_paper, paper_digest
from .render import PDF_VARIANT, ClosedFetcher, complaints_are_failures, engine, fonts, stylesheet

STYLES: Final = "sheet/paper.css"
TEMPLATE: Final = "sheet/paper.html"
# What the running header and footer take, at their longest three lines.
TOP_MM, BOTTOM_MM = 27, 30


def render_paper(job: PlainPaperJob) -> bytes:
    """The file a job asks for, or SheetFailed."""
    if unprintable := unprintable_in(texts_of(job.content)):
        raise SheetFailed(f"These characters cannot be printed: {', '.join(unprintable)}")
    width_mm, height_mm = PAPER_MM[job.paper]
    size = CSS(
        string=f"@page {{ size: {width_mm}mm {height_mm}mm; margin: {TOP_MM}mm {SIDE_MM}mm {BOTTOM_MM}mm }}"
    )
    text = (
        engine().get_template(TEMPLATE).render(Context({"sheet": job.content}, use_l10n=False, use_tz=False))
    )
    with complaints_are_failures():
        pages = HTML(string=str(text), url_fetcher=ClosedFetcher({})).render(
            stylesheets=[stylesheet(STYLES), size], font_config=fonts(), pdf_variant=PDF_VARIANT
        )
        write = partial(_write, pages, job.content)
        packed = write()
        return write(uncompressed_pdf=True) if AMBIGUOUS_END in packed else packed


def warm_up_papers() -> None:
    """Read style and template before the first job, after which no file may be opened."""
    stylesheet(STYLES)
    engine().get_template(TEMPLATE)


def _write(pages: Any, content: PlainPaper, **options: bool) -> bytes:
    at = content.made_at.astimezone(UTC)
    pages.metadata.created = pages.metadata.modified = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    source = Attachment(
        string=canonical_paper(content),
        name="content.json",
        description="The content this file was made from",
        created=at,
        modified=at,
        relationship="Source",
    )
    return bytes(
        pages.write_pdf(
            pdf_variant=PDF_VARIANT,
            attachments=[source],
            pdf_identifier=paper_digest(content)[:32].encode(),
            finisher=partial(finish, frame=None),
            **options,
        )
    )
