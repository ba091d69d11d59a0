"""Papers of plain paragraphs, lists and tables, such as a leaflet or a version to read: content and job.

Like the sheets PDF/A-3a and PDF/UA-1, and the same content makes the same bytes. What a paper is made of
stands here without WeasyPrint, so that a web process may make a job; the file is made in the render process.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .content import to_plain
from .states import Paper


class Print(StrEnum):
    """How large a paper is set."""

    LARGE = "large"
    SMALL = "small"
    DENSE = "dense"


Lines = tuple[str, ...]
"""What stands in one cell, a paragraph each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """A table; the first cell of a row is its head."""

    heading: str
    paragraphs: Lines = ()
    columns: tuple[str, ...]
    rows: tuple[tuple[Lines, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPart:
    """One heading with its paragraphs, the items of its list, and its tables."""

    heading: str
    paragraphs: Lines = ()
    items: Lines = ()
    tables: tuple[PaperTable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPaper:
    """One paper: its name, whom it is about, and what it says; `footer` stands on each page."""

    name: str
    title: str
    about: str
    parts: tuple[PaperPart, ...]
    footer: str
    print: Print
    made_at: datetime
    is_demo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPaperJob:
    """A request for the file of one paper."""

    content: PlainPaper
    paper: Paper


def canonical_paper(content: PlainPaper) -> bytes:
    """The one byte string that stands for the content of a file."""
    return json.dumps(to_plain(content), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def paper_digest(content: PlainPaper) -> str:
    return hashlib.sha256(canonical_paper(content)).hexdigest()
