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
