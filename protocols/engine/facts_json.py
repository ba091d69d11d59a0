"""Facts from plain data (JSON): an unknown key or a bad value is an error by field, never a guess."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from . import lookup
from .facts import CATALOGUE, FACT_BY_KEY, UNKNOWN, FactDefinition, Facts, ImpossibleFact, Kind
from .numbers import BadInput, parse_decimal, parse_whole
from .plain import decimal_text
from .protocol import InputLimit, Protocol

_DECIMALS: Final = 4
_LONGEST: Final = 20
_ADULT: Final = "adult"
_CHILD: Final = "child"


class FactErrors(ValueError):
    """Every field that cannot be read, with the reason in plain words."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {message}" for key, message in errors.items()))
        self.errors = errors


def facts_from_plain(data: Mapping[str, Any], protocol: Protocol | None = None) -> Facts:
    """Facts from a dictionary; absent, null and "unknown" mean unknown. Raises `FactErrors`.

    With a protocol, keys of its rows must exist and numbers must lie within its input limits.
    """
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for key, item in data.items():
        definition = FACT_BY_KEY.get(key)
        if definition is None:
            errors[key] = "There is no fact of this name."
            continue
        if item is None or item == "unknown":
            continue
        try:
            values[key] = _read(definition, item)
        except BadInput as problem:
            errors[key] = problem.message
    facts = _possible(values, errors)
    if protocol is not None:
        errors |= _outside(protocol, values)
    if errors:
        raise FactErrors(errors)
    return facts


def _possible(values: dict[str, Any], errors: dict[str, str]) -> Facts:
    """Facts of what a patient can have; what no patient can have goes from the values to the errors."""
    while True:
        try:
            return Facts(**values)
        except ImpossibleFact as problem:
            errors[problem.key] = problem.message
            del values[problem.key]


def facts_to_plain(facts: Facts) -> dict[str, Any]:
    """The known facts as JSON can hold them; the inverse of `facts_from_plain`."""
    plain: dict[str, Any] = {}
    for definition in CATALOGUE:
        value = getattr(facts, definition.key)
        if value is UNKNOWN:
            continue
        if definition.kind is Kind.CHOICES:
            plain[definition.key] = list(value)
        elif definition.kind is Kind.DECIMAL:
            plain[definition.key] = decimal_text(value)
        else:
            plain[definition.key] = value
    return plain


