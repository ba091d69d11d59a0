"""What a safety rule becomes for one patient, field by field, and what each effect does to a line."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.case import case_of
from protocols.engine.conditions import Values
from protocols.engine.protocol import (
    ArmEffect,
    Comparator,
    ConsultLevel,
    Effect,
    EffectKind,
    ExtraOrder,
    OrderKind,
    OverrideKind,
    OverridePolicy,
    ProductProperty,
    Protocol,
    Role,
    Severity,
    Timing,
    WhenUnknown,
)
from protocols.engine.recommendation import Finding, LineEffect, Order, Unjudged
from protocols.engine.safety import (
    AppliedEffect,
    added_checks,
    added_lines,
    added_texts,
    applied_effects,
    apply_to_lines,
    consult_level,
    digest_of_facts,
    findings_of,
    has_property,
    missing_rows,
    risk_of,
)
from protocols.engine.scores import scores_of

from .factory import (
    PROTOCOL,
    D,
    ask,
    decision_rule,
    gate,
    if_is,
    patient,
    product,
    safety_rule,
    sound_protocol,
)

HOLD, REMOVE, SLOW = EffectKind.HOLD_LINES, EffectKind.REMOVE_LINES, EffectKind.AT_RISK_RATE
REQUIRE = EffectKind.REQUIRE_PRODUCT
BY_IVIG = ask("order_kinds", Comparator.INCLUDES_ANY, "ivig")
WHEN = ((ask("pregnant", Comparator.IS, "true"), ask("egfr", Comparator.BELOW, "50"), BY_IVIG),)
SPEAKS: Values = {"pregnant": True, "egfr": D("41.2"), "order_kinds": ("ivig",), "branch": "B"}
RULE = replace(
    safety_rule("S", Severity.WARNING, WHEN, (HOLD, "ivig")),
    number="N-1",
    text="Filtration is {egfr}",
    action="Wait {hours_until_repeat} hours at {egfr}.",
)


def with_rules(*rules: Any, **more: Any) -> Protocol:
    return sound_protocol(safety_rules=rules, **more)


def effect(kind: EffectKind, target: str = "", *, rule: str = "S", is_certain: bool = True) -> AppliedEffect:
    return AppliedEffect(rule=rule, effect=Effect(kind=kind, target=target), is_certain=is_certain)


def order(code: str, kind: OrderKind, role: Role = Role.REQUIRED) -> Order:
    return Order(
        code=code,
        kind=kind,
        role=role,
        timing=Timing.NOW,
        group="",
        start_after_minutes=0,
        text=code,
        template=None,
        dose=None,
        waits_for=(),
        is_held=False,
        cites=(),
    )


IVIG, PLATELETS = order("I", OrderKind.IVIG), order("P", OrderKind.PLATELETS)


# What is found


def test_rule_that_holds_is_found_with_all_it_says_and_read() -> None:
    found, unjudged = findings_of(with_rules(RULE), SPEAKS, after_plan=False)

    assert unjudged == ()
    assert found == (
        Finding(
            rule="S",
            number="N-1",
            severity=Severity.WARNING,
            text="Filtration is 42",
            action="Wait not known hours at 42.",
            override=RULE.override,
            effects=RULE.effects,
            cites=RULE.basis.cites,
            lines=((("ivig",),),),
            # What the lines are is no fact about the patient.
            reads=(("pregnant", True), ("egfr", D("41.2"))),
            wait=(),
        ),
    )


def test_finding_is_about_the_lines_of_the_groups_that_hold_alone() -> None:
    other = (
        ask("pregnant", Comparator.IS, "false"),
        ask("order_kinds", Comparator.INCLUDES_ANY, "platelets"),
    )
    rule = replace(RULE, when=(other, *WHEN))

    ((found,), _) = findings_of(
        with_rules(rule), {**SPEAKS, "order_kinds": ("ivig", "platelets")}, after_plan=False
    )

    assert found.lines == ((("ivig",),),)


def test_time_to_wait_goes_with_the_finding() -> None:
    rule = replace(RULE, text="Not for {hours_until_repeat} hours")

    ((found,), _) = findings_of(
        with_rules(rule), {**SPEAKS, "hours_until_repeat": D("4.1")}, after_plan=False
    )

    assert (found.text, dict(found.wait)) == ("Not for 5 hours", {"hours": "4.1"})


def test_score_is_read_by_its_points() -> None:
    rule = replace(RULE, when=((ask("plasmic", Comparator.AT_LEAST, "0"),),))
    score = scores_of({"schistocytes": True})["plasmic"]

    ((found,), _) = findings_of(with_rules(rule), {"plasmic": score}, after_plan=False)

    assert found.reads == (("plasmic", (score.least, score.most)),)


def test_rule_that_cannot_be_judged_says_so_with_what_to_ask() -> None:
    rule = replace(RULE, unknown=WhenUnknown.HOLD)

    assert findings_of(with_rules(rule), {**SPEAKS, "pregnant": False}, after_plan=False) == ((), ())

    less = {key: value for key, value in SPEAKS.items() if key != "pregnant"}
    found, unjudged = findings_of(with_rules(rule), less, after_plan=False)
    assert found == ()
    assert unjudged == (
        Unjudged(
            rule="S",
            number="N-1",
            severity=Severity.WARNING,
            text="Filtration is 42",
            asks=("pregnant",),
            until_known=WhenUnknown.HOLD,
            effects=RULE.effects,
            cites=RULE.basis.cites,
        ),
    )


def test_same_words_on_other_facts_have_another_digest() -> None:
    def found(**changes: Any) -> str:
        ((one,), _) = findings_of(with_rules(RULE), {**SPEAKS, **changes}, after_plan=False)
        return digest_of_facts(one)

    # Both are written as 42; the lines beside them are no fact about the patient.
    assert found() == found(order_kinds=("ivig", "platelets"))
    assert found() != found(egfr=D("41.3"))


def test_what_the_protocol_does_not_have_is_named_and_nothing_lifts_it() -> None:
    facts = patient(product="NO_SUCH", procedure="NOR_THIS", policy="NOR_THAT")

    missing = missing_rows(PROTOCOL, case_of(PROTOCOL, facts))

    hold = (Effect(kind=HOLD, target="ivig"),)
    assert missing == tuple(
        Finding(
            rule="NO_SUCH_ROW",
            number="NO_SUCH_ROW",
            severity=Severity.HARD,
            text=f"This version of the protocol has no {what} {key}.",
            action=f"Choose a {what} that it has.",
            override=OverridePolicy(kind=OverrideKind.NONE),
            effects=effects,
            cites=(),
        )
        for what, key, effects in (
            ("product", "NO_SUCH", hold),
            ("dosing weight policy", "NOR_THAT", hold),
            ("procedure", "NOR_THIS", ()),
        )
    )


def test_default_product_that_the_protocol_lost_is_named_by_its_key() -> None:
    lost = replace(PROTOCOL, default_product="LOST")

    (missing,) = missing_rows(lost, case_of(lost, patient()))

    assert missing.text == "This version of the protocol has no product LOST."


# What counts


def test_effects_of_a_finding_are_certain_and_of_what_holds_until_known_are_not() -> None:
    rule = replace(
        RULE,
        unknown=WhenUnknown.HOLD,
        effects=(
            Effect(kind=HOLD, target="ivig"),
            Effect(kind=EffectKind.RAISE_CONSULT, target="stat"),
            Effect(kind=SLOW, target=""),
        ),
    )
    found, _ = findings_of(with_rules(rule), SPEAKS, after_plan=False)
    less = {key: value for key, value in SPEAKS.items() if key != "pregnant"}
    _, unjudged = findings_of(with_rules(rule), less, after_plan=False)
    _, asking = findings_of(with_rules(replace(rule, unknown=WhenUnknown.WARN)), less, after_plan=False)

    assert applied_effects(found, ()) == (
        effect(HOLD, "ivig"),
        effect(EffectKind.RAISE_CONSULT, "stat"),
        effect(SLOW),
    )
    # Whom to call follows from what is known.
    assert applied_effects((), unjudged) == (
        effect(HOLD, "ivig", is_certain=False),
        effect(SLOW, is_certain=False),
    )
    assert applied_effects((), asking) == ()


@pytest.mark.parametrize(
    ("effects", "is_open", "said"),
    [
        ((effect(SLOW),), False, {"at_risk": True}),
        ((effect(SLOW),), True, {"at_risk": True}),
        ((effect(SLOW, is_certain=False),), True, {}),
        ((), True, {}),
        ((effect(HOLD, "ivig"),), False, {"at_risk": False}),
    ],
)
def test_risk_is_known_only_where_no_open_rule_could_say_so(
    effects: tuple[AppliedEffect, ...], is_open: bool, said: dict[str, bool]
) -> None:
    slow = replace(RULE, effects=(Effect(kind=HOLD, target="ivig"), Effect(kind=SLOW, target="")))
    less = {key: value for key, value in SPEAKS.items() if key != "pregnant"}
    _, unjudged = findings_of(with_rules(slow), less, after_plan=False)

    assert risk_of(effects, unjudged if is_open else ()) == said


def test_open_rule_about_something_else_leaves_the_risk_known() -> None:
    less = {key: value for key, value in SPEAKS.items() if key != "pregnant"}
    _, unjudged = findings_of(with_rules(RULE), less, after_plan=False)

    assert risk_of((), unjudged) == {"at_risk": False}


@pytest.mark.parametrize(
    ("route", "wanted", "has"),
    [
        ("iv", ProductProperty.INTRAVENOUS, True),
        ("sc", ProductProperty.INTRAVENOUS, False),
        ("iv", ProductProperty.IGA_DEPLETED, False),
        ("iv", ProductProperty.WITHOUT_MALTOSE, False),
        ("iv", ProductProperty.WITHOUT_SUCROSE, True),
    ],
)
def test_product_has_what_a_rule_wants(route: str, wanted: ProductProperty, has: bool) -> None:
    assert has_property(product("Q", "10", "10", route=route, stabilisers=("maltose",)), wanted) is has


# What is done to a line


def applied(
    *effects: AppliedEffect, to: tuple[Order, ...] = (IVIG, PLATELETS), **more: Any
) -> tuple[Order, ...]:
    return apply_to_lines(to, more.pop("gates", ()), effects, more.pop("product", None))


def mark(kind: str, *, by: str = "S", is_certain: bool = True) -> LineEffect:
    return LineEffect(by=by, kind=kind, is_certain=is_certain)


def test_line_is_slowed_and_stays_chosen() -> None:
    slowed = replace(IVIG, effects=(mark("at_risk_rate", is_certain=False),))

    assert applied(effect(SLOW, is_certain=False)) == (slowed, PLATELETS)


def test_held_line_is_offered_and_says_by_whom() -> None:
    held = replace(PLATELETS, is_held=True, role=Role.OFFERED, effects=(mark("hold_lines"),))

    assert applied(effect(HOLD, "platelets")) == (IVIG, held)
    assert applied(effect(HOLD, "P")) == (IVIG, held)


def test_line_that_nothing_touches_stays_the_very_same() -> None:
    (ivig, platelets) = applied(effect(HOLD, "corticosteroid"))

    assert ivig is IVIG
    assert platelets is PLATELETS


def test_line_that_is_removed_takes_no_other_with_it() -> None:
    assert applied(effect(REMOVE, "ivig")) == (PLATELETS,)


@pytest.mark.parametrize(("stabiliser", "is_held"), [("maltose", True), ("glycine", False)])
def test_immunoglobulin_waits_for_a_product_that_has_what_is_wanted(stabiliser: str, is_held: bool) -> None:
    chosen = product("Q", "10", "10", stabilisers=(stabiliser,))

    (ivig, platelets) = applied(effect(REQUIRE, "without_maltose"), product=chosen)

    assert (ivig.is_held, platelets) == (is_held, PLATELETS)
    assert ivig.effects == ((mark("require_product"),) if is_held else ())


def test_effects_that_are_about_no_line_mark_none() -> None:
    assert applied(effect(EffectKind.RAISE_CONSULT, "stat"), effect(EffectKind.ADD_LINE, "X")) == (
        IVIG,
        PLATELETS,
    )


def test_gate_marks_the_lines_it_is_about_with_its_code() -> None:
    closed = gate(
        "G", if_is("pregnant", "true"), ivig=ArmEffect.HAEMATOLOGY_ONLY, platelets=ArmEffect.AS_BRANCH
    )

    (ivig, platelets) = applied(gates=(closed,))

    assert ivig.effects == (mark("haematology_only", by="G"),)
    assert (ivig.is_held, ivig.role, platelets) == (True, Role.OFFERED, PLATELETS)


# What is added

EXTRA = ExtraOrder(
    key="EXTRA",
    kind=OrderKind.OTHER,
    role=Role.OFFERED,
    timing=Timing.CONSULT,
    text="Look again",
    basis=RULE.basis,
)
ITEM, BODY = PROTOCOL.monitoring_items[0], PROTOCOL.texts[0]
ADDING = (
    effect(EffectKind.ADD_LINE, "EXTRA", rule="A"),
    effect(EffectKind.ADD_CHECK, ITEM.key, rule="A"),
    effect(EffectKind.ADD_LINE, "EXTRA", rule="B"),
    effect(EffectKind.ADD_TEXT, BODY.key, rule="B"),
    effect(EffectKind.ADD_CHECK, ITEM.key, rule="B"),
)


def test_line_that_two_rules_add_stands_once_and_names_both() -> None:
    added = added_lines(sound_protocol(extra_orders=(EXTRA,)), ADDING)

    assert added == (
        Order(
            code="EXTRA",
            kind=OrderKind.OTHER,
            role=Role.OFFERED,
            timing=Timing.CONSULT,
            group="",
            start_after_minutes=0,
            text="Look again",
            template=None,
            dose=None,
            waits_for=(),
            is_held=False,
            cites=RULE.basis.cites,
            effects=(mark("add_line", by="A"), mark("add_line", by="B")),
        ),
    )


def test_checks_and_texts_that_rules_add_stand_once() -> None:
    assert added_checks(PROTOCOL, ADDING) == (ITEM,)
    assert added_texts(PROTOCOL, ADDING) == (BODY,)


# Whom to call

LEVELS = (ConsultLevel.NONE, ConsultLevel.INFO, ConsultLevel.SAME_DAY, ConsultLevel.STAT)


@pytest.mark.parametrize("one", LEVELS)
@pytest.mark.parametrize("other", LEVELS)
def test_most_urgent_consult_of_branch_rule_gate_and_finding_counts(
    one: ConsultLevel, other: ConsultLevel
) -> None:
    expected = LEVELS[max(LEVELS.index(one), LEVELS.index(other))]
    branch = replace(PROTOCOL.branches[0], consult=one)
    calling = decision_rule("R", (1,), ("none",), "WATCH", consult_at_least=other)
    speaking = gate("G", if_is("pregnant", "true"), consult=other)

    assert consult_level(branch, (), (speaking,), ()) is expected
    assert consult_level(branch, (calling,), (), ()) is expected
    assert consult_level(branch, (), (), (effect(EffectKind.RAISE_CONSULT, other.value),)) is expected
    assert consult_level(branch, (), (), (effect(HOLD, "ivig"),)) is one


def test_line_that_is_slowed_and_given_with_a_call_stays_chosen() -> None:
    called = gate("G", if_is("pregnant", "true"), ivig=ArmEffect.WITH_CALL, platelets=ArmEffect.AS_BRANCH)

    (ivig, _) = applied(effect(SLOW), gates=(called,))

    assert (ivig.is_held, ivig.role) == (False, Role.REQUIRED)
    assert {made.kind for made in ivig.effects} == {"with_call", "at_risk_rate"}
