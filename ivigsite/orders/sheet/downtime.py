"""The files of a downtime folder: like the sheets PDF/A-3a and PDF/UA-1, from a content of their own."""

from datetime import UTC, datetime
from functools import partial
from typing import Final

from django.template import Context
from weasyprint import CSS, HTML, Attachment

from .checks import texts_of, unprintable_in
from .finisher import AMBIGUOUS_END, finish
from .jobs import SheetFailed
from .layout import PAPER_MM, SIDE_MM
from .pack import ActiveOrders, ActiveOrdersJob, FormsJob, Pack, canonical, digest
from .render import PDF_VARIANT, ClosedFetcher, complaints_are_failures, engine, fonts, stylesheet

STYLES: Final = "sheet/downtime/downtime.css"
FORMS_TEMPLATE: Final = "sheet/downtime/forms.html"
LIST_TEMPLATE: Final = "sheet/downtime/active_orders.html"
# What the running header and footer take, at their longest two lines each.
TOP_MM, BOTTOM_MM = 29, 26


def render_downtime(job: FormsJob | ActiveOrdersJob) -> bytes:
    """The file a downtime job asks for, or SheetFailed."""
    if unprintable := unprintable_in(texts_of(job.content)):
        raise SheetFailed(f"These characters cannot be printed: {', '.join(unprintable)}")
    width_mm, height_mm = PAPER_MM[job.paper]
    size = CSS(
        string=f"@page {{ size: {width_mm}mm {height_mm}mm; margin: {TOP_MM}mm {SIDE_MM}mm {BOTTOM_MM}mm }}"
    )
    with complaints_are_failures():
        pages = HTML(string=_fill(job), url_fetcher=ClosedFetcher({})).render(
            stylesheets=[stylesheet(STYLES), size], font_config=fonts(), pdf_variant=PDF_VARIANT
        )
        write = partial(_write, pages, job.content, _made_at(job.content))
        packed = write()
        return write(uncompressed_pdf=True) if AMBIGUOUS_END in packed else packed


def _fill(job: FormsJob | ActiveOrdersJob) -> str:
    if isinstance(job, FormsJob):
        version = job.content.version
        values = {"pack": job.content, "version": version, "zone": version.time_zone}
        template = engine().get_template(FORMS_TEMPLATE)
    else:
        values = {"active": job.content, "zone": job.content.time_zone}
        template = engine().get_template(LIST_TEMPLATE)
    return str(template.render(Context(values, use_l10n=False, use_tz=False)))


def _made_at(content: Pack | ActiveOrders) -> datetime:
    return (content.version if isinstance(content, Pack) else content).made_at.astimezone(UTC)


def _write(pages: object, content: Pack | ActiveOrders, at: datetime, **options: bool) -> bytes:
    pages.metadata.created = pages.metadata.modified = f"{at:%Y-%m-%dT%H:%M:%SZ}"  # type: ignore[attr-defined]
    source = Attachment(
        string=canonical(content),
        name="content.json",
        description="The content this file was made from",
        created=at,
        modified=at,
        relationship="Source",
    )
    return bytes(
        pages.write_pdf(  # type: ignore[attr-defined]
            pdf_variant=PDF_VARIANT,
            attachments=[source],
            pdf_identifier=digest(content)[:32].encode(),
            finisher=partial(finish, frame=None),
            **options,
        )
    )
