"""The form of one row, made from the type of the row, so that every table of content is edited alike.

A row is a tree: lists of conditions, steps and effects within it. The form is flat, as the browser posts it:
each leaf is one field, named by its path (`when-0-1-fact`); each list says by hidden numbers which items it
has (`when-0-items`). Adding and removing an item posts the form and shows it again as typed; nothing is
stored by that.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from django import forms
from django.db import models
from django.http import QueryDict

from ivigsite.fields import DecimalQuantityField, TextField, WholeNumberField
from ivigsite.revisions.row_choices import (
    NAMED,
    Choices,
    facts_for,
    grouped,
    grouped_for,
    targets_of,
    values_of,
)
from ivigsite.revisions.row_fields import (
    COUNT,
    DECIMAL,
    DECIMALS,
    LINE_LENGTH,
    SIGNED,
    SMALL_COUNT,
    TEXT_LENGTH,
    AnswerField,
    ChoicesInOrderField,
    LinesField,
    NumbersField,
    OneOfField,
    SignedWholeField,
)
from ivigsite.revisions.row_words import HELP, label_of, unit_of
from protocols.engine.conditions import COMPARATORS_BY_KIND
from protocols.engine.facts import FACT_BY_KEY, FactDefinition, Kind
from protocols.engine.plain import PlainError, canonical_json, decimal_text, from_plain, to_plain
from protocols.engine.protocol import Comparator, Condition, Effect, EffectKind, Protocol, When
from protocols.templatetags.protocol_words import COMPARISON_WORDS, EFFECT_WORDS

Plain = dict[str, Any]
Answers = Mapping[str, Any]

# More than any row has; each costs a moment to draw.
MOST_ITEMS: Final = 150
_KEY_LENGTH: Final = 100
_SCORED: Final = (Kind.WHOLE, Kind.DECIMAL)
_ONE_NUMBER: Final = (Comparator.BELOW, Comparator.AT_MOST, Comparator.ABOVE, Comparator.AT_LEAST)
_PRESENCE: Final = (Comparator.KNOWN, Comparator.UNKNOWN)
_YES_NO: Final = [("true", "Yes"), ("false", "No")]
_TRUTH: Final = {"true": True, "false": False}
_ONE: Final = {
    "when": "group of conditions",
    "done_when": "group of conditions",
    "waits_when": "group of conditions",
    "alert": "group of conditions",
    "critical": "group of conditions",
    "rate_steps": "rate step",
    "rounding": "rounding step",
    "effects": "effect",
    "targets": "target",
    "labels": "label",
    "lanes": "line",
    "repeats": "repeat",
    "changes": "result",
    "doses": "dose",
    "facts": "fact",
}


@dataclass(slots=True, kw_only=True)
class Leaf:
    """One field of the form."""

    form: forms.Form
    path: str
    unit: str = ""
    plain_of: Callable[[Any], Any] = lambda value: value
    template: str = "revisions/parts/leaf.html"

    @property
    def bound(self) -> forms.BoundField:
        return self.form[self.path]

    def plain(self, answers: Answers) -> Any:
        return self.plain_of(answers[self.path])


@dataclass(slots=True, kw_only=True)
class Record:
    """Fields that belong together, such as one rate step."""

    label: str
    parts: dict[str, Any]
    template: str = "revisions/parts/record.html"

    @property
    def children(self) -> list[Any]:
        return list(self.parts.values())

    def plain(self, answers: Answers) -> Plain:
        return {name: part.plain(answers) for name, part in self.parts.items()}


@dataclass(slots=True, kw_only=True)
class Item:
    index: int
    path: str
    part: Any


@dataclass(slots=True, kw_only=True)
class Items:
    """A list that grows and shrinks."""

    form: "RowForm"
    path: str
    label: str
    one: str
    help: str = ""
    items: list[Item]
    template: str = "revisions/parts/items.html"

    def plain(self, answers: Answers) -> list[Any]:
        found = [item.part.plain(answers) for item in self.items]
        # A group without conditions would always hold, and nobody means that by taking the last one away.
        return [each for each in found if each != []]


@dataclass(slots=True, kw_only=True)
class Dependent:
    """A choice, and what fits it: the comparators of a fact, the targets of an effect."""

    path: str
    choice: Leaf
    rest: dict[str, Leaf]
    plain_of: Callable[[Answers], Any]
    show: str
    template: str = "revisions/parts/dependent.html"

    @property
    def children(self) -> list[Leaf]:
        return list(self.rest.values())

    def plain(self, answers: Answers) -> Any:
        return self.plain_of(answers)


@dataclass(slots=True, kw_only=True)
class FactAnswers:
    """What is known of the patient of a case: a list on the page, a table of answers in the row."""

    items: Items
    template: str = "revisions/parts/answers.html"

    def plain(self, answers: Answers) -> Plain:
        pairs = self.items.plain(answers)
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise PlainError("facts", f"{FACT_BY_KEY[key].label} is answered twice.")
        return dict(pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a form is about: the class of a row or None for a version itself, and what it says so far."""

    section: str
    model: type[models.Model]
    cls: type | None
    names: tuple[str, ...]
    protocol: Protocol
    stored: Plain = field(default_factory=dict)


