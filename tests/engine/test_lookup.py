"""Rows found by key and by their conditions; a cell that no rule speaks for says so."""

from protocols.engine import lookup
from protocols.engine.facts import UNKNOWN
from protocols.engine.lookup import NO_RULE, cells_of
from protocols.engine.protocol import Comparator, ExtraOrder, OrderKind, Role, Severity, Timing, Topic

from .factory import BASIS, PROTOCOL, D, ask, decision_rule, if_is, safety_rule, sound_protocol, text

ROWS = lookup.of(PROTOCOL)


def test_lookup_is_made_once_for_each_protocol() -> None:
    other = sound_protocol(title="Another")

    assert lookup.of(PROTOCOL) is ROWS
    assert lookup.of(other) is lookup.of(other)
    assert lookup.of(other) is not ROWS


def test_rows_are_found_by_their_keys() -> None:
    assert set(ROWS.branches) == set(ROWS.orders) == {"WATCH", "TREAT", "EMERGENCY"}
    assert ROWS.branches["TREAT"] is PROTOCOL.branches[1]
    assert ROWS.products["P5"] is PROTOCOL.products[1]
    assert set(ROWS.policies) == {"ADJUSTED", "STRICT", "EVERYBODY", "ACTUAL"}
    assert ROWS.procedures["SMALL"].platelets_per_ul == 5
    assert ROWS.repeats == {"TREAT": PROTOCOL.repeat_rules[0]}
    assert ROWS.parameters["pump_rate_step_ml_per_h"] == D("0.5")
    assert ROWS.texts["conflict"] is PROTOCOL.texts[-1]
    assert ROWS.items["PROMISED"].is_follow_up
    assert ROWS.result_rules["R_ANY"] is PROTOCOL.result_rules[0]


def test_lines_regimens_and_plans_keep_their_order_and_conditions() -> None:
    cns, others = {"bleeding_sites": ("cns",)}, {"bleeding_sites": ("other",)}
    lines = {row.key: predicate for predicate, row in ROWS.orders["TREAT"]}

    assert list(lines) == ["T_IVIG", "T_SLOW", "T_STEROID", "T_PLATELETS", "T_LOOK"]
    assert [lines["T_PLATELETS"](values) for values in (cns, others, {})] == [True, False, UNKNOWN]
    assert [row.key for _, row in ROWS.families["F_STEROID"]] == [
        "STEROID_PREGNANT",
        "STEROID_ADULT",
        "STEROID_CHILD",
    ]
    assert [row.key for _, row in ROWS.families["F_IVIG"]] == ["IVIG"]
    assert [(row.key, test({"venous_lines": 1})) for test, row in ROWS.access_plans] == [
        ("APART", False),
        ("URGENT", UNKNOWN),
        ("IN_TURN", True),
    ]
    assert [row.key for _, row in ROWS.product_preferences] == ["LABELLED", "DENSE"]


def test_screening_row_has_its_three_conditions() -> None:
    (row,) = ROWS.screening_items

    assert row.item is PROTOCOL.screening_items[0]
    assert (row.when({"first_ivig": True}), row.when({"first_ivig": False})) == (True, False)
    assert (row.is_done({"iga_g_per_l": D(1)}), row.is_done({})) == (True, False)
    assert (row.waits({"clumps": False}), row.waits({"clumps": True})) == (True, False)


def test_every_cell_has_a_rule_and_one_the_protocol_forgot_says_so() -> None:
    forgetful = lookup.of(sound_protocol(decision_rules=PROTOCOL.decision_rules[1:]))

    assert len(ROWS.cells) == len(forgetful.cells) == 3 * 5 * 2 * 2
    assert ROWS.cells[2, "active", True, False].key == "R21"
    assert forgetful.cells[0, "none", False, True] is NO_RULE
    assert NO_RULE.branch is None
    assert NO_RULE.not_covered == "This protocol has no rule for this case. Call haematology."


def test_rule_speaks_for_each_combination_of_its_axes() -> None:
    row = decision_rule("R", (1, 2), ("none", "active"), "WATCH", surgery=(True,))

    assert cells_of(row) == (
        (1, "none", True, False),
        (1, "none", True, True),
        (1, "active", True, False),
        (1, "active", True, True),
        (2, "none", True, False),
        (2, "none", True, True),
        (2, "active", True, False),
        (2, "active", True, True),
    )


def test_safety_rule_that_asks_about_the_plan_waits_for_it() -> None:
    before = safety_rule("S_BEFORE", Severity.HARD, if_is("clumps", "true"))
    after = safety_rule(
        "S_AFTER",
        Severity.HARD,
        ((ask("clumps", Comparator.IS, "true"), ask("rate_above_product_maximum", Comparator.IS, "true")),),
    )
    rows = lookup.of(sound_protocol(safety_rules=(before, after)))
    known = {"clumps": True, "rate_above_product_maximum": True}

    assert [row.rule for row in rows.rules_before_plan.sift(known).held] == [before]
    assert [row.rule for row in rows.rules_after_plan.sift(known).held] == [after]


def test_rule_about_the_product_is_judged_by_those_of_its_groups_that_ask_about_it() -> None:
    by_product = (ask("product_route", Comparator.IS, "sc"), ask("clumps", Comparator.IS, "true"))
    mixed = safety_rule("S_MIXED", Severity.HARD, ((ask("sex", Comparator.IS, "male"),), by_product))
    plain = safety_rule("S_PLAIN", Severity.HARD, if_is("clumps", "true"))
    rows = lookup.of(sound_protocol(safety_rules=(mixed, plain)))

    assert rows.product_rules.sift({"sex": "male", "product_route": "iv", "clumps": True}).possible == ()
    assert rows.product_rules.sift({"product_route": "sc", "clumps": True}).held == (mixed,)


def test_follow_ups_are_no_first_checks_and_the_leaflet_is_no_advice() -> None:
    leaflet = text("leaflet", Topic.LEAFLET)
    rows = lookup.of(sound_protocol(texts=(*PROTOCOL.texts, leaflet)))

    assert {item.key for item in rows.first_checks.sift({}).possible} == {
        "M_ALL",
        "M_IVIG",
        "M_DIABETES",
        "M_LATE",
    }
    assert rows.texts["leaflet"] is leaflet
    assert leaflet not in rows.conditional_texts.sift({"aetiology": "primary_itp"}).held
    assert PROTOCOL.texts[-1] in rows.conditional_texts.sift({"aetiology": "primary_itp"}).held


def test_line_that_rules_add_is_found_by_its_key() -> None:
    extra = ExtraOrder(
        key="EXTRA",
        kind=OrderKind.OTHER,
        role=Role.OFFERED,
        timing=Timing.NOW,
        text="Look again",
        basis=BASIS,
    )

    assert lookup.of(sound_protocol(extra_orders=(extra,))).extra_orders == {"EXTRA": extra}
