from dataclasses import replace

import pytest

from ivigsite.orders.sheet.checks import find_forbidden_tokens, find_problems, unprintable_characters
from ivigsite.orders.sheet.content import SheetContent

from .samples import CONTENTS, IVIG, PREDNISONE, TYPICAL


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("predniSONE 80 mg QD", "QD"),
        ("80 mg q.d. or Q.D", "Q.D"),
        ("every other day (QOD)", "QOD"),
        ("80 mg od", "od"),
        ("twice BD", "BD"),
        ("at night HS", "HS"),
        ("MS 10 mg", "MS"),
        ("5 cc", "cc"),
        ("10 U", "U"),
        ("10U", "U"),
        ("500 IU", "IU"),
        ("50 µg", "µg"),
        ("50 μg", "μg"),
        ("50 mcg", "mcg"),
        ("1 g @ 14:00", "@"),
        ("IVIG & platelets", "&"),
        ("IVIG + platelets", "+"),
        ("count <50", "<"),
        ("count >50", ">"),
        ("count ≥50", "≥"),
        ("daily x4", "x4"),
        ("80.0 mg", "80.0"),
        ("0.50 mg", "0.50"),
        (".5 mg", ".5"),
        ("1000 mg", "1000"),
        ("2000 mg", "2000"),
        ("12500 per microlitre", "12500"),
        ("1e3 mg", "1e3"),
        ("1 g/kg", "g/kg"),
        ("24 mL/h", "mL/h"),
        ("80 mg. daily", "mg."),
        ("1 g IV", "IV"),
        ("Grade III", "III"),
        ("q8h", "q8h"),
    ],
)
def test_a_notation_known_to_be_misread_is_found(text: str, token: str) -> None:
    assert token in find_forbidden_tokens(text)


@pytest.mark.parametrize(
    "text",
    [
        "1 g per kg for 70 kg. DOSE 70 g",
        "24,000 per microlitre (24 x 10⁹ per litre)",
        "Dose rounded from 72.3 g to 70 g (3.2 percent lower)",
        "100 mg in 1 mL",
        "daily, every 6 hours, for 4 weeks",
        "grade 4 (CTCAE v5.0)",
        "22-Nov-2026 14:05 (UTC+00:00)",
        "1,000 mg; 12,500 units; 0.5 mg; 10.05 mL",
        "immune globulin intravenous (human) (IVIG), Privigen 10%",
        "as in the guideline of 2019",
        "Mrs, Ms, Hstad, mood, code",
        "micrograms, less than, greater than",
    ],
)
def test_the_wording_of_the_specification_passes(text: str) -> None:
    assert find_forbidden_tokens(text) == []


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_the_samples_may_be_printed(content: SheetContent) -> None:
    assert find_problems(content) == []


def test_a_forbidden_notation_in_an_order_is_a_problem_that_quotes_it() -> None:
    content = replace(TYPICAL, orders=(replace(IVIG, instructions=("Give 1 g/kg QD",)),))

    problems = find_problems(content)

    assert len(problems) == 2
    assert "g/kg" in problems[0]
    assert "QD" in problems[1]


def test_what_a_person_writes_as_a_reason_is_not_held_to_the_rules_of_orders() -> None:
    override = replace(TYPICAL.overrides[0], reason="platelets <5 & bleeding")

    assert find_problems(replace(TYPICAL, overrides=(override,))) == []


@pytest.mark.hazard("H11")
def test_a_look_alike_drug_without_tall_letters_is_a_problem() -> None:
    content = replace(TYPICAL, orders=(replace(PREDNISONE, name="prednisone"),))

    (problem,) = find_problems(content)

    assert "tall-man" in problem


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("李小龍", ["U+5C0F CJK UNIFIED IDEOGRAPH-5C0F", "U+674E CJK UNIFIED IDEOGRAPH-674E"]),
        ("Ana 🙂", ["U+1F642 SLIGHTLY SMILING FACE"]),
        ("a\u202eb", ["U+202E RIGHT-TO-LEFT OVERRIDE"]),
        ("a\x00b", ["U+0000 UNNAMED"]),
        ("a\ue000b", ["U+E000 UNNAMED"]),
    ],
)
def test_a_character_the_fonts_lack_is_named(name: str, listed: list[str]) -> None:
    content = replace(TYPICAL, patient=replace(TYPICAL.patient, family_name=name))

    missing = unprintable_characters(content)

    assert set(listed) <= set(missing)
    assert any("cannot be printed" in problem for problem in find_problems(content))


@pytest.mark.parametrize(
    "name", ["O'Brien-Ñúñez", "Þórðardóttir", "Łukasz", "Nguyễn", "Ελένη", "Жанна", "a\nb"]
)
def test_a_name_the_fonts_can_show_passes(name: str) -> None:
    content = replace(TYPICAL, patient=replace(TYPICAL.patient, given_name=name))

    assert unprintable_characters(content) == []