class RowForm(forms.Form):
    """One row; `to_plain` is what it says once it is valid, in the plain data of the engine.

    `place` tells its parts from those of another row that is open on the same page, and `post_to` is where
    its lists grow and shrink; both are empty on the page of one row.
    """

    place = ""
    post_to = ""
    was = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    def __init__(
        self, data: QueryDict | None = None, *, subject: Subject, typed: QueryDict | None = None
    ) -> None:
        was = digest_of(subject.stored) if typed is None else typed.get("was", "")
        super().__init__(data, initial={"was": was})
        self.subject = subject
        self.source = data if data is not None else typed
        self.typed = typed
        hints = _hints(subject)
        self.parts = {
            name: self._part(subject.cls or subject.model, name, hints[name]) for name in subject.names
        }
        self._read: Plain = {}

    @property
    def children(self) -> list[Any]:
        return list(self.parts.values())

    def clean(self) -> dict[str, Any]:
        if self.errors:
            return self.cleaned_data
        try:
            self._read = {name: part.plain(self.cleaned_data) for name, part in self.parts.items()}
            if self.subject.cls is not None:
                orders: Plain = {"orders": []} if self.subject.section == "branches" else {}
                engine = {
                    name: value for name, value in self._read.items() if name in _names(self.subject.cls)
                }
                read = to_plain(from_plain(self.subject.cls, {**engine, **orders}))
                self._read |= {name: read[name] for name in engine}
        except PlainError as error:
            self._refuse(error)
        except _Unfit as unfit:
            self.add_error(unfit.path, unfit.message)
        return self.cleaned_data

    def to_plain(self) -> Plain:
        """What the valid form says."""
        return self._read

    def posted(self) -> dict[str, list[str]]:
        """What a browser would post of the form as it is shown."""
        data: dict[str, list[str]] = {}
        for part in _walk(self.parts.values()):
            if isinstance(part, Items) and part.items:
                data[f"{part.path}-items"] = [str(item.index) for item in part.items]
        for name in self.fields:
            value = self[name].value()
            if isinstance(self.fields[name], forms.BooleanField):
                value = ["on"] if value else []
            data[name] = [str(each) for each in value] if isinstance(value, list) else [str(value or "")]
            if value == 0 and value is not False:
                data[name] = ["0"]
        return {name: values for name, values in data.items() if values}

    def _refuse(self, error: PlainError) -> None:
        name = error.path.replace("[", "-").replace("]", "").replace(".", "-")
        self.add_error(name if name in self.fields else None, error.message)

    # The tree. A value is what is stored; where the form is posted, what was posted stands in its place.

    def _part(self, cls: type, name: str, hint: Any) -> Any:
        value = self.subject.stored.get(name, _default(cls, name)) if self.source is None else None
        return self._made(hint, name, value, cls=cls, name=name)

    def _made(self, hint: Any, path: str, value: Any, *, cls: type, name: str) -> Any:
        if hint == When or hint == tuple[tuple[Condition, ...], ...]:
            asked = (self.subject.section, _part_of(path))
            return self._items(path, value, name, lambda at, group: self._group(at, group, asked))
        if hint is dict or getattr(hint, "__origin__", None) is dict:
            items = list((value or {}).items())
            return FactAnswers(items=self._items(path, items, name, self._answer))
        inner = _inner(hint)
        if inner is Effect:
            return self._items(path, value, name, self._effect)
        if inner is not None and is_dataclass(inner):
            label = _ONE.get(name, name)
            return self._items(
                path, value, name, lambda at, item: self._record(inner, at, item, label.capitalize())
            )
        if inner is not None and _inner(inner) is not None:
            return self._items(path, value, name, lambda at, lane: self._lane(at, lane, _inner(inner)))
        if is_dataclass(hint):
            return self._record(hint, path, value, label_of(name))
        return self._leaf(hint, path, value, cls=cls, name=name)

    def _record(self, cls: Any, path: str, value: Any, label: str) -> Record:
        hints = get_type_hints(cls)
        stored = value or {}
        return Record(
            label=label,
            parts={
                each.name: self._made(
                    hints[each.name],
                    f"{path}-{each.name}",
                    stored.get(each.name, _default(cls, each.name)),
                    cls=cls,
                    name=each.name,
                )
                for each in fields(cls)
            },
        )

    def _items(self, path: str, value: Any, name: str, make: Callable[[str, Any], Any]) -> Items:
        stored = value or []
        indices = self._indices(path, len(stored))
        items = [
            Item(
                index=index,
                path=f"{path}-{index}",
                part=make(f"{path}-{index}", stored[index] if stored else None),
            )
            for index in indices
        ]
        return Items(
            form=self,
            path=path,
            label=label_of(name),
            one=_ONE.get(name, name),
            help=HELP.get(name, ""),
            items=items,
        )

    def _group(self, path: str, group: Any, asked: tuple[str, str]) -> Items:
        part = self._items(path, group, "when", lambda at, condition: self._condition(at, condition, asked))
        part.label, part.one, part.help = "All of these", "condition", ""
        return part

    def _lane(self, path: str, lane: Any, arm: Any) -> Items:
        part = self._items(
            path, lane, "lanes", lambda at, each: self._leaf(arm, f"{at}-arm", each, cls=NoneType, name="arm")
        )
        part.label, part.one = "One line; the arms in it follow each other", "arm"
        return part

    def _condition(self, path: str, stored: Any, asked: tuple[str, str]) -> Dependent:
        stored = stored or {"fact": "", "comparator": "", "values": []}
        key = self._chosen(f"{path}-fact", stored["fact"])
        choice = self._one_of(f"{path}-fact", "Fact", grouped_for(*asked), stored["fact"], required=True)
        definition = facts_for(*asked).get(key)
        rest: dict[str, Leaf] = {}
        if definition is not None:
            allowed = COMPARATORS_BY_KIND[definition.kind]
            comparisons = [(each.value, COMPARISON_WORDS[each]) for each in Comparator if each in allowed]
            rest["comparator"] = self._one_of(
                f"{path}-comparator", "Comparison", comparisons, stored["comparator"], required=True
            )
            if definition.kind is not Kind.TEXT:
                rest["values"] = self._values(f"{path}-values", definition, stored["values"])

        def plain_of(answers: Answers) -> Plain:
            comparator = answers.get(f"{path}-comparator", "")
            values = list(rest["values"].plain(answers)) if "values" in rest else []
            if comparator in _PRESENCE:
                values = []
            elif not values:
                raise _Unfit(
                    f"{path}-values" if "values" in rest else f"{path}-fact", "Say what it is compared with."
                )
            elif comparator in _ONE_NUMBER and len(values) != 1:
                raise _Unfit(f"{path}-values", "Enter one number.")
            return {"fact": answers[f"{path}-fact"], "comparator": comparator, "values": values}

        return Dependent(
            path=path, choice=choice, rest=rest, plain_of=plain_of, show="Show what fits this fact"
        )

    def _values(self, path: str, definition: FactDefinition, stored: list[str]) -> Leaf:
        if definition.kind in _SCORED:
            numbers = NumbersField(label="Value", required=False, is_whole=definition.kind is Kind.WHOLE)
            return self._add(path, numbers, stored, unit=definition.unit)
        if definition.kind is Kind.YES_NO:
            answer = forms.ChoiceField(
                label="Value", choices=_YES_NO, widget=forms.RadioSelect, required=False
            )
            return self._add(
                path, answer, next(iter(stored), ""), plain_of=lambda value: [value] if value else []
            )
        return self._choices(path, "Value", values_of(self.subject.protocol, definition), stored)

    def _effect(self, path: str, stored: Any) -> Dependent:
        stored = stored or {"kind": "", "target": ""}
        kinds = [(kind.value, EFFECT_WORDS[kind].removesuffix(":")) for kind in EffectKind]
        chosen = self._chosen(f"{path}-kind", stored["kind"])
        choice = self._one_of(f"{path}-kind", "What it does", kinds, stored["kind"], required=True)
        rest: dict[str, Leaf] = {}
        targets = targets_of(self.subject.protocol, EffectKind(chosen)) if chosen in dict(kinds) else []
        if targets:
            rest["target"] = self._one_of(
                f"{path}-target", "To what", targets, stored["target"], required=True
            )

        def plain_of(answers: Answers) -> Plain:
            return {"kind": answers[f"{path}-kind"], "target": answers.get(f"{path}-target", "")}

        return Dependent(path=path, choice=choice, rest=rest, plain_of=plain_of, show="Show what it can name")

    def _answer(self, path: str, stored: Any) -> Dependent:
        key_stored, value = stored or ("", "")
        key = self._chosen(f"{path}-fact", key_stored)
        choice = self._one_of(f"{path}-fact", "Fact", grouped(FACT_BY_KEY), key_stored, required=True)
        rest = (
            {"value": self._answer_field(f"{path}-value", FACT_BY_KEY[key], value)}
            if key in FACT_BY_KEY
            else {}
        )

        def plain_of(answers: Answers) -> tuple[str, Any]:
            fact = answers[f"{path}-fact"]
            if "value" not in rest:
                raise _Unfit(f"{path}-fact", "Answer it.")
            given = rest["value"].plain(answers)
            return fact, self._as_stored(fact, given)

        return Dependent(
            path=path, choice=choice, rest=rest, plain_of=plain_of, show="Show how it is answered"
        )

    def _as_stored(self, fact: str, given: Any) -> Any:
        """A number that nobody changed stays as it was written, as text or as a number."""
        before = self.subject.stored.get("facts", {}).get(fact)
        is_same = type(before) in (int, str) and type(given) in (int, str) and str(before) == str(given)
        return before if is_same else given

    def _answer_field(self, path: str, definition: FactDefinition, value: Any) -> Leaf:
        label, unknown = "Answer", ("unknown", "Not known")
        if definition.kind is Kind.YES_NO:
            shown = str(value).lower() if isinstance(value, bool) else value
            answer = forms.ChoiceField(label=label, choices=[*_YES_NO, unknown], widget=forms.RadioSelect)
            return self._add(path, answer, shown, plain_of=lambda key: _TRUTH.get(key, key))
        if definition.kind is Kind.CHOICES:
            ticked = value if isinstance(value, list) else [value] if value else []
            leaf = self._choices(
                path, label, [*values_of(self.subject.protocol, definition), unknown], ticked
            )
            leaf.plain_of = lambda keys: "unknown" if keys == ["unknown"] else keys
            self.fields[path].help_text = "None ticked: none of these."
            return leaf
        if definition.kind in (Kind.CHOICE, Kind.ROW):
            choices = [*values_of(self.subject.protocol, definition), unknown]
            return self._one_of(path, label, choices, value, required=True)
        if definition.kind is Kind.TEXT:
            return self._add(path, TextField(label=label, max_length=_KEY_LENGTH), value)
        return self._add(path, AnswerField(label=label), str(value), unit=definition.unit)

    def _leaf(self, hint: Any, path: str, value: Any, *, cls: type, name: str) -> Leaf:
        optional = NoneType in get_args(hint)
        if optional:
            (hint,) = (each for each in get_args(hint) if each is not NoneType)
        column = _column(self.subject.model, name) if "-" not in path else None
        required = not optional and _is_required(cls, name, column)
        options: dict[str, Any] = {
            "label": label_of(name),
            "help_text": HELP.get(name, ""),
            "required": required,
        }
        offer = NAMED.get((cls.__name__, name))
        inner = _inner(hint)
        if inner is not None:
            return self._list(inner, path, value, offer(self.subject.protocol) if offer else None, options)
        if offer is not None:
            return self._one_of(
                path, offered=offer(self.subject.protocol), stored=value, optional=optional, **options
            )
        if issubclass(hint, Enum):
            choices = [(each.value, each.value.replace("_", " ")) for each in hint]
            return self._one_of(path, offered=choices, stored=value, optional=optional, **options)
        if hint is bool:
            return self._add(path, forms.BooleanField(**{**options, "required": False}), value)
        if hint is int:
            return self._whole(path, value, column, name, options)
        if hint is Decimal:
            number = DecimalQuantityField(unit=unit_of(name), decimals=DECIMALS, limits=DECIMAL, **options)
            return self._add(
                path,
                number,
                value,
                unit=unit_of(name),
                plain_of=lambda given: _number_or_none(given, decimal_text),
            )
        is_long = isinstance(column, models.TextField) or name == "note"
        text = TextField(
            max_length=TEXT_LENGTH if is_long else _longest(column), multiline=is_long, **options
        )
        return self._add(path, text, value)

    def _whole(self, path: str, value: Any, column: Any, name: str, options: Any) -> Leaf:
        unit, plain_of = unit_of(name), lambda given: _number_or_none(given, int)
        if isinstance(column, models.PositiveSmallIntegerField):
            whole = WholeNumberField(unit=unit, limits=SMALL_COUNT, **options)
        elif isinstance(column, models.PositiveIntegerField):
            whole = WholeNumberField(unit=unit, limits=COUNT, **options)
        else:
            whole = SignedWholeField(unit=unit, limits=SIGNED, **options)
        return self._add(path, whole, value, unit=unit, plain_of=plain_of)

    def _list(self, inner: Any, path: str, value: Any, offered: Choices | None, options: Any) -> Leaf:
        shown = [str(each).lower() if isinstance(each, bool) else str(each) for each in value or ()]
        if offered is None and issubclass(inner, Enum):
            offered = [(each.value, each.value.replace("_", " ")) for each in inner]
        if offered is not None:
            leaf = self._choices(path, options["label"], offered, shown, help_text=options["help_text"])
            readers: dict[Any, Callable[[str], Any]] = {int: int, bool: _TRUTH.__getitem__}
            read = readers.get(inner, str)
            leaf.plain_of = lambda keys: [read(key) for key in keys]
            return leaf
        if inner is Decimal:
            return self._add(path, NumbersField(**options), shown, unit=unit_of(path), plain_of=list)
        return self._add(path, LinesField(**options), shown, plain_of=list)

    def _choices(self, path: str, label: str, offered: Choices, stored: list[str], **options: Any) -> Leaf:
        ticked = self.source.getlist(path) if self.source is not None else stored
        known = {key for key, _ in offered}
        # What was posted and is not offered was never on the page, unless it is stored.
        kept = [key for key in dict.fromkeys(ticked) if key in known or self.source is None or key in stored]
        choices = ChoicesInOrderField(choices=offered, ticked=kept, label=label, **options)
        return self._add(path, choices, kept, plain_of=list)

    def _one_of(
        self, path: str, label: str, offered: Any, stored: Any, *, optional: bool = False, **options: Any
    ) -> Leaf:
        choice = OneOfField(label=label, choices=offered, stored=stored or "", **options)
        return self._add(path, choice, stored or "", plain_of=lambda key: key or None if optional else key)

    def _add(self, path: str, made: forms.Field, value: Any, **options: Any) -> Leaf:
        if self.typed is not None:
            value = made.widget.value_from_datadict(self.typed, {}, path)
        elif self.source is None:
            value = "" if value is None else value
        self.fields[path] = made
        self.initial[path] = value
        _dress(made.widget, value)
        return Leaf(form=self, path=path, **options)

    def _indices(self, path: str, stored: int) -> list[int]:
        if self.source is None:
            return list(range(stored))
        posted = self.source.getlist(f"{path}-items")[:MOST_ITEMS]
        return list(dict.fromkeys(int(each) for each in posted if _is_index(each)))

    def _chosen(self, path: str, stored: Any) -> str:
        return str(self.source.get(path, "") if self.source is not None else stored or "")


