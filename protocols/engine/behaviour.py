"""What two versions do differently: both are asked about every situation that could tell them apart."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from typing import Any, Final

from .answers import Answer, Part, Tally, answer_of
from .compare import compare_content
from .conditions import compile_when
from .coverage import numbers_between, whole_numbers_between
from .decision import evaluate
from .facts import CATALOGUE, FACT_BY_KEY, LEVELS, UNKNOWN, FactDefinition, Facts, Kind
from .facts_json import facts_to_plain
from .outcome import outcome_in_short
from .protocol import Condition, PerUnit, Protocol, When
from .review import rows_of
from .worked_cases import facts_of

Both = tuple[Protocol, Protocol]
Rows = frozenset[tuple[str, str]]

# How finely the range of a weight or an age is cut, besides the borders that the protocols name.
_CUTS: Final = 6
_YES_NO: Final = (False, True)
_TENTH: Final = Decimal("0.1")
# Rows of these say nothing that an outcome depends on.
_SAY_NOTHING: Final = frozenset({"citations", "cases", "plausible_ranges"})
# Around so many patients every single answer is tried, around the rest those that a changed row asks for.
_TRIED_IN_FULL: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One patient and what both versions say of them."""

    facts: Facts
    before: Answer
    after: Answer
    of: int | None
    """How many situations there are in all; None until every cell has said which branch it leads to."""

    @property
    def branches(self) -> tuple[str, ...]:
        """The answer and branch of each version."""
        return tuple(
            answer[place]
            for answer in (self.before, self.after)
            for place in ((Part.ANSWER, ""), (Part.BRANCH, ""))
        )

    def count_in(self, tally: Tally) -> None:
        """Count it, and keep it as an example where the two versions differ."""
        example = {} if self.before == self.after else facts_to_plain(self.facts)
        tally.add(self.before, self.after, example)


def behaviour_changes(before: Protocol, after: Protocol) -> Tally:
    """Every difference over the whole decision space and a grid of weights, ages, risks and products.

    Both protocols must be without problems.
    """
    tally = Tally()
    for situation in situations_between(before, after):
        situation.count_in(tally)
    return tally


def answer_to(protocol: Protocol, facts: Facts) -> Answer:
    """The parts of what a protocol says for these facts."""
    return answer_of(outcome_in_short(evaluate(protocol, facts)))


def situations_between(before: Protocol, after: Protocol) -> Iterator[Situation]:
    """Situations, none twice: each cell of the decision table, then all the rest around one patient a branch.

    The patients are those of the cases of both versions, so that a protocol brings its own.
    """
    both = (before, after)
    changed = frozenset(
        (change.section, change.key)
        for change in compare_content(before, after)
        if change.section not in _SAY_NOTHING
    )
    cells = dict.fromkeys((*_own_cases(both), *_cells(both)))
    patients: dict[tuple[str, ...], Facts] = {}
    # What says the same in every row does the same, so that the cells are all there is to try.
    of = None if changed else len(cells)
    for facts in cells:
        situation = _situation(both, facts, of)
        patients.setdefault(situation.branches, facts)
        yield situation
    if changed:
        rest = dict.fromkeys(
            facts for facts in _varied(both, patients.values(), changed) if facts not in cells
        )
        for facts in rest:
            yield _situation(both, facts, len(cells) + len(rest))


def _situation(both: Both, facts: Facts, of: int | None) -> Situation:
    return Situation(facts=facts, before=answer_to(both[0], facts), after=answer_to(both[1], facts), of=of)


def _own_cases(both: Both) -> Iterator[Facts]:
    return (facts_of(protocol, case) for protocol in both for case in protocol.cases)


def _cells(both: Both) -> Iterator[Facts]:
    """Each cell of the decision table and each procedure, for each patient whom a case describes in full."""
    bases = dict.fromkeys(
        facts_of(protocol, case) for protocol in both for case in protocol.cases if not case.starts_from
    )
    counts = _counts(both)
    targets = dict.fromkeys(
        (row.key, row.platelets_per_ul) for protocol in both for row in protocol.procedure_targets
    )
    for base in bases:
        for count, level, surgery, rise in product(counts, LEVELS, _YES_NO, _YES_NO):
            yield replace(
                base,
                platelets_per_ul=count,
                bleeding_level=level,
                urgent_surgery=surgery,
                rapid_rise=rise,
                procedure=UNKNOWN,
            )
        for procedure, target in targets:
            for count in (target - 1, target):
                yield replace(base, platelets_per_ul=count, urgent_surgery=True, procedure=procedure)