def facts_schema(protocol: Protocol | None = None) -> dict[str, Any]:
    """The JSON Schema of one object of facts; with a protocol, with the keys of its rows."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Facts",
        "description": "What is known of one patient now. A key that is absent or null is unknown.",
        "type": "object",
        "additionalProperties": False,
        "properties": {definition.key: _schema_of(definition, protocol) for definition in CATALOGUE},
    }


def _read(definition: FactDefinition, item: Any) -> Any:
    if definition.kind is Kind.YES_NO:
        if not isinstance(item, bool):
            raise BadInput("yes_no", "Answer true, false or null.")
        return item
    if definition.kind is Kind.CHOICES:
        return _read_choices(definition, item)
    if definition.kind in (Kind.CHOICE, Kind.ROW):
        if not isinstance(item, str) or (definition.choices and item not in definition.choice_keys):
            raise BadInput("choice", _one_of(definition))
        return item
    if definition.kind is Kind.TEXT:
        if not isinstance(item, str):
            raise BadInput("text", "Give a name as text.")
        return item
    text = _number_text(item)
    return parse_whole(text) if definition.kind is Kind.WHOLE else parse_decimal(text, decimals=_DECIMALS)


def _read_choices(definition: FactDefinition, item: Any) -> tuple[str, ...]:
    if not isinstance(item, list | tuple) or not all(isinstance(choice, str) for choice in item):
        raise BadInput("choices", "Give a list of texts; an empty list means none of them.")
    if wrong := [choice for choice in item if choice not in definition.choice_keys]:
        raise BadInput(
            "choice",
            f"{wrong[0]!r} is not one of: {', '.join(definition.choice_keys)}.",
        )
    # In the catalogue's order, so that the order of answers makes no difference.
    return tuple(choice for choice in definition.choice_keys if choice in item)


def _one_of(definition: FactDefinition) -> str:
    if not definition.choices:
        return "Give the key as text."
    return f"Choose one of: {', '.join(definition.choice_keys)}."


def _number_text(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, bool) or not isinstance(item, int | Decimal):
        raise BadInput("number", "Give a number, as text or as a JSON number.")
    number = Decimal(item)
    exponent = number.as_tuple().exponent
    # Written out, 1e999999999 would fill the memory.
    if not isinstance(exponent, int) or abs(exponent) > _LONGEST or number.adjusted() > _LONGEST:
        raise BadInput("too_long", "This is no number that a patient can have.")
    return format(number, "f")


def _outside(protocol: Protocol, values: dict[str, Any]) -> dict[str, str]:
    errors: dict[str, str] = {}
    for key, value in values.items():
        definition = FACT_BY_KEY[key]
        if definition.kind is Kind.ROW:
            keys = [row.key for row in getattr(protocol, definition.rows)]
            if value not in keys:
                errors[key] = f"Choose one of: {', '.join(keys)}."
    for limit in protocol.input_limits:
        value = values.get(limit.fact, UNKNOWN)
        if value is UNKNOWN or not _applies(limit, protocol, values):
            continue
        if not limit.minimum <= value <= limit.maximum:
            unit = FACT_BY_KEY[limit.fact].unit
            errors[limit.fact] = (
                f"{decimal_text(Decimal(value))} is outside {decimal_text(limit.minimum)} to "
                f"{decimal_text(limit.maximum)} {unit}."
            )
    return errors


def _applies(limit: InputLimit, protocol: Protocol, values: dict[str, Any]) -> bool:
    age = values.get("age_years", UNKNOWN)
    if limit.population == _ADULT:
        return age is not UNKNOWN and age >= _adult_from(protocol)
    if limit.population == _CHILD:
        return age is not UNKNOWN and age < _adult_from(protocol)
    return True


def _adult_from(protocol: Protocol) -> int:
    return lookup.of(protocol).policies[protocol.default_policy].adult_from_years


def _schema_of(definition: FactDefinition, protocol: Protocol | None) -> dict[str, Any]:
    schema: dict[str, Any] = {"title": definition.label}
    words = [definition.unit and f"Unit: {definition.unit}.", definition.help]
    if description := " ".join(word for word in words if word):
        schema["description"] = description
    keys = list(definition.choice_keys)
    if definition.kind is Kind.ROW and protocol is not None:
        keys = [row.key for row in getattr(protocol, definition.rows)]
    if definition.kind is Kind.YES_NO:
        return {**schema, "type": ["boolean", "null"]}
    if definition.kind is Kind.CHOICES:
        items = {"type": "string", "enum": keys}
        return {
            **schema,
            "anyOf": [
                {"type": "array", "items": items},
                {"const": "unknown"},
                {"type": "null"},
            ],
        }
    if definition.kind in (Kind.CHOICE, Kind.ROW):
        return (
            {**schema, "enum": [*keys, "unknown", None]} if keys else {**schema, "type": ["string", "null"]}
        )
    if definition.kind is Kind.TEXT:
        return {**schema, "type": ["string", "null"]}
    number = "integer" if definition.kind is Kind.WHOLE else "number"
    pattern = "^[0-9]+$" if definition.kind is Kind.WHOLE else "^[0-9]+(\\.[0-9]+)?$"
    return {
        **schema,
        "anyOf": [
            {"type": number, "minimum": 0},
            {"type": "string", "pattern": pattern},
            {"const": "unknown"},
            {"type": "null"},
        ],
    }
