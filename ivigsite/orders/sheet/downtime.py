"""The files of a downtime folder: like the sheets PDF/A-3a and PDF/UA-1, from a content of their own."""

from typing import Final

from django.template import Context
from weasyprint import CSS

from .archive import PDF_VARIANT, write_archive
from .checks import texts_of, unprintable_in
from .jobs import SheetFailed
from .layout import Frame, make_plain_frame
from .markup import Markup
from .pack import ActiveOrdersJob, FormsJob, Pack, canonical, digest
from .render import ClosedFetcher, complaints_are_failures, engine, fonts, stylesheet
from .wording import format_date, format_moment_with_offset

STYLES: Final = "sheet/downtime/downtime.css"
FORMS_TEMPLATE: Final = "sheet/downtime/forms.html"
LIST_TEMPLATE: Final = "sheet/downtime/active_orders.html"
# As many digits as the longest pack needs, to measure the footer with.
PAGE_WORDS: Final = "Page 000 of 000"
# On each later page of a form: whose it is, written by hand.
STRIP_MM: Final = 8.0


def render_downtime(job: FormsJob | ActiveOrdersJob) -> bytes:
    """The file a downtime job asks for, or SheetFailed."""
    if unprintable := unprintable_in(texts_of(job.content)):
        raise SheetFailed(f"These characters cannot be printed: {', '.join(unprintable)}")
    content = job.content
    with complaints_are_failures():
        pages = Markup(_fill(job), url_fetcher=ClosedFetcher({})).render(
            stylesheets=[stylesheet(STYLES), CSS(string=_page_css(job))],
            font_config=fonts(),
            pdf_variant=PDF_VARIANT,
        )
        return write_archive(
            pages,
            content=canonical(content),
            at=(content.version if isinstance(content, Pack) else content).made_at,
            identifier=digest(content)[:32],
        )


def _fill(job: FormsJob | ActiveOrdersJob) -> str:
    if isinstance(job, FormsJob):
        version = job.content.version
        values = {"pack": job.content, "version": version, "zone": version.time_zone}
        template = engine().get_template(FORMS_TEMPLATE)
    else:
        values = {"active": job.content, "zone": job.content.time_zone}
        template = engine().get_template(LIST_TEMPLATE)
    return str(template.render(Context(values, use_l10n=False, use_tz=False)))


def _page_css(job: FormsJob | ActiveOrdersJob) -> str:
    frame = _frame_of(job)
    return f"{frame.css} @page form {{ margin-top: {frame.top_mm + STRIP_MM:.2f}mm }}"


def _frame_of(job: FormsJob | ActiveOrdersJob) -> Frame:
    """Room for the running texts, as `_running.html` and `active_orders.html` set them."""
    if isinstance(job, ActiveOrdersJob):
        active = job.content
        made = format_moment_with_offset(active.made_at, active.time_zone)
        return make_plain_frame(
            job.paper,
            identity=active.ward,
            notices=[f"DOWNTIME LIST – AS OF {made} – DEMO, NOT FOR CARE"],
            footer=[
                f"Orders signed, changed or ended after {made} are not on this list. {PAGE_WORDS}",
            ],
        )
    version = job.content.version
    made = format_moment_with_offset(version.made_at, version.time_zone)
    return make_plain_frame(
        job.paper,
        identity=f"{version.title}, version {version.number}, seal {version.seal[:16]}",
        notices=["DOWNTIME FORM – FOR USE ONLY WHILE THE SITE IS AWAY – DEMO, NOT FOR CARE"],
        footer=[
            f"Do not use after {made}. {PAGE_WORDS}",
            (
                f"Approved by {version.approved_by} on {format_date(version.approved_on)}. Made {made}. "
                "Enter every order into the site when it is back."
            ),
        ],
    )
