"""An outcome as its parts, and two outcomes as the parts that differ, counted and sorted worst first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from .plain import decimal_text

HARD: Final = ("hard", "hard_named_haematologist")
# Raise it with every change to what `answer_of` makes of an outcome: an answer that was stored in another
# format is not compared, it is made again from its outcome.
FORMAT: Final = 1
_CONSULTS: Final = ("none", "info", "same_day", "stat")


class Part(StrEnum):
    """The parts of an outcome, the one whose change matters most first."""

    ANSWER = "answer"
    BRANCH = "branch"
    STOP = "stop"
    GATE = "gate"
    CONSULT = "consult"
    LINE = "line"
    DOSE = "dose"
    COURSE = "course"
    RATE = "rate"
    FINDING = "finding"
    TASK = "task"
    TARGET = "target"
    REPEAT = "repeat"
    TEXT = "text"


_PARTS: Final = {part.value: part for part in Part}
_RANKS: Final = {part: rank for rank, part in enumerate(Part)}
# Of these every patient has another number, so that they are counted together.
_TOGETHER: Final = frozenset({Part.DOSE, Part.RATE})

Answer = dict[tuple[Part, str], str]


class NotAnOutcome(ValueError):
    """What was stored does not have the parts of an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChange:
    """One part of an answer before and after; empty where there was none."""

    part: Part
    subject: str
    before: str
    after: str


@dataclass(slots=True, kw_only=True)
class Change:
    """One difference, how often it was met, and the example in which it is greatest."""

    part: Part
    subject: str
    before: str
    after: str
    count: int
    size: Decimal
    example: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Unreadable:
    """Why some patients could not be compared, how many they are, and the first of them."""

    reason: str
    count: int
    example: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Tally:
    """Differences counted over many patients."""

    tried: int = 0
    """All of them, those that could not be compared too."""
    changed: int = 0
    changes: dict[tuple[str, ...], Change] = field(default_factory=dict)
    unreadable: dict[str, Unreadable] = field(default_factory=dict)

    def add(self, before: Answer, after: Answer, example: dict[str, Any]) -> None:
        """Count one patient."""
        self.tried += 1
        if before == after:
            return
        self.changed += 1
        for change in parts_that_differ(before, after):
            self.count(
                Change(
                    part=change.part,
                    subject=change.subject,
                    before=change.before,
                    after=change.after,
                    count=1,
                    size=_size(change),
                    example=example,
                )
            )

    def add_unreadable(self, reason: str, example: dict[str, Any]) -> None:
        """Count one patient who cannot be compared, so that nobody takes them for unchanged."""
        self.tried += 1
        self._count_unreadable(Unreadable(reason=reason, count=1, example=example))

    def merge(self, other: "Tally") -> None:
        """Count what another tally has counted."""
        self.tried += other.tried
        self.changed += other.changed
        for unreadable in other.unreadable.values():
            self._count_unreadable(unreadable)
        for change in other.changes.values():
            self.count(change)

    def worst_first(self) -> list[Change]:
        """The differences: by part, then what was lost before what was changed or added, then by size."""
        return sorted(self.changes.values(), key=_order)

    def count(self, change: Change) -> None:
        """Count one difference, with one like it where there is one."""
        together = change.part in _TOGETHER and change.before and change.after
        key = (change.part, change.subject) if together else (*_words(change),)
        there = self.changes.get(key)
        if there is None:
            self.changes[key] = change
            return
        count = there.count + change.count
        if change.size > there.size:
            there.before, there.after = change.before, change.after
            there.size, there.example = change.size, change.example
        there.count = count

    def _count_unreadable(self, more: Unreadable) -> None:
        there = self.unreadable.setdefault(more.reason, replace(more, count=0))
        there.count += more.count


def tally_to_plain(tally: Tally) -> dict[str, Any]:
    """A tally as JSON can hold it, worst first."""
    return {
        "tried": tally.tried,
        "changed": tally.changed,
        "changes": [
            {
                "part": change.part.value,
                "subject": change.subject,
                "before": change.before,
                "after": change.after,
                "count": change.count,
                "size": decimal_text(change.size),
                "example": change.example,
            }
            for change in tally.worst_first()
        ],
        "unreadable": [asdict(unreadable) for unreadable in tally.unreadable.values()],
    }


def tally_from_plain(plain: Mapping[str, Any]) -> Tally:
    """The inverse of `tally_to_plain`."""
    tally = Tally(tried=plain["tried"], changed=plain["changed"])
    for row in plain["changes"]:
        tally.count(Change(**{**row, "part": Part(row["part"]), "size": Decimal(row["size"])}))
    # A proof that was stored before anything was counted so has none.
    for row in plain.get("unreadable", ()):
        tally.unreadable[row["reason"]] = Unreadable(**row)
    return tally


