"""Every fault a draft can have is found and named; a sound protocol has none."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocols.engine.facts import FACT_BY_KEY, LEVELS
from protocols.engine.protocol import (
    CapKind,
    Comparator,
    EffectKind,
    ExpectedDose,
    ExtraOrder,
    OrderKind,
    OverrideKind,
    OverridePolicy,
    PerUnit,
    Protocol,
    Provenance,
    Quantity,
    RateStep,
    ResponsePoint,
    Role,
    Severity,
    Timing,
    WeightBasis,
)
from protocols.engine.review import Problem, find_problems, key_of, rows_of, uncertain_rows

from .factory import (
    BASIS,
    IVIG,
    PLATELETS,
    PROTOCOL,
    STEROID,
    D,
    access,
    adjusting,
    ask,
    band,
    bleeding_rule,
    decision_rule,
    gate,
    if_any,
    if_from,
    if_is,
    infused,
    line,
    parameter,
    plausible,
    product,
    regimen,
    safety_rule,
    sound_protocol,
    step,
    text,
)

RULES = {rule.key: rule for rule in PROTOCOL.decision_rules}
BRANCHES = {branch.key: branch for branch in PROTOCOL.branches}
REGIMENS = {row.key: row for row in PROTOCOL.regimens}


def bands(*rows: tuple[int, int, int | None]) -> dict[str, Any]:
    return {"grade_bands": tuple(band(*row) for row in rows)}


def rules(**changed: Any) -> dict[str, Any]:
    """The decision rules with some replaced, added, or with None left out."""
    return {"decision_rules": tuple(rule for rule in (RULES | changed).values() if rule is not None)}


def branch(key: str, **changes: Any) -> dict[str, Any]:
    return {"branches": tuple((BRANCHES | {key: replace(BRANCHES[key], **changes)}).values())}


def lines(*more: Any) -> dict[str, Any]:
    return branch("WATCH", orders=(*BRANCHES["WATCH"].orders, *more))


def regimens(**changed: Any) -> dict[str, Any]:
    return {"regimens": tuple(row for row in (REGIMENS | changed).values() if row is not None)}


def changed_regimen(key: str, **changes: Any) -> dict[str, Any]:
    return regimens(**{key: replace(REGIMENS[key], **changes)})


def policies(**changes: Any) -> dict[str, Any]:
    return {"weight_policies": (adjusting("ADJUSTED", **changes), *PROTOCOL.weight_policies[1:])}


def products(**changes: Any) -> dict[str, Any]:
    return {"products": (replace(PROTOCOL.products[0], **changes), PROTOCOL.products[1])}


def rates(*per_kg: str) -> tuple[RateStep, ...]:
    return tuple(RateStep(ml_per_kg_per_h=D(rate), minutes=30) for rate in per_kg)


def limits(**changes: Any) -> dict[str, Any]:
    return {"input_limits": (PROTOCOL.input_limits[0], replace(PROTOCOL.input_limits[2], **changes))}


def effects(*given: tuple[EffectKind, str]) -> dict[str, Any]:
    return {"safety_rules": (safety_rule("S", Severity.WARNING, if_is("pregnant", "true"), *given),)}


def one_rule_when(*groups: tuple[Any, ...]) -> dict[str, Any]:
    return {"safety_rules": (safety_rule("S", Severity.WARNING, groups),)}


def arms(*lanes: tuple[OrderKind, ...]) -> dict[str, Any]:
    """One access plan for everybody, with these lanes."""
    return {"access_plans": (access("ONE", *lanes),)}


def without_parameter(key: str) -> dict[str, Any]:
    return {"parameters": tuple(row for row in PROTOCOL.parameters if row.key != key)}


def screening(**changes: Any) -> dict[str, Any]:
    return {"screening_items": (replace(PROTOCOL.screening_items[0], **changes),)}


PLANS = PROTOCOL.access_plans
WITHOUT_DEPLETED = (PROTOCOL.products[0], replace(PROTOCOL.products[1], offered=False))
AGE_BELOW_10 = ask("age_years", Comparator.BELOW, "10")
AGE_FROM_20 = ask("age_years", Comparator.AT_LEAST, "20")

FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    # section, changes, key, words of the message
    ("protocol", {"title": " "}, "title", "The title is missing"),
    ("protocol", {"disclaimer": ""}, "disclaimer", "The disclaimer is missing"),
    ("protocol", {"default_policy": "GONE"}, "default_policy", "no such policy"),
    ("protocol", {"default_product": "GONE"}, "default_product", "no such product"),
    ("protocol", products(offered=False), "default_product", "no such product on offer"),
    ("grade_bands", {"grade_bands": ()}, "", "There are no grade bands"),
    ("grade_bands", bands((2, 1, 10), (1, 10, 20), (0, 20, None)), "2", "0 is in no grade"),
    ("grade_bands", bands((2, 0, 10), (1, 11, 20), (0, 20, None)), "1", "10 is in no grade"),
    ("grade_bands", bands((2, 0, 10), (1, 9, 20), (0, 20, None)), "1", "9 is in grades 2 and 1"),
    ("grade_bands", bands((2, 0, None), (1, 10, 20), (0, 20, None)), "1", "10 is in grades 2 and 1"),
    ("grade_bands", bands((2, 0, 10), (1, 10, 20), (0, 20, 30)), "0", "30 is in no grade"),
    ("grade_bands", bands((2, 0, 10), (1, 10, 10), (0, 10, None)), "1", "The band is empty"),
    ("grade_bands", bands((1, 0, 10), (2, 10, 20), (0, 20, None)), "2", "must have a lower grade"),
    ("grade_bands", bands((2, 0, 10), (1, 10, 20), (-1, 20, None)), "-1", "cannot be below zero"),
    ("decision_rules", rules(R30=None), "", "No rule for grade 1, life threatening, no urgent surgery"),
    (
        "decision_rules",
        rules(X=decision_rule("X", (2,), LEVELS[:1], "TREAT")),
        "X",
        "More than one rule for",
    ),
    ("decision_rules", rules(X=decision_rule("X", (9,), LEVELS[:1], "TREAT")), "X", "No patient can reach"),
    ("decision_rules", rules(X=decision_rule("X", (), LEVELS[:1], "TREAT")), "X", "speaks for no cell"),
    ("decision_rules", rules(R30=decision_rule("R30", (1, 2), LEVELS[4:], "GONE")), "R30", "no branch GONE"),
    ("decision_rules", rules(R30=decision_rule("R30", (1, 2), LEVELS[4:], None)), "R30", "says why"),
    (
        "decision_rules",
        rules(R30=decision_rule("R30", (1, 2), LEVELS[4:], "EMERGENCY", not_covered="And yet.")),
        "R30",
        "says why",
    ),
    (
        "bleeding_rules",
        {"bleeding_rules": (bleeding_rule("B", "heavy", if_is("clumps", "true")),)},
        "B",
        "no bleeding level heavy",
    ),
    ("branches", rules(R10=decision_rule("R10", (1,), LEVELS[:2], "TREAT")), "WATCH", "nobody can reach it"),
    ("branches", branch("WATCH", summary="x" * 141), "WATCH", "more than 140 characters"),
    (
        "branches",
        lines(*(line(key, OrderKind.OTHER, Role.REQUIRED, group="g") for key in ("A", "B"))),
        "WATCH",
        "2 lines of g are required at once",
    ),
    ("orders", lines(line("A", OrderKind.IVIG, Role.REQUIRED)), "WATCH.A", "so it has no dose"),
    ("orders", lines(line("A", OrderKind.IVIG, Role.OFFERED, "GONE")), "WATCH.A", "no regimen GONE"),
    ("orders", lines(replace(line("A", OrderKind.OTHER, Role.OFFERED), text="")), "WATCH.A", "has no text"),
    (
        "orders",
        lines(line("A", OrderKind.OTHER, Role.OFFERED, start_after_minutes=-1)),
        "WATCH.A",
        "starts before",
    ),
    (
        "orders",
        lines(line("W_COUNT", OrderKind.OTHER, Role.OFFERED)),
        "WATCH.W_COUNT",
        "2 rows have this key",
    ),
    ("regimens", changed_regimen("IVIG", amount=D(0)), "IVIG", "amount must be above zero"),
    ("regimens", changed_regimen("PLATELETS", unit=""), "PLATELETS", "has no unit"),
    ("regimens", changed_regimen("PLATELETS", amount_minimum=None), "PLATELETS", "needs both ends"),
    ("regimens", changed_regimen("PLATELETS", amount=D(4)), "PLATELETS", "outside its own range"),
    ("regimens", changed_regimen("STEROID_ADULT", cap_kind=None), "STEROID_ADULT", "soft or hard"),
    (
        "regimens",
        changed_regimen("STEROID_ADULT", cap=None, cap_kind=None),
        "STEROID_ADULT",
        "There is no cap",
    ),
    ("regimens", changed_regimen("STEROID_ADULT", cap=D(95)), "STEROID_ADULT", "could pass it"),
    ("regimens", changed_regimen("STEROID_ADULT", weight=None), "STEROID_ADULT", "which weight"),
    ("regimens", changed_regimen("STEROID_ADULT", rounding=()), "STEROID_ADULT", "no rounding from 0 kg"),
    (
        "regimens",
        changed_regimen("STEROID_ADULT", rounding=(step("0"),)),
        "STEROID_ADULT",
        "step must be above",
    ),
    (
        "regimens",
        changed_regimen("PLATELETS", cap=D(1), cap_kind=REGIMENS["STEROID_ADULT"].cap_kind),
        "PLATELETS",
        "above its own cap",
    ),
    ("regimens", changed_regimen("IVIG", deviation_limit_percent=None), "IVIG", "how far rounding may move"),
    ("regimens", changed_regimen("IVIG", weight=WeightBasis.ACTUAL), "IVIG", "g per kg dosing weight"),
    ("regimens", changed_regimen("IVIG", per=PerUnit.PATIENT), "IVIG", "g per kg dosing weight"),
    ("regimens", changed_regimen("IVIG", unit="mg"), "IVIG", "g per kg dosing weight"),
    ("regimens", changed_regimen("IVIG", amount=D("1.1")), "IVIG", "above the limit for one day"),
    (
        "regimens",
        changed_regimen("IVIG_SLOW", amount=D(1), doses=3),
        "IVIG_SLOW",
        "course is above its limit",
    ),
    ("regimens", changed_regimen("IVIG", doses=0), "IVIG", "at least one"),
    ("regimens", changed_regimen("IVIG", doses=2), "IVIG", "need an interval"),
    ("regimens", changed_regimen("IVIG_EVEN", infuse_over_minutes=0), "IVIG_EVEN", "takes no time"),
    ("regimens", changed_regimen("IVIG", drug=""), "IVIG", "The drug is missing"),
    ("regimens", changed_regimen("STEROID_ADULT", taper=""), "STEROID_ADULT", "tapering or stopping"),
    ("regimens", regimens(LOST=regimen("LOST", "F_LOST", "10", "mg")), "LOST", "No order line uses"),
    ("regimens", regimens(LATE=infused("LATE", "F_IVIG", "0.5")), "LATE", "never reached"),
    ("regimens", regimens(STEROID_CHILD=None), "STEROID_PREGNANT", "No regimen of F_STEROID applies to"),
    ("weight_policies", policies(adjustment_factor=None), "ADJUSTED", "between 0 and 1"),
    ("weight_policies", policies(adjustment_factor=D(1)), "ADJUSTED", "between 0 and 1"),
    ("weight_policies", policies(minimum_height_cm=None), "ADJUSTED", "needs a minimum height"),
    ("weight_policies", policies(minimum_height_cm=D(90)), "ADJUSTED", "Nobody has an ideal weight"),
    ("products", products(concentration_percent=D(0)), "P10", "between 0 and 100 percent"),
    ("products", products(concentration_percent=D(101)), "P10", "between 0 and 100 percent"),
    ("products", products(route="sc"), "P10", "not for intravenous use"),
    ("products", products(vials_g=()), "P10", "vial sizes are missing"),
    ("products", products(vials_g=(D(0),)), "P10", "vial sizes are missing"),
    ("products", products(labels=()), "P10", "label says is missing"),
    ("products", products(rate_steps=()), "P10", "rate steps are missing"),
    ("products", products(rate_steps=rates("0", "1")), "P10", "rate steps are missing or not above zero"),
    ("products", products(rate_steps=rates("2", "1")), "P10", "do not rise"),
    ("products", products(rate_steps=rates("1", "5")), "P10", "above the product's maximum"),
    ("products", products(at_risk_ml_per_kg_per_h=D(5)), "P10", "at-risk rate must lie"),
    ("products", products(at_risk_ml_per_kg_per_h=D("0.5")), "P10", "first rate step is above the at-risk"),
    (
        "gates",
        {"gates": (gate("G", if_is("clumps", "true"), stops=False, stops_life_threatening=True),)},
        "G",
        "must stop the rest too",
    ),
    (
        "safety_rules",
        effects((EffectKind.HOLD_LINES, "everything")),
        "S",
        "cannot have the target 'everything'",
    ),
    ("safety_rules", effects((EffectKind.RAISE_CONSULT, "soon")), "S", "cannot have the target 'soon'"),
    ("safety_rules", effects((EffectKind.AT_RISK_RATE, "ivig")), "S", "cannot have the target 'ivig'"),
    (
        "safety_rules",
        one_rule_when((ask("colour", Comparator.IS, "red"),)),
        "S",
        "no fact is called 'colour'",
    ),
    ("safety_rules", one_rule_when(()), "S", "group of conditions is empty"),
    ("safety_rules", one_rule_when((AGE_BELOW_10, AGE_FROM_20)), "S", "contradict each other"),
    ("safety_rules", {"safety_rules": PROTOCOL.safety_rules[:1] * 2}, "S_REACTION", "2 rows have this key"),
    (
        "safety_rules",
        one_rule_when((ask("product", Comparator.IS, "GONE", "P10"),)),
        "S",
        "names product GONE, which is not there",
    ),
    ("safety_rules", one_rule_when((ask("branch", Comparator.IS, "GONE"),)), "S", "names branch GONE"),
    (
        "branches",
        branch("TREAT", targets=(replace(BRANCHES["TREAT"].targets[1], when=if_is("sex", "x")),)),
        "TREAT",
        "sex cannot be 'x'",
    ),
    ("gates", {"gates": (gate("G", if_any("order_kinds", "ivig")),)}, "G", "order_kinds is not yet known"),
    (
        "bleeding_rules",
        {"bleeding_rules": (bleeding_rule("B", "active", if_is("bleeding_level", "active")),)},
        "B",
        "bleeding_level is not yet known",
    ),
    (
        "orders",
        lines(line("A", OrderKind.OTHER, Role.OFFERED, when=if_is("steroid_days", "10"))),
        "WATCH.A",
        "steroid_days is not yet known",
    ),
    ("repeat_rules", {"repeat_rules": PROTOCOL.repeat_rules * 2}, "REPEAT", "Another rule says when TREAT"),
    (
        "repeat_rules",
        {"repeat_rules": (replace(PROTOCOL.repeat_rules[0], branches=("GONE",)),)},
        "REPEAT",
        "no branch GONE",
    ),
    ("parameters", {"parameters": PROTOCOL.parameters[1:]}, "pump_rate_step_ml_per_h", "is missing"),
    (
        "parameters",
        {"parameters": (parameter("pump_rate_step_ml_per_h", "0"), *PROTOCOL.parameters[1:])},
        "pump_rate_step_ml_per_h",
        "must be above zero",
    ),
    ("texts", {"texts": PROTOCOL.texts[1:]}, "consult_info", "The text is missing"),
    (
        "citations",
        {"citations": (PROTOCOL.citations[0], replace(PROTOCOL.citations[0], key="C20"))},
        "C20",
        "No row uses this citation",
    ),
    (
        "citations",
        {"citations": (replace(PROTOCOL.citations[0], passage=""),)},
        "C10",
        "reference or passage",
    ),
    (
        "branches",
        branch("WATCH", basis=replace(BASIS, cites=("GONE",))),
        "WATCH",
        "citation GONE does not exist",
    ),
    ("branches", branch("WATCH", basis=replace(BASIS, cites=())), "WATCH", "cites nothing"),
    ("branches", branch("WATCH", basis=replace(BASIS, uncertain=True)), "WATCH", "needs a note"),
    (
        "branches",
        branch("WATCH", basis=replace(BASIS, provenance=Provenance.HOUSE_VALUE)),
        "WATCH",
        "needs a note",
    ),
    ("input_limits", limits(minimum=D(3)), "weight_kg (child)", "not in order"),
    ("input_limits", limits(minimum=D("0.5")), "weight_kg (child)", "wider than those for anybody"),
    ("input_limits", limits(maximum=D(301)), "weight_kg (child)", "wider than those for anybody"),
    ("input_limits", limits(population="giant"), "weight_kg (giant)", "no population giant"),
    ("input_limits", limits(fact="height_cm"), "height_cm (child)", "no limit for anybody"),
    ("input_limits", limits(fact="colour"), "colour (child)", "no such number"),
    ("input_limits", limits(fact="sex"), "sex (child)", "no such number"),
    ("protocol", {"target_population": ""}, "target_population", "The target population is missing"),
    ("protocol", {"ctcae_version": ""}, "ctcae_version", "The ctcae version is missing"),
    ("grade_bands", bands((2, 0, 10), (1, 10, 20), (1, 20, None)), "1", "must have a lower grade"),
    (
        "decision_rules",
        rules(**{key: decision_rule(key, (2,), LEVELS[:1], "TREAT", surgery=(False,)) for key in "XY"}),
        "Y",
        "More than one rule for",
    ),
    ("access_plans", {"access_plans": ()}, "", "last access plan must have no conditions"),
    ("access_plans", {"access_plans": PLANS[:2]}, "URGENT", "last access plan must have no conditions"),
    ("access_plans", arms((STEROID, IVIG)), "ONE", "The arm platelets must stand in one lane"),
    ("access_plans", arms((STEROID, IVIG), (PLATELETS, IVIG)), "ONE", "The arm ivig must stand in one lane"),
    (
        "access_plans",
        arms((STEROID, IVIG, PLATELETS), (OrderKind.CONSULT,)),
        "ONE",
        "A lane names what is no arm",
    ),
    (
        "access_plans",
        arms((STEROID, STEROID, OrderKind.OTHER), (PLATELETS,)),
        "ONE",
        "The arm ivig must stand in one lane",
    ),
    (
        "safety_rules",
        {**effects((EffectKind.REQUIRE_PRODUCT, "iga_depleted")), "products": WITHOUT_DEPLETED},
        "S",
        "cannot have the target 'iga_depleted'",
    ),
    ("safety_rules", one_rule_when(*if_any("order_drugs", "drug GONE")), "S", "names order_drugs drug GONE"),
    ("parameters", without_parameter("ivig_day_limit_g_per_kg"), "ivig_day_limit_g_per_kg", "is missing"),
    (
        "parameters",
        without_parameter("ivig_course_limit_g_per_kg"),
        "ivig_course_limit_g_per_kg",
        "is missing",
    ),
    ("screening_items", screening(done_when=if_is("colour", "red")), "SAMPLE", "called 'colour'"),
    ("screening_items", screening(waits_when=if_is("colour", "red")), "SAMPLE", "called 'colour'"),
    ("screening_items", screening(waits_when=((),)), "SAMPLE", "group of conditions is empty"),
    (
        "monitoring_items",
        {
            "monitoring_items": (
                replace(PROTOCOL.monitoring_items[0], rule="GONE"),
                *PROTOCOL.monitoring_items[1:],
            )
        },
        "M_ALL",
        "No row says how its results are judged: 'GONE'",
    ),
    (
        "citations",
        {"citations": (replace(PROTOCOL.citations[0], reference=""),)},
        "C10",
        "reference or passage",
    ),
    ("input_limits", limits(soft_minimum=D(91)), "weight_kg (child)", "not in order"),
    ("input_limits", limits(maximum=D(89)), "weight_kg (child)", "not in order"),
    ("input_limits", limits(fact="blood_group"), "blood_group (child)", "no such number"),
]


def words_of(name: str) -> list[str]:
    """What is said of each fault of a list: section, row, field and sentence of its first three problems."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8").split("# ")[1:]


