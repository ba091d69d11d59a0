"""A laid-out document as PDF/A-3a and PDF/UA-1, with its content attached; the same input, the same bytes."""

import hashlib
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
                pdf_identifier=False,
                finisher=partial(finish, frame=frame),
                **options,
            )
        )

    file = write()
    if AMBIGUOUS_END in file:
        # The streams that hold other objects are packed after the finisher, who could not look at them.
        file = write(uncompressed_pdf=True)
    return identified(file, identifier)


def identified(file: bytes, identifier: str) -> bytes:
    """The file with an identifier and its digest in the dictionary at its end, where no offset counts them.

    WeasyPrint would write every object a second time for the digest.
    """
    last = int(file[file.rindex(b"startxref") :].split()[1])
    place = file.index(b"/Root", last)
    digest = hashlib.sha256(file).hexdigest()[:32]
    return file[:place] + f"/ID [({identifier})({digest})]".encode() + file[place:]