class _Unfit(Exception):
    """What was typed in one field does not fit what stands beside it."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def names_in_place(form: RowForm, shown: Iterable[str]) -> list[str]:
    """The fields, lists and records of the form among those that a table shows."""
    return [name for name in shown if name in form.parts]


def over_stored(typed: QueryDict, subject: Subject, shown: Iterable[str]) -> QueryDict:
    """The whole row as it is stored, but for what was typed of what a table shows."""
    stored = RowForm(subject=subject)
    names = names_in_place(stored, shown)
    whole = QueryDict(mutable=True)
    for path, values in stored.posted().items():
        if _part_of(path) not in names:
            whole.setlist(path, values)
    for path in typed:
        if _part_of(path) in names:
            whole.setlist(path, typed.getlist(path))
    whole["was"] = typed.get("was", "")
    return whole


def _part_of(path: str) -> str:
    """The field, list or record of a row to which a path leads."""
    return path.partition("-")[0]


def digest_of(plain: Plain) -> str:
    """What tells a row that somebody has changed from one that nobody has."""
    return hashlib.sha256(canonical_json(plain).encode()).hexdigest()


def with_item(data: QueryDict, path: str) -> QueryDict:
    """What was typed, with one more item in a list; a new group begins with one condition."""
    changed = data.copy()
    there = [int(each) for each in data.getlist(f"{path}-items") if _is_index(each)]
    added = max(there, default=-1) + 1
    changed.appendlist(f"{path}-items", str(added))
    changed.setlist(f"{path}-{added}-items", ["0"])
    return changed


def without_item(data: QueryDict, path: str) -> QueryDict:
    """What was typed, without one item of a list."""
    changed = data.copy()
    items, _, index = path.rpartition("-")
    left = [each for each in data.getlist(f"{items}-items") if each != index]
    changed.setlist(f"{items}-items", left)
    return changed


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5


def _number_or_none(given: Any, read: Callable[[Any], Any]) -> Any:
    return read(given) if isinstance(given, int | Decimal) else None


def _inner(hint: Any) -> Any:
    """The type of the items of a list, or None."""
    return get_args(hint)[0] if getattr(hint, "__origin__", None) is tuple else None


@cache
def _names(cls: type) -> frozenset[str]:
    return frozenset(each.name for each in fields(cls))


def _hints(subject: Subject) -> dict[str, Any]:
    if subject.cls is None:
        return dict.fromkeys(subject.names, str)
    # A line names its branch, which in the engine it stands in.
    return {**get_type_hints(subject.cls), **({"branch": str} if subject.section == "orders" else {})}


def _default(cls: type, name: str) -> Any:
    if not is_dataclass(cls):
        return ""
    default = next((each.default for each in fields(cls) if each.name == name), MISSING)
    return None if default is MISSING else to_plain(default)


def _column(model: type[models.Model], name: str) -> Any:
    return next((each for each in model._meta.get_fields() if each.name == name), None)


def _is_required(cls: type, name: str, column: Any) -> bool:
    if column is not None:
        return not column.blank
    return is_dataclass(cls) and any(each.name == name and each.default is MISSING for each in fields(cls))


def _longest(column: Any) -> int:
    return getattr(column, "max_length", None) or LINE_LENGTH


def _walk(parts: Any) -> Iterator[Any]:
    for part in parts:
        yield part
        if isinstance(part, Record):
            yield from _walk(part.parts.values())
        elif isinstance(part, Items):
            yield from _walk(item.part for item in part.items)
        elif isinstance(part, FactAnswers):
            yield from _walk([part.items])


def _dress(widget: forms.Widget, value: Any) -> None:
    if type(widget) is forms.Select:
        widget.attrs["class"] = "form-select"
    elif isinstance(widget, forms.Textarea):
        rows = min(8, 1 + len(str(value or "")) // 90 + str(value or "").count("\n"))
        widget.attrs |= {"class": "form-control", "rows": rows}
    elif isinstance(widget, forms.TextInput):
        widget.attrs["class"] = "form-control"