def parts_that_differ(before: Answer, after: Answer) -> tuple[PartChange, ...]:
    """The parts in which two answers differ, worst first."""
    changes = (
        PartChange(part=place[0], subject=place[1], before=before.get(place, ""), after=after.get(place, ""))
        for place in {**before, **after}
        if before.get(place) != after.get(place)
    )
    return tuple(sorted(changes, key=lambda change: (_RANKS[change.part], change.subject)))


def answer_of(plain: Mapping[str, Any]) -> Answer:
    """The parts of an outcome as `outcome.outcome_to_plain` writes it and an assessment stores it.

    Raises `NotAnOutcome` where a part is missing or is something else.
    """
    try:
        return _answer_of(plain)
    except KeyError as missing:
        raise NotAnOutcome(f"The stored answer has no {missing}.") from missing
    except (TypeError, AttributeError) as wrong:
        raise NotAnOutcome("The stored answer is not built like one.") from wrong


def answer_to_plain(answer: Answer) -> list[list[str]]:
    """An answer as JSON can hold it, beside the outcome of which it is a fortieth."""
    return [[part.value, subject, said] for (part, subject), said in answer.items()]


def answer_from_plain(plain: Iterable[Sequence[str]]) -> Answer:
    """The inverse of `answer_to_plain`, for what was stored in this `FORMAT`."""
    return {(_PARTS[part], subject): said for part, subject, said in plain}


def _answer_of(plain: Mapping[str, Any]) -> Answer:
    answer: Answer = {
        (Part.ANSWER, ""): plain["outcome"].replace("_", " "),
        (Part.BRANCH, ""): plain["branch"] or "",
        (Part.CONSULT, ""): plain["consult"],
        (Part.TARGET, ""): ", ".join(f"{target['platelets_per_ul']:,}" for target in plain["targets"]),
        (Part.REPEAT, ""): "" if plain["repeat"] is None else f"{plain['repeat']['earliest_hours']} hours",
        (Part.RATE, ""): _rate(plain["rate_plan"]),
    }
    for order in plain["orders"]:
        code = order["code"]
        answer[Part.LINE, code] = f"{order['role']}, on hold" if order["held"] else order["role"]
        answer[Part.COURSE, code] = ", ".join(filter(None, (order["frequency"], order["duration"])))
        if order["dose"] is not None:
            answer[Part.DOSE, code] = f"{order['dose']['rounded']} {order['dose']['unit']}"
    for finding in plain["findings"]:
        part = Part.STOP if finding["severity"] in HARD else Part.FINDING
        answer[part, finding["rule"]] = finding["severity"].replace("_", " ")
    for gate in plain["gates"]:
        arms = (f"{arm} {gate[arm].replace('_', ' ')}" for arm in ("platelets", "ivig", "corticosteroid"))
        answer[Part.GATE, gate["key"]] = ", ".join(arms)
    for item in plain["monitoring"]:
        answer[Part.TASK, item["key"]] = f"{item['due_minutes']} minutes after {item['anchor']}"
    for text in plain["texts"]:
        answer[Part.TEXT, text["key"]] = "shown"
    return answer


def _rate(plan: Mapping[str, Any] | None) -> str:
    if plan is None:
        return ""
    steps = " then ".join(f"{step['ml_per_h']}" for step in plan["steps"])
    return f"{steps} mL per h, at most {plan['maximum_ml_per_h']}"


def _words(change: Change) -> Iterable[str]:
    return (change.part, change.subject, change.before, change.after)


def _size(change: PartChange) -> Decimal:
    """How far a number moved, as a share of what it was; zero where it is no number."""
    before, after = (_first_number(words) for words in (change.before, change.after))
    if change.part is Part.RATE:
        before, after = (_last_number(words) for words in (change.before, change.after))
    if not before or after is None:
        return Decimal(0)
    return abs(after - before) / before


def _first_number(words: str) -> Decimal | None:
    return _number(words.split(" ", maxsplit=1)[0])


def _last_number(words: str) -> Decimal | None:
    return _number(words.rsplit(" ", maxsplit=1)[-1])


def _number(word: str) -> Decimal | None:
    return Decimal(word) if word.replace(".", "", 1).isdigit() else None


def _order(change: Change) -> tuple[int, int, Decimal, int, str]:
    lost = _is_less_careful(change)
    direction = 0 if lost else 1 if change.before and change.after else 2
    return (_RANKS[change.part], direction, -change.size, -change.count, change.subject)


def _is_less_careful(change: Change) -> bool:
    if change.part is Part.CONSULT:
        return _CONSULTS.index(change.after) < _CONSULTS.index(change.before)
    return bool(change.before) and not change.after