def all_told(problems: Iterable[Problem]) -> list[str]:
    return [f"{row.section} | {row.key} | {row.field} | {row.message}" for row in problems]


def told(problems: Iterable[Problem]) -> list[str]:
    return all_told(problems)[:3]


@pytest.mark.parametrize(
    ("section", "changes", "key", "words", "said"),
    [(*fault, said) for fault, said in zip(FAULTS, words_of("review_words.txt"), strict=True)],
)
@pytest.mark.hazard("H02", "H07")
def test_fault_is_found_where_it_stands_and_told_in_its_words(
    section: str, changes: dict[str, Any], key: str, words: str, said: str
) -> None:
    problems = find_problems(sound_protocol(**changes))

    assert told(problems) == said.splitlines()[1:]

    assert [
        problem
        for problem in problems
        if (problem.section, problem.key) == (section, key) and words in problem.message
    ], [(problem.section, problem.key, problem.message) for problem in problems]


def test_sound_protocol_has_no_problem() -> None:
    assert find_problems(PROTOCOL) == ()


# Each of them alone is something that a case can expect.
EXPECTED: dict[str, Any] = {
    "outcome": "recommended",
    "consult": "stat",
    "grade": 0,
    "doses": (ExpectedDose(line="T_IVIG", amount=D(30), unit="g"),),
    "lines": ("T_IVIG", "conflict", "SCREEN_SAMPLE"),
    "no_lines": ("T_IVIG",),
    "held": ("T_IVIG",),
    "findings": ("S_KIDNEY",),
    "no_findings": ("S_KIDNEY",),
    "gates": ("TTP",),
    "no_gates": ("TTP",),
    "monitoring": ("M_ALL",),
}


