"""What is wrong with the checklist of a draft: items, how their results are judged, and what follows."""

from collections.abc import Iterator, Mapping
from typing import Final

from .conditions import RESULT_VALUES, BadCondition, compile_result_when, compile_when
from .coverage import row_keys
from .facts import Kind
from .monitoring import ANCHORS
from .protocol import Condition, MonitoringItem, Protocol, ResultRule, When
from .results import ENTERED

Found = tuple[str, str, str]
Rows = Mapping[str, frozenset[str]]


LATE_COUNT: Final = "COUNT_LATE"
"""The row by which counts in the weeks after are judged: the watch for a relapse goes by it."""
NEEDED_ITEMS: Final[Mapping[str, str]] = {
    "VIT-AGAIN": "after a reaction nobody would be asked to look again",
    "PROMISED": "a stop could not be passed with the promise to monitor",
}


def checklist_problems(protocol: Protocol) -> Iterator[Found]:
    """Section, key and message of each problem of items and result rules."""
    yield from _missing_rows(protocol)
    rules = {rule.key for rule in protocol.result_rules}
    rows = _rows(protocol)
    for item in protocol.monitoring_items:
        for message in _item_problems(item, rules, rows):
            yield "monitoring_items", item.key, message
    items = {item.key for item in protocol.monitoring_items}
    judged = {item.rule for item in protocol.monitoring_items}
    for rule in protocol.result_rules:
        for message in _rule_problems(protocol, rule, items):
            yield "result_rules", rule.key, message
        if rule.key not in judged:
            yield "result_rules", rule.key, "No check is judged by this row."


def _missing_rows(protocol: Protocol) -> Iterator[Found]:
    follow_ups = {item.key for item in protocol.monitoring_items if item.is_follow_up}
    for key, without in NEEDED_ITEMS.items():
        if key not in follow_ups:
            yield "monitoring_items", key, f"There is no such follow-up: {without}."
    if LATE_COUNT not in {rule.key for rule in protocol.result_rules}:
        yield "result_rules", LATE_COUNT, "There is no such row, so no relapse would be watched for."
    elif not any(item.rule == LATE_COUNT and not item.is_follow_up for item in protocol.monitoring_items):
        message = "No planned check is judged by this row, so no relapse would be watched for."
        yield "result_rules", LATE_COUNT, message


def _item_problems(item: MonitoringItem, rules: set[str], rows: Rows) -> Iterator[str]:
    if item.anchor not in ANCHORS:
        yield f"There is no anchor {item.anchor!r}."
    if item.rule not in rules:
        yield f"No row says how its results are judged: {item.rule!r}."
    if item.anchor == "F0" and not item.is_follow_up:
        yield "It counts from a result, so it must be a follow-up."
    if item.window_minutes < 0 or item.early_minutes < 0:
        yield "The window must not be negative."
    for repeat in item.repeats:
        if repeat.every_minutes <= 0:
            yield "It must repeat after more than no time."
        if repeat.until_anchor not in ANCHORS:
            yield f"There is no anchor {repeat.until_anchor!r}."
        try:
            compile_when(repeat.when)
        except BadCondition as bad:
            yield f"A condition cannot be read: {bad}."
        else:
            for condition in (condition for group in repeat.when for condition in group):
                yield from _row_problems(condition, rows)


def _rule_problems(protocol: Protocol, rule: ResultRule, items: set[str]) -> Iterator[str]:
    for name in rule.asks:
        if name not in ENTERED:
            yield f"Nobody can enter {name!r}."
    for name in rule.needs:
        if name not in rule.asks:
            yield f"{name!r} is needed but not asked."
    for key in (*rule.alert_follow_ups, *rule.critical_follow_ups):
        if key not in items:
            yield f"There is no item {key!r} to follow up with."
    for when, action, level in (
        (rule.alert, rule.alert_action, "Alert"),
        (rule.critical, rule.critical_action, "Critical"),
    ):
        if bool(when) is not bool(action):
            yield f"{level} has conditions and an action, or neither."
        yield from _when_problems(protocol, when)


def _when_problems(protocol: Protocol, when: When) -> Iterator[str]:
    if any(not group for group in when):
        yield "A group of conditions is empty, so it always holds."
    try:
        compile_result_when(when)
    except BadCondition as bad:
        yield f"A condition cannot be read: {bad}."
        return
    rows = _rows(protocol)
    for condition in (condition for group in when for condition in group):
        yield from _row_problems(condition, rows)


def _rows(protocol: Protocol) -> Rows:
    """What a condition can name, by each fact whose values are rows of the protocol."""
    return {
        key: frozenset(row_keys(protocol, definition))
        for key, definition in RESULT_VALUES.items()
        if definition.kind is Kind.ROW
    }


def _row_problems(condition: Condition, rows: Rows) -> Iterator[str]:
    if condition.fact in rows:
        for value in sorted(set(condition.values) - rows[condition.fact]):
            yield f"A condition names {condition.fact} {value}, which is not there."
