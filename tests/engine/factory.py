"""A sound protocol small enough to reason about, and patients for it. No number in here is clinical."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from protocols.engine.facts import LEVELS, Facts
from protocols.engine.protocol import (
    AccessPlan,
    ArmEffect,
    Basis,
    BleedingRule,
    Branch,
    CapKind,
    CheckGroup,
    Citation,
    Comparator,
    Condition,
    Confidence,
    ConsultLevel,
    CountTarget,
    DecisionProvenance,
    DecisionRule,
    Effect,
    EffectKind,
    Gate,
    GradeBand,
    InputLimit,
    MonitoringItem,
    OrderKind,
    OrderTemplate,
    OverrideKind,
    OverridePolicy,
    OverrideReason,
    Parameter,
    PerUnit,
    PlausibleRange,
    ProcedureTarget,
    Product,
    ProductLabel,
    ProductPreference,
    Protocol,
    Provenance,
    Quantity,
    RateStep,
    Regimen,
    RepeatRule,
    ResultChange,
    ResultRule,
    Role,
    RoundingStep,
    SafetyRule,
    ScreeningItem,
    Severity,
    Text,
    Ties,
    Timing,
    Topic,
    WeightBasis,
    WeightPolicy,
    When,
    WorkedCase,
)

D = Decimal
BASIS = Basis(cites=("C10",), provenance=Provenance.STUDY)
BOTH = (False, True)


def ask(fact: str, comparator: Comparator, *values: str) -> Condition:
    return Condition(fact=fact, comparator=comparator, values=values)


def if_is(fact: str, *values: str) -> When:
    return ((ask(fact, Comparator.IS, *values),),)


def if_any(fact: str, *values: str) -> When:
    return ((ask(fact, Comparator.INCLUDES_ANY, *values),),)


def if_below(fact: str, value: str) -> When:
    return ((ask(fact, Comparator.BELOW, value),),)


def if_from(fact: str, value: str) -> When:
    return ((ask(fact, Comparator.AT_LEAST, value),),)


def band(grade: int, lower: int, upper: int | None) -> GradeBand:
    return GradeBand(grade=grade, label=f"Grade {grade}", lower_per_ul=lower, upper_per_ul=upper, basis=BASIS)


def bleeding_rule(key: str, level: str, when: When) -> BleedingRule:
    return BleedingRule(key=key, level=level, text=f"Bleeds by {key}", when=when, basis=BASIS)


def decision_rule(
    key: str,
    grades: tuple[int, ...],
    levels: tuple[str, ...],
    branch: str | None,
    *,
    surgery: tuple[bool, ...] = BOTH,
    **more: Any,
) -> DecisionRule:
    return DecisionRule(
        key=key,
        grades=grades,
        bleeding_levels=levels,
        urgent_surgery=surgery,
        rapid_rise=BOTH,
        branch=branch,
        decision=DecisionProvenance.SOURCE,
        text=f"What {key} says",
        basis=BASIS,
        **more,
    )


def line(key: str, kind: OrderKind, role: Role, regimen: str = "", **more: Any) -> OrderTemplate:
    return OrderTemplate(
        key=key,
        kind=kind,
        role=role,
        timing=Timing.NOW,
        regimen=regimen,
        text=f"Give {key}",
        basis=BASIS,
        **more,
    )


def step(size: str, *, from_kg: str = "0", ties: Ties = Ties.DOWN) -> RoundingStep:
    return RoundingStep(from_weight_kg=D(from_kg), step=D(size), ties=ties)


def regimen(key: str, family: str, amount: str, unit: str, **more: Any) -> Regimen:
    plain: dict[str, Any] = {
        "key": key,
        "family": family,
        "title": f"Regimen {key}",
        "drug": f"drug {key}",
        "route": "somehow",
        "amount": D(amount),
        "unit": unit,
        "per": PerUnit.PATIENT,
        "doses": 1,
        "frequency": "once",
        "duration": "one day",
        "taper": "none",
        "instructions": "As told.",
        "basis": BASIS,
    }
    return Regimen(**plain | more)


def infused(key: str, family: str, amount: str, **more: Any) -> Regimen:
    """A regimen of a product: grams for each kg of dosing weight."""
    plain: dict[str, Any] = {
        "per": PerUnit.KG,
        "weight": WeightBasis.DOSING,
        "rounding": (step("10", from_kg="30"), step("2.5")),
        "deviation_limit_percent": D(10),
        "uses_product": True,
    }
    return regimen(key, family, amount, "g", **plain | more)


def policy(key: str, **more: Any) -> WeightPolicy:
    plain: dict[str, Any] = {"adjusts": False, "adult_from_years": 20}
    return WeightPolicy(key=key, title=f"Policy {key}", text="As told.", basis=BASIS, **plain | more)


def adjusting(key: str, **more: Any) -> WeightPolicy:
    plain: dict[str, Any] = {
        "adjusts": True,
        "bmi_threshold": D(20),
        "minimum_height_cm": D(110),
        "adjustment_factor": D("0.5"),
    }
    return policy(key, **plain | more)


def product(key: str, concentration: str, *vials: str, **more: Any) -> Product:
    plain: dict[str, Any] = {
        "key": key,
        "name": f"Product {key}",
        "drug": "drug",
        "concentration_percent": D(concentration),
        "route": "iv",
        "stabilisers": ("glycine",),
        "stabiliser_text": "glycine",
        "iga_text": "little",
        "iga_depleted": False,
        "labels": (ProductLabel(jurisdiction="Here", itp_labelled=True, dose_text="as told"),),
        "vials_g": tuple(D(size) for size in vials),
        "rate_steps": tuple(RateStep(ml_per_kg_per_h=D(rate), minutes=30) for rate in ("1", "2", "4")),
        "maximum_ml_per_kg_per_h": D(4),
        "at_risk_ml_per_kg_per_h": D(2),
        "diluent": "none",
        "text": "A product.",
        "offered": True,
        "basis": BASIS,
    }
    return Product(**plain | more)


def gate(key: str, when: When, **more: Any) -> Gate:
    plain: dict[str, Any] = {
        "stops": True,
        "platelets": ArmEffect.BLOCKED,
        "ivig": ArmEffect.AS_BRANCH,
        "corticosteroid": ArmEffect.AS_BRANCH,
        "consult": ConsultLevel.NONE,
    }
    return Gate(
        key=key,
        code=key,
        title=f"Gate {key}",
        when=when,
        text="Stop.",
        action="Ask.",
        basis=BASIS,
        **plain | more,
    )


OVERRIDE_OF = {
    Severity.HARD: OverridePolicy(kind=OverrideKind.NONE),
    Severity.HARD_NAMED: OverridePolicy(kind=OverrideKind.NAMED, reasons=("R_OTHER",), named="Haematologist"),
    Severity.WARNING: OverridePolicy(kind=OverrideKind.REASON, reasons=("R_OTHER",)),
    Severity.INFORMATION: OverridePolicy(kind=OverrideKind.ACKNOWLEDGE),
}


def safety_rule(key: str, severity: Severity, when: When, *effects: tuple[EffectKind, str]) -> SafetyRule:
    return SafetyRule(
        key=key,
        number=key,
        severity=severity,
        when=when,
        effects=tuple(Effect(kind=kind, target=target) for kind, target in effects),
        text=f"Rule {key} speaks",
        action="Do this.",
        override=OVERRIDE_OF[severity],
        basis=BASIS,
    )


def text(key: str, topic: Topic, when: When = ()) -> Text:
    return Text(key=key, topic=topic, title=key, body=f"Body of {key}", when=when, basis=BASIS)


IVIG, STEROID, PLATELETS = OrderKind.IVIG, OrderKind.CORTICOSTEROID, OrderKind.PLATELETS


def access(key: str, *lanes: tuple[OrderKind, ...], when: When = ()) -> AccessPlan:
    return AccessPlan(key=key, title=key, lanes=lanes, when=when, text=f"As {key} says.", basis=BASIS)


def parameter(key: str, value: str) -> Parameter:
    return Parameter(key=key, label=key, value=D(value), unit="things", basis=BASIS)


def plausible(quantity: Quantity, unit: str, **more: Any) -> PlausibleRange:
    plain: dict[str, Any] = {"key": f"{quantity} {unit}", "minimum": D(0), "maximum": D(1000)}
    return PlausibleRange(quantity=quantity, unit=unit, basis=BASIS, **plain | more)


def case(key: str, facts: dict[str, Any], **more: Any) -> WorkedCase:
    return WorkedCase(key=key, sentence=f"Case {key}", facts=facts, **more)


ANSWERED = {
    "bleeding_level": "active",
    "bleeding_sites": ["other"],
    "urgent_surgery": False,
    "rapid_rise": False,
    "weight_kg": "60",
    "height_cm": "180",
    "age_years": 30,
    "sex": "male",
    "pregnant": False,
}

REGIMENS = (
    infused("IVIG", "F_IVIG", "0.5"),
    infused("IVIG_SLOW", "F_SLOW", "0.2", doses=2, interval_hours=D(20), duration_days=2),
    infused("IVIG_EVEN", "F_EVEN", "0.5", infuse_over_minutes=600),
    regimen("STEROID_PREGNANT", "F_STEROID", "20", "mg", when=if_is("pregnant", "true"), duration_days=10),
    regimen(
        "STEROID_ADULT",
        "F_STEROID",
        "2",
        "mg",
        when=if_from("age_years", "20"),
        amount_minimum=D(1),
        amount_maximum=D(3),
        per=PerUnit.KG,
        weight=WeightBasis.ACTUAL,
        rounding=(step("10"),),
        cap=D(100),
        cap_kind=CapKind.SOFT,
        duration_days=20,
    ),
    regimen(
        "STEROID_CHILD",
        "F_STEROID",
        "1",
        "mg",
        when=if_below("age_years", "20"),
        per=PerUnit.KG,
        weight=WeightBasis.ACTUAL,
        rounding=(step("5", ties=Ties.UP),),
        cap=D(30),
        cap_kind=CapKind.HARD,
    ),
    regimen(
        "PLATELETS",
        "F_PLATELETS",
        "2",
        "pack",
        amount_minimum=D(1),
        amount_maximum=D(3),
        volume_ml_per_unit=D(200),
    ),
)

TREAT_LINES = (
    line("T_IVIG", OrderKind.IVIG, Role.REQUIRED, "F_IVIG", group="ivig"),
    line("T_SLOW", OrderKind.IVIG, Role.ALTERNATIVE, "F_SLOW", group="ivig"),
    line("T_STEROID", OrderKind.CORTICOSTEROID, Role.REQUIRED, "F_STEROID"),
    line(
        "T_PLATELETS", OrderKind.PLATELETS, Role.REQUIRED, "F_PLATELETS", when=if_any("bleeding_sites", "cns")
    ),
    line("T_LOOK", OrderKind.OTHER, Role.STANDBY),
)

PROTOCOL = Protocol(
    slug="small",
    title="A small protocol",
    target_population="People in tests",
    ctcae_version="5.0",
    jurisdiction="Here",
    source_status="Invented for tests.",
    disclaimer="Never use this.",
    default_policy="ADJUSTED",
    default_product="P10",
    citations=(
        Citation(
            key="C10",
            provenance=Provenance.STUDY,
            reference="A study of nobody",
            passage="They said ten.",
            confidence=Confidence.KNOWN,
        ),
    ),
    input_limits=(
        InputLimit(fact="weight_kg", population="any", minimum=D(1), maximum=D(300), basis=BASIS),
        InputLimit(fact="weight_kg", population="adult", minimum=D(20), maximum=D(300), basis=BASIS),
        InputLimit(
            fact="weight_kg",
            population="child",
            minimum=D(1),
            soft_minimum=D(2),
            soft_maximum=D(90),
            maximum=D(100),
            basis=BASIS,
        ),
    ),
    grade_bands=(band(2, 0, 10), band(1, 10, 20), band(0, 20, None)),
    bleeding_rules=(
        bleeding_rule("B_LIFE", "life_threatening", if_any("bleeding_findings", "uncontrolled")),
        bleeding_rule("B_SITE", "active_cns_gi_gu", if_any("bleeding_findings", "melaena")),
        bleeding_rule("B_ACTIVE", "active", if_from("who_bleeding_grade", "2")),
        bleeding_rule("B_RISK", "risk_factors", if_below("egfr", "30")),
    ),
    decision_rules=(
        decision_rule("R00", (0,), LEVELS, None, not_covered="Nothing is low."),
        decision_rule("R10", (1,), LEVELS[:2], "WATCH"),
        decision_rule("R11", (1,), LEVELS[2:4], "TREAT"),
        decision_rule("R20", (2,), LEVELS[:4], "TREAT", surgery=(False,)),
        decision_rule(
            "R21",
            (2,),
            LEVELS[:4],
            "TREAT",
            surgery=(True,),
            consult_at_least=ConsultLevel.STAT,
            adds_procedure_target=True,
        ),
        decision_rule("R30", (1, 2), LEVELS[4:], "EMERGENCY"),
    ),
    branches=(
        Branch(
            key="WATCH",
            code="W",
            title="Watch",
            summary="Wait.",
            consult=ConsultLevel.NONE,
            stop_rule="Never.",
            orders=(
                line("W_COUNT", OrderKind.OTHER, Role.REQUIRED),
                line("W_IVIG", OrderKind.IVIG, Role.OFFERED, "F_IVIG"),
            ),
            basis=BASIS,
        ),
        Branch(
            key="TREAT",
            code="T",
            title="Treat",
            summary="Give both.",
            consult=ConsultLevel.SAME_DAY,
            targets=(
                CountTarget(platelets_per_ul=20, text="Twenty"),
                CountTarget(platelets_per_ul=30, text="Thirty", when=if_any("bleeding_sites", "cns")),
            ),
            stop_rule="Stop at twenty.",
            orders=TREAT_LINES,
            basis=BASIS,
        ),
        Branch(
            key="EMERGENCY",
            code="E",
            title="Emergency",
            summary="Give all.",
            consult=ConsultLevel.STAT,
            uses_procedure_target=True,
            stop_rule="When it stops.",
            orders=(
                line("E_IVIG", OrderKind.IVIG, Role.REQUIRED, "F_EVEN"),
                line("E_PLATELETS", OrderKind.PLATELETS, Role.REQUIRED, "F_PLATELETS"),
            ),
            basis=BASIS,
        ),
    ),
    regimens=REGIMENS,
    weight_policies=(
        adjusting("ADJUSTED"),
        adjusting(
            "STRICT",
            bmi_at_threshold_counts=False,
            minimum_weight_kg_female=D(40),
            minimum_weight_kg_male=D(50),
        ),
        adjusting(
            "EVERYBODY", bmi_threshold=None, adjusts_in_pregnancy=False, uses_pre_pregnancy_weight=False
        ),
        policy("ACTUAL", uses_pre_pregnancy_weight=False),
    ),
    products=(
        product("P10", "10", "5", "10", "20", "40"),
        product(
            "P5",
            "5",
            "2.5",
            "10",
            stabilisers=("maltose",),
            iga_depleted=True,
            withdrawn_after="one day",
            labels=(ProductLabel(jurisdiction="Elsewhere", itp_labelled=True, dose_text="as told"),),
        ),
    ),
    product_preferences=(
        ProductPreference(
            key="LABELLED", text="labelled", when=if_is("product_itp_labelled", "true"), basis=BASIS
        ),
        ProductPreference(
            key="DENSE", text="dense", when=if_from("product_concentration_percent", "10"), basis=BASIS
        ),
    ),
    access_plans=(
        access("APART", (IVIG,), (PLATELETS, STEROID), when=if_from("venous_lines", "2")),
        access("URGENT", (PLATELETS, STEROID, IVIG), when=if_is("bleeding_level", "life_threatening")),
        access("IN_TURN", (STEROID, IVIG, PLATELETS)),
    ),
    procedure_targets=tuple(
        ProcedureTarget(key=key, label=key.lower(), platelets_per_ul=count, text="As told.", basis=BASIS)
        for key, count in (("BIG", 15), ("SMALL", 5))
    ),
    repeat_rules=(
        RepeatRule(key="REPEAT", branches=("TREAT",), earliest_hours=20, conditions="If low.", basis=BASIS),
    ),
    gates=(
        gate("CLUMPS", if_is("clumps", "true"), consult=ConsultLevel.INFO),
        gate(
            "TTP",
            if_is("ttp_suspected", "true"),
            stops_life_threatening=True,
            ivig=ArmEffect.HAEMATOLOGY_ONLY,
            corticosteroid=ArmEffect.NOT_AUTOMATIC,
            consult=ConsultLevel.STAT,
        ),
        gate(
            "DRUG",
            if_is("causative_drug", "true"),
            stops=False,
            platelets=ArmEffect.AS_BRANCH,
            consult=ConsultLevel.STAT,
        ),
    ),
    safety_rules=(
        safety_rule(
            "S_REACTION",
            Severity.HARD_NAMED,
            (
                (
                    ask("immunoglobulin_reaction", Comparator.IS, "true"),
                    ask("order_kinds", Comparator.INCLUDES_ANY, "ivig"),
                ),
            ),
            (EffectKind.HOLD_LINES, "ivig"),
            (EffectKind.RAISE_CONSULT, "stat"),
        ),
        safety_rule(
            "S_KIDNEY",
            Severity.WARNING,
            if_any("renal_risk_factors", "diabetes"),
            (EffectKind.AT_RISK_RATE, ""),
        ),
        safety_rule("S_COURSE", Severity.HARD, ((ask("ivig_course_g_per_kg", Comparator.ABOVE, "2"),),)),
        safety_rule("S_EARLY", Severity.HARD, if_is("repeat_too_early", "true")),
        safety_rule("S_LABEL", Severity.INFORMATION, if_is("product_itp_labelled", "false")),
        safety_rule("S_CONSENT", Severity.WARNING, ((ask("consent", Comparator.UNKNOWN),),)),
    ),
    override_reasons=(OverrideReason(key="R_OTHER", text="Other", needs_comment=True, basis=BASIS),),
    extra_orders=(),
    screening_items=(
        ScreeningItem(
            key="SAMPLE",
            title="A sample",
            order_text="Take a sample",
            due_text="Before the first line.",
            kinds=(OrderKind.IVIG,),
            when=if_is("first_ivig", "true"),
            done_when=((ask("iga_g_per_l", Comparator.KNOWN),),),
            waits_when=if_is("clumps", "false"),
            changes=(ResultChange(result="Low", change="Another product."),),
            basis=BASIS,
        ),
    ),
    monitoring_items=tuple(
        MonitoringItem(
            key=key,
            title=key,
            measured="something",
            unit="things",
            anchor="T0",
            due_minutes=10,
            window_minutes=10,
            due_text="After ten minutes.",
            rule=rule,
            kinds=kinds,
            when=when,
            is_follow_up=is_follow_up,
            basis=BASIS,
        )
        for key, rule, kinds, when, is_follow_up in (
            ("M_ALL", "R_ANY", (), (), False),
            ("M_IVIG", "R_ANY", (OrderKind.IVIG,), (), False),
            ("M_DIABETES", "R_ANY", (OrderKind.IVIG,), if_any("renal_risk_factors", "diabetes"), False),
            # For no treatment of these lines, so that it stands in no answer.
            ("M_LATE", "COUNT_LATE", (OrderKind.CONSULT,), (), False),
            ("VIT-AGAIN", "R_ANY", (), (), True),
            ("PROMISED", "R_ANY", (), (), True),
        )
    ),
    result_rules=(
        ResultRule(
            key="R_ANY",
            title="Anything",
            group=CheckGroup.OTHER,
            asks=("is_done",),
            needs=("is_done",),
            basis=BASIS,
        ),
        ResultRule(
            key="COUNT_LATE",
            title="Count in the weeks after",
            group=CheckGroup.PLATELET_RESPONSE,
            asks=("platelets_per_ul",),
            needs=("platelets_per_ul",),
            basis=BASIS,
        ),
    ),
    parameters=(
        parameter("pump_rate_step_ml_per_h", "0.5"),
        parameter("ivig_day_limit_g_per_kg", "1"),
        parameter("ivig_course_limit_g_per_kg", "2"),
        parameter("first_exposure_max_ml_per_kg_per_h", "3"),
        parameter("first_exposure_gap_hours", "100"),
        parameter("observe_before_start_minutes", "40"),
        parameter("observe_after_start_minutes", "10"),
        parameter("observe_even_rate_minutes", "20"),
        parameter("observe_plateau_minutes", "50"),
        parameter("observe_plateau_at_risk_minutes", "25"),
        parameter("observe_after_end_from_minutes", "20"),
        parameter("observe_after_end_to_minutes", "40"),
        parameter("observed_until_new_exposure_minutes", "90"),
        parameter("observed_until_same_brand_minutes", "35"),
        parameter("restart_share_of_last_tolerated_rate", "0.25"),
        parameter("restart_settled_minutes", "17"),
        parameter("adrenaline_mg_per_kg", "0.02"),
        parameter("adrenaline_max_mg", "1.1"),
        parameter("adrenaline_repeat_minutes", "7"),
        parameter("overload_limit_ml_per_kg", "8"),
        parameter("overload_window_minutes", "200"),
        parameter("count_after_platelets_from_minutes", "5"),
        parameter("count_after_platelets_to_minutes", "25"),
        parameter("count_after_start_minutes", "700"),
    ),
    texts=(
        text("consult_info", Topic.CONSULT),
        text("consult_same_day", Topic.CONSULT),
        text("consult_stat", Topic.CONSULT),
        text("conflict", Topic.CONFLICT, if_is("aetiology", "primary_itp")),
    ),
    plausible_ranges=tuple(
        plausible(quantity, unit)
        for quantity, unit in (
            (Quantity.AMOUNT_PER_KG, "g"),
            (Quantity.AMOUNT_PER_KG, "mg"),
            (Quantity.AMOUNT_PER_PATIENT, "mg"),
            (Quantity.AMOUNT_PER_PATIENT, "pack"),
            (Quantity.CAP, "mg"),
            (Quantity.INTERVAL, "hours"),
            (Quantity.DURATION, "days"),
            (Quantity.INFUSION_TIME, "minutes"),
            (Quantity.CONCENTRATION, "percent"),
            (Quantity.VIAL, "g"),
            (Quantity.INFUSION_RATE, "mL per kg per h"),
            (Quantity.COUNT_TARGET, "per microlitre"),
            (Quantity.GRADE_BORDER, "per microlitre"),
            (Quantity.EARLIEST_REPEAT, "hours"),
        )
    ),
    cases=(
        case("USUAL", {"platelets_per_ul": 5, **ANSWERED}, branch="TREAT"),
        case("SMALL", {"weight_kg": "30"}, starts_from="USUAL", branch="TREAT"),
    ),
)

KNOWN: dict[str, Any] = {
    "platelets_per_ul": 5,
    "bleeding_level": "active",
    "bleeding_sites": ("other",),
    "bleeding_findings": (),
    "who_bleeding_grade": 2,
    "urgent_surgery": False,
    "rapid_rise": False,
    "clumps": False,
    "ttp_suspected": False,
    "causative_drug": False,
    "age_years": 30,
    "sex": "male",
    "pregnant": False,
    "weight_kg": D(60),
    "height_cm": D(180),
    "first_ivig": False,
    "hours_since_last_ivig": D(50),
    "ivig_last_7_days_g_per_kg": D(0),
    "immunoglobulin_reaction": False,
    "creatinine_umol_per_l": D(80),
    "renal_risk_factors": (),
    "consent": "recorded",
    "aetiology": "secondary_itp",
}


def patient(**changes: Any) -> Facts:
    """A grown patient of whom all that the small protocol asks is known, with changes."""
    return Facts(**KNOWN | changes)


def sound_protocol(**changes: Any) -> Protocol:
    return replace(PROTOCOL, **changes)