SOUND: list[Callable[[], Protocol]] = [
    lambda: sound_protocol(**bands((2, 0, 10), (1, 10, 20), (0, 20, None))),
    # The order in which bands are written makes no difference.
    lambda: sound_protocol(grade_bands=tuple(reversed(PROTOCOL.grade_bands))),
    lambda: sound_protocol(gates=(), safety_rules=(), repeat_rules=()),
    lambda: sound_protocol(
        **rules(
            R10=decision_rule("R10", (1,), LEVELS[:1], "WATCH"),
            R12=decision_rule("R12", (1,), LEVELS[1:2], None, not_covered="Ask."),
        )
    ),
    lambda: sound_protocol(**products(route="sc", offered=False), default_product="P5"),
    lambda: sound_protocol(products=(*PROTOCOL.products, product("P20", "20", "10"))),
    lambda: sound_protocol(**policies(minimum_height_cm=D("152.4"))),
    lambda: sound_protocol(**branch("WATCH", summary="x" * 140)),
    lambda: sound_protocol(**branch("WATCH", basis=replace(BASIS, uncertain=True, note="Ratify."))),
    lambda: sound_protocol(
        **lines(
            *(
                line(key, OrderKind.OTHER, Role.REQUIRED, group="g", when=if_is("sex", sex))
                for key, sex in (("A", "male"), ("B", "female"))
            )
        )
    ),
    lambda: sound_protocol(
        **effects(
            (EffectKind.RAISE_CONSULT, "stat"),
            (EffectKind.HOLD_LINES, "platelets"),
            (EffectKind.AT_RISK_RATE, ""),
        )
    ),
    lambda: sound_protocol(**limits(minimum=D(2), maximum=D(200))),
    lambda: sound_protocol(
        texts=(*PROTOCOL.texts, text("more", PROTOCOL.texts[0].topic, if_is("branch", "TREAT")))
    ),
    # Each limit is itself allowed.
    lambda: sound_protocol(
        **regimens(
            PLATELETS=replace(REGIMENS["PLATELETS"], amount=D(1)),
            STEROID_PREGNANT=replace(REGIMENS["STEROID_PREGNANT"], cap=D(20), cap_kind=CapKind.HARD),
            STEROID_ADULT=replace(REGIMENS["STEROID_ADULT"], rounding=(step("0.5"),)),
        )
    ),
    lambda: sound_protocol(
        **regimens(
            PLATELETS=replace(REGIMENS["PLATELETS"], amount=D(3)),
            # The limits for one day and for the course.
            IVIG_SLOW=replace(REGIMENS["IVIG_SLOW"], amount=D(1)),
            IVIG_EVEN=replace(REGIMENS["IVIG_EVEN"], infuse_over_minutes=1),
            STEROID_ADULT=replace(REGIMENS["STEROID_ADULT"], rounding=(step("1"),)),
        ),
        **arms((PLATELETS,), (IVIG,), (STEROID,)),
    ),
    lambda: sound_protocol(
        **effects(
            (EffectKind.HOLD_LINES, "T_IVIG"),
            (EffectKind.REMOVE_LINES, "drug IVIG"),
            (EffectKind.REQUIRE_PRODUCT, "iga_depleted"),
            (EffectKind.ADD_CHECK, "M_ALL"),
            (EffectKind.ADD_TEXT, "conflict"),
        )
    ),
    lambda: sound_protocol(**one_rule_when(*if_any("order_drugs", "drug IVIG"))),
    lambda: sound_protocol(
        citations=(*PROTOCOL.citations, replace(PROTOCOL.citations[0], key="C20")),
        **branch(
            "WATCH", basis=replace(BASIS, cites=("C20",), provenance=Provenance.HOUSE_VALUE, note="Ours.")
        ),
    ),
    lambda: sound_protocol(**limits(soft_minimum=None, soft_maximum=None, maximum=D(300))),
    # What a patient is asked and what a check measures can both be limited.
    lambda: sound_protocol(
        input_limits=tuple(
            replace(PROTOCOL.input_limits[0], fact=fact)
            for fact in ("weight_kg", "age_years", "positive_balance_ml", "haemoglobin_fall_g_per_l")
        )
    ),
    lambda: sound_protocol(**measured("interval hours", minimum=D(20), maximum=D(20))),
    # A regimen for one product comes before the one for all.
    lambda: sound_protocol(
        **regimens(
            EARLY=replace(REGIMENS["IVIG"], key="EARLY", when=if_is("product", "P10")),
            IVIG=None,
            LATE=replace(REGIMENS["IVIG"], key="LATE"),
        )
    ),
    lambda: sound_protocol(
        cases=(
            PROTOCOL.cases[0],
            *(
                replace(PROTOCOL.cases[1], **{"key": name, "branch": "", name: value})
                for name, value in EXPECTED.items()
            ),
        )
    ),
    # Without a weight nothing applies, and nothing could be dosed.
    lambda: sound_protocol(**changed_regimen("IVIG", when=((ask("weight_kg", Comparator.KNOWN),),))),
    # A regimen that is used only while a fact is unknown is used all the same.
    lambda: sound_protocol(
        **regimens(
            EARLY=replace(REGIMENS["IVIG"], key="EARLY", when=((ask("consent", Comparator.UNKNOWN),),)),
            IVIG=None,
            LATE=replace(REGIMENS["IVIG"], key="LATE"),
        )
    ),
]


