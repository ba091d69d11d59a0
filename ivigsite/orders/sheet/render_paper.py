"""The file of a plain paper; for the render process and for tests."""

from typing import Final

from django.template import Context
from weasyprint import CSS

from .archive import PDF_VARIANT, write_archive
from .checks import texts_of, unprintable_in
from .jobs import SheetFailed
from .layout import make_plain_frame
from .markup import Markup
from .plain_paper import PlainPaperJob, canonical_paper, paper_digest
from .render import ClosedFetcher, complaints_are_failures, engine, fonts, stylesheet

STYLES: Final = "sheet/paper.css"
TEMPLATE: Final = "sheet/paper.html"
DEMO_WORDS: Final = "DEMO, NOT FOR CARE"
# As many digits as the longest paper needs, to measure the footer with.
PAGE_WORDS: Final = "Page 000 of 000."


def render_paper(job: PlainPaperJob) -> bytes:
    """The file a job asks for, or SheetFailed."""
    content = job.content
    if unprintable := unprintable_in(texts_of(content)):
        raise SheetFailed(f"These characters cannot be printed: {', '.join(unprintable)}")
    notice = DEMO_WORDS if content.is_demo else ""
    frame = make_plain_frame(
        job.paper,
        identity=content.about,
        notices=filter(None, [notice]),
        footer=[f"{PAGE_WORDS} {content.footer}"],
    )
    values = {"sheet": content, "notice": notice}
    text = engine().get_template(TEMPLATE).render(Context(values, use_l10n=False, use_tz=False))
    with complaints_are_failures():
        pages = Markup(str(text), url_fetcher=ClosedFetcher({})).render(
            stylesheets=[stylesheet(STYLES), CSS(string=frame.css)],
            font_config=fonts(),
            pdf_variant=PDF_VARIANT,
        )
        return write_archive(
            pages,
            content=canonical_paper(content),
            at=content.made_at,
            identifier=paper_digest(content)[:32],
        )


def warm_up_papers() -> None:
    """Read style and template before the first job, after which no file may be opened."""
    stylesheet(STYLES)
    engine().get_template(TEMPLATE)
