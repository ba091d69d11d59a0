"""What two versions say differently, row by row: numbers, conditions, headings, texts and their order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby
from typing import Any

from .plain import to_plain
from .protocol import Protocol
from .review import SECTIONS, rows_of

Rows = dict[tuple[str, str], dict[str, Any]]


class ChangeKind(StrEnum):
    """What became of a row."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    # Of regimens the first that holds is used, so that their order is part of what they say.
    MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of a row before and after, in words; empty where there was nothing."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """What became of one row; of an added or removed one all its fields."""

    section: str
    key: str
    kind: ChangeKind
    fields: tuple[FieldChange, ...]


def compare_content(before: Protocol | None, after: Protocol) -> tuple[RowChange, ...]:
    """Every row that differs, in the order of the sections; without a version before, all of them are new."""
    old = {} if before is None else _rows(before)
    new = _rows(after)
    changes = [*_changed(old, new), *_moved(old, new)]
    order = {section: position for position, section in enumerate(("protocol", *SECTIONS, "orders"))}
    return tuple(sorted(changes, key=lambda change: order[change.section]))


def words_of(value: Any) -> str:
    """Plain data in words: lists with commas, tables as `name value`, conditions as a sentence."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {words_of(item)}" for name, item in value.items() if words_of(item))
    if isinstance(value, list):
        separator = "; " if any(isinstance(item, list | Mapping) for item in value) else ", "
        return separator.join(words_of(item) for item in value)
    return str(value)


def words_of_when(when: list[list[dict[str, Any]]]) -> str:
    """Conditions as a sentence: and-ed within a group, or-ed among groups; none means always."""
    groups = (" and ".join(_condition(condition) for condition in group) for group in when)
    return "; or ".join(groups) or "always"


def _condition(condition: dict[str, Any]) -> str:
    comparator = condition["comparator"].replace("_", " ")
    return f"{condition['fact']} {comparator} {words_of(condition['values'])}".rstrip()


def _rows(protocol: Protocol) -> Rows:
    rows: Rows = {}
    whole = to_plain(protocol)
    for name, value in whole.items():
        if name not in SECTIONS:
            rows["protocol", name] = {"text": value}
    for section, key, row in rows_of(protocol):
        plain = to_plain(row)
        plain.pop("orders", None)
        plain |= {f"basis {name}": value for name, value in plain.pop("basis", {}).items()}
        rows[section, key] = plain
    return rows


def _changed(old: Rows, new: Rows) -> Iterator[RowChange]:
    for section, key in (*old, *(place for place in new if place not in old)):
        before, after = old.get((section, key)), new.get((section, key))
        if before == after:
            continue
        kind = ChangeKind.CHANGED
        if before is None or after is None:
            kind = ChangeKind.ADDED if before is None else ChangeKind.REMOVED
        fields = tuple(_fields(before or {}, after or {}))
        yield RowChange(section=section, key=key, kind=kind, fields=fields)


def _fields(before: dict[str, Any], after: dict[str, Any]) -> Iterator[FieldChange]:
    for name in (*before, *(name for name in after if name not in before)):
        one, other = before.get(name), after.get(name)
        if one != other:
            yield FieldChange(
                name=name.replace("_", " "), before=_shown(name, one), after=_shown(name, other)
            )


def _shown(name: str, value: Any) -> str:
    return words_of_when(value) if name == "when" and value is not None else words_of(value)


def _moved(old: Rows, new: Rows) -> Iterator[RowChange]:
    before, after = (_orders_of(rows, other) for rows, other in ((old, new), (new, old)))
    for section, keys in before.items():
        matcher = SequenceMatcher(a=keys, b=after[section], autojunk=False)
        kept = {
            key for block in matcher.get_matching_blocks() for key in keys[block.a : block.a + block.size]
        }
        for key in keys:
            if key not in kept:
                place = FieldChange(
                    name="place", before=str(keys.index(key) + 1), after=str(after[section].index(key) + 1)
                )
                yield RowChange(section=section, key=key, kind=ChangeKind.MOVED, fields=(place,))


def _orders_of(rows: Rows, other: Rows) -> dict[str, list[str]]:
    """The keys of each section that both versions have, in the order of this one."""
    shared = sorted((place for place in rows if place in other), key=lambda place: place[0])
    return {section: [key for _, key in places] for section, places in groupby(shared, key=lambda p: p[0])}