@pytest.mark.parametrize("make", SOUND)
def test_sound_variant_has_no_problem(make: Callable[[], Protocol]) -> None:
    assert find_problems(make()) == ()


def test_family_is_tried_only_in_the_branches_that_use_it() -> None:
    watch_only = replace(REGIMENS["IVIG"], key="WATCHED", family="F_WATCHED", when=if_is("branch", "WATCH"))

    offered = lines(line("A", OrderKind.IVIG, Role.OFFERED, "F_WATCHED"))

    assert find_problems(sound_protocol(**regimens(WATCHED=watch_only), **offered)) == ()


def test_gap_between_whole_years_is_none() -> None:
    child = replace(REGIMENS["STEROID_CHILD"], when=((ask("age_years", Comparator.AT_MOST, "19"),),))
    years = sound_protocol(**regimens(STEROID_CHILD=child))
    light = replace(REGIMENS["STEROID_CHILD"], when=((ask("weight_kg", Comparator.AT_MOST, "19"),),))
    heavy = replace(REGIMENS["STEROID_ADULT"], when=if_from("weight_kg", "20"))
    weights = sound_protocol(**regimens(STEROID_CHILD=light, STEROID_ADULT=heavy))

    assert find_problems(years) == ()
    assert [problem.message for problem in find_problems(weights)] == [
        "No regimen of F_STEROID applies to pregnant False, weight 19.5."
    ]


