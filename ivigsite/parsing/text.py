"""Names, identifiers and free text: nothing hidden, nothing cut, nothing changed but its Unicode form."""

import re
import unicodedata

from protocols.engine.numbers import BadInput

# They join letters in several scripts and parts of some emoji, so they may stand between two characters.
_JOINERS = "\u200c\u200d"
# Letters and symbols by category that nobody can see.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")

_RECORD_NUMBER = re.compile(r"[A-Z0-9]+(?:[- ][A-Z0-9]+)*")

# Letters that Unicode does not take apart, and the marks that one person writes and the next leaves out.
_SEARCH_LETTERS = str.maketrans(
    {
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ı": "i",
        "ł": "l",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "‘": None,
        "’": None,
        "ʻ": None,
        "ʼ": None,
        "`": None,
        "'": None,
        "-": " ",
        "‐": " ",
        "‑": " ",
        "–": " ",
    }
)


def tidy(text: str) -> str:
    """The text without the blanks around it, no-break spaces included."""
    return text.strip()


def parse_text(text: str, *, max_length: int, multiline: bool) -> str:
    """The text in composed Unicode form; hidden characters and over-length are refused, nothing is cut."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    for position, character in enumerate(composed):
        if character == "\n" and multiline:
            continue
        if _is_hidden(composed, position):
            raise BadInput("hidden", f"This contains a hidden character ({_name(character)}): type it again.")
    if composed and not any(_is_visible(character) for character in composed):
        raise BadInput("invisible", "This contains a hidden character only: nothing of it can be seen.")
    if len(composed) > max_length:
        raise BadInput("too_long", f"Enter at most {max_length:,} characters; these are {len(composed):,}.")
    return composed


def parse_name(text: str, *, max_length: int) -> str:
    """A person's name on one line, exactly as written, with at least one letter."""
    name = parse_text(text, max_length=max_length, multiline=False)
    if not any(character.isalpha() for character in name):
        raise BadInput("name", "Enter the name in letters.")
    return name


def parse_record_number(text: str, *, max_length: int) -> str:
    """A record number in capital letters, digits and hyphens; the blanks it is grouped with are left out."""
    number = text.upper()
    if any(character.isnumeric() and not character.isascii() for character in text):
        raise BadInput("digits", "Other digits cannot be read safely: use 0–9.")
    if not _RECORD_NUMBER.fullmatch(number) or not text.isascii():
        raise BadInput(
            "record_number", "Enter letters, digits and single hyphens only, for example 943 476 5919."
        )
    number = number.replace(" ", "")
    if len(number) > max_length:
        raise BadInput("too_long", f"Enter at most {max_length:,} characters; these are {len(number):,}.")
    return number


def fold(text: str) -> str:
    """The text as search compares it: without accents, case and apostrophes, with hyphens as blanks."""
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", text)
        if unicodedata.category(character) != "Mn" and character not in _JOINERS
    )
    return " ".join(unicodedata.normalize("NFKD", plain.casefold()).translate(_SEARCH_LETTERS).split())


def _is_hidden(text: str, position: int) -> bool:
    character = text[position]
    if character in _JOINERS:
        neighbours = text[max(position - 1, 0) : position] + text[position + 1 : position + 2]
        return len(neighbours) < 2 or any(each.isspace() or each in _JOINERS for each in neighbours)
    return unicodedata.category(character) in _HIDDEN_CATEGORIES


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANKS


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"
