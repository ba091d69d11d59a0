"""Every product for one patient: allowed, allowed with a warning or blocked, the best first."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.engine.decision import evaluate
from protocols.engine.facts import UNKNOWN
from protocols.engine.formulary import Formulary, Standing, formulary, formulary_to_plain
from protocols.engine.protocol import Comparator as Is
from protocols.engine.protocol import EffectKind, ProductLabel, Severity, WhenUnknown
from protocols.engine.recommendation import Recommendation

from .factory import PROTOCOL, D, ask, patient, product, safety_rule, sound_protocol

NOT_HERE = (ProductLabel(jurisdiction="Elsewhere", itp_labelled=True, dose_text="as told"),)
MALTOSE = ask("product_stabilisers", Is.INCLUDES_ANY, "maltose")
RULES = (
    *PROTOCOL.safety_rules,
    safety_rule("S_MALTOSE", Severity.HARD, ((ask("corn_allergy", Is.IS, "true"), MALTOSE),)),
    safety_rule("S_GONE", Severity.WARNING, ((ask("product_withdrawn", Is.IS, "true"),),)),
)
PRODUCTS = (
    product("P10", "10", "5", "10", "20", "40"),
    product("P5", "5", "2.5", "10", stabilisers=("maltose",)),
    product("OLD", "10", "40", withdrawn_after="one day"),
    product("FAR", "10", "10", labels=NOT_HERE),
    product("SHELF", "10", "10", offered=False),
)


def found(protocol: Any = None, **facts: Any) -> Formulary:
    protocol = protocol or sound_protocol(products=PRODUCTS, safety_rules=RULES)
    said = evaluate(protocol, patient(**facts))
    assert isinstance(said, Recommendation)
    products = formulary(protocol, said)
    assert products is not None
    return products


def standings(products: Formulary) -> dict[str, str]:
    return {choice.product.key: choice.standing.value for choice in products.choices}


def rules_of(products: Formulary, key: str) -> list[str]:
    return next(
        [reason.rule.key for reason in choice.reasons]
        for choice in products.choices
        if choice.product.key == key
    )


def test_each_product_stands_as_the_rules_say_with_their_reasons() -> None:
    products = found(corn_allergy=True)

    assert standings(products) == {
        "P10": "allowed",
        "OLD": "allowed_with_warning",
        "FAR": "allowed_with_warning",
        "P5": "blocked",
        "SHELF": "blocked",
    }
    assert rules_of(products, "P5") == ["S_MALTOSE"]
    assert rules_of(products, "OLD") == ["S_GONE"]
    assert rules_of(products, "FAR") == ["S_LABEL"]
    assert rules_of(products, "SHELF") == []


def test_best_allowed_product_is_suggested_and_blocked_ones_come_last() -> None:
    products = found(corn_allergy=False)

    assert [choice.product.key for choice in products.choices] == ["P10", "P5", "FAR", "OLD", "SHELF"]
    assert products.suggested is products.choices[0]
    assert products.choices[0].preferences == ("LABELLED", "DENSE")


def test_the_protocol_s_own_product_wins_among_equals() -> None:
    equal = (product("ALSO", "10", "10"), product("P10", "10", "10"))

    products = found(sound_protocol(products=equal, safety_rules=RULES))

    assert [choice.product.key for choice in products.choices] == ["P10", "ALSO"]


def test_less_left_over_wins_among_the_rest() -> None:
    equal = (product("BIG", "10", "40"), product("FIT", "10", "10"), product("P10", "10", "10"))

    products = found(sound_protocol(products=equal, safety_rules=RULES))

    assert [choice.product.key for choice in products.choices] == ["P10", "FIT", "BIG"]


def test_nothing_is_suggested_where_everything_is_blocked() -> None:
    protocol = sound_protocol(products=PRODUCTS[1:2], safety_rules=RULES, default_product="P5")

    assert found(protocol, corn_allergy=True).suggested is None


def test_unknown_fact_is_asked_with_what_it_would_change() -> None:
    products = found(corn_allergy=UNKNOWN)

    choice = next(choice for choice in products.choices if choice.product.key == "P5")
    assert [(row.rule.key, row.asks) for row in choice.open_rules] == [("S_MALTOSE", ("corn_allergy",))]
    assert choice.standing is Standing.ALLOWED


def test_stop_that_counts_until_its_facts_are_known_blocks() -> None:
    held = replace(RULES[-2], unknown=WhenUnknown.HOLD)
    protocol = sound_protocol(products=PRODUCTS, safety_rules=(*PROTOCOL.safety_rules, held))

    assert standings(found(protocol, corn_allergy=UNKNOWN))["P5"] == "blocked"


def test_rule_that_no_product_could_change_speaks_for_none() -> None:
    assert rules_of(found(renal_risk_factors=("diabetes",)), "P10") == []


def test_each_product_has_its_own_volume_vials_and_time() -> None:
    products = {choice.product.key: choice for choice in found(first_ivig=False).choices}

    assert (products["P10"].volume_ml, products["P5"].volume_ml) == (D(300), D(600))
    assert products["P10"].vial_plan is not None
    assert products["P10"].vial_plan.vials == ((D(20), 1), (D(10), 1))
    assert products["P10"].plan is not None
    assert products["P10"].plan.total_minutes == 112
    assert products["FAR"].label is None


PROLINE = ask("product_stabilisers", Is.INCLUDES_ANY, "proline")
NO_PROLINE = (EffectKind.REQUIRE_PRODUCT, "without_proline")
ALL_HELD = safety_rule(
    "S_HELD", Severity.WARNING, ((ask("nil_by_mouth", Is.IS, "true"),),), (EffectKind.HOLD_LINES, "ivig")
)
PROLINE_OR_VOLUME = sound_protocol(
    products=(
        product("P10", "10", "5", "10", "20", "40", stabilisers=("proline",)),
        product("P5", "5", "10"),
        product("GONE", "10", "10", withdrawn_after="one day"),
    ),
    safety_rules=(
        *RULES,
        safety_rule(
            "S_PROLINE", Severity.HARD, ((ask("hyperprolinaemia", Is.IS, "true"), PROLINE),), NO_PROLINE
        ),
        safety_rule("S_VOLUME", Severity.WARNING, ((ask("planned_volume_over_limit", Is.IS, "true"),),)),
        ALL_HELD,
    ),
)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"hyperprolinaemia": False}, ["S_VOLUME"]),
        # Held for its product alone, the line runs in the product that is looked at.
        ({"hyperprolinaemia": True}, ["S_VOLUME"]),
        # Held for something else too, it runs in none.
        ({"hyperprolinaemia": True, "nil_by_mouth": True}, []),
        ({"hyperprolinaemia": False, "nil_by_mouth": True}, []),
    ],
)
def test_volume_of_each_product_counts_as_if_it_were_chosen(
    facts: dict[str, Any], expected: list[str]
) -> None:
    products = found(PROLINE_OR_VOLUME, bleeding_sites=("cns",), first_ivig=False, **facts)

    assert rules_of(products, "P5") == expected


def test_volume_of_the_plan_warns_and_does_not_rank() -> None:
    products = found(PROLINE_OR_VOLUME, bleeding_sites=("cns",), first_ivig=False, hyperprolinaemia=True)

    assert [choice.product.key for choice in products.choices] == ["P5", "GONE", "P10"]
    assert products.choices[0].standing is Standing.WARNED


def test_product_chosen_is_the_one_of_the_facts() -> None:
    assert found(product="P5").chosen == "P5"
    assert found().chosen == "P10"


def test_dose_nobody_can_compute_leaves_the_products_with_their_reasons() -> None:
    products = found(weight_kg=UNKNOWN, corn_allergy=True)

    assert rules_of(products, "P5") == ["S_MALTOSE"]
    assert all(choice.volume_ml is None and choice.plan is None for choice in products.choices)


def test_exposure_is_judged_for_each_product() -> None:
    new = safety_rule("S_NEW", Severity.WARNING, ((ask("ivig_exposure", Is.IS, "new_brand"),),))
    protocol = sound_protocol(products=PRODUCTS, safety_rules=(new,))

    products = found(protocol, last_product="P10")

    assert rules_of(products, "P10") == []
    assert rules_of(products, "P5") == ["S_NEW"]


@pytest.mark.parametrize("weight", [D(60), UNKNOWN])
def test_formulary_as_plain_data_has_every_product(weight: Any) -> None:
    plain = formulary_to_plain(found(weight_kg=weight, corn_allergy=True))

    assert plain is not None
    assert (plain["suggested"], plain["chosen"], len(plain["products"])) == ("P10", "P10", len(PRODUCTS))
    first = plain["products"][0]
    blocked = next(row for row in plain["products"] if row["product"] == "P5")
    assert (first["volume_ml"], first["total_minutes"]) == (
        ("300", 112) if weight is not UNKNOWN else (None, None)
    )
    assert [reason["rule"] for reason in blocked["reasons"]] == ["S_MALTOSE"]


def test_no_immunoglobulin_is_no_formulary() -> None:
    protocol = sound_protocol(
        branches=tuple(
            replace(branch, orders=tuple(row for row in branch.orders if row.kind.value != "ivig"))
            for branch in PROTOCOL.branches
        )
    )
    said = evaluate(protocol, patient())
    assert isinstance(said, Recommendation)

    assert formulary(protocol, said) is None
    assert formulary_to_plain(None) is None


LEFT_OVER = safety_rule("S_LEFT", Severity.INFORMATION, ((ask("ivig_left_over_g", Is.ABOVE, "0"),),))
SPEAKS = replace(
    safety_rule("S_FILL", Severity.WARNING, ((ask("corn_allergy", Is.IS, "true"), MALTOSE),)),
    text="Speaks at {count}",
    action="Do at {count}.",
)
OPEN = replace(
    safety_rule("S_OPEN", Severity.WARNING, ((ask("hyperprolinaemia", Is.IS, "true"), MALTOSE),)),
    text="Open at {count}",
)
TWO = sound_protocol(
    products=(product("P10", "10", "10"), product("P5", "5", "40", stabilisers=("maltose",))),
    safety_rules=(*PROTOCOL.safety_rules, LEFT_OVER, SPEAKS, OPEN),
)


def test_product_as_plain_data_says_all_that_is_known_of_it() -> None:
    plain = formulary_to_plain(found(TWO, corn_allergy=True, first_ivig=False))

    assert plain is not None
    # 30 g of a 5 % product are 600 mL, and 10 g of a vial of 40 g are left over.
    assert plain["products"][1] == {
        "product": "P5",
        "standing": "allowed_with_warning",
        "reasons": [
            {
                "rule": "S_LEFT",
                "severity": "information",
                "text": "Rule S_LEFT speaks",
                "action": "Do this.",
                "citations": ["C10"],
            },
            {
                "rule": "S_FILL",
                "severity": "warning",
                "text": "Speaks at 5",
                "action": "Do at 5.",
                "citations": ["C10"],
            },
        ],
        "open": [{"rule": "S_OPEN", "text": "Open at 5", "facts": ["hyperprolinaemia"]}],
        "preferences": ["LABELLED"],
        "itp_labelled": True,
        "label": "as told",
        "volume_ml": "600",
        "vials": [{"size_g": "40", "count": 1}],
        "left_over_g": "10",
        "total_minutes": 187,
    }


def test_product_is_planned_at_the_rate_of_the_patient_s_risk() -> None:
    at_risk = found(TWO, first_ivig=False, renal_risk_factors=("diabetes",)).choices[0].plan

    assert at_risk is not None
    assert (at_risk.is_at_risk, at_risk.total_minutes) == (True, 165)


def test_formulary_without_an_allowed_product_suggests_none_as_plain_data() -> None:
    protocol = sound_protocol(products=PRODUCTS[1:2], safety_rules=RULES, default_product="P5")

    plain = formulary_to_plain(found(protocol, corn_allergy=True))

    assert plain is not None
    assert plain["suggested"] is None
