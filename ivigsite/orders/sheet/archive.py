"""A laid-out document as PDF/A-3a and PDF/UA-1, with its content attached; the same input, the same bytes."""

from datetime import UTC, datetime
from functools import partial
from typing import Final

from weasyprint import Attachment, Document

from .finisher import AMBIGUOUS_END, finish
from .layout import Frame

PDF_VARIANT: Final = "pdf/a-3a"


def write_archive(
    pages: Document,
    *,
    content: bytes,
    at: datetime,
    identifier: str,
    frame: Frame | None = None,
    name: str = "content.json",
    description: str = "The content this file was made from",
) -> bytes:
    """The file of these pages, with what they were made from.

    Blank space at the end is struck through inside `frame`, where there is one.
    """
    at = at.astimezone(UTC)
    pages.metadata.created = pages.metadata.modified = f"{at:%Y-%m-%dT%H:%M:%SZ}"

    def write(**options: bool) -> bytes:
        # An attachment can be read once.
        source = Attachment(
            string=content,
            name=name,
            description=description,
            created=at,
            modified=at,
            relationship="Source",
        )
        return bytes(
            pages.write_pdf(
                pdf_variant=PDF_VARIANT,
                attachments=[source],
                pdf_identifier=identifier.encode(),
                finisher=partial(finish, frame=frame),
                **options,
            )
        )

    packed = write()
    # The streams that hold other objects are packed after the finisher, who could not look at them.
    return write(uncompressed_pdf=True) if AMBIGUOUS_END in packed else packed