def test_family_with_too_many_conditions_is_not_guessed() -> None:
    facts = ("bleeding_findings", "bleeding_risk_factors")
    when = tuple((ask(fact, Comparator.INCLUDES_ANY, *FACT_BY_KEY[fact].choice_keys[:9]),) for fact in facts)

    problems = find_problems(sound_protocol(**changed_regimen("IVIG", when=when)))

    assert [problem.message for problem in problems] == ["F_IVIG has too many conditions to try them all."]


def test_conditions_that_cannot_be_read_do_not_hide_other_faults() -> None:
    broken = sound_protocol(**one_rule_when((ask("colour", Comparator.IS, "red"),)), title="")

    assert {problem.section for problem in find_problems(broken)} == {"safety_rules", "protocol"}


def test_presence_can_be_the_whole_condition() -> None:
    unknown_or_low = one_rule_when(
        (ask("weight_kg", Comparator.UNKNOWN),),
        (ask("weight_kg", Comparator.KNOWN), ask("weight_kg", Comparator.BELOW, "20")),
    )

    assert find_problems(sound_protocol(**unknown_or_low)) == ()


def test_condition_no_number_can_meet_is_a_contradiction() -> None:
    below_zero = sound_protocol(**one_rule_when((ask("age_years", Comparator.BELOW, "0"),)))

    assert "contradict" in find_problems(below_zero)[0].message


