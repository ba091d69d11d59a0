from decimal import Decimal

import pytest

from protocols.exact_json import JsonError, read_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Decimal("0.1")),
        ("70.50", Decimal("70.50")),
        ("1e2", Decimal(100)),
        ("18000", 18000),
        ('"0.1"', "0.1"),
        ('{"a": [1, null, true]}', {"a": [1, None, True]}),
    ],
)
def test_values_are_read_as_they_are_written(text: str, value: object) -> None:
    assert read_json(text) == value


def test_a_decimal_keeps_digits_that_a_float_would_lose() -> None:
    assert str(read_json("0.12345678901234567890")) == "0.12345678901234567890"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"weight_kg": 70,\n "weight_kg": 7}', "'weight_kg' stands twice"),
        ('[{"a": {"b": 1, "b": 1}}]', "'b' stands twice"),
        ("NaN", "NaN is not a number"),
        ('{"weight_kg": Infinity}', "Infinity is not a number"),
        ("-Infinity", "-Infinity is not a number"),
        ("1e999999999", "out of all proportion"),
        ("1e-999999999", "out of all proportion"),
        ("0." + "1" * 50, "out of all proportion"),
        ("1" * 5000, "out of all proportion"),
        ("{", "line 1, column 2"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6"),
        ("", "line 1, column 1"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_json_leaves_open_is_refused(text: str, message: str) -> None:
    with pytest.raises(JsonError, match=message):
        read_json(text)
