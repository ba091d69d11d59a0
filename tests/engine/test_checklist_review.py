"""What is wrong with a checklist is found before it is approved."""

from dataclasses import replace

import pytest

from protocols.engine.checklist_review import checklist_problems
from protocols.engine.protocol import Comparator, Condition, Protocol, Repeat, When

from .factory import sound_protocol

HIGH: When = ((Condition(fact="temperature_c", comparator=Comparator.ABOVE, values=("10",)),),)
UNREADABLE: When = ((Condition(fact="nothing", comparator=Comparator.ABOVE, values=("10",)),),)
NO_BRANCH: When = ((Condition(fact="branch", comparator=Comparator.IS, values=("NOWHERE",)),),)

NO_PRODUCT: When = ((Condition(fact="product", comparator=Comparator.IS, values=("GONE",)),),)


def with_item(**changes: object) -> Protocol:
    items = sound_protocol().monitoring_items
    return sound_protocol(monitoring_items=(replace(items[0], **changes), *items[1:]))  # type: ignore[arg-type]


def with_rule(**changes: object) -> Protocol:
    first, *others = sound_protocol().result_rules
    return sound_protocol(result_rules=(replace(first, **changes), *others))  # type: ignore[arg-type]


def without_item(key: str) -> Protocol:
    items = sound_protocol().monitoring_items
    return sound_protocol(monitoring_items=tuple(item for item in items if item.key != key))


def test_sound_checklist_has_no_problem():
    sound = with_rule(alert=HIGH, alert_action="Look.", alert_follow_ups=("M_ALL",))

    assert list(checklist_problems(sound)) == []
    assert list(checklist_problems(with_item(repeats=(Repeat(every_minutes=10, until_anchor="TE"),)))) == []


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (without_item("VIT-AGAIN"), "no such follow-up: after a reaction nobody"),
        (without_item("PROMISED"), "no such follow-up: a stop could not be passed"),
        (without_item("M_LATE"), "No planned check is judged by this row, so no relapse"),
        (
            sound_protocol(result_rules=sound_protocol().result_rules[:1]),
            "There is no such row, so no relapse would be watched for",
        ),
        (with_item(anchor="X9"), "no anchor 'X9'"),
        (with_item(rule="R_NONE"), "No row says how its results are judged"),
        (with_item(anchor="F0"), "must be a follow-up"),
        (with_item(window_minutes=-1), "must not be negative"),
        (with_item(early_minutes=-1), "must not be negative"),
        (with_item(repeats=(Repeat(every_minutes=0, until_anchor="TE"),)), "more than no time"),
        (with_item(repeats=(Repeat(every_minutes=10, until_anchor="X9"),)), "no anchor 'X9'"),
        (
            with_item(repeats=(Repeat(every_minutes=10, until_anchor="TE", when=UNREADABLE),)),
            "cannot be read",
        ),
        (with_rule(asks=("is_done", "kdigo_stage")), "Nobody can enter 'kdigo_stage'"),
        (with_rule(needs=("temperature_c",)), "needed but not asked"),
        (with_rule(critical_follow_ups=("M_NONE",)), "no item 'M_NONE'"),
        (with_rule(alert=HIGH), "Alert has conditions and an action, or neither"),
        (with_rule(critical_action="Stop."), "Critical has conditions and an action, or neither"),
        (with_rule(alert=((),), alert_action="Look."), "so it always holds"),
        (with_rule(alert=UNREADABLE, alert_action="Look."), "cannot be read"),
        (with_rule(alert=NO_BRANCH, alert_action="Look."), "NOWHERE, which is not there"),
        (with_rule(alert=NO_PRODUCT, alert_action="Look."), "names product GONE, which is not there"),
        (with_rule(key="R_UNUSED"), "No check is judged by this row"),
        (
            with_item(repeats=(Repeat(every_minutes=10, until_anchor="TE", when=NO_PRODUCT),)),
            "names product GONE, which is not there",
        ),
    ],
)
def test_broken_row_is_found_and_named(protocol: Protocol, words: str):
    found = [message for _, _, message in checklist_problems(protocol)]

    assert any(words in message for message in found), found