def test_name_can_be_known_or_not_and_nothing_else() -> None:
    named = sound_protocol(**one_rule_when((ask("bleeding_seen_by", Comparator.KNOWN),)))
    both = (ask("bleeding_seen_by", Comparator.KNOWN), ask("bleeding_seen_by", Comparator.UNKNOWN))

    assert find_problems(named) == ()
    assert "contradict" in find_problems(sound_protocol(**one_rule_when(both)))[0].message
    compared = sound_protocol(**one_rule_when((ask("bleeding_seen_by", Comparator.IS, "Somebody"),)))
    assert "cannot be compared by is" in find_problems(compared)[0].message


def test_every_row_is_listed_with_its_section_and_key() -> None:
    listed = {(section, key) for section, key, _ in rows_of(PROTOCOL)}

    assert ("orders", "TREAT.T_IVIG") in listed
    assert ("grade_bands", "2") in listed
    assert ("input_limits", "weight_kg (child)") in listed
    assert len(listed) == sum(1 for _ in rows_of(PROTOCOL))
    assert key_of(PROTOCOL.products[0]) == "P10"


def test_uncertain_rows_are_listed_with_their_note() -> None:
    noted = sound_protocol(**branch("WATCH", basis=replace(BASIS, uncertain=True, note="Ratify.")))

    assert uncertain_rows(noted) == (("branches", "WATCH", "Ratify."),)


def with_case(**changes: Any) -> dict[str, Any]:
    return {"cases": (*PROTOCOL.cases[:1], replace(PROTOCOL.cases[1], **changes))}


def measured(key: str, **changes: Any) -> dict[str, Any]:
    return {"plausible_ranges": tuple(replace(r, **changes) if r.key == key else r for r in RANGES)}


RANGES = PROTOCOL.plausible_ranges
WITH_FIELDS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("cases", with_case(sentence=""), "SMALL", "sentence", "no sentence"),
    ("cases", with_case(branch=""), "SMALL", "outcome", "expects nothing"),
    ("cases", with_case(branch="GONE"), "SMALL", "branch", "GONE"),
    ("cases", with_case(lines=("GONE",)), "SMALL", "lines", "GONE"),
    ("cases", with_case(no_findings=("GONE",)), "SMALL", "findings", "GONE"),
    ("cases", with_case(gates=("GONE",)), "SMALL", "gates", "GONE"),
    ("cases", with_case(monitoring=("GONE",)), "SMALL", "monitoring", "GONE"),
    ("cases", {**with_case(branch="GONE"), "default_policy": "GONE"}, "SMALL", "branch", "GONE"),
    (
        "regimens",
        measured("amount_per_kg mg", maximum=D(1)),
        "STEROID_ADULT",
        "amount",
        "2 mg is implausible",
    ),
    ("regimens", measured("amount_per_kg mg", unit="g"), "STEROID_ADULT", "amount", "no limits say"),
    ("regimens", measured("cap mg", maximum=D(50)), "STEROID_ADULT", "cap", "100 mg is implausible"),
    ("regimens", measured("interval hours", minimum=D(21)), "IVIG_SLOW", "interval_hours", "20 hours"),
    ("regimens", measured("duration days", maximum=D(15)), "STEROID_ADULT", "duration_days", "20 days"),
    ("regimens", measured("infusion_time minutes", maximum=D(60)), "IVIG_EVEN", "infuse_over_minutes", "600"),
    ("regimens", measured("amount_per_patient pack", maximum=D(1)), "PLATELETS", "amount_maximum", "3 pack"),
    (
        "products",
        measured("concentration percent", maximum=D(5)),
        "P10",
        "concentration_percent",
        "10 percent",
    ),
    ("products", measured("vial g", maximum=D(30)), "P10", "vials_g", "40 g"),
    ("products", measured("infusion_rate mL per kg per h", maximum=D(3)), "P10", "rate_steps", "4 mL per kg"),
    ("grade_bands", measured("grade_border per microlitre", minimum=D(11)), "2", "upper_per_ul", "10 per"),
    ("branches", measured("count_target per microlitre", maximum=D(20)), "TREAT", "targets", "30 per"),
    (
        "procedure_targets",
        measured("count_target per microlitre", minimum=D(6)),
        "SMALL",
        "platelets_per_ul",
        "5",
    ),
    (
        "repeat_rules",
        measured("earliest_repeat hours", minimum=D(21)),
        "REPEAT",
        "earliest_hours",
        "20 hours",
    ),
    ("plausible_ranges", measured("cap mg", minimum=D(2000)), "cap mg", "maximum", "below the minimum"),
    (
        "parameters",
        {
            "plausible_ranges": (
                *RANGES,
                plausible(Quantity.PARAMETER, "things", subject="ivig_day_limit_g_per_kg", maximum=D("0.5")),
            )
        },
        "ivig_day_limit_g_per_kg",
        "value",
        "1 things is implausible",
    ),
    (
        "regimens",
        {"regimens": (replace(REGIMENS["IVIG"], cap_kind=CapKind.SOFT), *PROTOCOL.regimens[1:])},
        "IVIG",
        "cap_kind",
        "soft or hard",
    ),
    ("cases", with_case(held=("GONE",)), "SMALL", "lines", "GONE"),
    ("cases", with_case(no_lines=("GONE",)), "SMALL", "lines", "GONE"),
    (
        "cases",
        with_case(doses=(ExpectedDose(line="GONE", amount=D(1), unit="g"),)),
        "SMALL",
        "lines",
        "GONE",
    ),
    ("cases", with_case(findings=("GONE", "AWAY")), "SMALL", "findings", "AWAY"),
    ("cases", with_case(no_gates=("GONE",)), "SMALL", "gates", "GONE"),
    ("cases", with_case(facts={"colour": "red"}), "SMALL", "facts", "cannot be read"),
    ("cases", with_case(starts_from="GONE"), "SMALL", "facts", "There is no case GONE"),
    ("cases", {"cases": ()}, "", "", "no case of its own"),
]


