"""Values to plain data and back, canonical JSON, and the seal made of it."""

import hashlib
import json
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from .protocol import Protocol

T = TypeVar("T")
Reader = Callable[[Any], Any]

# What `Decimal` itself reads is wider: 1e3, 1_000, NaN, other scripts' digits.
PLAIN_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
# More than any count or minute of a protocol, and no more than every database and JSON reader holds exactly.
LARGEST_WHOLE: Final = 10**8


class PlainError(ValueError):
    """Plain data does not have the shape of the value it should become; `path` says where."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.path or 'content'}: {self.message}"

    def within(self, place: str) -> "PlainError":
        """The same fault, seen from the table or list in which it stands at this place."""
        if not self.path:
            return PlainError(self.message, place)
        dot = "" if self.path.startswith("[") else "."
        return PlainError(self.message, f"{place}{dot}{self.path}")


def decimal_text(value: Decimal) -> str:
    """The one spelling of a finite decimal: no exponent, no trailing zero, so equal numbers seal alike."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def to_plain(value: Any) -> Any:
    """Dictionaries, lists, text, whole numbers and booleans only; decimals and enums become text."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_plain(getattr(value, name)) for name in _field_names(type(value))}
    return value


def from_plain(cls: type[T], data: Any) -> T:
    """The inverse of `to_plain`; strict, so a misspelt key or a wrong type raises `PlainError`."""
    expected: Any = cls
    value: T = _reader(expected)(data)
    return value


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces, no escapes beyond what JSON needs."""
    return json.dumps(to_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def seal(protocol: Protocol) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal: two versions share a seal only if they say the same."""
    return hashlib.sha256(canonical_json(protocol).encode()).hexdigest()


@cache
def _field_names(cls: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls) if f.init)


@cache
def _reader(expected: Any) -> Reader:
    if get_origin(expected) is types.UnionType:
        return _optional_reader(expected)
    if get_origin(expected) is tuple:
        return _tuple_reader(get_args(expected)[0])
    if get_origin(expected) is dict:
        return _read_answers
    if expected is Decimal:
        return _read_decimal
    if issubclass(expected, Enum):
        return _enum_reader(expected)
    if is_dataclass(expected):
        return _dataclass_reader(expected)
    return _scalar_reader(expected)


def _optional_reader(expected: Any) -> Reader:
    (inner,) = (arg for arg in get_args(expected) if arg is not types.NoneType)
    read_inner = _reader(inner)

    def read(data: Any) -> Any:
        return None if data is None else read_inner(data)

    return read


def _tuple_reader(inner: Any) -> Reader:
    read_inner = _reader(inner)

    def read(data: Any) -> Any:
        if not isinstance(data, list):
            raise PlainError("expected a list")
        if not data:
            return ()
        items: list[Any] = []
        try:
            items.extend(map(read_inner, data))
        except PlainError as error:
            raise error.within(f"[{len(items)}]") from None
        return tuple(items)

    return read


def _read_decimal(data: Any) -> Decimal:
    if not isinstance(data, str):
        raise PlainError('expected a number written as text, for example "0.4"')
    return _decimal_of(data)


# The same few amounts stand in a protocol many times.
@lru_cache(maxsize=1024)
def _decimal_of(text: str) -> Decimal:
    if not PLAIN_NUMBER.fullmatch(text):
        raise PlainError(f"{text!r} is not a number")
    return Decimal(decimal_text(Decimal(text)))


def _read_answers(data: Any) -> Any:
    """Facts as JSON has them: texts, whole numbers, yes or no, lists of texts; no fractions, no nesting."""
    if not isinstance(data, dict):
        raise PlainError("expected a table")
    for key, item in data.items():
        items = item if isinstance(item, list) else [item]
        allowed = (str,) if isinstance(item, list) else (str, int, bool)
        if not isinstance(key, str) or any(type(each) not in allowed for each in items):
            raise PlainError("expected a text, a whole number, true, false or a list of texts", str(key))
        if type(item) is int:
            _require_writable(item, key)
    return dict(data)


def _enum_reader(expected: type[Enum]) -> Reader:
    members = {member.value: member for member in expected}

    def read(data: Any) -> Any:
        if not isinstance(data, str) or data not in members:
            raise PlainError(f"{data!r} is not one of {', '.join(members)}")
        return members[data]

    return read


def _scalar_reader(expected: type) -> Reader:
    def read(data: Any) -> Any:
        # bool is an int in Python, and `true` is no count.
        if type(data) is not expected:
            raise PlainError(f"expected {expected.__name__}, got {type(data).__name__}")
        if isinstance(data, int):
            _require_writable(data)
        return data

    return read


def _require_writable(number: int, path: str = "") -> None:
    if abs(number) > LARGEST_WHOLE:
        raise PlainError("the number is out of all proportion", path)


def _dataclass_reader(expected: Any) -> Reader:
    hints = get_type_hints(expected)
    wanted = {f.name: f for f in fields(expected) if f.init}
    required = {name for name, f in wanted.items() if f.default is MISSING}
    readers = {name: _reader(hints[name]) for name in wanted}

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise PlainError("expected a table")
        if not data.keys() <= wanted.keys():
            raise PlainError(f"unknown key {min(data.keys() - wanted.keys(), key=str)!r}")
        if not data.keys() >= required:
            raise PlainError(f"missing key {min(required - data.keys())!r}")
        values: dict[str, Any] = {}
        name = ""
        try:
            for name, item in data.items():
                values[name] = readers[name](item)
        except PlainError as error:
            raise error.within(name) from None
        return expected(**values)

    return read