ITEMS, RULES = "monitoring_items", "result_rules"


@pytest.mark.parametrize(
    ("protocol", "found"),
    [
        (
            without_item("PROMISED"),
            (
                ITEMS,
                "PROMISED",
                "There is no such follow-up: a stop could not be passed with the promise to monitor.",
            ),
        ),
        (
            without_item("M_LATE"),
            (
                RULES,
                "COUNT_LATE",
                "No planned check is judged by this row, so no relapse would be watched for.",
            ),
        ),
        (
            sound_protocol(result_rules=sound_protocol().result_rules[:1]),
            (RULES, "COUNT_LATE", "There is no such row, so no relapse would be watched for."),
        ),
        (with_item(anchor="X9"), (ITEMS, "M_ALL", "There is no anchor 'X9'.")),
        (with_item(rule="R_NO"), (ITEMS, "M_ALL", "No row says how its results are judged: 'R_NO'.")),
        (
            with_item(anchor="F0"),
            (ITEMS, "M_ALL", "It counts from a result, so it must be a follow-up."),
        ),
        (with_item(window_minutes=-1), (ITEMS, "M_ALL", "The window must not be negative.")),
        (with_item(early_minutes=-1), (ITEMS, "M_ALL", "The window must not be negative.")),
        (
            with_item(repeats=(Repeat(every_minutes=0, until_anchor="TE"),)),
            (ITEMS, "M_ALL", "It must repeat after more than no time."),
        ),
        (
            with_item(repeats=(Repeat(every_minutes=10, until_anchor="X9"),)),
            (ITEMS, "M_ALL", "There is no anchor 'X9'."),
        ),
        (
            with_item(repeats=(Repeat(every_minutes=10, until_anchor="TE", when=UNREADABLE),)),
            (ITEMS, "M_ALL", "A condition cannot be read: no fact is called 'nothing'."),
        ),
        (with_rule(asks=("is_done", "egfr")), (RULES, "R_ANY", "Nobody can enter 'egfr'.")),
        (with_rule(needs=("fever",)), (RULES, "R_ANY", "'fever' is needed but not asked.")),
        (
            with_rule(alert_follow_ups=("GONE",)),
            (RULES, "R_ANY", "There is no item 'GONE' to follow up with."),
        ),
        (with_rule(alert=HIGH), (RULES, "R_ANY", "Alert has conditions and an action, or neither.")),
        (
            with_rule(critical=HIGH),
            (RULES, "R_ANY", "Critical has conditions and an action, or neither."),
        ),
        (
            with_rule(alert=((),), alert_action="Look."),
            (RULES, "R_ANY", "A group of conditions is empty, so it always holds."),
        ),
        (
            with_rule(critical=UNREADABLE, critical_action="Call."),
            (RULES, "R_ANY", "A condition cannot be read: no fact is called 'nothing'."),
        ),
        (
            with_rule(alert=NO_BRANCH, alert_action="Look."),
            (RULES, "R_ANY", "A condition names branch NOWHERE, which is not there."),
        ),
        (with_rule(key="R_UNUSED"), (RULES, "R_UNUSED", "No check is judged by this row.")),
    ],
)
def test_problem_stands_with_its_section_its_row_and_a_sentence(
    protocol: Protocol, found: tuple[str, str, str]
) -> None:
    assert found in list(checklist_problems(protocol))


def test_window_of_no_time_and_a_repeat_of_each_minute_are_sound() -> None:
    each_minute = (Repeat(every_minutes=1, until_anchor="TE"),)

    assert list(checklist_problems(with_item(window_minutes=0, early_minutes=0, repeats=each_minute))) == []