def _varied(both: Both, patients: Iterable[Facts], changed: Rows) -> Iterator[Facts]:
    """Around each patient: weight with age, weight with product, single answers, each changed rule met."""
    weights = _numbers(both, FACT_BY_KEY["weight_kg"])
    ages = _numbers(both, FACT_BY_KEY["age_years"])
    products = tuple(dict.fromkeys(row.key for protocol in both for row in protocol.products))
    # Few weights with each product: what a product changes besides is the size of its vials.
    few_weights = weights[:: max(1, len(weights) // 3)]
    groups = tuple(_groups_of(both, changed))
    asked = {condition.fact for group in groups for condition in group}
    every = tuple(
        {definition.key: answer}
        for definition in CATALOGUE
        for answer in (*_answers(both, definition), UNKNOWN)
    )
    some = tuple(answers for answers in every if not asked.isdisjoint(answers))
    met = tuple(_met(both, group) for group in groups)
    for number, patient in enumerate(patients):
        for weight, age in product(weights, ages):
            yield replace(patient, weight_kg=weight, age_years=int(age))
        for weight, key in product(few_weights, products):
            yield replace(patient, weight_kg=weight, product=key)
        for answers in (*(every if number < _TRIED_IN_FULL else some), *met):
            yield replace(patient, **answers)


def _counts(both: Both) -> tuple[int, ...]:
    borders = {band.lower_per_ul for protocol in both for band in protocol.grade_bands}
    borders |= {int(value) for value in _mentioned(both, "platelets_per_ul")}
    return tuple(sorted(count for border in borders for count in {border - 1, border} if count >= 0))


def _numbers(both: Both, definition: FactDefinition) -> tuple[Decimal, ...]:
    """The borders that anything of a protocol has for this number, and its range in even steps."""
    numbers = {Decimal(value) for value in _mentioned(both, definition.key)}
    limits = [row for protocol in both for row in protocol.input_limits if row.fact == definition.key]
    if limits:
        low = min(row.soft_minimum or row.minimum for row in limits)
        high = max(row.soft_maximum or row.maximum for row in limits)
        numbers |= {low + (high - low) * step / _CUTS for step in range(_CUTS + 1)}
    for protocol in both:
        if definition.key == "age_years":
            numbers |= {Decimal(policy.adult_from_years) for policy in protocol.weight_policies}
        if definition.key == "weight_kg":
            numbers |= set(_weight_borders(protocol))
    is_whole = definition.kind is Kind.WHOLE
    rounded = {number.quantize(Decimal(1) if is_whole else _TENTH) for number in numbers}
    return tuple(sorted(number for number in rounded if number > 0))


def _weight_borders(protocol: Protocol) -> Iterator[Decimal]:
    """Where rounding changes its step, and where a cap begins to hold."""
    for regimen in protocol.regimens:
        yield from (step.from_weight_kg for step in regimen.rounding)
        if regimen.cap is not None and regimen.per is PerUnit.KG:
            yield from (regimen.cap / regimen.amount, regimen.cap / regimen.amount + 1)


def _answers(both: Both, definition: FactDefinition) -> tuple[Any, ...]:
    """What this fact can be as far as anything in either protocol can tell."""
    if definition.kind is Kind.YES_NO:
        return _YES_NO
    if definition.kind is Kind.CHOICES:
        return ((), *((choice,) for choice in definition.choice_keys))
    if definition.kind is Kind.CHOICE:
        return definition.choice_keys
    if definition.kind is Kind.ROW:
        rows = (row.key for protocol in both for row in getattr(protocol, definition.rows))
        return tuple(dict.fromkeys(rows))
    if definition.kind not in (Kind.WHOLE, Kind.DECIMAL):
        # Words that nothing compares.
        return ()
    borders = sorted({*_numbers(both, definition), *map(Decimal, _mentioned(both, definition.key))})
    if definition.kind is Kind.WHOLE:
        return whole_numbers_between(borders)
    return tuple(number for number in numbers_between(borders) if number or not definition.is_above_zero)


def _mentioned(both: Both, fact: str) -> set[str]:
    """The values that conditions of either version compare this fact with."""
    return {
        value
        for protocol in both
        for _, _, row in rows_of(protocol)
        for group in _groups(row)
        for condition in group
        if condition.fact == fact
        for value in condition.values
    }


def _groups(row: Any) -> Iterator[tuple[Condition, ...]]:
    whens: list[When] = [getattr(row, "when", ())]
    whens += [target.when for target in getattr(row, "targets", ())]
    return (group for when in whens for group in when)


def _groups_of(both: Both, places: Rows) -> Iterator[tuple[Condition, ...]]:
    """Each group of conditions of these rows, in either version."""
    for protocol in both:
        for section, key, row in rows_of(protocol):
            if (section, key) in places:
                yield from _groups(row)


def _met(both: Both, group: tuple[Condition, ...]) -> dict[str, Any]:
    """Answers that meet the conditions of a group, as far as they ask what can be answered."""
    answers: dict[str, Any] = {}
    for fact in dict.fromkeys(condition.fact for condition in group if condition.fact in FACT_BY_KEY):
        about = compile_when((tuple(condition for condition in group if condition.fact == fact),))
        for answer in (*_answers(both, FACT_BY_KEY[fact]), UNKNOWN):
            if about({} if answer is UNKNOWN else {fact: answer}) is True:
                answers[fact] = answer
                break
    return answers
