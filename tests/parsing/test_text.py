"""Names, record numbers and free text: what is let in, what is refused, and how search compares it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivigsite.parsing.text import fold, parse_name, parse_record_number, parse_text
from protocols.engine.numbers import BadInput


def read(text: str, *, max_length: int = 200, multiline: bool = False) -> str:
    return parse_text(text, max_length=max_length, multiline=multiline)


@pytest.mark.parametrize(
    "text",
    [
        "O'Brien-Ñúñez",
        "O’Brien",
        "李小龍",
        "李小龍 🐉",
        "Nguyễn Thị Minh Khai",
        "محمد",
        "می‌خواهم",
        "👩‍⚕️",
        '<script>alert("1")</script>',
        '=HYPERLINK("http://x","y")',
        '"><img src="file:///etc/passwd">',
        "100 % {{ user }} %(name)s",
    ],
)
def test_text_that_can_be_seen_is_kept_exactly(text: str) -> None:
    assert read(text) == text


def test_text_is_put_into_composed_form() -> None:
    assert read("N\u0303u\u0301n\u0303ez") == "Ñúñez"


def test_text_loses_only_the_blanks_around_it() -> None:
    assert read(" \u00a0 two  words \u3000\n") == "two  words"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a\x00b", "U+0000"),
        ("a\x07b", "U+0007"),
        ("a\tb", "U+0009"),
        ("a\x1bb", "U+001B"),
        ("a\x7fb", "U+007F"),
        ("a\u0085b", "U+0085"),
        ("a\u00adb", "U+00AD"),
        ("a\u200bb", "U+200B"),
        ("a\u200eb", "U+200E"),
        ("a\u202eb", "U+202E"),
        ("a\u202ab", "U+202A"),
        ("a\u2066b", "U+2066"),
        ("a\u2028b", "U+2028"),
        ("a\u2029b", "U+2029"),
        ("a\u2060b", "U+2060"),
        ("\ufeffab", "U+FEFF"),
        ("a\ud800b", "U+D800"),
        ("a\U000e0041b", "U+E0041"),
        ("\u200dab", "U+200D"),
        ("ab\u200d", "U+200D"),
        ("a \u200db", "U+200D"),
        ("a\u200d\u200db", "U+200D"),
    ],
)
@pytest.mark.parametrize("multiline", [True, False])
def test_hidden_character_is_refused_by_its_name(text: str, named: str, multiline: bool) -> None:
    with pytest.raises(BadInput, match="contains a hidden character") as refusal:
        read(text, multiline=multiline)

    assert named in refusal.value.message
    assert refusal.value.message.isprintable()


@pytest.mark.parametrize(
    "text", ["\u200b", "\u200d\u200d", "\u2060", "\u3164", "\u115f\u1160", "\u2800", "\u0301"]
)
def test_text_that_nobody_can_see_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="hidden character"):
        read(text)


def test_lines_are_kept_where_lines_are_asked_for() -> None:
    assert read("one\r\ntwo\n\nthree", multiline=True) == "one\ntwo\n\nthree"


@pytest.mark.parametrize("text", ["one\ntwo", "one\r\ntwo"])
def test_lines_are_refused_where_one_line_is_asked_for(text: str) -> None:
    with pytest.raises(BadInput, match=r"U\+000A"):
        read(text)


def test_text_over_its_length_is_refused_with_limit_and_count() -> None:
    with pytest.raises(BadInput, match=r"at most 2,000 characters; these are 5,000\."):
        read("x" * 5000, max_length=2000)


def test_text_of_exactly_its_length_is_kept_whole() -> None:
    assert read("é" * 2000, max_length=2000) == "é" * 2000


@given(st.text(st.characters(), max_size=60), st.booleans())
def test_any_text_is_kept_whole_or_refused(text: str, multiline: bool) -> None:
    try:
        kept = read(text, multiline=multiline)
    except BadInput:
        return

    assert kept == unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    assert "\x00" not in kept
    kept.encode()


@given(st.text(max_size=60))
def test_text_once_read_is_read_unchanged(text: str) -> None:
    try:
        kept = read(text)
    except BadInput:
        return

    assert read(kept) == kept


@pytest.mark.parametrize("text", ["Ñ", "李", "X Æ A-12", "d'Arc", "ʻOkina"])
def test_name_of_any_script_is_kept(text: str) -> None:
    assert parse_name(text, max_length=50) == text


@pytest.mark.parametrize("text", ["-", "12", "🐉", "…", "' '"])
def test_name_without_a_letter_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="name in letters"):
        parse_name(text, max_length=50)


@pytest.mark.parametrize("text", ["Ann\nLee", "Ann\u202eeeL", "x" * 51])
def test_name_follows_the_rules_of_text(text: str) -> None:
    with pytest.raises(BadInput):
        parse_name(text, max_length=50)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9434765919", "9434765919"),
        ("943 476 5919", "9434765919"),
        ("demo-0001", "DEMO-0001"),
        ("RN 12 B", "RN12B"),
        ("00123", "00123"),
    ],
)
def test_record_number_is_read_without_the_blanks_it_is_printed_with(text: str, number: str) -> None:
    assert parse_record_number(text, max_length=20) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "943  476",
        "943\u00a0476",
        "-12",
        "12-",
        "1--2",
        "12/34",
        "12_34",
        "12.34",
        "ABC;DROP",
        "ÄB12",
        "ß12",
        "12\n",
        "1\x002",
        "1\u200b2",
    ],
)
def test_record_number_with_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="letters, digits and single hyphens"):
        parse_record_number(text, max_length=20)


@pytest.mark.parametrize("text", ["٩٤٣", "９４３", "94³"])
def test_record_number_in_other_digits_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="use 0–9"):
        parse_record_number(text, max_length=20)


def test_record_number_over_its_length_is_refused() -> None:
    with pytest.raises(BadInput, match="at most 20 characters; these are 21"):
        parse_record_number("1" * 21, max_length=20)


@given(st.text(max_size=30))
def test_record_number_once_read_is_read_unchanged(text: str) -> None:
    try:
        number = parse_record_number(text, max_length=20)
    except BadInput:
        return

    assert parse_record_number(number, max_length=20) == number


@pytest.mark.parametrize(
    ("written", "searched"),
    [
        ("O'Brien-Ñúñez", "o'brien-nunez"),
        ("O’Brien‑Nunez", "O'BRIEN-NUNEZ"),
        ("O'Brien", "obrien"),
        ("O’Brien", "OBRIEN"),
        ("D`Angelo", "dangelo"),
        ("Smith-Jones", "smith jones"),
        ("Smith‑Jones", "Smith – Jones"),
        ("Nguyễn", "nguyen"),
        ("Łukasz Sørensen", "lukasz sorensen"),
        ("Straße", "STRASSE"),
        ("İpek Yıldız", "ipek yildiz"),
        ("Æsir Þór", "aesir thor"),
        ("李小龍", "李小龍"),
        ("Ａｎｎ", "ann"),
        ("  Ann   Lee ", "ann lee"),
    ],
)
def test_names_are_found_without_accents_case_or_the_right_apostrophe(written: str, searched: str) -> None:
    assert fold(written) == fold(searched)


def test_different_names_stay_different() -> None:
    assert fold("Brown") != fold("Braun")
    assert fold("Smith-Jones") != fold("Smithjones")


@given(st.text(max_size=40))
def test_folded_text_folds_to_itself(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=40))
def test_form_of_the_accents_does_not_matter_to_search(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))
