"""The words of the panel: every outcome, every role, every number as people read it."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from ivigsite.accounts.roles import RoleView
from ivigsite.encounters.advice import LINE_EFFECT_WORDS, Advice, OrderGroup, number, order_cards
from ivigsite.encounters.preview import advise
from ivigsite.encounters.role_views import HAS_SOMETHING, PANELS_OF, panels_for
from protocols.content_files import load_shipped
from protocols.engine.decision import evaluate
from protocols.engine.facts_json import facts_from_plain
from protocols.engine.outcome import outcome_to_plain
from protocols.engine.protocol import ArmEffect, EffectKind, Protocol
from tests.scenario import COMPLETE

AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_shipped()


def advice_for(protocol: Protocol, **changes: Any) -> Advice:
    plain = {**COMPLETE, "age_years": 45, "sex": "female", "sample_age_hours": "2", "weight_age_days": "1"}
    return advise(protocol, facts_from_plain({**plain, **changes}), at=AT)


def test_recommendation_is_named_by_its_branch(protocol: Protocol):
    advice = advice_for(protocol)

    assert advice.kind == "recommendation"
    assert advice.headline == advice.branch_title
    assert (advice.grade, advice.ctcae) == (4, "CTCAE v5.0")
    assert advice.count == "18,000 per microlitre (18 x 10⁹ per litre)"
    assert advice.consult_word == "Call haematology today"


def test_gate_is_the_headline_and_the_rest_is_provisional(protocol: Protocol):
    advice = advice_for(protocol, ttp_suspected=True, bleeding_level="none", bleeding_sites=[])

    assert advice.headline.startswith("Stop: Suspected TTP")
    assert advice.is_provisional
    assert advice.gates[0].effects


def test_gate_that_stops_nothing_frees_no_arm_beside_one_that_does(protocol: Protocol):
    advice = advice_for(
        protocol,
        bleeding_level="active_cns_gi_gu",
        bleeding_sites=["gi"],
        ttp_suspected=True,
        hit_suspected="unknown",
        heparin_last_100_days="unknown",
    )

    stops = [dict(gate.effects) for gate in advice.gates if gate.is_stop]
    others = [dict(gate.effects) for gate in advice.gates if not gate.is_stop]

    assert stops
    assert others
    assert all(effects.keys() == {"Platelets", "IVIG", "Corticosteroid"} for effects in stops)
    assert {word for effects in others for word in effects.values()}.isdisjoint({"as the branch says"})
    assert any("Platelets" in effects for effects in others)


@pytest.mark.hazard("H09")
def test_what_a_gate_takes_away_in_life_threatening_bleeding_stands_beside_the_summary(protocol: Protocol):
    advice = advice_for(
        protocol,
        bleeding_level="life_threatening",
        bleeding_sites=["cns"],
        haemolysis=True,
        ttp_suspected="unknown",
    )

    assert not advice.is_provisional
    assert any(words.startswith("immune globulin") and "stopped by X2" in words for words in advice.withheld)
    assert any(words.startswith("platelets") for words in advice.withheld_from_both)
    assert set(advice.withheld_from_both) < set(advice.withheld)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"bleeding_level": "active_cns_gi_gu"}, "Yes: both are recommended here."),
        ({"bleeding_level": "life_threatening"}, "Yes: both are recommended here."),
        (
            {"bleeding_level": "risk_factors"},
            "Here immunoglobulin is recommended and platelets are to be considered.",
        ),
        (
            {"bleeding_level": "none"},
            "Here immunoglobulin is on standby and platelets are not part of it.",
        ),
        (
            {"bleeding_level": "none", "urgent_surgery": True, "procedure": "major_surgery"},
            "Here immunoglobulin is recommended and platelets are on standby.",
        ),
        (
            {"bleeding_level": "none", "platelets_per_ul": 62_000},
            "Not here: neither is part of this recommendation.",
        ),
        ({"bleeding_level": "unknown"}, "Not known yet."),
    ],
)
def test_whether_both_can_be_given_is_answered_for_this_patient(
    protocol: Protocol, changes: dict[str, Any], answer: str
):
    """A general “yes” above a patient who needs neither would be read as an order."""
    assert advice_for(protocol, **{"platelets_per_ul": 15_000, "sex": "male", **changes}).both_here == answer


def test_line_that_waits_for_an_answer_is_not_told_as_a_yes(protocol: Protocol):
    advice = advice_for(protocol, platelets_per_ul=15_000, bleeding_level="active_cns_gi_gu")
    held = tuple(
        replace(
            group,
            orders=tuple(replace(order, is_held=order.kind == "platelets") for order in group.orders),
        )
        for group in advice.groups
    )

    waiting = replace(advice, groups=held)

    assert waiting.both_here == (
        "Here immunoglobulin is recommended and platelets are held until more is known."
    )


def test_target_and_range_tell_a_number_once(protocol: Protocol):
    advice = advice_for(protocol, platelets_per_ul=15_000, bleeding_level="none", weight_kg="90")

    assert advice.targets == ("30,000 per microlitre",)
    (steroid,) = (order for group in advice.groups for order in group.orders if order.code == "G4D_PRED")
    assert steroid.dose == "80 mg"
    assert steroid.range_text == ""


def test_nothing_is_withheld_from_a_clean_case(protocol: Protocol):
    advice = advice_for(protocol, bleeding_level="active_cns_gi_gu", bleeding_sites=["gi"])

    assert not advice.stop_gates
    assert advice.withheld == ()


def test_line_says_what_a_rule_changed_on_it_and_why(protocol: Protocol):
    advice = advice_for(protocol, overload_risk_factors=["heart_failure"], steroid_contraindicated=True)

    changed = {order.kind: order.changes for group in advice.groups for order in group.orders}
    (slower,) = changed["ivig"]
    assert slower.what == "At the slower, at-risk rate"
    assert dict(slower.causes)["W-04"] == "Overload risk: slow rate, consider splitting the dose."
    (held,) = changed["corticosteroid"]
    assert (held.what, [by for by, _ in held.causes]) == ("Held", ["W-10"])
    assert changed["platelets"] == ()


ADDED_FOR: Final[dict[str, dict[str, Any]]] = {
    "OV-PREGNANCY": {"pregnant": True},
    "OV-CHECKPOINT": {"aetiology": "checkpoint_inhibitor"},
    "OUT-IVIG-3-4": {"ivig_refused": True},
    "OUT-IVIG-REACTION": {"immunoglobulin_reaction": True},
    "PAEDS-OBSERVE": {"age_years": 9, "bleeding_level": "none", "bleeding_sites": []},
    "W-19": {"rhd_negative_childbearing": True},
    "W-20-ASK": {"irradiated_needed": True},
}


@pytest.mark.parametrize("rule", ADDED_FOR)
def test_line_that_a_rule_adds_names_the_rule(protocol: Protocol, rule: str):
    advice = advice_for(protocol, **ADDED_FOR[rule])

    added = [change for group in advice.groups for order in group.orders for change in order.changes]
    assert rule in {by for change in added if change.what == "Added" for by, _ in change.causes}


def test_every_rule_that_adds_a_line_is_shown(protocol: Protocol):
    adding = {
        rule.key
        for rule in protocol.safety_rules
        if any(effect.kind is EffectKind.ADD_LINE for effect in rule.effects)
    }
    assert adding == set(ADDED_FOR)


def test_all_that_can_happen_to_a_line_has_words():
    marks = {EffectKind.HOLD_LINES, EffectKind.REMOVE_LINES, EffectKind.AT_RISK_RATE}
    marks |= {EffectKind.REQUIRE_PRODUCT, EffectKind.ADD_LINE}
    arms = {arm.value for arm in ArmEffect}

    assert set(LINE_EFFECT_WORDS) >= {mark.value for mark in marks} | (arms - {ArmEffect.AS_BRANCH.value})


def test_line_says_that_a_change_stands_only_until_an_answer_is_known(protocol: Protocol):
    advice = advice_for(protocol, overload_risk_factors=None)

    ivig = next(order for group in advice.groups for order in group.orders if order.kind == "ivig")
    (slower,) = (change for change in ivig.changes if "until it is known" in change.what)
    assert dict(slower.causes)["W-04"]


def test_line_that_a_rule_added_says_which_rule(protocol: Protocol):
    advice = advice_for(protocol, pregnant=True)

    added = [
        change
        for group in advice.groups
        for order in group.orders
        for change in order.changes
        if change.what == "Added"
    ]
    assert "OV-PREGNANCY" in {by for change in added for by, _ in change.causes}


def test_more_than_three_warnings_do_not_stand_in_one_column(protocol: Protocol):
    advice = advice_for(
        protocol,
        first_ivig=True,
        overload_risk_factors=["heart_failure"],
        renal_risk_factors=["diabetes"],
        thrombosis_risk_factors=["immobilisation"],
        antithrombotic="single",
        steroid_contraindicated=True,
    )

    assert len(advice.first_warnings) == 3
    assert advice.other_warnings
    assert (*advice.first_warnings, *advice.other_warnings) == advice.warnings


def test_open_axes_say_what_each_answer_leads_to(protocol: Protocol):
    advice = advice_for(protocol, bleeding_level=None, bleeding_sites=None, rapid_rise=None)

    assert advice.headline == "The answer depends on what is not known yet"
    assert len(advice.possible) > 1
    assert all(answers and branch for answers, branch in advice.possible)


def test_answers_are_never_blank_words(protocol: Protocol):
    advice = advice_for(protocol, platelets_per_ul=None)

    assert advice.grade is None
    assert advice.grade_word == "Not known"
    assert advice.dosing_weight


def test_each_line_says_dose_route_and_basis(protocol: Protocol):
    advice = advice_for(protocol)

    ivig = next(order for group in advice.groups for order in group.orders if order.kind == "ivig")
    assert ivig.dose == "70 g"
    assert ivig.basis == "1 g per kg for 70 kg (actual weight)"
    assert (ivig.volume, ivig.route) == ("700 mL", "intravenously")
    assert ivig.ledger
    assert ivig.provenance == "source"


def test_every_order_of_every_case_shows_where_it_comes_from(protocol: Protocol):
    for per_ul in (8000, 18000, 40000, 60000, 120000, 200000):
        for level in ("none", "risk_factors", "active", "active_cns_gi_gu", "life_threatening"):
            advice = advice_for(protocol, platelets_per_ul=per_ul, bleeding_level=level)
            orders = [order for group in advice.groups for order in group.orders]
            assert all(order.provenance and order.sources for order in orders)
            assert all(finding.provenance and len(finding.text) < 140 for finding in advice.findings)


def test_alternatives_stand_behind_the_line_they_replace(protocol: Protocol):
    advice = advice_for(protocol)

    blocks = [block for group in advice.groups for block in group.blocks]
    shown = [block.order for block in blocks]
    folded = [order for block in blocks for order in block.alternatives]
    everything = [order for group in advice.groups for order in group.orders]
    assert sorted(o.code for o in [*shown, *folded]) == sorted(o.code for o in everything)
    assert all(order.role == "alternative" for order in folded)


def test_alternative_without_a_line_before_it_is_shown(protocol: Protocol):
    outcome = outcome_to_plain(protocol, evaluate(protocol, facts_from_plain(dict(COMPLETE))))
    alternatives = tuple(
        card for card in order_cards(protocol, outcome["orders"]) if card.role == "alternative"
    )

    group = OrderGroup(timing="now", title="Now", orders=alternatives)

    assert [block.order for block in group.blocks] == list(alternatives)


@pytest.mark.parametrize(
    ("exact", "shown"), [("70.00", "70"), ("0.50", "0.5"), ("1000", "1,000"), ("2.777", "2.78")]
)
def test_numbers_have_a_leading_zero_and_no_trailing_one(exact: str, shown: str):
    assert number(exact) == shown


def test_policies_are_compared_with_the_one_in_use(protocol: Protocol):
    advice = advice_for(protocol, weight_kg="128", height_cm="172")

    assert [row.is_in_use for row in advice.policies].count(True) == 1
    assert next(row for row in advice.policies if row.is_in_use).difference == "the same"
    assert len({row.dose for row in advice.policies}) > 1


def test_what_to_expect_stands_beside_immunoglobulin_only(protocol: Protocol):
    with_ivig = advice_for(protocol)
    without = advice_for(protocol, platelets_per_ul=60000, bleeding_level="none", bleeding_sites=[])

    assert with_ivig.expect
    assert with_ivig.watch
    assert not without.expect


def test_open_questions_link_to_the_field_that_asks_them(protocol: Protocol):
    advice = advice_for(protocol, sample_age_hours=None, ttp_suspected=None)

    fields = {question.fact: question.field for question in advice.questions}
    assert fields["ttp_suspected"] == "ttp_suspected"
    assert fields["sample_age_hours"] == "sampled_at"


def test_forbidden_abbreviations_do_not_appear(protocol: Protocol):
    advice = advice_for(protocol)

    doses = " ".join(
        f"{order.dose} {order.basis} {order.rounding} {order.volume} {order.vials}"
        for group in advice.groups
        for order in group.orders
    )
    assert not re.search(r"µg|\bU\b|\bIU\b|\bQD\b|\.0\b|(?<!\d)\.\d", doses)


@pytest.mark.parametrize("view", RoleView)
def test_every_role_sees_every_panel_once(view: RoleView):
    assert sorted(panel.key for panel in PANELS_OF[view]) == sorted(HAS_SOMETHING)


@pytest.mark.parametrize(
    ("view", "first"),
    [
        (RoleView.PHYSICIAN, "orders"),
        (RoleView.NURSE, "rates"),
        (RoleView.PHARMACIST, "orders"),
        (RoleView.HAEMATOLOGIST, "why"),
    ],
)
def test_role_reads_first_what_it_needs_first(protocol: Protocol, view: RoleView, first: str):
    assert panels_for(view, advice_for(protocol))[0].key == first


def test_roles_have_headings_of_their_own():
    titles = {view: {panel.key: panel.title for panel in panels} for view, panels in PANELS_OF.items()}

    assert len({titles[view]["orders"] for view in RoleView}) == len(RoleView)


def test_empty_panels_are_left_out(protocol: Protocol):
    advice = advice_for(protocol, platelets_per_ul=200000, bleeding_level="none", bleeding_sites=[])

    assert "rates" not in [panel.key for panel in panels_for(RoleView.NURSE, advice)]


@pytest.mark.hazard("H07")
def test_second_dose_that_is_too_early_is_told_with_the_time_from_which_it_may_be_given(protocol: Protocol):
    given = {"first_ivig": False, "hours_since_last_ivig": "20.5", "ivig_last_7_days_g_per_kg": "1"}

    said = {card.rule: card.text for card in advice_for(protocol, **given).findings}

    assert said["W-16"].endswith("not due for another 4 hours. Not before 22-Nov-2026 17:35.")


def test_live_vaccine_is_told_with_its_date_by_the_amount_of_immunoglobulin(protocol: Protocol):
    first = {"first_ivig": True, "iga_g_per_l": "1", "live_vaccine_planned": True}
    second = {
        "first_ivig": False,
        "hours_since_last_ivig": "30",
        "ivig_last_7_days_g_per_kg": "0.2",
        "live_vaccine_planned": True,
    }

    once, more = (
        {card.rule: card.text for card in advice_for(protocol, **facts).findings} for facts in (first, second)
    )

    assert once["W-18"].endswith("not before 10 months from now. Not before 22-Sep-2027.")
    # 1.2 g per kg lies between the published amounts, and counts as the higher.
    assert more["W-18"].endswith("not before 11 months from now. Not before 22-Oct-2027.")