@pytest.mark.parametrize(
    ("section", "changes", "key", "field", "words", "said"),
    [(*fault, said) for fault, said in zip(WITH_FIELDS, words_of("review_field_words.txt"), strict=True)],
)
def test_problem_names_the_field_of_the_row_it_stands_in(
    section: str, changes: dict[str, Any], key: str, field: str, words: str, said: str
) -> None:
    problems = find_problems(sound_protocol(**changes))

    assert (section, key, field) in [
        (row.section, row.key, row.field) for row in problems if words in row.message
    ]
    assert told(problems) == said.splitlines()[1:]


def test_range_of_a_drug_comes_before_the_one_for_all() -> None:
    adult = "drug STEROID_ADULT"
    strict = plausible(Quantity.AMOUNT_PER_KG, "mg", key="ADULT", subject=adult, maximum=D(1))

    problems = find_problems(sound_protocol(plausible_ranges=(*RANGES, strict)))

    assert {problem.key for problem in problems} == {"STEROID_ADULT"}


RISE = "day | The days must rise, and none may stand twice."
BETWEEN = "median_per_ul | The median must lie between the lower and the upper count."


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([(0, 10, 10, 30), (1, 30, 10, 30), (9, 10, 10, 10)], []),
        ([(-1, 20, 10, 30)], [f"P0 | {RISE}"]),
        ([(1, 20, 10, 30), (1, 20, 10, 30)], [f"P1 | {RISE}"]),
        ([(2, 20, 10, 30), (1, 20, 10, 30), (2, 20, 10, 30)], [f"P1 | {RISE}"]),
        (
            [(1, 10, 10, 30), (0, 9, 10, 30), (3, 31, 10, 30)],
            [f"P1 | {RISE}", f"P1 | {BETWEEN}", f"P2 | {BETWEEN}"],
        ),
    ],
)
def test_typical_response_out_of_order_is_a_problem(points: list[tuple[int, int, int, int]], said: list[str]):
    rows = tuple(
        ResponsePoint(
            key=f"P{number}",
            day=day,
            median_per_ul=median,
            lower_per_ul=lower,
            upper_per_ul=upper,
            text="",
            basis=BASIS,
        )
        for number, (day, median, lower, upper) in enumerate(points)
    )

    problems = find_problems(sound_protocol(response_points=rows))

    assert all_told(problems) == [f"response_points | {row}" for row in said]


WHEN = if_is("pregnant", "true")
HARD, NAMED_STOP, WARNING, INFORMATION = Severity
NONE, READ, REASON, ONE, TWO = OverrideKind
WHY = ("R_OTHER",)
# The key of the rule, how grave it is, what lifts it, and what is wrong with that.
OVERRIDES: list[tuple[str, Severity, OverridePolicy, list[str]]] = [
    ("STOP", HARD, OverridePolicy(kind=NONE), []),
    ("STOP_REASON", HARD, OverridePolicy(kind=REASON, reasons=WHY), []),
    ("STOP_READ", HARD, OverridePolicy(kind=READ), ["A stop cannot be passed by reading it."]),
    ("STOP_ONE", NAMED_STOP, OverridePolicy(kind=ONE, reasons=WHY, named="A"), []),
    ("STOP_TWO", NAMED_STOP, OverridePolicy(kind=TWO, reasons=WHY, named="A", second="B"), []),
    ("STOP_NOBODY", NAMED_STOP, OverridePolicy(kind=NONE), ["A stop for a named person names nobody."]),
    (
        "STOP_ANYBODY",
        NAMED_STOP,
        OverridePolicy(kind=REASON, reasons=WHY),
        ["A stop for a named person names nobody."],
    ),
    ("WARN_NONE", WARNING, OverridePolicy(kind=NONE), []),
    ("WARN_READ", WARNING, OverridePolicy(kind=READ), []),
    ("WARN", WARNING, OverridePolicy(kind=REASON, reasons=WHY), []),
    ("WARN_ONE", WARNING, OverridePolicy(kind=ONE, reasons=WHY, named="A"), []),
    ("WARN_TWO", WARNING, OverridePolicy(kind=TWO, reasons=WHY, named="A", second="B"), []),
    ("GONE", WARNING, OverridePolicy(kind=REASON, reasons=(*WHY, "R_GONE")), ["There is no reason R_GONE."]),
    ("NO_REASON", WARNING, OverridePolicy(kind=REASON), ["No reason is on offer."]),
    ("NO_REASON_ONE", WARNING, OverridePolicy(kind=ONE, named="A"), ["No reason is on offer."]),
    ("NO_QUESTION", WARNING, OverridePolicy(kind=NONE, reasons=WHY), ["Nobody is asked for these reasons."]),
    ("READ_REASON", WARNING, OverridePolicy(kind=READ, reasons=WHY), ["Nobody is asked for these reasons."]),
    ("NO_NAME", WARNING, OverridePolicy(kind=ONE, reasons=WHY), ["The person named does not fit."]),
    (
        "A_NAME",
        WARNING,
        OverridePolicy(kind=REASON, reasons=WHY, named="A"),
        ["The person named does not fit."],
    ),
    (
        "NO_SECOND",
        WARNING,
        OverridePolicy(kind=TWO, reasons=WHY, named="A"),
        ["The second person does not fit."],
    ),
    (
        "A_SECOND",
        WARNING,
        OverridePolicy(kind=ONE, reasons=WHY, named="A", second="B"),
        ["The second person does not fit."],
    ),
    (
        "A_SECOND_ONLY",
        WARNING,
        OverridePolicy(kind=TWO, reasons=WHY, second="B"),
        ["The person named does not fit."],
    ),
    ("SAY", INFORMATION, OverridePolicy(kind=READ), []),
    ("SAY_NONE", INFORMATION, OverridePolicy(kind=NONE), []),
    (
        "SAY_REASON",
        INFORMATION,
        OverridePolicy(kind=REASON, reasons=WHY),
        ["Information asks for no answer."],
    ),
    (
        "SAY_ALL",
        INFORMATION,
        OverridePolicy(kind=TWO, reasons=("R_GONE",)),
        [
            "There is no reason R_GONE.",
            "The person named does not fit.",
            "The second person does not fit.",
            "Information asks for no answer.",
        ],
    ),
]


