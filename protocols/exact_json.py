"""JSON read exactly: decimals stay decimals, a key stands once, and only a number passes for one."""

import json
from decimal import Decimal
from typing import Any, Final

# More digits or a larger exponent describe nothing that can be measured, and would take minutes to write out.
_NUMBER_LIMIT: Final = 40


class JsonError(ValueError):
    """The text is no JSON, or says something JSON leaves open."""


def read_json(text: str) -> Any:
    """Read one JSON value, with `Decimal` for every number that is not whole."""
    try:
        return json.loads(
            text,
            parse_float=_decimal,
            parse_int=_whole,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise JsonError(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise JsonError("the values are nested too deeply") from error


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if len(text) > _NUMBER_LIMIT or abs(value.adjusted()) > _NUMBER_LIMIT:
        raise JsonError(f"the number {text[:_NUMBER_LIMIT]} is out of all proportion")
    return value


def _whole(text: str) -> int:
    if len(text) > _NUMBER_LIMIT:
        raise JsonError(f"the number {text[:_NUMBER_LIMIT]}… is out of all proportion")
    return int(text)


def _refuse_constant(text: str) -> Any:
    raise JsonError(f"{text} is not a number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise JsonError(f"the key {key!r} stands twice")
        found[key] = value
    return found
