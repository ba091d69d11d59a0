"""What must not be printed: letters the fonts lack, and notations known to kill."""

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from .content import SheetContent
from .typeface import covered_codes
from .wording import apply_tall_man

# Institute for Safe Medication Practices, list of error-prone abbreviations, symbols and dose
# designations; Joint Commission do-not-use list; and section 3 of the sheet's own specification.
_FORBIDDEN = re.compile(
    r"""
      \b(?:Q\.?D|QOD|O\.?D|BD|BID|TDS|TID|QDS|QID|HS|SC|SQ|PRN|MSO4|MgSO4|MS)\b
    | \b(?:qd|qod|od|bd|bid|tds|tid|qds|qid|hs|prn|cc|q\d+h)\b
    | \b(?:II|III|IV|VI|VII|VIII|IX)\b                # Roman numerals, and IV for intravenous
    | (?<=\d)\s?U\b | \bIU\b
    | [µμ]g\b | \bmcg\b
    | [@&<>≤≥] | (?<!UTC)\+
    | \bx\d                                           # x4
    | (?<![v\d.])\d[\d,]*\.\d*0(?![\d.])              # trailing zero; the 5.0 of v5.0 is a name
    | (?<!\d)\.\d                                     # naked point
    # Four digits without a comma, unless they are a year.
    | (?<![\w.,/-])(?!(?:19|20)\d\d(?!\s?(?:g|mg|micrograms|mL|kg|units|per)\b))\d{4,}(?![\d-])
    | \b\d+[eE][+-]?\d
    | \b(?:g|mg|micrograms|mL|units|kg)/\w+           # write "per"
    | \b(?:g|mg|mL|kg|h|min)\.(?=\s+[a-z\d])          # full stop after a unit, inside a sentence
    """,
    re.VERBOSE,
)


def find_forbidden_tokens(text: str) -> list[str]:
    """Each notation in the text that an order may not use, as it stands there."""
    return [match.group().strip() for match in _FORBIDDEN.finditer(text)]


def find_problems(content: SheetContent) -> list[str]:
    """Why this content may not be signed or printed: one sentence for each problem, none when it may."""
    problems = []
    if unprintable := unprintable_characters(content):
        problems.append(f"These characters cannot be printed: {', '.join(unprintable)}")
    for text in order_texts(content):
        problems += [f"“{token}” may not stand in an order: {text}" for token in find_forbidden_tokens(text)]
        if apply_tall_man(text, content.tall_man_names) != text:
            problems.append(f"A drug name is not in tall-man letters: {text}")
    return problems


def order_texts(content: SheetContent) -> Iterator[str]:
    """Every sentence of an order, the plans, the monitoring and what is done at the bedside; not names,
    reasons or references."""
    acted_on = tuple((row.sign, row.action) for row in (*content.vital_signs, *content.reactions))
    yield from texts_of(
        (
            content.orders,
            content.timed_plan,
            content.rate_plan,
            content.monitoring,
            content.monitoring_later,
            acted_on,
        )
    )


def unprintable_characters(content: SheetContent) -> list[str]:
    """Characters of the content that the embedded fonts cannot show, each as its code and name."""
    return unprintable_in(texts_of(content))


def unprintable_in(texts: Iterable[str]) -> list[str]:
    return [
        f"U+{ord(character):04X} {unicodedata.name(character, 'UNNAMED')}"
        for character in sorted(set("".join(texts)))
        if not _is_printable(character)
    ]


def texts_of(value: Any) -> Iterator[str]:
    """The free text inside a value; numbers and times are worded by us."""
    match value:
        case StrEnum():
            return
        case str():
            yield value
        case tuple():
            for item in value:
                yield from texts_of(item)
        case _ if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                yield from texts_of(getattr(value, field.name))


def _is_printable(character: str) -> bool:
    if character in "\t\n\r":
        return True  # shown as a space
    # Control, format and private characters have no shape; some of them turn the line around.
    return unicodedata.category(character)[0] != "C" and ord(character) in covered_codes()