def test_way_past_a_finding_fits_how_grave_it_is() -> None:
    given = tuple(
        replace(safety_rule(key, severity, WHEN), override=policy) for key, severity, policy, _ in OVERRIDES
    )

    problems = find_problems(sound_protocol(safety_rules=given))

    assert all_told(problems) == [
        f"safety_rules | {key} | override | {message}" for key, _, _, said in OVERRIDES for message in said
    ]


TEXTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("SHORT", {"text": "x" * 139}, []),
    ("LONG", {"text": "x" * 140}, ["The text has 140 characters or more."]),
    ("LONGER", {"text": "x" * 141}, ["The text has 140 characters or more."]),
    ("LONG_ACTION", {"action": "x" * 140}, []),
    ("STRANGE", {"text": "Is {colour}."}, ["{colour} is no value that a text can show."]),
    ("STRANGE_ACTION", {"action": "Give {thing}."}, ["{thing} is no value that a text can show."]),
    (
        "ALL",
        {"text": f"{{colour}} {'x' * 140}", "action": "{thing}"},
        [
            "The text has 140 characters or more.",
            "{colour} is no value that a text can show.",
            "{thing} is no value that a text can show.",
        ],
    ),
]


def test_text_of_a_rule_is_short_and_shows_only_what_can_be_filled_in() -> None:
    given = tuple(replace(safety_rule(key, WARNING, WHEN), **changes) for key, changes, _ in TEXTS)

    problems = find_problems(sound_protocol(safety_rules=given))

    assert all_told(problems) == [
        f"safety_rules | {key} | text | {message}" for key, _, said in TEXTS for message in said
    ]


def test_rule_that_slows_the_rate_cannot_ask_about_the_plan() -> None:
    slow, call = (EffectKind.AT_RISK_RATE, ""), (EffectKind.RAISE_CONSULT, "stat")
    plan = if_is("plan_shares_a_line", "true")
    given = (
        safety_rule("SLOWS", WARNING, WHEN, slow),
        safety_rule("ASKS", WARNING, plan, call),
        safety_rule("SILENT", WARNING, plan),
        safety_rule("BOTH", WARNING, plan, slow),
        safety_rule("BOTH_AND_CALLS", WARNING, (*WHEN, *plan), call, slow),
    )

    problems = find_problems(sound_protocol(safety_rules=given))

    message = "A rule that slows the rate cannot ask about the plan that is made with it."
    assert all_told(problems) == [
        f"safety_rules | {key} |  | {message}" for key in ("BOTH", "BOTH_AND_CALLS")
    ]


def extra(key: str, kind: OrderKind = OrderKind.OTHER, text: str = "Take this.") -> ExtraOrder:
    return ExtraOrder(key=key, kind=kind, role=Role.REQUIRED, timing=Timing.NOW, text=text, basis=BASIS)


def test_line_that_a_rule_adds_is_added_and_has_a_text_and_no_dose() -> None:
    added = tuple((EffectKind.ADD_LINE, key) for key in ("SOUND", "CALL", "DRUG", "MUTE"))
    shown = (EffectKind.ADD_TEXT, "conflict")
    rows = (
        extra("SOUND"),
        extra("CALL", OrderKind.CONSULT),
        extra("LOST"),
        extra("DRUG", OrderKind.IVIG),
        extra("MUTE", text=""),
        # A rule shows a text of this name, and adds no line.
        extra("conflict", OrderKind.PLATELETS, ""),
    )

    problems = find_problems(sound_protocol(extra_orders=rows, **effects(*added, shown)))

    unused, dosed = "No rule adds this line.", "A line that a rule adds has no dose, so it is no drug."
    assert all_told(problems) == [
        f"extra_orders | LOST | key | {unused}",
        f"extra_orders | DRUG | kind | {dosed}",
        "extra_orders | MUTE | text | The line has no text.",
        f"extra_orders | conflict | key | {unused}",
        f"extra_orders | conflict | kind | {dosed}",
        "extra_orders | conflict | text | The line has no text.",
    ]
