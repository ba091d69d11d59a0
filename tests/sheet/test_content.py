import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from ivigsite.orders.sheet.content import (
    ContentBroken,
    SheetContent,
    canonical_json,
    digest,
    from_plain,
    to_plain,
)

from .samples import ALL_UNKNOWN, CONTENTS, IVIG, T0, TYPICAL


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_stored_content_reads_back_as_it_was(content: SheetContent) -> None:
    stored = canonical_json(content)

    assert from_plain(json.loads(stored)) == content
    assert canonical_json(from_plain(json.loads(stored))) == stored


def test_canonical_json_sorts_its_keys_and_holds_no_float() -> None:
    def refuse(text: str) -> None:
        raise AssertionError(f"a float in the stored content: {text}")

    stored = json.loads(canonical_json(TYPICAL), parse_float=refuse)

    assert list(stored) == sorted(stored)
    assert list(stored["patient"]) == sorted(stored["patient"])


def test_equal_values_have_one_digest_however_they_are_written() -> None:
    assert TYPICAL.rate_plan is not None
    same_volume = replace(TYPICAL, rate_plan=replace(TYPICAL.rate_plan, volume_ml=Decimal("800.00")))
    same_moment = replace(
        TYPICAL, valid_until=(T0 + timedelta(hours=24)).astimezone(timezone(timedelta(hours=5, minutes=30)))
    )

    assert digest(same_volume) == digest(TYPICAL)
    assert digest(same_moment) == digest(TYPICAL)


def test_every_stored_value_counts_in_the_digest() -> None:
    plain = to_plain(TYPICAL)
    digests = {digest(from_plain(changed)) for changed in _changed_in_one_place(plain)}

    assert digest(TYPICAL) not in digests
    assert len(digests) == sum(1 for _ in _changed_in_one_place(plain)) > 150


def test_a_decimal_is_stored_whole_however_many_digits_it_has() -> None:
    assert TYPICAL.rate_plan is not None
    volume = Decimal("1234567890123456789012345678901.25")

    content = replace(TYPICAL, rate_plan=replace(TYPICAL.rate_plan, volume_ml=volume))

    assert to_plain(content)["rate_plan"]["volume_ml"] == "1234567890123456789012345678901.25"


def test_unknown_is_stored_as_a_value_of_its_own() -> None:
    plain = to_plain(ALL_UNKNOWN)

    assert plain["patient"]["allergies"] == plain["weight"] == {"unknown": True}
    assert to_plain(replace(TYPICAL.patient, allergies=()))["allergies"] == []


def test_a_time_without_its_zone_is_refused() -> None:
    content = replace(TYPICAL, orders=(replace(IVIG, start_at=datetime(2026, 11, 22, 14, 30)),))  # noqa: DTZ001

    with pytest.raises(ValueError, match="needs its zone"):
        digest(content)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1"},
        {"version": 1.0},
        {"version": True},
        {"is_demo": 0},
        {"title": None},
        {"title": 7},
        {"orders": {}},
        {"orders": [7]},
        {"weight": {"unknown": False}},
        {"weight": None},
        {"valid_until": "tomorrow"},
        {"signature": []},
        {"surprise": "extra"},
    ],
    ids=str,
)
def test_content_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ContentBroken):
        from_plain(to_plain(TYPICAL) | change)


def test_content_with_a_missing_field_is_refused() -> None:
    plain = to_plain(TYPICAL)
    del plain["protocol"]

    with pytest.raises(ContentBroken, match="protocol"):
        from_plain(plain)


def test_content_stored_before_a_field_was_thought_of_reads_back_and_keeps_its_digest() -> None:
    older = replace(TYPICAL, orders=(IVIG,), issue_facts=(), vital_signs=(), reactions=())
    plain = to_plain(older)

    assert not {"issue_facts", "vital_signs", "reactions"} & plain.keys()
    assert "kind" not in to_plain(replace(IVIG, kind=""))
    assert from_plain(plain) == older
    assert digest(from_plain(plain)) == digest(older)


@pytest.mark.parametrize(
    ("field", "value"), [("group", "later"), ("number", "1"), ("start_at", 5), ("dose", "80 g")]
)
def test_an_order_of_another_shape_is_refused(field: str, value: object) -> None:
    plain = to_plain(TYPICAL)
    plain["orders"][0][field] = value

    with pytest.raises(ContentBroken):
        from_plain(plain)


def test_a_dose_that_is_no_number_is_refused() -> None:
    plain = to_plain(TYPICAL)
    plain["orders"][0]["dose"]["amount"] = "eighty"

    with pytest.raises(ContentBroken):
        from_plain(plain)


def _changed_in_one_place(plain: Any) -> Any:
    """The value again and again, each time with one leaf of it different."""
    match plain:
        case bool():
            yield not plain
        case int():
            yield plain + 1
        case str():
            yield from _changed_text(plain)
        case list():
            for index, item in enumerate(plain):
                for changed in _changed_in_one_place(item):
                    yield [*plain[:index], changed, *plain[index + 1 :]]
        case {"unknown": True}:
            # There is one way not to know.
            return
        case dict():
            for key, item in plain.items():
                for changed in _changed_in_one_place(item):
                    yield plain | {key: changed}


def _changed_text(text: str) -> Any:
    """Another text of the same kind: a later year for a time, one more for a number, one letter for words."""
    if text in (
        "now",
        "concurrent",
        "standby",
        "monitoring",
        "consult",
        "critical",
        "warning",
        "information",
    ):
        return
    if text[:4].isdigit() and text[4:5] == "-":
        yield f"{int(text[:4]) + 1}{text[4:]}"
    elif text.replace(".", "", 1).removeprefix("-").isdigit():
        yield f"{Decimal(text) + 1}"
    else:
        yield f"{text}x"
